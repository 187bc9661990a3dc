//! Rust types straight from the opcodes, without a graph of the objects.
//!
//! CPython writes an object down as a tree: lists, dicts and instances before what is in them, small tuples after it, and
//! where something has been before, its index in the memo. A type that knows what it wants can be made while that is read.
//!
//! Opcodes alone do not tell what belongs together: `]K\x01a` and `]K\x01` begin alike. The reader then looks ahead and
//! goes by what writers do. It need not be right about that: each opcode that it takes does in the machine what the reader
//! takes it to do, or the way is *lost*, and so it is with anything unusual. Whoever asked starts again with a graph, whose
//! answer counts. So nothing is told apart here from an object that does not fit, and there are no places in errors.

mod access;
mod de;
mod memo;
mod skim;
#[cfg(test)]
mod tests;

use super::meaning::is_known_module;
use crate::opcode::byte;
use crate::options::Options;
use ::serde::de::Deserialize;
use memo::{Entry, Memo, Tag};
use skim::Skim;
use std::fmt;

/// The way is lost; or a visitor refuses what it was given, which a graph shall tell in full.
#[derive(Debug)]
pub(super) struct Lost;

type Result<T> = std::result::Result<T, Lost>;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not straight from the opcodes")
    }
}

impl std::error::Error for Lost {}

impl ::serde::de::Error for Lost {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Lost
    }
}

/// The value of the pickle at the start of an input, and what comes after it, if all is as usual.
pub(super) fn read<'de, T: Deserialize<'de>>(
    options: &Options<'de>,
    input: &'de [u8],
) -> Option<(T, &'de [u8])> {
    let [byte::PROTO, 2..=crate::read::HIGHEST_PROTOCOL, rest @ ..] = input else { return None };
    if options.wants_offsets() || input.len() > Entry::FARTHEST {
        return None;
    }
    let mut reader = Reader {
        rest,
        input,
        memo: Memo::new(),
        texts: Vec::new(),
        replays: 0,
        levels: options.recursion_limit,
        variants: 0,
        lost: false,
        fuel: input.len() + 1024,
        skim: Skim::default(),
    };
    let value = T::deserialize(&mut reader).ok()?;
    match reader.peek() {
        byte::STOP if !reader.lost => Some((value, &reader.rest[1..])),
        _ => None,
    }
}

/// Where in the memo an object is whose end is not known yet, if it is there.
type Open = Option<usize>;

/// Reads one stream.
struct Reader<'de> {
    rest: &'de [u8],
    input: &'de [u8],
    memo: Memo,
    /// Texts that have been fetched from the memo, at their index as far as there is room.
    texts: Vec<(usize, &'de str)>,
    /// How many fetched objects are being read again, in each other. Meanwhile nothing goes into the memo.
    replays: usize,
    /// How much deeper it may go.
    levels: usize,
    /// How many variants have a content that has not been read to its end.
    variants: usize,
    /// Whether the way is lost, even if nobody minds.
    lost: bool,
    /// How many bytes may be looked at for nothing: what looks ahead must not take longer than what reads.
    fuel: usize,
    skim: Skim,
}

/// The opcodes that neither end a batch, nor a tuple, nor begin a frame.
const BEGINS_OBJECT: [bool; 256] = {
    let mut begins = [true; 256];
    let others = [byte::APPENDS, byte::SETITEMS, byte::ADDITEMS, byte::TUPLE, byte::FROZENSET, byte::FRAME];
    let mut index = 0;
    while index < others.len() {
        begins[others[index] as usize] = false;
        index += 1;
    }
    begins
};

/// Names of fields.
type Names = &'static [&'static str];

/// How many texts are at hand that have been fetched.
const TEXTS: usize = 64;

impl Reader<'_> {
    /// Nothing is left to read then: who passes over errors shall not go on for ever.
    #[cold]
    fn lost(&mut self) -> Lost {
        self.lost = true;
        self.rest = &[];
        Lost
    }

    /// The same result, of something that an error leaves half read.
    #[inline(always)]
    fn whole<T>(&mut self, result: Result<T>) -> Result<T> {
        match result {
            Ok(value) => Ok(value),
            Err(_) => Err(self.lost()),
        }
    }

    /// Where the next opcode stands.
    #[inline(always)]
    fn at(&self) -> usize {
        self.input.len() - self.rest.len()
    }

    /// The next opcode, which is not consumed; zero, which is none, at the end.
    #[inline(always)]
    fn peek(&mut self) -> u8 {
        match self.rest.first() {
            Some(&byte::FRAME) => self.after_frames(),
            Some(&opcode) => opcode,
            None => 0,
        }
    }

    #[cold]
    #[inline(never)]
    fn after_frames(&mut self) -> u8 {
        while let [byte::FRAME, a, b, c, d, e, f, g, h, rest @ ..] = self.rest {
            let len = u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
            if len > rest.len() as u64 {
                return 0;
            }
            self.rest = rest;
        }
        match self.rest.first() {
            Some(&byte::FRAME) | None => 0,
            Some(&opcode) => opcode,
        }
    }

    /// Whether an object begins here, which neither ends what it is in nor is behind a frame.
    #[inline(always)]
    fn begins_object(&self) -> bool {
        self.rest.first().is_some_and(|&opcode| BEGINS_OBJECT[usize::from(opcode)])
    }

    /// Consumes an opcode that was [seen](Self::peek).
    #[inline(always)]
    fn skip(&mut self) {
        if let [_, rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Consumes this opcode.
    #[inline(always)]
    fn expect(&mut self, opcode: u8) -> Result<()> {
        if self.peek() != opcode {
            return Err(self.lost());
        }
        self.skip();
        Ok(())
    }

    /// One level deeper.
    #[inline(always)]
    fn enter(&mut self) -> Result<()> {
        match self.levels.checked_sub(1) {
            Some(levels) => self.levels = levels,
            None => return Err(self.lost()),
        }
        Ok(())
    }

    #[inline(always)]
    fn leave(&mut self) {
        self.levels += 1;
    }
}

// What opcodes have with them.
impl<'de> Reader<'de> {
    /// The number of `BININT`, `BININT1` or `BININT2`.
    #[inline(always)]
    fn short_int(&mut self, opcode: u8) -> Result<i64> {
        const WIDTHS: u32 =
            1 << (4 * (byte::BININT1 - byte::BININT)) | 2 << (4 * (byte::BININT2 - byte::BININT)) | 4;
        let width = (WIDTHS >> (4 * (opcode - byte::BININT)) & 7) as usize;
        // The widths come in no order that a processor could foresee, so there is one way for all of them.
        let Some(&[_, a, b, c, d]) = self.rest.first_chunk::<5>() else { return self.last_int(width) };
        self.rest = &self.rest[1 + width..];
        let number = u32::from_le_bytes([a, b, c, d]) & (u32::MAX >> (32 - 8 * width as u32));
        // Only the widest has a sign, and the others are not wide enough to be taken for negative.
        Ok(number.cast_signed().into())
    }

    #[cold]
    fn last_int(&mut self, width: usize) -> Result<i64> {
        let Some((bytes, rest)) = self.rest[1..].split_at_checked(width) else { return Err(self.lost()) };
        self.rest = rest;
        let number = bytes.iter().rev().fold(0, |number: u32, &byte| number << 8 | u32::from(byte));
        Ok(number.cast_signed().into())
    }

    /// The number of `LONG1`, if eight bytes hold it and are there.
    #[inline(always)]
    fn word(&mut self) -> Option<i64> {
        let &[_, len @ 1..=8, a, b, c, d, e, f, g, h] = self.rest.first_chunk::<10>()? else { return None };
        self.rest = &self.rest[2 + usize::from(len)..];
        let unused = 64 - 8 * u32::from(len);
        Some(i64::from_le_bytes([a, b, c, d, e, f, g, h]) << unused >> unused)
    }

    /// The number of `LONG1`, as far as 72 bits hold it.
    fn long(&mut self) -> Result<i128> {
        let bytes = self.counted(Count::One)?;
        if bytes.len() > 9 {
            return Err(self.lost());
        }
        let fill = if bytes.last().is_some_and(|last| last & 0x80 != 0) { 0xff } else { 0 };
        let mut wide = [fill; 16];
        wide[..bytes.len()].copy_from_slice(bytes);
        Ok(i128::from_le_bytes(wide))
    }

    #[inline(always)]
    fn float(&mut self) -> Result<f64> {
        let Some((&[_, a, b, c, d, e, f, g, h], rest)) = self.rest.split_first_chunk::<9>() else {
            return Err(self.lost());
        };
        self.rest = rest;
        Ok(f64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// The bytes of an opcode that tells their number.
    #[inline(always)]
    fn counted(&mut self, count: Count) -> Result<&'de [u8]> {
        let split = match count {
            Count::One => match self.rest {
                [_, len, rest @ ..] => rest.split_at_checked(usize::from(*len)),
                _ => None,
            },
            Count::Four => self.rest.split_first_chunk::<5>().and_then(|(&[_, a, b, c, d], rest)| {
                rest.split_at_checked(u32::from_le_bytes([a, b, c, d]) as usize)
            }),
            Count::Eight => self.rest.split_first_chunk::<9>().and_then(|(head, rest)| {
                let &[_, a, b, c, d, e, f, g, h] = head;
                let len = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
                usize::try_from(len).ok().and_then(|len| rest.split_at_checked(len))
            }),
        };
        let Some((bytes, rest)) = split else { return Err(self.lost()) };
        self.rest = rest;
        Ok(bytes)
    }

    /// Text that is short and comes next, and what stores it.
    #[inline(always)]
    fn short_text(&mut self) -> Option<&'de str> {
        let [byte::SHORT_BINUNICODE, len, rest @ ..] = self.rest else { return None };
        let (bytes, rest) = rest.split_at_checked(usize::from(*len))?;
        let text = std::str::from_utf8(bytes).ok()?;
        let start = self.at();
        self.rest = rest;
        self.store(Entry::new(Tag::Text, start));
        Some(text)
    }

    /// Text, and what stores it.
    #[inline(always)]
    fn text(&mut self, opcode: u8) -> Result<&'de str> {
        let start = self.at();
        let text = self.bare_text(opcode)?;
        self.store(Entry::new(Tag::Text, start));
        Ok(text)
    }

    #[inline(always)]
    fn bare_text(&mut self, opcode: u8) -> Result<&'de str> {
        let bytes = if opcode == byte::SHORT_BINUNICODE {
            self.counted(Count::One)?
        } else {
            self.long_text(opcode)?
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(_) => Err(self.lost()),
        }
    }

    #[inline(never)]
    fn long_text(&mut self, opcode: u8) -> Result<&'de [u8]> {
        self.counted(if opcode == byte::BINUNICODE { Count::Four } else { Count::Eight })
    }

    /// A bytes object or a bytearray, and what stores it.
    fn bytes(&mut self, opcode: u8) -> Result<&'de [u8]> {
        let start = self.at();
        let bytes = self.counted(match opcode {
            byte::SHORT_BINBYTES => Count::One,
            byte::BINBYTES => Count::Four,
            _ => Count::Eight,
        })?;
        self.store(Entry::new(Tag::Bytes, start));
        Ok(bytes)
    }

    /// The line of an opcode that has lines, without the opcode itself.
    fn line(&mut self) -> Result<&'de str> {
        let end = memchr::memchr(b'\n', self.rest).filter(|&end| end > 0);
        let line = end.and_then(|end| std::str::from_utf8(&self.rest[..end]).ok());
        let Some(line) = line else { return Err(self.lost()) };
        self.rest = &self.rest[line.len() + 1..];
        Ok(line)
    }
}

/// How many bytes a number of bytes has.
#[derive(Clone, Copy)]
enum Count {
    One,
    Four,
    Eight,
}

// The memo.
impl<'de> Reader<'de> {
    /// Stores the object that was read last, if the stream says so.
    #[inline(always)]
    fn store(&mut self, entry: Entry) {
        match self.rest {
            [byte::MEMOIZE, rest @ ..] if self.replays == 0 => {
                self.rest = rest;
                self.memo.push(entry);
            }
            _ => self.store_at(entry),
        }
    }

    /// The same in another spelling, or not at all.
    #[inline(never)]
    fn store_at(&mut self, entry: Entry) {
        let (index, rest) = match (self.peek(), self.rest) {
            (byte::BINPUT, [_, index, rest @ ..]) => (usize::from(*index), rest),
            (byte::LONG_BINPUT, [_, a, b, c, d, rest @ ..]) => {
                (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest)
            }
            (byte::MEMOIZE, [_, rest @ ..]) => (self.memo.len(), rest),
            _ => return,
        };
        self.rest = rest;
        if self.replays == 0 {
            // All writers count.
            if index != self.memo.len() {
                self.lost();
            }
            self.memo.push(entry);
        }
    }

    /// Makes room in the memo where there is much to come: what is not used is not touched, and growing is copying.
    fn expect_much(&mut self) {
        if self.replays == 0 {
            self.memo.reserve((self.rest.len() / 8).min(1 << 19));
        }
    }

    /// Whether the next opcode stores.
    #[inline(always)]
    fn is_stored(&mut self) -> bool {
        matches!(self.peek(), byte::MEMOIZE | byte::BINPUT | byte::LONG_BINPUT)
    }

    /// Stores an object whose end is not known yet.
    #[inline(always)]
    fn store_open(&mut self, tag: Tag, start: usize) -> Open {
        if !self.is_stored() {
            return None;
        }
        self.store(Entry::new(tag, start));
        if self.replays == 0 { self.memo.len().checked_sub(1) } else { None }
    }

    /// Consumes what begins a container, which comes next, and tells whether there is a mark after it.
    #[inline(always)]
    fn open(&mut self) -> (Open, bool) {
        let start = self.at();
        if let [_, byte::MEMOIZE, byte::MARK, rest @ ..] = self.rest
            && self.replays == 0
        {
            self.rest = rest;
            self.memo.push(Entry::new(Tag::Container, start));
            return (self.memo.len().checked_sub(1), true);
        }
        self.open_any(start)
    }

    #[inline(never)]
    fn open_any(&mut self, start: usize) -> (Open, bool) {
        self.skip();
        let open = self.store_open(Tag::Container, start);
        let marked = self.peek() == byte::MARK;
        if marked {
            self.skip();
        }
        (open, marked)
    }

    /// Tells the end of an object that was [stored](Self::store_open).
    #[inline(always)]
    fn close(&mut self, open: Open) {
        let end = self.at() as u32;
        if let Some(entry) = open.and_then(|open| self.memo.get_mut(open)) {
            entry.end = end;
        }
    }

    /// Stores an object that ends here.
    #[inline(always)]
    fn store_whole(&mut self, tag: Tag, start: usize) {
        let end = self.at() as u32;
        if self.is_stored() {
            let mut entry = Entry::new(tag, start);
            entry.end = end;
            self.store(entry);
        }
    }

    /// The object that `BINGET` or `LONG_BINGET` fetches, and its index.
    #[inline(always)]
    fn fetch(&mut self, opcode: u8) -> Result<(usize, Entry)> {
        let (index, rest) = match self.rest {
            [_, index, rest @ ..] if opcode == byte::BINGET => (usize::from(*index), rest),
            [_, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
            _ => return Err(self.lost()),
        };
        self.rest = rest;
        match self.memo.get(index) {
            Some(entry) => Ok((index, entry)),
            None => Err(self.lost()),
        }
    }

    /// Text that `BINGET` fetches, if it is at hand.
    #[inline(always)]
    fn text_at_hand(&mut self) -> Option<&'de str> {
        let [byte::BINGET, index, rest @ ..] = self.rest else { return None };
        match self.texts.get(usize::from(*index) % TEXTS) {
            Some(&(same, text)) if same == usize::from(*index) => {
                self.rest = rest;
                Some(text)
            }
            _ => None,
        }
    }

    /// The name of a field, if it is at hand, or if it is here and the first of these, so that it need not be validated.
    #[inline(always)]
    fn likely_name(&mut self, names: &mut Names) -> Option<&'de str> {
        let [byte::SHORT_BINUNICODE, len, rest @ ..] = self.rest else { return self.text_at_hand() };
        let (name, others) = names.split_first()?;
        if usize::from(*len) != name.len() {
            return None;
        }
        let rest = rest.strip_prefix(name.as_bytes())?;
        *names = others;
        let start = self.at();
        self.rest = rest;
        self.store(Entry::new(Tag::Text, start));
        Some(name)
    }

    /// Text in the memo.
    #[inline(always)]
    fn fetched_text(&mut self, index: usize, entry: Entry) -> Result<&'de str> {
        match self.texts.get(index % TEXTS) {
            Some(&(same, text)) if same == index => Ok(text),
            _ => self.text_again(index, entry),
        }
    }

    #[inline(never)]
    fn text_again(&mut self, index: usize, entry: Entry) -> Result<&'de str> {
        let after = std::mem::replace(&mut self.rest, &self.input[entry.start()..]);
        let text = self.bare_text(self.rest[0]);
        self.rest = after;
        let text = text?;
        if self.texts.is_empty() {
            self.texts.resize(TEXTS, (usize::MAX, ""));
        }
        self.texts[index % TEXTS] = (index, text);
        Ok(text)
    }

    /// Bytes in the memo.
    fn fetched_bytes(&mut self, entry: Entry) -> Result<&'de [u8]> {
        let after = std::mem::replace(&mut self.rest, &self.input[entry.start()..]);
        self.replays += 1;
        let bytes = self.bytes(self.rest[0]);
        self.replays -= 1;
        self.rest = after;
        bytes
    }

    /// Reads an object in the memo again, which has to end where it did.
    fn replay<T>(&mut self, entry: Entry, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if entry.end == 0 {
            return Err(self.lost());
        }
        let after = std::mem::replace(&mut self.rest, &self.input[entry.start()..]);
        self.replays += 1;
        let result = read(self);
        let value = self.whole(result)?;
        if self.at() != entry.end as usize {
            return Err(self.lost());
        }
        self.replays -= 1;
        self.rest = after;
        Ok(value)
    }

    /// A class whose instances are told by their state.
    fn class(&mut self) -> Result<()> {
        let opcode = self.peek();
        let module = match opcode {
            byte::BINGET | byte::LONG_BINGET => {
                let (index, entry) = self.fetch(opcode)?;
                match entry.tag() {
                    Tag::Class => return Ok(()),
                    Tag::Text => self.fetched_text(index, entry)?,
                    _ => return Err(self.lost()),
                }
            }
            byte::GLOBAL => {
                self.skip();
                let module = self.line()?;
                self.line()?;
                module
            }
            _ => self.known_text()?,
        };
        if opcode != byte::GLOBAL {
            self.known_text()?;
            self.expect(byte::STACK_GLOBAL)?;
        }
        if is_known_module(module) {
            return Err(self.lost());
        }
        self.store(Entry::new(Tag::Class, 0));
        Ok(())
    }

    /// Text that is here or in the memo.
    fn known_text(&mut self) -> Result<&'de str> {
        match self.peek() {
            opcode @ (byte::SHORT_BINUNICODE | byte::BINUNICODE | byte::BINUNICODE8) => self.text(opcode),
            opcode @ (byte::BINGET | byte::LONG_BINGET) => match self.fetch(opcode)? {
                (index, entry) if entry.tag() == Tag::Text => self.fetched_text(index, entry),
                _ => Err(self.lost()),
            },
            _ => Err(self.lost()),
        }
    }
}
