//! `SQLite` databases and their write-ahead logs: the blobs and the text of every row that a page still holds.
//!
//! The pages are gone through one by one, whether or not a table refers to them, so that deleted rows count as well.

use crate::blob::Blob;
use std::cell::Cell;
use std::collections::HashMap;

/// How large a value may be.
const LARGEST: u64 = 1 << 30;
/// How many times its size the rows of a database may have, which may share cells and pages.
const SHARED: u64 = 4;

/// A database or a log.
pub(crate) struct Pages<'b, 'a> {
    blob: &'b Blob<'a>,
    size: u64,
    usable: u64,
    /// Where each page is, in a log.
    log: Option<HashMap<u64, u64>>,
    /// Where the pages are that are gone through, with their numbers.
    all: Vec<u64>,
    count: u64,
    /// How many bytes of rows may still be read.
    left: Cell<u64>,
}

impl<'b, 'a> Pages<'b, 'a> {
    pub(crate) fn open(blob: &'b Blob<'a>) -> Option<Self> {
        let head = blob.head(32).ok()?;
        let left = Cell::new((1 << 20) + blob.len().saturating_mul(SHARED));
        if head.starts_with(b"SQLite format 3\0") {
            let size = match u16::from_be_bytes(*head.get(16..)?.first_chunk()?) {
                1 => 65536,
                size => u64::from(size),
            };
            let usable = size.checked_sub(u64::from(*head.get(20)?))?;
            let sound = size.is_power_of_two() && size >= 512 && usable >= 480;
            let count = blob.len().checked_div(size)?;
            return sound.then_some(Pages { blob, size, usable, log: None, all: Vec::new(), count, left });
        }
        let magic = u32::from_be_bytes(*head.first_chunk()?);
        if !matches!(magic, 0x377f_0682 | 0x377f_0683) {
            return None;
        }
        let size = u64::from(u32::from_be_bytes(*head.get(8..)?.first_chunk()?));
        if !size.is_power_of_two() || !(512..=65536).contains(&size) {
            return None;
        }
        let (mut log, mut all, mut at) = (HashMap::new(), Vec::new(), 32);
        while at + 24 + size <= blob.len() {
            let number = u64::from(u32::from_be_bytes(*blob.get(at, 4).ok()?.first_chunk()?));
            log.insert(number, at + 24);
            all.push(at + 24);
            at += 24 + size;
        }
        Some(Pages { blob, size, usable: size, log: Some(log), all, count: 0, left })
    }

    fn place(&self, number: u64) -> Option<u64> {
        match &self.log {
            Some(log) => log.get(&number).copied(),
            None => (1..=self.count).contains(&number).then(|| (number - 1) * self.size),
        }
    }

    /// Calls `visit` with each blob and text of some length, and where its row is. Returns whether that was all.
    pub(crate) fn each(&self, mut visit: impl FnMut(u64, Vec<u8>)) -> bool {
        let count = if self.log.is_some() { self.all.len() as u64 } else { self.count };
        for index in 0..count {
            let place = if self.log.is_some() { self.all[index as usize] } else { index * self.size };
            let Ok(page) = self.blob.get(place, self.size as usize) else { return true };
            let first = self.log.is_none() && index == 0;
            self.page(&page, if first { 100 } else { 0 }, place, &mut visit);
            if self.left.get() == 0 {
                return false;
            }
        }
        true
    }

    fn page(
        &self,
        page: &[u8],
        header: usize,
        place: u64,
        visit: &mut impl FnMut(u64, Vec<u8>),
    ) -> Option<()> {
        let (table, start) = match *page.get(header)? {
            0x0d => (true, header + 8),
            0x0a => (false, header + 8),
            0x02 => (false, header + 12),
            _ => return None,
        };
        let cells = u16::from_be_bytes(*page.get(header + 3..)?.first_chunk()?);
        for cell in 0..usize::from(cells) {
            let at = u16::from_be_bytes(*page.get(start + 2 * cell..)?.first_chunk()?);
            if self.left.get() == 0 {
                return None;
            }
            let row = self.row(page, usize::from(at) + if *page.get(header)? == 0x02 { 4 } else { 0 }, table);
            if let Some(row) = row {
                columns(&row, |value| visit(place + u64::from(at), value));
            }
        }
        Some(())
    }

    /// The payload of a cell, with what of it is on other pages.
    fn row(&self, page: &[u8], cell: usize, table: bool) -> Option<Vec<u8>> {
        let mut rest = page.get(cell..)?;
        let len = varint(&mut rest)?;
        if table {
            varint(&mut rest)?;
        }
        // A row is not larger than the database.
        if len > LARGEST.min(self.blob.len()) {
            return None;
        }
        self.left.set(self.left.get().saturating_sub(len.max(16)));
        let usable = self.usable;
        let most = if table { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
        if len <= most {
            return rest.get(..len as usize).map(<[u8]>::to_vec);
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let tail = least + (len - least) % (usable - 4);
        let local = if tail <= most { tail } else { least } as usize;
        let mut row = rest.get(..local)?.to_vec();
        let mut next = u64::from(u32::from_be_bytes(*rest.get(local..)?.first_chunk()?));
        while (row.len() as u64) < len && next != 0 {
            let Some(bytes) =
                self.place(next).and_then(|place| self.blob.get(place, self.usable as usize).ok())
            else {
                break;
            };
            next = u64::from(u32::from_be_bytes(*bytes.first_chunk()?));
            let missing = (len - row.len() as u64).min(usable - 4) as usize;
            row.extend_from_slice(bytes.get(4..)?.get(..missing)?);
        }
        Some(row)
    }
}

/// The blobs and texts of a row.
fn columns(row: &[u8], mut visit: impl FnMut(Vec<u8>)) -> Option<()> {
    let mut rest = row;
    let header = varint(&mut rest)? as usize;
    let taken = row.len() - rest.len();
    let mut types = row.get(taken..header)?;
    let mut at = header;
    while !types.is_empty() {
        let kind = varint(&mut types)?;
        let len = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind as usize,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => usize::try_from((kind - 12) / 2).ok()?,
        };
        if kind >= 12 && len >= 4 {
            let end = at.checked_add(len)?.min(row.len());
            visit(row.get(at..end)?.to_vec());
        }
        at = at.checked_add(len)?;
    }
    Some(())
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for count in 0..9 {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        if count == 8 {
            return Some(value << 8 | u64::from(byte));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
