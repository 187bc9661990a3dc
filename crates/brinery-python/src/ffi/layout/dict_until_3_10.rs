//! `dict` before 3.11, whose tables the interpreter alone makes.

use super::{Heap, Layout};
use crate::ffi::{Owned, Ref, Result};

/// Nothing is remembered.
#[derive(Default)]
pub(crate) struct Shapes;

impl Shapes {
    pub(crate) fn clear(&mut self) {}
}

impl Layout {
    /// Leaves everything to the interpreter.
    #[inline(always)]
    pub(crate) fn set_items(&self, _: &Heap, _: Ref<'_>, _: &[Owned], _: &mut Shapes) -> Result<usize> {
        Ok(0)
    }

    /// Leaves everything to the interpreter.
    #[inline(always)]
    pub(crate) fn make_room(&self, _: Ref<'_>, _: usize) -> Result<()> {
        Ok(())
    }
}

/// They are not.
pub(super) fn are_known(_: &Layout) -> Result<bool> {
    Ok(false)
}
