//! Loading under a policy: judged first, without an object made, then made.

mod direct;
mod functions;
mod host;
mod keys;
mod nesting;
mod time;
mod typed;

pub(crate) use functions::functions;

use crate::ffi::{Owned, Ref, Result};
use crate::state::{State, import};

/// Loads under a policy and by type, with the options that were given.
pub(crate) fn loads(
    state: &State,
    data: Ref<'_>,
    rules: [Option<Ref<'_>>; 2],
    options: [Option<Ref<'_>>; 4],
) -> Result<Owned> {
    if let [Some(policy), kind] = rules
        && kind.is_none_or(Ref::is_none)
        && options.iter().all(Option::is_none)
        && let Some(value) = functions::load_simply(state, data, policy)?
    {
        return Ok(value);
    }
    load("_loads", data, rules, options)
}

/// Calls a function of `brinery.policy` with what `load` or `loads` was told.
#[cold]
pub(crate) fn load(
    function: &str,
    input: Ref<'_>,
    rules: [Option<Ref<'_>>; 2],
    options: [Option<Ref<'_>>; 4],
) -> Result<Owned> {
    let none = Owned::none();
    let given = |argument: Option<Ref<'_>>| argument.map_or_else(|| none.clone(), Ref::to_owned);
    let arguments: Vec<Owned> =
        std::iter::once(input.to_owned()).chain(rules.into_iter().chain(options).map(given)).collect();
    let arguments: Vec<Ref<'_>> = arguments.iter().map(Owned::as_ref).collect();
    import_policy()?.getattr(Owned::str(function)?.as_ref())?.call(&arguments)
}

/// The module `brinery.policy`.
pub(crate) fn import_policy() -> Result<Owned> {
    import("brinery.policy")
}

/// What an `Unpickler` keeps to load under a policy.
#[cold]
pub(crate) fn prepare(file: Ref<'_>, policy: Ref<'_>, options: [Option<Ref<'_>>; 4]) -> Result<Owned> {
    load("_prepare", file, [Some(policy), None], options)
}

/// The next object of the file of an `Unpickler`.
#[cold]
pub(crate) fn load_next(unpickler: Ref<'_>, prepared: Ref<'_>) -> Result<Owned> {
    import_policy()?.getattr(Owned::str("_load_next")?.as_ref())?.call(&[unpickler, prepared])
}
