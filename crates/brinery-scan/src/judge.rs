//! What is to be thought of what a stream does.
//!
//! The rules, in short (the page `docs/concepts/scanning.md` has them at length):
//!
//! - Naming something that no honest pickle names is dangerous, whatever is done with it.
//! - Calling is dangerous unless the function is known for it, or is a class that takes no text but words, or belongs to the
//!   program itself and is a class, by its name a maker of objects, or gets no text but words: what nobody else has needs to be
//!   granted.
//! - Constructing and giving state need to be granted, unless a rule says that they reach something.
//! - Only what the stream has made may be changed.

use crate::fact::{Extra, Fact, Kind, Outside, Sort};
use crate::facts::{Facts, HUGE, Partial, made};
use crate::known::{self, Rule, Shape, Standing};
use crate::report::Verdict;
use crate::shelf::{Few, Shelf};
use crate::tape::Between;

/// The hooks that a load asks an instance for: attributes of these names are not state.
const HOOKS: &[&str] = &[
    "__class__",
    "__setstate__",
    "__reduce__",
    "__reduce_ex__",
    "__getattr__",
    "__getattribute__",
    "__setattr__",
    "__delattr__",
    "__del__",
    "__call__",
    "__init__",
    "__new__",
    "__hash__",
    "__eq__",
    "__iter__",
    "__next__",
    "__enter__",
    "__exit__",
    "__getstate__",
    "__bases__",
    "__mro__",
    "__code__",
    "__globals__",
    "__builtins__",
    "__closure__",
    "__defaults__",
    "__kwdefaults__",
    "__func__",
    "__self__",
    "__import__",
    "__loader__",
    "__spec__",
    "__path__",
    "__subclasshook__",
    "__instancecheck__",
    "__subclasscheck__",
    "__setitem__",
    "__getitem__",
    "__delitem__",
    "__missing__",
    "__getinitargs__",
    "__getnewargs__",
    "__getnewargs_ex__",
    "__index__",
    "__int__",
    "__len__",
    "__bool__",
    "__str__",
    "__repr__",
    "__format__",
    "__init_subclass__",
    "__set_name__",
    "__prepare__",
    "__get__",
    "__set__",
    "__array_finalize__",
    "__array_interface__",
    "__array_ufunc__",
    "__array_function__",
    "__array__",
    "append",
    "extend",
    "add",
];

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

/// The rules that a policy can overrule: it may know the function that nobody else knows, and what that returns.
pub(crate) const UNKNOWN_CALL: &str = "call-unknown";
pub(crate) const UNKNOWN_CHANGED: &str = "change-unknown";

/// How many partials of one stream are known.
const PARTIALS: usize = 1 << 16;

/// How large an argument may be that is an amount of memory.
const LARGEST: i64 = 64 << 20;

/// The kinds of uses that are told once for each global.
const TOLD_VALUE: u8 = 1;
const TOLD_NEW: u8 = 2;
const TOLD_CALL: u8 = 4;
const TOLD_STATE: u8 = 8;
const TOLD_EXTEND: u8 = 16;

/// The arguments of a call.
struct Args {
    items: Few,
    /// Whether these are all, and are known.
    known: bool,
}

impl Facts<'_, '_> {
    fn args(&self, fact: &Fact) -> Args {
        match fact.kind {
            Kind::Tuple(place) => match self.shelf.get(place) {
                Some((items, all)) => Args { items, known: all },
                None => Args { items: Few::default(), known: false },
            },
            _ => Args { items: Few::default(), known: false },
        }
    }

    /// A value in the style of Python, shortly.
    pub(crate) fn show(&self, fact: &Fact, depth: usize) -> String {
        match fact.kind {
            Kind::Plain(_) => "…".into(),
            Kind::Int(value) => value.to_string(),
            Kind::Text(_) | Kind::Hook(_) | Kind::Decoded(_) => {
                let text = self.text(fact).unwrap_or_default();
                let short: String = text.chars().take(80).collect();
                let dots = if short.len() < text.len() { "…" } else { "" };
                format!("{short:?}{dots}")
            }
            Kind::Bytes(at) => {
                let bytes = self.literal(at, 24);
                let text: String =
                    bytes.iter().flat_map(|byte| std::ascii::escape_default(*byte)).map(char::from).collect();
                format!("b\"{text}\"{}", if bytes.len() == 24 { "…" } else { "" })
            }
            Kind::List => "[…]".into(),
            Kind::Dict(_) => "{…}".into(),
            Kind::Set => "{…}".into(),
            Kind::Tuple(place) => {
                if depth == 0 {
                    return "(…)".into();
                }
                let Some((items, all)) = self.shelf.get(place) else { return "(…)".into() };
                let mut parts: Vec<String> =
                    items.iter().take(6).map(|item| self.show(item, depth - 1)).collect();
                if !all || items.len() > 6 {
                    parts.push("…".into());
                }
                let comma = if parts.len() == 1 { "," } else { "" };
                format!("({}{comma})", parts.join(", "))
            }
            Kind::Global(id) => self.named[id as usize].full(),
            Kind::Module(id) => format!("<module {}>", self.named[id as usize].module),
            Kind::Made { global, .. } => format!("<{}>", self.named[global as usize].full()),
            Kind::Bound => "<attribute>".into(),
            Kind::Result => "<result>".into(),
            Kind::Outside(Outside::Extension) => "<extension>".into(),
            Kind::Outside(Outside::Persistent) => "<persistent object>".into(),
            Kind::Outside(Outside::Buffer) => "<buffer>".into(),
        }
    }

    /// Adds a finding about a global.
    fn about(&mut self, id: u32, verdict: Verdict, rule: &'static str, args: Option<&Fact>, message: String) {
        if self.is_full(verdict) {
            self.settle(verdict, rule);
            self.unsaid += 1;
            return;
        }
        let global = self.named[id as usize].full();
        let arguments = args.map(|args| self.show(args, 2));
        if let Some(finding) = self.find(verdict, rule, message) {
            finding.global = Some(global);
            finding.arguments = arguments;
        }
    }

    /// Says once for each kind of use that a global needs to be granted it.
    fn need(&mut self, id: u32, told: u8, args: Option<&Fact>, use_of_it: &str) {
        let named = &mut self.named[id as usize];
        named.used = true;
        if named.told & told != 0 {
            return;
        }
        named.told |= told;
        let message = format!("{use_of_it} {}", named.full());
        let rule = match told {
            TOLD_NEW => "needs-construct",
            TOLD_CALL => "needs-call",
            TOLD_STATE => "needs-state",
            TOLD_EXTEND => "needs-extend",
            _ => "needs-value",
        };
        self.about(id, Verdict::Needs, rule, args, message);
    }

    /// A name is resolved.
    pub(crate) fn judge_mention(&mut self, id: u32) {
        let named = &self.named[id as usize];
        if let Standing::Forbidden(effect) = named.standing {
            let message = format!("names {}, which {}", named.full(), effect.sentence);
            self.about(id, Verdict::Dangerous, "forbidden-global", None, message);
            if let Some(finding) = self.findings.last_mut() {
                finding.category = Some(effect.category);
            }
        }
    }

    /// The stream is over: whatever was resolved and not used was resolved for the sake of importing.
    pub(crate) fn judge_unused(&mut self) {
        for id in 0..self.named.len() as u32 {
            let named = &self.named[id as usize];
            if matches!(named.standing, Standing::Forbidden(_)) {
                continue;
            }
            self.at = named.offset;
            let mention = named.standing == Standing::Granted(Rule::Mention);
            let granted = matches!(named.standing, Standing::Granted(_)) && !mention;
            if mention && self.gives {
                let message = format!("names {}, and gives containers to what it calls", named.full());
                self.about(id, Verdict::Dangerous, "forbidden-global", None, message);
            } else if !named.used && !granted {
                let message =
                    format!("imports {} and throws it away, as if importing it were the point", named.module);
                self.about(id, Verdict::Dangerous, "unused-import", None, message);
            } else if named.told == 0 && !granted {
                self.need(id, TOLD_VALUE, None, "refers to");
            }
        }
    }

    fn dangerous_call(&mut self, id: u32, args: &Fact, rule: &'static str, why: &str) -> Fact {
        let named = &mut self.named[id as usize];
        named.used = true;
        if !matches!(named.standing, Standing::Forbidden(_)) || named.told & TOLD_CALL == 0 {
            named.told |= TOLD_CALL;
            if self.is_full(Verdict::Dangerous) {
                self.settle(Verdict::Dangerous, rule);
                self.unsaid += 1;
            } else {
                let message = format!("calls {}{why}", self.named[id as usize].full());
                self.about(id, Verdict::Dangerous, rule, Some(args), message);
            }
        }
        Fact::new(Kind::Result)
    }

    /// A change of what a call has returned that makes nothing anew.
    fn dangerous_change(&mut self, id: u32, state: Option<&Fact>, what: &str) {
        let full = self.named[id as usize].full();
        let (rule, message) = match self.named[id as usize].standing {
            Standing::Stranger(_) => {
                (UNKNOWN_CHANGED, format!("{what} an object that {full} has returned, which others may hold"))
            }
            _ => ("change-shared", format!("{what} an object that the program shares, of {full}")),
        };
        self.about(id, Verdict::Dangerous, rule, state, message);
    }

    /// `REDUCE`, and `INST` and `OBJ` with arguments.
    pub(crate) fn judge_call(&mut self, callable: &Fact, args: &Fact) -> Fact {
        self.use_value(callable);
        if let Kind::Global(id) = callable.kind
            && self.is_plain_call(id, args)
        {
            return made(id, Extra::None);
        }
        self.heed_args(args);
        let id = match callable.kind {
            Kind::Global(id) => id,
            Kind::Outside(Outside::Extension) => return Fact::new(Kind::Result),
            _ => {
                self.grants.unsure = true;
                let what = match callable.kind {
                    Kind::Module(_) => "a module",
                    Kind::Made { global, extra: Extra::Code } => {
                        let what = self.named[global as usize].full();
                        let message = format!(
                            "calls a function or class that the stream brings itself, made by {what}"
                        );
                        self.about(global, Verdict::Dangerous, "call-own-code", Some(args), message);
                        return Fact::new(Kind::Result);
                    }
                    Kind::Made { global, extra: Extra::CodeType } => {
                        self.need(global, TOLD_CALL, None, "brings functions or classes of its own by");
                        return made(global, Extra::Code);
                    }
                    Kind::Made { global, extra: Extra::New } => {
                        return self.judge_new(&Fact::new(Kind::Global(global)), args, None);
                    }
                    Kind::Made { extra: Extra::Partial(partial), .. } => {
                        return self.judge_partial(partial, args);
                    }
                    Kind::Made { global, extra: Extra::None } if self.may_call(global, args) => {
                        return made(global, Extra::Shared);
                    }
                    Kind::Made { global, .. } => {
                        let message = format!(
                            "calls an object that it has made of {}",
                            self.named[global as usize].full()
                        );
                        self.about(global, Verdict::Dangerous, "call-object", Some(args), message);
                        return Fact::new(Kind::Result);
                    }
                    Kind::Bound => "a method of an object",
                    Kind::Outside(Outside::Persistent) => "what the program's persistent_load returns",
                    Kind::Outside(_) => "a buffer",
                    Kind::Result => "the result of another call",
                    _ => "what is no function",
                };
                let arguments = self.show(args, 2);
                if let Some(finding) = self.find(Verdict::Dangerous, "call-object", format!("calls {what}")) {
                    finding.arguments = Some(arguments);
                }
                return Fact::new(Kind::Result);
            }
        };
        if !matches!(self.named[id as usize].standing, Standing::Granted(_)) && self.is_weighed(id) {
            let items = self.args(args).items;
            self.weigh_call(id, Rule::Any, args, &items);
        }
        match self.named[id as usize].standing {
            Standing::Forbidden(effect) => {
                let message = format!("calls {}, which {}", self.named[id as usize].full(), effect.sentence);
                self.named[id as usize].used = true;
                self.about(id, Verdict::Dangerous, "forbidden-call", Some(args), message);
                if let Some(finding) = self.findings.last_mut() {
                    finding.category = Some(effect.category);
                }
                Fact::new(Kind::Result)
            }
            Standing::Granted(rule) => self.judge_granted(id, rule, args),
            Standing::Standard(Shape::Exception) => made(id, Extra::None),
            Standing::Standard(_) => self.dangerous_call(
                id,
                args,
                "call-standard",
                ", which no pickle of the standard library does",
            ),
            Standing::Package(Shape::Exception | Shape::Maker) | Standing::Stranger(Shape::Exception) => {
                self.need(id, TOLD_CALL, Some(args), "calls");
                made(id, Extra::None)
            }
            Standing::Package(Shape::Class) => {
                let takes_code = known::takes_code(&self.named[id as usize].name);
                if self.has_telling_text(args) || takes_code && self.may_hold_text(args, 0) {
                    return self.dangerous_call(
                        id,
                        args,
                        "call-package",
                        " with text, which may be a path or code",
                    );
                }
                self.need(id, TOLD_CALL, Some(args), "calls");
                made(id, Extra::None)
            }
            // As an attribute of the object it would be no other one.
            Standing::Stranger(Shape::Function)
                if known::is_method(&self.named[id as usize].name) && self.is_given_object(args) =>
            {
                self.dangerous_call(id, args, "call-object", ", a method of an object")
            }
            Standing::Package(Shape::Function) => self.dangerous_call(
                id,
                args,
                "call-package",
                ", a function of a package that anybody can reach",
            ),
            Standing::Stranger(Shape::Function) if known::is_change(&self.named[id as usize].name) => self
                .dangerous_call(id, args, "change-shared", ", which changes an object that it has not made"),
            // A function that by its name makes no object, and is given text: a command, a path or code for all anybody
            // knows. What it returns is its own and may be shared.
            Standing::Stranger(Shape::Function) => {
                if self.has_telling_text(args) && !known::is_lookup(&self.named[id as usize].name) {
                    self.dangerous_call(id, args, UNKNOWN_CALL, " with text, a function that nobody knows");
                } else {
                    self.need(id, TOLD_CALL, Some(args), "calls");
                }
                made(id, Extra::Shared)
            }
            // What a program's own class makes of the stream's objects is its affair: nobody else has it, and it has to be
            // granted.
            Standing::Stranger(Shape::Class | Shape::Maker) => {
                self.need(id, TOLD_CALL, Some(args), "calls");
                made(id, Extra::None)
            }
        }
    }

    /// Whether what a global has made may be called like this.
    fn may_call(&mut self, global: u32, args: &Fact) -> bool {
        let list = self.args(args);
        self.named[global as usize].standing == Standing::Granted(Rule::Callable)
            && list.known
            && list.items.iter().all(|item| match item.kind {
                Kind::Global(other) => {
                    matches!(self.named[other as usize].standing, Standing::Stranger(Shape::Class))
                        || self.are_kin(global, std::slice::from_ref(item))
                }
                _ => false,
            })
    }

    /// Takes note of arguments that may hold what is not to be given to anyone.
    fn heed_args(&mut self, args: &Fact) {
        if self.gives {
            return;
        }
        let list = self.args(args);
        let plain = |item: &Fact| match item.kind {
            Kind::Plain(_)
            | Kind::Int(_)
            | Kind::Text(_)
            | Kind::Hook(_)
            | Kind::Decoded(_)
            | Kind::Bytes(_)
            | Kind::Made {
                extra: Extra::None | Extra::Fresh | Extra::ItemSize(_) | Extra::NewDType(_),
                ..
            } => true,
            Kind::Global(id) => self.named[id as usize].standing != Standing::Granted(Rule::Mention),
            _ => false,
        };
        // What was made of such arguments itself was looked at then.
        self.gives = !list.known || !list.items.iter().all(plain);
    }

    /// A call of a `partial`, which is one of what it is of.
    fn judge_partial(&mut self, partial: u32, args: &Fact) -> Fact {
        let Some(partial) = self.partials.get(partial as usize).cloned() else {
            return Fact::new(Kind::Result);
        };
        let given = self.args(args);
        let mut items = partial.args;
        items.extend_from_slice(&given.items);
        if !partial.known || !given.known {
            items.push(Fact::new(Kind::Result));
        }
        let place = self.shelf.put(&items);
        let args = Fact { kind: Kind::Tuple(place), ..*args };
        self.judge_call(&Fact::new(Kind::Global(partial.target)), &args)
    }

    /// `BUILD` of a partial: what it is of, its arguments and its keywords.
    fn judge_partial_state(&mut self, global: u32, partial: &Fact, state: &Fact) {
        let parts = self.args(state).items;
        let of = match partial.kind {
            Kind::Made { extra: Extra::Partial(partial), .. } => {
                let args = parts.get(1).map(|args| self.args(args));
                let partial = &mut self.partials[partial as usize];
                partial.known = args.as_ref().is_some_and(|args| args.known)
                    && !matches!(parts.get(2), Some(Fact { kind: Kind::Dict(_), .. }));
                partial.args = args.map_or_else(Vec::new, |args| args.items.to_vec());
                Some(Kind::Global(partial.target))
            }
            Kind::Made { extra: Extra::New, .. } => Some(partial.kind),
            _ => None,
        };
        if of.is_some() && of != parts.first().map(|function| function.kind) {
            let message = "turns a partial into one of another function".into();
            self.about(global, Verdict::Dangerous, "change-shared", Some(state), message);
        }
        if let Some(Fact { kind: Kind::Dict(keywords), .. }) = parts.get(2)
            && self.keywords.len() < PARTIALS
        {
            self.keywords.insert(*keywords);
        }
        if !matches!(partial.kind, Kind::Made { extra: Extra::New, .. }) {
            self.judge_state(global, state);
        }
    }

    /// Items are put into a dict while there are partials whose keywords are dicts.
    #[cold]
    pub(crate) fn judge_keywords(&mut self, dict: u32) {
        if self.keywords.contains(&dict) {
            let message = "changes the keywords of a partial that has been made".into();
            self.find(Verdict::Dangerous, "change-shared", message);
        }
    }

    /// Whether an object that the stream has made is the first argument.
    fn is_given_object(&self, args: &Fact) -> bool {
        let args = self.args(args);
        !args.known || args.items.first().is_some_and(|first| matches!(first.kind, Kind::Made { .. }))
    }

    /// Whether text may be in a value, however deep.
    fn may_hold_text(&self, value: &Fact, depth: u32) -> bool {
        match value.kind {
            Kind::Plain(_) | Kind::Int(_) | Kind::Global(_) | Kind::Made { .. } => false,
            Kind::Tuple(_) if depth < 8 => {
                let args = self.args(value);
                !args.known || args.items.iter().any(|item| self.may_hold_text(item, depth + 1))
            }
            _ => true,
        }
    }

    /// Whether text that may be more than a word, or what is not known, is among the arguments.
    fn has_telling_text(&self, args: &Fact) -> bool {
        let args = self.args(args);
        !args.known
            || args.items.iter().any(|item| match item.kind {
                Kind::Text(_) | Kind::Hook(_) | Kind::Decoded(_) => {
                    self.text(item).is_none_or(|text| known::is_telling(&text))
                }
                Kind::Result | Kind::Bound | Kind::Outside(_) => true,
                _ => false,
            })
    }

    /// What a number, or a shape, amounts to.
    fn size_of(&self, item: &Fact) -> i64 {
        match item.kind {
            Kind::Int(size) => size,
            Kind::Tuple(place) => self.shelf.get(place).map_or(0, |(lens, _)| {
                lens.iter().fold(1, |size: i64, len| match len.kind {
                    Kind::Int(len) => size.saturating_mul(len.saturating_abs()),
                    _ => size,
                })
            }),
            _ => 0,
        }
    }

    /// Whether iterating a value runs nothing, and ends.
    fn is_container(&self, fact: &Fact) -> bool {
        match fact.kind {
            Kind::Made { global, .. } => self.named[global as usize].ends,
            Kind::Bound | Kind::Result | Kind::Outside(Outside::Extension | Outside::Persistent) => false,
            _ => true,
        }
    }

    /// Whether all classes and functions among the arguments are of the package of the one that is called.
    fn are_kin(&self, id: u32, items: &[Fact]) -> bool {
        let top =
            |id: u32| self.named[id as usize].modern().0.split('.').next().unwrap_or_default().to_owned();
        let own = top(id);
        items.iter().all(|item| match item.kind {
            Kind::Global(other) => matches!(top(other), other if other == own || other == "builtins" || other == "numpy" || other == "collections"),
            Kind::Module(_) | Kind::Bound | Kind::Result => false,
            _ => true,
        })
    }

    /// A call of what honest pickles call.
    fn judge_granted(&mut self, id: u32, rule: Rule, args: &Fact) -> Fact {
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
                let digits = (module, name) == ("builtins", "int")
                    && first.and_then(|first| self.text(&first)).is_some_and(|text| text.len() >= 4096);
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
                if text.contains(['e', 'E']) || text.len() > 10_000 {
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
                    let builtin = matches!(known::standing("builtins", &name), Standing::Granted(_));
                    let target = self.name_global(if builtin { "builtins" } else { "types" }.into(), name);
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

    fn judge_getattr(&mut self, id: u32, args: &Fact, list: &Args) -> Fact {
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

    fn judge_dtype(&mut self, id: u32, args: &Fact, list: &Args) -> Fact {
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

    /// Whether a global is a class, or by its name a function that makes objects.
    fn makes_objects(&self, id: u32) -> bool {
        match self.named[id as usize].standing {
            Standing::Granted(rule) => matches!(rule, Rule::Any | Rule::Items | Rule::Size),
            Standing::Standard(shape) | Standing::Package(shape) | Standing::Stranger(shape) => {
                shape != Shape::Function
            }
            Standing::Forbidden(_) => false,
        }
    }

    /// Functions and classes by value.
    fn judge_code(&mut self, id: u32, args: &Fact, list: &Args) -> Fact {
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

    /// `NEWOBJ`, `NEWOBJ_EX`, and what amounts to them. `args` may have the class itself for its first.
    pub(crate) fn judge_new(&mut self, class: &Fact, args: &Fact, kwargs: Option<&Fact>) -> Fact {
        self.use_value(class);
        self.heed_args(args);
        let id = match class.kind {
            Kind::Global(id) => id,
            Kind::Made { global, extra: Extra::Code } => {
                self.need(global, TOLD_NEW, None, "constructs a class that the stream brings itself by");
                return made(global, Extra::None);
            }
            Kind::Outside(Outside::Extension) => return Fact::new(Kind::Result),
            // A class that nobody knows, made by a function that nobody else has: it has to be granted.
            Kind::Made { global, extra: Extra::None | Extra::Shared }
                if matches!(self.named[global as usize].standing, Standing::Stranger(_)) =>
            {
                self.need(global, TOLD_NEW, None, "constructs a class that it has made by");
                return made(global, Extra::None);
            }
            _ => {
                let what = self.show(class, 1);
                let message = format!("constructs what is no class by its name: {what}");
                self.find(Verdict::Dangerous, "construct-object", message);
                return Fact::new(Kind::Result);
            }
        };
        // What is nobody's but the program's is to be granted, whatever it is given.
        if let Standing::Package(Shape::Function | Shape::Maker) | Standing::Stranger(_) =
            self.named[id as usize].standing
        {
            self.need(id, TOLD_NEW, Some(args), "constructs");
            self.judge_new_keywords(id, args, kwargs);
            return made(id, Extra::None);
        }
        let list = self.args(args);
        let items: Vec<Fact> = list.items.iter().copied().filter(|item| item.kind != class.kind).collect();
        match self.named[id as usize].standing {
            Standing::Forbidden(effect) => {
                let message =
                    format!("constructs {}, which {}", self.named[id as usize].full(), effect.sentence);
                self.about(id, Verdict::Dangerous, "forbidden-call", Some(args), message);
                if let Some(finding) = self.findings.last_mut() {
                    finding.category = Some(effect.category);
                }
                return made(id, Extra::Shared);
            }
            Standing::Granted(rule) => match rule {
                Rule::Any
                | Rule::Factory
                | Rule::Partial
                | Rule::Fraction
                | Rule::DType
                | Rule::Items
                | Rule::Size => {
                    let name = self.named[id as usize].full();
                    if matches!(rule, Rule::Factory | Rule::Items | Rule::Size) {
                        self.consume(args, &list.items);
                    }
                    let consumes =
                        rule != Rule::Any || name.ends_with("ndarray") || name.starts_with("itertools.");
                    let computed = items.iter().any(|item| !self.is_container(item));
                    if consumes && computed {
                        return self.dangerous_call(
                            id,
                            args,
                            "call-arguments",
                            " over an iterator that may run code or never end",
                        );
                    }
                    let large =
                        items.iter().any(|item| matches!(item.kind, Kind::Int(size) if size > LARGEST));
                    if large && (rule == Rule::Size || name.ends_with("ndarray")) {
                        self.about(
                            id,
                            Verdict::Budget,
                            "budget-size",
                            Some(args),
                            "asks for much memory at once".into(),
                        );
                    }
                    if name.ends_with("ndarray")
                        && let Some(shape) = items.first().map(|shape| self.args(shape))
                        && shape
                            .items
                            .iter()
                            .any(|item| matches!(item.kind, Kind::Int(size) if size > 1 << 20))
                    {
                        self.about(
                            id,
                            Verdict::Budget,
                            "budget-size",
                            Some(args),
                            "asks for an array that the stream does not hold".into(),
                        );
                    }
                    if rule == Rule::DType {
                        return made(id, Extra::Shared);
                    }
                }
                Rule::Wordless if !list.known || items.iter().any(|item| self.may_hold_text(item, 0)) => {
                    return self.dangerous_call(
                        id,
                        args,
                        "call-arguments",
                        " with text, which it takes for code",
                    );
                }
                Rule::Type
                | Rule::Map
                | Rule::Union
                | Rule::GetAttr
                | Rule::Iter
                | Rule::Code
                | Rule::UFunc
                | Rule::Value
                | Rule::Mention => {
                    return self.dangerous_call(id, args, "construct-object", " by constructing it");
                }
                _ => {}
            },
            Standing::Standard(Shape::Exception) => {}
            Standing::Standard(Shape::Class) | Standing::Package(Shape::Class | Shape::Exception) => {
                if self.named[id as usize].name.ends_with("Meta") {
                    return self.dangerous_call(id, args, "construct-object", " to make a class");
                }
                if items.iter().any(|item| matches!(item.kind, Kind::Result | Kind::Bound)) {
                    return self.dangerous_call(id, args, "construct-object", " with computed arguments");
                }
                if known::runs_text(&self.named[id as usize].module)
                    && (!list.known || items.iter().any(|item| self.may_hold_text(item, 0)))
                {
                    return self.dangerous_call(
                        id,
                        args,
                        "call-package",
                        " with text, which it takes for code",
                    );
                }
                self.need(id, TOLD_NEW, Some(args), "constructs");
            }
            Standing::Standard(_) => {
                return self.dangerous_call(id, args, "construct-object", " by constructing it");
            }
            Standing::Package(_) | Standing::Stranger(_) => {}
        }
        self.judge_new_keywords(id, args, kwargs);
        made(id, Extra::Fresh)
    }

    /// The keywords of a construction.
    fn judge_new_keywords(&mut self, id: u32, args: &Fact, kwargs: Option<&Fact>) {
        if let Some(kwargs) = kwargs
            && matches!(kwargs.kind, Kind::Made { .. } | Kind::Result | Kind::Bound)
        {
            self.about(
                id,
                Verdict::Dangerous,
                "construct-object",
                Some(args),
                "constructs with computed keyword arguments".into(),
            );
        }
    }

    /// `BUILD`.
    pub(crate) fn judge_build(&mut self, object: &Fact, state: &Fact) {
        let id = match object.kind {
            Kind::Made { global, extra } => {
                if extra == Extra::New
                    || self.named[global as usize].standing == Standing::Granted(Rule::Partial)
                {
                    self.judge_partial_state(global, object, state);
                    return;
                }
                if extra == Extra::Shared {
                    self.dangerous_change(global, Some(state), "changes");
                    return;
                }
                global
            }
            Kind::Global(id) | Kind::Module(id) => {
                self.named[id as usize].used = true;
                let message = format!("changes {} itself", self.named[id as usize].full());
                self.about(id, Verdict::Dangerous, "change-shared", Some(state), message);
                return;
            }
            Kind::Bound | Kind::Result | Kind::Outside(_) => {
                let message = "changes an object that it has not made".into();
                let arguments = self.show(state, 2);
                if let Some(finding) = self.find(Verdict::Dangerous, "change-shared", message) {
                    finding.arguments = Some(arguments);
                }
                return;
            }
            _ => {
                self.grants.unsure = true;
                return;
            }
        };
        self.weigh_state(id, object, state);
        self.judge_state(id, state);
        if matches!(state.kind, Kind::Result) {
            self.about(
                id,
                Verdict::Dangerous,
                "computed-state",
                None,
                "gives an object a computed state".into(),
            );
        }
        let named = &self.named[id as usize];
        match named.standing {
            Standing::Granted(_) | Standing::Forbidden(_) => {
                self.gives |= !matches!(state.kind, Kind::Plain(_));
            }
            _ => self.need(id, TOLD_STATE, None, "gives state to"),
        }
        if self.keeps_items
            && known::is_array_wrapper(&self.named[id as usize].module, &self.named[id as usize].name)
        {
            self.array_follows(state);
        }
    }

    /// The names in a state.
    fn judge_state(&mut self, id: u32, state: &Fact) {
        match state.kind {
            Kind::Dict(dict) => self.judge_names(id, dict),
            Kind::Tuple(place) if Shelf::len(place) == 2 => {
                let parts = self.shelf.get(place).map(|got| got.0).unwrap_or_default();
                for part in parts.iter() {
                    if let Kind::Dict(dict) = part.kind {
                        self.judge_names(id, dict);
                    }
                }
            }
            _ => {}
        }
    }

    /// The names that a dict gives to attributes.
    fn judge_names(&mut self, id: u32, dict: u32) {
        self.count_state(dict);
        if self.hooks.is_empty() {
            return;
        }
        let Some(hooks) = self.hooks.get(&dict) else { return };
        let names: Vec<String> = hooks.iter().map(|&at| self.text_at(at)).collect();
        if let Some(name) = names.into_iter().find(|name| HOOKS.contains(&name.as_str())) {
            let message = format!(
                "gives an instance of {} an attribute {name}, which is a hook",
                self.named[id as usize].full()
            );
            self.about(id, Verdict::Dangerous, "forged-hook", None, message);
        }
    }

    /// What comes after the state of a joblib array.
    fn array_follows(&mut self, state: &Fact) {
        let Kind::Dict(dict) = state.kind else { return };
        if self.last_items.0 != dict {
            return;
        }
        let items = self.last_items.1.clone();
        let value = |key: &str| {
            items
                .as_chunks::<2>()
                .0
                .iter()
                .find(|pair| self.text(&pair[0]).as_deref() == Some(key))
                .map(|pair| pair[1])
        };
        let Some(shape) = value("shape").map(|shape| self.args(&shape)) else { return };
        let count = shape.items.iter().fold(1u64, |count, len| match len.kind {
            Kind::Int(len) => count.saturating_mul(len.unsigned_abs()),
            _ => count,
        });
        let padded = matches!(value("numpy_array_alignment_bytes").map(|it| it.kind), Some(Kind::Int(_)));
        let between = match value("dtype").map(|dtype| dtype.kind) {
            Some(Kind::Made { extra: Extra::ItemSize(0) | Extra::NewDType(0), .. }) => Between::Pickle,
            Some(Kind::Made { extra: Extra::ItemSize(size) | Extra::NewDType(size), .. }) => {
                Between::Array { bytes: count.saturating_mul(size.into()), padded }
            }
            _ => return,
        };
        self.between.set(between);
    }

    /// Items are put into what is no builtin container of their kind.
    pub(crate) fn judge_extend(&mut self, container: &Fact, how: &str) {
        match container.kind {
            Kind::Made { global, extra: Extra::Shared } => {
                self.dangerous_change(global, None, "puts items into");
            }
            Kind::Made { global, .. } => {
                self.weigh_items(global);
                match self.named[global as usize].standing {
                    Standing::Granted(_) | Standing::Forbidden(_) => self.gives = true,
                    _ => self.need(global, TOLD_EXTEND, None, "puts items into"),
                }
            }
            Kind::Global(id) | Kind::Module(id) => {
                self.named[id as usize].used = true;
                let message = format!("puts items into {} itself", self.named[id as usize].full());
                self.about(id, Verdict::Dangerous, "change-shared", None, message);
            }
            Kind::Bound | Kind::Result | Kind::Outside(_) => {
                let message = format!("puts items into an object that it has not made ({how})");
                self.find(Verdict::Dangerous, "change-shared", message);
            }
            _ => self.grants.unsure = true,
        }
    }
}
