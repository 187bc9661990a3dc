//! `list`.

use super::error::Result;
use super::object::{Owned, Ref};
use pyo3_ffi::*;
#[cfg(not(any(Py_GIL_DISABLED, Py_3_15)))]
use std::ptr;

/// A new list of the items, which move into it.
pub(crate) fn new(items: impl ExactSizeIterator<Item = Owned>) -> Result<Owned> {
    // SAFETY: every slot of the new list is filled once with a reference that it owns, and no Python code runs
    // before that.
    unsafe {
        let list = Owned::from_result(PyList_New(items.len() as Py_ssize_t))?;
        for (index, item) in items.enumerate() {
            PyList_SET_ITEM(list.as_ptr(), index as Py_ssize_t, item.into_ptr());
        }
        Ok(list)
    }
}

/// Appends what stands on a stack from `start` on, and moves off it. `list` is an exact list or of a subclass that need not
/// be asked.
#[cfg(not(any(Py_GIL_DISABLED, Py_3_15)))]
#[inline(always)]
pub(crate) fn extend_from_end(list: Ref<'_>, stack: &mut Vec<Owned>, start: usize) -> Result<()> {
    let items = &stack[start..];
    // SAFETY: the object is a list. Its array comes from `PyMem_Realloc`, has `allocated` slots of which the first
    // `ob_size` are in use, and belongs to no one else while the interpreter lock is held; no Python code runs here.
    unsafe {
        debug_assert!(PyList_Check(list.as_ptr()) != 0);
        let fields = list.as_ptr().cast::<PyListObject>();
        let old = (*fields).ob_base.ob_size;
        let len = old + items.len() as Py_ssize_t;
        if len > (*fields).allocated {
            // The growth of CPython's own lists, so that appending stays amortised.
            let capacity = if old == 0 { len } else { (len + (len >> 3) + 6) & !3 };
            let array =
                PyMem_Realloc((*fields).ob_item.cast(), capacity as usize * size_of::<*mut PyObject>());
            if array.is_null() {
                PyErr_NoMemory();
                return Err(super::error::Raised);
            }
            (*fields).ob_item = array.cast();
            (*fields).allocated = capacity;
        }
        let slots = (*fields).ob_item.offset(old).cast::<Owned>();
        ptr::copy_nonoverlapping(items.as_ptr(), slots, items.len());
        (*fields).ob_base.ob_size = len;
        stack.set_len(start);
        Ok(())
    }
}

/// Appends what stands on a stack from `start` on.
#[cfg(any(Py_GIL_DISABLED, Py_3_15))]
pub(crate) fn extend_from_end(list: Ref<'_>, stack: &mut Vec<Owned>, start: usize) -> Result<()> {
    for item in stack.drain(start..) {
        // SAFETY: the object is a list and the item is alive.
        super::object::check(unsafe { PyList_Append(list.as_ptr(), item.as_ptr()) })?;
    }
    Ok(())
}
