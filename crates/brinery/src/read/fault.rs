//! What can be wrong with a stream.

use crate::opcode::Opcode;
use std::fmt;

/// The kind of exception that CPython raises for a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultClass {
    /// `pickle.UnpicklingError`
    Unpickling,
    /// `EOFError`
    Eof,
    /// `ValueError`
    Value,
    /// `OverflowError`
    Overflow,
    /// `UnicodeDecodeError`
    Encoding,
}

/// A malformed stream, as the machine finds it.
///
/// The texts are those that CPython's users know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The input ended where an opcode was expected.
    OutOfInput,
    /// The input ended inside an opcode's argument.
    Truncated,
    /// A byte that is no opcode.
    InvalidOpcode(u8),
    /// An opcode needs more objects than the stack has.
    StackUnderflow,
    /// An opcode needs an object where there is a mark.
    UnexpectedMark,
    /// An opcode needs a mark and there is none.
    NoMark,
    /// A key without a value.
    OddItems(Opcode),
    /// The text of `INT` or `LONG` is no integer.
    IntText,
    /// The text of `FLOAT` is no float.
    FloatText,
    /// The text of `FLOAT` is beyond the range of a float.
    FloatOverflow,
    /// The text of `GET` or `PUT` is no number.
    MemoIndexText,
    /// The text of `GET` or `PUT` is not even UTF-8.
    MemoIndexEncoding,
    /// The index of `GET` or `PUT` does not fit a machine word.
    MemoIndexOverflow,
    /// The index of `PUT` is negative.
    NegativePut,
    /// The memo has no entry at this index.
    MemoMissing(i64),
    /// `LONG4` with a negative length.
    NegativeLong,
    /// A length beyond what a machine word can count.
    LengthOverflow(Opcode),
    /// The argument of `STRING` has no matching quotes.
    UnquotedString,
    /// An extension code of zero or below.
    ExtensionCode,
    /// A protocol that is not known.
    UnsupportedProtocol(u8),
    /// `STACK_GLOBAL` on objects that are not strings.
    StackGlobalType,
}

impl Fault {
    /// The kind of exception that CPython raises for this fault.
    pub fn class(self) -> FaultClass {
        match self {
            Fault::OutOfInput => FaultClass::Eof,
            Fault::IntText
            | Fault::FloatText
            | Fault::MemoIndexText
            | Fault::NegativePut
            | Fault::UnsupportedProtocol(_) => FaultClass::Value,
            Fault::FloatOverflow | Fault::MemoIndexOverflow | Fault::LengthOverflow(_) => {
                FaultClass::Overflow
            }
            Fault::MemoIndexEncoding => FaultClass::Encoding,
            _ => FaultClass::Unpickling,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Fault::OutOfInput => f.write_str("Ran out of input"),
            Fault::Truncated => f.write_str("pickle data was truncated"),
            Fault::InvalidOpcode(byte) if matches!(byte, 0x20..=0x7e) && byte != b'\'' && byte != b'\\' => {
                write!(f, "invalid load key, '{}'.", byte as char)
            }
            Fault::InvalidOpcode(byte) => write!(f, "invalid load key, '\\x{byte:02x}'."),
            Fault::StackUnderflow => f.write_str("unpickling stack underflow"),
            Fault::UnexpectedMark => f.write_str("unexpected MARK found"),
            Fault::NoMark => f.write_str("could not find MARK"),
            Fault::OddItems(opcode) => write!(f, "odd number of items for {opcode}"),
            Fault::IntText => f.write_str("could not convert string to int"),
            Fault::FloatText => f.write_str("could not convert string to float"),
            Fault::FloatOverflow => f.write_str("value too large to convert to float"),
            Fault::MemoIndexText => f.write_str("memo index is not a decimal integer"),
            Fault::MemoIndexEncoding => f.write_str("memo index is not valid UTF-8"),
            Fault::MemoIndexOverflow => f.write_str("Python int too large to convert to C ssize_t"),
            Fault::NegativePut => f.write_str("negative PUT argument"),
            Fault::MemoMissing(index) => write!(f, "Memo value not found at index {index}"),
            Fault::NegativeLong => f.write_str("LONG pickle has negative byte count"),
            Fault::LengthOverflow(Opcode::Frame) => {
                write!(f, "FRAME length exceeds system's maximum of {} bytes", isize::MAX)
            }
            Fault::LengthOverflow(opcode) => {
                write!(f, "{opcode} exceeds system's maximum size of {} bytes", isize::MAX)
            }
            Fault::UnquotedString => f.write_str("the STRING opcode argument must be quoted"),
            Fault::ExtensionCode => f.write_str("EXT specifies code <= 0"),
            Fault::UnsupportedProtocol(protocol) => write!(f, "unsupported pickle protocol: {protocol}"),
            Fault::StackGlobalType => f.write_str("STACK_GLOBAL requires str"),
        }
    }
}

impl std::error::Error for Fault {}
