//! Sets.

use super::object::{Owned, Ref};
use pyo3_ffi::*;

unsafe extern "C" {
    /// Exported by CPython for its own extension modules, with a borrowed element.
    #[cfg(not(Py_3_13))]
    fn _PySet_NextEntry(
        set: *mut PyObject,
        position: *mut Py_ssize_t,
        element: *mut *mut PyObject,
        hash: *mut Py_hash_t,
    ) -> std::ffi::c_int;
    /// The same with a new reference.
    #[cfg(Py_3_13)]
    fn _PySet_NextEntryRef(
        set: *mut PyObject,
        position: *mut Py_ssize_t,
        element: *mut *mut PyObject,
        hash: *mut Py_hash_t,
    ) -> std::ffi::c_int;
}

/// The next element of an exact set, at or after a position, which is moved on. The set may change between calls.
pub(crate) fn next(set: Ref<'_>, position: &mut isize) -> Option<Owned> {
    let (mut element, mut hash) = (std::ptr::null_mut(), 0);
    // SAFETY: callers have an exact set; a borrowed element is held before anything else can run.
    #[cfg(not(Py_3_13))]
    unsafe {
        (_PySet_NextEntry(set.as_ptr(), position, &raw mut element, &raw mut hash) != 0)
            .then(|| Ref::new(element).to_owned())
    }
    // SAFETY: callers have an exact set.
    #[cfg(Py_3_13)]
    unsafe {
        if _PySet_NextEntryRef(set.as_ptr(), position, &raw mut element, &raw mut hash) == 0 {
            return None;
        }
        Owned::from_result(element).ok()
    }
}
