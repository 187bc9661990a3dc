//! Elements and keys that have no hash yet.
//!
//! In a cycle through a set, a frozenset or a dict, an object may be put into the container while it is still without the
//! state that its `__hash__` looks at: `node.peers = {other}` and `other.peers = {node}` is saved as a `node` whose state
//! has the `other` whose state has the set with `node`. Stock pickle fails there. Here the element waits until the
//! `BUILD` of the object that it is waiting for, and is added then.
//!
//! Only what fails to hash is ever deferred, so that a stream which loads without this loads the same with it. The
//! order of a dict is kept: behind a key that waits, all later ones of the same dict wait too. A frozenset waits as a
//! whole, and whatever needs its hash waits for it ([`unfinished`]). What an object waits for is a guess, so whatever
//! is left at the end of the stream is tried as long as some of it succeeds; what never does fails with the exception
//! of its first attempt.

use super::host::Builder;
use super::unfinished;
use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, check, error, tuple};
use crate::state::State;
use brinery::read::Items;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What waits.
#[derive(Default)]
pub(super) struct Deferred {
    /// All of it, in the order of the first attempts.
    jobs: BTreeMap<u64, Job>,
    next: u64,
    /// The jobs that wait for an object, by its address.
    awaiting: HashMap<usize, Vec<u64>>,
    /// The jobs of dicts, by the dict's address.
    lines: HashMap<usize, u64>,
    /// The latest job of each container that still lacks something, by its address, and how many it has.
    incomplete: HashMap<usize, (u64, usize)>,
}

/// What is left to do for a container.
struct Job {
    container: Owned,
    rest: Rest,
    /// What the first attempt failed with.
    error: Owned,
    /// The object that is waited for, if that is known; holding it keeps its address its own.
    awaited: Option<Owned>,
}

enum Rest {
    /// An element of a set.
    Element(Owned),
    /// Keys and values of a dict, in a line.
    Line(VecDeque<(Owned, Owned)>),
    /// The elements of a frozenset, a tuple.
    Elements(Owned),
}

impl Job {
    /// Does as much as can be done. An exception is set unless that is all.
    fn attempt(&mut self, state: &State) -> Result<()> {
        let container = self.container.as_ref();
        match &mut self.rest {
            Rest::Element(element) => insert(container, element.as_ref(), None),
            Rest::Elements(elements) => unfinished::finish(state, container, elements.as_ref()),
            Rest::Line(line) => {
                while let Some((key, value)) = line.pop_front() {
                    if let Err(Raised) = insert(container, key.as_ref(), Some(value.as_ref())) {
                        line.push_front((key, value));
                        return Err(Raised);
                    }
                }
                Ok(())
            }
        }
    }

    /// How many entries it still has to add.
    fn len(&self) -> usize {
        if let Rest::Line(line) = &self.rest { line.len() } else { 1 }
    }

    /// What it has to wait for before another attempt. See [`awaited`].
    fn awaited(&self, state: &State, stack: Option<&[Owned]>) -> Result<Option<Owned>> {
        match &self.rest {
            Rest::Element(key) => awaited(state, std::slice::from_ref(key), stack),
            Rest::Line(line) => match line.front() {
                Some((key, _)) => awaited(state, std::slice::from_ref(key), stack),
                None => Ok(None),
            },
            Rest::Elements(elements) => awaited(state, &items_of(elements.as_ref()), stack),
        }
    }
}

/// `container[key] = value`, or `container.add(key)` of a set.
fn insert(container: Ref<'_>, key: Ref<'_>, value: Option<Ref<'_>>) -> Result<()> {
    match value {
        Some(value) => container.set_item(key, value),
        // SAFETY: without a value the container is a set; both are alive.
        None => check(unsafe { PySet_Add(container.as_ptr(), key.as_ptr()) }),
    }
}

impl Builder<'_> {
    /// Adds what is left of the items to their container after adding the one at `failed` has raised an exception,
    /// deferring what cannot be hashed yet. `width` is 1 for a set, 2 for a dict.
    #[cold]
    pub(super) fn add_or_defer(
        &mut self,
        items: &Items<'_, Owned>,
        failed: usize,
        width: usize,
    ) -> Result<()> {
        let (container, stack) = (items.container(), Some(items.below()));
        let rest = &items.as_slice()[failed..];
        if width == 2 {
            let line = rest.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
            return self.defer(container, Rest::Line(line), stack);
        }
        for (index, element) in rest.iter().enumerate() {
            if index == 0 || insert(container.as_ref(), element.as_ref(), None).is_err() {
                self.defer(container, Rest::Element(element.clone()), stack)?;
            }
        }
        Ok(())
    }

    /// The frozenset that could not be made of these elements, a tuple, if that is for the reason that they cannot be
    /// hashed yet.
    #[cold]
    pub(super) fn unfinished_frozenset(&mut self, elements: Owned, stack: &[Owned]) -> Result<Owned> {
        let rest = Rest::Elements(elements);
        self.defer_new(rest, Some(stack), unfinished::new)
    }

    /// The set or frozenset that a call with a list has failed to make, with the elements deferred that cannot be hashed
    /// yet: so are they written below protocol 4, and instances of subclasses always.
    #[cold]
    pub(super) fn set_or_defer(&mut self, callable: Ref<'_>, args: Ref<'_>) -> Result<Owned> {
        let Some((kind, elements)) = call_of_set(callable, args) else { return Err(Raised) };
        if kind == Kind::Frozen {
            let exact = callable.as_ptr() == (&raw mut PyFrozenSet_Type).cast();
            let rest = Rest::Elements(tuple::new(elements.into_iter())?);
            let make = |state: &State| if exact { unfinished::new(state) } else { callable.call0() };
            return self.defer_new(rest, None, make);
        }
        let Some(error) = error::take() else { return Err(Raised) };
        if is_fatal(error.as_ref()) {
            return Err(error::restore(error));
        }
        let set = callable.call0()?;
        for element in &elements {
            if insert(set.as_ref(), element.as_ref(), None).is_err() {
                self.defer(&set, Rest::Element(element.clone()), None)?;
            }
        }
        Ok(set)
    }

    /// Whether items for this container have to line up behind others that wait.
    #[inline(always)]
    pub(super) fn must_wait(&self, container: &Owned) -> bool {
        self.deferred
            .as_deref()
            .is_some_and(|deferred| deferred.lines.contains_key(&(container.as_ptr() as usize)))
    }

    /// Fails if one of the arguments of a call, a tuple, still lacks something: what is made of it could lack it for good.
    #[cold]
    pub(super) fn refuse_incomplete(&mut self, args: Ref<'_>) -> Result<()> {
        if !args.is_tuple() {
            return Ok(());
        }
        items_of(args).iter().try_for_each(|argument| self.refuse_if_incomplete(argument.as_ref()))
    }

    /// The same for one object.
    #[cold]
    pub(super) fn refuse_if_incomplete(&mut self, object: Ref<'_>) -> Result<()> {
        let Some(deferred) = &mut self.deferred else { return Ok(()) };
        let Some((serial, _)) = deferred.incomplete.get(&(object.as_ptr() as usize)) else { return Ok(()) };
        match deferred.jobs.remove(serial) {
            Some(job) => Err(error::restore(job.error)),
            None => Ok(()),
        }
    }

    /// Lines up keys and values behind others of the same dict.
    #[cold]
    pub(super) fn line_up(&mut self, items: &Items<'_, Owned>) {
        let Some(deferred) = &mut self.deferred else { return };
        let Some(serial) = deferred.lines.get(&(items.container().as_ptr() as usize)) else { return };
        if let Some(Job { rest: Rest::Line(line), .. }) = deferred.jobs.get_mut(serial) {
            line.extend(items.as_slice().chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())));
        }
    }

    /// Defers what has failed with the exception that is set, which stays set if it is no reason to wait.
    fn defer(&mut self, container: &Owned, rest: Rest, stack: Option<&[Owned]>) -> Result<()> {
        self.defer_new(rest, stack, |_| Ok(container.clone())).map(drop)
    }

    /// The same for a container that is to be made.
    fn defer_new(
        &mut self,
        rest: Rest,
        stack: Option<&[Owned]>,
        container: impl FnOnce(&State) -> Result<Owned>,
    ) -> Result<Owned> {
        let Some(error) = error::take() else { return Err(Raised) };
        // Any object will do for a container until it is known whether one is wanted.
        let mut job = Job { container: Owned::none(), rest, error, awaited: None };
        if is_fatal(job.error.as_ref()) {
            return Err(error::restore(job.error));
        }
        job.awaited = self.pause.interrupt(|| job.awaited(self.state, stack))?;
        if job.awaited.is_none() {
            return Err(error::restore(job.error));
        }
        job.container = container(self.state)?;
        let made = job.container.clone();
        let deferred = self.deferred.get_or_insert_default();
        deferred.next += 1;
        deferred.put(deferred.next, job);
        Ok(made)
    }

    /// Goes on with what has waited for an object that now has its state.
    #[cold]
    pub(super) fn add_deferred(&mut self, built: Ref<'_>) -> Result<()> {
        let mut finished = vec![built.to_owned()];
        while let Some(object) = finished.pop() {
            let Some(deferred) = &mut self.deferred else { break };
            let jobs = deferred.awaiting.remove(&(object.as_ptr() as usize)).unwrap_or_default();
            for serial in jobs {
                self.go_on(serial, &mut finished)?;
            }
        }
        if self.deferred.as_deref().is_some_and(|deferred| deferred.jobs.is_empty()) {
            self.deferred = None;
        }
        Ok(())
    }

    /// Goes on with one job. Answers whether anything could be done; a frozenset that is finished with it comes on the
    /// list.
    fn go_on(&mut self, serial: u64, finished: &mut Vec<Owned>) -> Result<bool> {
        let (state, pause) = (self.state, &mut self.pause);
        let Some(deferred) = &mut self.deferred else { return Ok(false) };
        let Some(mut job) = deferred.jobs.remove(&serial) else { return Ok(false) };
        deferred.lines.remove(&(job.container.as_ptr() as usize));
        deferred.complete(job.container.as_ref());
        let before = job.len();
        if pause.interrupt(|| job.attempt(state)).is_ok() {
            if let Rest::Elements(_) = job.rest {
                finished.push(job.container);
            }
            return Ok(true);
        }
        let Some(error) = error::take() else { return Err(Raised) };
        if is_fatal(error.as_ref()) {
            return Err(error::restore(error));
        }
        let after = job.len();
        if after < before {
            job.error = error;
        }
        job.awaited = pause.interrupt(|| job.awaited(state, None))?;
        deferred.put(serial, job);
        Ok(after < before)
    }

    /// Adds what has waited until the end of the stream.
    pub(super) fn add_all_deferred(&mut self) -> Result<()> {
        let (mut progress, mut backwards) = (true, false);
        while progress {
            progress = false;
            let Some(deferred) = &mut self.deferred else { break };
            // Nothing more comes that could be waited for but other parts of this.
            let mut serials: Vec<_> = deferred.jobs.keys().copied().collect();
            if backwards {
                serials.reverse();
            }
            for serial in serials {
                let mut finished = Vec::new();
                progress |= self.go_on(serial, &mut finished)?;
                for frozenset in finished {
                    self.add_deferred(frozenset.as_ref())?;
                }
            }
            backwards = !backwards;
        }
        let Some(deferred) = self.deferred.take() else { return Ok(()) };
        match deferred.jobs.into_values().next() {
            Some(job) => Err(error::restore(job.error)),
            None => Ok(()),
        }
    }
}

impl Deferred {
    /// Notes that a container has one job less.
    fn complete(&mut self, container: Ref<'_>) {
        if let Entry::Occupied(mut entry) = self.incomplete.entry(container.as_ptr() as usize) {
            entry.get_mut().1 -= 1;
            if entry.get().1 == 0 {
                entry.remove();
            }
        }
    }

    fn put(&mut self, serial: u64, job: Job) {
        let jobs = self.incomplete.entry(job.container.as_ptr() as usize).or_default();
        *jobs = (serial, jobs.1 + 1);
        if let Some(awaited) = &job.awaited {
            self.awaiting.entry(awaited.as_ptr() as usize).or_default().push(serial);
        }
        if let Rest::Line(_) = job.rest {
            self.lines.insert(job.container.as_ptr() as usize, serial);
        }
        self.jobs.insert(serial, job);
    }
}

/// Whether an exception is none that a later attempt could do without.
fn is_fatal(error: Ref<'_>) -> bool {
    let kind = error.type_ptr();
    // SAFETY: the interpreter's exception classes are alive as long as it is.
    unsafe {
        PyType_IsSubtype(kind, PyExc_Exception.cast()) == 0
            || PyType_IsSubtype(kind, PyExc_MemoryError.cast()) != 0
    }
}

/// The object that has to be finished before the keys can be hashed, if hashing them fails and that may change.
///
/// An object that is being built stands on the machine's stack, below the state that is made for it; of several, the
/// outermost one is finished last. Where the stack is not known, the first key that fails is taken for such an object.
fn awaited(state: &State, keys: &[Owned], stack: Option<&[Owned]>) -> Result<Option<Owned>> {
    let mut parts = Vec::new();
    for key in keys {
        // SAFETY: the key is alive.
        if unsafe { PyObject_Hash(key.as_ptr()) } == -1
            && let Some(error) = error::take()
        {
            if is_fatal(error.as_ref()) {
                return Err(error::restore(error));
            }
            parts.push(key.clone());
            if stack.is_none() {
                break;
            }
        }
    }
    let mut outermost: Option<(usize, Owned)> = None;
    let mut looks_further = false;
    while let Some(part) = parts.pop() {
        if never_hashes(part.as_ref()) {
            return Ok(None);
        }
        let place = if unfinished::is_unfinished(state, part.as_ref()) {
            Some(0)
        } else if is_instance_of_python_class(part.as_ref()) {
            looks_further = true;
            stack.map_or(Some(0), |stack| stack.iter().rposition(|value| value.is(part.as_ref())))
        } else {
            if part.is_exactly(&raw mut PyTuple_Type) {
                parts.extend(items_of(part.as_ref()));
            }
            None
        };
        if let Some(place) = place
            && outermost.as_ref().is_none_or(|(least, _)| place < *least)
        {
            outermost = Some((place, part));
        }
    }
    Ok(outermost.map(|(_, object)| object).or_else(|| {
        // A hash may look further into the graph: then the outermost object is the last one that is finished.
        let may_get_state = |value: &&Owned| is_instance_of_python_class(value.as_ref());
        stack.filter(|_| looks_further)?.iter().find(may_get_state).cloned()
    }))
}

/// The items of a tuple, held.
fn items_of(tuple: Ref<'_>) -> Vec<Owned> {
    super::native::items_of(tuple).iter().map(|item| Ref::to_owned(*item)).collect()
}

/// Whether elements can be added to what is made.
#[derive(PartialEq, Eq)]
enum Kind {
    Set,
    Frozen,
}

/// The kind of set, and the list, in a call such as `set(list)` that runs no code of the class's own.
fn call_of_set(callable: Ref<'_>, args: Ref<'_>) -> Option<(Kind, Vec<Owned>)> {
    // SAFETY: the types live as long as the interpreter; sizes and items are asked of a tuple and a list only.
    unsafe {
        if !callable.is_type() {
            return None;
        }
        let class = callable.as_ptr().cast::<PyTypeObject>();
        let is_made_as = |base: *mut PyTypeObject| {
            PyType_IsSubtype(class, base) != 0
                && (*class).tp_new.map(|new| new as usize) == (*base).tp_new.map(|new| new as usize)
                && (*class).tp_init.map(|init| init as usize) == (*base).tp_init.map(|init| init as usize)
        };
        let kind = if is_made_as(&raw mut PySet_Type) {
            Kind::Set
        } else if is_made_as(&raw mut PyFrozenSet_Type) {
            Kind::Frozen
        } else {
            return None;
        };
        if !args.is_exactly(&raw mut PyTuple_Type) || PyTuple_GET_SIZE(args.as_ptr()) != 1 {
            return None;
        }
        let list = Ref::new(PyTuple_GET_ITEM(args.as_ptr(), 0));
        if !list.is_exactly(&raw mut PyList_Type) {
            return None;
        }
        let len = PyList_GET_SIZE(list.as_ptr());
        Some((
            kind,
            (0..len).map(|index| Ref::new(PyList_GET_ITEM(list.as_ptr(), index)).to_owned()).collect(),
        ))
    }
}

/// Whether an object is of a type without a hash, such as a list, which no state changes.
fn never_hashes(object: Ref<'_>) -> bool {
    // SAFETY: the type is alive as long as the object.
    let hash = unsafe { (*object.type_ptr()).tp_hash };
    hash.is_some_and(|hash| std::ptr::fn_addr_eq(hash, PyObject_HashNotImplemented as hashfunc))
}

/// Whether an object may be one that Python code defines the hash and the state of.
fn is_instance_of_python_class(object: Ref<'_>) -> bool {
    // SAFETY: the type is alive as long as the object.
    !object.is_type() && unsafe { PyType_GetFlags(object.type_ptr()) } & Py_TPFLAGS_HEAPTYPE != 0
}
