//! Writing: opcodes and frames, sans I/O.

mod buffer;
mod emitter;
pub(crate) mod number;

pub use buffer::Buffer;
pub use emitter::{BATCH_SIZE, DEFAULT_PROTOCOL, Emitter, FRAME_SIZE_TARGET, Placement, Unwritable};
