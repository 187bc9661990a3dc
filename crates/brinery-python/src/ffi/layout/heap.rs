//! The memory that objects come from.

use pyo3_ffi::*;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;

/// Where objects are allocated, without the detour over the public function if that is known to do no more.
#[derive(Clone, Copy)]
pub(crate) struct Heap {
    malloc: extern "C" fn(*mut c_void, usize) -> *mut c_void,
}

extern "C" fn through_public_function(_: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: any size will do.
    unsafe { PyObject_Malloc(size) }
}

impl Heap {
    /// The heap as anyone may use it.
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Heap { malloc: through_public_function }
    }

    /// The allocator itself, unless something has hooked itself in: hooks come and go, and have a context.
    pub(crate) fn direct() -> Self {
        let mut allocator = MaybeUninit::uninit();
        // SAFETY: the call fills the structure.
        let allocator = unsafe {
            PyMem_GetAllocator(PyMemAllocatorDomain::PYMEM_DOMAIN_OBJ, allocator.as_mut_ptr());
            allocator.assume_init()
        };
        match allocator.malloc {
            Some(malloc) if allocator.ctx.is_null() => Heap { malloc },
            _ => Self::new(),
        }
    }

    /// Uninitialised memory for an object, or null with an exception set.
    #[inline(always)]
    pub(super) fn allocate(&self, size: usize) -> *mut u64 {
        let memory: *mut u64 = (self.malloc)(ptr::null_mut(), size).cast();
        if memory.is_null() {
            out_of_memory();
        }
        memory
    }

    /// Memory for the table of a dict.
    #[cfg(Py_3_11)]
    #[inline(always)]
    pub(super) fn allocate_table(&self, size: usize) -> *mut u8 {
        #[cfg(not(Py_3_13))]
        return self.allocate(size).cast();
        #[cfg(Py_3_13)]
        {
            // SAFETY: any size will do.
            let memory = unsafe { PyMem_Malloc(size) };
            if memory.is_null() {
                out_of_memory();
            }
            memory.cast()
        }
    }

    /// Frees the table of a dict.
    #[cfg(Py_3_11)]
    pub(super) fn free_table(&self, table: *mut u8) {
        // SAFETY: by contract of the callers nothing uses the table any more.
        unsafe {
            #[cfg(not(Py_3_13))]
            PyObject_Free(table.cast());
            #[cfg(Py_3_13)]
            PyMem_Free(table.cast());
        }
    }
}

#[cold]
fn out_of_memory() {
    // SAFETY: the thread is attached.
    unsafe { PyErr_NoMemory() };
}
