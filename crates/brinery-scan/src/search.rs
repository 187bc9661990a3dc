//! Streams that start anywhere.
//!
//! A loader can be pointed at any offset, so a stream counts wherever it is: after a prefix, between records, in a file of
//! another kind. Most bytes are no pickles: a place is looked at if it has the mark of one, and believed if the machine
//! gets somewhere from there.

use crate::blob::Blob;
use crate::known;
use brinery::Opcode;
use brinery::read::{Argument, DecodeErrorKind, Decoder};
use std::io;

/// How much is looked at in one go, and how much of it once more with what follows.
const WINDOW: usize = 1 << 20;
const OVERLAP: usize = 1 << 10;
/// How long a name may be that marks a stream.
const NAME: usize = 200;

/// How a place was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// `PROTO`.
    Proto,
    /// A global.
    Global,
}

/// Finds places that may be starts of streams, one after the other.
pub(crate) struct Search<'b, 'a> {
    blob: &'b Blob<'a>,
    window: Vec<u8>,
    /// Where the window starts.
    start: u64,
    /// Where to go on.
    at: u64,
    end: u64,
    proto_only: bool,
}

impl<'b, 'a> Search<'b, 'a> {
    pub(crate) fn new(blob: &'b Blob<'a>, at: u64, end: u64, proto_only: bool) -> Self {
        Search { blob, window: Vec::new(), start: 0, at, end: end.min(blob.len()), proto_only }
    }

    /// Goes on from here.
    pub(crate) fn go_to(&mut self, at: u64) {
        self.at = self.at.max(at);
    }

    /// The next place.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, Mark)>> {
        while self.at < self.end {
            if let Some(bytes) = self.blob.bytes() {
                let found =
                    find(&bytes[..self.end as usize], self.at as usize, self.end as usize, self.proto_only);
                return Ok(match found {
                    Some((place, next, mark)) => {
                        self.at = next as u64;
                        Some((place as u64, mark))
                    }
                    None => {
                        self.at = self.end;
                        None
                    }
                });
            }
            let in_window = self.at >= self.start && self.at < self.start + self.window.len() as u64;
            if !in_window {
                self.start = self.at.saturating_sub(OVERLAP as u64);
                self.window = self.blob.get(self.start, WINDOW.min((self.end - self.start) as usize))?;
                if self.start + self.window.len() as u64 <= self.at {
                    return Ok(None);
                }
            }
            let last = self.start + self.window.len() as u64 >= self.end;
            let until =
                if last { self.window.len() } else { self.window.len() - OVERLAP.min(self.window.len()) };
            let from = (self.at - self.start) as usize;
            if let Some((place, next, mark)) = find(&self.window, from, until, self.proto_only) {
                self.at = self.start + next as u64;
                return Ok(Some((self.start + place as u64, mark)));
            }
            self.at = self.start + until.max(from) as u64;
            if last {
                self.at = self.end;
            }
            self.window.clear();
        }
        Ok(None)
    }
}

/// The next mark from `from` on that lies before `until`: where its stream starts, and where to go on.
fn find(bytes: &[u8], from: usize, until: usize, proto_only: bool) -> Option<(usize, usize, Mark)> {
    let mut at = from;
    while at < until {
        let found = if proto_only {
            memchr::memchr(0x80, &bytes[at..until])
        } else {
            memchr::memchr3(0x80, b'\n', 0x93, &bytes[at..until])
        };
        at += found?;
        let place = match bytes[at] {
            0x80 => starts_stream(&bytes[at..]).then_some((at, Mark::Proto)),
            b'\n' => global_lines(bytes, at).map(|start| (start, Mark::Global)),
            _ => stack_global(bytes, at).map(|start| (start, Mark::Global)),
        };
        at += 1;
        if let Some((start, mark)) = place {
            return Some((start, at, mark));
        }
    }
    None
}

/// Whether bytes start like a pickle with `PROTO`.
pub(crate) fn starts_stream(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 0..=5, next, ..] if Opcode::from_byte(*next).is_some()) && has_opcodes(bytes)
}

/// Whether the first opcodes there are sound.
pub(crate) fn has_opcodes(bytes: &[u8]) -> bool {
    Decoder::new(&bytes[..bytes.len().min(64)]).take(4).all(|instruction| {
        instruction.is_ok_and(|_| true)
            || instruction.is_err_and(|error| {
                matches!(error.kind, DecodeErrorKind::Truncated { .. } | DecodeErrorKind::OutOfInput)
            })
    })
}

/// What the first bytes of something tell of whether it is a pickle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    Sure(bool),
    /// Only as many bytes tell, or more.
    Needs(u64),
}

/// Whether bytes are a pickle by their opcodes: up to one that names something, or to a `STOP` after so many of them that they
/// are none by chance.
pub(crate) fn stands(bytes: &[u8]) -> Stands {
    let named = |name: &[u8]| !name.is_empty() && name.iter().all(|&byte| is_name_byte(byte));
    let (mut count, mut names) = (0, 0);
    for instruction in Decoder::new(bytes) {
        let instruction = match instruction {
            Ok(instruction) => instruction,
            Err(error) => {
                return match error.kind {
                    DecodeErrorKind::Truncated { expected: Some(len), .. } => {
                        Stands::Needs(error.offset.saturating_add(len))
                    }
                    DecodeErrorKind::Truncated { .. } | DecodeErrorKind::OutOfInput => {
                        Stands::Needs(bytes.len() as u64)
                    }
                    _ => Stands::Sure(count > BY_CHANCE),
                };
            }
        };
        count += 1;
        let sure = match (instruction.opcode, instruction.argument) {
            (Opcode::Global | Opcode::Inst, Argument::Lines(module, name)) => named(module) && named(name),
            (Opcode::StackGlobal, _) => names > 1,
            (Opcode::LongBinPut, Argument::Int(index)) => index > 1 << 16,
            (Opcode::Put, Argument::Line(index)) => index.len() > 5,
            (Opcode::Stop, _) => {
                return Stands::Sure(count > BY_CHANCE || instruction.end == bytes.len() as u64);
            }
            (opcode, Argument::Bytes(text) | Argument::Line(text)) => {
                // Escapes may stand for any letters.
                let is_escaped = matches!(opcode, Opcode::Unicode | Opcode::String);
                names += usize::from(is_escaped || named(text));
                false
            }
            _ => count > BY_CHANCE,
        };
        if sure {
            return Stands::Sure(true);
        }
    }
    Stands::Sure(false)
}

/// How many opcodes bytes may be that are none.
const BY_CHANCE: usize = 12;

/// Whether bytes are a pickle from the first to the last, the `STOP`.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_end();
    if bytes.last() != Some(&b'.') || bytes.first().is_none_or(|&byte| Opcode::from_byte(byte).is_none()) {
        return false;
    }
    let mut end = 0;
    let sound = Decoder::new(bytes).all(|instruction| {
        instruction.is_ok_and(|it| {
            end = it.end;
            true
        })
    });
    sound && end == bytes.len() as u64
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' || byte >= 0x80
}

fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let sound = !text.is_empty()
        && text
            .split('.')
            .all(|part| !part.is_empty() && !part.starts_with(|first: char| first.is_ascii_digit()));
    sound.then_some(text)
}

/// The start of a `GLOBAL` or `INST` whose first line ends at `newline`.
fn global_lines(bytes: &[u8], newline: usize) -> Option<usize> {
    if newline == 0 || !is_name_byte(bytes[newline - 1]) {
        return None;
    }
    let after = &bytes[newline + 1..(newline + 1 + NAME).min(bytes.len())];
    let len = after.iter().position(|&byte| !is_name_byte(byte))?;
    if after[len] != b'\n' {
        return None;
    }
    let name = text(&after[..len])?;
    let before = &bytes[newline.saturating_sub(NAME)..newline];
    let run = before.iter().rev().take_while(|&&byte| is_name_byte(byte)).count();
    let first = newline - run;
    let says_nothing = known::says_nothing(name);
    (first..newline).find(|&start| {
        let is_known = |module: &[u8]| {
            // Digests and other long words are names of nothing.
            let known = || std::str::from_utf8(module).is_ok_and(known::may_be_module);
            !says_nothing || start == first || known()
        };
        let module = &bytes[start + 1..newline];
        matches!(bytes[start], b'c' | b'i')
            && is_known(module)
            && text(module).is_some_and(|module| known::is_reachable(module, name) || start == first)
    })
}

/// The start of the two strings before a `STACK_GLOBAL`.
fn stack_global(bytes: &[u8], opcode: usize) -> Option<usize> {
    let name = string_before(bytes, opcode)?;
    let module = string_before(bytes, name.0)?;
    let (module_text, name_text) = (text(module.1)?, text(name.1)?);
    known::is_reachable(module_text, name_text).then_some(module.0)
}

/// The short string, and what stores it in the memo, that ends at `end`.
fn string_before(bytes: &[u8], end: usize) -> Option<(usize, &[u8])> {
    let ends = [
        Some(end),
        (end >= 1 && bytes[end - 1] == 0x94).then(|| end - 1),
        (end >= 2 && bytes[end - 2] == b'q').then(|| end - 2),
        (end >= 5 && bytes[end - 5] == b'r').then(|| end - 5),
    ];
    for end in ends.into_iter().flatten() {
        let run =
            bytes[end.saturating_sub(NAME)..end].iter().rev().take_while(|&&byte| is_name_byte(byte)).count();
        for len in 1..=run {
            let text = end - len;
            let short =
                text >= 2 && matches!(bytes[text - 2], 0x8c | b'U') && bytes[text - 1] as usize == len;
            if short {
                return Some((text - 2, &bytes[text..end]));
            }
            let long = text >= 5
                && matches!(bytes[text - 5], b'X' | b'T')
                && u32::from_le_bytes(*bytes[text - 4..].first_chunk()?) as usize == len;
            if long {
                return Some((text - 5, &bytes[text..end]));
            }
        }
    }
    None
}
