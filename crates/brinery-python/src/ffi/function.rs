//! Native functions.

use super::Ref;
use pyo3_ffi::*;
use std::ffi::CStr;

/// The name that a native function was written with; `None` for anything else.
#[inline(always)]
pub(crate) fn native_name(object: Ref<'_>) -> Option<&CStr> {
    // SAFETY: a native function has a table entry with a name as long as it is alive.
    object
        .is_exactly(&raw mut PyCFunction_Type)
        .then(|| unsafe { CStr::from_ptr((*(*object.as_ptr().cast::<PyCFunctionObject>()).m_ml).ml_name) })
}
