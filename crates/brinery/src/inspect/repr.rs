//! Values as Python's `repr` writes them.

use super::text::code_points;
use std::fmt::{self, Write};

/// Whether Python's `repr` shows a character as it is.
///
/// ```
/// use brinery::inspect::is_printable;
///
/// assert!(is_printable('é') && is_printable('\u{301}') && is_printable('木'));
/// assert!(!is_printable('\u{200b}') && !is_printable('\u{a0}') && !is_printable('\n'));
/// ```
pub fn is_printable(char: char) -> bool {
    if char.is_ascii() {
        return matches!(char, ' '..='~');
    }
    // Rust's `Debug` draws the line where Python does, except that it also escapes a combining mark that comes first.
    let mut text = [b'a', 0, 0, 0, 0];
    let len = 1 + char.encode_utf8(&mut text[1..]).len();
    std::str::from_utf8(&text[..len]).is_ok_and(|text| text.escape_debug().nth(1) == Some(char))
}

/// Prefers `'` and takes `"` where that saves escapes.
fn quote(single: bool, double: bool) -> char {
    if single && !double { '"' } else { '\'' }
}

/// Writes what stands between the quotes for one character that needs no thought about Unicode.
fn write_plain(out: &mut impl Write, code: u32, quote: char) -> Result<bool, fmt::Error> {
    match char::from_u32(code) {
        Some(char) if char == quote || char == '\\' => write!(out, "\\{char}")?,
        Some('\t') => out.write_str("\\t")?,
        Some('\n') => out.write_str("\\n")?,
        Some('\r') => out.write_str("\\r")?,
        Some(char @ ' '..='~') => out.write_char(char)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Writes text in generalized UTF-8 as Python writes a `str`.
///
/// ```
/// use brinery::inspect::{is_printable, repr_str};
///
/// let mut out = String::new();
/// repr_str(&mut out, "it's é\u{200b}\n".as_bytes(), &is_printable).unwrap();
/// assert_eq!(out, "\"it's é\\u200b\\n\"");
/// ```
pub fn repr_str(out: &mut impl Write, text: &[u8], printable: &dyn Fn(char) -> bool) -> fmt::Result {
    let quote = quote(text.contains(&b'\''), text.contains(&b'"'));
    out.write_char(quote)?;
    for code in code_points(text) {
        if write_plain(out, code, quote)? {
            continue;
        }
        match char::from_u32(code) {
            Some(char) if code >= 0x80 && printable(char) => out.write_char(char)?,
            _ if code <= 0xff => write!(out, "\\x{code:02x}")?,
            _ if code <= 0xffff => write!(out, "\\u{code:04x}")?,
            _ => write!(out, "\\U{code:08x}")?,
        }
    }
    out.write_char(quote)
}

/// Writes bytes as Python writes them.
///
/// ```
/// let mut out = String::new();
/// brinery::inspect::repr_bytes(&mut out, b"a\n\xff").unwrap();
/// assert_eq!(out, r"b'a\n\xff'");
/// ```
pub fn repr_bytes(out: &mut impl Write, bytes: &[u8]) -> fmt::Result {
    let quote = quote(bytes.contains(&b'\''), bytes.contains(&b'"'));
    out.write_char('b')?;
    write_quoted_bytes(out, bytes, quote, quote)
}

/// Writes a bytearray as Python writes it.
///
/// ```
/// let mut out = String::new();
/// brinery::inspect::repr_bytearray(&mut out, b"a").unwrap();
/// assert_eq!(out, "bytearray(b'a')");
/// ```
pub fn repr_bytearray(out: &mut impl Write, bytes: &[u8]) -> fmt::Result {
    let quote = quote(bytes.contains(&b'\''), bytes.contains(&b'"'));
    out.write_str("bytearray(b")?;
    // Unlike bytes, a bytearray escapes single quotes between double ones too.
    write_quoted_bytes(out, bytes, quote, '\'')?;
    out.write_char(')')
}

fn write_quoted_bytes(out: &mut impl Write, bytes: &[u8], quote: char, escaped: char) -> fmt::Result {
    out.write_char(quote)?;
    for &byte in bytes {
        if !write_plain(out, byte.into(), escaped)? {
            write!(out, "\\x{byte:02x}")?;
        }
    }
    out.write_char(quote)
}
