//! Values in a line, most of which take two bytes, and texts in a row next to nothing.
//!
//! What grows along a stream (offsets of text, numbers of dicts, places of tuples) is kept as the distance from a base,
//! and a new base is set where a distance becomes too large.
//!
//! Values are closed up in blocks. A block of short texts that were each stored as soon as they were made, with nothing
//! else stored between them, is told by where the first of them starts: the others are [counted](crate::nth) from there
//! when somebody asks what they say. A block of values that are alike, such as small tuples one after the other, is told by
//! the first of them and how far each is from the one before.

use crate::fact::{CALL, Extra, Fact, Kind, Sort};
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
/// How deep made objects are. What was constructed is not deep, what was called is by so much more: what is between two of
/// these counts for the deeper one.
const DEPTHS: [u32; 16] = [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    CALL + 1,
    CALL + 2,
    CALL + 3,
    2 * CALL + 4,
    3 * CALL + 6,
    4 * CALL + 8,
    6 * CALL + 12,
    8 * CALL + 16,
];
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
    /// What they are, if they are not texts but values that are alike.
    alike: Option<Alike>,
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
/// Says that a block is a row of values that are alike.
const ALIKE: u64 = 1 << 62;
/// How many bits tell what such values are, how far they are from each other, and which form tuples have.
const TAG_BITS: u32 = 4;
const STEP_BITS: u32 = 5;
const FORM_BITS: u32 = 5;

/// Values that are alike.
#[derive(Clone, Copy, Debug)]
struct Alike {
    first: Fact,
    /// How far each is from the one before: dicts by their number, tuples by their place.
    step: u32,
}

impl Alike {
    /// Values of which this may be the first one.
    fn begin(first: &Fact) -> Option<Self> {
        let known = match first.kind {
            Kind::Plain(Sort::Float(_)) => false,
            Kind::Plain(_) | Kind::List | Kind::Set => first.weight.to_bits() == 1f32.to_bits(),
            Kind::Dict(_) => first.weight.to_bits() == 1f32.to_bits() && first.depth == 0,
            Kind::Tuple(_) => true,
            _ => false,
        };
        known.then_some(Alike { first: *first, step: 0 })
    }

    /// The one so many places after the first.
    #[inline(always)]
    fn nth(&self, n: usize) -> Fact {
        let mut fact = self.first;
        let distance = self.step * n as u32;
        fact.kind = match fact.kind {
            Kind::Dict(id) => Kind::Dict(id.wrapping_add(distance)),
            Kind::Tuple(place) => Kind::Tuple(place.wrapping_add(u64::from(distance) << 16)),
            kind => kind,
        };
        fact
    }

    /// Whether a value is the `n`th one. The second one says how far from each other they are.
    #[inline(always)]
    fn takes(&mut self, n: usize, fact: &Fact) -> bool {
        if n == 1 {
            let step = match (self.first.kind, fact.kind) {
                (Kind::Dict(first), Kind::Dict(second)) => u64::from(second.wrapping_sub(first)),
                (Kind::Tuple(first), Kind::Tuple(second)) => (second >> 16).wrapping_sub(first >> 16),
                _ => 0,
            };
            if step >> STEP_BITS != 0 {
                return false;
            }
            self.step = step as u32;
        }
        let nth = self.nth(n);
        nth.kind == fact.kind && nth.depth == fact.depth && nth.weight.to_bits() == fact.weight.to_bits()
    }

    /// The word that tells of a block of them, if there is one.
    fn word(&self, forms: &[Form]) -> Option<u64> {
        let (tag, number) = match self.first.kind {
            Kind::Plain(_) => (PLAIN, self.first.depth.into()),
            Kind::List => (LIST, self.first.depth.into()),
            Kind::Set => (SET, self.first.depth.into()),
            Kind::Dict(id) => (DICT, u64::from(id)),
            Kind::Tuple(place) => {
                let form = form(place, &self.first);
                let form = forms.iter().position(|other| *other == form)? as u64;
                (TUPLE, place >> 16 << FORM_BITS | form)
            }
            _ => return None,
        };
        let word = number << (TAG_BITS + STEP_BITS);
        let fits = word >> (TAG_BITS + STEP_BITS) == number && word < ALIKE;
        fits.then_some(ALIKE | word | u64::from(self.step) << TAG_BITS | u64::from(tag))
    }

    /// The values that a word tells of.
    fn of_word(word: u64, forms: &[Form]) -> Option<Self> {
        let word = word & !ALIKE;
        let tag = (word & ((1 << TAG_BITS) - 1)) as u16;
        let step = (word >> TAG_BITS & ((1 << STEP_BITS) - 1)) as u32;
        let number = word >> (TAG_BITS + STEP_BITS);
        let mut first = Fact::new(Kind::PLAIN);
        match tag {
            PLAIN => first.depth = number as u32,
            LIST => (first.kind, first.depth) = (Kind::List, number as u32),
            SET => (first.kind, first.depth) = (Kind::Set, number as u32),
            DICT => first.kind = Kind::Dict(number as u32),
            _ => {
                let form = forms.get(number as usize & ((1 << FORM_BITS) - 1))?;
                let place = number >> FORM_BITS << 16 | u64::from(form.count);
                first = Fact { kind: Kind::Tuple(place), depth: form.depth, weight: form.weight };
            }
        }
        Some(Alike { first, step })
    }
}

impl Default for Line {
    fn default() -> Self {
        Line {
            codes: Vec::new(),
            blocks: Vec::new(),
            open: 0,
            row: true,
            first: 0,
            distances: [0; BLOCK],
            alike: None,
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

    /// How many codes it has: what takes memory.
    #[inline(always)]
    pub(crate) fn codes(&self) -> usize {
        self.codes.len()
    }

    /// Adds a value at the end; whether it fits in with the others. The last text that was made may be `fresh`: nothing
    /// was stored since.
    #[inline(always)]
    pub(crate) fn push(&mut self, fact: &Fact, fresh: bool) -> bool {
        if self.row {
            if fresh
                && self.alike.is_none()
                && let Kind::Text(at) = fact.kind
            {
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
            return self.push_alike(fact);
        }
        self.push_coded(fact)
    }

    /// The same where there is a row, or may be one.
    #[inline(never)]
    fn push_alike(&mut self, fact: &Fact) -> bool {
        let goes_on = match &mut self.alike {
            Some(alike) => alike.takes(self.open, fact),
            None if self.open == 0 => {
                self.alike = Alike::begin(fact);
                self.alike.is_some()
            }
            None => false,
        };
        if goes_on && self.open + 1 < BLOCK {
            self.open += 1;
            return true;
        }
        if goes_on && let Some(word) = self.alike_word() {
            self.blocks.push(word);
            (self.open, self.alike) = (0, None);
            return true;
        }
        self.break_row() && self.push_coded(fact)
    }

    fn alike_word(&mut self) -> Option<u64> {
        let alike = self.alike?;
        if let Kind::Tuple(place) = alike.first.kind {
            self.add_form(form(place, &alike.first));
        }
        alike.word(&self.forms)
    }

    /// Makes a form of tuples known, if there is room.
    fn add_form(&mut self, form: Form) {
        if !self.forms.contains(&form) && self.forms.len() < FORMS {
            self.forms.push(form);
        }
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

    /// Gives the values after the last block codes, because they do not go on as a row.
    #[inline(never)]
    fn break_row(&mut self) -> bool {
        if u32::try_from(self.len()).is_err() {
            return false;
        }
        let (count, alike) = (std::mem::take(&mut self.open), self.alike.take());
        self.row = false;
        for place in 0..count {
            let fact = self.in_row(alike.as_ref(), place);
            if !self.push_coded(&fact) {
                // It has been taken, so it must have a place.
                self.add_odd(&fact);
            }
        }
        true
    }

    /// Something was stored elsewhere: what comes next is not in a row with what is there.
    pub(crate) fn interrupt(&mut self) {
        if self.row && self.open > 0 {
            self.break_row();
        }
    }

    /// A value of the row after the last block.
    #[inline(always)]
    fn in_row(&self, alike: Option<&Alike>, place: usize) -> Fact {
        match alike {
            Some(alike) => alike.nth(place),
            None => Fact::new(Kind::Text(self.first + u64::from(self.distances[place]))),
        }
    }

    /// The code of a value, or the value itself if it is in a row.
    #[inline(always)]
    fn find(&self, index: usize) -> Option<Found> {
        let place = index % BLOCK;
        match self.blocks.get(index / BLOCK) {
            Some(row) if row & ROW != 0 => {
                let at = nth::nth(row & !ROW, place);
                Some(Found::Row(Fact::new(Kind::Text(at))))
            }
            Some(&word) if word & ALIKE != 0 => {
                Alike::of_word(word, &self.forms).map(|alike| Found::Row(alike.nth(place)))
            }
            Some(&start) => Some(Found::Code(start as usize + place)),
            None if index as u64 >= self.len() => None,
            None if self.row => Some(Found::Row(self.in_row(self.alike.as_ref(), place))),
            None => Some(Found::Code(self.codes.len() - self.open + place)),
        }
    }

    #[inline(never)]
    fn push_odd(&mut self, fact: &Fact) -> bool {
        let Ok(index) = u32::try_from(self.len()) else { return false };
        if let Kind::Tuple(place) = fact.kind {
            self.add_form(form(place, fact));
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
        self.add_odd(fact);
        true
    }

    fn add_odd(&mut self, fact: &Fact) {
        self.odd.insert(self.len() as u32, *fact);
        self.add(ODD << BITS);
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
            Found::Row(fact) => Some(fact),
        }
    }

    fn decode(&self, code: u16, index: u32) -> Option<Fact> {
        let (tag, number) = (code >> BITS, code & MOST as u16);
        let mut fact = Fact::new(Kind::PLAIN);
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
                fact.depth = DEPTHS[usize::from(number & 15)];
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
    /// One of a row.
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
        Kind::Plain(Sort::Float(_)) => None,
        Kind::Plain(_) => code(PLAIN, fact.depth.into()),
        Kind::List => code(LIST, fact.depth.into()),
        Kind::Dict(id) if fact.depth == 0 => code(DICT, id.wrapping_sub(base.dict).into()),
        Kind::Set => code(SET, fact.depth.into()),
        Kind::Global(id) if fact.depth == 0 => code(GLOBAL, id.into()),
        Kind::Made { global, extra: Extra::None } => {
            let depth = match fact.depth {
                flat @ 0..8 => flat as usize,
                depth => DEPTHS.iter().position(|&known| depth <= known)?,
            };
            code(MADE, u64::from(global) << 4 | depth as u64)
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
                Fact { kind: Kind::Made { global: 3, extra: Extra::None }, depth: CALL + 2, weight: 1.0 },
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

    #[test]
    fn values_alike_in_a_row_take_next_to_nothing() {
        let tuple = |n: u64| Fact { kind: Kind::Tuple((n * 3) << 16 | 3), depth: 1, weight: 4.0 };
        let list = |_| Fact { kind: Kind::List, depth: 7, weight: 1.0 };
        let dict = |n: u64| Fact::new(Kind::Dict(n as u32 * 2));
        let of: [&dyn Fn(u64) -> Fact; 3] = [&tuple, &list, &dict];
        for of in of {
            let mut line = Line::default();
            for n in 0..100_000 {
                assert!(line.push(&of(n), false));
            }
            let bytes = 2 * line.codes.len() + size_of::<Base>() * line.bases.len() + 8 * line.blocks.len();
            assert!(bytes < 30_000, "{bytes}");
            // One that is not alike ends the row, and what was in it stays what it was.
            assert!(line.push(&Fact::new(Kind::Bytes(5)), false));
            assert!(line.replace(70_001, &Fact::new(Kind::Text(9))));
            for n in (0..100_000).filter(|&n| n != 70_001) {
                let got = line.get(n).unwrap();
                assert_eq!((got.kind, got.depth, got.weight), (of(n).kind, of(n).depth, of(n).weight));
            }
            assert_eq!(line.get(70_001).map(|fact| fact.kind), Some(Kind::Text(9)));
        }
    }
}
