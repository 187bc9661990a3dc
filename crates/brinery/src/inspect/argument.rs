//! The arguments of opcodes as Python values.

use super::repr::{repr_bytearray, repr_bytes, repr_str};
use super::text::{self, EscapeError, TextError};
use crate::opcode::ArgumentKind as Kind;
use crate::read::{Argument, Instruction, number as read_number};
use crate::write::number::float_repr;
use num_bigint::BigInt;
use std::{borrow::Cow, fmt};

/// A decoded argument.
#[derive(Clone, Debug, PartialEq)]
pub enum ArgumentValue<'de> {
    /// No argument.
    None,
    /// A bool in the spelling of protocols 0 and 1.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer beyond 64 bits.
    BigInt(BigInt),
    /// A float.
    Float(f64),
    /// Bytes.
    Bytes(&'de [u8]),
    /// The bytes of a bytearray.
    ByteArray(&'de [u8]),
    /// Text, in UTF-8 where lone surrogates may be encoded.
    Str(Cow<'de, [u8]>),
}

/// Why an argument is malformed; the texts are those of `pickletools`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgumentError {
    /// A `ValueError` with this text.
    Value(String),
    /// A `UnicodeDecodeError`.
    Text(TextError),
    /// An integer with more digits than [`Limits::int_digits`] allows: its text.
    IntDigits(Vec<u8>),
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArgumentError::Value(text) => f.write_str(text),
            ArgumentError::Text(error) => error.fmt(f),
            ArgumentError::IntDigits(_) => f.write_str(TOO_MANY_DIGITS),
        }
    }
}

impl std::error::Error for ArgumentError {}

pub(super) const TOO_MANY_DIGITS: &str = "the integer has more digits than the limit allows";

/// What the work on one argument may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many decimal digits an integer may have, as converting them takes quadratic time.
    pub int_digits: usize,
}

impl Default for Limits {
    /// CPython's own.
    fn default() -> Self {
        Limits { int_digits: 4300 }
    }
}

impl Limits {
    /// Whether the decimal digits of a number may be too many to write.
    pub(super) fn forbids(self, value: &BigInt) -> bool {
        // log10(2) is just above 0.30102; only near the limit do the digits have to be counted.
        let low = (value.bits() as f64 * 0.301) as usize;
        low > self.int_digits
            || low + low / 1000 + 2 > self.int_digits && value.magnitude().to_string().len() > self.int_digits
    }
}

impl<'de> ArgumentValue<'de> {
    /// Decodes the argument of an instruction.
    ///
    /// ```
    /// use brinery::{inspect::{ArgumentValue, Limits}, read::Decoder};
    ///
    /// let instruction = Decoder::new(b"I01\n.").next().unwrap().unwrap();
    /// let value = ArgumentValue::decode(&instruction, Limits::default()).unwrap();
    /// assert_eq!(value, ArgumentValue::Bool(true));
    /// ```
    pub fn decode(instruction: &Instruction<'de>, limits: Limits) -> Result<Self, ArgumentError> {
        let kind = instruction.opcode.info().argument;
        Ok(match (kind, instruction.argument) {
            (_, Argument::None) => ArgumentValue::None,
            (_, Argument::Int(value)) => ArgumentValue::Int(value),
            (_, Argument::UInt8(value)) => match i64::try_from(value) {
                Ok(value) => ArgumentValue::Int(value),
                Err(_) => ArgumentValue::BigInt(value.into()),
            },
            (_, Argument::Float(value)) => ArgumentValue::Float(value),
            (Kind::Long1 | Kind::Long4, Argument::Bytes(bytes)) => long(bytes),
            (Kind::String4, Argument::Bytes(bytes)) => match i32::try_from(bytes.len()) {
                Ok(_) => ArgumentValue::Str(text::latin1(bytes)),
                Err(_) => return Err(negative_string_length(bytes.len() as u64)),
            },
            (Kind::String1, Argument::Bytes(bytes)) => ArgumentValue::Str(text::latin1(bytes)),
            (Kind::Unicode1 | Kind::Unicode4 | Kind::Unicode8, Argument::Bytes(bytes)) => {
                text::utf8(bytes).map_err(ArgumentError::Text)?;
                ArgumentValue::Str(bytes.into())
            }
            (Kind::ByteArray8, Argument::Bytes(bytes)) => ArgumentValue::ByteArray(bytes),
            (_, Argument::Bytes(bytes)) => ArgumentValue::Bytes(bytes),
            (Kind::DecimalLine, Argument::Line(b"00")) => ArgumentValue::Bool(false),
            (Kind::DecimalLine, Argument::Line(b"01")) => ArgumentValue::Bool(true),
            (Kind::LongLine, Argument::Line(line)) => int(line.strip_suffix(b"L").unwrap_or(line), limits)?,
            (Kind::DecimalLine, Argument::Line(line)) => int(line, limits)?,
            (Kind::FloatLine, Argument::Line(line)) => float(line)?,
            (Kind::QuotedLine, Argument::Line(line)) => ArgumentValue::Str(literal(unquote(line)?)?),
            (Kind::UnicodeLine, Argument::Line(line)) => {
                ArgumentValue::Str(text::raw_unicode_escape(line).map_err(ArgumentError::Text)?)
            }
            (_, Argument::Line(line)) => ArgumentValue::Str(literal(line)?),
            (_, Argument::Lines(first, second)) => {
                let pair = [literal(first)?, literal(second)?];
                ArgumentValue::Str(pair.join(&b' ').into())
            }
        })
    }

    /// Writes the value as Python's `repr` does; `printable` says which characters are shown as they are.
    ///
    /// ```
    /// use brinery::inspect::{ArgumentValue, is_printable};
    ///
    /// let mut text = String::new();
    /// ArgumentValue::Float(1e16).write_repr(&mut text, &is_printable).unwrap();
    /// assert_eq!(text, "1e+16");
    /// ```
    pub fn write_repr(&self, out: &mut impl fmt::Write, printable: &dyn Fn(char) -> bool) -> fmt::Result {
        match self {
            ArgumentValue::None => out.write_str("None"),
            ArgumentValue::Bool(true) => out.write_str("True"),
            ArgumentValue::Bool(false) => out.write_str("False"),
            ArgumentValue::Int(value) => write!(out, "{value}"),
            ArgumentValue::BigInt(value) => write!(out, "{value}"),
            ArgumentValue::Float(value) => out.write_str(&float_repr(*value)),
            ArgumentValue::Bytes(bytes) => repr_bytes(out, bytes),
            ArgumentValue::ByteArray(bytes) => repr_bytearray(out, bytes),
            ArgumentValue::Str(text) => repr_str(out, text, printable),
        }
    }
}

/// The error of a `BINSTRING` whose length `pickletools` takes for negative.
pub(super) fn negative_string_length(len: u64) -> ArgumentError {
    ArgumentError::Value(format!("string4 byte count < 0: {}", len as u32 as i32))
}

/// Little-endian two's complement.
fn long(bytes: &[u8]) -> ArgumentValue<'static> {
    if bytes.len() > 8 {
        let value = BigInt::from_signed_bytes_le(bytes);
        return i64::try_from(&value).map_or(ArgumentValue::BigInt(value), ArgumentValue::Int);
    }
    let fill = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let mut wide = [fill; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    ArgumentValue::Int(i64::from_le_bytes(wide))
}

/// A decimal integer as Python's `int(text)` reads it.
fn int(line: &[u8], limits: Limits) -> Result<ArgumentValue<'static>, ArgumentError> {
    let digits = line.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits > limits.int_digits {
        return Err(ArgumentError::IntDigits(line.to_vec()));
    }
    let Some(value) = read_number::integer(line, Some(10)) else {
        let mut text = String::new();
        let _ = repr_bytes(&mut text, line);
        // Python quotes no more than that of an unreadable number.
        text.truncate(200);
        return Err(ArgumentError::Value(format!("invalid literal for int() with base 10: {text}")));
    };
    Ok(i64::try_from(&value).map_or(ArgumentValue::BigInt(value), ArgumentValue::Int))
}

/// A float as Python's `float(text)` reads it.
fn float(line: &[u8]) -> Result<ArgumentValue<'static>, ArgumentError> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = line.iter().position(|byte| !is_space(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    let trimmed = &line[start..end];
    let misplaced = |position: usize| {
        let digit = |at: Option<usize>| at.and_then(|at| trimmed.get(at)).is_some_and(u8::is_ascii_digit);
        !(digit(position.checked_sub(1)) && digit(Some(position + 1)))
    };
    let underscores_fit = !trimmed.iter().enumerate().any(|(at, &byte)| byte == b'_' && misplaced(at));
    let digits: Vec<u8> = trimmed.iter().copied().filter(|&byte| byte != b'_').collect();
    let value = std::str::from_utf8(&digits).ok().and_then(|text| text.parse().ok());
    match value {
        Some(value) if underscores_fit => Ok(ArgumentValue::Float(value)),
        _ => {
            let mut text = String::from("could not convert string to float: ");
            let _ = repr_bytes(&mut text, line);
            Err(ArgumentError::Value(text))
        }
    }
}

/// The inside of a literal in quotes.
fn unquote(line: &[u8]) -> Result<&[u8], ArgumentError> {
    let mut text = String::new();
    match line {
        // A lone quote is taken for both.
        [b'"' | b'\''] => return Ok(&[]),
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => return Ok(inner),
        [quote @ (b'"' | b'\''), ..] => {
            text.push_str("strinq quote ");
            let _ = repr_bytes(&mut text, &[*quote]);
            text.push_str(" not found at both ends of ");
        }
        _ => text.push_str("no string quotes around "),
    }
    let _ = repr_bytes(&mut text, line);
    Err(ArgumentError::Value(text))
}

/// The ASCII text that an escaped literal stands for.
pub(super) fn literal(inner: &[u8]) -> Result<Cow<'_, [u8]>, ArgumentError> {
    let bytes = text::unescape(inner).map_err(|error| {
        ArgumentError::Value(match error {
            EscapeError::Trailing => "Trailing \\ in string".into(),
            EscapeError::Hex(position) => format!("invalid \\x escape at position {position}"),
        })
    })?;
    text::ascii(bytes).map_err(ArgumentError::Text)
}
