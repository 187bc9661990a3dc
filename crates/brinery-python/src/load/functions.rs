//! The functions `load` and `loads`.

use super::{Builder, File, FileSource, Hooks, Options, Visible};
use crate::arguments::{Signature, some};
use crate::ffi::api::*;
use crate::ffi::buffer::View;
use crate::ffi::{Owned, Raised, Ref, Result, bytes, text};
use crate::methods::{END, Methods, docstring, function, guard};
use crate::seal;
use crate::state::State;
use brinery::read::{Cursor, Machine};
use std::sync::atomic::Ordering;

static METHODS: Methods<4> = Methods::new([
    function(c"load", load, docstring!("load")),
    function(c"loads", loads, docstring!("loads")),
    function(
        c"_load_mapped",
        load_mapped,
        c"_load_mapped($module, data, /, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=())\n--\n\n\
          The same as `loads` for a file that is mapped into memory to be read only.",
    ),
    END,
]);

/// The functions, for the module.
pub(crate) fn functions() -> *mut PyMethodDef {
    METHODS.as_ptr()
}

const LOAD: Signature<9> = Signature {
    function: "load",
    names: ["file", "fix_imports", "encoding", "errors", "buffers", "key", "purpose", "policy", "type"],
    positional_only: 0,
    positional: 1,
    required: 1,
};

const LOADS: Signature<9> = Signature {
    function: "loads",
    names: ["data", "fix_imports", "encoding", "errors", "buffers", "key", "purpose", "policy", "type"],
    positional_only: 1,
    positional: 1,
    required: 1,
};

/// There is no key: what is sealed is not read in place.
const LOAD_MAPPED: Signature<5> = Signature {
    function: "_load_mapped",
    names: ["data", "fix_imports", "encoding", "errors", "buffers"],
    positional_only: 1,
    positional: 1,
    required: 1,
};

unsafe extern "C" fn load(
    module: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with our module and arguments by the vectorcall protocol.
        let (state, arguments) =
            unsafe { (State::of_module(module), LOAD.parse_vector(args, count, names)?) };
        let [Some(file), arguments @ .., key, purpose, policy, kind] = arguments else { return Err(Raised) };
        if crate::files::is_path(state, file)? {
            // SAFETY: the arguments are passed on as they came.
            return unsafe { crate::files::by_path(c"load", args, count, names) };
        }
        let options = Options::new(LOAD.function, arguments)?;
        let has_buffers = is_something(arguments[3]);
        let opened = seal::opened(state, file, key, purpose, has_buffers)?;
        let file = opened.as_ref().map_or(file, Owned::as_ref);
        if some(policy).or(some(kind)).is_some() {
            return crate::policy::load(state, file, [policy, kind], &options);
        }
        let mut source = FileSource::new(File::new(state, file)?)?;
        // SAFETY: the source is a `FileSource`.
        with_builder(state, &options, None, |machine, builder| unsafe {
            builder.reads_file();
            super::run(machine, &mut source, builder)
        })
    })
}

unsafe extern "C" fn loads(
    module: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with our module.
        let state = unsafe { State::of_module(module) };
        if count == 1 && names.is_null() {
            // SAFETY: there is one argument, and it is alive.
            let data = unsafe { Ref::new(*args) };
            return with_slice(data, |input| from_memory(state, &Options::default(), input, |_| {}));
        }
        // SAFETY: CPython calls this by the vectorcall protocol.
        if let Some((data, rules)) = unsafe { under_rules(state, args, count, names) } {
            return crate::policy::loads(state, data, rules, &Options::default());
        }
        // SAFETY: as above.
        let arguments = unsafe { LOADS.parse_vector(args, count, names)? };
        let [Some(data), arguments @ .., key, purpose, policy, kind] = arguments else { return Err(Raised) };
        let options = Options::new(LOADS.function, arguments)?;
        let has_buffers = is_something(arguments[3]);
        let unsealed = seal::unsealed(state, data, key, purpose, has_buffers)?;
        let data = unsealed.as_ref().map_or(data, Owned::as_ref);
        if some(policy).or(some(kind)).is_some() {
            return crate::policy::loads(state, data, [policy, kind], &options);
        }
        with_slice(data, |input| from_memory(state, &options, input, |_| {}))
    })
}

/// What is loaded, and the policy or the type, if nothing else is given.
///
/// # Safety
///
/// As for [`Signature::parse_vector`].
#[inline(always)]
unsafe fn under_rules<'a>(
    state: &State,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> Option<(Ref<'a>, [Option<Ref<'a>>; 2])> {
    // SAFETY: by contract.
    let (data, name, rule) = unsafe {
        if count != 1 || names.is_null() || PyTuple_GET_SIZE(names) != 1 {
            return None;
        }
        (Ref::new(*args), Ref::new(PyTuple_GET_ITEM(names, 0)), some(Some(Ref::new(*args.add(1))))?)
    };
    if name.is(state.names.policy.as_ref()) {
        return Some((data, [Some(rule), None]));
    }
    (text::ascii(name) == Some(b"type")).then_some((data, [None, Some(rule)]))
}

unsafe extern "C" fn load_mapped(
    module: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with our module and arguments by the vectorcall protocol.
        let (state, arguments) =
            unsafe { (State::of_module(module), LOAD_MAPPED.parse_vector(args, count, names)?) };
        let [Some(data), arguments @ ..] = arguments else { return Err(Raised) };
        let options = Options::new(LOAD_MAPPED.function, arguments)?;
        let view = View::new(data)?;
        // SAFETY: the package calls this with a file that is mapped to be read only.
        from_memory(state, &options, view.as_slice(), |builder| unsafe { builder.reads_mapping() })
    })
}

/// Loads from memory, a second time where the first one turns out to have kept too little in its memo.
#[inline]
fn from_memory(
    state: &State,
    options: &Options,
    input: &[u8],
    prepare: impl Fn(&mut Builder<'_>),
) -> Result<Owned> {
    let mut begins_anew = false;
    loop {
        let anew = begins_anew;
        let loaded = with_builder(state, options, Some((input, anew)), |machine, builder| {
            prepare(builder);
            let loaded = super::run(machine, &mut Cursor::new(input), builder);
            begins_anew = loaded.is_err() && !anew && builder.begins_anew();
            loaded
        });
        if !begins_anew {
            return loaded;
        }
    }
}

/// Whether there are buffers. An empty tuple is the default.
fn is_something(buffers: Option<Ref<'_>>) -> bool {
    // SAFETY: the object is alive, and asked for its size only if it is a tuple.
    some(buffers).is_some_and(|buffers| !buffers.is_tuple() || unsafe { PyTuple_Size(buffers.as_ptr()) } != 0)
}

/// Calls `body` with the bytes of a bytes-like object.
fn with_slice(data: Ref<'_>, body: impl FnOnce(&[u8]) -> Result<Owned>) -> Result<Owned> {
    if data.is_exactly(&raw mut PyBytes_Type) {
        return body(bytes::as_slice(data));
    }
    let view = View::new(data)?;
    if cfg!(Py_GIL_DISABLED) && !view.is_readonly() {
        // Another thread could write to it between two looks at one byte.
        let copy = view.as_slice().to_vec();
        return body(&copy);
    }
    body(view.as_slice())
}

/// Calls `body` with a builder that has no Unpickler to ask, for an input that may be in memory, and with it whether the load
/// has been tried before.
#[inline]
fn with_builder<'a>(
    state: &'a State,
    options: &'a Options,
    input: Option<(&'a [u8], bool)>,
    body: impl FnOnce(&mut Machine<Owned>, &mut Builder<'_>) -> Result<Owned>,
) -> Result<Owned> {
    let visible = Visible::default();
    visible.fix_imports.store(options.fix_imports, Ordering::Relaxed);
    let hooks = Hooks { visible: &visible, find_class: None, unpickler: None };
    let buffers = options.buffers.as_ref();
    state.spare.lend(|machine, memo, aids| {
        let mut builder = Builder::new(state, memo, &options.strings, buffers, hooks, aids);
        let bytes = input.map(|(bytes, _)| bytes);
        builder.expect(bytes);
        builder.keep_memo_private(bytes, input.is_some_and(|(_, anew)| anew));
        body(machine, &mut builder)
    })
}
