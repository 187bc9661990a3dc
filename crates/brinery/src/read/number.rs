//! Numbers written in text, read as CPython reads them.

use super::fault::Fault;
use num_bigint::{BigInt, BigUint};
use num_traits::Num;

/// The argument of `INT`, by the rules of C's `strtol` with base 0, which the opcode inherited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntLine {
    Bool(bool),
    Int(i64),
    /// Not for `strtol`: to be read as a Python literal.
    Literal,
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// A C string ends at the first NUL.
fn c_string(line: &[u8]) -> &[u8] {
    memchr::memchr(0, line).map_or(line, |end| &line[..end])
}

pub(crate) fn int_line(line: &[u8]) -> IntLine {
    match strtol(c_string(line)) {
        Some(value @ (0 | 1)) if line.len() == 2 => IntLine::Bool(value == 1),
        Some(value) => IntLine::Int(value),
        None => IntLine::Literal,
    }
}

/// The whole of `text` as an integer of 64 bits: decimal, `0x` hexadecimal or `0` octal.
fn strtol(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        // No digits at all, yet the end of the string: strtol answers 0 and its caller is content.
        return Some(0);
    }
    let start = text.iter().position(|&b| !is_space(b))?;
    let (negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', hex @ ..] if hex.first().is_some_and(u8::is_ascii_hexdigit) => (16, hex),
        [b'0', ..] => (8, digits),
        _ => (10, digits),
    };
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0i64, |value, &byte| {
        let digit = i64::from((byte as char).to_digit(radix)?);
        let value = value.checked_mul(i64::from(radix))?;
        if negative { value.checked_sub(digit) } else { value.checked_add(digit) }
    })
}

/// The argument of `LONG` without its `L`.
pub(crate) fn long_line(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"L").unwrap_or(line)
}

/// An integer literal as `int(text, 0)` accepts it.
pub(crate) fn int_literal(text: &[u8]) -> Option<BigInt> {
    integer(c_string(text), None)
}

/// The index of `GET` and `PUT`, as `int(text, 10)` accepts it.
pub(crate) fn memo_index(line: &[u8]) -> Result<i64, Fault> {
    if !line.is_empty() && line.len() <= 18 && line.iter().all(u8::is_ascii_digit) {
        return Ok(line.iter().fold(0, |value, byte| value * 10 + i64::from(byte - b'0')));
    }
    let text = c_string(line);
    let index = integer(text, Some(10)).ok_or_else(|| match std::str::from_utf8(text) {
        Ok(_) => Fault::MemoIndexText,
        Err(_) => Fault::MemoIndexEncoding,
    })?;
    i64::try_from(index).map_err(|_| Fault::MemoIndexOverflow)
}

/// Python's integer syntax: surrounding space, a sign, a base prefix, single underscores between digits.
pub(crate) fn integer(text: &[u8], radix: Option<u32>) -> Option<BigInt> {
    let text = text.trim_ascii_start_with(is_space).trim_ascii_end_with(is_space);
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let (radix, digits) = match (radix, digits) {
        (None, [b'0', b'x' | b'X', digits @ ..]) => (16, digits.strip_prefix(b"_").unwrap_or(digits)),
        (None, [b'0', b'o' | b'O', digits @ ..]) => (8, digits.strip_prefix(b"_").unwrap_or(digits)),
        (None, [b'0', b'b' | b'B', digits @ ..]) => (2, digits.strip_prefix(b"_").unwrap_or(digits)),
        // A decimal literal has no leading zeros, unless it is all zeros.
        (None, [b'0', rest @ ..]) if rest.iter().any(|b| !matches!(b, b'0' | b'_')) => return None,
        (radix, digits) => (radix.unwrap_or(10), digits),
    };
    let mut plain = String::with_capacity(digits.len());
    let mut after_digit = false;
    for &byte in digits {
        if byte == b'_' && after_digit {
            after_digit = false;
        } else if (byte as char).is_digit(radix) {
            plain.push(byte as char);
            after_digit = true;
        } else {
            return None;
        }
    }
    if !after_digit {
        return None;
    }
    let value = BigInt::from(magnitude(&plain, radix)?);
    Some(if negative { -value } else { value })
}

/// How many digits are converted at once, at the most.
const SHORT: usize = 1000;

/// The value of digits without anything else.
///
/// Long numbers are put together of short ones, of twos, fours and so on, so that the time is that of a few
/// multiplications of numbers of that size, which is less than quadratic.
fn magnitude(digits: &str, radix: u32) -> Option<BigUint> {
    if digits.len() <= SHORT || radix.is_power_of_two() {
        return BigUint::from_str_radix(digits, radix).ok();
    }
    // The lowest part comes first.
    let parts = digits.as_bytes().rchunks(SHORT).map(|part| BigUint::parse_bytes(part, radix));
    let mut parts = parts.collect::<Option<Vec<_>>>()?;
    let mut weight = BigUint::from(radix).pow(SHORT as u32);
    while parts.len() > 1 {
        let pairs = std::mem::take(&mut parts);
        let mut pairs = pairs.into_iter();
        while let Some(low) = pairs.next() {
            parts.push(match pairs.next() {
                Some(high) => high * &weight + low,
                None => low,
            });
        }
        weight = &weight * &weight;
    }
    parts.pop()
}

trait Trim {
    fn trim_ascii_start_with(&self, space: fn(u8) -> bool) -> &Self;
    fn trim_ascii_end_with(&self, space: fn(u8) -> bool) -> &Self;
}

impl Trim for [u8] {
    fn trim_ascii_start_with(&self, space: fn(u8) -> bool) -> &[u8] {
        &self[self.iter().position(|&b| !space(b)).unwrap_or(self.len())..]
    }

    fn trim_ascii_end_with(&self, space: fn(u8) -> bool) -> &[u8] {
        &self[..self.iter().rposition(|&b| !space(b)).map_or(0, |last| last + 1)]
    }
}

/// The argument of `FLOAT`: a decimal float, `inf` or `nan`, in CPython's syntax.
pub(crate) fn float_line(line: &[u8]) -> Result<f64, Fault> {
    let text = c_string(line);
    let (sign, unsigned) = match text {
        [b'-', rest @ ..] => (-1.0, rest),
        [b'+', rest @ ..] => (1.0, rest),
        rest => (1.0, rest),
    };
    if unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity") {
        return Ok(sign * f64::INFINITY);
    }
    if unsigned.eq_ignore_ascii_case(b"nan") {
        return Ok(f64::NAN.copysign(sign));
    }
    let number = &unsigned[..decimal_len(unsigned)];
    let value: f64 =
        std::str::from_utf8(number).ok().and_then(|number| number.parse().ok()).ok_or(Fault::FloatText)?;
    // A number out of range is noticed before what follows it.
    if value.is_infinite() {
        return Err(Fault::FloatOverflow);
    }
    if number.len() == unsigned.len() { Ok(sign * value) } else { Err(Fault::FloatText) }
}

/// How long the decimal float is that a text begins with.
fn decimal_len(text: &[u8]) -> usize {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut len = digits(0);
    if text.get(len) == Some(&b'.') {
        len += 1 + digits(len + 1);
    }
    if matches!(text.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(len + 1), Some(b'+' | b'-')));
        let exponent = digits(len + 1 + sign);
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn int_lines_follow_strtol() {
        assert_eq!(int_line(b"01"), IntLine::Bool(true));
        assert_eq!(int_line(b"00"), IntLine::Bool(false));
        assert_eq!(int_line(b" 1"), IntLine::Bool(true));
        assert_eq!(int_line(b"1"), IntLine::Int(1));
        assert_eq!(int_line(b"001"), IntLine::Int(1));
        assert_eq!(int_line(b"010"), IntLine::Int(8));
        assert_eq!(int_line(b"0x1F"), IntLine::Int(31));
        assert_eq!(int_line(b"-5"), IntLine::Int(-5));
        assert_eq!(int_line(b"-9223372036854775808"), IntLine::Int(i64::MIN));
        assert_eq!(int_line(b"9223372036854775808"), IntLine::Literal);
        assert_eq!(int_line(b"1\x002"), IntLine::Int(1));
        for odd in [&b"0o17"[..], b"1_0", b"1 ", b"x", b"0xg", b"08", b"-", b" "] {
            assert_eq!(int_line(odd), IntLine::Literal, "{odd:?}");
        }
    }

    #[test]
    fn literals_follow_python() {
        let value = |text: &[u8]| int_literal(text).map(|value| value.to_string());
        assert_eq!(value(b"0o17").as_deref(), Some("15"));
        assert_eq!(value(b"1_000 ").as_deref(), Some("1000"));
        assert_eq!(value(b"0x_f").as_deref(), Some("15"));
        assert_eq!(value(b"-00").as_deref(), Some("0"));
        for odd in [&b"010"[..], b"1__0", b"_1", b"1_", b"", b"0x", b"--1", b"1\n2"] {
            assert_eq!(value(odd), None, "{odd:?}");
        }
        assert_eq!(memo_index(b"007"), Ok(7));
        assert_eq!(memo_index(b"99999999999999999999"), Err(Fault::MemoIndexOverflow));
        assert_eq!(memo_index(b"0x1"), Err(Fault::MemoIndexText));
        assert_eq!(memo_index(b"\xff"), Err(Fault::MemoIndexEncoding));
    }

    #[test]
    fn long_literals_are_the_sum_of_their_parts() {
        for len in [SHORT - 1, SHORT, SHORT + 1, 2 * SHORT, 3 * SHORT + 17, 20 * SHORT - 1] {
            let digits: String = (0..len).map(|place| char::from(b'1' + (place * place % 9) as u8)).collect();
            let value = int_literal(digits.as_bytes()).unwrap();
            assert_eq!(value, digits.parse().unwrap(), "{len}");
            assert_eq!(int_literal(format!("-{digits}").as_bytes()).unwrap(), -value);
            let hex: BigInt = BigInt::from_str_radix(&digits, 16).unwrap();
            assert_eq!(int_literal(format!("0x{digits}").as_bytes()).unwrap(), hex);
        }
    }

    #[test]
    fn a_million_digits_take_no_quadratic_time() {
        let zeros = [&b"1"[..], &b"0".repeat(1_000_000)].concat();
        assert_eq!(int_literal(&zeros).unwrap(), BigInt::from(10).pow(1_000_000));
    }

    #[test]
    fn float_lines_follow_python() {
        assert_eq!(float_line(b"1."), Ok(1.0));
        assert_eq!(float_line(b"-.5e1"), Ok(-5.0));
        assert_eq!(float_line(b"-Infinity"), Ok(f64::NEG_INFINITY));
        assert_eq!(float_line(b"-0.0").map(f64::to_bits), Ok((-0.0f64).to_bits()));
        assert_eq!(float_line(b"1e400"), Err(Fault::FloatOverflow));
        assert_eq!(float_line(b"1e400x"), Err(Fault::FloatOverflow));
        for odd in [&b""[..], b".", b"e5", b"1_0", b" 1", b"1 ", b"0x1", b"1e", b"--1"] {
            assert_eq!(float_line(odd), Err(Fault::FloatText), "{odd:?}");
        }
    }
}
