//! The host: what each opcode means for Python objects.

use super::collector::Pause;
use super::deferred::Deferred;
use super::guarded::SharedMemo;
use super::instance::make_instance;
use super::memo::Memos;
use super::native::Native;
use super::options::{Buffers, Strings};
use super::source::FileSource;
use super::spare::Aids;
use super::{hashable, string};
use crate::ffi::api::*;
use crate::ffi::buffer::View;
use crate::ffi::layout::{self, Heap, Layout, collections};
use crate::ffi::pages::LargeArenas;
use crate::ffi::{Owned, Raised, Ref, Result, bytes, check, error, list, number, ordered, tuple};
use crate::place;
use crate::state::State;
use brinery::read::{
    Call, Chunk, Fault, FaultClass, Fetches, Host, Items, LineEncoding, Made, ReadError, ReadResult, Shape,
    Source, Stored,
};
use brinery::{Opcode, Place};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// From how many bytes of input on a load makes arrangements that cost something by themselves.
const LARGE: usize = 512;

/// From how many bytes of input on a load is likely to fill much memory.
const VERY_LARGE: usize = 32 << 10;

/// A callable that an Unpickler was given.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) callable: Owned,
    /// Whether it is the function of a method of the Unpickler itself, which then is its first argument. Holding
    /// the bound method would make a cycle.
    #[cfg(not(Py_3_13))]
    pub(crate) is_method: bool,
}

/// The parts of an Unpickler that Python code may see or change while it loads.
#[derive(Default)]
pub(crate) struct Visible {
    /// The protocol of the stream.
    pub(crate) protocol: AtomicU8,
    pub(crate) fix_imports: AtomicBool,
}

/// What a load asks Python code for.
pub(crate) struct Hooks<'a> {
    pub(crate) visible: &'a Visible,
    /// The Unpickler whose `find_class` is asked; without one the module's own is.
    pub(crate) find_class: Option<Ref<'a>>,
    /// The Unpickler whose `persistent_load` is asked.
    pub(crate) unpickler: Option<Ref<'a>>,
}

impl Hooks<'_> {
    pub(super) fn protocol(&self) -> u8 {
        self.visible.protocol.load(Ordering::Relaxed)
    }

    pub(super) fn fix_imports(&self) -> bool {
        self.visible.fix_imports.load(Ordering::Relaxed)
    }
}

/// The [`Host`] that builds Python objects.
///
/// Nothing in it is borrowed while Python code may run, except what only this load can reach.
pub(crate) struct Builder<'a> {
    pub(super) state: &'a State,
    pub(super) strings: &'a Strings,
    pub(super) buffers: Option<&'a Buffers>,
    pub(super) hooks: Hooks<'a>,
    /// Whether the source is a [`FileSource`], which can do more than the trait says.
    reads_file: bool,
    /// What makes objects of bytes in memory.
    make: Make,
    pub(super) deferred: Option<Box<Deferred>>,
    pub(super) aids: &'a mut Aids,
    pub(super) layout: Option<&'a Layout>,
    pub(super) heap: Heap,
    pub(super) memos: Memos<'a>,
    pub(super) pause: Pause<'a>,
    /// An empty dict that was the state of an instance, for the next one.
    pub(super) spare_dict: Option<Owned>,
    /// What was called last with a tuple that it needs. It may be gone, and is only compared.
    pub(super) needs_tuple: *mut PyObject,
    /// The tuple of that call, with nothing in it, for the next one.
    pub(super) spare_tuple: Option<Owned>,
    arenas: LargeArenas,
}

/// How bytes in memory become objects.
#[derive(Clone, Copy)]
struct Make {
    bytes: fn(&[u8]) -> Result<Owned>,
    bytearray: fn(&[u8]) -> Result<Owned>,
}

impl<'a> Builder<'a> {
    /// A builder for a stream in memory.
    #[inline(always)]
    pub(crate) fn new(
        state: &'a State,
        memo: &'a SharedMemo,
        strings: &'a Strings,
        buffers: Option<&'a Buffers>,
        hooks: Hooks<'a>,
        aids: &'a mut Aids,
    ) -> Self {
        hooks.visible.protocol.store(0, Ordering::Relaxed);
        state.placed.forget();
        Builder {
            state,
            strings,
            buffers,
            hooks,
            reads_file: false,
            make: Make { bytes: string::new_bytes, bytearray: bytes::new_bytearray },
            deferred: None,
            aids,
            layout: state.layout.as_ref(),
            heap: Heap::new(),
            memos: Memos::new(memo),
            pause: Pause::new(state.layout.as_ref()),
            spare_dict: None,
            needs_tuple: ptr::null_mut(),
            spare_tuple: None,
            arenas: LargeArenas::default(),
        }
    }

    /// What the module knows.
    pub(crate) fn state(&self) -> &'a State {
        self.state
    }

    /// Prepares for an input, which may be known or come from a file.
    pub(crate) fn expect(&mut self, input: Option<&'a [u8]>) {
        let len = input.map(<[u8]>::len);
        if !self.state.fast_paths {
            return;
        }
        if len.is_none_or(|len| len >= LARGE) {
            self.heap = Heap::direct();
            if let Some(layout) = self.layout {
                self.aids.nursery.begin(layout, len.is_some() && self.pause.is_wanted());
            }
        }
        // Reading from a file lets other threads run, which are to find the collector as it should be.
        if len.is_some_and(|len| len >= LARGE) {
            self.pause.begin();
        }
        if len.is_some_and(|len| len >= VERY_LARGE) {
            self.arenas.begin();
        }
    }

    /// Lets nobody else look into the memo. A load that begins `anew` takes more care.
    pub(crate) fn keep_memo_private(&mut self, input: Option<&'a [u8]>, anew: bool) {
        if self.layout.is_some() {
            self.memos.is_private(&mut self.aids.entries, input, anew);
        }
    }

    /// Prepares for a stream of which it is known what it fetches from the memo.
    pub(crate) fn knows_fetches(&mut self, fetches: &Fetches) {
        if self.layout.is_some() {
            self.aids.fetches.clone_from(fetches);
            self.memos.is_selective_from_the_start();
        }
    }

    /// Whether the load has to begin anew; nothing has happened then that anyone could see.
    pub(crate) fn begins_anew(&self) -> bool {
        self.memos.begins_anew()
    }

    /// Whether the names of globals are those of Python 2.
    pub(crate) fn has_old_names(&self) -> bool {
        self.hooks.fix_imports() && self.hooks.protocol() < 3
    }

    /// Prepares for foreign code, and for the loss of objects.
    #[inline(always)]
    pub(crate) fn expose(&mut self) -> Result<()> {
        self.memos.expose(&mut self.aids.fetches)
    }

    /// Prepares for the loss of objects, whose end runs no code.
    #[inline(always)]
    pub(crate) fn settle(&mut self) {
        self.memos.settle(&mut self.aids.fetches);
    }

    /// Prepares for a stream from a file.
    ///
    /// # Safety
    ///
    /// The machine runs on a [`FileSource`].
    pub(crate) unsafe fn reads_file(&mut self) {
        self.reads_file = true;
    }

    /// Prepares for a stream in a file that is mapped into memory.
    ///
    /// # Safety
    ///
    /// It is mapped to be read only, so that pages that are let go come back from the file.
    pub(crate) unsafe fn reads_mapping(&mut self) {
        self.make = Make {
            // SAFETY: by contract, all input is part of the mapping.
            bytes: |data| unsafe { bytes::new_of_mapping(data) },
            // SAFETY: as above.
            bytearray: |data| unsafe { bytes::new_bytearray_of_mapping(data) },
        };
    }

    /// Whether items of an object that is not an exact dict are set as those of one.
    #[inline(always)]
    fn sets_as_dict(&mut self, container: Ref<'_>) -> bool {
        let Some(layout) = self.layout else { return false };
        // SAFETY: the container keeps its class alive.
        let class = unsafe { self.aids.classes.get(container.type_ptr(), self.state, layout) };
        class.is_some_and(|class| class.sets_as_dict)
    }

    /// Ends a load that has reached its end.
    pub(crate) fn finish<'de>(&mut self, source: &impl Source<'de>) -> Result<()> {
        if self.deferred.is_none() {
            return Ok(());
        }
        self.expose()?;
        self.pause.end();
        self.add_all_deferred().map_err(|Raised| {
            let stop = Some(source.offset().saturating_sub(1));
            place::annotate(self.state, &brinery::Path::default(), stop, Some(Opcode::Stop))
        })
    }

    /// The source as what it is, where it is a file.
    #[inline(always)]
    fn file<'de, 's, S: Source<'de>>(&self, source: &'s mut S) -> Option<&'s mut FileSource> {
        if S::COPIES {
            return None;
        }
        // SAFETY: by the contract of [`reads_file`](Self::reads_file) the source is of this type.
        self.reads_file.then(|| unsafe { &mut *ptr::from_mut(source).cast::<FileSource>() })
    }

    fn persistent_object(&mut self, id: Ref<'_>) -> Result<Owned> {
        self.expose()?;
        match self.hooks.unpickler {
            Some(unpickler) => {
                self.pause.interrupt(|| crate::unpickler::persistent_object(unpickler, self.state, id))
            }
            None => Err(crate::unpickler::no_persistent_load(self.state)),
        }
    }
}

impl Drop for Builder<'_> {
    fn drop(&mut self) {
        self.memos.end(self.aids);
        if let Some(layout) = self.layout {
            let runs = self.pause.is_wanted();
            self.pause.end();
            self.aids.nursery.hand_over(layout, runs);
        }
    }
}

impl<'de> Host<'de> for Builder<'_> {
    type Value = Owned;
    type Error = Raised;

    #[cold]
    fn fault(&mut self, fault: Fault) -> Raised {
        if self.begins_anew() {
            return Raised;
        }
        let message = fault.to_string();
        match fault.class() {
            FaultClass::Unpickling => self.state.unpickling_error(&message),
            FaultClass::Eof => error::eof_error(&message),
            FaultClass::Value => error::value_error(&message),
            FaultClass::Overflow => error::overflow_error(&message),
            FaultClass::Encoding => encoding_error(&message),
        }
    }

    #[cold]
    fn read_error(&mut self, error: ReadError) -> Raised {
        match error {
            ReadError::Raised => Raised,
            ReadError::Truncated => self.fault(Fault::Truncated),
            ReadError::Io(error) => error::runtime_error(&error.to_string()),
            // Only a source under a policy says so, and whose host does not get here.
            ReadError::Refused(rule) => self.state.unpickling_error(rule.id()),
        }
    }

    fn wants_path(&self) -> bool {
        !self.begins_anew()
    }

    #[cold]
    fn at(&mut self, _: Raised, place: Place) -> Raised {
        if self.begins_anew() {
            return Raised;
        }
        place::annotate(self.state, &place.path, Some(place.offset), place.opcode)
    }

    fn protocol(&mut self, protocol: u8) {
        self.hooks.visible.protocol.store(protocol, Ordering::Relaxed);
    }

    #[inline(always)]
    fn none(&mut self) -> Owned {
        Owned::none()
    }

    #[inline(always)]
    fn bool(&mut self, value: bool) -> Owned {
        Owned::bool(value)
    }

    #[inline(always)]
    fn constant(&mut self, value: Option<bool>) -> Owned {
        self.state.constants[value.map_or(0, |value| 1 + usize::from(value))].clone()
    }

    #[inline(always)]
    fn int(&mut self, value: i64) -> Result<Owned> {
        match self.layout {
            Some(layout) => match layout.small_int(value) {
                Some(small) => Ok(small),
                None => layout.large_int(self.heap, value),
            },
            None => Owned::int(value),
        }
    }

    fn int_literal(&mut self, text: &[u8]) -> Result<Owned> {
        number::from_literal(text)
    }

    #[inline]
    fn long(&mut self, bytes: &[u8]) -> Result<Owned> {
        let Some(layout) = self.layout else { return number::from_bytes(bytes) };
        match number::small(bytes) {
            Some(value) => layout.small_int(value).map_or_else(|| layout.large_int(self.heap, value), Ok),
            None => layout.long(self.heap, bytes),
        }
    }

    #[inline(always)]
    fn float(&mut self, value: f64) -> Result<Owned> {
        if let Some(layout) = self.layout {
            return layout.float(self.heap, value);
        }
        // SAFETY: any value will do.
        unsafe { Owned::from_result(PyFloat_FromDouble(value)) }
    }

    #[inline(always)]
    fn unicode(&mut self, utf8: Chunk<'de, '_>) -> Result<Owned> {
        if let Some(layout) = self.layout {
            return layout.text(self.heap, &utf8);
        }
        string::from_utf8(&utf8)
    }

    fn unicode_escaped(&mut self, line: Chunk<'de, '_>) -> Result<Owned> {
        string::from_raw_unicode_escape(&line)
    }

    fn string(&mut self, bytes: Chunk<'de, '_>) -> Result<Owned> {
        self.strings.decode(&bytes)
    }

    fn string_escaped(&mut self, literal: Chunk<'de, '_>) -> Result<Owned> {
        self.strings.decode_literal(&literal)
    }

    #[inline(always)]
    fn bytes<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Result<Owned> {
        if let Some(layout) = self.layout
            && layout.makes_bytes(len)
            && source.buffered() >= len
        {
            return match source.take(len) {
                Ok(data) => layout.bytes(self.heap, &data),
                Err(error) => Err(self.read_error(error)),
            };
        }
        let object = match self.file(source) {
            Some(file) => file.read_bytes(len),
            None => take_object(len, source, self.make.bytes),
        };
        object.map_err(|error| self.read_error(error))
    }

    #[inline(always)]
    fn bytearray<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Result<Owned> {
        let object = match self.file(source) {
            Some(file) => file.read_bytearray(len),
            None => take_object(len, source, self.make.bytearray),
        };
        object.map_err(|error| self.read_error(error))
    }

    #[inline(always)]
    fn empty_list(&mut self) -> Result<Owned> {
        if let Some(layout) = self.layout {
            return layout.list(&self.heap, &mut self.aids.nursery);
        }
        // SAFETY: makes a new list.
        unsafe { Owned::from_result(PyList_New(0)) }
    }

    #[inline(always)]
    fn empty_dict(&mut self) -> Result<Owned> {
        let Some(layout) = self.layout else {
            // SAFETY: makes a new dict.
            return unsafe { Owned::from_result(PyDict_New()) };
        };
        let dict = match self.spare_dict.take() {
            Some(dict) => dict,
            None => layout.dict(&self.heap, &mut self.aids.nursery)?,
        };
        self.memos.opens(&dict);
        Ok(dict)
    }

    #[inline(always)]
    fn empty_set(&mut self) -> Result<Owned> {
        if let Some(layout) = self.layout
            && layout.has_sets()
        {
            return layout.set(&self.heap, &mut self.aids.nursery, &raw mut PySet_Type);
        }
        // SAFETY: makes a new set.
        unsafe { Owned::from_result(PySet_New(ptr::null_mut())) }
    }

    #[inline(always)]
    fn tuple(&mut self, items: Items<'_, Owned>) -> Result<Owned> {
        if items.is_empty() {
            return Ok(self.state.empty_tuple.clone());
        }
        let (stack, start) = items.into_stack();
        match self.layout {
            Some(layout) => layout.tuple(&self.heap, &mut self.aids.nursery, stack, start),
            None => tuple::from_end(stack, start),
        }
    }

    fn list(&mut self, mut items: Items<'_, Owned>) -> Result<Owned> {
        list::new(items.drain())
    }

    fn dict(&mut self, mut items: Items<'_, Owned>) -> Result<Owned> {
        hashable::check(items.as_slice().iter().step_by(2))?;
        self.expose()?;
        let dict = self.empty_dict()?;
        for pair in items.as_slice().chunks_exact(2) {
            dict.set_item(pair[0].as_ref(), pair[1].as_ref())?;
        }
        drop(items.drain());
        Ok(dict)
    }

    fn frozenset(&mut self, mut items: Items<'_, Owned>) -> Result<Owned> {
        if items.as_slice().iter().all(|item| has_native_hash(item.as_ref())) {
            if let Some(layout) = self.layout
                && layout.has_sets()
                && !items.is_empty()
            {
                let set = layout.set(&self.heap, &mut self.aids.nursery, &raw mut PyFrozenSet_Type)?;
                self.add_native(set.as_ref(), items, layout)?;
                return Ok(set);
            }
            self.settle();
        } else {
            hashable::check(items.as_slice())?;
            self.expose()?;
        }
        let elements = tuple::new(items.drain())?;
        // SAFETY: makes a new frozenset of a tuple that is alive.
        let made = unsafe { Owned::from_result(PyFrozenSet_New(elements.as_ptr())) };
        made.or_else(|Raised| self.unfinished_frozenset(elements, items.as_stack().0))
    }

    fn are_inert(&self, container: Option<&Owned>, items: &[Owned]) -> bool {
        let is_builtin = |container: &Owned| {
            [&raw mut PyList_Type, &raw mut PyDict_Type, &raw mut PySet_Type]
                .into_iter()
                .any(|kind| container.is_exactly(kind))
        };
        // Whose hash and comparison run no other code.
        let is_simple = |key: &Owned| {
            [&raw mut PyUnicode_Type, &raw mut PyLong_Type, &raw mut PyBytes_Type]
                .into_iter()
                .any(|kind| key.is_exactly(kind))
        };
        let step =
            if container.is_some_and(|container| container.is_exactly(&raw mut PyDict_Type)) { 2 } else { 1 };
        container.is_none_or(is_builtin) && items.iter().step_by(step).all(is_simple)
    }

    #[inline]
    fn append(&mut self, mut items: Items<'_, Owned>) -> Result<()> {
        // SAFETY: the container stays on the stack, which only this load can reach.
        let container = unsafe { Ref::new(items.container().as_ptr()) };
        if container.is_exactly(&raw mut PyList_Type) {
            let (stack, start) = items.into_stack();
            return list::extend_from_end(container, stack, start);
        }
        if let Some(layout) = self.layout {
            // SAFETY: the container keeps its class alive, and is of this class.
            let (as_list, extend) = unsafe {
                match self.aids.classes.get(container.type_ptr(), self.state, layout) {
                    Some(class) if matches!(class.native, Native::Deque) => {
                        let extend = class.extend().map(Ref::to_owned);
                        let (stack, start) = items.as_stack();
                        if let Some(done) = collections::extend(container, stack, start) {
                            return done;
                        }
                        (false, extend)
                    }
                    Some(class) => (
                        class.extends_as_list && class.is_fresh(container),
                        class.extend().map(Ref::to_owned),
                    ),
                    None => (false, None),
                }
            };
            if as_list {
                let (stack, start) = items.into_stack();
                return list::extend_from_end(container, stack, start);
            }
            if let Some(extend) = extend {
                self.expose()?;
                let items = list::new(items.drain())?;
                return self.pause.interrupt(|| extend.call(&[container, items.as_ref()])).map(drop);
            }
        }
        self.expose()?;
        if let Some(extend) = container.lookup_attr(self.state.names.extend.as_ref())? {
            let items = list::new(items.drain())?;
            return self.pause.interrupt(|| extend.call1(items.as_ref())).map(drop);
        }
        let append = container.getattr(self.state.names.append.as_ref())?;
        self.pause.interrupt(|| items.drain().try_for_each(|item| append.call1(item.as_ref()).map(drop)))
    }

    #[inline]
    fn set_items(&mut self, mut items: Items<'_, Owned>) -> Result<()> {
        if self.set_items_at_once(&mut items, has_native_hash)? {
            return Ok(());
        }
        self.set_items_one_by_one(items)
    }

    fn add_items(&mut self, mut items: Items<'_, Owned>) -> Result<()> {
        let container = items.container();
        // SAFETY: the object is alive.
        if unsafe { PySet_Check(container.as_ptr()) } == 0 {
            hashable::check(items.as_slice())?;
            self.expose()?;
            let add = container.getattr(self.state.names.add.as_ref())?;
            return self
                .pause
                .interrupt(|| items.drain().try_for_each(|item| add.call1(item.as_ref()).map(drop)));
        }
        if items.as_slice().iter().all(|item| has_native_hash(item.as_ref())) {
            if let Some(layout) = self.layout
                && layout.has_sets()
                && container.is_exactly(&raw mut PySet_Type)
                && layout.is_clean(container.as_ref())
            {
                // SAFETY: the container stays on the stack, which only this load can reach.
                let set = unsafe { Ref::new(container.as_ptr()) };
                return self.add_native(set, items, layout);
            }
            // SAFETY: a set; the stack holds the items.
            unsafe {
                let before = PySet_Size(container.as_ptr());
                for item in items.as_slice() {
                    check(PySet_Add(container.as_ptr(), item.as_ptr()))?;
                }
                if PySet_Size(container.as_ptr()) != before + items.len() as Py_ssize_t {
                    // Of equal elements the later ones go.
                    self.settle();
                }
            }
            drop(items.drain());
            return Ok(());
        }
        hashable::check(items.as_slice())?;
        self.expose()?;
        let pause = &mut self.pause;
        for (index, item) in items.as_slice().iter().enumerate() {
            // SAFETY: a set; the stack holds the item.
            let add = || unsafe { PySet_Add(container.as_ptr(), item.as_ptr()) };
            if if has_native_hash(item.as_ref()) { add() } else { pause.interrupt(add) } < 0 {
                self.add_or_defer(&items, index, 1)?;
                break;
            }
        }
        drop(items.drain());
        Ok(())
    }

    fn name(&mut self, line: Chunk<'de, '_>, encoding: LineEncoding) -> Result<Owned> {
        match encoding {
            LineEncoding::Ascii => string::from_ascii(&line),
            LineEncoding::Utf8 => string::from_strict_utf8(&line),
        }
    }

    fn global(&mut self, module: Owned, name: Owned) -> Result<Owned> {
        let is_text = |object: &Owned| object.is_exactly(&raw mut PyUnicode_Type);
        if is_text(&module) && is_text(&name) {
            self.settle();
            let found = self.find(module.as_ref(), name.as_ref())?;
            self.memos.keep(&found);
            Ok(found)
        } else {
            Err(self.fault(Fault::StackGlobalType))
        }
    }

    fn extension(&mut self, code: u32) -> Result<Owned> {
        self.settle();
        let found = self.find_extension(code)?;
        self.memos.keep(&found);
        Ok(found)
    }

    #[inline]
    fn reduce(&mut self, callable: Owned, args: Owned) -> Result<Owned> {
        let (callable, args) = (callable.as_ref(), args.as_ref());
        let made = self.call_with_tuple(callable, args)?;
        if args.has_holders(1) && args.is_exactly(&raw mut PyTuple_Type) {
            self.aids.nursery.forget_tuple(args);
        }
        Ok(made)
    }

    #[inline]
    fn build(&mut self, instance: &Owned, state: Owned) -> Result<()> {
        if self.deferred.is_some() {
            self.refuse_if_incomplete(state.as_ref())?;
        }
        self.set_state(instance.as_ref(), state.as_ref())?;
        if self.deferred.is_some() {
            self.add_deferred(instance.as_ref())?;
        }
        Ok(())
    }

    fn instantiate(&mut self, class: Owned, args: Items<'_, Owned>) -> Result<Owned> {
        self.expose()?;
        self.pause.interrupt(|| make_instance(self.state, class.as_ref(), args))
    }

    #[inline]
    fn new_object(&mut self, class: Owned, args: Owned, kwargs: Option<Owned>) -> Result<Owned> {
        if self.deferred.is_some() {
            self.refuse_incomplete(args.as_ref())?;
        }
        self.make_object(class.as_ref(), args.as_ref(), kwargs.as_ref().map(Owned::as_ref))
    }

    fn persistent_line(&mut self, line: Chunk<'de, '_>) -> Result<Owned> {
        let id = string::from_ascii(&line).map_err(|Raised| {
            // SAFETY: the interpreter's exception classes are alive as long as it is.
            if error::matches(unsafe { Ref::new(PyExc_UnicodeDecodeError) }) {
                error::clear();
                return self.state.unpickling_error("persistent IDs in protocol 0 must be ASCII strings");
            }
            Raised
        })?;
        self.persistent_object(id.as_ref())
    }

    fn persistent(&mut self, id: Owned) -> Result<Owned> {
        self.persistent_object(id.as_ref())
    }

    fn next_buffer(&mut self) -> Result<Owned> {
        let Some(buffers) = self.buffers else {
            return Err(self.state.unpickling_error(
                "pickle stream refers to out-of-band data but no *buffers* argument was given",
            ));
        };
        self.expose()?;
        self.pause
            .interrupt(|| buffers.next())?
            .ok_or_else(|| self.state.unpickling_error("not enough out-of-band buffers"))
    }

    fn readonly_buffer(&mut self, buffer: Owned) -> Result<Owned> {
        self.expose()?;
        // SAFETY: the object is alive.
        if unsafe { PyObject_CheckBuffer(buffer.as_ptr()) } != 0
            && View::with_flags(buffer.as_ref(), PyBUF_FULL_RO)?.is_readonly()
        {
            return Ok(buffer);
        }
        // SAFETY: the object is alive; the call answers with a memoryview.
        let view = unsafe { Owned::from_result(PyMemoryView_FromObject(buffer.as_ptr()))? };
        if view.getattr(Owned::str("readonly")?.as_ref())?.is_true()? {
            return Ok(buffer);
        }
        view.getattr(Owned::str("toreadonly")?.as_ref())?.call0()
    }

    #[inline(always)]
    fn share(&mut self, value: &Owned) -> Owned {
        value.clone()
    }

    #[inline(always)]
    fn memo_get(&mut self, index: u64) -> Option<Owned> {
        self.memos.get(index)
    }

    #[inline(always)]
    fn memo_put(&mut self, index: u64, value: &Owned) {
        self.memos.put(index, value, &self.aids.fetches);
    }

    #[inline(always)]
    fn memoize(&mut self, value: &Owned) {
        self.memos.memoize(value, &self.aids.fetches);
    }

    fn discard(&mut self, value: Owned, _: Option<&Owned>) -> Result<()> {
        if has_native_hash(value.as_ref()) || value.is_none() {
            self.settle();
            return Ok(());
        }
        self.expose()
    }

    fn discard_items(&mut self, mut items: Items<'_, Owned>) -> Result<()> {
        self.expose()?;
        drop(items.drain());
        Ok(())
    }

    #[inline(never)]
    fn set_state_items(&mut self, items: Items<'_, Owned>, room: usize, ahead: &[u8]) -> Result<usize> {
        self.set_state_at_once(items, room, ahead).unwrap_or(Ok(0))
    }

    #[inline(never)]
    fn call_with(
        &mut self,
        items: Items<'_, Owned>,
        call: Call,
        stored: Stored,
        may_run_code: bool,
    ) -> Option<Result<Owned>> {
        self.call_with_items(items, call, stored, may_run_code)
    }

    fn call_and_build(&mut self, items: Items<'_, Owned>, ahead: &[u8]) -> Option<Result<Made<Owned>>> {
        self.array_ahead(&items, ahead, |_, _| true)
    }

    fn shape(&self, value: &Owned) -> Shape {
        place::shape(value.as_ref())
    }

    fn key_text(&self, value: &Owned) -> String {
        place::key_text(value.as_ref())
    }
}

/// The object that `make` makes of `len` bytes in memory.
#[inline(always)]
fn take_object<'de, S: Source<'de>>(
    len: usize,
    source: &mut S,
    make: fn(&[u8]) -> Result<Owned>,
) -> ReadResult<Owned> {
    if len == 0 && source.buffered() == 0 {
        // No bytes to read, but the end of the input has come too early: CPython says so here already.
        return Err(ReadError::Truncated);
    }
    make(&source.take(len)?).map_err(|Raised| ReadError::Raised)
}

impl Builder<'_> {
    /// What a call comes to.
    #[inline(always)]
    pub(super) fn call_with_tuple(&mut self, callable: Ref<'_>, args: Ref<'_>) -> Result<Owned> {
        hashable::check_call(callable, args)?;
        if self.deferred.is_some() {
            self.refuse_incomplete(args)?;
        }
        match self.call(callable, args)? {
            Ok(made) => Ok(made),
            Err(Raised) => self.set_or_defer(callable, args),
        }
    }

    /// Sets as many items as can be set in a table of what is a dict, with keys that are native by `is_native`, which have to
    /// [be so](has_native_hash). Whether that was all; the others are left.
    #[inline(always)]
    pub(crate) fn set_items_at_once(
        &mut self,
        items: &mut Items<'_, Owned>,
        is_native: impl Fn(Ref<'_>) -> bool,
    ) -> Result<bool> {
        // SAFETY: the container stays on the stack, which only this load can reach.
        let dict = unsafe { Ref::new(items.container().as_ptr()) };
        self.memos.closes(dict);
        let ordered = dict.is_exactly(ordered::kind());
        let exact = dict.is_exactly(&raw mut PyDict_Type);
        if self.deferred.is_none()
            && let Some(layout) = self.layout
            && (exact || ordered && layout.knows_collections() || self.sets_as_dict(dict))
        {
            let before = layout::items::len(dict);
            let Aids { nursery, shapes, .. } = &mut *self.aids;
            // An ordered dict has its order from a table of strings.
            let is_native = |key: Ref<'_>| !ordered && is_native(key);
            let moved = layout.set_items(&self.heap, nursery, dict, items.as_slice(), shapes, is_native);
            let all = items.len();
            // SAFETY: so many items are no longer on the stack, the others are; if it failed they are forgotten.
            unsafe { items.forget_first(moved.unwrap_or(all)) };
            let moved = moved?;
            if ordered && moved > 0 {
                collections::put_in_order(dict, before)?;
            }
            return Ok(moved == all);
        }
        Ok(false)
    }

    /// Sets items of a dict, or of anything else that has items.
    #[inline(never)]
    fn set_items_one_by_one(&mut self, mut items: Items<'_, Owned>) -> Result<()> {
        let container = items.container();
        let is_dict = container.is_exactly(&raw mut PyDict_Type);
        if container.is_exactly(ordered::kind())
            && self.deferred.is_none()
            && self.layout.is_some()
            && items.as_slice().chunks_exact(2).all(|pair| has_native_hash(pair[0].as_ref()))
        {
            return self.set_ordered_items(items);
        }
        let exact = is_dict || self.sets_as_dict(items.container().as_ref());
        let native = exact && items.as_slice().chunks_exact(2).all(|pair| has_native_hash(pair[0].as_ref()));
        if !native {
            hashable::check(items.as_slice().iter().step_by(2))?;
        }
        let container = items.container();
        if self.must_wait(container) {
            self.expose()?;
            self.line_up(&items);
            drop(items.drain());
            return Ok(());
        }
        // SAFETY: the container stays on the stack, which only this load can reach.
        let container = unsafe { Ref::new(container.as_ptr()) };
        if is_dict
            && items.len() > 10
            && let Some(layout) = self.layout
        {
            layout.make_room(container, items.len() / 2)?;
        }
        if native {
            return self.set_native_items(container, items);
        }
        self.expose()?;
        let pause = &mut self.pause;
        for (index, pair) in items.as_slice().chunks_exact(2).enumerate() {
            let (key, value) = (&pair[0], &pair[1]);
            let result = if exact {
                // SAFETY: a dict; the stack holds key and value.
                let set = || unsafe { PyDict_SetItem(container.as_ptr(), key.as_ptr(), value.as_ptr()) };
                check(if has_native_hash(key.as_ref()) { set() } else { pause.interrupt(set) })
            } else {
                pause.interrupt(|| container.set_item(key.as_ref(), value.as_ref()))
            };
            if result.is_err() {
                self.add_or_defer(&items, 2 * index, 2)?;
                break;
            }
        }
        drop(items.drain());
        Ok(())
    }

    /// Sets items of an `OrderedDict`, with keys whose hash runs no code.
    fn set_ordered_items(&mut self, mut items: Items<'_, Owned>) -> Result<()> {
        // The value of an equal key goes, whatever it is.
        self.expose()?;
        let dict = items.container().clone();
        let pause = &mut self.pause;
        for pair in items.as_slice().chunks_exact(2) {
            let (key, value) = (pair[0].as_ref(), pair[1].as_ref());
            pause.interrupt(|| ordered::set_item(dict.as_ref(), key, value))?;
        }
        drop(items.drain());
        Ok(())
    }

    /// Adds elements to a set whose hash and comparison run no code.
    fn add_native(&mut self, set: Ref<'_>, items: Items<'_, Owned>, layout: &Layout) -> Result<()> {
        let (stack, start) = items.into_stack();
        layout.add_items(&self.heap, set, stack, start)?;
        if stack.len() > start {
            // Of equal elements the later ones go.
            self.settle();
            stack.truncate(start);
        }
        Ok(())
    }

    /// Sets items of a dict that takes them as dicts do, with keys whose hash runs no code.
    fn set_native_items(&mut self, dict: Ref<'_>, mut items: Items<'_, Owned>) -> Result<()> {
        // SAFETY: the dict is alive, and the stack holds keys and values; a value that is there already is looked at while
        // the dict holds it.
        unsafe {
            let before = PyDict_Size(dict.as_ptr());
            let count = items.len() / 2;
            for pair in items.as_slice().chunks_exact(2) {
                let (key, value) = (pair[0].as_ptr(), pair[1].as_ptr());
                let found = PyDict_SetDefault(dict.as_ptr(), key, value);
                if found.is_null() {
                    return Err(Raised);
                }
                if found != value {
                    // The value of an equal key goes, whatever it is.
                    self.expose()?;
                    check(self.pause.interrupt(|| PyDict_SetItem(dict.as_ptr(), key, value)))?;
                }
            }
            if PyDict_Size(dict.as_ptr()) != before + count as Py_ssize_t {
                self.settle();
            }
        }
        drop(items.drain());
        Ok(())
    }
}

/// Whether hashing an object, or comparing it with one that has this property too, runs no Python code. Giving it up runs
/// none either.
#[inline(always)]
pub(crate) fn has_native_hash(object: Ref<'_>) -> bool {
    is_atom(object) || is_tuple_of_atoms(object, 4)
}

/// Whether an object is `None`, `True` or `False`.
#[inline(always)]
pub(crate) fn is_constant(object: Ref<'_>) -> bool {
    object.is_none() || object.is_exactly(&raw mut PyBool_Type)
}

/// Whether an object is text, a number or bytes, and of just that class.
#[inline(always)]
pub(crate) fn is_atom(object: Ref<'_>) -> bool {
    let kind = object.type_ptr();
    [&raw mut PyUnicode_Type, &raw mut PyLong_Type, &raw mut PyBytes_Type, &raw mut PyFloat_Type]
        .into_iter()
        .any(|native| kind == native)
}

#[inline]
fn is_tuple_of_atoms(object: Ref<'_>, depth: usize) -> bool {
    if depth == 0 || !object.is_exactly(&raw mut PyTuple_Type) {
        return false;
    }
    // SAFETY: a tuple, which keeps its items alive.
    let item = |index| unsafe { Ref::new(PyTuple_GET_ITEM(object.as_ptr(), index)) };
    // SAFETY: as above.
    let len = unsafe { PyTuple_GET_SIZE(object.as_ptr()) };
    len <= 8
        && (0..len)
            .map(item)
            .all(|item| is_atom(item) || is_constant(item) || is_tuple_of_atoms(item, depth - 1))
}

/// Takes items off the stack that are no longer there.
trait Forget {
    /// # Safety
    ///
    /// The first `count` items have moved away.
    unsafe fn forget_first(&mut self, count: usize);
}

impl Forget for Items<'_, Owned> {
    #[inline(always)]
    unsafe fn forget_first(&mut self, count: usize) {
        let (stack, start) = self.as_stack();
        let rest = stack.len() - start - count;
        // SAFETY: by contract; the others move down.
        unsafe {
            let first = stack.as_mut_ptr().add(start);
            ptr::copy(first.add(count), first, rest);
            stack.set_len(start + rest);
        }
    }
}

/// Sets a `UnicodeDecodeError`.
#[cold]
fn encoding_error(reason: &str) -> Raised {
    // SAFETY: the interpreter's exception classes are alive as long as it is.
    let class = unsafe { Ref::new(PyExc_UnicodeDecodeError) };
    let make = || {
        let (codec, object, reason) = (Owned::str("utf-8")?, bytes::new(b"")?, Owned::str(reason)?);
        let (start, end) = (Owned::int(0)?, Owned::int(1)?);
        class.call(&[codec.as_ref(), object.as_ref(), start.as_ref(), end.as_ref(), reason.as_ref()])
    };
    make().map_or(Raised, error::restore)
}
