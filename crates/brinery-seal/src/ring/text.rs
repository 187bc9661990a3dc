//! A key ring as text: lines `name = value`, a section for each key.
//!
//! The text is read without a library for a larger format, which would leave copies of the secrets in memory.

use super::KeyRing;
use crate::error::{Error, Reason, Result};
use crate::hex;
use crate::key::{Bytes32, Ed25519PublicKey, Key, KeyId, Material, Purpose, State};
use crate::{Algorithm, Timestamp};
use std::fmt::Write as _;
use zeroize::Zeroizing;

const SECRET: &str =
    "# A brinery key ring with secret keys: whoever reads this file can seal in your name.\n";
const PUBLIC: &str =
    "# A brinery key ring with public keys: whoever changes this file decides whom you trust.\n";

impl KeyRing {
    /// Reads a key ring's text.
    ///
    /// ```
    /// use brinery_seal::KeyRing;
    ///
    /// let ring = KeyRing::parse(
    ///     "keyring = 1
    ///
    ///     [key alice]
    ///     algorithm = ed25519
    ///     state = active
    ///     purpose = release
    ///     public = d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a
    ///     ",
    /// )?;
    /// assert_eq!(ring.keys().len(), 1);
    /// # Ok::<(), brinery_seal::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        let mut ring = KeyRing::new();
        let mut version = false;
        let mut section: Option<Section> = None;
        for (number, line) in text.lines().enumerate() {
            let number = number + 1;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(inside) = line.strip_prefix('[') {
                let id = inside
                    .strip_suffix(']')
                    .and_then(|inside| inside.strip_prefix("key "))
                    .ok_or_else(|| wrong(number, "expected [key ID]"))?;
                let id = KeyId::from_bytes(id.trim().as_bytes())
                    .ok_or_else(|| wrong(number, "the id of the key is not allowed"))?;
                if let Some(section) = section.replace(Section::new(number, id)) {
                    section.end(&mut ring)?;
                }
                if !version {
                    return Err(wrong(number, "expected keyring = 1 before the keys"));
                }
                continue;
            }
            let (name, value) = line
                .split_once('=')
                .ok_or_else(|| wrong(number, "expected a line such as state = active"))?;
            let (name, value) = (name.trim(), value.trim());
            match &mut section {
                Some(section) => section.set(number, name, value)?,
                None => match name {
                    "keyring" if version => return Err(wrong(number, "'keyring' stands there twice")),
                    "keyring" if value == "1" => version = true,
                    "keyring" => {
                        return Err(wrong(number, "a key ring of a version that this program does not know"));
                    }
                    _ if !version => return Err(wrong(number, "not a key ring: expected keyring = 1")),
                    "signatures" if ring.signatures > 0 => {
                        return Err(wrong(number, "'signatures' stands there twice"));
                    }
                    "signatures" => value
                        .parse()
                        .ok()
                        .filter(|_| value.bytes().all(|byte| byte.is_ascii_digit()))
                        .and_then(|count| ring.require_signatures(count).ok())
                        .ok_or_else(|| wrong(number, "'signatures' must be 1 to 16"))?,
                    _ => return Err(wrong(number, "expected signatures or [key ID]")),
                },
            }
        }
        if let Some(section) = section {
            section.end(&mut ring)?;
        }
        if !version {
            return Err(Error::new(Reason::BadKeyRing, "not a key ring: it has no line keyring = 1"));
        }
        Ok(ring)
    }

    /// The ring as text, secrets included. Passwords cannot be written down.
    pub fn to_text(&self) -> Result<Zeroizing<String>> {
        // Room for everything: text that moves would leave copies of the secrets.
        let purposes: usize =
            self.keys.iter().flat_map(Key::purposes).map(|purpose| purpose.as_str().len() + 16).sum();
        let mut text = Zeroizing::new(String::with_capacity(256 + self.keys.len() * 512 + purposes));
        text.push_str(if self.has_secrets() { SECRET } else { PUBLIC });
        text.push_str("keyring = 1\n");
        if self.signatures > 0 {
            let _ = writeln!(text, "signatures = {}", self.signatures);
        }
        for key in &self.keys {
            let until = match key.state() {
                State::AcceptUntil(until) => Some(until),
                _ => None,
            };
            // What cannot be read again is not written.
            if [key.created(), until]
                .into_iter()
                .flatten()
                .any(|time| time.to_string().parse().ok() != Some(time))
            {
                let text = format!("the key '{}' has a date beyond the year 9999", key.id());
                return Err(Error::new(Reason::BadArgument, text));
            }
            let _ = writeln!(text, "\n[key {}]\nalgorithm = {}", key.id(), key.algorithm());
            if let Some(created) = key.created() {
                let _ = writeln!(text, "created = {created}");
            }
            let _ = writeln!(text, "state = {}", key.state());
            for purpose in key.purposes() {
                let _ = writeln!(text, "purpose = {purpose}");
            }
            if let Some(public) = key.public_bytes() {
                let _ = writeln!(text, "public = {}", hex::encode(&public));
            }
            match (key.material(), key.secret_bytes()) {
                (_, Some(secret)) => {
                    text.push_str("secret = ");
                    hex::encode_into(secret, &mut text);
                    text.push('\n');
                }
                (Material::Password(_), None) => {
                    return Err(Error::new(
                        Reason::BadArgument,
                        format!("the key '{}' is a password, which a key ring does not hold", key.id()),
                    ));
                }
                _ => {}
            }
        }
        Ok(text)
    }
}

/// What is wrong in a line. The line itself is not shown: it may hold a secret.
#[cold]
fn wrong(number: usize, what: &str) -> Error {
    Error::new(Reason::BadKeyRing, format!("line {number}: {what}"))
}

/// The lines of one key.
struct Section {
    /// The line where it starts.
    number: usize,
    id: KeyId,
    algorithm: Option<Algorithm>,
    created: Option<Timestamp>,
    state: Option<State>,
    purposes: Vec<Purpose>,
    public: Option<[u8; 32]>,
    secret: Option<Bytes32>,
}

impl Section {
    fn new(number: usize, id: KeyId) -> Self {
        Section {
            number,
            id,
            algorithm: None,
            created: None,
            state: None,
            purposes: Vec::new(),
            public: None,
            secret: None,
        }
    }

    fn set(&mut self, number: usize, name: &str, value: &str) -> Result<()> {
        fn once<T>(
            slot: &mut Option<T>,
            number: usize,
            name: &str,
            value: Option<T>,
            expected: &str,
        ) -> Result<()> {
            let value = value.ok_or_else(|| wrong(number, &format!("'{name}' must be {expected}")))?;
            match slot.replace(value) {
                None => Ok(()),
                Some(_) => Err(wrong(number, &format!("'{name}' stands there twice"))),
            }
        }
        match name {
            "algorithm" => {
                let algorithm =
                    Algorithm::from_name(value).filter(|&algorithm| algorithm != Algorithm::Password);
                let expected = "hmac-sha256, blake3, ed25519 or xchacha20-poly1305";
                once(&mut self.algorithm, number, name, algorithm, expected)
            }
            "created" => once(&mut self.created, number, name, value.parse().ok(), "a date"),
            "state" => {
                let state = match value.split_once(' ') {
                    None if value == "active" => Some(State::Active),
                    None if value == "revoked" => Some(State::Revoked),
                    Some(("accept-until", date)) => date.trim().parse().ok().map(State::AcceptUntil),
                    _ => None,
                };
                once(&mut self.state, number, name, state, "active, accept-until DATE or revoked")
            }
            "purpose" => {
                let purpose = Purpose::from_bytes(value.as_bytes())
                    .ok_or_else(|| wrong(number, "'purpose' must be 1 to 255 bytes of text"))?;
                self.purposes.push(purpose);
                Ok(())
            }
            "public" => {
                let mut bytes = [0; 32];
                let public = hex::decode_32(value, &mut bytes).then_some(bytes);
                once(&mut self.public, number, name, public, "64 hexadecimal digits")
            }
            "secret" => {
                let mut bytes = Bytes32::zeroed();
                let secret = hex::decode_32(value, bytes.expose_mut()).then_some(bytes);
                once(&mut self.secret, number, name, secret, "64 hexadecimal digits")
            }
            _ => Err(wrong(number, "expected algorithm, created, state, purpose, public or secret")),
        }
    }

    /// Adds the key to the ring.
    fn end(self, ring: &mut KeyRing) -> Result<()> {
        let (number, id) = (self.number, self.id);
        let lacks = |what: &str| wrong(number, &format!("the key '{id}' has no line '{what}'"));
        let algorithm = self.algorithm.ok_or_else(|| lacks("algorithm"))?;
        let state = self.state.ok_or_else(|| lacks("state"))?;
        let public = match (self.public, algorithm) {
            (None, _) => None,
            (Some(bytes), Algorithm::Ed25519) => Some(
                Ed25519PublicKey::from_bytes(&bytes)
                    .map_err(|_| wrong(number, &format!("the key '{id}' has no valid public key")))?,
            ),
            (Some(_), _) => {
                return Err(wrong(
                    number,
                    &format!("the key '{id}' cannot have a public part: only ed25519 has"),
                ));
            }
        };
        let key = match (&self.secret, public) {
            (Some(secret), _) => Key::from_bytes(algorithm, id.clone(), secret.expose())?,
            (None, Some(public)) => Key::new(id.clone(), public),
            (None, None) => return Err(lacks("secret")),
        };
        if public.is_some_and(|public| key.public_bytes() != Some(public.to_bytes())) {
            return Err(wrong(
                number,
                &format!("the secret of the key '{id}' does not belong to its public key"),
            ));
        }
        let key = self.purposes.into_iter().fold(key.in_state(state), Key::for_purpose);
        let key = match self.created {
            Some(created) => key.created_at(created),
            None => key,
        };
        ring.add(key).map_err(|error| error.about(format_args!("line {number}")))
    }
}
