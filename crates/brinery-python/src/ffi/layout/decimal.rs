//! `decimal.Decimal`, as the C implementation has it in memory.
//!
//! It is the object header, the hash if that is known, a number of libmpdec, and room for the digits of most numbers:
//! 19 decimal digits a word.

use super::{Heap, Layout, Nursery};
use crate::ffi::{Owned, Raised, Ref, Result};
use pyo3_ffi::*;

/// The digits of a word.
const DIGITS: usize = 19;

/// The powers of ten up to the first one that is no word of digits.
const POWERS: [u64; DIGITS + 1] = {
    let mut powers = [1; DIGITS + 1];
    let mut power = 1;
    while power <= DIGITS {
        powers[power] = powers[power - 1] * 10;
        power += 1;
    }
    powers
};

/// How many words of digits there is room for in the object, and where they are.
const ROOM: usize = 4;
const DATA: usize = 9;

const SIZE: usize = (DATA + ROOM) * 8;

/// What libmpdec has to know: the number and its digits belong to the object, and it is negative.
const PART_OF_OBJECT: u64 = 16 | 32;
const NEGATIVE: u64 = 1;

/// Exponents from here on are for the class to look at.
const LARGE: i64 = 1 << 40;

/// The proof that instances of the class look as expected.
#[derive(Clone, Copy)]
pub(crate) struct Decimals {
    /// Whether the collector knows of them, as it does from 3.13 on.
    collected: bool,
}

/// A number as it is written.
struct Number {
    negative: bool,
    exponent: i64,
    digits: usize,
    words: [u64; ROOM],
}

impl Decimals {
    /// # Safety
    ///
    /// `kind` is the class `decimal.Decimal` of the C implementation.
    pub(crate) unsafe fn of(kind: *mut PyTypeObject, layout: &Layout) -> Option<Self> {
        let specimens = [
            "0",
            "-0.000",
            "0E+7",
            "12.50",
            "-1E+100",
            "0.00012",
            "9999999999999999999",
            "12345678901234567890123456789.0123456789",
            "-1234567890123456789012345678901234567890123456789012345678901234567890.123456E-100",
        ];
        // SAFETY: by contract.
        let collected = unsafe { PyType_GetFlags(kind) } & Py_TPFLAGS_HAVE_GC != 0;
        let decimals = Decimals { collected };
        let mut nursery = Nursery::default();
        // SAFETY: the class is alive; an object of this size has so many words, of which those in use are compared.
        let mut same = |text: &str| unsafe {
            let text = Owned::str(text).ok()?;
            let theirs = Ref::new(kind.cast()).call1(text.as_ref()).ok()?;
            let heap = Heap::new();
            let ours =
                decimals.make(&heap, &mut nursery, kind, crate::ffi::text::ascii(text.as_ref())?)?.ok()?;
            let words = |object: &Owned| {
                let mut words = *object.as_ptr().cast::<[u64; DATA + ROOM]>();
                words[3] &= 0xff;
                words[DATA - 1] = words[DATA - 1].wrapping_sub(object.as_ptr().addr() as u64);
                words
            };
            let used = DATA + (words(&ours)[6] as usize).min(ROOM);
            let known = |object: &Owned| PyObject_GC_IsTracked(object.as_ptr()) != 0;
            (words(&theirs).get(..used) == words(&ours).get(..used) && known(&theirs) == known(&ours))
                .then_some(())
        };
        // SAFETY: by contract.
        let plain = unsafe { (*kind).tp_basicsize == SIZE as Py_ssize_t && (*kind).tp_itemsize == 0 };
        let known = plain && specimens.into_iter().all(|text| same(text).is_some());
        crate::ffi::error::clear();
        nursery.hand_over(layout, false);
        known.then_some(decimals)
    }

    /// `Decimal(text)` for the class `kind` that this is known of; `None` if that is for the class to say.
    #[inline]
    pub(crate) fn make(
        self,
        heap: &Heap,
        nursery: &mut Nursery,
        kind: *mut PyTypeObject,
        text: &[u8],
    ) -> Option<Result<Owned>> {
        let number = Number::parse(text)?;
        // SAFETY: see above for what an object consists of; the class is alive, and held by its instances if it is not one of
        // the interpreter's own.
        unsafe {
            let object = if self.collected {
                Layout::allocate_collected(heap, nursery, 0, SIZE).cast()
            } else {
                heap.allocate(SIZE)
            };
            if object.is_null() {
                return Some(Err(Raised));
            }
            let data = object.add(DATA);
            let flags = PART_OF_OBJECT | if number.negative { NEGATIVE } else { 0 };
            let head = [
                1,
                kind.addr() as u64,
                u64::MAX,
                flags,
                number.exponent.cast_unsigned(),
                number.digits as u64,
                number.digits.div_ceil(DIGITS) as u64,
                ROOM as u64,
                data.expose_provenance() as u64,
            ];
            object.cast::<[u64; DATA]>().write(head);
            data.cast::<[u64; ROOM]>().write(number.words);
            if PyType_GetFlags(kind) & Py_TPFLAGS_HEAPTYPE != 0 {
                Py_INCREF(kind.cast());
            }
            if self.collected {
                nursery.track(object.cast());
            }
            Some(Owned::from_result(object.cast()))
        }
    }
}

impl Number {
    /// What a text like `-12.50E+3` says, if it is not too long.
    fn parse(text: &[u8]) -> Option<Self> {
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        Self::short(negative, text).or_else(|| Self::long(negative, text))
    }

    /// The same for digits that fit two words, as most do, without an exponent of their own.
    fn short(negative: bool, text: &[u8]) -> Option<Self> {
        let (mut first, mut rest, mut digits, mut fraction) = (0, 0, 0, None);
        for (at, &byte) in text.iter().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                if byte != b'.' || fraction.is_some() {
                    return None;
                }
                fraction = Some(text.len() - at - 1);
                continue;
            }
            if digits < DIGITS {
                first = first * 10 + u64::from(digit);
            } else if digits < 2 * DIGITS {
                rest = rest * 10 + u64::from(digit);
            } else {
                return None;
            }
            digits += usize::from(first > 0);
        }
        // There is a digit beside the point.
        if text.len() == usize::from(fraction.is_some()) {
            return None;
        }
        let words = if digits <= DIGITS {
            [first, 0, 0, 0]
        } else {
            // The lower word is full.
            let after = digits - DIGITS;
            let high = POWERS[DIGITS - after];
            [first % high * POWERS[after] + rest, first / high, 0, 0]
        };
        let exponent = -(fraction.unwrap_or(0) as i64);
        Some(Number { negative, exponent, digits: digits.max(1), words })
    }

    fn long(negative: bool, text: &[u8]) -> Option<Self> {
        let (text, mut exponent) = match text.iter().position(|&byte| byte == b'E') {
            Some(at) => (&text[..at], exponent(&text[at + 1..])?),
            None => (text, 0),
        };
        let mut digits = [0u8; DIGITS * ROOM];
        let (mut count, mut any, mut fraction) = (0, false, false);
        for &byte in text {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                if byte != b'.' || fraction {
                    return None;
                }
                fraction = true;
                continue;
            }
            any = true;
            exponent -= i64::from(fraction);
            if count > 0 || digit > 0 {
                *digits.get_mut(count)? = digit;
                count += 1;
            }
        }
        let mut words = [0; ROOM];
        for (word, digits) in words.iter_mut().zip(digits[..count].rchunks(DIGITS)) {
            *word = digits.iter().fold(0, |word, &digit| word * 10 + u64::from(digit));
        }
        any.then_some(Number { negative, exponent, digits: count.max(1), words })
    }
}

/// The exponent that is written, with a sign or without.
fn exponent(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    if digits.is_empty() || digits.len() > 12 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    (value < LARGE).then_some(sign * value)
}
