//! Rows of objects that are saved in one go: numbers, text and the like, and small containers of such.
//!
//! Nothing here can fail or run foreign code. What is written goes through a [`Cursor`], which the processor keeps in its
//! registers; an object is begun only where the open frame has room and the memory has too.

use super::Dump;
use super::memo::Known;
use super::output::Cursor;
use crate::ffi::api::*;
use crate::ffi::sequence::items;
use crate::ffi::{Ref, bytes, layout, text};
use brinery::Opcode;
use brinery::write::{BATCH_SIZE, spell};

/// How long text and bytes may be.
const LONGEST: usize = 255;

/// How many items a container may have that is saved as a part of a row.
const MOST_ITEMS: usize = 32;

/// How many objects and how many levels of containers may be in such a one.
const MOST_PARTS: usize = 64;
const MOST_NESTED: usize = 3;

/// How many containers are not measured after one that was in vain.
const WHILE: u8 = 16;

/// How many objects the memo may have before a row, whose own objects have to be counted by four bytes, too.
const MOST_KNOWN: usize = 1 << 31;

/// More bytes than anything takes beside its text.
const HEAD: usize = 16;

impl Dump<'_> {
    /// Whether rows can be saved: each object would be saved without asking anyone, and numbered without saying so.
    #[inline(always)]
    fn has_rows(&mut self) -> bool {
        cfg!(not(Py_GIL_DISABLED))
            && self.out.protocol() >= 4
            && self.hooks.persistent_id.is_none()
            && !self.is_fast()
            && self.memo().len() < MOST_KNOWN
    }

    #[inline(always)]
    fn cursor(&mut self) -> Cursor {
        let limit = self.out.limit();
        self.out.buffer().cursor(limit)
    }

    /// Saves items that a list or tuple holds, as far as they are fit for a row; tells how many.
    ///
    /// # Safety
    ///
    /// The objects are alive.
    pub(super) unsafe fn save_row(&mut self, items: &[*mut PyObject]) -> usize {
        if !self.has_rows() {
            return 0;
        }
        let mut cursor = self.cursor();
        let mut done = 0;
        while let Some(&item) = items.get(done)
            && cursor.is_open()
        {
            // SAFETY: by contract.
            let item = unsafe { Ref::new(item) };
            if !self.put_leaf(&mut cursor, item) && !self.put_container(&mut cursor, item) {
                break;
            }
            done += 1;
        }
        self.out.buffer().move_to(&cursor);
        done
    }

    /// Saves elements of a set from a position on, as far as they are fit for a row; tells how many.
    pub(super) fn save_elements(&mut self, set: Ref<'_>, position: &mut isize, most: usize) -> usize {
        let Some(mut elements) = self.elements(set, *position) else { return 0 };
        if !self.has_rows() {
            return 0;
        }
        let mut cursor = self.cursor();
        let mut done = 0;
        while done < most
            && cursor.is_open()
            && let Some(element) = elements.next()
            && (self.put_leaf(&mut cursor, element) || self.put_container(&mut cursor, element))
        {
            *position = elements.position();
            done += 1;
        }
        self.out.buffer().move_to(&cursor);
        done
    }

    #[inline(always)]
    fn elements<'a>(&self, set: Ref<'a>, position: isize) -> Option<layout::Elements<'a>> {
        self.state.layout.as_ref()?.elements(set, position)
    }

    /// Saves items of a dict from a position on, as far as they are fit for a row; tells how many.
    pub(super) fn save_pairs(&mut self, dict: Ref<'_>, position: &mut isize, most: usize) -> usize {
        if !self.has_rows() {
            return 0;
        }
        let mut cursor = self.cursor();
        let mut done = 0;
        // Keys that are shared count once for all dicts that have them.
        let holders = isize::from(!layout::items::shares_keys(dict));
        let mut items = layout::items::Walk::new(dict, *position);
        while done < most
            && let Some((key, value)) = items.next()
            && self.put_pair(&mut cursor, key, holders, value)
        {
            *position = items.position();
            done += 1;
        }
        self.out.buffer().move_to(&cursor);
        done
    }

    /// Saves names and values, as far as they are fit for a row; tells how many. Names are held by a class, which counts
    /// once for all instances.
    pub(super) fn save_attribute_row<'a>(
        &mut self,
        mut attributes: impl Iterator<Item = (Ref<'a>, Ref<'a>)>,
    ) -> usize {
        if !self.has_rows() {
            return 0;
        }
        let mut cursor = self.cursor();
        let mut done = 0;
        while let Some((name, value)) = attributes.next()
            && self.put_pair(&mut cursor, name, 0, value)
        {
            done += 1;
        }
        self.out.buffer().move_to(&cursor);
        done
    }

    /// Both or nothing.
    #[inline(always)]
    fn put_pair(&mut self, cursor: &mut Cursor, key: Ref<'_>, holders: isize, value: Ref<'_>) -> bool {
        let Some(name) = short_text(key) else { return self.put_any_pair(cursor, key, holders, value) };
        let leaf = Leaf::of(value);
        // Whatever they are there is room for both.
        if leaf == Leaf::None || !cursor.reaches(2 * (HEAD + LONGEST)) {
            return self.put_any_pair(cursor, key, holders, value);
        }
        self.put_memoized(cursor, key, holders, spell::text(name.len()), name);
        self.put(cursor, value, 1, leaf);
        true
    }

    /// The same for those that are measured first.
    #[inline(never)]
    fn put_any_pair(&mut self, cursor: &mut Cursor, key: Ref<'_>, holders: isize, value: Ref<'_>) -> bool {
        let name = Leaf::of(key);
        let key_size = name.size(key);
        if key_size == 0 {
            return false;
        }
        let leaf = Leaf::of(value);
        if leaf != Leaf::None {
            if !cursor.reaches(key_size + leaf.size(value)) {
                return false;
            }
            self.put(cursor, key, holders, name);
            self.put(cursor, value, 1, leaf);
            return true;
        }
        let size = self.container_size(value);
        if size == 0 || !cursor.reaches(key_size + size) {
            return false;
        }
        self.put(cursor, key, holders, name);
        self.put_measured(cursor, value);
        true
    }

    /// Saves a leaf for which there is room.
    #[inline(always)]
    fn put(&mut self, cursor: &mut Cursor, object: Ref<'_>, holders: isize, leaf: Leaf) {
        match leaf {
            Leaf::Text => {
                let text = text::ascii(object).unwrap_or_default();
                self.put_memoized(cursor, object, holders, spell::text(text.len()), text);
            }
            Leaf::Int => put_int(cursor, layout::int::value(object).unwrap_or_default()),
            Leaf::Float => {
                // SAFETY: the object is a float.
                let (bytes, len) = spell::float(unsafe { PyFloat_AS_DOUBLE(object.as_ptr()) });
                cursor.put(bytes, len);
            }
            Leaf::Constant => {
                // SAFETY: True is a singleton.
                let truth = object.is(unsafe { Ref::new(Py_True()) });
                let bool = if truth { Opcode::NewTrue } else { Opcode::NewFalse };
                cursor.op(if object.is_none() { Opcode::None } else { bool });
            }
            Leaf::None => {}
        }
    }

    /// Saves an object that one container holds and that has no parts or is in the memo; whether it is one. The cursor is open.
    #[inline(always)]
    fn put_leaf(&mut self, cursor: &mut Cursor, object: Ref<'_>) -> bool {
        let leaf = Leaf::of(object);
        if leaf != Leaf::None {
            let fits = leaf != Leaf::Text || cursor.has_room(leaf.size(object));
            if fits {
                self.put(cursor, object, 1, leaf);
            }
            return fits;
        }
        let kind = object.type_ptr();
        if kind == &raw mut PyBytes_Type {
            let data = bytes::as_slice(object);
            if data.len() > LONGEST || !cursor.has_room(data.len() + HEAD) {
                return false;
            }
            return self.put_memoized(cursor, object, 1, spell::bytes(data.len()), data);
        }
        if !(self.singles && object.has_holders(1))
            && let Known::At(index) = self.memo().get(object)
            && let Some((bytes, len)) = spell::get(index)
        {
            cursor.put(bytes, len);
            return true;
        }
        false
    }

    /// Saves text or bytes, for which there is room.
    #[inline(always)]
    fn put_memoized(
        &mut self,
        cursor: &mut Cursor,
        object: Ref<'_>,
        holders: isize,
        head: [u8; 2],
        data: &[u8],
    ) -> bool {
        if self.singles && object.has_holders(holders) {
            self.memo().insert_waiting(object);
        } else if let Ok(index) = self.memo().find_or_insert(object) {
            if let Some((bytes, len)) = spell::get(index) {
                cursor.put(bytes, len);
            }
            return true;
        }
        cursor.put(head, 2);
        cursor.extend(data);
        cursor.op(Opcode::Memoize);
        true
    }

    /// Saves a small container that only its container holds; whether it is one and fits.
    #[inline(always)]
    fn put_container(&mut self, cursor: &mut Cursor, object: Ref<'_>) -> bool {
        let size = self.container_size(object);
        if size == 0 || !cursor.reaches(size) {
            return false;
        }
        self.put_measured(cursor, object);
        true
    }

    /// How many bytes a small container with a single holder takes at most; zero for anything else.
    #[inline(always)]
    fn container_size(&mut self, object: Ref<'_>) -> usize {
        if !self.singles || !object.has_holders(1) {
            return 0;
        }
        let kind = object.type_ptr();
        if kind == &raw mut PyDict_Type {
            // Others are saved item by item, without being measured first.
            return if layout::items::len(object) == 0 { HEAD } else { 0 };
        }
        if kind == &raw mut PyTuple_Type || kind == &raw mut PyList_Type {
            // Most hold nothing that has parts.
            // SAFETY: the object is a list or tuple, and holds its items.
            let items = unsafe { items(object) };
            if items.len() > MOST_ITEMS {
                return 0;
            }
            let mut size = HEAD;
            for &item in items {
                // SAFETY: as above.
                let item = unsafe { Ref::new(item) };
                let leaf = Leaf::of(item);
                if leaf == Leaf::None {
                    return self.deep_size(object);
                }
                size += leaf.size(item);
            }
            return size;
        }
        if kind == &raw mut PySet_Type || kind == &raw mut PyFrozenSet_Type {
            return self.deep_size(object);
        }
        0
    }

    /// The same for a container that may have others within. Where one turns out to be unfit its neighbours and its parts
    /// likely are too, and are not measured for a while.
    #[inline(never)]
    fn deep_size(&mut self, object: Ref<'_>) -> usize {
        if self.unfit > 0 {
            self.unfit -= 1;
            return 0;
        }
        let size = self.nested_size(object, &mut { MOST_PARTS }, MOST_NESTED);
        if size == 0 {
            self.unfit = WHILE;
        }
        size
    }

    /// The same for any container, within which there may be so many objects and levels of containers.
    #[inline(never)]
    fn nested_size(&self, object: Ref<'_>, parts: &mut usize, levels: usize) -> usize {
        let kind = object.type_ptr();
        if !object.has_holders(1) {
            return 0;
        }
        if kind == &raw mut PyDict_Type {
            return if layout::items::len(object) == 0 { HEAD } else { 0 };
        }
        let mut size = HEAD;
        let mut add = |item: Ref<'_>| {
            if *parts == 0 {
                return false;
            }
            *parts -= 1;
            let item_size = match Leaf::of(item) {
                Leaf::None if levels > 0 => self.nested_size(item, parts, levels - 1),
                leaf => leaf.size(item),
            };
            size += item_size;
            item_size > 0
        };
        let fit = if kind == &raw mut PyTuple_Type || kind == &raw mut PyList_Type {
            // SAFETY: the object is a list or tuple, and holds its items.
            let items = unsafe { items(object) };
            // SAFETY: as above.
            items.len() <= MOST_ITEMS && items.iter().all(|&item| add(unsafe { Ref::new(item) }))
        } else if kind == &raw mut PySet_Type || kind == &raw mut PyFrozenSet_Type {
            self.elements(object, 0)
                .is_some_and(|mut elements| elements.total() <= MOST_ITEMS && elements.all(&mut add))
        } else {
            false
        };
        if fit { size } else { 0 }
    }

    /// Saves a container that has been measured, and for which there is room.
    fn put_measured(&mut self, cursor: &mut Cursor, object: Ref<'_>) {
        let kind = object.type_ptr();
        if kind == &raw mut PyDict_Type {
            cursor.op(Opcode::EmptyDict);
            cursor.op(Opcode::Memoize);
            self.memo().insert_waiting(object);
        } else if kind == &raw mut PyTuple_Type {
            // SAFETY: the object is a tuple, and holds its items.
            let items = unsafe { items(object) };
            if items.is_empty() {
                return cursor.op(Opcode::EmptyTuple);
            }
            if items.len() > 3 {
                cursor.op(Opcode::Mark);
            }
            self.put_items(cursor, items);
            cursor.op(match items.len() {
                1 => Opcode::Tuple1,
                2 => Opcode::Tuple2,
                3 => Opcode::Tuple3,
                _ => Opcode::Tuple,
            });
            cursor.op(Opcode::Memoize);
            self.memo().insert_waiting(object);
        } else if kind == &raw mut PyList_Type {
            // SAFETY: the object is a list, and holds its items.
            let items = unsafe { items(object) };
            cursor.op(Opcode::EmptyList);
            cursor.op(Opcode::Memoize);
            self.memo().insert_waiting(object);
            if items.len() > 1 {
                cursor.op(Opcode::Mark);
            }
            self.put_items(cursor, items);
            match items.len() {
                0 => {}
                1 => cursor.op(Opcode::Append),
                _ => cursor.op(Opcode::Appends),
            }
        } else if let Some(elements) = self.elements(object, 0) {
            let frozen = kind == &raw mut PyFrozenSet_Type;
            let empty = elements.total() == 0;
            if !frozen {
                cursor.op(Opcode::EmptySet);
                cursor.op(Opcode::Memoize);
                self.memo().insert_waiting(object);
            }
            if frozen || !empty {
                cursor.op(Opcode::Mark);
            }
            for element in elements {
                self.put_part(cursor, element);
            }
            if frozen {
                cursor.op(Opcode::FrozenSet);
                cursor.op(Opcode::Memoize);
                self.memo().insert_waiting(object);
            } else if !empty {
                cursor.op(Opcode::AddItems);
            }
        }
    }

    #[inline(always)]
    fn put_items(&mut self, cursor: &mut Cursor, items: &[*mut PyObject]) {
        for &item in items {
            // SAFETY: what has the items holds them.
            self.put_part(cursor, unsafe { Ref::new(item) });
        }
    }

    /// Saves a part of a container that has been measured.
    #[inline(always)]
    fn put_part(&mut self, cursor: &mut Cursor, object: Ref<'_>) {
        match Leaf::of(object) {
            Leaf::None => self.put_measured(cursor, object),
            leaf => self.put(cursor, object, 1, leaf),
        }
    }
}

const _: () = assert!(MOST_ITEMS < BATCH_SIZE);

/// An object without parts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaf {
    Text,
    Int,
    Float,
    /// `None`, `False`, `True`
    Constant,
    /// It is something else.
    None,
}

impl Leaf {
    #[inline(always)]
    fn of(object: Ref<'_>) -> Self {
        let kind = object.type_ptr();
        if kind == &raw mut PyUnicode_Type {
            return if short_text(object).is_some() { Leaf::Text } else { Leaf::None };
        }
        if kind == &raw mut PyLong_Type {
            return if layout::int::value(object).is_some() { Leaf::Int } else { Leaf::None };
        }
        if kind == &raw mut PyFloat_Type {
            return Leaf::Float;
        }
        if object.is_none() || kind == &raw mut PyBool_Type { Leaf::Constant } else { Leaf::None }
    }

    /// How many bytes such an object takes at most; zero for anything else.
    #[inline(always)]
    fn size(self, object: Ref<'_>) -> usize {
        match self {
            Leaf::Text => HEAD + text::ascii(object).map_or(0, <[u8]>::len),
            Leaf::None => 0,
            _ => HEAD,
        }
    }
}

/// Text that a row may have, whether it is text at all.
#[inline(always)]
fn short_text(object: Ref<'_>) -> Option<&[u8]> {
    let text = if object.is_exactly(&raw mut PyUnicode_Type) { text::ascii(object)? } else { return None };
    (text.len() <= LONGEST).then_some(text)
}

#[inline(always)]
fn put_int(cursor: &mut Cursor, value: i64) {
    if i32::try_from(value).is_ok() {
        let (bytes, len) = spell::short_int(value);
        cursor.put(bytes, len);
    } else {
        let (bytes, len) = spell::long_int(value);
        cursor.put(bytes, len);
    }
}
