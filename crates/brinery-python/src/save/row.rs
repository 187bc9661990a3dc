//! Rows of objects that are saved in one go: numbers, text and the like, and containers of such.
//!
//! Nothing here can fail or run foreign code. What is written goes through a [`Cursor`], which the processor keeps in its
//! registers; an object is begun only where the open frame has room and the memory has too.
//!
//! A row ends before the first object that is not fit for it. Where that lies within containers of the row, these stay *open*:
//! what is left of them is put on the stack of tasks, as if each had been begun by itself.

use super::memo::Known;
use super::output::{Bounds, Cursor};
use super::task::{Dict, FrozenSet, List, Set, Task, Tuple};
use super::{Dump, MOST_NESTED};
use crate::ffi::api::*;
use crate::ffi::sequence::items;
use crate::ffi::{Ref, bytes, layout, text};
use brinery::Opcode;
use brinery::write::{BATCH_SIZE, spell};

/// How long text and bytes may be.
const LONGEST: usize = 255;

/// How many items a tuple may have that is a key.
const MOST_ITEMS: usize = 32;

/// How many objects the memo may have before a row, whose own objects have to be counted by four bytes, too.
const MOST_KNOWN: usize = 1 << 31;

/// More bytes than anything takes beside its text.
const HEAD: usize = 16;

/// More bytes than the ends of all open containers take.
pub(super) const TAIL: usize = 2 * MOST_NESTED + 2;

/// What has become of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Put {
    /// It is written.
    Done,
    /// Its first part is, and tasks for the rest are on the stack: those of the innermost container first.
    Open,
    /// Nothing of it is: it is not fit for a row, or there is no room.
    No,
}

/// An object of a row that is no [`Leaf`].
#[derive(Clone, Copy)]
enum Part {
    /// In the memo, at this index.
    Known(u32),
    /// So many bytes.
    Bytes(usize),
    /// Text that is not all ASCII.
    Wide,
    EmptyTuple,
    /// A container, and whether only its own container holds it.
    Container(Container, bool),
}

#[derive(Clone, Copy)]
enum Container {
    List,
    Tuple,
    Dict,
    Set,
    FrozenSet,
}

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
    fn bounds(&mut self) -> Bounds {
        let limit = self.out.limit();
        self.out.buffer().bounds(limit)
    }

    /// Saves a row; tells how many objects it has taken. If there are more tasks than before, they are what is left of the last
    /// one, outermost first.
    #[inline(always)]
    fn row(&mut self, put: impl FnOnce(&mut Self, &mut Cursor<'_>) -> (usize, bool)) -> usize {
        if !self.has_rows() {
            return 0;
        }
        let (top, bounds) = (self.tasks.len(), self.bounds());
        let mut cursor = self.out.buffer().cursor(&bounds);
        let (done, open) = put(self, &mut cursor);
        self.out.buffer().move_to(&cursor);
        if open {
            self.tasks[top..].reverse();
        }
        done
    }

    /// Saves items that a list or tuple holds, as far as they are fit for a [row](Self::row).
    ///
    /// # Safety
    ///
    /// The objects are alive.
    pub(super) unsafe fn save_row(&mut self, items: &[*mut PyObject]) -> usize {
        self.row(|dump, cursor| dump.put_items(cursor, items))
    }

    /// The same for elements of a set from a position on.
    pub(super) fn save_elements(&mut self, set: Ref<'_>, position: &mut isize, most: usize) -> usize {
        let Some(mut elements) = self.elements(set, *position) else { return 0 };
        self.row(|dump, cursor| dump.put_elements(cursor, &mut elements, position, most))
    }

    #[inline(always)]
    fn elements<'a>(&self, set: Ref<'a>, position: isize) -> Option<layout::Elements<'a>> {
        self.state.layout.as_ref()?.elements(set, position)
    }

    /// The same for items of a dict from a position on.
    pub(super) fn save_pairs(&mut self, dict: Ref<'_>, position: &mut isize, most: usize) -> usize {
        self.row(|dump, cursor| dump.put_pairs(cursor, dict, position, most))
    }

    /// The same for names and values. Names are held by a class, which counts once for all instances.
    pub(super) fn save_attribute_row<'a>(
        &mut self,
        attributes: impl Iterator<Item = (Ref<'a>, Ref<'a>)>,
    ) -> usize {
        self.row(|dump, cursor| {
            let mut done = 0;
            for (name, value) in attributes {
                let put = dump.put_pair(cursor, name, 0, value);
                done += usize::from(put != Put::No);
                if put != Put::Done {
                    return (done, put == Put::Open);
                }
            }
            (done, false)
        })
    }

    /// Items as far as they are fit; how many, and whether the last one is open.
    ///
    /// Elements and pairs have loops of their own: one for all, which is given what differs, costs up to half as much again,
    /// for the cursor is in memory then.
    #[inline(always)]
    fn put_items(&mut self, cursor: &mut Cursor<'_>, items: &[*mut PyObject]) -> (usize, bool) {
        let mut done = 0;
        while let Some(&item) = items.get(done)
            && cursor.is_open()
        {
            // SAFETY: what has the items holds them.
            match self.put_part(cursor, unsafe { Ref::new(item) }) {
                Put::Done => done += 1,
                Put::Open => return (done + 1, true),
                Put::No => break,
            }
        }
        (done, false)
    }

    /// The same for elements of a set.
    #[inline(always)]
    fn put_elements(
        &mut self,
        cursor: &mut Cursor<'_>,
        elements: &mut layout::Elements<'_>,
        position: &mut isize,
        most: usize,
    ) -> (usize, bool) {
        let mut done = 0;
        while done < most
            && cursor.is_open()
            && let Some(element) = elements.next()
        {
            let put = self.put_part(cursor, element);
            if put == Put::No {
                break;
            }
            *position = layout::Elements::position(elements);
            done += 1;
            if put == Put::Open {
                return (done, true);
            }
        }
        (done, false)
    }

    /// The same for items of a dict.
    #[inline(always)]
    fn put_pairs(
        &mut self,
        cursor: &mut Cursor<'_>,
        dict: Ref<'_>,
        position: &mut isize,
        most: usize,
    ) -> (usize, bool) {
        let mut done = 0;
        // Keys that are shared count once for all dicts that have them.
        let holders = isize::from(!layout::items::shares_keys(dict));
        let mut items = layout::items::Walk::new(dict, *position);
        while done < most
            && let Some((key, value)) = items.next()
        {
            let put = self.put_pair(cursor, key, holders, value);
            if put == Put::No {
                break;
            }
            *position = items.position();
            done += 1;
            if put == Put::Open {
                return (done, true);
            }
        }
        (done, false)
    }

    /// A key and its value, of which only the value may stay open.
    #[inline(always)]
    fn put_pair(&mut self, cursor: &mut Cursor<'_>, key: Ref<'_>, holders: isize, value: Ref<'_>) -> Put {
        // Whatever they are there is room for both.
        if cursor.reaches(2 * (HEAD + LONGEST)) {
            if let Some(name) = short_text(key) {
                let leaf = Leaf::of(value);
                if leaf != Leaf::None {
                    self.put_memoized(cursor, key, holders, spell::text(name.len()), name);
                    self.put(cursor, value, 1, leaf);
                    return Put::Done;
                }
                let (position, put) = self.put_named(*cursor, key, holders, value);
                cursor.go(position);
                return put;
            } else if let Some(number) = layout::int::exact(key) {
                let leaf = Leaf::of(value);
                if leaf != Leaf::None {
                    put_int(cursor, number);
                    self.put(cursor, value, 1, leaf);
                    return Put::Done;
                }
            }
        }
        let (position, put) = self.put_any_pair(*cursor, key, holders, value);
        cursor.go(position);
        put
    }

    /// The same for a value that is no leaf, under a short text, where there is room for both; also where the cursor is then.
    #[inline(never)]
    fn put_named(
        &mut self,
        mut cursor: Cursor<'_>,
        key: Ref<'_>,
        holders: isize,
        value: Ref<'_>,
    ) -> (*mut u8, Put) {
        let Some(part) = self.part(value) else { return (cursor.position(), Put::No) };
        self.put(&mut cursor, key, holders, Leaf::Text);
        let put = self.put_other(&mut cursor, value, part);
        (cursor.position(), put)
    }

    /// The same for those that are measured first; also where the cursor is then.
    #[inline(never)]
    fn put_any_pair(
        &mut self,
        mut cursor: Cursor<'_>,
        key: Ref<'_>,
        holders: isize,
        value: Ref<'_>,
    ) -> (*mut u8, Put) {
        let (name, leaf) = (Leaf::of(key), Leaf::of(value));
        let part = if leaf == Leaf::None { self.part(value) } else { None };
        let value_size = match part {
            None => leaf.size(value),
            Some(Part::Bytes(len)) => HEAD + len,
            Some(Part::Wide) => HEAD + LONGEST,
            Some(_) => HEAD,
        };
        let wide = if name == Leaf::None { wide_text(key) } else { None };
        let key_size = match (name, &wide) {
            (Leaf::None, Some(units)) => HEAD + units.most(),
            (Leaf::None, None) => self.size_of_tuple(key, holders),
            _ => name.size(key),
        };
        if key_size == 0 || value_size == 0 || !cursor.reaches(key_size + value_size) {
            return (cursor.position(), Put::No);
        }
        if let Some(units) = wide {
            let position = self.put_wide(cursor, key, holders, &units);
            cursor.go(position);
        } else if name == Leaf::None {
            let (position, put) = self.put_container(cursor, key, Container::Tuple, true);
            debug_assert!(put == Put::Done);
            cursor.go(position);
        } else {
            self.put(&mut cursor, key, holders, name);
        }
        let Some(part) = part else {
            self.put(&mut cursor, value, 1, leaf);
            return (cursor.position(), Put::Done);
        };
        let put = self.put_other(&mut cursor, value, part);
        (cursor.position(), put)
    }

    /// How many bytes a key takes at most that is a tuple of leaves, which only its dict holds; zero for anything else.
    #[inline(always)]
    fn size_of_tuple(&self, key: Ref<'_>, holders: isize) -> usize {
        let single = self.singles() && self.nested < MOST_NESTED && holders > 0 && key.has_holders(holders);
        if !single || !key.is_exactly(&raw mut PyTuple_Type) {
            return 0;
        }
        // SAFETY: the object is a tuple, and holds its items.
        let items = unsafe { items(key) };
        if items.len() > MOST_ITEMS {
            return 0;
        }
        let mut size = HEAD;
        for &item in items {
            // SAFETY: as above.
            let item = unsafe { Ref::new(item) };
            match Leaf::of(item).size(item) {
                0 => return 0,
                more => size += more,
            }
        }
        size
    }

    /// Saves an object that one container holds, if it is fit. The cursor is open.
    #[inline(always)]
    fn put_part(&mut self, cursor: &mut Cursor<'_>, object: Ref<'_>) -> Put {
        let leaf = Leaf::of(object);
        if leaf != Leaf::None {
            if leaf == Leaf::Text && !cursor.has_room(leaf.size(object) + TAIL) {
                return Put::No;
            }
            self.put(cursor, object, 1, leaf);
            return Put::Done;
        }
        let Some(part) = self.part(object) else { return Put::No };
        if matches!(part, Part::Bytes(_) | Part::Wide) && !cursor.has_room(HEAD + LONGEST + TAIL) {
            return Put::No;
        }
        self.put_other(cursor, object, part)
    }

    /// What an object is that one container holds and that is no leaf, if it is fit for a row.
    #[inline(always)]
    fn part(&mut self, object: Ref<'_>) -> Option<Part> {
        let kind = object.type_ptr();
        if kind == &raw mut PyBytes_Type {
            let len = bytes::as_slice(object).len();
            return (len <= LONGEST).then_some(Part::Bytes(len));
        }
        if kind == &raw mut PyUnicode_Type {
            return wide_text(object).map(|_| Part::Wide);
        }
        let single = self.singles() && object.has_holders(1);
        if !single {
            match self.memo().get(object) {
                Known::At(index) => return u32::try_from(index).ok().map(Part::Known),
                Known::InProgress => return None,
                Known::No => {}
            }
        }
        let container = if kind == &raw mut PyTuple_Type {
            // SAFETY: the object is a tuple.
            match unsafe { PyTuple_GET_SIZE(object.as_ptr()) } {
                0 => return Some(Part::EmptyTuple),
                // Others may be met within themselves.
                _ if single => Container::Tuple,
                _ => return None,
            }
        } else if kind == &raw mut PyDict_Type {
            if layout::items::len(object) >= BATCH_SIZE as isize {
                return None;
            }
            Container::Dict
        } else if kind == &raw mut PyList_Type {
            // SAFETY: the object is a list.
            if unsafe { PyList_GET_SIZE(object.as_ptr()) } >= BATCH_SIZE as isize {
                return None;
            }
            Container::List
        } else if kind == &raw mut PySet_Type {
            if self.elements(object, 0)?.total() >= BATCH_SIZE {
                return None;
            }
            Container::Set
        } else if kind == &raw mut PyFrozenSet_Type && single {
            self.elements(object, 0)?;
            Container::FrozenSet
        } else {
            return None;
        };
        (self.nested < MOST_NESTED).then_some(Part::Container(container, single))
    }

    /// Saves a part, for which there is room.
    #[inline(always)]
    fn put_other(&mut self, cursor: &mut Cursor<'_>, object: Ref<'_>, part: Part) -> Put {
        match part {
            Part::Known(index) => {
                if let Some((bytes, len)) = spell::get(index as usize) {
                    cursor.put(bytes, len);
                }
            }
            Part::Bytes(len) => {
                self.put_memoized(cursor, object, 1, spell::bytes(len), bytes::as_slice(object));
            }
            Part::Wide => {
                if let Some(units) = wide_text(object) {
                    let position = self.put_wide(*cursor, object, 1, &units);
                    cursor.go(position);
                }
            }
            Part::EmptyTuple => cursor.op(Opcode::EmptyTuple),
            Part::Container(container, single) => {
                let (position, put) = self.put_container(*cursor, object, container, single);
                cursor.go(position);
                return put;
            }
        }
        Put::Done
    }

    /// Saves a leaf for which there is room.
    #[inline(always)]
    fn put(&mut self, cursor: &mut Cursor<'_>, object: Ref<'_>, holders: isize, leaf: Leaf) {
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

    /// Fetches an object from the memo if it is there; else it is stored there. Whether it was fetched.
    #[inline(always)]
    fn fetch_or_store(&mut self, cursor: &mut Cursor<'_>, object: Ref<'_>, holders: isize) -> bool {
        if self.singles() && object.has_holders(holders) {
            self.memo().insert_waiting(object);
            return false;
        }
        let Ok(index) = self.memo().find_or_insert(object) else { return false };
        if let Some((bytes, len)) = spell::get(index) {
            cursor.put(bytes, len);
        }
        true
    }

    /// Saves text or bytes, for which there is room.
    #[inline(always)]
    fn put_memoized(
        &mut self,
        cursor: &mut Cursor<'_>,
        object: Ref<'_>,
        holders: isize,
        head: [u8; 2],
        data: &[u8],
    ) {
        if self.fetch_or_store(cursor, object, holders) {
            return;
        }
        cursor.put(head, 2);
        cursor.extend(data);
        cursor.op(Opcode::Memoize);
    }

    /// Saves text that is not all ASCII, for which there is room; where the cursor is then.
    #[inline(never)]
    fn put_wide(
        &mut self,
        mut cursor: Cursor<'_>,
        object: Ref<'_>,
        holders: isize,
        units: &text::Units<'_>,
    ) -> *mut u8 {
        if !self.fetch_or_store(&mut cursor, object, holders) {
            cursor.short_text(units);
            cursor.op(Opcode::Memoize);
        }
        cursor.position()
    }

    /// Saves a container, or begins to; also where the cursor is then.
    #[inline(always)]
    fn put_container(
        &mut self,
        cursor: Cursor<'_>,
        object: Ref<'_>,
        container: Container,
        single: bool,
    ) -> (*mut u8, Put) {
        self.nested += 1;
        let put = match container {
            Container::List => self.put_list(cursor, object, single),
            Container::Tuple => self.put_tuple(cursor, object),
            Container::Dict => self.put_dict(cursor, object, single),
            Container::Set => self.put_set(cursor, object, single),
            Container::FrozenSet => self.put_frozenset(cursor, object),
        };
        self.nested -= 1;
        put
    }

    /// Leaves what is left of a container to a task.
    #[cold]
    #[inline(never)]
    fn leave(&mut self, cursor: &Cursor<'_>, task: Task) -> (*mut u8, Put) {
        self.push(task);
        (cursor.position(), Put::Open)
    }

    #[inline(never)]
    fn put_list(&mut self, mut cursor: Cursor<'_>, list: Ref<'_>, single: bool) -> (*mut u8, Put) {
        // SAFETY: the object is a list, and holds its items.
        let items = unsafe { items(list) };
        cursor.op(Opcode::EmptyList);
        self.memoize_begun(&mut cursor, list, single);
        if items.len() > 1 {
            cursor.op(Opcode::Mark);
        }
        let (done, open) = self.put_items(&mut cursor, items);
        if open || done < items.len() {
            let list = list.to_owned();
            return self.leave(
                &cursor,
                Task::List(List { list, next: done as isize, batch: done, single: items.len() == 1 }),
            );
        }
        match items.len() {
            0 => {}
            1 => cursor.op(Opcode::Append),
            _ => cursor.op(Opcode::Appends),
        }
        (cursor.position(), Put::Done)
    }

    #[inline(never)]
    fn put_tuple(&mut self, mut cursor: Cursor<'_>, tuple: Ref<'_>) -> (*mut u8, Put) {
        // SAFETY: the object is a tuple, and holds its items.
        let items = unsafe { items(tuple) };
        if items.len() > 3 {
            cursor.op(Opcode::Mark);
        }
        let (done, open) = self.put_items(&mut cursor, items);
        if open || done < items.len() {
            let (len, era) = (items.len() as isize, self.memo().era());
            let tuple = tuple.to_owned();
            self.begin(tuple.as_ref(), true);
            return self
                .leave(&cursor, Task::Tuple(Tuple { tuple, next: done as isize, len, single: true, era }));
        }
        cursor.op(match items.len() {
            1 => Opcode::Tuple1,
            2 => Opcode::Tuple2,
            3 => Opcode::Tuple3,
            _ => Opcode::Tuple,
        });
        cursor.op(Opcode::Memoize);
        self.memo().insert_waiting(tuple);
        (cursor.position(), Put::Done)
    }

    #[inline(never)]
    fn put_dict(&mut self, mut cursor: Cursor<'_>, dict: Ref<'_>, single: bool) -> (*mut u8, Put) {
        cursor.op(Opcode::EmptyDict);
        self.memoize_begun(&mut cursor, dict, single);
        let size = layout::items::len(dict);
        if size == 0 {
            return (cursor.position(), Put::Done);
        }
        if size > 1 {
            cursor.op(Opcode::Mark);
        }
        let mut position = 0;
        let (count, open) = self.put_pairs(&mut cursor, dict, &mut position, BATCH_SIZE);
        if open || (count as isize) < size {
            return self.leave(
                &cursor,
                Task::Dict(Dict {
                    dict: dict.to_owned(),
                    position,
                    size,
                    batch: count,
                    count,
                    single: size == 1,
                    value: None,
                    at_value: count > 0,
                }),
            );
        }
        cursor.op(if size == 1 { Opcode::SetItem } else { Opcode::SetItems });
        (cursor.position(), Put::Done)
    }

    #[inline(never)]
    fn put_set(&mut self, mut cursor: Cursor<'_>, set: Ref<'_>, single: bool) -> (*mut u8, Put) {
        let Some(mut elements) = self.elements(set, 0) else { return (cursor.position(), Put::No) };
        cursor.op(Opcode::EmptySet);
        self.memoize_begun(&mut cursor, set, single);
        let size = elements.total();
        if size == 0 {
            return (cursor.position(), Put::Done);
        }
        cursor.op(Opcode::Mark);
        let mut position = 0;
        let (count, open) = self.put_elements(&mut cursor, &mut elements, &mut position, usize::MAX);
        if open || count < size {
            let (elements, size) = (set.to_owned(), size as isize);
            return self.leave(&cursor, Task::Set(Set { elements, size, position, batch: count, count }));
        }
        cursor.op(Opcode::AddItems);
        (cursor.position(), Put::Done)
    }

    #[inline(never)]
    fn put_frozenset(&mut self, mut cursor: Cursor<'_>, set: Ref<'_>) -> (*mut u8, Put) {
        let Some(mut elements) = self.elements(set, 0) else { return (cursor.position(), Put::No) };
        cursor.op(Opcode::Mark);
        let mut position = 0;
        let (count, open) = self.put_elements(&mut cursor, &mut elements, &mut position, usize::MAX);
        if open || count < elements.total() {
            let era = self.memo().era();
            self.begin(set, true);
            return self.leave(
                &cursor,
                Task::FrozenSet(FrozenSet { set: set.to_owned(), position, count, single: true, era }),
            );
        }
        cursor.op(Opcode::FrozenSet);
        cursor.op(Opcode::Memoize);
        self.memo().insert_waiting(set);
        (cursor.position(), Put::Done)
    }

    /// Stores a container in the memo that comes before its parts.
    #[inline(always)]
    fn memoize_begun(&mut self, cursor: &mut Cursor<'_>, object: Ref<'_>, single: bool) {
        if single {
            self.memo().insert_waiting(object);
        } else {
            self.memo().insert(object);
        }
        cursor.op(Opcode::Memoize);
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

/// The same for text that is not all ASCII.
#[inline(always)]
fn wide_text(text: Ref<'_>) -> Option<text::Units<'_>> {
    if !text.is_exactly(&raw mut PyUnicode_Type) || text::ascii(text).is_some() {
        return None;
    }
    text::units(text).filter(|units| units.most() <= LONGEST)
}

#[inline(always)]
fn put_int(cursor: &mut Cursor<'_>, value: i64) {
    if i32::try_from(value).is_ok() {
        let (bytes, len) = spell::short_int(value);
        cursor.put(bytes, len);
    } else {
        let (bytes, len) = spell::long_int(value);
        cursor.put(bytes, len);
    }
}
