//! The type `PicklerMemoProxy`: what `Pickler.memo` returns.

use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result};
use crate::methods::{END, Methods, guard, nullary};
use crate::pickler::inner;
use crate::save::Memo;
use crate::state::State;
use crate::types::{self, IMMUTABLE, NO_NEW, slot};
use std::ffi::{c_int, c_void};
use std::ptr;

/// An instance of the proxy.
#[repr(C)]
struct ProxyObject {
    base: PyObject,
    /// Null only after the collector has cleared the proxy.
    pickler: Option<Owned>,
}

static METHODS: Methods<4> = Methods::new([
    nullary(c"clear", clear_memo, c"clear($self, /)\n--\n\nRemove all items from memo.\n"),
    nullary(c"copy", copy, c"copy($self, /)\n--\n\nCopy the memo to a new object: id to (index, object).\n"),
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
        types::new_type(module, c"brinery.PicklerMemoProxy", size_of::<ProxyObject>(), flags, &mut slots)
    }
}

/// A proxy of the memo of a pickler.
pub(crate) fn new(state: &State, pickler: Ref<'_>) -> Result<Owned> {
    let kind = state.types.pickler_memo.as_ptr().cast::<PyTypeObject>();
    // SAFETY: the type is ours; the memory fits the object and comes zeroed, which is a valid empty proxy.
    unsafe {
        let proxy = Owned::from_result(PyType_GenericAlloc(kind, 0))?;
        (*proxy.as_ptr().cast::<ProxyObject>()).pickler = Some(pickler.to_owned());
        Ok(proxy)
    }
}

/// The pickler of a proxy.
///
/// # Safety
///
/// `proxy` is an instance of our type. The result lives as long as it.
pub(crate) unsafe fn pickler(proxy: Ref<'_>) -> *mut PyObject {
    // SAFETY: by contract; whoever can name a proxy holds it, so that it has not been cleared.
    unsafe { (*proxy.as_ptr().cast::<ProxyObject>()).pickler.as_ref().map_or(ptr::null_mut(), Owned::as_ptr) }
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: CPython calls this once, with an object of ours that nobody refers to.
    unsafe {
        PyObject_GC_UnTrack(object.cast());
        drop((*object.cast::<ProxyObject>()).pickler.take());
        let kind = Py_TYPE(object);
        PyObject_GC_Del(object.cast());
        Py_DECREF(kind.cast());
    }
}

unsafe extern "C" fn traverse(object: *mut PyObject, visit: visitproc, arg: *mut c_void) -> c_int {
    // SAFETY: the collector calls this on a live object.
    unsafe {
        let status = visit(Py_TYPE(object).cast(), arg);
        match &(*object.cast::<ProxyObject>()).pickler {
            Some(pickler) if status == 0 => visit(pickler.as_ptr(), arg),
            _ => status,
        }
    }
}

unsafe extern "C" fn clear(object: *mut PyObject) -> c_int {
    // SAFETY: the collector calls this on a live object.
    unsafe { drop((*object.cast::<ProxyObject>()).pickler.take()) };
    0
}

unsafe extern "C" fn clear_memo(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: the object is a proxy of ours; the memo is moved out before it is dropped.
        let old = unsafe { inner(pickler(Ref::new(object))).as_mut().replace_memo(Memo::default()) };
        drop(old);
        Ok(Owned::none())
    })
}

fn memo_dict(object: *mut PyObject) -> Result<Owned> {
    // SAFETY: called with a proxy of ours; the copy is complete before Python code can run.
    let memo = unsafe { inner(pickler(Ref::new(object))).as_ref().memo.clone() };
    // SAFETY: makes a new dict.
    let dict = unsafe { Owned::from_result(PyDict_New())? };
    for (object, index) in memo.iter() {
        // SAFETY: any address makes an int.
        let id = unsafe { Owned::from_result(PyLong_FromVoidPtr(object.as_ptr().cast()))? };
        let pair = Owned::tuple(&[Owned::int(index as i64)?.as_ref(), object])?;
        dict.set_item(id.as_ref(), pair.as_ref())?;
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
