//! Attributes in the slots of an instance.

use crate::ffi::Ref;
use pyo3_ffi::*;

unsafe extern "C" {
    static mut PyMemberDescr_Type: PyTypeObject;
}

/// The head of a member descriptor.
#[repr(C)]
struct MemberDescriptor {
    base: PyObject,
    kind: *mut PyTypeObject,
    name: *mut PyObject,
    qualname: *mut PyObject,
    member: *mut PyMemberDef,
}

/// The type code of what `__slots__` makes: `T_OBJECT_EX`.
const OBJECT_EX: std::ffi::c_int = 16;

/// Where in an instance of `kind` the slot is that this descriptor stands for, if it is one.
pub(crate) fn slot_offset(kind: *mut PyTypeObject, descriptor: Ref<'_>) -> Option<usize> {
    if !descriptor.is_exactly(&raw mut PyMemberDescr_Type) {
        return None;
    }
    // SAFETY: member descriptors look like this in all versions that are known; they are alive as long as their type.
    unsafe {
        let descriptor = &*descriptor.as_ptr().cast::<MemberDescriptor>();
        let member = &*descriptor.member;
        let ordinary = member.type_code == OBJECT_EX
            && member.flags == 0
            && PyType_IsSubtype(kind, descriptor.kind) != 0
            && member.offset > 0
            && member.offset + size_of::<*mut PyObject>() as Py_ssize_t <= (*kind).tp_basicsize;
        ordinary.then_some(member.offset as usize)
    }
}
