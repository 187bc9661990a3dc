//! Bytes to look into: in memory, or in a file of which only a window is in memory at a time.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex};

/// What is not larger is read into memory.
pub(crate) const SMALL: u64 = 16 << 20;
/// How much of a file is kept where something short was read, and how much is short.
const NEAR: usize = 1 << 16;
const SHORT: usize = 1 << 12;
/// In how many places that is so.
const WINDOWS: usize = 4;

#[derive(Clone, Debug)]
enum Store<'a> {
    Lent(&'a [u8]),
    Memory(Arc<Vec<u8>>),
    File(Arc<Mutex<Opened>>),
}

/// A file, and the parts of it in which something short was read last, the last of them first.
#[derive(Debug)]
struct Opened {
    file: File,
    windows: Vec<(u64, Vec<u8>)>,
}

impl Opened {
    fn store(file: File) -> Store<'static> {
        Store::File(Arc::new(Mutex::new(Opened { file, windows: Vec::new() })))
    }

    /// Reads at a place as much as `buffer` holds, or as there is.
    fn read_at(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.seek(SeekFrom::Start(at))?;
        let mut done = 0;
        while done < buffer.len() {
            match self.file.read(&mut buffer[done..])? {
                0 => break,
                count => done += count,
            }
        }
        Ok(done)
    }

    /// The same for what is short: what is asked for next is likely to be near.
    fn read_near(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let end = at + buffer.len() as u64;
        let holds = |(start, window): &(u64, Vec<u8>)| at >= *start && end <= start + window.len() as u64;
        match self.windows.iter().position(holds) {
            Some(0) => {}
            Some(place) => self.windows[..=place].rotate_right(1),
            None => {
                let last = if self.windows.len() < WINDOWS { None } else { self.windows.pop() };
                let (_, mut window) = last.unwrap_or_default();
                window.resize(NEAR, 0);
                let start = at.saturating_sub(NEAR as u64 / 8);
                let count = self.read_at(start, &mut window)?;
                window.truncate(count);
                self.windows.insert(0, (start, window));
            }
        }
        let (start, window) = &self.windows[0];
        let Some(bytes) = window.get((at - start) as usize..) else { return Ok(0) };
        let len = bytes.len().min(buffer.len());
        buffer[..len].copy_from_slice(&bytes[..len]);
        Ok(len)
    }
}

/// A piece of something that can be read at any place. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Blob<'a> {
    store: Store<'a>,
    start: u64,
    len: u64,
}

impl<'a> Blob<'a> {
    /// Bytes that somebody else has.
    pub(crate) fn lent(bytes: &'a [u8]) -> Self {
        Blob { len: bytes.len() as u64, store: Store::Lent(bytes), start: 0 }
    }

    /// Bytes in memory.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Blob { len: bytes.len() as u64, store: Store::Memory(Arc::new(bytes)), start: 0 }
    }

    /// A file, in memory if it is small.
    pub(crate) fn open(mut file: File, len: u64) -> io::Result<Self> {
        if len <= SMALL {
            let mut bytes = Vec::with_capacity(len as usize);
            Read::by_ref(&mut file).take(SMALL + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 <= SMALL {
                return Ok(Self::of(bytes));
            }
            file.seek(SeekFrom::Start(0))?;
        }
        let len = file.metadata()?.len();
        Ok(Blob { store: Opened::store(file), start: 0, len })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// All of it, if it is in memory.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match &self.store {
            Store::Lent(bytes) => bytes.get(self.start as usize..(self.start + self.len) as usize),
            Store::Memory(bytes) => bytes.get(self.start as usize..(self.start + self.len) as usize),
            Store::File(_) => None,
        }
    }

    /// A part of it; what would be beyond the end is not.
    pub(crate) fn part(&self, start: u64, len: u64) -> Blob<'a> {
        let start = start.min(self.len);
        let len = len.min(self.len - start);
        Blob { store: self.store.clone(), start: self.start + start, len }
    }

    /// What begins at `start`.
    pub(crate) fn from(&self, start: u64) -> Blob<'a> {
        self.part(start, u64::MAX)
    }

    /// Reads at a place as much as `buffer` holds, or as there is.
    pub(crate) fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if at >= self.len {
            return Ok(0);
        }
        let len = (buffer.len() as u64).min(self.len - at) as usize;
        let start = self.start + at;
        match &self.store {
            Store::Lent(bytes) => buffer[..len].copy_from_slice(&bytes[start as usize..start as usize + len]),
            Store::Memory(bytes) => {
                buffer[..len].copy_from_slice(&bytes[start as usize..start as usize + len]);
            }
            Store::File(file) => {
                let mut file = file.lock().map_err(|_| io::Error::other("a reader has failed"))?;
                let buffer = &mut buffer[..len];
                return if len <= SHORT {
                    file.read_near(start, buffer)
                } else {
                    file.read_at(start, buffer)
                };
            }
        }
        Ok(len)
    }

    /// Up to `len` bytes at a place.
    pub(crate) fn get(&self, at: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; (len as u64).min(self.len.saturating_sub(at)) as usize];
        let count = self.read_at(at, &mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// The same without a copy, if it is in memory.
    pub(crate) fn view(&self, at: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        match self.bytes() {
            Some(bytes) => {
                let bytes = bytes.get(at as usize..).unwrap_or_default();
                Ok(Cow::Borrowed(&bytes[..len.min(bytes.len())]))
            }
            None => self.get(at, len).map(Cow::Owned),
        }
    }

    /// The first bytes at a place, and zeros beyond the end.
    pub(crate) fn peek<const N: usize>(&self, at: u64) -> io::Result<([u8; N], usize)> {
        let mut bytes = [0; N];
        let count = self.read_at(at, &mut bytes)?;
        Ok((bytes, count))
    }

    /// The first bytes.
    pub(crate) fn head(&self, len: usize) -> io::Result<Vec<u8>> {
        self.get(0, len)
    }

    /// A reader from the start.
    pub(crate) fn reader(&self) -> Reader<'a> {
        Reader { blob: self.clone(), at: 0, buffer: Vec::new(), position: 0 }
    }
}

/// Reads a blob in pieces.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    blob: Blob<'a>,
    at: u64,
    buffer: Vec<u8>,
    position: usize,
}

const PIECE: usize = 1 << 18;

impl Reader<'_> {
    /// How many bytes have been read.
    pub(crate) fn consumed(&self) -> u64 {
        self.at - (self.buffer.len() - self.position) as u64
    }
}

impl io::BufRead for Reader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position == self.buffer.len() {
            self.buffer.resize((PIECE as u64).min(self.blob.len - self.at) as usize, 0);
            let count = self.blob.read_at(self.at, &mut self.buffer)?;
            self.buffer.truncate(count);
            self.at += count as u64;
            self.position = 0;
        }
        Ok(&self.buffer[self.position..])
    }

    fn consume(&mut self, count: usize) {
        self.position += count;
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use io::BufRead;
        let have = self.fill_buf()?;
        let len = have.len().min(buffer.len());
        buffer[..len].copy_from_slice(&have[..len]);
        self.consume(len);
        Ok(len)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(back) => self.blob.len.checked_add_signed(back),
            SeekFrom::Current(by) => self.consumed().checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?.min(self.blob.len);
        self.buffer.clear();
        self.position = 0;
        Ok(self.at)
    }
}

/// Why something cannot be unpacked.
#[derive(Debug)]
pub(crate) enum SpoolError {
    /// It unpacks to more than is allowed.
    TooLarge(u64),
    /// It is damaged; what came before is there.
    Damaged(String),
}

/// Reads all of `reader` into memory, or into a nameless file if it is large. What came before an error is returned with it.
pub(crate) fn spool(reader: &mut dyn Read, limit: u64) -> (Blob<'static>, Option<SpoolError>) {
    let mut memory = Vec::new();
    let mut file: Option<File> = None;
    let mut total = 0u64;
    let mut piece = vec![0; 1 << 16];
    let mut error = None;
    loop {
        match reader.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => {
                total += count as u64;
                if total > limit {
                    error = Some(SpoolError::TooLarge(limit));
                    break;
                }
                if let Some(file) = &mut file {
                    if let Err(failed) = file.write_all(&piece[..count]) {
                        error = Some(SpoolError::Damaged(format!("no room to unpack: {failed}")));
                        break;
                    }
                } else {
                    memory.extend_from_slice(&piece[..count]);
                    if memory.len() as u64 > SMALL {
                        match tempfile::tempfile().and_then(|mut new| new.write_all(&memory).map(|()| new)) {
                            Ok(new) => {
                                file = Some(new);
                                memory = Vec::new();
                            }
                            Err(failed) => {
                                error = Some(SpoolError::Damaged(format!("no room to unpack: {failed}")));
                                break;
                            }
                        }
                    }
                }
            }
            Err(failed) if failed.kind() == io::ErrorKind::Interrupted => {}
            Err(failed) => {
                error = Some(SpoolError::Damaged(failed.to_string()));
                break;
            }
        }
    }
    let blob = match file {
        None => Blob::of(memory),
        Some(file) => {
            let len = file.metadata().map_or(0, |metadata| metadata.len());
            Blob { store: Opened::store(file), start: 0, len }
        }
    };
    (blob, error)
}
