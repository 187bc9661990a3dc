//! The memo of a scan, in which almost every value takes two bytes.
//!
//! A stream may have a hundred million values in its memo, most of which are text whose offset is all that is known. The
//! first values are kept as they are: they are what is fetched most. Those after them are [lined up](Line) as long as
//! each is stored under the next index, as picklers do; else each takes a word of eight bytes.

use crate::fact::{Extra, Fact, Kind, Sort};
use crate::line::Line;
use crate::wanted::Wanted;
use brinery::read::Memo;
use std::cmp::Ordering;
use std::num::NonZeroU64;

/// How many values are kept as they are: those that `BINGET` reaches.
pub(crate) const NEAR: usize = 256;
/// How many codes a line may have before it is found out which of its values are going to be fetched.
const LARGE: usize = 4 << 20;

/// What is not packed is kept as it is: the word has its place.
const SPILLED: u64 = 1;
const PLAIN: u64 = 2;
const TEXT: u64 = 3;
const BYTES: u64 = 4;
const LIST: u64 = 5;
const DICT: u64 = 6;
const SET: u64 = 7;
const TUPLE: u64 = 8;
const GLOBAL: u64 = 9;
const MADE: u64 = 10;
/// How many bits say which of these it is.
const TAG: u32 = 4;

/// Puts numbers into a word, the last one lowest, each with how many bits it has; `None` if one has more.
#[inline(always)]
fn pack<const N: usize>(tag: u64, parts: [(u64, u32); N]) -> Option<NonZeroU64> {
    let mut word = 0;
    for (value, bits) in parts {
        if value >> bits != 0 {
            return None;
        }
        word = word << bits | value;
    }
    NonZeroU64::new(word << TAG | tag)
}

/// Takes the lowest number out of a word.
#[inline(always)]
fn take(word: &mut u64, bits: u32) -> u64 {
    let value = *word & ((1 << bits) - 1);
    *word >>= bits;
    value
}

/// A value in a word, if it fits.
#[inline(always)]
fn packed(fact: &Fact) -> Option<NonZeroU64> {
    let depth = u64::from(fact.depth);
    if fact.weight.to_bits() != 1f32.to_bits() && !matches!(fact.kind, Kind::Tuple(_) | Kind::Set) {
        return None;
    }
    // Small weights are whole numbers.
    let weight = fact.weight as u8;
    let weight = (f32::from(weight).to_bits() == fact.weight.to_bits()).then_some(u64::from(weight));
    match fact.kind {
        Kind::Text(at) if depth == 0 => pack(TEXT, [(at, 59), (0, 1)]),
        Kind::Hook(at) if depth == 0 => pack(TEXT, [(at, 59), (1, 1)]),
        Kind::Bytes(at) if depth == 0 => pack(BYTES, [(at, 60)]),
        // A float is what it is.
        Kind::Plain(Sort::Float(_)) => None,
        Kind::Plain(_) => pack(PLAIN, [(depth, 32)]),
        Kind::List => pack(LIST, [(depth, 32)]),
        Kind::Dict(id) => pack(DICT, [(id.into(), 32), (depth, 28)]),
        Kind::Set => pack(SET, [(depth, 32), (weight?, 8)]),
        Kind::Tuple(place) => {
            let (start, count) = (place >> 16, place & 0xffff);
            pack(TUPLE, [(start, 36), (count, 8), (depth, 8), (weight?, 8)])
        }
        Kind::Global(id) if depth == 0 => pack(GLOBAL, [(id.into(), 32)]),
        Kind::Made { global, extra: Extra::None } => pack(MADE, [(global.into(), 32), (depth, 28)]),
        _ => None,
    }
}

/// The memo.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct PackedMemo {
    /// The values at the first indexes.
    near: Vec<Option<Fact>>,
    /// Those after them, each under the next index.
    line: Line,
    /// Those of them that are going to be fetched, once the others were forgotten.
    kept: Option<Kept>,
    /// All after the first, once they do not line up.
    words: Words,
    /// What is kept of these.
    wanted: Option<Wanted>,
    /// Whether those after the first are not all in the line any more.
    scattered: bool,
    /// Whether it has been found out what is going to be fetched.
    asked: bool,
    /// Whether values were forgotten so that it is not known any more how many there are.
    uncounted: bool,
    /// Whether something was forgotten that matters.
    misses: bool,
    len: usize,
}

/// The values that are going to be fetched, of those after the first.
#[derive(Debug)]
struct Kept {
    /// Their indexes, in the stream.
    wanted: Wanted,
    /// Those that there are.
    line: Line,
    /// The next index, after the first.
    next: u64,
}

impl Kept {
    /// Stores a value; whether there was one before, or `None` if it does not line up.
    fn insert(&mut self, far: u64, fact: &Fact) -> Option<bool> {
        let index = far + NEAR as u64;
        let stored = match far.cmp(&self.next) {
            Ordering::Greater => return None,
            Ordering::Equal => !self.wanted.contains(index) || self.line.push(fact, false),
            Ordering::Less => match self.wanted.rank(index) {
                Some(rank) => {
                    self.line.interrupt();
                    self.line.replace(rank, fact)
                }
                None => true,
            },
        };
        let before = far < self.next;
        if stored {
            self.next = self.next.max(far + 1);
        }
        stored.then_some(before)
    }

    fn get(&self, far: u64) -> Option<Fact> {
        self.line.get(self.wanted.rank(far + NEAR as u64)?)
    }
}

impl PackedMemo {
    /// Whether the line takes so much memory that it is worth while to find out what is going to be fetched.
    #[inline(always)]
    pub(crate) fn is_large(&self) -> bool {
        !self.asked && (self.line.codes() > LARGE || self.scattered && self.len > LARGE / 4)
    }

    /// Whether something was forgotten that matters.
    pub(crate) fn misses(&self) -> bool {
        self.misses
    }

    /// What was taken for that which is going to be fetched was something else.
    pub(crate) fn miss(&mut self) {
        self.misses |= self.kept.is_some() || self.wanted.is_some();
    }

    /// Forgets all values after the first but for these.
    pub(crate) fn keep(&mut self, wanted: Option<Wanted>) {
        self.asked = true;
        let Some(wanted) = wanted else { return };
        if self.scattered {
            let words = std::mem::take(&mut self.words);
            for index in wanted.iter() {
                if let Some(fact) = words.get(index - NEAR as u64) {
                    self.words.insert(index - NEAR as u64, &fact);
                }
            }
            self.wanted = Some(wanted);
            return;
        }
        let next = self.line.len();
        let line = std::mem::take(&mut self.line);
        let mut kept = Kept { wanted, line: Line::default(), next };
        let values = kept.wanted.iter().map_while(|index| line.get(index - NEAR as u64));
        let mut fits = true;
        for fact in values {
            fits &= kept.line.push(&fact, false);
        }
        if fits {
            (self.kept, self.scattered) = (Some(kept), true);
        } else {
            self.line = line;
        }
    }

    /// How many values are stored.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.len
    }

    /// Stores a value; whether there was one before. It may be the `fresh` text that was made last, if nothing was stored
    /// since.
    #[inline(always)]
    pub(crate) fn insert(&mut self, index: u64, fact: &Fact, fresh: bool) -> bool {
        let far = index.wrapping_sub(NEAR as u64);
        let before = if !self.scattered && far == self.line.len() && self.line.push(fact, fresh) {
            false
        } else {
            self.insert_anywhere(index, fact)
        };
        self.len += usize::from(!before);
        before
    }

    /// Stores a value at the next index.
    #[inline(always)]
    pub(crate) fn push(&mut self, fact: &Fact, fresh: bool) {
        // Which index that is depends on how many there are.
        self.misses |= self.uncounted;
        self.insert(self.len as u64, fact, fresh);
    }

    #[inline(never)]
    fn insert_anywhere(&mut self, index: u64, fact: &Fact) -> bool {
        self.line.interrupt();
        if index < NEAR as u64 {
            let index = index as usize;
            if index >= self.near.len() {
                self.near.resize(index + 1, None);
            }
            return self.near[index].replace(*fact).is_some();
        }
        let far = index - NEAR as u64;
        if let Some(kept) = &mut self.kept {
            if let Some(before) = kept.insert(far, fact) {
                return before;
            }
            if let Some(kept) = self.kept.take() {
                let indexes = kept.wanted.iter();
                for (index, fact) in indexes.zip(kept.line.iter()) {
                    self.words.insert(index - NEAR as u64, &fact);
                }
                self.wanted = Some(kept.wanted);
            }
        }
        if !self.scattered {
            if far < self.line.len() && self.line.replace(far, fact) {
                return true;
            }
            let line = std::mem::take(&mut self.line);
            for (far, fact) in line.iter().enumerate() {
                self.words.insert(far as u64, &fact);
            }
            self.scattered = true;
        }
        if self.wanted.as_mut().is_some_and(|wanted| !wanted.contains(index)) {
            self.uncounted = true;
            return false;
        }
        self.words.insert(far, fact)
    }

    /// The value at an index.
    #[inline(always)]
    pub(crate) fn get(&self, index: u64) -> Option<Fact> {
        if index < NEAR as u64 { *self.near.get(index as usize)? } else { self.get_far(index - NEAR as u64) }
    }

    #[inline(never)]
    fn get_far(&self, far: u64) -> Option<Fact> {
        match &self.kept {
            Some(kept) => kept.get(far),
            None if self.scattered => self.words.get(far),
            None => self.line.get(far),
        }
    }
}

/// Values at any indexes, a word for each.
#[derive(Debug, Default)]
struct Words {
    words: Memo<NonZeroU64>,
    /// What does not fit a word.
    spilled: Vec<Fact>,
    /// The places among those that are free again.
    free: Vec<usize>,
}

impl Words {
    /// Stores a value; whether there was one before.
    fn insert(&mut self, index: u64, fact: &Fact) -> bool {
        let word = match packed(fact) {
            Some(word) => word,
            None => self.spill(fact),
        };
        match self.words.insert(index, word) {
            Some(old) => {
                if old.get() & ((1 << TAG) - 1) == SPILLED {
                    self.free.push((old.get() >> TAG) as usize);
                }
                true
            }
            None => false,
        }
    }

    #[cold]
    fn spill(&mut self, fact: &Fact) -> NonZeroU64 {
        let place = match self.free.pop() {
            Some(place) => {
                self.spilled[place] = *fact;
                place
            }
            None => {
                self.spilled.push(*fact);
                self.spilled.len() - 1
            }
        };
        NonZeroU64::MIN | (place as u64) << TAG
    }

    /// The value at an index.
    fn get(&self, index: u64) -> Option<Fact> {
        let mut word = self.words.get(index)?.get();
        let mut fact = Fact::new(Kind::PLAIN);
        fact.kind = match take(&mut word, TAG) {
            TEXT => {
                let hook = take(&mut word, 1) != 0;
                if hook { Kind::Hook(word) } else { Kind::Text(word) }
            }
            BYTES => Kind::Bytes(word),
            PLAIN => {
                fact.depth = word as u32;
                Kind::PLAIN
            }
            LIST => {
                fact.depth = word as u32;
                Kind::List
            }
            DICT => {
                fact.depth = take(&mut word, 28) as u32;
                Kind::Dict(word as u32)
            }
            SET => {
                fact.weight = take(&mut word, 8) as f32;
                fact.depth = word as u32;
                Kind::Set
            }
            TUPLE => {
                fact.weight = take(&mut word, 8) as f32;
                fact.depth = take(&mut word, 8) as u32;
                let count = take(&mut word, 8);
                Kind::Tuple(word << 16 | count)
            }
            GLOBAL => Kind::Global(word as u32),
            MADE => {
                fact.depth = take(&mut word, 28) as u32;
                Kind::Made { global: word as u32, extra: Extra::None }
            }
            _ => return self.spilled.get(word as usize).copied(),
        };
        Some(fact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::CALL;
    use crate::fact::Outside;

    #[test]
    fn every_value_comes_out_as_it_went_in() {
        let kinds = [
            Kind::PLAIN,
            Kind::Int(-1),
            Kind::Hook((1 << 59) - 1),
            Kind::Text(1 << 59),
            Kind::Decoded(7),
            Kind::Bytes((1 << 60) - 1),
            Kind::Bytes(u64::MAX),
            Kind::List,
            Kind::Dict(u32::MAX),
            Kind::Set,
            Kind::Frozen(u64::MAX),
            Kind::Tuple(((1 << 36) - 1) << 16 | 255),
            Kind::Tuple(1 << 52 | 2),
            Kind::Tuple(3 << 16 | 0x12c),
            Kind::Global(u32::MAX),
            Kind::Module(1),
            Kind::Made { global: u32::MAX, extra: Extra::None },
            Kind::Made { global: 1, extra: Extra::ItemSize(8) },
            Kind::Bound,
            Kind::Result,
            Kind::Outside(Outside::Buffer),
        ];
        let mut memo = PackedMemo::default();
        let mut facts = Vec::new();
        for kind in kinds {
            for depth in [0, 1, 255, 256, (1 << 28) - 1, 1 << 28, u32::MAX] {
                for weight in [1.0, 3.0, 255.0, 256.0, 1e30] {
                    facts.push(Fact { kind, depth, weight });
                }
            }
        }
        for (index, fact) in facts.iter().enumerate() {
            assert!(!memo.insert(index as u64, fact, false));
        }
        for (index, fact) in facts.iter().enumerate() {
            let got = memo.get(index as u64).unwrap();
            assert_eq!((got.kind, got.depth, got.weight), (fact.kind, fact.depth, fact.weight));
        }
        assert_eq!(memo.len(), facts.len());
        assert!(memo.get(facts.len() as u64).is_none());
    }

    /// A number that looks like any.
    fn any(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *seed >> 33
    }

    #[test]
    fn whatever_is_stored_where_comes_out_as_it_went_in() {
        for (seed, orderly) in (0..40).zip([true, false].into_iter().cycle()) {
            let mut seed = seed;
            let (mut memo, mut plain) = (PackedMemo::default(), std::collections::BTreeMap::new());
            let (mut at, mut dicts, mut place) = (0u64, 0u32, 0u64);
            for _ in 0..3000 {
                let odd = any(&mut seed).is_multiple_of(50);
                at += if odd { any(&mut seed) % 100_000 } else { any(&mut seed) % 60 };
                dicts += (any(&mut seed) % 3) as u32 * if odd { 5000 } else { 1 };
                let count = any(&mut seed) % if odd { 300 } else { 4 };
                place += count.min(16);
                let tuple = Kind::Tuple(place << 16 | count);
                let (depth, weight) = (1 + (any(&mut seed) % 2) as u32, 1.0 + count as f32);
                let fact = match any(&mut seed) % 12 {
                    0..4 if odd => Fact::new(Kind::Hook(at.saturating_sub(1))),
                    0..4 => Fact::new(Kind::Text(at)),
                    4 => Fact::new(Kind::Bytes(at)),
                    5 => Fact::new(Kind::Dict(dicts)),
                    6 | 7 => Fact { kind: tuple, depth, weight },
                    8 => Fact {
                        kind: Kind::Made { global: at as u32 % 300, extra: Extra::None },
                        depth: if depth == 1 { CALL + depth } else { depth },
                        weight: 1.0,
                    },
                    9 => Fact { kind: Kind::List, depth: depth * 3000, weight: 1.0 },
                    10 => Fact::new(Kind::Global(at as u32 % 5000)),
                    _ => Fact::new(if odd { Kind::Result } else { Kind::PLAIN }),
                };
                let next = memo.len() as u64;
                let index = match any(&mut seed) % 400 {
                    0 if !orderly => next + any(&mut seed) % 10_000,
                    1..10 => any(&mut seed) % (next + 1),
                    _ => next,
                };
                let before = plain.insert(index, fact).is_some();
                assert_eq!(memo.insert(index, &fact, false), before);
                // Some are followed by others that are alike.
                let (run, step) = (any(&mut seed) % 4000, any(&mut seed) % 4);
                for n in 1..run.saturating_sub(3800) {
                    let index = memo.len() as u64;
                    if plain.contains_key(&index) {
                        break;
                    }
                    let kind = match fact.kind {
                        Kind::Dict(id) => Kind::Dict(id + (n * step) as u32),
                        Kind::Tuple(place) => Kind::Tuple(place + ((n * step) << 16)),
                        kind => kind,
                    };
                    let fact = Fact { kind, ..fact };
                    plain.insert(index, fact);
                    assert!(!memo.insert(index, &fact, false));
                }
                assert_eq!(memo.len(), plain.len());
            }
            for (&index, fact) in &plain {
                let got = memo.get(index).unwrap();
                assert_eq!((got.kind, got.depth, got.weight), (fact.kind, fact.depth, fact.weight));
            }
            assert!(!orderly || !memo.scattered, "what lines up is lined up");
            assert!(memo.get(1 << 40).is_none());
        }
    }

    #[test]
    fn what_is_wanted_stays_when_the_rest_is_forgotten() {
        for (seed, orderly) in (0..40).zip([true, false].into_iter().cycle()) {
            let mut seed = seed;
            let (mut memo, mut plain) = (PackedMemo::default(), std::collections::BTreeMap::new());
            let wanted: std::collections::BTreeSet<u64> = (0..600).map(|_| any(&mut seed) % 6000).collect();
            let mut at = 0;
            for turn in 0..5000 {
                if turn == 2500 {
                    memo.keep(Some(wanted.iter().copied().collect()));
                    assert!(memo.kept.is_some() || memo.wanted.is_some());
                }
                at += 1 + any(&mut seed) % 50;
                let kinds =
                    [Kind::Text(at), Kind::List, Kind::Bytes(at), Kind::Result, Kind::Tuple(at << 16 | 2)];
                let fact = Fact::new(kinds[any(&mut seed) as usize % kinds.len()]);
                let index = match any(&mut seed) % 400 {
                    0 if !orderly => turn + any(&mut seed) % 2000,
                    1..4 => any(&mut seed) % (turn + 1),
                    _ => memo.len() as u64,
                };
                let before = plain.insert(index, fact).is_some();
                if before == memo.insert(index, &fact, false) {
                    continue;
                }
                // Whether there was one is not known of what was forgotten; what there is now counts as if it were new.
                assert!(turn >= 2500 && !wanted.contains(&index));
            }
            for (&index, fact) in
                plain.iter().filter(|(index, _)| **index < NEAR as u64 || wanted.contains(index))
            {
                assert_eq!(memo.get(index).map(|got| got.kind), Some(fact.kind), "{index}");
            }
        }
    }

    #[test]
    fn storing_at_one_index_takes_no_more_memory() {
        let mut memo = Words::default();
        for _ in 0..1000 {
            memo.insert(0, &Fact::new(Kind::Result));
            memo.insert(0, &Fact::new(Kind::List));
            memo.insert(1, &Fact::new(Kind::Result));
        }
        assert!(memo.spilled.len() <= 4, "{}", memo.spilled.len());
        assert!(memo.free.len() <= 4, "{}", memo.free.len());
    }
}
