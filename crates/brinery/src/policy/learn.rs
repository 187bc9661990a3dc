//! Policies from samples.

use super::capability::{Capability, State};
use super::need::{Need, Use};
use super::policy::Policy;
use super::shape::Shape;
use super::verdict::Examination;
use std::collections::BTreeSet;

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
    for (index, sample) in samples.into_iter().enumerate() {
        match Examination::new(base).collect_needs(true).trailing_data(true).run(sample) {
            Ok(examined) => {
                for need in &examined.needs {
                    policy = meet(policy, need, &mut open);
                }
            }
            Err(error) => {
                open.insert(format!("sample {index} cannot be read: {error}"));
            }
        }
    }
    Learnt { policy, open: open.into_iter().collect() }
}

/// Grants what a sample needs, or leaves it open.
fn meet(mut policy: Policy, need: &Need, open: &mut BTreeSet<String>) -> Policy {
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
        Use::State(state) => {
            (is_ours || is_library && is_attributes(state), format!("gives its objects a state: {state}"))
        }
        Use::Extend(_) => (is_ours, "gives its objects items".to_owned()),
        Use::Member(member) => (is_ours, format!("is asked for its member {member:?}")),
        Use::Method(method) => (is_ours, format!("gives its objects' method {method:?}")),
        _ => (false, need.message.clone()),
    };
    if !granted {
        open.insert(format!("{module}.{name} {what}"));
        return policy;
    }
    let mut capability = Capability::default();
    match &need.used {
        Use::Value => capability.value = true,
        Use::Construct { args, keywords } => {
            capability.construct = Some(loose(args));
            capability.keywords = keywords.as_ref().map(loose);
        }
        Use::Call(args) => capability.call = Some(args.clone()),
        Use::State(state) if is_attributes(state) => capability.state = State::Attributes(None),
        Use::State(state) => capability.state = State::SetState(loose(state)),
        Use::Extend(_) => capability.extend = Some(Shape::Any),
        Use::Member(member) => {
            capability.members.insert(member.clone());
        }
        Use::Method(method) => {
            capability.methods.insert(method.clone());
        }
        _ => {}
    }
    policy.allow(module, name, capability)
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

/// Whether a package belongs to Python or comes with a policy of its own.
fn is_known(top: &str) -> bool {
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
