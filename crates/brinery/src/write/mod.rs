//! Writing: opcodes and frames, sans I/O.

mod buffer;
mod emitter;
mod names;
pub(crate) mod number;
mod output;
pub mod spell;

pub use buffer::Buffer;
#[cfg(feature = "serde")]
pub(crate) use names::{Name, Names};
pub(crate) use output::Output;

pub use emitter::{BATCH_SIZE, DEFAULT_PROTOCOL, Emitter, FRAME_SIZE_TARGET, Placement, Unwritable};
