//! `int` by the interpreter's own functions.

use super::api::*;
use super::{Owned, Result, error};
use std::ffi::CString;

/// The number, if it is short.
#[inline(always)]
pub(crate) fn small(bytes: &[u8]) -> Option<i64> {
    if let Ok(word) = <[u8; 8]>::try_from(bytes) {
        return Some(i64::from_le_bytes(word));
    }
    let (&last, rest) = bytes.split_last()?;
    if rest.len() >= 8 {
        return None;
    }
    let high = i64::from(last.cast_signed()) << (8 * rest.len());
    Some(rest.iter().rev().fold(0, |low, &byte| low << 8 | i64::from(byte)) | high)
}

/// An `int` of little-endian two's complement.
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Owned> {
    if let Ok(word) = <[u8; 8]>::try_from(bytes) {
        return Owned::int(i64::from_le_bytes(word));
    }
    // SAFETY: pointer and length describe readable memory.
    unsafe {
        #[cfg(Py_3_13)]
        let object =
            PyLong_FromNativeBytes(bytes.as_ptr().cast(), bytes.len(), Py_ASNATIVEBYTES_LITTLE_ENDIAN as _);
        #[cfg(not(Py_3_13))]
        let object = _PyLong_FromByteArray(bytes.as_ptr(), bytes.len(), 1, 1);
        Owned::from_result(object)
    }
}

/// An `int` of a Python literal, which ends at the first NUL as C strings do.
pub(crate) fn from_literal(text: &[u8]) -> Result<Owned> {
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    let text = CString::new(&text[..end]).map_err(|_| error::value_error("invalid literal for int()"))?;
    // SAFETY: the text is a C string, and the end is not asked for.
    unsafe { Owned::from_result(PyLong_FromString(text.as_ptr(), std::ptr::null_mut(), 0)) }
}
