//! The extension module `brinery._brinery`: the engine for CPython.
//!
//! This crate is the only one with `unsafe` code. Each block says which invariant it rests on; the invariants of the
//! interpreter itself (a thread that runs native code is attached, references it passes are alive) hold throughout.

mod arguments;
mod ffi;
mod files;
mod load;
mod methods;
mod modules;
mod pickler;
mod pickler_memo;
mod place;
mod policy;
mod public;
mod save;
mod seal;
mod state;
mod tools;
mod types;
mod unpickler;
mod unpickler_memo;

use ffi::api::*;
use ffi::{Owned, Ref, Result, check};
use state::State;
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::ptr;

/// What a module object holds: its state, boxed.
type Slot = *mut State;

struct Definition(UnsafeCell<PyModuleDef>);

// SAFETY: CPython initialises the definition under its own lock and otherwise reads it.
unsafe impl Sync for Definition {}

struct Slots(UnsafeCell<[PyModuleDef_Slot; 4]>);

// SAFETY: CPython only reads the slots.
unsafe impl Sync for Slots {}

static SLOTS: Slots = Slots(UnsafeCell::new([
    PyModuleDef_Slot { slot: Py_mod_exec, value: exec as *mut c_void },
    #[cfg(Py_3_12)]
    PyModuleDef_Slot { slot: Py_mod_multiple_interpreters, value: Py_MOD_PER_INTERPRETER_GIL_SUPPORTED },
    #[cfg(not(Py_3_12))]
    PyModuleDef_Slot { slot: 0, value: ptr::null_mut() },
    #[cfg(Py_GIL_DISABLED)]
    PyModuleDef_Slot { slot: Py_mod_gil, value: Py_MOD_GIL_USED },
    #[cfg(not(Py_GIL_DISABLED))]
    PyModuleDef_Slot { slot: 0, value: ptr::null_mut() },
    PyModuleDef_Slot { slot: 0, value: ptr::null_mut() },
]));

static DEFINITION: Definition = Definition(UnsafeCell::new(PyModuleDef {
    m_base: PyModuleDef_HEAD_INIT,
    m_name: c"brinery._brinery".as_ptr(),
    m_doc: c"The engine of brinery: the functions and classes of pickle, in Rust.".as_ptr(),
    m_size: size_of::<Slot>() as Py_ssize_t,
    m_methods: ptr::null_mut(),
    m_slots: SLOTS.0.get().cast(),
    m_traverse: Some(traverse),
    m_clear: None,
    m_free: Some(free),
}));

/// The definition of the module, by which its objects are known.
pub(crate) fn module_definition() -> *mut PyModuleDef {
    DEFINITION.0.get()
}

/// What the interpreter calls to import the module.
///
/// # Safety
///
/// Only the interpreter may call this.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInit__brinery() -> *mut PyObject {
    // SAFETY: the definition lives as long as the program.
    unsafe { PyModuleDef_Init(module_definition()) }
}

unsafe extern "C" fn exec(module: *mut PyObject) -> c_int {
    methods::guard_status(|| {
        // SAFETY: the interpreter calls this with a new module of our definition.
        let module = unsafe { Ref::new(module) };
        let state = Box::new(State::new(module)?);
        fill(module, &state)?;
        // SAFETY: the module's state is a slot for one pointer.
        unsafe { *PyModule_GetState(module.as_ptr()).cast::<Slot>() = Box::into_raw(state) };
        Ok(())
    })
}

/// Gives a module its functions and classes.
fn fill(module: Ref<'_>, state: &State) -> Result<()> {
    let [seal, keys] = seal::functions();
    let policies = policy::functions();
    for methods in
        [save::functions(), load::functions(), policies, public::functions(), tools::functions(), seal, keys]
    {
        // SAFETY: each table is ended by an empty entry and lives as long as the program.
        check(unsafe { PyModule_AddFunctions(module.as_ptr(), methods) })?;
    }
    // SAFETY: the type lives as long as the interpreter.
    let pickle_buffer = unsafe { Ref::new(save::pickle_buffer_type().cast()) }.to_owned();
    for (name, object) in [
        ("PickleError", &state.errors.pickle),
        ("PicklingError", &state.errors.pickling),
        ("UnpicklingError", &state.errors.unpickling),
        ("SealError", &state.errors.seal),
        ("Pickler", &state.types.pickler),
        ("Unpickler", &state.types.unpickler),
        ("PickleBuffer", &pickle_buffer),
    ] {
        module.setattr(Owned::interned(name)?.as_ref(), object.as_ref())?;
    }
    public::add_constants(module, state)
}

unsafe extern "C" fn traverse(module: *mut PyObject, visit: visitproc, arg: *mut c_void) -> c_int {
    // SAFETY: the collector calls this with a module of ours, which may not have been filled yet.
    unsafe {
        let slot = PyModule_GetState(module).cast::<Slot>();
        if slot.is_null() || (*slot).is_null() { 0 } else { (**slot).traverse(visit, arg) }
    }
}

unsafe extern "C" fn free(module: *mut c_void) {
    // SAFETY: the interpreter calls this once, with a module of ours that nobody refers to.
    unsafe {
        let slot = PyModule_GetState(module.cast()).cast::<Slot>();
        if !slot.is_null() && !(*slot).is_null() {
            drop(Box::from_raw(std::mem::replace(&mut *slot, ptr::null_mut())));
        }
    }
}
