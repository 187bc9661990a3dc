//! The machine and memo of the last load, kept for the next one.

use super::class::Classes;
use super::guarded::{Guarded, SharedMemo};
use super::memo::Entries;
use super::numpy::Numpy;
use crate::ffi::Owned;
use crate::ffi::layout::{Nursery, Shapes};
use brinery::read::{Fetches, Machine, Memo};

/// How many entries an array may have room for to be kept.
const KEPT: usize = 1024;

/// What a load allocates for itself.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) machine: Machine<Owned>,
    pub(super) memo: SharedMemo,
    pub(super) aids: Aids,
}

impl Scratch {
    /// Empties what a load has used, and gives back what is large.
    fn give_back(&mut self) {
        self.aids.shapes.clear();
        let memo = self.memo.get_mut();
        memo.clear();
        if memo.capacity() > KEPT {
            *memo = Memo::default();
        }
        if self.machine.capacity() > KEPT {
            self.machine = Machine::default();
        }
        if self.aids.entries.capacity() > KEPT {
            self.aids.entries = Entries::default();
        }
        if self.aids.fetches.capacity() > KEPT {
            self.aids.fetches = Fetches::default();
        }
    }
}

/// What makes a load faster, and is worth keeping.
#[derive(Default)]
pub(crate) struct Aids {
    pub(super) fetches: Fetches,
    pub(super) classes: Classes,
    pub(super) shapes: Shapes,
    pub(super) entries: Entries,
    pub(super) nursery: Nursery,
    pub(super) numpy: Numpy,
}

/// A place for one [`Scratch`], so that a small load need not allocate any. A load within a load finds it empty.
pub(crate) struct Spare(Guarded<Option<Box<Scratch>>>);

impl Default for Spare {
    fn default() -> Self {
        Spare(Guarded::new(None))
    }
}

impl Spare {
    /// Calls `body` with a machine and a memo, both empty.
    #[inline]
    pub(crate) fn lend<R>(&self, body: impl FnOnce(&mut Machine<Owned>, &SharedMemo, &mut Aids) -> R) -> R {
        let mut scratch = self.0.replace(None).unwrap_or_default();
        let result = body(&mut scratch.machine, &scratch.memo, &mut scratch.aids);
        scratch.give_back();
        drop(self.0.replace(Some(scratch)));
        result
    }
}
