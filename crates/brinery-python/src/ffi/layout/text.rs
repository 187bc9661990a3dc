//! `str` and `bytes`.
//!
//! A `str` of ASCII is a header, of which nothing but the length differs, and the characters with a NUL behind them.

use super::{Heap, Layout};
use crate::ffi::utf8::{Few, SHORT};
use crate::ffi::{Owned, Result, utf8};
use pyo3_ffi::*;
use std::ptr;

/// The header of a `str` of ASCII that nothing refers to yet.
pub(super) struct Texts {
    head: [u64; 6],
    /// How many bytes of it there are.
    len: usize,
    /// Those of one character, which are the interpreter's own.
    chars: Vec<Owned>,
}

impl Texts {
    /// `None` if the interpreter's strings look different.
    pub(super) fn new() -> Result<Option<Self>> {
        // SAFETY: new strings, read within their size; their characters are written before anything else sees them.
        unsafe {
            let mut heads = [[0u64; 6]; 2];
            let mut len = 0;
            for (head, size) in heads.iter_mut().zip([5, 9]) {
                let text = Owned::from_result(PyUnicode_New(size, 0x7f))?;
                let data = PyUnicode_DATA(text.as_ptr());
                len = data.addr() - text.as_ptr().addr();
                if !matches!(len, 40 | 48) {
                    return Ok(None);
                }
                ptr::copy_nonoverlapping(text.as_ptr().cast::<u8>(), head.as_mut_ptr().cast(), len);
                ptr::write_bytes(data.cast::<u8>(), b'a', size as usize);
                // What lies behind the eight flags is padding.
                head[4] &= 0xff;
                if head[0] != 1 || head[1] != (&raw mut PyUnicode_Type).addr() as u64 || head[3] != u64::MAX {
                    return Ok(None);
                }
                if head[2] != size as u64 {
                    return Ok(None);
                }
                head[2] = 0;
            }
            let chars = (0..0x80).map(|char| Owned::from_result(PyUnicode_FromOrdinal(char)));
            let chars = chars.collect::<Result<_>>()?;
            Ok((heads[0] == heads[1]).then_some(Texts { head: heads[0], len, chars }))
        }
    }
}

/// Whether up to 32 bytes are ASCII, and the bytes in words that may overlap.
#[derive(Clone, Copy)]
enum Short {
    /// 16 to 32 bytes
    Words16(u128, u128),
    /// 8 to 15
    Words8(u64, u64),
    /// 4 to 7
    Words4(u32, u32),
    /// 2 and 3
    Words2(u16, u16),
}

impl Short {
    /// `None` if the bytes are not ASCII, or fewer than two or more than 32.
    #[inline(always)]
    fn of(bytes: &[u8]) -> Option<Self> {
        if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
            let (head, tail) = (u128::from_ne_bytes(*head), u128::from_ne_bytes(*tail));
            let ascii = (head | tail) & (u128::MAX / 0xff * 0x80) == 0;
            return (ascii && bytes.len() <= 32).then_some(Short::Words16(head, tail));
        }
        if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
            let (head, tail) = (u64::from_ne_bytes(*head), u64::from_ne_bytes(*tail));
            return ((head | tail) & (u64::MAX / 0xff * 0x80) == 0).then_some(Short::Words8(head, tail));
        }
        if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
            let (head, tail) = (u32::from_ne_bytes(*head), u32::from_ne_bytes(*tail));
            return ((head | tail) & (u32::MAX / 0xff * 0x80) == 0).then_some(Short::Words4(head, tail));
        }
        let (head, tail) = (bytes.first_chunk()?, bytes.last_chunk()?);
        let (head, tail) = (u16::from_ne_bytes(*head), u16::from_ne_bytes(*tail));
        ((head | tail) & 0x8080 == 0).then_some(Short::Words2(head, tail))
    }

    /// Writes the `len` bytes that this was made of.
    ///
    /// # Safety
    ///
    /// There is room for them.
    #[inline(always)]
    unsafe fn write(self, target: *mut u8, len: usize) {
        // SAFETY: by contract; the two words lie within the bytes.
        unsafe {
            match self {
                Short::Words16(head, tail) => {
                    target.cast::<u128>().write_unaligned(head);
                    target.add(len - 16).cast::<u128>().write_unaligned(tail);
                }
                Short::Words8(head, tail) => {
                    target.cast::<u64>().write_unaligned(head);
                    target.add(len - 8).cast::<u64>().write_unaligned(tail);
                }
                Short::Words4(head, tail) => {
                    target.cast::<u32>().write_unaligned(head);
                    target.add(len - 4).cast::<u32>().write_unaligned(tail);
                }
                Short::Words2(head, tail) => {
                    target.cast::<u16>().write_unaligned(head);
                    target.add(len - 2).cast::<u16>().write_unaligned(tail);
                }
            }
        }
    }
}

impl Layout {
    /// A `str` of UTF-8 in which lone surrogates may be encoded.
    #[inline(never)]
    pub(crate) fn text(&self, heap: Heap, text: &[u8]) -> Result<Owned> {
        if let Some(short) = Short::of(text) {
            // SAFETY: the room for the text has its length.
            return self.text_of(&heap, text.len(), |target| unsafe { short.write(target, text.len()) });
        }
        if text.len() > 32 && text.is_ascii() {
            // SAFETY: as above.
            return self.text_of(&heap, text.len(), |target| unsafe {
                ptr::copy_nonoverlapping(text.as_ptr(), target, text.len());
            });
        }
        if let [char] = text
            && let Some(text) = self.texts.chars.get(usize::from(*char))
        {
            return Ok(text.clone());
        }
        match from_valid_utf8(text) {
            Some(text) => text,
            None => crate::ffi::text::decode(text),
        }
    }

    #[inline(always)]
    fn text_of(&self, heap: &Heap, len: usize, fill: impl FnOnce(*mut u8)) -> Result<Owned> {
        let Texts { head, len: head_len, .. } = self.texts;
        // SAFETY: header, characters and NUL fit the memory. A length is that of a slice and does not overflow.
        unsafe {
            let object = heap.allocate(head_len + len + 1);
            if !object.is_null() {
                object.write(head[0]);
                object.add(1).write(head[1]);
                object.add(2).write(len as u64);
                object.add(3).write(head[3]);
                object.add(4).write(head[4]);
                if head_len == 48 {
                    object.add(5).write(head[5]);
                }
                let data = object.cast::<u8>().add(head_len);
                data.add(len).write(0);
                fill(data);
            }
            Owned::from_result(object.cast())
        }
    }
}

/// A `str` of UTF-8 that is not all ASCII; `None` if it is not valid, which the interpreter may see in another way.
#[inline(never)]
fn from_valid_utf8(text: &[u8]) -> Option<Result<Owned>> {
    if text.len() <= SHORT {
        let mut chars = [0; SHORT];
        let few = Few::of(text, &mut chars)?;
        return new(few.len(), few.limit(), |room| {
            // SAFETY: the characters are no larger than the limit, and there is room for all.
            unsafe {
                match room {
                    Room::One(target) => few.write(target),
                    Room::Two(target) => few.write(target),
                    Room::Four(target) => few.write(target),
                }
            }
        });
    }
    if simdutf8::basic::from_utf8(text).is_err() {
        return None;
    }
    // The first byte of a character tells how large it is, and is larger than all that follow it.
    let (largest, len) = utf8::survey(text);
    let limit = match largest {
        ..0x80 => 0x7f,
        0x80..0xc4 => 0xff,
        0xc4..0xf0 => 0xffff,
        _ => 0x10_ffff,
    };
    new(len, limit, |room| {
        // SAFETY: as above; the text is valid.
        unsafe {
            match room {
                Room::One(target) => utf8::write(text, target, len),
                Room::Two(target) => utf8::write(text, target, len),
                Room::Four(target) => utf8::write(text, target, len),
            }
        }
    })
}

/// Where the characters of a new `str` go.
enum Room {
    One(*mut u8),
    Two(*mut u16),
    Four(*mut u32),
}

/// A `str` of so many characters up to a limit, which `fill` writes, as wide as the limit asks for; `None` if it is ASCII, or of
/// no more than one character: the interpreter has some of those.
#[inline(always)]
fn new(len: usize, limit: u32, fill: impl FnOnce(Room)) -> Option<Result<Owned>> {
    if limit < 0x80 || len < 2 {
        return None;
    }
    // SAFETY: nothing sees the new string before its characters are written.
    let object = unsafe { Owned::from_result(PyUnicode_New(len as Py_ssize_t, limit)) };
    let Ok(object) = object else { return Some(object) };
    // SAFETY: the object is a string.
    let data = unsafe { PyUnicode_DATA(object.as_ptr()) };
    fill(match limit {
        ..=0xff => Room::One(data.cast()),
        0x100..=0xffff => Room::Two(data.cast()),
        _ => Room::Four(data.cast()),
    });
    Some(Ok(object))
}
