//! Tables of native functions and the boundary between them and Rust.

use crate::ffi::api::*;
use crate::ffi::{Owned, Result, error};
use std::cell::UnsafeCell;
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The text of `docs/NAME.txt` as a docstring.
macro_rules! docstring {
    ($name:literal) => {
        match std::ffi::CStr::from_bytes_with_nul(
            concat!(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/docs/", $name, ".txt")), "\0")
                .as_bytes(),
        ) {
            Ok(text) => text,
            Err(_) => panic!("a docstring has a NUL"),
        }
    };
}
pub(crate) use docstring;

/// A table of functions that lives as long as the program. Its last entry is [`END`].
pub(crate) struct Methods<const N: usize>(UnsafeCell<[PyMethodDef; N]>);

// SAFETY: CPython only reads the table, although it takes a pointer that would allow more.
unsafe impl<const N: usize> Sync for Methods<N> {}

/// What ends a table.
pub(crate) const END: PyMethodDef = PyMethodDef::zeroed();

impl<const N: usize> Methods<N> {
    pub(crate) const fn new(methods: [PyMethodDef; N]) -> Self {
        Methods(UnsafeCell::new(methods))
    }

    pub(crate) const fn as_ptr(&self) -> *mut PyMethodDef {
        self.0.get().cast()
    }
}

/// A function that takes positional and keyword arguments.
pub(crate) const fn function(
    name: &'static CStr,
    function: PyCFunctionFastWithKeywords,
    doc: &'static CStr,
) -> PyMethodDef {
    PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunctionFastWithKeywords: function },
        ml_flags: METH_FASTCALL | METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    }
}

/// A function that takes positional arguments.
pub(crate) const fn positional(
    name: &'static CStr,
    function: PyCFunctionFast,
    doc: &'static CStr,
) -> PyMethodDef {
    PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunctionFast: function },
        ml_flags: METH_FASTCALL,
        ml_doc: doc.as_ptr(),
    }
}

/// A function that takes one argument.
pub(crate) const fn unary(name: &'static CStr, function: PyCFunction, doc: &'static CStr) -> PyMethodDef {
    PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunction: function },
        ml_flags: METH_O,
        ml_doc: doc.as_ptr(),
    }
}

/// A function that takes no argument.
pub(crate) const fn nullary(name: &'static CStr, function: PyCFunction, doc: &'static CStr) -> PyMethodDef {
    PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunction: function },
        ml_flags: METH_NOARGS,
        ml_doc: doc.as_ptr(),
    }
}

/// Runs the body of a native function: a panic becomes an exception instead of ending the process.
pub(crate) fn guard(body: impl FnOnce() -> Result<Owned>) -> *mut PyObject {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(object)) => object.into_ptr(),
        Ok(Err(_)) => std::ptr::null_mut(),
        Err(panic) => {
            raise_panic(&*panic);
            std::ptr::null_mut()
        }
    }
}

/// The same for slots that return a status.
pub(crate) fn guard_status(body: impl FnOnce() -> Result<()>) -> std::ffi::c_int {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => 0,
        Ok(Err(_)) => -1,
        Err(panic) => {
            raise_panic(&*panic);
            -1
        }
    }
}

/// The payload of a panic for want of memory, where an exception is set already.
pub(crate) struct OutOfMemory;

#[cold]
fn raise_panic(panic: &(dyn std::any::Any + Send)) {
    if !panic.is::<OutOfMemory>() {
        let _raised = error::runtime_error("brinery failed in an unexpected way; please report this");
    }
}
