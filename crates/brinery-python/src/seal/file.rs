//! Sealed files that `load` opens.

use super::arguments::Terms;
use super::functions::buffers_beside;
use super::raise;
use crate::arguments::some;
use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, bytes, error};
use crate::state::State;
use std::io::{self, Read};

/// A Python file, read through its method `read`.
struct PythonFile {
    read: Owned,
    /// Whether reading has raised an exception, which is set.
    raised: bool,
}

impl Read for PythonFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.raised {
            return Err(io::ErrorKind::Other.into());
        }
        self.piece(buffer).map_err(|Raised| {
            self.raised = true;
            io::ErrorKind::Other.into()
        })
    }
}

impl PythonFile {
    fn piece(&self, buffer: &mut [u8]) -> Result<usize> {
        let piece = self.read.call1(Owned::int(buffer.len() as i64)?.as_ref())?;
        if !piece.is_exactly(&raw mut PyBytes_Type) {
            return Err(error::type_error(&format!("read() returned {}, not bytes", piece.type_name())));
        }
        let piece = bytes::as_slice(piece.as_ref());
        let Some(place) = buffer.get_mut(..piece.len()) else {
            return Err(error::value_error("read() returned more bytes than it was asked for"));
        };
        place.copy_from_slice(piece);
        Ok(piece.len())
    }
}

/// A file with the content of the envelope that a file holds, if there is a key. All of it is verified, and nothing behind
/// it is read.
pub(crate) fn opened(
    state: &State,
    file: Ref<'_>,
    key: Option<Ref<'_>>,
    purpose: Option<Ref<'_>>,
    has_buffers: bool,
) -> Result<Option<Owned>> {
    let Some(terms) = Terms::new(state, some(key), some(purpose), None)? else { return Ok(None) };
    if has_buffers {
        return Err(buffers_beside());
    }
    let unsealer = terms.unsealer().map_err(error::type_error)?;
    let Some(read) = file.lookup_attr(state.names.read.as_ref())? else {
        return Err(error::type_error("file must have 'read' and 'readline' attributes"));
    };
    let mut file = PythonFile { read, raised: false };
    let content = (|| {
        let mut reader = unsealer.reader(&mut file)?;
        let mut content = Vec::new();
        while let Some(chunk) = reader.next_chunk()? {
            content.extend_from_slice(chunk);
        }
        Ok(content)
    })();
    match content {
        _ if file.raised => Err(Raised),
        Ok(content) => {
            let content = bytes::new(&content)?;
            state.files.bytes_io.call1(content.as_ref()).map(Some)
        }
        Err(failure) => Err(raise(state, &failure)),
    }
}
