//! Texts that are told by another one before them.
//!
//! Of texts that follow each other in a stream it is enough to know where the first of them starts, and which one is
//! meant: a number in the upper bits of the offset.

use brinery::Opcode;
use brinery::read::Decoder;

/// How many texts one offset is for.
pub(crate) const MOST: usize = 64;
/// How far from the first one another may start: they are read at once.
pub(crate) const FARTHEST: u64 = 8 << 10;
/// How many bits an offset has.
const OFFSET: u32 = 50;

/// The place of the `n`th text, counted from zero, from the one that starts at this offset.
#[inline(always)]
pub(crate) fn nth(offset: u64, n: usize) -> u64 {
    offset | (n as u64) << OFFSET
}

/// Whether a place is a mere offset.
#[inline(always)]
pub(crate) fn is_offset(place: u64) -> bool {
    place >> OFFSET == 0
}

/// An offset, and how many texts after it one is meant.
#[inline(always)]
pub(crate) fn place(place: u64) -> (u64, usize) {
    (place & ((1 << OFFSET) - 1), (place >> OFFSET) as usize)
}

/// Where in a part of a stream that begins with a text the text is made that is the `n`th one to be stored, each before
/// another text is made.
pub(crate) fn find(part: &[u8], n: usize) -> Option<u64> {
    let (mut text, mut start, mut left) = (None, 0, n);
    for instruction in Decoder::new(part) {
        let Ok(instruction) = instruction else { break };
        match instruction.opcode {
            Opcode::Memoize | Opcode::Put | Opcode::BinPut | Opcode::LongBinPut => {
                if left == 0 {
                    return text;
                }
                left -= 1;
            }
            opcode if makes_text(opcode) => text = Some(start),
            _ => {}
        }
        start = instruction.end;
    }
    // The part ends before the text does, or before it is stored.
    let cut = part.get(start as usize).and_then(|&byte| Opcode::from_byte(byte));
    if cut.is_some_and(makes_text) {
        text = Some(start);
    }
    text.filter(|_| left == 0)
}

fn makes_text(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::ShortBinUnicode
            | Opcode::BinUnicode
            | Opcode::BinUnicode8
            | Opcode::Unicode
            | Opcode::ShortBinString
            | Opcode::BinString
            | Opcode::String
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_counted() {
        let part = b"\x8c\x01a\x94\x95\0\0\0\0\0\0\0\0K\x01X\x01\0\0\0bq\x07]S'c'\np9\n\x8c\x01d";
        let all: Vec<_> = (0..5).map(|n| find(part, n)).collect();
        assert_eq!(all, [Some(0), Some(15), Some(24), Some(32), None]);
        // Neither what is taken away again nor what is cut off leads astray.
        let part = b"\x8c\x01a\x94\x8c\x01x0\x8c\x01b\x94X\0\x01\0\0ccc";
        assert_eq!([0, 1, 2].map(|n| find(part, n)), [Some(0), Some(8), Some(12)]);
        assert_eq!(place(nth(77, 63)), (77, 63));
        assert!(is_offset(1 << 49) && !is_offset(nth(0, 1)));
    }
}
