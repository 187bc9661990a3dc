//! `bytes` and `bytearray`.

use super::error::Result;
use super::object::{Owned, Ref};
use pyo3_ffi::*;

/// A new `bytes`.
pub(crate) fn new(data: &[u8]) -> Result<Owned> {
    // SAFETY: pointer and length describe readable memory.
    unsafe { Owned::from_result(PyBytes_FromStringAndSize(data.as_ptr().cast(), data.len() as Py_ssize_t)) }
}

/// A new `bytearray`.
pub(crate) fn new_bytearray(data: &[u8]) -> Result<Owned> {
    // SAFETY: the new object has room for the data, and nothing has seen it before it is filled.
    unsafe {
        let array =
            Owned::from_result(PyByteArray_FromStringAndSize(std::ptr::null(), data.len() as Py_ssize_t))?;
        let target = PyByteArray_AsString(array.as_ptr()).cast();
        super::pages::enlarge(target, data.len());
        std::ptr::copy_nonoverlapping(data.as_ptr(), target, data.len());
        Ok(array)
    }
}

/// The contents of a `bytes`.
#[inline(always)]
pub(crate) fn as_slice(bytes: Ref<'_>) -> &[u8] {
    // SAFETY: callers know that this is a bytes object, whose contents never change and live as long as it.
    unsafe {
        debug_assert!(PyBytes_Check(bytes.as_ptr()) != 0);
        std::slice::from_raw_parts(
            PyBytes_AS_STRING(bytes.as_ptr()).cast(),
            PyBytes_Size(bytes.as_ptr()) as usize,
        )
    }
}
