//! Python's hash of rational numbers: what remains after division by a prime.
//!
//! That of a negative number is the negative one of its size, in two's complement. Whoever knows the rule writes down numbers of one
//! hash at will, so both the judge of keys and the scanner count them.
//!
//! Source: "Hashing of numeric types" in the Python library reference.
//!
//! ```
//! use brinery::policy::residues::{TENTH, over, raised, reduced, signed, times};
//!
//! assert_eq!(times(TENTH, 10), 1);
//! assert_eq!(reduced(1 << 61), 1);
//! assert_eq!(raised(2, 61), 1);
//! // hash(Fraction(3, 2)), and hash(Fraction(-9, 4))
//! assert_eq!(over(3, 2), 1_152_921_504_606_846_977);
//! assert_eq!(over(signed(9, true), 4) as i64, -576_460_752_303_423_490);
//! ```

const BITS: u32 = 61;

/// The modulus: a prime.
pub const MODULUS: u64 = (1 << BITS) - 1;

/// What ten times it is one.
pub const TENTH: u64 = 2_075_258_708_292_324_556;

/// The hash of a number whose size has this one.
#[inline]
pub const fn signed(hash: u64, negative: bool) -> u64 {
    if negative { hash.wrapping_neg() } else { hash }
}

/// The remainder after division by the modulus, of less than two to the 125th.
#[inline]
pub const fn reduced(value: u128) -> u64 {
    let sum = (value & MODULUS as u128) as u64 + (value >> BITS) as u64;
    if sum >= MODULUS { sum % MODULUS } else { sum }
}

/// The hash of a product of sizes of these hashes.
#[inline]
pub const fn times(a: u64, b: u64) -> u64 {
    reduced(a as u128 * b as u128)
}

/// The hash of a power of a size of this hash.
pub const fn raised(mut base: u64, mut power: u64) -> u64 {
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

/// The hash of a fraction whose parts have these.
pub const fn over(above: u64, below: u64) -> u64 {
    const fn is_negative(hash: u64) -> bool {
        hash >> 63 != 0
    }
    const fn size(hash: u64) -> u64 {
        signed(hash, is_negative(hash))
    }
    signed(times(size(above), raised(size(below), MODULUS - 2)), is_negative(above) != is_negative(below))
}
