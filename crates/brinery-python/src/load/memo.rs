//! Leaving out of the memo what no opcode fetches.

use super::guarded::SharedMemo;
use crate::ffi::Owned;
use brinery::read::{Fetches, Sample};

/// How many opcodes are looked at to see whether it is worth while to look at all of them.
const SAMPLE: usize = 512;

/// How much input is looked through for the sake of a single instance.
const SHORT: usize = 4096;

/// How much of what a stream stores is kept.
pub(super) struct Memos {
    /// Whether only what will be fetched is kept.
    selective: bool,
    /// How many objects have been stored, and at how many a look ahead is due.
    stored: usize,
    due: usize,
    /// Whether an instance has been made that a look ahead is good for.
    soon: bool,
}

impl Memos {
    /// Everything is kept, for a memo that others may look into.
    pub(super) fn new() -> Self {
        Memos { selective: false, stored: 0, due: usize::MAX, soon: false }
    }

    /// The memo is for this load only.
    pub(super) fn is_private(&mut self) {
        self.due = 8;
    }

    /// An object is on its way whose making gains much.
    #[inline(always)]
    pub(super) fn look_soon(&mut self) {
        if self.due != usize::MAX {
            self.due = self.stored + 1;
            self.soon = true;
        }
    }

    #[inline(always)]
    pub(super) fn is_due(&self) -> bool {
        self.stored == self.due
    }

    /// Looks at the rest of the input, if there is enough to gain.
    #[cold]
    pub(super) fn look(&mut self, ahead: &[u8], fetches: &mut Fetches, memo: &SharedMemo) {
        if ahead.len() > SHORT || !self.soon {
            // Instances gain most. What else is stored gains little, and looking is not free.
            let sample = Sample::take(ahead, SAMPLE);
            if !(self.soon && sample.instances * 64 >= sample.opcodes)
                && sample.stores * 5 < sample.opcodes * 2
            {
                self.due = 2 * self.stored.max(8);
                self.soon = false;
                return;
            }
        }
        self.due = usize::MAX;
        let Some(len) = memo.sequence() else { return };
        if fetches.scan(ahead, len) {
            memo.extend_to(fetches.end());
            (self.selective, self.stored) = (true, len);
        }
    }

    /// Whether the next object stored will never be fetched.
    #[inline(always)]
    pub(super) fn skips_next(&self, fetches: &Fetches) -> bool {
        self.selective && !fetches.contains(self.stored)
    }

    /// Counts an object that was not stored because it is [skipped](Self::skips_next).
    #[inline(always)]
    pub(super) fn skip(&mut self) {
        self.stored += 1;
    }

    /// `MEMOIZE`
    #[inline(always)]
    pub(super) fn memoize(&mut self, value: &Owned, fetches: &Fetches, memo: &SharedMemo) {
        if !self.selective {
            memo.memoize(value.clone());
        } else if fetches.contains(self.stored) {
            memo.put(self.stored as u64, value.clone());
        }
        self.stored += 1;
    }

    /// `PUT` and its kin
    #[inline(always)]
    pub(super) fn put(&mut self, index: u64, value: &Owned, fetches: &Fetches, memo: &SharedMemo) {
        // A stream that stores out of order is not looked through.
        if !self.selective || fetches.contains(self.stored) {
            memo.put(index, value.clone());
        }
        self.stored += 1;
    }
}
