//! Saving: a walk over Python objects that writes their opcodes.
//!
//! The walk has no recursion: what is still to be done lies on a stack of [tasks](task::Task). Each kind of object
//! writes the bytes that CPython's `_pickle` writes for it, in all protocols.

mod container;
mod functions;
mod global;
mod instance;
mod memo;
mod numpy;
mod output;
mod reduce;
mod row;
mod scalar;
mod spare;
mod standard;
mod task;

pub(crate) use functions::{functions, writer};
pub(crate) use instance::FactsCache;
use memo::Known;
pub(crate) use memo::Memo;
pub(crate) use scalar::pickle_buffer_type;
pub(crate) use spare::Spare;

use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, error};
use crate::state::State;
use brinery::Opcode;
use brinery::write::Emitter;
use output::Output;
use std::collections::{HashMap, HashSet};
use std::ptr::NonNull;
use task::Task;

/// The protocol of dumps that name none, as the running Python has it.
#[cfg(not(Py_3_14))]
pub(crate) const DEFAULT_PROTOCOL: u8 = 4;
#[cfg(Py_3_14)]
pub(crate) const DEFAULT_PROTOCOL: u8 = 5;

/// How deep fast mode goes before it looks out for cycles.
const FAST_NESTING_LIMIT: usize = 50;

/// How deep reductions may be nested. Containers that exist can be nested as deep as memory allows, but reductions
/// may make ever new objects as they are asked, without end.
const MOST_REDUCTIONS: usize = 500_000;

/// How many containers within containers are saved by calls within calls, before the tasks alone say what is to be done.
const MOST_NESTED: usize = 50;

/// How often an object may be reached from within its own reduction before that counts as without end.
const MOST_REENTRIES: usize = 1_000;

/// What a pickler is set to and what it remembers between dumps.
pub(crate) struct Pickler {
    /// The `write` method of the file; `None` before `__init__` and for `dumps`.
    pub(crate) write: Option<Owned>,
    pub(crate) protocol: u8,
    pub(crate) fix_imports: bool,
    /// The attribute `fast`: no memo.
    pub(crate) fast: std::ffi::c_int,
    /// The attribute `bin`, which only tells.
    pub(crate) bin: std::ffi::c_int,
    pub(crate) dispatch_table: Option<Owned>,
    pub(crate) persistent_id: Option<Owned>,
    pub(crate) buffer_callback: Option<Owned>,
    pub(crate) memo: Memo,
    /// Memos that were replaced during the dump in progress. They may be all that holds what reductions have made.
    pub(crate) replaced: Vec<Memo>,
    /// A dump is in progress.
    pub(crate) running: bool,
    /// Whether that dump treats objects with a single holder as such: they need not be looked for in the memo.
    pub(crate) singles: bool,
}

impl Pickler {
    pub(crate) fn new() -> Self {
        Pickler {
            write: None,
            protocol: 0,
            fix_imports: false,
            fast: 0,
            bin: 0,
            dispatch_table: None,
            persistent_id: None,
            buffer_callback: None,
            memo: Memo::default(),
            replaced: Vec::new(),
            running: false,
            singles: false,
        }
    }

    /// Puts another memo in the place of the present one. What is returned is to be dropped once no reference into
    /// the pickler is left.
    #[must_use]
    pub(crate) fn replace_memo(&mut self, mut memo: Memo) -> Option<Memo> {
        if self.running {
            // What is being saved may be met once more, although only its container holds it.
            self.singles = false;
            memo.continue_progress(&self.memo);
        }
        let old = std::mem::replace(&mut self.memo, memo);
        if self.running {
            self.replaced.push(old);
            return None;
        }
        Some(old)
    }

    /// Takes the arguments that `Pickler()`, `dump()` and `dumps()` share.
    pub(crate) fn configure(
        &mut self,
        protocol: Option<Ref<'_>>,
        fix_imports: bool,
        buffer_callback: Option<Ref<'_>>,
    ) -> Result<()> {
        let highest = brinery::read::HIGHEST_PROTOCOL;
        self.protocol =
            match protocol {
                None => DEFAULT_PROTOCOL,
                Some(protocol) => {
                    // SAFETY: the object is alive; CPython checks that it is an integer.
                    let number = unsafe { PyLong_AsLong(protocol.as_ptr()) };
                    match number {
                        -1 if error::occurred() => return Err(Raised),
                        ..0 => highest,
                        number => u8::try_from(number).ok().filter(|&number| number <= highest).ok_or_else(
                            || error::value_error(&format!("pickle protocol must be <= {highest}")),
                        )?,
                    }
                }
            };
        self.bin = (self.protocol > 0).into();
        self.fix_imports = fix_imports && self.protocol < 3;
        if buffer_callback.is_some() && self.protocol < 5 {
            return Err(error::value_error("buffer_callback needs protocol >= 5"));
        }
        self.buffer_callback = buffer_callback.map(Ref::to_owned);
        Ok(())
    }
}

/// Whether an object was a leaf, and so has been saved.
enum Leaf {
    Saved,
    No { single: bool },
}

/// The hooks that are in force for one dump.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) persistent_id: Option<Owned>,
    pub(crate) reducer_override: Option<Owned>,
    pub(crate) buffer_callback: Option<Owned>,
}

/// A dump in progress.
pub(crate) struct Dump<'s> {
    state: &'s State,
    /// The memo lives in the pickler, where the program can see and change it while hooks of its own run. It is
    /// only touched through [`memo`](Self::memo), for moments in which no foreign code can.
    pickler: NonNull<Pickler>,
    out: Emitter<Output>,
    write: Option<Owned>,
    fix_imports: bool,
    hooks: Hooks,
    tasks: Vec<Task>,
    /// Whether the program can look at the memo, which then has to show all that `_pickle` makes on the way.
    keep_memo: bool,
    /// Names of modules that only types know, and copies of the items of named tuples: what the memo may not hold.
    names: Vec<Owned>,
    /// For text that is encoded.
    scratch: Vec<u8>,
    /// How many instances are being saved whose attributes are in no dict.
    attributes: usize,
    /// How many tuples and frozensets with a single holder are in progress.
    unbegun: usize,
    /// How many calls are saving containers or instances, each within another.
    nested: usize,
    /// What is known of the classes of instances that were saved lately.
    recent: instance::Recents,
    /// The dtypes of numpy that were met and are plain memory.
    elements: Vec<numpy::Element>,
    /// `uuid.SafeUUID.unknown`, once it was met.
    unknown_safety: *mut PyObject,
    /// A callable of a reduction that is known to have no opcode of its own, and that the memo keeps alive.
    ordinary: *mut PyObject,
    /// How deep reductions are nested, beyond those that nobody counts.
    reductions: usize,
    /// How often each object is being reduced, counted once reductions are nested deep.
    reentries: Option<HashMap<usize, usize>>,
    /// How deep the containers are nested, in fast mode only.
    fast_nesting: usize,
    /// The addresses of those beyond the limit.
    fast_seen: Option<HashSet<usize>>,
}

impl<'s> Dump<'s> {
    /// Saves `object` as one stream: into the file of the pickler, or else into the bytes that are returned. The memo
    /// need not be kept if the pickler ends with the dump.
    ///
    /// # Safety
    ///
    /// `pickler` lives for the whole call, and nobody holds a reference into it while this thread runs Python code.
    pub(crate) unsafe fn run(
        state: &'s State,
        mut pickler: NonNull<Pickler>,
        hooks: Hooks,
        object: Ref<'_>,
        keep_memo: bool,
    ) -> Result<Owned> {
        // SAFETY: by contract.
        let settings = unsafe { pickler.as_mut() };
        if settings.running {
            return Err(error::runtime_error("this Pickler is already dumping an object"));
        }
        settings.running = true;
        settings.singles = settings.protocol > 0 && settings.fast == 0;
        state.placed.forget();
        let mut dump = Dump {
            state,
            pickler,
            out: Emitter::new(Output::new(&state.spare_dump.output), settings.protocol),
            write: settings.write.clone(),
            fix_imports: settings.fix_imports,
            hooks,
            tasks: state.spare_dump.tasks.take(),
            keep_memo,
            names: Vec::new(),
            scratch: Vec::new(),
            attributes: 0,
            unbegun: 0,
            nested: 0,
            recent: instance::Recents::default(),
            elements: Vec::new(),
            unknown_safety: std::ptr::null_mut(),
            ordinary: std::ptr::null_mut(),
            reductions: 0,
            reentries: None,
            fast_nesting: 0,
            fast_seen: None,
        };
        if keep_memo {
            dump.memo().hold();
        }
        let result = dump
            .stream(object)
            .and_then(|()| if dump.write.is_some() { Ok(Owned::none()) } else { dump.out.buffer().take() });
        match &result {
            Ok(_) if keep_memo => dump.settle(),
            Ok(_) => {}
            // The exception may have run finalizers, which nothing was settled for.
            Err(Raised) => dump.memo().forget_unsettled(),
        }
        let Dump { tasks, out, hooks, write, .. } = dump;
        out.into_buffer().give_back(&state.spare_dump.output);
        // SAFETY: by contract.
        let replaced = unsafe {
            let pickler = pickler.as_mut();
            pickler.running = false;
            pickler.memo.end_dump();
            std::mem::take(&mut pickler.replaced)
        };
        if result.is_err() {
            return Err(locate(state, tasks, (hooks, write, replaced)));
        }
        state.spare_dump.give_back_tasks(tasks);
        drop((hooks, write, replaced));
        result
    }

    fn stream(&mut self, object: Ref<'_>) -> Result<()> {
        self.out.start();
        self.save(object)?;
        while let Some(task) = self.tasks.last() {
            let top = self.tasks.len() - 1;
            match task {
                Task::List(_) => self.advance_list(top)?,
                Task::Dict(_) => self.advance_dict(top)?,
                Task::Tuple(_) => self.advance_tuple(top)?,
                Task::Set(_) => self.advance_set(top)?,
                Task::FrozenSet(_) => self.advance_frozenset(top)?,
                Task::ListItems(_) => self.advance_list_items(top)?,
                Task::DictItems(_) => self.advance_dict_items(top)?,
                Task::Attributes(_) => self.advance_attributes(top)?,
                _ => {
                    let Some(task) = self.tasks.pop() else { return Ok(()) };
                    self.perform(task)?;
                }
            }
        }
        self.out.stop();
        if self.write.is_some() {
            self.flush()?;
        }
        Ok(())
    }

    fn perform(&mut self, task: Task) -> Result<()> {
        match task {
            // Held twice: what a reduction has made may have no other holder, and goes when the task does.
            Task::Save(object) => self.save(object.clone().as_ref()),
            Task::Op(opcode) => {
                self.out.op(opcode);
                Ok(())
            }
            Task::Memoize(object) => self.memoize(object.as_ref()),
            #[cfg(Py_3_13)]
            Task::Global(module, name) => self.write_global(module, name),
            Task::Construct(construct) => self.finish_construction(construct),
            Task::Slots(slots) => self.save_slot_values(&slots),
            Task::State(state) => self.save_late_state(&state),
            Task::BuildWith(state) => {
                self.push(Task::Op(Opcode::Build));
                self.save(state.clone().as_ref())
            }
            Task::EndPair(pair) => self.end_pair(pair),
            Task::ArrayState(array) => self.begin_array_state(array),
            Task::ArrayData(array) => self.end_array_state(&array),
            Task::LeaveReduction(address) => {
                self.leave_reduction(address);
                Ok(())
            }
            Task::LeaveFast(object) => {
                self.fast_nesting -= 1;
                if let Some(seen) = &mut self.fast_seen {
                    seen.remove(&(object.as_ptr() as usize));
                }
                Ok(())
            }
            _ => unreachable!("containers are advanced in place"),
        }
    }

    fn push(&mut self, task: Task) {
        self.tasks.push(task);
    }

    /// Puts a task below those that were pushed when there were `top` of them.
    #[inline]
    fn push_below(&mut self, top: usize, task: Task) {
        self.tasks.insert(top, task);
    }

    /// Counts how deep reductions are nested, and refuses those that have no end.
    fn enter_reduction(&mut self, object: Option<Ref<'_>>) -> Result<()> {
        // Each reduction in another has tasks that wait for its end.
        if self.tasks.len() < MOST_REENTRIES {
            return Ok(());
        }
        let address = object.map_or(0, |object| object.as_ptr() as usize);
        let mut endless = self.reductions >= MOST_REDUCTIONS;
        if address != 0 {
            let times = self.reentries.get_or_insert_default().entry(address).or_default();
            *times += 1;
            endless |= *times > MOST_REENTRIES;
        }
        if endless {
            // SAFETY: the interpreter's exception classes are alive as long as it is.
            let kind = unsafe { Ref::new(PyExc_RecursionError) };
            return Err(error::raise(
                kind,
                "maximum nesting of reductions exceeded while pickling an object",
            ));
        }
        self.reductions += 1;
        self.push(Task::LeaveReduction(address));
        Ok(())
    }

    fn leave_reduction(&mut self, address: usize) {
        self.reductions -= 1;
        if let Some(times) = self.reentries.as_mut().and_then(|times| times.get_mut(&address)) {
            *times = times.saturating_sub(1);
        }
    }

    /// Saves an object: writes all of it, or begins to and leaves the rest as tasks.
    #[inline(always)]
    fn save(&mut self, object: Ref<'_>) -> Result<()> {
        if self.is_guarded() {
            return self.save_guarded(object);
        }
        self.save_unhooked(object)
    }

    /// Whether foreign code may run before the next object is saved.
    #[inline(always)]
    fn is_guarded(&self) -> bool {
        self.out.boundary() || self.hooks.persistent_id.is_some()
    }

    /// The same where foreign code may run first.
    #[cold]
    fn save_guarded(&mut self, object: Ref<'_>) -> Result<()> {
        let object = object.to_owned();
        if self.write.is_some() || self.hooks.persistent_id.is_some() {
            self.settle();
        }
        self.end_full_frame()?;
        if let Some(hook) = self.hooks.persistent_id.clone() {
            let id = hook.call1(object.as_ref())?;
            if !id.is_none() {
                return self.save_persistent_id(&id);
            }
        }
        // Held twice: the code that ran may have taken the object from its holder, and only this function has it then.
        let held = object.clone();
        self.save_unhooked(held.as_ref())
    }

    fn save_persistent_id(&mut self, id: &Owned) -> Result<()> {
        if self.out.protocol() >= 1 {
            self.push(Task::Op(Opcode::BinPersId));
            self.end_full_frame()?;
            // Only the hook made it: as an object with a single holder, it would be gone before the memo is settled.
            let held = id.clone();
            return self.save_unhooked(held.as_ref());
        }
        // SAFETY: the object is alive.
        let text = unsafe { Owned::from_result(PyObject_Str(id.as_ptr()))? };
        let utf8 = crate::ffi::text::utf8(text.as_ref())?;
        if !utf8.as_slice().is_ascii() {
            return Err(self.state.pickling_error("persistent IDs in protocol 0 must be ASCII strings"));
        }
        self.out.line(Opcode::PersId, utf8.as_slice());
        Ok(())
    }

    #[inline(always)]
    fn save_unhooked(&mut self, object: Ref<'_>) -> Result<()> {
        match self.save_leaf(object, 1)? {
            Leaf::Saved => Ok(()),
            Leaf::No { single } => self.save_compound(object.to_owned(), single),
        }
    }

    /// Saves an object that has no parts or is in the memo already. No foreign code runs, unless text is so long that
    /// it goes to the file at once.
    ///
    /// `holders` is how many references there are to an object that only its container holds; zero where that cannot
    /// be told.
    #[inline(always)]
    fn save_leaf(&mut self, object: Ref<'_>, holders: isize) -> Result<Leaf> {
        let kind = object.type_ptr();
        if kind == &raw mut PyUnicode_Type {
            let single = self.singles() && object.has_holders(holders);
            if single {
                self.save_str(object, true)?;
            } else if let Some(ascii) = self.short_ascii(object) {
                match self.memo().find_or_insert(object) {
                    Ok(index) => self.get(index)?,
                    Err(index) => {
                        self.out.short_text(ascii);
                        self.out.memoize(index).map_err(|unwritable| self.unwritable(unwritable))?;
                    }
                }
            } else if let Known::At(index) = self.memo().get(object) {
                self.get(index)?;
            } else {
                self.save_str(object, false)?;
            }
            return Ok(Leaf::Saved);
        }
        if kind == &raw mut PyLong_Type {
            self.save_int(object)?;
            return Ok(Leaf::Saved);
        }
        if kind == &raw mut PyFloat_Type {
            self.save_float(object);
            return Ok(Leaf::Saved);
        }
        if object.is_none() {
            self.out.none();
            return Ok(Leaf::Saved);
        }
        if kind == &raw mut PyBool_Type {
            // SAFETY: True is a singleton.
            self.out.bool(object.is(unsafe { Ref::new(Py_True()) }));
            return Ok(Leaf::Saved);
        }
        let single = self.singles() && object.has_holders(holders);
        if !single {
            match self.memo().get(object) {
                Known::At(index) => {
                    self.get(index)?;
                    return Ok(Leaf::Saved);
                }
                Known::InProgress => self.reenter(),
                Known::No => {}
            }
        }
        if kind == &raw mut PyBytes_Type && self.save_short_bytes(object, single)? {
            return Ok(Leaf::Saved);
        }
        Ok(Leaf::No { single })
    }

    /// Saves what is no leaf. Buffers make no task and leave nothing in the memo, where they go out of band.
    #[inline(always)]
    fn save_compound(&mut self, object: Owned, single: bool) -> Result<()> {
        if object.type_ptr() == pickle_buffer_type() {
            return self.save_pickle_buffer(object.as_ref());
        }
        self.save_by_kind(object, single)
    }

    fn save_by_kind(&mut self, object: Owned, single: bool) -> Result<()> {
        let kind = object.type_ptr();
        if kind == &raw mut PyDict_Type {
            self.save_dict(object, single)
        } else if kind == &raw mut PyList_Type {
            self.save_list(object, single)
        } else if kind == &raw mut PyTuple_Type {
            self.save_tuple(object, single)
        } else if kind == &raw mut PyUnicode_Type {
            self.save_any_str(object.as_ref(), single)
        } else if kind == &raw mut PyBytes_Type {
            self.save_bytes(object.as_ref())
        } else if kind == &raw mut PySet_Type {
            self.save_set(&object, single)
        } else if kind == &raw mut PyFrozenSet_Type {
            self.save_frozenset(object, single)
        } else if kind == &raw mut PyByteArray_Type {
            self.save_bytearray(object.as_ref())
        } else {
            self.save_instance(&object, single)
        }
    }

    #[inline(always)]
    fn memo(&mut self) -> &mut Memo {
        // SAFETY: the pickler lives as long as the dump, and the reference ends before foreign code runs.
        unsafe { &mut self.pickler.as_mut().memo }
    }

    /// Whether objects with a single holder are treated as such.
    #[inline(always)]
    fn singles(&self) -> bool {
        // SAFETY: as in `memo`.
        unsafe { self.pickler.as_ref() }.singles
    }

    /// From now on every object is looked for in the memo.
    #[inline(always)]
    fn end_singles(&mut self) {
        // SAFETY: as in `memo`.
        unsafe { self.pickler.as_mut() }.singles = false;
    }

    /// What is in force in place of `copyreg.dispatch_table`: hooks may put another there.
    #[inline(always)]
    fn dispatch_table(&self) -> Option<Owned> {
        // SAFETY: as in `memo`.
        unsafe { self.pickler.as_ref() }.dispatch_table.clone()
    }

    #[inline(always)]
    fn is_fast(&self) -> bool {
        // SAFETY: as in `memo`.
        unsafe { self.pickler.as_ref().fast != 0 }
    }

    /// Prepares for foreign code, which may change what is being saved or ask for the memo.
    #[inline(always)]
    fn settle(&mut self) {
        if self.attributes > 0 {
            self.settle_attributes();
        }
        if self.unbegun > 0 {
            self.begin_singles();
        }
        self.memo().settle();
    }

    /// Takes note of a tuple or frozenset of which a task will save the rest. With a single holder it is met once more only after
    /// foreign code has run.
    #[inline(always)]
    fn begin(&mut self, object: Ref<'_>, single: bool) {
        if single {
            self.unbegun += 1;
        } else if !self.is_fast() {
            self.memo().begin(object);
        }
    }

    /// What has a single holder and is in progress may be put where it is met once more, and then what it holds is, too.
    #[cold]
    fn begin_singles(&mut self) {
        // Those below the lowest one were there before.
        for index in (0..self.tasks.len()).rev() {
            if self.unbegun == 0 {
                break;
            }
            let (object, single) = match &mut self.tasks[index] {
                Task::Tuple(progress) => (&progress.tuple, &mut progress.single),
                Task::FrozenSet(progress) => (&progress.set, &mut progress.single),
                _ => continue,
            };
            if std::mem::take(single) {
                self.unbegun -= 1;
                // SAFETY: the pickler lives as long as the dump, and nobody else refers to it here.
                unsafe { self.pickler.as_mut() }.memo.begin(object.as_ref());
            }
        }
        debug_assert_eq!(self.unbegun, 0);
    }

    /// An object was reached from within itself. What it holds is walked a second time, and that walk has to find
    /// what the first one has written, by whomever it is held.
    #[cold]
    fn reenter(&mut self) {
        self.settle();
        self.end_singles();
    }

    /// Stores the object that is on the stack in the memo.
    #[inline(always)]
    fn memoize(&mut self, object: Ref<'_>) -> Result<()> {
        self.memoize_held(object, false)
    }

    /// The same for an object that may have a single holder, which then is being saved or has been.
    #[inline(always)]
    fn memoize_held(&mut self, object: Ref<'_>, single: bool) -> Result<()> {
        if self.is_fast() {
            // Without a memo nobody holds what reductions make as they go.
            self.end_singles();
            return Ok(());
        }
        let index = if single { self.memo().insert_waiting(object) } else { self.memo().insert(object) };
        self.out.memoize(index).map_err(|unwritable| self.unwritable(unwritable))
    }

    /// Fetches an object from the memo.
    #[inline(always)]
    fn get(&mut self, index: usize) -> Result<()> {
        self.out.get(index).map_err(|unwritable| self.unwritable(unwritable))
    }

    /// In fast mode nothing is memoised, so a cycle would go on for ever: past some depth, look out for one.
    #[inline(always)]
    fn enter_fast(&mut self, object: &Owned) -> Result<()> {
        if !self.is_fast() {
            return Ok(());
        }
        self.fast_nesting += 1;
        if self.fast_nesting >= FAST_NESTING_LIMIT
            && !self.fast_seen.get_or_insert_default().insert(object.as_ptr() as usize)
        {
            return Err(error::value_error(&format!(
                "fast mode: can't pickle cyclic objects including object type {} at {:p}",
                object.type_name(),
                object.as_ptr()
            )));
        }
        self.push(Task::LeaveFast(object.clone()));
        Ok(())
    }

    /// Ends a frame that is full, before an object is saved in another way than by `save`.
    #[inline(always)]
    fn cross_boundary(&mut self) -> Result<()> {
        if self.out.boundary() { self.end_full_frame() } else { Ok(()) }
    }

    /// Ends a frame that is full; a file gets it at once.
    fn end_full_frame(&mut self) -> Result<()> {
        if self.out.close_full_frame() {
            if self.write.is_some() {
                self.flush()?;
            }
            self.out.resume();
        }
        Ok(())
    }

    /// Sends everything that has been written to the file.
    fn flush(&mut self) -> Result<()> {
        self.settle();
        let Some(write) = self.write.clone() else { return Ok(()) };
        let block = self.out.buffer().take()?;
        write.call1(block.as_ref())?;
        Ok(())
    }

    /// Writes the bytes that follow a header: straight to the file, if there is one.
    fn write_apart(&mut self, data: &[u8], payload: impl FnOnce() -> Result<Owned>) -> Result<()> {
        match self.write.clone() {
            Some(write) => {
                self.flush()?;
                write.call1(payload()?.as_ref())?;
            }
            None => self.out.raw(data),
        }
        self.out.resume();
        Ok(())
    }
}

/// Tells the exception that is set where the dump failed, after letting go of what the dump held.
#[cold]
fn locate(state: &State, tasks: Vec<Task>, held: impl Sized) -> Raised {
    // Describing keys and letting go of objects runs foreign code, which must not find the exception set.
    let exception = error::take();
    let path = task::path_of(&tasks);
    drop((tasks, held));
    if let Some(exception) = exception {
        let Raised = error::restore(exception);
    }
    crate::place::annotate(state, &path, None, None)
}
