//! Calls with a vector of arguments, by the interpreter's own functions where it exports them.
//!
//! The bindings have them from 3.12 on. What they have in their place before asks the interpreter three times for each call.

#[cfg(not(Py_3_11))]
pub(crate) use pyo3_ffi::{PyObject_CallOneArg, PyObject_Vectorcall};

#[cfg(Py_3_11)]
use pyo3_ffi::PyObject;

#[cfg(Py_3_11)]
unsafe extern "C" {
    pub(crate) fn PyObject_CallOneArg(callable: *mut PyObject, arg: *mut PyObject) -> *mut PyObject;
    pub(crate) fn PyObject_Vectorcall(
        callable: *mut PyObject,
        args: *const *mut PyObject,
        count: usize,
        names: *mut PyObject,
    ) -> *mut PyObject;
}
