//! Pickles in text: Base64 and hexadecimal, in JSON, in columns of databases, in messages.

use brinery::read::{Argument, Decoder};
use brinery::{ArgumentKind as Kind, Opcode};

/// How short a run may be that is decoded.
const SHORTEST: usize = 16;
/// How many runs of one text are decoded.
const MOST: usize = 100_000;
/// How far lines may be indented.
const INDENT: usize = 40;

/// Whether the bytes are text.
pub(crate) fn is_text(head: &[u8]) -> bool {
    let odd = head.iter().filter(|&&byte| byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t')).count();
    !head.is_empty() && odd == 0
}

/// Calls `visit` with what each run of Base64 or hexadecimal stands for, and where it begins.
pub(crate) fn each(text: &[u8], mut visit: impl FnMut(u64, Vec<u8>)) {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    let mut at = 0;
    let mut runs = 0;
    while at < text.len() && runs < MOST {
        if !is_part(text[at]) {
            at += 1;
            continue;
        }
        let start = at;
        at += text[at..].iter().take_while(|&&byte| is_part(byte)).count();
        if at - start < SHORTEST {
            continue;
        }
        let mut run = text[start..at].to_vec();
        loop {
            // Long Base64 is broken into lines, in JSON and in Python text by escapes.
            let rest = &text[at..];
            let line = if rest.starts_with(b"\\n") {
                2
            } else if rest.starts_with(b"\\u000a") {
                6
            } else {
                let breaks = rest.iter().take(2).take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count();
                // In YAML and in source code the lines are indented.
                let blank = |&&byte: &&u8| matches!(byte, b' ' | b'\t');
                let indent = rest[breaks..].iter().take(INDENT).take_while(blank).count();
                if breaks > 0 { breaks + indent } else { 0 }
            };
            let len = rest[line..].iter().take_while(|&&byte| is_part(byte)).count();
            if run.len() < 60 || line == 0 || len == 0 {
                break;
            }
            run.extend_from_slice(&rest[line..line + len]);
            at += line + len;
        }
        runs += 1;
        if run.iter().all(u8::is_ascii_hexdigit) && run.len().is_multiple_of(2) {
            visit(start as u64, hexadecimal(&run));
        }
        if run.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7')) {
            visit(start as u64, base32(&run));
        }
        visit(start as u64, base64(&run));
    }
}

/// The opcodes that make text and bytes.
const TEXT: [bool; 256] = {
    let mut text = [false; 256];
    let mut index = 0;
    while index < Opcode::ALL.len() {
        let opcode = Opcode::ALL[index];
        text[opcode as usize] = matches!(
            opcode.info().argument,
            Kind::QuotedLine
                | Kind::Line
                | Kind::UnicodeLine
                | Kind::LinePair
                | Kind::String1
                | Kind::String4
                | Kind::Bytes1
                | Kind::Bytes4
                | Kind::Bytes8
                | Kind::ByteArray8
                | Kind::Unicode1
                | Kind::Unicode4
                | Kind::Unicode8
        );
        index += 1;
    }
    text
};
/// Those that do not, but for the end.
const NO_TEXT: [bool; 256] = {
    let mut others = [false; 256];
    let mut index = 0;
    while index < Opcode::ALL.len() {
        let opcode = Opcode::ALL[index];
        others[opcode as usize] = !TEXT[opcode as usize] && !matches!(opcode, Opcode::Stop);
        index += 1;
    }
    others
};

/// Calls `visit` with each value of pickles one after the other that is long enough for one in text, and where it begins;
/// returns how far that is what they are.
pub(crate) fn values(pickles: &[u8], mut visit: impl FnMut(u64, &[u8])) -> usize {
    let mut at = 0;
    while at < pickles.len() {
        let mut end;
        let mut decoder = Decoder::with_base(&pickles[at..], at as u64);
        loop {
            decoder.pass_lines(&NO_TEXT, u64::MAX, |opcode, line| {
                !TEXT[usize::from(opcode)] || line.len() < SHORTEST
            });
            end = decoder.offset() as usize;
            let Some(instruction) = decoder.next() else { break };
            let Ok(instruction) = instruction else { return end };
            let (value, start) = match instruction.argument {
                Argument::Line(value) if TEXT[instruction.opcode as usize] => (value, instruction.offset + 1),
                Argument::Bytes(value) => (value, instruction.end - value.len() as u64),
                _ => continue,
            };
            if value.len() >= SHORTEST {
                visit(start, value);
            }
        }
        at = end;
    }
    at
}

/// Where the inside of the literal starts that text begins with, as Python and JSON write them.
pub(crate) fn literal(text: &[u8]) -> Option<u64> {
    let quote = text.iter().take(4).position(|byte| matches!(byte, b'\'' | b'"'))?;
    text[..quote].iter().all(u8::is_ascii_alphabetic).then_some(quote as u64 + 1)
}

/// The bytes that escapes in text stand for, as JSON and `repr` write them; `None` if there are none.
pub(crate) fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b'\\', text)?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        bytes.extend_from_slice(&rest[..at]);
        let number = |digits: &[u8]| {
            std::str::from_utf8(digits).ok().and_then(|digits| u32::from_str_radix(digits, 16).ok())
        };
        let (byte, len) = match rest.get(at + 1) {
            Some(b'n') => (b'\n', 2),
            Some(b't') => (b'\t', 2),
            Some(b'r') => (b'\r', 2),
            Some(b'x') => match rest.get(at + 2..at + 4).and_then(number) {
                Some(byte) => (byte as u8, 4),
                None => (b'x', 2),
            },
            Some(b'u') => match rest.get(at + 2..at + 6).and_then(number) {
                Some(char) if char < 256 => (char as u8, 6),
                _ => (b'?', 6),
            },
            Some(&other) => (other, 2),
            None => break,
        };
        bytes.push(byte);
        rest = rest.get(at + len..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest);
    Some(bytes)
}

/// The bytes that text stands for in protocols that have none: a character each.
pub(crate) fn latin1(text: &[u8]) -> Option<Vec<u8>> {
    std::str::from_utf8(text).ok()?.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect()
}

fn hexadecimal(run: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
    run.as_chunks::<2>().0.iter().map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// The same for Base85, as Python writes it: without blanks and breaks. As almost any word may be some, it is decoded only if
/// what it begins with is wanted.
pub(crate) fn each_base85(text: &[u8], wanted: impl Fn(&[u8]) -> bool, mut visit: impl FnMut(u64, Vec<u8>)) {
    let mut next = 0;
    for run in text.split(|&byte| BASE85[usize::from(byte)] == NO_DIGIT) {
        let start = next;
        next += run.len() as u64 + 1;
        if run.len() >= SHORTEST && wanted(&base85(&run[..run.len().min(BASE85_HEAD)])) {
            visit(start, base85(run));
        }
    }
}

/// How many digits are looked at first.
const BASE85_HEAD: usize = 80;
const NO_DIGIT: u8 = u8::MAX;
/// What each byte stands for in Base85.
const BASE85: [u8; 256] = {
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < digits.len() {
        values[digits[value] as usize] = value as u8;
        value += 1;
    }
    values
};

fn base85(run: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(run.len() / 5 * 4 + 4);
    for group in run.chunks(5) {
        // What is missing at the end stands for the highest digit.
        let digits = group.iter().map(|&byte| BASE85[usize::from(byte)]).chain([84; 4]).take(5);
        let word = digits.fold(0u32, |word, digit| word.wrapping_mul(85).wrapping_add(digit.into()));
        bytes.extend_from_slice(&word.to_be_bytes()[..group.len() - 1]);
    }
    bytes
}

fn base32(run: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(run.len() / 8 * 5 + 5);
    for group in run.chunks(8) {
        let digit = |byte: u8| u64::from(if byte >= b'A' { byte - b'A' } else { byte - b'2' + 26 });
        let digits = group.iter().map(|&byte| digit(byte)).chain([0; 7]).take(8);
        let word = digits.fold(0, |word, digit| word << 5 | digit);
        bytes.extend_from_slice(&word.to_be_bytes()[3..3 + group.len() * 5 / 8]);
    }
    bytes
}

fn base64(run: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(run.len() / 4 * 3 + 3);
    for group in run.chunks(4) {
        let mut word = 0u32;
        for &byte in group {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                _ => 63,
            };
            word = word << 6 | u32::from(digit);
        }
        word <<= 6 * (4 - group.len());
        let count = match group.len() {
            4 => 3,
            3 => 2,
            2 => 1,
            // What comes after it was taken for a part of it.
            _ => 0,
        };
        bytes.extend_from_slice(&word.to_be_bytes()[1..=count]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    #[test]
    fn other_bases_are_decoded() {
        assert_eq!(super::base32(b"QACI4KA"), b"\x80\x04\x8e(");
        assert_eq!(super::base85(b"fCP*JZ*z<Wb9r-g"), b"\x80\x04\x8c\x02os\x8c\x06syst");
        let mut found = Vec::new();
        super::each_base85(
            b"words, body: fCP*JZ*z<Wb9r-gWo",
            |head| head.starts_with(b"\x80\x04"),
            |at, bytes| found.push((at, bytes.len())),
        );
        assert_eq!(found, [(13, 13)]);
    }

    #[test]
    fn what_follows_base64_does_not_hide_it() {
        let line = "A".repeat(60);
        for text in [format!("id,blob\n1,{line}\n2,"), format!("key: |\n    {line}\n    AAAA\n")] {
            let mut found = Vec::new();
            super::each(text.as_bytes(), |_, bytes| found.push(bytes.len()));
            assert!(found.iter().any(|&len| len >= 45), "{text}: {found:?}");
        }
    }

    #[test]
    fn runs_are_found_in_json() {
        let mut found = Vec::new();
        super::each(br#"{"body": "gASVCAAAAAAAAABdlChLAUsCZS4=", "id": 3}"#, |at, bytes| {
            found.push((at, bytes));
        });
        assert_eq!(found, [(10, b"\x80\x04\x95\x08\0\0\0\0\0\0\0]\x94(K\x01K\x02e.".to_vec())]);
    }
}
