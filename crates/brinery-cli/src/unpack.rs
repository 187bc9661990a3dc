//! The wrappers that pickles come in, known by their first bytes.

use std::io::{self, Cursor, Read};

/// A format around other data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapper {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
    Zlib,
    Zip,
}

/// How much memory a decompressor may take for its window.
const WINDOW: usize = 1 << 30;

impl Wrapper {
    /// The wrapper that data begins with, if any. None of these can begin a pickle.
    pub(crate) fn of(data: &[u8]) -> Option<Self> {
        Some(match data {
            [0x1f, 0x8b, ..] => Wrapper::Gzip,
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', b'&', b'S', b'Y', ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Wrapper::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Wrapper::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Wrapper::Zstd,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Wrapper::Zip,
            [0x78, flags, ..] if (0x7800 | u16::from(*flags)).is_multiple_of(31) && flags & 0x20 == 0 => {
                Wrapper::Zlib
            }
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Wrapper::Gzip => "gzip",
            Wrapper::Bzip2 => "bzip2",
            Wrapper::Xz => "xz",
            Wrapper::Zstd => "zstd",
            Wrapper::Zlib => "zlib",
            Wrapper::Zip => "zip",
        }
    }

    /// A reader of what is inside. A zip archive holds more than one thing: see [`Archive`].
    pub(crate) fn reader(self, data: &[u8]) -> Box<dyn Read + '_> {
        match self {
            Wrapper::Gzip => Box::new(flate2::read::MultiGzDecoder::new(data)),
            Wrapper::Zlib => Box::new(flate2::read::ZlibDecoder::new(data)),
            Wrapper::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(data)),
            Wrapper::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(data, true, (WINDOW >> 10) as u32)),
            Wrapper::Zstd => Box::new(Zstd { rest: data, frame: None }),
            Wrapper::Zip => Box::new(io::empty()),
        }
    }
}

type ZstdFrame<'a> = ruzstd::decoding::StreamingDecoder<&'a [u8], ruzstd::decoding::FrameDecoder>;

/// The frames of a zstd file, one after the other.
struct Zstd<'a> {
    rest: &'a [u8],
    frame: Option<ZstdFrame<'a>>,
}

impl<'a> Zstd<'a> {
    fn open(&mut self) -> io::Result<Option<ZstdFrame<'a>>> {
        use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
        while !self.rest.is_empty() {
            match ZstdFrame::new_with_max_window_size(self.rest, WINDOW as u64) {
                Ok(frame) => return Ok(Some(frame)),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    // The magic number and the length take eight bytes.
                    self.rest = self.rest.get(8 + length as usize..).unwrap_or_default();
                }
                Err(error) => return Err(plain_zstd(&error)),
            }
        }
        Ok(None)
    }
}

impl Read for Zstd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.open()? {
                    Some(frame) => frame,
                    None => return Ok(0),
                },
            };
            let len = frame.read(buffer).map_err(|error| plain_zstd(&error))?;
            if len > 0 || buffer.is_empty() {
                self.frame = Some(frame);
                return Ok(len);
            }
            self.rest = frame.into_inner();
        }
    }
}

/// An error of the decompressor without the names of its types.
fn plain_zstd(error: &dyn std::error::Error) -> io::Error {
    let text = error.to_string();
    let text = if text.contains("UnexpectedEof") {
        "unexpected end of file"
    } else {
        let before_types = text.split_once(['(', '{']).and_then(|(start, _)| start.rsplit_once(": "));
        before_types.map_or(&*text, |(start, _)| start)
    };
    io::Error::other(text.to_owned())
}

/// A zip archive.
pub(crate) struct Archive<'a>(zip::ZipArchive<Cursor<&'a [u8]>>);

impl<'a> Archive<'a> {
    pub(crate) fn open(data: &'a [u8]) -> Result<Self, String> {
        zip::ZipArchive::new(Cursor::new(data)).map(Archive).map_err(|error| plain(&error))
    }

    /// The names of the files in it.
    pub(crate) fn members(&self) -> Vec<String> {
        let names = self.0.file_names().filter_map(|name| name.ok().map(std::borrow::Cow::into_owned));
        let mut names: Vec<_> = names.filter(|name| !name.ends_with('/')).collect();
        names.sort();
        names
    }

    /// A reader of one of them.
    pub(crate) fn member(&mut self, name: &str) -> Result<Box<dyn Read + '_>, String> {
        match self.0.by_name(name) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => Err(plain(&error)),
        }
    }
}

fn plain(error: &zip::result::ZipError) -> String {
    match error {
        zip::result::ZipError::FileNotFound => "no such member".into(),
        error => error.to_string(),
    }
}
