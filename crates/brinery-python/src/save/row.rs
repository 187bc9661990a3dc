//! Rows of objects that are saved in one go: numbers, text and the like, and small containers of such.
//!
//! Nothing here can fail or run foreign code. What is written goes through a [`Cursor`], which the processor keeps in its
//! registers; an object is begun only where the open frame has room and the memory has too.

use super::Dump;
use super::memo::Known;
use super::output::Cursor;
use crate::ffi::api::*;
use crate::ffi::sequence::items;
use crate::ffi::{Ref, bytes, layout, set, text};
use brinery::Opcode;
use brinery::write::{BATCH_SIZE, spell};

/// How long text and bytes may be.
const LONGEST: usize = 255;

/// How many items a container may have that is saved as a part of a row.
const MOST_ITEMS: usize = 32;

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
            if !self.put_leaf(&mut cursor, item, 1) && !self.put_container(&mut cursor, item) {
                break;
            }
            done += 1;
        }
        self.out.buffer().move_to(&cursor);
        done
    }

    /// Saves elements of a set from a position on, as far as they are fit for a row; tells how many.
    pub(super) fn save_elements(&mut self, set: Ref<'_>, position: &mut isize, most: usize) -> usize {
        let mut elements = [std::ptr::null_mut(); MOST_ITEMS];
        let mut places = [*position; MOST_ITEMS + 1];
        let mut count = 0;
        while count < most.min(MOST_ITEMS) {
            let mut next = places[count];
            // The set holds the element on.
            let Some(element) = set::next(set, &mut next) else { break };
            elements[count] = element.as_ptr();
            count += 1;
            places[count] = next;
        }
        // SAFETY: the set holds its elements until foreign code runs.
        let done = unsafe { self.save_row(&elements[..count]) };
        *position = places[done];
        done
    }

    /// Saves items of a dict from a position on, as far as they are fit for a row; tells how many.
    pub(super) fn save_pairs(&mut self, dict: Ref<'_>, position: &mut isize, most: usize) -> usize {
        if !self.has_rows() {
            return 0;
        }
        let mut cursor = self.cursor();
        let mut done = 0;
        while done < most {
            let mut next = *position;
            let Some((key, value)) = layout::items::next(dict, &mut next) else { break };
            // Keys that are shared count once for all dicts that have them.
            let holders = isize::from(!layout::items::shares_keys(dict));
            if !self.put_pair(&mut cursor, key, holders, value) {
                break;
            }
            *position = next;
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
        let key_size = leaf_size(key);
        if key_size == 0 {
            return false;
        }
        let value_size = leaf_size(value);
        if value_size > 0 {
            if !cursor.reaches(key_size + value_size) {
                return false;
            }
            self.put_leaf(cursor, key, holders);
            return self.put_leaf(cursor, value, 1);
        }
        let size = self.container_size(value);
        if size == 0 || !cursor.reaches(key_size + size) {
            return false;
        }
        self.put_leaf(cursor, key, holders);
        self.put_measured(cursor, value);
        true
    }

    /// Saves an object that has no parts or is in the memo; whether it is one. The cursor is open.
    #[inline(always)]
    fn put_leaf(&mut self, cursor: &mut Cursor, object: Ref<'_>, holders: isize) -> bool {
        let kind = object.type_ptr();
        if kind == &raw mut PyUnicode_Type {
            let Some(ascii) = text::ascii(object).filter(|ascii| ascii.len() <= LONGEST) else {
                return false;
            };
            if !cursor.has_room(ascii.len() + HEAD) {
                return false;
            }
            return self.put_memoized(cursor, object, holders, spell::text(ascii.len()), ascii);
        }
        if kind == &raw mut PyLong_Type {
            let Some(value) = layout::int::value(object) else { return false };
            if i32::try_from(value).is_ok() {
                let (bytes, len) = spell::short_int(value);
                cursor.put(bytes, len);
            } else {
                let (bytes, len) = spell::long_int(value);
                cursor.put(bytes, len);
            }
            return true;
        }
        if kind == &raw mut PyFloat_Type {
            // SAFETY: the object is a float.
            let (bytes, len) = spell::float(unsafe { PyFloat_AS_DOUBLE(object.as_ptr()) });
            cursor.put(bytes, len);
            return true;
        }
        if object.is_none() {
            cursor.op(Opcode::None);
            return true;
        }
        if kind == &raw mut PyBool_Type {
            // SAFETY: True is a singleton.
            let truth = object.is(unsafe { Ref::new(Py_True()) });
            cursor.op(if truth { Opcode::NewTrue } else { Opcode::NewFalse });
            return true;
        }
        if kind == &raw mut PyBytes_Type {
            let data = bytes::as_slice(object);
            if data.len() > LONGEST || !cursor.has_room(data.len() + HEAD) {
                return false;
            }
            return self.put_memoized(cursor, object, holders, spell::bytes(data.len()), data);
        }
        if !(self.singles && object.has_holders(holders))
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
    fn container_size(&self, object: Ref<'_>) -> usize {
        if !self.singles || !object.has_holders(1) {
            return 0;
        }
        let kind = object.type_ptr();
        let mut size = HEAD;
        if kind == &raw mut PyDict_Type {
            // Others are saved item by item, without being measured first.
            return if layout::items::len(object) == 0 { size } else { 0 };
        }
        if kind != &raw mut PyTuple_Type && kind != &raw mut PyList_Type {
            return 0;
        }
        // SAFETY: the object is a list or tuple, and holds its items.
        let items = unsafe { items(object) };
        if items.len() > MOST_ITEMS {
            return 0;
        }
        for &item in items {
            // SAFETY: as above.
            let item_size = leaf_size(unsafe { Ref::new(item) });
            if item_size == 0 {
                return 0;
            }
            size += item_size;
        }
        size
    }

    /// Saves a container that has been measured, and for which there is room.
    fn put_measured(&mut self, cursor: &mut Cursor, object: Ref<'_>) {
        let kind = object.type_ptr();
        if kind == &raw mut PyDict_Type {
            cursor.op(Opcode::EmptyDict);
            cursor.op(Opcode::Memoize);
            self.memo().insert_waiting(object);
            return;
        }
        // SAFETY: the object is a list or tuple, and holds its items.
        let items = unsafe { items(object) };
        let tuple = kind == &raw mut PyTuple_Type;
        if tuple {
            if items.is_empty() {
                return cursor.op(Opcode::EmptyTuple);
            }
            if items.len() > 3 {
                cursor.op(Opcode::Mark);
            }
        } else {
            cursor.op(Opcode::EmptyList);
            cursor.op(Opcode::Memoize);
            self.memo().insert_waiting(object);
            if items.len() > 1 {
                cursor.op(Opcode::Mark);
            }
        }
        for &item in items {
            // SAFETY: as above.
            self.put_leaf(cursor, unsafe { Ref::new(item) }, 1);
        }
        if tuple {
            cursor.op(match items.len() {
                1 => Opcode::Tuple1,
                2 => Opcode::Tuple2,
                3 => Opcode::Tuple3,
                _ => Opcode::Tuple,
            });
            cursor.op(Opcode::Memoize);
            self.memo().insert_waiting(object);
        } else {
            match items.len() {
                0 => {}
                1 => cursor.op(Opcode::Append),
                _ => cursor.op(Opcode::Appends),
            }
        }
    }
}

const _: () = assert!(MOST_ITEMS < BATCH_SIZE);

/// How many bytes an object without parts takes at most; zero for anything else.
#[inline(always)]
fn leaf_size(object: Ref<'_>) -> usize {
    let kind = object.type_ptr();
    if kind == &raw mut PyUnicode_Type {
        return text::ascii(object)
            .filter(|ascii| ascii.len() <= LONGEST)
            .map_or(0, |ascii| HEAD + ascii.len());
    }
    if kind == &raw mut PyLong_Type {
        return if layout::int::value(object).is_some() { HEAD } else { 0 };
    }
    let leaf = kind == &raw mut PyFloat_Type || object.is_none() || kind == &raw mut PyBool_Type;
    if leaf { HEAD } else { 0 }
}
