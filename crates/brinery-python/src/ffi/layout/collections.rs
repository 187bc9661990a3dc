//! `deque`, `OrderedDict` and `defaultdict`: read while they are saved, and filled while they are loaded.
//!
//! Both count their changes, so that whoever walks over them can tell that there was one.

use super::items;
use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result};

/// How many items a block of a deque holds.
const BLOCK: isize = 64;

#[repr(C)]
struct DequeObject {
    base: PyVarObject,
    left: *const Block,
    right: *mut Block,
    left_index: isize,
    right_index: isize,
    state: usize,
    most: isize,
}

#[repr(C)]
struct Block {
    left: *const Block,
    items: [*mut PyObject; BLOCK as usize],
    right: *mut Block,
}

#[repr(C)]
struct OrderedDictObject {
    base: PyDictObject,
    first: *const Node,
    last: *mut Node,
    /// The nodes by the place of their keys in the dict, made anew where the table is not the one that they were made for.
    fast_nodes: *mut *mut Node,
    fast_nodes_size: isize,
    resize_sentinel: *const std::ffi::c_void,
    state: usize,
}

#[repr(C)]
struct Node {
    key: *mut PyObject,
    hash: isize,
    next: *const Node,
    previous: *mut Node,
}

#[repr(C)]
struct DefaultDictObject {
    base: PyDictObject,
    factory: *mut PyObject,
}

/// The `maxlen` of a deque.
pub(crate) fn most(deque: Ref<'_>) -> Option<isize> {
    // SAFETY: callers know that this is a deque, and that its layout is known.
    let most = unsafe { (*deque.as_ptr().cast::<DequeObject>()).most };
    (most >= 0).then_some(most)
}

/// Sets the `maxlen` of an empty deque.
pub(crate) fn set_most(deque: Ref<'_>, most: isize) {
    // SAFETY: callers know that this is a deque, and that its layout is known.
    unsafe { (*deque.as_ptr().cast::<DequeObject>()).most = most };
}

/// Appends what stands on a stack from `start` on, and moves off it; `None` if that is for the deque to do.
pub(crate) fn extend(deque: Ref<'_>, stack: &mut Vec<Owned>, start: usize) -> Option<Result<()>> {
    let count = (stack.len() - start) as isize;
    // SAFETY: callers know that this is a deque, and that its layout is known. Its last block has room beyond the index, and
    // blocks come from the interpreter's allocator for memory.
    unsafe {
        let object = &mut *deque.as_ptr().cast::<DequeObject>();
        if object.most >= 0 && object.most - object.base.ob_size < count {
            return None;
        }
        for item in stack.drain(start..) {
            if object.right_index == BLOCK - 1 {
                let block = PyMem_Malloc(size_of::<Block>()).cast::<Block>();
                if block.is_null() {
                    PyErr_NoMemory();
                    return Some(Err(Raised));
                }
                (&raw mut (*block).left).write(object.right);
                (*object.right).right = block;
                object.right = block;
                object.right_index = -1;
            }
            object.right_index += 1;
            (*object.right).items[object.right_index as usize] = item.into_ptr();
            object.base.ob_size += 1;
            object.state = object.state.wrapping_add(1);
        }
    }
    Some(Ok(()))
}

/// Puts the keys of an `OrderedDict` into its order that have been added to the end of the dict behind its back, after
/// the first `before` ones.
pub(crate) fn put_in_order(dict: Ref<'_>, before: isize) -> Result<()> {
    let mut position = before;
    // SAFETY: callers know that this is an `OrderedDict` whose layout is known; nodes come from the interpreter's allocator for
    // memory, and hold their keys.
    unsafe {
        let object = &mut *dict.as_ptr().cast::<OrderedDictObject>();
        object.resize_sentinel = std::ptr::null();
        while let Some((key, _)) = items::next(dict, &mut position) {
            let hash = PyObject_Hash(key.as_ptr());
            let node = PyMem_Malloc(size_of::<Node>()).cast::<Node>();
            if node.is_null() {
                PyErr_NoMemory();
                return Err(Raised);
            }
            let previous = object.last;
            node.write(Node { key: key.to_owned().into_ptr(), hash, next: std::ptr::null(), previous });
            if previous.is_null() {
                object.first = node;
            } else {
                (*previous).next = node;
            }
            object.last = node;
            object.state = object.state.wrapping_add(1);
        }
    }
    Ok(())
}

/// Sets what makes the values that a new `defaultdict` lacks.
pub(crate) fn set_factory(dict: Ref<'_>, factory: Owned) {
    // SAFETY: callers know that this is a `defaultdict` without a factory whose layout is known.
    unsafe { (*dict.as_ptr().cast::<DefaultDictObject>()).factory = factory.into_ptr() };
}

/// A walk over the items of a deque.
pub(crate) struct Deque {
    deque: Owned,
    block: *const Block,
    index: isize,
    left: isize,
    state: usize,
}

impl Deque {
    /// Begins a walk over a deque whose layout is known.
    pub(crate) fn of(deque: &Owned) -> Self {
        // SAFETY: callers know that this is a deque.
        let object = unsafe { &*deque.as_ptr().cast::<DequeObject>() };
        Deque {
            deque: deque.clone(),
            block: object.left,
            index: object.left_index,
            left: object.base.ob_size,
            state: object.state,
        }
    }

    /// Whether nothing was added or removed since the walk began.
    #[inline(always)]
    pub(crate) fn is_unchanged(&self) -> bool {
        // SAFETY: the object is a deque.
        unsafe { (*self.deque.as_ptr().cast::<DequeObject>()).state == self.state }
    }

    /// The next item. The deque must be unchanged.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<Ref<'static>> {
        if self.left == 0 {
            return None;
        }
        // SAFETY: an unchanged deque has as many items from here on, in blocks that are linked to the right.
        unsafe {
            let item = (*self.block).items[self.index as usize];
            self.left -= 1;
            self.index += 1;
            if self.index == BLOCK && self.left > 0 {
                (self.block, self.index) = ((*self.block).right, 0);
            }
            Some(Ref::new(item))
        }
    }

    /// Items that come next and lie side by side; none if the deque is not unchanged. They are alive until foreign code
    /// runs.
    pub(crate) fn row(&self) -> &'static [*mut PyObject] {
        if self.left == 0 || !self.is_unchanged() {
            return &[];
        }
        // SAFETY: an unchanged deque has as many items from here on, those of a block side by side.
        unsafe {
            let block: &'static Block = &*self.block;
            &block.items[self.index as usize..(self.index + self.left).min(BLOCK) as usize]
        }
    }

    /// Leaves out items of a [`row`](Self::row).
    pub(crate) fn skip(&mut self, count: usize) {
        self.left -= count as isize;
        self.index += count as isize;
        if self.index == BLOCK && self.left > 0 {
            // SAFETY: as above; blocks are linked to the right.
            (self.block, self.index) = (unsafe { (*self.block).right }, 0);
        }
    }

    /// Ends the walk.
    pub(crate) fn stop(&mut self) {
        self.left = 0;
        // SAFETY: the object is a deque.
        self.state = unsafe { (*self.deque.as_ptr().cast::<DequeObject>()).state };
    }
}

/// A walk over the items of an `OrderedDict`.
pub(crate) struct Ordered {
    dict: Owned,
    node: *const Node,
    position: isize,
    size: isize,
    state: usize,
}

/// What a walk over an `OrderedDict` meets.
pub(crate) enum Step {
    Item(Ref<'static>, Ref<'static>),
    /// A key that is at another place in the dict, where it has to be looked for.
    Key(Ref<'static>),
    End,
    /// The order was changed.
    Mutated,
    /// Keys were added or removed behind the back of the order.
    Resized,
}

/// Whether no foreign code runs where an object is hashed.
#[inline(always)]
fn has_native_hash(key: Ref<'_>) -> bool {
    let native = [
        &raw mut PyUnicode_Type,
        &raw mut PyLong_Type,
        &raw mut PyBytes_Type,
        &raw mut PyFloat_Type,
        &raw mut PyBool_Type,
    ];
    native.contains(&key.type_ptr())
}

impl Ordered {
    /// Whether the iterator of an `OrderedDict` runs no foreign code: it looks each key up twice.
    pub(crate) fn has_native_keys(dict: Ref<'_>) -> bool {
        let mut position = 0;
        std::iter::from_fn(|| items::next(dict, &mut position)).all(|(key, _)| has_native_hash(key))
    }

    /// Begins a walk over an `OrderedDict` whose layout is known.
    pub(crate) fn of(dict: &Owned) -> Self {
        // SAFETY: callers know that this is an `OrderedDict`.
        let object = unsafe { &*dict.as_ptr().cast::<OrderedDictObject>() };
        Ordered {
            dict: dict.clone(),
            node: object.first,
            position: 0,
            size: items::len(dict.as_ref()),
            state: object.state,
        }
    }

    /// The dict.
    pub(crate) fn dict(&self) -> Ref<'_> {
        self.dict.as_ref()
    }

    /// Whether the next key has to be looked for, which may run code of its class, or the order was changed.
    pub(crate) fn is_foreign(&self) -> bool {
        // SAFETY: an unchanged order has live nodes.
        unsafe {
            if self.node.is_null() {
                return false;
            }
            if (*self.dict.as_ptr().cast::<OrderedDictObject>()).state != self.state
                || items::len(self.dict.as_ref()) != self.size
            {
                return true;
            }
            let mut position = self.position;
            items::next(self.dict.as_ref(), &mut position)
                .is_none_or(|(key, _)| key.as_ptr() != (*self.node).key)
        }
    }

    /// The next item.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Step {
        if self.node.is_null() {
            return Step::End;
        }
        // SAFETY: the object is an `OrderedDict`; an unchanged order has live nodes, which hold their keys.
        unsafe {
            if (*self.dict.as_ptr().cast::<OrderedDictObject>()).state != self.state {
                self.node = std::ptr::null();
                return Step::Mutated;
            }
            if items::len(self.dict.as_ref()) != self.size {
                self.size = -1;
                return Step::Resized;
            }
            let key = (*self.node).key;
            self.node = (*self.node).next;
            let dict: Ref<'static> = Ref::new(self.dict.as_ptr());
            match items::next(dict, &mut self.position) {
                Some((found, value)) if found.as_ptr() == key => Step::Item(found, value),
                _ => Step::Key(Ref::new(key)),
            }
        }
    }
}

/// Whether specimens look as expected.
#[cfg(known_layout)]
pub(super) fn are_known() -> Result<bool> {
    let module = crate::state::import("_collections")?;
    let class = |name: &str| module.getattr(Owned::str(name)?.as_ref());
    let (deque_class, ordered_class) = (class("deque")?, class("OrderedDict")?);
    let default_class = class("defaultdict")?;
    // SAFETY: the types are alive, and specimens are read only as far as their size allows.
    unsafe {
        let is_as_large = |class: &Owned, size: usize| {
            (*class.as_ptr().cast::<PyTypeObject>()).tp_basicsize >= size as isize
        };
        if !is_as_large(&deque_class, size_of::<DequeObject>())
            || !is_as_large(&ordered_class, size_of::<OrderedDictObject>())
            || !is_as_large(&default_class, size_of::<DefaultDictObject>())
        {
            return Ok(false);
        }
        // A deque of several blocks that does not begin at the beginning of one.
        let list = Owned::from_result(PyList_New(0))?;
        for number in 0..200 {
            if PyList_Append(list.as_ptr(), Owned::int(number)?.as_ptr()) != 0 {
                return Ok(false);
            }
        }
        let deque = deque_class.call(&[list.as_ref(), Owned::int(500)?.as_ref()])?;
        let changes = (*deque.as_ptr().cast::<DequeObject>()).state;
        if (*deque.as_ptr().cast::<DequeObject>()).base.ob_size != 200 || most(deque.as_ref()) != Some(500) {
            return Ok(false);
        }
        let first = deque.getattr(Owned::str("popleft")?.as_ref())?.call0()?;
        let mut walk = Deque::of(&deque);
        if !first.is(Ref::new(PyList_GET_ITEM(list.as_ptr(), 0))) || walk.state == changes || walk.left != 199
        {
            return Ok(false);
        }
        for index in 1..200 {
            if walk.next().is_none_or(|item| item.as_ptr() != PyList_GET_ITEM(list.as_ptr(), index)) {
                return Ok(false);
            }
        }
        // One that is filled here.
        let filled = deque_class.call0()?;
        let mut stack: Vec<Owned> =
            (0..200).map(|index| Ref::new(PyList_GET_ITEM(list.as_ptr(), index)).to_owned()).collect();
        let done = extend(filled.as_ref(), &mut stack, 0);
        let again = Ref::new((&raw mut PyList_Type).cast()).call1(filled.as_ref())?;
        if !matches!(done, Some(Ok(())))
            || PyObject_RichCompareBool(again.as_ptr(), list.as_ptr(), Py_EQ) != 1
            || (*filled.as_ptr().cast::<DequeObject>()).state == 0
        {
            return Ok(false);
        }
        // A `defaultdict` with a factory, and one without.
        let factory = |dict: &Owned| (*dict.as_ptr().cast::<DefaultDictObject>()).factory;
        let list_type = Ref::new((&raw mut PyList_Type).cast());
        if factory(&default_class.call1(list_type)?) != list_type.as_ptr()
            || !factory(&default_class.call0()?).is_null()
        {
            return Ok(false);
        }
        // An `OrderedDict` whose first key was moved behind the second.
        let dict = ordered_class.call0()?;
        let keys = [Owned::int(1)?, Owned::int(2)?];
        for key in &keys {
            dict.set_item(key.as_ref(), key.as_ref())?;
        }
        let object = dict.as_ptr().cast::<OrderedDictObject>();
        let changes = (*object).state;
        let mut walk = Ordered::of(&dict);
        let in_order = matches!(walk.next(), Step::Item(key, value) if key.is(keys[0].as_ref()) && value.is(key))
            && matches!(walk.next(), Step::Item(key, _) if key.is(keys[1].as_ref()))
            && matches!(walk.next(), Step::End);
        if !in_order {
            return Ok(false);
        }
        // Keys that are added behind its back, and put in order.
        for key in [3, 4] {
            let key = Owned::int(key)?;
            if PyDict_SetItem(dict.as_ptr(), key.as_ptr(), key.as_ptr()) != 0 {
                return Ok(false);
            }
        }
        put_in_order(dict.as_ref(), 2)?;
        for key in [3, 4] {
            let removed = dict.getattr(Owned::str("pop")?.as_ref())?.call1(Owned::int(key)?.as_ref())?;
            if PyLong_AsLong(removed.as_ptr()) != key {
                return Ok(false);
            }
        }
        let _none = dict.getattr(Owned::str("move_to_end")?.as_ref())?.call1(keys[0].as_ref())?;
        let mut walk = Ordered::of(&dict);
        Ok((*object).state != changes
            && matches!(walk.next(), Step::Key(key) if key.is(keys[1].as_ref()))
            && matches!(walk.next(), Step::Key(key) if key.is(keys[0].as_ref()))
            && matches!(walk.next(), Step::End))
    }
}
