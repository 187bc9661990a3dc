//! The memo of objects already written: a hash table keyed by identity.

use crate::ffi::{Owned, Ref};

/// Objects and their memo indexes. An object in the memo is kept alive, so its address stays its own.
#[derive(Default)]
pub(crate) struct Memo {
    /// Open addressing with linear probing; the length is a power of two, or zero.
    slots: Vec<Option<Entry>>,
    used: usize,
}

struct Entry {
    object: Owned,
    index: usize,
}

const SMALLEST: usize = 16;

impl Memo {
    /// Objects that are neighbours in memory are neighbours in the table: a walk over a graph touches few lines.
    #[inline(always)]
    fn home(&self, address: usize) -> usize {
        (address >> 4) & (self.slots.len() - 1)
    }

    /// The index of an object.
    #[inline(always)]
    pub(crate) fn get(&self, object: Ref<'_>) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut position = self.home(object.as_ptr() as usize);
        while let Some(entry) = &self.slots[position & mask] {
            if entry.object.is(object) {
                return Some(entry.index);
            }
            position += 1;
        }
        None
    }

    /// Stores an object at the next index, which is returned.
    #[inline(always)]
    pub(crate) fn insert(&mut self, object: Ref<'_>) -> usize {
        let index = self.used;
        self.set(object, index);
        index
    }

    /// Stores an object at an index.
    #[inline(always)]
    pub(crate) fn set(&mut self, object: Ref<'_>, index: usize) {
        if self.used * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut position = self.home(object.as_ptr() as usize);
        loop {
            match &mut self.slots[position & mask] {
                Some(entry) if entry.object.is(object) => {
                    entry.index = index;
                    return;
                }
                Some(_) => position += 1,
                empty => {
                    *empty = Some(Entry { object: object.to_owned(), index });
                    self.used += 1;
                    return;
                }
            }
        }
    }

    #[cold]
    fn grow(&mut self) {
        let len = (self.slots.len() * 4).max(SMALLEST);
        let mut slots: Vec<Option<Entry>> = Vec::new();
        slots.resize_with(len, || None);
        let old = std::mem::replace(&mut self.slots, slots);
        let mask = len - 1;
        for entry in old.into_iter().flatten() {
            let mut position = self.home(entry.object.as_ptr() as usize);
            while self.slots[position & mask].is_some() {
                position += 1;
            }
            self.slots[position & mask] = Some(entry);
        }
    }

    /// How much memory the table takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Entry>>()
    }

    /// All objects with their indexes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Owned, usize)> {
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
