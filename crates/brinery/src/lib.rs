//! The pickle format in safe Rust.
#![forbid(unsafe_code)]

pub mod inspect;
mod opcode;
mod place;
pub mod read;
pub mod write;

pub use opcode::{ArgumentKind, Opcode, OpcodeInfo, StackItem};
pub use place::{Path, Place, Segment};
