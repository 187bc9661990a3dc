//! Text in which pickles may be written.

/// Whether the bytes are text.
pub(crate) fn is_text(head: &[u8]) -> bool {
    let odd = head.iter().filter(|&&byte| byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t')).count();
    !head.is_empty() && odd == 0
}

/// Whether the bytes are text of two bytes a character, with the mark that it begins with.
pub(crate) fn is_wide(head: &[u8]) -> bool {
    let first = head.get(2..).unwrap_or_default().first_chunk::<2>();
    first.is_some() && is_text(&narrow(&head[..head.len() & !1]))
}

/// What such text has of one byte a character. Others are none that a codec has.
pub(crate) fn narrow(wide: &[u8]) -> Vec<u8> {
    let read = match wide {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return Vec::new(),
    };
    let pairs = wide.as_chunks::<2>().0[1..].iter();
    pairs.map(|&pair| u8::try_from(read(pair)).unwrap_or(0xff)).collect()
}

/// Whether the bytes are text that people write.
pub(crate) fn is_prose(head: &[u8]) -> bool {
    // A character may be cut off at the end.
    let valid =
        std::str::from_utf8(head).map_or_else(|error| error.valid_up_to() + 3 >= head.len(), |_| true);
    is_text(head) && valid && !head.contains(&0x7f)
}

/// Where the inside of the literal starts that text begins with, as Python and JSON write them.
pub(crate) fn literal(text: &[u8]) -> Option<u64> {
    let quote = text.iter().take(4).position(|byte| matches!(byte, b'\'' | b'"'))?;
    text[..quote].iter().all(u8::is_ascii_alphabetic).then_some(quote as u64 + 1)
}

/// The bytes that text stands for in protocols that have none: a character each.
pub(crate) fn latin1(text: &[u8]) -> Option<Vec<u8>> {
    std::str::from_utf8(text).ok()?.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect()
}
