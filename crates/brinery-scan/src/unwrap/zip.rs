//! zip archives, torch's among them. Both lists of members are walked: the headers before the data and the directory at
//! the end. Readers trust the one or the other, so the two must agree.

use crate::blob::Blob;
use std::collections::HashSet;
use std::io::{self, Read};
use std::ops::Range;

/// How many members are looked at.
const MEMBERS: usize = 1 << 20;
/// How many differences between the lists are told.
const DIFFERENCES: usize = 16;
/// How much of a name is told.
const NAME: usize = 256;
/// How much is read at first to find the next header.
const NEAR: usize = 1 << 10;

/// A member, as one of the lists has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) method: u16,
    pub(crate) encrypted: bool,
    /// Whether the sizes come after the data.
    streamed: bool,
    crc: u32,
    pub(crate) packed: u64,
    pub(crate) len: u64,
    /// Where its local header is.
    header: u64,
    /// Where its data is.
    pub(crate) data: u64,
}

/// An archive.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    /// Every member of either list.
    pub(crate) members: Vec<Member>,
    /// Where the lists differ.
    pub(crate) differences: Vec<String>,
    /// What is wrong.
    pub(crate) problem: Option<String>,
    /// Whether there is something before the first member.
    pub(crate) prefix: u64,
    /// Where the directory is, with what points to it.
    pub(crate) listing: Range<u64>,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl Archive {
    /// Reads both lists; `None` if there is neither.
    pub(crate) fn open(blob: &Blob<'_>) -> Option<Self> {
        let starts = blob.head(4).ok()?.starts_with(b"PK\x03\x04");
        let directory = Directory::find(blob);
        if !starts && directory.is_none() {
            return None;
        }
        let mut archive = Archive::default();
        let Some(directory) = directory else {
            archive.problem = Some("the zip archive has no directory at its end".into());
            archive.walk_locals(blob, 0, blob.len());
            return Some(archive);
        };
        archive.prefix = directory.shift;
        archive.listing = directory.start..directory.end;
        if directory.disagrees {
            archive.differences.push("the two records at the end differ about the directory".into());
        }
        let listed = directory.members(blob, &mut archive);
        let mut names = HashSet::new();
        for member in &listed {
            if !names.insert(member.name.clone()) && archive.differences.len() < DIFFERENCES {
                archive.differences.push(format!("the directory has two members {:?}", shown(&member.name)));
            }
        }
        let mut known = HashSet::new();
        // Headers may lie over one another: what is read of them in all is not many times the archive.
        let mut left = (16 << 20) + blob.len().saturating_mul(4);
        for mut member in listed {
            if left == 0 {
                archive.problem = Some("the members of the zip archive lie over one another".into());
                break;
            }
            match local(blob, member.header) {
                Some(mut local) => {
                    left = left.saturating_sub(local.data - local.header);
                    archive.compare(&member, &local);
                    member.data = local.data;
                    if local.method != member.method || (!local.streamed && local.packed != member.packed) {
                        local.name.truncate(shown(&local.name).len());
                        archive.members.push(local);
                    }
                }
                None if archive.differences.len() < DIFFERENCES => archive.differences.push(format!(
                    "there is no header for {:?} where the directory says",
                    shown(&member.name)
                )),
                None => {}
            }
            known.insert(member.header);
            if member.data > 0 {
                archive.members.push(member);
            }
        }
        // What the directory passes over.
        let mut walked = Archive::default();
        walked.walk_locals(blob, archive.prefix, directory.start);
        for member in walked.members {
            if !known.contains(&member.header) {
                if archive.differences.len() < DIFFERENCES {
                    let name = shown(&member.name);
                    archive.differences.push(format!("the directory passes over the member {name:?}"));
                }
                archive.members.push(member);
            }
        }
        Some(archive)
    }

    fn compare(&mut self, listed: &Member, local: &Member) {
        let mut differ = |what: &str| {
            if self.differences.len() < DIFFERENCES {
                let name = shown(&listed.name);
                self.differences.push(format!("header and directory differ about the {what} of {name:?}"));
            }
        };
        if listed.name != local.name {
            differ("name");
        }
        if listed.method != local.method {
            differ("compression");
        }
        if !local.streamed && (listed.packed != local.packed || listed.len != local.len) {
            differ("size");
        }
        if listed.encrypted != local.encrypted {
            differ("encryption");
        }
    }

    /// Goes from header to header.
    fn walk_locals(&mut self, blob: &Blob<'_>, mut at: u64, end: u64) {
        while at < end && self.members.len() < MEMBERS {
            let Some(member) = local(blob, at) else {
                // The one here may be cut.
                match next_header(blob, at + 1, end) {
                    Some(next) => {
                        at = next;
                        continue;
                    }
                    None => return,
                }
            };
            if member.streamed && member.packed == 0 {
                // The length comes after the data: it goes as far as the next header.
                let next = next_header(blob, member.data, end).unwrap_or(end);
                at = next;
                self.members.push(Member { packed: next.saturating_sub(member.data), ..member });
            } else {
                at = member.data.saturating_add(member.packed);
                self.members.push(member);
            }
        }
    }
}

/// The start of a name, as much as is told.
fn shown(name: &str) -> &str {
    let end = name.char_indices().map(|(at, _)| at).find(|&at| at >= NAME);
    &name[..end.unwrap_or(name.len())]
}

/// The next local header from `at` on.
fn next_header(blob: &Blob<'_>, mut at: u64, end: u64) -> Option<u64> {
    let magic = b"PK\x03\x04";
    if let Some(bytes) = blob.bytes() {
        let rest = bytes.get(at as usize..end as usize)?;
        return memchr::memmem::find(rest, magic).map(|found| at + found as u64);
    }
    // Mostly it is near.
    let mut len = NEAR;
    while at < end {
        let window = blob.get(at, len.min((end - at) as usize)).ok()?;
        if let Some(found) = memchr::memmem::find(&window, magic) {
            return Some(at + found as u64);
        }
        at += (window.len() as u64).checked_sub(3).filter(|&step| step > 0)?;
        if at + 3 >= end {
            return None;
        }
        len = (2 * len).min(1 << 20);
    }
    None
}

fn local(blob: &Blob<'_>, at: u64) -> Option<Member> {
    let head = blob.get(at, 30).ok()?;
    if !head.starts_with(b"PK\x03\x04") {
        return None;
    }
    let flags = u16_at(&head, 6)?;
    let (name_len, extra_len) = (u16_at(&head, 26)?, u16_at(&head, 28)?);
    let name = blob.get(at + 30, name_len.into()).ok()?;
    let extra = blob.get(at + 30 + u64::from(name_len), extra_len.into()).ok()?;
    let mut member = Member {
        name: String::from_utf8_lossy(&name).into_owned(),
        method: u16_at(&head, 8)?,
        encrypted: flags & 1 != 0,
        streamed: flags & 8 != 0,
        crc: u32_at(&head, 14)?,
        packed: u32_at(&head, 18)?.into(),
        len: u32_at(&head, 22)?.into(),
        header: at,
        data: at + 30 + u64::from(name_len) + u64::from(extra_len),
    };
    widen(&extra, &mut [&mut member.len, &mut member.packed]);
    Some(member)
}

/// Takes 64-bit values from the extra field for those that do not fit 32 bits.
fn widen(extra: &[u8], values: &mut [&mut u64]) -> Option<()> {
    let mut rest = extra;
    while rest.len() >= 4 {
        let (id, len) = (u16_at(rest, 0)?, usize::from(u16_at(rest, 2)?));
        let body = rest.get(4..4 + len)?;
        if id == 1 {
            let mut at = 0;
            for value in values.iter_mut().filter(|value| ***value == u64::from(u32::MAX)) {
                **value = u64_at(body, at)?;
                at += 8;
            }
            return Some(());
        }
        rest = &rest[4 + len..];
    }
    None
}

/// The directory at the end.
struct Directory {
    start: u64,
    len: u64,
    /// Where the record at the end of all ends.
    end: u64,
    /// By how much all offsets are off, because something stands before the archive.
    shift: u64,
    /// Whether the two records at the end say different things about it.
    disagrees: bool,
}

impl Directory {
    fn find(blob: &Blob<'_>) -> Option<Self> {
        let tail_start = blob.len().saturating_sub(22 + 65535 + 1024);
        let tail = blob.get(tail_start, 70_000).ok()?;
        for found in memchr::memmem::rfind_iter(&tail, b"PK\x05\x06").take(8) {
            let end = &tail[found..];
            let (Some(len), Some(start)) = (u32_at(end, 12), u32_at(end, 16)) else { continue };
            let at = tail_start + found as u64;
            let (mut len, mut start, mut end_at) = (u64::from(len), u64::from(start), at);
            let mut disagrees = false;
            // Torch writes the long record though all fits into the short one.
            let locator = blob.get(at.saturating_sub(20), 20).ok()?;
            if locator.starts_with(b"PK\x06\x07") {
                // The record is where the locator says, or right before it.
                let said = u64_at(&locator, 8)?;
                for place in [said, at.saturating_sub(76)] {
                    let record = blob.get(place, 56).ok()?;
                    if record.starts_with(b"PK\x06\x06") {
                        let (long_len, long_start) = (u64_at(&record, 40)?, u64_at(&record, 48)?);
                        let differs = |short: u64, long: u64| short != u64::from(u32::MAX) && short != long;
                        disagrees = differs(len, long_len) || differs(start, long_start);
                        (len, start, end_at) = (long_len, long_start, place);
                        break;
                    }
                }
            }
            let Some(real) = end_at.checked_sub(len) else { continue };
            let sound =
                len == 0 || blob.get(real, 4).ok().is_some_and(|head| head.starts_with(b"PK\x01\x02"));
            if sound && start <= real {
                return Some(Directory { start: real, len, end: at + 22, shift: real - start, disagrees });
            }
        }
        None
    }

    fn members(&self, blob: &Blob<'_>, archive: &mut Archive) -> Vec<Member> {
        let mut members = Vec::new();
        let Ok(bytes) = blob.get(self.start, usize::try_from(self.len.min(256 << 20)).unwrap_or(0)) else {
            return members;
        };
        let mut rest = &bytes[..];
        while !rest.is_empty() && members.len() < MEMBERS {
            let Some((member, after)) = self.member(rest) else {
                archive.problem = Some("the directory of the zip archive is damaged".into());
                break;
            };
            members.push(member);
            rest = after;
        }
        members
    }

    fn member<'r>(&self, rest: &'r [u8]) -> Option<(Member, &'r [u8])> {
        if !rest.starts_with(b"PK\x01\x02") {
            return None;
        }
        let flags = u16_at(rest, 8)?;
        let lens = [u16_at(rest, 28)?, u16_at(rest, 30)?, u16_at(rest, 32)?].map(usize::from);
        let name = rest.get(46..46 + lens[0])?;
        let extra = rest.get(46 + lens[0]..46 + lens[0] + lens[1])?;
        let mut member = Member {
            name: String::from_utf8_lossy(name).into_owned(),
            method: u16_at(rest, 10)?,
            encrypted: flags & 1 != 0,
            streamed: flags & 8 != 0,
            crc: u32_at(rest, 16)?,
            packed: u32_at(rest, 20)?.into(),
            len: u32_at(rest, 24)?.into(),
            header: u32_at(rest, 42)?.into(),
            data: 0,
        };
        let Member { len, packed, header, .. } = &mut member;
        widen(extra, &mut [len, packed, header]);
        member.header = member.header.saturating_add(self.shift);
        Some((member, rest.get(46 + lens[0] + lens[1] + lens[2]..)?))
    }
}

/// A reader of a compressed member; `None` for a method that is not known.
pub(crate) fn reader<'a>(method: u16, data: &Blob<'a>) -> Option<io::Result<Box<dyn Read + 'a>>> {
    use super::layer::Layer;
    Some(match method {
        8 => Ok(Box::new(flate2::bufread::DeflateDecoder::new(data.reader()))),
        12 => Layer::Bzip2.reader(data),
        14 => lzma(data),
        93 => Layer::Zstd.reader(data),
        95 => Layer::Xz.reader(data),
        _ => return None,
    })
}

/// LZMA in zip: a version, the length of the properties, the properties.
fn lzma<'a>(data: &Blob<'a>) -> io::Result<Box<dyn Read + 'a>> {
    let head = data.head(9)?;
    let (Some(&props), Some(dict)) = (head.get(4), u32_at(&head, 5)) else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let reader = lzma_rust2::LzmaReader::new_with_props(
        data.from(9).reader(),
        u64::MAX,
        props,
        dict.min(256 << 20),
        None,
    );
    reader
        .map(|reader| Box::new(reader) as Box<dyn Read + 'a>)
        .map_err(|error| io::Error::other(error.to_string()))
}
