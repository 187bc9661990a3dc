//! numpy's `.npy`: a header, then raw data or a pickle.

use crate::blob::Blob;

/// Where the pickle of an array of objects starts; `None` for other arrays, an error for a header that makes no sense.
pub(crate) fn pickle_at(blob: &Blob<'_>) -> Option<Result<u64, String>> {
    let head = blob.head(12).ok()?;
    if !head.starts_with(b"\x93NUMPY") {
        return None;
    }
    let (len, start) = match head.get(6..)? {
        [1, _, a, b, ..] => (u64::from(u16::from_le_bytes([*a, *b])), 10),
        [2 | 3, _, rest @ ..] => (u64::from(u32::from_le_bytes(*rest.first_chunk()?)), 12),
        _ => return Some(Err("is of a version of npy that does not exist".into())),
    };
    if start + len > blob.len() {
        return Some(Err("has an npy header that is cut off".into()));
    }
    let header = blob.get(start, len.min(1 << 16) as usize).ok()?;
    let text = String::from_utf8_lossy(&header);
    let objects = text.contains("'|O")
        || text.contains("'O'")
        || text.contains("\"|O")
        || text.contains("O8")
        || text.contains("\"O\"");
    objects.then_some(Ok(start + len))
}

/// Whether the blob is an `.npy`.
pub(crate) fn is_npy(head: &[u8]) -> bool {
    head.starts_with(b"\x93NUMPY")
}
