//! The work of hashing keys.

use super::Examiner;
use crate::error::{Error, Result};
use crate::policy::rule::Rule;
use crate::value::{Id, Kind, Value};

impl Examiner<'_, '_> {
    /// How many objects are looked at when this one is hashed.
    #[inline(always)]
    pub(super) fn size(&self, id: Id) -> u64 {
        match self.value(id).kind() {
            Kind::Tuple | Kind::FrozenSet | Kind::Instance => self.noted_size(id),
            _ => 1,
        }
    }

    #[inline(always)]
    pub(super) fn noted_size(&self, id: Id) -> u64 {
        match self.sizes.get(id) {
            u32::MAX => self.large.get(&id).copied().unwrap_or(u64::MAX),
            size => u64::from(size.max(1)),
        }
    }

    #[inline(always)]
    pub(super) fn set_size(&mut self, id: Id, size: u64) {
        let small = u32::try_from(size).unwrap_or(u32::MAX);
        self.sizes.insert(id, small);
        if small == u32::MAX {
            self.large.insert(id, size);
        }
    }

    /// Notes how much work hashing an object is that holds these.
    #[inline(always)]
    pub(super) fn note_size(&mut self, id: Id, parts: impl IntoIterator<Item = Id>) {
        let size = parts.into_iter().fold(1u64, |sum, part| sum.saturating_add(self.size(part)));
        if size > 1 {
            self.set_size(id, size);
        }
    }

    /// Pays for the hashing of keys.
    #[inline(always)]
    pub(in crate::policy) fn hash(&mut self, keys: impl IntoIterator<Item = Id>) -> Result<()> {
        for key in keys {
            let kind = self.value(key).kind();
            match kind {
                Kind::Tuple | Kind::FrozenSet | Kind::Instance => {
                    let holds = |item: Value<'_, '_>| {
                        matches!(item.kind(), Kind::Tuple | Kind::FrozenSet | Kind::Instance)
                    };
                    self.has_own_hashes |= kind == Kind::Instance || self.value(key).items().any(holds);
                    let size = self.noted_size(key);
                    match self.hash_work.checked_sub(size) {
                        Some(left) => self.hash_work = left,
                        None => return Err(Error::refused(Rule::BudgetHash, Rule::BudgetHash.meaning())),
                    }
                }
                Kind::List | Kind::Dict | Kind::Set | Kind::ByteArray => {
                    return Err(Error::refused(
                        Rule::Malformed,
                        format!("a {} cannot be a key", kind.name()),
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
