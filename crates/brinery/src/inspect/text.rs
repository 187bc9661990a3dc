//! Text as the opcodes carry it, decoded as Python's codecs decode it.
//!
//! Python's text may hold lone surrogates, which UTF-8 has no place for. Decoded text is therefore in *generalized*
//! UTF-8: as UTF-8, with lone surrogates encoded by the same rule.

use std::{borrow::Cow, fmt};

/// Bytes that a codec cannot decode; the text is that of Python's `UnicodeDecodeError`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// The codec's name.
    pub codec: &'static str,
    /// All of the bytes.
    pub object: Vec<u8>,
    /// Where the undecodable bytes start.
    pub start: usize,
    /// Where they end.
    pub end: usize,
    /// What is wrong with them.
    pub reason: &'static str,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TextError { codec, object, start, end, reason } = self;
        match object.get(*start) {
            Some(byte) if start + 1 == *end => {
                write!(f, "'{codec}' codec can't decode byte 0x{byte:02x} in position {start}: {reason}")
            }
            _ => {
                write!(
                    f,
                    "'{codec}' codec can't decode bytes in position {start}-{}: {reason}",
                    *end as isize - 1
                )
            }
        }
    }
}

impl std::error::Error for TextError {}

/// The code points of generalized UTF-8.
///
/// ```
/// use brinery::inspect::code_points;
///
/// assert_eq!(code_points(b"\xc3\xa9\xed\xa0\x80").collect::<Vec<_>>(), [0xe9, 0xd800]);
/// ```
pub fn code_points(text: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (&first, tail) = rest.split_first()?;
        let (continuation, mut code_point) = match first {
            0..=0xbf => (0, u32::from(first)),
            0xc0..=0xdf => (1, u32::from(first & 0x1f)),
            0xe0..=0xef => (2, u32::from(first & 0x0f)),
            0xf0..=0xff => (3, u32::from(first & 0x07)),
        };
        let (bytes, tail) = tail.split_at(tail.len().min(continuation));
        for byte in bytes {
            code_point = code_point << 6 | u32::from(byte & 0x3f);
        }
        rest = tail;
        Some(code_point)
    })
}

/// Appends a code point in generalized UTF-8.
fn push_code_point(text: &mut Vec<u8>, code_point: u32) {
    if let Some(char) = char::from_u32(code_point) {
        text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        let tail = |shift: u32| 0x80 | (code_point >> shift & 0x3f) as u8;
        text.extend_from_slice(&[0xe0 | (code_point >> 12) as u8, tail(6), tail(0)]);
    }
}

/// Checks that bytes are UTF-8, in which lone surrogates may be encoded (`surrogatepass`).
pub(crate) fn utf8(bytes: &[u8]) -> Result<(), TextError> {
    let mut offset = 0;
    while let Err(error) = std::str::from_utf8(&bytes[offset..]) {
        let start = offset + error.valid_up_to();
        if matches!(bytes[start..], [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..]) {
            offset = start + 3;
            continue;
        }
        let (end, reason) = match error.error_len() {
            None => (bytes.len(), "unexpected end of data"),
            Some(len) if matches!(bytes[start], 0xc2..=0xf4) => (start + len, "invalid continuation byte"),
            Some(len) => (start + len, "invalid start byte"),
        };
        return Err(TextError { codec: "utf-8", object: bytes.to_vec(), start, end, reason });
    }
    Ok(())
}

/// Text in which every byte is a code point.
pub(crate) fn latin1(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.is_ascii() {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned(bytes.iter().map(|&byte| byte as char).collect::<String>().into_bytes())
}

/// Text in the raw-unicode-escape encoding.
pub(crate) fn raw_unicode_escape(line: &[u8]) -> Result<Cow<'_, [u8]>, TextError> {
    if line.is_ascii() && !line.contains(&b'\\') {
        return Ok(Cow::Borrowed(line));
    }
    let mut text = Vec::with_capacity(line.len());
    let mut position = 0;
    while let Some(&byte) = line.get(position) {
        let escape = match (byte, line.get(position + 1)) {
            (b'\\', Some(b'u')) => Some((4, "truncated \\uXXXX escape")),
            (b'\\', Some(b'U')) => Some((8, "truncated \\UXXXXXXXX escape")),
            _ => None,
        };
        let Some((count, truncated)) = escape else {
            push_code_point(&mut text, byte.into());
            position += 1;
            // A backslash takes the next character with it, so that `\\u0041` holds no escape.
            if byte == b'\\'
                && let Some(&next) = line.get(position)
            {
                push_code_point(&mut text, next.into());
                position += 1;
            }
            continue;
        };
        let digits = line[position + 2..].iter().take(count).map_while(|&digit| (digit as char).to_digit(16));
        let (found, code_point) =
            digits.fold((0, 0u32), |(found, value), digit| (found + 1, value << 4 | digit));
        let end = position + 2 + found;
        let error = |reason| TextError {
            codec: "rawunicodeescape",
            object: line.to_vec(),
            start: position,
            end,
            reason,
        };
        if found < count {
            return Err(error(truncated));
        }
        if code_point > 0x0010_ffff {
            return Err(error("\\Uxxxxxxxx out of range"));
        }
        push_code_point(&mut text, code_point);
        position = end;
    }
    Ok(Cow::Owned(text))
}

/// Why a string literal cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EscapeError {
    /// It ends in a backslash.
    Trailing,
    /// `\x` without two hexadecimal digits, at this position.
    Hex(usize),
}

/// The bytes that a string literal of Python 2 stands for.
pub(crate) fn unescape(literal: &[u8]) -> Result<Cow<'_, [u8]>, EscapeError> {
    if !literal.contains(&b'\\') {
        return Ok(Cow::Borrowed(literal));
    }
    let mut bytes = Vec::with_capacity(literal.len());
    let mut position = 0;
    while let Some(&byte) = literal.get(position) {
        position += 1;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let &escape = literal.get(position).ok_or(EscapeError::Trailing)?;
        position += 1;
        match escape {
            b'\n' => {}
            b'\\' | b'\'' | b'"' => bytes.push(escape),
            b'a' => bytes.push(0x07),
            b'b' => bytes.push(0x08),
            b't' => bytes.push(b'\t'),
            b'n' => bytes.push(b'\n'),
            b'v' => bytes.push(0x0b),
            b'f' => bytes.push(0x0c),
            b'r' => bytes.push(b'\r'),
            b'0'..=b'7' => {
                let digits = literal[position - 1..].iter().take(3).take_while(|d| matches!(d, b'0'..=b'7'));
                let (count, value) =
                    digits.fold((0, 0u32), |(n, v), &d| (n + 1, v << 3 | u32::from(d - b'0')));
                position += count - 1;
                bytes.push(value as u8);
            }
            b'x' => {
                let digit = |at: usize| literal.get(at).and_then(|&digit| (digit as char).to_digit(16));
                let (Some(high), Some(low)) = (digit(position), digit(position + 1)) else {
                    return Err(EscapeError::Hex(position - 2));
                };
                position += 2;
                bytes.push((high << 4 | low) as u8);
            }
            other => bytes.extend_from_slice(&[b'\\', other]),
        }
    }
    Ok(Cow::Owned(bytes))
}

/// ASCII text.
pub(super) fn ascii(bytes: Cow<'_, [u8]>) -> Result<Cow<'_, [u8]>, TextError> {
    match bytes.iter().position(|byte| !byte.is_ascii()) {
        None => Ok(bytes),
        Some(start) => Err(TextError {
            codec: "ascii",
            object: bytes.into_owned(),
            start,
            end: start + 1,
            reason: "ordinal not in range(128)",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogates_pass_and_damage_is_located() {
        assert_eq!(utf8("aé😀".as_bytes()), Ok(()));
        assert_eq!(utf8(b"\xed\xa0\x80\xed\xbf\xbf"), Ok(()));
        let message = |bytes: &[u8]| utf8(bytes).unwrap_err().to_string();
        assert_eq!(
            message(b"a\xe9b"),
            "'utf-8' codec can't decode byte 0xe9 in position 1: invalid continuation byte"
        );
        assert_eq!(
            message(b"\xed\xa0\x80\xff"),
            "'utf-8' codec can't decode byte 0xff in position 3: invalid start byte"
        );
        assert_eq!(
            message(b"\xf0\x9f\x98"),
            "'utf-8' codec can't decode bytes in position 0-2: unexpected end of data"
        );
    }

    #[test]
    fn escapes_of_lines_are_undone() {
        let raw = |line: &[u8]| raw_unicode_escape(line).map(|text| code_points(&text).collect::<Vec<_>>());
        assert_eq!(raw(b"\\u20ac\xe9").unwrap(), [0x20ac, 0xe9]);
        assert_eq!(raw(b"\\\\u0041\\").unwrap().len(), 8);
        assert_eq!(raw(b"\\U0001f600\\ud800").unwrap(), [0x1f600, 0xd800]);
        assert_eq!((raw(b"\\U00110000").unwrap_err().end, raw(b"x\\u12").unwrap_err().end), (10, 5));
    }

    #[test]
    fn string_literals_are_unescaped() {
        assert_eq!(&*unescape(b"a\\n\\x41\\101\\0\\q\\\\").unwrap(), b"a\nAA\0\\q\\");
        assert_eq!(&*unescape(b"\\777").unwrap(), b"\xff");
        assert_eq!(unescape(b"abc\\xz1"), Err(EscapeError::Hex(3)));
        assert_eq!(unescape(b"\\"), Err(EscapeError::Trailing));
        assert!(ascii(b"\xe9"[..].into()).is_err());
    }
}
