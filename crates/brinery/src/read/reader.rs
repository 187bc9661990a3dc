//! A source over a reader.

use super::cursor::{Chunk, ReadError, ReadResult, Source};
use std::io::{self, BufRead};

/// How much is reserved at once for bytes that have only been claimed.
const STEP: usize = 1 << 20;

/// A [`Source`] over a buffered reader, which takes not a byte beyond the end of the pickle.
///
/// Frames are read in one piece, as far as there is input for them.
///
/// ```
/// use brinery::read::{Reader, Source};
///
/// let mut input = &b"N.rest"[..];
/// let mut reader = Reader::new(&mut input);
/// assert_eq!(reader.opcode().unwrap(), Some(b'N'));
/// assert_eq!(reader.opcode().unwrap(), Some(b'.'));
/// reader.finish().unwrap();
/// assert_eq!(input, b"rest");
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    reader: R,
    /// How many bytes of the reader's buffer have been handed out and not been consumed.
    pending: usize,
    /// The frame at hand, and how much of it has been read.
    frame: Vec<u8>,
    position: usize,
    /// What did not lie in one piece.
    scratch: Vec<u8>,
    offset: u64,
    /// The last opcode, for explaining a failure.
    opcode: [u8; 1],
    opcode_offset: u64,
}

impl<R: BufRead> Reader<R> {
    /// A source that begins where the reader stands.
    pub fn new(reader: R) -> Self {
        Reader {
            reader,
            pending: 0,
            frame: Vec::new(),
            position: 0,
            scratch: Vec::new(),
            offset: 0,
            opcode: [0],
            opcode_offset: u64::MAX,
        }
    }

    fn settle(&mut self) {
        if self.pending > 0 {
            self.reader.consume(self.pending);
            self.pending = 0;
        }
    }

    /// The reader's buffer, filled if it was empty.
    fn fill(&mut self) -> ReadResult<&[u8]> {
        self.settle();
        loop {
            match self.reader.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ReadError::Io(error)),
            }
        }
        self.reader.fill_buf().map_err(ReadError::Io)
    }

    /// Appends `len` bytes of the reader to a buffer, which grows only with what is there.
    fn append(&mut self, len: usize, frame: bool) -> ReadResult<()> {
        let mut missing = len;
        while missing > 0 {
            let available = self.fill()?;
            if available.is_empty() {
                return Err(ReadError::Truncated);
            }
            let taken = available.len().min(missing);
            // The borrow of the reader's buffer ends here; it is filled and so comes back as it was.
            let available = self.reader.fill_buf().map_err(ReadError::Io)?;
            let target = if frame { &mut self.frame } else { &mut self.scratch };
            if target.capacity() - target.len() < taken {
                target.reserve(missing.min(STEP.max(target.len())).max(taken));
            }
            target.extend_from_slice(&available[..taken]);
            self.reader.consume(taken);
            missing -= taken;
        }
        Ok(())
    }

    fn framed(&self) -> usize {
        self.frame.len() - self.position
    }

    /// Moves `len` bytes into the scratch buffer, from the frame first.
    fn gather(&mut self, len: usize) -> ReadResult<()> {
        self.scratch.clear();
        let framed = self.framed().min(len);
        self.scratch.extend_from_slice(&self.frame[self.position..][..framed]);
        self.position += framed;
        self.append(len - framed, false)
    }
}

impl<'de, R: BufRead> Source<'de> for Reader<R> {
    #[inline]
    fn opcode(&mut self) -> ReadResult<Option<u8>> {
        let byte = if let Some(&byte) = self.frame.get(self.position) {
            self.position += 1;
            byte
        } else {
            let Some(&byte) = self.fill()?.first() else { return Ok(None) };
            self.pending = 1;
            byte
        };
        self.opcode = [byte];
        self.opcode_offset = self.offset;
        self.offset += 1;
        Ok(Some(byte))
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> ReadResult<[u8; N]> {
        let bytes = self.take(N)?;
        bytes.first_chunk::<N>().copied().ok_or(ReadError::Truncated)
    }

    fn take(&mut self, len: usize) -> ReadResult<Chunk<'de, '_>> {
        if len <= self.framed() {
            let start = self.position;
            self.position += len;
            self.offset += len as u64;
            return Ok(Chunk::Transient(&self.frame[start..][..len]));
        }
        if self.framed() == 0 && self.fill()?.len() >= len {
            self.pending = len;
            self.offset += len as u64;
            let available = self.reader.fill_buf().map_err(ReadError::Io)?;
            return Ok(Chunk::Transient(&available[..len]));
        }
        self.gather(len)?;
        self.offset += len as u64;
        Ok(Chunk::Transient(&self.scratch))
    }

    fn line(&mut self) -> ReadResult<Chunk<'de, '_>> {
        if let Some(len) = memchr::memchr(b'\n', &self.frame[self.position..]) {
            let start = self.position;
            self.position += len + 1;
            self.offset += len as u64 + 1;
            return Ok(Chunk::Transient(&self.frame[start..][..len]));
        }
        let framed = self.framed();
        self.gather(framed)?;
        loop {
            let available = self.fill()?;
            if available.is_empty() {
                return Err(ReadError::Truncated);
            }
            let (taken, found) = match memchr::memchr(b'\n', available) {
                Some(end) => (end + 1, true),
                None => (available.len(), false),
            };
            self.append(taken, false)?;
            if found {
                self.offset += self.scratch.len() as u64;
                return Ok(Chunk::Transient(&self.scratch[..self.scratch.len() - 1]));
            }
        }
    }

    fn read_into(&mut self, buffer: &mut [u8]) -> ReadResult<()> {
        buffer.copy_from_slice(&self.take(buffer.len())?);
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.framed()
    }

    fn frame(&mut self, len: usize) -> ReadResult<()> {
        // A frame inside a frame only claims what is there already.
        let missing = len.saturating_sub(self.framed());
        if self.position > self.frame.len() / 2 {
            self.frame.drain(..self.position);
            self.position = 0;
        }
        self.append(missing, true)
    }

    fn finish(&mut self) -> ReadResult<()> {
        self.settle();
        Ok(())
    }

    fn offset(&self) -> u64 {
        self.offset
    }

    fn lookahead(&self, offset: u64) -> &[u8] {
        if offset == self.opcode_offset { &self.opcode } else { &[] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    #[test]
    fn pieces_are_put_together() {
        for capacity in 1..20 {
            let mut reader = Reader::new(BufReader::with_capacity(capacity, &b"Kabcdefg\nline\nrest"[..]));
            assert_eq!(reader.opcode().unwrap(), Some(b'K'));
            assert_eq!(&*reader.take(7).unwrap(), b"abcdefg");
            assert_eq!(&*reader.line().unwrap(), b"");
            assert_eq!(&*reader.line().unwrap(), b"line");
            assert_eq!(reader.offset(), 14);
            assert!(matches!(reader.take(5), Err(ReadError::Truncated)));
        }
    }

    #[test]
    fn a_frame_is_read_in_one_piece_and_may_end_early() {
        let mut reader = Reader::new(BufReader::with_capacity(3, &b"abcdefgh"[..]));
        reader.frame(4).unwrap();
        assert_eq!(reader.buffered(), 4);
        assert_eq!(&*reader.take(6).unwrap(), b"abcdef");
        assert!(matches!(reader.frame(usize::MAX >> 1), Err(ReadError::Truncated)));
        assert!(reader.frame.capacity() <= STEP + 8);
    }
}
