//! Bytes as hexadecimal digits, in time that does not depend on them.

use std::fmt::Write as _;

pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    encode_into(bytes, &mut text);
    text
}

/// The same into text that is wiped afterwards.
pub(crate) fn encode_into(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            // 'a' - '0' - 10 is added beyond 9, without a branch.
            let letter = 9_u8.wrapping_sub(half) >> 7;
            let _ = text.write_char((b'0' + half + letter * (b'a' - b'0' - 10)) as char);
        }
    }
}

/// The 32 bytes that 64 digits stand for.
pub(crate) fn decode_32(text: &str, bytes: &mut [u8; 32]) -> bool {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return false;
    }
    let mut wrong = 0_u16;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (digit(pair[0]), digit(pair[1]));
        wrong |= high | low;
        *byte = (high << 4 | low & 15) as u8;
    }
    wrong >> 8 == 0
}

/// The value of a digit, or something above 255.
fn digit(char: u8) -> u16 {
    let char = i16::from(char);
    // For each range of digits: all bits set where `char` lies in it.
    let within = |first: u8, last: u8| ((i16::from(first) - 1 - char) & (char - i16::from(last) - 1)) >> 15;
    let mut value = -1_i16;
    value += within(b'0', b'9') & (char - i16::from(b'0') + 1);
    value += within(b'a', b'f') & (char - i16::from(b'a') + 11);
    value += within(b'A', b'F') & (char - i16::from(b'A') + 11);
    value as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back_and_other_characters_do_not() {
        let mut bytes = [0; 32];
        for start in (0..=255_u8).step_by(32) {
            let row: Vec<u8> = (0..32).map(|offset| start + offset).collect();
            let text = encode(&row);
            for (byte, digits) in row.iter().zip(text.as_bytes().chunks(2)) {
                assert_eq!(format!("{byte:02x}").as_bytes(), digits);
            }
            assert!(decode_32(&text, &mut bytes) && bytes[..] == row[..]);
            assert!(decode_32(&text.to_uppercase(), &mut bytes) && bytes[..] == row[..]);
        }
        for char in (0..128_u8).map(char::from).filter(|char| !char.is_ascii_hexdigit()) {
            assert!(!decode_32(&format!("{char}{}", "0".repeat(63)), &mut bytes), "{char:?}");
            assert!(!decode_32(&format!("{}{char}", "0".repeat(63)), &mut bytes), "{char:?}");
        }
        assert!(!decode_32("00", &mut bytes));
    }
}
