//! Text in which pickles may be written.

/// Whether the bytes are text.
pub(crate) fn is_text(head: &[u8]) -> bool {
    let odd = head.iter().filter(|&&byte| byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t')).count();
    !head.is_empty() && odd == 0
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
