//! Codecs that write bytes as text: Base64, Base32, hexadecimal and Base85, each by its digits.

use super::begins;
use super::layer::Layer;
use crate::search::{self, Stands};
use brinery::Opcode;
use std::borrow::Cow;
use std::ops::Range;

/// How short a run of digits may be that is decoded.
pub(crate) const SHORTEST: usize = 16;
/// The same for what begins as a pickle in some codec does.
pub(crate) const SHORTEST_KNOWN: usize = 12;
/// The same for what ends as one does, and begins with an opcode.
pub(super) const SHORTEST_BARE: usize = 10;
/// How long a line of digits is at least that goes on in the next one.
const LINE: usize = 60;
/// How far lines may be indented.
pub(crate) const INDENT: usize = 40;
/// How many digits are decoded to see whether more of them are worth it, and how many before.
const HEAD: usize = 160;
const FEW: usize = 24;
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
    #[inline(always)]
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
        let rest = match self.base {
            16 => self.decode_groups::<2, 1>(run, &mut bytes),
            32 => self.decode_groups::<8, 5>(run, &mut bytes),
            64 => self.decode_groups::<4, 3>(run, &mut bytes),
            _ => run,
        };
        self.decode_digits(rest, &mut bytes);
        bytes
    }

    /// Decodes whole groups of digits that are some bits each, up to what is none; returns what is left.
    fn decode_groups<'t, const DIGITS: usize, const BYTES: usize>(
        &self,
        run: &'t [u8],
        bytes: &mut Vec<u8>,
    ) -> &'t [u8] {
        let mut groups = run.chunks_exact(DIGITS);
        for (number, group) in groups.by_ref().enumerate() {
            let (mut word, mut all) = (0u64, 0);
            for &byte in group {
                let digit = self.values[usize::from(byte)];
                all |= digit;
                word = word << (BYTES * 8 / DIGITS) | u64::from(digit);
            }
            if all & 0x80 != 0 {
                return &run[number * DIGITS..];
            }
            bytes.extend_from_slice(&word.to_be_bytes()[8 - BYTES..]);
        }
        groups.remainder()
    }

    /// Decodes digits one by one.
    fn decode_digits(&self, run: &[u8], bytes: &mut Vec<u8>) {
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
    }

    /// The first digits from `at` on, over the ends of lines; how many there are.
    fn first(&self, text: &[u8], mut at: usize, digits: &mut [u8]) -> usize {
        let mut count = 0;
        while count < digits.len() && at < text.len() {
            if self.is_digit(text[at]) {
                digits[count] = text[at];
                (count, at) = (count + 1, at + 1);
                continue;
            }
            let line = line_break(&text[at..]);
            if line == 0 || count == 0 {
                break;
            }
            at += line;
        }
        count
    }

    fn has_groups(&self, digits: &[u8]) -> bool {
        !self.groups.is_empty() && digits.iter().any(|&digit| self.values[usize::from(digit)] == NO_DIGIT)
    }

    /// As much of digits as tells what they begin with for sure, where more of them follow.
    pub(super) fn whole_groups<'t>(&self, digits: &'t [u8]) -> &'t [u8] {
        if self.borderless { &digits[..digits.len() / self.digits * self.digits] } else { digits }
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
    // The digits of all codecs with borders are among those of the first.
    let mut at = 0;
    while let Some(run) = next_run(text, at, SHORTEST_BARE, |byte| CLASSES[usize::from(byte)] & WORD != 0) {
        // Databases have a sign before hexadecimal.
        let sign = match text[run.clone()] {
            [b'0', b'x' | b'X', ..] => 2,
            [b'x' | b'X', ..] => 1,
            _ => 0,
        };
        let starts = [run.start, run.start + sign];
        for &start in &starts[..=usize::from(sign > 0)] {
            at = run.end;
            if is_long(&text[start..run.end]) && !each_run(text, start, &mut at, wanted, visit) {
                return false;
            }
        }
    }
    each_place(text, wanted, visit)
}

/// The same in what is left of text without what is no digit of Base64: only in codecs with borders.
pub(crate) fn each_bordered(
    digits: &[u8],
    wanted: &impl Fn(&[u8]) -> bool,
    visit: &mut impl FnMut(u64, Vec<u8>, bool) -> bool,
) -> bool {
    let mut at = digits.len();
    each_run(digits, 0, &mut at, wanted, visit) && each_mark(digits, Within::Text, visit)
}

/// The next run of at least `least` bytes of a kind from `from` on, before which there is no such byte. Most bytes of other text
/// are passed over: a run has none of another kind where it is long enough.
pub(super) fn next_run(
    text: &[u8],
    from: usize,
    least: usize,
    is: impl Fn(u8) -> bool,
) -> Option<Range<usize>> {
    let mut start = from;
    loop {
        match text.get(start..start + least)?.iter().rposition(|&byte| !is(byte)) {
            Some(other) => start += other + 1,
            None => {
                let more = text[start + least..].iter().take_while(|&&byte| is(byte)).count();
                return Some(start..start + least + more);
            }
        }
    }
}

/// Each two bytes that follow each other, and where.
#[inline(always)]
fn pairs(text: &[u8]) -> impl Iterator<Item = (usize, [u8; 2])> + '_ {
    let firsts = text.iter().zip(text.get(1..).unwrap_or_default());
    firsts.enumerate().map(|(at, (&first, &second))| (at, [first, second]))
}

/// What may begin anywhere: runs without borders on lines of their own, in quotes, and where they look like pickles; and marks
/// of pickles within runs.
fn each_place(
    text: &[u8],
    wanted: &impl Fn(&[u8]) -> bool,
    visit: &mut impl FnMut(u64, Vec<u8>, bool) -> bool,
) -> bool {
    let is_word = |byte: u8| CLASSES[usize::from(byte)] & WORD != 0;
    for (at, pair) in pairs(text) {
        if !begins::anywhere(pair) {
            continue;
        }
        let pair = &pair[..];
        let within = at > 0 && is_word(text[at - 1]) && is_word(pair[0]);
        if begins::borderless(pair) && !within && !each_borderless(text, at, false, wanted, visit)
            || begins::mark(pair) && !marked(text, at, Within::Text, visit)
        {
            return false;
        }
    }
    // What follows a quote or a break is decoded on trial, but not if there is hardly anything else.
    let mut trials = TRIALS + text.len() / LINE * 4;
    let mut alone = |at: usize| {
        let tried = trials > 0 && at < text.len();
        trials -= usize::from(tried);
        !tried || each_borderless(text, at, true, wanted, visit)
    };
    alone(0)
        && memchr::memchr3_iter(b'"', b'\'', b'\n', text).all(|border| alone(border + 1))
        && memchr::memchr_iter(b'~', text).all(|border| alone(border + 1))
}

/// Whether a run of digits is worth to be decoded.
fn is_long(run: &[u8]) -> bool {
    run.len() >= SHORTEST || run.len() >= SHORTEST_KNOWN && begins::digits(run) || begins::bare(run)
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
        // Digits of ten are nothing in Base64 that begins a pickle or names anything.
        if shared >> number & 1 == 0 || codec.base == 64 && shared & DECIMAL != 0 {
            continue;
        }
        if first.len() < LINE {
            let decoded = codec.decode(first);
            if wanted(&decoded) && !visit(start as u64, decoded, shared & DECIMAL != 0) {
                return false;
            }
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

/// What runs without borders stand for that may begin at `at`. As almost any word is one, what they begin with decides
/// whether they are decoded: where one is not `alone`, in quotes or on a line, it has to look like a pickle from there on.
#[inline(never)]
fn each_borderless(
    text: &[u8],
    at: usize,
    alone: bool,
    wanted: &impl Fn(&[u8]) -> bool,
    visit: &mut impl FnMut(u64, Vec<u8>, bool) -> bool,
) -> bool {
    CODECS.iter().enumerate().filter(|(_, codec)| codec.borderless).all(|(number, codec)| {
        // Most text begins with no opcodes, by its first two digits if these are on one line.
        let Some(&[first, second, ..]) = text.get(at..) else { return true };
        if !codec.is_digit(first)
            || !alone && codec.is_digit(second) && !begins::in_codec(number, &text[at..])
        {
            return true;
        }
        // Most words are too short.
        let mut digits = [0; FEW];
        let count = codec.first(text, at, &mut digits[..codec.digits]);
        if count < codec.digits {
            return true;
        }
        let word = digits[..count]
            .iter()
            .fold(0u64, |word, &digit| word * codec.base + u64::from(codec.values[usize::from(digit)]));
        let opcodes =
            alone && (begins::opcodes((word as u32).to_be_bytes()) || codec.has_groups(&digits[..count]));
        if !opcodes && !begins::in_codec(number, &digits) {
            return true;
        }
        let count = codec.first(text, at, &mut digits);
        if count < SHORTEST_BARE {
            return true;
        }
        let mut bytes = Vec::with_capacity(FEW);
        codec.decode_digits(codec.whole_groups(&digits[..count]), &mut bytes);
        if !(begins::may_begin(&bytes) || alone && search::has_opcodes(&bytes)) {
            return true;
        }
        let head = joined(codec, &text[..text.len().min(at + HEAD)], at);
        if !is_long(&head) || !wanted(&codec.decode(&head)) || !stands(codec, text, at) {
            return true;
        }
        let run = joined(codec, text, at);
        ends(&run, at.checked_sub(1).map(|before| text[before]))
            .into_iter()
            .all(|end| visit(at as u64, codec.decode(&run[..end]), true))
    })
}

/// Whether digits from `at` on may be a pickle as far as it takes to tell: so they are decoded bit by bit.
fn stands(codec: &Codec, text: &[u8], at: usize) -> bool {
    // A digit of Ascii85 may stand for a whole group.
    let most = if codec.groups.is_empty() { codec.bytes } else { codec.bytes * codec.digits };
    let most = (text.len() - at) * most / codec.digits;
    let mut len = HEAD;
    loop {
        let part = &text[..text.len().min(at + len)];
        let decoded = codec.decode(&joined(codec, part, at));
        let is_opcode = decoded.first().is_some_and(|&byte| Opcode::from_byte(byte).is_some());
        if let Some(layer) = Layer::of(&decoded) {
            return layer.opens(&decoded);
        }
        if !is_opcode {
            return !decoded.starts_with(b"PK") || decoded.starts_with(b"PK\x03\x04");
        }
        let is_all =
            part.len() == text.len() || decoded.len() < (len - INDENT) / codec.digits * codec.bytes / 2;
        match search::stands(&decoded) {
            Stands::Sure(stands) => return stands,
            Stands::Needs(bytes) if is_all || bytes > most as u64 => return false,
            Stands::Needs(_) => len *= 8,
        }
    }
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
    if within == Within::Pickle {
        // The first digits of `PROTO` and of gzip data in the two that are common.
        return [&b"gA"[..], b"H4sI", b"80"]
            .iter()
            .all(|mark| memchr::memmem::find_iter(text, mark).all(|at| marked(text, at, within, visit)));
    }
    pairs(text).all(|(at, pair)| !begins::mark(&pair) || marked(text, at, within, visit))
}

/// The same at one place.
#[inline(never)]
fn marked(
    text: &[u8],
    at: usize,
    within: Within,
    visit: &mut impl FnMut(u64, Vec<u8>, bool) -> bool,
) -> bool {
    let is_mark = |bytes: &[u8]| search::starts_stream(bytes) || bytes.starts_with(GZIP);
    CODECS.iter().enumerate().all(|(number, codec)| {
        let follows = at > 0 && codec.is_digit(text[at - 1]);
        let is_common = matches!(codec.base, 16 | 64);
        if !begins::mark_of(number, &text[at..])
            || within == Within::Pickle && !is_common
            || within == Within::Text && !follows && !codec.borderless
        {
            return true;
        }
        let head = &text[at..text.len().min(at + FEW)];
        let head = codec.decode(codec.whole_groups(&head[..codec.run(head)]));
        if !is_mark(&head) {
            return true;
        }
        let head = &text[at..text.len().min(at + HEAD)];
        let head = codec.decode(&head[..codec.run(head)]);
        !is_mark(&head)
            || !stands(codec, text, at)
            || visit(at as u64, codec.decode(&joined(codec, text, at)), true)
    })
}

const GZIP: &[u8] = b"\x1f\x8b\x08";

/// How long the break between two lines of digits is: as text, as escapes in JSON and Python, or as quoted-printable.
#[inline(always)]
fn line_break(rest: &[u8]) -> usize {
    if matches!(rest, [b'\\' | b'=' | b'\r' | b'\n', ..]) { line_break_here(rest) } else { 0 }
}

/// The same where one may begin.
#[inline(never)]
fn line_break_here(rest: &[u8]) -> usize {
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
    fn marks_of_common_codecs_are_found_in_pickles() {
        for (number, codec) in CODECS.iter().enumerate().filter(|(_, codec)| matches!(codec.base, 16 | 64)) {
            let digit =
                |value: u64| codec.values.iter().position(|&it| u64::from(it) == value).unwrap() as u8;
            let (low, high) = codec.pairs([0x80, 0], [0x80, 5]);
            for pair in low..=high {
                let pair = [digit(pair / codec.base), digit(pair % codec.base)];
                assert!([b"gA", b"80"].contains(&&pair), "{pair:?}");
                assert!(begins::mark(&pair) && begins::mark_of(number, &pair));
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
