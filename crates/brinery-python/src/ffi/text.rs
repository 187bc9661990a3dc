//! `str`.

use super::error::{self, Result};
use super::object::{Owned, Ref};
use pyo3_ffi::*;

/// The UTF-8 of a `str`, either the interpreter's own or encoded for us.
pub(crate) enum Utf8<'a> {
    Shared(&'a [u8]),
    /// Holds lone surrogates, which only the `surrogatepass` handler can encode.
    Encoded(Owned),
}

impl Utf8<'_> {
    #[inline(always)]
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Utf8::Shared(bytes) => bytes,
            Utf8::Encoded(bytes) => super::bytes::as_slice(bytes.as_ref()),
        }
    }
}

/// The contents of a `str` that is all ASCII, where the interpreter's layout is known.
#[cfg(Py_3_14)]
pub(crate) fn ascii(_: Ref<'_>) -> Option<&[u8]> {
    None
}

/// The contents of a `str` that is all ASCII, where the interpreter's layout is known.
#[cfg(not(Py_3_14))]
#[inline(always)]
pub(crate) fn ascii(text: Ref<'_>) -> Option<&[u8]> {
    // SAFETY: callers know that this is a str, ready as all are that Python code can reach; a compact ASCII one holds
    // its bytes inline, and they never change.
    unsafe {
        debug_assert!(PyUnicode_Check(text.as_ptr()) != 0);
        (PyUnicode_IS_COMPACT_ASCII(text.as_ptr()) != 0).then(|| {
            std::slice::from_raw_parts(
                PyUnicode_DATA(text.as_ptr()).cast(),
                PyUnicode_GET_LENGTH(text.as_ptr()) as usize,
            )
        })
    }
}

/// The UTF-8 of a `str`.
#[inline(always)]
pub(crate) fn utf8(text: Ref<'_>) -> Result<Utf8<'_>> {
    let mut len = 0;
    // SAFETY: callers know that this is a str. What the call returns is cached in the object and lives as long.
    unsafe {
        debug_assert!(PyUnicode_Check(text.as_ptr()) != 0);
        let data = PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut len);
        if !data.is_null() {
            return Ok(Utf8::Shared(std::slice::from_raw_parts(data.cast(), len as usize)));
        }
    }
    error::clear();
    // SAFETY: as above; the result is a new bytes object.
    unsafe {
        Owned::from_result(PyUnicode_AsEncodedString(
            text.as_ptr(),
            c"utf-8".as_ptr(),
            c"surrogatepass".as_ptr(),
        ))
        .map(Utf8::Encoded)
    }
}

/// Whether a `str` has exactly this text.
pub(crate) fn equals(text: Ref<'_>, other: &str) -> bool {
    matches!(utf8(text), Ok(bytes) if bytes.as_slice() == other.as_bytes())
}

/// The code points of a `str`.
pub(crate) fn code_points(text: Ref<'_>) -> Result<impl Iterator<Item = u32>> {
    // SAFETY: callers know that this is a str; the result is a new bytes object.
    let encoded = unsafe {
        Owned::from_result(PyUnicode_AsEncodedString(
            text.as_ptr(),
            c"utf-32-le".as_ptr(),
            c"surrogatepass".as_ptr(),
        ))?
    };
    let points: Vec<u32> = super::bytes::as_slice(encoded.as_ref())
        .as_chunks::<4>()
        .0
        .iter()
        .map(|unit| u32::from_le_bytes(*unit))
        .collect();
    Ok(points.into_iter())
}
