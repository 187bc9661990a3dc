//! Going over opcodes without making anything of them: what a type ignores, and what lies ahead.

use super::{Count, Entry, Open, Reader, Result, Tag};
use crate::opcode::byte;

/// What is known of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Bytes,
    /// A list in which nothing is yet.
    List,
    Dict,
    Set,
    /// A list, dict or set in which something is.
    FullList,
    FullDict,
    FullSet,
    /// A tuple after a mark, or an empty one.
    Tuple,
    /// A tuple that its items begin.
    Postfix,
    Class,
    Instance,
    Other,
}

/// An object on the stack.
#[derive(Clone, Copy)]
struct Part {
    kind: Kind,
    start: u32,
    open: Open,
}

/// A stack of what is known of objects, and marks on it with their offsets.
#[derive(Default)]
pub(super) struct Skim {
    parts: Vec<Part>,
    marks: Vec<(usize, u32)>,
    /// Whether what is stored in the memo counts.
    stores: bool,
}

impl Skim {
    /// How many objects there are above the topmost mark.
    fn above(&self) -> usize {
        self.parts.len() - self.marks.last().map_or(0, |&(position, _)| position)
    }

    fn begin(&mut self, stores: bool) {
        self.parts.clear();
        self.marks.clear();
        self.stores = stores;
    }

    /// Whether one whole object is on the stack.
    fn is_whole(&self) -> bool {
        self.parts.len() == 1 && self.marks.is_empty()
    }
}

/// So many objects are looked at in the hope that they belong to the one before.
const AHEAD: usize = 4;

impl<'de> Reader<'de> {
    /// Goes over the next object.
    pub(super) fn skim_value(&mut self) -> Result<()> {
        let mut skim = std::mem::take(&mut self.skim);
        skim.begin(true);
        let is_whole = self.skim_over(&mut skim);
        self.skim = skim;
        if is_whole { Ok(()) } else { Err(self.lost()) }
    }

    /// What the next object is.
    pub(super) fn foresee(&mut self) -> Option<Kind> {
        let before = self.rest;
        let mut skim = std::mem::take(&mut self.skim);
        skim.begin(false);
        let is_whole = self.skim_over(&mut skim);
        let kind = skim.parts.first().map(|part| part.kind);
        self.skim = skim;
        self.look_back(before);
        kind.filter(|_| is_whole)
    }

    /// Whether what comes next goes into a new list or dict without a mark.
    #[inline]
    pub(super) fn goes_on(&mut self, kind: Kind) -> bool {
        // What ends an object around it is the end of this one.
        match self.peek() {
            byte::APPENDS | byte::APPEND | byte::SETITEMS | byte::SETITEM | byte::STOP => false,
            opcode => kind == Kind::List && self.is_appended(opcode) || self.takes_next(kind),
        }
    }

    /// Whether the opcode after a small object that comes next is `APPEND`, as far as a glance tells.
    #[inline(always)]
    fn is_appended(&self, opcode: u8) -> bool {
        let len = match opcode {
            byte::NONE | byte::NEWTRUE | byte::NEWFALSE => 1,
            byte::BININT1 | byte::BINGET => 2,
            byte::BININT2 => 3,
            byte::BININT => 5,
            byte::BINFLOAT => 9,
            _ => return false,
        };
        self.rest.get(len) == Some(&byte::APPEND)
    }

    #[inline(never)]
    fn takes_next(&mut self, kind: Kind) -> bool {
        let before = self.rest;
        let mut skim = std::mem::take(&mut self.skim);
        skim.begin(false);
        skim.parts.push(Part { kind, start: 0, open: None });
        self.grow(&mut skim);
        let is_full = matches!(skim.parts.first(), Some(Part { kind: Kind::FullList | Kind::FullDict, .. }));
        self.skim = skim;
        self.look_back(before);
        is_full
    }

    /// Goes back to what was left before, and counts what was looked at since.
    fn look_back(&mut self, before: &'de [u8]) {
        match self.fuel.checked_sub(before.len() - self.rest.len()) {
            Some(fuel) => {
                self.fuel = fuel;
                self.rest = before;
            }
            None => drop(self.lost()),
        }
    }

    /// Goes over the next object; whether that is possible.
    fn skim_over(&mut self, skim: &mut Skim) -> bool {
        loop {
            let opcode = self.peek();
            if !self.step(opcode, skim) {
                return false;
            }
            if skim.is_whole() {
                break;
            }
        }
        while self.grow(skim) {}
        !self.lost
    }

    /// Goes on with the one object that is on the stack, if what comes next belongs to it; else all is as before.
    fn grow(&mut self, skim: &mut Skim) -> bool {
        let before = self.rest;
        let (memo, base) = (self.memo.len(), skim.parts[0]);
        let limit = before.len().saturating_sub(self.fuel);
        loop {
            let opcode = self.peek();
            let is_fitting = !skim.marks.is_empty() || Self::may_belong(opcode, skim);
            if !is_fitting || self.rest.len() < limit || !self.step(opcode, skim) {
                break;
            }
            if skim.is_whole() {
                return true;
            }
        }
        self.look_back(before);
        self.memo.truncate(memo);
        skim.parts.truncate(1);
        skim.parts[0] = base;
        skim.marks.clear();
        false
    }

    /// Whether it is likely that an opcode, with no mark open, has to do with the first object on the stack.
    fn may_belong(opcode: u8, skim: &Skim) -> bool {
        let count = skim.parts.len();
        let kind = |back: usize| count.checked_sub(back).map(|at| skim.parts[at].kind);
        match opcode {
            byte::APPEND
            | byte::SETITEM
            | byte::TUPLE1
            | byte::TUPLE2
            | byte::TUPLE3
            | byte::STACK_GLOBAL
            | byte::NEWOBJ
            | byte::NEWOBJ_EX
            | byte::REDUCE
            | byte::BUILD => true,
            byte::EMPTY_LIST | byte::EMPTY_DICT | byte::EMPTY_SET | byte::EMPTY_TUPLE | byte::MARK => {
                let into = match kind(1) {
                    Some(Kind::List | Kind::Class | Kind::Instance) => true,
                    Some(Kind::Dict | Kind::Set | Kind::FullList | Kind::FullDict | Kind::FullSet) => {
                        opcode == byte::MARK
                    }
                    _ => kind(2) == Some(Kind::Dict),
                };
                into && count < 2 * AHEAD
            }
            byte::GLOBAL => matches!(kind(1), Some(Kind::List)) || kind(2) == Some(Kind::Dict),
            _ => count < AHEAD || count < 2 * AHEAD && kind(2) == Some(Kind::Dict),
        }
    }

    /// Does with the stack what the machine does; if that is not possible, or what is unusual, nothing counts any more.
    fn step(&mut self, opcode: u8, skim: &mut Skim) -> bool {
        let start = self.at() as u32;
        let (kind, start) = match opcode {
            byte::NONE | byte::NEWTRUE | byte::NEWFALSE => {
                self.skip();
                skim.parts.push(Part { kind: Kind::Other, start, open: None });
                return true;
            }
            byte::BININT1 => return self.pass(2, start, skim),
            byte::BININT2 => return self.pass(3, start, skim),
            byte::BININT => return self.pass(5, start, skim),
            byte::BINFLOAT => return self.pass(9, start, skim),
            byte::LONG1 => match self.rest {
                [_, len, ..] => return self.pass(2 + usize::from(*len), start, skim),
                _ => return false,
            },
            byte::SHORT_BINUNICODE | byte::BINUNICODE | byte::BINUNICODE8 => {
                if self.skimmed_text(opcode, skim.stores).is_err() {
                    return false;
                }
                (Kind::Text, start)
            }
            byte::SHORT_BINBYTES | byte::BINBYTES | byte::BINBYTES8 | byte::BYTEARRAY8 => {
                let count = match opcode {
                    byte::SHORT_BINBYTES => Count::One,
                    byte::BINBYTES => Count::Four,
                    _ => Count::Eight,
                };
                if self.counted(count).is_err() {
                    return false;
                }
                (Kind::Bytes, start)
            }
            byte::BINGET | byte::LONG_BINGET => return self.skim_fetch(opcode, start, skim),
            byte::EMPTY_LIST => self.skimmed(Kind::List, start),
            byte::EMPTY_DICT => self.skimmed(Kind::Dict, start),
            byte::EMPTY_SET => self.skimmed(Kind::Set, start),
            byte::EMPTY_TUPLE => self.skimmed(Kind::Tuple, start),
            byte::MARK => {
                self.skip();
                skim.marks.push((skim.parts.len(), start));
                return true;
            }
            byte::APPENDS | byte::SETITEMS | byte::ADDITEMS => {
                let Some((mark, _)) = skim.marks.pop() else { return false };
                let count = skim.parts.len() - mark;
                return count.is_multiple_of(if opcode == byte::SETITEMS { 2 } else { 1 })
                    && self.fill(opcode, count, skim);
            }
            byte::APPEND => return self.fill(byte::APPENDS, 1, skim),
            byte::SETITEM => return self.fill(byte::SETITEMS, 2, skim),
            byte::TUPLE | byte::FROZENSET => {
                let Some((mark, offset)) = skim.marks.pop() else { return false };
                skim.parts.truncate(mark);
                self.skimmed(Kind::Tuple, offset)
            }
            byte::TUPLE1 | byte::TUPLE2 | byte::TUPLE3 => {
                let len = usize::from(opcode - byte::TUPLE1) + 1;
                match self.take(len, skim) {
                    Some(first) => (Kind::Postfix, first.start),
                    None => return false,
                }
            }
            byte::STACK_GLOBAL => match skim.parts[..] {
                [.., Part { kind: Kind::Text, .. }, Part { kind: Kind::Text, .. }] => {
                    match self.take(2, skim) {
                        Some(first) => (Kind::Class, first.start),
                        None => return false,
                    }
                }
                _ => return false,
            },
            byte::GLOBAL => {
                self.skip();
                if self.line().is_err() || self.line().is_err() {
                    return false;
                }
                (Kind::Class, start)
            }
            byte::NEWOBJ | byte::REDUCE | byte::NEWOBJ_EX => {
                match self.take(if opcode == byte::NEWOBJ_EX { 3 } else { 2 }, skim) {
                    Some(first) => (Kind::Instance, first.start),
                    None => return false,
                }
            }
            byte::BUILD => {
                if skim.above() < 2 || skim.parts[skim.parts.len() - 2].kind != Kind::Instance {
                    return false;
                }
                self.skip();
                skim.parts.pop();
                return true;
            }
            _ => return false,
        };
        let open = self.skim_store(kind, start, skim.stores);
        skim.parts.push(Part { kind, start, open });
        true
    }

    fn skimmed(&mut self, kind: Kind, start: u32) -> (Kind, u32) {
        self.skip();
        (kind, start)
    }

    /// A number of so many bytes.
    fn pass(&mut self, len: usize, start: u32, skim: &mut Skim) -> bool {
        let Some(rest) = self.rest.get(len..) else { return false };
        self.rest = rest;
        skim.parts.push(Part { kind: Kind::Other, start, open: None });
        true
    }

    fn skimmed_text(&mut self, opcode: u8, is_checked: bool) -> Result<()> {
        if is_checked {
            return self.bare_text(opcode).map(drop);
        }
        self.counted(match opcode {
            byte::SHORT_BINUNICODE => Count::One,
            byte::BINUNICODE => Count::Four,
            _ => Count::Eight,
        })
        .map(drop)
    }

    fn skim_fetch(&mut self, opcode: u8, start: u32, skim: &mut Skim) -> bool {
        let len = if opcode == byte::BINGET { 2 } else { 5 };
        if !skim.stores {
            // What is stored ahead is not known here, so that this says nothing of an index.
            let before = self.rest;
            let is_text = self.memo_tag(opcode) == Some(Tag::Text);
            self.rest = before;
            if self.rest.len() < len {
                return false;
            }
            self.rest = &self.rest[len..];
            let kind = if is_text { Kind::Text } else { Kind::Other };
            skim.parts.push(Part { kind, start, open: None });
            return true;
        }
        let Ok((_, entry)) = self.fetch(opcode) else { return false };
        let kind = match entry.tag() {
            Tag::Text => Kind::Text,
            Tag::Class => Kind::Class,
            _ => Kind::Other,
        };
        skim.parts.push(Part { kind, start, open: None });
        true
    }

    fn memo_tag(&self, opcode: u8) -> Option<Tag> {
        let index = match self.rest {
            [_, index, ..] if opcode == byte::BINGET => usize::from(*index),
            [_, a, b, c, d, ..] => u32::from_le_bytes([*a, *b, *c, *d]) as usize,
            _ => return None,
        };
        self.memo.get(index).map(Entry::tag)
    }

    /// Puts so many objects into the one below them.
    fn fill(&mut self, opcode: u8, count: usize, skim: &mut Skim) -> bool {
        if skim.above() <= count {
            return false;
        }
        let container = skim.parts.len() - count - 1;
        let part = &mut skim.parts[container];
        part.kind = match (opcode, part.kind) {
            (byte::APPENDS, Kind::List | Kind::FullList) => Kind::FullList,
            (byte::SETITEMS, Kind::Dict | Kind::FullDict) => Kind::FullDict,
            (byte::ADDITEMS, Kind::Set | Kind::FullSet) => Kind::FullSet,
            (_, Kind::Instance) => Kind::Instance,
            _ => return false,
        };
        let open = part.open;
        skim.parts.truncate(container + 1);
        self.skip();
        self.close(open);
        true
    }

    /// Takes so many objects off the stack for an opcode, and gives the first of them.
    fn take(&mut self, count: usize, skim: &mut Skim) -> Option<Part> {
        if skim.above() < count {
            return None;
        }
        self.skip();
        let first = skim.parts.len() - count;
        let part = skim.parts[first];
        skim.parts.truncate(first);
        Some(part)
    }

    /// Stores an object, if the stream says so and if that counts.
    fn skim_store(&mut self, kind: Kind, start: u32, stores: bool) -> Open {
        if !self.is_stored() {
            return None;
        }
        if !stores {
            self.replays += 1;
            self.store(Entry::new(Tag::Other, 0));
            self.replays -= 1;
            return None;
        }
        let start = start as usize;
        match kind {
            Kind::Text => self.store(Entry::new(Tag::Text, start)),
            Kind::Bytes => self.store(Entry::new(Tag::Bytes, start)),
            Kind::Tuple => self.store_whole(Tag::Container, start),
            Kind::Postfix => self.store_whole(Tag::Postfix, start),
            Kind::List | Kind::Dict | Kind::Set => {
                let open = self.store_open(Tag::Container, start);
                // That is its end if nothing comes into it.
                self.close(open);
                return open;
            }
            _ => self.store(Entry::new(Tag::Other, start)),
        }
        None
    }
}
