//! Scalars and arrays of numpy, made by numpy's C functions without the tuples and the Python code on the way to them.
//!
//! The functions are those that numpy's headers publish for other extensions, in a table whose places never change. What
//! they are called with is what the functions that streams name would call them with.

mod ahead;
mod table;

pub(super) use ahead::ArrayAhead;
use ahead::MakeArray;
pub(crate) use table::{PACKAGES, Table};

use super::host::{is_atom, is_constant};
use super::native::{is_original, items_of, loaded};
use crate::ffi::api::*;
use crate::ffi::function::native_name;
use crate::ffi::{Owned, Raised, Ref, Result, bytes, error, layout, sequence, text};
use std::ffi::{CStr, c_int, c_uint, c_void};
use std::ptr;

/// What is known of numpy, once something of it has been called.
#[derive(Default)]
pub(super) struct Numpy(Option<Known>);

/// What makes objects of numpy, if all that it looks at is what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    /// `numpy.dtype`
    Dtype,
    /// `numpy._core.multiarray._reconstruct`
    Empty,
    /// `numpy._core.multiarray.scalar`
    Scalar,
    /// `numpy._core.numeric._frombuffer`
    FromBuffer,
}

/// Which objects something makes.
#[derive(Clone, Copy)]
pub(crate) enum Product {
    /// Those of exactly this class.
    Exactly(*mut PyTypeObject),
    /// Those of this class and of what is derived from it.
    Within(*mut PyTypeObject),
}

impl Product {
    /// Whether an object is one of them.
    #[inline(always)]
    pub(crate) fn has(self, object: Ref<'_>) -> bool {
        match self {
            Product::Exactly(class) => object.is_exactly(class),
            // SAFETY: both are classes, and alive: numpy's are never freed.
            Product::Within(class) => unsafe { PyType_IsSubtype(object.type_ptr(), class) != 0 },
        }
    }
}

struct Known {
    /// `numpy._core.multiarray.scalar`
    scalar: Owned,
    /// `numpy._core.multiarray._reconstruct`
    reconstruct: Option<Owned>,
    /// `numpy.ndarray.__setstate__` and `numpy.dtype.__setstate__`
    set_array: Option<Owned>,
    set_dtype: Option<Owned>,
    /// The class of all arrays, and that of all scalars.
    array: *mut PyTypeObject,
    generic: *mut PyTypeObject,
    /// `numpy._core.numeric._frombuffer`, and its code.
    from_buffer: Option<(Owned, *mut PyObject)>,
    /// The class of all dtypes.
    dtype: *mut PyTypeObject,
    /// Whether dtypes are laid out as from numpy 2 on.
    modern: bool,
    make_scalar: MakeScalar,
    make_from_buffer: MakeFromBuffer,
    make_array: MakeArray,
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

/// What both publish.
struct Raw {
    number: c_int,
    size: isize,
    flags: u64,
    order: u8,
}

/// Places in the table of functions.
const VERSION: usize = 0;
const ARRAY: usize = 2;
const DTYPE: usize = 3;
const GENERIC: usize = 10;
const SCALAR: usize = 60;
const FROM_BUFFER: usize = 74;
const NEW_FROM_DTYPE: usize = 94;
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
        let (package, multiarray) = PACKAGES
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
        let table = Table::of(package)?;
        // SAFETY: the places and types are those of numpy's headers, of the versions that are asked for.
        unsafe {
            let version: unsafe extern "C" fn() -> c_uint = std::mem::transmute(table.at(VERSION));
            let modern = match version() >> 24 {
                1 => false,
                2 => true,
                _ => return None,
            };
            let setstate = |class: *mut c_void| {
                let class = Ref::new(class.cast()).to_owned();
                get(&class, "__setstate__").filter(|found| found.is_exactly(&raw mut PyMethodDescr_Type))
            };
            let reconstruct = get(&multiarray, "_reconstruct");
            Some(Known {
                scalar,
                reconstruct: reconstruct.filter(|found| native_name(found.as_ref()) == Some(c"_reconstruct")),
                set_array: setstate(table.at(ARRAY)),
                set_dtype: setstate(table.at(DTYPE)),
                array: table.at(ARRAY).cast(),
                generic: table.at(GENERIC).cast(),
                from_buffer: from_buffer.map(|function| {
                    let code = PyFunction_GetCode(function.as_ptr());
                    (function, code)
                }),
                dtype: table.at(DTYPE).cast(),
                modern,
                make_scalar: std::mem::transmute::<*mut c_void, MakeScalar>(table.at(SCALAR)),
                make_from_buffer: std::mem::transmute::<*mut c_void, MakeFromBuffer>(table.at(FROM_BUFFER)),
                make_array: std::mem::transmute::<*mut c_void, MakeArray>(table.at(NEW_FROM_DTYPE)),
                reshape: std::mem::transmute::<*mut c_void, Reshape>(table.at(NEW_SHAPE)),
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

    /// Whether a dtype is an array of items of another, or that cannot be found out. No array is of such a dtype.
    fn is_array_of_another(&self, dtype: Ref<'_>) -> bool {
        self.raw(dtype).number == VOID
            && attribute(dtype, "subdtype").is_none_or(|inner| !inner.as_ref().is_none())
    }

    /// Whether an item of an array is an array that may hold objects itself, and the other one with them.
    fn holds_objects(&self, item: Ref<'_>) -> bool {
        if !item.is_exactly(self.array) {
            // SAFETY: both are classes, and alive.
            return unsafe { PyType_IsSubtype(item.type_ptr(), self.array) != 0 };
        }
        attribute(item, "dtype").is_none_or(|dtype| self.raw(dtype.as_ref()).flags & REFERENCES != 0)
    }

    /// What the headers of this version of numpy publish of what [is a dtype](Self::is_dtype).
    #[inline(always)]
    fn raw(&self, dtype: Ref<'_>) -> Raw {
        // SAFETY: a dtype of this version of numpy.
        unsafe {
            if self.modern {
                let &NewDtype { number, size, flags, byteorder: order, .. } = &*dtype.as_ptr().cast();
                Raw { number, size, flags, order }
            } else {
                let &OldDtype { number, size, flags, byteorder: order, .. } = &*dtype.as_ptr().cast();
                Raw { number, size: size as isize, flags: flags.into(), order }
            }
        }
    }

    /// `scalar(dtype, data)` of a number.
    fn scalar(&self, dtype: Ref<'_>, data: Ref<'_>) -> Option<Result<Owned>> {
        if !self.is_dtype(dtype) || !data.is_exactly(&raw mut PyBytes_Type) {
            return None;
        }
        let Raw { number, size, flags, .. } = self.raw(dtype);
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
        if !plain || !exact || !self.is_dtype(dtype) || self.is_array_of_another(dtype) {
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
            *length = isize::try_from(layout::int::exact(*number)?).ok()?;
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

/// An attribute of what is numpy's own.
fn attribute(object: Ref<'_>, name: &str) -> Option<Owned> {
    let found = Owned::str(name).and_then(|name| object.getattr(name.as_ref()));
    found.inspect_err(|_| error::clear()).ok()
}

/// What is known of a dtype whose items hold no objects, or are such.
#[derive(Clone, Copy)]
struct Facts {
    /// The number of its type.
    number: c_int,
    /// The bytes of an item.
    size: u64,
    /// The flags that say what is to be done with items.
    flags: u64,
    /// Whether items have the byte order of this machine, or none.
    native: bool,
}

/// The bits of a dtype's flags that say that its items hold references, and how they are got at.
const REFERENCES: u64 = 0b10_0111;
/// The flags that a dtype with fields has of theirs, and the one that it has of its own.
const INHERITED: u64 = 0b1_1011;
const FIELDS: u64 = 16;
/// All flags but the one that says that fields are aligned.
const ALL_BUT_ALIGNED: u64 = 0x7f;

/// The numbers of types whose items have their size in the dtype alone: `bytes_` and `str_`.
const TEXTS: [c_int; 2] = [18, 19];
/// The number of references to objects.
const OBJECT: c_int = 17;
/// The number of types that have fields, or may have them.
const VOID: c_int = 20;
/// The numbers of dates and durations.
const TIMES: [c_int; 2] = [21, 22];
/// The number of the half-precision floats, the last of those that numpy 1 had.
const HALF: c_int = 23;

/// The most dimensions that an array has.
const DIMENSIONS: usize = 32;
/// More items than this, or bytes, no array has.
const MOST: i64 = 1 << 47;

/// What numpy's own C code makes of a stream's arguments. Each answers `None` where that is not all that it would do, or where
/// the arguments do not go together.
impl Numpy {
    fn known(&mut self) -> Option<&Known> {
        if self.0.is_none() {
            self.0 = Known::find();
            error::clear();
        }
        self.0.as_ref()
    }

    /// What an object makes, and of which class that is.
    pub(super) fn maker(&mut self, object: Ref<'_>) -> Option<(Maker, Product)> {
        let candidate = if object.is_type() {
            // SAFETY: a class has a name as long as it is alive.
            let name = unsafe { CStr::from_ptr((*object.as_ptr().cast::<PyTypeObject>()).tp_name) };
            name == c"numpy.dtype"
        } else {
            has_known_name(object) || native_name(object) == Some(c"_reconstruct")
        };
        if !candidate {
            return None;
        }
        let known = self.known()?;
        if object.as_ptr() == known.dtype.cast() {
            return Some((Maker::Dtype, Product::Within(known.dtype)));
        }
        if known.scalar.is(object) {
            return Some((Maker::Scalar, Product::Within(known.generic)));
        }
        if known.reconstruct.as_ref().is_some_and(|function| function.is(object)) {
            return Some((Maker::Empty, Product::Exactly(known.array)));
        }
        let from_buffer = known.from_buffer.as_ref().is_some_and(|(function, _)| function.is(object));
        from_buffer.then_some((Maker::FromBuffer, Product::Exactly(known.array)))
    }

    /// What a maker makes of its arguments.
    pub(super) fn make(&self, maker: Maker, args: &[Ref<'_>]) -> Option<Result<Owned>> {
        let known = self.0.as_ref()?;
        match (maker, args) {
            (Maker::Dtype, [code, align, copy]) => known.new_dtype(*code, *align, *copy),
            (Maker::Empty, [class, shape, code]) => known.empty(*class, *shape, *code),
            (Maker::Scalar, [dtype, data]) => known.any_scalar(*dtype, *data),
            (Maker::FromBuffer, [buffer, dtype, shape, order]) => {
                let (function, code) = known.from_buffer.as_ref()?;
                // SAFETY: it is a function.
                let same = unsafe { PyFunction_GetCode(function.as_ptr()) } == *code;
                let plain =
                    buffer.is_exactly(&raw mut PyBytes_Type) || buffer.is_exactly(&raw mut PyByteArray_Type);
                if !same || !plain {
                    return None;
                }
                // SAFETY: it is one of the two.
                let len = unsafe {
                    if buffer.is_exactly(&raw mut PyBytes_Type) {
                        PyBytes_Size(buffer.as_ptr())
                    } else {
                        PyByteArray_Size(buffer.as_ptr())
                    }
                };
                let facts = known.facts(*dtype)?;
                let fits = facts.number != OBJECT
                    && items_of_shape(*shape)?.checked_mul(facts.size) == Some(len as u64);
                if fits { known.array(*buffer, *dtype, *shape, *order) } else { None }
            }
            _ => None,
        }
    }

    /// Gives a new dtype its state. `is_open` says of others whether they are still to be given theirs.
    pub(super) fn set_dtype(
        &self,
        dtype: Ref<'_>,
        state: Ref<'_>,
        is_open: &dyn Fn(Ref<'_>) -> bool,
    ) -> Option<Result<()>> {
        let known = self.0.as_ref()?;
        if !state.is_exactly(&raw mut PyTuple_Type) {
            return None;
        }
        let facts = known.facts(dtype)?;
        let fits = if facts.number == VOID {
            known.is_compound_state(facts, items_of(state), is_open)
        } else {
            is_dtype_state(facts, items_of(state))
        };
        if fits { Some(known.set_dtype.as_ref()?.call(&[dtype, state]).map(drop)) } else { None }
    }

    /// Gives a new array its state, and says whether there are objects in it that may hold others.
    pub(super) fn set_array(&self, array: Ref<'_>, state: Ref<'_>) -> Option<Result<bool>> {
        let known = self.0.as_ref()?;
        if !state.is_exactly(&raw mut PyTuple_Type) {
            return None;
        }
        let &[version, shape, dtype, fortran, data] = items_of(state) else { return None };
        let facts = known.facts(dtype)?;
        let count = items_of_shape(shape)?;
        let (objects, fits) = if facts.number == OBJECT {
            // SAFETY: a size is asked of a list.
            let has = |count| unsafe { PyList_GET_SIZE(data.as_ptr()) } as u64 == count;
            (true, data.is_exactly(&raw mut PyList_Type) && has(count))
        } else {
            // SAFETY: a size is asked of bytes.
            let len = || unsafe { PyBytes_Size(data.as_ptr()) } as u64;
            let fits = data.is_exactly(&raw mut PyBytes_Type) && count.checked_mul(facts.size) == Some(len());
            (false, fits)
        };
        if !fits || !is_number(version, 1) || !is_flag(fortran) || !array.is_exactly(known.array) {
            return None;
        }
        // SAFETY: the list holds its items.
        let item = |item: &*mut PyObject| unsafe { Ref::new(*item) };
        // SAFETY: a list, which holds its items and does not change meanwhile.
        let items = if objects { unsafe { sequence::items(data) } } else { &[] };
        // What is within itself is refused, and arrays of others are judged as a whole.
        let is_open = |item: Ref<'_>| item.is(array) || known.holds_objects(item);
        if known.is_array_of_another(dtype) || items.iter().map(item).any(is_open) {
            return None;
        }
        let done = known.set_array.as_ref()?.call(&[array, state]);
        Some(done.map(|_| items.iter().map(item).any(|item| !is_atom(item) && !is_constant(item))))
    }
}

impl Known {
    /// What is known of a dtype. There is nothing of those whose items hold objects beside others.
    fn facts(&self, dtype: Ref<'_>) -> Option<Facts> {
        if !self.is_dtype(dtype) {
            return None;
        }
        let Raw { number, size, flags, order } = self.raw(dtype);
        let known = (0..=HALF).contains(&number) && (number != VOID || flags & REFERENCES == 0);
        let size = u64::try_from(size).ok()?;
        let native = matches!(order, b'=' | b'|');
        Some(Facts { number, size, flags: flags & ALL_BUT_ALIGNED, native }).filter(|_| known)
    }

    /// Whether this is the state of a dtype that has fields, or is an array of its own, or just so many bytes: `(version, '|', subdtype,
    /// names, fields, size, alignment, flags)`. Its parts have to be finished: they could become something else.
    fn is_compound_state(&self, facts: Facts, state: &[Ref<'_>], is_open: &dyn Fn(Ref<'_>) -> bool) -> bool {
        let (state, metadata) = match *state {
            [ref state @ .., metadata] if state.len() == 8 => (state, metadata.is_none()),
            ref state => (state, true),
        };
        let &[version, order, inner, names, fields, size, alignment, flags] = state else { return false };
        let part = |dtype: Ref<'_>| self.facts(dtype).filter(|part| part.number != OBJECT && !is_open(dtype));
        let within = |item: Ref<'_>| -> Option<u64> {
            let [dtype, offset] = *pair_of(item)?;
            let (offset, part) = (u64::try_from(layout::int::exact(offset)?).ok()?, part(dtype)?);
            (offset.checked_add(part.size)? <= facts.size).then_some(part.flags & INHERITED)
        };
        let fields_fit = || {
            let tuple = names.is_exactly(&raw mut PyTuple_Type);
            if !tuple || !fields.is_exactly(&raw mut PyDict_Type) {
                return None;
            }
            let (mut position, mut count, mut flags) = (0, 0, FIELDS);
            while let Some((name, field)) = layout::items::next(fields, &mut position) {
                count += 1;
                let is_name = items_of(names).iter().any(|known| known.as_ptr() == name.as_ptr());
                if !is_name || !name.is_exactly(&raw mut PyUnicode_Type) {
                    return None;
                }
                flags |= within(field)?;
            }
            (count == items_of(names).len() && count <= MOST_FIELDS).then_some(flags)
        };
        let array_fits = || {
            let [dtype, shape] = *pair_of(inner)?;
            let count = if shape.is_exactly(&raw mut PyLong_Type) {
                u64::try_from(layout::int::exact(shape)?).ok()?
            } else {
                items_of_shape(shape)?
            };
            let part = part(dtype)?;
            (count.checked_mul(part.size)? == facts.size).then_some(part.flags)
        };
        let wanted = match (inner.is_none(), names.is_none() && fields.is_none()) {
            (true, true) => Some(0),
            (true, false) => fields_fit(),
            (false, true) => array_fits(),
            (false, false) => None,
        };
        matches!(layout::int::exact(version), Some(3 | 4))
            && metadata
            && order.is_exactly(&raw mut PyUnicode_Type)
            && text::ascii(order) == Some(b"|")
            && layout::int::exact(size).and_then(|size| u64::try_from(size).ok()) == Some(facts.size)
            && matches!(layout::int::exact(alignment), Some(1 | 2 | 4 | 8 | 16))
            && layout::int::exact(flags).is_some_and(|flags| {
                (0..=255).contains(&flags) && wanted == Some(flags as u64 & ALL_BUT_ALIGNED)
            })
    }

    /// `numpy.dtype(code, False, True)`: a copy, never the one dtype of the whole process.
    fn new_dtype(&self, code: Ref<'_>, align: Ref<'_>, copy: Ref<'_>) -> Option<Result<Owned>> {
        let wanted = is_flag(align) && is_flag(copy) && code.is_exactly(&raw mut PyUnicode_Type);
        let truth = |flag: Ref<'_>| flag.is_true().ok();
        if !wanted || truth(align) != Some(false) || truth(copy) != Some(true) || !is_code(text::ascii(code)?)
        {
            return None;
        }
        // SAFETY: the class of dtypes is alive.
        let made = unsafe { Ref::new(self.dtype.cast()) }.call(&[code, align, copy]);
        match made {
            Ok(made) if made.has_holders(1) && self.facts(made.as_ref()).is_some() => Some(Ok(made)),
            Ok(_) => None,
            Err(Raised) => Some(Err(Raised)),
        }
    }

    /// `_reconstruct(ndarray, (0,), b'b')`
    fn empty(&self, class: Ref<'_>, shape: Ref<'_>, code: Ref<'_>) -> Option<Result<Owned>> {
        if !self.makes_empty(class, shape, code) {
            return None;
        }
        Some(self.reconstruct.as_ref()?.call(&[class, shape, code]))
    }

    /// Whether these are the arguments of that.
    fn makes_empty(&self, class: Ref<'_>, shape: Ref<'_>, code: Ref<'_>) -> bool {
        let is_b = if code.is_exactly(&raw mut PyBytes_Type) {
            bytes::as_slice(code) == b"b"
        } else {
            code.is_exactly(&raw mut PyUnicode_Type) && text::ascii(code) == Some(b"b")
        };
        let is_empty = shape.is_exactly(&raw mut PyTuple_Type)
            && matches!(*items_of(shape), [length] if is_number(length, 0));
        class.as_ptr() == self.array.cast() && is_b && is_empty
    }

    /// `scalar(dtype, data)` of anything but objects and what has fields.
    fn any_scalar(&self, dtype: Ref<'_>, data: Ref<'_>) -> Option<Result<Owned>> {
        if let Some(made) = self.scalar(dtype, data) {
            return Some(made);
        }
        let facts = self.facts(dtype)?;
        let fits = facts.number != OBJECT
            && data.is_exactly(&raw mut PyBytes_Type)
            && bytes::as_slice(data).len() as u64 == facts.size;
        fits.then(|| self.scalar.call(&[dtype, data]))
    }
}

/// Whether this is the state of such a dtype: `(version, order, None, None, None, size, alignment, flags)`, and for dates
/// `(metadata, unit)`.
fn is_dtype_state(facts: Facts, state: &[Ref<'_>]) -> bool {
    let (state, unit) = match *state {
        [ref state @ .., unit] if state.len() == 8 => (state, Some(unit)),
        ref state => (state, None),
    };
    let &[version, order, none, names, fields, size, alignment, flags] = state else { return false };
    let order_fits = order.is_exactly(&raw mut PyUnicode_Type)
        && match text::ascii(order) {
            Some(b"<" | b">" | b"=") => facts.number != OBJECT,
            order => order == Some(b"|"),
        };
    let size_fits = match layout::int::exact(size) {
        Some(-1) => !TEXTS.contains(&facts.number),
        Some(size) => TEXTS.contains(&facts.number) && u64::try_from(size) == Ok(facts.size),
        None => false,
    };
    let flags_fit = match layout::int::exact(flags) {
        Some(0) => facts.number != OBJECT,
        // Memory for texts is filled with zeros.
        Some(8) => facts.number == TEXTS[1],
        Some(63) => facts.number == OBJECT,
        _ => false,
    };
    matches!(layout::int::exact(version), Some(3 | 4))
        && order_fits
        && [none, names, fields].iter().all(|part| part.is_none())
        && size_fits
        && layout::int::exact(alignment) == Some(alignment_of(facts.number))
        && flags_fit
        && match unit {
            None => !TIMES.contains(&facts.number),
            Some(unit) if unit.is_none() => !TIMES.contains(&facts.number),
            Some(unit) => TIMES.contains(&facts.number) && is_unit(unit),
        }
}

/// What the state of a dtype without fields says of its alignment.
fn alignment_of(number: c_int) -> i64 {
    match number {
        number if number == TEXTS[0] => 1,
        number if number == TEXTS[1] => 4,
        _ => -1,
    }
}

/// Whether this is what a stream has of the unit of a date: `({}, (unit, count, 1, 1))`, or with `None` for the dict. The dict could
/// be filled later: whoever asks has to look at it when there is no more to come.
fn is_unit(metadata: Ref<'_>) -> bool {
    let tuple = |object: Ref<'_>| object.is_exactly(&raw mut PyTuple_Type);
    if !tuple(metadata) {
        return false;
    }
    let &[first, unit] = items_of(metadata) else { return false };
    // SAFETY: a size is asked of a dict.
    let is_empty = || first.is_exactly(&raw mut PyDict_Type) && unsafe { PyDict_Size(first.as_ptr()) } == 0;
    if !tuple(unit) || !first.is_none() && !is_empty() {
        return false;
    }
    let &[name, count, numerator, denominator] = items_of(unit) else { return false };
    let known = if name.is_exactly(&raw mut PyBytes_Type) {
        (1..=7).contains(&bytes::as_slice(name).len())
    } else {
        name.is_exactly(&raw mut PyUnicode_Type)
            && text::ascii(name).is_some_and(|name| (1..=7).contains(&name.len()))
    };
    known
        && layout::int::exact(count).is_some_and(|count| (1..1 << 31).contains(&count))
        && is_number(numerator, 1)
        && is_number(denominator, 1)
}

/// Whether a code stands for a type, by a letter and a size that numpy reads without a warning.
fn is_code(code: &[u8]) -> bool {
    match *code {
        [b'S' | b'U' | b'V', ref digits @ ..] => {
            (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
        }
        [b'i' | b'u', b'1' | b'2' | b'4' | b'8'] | [b'f', b'2' | b'4' | b'8'] => true,
        _ => {
            matches!(code, b"b1" | b"f12" | b"f16" | b"c8" | b"c16" | b"c24" | b"c32" | b"M8" | b"m8" | b"O8")
        }
    }
}

/// The number of items of an array of this shape.
fn items_of_shape(shape: Ref<'_>) -> Option<u64> {
    if !shape.is_exactly(&raw mut PyTuple_Type) || items_of(shape).len() > DIMENSIONS {
        return None;
    }
    // Dimensions beside a zero count too: numpy multiplies them.
    let (mut whole, mut count) = (1i64, 1i64);
    for length in items_of(shape) {
        let length = layout::int::exact(*length).filter(|length| (0..MOST).contains(length))?;
        whole = whole.checked_mul(length.max(1)).filter(|whole| *whole < MOST)?;
        count *= length;
    }
    u64::try_from(count).ok()
}

/// How many fields a dtype has at most that is made at once.
const MOST_FIELDS: usize = 64;

/// The items of a pair.
fn pair_of(object: Ref<'_>) -> Option<&[Ref<'_>; 2]> {
    if object.is_exactly(&raw mut PyTuple_Type) { items_of(object).try_into().ok() } else { None }
}

fn is_number(object: Ref<'_>, wanted: i64) -> bool {
    layout::int::exact(object) == Some(wanted)
}

fn is_flag(object: Ref<'_>) -> bool {
    object.is_exactly(&raw mut PyBool_Type) || is_number(object, 0) || is_number(object, 1)
}
