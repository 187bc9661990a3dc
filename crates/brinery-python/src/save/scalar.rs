//! Objects without parts: numbers, text, bytes, buffers.

use super::Dump;
use crate::ffi::api::*;
use crate::ffi::buffer::View;
use crate::ffi::{Owned, Raised, Ref, Result, bytes, error, layout, text};
use brinery::Opcode;
use brinery::write::{Placement, Unwritable};

unsafe extern "C" {
    /// Declared by CPython's `picklebufobject.h`.
    static mut PyPickleBuffer_Type: PyTypeObject;
    fn PyPickleBuffer_GetBuffer(object: *mut PyObject) -> *const Py_buffer;
    fn PyPickleBuffer_FromObject(object: *mut PyObject) -> *mut PyObject;
}

/// How long text may be that takes the short way, in bytes: less than what is written apart.
pub(super) const SHORT: usize = 4096;

/// The type `pickle.PickleBuffer`.
#[inline(always)]
pub(crate) fn pickle_buffer_type() -> *mut PyTypeObject {
    &raw mut PyPickleBuffer_Type
}

/// `PickleBuffer(object)`
pub(super) fn pickle_buffer(object: Ref<'_>) -> Result<Owned> {
    // SAFETY: the object is alive.
    unsafe { Owned::from_result(PyPickleBuffer_FromObject(object.as_ptr())) }
}

impl Dump<'_> {
    /// Raises what the emitter refuses.
    #[cold]
    pub(super) fn unwritable(&self, unwritable: Unwritable) -> Raised {
        match unwritable {
            Unwritable::LargeBytes | Unwritable::LargeText | Unwritable::LargeInt => {
                error::overflow_error(&unwritable.to_string())
            }
            _ => self.state.pickling_error(&unwritable.to_string()),
        }
    }

    #[inline(always)]
    pub(super) fn save_int(&mut self, object: Ref<'_>) -> Result<()> {
        if let Some(value) = layout::int::value(object) {
            self.out.int(value);
            return Ok(());
        }
        self.save_big_int(object)
    }

    #[inline(never)]
    fn save_big_int(&mut self, object: Ref<'_>) -> Result<()> {
        if self.out.protocol() >= 2 {
            let mut bytes = std::mem::take(&mut self.scratch);
            int_bytes(object, &mut bytes)?;
            let result = self.out.long(&bytes).map_err(|unwritable| self.unwritable(unwritable));
            bytes.clear();
            self.scratch = bytes;
            return result;
        }
        // SAFETY: the object is an int, whose repr is ASCII.
        let digits = unsafe { Owned::from_result(PyObject_Repr(object.as_ptr()))? };
        self.out.long_decimal(text::utf8(digits.as_ref())?.as_slice());
        Ok(())
    }

    #[inline(always)]
    pub(super) fn save_float(&mut self, object: Ref<'_>) {
        // SAFETY: the object is a float.
        self.out.float(unsafe { PyFloat_AS_DOUBLE(object.as_ptr()) });
    }

    /// The contents of text that takes the short way: it cannot fail, and the memo takes it at once.
    #[inline(always)]
    pub(super) fn short_ascii<'a>(&self, object: Ref<'a>) -> Option<&'a [u8]> {
        if self.out.protocol() == 0 || self.is_fast() {
            return None;
        }
        text::ascii(object).filter(|ascii| ascii.len() <= SHORT)
    }

    #[inline(always)]
    pub(super) fn save_str(&mut self, object: Ref<'_>, single: bool) -> Result<()> {
        if let Some(ascii) = self.short_ascii(object) {
            self.out.short_text(ascii);
            return self.memoize_held(object, single);
        }
        self.save_any_str(object, single)
    }

    #[inline(never)]
    pub(super) fn save_any_str(&mut self, object: Ref<'_>, single: bool) -> Result<()> {
        if self.out.protocol() == 0 {
            // Encoding may fail on the way, and an exception may run finalizers.
            self.settle();
            self.out.unicode_line(text::code_points(object)?);
            return self.memoize(object);
        }
        if let Some(ascii) = text::ascii(object) {
            return self.save_utf8(object, single, ascii);
        }
        if let Some(units) = text::units(object) {
            let mut scratch = std::mem::take(&mut self.scratch);
            units.encode(&mut scratch);
            let result = self.save_utf8(object, single, &scratch);
            scratch.clear();
            self.scratch = scratch;
            return result;
        }
        self.settle();
        let utf8 = text::utf8(object)?;
        self.save_utf8(object, false, utf8.as_slice())
    }

    fn save_utf8(&mut self, object: Ref<'_>, single: bool, data: &[u8]) -> Result<()> {
        let header = self.out.text_header(data.len());
        match header.map_err(|unwritable| self.unwritable(unwritable))? {
            Placement::Inline => {
                self.out.raw(data);
                self.memoize_held(object, single)
            }
            Placement::Apart => {
                // Writing to a file runs foreign code, which may drop the last reference to the text.
                let _keep = object.to_owned();
                self.write_apart(data, || bytes::new(data))?;
                self.memoize(object)
            }
        }
    }

    /// Bytes of up to 255, if the protocol knows bytes.
    #[inline(always)]
    pub(super) fn save_short_bytes(&mut self, object: Ref<'_>, single: bool) -> Result<bool> {
        let data = bytes::as_slice(object);
        if self.out.protocol() < 3 || data.len() > 0xff {
            return Ok(false);
        }
        self.out.short_bytes(data);
        self.memoize_held(object, single)?;
        Ok(true)
    }

    pub(super) fn save_bytes(&mut self, object: Ref<'_>) -> Result<()> {
        if self.out.protocol() >= 3 {
            let data = bytes::as_slice(object);
            return self.save_bytes_data(object, data, || Ok(object.to_owned()));
        }
        self.settle();
        // Older protocols know no bytes. Python 2 has them as the result of encoding text, and so has Python 3.
        let reduced = if bytes::as_slice(object).is_empty() {
            // SAFETY: the type `bytes` lives as long as the interpreter.
            let kind = unsafe { Ref::new((&raw mut PyBytes_Type).cast()) };
            Owned::tuple(&[kind, Owned::tuple(&[])?.as_ref()])?
        } else {
            let data = bytes::as_slice(object);
            // SAFETY: pointer and length describe readable memory.
            let latin1 = unsafe {
                Owned::from_result(PyUnicode_DecodeLatin1(
                    data.as_ptr().cast(),
                    data.len() as Py_ssize_t,
                    std::ptr::null(),
                ))?
            };
            let args = Owned::tuple(&[latin1.as_ref(), self.state.names.latin1.as_ref()])?;
            Owned::tuple(&[self.state.codecs_encode.as_ref(), args.as_ref()])?
        };
        self.save_reduced(reduced.as_ref(), Some(object))
    }

    pub(super) fn save_bytearray(&mut self, object: Ref<'_>) -> Result<()> {
        // A view keeps the bytearray from being resized by whoever writes to a file.
        let view = if self.write.is_some() || self.out.protocol() < 5 {
            Some(View::with_flags(object, PyBUF_FULL_RO)?)
        } else {
            None
        };
        let data = match &view {
            Some(view) => view.as_slice(),
            // SAFETY: the object is a bytearray, which nobody can change until foreign code runs.
            None => unsafe {
                std::slice::from_raw_parts(
                    PyByteArray_AsString(object.as_ptr()).cast(),
                    PyByteArray_Size(object.as_ptr()) as usize,
                )
            },
        };
        if self.out.protocol() >= 5 {
            return self.save_bytearray_data(object, data, || Ok(object.to_owned()));
        }
        self.settle();
        // SAFETY: the type `bytearray` lives as long as the interpreter.
        let kind = unsafe { Ref::new((&raw mut PyByteArray_Type).cast()) };
        let args = if data.is_empty() {
            Owned::tuple(&[])?
        } else {
            // A new object even for a single byte, which has a singleton that the memo would know.
            // SAFETY: the object is alive.
            let copy = unsafe { Owned::from_result(PyBytes_FromObject(object.as_ptr()))? };
            Owned::tuple(&[copy.as_ref()])?
        };
        let reduced = Owned::tuple(&[kind, args.as_ref()])?;
        self.save_reduced(reduced.as_ref(), Some(object))
    }

    pub(super) fn save_pickle_buffer(&mut self, object: Ref<'_>) -> Result<()> {
        if self.hooks.buffer_callback.is_some() || self.write.is_some() {
            self.settle();
        }
        if self.out.protocol() < 5 {
            // The text was mended in 3.13.
            return Err(self.state.pickling_error(if cfg!(Py_3_13) {
                "PickleBuffer can only be pickled with protocol >= 5"
            } else {
                "PickleBuffer can only pickled with protocol >= 5"
            }));
        }
        // SAFETY: the object is a `PickleBuffer`, which is held, and whose view lives until it is released: only foreign
        // code can do that.
        let view = unsafe {
            let view = PyPickleBuffer_GetBuffer(object.as_ptr());
            if view.is_null() {
                return Err(Raised);
            }
            &*view
        };
        if !is_contiguous(view) {
            return Err(self
                .state
                .pickling_error("PickleBuffer can not be pickled when pointing to a non-contiguous buffer"));
        }
        let readonly = view.readonly != 0;
        let in_band = match &self.hooks.buffer_callback {
            Some(callback) => {
                let answer = callback.call1(object)?;
                !answer.is_none() && answer.is_true()?
            }
            None => true,
        };
        if !in_band {
            self.out.op(Opcode::NextBuffer);
            if readonly {
                self.out.op(Opcode::ReadonlyBuffer);
            }
            return Ok(());
        }
        // The callback may have released the buffer, and whoever writes to a file must not.
        let foreign = self.hooks.buffer_callback.is_some() || self.write.is_some();
        let own = if foreign { Some(View::with_flags(object, PyBUF_FULL_RO)?) } else { None };
        let data = match &own {
            Some(own) => own.as_slice(),
            None if view.buf.is_null() => &[],
            // SAFETY: the view covers so many bytes; an empty one may have no address.
            None => unsafe { std::slice::from_raw_parts(view.buf.cast(), view.len as usize) },
        };
        if readonly {
            self.save_bytes_data(object, data, || Ok(object.to_owned()))
        } else {
            self.save_bytearray_data(object, data, || Ok(object.to_owned()))
        }
    }

    fn save_bytes_data(
        &mut self,
        object: Ref<'_>,
        data: &[u8],
        payload: impl FnOnce() -> Result<Owned>,
    ) -> Result<()> {
        let header = self.out.bytes_header(data.len());
        match header.map_err(|unwritable| self.unwritable(unwritable))? {
            Placement::Inline => self.out.raw(data),
            Placement::Apart => self.write_apart(data, payload)?,
        }
        self.memoize(object)
    }

    fn save_bytearray_data(
        &mut self,
        object: Ref<'_>,
        data: &[u8],
        payload: impl FnOnce() -> Result<Owned>,
    ) -> Result<()> {
        match self.out.bytearray_header(data.len()) {
            Placement::Inline => self.out.raw(data),
            Placement::Apart => self.write_apart(data, payload)?,
        }
        self.memoize(object)
    }
}

/// The two's complement of a big int, little-endian.
fn int_bytes(object: Ref<'_>, bytes: &mut Vec<u8>) -> Result<()> {
    if layout::int::append_bytes(object, bytes) {
        return Ok(());
    }
    #[cfg(Py_3_13)]
    // SAFETY: as many bytes are written at most as there are. The call tells how many it would need, which may be one
    // more than the number has.
    unsafe {
        let flags = Py_ASNATIVEBYTES_LITTLE_ENDIAN;
        bytes.resize(64, 0);
        loop {
            let len = bytes.len();
            let needed =
                PyLong_AsNativeBytes(object.as_ptr(), bytes.as_mut_ptr().cast(), len as isize, flags);
            if needed < 0 {
                return Err(Raised);
            }
            bytes.resize(needed as usize, 0);
            if needed as usize <= len {
                return Ok(());
            }
        }
    }
    #[cfg(not(Py_3_13))]
    // SAFETY: as many bytes are written as there are; one bit more than the magnitude has holds the sign.
    unsafe {
        unsafe extern "C" {
            fn _PyLong_NumBits(v: *mut PyObject) -> usize;
        }
        let bits = _PyLong_NumBits(object.as_ptr());
        if bits == usize::MAX && error::occurred() {
            return Err(Raised);
        }
        bytes.resize(bits / 8 + 1, 0);
        crate::ffi::check(_PyLong_AsByteArray(object.as_ptr().cast(), bytes.as_mut_ptr(), bytes.len(), 1, 1))
    }
}

/// Whether the bytes of a view follow each other, in whichever order of its dimensions.
fn is_contiguous(view: &Py_buffer) -> bool {
    if !view.suboffsets.is_null() {
        return false;
    }
    // SAFETY: the view is live, and has as many strides as dimensions, if it has any.
    unsafe {
        let in_a_row = view.ndim == 1 && !view.strides.is_null() && *view.strides == view.itemsize;
        in_a_row || PyBuffer_IsContiguous(view, b'A' as _) != 0
    }
}
