//! Numbers as people read them.

/// A count with separators: `1,234,567`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 item`, `2 items`.
pub(crate) fn plural(value: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "s" })
}

/// A number of bytes: `912 bytes`, `1.5 KiB`.
pub(crate) fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if value < 1024 {
        return plural(value, "byte");
    }
    let mut scaled = value as f64 / 1024.0;
    let mut unit = 0;
    while scaled >= 1023.95 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

/// Reads a number of bytes: `4096`, `16M`, `2GiB`.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_ascii_lowercase();
    let shift = match unit.trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(format!("unknown unit '{}'; use K, M, G or T", &text[digits.len()..])),
    };
    let number: u64 =
        digits.trim().parse().map_err(|_| "expected a number of bytes such as 512M".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "too large".to_owned())
}

/// A share of a whole: `12.5%`.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    format!("{:.1}%", if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 })
}

/// As much of `text` as fits into `width` characters.
pub(crate) fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(
            (count(7).as_str(), count(1000).as_str(), count(1_234_567).as_str()),
            ("7", "1,000", "1,234,567")
        );
        assert_eq!(
            (bytes(1).as_str(), bytes(1023).as_str(), bytes(1536).as_str()),
            ("1 byte", "1,023 bytes", "1.5 KiB")
        );
        assert_eq!(bytes((1 << 20) - 1), "1.0 MiB");
        assert_eq!(
            (parse_bytes("2GiB"), parse_bytes("16m"), parse_bytes("5")),
            (Ok(2 << 30), Ok(16 << 20), Ok(5))
        );
        assert!(parse_bytes("x").is_err() && parse_bytes("5Q").is_err() && parse_bytes("99999999T").is_err());
        assert_eq!(percent(1, 8), "12.5%");
        assert_eq!(fit("abcdef", 4), "abc…");
    }
}
