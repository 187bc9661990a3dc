//! The hook in numpy's own allocator.
//!
//! What arrays hold numpy takes from the system, through a structure of functions that it lets others replace, context by context.
//! There is one of its own that all contexts begin with: its functions are exchanged while a load has a fence, so that a load
//! need not make a context. Memory is given back as ever.

use super::hook::admits;
use crate::ffi::api::*;
use crate::ffi::{Ref, error};
use crate::load::{PACKAGES, Table};
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_uint, c_void};
use std::ptr;

type Malloc = unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void;
type Calloc = unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void;
type Realloc = unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void;
type Free = unsafe extern "C" fn(*mut c_void, *mut c_void, usize);

/// The structure, as numpy's headers publish it.
#[repr(C)]
struct Handler {
    name: [c_char; 127],
    version: u8,
    context: *mut c_void,
    functions: Functions,
    free: Free,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Functions {
    malloc: Malloc,
    calloc: Calloc,
    realloc: Realloc,
}

/// Places in numpy's table of functions and objects, and the version of the table from which on there are such structures.
const VERSION: usize = 211;
const DEFAULT: usize = 306;
const FIRST: c_uint = 0xf;

/// What is known of numpy.
pub(super) struct Arrays(UnsafeCell<State>);

struct State {
    /// How many modules there were when numpy was looked for.
    modules: isize,
    /// The structure, and the functions that it had at first.
    found: Option<(*mut Handler, Functions)>,
    /// Whether it has ours.
    installed: bool,
}

pub(super) static ARRAYS: Arrays =
    Arrays(UnsafeCell::new(State { modules: 0, found: None, installed: false }));

// SAFETY: who looks at it, or changes it, holds the lock of the main interpreter; the functions are called with it, too.
unsafe impl Sync for Arrays {}

impl Arrays {
    /// Puts our functions before numpy's, if it has been imported.
    ///
    /// # Safety
    ///
    /// The thread holds the lock of the main interpreter.
    pub(super) unsafe fn install(&self) {
        // SAFETY: by contract nobody else looks at it.
        let state = unsafe { &mut *self.0.get() };
        if state.installed {
            return;
        }
        if state.found.is_none() {
            // SAFETY: the table of modules is a dict.
            let modules = unsafe { PyDict_Size(PyImport_GetModuleDict()) };
            if modules == state.modules {
                return;
            }
            state.modules = modules;
            state.found = find();
            error::clear();
        }
        if let Some((handler, _)) = state.found {
            // SAFETY: numpy's structure is there for ever.
            unsafe { (*handler).functions = Functions { malloc, calloc, realloc } };
            state.installed = true;
        }
    }

    /// Takes them away again.
    ///
    /// # Safety
    ///
    /// As above.
    pub(super) unsafe fn uninstall(&self) {
        // SAFETY: by contract nobody else looks at it; numpy's structure is there for ever.
        unsafe {
            let state = &mut *self.0.get();
            if let (Some((handler, before)), true) = (state.found, state.installed) {
                (*handler).functions = before;
                state.installed = false;
            }
        }
    }

    /// Numpy's own functions. They are asked for by ours, which numpy has only where they are known.
    fn before(&self) -> Option<Functions> {
        // SAFETY: what is found does not change.
        unsafe { (*self.0.get()).found.map(|(_, functions)| functions) }
    }
}

/// The structure that all contexts begin with, and its functions.
fn find() -> Option<(*mut Handler, Functions)> {
    let table = PACKAGES.into_iter().find_map(Table::of)?;
    // SAFETY: the places and types are those of numpy's headers, of the versions that are asked for.
    unsafe {
        let version: unsafe extern "C" fn() -> c_uint = std::mem::transmute(table.at(VERSION));
        if version() < FIRST {
            return None;
        }
        let capsule = Ref::from_nullable(*table.at(DEFAULT).cast::<*mut PyObject>())?;
        let handler = PyCapsule_GetPointer(capsule.as_ptr(), c"mem_handler".as_ptr()).cast::<Handler>();
        let known = !handler.is_null()
            && CStr::from_ptr((&raw const (*handler).name).cast()) == c"default_allocator"
            && (*handler).version == 1;
        known.then(|| (handler, (*handler).functions))
    }
}

unsafe extern "C" fn malloc(context: *mut c_void, size: usize) -> *mut c_void {
    match ARRAYS.before() {
        // SAFETY: numpy calls its own function like this.
        Some(before) if admits(size) => unsafe { (before.malloc)(context, size) },
        _ => ptr::null_mut(),
    }
}

unsafe extern "C" fn calloc(context: *mut c_void, count: usize, size: usize) -> *mut c_void {
    match ARRAYS.before() {
        // SAFETY: as above.
        Some(before) if admits(count.saturating_mul(size)) => unsafe {
            (before.calloc)(context, count, size)
        },
        _ => ptr::null_mut(),
    }
}

unsafe extern "C" fn realloc(context: *mut c_void, memory: *mut c_void, size: usize) -> *mut c_void {
    match ARRAYS.before() {
        // SAFETY: as above.
        Some(before) if admits(size) => unsafe { (before.realloc)(context, memory, size) },
        _ => ptr::null_mut(),
    }
}
