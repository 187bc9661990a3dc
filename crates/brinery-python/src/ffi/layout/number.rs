//! `int` and `float`.
//!
//! An `int` is the object header, a word with the number of digits and the sign, and the digits, 30 bits each.

use super::{Heap, Layout};
use crate::ffi::number::from_bytes;
use crate::ffi::{Owned, Raised, Ref, Result};
use pyo3_ffi::*;
use std::ptr::NonNull;

const DIGIT: u64 = 30;
const MASK: u64 = (1 << DIGIT) - 1;

/// The numbers that the interpreter keeps one object each for.
const SMALL: std::ops::RangeInclusive<i64> = -5..=256;

/// The interpreter's own objects for small numbers.
pub(super) struct Ints {
    small: [NonNull<PyObject>; 262],
}

// SAFETY: the objects live as long as the interpreter, whose lock protects them.
unsafe impl Send for Ints {}
// SAFETY: as above.
unsafe impl Sync for Ints {}

/// The word between header and digits.
#[inline(always)]
const fn size_word(digits: u64, negative: bool) -> u64 {
    if cfg!(Py_3_12) {
        digits << 3 | if negative { 2 } else { 0 }
    } else if negative {
        digits.wrapping_neg()
    } else {
        digits
    }
}

impl Ints {
    /// `None` if the interpreter's integers look different.
    pub(super) fn new() -> Result<Option<Self>> {
        let one = Owned::int(1)?;
        let mut small = [one.as_ref().as_non_null(); 262];
        for (value, place) in SMALL.zip(&mut small) {
            let (object, again) = (Owned::int(value)?, Owned::int(value)?);
            if object.as_ptr() != again.as_ptr() {
                return Ok(None);
            }
            *place = object.as_ref().as_non_null();
        }
        let heap = Heap::new();
        let ints = Ints { small };
        for magnitude in [257, MASK, MASK + 1, 1 << 31, 1 << 59, (1 << 60) - 1] {
            for value in [magnitude, magnitude.wrapping_neg()].map(u64::cast_signed) {
                let (ours, theirs) = (ints.make(&heap, value)?, Owned::int(value)?);
                // SAFETY: both objects are integers, and have four words.
                let same = unsafe {
                    let words = |object: &Owned| *object.as_ptr().cast::<[u64; 4]>();
                    let (ours, theirs) = (words(&ours), words(&theirs));
                    let digits = if magnitude <= MASK { 0xffff_ffff } else { u64::MAX };
                    ours[1..3] == theirs[1..3] && (ours[3] ^ theirs[3]) & digits == 0 && ours[0] == theirs[0]
                };
                if !same {
                    return Ok(None);
                }
            }
        }
        for magnitude in [1 << 60, (1 << 63) - 1, 1 << 63] {
            for value in [magnitude, u64::wrapping_neg(magnitude)].map(u64::cast_signed) {
                let (ours, theirs) = (Ints::make_longest(&heap, value)?, Owned::int(value)?);
                // SAFETY: both objects are integers, and have at least 36 bytes.
                let same = unsafe {
                    let words = |object: &Owned| *object.as_ptr().cast::<[u32; 9]>();
                    words(&ours) == words(&theirs)
                };
                if !same {
                    return Ok(None);
                }
            }
        }
        // All lengths up to some digits, and numbers that need fewer digits than bytes.
        for len in 9..40 {
            for (fill, last) in
                [(0xff, 0x7f), (0xff, 0x80), (0, 0x80), (0x5a, 0x01), (0xa5, 0xff), (1, 0), (0, 1)]
            {
                let mut bytes = vec![fill; len];
                bytes[len - 1] = last;
                let (ours, theirs) = (Ints::make_long(&heap, &bytes)?, from_bytes(&bytes)?);
                // SAFETY: both objects are integers, and alive.
                let same = unsafe {
                    let words = |object: &Owned| *object.as_ptr().cast::<[u64; 3]>();
                    words(&ours) == words(&theirs)
                        && PyObject_RichCompareBool(ours.as_ptr(), theirs.as_ptr(), Py_EQ) == 1
                };
                if !same {
                    return Ok(None);
                }
            }
        }
        Ok(Some(ints))
    }

    /// An `int` of little-endian two's complement, of any length but 0.
    fn make_long(heap: &Heap, bytes: &[u8]) -> Result<Owned> {
        let negative = bytes.last().is_some_and(|last| last.cast_signed() < 0);
        let sign = if negative { u32::MAX } else { 0 };
        let room = (bytes.len() * 8).div_ceil(DIGIT as usize);
        // SAFETY: there is room for so many digits; all that count are written.
        unsafe {
            let object = heap.allocate(24 + 4 * room);
            if object.is_null() {
                return Err(Raised);
            }
            let digits = object.add(3).cast::<u32>();
            // The magnitude of a negative number is its complement and one.
            let (mut bits, mut count, mut carry, mut done) = (0u64, 0, u64::from(negative), 0);
            let mut add = |chunk: u32, width: u64| {
                let chunk = u64::from((chunk ^ sign) & (u32::MAX >> (32 - width))) + carry;
                carry = chunk >> width;
                bits |= (chunk & ((1 << width) - 1)) << count;
                count += width;
                while count >= DIGIT {
                    digits.add(done).write((bits & MASK) as u32);
                    (bits, count, done) = (bits >> DIGIT, count - DIGIT, done + 1);
                }
            };
            let (chunks, rest) = bytes.as_chunks::<4>();
            for chunk in chunks {
                add(u32::from_le_bytes(*chunk), 32);
            }
            for &byte in rest {
                add(byte.into(), 8);
            }
            if count > 0 {
                digits.add(done).write(bits as u32);
                done += 1;
            }
            while done > 0 && *digits.add(done - 1) == 0 {
                done -= 1;
            }
            object.write(1);
            object.add(1).write((&raw mut PyLong_Type).addr() as u64);
            object.add(2).write(size_word(done as u64, negative));
            Owned::from_result(object.cast())
        }
    }

    /// An `int` of more than 60 bits.
    #[inline(always)]
    fn make_longest(heap: &Heap, value: i64) -> Result<Owned> {
        let magnitude = value.unsigned_abs();
        // SAFETY: five words have room for three digits; all are written.
        unsafe {
            let object = heap.allocate(40);
            if !object.is_null() {
                object.write(1);
                object.add(1).write((&raw mut PyLong_Type).addr() as u64);
                object.add(2).write(size_word(3, value < 0));
                object.add(3).write(magnitude & MASK | (magnitude >> DIGIT & MASK) << 32);
                object.add(4).write(magnitude >> (2 * DIGIT));
            }
            Owned::from_result(object.cast())
        }
    }

    /// An `int` that is not small and has no more than 60 bits.
    #[inline(always)]
    fn make(&self, heap: &Heap, value: i64) -> Result<Owned> {
        let magnitude = value.unsigned_abs();
        let digits = 1 + u64::from(magnitude > MASK);
        // SAFETY: four words have room for two digits; all are written.
        unsafe {
            let object = heap.allocate(32);
            if !object.is_null() {
                object.write(1);
                object.add(1).write((&raw mut PyLong_Type).addr() as u64);
                object.add(2).write(size_word(digits, value < 0));
                object.add(3).write(magnitude & MASK | (magnitude >> DIGIT) << 32);
            }
            Owned::from_result(object.cast())
        }
    }
}

impl Layout {
    /// The interpreter's own object for a small number.
    #[inline(always)]
    pub(crate) fn small_int(&self, value: i64) -> Option<Owned> {
        let small = self.ints.small.get(value.wrapping_sub(*SMALL.start()).cast_unsigned() as usize)?;
        // SAFETY: the object is alive.
        Some(unsafe { Ref::new(small.as_ptr()) }.to_owned())
    }

    /// An `int` that is not small.
    #[inline(never)]
    pub(crate) fn large_int(&self, heap: Heap, value: i64) -> Result<Owned> {
        if value.unsigned_abs() >> (2 * DIGIT) != 0 {
            return Ints::make_longest(&heap, value);
        }
        self.ints.make(&heap, value)
    }

    /// An `int` of little-endian two's complement of more than eight bytes.
    #[inline(never)]
    pub(crate) fn long(&self, heap: Heap, bytes: &[u8]) -> Result<Owned> {
        match bytes.split_first_chunk::<8>() {
            Some((low, high)) if high.iter().any(|&byte| byte != if low[7] < 0x80 { 0 } else { 0xff }) => {
                Ints::make_long(&heap, bytes)
            }
            // What needs fewer bytes than it has may be one of the small ones.
            _ => from_bytes(bytes),
        }
    }

    /// A `float`.
    #[inline(never)]
    pub(crate) fn float(&self, heap: Heap, value: f64) -> Result<Owned> {
        // SAFETY: a float is its header and its value.
        unsafe {
            let object = heap.allocate(24);
            if !object.is_null() {
                object.write(1);
                object.add(1).write((&raw mut PyFloat_Type).addr() as u64);
                object.add(2).write(value.to_bits());
            }
            Owned::from_result(object.cast())
        }
    }
}
