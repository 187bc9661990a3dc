//! What one key does in one envelope: the tag of the header, and the chunks.

use crate::envelope::{Header, malformed};
use crate::error::{Error, Reason, Result};
use crate::key::{Bytes32, Ed25519PublicKey, Material};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use ed25519_dalek::{Signature, Signer, SigningKey};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

const HEADER: &[u8] = b"brinery-seal/1 header\0";
const BODY: &[u8] = b"brinery-seal/1 body\0";
const SIGNED_CHUNK: &[u8] = b"brinery-seal/1 chunk\0";

/// Where a chunk stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) index: u64,
    pub(crate) last: bool,
}

impl Position {
    fn bytes(self) -> [u8; 9] {
        let mut bytes = [0; 9];
        bytes[..8].copy_from_slice(&self.index.to_le_bytes());
        bytes[8] = u8::from(self.last);
        bytes
    }

    fn nonce(self) -> XNonce {
        let mut nonce = [0; 24];
        nonce[15..23].copy_from_slice(&self.index.to_be_bytes());
        nonce[23] = u8::from(self.last);
        nonce.into()
    }
}

/// A key that has been prepared for one envelope.
pub(crate) enum Lock {
    HmacSha256(Box<Hmac<Sha256>>),
    Blake3(Bytes32),
    Sign { key: Box<SigningKey>, context: [u8; 32] },
    Verify { key: Ed25519PublicKey, context: [u8; 32] },
    XChaCha20Poly1305(Box<XChaCha20Poly1305>),
}

fn hmac(key: &[u8; 32]) -> Hmac<Sha256> {
    // Any length is a key for HMAC; 32 bytes are one for certain.
    <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap_or_else(|_| unreachable!())
}

fn hmac_of(key: &[u8; 32], parts: [&[u8]; 2]) -> Bytes32 {
    let mut mac = hmac(key);
    for part in parts {
        mac.update(part);
    }
    let mut result = Bytes32::zeroed();
    result.expose_mut().copy_from_slice(&mac.finalize().into_bytes());
    result
}

fn blake3_of(key: &[u8; 32], parts: [&[u8]; 2]) -> Bytes32 {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for part in parts {
        hasher.update(part);
    }
    let mut result = Bytes32::zeroed();
    result.expose_mut().copy_from_slice(hasher.finalize().as_bytes());
    result
}

/// What a signer signs of a chunk.
fn signed_chunk(context: &[u8; 32], position: Position, digest: &[u8; 32]) -> Vec<u8> {
    [SIGNED_CHUNK, context, &position.bytes(), digest].concat()
}

/// The key of an encrypted envelope.
fn encryption_key(material: &Material, header: &Header) -> Result<Option<Bytes32>> {
    match (material, header.cost) {
        (Material::Password(password), Some(cost)) => password.derive(&header.salt, cost).map(Some),
        _ => Ok(None),
    }
}

impl Lock {
    /// Prepares a key for sealing, and makes its tag for the header.
    pub(crate) fn seal(material: &Material, header: &Header, context: &[u8]) -> Result<(Self, Vec<u8>)> {
        if let Material::Ed25519(key) = material {
            let tag = key.signing().sign(&[HEADER, context].concat()).to_bytes().to_vec();
            let context = *blake3::hash(context).as_bytes();
            return Ok((Lock::Sign { key: Box::new(key.signing().clone()), context }, tag));
        }
        let (lock, tag) = Self::shared(material, header, context)?;
        Ok((lock, tag.expose().to_vec()))
    }

    /// Prepares a key for opening, if its tag for the header is right.
    pub(crate) fn open(
        material: &Material,
        header: &Header,
        context: &[u8],
        tag: &[u8],
    ) -> Result<Option<Self>> {
        if let Some(key) = material.public() {
            let signature =
                Signature::from_slice(tag).map_err(|_| malformed("a signature of a wrong length"))?;
            let message = [HEADER, context].concat();
            let right = key.verifying().verify_strict(&message, &signature).is_ok();
            return Ok(right.then(|| Lock::Verify { key, context: *blake3::hash(context).as_bytes() }));
        }
        let (lock, expected) = Self::shared(material, header, context)?;
        let right = bool::from(expected.expose()[..].ct_eq(tag));
        Ok(right.then_some(lock))
    }

    /// The same for sealing and opening, where both have the same secret.
    fn shared(material: &Material, header: &Header, context: &[u8]) -> Result<(Self, Bytes32)> {
        let derived = encryption_key(material, header)?;
        Ok(match material {
            Material::HmacSha256(key) => {
                let body = hmac_of(key.expose(), [BODY, context]);
                let lock = Lock::HmacSha256(Box::new(hmac(body.expose())));
                (lock, hmac_of(key.expose(), [HEADER, context]))
            }
            Material::Blake3(key) => {
                let lock = Lock::Blake3(blake3_of(key.expose(), [BODY, context]));
                (lock, blake3_of(key.expose(), [HEADER, context]))
            }
            Material::XChaCha20Poly1305(_) | Material::Password(_) => {
                let key = match (&derived, material) {
                    (Some(key), _) => key.expose(),
                    (None, Material::XChaCha20Poly1305(key)) => key.expose(),
                    _ => return Err(malformed("no cost for a password")),
                };
                let body = hmac_of(key, [BODY, context]);
                let cipher = XChaCha20Poly1305::new(body.expose().into());
                (Lock::XChaCha20Poly1305(Box::new(cipher)), hmac_of(key, [HEADER, context]))
            }
            Material::Ed25519(_) | Material::Ed25519Public(_) => {
                return Err(Error::new(Reason::BadArgument, "signatures have no shared secret"));
            }
        })
    }

    /// Whether the digest of a chunk's content is needed.
    pub(crate) fn wants_digest(&self) -> bool {
        matches!(self, Lock::Sign { .. } | Lock::Verify { .. })
    }

    /// Seals a chunk: encrypts it where the algorithm does, and adds its tag to `tags`.
    pub(crate) fn seal_chunk(
        &self,
        position: Position,
        content: &mut [u8],
        digest: &[u8; 32],
        tags: &mut Vec<u8>,
    ) -> Result<()> {
        match self {
            Lock::HmacSha256(mac) => {
                tags.extend_from_slice(&chunk_hmac(mac, position, content).finalize().into_bytes());
            }
            Lock::Blake3(key) => tags.extend_from_slice(chunk_blake3(key, position, content).as_bytes()),
            Lock::Sign { key, context } => {
                tags.extend_from_slice(&key.sign(&signed_chunk(context, position, digest)).to_bytes());
            }
            Lock::Verify { .. } => {
                return Err(Error::new(Reason::NoSealingKey, "a public key cannot seal"));
            }
            Lock::XChaCha20Poly1305(cipher) => {
                let tag = cipher
                    .encrypt_inout_detached(&position.nonce(), &[], content.into())
                    .map_err(|_| Error::new(Reason::BadArgument, "the chunk is too long to encrypt"))?;
                tags.extend_from_slice(&tag);
            }
        }
        Ok(())
    }

    /// Opens a chunk: decrypts it where the algorithm does. Returns whether its tag is right; if not, the content is
    /// not to be used.
    pub(crate) fn open_chunk(
        &self,
        position: Position,
        content: &mut [u8],
        digest: &[u8; 32],
        tag: &[u8],
    ) -> bool {
        match self {
            Lock::HmacSha256(mac) => chunk_hmac(mac, position, content).verify_slice(tag).is_ok(),
            Lock::Blake3(key) => chunk_blake3(key, position, content).as_bytes()[..].ct_eq(tag).into(),
            Lock::Verify { key, context } => Signature::from_slice(tag).is_ok_and(|signature| {
                key.verifying().verify_strict(&signed_chunk(context, position, digest), &signature).is_ok()
            }),
            Lock::Sign { .. } => false,
            Lock::XChaCha20Poly1305(cipher) => Tag::try_from(tag).is_ok_and(|tag| {
                cipher.decrypt_inout_detached(&position.nonce(), &[], content.into(), &tag).is_ok()
            }),
        }
    }
}

fn chunk_hmac(keyed: &Hmac<Sha256>, position: Position, content: &[u8]) -> Hmac<Sha256> {
    let mut mac = keyed.clone();
    mac.update(content);
    mac.update(&position.bytes());
    mac
}

fn chunk_blake3(key: &Bytes32, position: Position, content: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key.expose());
    // The content first: where it starts at a multiple of 1024, whole vectors of its blocks are hashed at once.
    hasher.update(content);
    hasher.update(&position.bytes());
    hasher.finalize()
}
