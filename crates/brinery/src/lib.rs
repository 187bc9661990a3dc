//! The pickle format in safe Rust.
#![forbid(unsafe_code)]

#[cfg(doctest)]
mod doctests;
mod error;
pub mod inspect;
mod opcode;
mod options;
mod place;
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
