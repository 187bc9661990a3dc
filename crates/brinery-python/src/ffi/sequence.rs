//! The items of lists and tuples, where they lie.

use super::Ref;
use pyo3_ffi::*;
use std::slice;

/// The items of a list or tuple.
///
/// # Safety
///
/// The object is one of the two, and the items are only used until foreign code runs.
#[inline(always)]
pub(crate) unsafe fn items(object: Ref<'_>) -> &[*mut PyObject] {
    // SAFETY: both have their number of items in the same place; those of a list are elsewhere, and an empty list may have
    // none.
    unsafe {
        let len = (*object.as_ptr().cast::<PyVarObject>()).ob_size as usize;
        let first = if object.is_exactly(&raw mut PyTuple_Type) {
            (*object.as_ptr().cast::<PyTupleObject>()).ob_item.as_ptr().cast::<*mut PyObject>()
        } else {
            (*object.as_ptr().cast::<PyListObject>()).ob_item.cast_const()
        };
        if len == 0 { &[] } else { slice::from_raw_parts(first, len) }
    }
}

/// The items of a tuple.
///
/// # Safety
///
/// The object is a tuple, or of a class made from it.
#[inline(always)]
pub(crate) unsafe fn items_of_tuple(object: Ref<'_>) -> &[Ref<'_>] {
    // SAFETY: a tuple has as many items as it says, which never change; a `Ref` is a pointer that is not null.
    unsafe {
        let len = PyTuple_GET_SIZE(object.as_ptr()) as usize;
        let first = (&raw const (*object.as_ptr().cast::<PyTupleObject>()).ob_item).cast();
        slice::from_raw_parts(first, len)
    }
}
