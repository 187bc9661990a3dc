//! Keys: a secret or a public key, its name, what it is for, and whether it is still good.

mod names;
mod password;
mod secret;

pub use names::{KeyId, Purpose};
pub use password::{Cost, Password};
pub(crate) use secret::Bytes32;
pub use secret::{Blake3Key, Ed25519Key, Ed25519PublicKey, HmacSha256Key, Material, XChaCha20Poly1305Key};

use crate::error::{Error, Reason, Result};
use crate::{Algorithm, Timestamp};
use std::fmt;

/// Whether a key may seal and open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It seals and opens.
    Active,
    /// It has a successor: it seals nothing more, and opens until that time.
    AcceptUntil(Timestamp),
    /// It is lost or has become known: it neither seals nor opens.
    Revoked,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Active => f.write_str("active"),
            State::AcceptUntil(time) => write!(f, "accept-until {time}"),
            State::Revoked => f.write_str("revoked"),
        }
    }
}

/// A key with its name and its rules.
///
/// ```
/// use brinery_seal::{Algorithm, Key};
///
/// let key = Key::generate(Algorithm::Ed25519, "alice".parse()?)?.for_purpose("release".parse()?);
/// assert!(key.public()?.secret_bytes().is_none());
/// # Ok::<(), brinery_seal::Error>(())
/// ```
#[derive(Clone)]
pub struct Key {
    id: KeyId,
    material: Material,
    purposes: Vec<Purpose>,
    state: State,
    created: Option<Timestamp>,
}

impl Key {
    /// A key for any purpose.
    pub fn new(id: KeyId, material: impl Into<Material>) -> Self {
        Key { id, material: material.into(), purposes: Vec::new(), state: State::Active, created: None }
    }

    /// A new random key. A password is not made but chosen: see [`Password`].
    pub fn generate(algorithm: Algorithm, id: KeyId) -> Result<Self> {
        if algorithm == Algorithm::Password {
            return Err(Error::new(Reason::BadArgument, "a password is chosen, not generated"));
        }
        Self::from_bytes(algorithm, id, Bytes32::random()?.expose())
    }

    /// A key for an algorithm with 32 secret bytes, which should be random.
    pub fn from_bytes(algorithm: Algorithm, id: KeyId, secret: &[u8; 32]) -> Result<Self> {
        let material: Material = match algorithm {
            Algorithm::HmacSha256 => HmacSha256Key::from_bytes(secret).into(),
            Algorithm::Blake3 => Blake3Key::from_bytes(secret).into(),
            Algorithm::Ed25519 => Ed25519Key::from_bytes(secret).into(),
            Algorithm::XChaCha20Poly1305 => XChaCha20Poly1305Key::from_bytes(secret).into(),
            Algorithm::Password => {
                return Err(Error::new(Reason::BadArgument, "a password is text, not key bytes"));
            }
        };
        Ok(Key::new(id, material))
    }

    /// The same key, also allowed for this purpose. A key that was given none is allowed for all.
    #[must_use]
    pub fn for_purpose(mut self, purpose: Purpose) -> Self {
        if !self.purposes.contains(&purpose) {
            self.purposes.push(purpose);
        }
        self
    }

    /// The same key in another state.
    #[must_use]
    pub fn in_state(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    /// The same key with the time when it was made.
    #[must_use]
    pub fn created_at(mut self, time: Timestamp) -> Self {
        self.created = Some(time);
        self
    }

    /// Its name.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The algorithm it is for.
    pub fn algorithm(&self) -> Algorithm {
        self.material.algorithm()
    }

    /// What it consists of.
    pub fn material(&self) -> &Material {
        &self.material
    }

    /// What it is for; nothing stands for everything.
    pub fn purposes(&self) -> &[Purpose] {
        &self.purposes
    }

    /// Whether it may seal and open.
    pub fn state(&self) -> State {
        self.state
    }

    /// When it was made, if that is known.
    pub fn created(&self) -> Option<Timestamp> {
        self.created
    }

    /// Whether it is allowed for this purpose.
    pub fn allows(&self, purpose: &Purpose) -> bool {
        self.purposes.is_empty() || self.purposes.contains(purpose)
    }

    /// The secret bytes, for storing them elsewhere. A public key and a password have none.
    pub fn secret_bytes(&self) -> Option<&[u8; 32]> {
        self.material.secret()
    }

    /// The bytes of the public key, for Ed25519.
    pub fn public_bytes(&self) -> Option<[u8; 32]> {
        self.material.public().map(Ed25519PublicKey::to_bytes)
    }

    /// Whether it can seal, apart from its state.
    pub fn has_secret(&self) -> bool {
        !matches!(self.material, Material::Ed25519Public(_))
    }

    /// The key without its secret, for who shall check signatures.
    pub fn public(&self) -> Result<Self> {
        match self.material.public() {
            Some(public) => Ok(Key { material: public.into(), ..self.clone() }),
            None => Err(Error::new(
                Reason::BadArgument,
                format!("the key '{}' has no public part: only Ed25519 keys have", self.id),
            )),
        }
    }

    /// Makes sure that the key may seal for this purpose.
    pub(crate) fn check_sealing(&self, purpose: &Purpose) -> Result<()> {
        let id = &self.id;
        let (reason, text) = if !self.has_secret() {
            (Reason::NoSealingKey, format!("the key '{id}' is a public key, which cannot seal"))
        } else if self.state == State::Revoked {
            (Reason::RevokedKey, format!("the key '{id}' is revoked"))
        } else if self.state != State::Active {
            (Reason::RetiredKey, format!("the key '{id}' has been replaced and seals nothing more"))
        } else if !self.allows(purpose) {
            (Reason::KeyPurpose, format!("the key '{id}' is not for the purpose '{purpose}'"))
        } else {
            return Ok(());
        };
        Err(Error::new(reason, text))
    }

    /// Makes sure that the key may open at this time.
    pub(crate) fn check_opening(&self, now: Timestamp) -> Result<()> {
        let id = &self.id;
        match self.state {
            State::Active => Ok(()),
            State::AcceptUntil(until) if now < until => Ok(()),
            State::AcceptUntil(until) => Err(Error::new(
                Reason::RetiredKey,
                format!("sealed with the key '{id}', which was accepted until {until}"),
            )),
            State::Revoked => {
                Err(Error::new(Reason::RevokedKey, format!("sealed with the key '{id}', which is revoked")))
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id.as_str())
            .field("algorithm", &self.algorithm().name())
            .field("purposes", &self.purposes)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
