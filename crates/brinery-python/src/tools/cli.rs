//! The command line, on the process's own standard files.

use crate::ffi::api::*;
use crate::ffi::error::{self, Raised};
use crate::ffi::thread::detached;
use crate::ffi::{Owned, Ref, Result};
use crate::methods::guard;
use brinery_cli::{ExitCode, Stream};
use std::ffi::{CStr, OsString};
use std::panic::catch_unwind;

pub(super) unsafe extern "C" fn main(_module: *mut PyObject, args: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with an object.
        let args = unsafe { Ref::new(args) }.iter()?;
        let mut words = vec![OsString::from("brinery")];
        while let Some(arg) = args.next()? {
            words.push(word(arg.as_ref())?);
        }
        flush(c"stdout");
        flush(c"stderr");
        // SAFETY: the program touches no object of the interpreter.
        let code = unsafe {
            detached(|| catch_unwind(|| brinery_cli::run(words, Stream::stdout(), Stream::stderr())))
        };
        Owned::int(code.unwrap_or(ExitCode::Error).code().into())
    })
}

/// An argument as the system spells it.
fn word(arg: Ref<'_>) -> Result<OsString> {
    if !arg.is_str() {
        return Err(error::type_error(&format!("an argument must be str, not {}", arg.type_name())));
    }
    #[cfg(unix)]
    // SAFETY: the object is a str.
    unsafe {
        let encoded = Owned::from_result(PyUnicode_EncodeFSDefault(arg.as_ptr()))?;
        let bytes = crate::ffi::bytes::as_slice(encoded.as_ref()).to_vec();
        Ok(std::os::unix::ffi::OsStringExt::from_vec(bytes))
    }
    #[cfg(not(unix))]
    Ok(arg.text().into())
}

/// Has Python write what it has buffered, so that it comes before what the program writes.
fn flush(name: &CStr) {
    // SAFETY: the name is a C string; the result is null or borrowed from the module `sys`, which outlives the call.
    let file = unsafe { Ref::from_nullable(PySys_GetObject(name.as_ptr())) };
    let Some(file) = file.filter(|file| !file.is_none()) else { return };
    let flushed = Owned::interned("flush")
        .and_then(|flush| file.getattr(flush.as_ref()))
        .and_then(|flush| flush.call0());
    if let Err(Raised) = flushed {
        error::clear();
    }
}
