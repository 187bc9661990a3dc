//! Values in a line, most of which take two bytes.
//!
//! What grows along a stream (offsets of text, numbers of dicts, places of tuples) is kept as the distance from a base,
//! and a new base is set where a distance becomes too large.

use crate::fact::{Extra, Fact, Kind};
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
#[derive(Debug, Default)]
pub(crate) struct Line {
    codes: Vec<u16>,
    bases: Vec<Base>,
    forms: Vec<Form>,
    odd: HashMap<u32, Fact>,
}

impl Line {
    /// How many there are.
    #[inline(always)]
    pub(crate) fn len(&self) -> u64 {
        self.codes.len() as u64
    }

    /// Adds a value at the end; whether it fits in with the others.
    #[inline(always)]
    pub(crate) fn push(&mut self, fact: &Fact) -> bool {
        if let Some(base) = self.bases.last()
            && let Some(code) = encode(fact, base, &self.forms)
        {
            self.codes.push(code);
            return true;
        }
        self.push_odd(fact)
    }

    #[inline(never)]
    fn push_odd(&mut self, fact: &Fact) -> bool {
        let Ok(index) = u32::try_from(self.codes.len()) else { return false };
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
            Kind::Text { at, .. } | Kind::Bytes(at) if at > base.at => base.at = at,
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
            self.codes.push(code);
            return true;
        }
        if self.bases.is_empty() {
            self.bases.push(base);
        }
        if self.odd.len() > FREE + self.codes.len() / ODDS {
            return false;
        }
        self.odd.insert(index, *fact);
        self.codes.push(ODD << BITS);
        true
    }

    /// Puts another value in the place of one that is there; whether it fits in.
    pub(crate) fn replace(&mut self, index: u64, fact: &Fact) -> bool {
        let Ok(place) = u32::try_from(index) else { return false };
        let code = encode(fact, &self.base(place), &self.forms);
        if code.is_none() && self.odd.len() > FREE + self.codes.len() / ODDS {
            return false;
        }
        let Some(slot) = self.codes.get_mut(place as usize) else { return false };
        *slot = code.unwrap_or(ODD << BITS);
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
        let code = *self.codes.get(usize::try_from(index).ok()?)?;
        self.decode(code, index as u32)
    }

    fn decode(&self, code: u16, index: u32) -> Option<Fact> {
        let (tag, number) = (code >> BITS, code & MOST as u16);
        let mut fact = Fact::new(Kind::Plain);
        let base = || self.base(index);
        match tag {
            PLAIN => fact.depth = number.into(),
            TEXT => fact.kind = Kind::Text { at: base().at + u64::from(number), hook: false },
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
        (0..self.codes.len()).filter_map(|index| self.get(index as u64))
    }
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
        Kind::Text { at, hook: false } if fact.depth == 0 => code(TEXT, at.wrapping_sub(base.at)),
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
                Fact::new(Kind::Text { at: row * 90 + 20, hook: false }),
                Fact { kind: tuple, depth: 1, weight: 4.0 },
                Fact { kind: Kind::Made { global: 3, extra: Extra::None }, depth: 2, weight: 1.0 },
            ];
            assert!(values.iter().all(|value| line.push(value)));
        }
        let bytes = 2 * line.codes.len() + size_of::<Base>() * line.bases.len();
        assert!(line.odd.is_empty() && bytes < 3 * line.codes.len(), "{bytes}");
    }
}
