//! Making heap types.

use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result};
use std::ffi::{CStr, c_int, c_uint, c_ulong, c_void};

/// The flags of a type that cannot be changed from Python, where the interpreter knows such types.
pub(crate) const IMMUTABLE: c_ulong = {
    #[cfg(Py_3_10)]
    {
        Py_TPFLAGS_IMMUTABLETYPE
    }
    #[cfg(not(Py_3_10))]
    {
        0
    }
};

/// The flag of a type that Python code cannot instantiate. Before 3.10 the interpreter does not know it, and
/// [`new_type`] sees to it.
pub(crate) const NO_NEW: c_ulong = 1 << 7;

/// One slot of a type.
pub(crate) const fn slot(slot: c_int, function: *mut c_void) -> PyType_Slot {
    PyType_Slot { slot, pfunc: function }
}

/// A new heap type that belongs to `module`. `slots` ends with an empty one.
///
/// # Safety
///
/// The slots fit a type whose instances have `size` bytes, and they live as long as the program.
pub(crate) unsafe fn new_type(
    module: Ref<'_>,
    name: &'static CStr,
    size: usize,
    flags: c_ulong,
    slots: &mut [PyType_Slot],
) -> Result<Owned> {
    let mut spec = PyType_Spec {
        name: name.as_ptr(),
        basicsize: size as c_int,
        itemsize: 0,
        flags: (Py_TPFLAGS_DEFAULT | flags) as c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: by contract; the spec is only read during the call, and nobody else has the type yet.
    unsafe {
        let new = Owned::from_result(PyType_FromModuleAndSpec(
            module.as_ptr(),
            &raw mut spec,
            std::ptr::null_mut(),
        ))?;
        #[cfg(not(Py_3_10))]
        if flags & NO_NEW != 0 {
            (*new.as_ptr().cast::<PyTypeObject>()).tp_new = None;
        }
        Ok(new)
    }
}
