//! The functions `dump` and `dumps`.

use super::{Dump, Hooks, Pickler};
use crate::arguments::{Signature, flag, some};
use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result, error};
use crate::methods::{END, Methods, docstring, function};
use crate::seal;
use crate::state::State;
use std::ptr::NonNull;

static METHODS: Methods<3> = Methods::new([
    function(c"dump", dump, docstring!("dump")),
    function(c"dumps", dumps, docstring!("dumps")),
    END,
]);

/// The functions, for the module.
pub(crate) fn functions() -> *mut PyMethodDef {
    METHODS.as_ptr()
}

const DUMP: Signature<8> = Signature {
    function: "dump",
    names: ["obj", "file", "protocol", "fix_imports", "buffer_callback", "key", "purpose", "expires"],
    positional_only: 0,
    positional: 3,
    required: 2,
};

const DUMPS: Signature<7> = Signature {
    function: "dumps",
    names: ["obj", "protocol", "fix_imports", "buffer_callback", "key", "purpose", "expires"],
    positional_only: 0,
    positional: 2,
    required: 1,
};

unsafe extern "C" fn dump(
    module: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    kwnames: *mut PyObject,
) -> *mut PyObject {
    crate::methods::guard(|| {
        // SAFETY: CPython calls this by the vectorcall protocol, with the module as the receiver.
        let (state, arguments) =
            unsafe { (State::of_module(module), DUMP.parse_vector(args, count, kwnames)?) };
        let [object, file, protocol, fix_imports, callback, key, purpose, expires] = arguments;
        if let Some(file) = file
            && crate::files::is_path(state, file)?
        {
            // SAFETY: the arguments are passed on as they came.
            return unsafe { crate::files::by_path(c"dump", args, count, kwnames) };
        }
        let mut pickler = Pickler::new();
        pickler.configure(some(protocol), flag(fix_imports, true)?, some(callback))?;
        let write = writer(state, file)?;
        let Some(terms) = seal::sealed(state, key, purpose, expires, callback)? else {
            pickler.write = Some(write);
            return save(state, &mut pickler, object);
        };
        let sealing = seal::Writer::new(state, &terms, write)?;
        pickler.write = Some(sealing.write(state)?);
        let result = save(state, &mut pickler, object)?;
        sealing.finish(state)?;
        Ok(result)
    })
}

unsafe extern "C" fn dumps(
    module: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    kwnames: *mut PyObject,
) -> *mut PyObject {
    crate::methods::guard(|| {
        // SAFETY: CPython calls this with the module as the receiver.
        let state = unsafe { State::of_module(module) };
        let mut pickler = Pickler::new();
        // SAFETY: CPython calls this by the vectorcall protocol.
        if let Some((object, protocol)) = unsafe { plain(state, args, count, kwnames) } {
            pickler.configure(some(protocol), true, None)?;
            return save(state, &mut pickler, Some(object));
        }
        // SAFETY: CPython calls this by the vectorcall protocol.
        let arguments = unsafe { DUMPS.parse_vector(args, count, kwnames)? };
        let [object, protocol, fix_imports, callback, key, purpose, expires] = arguments;
        pickler.configure(some(protocol), flag(fix_imports, true)?, some(callback))?;
        let terms = seal::sealed(state, key, purpose, expires, callback)?;
        let data = save(state, &mut pickler, object)?;
        match terms {
            Some(terms) => terms.seal(state, data.as_ref()),
            None => Ok(data),
        }
    })
}

/// The arguments of a call that gives the object and at most the protocol.
///
/// # Safety
///
/// The arguments are those of a call by the vectorcall protocol, and live for `'a`.
#[inline(always)]
unsafe fn plain<'a>(
    state: &State,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    kwnames: *mut PyObject,
) -> Option<(Ref<'a>, Option<Ref<'a>>)> {
    // SAFETY: by contract, there are `count` arguments and after them one for each name.
    unsafe {
        let keywords = if kwnames.is_null() { 0 } else { PyTuple_GET_SIZE(kwnames) };
        match (count, keywords) {
            (1, 0) => Some((Ref::new(*args), None)),
            (2, 0) => Some((Ref::new(*args), Some(Ref::new(*args.add(1))))),
            (1, 1) if PyTuple_GET_ITEM(kwnames, 0) == state.names.protocol.as_ptr() => {
                Some((Ref::new(*args), Some(Ref::new(*args.add(1)))))
            }
            _ => None,
        }
    }
}

/// The `write` method of a file.
pub(crate) fn writer(state: &State, file: Option<Ref<'_>>) -> Result<Owned> {
    let write = match file {
        Some(file) => file.lookup_attr(state.names.write.as_ref())?,
        None => None,
    };
    write.ok_or_else(|| error::type_error("file must have a 'write' attribute"))
}

/// One dump by a pickler that nobody else knows.
fn save(state: &State, pickler: &mut Pickler, object: Option<Ref<'_>>) -> Result<Owned> {
    let hooks = Hooks { buffer_callback: pickler.buffer_callback.clone(), ..Hooks::default() };
    let Some(object) = object else { return Err(error::type_error("missing required argument 'obj'")) };
    pickler.memo = state.spare_dump.memo();
    // SAFETY: the pickler is on our stack, and no Python code can reach it.
    let result = unsafe { Dump::run(state, NonNull::from(&mut *pickler), hooks, object, false) };
    state.spare_dump.give_back_memo(std::mem::take(&mut pickler.memo));
    result
}
