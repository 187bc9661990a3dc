//! The pickle format in safe Rust: read, write and inspect what Python's `pickle` saves, without Python.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Reading {
//!     sensor: String,
//!     values: Vec<f64>,
//! }
//!
//! let reading = Reading { sensor: "north".into(), values: vec![20.5, 21.0] };
//! let pickle = brinery::to_vec(&reading)?;
//! assert_eq!(brinery::from_slice::<Reading>(&pickle)?, reading);
//! # Ok::<(), brinery::Error>(())
//! ```
//!
//! # What is where
//!
//! - [`from_slice`], [`from_reader`], [`to_vec`] and [`to_writer`] go between pickles and Rust types by serde;
//!   [`Options`] and [`WriteOptions`] say how, [`Stream`] reads several pickles in one input. (Feature `serde`, which
//!   is on unless turned off.)
//! - [`Graph`] holds any pickle: shared and cyclic objects, instances of unknown classes, nesting without limit. It
//!   can be looked at ([`Value`]), changed, printed, compared, and written in each of the six protocols.
//! - [`inspect`] looks into streams: disassembly, sizes, the optimizer.
//! - [`read`] and [`mod@write`] are the engine: the machine that executes opcodes for any host, and the emitter.
//! - [`Opcode`] is the table of the 68 opcodes that all of this runs on.
//!
//! Nothing here runs code that a pickle names: a class or a function is a name. A pickle from a stranger can still be
//! large or hold one object very often, so that a Rust type made of it is larger by far than its input.
//!
//! ```
//! use brinery::{Graph, value::Kind};
//!
//! // What os.system('true') looks like before it is run.
//! let graph = Graph::from_slice(b"cos\nsystem\n(S'true'\ntR.")?;
//! let call = graph.root().as_instance().unwrap();
//! assert!(call.class().as_global().unwrap().is("os", "system"));
//! assert_eq!(call.args().item(0).unwrap().as_str(), Some("true"));
//! # Ok::<(), brinery::Error>(())
//! ```
//!
//! # Python objects as Rust types
//!
//! | Python | Rust |
//! |---|---|
//! | `None` | `Option`, `()`, a unit struct |
//! | `bool`, `int`, `float` | the numbers, up to `i128` and `u128`; an `int` is also a `String` of its digits, and a `f64` |
//! | `str` | `String`, `&str` borrowed from the input; text with lone surrogates is bytes in generalized UTF-8 |
//! | `bytes`, `bytearray`, an out-of-band buffer | `&[u8]`, byte buffers, `Vec<u8>`, `[u8; N]` |
//! | a `str` of Python 2 | text or bytes, see [`StringEncoding`] |
//! | `list`, `tuple`, `set`, `frozenset`, `deque` | sequences, tuples (of exactly as many items), structs by order |
//! | `dict`, `OrderedDict`, `defaultdict`, `Counter` | maps, structs by name, sequences of pairs |
//! | a class or a function | a `String` of its full name; a unit variant of its name |
//! | an object with a persistent id | what its id is |
//! | `Decimal`, `Fraction`, `complex` | a `String`, a `Decimal` also a `f64`; a `Fraction` is `"1/3"`, a `complex` is a pair |
//! | `date`, `time`, `datetime`, `timezone` | a `String` in ISO 8601; a zone by name is `"…[Europe/Berlin]"` |
//! | `timedelta` | a `f64` of seconds, `(days, seconds, microseconds)`, [`Duration`](std::time::Duration) |
//! | `UUID`, IP addresses, pure and concrete paths | a `String`; a `UUID` also a `u128` or 16 bytes |
//!
//! An **instance** of any other class is told by its parts, however the stream makes it:
//!
//! - a struct gets its fields from the attributes: the state's dict, or its pair of dicts with slots, keyword arguments,
//!   and the items of a subclass of `dict`. So it is with dataclasses and plain classes.
//! - If none of the fields is an attribute, they come from the arguments in order, as with a `namedtuple`.
//! - A sequence gets the items that were appended or added, then those of the arguments; a map gets the items that were
//!   set, or the attributes.
//! - A state that is neither a dict nor such a pair stands for the instance. So does the only argument where a number or
//!   text is asked for, as with subclasses of `str` and `int`.
//!
//! An **enum** is given by the name of the variant (text, or a number in decimal), by a dict or tuple of the name and what
//! the variant holds, by a member of a Python `Enum` (its value names the variant, or its name if it was pickled by name),
//! or by an instance of a class that is named like a variant.
//!
//! A key that is in a dict more than once counts as often for a map; a struct refuses it. Objects that contain themselves
//! are refused with [`Error::is_cycle`], unless the type passes them by; deep ones beyond
//! [`recursion_limit`](Options::recursion_limit).
//!
//! # Rust values as Python objects
//!
//! | Rust | Python |
//! |---|---|
//! | numbers, `bool`, `char`, text | `int`, `float`, `bool`, `str` |
//! | bytes (`serialize_bytes`) | `bytes` |
//! | `None`, `()`, a unit struct | `None` |
//! | sequences | `list` |
//! | tuples and tuple structs | `tuple` |
//! | maps, structs | `dict`; a struct also a `tuple` or an instance, see [`WriteOptions`] |
//! | a newtype struct | what it holds |
//! | a unit variant | `str` |
//! | other variants | `{"Name": content}`, or a tuple, see [`Variants`] |
//!
//! The bytes are those that CPython writes for the equal object, whose strings are objects of their own, apart from names of
//! fields and variants, which are one object each: batches of 1000, frames and memo included. A sequence whose length is not
//! known beforehand has a mark even for a single item.
#![forbid(unsafe_code)]

#[cfg(doctest)]
mod doctests;
mod error;
pub mod inspect;
mod opcode;
mod options;
mod place;
pub mod policy;
pub mod read;
#[cfg(feature = "serde")]
mod serde;
pub mod value;
pub mod write;

pub use error::{Error, ErrorKind, Result};
pub use opcode::{ArgumentKind, Opcode, OpcodeInfo, StackItem};
pub use options::{Options, StringEncoding};
pub use place::{Path, Place, Segment};
#[cfg(feature = "serde")]
pub use serde::{
    Stream, Typed, Variants, WriteOptions, from_reader, from_slice, from_value, to_vec, to_writer,
};
pub use value::{Graph, Id, Value};
