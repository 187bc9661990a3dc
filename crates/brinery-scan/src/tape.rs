//! A stream in a blob that is not in memory, or that has raw arrays between its opcodes.

use crate::blob::Blob;
use brinery::read::{Chunk, ReadError, ReadResult, Source};
use std::cell::Cell;

/// How much is in memory at a time. Of a longer string no more than this is shown.
const WINDOW: usize = 1 << 20;

/// What lies between two opcodes, as the host finds out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Between {
    /// Nothing.
    #[default]
    Nothing,
    /// An array of so many bytes, after one byte that counts the padding after it if `padded`.
    Array { bytes: u64, padded: bool },
    /// A whole pickle.
    Pickle,
}

/// Where the stream is read, and what has been found between its opcodes.
pub(crate) struct Tape<'a, 't> {
    blob: &'t Blob<'a>,
    window: Vec<u8>,
    /// Where the window starts in the blob.
    start: u64,
    position: usize,
    between: &'t Cell<Between>,
    /// Looks at a pickle between opcodes and returns where it ends.
    pickle: &'t dyn Fn(u64) -> Option<u64>,
    lines: Vec<u8>,
}

impl<'a, 't> Tape<'a, 't> {
    pub(crate) fn new(
        blob: &'t Blob<'a>,
        start: u64,
        between: &'t Cell<Between>,
        pickle: &'t dyn Fn(u64) -> Option<u64>,
    ) -> Self {
        Tape { blob, window: Vec::new(), start, position: 0, between, pickle, lines: Vec::new() }
    }

    fn at(&self) -> u64 {
        self.start + self.position as u64
    }

    fn remaining(&self) -> u64 {
        self.blob.len().saturating_sub(self.at())
    }

    /// Makes sure that so many bytes are in the window, no more than it can hold.
    #[inline(always)]
    fn need(&mut self, len: usize) -> ReadResult<()> {
        if self.window.len().wrapping_sub(self.position) >= len { Ok(()) } else { self.refill(len) }
    }

    #[cold]
    #[inline(never)]
    fn refill(&mut self, len: usize) -> ReadResult<()> {
        self.start = self.at();
        self.position = 0;
        self.window.resize(WINDOW, 0);
        let count = self.blob.read_at(self.start, &mut self.window).map_err(ReadError::Io);
        self.window.truncate(*count.as_ref().unwrap_or(&0));
        if count? < len { Err(ReadError::Truncated) } else { Ok(()) }
    }

    #[inline(never)]
    fn take_far(&mut self, len: usize) -> ReadResult<Chunk<'static, '_>> {
        if len as u64 > self.remaining() {
            return Err(ReadError::Truncated);
        }
        if len > WINDOW {
            self.start = self.at();
            self.position = 0;
            self.window.resize(WINDOW, 0);
            let count = self.blob.read_at(self.start, &mut self.window).map_err(ReadError::Io)?;
            // The window is shown, and the stream goes on after the string.
            let shown = count.min(WINDOW);
            self.start += len as u64 - shown as u64;
            self.position = shown;
            self.window.truncate(shown);
            return Ok(Chunk::Transient(&self.window));
        }
        self.need(len)?;
        self.position += len;
        Ok(Chunk::Transient(&self.window[self.position - len..self.position]))
    }

    fn pass(&mut self, between: Between) -> ReadResult<()> {
        match between {
            Between::Nothing => Ok(()),
            Between::Array { bytes, padded } => {
                let padding: u64 = if padded { self.array::<1>()?[0].into() } else { 0 };
                let len = bytes.checked_add(padding).ok_or(ReadError::Truncated)?;
                if len > self.remaining() {
                    return Err(ReadError::Truncated);
                }
                self.skip(usize::try_from(len).map_err(|_| ReadError::Truncated)?);
                Ok(())
            }
            Between::Pickle => {
                let end = (self.pickle)(self.at()).ok_or(ReadError::Truncated)?;
                self.skip(end.saturating_sub(self.at()) as usize);
                Ok(())
            }
        }
    }
}

impl<'de> Source<'de> for Tape<'_, '_> {
    #[inline]
    fn opcode(&mut self) -> ReadResult<Option<u8>> {
        let between = self.between.take();
        self.pass(between)?;
        if self.remaining() == 0 {
            return Ok(None);
        }
        self.need(1)?;
        self.position += 1;
        Ok(Some(self.window[self.position - 1]))
    }

    #[inline(always)]
    fn opcode_at_hand(&mut self) -> Option<u8> {
        if self.between.get() != Between::Nothing {
            return None;
        }
        let &byte = self.window.get(self.position)?;
        self.position += 1;
        Some(byte)
    }

    #[inline(always)]
    fn opcode_if(&mut self, opcode: u8) -> bool {
        let found = self.window.get(self.position) == Some(&opcode);
        self.position += usize::from(found);
        found
    }

    #[inline(always)]
    fn at_hand<const N: usize>(&mut self) -> Option<&[u8; N]> {
        let bytes = self.window.get(self.position..)?.first_chunk()?;
        self.position += N;
        Some(bytes)
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> ReadResult<[u8; N]> {
        self.need(N)?;
        let bytes = self.window[self.position..].first_chunk::<N>().ok_or(ReadError::Truncated)?;
        self.position += N;
        Ok(*bytes)
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> ReadResult<Chunk<'de, '_>> {
        let at = self.position;
        if self.window.len().wrapping_sub(at) >= len {
            self.position = at + len;
            return Ok(Chunk::Transient(&self.window[at..at + len]));
        }
        self.take_far(len)
    }

    fn line(&mut self) -> ReadResult<Chunk<'de, '_>> {
        self.lines.clear();
        loop {
            self.need(1)?;
            let rest = &self.window[self.position..];
            let end = memchr::memchr(b'\n', rest);
            let piece = &rest[..end.unwrap_or(rest.len())];
            let room = WINDOW - self.lines.len().min(WINDOW);
            self.lines.extend_from_slice(&piece[..piece.len().min(room)]);
            self.position += piece.len() + usize::from(end.is_some());
            if end.is_some() {
                return Ok(Chunk::Transient(&self.lines));
            }
        }
    }

    fn read_into(&mut self, buffer: &mut [u8]) -> ReadResult<()> {
        let count = self.blob.read_at(self.at(), buffer).map_err(ReadError::Io)?;
        if count < buffer.len() {
            return Err(ReadError::Truncated);
        }
        self.skip(count);
        Ok(())
    }

    #[inline(always)]
    fn buffered(&self) -> usize {
        usize::try_from(self.remaining()).unwrap_or(usize::MAX)
    }

    fn frame(&mut self, len: usize) -> ReadResult<()> {
        if len as u64 > self.remaining() { Err(ReadError::Truncated) } else { Ok(()) }
    }

    #[inline(always)]
    fn offset(&self) -> u64 {
        self.at()
    }

    #[inline(always)]
    fn ahead(&self) -> &[u8] {
        if self.between.get() != Between::Nothing {
            return &[];
        }
        self.window.get(self.position..).unwrap_or_default()
    }

    #[inline(always)]
    fn skip(&mut self, count: usize) {
        let count = count.min(self.buffered());
        if self.window.len().saturating_sub(self.position) >= count {
            self.position += count;
        } else {
            self.start = self.at() + count as u64;
            self.position = 0;
            self.window.clear();
        }
    }
}
