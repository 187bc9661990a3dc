//! Signed and encrypted envelopes.
//!
//! An envelope holds any bytes, and says who sealed them, for which purpose and until when. A reader that has the key gets
//! the content, each part verified before it is given out; anything else is one [`Error`] with a [`Reason`].
//!
//! ```
//! use brinery_seal::{Algorithm, Key, KeyRing, Purpose, Sealer, Unsealer};
//!
//! let purpose: Purpose = "checkpoint".parse()?;
//! let mut ring = KeyRing::new();
//! ring.add(Key::generate(Algorithm::Blake3, "trainer".parse()?)?)?;
//!
//! let sealed = Sealer::from_ring(&ring, &purpose)?.seal(b"the state of a program")?;
//! assert_eq!(Unsealer::new(&ring, &purpose).unseal(&sealed)?, b"the state of a program");
//! # Ok::<(), brinery_seal::Error>(())
//! ```
//!
//! - The algorithm is a property of the key and never chosen by what is read: [`Algorithm`].
//! - Files of any size go through [`SealWriter`] and [`SealReader`] in constant memory.
//! - Keys live in a [`KeyRing`], where one follows another and where lost ones are revoked.
//! - The time is an argument ([`Sealer::at`], [`Unsealer::at`]); the system's clock is the default.
//! - Secrets are wiped from memory when they are dropped, compared in constant time, and never printed.
//!
//! The format is described byte by byte in `docs/concepts/seal.md`.
#![forbid(unsafe_code)]

mod algorithm;
mod envelope;
mod error;
mod hex;
mod key;
mod lock;
mod read;
mod ring;
mod time;
#[cfg(test)]
mod vectors;
mod write;

pub use algorithm::Algorithm;
pub use envelope::Header;
pub use error::{Error, Reason, Result};
pub use key::{
    Blake3Key, Cost, Ed25519Key, Ed25519PublicKey, HmacSha256Key, Key, KeyId, Material, Password, Purpose,
    State, XChaCha20Poly1305Key,
};
pub use read::{Keys, SealReader, Unsealer};
pub use ring::KeyRing;
pub use time::Timestamp;
pub use write::{SealWriter, Sealer};

/// The bytes that an envelope starts with. No pickle and no UTF-8 text starts so.
pub const MAGIC: [u8; 8] = envelope::MAGIC;

/// Fills a buffer with the system's random numbers.
fn random(buffer: &mut [u8]) -> Result<()> {
    getrandom::fill(buffer)
        .map_err(|error| Error::new(Reason::Io, format!("the system gives no random numbers: {error}")))
}
