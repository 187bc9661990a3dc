//! Modules that are imported already.

use crate::ffi::api::*;
use crate::ffi::function::native_name;
use crate::ffi::object::looks_up_plainly;
use crate::ffi::{Owned, Ref, error, text};
use crate::state::State;

/// The namespace of the module of this name, if importing the module would do no more than find it. No Python code
/// runs.
pub(crate) fn namespace(state: &State, name: Ref<'_>) -> Option<Owned> {
    if !name.is_exactly(&raw mut PyUnicode_Type) || !import_is_builtin(state) {
        return None;
    }
    let module = loaded(name)?;
    let name = text::ascii(name)?;
    if let Some(end) = name.iter().position(|&byte| byte == b'.') {
        // `__import__` looks for the outermost package too.
        loaded(Owned::str(std::str::from_utf8(&name[..end]).ok()?).ok()?.as_ref())?;
    }
    // SAFETY: a module has a namespace, which it holds.
    let namespace = unsafe { Ref::from_nullable(PyModule_GetDict(module.as_ptr()))? }.to_owned();
    is_complete(state, &namespace).then_some(namespace)
}

/// What `sys.modules` has under a name, if that is an ordinary module.
fn loaded(name: Ref<'_>) -> Option<Owned> {
    // SAFETY: the names are C strings, and what is found is held by its dict.
    let module = unsafe {
        let modules = Ref::from_nullable(PySys_GetObject(c"modules".as_ptr()))?;
        if !modules.is_exactly(&raw mut PyDict_Type) {
            return None;
        }
        Ref::from_nullable(PyDict_GetItemWithError(modules.as_ptr(), name.as_ptr()))
    };
    if module.is_none() && error::occurred() {
        error::clear();
    }
    module.filter(|module| module.is_exactly(&raw mut PyModule_Type)).map(Ref::to_owned)
}

/// Whether nobody, such as another thread, is still executing the module.
fn is_complete(state: &State, namespace: &Owned) -> bool {
    unsafe extern "C" {
        fn _PyType_Lookup(kind: *mut PyTypeObject, name: *mut PyObject) -> *mut PyObject;
    }
    // SAFETY: the namespace is a dict, which holds the spec. Attributes are only asked of a spec that has them in its
    // `__dict__`, which runs no code.
    unsafe {
        let spec = PyDict_GetItemWithError(namespace.as_ptr(), state.names.__spec__.as_ptr());
        let Some(spec) = Ref::from_nullable(spec) else { return false };
        if spec.is_none() {
            return true;
        }
        let initializing = &state.names._initializing;
        let kind = spec.type_ptr();
        let plain = looks_up_plainly(kind) && _PyType_Lookup(kind, initializing.as_ptr()).is_null();
        plain
            && match spec.to_owned().lookup_attr(initializing.as_ref()) {
                Ok(None) => true,
                Ok(Some(busy)) => busy.is(Ref::new(Py_False())),
                Err(_) => {
                    error::clear();
                    false
                }
            }
    }
}

/// Whether nobody has put an `__import__` of their own in the place of the interpreter's.
pub(crate) fn import_is_builtin(state: &State) -> bool {
    // SAFETY: the builtins are a dict; what is found is looked at before anything else runs.
    unsafe {
        let builtins = PyEval_GetBuiltins();
        if builtins.is_null() || PyDict_CheckExact(builtins) == 0 {
            return false;
        }
        let import = PyDict_GetItemWithError(builtins, state.names.__import__.as_ptr());
        Ref::from_nullable(import).and_then(native_name) == Some(c"__import__")
    }
}
