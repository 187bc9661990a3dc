//! Text, bytes and the strings of Python 2.

use super::options::Strings;
use crate::ffi::api::*;
pub(super) use crate::ffi::text::decode as from_utf8;
use crate::ffi::{Owned, Result, bytes, pages};
use std::ptr;

/// A `bytes` of its own, even where the interpreter has one for all: what is loaded is as distinct as what was saved.
#[inline(always)]
pub(super) fn new_bytes(data: &[u8]) -> Result<Owned> {
    // SAFETY: the new object has room for the data, and nothing has seen it before it is filled. An empty one is the
    // interpreter's own, into which nothing is written.
    unsafe {
        let bytes = Owned::from_result(PyBytes_FromStringAndSize(ptr::null(), data.len() as Py_ssize_t))?;
        let target = PyBytes_AS_STRING(bytes.as_ptr()).cast_mut().cast();
        pages::fill(target, data);
        Ok(bytes)
    }
}

/// A `str` of a line in raw-unicode-escape.
pub(super) fn from_raw_unicode_escape(line: &[u8]) -> Result<Owned> {
    // SAFETY: pointer and length describe readable memory.
    unsafe {
        Owned::from_result(PyUnicode_DecodeRawUnicodeEscape(
            line.as_ptr().cast(),
            line.len() as Py_ssize_t,
            ptr::null(),
        ))
    }
}

/// A `str` of ASCII.
pub(super) fn from_ascii(line: &[u8]) -> Result<Owned> {
    // SAFETY: pointer and length describe readable memory.
    unsafe {
        Owned::from_result(PyUnicode_DecodeASCII(line.as_ptr().cast(), line.len() as Py_ssize_t, ptr::null()))
    }
}

/// A `str` of UTF-8 proper.
pub(super) fn from_strict_utf8(line: &[u8]) -> Result<Owned> {
    // SAFETY: pointer and length describe readable memory.
    unsafe {
        Owned::from_result(PyUnicode_DecodeUTF8(line.as_ptr().cast(), line.len() as Py_ssize_t, ptr::null()))
    }
}

impl Strings {
    /// What becomes of a Python 2 string.
    pub(super) fn decode(&self, string: &[u8]) -> Result<Owned> {
        match self {
            Strings::Bytes => bytes::new(string),
            // SAFETY: pointer and length describe readable memory; the names are C strings.
            Strings::Text { encoding, errors } => unsafe {
                Owned::from_result(PyUnicode_Decode(
                    string.as_ptr().cast(),
                    string.len() as Py_ssize_t,
                    encoding.as_ptr(),
                    errors.as_ptr(),
                ))
            },
        }
    }

    /// What becomes of a Python 2 string given as the inside of a literal.
    pub(super) fn decode_literal(&self, literal: &[u8]) -> Result<Owned> {
        // SAFETY: pointer and length describe readable memory; without an error handler the rest is not read.
        let string = unsafe {
            Owned::from_result(PyBytes_DecodeEscape(
                literal.as_ptr().cast(),
                literal.len() as Py_ssize_t,
                ptr::null(),
                0,
                ptr::null(),
            ))?
        };
        match self {
            Strings::Bytes => Ok(string),
            Strings::Text { .. } => match bytes::as_slice(string.as_ref()) {
                // CPython does not even look for the codec here.
                [] => Owned::str(""),
                string => self.decode(string),
            },
        }
    }
}
