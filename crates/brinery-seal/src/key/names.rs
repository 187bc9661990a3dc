//! What keys are called, and what they are for.

use crate::error::{Error, Reason};
use std::fmt;
use std::str::FromStr;

/// The name of a key, by which an envelope says who sealed it: up to 64 ASCII letters, digits, `.`, `_`, `@` and `-`.
///
/// ```
/// use brinery_seal::KeyId;
///
/// let id: KeyId = "build-server@2026".parse()?;
/// assert!("two words".parse::<KeyId>().is_err());
/// # Ok::<(), brinery_seal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Box<str>);

impl KeyId {
    const MAX: usize = 64;

    /// A random name.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; 8];
        crate::random(&mut bytes)?;
        Ok(KeyId(crate::hex::encode(&bytes).into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that stands in an envelope.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._@-".contains(byte);
        let fits = (1..=Self::MAX).contains(&bytes.len()) && bytes.iter().all(allowed);
        fits.then(|| std::str::from_utf8(bytes).ok().map(|text| KeyId(text.into())))?
    }
}

impl FromStr for KeyId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::from_bytes(text.as_bytes()).ok_or_else(|| {
            let text = text.chars().take(80).collect::<String>();
            let text = text.escape_debug();
            Error::new(
                Reason::BadArgument,
                format!("'{text}' cannot be the id of a key: 1 to 64 letters, digits, '.', '_', '@' and '-'"),
            )
        })
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What something is sealed for: 1 to 255 bytes of text. What was sealed for one purpose opens for no other.
///
/// ```
/// use brinery_seal::Purpose;
///
/// let purpose: Purpose = "checkpoint".parse()?;
/// assert!("".parse::<Purpose>().is_err());
/// # Ok::<(), brinery_seal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purpose(Box<str>);

impl Purpose {
    /// The purpose as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        ((1..=255).contains(&text.len()) && !text.chars().any(char::is_control)).then(|| Purpose(text.into()))
    }
}

impl FromStr for Purpose {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::from_bytes(text.as_bytes()).ok_or_else(|| {
            Error::new(Reason::BadArgument, "a purpose has 1 to 255 bytes of text without control characters")
        })
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
