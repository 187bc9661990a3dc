//! The host that makes the objects of a stream whose deeds are granted.

mod account;
mod calls;

use super::attributes::{Way, has_state, set_by_object, way_of};
use super::direct::Direct;
use super::fence::Fence;
use super::keys::{Keys, hashes, is_harmless};
use super::nesting::are_bare;
use super::refusal::raise;
use super::time::Watch;
use crate::ffi::api::*;
use crate::ffi::object::borrowed;
use crate::ffi::{Owned, Raised, Ref, Result, error, sequence};
use crate::load::{Builder, Nature, StateAhead, is_atom};
use brinery::policy::{Limits, Memory, Rule};
use brinery::read::{Call, Chunk, Fault, Host, Items, LineEncoding, Made, ReadError, Shape, Source, Stored};
use brinery::{Opcode, Place};
use std::collections::HashMap;
use std::ptr;

use super::world::World;

/// How many calls are made between two looks at the clock.
const CALLS: u32 = 64;

/// How many objects made by calls can be within each other at most while a stream is not judged as a whole: it may turn out that they
/// have to be given up.
const MOST_HEAVY: usize = 8000;

const STOP: u8 = Opcode::Stop.byte();
const MEMOIZE: u8 = Opcode::Memoize.byte();
const BINPUT: u8 = Opcode::BinPut.byte();

/// Makes objects by a [`Builder`], of a stream that has been judged, or of one that is judged meanwhile.
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts")]
pub(super) struct Realizer<'h, 'a> {
    inner: &'h mut Builder<'a>,
    limits: &'a Limits,
    /// The world, for a stream that has been judged.
    world: Option<&'a World<'a>>,
    /// What judges one that has not.
    direct: &'h mut Direct<'a>,
    memory: Memory<'a, 'a>,
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
    /// given now holds nothing. Of a stream that has been judged it is not asked.
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
    foreign: Option<HashMap<usize, Owned>>,
}

impl<'h, 'a> Realizer<'h, 'a> {
    #[inline(always)]
    pub(super) fn new(
        inner: &'h mut Builder<'a>,
        world: Option<&'a World<'a>>,
        direct: &'h mut Direct<'a>,
        limits: &'a Limits,
        memory: Memory<'a, 'a>,
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
            foreign: None,
        }
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
        // Whatever became of it.
        let broken = self.fence.broken();
        if broken.is_none() && error::is_exit() {
            return error;
        }
        // What is to be said of a stream with instances is for the judge of the whole.
        let anew = self.begins_anew();
        self.gave_up |= !anew && !self.is_judged() && !self.direct.is_plain();
        if self.gave_up || anew {
            error::clear();
            return error;
        }
        if let Some(rule) = broken {
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
        if self.is_foreign(instance) && has_state(self.inner.state(), instance.as_ref(), state.as_ref())? {
            // The state goes, and the memo may have noted it.
            self.inner.settle();
            return Ok(());
        }
        self.check_own(instance)?;
        self.inner.expose()?;
        match way_of(self.inner, instance.as_ref(), state.as_ref())? {
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
        match world.persistent {
            Some(load) => self.fence.open(|| load.call1(id.as_ref())),
            None => Err(crate::unpickler::no_persistent_load(self.inner.state())),
        }
    }

    fn next_buffer(&mut self) -> Result<Owned> {
        // The buffers are Python's: to ask for one may run code.
        self.world()?;
        self.inner.next_buffer()
    }

    fn readonly_buffer(&mut self, buffer: Owned) -> Result<Owned> {
        self.world()?;
        self.inner.readonly_buffer(buffer)
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
        if self.foreign.is_some() {
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
        if self.world.is_none() {
            let made = self.call_directly(items, call, stored);
            if let Some(Ok(made)) = &made {
                self.note(made);
            }
            return made;
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

    fn call_and_build(&mut self, items: Items<'_, Owned>, ahead: &[u8]) -> Option<Result<Made<Owned>>> {
        let made = self.array_ahead(&items, ahead);
        if let Some(Ok(made)) = &made {
            self.note(&made.value);
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

/// The instance whose state items become if the opcodes ahead make them one.
#[inline(always)]
fn instance_of_state<'s>(items: &'s Items<'_, Owned>, ahead: &[u8]) -> Option<&'s Owned> {
    match (StateAhead::of(ahead)?, items.below()) {
        (StateAhead::Dict, [.., instance]) => Some(instance),
        (StateAhead::Slots { .. }, [.., instance, none]) if none.is_none() => Some(instance),
        _ => None,
    }
}

/// The items of an exact tuple.
#[inline(always)]
fn tuple_items(object: &Owned) -> Option<&[Ref<'_>]> {
    // SAFETY: it is a tuple.
    object.is_exactly(&raw mut PyTuple_Type).then(|| unsafe { sequence::items_of_tuple(object.as_ref()) })
}
