//! The memo of objects already written: a hash table keyed by identity.
//!
//! Most objects of most graphs are held by one container and by nobody else. Such an object cannot be met a second
//! time, so it need not be looked for, and it need not be in the table as long as nobody can ask for it: it waits in
//! a list, without a reference of its own. Others are in the table at once, but as long as no foreign code has run,
//! the graph keeps them alive. Before any foreign code may run, which could change the graph or ask for the memo, the
//! list is [settled](Memo::settle): everything is in the table then, and held.

use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, error};
use std::ptr;

/// Objects and their memo indexes.
#[derive(Default)]
pub(crate) struct Memo {
    /// Open addressing with linear probing; the length is a power of two, or zero.
    slots: Vec<Slot>,
    /// How many slots are taken.
    used: usize,
    /// How many indexes had been given when the memo was settled last.
    settled: usize,
    /// What has been given an index since, in the order of the indexes.
    waiting: Vec<Waiting>,
    /// Whether foreign code has run, so that objects are held from the moment that they are in the table.
    holds: bool,
    /// How often the memo was settled.
    era: usize,
    /// Whether nothing may wait: the memo came in the place of another during the dump, and what is being saved may be
    /// met once more although only its container holds it.
    eager: bool,
}

#[derive(Clone, Copy)]
struct Slot {
    /// The address of an object, or zero.
    address: usize,
    index: usize,
}

const FREE: Slot = Slot { address: 0, index: 0 };

/// The index of an object that is being saved and gets its index afterwards. It is not held.
const IN_PROGRESS: usize = usize::MAX;

/// What has an index and is not settled: the address of an object, and a [kind](Waiting::kind) in its lowest bits.
#[derive(Clone, Copy)]
struct Waiting(usize);

impl Waiting {
    /// Neither in the table nor held.
    const SINGLE: usize = 0;
    /// In the table, but not held.
    const SHARED: usize = 1;
    /// The object's `__dict__`, which need not exist.
    const ATTRIBUTES: usize = 2;
    /// In the table and held.
    const HELD: usize = 3;

    #[inline(always)]
    fn new(object: Ref<'_>, kind: usize) -> Self {
        Waiting(object.as_ptr() as usize | kind)
    }

    fn kind(self) -> usize {
        self.0 & 3
    }

    fn object(self) -> *mut PyObject {
        (self.0 & !3) as *mut PyObject
    }
}

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

const SMALLEST: usize = 64;
/// From how many slots on the table is large and grows in smaller steps.
const LARGE: usize = 1 << 20;
/// How many slots a memo that is used again may keep.
const SPARE_SLOTS: usize = 4096;
/// For how many slots, filling all of them is as cheap as freeing one that is taken.
const FILL: usize = 32;

impl Memo {
    /// How many objects have an index, which is also the next one.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.settled + self.waiting.len()
    }

    /// Objects that are neighbours in memory are neighbours in the table: a walk over a graph touches few lines.
    #[inline(always)]
    fn home(&self, address: usize) -> usize {
        (address >> 4) & (self.slots.len() - 1)
    }

    /// What the table knows of an object. It does not know those with a single holder that are waiting.
    #[inline(always)]
    pub(crate) fn get(&self, object: Ref<'_>) -> Known {
        let address = object.as_ptr() as usize;
        if self.slots.is_empty() {
            return Known::No;
        }
        let mask = self.slots.len() - 1;
        let mut position = self.home(address);
        loop {
            let slot = self.slots[position & mask];
            if slot.address == address {
                return if slot.index == IN_PROGRESS { Known::InProgress } else { Known::At(slot.index) };
            }
            if slot.address == 0 {
                return Known::No;
            }
            position += 1;
        }
    }

    /// Gives an object the next index, which is returned.
    ///
    /// Until foreign code has run, whatever led to the object must keep it alive.
    #[inline(always)]
    pub(crate) fn insert(&mut self, object: Ref<'_>) -> usize {
        let index = self.len();
        let slot = self.slot(object.as_ptr() as usize);
        let new = slot.index == IN_PROGRESS;
        slot.index = index;
        if !self.holds {
            if new {
                self.waiting.push(Waiting::new(object, Waiting::SHARED));
            }
        } else if new {
            // SAFETY: the object is alive.
            unsafe { Py_INCREF(object.as_ptr()) };
            self.count_held();
        }
        index
    }

    /// The index of an object, or else the next one, which is given to it: an error tells that it is new.
    ///
    /// As for [`insert`](Self::insert), whatever led to the object must keep it alive. It is not in progress.
    #[inline(always)]
    pub(crate) fn find_or_insert(&mut self, object: Ref<'_>) -> Result<usize, usize> {
        // Most that is looked for is there.
        if let Known::At(index) = self.get(object) {
            return Ok(index);
        }
        let index = self.len();
        self.slot(object.as_ptr() as usize).index = index;
        if self.holds {
            // SAFETY: the object is alive.
            unsafe { Py_INCREF(object.as_ptr()) };
            self.count_held();
        } else {
            self.waiting.push(Waiting::new(object, Waiting::SHARED));
        }
        Err(index)
    }

    /// Counts an index whose object, if there is one, is held.
    #[inline(always)]
    fn count_held(&mut self) {
        if self.waiting.is_empty() {
            self.settled += 1;
        } else {
            self.waiting.push(Waiting(Waiting::HELD));
        }
    }

    /// Gives the next index to an object that only its container holds.
    ///
    /// The container must hold it, and be held, until the memo is settled or dropped.
    #[inline(always)]
    pub(crate) fn insert_waiting(&mut self, object: Ref<'_>) -> usize {
        if self.eager {
            return self.insert(object);
        }
        let index = self.len();
        self.waiting.push(Waiting::new(object, Waiting::SINGLE));
        index
    }

    /// Gives the next index to the `__dict__` of an instance that is kept alive as other objects are.
    #[inline(always)]
    pub(crate) fn insert_attributes(&mut self, instance: Ref<'_>) -> usize {
        let index = self.len();
        self.waiting.push(Waiting::new(instance, Waiting::ATTRIBUTES));
        index
    }

    /// Gives the next index to something that nobody can ever ask for.
    #[inline(always)]
    pub(crate) fn insert_nothing(&mut self) -> usize {
        let index = self.len();
        self.count_held();
        index
    }

    /// A number that changes whenever foreign code may run.
    #[inline(always)]
    pub(crate) fn era(&self) -> usize {
        self.era
    }

    /// Makes a memo one that holds its objects from the start.
    pub(crate) fn hold(&mut self) {
        self.holds = true;
    }

    /// Takes over which objects are in progress, from the memo in whose place this one comes during a dump.
    pub(crate) fn continue_progress(&mut self, of: &Memo) {
        self.settle();
        self.era = of.era + 1;
        self.eager = true;
        for slot in &of.slots {
            if slot.address != 0 && slot.index == IN_PROGRESS {
                // What the new memo knows stays as it is; a new slot is in progress.
                self.slot(slot.address);
            }
        }
    }

    /// Whether an object that nobody has asked for may have an index without being in the table.
    #[inline(always)]
    pub(crate) fn may_wait(&self) -> bool {
        !self.eager
    }

    /// Ends a dump.
    pub(crate) fn end_dump(&mut self) {
        self.eager = false;
    }

    /// Moves everything that is waiting into the table.
    #[inline(always)]
    pub(crate) fn settle(&mut self) {
        self.era += 1;
        if !self.holds || !self.waiting.is_empty() {
            self.settle_all();
        }
    }

    #[cold]
    #[inline(never)]
    fn settle_all(&mut self) {
        self.holds = true;
        let first = self.settled;
        let waiting = std::mem::take(&mut self.waiting);
        self.settled += waiting.len();
        let mut with_attributes = false;
        for (offset, &entry) in waiting.iter().enumerate() {
            let object = entry.object();
            match entry.kind() {
                Waiting::SINGLE => {
                    // SAFETY: by the contract of `insert_waiting` the object is still alive.
                    unsafe { Py_INCREF(object) };
                    self.slot(object as usize).index = first + offset;
                }
                // SAFETY: by the contract of `insert` the object is still alive.
                Waiting::SHARED => unsafe { Py_INCREF(object) },
                Waiting::ATTRIBUTES => with_attributes = true,
                _ => {}
            }
        }
        if with_attributes {
            // Last, since making dicts may run the collector and with it foreign code.
            self.settle_attributes(&waiting, first);
        }
        if waiting.capacity() <= SPARE_SLOTS && self.waiting.capacity() == 0 {
            self.waiting = waiting;
            self.waiting.clear();
        }
    }

    /// Makes the dicts that `_pickle` would have made, and puts them into the table.
    fn settle_attributes(&mut self, waiting: &[Waiting], first: usize) {
        let instances: Vec<(Owned, usize)> = waiting
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.kind() == Waiting::ATTRIBUTES)
            // SAFETY: the instance is alive by the contract of `insert_attributes`.
            .map(|(offset, entry)| (unsafe { Ref::new(entry.object()) }.to_owned(), first + offset))
            .collect();
        for (instance, index) in instances {
            // SAFETY: the object is alive.
            let dict =
                unsafe { Owned::from_nullable(PyObject_GenericGetDict(instance.as_ptr(), ptr::null_mut())) };
            match dict {
                Some(dict) => {
                    let slot = self.slot(dict.as_ptr() as usize);
                    if slot.index == IN_PROGRESS {
                        slot.index = index;
                        // The table holds it from now on.
                        let _held = dict.into_ptr();
                    }
                }
                // Without memory for a dict nobody can have got hold of it either.
                None => error::clear(),
            }
        }
    }

    /// Ends a dump after which nobody will ask the memo any more, and makes it fit for another.
    pub(crate) fn forget(&mut self) {
        if self.holds {
            self.clear();
            return;
        }
        if self.slots.len() > SPARE_SLOTS {
            self.slots = Vec::new();
        } else if self.used * FILL >= self.slots.len() || self.used != self.shared() {
            if self.used > 0 {
                self.slots.fill(FREE);
            }
        } else {
            let mask = self.slots.len().wrapping_sub(1);
            for &entry in &self.waiting {
                if entry.kind() == Waiting::SHARED {
                    // All of a run goes: whatever stands behind this object's place was put there later.
                    let mut position = self.home(entry.object() as usize);
                    while self.slots[position & mask].address != 0 {
                        self.slots[position & mask] = FREE;
                        position += 1;
                    }
                }
            }
        }
        self.used = 0;
        self.settled = 0;
        self.waiting.clear();
        if self.waiting.capacity() > SPARE_SLOTS {
            self.waiting = Vec::new();
        }
    }

    /// How many of those that are waiting are in the table.
    fn shared(&self) -> usize {
        self.waiting.iter().filter(|entry| entry.kind() == Waiting::SHARED).count()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        // Letting go of objects runs foreign code, which must find an empty memo.
        drop(std::mem::take(self));
    }

    /// Ends a dump that failed, after which things may be gone that nobody was told of: only what is held stays.
    pub(crate) fn forget_unsettled(&mut self) {
        if !self.holds {
            self.forget();
            return;
        }
        self.settled += self.waiting.len();
        self.waiting.clear();
        if self.slots.iter().any(|slot| slot.address != 0 && slot.index == IN_PROGRESS) {
            self.rebuild(self.slots.len(), |slot| slot.index != IN_PROGRESS);
        }
    }

    /// Marks an object as being saved. It must be alive until it has its index or the dump is over.
    #[inline(always)]
    pub(crate) fn begin(&mut self, object: Ref<'_>) {
        self.slot(object.as_ptr() as usize).index = IN_PROGRESS;
    }

    /// Gives an object any index, from without a dump.
    pub(crate) fn set(&mut self, object: Ref<'_>, index: usize) {
        self.settle();
        let slot = self.slot(object.as_ptr() as usize);
        let new = slot.index == IN_PROGRESS;
        slot.index = index;
        if new {
            // SAFETY: the object is alive, and the table lets go of it again.
            unsafe { Py_INCREF(object.as_ptr()) };
            self.settled += 1;
        }
    }

    /// The slot of an address; a new one is in progress.
    #[inline(always)]
    fn slot(&mut self, address: usize) -> &mut Slot {
        if self.used * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut position = self.home(address);
        while self.slots[position & mask].address != address {
            if self.slots[position & mask].address == 0 {
                self.used += 1;
                self.slots[position & mask] = Slot { address, index: IN_PROGRESS };
                break;
            }
            position += 1;
        }
        &mut self.slots[position & mask]
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let factor = if self.slots.len() < LARGE { 4 } else { 2 };
        let len = (self.slots.len() * factor).max(SMALLEST);
        self.rebuild(len, |_| true);
    }

    /// Makes the table anew with the slots that are to be kept.
    fn rebuild(&mut self, len: usize, keep: impl Fn(&Slot) -> bool) {
        let old = std::mem::replace(&mut self.slots, vec![FREE; len]);
        let mask = len.wrapping_sub(1);
        self.used = 0;
        for slot in old.into_iter().filter(|slot| slot.address != 0 && keep(slot)) {
            let mut position = self.home(slot.address);
            while self.slots[position & mask].address != 0 {
                position += 1;
            }
            self.slots[position & mask] = slot;
            self.used += 1;
        }
    }

    /// How much memory the table takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    /// All objects with their indexes. Everything has been settled.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Ref<'_>, usize)> {
        debug_assert!(self.holds || self.used == 0);
        self.slots.iter().filter(|slot| slot.address != 0 && slot.index != IN_PROGRESS).map(|slot| {
            // SAFETY: the table holds the object.
            (unsafe { Ref::new(slot.address as *mut PyObject) }, slot.index)
        })
    }

    /// All objects that the table holds, for the collector.
    pub(crate) fn held(&self) -> impl Iterator<Item = Ref<'_>> {
        self.holds.then(|| self.iter().map(|(object, _)| object)).into_iter().flatten()
    }
}

impl Drop for Memo {
    fn drop(&mut self) {
        if !self.holds {
            return;
        }
        for slot in std::mem::take(&mut self.slots) {
            if slot.address != 0 && slot.index != IN_PROGRESS {
                // SAFETY: the table holds the object, and is gone already.
                unsafe { Py_DECREF(slot.address as *mut PyObject) };
            }
        }
    }
}

impl Clone for Memo {
    fn clone(&self) -> Self {
        let mut copy = Memo::default();
        for (object, index) in self.iter() {
            copy.set(object, index);
        }
        copy
    }
}
