//! Sealing.

use crate::envelope::{CHUNK, Header, LAST, context};
use crate::error::{Error, Reason, Result};
use crate::key::{Key, Material, Purpose};
use crate::lock::{Lock, Position};
use crate::{Algorithm, KeyRing, Timestamp};
use std::fmt;
use std::io::{self, Write};
use zeroize::Zeroizing;

/// How something is sealed: with which keys, for what, until when.
///
/// ```
/// use brinery_seal::{Algorithm, Key, Purpose, Sealer, Timestamp, Unsealer};
///
/// let key = Key::generate(Algorithm::XChaCha20Poly1305, "backup-2026".parse()?)?;
/// let purpose: Purpose = "backup".parse()?;
/// let now = Timestamp::now();
/// let sealed = Sealer::new(&key, &purpose).at(now).expires(now.plus(3600)).seal(b"content")?;
/// assert_eq!(Unsealer::new(&key, &purpose).at(now).unseal(&sealed)?, b"content");
/// # Ok::<(), brinery_seal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sealer<'k> {
    keys: Vec<&'k Key>,
    purpose: Purpose,
    now: Option<Timestamp>,
    expires: Option<Timestamp>,
    policy: Option<[u8; 32]>,
    /// Fixed in the tests of the published vectors only.
    pub(crate) salt: Option<[u8; 32]>,
}

impl<'k> Sealer<'k> {
    /// Seals with this key.
    pub fn new(key: &'k Key, purpose: &Purpose) -> Self {
        Sealer {
            keys: vec![key],
            purpose: purpose.clone(),
            now: None,
            expires: None,
            policy: None,
            salt: None,
        }
    }

    /// Seals with the key of a ring that is active and for this purpose; of several, with the last.
    pub fn from_ring(ring: &'k KeyRing, purpose: &Purpose) -> Result<Self> {
        Ok(Self::new(ring.sealing_key(purpose)?, purpose))
    }

    /// Has another key sign as well. All keys must be for Ed25519.
    #[must_use]
    pub fn and_by(mut self, key: &'k Key) -> Self {
        self.keys.push(key);
        self
    }

    /// Takes this for the time, and not the system's clock.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = Some(now);
        self
    }

    /// Sets when readers begin to refuse it.
    #[must_use]
    pub fn expires(mut self, time: Timestamp) -> Self {
        self.expires = Some(time);
        self
    }

    /// Names the policy under which the content is to be loaded, by its digest.
    #[must_use]
    pub fn policy(mut self, digest: [u8; 32]) -> Self {
        self.policy = Some(digest);
        self
    }

    /// Seals bytes.
    pub fn seal(&self, content: &[u8]) -> Result<Vec<u8>> {
        let chunks = content.len() / CHUNK + 1;
        let mut writer = self.writer(Vec::with_capacity(content.len() + chunks * 68 + 512))?;
        writer.add(content)?;
        writer.finish()
    }

    /// A writer that seals what it is given, chunk by chunk. The header is written at once.
    pub fn writer<W: Write>(&self, mut out: W) -> Result<SealWriter<W>> {
        let header = self.header()?;
        let core = header.core();
        let mut locks = Vec::new();
        let mut start = [&core[..], &header.key_table()].concat();
        for key in &self.keys {
            let (lock, tag) = Lock::seal(key.material(), &header, &context(&core, key.id()))?;
            start.extend_from_slice(&tag);
            locks.push(lock);
        }
        out.write_all(&start).map_err(writing)?;
        let mut record =
            Zeroizing::new(Vec::with_capacity(RECORD + locks.len() * header.algorithm.chunk_tag_len()));
        record.extend_from_slice(&[0; FRAME]);
        Ok(SealWriter { out, locks, record, index: 0, failed: false })
    }

    fn header(&self) -> Result<Header> {
        let wrong = |text: String| Err(Error::new(Reason::BadArgument, text));
        let Some(first) = self.keys.first() else {
            return Err(Error::new(Reason::NoSealingKey, "there is no key to seal with"));
        };
        let algorithm = first.algorithm();
        for (position, key) in self.keys.iter().enumerate() {
            key.check_sealing(&self.purpose)?;
            if self.keys[..position]
                .iter()
                .any(|other| other.id() == key.id() || other.material().is_same(key.material()))
            {
                return wrong(format!("the key '{}' cannot sign twice", key.id()));
            }
        }
        if self.keys.len() > 1 && self.keys.iter().any(|key| key.algorithm() != Algorithm::Ed25519) {
            return wrong("only Ed25519 keys can seal together".into());
        }
        if self.keys.len() > algorithm.max_keys() {
            return wrong(format!("more than {} signatures", algorithm.max_keys()));
        }
        let created = self.now.unwrap_or_else(Timestamp::now);
        if let Some(expires) = self.expires.filter(|&expires| expires <= created) {
            return wrong(format!("it would expire at {expires}, before it is sealed"));
        }
        let salt = match self.salt {
            Some(salt) => salt,
            None => {
                let mut salt = [0; 32];
                crate::random(&mut salt)?;
                salt
            }
        };
        Ok(Header {
            algorithm,
            purpose: self.purpose.clone(),
            salt,
            created,
            expires: self.expires,
            policy: self.policy,
            cost: match first.material() {
                Material::Password(password) => Some(password.cost()),
                _ => None,
            },
            keys: self.keys.iter().map(|key| key.id().clone()).collect(),
        })
    }
}

/// The length of a chunk's own length.
pub(crate) const FRAME: usize = 4;
const RECORD: usize = FRAME + CHUNK;

fn writing(error: io::Error) -> Error {
    Error::io("writing the envelope", error)
}

/// Seals what is written to it. [`finish`](Self::finish) must be called at the end: an envelope without its last chunk
/// is refused.
///
/// It needs memory for one chunk, however much is written.
///
/// ```
/// use brinery_seal::{Algorithm, Key, Purpose, Sealer, Unsealer};
/// use std::io::{Read, Write};
///
/// let key = Key::generate(Algorithm::Blake3, "k1".parse()?)?;
/// let purpose: Purpose = "log".parse()?;
/// let mut writer = Sealer::new(&key, &purpose).writer(Vec::new())?;
/// for line in 0..10_000 {
///     writeln!(writer, "line {line}")?;
/// }
/// let sealed = writer.finish()?;
///
/// let mut text = String::new();
/// Unsealer::new(&key, &purpose).reader(&sealed[..])?.read_to_string(&mut text)?;
/// assert_eq!(text.lines().count(), 10_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SealWriter<W: Write> {
    out: W,
    locks: Vec<Lock>,
    /// The chunk that is being filled: room for its length, then its content.
    record: Zeroizing<Vec<u8>>,
    index: u64,
    failed: bool,
}

impl<W: Write> SealWriter<W> {
    /// Adds content.
    fn add(&mut self, mut content: &[u8]) -> Result<()> {
        if self.failed {
            return Err(Error::new(Reason::Io, "an earlier part of the envelope could not be written"));
        }
        while !content.is_empty() {
            if self.record.len() == RECORD {
                // A full chunk goes out when it is known not to be the last.
                self.emit(false)?;
            }
            let fits = content.len().min(RECORD - self.record.len());
            self.record.extend_from_slice(&content[..fits]);
            content = &content[fits..];
        }
        Ok(())
    }

    fn emit(&mut self, last: bool) -> Result<()> {
        self.failed = true;
        let position = Position { index: self.index, last };
        let len = (self.record.len() - FRAME) as u32;
        self.record[..FRAME].copy_from_slice(&(len | if last { LAST } else { 0 }).to_le_bytes());
        let content = &mut self.record[FRAME..];
        let digest = digest_for(&self.locks, content);
        let mut tags = Vec::with_capacity(self.locks.len() * 64);
        for lock in &self.locks {
            lock.seal_chunk(position, content, &digest, &mut tags)?;
        }
        self.record.extend_from_slice(&tags);
        self.out.write_all(&self.record).map_err(writing)?;
        self.record.truncate(FRAME);
        self.index += 1;
        self.failed = false;
        Ok(())
    }

    /// Writes the last chunk and gives back what was written to, flushed.
    pub fn finish(mut self) -> Result<W> {
        self.add(&[])?;
        self.emit(true)?;
        self.out.flush().map_err(writing)?;
        Ok(self.out)
    }

    /// What is written to.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    /// What is written to, such as a buffer that is to be emptied.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }
}

/// The digest of a content, if a key wants it.
fn digest_for(locks: &[Lock], content: &[u8]) -> [u8; 32] {
    if locks.iter().any(Lock::wants_digest) { *blake3::hash(content).as_bytes() } else { [0; 32] }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        self.add(content).map_err(Error::into_io)?;
        Ok(content.len())
    }

    /// Flushes what is written to. A chunk that is not full stays here until [`finish`](Self::finish).
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> fmt::Debug for SealWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealWriter").field("chunks", &self.index).finish_non_exhaustive()
    }
}
