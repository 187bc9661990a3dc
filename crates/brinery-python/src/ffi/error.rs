//! Python exceptions as Rust results.

use super::object::{Owned, Ref};
use pyo3_ffi::*;
use std::ffi::CString;

/// A Python exception is set in this thread.
///
/// It carries nothing: the interpreter holds the exception.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) struct Raised;

/// What calls into Python return.
pub(crate) type Result<T> = std::result::Result<T, Raised>;

/// Whether an exception is set.
#[inline(always)]
pub(crate) fn occurred() -> bool {
    // SAFETY: the thread is attached.
    unsafe { !PyErr_Occurred().is_null() }
}

/// Forgets the exception that is set.
pub(crate) fn clear() {
    // SAFETY: the thread is attached.
    unsafe { PyErr_Clear() }
}

/// Whether the exception that is set is an instance of `kind`.
pub(crate) fn matches(kind: Ref<'_>) -> bool {
    // SAFETY: the thread is attached, and callers know that an exception is set.
    unsafe { PyErr_ExceptionMatches(kind.as_ptr()) != 0 }
}

/// Whether an exception is set that ends programs, such as `KeyboardInterrupt`.
pub(crate) fn is_exit() -> bool {
    // SAFETY: the interpreter's exception classes are alive as long as it is.
    occurred() && !matches(unsafe { Ref::new(PyExc_Exception) })
}

/// Sets an exception.
#[cold]
pub(crate) fn raise(kind: Ref<'_>, message: &str) -> Raised {
    let message = CString::new(message.replace('\0', "\\0")).unwrap_or_default();
    // SAFETY: `kind` is an exception class, the message a C string.
    unsafe { PyErr_SetString(kind.as_ptr(), message.as_ptr()) };
    Raised
}

/// Sets a `KeyError` for this key.
#[cold]
pub(crate) fn key_error(key: Ref<'_>) -> Raised {
    // SAFETY: the interpreter's exception classes are alive as long as it is, and so is the key for the call.
    unsafe { PyErr_SetObject(PyExc_KeyError, key.as_ptr()) };
    Raised
}

macro_rules! builtin_exceptions {
    ($($name:ident $static:ident)*) => {
        $(
            #[doc = concat!("Sets a `", stringify!($static), "`.")]
            #[cold]
            pub(crate) fn $name(message: &str) -> Raised {
                // SAFETY: the interpreter's exception classes are alive as long as it is.
                raise(unsafe { Ref::new($static) }, message)
            }
        )*
    };
}

builtin_exceptions! {
    type_error PyExc_TypeError
    value_error PyExc_ValueError
    runtime_error PyExc_RuntimeError
    attribute_error PyExc_AttributeError
    overflow_error PyExc_OverflowError
    eof_error PyExc_EOFError
}

/// Takes the exception that is set, normalised.
pub(crate) fn take() -> Option<Owned> {
    #[cfg(Py_3_12)]
    // SAFETY: returns null or a new reference.
    unsafe {
        Owned::from_nullable(PyErr_GetRaisedException())
    }
    #[cfg(not(Py_3_12))]
    // SAFETY: the three are null or new references; normalising keeps that; the traceback moves into the exception.
    unsafe {
        let (mut kind, mut value, mut traceback) =
            (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
        PyErr_Fetch(&raw mut kind, &raw mut value, &raw mut traceback);
        if kind.is_null() {
            return None;
        }
        PyErr_NormalizeException(&raw mut kind, &raw mut value, &raw mut traceback);
        drop(Owned::from_nullable(kind));
        let traceback = Owned::from_nullable(traceback);
        let value = Owned::from_nullable(value)?;
        if let Some(traceback) = traceback {
            PyException_SetTraceback(value.as_ptr(), traceback.as_ptr());
        }
        Some(value)
    }
}

/// Sets an exception that was taken.
pub(crate) fn restore(exception: Owned) -> Raised {
    #[cfg(Py_3_12)]
    // SAFETY: the call takes the reference over.
    unsafe {
        PyErr_SetRaisedException(exception.into_ptr());
    }
    #[cfg(not(Py_3_12))]
    // SAFETY: the call takes all three references over.
    unsafe {
        let kind = exception.type_ref().to_owned().into_ptr();
        let traceback = PyException_GetTraceback(exception.as_ptr());
        PyErr_Restore(kind, exception.into_ptr(), traceback);
    }
    Raised
}
