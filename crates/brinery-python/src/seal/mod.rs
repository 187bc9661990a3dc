//! Sealing: the functions `seal` and `unseal`, the keys, and what `dump` and `load` do with a key.

mod arguments;
mod file;
mod functions;
mod keys;
mod writer;

pub(crate) use file::opened;
pub(crate) use functions::{functions, sealed, unsealed};
pub(crate) use writer::Writer;

use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, error};
use crate::state::State;
use brinery_seal::Error;

/// The types that sealing needs, for a new module.
pub(crate) struct Types {
    pub(crate) keys: Owned,
    pub(crate) writer: Owned,
}

impl Types {
    pub(crate) fn new(module: Ref<'_>) -> Result<Self> {
        Ok(Types { keys: keys::new_type(module)?, writer: writer::new_type(module)? })
    }
}

/// The exception class `SealError`.
pub(crate) fn error_class() -> Result<Owned> {
    // SAFETY: makes a new dict; the base is a class, and the texts are C strings.
    unsafe {
        let members = Owned::from_result(PyDict_New())?;
        for (name, value) in [("reason", Owned::str("")?), ("hint", Owned::none())] {
            members.set_item(Owned::interned(name)?.as_ref(), value.as_ref())?;
        }
        Owned::from_result(PyErr_NewExceptionWithDoc(
            c"brinery.SealError".as_ptr(),
            crate::methods::docstring!("seal_error").as_ptr(),
            PyExc_ValueError,
            members.as_ptr(),
        ))
    }
}

/// Raises a failure of sealing: what the system refused as the `OSError` that Python has for it.
#[cold]
fn raise(state: &State, failure: &Error) -> Raised {
    if let Some(code) = failure.io_error().and_then(std::io::Error::raw_os_error) {
        return raise_os_error(code, failure).unwrap_or(Raised);
    }
    let raised = error::raise(state.errors.seal.as_ref(), &failure.to_string());
    let Some(exception) = error::take() else { return raised };
    let attributes = || -> Result<()> {
        let reason = Owned::str(failure.reason().slug())?;
        exception.setattr(Owned::interned("reason")?.as_ref(), reason.as_ref())?;
        if let Some(hint) = failure.hint() {
            exception.setattr(Owned::interned("hint")?.as_ref(), Owned::str(hint)?.as_ref())?;
        }
        Ok(())
    };
    if let Err(raised) = attributes() {
        return raised;
    }
    error::restore(exception)
}

fn raise_os_error(code: i32, failure: &Error) -> Result<Raised> {
    // SAFETY: the class is alive as long as the interpreter, and so is what it makes.
    unsafe {
        let class = Ref::new(PyExc_OSError);
        let exception =
            class.call(&[Owned::int(code.into())?.as_ref(), Owned::str(&failure.to_string())?.as_ref()])?;
        PyErr_SetObject(exception.type_ptr().cast(), exception.as_ptr());
    }
    Ok(Raised)
}
