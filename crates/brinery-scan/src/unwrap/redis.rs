//! Dumps of Redis: strings are compressed by LZF where that makes them shorter.

use crate::blob::Blob;

/// How large a dump may be that is looked through.
const LARGEST: u64 = 1 << 30;

pub(crate) fn is_dump(head: &[u8]) -> bool {
    head.starts_with(b"REDIS0")
}

/// Calls `visit` with each compressed string, unpacked, and its offset.
pub(crate) fn each(blob: &Blob<'_>, limit: u64, mut visit: impl FnMut(u64, Vec<u8>)) -> bool {
    let mut total = 0;
    let mut start = 0;
    while start < blob.len().min(LARGEST) {
        let window = blob.get(start, 32 << 20).unwrap_or_default();
        if window.is_empty() {
            break;
        }
        let mut at = 0;
        while let Some(found) = memchr::memchr(0xc3, &window[at..]) {
            at += found;
            if let Some((text, len)) = string(&window[at + 1..]) {
                total += text.len() as u64;
                if total > limit {
                    return false;
                }
                visit(start + at as u64, text);
                at += len;
            }
            at += 1;
        }
        start += window.len() as u64;
    }
    true
}

/// A compressed string after its mark, and how many bytes it takes there.
fn string(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (packed, a) = length(bytes)?;
    let (len, b) = length(&bytes[a..])?;
    let data = bytes.get(a + b..a + b + packed)?;
    if packed < 4 || len < packed || len > packed * 300 {
        return None;
    }
    Some((unpack(data, len)?, a + b + packed))
}

fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let &first = bytes.first()?;
    match first >> 6 {
        0 => Some((usize::from(first), 1)),
        1 => Some((usize::from(first & 0x3f) << 8 | usize::from(*bytes.get(1)?), 2)),
        2 if first == 0x80 => Some((u32::from_be_bytes(*bytes.get(1..)?.first_chunk()?) as usize, 5)),
        _ => None,
    }
}

/// LZF: runs of literals, and references to what is behind.
fn unpack(data: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let control = usize::from(data[at]);
        at += 1;
        if control < 32 {
            out.extend_from_slice(data.get(at..=at + control)?);
            at += control + 1;
        } else {
            let mut count = control >> 5;
            if count == 7 {
                count += usize::from(*data.get(at)?);
                at += 1;
            }
            let back = (control & 0x1f) << 8 | usize::from(*data.get(at)?);
            at += 1;
            let from = out.len().checked_sub(back + 1)?;
            for step in 0..count + 2 {
                out.push(out[from + step]);
            }
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

#[cfg(test)]
mod tests {
    #[test]
    fn references_may_overlap_what_they_make() {
        assert_eq!(super::unpack(&[0, b'a', 0x60, 0], 6).unwrap(), b"aaaaaa");
        assert_eq!(super::unpack(&[0, b'a', 0x60, 5], 6), None);
    }
}
