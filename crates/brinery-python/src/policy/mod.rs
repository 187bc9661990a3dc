//! Loading under a policy: judged first, without an object made, then made.

mod attributes;
mod deeds;
mod direct;
mod fence;
mod forms;
mod functions;
mod given;
mod host;
mod keys;
mod load;
mod nesting;
mod refusal;
mod rules;
mod time;
mod typed;
mod world;

pub(crate) use functions::functions;
pub(crate) use given::{Home, load, load_next, loads, prepare};

use crate::ffi::{Owned, Result};
use crate::state::import;

/// The module `brinery.policy`.
fn import_policy() -> Result<Owned> {
    import("brinery.policy")
}
