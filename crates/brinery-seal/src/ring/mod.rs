//! Key rings: the keys of a program or a person, and how one key follows another.

mod file;
mod text;

use crate::Timestamp;
use crate::error::{Error, Reason, Result};
use crate::key::{Key, KeyId, Purpose, State};

/// Keys, each with its state, in the order in which they were added.
///
/// ```
/// use brinery_seal::{Algorithm, Key, KeyRing, Purpose, Sealer, Timestamp, Unsealer};
///
/// let purpose: Purpose = "cache".parse()?;
/// let mut ring = KeyRing::new();
/// ring.add(Key::generate(Algorithm::HmacSha256, "2026".parse()?)?)?;
/// let old = Sealer::from_ring(&ring, &purpose)?.seal(b"content")?;
///
/// // A new key seals from now on; what the old one sealed opens for another month.
/// let now = Timestamp::now();
/// ring.rotate(&"2026".parse()?, "2027".parse()?, now, now.plus(30 * 86_400))?;
/// assert_eq!(ring.sealing_key(&purpose)?.id().as_str(), "2027");
/// assert_eq!(Unsealer::new(&ring, &purpose).unseal(&old)?, b"content");
/// # Ok::<(), brinery_seal::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    keys: Vec<Key>,
    /// Zero stands for one, the default.
    signatures: u8,
}

impl KeyRing {
    /// A ring without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key. No two keys may have the same id or be the same key.
    pub fn add(&mut self, key: Key) -> Result<()> {
        let id = key.id();
        if self.get(id).is_some() {
            return Err(Error::new(Reason::BadKeyRing, format!("there is a key '{id}' already")));
        }
        // One signer under two names would count as two.
        if let Some(other) = self.keys.iter().find(|other| other.material().is_same(key.material())) {
            return Err(Error::new(
                Reason::BadKeyRing,
                format!("the key '{id}' is the same as '{}'", other.id()),
            ));
        }
        self.keys.push(key);
        Ok(())
    }

    /// The keys.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The key of this name.
    pub fn get(&self, id: &KeyId) -> Option<&Key> {
        self.keys.iter().find(|key| key.id() == id)
    }

    /// The key of this name, which must be there.
    pub fn find(&self, id: &KeyId) -> Result<&Key> {
        self.get(id).ok_or_else(|| missing(id))
    }

    /// How many signers a reader wants.
    pub fn required_signatures(&self) -> u8 {
        self.signatures.max(1)
    }

    /// Sets how many signers a reader wants: 1 to 16. With more than one, only signed envelopes open.
    pub fn require_signatures(&mut self, count: u8) -> Result<()> {
        if !(1..=16).contains(&count) {
            return Err(Error::new(Reason::BadArgument, "1 to 16 signatures can be required"));
        }
        self.signatures = count;
        Ok(())
    }

    /// The key that seals for a purpose: the last that is active, has a secret, and is for it.
    pub fn sealing_key(&self, purpose: &Purpose) -> Result<&Key> {
        if let Some(key) = self.keys.iter().rev().find(|key| key.check_sealing(purpose).is_ok()) {
            return Ok(key);
        }
        match &self.keys[..] {
            [] => Err(Error::new(Reason::NoSealingKey, "the key ring has no keys")),
            [key] => Err(key.check_sealing(purpose).err().unwrap_or_else(|| unreachable!())),
            _ => Err(Error::new(
                Reason::NoSealingKey,
                format!("the key ring has no active key for the purpose '{purpose}'"),
            )),
        }
    }

    /// Adds a new random key in the place of an active one: for the same algorithm and purposes. The old one is accepted
    /// until the given time.
    pub fn rotate(
        &mut self,
        old: &KeyId,
        new: KeyId,
        now: Timestamp,
        accept_until: Timestamp,
    ) -> Result<&Key> {
        let key = self.find(old)?;
        if key.state() != State::Active {
            let state = key.state();
            return Err(Error::new(
                Reason::BadArgument,
                format!("the key '{old}' is not active but {state}"),
            ));
        }
        let fresh = Key::generate(key.algorithm(), new)?.created_at(now);
        let fresh = key.purposes().iter().cloned().fold(fresh, Key::for_purpose);
        self.add(fresh)?;
        self.set_state(old, State::AcceptUntil(accept_until))?;
        Ok(&self.keys[self.keys.len() - 1])
    }

    /// Changes the state of a key. A revoked key stays revoked.
    pub fn set_state(&mut self, id: &KeyId, state: State) -> Result<()> {
        let position = self.keys.iter().position(|key| key.id() == id).ok_or_else(|| missing(id))?;
        if self.keys[position].state() == State::Revoked && state != State::Revoked {
            return Err(Error::new(Reason::BadArgument, format!("the key '{id}' is revoked, and stays so")));
        }
        let key = self.keys.remove(position);
        self.keys.insert(position, key.in_state(state));
        Ok(())
    }

    /// The public keys of the ring with their rules, for who shall check signatures. Other keys are left out.
    #[must_use]
    pub fn public(&self) -> Self {
        let keys = self.keys.iter().filter_map(|key| key.public().ok()).collect();
        KeyRing { keys, signatures: self.signatures }
    }

    /// Whether there is a secret in it.
    pub fn has_secrets(&self) -> bool {
        self.keys.iter().any(Key::has_secret)
    }
}

fn missing(id: &KeyId) -> Error {
    Error::new(Reason::UnknownKey, format!("there is no key '{id}'"))
}
