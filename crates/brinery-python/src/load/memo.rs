//! What a load remembers of the objects that its stream stores.
//!
//! Writers store nearly every object in the memo and fetch few of them. A memo that nobody else can look into only *notes*
//! objects at first: as long as no foreign code runs, and nothing made by the load is given up, they live without a reference
//! of the memo's own. Before either happens the noted objects are [held](Memos::settle).
//!
//! The dict that an instance gets as its state goes into the instance and need not be made, unless the stream fetches it
//! later. It is *spent* on the assumption that it does not, and the load begins anew, with care, if that turns out to be
//! wrong. Before foreign code runs for the first time the stream is looked through, for what has run cannot run again.

use super::guarded::SharedMemo;
use super::host::is_atom;
use super::spare::Aids;
use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result};
use brinery::read::Fetches;
use std::ptr;

/// How often noted objects are held before the stream is looked through: more often costs more than that.
const PATIENCE: usize = 6;

/// From how many bytes on it is worth while to look a stream through for the sake of its memo.
const LONG: usize = 1024;

/// Among how many entries an object is looked for.
const NEAR: usize = 16;

/// Stands in the place of an object that was spent.
const SPENT: *mut PyObject = ptr::without_provenance_mut(8);

/// What the memo does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Everything is kept where others may look into it.
    Shared,
    /// Everything is noted, and held in time.
    Noting,
    /// What will be fetched is held, everything else is not.
    Selective,
}

/// A dict that may become the state of an instance.
#[derive(Clone, Copy)]
pub(super) struct Open {
    dict: *mut PyObject,
    /// Its index in the memo, if it has one.
    index: usize,
}

/// The arrays of a memo.
#[derive(Default)]
pub(super) struct Entries {
    entries: Vec<*mut PyObject>,
    open: Vec<Open>,
    /// Objects that nothing else may hold.
    kept: Vec<Owned>,
}

impl Entries {
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity().max(self.open.capacity()).max(self.kept.capacity())
    }
}

/// The memo of a load.
pub(super) struct Memos<'a> {
    mode: Mode,
    shared: &'a SharedMemo,
    arrays: Entries,
    /// How many of the noted objects are held.
    held: usize,
    /// How many objects a selective memo has seen.
    stored: usize,
    /// How many objects were spent without knowing whether they will be fetched.
    spent: usize,
    /// The index of the dict that was spent last, if it had one.
    last_spent: usize,
    /// Whether nothing may be spent that way, because foreign code has run or the load has begun anew.
    careful: bool,
    /// The whole input, if it is in memory.
    input: Option<&'a [u8]>,
    /// How often noted objects were held.
    settled: usize,
    /// Whether looking through the stream has failed.
    unknown: bool,
    /// Whether the load has to begin anew.
    again: bool,
}

impl<'a> Memos<'a> {
    /// Everything is kept, for a memo that others may look into.
    pub(super) fn new(shared: &'a SharedMemo) -> Self {
        Memos {
            mode: Mode::Shared,
            shared,
            arrays: Entries::default(),
            held: 0,
            stored: 0,
            spent: 0,
            last_spent: usize::MAX,
            careful: true,
            input: None,
            settled: 0,
            unknown: false,
            again: false,
        }
    }

    /// The memo is for this load only, which reads `input` if that is known, and begins `anew` if it has been tried before.
    pub(super) fn is_private(&mut self, arrays: &mut Entries, input: Option<&'a [u8]>, anew: bool) {
        self.mode = Mode::Noting;
        self.arrays = std::mem::take(arrays);
        self.input = input;
        self.careful = anew || input.is_none();
    }

    /// It is known what the stream fetches, before anything was stored.
    pub(super) fn is_selective_from_the_start(&mut self) {
        self.mode = Mode::Selective;
    }

    /// Whether the load must begin anew. Nothing else has happened then.
    pub(super) fn begins_anew(&self) -> bool {
        self.again
    }

    /// The object at `index`.
    #[inline(always)]
    pub(super) fn get(&mut self, index: u64) -> Option<Owned> {
        if self.mode == Mode::Shared {
            return self.get_shared(index);
        }
        let &entry = self.arrays.entries.get(usize::try_from(index).ok()?)?;
        if entry.addr() <= SPENT.addr() {
            self.again |= entry == SPENT;
            return None;
        }
        // SAFETY: what was noted lives until it is held.
        Some(unsafe { Ref::new(entry) }.to_owned())
    }

    #[inline(never)]
    fn get_shared(&mut self, index: u64) -> Option<Owned> {
        let found = self.shared.get(index);
        self.again |= found.is_none() && self.spent > 0;
        found
    }

    /// `MEMOIZE`
    #[inline(always)]
    pub(super) fn memoize(&mut self, value: &Owned, fetches: &Fetches) {
        if self.mode != Mode::Noting {
            return self.memoize_otherwise(value, fetches);
        }
        if let Some(open) = self.arrays.open.last_mut() {
            if open.dict == value.as_ptr() && open.index == usize::MAX {
                open.index = self.arrays.entries.len();
            } else if value.is_exactly(&raw mut PyDict_Type) {
                // It may be stored a second time, and a spent dict must not be noted anywhere.
                self.arrays.open.clear();
            }
        }
        self.arrays.entries.push(value.as_ptr());
    }

    #[inline(never)]
    fn memoize_otherwise(&mut self, value: &Owned, fetches: &Fetches) {
        if self.mode == Mode::Shared {
            return self.shared.memoize(value.clone());
        }
        if fetches.contains(self.stored) {
            self.hold_at(self.stored, value);
        }
        self.stored += 1;
    }

    /// Keeps an object at an index that the stream is known to fetch.
    fn hold_at(&mut self, index: usize, value: &Owned) {
        if index >= self.arrays.entries.len() {
            self.arrays.entries.resize(index + 1, ptr::null_mut());
        }
        let old = std::mem::replace(&mut self.arrays.entries[index], value.clone().into_ptr());
        if old.addr() > SPENT.addr() {
            // SAFETY: a selective memo holds its objects.
            self.arrays.kept.extend(unsafe { Owned::from_nullable(old) });
        }
    }

    /// `PUT` and its kin
    #[inline(never)]
    pub(super) fn put(&mut self, index: u64, value: &Owned, fetches: &Fetches) {
        match self.mode {
            Mode::Shared => self.shared.put(index, value.clone()),
            // A stream that stores out of order is not looked through.
            Mode::Selective => self.memoize_otherwise(value, fetches),
            Mode::Noting if index == self.arrays.entries.len() as u64 => self.memoize(value, fetches),
            Mode::Noting => {
                self.hold_all();
                self.mode = Mode::Shared;
                let entries = std::mem::take(&mut self.arrays.entries);
                for (index, entry) in entries.into_iter().enumerate() {
                    if entry.addr() > SPENT.addr() {
                        // SAFETY: all are held.
                        if let Some(entry) = unsafe { Owned::from_nullable(entry) } {
                            self.shared.put(index as u64, entry);
                        }
                    }
                }
                self.held = 0;
                self.shared.put(index, value.clone());
            }
        }
    }

    /// Notes a new dict, which may become a state.
    #[inline(always)]
    pub(super) fn opens(&mut self, dict: &Owned) {
        if self.mode == Mode::Noting {
            self.arrays.open.push(Open { dict: dict.as_ptr(), index: usize::MAX });
        }
    }

    /// Keeps an object that the rest of the program might give up.
    #[inline(always)]
    pub(super) fn keep(&mut self, value: &Owned) {
        if self.mode == Mode::Noting {
            self.arrays.kept.push(value.clone());
        }
    }

    /// Forgets a dict that gets items, which makes it no state.
    #[inline(always)]
    pub(super) fn closes(&mut self, dict: Ref<'_>) {
        if self.arrays.open.last().is_some_and(|last| last.dict == dict.as_ptr()) {
            self.arrays.open.pop();
        }
    }

    /// Holds all objects: something made by the load may be given up.
    #[inline(always)]
    pub(super) fn settle(&mut self, fetches: &mut Fetches) {
        if self.mode == Mode::Noting && self.held < self.arrays.entries.len() {
            self.hold_all();
            if self.settled >= PATIENCE {
                self.look_through(fetches);
            }
        }
    }

    #[inline(never)]
    fn hold_all(&mut self) {
        for &entry in &self.arrays.entries[self.held..] {
            if entry.addr() > SPENT.addr() {
                // SAFETY: what was noted is alive.
                unsafe { Py_INCREF(entry) };
            }
        }
        self.held = self.arrays.entries.len();
        self.settled += 1;
    }

    /// The same before foreign code runs.
    #[inline(always)]
    pub(super) fn expose(&mut self, fetches: &mut Fetches) -> Result<()> {
        if self.mode != Mode::Noting {
            return Ok(());
        }
        if self.spent == 0 {
            self.careful = true;
            self.settle(fetches);
            return Ok(());
        }
        self.expose_spent(fetches)
    }

    #[inline(never)]
    fn expose_spent(&mut self, fetches: &mut Fetches) -> Result<()> {
        self.careful = true;
        self.hold_all();
        let known = self.input.is_some_and(|input| fetches.scan(input, 0));
        if !known || self.has_spent_any_of(fetches) {
            self.again = true;
            return Err(Raised);
        }
        self.select();
        Ok(())
    }

    /// Makes the memo selective, if the whole input is at hand and long enough.
    #[inline(never)]
    fn look_through(&mut self, fetches: &mut Fetches) {
        if let Some(input) = self.input
            && input.len() >= LONG
            && !self.unknown
        {
            self.unknown = !fetches.scan(input, 0) || self.has_spent_any_of(fetches);
            if !self.unknown {
                self.select();
            }
        }
    }

    /// Whether an object was spent that the stream fetches.
    fn has_spent_any_of(&self, fetches: &Fetches) -> bool {
        let spent = |(index, entry): (usize, &*mut PyObject)| *entry == SPENT && fetches.contains(index);
        self.spent > 0 && self.arrays.entries.iter().enumerate().any(spent)
    }

    /// From now on only what will be fetched is held.
    fn select(&mut self) {
        self.hold_all();
        self.mode = Mode::Selective;
        self.stored = self.arrays.entries.len();
        self.arrays.open.clear();
    }

    /// Spends a dict that only the stack holds; whether that may be done. `ahead` is the rest of the input, as far as it is
    /// at hand.
    #[inline(always)]
    pub(super) fn spend_dict(&mut self, dict: &Owned, ahead: &[u8], fetches: &mut Fetches) -> bool {
        if self.mode != Mode::Noting {
            return self.mode == Mode::Selective;
        }
        if self.careful {
            return self.look_ahead(ahead, fetches);
        }
        let open = &mut self.arrays.open;
        while let Some(last) = open.pop() {
            if last.dict == dict.as_ptr() {
                self.last_spent = last.index;
                if last.index != usize::MAX {
                    self.arrays.entries[last.index] = SPENT;
                    self.spent += 1;
                }
                return true;
            }
        }
        false
    }

    /// Takes back that a dict was spent; answers that nothing has been done.
    #[inline(never)]
    pub(super) fn unspend_dict<T>(&mut self, dict: &Owned) -> Option<T> {
        if self.mode == Mode::Noting
            && let Some(entry) = self.arrays.entries.get_mut(self.last_spent)
        {
            *entry = dict.as_ptr();
            self.spent -= 1;
        }
        None
    }

    /// Whether it is known what will be fetched.
    #[inline(always)]
    pub(super) fn is_selective(&self) -> bool {
        self.mode == Mode::Selective
    }

    /// Gives up a key that has been noted, maybe, and comes again.
    #[inline(always)]
    pub(super) fn give_up_key(&mut self, key: Owned) {
        if self.mode == Mode::Noting && key.as_ref().has_holders(1) {
            self.arrays.kept.push(key);
        }
    }

    /// Makes the memo selective, if the rest of the input is at hand.
    #[inline(never)]
    fn look_ahead(&mut self, ahead: &[u8], fetches: &mut Fetches) -> bool {
        if self.unknown {
            return false;
        }
        if !fetches.scan(ahead, self.arrays.entries.len()) {
            self.unknown = true;
            return false;
        }
        self.select();
        // The dict itself has been noted, and is held from now on.
        false
    }

    /// Spends an object that is noted at the end of the memo, if it is. It is held where it cannot be spent.
    #[inline(always)]
    pub(super) fn spend_last(&mut self, value: Ref<'_>, fetches: &mut Fetches) {
        if self.mode != Mode::Noting {
            return;
        }
        let noted = &mut self.arrays.entries[self.held..];
        if !self.careful && is_noted_once(noted, value.as_ptr()) {
            noted[noted.len() - 1] = SPENT;
            self.spent += 1;
        } else {
            self.settle(fetches);
        }
    }

    /// Whether an object that would be stored next need not be made, because it will never be fetched.
    #[inline(always)]
    pub(super) fn may_spend_next(&self, fetches: &Fetches) -> bool {
        self.may_spend_after(0, fetches)
    }

    /// The same for one that would be stored so many places after the next.
    #[inline(always)]
    pub(super) fn may_spend_after(&self, places: usize, fetches: &Fetches) -> bool {
        match self.mode {
            Mode::Shared => false,
            Mode::Selective => !fetches.contains(self.stored + places),
            Mode::Noting => !self.careful,
        }
    }

    /// Counts an object as stored that was not made.
    #[inline(always)]
    pub(super) fn spend_next(&mut self) {
        if self.mode == Mode::Selective {
            self.stored += 1;
        } else {
            self.arrays.entries.push(SPENT);
            self.spent += 1;
        }
    }

    /// Prepares for the loss of objects on the stack. Those that were noted last and have no other holder are spent, if it may
    /// be assumed that nothing fetches them.
    #[inline(always)]
    pub(super) fn release(&mut self, items: &[Owned], spend: bool) {
        if self.mode != Mode::Noting {
            return;
        }
        let mut end = self.arrays.entries.len();
        for item in items.iter().rev() {
            if item.as_ref().has_more_holders(items.len()) {
                continue;
            }
            let noted = &mut self.arrays.entries[self.held..end];
            let Some(last) = noted.len().checked_sub(1) else { return };
            let (atom, object) = (is_atom(item.as_ref()), item.as_ptr());
            if spend && atom && item.as_ref().has_holders(1) && !self.careful && is_noted_once(noted, object)
            {
                noted[last] = SPENT;
                self.spent += 1;
                end -= 1;
            } else if !atom || noted.len() > NEAR || noted.contains(&object) {
                return self.hold_all();
            }
        }
    }

    /// Ends the memo and gives its arrays back.
    pub(super) fn end(&mut self, aids: &mut Aids) {
        let held = if self.mode == Mode::Selective { self.arrays.entries.len() } else { self.held };
        self.held = 0;
        self.mode = Mode::Shared;
        for &entry in &self.arrays.entries[..held] {
            if entry.addr() > SPENT.addr() {
                // SAFETY: these are held.
                unsafe { Py_DECREF(entry) };
            }
        }
        self.arrays.entries.clear();
        self.arrays.open.clear();
        self.arrays.kept.clear();
        std::mem::swap(&mut self.arrays, &mut aids.entries);
    }
}

/// Whether an object is what was noted last, and not stored twice in a row. Nothing else can be noted twice: between two
/// `MEMOIZE` of one object others come and go again, and what is noted is held then.
#[inline(always)]
fn is_noted_once(noted: &[*mut PyObject], object: *mut PyObject) -> bool {
    match *noted {
        [.., before, last] => last == object && before != object,
        [last] => last == object,
        [] => false,
    }
}
