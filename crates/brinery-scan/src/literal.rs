//! Strings as opcodes have them.

use brinery::Opcode;
use brinery::read::{Argument, DecodeErrorKind, Decoder};
use std::borrow::Cow;

const SHORT: u8 = Opcode::ShortBinUnicode as u8;

/// The first bytes of the string that the opcode at the start makes. It may end beyond what there is.
pub(crate) fn string(bytes: &[u8], len: usize) -> Cow<'_, [u8]> {
    // Most texts are short, and there are many of them.
    if let [SHORT, count, rest @ ..] = bytes {
        return Cow::Borrowed(&rest[..rest.len().min(len).min(usize::from(*count))]);
    }
    match Decoder::new(bytes).next() {
        Some(Ok(instruction)) => match (instruction.opcode, instruction.argument) {
            (Opcode::String, Argument::Line(line)) => {
                let inner = line.get(1..line.len().max(2) - 1).unwrap_or_default();
                Cow::Owned(unescape(inner, false).into_bytes())
            }
            (Opcode::Unicode, Argument::Line(line)) => Cow::Owned(unescape(line, true).into_bytes()),
            (_, Argument::Bytes(bytes)) => Cow::Borrowed(&bytes[..bytes.len().min(len)]),
            _ => Cow::default(),
        },
        // Of a string that is longer, the start is enough.
        Some(Err(error)) => match error.kind {
            DecodeErrorKind::Truncated { opcode, expected: Some(_), .. } => {
                let start = &bytes[bytes.len().min(1 + length_width(opcode))..];
                Cow::Borrowed(&start[..start.len().min(len)])
            }
            _ => Cow::default(),
        },
        None => Cow::default(),
    }
}

/// Text out of `raw-unicode-escape` or a Python string literal: as much of both as names are written in.
pub(crate) fn unescape(escaped: &[u8], unicode: bool) -> String {
    let mut text = String::new();
    let mut rest = escaped;
    let number = |digits: &[u8], radix| {
        std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| u32::from_str_radix(digits, radix).ok())
            .and_then(char::from_u32)
    };
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            text.push(byte as char);
            continue;
        }
        let (width, skip) = match after.first() {
            Some(b'u') if unicode => (4, 1),
            Some(b'U') if unicode => (8, 1),
            Some(b'x') if !unicode => (2, 1),
            _ => (0, 0),
        };
        if width > 0
            && let Some(decoded) = after.get(skip..skip + width).and_then(|digits| number(digits, 16))
        {
            text.push(decoded);
            rest = &after[skip + width..];
            continue;
        }
        if unicode {
            text.push('\\');
            continue;
        }
        let digits = after.iter().take(3).take_while(|digit| (b'0'..=b'7').contains(digit)).count();
        if digits > 0 {
            text.extend(number(&after[..digits], 8));
            rest = &after[digits..];
        } else if let Some((&escape, after)) = after.split_first() {
            rest = after;
            match escape {
                b'n' => text.push('\n'),
                b't' => text.push('\t'),
                b'r' => text.push('\r'),
                b'a' => text.push('\u{7}'),
                b'b' => text.push('\u{8}'),
                b'f' => text.push('\u{c}'),
                b'v' => text.push('\u{b}'),
                b'\n' => {}
                b'\\' | b'\'' | b'"' => text.push(escape as char),
                other => text.extend(['\\', other as char]),
            }
        }
    }
    text
}

/// How many bytes the length of an opcode's argument takes.
fn length_width(opcode: Opcode) -> usize {
    match opcode {
        Opcode::ShortBinUnicode | Opcode::ShortBinBytes | Opcode::ShortBinString | Opcode::Long1 => 1,
        Opcode::BinUnicode8 | Opcode::BinBytes8 | Opcode::ByteArray8 => 8,
        _ => 4,
    }
}
