//! The algorithms, and their numbers and names.

use std::fmt;

/// How an envelope is authenticated, and whether it is encrypted. It is a property of the key.
///
/// ```
/// use brinery_seal::Algorithm;
///
/// assert_eq!(Algorithm::from_name("ed25519"), Some(Algorithm::Ed25519));
/// assert!(Algorithm::XChaCha20Poly1305.is_encryption());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// A secret that sealer and reader share; HMAC with SHA-256.
    HmacSha256,
    /// A secret that sealer and reader share; BLAKE3's keyed mode, the fastest.
    Blake3,
    /// Signatures: a secret key seals, its public key opens.
    Ed25519,
    /// Encryption with a secret that sealer and reader share.
    XChaCha20Poly1305,
    /// The same encryption, with a key that Argon2id makes of a password.
    Password,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 5] = [
        Algorithm::HmacSha256,
        Algorithm::Blake3,
        Algorithm::Ed25519,
        Algorithm::XChaCha20Poly1305,
        Algorithm::Password,
    ];

    /// The name, as key rings and messages spell it.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::HmacSha256 => "hmac-sha256",
            Algorithm::Blake3 => "blake3",
            Algorithm::Ed25519 => "ed25519",
            Algorithm::XChaCha20Poly1305 => "xchacha20-poly1305",
            Algorithm::Password => "password",
        }
    }

    /// The algorithm of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Whether the content is hidden from who has no key.
    pub fn is_encryption(self) -> bool {
        matches!(self, Algorithm::XChaCha20Poly1305 | Algorithm::Password)
    }

    pub(crate) fn byte(self) -> u8 {
        match self {
            Algorithm::HmacSha256 => 1,
            Algorithm::Blake3 => 2,
            Algorithm::Ed25519 => 3,
            Algorithm::XChaCha20Poly1305 => 4,
            Algorithm::Password => 5,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.byte() == byte)
    }

    /// How long the tag of a header is.
    pub(crate) fn header_tag_len(self) -> usize {
        if self == Algorithm::Ed25519 { 64 } else { 32 }
    }

    /// How long the tag of a chunk is.
    pub(crate) fn chunk_tag_len(self) -> usize {
        match self {
            Algorithm::HmacSha256 | Algorithm::Blake3 => 32,
            Algorithm::Ed25519 => 64,
            Algorithm::XChaCha20Poly1305 | Algorithm::Password => 16,
        }
    }

    /// How many keys may have sealed an envelope.
    pub(crate) fn max_keys(self) -> usize {
        if self == Algorithm::Ed25519 { 16 } else { 1 }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
