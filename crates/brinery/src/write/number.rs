//! Numbers as a writer spells them.

/// How many bytes a little-endian two's-complement number needs.
pub(crate) fn significant_bytes(bytes: &[u8]) -> usize {
    let Some((&last, _)) = bytes.split_last() else { return 0 };
    let fill = if last & 0x80 == 0 { 0x00 } else { 0xff };
    let mut len = bytes.len();
    while len > 1 && bytes[len - 1] == fill && (bytes[len - 2] ^ fill) & 0x80 == 0 {
        len -= 1;
    }
    len
}

/// How many bytes a number of one word needs.
#[inline(always)]
pub(crate) fn significant_bytes_of_word(value: i64) -> usize {
    // A negative number needs the bits of its complement; one more holds the sign.
    let bits = 65 - (value ^ (value >> 63)).leading_zeros() as usize;
    bits.div_ceil(8)
}

/// A float as Python's `repr` writes it: the shortest digits that read back the same.
pub(crate) fn float_repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    // Of two shortest spellings that are equally near, Python takes the even one; Rust's own formatting does not.
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    if let Some((mantissa, exponent)) = text.split_once('e') {
        let exponent: i32 = exponent.parse().unwrap_or(0);
        return format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    match unsigned.strip_prefix("0.0000") {
        Some(fraction) => {
            let digits = fraction.trim_start_matches('0');
            let exponent = 5 + fraction.len() - digits.len();
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            format!("{sign}{first}{point}{rest}e-{exponent:02}")
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        assert_eq!(significant_bytes(&[0, 0]), 1);
        assert_eq!(significant_bytes(&[0x80, 0, 0]), 2);
        assert_eq!(significant_bytes(&[0x80, 0xff, 0xff]), 1);
        assert_eq!(significant_bytes(&[0x7f, 0xff, 0xff]), 2);
        for shift in 0..64 {
            for value in [
                1i64 << shift,
                (1i64 << shift).wrapping_sub(1),
                (1i64 << shift).wrapping_neg(),
                !(1 << shift),
                i64::MIN + shift,
            ] {
                let bytes = value.to_le_bytes();
                assert_eq!(significant_bytes_of_word(value), significant_bytes(&bytes), "{value}");
            }
        }
    }

    #[test]
    #[expect(clippy::excessive_precision, reason = "a tie between two shortest spellings is written out")]
    fn floats_look_like_python() {
        for (value, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (5e-324, "5e-324"),
            (-1.25e-5, "-1.25e-05"),
            (1.5e300, "1.5e+300"),
            (1.511_756_896_972_656_25, "1.5117568969726562"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(float_repr(value), text);
        }
    }
}
