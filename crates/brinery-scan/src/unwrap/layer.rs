//! Compressed data: one thing inside another.

use crate::blob::{Blob, Reader};
use std::io::{self, BufReader, Read};

/// How much memory a decompressor may take for its window, in KiB.
const WINDOW: u32 = 256 << 10;

/// A way of compressing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    Gzip,
    Bzip2,
    Xz,
    Lzma,
    Zstd,
    Lz4,
    Zlib,
    /// What joblib wrote long ago: `ZF`, a length in hexadecimal, zlib.
    Joblib,
}

impl Layer {
    /// The layer that bytes begin with. None of these begins a pickle that does anything.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        Some(match head {
            [0x1f, 0x8b, 8, ..] => Layer::Gzip,
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', b'&', b'S', b'Y', ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Layer::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Layer::Xz,
            [0x5d, 0, 0, _, _, rest @ ..]
                if rest.len() >= 8 && (rest[..8] == [0xff; 8] || rest[5..8] == [0; 3]) =>
            {
                Layer::Lzma
            }
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Layer::Zstd,
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Layer::Zstd,
            [0x04, 0x22, 0x4d, 0x18, ..] => Layer::Lz4,
            [b'Z', b'F', b'0', b'x', ..] => Layer::Joblib,
            [0x78, flags, ..] if (0x7800 | u16::from(*flags)).is_multiple_of(31) && flags & 0x20 == 0 => {
                Layer::Zlib
            }
            _ => return None,
        })
    }

    /// Whether there may be compressed data of this kind that begins with these bytes: the two of zlib are in other data, too. What
    /// follows may belong to something else.
    pub(crate) fn opens(self, bytes: &[u8]) -> bool {
        if self != Layer::Zlib {
            return true;
        }
        let first = &bytes[..bytes.len().min(20)];
        let mut reader = flate2::bufread::ZlibDecoder::new(first);
        let read = reader.read_exact(&mut [0; 1]);
        read.map_or_else(|error| error.kind() == io::ErrorKind::UnexpectedEof, |()| true)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Layer::Gzip => "gzip",
            Layer::Bzip2 => "bzip2",
            Layer::Xz => "xz",
            Layer::Lzma => "lzma",
            Layer::Zstd => "zstd",
            Layer::Lz4 => "lz4",
            Layer::Zlib => "zlib",
            Layer::Joblib => "joblib zlib",
        }
    }

    /// A reader of what is inside.
    pub(crate) fn reader<'a>(self, blob: &Blob<'a>) -> io::Result<Box<dyn Read + 'a>> {
        let reader = blob.reader();
        Ok(match self {
            Layer::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
            Layer::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(reader)),
            Layer::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(reader, true, WINDOW)),
            Layer::Lzma => Box::new(
                lzma_rust2::LzmaReader::new_mem_limit(reader, WINDOW, None)
                    .map_err(|error| io::Error::other(error.to_string()))?,
            ),
            Layer::Zstd => Box::new(Zstd { blob: blob.clone(), at: 0, frame: None }),
            Layer::Lz4 => Box::new(super::lz4::Lz4::new(reader)),
            Layer::Zlib => Box::new(flate2::bufread::ZlibDecoder::new(reader)),
            Layer::Joblib => {
                // The length is written in as many characters as the longest would take.
                let head = blob.head(40)?;
                let start = (2..head.len().saturating_sub(1))
                    .find(|&at| head[at] == 0x78 && Layer::of(&head[at..]) == Some(Layer::Zlib) && at >= 12)
                    .ok_or_else(|| io::Error::other("no zlib data after the length"))?;
                Box::new(flate2::bufread::ZlibDecoder::new(blob.from(start as u64).reader()))
            }
        })
    }
}

type Frame<'a> = ruzstd::decoding::StreamingDecoder<BufReader<Reader<'a>>, ruzstd::decoding::FrameDecoder>;

/// The frames of a zstd file, one after the other.
struct Zstd<'a> {
    blob: Blob<'a>,
    at: u64,
    frame: Option<Frame<'a>>,
}

impl Read for Zstd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.frame.is_none() {
                let head = self.blob.get(self.at, 8)?;
                if head.is_empty() {
                    return Ok(0);
                }
                if let [0x50..=0x5f, 0x2a, 0x4d, 0x18, len @ ..] = &head[..]
                    && let Some(len) = len.first_chunk::<4>()
                {
                    self.at += 8 + u64::from(u32::from_le_bytes(*len));
                    continue;
                }
                let reader = BufReader::with_capacity(1, self.blob.from(self.at).reader());
                let frame = Frame::new_with_max_window_size(reader, u64::from(WINDOW) << 10)
                    .map_err(|error| io::Error::other(error.to_string()))?;
                self.frame = Some(frame);
            }
            let Some(frame) = &mut self.frame else { return Ok(0) };
            let len = frame.read(buffer)?;
            if len > 0 || buffer.is_empty() {
                return Ok(len);
            }
            if let Some(frame) = self.frame.take() {
                let reader = frame.into_inner();
                self.at += reader.get_ref().consumed() - reader.buffer().len() as u64;
            }
        }
    }
}
