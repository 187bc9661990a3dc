//! The host that makes the objects of a stream whose deeds are granted.

use super::attributes::{Way, set_by_object, way_of};
use super::deeds::{self, Deed};
use super::direct::Direct;
use super::fence::Fence;
use super::keys::{Keys, hashes, is_harmless};
use super::memory::Memory;
use super::nesting::{can_hold, exceeds_calls, is_bare};
use super::time::Watch;
use crate::ffi::api::*;
use crate::ffi::object::borrowed;
use crate::ffi::{Owned, Raised, Ref, Result, error, ordered, sequence, text};
use crate::load::{Builder, Function, Maker, Nature, StateAhead, has_native_hash, is_atom};
use brinery::policy::{ARRAY_OF_OBJECTS, GlobalUse, Limits, MOST_NESTED_CALLS, Rule};
use brinery::read::{Call, Chunk, Fault, Host, Items, LineEncoding, ReadError, Shape, Source, Stored};
use brinery::{Opcode, Place};
use std::ptr;
use std::time::Duration;

/// How many calls are made between two looks at the clock.
const CALLS: u32 = 64;

/// How many objects made by calls can be within each other at most while a stream is not judged as a whole: it may turn out that they
/// have to be given up.
const MOST_HEAVY: usize = 8000;

const STOP: u8 = Opcode::Stop.byte();
const MEMOIZE: u8 = Opcode::Memoize.byte();
const BINPUT: u8 = Opcode::BinPut.byte();

/// What a stream that has been judged needs of the world.
pub(super) struct World<'a> {
    /// The globals. There are no more of them than the policy grants.
    pub(super) globals: Vec<Resolved>,
    /// What resolves persistent ids.
    pub(super) persistent: Option<Ref<'a>>,
    /// The out-of-band buffers, if there are any.
    pub(super) buffers: Option<Vec<Owned>>,
}

/// What a global stands for, by the names that the stream has for it.
pub(super) struct Resolved {
    module: Owned,
    name: Owned,
    object: Owned,
}

impl Resolved {
    pub(super) fn new(global: &GlobalUse, object: Owned) -> Result<Self> {
        Ok(Resolved { module: Owned::str(&global.raw_module)?, name: Owned::str(&global.raw_name)?, object })
    }
}

impl World<'_> {
    /// What the global of these names, which are texts, stands for.
    fn global(&self, module: Ref<'_>, name: Ref<'_>) -> Option<Owned> {
        let is = |known: &Owned, name: Ref<'_>| known.is(name) || is_same_text(known.as_ref(), name);
        let found = self.globals.iter().find(|known| is(&known.name, name) && is(&known.module, module))?;
        Some(found.object.clone())
    }
}

/// Makes objects by a [`Builder`], of a stream that has been judged, or of one that is judged meanwhile.
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts")]
pub(super) struct Realizer<'h, 'a> {
    inner: &'h mut Builder<'a>,
    limits: &'a Limits,
    /// The world, for a stream that has been judged.
    world: Option<&'a World<'a>>,
    /// What judges one that has not.
    direct: &'h mut Direct<'a>,
    memory: Memory<'a>,
    refusal: Option<(Rule, String)>,
    /// Whether the stream does what only a judged one may do.
    pub(super) gave_up: bool,
    /// The whole input, and whether there may be more after the pickle.
    input: &'a [u8],
    trailing: bool,
    /// Whether the stream ends after what it does next.
    ends_next: bool,
    /// Whether that has been begun: all that the stream does was judged, and may run code.
    is_judged: bool,
    keys: Keys,
    /// The container that an opcode has made last, if nothing else has been made or fetched since that may hold something: what it is
    /// given now holds nothing.
    newest: *mut PyObject,
    /// How often containers were put into another. A way from container to container takes one of the items that are put
    /// into each at a time, so that none is longer.
    pub(super) wraps: usize,
    /// How often what a call has made was given what may hold it. Objects of many types written in C are given up by recursion, and
    /// those that were made before a stream is refused are, too.
    heavy: usize,
    calls: u32,
    /// Runs from the beginning, or from the first look on where nothing runs but what the other budgets keep short.
    watch: Watch,
    /// What code that is granted may do, from when it may run.
    fence: Fence,
    /// What calls have returned that was there before them: it is not the stream's to change.
    foreign: Vec<Owned>,
}

impl<'h, 'a> Realizer<'h, 'a> {
    #[inline(always)]
    pub(super) fn new(
        inner: &'h mut Builder<'a>,
        world: Option<&'a World<'a>>,
        direct: &'h mut Direct<'a>,
        limits: &'a Limits,
        memory: Memory<'a>,
        (input, trailing): (&'a [u8], bool),
    ) -> Self {
        let mut fence = Fence::default();
        if world.is_some() {
            fence.begin(limits, input.len());
        }
        Realizer {
            inner,
            world,
            direct,
            limits,
            memory,
            refusal: None,
            gave_up: false,
            input,
            trailing,
            ends_next: false,
            is_judged: false,
            keys: Keys::new(limits, input.len()),
            newest: ptr::null_mut(),
            wraps: 0,
            heavy: 0,
            calls: 0,
            watch: if world.is_some() { Watch::running() } else { Watch::new() },
            fence,
            foreign: Vec::new(),
        }
    }

    /// Whether there may be objects within others that nobody finds who looks for those.
    pub(super) fn is_opaque(&self) -> bool {
        self.direct.is_opaque
    }

    pub(super) fn finish<'de>(&mut self, source: &impl Source<'de>, value: &Owned) -> Result<()> {
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
    fn is_free(&self, object: &Owned) -> bool {
        self.direct.is_plain() || self.direct.is_free(object.as_ref())
    }

    /// Whether what the stream does next, to these, may run code though it is granted just now: when nothing is left to be judged.
    /// Then it is as if the stream had been judged as a whole.
    fn ends_with_code(&mut self, items: &[Ref<'_>]) -> bool {
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
    fn may_be_too_heavy(&self, value: &Owned) -> bool {
        self.heavy + self.direct.filled > MOST_NESTED_CALLS
            && (self.direct.is_opaque || exceeds_calls(value.as_ref(), MOST_NESTED_CALLS))
    }

    /// Whether all that the stream does was judged.
    fn is_judged(&self) -> bool {
        self.world.is_some() || self.is_judged
    }

    /// Refuses. The memo may have noted what is lost now, and must not be asked or held any more.
    #[cold]
    fn refused(&mut self, rule: Rule, message: impl Into<String>) -> Raised {
        self.refusal = Some((rule, message.into()));
        Raised
    }

    /// Takes note of a call, of which there can be so many in so much time.
    #[inline(always)]
    fn tick(&mut self) -> Result<()> {
        self.calls += 1;
        if self.calls >= CALLS { self.look_at_clock() } else { Ok(()) }
    }

    #[cold]
    fn look_at_clock(&mut self) -> Result<()> {
        self.calls = 0;
        let most = Duration::from_millis(self.limits.milliseconds_for(self.input.len()));
        if self.watch.exceeds(most) {
            return Err(self.refused(Rule::BudgetTime, "loading takes more time than the stream may cost"));
        }
        Ok(())
    }

    /// Sees to it that elements can be hashed.
    #[inline(always)]
    fn admit(&mut self, container: Option<usize>, elements: &[Owned]) -> Result<()> {
        let container = container.unwrap_or_else(|| self.keys.unnamed());
        for element in elements {
            self.admit_key(container, element)?;
        }
        self.tick()
    }

    /// The same for the keys of pairs.
    fn admit_keys(&mut self, container: Option<usize>, items: &[Owned]) -> Result<()> {
        let (pairs, _) = items.as_chunks::<2>();
        let container = container.unwrap_or_else(|| self.keys.unnamed());
        for [key, _] in pairs {
            self.admit_key(container, key)?;
        }
        self.tick()
    }

    #[inline(always)]
    fn admit_key(&mut self, container: usize, key: &Owned) -> Result<()> {
        if is_harmless(key.as_ref()) { Ok(()) } else { self.admit_odd(container, key.as_ref()) }
    }

    #[inline(never)]
    fn admit_odd(&mut self, container: usize, key: Ref<'_>) -> Result<()> {
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
    pub(super) fn begins_anew(&self) -> bool {
        self.inner.begins_anew()
    }

    #[cold]
    fn too_much_hashing(&mut self) -> Raised {
        self.refused(Rule::BudgetHash, "hashing the keys is more work than the stream may cost")
    }

    /// Counts what is put into a container, if it may be a container itself, and sees to it that it may be anywhere. A stream that
    /// was judged has been measured.
    #[inline(always)]
    fn wrap(&mut self, container: Option<Ref<'_>>, items: &[Owned]) -> Result<()> {
        let is_newest = container.is_some_and(|container| container.as_ptr() == self.newest);
        if is_newest || self.world.is_some() { Ok(()) } else { self.wrap_holders(items) }
    }

    #[inline(never)]
    fn wrap_holders(&mut self, items: &[Owned]) -> Result<()> {
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
    fn note(&mut self, made: &Owned) {
        if !is_bare(made.as_ptr()) {
            self.newest = ptr::null_mut();
        }
    }

    /// The same for what was made, if it was.
    #[inline(always)]
    fn noted(&mut self, made: Result<Owned>) -> Result<Owned> {
        if let Ok(made) = &made {
            self.note(made);
        }
        made
    }

    /// Pays for the object that an opcode makes, or for what it adds to one.
    #[inline(always)]
    fn pay_for(&mut self, opcode: Opcode) -> Result<()> {
        // How it is refused is for the judge of the whole to say.
        if self.memory.pay_for(opcode) { Ok(()) } else { Err(self.give_up()) }
    }

    /// Does what a judged stream may do, or one that is judged meanwhile where it is granted and nobody can tell.
    #[inline(always)]
    fn granted<R>(&mut self, done: Option<Result<R>>) -> Result<R> {
        match done {
            Some(Ok(done)) => Ok(done),
            _ => Err(self.give_up()),
        }
    }

    /// The world, which only a stream that has been judged may look at.
    #[inline(always)]
    fn world(&mut self) -> Result<&'a World<'a>> {
        match self.world {
            Some(world) => Ok(world),
            None => Err(self.give_up()),
        }
    }

    #[cold]
    fn give_up(&mut self) -> Raised {
        self.gave_up = true;
        Raised
    }

    /// Whether what a call returns may be an object that there is already. A class makes a new one, unless it has a `__new__` of its
    /// own, and so do the functions that are known.
    fn may_return_old(&mut self, callable: Ref<'_>) -> bool {
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
    fn make_own(
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
            self.foreign.push(made.clone());
        }
        Ok(made)
    }

    /// Refuses to change what a call has returned though it was there before.
    #[inline(always)]
    fn check_own(&mut self, object: &Owned) -> Result<()> {
        if self.foreign.is_empty() { Ok(()) } else { self.look_for_own(object) }
    }

    #[cold]
    fn look_for_own(&mut self, object: &Owned) -> Result<()> {
        if self.foreign.iter().all(|foreign| !foreign.is(object.as_ref())) {
            return Ok(());
        }
        Err(self.refused(Rule::Ownership, "what a call returns that was there before may not be changed"))
    }

    /// Refuses if code has cost too much, whatever it made of that itself.
    fn heed_fence(&mut self) -> Result<()> {
        match self.fence.broken() {
            Some(rule) => Err(raise(rule.id(), rule.meaning(), (None, None, "obj"))),
            None => Ok(()),
        }
    }

    fn missing(&mut self) -> Raised {
        self.refused(Rule::Resolve, "a global that was not there when the stream was judged")
    }
}

/// Sets the exception for a refusal.
#[cold]
pub(super) fn raise(rule: &str, message: &str, place: (Option<u64>, Option<&str>, &str)) -> Raised {
    let (offset, opcode, path) = place;
    let make = || {
        let refuse = super::import_policy()?.getattr(Owned::str("_refusal")?.as_ref())?;
        let rule = Owned::str(rule)?;
        let message = Owned::str(message)?;
        let offset = offset.map_or(Ok(Owned::none()), |offset| Owned::int(offset as i64))?;
        let opcode = opcode.map_or(Ok(Owned::none()), Owned::str)?;
        let path = Owned::str(path)?;
        refuse.call(&[rule.as_ref(), message.as_ref(), offset.as_ref(), opcode.as_ref(), path.as_ref()])
    };
    match make() {
        Ok(exception) => error::restore(exception),
        Err(Raised) => Raised,
    }
}

impl<'de> Host<'de> for Realizer<'_, '_> {
    type Value = Owned;
    type Error = Raised;

    fn fault(&mut self, fault: Fault) -> Raised {
        if self.begins_anew() {
            return Raised;
        }
        self.refused(Rule::Malformed, fault.to_string())
    }

    fn read_error(&mut self, error: ReadError) -> Raised {
        match error {
            ReadError::Raised => Raised,
            ReadError::Truncated => self.fault(Fault::Truncated),
            ReadError::Refused(rule) => self.refused(rule, rule.meaning()),
            ReadError::Io(error) => error::runtime_error(&error.to_string()),
        }
    }

    fn wants_path(&self) -> bool {
        // What is judged as a whole or begun anew says nothing.
        !self.gave_up && (self.is_judged() || self.direct.is_plain()) && !self.begins_anew()
    }

    fn at(&mut self, error: Raised, place: Place) -> Raised {
        if error::is_exit() {
            return error;
        }
        // What is to be said of a stream with instances is for the judge of the whole.
        let anew = self.begins_anew();
        self.gave_up |= !anew && !self.is_judged() && !self.direct.is_plain();
        if self.gave_up || anew {
            error::clear();
            return error;
        }
        if let Some(rule) = self.fence.broken() {
            // Whatever became of it.
            self.refusal.get_or_insert_with(|| (rule, rule.meaning().into()));
        }
        let Some((rule, message)) = self.refusal.take() else { return self.inner.at(error, place) };
        error::clear();
        let opcode = place.opcode.map(Opcode::name);
        let path = place.path.to_string();
        raise(rule.id(), &message, (Some(place.offset), opcode, &path))
    }

    #[inline]
    fn comes_before(&mut self, ahead: &[u8]) {
        // Of a stream that is counted opcode by opcode even these could be refused.
        self.ends_next = matches!(*ahead, [STOP] | [MEMOIZE, STOP] | [BINPUT, _, STOP])
            && !self.memory.is_counted_elsewhere()
            && (self.trailing || ahead.as_ptr_range().end == self.input.as_ptr_range().end);
    }

    fn protocol(&mut self, protocol: u8) {
        self.inner.protocol(protocol);
    }

    #[inline(always)]
    fn none(&mut self) -> Owned {
        self.inner.none()
    }

    #[inline(always)]
    fn bool(&mut self, value: bool) -> Owned {
        self.inner.bool(value)
    }

    #[inline(always)]
    fn constant(&mut self, value: Option<bool>) -> Owned {
        self.inner.constant(value)
    }

    #[inline(always)]
    fn int(&mut self, value: i64) -> Result<Owned> {
        self.inner.int(value)
    }

    fn int_literal(&mut self, text: &[u8]) -> Result<Owned> {
        self.inner.int_literal(text)
    }

    fn long(&mut self, bytes: &[u8]) -> Result<Owned> {
        self.inner.long(bytes)
    }

    #[inline(always)]
    fn float(&mut self, value: f64) -> Result<Owned> {
        self.inner.float(value)
    }

    #[inline(always)]
    fn unicode(&mut self, utf8: Chunk<'de, '_>) -> Result<Owned> {
        self.inner.unicode(utf8)
    }

    fn unicode_escaped(&mut self, line: Chunk<'de, '_>) -> Result<Owned> {
        self.inner.unicode_escaped(line)
    }

    fn string(&mut self, bytes: Chunk<'de, '_>) -> Result<Owned> {
        self.old_string()?;
        self.inner.string(bytes)
    }

    fn string_escaped(&mut self, literal: Chunk<'de, '_>) -> Result<Owned> {
        self.old_string()?;
        self.inner.string_escaped(literal)
    }

    #[inline(always)]
    fn bytes<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Result<Owned> {
        self.inner.bytes(len, source)
    }

    #[inline(always)]
    fn bytearray<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Result<Owned> {
        self.inner.bytearray(len, source)
    }

    #[inline(always)]
    fn empty_list(&mut self) -> Result<Owned> {
        self.pay_for(Opcode::EmptyList)?;
        let made = self.inner.empty_list()?;
        self.newest = made.as_ptr();
        Ok(made)
    }

    #[inline(always)]
    fn empty_dict(&mut self) -> Result<Owned> {
        self.pay_for(Opcode::EmptyDict)?;
        let made = self.inner.empty_dict()?;
        self.newest = made.as_ptr();
        Ok(made)
    }

    #[inline(always)]
    fn empty_set(&mut self) -> Result<Owned> {
        self.pay_for(Opcode::EmptySet)?;
        let made = self.inner.empty_set()?;
        self.newest = made.as_ptr();
        Ok(made)
    }

    #[inline(always)]
    fn tuple(&mut self, items: Items<'_, Owned>) -> Result<Owned> {
        self.pay_for(Opcode::Tuple)?;
        if self.world.is_none() && !are_bare(borrowed(items.as_slice())) {
            return self.tuple_of_holders(items);
        }
        self.newest = ptr::null_mut();
        self.inner.tuple(items)
    }

    fn list(&mut self, items: Items<'_, Owned>) -> Result<Owned> {
        self.pay_for(Opcode::List)?;
        self.wrap(None, items.as_slice())?;
        let made = self.inner.list(items);
        self.noted(made)
    }

    fn dict(&mut self, items: Items<'_, Owned>) -> Result<Owned> {
        self.pay_for(Opcode::Dict)?;
        self.wrap(None, items.as_slice())?;
        self.admit_keys(None, items.as_slice())?;
        let made = self.inner.dict(items);
        self.noted(made)
    }

    fn frozenset(&mut self, items: Items<'_, Owned>) -> Result<Owned> {
        self.pay_for(Opcode::FrozenSet)?;
        self.admit(None, items.as_slice())?;
        self.wrap(None, items.as_slice())?;
        let made = self.inner.frozenset(items);
        self.noted(made)
    }

    fn are_inert(&self, container: Option<&Owned>, items: &[Owned]) -> bool {
        Host::are_inert(self.inner, container, items)
    }

    #[inline(never)]
    fn append(&mut self, items: Items<'_, Owned>) -> Result<()> {
        self.pay_for(Opcode::Appends)?;
        self.tick()?;
        if self.world.is_none() && !items.container().is_exactly(&raw mut PyList_Type) {
            self.extend(&items, "items for something that is no list")?;
        }
        self.wrap(Some(items.container().as_ref()), items.as_slice())?;
        self.check_own(items.container())?;
        self.inner.append(items)
    }

    #[inline(never)]
    fn set_items(&mut self, mut items: Items<'_, Owned>) -> Result<()> {
        self.pay_for(Opcode::SetItems)?;
        self.tick()?;
        if self.world.is_none() && !items.container().is_exactly(&raw mut PyDict_Type) {
            self.extend(&items, "keys and values for something that is no dict")?;
        }
        if self.direct.is_locked(items.container().as_ref()) {
            return Err(self.give_up());
        }
        self.wrap(Some(items.container().as_ref()), items.as_slice())?;
        self.check_own(items.container())?;
        if self.inner.set_items_at_once(&mut items, |key| is_atom(key) && is_harmless(key))? {
            return Ok(());
        }
        self.admit_keys(Some(items.container().as_ptr().addr()), items.as_slice())?;
        self.inner.set_items(items)
    }

    fn add_items(&mut self, items: Items<'_, Owned>) -> Result<()> {
        self.pay_for(Opcode::AddItems)?;
        if self.world.is_none() && self.direct.calls_builtins {
            // It may be one that was made by a call, which is not what a set is added to.
            return Err(self.give_up());
        }
        if self.world.is_none() && !items.container().is_exactly(&raw mut PySet_Type) {
            self.extend(&items, "elements for something that is no set")?;
        }
        self.admit(Some(items.container().as_ptr().addr()), items.as_slice())?;
        self.wrap(Some(items.container().as_ref()), items.as_slice())?;
        self.check_own(items.container())?;
        self.inner.add_items(items)
    }

    fn name(&mut self, line: Chunk<'de, '_>, encoding: LineEncoding) -> Result<Owned> {
        self.inner.name(line, encoding)
    }

    fn global(&mut self, module: Owned, name: Owned) -> Result<Owned> {
        let found = self.find_global(&module, &name);
        self.noted(found)
    }

    fn extension(&mut self, code: u32) -> Result<Owned> {
        let found = self.find_extension(code);
        self.noted(found)
    }

    #[inline(never)]
    fn reduce(&mut self, callable: Owned, args: Owned) -> Result<Owned> {
        let made = self.call(callable, args);
        self.noted(made)
    }

    #[inline(never)]
    fn build(&mut self, instance: &Owned, state: Owned) -> Result<()> {
        if self.world.is_none() {
            self.tick()?;
            let (instance, state) = (instance.as_ref(), state.as_ref());
            let done = match self.direct.build(instance, state) {
                Some(Nature::Namespace) => self.inner.fill_namespace(instance, state),
                Some(_) => self.inner.set_attributes_inertly(instance, state),
                None => self.set_native(instance, state).or_else(|| self.set_unknown(instance, state)),
            };
            if done.is_some() || !self.ends_with_state(instance, state) {
                return self.granted(done);
            }
        }
        self.tick()?;
        self.check_own(instance)?;
        self.inner.expose()?;
        match way_of(self.inner.state(), instance.as_ref(), state.as_ref())? {
            Way::Usual => self.inner.build(instance, state),
            Way::Object(attributes) => set_by_object(instance.as_ref(), &attributes),
            Way::Code(name) => {
                let message = format!("the attribute {name:?} of {} is set by code", instance.type_name());
                Err(self.refused(Rule::State, message))
            }
        }
    }

    fn instantiate(&mut self, class: Owned, args: Items<'_, Owned>) -> Result<Owned> {
        let made = self.make_instance(class, args);
        self.noted(made)
    }

    #[inline(never)]
    fn new_object(&mut self, class: Owned, args: Owned, kwargs: Option<Owned>) -> Result<Owned> {
        let made = self.make_object(class, args, kwargs);
        self.noted(made)
    }

    fn persistent_line(&mut self, line: Chunk<'de, '_>) -> Result<Owned> {
        self.world()?;
        let id = self.inner.name(line, LineEncoding::Ascii)?;
        Host::<'de>::persistent(self, id)
    }

    fn persistent(&mut self, id: Owned) -> Result<Owned> {
        let world = self.world()?;
        self.inner.expose()?;
        let found = match world.persistent {
            Some(load) => self.fence.open(|| load.call1(id.as_ref())),
            None => Err(crate::unpickler::no_persistent_load(self.inner.state())),
        };
        self.noted(found)
    }

    fn next_buffer(&mut self) -> Result<Owned> {
        // The buffers are Python's: to ask for one may run code.
        self.world()?;
        let buffer = self.inner.next_buffer();
        self.noted(buffer)
    }

    fn readonly_buffer(&mut self, buffer: Owned) -> Result<Owned> {
        self.world()?;
        let buffer = self.inner.readonly_buffer(buffer);
        self.noted(buffer)
    }

    fn discard(&mut self, value: Owned, below: Option<&Owned>) -> Result<()> {
        self.inner.discard(value, below)
    }

    fn discard_items(&mut self, items: Items<'_, Owned>) -> Result<()> {
        self.inner.discard_items(items)
    }

    #[inline(always)]
    fn share(&mut self, value: &Owned) -> Owned {
        self.note(value);
        self.inner.share(value)
    }

    #[inline(always)]
    fn memo_get(&mut self, index: u64) -> Option<Owned> {
        let fetched = self.inner.memo_get(index)?;
        if !fetched.is_exactly(&raw mut PyUnicode_Type) {
            // It may be the very container that is filled next, with what was made before.
            self.newest = ptr::null_mut();
        }
        Some(fetched)
    }

    #[inline(always)]
    fn memo_put(&mut self, index: u64, value: &Owned) {
        self.inner.memo_put(index, value);
    }

    #[inline(always)]
    fn memoize(&mut self, value: &Owned) {
        self.inner.memoize(value);
    }

    #[inline(never)]
    fn set_state_items(&mut self, items: Items<'_, Owned>, room: usize, ahead: &[u8]) -> Result<usize> {
        if self.world.is_none() {
            if self.direct.is_plain() {
                return Ok(0);
            }
            let Some(instance) = instance_of_state(&items, ahead) else { return Ok(0) };
            if self.direct.is_unknown_instance(instance.as_ref()) {
                return Ok(0);
            }
            self.pay_for(Opcode::SetItems)?;
            // The items stand on the dict of the state.
            let are_bare = items.container().as_ptr() == self.newest;
            match self.direct.state(instance.as_ref(), borrowed(items.as_slice()), are_bare) {
                Some(holds) => self.wraps += usize::from(holds),
                None => return Err(self.give_up()),
            }
        }
        self.tick()?;
        if !self.foreign.is_empty() {
            // One by one.
            return Ok(0);
        }
        self.inner.set_state_items(items, room, ahead)
    }

    #[inline(never)]
    fn call_with(
        &mut self,
        items: Items<'_, Owned>,
        call: Call,
        stored: Stored,
        may_run_code: bool,
    ) -> Option<Result<Owned>> {
        let made = self.call_on_stack(items, call, stored, may_run_code);
        if let Some(Ok(made)) = &made {
            self.note(made);
        }
        made
    }

    fn shape(&self, value: &Owned) -> Shape {
        self.inner.shape(value)
    }

    fn key_text(&self, value: &Owned) -> String {
        self.inner.key_text(value)
    }
}

/// What an opcode comes to.
impl Realizer<'_, '_> {
    fn find_global(&mut self, module: &Owned, name: &Owned) -> Result<Owned> {
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

    fn find_extension(&mut self, code: u32) -> Result<Owned> {
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
    fn call(&mut self, callable: Owned, args: Owned) -> Result<Owned> {
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

    fn make_instance(&mut self, class: Owned, args: Items<'_, Owned>) -> Result<Owned> {
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
    fn make_object(&mut self, class: Owned, args: Owned, kwargs: Option<Owned>) -> Result<Owned> {
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

    #[inline(always)]
    fn call_on_stack(
        &mut self,
        items: Items<'_, Owned>,
        call: Call,
        stored: Stored,
        may_run_code: bool,
    ) -> Option<Result<Owned>> {
        if self.world.is_none() {
            return self.call_directly(items, call, stored);
        }
        let callable = items.container().as_ref();
        if hashes(callable).is_some() || self.may_return_old(callable) {
            return None;
        }
        if let Err(Raised) = self.tick() {
            return Some(Err(Raised));
        }
        self.inner.call_with(items, call, stored, may_run_code)
    }
}

/// What a stream may do that is judged while it is loaded.
impl Realizer<'_, '_> {
    /// Whether a class may be constructed with these arguments.
    fn constructs(&mut self, class: Ref<'_>, args: &Owned, kwargs: Option<&Owned>) -> bool {
        kwargs.is_none() && tuple_items(args).is_some_and(|args| self.direct.construct(class, args).is_some())
    }

    /// Whether the stream ends with a call that is granted, which may run code.
    fn ends_with_call(&mut self, callable: Ref<'_>, args: &Owned) -> bool {
        self.ends_next
            && tuple_items(args)
                .is_some_and(|args| self.direct.grants_call(callable, args) && self.ends_with_code(args))
    }

    /// The same for a construction.
    fn ends_with_construction(&mut self, class: Ref<'_>, args: &Owned, keywords: Option<&Owned>) -> bool {
        let keywords = keywords.map(Owned::as_ref);
        self.ends_next
            && tuple_items(args).is_some_and(|items| {
                self.direct.grants_construction(class, items, keywords)
                    && self.ends_with_code(&[args.as_ref()])
            })
    }

    /// The same for a state.
    fn ends_with_state(&mut self, instance: Ref<'_>, state: Ref<'_>) -> bool {
        self.ends_next && self.direct.grants_state(instance, state) && self.ends_with_code(&[state])
    }

    /// Counts what a call makes of these, or what is given these that a call has made. False if these are too many.
    #[inline(always)]
    fn note_heavy(&mut self, items: &[Ref<'_>]) -> bool {
        if !are_bare(items) {
            self.wrap_heavy(items);
        } else if self.direct.is_opaque {
            self.heavy += 1;
        }
        self.heavy <= MOST_HEAVY
    }

    #[inline(never)]
    fn wrap_heavy(&mut self, items: &[Ref<'_>]) {
        let holds = items.iter().any(|item| can_hold(item.as_ptr()));
        self.wraps += usize::from(holds);
        self.heavy += usize::from(holds || self.direct.is_opaque);
    }

    #[cold]
    fn direct_global(&mut self, module: &Owned, name: &Owned) -> Result<Owned> {
        let old = self.inner.has_old_names();
        let found = self.direct.global(self.inner, module, name, old);
        // The names are lost, which the memo may have noted.
        self.inner.settle();
        found?.ok_or_else(|| self.give_up())
    }

    /// A tuple, which may hold what may be no value: then it may be none, either.
    fn tuple_of_holders(&mut self, items: Items<'_, Owned>) -> Result<Owned> {
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
    fn note_deed(&mut self, deed: &Deed<'_>, items: &[Ref<'_>]) -> bool {
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
    fn set_native(&mut self, instance: Ref<'_>, state: Ref<'_>) -> Option<Result<()>> {
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
    fn make_numpy(&mut self, maker: Maker, args: &[Ref<'_>]) -> Option<Result<Owned>> {
        let made = self.inner.numpy_inertly(maker, args)?;
        if let Ok(made) = &made {
            self.direct.note_made(maker, made.as_ref());
        }
        Some(made)
    }

    /// Calls what is not known but may be called all the same.
    fn call_unknown(&mut self, callable: Ref<'_>, args: Ref<'_>) -> Option<Result<Owned>> {
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
    fn set_unknown(&mut self, instance: Ref<'_>, state: Ref<'_>) -> Option<Result<()>> {
        if !self.direct.is_inert_state(instance, state) {
            return None;
        }
        self.wraps += 1;
        self.inner.settle();
        Some(instance.call_method1(self.inner.state().names.__setstate__.as_ref(), state).map(drop))
    }

    /// Does what is granted, if that runs no code.
    fn perform(&mut self, deed: Deed<'_>, callable: Ref<'_>, args: Ref<'_>) -> Option<Result<Owned>> {
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
    fn old_string(&mut self) -> Result<()> {
        self.direct.has_old_strings = true;
        if self.world.is_none() && !self.direct.is_plain() { Err(self.give_up()) } else { Ok(()) }
    }

    /// Sees to it that what is no builtin container may be extended.
    #[inline]
    fn extend(&mut self, items: &Items<'_, Owned>, message: &str) -> Result<()> {
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
    fn call_directly(
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
    fn make_value(&mut self, mut items: Items<'_, Owned>, stored: Stored) -> Option<Result<Owned>> {
        match self.inner.call_with(items.reborrow(), Call::Reduce, stored, false) {
            None => self.make_value_inertly(items, stored),
            made => made,
        }
    }

    /// The same for one that is not made natively.
    #[inline(never)]
    fn make_value_inertly(&mut self, items: Items<'_, Owned>, stored: Stored) -> Option<Result<Owned>> {
        let made = self.inner.call_inertly_with(items, stored)?;
        Some(self.granted(made.transpose()))
    }

    /// Makes what a maker of numpy makes of arguments that are granted.
    #[inline(never)]
    fn make_array(
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

    #[inline(never)]
    fn call_otherwise(
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

/// Whether two texts are the same.
fn is_same_text(one: Ref<'_>, other: Ref<'_>) -> bool {
    match (text::ascii(one), text::ascii(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.text() == other.text(),
    }
}

/// Whether all of these are [bare](is_bare).
#[inline(always)]
fn are_bare(items: &[Ref<'_>]) -> bool {
    let mut bare = true;
    for item in items {
        bare &= is_bare(item.as_ptr());
    }
    bare
}

/// The instance whose state items become if the opcodes ahead make them one.
#[inline(always)]
fn instance_of_state<'s>(items: &'s Items<'_, Owned>, ahead: &[u8]) -> Option<&'s Owned> {
    match (StateAhead::of(ahead)?, items.below()) {
        (StateAhead::Dict, [.., instance]) => Some(instance),
        (StateAhead::Slots { .. }, [.., instance, none]) if none.is_none() => Some(instance),
        _ => None,
    }
}

/// Whether hashing an object runs no code but that of the interpreter and its modules written in C.
fn hashes_in_c(object: Ref<'_>) -> bool {
    // SAFETY: the type of an object is alive.
    unsafe { PyType_GetFlags(object.type_ptr()) & (Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_HAVE_GC) == 0 }
}

/// The items of an exact tuple.
#[inline(always)]
fn tuple_items(object: &Owned) -> Option<&[Ref<'_>]> {
    // SAFETY: it is a tuple.
    object.is_exactly(&raw mut PyTuple_Type).then(|| unsafe { sequence::items_of_tuple(object.as_ref()) })
}
