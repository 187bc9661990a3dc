//! Files that are named by a path, which the Python package opens.

use crate::ffi::api::*;
use crate::ffi::object::looks_up_plainly;
use crate::ffi::vectorcall::PyObject_Vectorcall;
use crate::ffi::{Owned, Ref, Result};
use crate::state::{State, import};
use std::ffi::CStr;

/// Whether it is a path and no file: a str or an `os.PathLike`.
pub(crate) fn is_path(state: &State, file: Ref<'_>) -> Result<bool> {
    // SAFETY: the object is alive.
    if unsafe { PyUnicode_Check(file.as_ptr()) } != 0 {
        return Ok(true);
    }
    let fspath = state.names.__fspath__.as_ref();
    // To ask a class for what it has not takes long, because that makes an error. To ask most instances does not.
    // SAFETY: the type of the object is alive.
    let plain = unsafe { looks_up_plainly(file.type_ptr()) };
    if plain && file.lookup_attr(fspath)?.is_none() || file.type_ref().lookup_attr(fspath)?.is_none() {
        return Ok(false);
    }
    // Temporary files and the like are both, and have been opened.
    let names = &state.names;
    Ok(file.lookup_attr(names.read.as_ref())?.is_none() && file.lookup_attr(names.write.as_ref())?.is_none())
}

/// Calls the function of the package's module `_paths` that does the same for paths.
///
/// # Safety
///
/// The arguments are those of a call by the vectorcall protocol.
pub(crate) unsafe fn by_path(
    function: &CStr,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> Result<Owned> {
    let paths = import("brinery._paths")?;
    // SAFETY: the module is alive and the name is a C string; the arguments are passed on as they came.
    unsafe {
        let function = Owned::from_result(PyObject_GetAttrString(paths.as_ptr(), function.as_ptr()))?;
        Owned::from_result(PyObject_Vectorcall(function.as_ptr(), args, count as usize, names))
    }
}
