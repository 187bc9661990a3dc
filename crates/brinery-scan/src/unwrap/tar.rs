//! tar archives.

use crate::blob::Blob;

const BLOCK: u64 = 512;

/// A file in an archive.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) start: u64,
    pub(crate) len: u64,
}

/// The members, and what is wrong with the archive. `None` if it is none.
pub(crate) fn members(blob: &Blob<'_>) -> Option<(Vec<Member>, Option<String>)> {
    let mut members = Vec::new();
    let mut at = 0;
    let mut long_name = None;
    loop {
        let header = blob.get(at, BLOCK as usize).ok()?;
        if header.is_empty() || header.iter().all(|&byte| byte == 0) {
            return (!members.is_empty()).then_some((members, None));
        }
        let Some(len) = valid(&header) else {
            let problem = format!("the tar archive makes no sense from offset {at} on");
            return (!members.is_empty()).then_some((members, Some(problem)));
        };
        let start = at + BLOCK;
        // A length can be any number.
        if start.checked_add(len).is_none_or(|end| end > blob.len()) {
            let problem = Some("the tar archive is cut off".to_owned());
            let name = name(&header);
            members.push(Member { name, start, len: blob.len().saturating_sub(start) });
            return Some((members, problem));
        }
        match header[156] {
            b'L' => long_name = blob.get(start, len.min(4096) as usize).ok().map(|name| text(&name)),
            _ => {
                let name = long_name.take().unwrap_or_else(|| name(&header));
                if len > 0 {
                    members.push(Member { name, start, len });
                }
            }
        }
        at = start + len.next_multiple_of(BLOCK);
    }
}

/// The length in a header whose checksum is right.
fn valid(header: &[u8]) -> Option<u64> {
    if header.len() < BLOCK as usize {
        return None;
    }
    let sum: u64 = header
        .iter()
        .enumerate()
        .map(|(at, &byte)| u64::from(if (148..156).contains(&at) { b' ' } else { byte }))
        .sum();
    if number(&header[148..156])? != sum {
        return None;
    }
    number(&header[124..136])
}

fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        return field[1..]
            .iter()
            .try_fold(0u64, |number, &byte| number.checked_mul(256)?.checked_add(byte.into()));
    }
    let text: String = field.iter().map(|&byte| byte as char).collect();
    let digits = text.trim_matches(['\0', ' ']);
    u64::from_str_radix(digits, 8).ok()
}

fn name(header: &[u8]) -> String {
    let prefix = if &header[257..262] == b"ustar" { text(&header[345..500]) } else { String::new() };
    let name = text(&header[..100]);
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}
