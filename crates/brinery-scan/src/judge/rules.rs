//! Calls of what honest pickles call, each by its rule.

use super::{PARTIALS, TOLD_CALL, arguments::Args, change::HOOKS};
use crate::fact::{Extra, Fact, Kind, Sort};
use crate::facts::{Facts, HUGE, Partial, made};
use crate::known::{self, Rule, Shape, Standing};
use crate::report::Verdict;

/// The methods of a class that run when instances of it are loaded or thrown away.
const LOADED: &[&str] = &[
    "__new__",
    "__setstate__",
    "__del__",
    "__getattribute__",
    "__setattr__",
    "__init_subclass__",
    "__set_name__",
    "__instancecheck__",
    "__subclasscheck__",
    "__prepare__",
    "__setitem__",
    "append",
    "extend",
    "add",
];

/// Modules that anybody has and that act when they are imported.
const ACTING: &[&str] = &["antigravity", "this", "idlelib", "turtledemo", "__phello__", "test"];

/// How large an argument may be that is an amount of memory.
pub(super) const LARGEST: i64 = 64 << 20;

impl Facts<'_, '_> {
    /// A call of what honest pickles call.
    pub(super) fn judge_granted(&mut self, id: u32, rule: Rule, args: &Fact) -> Fact {
        let list = self.args(args);
        let first = list.items.first().copied();
        let refuse = |facts: &mut Self, why: &str| facts.dangerous_call(id, args, "call-arguments", why);
        self.named[id as usize].used = true;
        self.weigh_call(id, rule, args, &list.items);
        let copied = self.bytes_among(&list.items);
        self.allocate(copied);
        self.grants.copy(copied);
        self.consume(args, &list.items);
        if list.items.iter().any(|item| matches!(item.kind, Kind::Plain(_)) && item.weight > HUGE) {
            let message = "calculates with a very large integer".into();
            self.about(id, Verdict::Budget, "budget-digits", None, message);
        }
        match rule {
            Rule::Any => {
                let (module, name) = self.named[id as usize].modern();
                // What is no number as it stands may have any exponent.
                let is_long = |first: Fact| {
                    matches!(first.kind, Kind::Made { .. } | Kind::Result)
                        || self.text(&first).is_some_and(|text| text.len() >= 4096)
                };
                let digits = (module, name) == ("builtins", "int") && first.is_some_and(is_long);
                if digits {
                    self.about(
                        id,
                        Verdict::Budget,
                        "budget-digits",
                        None,
                        "reads a very long decimal number".into(),
                    );
                }
                made(id, Extra::None)
            }
            Rule::Kin => {
                if self.are_kin(id, &list.items) {
                    made(id, Extra::None)
                } else {
                    refuse(self, ", which uses what it is given, of another package")
                }
            }
            Rule::Value | Rule::Mention => refuse(self, ", which no honest pickle does"),
            Rule::Callable => made(id, Extra::None),
            Rule::Shared => made(id, Extra::Shared),
            Rule::Items | Rule::Factory => {
                let iterated = if rule == Rule::Factory {
                    &list.items[list.items.len().min(1)..]
                } else {
                    &list.items[..]
                };
                if !iterated.iter().all(|item| self.is_container(item)) {
                    return refuse(self, " over an iterator that may run code or never end");
                }
                if rule == Rule::Factory
                    && let Some(Fact { kind: Kind::Bound | Kind::Result, .. }) = first
                {
                    return refuse(self, " with a factory that nobody knows");
                }
                made(id, Extra::None)
            }
            Rule::Size => {
                let size = list.items.iter().map(|item| self.size_of(item)).max().unwrap_or_default();
                if size > LARGEST {
                    let message = format!("asks for {size} items at once");
                    self.about(id, Verdict::Budget, "budget-size", Some(args), message);
                }
                if !list.items.iter().all(|item| self.is_container(item)) {
                    return refuse(self, " over an iterator that may run code or never end");
                }
                made(id, Extra::None)
            }
            Rule::GetAttr => self.judge_getattr(id, args, &list),
            Rule::Type => {
                if list.items.len() == 1 {
                    made(id, Extra::None)
                } else {
                    refuse(self, " to make a class")
                }
            }
            Rule::Iter => {
                if list.items.len() == 1 && list.items.iter().all(|item| self.is_container(item)) {
                    made(id, Extra::None)
                } else {
                    refuse(self, " over what may run code")
                }
            }
            Rule::Map => {
                let plain = matches!(first, Some(Fact { kind: Kind::Global(function), .. })
                    if matches!(self.named[function as usize].standing, Standing::Granted(Rule::Any | Rule::Value | Rule::Items))
                        && self.named[function as usize].modern().0 == "builtins");
                let plain = plain && list.items.iter().skip(1).all(|item| self.is_container(item));
                if plain || matches!(first, Some(Fact { kind: Kind::Plain(_), .. })) {
                    made(id, Extra::None)
                } else {
                    refuse(self, ", which calls its first argument on each item")
                }
            }
            Rule::Fraction => {
                let text = first.and_then(|first| self.text(&first)).unwrap_or_default();
                // What is no number as it stands may have any exponent.
                let is_made =
                    list.items.iter().any(|item| matches!(item.kind, Kind::Made { .. } | Kind::Result));
                if is_made || text.contains(['e', 'E']) || text.len() > 10_000 {
                    self.about(
                        id,
                        Verdict::Budget,
                        "budget-size",
                        Some(args),
                        "asks for a very large fraction".into(),
                    );
                }
                made(id, Extra::None)
            }
            Rule::Pattern => {
                if first.and_then(|first| self.text(&first)).is_some_and(|text| text.len() >= 4096) {
                    self.about(
                        id,
                        Verdict::Budget,
                        "budget-size",
                        None,
                        "compiles a very long regular expression".into(),
                    );
                }
                made(id, Extra::None)
            }
            Rule::Array => {
                if matches!(first, Some(Fact { kind: Kind::Global(_), .. })) {
                    made(id, Extra::None)
                } else {
                    refuse(self, " with what is no class")
                }
            }
            Rule::NewObj => match first {
                Some(class) => self.judge_new(&class, args, None),
                None => refuse(self, " with a class that nobody knows"),
            },
            Rule::Object => {
                let base = list.items.get(1).map(|base| base.kind);
                let plain = matches!(base, Some(Kind::Global(base)) if matches!(
                    self.named[base as usize].standing,
                    Standing::Granted(Rule::Any | Rule::Items | Rule::Size)
                ) && matches!(self.named[base as usize].modern().0, "builtins" | "datetime" | "collections"));
                let size = list
                    .items
                    .get(2)
                    .is_some_and(|state| matches!(state.kind, Kind::Int(size) if size > LARGEST));
                match first {
                    Some(class) if plain && !size => self.judge_new(&class, &Fact::new(Kind::PLAIN), None),
                    _ => refuse(self, " by way of a class that is no builtin"),
                }
            }
            Rule::Latin1 => {
                let codec = list.items.get(1).and_then(|codec| self.text(codec)).unwrap_or_default();
                let text = matches!(
                    first,
                    Some(Fact { kind: Kind::Text(_) | Kind::Hook(_) | Kind::Decoded(_), .. })
                );
                if text
                    && matches!(
                        codec.to_ascii_lowercase().as_str(),
                        "latin1" | "latin-1" | "latin_1" | "iso-8859-1" | "utf-8" | "utf8" | "ascii"
                    )
                {
                    let sort = first.map_or(Sort::Any, |text| self.latin1(&text));
                    Fact::new(Kind::Plain(sort))
                } else {
                    refuse(self, " with a codec that honest pickles do not use")
                }
            }
            Rule::Partial => match first {
                Some(Fact { kind: Kind::Made { global, extra: Extra::New }, .. }) => made(global, Extra::New),
                Some(Fact { kind: Kind::Global(target), .. })
                    if self.partials.len() < PARTIALS && self.makes_objects(target) =>
                {
                    self.named[target as usize].used = true;
                    self.partials.push(Partial { target, args: list.items[1..].to_vec(), known: list.known });
                    made(id, Extra::Partial(self.partials.len() as u32 - 1))
                }
                _ => made(id, Extra::None),
            },
            Rule::Union => {
                let parts = list.items.get(1).map(|types| self.args(types));
                let or = matches!(first, Some(Fact { kind: Kind::Global(function), .. })
                    if self.named[function as usize].name == "or_"
                        && matches!(self.named[function as usize].standing, Standing::Granted(_)));
                let types = parts.is_some_and(|parts| {
                    parts.known
                        && parts.items.iter().all(|part| match part.kind {
                            Kind::Global(class) => self.makes_objects(class),
                            // `type(None)` and `list[int]`.
                            Kind::Made { global, .. } => {
                                let named = &self.named[global as usize];
                                named.standing == Standing::Granted(Rule::Type)
                                    || matches!(named.module.as_str(), "types" | "typing")
                            }
                            kind => matches!(kind, Kind::Plain(_)),
                        })
                });
                if or && types && list.items.len() == 2 {
                    made(id, Extra::None)
                } else {
                    refuse(self, ", which calls its first argument")
                }
            }
            Rule::Wordless => {
                if !list.known || list.items.iter().any(|item| self.may_hold_text(item, 0)) {
                    refuse(self, " with text, which it takes for code")
                } else {
                    made(id, Extra::None)
                }
            }
            Rule::SetAttr => {
                let name =
                    list.items.get(1).and_then(|name| self.text(name)).unwrap_or_else(|| "__class__".into());
                let own = matches!(first, Some(Fact { kind: Kind::Made { extra, .. }, .. }) if extra != Extra::Shared);
                if own && !HOOKS.contains(&name.as_str()) {
                    Fact::new(Kind::PLAIN)
                } else {
                    refuse(self, " on what it has not made, or on a hook")
                }
            }
            Rule::GetItem => match first.map(|first| first.kind) {
                Some(Kind::Global(class))
                    if !matches!(
                        self.named[class as usize].standing,
                        Standing::Forbidden(_)
                            | Standing::Standard(Shape::Function)
                            | Standing::Package(Shape::Function)
                            | Standing::Stranger(Shape::Function)
                    ) =>
                {
                    self.named[class as usize].used = true;
                    made(class, Extra::None)
                }
                _ => refuse(self, " of what is no class"),
            },
            Rule::DType => self.judge_dtype(id, args, &list),
            Rule::Reconstruct => {
                let class = matches!(first, Some(Fact { kind: Kind::Global(_), .. }));
                let shape = list.items.get(1).map(|shape| self.args(shape));
                let size = shape.as_ref().map_or(0i64, |shape| {
                    shape.items.iter().fold(1i64, |size, item| match item.kind {
                        Kind::Int(len) => size.saturating_mul(len.saturating_abs()),
                        _ => size,
                    })
                });
                if size > 1 << 20 {
                    let message = format!("asks for an array of {size} items that the stream does not hold");
                    self.about(id, Verdict::Budget, "budget-size", Some(args), message);
                }
                match first {
                    Some(Fact { kind: Kind::Global(class), .. }) => {
                        self.named[class as usize].used = true;
                        made(class, Extra::Fresh)
                    }
                    _ if class => made(id, Extra::None),
                    _ => refuse(self, " with what is no class"),
                }
            }
            Rule::UFunc => {
                match (
                    list.items.first().and_then(|it| self.text(it)),
                    list.items.get(1).and_then(|it| self.text(it)),
                ) {
                    (Some(module), Some(name)) => {
                        let harmless =
                            matches!(module.as_str(), "numpy" | "scipy.special" | "scipy.special._ufuncs")
                                || module.starts_with("numpy.core")
                                || module.starts_with("numpy._core");
                        let target = self.name_global(module, name);
                        self.named[target as usize].used = true;
                        if harmless {
                            Fact::new(Kind::Global(target))
                        } else {
                            refuse(self, ", which imports a module by its name")
                        }
                    }
                    _ => refuse(self, " with a name that is computed"),
                }
            }
            Rule::Code => self.judge_code(id, args, &list),
            Rule::BuiltinType | Rule::LoadType => match first.and_then(|first| self.text(&first)) {
                Some(name) => {
                    let code = matches!(
                        name.as_str(),
                        "CodeType" | "FunctionType" | "LambdaType" | "MethodType" | "CellType"
                    );
                    if code {
                        return made(id, Extra::CodeType);
                    }
                    let (module, name) = match name.as_str() {
                        "PartialType" => ("functools", "partial".into()),
                        "ItemGetterType" => ("operator", "itemgetter".into()),
                        "AttrGetterType" => ("operator", "attrgetter".into()),
                        "SuperType" => ("builtins", "super".into()),
                        _ if matches!(known::standing("builtins", &name), Standing::Granted(_)) => {
                            ("builtins", name)
                        }
                        _ => ("types", name),
                    };
                    let target = self.name_global(module.into(), name);
                    self.named[target as usize].used = true;
                    Fact::new(Kind::Global(target))
                }
                None => refuse(self, " with a name that is computed"),
            },
            Rule::SubImport => match first.and_then(|first| self.text(&first)) {
                Some(module) if ACTING.contains(&module.split('.').next().unwrap_or_default()) => {
                    refuse(self, " to import a module that acts by being imported")
                }
                Some(module) => {
                    self.need(id, TOLD_CALL, Some(args), "imports a module by");
                    let id = self.named.len() as u32;
                    let standing = Standing::Stranger(Shape::Function);
                    self.named.push(crate::facts::Named {
                        ends: false,
                        heavy: false,
                        grows: false,
                        module,
                        name: String::new(),
                        modern: None,
                        offset: self.at,
                        standing,
                        used: true,
                        told: u8::MAX,
                        valued: false,
                        built: false,
                        number: None,
                    });
                    Fact::new(Kind::Module(id))
                }
                None => refuse(self, " with a name that is computed"),
            },
            Rule::LoadBytes => {
                // The bytes are looked at as a file of their own.
                if let Some(Fact { kind: Kind::Bytes(at), .. }) = first {
                    self.nested.push((at, u64::MAX));
                    made(id, Extra::None)
                } else {
                    refuse(self, " with bytes that are computed")
                }
            }
            Rule::Rebuild => match first {
                Some(Fact { kind: Kind::Global(function), .. })
                    if matches!(self.named[function as usize].standing, Standing::Granted(Rule::Any)) =>
                {
                    made(id, Extra::None)
                }
                Some(Fact { kind: Kind::Global(function), .. })
                    if matches!(self.named[function as usize].standing, Standing::Granted(Rule::Kin)) =>
                {
                    let inner = list.items.get(2).map(|args| self.args(args).items);
                    if inner.is_some_and(|inner| self.are_kin(function, &inner)) {
                        made(id, Extra::None)
                    } else {
                        refuse(self, ", which calls its first argument with what is of another package")
                    }
                }
                _ => refuse(self, ", which calls its first argument"),
            },
        }
    }

    pub(super) fn judge_getattr(&mut self, id: u32, args: &Fact, list: &Args) -> Fact {
        let Some(name) = list.items.get(1).and_then(|name| self.text(name)) else {
            return self.dangerous_call(id, args, "computed-name", " with a name that is computed");
        };
        if name == "__new__"
            && let Some(Fact { kind: Kind::Global(class), .. }) = list.items.first()
            && !matches!(self.named[*class as usize].standing, Standing::Forbidden(_))
        {
            // How an object with keyword arguments is spelled below protocol 4.
            self.named[*class as usize].used = true;
            return made(*class, Extra::New);
        }
        let is_made = matches!(list.items.first(), Some(Fact { kind: Kind::Made { .. }, .. }));
        let is_harmless = is_made && known::is_harmless_method(&name);
        if name.starts_with("__") && name.ends_with("__") && !is_harmless {
            return self.dangerous_call(id, args, "dunder", " to reach into the inside of an object");
        }
        let Some(object) = list.items.first() else { return Fact::new(Kind::Result) };
        match object.kind {
            Kind::Global(owner) if self.named[owner as usize].full() == "dill._dill" => {
                let target = self.name_global("dill._dill".into(), name);
                self.named[target as usize].used = true;
                Fact::new(Kind::Global(target))
            }
            Kind::Global(owner) => {
                let named = &self.named[owner as usize];
                if matches!(named.standing, Standing::Forbidden(_)) {
                    return self.dangerous_call(id, args, "forbidden-call", " of what is forbidden itself");
                }
                let is_class = matches!(
                    named.standing,
                    Standing::Granted(_)
                        | Standing::Standard(Shape::Class | Shape::Exception)
                        | Standing::Package(Shape::Class | Shape::Exception)
                        | Standing::Stranger(Shape::Class | Shape::Exception)
                ) || matches!(named.standing, Standing::Package(_) | Standing::Stranger(_))
                    && !named.name.contains('.')
                    && named.name != "__dict__";
                if !is_class {
                    return self.dangerous_call(
                        id,
                        args,
                        "traversal",
                        " to walk through a module or function",
                    );
                }
                let (module, owner_name) = named.modern();
                let (module, name) = (module.to_owned(), format!("{owner_name}.{name}"));
                self.named[owner as usize].used = true;
                let target = self.name_global(module, name);
                self.named[target as usize].used = true;
                Fact::new(Kind::Global(target))
            }
            Kind::Module(module) => {
                let module = self.named[module as usize].module.clone();
                let target = self.name_global(module, name);
                Fact::new(Kind::Global(target))
            }
            Kind::Result | Kind::Bound | Kind::Outside(_) => {
                self.dangerous_call(id, args, "traversal", " of what it has not made itself")
            }
            Kind::Made { global, .. }
                if self.named[global as usize].modern() == ("logging", "getLogger")
                    && known::is_level(&name) =>
            {
                self.need(id, TOLD_CALL, Some(args), "takes a method by");
                Fact::new(Kind::Bound)
            }
            Kind::Made { global, .. } if !known::is_value_module(self.named[global as usize].modern().0) => {
                self.dangerous_call(
                    id,
                    args,
                    "traversal",
                    " of an object whose methods reach files or the program",
                )
            }
            // A method of what the stream has made. Calling it is another matter.
            _ => {
                self.need(id, TOLD_CALL, Some(args), "takes a method by");
                Fact::new(Kind::Bound)
            }
        }
    }

    pub(super) fn judge_dtype(&mut self, id: u32, args: &Fact, list: &Args) -> Fact {
        // Without the copy that the third argument asks for, it is the one dtype that the whole program shares.
        let shared = list.items.len() < 3;
        let Some(first) = list.items.first() else { return made(id, Extra::None) };
        if let Kind::Result | Kind::Bound = first.kind {
            return self.dangerous_call(id, args, "call-arguments", " with a computed argument");
        }
        let spec = self.text(first).unwrap_or_default();
        if shared {
            return made(id, Extra::Shared);
        }
        let spec = spec.trim_start_matches(['<', '>', '|', '=']);
        let (kind, digits) = spec.split_at(spec.chars().next().map_or(0, char::len_utf8));
        let width = if kind == "U" { 4 } else { 1 };
        let size = digits.split('[').next().and_then(|digits| digits.parse::<u32>().ok());
        match (kind, size) {
            ("O", _) => made(id, Extra::NewDType(0)),
            ("?", _) => made(id, Extra::NewDType(1)),
            (_, Some(size)) => made(id, Extra::NewDType(size.saturating_mul(width))),
            _ => made(id, Extra::None),
        }
    }

    /// Functions and classes by value.
    pub(super) fn judge_code(&mut self, id: u32, args: &Fact, list: &Args) -> Fact {
        let mut dicts: Vec<u32> = Vec::new();
        let mut pending: Vec<(Fact, u32)> = list.items.iter().map(|item| (*item, 0)).collect();
        while let Some((item, depth)) = pending.pop() {
            match item.kind {
                Kind::Dict(dict) => dicts.push(dict),
                Kind::Tuple(place) if depth < 3 => {
                    pending.extend(
                        self.shelf
                            .get(place)
                            .iter()
                            .flat_map(|got| got.0.iter())
                            .map(|item| (*item, depth + 1)),
                    );
                }
                _ => {}
            }
        }
        let mut runs = None;
        for dict in dicts {
            for &at in self.hooks.get(&dict).into_iter().flatten() {
                let name = self.text_at(at);
                if LOADED.contains(&name.as_str()) {
                    runs = Some(name);
                }
            }
        }
        if let Some(method) = runs {
            let why = format!(" to make a class whose own {method} runs while it is loaded");
            return self.dangerous_call(id, args, "own-code-runs", &why);
        }
        // The class of a class is called.
        if self.named[id as usize].name.contains("skeleton_class")
            || self.named[id as usize].name == "_create_type"
        {
            match list.items.first().map(|meta| meta.kind) {
                Some(Kind::Global(meta))
                    if !matches!(self.named[meta as usize].standing, Standing::Forbidden(_)) =>
                {
                    let named = &self.named[meta as usize];
                    let is_meta =
                        named.name == "type" || named.name.ends_with("Meta") || named.name.ends_with("Type");
                    if !is_meta {
                        return self.dangerous_call(
                            id,
                            args,
                            "call-arguments",
                            ", which calls its first argument",
                        );
                    }
                }
                Some(Kind::Made { extra: Extra::Code, .. } | Kind::Made { extra: Extra::None, .. })
                | None => {
                    if self.named[id as usize].name != "_create_type" {
                        return self.dangerous_call(
                            id,
                            args,
                            "call-arguments",
                            ", which calls its first argument",
                        );
                    }
                }
                Some(_) => {
                    return self.dangerous_call(
                        id,
                        args,
                        "call-arguments",
                        ", which calls its first argument",
                    );
                }
            }
        }
        self.need(id, TOLD_CALL, None, "brings functions or classes of its own by");
        made(id, Extra::Code)
    }
}
