//! `dict` before 3.11, whose tables the interpreter alone makes.

use super::{Heap, Layout, Nursery};
use crate::ffi::{Owned, Ref, Result};
use pyo3_ffi::PyDict_New;

/// Nothing is remembered.
#[derive(Default)]
pub(crate) struct Shapes;

impl Shapes {
    pub(crate) fn clear(&mut self) {}
}

/// Nothing is known of empty dicts.
pub(super) enum Empty {}

impl Empty {
    pub(super) fn new(_: &Layout) -> Result<Option<Self>> {
        Ok(None)
    }
}

impl Layout {
    /// An empty dict.
    #[inline(always)]
    pub(crate) fn dict(&self, _: &Heap, _: &mut Nursery) -> Result<Owned> {
        // SAFETY: makes a new dict.
        unsafe { Owned::from_result(PyDict_New()) }
    }

    /// Leaves everything to the interpreter.
    #[inline(always)]
    pub(crate) fn set_items(
        &self,
        _: &Heap,
        _: &mut Nursery,
        _: Ref<'_>,
        _: &[Owned],
        _: &mut Shapes,
        _: impl Fn(Ref<'_>) -> bool,
    ) -> Result<usize> {
        Ok(0)
    }

    /// Leaves everything to the interpreter.
    #[inline(always)]
    pub(crate) fn make_room(&self, _: Ref<'_>, _: usize) -> Result<()> {
        Ok(())
    }
}
