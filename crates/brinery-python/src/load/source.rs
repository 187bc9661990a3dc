//! The bytes of a Python file object.

use crate::ffi::api::*;
use crate::ffi::buffer::View;
use crate::ffi::{Owned, Raised, Ref, Result, bytes, error};
use crate::state::{State, import};
use brinery::read::{Chunk, ReadError, ReadResult, Source};
use std::ptr;

/// How much a peek asks for.
const PEEK: usize = 128 << 10;

/// How much is believed at once of a length that the stream claims. The next piece may be as large as all before.
const PIECE: usize = 1 << 20;

/// From how many bytes on an object is large.
const LARGE: usize = 4 << 10;

/// Up to how many bytes a bytes object is copied from where the file has put them.
const COPIED: usize = 256 << 10;

/// What is known of a file beyond its methods.
enum Kind {
    /// Exactly `io.BytesIO`: no `peek`, but its contents can be had. The names of the methods for that.
    BytesIo {
        getvalue: Owned,
        tell: Owned,
        seek: Owned,
    },
    /// Exactly `io.BufferedReader`: `read` allocates what it is asked for, and there may be a size to compare with.
    BufferedReader,
    Other,
}

/// A file, and its methods that a load uses.
pub(crate) struct File {
    file: Owned,
    kind: Kind,
    pub(crate) read: Owned,
    pub(crate) readline: Owned,
    pub(crate) readinto: Option<Owned>,
    pub(crate) peek: Option<Owned>,
}

/// Makes sure that an object is a file.
pub(crate) fn must_be_file(state: &State, object: Ref<'_>) -> Result<()> {
    for name in [&state.names.read, &state.names.readline] {
        if object.lookup_attr(name.as_ref())?.is_none() {
            return Err(no_file());
        }
    }
    Ok(())
}

#[cold]
fn no_file() -> Raised {
    error::type_error("file must have 'read' and 'readline' attributes")
}

impl File {
    pub(crate) fn new(state: &State, file: Ref<'_>) -> Result<Self> {
        let names = &state.names;
        let peek = file.lookup_attr(names.peek.as_ref())?;
        let readinto = file.lookup_attr(names.readinto.as_ref())?;
        let read = file.lookup_attr(names.read.as_ref())?;
        let readline = file.lookup_attr(names.readline.as_ref())?;
        match (read, readline) {
            (Some(read), Some(readline)) => {
                let kind = if file.type_ref().is(state.files.bytes_io.as_ref()) {
                    let [getvalue, tell, seek] =
                        [&names.getvalue, &names.tell, &names.seek].map(Owned::clone);
                    Kind::BytesIo { getvalue, tell, seek }
                } else if file.type_ref().is(state.files.buffered_reader.as_ref()) {
                    Kind::BufferedReader
                } else {
                    Kind::Other
                };
                Ok(File { file: file.to_owned(), kind, read, readline, readinto, peek })
            }
            _ => Err(no_file()),
        }
    }

    /// `file.name(*args)`
    fn call<const N: usize>(&self, name: &Owned, args: [Ref<'_>; N]) -> Result<Owned> {
        let mut vector = [ptr::null_mut(); 4];
        vector[0] = self.file.as_ptr();
        for (slot, arg) in vector[1..].iter_mut().zip(&args) {
            *slot = arg.as_ptr();
        }
        // SAFETY: the vector holds the object and its arguments, which are alive.
        unsafe {
            let called = PyObject_VectorcallMethod(name.as_ptr(), vector.as_ptr(), N + 1, ptr::null_mut());
            Owned::from_result(called)
        }
    }

    /// Whether `len` more bytes are known to be there, so that a read may be asked for all of them at once.
    fn surely_has(&self, len: usize) -> bool {
        match self.kind {
            // Its `read` allocates no more than there is.
            Kind::BytesIo { .. } => true,
            Kind::BufferedReader => {
                let size = || -> Result<usize> {
                    let descriptor = self.call(&Owned::interned("fileno")?, [])?;
                    let status = import("os")?
                        .getattr(Owned::interned("fstat")?.as_ref())?
                        .call1(descriptor.as_ref())?;
                    index(&status.getattr(Owned::interned("st_size")?.as_ref())?)
                };
                let position = || index(&self.call(&Owned::interned("tell")?, [])?);
                let rest = size().and_then(|size| Ok(size.saturating_sub(position()?)));
                error::clear();
                rest.is_ok_and(|rest| len <= rest)
            }
            Kind::Other => false,
        }
    }
}

/// A size or position that a file has told.
fn index(number: &Owned) -> Result<usize> {
    // SAFETY: the object is alive; an exception shows as -1.
    usize::try_from(unsafe { PyLong_AsSsize_t(number.as_ptr()) }).map_err(|_| {
        if error::occurred() { Raised } else { error::value_error("a file told a negative position") }
    })
}

/// A [`Source`] over a file object.
///
/// It never takes more from a file than the stream needs: a piece of a known length is read exactly, and what is
/// looked at ahead is peeked at and then skipped. All bytes are in `window`, of which the part up to `taken` has
/// really been read from the file and the rest only peeked at.
///
/// Code that runs during a load, and may look at the file or read on from it, finds it where `_pickle` would have it: a
/// file that can be peeked at stands where it was peeked at last, any other right behind what was consumed or, within a
/// frame, behind the frame. A `BytesIO`, which `_pickle` reads bit by bit, is [brought there](Source::catch_up) before
/// such code runs.
pub(crate) struct FileSource {
    file: File,
    window: Owned,
    /// The bytes of the window.
    data: *const [u8],
    /// The next byte in the window.
    position: usize,
    taken: usize,
    /// The offset of the window in the stream.
    base: u64,
    /// Whether the window is the contents of a `BytesIO`, which stands before what was consumed.
    shared: bool,
    /// Where in the window the last frame ends.
    framed: usize,
}

/// The core's name for an exception that is set.
fn raised(_: Raised) -> ReadError {
    ReadError::Raised
}

impl FileSource {
    pub(crate) fn new(file: File) -> Result<Self> {
        let window = bytes::new(b"")?;
        let data = ptr::from_ref(bytes::as_slice(window.as_ref()));
        Ok(FileSource { file, window, data, position: 0, taken: 0, base: 0, shared: false, framed: 0 })
    }

    /// Starts a stream: offsets count from here.
    pub(crate) fn start(&mut self) {
        self.base = 0u64.wrapping_sub(self.position as u64);
    }

    /// The methods of the file, for the collector.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &Owned> {
        let File { file, kind: _, read, readline, readinto, peek } = &self.file;
        [Some(file), Some(read), Some(readline), readinto.as_ref(), peek.as_ref()].into_iter().flatten()
    }

    #[inline(always)]
    fn data(&self) -> &[u8] {
        // SAFETY: the memory belongs to the window, a bytes object that is alive and does not change.
        unsafe { &*self.data }
    }

    #[inline(always)]
    fn rest(&self) -> &[u8] {
        &self.data()[self.position..]
    }

    fn set_window(&mut self, window: Owned, taken: usize) {
        self.base = self.offset();
        self.data = ptr::from_ref(bytes::as_slice(window.as_ref()));
        self.window = window;
        self.position = 0;
        self.taken = taken;
        (self.shared, self.framed) = (false, 0);
    }

    /// Makes the file stand right behind what was consumed or taken, and forgets what was only peeked at.
    /// Returns how much was taken and not consumed.
    fn settle(&mut self) -> Result<usize> {
        if self.position > self.taken {
            self.pass_over(self.position - self.taken)?;
            self.taken = self.position;
        }
        Ok(self.taken - self.position)
    }

    /// Puts a `BytesIO` where `_pickle` would have it, and keeps no more of its contents than the rest of the frame.
    fn leave_contents(&mut self) -> Result<()> {
        self.shared = false;
        let ahead = self.position.max(self.framed);
        let skipped = ahead - self.taken;
        self.taken = ahead;
        self.data = ptr::from_ref(&bytes::as_slice(self.window.as_ref())[..ahead]);
        if skipped == 0 { Ok(()) } else { self.pass_over(skipped) }
    }

    /// Skips what was looked at only.
    fn pass_over(&self, len: usize) -> Result<()> {
        if let Kind::BytesIo { seek, .. } = &self.file.kind {
            // Relative to where it stands.
            let (len, whence) = (Owned::int(len as i64)?, Owned::int(1)?);
            self.file.call(seek, [len.as_ref(), whence.as_ref()]).map(drop)
        } else {
            self.call_read(len).map(drop)
        }
    }

    /// The bytes taken and not consumed, after [`settle`](Self::settle).
    fn taken_rest(&self) -> &[u8] {
        &self.rest()[..self.taken - self.position]
    }

    /// `file.read(len)`, whatever it answers.
    fn call_read(&self, len: usize) -> Result<Owned> {
        self.file.read.call1(Owned::int(len as i64)?.as_ref())
    }

    /// `file.read(len)` as bytes.
    fn read(&self, len: usize) -> Result<Owned> {
        into_bytes(self.call_read(len)?)
    }

    /// Peeks so that the window holds at least `len` bytes; whether that worked.
    fn peek(&mut self, len: usize) -> Result<bool> {
        if let Kind::BytesIo { getvalue, tell, .. } = &self.file.kind {
            let (value, position) = (self.file.call(getvalue, [])?, index(&self.file.call(tell, [])?)?);
            if value.as_ref().has_holders(1) {
                // Somebody has a view of the contents, so that this is a copy of them: one is enough.
                self.file.kind = Kind::Other;
            }
            return Ok(self.share_contents(value, position, len));
        }
        let Some(peek) = self.file.peek.as_ref().filter(|_| len < PEEK) else { return Ok(false) };
        match peek.call1(Owned::int(PEEK as i64)?.as_ref()) {
            Ok(data) => {
                let data = into_bytes(data)?;
                let enough = bytes::as_slice(data.as_ref()).len() >= len;
                if enough {
                    self.set_window(data, 0);
                }
                Ok(enough)
            }
            Err(Raised) => {
                // SAFETY: the interpreter's exception classes are alive as long as it is.
                if !error::matches(unsafe { Ref::new(PyExc_NotImplementedError) }) {
                    return Err(Raised);
                }
                error::clear();
                self.file.peek = None;
                Ok(false)
            }
        }
    }

    /// Makes the contents of a `BytesIO` the window, if they have `len` more bytes. They are shared, not copied.
    fn share_contents(&mut self, value: Owned, position: usize, len: usize) -> bool {
        let enough = bytes::as_slice(value.as_ref()).len().saturating_sub(position) >= len;
        if enough {
            self.set_window(value, position);
            self.base = self.base.wrapping_sub(position as u64);
            self.position = position;
            self.shared = true;
        }
        enough
    }

    /// Gets more input, so that the window holds at least `len` bytes from `position` on. Without any more input
    /// the window holds what there was.
    #[cold]
    fn fill(&mut self, len: usize) -> ReadResult<()> {
        let rest = self.settle().map_err(raised)?;
        if rest == 0 && self.peek(len).map_err(raised)? {
            return Ok(());
        }
        let window = self.gather(len).map_err(raised)?;
        let got = bytes::as_slice(window.as_ref()).len();
        self.set_window(window, got);
        if got < len { Err(ReadError::Truncated) } else { Ok(()) }
    }

    /// The bytes taken and as many more as it takes to have `len` of them, or all there are.
    fn gather(&mut self, len: usize) -> Result<Owned> {
        let rest = self.taken_rest();
        let mut have = rest.len();
        let sure = len - have <= PIECE || self.file.surely_has(len - have);
        let first = self.read(if sure { len - have } else { PIECE })?;
        let got = bytes::as_slice(first.as_ref()).len();
        if have == 0 && (got >= len || got == 0) {
            return Ok(first);
        }
        let rest = bytes::new(rest)?;
        have += got;
        let (mut pieces, mut last) = (vec![rest, first], got);
        while have < len && last > 0 {
            let piece = self.read((len - have).min(have.max(PIECE)))?;
            last = bytes::as_slice(piece.as_ref()).len();
            have += last;
            pieces.push(piece);
        }
        join(&pieces, have)
    }

    /// `len` bytes that are not all in the window, read without looking any further, if they are all there.
    fn read_exactly(&mut self, len: usize) -> ReadResult<Owned> {
        self.settle().map_err(raised)?;
        let data = self.gather(len).map_err(raised)?;
        let got = bytes::as_slice(data.as_ref()).len();
        let base = self.offset();
        self.set_window(bytes::new(b"").map_err(raised)?, 0);
        self.base = base.wrapping_add(got as u64);
        if got < len { Err(ReadError::Truncated) } else { Ok(data) }
    }

    /// A bytearray of `len` bytes that are not all in the window: what there is of them, and the rest by `readinto`.
    fn read_into_array(&mut self, len: usize) -> ReadResult<Option<Owned>> {
        let Some(readinto) = self.file.readinto.clone() else { return Ok(None) };
        let array = bytes::new_bytearray(self.rest()).map_err(raised)?;
        let head = self.rest().len();
        self.position += head;
        self.settle().map_err(raised)?;
        let got = fill_bytearray(&readinto, &array, head, len).map_err(raised)?;
        self.set_window(bytes::new(b"").map_err(raised)?, 0);
        self.base = self.base.wrapping_add((got - head) as u64);
        if got < len { Err(ReadError::Truncated) } else { Ok(Some(array)) }
    }

    /// `len` bytes as an object, which may be the very one that the file returned if it is large.
    pub(super) fn read_bytes(&mut self, len: usize) -> ReadResult<Owned> {
        if len <= self.rest().len() {
            return super::string::new_bytes(&self.take(len)?).map_err(raised);
        }
        // How a file is read decides how much it has at hand for the next peek, and by that where it stands then: `_pickle`
        // lets it fill the object. Larger ones are not copied for that.
        if len <= COPIED
            && self.file.peek.is_some()
            && let Some(array) = self.read_into_array(len)?
        {
            let view = View::new(array.as_ref()).map_err(raised)?;
            return super::string::new_bytes(view.as_slice()).map_err(raised);
        }
        let data = self.read_exactly(len)?;
        let slice = bytes::as_slice(data.as_ref());
        if len > LARGE && slice.len() == len && data.is_exactly(&raw mut PyBytes_Type) {
            return Ok(data);
        }
        super::string::new_bytes(&slice[..len]).map_err(raised)
    }

    /// `len` bytes as a bytearray, which the file fills itself if it can.
    pub(super) fn read_bytearray(&mut self, len: usize) -> ReadResult<Owned> {
        if len <= self.rest().len() {
            return bytes::new_bytearray(&self.take(len)?).map_err(raised);
        }
        if let Some(array) = self.read_into_array(len)? {
            return Ok(array);
        }
        let data = self.read_exactly(len)?;
        bytes::new_bytearray(&bytes::as_slice(data.as_ref())[..len]).map_err(raised)
    }
}

/// Makes a bytearray longer by what `readinto` puts behind its `got` bytes, until it has `len`; how many it has then.
///
/// It grows with what arrives. The file gets views of the bytearray, which owns its memory: a view that is kept
/// stays valid, and makes the next growth fail with a `BufferError`.
fn fill_bytearray(readinto: &Owned, array: &Owned, mut got: usize, len: usize) -> Result<usize> {
    while got < len {
        let size = (len - got).min(got.max(PIECE)) + got;
        // SAFETY: the object is a bytearray; views of it are checked by the call.
        crate::ffi::check(unsafe { PyByteArray_Resize(array.as_ptr(), size as Py_ssize_t) })?;
        // SAFETY: the view is a memoryview, a sequence of bytes.
        let target = unsafe {
            let view = Owned::from_result(PyMemoryView_FromObject(array.as_ptr()))?;
            Owned::from_result(PySequence_GetSlice(view.as_ptr(), got as Py_ssize_t, size as Py_ssize_t))?
        };
        let count = readinto.call1(target.as_ref())?;
        // SAFETY: the object is alive.
        let count = unsafe { PyLong_AsSsize_t(count.as_ptr()) };
        if count < 0 {
            let unexplained = !error::occurred();
            return Err(if unexplained {
                error::value_error("readinto() returned negative size")
            } else {
                Raised
            });
        }
        if count == 0 {
            break;
        }
        got += count as usize;
        if got > size {
            return Err(error::value_error("readinto() returned more than the size of the buffer"));
        }
    }
    Ok(got)
}

/// What a file returned as a bytes object.
fn into_bytes(data: Owned) -> Result<Owned> {
    // SAFETY: the object is alive.
    if unsafe { PyBytes_Check(data.as_ptr()) } != 0 {
        return Ok(data);
    }
    let view = View::new(data.as_ref())?;
    bytes::new(view.as_slice())
}

/// One bytes object of several.
fn join(pieces: &[Owned], len: usize) -> Result<Owned> {
    // SAFETY: the contents of the new object are written before anything else sees it; the pieces are bytes
    // objects that have `len` bytes together.
    unsafe {
        let joined = Owned::from_result(PyBytes_FromStringAndSize(ptr::null(), len as Py_ssize_t))?;
        let mut target = PyBytes_AS_STRING(joined.as_ptr()).cast_mut().cast::<u8>();
        for piece in pieces {
            let piece = bytes::as_slice(piece.as_ref());
            ptr::copy_nonoverlapping(piece.as_ptr(), target, piece.len());
            target = target.add(piece.len());
        }
        Ok(joined)
    }
}

impl<'de> Source<'de> for FileSource {
    #[inline(always)]
    fn opcode(&mut self) -> ReadResult<Option<u8>> {
        if self.rest().is_empty() {
            match self.fill(1) {
                Ok(()) => {}
                Err(ReadError::Truncated) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let byte = self.rest()[0];
        self.position += 1;
        Ok(Some(byte))
    }

    #[inline(always)]
    fn opcode_at_hand(&mut self) -> Option<u8> {
        self.at_hand().map(|&[code]| code)
    }

    #[inline(always)]
    fn at_hand<const N: usize>(&mut self) -> Option<&[u8; N]> {
        let start = self.position;
        if self.rest().len() < N {
            return None;
        }
        self.position += N;
        self.data()[start..].first_chunk()
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> ReadResult<[u8; N]> {
        if self.rest().len() < N {
            self.fill(N)?;
        }
        let array = *self.rest().first_chunk().ok_or(ReadError::Truncated)?;
        self.position += N;
        Ok(array)
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> ReadResult<Chunk<'de, '_>> {
        if self.rest().len() < len {
            self.fill(len)?;
        }
        self.position += len;
        Ok(Chunk::Transient(&self.data()[self.position - len..self.position]))
    }

    fn line(&mut self) -> ReadResult<Chunk<'de, '_>> {
        let end = match memchr::memchr(b'\n', self.rest()) {
            Some(end) => end,
            None => self.fill_line()?,
        };
        let start = self.position;
        self.position += end + 1;
        Ok(Chunk::Transient(&self.data()[start..start + end]))
    }

    fn read_into(&mut self, buffer: &mut [u8]) -> ReadResult<()> {
        buffer.copy_from_slice(&self.take(buffer.len())?);
        Ok(())
    }

    #[inline(always)]
    fn buffered(&self) -> usize {
        self.rest().len()
    }

    fn frame(&mut self, len: usize) -> ReadResult<()> {
        if self.rest().len() < len {
            self.fill(len)?;
        }
        self.framed = self.framed.max(self.position + len);
        Ok(())
    }

    #[inline(always)]
    fn ahead(&self) -> &[u8] {
        self.rest()
    }

    #[inline(always)]
    fn skip(&mut self, count: usize) {
        self.position += count.min(self.rest().len());
    }

    fn finish(&mut self) -> ReadResult<()> {
        if self.shared {
            self.catch_up()?;
        }
        let rest = self.settle().map_err(raised)?;
        if matches!(self.file.kind, Kind::BytesIo { .. }) {
            // As long as we have its contents it would have to copy them to change them.
            let copy = bytes::new(self.taken_rest()).map_err(raised)?;
            self.set_window(copy, rest);
        }
        Ok(())
    }

    #[inline(always)]
    fn lags(&self) -> bool {
        self.shared
    }

    #[cold]
    fn catch_up(&mut self) -> ReadResult<()> {
        // Also called after something has failed.
        let before = error::take();
        let caught_up = self.leave_contents();
        if let Some(before) = before {
            let Raised = error::restore(before);
        }
        caught_up.map_err(raised)
    }

    #[inline(always)]
    fn offset(&self) -> u64 {
        self.base.wrapping_add(self.position as u64)
    }

    fn lookahead(&self, offset: u64) -> &[u8] {
        let window = bytes::as_slice(self.window.as_ref());
        usize::try_from(offset.wrapping_sub(self.base))
            .ok()
            .and_then(|start| window.get(start..))
            .unwrap_or_default()
    }
}

impl FileSource {
    /// Gets input up to the end of a line; where in it the newline is.
    #[cold]
    fn fill_line(&mut self) -> ReadResult<usize> {
        let rest = self.settle().map_err(raised)?;
        let line = self.file.readline.call0().and_then(into_bytes).map_err(raised)?;
        let window = if rest == 0 {
            line
        } else {
            let len = rest + bytes::as_slice(line.as_ref()).len();
            bytes::new(self.taken_rest()).and_then(|rest| join(&[rest, line], len)).map_err(raised)?
        };
        let taken = bytes::as_slice(window.as_ref()).len();
        self.set_window(window, taken);
        memchr::memchr(b'\n', self.rest()).ok_or(ReadError::Truncated)
    }
}
