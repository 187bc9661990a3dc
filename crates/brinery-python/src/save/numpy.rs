//! Scalars and arrays of numpy, written as numpy's own reductions would have it.
//!
//! A reduction by numpy imports modules, looks up functions and copies, which takes longer than all the rest. What it
//! comes to is known once one has been seen: the same functions and the same dtype, and what lies in memory. Nothing of
//! that is taken on trust: the memory of the first scalar of a class, and of an array made for this, is compared with
//! what numpy says.

use super::Dump;
use super::instance::Facts;
use super::memo::Known;
use super::scalar::pickle_buffer;
use super::task::Task;
use crate::ffi::api::*;
use crate::ffi::sequence::items_of_tuple;
use crate::ffi::{Owned, Ref, Result, bytes, error, layout, text};
use crate::state::State;
use brinery::Opcode;
use brinery::write::FRAME_SIZE_TARGET;
use std::ffi::c_int;
use std::slice;

/// What numpy's reduction of the instances of a class is made of.
pub(super) enum Learned {
    Scalar(Scalar),
    Array(Box<Arrays>),
    /// Something else than is known here.
    Unknown,
}

/// `make(dtype, data)`
pub(super) struct Scalar {
    make: Owned,
    dtype: Owned,
    /// The length of the data in bytes.
    len: usize,
}

/// Up to protocol 4 `reconstruct(class, (0,), letter)` and a state, from protocol 5 on
/// `from_buffer(buffer, dtype, shape, order)`.
pub(super) struct Arrays {
    reconstruct: Owned,
    letter: Owned,
    from_buffer: Owned,
    by_rows: Owned,
    by_columns: Owned,
}

/// A dtype whose items are plain memory.
pub(super) struct Element {
    dtype: Owned,
    /// How many bytes an item has.
    size: usize,
    /// Whether arrays of it give out buffers.
    has_buffers: bool,
}

/// How many dtypes a dump remembers.
const MOST_ELEMENTS: usize = 8;

/// What there is to save of an array.
struct Contents<'a> {
    shape: &'a [isize],
    dtype: Ref<'a>,
    data: &'a [u8],
    by_columns: bool,
    readonly: bool,
    has_buffers: bool,
}

/// A scalar, as numpy's headers publish it for numbers of up to 16 bytes.
#[repr(C)]
struct ScalarFields {
    base: PyObject,
    data: [u8; 0],
}

/// An array, as numpy's headers publish it.
#[repr(C)]
struct ArrayFields {
    base: PyObject,
    data: *const u8,
    dimensions: c_int,
    shape: *const isize,
    strides: *const isize,
    owner: *mut PyObject,
    dtype: *mut PyObject,
    flags: c_int,
}

const BY_ROWS: c_int = 1;
const BY_COLUMNS: c_int = 2;
const WRITEABLE: c_int = 0x400;
const WARN_ON_WRITE: c_int = c_int::MIN;

/// Numbers whose bytes all count.
const NUMBERS: &[u8] = b"?bBhHiIlLqQefdFD";
/// Other items that are plain memory.
const OTHERS: &[u8] = b"SUgGMm";
/// Those among them of which arrays give out buffers.
const WITH_BUFFERS: &[u8] = b"SU";

/// How many bytes the opcodes of a scalar or an array take at most, without data and shape.
const ROOM: usize = 128;
/// How many the length of one dimension takes.
const ROOM_OF_LENGTH: usize = 10;

impl Learned {
    /// What can be learnt from an instance of a class.
    fn of(state: &State, object: Ref<'_>, is_array: bool) -> Self {
        let learned = if is_array {
            Arrays::learn(state, object.type_ref()).map(|arrays| Learned::Array(Box::new(arrays)))
        } else {
            Scalar::learn(state, object).map(Learned::Scalar)
        };
        learned.unwrap_or_else(|| {
            error::clear();
            Learned::Unknown
        })
    }
}

/// The items of a tuple of this length.
fn parts<const N: usize>(object: Ref<'_>) -> Option<[Ref<'_>; N]> {
    if !object.is_exactly(&raw mut PyTuple_Type) {
        return None;
    }
    // SAFETY: it is a tuple.
    unsafe { items_of_tuple(object) }.try_into().ok()
}

fn data_of(object: Ref<'_>) -> Option<&[u8]> {
    object.is_exactly(&raw mut PyBytes_Type).then(|| bytes::as_slice(object))
}

fn is_int(object: Ref<'_>, value: i64) -> bool {
    object.is_exactly(&raw mut PyLong_Type) && layout::int::value(object) == Some(value)
}

fn is_letter(object: Ref<'_>, letter: &str) -> bool {
    object.is_exactly(&raw mut PyUnicode_Type) && text::equals(object, letter)
}

/// The letter that numpy has for a kind of items.
fn letter_of(state: &State, dtype: Ref<'_>) -> Option<u8> {
    let letter = dtype.getattr(state.names.char.as_ref()).ok()?;
    if !letter.is_exactly(&raw mut PyUnicode_Type) {
        return None;
    }
    let utf8 = text::utf8(letter.as_ref()).ok()?;
    let &[letter] = utf8.as_slice() else { return None };
    (NUMBERS.contains(&letter) || OTHERS.contains(&letter)).then_some(letter)
}

impl Scalar {
    fn learn(state: &State, object: Ref<'_>) -> Option<Scalar> {
        let reduce =
            || object.getattr(state.names.__reduce__.as_ref()).and_then(|reduce| reduce.call0()).ok();
        let (reduced, again) = (reduce()?, reduce()?);
        let [make, args] = parts(reduced.as_ref())?;
        let [dtype, data] = parts(args)?;
        let [make_again, args_again] = parts(again.as_ref())?;
        let [dtype_again, _] = parts(args_again)?;
        let letter = letter_of(state, dtype)?;
        let data = data_of(data)?;
        // SAFETY: the type is alive.
        let size = unsafe { (*object.type_ptr()).tp_basicsize } as usize;
        let same = make.is(make_again)
            && dtype.is(dtype_again)
            && NUMBERS.contains(&letter)
            && size >= size_of::<ScalarFields>() + data.len();
        // SAFETY: the instance has as much memory.
        (same && unsafe { scalar_data(object, data.len()) } == data).then(|| Scalar {
            make: make.to_owned(),
            dtype: dtype.to_owned(),
            len: data.len(),
        })
    }
}

/// # Safety
///
/// The object is a scalar of so many bytes.
unsafe fn scalar_data(object: Ref<'_>, len: usize) -> &[u8] {
    // SAFETY: by contract.
    unsafe {
        let fields = object.as_ptr().cast::<ScalarFields>();
        slice::from_raw_parts((&raw const (*fields).data).cast(), len)
    }
}

impl Arrays {
    fn learn(state: &State, class: Ref<'_>) -> Option<Arrays> {
        const DATA: [u8; 6] = [1, 2, 3, 4, 5, 6];
        let names = &state.names;
        let shape = Owned::tuple(&[Owned::int(2).ok()?.as_ref(), Owned::int(3).ok()?.as_ref()]).ok()?;
        let (kind, zero, none) = (Owned::str("u1").ok()?, Owned::int(0).ok()?, Owned::none());
        let open = bytes::new_bytearray(&DATA).ok()?;
        let closed = bytes::new(&DATA).ok()?;
        let new = |memory: &Owned, order: &str| {
            let order = Owned::str(order)?;
            class.call(&[&shape, &kind, memory, &zero, &none, &order].map(Owned::as_ref))
        };
        let (rows, columns, constant) =
            (new(&open, "C").ok()?, new(&open, "F").ok()?, new(&closed, "C").ok()?);
        // SAFETY: the type is alive.
        if unsafe { (*class.as_ptr().cast::<PyTypeObject>()).tp_basicsize }
            < size_of::<ArrayFields>() as isize
        {
            return None;
        }
        let dtype = rows.getattr(names.dtype.as_ref()).ok()?;
        let lies_as = |array: &Owned, memory: *const u8, flags: c_int| {
            // SAFETY: the instance has so much memory, and the shape is looked at only if the rest is as expected.
            unsafe {
                let fields = &*array.as_ptr().cast::<ArrayFields>();
                fields.data == memory
                    && fields.dimensions == 2
                    && fields.dtype == dtype.as_ptr()
                    && fields.flags & (BY_ROWS | BY_COLUMNS | WRITEABLE | WARN_ON_WRITE) == flags
                    && slice::from_raw_parts(fields.shape, 2) == [2, 3]
            }
        };
        // SAFETY: one is a bytearray and the other a bytes.
        let (of_open, of_closed) = unsafe {
            (
                PyByteArray_AsString(open.as_ptr()).cast_const().cast::<u8>(),
                PyBytes_AS_STRING(closed.as_ptr()).cast::<u8>(),
            )
        };
        if !lies_as(&rows, of_open, BY_ROWS | WRITEABLE)
            || !lies_as(&columns, of_open, BY_COLUMNS | WRITEABLE)
            || !lies_as(&constant, of_closed, BY_ROWS)
        {
            return None;
        }
        let is_shape = |object: Ref<'_>| {
            parts(object).is_some_and(|[first, second]| is_int(first, 2) && is_int(second, 3))
        };

        let reduced = rows.getattr(names.__reduce__.as_ref()).and_then(|reduce| reduce.call0()).ok()?;
        let [reconstruct, args, last] = parts(reduced.as_ref())?;
        let [made, empty, letter] = parts(args)?;
        let [first] = parts(empty)?;
        let [version, its_shape, its_dtype, by_columns, data] = parts(last)?;
        // SAFETY: False is a singleton.
        let is_by_rows = by_columns.is(unsafe { Ref::new(Py_False()) });
        let expected = made.is(class)
            && is_int(first, 0)
            && data_of(letter)?.len() == 1
            && is_int(version, 1)
            && is_shape(its_shape)
            && its_dtype.is(dtype.as_ref())
            && is_by_rows
            && data_of(data)? == DATA;
        if !expected {
            return None;
        }

        let five = Owned::int(5).ok()?;
        let with_buffer = |array: &Owned, letter: &str| {
            let reduced = array.call_method1(names.__reduce_ex__.as_ref(), five.as_ref()).ok()?;
            let [function, args] = parts(reduced.as_ref())?;
            let [buffer, its_dtype, its_shape, order] = parts(args)?;
            let expected = buffer.is_exactly(super::pickle_buffer_type())
                && its_dtype.is(dtype.as_ref())
                && is_shape(its_shape)
                && is_letter(order, letter);
            expected.then(|| (function.to_owned(), order.to_owned()))
        };
        let (from_buffer, by_rows) = with_buffer(&rows, "C")?;
        let (again, by_rows_again) = with_buffer(&constant, "C")?;
        let (of_columns, by_columns) = with_buffer(&columns, "F")?;
        let same = from_buffer.as_ref().is(again.as_ref())
            && from_buffer.as_ref().is(of_columns.as_ref())
            && by_rows.as_ref().is(by_rows_again.as_ref());
        same.then(|| Arrays {
            reconstruct: reconstruct.to_owned(),
            letter: letter.to_owned(),
            from_buffer,
            by_rows,
            by_columns,
        })
    }
}

impl Dump<'_> {
    fn learned<'f>(&mut self, object: &Owned, facts: &'f Facts, is_array: bool) -> &'f Learned {
        if facts.learned.get().is_none() {
            self.settle();
            // Foreign code may learn the same meanwhile.
            let _known = facts.learned.set(Learned::of(self.state, object.as_ref(), is_array));
        }
        facts.learned.get().unwrap_or(&Learned::Unknown)
    }

    /// Where an object is in the memo.
    fn place_of(&mut self, object: &Owned) -> Option<usize> {
        match self.memo().get(object.as_ref()) {
            Known::At(index) => Some(index),
            _ => None,
        }
    }

    /// Whether no frame ends within so many bytes.
    fn is_far_from_boundary(&self, room: usize) -> bool {
        self.out.len().saturating_add(room) < self.out.limit()
    }

    /// Saves a number once its class and dtype have been saved; whether that was possible.
    pub(super) fn save_numpy_scalar(&mut self, object: &Owned, single: bool, facts: &Facts) -> Result<bool> {
        let era = self.memo().era();
        let Learned::Scalar(scalar) = self.learned(object, facts, false) else { return Ok(false) };
        if self.out.protocol() < 3 || !self.is_far_from_boundary(ROOM) {
            return Ok(false);
        }
        let (Some(make), Some(dtype)) = (self.place_of(&scalar.make), self.place_of(&scalar.dtype)) else {
            return Ok(false);
        };
        // SAFETY: scalars of this class have so many bytes.
        let data = unsafe { scalar_data(object.as_ref(), scalar.len) };
        self.get(make)?;
        self.get(dtype)?;
        self.save_data(data)?;
        self.out.op(Opcode::Tuple2);
        self.memoize_temporary(|| Owned::tuple(&[scalar.dtype.as_ref(), bytes::new(data)?.as_ref()]))?;
        self.finish_call(object, single, era)?;
        Ok(true)
    }

    /// Saves the bytes that a reduction would make of memory.
    fn save_data(&mut self, data: &[u8]) -> Result<()> {
        if data.len() < 2 {
            // There is only one of each of these.
            let data = bytes::new(data)?;
            return self.save_bytes_or_get(data.as_ref());
        }
        let header = self.out.bytes_header(data.len());
        let placement = header.map_err(|unwritable| self.unwritable(unwritable))?;
        self.out.payload(placement, data);
        self.memoize_temporary(|| bytes::new(data))
    }

    fn save_bytes_or_get(&mut self, data: Ref<'_>) -> Result<()> {
        match self.memo().get(data) {
            Known::At(index) => self.get(index),
            _ => self.save_bytes(data),
        }
    }

    /// What is known of a dtype whose items are plain memory.
    fn element(&mut self, dtype: Ref<'_>) -> Option<(usize, bool)> {
        if let Some(known) = self.elements.iter().find(|element| element.dtype.as_ref().is(dtype)) {
            return Some((known.size, known.has_buffers));
        }
        let element = self.find_element(dtype);
        error::clear();
        let element = element?;
        let known = (element.size, element.has_buffers);
        if self.elements.len() == MOST_ELEMENTS {
            self.elements.clear();
        }
        self.elements.push(element);
        Some(known)
    }

    /// Numpy's own attributes of a dtype run no foreign code.
    fn find_element(&self, dtype: Ref<'_>) -> Option<Element> {
        let names = &self.state.names;
        let letter = letter_of(self.state, dtype)?;
        let size = dtype.getattr(names.itemsize.as_ref()).ok()?;
        // SAFETY: the object is an int, of whose size an exception would tell.
        let size = usize::try_from(unsafe { PyLong_AsSsize_t(size.as_ptr()) }).ok()?;
        let native = dtype.getattr(names.isnative.as_ref()).ok()?.is_true().ok()?;
        (size > 0).then(|| Element {
            dtype: dtype.to_owned(),
            size,
            has_buffers: native && (NUMBERS.contains(&letter) || WITH_BUFFERS.contains(&letter)),
        })
    }

    /// What is in an array whose items are plain memory, one after the other.
    fn contents<'a>(&mut self, array: Ref<'a>) -> Option<Contents<'a>> {
        // SAFETY: arrays lie in memory like this, as was seen, and hold their dtype.
        let (fields, dtype) = unsafe {
            let fields = &*array.as_ptr().cast::<ArrayFields>();
            (fields, Ref::new(fields.dtype))
        };
        let flags = fields.flags;
        if flags & (BY_ROWS | BY_COLUMNS) == 0 || flags & WARN_ON_WRITE != 0 {
            return None;
        }
        let (size, has_buffers) = self.element(dtype)?;
        let shape = match usize::try_from(fields.dimensions).ok()? {
            // There may be no memory for none.
            0 => &[],
            // SAFETY: the array has so many lengths.
            lengths => unsafe { slice::from_raw_parts(fields.shape, lengths) },
        };
        let len = shape.iter().try_fold(size, |len, &part| len.checked_mul(usize::try_from(part).ok()?))?;
        // SAFETY: the items lie one after the other, as the flags say; there may be none, anywhere.
        let data = if len == 0 { &[] } else { unsafe { slice::from_raw_parts(fields.data, len) } };
        Some(Contents {
            shape,
            dtype,
            data,
            by_columns: flags & BY_ROWS == 0,
            readonly: flags & WRITEABLE == 0,
            has_buffers,
        })
    }

    /// Saves an array; whether that was possible.
    pub(super) fn save_numpy_array(&mut self, object: &Owned, single: bool, facts: &Facts) -> Result<bool> {
        let protocol = self.out.protocol();
        if protocol < 3 {
            return Ok(false);
        }
        let era = self.memo().era();
        let Learned::Array(arrays) = self.learned(object, facts, true) else { return Ok(false) };
        let single = single && era == self.memo().era();
        let Some(contents) = self.contents(object.as_ref()) else { return Ok(false) };
        // Whoever sees the memo or the buffers sees what the reduction makes.
        let unseen = !self.keep_memo && self.hooks.buffer_callback.is_none();
        if protocol < 5 {
            return if unseen {
                self.save_array_by_state(object, single, arrays, &contents)
            } else {
                Ok(false)
            };
        }
        if !contents.has_buffers || contents.data.is_empty() {
            return Ok(false);
        }
        if unseen && self.save_array_by_buffer(object, single, arrays, &contents)? {
            return Ok(true);
        }
        self.save_array_reduced(object, arrays, &contents)
    }

    /// Saves what numpy would reduce an array to that gives out its buffer.
    fn save_array_reduced(
        &mut self,
        object: &Owned,
        arrays: &Arrays,
        contents: &Contents<'_>,
    ) -> Result<bool> {
        self.settle();
        let lengths = contents.shape.iter().map(|&length| Owned::int(length as i64));
        let lengths = lengths.collect::<Result<Vec<Owned>>>()?;
        let shape = Owned::tuple(&lengths.iter().map(Owned::as_ref).collect::<Vec<_>>())?;
        // Its buffer has to lie by rows.
        let (lender, order) = if contents.by_columns {
            (object.getattr(self.state.names.T.as_ref())?, &arrays.by_columns)
        } else {
            (object.clone(), &arrays.by_rows)
        };
        let buffer = pickle_buffer(lender.as_ref())?;
        let args = Owned::tuple(&[buffer.as_ref(), contents.dtype, shape.as_ref(), order.as_ref()])?;
        let reduced = Owned::tuple(&[arrays.from_buffer.as_ref(), args.as_ref()])?;
        drop((lender, buffer, shape, args));
        self.save_reduced(reduced.as_ref(), Some(object.as_ref()))?;
        Ok(true)
    }

    /// Whether so many bytes are written to the file on their own.
    fn goes_apart(&self, len: usize) -> bool {
        self.write.is_some() && len >= FRAME_SIZE_TARGET
    }

    /// Whether an array can be saved in one go. Writing to a file runs foreign code, which may do anything to the array.
    fn fits_at_once(&self, contents: &Contents<'_>) -> bool {
        let room = ROOM + ROOM_OF_LENGTH * contents.shape.len();
        let len = contents.data.len();
        let room = if self.write.is_some() { room.saturating_add(len) } else { room };
        !self.goes_apart(len) && self.is_far_from_boundary(room)
    }

    /// Saves an array after another with the same dtype and order; whether it was one.
    fn save_array_by_buffer(
        &mut self,
        object: &Owned,
        single: bool,
        arrays: &Arrays,
        contents: &Contents<'_>,
    ) -> Result<bool> {
        if !self.fits_at_once(contents) {
            return Ok(false);
        }
        let order = if contents.by_columns { &arrays.by_columns } else { &arrays.by_rows };
        let places =
            (self.place_of(&arrays.from_buffer), self.place_of(order), self.memo().get(contents.dtype));
        let (Some(function), Some(order), Known::At(dtype)) = places else { return Ok(false) };
        self.get(function)?;
        self.out.op(Opcode::Mark);
        self.save_buffer_data(contents.data, contents.readonly)?;
        self.cross_boundary()?;
        self.get(dtype)?;
        self.save_shape(contents.shape)?;
        self.cross_boundary()?;
        self.get(order)?;
        self.out.op(Opcode::Tuple);
        self.memoize_nothing()?;
        self.out.op(Opcode::Reduce);
        self.memoize_held(object.as_ref(), single)?;
        Ok(true)
    }

    fn save_array_by_state(
        &mut self,
        object: &Owned,
        single: bool,
        arrays: &Arrays,
        contents: &Contents<'_>,
    ) -> Result<bool> {
        let class = object.type_ref().to_owned();
        let places = (
            self.place_of(&arrays.reconstruct),
            self.place_of(&class),
            self.place_of(&arrays.letter),
            self.memo().get(contents.dtype),
        );
        if let (Some(function), Some(class), Some(letter), Known::At(dtype)) = places
            && self.fits_at_once(contents)
        {
            self.get(function)?;
            self.get(class)?;
            self.out.int(0);
            self.out.op(Opcode::Tuple1);
            self.memoize_nothing()?;
            self.get(letter)?;
            self.out.op(Opcode::Tuple3);
            self.memoize_nothing()?;
            self.out.op(Opcode::Reduce);
            self.memoize_held(object.as_ref(), single)?;
            self.out.op(Opcode::Mark);
            self.out.int(1);
            self.save_shape(contents.shape)?;
            self.get(dtype)?;
            self.out.bool(contents.by_columns);
            self.save_data(contents.data)?;
            self.finish_array_state()?;
            return Ok(true);
        }
        // Something has to be saved before it can be fetched.
        self.settle();
        let empty = Owned::tuple(&[Owned::int(0)?.as_ref()])?;
        let args = Owned::tuple(&[class.as_ref(), empty.as_ref(), arrays.letter.as_ref()])?;
        let reduced = Owned::tuple(&[arrays.reconstruct.as_ref(), args.as_ref()])?;
        self.push(Task::ArrayState(object.clone()));
        self.save_reduced(reduced.as_ref(), Some(object.as_ref()))?;
        Ok(true)
    }

    /// The contents of an array whose saving has begun. Foreign code may have run since.
    fn contents_still<'a>(&mut self, array: Ref<'a>) -> Result<Contents<'a>> {
        self.contents(array).ok_or_else(|| error::runtime_error("array changed while it was saved"))
    }

    /// Begins the state of an array that has been made.
    pub(super) fn begin_array_state(&mut self, array: Owned) -> Result<()> {
        self.cross_boundary()?;
        self.out.op(Opcode::Mark);
        self.cross_boundary()?;
        self.out.int(1);
        let shape = self.contents_still(array.as_ref())?.shape.to_vec();
        self.save_shape(&shape)?;
        let dtype = self.contents_still(array.as_ref())?.dtype.to_owned();
        self.push(Task::ArrayData(array));
        self.save(dtype.as_ref())
    }

    /// Ends the state of an array after its dtype.
    pub(super) fn end_array_state(&mut self, array: &Owned) -> Result<()> {
        self.cross_boundary()?;
        let by_columns = self.contents_still(array.as_ref())?.by_columns;
        self.out.bool(by_columns);
        self.cross_boundary()?;
        let data = self.contents_still(array.as_ref())?.data;
        if self.goes_apart(data.len()) {
            let data = bytes::new(data)?;
            self.save_bytes(data.as_ref())?;
        } else {
            self.save_data(data)?;
        }
        self.finish_array_state()
    }

    fn finish_array_state(&mut self) -> Result<()> {
        self.out.op(Opcode::Tuple);
        self.memoize_nothing()?;
        self.out.op(Opcode::Build);
        Ok(())
    }

    /// What saving a `PickleBuffer` comes to, of which nobody else knows.
    fn save_buffer_data(&mut self, data: &[u8], readonly: bool) -> Result<()> {
        let placement = if readonly {
            let header = self.out.bytes_header(data.len());
            header.map_err(|unwritable| self.unwritable(unwritable))?
        } else {
            self.out.bytearray_header(data.len())
        };
        self.out.payload(placement, data);
        self.memoize_nothing()
    }

    fn save_shape(&mut self, shape: &[isize]) -> Result<()> {
        self.cross_boundary()?;
        if shape.is_empty() {
            self.out.empty_tuple();
            return Ok(());
        }
        if shape.len() > 3 {
            self.out.op(Opcode::Mark);
        }
        for &part in shape {
            self.cross_boundary()?;
            self.out.int(part as i64);
        }
        self.out.op(Self::tuple_opcode(shape.len()));
        self.memoize_nothing()
    }
}
