//! The file storage of ZODB, `Data.fs`: transactions, one after the other, with the records of the objects that each has
//! written. A record holds two pickles, of the class and of the state; what a transaction has beside it is one more.

use crate::blob::Blob;
use brinery::Opcode;

/// What comes before the data of a transaction, and of a record.
const TRANSACTION: u64 = 23;
const RECORD: u64 = 42;

/// Whether bytes begin as such a file does.
pub(crate) fn is_storage(head: &[u8]) -> bool {
    matches!(head, [b'F', b'S', b'2' | b'3', b'0' | b'1', ..])
}

/// Calls `visit` with where each of its parts is that holds pickles and how long it is, until it returns `false`. Returns
/// where it makes no sense.
pub(crate) fn each(blob: &Blob<'_>, mut visit: impl FnMut(u64, u64) -> bool) -> Option<u64> {
    let long =
        |at: u64| blob.peek::<8>(at).ok().filter(|(_, len)| *len == 8).map(|it| u64::from_be_bytes(it.0));
    let short = |at: u64| blob.peek::<2>(at).ok().map_or(0, |it| u64::from(u16::from_be_bytes(it.0)));
    let mut at = 4;
    while at < blob.len() {
        let Some(len) = long(at + 8) else { return Some(at) };
        let Some(end) = at.checked_add(len).filter(|&end| end + 8 <= blob.len() && len >= TRANSACTION) else {
            return Some(at);
        };
        let texts = short(at + 17) + short(at + 19);
        let beside = short(at + 21);
        let mut record = at + TRANSACTION + texts;
        if beside > 0 && !visit(record, beside) {
            return None;
        }
        record += beside;
        while record < end {
            // Of old, objects had versions: two places more, and a name.
            let version = short(record + 32);
            let more = if version > 0 { 16 + version } else { 0 };
            let len = long(record + 34);
            let data = record + RECORD + more;
            let Some(next) = len.and_then(|len| data.checked_add(len.max(if len == 0 { 8 } else { 0 })))
            else {
                return Some(record);
            };
            if next > end {
                return Some(record);
            }
            let len = len.unwrap_or(0);
            // Without any it refers to another one.
            if len > 0 && !visit(data, len) {
                return None;
            }
            record = next;
        }
        if record != end || long(end) != Some(len) {
            return Some(end);
        }
        at = end + 8;
    }
    None
}

/// Two pickles as the one that ZODB makes of them, whose loader keeps the memo from the first, which ends at `end`, to the
/// second: with opcodes that do nothing where one ends and the other begins, so that all lies where it was.
pub(crate) fn as_one(record: &[u8], end: u64) -> Option<Vec<u8>> {
    let end = end as usize;
    let begins = record.get(end..end + 2)?.starts_with(&[Opcode::Proto as u8]);
    let mut one = record.to_vec();
    *one.get_mut(end.checked_sub(1)?)? = Opcode::Pop as u8;
    if begins {
        one[end..end + 2].copy_from_slice(&[Opcode::None as u8, Opcode::Pop as u8]);
    }
    Some(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_in_transactions() {
        let with_data = [&[0; 34][..], &3u64.to_be_bytes(), b"abc"].concat();
        let of_another = [&[0; 42][..], &[0; 8]].concat();
        let rest = [&b" \0\x04\0\x01\0\x06userdbeside"[..], &with_data, &of_another].concat();
        let len = (16 + rest.len() as u64).to_be_bytes();
        let transaction = [&[7; 8][..], &len, &rest, &len].concat();
        let file = [b"FS30", &transaction[..], &transaction[..]].concat();
        let mut found = Vec::new();
        let wrong = each(&Blob::lent(&file), |at, len| {
            found.push(String::from_utf8_lossy(&file[at as usize..(at + len) as usize]).into_owned());
            true
        });
        assert_eq!((wrong, found.join(" ")), (None, "beside abc beside abc".to_owned()));
        let cut = Blob::lent(&file).part(0, file.len() as u64 - 3);
        assert_eq!(each(&cut, |_, _| true), Some(4 + transaction.len() as u64));
    }
}
