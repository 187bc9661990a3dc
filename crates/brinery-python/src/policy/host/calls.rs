//! Globals, calls, constructions and states.

use super::{MOST_HEAVY, Realizer, tuple_items};
use crate::ffi::api::*;
use crate::ffi::object::borrowed;
use crate::ffi::{Owned, Raised, Ref, Result, error, ordered, sequence};
use crate::load::{Function, Maker, Nature, has_native_hash};
use crate::policy::deeds::{self, Deed};
use crate::policy::keys::hashes;
use crate::policy::nesting::{are_bare, can_hold};
use brinery::Opcode;
use brinery::policy::{ARRAY_OF_OBJECTS, Rule};
use brinery::read::{Call, Fault, Host, Items, Made, Stored};
use std::ptr;

/// What an opcode comes to.
impl Realizer<'_, '_> {
    pub(super) fn find_global(&mut self, module: &Owned, name: &Owned) -> Result<Owned> {
        self.tick()?;
        self.pay_for(Opcode::StackGlobal)?;
        let Some(world) = self.world else { return self.direct_global(module, name) };
        // The names are lost, which the memo may have noted.
        self.inner.settle();
        if !module.is_str() || !name.is_str() {
            return Err(self.fault(Fault::StackGlobalType));
        }
        world.global(module.as_ref(), name.as_ref()).ok_or_else(|| self.missing())
    }

    pub(super) fn find_extension(&mut self, code: u32) -> Result<Owned> {
        if self.world.is_none() {
            let Some([module, name]) = self.direct.extension(code)? else { return Err(self.give_up()) };
            return self.direct_global(&module, &name);
        }
        let names = self.direct.extension(code)?;
        let world = self.world()?;
        let found = names.and_then(|[module, name]| world.global(module.as_ref(), name.as_ref()));
        found.ok_or_else(|| self.missing())
    }

    #[inline(always)]
    pub(super) fn call(&mut self, callable: Owned, args: Owned) -> Result<Owned> {
        self.pay_for(Opcode::Reduce)?;
        if self.world.is_none() {
            self.tick()?;
            let deed = tuple_items(&args).and_then(|args| self.direct.call(callable.as_ref(), args));
            let made = deed.and_then(|deed| self.perform(deed, callable.as_ref(), args.as_ref()));
            let made = made.or_else(|| self.call_unknown(callable.as_ref(), args.as_ref()));
            if made.is_some() || !self.ends_with_call(callable.as_ref(), &args) {
                return self.granted(made);
            }
        }
        self.tick()?;
        if let Some(is_dict) = hashes(callable.as_ref()) {
            self.inner.expose()?;
            if !self.keys.admits_call(args.as_ref(), is_dict) {
                return Err(self.too_much_hashing());
            }
        }
        if self.may_return_old(callable.as_ref()) {
            let given = args.clone();
            return self.make_own(&given, |inner| inner.reduce(callable, args));
        }
        self.inner.reduce(callable, args)
    }

    pub(super) fn make_instance(&mut self, class: Owned, args: Items<'_, Owned>) -> Result<Owned> {
        self.pay_for(Opcode::Obj)?;
        self.tick()?;
        if self.world.is_none() {
            let deed = if args.is_empty() {
                self.direct.construct(class.as_ref(), &[]).map(|_| Deed::New(class.as_ref(), &[]))
            } else {
                self.direct.call(class.as_ref(), borrowed(args.as_slice()))
            };
            let tuple = Owned::tuple(borrowed(args.as_slice()))?;
            let made = deed.and_then(|deed| self.perform(deed, class.as_ref(), tuple.as_ref()));
            self.inner.settle();
            return self.granted(made);
        }
        if self.may_return_old(class.as_ref()) {
            let all = Owned::tuple(borrowed(args.as_slice()))?;
            return self.make_own(&all, |inner| inner.instantiate(class, args));
        }
        self.inner.instantiate(class, args)
    }

    #[inline(always)]
    pub(super) fn make_object(&mut self, class: Owned, args: Owned, kwargs: Option<Owned>) -> Result<Owned> {
        self.pay_for(Opcode::NewObj)?;
        if self.world.is_none() {
            self.tick()?;
            let bare = kwargs.is_none()
                && args.is(self.inner.state().empty_tuple.as_ref())
                && self.direct.constructs_bare(class.as_ref());
            let granted = bare || self.constructs(class.as_ref(), &args, kwargs.as_ref());
            let made = if granted { self.inner.new_inertly(class.as_ref(), args.as_ref()) } else { None };
            if made.is_some() || !self.ends_with_construction(class.as_ref(), &args, kwargs.as_ref()) {
                return self.granted(made);
            }
        }
        self.tick()?;
        if self.may_return_old(class.as_ref()) {
            let given = args.clone();
            return self.make_own(&given, |inner| inner.new_object(class, args, kwargs));
        }
        self.inner.new_object(class, args, kwargs)
    }
}

/// What a stream may do that is judged while it is loaded.
impl Realizer<'_, '_> {
    /// Whether a class may be constructed with these arguments.
    pub(super) fn constructs(&mut self, class: Ref<'_>, args: &Owned, kwargs: Option<&Owned>) -> bool {
        kwargs.is_none() && tuple_items(args).is_some_and(|args| self.direct.construct(class, args).is_some())
    }

    /// Whether the stream ends with a call that is granted, which may run code.
    pub(super) fn ends_with_call(&mut self, callable: Ref<'_>, args: &Owned) -> bool {
        self.ends_next
            && tuple_items(args)
                .is_some_and(|args| self.direct.grants_call(callable, args) && self.ends_with_code(args))
    }

    /// The same for a construction.
    pub(super) fn ends_with_construction(
        &mut self,
        class: Ref<'_>,
        args: &Owned,
        keywords: Option<&Owned>,
    ) -> bool {
        let keywords = keywords.map(Owned::as_ref);
        self.ends_next
            && tuple_items(args).is_some_and(|items| {
                self.direct.grants_construction(class, items, keywords)
                    && self.ends_with_code(&[args.as_ref()])
            })
    }

    /// The same for a state.
    pub(super) fn ends_with_state(&mut self, instance: Ref<'_>, state: Ref<'_>) -> bool {
        self.ends_next && self.direct.grants_state(instance, state) && self.ends_with_code(&[state])
    }

    /// Counts what a call makes of these, or what is given these that a call has made. False if these are too many.
    #[inline(always)]
    pub(super) fn note_heavy(&mut self, items: &[Ref<'_>]) -> bool {
        if !are_bare(items) {
            self.wrap_heavy(items);
        } else if self.direct.is_opaque {
            self.heavy += 1;
        }
        self.heavy <= MOST_HEAVY
    }

    #[inline(never)]
    pub(super) fn wrap_heavy(&mut self, items: &[Ref<'_>]) {
        let holds = items.iter().any(|item| can_hold(item.as_ptr()));
        self.wraps += usize::from(holds);
        self.heavy += usize::from(holds || self.direct.is_opaque);
    }

    #[cold]
    pub(super) fn direct_global(&mut self, module: &Owned, name: &Owned) -> Result<Owned> {
        let old = self.inner.has_old_names();
        let found = self.direct.global(self.inner, module, name, old);
        // The names are lost, which the memo may have noted.
        self.inner.settle();
        found?.ok_or_else(|| self.give_up())
    }

    /// A tuple, which may hold what may be no value: then it may be none, either.
    pub(super) fn tuple_of_holders(&mut self, items: Items<'_, Owned>) -> Result<Owned> {
        self.wraps += 1;
        let restricted = !self.direct.are_free(borrowed(items.as_slice()).iter().copied());
        let tuple = self.inner.tuple(items)?;
        self.newest = ptr::null_mut();
        if restricted {
            self.direct.restrict(&tuple);
        }
        Ok(tuple)
    }

    /// Counts what a deed makes of these. False if it is too much.
    #[inline(always)]
    pub(super) fn note_deed(&mut self, deed: &Deed<'_>, items: &[Ref<'_>]) -> bool {
        let light = matches!(
            deed,
            Deed::New(..)
                | Deed::Make(Nature::NamedTuple | Nature::ByteArray | Nature::Dtype)
                | Deed::Call(Function::Numpy(_))
        );
        if light {
            self.wraps += usize::from(items.iter().any(|item| can_hold(item.as_ptr())));
        }
        light || self.note_heavy(items)
    }

    /// Gives an object a state that is more than attributes.
    pub(super) fn set_native(&mut self, instance: Ref<'_>, state: Ref<'_>) -> Option<Result<()>> {
        let done = self.direct.set_native(self.inner, instance, state)?;
        if matches!(done, Ok(true)) {
            self.wraps += 1;
            self.heavy += ARRAY_OF_OBJECTS;
            if self.heavy > MOST_HEAVY {
                return None;
            }
        }
        Some(done.map(drop))
    }

    /// What a function of numpy makes, or the class of its dtypes.
    pub(super) fn make_numpy(&mut self, maker: Maker, args: &[Ref<'_>]) -> Option<Result<Owned>> {
        let made = self.inner.numpy_inertly(maker, args)?;
        if let Ok(made) = &made {
            self.direct.note_made(maker, made.as_ref());
        }
        Some(made)
    }

    /// Calls what is not known but may be called all the same.
    pub(super) fn call_unknown(&mut self, callable: Ref<'_>, args: Ref<'_>) -> Option<Result<Owned>> {
        if !args.is_exactly(&raw mut PyTuple_Type) {
            return None;
        }
        // SAFETY: it is a tuple.
        let items = unsafe { sequence::items_of_tuple(args) };
        if let Some(member) = self.direct.inert_member(callable, items) {
            self.inner.settle();
            return Some(Ok(member));
        }
        if !self.direct.is_inert_call(callable, items) || !self.note_heavy(items) {
            return None;
        }
        self.inner.settle();
        Some(callable.call(items))
    }

    /// Gives such an object its attributes, by the method of its class.
    pub(super) fn set_unknown(&mut self, instance: Ref<'_>, state: Ref<'_>) -> Option<Result<()>> {
        if !self.direct.is_inert_state(instance, state) {
            return None;
        }
        self.wraps += 1;
        self.inner.settle();
        Some(instance.call_method1(self.inner.state().names.__setstate__.as_ref(), state).map(drop))
    }

    /// Does what is granted, if that runs no code.
    pub(super) fn perform(
        &mut self,
        deed: Deed<'_>,
        callable: Ref<'_>,
        args: Ref<'_>,
    ) -> Option<Result<Owned>> {
        // SAFETY: the arguments of what is granted are an exact tuple.
        let items = unsafe { sequence::items_of_tuple(args) };
        if !self.note_deed(&deed, items) {
            return None;
        }
        match deed {
            Deed::Make(Nature::Set) => {
                let &[list] = items else { return deeds::set(callable, items) };
                // SAFETY: a list, which holds its items and does not change meanwhile.
                let native = list.is_exactly(&raw mut PyList_Type)
                    && unsafe { sequence::items(list).iter().all(|item| has_native_hash(Ref::new(*item))) };
                if !native || !self.keys.admits_call(args, false) {
                    return None;
                }
                self.inner.settle();
                deeds::set(callable, items)
            }
            Deed::Make(Nature::ByteArray) => {
                self.inner.settle();
                deeds::byte_array(items)
            }
            Deed::Make(Nature::Namespace | Nature::Partial | Nature::Inert(_)) => {
                self.inner.settle();
                Some(callable.call(items))
            }
            Deed::Make(Nature::Dtype) => {
                self.inner.settle();
                self.make_numpy(Maker::Dtype, items)
            }
            Deed::Make(_) => self.inner.call_inertly(callable, args),
            Deed::Call(Function::Numpy(maker)) => {
                self.inner.settle();
                self.make_numpy(maker, items)
            }
            Deed::Call(function) => {
                self.inner.settle();
                deeds::call(self.inner, function, callable, items)
            }
            Deed::New(class, args) => {
                self.inner.settle();
                let args = Owned::tuple(args).inspect_err(|_| error::clear()).ok()?;
                self.inner.new_inertly(class, args.as_ref())
            }
        }
    }

    #[inline(always)]
    pub(super) fn old_string(&mut self) -> Result<()> {
        self.direct.has_old_strings = true;
        if self.world.is_none() && !self.direct.is_plain() { Err(self.give_up()) } else { Ok(()) }
    }

    /// Sees to it that what is no builtin container may be extended.
    #[inline]
    pub(super) fn extend(&mut self, items: &Items<'_, Owned>, message: &str) -> Result<()> {
        if self.direct.is_plain() {
            return Err(self.refused(Rule::Ownership, message));
        }
        let container = items.container().as_ref();
        match self.direct.extend(container, borrowed(items.as_slice())) {
            Some(Nature::Container) if container.is_exactly(ordered::kind()) => Ok(()),
            Some(Nature::Container) if self.note_heavy(borrowed(items.as_slice())) => Ok(()),
            Some(Nature::Extension(builtin)) if self.inner.extends_inertly(container, builtin) => Ok(()),
            _ => Err(self.give_up()),
        }
    }

    #[inline(always)]
    pub(super) fn call_directly(
        &mut self,
        mut items: Items<'_, Owned>,
        call: Call,
        stored: Stored,
    ) -> Option<Result<Owned>> {
        if self.direct.is_plain() {
            return None;
        }
        if let Err(Raised) = self.tick().and_then(|()| self.pay_for(Opcode::Reduce)) {
            return Some(Err(Raised));
        }
        let (class, args) = (items.container().as_ref(), borrowed(items.as_slice()));
        if call == Call::Reduce && self.direct.grants_what_is_taken(class, args) {
            self.heavy += usize::from(self.direct.is_opaque);
            if self.heavy <= MOST_HEAVY
                && let made @ Some(_) = self.inner.call_with(items.reborrow(), call, stored, false)
            {
                return made;
            }
        }
        let (class, args) = (items.container().as_ref(), borrowed(items.as_slice()));
        if call == Call::Reduce && self.direct.makes_value_again(class, args) && self.note_heavy(args) {
            return self.make_value(items, stored);
        }
        if call == Call::New && self.direct.constructs_again(class, args) {
            return self.inner.call_with(items, call, stored, false);
        }
        if call == Call::Reduce
            && let Some(maker) = self.direct.makes_array_again(class, args)
        {
            return self.make_array(&items, stored, maker);
        }
        self.call_otherwise(items, call, stored)
    }

    /// Makes a value by a call that is granted.
    #[inline(always)]
    pub(super) fn make_value(
        &mut self,
        mut items: Items<'_, Owned>,
        stored: Stored,
    ) -> Option<Result<Owned>> {
        match self.inner.call_with(items.reborrow(), Call::Reduce, stored, false) {
            None => self.make_value_inertly(items, stored),
            made => made,
        }
    }

    /// The same for one that is not made natively.
    #[inline(never)]
    pub(super) fn make_value_inertly(
        &mut self,
        items: Items<'_, Owned>,
        stored: Stored,
    ) -> Option<Result<Owned>> {
        let made = self.inner.call_inertly_with(items, stored)?;
        Some(self.granted(made.transpose()))
    }

    /// Makes what a maker of numpy makes of arguments that are granted.
    #[inline(never)]
    pub(super) fn make_array(
        &mut self,
        items: &Items<'_, Owned>,
        stored: Stored,
        maker: Maker,
    ) -> Option<Result<Owned>> {
        if !self.note_deed(&Deed::Call(Function::Numpy(maker)), borrowed(items.as_slice())) {
            return Some(Err(self.give_up()));
        }
        let made = self.inner.call_known(items, stored, |builder, args| builder.numpy_inertly(maker, args));
        if let Some(Ok(made)) = &made {
            self.direct.note_made(maker, made.as_ref());
        }
        made
    }

    /// Makes an array with its state, which lies ahead, if both are granted as they were before.
    pub(super) fn array_ahead(
        &mut self,
        items: &Items<'_, Owned>,
        ahead: &[u8],
    ) -> Option<Result<Made<Owned>>> {
        if self.memory.is_counted_elsewhere() {
            return None;
        }
        let (class, args) = (items.container().as_ref(), borrowed(items.as_slice()));
        let direct = &mut *self.direct;
        let judged = self.world.is_some();
        if !judged && direct.is_plain() {
            return None;
        }
        let made = self.inner.array_ahead(items, ahead, |dtype, size| {
            judged
                || direct.makes_array_again(class, args) == Some(Maker::Empty)
                    && direct.grants_array_again(class, dtype, size)
        })?;
        let deeds = [Opcode::Reduce, Opcode::Tuple, Opcode::Tuple];
        for deed in if judged { &[][..] } else { &deeds } {
            if let Err(Raised) = self.pay_for(*deed) {
                return Some(Err(Raised));
            }
        }
        if let Err(Raised) = self.tick() {
            return Some(Err(Raised));
        }
        if let (Ok(made), false) = (&made, judged) {
            // Another object may have been at its place.
            self.direct.note_made(Maker::FromBuffer, made.value.as_ref());
        }
        Some(made)
    }

    #[inline(never)]
    pub(super) fn call_otherwise(
        &mut self,
        items: Items<'_, Owned>,
        call: Call,
        stored: Stored,
    ) -> Option<Result<Owned>> {
        let (class, args) = (items.container().as_ref(), borrowed(items.as_slice()));
        let Some(index) = self.direct.find(class.as_ptr()) else { return Some(Err(self.give_up())) };
        if call == Call::Reduce
            && let Some(granted) = self.direct.makes_value(index, args)
        {
            if !granted || !self.note_heavy(args) {
                return Some(Err(self.give_up()));
            }
            return self.make_value(items, stored);
        }
        if self.direct.needs_tuple(index) || call == Call::Reduce && self.direct.is_unknown(index) {
            return None;
        }
        let deed = match call {
            Call::Reduce => self.direct.call_of(index, args),
            Call::New => self.direct.construct(class, args).map(Deed::Make),
        };
        match deed {
            // It is looked at once more with its tuple.
            None if self.direct.may_run_code(index) => None,
            None => Some(Err(self.give_up())),
            Some(Deed::New(..)) => None,
            Some(deed @ (Deed::Call(_) | Deed::Make(_))) if !self.note_deed(&deed, args) => {
                Some(Err(self.give_up()))
            }
            Some(Deed::Call(function)) => {
                let callable = class.to_owned();
                let made = self.inner.call_known(&items, stored, |builder, args| {
                    deeds::call(builder, function, callable.as_ref(), args)
                });
                if let (Function::Numpy(maker), Some(Ok(made))) = (function, &made) {
                    self.direct.note_made(maker, made.as_ref());
                    self.direct.note_granted(index, maker, borrowed(items.as_slice()));
                }
                made
            }
            Some(Deed::Make(
                nature @ (Nature::Namespace | Nature::Partial | Nature::Inert(_) | Nature::Dtype),
            )) => {
                let callable = class.to_owned();
                let made = self.inner.call_known(&items, stored, |builder, args| match nature {
                    Nature::Dtype => builder.numpy_inertly(Maker::Dtype, args),
                    _ => Some(callable.call(args)),
                });
                if let (Nature::Dtype, Some(Ok(made))) = (nature, &made) {
                    self.direct.note_made(Maker::Dtype, made.as_ref());
                }
                made
            }
            Some(Deed::Make(_)) => self.inner.call_with(items, call, stored, false),
        }
    }
}
