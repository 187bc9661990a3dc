//! The header of an envelope, byte by byte. The page `docs/concepts/seal.md` has the tables.

use crate::error::{Error, Reason, Result};
use crate::key::{Cost, KeyId, Purpose};
use crate::{Algorithm, Timestamp};
use std::io::{self, Read};

/// What an envelope starts with.
pub(crate) const MAGIC: [u8; 8] = *b"\xf5BSEAL\r\n";
const VERSION: u8 = 1;
const EXPIRES: u8 = 1;
const POLICY: u8 = 2;
/// The core without the purpose.
const FIXED: usize = 104;

/// How much content a chunk has.
pub(crate) const CHUNK: usize = 1 << 16;
/// The mark of the last chunk, in its length.
pub(crate) const LAST: u32 = 1 << 31;

/// What an envelope says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub(crate) algorithm: Algorithm,
    pub(crate) purpose: Purpose,
    pub(crate) salt: [u8; 32],
    pub(crate) created: Timestamp,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) policy: Option<[u8; 32]>,
    pub(crate) cost: Option<Cost>,
    pub(crate) keys: Vec<KeyId>,
}

impl Header {
    /// How it is authenticated.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What it was sealed for.
    pub fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// When it was sealed.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// From when on it is refused.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// The digest of the policy under which the content is to be loaded.
    pub fn policy(&self) -> Option<&[u8; 32]> {
        self.policy.as_ref()
    }

    /// The keys that sealed it. With Ed25519 there may be some among them that the reader does not know.
    pub fn keys(&self) -> &[KeyId] {
        &self.keys
    }

    /// The bytes that every key authenticates.
    pub(crate) fn core(&self) -> Vec<u8> {
        let purpose = self.purpose.as_str().as_bytes();
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags = flag(self.expires.is_some(), EXPIRES) | flag(self.policy.is_some(), POLICY);
        let mut core = Vec::with_capacity(FIXED + purpose.len());
        core.extend_from_slice(&MAGIC);
        core.extend_from_slice(&[VERSION, self.algorithm.byte(), flags, purpose.len() as u8]);
        core.extend_from_slice(&self.salt);
        core.extend_from_slice(&self.created.unix().to_le_bytes());
        core.extend_from_slice(&self.expires.map_or(0, Timestamp::unix).to_le_bytes());
        core.extend_from_slice(&self.policy.unwrap_or_default());
        let cost = self.cost.map_or([0; 3], |cost| [cost.memory_kib(), cost.passes(), cost.lanes()]);
        for number in cost {
            core.extend_from_slice(&number.to_le_bytes());
        }
        core.extend_from_slice(purpose);
        core
    }

    /// The list of the keys.
    pub(crate) fn key_table(&self) -> Vec<u8> {
        let mut table = vec![self.keys.len() as u8];
        for id in &self.keys {
            table.extend_from_slice(&entry(id));
        }
        table
    }

    /// Reads a header up to its tags. Nothing in it is authenticated yet.
    pub(crate) fn read(from: &mut impl Read) -> Result<Self> {
        let mut fixed = [0; FIXED];
        let got = read_up_to(from, &mut fixed)?;
        let start = got.min(MAGIC.len());
        if fixed[..start] != MAGIC[..start] {
            return Err(Error::new(Reason::NotSealed, "not sealed: it does not start as an envelope does"));
        }
        if got > 8 && fixed[8] != VERSION {
            let version = fixed[8];
            return Err(Error::new(
                Reason::UnsupportedVersion,
                format!("an envelope of version {version}, which this program does not know"),
            ));
        }
        if got < FIXED {
            return Err(truncated("header"));
        }
        let word = |at: usize| i64::from_le_bytes(fixed[at..at + 8].try_into().unwrap_or_default());
        let half = |at: usize| u32::from_le_bytes(fixed[at..at + 4].try_into().unwrap_or_default());
        let bytes = |at: usize| -> [u8; 32] { fixed[at..at + 32].try_into().unwrap_or_default() };

        let algorithm = Algorithm::from_byte(fixed[9]).ok_or_else(|| malformed("an unknown algorithm"))?;
        let flags = fixed[10];
        if flags & !(EXPIRES | POLICY) != 0 {
            return Err(malformed("unknown flags"));
        }
        let optional = |flag: u8, is_zero: bool| match (flags & flag != 0, is_zero) {
            (false, false) => Err(malformed("a field that its flags deny")),
            (set, _) => Ok(set),
        };
        let expires = optional(EXPIRES, word(52) == 0)?.then(|| Timestamp::from_unix(word(52)));
        let policy = optional(POLICY, bytes(60) == [0; 32])?.then(|| bytes(60));
        let cost = match (algorithm, half(92), half(96), half(100)) {
            (Algorithm::Password, memory, passes, lanes) => Some(
                Cost::checked(memory, passes, lanes)
                    .ok_or_else(|| malformed("a cost that is not allowed"))?,
            ),
            (_, 0, 0, 0) => None,
            _ => return Err(malformed("a cost that is not allowed")),
        };
        let mut text = [0; 255];
        let text = &mut text[..usize::from(fixed[11])];
        read_all(from, text, "header")?;
        let purpose = Purpose::from_bytes(text).ok_or_else(|| malformed("a purpose that is no text"))?;
        Ok(Header {
            algorithm,
            purpose,
            salt: bytes(12),
            created: Timestamp::from_unix(word(44)),
            expires,
            policy,
            cost,
            keys: read_keys(from, algorithm)?,
        })
    }
}

fn read_keys(from: &mut impl Read, algorithm: Algorithm) -> Result<Vec<KeyId>> {
    let mut count = [0];
    read_all(from, &mut count, "header")?;
    let count = usize::from(count[0]);
    if count == 0 || count > algorithm.max_keys() {
        return Err(malformed("a wrong number of keys"));
    }
    let mut keys = Vec::new();
    for _ in 0..count {
        let mut len = [0];
        read_all(from, &mut len, "header")?;
        let mut id = [0; 255];
        let id = &mut id[..usize::from(len[0])];
        read_all(from, id, "header")?;
        let id = KeyId::from_bytes(id).ok_or_else(|| malformed("the id of a key that is not allowed"))?;
        if keys.contains(&id) {
            return Err(malformed("the same key twice"));
        }
        keys.push(id);
    }
    Ok(keys)
}

/// A key's entry in the list of keys.
fn entry(id: &KeyId) -> Vec<u8> {
    let id = id.as_str().as_bytes();
    let mut entry = vec![id.len() as u8];
    entry.extend_from_slice(id);
    entry
}

/// What a key authenticates: the core and its own entry.
pub(crate) fn context(core: &[u8], id: &KeyId) -> Vec<u8> {
    [core, &entry(id)].concat()
}

#[cold]
pub(crate) fn malformed(what: &str) -> Error {
    Error::new(Reason::Malformed, format!("a damaged envelope: {what}"))
}

#[cold]
pub(crate) fn truncated(part: &str) -> Error {
    Error::new(Reason::Truncated, format!("cut off in the {part}"))
}

/// Reads as much as there is, up to the length of the buffer.
pub(crate) fn read_up_to(from: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("reading the envelope", error)),
        }
    }
    Ok(filled)
}

pub(crate) fn read_all(from: &mut impl Read, buffer: &mut [u8], part: &str) -> Result<()> {
    if read_up_to(from, buffer)? < buffer.len() {
        return Err(truncated(part));
    }
    Ok(())
}
