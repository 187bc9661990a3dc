//! The items of the tuples that were made last: what a call's arguments are.

use crate::fact::Fact;

/// How many items are kept of one tuple.
const ITEMS: usize = 16;
/// How many items are kept in all: a power of two.
const ROOM: usize = 1 << 15;

/// A ring of items. A tuple that was made too long ago is not known any more.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    ring: Vec<Fact>,
    /// How many items have been put here in all.
    next: u64,
}

/// Where a tuple's items are: the position and the count in one number.
const COUNT_BITS: u32 = 16;

impl Shelf {
    /// Keeps items and returns their place.
    #[inline]
    pub(crate) fn put(&mut self, items: &[Fact]) -> u64 {
        let place = self.next << COUNT_BITS | items.len().min((1 << COUNT_BITS) - 1) as u64;
        for item in &items[..items.len().min(ITEMS)] {
            let slot = self.next as usize & (ROOM - 1);
            if slot < self.ring.len() {
                self.ring[slot] = *item;
            } else {
                self.ring.push(*item);
            }
            self.next += 1;
        }
        place
    }

    /// How many items a tuple has.
    pub(crate) fn len(place: u64) -> usize {
        (place & ((1 << COUNT_BITS) - 1)) as usize
    }

    /// The first items of a tuple, and whether these are all; `None` if they are gone.
    pub(crate) fn get(&self, place: u64) -> Option<(Vec<Fact>, bool)> {
        let (start, len) = (place >> COUNT_BITS, Self::len(place));
        if start + (ROOM as u64) < self.next {
            return None;
        }
        let kept = len.min(ITEMS);
        let items = (0..kept as u64)
            .map(|at| self.ring.get((start + at) as usize & (ROOM - 1)).copied())
            .collect::<Option<Vec<_>>>()?;
        Some((items, kept == len))
    }
}
