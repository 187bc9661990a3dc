//! Opening.

use crate::envelope::{CHUNK, Header, LAST, context, malformed, read_all, read_up_to};
use crate::error::{Error, Reason, Result};
use crate::key::{Key, KeyId, Purpose};
use crate::lock::{Lock, Position};
use crate::write::FRAME;
use crate::{Algorithm, KeyRing, Timestamp};
use std::fmt;
use std::io::{self, BufRead, Read};
use zeroize::Zeroizing;

/// By how many seconds the clocks of sealer and reader may differ.
const CLOCKS: i64 = 60;

/// The keys that a reader accepts: one, or those of a ring.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'k> {
    keys: &'k [Key],
    signatures: u8,
}

impl<'k> From<&'k Key> for Keys<'k> {
    fn from(key: &'k Key) -> Self {
        Keys { keys: std::slice::from_ref(key), signatures: 1 }
    }
}

impl<'k> From<&'k KeyRing> for Keys<'k> {
    fn from(ring: &'k KeyRing) -> Self {
        Keys { keys: ring.keys(), signatures: ring.required_signatures() }
    }
}

/// What a reader accepts: whose envelopes, and for what.
///
/// ```
/// use brinery_seal::{Algorithm, Key, Purpose, Reason, Sealer, Unsealer};
///
/// let key = Key::generate(Algorithm::HmacSha256, "k1".parse()?)?;
/// let purpose: Purpose = "session".parse()?;
/// let mut sealed = Sealer::new(&key, &purpose).seal(b"content")?;
/// *sealed.last_mut().unwrap() ^= 1;
/// let error = Unsealer::new(&key, &purpose).unseal(&sealed).unwrap_err();
/// assert_eq!(error.reason(), Reason::NotAuthentic);
/// # Ok::<(), brinery_seal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Unsealer<'k> {
    keys: Keys<'k>,
    purpose: Purpose,
    now: Option<Timestamp>,
    policy: Option<[u8; 32]>,
}

impl<'k> Unsealer<'k> {
    /// Opens what was sealed with one of these keys for this purpose.
    pub fn new(keys: impl Into<Keys<'k>>, purpose: &Purpose) -> Self {
        Unsealer { keys: keys.into(), purpose: purpose.clone(), now: None, policy: None }
    }

    /// Takes this for the time, and not the system's clock.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = Some(now);
        self
    }

    /// Wants at least so many signatures, and no fewer than the key ring says.
    #[must_use]
    pub fn required_signatures(mut self, count: u8) -> Self {
        self.keys.signatures = self.keys.signatures.max(count);
        self
    }

    /// Wants what was sealed for the policy with this digest.
    #[must_use]
    pub fn policy(mut self, digest: [u8; 32]) -> Self {
        self.policy = Some(digest);
        self
    }

    /// Opens an envelope. Nothing is returned before all of it is verified, and nothing may follow it.
    pub fn unseal(&self, sealed: &[u8]) -> Result<Vec<u8>> {
        let mut reader = self.reader(sealed)?;
        // The content is no longer than what holds it.
        let mut content = Zeroizing::new(Vec::with_capacity(sealed.len()));
        while let Some(chunk) = reader.next_chunk()? {
            content.extend_from_slice(chunk);
        }
        reader.expect_end()?;
        Ok(std::mem::take(&mut *content))
    }

    /// Opens an envelope from a reader: checks the header at once, and each chunk before it gives it out. It reads to the
    /// end of the envelope and no further.
    pub fn reader<R: Read>(&self, mut from: R) -> Result<SealReader<R>> {
        let header = Header::read(&mut from)?;
        let tag_len = header.algorithm.header_tag_len();
        let mut tags = vec![0; tag_len * header.keys.len()];
        read_all(&mut from, &mut tags, "header")?;
        let core = header.core();
        let now = self.now.unwrap_or_else(Timestamp::now);
        let mut locks = Vec::new();
        let mut signers = Vec::new();
        let mut passed_over = None;
        for (id, tag) in header.keys.iter().zip(tags.chunks_exact(tag_len)) {
            let lock = match self.accepted(&header, id, now)? {
                Ok(key) => {
                    let lock = Lock::open(key.material(), &header, &context(&core, id), tag)?;
                    Some(lock.ok_or_else(|| not_authentic(&header, "the header"))?)
                }
                Err(reason) => {
                    passed_over = passed_over.or(Some(reason));
                    None
                }
            };
            if lock.is_some() {
                signers.push(id.clone());
            }
            locks.push(lock);
        }
        self.check_signatures(&header, signers.len(), passed_over)?;
        self.check_header(&header, now)?;
        Ok(SealReader {
            from,
            header,
            signers,
            locks,
            record: Zeroizing::new(Vec::new()),
            start: 0,
            end: 0,
            index: 0,
            state: Progress::Chunks,
        })
    }

    /// The key that checks an entry of the header; or why an entry that may be passed over has none.
    fn accepted(
        &self,
        header: &Header,
        id: &KeyId,
        now: Timestamp,
    ) -> Result<std::result::Result<&'k Key, Error>> {
        let signed = header.algorithm == Algorithm::Ed25519;
        let pass_over = |error: Error| if signed { Ok(Err(error)) } else { Err(error) };
        let Some(key) = self.keys.keys.iter().find(|key| key.id() == id) else {
            return pass_over(Error::new(
                Reason::UnknownKey,
                format!("sealed with the key '{id}', which is not known here"),
            ));
        };
        if key.algorithm() != header.algorithm {
            let (own, claimed) = (key.algorithm(), header.algorithm);
            return Err(Error::new(
                Reason::AlgorithmMismatch,
                format!("the key '{id}' is for {own}, but the envelope says {claimed}"),
            ));
        }
        if let Err(error) = key.check_opening(now) {
            return pass_over(error);
        }
        if signed && !key.allows(&self.purpose) {
            return pass_over(key_purpose(id, &self.purpose));
        }
        Ok(Ok(key))
    }

    fn check_signatures(&self, header: &Header, have: usize, passed_over: Option<Error>) -> Result<()> {
        let want = usize::from(self.keys.signatures);
        if have >= want.max(1) {
            return Ok(());
        }
        match passed_over {
            Some(error) if have == 0 && header.keys.len() == 1 => Err(error),
            Some(error) if want <= 1 => Err(error),
            _ => Err(Error::new(
                Reason::TooFewSignatures,
                format!("sealed by {have} of {want} keys that are wanted"),
            )),
        }
    }

    /// Checks what the header says, once it is known to be true.
    fn check_header(&self, header: &Header, now: Timestamp) -> Result<()> {
        let (purpose, created) = (&header.purpose, header.created);
        if *purpose != self.purpose {
            return Err(Error::new(
                Reason::WrongPurpose,
                format!("sealed for the purpose '{purpose}', not for '{}'", self.purpose),
            ));
        }
        let keys = self.keys.keys;
        let lacking = |id: &&KeyId| keys.iter().any(|key| key.id() == *id && !key.allows(purpose));
        if let (false, Some(id)) = (header.algorithm == Algorithm::Ed25519, header.keys.iter().find(lacking))
        {
            return Err(key_purpose(id, purpose));
        }
        if created > now.plus(CLOCKS) {
            return Err(Error::new(
                Reason::NotYetValid,
                format!("sealed at {created}, which is in the future"),
            ));
        }
        if let Some(expires) = header.expires.filter(|&expires| expires <= now) {
            return Err(Error::new(Reason::Expired, format!("expired at {expires}")));
        }
        if self.policy.is_some() && header.policy != self.policy {
            let text =
                if header.policy.is_none() { "sealed for no policy" } else { "sealed for another policy" };
            return Err(Error::new(Reason::WrongPolicy, text));
        }
        Ok(())
    }
}

#[cold]
fn key_purpose(id: &KeyId, purpose: &Purpose) -> Error {
    Error::new(
        Reason::KeyPurpose,
        format!("sealed with the key '{id}', which is not for the purpose '{purpose}'"),
    )
}

#[cold]
fn not_authentic(header: &Header, part: &str) -> Error {
    let text = match header.algorithm {
        Algorithm::Password => format!("{part} is not authentic: another password, or altered"),
        _ => format!("{part} is not authentic: altered, or sealed with another key of this name"),
    };
    Error::new(Reason::NotAuthentic, text)
}

/// How far a reader has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Chunks,
    /// The last chunk is read.
    Ended,
    /// A chunk was refused.
    Failed,
}

/// Gives out the content of an envelope, each chunk after it has been verified.
///
/// It needs memory for one chunk. What it has given out is authentic; that the content is whole is known when it ends
/// without an error.
pub struct SealReader<R> {
    from: R,
    header: Header,
    signers: Vec<KeyId>,
    /// One for each key of the header; none where it is passed over.
    locks: Vec<Option<Lock>>,
    /// The content of a chunk, and its tags.
    record: Zeroizing<Vec<u8>>,
    /// The part of the record that has not been given out.
    start: usize,
    end: usize,
    index: u64,
    state: Progress,
}

impl<R: Read> SealReader<R> {
    /// What the envelope says of itself. It is verified.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The keys that were verified.
    pub fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// The content that has been verified and not been read, or of the next chunk; none after the last.
    pub fn next_chunk(&mut self) -> Result<Option<&[u8]>> {
        if !self.fill()? {
            return Ok(None);
        }
        let chunk = self.start..self.end;
        self.start = self.end;
        Ok(Some(&self.record[chunk]))
    }

    /// Makes sure that there is something to give out, unless all has been.
    fn fill(&mut self) -> Result<bool> {
        while self.start == self.end {
            match self.state {
                Progress::Ended => return Ok(false),
                Progress::Failed => {
                    return Err(Error::new(
                        Reason::NotAuthentic,
                        "an earlier part of the envelope was refused",
                    ));
                }
                Progress::Chunks => {
                    self.state = Progress::Failed;
                    self.state = self.advance()?;
                }
            }
        }
        Ok(true)
    }

    /// Reads and verifies a chunk.
    fn advance(&mut self) -> Result<Progress> {
        let mut frame = [0; FRAME];
        read_all(&mut self.from, &mut frame, "content")?;
        let frame = u32::from_le_bytes(frame);
        let (len, last) = ((frame & !LAST) as usize, frame & LAST != 0);
        let fits = if last { len <= CHUNK && (len > 0 || self.index == 0) } else { len == CHUNK };
        if !fits {
            return Err(malformed("a chunk of a wrong length"));
        }
        let tag_len = self.header.algorithm.chunk_tag_len();
        let whole = len + tag_len * self.locks.len();
        if self.record.len() < whole {
            self.record.resize(whole, 0);
        }
        read_all(&mut self.from, &mut self.record[..whole], "content")?;
        let (content, tags) = self.record[..whole].split_at_mut(len);
        let digest = if self.header.algorithm == Algorithm::Ed25519 {
            *blake3::hash(content).as_bytes()
        } else {
            [0; 32]
        };
        let position = Position { index: self.index, last };
        for (lock, tag) in self.locks.iter().zip(tags.chunks_exact(tag_len)) {
            if let Some(lock) = lock
                && !lock.open_chunk(position, content, &digest, tag)
            {
                return Err(not_authentic(&self.header, &format!("chunk {} of the content", self.index)));
            }
        }
        (self.start, self.end) = (0, len);
        self.index += 1;
        Ok(if last { Progress::Ended } else { Progress::Chunks })
    }

    /// Makes sure that all has been read, and that nothing follows the envelope.
    pub fn expect_end(&mut self) -> Result<()> {
        if self.fill()? {
            return Err(Error::new(Reason::TrailingData, "there is more content"));
        }
        if read_up_to(&mut self.from, &mut [0])? > 0 {
            return Err(Error::new(Reason::TrailingData, "bytes follow the envelope"));
        }
        Ok(())
    }

    /// What is read from. After the last chunk it stands behind the envelope.
    pub fn into_inner(self) -> R {
        self.from
    }
}

impl<R: Read> BufRead for SealReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill().map_err(Error::into_io)?;
        Ok(&self.record[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}

impl<R: Read> Read for SealReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R> fmt::Debug for SealReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealReader")
            .field("header", &self.header)
            .field("chunks", &self.index)
            .finish_non_exhaustive()
    }
}
