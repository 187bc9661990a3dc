//! Dumps of Redis: strings are compressed by LZF where that makes them shorter.

use crate::blob::Blob;

/// How large a dump may be that is looked through.
const LARGEST: u64 = 1 << 30;

pub(crate) fn is_dump(head: &[u8]) -> bool {
    head.starts_with(b"REDIS0")
}

/// How large a string may be that is not compressed.
const STRING: u64 = 64 << 20;

/// Calls `visit` with each string that is not compressed, and its offset, as far as the dump can be followed.
pub(crate) fn strings(blob: &Blob<'_>, mut visit: impl FnMut(u64, Vec<u8>)) {
    let mut walk = Walk { blob, at: 9 };
    while walk.entry(&mut visit).is_some() {}
}

/// Goes through the entries of a dump.
struct Walk<'b, 'a> {
    blob: &'b Blob<'a>,
    at: u64,
}

impl Walk<'_, '_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.blob.get(self.at, 1).ok()?.first()?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, len: u64) -> Option<()> {
        self.at = self.at.checked_add(len)?;
        (self.at <= self.blob.len()).then_some(())
    }

    fn count(&mut self) -> Option<u64> {
        let head = self.blob.get(self.at, 9).ok()?;
        let (count, len) = match head.first()? {
            0x81 => (u64::from_be_bytes(*head.get(1..)?.first_chunk()?), 9),
            _ => length(&head).map(|(count, len)| (count as u64, len as u64))?,
        };
        self.skip(len)?;
        Some(count)
    }

    /// A string: a number, compressed, or as it is, which is shown.
    fn string(&mut self, visit: &mut dyn FnMut(u64, Vec<u8>)) -> Option<()> {
        let first = *self.blob.get(self.at, 1).ok()?.first()?;
        match first {
            0xc0..=0xc2 => self.skip(1 + (1 << (first & 3))),
            0xc3 => {
                self.skip(1)?;
                let packed = self.count()?;
                self.count()?;
                self.skip(packed)
            }
            _ => {
                let len = self.count()?;
                let start = self.at;
                self.skip(len)?;
                if len <= STRING {
                    visit(start, self.blob.get(start, len as usize).ok()?);
                }
                Some(())
            }
        }
    }

    fn strings(&mut self, count: u64, visit: &mut dyn FnMut(u64, Vec<u8>)) -> Option<()> {
        (0..count).try_for_each(|_| self.string(visit))
    }

    /// One entry; `None` at the end, or where it is of a kind that is not known.
    fn entry(&mut self, visit: &mut dyn FnMut(u64, Vec<u8>)) -> Option<()> {
        match self.byte()? {
            // Facts about the dump, the number of the database, its sizes, and when the next key ends or was used.
            0xfa => return self.strings(2, visit),
            0xfe | 0xf8 => return self.count().map(|_| ()),
            0xfb => return self.count().and_then(|_| self.count()).map(|_| ()),
            0xfc => return self.skip(8),
            0xfd => return self.skip(4),
            0xf9 => return self.skip(1),
            // Text, and what is packed into one.
            0 | 9..=13 | 16 | 17 | 20 => return self.strings(2, visit),
            // Lists and sets; hashes; sorted sets; lists of packed lists.
            kind @ (1..=5 | 14 | 18) => {
                self.string(visit)?;
                let count = self.count()?;
                for _ in 0..count {
                    if kind == 18 {
                        self.count()?;
                    }
                    self.strings(if kind == 4 { 2 } else { 1 }, visit)?;
                    match kind {
                        5 => self.skip(8)?,
                        3 => {
                            let len = self.byte()?;
                            self.skip(if len < 253 { len.into() } else { 0 })?;
                        }
                        _ => {}
                    }
                }
            }
            _ => return None,
        }
        Some(())
    }
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
    use super::*;

    #[test]
    fn strings_that_are_not_compressed_are_shown() {
        let dump = b"REDIS0011\xfa\x09redis-ver\x057.0.0\xfe\x00\xfb\x02\x00\xfc\0\0\0\0\0\0\0\0\x00\x01a\x05hello\x04\x01h\x01\x04data\xc0\x07\xff";
        let mut found = Vec::new();
        strings(&Blob::lent(dump), |at, text| found.push((at, text)));
        let texts: Vec<_> = found.iter().map(|(_, text)| &text[..]).collect();
        assert_eq!(texts, [&b"redis-ver"[..], b"7.0.0", b"a", b"hello", b"h", b"data"]);
        assert!(found.iter().all(|(at, text)| dump[*at as usize..].starts_with(text)));
    }

    #[test]
    fn references_may_overlap_what_they_make() {
        assert_eq!(super::unpack(&[0, b'a', 0x60, 0], 6).unwrap(), b"aaaaaa");
        assert_eq!(super::unpack(&[0, b'a', 0x60, 5], 6), None);
    }
}
