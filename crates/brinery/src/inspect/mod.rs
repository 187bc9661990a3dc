//! Looking into streams without executing them.
//!
//! Everything here works on the one opcode table and the one decoder. [`dis`], [`Genops`] and [`optimize`] answer as
//! CPython's `pickletools` does, in the text of results and of errors. An [`Outline`] holds the objects that a stream
//! describes as inert nodes, and knows which bytes each takes.

mod argument;
mod depth;
mod diff;
mod dis;
mod genops;
mod memo;
mod optimize;
mod outline;
mod repr;
pub(crate) mod text;

pub use argument::{ArgumentError, ArgumentValue, Limits};
pub use depth::StackDepth;
pub use diff::{Change, Difference, diff};
pub use dis::{DisError, DisMemo, DisOptions, dis};
pub use genops::{Genops, GenopsError, Missing, Operation, missing};
pub use memo::{MemoKey, MemoMap};
pub use optimize::{OptimizeError, optimize};
pub use outline::{Additions, Cause, Edge, Kind, Label, Node, NodeId, Outline, OutlineError};
pub use repr::{is_printable, repr_bytearray, repr_bytes, repr_str};
pub use text::{TextError, code_points};
