//! What text begins with that may be a pickle in some codec: its first two bytes.

use super::codec::{ALL, CODECS as ALL_CODECS, Codec, NO_DIGIT, SHORTEST_BARE};
use crate::search;
use brinery::{ArgumentKind, Opcode};

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

/// Those of pickles with `PROTO` and of gzip data, which may begin anywhere.
const MARKS: &[([u8; 2], [u8; 2])] = &[([0x80, 0], [0x80, 5]), ([0x1f, 0x8b], [0x1f, 0x8b])];

/// What else strings begin with that are spelled byte by byte or line by line.
const SPELLED: &[&[u8; 2]] = &[
    b"<~", b"0x", b"0X", b"&#", b"b'", b"b\"", b"[1", b"[-", b"[9", b"[3", b"[4", b"(1", b"{1", b"be",
    b"\"c", b"\"x", b"'x", b"\"(", b"'c", b"'(", b"x=", b"x%", b"x&", b"x\\", b"da",
];
/// The first bytes of escapes, and what may follow them.
const ESCAPED: &[(u8, &[u8])] =
    &[(b'%', b"0124678bBfF"), (b'=', b"124678BF"), (b'\\', b"xuU0123"), (b'"', b"\\"), (b'\'', b"\\")];
/// The first digit in uuencode of what pickles begin with, which is after the length of the line, and the least and the most
/// that the second may be; a backtick stands for a blank.
const UU: &[(u8, u8, u8)] = &[
    (b'@', b' ', b' '),
    (b'8', b'U', b'W'),
    (b'*', b' ', b'/'),
    (b':', b'5', b'7'),
    (b'\'', b'X', b'X'),
    (b'>', b' ', b'-'),
    (b'0', b'E', b'E'),
];

type Pairs = [u64; 1024];

/// The pairs of all codecs, of those without borders, and of all strings.
static CODECS: Pairs = codecs(false);
static BORDERLESS: Pairs = codecs(true);
static STRINGS: Pairs = lines(strings(codecs(false)));
/// The same and those of text that is written with its own characters, or in quotes.
static TEXTS: Pairs = texts(STRINGS);
static SPELLED_ONLY: Pairs = strings([0; 1024]);

const fn put(pairs: &mut Pairs, first: usize, second: usize) {
    let bit = first << 8 | second;
    pairs[bit >> 6] |= 1 << (bit & 63);
}

const fn codecs(borderless: bool) -> Pairs {
    let mut pairs = [0; 1024];
    let mut number = 0;
    while number < ALL.len() {
        let more = if ALL[number].borderless || !borderless { one(&ALL[number]) } else { [0; 1024] };
        let mut at = 0;
        while at < pairs.len() {
            pairs[at] |= more[at];
            at += 1;
        }
        number += 1;
    }
    pairs
}

/// The pairs of one codec.
const fn one(codec: &Codec) -> Pairs {
    begin(codec, HEADS)
}

/// What these heads begin with in a codec.
const fn begin(codec: &Codec, heads: &[([u8; 2], [u8; 2])]) -> Pairs {
    let mut pairs = [0; 1024];
    let mut head = 0;
    while head < heads.len() {
        let (low, high) = codec.pairs(heads[head].0, heads[head].1);
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
    pairs
}

/// The pairs of each codec.
static EACH: [Pairs; ALL.len()] = {
    let mut each = [[0; 1024]; ALL.len()];
    let mut number = 0;
    while number < ALL.len() {
        each[number] = one(&ALL[number]);
        number += 1;
    }
    each
};

/// The first two digits of pickles with `PROTO` and of gzip data, in each codec and in all.
static EACH_MARK: [Pairs; ALL.len()] = {
    let mut each = [[0; 1024]; ALL.len()];
    let mut number = 0;
    while number < ALL.len() {
        each[number] = begin(&ALL[number], MARKS);
        number += 1;
    }
    each
};
const MARK: Pairs = {
    let mut all = [0; 1024];
    let mut number = 0;
    while number < ALL.len() {
        let more = begin(&ALL[number], MARKS);
        let mut at = 0;
        while at < all.len() {
            all[at] |= more[at];
            at += 1;
        }
        number += 1;
    }
    all
};

static ANYWHERE: Pairs = {
    let mut all = codecs(true);
    let mut at = 0;
    while at < all.len() {
        all[at] |= MARK[at];
        at += 1;
    }
    all
};

/// The last two digits of a pickle, which ends with `STOP`, in each codec with borders, and in all of them in both cases.
const LAST: [&[u8]; 4] =
    [b"4u8ukuoucuguYu0uwusuAuEuIuMuQuUuLgC4S4i4y4", b"2e", b"FYXAC4S4LQBOJOROZO", b"5ON02SISBG1E9EHEPE"];
static LASTS: Pairs = {
    let mut pairs = [0; 1024];
    let mut number = 0;
    while number < LAST.len() {
        let mut at = 0;
        while at < LAST[number].len() {
            let (first, second) = (LAST[number][at], LAST[number][at + 1]);
            put(&mut pairs, first as usize, second as usize);
            if number > 0 {
                put(&mut pairs, first.to_ascii_lowercase() as usize, second.to_ascii_lowercase() as usize);
                put(&mut pairs, first.to_ascii_uppercase() as usize, second.to_ascii_uppercase() as usize);
            }
            at += 2;
        }
        number += 1;
    }
    pairs
};

/// These pairs, and those of what is spelled in other ways.
const fn strings(mut pairs: Pairs) -> Pairs {
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
    pairs
}

/// These pairs, and those of lines of uuencode.
const fn lines(mut pairs: Pairs) -> Pairs {
    let mut len = b'!';
    while len <= b'M' {
        let mut digit = 0;
        while digit < UU.len() {
            put(&mut pairs, len as usize, UU[digit].0 as usize);
            digit += 1;
        }
        len += 1;
    }
    pairs
}

const fn texts(mut pairs: Pairs) -> Pairs {
    let mut second = 0;
    while second < 256 {
        let firsts = b"ci(x\"'\x1f\xc2";
        let mut at = 0;
        while at < firsts.len() {
            put(&mut pairs, firsts[at] as usize, second);
            at += 1;
        }
        second += 1;
    }
    pairs
}

/// Whether a byte is a digit of Base64.
#[inline(always)]
pub(super) fn is_digit(byte: u8) -> bool {
    ALL_CODECS[0].values[usize::from(byte)] != NO_DIGIT
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

/// Whether the two bytes are what may begin anywhere: a pickle with `PROTO` in some codec, or one in a codec without borders.
#[inline(always)]
pub(super) fn anywhere(pair: [u8; 2]) -> bool {
    has(&ANYWHERE, &pair)
}

/// Whether digits may be a pickle in the codec with this number.
pub(super) fn in_codec(number: usize, text: &[u8]) -> bool {
    has(&EACH[number], text)
}

/// Whether bytes may be the first of a pickle: each is an opcode up to one with an argument.
pub(super) fn opcodes(bytes: [u8; 4]) -> bool {
    const NONE: u8 = 0;
    const ALONE: u8 = 1;
    const WITH_ARGUMENT: u8 = 2;
    static KINDS: [u8; 256] = {
        let mut kinds = [NONE; 256];
        let mut byte = 0;
        while byte < 256 {
            if let Some(opcode) = Opcode::from_byte(byte as u8) {
                let alone = matches!(opcode.info().argument, ArgumentKind::None);
                kinds[byte] = if alone { ALONE } else { WITH_ARGUMENT };
            }
            byte += 1;
        }
        kinds
    };
    let other = bytes.iter().map(|&byte| KINDS[usize::from(byte)]).find(|&kind| kind != ALONE);
    other != Some(NONE)
}

/// Whether the two bytes are the first digits of a pickle with `PROTO` in some codec.
#[inline(always)]
pub(super) fn mark(pair: &[u8]) -> bool {
    static MARKED: Pairs = MARK;
    has(&MARKED, pair)
}

/// The same in the codec with this number.
pub(super) fn mark_of(number: usize, pair: &[u8]) -> bool {
    has(&EACH_MARK[number], pair)
}

/// Whether text may be a pickle in a codec with borders from its first opcode, whichever that is, to its `STOP`.
#[inline(always)]
pub(crate) fn bare(text: &[u8]) -> bool {
    let len = ends_bare(text);
    len > 0 && is_bare(&text[..len])
}

/// How long the digits are of text that ends as a pickle does in a codec with borders; 0 if it does not.
#[inline(always)]
pub(super) fn ends_bare(text: &[u8]) -> usize {
    let mut len = text.len();
    while len > 0 && matches!(text[len - 1], b'=' | b'\n' | b' ') {
        len -= 1;
    }
    if len >= SHORTEST_BARE && has(&LASTS, &text[len - 2..len]) { len } else { 0 }
}

#[inline(never)]
fn is_bare(text: &[u8]) -> bool {
    ALL_CODECS.iter().filter(|codec| !codec.borderless).any(|codec| {
        let is_digit = |&byte: &u8| codec.values[usize::from(byte)] != NO_DIGIT;
        // Something may come before.
        let start = text.iter().rposition(|byte| !is_digit(byte) && *byte != b'\n').map_or(0, |at| at + 1);
        let run = &text[start..];
        run.len() >= SHORTEST_BARE && search::has_opcodes(&codec.decode(&run[..run.len().min(FIRST)]))
    })
}

/// Whether a string may be a pickle in a codec, or spelled in any other way.
#[inline(always)]
pub(crate) fn string(text: &[u8]) -> bool {
    has(&STRINGS, text) && is_plausible(text)
}

/// Whether text may be one, or one of characters of its own or in quotes, by its first two bytes.
#[inline(always)]
pub(crate) fn text(text: &[u8]) -> bool {
    has(&TEXTS, text)
}

/// How many digits are decoded to see what a string begins with.
pub(crate) const FIRST: usize = 16;

/// The same for a string whose first two bytes are right.
#[inline(never)]
fn is_plausible(text: &[u8]) -> bool {
    let first = &text[..text.len().min(FIRST)];
    has(&SPELLED_ONLY, text)
        || text.len() < FIRST / 2
        || UU.iter().any(|&(digit, low, high)| {
            let second = if text[2] == b'`' { b' ' } else { text[2] };
            text[1] == digit && (low..=high).contains(&second)
        })
        || ALL_CODECS.iter().zip(&EACH).any(|(codec, pairs)| {
            // Decoders of Base64 pass over what is no digit; those of others at most over what is between two.
            let sound = |&byte: &u8| {
                codec.values[usize::from(byte)] != NO_DIGIT
                    || matches!(byte, b' ' | b':' | b',' | b'-' | b'\r' | b'\n')
            };
            has(pairs, text)
                && (codec.base == 64 || codec.borderless || first.iter().all(sound))
                && may_begin(&codec.decode(codec.whole_groups(first)))
        })
}

/// Whether bytes may be the first of a pickle, or of what one is packed in.
pub(crate) fn may_begin(bytes: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    match *bytes {
        [0x80, 0..=5, ..] | [b'('] => true,
        [b'(', next, ..] if next != 0xb5 => search::has_opcodes(bytes),
        // The names of a global are on lines.
        [b'c' | b'i', ..] => bytes.split(|&byte| byte == b'\n').take(2).all(|line| line.iter().all(is_name)),
        [0x1f, 0x8b, ..] | [b'B', b'Z', ..] | [b'P', b'K', ..] | [0xfd, b'7', ..] | [0x28, 0xb5, ..] => true,
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] | [0x5d, 0, ..] | [0x04, 0x22, ..] => true,
        // What is in a codec once more.
        _ => has(&CODECS, bytes) && bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r')),
    }
}
