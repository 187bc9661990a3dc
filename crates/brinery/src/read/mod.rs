//! Reading: bytes, instructions, and the machine that executes them.

mod building;
pub(crate) mod cursor;
mod decoder;
mod fault;
mod fetches;
mod host;
mod machine;
mod memo;
pub(crate) mod number;
mod outward;
mod reader;
pub(crate) mod rest;

pub use cursor::{Chunk, Cursor, ReadError, ReadResult, Source};
pub use decoder::{Argument, DecodeError, DecodeErrorKind, Decoder, Instruction};
pub use fault::{Fault, FaultClass};
pub use fetches::{Fetches, Sample};
pub use host::{Call, Host, Items, LineEncoding, Made, Shape, Stored};
pub use machine::{HIGHEST_PROTOCOL, Machine};
pub use memo::Memo;
pub use reader::Reader;
