//! The buffer protocol.

use super::error::Result;
use super::object::{Ref, check};
use pyo3_ffi::*;
use std::mem::MaybeUninit;

/// The memory of a bytes-like object, which cannot be freed or resized as long as the view is there.
///
/// The view has a fixed address once it was made, as some exporters rely on.
pub(crate) struct View(Box<Py_buffer>);

impl View {
    /// A view of contiguous bytes, for reading.
    pub(crate) fn new(object: Ref<'_>) -> Result<Self> {
        Self::with_flags(object, PyBUF_CONTIG_RO)
    }

    /// A view as `flags` ask for it. Where they do not ask for contiguous memory, see whether it is before taking
    /// the bytes.
    pub(crate) fn with_flags(object: Ref<'_>, flags: std::ffi::c_int) -> Result<Self> {
        let mut view = Box::new(MaybeUninit::<Py_buffer>::zeroed());
        // SAFETY: the object is alive and the structure is filled if the call succeeds.
        unsafe {
            check(PyObject_GetBuffer(object.as_ptr(), view.as_mut_ptr(), flags))?;
            Ok(View(view.assume_init()))
        }
    }

    /// The bytes.
    ///
    /// Python code can change those of a mutable object while a slice is held; readers look at each byte once.
    pub(crate) fn as_slice(&self) -> &[u8] {
        let (start, len) = (self.0.buf.cast::<u8>(), self.0.len as usize);
        // SAFETY: the view covers `len` bytes that stay where they are; an empty one may have no address.
        if start.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(start, len) } }
    }

    /// Whether the object does not allow its memory to be changed through a view.
    pub(crate) fn is_readonly(&self) -> bool {
        self.0.readonly != 0
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: the view is ours.
        unsafe { PyBuffer_Release(&raw mut *self.0) }
    }
}
