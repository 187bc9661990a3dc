//! References to Python objects.

use super::error::{Raised, Result};
use super::vectorcall::{PyObject_CallOneArg, PyObject_Vectorcall};
use pyo3_ffi::*;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::{self, NonNull};

/// A borrowed reference: an object that something else keeps alive for `'a`.
///
/// All methods require that the thread is attached to the interpreter, which holds wherever a `Ref` can be made.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Ref<'a>(NonNull<PyObject>, PhantomData<&'a PyObject>);

/// A strong reference.
#[repr(transparent)]
pub(crate) struct Owned(NonNull<PyObject>);

impl<'a> Ref<'a> {
    /// # Safety
    ///
    /// `object` is not null and lives for `'a`.
    #[inline(always)]
    pub(crate) unsafe fn new(object: *mut PyObject) -> Self {
        debug_assert!(!object.is_null());
        // SAFETY: not null by contract.
        Ref(unsafe { NonNull::new_unchecked(object) }, PhantomData)
    }

    /// # Safety
    ///
    /// `object` is null or lives for `'a`.
    pub(crate) unsafe fn from_nullable(object: *mut PyObject) -> Option<Self> {
        NonNull::new(object).map(|object| Ref(object, PhantomData))
    }

    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *mut PyObject {
        self.0.as_ptr()
    }

    #[inline(always)]
    pub(crate) fn as_non_null(self) -> NonNull<PyObject> {
        self.0
    }

    /// Whether there are exactly so many references to the object.
    #[inline(always)]
    pub(crate) fn has_holders(self, count: isize) -> bool {
        // SAFETY: the object is alive.
        cfg!(not(Py_GIL_DISABLED)) && unsafe { Py_REFCNT(self.as_ptr()) == count }
    }

    /// Whether there are more references to the object than so many.
    #[inline(always)]
    pub(crate) fn has_more_holders(self, count: usize) -> bool {
        // SAFETY: the object is alive.
        cfg!(not(Py_GIL_DISABLED)) && unsafe { Py_REFCNT(self.as_ptr()) > count as isize }
    }

    /// The exact type of the object.
    #[inline(always)]
    pub(crate) fn type_ptr(self) -> *mut PyTypeObject {
        // SAFETY: the object is alive.
        unsafe { Py_TYPE(self.as_ptr()) }
    }

    /// The type as an object.
    pub(crate) fn type_ref(self) -> Ref<'a> {
        // SAFETY: an object keeps its type alive.
        unsafe { Ref::new(self.type_ptr().cast()) }
    }

    /// The name of the type, for messages.
    pub(crate) fn type_name(self) -> String {
        // SAFETY: tp_name is a C string that lives as long as the type.
        unsafe { std::ffi::CStr::from_ptr((*self.type_ptr()).tp_name) }.to_string_lossy().into_owned()
    }

    #[inline(always)]
    pub(crate) fn is(self, other: Ref<'_>) -> bool {
        self.0 == other.0
    }

    #[inline(always)]
    pub(crate) fn is_none(self) -> bool {
        // SAFETY: None is a singleton.
        unsafe { Py_IsNone(self.as_ptr()) != 0 }
    }

    /// Whether the exact type is `kind`, one of the interpreter's static types.
    #[inline(always)]
    pub(crate) fn is_exactly(self, kind: *mut PyTypeObject) -> bool {
        ptr::eq(self.type_ptr(), kind)
    }

    #[inline(always)]
    pub(crate) fn to_owned(self) -> Owned {
        // SAFETY: the object is alive.
        unsafe { Py_INCREF(self.as_ptr()) };
        Owned(self.0)
    }

    fn has_flag(self, flag: std::ffi::c_ulong) -> bool {
        // SAFETY: the type is alive as long as the object.
        unsafe { PyType_GetFlags(self.type_ptr()) & flag != 0 }
    }

    pub(crate) fn is_tuple(self) -> bool {
        self.has_flag(Py_TPFLAGS_TUPLE_SUBCLASS)
    }

    pub(crate) fn is_dict(self) -> bool {
        self.has_flag(Py_TPFLAGS_DICT_SUBCLASS)
    }

    pub(crate) fn is_str(self) -> bool {
        self.has_flag(Py_TPFLAGS_UNICODE_SUBCLASS)
    }

    pub(crate) fn is_long(self) -> bool {
        self.has_flag(Py_TPFLAGS_LONG_SUBCLASS)
    }

    pub(crate) fn is_type(self) -> bool {
        self.has_flag(Py_TPFLAGS_TYPE_SUBCLASS)
    }

    pub(crate) fn is_callable(self) -> bool {
        // SAFETY: the object is alive.
        unsafe { PyCallable_Check(self.as_ptr()) != 0 }
    }

    pub(crate) fn is_iterator(self) -> bool {
        // SAFETY: the object is alive.
        unsafe { PyIter_Check(self.as_ptr()) != 0 }
    }

    pub(crate) fn is_true(self) -> Result<bool> {
        // SAFETY: the object is alive.
        match unsafe { PyObject_IsTrue(self.as_ptr()) } {
            -1 => Err(Raised),
            truth => Ok(truth != 0),
        }
    }

    /// `self.name`
    pub(crate) fn getattr(self, name: Ref<'_>) -> Result<Owned> {
        // SAFETY: both are alive.
        unsafe { Owned::from_result(PyObject_GetAttr(self.as_ptr(), name.as_ptr())) }
    }

    /// `self.name`, or `None` where it has no such attribute.
    pub(crate) fn lookup_attr(self, name: Ref<'_>) -> Result<Option<Owned>> {
        let mut found = ptr::null_mut();
        // SAFETY: both are alive, and the call makes `found` null or a new reference.
        match unsafe { optional_attr(self.as_ptr(), name.as_ptr(), &raw mut found) } {
            -1 => Err(Raised),
            // SAFETY: null or a new reference.
            _ => Ok(unsafe { Owned::from_nullable(found) }),
        }
    }

    /// `self.name = value`
    pub(crate) fn setattr(self, name: Ref<'_>, value: Ref<'_>) -> Result<()> {
        // SAFETY: all are alive.
        check(unsafe { PyObject_SetAttr(self.as_ptr(), name.as_ptr(), value.as_ptr()) })
    }

    /// `self[key]`
    pub(crate) fn get_item(self, key: Ref<'_>) -> Result<Owned> {
        // SAFETY: both are alive.
        unsafe { Owned::from_result(PyObject_GetItem(self.as_ptr(), key.as_ptr())) }
    }

    /// `self[key] = value`
    pub(crate) fn set_item(self, key: Ref<'_>, value: Ref<'_>) -> Result<()> {
        // SAFETY: all are alive.
        check(unsafe { PyObject_SetItem(self.as_ptr(), key.as_ptr(), value.as_ptr()) })
    }

    /// `iter(self)`
    #[expect(clippy::iter_not_returning_iterator, reason = "the iterator is a Python object")]
    pub(crate) fn iter(self) -> Result<Owned> {
        // SAFETY: the object is alive.
        unsafe { Owned::from_result(PyObject_GetIter(self.as_ptr())) }
    }

    /// `next(self)` of an iterator, or `None` at its end.
    #[inline(always)]
    pub(crate) fn next(self) -> Result<Option<Owned>> {
        // SAFETY: the object is alive, and callers know that it is an iterator.
        let item = unsafe { Owned::from_nullable(PyIter_Next(self.as_ptr())) };
        if item.is_none() && super::error::occurred() { Err(Raised) } else { Ok(item) }
    }

    /// `self()`
    pub(crate) fn call0(self) -> Result<Owned> {
        // SAFETY: the object is alive.
        unsafe { Owned::from_result(PyObject_CallNoArgs(self.as_ptr())) }
    }

    /// `self.name()`
    pub(crate) fn call_method0(self, name: Ref<'_>) -> Result<Owned> {
        let args = [self.as_ptr()];
        // SAFETY: both are alive, and there is one argument.
        unsafe {
            Owned::from_result(PyObject_VectorcallMethod(name.as_ptr(), args.as_ptr(), 1, ptr::null_mut()))
        }
    }

    /// `self.name(arg)`
    pub(crate) fn call_method1(self, name: Ref<'_>, arg: Ref<'_>) -> Result<Owned> {
        let args = [self.as_ptr(), arg.as_ptr()];
        // SAFETY: all are alive, and there are two arguments.
        unsafe {
            Owned::from_result(PyObject_VectorcallMethod(name.as_ptr(), args.as_ptr(), 2, ptr::null_mut()))
        }
    }

    /// `self(arg)`
    pub(crate) fn call1(self, arg: Ref<'_>) -> Result<Owned> {
        // SAFETY: both are alive.
        unsafe { Owned::from_result(PyObject_CallOneArg(self.as_ptr(), arg.as_ptr())) }
    }

    /// `self(*args)`
    pub(crate) fn call(self, args: &[Ref<'_>]) -> Result<Owned> {
        // SAFETY: `Ref` is transparent over a pointer, all arguments are alive, and no offset is claimed.
        unsafe {
            let vector = args.as_ptr().cast::<*mut PyObject>();
            Owned::from_result(PyObject_Vectorcall(self.as_ptr(), vector, args.len() as _, ptr::null_mut()))
        }
    }

    /// `self(*args)` with a tuple
    pub(crate) fn call_tuple(self, args: Ref<'_>) -> Result<Owned> {
        // SAFETY: both are alive; CPython checks that `args` is a tuple.
        unsafe { Owned::from_result(PyObject_CallObject(self.as_ptr(), args.as_ptr())) }
    }

    /// `repr(self)`, or a placeholder where that fails.
    pub(crate) fn repr_text(self) -> String {
        // SAFETY: the object is alive.
        let text = unsafe { Owned::from_result(PyObject_Repr(self.as_ptr())) };
        match text {
            Ok(text) => text.text(),
            Err(Raised) => {
                super::error::clear();
                format!("<{} object>", self.type_name())
            }
        }
    }

    /// The text of a `str`, with replacement characters for what UTF-8 cannot hold.
    pub(crate) fn text(self) -> String {
        if !self.is_str() {
            return String::new();
        }
        // SAFETY: the object is a str; the encoded bytes live as long as `encoded`.
        unsafe {
            let encoded = Owned::from_nullable(PyUnicode_AsEncodedString(
                self.as_ptr(),
                c"utf-8".as_ptr(),
                c"replace".as_ptr(),
            ));
            match encoded {
                Some(encoded) => {
                    String::from_utf8_lossy(super::bytes::as_slice(encoded.as_ref())).into_owned()
                }
                None => {
                    super::error::clear();
                    String::new()
                }
            }
        }
    }
}

impl Owned {
    /// # Safety
    ///
    /// `object` is null, with an exception set, or a new reference.
    #[inline(always)]
    pub(crate) unsafe fn from_result(object: *mut PyObject) -> Result<Self> {
        NonNull::new(object).map(Owned).ok_or(Raised)
    }

    /// # Safety
    ///
    /// `object` is null or a new reference.
    #[inline(always)]
    pub(crate) unsafe fn from_nullable(object: *mut PyObject) -> Option<Self> {
        NonNull::new(object).map(Owned)
    }

    #[inline(always)]
    pub(crate) fn as_ref(&self) -> Ref<'_> {
        Ref(self.0, PhantomData)
    }

    #[inline(always)]
    pub(crate) fn as_ptr(&self) -> *mut PyObject {
        self.0.as_ptr()
    }

    /// Gives the reference away.
    #[inline(always)]
    pub(crate) fn into_ptr(self) -> *mut PyObject {
        ManuallyDrop::new(self).0.as_ptr()
    }

    pub(crate) fn none() -> Self {
        // SAFETY: None is alive as long as the interpreter.
        unsafe { Ref::new(Py_None()) }.to_owned()
    }

    pub(crate) fn bool(value: bool) -> Self {
        // SAFETY: the bools are alive as long as the interpreter.
        unsafe { Ref::new(if value { Py_True() } else { Py_False() }) }.to_owned()
    }

    /// A new `str`.
    pub(crate) fn str(text: &str) -> Result<Self> {
        // SAFETY: pointer and length describe valid UTF-8.
        unsafe {
            Self::from_result(PyUnicode_FromStringAndSize(text.as_ptr().cast(), text.len() as Py_ssize_t))
        }
    }

    /// An interned `str`.
    pub(crate) fn interned(text: &str) -> Result<Self> {
        let mut object = Self::str(text)?.into_ptr();
        // SAFETY: the call replaces a reference by a reference.
        unsafe {
            PyUnicode_InternInPlace(&raw mut object);
            Self::from_result(object)
        }
    }

    /// A new `int`.
    #[inline(always)]
    pub(crate) fn int(value: i64) -> Result<Self> {
        // SAFETY: any value will do.
        unsafe { Self::from_result(PyLong_FromLongLong(value)) }
    }

    /// A new tuple of shared references.
    pub(crate) fn tuple(items: &[Ref<'_>]) -> Result<Self> {
        // SAFETY: every slot of the new tuple is filled once with a reference that it owns.
        unsafe {
            let tuple = Self::from_result(PyTuple_New(items.len() as Py_ssize_t))?;
            for (index, item) in items.iter().enumerate() {
                PyTuple_SET_ITEM(tuple.as_ptr(), index as Py_ssize_t, (*item).to_owned().into_ptr());
            }
            Ok(tuple)
        }
    }
}

impl Drop for Owned {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the reference is ours.
        unsafe { Py_DECREF(self.0.as_ptr()) }
    }
}

impl Clone for Owned {
    #[inline(always)]
    fn clone(&self) -> Self {
        self.as_ref().to_owned()
    }
}

/// The same references, borrowed.
#[inline(always)]
pub(crate) fn borrowed(objects: &[Owned]) -> &[Ref<'_>] {
    // SAFETY: both are transparent over the same pointer, and what is borrowed keeps the objects alive.
    unsafe { std::slice::from_raw_parts(objects.as_ptr().cast(), objects.len()) }
}

/// All of `Ref`'s methods are also `Owned`'s.
impl Deref for Owned {
    type Target = Ref<'static>;

    #[inline(always)]
    fn deref(&self) -> &Ref<'static> {
        // SAFETY: both are transparent over the same pointer, and the result is bounded by the borrow of `self`:
        // methods of `Ref` return new references or data that does not outlive the object.
        unsafe { &*ptr::from_ref(self).cast() }
    }
}

/// Turns CPython's -1 into [`Raised`].
#[inline(always)]
pub(crate) fn check(status: std::ffi::c_int) -> Result<()> {
    if status < 0 { Err(Raised) } else { Ok(()) }
}

#[cfg(Py_3_13)]
use pyo3_ffi::PyObject_GetOptionalAttr as optional_attr;

#[cfg(not(Py_3_13))]
unsafe extern "C" {
    /// The private elder of `PyObject_GetOptionalAttr`; present in 3.9 to 3.12.
    #[link_name = "_PyObject_LookupAttr"]
    fn optional_attr(
        object: *mut PyObject,
        name: *mut PyObject,
        result: *mut *mut PyObject,
    ) -> std::ffi::c_int;
}

/// Whether attributes of the instances of a class are looked up as `object` does it.
///
/// # Safety
///
/// The class is alive.
#[inline(always)]
pub(crate) unsafe fn looks_up_plainly(kind: *mut PyTypeObject) -> bool {
    // SAFETY: by contract.
    unsafe { (*kind).tp_getattro }
        .is_some_and(|getattro| std::ptr::fn_addr_eq(getattro, PyObject_GenericGetAttr as getattrofunc))
}
