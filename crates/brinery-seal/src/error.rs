//! Why something could not be sealed or opened.

use std::{fmt, io};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $slug:literal,)*) => {
        /// The kind of a failure.
        ///
        /// ```
        /// use brinery_seal::Reason;
        ///
        /// assert_eq!(Reason::WrongPurpose.slug(), "wrong-purpose");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $( $(#[$doc])* $name, )*
        }

        impl Reason {
            /// All of them.
            pub const ALL: &[Reason] = &[$( Reason::$name, )*];

            /// A name for programs, which stays as it is.
            pub fn slug(self) -> &'static str {
                match self {
                    $( Reason::$name => $slug, )*
                }
            }
        }
    };
}

reasons! {
    /// The data do not start as an envelope does.
    NotSealed "not-sealed",
    /// The envelope is of a version that this program does not know.
    UnsupportedVersion "unsupported-version",
    /// The bytes break the rules of the format.
    Malformed "malformed",
    /// The data end before the envelope does.
    Truncated "truncated",
    /// Bytes follow where nothing should.
    TrailingData "trailing-data",
    /// It was sealed with a key that the reader does not have.
    UnknownKey "unknown-key",
    /// The key of this name is for another algorithm.
    AlgorithmMismatch "algorithm-mismatch",
    /// The key was revoked.
    RevokedKey "revoked-key",
    /// The key is no longer accepted.
    RetiredKey "retired-key",
    /// The key is not for this purpose.
    KeyPurpose "key-purpose",
    /// A tag or signature is wrong: the data were altered, or sealed with another key of the same name.
    NotAuthentic "not-authentic",
    /// Fewer signers than the reader wants.
    TooFewSignatures "too-few-signatures",
    /// It was sealed for something else.
    WrongPurpose "wrong-purpose",
    /// It is from the future.
    NotYetValid "not-yet-valid",
    /// Its time is over.
    Expired "expired",
    /// It was sealed for another policy, or for none.
    WrongPolicy "wrong-policy",
    /// There is no key to seal with.
    NoSealingKey "no-sealing-key",
    /// An argument is not allowed.
    BadArgument "bad-argument",
    /// A key ring cannot be understood.
    BadKeyRing "bad-key-ring",
    /// A file with secret keys is open to others than its owner.
    ExposedKeys "exposed-keys",
    /// Reading, writing or the system's random numbers failed.
    Io "io",
}

impl Reason {
    /// Whether an envelope was refused, rather than a key, an argument or a file being at fault.
    pub fn is_refusal(self) -> bool {
        !matches!(
            self,
            Reason::NoSealingKey
                | Reason::BadArgument
                | Reason::BadKeyRing
                | Reason::ExposedKeys
                | Reason::Io
        )
    }
}

/// What sealing, opening and the key ring return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something could not be sealed or opened. It never holds secrets.
///
/// ```
/// use brinery_seal::{Algorithm, Key, Purpose, Reason, Sealer, Unsealer};
///
/// let key = Key::generate(Algorithm::Blake3, "k1".parse()?)?;
/// let sealed = Sealer::new(&key, &"cache".parse()?).seal(b"content")?;
/// let error = Unsealer::new(&key, &"model".parse()?).unseal(&sealed).unwrap_err();
/// assert_eq!(error.reason(), Reason::WrongPurpose);
/// assert_eq!(error.to_string(), "sealed for the purpose 'cache', not for 'model'");
/// # Ok::<(), brinery_seal::Error>(())
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    reason: Reason,
    text: String,
    hint: Option<String>,
    source: Option<io::Error>,
}

impl Error {
    #[cold]
    pub(crate) fn new(reason: Reason, text: impl Into<String>) -> Self {
        Error(Box::new(Inner { reason, text: text.into(), hint: None, source: None }))
    }

    #[cold]
    pub(crate) fn io(what: impl fmt::Display, source: io::Error) -> Self {
        // What failed inside a reader of ours or a writer around it keeps its reason.
        match source.downcast::<Error>() {
            Ok(error) => error,
            Err(source) => {
                let text = format!("{what}: {}", plain(&source));
                Error(Box::new(Inner { reason: Reason::Io, text, hint: None, source: Some(source) }))
            }
        }
    }

    pub(crate) fn hinting(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same failure, with the name of the file that it is about.
    pub(crate) fn about(mut self, name: impl fmt::Display) -> Self {
        self.0.text = format!("{name}: {}", self.0.text);
        self
    }

    /// The kind of the failure.
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// What could be done about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The failure of the system behind it.
    pub fn io_error(&self) -> Option<&io::Error> {
        self.0.source.as_ref()
    }

    /// The failure as that of a reader or writer. `io::Error::downcast` gives it back.
    pub(crate) fn into_io(self) -> io::Error {
        let kind = match (&self.0.source, self.0.reason) {
            (Some(source), _) => source.kind(),
            (None, Reason::Truncated) => io::ErrorKind::UnexpectedEof,
            (None, _) => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, self)
    }
}

/// The text of an I/O error without the number that the system gives it.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::IsADirectory => "is a directory".into(),
        io::ErrorKind::AlreadyExists => "the file exists".into(),
        _ => error.to_string().split(" (os error").next().unwrap_or_default().to_owned(),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {})", self.0.reason, self.0.text)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_and_slugs_differ() {
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
        let slugs: std::collections::HashSet<_> = Reason::ALL.iter().map(|reason| reason.slug()).collect();
        assert_eq!(slugs.len(), Reason::ALL.len());
    }

    #[test]
    fn a_failure_keeps_its_reason_through_io() {
        let error = Error::new(Reason::Expired, "too late").into_io();
        assert_eq!(Error::io("reading", error).reason(), Reason::Expired);
        let error = Error::io("reading", io::ErrorKind::NotFound.into());
        assert_eq!((error.reason(), error.to_string().as_str()), (Reason::Io, "reading: no such file"));
    }
}
