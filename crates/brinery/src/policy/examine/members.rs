//! Members of classes and methods of objects, as `getattr` has them.

use super::{Examiner, GETATTR, Known, names};
use crate::error::{Error, Result};
use crate::policy::need::Use;
use crate::policy::policy::Key;
use crate::policy::rule::Rule;
use crate::policy::shape::Shape;
use crate::value::{Id, Kind, Value};

/// Methods of builtin values that do nothing to others.
const PLAIN_METHODS: [&str; 34] = [
    "add",
    "append",
    "capitalize",
    "casefold",
    "clear",
    "copy",
    "count",
    "discard",
    "encode",
    "endswith",
    "extend",
    "find",
    "get",
    "index",
    "insert",
    "items",
    "join",
    "keys",
    "lower",
    "lstrip",
    "pop",
    "popitem",
    "remove",
    "replace",
    "rstrip",
    "setdefault",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "title",
    "update",
    "upper",
    "values",
];

/// Methods with special names by which objects are asked, as operators do: one may be granted like any other. All others are how
/// objects are made and what is behind them.
const OPERATORS: [&str; 14] = [
    "__bool__",
    "__call__",
    "__contains__",
    "__eq__",
    "__ge__",
    "__getitem__",
    "__gt__",
    "__hash__",
    "__iter__",
    "__le__",
    "__len__",
    "__lt__",
    "__ne__",
    "__next__",
];

impl<'p> Examiner<'_, 'p> {
    /// The class whose `__new__` this is, as `getattr` has it.
    pub(super) fn owner_of_new(&self, id: Id) -> Option<usize> {
        let made = self.value(id).as_instance()?;
        let getattr = self.known(made.class().id())?;
        let is_new = made.args().item(1).and_then(Value::as_str) == Some("__new__");
        if names(&self.globals[getattr].key) != GETATTR || !is_new {
            return None;
        }
        self.known(made.args().item(0)?.id())
    }

    /// Whether an object is a method of another that the stream made: what was asked for was granted.
    pub(super) fn is_method(&self, id: Id) -> bool {
        let Some(made) = self.value(id).as_instance() else { return false };
        let is_getattr =
            self.known(made.class().id()).is_some_and(|global| names(&self.globals[global].key) == GETATTR);
        is_getattr && made.args().item(0).is_some_and(|owner| self.known(owner.id()).is_none())
    }

    /// Judges `getattr(object, name)`: a member of a granted enum, or a granted method of an object that the stream made.
    pub(super) fn check_getattr(&mut self, args: Id) -> Result<()> {
        let parts: Vec<Id> = self.value(args).items().map(Value::id).collect();
        let (Some(&object), Some(name), 2) = (
            parts.first(),
            parts.get(1).and_then(|&name| self.value(name).as_str()).map(str::to_owned),
            parts.len(),
        ) else {
            return Err(Error::refused(Rule::Attribute, "getattr takes an object and a name"));
        };
        if let Some(global) = self.known(object).filter(|_| name == "__new__") {
            // What may be done with it is what construction may.
            self.globals[global].uses.construct = true;
            return Ok(());
        }
        let special = name.starts_with("__") || name.contains('.');
        let (owner, granted) = if let Some(global) = self.known(object) {
            let granted = self.globals[global].capability.is_some_and(|capability| {
                capability.members.contains(&name)
                    || capability.members.contains("*") && !name.starts_with('_')
            });
            self.globals[global].uses.members = true;
            (Some(global), granted && !special)
        } else {
            let origin = self.origin(object);
            let granted = origin
                .and_then(|global| self.globals[global].capability)
                .is_some_and(|capability| capability.methods.contains(&name));
            let special = special && !OPERATORS.contains(&name.as_str());
            let plain = PLAIN_METHODS.contains(&name.as_str())
                && matches!(
                    self.value(object).kind(),
                    Kind::Text
                        | Kind::Bytes
                        | Kind::List
                        | Kind::Tuple
                        | Kind::Dict
                        | Kind::Set
                        | Kind::FrozenSet
                );
            (origin, (granted || plain) && !special)
        };
        if !granted {
            let of = owner.map_or_else(|| "an object".into(), |owner| self.title(owner));
            let message = format!("the attribute {name:?} of {of} may not be asked for");
            let member = self.known(object).is_some();
            let used = |_: &Self| if member { Use::Member(name) } else { Use::Method(name) };
            self.miss(Rule::Attribute, owner, used, message)?;
        }
        Ok(())
    }

    /// Whether a value was made by a member that was had by `getattr`, under its dotted name.
    pub(super) fn is_made_of_member(&self, value: Value<'_, '_>, module: &str, name: &str) -> bool {
        let made_by = || {
            let member = value.as_instance()?.class().as_instance()?;
            let getattr = self.known(member.class().id())?;
            let owner = self.known(member.args().item(0)?.id())?;
            let (known, class) = names(&self.globals[owner].key);
            let dotted = format!("{class}.{}", member.args().item(1)?.as_str()?);
            Some(names(&self.globals[getattr].key) == GETATTR && known == module && dotted == name)
        };
        made_by().unwrap_or(false)
    }

    /// The arguments with which a member may be called that was had by `getattr`: as under its dotted name.
    pub(super) fn member_call(&self, callable: Id) -> Option<&'p Shape> {
        let made = self.value(callable).as_instance()?;
        let getattr = self.known(made.class().id())?;
        if names(&self.globals[getattr].key) != GETATTR {
            return None;
        }
        let owner = self.known(made.args().item(0)?.id())?;
        let (module, name) = names(&self.globals[owner].key);
        let dotted = format!("{name}.{}", made.args().item(1)?.as_str()?);
        self.policy.get(module, &dotted)?.call.as_ref()
    }

    /// Takes a member of a class that was had by `getattr`, as protocols below 4 have classes within classes, for what its dotted
    /// name stands for.
    pub(super) fn meet_member(&mut self, made: Id) {
        let Some(made_by) = self.value(made).as_instance() else { return };
        let is_getattr = self
            .known(made_by.class().id())
            .is_some_and(|global| names(&self.globals[global].key) == GETATTR);
        let (Some(owner), Some(name)) = (made_by.args().item(0), made_by.args().item(1)) else {
            return;
        };
        let (Some(owner), Some(name), true) = (self.known(owner.id()), name.as_str(), is_getattr) else {
            return;
        };
        if name == "__new__" {
            return;
        }
        let dotted = |key: &Key| (key.0.clone(), format!("{}.{name}", key.1));
        let (raw, key) = (dotted(&self.globals[owner].raw), dotted(&self.globals[owner].key));
        let capability = self.policy.globals.get(&key);
        if capability.is_none() && self.needs.is_none() {
            return;
        }
        let index = match self.by_name.get(&raw) {
            Some(&index) => index,
            None => {
                let index = self.globals.len() as u32;
                self.globals.push(Known::new(raw.clone(), key, capability, false));
                self.by_name.insert(raw, index);
                index
            }
        };
        self.by_id.insert(made, index + 1);
    }
}
