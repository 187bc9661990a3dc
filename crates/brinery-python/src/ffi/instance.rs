//! Attributes of instances, where CPython keeps them without a dict.
//!
//! From 3.11 on an instance of a plain class holds its attributes in an array, and `__dict__` makes a dict of it for
//! good. Setting them one by one leaves the array.

use super::error::Result;
use super::object::{Owned, Ref, check, looks_up_plainly};
use pyo3_ffi::*;

/// Attribute names that can be set on an instance like keys in its `__dict__`.
pub(crate) struct Attributes<'a> {
    instance: Ref<'a>,
}

#[cfg(all(Py_3_11, not(Py_3_15), not(Py_GIL_DISABLED)))]
unsafe extern "C" {
    /// What a type or its bases have under a name: null or a borrowed reference. Never sets an exception.
    fn _PyType_Lookup(kind: *mut PyTypeObject, name: *mut PyObject) -> *mut PyObject;
}

/// Whether an instance that may keep its attributes in an array has a dict instead, which may be of a subclass.
///
/// # Safety
///
/// The type has the flag for dicts that the interpreter manages.
#[cfg(all(Py_3_11, not(Py_3_15), not(Py_GIL_DISABLED)))]
#[inline(always)]
unsafe fn has_dict(instance: Ref<'_>) -> bool {
    // SAFETY: from 3.11 to 3.14 the third word before such an object is the dict, or null; in 3.12 it may also be the
    // array, which is marked by the lowest bit.
    let word = unsafe { *instance.as_ptr().cast::<usize>().sub(3) };
    word != 0 && word & 1 == 0
}

/// Whether the interpreter keeps the attributes of the instances of a class, and looks them up as `object` does.
///
/// # Safety
///
/// The class is alive.
#[cfg(all(Py_3_11, not(Py_3_15), not(Py_GIL_DISABLED)))]
#[inline(always)]
unsafe fn keeps_attributes(kind: *mut PyTypeObject) -> bool {
    // SAFETY: by contract.
    unsafe { PyType_GetFlags(kind) & Py_TPFLAGS_MANAGED_DICT != 0 && looks_up_plainly(kind) }
}

/// Whether what a class has under a name, an exact `str`, stands before the attributes of its instances.
///
/// # Safety
///
/// The class is alive.
#[cfg(all(Py_3_11, not(Py_3_15), not(Py_GIL_DISABLED)))]
#[inline(always)]
unsafe fn is_set_by_class(kind: *mut PyTypeObject, name: Ref<'_>) -> bool {
    // SAFETY: by contract; what is found is looked at before any code runs that could change the class.
    unsafe {
        Ref::from_nullable(_PyType_Lookup(kind, name.as_ptr()))
            .is_some_and(|found| (*found.type_ptr()).tp_descr_set.is_some())
    }
}

#[cfg(all(Py_3_11, not(Py_3_15), not(Py_GIL_DISABLED)))]
impl<'a> Attributes<'a> {
    /// The attributes of an instance that may have them in an array; `dict` is the name `__dict__`.
    ///
    /// The class must neither look attributes up in its own way nor have its own idea of `__dict__`.
    #[inline(always)]
    pub(crate) fn of(instance: Ref<'a>, dict: &Owned) -> Option<Self> {
        let kind = instance.type_ptr();
        // SAFETY: the type is alive as long as the instance; what it has under a name is looked at before any code
        // runs that could change it.
        unsafe {
            if !keeps_attributes(kind) || has_dict(instance) {
                return None;
            }
            let property = Ref::from_nullable(_PyType_Lookup(kind, dict.as_ptr()))?;
            property.is_exactly(&raw mut PyGetSetDescr_Type).then_some(Attributes { instance })
        }
    }

    /// Sets an attribute as `instance.__dict__[name] = value` does; whether that was possible. `name` is an exact `str`.
    #[inline(always)]
    pub(crate) fn set(&self, name: &Owned, value: &Owned) -> Result<bool> {
        let kind = self.instance.type_ptr();
        // SAFETY: as above; all objects are alive.
        unsafe {
            if is_set_by_class(kind, name.as_ref()) {
                return Ok(false);
            }
            let status = PyObject_GenericSetAttr(self.instance.as_ptr(), name.as_ptr(), value.as_ptr());
            check(status).map(|()| true)
        }
    }
}

/// Whether instances that hold their attributes in an array have there whatever is found under a name.
#[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
pub(crate) fn finds_own(class: Ref<'_>, name: Ref<'_>) -> bool {
    if !class.is_type() || !name.is_exactly(&raw mut PyUnicode_Type) {
        return false;
    }
    let kind = class.as_ptr().cast();
    // SAFETY: the class is alive; what it has under a name is looked at before any code runs that could change it.
    unsafe { keeps_attributes(kind) && !is_set_by_class(kind, name) }
}

#[cfg(not(all(Py_3_11, not(Py_3_15), not(Py_GIL_DISABLED))))]
impl<'a> Attributes<'a> {
    /// There are none before 3.11, and others may change an instance meanwhile without the interpreter lock.
    pub(crate) fn of(_: Ref<'a>, _: &Owned) -> Option<Self> {
        None
    }

    /// Never called.
    pub(crate) fn set(&self, name: &Owned, value: &Owned) -> Result<bool> {
        // SAFETY: all objects are alive.
        check(unsafe { PyObject_GenericSetAttr(self.instance.as_ptr(), name.as_ptr(), value.as_ptr()) })
            .map(|()| true)
    }
}
