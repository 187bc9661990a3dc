//! What is still to be done in a dump: an explicit stack, so that depth is bounded by memory alone.

use super::instance::Facts;
use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, layout, text};
use brinery::{Opcode, Path, Segment};
use std::rc::Rc;

/// One thing to do. The tasks of a dump form a stack; a container's task stays on it while its items are saved.
pub(super) enum Task {
    /// Save an object.
    Save(Owned),
    /// Write an opcode that has no argument.
    Op(Opcode),
    /// Store the object that is on the stack in the memo.
    Memoize(Owned),
    /// Write a `GLOBAL` of this module and name.
    #[cfg(Py_3_13)]
    Global(Owned, Owned),
    /// An exact list.
    List(List),
    /// An iterator over the items of a list-like object.
    ListItems(Box<Items>),
    /// An exact dict.
    Dict(Dict),
    /// An iterator over the items of a dict-like object.
    DictItems(Box<Items>),
    /// An exact set.
    Set(Set),
    /// An exact frozenset.
    FrozenSet(FrozenSet),
    /// An exact tuple.
    Tuple(Tuple),
    /// The attributes of an instance that are in no dict.
    Attributes(Attributes),
    /// The slots of an instance, as a dict.
    Slots(Slots),
    /// The state of an instance whose items come first.
    State(State),
    /// A state, and the `BUILD` that takes it.
    BuildWith(Owned),
    /// The end of a pair that only a reduction would make, and its items where the memo has to show it.
    EndPair(Option<Box<(Owned, Owned)>>),
    /// An object whose construction is being written: then come memo, items and state.
    Construct(Construct),
    /// The state of an array of numpy that has been made.
    ArrayState(Owned),
    /// The rest of it, after the dtype.
    ArrayData(Owned),
    /// The end of the reduction of the object at this address.
    LeaveReduction(usize),
    /// The end of a container that fast mode guards against cycles.
    LeaveFast(Owned),
}

/// Progress in a list.
pub(super) struct List {
    pub(super) list: Owned,
    pub(super) next: isize,
    pub(super) batch: usize,
    pub(super) single: bool,
}

/// Progress in the items of a list- or dict-like object, which go out in batches.
pub(super) struct Items {
    pub(super) from: From,
    /// The item being saved.
    pub(super) current: Option<Item>,
    /// The item fetched ahead, to know whether a batch has more than one.
    pub(super) ahead: Option<Item>,
    pub(super) batch: usize,
    pub(super) count: usize,
    pub(super) stage: Stage,
}

/// Where items come from.
pub(super) enum From {
    Iterator(Owned),
    /// A list whose class iterates it as `list` does, and the next index; none after the end.
    List(Owned, Option<isize>),
    /// A dict whose class iterates its items as `dict` does.
    Dict(Pairs),
    /// A deque, or a subclass that iterates its items in the same way.
    Deque(layout::collections::Deque),
    /// An `OrderedDict`, or a subclass that iterates its items in the same way.
    Ordered(layout::collections::Ordered),
}

/// Progress in the items of a dict, as its own iterator has it.
pub(super) struct Pairs {
    pub(super) dict: Owned,
    /// At the beginning.
    pub(super) size: isize,
    /// How many are still expected: a key that was put in place of another comes again.
    pub(super) left: isize,
    /// The next one; none after the end.
    pub(super) position: Option<isize>,
    /// The era of the memo at the beginning: as long as it lasts, nothing changes the dict.
    pub(super) era: usize,
}

/// One item.
#[derive(Clone)]
pub(super) enum Item {
    /// As an iterator returned it: of a dict-like object, that should be a pair.
    One(Owned),
    Pair(Owned, Owned),
}

/// Where in a batch an iterator stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before the first item of a batch.
    Start,
    /// The value of `current` comes next.
    Value,
    /// After an item of a batch.
    Batch,
    /// After an item that has no batch.
    Single,
    /// After the last item.
    End,
}

/// Progress in a dict.
pub(super) struct Dict {
    pub(super) dict: Owned,
    pub(super) position: isize,
    pub(super) size: isize,
    pub(super) batch: usize,
    pub(super) count: usize,
    pub(super) single: bool,
    /// The value whose key has just been saved.
    pub(super) value: Option<Owned>,
    /// Whether the item counted last is at its value.
    pub(super) at_value: bool,
}

/// Progress in a set.
pub(super) struct Set {
    pub(super) elements: Owned,
    pub(super) size: isize,
    pub(super) position: isize,
    pub(super) batch: usize,
    pub(super) count: usize,
}

/// Progress in a frozenset.
pub(super) struct FrozenSet {
    pub(super) set: Owned,
    pub(super) position: isize,
    pub(super) count: usize,
    /// Whether the set has a single holder, so that the memo need not know that it is in progress.
    pub(super) single: bool,
    /// The era of the memo when that was seen.
    pub(super) era: usize,
}

/// Progress in a tuple.
pub(super) struct Tuple {
    pub(super) tuple: Owned,
    pub(super) next: isize,
    pub(super) len: isize,
    /// Whether the tuple has a single holder, so that the memo need not know that it is in progress.
    pub(super) single: bool,
    /// The era of the memo when that was seen.
    pub(super) era: usize,
}

/// Progress in the attributes or slots of an instance, which are saved as the items of a dict.
pub(super) struct Attributes {
    pub(super) instance: Owned,
    pub(super) facts: Rc<Facts>,
    /// Whether these are the slots.
    pub(super) slots: bool,
    /// The position of the next one.
    pub(super) next: isize,
    /// How many have been begun.
    pub(super) count: isize,
    /// How many there are.
    pub(super) len: isize,
    /// Whether the one counted last is at its value.
    pub(super) at_value: bool,
    /// Whether its value is still to be saved, although nothing else of it is.
    pub(super) before_value: bool,
}

/// The attributes of an instance.
pub(super) struct State {
    pub(super) instance: Owned,
    pub(super) facts: Rc<Facts>,
}

/// The slots of an instance that have a value.
pub(super) struct Slots {
    pub(super) instance: Owned,
    pub(super) facts: Rc<Facts>,
    pub(super) count: isize,
}

/// What follows the construction of an object.
pub(super) struct Construct {
    /// The object, where it is to be memoised.
    pub(super) object: Option<Owned>,
    pub(super) list_items: Option<Owned>,
    pub(super) dict_items: Option<Owned>,
    pub(super) state: Option<Owned>,
    pub(super) state_setter: Option<Owned>,
}

/// The path from the root to the object being saved when a dump failed, read off the tasks.
pub(super) fn path_of(tasks: &[Task]) -> Path {
    let mut path = Path::default();
    for (position, task) in tasks.iter().enumerate() {
        let below = position.checked_sub(1).map(|below| &tasks[below]);
        match task {
            Task::List(list) => path.push(Segment::Index(last(list.next))),
            // A state that is a pair of dicts adds no step of its own.
            Task::Tuple(_) if matches!(below, Some(Task::Op(Opcode::Build | Opcode::Tuple2))) => {}
            Task::Tuple(tuple) => path.push(Segment::Index(last(tuple.next))),
            Task::ListItems(items) => path.push(Segment::Index(items.count.saturating_sub(1))),
            Task::Set(set) => path.push(Segment::Element(set.count.saturating_sub(1))),
            Task::FrozenSet(set) => path.push(Segment::Element(set.count.saturating_sub(1))),
            Task::Dict(dict) => path.push(dict_step(dict, is_state(tasks, position))),
            Task::Attributes(attributes) => path.push(attributes.place()),
            Task::DictItems(items) => path.push(items_step(items, is_state(tasks, position))),
            Task::Construct(_) => {
                if let Some(step) = construct_step(&tasks[position + 1..]) {
                    path.push(Segment::Call("__reduce_ex__"));
                    path.push(Segment::Index(step));
                }
            }
            _ => {}
        }
    }
    path
}

fn last(next: isize) -> usize {
    next.unsigned_abs().saturating_sub(1)
}

/// Whether the dict at this position is the state that a BUILD will take, or the half of it.
fn is_state(tasks: &[Task], position: usize) -> bool {
    let below = |steps: usize| position.checked_sub(steps).map(|below| &tasks[below]);
    let is_build = |steps: usize| matches!(below(steps), Some(Task::Op(Opcode::Build)));
    match (below(1), below(2)) {
        (Some(Task::Tuple(_) | Task::EndPair(_)), _) => is_build(2),
        (Some(Task::Slots(_) | Task::Save(_)), Some(Task::EndPair(_))) => is_build(3),
        _ => is_build(1),
    }
}

/// Which element of the reduction is being saved, by what is still to be done above its task.
fn construct_step(above: &[Task]) -> Option<usize> {
    match above {
        [Task::Op(Opcode::Reduce | Opcode::NewObj | Opcode::NewObjEx), Task::Save(_), ..] => Some(0),
        [Task::Op(Opcode::Reduce | Opcode::NewObj | Opcode::NewObjEx), ..] => Some(1),
        _ => None,
    }
}

fn dict_step(dict: &Dict, state: bool) -> Segment {
    let count = dict.count.saturating_sub(1);
    if !dict.at_value {
        return Segment::KeyAt(count);
    }
    // Only now that something failed is the key looked for: the dict is walked again up to it.
    let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
    for _ in 0..=count {
        // SAFETY: the dict is alive; the references are borrowed from it and used before anything else runs.
        if unsafe { PyDict_Next(dict.dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) } == 0 {
            return Segment::KeyAt(count);
        }
    }
    // SAFETY: the last call succeeded.
    let key = unsafe { Ref::new(key) }.to_owned();
    key_step(key.as_ref(), state)
}

fn items_step(items: &Items, state: bool) -> Segment {
    match &items.current {
        Some(Item::Pair(key, _)) if items.stage != Stage::Value => key_step(key.as_ref(), state),
        Some(Item::One(pair)) if items.stage != Stage::Value && pair.is_tuple() => {
            // SAFETY: the pair was checked to be a tuple of two.
            key_step(unsafe { Ref::new(PyTuple_GET_ITEM(pair.as_ptr(), 0)) }, state)
        }
        _ => Segment::KeyAt(items.count.saturating_sub(1)),
    }
}

/// How long the text of a key may be in a path, in characters.
const KEY_WIDTH: usize = 80;

pub(super) fn key_step(key: Ref<'_>, attribute: bool) -> Segment {
    let mut repr = if key.is_exactly(&raw mut PyUnicode_Type) {
        let text = key.text();
        if attribute && !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Segment::Attribute(text);
        }
        format!("{text:?}")
    } else {
        key.repr_text()
    };
    if let Some((end, _)) = repr.char_indices().nth(KEY_WIDTH) {
        repr.truncate(end);
        repr.push('…');
    }
    Segment::Key(repr)
}

/// Whether `text` is spelled like a private name, which the compiler mangles.
pub(super) fn is_private(name: Ref<'_>) -> bool {
    name.is_str()
        && text::utf8(name).is_ok_and(|name| {
            let name = name.as_slice();
            name.starts_with(b"__") && !name.ends_with(b"__")
        })
}
