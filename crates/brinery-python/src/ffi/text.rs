//! `str`.

use super::error::{self, Result};
use super::object::{Owned, Ref};
use pyo3_ffi::*;

/// The UTF-8 of a `str`, either the interpreter's own or encoded for us.
pub(crate) enum Utf8<'a> {
    Shared(&'a [u8]),
    /// Holds lone surrogates, which only the `surrogatepass` handler can encode.
    Encoded(Owned),
}

impl Utf8<'_> {
    #[inline(always)]
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Utf8::Shared(bytes) => bytes,
            Utf8::Encoded(bytes) => super::bytes::as_slice(bytes.as_ref()),
        }
    }
}

/// The contents of a `str` that is all ASCII, where the interpreter's layout is known.
#[cfg(Py_3_14)]
pub(crate) fn ascii(_: Ref<'_>) -> Option<&[u8]> {
    None
}

/// The contents of a `str` that is all ASCII, where the interpreter's layout is known.
#[cfg(not(Py_3_14))]
#[inline(always)]
pub(crate) fn ascii(text: Ref<'_>) -> Option<&[u8]> {
    // SAFETY: callers know that this is a str, ready as all are that Python code can reach; a compact ASCII one holds
    // its bytes inline, and they never change.
    unsafe {
        debug_assert!(PyUnicode_Check(text.as_ptr()) != 0);
        (PyUnicode_IS_COMPACT_ASCII(text.as_ptr()) != 0).then(|| {
            std::slice::from_raw_parts(
                PyUnicode_DATA(text.as_ptr()).cast(),
                PyUnicode_GET_LENGTH(text.as_ptr()) as usize,
            )
        })
    }
}

/// The UTF-8 of a `str`.
#[inline(always)]
pub(crate) fn utf8(text: Ref<'_>) -> Result<Utf8<'_>> {
    let mut len = 0;
    // SAFETY: callers know that this is a str. What the call returns is cached in the object and lives as long.
    unsafe {
        debug_assert!(PyUnicode_Check(text.as_ptr()) != 0);
        let data = PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut len);
        if !data.is_null() {
            return Ok(Utf8::Shared(std::slice::from_raw_parts(data.cast(), len as usize)));
        }
    }
    error::clear();
    // SAFETY: as above; the result is a new bytes object.
    unsafe {
        Owned::from_result(PyUnicode_AsEncodedString(
            text.as_ptr(),
            c"utf-8".as_ptr(),
            c"surrogatepass".as_ptr(),
        ))
        .map(Utf8::Encoded)
    }
}

/// A new `str` of UTF-8 in which lone surrogates may be encoded.
pub(crate) fn decode(utf8: &[u8]) -> Result<Owned> {
    let len = utf8.len() as Py_ssize_t;
    // SAFETY: pointer and length describe readable memory.
    unsafe { Owned::from_result(PyUnicode_DecodeUTF8(utf8.as_ptr().cast(), len, c"surrogatepass".as_ptr())) }
}

/// Whether a `str` has exactly this text.
pub(crate) fn equals(text: Ref<'_>, other: &str) -> bool {
    matches!(utf8(text), Ok(bytes) if bytes.as_slice() == other.as_bytes())
}

/// The code points of a `str`.
pub(crate) fn code_points(text: Ref<'_>) -> Result<impl Iterator<Item = u32>> {
    // SAFETY: callers know that this is a str; the result is a new bytes object.
    let encoded = unsafe {
        Owned::from_result(PyUnicode_AsEncodedString(
            text.as_ptr(),
            c"utf-32-le".as_ptr(),
            c"surrogatepass".as_ptr(),
        ))?
    };
    let points: Vec<u32> = super::bytes::as_slice(encoded.as_ref())
        .as_chunks::<4>()
        .0
        .iter()
        .map(|unit| u32::from_le_bytes(*unit))
        .collect();
    Ok(points.into_iter())
}

/// The code units of a `str`, as the interpreter holds them.
pub(crate) enum Units<'a> {
    /// Latin-1.
    One(&'a [u8]),
    /// Up to U+FFFF.
    Two(&'a [u16]),
    /// Any.
    Four(&'a [u32]),
}

/// The contents of a `str`, where the interpreter's layout is known.
#[cfg(Py_3_14)]
pub(crate) fn units(_: Ref<'_>) -> Option<Units<'_>> {
    None
}

/// The contents of a `str`, where the interpreter's layout is known.
#[cfg(not(Py_3_14))]
pub(crate) fn units(text: Ref<'_>) -> Option<Units<'_>> {
    use std::slice::from_raw_parts;
    // SAFETY: callers know that this is a str, ready as all are that Python code can reach. It has as many units of its
    // kind as its length says, which never change.
    unsafe {
        debug_assert!(PyUnicode_Check(text.as_ptr()) != 0);
        let data = PyUnicode_DATA(text.as_ptr());
        let len = PyUnicode_GET_LENGTH(text.as_ptr()) as usize;
        match PyUnicode_KIND(text.as_ptr()) {
            1 => Some(Units::One(from_raw_parts(data.cast(), len))),
            2 => Some(Units::Two(from_raw_parts(data.cast(), len))),
            4 => Some(Units::Four(from_raw_parts(data.cast(), len))),
            _ => None,
        }
    }
}

impl Units<'_> {
    /// Appends the UTF-8, with lone surrogates as the `surrogatepass` handler writes them.
    pub(crate) fn encode(&self, to: &mut Vec<u8>) {
        to.reserve(self.most());
        // SAFETY: there is room.
        unsafe {
            let end = self.encode_at(to.as_mut_ptr().add(to.len()));
            to.set_len(end.offset_from_unsigned(to.as_ptr()));
        }
    }

    /// How many bytes of UTF-8 there are at most.
    #[inline(always)]
    pub(crate) fn most(&self) -> usize {
        match self {
            Units::One(units) => units.len() * 2,
            Units::Two(units) => units.len() * 3,
            Units::Four(units) => units.len() * 4,
        }
    }

    /// The same as [`encode`](Self::encode) at an address; returns where it ends.
    ///
    /// # Safety
    ///
    /// There is room for as many bytes as there may be.
    #[inline(always)]
    pub(crate) unsafe fn encode_at(&self, to: *mut u8) -> *mut u8 {
        // SAFETY: by contract.
        unsafe {
            match self {
                Units::One(units) => encode(units, to),
                Units::Two(units) => encode(units, to),
                Units::Four(units) => encode(units, to),
            }
        }
    }
}

/// Writes the UTF-8 of units; returns where it ends.
unsafe fn encode<U: Copy + Into<u32>>(units: &[U], to: *mut u8) -> *mut u8 {
    let mut end = to;
    // SAFETY: callers have made sure that there is room for the widest spelling of all units.
    unsafe {
        for &unit in units {
            let unit: u32 = unit.into();
            let low = |shift: u32| 0x80 | (unit >> shift & 0x3f) as u8;
            if unit < 0x80 {
                *end = unit as u8;
                end = end.add(1);
            } else if unit < 0x800 {
                end.cast::<[u8; 2]>().write_unaligned([0xc0 | (unit >> 6) as u8, low(0)]);
                end = end.add(2);
            } else if unit < 0x10000 {
                end.cast::<[u8; 3]>().write_unaligned([0xe0 | (unit >> 12) as u8, low(6), low(0)]);
                end = end.add(3);
            } else {
                let bytes = [0xf0 | (unit >> 18) as u8, low(12), low(6), low(0)];
                end.cast::<[u8; 4]>().write_unaligned(bytes);
                end = end.add(4);
            }
        }
    }
    end
}
