//! A stream's opcodes with their decoded arguments, with the errors of `pickletools.genops`.

use super::argument::{ArgumentError, ArgumentValue, Limits, literal, negative_string_length};
use super::repr::repr_bytes;
use crate::opcode::{ArgumentKind, Opcode};
use crate::read::{DecodeError, DecodeErrorKind, Decoder};
use std::fmt;

/// An opcode with its decoded argument.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation<'de> {
    /// The opcode.
    pub opcode: Opcode,
    /// Its argument.
    pub argument: ArgumentValue<'de>,
    /// The offset of the opcode byte.
    pub offset: u64,
    /// The offset after the argument.
    pub end: u64,
}

/// Why there is no next operation; the texts are those of `pickletools`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GenopsError {
    /// The input ended before a `STOP`.
    Exhausted,
    /// A byte that is no opcode, at this offset if that is known.
    UnknownOpcode(u8, Option<u64>),
    /// A malformed argument.
    Argument(ArgumentError),
}

impl fmt::Display for GenopsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GenopsError::Exhausted => f.write_str("pickle exhausted before seeing STOP"),
            GenopsError::UnknownOpcode(byte, offset) => {
                match offset {
                    Some(offset) => write!(f, "at position {offset}, opcode ")?,
                    None => f.write_str("at position <unknown>, opcode ")?,
                }
                repr_bytes(f, &[*byte])?;
                f.write_str(" unknown")
            }
            GenopsError::Argument(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for GenopsError {}

/// Iterates over the operations of one stream, up to and with its `STOP`.
///
/// ```
/// use brinery::inspect::{ArgumentValue, Genops};
///
/// let operations: Vec<_> = Genops::new(b"K\x2a.").map(|operation| operation.unwrap()).collect();
/// assert_eq!((operations[0].opcode.name(), operations[0].offset), ("BININT1", 0));
/// assert_eq!(operations[0].argument, ArgumentValue::Int(42));
/// assert_eq!(Genops::new(b"K").next().unwrap().unwrap_err().to_string(), "not enough data in stream to read uint1");
/// ```
#[derive(Clone, Debug)]
pub struct Genops<'de> {
    input: &'de [u8],
    base: u64,
    decoder: Decoder<'de>,
    limits: Limits,
}

impl<'de> Genops<'de> {
    /// The operations at the start of `input`.
    pub fn new(input: &'de [u8]) -> Self {
        Self::with_base(input, 0, Limits::default())
    }

    /// The operations at the start of `input`, with offsets that count from `base`.
    ///
    /// ```
    /// use brinery::inspect::{Genops, Limits};
    ///
    /// let operation = Genops::with_base(b"N.", 100, Limits::default()).nth(1).unwrap().unwrap();
    /// assert_eq!((operation.offset, operation.end), (101, 102));
    /// ```
    pub fn with_base(input: &'de [u8], base: u64, limits: Limits) -> Self {
        Genops { input, base, decoder: Decoder::with_base(input, base), limits }
    }

    /// What has not been decoded.
    ///
    /// ```
    /// let mut genops = brinery::inspect::Genops::new(b"N.more");
    /// assert_eq!(genops.by_ref().count(), 2);
    /// assert_eq!(genops.rest(), b"more");
    /// ```
    pub fn rest(&self) -> &'de [u8] {
        self.decoder.rest()
    }

    fn error(&self, error: DecodeError) -> GenopsError {
        let argument = (error.offset - self.base) as usize + 1;
        GenopsError::Argument(match error.kind {
            DecodeErrorKind::OutOfInput => return GenopsError::Exhausted,
            DecodeErrorKind::InvalidOpcode(byte) => {
                return GenopsError::UnknownOpcode(byte, Some(error.offset));
            }
            DecodeErrorKind::Truncated { opcode, expected, remaining } => {
                let kind = opcode.info().argument;
                let argument = &self.input[argument..];
                // The first line of a pair is read before the second is missed.
                let first = argument.split(|&byte| byte == b'\n').next().unwrap_or_default();
                match literal(first) {
                    Err(error) if kind == ArgumentKind::LinePair && first.len() < argument.len() => error,
                    _ => truncated(kind, expected, remaining, argument.len()),
                }
            }
            DecodeErrorKind::NegativeLength(opcode) => {
                let len: [u8; 4] = self.input[argument..][..4].try_into().unwrap_or_default();
                let kind = opcode.info().argument.name();
                ArgumentError::Value(format!("{kind} byte count < 0: {}", i32::from_le_bytes(len)))
            }
            DecodeErrorKind::LengthOverflow(opcode, len) => {
                let kind = opcode.info().argument.name();
                ArgumentError::Value(format!("{kind} byte count > sys.maxsize: {len}"))
            }
        })
    }
}

/// The error for an argument of which `remaining` bytes are there from the missing part on, and `all` in all.
fn truncated(kind: ArgumentKind, expected: Option<u64>, remaining: u64, all: usize) -> ArgumentError {
    use ArgumentKind::{
        ByteArray8, Bytes1, Bytes4, Bytes8, Int4, Long1, Long4, String1, String4, UInt1, UInt4, UInt8,
        Unicode1, Unicode4, Unicode8, UnicodeLine,
    };
    let Some(expected) = expected else {
        let line = if kind == UnicodeLine { "unicodestringnl" } else { "stringnl" };
        return ArgumentError::Value(format!("no newline found when trying to read {line}"));
    };
    let length = match kind {
        Long1 | String1 | Bytes1 | Unicode1 => Some((1, UInt1)),
        Long4 | String4 => Some((4, Int4)),
        Bytes4 | Unicode4 => Some((4, UInt4)),
        Bytes8 | ByteArray8 | Unicode8 => Some((8, UInt8)),
        _ => None,
    };
    let kind = match length {
        Some((width, length)) if all < width => length,
        Some(_) if kind == String4 && i32::try_from(expected).is_err() => {
            return negative_string_length(expected);
        }
        Some(_) if !matches!(kind, Long1 | Long4) => {
            let name = kind.name();
            return ArgumentError::Value(format!(
                "expected {expected} bytes in a {name}, but only {remaining} remain"
            ));
        }
        _ => kind,
    };
    ArgumentError::Value(format!("not enough data in stream to read {}", kind.name()))
}

impl<'de> Iterator for Genops<'de> {
    type Item = Result<Operation<'de>, GenopsError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.decoder.next()? {
            Ok(instruction) => match ArgumentValue::decode(&instruction, self.limits) {
                Ok(argument) => Ok(Operation {
                    opcode: instruction.opcode,
                    argument,
                    offset: instruction.offset,
                    end: instruction.end,
                }),
                Err(error) => Err(GenopsError::Argument(error)),
            },
            Err(error) => Err(self.error(error)),
        })
    }
}

/// What a stream that arrives piece by piece must still deliver before its next instruction is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// This many bytes.
    Bytes(u64),
    /// Everything up to a newline, and the newline.
    Line,
}

/// What `instruction`, the first bytes of one, lacks; `None` if it is whole, or malformed.
///
/// Who reads a file that cannot be rewound asks for exactly that and never reads too far.
///
/// ```
/// use brinery::inspect::{Missing, missing};
///
/// assert_eq!(missing(b""), Some(Missing::Bytes(1)));
/// assert_eq!(missing(b"X\x05\0\0\0he"), Some(Missing::Bytes(3)));
/// assert_eq!(missing(b"cos\n"), Some(Missing::Line));
/// assert_eq!(missing(b"N"), None);
/// ```
pub fn missing(instruction: &[u8]) -> Option<Missing> {
    match Decoder::new(instruction).next()? {
        Err(DecodeError { kind: DecodeErrorKind::OutOfInput, .. }) => Some(Missing::Bytes(1)),
        Err(DecodeError { kind: DecodeErrorKind::Truncated { expected, remaining, .. }, .. }) => {
            Some(expected.map_or(Missing::Line, |expected| Missing::Bytes(expected - remaining)))
        }
        _ => None,
    }
}
