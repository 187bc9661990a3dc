//! `tuple`.

use super::error::Result;
use super::object::{Owned, Ref};
use pyo3_ffi::*;
use std::cell::Cell;
use std::ptr;

/// A new tuple of what stands on a stack from `start` on, and moves off it.
#[inline(always)]
pub(crate) fn from_end(stack: &mut Vec<Owned>, start: usize) -> Result<Owned> {
    // SAFETY: every slot of the new tuple is filled once with a reference that it owns, and no Python code runs
    // before that.
    unsafe {
        let tuple = Owned::from_result(PyTuple_New((stack.len() - start) as Py_ssize_t))?;
        fill_from_end(tuple.as_ref(), stack, start);
        Ok(tuple)
    }
}

/// Whether an object is the empty tuple.
#[inline(always)]
pub(crate) fn is_empty(object: Ref<'_>) -> bool {
    // SAFETY: a size is asked of a tuple.
    object.is_exactly(&raw mut PyTuple_Type) && unsafe { PyTuple_GET_SIZE(object.as_ptr()) } == 0
}

/// Moves what stands on a stack from `start` on into a tuple.
///
/// # Safety
///
/// The tuple has room for so many items, and none yet.
#[inline(always)]
pub(crate) unsafe fn fill_from_end(tuple: Ref<'_>, stack: &mut Vec<Owned>, start: usize) {
    let items = &stack[start..];
    // SAFETY: by contract; the items are the tuple's from then on.
    unsafe {
        let slots = slots(tuple).as_ptr().cast_mut().cast();
        ptr::copy_nonoverlapping(items.as_ptr(), slots, items.len());
        stack.set_len(start);
    }
}

/// A new tuple of the items, which move into it.
#[inline(always)]
pub(crate) fn new(items: impl ExactSizeIterator<Item = Owned>) -> Result<Owned> {
    // SAFETY: every slot of the new tuple is filled once with a reference that it owns, and no Python code runs
    // before that.
    unsafe {
        let tuple = Owned::from_result(PyTuple_New(items.len() as Py_ssize_t))?;
        for (index, item) in items.enumerate() {
            PyTuple_SET_ITEM(tuple.as_ptr(), index as Py_ssize_t, item.into_ptr());
        }
        Ok(tuple)
    }
}

/// The places of a tuple's items. An item that is put there is the tuple's, and one that is taken away no longer.
#[inline(always)]
pub(crate) fn slots(tuple: Ref<'_>) -> &[Cell<*mut PyObject>] {
    debug_assert!(tuple.is_tuple());
    // SAFETY: a tuple has so many items, as pointers.
    unsafe {
        let slots = (&raw mut (*tuple.as_ptr().cast::<PyTupleObject>()).ob_item).cast();
        std::slice::from_raw_parts(slots, PyTuple_GET_SIZE(tuple.as_ptr()) as usize)
    }
}
