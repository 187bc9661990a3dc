//! `tuple`.

use super::error::Result;
use super::object::Owned;
use pyo3_ffi::*;

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
