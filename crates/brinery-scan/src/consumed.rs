//! What calls take from containers and strings: the work of hashing once more what is in them, and the memory of copies.
//!
//! `set(list)` hashes what the list holds, and five bytes of a stream can do so again and again. How much a list or a dict
//! holds is noted in its weight as it is filled. What comes out of the memo, or is a duplicate, is the same container with
//! an unknown content: it may have been filled since.

use crate::fact::{Fact, Kind};
use crate::facts::Facts;
use crate::nth;
use crate::shelf::Shelf;
use std::collections::HashSet;

/// The weight of a container of which it is not known what it holds.
const UNKNOWN: f32 = f32::INFINITY;
/// How much may be taken again and again without a word.
const LIGHT: f64 = 256.0;
/// How much memory a copy takes for each item.
const ITEM: f64 = 32.0;
/// The same where it is copied into a tuple.
const POINTER: f64 = 8.0;
/// How many arguments are remembered.
const TAKEN: usize = 1 << 20;
/// How far the end of a line is looked for.
const LINE: usize = 1 << 20;
const SHORT: usize = 256;
/// How many keys and values a container has at most that is taken for a pair.
const PAIR: usize = 4;

/// What is known of the contents of containers.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// How much was put into containers of which there are other copies.
    hidden: f64,
    /// How much there was at most in one list or dict.
    most: f64,
    /// How much was put into what calls have made.
    made: f64,
    /// How much there was at most to hash in what got no more than two items at a time: it may be the key of a pair, which a
    /// dict that is made of pairs hashes once more.
    key: f64,
    /// Arguments that were taken from once: what they hold is in the stream itself.
    taken: HashSet<u64, foldhash::fast::RandomState>,
    /// The line that was measured last.
    line: (u64, u64),
}

impl Contents {
    /// A container has got items that weigh so much.
    #[inline(always)]
    pub(crate) fn grow(&mut self, container: &mut Fact, by: f32) {
        if by.to_bits() == UNKNOWN.to_bits() {
            // What is known of it has been counted with what is hidden.
            if container.is_filled_later() {
                container.weight = UNKNOWN;
            }
        } else if container.weight.to_bits() == UNKNOWN.to_bits() {
            self.hidden += f64::from(by);
        } else if let Kind::Made { .. } = container.kind {
            self.made += f64::from(by);
            container.weight += by;
        } else {
            container.weight += by;
            self.most = self.most.max(container.weight.into());
        }
    }

    /// How much items are that a container gets. What is in one that is there elsewhere as well is not known.
    #[inline(always)]
    pub(crate) fn held(&mut self, items: &[Fact]) -> f32 {
        let is_unknown = |item: &Fact| item.weight.to_bits() == UNKNOWN.to_bits();
        if items.len() <= PAIR {
            let keys = items.iter().map(|item| f64::from(item.hashed()));
            self.key = keys.fold(self.key, f64::max);
        }
        let weight = items.iter().fold(0.0, |weight, item| weight + item.weight);
        if weight.to_bits() == UNKNOWN.to_bits() && items.iter().any(is_unknown) {
            self.hide(items);
        }
        weight
    }

    #[cold]
    fn hide(&mut self, items: &[Fact]) {
        let known = items.iter().filter(|item| item.weight.is_finite());
        let weight: f64 = known.map(|item| f64::from(item.weight)).sum();
        self.hidden += weight;
        self.made += weight;
    }
}

/// A value that there is elsewhere as well.
#[inline(always)]
pub(crate) fn copied(mut fact: Fact) -> Fact {
    match &mut fact.kind {
        Kind::List | Kind::Dict(_) => fact.weight = UNKNOWN,
        Kind::Made { extra, .. } => *extra = extra.elsewhere(),
        _ => {}
    }
    fact
}

/// A value as the memo has it, where what containers hold is not asked for.
#[inline(always)]
pub(crate) fn stored(fact: &Fact) -> Fact {
    let mut fact = *fact;
    if fact.weight.to_bits() != 1f32.to_bits() && fact.is_filled_later() {
        fact.weight = 1.0;
    } else if let Kind::Made { extra, .. } = &mut fact.kind {
        *extra = extra.elsewhere();
    }
    fact
}

impl Facts<'_, '_> {
    /// Counts what a call takes from its arguments, which are at this place of the shelf.
    pub(crate) fn consume(&mut self, args: &Fact, items: &[Fact]) {
        let Kind::Tuple(place) = args.kind else { return };
        let more = Shelf::len(place) - items.len().min(Shelf::len(place));
        if more > 0 && self.unsounded > 0 {
            // There are more arguments than are known, and containers that are more than one of them.
            let held = (self.contents.most + self.contents.hidden) * more as f64;
            self.allocate((held * POINTER) as u64);
        }
        for (index, item) in items.iter().enumerate() {
            match item.kind {
                Kind::List
                | Kind::Dict(_)
                | Kind::Made { .. }
                | Kind::Tuple(_)
                | Kind::Set
                | Kind::Frozen(_) => {}
                _ => continue,
            }
            let contents = &mut self.contents;
            let unknown = item.weight.to_bits() == UNKNOWN.to_bits();
            let known = match item.kind {
                Kind::Made { .. } => contents.made.max(item.weight.into()),
                _ if unknown => contents.most,
                _ => item.weight.into(),
            };
            let weight = known + if item.is_filled_later() { contents.hidden } else { 0.0 };
            let hashed = if contents.key > 1.0 { weight * contents.key } else { weight };
            if hashed <= LIGHT {
                continue;
            }
            self.hash_work += hashed;
            // What is a container's first and only use takes no more memory than the stream has for it.
            let first =
                !unknown && contents.taken.len() < TAKEN && contents.taken.insert(Shelf::key(place, index));
            if !first {
                self.allocate((weight * ITEM) as u64);
            }
        }
    }

    /// How many bytes of strings are among the arguments, which a call may copy.
    pub(crate) fn bytes_among(&mut self, items: &[Fact]) -> u64 {
        items.iter().map(|item| self.string_length(item)).sum()
    }

    /// How long a string is, nearly.
    fn string_length(&mut self, item: &Fact) -> u64 {
        let (Kind::Bytes(at) | Kind::Text(at) | Kind::Hook(at)) = item.kind else { return 0 };
        let (at, n) = nth::place(at);
        if n > 0 {
            // One of many that lie near each other, but for the last of them.
            return 0;
        }
        let claim = |head: &[u8]| crate::stream::claim(head).map(|claim| claim.1);
        let claimed = match self.blob.bytes() {
            Some(bytes) => claim(bytes.get(at as usize..).unwrap_or_default()),
            None => self.blob.peek::<9>(at).ok().and_then(|(head, len)| claim(&head[..len])),
        };
        claimed.unwrap_or_else(|| {
            if self.contents.line.0 != at || at == 0 {
                self.contents.line = (at, self.line_length(at));
            }
            self.contents.line.1
        })
    }

    /// How long the line at an offset is, as far as it is looked at.
    fn line_length(&self, at: u64) -> u64 {
        let len = |line: &[u8]| memchr::memchr(b'\n', line).unwrap_or(line.len()) as u64;
        if let Some(bytes) = self.blob.bytes() {
            let line = bytes.get(at as usize..).unwrap_or_default();
            return len(&line[..line.len().min(LINE)]);
        }
        let short = self.blob.get(at, SHORT).unwrap_or_default();
        if len(&short) < SHORT as u64 {
            return len(&short);
        }
        self.blob.get(at, LINE).map_or(0, |line| len(&line))
    }
}
