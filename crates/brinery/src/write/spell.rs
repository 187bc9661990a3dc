//! How protocol 4 spells small objects: some bytes and how many of them count.
//!
//! An [`Emitter`](super::Emitter) writes the same; this is for whoever has a place for the bytes already.

use super::number;
use crate::opcode::byte;

/// The opcodes of integers of one, two and four bytes.
const INTS: [u8; 3] = [byte::BININT1, byte::BININT2, byte::BININT];
/// How long they are with their argument.
const LENGTHS: [usize; 3] = [2, 3, 5];

/// An integer of 32 bits, for protocols 1 and up.
///
/// ```
/// let (bytes, len) = brinery::write::spell::short_int(300);
/// assert_eq!(&bytes[..len], b"M\x2c\x01");
/// ```
#[inline(always)]
pub fn short_int(value: i64) -> ([u8; 8], usize) {
    // Numbers of different widths come in any order: no branch could foretell them.
    let width = usize::from(value.cast_unsigned() > 0xff) + usize::from(value.cast_unsigned() > 0xffff);
    let word = u64::from(INTS[width]) | value.cast_unsigned() << 8;
    (word.to_le_bytes(), LENGTHS[width])
}

/// An integer that 32 bits cannot hold, for protocols 2 and up.
#[inline(always)]
pub fn long_int(value: i64) -> ([u8; 16], usize) {
    let len = number::significant_bytes_of_word(value);
    let head = [byte::LONG1, len as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let number = u128::from_le_bytes(head) | u128::from(value.cast_unsigned()) << 16;
    (number.to_le_bytes(), 2 + len)
}

/// A float, for protocols 1 and up.
///
/// ```
/// let (bytes, len) = brinery::write::spell::float(1.5);
/// assert_eq!(&bytes[..len], b"G\x3f\xf8\0\0\0\0\0\0");
/// ```
#[inline(always)]
pub fn float(value: f64) -> ([u8; 9], usize) {
    let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
    ([byte::BINFLOAT, a, b, c, d, e, f, g, h], 9)
}

/// The header of text of up to 255 bytes, for protocols 4 and up.
#[inline(always)]
pub fn text(len: usize) -> [u8; 2] {
    debug_assert!(len <= 0xff);
    [byte::SHORT_BINUNICODE, len as u8]
}

/// The header of up to 255 bytes, for protocols 3 and up.
#[inline(always)]
pub fn bytes(len: usize) -> [u8; 2] {
    debug_assert!(len <= 0xff);
    [byte::SHORT_BINBYTES, len as u8]
}

/// The object in the memo at `index`, for protocols 1 and up; none beyond what four bytes can count.
///
/// ```
/// assert_eq!(brinery::write::spell::get(7), Some(([b'h', 7, 0, 0, 0, 0, 0, 0], 2)));
/// ```
#[inline(always)]
pub fn get(index: usize) -> Option<([u8; 8], usize)> {
    let [a, b, c, d] = u32::try_from(index).ok()?.to_le_bytes();
    let (opcode, len) = if index <= 0xff { (byte::BINGET, 2) } else { (byte::LONG_BINGET, 5) };
    Some(([opcode, a, b, c, d, 0, 0, 0], len))
}
