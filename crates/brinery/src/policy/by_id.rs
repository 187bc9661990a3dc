//! What is noted of objects, by their ids.

use crate::value::Id;

/// A set of objects.
#[derive(Debug, Default)]
pub(super) struct Objects(Vec<u64>);

impl Objects {
    pub(super) fn insert(&mut self, id: Id) {
        let word = id.index() / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (id.index() % 64);
    }

    #[inline(always)]
    pub(super) fn contains(&self, id: Id) -> bool {
        self.0.get(id.index() / 64).is_some_and(|word| word >> (id.index() % 64) & 1 == 1)
    }
}

/// A number for some objects: zero stands for none.
#[derive(Debug, Default)]
pub(super) struct Numbers(Vec<u32>);

impl Numbers {
    pub(super) fn insert(&mut self, id: Id, number: u32) {
        if id.index() >= self.0.len() {
            self.grow(id.index());
        }
        self.0[id.index()] = number;
    }

    /// Makes room for this place, and for others, which are going to be asked for.
    #[cold]
    fn grow(&mut self, place: usize) {
        self.0.resize((place + 1).next_multiple_of(256), 0);
    }

    #[inline(always)]
    pub(super) fn get(&self, id: Id) -> u32 {
        self.0.get(id.index()).copied().unwrap_or(0)
    }
}
