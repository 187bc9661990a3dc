//! Values in a line, most of which take two bytes, and texts in a row next to nothing.
//!
//! What grows along a stream (offsets of text, numbers of dicts, places of tuples) is kept as the distance from a base,
//! and a new base is set where a distance becomes too large.
//!
//! Values are closed up in blocks. A block of short texts that were each stored as soon as they were made, with nothing
//! else stored between them, is told by where the first of them starts: the others are [counted](crate::nth) from there
//! when somebody asks what they say.

use crate::fact::{Extra, Fact, Kind};
use crate::nth;
use std::collections::HashMap;

/// What a code stands for, in its upper four bits.
const ODD: u16 = 0;
const PLAIN: u16 = 1;
const TEXT: u16 = 2;
const BYTES: u16 = 3;
const LIST: u16 = 4;
const DICT: u16 = 5;
const SET: u16 = 6;
const GLOBAL: u16 = 7;
const MADE: u16 = 8;
/// The bit below the tag belongs to the number.
const TUPLE: u16 = 10;
/// How many bits the number of a code has.
const BITS: u32 = 12;
const MOST: u64 = (1 << BITS) - 1;
/// How many bits the distance of a tuple has, and how many kinds of tuples there are.
const TUPLE_BITS: u32 = 8;
const FORMS: usize = 32;
/// One in so many values may be odd.
const ODDS: usize = 8;
/// How many may be odd in any case.
const FREE: usize = 512;

/// From where on which distances are counted.
#[derive(Clone, Copy, Debug, Default)]
struct Base {
    /// The first value that it is for.
    first: u32,
    dict: u32,
    at: u64,
    tuple: u64,
}

/// What else a tuple is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Form {
    count: u16,
    depth: u32,
    weight: f32,
}

/// The values.
#[derive(Debug)]
pub(crate) struct Line {
    /// The codes of the blocks that have some, and of the values after the last block.
    codes: Vec<u16>,
    /// For each block, where its codes start, or where its texts do and a bit above that.
    blocks: Vec<u64>,
    /// How many values there are after the last block.
    open: usize,
    /// Whether these are texts in a row, which have no codes yet.
    row: bool,
    /// Where the first of them starts, and how far from it each of them does.
    first: u64,
    distances: [u16; BLOCK],
    bases: Vec<Base>,
    forms: Vec<Form>,
    /// What has no code, and what was put into a block that has none.
    odd: HashMap<u32, Fact>,
    /// Whether there is any of the latter.
    replaced: bool,
}

/// How many values a block has.
const BLOCK: usize = nth::MOST;
/// Says that a block is a row of texts.
const ROW: u64 = 1 << 63;

impl Default for Line {
    fn default() -> Self {
        Line {
            codes: Vec::new(),
            blocks: Vec::new(),
            open: 0,
            row: true,
            first: 0,
            distances: [0; BLOCK],
            bases: Vec::new(),
            forms: Vec::new(),
            odd: HashMap::new(),
            replaced: false,
        }
    }
}

impl Line {
    /// How many there are.
    #[inline(always)]
    pub(crate) fn len(&self) -> u64 {
        (self.blocks.len() * BLOCK + self.open) as u64
    }

    /// Adds a value at the end; whether it fits in with the others. The last text that was made may be `fresh`: nothing
    /// was stored since.
    #[inline(always)]
    pub(crate) fn push(&mut self, fact: &Fact, fresh: bool) -> bool {
        if self.row {
            if fresh && let Kind::Text(at) = fact.kind {
                if self.open == 0 {
                    self.first = at;
                }
                let distance = at.wrapping_sub(self.first);
                if distance <= nth::FARTHEST {
                    self.distances[self.open] = distance as u16;
                    self.open += 1;
                    if self.open == BLOCK {
                        self.blocks.push(ROW | self.first);
                        self.open = 0;
                    }
                    return true;
                }
            }
            if !self.break_row() {
                return false;
            }
        }
        self.push_coded(fact)
    }

    #[inline(always)]
    fn push_coded(&mut self, fact: &Fact) -> bool {
        if let Some(base) = self.bases.last()
            && let Some(code) = encode(fact, base, &self.forms)
        {
            self.add(code);
            return true;
        }
        self.push_odd(fact)
    }

    #[inline(always)]
    fn add(&mut self, code: u16) {
        self.codes.push(code);
        self.open += 1;
        if self.open == BLOCK {
            self.blocks.push((self.codes.len() - BLOCK) as u64);
            (self.open, self.row) = (0, true);
        }
    }

    /// Gives the texts after the last block codes, because they do not go on as a row.
    #[inline(never)]
    fn break_row(&mut self) -> bool {
        if u32::try_from(self.len()).is_err() {
            return false;
        }
        let count = std::mem::take(&mut self.open);
        self.row = false;
        for place in 0..count {
            let at = self.first + u64::from(self.distances[place]);
            // Offsets that only grow always find a base.
            let fits = self.push_coded(&Fact::new(Kind::Text(at)));
            debug_assert!(fits);
        }
        true
    }

    /// Something was stored elsewhere: what comes next is not in a row with what is there.
    pub(crate) fn interrupt(&mut self) {
        if self.row && self.open > 0 {
            self.break_row();
        }
    }

    /// The code of a value, or the text that it is.
    #[inline(always)]
    fn find(&self, index: usize) -> Option<Found> {
        let place = index % BLOCK;
        match self.blocks.get(index / BLOCK) {
            Some(row) if row & ROW != 0 => {
                let at = nth::nth(row & !ROW, place);
                Some(Found::Row(Fact::new(Kind::Text(at))))
            }
            Some(&start) => Some(Found::Code(start as usize + place)),
            None if index as u64 >= self.len() => None,
            None if self.row => {
                let at = self.first + u64::from(self.distances[place]);
                Some(Found::Row(Fact::new(Kind::Text(at))))
            }
            None => Some(Found::Code(self.codes.len() - self.open + place)),
        }
    }

    #[inline(never)]
    fn push_odd(&mut self, fact: &Fact) -> bool {
        let Ok(index) = u32::try_from(self.len()) else { return false };
        if let Kind::Tuple(place) = fact.kind {
            let form = form(place, fact);
            if !self.forms.contains(&form) && self.forms.len() < FORMS {
                self.forms.push(form);
            }
        }
        // A base further on, but only if what grows has grown.
        let last = self.bases.last().copied();
        let mut base = last.unwrap_or_default();
        match fact.kind {
            Kind::Text(at) | Kind::Bytes(at) if at > base.at && nth::is_offset(at) => base.at = at,
            Kind::Dict(id) if id > base.dict => base.dict = id,
            Kind::Tuple(place) if place >> 16 > base.tuple => base.tuple = place >> 16,
            _ => {}
        }
        base.first = index;
        if let Some(code) = encode(fact, &base, &self.forms) {
            if last.is_none_or(|last| encode(fact, &last, &self.forms).is_none()) {
                self.bases.push(base);
            }
            let code = encode(fact, self.bases.last().unwrap_or(&base), &self.forms).unwrap_or(code);
            self.add(code);
            return true;
        }
        if self.bases.is_empty() {
            self.bases.push(base);
        }
        if self.is_too_odd() {
            return false;
        }
        self.odd.insert(index, *fact);
        self.add(ODD << BITS);
        true
    }

    fn is_too_odd(&self) -> bool {
        self.odd.len() > FREE + self.len() as usize / ODDS
    }

    /// Puts another value in the place of one that is there; whether it fits in.
    pub(crate) fn replace(&mut self, index: u64, fact: &Fact) -> bool {
        let Ok(place) = u32::try_from(index) else { return false };
        let code = match self.find(place as usize) {
            Some(Found::Code(slot)) => {
                let code = encode(fact, &self.base(place), &self.forms);
                if code.is_none() && self.is_too_odd() {
                    return false;
                }
                self.codes[slot] = code.unwrap_or(ODD << BITS);
                code
            }
            Some(Found::Row(_)) if !self.is_too_odd() => {
                self.replaced = true;
                None
            }
            _ => return false,
        };
        match code {
            Some(_) => self.odd.remove(&place),
            None => self.odd.insert(place, *fact),
        };
        true
    }

    fn base(&self, index: u32) -> Base {
        // What is fetched is mostly from the end or from the start.
        let next = match self.bases.last() {
            Some(last) if last.first <= index => self.bases.len(),
            _ => self.bases.partition_point(|base| base.first <= index),
        };
        next.checked_sub(1).and_then(|last| self.bases.get(last)).copied().unwrap_or_default()
    }

    /// The value at an index.
    pub(crate) fn get(&self, index: u64) -> Option<Fact> {
        match self.find(usize::try_from(index).ok()?)? {
            Found::Code(slot) => self.decode(*self.codes.get(slot)?, index as u32),
            Found::Row(_) if self.replaced && self.odd.contains_key(&(index as u32)) => {
                self.odd.get(&(index as u32)).copied()
            }
            Found::Row(text) => Some(text),
        }
    }

    fn decode(&self, code: u16, index: u32) -> Option<Fact> {
        let (tag, number) = (code >> BITS, code & MOST as u16);
        let mut fact = Fact::new(Kind::Plain);
        let base = || self.base(index);
        match tag {
            PLAIN => fact.depth = number.into(),
            TEXT => fact.kind = Kind::Text(base().at + u64::from(number)),
            BYTES => fact.kind = Kind::Bytes(base().at + u64::from(number)),
            LIST => (fact.kind, fact.depth) = (Kind::List, number.into()),
            DICT => fact.kind = Kind::Dict(base().dict + u32::from(number)),
            SET => (fact.kind, fact.depth) = (Kind::Set, number.into()),
            GLOBAL => fact.kind = Kind::Global(number.into()),
            MADE => {
                fact.kind = Kind::Made { global: (number >> 4).into(), extra: Extra::None };
                fact.depth = (number & 15).into();
            }
            ODD => return self.odd.get(&index).copied(),
            _ => {
                let number = code - (TUPLE << BITS);
                let form = self.forms.get(usize::from(number >> TUPLE_BITS))?;
                let start = base().tuple + u64::from(number & ((1 << TUPLE_BITS) - 1));
                let kind = Kind::Tuple(start << 16 | u64::from(form.count));
                fact = Fact { kind, depth: form.depth, weight: form.weight };
            }
        }
        Some(fact)
    }

    /// All values, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Fact> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

/// What is kept of a value.
enum Found {
    /// The code at this place.
    Code(usize),
    /// One of a row of texts.
    Row(Fact),
}

fn form(place: u64, fact: &Fact) -> Form {
    Form { count: place as u16, depth: fact.depth, weight: fact.weight }
}

/// The code of a value, if there is one.
#[inline(always)]
fn encode(fact: &Fact, base: &Base, forms: &[Form]) -> Option<u16> {
    let code = |tag: u16, number: u64| (number <= MOST).then_some(tag << BITS | number as u16);
    if let Kind::Tuple(place) = fact.kind {
        let distance = (place >> 16).wrapping_sub(base.tuple);
        if distance >> TUPLE_BITS != 0 {
            return None;
        }
        let form = form(place, fact);
        let index = forms.iter().position(|other| *other == form)? as u16;
        return Some((TUPLE << BITS) + (index << TUPLE_BITS | distance as u16));
    }
    if fact.weight.to_bits() != 1f32.to_bits() {
        return None;
    }
    match fact.kind {
        Kind::Text(at) if fact.depth == 0 => code(TEXT, at.wrapping_sub(base.at)),
        Kind::Bytes(at) if fact.depth == 0 => code(BYTES, at.wrapping_sub(base.at)),
        Kind::Plain => code(PLAIN, fact.depth.into()),
        Kind::List => code(LIST, fact.depth.into()),
        Kind::Dict(id) if fact.depth == 0 => code(DICT, id.wrapping_sub(base.dict).into()),
        Kind::Set => code(SET, fact.depth.into()),
        Kind::Global(id) if fact.depth == 0 => code(GLOBAL, id.into()),
        Kind::Made { global, extra: Extra::None } if fact.depth < 16 => {
            code(MADE, u64::from(global) << 4 | u64::from(fact.depth))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_take_little_more_than_two_bytes_a_value() {
        let mut line = Line::default();
        // Dicts and tuples with text, as a list of records has them.
        for row in 0..100_000u64 {
            let tuple = Kind::Tuple((row * 3) << 16 | 3);
            let values = [
                Fact::new(Kind::Dict(row as u32)),
                Fact::new(Kind::Text(row * 90 + 20)),
                Fact { kind: tuple, depth: 1, weight: 4.0 },
                Fact { kind: Kind::Made { global: 3, extra: Extra::None }, depth: 2, weight: 1.0 },
            ];
            assert!(values.iter().all(|value| line.push(value, true)));
        }
        let bytes = 2 * line.codes.len() + size_of::<Base>() * line.bases.len();
        assert!(line.odd.is_empty() && bytes < 3 * line.codes.len(), "{bytes}");
    }

    #[test]
    fn texts_in_a_row_take_next_to_nothing() {
        let mut line = Line::default();
        for at in 0..100_000u64 {
            assert!(line.push(&Fact::new(Kind::Text(at * 9)), true));
        }
        let bytes = 2 * line.codes.len() + size_of::<Base>() * line.bases.len() + 8 * line.blocks.len();
        assert!(bytes < 30_000, "{bytes}");
        let Some(Fact { kind: Kind::Text(at), .. }) = line.get(70_001) else { panic!("no text") };
        assert_eq!(nth::place(at), (70_001 / BLOCK as u64 * BLOCK as u64 * 9, 70_001 % BLOCK));
        // Another in its place is what is there.
        assert!(line.replace(70_001, &Fact::new(Kind::List)));
        assert_eq!(line.get(70_001).map(|fact| fact.kind), Some(Kind::List));
        assert_eq!(line.len(), 100_000);
    }
}
