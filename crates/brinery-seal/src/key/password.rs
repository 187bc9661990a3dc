//! Keys made of passwords.

use crate::error::{Error, Reason, Result};
use crate::key::secret::Bytes32;
use std::fmt;
use std::ops::RangeInclusive;
use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// What it costs to try a password: the parameters of Argon2id.
///
/// ```
/// use brinery_seal::Cost;
///
/// assert_eq!(Cost::default().memory_kib(), 64 * 1024);
/// assert!(Cost::new(1024, 1, 1).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    const MEMORY_KIB: RangeInclusive<u32> = 8 * 1024..=256 * 1024;
    const PASSES: RangeInclusive<u32> = 1..=8;
    const LANES: RangeInclusive<u32> = 1..=8;

    /// These parameters: 8,192 to 262,144 KiB of memory, 1 to 8 passes over it, in 1 to 8 lanes. The bounds hold for reading too,
    /// so that a forged envelope cannot ask for more.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self> {
        Self::checked(memory_kib, passes, lanes).ok_or_else(|| {
            Error::new(
                Reason::BadArgument,
                "a password costs 8192 to 262144 KiB of memory, 1 to 8 passes and 1 to 8 lanes",
            )
        })
    }

    pub(crate) fn checked(memory_kib: u32, passes: u32, lanes: u32) -> Option<Self> {
        let fits = Self::MEMORY_KIB.contains(&memory_kib)
            && Self::PASSES.contains(&passes)
            && Self::LANES.contains(&lanes);
        fits.then_some(Cost { memory_kib, passes, lanes })
    }

    /// How much memory one try takes.
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// How often it goes over that memory.
    pub fn passes(self) -> u32 {
        self.passes
    }

    /// In how many independent parts.
    pub fn lanes(self) -> u32 {
        self.lanes
    }
}

impl Default for Cost {
    /// 64 MiB, three passes, four lanes: the second choice of RFC 9106.
    fn default() -> Self {
        Cost { memory_kib: 64 * 1024, passes: 3, lanes: 4 }
    }
}

/// A password, and what it costs to try one.
#[derive(Clone)]
pub struct Password {
    text: Zeroizing<Vec<u8>>,
    cost: Cost,
}

impl Password {
    /// A password. It cannot be empty.
    pub fn new(text: impl AsRef<[u8]>) -> Result<Self> {
        let text = text.as_ref();
        if text.is_empty() {
            return Err(Error::new(Reason::BadArgument, "the password is empty"));
        }
        Ok(Password { text: Zeroizing::new(text.to_vec()), cost: Cost::default() })
    }

    /// The same password with another cost, for sealing. Opening takes the cost from the envelope.
    #[must_use]
    pub fn with_cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    pub(crate) fn cost(&self) -> Cost {
        self.cost
    }

    pub(crate) fn is_same(&self, other: &Password) -> bool {
        self.text[..].ct_eq(&other.text[..]).into()
    }

    /// The key that the password makes for one envelope.
    pub(crate) fn derive(&self, salt: &[u8; 32], cost: Cost) -> Result<Bytes32> {
        let failed =
            |error: argon2::Error| Error::new(Reason::BadArgument, format!("Argon2id failed: {error}"));
        let params =
            argon2::Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(failed)?;
        let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let mut key = Bytes32::zeroed();
        argon2.hash_password_into(&self.text, salt, key.expose_mut()).map_err(failed)?;
        Ok(key)
    }
}

impl ZeroizeOnDrop for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Password").field("cost", &self.cost).finish_non_exhaustive()
    }
}
