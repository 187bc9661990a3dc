//! What is found out about an object by looking at it.

use crate::ffi::Ref;
use crate::ffi::api::*;
use crate::ffi::layout;
use crate::policy::nesting::flags;

/// The keys and values of a dict in turn.
pub(super) fn pairs_of(dict: Ref<'_>) -> Vec<Ref<'_>> {
    let (mut items, mut position) = (Vec::new(), 0);
    while let Some((key, value)) = layout::items::next(dict, &mut position) {
        items.extend([key, value]);
    }
    items
}

/// Whether an object is `...` or `NotImplemented`.
pub(super) fn is_singleton(object: Ref<'_>) -> bool {
    // SAFETY: both live as long as the interpreter.
    unsafe { [Py_Ellipsis(), Py_NotImplemented()].contains(&object.as_ptr()) }
}

/// Whether a class is one of exceptions.
pub(super) fn is_exception(class: Ref<'_>) -> bool {
    // SAFETY: both are classes, and alive.
    class.is_type()
        && unsafe { PyType_IsSubtype(class.as_ptr().cast(), PyExc_BaseException.cast::<PyTypeObject>()) != 0 }
}

/// Whether an object is bytes of such a length.
#[inline(always)]
pub(super) fn has_length(object: Ref<'_>, low: usize, high: usize) -> bool {
    // SAFETY: a size is asked of bytes.
    object.is_exactly(&raw mut PyBytes_Type)
        && (low..=high).contains(&(unsafe { Py_SIZE(object.as_ptr()) } as usize))
}

/// Whether an object is a class or a function: a stream gets hold of such by their names alone.
#[inline(always)]
pub(in crate::policy) fn is_global(object: Ref<'_>) -> bool {
    object.is_type()
        || object.is_exactly(&raw mut PyCFunction_Type)
        || object.is_exactly(&raw mut PyFunction_Type)
}

/// How much memory copies of the objects at these places may take, without what they hold.
#[inline(never)]
pub(super) fn flat_sizes(objects: &[Ref<'_>], places: &[usize]) -> u64 {
    places.iter().fold(0, |sum, &at| sum + flat_size(objects[at]))
}

/// The flags of classes whose instances have a size, those apart that have no flag.
pub(super) const SIZED: std::ffi::c_ulong = Py_TPFLAGS_LIST_SUBCLASS
    | Py_TPFLAGS_TUPLE_SUBCLASS
    | Py_TPFLAGS_BYTES_SUBCLASS
    | Py_TPFLAGS_UNICODE_SUBCLASS
    | Py_TPFLAGS_DICT_SUBCLASS;

/// How much memory a copy of an object may take, without what it holds.
#[inline(always)]
pub(super) fn flat_size(object: Ref<'_>) -> u64 {
    let kind = object.type_ptr();
    let is = |one: *mut PyTypeObject| kind == one;
    // SAFETY: the type of an object is alive.
    let sized = unsafe { flags(kind) } & (SIZED | Py_TPFLAGS_HEAPTYPE) != 0;
    if !sized && ![&raw mut PyByteArray_Type, &raw mut PySet_Type, &raw mut PyFrozenSet_Type].contains(&kind)
    {
        return 0;
    }
    // SAFETY: sizes are asked of what has them; the type of an object is alive.
    let size = unsafe {
        if is(&raw mut PyBytes_Type) {
            Py_SIZE(object.as_ptr())
        } else if is(&raw mut PyUnicode_Type) {
            4 * PyUnicode_GetLength(object.as_ptr())
        } else if is(&raw mut PyByteArray_Type) {
            PyByteArray_Size(object.as_ptr())
        } else if is(&raw mut PyTuple_Type) {
            64 * PyTuple_GET_SIZE(object.as_ptr())
        } else if is(&raw mut PyList_Type) {
            64 * PyList_GET_SIZE(object.as_ptr())
        } else if is(&raw mut PyDict_Type) {
            64 * PyDict_Size(object.as_ptr())
        } else if is(&raw mut PySet_Type)
            || is(&raw mut PyFrozenSet_Type)
            || PyType_GetFlags(kind) & Py_TPFLAGS_HEAPTYPE != 0 && PyAnySet_Check(object.as_ptr()) != 0
        {
            64 * PySet_Size(object.as_ptr())
        } else {
            0
        }
    };
    size as u64
}
