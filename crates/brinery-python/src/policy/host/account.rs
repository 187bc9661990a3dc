//! What a load may cost, what it may put where, and what is the stream's own.

use super::{CALLS, Realizer, tuple_items};
use crate::ffi::api::*;
use crate::ffi::object::borrowed;
use crate::ffi::{Owned, Raised, Ref, Result, error};
use crate::load::{Builder, Function, has_native_hash};
use crate::policy::keys::is_harmless;
use crate::policy::nesting::{are_bare, exceeds_calls, is_bare};
use crate::policy::refusal::raise;
use crate::policy::world::World;
use brinery::Opcode;
use brinery::policy::{MOST_NESTED_CALLS, Rule};
use brinery::read::Source;
use std::ptr;
use std::time::Duration;

impl<'a> Realizer<'_, 'a> {
    /// Whether there may be objects within others that nobody finds who looks for those.
    pub(in crate::policy) fn is_opaque(&self) -> bool {
        self.direct.is_opaque
    }

    pub(in crate::policy) fn finish<'de>(&mut self, source: &impl Source<'de>, value: &Owned) -> Result<()> {
        if self.is_judged() {
            self.heed_fence()?;
            return self.inner.finish(source);
        }
        if !self.is_free(value) || !self.direct.still_fits() {
            return Err(self.give_up());
        }
        if self.may_be_too_heavy(value) {
            // How objects were made is known of the whole stream.
            return Err(self.give_up());
        }
        self.inner.finish(source)
    }

    /// Whether an object may be anywhere: of a class that is a value the whole stream has to be known.
    #[inline(always)]
    pub(super) fn is_free(&self, object: &Owned) -> bool {
        self.direct.is_plain() || self.direct.is_free(object.as_ref())
    }

    /// Whether what the stream does next, to these, may run code though it is granted just now: when nothing is left to be judged.
    /// Then it is as if the stream had been judged as a whole.
    pub(super) fn ends_with_code(&mut self, items: &[Ref<'_>]) -> bool {
        self.is_judged = self.ends_next
            && self.note_heavy(items)
            && self.wraps < self.direct.depth()
            && self.heavy + self.direct.filled <= MOST_NESTED_CALLS
            && !self.direct.is_opaque
            && self.direct.still_fits();
        if self.is_judged {
            self.fence.begin(self.limits, self.input.len());
        }
        self.is_judged
    }

    /// Whether more objects that were made by calls can be within each other than may be.
    pub(super) fn may_be_too_heavy(&self, value: &Owned) -> bool {
        self.heavy + self.direct.filled > MOST_NESTED_CALLS
            && (self.direct.is_opaque || exceeds_calls(value.as_ref(), MOST_NESTED_CALLS))
    }

    /// Whether all that the stream does was judged.
    pub(super) fn is_judged(&self) -> bool {
        self.world.is_some() || self.is_judged
    }

    /// Refuses. The memo may have noted what is lost now, and must not be asked or held any more.
    #[cold]
    pub(super) fn refused(&mut self, rule: Rule, message: impl Into<String>) -> Raised {
        self.refusal = Some((rule, message.into()));
        Raised
    }

    /// Takes note of a call, of which there can be so many in so much time.
    #[inline(always)]
    pub(super) fn tick(&mut self) -> Result<()> {
        self.calls += 1;
        if self.calls >= CALLS { self.look_at_clock() } else { Ok(()) }
    }

    #[cold]
    pub(super) fn look_at_clock(&mut self) -> Result<()> {
        self.calls = 0;
        let most = Duration::from_millis(self.limits.milliseconds_for(self.input.len()));
        if self.watch.exceeds(most) {
            return Err(self.refused(Rule::BudgetTime, "loading takes more time than the stream may cost"));
        }
        Ok(())
    }

    /// Sees to it that elements can be hashed.
    #[inline(always)]
    pub(super) fn admit(&mut self, container: Option<usize>, elements: &[Owned]) -> Result<()> {
        let container = container.unwrap_or_else(|| self.keys.unnamed());
        for element in elements {
            self.admit_key(container, element)?;
        }
        self.tick()
    }

    /// The same for the keys of pairs.
    pub(super) fn admit_keys(&mut self, container: Option<usize>, items: &[Owned]) -> Result<()> {
        let (pairs, _) = items.as_chunks::<2>();
        let container = container.unwrap_or_else(|| self.keys.unnamed());
        for [key, _] in pairs {
            self.admit_key(container, key)?;
        }
        self.tick()
    }

    #[inline(always)]
    pub(super) fn admit_key(&mut self, container: usize, key: &Owned) -> Result<()> {
        if is_harmless(key.as_ref()) { Ok(()) } else { self.admit_odd(container, key.as_ref()) }
    }

    #[inline(never)]
    pub(super) fn admit_odd(&mut self, container: usize, key: Ref<'_>) -> Result<()> {
        if !has_native_hash(key) {
            if self.world.is_none() && !self.direct.is_plain() && !hashes_in_c(key) {
                return Err(self.give_up());
            }
            // To hash it may run code of a granted class.
            self.inner.expose()?;
            self.look_at_clock()?;
        }
        if self.keys.admits(container, key) { Ok(()) } else { Err(self.too_much_hashing()) }
    }

    /// Whether the load has to begin anew; nothing has happened then that anyone could see.
    pub(in crate::policy) fn begins_anew(&self) -> bool {
        self.inner.begins_anew()
    }

    #[cold]
    pub(super) fn too_much_hashing(&mut self) -> Raised {
        self.refused(Rule::BudgetHash, "hashing the keys is more work than the stream may cost")
    }

    /// Counts what is put into a container, if it may be a container itself, and sees to it that it may be anywhere. A stream that
    /// was judged has been measured.
    #[inline(always)]
    pub(super) fn wrap(&mut self, container: Option<Ref<'_>>, items: &[Owned]) -> Result<()> {
        let is_newest = container.is_some_and(|container| container.as_ptr() == self.newest);
        if is_newest || self.world.is_some() { Ok(()) } else { self.wrap_holders(items) }
    }

    #[inline(never)]
    pub(super) fn wrap_holders(&mut self, items: &[Owned]) -> Result<()> {
        if self.direct.is_plain() {
            self.wraps += 1;
            return Ok(());
        }
        if are_bare(borrowed(items)) {
            return Ok(());
        }
        self.wraps += 1;
        if self.direct.are_free(borrowed(items).iter().copied()) { Ok(()) } else { Err(self.give_up()) }
    }

    /// Takes note of what was made or fetched, if it may hold something.
    #[inline(always)]
    pub(super) fn note(&mut self, made: &Owned) {
        if !is_bare(made.as_ptr()) {
            self.newest = ptr::null_mut();
        }
    }

    /// The same for what was made, if it was.
    #[inline(always)]
    pub(super) fn noted(&mut self, made: Result<Owned>) -> Result<Owned> {
        if let Ok(made) = &made {
            self.note(made);
        }
        made
    }

    /// Pays for the object that an opcode makes, or for what it adds to one.
    #[inline(always)]
    pub(super) fn pay_for(&mut self, opcode: Opcode) -> Result<()> {
        // How it is refused is for the judge of the whole to say.
        if self.memory.pay_for(opcode) { Ok(()) } else { Err(self.give_up()) }
    }

    /// Does what a judged stream may do, or one that is judged meanwhile where it is granted and nobody can tell.
    #[inline(always)]
    pub(super) fn granted<R>(&mut self, done: Option<Result<R>>) -> Result<R> {
        match done {
            Some(Ok(done)) => Ok(done),
            _ => Err(self.give_up()),
        }
    }

    /// The world, which only a stream that has been judged may look at.
    #[inline(always)]
    pub(super) fn world(&mut self) -> Result<&'a World<'a>> {
        match self.world {
            Some(world) => Ok(world),
            None => Err(self.give_up()),
        }
    }

    #[cold]
    pub(super) fn give_up(&mut self) -> Raised {
        self.gave_up = true;
        Raised
    }

    /// Whether what a call returns may be an object that there is already. A class makes a new one, unless it has a `__new__` of its
    /// own, and so do the functions that are known.
    pub(super) fn may_return_old(&mut self, callable: Ref<'_>) -> bool {
        if !callable.is_type() {
            let known = self.inner.function(callable);
            return known.is_none_or(|known| matches!(known, Function::NewObject | Function::Reconstructor));
        }
        if callable.type_ptr() != &raw mut PyType_Type {
            return true;
        }
        let new = callable.getattr(self.inner.state().names.__new__.as_ref()).inspect_err(|_| error::clear());
        !new.is_ok_and(|new| new.is_exactly(&raw mut PyCFunction_Type))
            && self.inner.nature(callable).is_none()
    }

    /// Makes an object of these by code that may as well return one that there is already. What the stream has given it is its own all
    /// the same.
    pub(super) fn make_own(
        &mut self,
        args: &Owned,
        make: impl FnOnce(&mut Builder<'a>) -> Result<Owned>,
    ) -> Result<Owned> {
        // What the memo has noted is held by it from now on.
        self.inner.settle();
        self.fence.record();
        let made = make(self.inner)?;
        let is_new = self.fence.has_made(made.as_ref()) || made.as_ref().has_holders(1);
        if !is_new && !tuple_items(args).is_some_and(|args| args.iter().any(|arg| arg.is(made.as_ref()))) {
            self.foreign.get_or_insert_default().insert(made.as_ptr().addr(), made.clone());
        }
        Ok(made)
    }

    /// Whether a call has returned an object that was there before.
    #[inline(always)]
    pub(super) fn is_foreign(&self, object: &Owned) -> bool {
        self.foreign.as_ref().is_some_and(|foreign| foreign.contains_key(&object.as_ptr().addr()))
    }

    /// Refuses to change what a call has returned though it was there before.
    #[inline(always)]
    pub(super) fn check_own(&mut self, object: &Owned) -> Result<()> {
        if !self.is_foreign(object) {
            return Ok(());
        }
        Err(self.refused(Rule::Ownership, "what a call returns that was there before may not be changed"))
    }

    /// Refuses if code has cost too much, whatever it made of that itself.
    pub(super) fn heed_fence(&mut self) -> Result<()> {
        match self.fence.broken() {
            Some(rule) => Err(raise(rule.id(), rule.meaning(), (None, None, "obj"))),
            None if error::occurred() => Err(Raised),
            None => Ok(()),
        }
    }

    pub(super) fn missing(&mut self) -> Raised {
        self.refused(Rule::Resolve, "a global that was not there when the stream was judged")
    }
}

/// Whether hashing an object runs no code but that of the interpreter and its modules written in C.
fn hashes_in_c(object: Ref<'_>) -> bool {
    // SAFETY: the type of an object is alive.
    unsafe { PyType_GetFlags(object.type_ptr()) & (Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_HAVE_GC) == 0 }
}
