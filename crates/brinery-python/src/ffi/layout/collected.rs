//! Objects that the cyclic collector has to know of, and how it gets to know them.
//!
//! New objects of a load are linked in a circle of their own, its *nursery*, and get into the collector's [books](super::books)
//! together when the load ends. The collector does not look at them before that, and takes them for reachable.

use super::books::New;
use super::links::{LINKS, Links, append, count_held_once, is_tracked, links, splice};
use super::{Heap, Layout};
use crate::ffi::{Owned, Raised, Ref, Result, tuple};
use pyo3_ffi::*;
use std::ffi::c_int;
use std::ptr::{self, NonNull};

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

    /// Puts the objects into the collector's books. `runs` tells whether the program wants the collector to run.
    pub(crate) fn hand_over(&mut self, layout: &Layout, runs: bool) {
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
                && runs
                && count_held_once(circle, circle).is_some()
                && let Some(taken) = layout.books.take_since(marker.as_ref(), circle)
            {
                new.linked += taken;
                new.is_tree = true;
            }
            let generation = layout.books.admit(&new, runs);
            if (*circle).next != circle {
                splice((*circle).next, (*circle).previous, layout.books.circle(generation));
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
