//! `int`.

use crate::ffi::Ref;
use crate::ffi::api::*;

/// The value of an `int` that 64 bits can hold.
#[inline(always)]
pub(crate) fn value(int: Ref<'_>) -> Option<i64> {
    small(int).or_else(|| large(int))
}

/// The digits of 3.9 to 3.11: their number, with the sign of the value, then 30 bits each.
#[cfg(not(Py_3_12))]
#[inline(always)]
fn small(int: Ref<'_>) -> Option<i64> {
    // SAFETY: callers know that this is an int, whose `ob_size` is followed by as many digits.
    unsafe {
        let size = (*int.as_ptr().cast::<PyVarObject>()).ob_size;
        let digits = int.as_ptr().cast::<PyVarObject>().add(1).cast::<u32>();
        // Even zero has room for a digit.
        match size {
            -1..=1 => Some(size as i64 * i64::from(*digits)),
            2 => Some(i64::from(*digits) | i64::from(*digits.add(1)) << 30),
            -2 => Some(-(i64::from(*digits) | i64::from(*digits.add(1)) << 30)),
            _ => None,
        }
    }
}

/// The digits of 3.12 and 3.13: a tag of their number and sign, then 30 bits each.
#[cfg(all(Py_3_12, not(Py_3_14)))]
#[inline(always)]
fn small(int: Ref<'_>) -> Option<i64> {
    // SAFETY: callers know that this is an int, whose tag is followed by as many digits as it says. The lowest two
    // bits are the sign: 0 positive, 1 zero, 2 negative; zero has one digit too, which is zero.
    unsafe {
        let tag = *int.as_ptr().add(1).cast::<usize>();
        let digits = int.as_ptr().add(1).cast::<usize>().add(1).cast::<u32>();
        let sign = 1 - (tag & 3) as i64;
        Some(match tag >> 3 {
            0 | 1 => sign * i64::from(*digits),
            2 => sign * (i64::from(*digits) | i64::from(*digits.add(1)) << 30),
            _ => return None,
        })
    }
}

#[cfg(Py_3_14)]
#[inline(always)]
fn small(_: Ref<'_>) -> Option<i64> {
    None
}

fn large(int: Ref<'_>) -> Option<i64> {
    let mut overflow = 0;
    // SAFETY: the object is an int.
    let value = unsafe { PyLong_AsLongLongAndOverflow(int.as_ptr(), &raw mut overflow) };
    (overflow == 0).then_some(value)
}
