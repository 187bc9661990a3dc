//! Instances of classes derived from `int`, `float`, `bytes`, `str` and `tuple`, made of a value of the class itself.
//!
//! What follows the head of such a value is also what follows the head of an instance of the derived class; what the derived
//! class adds comes after it.

use super::int;
use crate::ffi::{Owned, Raised, Ref, Result};
use pyo3_ffi::*;
use std::ptr;

/// The class whose `__new__` makes the instances of a class derived from it.
#[derive(Clone, Copy)]
pub(crate) enum Derived {
    Int,
    Float,
    Bytes,
    Text,
    Tuple,
}

impl Derived {
    /// How instances of a class are made, if the `__new__` of such a class does it.
    ///
    /// # Safety
    ///
    /// `kind` is a class that is alive.
    pub(crate) unsafe fn of(kind: *mut PyTypeObject) -> Option<Self> {
        let all = [Derived::Int, Derived::Float, Derived::Bytes, Derived::Text, Derived::Tuple];
        all.into_iter().find(|derived| {
            let base = derived.base();
            // SAFETY: both classes are alive.
            unsafe {
                let new = |kind: *mut PyTypeObject| (*kind).tp_new.map(|new| new as *const ());
                kind != base
                    && PyType_IsSubtype(kind, base) != 0
                    && new(kind) == new(base)
                    && (*kind).tp_itemsize == (*base).tp_itemsize
                    && (*kind).tp_basicsize >= (*base).tp_basicsize
            }
        })
    }

    fn base(self) -> *mut PyTypeObject {
        match self {
            Derived::Int => &raw mut PyLong_Type,
            Derived::Float => &raw mut PyFloat_Type,
            Derived::Bytes => &raw mut PyBytes_Type,
            Derived::Text => &raw mut PyUnicode_Type,
            Derived::Tuple => &raw mut PyTuple_Type,
        }
    }

    /// `kind.__new__(kind, value)` for a value that is exactly of the class it is derived from.
    ///
    /// # Safety
    ///
    /// This is how instances of `kind` are made.
    pub(crate) unsafe fn make(self, kind: *mut PyTypeObject, value: Ref<'_>) -> Option<Result<Owned>> {
        if !value.is_exactly(self.base()) {
            return None;
        }
        // SAFETY: by contract; the sizes and lengths are asked of objects of the right classes.
        unsafe {
            let len = match self {
                // Even zero has a digit.
                Derived::Int => int::digits(value).max(1) as Py_ssize_t,
                Derived::Float => 0,
                Derived::Bytes | Derived::Tuple => Py_SIZE(value.as_ptr()),
                Derived::Text => {
                    // Instances have their text elsewhere.
                    let args = match Owned::tuple(&[value]) {
                        Ok(args) => args,
                        Err(Raised) => return Some(Err(Raised)),
                    };
                    let new = (*kind).tp_new?;
                    return Some(Owned::from_result(new(kind, args.as_ptr(), ptr::null_mut())));
                }
            };
            let alloc = (*kind).tp_alloc?;
            let instance = match Owned::from_result(alloc(kind, len)) {
                Ok(instance) => instance,
                Err(Raised) => return Some(Err(Raised)),
            };
            if matches!(self, Derived::Tuple) {
                for index in 0..len {
                    let item = Ref::new(PyTuple_GET_ITEM(value.as_ptr(), index)).to_owned();
                    PyTuple_SET_ITEM(instance.as_ptr(), index, item.into_ptr());
                }
            } else {
                let base = self.base();
                let size = ((*base).tp_basicsize + len * (*base).tp_itemsize) as usize;
                let head = size_of::<PyObject>();
                let (source, target) = (value.as_ptr().cast::<u8>(), instance.as_ptr().cast::<u8>());
                ptr::copy_nonoverlapping(source.add(head), target.add(head), size - head);
            }
            Some(Ok(instance))
        }
    }
}
