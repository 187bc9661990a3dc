//! Functions that may be called later, and partials of them.

use super::{COPYREG, Examiner, GETATTR, PARTIAL, is_pure, names};
use crate::error::{Error, Result};
use crate::policy::learn::is_known;
use crate::policy::need::Use;
use crate::policy::rule::Rule;
use crate::value::{ChangeKind, Id, Instance, Kind, Value};

impl Examiner<'_, '_> {
    /// Whether an object is a `functools.partial` that the stream made.
    pub(super) fn is_partial(&self, id: Id) -> bool {
        let made = self.value(id).as_instance().and_then(|made| self.known(made.class().id()));
        made.is_some_and(|global| names(&self.globals[global].key) == PARTIAL)
    }

    /// What a `functools.partial` calls: the function, the arguments that come first, and the keywords. There is none but for one
    /// that was made and given its state as picklers do.
    pub(super) fn partial(&self, id: Id) -> Option<(Id, Id, Id)> {
        if !self.is_partial(id) {
            return None;
        }
        let value = self.value(id);
        let made = value.as_instance()?;
        let (state, mut changes) = (made.state()?, value.changes());
        let is_usual = made.args().len() == 1
            && changes.next().is_some_and(|change| change.kind() == ChangeKind::State)
            && changes.next().is_none();
        let function = state.item(0)?.id();
        (is_usual && made.args().item(0)?.id() == function).then_some((
            function,
            state.item(1)?.id(),
            state.item(2)?.id(),
        ))
    }

    /// The global of which a call makes an object that is of no global itself: of the `__new__` of a class, or of a partial of that
    /// or of a function.
    pub(super) fn target_of(&self, callable: Id, args: Value<'_, '_>) -> Option<usize> {
        if self.owner_of_new(callable).is_some() {
            return self.known(args.item(0)?.id());
        }
        let (function, before, _) = self.partial(callable)?;
        if self.owner_of_new(function).is_some() {
            return self.known(self.value(before).item(0).or_else(|| args.item(0))?.id());
        }
        self.known(function)
    }

    /// Whether an object may be called, and nothing else: it is the `__new__` of a class, or a partial of that or of a function that
    /// may not be called later.
    pub(super) fn is_for_calls_only(&self, id: Id) -> bool {
        if self.owner_of_new(id).is_some() {
            return true;
        }
        let function = self.value(id).as_instance().and_then(|made| made.args().item(0)).map(Value::id);
        self.is_partial(id) && function.is_some_and(|function| !self.may_be_called_later(function))
    }

    /// Notes what a helper has made, if it may be called and nothing else.
    pub(super) fn restrict_made(&mut self, callable: Id, made: Id) {
        if self.known(callable).is_some_and(|global| self.is_helper(global)) {
            let restricted = self.is_for_calls_only(made);
            self.restrict_if(made, restricted);
        }
    }

    /// Whether a function may be called later, by whoever gets hold of a partial of it: one that the stream could call, a pure one, or
    /// a method that it may have.
    pub(super) fn may_be_called_later(&self, function: Id) -> bool {
        let Some(global) = self.known(function) else { return self.is_method(function) };
        let (module, name) = names(&self.globals[global].key);
        self.globals[global].capability.is_some_and(|capability| {
            capability.value && is_pure(module, name) || capability.may_be_called_later()
        })
    }

    /// Judges what calls a function among its arguments when it is asked for items: a stream can have that done, by what takes items.
    /// So it is a function that the stream could call anyway, and of a library that is known.
    pub(in crate::policy) fn check_called_later(&mut self, args: Id) -> Result<()> {
        let items: Vec<Id> = self.value(args).items().map(Value::id).collect();
        for item in items {
            let Some(global) = self.known(item) else {
                let made_by = self.value(item).as_instance().map(|made| self.known(made.class().id()));
                let is_iterator = |global: usize| {
                    let (module, name) = names(&self.globals[global].key);
                    ["builtins", "itertools", "collections", "_collections"].contains(&module)
                        && (module, name) != GETATTR
                };
                if made_by.is_none_or(|global| global.is_some_and(is_iterator)) {
                    continue;
                }
                return Err(Error::refused(Rule::Call, "what is called for each item is no known function"));
            };
            let key = names(&self.globals[global].key);
            let calls = self.globals[global].capability.is_some_and(|capability| capability.call.is_some());
            if !(is_pure(key.0, key.1) || calls && is_known(key.0)) {
                let message = format!("{} may not be called for each item", self.title(global));
                return Err(Error::refused(Rule::Call, message));
            }
            self.check_target(item)?;
        }
        Ok(())
    }

    /// Refuses what may be called, but not by the program later.
    pub(super) fn refuse_call_later(&mut self, id: Id) -> Result<()> {
        if let Some(owner) = self.owner_of_new(id) {
            let message = format!("{}.__new__ may not be a value", self.title(owner));
            return self.miss(Rule::Attribute, Some(owner), |_| Use::Member("__new__".into()), message);
        }
        let made = self.value(id).as_instance().map(Instance::args);
        let Some(function) = made.and_then(|args| args.item(0)).map(Value::id) else { return Ok(()) };
        let Some(global) = self.known(function) else { return self.refuse_call_later(function) };
        let message = format!("{} may not be called later", self.title(global));
        let capability = self.globals[global].capability;
        if !capability.is_some_and(|capability| capability.value) {
            self.miss(Rule::Call, Some(global), |_| Use::Value, message.clone())?;
        }
        if capability.is_none_or(|capability| !capability.later && capability.call.is_none()) {
            self.miss(Rule::Call, Some(global), |_| Use::Later, message)?;
        }
        self.globals[global].uses.value = true;
        Ok(())
    }

    /// Judges `functools.partial(function, *args)`: as a value that may be called like this.
    pub(super) fn check_partial(&mut self, args: Id) -> Result<()> {
        let parts: Vec<Id> = self.value(args).items().map(Value::id).collect();
        let Some((&function, rest)) = parts.split_first() else {
            return Err(Error::refused(Rule::Call, "functools.partial without a function"));
        };
        if self.is_function(function) && !self.may_be_called_later(function) {
            // It may be called at once: the partial is no value, either.
            return self.check_free(rest);
        }
        self.check_free(&parts)?;
        self.check_target(function)
    }

    /// Whether an object is what the stream can call: a global, or the `__new__` of a class.
    pub(super) fn is_function(&self, id: Id) -> bool {
        self.known(id).map_or_else(|| self.owner_of_new(id).is_some(), |global| !self.is_helper(global))
    }

    /// Whether a global is a function that is judged by what it is given.
    pub(super) fn is_helper(&self, global: usize) -> bool {
        let key = names(&self.globals[global].key);
        COPYREG.contains(&key) || [GETATTR, PARTIAL].contains(&key)
    }

    /// Judges a function that may be called later.
    pub(super) fn check_target(&mut self, function: Id) -> Result<()> {
        let granted = self.may_be_called_later(function);
        let Some(global) = self.known(function) else {
            if granted {
                return Ok(());
            }
            return Err(Error::refused(Rule::Call, "functools.partial of something that is no global"));
        };
        if !granted {
            let message = format!("{} may not be called later", self.title(global));
            self.miss(Rule::Call, Some(global), |_| Use::Later, message)?;
        }
        self.globals[global].uses.value = true;
        Ok(())
    }

    /// The state of a `functools.partial`: (function, args, keywords, attributes).
    pub(super) fn check_partial_state(&mut self, instance: Id, state: Id) -> Result<()> {
        let parts: Vec<Id> = self.value(state).items().map(Value::id).collect();
        let &[function, args, keywords, attributes] = parts.as_slice() else {
            return Err(Error::refused(Rule::State, "this is no state of a functools.partial"));
        };
        let is = |id: Id, kind: Kind| self.value(id).kind() == kind;
        if !is(args, Kind::Tuple)
            || !(is(keywords, Kind::Dict) || self.value(keywords).is_none())
            || !(self.value(attributes).is_none()
                || is(attributes, Kind::Dict) && self.value(attributes).is_empty())
        {
            return Err(Error::refused(Rule::State, "this is no state of a functools.partial"));
        }
        let changed = self.value(instance).changes().next().is_some();
        if self.restricted.contains(instance) {
            let made = self.value(instance).as_instance().and_then(|made| made.args().item(0));
            if changed || made.map(Value::id) != Some(function) {
                return Err(Error::refused(Rule::State, "a functools.partial of something else"));
            }
            // The first argument of a `__new__` is a class.
            let first = usize::from(self.owner_of_new(function).is_some());
            let free: Vec<Id> = self.value(args).items().skip(first).map(Value::id).collect();
            self.check_free(&free)?;
            return self.check_free(&[keywords]);
        }
        self.check_free(&[state])?;
        self.check_target(function)
    }
}
