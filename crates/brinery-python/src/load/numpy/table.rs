//! The table of functions and objects that numpy publishes for other extensions: their places and types are those of its headers,
//! and never change.

use crate::ffi::Owned;
use crate::ffi::api::*;
use crate::load::native::loaded;
use std::ffi::c_void;
use std::ptr;

/// Where numpy keeps its own modules: from numpy 2 on, and before.
pub(crate) const PACKAGES: [&str; 2] = ["numpy._core", "numpy.core"];

/// The table, which is never freed.
#[derive(Clone, Copy)]
pub(crate) struct Table(*const *mut c_void);

impl Table {
    /// That of the modules in one of the [`PACKAGES`], if they have been imported. An exception may be set where there is none.
    pub(crate) fn of(package: &str) -> Option<Self> {
        let numpy = loaded(&format!("{package}._multiarray_umath"))?;
        let capsule = numpy.getattr(Owned::str("_ARRAY_API").ok()?.as_ref()).ok()?;
        // SAFETY: what is no capsule without a name is told by null.
        let table = unsafe { PyCapsule_GetPointer(capsule.as_ptr(), ptr::null()) };
        (!table.is_null()).then_some(Table(table.cast_const().cast()))
    }

    /// What stands at a place.
    ///
    /// # Safety
    ///
    /// This version of numpy has the place.
    pub(crate) unsafe fn at(self, place: usize) -> *mut c_void {
        // SAFETY: by contract.
        unsafe { *self.0.add(place) }
    }
}
