//! States and items: what is changed must have been made by the stream.

use super::{PARTIALS, TOLD_EXTEND, TOLD_STATE, UNKNOWN_CHANGED};
use crate::fact::{Extra, Fact, Kind};
use crate::facts::Facts;
use crate::known::{self, Rule, Standing};
use crate::report::Verdict;
use crate::shelf::Shelf;
use crate::tape::Between;

/// The hooks that a load asks an instance for: attributes of these names are not state.
pub(super) const HOOKS: &[&str] = &[
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

impl Facts<'_, '_> {
    /// A change of what a call has returned that makes nothing anew.
    pub(super) fn dangerous_change(&mut self, id: u32, state: Option<&Fact>, what: &str) {
        let full = self.named[id as usize].full();
        let (rule, message) = match self.named[id as usize].standing {
            Standing::Stranger(_) => {
                (UNKNOWN_CHANGED, format!("{what} an object that {full} has returned, which others may hold"))
            }
            _ => ("change-shared", format!("{what} an object that the program shares, of {full}")),
        };
        self.about(id, Verdict::Dangerous, rule, state, message);
    }

    /// `BUILD` of a partial: what it is of, its arguments and its keywords.
    pub(super) fn judge_partial_state(&mut self, global: u32, partial: &Fact, state: &Fact) {
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
            self.judge_state(global, state, false);
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
        let own = matches!(object.kind, Kind::Made { extra: Extra::Code, .. });
        self.judge_state(id, state, own);
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

    /// The names in a state. A function or class by value may bring its defaults as well as its code.
    pub(super) fn judge_state(&mut self, id: u32, state: &Fact, own: bool) {
        match state.kind {
            Kind::Dict(dict) => self.judge_names(id, dict, own),
            Kind::Tuple(place) if Shelf::len(place) == 2 => {
                let parts = self.shelf.get(place).map(|got| got.0).unwrap_or_default();
                for part in parts.iter() {
                    if let Kind::Dict(dict) = part.kind {
                        self.judge_names(id, dict, own);
                    }
                }
            }
            _ => {}
        }
    }

    /// The names that a dict gives to attributes.
    pub(super) fn judge_names(&mut self, id: u32, dict: u32, own: bool) {
        self.count_state(dict);
        if self.hooks.is_empty() {
            return;
        }
        let Some(hooks) = self.hooks.get(&dict) else { return };
        let names: Vec<String> = hooks.iter().map(|&at| self.text_at(at)).collect();
        let is_hook = |name: &String| {
            HOOKS.contains(&name.as_str())
                && !(own && matches!(name.as_str(), "__defaults__" | "__kwdefaults__"))
        };
        if let Some(name) = names.into_iter().find(is_hook) {
            let message = format!(
                "gives an instance of {} an attribute {name}, which is a hook",
                self.named[id as usize].full()
            );
            self.about(id, Verdict::Dangerous, "forged-hook", None, message);
        }
    }

    /// What comes after the state of a joblib array.
    pub(super) fn array_follows(&mut self, state: &Fact) {
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
