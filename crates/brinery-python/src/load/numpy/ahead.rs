//! Arrays whose whole state lies ahead of the call that makes them.
//!
//! A stream makes an empty array, and then gives it a shape, a dtype and its memory, for which it makes two tuples and a bytes
//! object. Where all that can be read off the bytes ahead, numpy makes the array once, as it is in the end.

use super::{Facts, Known, Numpy, OBJECT, TEXTS, VOID};
use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result};
use brinery::Opcode;
use std::ffi::{c_int, c_void};
use std::ptr;

const MEMOIZE: u8 = Opcode::Memoize.byte();
const REDUCE: u8 = Opcode::Reduce.byte();
const BUILD: u8 = Opcode::Build.byte();
const MARK: u8 = Opcode::Mark.byte();
const BININT: u8 = Opcode::BinInt.byte();
const BININT1: u8 = Opcode::BinInt1.byte();
const BININT2: u8 = Opcode::BinInt2.byte();
const BINGET: u8 = Opcode::BinGet.byte();
const LONG_BINGET: u8 = Opcode::LongBinGet.byte();
const EMPTY_TUPLE: u8 = Opcode::EmptyTuple.byte();
const TUPLE1: u8 = Opcode::Tuple1.byte();
const TUPLE3: u8 = Opcode::Tuple3.byte();
const TUPLE: u8 = Opcode::Tuple.byte();
const NEWTRUE: u8 = Opcode::NewTrue.byte();
const NEWFALSE: u8 = Opcode::NewFalse.byte();
const SHORT_BINBYTES: u8 = Opcode::ShortBinBytes.byte();
const BINBYTES: u8 = Opcode::BinBytes.byte();

/// Numpy copies memory up to this size. An array that is larger keeps the bytes object that the stream has made.
const MOST_COPIED: usize = 1000;

/// Shapes of more dimensions are made the usual way.
const MOST: usize = 3;

pub(crate) type MakeArray = unsafe extern "C" fn(
    *mut PyTypeObject,
    *mut PyObject,
    c_int,
    *const isize,
    *const isize,
    *mut c_void,
    c_int,
    *mut PyObject,
) -> *mut PyObject;

/// Asks for memory in the order of Fortran.
const F_CONTIGUOUS: c_int = 2;

/// An array, as numpy's headers publish it, up to what is of interest.
#[repr(C)]
struct Array {
    base: PyObject,
    data: *mut c_void,
}

/// The call that makes an array, and its state: `MEMOIZE`, `REDUCE`, `MEMOIZE` and the opcodes up to and with `BUILD`.
#[derive(Debug)]
pub(crate) struct ArrayAhead<'s> {
    lengths: [isize; MOST],
    dimensions: usize,
    /// Where in the memo the dtype is.
    pub(crate) dtype: u64,
    fortran: bool,
    data: &'s [u8],
    /// How many bytes the opcodes have.
    pub(crate) len: usize,
}

/// What has not been read of the bytes ahead.
struct Reader<'s>(&'s [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn expect<const N: usize>(&mut self, opcodes: [u8; N]) -> Option<()> {
        (self.take()? == opcodes).then_some(())
    }

    fn opcode(&mut self) -> Option<u8> {
        self.take().map(|[opcode]| opcode)
    }

    /// The lengths of a shape and how many there are.
    fn shape(&mut self) -> Option<([isize; MOST], usize)> {
        let (mut lengths, mut count) = ([0; MOST], 0);
        loop {
            let length = match self.opcode()? {
                BININT1 => self.take().map(|[length]| isize::from(length))?,
                BININT2 => {
                    self.take().map(u16::from_le_bytes).and_then(|length| isize::try_from(length).ok())?
                }
                BININT => {
                    self.take().map(i32::from_le_bytes).and_then(|length| isize::try_from(length).ok())?
                }
                EMPTY_TUPLE if count == 0 => return Some((lengths, 0)),
                tuple @ TUPLE1..=TUPLE3 if usize::from(tuple - TUPLE1) + 1 == count => {
                    self.expect([MEMOIZE])?;
                    return Some((lengths, count));
                }
                _ => return None,
            };
            *lengths.get_mut(count).filter(|_| length >= 0)? = length;
            count += 1;
        }
    }
}

impl<'s> ArrayAhead<'s> {
    /// Reads what is ahead, if it is that.
    pub(crate) fn read(ahead: &'s [u8]) -> Option<Self> {
        let mut reader = Reader(ahead);
        reader.expect([MEMOIZE, REDUCE, MEMOIZE, MARK, BININT1, 1])?;
        let (lengths, dimensions) = reader.shape()?;
        let dtype = match reader.opcode()? {
            BINGET => reader.take().map(|[index]| u64::from(index))?,
            LONG_BINGET => reader.take().map(u32::from_le_bytes).map(u64::from)?,
            _ => return None,
        };
        let fortran = match reader.opcode()? {
            NEWTRUE => true,
            NEWFALSE => false,
            _ => return None,
        };
        let len = match reader.opcode()? {
            SHORT_BINBYTES => reader.take().map(|[len]| usize::from(len))?,
            BINBYTES => reader.take().map(u32::from_le_bytes).and_then(|len| usize::try_from(len).ok())?,
            _ => return None,
        };
        // Of what has no items the strides are others.
        let (data, rest) = reader.0.split_at_checked(len).filter(|_| (1..=MOST_COPIED).contains(&len))?;
        reader.0 = rest;
        reader.expect([MEMOIZE, TUPLE, MEMOIZE, BUILD])?;
        Some(ArrayAhead { lengths, dimensions, dtype, fortran, data, len: ahead.len() - reader.0.len() })
    }

    /// How many objects it stores in the memo after the array itself.
    pub(crate) fn stored_after(&self) -> usize {
        if self.dimensions == 0 { 2 } else { 3 }
    }

    /// How much memory a copy takes of what it gives the array.
    pub(crate) fn size(&self) -> usize {
        self.data.len()
    }
}

impl Numpy {
    /// What the call of a function with these arguments makes, with such a state of this dtype.
    pub(crate) fn array_ahead(
        &mut self,
        function: Ref<'_>,
        args: &[Ref<'_>],
        dtype: Ref<'_>,
        array: &ArrayAhead<'_>,
    ) -> Option<Result<Owned>> {
        let &[class, shape, code] = args else { return None };
        let known = self.known()?;
        if !known.reconstruct.as_ref().is_some_and(|known| known.is(function))
            || !known.makes_empty(class, shape, code)
        {
            return None;
        }
        known.array_of(dtype, array)
    }
}

impl Known {
    fn array_of(&self, dtype: Ref<'_>, array: &ArrayAhead<'_>) -> Option<Result<Owned>> {
        let Facts { number, size, native, .. } = self.facts(dtype)?;
        let lengths = &array.lengths[..array.dimensions];
        let whole = lengths.iter().try_fold(1u64, |count, length| count.checked_mul(*length as u64));
        let plain = number != OBJECT && number != VOID && !(TEXTS.contains(&number) && size == 0);
        if !plain || whole?.checked_mul(size)? != array.data.len() as u64 || !native {
            return None;
        }
        let flags = if array.fortran { F_CONTIGUOUS } else { 0 };
        // SAFETY: all objects are alive; the call takes a reference of the dtype, and does not keep the lengths. The array has as much
        // memory as there are items of the dtype, which is plain; nobody else has it.
        Some(unsafe {
            Owned::from_result((self.make_array)(
                self.array,
                dtype.to_owned().into_ptr(),
                array.dimensions as c_int,
                lengths.as_ptr(),
                ptr::null(),
                ptr::null_mut(),
                flags,
                ptr::null_mut(),
            ))
            .inspect(|made| {
                let memory = (*made.as_ptr().cast::<Array>()).data;
                ptr::copy_nonoverlapping(array.data.as_ptr(), memory.cast(), array.data.len());
            })
        })
    }
}
