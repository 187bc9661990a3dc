//! Loading: the host in which the pickle machine builds Python objects.

mod call;
mod class;
mod collector;
mod deferred;
mod functions;
mod global;
mod guarded;
mod hashable;
mod host;
mod instance;
mod memo;
mod native;
mod nature;
mod numpy;
mod options;
mod paths;
mod source;
mod spare;
mod string;
mod unfinished;

#[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
pub(crate) use class::version_of;
pub(crate) use class::{SetState, is_plain_object};
pub(crate) use functions::functions;
pub(crate) use global::find_class;
pub(crate) use guarded::{Guarded, SharedMemo};
pub(crate) use host::{Builder, Hook, Hooks, Visible, has_native_hash, is_atom, is_constant};
pub(crate) use instance::StateAhead;
pub(crate) use native::Take;
pub(crate) use nature::{Function, Inert, Nature, slots_of};
pub(crate) use numpy::{Maker, PACKAGES, Product, Table};
pub(crate) use options::{Buffers, Options};
pub(crate) use source::{File, FileSource, must_be_file};
pub(crate) use spare::{Aids, Spare};
pub(crate) use unfinished::new_type as unfinished_frozenset_type;

use crate::ffi::{Owned, Result};
use brinery::read::{Machine, Source};

/// Runs the machine over one stream.
pub(crate) fn run<'de, S: Source<'de>>(
    machine: &mut Machine<Owned>,
    source: &mut S,
    builder: &mut Builder<'_>,
) -> Result<Owned> {
    let value = machine.run(source, builder)?;
    builder.finish(source)?;
    Ok(value)
}
