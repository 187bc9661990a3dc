//! Frozensets whose elements cannot be hashed yet.
//!
//! A frozenset is made with its elements, and its hash comes from them. One that has to wait for an element is therefore
//! nothing that anybody may hash, look into or copy. Until its elements are there it is an object of a class of its own
//! that refuses all that: whoever hashes it fails, and waits in turn. Then the very same object becomes the frozenset, so
//! that whatever holds it already holds the right thing.
//!
//! Instances of subclasses cannot change their class that way. They wait as empty frozensets, and are given up if somebody
//! has asked for their hash meanwhile, which would stay wrong.

use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, error};
use crate::state::State;
use crate::types::{self, IMMUTABLE, NO_NEW, slot};
use std::ffi::{c_int, c_void};
use std::ptr;

/// The class of frozensets that are not finished, for a new module.
pub(crate) fn new_type(module: Ref<'_>) -> Result<Owned> {
    let mut slots = [
        slot(Py_tp_dealloc, dealloc as *mut c_void),
        slot(Py_tp_traverse, traverse as *mut c_void),
        slot(Py_tp_hash, hash as *mut c_void),
        slot(0, ptr::null_mut()),
    ];
    let flags = Py_TPFLAGS_HAVE_GC | IMMUTABLE | NO_NEW;
    let size = size_of::<PySetObject>();
    // SAFETY: the slots are functions for a frozenset, which has this size.
    unsafe { types::new_type(module, c"brinery.UnfinishedFrozenset", size, flags, &mut slots) }
}

/// A new frozenset that gets its elements later.
pub(super) fn new(state: &State) -> Result<Owned> {
    // SAFETY: makes a new frozenset, which nobody else has seen and which holds its new class from here on.
    unsafe {
        let object = Owned::from_result(PyFrozenSet_New(ptr::null_mut()))?;
        let kind = state.types.unfinished_frozenset.clone().into_ptr();
        (*object.as_ptr()).ob_type = kind.cast();
        Ok(object)
    }
}

/// Whether an object is a frozenset of ours that is not finished.
pub(super) fn is_unfinished(state: &State, object: Ref<'_>) -> bool {
    object.is_exactly(state.types.unfinished_frozenset.as_ptr().cast())
}

/// Gives a frozenset its elements: one that is not finished, or an empty instance of a subclass.
pub(super) fn finish(state: &State, object: Ref<'_>, elements: Ref<'_>) -> Result<()> {
    // SAFETY: makes a new frozenset of a tuple that is alive.
    let full = unsafe { Owned::from_result(PyFrozenSet_New(elements.as_ptr()))? };
    if is_unfinished(state, object) {
        // SAFETY: the object has been a frozenset before, and holds its class.
        unsafe {
            (*object.as_ptr()).ob_type = &raw mut PyFrozenSet_Type;
            drop(Owned::from_result(state.types.unfinished_frozenset.as_ptr()));
        }
    }
    // SAFETY: the object is a frozenset; both kinds of sets have this layout.
    if unsafe { (*object.as_ptr().cast::<PySetObject>()).hash } != -1 {
        return Err(error::type_error("frozenset was hashed before it had its elements"));
    }
    fill(object, full.as_ref())
}

/// Puts the elements of a frozenset into one that is empty.
fn fill(empty: Ref<'_>, full: Ref<'_>) -> Result<()> {
    // SAFETY: the function of `|=` puts the elements of the second set into the first, whichever kind of set that is:
    // the method of `set` is what looks at the kind. Hashes are known and nothing is compared, so no other code runs.
    unsafe {
        let numbers = PySet_Type.tp_as_number;
        let Some(update) = numbers.as_ref().and_then(|numbers| numbers.nb_inplace_or) else {
            return Err(error::type_error("sets cannot be updated"));
        };
        drop(Owned::from_result(update(empty.as_ptr(), full.as_ptr()))?);
        if PySet_GET_SIZE(empty.as_ptr()) != PySet_GET_SIZE(full.as_ptr()) {
            return Err(error::type_error("frozenset cannot be filled"));
        }
        // An empty frozenset may have been taken for one that can be in no cycle.
        if PyObject_GC_IsTracked(empty.as_ptr()) == 0 {
            PyObject_GC_Track(empty.as_ptr().cast());
        }
    }
    Ok(())
}

unsafe extern "C" fn hash(_: *mut PyObject) -> Py_hash_t {
    let Raised = error::type_error("frozenset does not have its elements yet");
    -1
}

unsafe extern "C" fn traverse(object: *mut PyObject, visit: visitproc, arg: *mut c_void) -> c_int {
    // SAFETY: the object is alive and has no elements; instances of heap types visit their type.
    unsafe { visit(Py_TYPE(object).cast(), arg) }
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: CPython calls this once, with an object that nobody refers to; it was made as a frozenset.
    unsafe {
        let kind = Py_TYPE(object);
        (*object).ob_type = &raw mut PyFrozenSet_Type;
        if let Some(dealloc) = PyFrozenSet_Type.tp_dealloc {
            dealloc(object);
        }
        Py_DECREF(kind.cast());
    }
}
