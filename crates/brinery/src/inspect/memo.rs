//! Memo indexes as the inspecting tools see them.

use super::argument::ArgumentValue;
use num_bigint::BigInt;
use std::collections::{HashMap, HashSet};

/// A memo index. Written in text, it can be any integer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MemoKey {
    /// An integer of up to 64 bits.
    Small(i64),
    /// An integer beyond that.
    Big(BigInt),
}

impl MemoKey {
    /// The index that an argument says, if it is a number.
    ///
    /// ```
    /// use brinery::inspect::{ArgumentValue, MemoKey};
    ///
    /// assert_eq!(MemoKey::of(&ArgumentValue::Int(7)), Some(MemoKey::Small(7)));
    /// assert_eq!(MemoKey::of(&ArgumentValue::None), None);
    /// ```
    pub fn of(argument: &ArgumentValue<'_>) -> Option<Self> {
        match argument {
            ArgumentValue::Bool(value) => Some(MemoKey::Small((*value).into())),
            ArgumentValue::Int(value) => Some(MemoKey::Small(*value)),
            ArgumentValue::BigInt(value) => Some(MemoKey::Big(value.clone())),
            _ => None,
        }
    }
}

/// Something for each memo index.
pub type MemoMap<V> = HashMap<MemoKey, V, foldhash::fast::RandomState>;

/// Some memo indexes.
pub(super) type MemoSet = HashSet<MemoKey, foldhash::fast::RandomState>;
