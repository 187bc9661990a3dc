//! Where a stream's bytes come from.

use super::rest::Rest;
use crate::policy::Rule;
use std::{io, ops::Deref};

/// A piece of the input: borrowed for the life of the input where possible, else only until the next read.
#[derive(Clone, Copy, Debug)]
pub enum Chunk<'de, 's> {
    /// Lives as long as the input itself.
    Borrowed(&'de [u8]),
    /// Lives until the source is read again.
    Transient(&'s [u8]),
}

impl Chunk<'_, '_> {
    /// A part of the chunk, chosen by `part`.
    pub fn trim_with(self, part: impl FnOnce(&[u8]) -> Option<&[u8]>) -> Option<Self> {
        Some(match self {
            Chunk::Borrowed(bytes) => Chunk::Borrowed(part(bytes)?),
            Chunk::Transient(bytes) => Chunk::Transient(part(bytes)?),
        })
    }
}

impl Deref for Chunk<'_, '_> {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        match self {
            Chunk::Borrowed(bytes) | Chunk::Transient(bytes) => bytes,
        }
    }
}

/// What reading can fail with.
#[derive(Debug)]
pub enum ReadError {
    /// The input ended inside an opcode's argument.
    Truncated,
    /// The underlying reader failed.
    Io(io::Error),
    /// The source has recorded its error where the host will find it.
    Raised,
    /// The source does not let this through.
    Refused(Rule),
}

/// The result of reading.
pub type ReadResult<T> = Result<T, ReadError>;

/// A sequence of bytes that the [decoder](crate::read::Decoder) and the [machine](crate::read::Machine) read from.
///
/// Lengths asked for come from the stream and are claims: a source must not reserve memory for bytes it has not seen.
pub trait Source<'de> {
    /// The next opcode byte, or `None` at the end of the input.
    fn opcode(&mut self) -> ReadResult<Option<u8>>;

    /// The next opcode byte, if it is at hand; else [`opcode`](Self::opcode) has it, or has not.
    #[inline(always)]
    fn opcode_at_hand(&mut self) -> Option<u8> {
        None
    }

    /// Called with an opcode of a kind that a source may not let through before its argument is read, as far as that is rare:
    /// `PROTO`, those with decimal numbers, and those of protocol 5.
    #[inline(always)]
    fn admit(&mut self, _opcode: u8) -> ReadResult<()> {
        Ok(())
    }

    /// Consumes the next byte if it is this opcode and at hand.
    #[inline(always)]
    fn opcode_if(&mut self, _opcode: u8) -> bool {
        false
    }

    /// The next `N` bytes, if they are at hand; else [`array`](Self::array) has them, or has not.
    ///
    /// A result with an error in it would go through memory, which costs more than most opcodes.
    #[inline(always)]
    fn at_hand<const N: usize>(&mut self) -> Option<&[u8; N]> {
        None
    }

    /// A little-endian number of one, two or four bytes, if it is at hand, and so are the two bytes behind it.
    #[inline(always)]
    fn number_at_hand(&mut self, width: usize) -> Option<u32> {
        let &bytes = self.ahead().first_chunk()?;
        self.skip(width);
        Some(narrowed(bytes, width))
    }

    /// A little-endian number of one, two or four bytes.
    #[inline(always)]
    fn number(&mut self, width: usize) -> ReadResult<u32> {
        Ok(match width {
            1 => u8::from_le_bytes(self.array()?).into(),
            2 => u16::from_le_bytes(self.array()?).into(),
            _ => u32::from_le_bytes(self.array()?),
        })
    }

    /// Exactly `N` bytes.
    fn array<const N: usize>(&mut self) -> ReadResult<[u8; N]>;

    /// Exactly `len` bytes.
    fn take(&mut self, len: usize) -> ReadResult<Chunk<'de, '_>>;

    /// The bytes up to the next newline, which is consumed and not returned.
    fn line(&mut self) -> ReadResult<Chunk<'de, '_>>;

    /// Fills the whole of `buffer`.
    fn read_into(&mut self, buffer: &mut [u8]) -> ReadResult<()>;

    /// How many bytes can be taken without waiting for more input.
    fn buffered(&self) -> usize;

    /// Makes sure that the `len` bytes of a frame are there, without consuming them.
    fn frame(&mut self, len: usize) -> ReadResult<()>;

    /// Whether a [copy](Self::copy) of the source is as good as the source itself and costs next to nothing.
    ///
    /// What nobody else has the address of can be in registers, so the machine works on a copy, and hands out copies
    /// of that.
    const COPIES: bool = false;

    /// A copy of the source, where [`COPIES`](Self::COPIES) says that there can be one.
    #[must_use]
    fn copy(&self) -> Self
    where
        Self: Sized,
    {
        unreachable!("the source cannot be copied")
    }

    /// The bytes that can be had without reading or consuming anything, or none of them.
    #[inline(always)]
    fn ahead(&self) -> &[u8] {
        &[]
    }

    /// Consumes so many bytes that lie [`ahead`](Self::ahead): whole opcodes, or the one whose argument comes next.
    #[inline(always)]
    fn skip(&mut self, _count: usize) {}

    /// Called once at the end of a stream: gives back what was peeked at and not consumed.
    fn finish(&mut self) -> ReadResult<()> {
        Ok(())
    }

    /// Whether what the source reads from is not where the stream is: see [`catch_up`](Self::catch_up).
    #[inline(always)]
    fn lags(&self) -> bool {
        false
    }

    /// Called where the source [lags](Self::lags), before the host runs code that may look at what is read from, or
    /// read from it: it must be found where the stream is.
    fn catch_up(&mut self) -> ReadResult<()> {
        Ok(())
    }

    /// The offset of the next byte from where this stream began.
    fn offset(&self) -> u64;

    /// Where the source is, in whatever way costs least; [`offset_of`](Self::offset_of) makes an offset of it.
    #[inline(always)]
    fn mark(&self) -> u64 {
        self.offset()
    }

    /// The offset of a place that was [marked](Self::mark).
    #[inline(always)]
    fn offset_of(&self, mark: u64) -> u64 {
        mark
    }

    /// The bytes at hand from an earlier offset on, for explaining a failure; empty where they are gone.
    fn lookahead(&self, _offset: u64) -> &[u8] {
        &[]
    }
}

/// The first one, two or four of these bytes as a little-endian number.
///
/// The widths come in no order that a processor could foresee, so there is one way for all of them.
#[inline(always)]
pub(crate) fn narrowed(bytes: [u8; 4], width: usize) -> u32 {
    u32::from_le_bytes(bytes) & (u32::MAX >> (32 - 8 * width as u32))
}

/// A [`Source`] over a slice.
///
/// ```
/// use brinery::read::{Cursor, Source};
///
/// let mut cursor = Cursor::new(b"I42\n.");
/// assert_eq!(cursor.opcode().unwrap(), Some(b'I'));
/// assert_eq!(&*cursor.line().unwrap(), b"42");
/// assert_eq!(cursor.offset(), 4);
/// ```
#[derive(Clone, Debug)]
pub struct Cursor<'de> {
    rest: Rest<'de>,
    input: &'de [u8],
    base: u64,
}

impl<'de> Cursor<'de> {
    /// A cursor at the start of `input`.
    pub fn new(input: &'de [u8]) -> Self {
        Cursor { rest: Rest::new(input), input, base: 0 }
    }

    /// A cursor over a window of a larger input, which reports offsets in the larger one.
    pub fn with_base(input: &'de [u8], base: u64) -> Self {
        Cursor { rest: Rest::new(input), input, base }
    }

    /// What has not been read yet.
    #[inline(always)]
    pub fn rest(&self) -> &'de [u8] {
        self.rest.bytes()
    }

    /// Exactly `len` bytes, borrowed from the input.
    #[inline(always)]
    pub fn split(&mut self, len: usize) -> ReadResult<&'de [u8]> {
        self.rest.split(len).ok_or(ReadError::Truncated)
    }
}

impl<'de> Cursor<'de> {
    /// The bytes up to the next newline, borrowed from the input; the newline is consumed and not returned.
    #[inline(always)]
    pub fn split_line(&mut self) -> ReadResult<&'de [u8]> {
        let end = memchr::memchr(b'\n', self.rest.bytes()).ok_or(ReadError::Truncated)?;
        let line = self.split(end)?;
        self.rest.skip(1);
        Ok(line)
    }
}

impl<'de> Source<'de> for Cursor<'de> {
    const COPIES: bool = true;

    #[inline(always)]
    fn opcode(&mut self) -> ReadResult<Option<u8>> {
        Ok(self.opcode_at_hand())
    }

    #[inline(always)]
    fn opcode_at_hand(&mut self) -> Option<u8> {
        self.rest.next()
    }

    #[inline(always)]
    fn opcode_if(&mut self, opcode: u8) -> bool {
        let found = self.rest.first() == Some(opcode);
        if found {
            self.rest.skip(1);
        }
        found
    }

    #[inline(always)]
    fn at_hand<const N: usize>(&mut self) -> Option<&[u8; N]> {
        self.rest.chunk()
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> ReadResult<[u8; N]> {
        self.rest.chunk().copied().ok_or(ReadError::Truncated)
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> ReadResult<Chunk<'de, '_>> {
        self.split(len).map(Chunk::Borrowed)
    }

    #[inline(always)]
    fn line(&mut self) -> ReadResult<Chunk<'de, '_>> {
        self.split_line().map(Chunk::Borrowed)
    }

    #[inline(always)]
    fn read_into(&mut self, buffer: &mut [u8]) -> ReadResult<()> {
        buffer.copy_from_slice(self.split(buffer.len())?);
        Ok(())
    }

    #[inline(always)]
    fn buffered(&self) -> usize {
        self.rest.len()
    }

    #[inline(always)]
    fn frame(&mut self, len: usize) -> ReadResult<()> {
        if len > self.rest.len() { Err(ReadError::Truncated) } else { Ok(()) }
    }

    #[inline(always)]
    fn offset(&self) -> u64 {
        self.offset_of(self.mark())
    }

    #[inline(always)]
    fn mark(&self) -> u64 {
        self.rest.address() as u64
    }

    #[inline(always)]
    fn offset_of(&self, mark: u64) -> u64 {
        self.base + (mark - self.input.as_ptr().addr() as u64)
    }

    #[inline(always)]
    fn ahead(&self) -> &[u8] {
        self.rest.bytes()
    }

    #[inline(always)]
    fn skip(&mut self, count: usize) {
        self.rest.skip(count);
    }

    #[inline(always)]
    fn copy(&self) -> Self {
        self.clone()
    }

    fn lookahead(&self, offset: u64) -> &[u8] {
        usize::try_from(offset - self.base).ok().and_then(|start| self.input.get(start..)).unwrap_or_default()
    }
}
