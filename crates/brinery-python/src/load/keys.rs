//! Short keys of dicts, which are the same in one message after the other.
//!
//! A key that an earlier load has made is handed out once more, with its hash. Within a load that happens once: keys that
//! were different objects when they were saved still are when they are loaded.

use crate::ffi::{Owned, Result, text};

/// How many keys are kept.
const KEPT: usize = 256;
/// How long they may be, in bytes. Those of one character are the interpreter's own.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=32;
/// How many texts of one load are looked at: where there are many, its keys are seldom those of another load, or few.
const PER_LOAD: u32 = 64;

/// Keys of earlier loads.
#[derive(Default)]
pub(crate) struct Keys {
    table: Vec<Option<Key>>,
    /// The number of the load.
    load: u64,
    /// How many more of its texts are looked at.
    left: u32,
}

struct Key {
    text: Owned,
    /// The load that it was handed out in last.
    load: u64,
}

impl Keys {
    /// Begins a load.
    #[inline(always)]
    pub(super) fn begin(&mut self) {
        self.load += 1;
        self.left = PER_LOAD;
    }

    /// Whether a text of this length is looked at, and looked for if it is a key.
    #[inline(always)]
    pub(super) fn takes(&mut self, len: usize) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        LENGTHS.contains(&len)
    }

    /// The key with this text, made anew if there is none to hand out.
    #[inline]
    pub(super) fn get(&mut self, key: &[u8], make: impl FnOnce() -> Result<Owned>) -> Result<Owned> {
        let place = place(key);
        if let Some(Some(known)) = self.table.get_mut(place)
            && text::ascii(known.text.as_ref()) == Some(key)
        {
            if known.load == self.load {
                return make();
            }
            known.load = self.load;
            return Ok(known.text.clone());
        }
        let made = make()?;
        if text::ascii(made.as_ref()).is_some() {
            self.table.resize_with(KEPT, || None);
            self.table[place] = Some(Key { text: made.clone(), load: self.load });
        }
        Ok(made)
    }
}

/// Where a key has its place, by its ends and its length.
#[inline(always)]
fn place(key: &[u8]) -> usize {
    let ends = if let (Some(head), Some(tail)) = (key.first_chunk::<8>(), key.last_chunk()) {
        u64::from_le_bytes(*head) ^ u64::from_le_bytes(*tail).rotate_left(29)
    } else if let (Some(head), Some(tail)) = (key.first_chunk::<4>(), key.last_chunk()) {
        u64::from(u32::from_le_bytes(*head)) << 32 | u64::from(u32::from_le_bytes(*tail))
    } else {
        key.iter().fold(0, |ends, &byte| ends << 8 | u64::from(byte))
    };
    let mixed = (ends ^ key.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as usize % KEPT
}
