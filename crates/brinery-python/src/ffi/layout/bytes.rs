//! `bytes`: an object header, the length, the hash, the bytes and a NUL.

use super::{Heap, Layout};
use crate::ffi::{Owned, Raised, Result};
use pyo3_ffi::*;
use std::ptr;

const HEAD: usize = 32;

/// How many bytes are worth an allocation that is ours.
const MOST: usize = 512;

/// Whether new `bytes` look as expected.
pub(super) fn are_known(layout: &Layout) -> bool {
    let same = |data: &[u8]| {
        // SAFETY: a `bytes` has a head of this size and its contents, if it looks like ours, whose size says so.
        unsafe {
            let theirs =
                Owned::from_result(PyBytes_FromStringAndSize(data.as_ptr().cast(), data.len() as Py_ssize_t))
                    .ok()?;
            let ours = layout.bytes(Heap::new(), data).ok()?;
            let content = |object: &Owned| PyBytes_AS_STRING(object.as_ptr()).addr() - object.as_ptr().addr();
            if content(&theirs) != HEAD {
                return None;
            }
            let look = |object: &Owned| {
                std::slice::from_raw_parts(object.as_ptr().cast::<u8>(), HEAD + data.len() + 1).to_vec()
            };
            (look(&ours) == look(&theirs)).then_some(())
        }
    };
    // SAFETY: the class is alive as long as the interpreter.
    let plain = unsafe {
        PyBytes_Type.tp_itemsize == 1 && PyType_GetFlags(&raw mut PyBytes_Type) & Py_TPFLAGS_HAVE_GC == 0
    };
    plain && [&b"ab"[..], b"abcdefg", &[7; 300]].into_iter().all(|data| same(data).is_some())
}

impl Layout {
    /// Whether `bytes` of this length are made here.
    #[inline(always)]
    pub(crate) fn makes_bytes(&self, len: usize) -> bool {
        self.bytes && (1..=MOST).contains(&len)
    }

    /// A `bytes` of its own, even where the interpreter has one for all.
    #[inline(always)]
    pub(crate) fn bytes(&self, heap: Heap, data: &[u8]) -> Result<Owned> {
        let object = heap.allocate(HEAD + data.len() + 1);
        if object.is_null() {
            return Err(Raised);
        }
        // SAFETY: the memory is that of a head, the data and a NUL.
        unsafe {
            object.write(1);
            object.add(1).write((&raw mut PyBytes_Type).addr() as u64);
            object.add(2).write(data.len() as u64);
            // The hash is not known yet.
            object.add(3).write(u64::MAX);
            let content = object.cast::<u8>().add(HEAD);
            ptr::copy_nonoverlapping(data.as_ptr(), content, data.len());
            content.add(data.len()).write(0);
            Owned::from_result(object.cast())
        }
    }
}
