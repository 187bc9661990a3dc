//! The items of the tuples that were made last: what a call's arguments are.

use crate::fact::{Fact, Kind};

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

    /// How many items had been put before those of a tuple.
    pub(crate) fn start(place: u64) -> u64 {
        place >> COUNT_BITS
    }

    /// How many items a tuple has.
    pub(crate) fn len(place: u64) -> usize {
        (place & ((1 << COUNT_BITS) - 1)) as usize
    }

    /// How many items the tuple has that a value is.
    #[inline(always)]
    pub(crate) fn count(tuple: &Fact) -> Option<usize> {
        if let Kind::Tuple(place) = tuple.kind { Some(Self::len(place)) } else { None }
    }

    /// A number for one item of a tuple.
    pub(crate) fn key(place: u64, index: usize) -> u64 {
        place.wrapping_mul(ITEMS as u64).wrapping_add(index as u64)
    }

    /// The first items of a tuple, and whether these are all; `None` if they are gone.
    #[inline]
    pub(crate) fn get(&self, place: u64) -> Option<(Few, bool)> {
        let (start, len) = (Self::start(place), Self::len(place));
        if start + (ROOM as u64) < self.next {
            return None;
        }
        let kept = len.min(ITEMS);
        let from = start as usize & (ROOM - 1);
        let few = self.ring.get(from..).and_then(|items| items.first_chunk::<FEW>()).filter(|_| kept <= FEW);
        if let Some(items) = few {
            return Some((Few::Here(*items, kept), kept == len));
        }
        let items = match self.ring.get(from..from + kept) {
            Some(items) => Few::from(items),
            // They go on at the beginning of the ring.
            None => {
                let (end, rest) = (self.ring.get(from..)?, (from + kept).checked_sub(ROOM)?);
                Few::from(&[end, self.ring.get(..rest)?].concat()[..])
            }
        };
        Some((items, kept == len))
    }
}

/// How many items are kept where they are.
const FEW: usize = 4;

/// Some items: without memory of their own, if they are few.
#[derive(Clone, Debug)]
pub(crate) enum Few {
    Here([Fact; FEW], usize),
    There(Vec<Fact>),
}

impl Default for Few {
    fn default() -> Self {
        Few::There(Vec::new())
    }
}

impl From<&[Fact]> for Few {
    #[inline]
    fn from(items: &[Fact]) -> Self {
        if items.len() > FEW {
            return Few::There(items.to_vec());
        }
        let mut here = [Fact::new(Kind::PLAIN); FEW];
        here[..items.len()].copy_from_slice(items);
        Few::Here(here, items.len())
    }
}

impl std::ops::Deref for Few {
    type Target = [Fact];

    #[inline]
    fn deref(&self) -> &[Fact] {
        match self {
            Few::Here(items, len) => &items[..*len],
            Few::There(items) => items,
        }
    }
}
