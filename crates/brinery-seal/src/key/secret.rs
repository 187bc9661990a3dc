//! The secrets, one type for each algorithm. They are wiped from memory when they are dropped, and print as nothing.

use crate::Algorithm;
use crate::error::{Error, Reason, Result};
use crate::key::password::Password;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// 32 secret bytes in one place of memory, which moving does not copy.
#[derive(Clone)]
pub(crate) struct Bytes32(Box<[u8; 32]>);

impl Bytes32 {
    pub(crate) fn zeroed() -> Self {
        Bytes32(Box::new([0; 32]))
    }

    fn copied(bytes: &[u8; 32]) -> Self {
        let mut secret = Self::zeroed();
        secret.0.copy_from_slice(bytes);
        secret
    }

    pub(crate) fn random() -> Result<Self> {
        let mut secret = Self::zeroed();
        crate::random(&mut secret.0[..])?;
        Ok(secret)
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn expose_mut(&mut self) -> &mut [u8; 32] {
        &mut self.0
    }
}

impl Drop for Bytes32 {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for Bytes32 {}

macro_rules! shared_secrets {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone)]
            pub struct $name(Bytes32);

            impl $name {
                /// The key with these bytes, which should be random.
                pub fn from_bytes(bytes: &[u8; 32]) -> Self {
                    $name(Bytes32::copied(bytes))
                }

                /// A new random key.
                pub fn generate() -> Result<Self> {
                    Bytes32::random().map($name)
                }

                /// The secret bytes.
                pub fn expose(&self) -> &[u8; 32] {
                    self.0.expose()
                }
            }

            impl ZeroizeOnDrop for $name {}

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(concat!(stringify!($name), "(..)"))
                }
            }
        )*
    };
}

shared_secrets! {
    /// A secret for HMAC-SHA256.
    HmacSha256Key
    /// A secret for keyed BLAKE3.
    Blake3Key
    /// A secret for XChaCha20-Poly1305.
    XChaCha20Poly1305Key
}

/// A secret key for Ed25519 signatures, with its public key.
#[derive(Clone)]
pub struct Ed25519Key(Box<ed25519_dalek::SigningKey>);

impl Ed25519Key {
    /// The key with this seed, which should be random.
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        Ed25519Key(Box::new(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    /// A new random key.
    pub fn generate() -> Result<Self> {
        Ok(Self::from_bytes(Bytes32::random()?.expose()))
    }

    /// The secret seed.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The public key.
    pub fn public(&self) -> Ed25519PublicKey {
        Ed25519PublicKey(self.0.verifying_key())
    }

    pub(crate) fn signing(&self) -> &ed25519_dalek::SigningKey {
        &self.0
    }
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519Key(..)")
    }
}

/// A public key, which opens what its secret key sealed and seals nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ed25519PublicKey(ed25519_dalek::VerifyingKey);

impl Ed25519PublicKey {
    /// The key with these bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self> {
        match ed25519_dalek::VerifyingKey::from_bytes(bytes) {
            Ok(key) if !key.is_weak() => Ok(Ed25519PublicKey(key)),
            _ => Err(Error::new(Reason::BadArgument, "these bytes are no public key of Ed25519")),
        }
    }

    /// Its bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0.to_bytes()
    }

    pub(crate) fn verifying(&self) -> &ed25519_dalek::VerifyingKey {
        &self.0
    }
}

impl fmt::Debug for Ed25519PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ed25519PublicKey({})", crate::hex::encode(&self.to_bytes()))
    }
}

/// What a key consists of; its kind is its algorithm.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Material {
    /// For HMAC-SHA256.
    HmacSha256(HmacSha256Key),
    /// For keyed BLAKE3.
    Blake3(Blake3Key),
    /// For signing and for checking signatures.
    Ed25519(Ed25519Key),
    /// For checking signatures only.
    Ed25519Public(Ed25519PublicKey),
    /// For encryption.
    XChaCha20Poly1305(XChaCha20Poly1305Key),
    /// For encryption with a password.
    Password(Password),
}

impl Material {
    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Material::HmacSha256(_) => Algorithm::HmacSha256,
            Material::Blake3(_) => Algorithm::Blake3,
            Material::Ed25519(_) | Material::Ed25519Public(_) => Algorithm::Ed25519,
            Material::XChaCha20Poly1305(_) => Algorithm::XChaCha20Poly1305,
            Material::Password(_) => Algorithm::Password,
        }
    }

    /// The 32 bytes with which one may seal.
    pub(crate) fn secret(&self) -> Option<&[u8; 32]> {
        match self {
            Material::HmacSha256(key) => Some(key.expose()),
            Material::Blake3(key) => Some(key.expose()),
            Material::Ed25519(key) => Some(key.expose()),
            Material::XChaCha20Poly1305(key) => Some(key.expose()),
            Material::Ed25519Public(_) | Material::Password(_) => None,
        }
    }

    pub(crate) fn public(&self) -> Option<Ed25519PublicKey> {
        match self {
            Material::Ed25519(key) => Some(key.public()),
            Material::Ed25519Public(key) => Some(*key),
            _ => None,
        }
    }

    /// Whether both are the same key: for signatures, the same public key.
    pub(crate) fn is_same(&self, other: &Material) -> bool {
        if let (Some(a), Some(b)) = (self.public(), other.public()) {
            return a == b;
        }
        match (self, other) {
            (Material::Password(a), Material::Password(b)) => a.is_same(b),
            _ => match (self.secret(), other.secret()) {
                (Some(a), Some(b)) => bool::from(a.ct_eq(b)),
                _ => false,
            },
        }
    }
}

macro_rules! from_material {
    ($($kind:ident $variant:ident)*) => {
        $(
            impl From<$kind> for Material {
                fn from(key: $kind) -> Self {
                    Material::$variant(key)
                }
            }
        )*
    };
}

from_material! {
    HmacSha256Key HmacSha256
    Blake3Key Blake3
    Ed25519Key Ed25519
    Ed25519PublicKey Ed25519Public
    XChaCha20Poly1305Key XChaCha20Poly1305
    Password Password
}
