//! 7z archives.

use crate::blob::Blob;
use std::io::Read;

/// Whether the bytes begin one.
pub(crate) fn is_sevenz(head: &[u8]) -> bool {
    head.starts_with(b"7z\xbc\xaf\x27\x1c")
}

/// Calls `visit` with the name and the content of each file; what is wrong with the archive.
pub(crate) fn each(blob: &Blob<'_>, mut visit: impl FnMut(&str, &mut dyn Read)) -> Option<String> {
    let mut archive = match sevenz_rust2::ArchiveReader::new(blob.reader(), sevenz_rust2::Password::empty()) {
        Ok(archive) => archive,
        Err(error) => return Some(format!("the 7z archive cannot be opened: {error}")),
    };
    let done = archive.for_each_entries(|entry, reader| {
        if entry.has_stream {
            visit(entry.name(), reader);
        }
        Ok(true)
    });
    done.err().map(|error| format!("the 7z archive cannot be unpacked: {error}"))
}
