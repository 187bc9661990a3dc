//! What `loads`, `load` and `Unpickler` do when they are given a policy or a type.

use super::functions::unwrap;
use super::load::Load;
use super::rules::Rules;
use super::{import_policy, typed};
use crate::arguments::some;
use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, bytes, error};
use crate::load::{Guarded, Options, must_be_file};
use crate::state::State;
use std::ffi::c_int;
use std::ptr::NonNull;
use std::sync::OnceLock;

/// Where the rules of loads come from.
pub(crate) struct Home {
    /// The module `brinery.policy`, from when it is needed.
    module: OnceLock<Owned>,
    /// The rules of the last load: most likely the next one is given the same.
    last: Guarded<Option<Given>>,
}

/// What a load was given, and the rules that come of it.
struct Given {
    policy: Owned,
    kind: Owned,
    rules: Compiled,
}

/// Native rules, and what the value is compared with.
#[derive(Clone)]
struct Compiled {
    native: Owned,
    /// What is in `native`, as long as it is alive.
    rules: NonNull<Rules>,
    kind: Option<Owned>,
}

impl Compiled {
    fn new(native: Owned, kind: Option<Owned>) -> Result<Self> {
        let rules = NonNull::from(unwrap(native.as_ref())?);
        Ok(Compiled { native, rules, kind })
    }

    fn rules(&self) -> &Rules {
        // SAFETY: the capsule is held, and so is what is in it.
        unsafe { self.rules.as_ref() }
    }
}

impl Default for Home {
    fn default() -> Self {
        Home { module: OnceLock::new(), last: Guarded::new(None) }
    }
}

impl Home {
    fn get(&self) -> Result<Ref<'_>> {
        if let Some(module) = self.module.get() {
            return Ok(module.as_ref());
        }
        let module = import_policy()?;
        Ok(self.module.get_or_init(|| module).as_ref())
    }

    /// Visits what is held, for the collector, until `visit` answers something other than zero.
    pub(crate) fn traverse(&self, mut visit: impl FnMut(&Owned) -> c_int) -> c_int {
        let module = self.module.get().map_or(0, &mut visit);
        if module != 0 {
            return module;
        }
        // SAFETY: the collector's visits run no Python code.
        unsafe {
            self.last.with(|last| {
                let Some(Given { policy, kind, rules }) = last else { return 0 };
                let held = [policy, kind, &mut rules.native].into_iter().chain(&mut rules.kind);
                held.map(|object| visit(object)).find(|&status| status != 0).unwrap_or(0)
            })
        }
    }

    /// The rules for what a load is given, if the last one was given the very same.
    #[inline(always)]
    fn last(&self, policy: Ref<'_>, kind: Ref<'_>) -> Option<Compiled> {
        // SAFETY: comparing addresses and taking references runs no Python code.
        unsafe {
            self.last.with(|last| {
                let given = last.as_ref()?;
                (given.policy.is(policy) && given.kind.is(kind)).then(|| given.rules.clone())
            })
        }
    }

    /// What the module has under a name.
    fn attribute(&self, name: &Owned) -> Result<Owned> {
        let module = self.get()?;
        // SAFETY: the object is alive, and its dict is asked for a text if it is a module.
        let found = unsafe {
            if PyModule_Check(module.as_ptr()) == 0 {
                return module.getattr(name.as_ref());
            }
            Ref::from_nullable(PyDict_GetItemWithError(PyModule_GetDict(module.as_ptr()), name.as_ptr()))
        };
        found.map_or_else(|| module.getattr(name.as_ref()), |found| Ok(found.to_owned()))
    }

    fn function(&self, name: &str) -> Result<Owned> {
        self.get()?.getattr(Owned::str(name)?.as_ref())
    }
}

/// An object of a dict by its key. Anything but a dict has none, nor has a dict for what can be no key.
fn item(dict: Ref<'_>, key: Ref<'_>) -> Result<Option<Owned>> {
    if !dict.is_exactly(&raw mut PyDict_Type) {
        return Ok(None);
    }
    // SAFETY: a dict; the result is taken hold of before anything else runs.
    let found = unsafe {
        Ref::from_nullable(PyDict_GetItemWithError(dict.as_ptr(), key.as_ptr())).map(Ref::to_owned)
    };
    if found.is_none() && error::occurred() {
        // SAFETY: the interpreter's exception classes are alive as long as it is.
        if !error::matches(unsafe { Ref::new(PyExc_TypeError) }) {
            return Err(Raised);
        }
        error::clear();
    }
    Ok(found)
}

/// The `Policy` that is meant by an object: itself, or a name.
fn policy_of(state: &State, policy: Ref<'_>) -> Result<Owned> {
    let home = &state.policies;
    if policy.is_exactly(&raw mut PyUnicode_Type) {
        if let Some(known) = item(home.attribute(&state.names._known)?.as_ref(), policy)? {
            return Ok(known);
        }
    } else if policy.type_ref().is(home.attribute(&state.names.Policy)?.as_ref()) {
        return Ok(policy.to_owned());
    }
    home.function("_policy_of")?.call1(policy)
}

/// The rules of a load that is given a policy, a type or both.
fn rules_of(state: &State, given: [Option<Ref<'_>>; 2]) -> Result<Compiled> {
    let none = Owned::none();
    let [policy, kind] = given.map(|given| given.unwrap_or(none.as_ref()));
    if let Some(rules) = state.policies.last(policy, kind) {
        return Ok(rules);
    }
    let rules = compile(state, policy, kind)?;
    let given = Given { policy: policy.to_owned(), kind: kind.to_owned(), rules: rules.clone() };
    drop(state.policies.last.replace(Some(given)));
    Ok(rules)
}

#[cold]
fn compile(state: &State, policy: Ref<'_>, kind: Ref<'_>) -> Result<Compiled> {
    if kind.is_none() {
        let native = policy_of(state, policy)?.getattr(state.names._native.as_ref())?;
        return Compiled::new(native, None);
    }
    let key = Owned::tuple(&[policy, kind])?;
    let known = match item(state.policies.attribute(&state.names._by_type)?.as_ref(), key.as_ref())? {
        Some(known) => known,
        None => state.policies.function("_typed")?.call(&[policy, kind])?,
    };
    if !known.is_exactly(&raw mut PyTuple_Type) {
        return Err(error::type_error("rules and a type are a tuple"));
    }
    // SAFETY: it is a tuple, whose size is looked at.
    unsafe {
        if PyTuple_GET_SIZE(known.as_ptr()) != 2 {
            return Err(error::type_error("rules and a type are two"));
        }
        let part = |index| Ref::new(PyTuple_GET_ITEM(known.as_ptr(), index)).to_owned();
        Compiled::new(part(0), Some(part(1)))
    }
}

/// Bytes that nobody can change.
fn fixed(data: Ref<'_>) -> Result<Owned> {
    if data.is_exactly(&raw mut PyBytes_Type) {
        return Ok(data.to_owned());
    }
    // SAFETY: the objects are alive.
    unsafe {
        let view = Owned::from_result(PyMemoryView_FromObject(data.as_ptr()))?;
        Owned::from_result(PyBytes_FromObject(view.as_ptr()))
    }
}

/// Makes the exception that is set a refusal, if it says something about the data.
#[cold]
fn as_refusal(state: &State) -> Raised {
    let Some(exception) = error::take() else { return Raised };
    let refusal =
        state.policies.function("_as_refusal").and_then(|function| function.call1(exception.as_ref()));
    refusal.map_or_else(|raised| raised, error::restore)
}

/// Loads from bytes, under a policy and by type.
pub(crate) fn loads(
    state: &State,
    data: Ref<'_>,
    given: [Option<Ref<'_>>; 2],
    options: &Options,
) -> Result<Owned> {
    let compiled = rules_of(state, given)?;
    let data = fixed(data)?;
    let rules = compiled.rules();
    let load = Load {
        state,
        rules,
        input: bytes::as_slice(data.as_ref()),
        options,
        resolve: None,
        trailing: rules.takes_trailing_data(),
    };
    let (value, _) = load.load(None).map_err(|Raised| as_refusal(state))?;
    if let (Some(compiled), Some(kind)) = (compiled.kind, some(given[1]))
        && !typed::fits(compiled.as_ref(), value.as_ref())?
    {
        state.policies.function("_look")?.call(&[value.as_ref(), kind])?;
    }
    Ok(value)
}

/// The same from what a file still has.
pub(crate) fn load(
    state: &State,
    file: Ref<'_>,
    rules: [Option<Ref<'_>>; 2],
    options: &Options,
) -> Result<Owned> {
    if !file.type_ref().is(state.files.bytes_io.as_ref()) {
        must_be_file(state, file)?;
    }
    let data = file.call_method0(state.names.read.as_ref())?;
    loads(state, data.as_ref(), rules, options)
}

/// What an `Unpickler` keeps to load under a policy: the file, the policy and the options.
#[cold]
pub(crate) fn prepare(
    state: &State,
    file: Ref<'_>,
    policy: Ref<'_>,
    given: [Option<Ref<'_>>; 4],
    options: &Options,
) -> Result<Owned> {
    let (policy, none) = (policy_of(state, policy)?, Owned::none());
    let [fix_imports, encoding, errors] = [0, 1, 2].map(|index| given[index].unwrap_or(none.as_ref()));
    let buffers = options.buffers.as_ref().map_or(none.as_ref(), |buffers| buffers.source().as_ref());
    Owned::tuple(&[file, policy.as_ref(), fix_imports, encoding, errors, buffers])
}

/// The next object of the file of an `Unpickler`, which may have ways of its own to find objects.
pub(crate) fn load_next(
    state: &State,
    unpickler: Ref<'_>,
    prepared: Ref<'_>,
    options: &Options,
    has_own_ways: bool,
) -> Result<Owned> {
    // SAFETY: `prepare` has made this tuple.
    let (file, policy) = unsafe {
        let part = |index| Ref::new(PyTuple_GET_ITEM(prepared.as_ptr(), index));
        (part(0), part(1))
    };
    let is_in_memory = file.type_ref().is(state.files.bytes_io.as_ref());
    let can_go_back = || match file.lookup_attr(state.names.seekable.as_ref())? {
        Some(seekable) => seekable.call0()?.is_true(),
        None => Ok(false),
    };
    if has_own_ways || !(is_in_memory || can_go_back()?) {
        return state.policies.function("_load_next")?.call(&[unpickler, prepared]);
    }
    let start = if is_in_memory { None } else { Some(file.call_method0(state.names.tell.as_ref())?) };
    let data = file.call_method0(state.names.read.as_ref())?;
    if !data.is_exactly(&raw mut PyBytes_Type) {
        return Err(error::type_error(&format!("read() should return bytes, not {}", data.type_name())));
    }
    let input = bytes::as_slice(data.as_ref());
    if input.is_empty() {
        return Err(error::eof_error("Ran out of input"));
    }
    let native = policy.getattr(state.names._native.as_ref())?;
    let policy = unwrap(native.as_ref())?;
    let load = Load { state, rules: policy, input, options, resolve: None, trailing: true };
    let loaded = load.load(None).map_err(|Raised| as_refusal(state));
    let end = loaded.as_ref().map_or(input.len(), |loaded| loaded.1);
    if is_in_memory && end == input.len() {
        // There it stands.
        return loaded.map(|(value, _)| value);
    }
    // What says why is put by, for the file is called meanwhile.
    let failure = if loaded.is_err() { error::take() } else { None };
    match start {
        None => {
            let (back, whence) = (Owned::int(end as i64 - input.len() as i64)?, Owned::int(1)?);
            let seek = file.getattr(state.names.seek.as_ref())?;
            seek.call(&[back.as_ref(), whence.as_ref()])?;
        }
        Some(start) => {
            let end = Owned::int(end as i64)?;
            // SAFETY: both are alive.
            let end = unsafe { Owned::from_result(PyNumber_Add(start.as_ptr(), end.as_ptr()))? };
            file.call_method1(state.names.seek.as_ref(), end.as_ref())?;
        }
    }
    loaded.map(|(value, _)| value).map_err(|Raised| failure.map_or(Raised, error::restore))
}
