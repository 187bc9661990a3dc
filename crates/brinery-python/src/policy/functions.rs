//! What `brinery.policy` calls.

use super::direct::Direct;
use super::host::{Realizer, World, raise};
use super::nesting;
use super::typed;
use crate::arguments::some;
use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, bytes, capsule, error, list};
use crate::load::{Builder, Hooks, Options, Visible, loaded};
use crate::methods::{END, Methods, guard, positional};
use crate::state::State;
use brinery::policy::{Checked, Examination, Examined, GlobalUse, Need, Policy, Rule, Use, Uses, learn};
use brinery::read::{Cursor, Source};
use brinery::{Error, ErrorKind};
use std::collections::HashMap;
use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

static METHODS: Methods<10> = Methods::new([
    positional(c"_policy", policy, c"_policy($module, text, /)\n--\n\nReturn the policy that a text describes.\n"),
    positional(
        c"_policy_shipped",
        shipped,
        c"_policy_shipped($module, name, /)\n--\n\nReturn a policy that comes with brinery, or None.\n",
    ),
    positional(
        c"_policy_union",
        union,
        c"_policy_union($module, one, other, /)\n--\n\nReturn the policy that grants what either grants.\n",
    ),
    positional(
        c"_policy_text",
        text,
        c"_policy_text($module, policy, /)\n--\n\nReturn a policy in its canonical form.\n",
    ),
    positional(
        c"_policy_learn",
        learn_from,
        c"_policy_learn($module, samples, base, /)\n--\n\nReturn what samples need, as a policy, and what a human must decide.\n",
    ),
    positional(
        c"_policy_examine",
        examine,
        c"_policy_examine($module, policy, data, fix_imports, collect, /)\n--\n\nJudge a pickle.\n",
    ),
    positional(
        c"_policy_load",
        load,
        c"_policy_load($module, policy, data, fix_imports, encoding, errors, buffers, resolve, refuse, persistent, trailing, /)\n--\n\n\
        Judge a pickle and load it.\n",
    ),
    positional(
        c"_type_compile",
        type_compile,
        c"_type_compile($module, nodes, /)\n--\n\nReturn a type that values can be compared with.\n",
    ),
    positional(
        c"_type_fits",
        type_fits,
        c"_type_fits($module, type, value, /)\n--\n\nReturn whether a value is certainly of a type.\n",
    ),
    END,
]);

/// The functions, for the module.
pub(crate) fn functions() -> *mut PyMethodDef {
    METHODS.as_ptr()
}

impl capsule::Held for Arc<Policy> {
    const NAME: &'static CStr = c"brinery.policy";
}

/// From how many bytes on other threads may run while a stream is judged.
const LONG: usize = 64 << 10;

fn wrap(policy: Policy) -> Result<Owned> {
    capsule::new(Arc::new(policy))
}

fn unwrap(policy: Ref<'_>) -> Result<Arc<Policy>> {
    capsule::get::<Arc<Policy>>(policy).cloned()
}

/// The arguments of a call, of which there must be so many.
///
/// # Safety
///
/// `args` holds `count` objects, which live for `'a`.
unsafe fn exactly<'a, const N: usize>(args: *mut *mut PyObject, count: Py_ssize_t) -> Result<[Ref<'a>; N]> {
    if count as usize != N {
        return Err(error::type_error(&format!("{N} arguments are needed ({count} given)")));
    }
    // SAFETY: by contract.
    Ok(std::array::from_fn(|index| unsafe { Ref::new(*args.add(index)) }))
}

fn strings<'s>(items: impl IntoIterator<Item = &'s str>) -> Result<Owned> {
    let items = items.into_iter().map(Owned::str).collect::<Result<Vec<_>>>()?;
    list::new(items.into_iter())
}

unsafe extern "C" fn policy(_: *mut PyObject, args: *mut *mut PyObject, count: Py_ssize_t) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with `count` arguments.
        let [text] = unsafe { exactly(args, count)? };
        wrap(Policy::from_toml(&text.text()).map_err(|problem| error::value_error(&problem))?)
    })
}

unsafe extern "C" fn shipped(_: *mut PyObject, args: *mut *mut PyObject, count: Py_ssize_t) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with `count` arguments.
        let [name] = unsafe { exactly(args, count)? };
        Policy::shipped(&name.text()).map_or_else(|| Ok(Owned::none()), wrap)
    })
}

unsafe extern "C" fn union(_: *mut PyObject, args: *mut *mut PyObject, count: Py_ssize_t) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with `count` arguments.
        let [one, other] = unsafe { exactly(args, count)? };
        let (one, other) = (unwrap(one)?, unwrap(other)?);
        wrap((*one).clone() | (*other).clone())
    })
}

unsafe extern "C" fn text(_: *mut PyObject, args: *mut *mut PyObject, count: Py_ssize_t) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with `count` arguments.
        let [policy] = unsafe { exactly(args, count)? };
        Owned::str(&unwrap(policy)?.to_toml())
    })
}

unsafe extern "C" fn type_compile(
    _: *mut PyObject,
    args: *mut *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with `count` arguments.
        let [nodes] = unsafe { exactly(args, count)? };
        typed::compile(nodes)
    })
}

unsafe extern "C" fn type_fits(
    _: *mut PyObject,
    args: *mut *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with `count` arguments.
        let [compiled, value] = unsafe { exactly(args, count)? };
        typed::fits(compiled, value).map(Owned::bool)
    })
}

unsafe extern "C" fn learn_from(
    _: *mut PyObject,
    args: *mut *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with `count` arguments.
        let [samples, base] = unsafe { exactly(args, count)? };
        let base = unwrap(base)?;
        let samples = samples.iter()?;
        let mut contents = Vec::new();
        while let Some(sample) = samples.next()? {
            if !sample.is_exactly(&raw mut PyBytes_Type) {
                return Err(error::type_error("samples are bytes"));
            }
            contents.push(sample);
        }
        let learnt = learn(contents.iter().map(|sample| bytes::as_slice(sample.as_ref())), &base);
        let (policy, open) = (wrap(learnt.policy)?, strings(learnt.open.iter().map(String::as_str))?);
        Owned::tuple(&[policy.as_ref(), open.as_ref()])
    })
}

/// A refusal in parts: the rule, the message, offset, opcode and path.
fn parts(error: &Error) -> (&'static str, String, Option<u64>, Option<&'static str>, String) {
    let (rule, message) = match error.kind() {
        ErrorKind::Refused(rule, message) => (rule.id(), message.clone()),
        kind => (Rule::Malformed.id(), kind.to_string()),
    };
    (rule, message, error.offset(), error.opcode().map(brinery::Opcode::name), error.path().to_string())
}

fn need(need: &Need) -> Result<Owned> {
    let (module, name) = match &need.global {
        Some((module, name)) => (Owned::str(module)?, Owned::str(name)?),
        None => (Owned::none(), Owned::none()),
    };
    let used = Owned::str(&match &need.used {
        Use::Named => "named".to_owned(),
        Use::Value => "value".to_owned(),
        Use::Construct { args, keywords: None } => format!("construct {args}"),
        Use::Construct { args, keywords: Some(keywords) } => format!("construct {args} keywords {keywords}"),
        Use::Call(args) => format!("call {args}"),
        Use::State(state) => format!("state {state}"),
        Use::Extend(_) => "extend".to_owned(),
        Use::Member(name) => format!("member {name}"),
        Use::Method(name) => format!("method {name}"),
        Use::Persistent => "persistent".to_owned(),
        _ => "other".to_owned(),
    })?;
    let (rule, message) = (Owned::str(need.rule.id())?, Owned::str(&need.message)?);
    let offset = Owned::int(need.offset as i64)?;
    let parts = [&module, &name, &used, &rule, &message, &offset].map(Owned::as_ref);
    Owned::tuple(&parts)
}

unsafe extern "C" fn examine(_: *mut PyObject, args: *mut *mut PyObject, count: Py_ssize_t) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with `count` arguments.
        let [policy, data, fix_imports, collect] = unsafe { exactly(args, count)? };
        let policy = unwrap(policy)?;
        if !data.is_exactly(&raw mut PyBytes_Type) {
            return Err(error::type_error("the data is bytes"));
        }
        let examination =
            Examination::new(&policy).fix_imports(fix_imports.is_true()?).collect_needs(collect.is_true()?);
        match examination.run(bytes::as_slice(data)) {
            Ok(examined) => {
                let needs = examined.needs.iter().map(need).collect::<Result<Vec<_>>>()?;
                let globals = examined.globals.iter().map(|global| {
                    let (module, name) = (Owned::str(&global.module)?, Owned::str(&global.name)?);
                    let uses = Owned::int(mask(global.uses))?;
                    Owned::tuple(&[module.as_ref(), name.as_ref(), uses.as_ref()])
                });
                let globals = globals.collect::<Result<Vec<_>>>()?;
                let (needs, globals) = (list::new(needs.into_iter())?, list::new(globals.into_iter())?);
                let (end, rendered) =
                    (Owned::int(examined.end as i64)?, Owned::str(&examined.graph.to_string())?);
                Owned::tuple(&[
                    Owned::none().as_ref(),
                    needs.as_ref(),
                    globals.as_ref(),
                    end.as_ref(),
                    rendered.as_ref(),
                ])
            }
            Err(error) => {
                let (rule, message, offset, opcode, path) = parts(&error);
                let offset = offset.map_or_else(|| Ok(Owned::none()), |offset| Owned::int(offset as i64))?;
                let opcode = opcode.map_or_else(|| Ok(Owned::none()), Owned::str)?;
                let (rule, message, path) = (Owned::str(rule)?, Owned::str(&message)?, Owned::str(&path)?);
                let error = [&rule, &message, &offset, &opcode, &path].map(Owned::as_ref);
                let (error, none) = (Owned::tuple(&error)?, Owned::none());
                Owned::tuple(&[error.as_ref(), none.as_ref(), none.as_ref(), none.as_ref(), none.as_ref()])
            }
        }
    })
}

/// Uses as bits.
fn mask(uses: Uses) -> i64 {
    [uses.value, uses.construct, uses.call, uses.attributes, uses.setstate, uses.members]
        .into_iter()
        .enumerate()
        .map(|(bit, used)| i64::from(used) << bit)
        .sum()
}

/// How a run of the machine ends.
enum Outcome {
    Done(Done),
    /// The stream does what it may only do when judged.
    GaveUp,
    /// Too little was kept in the memo. Nothing has happened that anyone could see.
    BeginsAnew,
}

/// What a run of the machine has made.
struct Done {
    value: Owned,
    /// Where the pickle ends.
    end: usize,
    /// How deep objects can be nested at most.
    depth: usize,
}

/// What a load has been told.
struct Load<'a> {
    state: &'a State,
    policy: &'a Policy,
    input: &'a [u8],
    options: &'a Options,
    /// A program's own way to find the objects of globals.
    resolve: Option<Ref<'a>>,
    refuse: Ref<'a>,
    trailing: bool,
}

impl Load<'_> {
    /// Runs the machine; `None` if the stream does what it may only do when judged as a whole.
    ///
    /// As with any load, the memo keeps little, and the load begins anew where that turns out to be too little.
    fn run<'de, S: Source<'de>>(
        &self,
        source: impl Fn() -> S,
        world: Option<&World<'_>>,
    ) -> Result<Option<Done>> {
        let mut anew = false;
        loop {
            match self.run_once(&mut source(), world, anew)? {
                Outcome::Done(done) => return Ok(Some(done)),
                Outcome::GaveUp => return Ok(None),
                Outcome::BeginsAnew => anew = true,
            }
        }
    }

    fn run_once<'de, S: Source<'de>>(
        &self,
        source: &mut S,
        world: Option<&World<'_>>,
        anew: bool,
    ) -> Result<Outcome> {
        let visible = Visible::default();
        visible.fix_imports.store(self.options.fix_imports, Ordering::Relaxed);
        let hooks = Hooks { visible: &visible, find_class: None, unpickler: None };
        let buffers = self.options.buffers.as_ref().map(Owned::as_ref);
        self.state.spare.lend(|machine, memo, aids| {
            let mut builder = Builder::new(self.state, memo, &self.options.strings, buffers, hooks, aids);
            builder.expect(Some(self.input));
            builder.keep_memo_private(Some(self.input), anew);
            let limits = self.policy.budgets();
            let direct = Direct::new(self.policy, self.resolve.is_none(), self.input.len());
            let mut host =
                Realizer::new(builder, self.state, world, direct, self.refuse, limits, self.input.len());
            let run = machine.run(source, &mut host).and_then(|value| {
                host.finish(source, &value)?;
                Ok(value)
            });
            match run {
                Ok(value) => {
                    Ok(Outcome::Done(Done { value, end: source.offset() as usize, depth: host.wraps + 1 }))
                }
                Err(Raised) if host.gave_up => Ok(Outcome::GaveUp),
                Err(Raised) if !anew && host.begins_anew() => Ok(Outcome::BeginsAnew),
                Err(Raised) => Err(Raised),
            }
        })
    }

    /// Loads a stream that makes nothing but what nobody can tell to have been made before the stream was judged.
    fn directly(&self) -> Result<Option<(Owned, usize)>> {
        let source = || Checked::new(self.input, self.policy.budgets());
        let Some(Done { value, end, depth: most }) = self.run(source, None)? else { return Ok(None) };
        if end < self.input.len() && !self.trailing {
            return Err(self.refused(Rule::GrammarTrailing, "there is more after the pickle", end));
        }
        let depth = self.policy.budgets().depth();
        if most > depth && nesting::exceeds(value.as_ref(), depth) {
            return Err(self.refused(
                Rule::BudgetDepth,
                "objects are nested deeper than they may be",
                end - 1,
            ));
        }
        Ok(Some((value, end)))
    }

    /// Loads at once, or judged as a whole; `persistent` resolves persistent ids.
    fn load(&self, persistent: Option<Ref<'_>>) -> Result<(Owned, usize)> {
        if let Some(done) = self.directly()? {
            return Ok(done);
        }
        let Examined { globals, graph, end, .. } = self.judge()?;
        drop(graph);
        let resolve = self.resolve.map_or_else(resolver, |resolve| Ok(resolve.to_owned()))?;
        let world = World {
            globals: resolve_all(&globals, resolve.as_ref())?,
            extensions: HashMap::new(),
            persistent,
        };
        match self.run(|| Cursor::new(&self.input[..end]), Some(&world))? {
            Some(done) => Ok((done.value, done.end)),
            None => Err(error::runtime_error("a stream was judged and then not loaded")),
        }
    }

    #[cold]
    fn refused(&self, rule: Rule, message: &str, offset: usize) -> Raised {
        raise(self.refuse, rule.id(), message, (Some(offset as u64), None, "obj"))
    }

    /// Judges the stream. Nothing is made.
    fn judge(&self) -> Result<Examined<'_>> {
        let examination =
            Examination::new(self.policy).fix_imports(self.options.fix_imports).trailing_data(self.trailing);
        let result = if self.input.len() >= LONG {
            without_interpreter(|| examination.run(self.input))
        } else {
            examination.run(self.input)
        };
        result.map_err(|error| {
            let (rule, message, offset, opcode, path) = parts(&error);
            raise(self.refuse, rule, &message, (offset, opcode, &path))
        })
    }
}

/// Runs something that has nothing to do with Python while other threads may run.
fn without_interpreter<R>(body: impl FnOnce() -> R) -> R {
    /// Comes back even if the body panics.
    struct Back(*mut PyThreadState);

    impl Drop for Back {
        fn drop(&mut self) {
            // SAFETY: the state is that of this thread, which let go of the interpreter.
            unsafe { PyEval_RestoreThread(self.0) }
        }
    }
    // SAFETY: the thread is attached.
    let _back = Back(unsafe { PyEval_SaveThread() });
    body()
}

unsafe extern "C" fn load(
    module: *mut PyObject,
    args: *mut *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with our module and `count` arguments.
        let (state, arguments) = unsafe { (State::of_module(module), exactly(args, count)?) };
        let [policy, data, fix_imports, encoding, errors, buffers, resolve, refuse, persistent, trailing] =
            arguments;
        let policy = unwrap(policy)?;
        if !data.is_exactly(&raw mut PyBytes_Type) {
            return Err(error::type_error("the data is bytes"));
        }
        let options = Options::new("loads", [fix_imports, encoding, errors, buffers].map(Some))?;
        let load = Load {
            state,
            policy: &policy,
            input: bytes::as_slice(data),
            options: &options,
            resolve: some(Some(resolve)),
            refuse,
            trailing: trailing.is_true()? || policy.takes_trailing_data(),
        };
        let (value, end) = load.load(some(Some(persistent)))?;
        Owned::tuple(&[value.as_ref(), Owned::int(end as i64)?.as_ref()])
    })
}

/// What finds the objects of globals unless a program has its own way.
#[cold]
pub(super) fn resolver() -> Result<Owned> {
    super::import_policy()?.getattr(Owned::str("_resolve")?.as_ref())
}

/// What a pickle is under a policy, an object or the name of one that is known; `None` if it or the data is something else.
pub(super) fn load_simply(state: &State, data: Ref<'_>, policy: Ref<'_>) -> Result<Option<Owned>> {
    let known = || {
        let module = loaded("brinery.policy")?;
        let named = policy.is_exactly(&raw mut PyUnicode_Type);
        let known = if named {
            module.getattr(state.names._known.as_ref()).ok()?.get_item(policy).ok()?
        } else {
            policy.to_owned()
        };
        if !known.as_ref().type_ref().is(module.getattr(state.names.Policy.as_ref()).ok()?.as_ref()) {
            return None;
        }
        let policy = unwrap(known.getattr(state.names._native.as_ref()).ok()?.as_ref()).ok()?;
        let refuse = module.getattr(state.names._refusal.as_ref()).ok()?;
        Some((module, policy, refuse))
    };
    let known = if data.is_exactly(&raw mut PyBytes_Type) { known() } else { None };
    let Some((module, policy, refuse)) = known else {
        error::clear();
        return Ok(None);
    };
    let load = Load {
        state,
        policy: &policy,
        input: bytes::as_slice(data),
        options: &Options::default(),
        resolve: None,
        refuse: refuse.as_ref(),
        trailing: policy.takes_trailing_data(),
    };
    match load.load(None) {
        Ok((value, _)) => Ok(Some(value)),
        Err(Raised) => Err(as_refusal(module.as_ref())),
    }
}

/// Makes the exception that is set a refusal, if it says something about the data.
#[cold]
fn as_refusal(module: Ref<'_>) -> Raised {
    let Some(exception) = error::take() else { return Raised };
    let refusal =
        Owned::str("_as_refusal").and_then(|name| module.getattr(name.as_ref())?.call1(exception.as_ref()));
    refusal.map_or_else(|raised| raised, error::restore)
}

/// The object that a global stands for, if it is what its uses take it for.
pub(super) fn resolve(resolver: Ref<'_>, module: &str, name: &str, uses: Uses) -> Result<Owned> {
    let (module, name, uses) = (Owned::str(module)?, Owned::str(name)?, Owned::int(mask(uses))?);
    resolver.call(&[module.as_ref(), name.as_ref(), uses.as_ref()])
}

/// The objects that globals stand for.
fn resolve_all(globals: &[GlobalUse], resolver: Ref<'_>) -> Result<HashMap<String, HashMap<String, Owned>>> {
    let mut found: HashMap<String, HashMap<String, Owned>> = HashMap::new();
    for global in globals {
        let object = resolve(resolver, &global.module, &global.name, global.uses)?;
        found.entry(global.raw_module.clone()).or_default().insert(global.raw_name.clone(), object);
    }
    Ok(found)
}
