//! Numbers whose hashes may have been chosen: decimals, fractions, complex numbers and ranges, which calls make.
//!
//! The hash of a rational number is what remains of it after division by a prime, so that others with the same one are easily
//! written down. Those that are short have few others: the numbers that honest streams have are not looked at twice.

use super::Facts;
use super::chosen::{hash_of_float, mixed};
use crate::collisions::{MODULUS, reduced, signed};
use crate::fact::{Fact, Kind};
use crate::shelf::Few;
use foldhash::fast::FixedState;
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
/// What ten times it is one, by the rules of hashes.
const TENTH: u64 = 2_075_258_708_292_324_556;
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
            Kind::Decoded(_) => self.text(item).map(String::into_bytes),
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
                let digits = text.iter().filter_map(|&digit| char::from(digit).to_digit(16));
                let hash = digits.fold(0, |hash, digit| reduced(u128::from(hash) << 4 | u128::from(digit)));
                Some((hash, mark(&text)))
            }
            (Number::Fraction, [item]) => {
                let text = text(item)?;
                let at = text.iter().position(|&byte| byte == b'/').unwrap_or(text.len());
                let below = text.get(at + 1..).unwrap_or(b"1");
                (text.len() > 9).then(|| (over(of_decimal(&text[..at]), of_decimal(below)), mark(&text)))
            }
            (Number::Fraction, &[above, below]) => {
                let (Kind::Int(above), Kind::Int(below)) = (above.kind, below.kind) else { return None };
                let is_large = above.unsigned_abs().max(below.unsigned_abs()) >= SMALL;
                let hash = |value: i64| signed(value.unsigned_abs() % MODULUS, value < 0);
                is_large.then(|| (over(hash(above), hash(below)), mixed(above as u64, below as u64)))
            }
            (Number::Complex, [real, imaginary]) => {
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

/// The hash of a decimal number that is written in digits, perhaps with a point and an exponent.
fn of_decimal(text: &[u8]) -> u64 {
    let (mut hash, mut power, mut point, mut negative) = (0, 0i64, false, false);
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        match byte {
            b'0'..=b'9' => {
                hash = reduced(u128::from(hash) * 10 + u128::from(byte - b'0'));
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
    let base = if power < 0 { TENTH } else { 10 };
    signed(times(hash, raised(base, power.unsigned_abs())), negative)
}

/// The hash of a fraction of these hashes.
fn over(above: u64, below: u64) -> u64 {
    let negative = (above >> 63 != 0) != (below >> 63 != 0);
    let size = |hash: u64| if hash >> 63 != 0 { hash.wrapping_neg() } else { hash };
    signed(times(size(above), raised(size(below), MODULUS - 2)), negative)
}

/// The hash of a complex number whose parts have these.
fn complex(real: u64, imaginary: u64) -> u64 {
    real.wrapping_add(imaginary.wrapping_mul(IMAGINARY))
}

fn times(a: u64, b: u64) -> u64 {
    reduced(u128::from(a) * u128::from(b))
}

fn raised(mut base: u64, mut power: u64) -> u64 {
    let mut result = 1;
    while power > 0 {
        if power & 1 != 0 {
            result = times(result, base);
        }
        base = times(base, base);
        power >>= 1;
    }
    result
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
        ] {
            assert_eq!(of_decimal(text.as_bytes()) as i64, hash, "{text}");
        }
        assert_eq!(over(3, 2) as i64, 1_152_921_504_606_846_977);
        assert_eq!(over(signed(9, true), 4) as i64, -576_460_752_303_423_490);
        assert_eq!(over(1, 1), 1);
    }
}
