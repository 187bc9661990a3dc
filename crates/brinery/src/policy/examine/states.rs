//! States, attributes and items that objects are given.

use super::{Examiner, GETITEM, attributes};
use crate::error::{Error, Result};
use crate::policy::capability::State;
use crate::policy::learn::is_known;
use crate::policy::native::Native;
use crate::policy::need::{Use, shape_of};
use crate::policy::rule::Rule;
use crate::policy::shape::{Shape, World};
use crate::value::{ChangeKind, Id, Kind, Value};

/// What the interpreter makes of these attributes is another object.
const HOOKS: [&str; 2] = ["__class__", "__dict__"];

impl<'p> Examiner<'_, 'p> {
    /// What in a state is the memory of an array: of a class of a program's own it may be the first of two, the second of which are its
    /// attributes, or five parts of more, one after the other. The others are for its own code to look at; what is handed on to numpy
    /// is what was judged.
    pub(super) fn memory_in(&mut self, instance: Id, state: Id) -> Result<Id> {
        let class = self.value(instance).as_instance().and_then(|made| made.args().item(0));
        let class = class.and_then(|class| self.known(class.id())).map(|class| &self.globals[class].key);
        if class.is_none_or(|class| is_known(&class.0)) {
            return Ok(state);
        }
        let parts: Vec<Value<'_, '_>> = self.value(state).items().take(16).collect();
        let is_memory = |content: Value<'_, '_>| content.kind() != Kind::List;
        let is_data = |own: Value<'_, '_>| {
            matches!(own.kind(), Kind::Dict | Kind::None | Kind::Text | Kind::Int | Kind::Float)
        };
        // Whoever takes these for a memory finds no dtype.
        let is_own = |own: Value<'_, '_>| {
            let of_numpy = |value: Value<'_, '_>| {
                value.kind() == Kind::Instance
                    && self.origin_names(value.id()).is_none_or(|(module, _)| is_known(module))
            };
            is_data(own)
                || own.kind() == Kind::Tuple
                    && own.items().all(|part| !of_numpy(part) && part.kind() != Kind::Tuple)
        };
        if let [memory, own] = *parts.as_slice()
            && memory.kind() == Kind::Tuple
            && memory.item(4).is_some_and(is_memory)
            && is_data(own)
        {
            return Ok(memory.id());
        }
        let first = parts.iter().take_while(|part| is_own(**part)).count();
        // The version and the shape of a memory could be something of one's own as well: the dtype could not.
        let first = first.saturating_sub(2);
        if let Some((&[_, _, _, _, content], own)) = parts[first..].split_first_chunk()
            && parts.len() > 5
            && is_memory(content)
            && own.iter().all(|own| is_own(*own))
        {
            let memory: Vec<Id> = parts[first..first + 5].iter().map(|part| part.id()).collect();
            return self.builder.scratch_tuple(&memory);
        }
        Ok(state)
    }

    /// Whether an attribute is what generic classes note of the arguments with which they were called.
    pub(super) fn is_noted_class(&self, name: &str, value: Value<'_, '_>) -> bool {
        name == "__orig_class__"
            && self.origin_names(value.id()).is_some_and(|origin| {
                [GETITEM, ("types", "GenericAlias"), ("typing", "_GenericAlias")].contains(&origin)
            })
    }

    /// Judges `BUILD`.
    pub(super) fn check_state(&mut self, instance: Id, state: Id) -> Result<()> {
        if self.is_partial(instance) {
            self.copy(state, false)?;
            return self.check_partial_state(instance, state);
        }
        self.check_free(&[state])?;
        self.copy(state, false)?;
        if self.value(instance).as_instance().is_none() {
            let what = self.value(instance).kind().name();
            let global = self.known(instance);
            return self.miss(
                Rule::Ownership,
                global,
                |_| Use::Other,
                format!("a {what} may not be given state"),
            );
        }
        let Some(global) = self.origin(instance) else {
            let message = "state for an object that was not made of a global".into();
            return self.miss(Rule::Ownership, None, |_| Use::Other, message);
        };
        let capability = self.globals[global].capability;
        let is_array = capability.is_some_and(|capability| capability.native == Some(Native::Array));
        let (whole, state) = (state, if is_array { self.memory_in(instance, state)? } else { state });
        let rights = capability.map_or(&State::None, |capability| &capability.state);
        let problem = match rights {
            State::None => Some(format!("objects of {} may not be given state", self.title(global))),
            State::SetState(_)
                if self.value(instance).changes().any(|change| change.kind() == ChangeKind::State) =>
            {
                // No pickler does that, and the first may have put a way of its own in the place of the class's.
                return Err(Error::refused(
                    Rule::State,
                    "a second state for an object that has its state already",
                ));
            }
            State::SetState(shape) => {
                self.globals[global].uses.setstate = true;
                let shape: &'p Shape = shape;
                (!self.fits(state, shape, Rule::State))
                    .then(|| format!("objects of {} may not be given this state", self.title(global)))
            }
            State::Attributes(fields) => {
                self.globals[global].uses.attributes = true;
                self.check_attributes(state, fields.as_ref())
                    .map(|what| format!("objects of {} may not be given {what}", self.title(global)))
            }
        };
        if let Some(message) = problem {
            let used = |this: &Self| match this.special_attributes(state) {
                // Only a method of the class can make something of that.
                _ if attributes(this.value(state)).any(|(name, _)| name.as_str() == Some("__dict__")) => {
                    Use::Whole(shape_of(this.value(state), &this))
                }
                fields if fields.is_empty() || matches!(rights, State::SetState(_)) => {
                    Use::State(shape_of(this.value(state), &this))
                }
                fields => Use::Fields(fields),
            };
            self.miss(Rule::State, Some(global), used, message)?;
        }
        if self.globals[global].key.0.starts_with("pandas") {
            self.keep(state)?;
        }
        if let Some(native) = capability.and_then(|capability| capability.native) {
            native.state(self, instance, state)?;
            if native == Native::Dtype {
                self.dtypes.push((instance, state));
            }
        }
        let state = whole;
        self.heavy += self.weight(self.value(instance), Some(state));
        // What an instance's hash looks at may be its state.
        let size = attributes(self.value(state))
            .fold(self.size(instance), |sum, (_, value)| sum.saturating_add(self.size(value.id())));
        self.set_size(instance, size);
        Ok(())
    }

    /// What in a state are no attributes that may be set.
    pub(super) fn check_attributes(
        &mut self,
        state: Id,
        fields: Option<&'p std::collections::BTreeMap<String, Shape>>,
    ) -> Option<String> {
        let is_state = |value: Value<'_, '_>| value.is_none() || value.kind() == Kind::Dict;
        let value = self.value(state);
        let plain =
            is_state(value) || value.kind() == Kind::Tuple && value.len() == 2 && value.items().all(is_state);
        if !plain {
            return Some("a state that is no attributes".into());
        }
        let mut typed: Vec<(Id, &'p Shape)> = Vec::new();
        for (key, value) in attributes(value) {
            if !(self as &Self).spend() {
                return Some("so many attributes".into());
            }
            let Some(name) = key.as_str().filter(|_| key.kind() != Kind::Bytes) else {
                return Some("attributes whose names are no text".into());
            };
            // Texts beside an exception, which nothing but a traceback shows.
            let notes = name == "__notes__"
                && (value.is_none()
                    || value.kind() == Kind::List && value.items().all(|note| note.kind() == Kind::Text));
            // What a policy names is an attribute like others, and not what the interpreter looks at.
            let shape = fields.and_then(|fields| fields.get(name));
            let named = shape.is_some() && !HOOKS.contains(&name);
            if self.is_noted_class(name, value) {
                continue;
            }
            if name.starts_with("__") && name.ends_with("__") && !notes && !named {
                return Some(format!("the attribute {name:?}"));
            }
            if name == "args"
                && value.kind() == Kind::Instance
                && shape.is_none_or(|shape| *shape == Shape::Any)
            {
                // An exception makes a tuple of it, however long that takes.
                return Some("the attribute \"args\" of something made by a call".into());
            }
            match fields {
                None => {}
                Some(fields) => match fields.get(name).or_else(|| fields.get("*")) {
                    Some(shape) => typed.push((value.id(), shape)),
                    None => return Some(format!("the attribute {name:?}")),
                },
            }
        }
        for (id, shape) in typed {
            if !self.fits(id, shape, Rule::State) {
                return Some(format!("an attribute that is not {shape}"));
            }
        }
        None
    }

    /// The attributes in a state that have special names, which are none of the interpreter's own.
    pub(super) fn special_attributes(&self, state: Id) -> Vec<(String, Shape)> {
        let special = attributes(self.value(state)).filter_map(|(key, value)| {
            let name = key.as_str()?;
            if name == "args" && value.kind() == Kind::Instance {
                // What the interpreter makes a tuple of by itself is not of a class with attributes.
                let has_attributes = |global: usize| {
                    let capability = self.globals[global].capability;
                    capability.is_none_or(|known| matches!(known.state, State::Attributes(_)))
                };
                let made_of = World::made_of(&self, value);
                let made_of = made_of.filter(|_| self.origin(value.id()).is_some_and(has_attributes));
                return made_of.map(|(module, class)| {
                    (name.to_owned(), Shape::Made(module.to_owned(), class.to_owned()))
                });
            }
            let special = name.starts_with("__") && name.ends_with("__");
            (special && !HOOKS.contains(&name) && !["__orig_class__", "__notes__"].contains(&name))
                .then(|| (name.to_owned(), shape_of(value, &self)))
        });
        special.collect()
    }

    /// Judges items for a container.
    pub(super) fn check_extend(&mut self, container: Id, kind: ChangeKind, items: &[Id]) -> Result<()> {
        let value = self.value(container);
        let exact = match kind {
            ChangeKind::Append => value.kind() == Kind::List,
            ChangeKind::SetItems => value.kind() == Kind::Dict,
            _ => value.kind() == Kind::Set,
        };
        if exact && items.iter().all(|&item| self.value(item).is_leaf()) {
            return Ok(());
        }
        self.check_free(items)?;
        match kind {
            ChangeKind::SetItems => self.hash(items.iter().step_by(2).copied())?,
            ChangeKind::AddItems => self.hash(items.iter().copied())?,
            _ => {}
        }
        if exact {
            return Ok(());
        }
        let value = self.value(container);
        let Some(global) = self.origin(container) else {
            let what = value.kind().name();
            let known = self.known(container);
            return self.miss(
                Rule::Ownership,
                known,
                |_| Use::Other,
                format!("a {what} may not be extended by items"),
            );
        };
        if value.changes().any(|change| change.kind() == ChangeKind::State) {
            // No pickler does that, and the state could have put a method of its own in the place of the class's.
            return Err(Error::refused(Rule::Extend, "items for an object that has its state already"));
        }
        let shape = self.globals[global].capability.and_then(|capability| capability.extend.as_ref());
        let fits = shape.is_some_and(|shape| items.iter().all(|&item| self.fits(item, shape, Rule::Extend)));
        self.note_heavy(items.iter().copied());
        if !fits {
            let message = format!("objects of {} may not be extended by these items", self.title(global));
            self.miss(Rule::Extend, Some(global), |_| Use::Extend(kind), message)?;
        }
        Ok(())
    }

    /// Judges attributes that a function sets.
    pub(in crate::policy) fn check_set_attributes(&mut self, state: Id) -> Result<()> {
        match self.check_attributes(state, None) {
            None => Ok(()),
            Some(what) => Err(Error::refused(Rule::State, format!("objects may not be given {what}"))),
        }
    }
}
