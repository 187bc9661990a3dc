//! Loading at once what can be judged while it is made.
//!
//! Most granted classes are such that nobody can tell that an instance was made and given up again: builtin values, and plain
//! instances that get attributes. Their streams are loaded in one go, each deed judged before it is done. Whatever cannot be
//! judged like this, and whatever is not granted, makes the load begin again, judged as a whole before anything is made.

use super::deeds::Deed;
use super::forms::{Arguments, Form, These};
use super::nesting::{flags, is_bare};
use super::rules::{Judged, Rules, plain_text};
use crate::ffi::api::*;
use crate::ffi::layout::{self, int};
use crate::ffi::{Owned, Ref, Result, sequence, tuple};
use crate::load::{
    Builder, Function, Inert, Maker, Nature, Product, Take, is_atom, is_constant, is_plain_object, slots_of,
};
use brinery::policy::{Native, Shape, State};
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
    /// Arguments with which a maker of numpy was called: most likely the next ones are the same as some but for the data.
    granted: Vec<[Owned; 3]>,
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
            if !judged.capability.value {
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
                .is_some_and(|index| self.globals[index].judged.capability.value);
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

    /// What a call comes to, if it is granted with these arguments.
    pub(super) fn call<'s>(&mut self, callable: Ref<'_>, args: &'s [Ref<'s>]) -> Option<Deed<'s>> {
        self.call_of(self.find(callable.as_ptr())?, args)
    }

    /// The same for a call of the global at this place.
    #[inline(always)]
    pub(super) fn call_of<'s>(&mut self, index: usize, args: &'s [Ref<'s>]) -> Option<Deed<'s>> {
        let Global { judged, role, .. } = self.globals[index];
        let (granted, deed) = match role {
            Role::Class(nature) => {
                let nature = nature?;
                let granted = match (nature, judged.capability.native) {
                    (Nature::Partial, _) => {
                        let (function, rest) = args.split_first()?;
                        self.may_be_called_later(*function)
                            && self.are_free(rest.iter().copied())
                            && self.pay(16 * args.len() as u64)
                    }
                    (
                        Nature::Value
                        | Nature::Container
                        | Nature::Set
                        | Nature::ByteArray
                        | Nature::Exception,
                        None | Some(Native::Elements | Native::Fraction),
                    )
                    | (Nature::Dtype, Some(Native::Dtype)) => {
                        self.has_known_zone(index, args) && self.takes(&judged.calls, args)
                    }
                    (Nature::Namespace, None) => args.is_empty() && self.takes(&judged.calls, args),
                    (Nature::Inert(kind), None) => is_inert(kind, args) && self.takes(&judged.calls, args),
                    _ => false,
                };
                self.calls_builtins |= matches!(nature, Nature::Set | Nature::ByteArray);
                (granted, Deed::Make(nature))
            }
            Role::Function(function) => match function? {
                Function::NewObject => {
                    let (class, args) = args.split_first()?;
                    return self.construct(*class, args).map(|_| Deed::New(*class, args));
                }
                Function::Reconstructor => {
                    let &[class, base, state] = args else { return None };
                    let is_base = |kind: *mut PyTypeObject| base.as_ptr() == kind.cast();
                    if is_base(&raw mut PyBaseObject_Type) && state.is_none() {
                        let nature = self.construct(class, &[])?;
                        let plain = matches!(nature, Nature::Instance | Nature::Uuid);
                        return plain.then_some(Deed::New(class, &[]));
                    }
                    if !is_base(&raw mut PyTuple_Type) || !state.is_exactly(&raw mut PyTuple_Type) {
                        return None;
                    }
                    // SAFETY: it is a tuple.
                    let items = unsafe { sequence::items_of_tuple(state) };
                    let is_named = self.construct(class, items)? == Nature::NamedTuple;
                    return (is_named && self.is_free(state)).then_some(Deed::New(class, items));
                }
                Function::GetAttr => {
                    let &[class, name] = args else { return None };
                    self.asks_for_members = true;
                    (self.is_member(class, name), Deed::Call(Function::GetAttr))
                }
                Function::Numpy(maker) => {
                    let judge = match maker {
                        Maker::Empty => Native::Array,
                        Maker::Scalar => Native::Scalar,
                        Maker::FromBuffer => Native::FromBuffer,
                        Maker::Dtype => return None,
                    };
                    let dtype = match maker {
                        Maker::Scalar => args.first(),
                        Maker::FromBuffer => args.get(1),
                        Maker::Empty | Maker::Dtype => None,
                    };
                    let granted = judged.capability.native == Some(judge)
                        && !dtype.is_some_and(|dtype| self.is_open(*dtype))
                        && self.takes(&judged.calls, args);
                    (granted, Deed::Call(Function::Numpy(maker)))
                }
                function => {
                    let granted = judged.capability.native.is_none() && self.takes(&judged.calls, args);
                    (granted, Deed::Call(function))
                }
            },
        };
        granted.then_some(deed)
    }

    /// Whether this may be called with these arguments though it is not known what the call does: nobody can tell that there was one,
    /// for all that it looks at are plain values.
    pub(super) fn is_inert_call(&mut self, callable: Ref<'_>, args: &[Ref<'_>]) -> bool {
        let Some(index) = self.find(callable.as_ptr()) else { return false };
        let judged = self.globals[index].judged;
        let mut left = MOST_PLAIN;
        judged.capability.inert
            && judged.capability.native.is_none()
            && args.iter().all(|argument| is_plain(*argument, &mut left))
            && self.takes(&judged.calls, args)
    }

    /// Whether this may be called with these arguments, whatever code that runs.
    pub(super) fn grants_call(&mut self, callable: Ref<'_>, args: &[Ref<'_>]) -> bool {
        let Some(index) = self.find(callable.as_ptr()) else { return false };
        let judged = self.globals[index].judged;
        judged.is_judged_by_forms() && self.takes(&judged.calls, args)
    }

    /// Whether a class may be constructed with these arguments, whatever code that runs.
    pub(super) fn grants_construction(
        &mut self,
        class: Ref<'_>,
        args: &[Ref<'_>],
        keywords: Option<Ref<'_>>,
    ) -> bool {
        let Some(index) = self.find(class.as_ptr()).filter(|_| class.is_type()) else { return false };
        let judged = self.globals[index].judged;
        let granted = |keywords: Ref<'_>| {
            let shape = judged.capability.keywords.as_ref();
            keywords.is_exactly(&raw mut PyDict_Type) && shape.is_some_and(|shape| self.fits(shape, keywords))
        };
        keywords.is_none_or(granted) && judged.is_judged_by_forms() && self.takes(&judged.constructions, args)
    }

    /// Whether a plain instance may be given this state by the method of its class, whatever code that runs.
    pub(super) fn grants_state(&mut self, instance: Ref<'_>, state: Ref<'_>) -> bool {
        let Some(index) = self.find(instance.type_ptr().cast()) else { return false };
        let Global { judged, role: Role::Class(Some(Nature::Instance)), .. } = self.globals[index] else {
            return false;
        };
        if self.is_other(instance) {
            return false;
        }
        let State::SetState(shape) = &judged.capability.state else { return false };
        judged.is_judged_by_forms()
            && self.is_free(state)
            && self.fits(shape, state)
            && self.pay(64 + flat_size(state))
    }

    /// Whether a call or a construction of the global at this place may be granted though it is not known what code it runs.
    pub(super) fn may_run_code(&self, index: usize) -> bool {
        self.globals[index].judged.is_judged_by_forms()
    }

    /// How deep objects may be nested.
    pub(super) fn depth(&self) -> usize {
        self.rules.budgets().depth()
    }

    /// A member of a class that the stream has named, which is granted by its dotted name and made by calls that nobody can tell.
    pub(super) fn inert_member(&mut self, callable: Ref<'_>, args: &[Ref<'_>]) -> Option<Owned> {
        let Role::Function(Some(Function::GetAttr)) = self.globals[self.find(callable.as_ptr())?].role else {
            return None;
        };
        let &[class, name] = args else { return None };
        let name = plain_text(name)?;
        let owner = self.globals[self.find(class.as_ptr())?].judged;
        let [module, dotted] = owner.member(name).ok()?;
        let judged = self.rules.judged(module.as_ref(), dotted.as_ref(), false)?;
        if !judged.capability.inert || !owner.capability.members.contains(name) || !self.pay(16) {
            return None;
        }
        let known = self.globals.iter().find(|known| std::ptr::eq(known.judged, judged));
        if let Some(known) = known {
            return Some(known.object.clone());
        }
        let object = judged.object().filter(|object| judged.is_function_as_granted(object.as_ref()))?;
        self.globals.push(Global::new(judged, object.clone(), Role::Function(None), None, &[]));
        Some(object)
    }

    /// Whether an object may only be given attributes by the way that its class has.
    #[inline(always)]
    pub(super) fn is_unknown_instance(&self, object: Ref<'_>) -> bool {
        self.find(object.type_ptr().cast()).is_some_and(|index| self.globals[index].is_made_whole)
    }

    /// Whether an exception, made by a call that nobody can tell, may be given these attributes by the way that all exceptions have.
    pub(super) fn is_inert_state(&mut self, object: Ref<'_>, state: Ref<'_>) -> bool {
        let Some(index) = self.find(object.type_ptr().cast()) else { return false };
        let known = &self.globals[index];
        let mut left = MOST_PLAIN;
        if !known.is_made_whole
            || self.is_other(object)
            || !matches!(known.judged.capability.state, State::Attributes(_))
            || !is_exception(object.type_ref())
            || !state.is_exactly(&raw mut PyDict_Type)
            || !is_plain(state, &mut left)
        {
            return false;
        }
        let items = pairs_of(state);
        self.pay(32 + 16 * items.len() as u64) && self.attributes(index, &items, false).is_some()
    }

    /// Whether it is not known what a call of the global at this place does, and it may be one that nobody can tell.
    pub(super) fn is_unknown(&self, index: usize) -> bool {
        let known = &self.globals[index];
        known.judged.capability.inert && matches!(known.role, Role::Class(None) | Role::Function(None))
    }

    /// Whether the global at this place makes a builtin value of these arguments, and nothing else has to be known for it; `None`
    /// if it is not one that makes such values.
    #[inline(always)]
    pub(super) fn makes_value(&mut self, index: usize, args: &[Ref<'_>]) -> Option<bool> {
        let known = &self.globals[index];
        let judged = known.judged;
        if !known.makes_values {
            return None;
        }
        if !self.has_known_zone(index, args) {
            return Some(false);
        }
        let taken = self.way_of(&judged.calls, args);
        self.globals[index].likely = match taken.map(|way| &judged.calls[way]) {
            Some(Arguments::These(these)) if these.fragile.is_empty() => Some(these),
            _ => None,
        };
        Some(taken.is_some())
    }

    /// Whether all is granted that the maker of a global takes for these arguments, which hold nothing then. If not that says nothing.
    #[inline(always)]
    pub(super) fn grants_what_is_taken(&mut self, callable: Ref<'_>, args: &[Ref<'_>]) -> bool {
        let Some(index) = self.find(callable.as_ptr()) else { return false };
        let known = &self.globals[index];
        known.takes == args.len()
            && known.takes > 0
            && (!known.takes_text
                || args.iter().all(|text| plain_text(*text).is_some_and(|text| text.len() <= SHORT)))
            && self.pay(SHORT as u64 + 16 * args.len() as u64)
    }

    /// Whether this is the global that was used last, and makes a builtin value of these arguments as it has of the last ones. If not
    /// that says nothing.
    #[inline(always)]
    pub(super) fn makes_value_again(&mut self, callable: Ref<'_>, args: &[Ref<'_>]) -> bool {
        let index = self.last.get();
        let Some(known) = self.globals.get(index) else { return false };
        let Some(these) = known.likely else { return false };
        let again = known.object.as_ptr() == callable.as_ptr()
            && self.have_forms(&these.forms, args)
            && self.has_known_zone(index, args);
        let Some(left) = self.work.get().checked_sub(1 + args.len() as u64).filter(|_| again) else {
            return false;
        };
        self.work.set(left);
        self.pay_for_copies(args, these)
    }

    /// The maker of numpy that this is, if it was granted with these arguments before. If it is none that says nothing.
    #[inline(always)]
    pub(super) fn makes_array_again(&mut self, callable: Ref<'_>, args: &[Ref<'_>]) -> Option<Maker> {
        let known = &self.globals[self.find(callable.as_ptr())?];
        let Role::Function(Some(Function::Numpy(maker))) = known.role else { return None };
        let args = granted_of(maker, args)?;
        let again =
            known.granted.iter().any(|known| known.iter().zip(args).all(|(known, arg)| known.is(arg)))
                && !(maker == Maker::Scalar && self.is_open(args[0]));
        (again && self.pay(2 * SHORT as u64)).then_some(maker)
    }

    /// Notes the arguments with which the global at this place was called, as was granted.
    pub(super) fn note_granted(&mut self, index: usize, maker: Maker, args: &[Ref<'_>]) {
        let granted = &mut self.globals[index].granted;
        if granted.len() < MOST_GRANTED
            && let Some(args) = granted_of(maker, args)
        {
            granted.push(args.map(Ref::to_owned));
        }
    }

    /// Whether this is the global that was used last, and makes a tuple of these, which hold nothing. If not that says nothing.
    #[inline(always)]
    pub(super) fn constructs_again(&mut self, class: Ref<'_>, args: &[Ref<'_>]) -> bool {
        let Some(known) = self.globals.get(self.last.get()) else { return false };
        if !known.holds_anything || known.object.as_ptr() != class.as_ptr() {
            return false;
        }
        let Some(left) = self.work.get().checked_sub(1 + args.len() as u64) else { return false };
        self.work.set(left);
        args.iter().all(|argument| is_bare(argument.as_ptr())) && self.pay(16 * args.len() as u64)
    }

    /// Pays for what a call may copy of its arguments, whatever they are.
    fn pay_for_any(&mut self, args: &[Ref<'_>]) -> bool {
        self.pay(args.iter().fold(0, |sum, argument| sum + 16 + flat_size(*argument)))
    }

    /// The same for arguments of these forms.
    #[inline(always)]
    fn pay_for_copies(&mut self, args: &[Ref<'_>], these: &These<'_>) -> bool {
        let open = if these.open.is_empty() { 0 } else { flat_sizes(args, &these.open) };
        self.pay(16 * args.len() as u64 + these.most + open)
    }

    /// Whether the time zone of a date, if it has one, is of a class that is written in C: a date is hashed by asking it.
    #[inline(always)]
    fn has_known_zone(&self, index: usize, args: &[Ref<'_>]) -> bool {
        let &[_, zone] = args else { return true };
        zone.type_ptr().cast() == self.zone.get()
            || !self.globals[index].judged.is_zoned
            || self.is_known_zone(zone)
    }

    #[inline(never)]
    fn is_known_zone(&self, zone: Ref<'_>) -> bool {
        let class = zone.type_ptr().cast();
        let known = self.globals.iter().find(|known| known.object.as_ptr() == class);
        if known.is_some_and(|known| known.judged.is_zone) {
            self.zone.set(class);
        }
        known.is_none_or(|known| known.judged.is_zone)
    }

    /// Whether a `functools.partial` of an object may be made.
    fn may_be_called_later(&self, function: Ref<'_>) -> bool {
        is_global(function)
            && self
                .find(function.as_ptr())
                .is_some_and(|index| self.globals[index].judged.may_be_called_later)
    }

    /// Whether a class that the stream has named may be asked for a member of this name.
    fn is_member(&mut self, class: Ref<'_>, name: Ref<'_>) -> bool {
        let Some(name) = plain_text(name) else { return false };
        if !class.is_type() || name.starts_with("__") || name.contains('.') || !self.pay(16) {
            return false;
        }
        self.find(class.as_ptr()).is_some_and(|index| {
            let members = &self.globals[index].judged.capability.members;
            members.contains(name) || members.contains("*") && !name.starts_with('_')
        })
    }

    /// Whether something was made to be given a state, and has none yet.
    fn is_open(&self, object: Ref<'_>) -> bool {
        let place = object.as_ptr().addr();
        self.latest == place || self.unstated.as_ref().is_some_and(|places| places.contains(&place))
    }

    /// Whether a dict may not be changed any more.
    #[inline(always)]
    pub(super) fn is_locked(&self, dict: Ref<'_>) -> bool {
        self.locked.as_ref().is_some_and(|dicts| dicts.contains_key(&dict.as_ptr().addr()))
    }

    /// Notes an object that was made to be given a state, or that is given none.
    pub(super) fn note_made(&mut self, maker: Maker, made: Ref<'_>) {
        let place = made.as_ptr().addr();
        match maker {
            Maker::Dtype | Maker::Empty => {
                if self.latest != 0 {
                    self.unstated.get_or_insert_default().insert(self.latest);
                }
                self.latest = place;
            }
            Maker::FromBuffer => {
                self.lacks_state(place);
            }
            Maker::Scalar => {}
        }
    }

    /// Whether the object at this address still lacked a state, as it does no longer.
    fn lacks_state(&mut self, place: usize) -> bool {
        if self.latest == place {
            self.latest = 0;
            return true;
        }
        self.unstated.as_mut().is_some_and(|places| places.remove(&place))
    }

    /// Whether a call of the global at this place, or a construction, needs the tuple of its arguments in any case.
    #[inline(always)]
    pub(super) fn needs_tuple(&self, index: usize) -> bool {
        match self.globals[index].role {
            Role::Class(nature) => matches!(
                nature,
                Some(
                    Nature::Instance
                        | Nature::Uuid
                        | Nature::Set
                        | Nature::ByteArray
                        | Nature::Exception
                        | Nature::Extension(_)
                )
            ),
            Role::Function(function) => {
                matches!(function, Some(Function::NewObject | Function::Reconstructor))
            }
        }
    }

    /// Whether a class is the one that was used last, and may be constructed without arguments.
    #[inline(always)]
    pub(super) fn constructs_bare(&self, class: Ref<'_>) -> bool {
        self.globals
            .get(self.last.get())
            .is_some_and(|known| known.is_bare && known.object.as_ptr() == class.as_ptr())
    }

    /// The nature of a class that may be constructed by `__new__` with these arguments.
    #[inline]
    pub(super) fn construct(&mut self, class: Ref<'_>, args: &[Ref<'_>]) -> Option<Nature> {
        let Global { judged, role: Role::Class(Some(nature)), .. } =
            self.globals[self.find(class.as_ptr())?]
        else {
            return None;
        };
        let granted = match (nature, judged.capability.native) {
            (Nature::Instance | Nature::NamedTuple | Nature::Extension(_), None)
            | (Nature::Uuid, Some(Native::Uuid)) => self.takes(&judged.constructions, args),
            _ => false,
        };
        granted.then_some(nature)
    }

    /// Whether an instance may be given these attributes, names and values in turn: if so, whether it holds objects then that may
    /// hold others.
    #[inline]
    ///
    /// Where it is known that they hold no others these are not looked for.
    pub(super) fn state(&mut self, instance: Ref<'_>, items: &[Ref<'_>], are_bare: bool) -> Option<bool> {
        let index = self.find(instance.type_ptr().cast())?;
        if self.is_other(instance) || !self.pay(32 + 16 * items.len() as u64) {
            return None;
        }
        let known = &self.globals[index];
        match (&known.judged.capability.state, known.role) {
            (State::Attributes(_), Role::Class(Some(Nature::Instance))) => {}
            (State::Attributes(_), Role::Class(Some(Nature::Namespace))) => self.filled += 1,
            // Items may come only before attributes, which has to be seen by them.
            (State::Attributes(_), Role::Class(Some(Nature::Extension(_)))) if !items.is_empty() => {}
            (State::SetState(shape), Role::Class(Some(Nature::Uuid))) => {
                return self.uuid(index, shape, items).then_some(false);
            }
            _ => return None,
        }
        self.attributes(index, items, are_bare)
    }

    /// The same for objects of the global at this place, which may be given attributes.
    #[inline(always)]
    fn attributes(&mut self, index: usize, items: &[Ref<'_>], are_bare: bool) -> Option<bool> {
        let (pairs, _) = items.as_chunks::<2>();
        let known = &self.globals[index];
        let (mut same, mut fit) = (known.row.len() == pairs.len(), known.has_classes);
        for (known, [name, value]) in known.row.iter().zip(pairs) {
            same &= known.name.is(*name);
            fit &= known.class.is_none_or(|class| value.type_ptr() == class);
        }
        if !same && !self.learn(index, items) {
            return None;
        }
        let holds = !are_bare && pairs.iter().any(|[_, value]| !is_bare(value.as_ptr()));
        if holds && !self.are_free(pairs.iter().map(|[_, value]| *value)) {
            return None;
        }
        if !(same && fit) && self.globals[index].has_shapes {
            self.has_shapes(index, pairs)?;
        }
        Some(holds)
    }

    /// Whether attributes have the shapes that they must have.
    fn has_shapes(&mut self, index: usize, pairs: &[[Ref<'_>; 2]]) -> Option<()> {
        for (attribute, [_, value]) in self.globals[index].row.iter().zip(pairs) {
            let Some(shape) = attribute.shape else { continue };
            if !self.fits(shape, *value) {
                return None;
            }
            if attribute.can_be_lost {
                self.obligations.push(((*value).to_owned(), shape));
            }
        }
        Some(())
    }

    /// The same for attributes in a dict, which may be the second of a pair, those that live in slots; the nature of the instance.
    pub(super) fn build(&mut self, instance: Ref<'_>, state: Ref<'_>) -> Option<Nature> {
        let Role::Class(nature) = self.globals[self.find(instance.type_ptr().cast())?].role else {
            return None;
        };
        let slots = slots_of(state);
        let state = slots.unwrap_or(state);
        if !state.is_exactly(&raw mut PyDict_Type)
            || slots.is_some() && !matches!(nature, Some(Nature::Instance | Nature::Uuid))
        {
            return None;
        }
        nature.filter(|_| self.state(instance, &pairs_of(state), false).is_some())
    }

    /// The names of the global that an extension code stands for.
    pub(super) fn extension(&self, code: u32) -> Result<Option<[Owned; 2]>> {
        let Some((module, name)) = self.rules.extension(code) else { return Ok(None) };
        Ok(Some([Owned::interned(module)?, Owned::interned(name)?]))
    }

    /// Gives an object a state that is more than attributes, if that is granted and runs no code, and says whether it may hold
    /// other objects now.
    pub(super) fn set_native(
        &mut self,
        builder: &mut Builder<'_>,
        object: Ref<'_>,
        state: Ref<'_>,
    ) -> Option<Result<bool>> {
        if !state.is_exactly(&raw mut PyTuple_Type) || !self.is_free(state) || self.is_other(object) {
            return None;
        }
        // SAFETY: it is a tuple.
        let parts = unsafe { sequence::items_of_tuple(state) };
        let size = parts.iter().fold(64, |sum, part| sum + flat_size(*part));
        if !self.pay(size) {
            return None;
        }
        if let Some(index) = self.find(object.type_ptr().cast())
            && matches!(self.globals[index].role, Role::Class(Some(Nature::Partial)))
        {
            let &[function, args, keywords, attributes] = parts else { return None };
            let exact = |object: Ref<'_>, kind: *mut PyTypeObject| object.is_exactly(kind);
            // SAFETY: a size is asked of a dict.
            let is_empty = |dict: Ref<'_>| unsafe { PyDict_Size(dict.as_ptr()) } == 0;
            let fits = exact(args, &raw mut PyTuple_Type)
                && (keywords.is_none() || exact(keywords, &raw mut PyDict_Type))
                && (attributes.is_none() || exact(attributes, &raw mut PyDict_Type) && is_empty(attributes))
                && self.may_be_called_later(function);
            return if fits { Some(builder.set_partial(object, state)?.map(|()| true)) } else { None };
        }
        if !self.lacks_state(object.as_ptr().addr()) {
            return None;
        }
        // What it was made by: no array is a dtype.
        let makers =
            self.globals.iter().filter(|known| known.product.is_some_and(|product| product.has(object)));
        let mut maker = makers.filter(|known| match known.role {
            Role::Class(nature) => nature == Some(Nature::Dtype),
            Role::Function(function) => function == Some(Function::Numpy(Maker::Empty)),
        });
        let (judged, is_dtype, again) = match (maker.next(), maker.next()) {
            (Some(known), None) => {
                let again =
                    matches!(parts, [_, _, dtype, _, _] if known.dtypes.iter().any(|known| known.is(*dtype)));
                (known.judged, matches!(known.role, Role::Class(_)), again)
            }
            _ => return None,
        };
        let judge = if is_dtype { Native::Dtype } else { Native::Array };
        let State::SetState(shape) = &judged.capability.state else { return None };
        if !again && (judged.capability.native != Some(judge) || !self.fits(shape, state)) {
            return None;
        }
        if !again && !is_dtype && has_all_arrays(shape) {
            let known = self.globals.iter_mut().find(|known| std::ptr::eq(known.judged, judged));
            let dtype = parts.get(2).copied();
            if let (Some(known), Some(dtype)) = (known, dtype)
                && known.dtypes.len() < MOST_GRANTED
            {
                known.dtypes.push(dtype.to_owned());
            }
        }
        if !is_dtype && parts.get(2).is_none_or(|dtype| self.is_open(*dtype)) {
            return None;
        }
        if is_dtype {
            let done = builder.set_dtype_inertly(object, state, &|dtype| self.is_open(dtype))?;
            if let Some(fields) = parts.get(4).filter(|fields| fields.is_exactly(&raw mut PyDict_Type)) {
                self.locked.get_or_insert_default().insert(fields.as_ptr().addr(), (*fields).to_owned());
            }
            if let Some(unit) = parts.get(8).filter(|unit| unit.is_exactly(&raw mut PyTuple_Type)) {
                // SAFETY: it is a tuple.
                let dicts = unsafe { sequence::items_of_tuple(*unit) }.iter();
                self.empty.extend(
                    dicts.filter(|dict| dict.is_exactly(&raw mut PyDict_Type)).map(|dict| (*dict).to_owned()),
                );
            }
            return Some(done.map(|()| false));
        }
        let done = builder.set_array_inertly(object, state)?;
        self.is_opaque |= matches!(done, Ok(true));
        Some(done)
    }

    /// Finds out what attributes of these names may be.
    #[cold]
    fn learn(&mut self, index: usize, items: &[Ref<'_>]) -> bool {
        let known = &mut self.globals[index];
        let State::Attributes(fields) = &known.judged.capability.state else { return false };
        self.names.extend(known.row.drain(..).map(|attribute| attribute.name));
        for pair in items.chunks_exact(2) {
            let Some(name) = plain_text(pair[0]) else { return false };
            let special = name.starts_with("__") && name.ends_with("__");
            let shape = fields.as_ref().map(|fields| fields.get(name).or_else(|| fields.get("*")));
            // An exception makes a tuple of its arguments, whatever that takes.
            let arguments = name == "args" && is_exception(known.object.as_ref());
            if special || arguments || shape == Some(None) {
                return false;
            }
            let shape = shape.flatten().filter(|shape| **shape != Shape::Any);
            let can_be_lost = shape.is_some_and(Shape::can_be_lost);
            let class = shape.and_then(class_of);
            known.row.push(Attribute { name: pair[0].to_owned(), shape, class, can_be_lost });
        }
        known.has_shapes = known.row.iter().any(|attribute| attribute.shape.is_some());
        known.has_classes =
            known.row.iter().all(|attribute| attribute.shape.is_some() == attribute.class.is_some());
        true
    }

    /// Whether this is the state of a `uuid.UUID`.
    fn uuid(&mut self, index: usize, shape: &Shape, items: &[Ref<'_>]) -> bool {
        let (Shape::Dict(keys, values), &[key, value]) = (shape, items) else { return false };
        if !value.is_exactly(&raw mut PyLong_Type)
            || !int::is_unsigned(value, 128)
            || !has_all_ints(values) && !self.fits(values, value)
        {
            return false;
        }
        let row = &self.globals[index].row;
        if row.first().is_some_and(|known| known.name.is(key)) {
            return true;
        }
        let fits = plain_text(key).is_some_and(|name| name == "int") && self.fits(keys, key);
        if fits && row.is_empty() {
            let name = Attribute { name: key.to_owned(), shape: None, class: None, can_be_lost: false };
            self.globals[index].row.push(name);
        }
        fits
    }

    /// The nature of a container that may be extended by these items.
    pub(super) fn extend(&mut self, container: Ref<'_>, items: &[Ref<'_>]) -> Option<Nature> {
        let known =
            &self.globals[self.find(container.type_ptr().cast()).filter(|_| !self.is_other(container))?];
        let Role::Class(nature @ Some(Nature::Container | Nature::Extension(_))) = known.role else {
            return None;
        };
        let granted = match &known.judged.capability.extend {
            Some(Shape::Any) => true,
            Some(shape) if !shape.can_be_lost() => items.iter().all(|item| self.fits(shape, *item)),
            _ => false,
        };
        nature.filter(|_| granted)
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

    /// Whether arguments are as they may be. What a call may copy of them is paid for: the same argument can be given to many
    /// calls.
    #[inline(always)]
    fn takes(&mut self, alternatives: &[Arguments<'a>], args: &[Ref<'_>]) -> bool {
        self.way_of(alternatives, args).is_some()
    }

    /// The same, and by which alternative.
    #[inline(always)]
    fn way_of(&mut self, alternatives: &[Arguments<'a>], args: &[Ref<'_>]) -> Option<usize> {
        let left = self.work.get().checked_sub(1 + args.len() as u64)?;
        self.work.set(left);
        for (way, arguments) in alternatives.iter().enumerate() {
            let paid = match arguments {
                Arguments::Any if self.are_free(args.iter().copied()) => self.pay_for_any(args),
                Arguments::Each(form) if args.iter().all(|argument| self.has_form(form, *argument)) => {
                    self.pay_for_any(args)
                }
                Arguments::These(these) if self.have_forms(&these.forms, args) => {
                    if !these.fragile.is_empty() {
                        let fragile = these.fragile.iter().map(|&(at, shape)| (args[at].to_owned(), shape));
                        self.obligations.extend(fragile);
                    }
                    self.pay_for_copies(args, these)
                }
                _ => continue,
            };
            return paid.then_some(way);
        }
        None
    }

    /// Whether there are as many objects as forms, and each has its own.
    #[inline(always)]
    fn have_forms(&self, forms: &[Form<'_>], objects: &[Ref<'_>]) -> bool {
        if forms.len() != objects.len() {
            return false;
        }
        for (form, object) in forms.iter().zip(objects) {
            if !self.has_form(form, *object) {
                return false;
            }
        }
        true
    }

    /// Whether an object certainly has a form.
    #[inline(always)]
    fn has_form(&self, form: &Form<'_>, object: Ref<'_>) -> bool {
        match form {
            Form::Any => self.is_free(object),
            Form::None => object.is_none(),
            Form::Exactly(kind) => object.is_exactly(*kind),
            Form::Bytes(low, high) => has_length(object, *low, *high),
            Form::Int(low, high) => int::exact(object).is_some_and(|value| *low <= value && value <= *high),
            Form::Empty => tuple::is_empty(object),
            Form::Text(shape) => object.is_exactly(&raw mut PyUnicode_Type) && self.fits(shape, object),
            form => self.has_made_form(form, object),
        }
    }

    /// The same for a form of what a stream may have made.
    #[inline(never)]
    fn has_made_form(&self, form: &Form<'_>, object: Ref<'_>) -> bool {
        match form {
            Form::Made(keys) => self.is_made(object, |judged| keys.contains(&judged.key)),
            Form::Global(keys) => {
                is_global(object)
                    && self
                        .find(object.as_ptr())
                        .is_some_and(|index| keys.contains(&self.globals[index].judged.key))
            }
            Form::Either(forms) => forms.iter().any(|form| self.has_form(form, object)),
            Form::Other(shape) => self.fits(shape, object),
            form => self.has_form(form, object),
        }
    }

    /// Whether an object was made by a global that is one of those wanted, whichever it was.
    #[inline]
    fn is_made(&self, object: Ref<'_>, wanted: impl Fn(&Judged<'a>) -> bool) -> bool {
        if self.is_other(object) {
            return false;
        }
        let class = object.type_ptr().cast();
        if let Some(known) = self.globals.iter().find(|known| known.object.as_ptr() == class) {
            // What an opcode can make as well, and what nothing can.
            let either = matches!(known.role, Role::Class(Some(Nature::Set | Nature::ByteArray)));
            if self.asks_for_members && !known.object.is_exactly(&raw mut PyType_Type) {
                return false;
            }
            if !either && (known.role != Role::Class(None) || known.judged.capability.inert) {
                return wanted(known.judged);
            }
        }
        let mut makers = self
            .globals
            .iter()
            .filter(|known| known.product.is_some_and(|product| product.has(object)))
            .peekable();
        makers.peek().is_some() && makers.all(|known| wanted(known.judged))
    }

    /// Whether there are as many objects as shapes, and each has its own.
    fn in_order(&self, shapes: &[Shape], objects: &[Ref<'_>]) -> bool {
        shapes.len() == objects.len()
            && shapes.iter().zip(objects).all(|(shape, object)| self.fits(shape, *object))
    }

    /// Whether an object certainly has a shape.
    #[inline]
    fn fits(&self, shape: &Shape, object: Ref<'_>) -> bool {
        let exactly = |kind: *mut PyTypeObject| object.is_exactly(kind);
        match self.work.get().checked_sub(1) {
            Some(left) => self.work.set(left),
            None => return false,
        }
        match shape {
            Shape::Any => self.is_free(object),
            Shape::None => object.is_none(),
            Shape::Bool(None) => exactly(&raw mut PyBool_Type),
            Shape::Bool(Some(wanted)) => {
                exactly(&raw mut PyBool_Type) && object.is_true().is_ok_and(|value| value == *wanted)
            }
            Shape::Int(None, None) => exactly(&raw mut PyLong_Type),
            Shape::Int(low, high) => int::exact(object)
                .is_some_and(|int| low.is_none_or(|low| low <= int) && high.is_none_or(|high| int <= high)),
            Shape::Float => exactly(&raw mut PyFloat_Type),
            Shape::Text(0, usize::MAX) => exactly(&raw mut PyUnicode_Type),
            Shape::Text(low, high) => {
                plain_text(object).is_some_and(|text| (*low..=*high).contains(&text.chars().count()))
            }
            Shape::Literal(wanted) => plain_text(object).is_some_and(|text| text == wanted),
            Shape::Form(form) => plain_text(object).is_some_and(|text| form.holds(text)),
            Shape::Bytes(low, high) => has_length(object, *low, *high),
            Shape::ByteArray => exactly(&raw mut PyByteArray_Type) && !self.calls_builtins,
            Shape::List(item) => exactly(&raw mut PyList_Type) && self.each(item, object),
            Shape::Items(item) => exactly(&raw mut PyTuple_Type) && self.each(item, object),
            Shape::Tuple(items) => {
                // SAFETY: it is a tuple.
                exactly(&raw mut PyTuple_Type)
                    && self.in_order(items, unsafe { sequence::items_of_tuple(object) })
            }
            Shape::Set(item) => exactly(&raw mut PySet_Type) && **item == Shape::Any,
            Shape::FrozenSet(item) => exactly(&raw mut PyFrozenSet_Type) && **item == Shape::Any,
            Shape::Dict(key, value) => {
                exactly(&raw mut PyDict_Type)
                    && ((&**key, &**value) == (&Shape::Any, &Shape::Any) || self.pairs(key, value, object))
            }
            Shape::Made(module, name) => self.is_made(object, |judged| judged.is_called(module, name)),
            Shape::Global(module, name) => {
                object.is_type()
                    && self
                        .find(object.as_ptr())
                        .is_some_and(|index| self.globals[index].judged.is_called(module, name))
            }
            Shape::Union(shapes) => shapes.iter().any(|shape| self.fits(shape, object)),
            _ => false,
        }
    }

    /// Whether all items of a list or a tuple have a shape.
    fn each(&self, shape: &Shape, object: Ref<'_>) -> bool {
        if *shape == Shape::Any {
            return self.is_free(object);
        }
        // SAFETY: it is one of the two, which holds its items and does not change meanwhile.
        unsafe { sequence::items(object).iter().all(|item| self.fits(shape, Ref::new(*item))) }
    }

    /// Whether all keys and values of a dict have their shapes.
    fn pairs(&self, keys: &Shape, values: &Shape, dict: Ref<'_>) -> bool {
        let mut position = 0;
        while let Some((key, value)) = layout::items::next(dict, &mut position) {
            if !self.fits(keys, key) || !self.fits(values, value) {
                return false;
            }
        }
        true
    }
}

/// The keys and values of a dict in turn.
fn pairs_of(dict: Ref<'_>) -> Vec<Ref<'_>> {
    let (mut items, mut position) = (Vec::new(), 0);
    while let Some((key, value)) = layout::items::next(dict, &mut position) {
        items.extend([key, value]);
    }
    items
}

/// Whether an object is `...` or `NotImplemented`.
fn is_singleton(object: Ref<'_>) -> bool {
    // SAFETY: both live as long as the interpreter.
    unsafe { [Py_Ellipsis(), Py_NotImplemented()].contains(&object.as_ptr()) }
}

/// Whether a class is one of exceptions.
fn is_exception(class: Ref<'_>) -> bool {
    // SAFETY: both are classes, and alive.
    class.is_type()
        && unsafe { PyType_IsSubtype(class.as_ptr().cast(), PyExc_BaseException.cast::<PyTypeObject>()) != 0 }
}

/// How many values an argument of a call that is not known may consist of, all arguments together.
const MOST_PLAIN: usize = 64;

/// Whether an object is a value of the interpreter's own, and so is everything in it: to look at it runs no code.
fn is_plain(object: Ref<'_>, left: &mut usize) -> bool {
    let Some(rest) = left.checked_sub(1) else { return false };
    *left = rest;
    if is_atom(object) || is_constant(object) {
        return true;
    }
    if object.is_exactly(&raw mut PyTuple_Type) || object.is_exactly(&raw mut PyList_Type) {
        // SAFETY: it is one of the two, which holds its items and does not change meanwhile.
        return unsafe { sequence::items(object).iter().all(|item| is_plain(Ref::new(*item), left)) };
    }
    let mut position = 0;
    if object.is_exactly(&raw mut PyDict_Type) {
        while let Some((key, value)) = layout::items::next(object, &mut position) {
            if !is_plain(key, left) || !is_plain(value, left) {
                return false;
            }
        }
        return true;
    }
    false
}

/// Whether all that happens in a call of such a class is known for these arguments.
fn is_inert(kind: Inert, args: &[Ref<'_>]) -> bool {
    let is_text = |object: &Ref<'_>| object.is_exactly(&raw mut PyUnicode_Type);
    match (kind, args) {
        (Inert::ItemGetter, [_, ..]) => true,
        (Inert::AttrGetter, [_, ..]) => args.iter().all(is_text),
        (Inert::MethodCaller, [name, ..]) => is_text(name),
        (Inert::Array, [code, items]) => {
            let is_number = |item: &*mut PyObject| {
                // SAFETY: a list holds its items.
                let item = unsafe { Ref::new(*item) };
                item.is_exactly(&raw mut PyLong_Type) || item.is_exactly(&raw mut PyFloat_Type)
            };
            // Of texts, and of codes that are given up, there are warnings.
            plain_text(*code).is_some_and(|code| "bBhHiIlLqQfd".contains(code))
                && items.is_exactly(&raw mut PyList_Type)
                // SAFETY: it is a list, which does not change meanwhile.
                && unsafe { sequence::items(*items).iter().all(is_number) }
        }
        _ => false,
    }
}

/// Whether an object is bytes of such a length.
#[inline(always)]
fn has_length(object: Ref<'_>, low: usize, high: usize) -> bool {
    // SAFETY: a size is asked of bytes.
    object.is_exactly(&raw mut PyBytes_Type)
        && (low..=high).contains(&(unsafe { Py_SIZE(object.as_ptr()) } as usize))
}

/// Whether an object is a class or a function: a stream gets hold of such by their names alone.
#[inline(always)]
pub(super) fn is_global(object: Ref<'_>) -> bool {
    object.is_type()
        || object.is_exactly(&raw mut PyCFunction_Type)
        || object.is_exactly(&raw mut PyFunction_Type)
}

/// How much memory copies of the objects at these places may take, without what they hold.
#[inline(never)]
fn flat_sizes(objects: &[Ref<'_>], places: &[usize]) -> u64 {
    places.iter().fold(0, |sum, &at| sum + flat_size(objects[at]))
}

/// With how many arguments it is noted that a maker of numpy was called.
const MOST_GRANTED: usize = 8;

/// The arguments of a maker by which it is granted, if the others are short data.
#[inline(always)]
fn granted_of<'o>(maker: Maker, args: &[Ref<'o>]) -> Option<[Ref<'o>; 3]> {
    match (maker, args) {
        (Maker::Scalar, &[dtype, data]) if has_length(data, 0, SHORT) => Some([dtype; 3]),
        (Maker::Empty, &[class, shape, code]) if is_nothing(shape) && has_length(code, 1, 1) => {
            Some([class; 3])
        }
        _ => None,
    }
}

/// Whether this is `(0,)`.
#[inline(always)]
fn is_nothing(shape: Ref<'_>) -> bool {
    // SAFETY: it is a tuple.
    shape.is_exactly(&raw mut PyTuple_Type)
        && matches!(unsafe { sequence::items_of_tuple(shape) }, [length] if int::exact(*length) == Some(0))
}

/// Whether all states are of a shape that an array takes with a dtype that has been in one before.
fn has_all_arrays(shape: &Shape) -> bool {
    let Shape::Tuple(parts) = shape else { return false };
    let [version, lengths, _, fortran, data] = parts.as_slice() else { return false };
    let has = |shape: &Shape, wanted: &dyn Fn(&Shape) -> bool| match shape {
        Shape::Union(shapes) => shapes.iter().any(wanted),
        shape => wanted(shape),
    };
    let ints = |least: i64, most: i64| {
        move |shape: &Shape| match shape {
            Shape::Int(low, high) => {
                low.is_none_or(|low| low <= least) && high.is_none_or(|high| most <= high)
            }
            _ => false,
        }
    };
    has(version, &ints(1, 1))
        && matches!(lengths, Shape::Items(length) if has(length, &ints(0, i64::MAX)))
        && has(fortran, &|shape| *shape == Shape::Bool(None))
        && has(fortran, &ints(0, 1))
        && has(data, &|shape| *shape == Shape::Bytes(0, usize::MAX))
        && has(data, &|shape| matches!(shape, Shape::List(item) if **item == Shape::Any))
}

/// Whether all integers are of a shape.
#[inline(always)]
fn has_all_ints(shape: &Shape) -> bool {
    match shape {
        Shape::Union(shapes) => shapes.contains(&Shape::Int(None, None)),
        shape => *shape == Shape::Int(None, None),
    }
}

/// The class of which objects of a shape are, if these are all of its objects.
fn class_of(shape: &Shape) -> Option<*mut PyTypeObject> {
    match shape {
        Shape::None => Some(Owned::none().as_ref().type_ptr()),
        Shape::Bool(None) => Some(&raw mut PyBool_Type),
        Shape::Int(None, None) => Some(&raw mut PyLong_Type),
        Shape::Float => Some(&raw mut PyFloat_Type),
        Shape::Text(0, usize::MAX) => Some(&raw mut PyUnicode_Type),
        Shape::Bytes(0, usize::MAX) => Some(&raw mut PyBytes_Type),
        _ => None,
    }
}

/// Texts up to this length are counted as of this length.
const SHORT: usize = 64;

/// The flags of classes whose instances have a size, those apart that have no flag.
const SIZED: std::ffi::c_ulong = Py_TPFLAGS_LIST_SUBCLASS
    | Py_TPFLAGS_TUPLE_SUBCLASS
    | Py_TPFLAGS_BYTES_SUBCLASS
    | Py_TPFLAGS_UNICODE_SUBCLASS
    | Py_TPFLAGS_DICT_SUBCLASS;

/// How much memory a copy of an object may take, without what it holds.
#[inline(always)]
fn flat_size(object: Ref<'_>) -> u64 {
    let kind = object.type_ptr();
    let is = |one: *mut PyTypeObject| kind == one;
    // SAFETY: the type of an object is alive.
    let sized = unsafe { flags(kind) } & (SIZED | Py_TPFLAGS_HEAPTYPE) != 0;
    if !sized && ![&raw mut PyByteArray_Type, &raw mut PySet_Type, &raw mut PyFrozenSet_Type].contains(&kind)
    {
        return 0;
    }
    // SAFETY: sizes are asked of what has them; the type of an object is alive.
    let size = unsafe {
        if is(&raw mut PyBytes_Type) {
            Py_SIZE(object.as_ptr())
        } else if is(&raw mut PyUnicode_Type) {
            4 * PyUnicode_GetLength(object.as_ptr())
        } else if is(&raw mut PyByteArray_Type) {
            PyByteArray_Size(object.as_ptr())
        } else if is(&raw mut PyTuple_Type) {
            64 * PyTuple_GET_SIZE(object.as_ptr())
        } else if is(&raw mut PyList_Type) {
            64 * PyList_GET_SIZE(object.as_ptr())
        } else if is(&raw mut PyDict_Type) {
            64 * PyDict_Size(object.as_ptr())
        } else if is(&raw mut PySet_Type)
            || is(&raw mut PyFrozenSet_Type)
            || PyType_GetFlags(kind) & Py_TPFLAGS_HEAPTYPE != 0 && PyAnySet_Check(object.as_ptr()) != 0
        {
            64 * PySet_Size(object.as_ptr())
        } else {
            0
        }
    };
    size as u64
}
