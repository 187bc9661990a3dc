//! The memory that a dump writes into, which becomes the `bytes` of its result.

use super::row::TAIL;
use crate::ffi::api::*;
use crate::ffi::text::Units;
use crate::ffi::{Owned, Raised, Result, bytes, pages};
use brinery::Opcode;
use brinery::write::{Buffer, spell};
use std::cell::Cell;
use std::ptr;

unsafe extern "C" {
    fn _PyBytes_Resize(bytes: *mut *mut PyObject, len: Py_ssize_t) -> std::ffi::c_int;
}

/// How many bytes go into memory that is used again. What grows beyond them goes straight into a `bytes` object.
const SPARE_SIZE: usize = 256 * 1024;
/// How much there is at least.
const SMALLEST: usize = 1024;
/// How much room there is beyond what is expected: some is asked for although it need not be used.
const SLACK: usize = 2 * ROW;
/// From how many bytes on a piece goes straight into a `bytes` object, so that it is not copied twice.
const PIECE: usize = 4 * 1024;
/// How many times as much as needed there may be because the last result was so long.
const MOST_AHEAD: usize = 8;

/// Memory that dumps use in turn.
#[derive(Default)]
pub(crate) struct SpareOutput {
    vector: Cell<Vec<u8>>,
    /// How long the last result was that did not go into the vector. The next one is likely to be as long.
    last: Cell<usize>,
}

/// A growing sequence of bytes.
pub(super) struct Output {
    start: *mut u8,
    /// Behind what has been written.
    position: *mut u8,
    /// Behind what there is room for.
    end: *mut u8,
    memory: Memory,
    /// How much room a result that is too long for the vector gets at first, within reason.
    expected: usize,
}

/// What the three pointers of an [`Output`] point into.
enum Memory {
    /// The spare capacity of a vector, whose length stays zero.
    Vector(Vec<u8>),
    /// A `bytes` object that nobody else knows yet.
    Bytes(Owned),
}

impl Output {
    pub(super) fn new(spare: &SpareOutput) -> Self {
        let mut vector = spare.vector.take();
        let range = vector.spare_capacity_mut().as_mut_ptr_range();
        let (start, end) = (range.start.cast(), range.end.cast());
        Output { start, position: start, end, memory: Memory::Vector(vector), expected: spare.last.get() }
    }

    /// The bytes written so far.
    #[inline(always)]
    fn as_slice(&self) -> &[u8] {
        // SAFETY: what lies between the two has been written.
        unsafe { std::slice::from_raw_parts(self.start, self.len()) }
    }

    #[inline(always)]
    fn room(&self) -> usize {
        // SAFETY: both point into the same memory.
        unsafe { self.end.offset_from_unsigned(self.position) }
    }

    #[inline(always)]
    fn make_room(&mut self, additional: usize) {
        if self.room() < additional {
            self.grow(additional);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, additional: usize) {
        let len = self.len();
        let Some(least) = len.checked_add(additional) else { out_of_memory() };
        let range = match &mut self.memory {
            Memory::Vector(vector) if least <= SPARE_SIZE => {
                // SAFETY: the first `len` bytes have been written; the length goes back to zero.
                unsafe { vector.set_len(len) };
                vector.reserve(least.max(SMALLEST) * 2 - len);
                vector.clear();
                vector.spare_capacity_mut().as_mut_ptr_range()
            }
            Memory::Vector(_) => return self.move_to_bytes(additional),
            Memory::Bytes(object) => {
                resize(object, least + least / 2);
                self.bytes_range()
            }
        };
        self.take_over(range, len);
    }

    /// Goes on in a `bytes` object.
    #[cold]
    #[inline(never)]
    fn move_to_bytes(&mut self, additional: usize) {
        let len = self.len();
        let Some(least) = len.checked_add(additional).and_then(|least| least.checked_add(SLACK)) else {
            out_of_memory()
        };
        // Memory of the size that was given back last is likely to be there still.
        let likely = (least..=least.saturating_mul(MOST_AHEAD)).contains(&self.expected);
        let object = new_bytes(if likely { self.expected } else { least + least / 2 });
        // SAFETY: the object has room for more than has been written.
        unsafe {
            let data = PyBytes_AS_STRING(object.as_ptr()).cast_mut().cast::<u8>();
            ptr::copy_nonoverlapping(self.start, data, len);
        }
        self.memory = Memory::Bytes(object);
        let range = self.bytes_range();
        self.take_over(range, len);
    }

    /// Goes on in other memory, where the first `len` bytes have been written.
    fn take_over(&mut self, range: std::ops::Range<*mut std::mem::MaybeUninit<u8>>, len: usize) {
        pages::enlarge(range.start.cast(), len, range.end.addr() - range.start.addr());
        self.start = range.start.cast();
        self.end = range.end.cast();
        // SAFETY: there is room for what has been written, and it has been kept.
        self.position = unsafe { self.start.add(len) };
    }

    fn bytes_range(&mut self) -> std::ops::Range<*mut std::mem::MaybeUninit<u8>> {
        let Memory::Bytes(object) = &self.memory else { return ptr::null_mut()..ptr::null_mut() };
        // SAFETY: the object is a bytes that nobody else knows, of the size that it tells.
        unsafe {
            let start = PyBytes_AS_STRING(object.as_ptr()).cast_mut().cast::<std::mem::MaybeUninit<u8>>();
            start..start.add(PyBytes_Size(object.as_ptr()) as usize)
        }
    }

    /// The result. What was written goes.
    pub(super) fn take(&mut self) -> Result<Owned> {
        let len = self.len();
        if let Memory::Bytes(_) = &self.memory {
            let Memory::Bytes(object) = std::mem::replace(&mut self.memory, Memory::Vector(Vec::new()))
            else {
                return Err(Raised);
            };
            (self.start, self.position, self.end) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            let mut object = object;
            if !try_resize(&mut object, len) {
                return Err(Raised);
            }
            self.expected = len + SLACK;
            return Ok(object);
        }
        let object = bytes::new(self.as_slice());
        self.position = self.start;
        object
    }

    /// Keeps the memory for the next dump.
    pub(super) fn give_back(self, spare: &SpareOutput) {
        if self.expected > 0 {
            spare.last.set(self.expected);
        }
        if let Memory::Vector(vector) = self.memory {
            spare.vector.set(vector);
        }
    }
}

/// How much room there is at least where an object may begin: for a small one, and for the ends of those that it is a part of.
const ROOM: usize = 32 + TAIL;
/// How much room there is for a row at first.
const ROW: usize = 1024;

/// Where the bytes of a row go. Nothing else is written meanwhile.
///
/// It is two words, which functions hand to each other in registers.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    position: *mut u8,
    bounds: &'a Bounds,
}

/// How far a row may go.
pub(super) struct Bounds {
    /// Before this an object may begin.
    stop: *mut u8,
    end: *mut u8,
}

impl Cursor<'_> {
    /// Whether an object may begin here. Then there is room for [`ROOM`] bytes.
    #[inline(always)]
    pub(super) fn is_open(&self) -> bool {
        self.position < self.bounds.stop
    }

    /// Whether there is room for so many bytes.
    #[inline(always)]
    pub(super) fn has_room(&self, len: usize) -> bool {
        self.bounds.end.addr() - self.position.addr() >= len
    }

    /// Whether an object may begin so many bytes further on.
    #[inline(always)]
    pub(super) fn reaches(&self, len: usize) -> bool {
        self.position.addr() + len < self.bounds.stop.addr()
    }

    #[inline(always)]
    pub(super) fn position(&self) -> *mut u8 {
        self.position
    }

    /// Goes on where a copy of the cursor has come to.
    #[inline(always)]
    pub(super) fn go(&mut self, position: *mut u8) {
        debug_assert!((self.position..=self.bounds.end).contains(&position));
        self.position = position;
    }

    /// Writes the first bytes of some. Callers have made sure that there is room for all of them.
    #[inline(always)]
    pub(super) fn put<const N: usize>(&mut self, bytes: [u8; N], len: usize) {
        debug_assert!(self.has_room(N) && len <= N);
        // SAFETY: there is room.
        unsafe {
            self.position.cast::<[u8; N]>().write_unaligned(bytes);
            self.position = self.position.add(len);
        }
    }

    #[inline(always)]
    pub(super) fn op(&mut self, opcode: Opcode) {
        self.put([opcode.byte()], 1);
    }

    /// Writes bytes for which callers have made sure that there is room.
    #[inline(always)]
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        debug_assert!(self.has_room(bytes.len()));
        // SAFETY: there is room.
        self.position = unsafe { copy_short(bytes, self.position) };
    }

    /// Writes text of up to 255 bytes, for which callers have made sure that there is room.
    #[inline(always)]
    pub(super) fn short_text(&mut self, units: &Units<'_>) {
        debug_assert!(self.has_room(units.most() + 2) && units.most() <= 255);
        // SAFETY: there is room, and the length fits into its byte.
        unsafe {
            let text = self.position.add(2);
            let end = units.encode_at(text);
            let head = spell::text(end.offset_from_unsigned(text));
            self.position.cast::<[u8; 2]>().write_unaligned(head);
            self.position = end;
        }
    }
}

impl Output {
    /// How far a row may go that begins here. Objects may begin before the length is `limit`.
    #[inline(always)]
    pub(super) fn bounds(&mut self, limit: usize) -> Bounds {
        if self.room() < ROW {
            self.grow(ROW);
        }
        // SAFETY: there is room for more than what is taken off the end.
        unsafe {
            let last = self.end.sub(ROOM);
            let most = last.offset_from_unsigned(self.start);
            Bounds { stop: self.start.add(limit.min(most)), end: self.end }
        }
    }

    /// A cursor at the end of what has been written.
    #[inline(always)]
    pub(super) fn cursor<'a>(&self, bounds: &'a Bounds) -> Cursor<'a> {
        Cursor { position: self.position, bounds }
    }

    /// Takes over what a cursor has written.
    #[inline(always)]
    pub(super) fn move_to(&mut self, cursor: &Cursor<'_>) {
        debug_assert!(cursor.bounds.end == self.end && cursor.position <= self.end);
        self.position = cursor.position;
    }
}

impl Buffer for Output {
    #[inline(always)]
    fn push(&mut self, byte: u8) {
        self.put([byte], 1);
    }

    #[inline(always)]
    fn extend_from_slice(&mut self, bytes: &[u8]) {
        if bytes.len() >= PIECE && matches!(self.memory, Memory::Vector(_)) {
            self.move_to_bytes(bytes.len());
        } else {
            self.make_room(bytes.len());
        }
        // SAFETY: there is room, and nobody else can refer to it.
        unsafe {
            pages::fill(self.position, bytes);
            self.position = self.position.add(bytes.len());
        }
    }

    #[inline(always)]
    fn put<const N: usize>(&mut self, bytes: [u8; N], len: usize) {
        debug_assert!(len <= N);
        self.make_room(N);
        // SAFETY: there is room for all of them.
        unsafe {
            self.position.cast::<[u8; N]>().write_unaligned(bytes);
            self.position = self.position.add(len);
        }
    }

    #[inline(always)]
    fn extend_from_short(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        // SAFETY: there is room.
        self.position = unsafe { copy_short(bytes, self.position) };
    }

    #[inline(always)]
    fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: what lies between the two has been written, and nobody else can refer to it.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len()) }
    }

    #[inline(always)]
    fn len(&self) -> usize {
        // SAFETY: both point into the same memory.
        unsafe { self.position.offset_from_unsigned(self.start) }
    }

    fn truncate(&mut self, len: usize) {
        debug_assert!(len <= self.len());
        // SAFETY: callers take back what they have written.
        self.position = unsafe { self.start.add(len.min(self.len())) };
    }
}

/// Copies bytes that are likely to be few, and returns where they end.
///
/// # Safety
///
/// There is room for them.
#[inline(always)]
unsafe fn copy_short(bytes: &[u8], to: *mut u8) -> *mut u8 {
    let (from, len) = (bytes.as_ptr(), bytes.len());
    // SAFETY: by contract. Two words that overlap in the middle cover all lengths between one and two words.
    unsafe {
        if len > 32 {
            ptr::copy_nonoverlapping(from, to, len);
        } else if len >= 16 {
            copy_ends::<16>(from, to, len);
        } else if len >= 8 {
            copy_ends::<8>(from, to, len);
        } else if len >= 4 {
            copy_ends::<4>(from, to, len);
        } else if len >= 2 {
            copy_ends::<2>(from, to, len);
        } else if len == 1 {
            *to = *from;
        }
        to.add(len)
    }
}

/// # Safety
///
/// Both point to `len` bytes that can be read and written, and `N <= len <= 2 * N`.
#[inline(always)]
unsafe fn copy_ends<const N: usize>(from: *const u8, to: *mut u8, len: usize) {
    // SAFETY: by contract.
    unsafe {
        let first = from.cast::<[u8; N]>().read_unaligned();
        let last = from.add(len - N).cast::<[u8; N]>().read_unaligned();
        to.cast::<[u8; N]>().write_unaligned(first);
        to.add(len - N).cast::<[u8; N]>().write_unaligned(last);
    }
}

fn new_bytes(len: usize) -> Owned {
    // SAFETY: asks for a new object, whose content is written before anyone sees it.
    let object = unsafe { Owned::from_nullable(PyBytes_FromStringAndSize(ptr::null(), len as Py_ssize_t)) };
    object.unwrap_or_else(|| out_of_memory())
}

fn resize(object: &mut Owned, len: usize) {
    if !try_resize(object, len) {
        out_of_memory();
    }
}

/// Changes the length of a bytes object that nobody else knows. If there is no memory for it, the object is replaced by
/// an empty one and the exception is set.
fn try_resize(object: &mut Owned, len: usize) -> bool {
    let Ok(empty) = bytes::new(b"") else { return false };
    let mut pointer = std::mem::replace(object, empty).into_ptr();
    // SAFETY: the only reference goes in; out comes one to the resized object, or null.
    unsafe {
        let status = _PyBytes_Resize(&raw mut pointer, len as Py_ssize_t);
        if let Some(resized) = Owned::from_nullable(pointer) {
            *object = resized;
        }
        status == 0
    }
}

/// Ends a dump for whose result there is no memory. The exception is set.
#[cold]
fn out_of_memory() -> ! {
    // SAFETY: the thread is attached.
    unsafe { PyErr_NoMemory() };
    std::panic::panic_any(crate::methods::OutOfMemory);
}
