//! Numbers whose hashes may have been chosen: decimals, fractions, complex numbers and ranges, which calls make.
//!
//! The hash of a rational number is what remains of it after division by a prime, so that others with the same one are easily
//! written down. Those that are short have few others: the numbers that honest streams have are not looked at twice.

use super::Facts;
use super::chosen::{hash_of_float, mixed};
use crate::fact::{Fact, Kind, Sort};
use crate::shelf::Few;
use brinery::policy::residues::{MODULUS, TENTH, over, raised, reduced, signed, times};
use foldhash::fast::FixedState;
use std::borrow::Cow;
use std::hash::BuildHasher;

/// What sort of number calls of a class make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Decimal,
    Fraction,
    Complex,
    Range,
    Uuid,
    /// A scalar of numpy, which may be a complex one.
    Scalar,
}

/// How many digits a decimal has that only a few others can have the hash of: it is less than the prime.
const FEW: usize = 18;
/// How much of a text is read. What is longer has other limits.
const TEXT: usize = 4096;
/// The powers of what ten times it is one.
const TENTHS: [u64; 64] = {
    let mut powers = [1; 64];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = times(powers[index - 1], TENTH);
        index += 1;
    }
    powers
};
/// How long a text usually is at most.
const USUAL: usize = 48;
/// Below this, different fractions have different hashes, and so have complex numbers.
const SMALL: u64 = 1 << 30;
/// What the hash of the imaginary part is multiplied by.
const IMAGINARY: u64 = 1_000_003;

impl Number {
    /// What the class or function of this name makes.
    pub(crate) fn of(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("decimal" | "_decimal" | "_pydecimal", "Decimal") => Number::Decimal,
            ("fractions", "Fraction") => Number::Fraction,
            ("builtins", "complex") => Number::Complex,
            ("builtins", "range") => Number::Range,
            ("uuid", "UUID") => Number::Uuid,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Number::Scalar,
            _ => return None,
        })
    }
}

impl Facts<'_, '_> {
    /// Takes note of a number that a call makes.
    #[inline(never)]
    pub(crate) fn heed_number(&mut self, number: Number, args: &Fact) {
        let Kind::Tuple(place) = args.kind else { return };
        let Some((items, true)) = self.shelf.get(place) else { return };
        if let Some((hash, mark)) = self.hash_of(number, &items) {
            let others = self.numbers.count(hash, mark as u32);
            self.heed_collisions(others, "numbers");
        }
    }

    /// The hash of a number, if it may have been chosen, and what tells it from others that have it.
    fn hash_of(&self, number: Number, items: &Few) -> Option<(u64, u64)> {
        let mark = |bytes: &[u8]| FixedState::default().hash_one(bytes);
        let text = |item: &Fact| match item.kind {
            Kind::Text(at) | Kind::Hook(at) => {
                let text = self.literal(at, USUAL);
                Some(if text.len() < USUAL { text } else { self.literal(at, TEXT) })
            }
            Kind::Decoded(index) => Some(Cow::Borrowed(self.decoded.get(index as usize)?.as_bytes())),
            _ => None,
        };
        match (number, &items[..]) {
            (Number::Decimal, [item, ..]) => {
                let text = text(item)?;
                let is_long = text.len() > FEW || text.iter().any(u8::is_ascii_alphabetic);
                is_long.then(|| (of_decimal(&text), mark(&text)))
            }
            (Number::Uuid, [item, ..]) => {
                let text = text(item)?;
                Some((of_hexadecimal(&text), mark(&text)))
            }
            (Number::Fraction, [item]) => {
                let text = text(item)?;
                let at = text.iter().position(|&byte| byte == b'/').unwrap_or(text.len());
                let (above, below) = (&text[..at], text.get(at + 1..).unwrap_or(b"1"));
                let is_small = is_small(above) && is_small(below);
                (!is_small).then(|| (over(of_decimal(above), of_decimal(below)), mark(&text)))
            }
            (Number::Fraction, &[above, below]) => {
                let (Kind::Int(above), Kind::Int(below)) = (above.kind, below.kind) else { return None };
                let is_large = above.unsigned_abs().max(below.unsigned_abs()) >= SMALL;
                let hash = |value: i64| signed(value.unsigned_abs() % MODULUS, value < 0);
                is_large.then(|| (over(hash(above), hash(below)), mixed(above as u64, below as u64)))
            }
            (Number::Complex, [real, imaginary]) => {
                if is_whole(real) && is_whole(imaginary) {
                    return None;
                }
                let ((real, own), (imaginary, other)) =
                    (self.lane(real, &mut 0), self.lane(imaginary, &mut 0));
                Some((complex(real, imaginary), mixed(own, other)))
            }
            (Number::Scalar, &[_, Fact { kind: Kind::Bytes(at), .. }]) => {
                let bytes = self.literal(at, 17);
                let hash = match bytes.as_chunks::<4>() {
                    (&[real, imaginary], []) => {
                        let hash = |part| hash_of_float(f32::from_le_bytes(part).into());
                        complex(hash(real), hash(imaginary))
                    }
                    (&[a, b, c, d], []) => {
                        let hash = |low: [u8; 4], high: [u8; 4]| {
                            let bits = u64::from(u32::from_le_bytes(high)) << 32
                                | u64::from(u32::from_le_bytes(low));
                            hash_of_float(f64::from_bits(bits))
                        };
                        complex(hash(a, b), hash(c, d))
                    }
                    _ => return None,
                };
                Some((hash, mark(&bytes)))
            }
            (Number::Range, items) => {
                let mut numbers = [0, 0, 1];
                let items = items.iter().enumerate().take(numbers.len());
                for (index, item) in items {
                    let Kind::Int(value) = item.kind else { return None };
                    numbers[index] = value;
                }
                let [start, stop, step] = numbers.map(i128::from);
                if start.unsigned_abs().max(step.unsigned_abs()) < SMALL.into() || step == 0 {
                    return None;
                }
                let len = ((stop - start + step - step.signum()) / step).max(0) as i64;
                let lanes = [len, numbers[0], numbers[2]].map(|it| Fact::new(Kind::Int(it)));
                Some(self.lanes(&lanes, &mut 0))
            }
            _ => None,
        }
    }
}

/// Whether a text is a whole number below [`SMALL`].
fn is_small(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    digits.len() <= 9 && digits.iter().all(u8::is_ascii_digit)
}

/// Whether a part of a complex number is a whole number so small that hardly any others have its hash if both parts are.
fn is_whole(part: &Fact) -> bool {
    let most = IMAGINARY / 4;
    match part.kind {
        Kind::Plain(Sort::Float(bytes)) => {
            let value = f64::from_ne_bytes(bytes);
            value.abs() < most as f64 && value.fract() == 0.0
        }
        Kind::Int(value) => value.unsigned_abs() < most,
        _ => false,
    }
}

/// Digits that have been read, and those that wait until there are enough of them for a calculation.
struct Digits {
    hash: u64,
    waiting: u64,
    /// What the hash is to be multiplied by when these are added.
    scale: u64,
}

impl Digits {
    fn new() -> Self {
        Digits { hash: 0, waiting: 0, scale: 1 }
    }

    /// Adds a digit, or more of them at once: then the base is to the power of how many they are.
    #[inline(always)]
    fn add(&mut self, digit: u64, base: u64) {
        if self.scale > MODULUS / base {
            self.settle();
        }
        self.waiting = self.waiting * base + digit;
        self.scale *= base;
    }

    fn settle(&mut self) {
        let sum = u128::from(self.hash) * u128::from(self.scale) + u128::from(self.waiting);
        (self.hash, self.waiting, self.scale) = (reduced(sum), 0, 1);
    }

    fn hash(mut self) -> u64 {
        self.settle();
        self.hash
    }
}

/// The number that eight characters are, if all of them are digits.
#[inline(always)]
fn eight_digits(text: &[u8; 8]) -> Option<u64> {
    const ONES: u64 = u64::MAX / 255;
    let digits = u64::from_le_bytes(*text) ^ (u64::from(b'0') * ONES);
    // Digits are below ten, and so do not reach the upper half of a byte when six is added.
    if (digits | digits.wrapping_add(6 * ONES)) & (0xf0 * ONES) != 0 {
        return None;
    }
    // Neighbours are put together: in pairs, in fours, all of them.
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

/// The hash of a number that is written in hexadecimal digits, among which others do not count.
fn of_hexadecimal(text: &[u8]) -> u64 {
    let mut digits = Digits::new();
    for &byte in text {
        if let Some(digit) = char::from(byte).to_digit(16) {
            digits.add(digit.into(), 16);
        }
    }
    digits.hash()
}

/// The hash of a decimal number that is written in digits, perhaps with a point and an exponent.
fn of_decimal(text: &[u8]) -> u64 {
    let (mut digits, mut power, mut point, mut negative) = (Digits::new(), 0i64, false, false);
    let mut rest = text.iter();
    loop {
        while let Some(number) = rest.as_slice().first_chunk().and_then(eight_digits) {
            digits.add(number, 100_000_000);
            power -= 8 * i64::from(point);
            rest = rest.as_slice()[8..].iter();
        }
        let Some(&byte) = rest.next() else { break };
        match byte {
            b'0'..=b'9' => {
                digits.add((byte - b'0').into(), 10);
                power -= i64::from(point);
            }
            b'.' => point = true,
            b'-' => negative = true,
            b'e' | b'E' => {
                let exponent = std::str::from_utf8(rest.as_slice()).ok().and_then(|text| text.parse().ok());
                power = power.saturating_add(exponent.unwrap_or(0));
                break;
            }
            _ => {}
        }
    }
    let size = power.unsigned_abs();
    let scale = match TENTHS.get(size as usize) {
        Some(&scale) if power <= 0 => scale,
        _ => raised(if power < 0 { TENTH } else { 10 }, size),
    };
    signed(times(digits.hash(), scale), negative)
}

/// The hash of a complex number whose parts have these.
fn complex(real: u64, imaginary: u64) -> u64 {
    real.wrapping_add(imaginary.wrapping_mul(IMAGINARY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_python() {
        for (text, hash) in [
            ("1.5", 1_152_921_504_606_846_977i64),
            ("-2.25", -576_460_752_303_423_490),
            ("1E+30", 465_258_685_558_744_706),
            ("123456789012345678901234567890", 248_789_772_095_949_448),
            ("0.1428571428571428571428571429", 1_517_480_719_788_373_712),
            ("-1.285714285714285714285714286", -1_661_780_431_472_280_260),
            (
                "9999999999999999999999999999999999999999999999999999999999999999999999",
                1_500_417_555_027_562_991,
            ),
            (
                "-123456789.00000000000000000000000000000000000000000000000000000000000000000000017",
                -949_224_607_757_048_359,
            ),
            ("7.5E-90", 249_844_659_766_861_119),
            ("-8E+77", -298_562_227_231_199_359),
        ] {
            assert_eq!(of_decimal(text.as_bytes()) as i64, hash, "{text}");
        }
        assert_eq!(eight_digits(b"90817263"), Some(90_817_263));
        for place in 0..8 {
            for other in (0..=u8::MAX).filter(|other| !other.is_ascii_digit()) {
                let mut text = *b"99999999";
                text[place] = other;
                assert_eq!(eight_digits(&text), None, "{other} at {place}");
            }
        }
        assert_eq!(of_hexadecimal(b"f47ac10b-58cc-4372-a567-0e02b2c3d479"), 665_712_910_641_000_523);
        assert_eq!(over(3, 2) as i64, 1_152_921_504_606_846_977);
        assert_eq!(over(signed(9, true), 4) as i64, -576_460_752_303_423_490);
        assert_eq!(over(1, 1), 1);
    }
}
