//! The memory that objects come from.

use pyo3_ffi::*;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;

type Malloc = extern "C" fn(*mut c_void, usize) -> *mut c_void;

/// Where objects are allocated, without the detour over the public function if that is known to do no more.
#[derive(Clone, Copy)]
pub(crate) struct Heap {
    object: Malloc,
    memory: Malloc,
}

extern "C" fn object_by_public_function(_: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: any size will do.
    unsafe { PyObject_Malloc(size) }
}

extern "C" fn memory_by_public_function(_: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: any size will do.
    unsafe { PyMem_Malloc(size) }
}

impl Heap {
    /// The heap as anyone may use it.
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Heap { object: object_by_public_function, memory: memory_by_public_function }
    }

    /// The allocators themselves, unless something has hooked itself in: hooks come and go, and have a context.
    pub(crate) fn direct() -> Self {
        let direct = |domain, by_public_function| {
            let mut allocator = MaybeUninit::uninit();
            // SAFETY: the call fills the structure.
            let allocator = unsafe {
                PyMem_GetAllocator(domain, allocator.as_mut_ptr());
                allocator.assume_init()
            };
            match allocator.malloc {
                Some(malloc) if allocator.ctx.is_null() => malloc,
                _ => by_public_function,
            }
        };
        Heap {
            object: direct(PyMemAllocatorDomain::PYMEM_DOMAIN_OBJ, object_by_public_function as Malloc),
            memory: direct(PyMemAllocatorDomain::PYMEM_DOMAIN_MEM, memory_by_public_function as Malloc),
        }
    }

    /// Uninitialised memory for an object, or null with an exception set.
    #[inline(always)]
    pub(super) fn allocate(&self, size: usize) -> *mut u64 {
        let memory: *mut u64 = (self.object)(ptr::null_mut(), size).cast();
        if memory.is_null() {
            out_of_memory();
        }
        memory
    }

    /// Uninitialised memory for a part of an object, or null with an exception set.
    #[inline(always)]
    pub(super) fn allocate_memory(&self, size: usize) -> *mut u8 {
        let memory: *mut u8 = (self.memory)(ptr::null_mut(), size).cast();
        if memory.is_null() {
            out_of_memory();
        }
        memory
    }

    /// Memory for the table of a dict.
    #[cfg(Py_3_11)]
    #[inline(always)]
    pub(super) fn allocate_table(&self, size: usize) -> *mut u8 {
        if cfg!(Py_3_13) { self.allocate_memory(size) } else { self.allocate(size).cast() }
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
