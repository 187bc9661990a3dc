//! Keys that are numbers of modules: whoever makes them to hash them has the modules imported.
//!
//! The hash of a rational number is what remains of it after division by a prime, so that others with the same one are easily
//! written down. They are counted here, before anything is imported; whatever else keys may be is counted when they are made.

use super::Examiner;
use crate::error::{Error, Result};
use crate::policy::residues::{MODULUS, TENTH, over, raised, signed, times};
use crate::policy::rule::Rule;
use crate::value::{Change, Id, Kind, Value};
use num_bigint::{BigInt, Sign};
use std::collections::HashMap;

/// How long a text may be that is read: what is longer has few others of its length.
const LONGEST: usize = 4096;

impl Examiner<'_, '_> {
    /// Makes sure that no container has too many keys that are numbers of one hash.
    pub(super) fn check_numbers(&self) -> Result<()> {
        let most = usize::try_from(self.policy.limits.collisions()).unwrap_or(usize::MAX);
        let mut counts: HashMap<u64, usize> = HashMap::new();
        for container in self.builder.graph().values() {
            let keys = self.keys_of(container, most);
            if keys.len() <= most {
                continue;
            }
            counts.clear();
            for key in keys {
                let Some(hash) = self.hash_of_number(self.value(key))? else { continue };
                let count = counts.entry(hash).or_default();
                *count += 1;
                if *count > most {
                    return Err(Error::refused(Rule::BudgetHash, Rule::BudgetHash.meaning()));
                }
            }
        }
        Ok(())
    }

    /// The keys that a container is given, or the elements, unless they are no more than so many.
    fn keys_of(&self, container: Value<'_, '_>, most: usize) -> Vec<Id> {
        let first = |pair: Value<'_, '_>| match pair.kind() {
            Kind::Tuple | Kind::List if pair.len() == 2 => pair.item(0).map(Value::id),
            _ => None,
        };
        match container.kind() {
            // Most are small.
            Kind::Dict if container.entries().len() > most => {
                container.entries().map(|(key, _)| key.id()).collect()
            }
            Kind::Set | Kind::FrozenSet if container.items().len() > most => {
                container.items().map(Value::id).collect()
            }
            Kind::Instance => {
                let mut keys = Vec::new();
                for change in container.changes() {
                    match change {
                        Change::SetItems(items) => keys.extend(items.map(|(key, _)| key.id())),
                        Change::AddItems(items) => keys.extend(items.map(Value::id)),
                        _ => {}
                    }
                }
                let given = container.as_instance().and_then(|made| made.args().item(0));
                if let Some(given) = given {
                    match self.origin_names(container.id()) {
                        Some(("builtins", "set" | "frozenset")) => keys.extend(given.items().map(Value::id)),
                        Some(("builtins", "dict") | ("collections", "OrderedDict")) => {
                            keys.extend(given.items().filter_map(first));
                        }
                        _ => {}
                    }
                }
                keys
            }
            _ => Vec::new(),
        }
    }

    /// The hash of a number that a module makes, if this is one.
    fn hash_of_number(&self, value: Value<'_, '_>) -> Result<Option<u64>> {
        let Some(made) = value.as_instance() else { return Ok(None) };
        let args = made.args();
        let text = args.item(0).and_then(Value::as_str).filter(|text| text.len() <= LONGEST);
        self.pay(1 + text.map_or(0, |text| text.len() as u64 / 16))?;
        Ok(match self.origin_names(value.id()) {
            Some(("decimal" | "_decimal" | "_pydecimal", "Decimal")) => text.and_then(of_decimal),
            Some(("fractions", "Fraction")) => match (text, args.len()) {
                (Some(text), 1) => {
                    let (above, below) = text.split_once('/').unwrap_or((text, "1"));
                    of_decimal(above).zip(of_decimal(below)).map(|(above, below)| over(above, below))
                }
                _ => {
                    let part = |index| args.item(index).and_then(Value::as_big_int).map(|int| of_int(&int));
                    part(0).zip(part(1)).map(|(above, below)| over(above, below))
                }
            },
            Some(("uuid", "UUID")) => {
                let int = made.state().and_then(|state| state.get("int"));
                int.and_then(Value::as_big_int).map(|int| of_int(&int))
            }
            _ => None,
        })
    }
}

fn of_int(int: &BigInt) -> u64 {
    let rest = int.magnitude() % MODULUS;
    signed(rest.iter_u64_digits().next().unwrap_or(0), int.sign() == Sign::Minus)
}

/// The hash of a number that is written in digits, perhaps with a point and an exponent.
fn of_decimal(text: &str) -> Option<u64> {
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mut power: i64 = exponent.parse().ok()?;
    let (whole, after) = digits.split_once('.').unwrap_or((digits, ""));
    power = power.saturating_sub(after.len() as i64);
    let unsigned = whole.trim_start_matches(['-', '+']);
    let mut hash = 0;
    for digit in unsigned.bytes().chain(after.bytes()) {
        hash = times(hash, 10) + u64::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    let scale = raised(if power < 0 { TENTH } else { 10 }, power.unsigned_abs());
    Some(signed(times(hash, scale), whole.starts_with('-')))
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
            ("7.5E-90", 249_844_659_766_861_119),
            ("123456789012345678901234567890", 248_789_772_095_949_448),
        ] {
            assert_eq!(of_decimal(text).map(|hash| hash as i64), Some(hash), "{text}");
        }
        assert_eq!(of_decimal("NaN"), None);
        assert_eq!(over(3, 2) as i64, 1_152_921_504_606_846_977);
        assert_eq!(over(signed(9, true), 4) as i64, -576_460_752_303_423_490);
        let negative = -(BigInt::from(MODULUS) * BigInt::from(5) + BigInt::from(7));
        assert_eq!(of_int(&negative) as i64, -7);
    }
}
