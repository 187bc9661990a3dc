//! The type `UnpicklerMemoProxy`: what `Unpickler.memo` returns.

use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result};
use crate::methods::{END, Methods, guard, nullary};
use crate::state::State;
use crate::types::{self, IMMUTABLE, NO_NEW, slot};
use brinery::read::Memo;
use std::ffi::{c_int, c_void};
use std::ptr;

/// An instance of the proxy.
#[repr(C)]
struct ProxyObject {
    base: PyObject,
    /// `None` only after the collector has cleared the proxy.
    unpickler: Option<Owned>,
}

static METHODS: Methods<4> = Methods::new([
    nullary(c"clear", clear_memo, c"clear($self, /)\n--\n\nRemove all items from memo.\n"),
    nullary(c"copy", copy, c"copy($self, /)\n--\n\nCopy the memo to a new object: index to object.\n"),
    nullary(c"__reduce__", reduce, c"__reduce__($self, /)\n--\n\nSave a copy of the memo as a dict.\n"),
    END,
]);

/// The type, for a new module.
pub(crate) fn new_type(module: Ref<'_>) -> Result<Owned> {
    let mut slots = [
        slot(Py_tp_dealloc, dealloc as *mut c_void),
        slot(Py_tp_traverse, traverse as *mut c_void),
        slot(Py_tp_clear, clear as *mut c_void),
        slot(Py_tp_methods, METHODS.as_ptr().cast()),
        slot(Py_tp_hash, PyObject_HashNotImplemented as *mut c_void),
        slot(0, ptr::null_mut()),
    ];
    let flags = Py_TPFLAGS_HAVE_GC | IMMUTABLE | NO_NEW;
    // SAFETY: the slots are functions for `ProxyObject`.
    unsafe {
        types::new_type(module, c"brinery.UnpicklerMemoProxy", size_of::<ProxyObject>(), flags, &mut slots)
    }
}

/// A proxy of the memo of an Unpickler.
pub(crate) fn new(state: &State, unpickler: Ref<'_>) -> Result<Owned> {
    let kind = state.types.unpickler_memo.as_ptr().cast::<PyTypeObject>();
    // SAFETY: the type is ours; the memory fits the object and comes zeroed, which is a valid empty proxy.
    unsafe {
        let proxy = Owned::from_result(PyType_GenericAlloc(kind, 0))?;
        (*proxy.as_ptr().cast::<ProxyObject>()).unpickler = Some(unpickler.to_owned());
        Ok(proxy)
    }
}

/// The entries of the memo that a proxy stands for.
///
/// # Safety
///
/// `proxy` is an instance of our type.
pub(crate) unsafe fn entries(proxy: Ref<'_>) -> Vec<(u64, Owned)> {
    // SAFETY: by contract; the proxy holds an instance of our type.
    unsafe {
        let unpickler = &(*proxy.as_ptr().cast::<ProxyObject>()).unpickler;
        unpickler
            .as_ref()
            .map(|unpickler| crate::unpickler::memo(unpickler.as_ref()).entries())
            .unwrap_or_default()
    }
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: CPython calls this once, with an object of ours that nobody refers to.
    unsafe {
        PyObject_GC_UnTrack(object.cast());
        drop((*object.cast::<ProxyObject>()).unpickler.take());
        let kind = Py_TYPE(object);
        PyObject_GC_Del(object.cast());
        Py_DECREF(kind.cast());
    }
}

unsafe extern "C" fn traverse(object: *mut PyObject, visit: visitproc, arg: *mut c_void) -> c_int {
    // SAFETY: the collector calls this on a live object.
    unsafe {
        let status = visit(Py_TYPE(object).cast(), arg);
        match &(*object.cast::<ProxyObject>()).unpickler {
            Some(unpickler) if status == 0 => visit(unpickler.as_ptr(), arg),
            _ => status,
        }
    }
}

unsafe extern "C" fn clear(object: *mut PyObject) -> c_int {
    // SAFETY: the collector calls this on a live object.
    unsafe { drop((*object.cast::<ProxyObject>()).unpickler.take()) };
    0
}

unsafe extern "C" fn clear_memo(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with a proxy of ours, which holds an instance of our type.
        unsafe {
            if let Some(unpickler) = (*object.cast::<ProxyObject>()).unpickler.clone() {
                crate::unpickler::memo(unpickler.as_ref()).replace(Memo::default());
            }
        }
        Ok(Owned::none())
    })
}

/// The memo as a dict.
fn memo_dict(proxy: *mut PyObject) -> Result<Owned> {
    // SAFETY: called with a proxy of ours.
    let entries = unsafe { entries(Ref::new(proxy)) };
    // SAFETY: makes a new dict.
    let dict = unsafe { Owned::from_result(PyDict_New())? };
    for (index, object) in entries {
        // SAFETY: any number makes an int.
        let index = unsafe { Owned::from_result(PyLong_FromUnsignedLongLong(index))? };
        dict.set_item(index.as_ref(), object.as_ref())?;
    }
    Ok(dict)
}

unsafe extern "C" fn copy(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    guard(|| memo_dict(object))
}

unsafe extern "C" fn reduce(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: the type `dict` lives as long as the interpreter.
        let kind = unsafe { Ref::new((&raw mut PyDict_Type).cast()) };
        let args = Owned::tuple(&[memo_dict(object)?.as_ref()])?;
        Owned::tuple(&[kind, args.as_ref()])
    })
}
