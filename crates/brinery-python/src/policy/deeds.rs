//! What can be made for a stream by calls of the interpreter's own that run no code, not even that of a codec.

use super::rules::plain_text;
use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result, bytes, error};
use crate::load::{Builder, Function, Nature};

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
pub(super) fn call(
    builder: &mut Builder<'_>,
    function: Function,
    callable: Ref<'_>,
    args: &[Ref<'_>],
) -> Option<Result<Owned>> {
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
        (Function::Numpy(maker), args) => builder.numpy_inertly(maker, args),
        (Function::GetAttr, [class, name]) => builder.member_inertly(*class, *name).map(Ok),
        (Function::Regex, [pattern, flags]) => compiled(callable, *pattern, *flags).map(Ok),
        _ => None,
    }
}

/// What `re._compile` has compiled before of this pattern and these flags, and still has at hand.
fn compiled(function: Ref<'_>, pattern: Ref<'_>, flags: Ref<'_>) -> Option<Owned> {
    let plain = pattern.is_exactly(&raw mut PyBytes_Type) || plain_text(pattern).is_some();
    if !plain || !flags.is_exactly(&raw mut PyLong_Type) {
        return None;
    }
    let find = || -> Result<Option<Owned>> {
        let key = Owned::tuple(&[pattern.type_ref(), pattern, flags])?;
        // SAFETY: the function, and with it the dict of its module, is alive; dicts are asked for texts, and for a tuple of a
        // class, a text or bytes, and an int. What is found is taken hold of at once.
        unsafe {
            let module = Ref::new(PyFunction_GetGlobals(function.as_ptr()));
            for name in ["_cache2", "_cache"] {
                let name = Owned::interned(name)?;
                let Some(cache) = Ref::from_nullable(PyDict_GetItemWithError(module.as_ptr(), name.as_ptr()))
                else {
                    continue;
                };
                if !cache.is_exactly(&raw mut PyDict_Type) {
                    continue;
                }
                let found = PyDict_GetItemWithError(cache.as_ptr(), key.as_ptr());
                if let Some(found) = Ref::from_nullable(found) {
                    return Ok(Some(found.to_owned()));
                }
            }
        }
        Ok(None)
    };
    let found = find().ok().flatten();
    error::clear();
    found
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
