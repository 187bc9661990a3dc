//! Berkeley databases, as `dbm.ndbm` and `bsddb` write them: values that are larger than a page lie on chains of pages.

use crate::blob::Blob;

const OVERFLOW: u8 = 7;
/// How many times its size the values of a database may have.
const SHARED: u64 = 4;

/// The size of a page, if this is such a database.
fn page_size(blob: &Blob<'_>) -> Option<u64> {
    let head = blob.head(24).ok()?;
    let magic = u32::from_le_bytes(*head.get(12..)?.first_chunk()?);
    if !matches!(magic, 0x0006_1561 | 0x0005_3162) {
        return None;
    }
    let size = u64::from(u32::from_le_bytes(*head.get(20..)?.first_chunk()?));
    (size.is_power_of_two() && (512..=65536).contains(&size)).then_some(size)
}

/// Calls `visit` with each value that lies on a chain of pages, and where it begins. `None` if it is no such database;
/// otherwise whether that was all: chains that share pages are not followed for ever.
pub(crate) fn each(blob: &Blob<'_>, mut visit: impl FnMut(u64, Vec<u8>)) -> Option<bool> {
    let size = page_size(blob)?;
    let mut left = blob.len().saturating_mul(SHARED);
    let pages = blob.len() / size;
    let header = |page: u64| {
        let head = blob.get(page * size, 26).ok()?;
        let word = |at: usize| {
            head.get(at..).and_then(|rest| rest.first_chunk()).map(|bytes| u32::from_le_bytes(*bytes))
        };
        let len = u16::from_le_bytes(*head.get(22..)?.first_chunk()?);
        (*head.get(25)? == OVERFLOW).then_some((word(12)?, word(16)?, u64::from(len)))
    };
    for first in 1..pages {
        let Some((0, ..)) = header(first) else { continue };
        let (mut page, mut value) = (first, Vec::new());
        for _ in 0..pages {
            let Some((_, next, len)) = header(page) else { break };
            left = left.saturating_sub(size);
            if left == 0 {
                return Some(false);
            }
            value.extend(blob.get(page * size + 26, len.min(size - 26) as usize).unwrap_or_default());
            page = u64::from(next);
            if page == 0 || page >= pages {
                break;
            }
        }
        visit(first * size, value);
    }
    Some(true)
}
