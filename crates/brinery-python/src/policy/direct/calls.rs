//! Calls and constructions.

use super::objects::{flat_size, flat_sizes, has_length, is_exception, is_global, pairs_of};
use super::{Direct, Global, Role};
use crate::ffi::api::*;
use crate::ffi::layout::{self, int};
use crate::ffi::{Owned, Ref, sequence};
use crate::load::{Function, Inert, Maker, Nature, is_atom, is_constant};
use crate::policy::deeds::Deed;
use crate::policy::forms::{Arguments, These};
use crate::policy::nesting::is_bare;
use crate::policy::rules::plain_text;
use brinery::policy::{Native, State};
impl Direct<'_> {
    /// What a call comes to, if it is granted with these arguments.
    pub(in crate::policy) fn call<'s>(&mut self, callable: Ref<'_>, args: &'s [Ref<'s>]) -> Option<Deed<'s>> {
        self.call_of(self.find(callable.as_ptr())?, args)
    }

    /// The same for a call of the global at this place.
    #[inline(always)]
    pub(in crate::policy) fn call_of<'s>(&mut self, index: usize, args: &'s [Ref<'s>]) -> Option<Deed<'s>> {
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
    pub(in crate::policy) fn is_inert_call(&mut self, callable: Ref<'_>, args: &[Ref<'_>]) -> bool {
        let Some(index) = self.find(callable.as_ptr()) else { return false };
        let judged = self.globals[index].judged;
        let mut left = MOST_PLAIN;
        judged.capability.inert
            && judged.capability.native.is_none()
            && args.iter().all(|argument| is_plain(*argument, &mut left))
            && self.takes(&judged.calls, args)
    }

    /// Whether this may be called with these arguments, whatever code that runs.
    pub(in crate::policy) fn grants_call(&mut self, callable: Ref<'_>, args: &[Ref<'_>]) -> bool {
        let Some(index) = self.find(callable.as_ptr()) else { return false };
        let judged = self.globals[index].judged;
        judged.is_judged_by_forms() && self.takes(&judged.calls, args)
    }

    /// Whether a class may be constructed with these arguments, whatever code that runs.
    pub(in crate::policy) fn grants_construction(
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
    pub(in crate::policy) fn grants_state(&mut self, instance: Ref<'_>, state: Ref<'_>) -> bool {
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
    pub(in crate::policy) fn may_run_code(&self, index: usize) -> bool {
        self.globals[index].judged.is_judged_by_forms()
    }

    /// A member of a class that the stream has named, which is granted by its dotted name and made by calls that nobody can tell.
    pub(in crate::policy) fn inert_member(&mut self, callable: Ref<'_>, args: &[Ref<'_>]) -> Option<Owned> {
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
    pub(in crate::policy) fn is_unknown_instance(&self, object: Ref<'_>) -> bool {
        self.find(object.type_ptr().cast()).is_some_and(|index| self.globals[index].is_made_whole)
    }

    /// Whether an exception, made by a call that nobody can tell, may be given these attributes by the way that all exceptions have.
    pub(in crate::policy) fn is_inert_state(&mut self, object: Ref<'_>, state: Ref<'_>) -> bool {
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
    pub(in crate::policy) fn is_unknown(&self, index: usize) -> bool {
        let known = &self.globals[index];
        known.judged.capability.inert && matches!(known.role, Role::Class(None) | Role::Function(None))
    }

    /// Whether the global at this place makes a builtin value of these arguments, and nothing else has to be known for it; `None`
    /// if it is not one that makes such values.
    #[inline(always)]
    pub(in crate::policy) fn makes_value(&mut self, index: usize, args: &[Ref<'_>]) -> Option<bool> {
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
    pub(in crate::policy) fn grants_what_is_taken(&mut self, callable: Ref<'_>, args: &[Ref<'_>]) -> bool {
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
    pub(in crate::policy) fn makes_value_again(&mut self, callable: Ref<'_>, args: &[Ref<'_>]) -> bool {
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
    pub(in crate::policy) fn makes_array_again(
        &mut self,
        callable: Ref<'_>,
        args: &[Ref<'_>],
    ) -> Option<Maker> {
        let known = &self.globals[self.find(callable.as_ptr())?];
        let Role::Function(Some(Function::Numpy(maker))) = known.role else { return None };
        let kind = granted_of(maker, args)?;
        let again = known.granted.iter().any(|known| known.is(kind))
            && !(maker == Maker::Scalar && self.is_open(kind));
        (again && self.pay(2 * SHORT as u64)).then_some(maker)
    }

    /// Notes the arguments with which the global at this place was called, as was granted.
    pub(in crate::policy) fn note_granted(&mut self, index: usize, maker: Maker, args: &[Ref<'_>]) {
        let granted = &mut self.globals[index].granted;
        if granted.len() < MOST_GRANTED
            && let Some(kind) = granted_of(maker, args)
        {
            granted.push(kind.to_owned());
        }
    }

    /// Whether this is the global that was used last, and makes a tuple of these, which hold nothing. If not that says nothing.
    #[inline(always)]
    pub(in crate::policy) fn constructs_again(&mut self, class: Ref<'_>, args: &[Ref<'_>]) -> bool {
        let Some(known) = self.globals.get(self.last.get()) else { return false };
        if !known.holds_anything || known.object.as_ptr() != class.as_ptr() {
            return false;
        }
        let Some(left) = self.work.get().checked_sub(1 + args.len() as u64) else { return false };
        self.work.set(left);
        args.iter().all(|argument| is_bare(argument.as_ptr())) && self.pay(16 * args.len() as u64)
    }

    /// Pays for what a call may copy of its arguments, whatever they are.
    pub(super) fn pay_for_any(&mut self, args: &[Ref<'_>]) -> bool {
        self.pay(args.iter().fold(0, |sum, argument| sum + 16 + flat_size(*argument)))
    }

    /// The same for arguments of these forms.
    #[inline(always)]
    pub(super) fn pay_for_copies(&mut self, args: &[Ref<'_>], these: &These<'_>) -> bool {
        let open = if these.open.is_empty() { 0 } else { flat_sizes(args, &these.open) };
        self.pay(16 * args.len() as u64 + these.most + open)
    }

    /// Whether the time zone of a date, if it has one, is of a class that is written in C: a date is hashed by asking it.
    #[inline(always)]
    pub(super) fn has_known_zone(&self, index: usize, args: &[Ref<'_>]) -> bool {
        let &[_, zone] = args else { return true };
        zone.type_ptr().cast() == self.zone.get()
            || !self.globals[index].judged.is_zoned
            || self.is_known_zone(zone)
    }

    #[inline(never)]
    pub(super) fn is_known_zone(&self, zone: Ref<'_>) -> bool {
        let class = zone.type_ptr().cast();
        let known = self.globals.iter().find(|known| known.object.as_ptr() == class);
        if known.is_some_and(|known| known.judged.is_zone) {
            self.zone.set(class);
        }
        known.is_none_or(|known| known.judged.is_zone)
    }

    /// Whether a `functools.partial` of an object may be made.
    pub(super) fn may_be_called_later(&self, function: Ref<'_>) -> bool {
        is_global(function)
            && self
                .find(function.as_ptr())
                .is_some_and(|index| self.globals[index].judged.may_be_called_later)
    }

    /// Whether a class that the stream has named may be asked for a member of this name.
    pub(super) fn is_member(&mut self, class: Ref<'_>, name: Ref<'_>) -> bool {
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
    pub(super) fn is_open(&self, object: Ref<'_>) -> bool {
        let place = object.as_ptr().addr();
        self.latest == place || self.unstated.as_ref().is_some_and(|places| places.contains(&place))
    }

    /// Whether a dict may not be changed any more.
    #[inline(always)]
    pub(in crate::policy) fn is_locked(&self, dict: Ref<'_>) -> bool {
        self.locked.as_ref().is_some_and(|dicts| dicts.contains_key(&dict.as_ptr().addr()))
    }

    /// Notes an object that was made to be given a state, or that is given none.
    pub(in crate::policy) fn note_made(&mut self, maker: Maker, made: Ref<'_>) {
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
    pub(super) fn lacks_state(&mut self, place: usize) -> bool {
        if self.latest == place {
            self.latest = 0;
            return true;
        }
        self.unstated.as_mut().is_some_and(|places| places.remove(&place))
    }

    /// Whether a call of the global at this place, or a construction, needs the tuple of its arguments in any case.
    #[inline(always)]
    pub(in crate::policy) fn needs_tuple(&self, index: usize) -> bool {
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
    pub(in crate::policy) fn constructs_bare(&self, class: Ref<'_>) -> bool {
        self.globals
            .get(self.last.get())
            .is_some_and(|known| known.is_bare && known.object.as_ptr() == class.as_ptr())
    }

    /// The nature of a class that may be constructed by `__new__` with these arguments.
    #[inline]
    pub(in crate::policy) fn construct(&mut self, class: Ref<'_>, args: &[Ref<'_>]) -> Option<Nature> {
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
}

/// How many values an argument of a call that is not known may consist of, all arguments together.
pub(super) const MOST_PLAIN: usize = 64;

/// Whether an object is a value of the interpreter's own, and so is everything in it: to look at it runs no code.
pub(super) fn is_plain(object: Ref<'_>, left: &mut usize) -> bool {
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
pub(super) fn is_inert(kind: Inert, args: &[Ref<'_>]) -> bool {
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

/// With how many arguments it is noted that a maker of numpy was called.
pub(super) const MOST_GRANTED: usize = 8;

/// The class or dtype by which a maker is granted, if its other arguments are short data or those of every array.
#[inline(always)]
pub(super) fn granted_of<'o>(maker: Maker, args: &[Ref<'o>]) -> Option<Ref<'o>> {
    match (maker, args) {
        (Maker::Scalar, &[dtype, data]) if has_length(data, 0, SHORT) => Some(dtype),
        (Maker::Empty, &[class, shape, code]) if is_nothing(shape) && has_length(code, 1, 1) => Some(class),
        _ => None,
    }
}

/// Whether this is `(0,)`.
#[inline(always)]
pub(super) fn is_nothing(shape: Ref<'_>) -> bool {
    // SAFETY: it is a tuple.
    shape.is_exactly(&raw mut PyTuple_Type)
        && matches!(unsafe { sequence::items_of_tuple(shape) }, [length] if int::exact(*length) == Some(0))
}

/// Texts up to this length are counted as of this length.
pub(super) const SHORT: usize = 64;
