//! Loading at once what can be judged while it is made.
//!
//! Most granted classes are such that nobody can tell that an instance was made and given up again: builtin values, and plain
//! instances that get attributes. Their streams are loaded in one go, each deed judged before it is done. Whatever cannot be
//! judged like this, and whatever is not granted, makes the load begin again, judged as a whole before anything is made.

mod calls;
mod objects;
mod shapes;
mod states;

pub(super) use objects::is_global;

use super::forms::{Arguments, Form, These};
use super::nesting::is_bare;
use super::rules::{Judged, Rules};
use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result};
use crate::load::{Builder, Function, Nature, Product, Take, is_plain_object};
use brinery::policy::{Native, Shape};
use objects::is_singleton;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

/// What a load in one go knows, and what it may still spend.
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts")]
pub(super) struct Direct<'a> {
    rules: &'a Rules,
    /// Whether brinery itself finds the objects of globals.
    finds_globals: bool,
    globals: Vec<Global<'a>>,
    /// The global that was used last: most likely the next one is the same.
    last: Cell<usize>,
    /// Whether the stream has strings of Python 2, which are of two kinds until it is known what they are for.
    pub(super) has_old_strings: bool,
    /// Whether the stream has made sets or byte arrays by calls, which are not taken for those that opcodes make.
    pub(super) calls_builtins: bool,
    work: Cell<u64>,
    memory: u64,
    /// Shapes that objects must have at the end as well, for they can be changed.
    obligations: Vec<(Owned, &'a Shape)>,
    /// Dicts that have to be empty at the end as well.
    empty: Vec<Owned>,
    /// Tuples that hold globals which may be no values, by their places.
    restricted: Option<HashMap<usize, Owned>>,
    /// The class of time zones that was found last among those that are written in C.
    zone: Cell<*mut PyObject>,
    /// Names that were compared with those of a state. The memo takes them for held, so they stay until the end.
    names: Vec<Owned>,
    /// Arrays and dtypes of numpy that were made to be given a state, by their addresses.
    unstated: Option<HashSet<usize>>,
    /// The one of these that was made last, or zero: most are given their state at once.
    latest: usize,
    /// Dicts that dtypes have for their fields, by their addresses: they may not be changed any more.
    locked: Option<HashMap<usize, Owned>>,
    /// Whether the stream has named what is neither a class nor a function of the interpreter's: no object that it has made, though
    /// its class may be one whose objects are.
    has_others: bool,
    /// Whether the stream has asked for members by their names, which are not taken for what a call of their class makes.
    asks_for_members: bool,
    /// How many objects made by calls were given attributes.
    pub(super) filled: usize,
    /// Whether there is something that holds objects which the collector does not know of.
    pub(super) is_opaque: bool,
}

/// A class or function that the stream has named.
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts")]
struct Global<'a> {
    judged: &'a Judged<'a>,
    object: Owned,
    role: Role,
    /// What it makes, if not instances of itself.
    product: Option<Product>,
    /// Whether a call makes a value of a builtin class, and its arguments are all that there is to be judged.
    makes_values: bool,
    /// Whether instances are constructed without arguments, and are nothing but their attributes.
    is_bare: bool,
    /// The attributes of the last instance, in order.
    row: Vec<Attribute<'a>>,
    /// Whether any of these may not be everything.
    has_shapes: bool,
    /// Whether it is known of each which class its objects are of, or that they may be of all.
    has_classes: bool,
    /// Whether instances are made whole, by a call that nobody can tell: attributes they may be given only by the way that the
    /// class has.
    is_made_whole: bool,
    /// Whether it makes tuples, of anything: nothing is copied, and nothing runs.
    holds_anything: bool,
    /// How many arguments its maker takes, if all that it takes is granted, whatever that is; or zero.
    takes: usize,
    /// Whether one of them is a text.
    takes_text: bool,
    /// What a maker of numpy was called with, data apart: most likely the next calls have the same.
    granted: Vec<Owned>,
    /// The dtypes of arrays that were given a state, if all states with these are granted that an array takes.
    dtypes: Vec<Owned>,
    /// What the arguments were like of which it has made a value last: most likely the next ones are alike.
    likely: Option<&'a These<'a>>,
}

impl<'a> Global<'a> {
    fn new(
        judged: &'a Judged<'a>,
        object: Owned,
        role: Role,
        product: Option<Product>,
        takes: &[Take],
    ) -> Self {
        let is_instance = match role {
            Role::Class(Some(Nature::Instance)) => judged.capability.native.is_none(),
            Role::Class(Some(Nature::Uuid)) => judged.capability.native == Some(Native::Uuid),
            _ => false,
        };
        let is_bare = is_instance && judged.constructions.iter().any(Arguments::may_be_none);
        let is_value = matches!(role, Role::Class(Some(Nature::Value | Nature::Container)));
        let makes_values =
            is_value && matches!(judged.capability.native, None | Some(Native::Elements | Native::Fraction));
        let holds_anything = matches!(role, Role::Class(Some(Nature::NamedTuple)))
            && judged.capability.native.is_none()
            && judged
                .constructions
                .iter()
                .any(|given| matches!(given, Arguments::Any | Arguments::Each(Form::Any)));
        let is_made_whole =
            judged.capability.inert && matches!(role, Role::Class(None | Some(Nature::Exception)));
        Global {
            judged,
            object,
            role,
            product,
            makes_values,
            is_bare,
            row: Vec::new(),
            has_shapes: false,
            has_classes: false,
            is_made_whole,
            holds_anything,
            takes: if makes_values && judged.calls.iter().any(|given| given.cover(takes)) {
                takes.len()
            } else {
                0
            },
            takes_text: takes.contains(&Take::Decimal),
            granted: Vec::new(),
            dtypes: Vec::new(),
            likely: None,
        }
    }
}

/// What is known of a global.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Class(Option<Nature>),
    Function(Option<Function>),
}

struct Attribute<'a> {
    name: Owned,
    /// What it may be, if not everything.
    shape: Option<&'a Shape>,
    /// The class of just those objects that have this shape, if they are those of a class.
    class: Option<*mut PyTypeObject>,
    /// Whether it can lose this shape.
    can_be_lost: bool,
}

impl<'a> Direct<'a> {
    #[inline(always)]
    pub(super) fn new(rules: &'a Rules, finds_globals: bool, input: usize) -> Self {
        let limits = rules.budgets();
        Direct {
            rules,
            finds_globals,
            globals: Vec::new(),
            last: Cell::new(0),
            has_old_strings: false,
            calls_builtins: false,
            work: Cell::new(limits.work_for(input)),
            memory: limits.memory_for(input),
            obligations: Vec::new(),
            empty: Vec::new(),
            restricted: None,
            zone: Cell::new(std::ptr::null_mut()),
            names: Vec::new(),
            unstated: None,
            latest: 0,
            locked: None,
            has_others: false,
            asks_for_members: false,
            filled: 0,
            is_opaque: false,
        }
    }

    /// Whether the stream has named no class so far: all that there is are builtin objects.
    #[inline(always)]
    pub(super) fn is_plain(&self) -> bool {
        self.globals.is_empty()
    }

    /// The class or function that a stream names, if it is granted and there. The names may be those of Python 2.
    pub(super) fn global(
        &mut self,
        builder: &mut Builder<'_>,
        module: &Owned,
        name: &Owned,
        old: bool,
    ) -> Result<Option<Owned>> {
        let exact = |object: &Owned| object.is_exactly(&raw mut PyUnicode_Type);
        if !self.finds_globals || self.has_old_strings || !exact(module) || !exact(name) {
            return Ok(None);
        }
        let (module, name) = (module.as_ref(), name.as_ref());
        let Some(judged) = self.rules.judged(module, name, old) else { return Ok(None) };
        if let Some(known) = self.globals.iter().find(|known| std::ptr::eq(known.judged, judged)) {
            return Ok(Some(known.object.clone()));
        }
        let Some(object) = judged.object() else { return Ok(None) };
        if self.globals.iter().any(|known| known.object.is(object.as_ref())) {
            return Ok(None);
        }
        let role = if is_singleton(object.as_ref()) {
            // It is there without a name as well, and nothing can be done with it.
            if !judged.capability.is_value_anywhere() {
                return Ok(None);
            }
            Role::Function(None)
        } else if object.is_type() {
            if !judged.is_as_granted(builder, object.as_ref())? {
                return Ok(None);
            }
            Role::Class(judged.nature(builder, object.as_ref()))
        } else {
            if !judged.is_function_as_granted(object.as_ref()) {
                // A function of another kind, which can be nowhere.
                let calls = judged.capability.inert && judged.capability.construct.is_none();
                let is_value = judged.capability.value || is_bare(object.as_ptr());
                if !calls || is_value || !is_plain_object(object.as_ref(), builder.state()) {
                    return Ok(None);
                }
                self.has_others = true;
            }
            Role::Function(builder.function(object.as_ref()))
        };
        let product = match role {
            Role::Function(None) => None,
            Role::Function(function) => builder.product(object.as_ref(), function),
            Role::Class(_) => builder.product(object.as_ref(), None),
        };
        let takes = if matches!(role, Role::Class(_)) { builder.takes(object.as_ref()) } else { Vec::new() };
        self.globals.push(Global::new(judged, object.clone(), role, product, &takes));
        Ok(Some(object))
    }

    /// Whether an object may be anywhere: it is no global that may not be a value, and no tuple that holds one.
    #[inline(always)]
    pub(super) fn is_free(&self, object: Ref<'_>) -> bool {
        is_bare(object.as_ptr()) || self.is_free_holder(object)
    }

    /// The same for all of these. Most are of the same class as another, and what is no global and never lost is free by that.
    #[inline(always)]
    pub(super) fn are_free<'o>(&self, objects: impl IntoIterator<Item = Ref<'o>>) -> bool {
        if self.is_plain() {
            return true;
        }
        let by_class = !self.has_others && self.restricted.is_none();
        let mut last = &raw mut PyList_Type;
        for object in objects {
            let kind = object.type_ptr();
            if kind == last || kind == &raw mut PyDict_Type || is_bare(object.as_ptr()) {
                continue;
            }
            if by_class && !is_global(object) {
                last = kind;
            } else if !self.is_free_holder(object) {
                return false;
            }
        }
        true
    }

    #[inline(never)]
    fn is_free_holder(&self, object: Ref<'_>) -> bool {
        if is_global(object) {
            return self
                .find(object.as_ptr())
                .is_some_and(|index| self.globals[index].judged.capability.is_value_anywhere());
        }
        if self.is_other(object) {
            return false;
        }
        self.restricted.as_ref().is_none_or(|tuples| !tuples.contains_key(&object.as_ptr().addr()))
    }

    /// Whether an object is a global that is neither a class nor a function of the interpreter's.
    #[inline(always)]
    fn is_other(&self, object: Ref<'_>) -> bool {
        self.has_others && self.find(object.as_ptr()).is_some()
    }

    /// Notes a tuple that holds what may be no value.
    #[cold]
    pub(super) fn restrict(&mut self, tuple: &Owned) {
        self.restricted.get_or_insert_default().insert(tuple.as_ptr().addr(), tuple.clone());
    }

    #[inline(always)]
    pub(super) fn find(&self, object: *mut PyObject) -> Option<usize> {
        let last = self.last.get();
        if self.globals.get(last).is_some_and(|known| known.object.as_ptr() == object) {
            return Some(last);
        }
        let index = self.globals.iter().position(|known| known.object.as_ptr() == object)?;
        self.last.set(index);
        Some(index)
    }

    /// How deep objects may be nested.
    pub(super) fn depth(&self) -> usize {
        self.rules.budgets().depth()
    }

    /// The names of the global that an extension code stands for.
    pub(super) fn extension(&self, code: u32) -> Result<Option<[Owned; 2]>> {
        let Some((module, name)) = self.rules.extension(code) else { return Ok(None) };
        Ok(Some([Owned::interned(module)?, Owned::interned(name)?]))
    }

    /// Whether everything still has the shape that it had when it was judged.
    pub(super) fn still_fits(&self) -> bool {
        // SAFETY: a size is asked of dicts.
        let is_empty = |dict: &Owned| unsafe { PyDict_Size(dict.as_ptr()) } == 0;
        self.obligations.iter().all(|(object, shape)| self.fits(shape, object.as_ref()))
            && self.empty.iter().all(is_empty)
    }

    #[inline(always)]
    fn pay(&mut self, amount: u64) -> bool {
        let Some(left) = self.memory.checked_sub(amount) else { return false };
        self.memory = left;
        true
    }
}
