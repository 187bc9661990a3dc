//! What can be made for a stream by calls of the interpreter's own that run no code, not even that of a codec.

use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result, bytes};
use crate::load::{Function, Nature};

/// What a call comes to that is granted.
#[derive(Clone, Copy)]
pub(super) enum Deed<'s> {
    /// An instance of what is called.
    Make(Nature),
    /// What a known function makes.
    Call(Function),
    /// An instance of a class, by its `__new__` with these arguments.
    New(Ref<'s>, &'s [Ref<'s>]),
}

/// What a known function, which is not one of copyreg, makes of its arguments.
pub(super) fn call(function: Function, callable: Ref<'_>, args: &[Ref<'_>]) -> Option<Result<Owned>> {
    match (function, args) {
        (Function::Encode, [text, encoding]) => latin1(*text, *encoding),
        // All that it looks at are the three values; the class is exactly that of arrays.
        (Function::Array, [_, code, format, data])
            if code.is_exactly(&raw mut PyUnicode_Type)
                && format.is_exactly(&raw mut PyLong_Type)
                && data.is_exactly(&raw mut PyBytes_Type) =>
        {
            Some(callable.call(args))
        }
        _ => None,
    }
}

/// `bytearray(*args)`
pub(super) fn byte_array(args: &[Ref<'_>]) -> Option<Result<Owned>> {
    match *args {
        [] => Some(bytes::new_bytearray(b"")),
        [data] if data.is_exactly(&raw mut PyBytes_Type) => Some(bytes::new_bytearray(bytes::as_slice(data))),
        [text, encoding] => Some(
            latin1(text, encoding)?.and_then(|data| bytes::new_bytearray(bytes::as_slice(data.as_ref()))),
        ),
        _ => None,
    }
}

/// `set(*args)` or `frozenset(*args)`, whose elements have hashes that run no code.
pub(super) fn set(kind: Ref<'_>, args: &[Ref<'_>]) -> Option<Result<Owned>> {
    let elements = match *args {
        [] => std::ptr::null_mut(),
        [list] if list.is_exactly(&raw mut PyList_Type) => list.as_ptr(),
        _ => return None,
    };
    let frozen = kind.as_ptr() == (&raw mut PyFrozenSet_Type).cast();
    // SAFETY: the elements are none or an exact list.
    Some(unsafe { Owned::from_result(if frozen { PyFrozenSet_New(elements) } else { PySet_New(elements) }) })
}

/// `text.encode(encoding)` for the names that picklers have for Latin-1.
fn latin1(text: Ref<'_>, encoding: Ref<'_>) -> Option<Result<Owned>> {
    let exact = |object: Ref<'_>| object.is_exactly(&raw mut PyUnicode_Type);
    if !exact(text) || !exact(encoding) {
        return None;
    }
    if !["latin1", "latin-1"].iter().any(|name| crate::ffi::text::equals(encoding, name)) {
        return None;
    }
    // SAFETY: the text is one.
    Some(unsafe { Owned::from_result(PyUnicode_AsLatin1String(text.as_ptr())) })
}
