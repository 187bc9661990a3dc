//! Arguments of opcodes as Python objects, and what is wrong with them as exceptions.

use crate::ffi::api::*;
use crate::ffi::error::{self, Raised};
use crate::ffi::{Owned, Ref, Result, bytes};
use brinery::inspect::{ArgumentError, ArgumentValue, GenopsError, Limits, TextError};
use std::ffi::CString;

/// The limits of the interpreter.
pub(super) fn limits() -> Result<Limits> {
    // SAFETY: the name is a C string; the result is null or borrowed from the module `sys`, which outlives the call.
    let function = unsafe { Ref::from_nullable(PySys_GetObject(c"get_int_max_str_digits".as_ptr())) };
    let Some(function) = function else { return Ok(Limits { int_digits: usize::MAX }) };
    let digits = function.call0()?;
    // SAFETY: the object is alive.
    let digits = unsafe { PyLong_AsSsize_t(digits.as_ptr()) };
    Ok(Limits { int_digits: usize::try_from(digits).ok().filter(|&digits| digits > 0).unwrap_or(usize::MAX) })
}

/// A decoded argument.
pub(super) fn object(value: &ArgumentValue<'_>) -> Result<Owned> {
    match value {
        ArgumentValue::None => Ok(Owned::none()),
        ArgumentValue::Bool(value) => Ok(Owned::bool(*value)),
        ArgumentValue::Int(value) => Owned::int(*value),
        ArgumentValue::BigInt(value) => {
            let text = CString::new(format!("{value:x}")).unwrap_or_default();
            // SAFETY: the text is a C string, and the end is not asked for.
            unsafe { Owned::from_result(PyLong_FromString(text.as_ptr(), std::ptr::null_mut(), 16)) }
        }
        // SAFETY: any value will do.
        ArgumentValue::Float(value) => unsafe { Owned::from_result(PyFloat_FromDouble(*value)) },
        ArgumentValue::Bytes(data) => bytes::new(data),
        ArgumentValue::ByteArray(data) => bytes::new_bytearray(data),
        ArgumentValue::Str(text) => str(text),
    }
}

/// A `str` of UTF-8 in which lone surrogates may be encoded.
fn str(text: &[u8]) -> Result<Owned> {
    let len = text.len() as Py_ssize_t;
    // SAFETY: pointer and length describe readable memory; the name of the handler is a C string.
    unsafe { Owned::from_result(PyUnicode_DecodeUTF8(text.as_ptr().cast(), len, c"surrogatepass".as_ptr())) }
}

/// Sets the exception that `pickletools` raises.
pub(super) fn raise(error: &GenopsError) -> Raised {
    match error {
        GenopsError::Argument(ArgumentError::Text(error)) => raise_text(error),
        GenopsError::Argument(ArgumentError::IntDigits(text)) => raise_digits(text),
        error => {
            let text = error.to_string();
            // 3.9 does not show an empty line as the bytes that it is.
            #[cfg(not(Py_3_10))]
            let text = text
                .replace("could not convert string to float: b''", "could not convert string to float: ''");
            error::value_error(&text)
        }
    }
}

fn raise_text(error: &TextError) -> Raised {
    let attempt = || {
        let codec = CString::new(error.codec).unwrap_or_default();
        let reason = CString::new(error.reason).unwrap_or_default();
        // SAFETY: the texts are C strings, pointer and length describe readable memory, and the exception is of the
        // class that it is set with.
        unsafe {
            let exception = Owned::from_result(PyUnicodeDecodeError_Create(
                codec.as_ptr(),
                error.object.as_ptr().cast(),
                error.object.len() as Py_ssize_t,
                error.start as Py_ssize_t,
                error.end as Py_ssize_t,
                reason.as_ptr(),
            ))?;
            PyErr_SetObject(PyExc_UnicodeDecodeError, exception.as_ptr());
        }
        Ok(())
    };
    match attempt() {
        Ok(()) | Err(Raised) => Raised,
    }
}

/// Lets the interpreter refuse a text of too many digits in its own words.
fn raise_digits(text: &[u8]) -> Raised {
    let attempt = || {
        let text = bytes::new(text)?;
        // SAFETY: the object is alive.
        unsafe { Owned::from_result(PyNumber_Long(text.as_ptr())) }
    };
    match attempt() {
        Ok(_) => error::value_error("the integer has too many digits"),
        Err(raised) => raised,
    }
}

/// Lets the interpreter refuse in its own words to write a number of more than `digits` digits.
pub(super) fn raise_int_digits(digits: usize) -> Raised {
    let attempt = || {
        // Four bits a digit are more than enough.
        let text = CString::new(format!("1{}", "0".repeat(digits + 16))).unwrap_or_default();
        // SAFETY: the text is a C string, and the end is not asked for; the number is alive while it is written.
        unsafe {
            let number = Owned::from_result(PyLong_FromString(text.as_ptr(), std::ptr::null_mut(), 16))?;
            Owned::from_result(PyObject_Str(number.as_ptr()))
        }
    };
    match attempt() {
        Ok(_) => error::value_error("the integer has too many digits"),
        Err(raised) => raised,
    }
}

/// What the running interpreter says of characters.
pub(super) struct Characters {
    isprintable: Owned,
}

impl Characters {
    pub(super) fn new() -> Result<Self> {
        // SAFETY: the type of str is alive as long as the interpreter.
        let kind = unsafe { Ref::new((&raw mut PyUnicode_Type).cast()) };
        Ok(Characters { isprintable: kind.getattr(Owned::interned("isprintable")?.as_ref())? })
    }

    /// Whether `repr` shows a character as it is.
    pub(super) fn is_printable(&self, char: char) -> bool {
        let mut buffer = [0; 4];
        let answer = Owned::str(char.encode_utf8(&mut buffer))
            .and_then(|text| self.isprintable.call1(text.as_ref()))
            .and_then(|answer| answer.is_true());
        answer.unwrap_or_else(|Raised| {
            error::clear();
            false
        })
    }
}
