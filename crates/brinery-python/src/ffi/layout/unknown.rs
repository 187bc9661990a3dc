//! Interpreters whose layout is not known: nothing here can ever be made or called.

use crate::ffi::{Owned, Ref, Result};
use pyo3_ffi::*;

/// There is none.
pub(crate) enum Layout {}

impl Layout {
    pub(crate) fn new() -> Result<Option<Self>> {
        Ok(None)
    }

    pub(crate) fn knows_collections(&self) -> bool {
        match *self {}
    }

    pub(crate) fn has_sets(&self) -> bool {
        match *self {}
    }

    pub(crate) fn elements<'a>(&self, _: Ref<'a>, _: isize) -> Option<Elements<'a>> {
        match *self {}
    }

    pub(crate) fn makes_bytes(&self, _: usize) -> bool {
        match *self {}
    }

    pub(crate) fn bytes(&self, _: Heap, _: &[u8]) -> Result<Owned> {
        match *self {}
    }

    pub(crate) fn small_int(&self, _: i64) -> Option<Owned> {
        match *self {}
    }

    pub(crate) fn long(&self, _: Heap, _: &[u8]) -> Result<Owned> {
        match *self {}
    }

    pub(crate) fn large_int(&self, _: Heap, _: i64) -> Result<Owned> {
        match *self {}
    }

    pub(crate) fn float(&self, _: Heap, _: f64) -> Result<Owned> {
        match *self {}
    }

    pub(crate) fn collector_runs(&self) -> bool {
        match *self {}
    }

    pub(crate) fn let_collector_run(&self, _: bool) {
        match *self {}
    }

    /// Never called.
    pub(crate) fn set(&self, _: &Heap, _: &mut Nursery, _: *mut PyTypeObject) -> Result<Owned> {
        match *self {}
    }

    pub(crate) fn is_clean(&self, _: Ref<'_>) -> bool {
        match *self {}
    }

    pub(crate) fn add_items(&self, _: &Heap, _: Ref<'_>, _: &mut Vec<Owned>, _: usize) -> Result<()> {
        match *self {}
    }

    pub(crate) fn list(&self, _: &Heap, _: &mut Nursery) -> Result<Owned> {
        match *self {}
    }

    pub(crate) fn tuple(&self, _: &Heap, _: &mut Nursery, _: &mut Vec<Owned>, _: usize) -> Result<Owned> {
        match *self {}
    }

    pub(crate) fn track_tuple(&self, _: &mut Nursery, _: Ref<'_>) {
        match *self {}
    }

    pub(crate) fn dict(&self, _: &Heap, _: &mut Nursery) -> Result<Owned> {
        match *self {}
    }

    pub(crate) fn set_items(
        &self,
        _: &Heap,
        _: &mut Nursery,
        _: Ref<'_>,
        _: &[Owned],
        _: &mut Shapes,
        _: impl Fn(Ref<'_>) -> bool,
    ) -> Result<usize> {
        match *self {}
    }

    pub(crate) fn make_room(&self, _: Ref<'_>, _: usize) -> Result<()> {
        match *self {}
    }

    pub(crate) fn text(&self, _: Heap, _: &[u8]) -> Result<Owned> {
        match *self {}
    }
}

/// Nothing is remembered.
#[derive(Default)]
pub(crate) struct Shapes;

impl Shapes {
    pub(crate) fn clear(&mut self) {}
}

/// The collector knows of everything at once.
#[derive(Default)]
pub(crate) struct Nursery;

impl Nursery {
    pub(crate) fn begin(&mut self, layout: &Layout, _: bool) {
        match *layout {}
    }

    pub(crate) fn forget_tuple(&mut self, _: Ref<'_>) {}

    pub(crate) fn hand_over(&mut self, layout: &Layout, _: bool) {
        match *layout {}
    }
}

/// Nothing is allocated past the public API.
#[derive(Clone, Copy)]
pub(crate) struct Heap;

impl Heap {
    pub(crate) fn new() -> Self {
        Heap
    }

    pub(crate) fn direct() -> Self {
        Heap
    }
}

/// There are none.
#[derive(Clone, Copy)]
pub(crate) enum SharedKeys {}

impl SharedKeys {
    pub(crate) unsafe fn of(_: *mut PyTypeObject) -> Option<Self> {
        None
    }

    pub(crate) fn address(self) -> usize {
        match self {}
    }

    pub(crate) unsafe fn get(self, _: usize) -> Option<*mut PyObject> {
        match self {}
    }

    pub(crate) unsafe fn position(self, _: Ref<'_>) -> Option<usize> {
        match self {}
    }
}

/// There is none.
#[derive(Clone, Copy)]
pub(crate) enum Moment {}

impl Moment {
    pub(crate) unsafe fn of(_: *mut PyTypeObject) -> Option<Self> {
        None
    }

    pub(crate) fn make(
        self,
        _: &Heap,
        _: *mut PyTypeObject,
        _: &[u8],
        _: Option<Ref<'_>>,
    ) -> Option<Result<Owned>> {
        match self {}
    }

    pub(crate) fn state_len(self) -> usize {
        match self {}
    }
}

/// There is none.
#[derive(Clone, Copy)]
pub(crate) enum Decimals {}

impl Decimals {
    pub(crate) unsafe fn of(_: *mut PyTypeObject, _: &Layout) -> Option<Self> {
        None
    }

    pub(crate) fn make(
        self,
        _: &Heap,
        _: &mut Nursery,
        _: *mut PyTypeObject,
        _: &[u8],
    ) -> Option<Result<Owned>> {
        match self {}
    }
}

/// There is none.
#[derive(Clone, Copy)]
pub(crate) enum Ranges {}

impl Ranges {
    pub(crate) fn new(layout: &Layout) -> Option<Self> {
        match *layout {}
    }

    pub(crate) fn make(self, _: &Layout, _: Heap, _: [Ref<'_>; 3], _: [i64; 3]) -> Option<Result<Owned>> {
        match self {}
    }
}

/// There is none.
#[derive(Clone, Copy)]
pub(crate) enum Plan {}

impl Plan {
    pub(crate) unsafe fn of(_: *mut PyTypeObject, layout: &Layout) -> Option<Self> {
        match *layout {}
    }

    pub(crate) unsafe fn of_exception(_: *mut PyTypeObject, layout: &Layout) -> Option<Self> {
        match *layout {}
    }

    pub(crate) unsafe fn make(self, _: &Heap, _: &mut Nursery, _: *mut PyTypeObject) -> Result<Owned> {
        match self {}
    }

    pub(crate) unsafe fn make_exception(
        self,
        _: &Heap,
        _: &mut Nursery,
        _: *mut PyTypeObject,
        _: Ref<'_>,
    ) -> Result<Owned> {
        match self {}
    }
}

/// There are none.
pub(crate) enum Values {}

impl Values {
    pub(crate) unsafe fn of_fresh(_: Ref<'_>) -> Option<Self> {
        None
    }

    pub(crate) fn has_room(&self, _: usize) -> bool {
        match *self {}
    }

    pub(crate) unsafe fn set(&self, _: usize, _: usize, _: Owned) {
        match *self {}
    }

    pub(crate) unsafe fn finish(&self, _: usize) {
        match *self {}
    }
}

/// Never made.
pub(crate) struct Elements<'a>(std::convert::Infallible, std::marker::PhantomData<Ref<'a>>);

impl Elements<'_> {
    pub(crate) fn position(&self) -> isize {
        match self.0 {}
    }

    pub(crate) fn total(&self) -> usize {
        match self.0 {}
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Ref<'a>;

    fn next(&mut self) -> Option<Ref<'a>> {
        match self.0 {}
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Derived {}

impl Derived {
    pub(crate) unsafe fn of(_: *mut PyTypeObject) -> Option<Self> {
        None
    }

    pub(crate) unsafe fn make(self, _: *mut PyTypeObject, _: Ref<'_>) -> Option<Result<Owned>> {
        match self {}
    }
}

pub(crate) unsafe fn is_bare(_: Ref<'_>) -> bool {
    false
}

pub(crate) unsafe fn free_dict_slot(_: Ref<'_>) -> Option<*mut *mut PyObject> {
    None
}

pub(crate) fn slot_offset(_: *mut PyTypeObject, _: Ref<'_>) -> Option<usize> {
    None
}
