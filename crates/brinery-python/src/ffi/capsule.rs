//! Rust values in the hands of Python code.

use super::error::{Raised, Result};
use super::object::{Owned, Ref};
use pyo3_ffi::*;
use std::ffi::CStr;

/// What a capsule can hold.
pub(crate) trait Held {
    /// What tells a capsule of this type from others: no other type has it.
    const NAME: &'static CStr;
}

/// A new capsule, which drops the value with itself.
pub(crate) fn new<T: Held>(value: T) -> Result<Owned> {
    let value = Box::into_raw(Box::new(value));
    // SAFETY: the box becomes the capsule's, if there is one.
    unsafe {
        Owned::from_result(PyCapsule_New(value.cast(), T::NAME.as_ptr(), Some(free::<T>))).inspect_err(|_| {
            drop(Box::from_raw(value));
        })
    }
}

/// The value in a capsule.
pub(crate) fn get<T: Held>(capsule: Ref<'_>) -> Result<&T> {
    // SAFETY: the name of the capsule says what it holds, as long as it is alive.
    unsafe { PyCapsule_GetPointer(capsule.as_ptr(), T::NAME.as_ptr()).cast::<T>().as_ref().ok_or(Raised) }
}

unsafe extern "C" fn free<T: Held>(capsule: *mut PyObject) {
    // SAFETY: the interpreter calls this once, with a capsule of ours, whose pointer came from a box.
    unsafe {
        let value = PyCapsule_GetPointer(capsule, T::NAME.as_ptr()).cast::<T>();
        if !value.is_null() {
            drop(Box::from_raw(value));
        }
    }
}
