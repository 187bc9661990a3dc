//! Elements and keys that have no hash yet.
//!
//! In a cycle through a set or a dict, an object may be put into the container while it is still without the state
//! that its `__hash__` looks at: `node.peers = {other}` and `other.peers = {node}` is saved as a `node` whose state
//! has the `other` whose state has the set with `node`. Stock pickle fails there. Here the element waits until the
//! `BUILD` of the object that it is waiting for, and is added then.
//!
//! Only what fails to hash is ever deferred, so that a stream which loads without this loads the same with it. The
//! order of a dict is kept: behind a key that waits, all later ones of the same dict wait too. What still cannot
//! be hashed at the end of the stream fails with the exception of the first attempt.

use super::host::Builder;
use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, check, error};
use brinery::read::Items;
use std::collections::HashMap;

/// Entries that wait, by the object that they wait for.
#[derive(Default)]
pub(super) struct Deferred {
    waiting: HashMap<usize, Vec<Entry>>,
    /// Entries whose object came and still could not be hashed.
    failed: Vec<Entry>,
}

/// A key for a set, or a key and a value for a dict.
struct Entry {
    container: Owned,
    key: Owned,
    value: Option<Owned>,
    /// What the first attempt failed with; an entry that only keeps its place has not been tried.
    error: Option<Owned>,
    /// The object that is waited for; holding it keeps its address its own.
    awaited: Owned,
}

impl Entry {
    /// Puts the entry where it belongs.
    fn insert(&self) -> Result<()> {
        insert(self.container.as_ref(), self.key.as_ref(), self.value.as_ref().map(Owned::as_ref))
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
        let container = items.container();
        let mut entries = items.as_slice()[failed..].chunks_exact(width);
        let Some(first) = entries.next() else { return Err(Raised) };
        // Whatever failed last: the exception that is set belongs to `first`.
        let Some(error) = error::take() else { return Err(Raised) };
        let Some(awaited) = awaited(&error, first[0].as_ref(), Some(items.below())) else {
            return Err(error::restore(error));
        };
        self.defer(container, first, Some(error), &awaited);
        for entry in entries {
            if width == 2 {
                self.defer(container, entry, None, &awaited);
            } else if insert(container.as_ref(), entry[0].as_ref(), None).is_err() {
                let Some(error) = error::take() else { return Err(Raised) };
                let Some(awaited) = self::awaited(&error, entry[0].as_ref(), Some(items.below())) else {
                    return Err(error::restore(error));
                };
                self.defer(container, entry, Some(error), &awaited);
            }
        }
        Ok(())
    }

    /// The set that `set(list)` has failed to make, with the elements deferred that cannot be hashed yet: so are sets
    /// written below protocol 4.
    #[cold]
    pub(super) fn set_or_defer(&mut self, callable: Ref<'_>, args: Ref<'_>) -> Result<Owned> {
        let Some(elements) = elements_of_call(callable, args) else { return Err(Raised) };
        let Some(first) = error::take() else { return Err(Raised) };
        // SAFETY: makes a new set.
        let set = unsafe { Owned::from_result(PySet_New(std::ptr::null_mut()))? };
        for element in &elements {
            if insert(set.as_ref(), element.as_ref(), None).is_err() {
                let Some(error) = error::take() else { return Err(Raised) };
                let Some(awaited) = awaited(&error, element.as_ref(), None) else {
                    return Err(error::restore(first));
                };
                self.defer(&set, std::slice::from_ref(element), Some(error), &awaited);
            }
        }
        Ok(set)
    }

    /// Whether items for this container have to line up behind others that wait.
    #[inline(always)]
    pub(super) fn must_wait(&self, container: &Owned) -> bool {
        self.deferred.as_deref().is_some_and(|deferred| deferred.awaited_for(container.as_ref()).is_some())
    }

    /// Lines up keys and values behind others of the same dict.
    #[cold]
    pub(super) fn line_up(&mut self, items: &Items<'_, Owned>) {
        let container = items.container();
        let awaited = self.deferred.as_deref().and_then(|deferred| deferred.awaited_for(container.as_ref()));
        if let Some(awaited) = awaited {
            for entry in items.as_slice().chunks_exact(2) {
                self.defer(container, entry, None, &awaited);
            }
        }
    }

    fn defer(&mut self, container: &Owned, entry: &[Owned], error: Option<Owned>, awaited: &Owned) {
        let entry = Entry {
            container: container.clone(),
            key: entry[0].clone(),
            value: entry.get(1).cloned(),
            error,
            awaited: awaited.clone(),
        };
        let deferred = self.deferred.get_or_insert_default();
        deferred.waiting.entry(awaited.as_ptr() as usize).or_default().push(entry);
    }

    /// Adds what has waited for an object that now has its state.
    #[cold]
    pub(super) fn add_deferred(&mut self, built: Ref<'_>) {
        let Some(deferred) = &mut self.deferred else { return };
        let Some(entries) = deferred.waiting.remove(&(built.as_ptr() as usize)) else { return };
        for entry in entries {
            let blocked = entry.value.is_some()
                && deferred.failed.iter().any(|other| other.container.is(entry.container.as_ref()));
            if blocked || entry.insert().is_err() {
                error::clear();
                deferred.failed.push(entry);
            }
        }
    }

    /// Adds what has waited until the end of the stream.
    pub(super) fn add_all_deferred(&mut self) -> Result<()> {
        let Some(deferred) = self.deferred.take() else { return Ok(()) };
        let Deferred { waiting, failed } = *deferred;
        for entry in failed.into_iter().chain(waiting.into_values().flatten()) {
            if entry.insert().is_err() {
                let Some(first) = entry.error else { return Err(Raised) };
                error::clear();
                return Err(error::restore(first));
            }
        }
        Ok(())
    }
}

impl Deferred {
    /// What an entry of this dict is waiting for, if one is.
    fn awaited_for(&self, container: Ref<'_>) -> Option<Owned> {
        let of_dict = |entry: &&Entry| entry.value.is_some() && entry.container.is(container);
        self.waiting.values().flatten().find(of_dict).map(|entry| entry.awaited.clone())
    }
}

/// The object that has to get its state before `key` can be hashed, if hashing is what failed and that may change.
///
/// An object that is being built stands on the machine's stack, below the state that is made for it. Where the stack
/// is not known, the key itself is taken for such an object.
fn awaited(error: &Owned, key: Ref<'_>, stack: Option<&[Owned]>) -> Option<Owned> {
    // SAFETY: the interpreter's exception classes are alive as long as it is; the objects are alive.
    unsafe {
        let kind = error.type_ptr();
        if PyType_IsSubtype(kind, PyExc_Exception.cast()) == 0
            || PyType_IsSubtype(kind, PyExc_MemoryError.cast()) != 0
        {
            return None;
        }
        if PyObject_Hash(key.as_ptr()) != -1 {
            return None;
        }
    }
    error::clear();
    let may_get_state = |value: &&Owned| is_instance_of_python_class(value.as_ref());
    let mut found = None;
    let mut parts = vec![key.to_owned()];
    while let Some(part) = parts.pop() {
        if never_hashes(part.as_ref()) {
            return None;
        }
        if is_instance_of_python_class(part.as_ref()) {
            if stack.is_none_or(|stack| stack.iter().any(|value| value.is(part.as_ref()))) {
                found.get_or_insert(part);
            }
        } else if part.is_exactly(&raw mut PyTuple_Type) {
            // SAFETY: the part is a tuple, whose items are alive.
            unsafe {
                let len = PyTuple_GET_SIZE(part.as_ptr());
                parts.extend(
                    (0..len).map(|index| Ref::new(PyTuple_GET_ITEM(part.as_ptr(), index)).to_owned()),
                );
            }
        }
    }
    if found.is_some() {
        return found;
    }
    // Its hash may look further into the graph: then the outermost object is the last one that is finished.
    is_instance_of_python_class(key).then(|| stack?.iter().find(may_get_state).cloned()).flatten()
}

/// The list in a call `set(list)`.
fn elements_of_call(callable: Ref<'_>, args: Ref<'_>) -> Option<Vec<Owned>> {
    // SAFETY: the type lives as long as the interpreter; sizes and items are asked of a tuple and a list only.
    unsafe {
        if callable.as_ptr() != (&raw mut PySet_Type).cast() || !args.is_exactly(&raw mut PyTuple_Type) {
            return None;
        }
        if PyTuple_GET_SIZE(args.as_ptr()) != 1 {
            return None;
        }
        let list = Ref::new(PyTuple_GET_ITEM(args.as_ptr(), 0));
        if !list.is_exactly(&raw mut PyList_Type) {
            return None;
        }
        let len = PyList_GET_SIZE(list.as_ptr());
        Some((0..len).map(|index| Ref::new(PyList_GET_ITEM(list.as_ptr(), index)).to_owned()).collect())
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
