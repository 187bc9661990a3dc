//! The memo of objects already written: a hash table keyed by identity.
//!
//! Most objects of most graphs are held by one container and by nobody else. Such an object cannot be met a second
//! time, so it need not be looked for, and it need not be in the table as long as nobody can ask for it: it waits in
//! a list, without a reference of its own. Before any foreign code may run, which could change the graph or ask for
//! the memo, the list is [settled](Memo::settle).

use crate::ffi::{Owned, Ref};
use std::ptr::NonNull;

/// Objects and their memo indexes. An object in the table is kept alive, so its address stays its own.
#[derive(Default)]
pub(crate) struct Memo {
    /// Open addressing with linear probing; the length is a power of two, or zero.
    slots: Vec<Option<Entry>>,
    /// How many slots are taken.
    used: usize,
    /// How many objects have an index, which is also the next one.
    len: usize,
    /// Objects that only their container holds, with their indexes.
    waiting: Vec<(NonNull<crate::ffi::api::PyObject>, usize)>,
    /// How often the memo was settled, with or without objects that were waiting.
    settled: usize,
    /// Whether nothing may wait: the memo came in the place of another during the dump, and what is being saved may be met
    /// once more although only its container holds it.
    eager: bool,
}

struct Entry {
    object: Owned,
    index: usize,
}

/// The index of an object that is being saved and gets its index afterwards.
const IN_PROGRESS: usize = usize::MAX;

/// What the memo knows of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing.
    No,
    /// It is being saved.
    InProgress,
    /// It has this index.
    At(usize),
}

const SMALLEST: usize = 16;

impl Memo {
    /// Objects that are neighbours in memory are neighbours in the table: a walk over a graph touches few lines.
    #[inline(always)]
    fn home(&self, address: usize) -> usize {
        (address >> 4) & (self.slots.len() - 1)
    }

    /// What the table knows of an object. It does not know those that are waiting.
    #[inline(always)]
    pub(crate) fn get(&self, object: Ref<'_>) -> Known {
        if self.slots.is_empty() {
            return Known::No;
        }
        let mask = self.slots.len() - 1;
        let mut position = self.home(object.as_ptr() as usize);
        while let Some(entry) = &self.slots[position & mask] {
            if entry.object.is(object) {
                return if entry.index == IN_PROGRESS { Known::InProgress } else { Known::At(entry.index) };
            }
            position += 1;
        }
        Known::No
    }

    /// Gives an object the next index, which is returned.
    #[inline(always)]
    pub(crate) fn insert(&mut self, object: Ref<'_>) -> usize {
        let index = self.len;
        self.set(object, index);
        index
    }

    /// Gives the next index to an object that only its container holds.
    ///
    /// The container must hold it, and be held, until the memo is settled or dropped.
    #[inline(always)]
    pub(crate) fn insert_waiting(&mut self, object: Ref<'_>) -> usize {
        if self.eager {
            return self.insert(object);
        }
        let index = self.len;
        self.len += 1;
        self.waiting.push((object.as_non_null(), index));
        index
    }

    /// A number that changes whenever foreign code may run.
    #[inline(always)]
    pub(crate) fn era(&self) -> usize {
        self.settled
    }

    /// Moves the objects that are waiting into the table.
    #[inline(always)]
    pub(crate) fn settle(&mut self) {
        self.settled += 1;
        if !self.waiting.is_empty() {
            self.settle_all();
        }
    }

    #[cold]
    fn settle_all(&mut self) {
        self.len -= self.waiting.len();
        for (object, index) in std::mem::take(&mut self.waiting) {
            // SAFETY: by the contract of `insert_waiting` the object is still alive.
            self.set(unsafe { Ref::new(object.as_ptr()) }, index);
        }
    }

    /// Ends a dump.
    pub(crate) fn end_dump(&mut self) {
        self.eager = false;
    }

    /// Forgets the objects that are waiting, of a memo that nobody will ask any more.
    pub(crate) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }

    /// Marks an object as being saved.
    #[inline(always)]
    pub(crate) fn begin(&mut self, object: Ref<'_>) {
        let entry = self.entry(object);
        entry.index = IN_PROGRESS;
    }

    /// Gives an object an index.
    #[inline(always)]
    pub(crate) fn set(&mut self, object: Ref<'_>, index: usize) {
        let entry = self.entry(object);
        let new = entry.index == IN_PROGRESS;
        entry.index = index;
        self.len += usize::from(new);
    }

    /// The entry of an object; a new one is in progress.
    #[inline(always)]
    fn entry(&mut self, object: Ref<'_>) -> &mut Entry {
        if self.used * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut position = self.home(object.as_ptr() as usize);
        while self.slots[position & mask].as_ref().is_some_and(|entry| !entry.object.is(object)) {
            position += 1;
        }
        let slot = &mut self.slots[position & mask];
        self.used += usize::from(slot.is_none());
        slot.get_or_insert_with(|| Entry { object: object.to_owned(), index: IN_PROGRESS })
    }

    #[cold]
    fn grow(&mut self) {
        let len = (self.slots.len() * 4).max(SMALLEST);
        self.rebuild(len, |_| true);
    }

    /// Makes the table anew with the entries that are to be kept. Nothing is dropped that others do not hold too.
    fn rebuild(&mut self, len: usize, keep: impl Fn(&Entry) -> bool) {
        let mut slots: Vec<Option<Entry>> = Vec::new();
        slots.resize_with(len, || None);
        let old = std::mem::replace(&mut self.slots, slots);
        let mask = len - 1;
        self.used = 0;
        for entry in old.into_iter().flatten().filter(keep) {
            let mut position = self.home(entry.object.as_ptr() as usize);
            while self.slots[position & mask].is_some() {
                position += 1;
            }
            self.slots[position & mask] = Some(entry);
            self.used += 1;
        }
    }

    /// Forgets the objects in progress, after a dump that failed.
    pub(crate) fn forget_progress(&mut self) {
        if self.slots.iter().flatten().any(|entry| entry.index == IN_PROGRESS) {
            self.rebuild(self.slots.len(), |entry| entry.index != IN_PROGRESS);
        }
    }

    /// Takes over which objects are in progress, from the memo in whose place this one comes during a dump.
    pub(crate) fn continue_progress(&mut self, of: &Memo) {
        self.settled = of.settled + 1;
        self.eager = true;
        for (object, index) in of.all() {
            if index == IN_PROGRESS && self.get(object.as_ref()) == Known::No {
                self.begin(object.as_ref());
            }
        }
    }

    /// How much memory the table takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Entry>>()
    }

    /// All objects with their indexes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Owned, usize)> {
        self.all().filter(|&(_, index)| index != IN_PROGRESS)
    }

    /// All objects that the table holds, for the collector.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Owned> {
        self.all().map(|(object, _)| object)
    }

    fn all(&self) -> impl Iterator<Item = (&Owned, usize)> {
        self.slots.iter().flatten().map(|entry| (&entry.object, entry.index))
    }
}

impl Clone for Memo {
    fn clone(&self) -> Self {
        let mut copy = Memo::default();
        for (object, index) in self.iter() {
            copy.set(object.as_ref(), index);
        }
        copy
    }
}
