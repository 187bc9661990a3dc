//! Integers and tuples that are made to have one hash, which makes the dicts and sets that they are put into slow.
//!
//! Which integers those are is not known beforehand, and a stream may have any number of others between them. So hashes are
//! counted by the rule of Misra and Gries: where there is no room for another one, each that is there is counted one less,
//! and those that come to nothing go. For each 30,000 integers a hash may be counted once too few, and never once too many.

use brinery::policy::residues::{MODULUS, reduced, signed};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;

/// How many different integers may have one hash.
pub(crate) const MOST: u32 = 1000;
/// How many hashes are counted at a time: as many as a table of 2^16 places takes.
const ROOM: usize = 7 << 13;

/// What is known of a hash.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The mark of the first that had it, which may come again and again.
    first: u32,
    /// How often others had it.
    others: u32,
    /// Bits for the marks that there have been: those of others may come again and again, too.
    marks: u64,
}

/// How many times a bit of the marks stands for another one: all of them are set by some hundred.
const EACH: u32 = MOST.div_ceil(u64::BITS);

/// Counts hashes.
#[derive(Debug, Default)]
pub(crate) struct Collisions {
    seen: HashMap<u64, Seen, RandomState>,
    /// Whether any of them was there for more than one integer.
    met: bool,
}

impl Collisions {
    /// Counts an integer, and says how many others of its hash there have been.
    pub(crate) fn count_int(&mut self, value: i64) -> u32 {
        let size = value.unsigned_abs();
        // Those that have the same hash differ in the quotient.
        self.count(signed(size % MODULUS, value < 0), (size / MODULUS) as u32)
    }

    /// The same for one that is given as little-endian two's complement.
    pub(crate) fn count_long(&mut self, bytes: &[u8]) -> u32 {
        let negative = bytes.last().is_some_and(|&top| top >= 0x80);
        let flip = if negative { 0xff } else { 0 };
        let mut hash = 0;
        for part in bytes.rchunks(7) {
            let number = part.iter().rev().fold(0, |number, byte| number << 8 | u64::from(byte ^ flip));
            hash = reduced(u128::from(hash) << (8 * part.len()) | u128::from(number));
        }
        let hash = reduced(u128::from(hash) + u128::from(negative));
        let first = self.seen.hasher().hash_one(bytes) as u32;
        self.count(signed(hash, negative), first)
    }

    /// The same for one that is given in decimal digits.
    pub(crate) fn count_digits(&mut self, digits: &[u8], negative: bool) -> u32 {
        let add = |hash, digit: &u8| reduced(u128::from(hash) * 10 + u128::from(digit.wrapping_sub(b'0')));
        let hash = digits.iter().fold(0, add);
        let first = self.seen.hasher().hash_one(digits) as u32;
        self.count(signed(hash, negative), first)
    }

    /// Counts what has a hash, and a mark that tells it from others of the same hash.
    pub(crate) fn count(&mut self, hash: u64, first: u32) -> u32 {
        if self.seen.len() >= ROOM && !self.seen.contains_key(&hash) && !self.make_room() {
            return MOST;
        }
        let mark = 1 << (self.seen.hasher().hash_one(first) >> (u64::BITS - 6));
        match self.seen.entry(hash) {
            Entry::Occupied(mut entry) => {
                let seen = entry.get_mut();
                seen.others += u32::from(seen.first != first);
                seen.marks |= mark;
                self.met |= seen.others > 0;
                seen.others.min(seen.marks.count_ones() * EACH)
            }
            Entry::Vacant(entry) => {
                entry.insert(Seen { first, others: 0, marks: mark });
                0
            }
        }
    }

    /// Counts all one less; whether that makes room. If most of them have been there for more than one integer, these have
    /// been chosen for it.
    #[cold]
    fn make_room(&mut self) -> bool {
        if !self.met {
            self.seen.clear();
            return true;
        }
        self.seen.retain(|_, seen| {
            seen.others = seen.others.saturating_sub(1);
            seen.others > 0
        });
        let room = self.seen.len() <= ROOM / 2;
        if !room {
            self.seen.clear();
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_one_hash_are_counted_however_they_are_written() {
        let mut collisions = Collisions::default();
        let modulus = i64::try_from(MODULUS).unwrap();
        assert_eq!(
            [5, 5, 5 + modulus, 5, 5 + 2 * modulus].map(|it| collisions.count_int(it)),
            [0, 0, 1, 1, 2]
        );
        assert_eq!(collisions.count_int(-5), 0, "the sign is part of the hash");
        // (2 ** 61 - 1) * 2 ** 80 + 5 and its negative.
        let mut long = (i128::from(modulus) << 40).to_le_bytes().to_vec();
        long.splice(0..0, [5, 0, 0, 0, 0]);
        assert_eq!(collisions.count_long(&long), 3);
        let mut negative: Vec<u8> = long.iter().map(|byte| !byte).collect();
        negative[0] += 1;
        assert_eq!(collisions.count_long(&negative), 1);
        assert_eq!(collisions.count_digits(b"2305843009213693956", false), 4);
        assert_eq!(collisions.count_digits(b"2305843009213693956", true), 2);
    }

    #[test]
    fn others_between_them_hide_nothing() {
        let mut collisions = Collisions::default();
        let mut seed = 1u64;
        let mut most = 0;
        for n in 0..1_500_000u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let any = ((seed ^ seed >> 29) >> 1) as i64;
            assert_eq!(collisions.count_int(any), 0, "{n}");
            if n % 1000 == 0 {
                let long = (u128::from(MODULUS) * (u128::from(n) << 40) + 7).to_le_bytes();
                most = most.max(collisions.count_long(&long));
            }
        }
        assert!((MOST..1500).contains(&most), "{most}");
        assert!(collisions.seen.len() <= ROOM);
    }

    #[test]
    fn very_many_pairs_are_told_and_take_no_more_memory() {
        let mut collisions = Collisions::default();
        let modulus = i64::try_from(MODULUS).unwrap();
        let mut told = 0;
        for hash in 0..200_000 {
            for times in 0..3 {
                told += u32::from(collisions.count_int(hash + times * modulus) >= MOST);
            }
        }
        assert!(told > 0);
        assert!(collisions.seen.len() <= ROOM);
    }
}
