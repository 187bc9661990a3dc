//! Tuples and frozensets whose hashes may have been chosen.
//!
//! The hash of a tuple is made of the hashes of its items. Some of these are alike, as those of -1 and -2 are, and large ones make up
//! for anything. That of a frozenset is what its elements' are when they are put together bit by bit, so that small ones do for it
//! as well. What text comes to nobody knows, but it is the same for the same text, and nothing where there is none.

use super::Facts;
use crate::fact::{Fact, Kind, Sort};
use crate::shelf::Shelf;
use brinery::policy::residues::{MODULUS, reduced, signed};
use foldhash::fast::FixedState;
use std::hash::BuildHasher;

/// The constants of the interpreter's hash of tuples, which is xxHash's without its end.
const FIRST: u64 = 11_400_714_785_074_694_791;
const SECOND: u64 = 14_029_467_366_897_019_727;
const FIFTH: u64 = 2_870_177_450_012_600_261;
const LENGTH: u64 = 0x0035_d373;

/// The constants of its hash of frozensets.
const ELEMENT: u64 = 3_644_798_167;
const BITS: u64 = 89_869_747;
const COUNT: u64 = 1_927_868_237;

/// How much of a text tells it from others.
const TEXT: usize = 64;
/// How many items are looked at that are in tuples within a tuple.
const MOST: u32 = 256;
/// From what size on an integer may have been chosen for its hash.
const LARGE: u64 = 1 << 31;

/// What an item adds to the hash of a tuple, and what tells it from others that add the same.
type Lane = (u64, u64);

/// What the last tuples add to those that they are in, by their places: tuples within tuples need not be walked for each.
pub(super) struct LastLanes([(u64, Lane); LAST]);

/// How many tuples are remembered.
const LAST: usize = 64;

impl LastLanes {
    pub(super) fn new() -> Self {
        // No tuple has this place.
        LastLanes([(u64::MAX, (0, 0)); LAST])
    }

    fn put(&mut self, place: u64, lane: Lane) {
        self.0[Shelf::start(place) as usize % LAST] = (place, lane);
    }

    fn get(&self, place: u64) -> Option<Lane> {
        let (there, lane) = self.0[Shelf::start(place) as usize % LAST];
        (there == place).then_some(lane)
    }
}

impl Facts<'_, '_> {
    /// Takes note of a tuple that is made of these and kept at a place.
    #[inline(always)]
    pub(super) fn heed_tuple(&mut self, items: &[Fact], place: u64) {
        if items.iter().any(may_be_chosen) {
            self.count_tuple(items, place);
        }
    }

    #[inline(never)]
    fn count_tuple(&mut self, items: &[Fact], place: u64) {
        // With one number among texts that are there, each number makes a hash of its own.
        let (mut numbers, mut alike) = (0, 0);
        for item in items {
            match item.kind {
                Kind::Int(-1 | -2) => alike += 1,
                Kind::Plain(Sort::Float(bytes)) if is_alike(bytes) => alike += 1,
                Kind::Text(_) | Kind::Hook(_) => {
                    numbers += usize::from(items.len() > 2 && self.lane(item, &mut 0).0 == 0);
                }
                Kind::Tuple(_) | Kind::Frozen(_) => numbers += 2,
                _ => numbers += 1,
            }
        }
        if numbers + alike < 2 || alike == 1 && numbers == 1 {
            return;
        }
        let (hash, mark) = self.lanes(items, &mut { MOST });
        self.last_lanes.put(place, (hash, mark));
        let others = self.tuples.count(hash, mark as u32);
        self.heed_collisions(others, "tuples");
    }

    /// What a frozenset of these elements is; takes note of it.
    pub(super) fn frozen(&mut self, items: &[Fact]) -> Kind {
        let is_number = |item: &&Fact| !matches!(item.kind, Kind::Text(_) | Kind::Hook(_) | Kind::Bytes(_));
        let numbers = items.iter().filter(is_number).count();
        if numbers == 0 {
            return Kind::Set;
        }
        let mut left = MOST;
        let mut lanes: Vec<Lane> = items.iter().map(|item| self.lane(item, &mut left)).collect();
        // What is there twice is one element.
        lanes.sort_unstable();
        lanes.dedup();
        let (mut hash, mut mark) = ((lanes.len() as u64 + 1).wrapping_mul(COUNT), lanes.len() as u64);
        for &(lane, own) in &lanes {
            hash ^= ((lane ^ BITS) ^ lane << 16).wrapping_mul(ELEMENT);
            mark = mark.wrapping_add(mixed(own, lane));
        }
        hash ^= hash >> 11 ^ hash >> 25;
        hash = hash.wrapping_mul(69_069).wrapping_add(907_133_923);
        if hash == u64::MAX {
            hash = 590_923_713;
        }
        // With one number among texts that are there, each number makes a hash of its own.
        if numbers > 1 {
            let others = self.tuples.count(hash, mixed(mark, 0) as u32);
            self.heed_collisions(others, "frozensets");
        }
        Kind::Frozen(hash)
    }

    pub(super) fn lanes(&self, items: &[Fact], left: &mut u32) -> Lane {
        let (mut hash, mut mark) = (FIFTH, items.len() as u64);
        for item in items {
            let (lane, own) = self.lane(item, left);
            hash = hash.wrapping_add(lane.wrapping_mul(SECOND)).rotate_left(31).wrapping_mul(FIRST);
            mark = (mark ^ own).wrapping_mul(SECOND).rotate_left(29);
        }
        (hash.wrapping_add(items.len() as u64 ^ FIFTH ^ LENGTH), mark)
    }

    pub(super) fn lane(&self, item: &Fact, left: &mut u32) -> Lane {
        let known = |text: &[u8]| match text {
            [] => (0, 0),
            text => {
                let hash = FixedState::default().hash_one(text);
                (hash, hash)
            }
        };
        match item.kind {
            Kind::Int(value) => (of_number(signed(value.unsigned_abs() % MODULUS, value < 0)), value as u64),
            Kind::Plain(Sort::Bool(value)) => (u64::from(value), u64::from(value)),
            Kind::Text(at) | Kind::Hook(at) | Kind::Bytes(at) => known(&self.literal(at, TEXT)),
            Kind::Decoded(index) => {
                known(self.decoded.get(index as usize).map_or(&[], |text| text.as_bytes()))
            }
            Kind::Plain(Sort::Float(bytes)) => {
                let value = f64::from_ne_bytes(bytes);
                // What is equal is one key.
                let whole = value.fract() == 0.0 && value.abs() < 9e18;
                (hash_of_float(value), if whole { value as i64 as u64 } else { value.to_bits() })
            }
            Kind::Tuple(place) => self.last_lanes.get(place).unwrap_or_else(|| match self.shelf.get(place) {
                Some((items, true)) if *left >= items.len() as u32 => {
                    *left -= items.len() as u32;
                    self.lanes(&items, left)
                }
                _ => (place, place),
            }),
            Kind::Frozen(hash) => (hash, hash),
            // Of others it is not known which are the same: none are taken for it.
            _ => (FIFTH, FIFTH),
        }
    }
}

/// One number for two that tell something from others.
pub(super) fn mixed(a: u64, b: u64) -> u64 {
    (a ^ b.rotate_left(32)).wrapping_mul(SECOND).rotate_left(29).wrapping_mul(FIRST)
}

/// The hash of a number that would have this one: -1 is taken.
pub(super) fn of_number(hash: u64) -> u64 {
    if hash == u64::MAX { u64::MAX - 1 } else { hash }
}

/// Python's hash of a float: that of the number that it is.
pub(super) fn hash_of_float(value: f64) -> u64 {
    if !value.is_finite() {
        return if value.is_nan() { 0 } else { of_number(signed(314_159, value < 0.0)) };
    }
    let bits = value.abs().to_bits();
    let (power, digits) = (bits >> 52, bits & ((1 << 52) - 1));
    let (power, digits) = if power == 0 { (1, digits) } else { (power, digits | 1 << 52) };
    // Two to the 61st is one.
    let turns = (i64::try_from(power).unwrap_or_default() - 1075).rem_euclid(61) as u32;
    of_number(signed(reduced(u128::from(digits) << turns), value < 0.0))
}

/// Whether a float is one of the two negative ones of one hash.
fn is_alike(bytes: [u8; 8]) -> bool {
    let bits = u64::from_ne_bytes(bytes);
    bits == (-1f64).to_bits() || bits == (-2f64).to_bits()
}

/// Whether an item makes hashes that can be chosen.
#[inline(always)]
fn may_be_chosen(item: &Fact) -> bool {
    match item.kind {
        Kind::Int(value) => matches!(value, -1 | -2) || value.unsigned_abs() >= LARGE,
        // Those of usual sizes have hashes that are too many to be chosen among.
        Kind::Plain(Sort::Float(bytes)) => {
            is_alike(bytes) || !(1e-6..1e9).contains(&f64::from_ne_bytes(bytes).abs())
        }
        Kind::Tuple(_) | Kind::Frozen(_) => true,
        _ => false,
    }
}
