//! ar archives: packages of Debian, static libraries.

use super::tar::Member;
use crate::blob::Blob;

const MAGIC: &[u8] = b"!<arch>\n";
/// The bytes of a header: name, time, owner, group, mode, length and two that end it.
const HEADER: usize = 60;

/// The members, and what is wrong with the archive. `None` if it is none.
pub(crate) fn members(blob: &Blob<'_>) -> Option<(Vec<Member>, Option<String>)> {
    if blob.head(MAGIC.len()).ok()? != MAGIC {
        return None;
    }
    let mut members = Vec::new();
    let mut at = MAGIC.len() as u64;
    while at < blob.len() {
        let header = blob.get(at, HEADER).ok()?;
        let len = match header.get(48..) {
            Some([digits @ .., b'`', b'\n']) => number(digits),
            _ => None,
        };
        let start = at + HEADER as u64;
        let Some(end) = len.and_then(|len| start.checked_add(len)).filter(|&end| end <= blob.len()) else {
            return Some((members, Some(format!("the ar archive makes no sense from offset {at} on"))));
        };
        let name = String::from_utf8_lossy(&header[..16]).trim_end_matches([' ', '/']).to_owned();
        members.push(Member { name, start, len: end - start });
        at = end.next_multiple_of(2);
    }
    Some((members, None))
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.trim_end().parse().ok()
}
