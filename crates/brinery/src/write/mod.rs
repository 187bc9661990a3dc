//! Writing: opcodes and frames, sans I/O.

mod buffer;
mod emitter;
mod output;
pub(crate) mod number;

pub use buffer::Buffer;
pub(crate) use output::Output;

pub use emitter::{BATCH_SIZE, DEFAULT_PROTOCOL, Emitter, FRAME_SIZE_TARGET, Placement, Unwritable};
