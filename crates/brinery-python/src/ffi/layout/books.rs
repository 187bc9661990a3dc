//! The books of the cyclic collector: which objects are how old, how many were made, and when it runs.
//!
//! They are found beside a new object, which is the last of the youngest generation, and used only if everything in them is as
//! it is expected to be.

use super::Layout;
use super::links::{Links, append, before, count_held_once, links, splice};
use crate::ffi::{Owned, Raised, Ref, Result, error};
use pyo3_ffi::*;
use std::cell::Cell;
use std::ffi::c_int;
use std::ptr::NonNull;

#[repr(C)]
struct Generation {
    links: Links,
    threshold: c_int,
    count: c_int,
}

/// The collector's books, of which this is the part that is used.
#[repr(C)]
struct Record {
    generations: [Generation; 3],
    youngest: *mut Links,
    permanent: Generation,
    statistics: [[isize; 3]; 3],
    collecting: c_int,
    garbage: *mut PyObject,
    callbacks: *mut PyObject,
    /// How many objects the last full collection has left.
    old: isize,
    /// How many have become old since.
    pending: isize,
}

/// Where the collector of this interpreter keeps its books.
pub(super) struct Books {
    record: NonNull<Record>,
    /// `gc.collect`
    collect: Owned,
    last: Cell<Last>,
    /// The collections that would have passed and are not counted yet, in parts of one.
    passed: Cell<i64>,
}

/// What the last load that made old objects left behind.
#[derive(Clone, Copy, Default)]
struct Last {
    /// How many objects it linked.
    linked: i64,
    /// The counts of the generations after it.
    counts: [c_int; 3],
}

/// What a load has made.
pub(super) struct New {
    /// How many objects that the collector has not counted yet.
    pub(super) made: i64,
    /// How many of which it has to know.
    pub(super) linked: i64,
    /// The counts of the generations when the load began.
    pub(super) before: [c_int; 3],
    /// Whether it is known that none is in a cycle.
    pub(super) is_tree: bool,
}

const YOUNG: usize = 0;
const MIDDLE: usize = 1;
const OLD: usize = 2;

/// The part that objects have in a collection if none of them is garbage unless the program makes it so: one in so many.
const SHARE: i64 = 4;

/// The share that objects have in what is pending if they are likely to be gone: one in so many.
const GONE: i64 = 64;

// SAFETY: the books live as long as the interpreter, whose lock protects them.
unsafe impl Send for Books {}
// SAFETY: as above.
unsafe impl Sync for Books {}

impl Books {
    /// `None` if the books of the interpreter look different.
    pub(super) fn new() -> Result<Option<Self>> {
        let gc = crate::state::import("gc")?;
        let get = |name: &str| gc.getattr(Owned::str(name)?.as_ref());
        let (garbage, callbacks) = (get("garbage")?, get("callbacks")?);
        let thresholds = get("get_threshold")?.call0()?;
        // SAFETY: a new list is the last object of the youngest generation, the head of which comes after it. The words there
        // are compared with what they should be, from the ones that are surely readable on.
        unsafe {
            let newest = Owned::from_result(PyList_New(0))?;
            let Some(record) = NonNull::new((*links(newest.as_ptr())).next.cast::<Record>()) else {
                return Ok(None);
            };
            let books = record.as_ref();
            let newest = links(newest.as_ptr());
            if !record.as_ptr().is_aligned() || books.generations[0].links.previous != newest {
                return Ok(None);
            }
            for (index, generation) in books.generations.iter().enumerate() {
                let threshold = PyTuple_GetItem(thresholds.as_ptr(), index as Py_ssize_t);
                if threshold.is_null() || PyLong_AsLong(threshold) != i64::from(generation.threshold) {
                    error::clear();
                    return Ok(None);
                }
            }
            let known = books.youngest == record.as_ptr().cast()
                && books.garbage == garbage.as_ptr()
                && books.callbacks == callbacks.as_ptr();
            if !known {
                return Ok(None);
            }
            let books =
                Books { record, collect: get("collect")?, last: Cell::default(), passed: Cell::default() };
            let before = get("isenabled")?.call0()?.is_true()?;
            get("enable")?.call0()?;
            let enabled = books.runs().read() == 1;
            get("disable")?.call0()?;
            let disabled = books.runs().read() == 0;
            if before {
                get("enable")?.call0()?;
            }
            Ok((enabled && disabled).then_some(books))
        }
    }

    /// Where it stands whether the collector runs by itself: before the generations, with the flags for debugging and what
    /// puts the generations at an address for pointers between.
    #[inline(always)]
    fn runs(&self) -> *mut c_int {
        // SAFETY: the record is a part of a larger one.
        unsafe { self.record.as_ptr().cast::<c_int>().sub(3) }
    }

    /// Counts the objects that a load has made, makes the collection that is due, and answers to which generation they belong.
    /// `runs` tells whether the program wants the collector to run.
    ///
    /// The new objects are reachable, so there is nothing to find among them. If they are so many that the collector would
    /// have run meanwhile, they are old then, as if it had; and so are fewer of which none is in a cycle. What is young or in
    /// the middle is looked at again, every item of it, though only containers are counted.
    pub(super) fn admit(&self, new: &New, runs: bool) -> usize {
        // SAFETY: the interpreter's books, with its lock held. What a collection runs may alter them.
        let generations = || unsafe { &mut (*self.record.as_ptr()).generations };
        let [young, middle, old] = generations();
        let (threshold, count) = (i64::from(young.threshold), i64::from(young.count) + new.made);
        young.count = c_int::try_from(count).unwrap_or(c_int::MAX);
        // SAFETY: as above.
        if !runs || threshold <= 0 || unsafe { self.record.as_ref() }.collecting != 0 {
            return YOUNG;
        }
        let (rounds, rest) = (count / (threshold + 1), count % (threshold + 1));
        let counted = i64::from(young.count.saturating_sub(new.before[YOUNG])).max(0);
        let are_many = new.made > threshold || new.is_tree && counted > threshold;
        if !are_many && !new.is_tree {
            if rounds == 0 {
                return YOUNG;
            }
            self.collect_young();
            generations()[YOUNG].count = rest as c_int;
            return MIDDLE;
        }
        self.settle(new.before);
        if are_many {
            let every = i64::from(middle.threshold).max(0) + 1;
            let rounds = self.passed.take() + rounds * if new.is_tree { 1 } else { SHARE };
            self.passed.set(rounds % SHARE);
            let passed = i64::from(middle.count) + rounds / SHARE;
            middle.count = (passed % every) as c_int;
            old.count = old.count.saturating_add(c_int::try_from(passed / every).unwrap_or(c_int::MAX));
            if self.old_is_due() {
                self.collect(OLD);
            }
            // So many that it is seen if many objects are freed.
            generations()[YOUNG].count = rest.max(threshold / 2) as c_int;
        } else if rounds > 0 {
            self.collect_young();
            generations()[YOUNG].count = rest as c_int;
        }
        self.last.set(Last { linked: new.linked, counts: self.counts() });
        OLD
    }

    /// Makes `marker` the last object of the youngest generation; nothing is marked while the collector is at work.
    pub(super) fn mark(&self, marker: &mut Option<Owned>) -> bool {
        // SAFETY: the interpreter's books, with its lock held; a list is linked from the beginning.
        unsafe {
            if self.record.as_ref().collecting != 0 {
                return false;
            }
            let Some(marker) = marker else {
                match Owned::from_result(PyList_New(0)) {
                    Ok(made) => *marker = Some(made),
                    Err(Raised) => error::clear(),
                }
                return marker.is_some();
            };
            let link = links(marker.as_ptr());
            let (previous, next) = (before(link), (*link).next);
            (*previous).next = next;
            (*next).previous = previous.map_addr(|previous| previous | (*next).previous.addr() & 3);
            append(self.circle(YOUNG), link);
            true
        }
    }

    /// Moves the objects that the interpreter itself has linked since it linked `marker` to another circle, if each is held by
    /// one reference only, and answers how many they are.
    pub(super) fn take_since(&self, marker: Ref<'_>, circle: *mut Links) -> Option<i64> {
        // SAFETY: the interpreter's books, with its lock held; the marker is alive and linked, though a collection may have
        // moved it elsewhere.
        unsafe {
            let young = self.circle(YOUNG);
            let marker = links(marker.as_ptr());
            let count = count_held_once(young, marker)?;
            if count > 0 {
                splice((*marker).next, (*young).previous, circle);
                (*marker).next = young;
                (*young).previous = marker;
            }
            Some(count)
        }
    }

    /// Counts what the last load that made old objects has left among what has become old since the last collection of
    /// everything.
    ///
    /// The collector counts only what is still there when it looks, which tells a program that keeps what it loads from one
    /// that drops it. Here the sign is that many objects were freed, and nothing else has happened.
    fn settle(&self, [young, middle, old]: [c_int; 3]) {
        let Last { linked, counts: [last_young, last_middle, last_old] } = self.last.take();
        let seen = linked.min(last_young.into());
        let gone =
            i64::from(young) < i64::from(last_young) - seen / 2 && [middle, old] == [last_middle, last_old];
        let left = if gone { linked / GONE } else { linked };
        // SAFETY: the interpreter's books, with its lock held.
        unsafe { (*self.record.as_ptr()).pending += left as isize };
    }

    /// Collects the youngest generation, and the older ones that are due.
    fn collect_young(&self) {
        // SAFETY: the interpreter's books, with its lock held.
        let middle = unsafe { &(*self.record.as_ptr()).generations[MIDDLE] };
        self.collect(match middle.count > middle.threshold {
            true if self.old_is_due() => OLD,
            true => MIDDLE,
            false => YOUNG,
        });
    }

    /// The circle of a generation.
    pub(super) fn circle(&self, generation: usize) -> *mut Links {
        // SAFETY: the interpreter's books, with its lock held.
        unsafe { &raw mut (*self.record.as_ptr()).generations[generation].links }
    }

    /// The counts of the generations.
    pub(super) fn counts(&self) -> [c_int; 3] {
        // SAFETY: the interpreter's books, with its lock held.
        unsafe { self.record.as_ref() }.generations.each_ref().map(|generation| generation.count)
    }

    /// Whether a collection of everything is due: as the collector has it, not before much has become old, beside what is.
    fn old_is_due(&self) -> bool {
        // SAFETY: the interpreter's books, with its lock held.
        let books = unsafe { self.record.as_ref() };
        books.generations[OLD].count > books.generations[OLD].threshold && books.pending >= books.old / 4
    }

    /// Collects, unless there is an exception, which would be in the way of finalizers.
    fn collect(&self, generation: usize) {
        // SAFETY: reads the state of this thread.
        if unsafe { PyErr_Occurred() }.is_null()
            && Owned::int(generation as i64)
                .and_then(|number| self.collect.as_ref().call1(number.as_ref()))
                .is_err()
        {
            error::clear();
        }
    }
}

impl Layout {
    /// Whether the collector runs by itself.
    #[inline(always)]
    pub(crate) fn collector_runs(&self) -> bool {
        // SAFETY: the interpreter's books, with its lock held.
        unsafe { self.books.runs().read() != 0 }
    }

    /// Lets the collector run by itself, or does not.
    #[inline(always)]
    pub(crate) fn let_collector_run(&self, runs: bool) {
        // SAFETY: as above.
        unsafe { self.books.runs().write(runs.into()) };
    }
}
