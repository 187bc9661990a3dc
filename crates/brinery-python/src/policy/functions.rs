//! What `brinery.policy` calls.

use super::load::Load;
use super::rules::Rules;
use super::typed;
use crate::arguments::some;
use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result, bytes, capsule, error, list};
use crate::load::Options;
use crate::methods::{END, Methods, guard, positional};
use crate::state::State;
use brinery::policy::{Examination, Need, Policy, Rule, Use, Uses, learn};
use brinery::{Error, ErrorKind};

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
        c"_policy_load($module, policy, data, fix_imports, encoding, errors, buffers, resolve, persistent, trailing, /)\n--\n\n\
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

fn wrap(policy: Policy) -> Result<Owned> {
    capsule::new(Rules::new(policy))
}

pub(super) fn unwrap(policy: Ref<'_>) -> Result<&Rules> {
    capsule::get(policy)
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
        wrap(Policy::clone(one) | Policy::clone(other))
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
        let learnt = learn(contents.iter().map(|sample| bytes::as_slice(sample.as_ref())), base);
        let (policy, open) = (wrap(learnt.policy)?, strings(learnt.open.iter().map(String::as_str))?);
        Owned::tuple(&[policy.as_ref(), open.as_ref()])
    })
}

/// A refusal in parts: the rule, the message, offset, opcode and path.
pub(super) fn parts(error: &Error) -> (&'static str, String, Option<u64>, Option<&'static str>, String) {
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
        Use::Within((module, name)) => format!("within {module}:{name}"),
        Use::Construct { args, keywords: None } => format!("construct {args}"),
        Use::Construct { args, keywords: Some(keywords) } => format!("construct {args} keywords {keywords}"),
        Use::Call(args) => format!("call {args}"),
        Use::Later => "later".to_owned(),
        Use::Keywords(keywords) => format!("keywords {keywords}"),
        Use::State(state) | Use::Whole(state) => format!("state {state}"),
        Use::Fields(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, shape)| format!("{name} {shape}")).collect();
            format!("fields {}", fields.join(", "))
        }
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
            Examination::new(policy).fix_imports(fix_imports.is_true()?).collect_needs(collect.is_true()?);
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
pub(super) fn mask(uses: Uses) -> i64 {
    [uses.value, uses.construct, uses.call, uses.attributes, uses.setstate, uses.members, uses.finalize]
        .into_iter()
        .enumerate()
        .map(|(bit, used)| i64::from(used) << bit)
        .sum()
}

unsafe extern "C" fn load(
    module: *mut PyObject,
    args: *mut *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with our module and `count` arguments.
        let (state, arguments) = unsafe { (State::of_module(module), exactly(args, count)?) };
        let [policy, data, fix_imports, encoding, errors, buffers, resolve, persistent, trailing] = arguments;
        let policy = unwrap(policy)?;
        if !data.is_exactly(&raw mut PyBytes_Type) {
            return Err(error::type_error("the data is bytes"));
        }
        let options = Options::new("loads", [fix_imports, encoding, errors, buffers].map(Some))?;
        let load = Load {
            state,
            rules: policy,
            input: bytes::as_slice(data),
            options: &options,
            resolve: some(Some(resolve)),
            trailing: trailing.is_true()? || policy.takes_trailing_data(),
        };
        let (value, end) = load.load(some(Some(persistent)))?;
        Owned::tuple(&[value.as_ref(), Owned::int(end as i64)?.as_ref()])
    })
}
