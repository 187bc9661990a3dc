//! `int`, read while it is saved.

use crate::ffi::Ref;
#[cfg(not(known_layout))]
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

/// Appends the two's complement of an `int`, little-endian; whether its layout is known. There may be more bytes at the
/// end than the number needs.
#[cfg(known_layout)]
pub(crate) fn append_bytes(int: Ref<'_>, to: &mut Vec<u8>) -> bool {
    // SAFETY: callers know that this is an int, which has as many digits as it says; they never change.
    let (negative, digits) = unsafe {
        let (negative, len) = head(int);
        (negative, std::slice::from_raw_parts(first_digit(int), len))
    };
    to.reserve(digits.len() * 4 + 12);
    // The complement of a magnitude less one is its negative.
    let (flip, mut borrow) = if negative { (u32::MAX, 1) } else { (0, 0) };
    let mut put = |word: u32| {
        let (word, borrowed) = word.overflowing_sub(borrow);
        borrow = borrowed.into();
        to.extend_from_slice(&(word ^ flip).to_le_bytes());
    };
    let (mut word, mut bits) = (0_u64, 0);
    for &digit in digits {
        word |= u64::from(digit) << bits;
        bits += DIGIT;
        if bits >= 32 {
            put(word as u32);
            word >>= 32;
            bits -= 32;
        }
    }
    put(word as u32);
    // One more holds the sign.
    put(0);
    true
}

#[cfg(not(known_layout))]
pub(crate) fn append_bytes(_: Ref<'_>, _: &mut Vec<u8>) -> bool {
    false
}

/// How many bits a digit has.
#[cfg(known_layout)]
const DIGIT: u32 = 30;

#[cfg(known_layout)]
#[inline(always)]
fn signed(negative: bool, magnitude: u64) -> i64 {
    let sign = -i64::from(negative);
    // The complement of the number less one.
    (magnitude.cast_signed() ^ sign).wrapping_sub(sign)
}

/// Whether an `int` is negative, and how many digits it has.
///
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
