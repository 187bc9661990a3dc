//! What can go wrong, and where.

use crate::opcode::Opcode;
#[cfg(feature = "serde")]
use crate::place::Segment;
use crate::place::{Path, Place};
use crate::policy::Rule;
use crate::read::{Fault, ReadError};
#[cfg(feature = "serde")]
use crate::value::Id;
use crate::write::Unwritable;
use std::{fmt, io};

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why reading or writing failed, and where.
///
/// An error is one word wide. What is known of the place depends on what failed: a malformed stream has an offset and
/// an opcode, an object that does not fit its Rust type has a path as well.
///
/// ```
/// let error = brinery::from_slice::<Vec<u8>>(b"\x80\x04](K\x01M\x2c\x01e.").unwrap_err();
/// assert!(error.is_data());
/// assert_eq!(error.path().to_string(), "obj[1]");
/// assert_eq!(error.offset(), Some(6));
/// assert_eq!(
///     error.to_string(),
///     "invalid value: integer `300`, expected u8, at offset 6, in obj[1]",
/// );
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    offset: Option<u64>,
    opcode: Option<Opcode>,
    path: Path,
    /// How many of the innermost steps are left out of the path: they only repeat a cycle.
    #[cfg(feature = "serde")]
    repeated: usize,
    /// The object that failed, as long as its offset is not known.
    #[cfg(feature = "serde")]
    node: Option<Id>,
}

/// The kinds of errors.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The stream is malformed.
    Stream(Fault),
    /// Text or a string literal in the stream cannot be decoded.
    Encoding(String),
    /// The underlying reader or writer failed.
    Io(io::Error),
    /// The input goes on after the end of the pickle.
    TrailingData,
    /// More objects than a [`Graph`](crate::Graph) can hold.
    TooLarge,
    /// The protocol has no spelling for it.
    Unwritable(Unwritable),
    /// The object does not fit the Rust type, or the Rust value cannot be pickled.
    Data(String),
    /// The object contains itself, which a plain Rust type cannot.
    Cycle,
    /// The object is nested deeper than this limit.
    Depth(usize),
    /// The out-of-band buffer of this number was not supplied.
    MissingBuffer(usize),
    /// The stream does what the policy does not grant.
    Refused(Rule, String),
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Stream(fault) => fault.fmt(f),
            ErrorKind::Encoding(message) | ErrorKind::Data(message) => f.write_str(message),
            ErrorKind::Io(error) => error.fmt(f),
            ErrorKind::TrailingData => f.write_str("trailing data after the pickle"),
            ErrorKind::TooLarge => f.write_str("more objects than a graph can hold"),
            ErrorKind::Unwritable(reason) => reason.fmt(f),
            ErrorKind::Cycle => {
                f.write_str("the object contains itself, which the Rust type cannot express (use a Graph)")
            }
            ErrorKind::Depth(limit) => {
                write!(f, "nested deeper than the limit of {limit} (raise it, or use a Graph)")
            }
            ErrorKind::MissingBuffer(index) => write!(f, "out-of-band buffer {index} was not supplied"),
            ErrorKind::Refused(rule, message) => write!(f, "{message} [{rule}]"),
        }
    }
}

impl Error {
    /// An error of this kind, whose place is not known yet.
    #[cold]
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Error(Box::new(Inner {
            kind,
            offset: None,
            opcode: None,
            path: Path::default(),
            #[cfg(feature = "serde")]
            repeated: 0,
            #[cfg(feature = "serde")]
            node: None,
        }))
    }

    /// What is wrong.
    ///
    /// ```
    /// use brinery::{ErrorKind, Graph, read::Fault};
    ///
    /// let error = Graph::from_slice(b"K").unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::Stream(Fault::Truncated)));
    /// ```
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Whether the input ended too early.
    ///
    /// ```
    /// assert!(brinery::from_slice::<u8>(b"").unwrap_err().is_eof());
    /// ```
    pub fn is_eof(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Stream(Fault::OutOfInput | Fault::Truncated))
    }

    /// Whether the stream is malformed; so it is when it ends too early.
    ///
    /// ```
    /// assert!(brinery::from_slice::<u8>(b"\xff").unwrap_err().is_syntax());
    /// ```
    pub fn is_syntax(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Stream(_) | ErrorKind::Encoding(_) | ErrorKind::TrailingData)
    }

    /// Whether the underlying reader or writer failed.
    ///
    /// ```
    /// let error = brinery::Error::from(std::io::Error::other("unplugged"));
    /// assert!(error.is_io());
    /// ```
    pub fn is_io(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Io(_))
    }

    /// Whether the stream is a good pickle, but not of what was asked for.
    ///
    /// ```
    /// assert!(brinery::from_slice::<bool>(b"K\x01.").unwrap_err().is_data());
    /// ```
    pub fn is_data(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Data(_) | ErrorKind::Cycle | ErrorKind::Depth(_) | ErrorKind::MissingBuffer(_)
        )
    }

    /// Whether an object contains itself and the Rust type cannot.
    ///
    /// ```
    /// use serde::Deserialize;
    ///
    /// #[derive(Debug, Deserialize)]
    /// struct Nested(Vec<Nested>);
    ///
    /// let itself = b"]\x94h\0a.";
    /// assert!(brinery::from_slice::<Nested>(itself).unwrap_err().is_cycle());
    /// ```
    pub fn is_cycle(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Cycle)
    }

    /// The rule that the stream breaks, if it was read under a [policy](crate::policy).
    ///
    /// ```
    /// use brinery::policy::{Policy, Rule, examine};
    ///
    /// let verdict = examine(b"\x80\x02\x8c\x01a.", &Policy::data());
    /// assert_eq!(verdict.error().unwrap().rule(), Some(Rule::GrammarOpcode));
    /// ```
    pub fn rule(&self) -> Option<Rule> {
        match self.0.kind {
            ErrorKind::Refused(rule, _) => Some(rule),
            _ => None,
        }
    }

    /// The error for a stream that breaks a rule.
    #[cold]
    pub(crate) fn refused(rule: Rule, message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Refused(rule, message.into()))
    }

    /// The offset from the start of the input of the opcode that failed, or that made the object that does not fit.
    ///
    /// ```
    /// assert_eq!(brinery::Graph::from_slice(b"NN\xff.").unwrap_err().offset(), Some(2));
    /// ```
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// The opcode at [`offset`](Self::offset), where the stream itself is at fault.
    ///
    /// ```
    /// use brinery::{Graph, Opcode};
    ///
    /// assert_eq!(Graph::from_slice(b"N0R.").unwrap_err().opcode(), Some(Opcode::Reduce));
    /// ```
    pub fn opcode(&self) -> Option<Opcode> {
        self.0.opcode
    }

    /// The way from the whole object to the part that failed.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    ///
    /// let pickle = b"\x80\x04}\x8c\x03run](K\x01Nes.";
    /// let error = brinery::from_slice::<BTreeMap<String, Vec<i32>>>(pickle).unwrap_err();
    /// assert_eq!(error.path().to_string(), "obj['run'][1]");
    /// ```
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    pub(crate) fn at(mut self, place: Place) -> Self {
        self.0.offset = Some(place.offset);
        self.0.opcode = place.opcode;
        self.0.path = place.path;
        self
    }

    pub(crate) fn at_offset(mut self, offset: u64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    #[cfg(feature = "serde")]
    /// Counts offsets from the start of a larger input.
    pub(crate) fn offset_by(mut self, base: u64) -> Self {
        self.0.offset = self.0.offset.map(|offset| offset + base);
        self
    }

    /// Remembers the object that failed, unless one inside it did.
    #[cfg(feature = "serde")]
    pub(crate) fn of_node(mut self, id: Id) -> Self {
        // None and its like are everywhere and nowhere: what holds them tells more.
        if !id.is_singleton() {
            self.0.node.get_or_insert(id);
        }
        self
    }

    #[cfg(feature = "serde")]
    pub(crate) fn node(&self) -> Option<Id> {
        self.0.node
    }

    /// Leaves the innermost `count` steps out of the path.
    #[cfg(feature = "serde")]
    pub(crate) fn repeating(mut self, count: usize) -> Self {
        self.0.repeated = count;
        self
    }

    #[cfg(feature = "serde")]
    /// Steps out of an object while unwinding.
    pub(crate) fn inside(mut self, segment: impl FnOnce() -> Segment) -> Self {
        match self.0.repeated {
            0 => self.0.path.enclose(segment()),
            _ => self.0.repeated -= 1,
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, offset, opcode, path, .. } = &*self.0;
        kind.fmt(f)?;
        if let Some(offset) = offset {
            write!(f, ", at offset {offset}")?;
        }
        if let Some(opcode) = opcode {
            write!(f, ", opcode {opcode}")?;
        }
        match kind {
            _ if path.is_root() => Ok(()),
            ErrorKind::Stream(_) | ErrorKind::Encoding(_) | ErrorKind::Refused(..) => {
                write!(f, ", building {path}")
            }
            _ => write!(f, ", in {path}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Stream(fault) => Some(fault),
            ErrorKind::Io(error) => Some(error),
            ErrorKind::Unwritable(reason) => Some(reason),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::new(ErrorKind::Io(error))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Error::new(ErrorKind::Stream(fault))
    }
}

impl From<Unwritable> for Error {
    fn from(reason: Unwritable) -> Self {
        Error::new(ErrorKind::Unwritable(reason))
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Truncated => Fault::Truncated.into(),
            ReadError::Io(error) => error.into(),
            ReadError::Refused(rule) => Error::refused(rule, rule.meaning()),
            ReadError::Raised => io::Error::other("the source failed").into(),
        }
    }
}

/// So that `?` works in functions that do other I/O.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error.0.kind {
            ErrorKind::Io(error) => error,
            ErrorKind::Stream(Fault::OutOfInput | Fault::Truncated) => {
                io::Error::new(io::ErrorKind::UnexpectedEof, error)
            }
            _ => io::Error::new(io::ErrorKind::InvalidData, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn an_error_can_cross_threads() {
        fn is_send<T: Send + Sync + 'static>() {}
        is_send::<Error>();
    }
}
