//! What text begins with that may be a pickle in some codec: its first two bytes.

use super::codec::{ALL, NO_DIGIT};

/// The first two bytes of pickles, and of what they are packed in: from the first to the last.
const HEADS: &[([u8; 2], [u8; 2])] = &[
    ([0x80, 0], [0x80, 5]),
    ([0x1f, 0x8b], [0x1f, 0x8b]),
    (*b"BZ", *b"BZ"),
    (*b"PK", *b"PK"),
    ([0xfd, b'7'], [0xfd, b'7']),
    ([0x28, 0xb5], [0x28, 0xb5]),
    ([0x78, 0x01], [0x78, 0x01]),
    ([0x78, 0x5e], [0x78, 0x5e]),
    ([0x78, 0x9c], [0x78, 0x9c]),
    ([0x78, 0xda], [0x78, 0xda]),
    ([0x5d, 0], [0x5d, 0]),
    ([0x04, 0x22], [0x04, 0x22]),
    // Those without `PROTO`: a global, or a mark.
    (*b"c_", *b"cz"),
    (*b"i_", *b"iz"),
    ([b'(', 0], [b'(', 0xff]),
    // What is in Base64 already.
    (*b"gA", *b"gA"),
    (*b"H4", *b"H4"),
    (*b"eA", *b"eA"),
    (*b"eJ", *b"eJ"),
    (*b"eN", *b"eN"),
    (*b"Y2", *b"Y3"),
    (*b"KG", *b"KG"),
    (*b"KF", *b"KF"),
    (*b"KE", *b"KE"),
];

/// What else strings begin with that are spelled byte by byte or line by line.
const SPELLED: &[&[u8; 2]] = &[
    b"<~", b"0x", b"0X", b"&#", b"b'", b"b\"", b"[1", b"[-", b"[9", b"[4", b"(1", b"{1", b"12", b"-1", b"99",
    b"80", b"be", b"x=", b"x%", b"x&", b"x\\", b"da",
];
/// The first bytes of escapes, and what may follow them.
const ESCAPED: &[(u8, &[u8])] =
    &[(b'%', b"0124678bBfF"), (b'=', b"124678BF"), (b'\\', b"xuU0123"), (b'"', b"\\"), (b'\'', b"\\")];
/// The first digit in uuencode of what pickles begin with; before it is the length of the line.
const UU: &[u8] = b"@8:*'>0";

type Pairs = [u64; 1024];

/// The pairs of all codecs, of those without borders, and of all strings.
static CODECS: Pairs = codecs(false);
static BORDERLESS: Pairs = codecs(true);
static STRINGS: Pairs = strings();

const fn put(pairs: &mut Pairs, first: usize, second: usize) {
    let bit = first << 8 | second;
    pairs[bit >> 6] |= 1 << (bit & 63);
}

const fn codecs(borderless: bool) -> Pairs {
    let mut pairs = [0; 1024];
    let mut number = 0;
    while number < ALL.len() {
        let codec = &ALL[number];
        let mut head = 0;
        while head < HEADS.len() && (codec.borderless || !borderless) {
            let (low, high) = codec.pairs(HEADS[head].0, HEADS[head].1);
            let mut first = 0;
            while first < 256 {
                let mut second = 0;
                let value = codec.values[first] as u64;
                let possible = value != NO_DIGIT as u64
                    && value * codec.base <= high
                    && value * codec.base + codec.base > low;
                while possible && second < 256 {
                    let pair = value * codec.base + codec.values[second] as u64;
                    if codec.values[second] != NO_DIGIT && pair >= low && pair <= high {
                        put(&mut pairs, first, second);
                    }
                    second += 1;
                }
                first += 1;
            }
            head += 1;
        }
        number += 1;
    }
    pairs
}

const fn strings() -> Pairs {
    let mut pairs = codecs(false);
    let mut at = 0;
    while at < SPELLED.len() {
        put(&mut pairs, SPELLED[at][0] as usize, SPELLED[at][1] as usize);
        at += 1;
    }
    let mut at = 0;
    while at < ESCAPED.len() {
        let mut second = 0;
        while second < ESCAPED[at].1.len() {
            put(&mut pairs, ESCAPED[at].0 as usize, ESCAPED[at].1[second] as usize);
            second += 1;
        }
        at += 1;
    }
    let mut len = b'!';
    while len <= b'M' {
        let mut digit = 0;
        while digit < UU.len() {
            put(&mut pairs, len as usize, UU[digit] as usize);
            digit += 1;
        }
        len += 1;
    }
    pairs
}

#[inline(always)]
fn has(pairs: &Pairs, text: &[u8]) -> bool {
    match text {
        &[first, second, ..] => {
            let bit = usize::from(first) << 8 | usize::from(second);
            pairs[bit >> 6] >> (bit & 63) & 1 == 1
        }
        _ => false,
    }
}

/// Whether digits may be a pickle in some codec.
#[inline(always)]
pub(crate) fn digits(text: &[u8]) -> bool {
    has(&CODECS, text)
}

/// Whether digits may be a pickle in a codec without borders.
#[inline(always)]
pub(super) fn borderless(text: &[u8]) -> bool {
    has(&BORDERLESS, text)
}

/// Whether a string may be a pickle in a codec, or spelled in any other way.
#[inline(always)]
pub(crate) fn string(text: &[u8]) -> bool {
    has(&STRINGS, text)
}
