//! New instances of classes that are written in Python, and exceptions.
//!
//! Their memory begins with what the interpreter keeps before an object: from 3.11 on two words for the dict and, as the version
//! has it, the array of attributes or the weak references. Then come the collector's links and the object.

use super::{Heap, Layout, Nursery};
use crate::ffi::{Owned, Raised, Ref, Result};
use pyo3_ffi::*;
#[cfg(all(Py_3_11, not(Py_3_13)))]
use std::ptr;

/// The flags of classes whose instances have words before the links.
#[cfg(Py_3_12)]
const EXTENDED: std::ffi::c_ulong = 1 << 3 | 1 << 4;
#[cfg(all(Py_3_11, not(Py_3_12)))]
const EXTENDED: std::ffi::c_ulong = 1 << 4;
#[cfg(not(Py_3_11))]
const EXTENDED: std::ffi::c_ulong = 0;

/// The word of an exception that has its arguments.
const ARGS: usize = 3;

/// How the instances of a class are laid out.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// How many bytes there are before the links.
    before: usize,
    size: usize,
    /// Whether they have an array of attributes.
    #[cfg(Py_3_11)]
    array: bool,
}

impl Plan {
    /// The plan of a class whose instances `object.__new__` makes, if that does no more than it has to.
    ///
    /// # Safety
    ///
    /// `kind` is a class that is alive.
    pub(crate) unsafe fn of(kind: *mut PyTypeObject, layout: &Layout) -> Option<Self> {
        // SAFETY: by contract.
        unsafe {
            let needed = Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_HAVE_GC;
            let flags = (*kind).tp_flags;
            let alloc = (*kind).tp_alloc? as *const ();
            let ordinary = flags & needed == needed
                && alloc == PyType_GenericAlloc as *const ()
                && (*kind).tp_itemsize == 0
                && (*kind).tp_basicsize % 8 == 0;
            let before = if flags & EXTENDED == 0 { 0 } else { 16 };
            let size = (*kind).tp_basicsize as usize;
            #[cfg(Py_3_11)]
            {
                let managed = flags & (1 << 4) != 0;
                let array = super::values::has_array(kind);
                let keys = (*kind.cast::<PyHeapTypeObject>()).ht_cached_keys;
                let known = if managed {
                    layout.values && !(array && keys.is_null())
                } else {
                    (*kind).tp_dictoffset == 0
                };
                (ordinary && known).then_some(Plan { before, size, array })
            }
            #[cfg(not(Py_3_11))]
            {
                let _ = layout;
                (ordinary && (*kind).tp_dictoffset >= 0).then_some(Plan { before, size })
            }
        }
    }

    /// The plan of a class of exceptions whose instances are made by `BaseException.__new__` and `__init__`.
    ///
    /// # Safety
    ///
    /// `kind` is such a class, and alive.
    pub(crate) unsafe fn of_exception(kind: *mut PyTypeObject, _: &Layout) -> Option<Self> {
        // SAFETY: the class is alive, and a specimen of the class of all exceptions is larger than what is read of it.
        unsafe {
            let base = PyExc_BaseException.cast::<PyTypeObject>();
            let text = Owned::str("specimen").ok()?;
            let specimen = Ref::new(base.cast()).call1(text.as_ref()).ok()?;
            let args = specimen.getattr(Owned::str("args").ok()?.as_ref()).ok()?;
            let words = specimen.as_ptr().cast::<usize>();
            let size = (*base).tp_basicsize as usize;
            let fresh = size.is_multiple_of(8)
                && (2..size / 8)
                    .all(|word| *words.add(word) == if word == ARGS { args.as_ptr().addr() } else { 0 });
            let flags = (*kind).tp_flags;
            #[cfg(Py_3_11)]
            let managed = flags & (1 << 4) != 0;
            #[cfg(not(Py_3_11))]
            let managed = false;
            let ordinary = fresh
                && flags & Py_TPFLAGS_HAVE_GC != 0
                && !managed
                && (*kind).tp_alloc? as *const () == PyType_GenericAlloc as *const ()
                && (*kind).tp_itemsize == 0
                && (*kind).tp_basicsize % 8 == 0
                && (*kind).tp_basicsize as usize >= size;
            ordinary.then_some(Plan {
                before: if flags & EXTENDED == 0 { 0 } else { 16 },
                size: (*kind).tp_basicsize as usize,
                #[cfg(Py_3_11)]
                array: false,
            })
        }
    }

    /// An exception with arguments.
    ///
    /// # Safety
    ///
    /// The plan is that of the class of exceptions `kind`, which has not changed since, and `args` is a tuple.
    #[inline]
    pub(crate) unsafe fn make_exception(
        self,
        heap: &Heap,
        nursery: &mut Nursery,
        kind: *mut PyTypeObject,
        args: Ref<'_>,
    ) -> Result<Owned> {
        // SAFETY: by contract; the word is empty.
        unsafe {
            let object = self.make(heap, nursery, kind)?;
            object.as_ptr().cast::<*mut PyObject>().add(ARGS).write(args.to_owned().into_ptr());
            Ok(object)
        }
    }

    /// A new instance without attributes.
    ///
    /// # Safety
    ///
    /// The plan is that of `kind`, which has not changed since.
    #[inline(always)]
    pub(crate) unsafe fn make(
        self,
        heap: &Heap,
        nursery: &mut Nursery,
        kind: *mut PyTypeObject,
    ) -> Result<Owned> {
        // SAFETY: by contract; see `values.rs` for the arrays, which are made empty.
        unsafe {
            #[cfg(Py_3_11)]
            let capacity = if self.array { super::values::take_capacity(kind) } else { 0 };
            #[cfg(not(Py_3_13))]
            let inline = 0;
            #[cfg(Py_3_13)]
            let inline = if self.array { 8 + capacity * 8 + capacity.next_multiple_of(8) } else { 0 };
            let object = Layout::allocate_collected(heap, nursery, self.before, self.size + inline);
            if object.is_null() {
                return Err(Raised);
            }
            let words = object.cast::<usize>();
            words.write(1);
            words.add(1).write(kind.addr());
            for word in 2..(self.size + inline) / 8 {
                words.add(word).write(0);
            }
            if self.before > 0 {
                words.sub(3).write(0);
                words.sub(4).write(0);
            }
            if PyType_GetFlags(kind) & Py_TPFLAGS_HEAPTYPE != 0 {
                Py_INCREF(kind.cast());
            }
            #[cfg(Py_3_13)]
            if self.array {
                // Capacity, size, part of the instance, valid.
                let head = object.cast::<u8>().add(self.size);
                head.write(capacity as u8);
                head.add(2).write(1);
                head.add(3).write(1);
            }
            #[cfg(all(Py_3_11, not(Py_3_13)))]
            if self.array {
                let prefix = (capacity + 2).next_multiple_of(8);
                let memory = heap.allocate_memory(prefix + capacity * 8);
                if memory.is_null() {
                    // Without an array it is as good as any other instance that has no attributes, for giving it up.
                    nursery.track(object);
                    drop(Owned::from_result(object));
                    return Err(Raised);
                }
                memory.add(prefix - 1).write(prefix as u8);
                memory.add(prefix - 2).write(0);
                let values = memory.add(prefix);
                ptr::write_bytes(values, 0, capacity * 8);
                #[cfg(not(Py_3_12))]
                words.sub(4).write(values.expose_provenance());
                #[cfg(Py_3_12)]
                words.sub(3).write(values.expose_provenance() - 1);
            }
            nursery.track(object);
            Owned::from_result(object)
        }
    }
}
