//! `collections.OrderedDict`.

use super::error::Result;
use super::object::{Ref, check};
use pyo3_ffi::*;

unsafe extern "C" {
    static mut PyODict_Type: PyTypeObject;
    fn PyODict_SetItem(dict: *mut PyObject, key: *mut PyObject, value: *mut PyObject) -> std::ffi::c_int;
}

/// The type.
pub(crate) fn kind() -> *mut PyTypeObject {
    &raw mut PyODict_Type
}

/// `dict[key] = value` of an exact `OrderedDict`.
pub(crate) fn set_item(dict: Ref<'_>, key: Ref<'_>, value: Ref<'_>) -> Result<()> {
    // SAFETY: callers know the type; all are alive.
    check(unsafe { PyODict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr()) })
}
