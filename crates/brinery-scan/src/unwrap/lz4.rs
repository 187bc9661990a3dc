//! The frames of LZ4, as `lz4`, joblib and many stores write them.

use crate::blob::Reader;
use std::io::{self, Read};

/// How far back a block may refer.
const BACK: usize = 64 << 10;
/// How large a block may be.
const LARGEST: usize = 4 << 20;

/// Unpacks frame after frame.
pub(crate) struct Lz4<'a> {
    source: Reader<'a>,
    /// What is unpacked, with what the next block may refer to before it.
    out: Vec<u8>,
    /// Where what has not been handed out begins.
    from: usize,
    frame: Option<Frame>,
}

#[derive(Clone, Copy)]
struct Frame {
    linked: bool,
    block_checksums: bool,
    checksum: bool,
}

fn damaged(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

impl<'a> Lz4<'a> {
    pub(crate) fn new(source: Reader<'a>) -> Self {
        Lz4 { source, out: Vec::new(), from: 0, frame: None }
    }

    fn word(&mut self) -> io::Result<u32> {
        let mut word = [0; 4];
        self.source.read_exact(&mut word)?;
        Ok(u32::from_le_bytes(word))
    }

    /// The header of the next frame, if there is one.
    fn header(&mut self) -> io::Result<Option<Frame>> {
        loop {
            let magic = match self.word() {
                Ok(magic) => magic,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(error) => return Err(error),
            };
            if magic & 0xffff_fff0 == 0x184d_2a50 {
                let len = self.word()?;
                io::copy(&mut self.source.by_ref().take(len.into()), &mut io::sink())?;
                continue;
            }
            if magic != 0x184d_2204 {
                return Err(damaged("something that is no LZ4 frame follows"));
            }
            let mut descriptor = [0; 2];
            self.source.read_exact(&mut descriptor)?;
            let flags = descriptor[0];
            if flags >> 6 != 1 {
                return Err(damaged("an LZ4 frame of an unknown version"));
            }
            let rest = if flags & 8 != 0 { 8 } else { 0 } + if flags & 1 != 0 { 4 } else { 0 } + 1;
            self.source.read_exact(&mut [0; 13][..rest])?;
            return Ok(Some(Frame {
                linked: flags & 0x20 == 0,
                block_checksums: flags & 0x10 != 0,
                checksum: flags & 4 != 0,
            }));
        }
    }

    /// Unpacks the next block; whether there was one.
    fn block(&mut self) -> io::Result<bool> {
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None => match self.header()? {
                    Some(frame) => {
                        self.out.clear();
                        self.from = 0;
                        self.frame = Some(frame);
                        frame
                    }
                    None => return Ok(false),
                },
            };
            let size = self.word()?;
            if size == 0 {
                if frame.checksum {
                    self.word()?;
                }
                self.frame = None;
                continue;
            }
            let len = (size & 0x7fff_ffff) as usize;
            if len > LARGEST + LARGEST / 16 {
                return Err(damaged("an LZ4 block that is too large"));
            }
            let mut packed = vec![0; len];
            self.source.read_exact(&mut packed)?;
            if frame.block_checksums {
                self.word()?;
            }
            let keep = if frame.linked { self.out.len().min(BACK) } else { 0 };
            self.out.drain(..self.out.len() - keep);
            self.from = keep;
            if size >> 31 == 1 {
                self.out.extend_from_slice(&packed);
            } else {
                unpack(&packed, &mut self.out, keep + LARGEST)?;
            }
            return Ok(true);
        }
    }
}

impl Read for Lz4<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.from == self.out.len() {
            if !self.block()? {
                return Ok(0);
            }
        }
        let len = buffer.len().min(self.out.len() - self.from);
        buffer[..len].copy_from_slice(&self.out[self.from..self.from + len]);
        self.from += len;
        Ok(len)
    }
}

/// One block: literals, then a reference to what is behind, and so on.
fn unpack(packed: &[u8], out: &mut Vec<u8>, most: usize) -> io::Result<()> {
    let mut rest = packed;
    let length = |rest: &mut &[u8], nibble: u8| {
        let mut len = usize::from(nibble);
        if nibble == 15 {
            loop {
                let (&byte, after) = rest.split_first().ok_or_else(|| damaged("a cut LZ4 block"))?;
                *rest = after;
                len += usize::from(byte);
                if byte != 255 {
                    break;
                }
            }
        }
        io::Result::Ok(len)
    };
    while let Some((&token, after)) = rest.split_first() {
        rest = after;
        let literals = length(&mut rest, token >> 4)?;
        out.extend_from_slice(rest.get(..literals).ok_or_else(|| damaged("a cut LZ4 block"))?);
        rest = &rest[literals..];
        if rest.is_empty() {
            break;
        }
        let back = rest.first_chunk::<2>().map(|back| usize::from(u16::from_le_bytes(*back)));
        rest = rest.get(2..).unwrap_or_default();
        let len = length(&mut rest, token & 15)? + 4;
        let from = back.filter(|&back| back > 0).and_then(|back| out.len().checked_sub(back));
        let from = from.ok_or_else(|| damaged("an LZ4 block refers to before its start"))?;
        if out.len() + len > most {
            return Err(damaged("an LZ4 block that is too large"));
        }
        for step in 0..len {
            out.push(out[from + step]);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn references_may_overlap_what_they_make() {
        let mut out = Vec::new();
        super::unpack(&[0x12, b'a', 1, 0, 0x10, b'b'], &mut out, 100).unwrap();
        assert_eq!(out, b"aaaaaaab");
        assert!(super::unpack(&[0x12, b'a', 9, 0], &mut Vec::new(), 100).is_err());
    }
}
