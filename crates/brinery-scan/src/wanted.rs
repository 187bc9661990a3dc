//! Which values in the memo are going to be fetched.
//!
//! Of the values that a large stream stores, most are never asked for again. Where remembering them takes much memory, the
//! rest of the stream is looked through for what it fetches, and the others are forgotten.

use crate::blob::Blob;
use brinery::Opcode;
use brinery::read::{Argument, DecodeErrorKind, Decoder};
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// How much of the stream is looked at in one go.
const WINDOW: usize = 1 << 20;
/// How many indexes a page has.
const PAGE: u64 = 4096;
const WORDS: usize = (PAGE / 64) as usize;

/// The opcodes that fetch nothing.
const OTHERS: [bool; 256] = {
    let mut others = [true; 256];
    others[Opcode::BinGet as usize] = false;
    others[Opcode::LongBinGet as usize] = false;
    others[Opcode::Stop as usize] = false;
    others
};

#[derive(Debug)]
struct Page {
    number: u64,
    /// How many indexes there are in the pages before.
    before: u64,
    bits: [u64; WORDS],
}

/// A set of indexes.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pages: Vec<Page>,
    /// Where a page was found last.
    last: usize,
}

impl Wanted {
    /// What the stream fetches that goes on at `at`, from the index `first` on; `None` if there is no telling.
    pub(crate) fn in_stream(blob: &Blob<'_>, at: u64, first: u64) -> Option<Self> {
        let mut found = HashMap::<u64, [u64; WORDS], RandomState>::default();
        let mut at = at;
        'windows: loop {
            let window = blob.get(at, WINDOW).ok()?;
            let start = at;
            let mut decoder = Decoder::with_base(&window, start);
            loop {
                decoder.pass(&OTHERS, u64::MAX);
                let index = match decoder.next() {
                    Some(Ok(instruction)) => match (instruction.opcode, instruction.argument) {
                        (Opcode::BinGet | Opcode::LongBinGet, Argument::Int(index)) => {
                            u64::from(index as u32)
                        }
                        (Opcode::Get, Argument::Line(line)) if line.iter().all(u8::is_ascii_digit) => {
                            std::str::from_utf8(line).ok()?.parse().ok()?
                        }
                        (Opcode::Get, _) => return None,
                        _ => continue,
                    },
                    Some(Err(error)) if start + (window.len() as u64) < blob.len() => {
                        at = match error.kind {
                            DecodeErrorKind::OutOfInput => error.offset,
                            DecodeErrorKind::Truncated { .. } if error.offset > start => error.offset,
                            // It is longer than the window.
                            DecodeErrorKind::Truncated { .. } => {
                                let (opcode, len) = crate::stream::claim(&window)?;
                                at.checked_add(crate::stream::prefix(opcode))?.checked_add(len)?
                            }
                            _ => break 'windows,
                        };
                        continue 'windows;
                    }
                    _ => break 'windows,
                };
                if index < first {
                    continue;
                }
                let page = found.entry(index / PAGE).or_insert([0; WORDS]);
                page[(index % PAGE / 64) as usize] |= 1 << (index % 64);
            }
        }
        let mut pages: Vec<Page> =
            found.into_iter().map(|(number, bits)| Page { number, before: 0, bits }).collect();
        pages.sort_unstable_by_key(|page| page.number);
        let mut before = 0;
        for page in &mut pages {
            page.before = before;
            before += page.bits.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        }
        Some(Wanted { pages, last: 0 })
    }

    fn page(&self, index: u64) -> Option<(usize, &Page)> {
        let number = index / PAGE;
        if let Some(page) = self.pages.get(self.last)
            && page.number == number
        {
            return Some((self.last, page));
        }
        let place = self.pages.binary_search_by_key(&number, |page| page.number).ok()?;
        Some((place, &self.pages[place]))
    }

    /// Whether an index is among them.
    pub(crate) fn contains(&mut self, index: u64) -> bool {
        let Some((place, page)) = self.page(index) else { return false };
        let found = page.bits[(index % PAGE / 64) as usize] >> (index % 64) & 1 != 0;
        self.last = place;
        found
    }

    /// How many of them are below one that is among them.
    pub(crate) fn rank(&self, index: u64) -> Option<u64> {
        let (_, page) = self.page(index)?;
        let (word, bit) = ((index % PAGE / 64) as usize, index % 64);
        if page.bits[word] >> bit & 1 == 0 {
            return None;
        }
        let below = page.bits[..word].iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        let within = page.bits[word] & ((1 << bit) - 1);
        Some(page.before + below + u64::from(within.count_ones()))
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let bits = |page: &Page| {
            let (start, bits) = (page.number * PAGE, page.bits);
            (0..PAGE)
                .filter(move |bit| bits[(bit / 64) as usize] >> (bit % 64) & 1 != 0)
                .map(move |bit| start + bit)
        };
        self.pages.iter().flat_map(bits)
    }
}

#[cfg(test)]
impl FromIterator<u64> for Wanted {
    fn from_iter<I: IntoIterator<Item = u64>>(indexes: I) -> Self {
        let fetches = indexes.into_iter().flat_map(|index| format!("g{index}\n").into_bytes());
        Self::in_stream(&Blob::of(fetches.collect()), 0, 256).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_is_found_wherever_windows_end() {
        let mut stream = b"h\x07".to_vec();
        // What looks like a fetch in a string is none, and strings are longer than a window.
        for len in [3, WINDOW - 30, 5, 2 * WINDOW, WINDOW - 5] {
            stream.extend(b"X");
            stream.extend((len as u32).to_le_bytes());
            stream.extend(b"h\x01".iter().cycle().take(len));
            stream.extend(b"j\x00\x30\x00\x00g5000\nh\x09");
        }
        stream.extend(b".h\x02");
        let mut wanted = Wanted::in_stream(&Blob::of(stream), 0, 8).unwrap();
        let all: Vec<_> = wanted.iter().collect();
        assert_eq!(all, [9, 5000, 0x3000]);
        assert_eq!(
            [9, 5000, 0x3000, 7, 8, 70_000].map(|index| wanted.rank(index)),
            [Some(0), Some(1), Some(2), None, None, None]
        );
        assert!(wanted.contains(9) && !wanted.contains(8) && !wanted.contains(1 << 40));
        assert!(Wanted::in_stream(&Blob::of(b"g 1\n.".to_vec()), 0, 0).is_none());
    }
}
