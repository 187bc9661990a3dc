//! The pickle format in safe Rust.
#![forbid(unsafe_code)]

mod error;
pub mod inspect;
mod opcode;
mod options;
mod place;
pub mod read;
pub mod value;
pub mod write;

pub use error::{Error, ErrorKind, Result};
pub use opcode::{ArgumentKind, Opcode, OpcodeInfo, StackItem};
pub use options::{Options, StringEncoding};
pub use place::{Path, Place, Segment};
pub use value::{Graph, Id, Value};
