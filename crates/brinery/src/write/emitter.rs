//! Writes opcodes, in the spelling of one protocol and with the bytes that CPython's `_pickle` chooses.

use super::buffer::Buffer;
use super::{number, spell};
use crate::opcode::{Opcode, byte};
use std::fmt;

/// A frame is closed at the first opcode after this many bytes; larger payloads are not framed at all.
pub const FRAME_SIZE_TARGET: usize = 64 * 1024;
/// A frame shorter than this is written without its header.
const FRAME_SIZE_MIN: usize = 4;
/// The `FRAME` opcode and its length.
const FRAME_HEADER_SIZE: usize = 9;
/// How many items go between one `MARK` and its `APPENDS`, `SETITEMS` or `ADDITEMS`.
pub const BATCH_SIZE: usize = 1000;
/// The protocol that writers use unless told otherwise.
pub const DEFAULT_PROTOCOL: u8 = 4;

/// Something that a protocol has no spelling for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unwritable {
    /// Bytes beyond 4 GiB below protocol 4.
    LargeBytes,
    /// Text beyond 4 GiB below protocol 4.
    LargeText,
    /// An integer beyond 2 GiB.
    LargeInt,
    /// More objects in the memo than four bytes can count.
    LargeMemo,
    /// A set that holds itself through its elements, below protocol 4.
    CyclicSet,
    /// Elements added to something other than a set, below protocol 4.
    AddItems,
    /// An extension code below protocol 2.
    ExtensionCode,
    /// A persistent id in protocol 0 that is not a line of ASCII text.
    PersistentId,
    /// A name of a global that the protocol cannot write in a line.
    GlobalName,
    /// The arguments of an instance are not a plain tuple, where they are written one by one.
    Arguments,
    /// An out-of-band buffer below protocol 5 whose content is not known.
    Buffer,
    /// Out-of-band buffers that come in another order than they are numbered.
    BufferOrder,
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unwritable::LargeBytes => {
                "serializing a bytes object larger than 4 GiB requires pickle protocol 4 or higher"
            }
            Unwritable::LargeText => {
                "serializing a string larger than 4 GiB requires pickle protocol 4 or higher"
            }
            Unwritable::LargeInt => "int too large to pickle",
            Unwritable::LargeMemo => "memo id too large for LONG_BINPUT",
            Unwritable::CyclicSet => {
                "a set that holds itself through its elements requires protocol 4 or higher"
            }
            Unwritable::AddItems => "adding elements to this object requires protocol 4 or higher",
            Unwritable::ExtensionCode => "an extension code requires protocol 2 or higher",
            Unwritable::PersistentId => "a persistent id in protocol 0 must be a line of ASCII text",
            Unwritable::GlobalName => "this protocol cannot write the name of the global",
            Unwritable::Arguments => "arguments that are not a plain tuple cannot be written one by one",
            Unwritable::Buffer => "a buffer whose content was not supplied requires protocol 5",
            Unwritable::BufferOrder => "the out-of-band buffers come in another order than they are numbered",
        })
    }
}

impl std::error::Error for Unwritable {}

/// Where the bytes that follow a header belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Placement {
    /// Into the buffer, inside the current frame.
    Inline,
    /// After everything in the buffer and outside of any frame; then comes [`Emitter::resume`].
    ///
    /// A streaming writer sends the buffer and then the bytes; another appends them to the buffer.
    Apart,
}

/// Appends opcodes to a buffer.
///
/// The emitter knows how each protocol spells a value and when a frame ends. It performs no I/O: who wants to stream
/// asks before each object whether the frame is [full](Self::boundary) and takes the buffer whenever one is.
///
/// ```
/// use brinery::write::Emitter;
///
/// let mut emitter = Emitter::new(Vec::new(), 4);
/// emitter.start();
/// emitter.int(300);
/// emitter.stop();
/// assert_eq!(emitter.into_buffer(), b"\x80\x04\x95\x04\0\0\0\0\0\0\0M\x2c\x01.");
/// ```
#[derive(Debug)]
pub struct Emitter<B> {
    buffer: B,
    protocol: u8,
    /// Where the header of the open frame stands.
    frame: Option<usize>,
    /// The length of the buffer at which the open frame is full.
    limit: usize,
}

impl<B: Buffer> Emitter<B> {
    /// An emitter of the given protocol, 0 to 5.
    pub fn new(buffer: B, protocol: u8) -> Self {
        Emitter { buffer, protocol, frame: None, limit: usize::MAX }
    }

    /// The protocol.
    #[inline(always)]
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    /// What has been written and not been taken.
    pub fn buffer(&mut self) -> &mut B {
        &mut self.buffer
    }

    /// The buffer, at the end.
    pub fn into_buffer(self) -> B {
        self.buffer
    }

    /// How many bytes are in the buffer.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether the buffer is empty.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Begins a stream.
    pub fn start(&mut self) {
        self.frame = None;
        self.limit = usize::MAX;
        if self.protocol >= 2 {
            self.raw(&[byte::PROTO, self.protocol]);
        }
        self.open_frame();
    }

    /// Ends a stream.
    pub fn stop(&mut self) {
        self.op(Opcode::Stop);
        self.close_frame();
    }

    /// Whether the open frame is full. Asked before each object: if so, the frame is to be
    /// [closed](Self::close_full_frame), all of the buffer may be taken, and the next frame is
    /// [opened](Self::resume).
    #[inline(always)]
    #[must_use]
    pub fn boundary(&self) -> bool {
        self.buffer.len() >= self.limit
    }

    /// The length of the buffer from which on the open frame is [full](Self::boundary); beyond all lengths if none is open.
    #[inline(always)]
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Closes the frame if it is [full](Self::boundary), and tells whether it was.
    #[must_use]
    pub fn close_full_frame(&mut self) -> bool {
        let full = self.boundary();
        if full {
            self.close_frame();
        }
        full
    }

    /// Opens the next frame after [`close_full_frame`](Self::close_full_frame) or [`Placement::Apart`].
    pub fn resume(&mut self) {
        self.open_frame();
    }

    /// Appends bytes as they are, outside of any frame.
    pub fn apart(&mut self, bytes: &[u8]) {
        self.close_frame();
        self.raw(bytes);
        self.open_frame();
    }

    /// Closes the last frame of a stream whose `STOP` was not written by [`stop`](Self::stop).
    pub fn finish(&mut self) {
        self.close_frame();
    }

    fn open_frame(&mut self) {
        if self.protocol >= 4 {
            self.frame = Some(self.buffer.len());
            self.limit = self.buffer.len() + FRAME_SIZE_TARGET + FRAME_HEADER_SIZE;
            self.raw(&[byte::FRAME, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
    }

    fn close_frame(&mut self) {
        let Some(start) = self.frame.take() else { return };
        self.limit = usize::MAX;
        let end = self.buffer.len();
        let body = start + FRAME_HEADER_SIZE;
        let bytes = self.buffer.as_mut_slice();
        if end - body >= FRAME_SIZE_MIN {
            bytes[start + 1..body].copy_from_slice(&((end - body) as u64).to_le_bytes());
        } else {
            bytes.copy_within(body.., start);
            self.buffer.truncate(end - FRAME_HEADER_SIZE);
        }
    }

    /// Appends bytes as they are.
    #[inline(always)]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Appends an opcode that has no argument.
    #[inline(always)]
    pub fn op(&mut self, opcode: Opcode) {
        self.buffer.push(opcode.byte());
    }

    /// Appends an opcode and a line.
    pub fn line(&mut self, opcode: Opcode, line: &[u8]) {
        self.op(opcode);
        self.raw(line);
        self.buffer.push(b'\n');
    }

    fn op_u32(&mut self, opcode: Opcode, value: u32) {
        let [a, b, c, d] = value.to_le_bytes();
        self.buffer.put([opcode.byte(), a, b, c, d, 0, 0, 0], 5);
    }

    /// `None`.
    #[inline(always)]
    pub fn none(&mut self) {
        self.op(Opcode::None);
    }

    /// A bool.
    #[inline(always)]
    pub fn bool(&mut self, value: bool) {
        if self.protocol >= 2 {
            self.op(if value { Opcode::NewTrue } else { Opcode::NewFalse });
        } else {
            self.raw(if value { b"I01\n" } else { b"I00\n" });
        }
    }

    /// An integer of up to 64 bits.
    #[inline(always)]
    pub fn int(&mut self, value: i64) {
        if self.protocol == 0 || i32::try_from(value).is_err() {
            return self.wide_int(value);
        }
        let (bytes, len) = spell::short_int(value);
        self.buffer.put(bytes, len);
    }

    #[inline(always)]
    fn wide_int(&mut self, value: i64) {
        if self.protocol < 2 {
            return self.decimal_int(value);
        }
        let (bytes, len) = spell::long_int(value);
        self.buffer.put(bytes, len);
    }

    #[cold]
    fn decimal_int(&mut self, value: i64) {
        if i32::try_from(value).is_ok() {
            self.line(Opcode::Int, value.to_string().as_bytes());
        } else {
            self.line(Opcode::Long, format!("{value}L").as_bytes());
        }
    }

    /// An integer of any size beyond 32 bits, for protocols 2 and up: little-endian two's complement, which may be
    /// longer than needed.
    pub fn long(&mut self, bytes: &[u8]) -> Result<(), Unwritable> {
        let bytes = &bytes[..number::significant_bytes(bytes)];
        match u8::try_from(bytes.len()) {
            Ok(len) => self.raw(&[byte::LONG1, len]),
            Err(_) => {
                let len = i32::try_from(bytes.len()).map_err(|_| Unwritable::LargeInt)?;
                self.op_u32(Opcode::Long4, len.cast_unsigned());
            }
        }
        self.raw(bytes);
        Ok(())
    }

    /// An integer of any size beyond 32 bits, for protocols 0 and 1: its decimal digits.
    pub fn long_decimal(&mut self, digits: &[u8]) {
        self.op(Opcode::Long);
        self.raw(digits);
        self.raw(b"L\n");
    }

    /// A float.
    #[inline(always)]
    pub fn float(&mut self, value: f64) {
        if self.protocol == 0 {
            return self.line(Opcode::Float, number::float_repr(value).as_bytes());
        }
        let (bytes, len) = spell::float(value);
        self.buffer.put(bytes, len);
    }

    /// The header of text of `len` UTF-8 bytes, for protocols 1 and up.
    #[inline(always)]
    pub fn text_header(&mut self, len: usize) -> Result<Placement, Unwritable> {
        if len <= 0xff && self.protocol >= 4 {
            self.buffer.put([byte::SHORT_BINUNICODE, len as u8], 2);
            return Ok(Placement::Inline);
        }
        self.header(Opcode::BinUnicode, Opcode::BinUnicode8, len, Unwritable::LargeText)
    }

    /// Text of less than [`FRAME_SIZE_TARGET`] UTF-8 bytes, for protocols 1 and up.
    #[inline(always)]
    pub fn short_text(&mut self, text: &[u8]) {
        debug_assert!(text.len() < FRAME_SIZE_TARGET);
        if text.len() <= 0xff && self.protocol >= 4 {
            self.buffer.put([byte::SHORT_BINUNICODE, text.len() as u8], 2);
        } else {
            self.op_u32(Opcode::BinUnicode, text.len() as u32);
        }
        self.buffer.extend_from_short(text);
    }

    /// Up to 255 bytes, for protocols 3 and up.
    #[inline(always)]
    pub fn short_bytes(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= 0xff);
        self.buffer.put([byte::SHORT_BINBYTES, bytes.len() as u8], 2);
        self.buffer.extend_from_short(bytes);
    }

    /// The header of `len` bytes, for protocols 3 and up.
    #[inline(always)]
    pub fn bytes_header(&mut self, len: usize) -> Result<Placement, Unwritable> {
        if len <= 0xff {
            self.buffer.put([byte::SHORT_BINBYTES, len as u8], 2);
            return Ok(Placement::Inline);
        }
        self.header(Opcode::BinBytes, Opcode::BinBytes8, len, Unwritable::LargeBytes)
    }

    /// The header of a bytearray of `len` bytes, for protocol 5.
    pub fn bytearray_header(&mut self, len: usize) -> Placement {
        let placement = self.place(len);
        self.header8(Opcode::ByteArray8, len);
        placement
    }

    fn header(
        &mut self,
        short: Opcode,
        long: Opcode,
        len: usize,
        too_large: Unwritable,
    ) -> Result<Placement, Unwritable> {
        let short_len = u32::try_from(len);
        if short_len.is_err() && self.protocol < 4 {
            return Err(too_large);
        }
        let placement = self.place(len);
        match short_len {
            Ok(len) => self.op_u32(short, len),
            Err(_) => self.header8(long, len),
        }
        Ok(placement)
    }

    fn header8(&mut self, opcode: Opcode, len: usize) {
        self.op(opcode);
        self.raw(&(len as u64).to_le_bytes());
    }

    fn place(&mut self, len: usize) -> Placement {
        if len < FRAME_SIZE_TARGET {
            return Placement::Inline;
        }
        self.close_frame();
        Placement::Apart
    }

    /// The bytes that a header announced, into the buffer.
    #[inline(always)]
    pub fn payload(&mut self, placement: Placement, bytes: &[u8]) {
        self.raw(bytes);
        if placement == Placement::Apart {
            self.resume();
        }
    }

    /// Text for protocol 0: the code points in raw-unicode-escape, with what would break a line escaped too.
    pub fn unicode_line(&mut self, code_points: impl Iterator<Item = u32>) {
        self.op(Opcode::Unicode);
        for code_point in code_points {
            match code_point {
                0 | 0x0a | 0x0d | 0x1a | 0x5c | 0x100..=0xffff => {
                    self.raw(format!("\\u{code_point:04x}").as_bytes());
                }
                0x01..=0xff => self.buffer.push(code_point as u8),
                _ => self.raw(format!("\\U{code_point:08x}").as_bytes()),
            }
        }
        self.buffer.push(b'\n');
    }

    /// The empty tuple.
    pub fn empty_tuple(&mut self) {
        if self.protocol == 0 { self.raw(b"(t") } else { self.op(Opcode::EmptyTuple) }
    }

    /// A new list.
    #[inline(always)]
    pub fn empty_list(&mut self) {
        if self.protocol == 0 { self.raw(b"(l") } else { self.op(Opcode::EmptyList) }
    }

    /// A new dict.
    #[inline(always)]
    pub fn empty_dict(&mut self) {
        if self.protocol == 0 { self.raw(b"(d") } else { self.op(Opcode::EmptyDict) }
    }

    /// Stores the object on top of the stack in the memo at `index`, which counts up from zero.
    #[inline(always)]
    pub fn memoize(&mut self, index: usize) -> Result<(), Unwritable> {
        if self.protocol >= 4 {
            self.op(Opcode::Memoize);
            return Ok(());
        }
        self.put(index)
    }

    #[inline(never)]
    fn put(&mut self, index: usize) -> Result<(), Unwritable> {
        if self.protocol == 0 {
            self.line(Opcode::Put, index.to_string().as_bytes());
        } else if let Ok(index) = u8::try_from(index) {
            self.buffer.put([byte::BINPUT, index], 2);
        } else {
            let index = u32::try_from(index).map_err(|_| Unwritable::LargeMemo)?;
            self.op_u32(Opcode::LongBinPut, index);
        }
        Ok(())
    }

    /// Fetches the object in the memo at `index`.
    #[inline(always)]
    pub fn get(&mut self, index: usize) -> Result<(), Unwritable> {
        match u8::try_from(index) {
            Ok(index) if self.protocol > 0 => {
                self.near_get(index);
                Ok(())
            }
            _ => self.distant_get(index),
        }
    }

    /// The same for protocols 1 and up.
    #[inline(always)]
    pub(super) fn near_get(&mut self, index: u8) {
        self.buffer.put([byte::BINGET, index], 2);
    }

    #[inline(never)]
    fn distant_get(&mut self, index: usize) -> Result<(), Unwritable> {
        if self.protocol == 0 {
            self.line(Opcode::Get, index.to_string().as_bytes());
        } else {
            let index = u32::try_from(index).map_err(|_| Unwritable::LargeMemo)?;
            self.op_u32(Opcode::LongBinGet, index);
        }
        Ok(())
    }

    /// The global with an extension code, for protocols 2 and up.
    pub fn extension(&mut self, code: u32) {
        let [a, b, c, d] = code.to_le_bytes();
        match code {
            0..=0xff => self.raw(&[byte::EXT1, a]),
            0..=0xffff => self.raw(&[byte::EXT2, a, b]),
            _ => self.raw(&[byte::EXT4, a, b, c, d]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(protocol: u8, write: impl FnOnce(&mut Emitter<Vec<u8>>)) -> Vec<u8> {
        let mut emitter = Emitter::new(Vec::new(), protocol);
        write(&mut emitter);
        emitter.into_buffer()
    }

    #[test]
    fn integers_take_the_shortest_spelling() {
        assert_eq!(written(4, |e| e.int(255)), b"K\xff");
        assert_eq!(written(4, |e| e.int(256)), b"M\0\x01");
        assert_eq!(written(4, |e| e.int(65536)), b"J\0\0\x01\0");
        assert_eq!(written(4, |e| e.int(-1)), b"J\xff\xff\xff\xff");
        assert_eq!(written(4, |e| e.int(1 << 31)), b"\x8a\x05\0\0\0\x80\0");
        assert_eq!(written(4, |e| e.int(-(1 << 31) - 1)), b"\x8a\x05\xff\xff\xff\x7f\xff");
        assert_eq!(written(4, |e| e.int(i64::MIN)), b"\x8a\x08\0\0\0\0\0\0\0\x80");
        assert_eq!(written(1, |e| e.int(1 << 31)), b"L2147483648L\n");
        assert_eq!(written(0, |e| e.int(-5)), b"I-5\n");
    }

    #[test]
    fn short_frames_lose_their_header() {
        let stream = written(4, |e| {
            e.start();
            e.none();
            e.stop();
        });
        assert_eq!(stream, b"\x80\x04N.");
    }

    #[test]
    fn large_payloads_stand_apart() {
        let payload = vec![7; FRAME_SIZE_TARGET];
        let stream = written(4, |e| {
            e.start();
            e.empty_list();
            let placement = e.bytes_header(payload.len()).unwrap();
            assert_eq!(placement, Placement::Apart);
            e.payload(placement, &payload);
            e.op(Opcode::Append);
            e.stop();
        });
        assert_eq!(&stream[..8], b"\x80\x04]B\0\0\x01\0");
        assert_eq!(&stream[stream.len() - 2..], b"a.");
    }
}
