//! `dict` from 3.11 on.
//!
//! The table of a dict is a head, an index of one or more bytes for each place of the hash table, and the entries in the order of
//! insertion. If all keys are strings an entry is a key and a value, as they stand on the stack of a load; otherwise the hash
//! comes before the two. A dict of strings that came in this order before gets a copy of the former's head and index, and the
//! entries as they stand.

use super::collected::may_be_in_cycle;
use super::{Heap, Layout, Nursery};
use crate::ffi::{Owned, Raised, Ref, Result, check};
use pyo3_ffi::*;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many keys the dicts of one shape may have.
const MOST: usize = 64;

/// How many shapes are remembered.
const SHAPES: usize = 16;

unsafe extern "C" {
    /// A new dict with room for so many items.
    fn _PyDict_NewPresized(count: Py_ssize_t) -> *mut PyObject;
}

/// What stands in a table for each item.
trait Entry: Copy {
    /// The kind of tables that have such entries.
    const KIND: u8;

    unsafe fn new(hash: u64, pair: &[Owned]) -> Self;

    fn key(&self) -> *mut PyObject;

    unsafe fn hash(&self) -> u64;

    /// The hash of a key, if such a table may have it.
    unsafe fn hash_of(key: &Owned, is_native: impl Fn(Ref<'_>) -> bool) -> Option<u64>;

    /// Whether another key with the same hash may be equal.
    unsafe fn may_be(&self, key: &Owned) -> bool;
}

/// An item whose key is an exact string, in a table of such.
#[derive(Clone, Copy)]
#[repr(C)]
struct Named {
    key: *mut PyObject,
    value: *mut PyObject,
}

impl Entry for Named {
    const KIND: u8 = 1;

    #[inline(always)]
    unsafe fn new(_: u64, pair: &[Owned]) -> Self {
        // SAFETY: by contract, both move here.
        let [key, value] = unsafe { moved(pair) };
        Named { key, value }
    }

    #[inline(always)]
    fn key(&self) -> *mut PyObject {
        self.key
    }

    #[inline(always)]
    unsafe fn hash(&self) -> u64 {
        // SAFETY: the hash of the strings in a table is known.
        unsafe { *self.key.cast::<u64>().add(3) }
    }

    #[inline(always)]
    unsafe fn hash_of(key: &Owned, _: impl Fn(Ref<'_>) -> bool) -> Option<u64> {
        // SAFETY: the hash stands in the fourth word of a string, if it is known yet.
        unsafe {
            if !key.is_exactly(&raw mut PyUnicode_Type) {
                return None;
            }
            let hash = *key.as_ptr().cast::<u64>().add(3);
            Some(if hash == u64::MAX { PyObject_Hash(key.as_ptr()).cast_unsigned() as u64 } else { hash })
        }
    }

    #[inline(always)]
    unsafe fn may_be(&self, key: &Owned) -> bool {
        // SAFETY: both are strings.
        unsafe { PyUnicode_Compare(self.key, key.as_ptr()) == 0 }
    }
}

/// An item in any other table.
#[derive(Clone, Copy)]
#[repr(C)]
struct Hashed {
    hash: u64,
    key: *mut PyObject,
    value: *mut PyObject,
}

impl Entry for Hashed {
    const KIND: u8 = 0;

    #[inline(always)]
    unsafe fn new(hash: u64, pair: &[Owned]) -> Self {
        // SAFETY: by contract, both move here.
        let [key, value] = unsafe { moved(pair) };
        Hashed { hash, key, value }
    }

    #[inline(always)]
    fn key(&self) -> *mut PyObject {
        self.key
    }

    #[inline(always)]
    unsafe fn hash(&self) -> u64 {
        self.hash
    }

    #[inline(always)]
    unsafe fn hash_of(key: &Owned, is_native: impl Fn(Ref<'_>) -> bool) -> Option<u64> {
        if !is_native(key.as_ref()) {
            return None;
        }
        // SAFETY: by contract no code of the program runs, and such a key has a hash.
        Some(unsafe { PyObject_Hash(key.as_ptr()) }.cast_unsigned() as u64)
    }

    /// Keys of the same hash are seldom different ones: that is for the interpreter to say.
    #[inline(always)]
    unsafe fn may_be(&self, _: &Owned) -> bool {
        true
    }
}

/// A key and a value that move from the stack into a table.
#[inline(always)]
unsafe fn moved(pair: &[Owned]) -> [*mut PyObject; 2] {
    // SAFETY: by contract they are not used on the stack again.
    unsafe { [ptr::read(&raw const pair[0]).into_ptr(), ptr::read(&raw const pair[1]).into_ptr()] }
}

/// What an empty dict is like.
pub(super) struct Empty {
    /// The table without room that all empty dicts share.
    keys: *mut u8,
    /// The version of the next dict. Each dict has another one, those of the interpreter count from below.
    version: AtomicU64,
}

// SAFETY: the table lives as long as the interpreter, whose lock protects it.
unsafe impl Send for Empty {}
// SAFETY: as above.
unsafe impl Sync for Empty {}

/// From where on dicts made here count their versions, and by how much: the lowest byte has another meaning.
const VERSIONS: u64 = 1 << 62;
const VERSION: u64 = 1 << 8;

#[repr(C)]
struct Dict {
    base: [u64; 2],
    used: isize,
    version: u64,
    keys: *mut u8,
    values: *mut u8,
}

#[repr(C)]
struct Head {
    refcount: isize,
    log2_size: u8,
    log2_index_bytes: u8,
    kind: u8,
    version: u32,
    usable: isize,
    entries: isize,
}

const HEAD: usize = size_of::<Head>();
const NAMED: usize = size_of::<Named>();

/// How many entries a table of this size has room for.
#[inline(always)]
const fn usable(log2_size: u8) -> usize {
    ((1usize << log2_size) << 1) / 3
}

/// The size of the smallest table for so many entries.
#[inline(always)]
fn log2_size_for(entries: usize) -> u8 {
    if entries <= usable(3) {
        return 3;
    }
    // The inverse of `usable`, rounded up.
    let places = (entries * 3).div_ceil(2);
    places.next_power_of_two().trailing_zeros() as u8
}

#[inline(always)]
const fn log2_index_bytes(log2_size: u8) -> u8 {
    match log2_size {
        0..8 => log2_size,
        8..16 => log2_size + 1,
        16..32 => log2_size + 2,
        _ => log2_size + 3,
    }
}

/// Dicts of the same keys in the same order.
struct Shape {
    keys: Vec<Owned>,
    /// Head and index.
    image: Vec<u8>,
    /// The size of the whole table.
    size: usize,
}

impl Shape {
    /// Whether the keys among the items are these very keys.
    #[inline(always)]
    fn has_keys_of(&self, items: &[Owned]) -> bool {
        if self.keys.len() * 2 != items.len() {
            return false;
        }
        for (known, pair) in self.keys.iter().zip(items.chunks_exact(2)) {
            if !known.is(pair[0].as_ref()) {
                return false;
            }
        }
        true
    }
}

/// The shapes of dicts that were made, for those that are to come.
#[derive(Default)]
pub(crate) struct Shapes {
    /// Of dicts made lately the load, the number of keys, and the first and last key by address: never followed, only
    /// compared.
    hints: [(usize, usize, usize, usize); SHAPES],
    /// The number of this load: keys that the interpreter has one object for are the same ones in the next.
    load: usize,
    shapes: Vec<Option<Shape>>,
}

impl Shapes {
    /// Forgets everything.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        self.load = self.load.wrapping_add(1);
        if !self.shapes.is_empty() {
            self.shapes.clear();
        }
    }
}

/// A table under construction, or in a dict that has it for itself.
#[derive(Clone, Copy)]
struct Table<E> {
    keys: *mut u8,
    /// The first entry.
    entries: *mut E,
    log2_size: u8,
}

impl<E: Entry> Table<E> {
    /// A table without entries, or null with an exception set.
    unsafe fn new(heap: &Heap, log2_size: u8) -> Option<Self> {
        let index = 1usize << log2_index_bytes(log2_size);
        let room = usable(log2_size);
        // SAFETY: the memory has room for what is written.
        unsafe {
            let keys = heap.allocate_table(HEAD + index + room * size_of::<E>());
            if keys.is_null() {
                return None;
            }
            keys.cast::<Head>().write(Head {
                refcount: 1,
                log2_size,
                log2_index_bytes: log2_index_bytes(log2_size),
                kind: E::KIND,
                version: 0,
                usable: room as isize,
                entries: 0,
            });
            ptr::write_bytes(keys.add(HEAD), 0xff, index);
            let entries = keys.add(HEAD + index).cast::<E>();
            ptr::write_bytes(entries, 0, room);
            Some(Table { keys, entries, log2_size })
        }
    }

    #[inline(always)]
    unsafe fn of(keys: *mut u8) -> Self {
        // SAFETY: by contract this is a table of such entries.
        unsafe {
            let head = &*keys.cast::<Head>();
            let entries = keys.add(HEAD + (1usize << head.log2_index_bytes)).cast();
            Table { keys, entries, log2_size: head.log2_size }
        }
    }

    #[inline(always)]
    unsafe fn index(self, place: usize) -> isize {
        // SAFETY: the place is within the index.
        unsafe {
            let index = self.keys.add(HEAD);
            match self.log2_size {
                0..8 => *index.cast::<i8>().add(place) as isize,
                8..16 => *index.cast::<i16>().add(place) as isize,
                16..32 => *index.cast::<i32>().add(place) as isize,
                _ => *index.cast::<i64>().add(place) as isize,
            }
        }
    }

    #[inline(always)]
    unsafe fn set_index(self, place: usize, entry: usize) {
        // SAFETY: the place is within the index.
        unsafe {
            let index = self.keys.add(HEAD);
            match self.log2_size {
                0..8 => *index.cast::<i8>().add(place) = entry as i8,
                8..16 => *index.cast::<i16>().add(place) = entry as i16,
                16..32 => *index.cast::<i32>().add(place) = entry as i32,
                _ => *index.cast::<i64>().add(place) = entry as i64,
            }
        }
    }

    /// The entry that has this key, or may have it, or else the free place for it.
    #[inline(always)]
    unsafe fn find(self, key: &Owned, hash: u64) -> std::result::Result<usize, usize> {
        let mask = (1u64 << self.log2_size) - 1;
        let (mut place, mut perturb) = (hash & mask, hash);
        loop {
            // SAFETY: the index leads to entries.
            unsafe {
                let entry = self.index(place as usize);
                if entry == -1 {
                    return Err(place as usize);
                }
                if entry >= 0 {
                    let found = &*self.entries.offset(entry);
                    if found.key() == key.as_ptr() || found.hash() == hash && found.may_be(key) {
                        return Ok(entry as usize);
                    }
                }
            }
            perturb >>= 5;
            place = place.wrapping_mul(5).wrapping_add(perturb).wrapping_add(1) & mask;
        }
    }

    /// Adds an entry behind `count` others, with a key that is not there yet.
    #[inline(always)]
    unsafe fn push(self, count: usize, place: usize, hash: u64, pair: &[Owned]) {
        // SAFETY: by contract there is room, and the pair moves here.
        unsafe {
            self.set_index(place, count);
            self.entries.add(count).write(E::new(hash, pair));
        }
    }

    /// A table with the same entries and room for `more`.
    unsafe fn grown(self, heap: &Heap, count: usize, more: usize) -> Option<Self> {
        // SAFETY: the entries move; their keys are all different.
        unsafe {
            let table = Table::new(heap, log2_size_for(count + more))?;
            ptr::copy_nonoverlapping(self.entries, table.entries, count);
            let mask = (1u64 << table.log2_size) - 1;
            for entry in 0..count {
                let hash = (*table.entries.add(entry)).hash();
                let (mut place, mut perturb) = (hash & mask, hash);
                while table.index(place as usize) >= 0 {
                    perturb >>= 5;
                    place = place.wrapping_mul(5).wrapping_add(perturb).wrapping_add(1) & mask;
                }
                table.set_index(place as usize, entry);
            }
            Some(table)
        }
    }

    #[inline(always)]
    unsafe fn head(&self) -> &mut Head {
        // SAFETY: by contract the table is alive and used by nobody else.
        unsafe { &mut *self.keys.cast::<Head>() }
    }
}

impl Layout {
    /// An empty dict.
    #[inline(always)]
    pub(crate) fn dict(&self, heap: &Heap, nursery: &mut Nursery) -> Result<Owned> {
        let Some(empty) = &self.dicts else {
            // SAFETY: makes a new dict.
            return unsafe { Owned::from_result(PyDict_New()) };
        };
        // SAFETY: a dict looks like this; it is linked when it gets items that ask for it.
        unsafe {
            let object = Self::allocate_collected(heap, nursery, 0, size_of::<Dict>());
            if !object.is_null() {
                let version = empty.version.load(Ordering::Relaxed);
                empty.version.store(version.wrapping_add(VERSION), Ordering::Relaxed);
                let base = [1, (&raw mut PyDict_Type).addr() as u64];
                let keys = empty.keys;
                #[cfg(not(Py_3_12))]
                {
                    (*keys.cast::<Head>()).refcount += 1;
                }
                object.cast::<Dict>().write(Dict { base, used: 0, version, keys, values: ptr::null_mut() });
            }
            Owned::from_result(object)
        }
    }

    /// Sets items of an exact dict as long as their keys are exact strings, or `is_native` tells that hashing and comparing them
    /// runs no code of the program: pairs of keys and values that move into the dict. Returns how many items moved; all others
    /// are still there.
    #[inline]
    pub(crate) fn set_items(
        &self,
        heap: &Heap,
        nursery: &mut Nursery,
        dict: Ref<'_>,
        items: &[Owned],
        shapes: &mut Shapes,
        is_native: impl Fn(Ref<'_>) -> bool,
    ) -> Result<usize> {
        if self.dicts.is_none() {
            return Ok(0);
        }
        // SAFETY: an exact dict looks like this; only this function holds the reference while it runs, and it runs no
        // Python code.
        unsafe {
            let fields = &mut *dict.as_ptr().cast::<Dict>();
            let head = &*fields.keys.cast::<Head>();
            if !fields.values.is_null() {
                return Ok(0);
            }
            // A dict that was never filled has a table that all such dicts share, without room.
            if fields.used == 0 && head.entries == 0 && head.usable == 0 {
                return self.fill(heap, nursery, dict, items, shapes, is_native);
            }
            if items.len() < 16 || head.entries != fields.used {
                return Ok(0);
            }
            #[cfg(Py_3_12)]
            if fields.version & 0xff != 0 {
                return Ok(0);
            }
            // The last item is left to the interpreter, so that the dict's version changes.
            let most = &items[..items.len() - 2];
            let added = match head.kind {
                Named::KIND => self.add::<Named>(heap, nursery, dict, fields, most, is_native)?,
                Hashed::KIND => self.add::<Hashed>(heap, nursery, dict, fields, most, is_native)?,
                _ => 0,
            };
            if added == items.len() - 2 {
                let [.., key, value] = items else { return Ok(added) };
                check(PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr()))?;
                drop((ptr::read(&raw const *key), ptr::read(&raw const *value)));
                return Ok(items.len());
            }
            Ok(added)
        }
    }

    /// Makes room for items in a dict that was never filled.
    pub(crate) fn make_room(&self, dict: Ref<'_>, count: usize) -> Result<()> {
        // SAFETY: as above. Both dicts stay whole: their tables change places.
        unsafe {
            let fields = &mut *dict.as_ptr().cast::<Dict>();
            let head = &*fields.keys.cast::<Head>();
            if self.dicts.is_some() && fields.used == 0 && head.entries == 0 && head.usable == 0 {
                let roomy = Owned::from_result(_PyDict_NewPresized(count as Py_ssize_t))?;
                let other = &mut *roomy.as_ptr().cast::<Dict>();
                if other.values.is_null() && fields.values.is_null() {
                    std::mem::swap(&mut fields.keys, &mut other.keys);
                }
            }
        }
        Ok(())
    }

    /// Fills a dict that is empty.
    #[inline(always)]
    unsafe fn fill(
        &self,
        heap: &Heap,
        nursery: &mut Nursery,
        dict: Ref<'_>,
        items: &[Owned],
        shapes: &mut Shapes,
        is_native: impl Fn(Ref<'_>) -> bool,
    ) -> Result<usize> {
        let count = items.len() / 2;
        let (first, last) = (&items[0], &items[2 * count - 2]);
        let hint = (shapes.load, count, first.as_ptr().addr(), last.as_ptr().addr());
        let slot = (hint.2 >> 4 ^ count) % SHAPES;
        // SAFETY: by contract, see `set_items`.
        unsafe {
            let fields = &mut *dict.as_ptr().cast::<Dict>();
            let mut learn = false;
            if shapes.hints[slot] == hint {
                learn = true;
                if let Some(Some(shape)) = shapes.shapes.get(slot)
                    && shape.has_keys_of(items)
                {
                    let keys = heap.allocate_table(shape.size);
                    if keys.is_null() {
                        return Err(Raised);
                    }
                    let image = shape.image.len();
                    ptr::copy_nonoverlapping(shape.image.as_ptr(), keys, image);
                    ptr::copy_nonoverlapping(items.as_ptr().cast::<u8>(), keys.add(image), count * NAMED);
                    let rest = shape.size - image - count * NAMED;
                    ptr::write_bytes(keys.add(image + count * NAMED), 0, rest);
                    fields.adopt(keys, count);
                    let mut cyclic = false;
                    for pair in items.chunks_exact(2) {
                        cyclic |= may_be_in_cycle(pair[1].as_ptr());
                    }
                    if cyclic {
                        self.track(nursery, dict);
                    }
                    return Ok(items.len());
                }
            }
            shapes.hints[slot] = hint;
            if !first.is_exactly(&raw mut PyUnicode_Type) {
                if !is_native(first.as_ref()) {
                    return Ok(0);
                }
                let table = Table::<Hashed>::new(heap, log2_size_for(count)).ok_or(Raised)?;
                fields.adopt(table.keys, 0);
                let (moved, cyclic) = fields.insert(table, items, is_native);
                if cyclic {
                    self.track(nursery, dict);
                }
                return Ok(moved);
            }
            let table = Table::<Named>::new(heap, log2_size_for(count)).ok_or(Raised)?;
            fields.adopt(table.keys, 0);
            let (moved, cyclic) = fields.insert(table, items, is_native);
            if cyclic {
                self.track(nursery, dict);
            }
            let head = table.head();
            if learn && moved == items.len() && head.entries as usize == count && count <= MOST {
                let image = HEAD + (1usize << head.log2_index_bytes);
                let bytes = std::slice::from_raw_parts(table.keys, image).to_vec();
                let keys = items.iter().step_by(2).map(|key| Ref::new(key.as_ptr()).to_owned()).collect();
                let size = image + usable(table.log2_size) * NAMED;
                shapes.shapes.resize_with(SHAPES, || None);
                shapes.shapes[slot] = Some(Shape { keys, image: bytes, size });
            }
            Ok(moved)
        }
    }

    /// Adds to a dict that has its own table of such entries.
    unsafe fn add<E: Entry>(
        &self,
        heap: &Heap,
        nursery: &mut Nursery,
        dict: Ref<'_>,
        fields: &mut Dict,
        items: &[Owned],
        is_native: impl Fn(Ref<'_>) -> bool,
    ) -> Result<usize> {
        // SAFETY: by contract, see `set_items`.
        unsafe {
            let mut table = Table::<E>::of(fields.keys);
            let (entries, room) = (table.head().entries as usize, table.head().usable as usize);
            if table.head().refcount != 1 {
                return Ok(0);
            }
            if room < items.len() / 2 {
                let grown = table.grown(heap, entries, items.len() / 2 + 1).ok_or(Raised)?;
                grown.head().entries = entries as isize;
                grown.head().usable -= entries as isize;
                fields.keys = grown.keys;
                heap.free_table(table.keys);
                table = grown;
            }
            table.head().version = 0;
            let (moved, cyclic) = fields.insert(table, items, is_native);
            if cyclic {
                self.track(nursery, dict);
            }
            Ok(moved)
        }
    }
}

impl Dict {
    /// Takes a table in the place of the one that empty dicts share.
    #[inline(always)]
    unsafe fn adopt(&mut self, keys: *mut u8, count: usize) {
        #[cfg(not(Py_3_12))]
        // SAFETY: the shared table is alive and counts its users.
        unsafe {
            (*self.keys.cast::<Head>()).refcount -= 1;
        }
        self.keys = keys;
        self.used = count as isize;
    }

    /// Inserts items for which there is room, as long as the table may have their keys: how many moved, and whether the
    /// collector may have to know of one.
    #[inline(always)]
    unsafe fn insert<E: Entry>(
        &mut self,
        table: Table<E>,
        items: &[Owned],
        is_native: impl Fn(Ref<'_>) -> bool,
    ) -> (usize, bool) {
        // SAFETY: by contract the table is this dict's own.
        unsafe {
            let head = table.head();
            let before = head.entries as usize;
            let mut count = before;
            let mut moved = 0;
            let mut cyclic = false;
            for pair in items.chunks_exact(2) {
                let key = &pair[0];
                let Some(hash) = E::hash_of(key, &is_native) else { break };
                cyclic = cyclic || may_be_in_cycle(pair[1].as_ptr());
                match table.find(key, hash) {
                    Err(place) => {
                        table.push(count, place, hash, pair);
                        count += 1;
                    }
                    // The old value and the new key will be given up, which is for others to do.
                    Ok(_) => break,
                }
                moved += 2;
            }
            let added = (count - before) as isize;
            head.entries += added;
            head.usable -= added;
            self.used += added;
            (moved, cyclic)
        }
    }
}

impl Empty {
    /// `None` if dicts look different.
    pub(super) fn new(layout: &Layout) -> Result<Option<Self>> {
        let keys = are_known(layout)?;
        Ok(keys.map(|keys| Empty { keys, version: AtomicU64::new(VERSIONS) }))
    }
}

/// The table of empty dicts, if new dicts look as expected.
fn are_known(layout: &Layout) -> Result<Option<*mut u8>> {
    let mut nursery = Nursery::default();
    let known = compare(layout, &mut nursery);
    nursery.hand_over(layout, false);
    known
}

fn compare(layout: &Layout, nursery: &mut Nursery) -> Result<Option<*mut u8>> {
    // SAFETY: the dicts are new, and read only where they are as expected so far.
    unsafe {
        let mut shared = ptr::null_mut();
        let counts = [1, 5, 6, 10, 11, 100, 300];
        for (count, named) in counts.into_iter().flat_map(|count| [(count, true), (count, false)]) {
            let make = |number: i64| {
                if named { Owned::str(&format!("name {number}")) } else { Owned::int((number - 3) << 17) }
            };
            let names: Vec<_> = (0..count).map(make).collect::<Result<_>>()?;
            let model = Owned::from_result(PyDict_New())?;
            let empty = &*model.as_ptr().cast::<Dict>();
            let head = &*empty.keys.cast::<Head>();
            shared = empty.keys;
            if empty.used != 0
                || !empty.values.is_null()
                || (head.log2_size, head.kind, head.usable, head.entries) != (0, Named::KIND, 0, 0)
            {
                return Ok(None);
            }
            for name in &names {
                check(PyDict_SetItem(model.as_ptr(), name.as_ptr(), name.as_ptr()))?;
            }
            let known = if named { has::<Named>(&model, &names) } else { has::<Hashed>(&model, &names) };
            if !known {
                return Ok(None);
            }
            let ours = Owned::from_result(PyDict_New())?;
            let items: Vec<Owned> = names.iter().flat_map(|name| [name.clone(), name.clone()]).collect();
            let mut items = std::mem::ManuallyDrop::new(items);
            let moved =
                layout
                    .fill(&Heap::new(), nursery, ours.as_ref(), &items, &mut Shapes::default(), |_| true)?;
            if moved != items.len() {
                return Ok(None);
            }
            items.set_len(0);
            drop(std::mem::ManuallyDrop::into_inner(items));
            if PyObject_RichCompareBool(ours.as_ptr(), model.as_ptr(), Py_EQ) != 1 {
                return Ok(None);
            }
            check(PyDict_SetItem(ours.as_ptr(), Py_None(), Py_None()))?;
        }
        Ok(Some(shared))
    }
}

/// Whether a dict has these keys in such a table, as expected.
unsafe fn has<E: Entry>(dict: &Owned, keys: &[Owned]) -> bool {
    // SAFETY: the dict is new, and its entries are looked at only if they are of this kind.
    unsafe {
        let fields = &*dict.as_ptr().cast::<Dict>();
        let head = &*fields.keys.cast::<Head>();
        let expected = (E::KIND, keys.len() as isize, log2_index_bytes(head.log2_size));
        if (head.kind, head.entries, head.log2_index_bytes) != expected
            || head.usable + head.entries != usable(head.log2_size) as isize
            || fields.used != head.entries
            || head.refcount != 1
        {
            return false;
        }
        let table = Table::<E>::of(fields.keys);
        keys.iter().enumerate().all(|(position, key)| {
            let hash = E::hash_of(key, |_| true);
            (*table.entries.add(position)).key() == key.as_ptr()
                && hash.is_some_and(|hash| (*table.entries.add(position)).hash() == hash)
                && hash.is_some_and(|hash| table.find(key, hash) == Ok(position))
        })
    }
}
