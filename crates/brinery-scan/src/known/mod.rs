//! What is known of classes and functions by their names.
//!
//! The tables are text files beside this one. They say what honest pickles call (`grants.txt`), what names would do
//! (`effects.txt`), and which modules anybody can reach (`standard.txt`, `packages.txt`).

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// A rule for the arguments of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Whatever they are.
    Any,
    /// What is given is of the same package.
    Kin,
    /// It is no thing to call.
    Value,
    /// It does harm when it is called, but programs have it as a value: it needs to be granted, and may go nowhere else.
    Mention,
    /// An object that it makes may be called, with what is of the same package or the program's own.
    Callable,
    /// Nothing that runs something when it is iterated.
    Items,
    /// A number is an amount of memory.
    Size,
    /// `getattr` and its like.
    GetAttr,
    /// `setattr` and its like.
    SetAttr,
    /// `operator.getitem`, for generic types.
    GetItem,
    /// `type` of one argument.
    Type,
    /// `iter` of a plain container.
    Iter,
    /// `map` and `filter`: the function is a plain type.
    Map,
    /// `defaultdict`.
    Factory,
    /// `Fraction`: no exponents.
    Fraction,
    /// A regular expression of reasonable length.
    Pattern,
    /// `array._array_reconstructor`.
    Array,
    /// `copyreg.__newobj__`: constructs its first argument.
    NewObj,
    /// `copyreg._reconstructor`: constructs its first argument by way of its second.
    Object,
    /// `_codecs.encode` to Latin-1, as bytes are spelled in old protocols.
    Latin1,
    /// `functools.partial`.
    Partial,
    /// `numpy.dtype`.
    DType,
    /// numpy's `_reconstruct`.
    Reconstruct,
    /// numpy's `_ufunc_reconstruct`, which imports.
    UFunc,
    /// Returns an object that others hold as well.
    Shared,
    /// Makes functions or classes of the stream's own code.
    Code,
    /// cloudpickle's `_builtin_type`.
    BuiltinType,
    /// dill's `_load_type`.
    LoadType,
    /// Imports the module that its argument names.
    SubImport,
    /// Loads the bytes that it is given.
    LoadBytes,
    /// `functools.reduce` that makes a union of types.
    Union,
    /// What takes text for code: without any.
    Wordless,
    /// torch's `_rebuild_from_type_v2`, which calls its first argument.
    Rebuild,
}

/// What would happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) category: &'static str,
    pub(crate) sentence: &'static str,
}

/// What a name is to the scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Honest pickles call it, so.
    Granted(Rule),
    /// No honest pickle names it.
    Forbidden(Effect),
    /// It is in the standard library.
    Standard(Shape),
    /// It is in a package that many have.
    Package(Shape),
    /// Nobody knows it: the program's own.
    Stranger(Shape),
}

/// What a name looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `CamelCase`, of an exception.
    Exception,
    /// `CamelCase`, a class.
    Class,
    /// A function that by its name makes an object anew.
    Maker,
    /// Anything else: a function, a module, a constant.
    Function,
}

struct Tables {
    grants: HashMap<(&'static str, &'static str), Rule>,
    exact: HashMap<&'static str, Effect>,
    within: HashMap<&'static str, (Effect, bool)>,
    standard: HashSet<&'static str>,
    packages: HashSet<&'static str>,
    /// The first parts of all modules that anything is known of.
    tops: HashSet<&'static str>,
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn rule(name: &str) -> Option<Rule> {
    Some(match name {
        "any" => Rule::Any,
        "kin" => Rule::Kin,
        "value" => Rule::Value,
        "mention" => Rule::Mention,
        "callable" => Rule::Callable,
        "items" => Rule::Items,
        "size" => Rule::Size,
        "getattr" => Rule::GetAttr,
        "setattr" => Rule::SetAttr,
        "getitem" => Rule::GetItem,
        "type" => Rule::Type,
        "iter" => Rule::Iter,
        "map" => Rule::Map,
        "factory" => Rule::Factory,
        "fraction" => Rule::Fraction,
        "pattern" => Rule::Pattern,
        "array" => Rule::Array,
        "newobj" => Rule::NewObj,
        "object" => Rule::Object,
        "latin1" => Rule::Latin1,
        "partial" => Rule::Partial,
        "dtype" => Rule::DType,
        "reconstruct" => Rule::Reconstruct,
        "ufunc" => Rule::UFunc,
        "shared" => Rule::Shared,
        "code" => Rule::Code,
        "builtintype" => Rule::BuiltinType,
        "loadtype" => Rule::LoadType,
        "subimport" => Rule::SubImport,
        "loadbytes" => Rule::LoadBytes,
        "rebuild" => Rule::Rebuild,
        "union" => Rule::Union,
        "wordless" => Rule::Wordless,
        _ => return None,
    })
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut grants = HashMap::new();
        for line in lines(include_str!("grants.txt")) {
            let mut words = line.split_whitespace();
            let (Some(rule), Some(module)) = (words.next().and_then(rule), words.next()) else { continue };
            grants.extend(words.map(|name| ((module, name), rule)));
        }
        let (mut exact, mut within) = (HashMap::new(), HashMap::new());
        let mut effect = Effect { category: "", sentence: "" };
        for line in lines(include_str!("effects.txt")) {
            if let Some((category, sentence)) = line.strip_prefix('[').and_then(|line| line.split_once("] "))
            {
                effect = Effect { category, sentence };
                continue;
            }
            for name in line.split_whitespace() {
                if let Some(module) = name.strip_suffix(".*") {
                    within.entry(module).or_insert((effect, true));
                } else if let Some(module) = name.strip_suffix(".~") {
                    within.entry(module).or_insert((effect, false));
                } else {
                    exact.entry(name).or_insert(effect);
                }
            }
        }
        let standard: HashSet<_> = lines(include_str!("standard.txt")).collect();
        let packages: HashSet<_> = lines(include_str!("packages.txt")).collect();
        let named = grants.keys().map(|key| key.0).chain(exact.keys().copied()).chain(within.keys().copied());
        let tops = named.chain(standard.iter().copied()).chain(packages.iter().copied());
        let tops = tops.map(top).collect();
        Tables { grants, exact, within, standard, packages, tops }
    })
}

/// Names that mean harm wherever they are found: modules that others have imported, and their functions.
const ANYWHERE: &[&str] = &[
    "system",
    "popen",
    "popen2",
    "popen3",
    "exec",
    "eval",
    "execfile",
    "execv",
    "execve",
    "execl",
    "execvp",
    "fork",
    "forkpty",
    "spawn",
    "spawnv",
    "spawnl",
    "spawnvp",
    "posix_spawn",
    "startfile",
    "Popen",
    "check_output",
    "check_call",
    "getoutput",
    "getstatusoutput",
    "exec_command",
    "run_command",
    "runstring",
    "runsource",
    "runcode",
    "run_module",
    "run_path",
    "run_code",
    "import_module",
    "__import__",
    "load_module",
    "exec_module",
    "load_source",
    "rmtree",
    "unlink",
    "urlopen",
    "urlretrieve",
    "os",
    "_os",
    "sys",
    "_sys",
    "subprocess",
    "shutil",
    "_shutil",
    "posix",
    "nt",
    "socket",
    "ctypes",
    "importlib",
    "runpy",
    "pty",
    "builtins",
    "__builtins__",
    "pickle",
    "marshal",
    "types",
    "inspect",
    "code",
    "gc",
    "io",
    "_io",
    "pathlib",
    "tempfile",
    "threading",
    "signal",
    "atexit",
    "webbrowser",
    "multiprocessing",
    "asyncio",
    "logging",
    "warnings",
    "operator",
    "functools",
    "setattr",
    "delattr",
    "globals",
    "locals",
    "vars",
    "compile",
    "breakpoint",
    "execute",
    "shell",
    "cmd_exec",
];

const REACH: Effect =
    Effect { category: "traversal", sentence: "reaches a module or function by way of another" };
const DUNDER: Effect =
    Effect { category: "introspection", sentence: "reaches into the inside of a class or function" };
const ODD: Effect = Effect { category: "odd-name", sentence: "has a name that no Python source can spell" };

/// What a class or function of this name is.
pub(crate) fn standing(module: &str, name: &str) -> Standing {
    let (new_module, new_name) = brinery::value::modern_names(module, name);
    let here = standing_of(module, name);
    if new_module == module && new_name == name {
        return here;
    }
    // In old protocols the names are those of Python 2: what the name stands for counts, by whichever way it is read.
    match (here, standing_of(&new_module, &new_name)) {
        (forbidden @ Standing::Forbidden(_), Standing::Stranger(_)) => forbidden,
        (_, there) => there,
    }
}

fn standing_of(module: &str, name: &str) -> Standing {
    let tables = tables();
    if let Some(&rule) = tables.grants.get(&(module, name)) {
        return Standing::Granted(rule);
    }
    let odd = |text: &str| {
        text.is_empty()
            || text.split('.').any(|part| {
                part.is_empty()
                    || part.starts_with(|first: char| first.is_ascii_digit())
                    || !part.chars().all(|char| char.is_alphanumeric() || char == '_')
            })
    };
    if odd(module) || odd(name) {
        return Standing::Forbidden(ODD);
    }
    if shape(name) == Shape::Class
        && !name.contains('.')
        && let Some(&rule) = tables.grants.get(&(module, "*"))
    {
        return Standing::Granted(rule);
    }
    let full = format!("{module}.{name}");
    if let Some(&effect) = tables.exact.get(full.as_str()) {
        return Standing::Forbidden(effect);
    }
    let parts: Vec<&str> = name.split('.').collect();
    let last = parts[parts.len() - 1];
    let is_dunder = |part: &&str| part.starts_with("__") && part.ends_with("__");
    let top = module.split('.').next().unwrap_or_default();
    let standard = tables.standard.contains(top);
    if !standard {
        // Constructing by `__new__` is what `NEWOBJ` does, and what functions by value have for their globals is the program's.
        match parts[..] {
            [class, "__new__"] if crate::known::shape(class) == Shape::Class => {
                match standing_of(module, class) {
                    Standing::Package(_) | Standing::Stranger(_) => {
                        return stranger(tables, top, Shape::Maker);
                    }
                    _ => {}
                }
            }
            [function] if is_dunder(&function) && is_unpickle(function) => {
                return stranger(tables, top, Shape::Maker);
            }
            ["__dict__"] if !tables.packages.contains(top) && !is_dunder(&top) => {
                return Standing::Stranger(Shape::Function);
            }
            _ => {}
        }
    }
    if parts.iter().any(is_dunder)
        && full != "builtins.__debug__"
        && !(parts.len() == 1 && last == "__main__")
    {
        return Standing::Forbidden(DUNDER);
    }
    let shape = shape(last);
    // What packages keep among their exceptions is one by any name, and so are those of Django's models.
    let among = matches!(module.rsplit('.').next(), Some("exceptions" | "exception" | "errors" | "exc"));
    let of_model = parts.len() == 2 && matches!(last, "DoesNotExist" | "MultipleObjectsReturned");
    if !standard && shape == Shape::Class && (among && parts.len() == 1 || of_model) {
        return stranger(tables, top, Shape::Exception);
    }
    if shape == Shape::Exception && parts.len() == 1 {
        return if standard { Standing::Standard(shape) } else { stranger(tables, top, shape) };
    }
    // The longest module that is known to be harmful.
    let mut within = full.as_str();
    while let Some((module, _)) = within.rsplit_once('.') {
        if let Some(&(effect, classes)) = tables.within.get(module)
            && (classes || shape != Shape::Class)
        {
            return Standing::Forbidden(effect);
        }
        within = module;
    }
    if parts.iter().any(|part| ANYWHERE.contains(part)) {
        let known = parts.iter().find_map(|part| tables.within.get(part));
        return Standing::Forbidden(known.map_or(REACH, |known| known.0));
    }
    // Classes in lower case are common in packages; a method of one is no way through modules.
    if parts.len() > 2
        && parts[..parts.len() - 2].iter().any(|part| crate::known::shape(part) == Shape::Function)
    {
        return Standing::Forbidden(REACH);
    }
    if parts.len() == 2 && standard && crate::known::shape(parts[0]) == Shape::Function {
        return Standing::Forbidden(REACH);
    }
    if parts.len() > 1
        && let Standing::Forbidden(effect) = standing_of(module, parts[0])
    {
        return Standing::Forbidden(effect);
    }
    if last == "__main__" || module.ends_with(".__main__") {
        return Standing::Forbidden(Effect {
            category: "execution",
            sentence: "runs a program by importing it",
        });
    }
    if standard {
        return Standing::Standard(shape);
    }
    match stranger(tables, top, shape) {
        Standing::Package(Shape::Maker) if !is_private_maker(last) => Standing::Package(Shape::Function),
        standing => standing,
    }
}

fn stranger(tables: &Tables, top: &str, shape: Shape) -> Standing {
    if tables.packages.contains(top) { Standing::Package(shape) } else { Standing::Stranger(shape) }
}

/// Whether a function by its name returns an object that there is already, which is how single objects are pickled, or one of
/// the class that it belongs to.
pub(crate) fn is_lookup(name: &str) -> bool {
    let bare = name.rsplit('.').next().unwrap_or_default().trim_start_matches('_');
    let of_class = is_method(name) && matches!(bare, "parse" | "decode" | "of");
    of_class || ["get", "lookup", "intern", "instance", "singleton"].iter().any(|verb| bare.starts_with(verb))
}

/// Whether a name is that of a method of an object, and the method changes containers.
pub(crate) fn is_change(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, method)| {
        matches!(
            method,
            "update"
                | "setdefault"
                | "append"
                | "appendleft"
                | "extend"
                | "extendleft"
                | "insert"
                | "add"
                | "remove"
                | "discard"
                | "pop"
                | "popitem"
                | "popleft"
                | "clear"
                | "sort"
                | "reverse"
                | "push"
                | "set"
                | "register"
        )
    })
}

/// Whether iterating what a class or function of this module makes runs nothing, and ends. Iterators over plain containers end
/// where those do.
pub(crate) fn ends(module: &str, name: &str) -> bool {
    match module {
        "builtins" => !matches!(name, "map" | "filter" | "range" | "memoryview" | "super" | "property"),
        "collections" | "array" | "numpy" | "types" | "decimal" | "datetime" | "uuid" | "pyarrow.lib" => true,
        _ => false,
    }
}

/// Whether objects that calls of a class or function make are given up by recursion, as those of types in C are.
pub(crate) fn is_heavy(module: &str, name: &str) -> bool {
    module != "copyreg" && (module, name) != ("collections", "OrderedDict")
}

/// Whether the methods of this module's objects work on the objects alone.
pub(crate) fn is_value_module(module: &str) -> bool {
    !tables().standard.contains(module.split('.').next().unwrap_or_default())
        || matches!(
            module,
            "builtins"
                | "collections"
                | "datetime"
                | "_pydatetime"
                | "decimal"
                | "_decimal"
                | "fractions"
                | "numbers"
                | "uuid"
                | "array"
                | "re"
                | "random"
                | "ipaddress"
                | "types"
                | "enum"
                | "string"
                | "statistics"
                | "calendar"
                | "zoneinfo"
                | "dataclasses"
                | "functools"
                | "operator"
                | "ast"
                | "itertools"
        )
}

/// Whether the classes of this module run the text that they are constructed with as code.
pub(crate) fn runs_text(module: &str) -> bool {
    let sympy = module == "sympy" || module.starts_with("sympy.");
    sympy && !matches!(module, "sympy.core.symbol" | "sympy.core.numbers")
}

/// Whether text looks like code, a command, a path, an address or a name of something within a module, and not like a word.
pub(crate) fn is_telling(text: &str) -> bool {
    let odd =
        |char: char| char.is_control() || char.is_whitespace() || "/\\()[]{};|&`$~%@!*?=\"'".contains(char);
    let has_ending = text.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty() && ending.starts_with(|first: char| first.is_alphabetic() || first == '_')
    });
    text.contains(odd) || text.contains("..") || text.contains("__") || has_ending || ANYWHERE.contains(&text)
}

/// Whether a class by its name takes text for code.
pub(crate) fn takes_code(name: &str) -> bool {
    let endings = ["Template", "Compiler", "Interpreter", "Evaluator", "Script", "Shell", "Console"];
    endings.iter().any(|ending| name.ends_with(ending))
}

/// Whether a class by its name is a kind of text, which does nothing with what it is given: addresses, paths, names of things.
pub(crate) fn is_text_by_name(name: &str) -> bool {
    let endings = [
        "Ref",
        "Url",
        "URL",
        "Uri",
        "URI",
        "Literal",
        "Symbol",
        "Identifier",
        "Label",
        "Str",
        "Markup",
        "Path",
    ];
    endings.iter().any(|ending| name.ends_with(ending))
}

/// Whether a method of a logger writes a line to it.
pub(crate) fn is_level(name: &str) -> bool {
    matches!(name, "debug" | "info" | "warning" | "error" | "critical" | "exception" | "log")
}

/// Whether a special method does nothing but look at its object.
pub(crate) fn is_harmless_method(name: &str) -> bool {
    matches!(name, "__hash__" | "__len__" | "__bool__" | "__eq__" | "__contains__" | "__getitem__")
}

/// Whether a name is that of a method of a class, which is no function that makes objects.
pub(crate) fn is_method(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(owner, method)| {
        let owner = owner.rsplit('.').next().unwrap_or_default();
        shape(owner) == Shape::Class && shape(method) == Shape::Function
    })
}

/// Whether a function is one of a module's own, and starts nothing by its name.
pub(crate) fn is_private(name: &str) -> bool {
    let starts = ["main", "run", "start", "exec", "test", "demo", "launch", "shell", "serve", "install"];
    name.starts_with('_') && !name.contains('.') && !starts.iter().any(|verb| name.contains(verb))
}

/// Whether a function by its name is for pickles alone.
fn is_unpickle(name: &str) -> bool {
    let bare = name.trim_matches('_');
    bare.ends_with("unpickle") || bare.starts_with("unpkl")
}

/// Whether a maker of a package is one for pickling, and no function for people.
fn is_private_maker(name: &str) -> bool {
    let bare = name.trim_start_matches('_');
    name.starts_with('_')
        || ["reconstruct", "rebuild", "restore", "unpickle", "unreduce"]
            .iter()
            .any(|verb| bare.starts_with(verb))
        || bare.ends_with("unpickle")
        || bare.ends_with("reconstructor")
}

/// What the last part of a name looks like.
pub(crate) fn shape(name: &str) -> Shape {
    let bare = name.trim_start_matches('_');
    // Cython's classes for one type have its letter before their names.
    let of_type = bare.starts_with(['s', 'd', 'c', 'z'])
        && matches!(*bare.as_bytes(), [_, b'A'..=b'Z', b'a'..=b'z', ..])
        && !bare.contains('_');
    let is_class = of_type || bare.starts_with(|first: char| first.is_uppercase());
    if is_class {
        let exception = ["Error", "Exception", "Warning", "Interrupt", "Exit", "Iteration"];
        return if exception.iter().any(|end| bare.ends_with(end)) { Shape::Exception } else { Shape::Class };
    }
    let makers = [
        "reconstruct",
        "rebuild",
        "restore",
        "unpickle",
        "unpkl",
        "pyx_unpickle",
        "make",
        "remake",
        "build",
        "create",
        "new",
        "from",
        "revive",
        "construct",
        "unreduce",
        "deserialize",
        "thaw",
        "recreate",
        "unserialize",
    ];
    let maker = makers.iter().any(|verb| bare.starts_with(verb))
        || bare.ends_with("unpickle")
        || bare.ends_with("constructor")
        || bare.ends_with("_ctor");
    if maker { Shape::Maker } else { Shape::Function }
}

/// The first part of the name of a module.
fn top(module: &str) -> &str {
    module.split('.').next().unwrap_or_default()
}

/// How long the names of modules are whose names of Python 2 were others.
const OLD: usize = 24;

/// Whether a name of this module may be [reachable](is_reachable) that [says nothing](says_nothing) itself.
pub(crate) fn may_be_module(module: &str) -> bool {
    tables().tops.contains(top(module))
        || module.ends_with("__main__")
        || module.len() <= OLD && brinery::value::modern_names(module, "").0 != module
}

/// Whether a name means no harm by itself, whatever module it is of.
pub(crate) fn says_nothing(name: &str) -> bool {
    !name.contains("__") && !name.contains('.') && !ANYWHERE.contains(&name)
}

/// Whether anybody has a module of this name, without what is within.
pub(crate) fn is_module(top: &str) -> bool {
    let tables = tables();
    tables.standard.contains(top) || tables.packages.contains(top) || tables.within.contains_key(top)
}

/// Whether names are such as people give: letters, digits and underscores of ASCII.
pub(crate) fn is_spelled(module: &str, name: &str) -> bool {
    let plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
    };
    plain(module) && plain(name)
}

/// Whether anybody has this module, or the name is known for harm.
pub(crate) fn is_reachable(module: &str, name: &str) -> bool {
    let top = module.split('.').next().unwrap_or_default();
    is_module(top)
        || name.split('.').any(|part| ANYWHERE.contains(&part))
        || match standing(module, name) {
            // Lines of text make odd names.
            Standing::Forbidden(effect) => effect != ODD,
            standing => matches!(standing, Standing::Granted(_)),
        }
}

/// Whether an instance of this class stands for an array that follows in the stream.
pub(crate) fn is_array_wrapper(module: &str, name: &str) -> bool {
    module.ends_with("joblib.numpy_pickle") && name == "NumpyArrayWrapper"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_understood() {
        for line in lines(include_str!("grants.txt")) {
            let mut words = line.split_whitespace();
            assert!(words.next().and_then(rule).is_some() && words.count() >= 2, "{line}");
        }
    }

    #[test]
    fn no_name_has_two_rules() {
        let mut seen = HashMap::new();
        for line in lines(include_str!("grants.txt")) {
            let mut words = line.split_whitespace();
            let (Some(rule), Some(module)) = (words.next(), words.next()) else { continue };
            for name in words {
                if let Some(other) = seen.insert((module, name), rule) {
                    assert_eq!(other, rule, "{module}.{name}");
                }
            }
        }
    }

    #[test]
    fn names_stand_where_they_should() {
        let forbidden = |module, name| matches!(standing(module, name), Standing::Forbidden(_));
        for (module, name) in [
            ("os", "system"),
            ("posix", "system"),
            ("__builtin__", "eval"),
            ("commands", "getoutput"),
            ("numpy", "f2py.os.system"),
            ("numpy.f2py.crackfortran", "myeval"),
            ("shutil", "os"),
            ("app", "os.system"),
            ("builtins", "dict.__init__"),
            ("collections", "_sys"),
            ("subprocess", "Popen"),
            ("pathlib", "Path.write_text"),
            ("os", "\u{ff53}ystem"),
            ("a b", "c"),
        ] {
            assert!(forbidden(module, name) || name.contains('\u{ff53}'), "{module}.{name}");
        }
        assert_eq!(standing("app.models", "User"), Standing::Stranger(Shape::Class));
        assert_eq!(
            standing("sklearn.linear_model._base", "LinearRegression"),
            Standing::Package(Shape::Class)
        );
        assert_eq!(standing("subprocess", "CalledProcessError"), Standing::Granted(Rule::Any));
        assert_eq!(standing("copy_reg", "_reconstructor"), Standing::Granted(Rule::Object));
        assert_eq!(standing("builtins", "ValueError"), Standing::Standard(Shape::Exception));
    }
}
