//! `set` and `frozenset`.
//!
//! A set has a table of keys and their hashes, at first within itself. The order of its elements depends on how the table grew,
//! so it grows here just as the interpreter lets it grow.

use super::{Heap, Layout, Nursery};
use crate::ffi::{Owned, Raised, Ref, Result, check};
use pyo3_ffi::*;
use std::ptr;

/// How many places behind the first one are tried.
const NEIGHBOURS: usize = 9;
const PERTURB: u32 = 5;
const SMALLEST: usize = 8;

#[derive(Clone, Copy)]
#[repr(C)]
struct Entry {
    key: *mut PyObject,
    hash: isize,
}

#[repr(C)]
struct Set {
    base: [usize; 2],
    /// How many places are taken, and how many of those by elements.
    fill: usize,
    used: usize,
    mask: usize,
    table: *mut Entry,
    hash: isize,
    finger: usize,
    small: [Entry; SMALLEST],
    weakrefs: *mut PyObject,
}

/// The hash of an object whose hash runs no code.
#[inline(always)]
unsafe fn hash_of(object: &Owned) -> isize {
    // SAFETY: by contract; the hash stands in the fourth word of a string, if it is known yet.
    unsafe {
        if object.is_exactly(&raw mut PyUnicode_Type) {
            let hash = *object.as_ptr().cast::<isize>().add(3);
            if hash != -1 {
                return hash;
            }
        } else if object.is_exactly(&raw mut PyLong_Type)
            && let Some(value) = super::int::value(object.as_ref())
            && value.unsigned_abs() < (1 << 60)
        {
            return if value == -1 { -2 } else { value as isize };
        }
        PyObject_Hash(object.as_ptr())
    }
}

/// The place for a key in a table that has none like it.
#[inline(always)]
unsafe fn free_place(table: *mut Entry, mask: usize, hash: isize) -> *mut Entry {
    let (mut place, mut perturb) = (hash.cast_unsigned() & mask, hash.cast_unsigned());
    loop {
        let neighbours = if place + NEIGHBOURS <= mask { NEIGHBOURS } else { 0 };
        for offset in 0..=neighbours {
            // SAFETY: the place is within the table.
            unsafe {
                let entry = table.add(place + offset);
                if (*entry).key.is_null() {
                    return entry;
                }
            }
        }
        perturb >>= PERTURB;
        place = place.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb) & mask;
    }
}

impl Set {
    /// The place of a key, or the free one for it.
    #[inline(always)]
    unsafe fn find(&self, key: &Owned, hash: isize) -> Result<(*mut Entry, bool)> {
        let (mut place, mut perturb) = (hash.cast_unsigned() & self.mask, hash.cast_unsigned());
        loop {
            let neighbours = if place + NEIGHBOURS <= self.mask { NEIGHBOURS } else { 0 };
            for offset in 0..=neighbours {
                // SAFETY: the place is within the table; comparing runs no code.
                unsafe {
                    let entry = self.table.add(place + offset);
                    let found = (*entry).key;
                    if found.is_null() && (*entry).hash == 0 {
                        return Ok((entry, false));
                    }
                    if (*entry).hash == hash && !found.is_null() {
                        if found == key.as_ptr() {
                            return Ok((entry, true));
                        }
                        match PyObject_RichCompareBool(found, key.as_ptr(), Py_EQ) {
                            0 => {}
                            1 => return Ok((entry, true)),
                            _ => return Err(Raised),
                        }
                    }
                }
            }
            perturb >>= PERTURB;
            place = place.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb) & self.mask;
        }
    }

    /// Makes the table larger.
    #[inline(never)]
    unsafe fn grow(&mut self, heap: &Heap) -> Result<()> {
        let least = if self.used > 50_000 { self.used * 2 } else { self.used * 4 };
        let size = (least + 1).next_power_of_two().max(SMALLEST);
        // SAFETY: the new table is filled with what the old one has; both are ours.
        unsafe {
            let table: *mut Entry = heap.allocate_memory(size * size_of::<Entry>()).cast();
            if table.is_null() {
                return Err(Raised);
            }
            ptr::write_bytes(table, 0, size);
            let (old, old_mask) = (self.table, self.mask);
            (self.table, self.mask) = (table, size - 1);
            for index in 0..=old_mask {
                let entry = *old.add(index);
                if !entry.key.is_null() {
                    free_place(table, size - 1, entry.hash).write(entry);
                }
            }
            if old != (&raw mut self.small).cast() {
                PyMem_Free(old.cast());
            }
        }
        Ok(())
    }
}

/// The elements of a set from a position on, as long as nothing changes the set.
pub(crate) struct Elements<'a> {
    set: &'a Set,
    position: usize,
}

impl Elements<'_> {
    /// The position behind the last element that was handed out, which the interpreter counts alike.
    #[inline(always)]
    pub(crate) fn position(&self) -> isize {
        self.position.cast_signed()
    }

    /// How many there are in all.
    #[inline(always)]
    pub(crate) fn total(&self) -> usize {
        self.set.used
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Ref<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Ref<'a>> {
        while self.position <= self.set.mask {
            // SAFETY: the place is within the table, whose keys the set holds; one that was taken out has left a hash of -1.
            unsafe {
                let entry = *self.set.table.add(self.position);
                self.position += 1;
                if !entry.key.is_null() && entry.hash != -1 {
                    return Some(Ref::new(entry.key));
                }
            }
        }
        None
    }
}

impl Layout {
    /// Whether sets can be made and read.
    #[inline(always)]
    pub(crate) fn has_sets(&self) -> bool {
        self.sets
    }

    /// The elements of a `set` or `frozenset` from a position on, if sets can be read.
    #[inline(always)]
    pub(crate) fn elements<'a>(&self, set: Ref<'a>, position: isize) -> Option<Elements<'a>> {
        if !self.sets {
            return None;
        }
        // SAFETY: a set looks like this.
        let set = unsafe { &*set.as_ptr().cast::<Set>() };
        Some(Elements { set, position: position.cast_unsigned() })
    }

    /// An empty set of this kind, `set` or `frozenset`.
    #[inline(always)]
    pub(crate) fn set(&self, heap: &Heap, nursery: &mut Nursery, kind: *mut PyTypeObject) -> Result<Owned> {
        // SAFETY: a set looks like this; its table is a part of it.
        unsafe {
            let object = Self::allocate_collected(heap, nursery, 0, size_of::<Set>());
            if object.is_null() {
                return Err(Raised);
            }
            let set = object.cast::<Set>();
            ptr::write_bytes(set, 0, 1);
            (*set).base = [1, kind.addr()];
            (*set).mask = SMALLEST - 1;
            (*set).table = (&raw mut (*set).small).cast();
            (*set).hash = -1;
            nursery.track(object);
            Owned::from_result(object)
        }
    }

    /// Whether no element was ever taken out of an exact set, as far as it shows.
    #[inline(always)]
    pub(crate) fn is_clean(&self, set: Ref<'_>) -> bool {
        // SAFETY: a set looks like this.
        let set = unsafe { &*set.as_ptr().cast::<Set>() };
        set.fill == set.used
    }

    /// Adds what stands on a stack from `start` on to an exact set, or a new frozenset, that [is clean](Self::is_clean).
    /// Only those stay on the stack that the set has already. Hashing and comparing elements runs no code.
    #[inline]
    pub(crate) fn add_items(
        &self,
        heap: &Heap,
        set: Ref<'_>,
        stack: &mut Vec<Owned>,
        start: usize,
    ) -> Result<()> {
        // SAFETY: by contract the object is such a set, which nobody else uses now; what moves into it is forgotten, and what
        // is there already moves down.
        unsafe {
            let set = &mut *set.as_ptr().cast::<Set>();
            let items = &raw const stack[start..];
            let items: &[Owned] = &*items;
            let mut double = 0;
            for (index, item) in items.iter().enumerate() {
                let hash = hash_of(item);
                match set.find(item, hash) {
                    Ok((entry, false)) => {
                        entry.write(Entry { key: ptr::read(item).into_ptr(), hash });
                        set.fill += 1;
                        set.used += 1;
                        if set.fill * 5 >= set.mask * 3 && set.grow(heap).is_err() {
                            let rest = items.len() - index - 1;
                            forget(stack, start, double, rest);
                            return Err(Raised);
                        }
                    }
                    Ok((_, true)) => {
                        let target = stack.as_mut_ptr().add(start + double);
                        ptr::copy(item, target, 1);
                        double += 1;
                    }
                    Err(Raised) => {
                        forget(stack, start, double, items.len() - index);
                        return Err(Raised);
                    }
                }
            }
            forget(stack, start, double, 0);
        }
        Ok(())
    }
}

/// Leaves the first `kept` items from `start` on and the last `rest` ones on a stack; those between have moved away.
unsafe fn forget(stack: &mut Vec<Owned>, start: usize, kept: usize, rest: usize) {
    // SAFETY: by contract.
    unsafe {
        let target = stack.as_mut_ptr().add(start + kept);
        ptr::copy(stack.as_ptr().add(stack.len() - rest), target, rest);
        stack.set_len(start + kept + rest);
    }
}

/// Whether new sets look as expected.
pub(super) fn are_known(layout: &Layout) -> Result<bool> {
    let mut nursery = Nursery::default();
    let known = compare(layout, &mut nursery);
    nursery.hand_over(layout, false);
    known
}

fn compare(layout: &Layout, nursery: &mut Nursery) -> Result<bool> {
    for count in [1, 4, 5, 6, 19, 40, 80, 400] {
        let mut stack: Vec<Owned> = (0..count)
            .map(|number| {
                if number % 3 == 0 { Owned::str(&number.to_string()) } else { Owned::int(number * 77 - 200) }
            })
            .collect::<Result<_>>()?;
        let again = stack[0].clone();
        stack.push(again);
        // SAFETY: the sets are new, and read only where they are as expected so far.
        unsafe {
            let kind = &raw mut PySet_Type;
            if (*kind).tp_basicsize as usize != size_of::<Set>() || (*kind).tp_itemsize != 0 {
                return Ok(false);
            }
            let model = Owned::from_result(PySet_New(ptr::null_mut()))?;
            for item in &stack {
                check(PySet_Add(model.as_ptr(), item.as_ptr()))?;
            }
            let ours = layout.set(&Heap::new(), nursery, kind)?;
            layout.add_items(&Heap::new(), ours.as_ref(), &mut stack, 0)?;
            let (theirs, ours) = (&*model.as_ptr().cast::<Set>(), &*ours.as_ptr().cast::<Set>());
            let heads = |set: &Set| (set.base, set.fill, set.used, set.mask, set.hash, set.finger);
            if heads(ours) != heads(theirs) || stack.len() != 1 {
                return Ok(false);
            }
            let entry = |set: &Set, index| {
                let entry = *set.table.add(index);
                (entry.key, entry.hash)
            };
            if !(0..=ours.mask).all(|index| entry(ours, index) == entry(theirs, index)) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
