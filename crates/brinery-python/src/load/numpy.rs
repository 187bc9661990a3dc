//! Scalars and arrays of numpy, made by numpy's C functions without the tuples and the Python code on the way to them.
//!
//! The functions are those that numpy's headers publish for other extensions, in a table whose places never change. What
//! they are called with is what the functions that streams name would call them with.

use super::native::{is_original, items_of, loaded};
use crate::ffi::api::*;
use crate::ffi::function::native_name;
use crate::ffi::{Owned, Ref, Result, bytes, error, layout, text};
use std::ffi::{c_int, c_uint, c_void};
use std::ptr;

/// What is known of numpy, once something of it has been called.
#[derive(Default)]
pub(super) struct Numpy(Option<Known>);

struct Known {
    /// `numpy._core.multiarray.scalar`
    scalar: Owned,
    /// `numpy._core.numeric._frombuffer`, and its code.
    from_buffer: Option<(Owned, *mut PyObject)>,
    /// The class of all dtypes.
    dtype: *mut PyTypeObject,
    /// Whether dtypes are laid out as from numpy 2 on.
    modern: bool,
    make_scalar: MakeScalar,
    make_from_buffer: MakeFromBuffer,
    reshape: Reshape,
}

type MakeScalar = unsafe extern "C" fn(*const c_void, *mut PyObject, *mut PyObject) -> *mut PyObject;
type MakeFromBuffer = unsafe extern "C" fn(*mut PyObject, *mut PyObject, isize, isize) -> *mut PyObject;
type Reshape = unsafe extern "C" fn(*mut PyObject, *mut Dimensions, c_int) -> *mut PyObject;

/// A shape, as numpy's headers publish it.
#[repr(C)]
struct Dimensions {
    lengths: *mut isize,
    count: c_int,
}

/// A dtype, as the headers of numpy 1 publish it, up to what is of interest.
#[repr(C)]
struct OldDtype {
    base: PyObject,
    class: *mut PyTypeObject,
    kind: u8,
    letter: u8,
    byteorder: u8,
    flags: u8,
    number: c_int,
    size: c_int,
}

/// The same as those of numpy 2 do.
#[repr(C)]
struct NewDtype {
    base: PyObject,
    class: *mut PyTypeObject,
    kind: u8,
    letter: u8,
    byteorder: u8,
    former_flags: u8,
    number: c_int,
    flags: u64,
    size: isize,
}

/// Places in the table of functions.
const VERSION: usize = 0;
const DTYPE: usize = 3;
const SCALAR: usize = 60;
const FROM_BUFFER: usize = 74;
const NEW_SHAPE: usize = 135;

/// `bool`, the integers, `float32`, `float64` and their complex numbers, by their numbers: of plain memory.
const NUMBERS: [c_int; 15] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15];

/// Shapes of more dimensions are left to numpy.
const MOST_DIMENSIONS: usize = 16;

impl Numpy {
    /// What a call of an object comes to, if that is a function of numpy's that is known.
    #[inline(always)]
    pub(super) fn call(&mut self, callable: Ref<'_>, args: &[Ref<'_>]) -> Option<Result<Owned>> {
        if !has_known_name(callable) {
            return None;
        }
        if !self.0.as_ref().is_some_and(|known| known.has(callable)) {
            self.learn(callable)?;
        }
        self.0.as_ref()?.call(callable, args)
    }

    /// Finds numpy's functions, if this is one of them.
    #[cold]
    fn learn(&mut self, function: Ref<'_>) -> Option<()> {
        let known = Known::find();
        error::clear();
        self.0 = Some(known.filter(|known| known.has(function))?);
        Some(())
    }
}

/// Whether an object is a function of a name that numpy's have as well.
#[inline(always)]
fn has_known_name(object: Ref<'_>) -> bool {
    if object.is_exactly(&raw mut PyFunction_Type) {
        // SAFETY: functions have names as long as they are alive.
        let name = unsafe { Ref::from_nullable((*object.as_ptr().cast::<PyFunctionObject>()).func_name) };
        return name.is_some_and(|name| text::ascii(name) == Some(b"_frombuffer"));
    }
    native_name(object) == Some(c"scalar")
}

impl Known {
    fn find() -> Option<Self> {
        let (package, multiarray) = ["numpy._core", "numpy.core"]
            .into_iter()
            .find_map(|package| Some((package, loaded(&format!("{package}.multiarray"))?)))?;
        let get = |object: &Owned, name: &str| object.getattr(Owned::str(name).ok()?.as_ref()).ok();
        let scalar = get(&multiarray, "scalar")?;
        if !scalar.is_exactly(&raw mut PyCFunction_Type) {
            return None;
        }
        let from_buffer =
            loaded(&format!("{package}.numeric")).and_then(|numeric| get(&numeric, "_frombuffer")).filter(
                |function| is_original(Some(function.as_ref()), &format!("{package}.numeric"), "_frombuffer"),
            );
        let table = get(&loaded(&format!("{package}._multiarray_umath"))?, "_ARRAY_API")?;
        // SAFETY: the capsule holds the table of functions and classes that numpy publishes, which is never freed; their
        // places and types are those of its headers, of the versions that are asked for.
        unsafe {
            let table = PyCapsule_GetPointer(table.as_ptr(), ptr::null()).cast::<*mut c_void>();
            if table.is_null() {
                return None;
            }
            let version: unsafe extern "C" fn() -> c_uint = std::mem::transmute(*table.add(VERSION));
            let modern = match version() >> 24 {
                1 => false,
                2 => true,
                _ => return None,
            };
            Some(Known {
                scalar,
                from_buffer: from_buffer.map(|function| {
                    let code = PyFunction_GetCode(function.as_ptr());
                    (function, code)
                }),
                dtype: (*table.add(DTYPE)).cast(),
                modern,
                make_scalar: std::mem::transmute::<*mut c_void, MakeScalar>(*table.add(SCALAR)),
                make_from_buffer: std::mem::transmute::<*mut c_void, MakeFromBuffer>(*table.add(FROM_BUFFER)),
                reshape: std::mem::transmute::<*mut c_void, Reshape>(*table.add(NEW_SHAPE)),
            })
        }
    }

    #[inline(always)]
    fn has(&self, function: Ref<'_>) -> bool {
        self.scalar.is(function) || self.from_buffer.as_ref().is_some_and(|(known, _)| known.is(function))
    }

    #[inline]
    fn call(&self, function: Ref<'_>, args: &[Ref<'_>]) -> Option<Result<Owned>> {
        match *args {
            [dtype, data] if self.scalar.is(function) => self.scalar(dtype, data),
            [buffer, dtype, shape, order] if !self.scalar.is(function) => {
                // SAFETY: it is a function.
                let code = unsafe { PyFunction_GetCode(function.as_ptr()) };
                let same = self.from_buffer.as_ref().is_some_and(|(_, known)| *known == code);
                if same { self.array(buffer, dtype, shape, order) } else { None }
            }
            _ => None,
        }
    }

    fn is_dtype(&self, object: Ref<'_>) -> bool {
        // SAFETY: both are classes, and alive.
        unsafe { PyType_IsSubtype(object.type_ptr(), self.dtype) != 0 }
    }

    /// `scalar(dtype, data)` of a number.
    fn scalar(&self, dtype: Ref<'_>, data: Ref<'_>) -> Option<Result<Owned>> {
        if !self.is_dtype(dtype) || !data.is_exactly(&raw mut PyBytes_Type) {
            return None;
        }
        // SAFETY: a dtype of this version of numpy.
        let (number, flags, size) = unsafe {
            if self.modern {
                let dtype = &*dtype.as_ptr().cast::<NewDtype>();
                (dtype.number, dtype.flags, dtype.size)
            } else {
                let dtype = &*dtype.as_ptr().cast::<OldDtype>();
                (dtype.number, dtype.flags.into(), dtype.size as isize)
            }
        };
        let data = bytes::as_slice(data);
        if !NUMBERS.contains(&number) || flags != 0 || usize::try_from(size) != Ok(data.len()) {
            return None;
        }
        // SAFETY: there are as many bytes as an item of the dtype has.
        Some(unsafe {
            Owned::from_result((self.make_scalar)(data.as_ptr().cast(), dtype.as_ptr(), ptr::null_mut()))
        })
    }

    /// `frombuffer(buffer, dtype=dtype).reshape(shape, order=order)`
    fn array(
        &self,
        buffer: Ref<'_>,
        dtype: Ref<'_>,
        shape: Ref<'_>,
        order: Ref<'_>,
    ) -> Option<Result<Owned>> {
        // Buffers of others may run code.
        let plain = buffer.is_exactly(&raw mut PyBytes_Type) || buffer.is_exactly(&raw mut PyByteArray_Type);
        let exact = order.is_exactly(&raw mut PyUnicode_Type) && shape.is_exactly(&raw mut PyTuple_Type);
        if !plain || !exact || !self.is_dtype(dtype) {
            return None;
        }
        let order = match text::ascii(order)? {
            b"C" => 0,
            b"F" => 1,
            _ => return None,
        };
        let mut lengths = [0; MOST_DIMENSIONS];
        let lengths = lengths.get_mut(..items_of(shape).len())?;
        for (length, number) in lengths.iter_mut().zip(items_of(shape)) {
            if !number.is_exactly(&raw mut PyLong_Type) {
                return None;
            }
            *length = isize::try_from(layout::int::value(*number)?).ok()?;
        }
        let mut make = || {
            // SAFETY: all objects are alive; the call takes a reference of the dtype. The shape is not kept.
            unsafe {
                let dtype = dtype.to_owned().into_ptr();
                let flat = Owned::from_result((self.make_from_buffer)(buffer.as_ptr(), dtype, -1, 0))?;
                let mut shape = Dimensions { lengths: lengths.as_mut_ptr(), count: lengths.len() as c_int };
                Owned::from_result((self.reshape)(flat.as_ptr(), &raw mut shape, order))
            }
        };
        Some(make())
    }
}
