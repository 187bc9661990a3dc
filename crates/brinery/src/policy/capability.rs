//! What a stream may do with a global.

use super::native::Native;
use super::policy::Key;
use super::shape::Shape;
use std::collections::{BTreeMap, BTreeSet};

/// The state that objects made of a global may be given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// None.
    #[default]
    None,
    /// Attributes, set without code of the class: of any name that is not special, or these, each of its shape.
    Attributes(Option<BTreeMap<String, Shape>>),
    /// Whatever has this shape, by the `__setstate__` of the class.
    SetState(Shape),
}

/// What a stream may do with a global, and with what it makes of it. The default is nothing.
///
/// ```
/// use brinery::policy::Capability;
///
/// let class = Capability { construct: Some("tuple[]".parse().unwrap()), ..Capability::default() };
/// assert!(!class.value);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Capability {
    /// Whether it may be a value: what the program gets a hold of.
    pub value: bool,
    /// The globals of programs within whose objects it may be a value, and so may bound methods of its objects: wherever it likes, if
    /// nothing is said. Where no object of a program holds it, it may always be.
    pub within: Option<BTreeSet<Key>>,
    /// The arguments, as a tuple, with which an instance may be made by `__new__` alone: `NEWOBJ`, `NEWOBJ_EX`, copyreg.
    pub construct: Option<Shape>,
    /// The keyword arguments that may come with them, or with those of a call.
    pub keywords: Option<Shape>,
    /// The arguments, as a tuple, with which it may be called.
    pub call: Option<Shape>,
    /// Whether whoever gets hold of it may call it by a `functools.partial`, as it is a value. The stream may not.
    pub later: bool,
    /// The state that such objects may be given.
    pub state: State,
    /// The items by which such objects may be extended, as `append`, `add` or item by item.
    pub extend: Option<Shape>,
    /// The attributes of the global that may be had by `getattr`, members of an enum: `*` for all of them.
    pub members: BTreeSet<String>,
    /// The attributes that may be had of objects made of it, as bound methods.
    pub methods: BTreeSet<String>,
    /// What is checked besides, by code.
    pub native: Option<Native>,
    /// Whether nobody can tell that a call with plain values was made, unless what it makes is kept: it may be made while the
    /// stream is judged.
    pub inert: bool,
}

impl Capability {
    /// Whether a `functools.partial` of it may be a value, if it is not known to be harmless.
    pub fn may_be_called_later(&self) -> bool {
        self.value && (self.later || self.call.is_some())
    }

    /// Whether it, or a method of its objects, may be a value wherever it likes.
    fn is_free(&self) -> bool {
        self.within.is_none() && (self.value || !self.methods.is_empty())
    }

    /// Whether it may be a value wherever it likes.
    pub fn is_value_anywhere(&self) -> bool {
        self.value && self.within.is_none()
    }

    /// Whether nothing is granted.
    pub fn is_nothing(&self) -> bool {
        *self == Capability::default()
    }

    /// Whether the objects of a class may act when they go, by a `__del__` in Python.
    pub fn may_finalize(&self) -> bool {
        self.methods.contains("__del__")
    }

    /// What either grants.
    #[must_use]
    pub fn union(mut self, other: Capability) -> Capability {
        let is_free = self.is_free() || other.is_free();
        let either = |mine: Option<Shape>, other: Option<Shape>| match (mine, other) {
            (Some(mine), Some(other)) => Some(mine.or(other)),
            (mine, other) => mine.or(other),
        };
        self.within = match (self.within.take(), other.within.clone()) {
            _ if is_free => None,
            (Some(mine), Some(other)) => Some(mine.into_iter().chain(other).collect()),
            (mine, other) => mine.or(other),
        };
        self.value |= other.value;
        self.later |= other.later;
        // It holds of all calls that either grants.
        let all = |one: &Capability| one.inert || one.call.is_none();
        self.inert = (self.inert || other.inert) && all(&self) && all(&other);
        // A check by code goes with the shapes that were written for it, so one that has none is not to loosen them.
        match (self.native, other.native) {
            (None, Some(_)) => {
                let (value, later, inert, within) = (self.value, self.later, self.inert, self.within);
                self = other;
                self.within = within;
                self.value |= value;
                self.later |= later;
                self.inert = inert;
                return self;
            }
            (Some(_), None) => return self,
            _ => {}
        }
        self.construct = either(self.construct, other.construct);
        self.keywords = either(self.keywords, other.keywords);
        self.call = either(self.call, other.call);
        self.extend = either(self.extend, other.extend);
        self.members.extend(other.members);
        self.methods.extend(other.methods);
        self.state = match (self.state, other.state) {
            (State::None, state) | (state, State::None) => state,
            (State::SetState(mine), State::SetState(other)) => State::SetState(mine.or(other)),
            (State::Attributes(Some(mut mine)), State::Attributes(Some(other))) => {
                for (name, shape) in other {
                    let both = match mine.remove(&name) {
                        Some(known) => known.or(shape),
                        None => shape,
                    };
                    mine.insert(name, both);
                }
                State::Attributes(Some(mine))
            }
            // What others there are beside these is granted as well.
            (State::Attributes(Some(named)), State::Attributes(None))
            | (State::Attributes(None), State::Attributes(Some(named)))
                if named.get("*") == Some(&Shape::Any) =>
            {
                State::Attributes(Some(named))
            }
            (State::Attributes(_), State::Attributes(_)) => State::Attributes(None),
            (state @ State::SetState(_), _) | (_, state @ State::SetState(_)) => state,
        };
        self
    }
}
