//! Calls and constructions.

use super::{ARRAYS, Examiner, GETATTR, GETITEM, PARTIAL, names};
use crate::error::{Error, Result};
use crate::policy::native::Native;
use crate::policy::need::{Use, shape_of};
use crate::policy::numpy;
use crate::policy::rule::Rule;
use crate::value::{Id, Kind, Value};

/// The member of a class that is asked for by `class[arguments]`.
const ARGUMENTS: &str = "__class_getitem__";

impl Examiner<'_, '_> {
    pub(super) fn tuple_of(&mut self, id: Id) -> Result<()> {
        if self.value(id).kind() == Kind::Tuple {
            return Ok(());
        }
        Err(Error::refused(Rule::Call, "the arguments are no tuple"))
    }

    /// Pays for the memory of what a call may copy: the same argument can be given to many calls.
    pub(super) fn copy(&mut self, args: Id, sets: bool) -> Result<()> {
        let each = if sets { 64 } else { 16 };
        let flat = |value: Value<'_, '_>| match value.kind() {
            Kind::Bytes | Kind::ByteArray | Kind::String => value.as_bytes().map_or(0, <[u8]>::len),
            Kind::Text => value.text_bytes().map_or(0, <[u8]>::len),
            Kind::List | Kind::Tuple | Kind::Set | Kind::FrozenSet => each * value.items().len(),
            Kind::Dict => each * value.entries().len(),
            Kind::Instance => numpy::bytes_len(value).unwrap_or(0),
            _ => 0,
        };
        let args = self.value(args);
        let parts = if args.kind() == Kind::Tuple { args.items().map(flat).sum() } else { 0 };
        match self.memory.checked_sub((flat(args) + parts) as u64) {
            Some(left) => self.memory = left,
            None => return Err(Error::refused(Rule::BudgetMemory, Rule::BudgetMemory.meaning())),
        }
        Ok(())
    }

    /// Judges a construction by `__new__`.
    pub(super) fn check_construct(&mut self, class: Id, args: Id, kwargs: Option<Id>) -> Result<()> {
        let Some(global) = self.known(class) else {
            return self.miss(
                Rule::Construct,
                None,
                |_| Use::Other,
                "what is constructed is no global".into(),
            );
        };
        self.tuple_of(args)?;
        self.copy(args, false)?;
        let capability = self.globals[global].capability;
        let shape = capability.and_then(|capability| capability.construct.as_ref());
        let fits = shape.is_some_and(|shape| self.fits(args, shape, Rule::Construct));
        let keywords_fit = match kwargs {
            None => true,
            Some(kwargs) if self.value(kwargs).kind() != Kind::Dict => {
                return Err(Error::refused(Rule::Construct, "the keyword arguments are no dict"));
            }
            Some(kwargs) if self.value(kwargs).is_empty() => true,
            Some(kwargs) => capability
                .and_then(|capability| capability.keywords.as_ref())
                .is_some_and(|shape| self.fits(kwargs, shape, Rule::Construct)),
        };
        if !fits || !keywords_fit {
            let what =
                if shape.is_some() { "may not be constructed like this" } else { "may not be constructed" };
            let message = format!("{} {what}", self.title(global));
            let used = |this: &Self| Use::Construct {
                args: shape_of(this.value(args), &this),
                keywords: kwargs.map(|kwargs| shape_of(this.value(kwargs), &this)),
            };
            self.miss(Rule::Construct, Some(global), used, message)?;
        }
        if let Some(native) = capability.and_then(|capability| capability.native) {
            native.call(self, args)?;
        }
        self.globals[global].uses.construct = true;
        Ok(())
    }

    /// Judges a call.
    pub(super) fn check_call(&mut self, callable: Id, args: Id) -> Result<()> {
        self.check_call_with(callable, args, None)
    }

    /// Judges a call of what is no global: of a partial, or of the `__new__` of a class. Whether it is one.
    pub(super) fn check_call_of_made(&mut self, callable: Id, args: Id) -> Result<bool> {
        if let Some(owner) = self.owner_of_new(callable) {
            self.check_new(owner, args, None)?;
            return Ok(true);
        }
        let Some((function, before, keywords)) = self.partial(callable) else { return Ok(false) };
        let all: Vec<Id> =
            [before, args].into_iter().flat_map(|part| self.value(part).items()).map(Value::id).collect();
        let restricted = all.iter().any(|&item| self.restricted.contains(item));
        let all = self.builder.scratch_tuple(&all)?;
        self.restrict_if(all, restricted);
        let keywords = Some(keywords).filter(|&keywords| !self.value(keywords).is_none());
        match self.owner_of_new(function) {
            Some(owner) => self.check_new(owner, all, keywords)?,
            None => self.check_call_with(function, all, keywords)?,
        }
        Ok(true)
    }

    /// Judges `owner.__new__(class, *args, **keywords)`, where the owner is the class itself, or `object`.
    pub(super) fn check_new(&mut self, owner: usize, args: Id, keywords: Option<Id>) -> Result<()> {
        self.tuple_of(args)?;
        let parts: Vec<Id> = self.value(args).items().map(Value::id).collect();
        let plain = names(&self.globals[owner].key) == ("builtins", "object");
        match parts.split_first() {
            Some((&class, rest)) if self.known(class) == Some(owner) || plain && rest.is_empty() => {
                let restricted = rest.iter().any(|&item| self.restricted.contains(item));
                let rest = self.builder.scratch_tuple(rest)?;
                self.restrict_if(rest, restricted);
                self.check_construct(class, rest, keywords)
            }
            _ => Err(Error::refused(
                Rule::Construct,
                format!("{}.__new__ is called with another class", self.title(owner)),
            )),
        }
    }

    /// Judges a call with keyword arguments.
    pub(super) fn check_call_with(&mut self, callable: Id, args: Id, keywords: Option<Id>) -> Result<()> {
        let keywords = match keywords {
            Some(keywords) if self.value(keywords).kind() != Kind::Dict => {
                return Err(Error::refused(Rule::Call, "the keyword arguments are no dict"));
            }
            keywords => keywords.filter(|&keywords| !self.value(keywords).is_empty()),
        };
        let Some(global) = self.known(callable) else {
            if keywords.is_none() && self.check_call_of_made(callable, args)? {
                return Ok(());
            }
            if keywords.is_none() && self.is_type_of_none(callable) && self.value(args).is_empty() {
                return self.tuple_of(args);
            }
            if let Some(shape) = self.member_call(callable) {
                self.tuple_of(args)?;
                if self.fits(args, shape, Rule::Call) {
                    return Ok(());
                }
            }
            let message = "what is called is not a global but something that the stream made".into();
            return self.miss(Rule::Call, None, |_| Use::Other, message);
        };
        self.tuple_of(args)?;
        if keywords.is_some() && self.is_helper(global) {
            let message = format!("{} takes no keyword arguments", self.title(global));
            return Err(Error::refused(Rule::Call, message));
        }
        match names(&self.globals[global].key) {
            ("copyreg", "_reconstructor") => return self.check_reconstructor(args),
            ("copyreg", "__newobj__") => {
                let Some(class) = self.value(args).item(0).map(Value::id) else {
                    return Err(Error::refused(Rule::Construct, "copyreg.__newobj__ without a class"));
                };
                let rest: Vec<Id> = self.value(args).items().skip(1).map(Value::id).collect();
                let rest = self.builder.scratch_tuple(&rest)?;
                return self.check_construct(class, rest, None);
            }
            ("copyreg", "__newobj_ex__") => {
                let parts: Vec<Id> = self.value(args).items().map(Value::id).collect();
                let &[class, args, kwargs] = parts.as_slice() else {
                    return Err(Error::refused(
                        Rule::Construct,
                        "copyreg.__newobj_ex__ takes three arguments",
                    ));
                };
                return self.check_construct(class, args, Some(kwargs));
            }
            GETATTR => return self.check_getattr(args),
            PARTIAL => return self.check_partial(args),
            _ => {}
        }
        let capability = self.globals[global].capability;
        self.copy(args, capability.is_some_and(|capability| capability.native == Some(Native::Elements)))?;
        let shape = capability.and_then(|capability| capability.call.as_ref());
        let generic = names(&self.globals[global].key) == GETITEM && self.is_generic(args)
            || capability.is_some_and(|capability| capability.native == Some(Native::Array))
                && self.is_array_class(args);
        if !generic && !shape.is_some_and(|shape| self.fits(args, shape, Rule::Call)) {
            let what = if shape.is_some() { "may not be called like this" } else { "may not be called" };
            let message = format!("{} {what}", self.title(global));
            let used = |this: &Self| Use::Call(shape_of(this.value(args), &this));
            self.miss(Rule::Call, Some(global), used, message)?;
        }
        if let Some(keywords) = keywords {
            self.copy(keywords, false)?;
            let shape = capability.and_then(|capability| capability.keywords.as_ref());
            if !shape.is_some_and(|shape| self.fits(keywords, shape, Rule::Call)) {
                let message = format!("{} may not be called with these keywords", self.title(global));
                let used = |this: &Self| Use::Keywords(shape_of(this.value(keywords), &this));
                self.miss(Rule::Call, Some(global), used, message)?;
            }
        }
        if let Some(native) = capability.and_then(|capability| capability.native) {
            native.call(self, args)?;
        }
        self.globals[global].uses.call = true;
        Ok(())
    }

    /// Whether this is `type(None)`, which makes nothing but `None`.
    pub(super) fn is_type_of_none(&self, id: Id) -> bool {
        let made = self.value(id).as_instance();
        made.is_some_and(|made| made.args().len() == 1 && made.args().item(0).is_some_and(Value::is_none))
            && self.origin_names(id) == Some(("builtins", "type"))
    }

    /// Whether `class[arguments]` is granted for the class.
    pub(super) fn is_generic(&self, args: Id) -> bool {
        let class = self.value(args).item(0).and_then(|class| self.known(class.id()));
        let capability = class.and_then(|class| self.globals[class].capability);
        self.value(args).len() == 2
            && !self.restricted.contains(args)
            && capability.is_some_and(|capability| capability.members.contains(ARGUMENTS))
    }

    /// Whether arguments are those of which an array is made that is given its memory later, of a class of which arrays may be made.
    pub(super) fn is_array_class(&self, args: Id) -> bool {
        let parts: Vec<Value<'_, '_>> = self.value(args).items().collect();
        let &[class, shape, code] = parts.as_slice() else { return false };
        let class = self.known(class.id()).and_then(|class| self.globals[class].capability);
        class.is_some_and(|class| class.value && class.members.contains(ARRAYS))
            && shape.kind() == Kind::Tuple
            && shape.len() == 1
            && shape.item(0).and_then(Value::as_i64) == Some(0)
            && numpy::bytes_len(code) == Some(1)
    }

    /// Judges `copyreg._reconstructor(class, base, state)`.
    pub(super) fn check_reconstructor(&mut self, args: Id) -> Result<()> {
        let parts: Vec<Id> = self.value(args).items().map(Value::id).collect();
        let &[class, base, state] = parts.as_slice() else {
            return Err(Error::refused(Rule::Construct, "copyreg._reconstructor takes three arguments"));
        };
        let base = self.known(base).map(|base| self.globals[base].key.clone());
        let base = base.as_ref().filter(|key| key.0 == "builtins").map(|key| key.1.as_str());
        let value = self.value(state);
        let fits = match base {
            Some("object") => value.is_none(),
            Some("dict") => value.kind() == Kind::Dict,
            Some("list") => value.kind() == Kind::List,
            Some("tuple") => value.kind() == Kind::Tuple,
            Some("int") => matches!(value.kind(), Kind::Int | Kind::Bool),
            Some("float") => value.kind() == Kind::Float,
            Some("str") => matches!(value.kind(), Kind::Text | Kind::String),
            Some("bytes") => numpy::bytes_len(value).is_some(),
            Some("complex") => matches!(value.kind(), Kind::Instance),
            Some("set" | "frozenset") => matches!(value.kind(), Kind::Set | Kind::FrozenSet | Kind::Instance),
            _ => false,
        };
        if !fits {
            return Err(Error::refused(
                Rule::Construct,
                "copyreg._reconstructor with a base and a state that do not go together",
            ));
        }
        self.check_free(&[state])?;
        if base == Some("tuple") {
            // A named tuple, whose items are its arguments elsewhere.
            let capability = self.known(class).and_then(|class| self.globals[class].capability);
            let shape = capability.and_then(|capability| capability.construct.as_ref());
            if shape.is_some_and(|shape| shape.holds(self.value(state), &(self as &Self))) {
                return self.check_construct(class, state, None);
            }
        }
        let plain = base == Some("object");
        let inner =
            if plain { self.builder.scratch_tuple(&[])? } else { self.builder.scratch_tuple(&[state])? };
        self.check_construct(class, inner, None)
    }

    /// Judges a function that calls the first of its arguments with the third of them, as its own call.
    pub(in crate::policy) fn check_delegate(&mut self, args: Id) -> Result<()> {
        let parts = self.value(args);
        match (parts.item(0).map(Value::id), parts.item(2).map(Value::id)) {
            (Some(function), Some(args)) => self.check_call(function, args),
            _ => Err(Error::refused(Rule::Call, "a call without a function")),
        }
    }
}
