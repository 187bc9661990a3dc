//! Rust types to pickles and back, by serde.

mod access;
mod de;
mod direct;
mod meaning;
mod pieces;
mod ser;
mod stream;
mod variant;

use crate::error::{Error, ErrorKind, Result};
use crate::options::Options;
use crate::value::Value;
use ::serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{fmt, io};

pub use ser::{Variants, WriteOptions};
pub use stream::{Stream, Typed};

impl ::serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error::new(ErrorKind::Data(message.to_string()))
    }
}

impl ::serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error::new(ErrorKind::Data(message.to_string()))
    }
}

/// Reads the one pickle in `input` as a Rust type; text and bytes can be borrowed from it.
///
/// The [rules](crate#python-objects-as-rust-types) are in the crate's documentation.
///
/// ```
/// use serde::Deserialize;
///
/// #[derive(Debug, PartialEq, Deserialize)]
/// struct Person<'a> {
///     name: &'a str,
///     born: u16,
/// }
///
/// // pickle.dumps(Person("Ada", 1815), 4), where Person is a dataclass of the module "people"
/// let pickle = b"\x80\x04\x95\x30\0\0\0\0\0\0\0\x8c\x06people\x94\x8c\x06Person\x94\x93\x94)\x81\x94}\x94(\
///     \x8c\x04name\x94\x8c\x03Ada\x94\x8c\x04born\x94M\x17\x07ub.";
/// let person: Person = brinery::from_slice(pickle).unwrap();
/// assert_eq!(person, Person { name: "Ada", born: 1815 });
/// ```
///
/// # Errors
///
/// If the input is not a pickle, if it goes on after the pickle, or if the object does not fit the type.
pub fn from_slice<'de, T: Deserialize<'de>>(input: &'de [u8]) -> Result<T> {
    Options::new().from_slice(input)
}

/// Reads one pickle from a reader as a Rust type, and not a byte beyond its end.
///
/// ```
/// let mut file = &b"(K\x01K\x02t.(K\x03K\x04t."[..];
/// assert_eq!(brinery::from_reader::<(u8, u8)>(&mut file).unwrap(), (1, 2));
/// assert_eq!(brinery::from_reader::<(u8, u8)>(&mut file).unwrap(), (3, 4));
/// ```
///
/// # Errors
///
/// If the reader fails, if it has no pickle, or if the object does not fit the type.
pub fn from_reader<T: DeserializeOwned>(reader: impl io::BufRead) -> Result<T> {
    Options::new().from_reader(reader)
}

/// Makes a Rust type of an object of a graph.
///
/// ```
/// use brinery::Graph;
///
/// let graph = Graph::from_slice(b"}X\x05\0\0\0itemsK\x05s.").unwrap();
/// let items: u8 = brinery::from_value(graph.root().get("items").unwrap()).unwrap();
/// assert_eq!(items, 5);
/// ```
///
/// # Errors
///
/// If the object does not fit the type.
pub fn from_value<'de, T: Deserialize<'de>>(value: Value<'_, 'de>) -> Result<T> {
    Options::new().from_value(value)
}

/// Writes a Rust value as a pickle, in protocol 4.
///
/// The [rules](crate#rust-values-as-python-objects) are in the crate's documentation.
///
/// ```
/// use std::collections::BTreeMap;
///
/// let counts = BTreeMap::from([("a", 1), ("b", 2)]);
/// let pickle = brinery::to_vec(&counts).unwrap();
/// assert_eq!(pickle, b"\x80\x04\x95\x11\0\0\0\0\0\0\0}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94K\x02u.");
/// ```
///
/// # Errors
///
/// If the value refuses to be serialized.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    WriteOptions::new().to_vec(value)
}

/// Writes a Rust value as a pickle in protocol 4, frame by frame.
///
/// ```
/// let mut file = Vec::new();
/// brinery::to_writer(&mut file, &vec![1, 2]).unwrap();
/// assert_eq!(file, brinery::to_vec(&vec![1, 2]).unwrap());
/// ```
///
/// # Errors
///
/// If the writer fails, or if the value refuses to be serialized.
pub fn to_writer<T: Serialize + ?Sized>(writer: impl io::Write, value: &T) -> Result<()> {
    WriteOptions::new().to_writer(writer, value)
}

impl<'a> Options<'a> {
    /// Reads the one pickle in `input` as a Rust type.
    ///
    /// ```
    /// assert_eq!(brinery::Options::new().from_slice::<Option<u8>>(b"N.").unwrap(), None);
    /// ```
    ///
    /// # Errors
    ///
    /// As those of [`from_slice`].
    pub fn from_slice<T: Deserialize<'a>>(&self, input: &'a [u8]) -> Result<T> {
        if let Some((value, rest)) = direct::read(self, input)
            && self.takes_rest(rest)
        {
            return Ok(value);
        }
        if let Some(result) = pieces::read(self, input) {
            return result;
        }
        let graph = self.graph_from_slice(input)?;
        self.from_value(graph.root()).map_err(|error| self.locate(error, input))
    }

    /// Reads one pickle from a reader as a Rust type, and not a byte beyond its end.
    ///
    /// ```
    /// assert_eq!(brinery::Options::new().from_reader::<u8>(&b"K\x05."[..]).unwrap(), 5);
    /// ```
    ///
    /// # Errors
    ///
    /// As those of [`from_reader`].
    pub fn from_reader<T: DeserializeOwned>(&self, reader: impl io::BufRead) -> Result<T> {
        // The input cannot be read again to find out where an object that does not fit came from.
        let graph = self.clone().offsets(true).graph_from_reader(reader)?;
        self.from_value(graph.root())
    }

    /// Makes a Rust type of an object of a graph.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"U\x01\xe9.").unwrap();
    /// let latin1 = brinery::Options::new().strings(brinery::StringEncoding::Latin1);
    /// assert_eq!(latin1.from_value::<String>(graph.root()).unwrap(), "é");
    /// ```
    ///
    /// # Errors
    ///
    /// If the object does not fit the type.
    pub fn from_value<'de, T: Deserialize<'de>>(&self, value: Value<'_, 'de>) -> Result<T> {
        let outermost = de::Level::outermost(value.id(), self.strings, self.recursion_limit);
        let result = T::deserialize(de::Deserializer::instead(&outermost, value));
        result.map_err(|error| {
            let error = error.of_node(value.id());
            match error.node().and_then(|node| value.graph().value(node).offset()) {
                Some(offset) => error.at_offset(offset),
                None => error,
            }
        })
    }

    /// Finds out where in the input the object was made that an error is about.
    ///
    /// Good input pays nothing for that: only now is it read again, with offsets. Ids are the same each time.
    #[cold]
    pub(crate) fn locate(&self, error: Error, input: &'a [u8]) -> Error {
        let Some(node) = error.node() else { return error };
        let graph = self.clone().offsets(true).trailing_data(true).graph_from_slice(input);
        match graph.ok().and_then(|graph| graph.value(node).offset()) {
            Some(offset) => error.at_offset(offset),
            None => error,
        }
    }
}
