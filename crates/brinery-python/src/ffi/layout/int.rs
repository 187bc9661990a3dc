//! `int`, read while it is saved.

use crate::ffi::Ref;
use crate::ffi::api::*;

/// The value of an `int` that 64 bits can hold.
#[cfg(known_layout)]
#[inline(always)]
pub(crate) fn value(int: Ref<'_>) -> Option<i64> {
    // SAFETY: callers know that this is an int; it has as many digits as it says, and even zero has room for one.
    unsafe {
        let (negative, len) = head(int);
        let digits = first_digit(int);
        if len <= 1 {
            return Some(signed(negative, u64::from(*digits) * len as u64));
        }
        let magnitude = u64::from(*digits) | u64::from(*digits.add(1)) << DIGIT;
        if len == 2 {
            return Some(signed(negative, magnitude));
        }
        if len > 3 {
            return None;
        }
        let highest = u64::from(*digits.add(2));
        let magnitude = magnitude | highest << (2 * DIGIT);
        let smallest = negative && highest == 8 && magnitude == 1 << 63;
        (highest < 8 || smallest).then(|| signed(negative, magnitude))
    }
}

#[cfg(not(known_layout))]
pub(crate) fn value(int: Ref<'_>) -> Option<i64> {
    let mut overflow = 0;
    // SAFETY: callers know that this is an int.
    let value = unsafe { PyLong_AsLongLongAndOverflow(int.as_ptr(), &raw mut overflow) };
    (overflow == 0).then_some(value)
}

/// The same of any object: only an exact `int` has one.
#[inline(always)]
pub(crate) fn exact(object: Ref<'_>) -> Option<i64> {
    if object.is_exactly(&raw mut PyLong_Type) { value(object) } else { None }
}

/// Whether an `int` is not negative and certainly has no more bits than these.
#[cfg(known_layout)]
pub(crate) fn is_unsigned(int: Ref<'_>, bits: usize) -> bool {
    // SAFETY: callers know that this is an int, which has as many digits as it says.
    let (negative, digits) = unsafe {
        let (negative, len) = head(int);
        (negative, std::slice::from_raw_parts(first_digit(int), len))
    };
    let used = digits.split_last().map_or(0, |(highest, rest)| {
        rest.len() * DIGIT as usize + (u32::BITS - highest.leading_zeros()) as usize
    });
    !negative && used <= bits
}

#[cfg(not(known_layout))]
pub(crate) fn is_unsigned(_: Ref<'_>, _: usize) -> bool {
    false
}

/// Appends the two's complement of an `int`, little-endian; whether its layout is known. There may be more bytes at the
/// end than the number needs.
#[cfg(known_layout)]
pub(crate) fn append_bytes(int: Ref<'_>, to: &mut Vec<u8>) -> bool {
    // SAFETY: callers know that this is an int, which has as many digits as it says; they never change.
    let (negative, digits) = unsafe {
        let (negative, len) = head(int);
        (negative, std::slice::from_raw_parts(first_digit(int), len))
    };
    let start = to.len();
    let (blocks, rest) = digits.as_chunks::<4>();
    to.resize(start + ((blocks.len() + 1) * BLOCK + 1).next_multiple_of(8), 0);
    let bytes = &mut to[start..];
    // What is stored beyond a block is zero, and the next one comes there.
    let mut put = |index: usize, [a, b, c, d]: [u32; 4]| {
        let (low, high) = (u64::from(a) | u64::from(b) << DIGIT, u64::from(c) | u64::from(d) << DIGIT);
        let value = u128::from(low) | u128::from(high) << (2 * DIGIT);
        bytes[index * BLOCK..][..16].copy_from_slice(&value.to_le_bytes());
    };
    for (index, &block) in blocks.iter().enumerate() {
        put(index, block);
    }
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    put(blocks.len(), last);
    if negative {
        let mut carry = true;
        for word in bytes.as_chunks_mut::<8>().0 {
            let (value, carried) = (!u64::from_le_bytes(*word)).overflowing_add(carry.into());
            *word = value.to_le_bytes();
            carry = carried;
        }
    }
    true
}

#[cfg(not(known_layout))]
pub(crate) fn append_bytes(_: Ref<'_>, _: &mut Vec<u8>) -> bool {
    false
}

/// How many bits a digit has.
#[cfg(known_layout)]
const DIGIT: u32 = 30;
/// How many bytes four digits are.
#[cfg(known_layout)]
const BLOCK: usize = 4 * DIGIT as usize / 8;

#[cfg(known_layout)]
#[inline(always)]
fn signed(negative: bool, magnitude: u64) -> i64 {
    let sign = -i64::from(negative);
    // The complement of the number less one.
    (magnitude.cast_signed() ^ sign).wrapping_sub(sign)
}

/// Whether an `int` is negative, and how many digits it has.
///
/// How many digits an `int` has; zero has none.
#[cfg(known_layout)]
pub(super) fn digits(int: Ref<'_>) -> usize {
    // SAFETY: callers know that this is an int.
    unsafe { head(int).1 }
}

/// # Safety
///
/// The object is an int, and alive.
#[cfg(known_layout)]
#[inline(always)]
unsafe fn head(int: Ref<'_>) -> (bool, usize) {
    // SAFETY: the word after the head is the number of digits with the sign of the value; from 3.12 on a tag of both,
    // whose lowest two bits are the sign: 0 positive, 1 zero, 2 negative.
    unsafe {
        let word = *int.as_ptr().add(1).cast::<isize>();
        if cfg!(Py_3_12) {
            (word & 2 != 0, word.cast_unsigned() >> 3)
        } else {
            (word < 0, word.unsigned_abs())
        }
    }
}

/// # Safety
///
/// The object is an int, and alive.
#[cfg(known_layout)]
#[inline(always)]
unsafe fn first_digit(int: Ref<'_>) -> *const u32 {
    // SAFETY: the digits follow the head and a word.
    unsafe { int.as_ptr().add(1).cast::<usize>().add(1).cast() }
}
