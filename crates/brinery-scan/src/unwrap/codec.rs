//! Codecs that write bytes as text: Base64, Base32, hexadecimal and Base85, each by its digits.

use super::begins;
use crate::search;
use memchr::memmem;
use std::borrow::Cow;
use std::sync::OnceLock;

/// How short a run of digits may be that is decoded.
pub(crate) const SHORTEST: usize = 16;
/// The same for what begins as a pickle in some codec does.
pub(crate) const SHORTEST_KNOWN: usize = 12;
/// How long a line of digits is at least that goes on in the next one.
const LINE: usize = 60;
/// How far lines may be indented.
pub(crate) const INDENT: usize = 40;
/// How many digits are decoded to see whether more of them are worth it.
const HEAD: usize = 160;
/// How many runs are decoded on trial in any text, beside those that there are lines for.
const TRIALS: usize = 1 << 12;
pub(super) const NO_DIGIT: u8 = u8::MAX;

/// A way to write bytes with the digits of some base.
pub(crate) struct Codec {
    /// What each byte stands for.
    pub(super) values: [u8; 256],
    pub(super) base: u64,
    /// How many digits stand for how many bytes.
    digits: usize,
    bytes: usize,
    /// What counts for a digit that is missing at the end, so that what is there is right.
    missing: u64,
    /// What stands for a whole group.
    groups: &'static [(u8, [u8; 4])],
    /// Whether words are written with its digits and what is between them, so that a run has no borders.
    pub(super) borderless: bool,
}

const fn codec(alphabet: &[u8], others: &[(u8, u8)], digits: usize, bytes: usize) -> Codec {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < alphabet.len() {
        values[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    let mut other = 0;
    while other < others.len() {
        values[others[other].0 as usize] = others[other].1;
        other += 1;
    }
    let base = alphabet.len() as u64;
    let borderless = base == 85;
    Codec { values, base, digits, bytes, missing: if borderless { 84 } else { 0 }, groups: &[], borderless }
}

/// The same letters in the other case.
const fn both_cases(mut codec: Codec) -> Codec {
    let mut letter = b'A';
    while letter <= b'Z' {
        codec.values[(letter | 0x20) as usize] = codec.values[letter as usize];
        letter += 1;
    }
    codec
}

const fn with_groups(mut codec: Codec, groups: &'static [(u8, [u8; 4])]) -> Codec {
    codec.groups = groups;
    codec
}

const fn range<const N: usize>(first: u8) -> [u8; N] {
    let mut all = [0; N];
    let mut at = 0;
    while at < N {
        all[at] = first + at as u8;
        at += 1;
    }
    all
}

pub(super) const ALL: [Codec; 7] = [
    // Both alphabets of Base64.
    codec(
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        &[(b'-', 62), (b'_', 63)],
        4,
        3,
    ),
    both_cases(codec(b"0123456789ABCDEF", &[], 2, 1)),
    // Base32, and the one that sorts as what it stands for does.
    both_cases(codec(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", &[], 8, 5)),
    both_cases(codec(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", &[], 8, 5)),
    // Ascii85, Base85 as Python and git write it, and as ZeroMQ does.
    with_groups(codec(&range::<85>(b'!'), &[], 5, 4), &[(b'z', [0; 4]), (b'y', [b' '; 4])]),
    codec(
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
        &[],
        5,
        4,
    ),
    codec(
        b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
        &[],
        5,
        4,
    ),
];

pub(super) static CODECS: [Codec; 7] = ALL;

impl Codec {
    fn is_digit(&self, byte: u8) -> bool {
        self.values[usize::from(byte)] != NO_DIGIT || self.groups.iter().any(|group| group.0 == byte)
    }

    /// How many bytes of `text` are digits.
    fn run(&self, text: &[u8]) -> usize {
        text.iter().take_while(|&&byte| self.is_digit(byte)).count()
    }

    /// What digits stand for; those of a group that is none are left out.
    pub(super) fn decode(&self, run: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(run.len() / self.digits * self.bytes + 8);
        let (mut word, mut count) = (0u64, 0);
        for &byte in run {
            let digit = self.values[usize::from(byte)];
            if digit == NO_DIGIT {
                if let Some(group) = self.groups.iter().find(|group| group.0 == byte) {
                    bytes.extend_from_slice(&group.1);
                }
                continue;
            }
            word = word.wrapping_mul(self.base).wrapping_add(u64::from(digit));
            count += 1;
            if count == self.digits {
                bytes.extend_from_slice(&word.to_be_bytes()[8 - self.bytes..]);
                (word, count) = (0, 0);
            }
        }
        if count > 1 {
            for _ in count..self.digits {
                word = word.wrapping_mul(self.base).wrapping_add(self.missing);
            }
            let whole = if self.borderless { count - 1 } else { count * self.bytes / self.digits };
            bytes.extend_from_slice(&word.to_be_bytes()[8 - self.bytes..][..whole]);
        }
        bytes
    }

    /// As much of digits as tells what they begin with for sure, where more of them follow.
    pub(super) fn whole_groups<'t>(&self, digits: &'t [u8]) -> &'t [u8] {
        if self.borderless { &digits[..digits.len() / self.digits * self.digits] } else { digits }
    }

    /// What pickles with `PROTO` and gzip data begin with, in digits of both cases.
    fn marks(&self) -> Vec<Vec<u8>> {
        let gzip = if self.base == 64 { Some(b"H4sI".to_vec()) } else { None };
        let (low, high) = self.pairs([0x80, 0], [0x80, 5]);
        let mut marks: Vec<Vec<u8>> = gzip.into_iter().collect();
        for pair in low..=high {
            let digit = |value: u64| {
                let digit = self.values.iter().position(|&it| u64::from(it) == value);
                digit.and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0)
            };
            let mark = vec![digit(pair / self.base), digit(pair % self.base)];
            let lower = mark.to_ascii_lowercase();
            if mark != lower && self.values[usize::from(lower[0])] == self.values[usize::from(mark[0])] {
                marks.push(lower);
            }
            marks.push(mark);
        }
        marks
    }

    /// The first two digits of what begins with the bytes `head`, from the least that may follow to the most.
    pub(super) const fn pairs(&self, head: [u8; 2], last: [u8; 2]) -> (u64, u64) {
        let mut low = (head[0] as u64) << 8 | head[1] as u64;
        let mut high = (last[0] as u64) << 8 | last[1] as u64;
        if self.bytes == 1 {
            return (low >> 8, high >> 8);
        }
        let mut byte = 2;
        while byte < self.bytes {
            low <<= 8;
            high = high << 8 | 0xff;
            byte += 1;
        }
        let mut digit = 2;
        while digit < self.digits {
            low /= self.base;
            high /= self.base;
            digit += 1;
        }
        (low, high)
    }
}

/// Calls `visit` with what runs of digits may stand for, with where they begin and whether they may well be none: numbers, or
/// a part of something; until it returns `false`. Only what is `wanted` is visited.
pub(crate) fn each(
    text: &[u8],
    wanted: &impl Fn(&[u8]) -> bool,
    visit: &mut impl FnMut(u64, Vec<u8>, bool) -> bool,
) -> bool {
    // What follows a quote or a break is decoded on trial, but not if there is hardly anything else.
    let (mut at, mut trials) = (0, TRIALS + text.len() / LINE * 4);
    while at < text.len() {
        let class = CLASSES[usize::from(text[at])];
        // The digits of all other codecs with borders are among those of the first.
        if class & WORD != 0 {
            let start = at;
            at += text[at..].iter().take_while(|&&byte| CLASSES[usize::from(byte)] & WORD != 0).count();
            if is_long(&text[start..at]) && !each_run(text, start, &mut at, wanted, visit)
                || may_begin_here(text, start, &mut trials) && !each_borderless(text, start, wanted, visit)
            {
                return false;
            }
        } else {
            if may_begin_here(text, at, &mut trials) && !each_borderless(text, at, wanted, visit) {
                return false;
            }
            at += 1;
        }
    }
    each_mark(text, Within::Text, visit)
}

/// Whether a run of digits is worth to be decoded.
fn is_long(run: &[u8]) -> bool {
    run.len() >= SHORTEST || run.len() >= SHORTEST_KNOWN && begins::digits(run)
}

/// What a run of digits stands for that begins at `start` and ends before `at`, unless it goes on in the next lines.
fn each_run(
    text: &[u8],
    start: usize,
    at: &mut usize,
    wanted: &impl Fn(&[u8]) -> bool,
    visit: &mut impl FnMut(u64, Vec<u8>, bool) -> bool,
) -> bool {
    let first = &text[start..*at];
    let shared = first.iter().fold(u8::MAX, |shared, &byte| shared & CLASSES[usize::from(byte)]);
    for (number, codec) in CODECS.iter().enumerate().filter(|(_, codec)| !codec.borderless) {
        if shared >> number & 1 == 0 {
            continue;
        }
        let (run, starts, end) = lines(codec, text, start, first.len());
        *at = end.max(*at);
        for (first, place) in starts {
            let decoded = codec.decode(&run[first..]);
            let chance = place != start || shared & DECIMAL != 0;
            if wanted(&decoded) && !visit(place as u64, decoded, chance) {
                return false;
            }
        }
    }
    true
}

/// The digits from `start` on that the first `len` of are on one line, and where it ends. They may begin elsewhere, too: lines
/// may be no parts of one text, and begin in other places of a group.
fn lines<'a>(
    codec: &Codec,
    text: &'a [u8],
    start: usize,
    len: usize,
) -> (Cow<'a, [u8]>, Vec<(usize, usize)>, usize) {
    let mut run = Cow::Borrowed(&text[start..start + len]);
    let (mut at, mut starts) = (start + len, vec![(0, start)]);
    loop {
        let line = line_break(&text[at..]);
        let next = codec.run(text.get(at + line..).unwrap_or_default());
        if len < LINE || line == 0 || next == 0 {
            break;
        }
        if starts.iter().all(|(other, _)| other % codec.digits != run.len() % codec.digits) {
            starts.push((run.len(), at + line));
        }
        run.to_mut().extend_from_slice(&text[at + line..at + line + next]);
        at += line + next;
    }
    (run, starts, at)
}

/// Whether a run without borders may begin at `at`, which is not within a word: what is in quotes or on a line is written by
/// itself, and anything else has to look like it.
#[inline(always)]
fn may_begin_here(text: &[u8], at: usize, trials: &mut usize) -> bool {
    let alone = *trials > 0 && (at == 0 || matches!(text[at - 1], b'"' | b'\'' | b'~' | b'\n'));
    *trials -= usize::from(alone);
    alone || begins::borderless(&text[at..])
}

/// What runs without borders stand for that may begin at `at`. As almost any word is one, what they begin with decides
/// whether they are decoded.
#[inline(never)]
fn each_borderless(
    text: &[u8],
    at: usize,
    wanted: &impl Fn(&[u8]) -> bool,
    visit: &mut impl FnMut(u64, Vec<u8>, bool) -> bool,
) -> bool {
    CODECS.iter().filter(|codec| codec.borderless).all(|codec| {
        let head = joined(codec, &text[..text.len().min(at + HEAD)], at);
        if !is_long(&head) || !wanted(&codec.decode(&head)) {
            return true;
        }
        let run = joined(codec, text, at);
        ends(&run, at.checked_sub(1).map(|before| text[before]))
            .into_iter()
            .all(|end| visit(at as u64, codec.decode(&run[..end]), true))
    })
}

/// Where a run may end that follows `before`: where it does, or before a quote that may be a digit as well.
fn ends(run: &[u8], before: Option<u8>) -> Vec<usize> {
    let mut ends = vec![run.len()];
    if let Some(quote @ (b'"' | b'\'')) = before {
        ends.extend(memchr::memchr(quote, run));
        ends.extend(memchr::memrchr(quote, run));
        ends.dedup();
    }
    ends
}

/// The digits from `at` on, over the ends of lines.
fn joined(codec: &Codec, text: &[u8], at: usize) -> Vec<u8> {
    let (mut at, mut run) = (at, Vec::new());
    loop {
        let len = codec.run(&text[at..]);
        run.extend_from_slice(&text[at..at + len]);
        at += len;
        let line = line_break(&text[at..]);
        if line == 0 || len == 0 {
            return run;
        }
        at += line;
    }
}

/// Where pickles in codecs are looked for that may begin anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    /// In text, of which all that follows no digits has been looked at.
    Text,
    /// In a pickle, whose strings are known by what they begin with: only in the codecs that are common.
    Pickle,
    Anything,
}

/// Calls `visit` with each pickle that begins with `PROTO` or is in gzip, in any codec and at any place; until it returns
/// `false`.
pub(crate) fn each_mark(
    text: &[u8],
    within: Within,
    visit: &mut impl FnMut(u64, Vec<u8>, bool) -> bool,
) -> bool {
    static MARKS: OnceLock<Vec<(&Codec, memmem::Finder<'_>)>> = OnceLock::new();
    let find = |codec: &'static Codec| {
        codec.marks().into_iter().map(move |mark| (codec, memmem::Finder::new(&mark).into_owned()))
    };
    let marks = MARKS.get_or_init(|| CODECS.iter().flat_map(find).collect());
    let is_common = |codec: &Codec| matches!(codec.base, 16 | 64);
    marks.iter().filter(|(codec, _)| within != Within::Pickle || is_common(codec)).all(|(codec, mark)| {
        mark.find_iter(text).all(|at| {
            let follows = at > 0 && codec.is_digit(text[at - 1]);
            if within == Within::Text && !follows && !codec.borderless {
                return true;
            }
            let head = &text[at..text.len().min(at + HEAD)];
            let head = codec.decode(&head[..codec.run(head)]);
            let begins = search::starts_stream(&head) || head.starts_with(GZIP);
            !begins || visit(at as u64, codec.decode(&joined(codec, text, at)), true)
        })
    })
}

const GZIP: &[u8] = b"\x1f\x8b\x08";

/// How long the break between two lines of digits is: as text, as escapes in JSON and Python, or as quoted-printable.
fn line_break(rest: &[u8]) -> usize {
    let escaped: usize = [&b"\\r\\n"[..], b"\\n", b"\\u000d\\u000a", b"\\u000a", b"\\u000A"]
        .iter()
        .find(|escape| rest.starts_with(escape))
        .map_or(0, |escape| escape.len());
    if escaped > 0 {
        return escaped;
    }
    let soft = usize::from(rest.starts_with(b"=\n") || rest.starts_with(b"=\r\n"));
    let breaks = rest[soft..].iter().take(2).take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count();
    // In YAML and in source code the lines are indented.
    let blank = |&&byte: &&u8| matches!(byte, b' ' | b'\t');
    let indent = rest[soft + breaks..].iter().take(INDENT).take_while(blank).count();
    if breaks > 0 { soft + breaks + indent } else { 0 }
}

/// A byte is a digit of the codec with this number; of the first with borders, whose digits are those of all such; of ten.
const WORD: u8 = 1;
const DECIMAL: u8 = 1 << 7;
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut number = 0;
        while number < ALL.len() {
            if ALL[number].values[byte] != NO_DIGIT {
                classes[byte] |= 1 << number;
            }
            number += 1;
        }
        if (byte as u8).is_ascii_digit() {
            classes[byte] |= DECIMAL;
        }
        byte += 1;
    }
    classes
};

#[cfg(test)]
mod tests {
    use super::*;

    const PICKLE: &[u8] = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.";

    fn found(text: &str) -> Vec<(u64, Vec<u8>)> {
        let mut found = Vec::new();
        let wanted = |bytes: &[u8]| search::starts_stream(bytes);
        each(text.as_bytes(), &wanted, &mut |at, bytes, _| {
            found.push((at, bytes));
            true
        });
        found
    }

    #[test]
    fn each_codec_is_decoded() {
        for text in [
            "gASMAm9zjAZzeXN0ZW2TjAR0cnVlhVIu",
            "80048c026f738c0673797374656d938c047472756585522e",
            "QACIYATPOOGAM43ZON2GK3MTRQCHI4TVMWCVELQ=",
            "G028O0JFEE60CSRPEDQ6ARCJHG278SJLCM2L4BG=",
        ] {
            let text = format!("a word: \"{text}\", and more");
            assert!(found(&text).iter().any(|(_, bytes)| bytes.starts_with(PICKLE)), "{text}");
        }
    }

    #[test]
    fn pairs_are_what_codecs_begin_with() {
        for codec in &CODECS {
            for head in [[0x80, 4], [b'c', b'o'], [b'(', b'd'], [0x1f, 0x8b]] {
                for rest in [0u8, 0x7f, 0xff] {
                    let bytes = [head[0], head[1], rest, rest, rest];
                    let mut word =
                        bytes.iter().take(codec.bytes).fold(0u64, |word, &byte| word << 8 | u64::from(byte));
                    let mut digits = vec![0; codec.digits];
                    for digit in digits.iter_mut().rev() {
                        let value = word % codec.base;
                        word /= codec.base;
                        *digit = codec.values.iter().position(|&it| u64::from(it) == value).unwrap() as u8;
                    }
                    assert!(begins::digits(&digits), "{digits:?}");
                    assert_eq!(codec.decode(&digits), bytes[..codec.bytes]);
                }
            }
        }
    }

    #[test]
    fn ascii85_has_letters_for_whole_groups() {
        assert_eq!(CODECS[4].decode(b"zy!!"), [0, 0, 0, 0, b' ', b' ', b' ', b' ', 0]);
    }

    #[test]
    fn what_follows_base64_does_not_hide_it() {
        let line = "A".repeat(60);
        for text in [format!("id,blob\n1,{line}\n2,"), format!("key: |\n    {line}\n    AAAA\n")] {
            let mut found = Vec::new();
            each(text.as_bytes(), &|_| true, &mut |_, bytes, _| {
                found.push(bytes.len());
                true
            });
            assert!(found.iter().any(|&len| len >= 45), "{text}: {found:?}");
        }
    }

    #[test]
    fn lines_that_are_no_parts_of_one_text_are_decoded_by_themselves() {
        let text = format!("{}\n{}\n", "A".repeat(61), "Y29zCnN5c3RlbQooUyd0cnVlJwp0Ui4");
        let mut all = Vec::new();
        each(text.as_bytes(), &|_| true, &mut |_, bytes, _| {
            all.push(bytes);
            true
        });
        assert!(all.iter().any(|bytes| bytes.starts_with(b"cos\nsystem\n")));
    }
}
