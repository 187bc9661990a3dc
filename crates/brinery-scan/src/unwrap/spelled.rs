//! Bytes spelled one by one or line by line: escapes, lists of numbers, uuencode, and Base64 with what does not belong to it.

use super::begins;
use super::codec::{self, INDENT, SHORTEST};
use crate::search;
use memchr::{memchr, memmem};

/// How long a list of numbers is at least: a digit each, and what is between them.
const SHORTEST_LIST: usize = 15;

/// Within how many bytes something is that is no digit, in what is not read as a run of them.
const BROKEN: usize = 128;

/// How many times text is looked at, and how much of it is always, and as a whole.
const AGAIN: usize = 8;
const SHORT: usize = 1 << 12;

/// The ways to write bytes by escapes: as Python, JSON and C do, in addresses, in mail, and in HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    Backslash,
    Percent,
    Quoted,
    Entities,
}

impl Escapes {
    pub(crate) const ALL: [Escapes; 4] =
        [Escapes::Backslash, Escapes::Percent, Escapes::Quoted, Escapes::Entities];

    const fn sign(self) -> u8 {
        match self {
            Escapes::Backslash => b'\\',
            Escapes::Percent => b'%',
            Escapes::Quoted => b'=',
            Escapes::Entities => b'&',
        }
    }

    /// The signs that text with such escapes has if it is a pickle, or one in a codec some of whose digits are escaped: what
    /// a pickle begins with, the end of a line, or such a digit. Any backslash counts, as it means nothing else.
    const fn signs(self) -> &'static [&'static [u8]] {
        match self {
            Escapes::Backslash => &[b"\\"],
            Escapes::Percent => {
                &[b"%80", b"%0A", b"%0a", b"%2B", b"%2b", b"%2F", b"%2f", b"%3D", b"%3d", b"%22"]
            }
            Escapes::Quoted => {
                &[b"=80", b"=0A", b"=0a", b"=3D", b"=3d", b"=00", b"=04", b"=0C", b"=1F", b"=9C", b"=DA"]
            }
            Escapes::Entities => &[b"&#"],
        }
    }

    /// The bytes that text with such escapes stands for, and whether any of them is a digit of Base64 among others, or a break
    /// there; `None` if there are none that matter.
    pub(crate) fn undo(self, text: &[u8]) -> Option<(Vec<u8>, bool)> {
        memchr(self.sign(), text)?;
        self.signs().iter().find(|sign| memmem::find(text, sign).is_some())?;
        let mut bytes = Vec::new();
        let (mut any, mut broken) = (false, false);
        // Up to where `text` has been taken, and up to where it goes on to be.
        let (mut at, mut until) = (0, if text.len() <= SHORT { text.len() } else { 0 });
        let mut next = 0;
        while let Some(ahead) = memchr(self.sign(), &text[next..]) {
            let place = next + ahead;
            let (byte, len) = self.escape(&text[place..]);
            next = place + len;
            if len == 1 {
                continue;
            }
            any = true;
            if place >= until && text.len() > SHORT {
                // What is far from any escape is as it was.
                bytes.extend_from_slice(&text[at..until.max(at)]);
                at = until.max(at);
                let from = at + before(&text[at..place]);
                if from > at {
                    bytes.push(b'\n');
                }
                at = from;
            }
            bytes.extend_from_slice(&text[at..place]);
            broken |= byte.is_none_or(begins::is_digit)
                && bytes.last().is_some_and(|&byte| begins::is_digit(byte))
                && text.get(next).is_some_and(|&byte| begins::is_digit(byte));
            bytes.extend(byte);
            at = next;
            if text.len() > SHORT && next + AROUND > until {
                until = at + after(&text[at..]);
            }
        }
        any.then(|| {
            bytes.extend_from_slice(&text[at..until.max(at)]);
            (bytes, broken)
        })
    }

    /// What the escape that text begins with stands for, and how long it is, within the text: one byte if it is none.
    fn escape(self, text: &[u8]) -> (Option<u8>, usize) {
        let none = (Some(self.sign()), 1);
        let number = |digits: &[u8], radix| {
            std::str::from_utf8(digits).ok().and_then(|digits| u32::from_str_radix(digits, radix).ok())
        };
        let char = |char: u32| u8::try_from(char).unwrap_or(b'?');
        match self {
            Escapes::Backslash => match text.get(1) {
                Some(b'n') => (Some(b'\n'), 2),
                Some(b't') => (Some(b'\t'), 2),
                Some(b'r') => (Some(b'\r'), 2),
                Some(b'a') => (Some(7), 2),
                Some(b'b') => (Some(8), 2),
                Some(b'f') => (Some(12), 2),
                Some(b'v') => (Some(11), 2),
                Some(b'\n') => (None, 2),
                Some(b'x') => match text.get(2..4).and_then(|digits| number(digits, 16)) {
                    Some(byte) => (Some(byte as u8), 4),
                    None => (Some(b'x'), 2),
                },
                Some(b'u') => match text.get(2..6).and_then(|digits| number(digits, 16)) {
                    Some(value) => (Some(char(value)), 6),
                    None => (Some(b'u'), 2),
                },
                Some(b'U') => match text.get(2..10).and_then(|digits| number(digits, 16)) {
                    Some(value) => (Some(char(value)), 10),
                    None => (Some(b'U'), 2),
                },
                Some(b'0'..=b'7') => {
                    let len = text[1..].iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                    (number(&text[1..=len], 8).map(|byte| byte as u8), 1 + len)
                }
                Some(&other) => (Some(other), 2),
                None => none,
            },
            Escapes::Percent => match text.get(1..3).and_then(|digits| number(digits, 16)) {
                Some(byte) => (Some(byte as u8), 3),
                None => none,
            },
            Escapes::Quoted => match &text[1..] {
                [b'\n', ..] => (None, 2),
                [b'\r', b'\n', ..] => (None, 3),
                [first, second, ..] => match number(&[*first, *second], 16) {
                    Some(byte) => (Some(byte as u8), 3),
                    None => none,
                },
                _ => none,
            },
            Escapes::Entities => {
                const NAMED: [(&[u8], u8); 5] = [
                    (b"&lt;", b'<'),
                    (b"&gt;", b'>'),
                    (b"&amp;", b'&'),
                    (b"&quot;", b'"'),
                    (b"&apos;", b'\''),
                ];
                if let Some((name, byte)) = NAMED.iter().find(|(name, _)| text.starts_with(name)) {
                    return (Some(*byte), name.len());
                }
                let Some(len) = memchr(b';', &text[..text.len().min(10)]) else { return none };
                let value = match &text[1..len] {
                    [b'#', b'x' | b'X', digits @ ..] => number(digits, 16),
                    [b'#', digits @ ..] => number(digits, 10),
                    _ => None,
                };
                value.map_or(none, |value| (Some(char(value)), len + 1))
            }
        }
    }
}

/// How many strings or lines around one with escapes are taken with it: a literal may have several parts, and quotes within.
const STRINGS: usize = 4;
/// How many bytes are, at least.
const AROUND: usize = 64;

/// Where the strings or lines that are taken with what follows `text` begin.
fn before(text: &[u8]) -> usize {
    let near = &text[..text.len().saturating_sub(AROUND)];
    memchr::memrchr3_iter(b'\n', b'"', b'\'', near).nth(STRINGS - 1).map_or(0, |at| at + 1)
}

/// Where those end that are taken with what is before `text`.
fn after(text: &[u8]) -> usize {
    let near = AROUND.min(text.len());
    memchr::memchr3_iter(b'\n', b'"', b'\'', &text[near..])
        .nth(STRINGS - 1)
        .map_or(text.len(), |at| near + at + 1)
}

/// A byte is part of a number; is between two; is a blank before one; opens a list.
const PART: u8 = 1;
const BETWEEN: u8 = 2;
const BLANK: u8 = 4;
const OPENS: u8 = 8;
static KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b'x' | b'X' | b'-' => PART,
            b' ' | b'\t' | b'\r' => BETWEEN | BLANK,
            b',' | b';' => BETWEEN,
            b':' | b'\n' => BETWEEN | OPENS,
            b'[' | b'(' | b'{' | b'<' | b'"' | b'\'' | b'=' => OPENS,
            _ => 0,
        };
        byte += 1;
    }
    kinds
};

/// Calls `visit` with the bytes that each list of numbers stands for, in digits of ten or sixteen, and where it begins; until
/// it returns `false`.
pub(crate) fn each_list(text: &[u8], visit: &mut impl FnMut(u64, Vec<u8>) -> bool) -> bool {
    let is = |byte: u8, kind: u8| KINDS[usize::from(byte)] & kind != 0;
    let is_part = |byte: u8| is(byte, PART);
    let is_between = |byte: u8| is(byte, BETWEEN);
    // A list begins after what opens one, and blanks.
    let (mut at, mut fresh) = (0, true);
    let mut long = 0..0;
    while at < text.len() {
        // Where no list is long enough there is none.
        if at >= long.end {
            let Some(next) = codec::next_run(text, at, SHORTEST_LIST, |byte| is(byte, PART | BETWEEN)) else {
                return true;
            };
            at = next.start;
            let before = at.checked_sub(1).map(|before| text[before]);
            fresh = before.is_none_or(|before| is(before, OPENS));
            long = next;
        }
        let kind = KINDS[usize::from(text[at])];
        let begins = fresh && kind & PART != 0;
        fresh = kind & OPENS != 0 || fresh && kind & BLANK != 0;
        // Most words are none.
        let is_one = |len: usize| text.get(at + len).is_some_and(|&byte| is_between(byte));
        if !begins || !(1..5).any(is_one) {
            at += 1;
            continue;
        }
        let start = at;
        let mut lists = [Numbers::new(10), Numbers::new(16)];
        while lists.iter().any(|list| list.goes_on) {
            let len = text[at..].iter().take(6).take_while(|&&byte| is_part(byte)).count();
            let ends = text.get(at + len).is_none_or(|byte| !byte.is_ascii_alphanumeric());
            if len == 0 || !ends {
                break;
            }
            let word = std::str::from_utf8(&text[at..at + len]).unwrap_or_default();
            for list in &mut lists {
                list.take(word);
            }
            at += len;
            let gap = text[at..].iter().take(INDENT).take_while(|&&byte| is_between(byte)).count();
            at += gap;
            if gap == 0 {
                break;
            }
        }
        let is_long = |list: &Numbers| list.bytes.len() >= SHORTEST || search::is_whole(&list.bytes);
        for list in lists.into_iter().filter(is_long) {
            if !visit(start as u64, list.bytes) {
                return false;
            }
        }
        at = at.max(start + 1);
    }
    true
}

/// The bytes that numbers stand for, up to the first that is none of theirs.
struct Numbers {
    radix: u32,
    bytes: Vec<u8>,
    goes_on: bool,
}

impl Numbers {
    const fn new(radix: u32) -> Self {
        Numbers { radix, bytes: Vec::new(), goes_on: true }
    }

    fn take(&mut self, word: &str) {
        if !self.goes_on {
            return;
        }
        let number = if self.radix == 10 {
            // In some languages a byte has a sign.
            word.parse::<i16>().ok().filter(|number| (-128..256).contains(number)).map(|number| number as u8)
        } else {
            let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
            let digits = digits.or(Some(word).filter(|word| word.len() == 2));
            digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())
        };
        match number {
            Some(number) => self.bytes.push(number),
            None => self.goes_on = false,
        }
    }
}

/// Calls `visit` with what lines of uuencode stand for, and where the first of them begins; until it returns `false`.
pub(crate) fn each_uu(text: &[u8], visit: &mut impl FnMut(u64, Vec<u8>) -> bool) -> bool {
    let border = |text: &[u8]| memchr::memchr3(b'\n', b'"', b'\'', text);
    // Lines that begin within others are decoded once more, but not for ever.
    let (mut at, mut left) = (0, AGAIN * (text.len() + SHORT));
    while at < text.len() {
        let (start, mut line) = (at, None);
        let mut bytes = Vec::new();
        while let Some(len) = uu_line(&text[at..], &mut bytes) {
            at += len;
            line = line.or(Some(len));
        }
        if bytes.len() >= SHORTEST / 2 && !visit(start as u64, bytes) {
            return false;
        }
        left = left.saturating_sub(at - start);
        if left == 0 && at > start {
            continue;
        }
        // Lines begin after breaks and quotes. A quote may be a digit as well, or an end.
        let within = &text[start..line.map_or(text.len(), |len| start + len - 1)];
        match border(within) {
            Some(len) => at = start + len + 1,
            None if line.is_none() => return true,
            None => {}
        }
    }
    true
}

/// Decodes a line of uuencode, and returns how long it is with its end.
fn uu_line(text: &[u8], bytes: &mut Vec<u8>) -> Option<usize> {
    let is_digit = |byte: u8| matches!(byte, b' '..=b'`');
    let count = usize::from(text.first()?.checked_sub(b' ').filter(|&count| count <= 64)? & 63);
    let need = count.div_ceil(3) * 4;
    let line = &text[1..];
    let ends = |at: usize| match line.get(at..)? {
        [] => Some(0),
        [b'"' | b'\'' | b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] | [b'\\', b'n', ..] => Some(2),
        _ => None,
    };
    // Blanks at the end may have been cut off.
    let (len, end) = (0..4.min(need)).find_map(|cut| Some((need - cut, ends(need - cut)?)))?;
    if count == 0 || !line[..len].iter().all(|&byte| is_digit(byte)) {
        return None;
    }
    let before = bytes.len();
    bytes.extend(uu_digits(&line[..len]));
    bytes.truncate(before + count);
    Some(1 + len + end)
}

/// What digits of uuencode stand for.
fn uu_digits(digits: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(digits.len());
    for group in digits.chunks(4) {
        let digits = group.iter().copied().chain([b' '; 3]).take(4);
        let word = digits.fold(0u32, |word, digit| word << 6 | u32::from(digit.wrapping_sub(b' ') & 63));
        bytes.extend_from_slice(&word.to_be_bytes()[1..]);
    }
    bytes
}

/// Base64 as lenient decoders take it, in each string and line: without what is no digit. Calls `visit` with what is left
/// of those that have other things in them, and where they begin; until it returns `false`.
pub(crate) fn each_lenient(text: &[u8], visit: &mut impl FnMut(u64, Vec<u8>) -> bool) -> bool {
    let is_digit = |byte: &u8| begins::is_digit(*byte);
    let digits = |part: &[u8]| part.iter().copied().filter(is_digit).collect();
    let mut each_part = |find: fn(&[u8]) -> Option<usize>| {
        let mut at = 0;
        while at < text.len() {
            let len = find(&text[at..]).unwrap_or(text.len() - at);
            let part = text[at..at + len].trim_ascii();
            if part.len() >= SHORTEST {
                let near = &part[..part.len().min(BROKEN)];
                let mut first = near.iter().copied().filter(is_digit);
                let head = [first.next().unwrap_or(0), first.next().unwrap_or(0)];
                if (begins::digits(&head) || begins::ends_bare(part) > 0)
                    && !near.iter().all(is_digit)
                    && !visit(at as u64, digits(part))
                {
                    return false;
                }
            }
            at += len + 1;
        }
        true
    };
    each_part(|text| memchr::memchr2(b'"', b'\'', text)) && each_part(|text| memchr(b'\n', text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        for (escapes, text) in [
            (Escapes::Backslash, &br"\x80\004\u0063os\n"[..]),
            (Escapes::Percent, b"%80%04cos%0A"),
            (Escapes::Quoted, b"=80=04co=\r\ns=0A"),
            (Escapes::Entities, b"&#128;&#x4;cos&#10;"),
        ] {
            assert_eq!(escapes.undo(text).unwrap().0, b"\x80\x04cos\n", "{escapes:?}");
        }
        for escapes in Escapes::ALL {
            assert_eq!(escapes.undo(b"a=1&b=2%"), None);
        }
        assert_eq!(Escapes::Backslash.undo(br"gASV\/AAA"), Some((b"gASV/AAA".to_vec(), true)));
        assert_eq!(Escapes::Backslash.undo(br"it\'s"), Some((b"it's".to_vec(), false)));
    }

    #[test]
    fn escapes_may_be_cut_off_anywhere() {
        for text in [
            &br"a\u0063\U00000063\x80\004\u"[..],
            b"%0A%8",
            b"%0A%",
            b"=0A=\r",
            b"=0A=8",
            b"&#128;&#x4",
            b"&#1;&amp",
        ] {
            for escapes in Escapes::ALL {
                for end in 0..=text.len() {
                    let undone = escapes.undo(&text[..end]);
                    assert!(undone.is_none_or(|(bytes, _)| bytes.len() <= end));
                }
            }
        }
        assert_eq!(Escapes::Backslash.undo(br"\u").unwrap().0, b"u");
    }

    #[test]
    fn lists_of_numbers_are_read() {
        let bytes: Vec<u8> = (120..140).collect();
        let decimal = bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        let signed = bytes.iter().map(|&byte| (byte as i8).to_string()).collect::<Vec<_>>().join(",");
        let hex = bytes.iter().map(|byte| format!("0x{byte:02x},")).collect::<Vec<_>>().join("\n ");
        let plain = bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
        for list in [decimal, signed, hex, plain] {
            let mut found = Vec::new();
            each_list(format!("{{\"data\": [{list}], \"id\": 7}}").as_bytes(), &mut |at, bytes| {
                found.push((at, bytes));
                true
            });
            assert!(found.contains(&(10, bytes.clone())), "{list}");
        }
    }

    #[test]
    fn uuencode_is_decoded_line_by_line() {
        let text = b"begin 644 a\n8@`2,`F]SC`9S>7-T96V3C`1T<G5EA5(N\n \nend\n";
        let mut found = Vec::new();
        each_uu(text, &mut |at, bytes| {
            found.push((at, bytes));
            true
        });
        assert_eq!(found.len(), 1);
        assert!(found[0].1.starts_with(b"\x80\x04\x8c\x02os\x8c\x06system\x93"), "{found:?}");
    }

    #[test]
    fn what_does_not_belong_to_base64_is_left_out() {
        let mut found = Vec::new();
        each_lenient(b"x = 'gA SM Am 9zjAZzeX~N0ZW2T'", &mut |_, digits| {
            found.push(digits);
            true
        });
        assert_eq!(found, [b"gASMAm9zjAZzeXN0ZW2T"]);
    }
}
