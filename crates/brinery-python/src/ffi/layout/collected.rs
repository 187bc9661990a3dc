//! Objects that the cyclic collector has to know of, and how it gets to know them.
//!
//! Before such an object are two words, by which the collector links the objects of a generation in a circle. New objects of
//! a load are linked in a circle of their own, its *nursery*, and get into the collector's books together when the load ends.
//! The collector does not look at them before that, and takes them for reachable. A collection that is due because of them is
//! made when the load ends, just before they get into the books: it would find them all reachable.

use super::{Heap, Layout};
use crate::ffi::{Owned, Raised, Ref, Result, error};
use pyo3_ffi::*;
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
}

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
            let books = Books { record, collect: get("collect")? };
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

    /// Counts collections that would have been made by now, all but the last one, and tells which generation that is to look
    /// at.
    fn pass(&self, collections: i64) -> c_int {
        // SAFETY: the interpreter's books, with its lock held.
        let books = unsafe { &mut *self.record.as_ptr() };
        let [_, middle, old] = &mut books.generations;
        let young = i64::from(middle.count) + collections - 1;
        let every = i64::from(middle.threshold).max(0) + 1;
        if young < every {
            middle.count = young as c_int;
            return 0;
        }
        let passed = c_int::try_from(young / every - 1).unwrap_or(c_int::MAX);
        old.count = old.count.saturating_add(passed);
        // As the collector has it: what has become old is worth a look only if it is much, beside what is.
        if old.count > old.threshold && books.pending >= books.old / 4 { 2 } else { 1 }
    }

    /// Collects, unless there is an exception, which would be in the way of finalizers.
    fn collect(&self, generation: c_int) {
        // SAFETY: reads the state of this thread.
        if unsafe { PyErr_Occurred() }.is_null()
            && Owned::int(generation.into())
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
}

impl Default for Nursery {
    fn default() -> Self {
        let circle =
            NonNull::from(Box::leak(Box::new(Links { next: ptr::null_mut(), previous: ptr::null_mut() })));
        // SAFETY: the head is ours.
        unsafe { circle.write(Links { next: circle.as_ptr(), previous: circle.as_ptr() }) };
        Nursery { circle, made: 0 }
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        // SAFETY: made of a box; the circle is empty, for every load hands its objects over.
        drop(unsafe { Box::from_raw(self.circle.as_ptr()) });
    }
}

impl Nursery {
    /// Links a new object, or one that was not linked so far.
    #[inline(always)]
    pub(super) unsafe fn track(&mut self, object: *mut PyObject) {
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

    /// Puts the objects into the collector's books. `runs` tells whether the program wants the collector to run.
    ///
    /// If there are so many that the collector would have run meanwhile, the last collection that is due is made, and they
    /// are counted as what the others have left: they get into the middle generation.
    pub(crate) fn hand_over(&mut self, layout: &Layout, runs: bool) {
        let made = std::mem::take(&mut self.made) as i64;
        let books = layout.books.record.as_ptr();
        // SAFETY: the interpreter's books, with its lock held.
        let count = unsafe { i64::from((*books).generations[0].count) } + made;
        // SAFETY: as above.
        let threshold = unsafe { i64::from((*books).generations[0].threshold) };
        if runs && threshold > 0 && count > threshold {
            // Code that is run by the collector may load, too, or alter the thresholds.
            let generation = layout.books.pass(count / (threshold + 1));
            layout.books.collect(generation);
            self.move_into(layout, 1);
            // SAFETY: as above.
            unsafe { (*books).generations[0].count = (count % (threshold + 1)) as c_int };
        } else {
            self.move_into(layout, 0);
            // SAFETY: as above.
            unsafe { (*books).generations[0].count = c_int::try_from(count).unwrap_or(c_int::MAX) };
        }
    }

    /// Puts the objects into a generation.
    fn move_into(&mut self, layout: &Layout, generation: usize) {
        let circle = self.circle.as_ptr();
        // SAFETY: the interpreter's books, with its lock held; the circle is ours.
        unsafe {
            if (*circle).next == circle {
                return;
            }
            let target = &raw mut (*layout.books.record.as_ptr()).generations[generation].links;
            let (first, last, before) = ((*circle).next, (*circle).previous, (*target).previous);
            let flags = (*first).previous.addr() & 3;
            (*before).next = first;
            (*first).previous = before.map_addr(|before| before | flags);
            (*last).next = target;
            (*target).previous = last;
            (*circle).next = circle;
            (*circle).previous = circle;
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
