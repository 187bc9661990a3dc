//! Policies from samples.

mod choices;

use super::capability::{Capability, State};
use super::examine::ARRAYS;
use super::need::{Need, Use};
use super::policy::{Key, Policy};
use super::shape::Shape;
use super::verdict::Examination;
use choices::Calls;
use std::collections::{BTreeMap, BTreeSet};

/// What samples need.
#[derive(Clone, Debug)]
pub struct Learnt {
    /// The policy: what was granted before, and what could be granted without asking anybody.
    pub policy: Policy,
    /// What a human must decide, in words: nothing of it is granted.
    pub open: Vec<String>,
}

/// Learns from samples what streams like them need besides `base`.
///
/// Not names are learnt but uses, with the kinds of their arguments: a class that the samples construct may be constructed
/// and given attributes, and no more. What belongs to the standard library or to a library that comes with a policy, and is
/// called without being granted by `base`, is never granted: somebody has to look at it.
///
/// ```
/// use brinery::policy::{Policy, examine, learn};
///
/// let order = b"\x80\x02cshop\nOrder\n)\x81}X\x05\0\0\0totalK\x07sb.";
/// let learnt = learn([&order[..], b"cos\nsystem\n(S'true'\ntR."], &Policy::data());
/// assert!(examine(order, &learnt.policy).is_clean());
/// assert_eq!(learnt.open, ["os.system is called: tuple[str]", "os.system is named"]);
/// ```
pub fn learn<'s>(samples: impl IntoIterator<Item = &'s [u8]>, base: &Policy) -> Learnt {
    let mut policy = base.clone();
    let mut open = BTreeSet::new();
    let (mut factories, mut held) = (Vec::new(), Vec::new());
    let (mut calls, mut called) = (Calls::default(), BTreeMap::<Key, Shape>::new());
    for (index, sample) in samples.into_iter().enumerate() {
        match Examination::new(base).collect_needs(true).trailing_data(true).run(sample) {
            Ok(examined) => {
                calls.see(&examined.graph, index);
                for need in &examined.needs {
                    match factory(need) {
                        _ if matches!(need.used, Use::Within(_)) => held.push(need.clone()),
                        Some((module, name)) => factories.push((module.to_owned(), name.to_owned())),
                        None => policy = meet(policy, need, &mut open, &mut called),
                    }
                }
            }
            Err(error) => {
                open.insert(format!("sample {index} cannot be read: {error}"));
            }
        }
    }
    for (key, args) in called {
        let call = calls.chosen(&key, &args, alike).unwrap_or_else(|| of_any_number(alike_each(&args)));
        policy = policy.allow(&key.0, &key.1, Capability { call: Some(call), ..Capability::default() });
    }
    for (module, name) in factories {
        policy = meet_factory(policy, (&module, &name), &mut open);
    }
    for need in held {
        let (Some((module, name)), Use::Within(holder)) = (&need.global, need.used) else { continue };
        let within = Some(BTreeSet::from([holder]));
        // Of what may not be a value somebody has to look at that.
        if policy.get(module, name).is_some_and(|known| known.within.is_some()) {
            policy = policy.allow(module, name, Capability { within, ..Capability::default() });
        }
    }
    for (key, capability) in &mut policy.globals {
        if !base.globals.contains_key(key) {
            capability.construct = capability.construct.take().map(of_any_number);
        }
    }
    Learnt { policy, open: open.into_iter().collect() }
}

const DEFAULTDICT: (&str, &str) = ("collections", "defaultdict");

/// The class or function that a sample makes a `defaultdict` of.
fn factory(need: &Need) -> Option<(&str, &str)> {
    let (module, name) = need.global.as_ref()?;
    match &need.used {
        Use::Call(Shape::Tuple(args)) if (&**module, &**name) == DEFAULTDICT => match args.as_slice() {
            [Shape::Global(module, name)] if !is_known(module) => Some((module, name)),
            _ => None,
        },
        _ => None,
    }
}

/// Grants a `defaultdict` of a class of which samples construct objects. Of a function it may be asked for items while it is loaded.
fn meet_factory(policy: Policy, class: (&str, &str), open: &mut BTreeSet<String>) -> Policy {
    let (module, name) = class;
    // Without arguments it may be called whenever it is asked for an item.
    let takes_none = |call: &Shape| match call {
        Shape::Tuple(args) => args.is_empty(),
        Shape::Union(calls) => calls.contains(&Shape::Tuple(Vec::new())),
        _ => false,
    };
    let makes_empty =
        |known: &Capability| known.construct.is_some() || known.call.as_ref().is_some_and(takes_none);
    if !policy.get(module, name).is_some_and(makes_empty) {
        open.insert(format!("{module}.{name} is what a collections.defaultdict is made of"));
        return policy;
    }
    let args = Shape::Tuple(vec![Shape::Global(module.to_owned(), name.to_owned())]);
    let value = Capability { value: true, within: Some(BTreeSet::new()), ..Capability::default() };
    let call = Some(args);
    policy.allow(module, name, value).allow(
        DEFAULTDICT.0,
        DEFAULTDICT.1,
        Capability { call, ..Capability::default() },
    )
}

/// Grants what a sample needs, or leaves it open. What is called is put aside.
fn meet(
    mut policy: Policy,
    need: &Need,
    open: &mut BTreeSet<String>,
    called: &mut BTreeMap<Key, Shape>,
) -> Policy {
    if need.used == Use::Persistent {
        policy.persistent = Some(Shape::Any);
        return policy;
    }
    let Some((module, name)) = &need.global else {
        open.insert(need.message.clone());
        return policy;
    };
    let top = module.split('.').next().unwrap_or(module);
    let is_ours = !is_known(top) && !name.split('.').any(|part| part.starts_with("__"));
    // What constructs and fills an object of a library is seldom more than that; what calls may be anything.
    let is_library = LIBRARIES.contains(&top)
        && !name.contains('.')
        && name.starts_with(|first: char| first.is_uppercase());
    let (granted, what) = match &need.used {
        Use::Named => (is_ours || is_library, "is named".to_owned()),
        Use::Value => (is_ours, "is a value".to_owned()),
        Use::Construct { args, .. } => {
            (is_ours || is_library && *args == Shape::Tuple(Vec::new()), format!("is constructed: {args}"))
        }
        Use::Call(args) => (is_ours, format!("is called: {args}")),
        Use::Later => (is_ours, "may be called later".to_owned()),
        Use::Keywords(keywords) => (is_ours, format!("is called with keywords: {keywords}")),
        Use::State(state) => {
            (is_ours || is_library && is_attributes(state), format!("gives its objects a state: {state}"))
        }
        Use::Whole(state) => (is_ours, format!("gives its objects a state: {state}")),
        Use::Fields(fields) => {
            let names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
            let is_data = fields.iter().all(|field| field_of(field).is_some());
            (is_ours && is_data, format!("gives its objects the attributes {}", names.join(", ")))
        }
        Use::Extend(_) => (is_ours, "gives its objects items".to_owned()),
        Use::Member(member) => (is_ours, format!("is asked for its member {member:?}")),
        Use::Method(method) => (is_ours, format!("gives its objects' method {method:?}")),
        _ => (false, need.message.clone()),
    };
    if !granted {
        if let Use::Call(Shape::Tuple(args)) = &need.used
            && let Some(policy) = meet_arguments(&policy, (module, name), args)
        {
            return policy;
        }
        open.insert(format!("{module}.{name} {what}"));
        return policy;
    }
    let mut capability = Capability::default();
    match &need.used {
        Use::Value => (capability.value, capability.within) = (true, Some(BTreeSet::new())),
        Use::Construct { args, keywords } => {
            capability.construct = Some(parts_of(args, any));
            capability.keywords = keywords.as_ref().map(loose);
        }
        Use::Call(args) => {
            let known = called.remove(&(module.clone(), name.clone()));
            let args = known.map_or_else(|| args.clone(), |known| known.or(args.clone()));
            called.insert((module.clone(), name.clone()), args);
        }
        Use::Later => {
            (capability.value, capability.later) = (true, true);
            capability.within = Some(BTreeSet::new());
        }
        Use::Keywords(keywords) => capability.keywords = Some(alike(keywords)),
        Use::State(state) if is_attributes(state) => capability.state = State::Attributes(None),
        Use::State(state) | Use::Whole(state) => {
            capability.state = State::SetState(parts_of(&loose(state), any));
        }
        Use::Fields(fields) => {
            let special = fields.iter().filter_map(|field| Some((field.0.clone(), field_of(field)?)));
            capability.state =
                State::Attributes(Some(special.chain([("*".to_owned(), Shape::Any)]).collect()));
        }
        Use::Extend(_) => capability.extend = Some(Shape::Any),
        Use::Member(member) => {
            // Whoever has two members of an enumeration has others as well.
            let known = policy.get(module, name).map(|known| &known.members);
            if known.is_some_and(|known| known.iter().any(|other| other != member)) {
                capability.members.insert("*".to_owned());
            }
            capability.members.insert(member.clone());
        }
        Use::Method(method) => {
            capability.within = Some(BTreeSet::new());
            capability.methods.insert(method.clone());
        }
        _ => {}
    }
    policy.allow(module, name, capability)
}

/// Grants that classes that samples give to something known are values: what that may be called with is known, too. A class of which
/// samples have one with arguments, `Box[int]`, may be given some.
fn meet_arguments(policy: &Policy, callable: (&str, &str), args: &[Shape]) -> Option<Policy> {
    fn classes<'s>(shape: &'s Shape, found: &mut Vec<(&'s str, &'s str)>) {
        match shape {
            Shape::Global(module, name) => found.push((module, name)),
            Shape::Tuple(parts) | Shape::Union(parts) => {
                for part in parts {
                    classes(part, found);
                }
            }
            Shape::List(item) | Shape::Items(item) => classes(item, found),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for arg in args {
        classes(arg, &mut found);
    }
    let is_ours = |(module, _): &(&str, &str)| !is_known(module.split('.').next().unwrap_or(module));
    let generic = callable == ("_operator", "getitem");
    let array = callable.1 == "_reconstruct" && callable.0.ends_with(".multiarray");
    let known = policy.get(callable.0, callable.1).is_some_and(|known| known.call.is_some());
    if !known || !found.iter().any(is_ours) || generic && !matches!(args, [Shape::Global(..), _]) {
        return None;
    }
    let mut granted = policy.clone();
    for (place, class) in found.into_iter().enumerate().filter(|(_, class)| is_ours(class)) {
        let mut capability =
            Capability { value: true, within: Some(BTreeSet::new()), ..Capability::default() };
        if generic && place == 0 {
            capability.members.insert("__class_getitem__".to_owned());
        }
        if array && place == 0 {
            capability.members.insert(ARRAYS.to_owned());
        }
        granted = granted.allow(class.0, class.1, capability);
    }
    Some(granted)
}

/// Whether a state is a dict of attributes, or the two dicts of a class with slots.
fn is_attributes(state: &Shape) -> bool {
    let is_dict = |shape: &Shape| match shape {
        Shape::None => true,
        Shape::Dict(key, _) => matches!(**key, Shape::Text(..) | Shape::Any),
        _ => false,
    };
    match state {
        Shape::Tuple(parts) => parts.len() == 2 && parts.iter().all(is_dict),
        shape => is_dict(shape),
    }
}

/// What an attribute may be of which samples have such a one, if its name says something to the interpreter.
fn field_of((_, shape): &(String, Shape)) -> Option<Shape> {
    match shape {
        // Of the arguments of an exception it makes a tuple: that is no code but of this class.
        Shape::Made(..) => {
            let each = || Box::new(Shape::Any);
            let containers = [Shape::List(each()), Shape::Items(each()), Shape::Dict(each(), each())];
            Some(SIMPLE.into_iter().chain(containers).fold(shape.clone(), Shape::or))
        }
        shape => data(shape),
    }
}

/// What attributes with a special name may be of which samples have such: data, which is none of the interpreter's hooks.
fn data(shape: &Shape) -> Option<Shape> {
    let data = match shape {
        Shape::List(_) | Shape::Dict(..) => loose(shape).or(Shape::None),
        simple => match alike(simple) {
            union @ Shape::Union(_) => union,
            _ => return None,
        },
    };
    Some(data)
}

/// The kinds of a shape, without bounds and without what is inside of containers.
fn loose(shape: &Shape) -> Shape {
    match shape {
        Shape::Int(..) => Shape::Int(None, None),
        Shape::List(_) => Shape::List(Box::new(Shape::Any)),
        Shape::Set(_) => Shape::Set(Box::new(Shape::Any)),
        Shape::FrozenSet(_) => Shape::FrozenSet(Box::new(Shape::Any)),
        Shape::Dict(..) => Shape::Dict(Box::new(Shape::Any), Box::new(Shape::Any)),
        Shape::Tuple(parts) => Shape::Tuple(parts.iter().map(loose).collect()),
        shape => shape.clone(),
    }
}

/// A shape whose parts are generalised, if it is a tuple of such: the arguments of a call, or a state.
fn parts_of(shape: &Shape, general: fn(&Shape) -> Shape) -> Shape {
    match shape {
        Shape::Tuple(parts) => Shape::Tuple(parts.iter().map(general).collect()),
        shape => shape.clone(),
    }
}

/// Whatever takes the place of a value that a class keeps: what it is of is seldom the same in all objects. Globals are.
fn any(shape: &Shape) -> Shape {
    match shape {
        Shape::Global(..) => shape.clone(),
        _ => Shape::Any,
    }
}

/// What is passed to a function that was passed such a value: one of the same kind or, as the values of fields are, none or another
/// simple one. Numbers may be sizes, and stay as large as they were.
fn alike(shape: &Shape) -> Shape {
    let each = |shape: &Shape| Box::new(alike(shape));
    let part = match shape {
        Shape::None
        | Shape::Bool(_)
        | Shape::Int(..)
        | Shape::Float
        | Shape::Text(..)
        | Shape::Literal(_)
        | Shape::Bytes(..) => return SIMPLE.iter().fold(shape.clone(), |all, simple| all.or(simple.clone())),
        Shape::List(item) => Shape::List(each(item)),
        Shape::Set(item) => Shape::Set(each(item)),
        Shape::FrozenSet(item) => Shape::FrozenSet(each(item)),
        Shape::Items(item) => Shape::Items(each(item)),
        Shape::Dict(key, item) => Shape::Dict(each(key), each(item)),
        Shape::Tuple(parts) => {
            let mut parts: Vec<Shape> = parts.iter().map(alike).collect();
            parts.dedup();
            match parts.as_slice() {
                // As many of them as there are.
                [one] => Shape::Items(Box::new(one.clone())),
                _ => return parts_of(shape, alike).or(Shape::None),
            }
        }
        Shape::Union(shapes) => return shapes.iter().map(alike).reduce(Shape::or).unwrap_or(Shape::None),
        Shape::Global(module, name) if module == "builtins" && FACTORIES.contains(&&**name) => {
            return FACTORIES
                .iter()
                .map(|name| Shape::Global("builtins".into(), (*name).into()))
                .reduce(Shape::or)
                .unwrap_or(Shape::None);
        }
        shape => return shape.clone(),
    };
    part.or(Shape::None)
}

/// The same for each of several tuples of arguments.
fn alike_each(args: &Shape) -> Shape {
    match args {
        Shape::Union(tuples) => {
            tuples.iter().map(|tuple| parts_of(tuple, alike)).reduce(Shape::or).unwrap_or(Shape::Any)
        }
        tuple => parts_of(tuple, alike),
    }
}

/// Arguments of which there were so many here and so many there: as many as there are, of the same kinds.
fn of_any_number(shape: Shape) -> Shape {
    let Shape::Union(shapes) = &shape else { return shape };
    let mut parts: Vec<&Shape> = Vec::new();
    let mut lengths = BTreeSet::new();
    for tuple in shapes {
        let Shape::Tuple(items) = tuple else { return shape };
        lengths.insert(items.len());
        parts.extend(items);
    }
    if lengths.len() < 2 || parts.iter().any(|part| matches!(part, Shape::Global(..))) {
        return shape;
    }
    match parts.into_iter().cloned().reduce(Shape::or) {
        Some(part) => Shape::Items(Box::new(part)),
        None => shape,
    }
}

/// Values without parts. Integers have the least bounds that a sample's have.
const SIMPLE: [Shape; 6] = [
    Shape::None,
    Shape::Bool(None),
    Shape::Int(Some(-(1 << 15)), Some(1 << 15)),
    Shape::Float,
    Shape::Text(0, usize::MAX),
    Shape::Bytes(0, usize::MAX),
];

/// Classes one of which is often given in the place of another, to make empty values.
const FACTORIES: [&str; 8] = ["bool", "dict", "float", "int", "list", "set", "str", "tuple"];

/// Whether a package, or a module of one, belongs to Python or comes with a policy of its own.
pub(super) fn is_known(module: &str) -> bool {
    let top = module.split('.').next().unwrap_or(module);
    STANDARD.binary_search(&top).is_ok() || LIBRARIES.contains(&top)
}

const LIBRARIES: [&str; 6] = ["joblib", "numpy", "pandas", "scipy", "sklearn", "torch"];

/// The top-level modules of the standard library.
#[rustfmt::skip]
const STANDARD: &[&str] = &[
    "__future__", "_abc", "_aix_support", "_ast", "_asyncio", "_bisect", "_blake2", "_bootlocale",
    "_bootsubprocess", "_bz2", "_codecs", "_codecs_cn", "_codecs_hk", "_codecs_iso2022", "_codecs_jp", "_codecs_kr",
    "_codecs_tw", "_collections", "_collections_abc", "_compat_pickle", "_compression", "_contextvars", "_crypt", "_csv",
    "_ctypes", "_curses", "_curses_panel", "_datetime", "_dbm", "_decimal", "_elementtree", "_frozen_importlib",
    "_frozen_importlib_external", "_functools", "_gdbm", "_hashlib", "_heapq", "_imp", "_io", "_json",
    "_locale", "_lsprof", "_lzma", "_markupbase", "_md5", "_msi", "_multibytecodec", "_multiprocessing",
    "_opcode", "_operator", "_osx_support", "_overlapped", "_pickle", "_posixshmem", "_posixsubprocess", "_py_abc",
    "_pydecimal", "_pyio", "_queue", "_random", "_scproxy", "_sha1", "_sha256", "_sha3",
    "_sha512", "_signal", "_sitebuiltins", "_socket", "_sqlite3", "_sre", "_ssl", "_stat",
    "_statistics", "_string", "_strptime", "_struct", "_symtable", "_thread", "_threading_local", "_tkinter",
    "_tokenize", "_tracemalloc", "_typing", "_uuid", "_warnings", "_weakref", "_weakrefset", "_winapi",
    "_zoneinfo", "abc", "aifc", "annotationlib", "antigravity", "argparse", "array", "ast",
    "asynchat", "asyncio", "asyncore", "atexit", "audioop", "base64", "bdb", "binascii",
    "binhex", "bisect", "builtins", "bz2", "cProfile", "calendar", "cgi", "cgitb",
    "chunk", "cmath", "cmd", "code", "codecs", "codeop", "collections", "colorsys",
    "compileall", "compression", "concurrent", "configparser", "contextlib", "contextvars", "copy", "copyreg",
    "crypt", "csv", "ctypes", "curses", "dataclasses", "datetime", "dbm", "decimal",
    "difflib", "dis", "distutils", "doctest", "email", "encodings", "ensurepip", "enum",
    "errno", "faulthandler", "fcntl", "filecmp", "fileinput", "fnmatch", "formatter", "fractions",
    "ftplib", "functools", "gc", "genericpath", "getopt", "getpass", "gettext", "glob",
    "graphlib", "grp", "gzip", "hashlib", "heapq", "hmac", "html", "http",
    "idlelib", "imaplib", "imghdr", "imp", "importlib", "inspect", "io", "ipaddress",
    "itertools", "json", "keyword", "lib2to3", "linecache", "locale", "logging", "lzma",
    "macpath", "mailbox", "mailcap", "marshal", "math", "mimetypes", "mmap", "modulefinder",
    "msilib", "msvcrt", "multiprocessing", "netrc", "nis", "nntplib", "nt", "ntpath",
    "nturl2path", "numbers", "opcode", "operator", "optparse", "os", "ossaudiodev", "parser",
    "pathlib", "pdb", "pickle", "pickletools", "pipes", "pkgutil", "platform", "plistlib",
    "poplib", "posix", "posixpath", "pprint", "profile", "pstats", "pty", "pwd",
    "py_compile", "pyclbr", "pydoc", "pydoc_data", "pyexpat", "queue", "quopri", "random",
    "re", "readline", "reprlib", "resource", "rlcompleter", "runpy", "sched", "secrets",
    "select", "selectors", "shelve", "shlex", "shutil", "signal", "site", "smtpd",
    "smtplib", "sndhdr", "socket", "socketserver", "spwd", "sqlite3", "sre_compile", "sre_constants",
    "sre_parse", "ssl", "stat", "statistics", "string", "stringprep", "struct", "subprocess",
    "sunau", "symbol", "symtable", "sys", "sysconfig", "syslog", "tabnanny", "tarfile",
    "telnetlib", "tempfile", "termios", "textwrap", "this", "threading", "time", "timeit",
    "tkinter", "token", "tokenize", "tomllib", "trace", "traceback", "tracemalloc", "tty",
    "turtle", "turtledemo", "types", "typing", "unicodedata", "unittest", "urllib", "uu",
    "uuid", "venv", "warnings", "wave", "weakref", "webbrowser", "winreg", "winsound",
    "wsgiref", "xdrlib", "xml", "xmlrpc", "zipapp", "zipfile", "zipimport", "zlib",
    "zoneinfo",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modules_are_in_order() {
        assert!(STANDARD.is_sorted());
    }

    #[test]
    fn a_state_is_learnt_as_what_it_is() {
        let shape = |text: &str| text.parse::<Shape>().unwrap();
        assert!(is_attributes(&shape("dict[str, int]")));
        assert!(is_attributes(&shape("tuple[None, dict[str, any]]")));
        assert!(!is_attributes(&shape("tuple[int, str]")));
        assert_eq!(loose(&shape("tuple[int(0..5), list[int]]")), shape("tuple[int, list]"));
    }
}
