//! The file that `dump` writes to when it seals: it passes on, sealed, what is written to it.

use super::functions::Sealed;
use super::raise;
use crate::ffi::api::*;
use crate::ffi::buffer::View;
use crate::ffi::{Owned, Raised, Ref, Result, bytes, error};
use crate::load::Guarded;
use crate::methods::{END, Methods, guard, unary};
use crate::state::State;
use crate::types::{self, IMMUTABLE, NO_NEW, slot};
use brinery_seal::SealWriter;
use std::ffi::{c_int, c_void};
use std::io::Write;
use std::ptr;

/// An instance.
#[repr(C)]
struct WriterObject {
    base: PyObject,
    parts: Option<Box<Parts>>,
}

struct Parts {
    /// The method `write` of the file.
    write: Option<Owned>,
    /// None while it is being used, after a failure and at the end.
    sealing: Guarded<Option<SealWriter<Vec<u8>>>>,
}

static METHODS: Methods<2> =
    Methods::new([unary(c"write", write, c"write($self, data, /)\n--\n\nSeal bytes and write them.\n"), END]);

pub(super) fn new_type(module: Ref<'_>) -> Result<Owned> {
    let mut slots = [
        slot(Py_tp_dealloc, dealloc as *mut c_void),
        slot(Py_tp_traverse, traverse as *mut c_void),
        slot(Py_tp_clear, clear as *mut c_void),
        slot(Py_tp_methods, METHODS.as_ptr().cast()),
        slot(0, ptr::null_mut()),
    ];
    let flags = Py_TPFLAGS_HAVE_GC | IMMUTABLE | NO_NEW;
    // SAFETY: the slots are functions for `WriterObject`.
    unsafe { types::new_type(module, c"brinery._SealWriter", size_of::<WriterObject>(), flags, &mut slots) }
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: CPython calls this once, with an object of ours that nobody refers to.
    unsafe {
        PyObject_GC_UnTrack(object.cast());
        drop((*object.cast::<WriterObject>()).parts.take());
        let kind = Py_TYPE(object);
        PyObject_GC_Del(object.cast());
        Py_DECREF(kind.cast());
    }
}

unsafe extern "C" fn traverse(object: *mut PyObject, visit: visitproc, arg: *mut c_void) -> c_int {
    // SAFETY: the collector calls this on a live object.
    unsafe {
        let status = visit(Py_TYPE(object).cast(), arg);
        match (*object.cast::<WriterObject>()).parts.as_ref().and_then(|parts| parts.write.as_ref()) {
            Some(write) if status == 0 => visit(write.as_ptr(), arg),
            _ => status,
        }
    }
}

unsafe extern "C" fn clear(object: *mut PyObject) -> c_int {
    // SAFETY: the collector calls this on a live object that only garbage refers to, so that nobody is in `write`.
    let write =
        unsafe { (*object.cast::<WriterObject>()).parts.as_mut().and_then(|parts| parts.write.take()) };
    drop(write);
    0
}

/// A writer around a file.
pub(crate) struct Writer(Owned);

impl Writer {
    /// Begins an envelope in a file, by its method `write`.
    pub(crate) fn new(state: &State, terms: &Sealed, write: Owned) -> Result<Self> {
        let kind = state.types.seal.writer.as_ptr().cast::<PyTypeObject>();
        let failed = |failure: brinery_seal::Error| raise(state, &failure);
        let sealing = terms.0.sealer().and_then(|sealer| sealer.writer(Vec::new())).map_err(failed)?;
        let parts = Box::new(Parts { write: Some(write), sealing: Guarded::new(Some(sealing)) });
        // SAFETY: the type is ours; the memory fits the object and comes zeroed, which is a valid empty one.
        unsafe {
            let object = Owned::from_result(PyType_GenericAlloc(kind, 0))?;
            (*object.as_ptr().cast::<WriterObject>()).parts = Some(parts);
            Ok(Writer(object))
        }
    }

    /// The method that seals what it is given.
    pub(crate) fn write(&self, state: &State) -> Result<Owned> {
        self.0.getattr(state.names.write.as_ref())
    }

    /// Ends the envelope.
    pub(crate) fn finish(self, state: &State) -> Result<()> {
        // SAFETY: an object of ours.
        let parts = unsafe { parts(&self.0)? };
        let sealing = parts.sealing.replace(None).ok_or_else(busy)?;
        let rest = sealing.finish().map_err(|failure| raise(state, &failure))?;
        pass_on(parts, &rest)
    }
}

/// # Safety
///
/// The object is one of ours, and lives for `'a`.
unsafe fn parts<'a>(object: &Owned) -> Result<&'a Parts> {
    // SAFETY: by contract; the parts are set once.
    unsafe { (*object.as_ptr().cast::<WriterObject>()).parts.as_deref().ok_or_else(busy) }
}

#[cold]
fn busy() -> Raised {
    error::runtime_error("this file is being written to, or has been closed")
}

fn pass_on(parts: &Parts, sealed: &[u8]) -> Result<()> {
    if sealed.is_empty() {
        return Ok(());
    }
    let Some(write) = parts.write.clone() else { return Err(busy()) };
    write.call1(bytes::new(sealed)?.as_ref())?;
    Ok(())
}

unsafe extern "C" fn write(object: *mut PyObject, data: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with an object of ours, which is held here, and an argument.
        let (object, data) = unsafe { (Ref::new(object).to_owned(), Ref::new(data)) };
        // SAFETY: the object is ours, and is held here.
        let parts = unsafe { parts(&object)? };
        let view = View::new(data)?;
        let mut sealing = parts.sealing.replace(None).ok_or_else(busy)?;
        let written = sealing.write_all(view.as_slice());
        let sealed = std::mem::take(sealing.get_mut());
        if let Err(failure) = written {
            return Err(error::runtime_error(&failure.to_string()));
        }
        // The file's own code finds the writer busy.
        pass_on(parts, &sealed)?;
        parts.sealing.replace(Some(sealing));
        Owned::int(view.as_slice().len() as i64)
    })
}
