//! Opcodes with their arguments, one after the other, without executing them.

use super::cursor::{Cursor, Source};
use crate::opcode::{ArgumentKind, Opcode};
use std::fmt;

/// The argument of an opcode, as it stands in the stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument<'de> {
    /// No argument.
    None,
    /// An integer of fixed width.
    Int(i64),
    /// An unsigned 8-byte integer.
    UInt8(u64),
    /// A float of eight bytes.
    Float(f64),
    /// What follows a length.
    Bytes(&'de [u8]),
    /// A line without its newline.
    Line(&'de [u8]),
    /// Two lines without their newlines.
    Lines(&'de [u8], &'de [u8]),
}

/// An opcode where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instruction<'de> {
    /// The offset of the opcode byte.
    pub offset: u64,
    /// The offset after the argument.
    pub end: u64,
    /// The opcode.
    pub opcode: Opcode,
    /// Its argument.
    pub argument: Argument<'de>,
}

/// Why the decoder cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The input ended before a `STOP`.
    OutOfInput,
    /// A byte that is no opcode.
    InvalidOpcode(u8),
    /// The input ended inside the argument of this opcode: so many bytes were claimed and so many are there.
    Truncated {
        /// The opcode.
        opcode: Opcode,
        /// How many bytes the argument claims; `None` for a line without its newline.
        expected: Option<u64>,
        /// How many bytes there are.
        remaining: u64,
    },
    /// `LONG4` with a negative length.
    NegativeLength(Opcode),
    /// A length beyond what a machine word can count.
    LengthOverflow(Opcode, u64),
}

/// Why and where the decoder cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// The offset of the opcode.
    pub offset: u64,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = self.offset;
        match self.kind {
            DecodeErrorKind::OutOfInput => write!(f, "offset {offset}: the input ends without a STOP"),
            DecodeErrorKind::InvalidOpcode(byte) => {
                write!(f, "offset {offset}: byte 0x{byte:02x} is no opcode")
            }
            DecodeErrorKind::Truncated { opcode, expected: Some(expected), remaining } => {
                write!(f, "offset {offset}: {opcode} claims {expected} bytes, but only {remaining} remain")
            }
            DecodeErrorKind::Truncated { opcode, expected: None, .. } => {
                write!(f, "offset {offset}: the line of {opcode} has no newline")
            }
            DecodeErrorKind::NegativeLength(opcode) => {
                write!(f, "offset {offset}: {opcode} has a negative length")
            }
            DecodeErrorKind::LengthOverflow(opcode, len) => {
                write!(f, "offset {offset}: {opcode} claims {len} bytes, more than memory can hold")
            }
        }
    }
}

impl std::error::Error for DecodeError {}

/// How long an instruction is whose argument has no end of its own.
#[derive(Clone, Copy)]
struct Width {
    /// So many bytes, or all too many if there is no telling.
    fixed: u16,
    /// Those of the four bytes after the opcode that count more bytes.
    counted: u32,
}

const WIDTHS: [Width; 256] = {
    use ArgumentKind as Kind;
    let mut widths = [Width { fixed: u16::MAX, counted: u32::MAX }; 256];
    let mut index = 0;
    while index < Opcode::ALL.len() {
        let opcode = Opcode::ALL[index];
        let (fixed, counted) = match opcode.info().argument {
            Kind::None => (1, 0),
            Kind::UInt1 => (2, 0),
            Kind::UInt2 => (3, 0),
            Kind::Int4 | Kind::UInt4 => (5, 0),
            Kind::UInt8 | Kind::Float8 => (9, 0),
            Kind::Long1 | Kind::String1 | Kind::Bytes1 | Kind::Unicode1 => (2, 0xff),
            Kind::String4 | Kind::Bytes4 | Kind::Unicode4 => (5, u32::MAX),
            _ => (u16::MAX, u32::MAX),
        };
        widths[opcode as usize] = Width { fixed, counted };
        index += 1;
    }
    widths
};

/// The opcodes whose argument is one line.
const LINES: [bool; 256] = {
    use ArgumentKind as Kind;
    let mut lines = [false; 256];
    let mut index = 0;
    while index < Opcode::ALL.len() {
        let opcode = Opcode::ALL[index];
        lines[opcode as usize] = matches!(
            opcode.info().argument,
            Kind::DecimalLine
                | Kind::LongLine
                | Kind::FloatLine
                | Kind::QuotedLine
                | Kind::Line
                | Kind::UnicodeLine
        );
        index += 1;
    }
    lines
};

/// How far the end of a line is looked for byte by byte.
const SHORT_LINE: usize = 16;

/// Iterates over the instructions of one stream, up to and with its `STOP`.
///
/// ```
/// use brinery::{Opcode, read::{Argument, Decoder}};
///
/// let mut decoder = Decoder::new(b"\x80\x04K\x2a.rest");
/// let ops: Vec<_> = decoder.by_ref().map(|i| i.unwrap()).collect();
/// assert_eq!(ops.iter().map(|i| i.opcode).collect::<Vec<_>>(), [Opcode::Proto, Opcode::BinInt1, Opcode::Stop]);
/// assert_eq!((ops[1].offset, ops[1].argument), (2, Argument::Int(42)));
/// assert_eq!(decoder.rest(), b"rest");
/// ```
#[derive(Clone, Debug)]
pub struct Decoder<'de> {
    cursor: Cursor<'de>,
    done: bool,
}

impl<'de> Decoder<'de> {
    /// A decoder at the start of `input`.
    pub fn new(input: &'de [u8]) -> Self {
        Self::with_base(input, 0)
    }

    /// A decoder that counts offsets from `base`.
    pub fn with_base(input: &'de [u8], base: u64) -> Self {
        Decoder { cursor: Cursor::with_base(input, base), done: false }
    }

    /// What has not been decoded.
    pub fn rest(&self) -> &'de [u8] {
        self.cursor.rest()
    }

    /// Passes over instructions of these kinds, by the byte of the opcode, up to `end`: quickly, for those who look for
    /// others. It may stop before that anywhere, and does so before the first one that goes on beyond `end`, that ends with
    /// a line, or that is not whole.
    ///
    /// ```
    /// use brinery::read::Decoder;
    ///
    /// let mut plain = [false; 256];
    /// plain[usize::from(b'K')] = true;
    /// plain[usize::from(b'U')] = true;
    /// let mut decoder = Decoder::new(b"K\x01U\x03abcK\x02K\x03tK\x04...........");
    /// decoder.pass(&plain, 9);
    /// assert_eq!(decoder.offset(), 9);
    /// decoder.pass(&plain, u64::MAX);
    /// assert_eq!(decoder.next().unwrap().unwrap().offset, 11);
    /// ```
    pub fn pass(&mut self, which: &[bool; 256], end: u64) {
        self.pass_lines(which, end, |_, _| false);
    }

    /// The same, and passes over opcodes whose argument is one line if `plain` says so of the opcode's byte and the line.
    ///
    /// ```
    /// use brinery::read::Decoder;
    ///
    /// let mut decoder = Decoder::new(b"I12\nI-3\nI0x4\n.........");
    /// decoder.pass_lines(&[false; 256], u64::MAX, |opcode, line| opcode == b'I' && !line.contains(&b'x'));
    /// assert_eq!(decoder.offset(), 8);
    /// ```
    #[inline]
    pub fn pass_lines(&mut self, which: &[bool; 256], end: u64, plain: impl FnMut(u8, &[u8]) -> bool) {
        self.pass_each(which, end, plain, |_, _| {});
    }

    /// The same, and shows the byte of each opcode that is passed over, and how long it is with its argument.
    ///
    /// ```
    /// use brinery::read::Decoder;
    ///
    /// let mut decoder = Decoder::new(b"K\x01K\x02\x85..........");
    /// let mut seen = Vec::new();
    /// decoder.pass_each(&[true; 256], 5, |_, _| false, |opcode, len| seen.push((opcode, len)));
    /// assert_eq!(seen, [(b'K', 2), (b'K', 2), (0x85, 1)]);
    /// ```
    #[inline]
    pub fn pass_each(
        &mut self,
        which: &[bool; 256],
        end: u64,
        mut plain: impl FnMut(u8, &[u8]) -> bool,
        mut each: impl FnMut(u8, usize),
    ) {
        if self.done {
            return;
        }
        let bytes = self.cursor.rest();
        let room = end.saturating_sub(self.offset());
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        let mut at = 0;
        while let Some(head) = bytes.get(at..).and_then(<[u8]>::first_chunk::<9>) {
            let width = &WIDTHS[usize::from(head[0])];
            let counted = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) & width.counted;
            let len = usize::from(width.fixed) + counted as usize;
            if which[usize::from(head[0])] && len <= room.saturating_sub(at) {
                at += len;
                each(head[0], len);
                continue;
            }
            if !LINES[usize::from(head[0])] {
                break;
            }
            let line = &bytes[at + 1..];
            // Most lines are short.
            let short = line.iter().take(SHORT_LINE).position(|&byte| byte == b'\n');
            let Some(len) = short.or_else(|| memchr::memchr(b'\n', line)) else { break };
            if len + 2 > room.saturating_sub(at) || !plain(head[0], &line[..len]) {
                break;
            }
            at += len + 2;
            each(head[0], len + 2);
        }
        self.cursor.skip(at);
    }

    /// Where the next instruction begins.
    pub fn offset(&self) -> u64 {
        self.cursor.offset()
    }

    #[inline(always)]
    fn decode(&mut self) -> Result<Instruction<'de>, DecodeErrorKind> {
        let offset = self.cursor.offset();
        let Ok(Some(byte)) = self.cursor.opcode() else { return Err(DecodeErrorKind::OutOfInput) };
        let opcode = Opcode::from_byte(byte).ok_or(DecodeErrorKind::InvalidOpcode(byte))?;
        let argument = self.argument(opcode)?;
        Ok(Instruction { offset, end: self.cursor.offset(), opcode, argument })
    }

    #[inline(always)]
    fn argument(&mut self, opcode: Opcode) -> Result<Argument<'de>, DecodeErrorKind> {
        use ArgumentKind as Kind;
        Ok(match opcode.info().argument {
            Kind::None => Argument::None,
            Kind::UInt1 => Argument::Int(u8::from_le_bytes(self.array(opcode)?).into()),
            Kind::UInt2 => Argument::Int(u16::from_le_bytes(self.array(opcode)?).into()),
            Kind::Int4 => Argument::Int(i32::from_le_bytes(self.array(opcode)?).into()),
            Kind::UInt4 => Argument::Int(u32::from_le_bytes(self.array(opcode)?).into()),
            Kind::UInt8 => Argument::UInt8(u64::from_le_bytes(self.array(opcode)?)),
            Kind::Float8 => Argument::Float(f64::from_be_bytes(self.array(opcode)?)),
            Kind::DecimalLine
            | Kind::LongLine
            | Kind::FloatLine
            | Kind::QuotedLine
            | Kind::Line
            | Kind::UnicodeLine => Argument::Line(self.line(opcode)?),
            Kind::LinePair => Argument::Lines(self.line(opcode)?, self.line(opcode)?),
            Kind::Long1 | Kind::String1 | Kind::Bytes1 | Kind::Unicode1 => {
                let len = u8::from_le_bytes(self.array(opcode)?);
                self.bytes(len.into(), opcode)?
            }
            Kind::Long4 => {
                let len = i32::from_le_bytes(self.array(opcode)?);
                let len = u64::try_from(len).map_err(|_| DecodeErrorKind::NegativeLength(opcode))?;
                self.bytes(len, opcode)?
            }
            Kind::String4 | Kind::Bytes4 | Kind::Unicode4 => {
                let len = u32::from_le_bytes(self.array(opcode)?);
                self.bytes(len.into(), opcode)?
            }
            Kind::Bytes8 | Kind::ByteArray8 | Kind::Unicode8 => {
                let len = u64::from_le_bytes(self.array(opcode)?);
                if isize::try_from(len).is_err() {
                    return Err(DecodeErrorKind::LengthOverflow(opcode, len));
                }
                self.bytes(len, opcode)?
            }
        })
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self, opcode: Opcode) -> Result<[u8; N], DecodeErrorKind> {
        let remaining = self.cursor.buffered() as u64;
        let truncated = DecodeErrorKind::Truncated { opcode, expected: Some(N as u64), remaining };
        self.cursor.array().map_err(|_| truncated)
    }

    #[inline(always)]
    fn bytes(&mut self, len: u64, opcode: Opcode) -> Result<Argument<'de>, DecodeErrorKind> {
        let remaining = self.cursor.buffered() as u64;
        let truncated = DecodeErrorKind::Truncated { opcode, expected: Some(len), remaining };
        let len = usize::try_from(len).map_err(|_| truncated)?;
        self.cursor.split(len).map(Argument::Bytes).map_err(|_| truncated)
    }

    #[inline(never)]
    fn line(&mut self, opcode: Opcode) -> Result<&'de [u8], DecodeErrorKind> {
        let remaining = self.cursor.buffered() as u64;
        match self.cursor.split_line() {
            Ok(line) => Ok(line),
            Err(_) => Err(DecodeErrorKind::Truncated { opcode, expected: None, remaining }),
        }
    }
}

impl<'de> Iterator for Decoder<'de> {
    type Item = Result<Instruction<'de>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let offset = self.cursor.offset();
        let result = self.decode().map_err(|kind| DecodeError { kind, offset });
        self.done = !matches!(&result, Ok(instruction) if instruction.opcode != Opcode::Stop);
        Some(result)
    }
}
