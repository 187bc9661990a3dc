//! Objects that the cyclic collector has to know of, and how it gets to know them.
//!
//! Before such an object are two words, by which the collector links the objects of a generation in a circle. New objects of
//! a load are linked in a circle of their own, its *nursery*, and get into the collector's books together when the load ends.
//! The collector does not look at them before that, and takes them for reachable.

use super::{Heap, Layout};
use crate::ffi::{Owned, Raised, Ref, Result, error, tuple};
use pyo3_ffi::*;
use std::cell::Cell;
use std::ffi::c_int;
use std::ptr::{self, NonNull};

/// The words by which an object is linked: null if it is not.
#[repr(C)]
struct Links {
    next: *mut Links,
    /// The lowest two bits are flags.
    previous: *mut Links,
}

const LINKS: usize = size_of::<Links>();

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
struct New {
    /// How many objects that the collector has not counted yet.
    made: i64,
    /// How many of which it has to know.
    linked: i64,
    /// The counts of the generations when the load began.
    before: [c_int; 3],
    /// Whether it is known that none is in a cycle.
    is_tree: bool,
}

const YOUNG: usize = 0;
const MIDDLE: usize = 1;
const OLD: usize = 2;

/// How many bytes a load has read at least if it is looked at whether its objects are in cycles.
const LARGE: usize = 512;

/// The part that objects have in a collection if none of them is garbage unless the program makes it so: one in so many.
const SHARE: i64 = 4;

/// The share that objects have in what is pending if they are likely to be gone: one in so many.
const GONE: i64 = 64;

// SAFETY: the books live as long as the interpreter, whose lock protects them.
unsafe impl Send for Books {}
// SAFETY: as above.
unsafe impl Sync for Books {}

/// The links of an object.
///
/// # Safety
///
/// The collector may have to know of objects of this type.
#[inline(always)]
unsafe fn links(object: *mut PyObject) -> *mut Links {
    // SAFETY: by contract they are there.
    unsafe { object.byte_sub(LINKS).cast() }
}

/// Puts a link that is in no circle behind the last one of the circle.
#[inline(always)]
unsafe fn append(circle: *mut Links, link: *mut Links) {
    // SAFETY: by contract both are alive; the neighbours in a circle are too. No flags are set in the circle's own head.
    unsafe {
        let last = (*circle).previous;
        (*last).next = link;
        (*link).previous = last.map_addr(|last| last | (*link).previous.addr() & 3);
        (*link).next = circle;
        (*circle).previous = link;
    }
}

/// Puts links that are in a circle behind the last one of another; the circle that they leave is not mended.
unsafe fn splice(first: *mut Links, last: *mut Links, circle: *mut Links) {
    // SAFETY: by contract all are alive. No flags are set in the circle's own head.
    unsafe {
        let before = (*circle).previous;
        (*before).next = first;
        (*first).previous = before.map_addr(|before| before | (*first).previous.addr() & 3);
        (*last).next = circle;
        (*circle).previous = last;
    }
}

/// How many objects are linked between `end` and the head of the circle in which they are the last, if each is held by one
/// reference only. `end` may be the head itself; nothing is counted if it is elsewhere.
///
/// What is held once and in a cycle is held by nothing else: nobody has it.
unsafe fn count_held_once(circle: *mut Links, end: *mut Links) -> Option<i64> {
    let mut count = 0;
    // SAFETY: by contract the circle is whole; all but its head are links of objects, which are alive.
    unsafe {
        let mut link = before(circle);
        while link != end {
            if link == circle || !Ref::new(link.byte_add(LINKS).cast()).has_holders(1) {
                return None;
            }
            count += 1;
            link = before(link);
        }
    }
    Some(count)
}

/// The link before another one.
unsafe fn before(link: *mut Links) -> *mut Links {
    // SAFETY: by contract it is linked.
    unsafe { (*link).previous.map_addr(|address| address & !3) }
}

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
    fn admit(&self, new: &New, runs: bool) -> usize {
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
    fn mark(&self, marker: &mut Option<Owned>) -> bool {
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
            append(&raw mut (*self.record.as_ptr()).generations[YOUNG].links, link);
            true
        }
    }

    /// Moves the objects that the interpreter itself has linked since it linked `marker` to another circle, if each is held by
    /// one reference only, and answers how many they are.
    fn take_since(&self, marker: Ref<'_>, circle: *mut Links) -> Option<i64> {
        // SAFETY: the interpreter's books, with its lock held; the marker is alive and linked, though a collection may have
        // moved it elsewhere.
        unsafe {
            let young = &raw mut (*self.record.as_ptr()).generations[YOUNG].links;
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

    /// The counts of the generations.
    fn counts(&self) -> [c_int; 3] {
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

/// The new objects of a load.
pub(crate) struct Nursery {
    /// The head of the circle, which stays where it is.
    circle: NonNull<Links>,
    /// How many objects were made for which the collector counts.
    made: usize,
    /// How many are linked.
    linked: usize,
    /// The counts of the generations when the load began.
    before: [c_int; 3],
    /// A list that was made the newest object of the interpreter when the load began, and serves for all loads.
    marker: Option<Owned>,
    is_marked: bool,
}

impl Default for Nursery {
    fn default() -> Self {
        let circle =
            NonNull::from(Box::leak(Box::new(Links { next: ptr::null_mut(), previous: ptr::null_mut() })));
        // SAFETY: the head is ours.
        unsafe { circle.write(Links { next: circle.as_ptr(), previous: circle.as_ptr() }) };
        Nursery { circle, made: 0, linked: 0, before: [0; 3], marker: None, is_marked: false }
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        // SAFETY: made of a box; the circle is empty, for every load hands its objects over.
        drop(unsafe { Box::from_raw(self.circle.as_ptr()) });
    }
}

impl Nursery {
    /// Begins a load that may make many objects. `runs` tells whether the program wants the collector to run.
    pub(crate) fn begin(&mut self, layout: &Layout, runs: bool) {
        self.before = layout.books.counts();
        self.is_marked = runs && layout.books.mark(&mut self.marker);
    }

    /// Links a new object, or one that was not linked so far.
    #[inline(always)]
    pub(super) unsafe fn track(&mut self, object: *mut PyObject) {
        self.linked += 1;
        // SAFETY: by contract the object has links, which are free.
        unsafe { append(self.circle.as_ptr(), links(object)) };
    }

    /// Takes a tuple that is about to go out of the count, as objects do that the collector counts itself.
    #[inline(always)]
    pub(crate) fn forget_tuple(&mut self, tuple: Ref<'_>) {
        // SAFETY: tuples have links.
        if unsafe { is_tracked(tuple.as_ptr()) } {
            self.made = self.made.saturating_sub(1);
        }
    }

    /// Puts the objects into the collector's books. `size` is how many bytes the load has read, as far as that is known, and
    /// `runs` tells whether the program wants the collector to run.
    pub(crate) fn hand_over(&mut self, layout: &Layout, size: usize, runs: bool) {
        if self.made == 0 && self.linked == 0 && !self.is_marked {
            return;
        }
        let made = std::mem::take(&mut self.made) as i64;
        let linked = std::mem::take(&mut self.linked) as i64;
        let is_marked = std::mem::take(&mut self.is_marked);
        let circle = self.circle.as_ptr();
        // SAFETY: the interpreter's books, with its lock held; the circle is ours.
        unsafe {
            let mut new = New { made, linked, before: self.before, is_tree: false };
            if let Some(marker) = self.marker.as_ref().filter(|_| is_marked)
                && size >= LARGE
                && runs
                && count_held_once(circle, circle).is_some()
                && let Some(taken) = layout.books.take_since(marker.as_ref(), circle)
            {
                new.linked += taken;
                new.is_tree = true;
            }
            let generation = layout.books.admit(&new, runs);
            if (*circle).next != circle {
                let target = &raw mut (*layout.books.record.as_ptr()).generations[generation].links;
                splice((*circle).next, (*circle).previous, target);
                (*circle).next = circle;
                (*circle).previous = circle;
            }
        }
    }
}

/// Whether the collector has to know of containers of an object.
///
/// # Safety
///
/// The object is alive.
#[inline(always)]
pub(super) unsafe fn may_be_in_cycle(object: *mut PyObject) -> bool {
    // SAFETY: the object is alive, and so is its type; objects of types with the flag have links.
    unsafe {
        let kind = Py_TYPE(object);
        (*kind).tp_flags & Py_TPFLAGS_HAVE_GC != 0 && (kind != &raw mut PyTuple_Type || is_tracked(object))
    }
}

/// Whether the collector knows of an object, or will.
///
/// # Safety
///
/// The object is alive and has links.
#[inline(always)]
pub(super) unsafe fn is_tracked(object: *mut PyObject) -> bool {
    // SAFETY: by contract.
    unsafe { !(*links(object)).next.is_null() }
}

impl Layout {
    /// Memory for an object with links and `before` bytes before those, all unwritten but the links; null with an exception
    /// set if there is none.
    #[inline(always)]
    pub(super) unsafe fn allocate_collected(
        heap: &Heap,
        nursery: &mut Nursery,
        before: usize,
        size: usize,
    ) -> *mut PyObject {
        let memory = heap.allocate(before + LINKS + size);
        if memory.is_null() {
            return ptr::null_mut();
        }
        nursery.made += 1;
        // SAFETY: the memory is large enough.
        unsafe {
            let object = memory.byte_add(before + LINKS).cast::<PyObject>();
            links(object).write(Links { next: ptr::null_mut(), previous: ptr::null_mut() });
            object
        }
    }

    /// An empty list.
    #[inline(always)]
    pub(crate) fn list(&self, heap: &Heap, nursery: &mut Nursery) -> Result<Owned> {
        // SAFETY: a list is its header, its length, a pointer to its array, and the length of that.
        unsafe {
            let object = Self::allocate_collected(heap, nursery, 0, size_of::<PyListObject>());
            if !object.is_null() {
                object.cast::<[usize; 5]>().write([1, (&raw mut PyList_Type).addr(), 0, 0, 0]);
                nursery.track(object);
            }
            Owned::from_result(object)
        }
    }

    /// A tuple of what stands on a stack from `start` on, at least one item, and moves off it.
    #[inline(always)]
    pub(crate) fn tuple(
        &self,
        heap: &Heap,
        nursery: &mut Nursery,
        stack: &mut Vec<Owned>,
        start: usize,
    ) -> Result<Owned> {
        let items = &stack[start..];
        // SAFETY: a tuple is its header, its length and its items. Those of which none can be in a cycle are not linked, as
        // the collector itself would have it.
        unsafe {
            let size = 24 + size_of_val(items);
            let object = Self::allocate_collected(heap, nursery, 0, size);
            if object.is_null() {
                return Err(Raised);
            }
            object.cast::<[usize; 3]>().write([1, (&raw mut PyTuple_Type).addr(), items.len()]);
            let slots = object.byte_add(24).cast::<Owned>();
            let mut cyclic = false;
            for (index, item) in items.iter().enumerate() {
                cyclic |= may_be_in_cycle(item.as_ptr());
                slots.add(index).write(ptr::read(item));
            }
            stack.set_len(start);
            if cyclic {
                nursery.track(object);
            } else {
                // The interpreter has most tuples in reserve, and does not count those.
                nursery.made -= 1;
            }
            Owned::from_result(object)
        }
    }

    /// Lets the collector know of a tuple, if one of its items may be in a cycle.
    pub(crate) fn track_tuple(&self, nursery: &mut Nursery, tuple: Ref<'_>) {
        // SAFETY: the items are alive, and tuples have links.
        unsafe {
            if tuple::slots(tuple).iter().any(|item| may_be_in_cycle(item.get())) {
                self.track(nursery, tuple);
            }
        }
    }

    /// Lets the collector know of an object, if it does not yet.
    ///
    /// # Safety
    ///
    /// The collector may have to know of objects of this type.
    #[inline(always)]
    pub(super) unsafe fn track(&self, nursery: &mut Nursery, object: Ref<'_>) {
        // SAFETY: by contract.
        unsafe {
            if !is_tracked(object.as_ptr()) {
                nursery.track(object.as_ptr());
            }
        }
    }
}
