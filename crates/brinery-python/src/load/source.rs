//! The bytes of a Python file object.

use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, bytes, error};
use crate::state::State;
use brinery::read::{Chunk, ReadError, ReadResult, Source};
use std::ptr;

/// How much a peek asks for.
const PEEK: usize = 128 << 10;

/// How much is believed at once of a length that the stream claims. The next piece may be as large as all before.
const PIECE: usize = 1 << 20;

/// The methods of a file that a load uses.
pub(crate) struct File {
    pub(crate) read: Owned,
    pub(crate) readline: Owned,
    pub(crate) readinto: Option<Owned>,
    pub(crate) peek: Option<Owned>,
}

impl File {
    pub(crate) fn new(state: &State, file: Ref<'_>) -> Result<Self> {
        let names = &state.names;
        let peek = file.lookup_attr(names.peek.as_ref())?;
        let readinto = file.lookup_attr(names.readinto.as_ref())?;
        let read = file.lookup_attr(names.read.as_ref())?;
        let readline = file.lookup_attr(names.readline.as_ref())?;
        match (read, readline) {
            (Some(read), Some(readline)) => Ok(File { read, readline, readinto, peek }),
            _ => Err(error::type_error("file must have 'read' and 'readline' attributes")),
        }
    }
}

/// A [`Source`] over a file object.
///
/// It never takes more from a file than the stream needs: a piece of a known length is read exactly, and what is
/// looked at ahead is peeked at and then skipped. All bytes are in `window`, of which the part up to `taken` has
/// really been read from the file and the rest only peeked at.
pub(crate) struct FileSource {
    file: File,
    window: Owned,
    /// The next byte in the window.
    position: usize,
    taken: usize,
    /// The offset of the window in the stream.
    base: u64,
    /// How much the last peek gave: another one is not worth a call for more than that.
    peeked: usize,
}

impl From<Raised> for ReadErrorOfFile {
    fn from(_: Raised) -> Self {
        ReadErrorOfFile(ReadError::Raised)
    }
}

/// Lets `?` turn [`Raised`] into the core's error.
struct ReadErrorOfFile(ReadError);

impl From<ReadErrorOfFile> for ReadError {
    fn from(error: ReadErrorOfFile) -> Self {
        error.0
    }
}
