//! The public face of the module: constants, and the module name that functions and classes go by.

use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result, bytes, check};
use crate::methods::{END, Methods, guard, unary};
use crate::state::State;
use brinery::Opcode;

/// The module that functions and classes say they are from, so that pickles of them name the public one.
const PUBLIC_MODULE: &str = "brinery";

static METHODS: Methods<2> = Methods::new([
    unary(
        c"_set_public_module",
        set_public_module,
        c"_set_public_module($module, name, /)\n--\n\n\
        Make all functions and classes of the engine say that they are from module `name`.\n\n\
        While the engine stands in for ``_pickle``, pickles of them must name that.\n",
    ),
    END,
]);

/// The functions, for the module.
pub(crate) fn functions() -> *mut PyMethodDef {
    METHODS.as_ptr()
}

/// Gives a module its constants.
pub(crate) fn add_constants(module: Ref<'_>, state: &State) -> Result<()> {
    // SAFETY: makes a new dict.
    let opcodes = unsafe { Owned::from_result(PyDict_New())? };
    for opcode in Opcode::ALL {
        let byte = bytes::new(&[opcode.byte()])?;
        opcodes.set_item(Owned::interned(opcode.name())?.as_ref(), byte.as_ref())?;
    }
    for (name, value) in [
        ("opcodes", opcodes),
        ("HIGHEST_PROTOCOL", Owned::int(brinery::read::HIGHEST_PROTOCOL.into())?),
        ("DEFAULT_PROTOCOL", Owned::int(crate::save::DEFAULT_PROTOCOL.into())?),
        ("__version__", Owned::str(env!("CARGO_PKG_VERSION"))?),
    ] {
        module.setattr(Owned::interned(name)?.as_ref(), value.as_ref())?;
    }
    rename(module, state, Owned::interned(PUBLIC_MODULE)?.as_ref())
}

/// Renames the module of everything that is ours.
fn rename(module: Ref<'_>, state: &State, name: Ref<'_>) -> Result<()> {
    let key = Owned::interned("__module__")?;
    // SAFETY: the object is a module, whose dict lives as long as it.
    let dict = unsafe { Ref::new(PyModule_GetDict(module.as_ptr())) };
    let (mut position, mut item, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
    let mut functions = Vec::new();
    // SAFETY: the object is a dict; nothing in the loop runs Python code.
    while unsafe { PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut item, &raw mut value) } != 0 {
        // SAFETY: `PyDict_Next` succeeded.
        let value = unsafe { Ref::new(value) };
        if value.is_exactly(&raw mut PyCFunction_Type) {
            functions.push(value.to_owned());
        }
    }
    for function in functions {
        function.setattr(key.as_ref(), name)?;
    }
    let types = &state.types;
    for kind in [&types.pickler, &types.pickler_memo, &types.unpickler, &types.unpickler_memo] {
        let kind = kind.as_ptr().cast::<PyTypeObject>();
        // SAFETY: a heap type of ours, ready and so with a dict. It cannot be changed from Python, but it is ours to
        // change; the interpreter's caches are told.
        unsafe {
            check(PyDict_SetItem((*kind).tp_dict, key.as_ptr(), name.as_ptr()))?;
            PyType_Modified(kind);
        }
    }
    Ok(())
}

unsafe extern "C" fn set_public_module(module: *mut PyObject, name: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with the module and an object.
        let (state, module, name) = unsafe { (State::of_module(module), Ref::new(module), Ref::new(name)) };
        if !name.is_str() {
            return Err(crate::ffi::error::type_error(&format!(
                "name must be str, not {}",
                name.type_name()
            )));
        }
        rename(module, state, name)?;
        Ok(Owned::none())
    })
}
