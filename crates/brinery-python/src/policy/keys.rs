//! The work of hashing keys, and of telling those apart that have one hash.

use crate::ffi::api::*;
use crate::ffi::layout::int;
use crate::ffi::{Owned, Ref, error, sequence};
use brinery::policy::Limits;
use std::collections::HashMap;

/// How deep tuples may be nested in a key: they are hashed by recursion.
const MOST_NESTED: usize = 500;

/// Integers below this have hashes of their own.
const MODULUS: i64 = (1 << 61) - 1;

/// What keys have cost so far.
pub(super) struct Keys {
    work: u64,
    collisions: u64,
    /// The first keys that were met, by container and hash: few are not worth counting.
    early: Vec<(usize, Py_hash_t)>,
    /// How many keys of a container have a hash, roughly.
    tally: Vec<Cell>,
    /// The same precisely, for what a cell cannot tell apart.
    counts: Option<HashMap<(usize, Py_hash_t), u64>>,
    /// Where containers begin to count that have no address yet.
    unnamed: usize,
}

/// How many keys have fallen on one place of the tally.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// What tells them from most others.
    mark: u32,
    count: u32,
    /// Whether there are others.
    mixed: bool,
}

/// How many keys are met before they are counted.
const EARLY: usize = 32;

/// How many cells a tally has, as a power of two.
const CELLS: u32 = 14;

impl Keys {
    #[inline(always)]
    pub(super) fn new(limits: &Limits, input: usize) -> Self {
        let (work, collisions) = (limits.hash_work_for(input), limits.collisions());
        Keys { work, collisions, early: Vec::new(), tally: Vec::new(), counts: None, unnamed: usize::MAX }
    }

    /// The name of a container that is still to be made.
    pub(super) fn unnamed(&mut self) -> usize {
        // No object has an odd address.
        self.unnamed -= 2;
        self.unnamed
    }

    /// Whether a key that is not [harmless](is_harmless) can be hashed, and put among those of a container.
    #[inline(never)]
    pub(super) fn admits(&mut self, container: usize, key: Ref<'_>) -> bool {
        match self.pay_for(key) {
            None => return false,
            Some(Choice::None) => return true,
            Some(Choice::Some) => {}
        }
        // SAFETY: the key is alive.
        let hash = unsafe { PyObject_Hash(key.as_ptr()) };
        if hash == -1 && error::occurred() {
            // Whoever sets the item will fail as well, or wait until the key has its state.
            error::clear();
            return true;
        }
        self.counts_one(container, hash)
    }

    #[inline(always)]
    fn counts_one(&mut self, container: usize, hash: Py_hash_t) -> bool {
        if self.tally.is_empty() {
            if self.early.len() < EARLY.min(usize::try_from(self.collisions).unwrap_or(EARLY)) {
                self.early.push((container, hash));
                return true;
            }
            return self.begin_tally() && self.tallies(container, hash);
        }
        self.tallies(container, hash)
    }

    #[cold]
    fn begin_tally(&mut self) -> bool {
        self.tally.resize(1 << CELLS, Cell::default());
        let early = std::mem::take(&mut self.early);
        early.into_iter().all(|(container, hash)| self.tallies(container, hash))
    }

    /// Counts a key of a container. One more than there may be with one hash is found out at once, unless others have fallen on
    /// the same cell: then there may be as many again.
    #[inline(always)]
    fn tallies(&mut self, container: usize, hash: Py_hash_t) -> bool {
        let mixed = (hash as u64 ^ (container as u64).rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let cell = &mut self.tally[(mixed >> (64 - CELLS)) as usize];
        let mark = (mixed >> 16) as u32;
        if cell.count == 0 {
            cell.mark = mark;
        }
        cell.mixed |= cell.mark != mark;
        cell.count = cell.count.saturating_add(1);
        u64::from(cell.count) <= self.collisions || cell.mixed && self.counts_precisely(container, hash)
    }

    #[cold]
    fn counts_precisely(&mut self, container: usize, hash: Py_hash_t) -> bool {
        let count = self.counts.get_or_insert_default().entry((container, hash)).or_default();
        *count += 1;
        *count <= self.collisions
    }

    /// Pays for the objects that are looked at when a key is hashed: those in tuples, as often as they are met. `None` if that is
    /// too much.
    #[inline(always)]
    fn pay_for(&mut self, key: Ref<'_>) -> Option<Choice> {
        if key.is_exactly(&raw mut PyTuple_Type) {
            // SAFETY: it is a tuple, which keeps its items.
            let items = unsafe { sequence::items_of_tuple(key) };
            if let Some(choice) = choice_in(items) {
                self.work = self.work.checked_sub(1 + items.len() as u64)?;
                return Some(choice);
            }
        }
        self.pay_for_all(key).then_some(Choice::Some)
    }

    #[inline(never)]
    fn pay_for_all(&mut self, key: Ref<'_>) -> bool {
        let mut todo = vec![(key.as_ptr(), 0)];
        while let Some((object, depth)) = todo.pop() {
            if depth > MOST_NESTED {
                return false;
            }
            let Some(left) = self.work.checked_sub(1) else { return false };
            self.work = left;
            // SAFETY: the objects are alive: a tuple keeps its items.
            unsafe {
                if PyTuple_Check(object) != 0 {
                    let len = PyTuple_GET_SIZE(object);
                    if len as u64 > self.work {
                        return false;
                    }
                    todo.extend((0..len).map(|index| (PyTuple_GET_ITEM(object, index), depth + 1)));
                }
            }
        }
        true
    }

    /// The same for the elements that a call hashes, of a set or of a kind of dict.
    pub(super) fn admits_call(&mut self, args: Ref<'_>, is_dict: bool) -> bool {
        let container = self.unnamed();
        // SAFETY: sizes and items are asked of tuples and lists.
        unsafe {
            if !args.is_exactly(&raw mut PyTuple_Type) || PyTuple_GET_SIZE(args.as_ptr()) == 0 {
                return true;
            }
            let items = PyTuple_GET_ITEM(args.as_ptr(), 0);
            all_items(items, |item| {
                let key = if is_dict { first(item) } else { Some(item) };
                key.is_none_or(|key| is_harmless(Ref::new(key)) || self.admits(container, Ref::new(key)))
            })
        }
    }
}

/// Whether what is called is a kind of dict, or of set: what hashes its arguments.
pub(super) fn hashes(callable: Ref<'_>) -> Option<bool> {
    if !callable.is_type() {
        return None;
    }
    let class = callable.as_ptr().cast::<PyTypeObject>();
    // SAFETY: both are classes, and alive.
    let is_a = |base: *mut PyTypeObject| unsafe { PyType_IsSubtype(class, base) } != 0;
    if is_a(&raw mut PyDict_Type) {
        return Some(true);
    }
    (is_a(&raw mut PySet_Type) || is_a(&raw mut PyFrozenSet_Type)).then_some(false)
}

/// Whether all items of a list or a tuple are as wanted.
///
/// # Safety
///
/// The object is alive, and nobody else has it.
unsafe fn all_items(object: *mut PyObject, mut wanted: impl FnMut(*mut PyObject) -> bool) -> bool {
    // SAFETY: by contract; what may run code holds the item.
    unsafe {
        let is_list = PyList_Check(object) != 0;
        if !is_list && PyTuple_Check(object) == 0 {
            return true;
        }
        let mut index = 0;
        while index < if is_list { PyList_GET_SIZE(object) } else { PyTuple_GET_SIZE(object) } {
            let item = if is_list { PyList_GET_ITEM(object, index) } else { PyTuple_GET_ITEM(object, index) };
            let held: Owned = Ref::new(item).to_owned();
            if !wanted(held.as_ptr()) {
                return false;
            }
            index += 1;
        }
        true
    }
}

/// The first of a pair.
///
/// # Safety
///
/// The object is alive.
unsafe fn first(pair: *mut PyObject) -> Option<*mut PyObject> {
    // SAFETY: by contract; sizes are looked at.
    unsafe {
        if PyList_Check(pair) != 0 && PyList_GET_SIZE(pair) == 2 {
            Some(PyList_GET_ITEM(pair, 0))
        } else if PyTuple_Check(pair) != 0 && PyTuple_GET_SIZE(pair) == 2 {
            Some(PyTuple_GET_ITEM(pair, 0))
        } else {
            None
        }
    }
}

/// Whether somebody who does not know the secret of the interpreter's hashes of text can choose keys that have one hash.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    None,
    Some,
}

/// What choice there is of the hash of a tuple of these, if all of them are [harmless](is_harmless).
///
/// The hash of a tuple goes through the hashes of its items, by steps each of which maps different hashes to different ones. With
/// the same text around it, one number makes as many hashes as it has itself; what another text makes of it nobody knows. Two
/// numbers could make up for each other, and the hash of empty text is known.
#[inline(always)]
fn choice_in(items: &[Ref<'_>]) -> Option<Choice> {
    let mut numbers = 0;
    for item in items {
        if !is_harmless(*item) {
            return None;
        }
        // SAFETY: sizes are asked of text and of bytes.
        let has_secret = unsafe {
            item.is_exactly(&raw mut PyUnicode_Type) && PyUnicode_GET_LENGTH(item.as_ptr()) > 0
                || item.is_exactly(&raw mut PyBytes_Type) && PyBytes_Size(item.as_ptr()) > 0
        };
        numbers += usize::from(!has_secret);
    }
    Some(if numbers > 1 { Choice::Some } else { Choice::None })
}

/// Whether a key's hash is cheap, and one that nobody can choose or that few others have.
#[inline(always)]
pub(super) fn is_harmless(key: Ref<'_>) -> bool {
    let kind = key.type_ptr();
    if kind == &raw mut PyUnicode_Type || kind == &raw mut PyBytes_Type {
        return true;
    }
    if kind == &raw mut PyLong_Type {
        return int::value(key).is_some_and(|value| -MODULUS < value && value < MODULUS);
    }
    kind == &raw mut PyFloat_Type || kind == &raw mut PyBool_Type || key.is_none()
}
