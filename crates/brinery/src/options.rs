//! How to read.

use crate::error::{Error, ErrorKind, Result};
use crate::read::{Cursor, Reader};
use crate::value::{Graph, load};
use std::{borrow::Cow, io::BufRead};

/// How the strings of Python 2 are read, which may be text or bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StringEncoding {
    /// Text if it is UTF-8, bytes otherwise.
    #[default]
    Utf8OrBytes,
    /// ASCII text; anything else is an error, as in CPython unless told otherwise.
    Ascii,
    /// Text in which each byte is a character.
    Latin1,
    /// Bytes.
    Bytes,
}

/// How to read a pickle, in the style of a builder.
///
/// ```
/// use brinery::{Options, StringEncoding};
///
/// let options = Options::new().strings(StringEncoding::Latin1).recursion_limit(1000);
/// assert_eq!(options.from_slice::<String>(b"U\x01\xe9.").unwrap(), "é");
/// ```
#[derive(Clone, Debug)]
pub struct Options<'a> {
    #[cfg_attr(not(feature = "serde"), allow(dead_code, reason = "for Rust types alone"))]
    pub(crate) strings: StringEncoding,
    #[cfg_attr(not(feature = "serde"), allow(dead_code, reason = "for Rust types alone"))]
    pub(crate) recursion_limit: usize,
    trailing: bool,
    offsets: bool,
    buffers: Vec<Cow<'a, [u8]>>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options {
            strings: StringEncoding::default(),
            recursion_limit: 128,
            trailing: false,
            offsets: false,
            buffers: Vec::new(),
        }
    }
}

impl<'a> Options<'a> {
    /// The options that the functions of the crate use.
    ///
    /// ```
    /// assert!(brinery::Options::new().from_slice::<bool>(b"\x88.").unwrap());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// How the strings of Python 2 become Rust types.
    ///
    /// ```
    /// use brinery::{Options, StringEncoding};
    ///
    /// let ascii = Options::new().strings(StringEncoding::Ascii);
    /// assert!(ascii.from_slice::<String>(b"U\x01\xe9.").is_err());
    /// ```
    #[must_use]
    pub fn strings(mut self, encoding: StringEncoding) -> Self {
        self.strings = encoding;
        self
    }

    /// How deep an object may be nested that becomes a Rust type: 128 levels unless told otherwise.
    ///
    /// Rust types are built by recursion, so depth costs stack. A [`Graph`] has no limit.
    ///
    /// ```
    /// let nested = b"]]]aa.";
    /// assert!(brinery::Options::new().recursion_limit(2).from_slice::<Vec<Vec<Vec<()>>>>(nested).is_err());
    /// assert!(brinery::Options::new().recursion_limit(3).from_slice::<Vec<Vec<Vec<()>>>>(nested).is_ok());
    /// ```
    #[must_use]
    pub fn recursion_limit(mut self, levels: usize) -> Self {
        self.recursion_limit = levels;
        self
    }

    /// Whether a slice may go on after the end of the pickle.
    ///
    /// ```
    /// assert!(brinery::from_slice::<u8>(b"K\x01.and more").unwrap_err().to_string().contains("trailing data"));
    /// assert_eq!(brinery::Options::new().trailing_data(true).from_slice::<u8>(b"K\x01.and more").unwrap(), 1);
    /// ```
    #[must_use]
    pub fn trailing_data(mut self, allowed: bool) -> Self {
        self.trailing = allowed;
        self
    }

    /// Whether a graph remembers where in the stream each object was made ([`Value::offset`](crate::Value::offset)).
    ///
    /// ```
    /// let graph = brinery::Options::new().offsets(true).graph_from_slice(b"\x80\x02K\x01.").unwrap();
    /// assert_eq!(graph.root().offset(), Some(2));
    /// ```
    #[must_use]
    pub fn offsets(mut self, remembered: bool) -> Self {
        self.offsets = remembered;
        self
    }

    /// The contents of the out-of-band buffers, in order.
    ///
    /// ```
    /// let options = brinery::Options::new().buffers([&b"abc"[..]]);
    /// assert_eq!(options.from_slice::<&[u8]>(b"\x80\x05\x97.").unwrap(), b"abc");
    /// ```
    #[must_use]
    pub fn buffers<B: Into<Cow<'a, [u8]>>>(mut self, buffers: impl IntoIterator<Item = B>) -> Self {
        self.buffers = buffers.into_iter().map(Into::into).collect();
        self
    }

    pub(crate) fn prepare(&self) -> Result<Graph<'a>> {
        let mut graph = Graph::new();
        for buffer in &self.buffers {
            graph.supply_buffer(buffer.clone())?;
        }
        if self.offsets {
            graph.track_offsets();
        }
        Ok(graph)
    }

    /// Whether this may come after the pickle.
    pub(crate) fn takes_rest(&self, rest: &[u8]) -> bool {
        rest.is_empty() || self.trailing
    }

    /// Whether a graph is to have offsets.
    #[cfg(feature = "serde")]
    pub(crate) fn wants_offsets(&self) -> bool {
        self.offsets
    }

    /// Reads the one pickle in `input` into a graph.
    ///
    /// ```
    /// assert_eq!(brinery::Options::new().graph_from_slice(b"].").unwrap().to_string(), "[]");
    /// ```
    pub fn graph_from_slice(&self, input: &'a [u8]) -> Result<Graph<'a>> {
        let (graph, rest) = self.graph_from_start(input)?;
        if !self.takes_rest(rest) {
            let end = (input.len() - rest.len()) as u64;
            return Err(Error::new(ErrorKind::TrailingData).at_offset(end));
        }
        Ok(graph)
    }

    /// Reads the pickle at the start of `input` and returns what comes after it.
    ///
    /// ```
    /// let (graph, rest) = brinery::Options::new().graph_from_start(b"].rest").unwrap();
    /// assert_eq!((graph.to_string().as_str(), rest), ("[]", &b"rest"[..]));
    /// ```
    pub fn graph_from_start(&self, input: &'a [u8]) -> Result<(Graph<'a>, &'a [u8])> {
        let mut cursor = Cursor::new(input);
        let graph = load(self.prepare()?, &mut cursor)?;
        Ok((graph, cursor.rest()))
    }

    /// Reads one pickle from a reader into a graph, and not a byte beyond its end.
    ///
    /// ```
    /// use std::io::Read;
    ///
    /// let mut file = &b"].rest"[..];
    /// let graph = brinery::Options::new().graph_from_reader(&mut file).unwrap();
    /// assert_eq!((graph.to_string().as_str(), file), ("[]", &b"rest"[..]));
    /// ```
    pub fn graph_from_reader(&self, reader: impl BufRead) -> Result<Graph<'a>> {
        load(self.prepare()?, &mut Reader::new(reader))
    }
}

impl<'a> Graph<'a> {
    /// Reads the one pickle in `input`.
    ///
    /// ```
    /// use brinery::Graph;
    ///
    /// assert_eq!(Graph::from_slice(b"(K\x01K\x02t.").unwrap().to_string(), "(1, 2)");
    /// assert!(Graph::from_slice(b"N.N.").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// If the input is not a pickle, or has more after it; [`Options`] can allow that, and [`Stream`](crate::Stream)
    /// reads one pickle after the other.
    pub fn from_slice(input: &'a [u8]) -> Result<Self> {
        Options::new().graph_from_slice(input)
    }

    /// Reads one pickle from a reader, and not a byte beyond its end.
    ///
    /// ```
    /// use brinery::Graph;
    ///
    /// let graph = Graph::from_reader(&b"X\x02\0\0\0hi."[..]).unwrap();
    /// assert_eq!(graph.root().as_str(), Some("hi"));
    /// ```
    pub fn from_reader(reader: impl BufRead) -> Result<Self> {
        Options::new().graph_from_reader(reader)
    }
}
