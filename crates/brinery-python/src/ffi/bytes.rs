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
        super::pages::fill(target, data);
        Ok(array)
    }
}

/// So much of a mapping is copied before the memory that it takes is let go.
const PART: usize = 8 << 20;

/// A `bytes` of a part of a mapping, whose pages are let go on the way: there is no second copy in memory.
///
/// # Safety
///
/// The data belong to a file that is mapped to be read only.
pub(crate) unsafe fn new_of_mapping(data: &[u8]) -> Result<Owned> {
    // SAFETY: the new object has room for the data, and nothing has seen it before it is filled; the rest is by
    // contract. An empty one is the interpreter's own, into which nothing is written.
    unsafe {
        let bytes =
            Owned::from_result(PyBytes_FromStringAndSize(std::ptr::null(), data.len() as Py_ssize_t))?;
        copy_mapping(data, PyBytes_AS_STRING(bytes.as_ptr()).cast_mut().cast());
        Ok(bytes)
    }
}

/// A `bytearray` of a part of a mapping, in the way of [`new_of_mapping`].
///
/// # Safety
///
/// The data belong to a file that is mapped to be read only.
pub(crate) unsafe fn new_bytearray_of_mapping(data: &[u8]) -> Result<Owned> {
    // SAFETY: the new object has room for the data, and nothing has seen it before it is filled; the rest is by contract.
    unsafe {
        let array =
            Owned::from_result(PyByteArray_FromStringAndSize(std::ptr::null(), data.len() as Py_ssize_t))?;
        copy_mapping(data, PyByteArray_AsString(array.as_ptr()).cast());
        Ok(array)
    }
}

/// # Safety
///
/// The data belong to a file that is mapped to be read only, and there is room for them at `target`.
unsafe fn copy_mapping(data: &[u8], mut target: *mut u8) {
    for part in data.chunks(PART) {
        // SAFETY: by contract.
        unsafe {
            super::pages::fill(target, part);
            target = target.add(part.len());
            super::pages::let_go(part);
        }
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
