//! Lists, tuples, dicts and sets.

use super::global::dict_get;
use super::memo::Known;
use super::scalar::SHORT;
use super::task::{Dict, From, FrozenSet, Item, Items, List, Pairs, Set, Stage, Task, Tuple};
use super::{Dump, Leaf, MOST_NESTED};
use crate::ffi::api::*;
use crate::ffi::layout::collections::Step;
use crate::ffi::sequence::items;
use crate::ffi::{Owned, Ref, Result, error, layout, set};
use brinery::Opcode;
use brinery::write::BATCH_SIZE;

/// How many items of a list are saved one by one after one that was not fit for a row: more are likely to follow.
const BETWEEN_ROWS: usize = 8;

/// How many items are worth the preparation of a row.
const SHORTEST_ROW: isize = 4;

/// Fetches the progress of a container's task by its place on the stack.
macro_rules! progress {
    ($dump:expr, $top:expr, $kind:ident) => {
        match &mut $dump.tasks[$top] {
            Task::$kind(progress) => progress,
            _ => unreachable!("the task on top is the one being advanced"),
        }
    };
}

impl Dump<'_> {
    pub(super) fn save_list(&mut self, list: Owned, single: bool) -> Result<()> {
        self.enter_fast(&list)?;
        self.out.empty_list();
        self.memoize_held(list.as_ref(), single)?;
        // SAFETY: the object is a list.
        let size = unsafe { PyList_GET_SIZE(list.as_ptr()) };
        if size == 0 {
            return Ok(());
        }
        if self.out.protocol() == 0 {
            let iterator = list.iter()?;
            self.push(Task::ListItems(Items::boxed(From::Iterator(iterator))));
            Ok(())
        } else {
            if size > 1 {
                self.out.op(Opcode::Mark);
            }
            self.begin_list(List { list, next: 0, batch: 0, single: size == 1 })
        }
    }

    /// Saves the first items of a list, as long as they have no parts; a task goes on from there.
    fn begin_list(&mut self, mut progress: List) -> Result<()> {
        loop {
            // SAFETY: the object is a list. Its size is asked anew each time: long text goes to the file at once, and
            // that may change the list.
            let size = unsafe { PyList_GET_SIZE(progress.list.as_ptr()) };
            if progress.single && progress.next == 1 {
                self.out.op(Opcode::Append);
                return Ok(());
            }
            if progress.next >= size {
                self.out.op(Opcode::Appends);
                return Ok(());
            }
            if progress.batch == BATCH_SIZE || self.is_guarded() {
                break;
            }
            let (most, top) = (BATCH_SIZE - progress.batch, self.tasks.len());
            // SAFETY: the object is a list, whose items it holds until foreign code runs.
            let done = unsafe { self.save_items(progress.list.as_ref(), progress.next, size, most) };
            if done > 0 {
                progress.next += done as isize;
                progress.batch += done;
                if self.tasks.len() > top {
                    self.push_below(top, Task::List(progress));
                    return Ok(());
                }
                continue;
            }
            // SAFETY: the index is below the size, and the list holds the item until foreign code runs.
            let item: Ref<'static> =
                unsafe { Ref::new(PyList_GET_ITEM(progress.list.as_ptr(), progress.next)) };
            match self.save_leaf(item, 1) {
                Ok(Leaf::Saved) => {
                    progress.next += 1;
                    progress.batch += 1;
                }
                Ok(Leaf::No { single }) => {
                    if self.nested >= MOST_NESTED {
                        break;
                    }
                    progress.next += 1;
                    progress.batch += 1;
                    self.push(Task::List(progress));
                    return self.save_nested(item, single);
                }
                Err(raised) => {
                    progress.next += 1;
                    self.push(Task::List(progress));
                    return Err(raised);
                }
            }
        }
        self.push(Task::List(progress));
        Ok(())
    }

    /// Saves items of a list or tuple from an index on in one go, as far as that can be; tells how many.
    ///
    /// # Safety
    ///
    /// The object is one of the two.
    #[inline(always)]
    unsafe fn save_items(&mut self, object: Ref<'_>, next: isize, len: isize, most: usize) -> usize {
        if len - next < SHORTEST_ROW {
            return 0;
        }
        // SAFETY: by contract; nothing here runs foreign code.
        unsafe {
            let items = items(object);
            let items = &items[(next as usize).min(items.len())..];
            self.save_row(&items[..items.len().min(most)])
        }
    }

    /// Saves an object that has parts, from within the function that saves its container.
    fn save_nested(&mut self, object: Ref<'_>, single: bool) -> Result<()> {
        self.nested += 1;
        let result = self.save_compound(object.to_owned(), single);
        self.nested -= 1;
        result
    }

    pub(super) fn advance_list(&mut self, top: usize) -> Result<()> {
        let progress = progress!(self, top, List);
        // SAFETY: the task holds the list as long as it is on the stack.
        let list: Ref<'static> = unsafe { Ref::new(progress.list.as_ptr()) };
        let (mut next, mut batch, single) = (progress.next, progress.batch, progress.single);
        // How many items to go before a row is looked for again.
        let mut apart = 0;
        loop {
            // SAFETY: the object is a list; its size is asked anew for each item, since foreign code may change it.
            let size = unsafe { PyList_GET_SIZE(list.as_ptr()) };
            if single && next == 1 {
                self.out.op(Opcode::Append);
                self.tasks.pop();
                return Ok(());
            }
            if next >= size || batch == BATCH_SIZE {
                self.out.op(Opcode::Appends);
                if next >= size {
                    self.tasks.pop();
                    return Ok(());
                }
                self.out.op(Opcode::Mark);
                batch = 0;
            }
            if apart > 0 {
                apart -= 1;
            } else if !self.is_guarded() {
                // SAFETY: the object is a list, whose items it holds until foreign code runs.
                let done = unsafe { self.save_items(list, next, size, BATCH_SIZE - batch) };
                if done > 0 {
                    next += done as isize;
                    batch += done;
                    if self.tasks.len() > top + 1 {
                        (progress!(self, top, List).next, progress!(self, top, List).batch) = (next, batch);
                        return Ok(());
                    }
                    continue;
                }
                apart = BETWEEN_ROWS;
            }
            // SAFETY: the index is below the size; what may run foreign code keeps the item alive.
            let item = unsafe { Ref::new(PyList_GET_ITEM(list.as_ptr(), next)) };
            next += 1;
            batch += 1;
            if self.is_guarded() {
                (progress!(self, top, List).next, progress!(self, top, List).batch) = (next, batch);
                self.save_guarded(item)?;
            } else {
                match self.save_leaf(item, 1) {
                    Ok(Leaf::Saved) => continue,
                    Ok(Leaf::No { single }) => {
                        (progress!(self, top, List).next, progress!(self, top, List).batch) = (next, batch);
                        self.save_compound(item.to_owned(), single)?;
                    }
                    Err(raised) => {
                        progress!(self, top, List).next = next;
                        return Err(raised);
                    }
                }
            }
            if self.tasks.len() > top + 1 {
                return Ok(());
            }
        }
    }

    pub(super) fn save_tuple(&mut self, tuple: Owned, single: bool) -> Result<()> {
        // SAFETY: the object is a tuple.
        let len = unsafe { PyTuple_GET_SIZE(tuple.as_ptr()) };
        if len == 0 {
            self.out.empty_tuple();
            return Ok(());
        }
        if len > 3 || self.out.protocol() < 2 {
            self.out.op(Opcode::Mark);
        }
        let era = self.memo().era();
        let mut progress = Tuple { tuple, next: 0, len, single, era };
        // The first items, as long as they have no parts; a task goes on from there.
        while progress.next < len && !self.is_guarded() {
            let top = self.tasks.len();
            // SAFETY: the object is a tuple.
            let done = unsafe { self.save_items(progress.tuple.as_ref(), progress.next, len, usize::MAX) };
            if done > 0 {
                progress.next += done as isize;
                if self.tasks.len() > top {
                    self.push_tuple(top, progress);
                    return Ok(());
                }
                continue;
            }
            // SAFETY: the index is below the length, and the tuple holds the item.
            let item: Ref<'static> =
                unsafe { Ref::new(PyTuple_GET_ITEM(progress.tuple.as_ptr(), progress.next)) };
            match self.save_leaf(item, 1) {
                Ok(Leaf::Saved) => progress.next += 1,
                Ok(Leaf::No { .. }) if self.nested >= MOST_NESTED => break,
                Ok(Leaf::No { single }) => {
                    progress.next += 1;
                    self.push_tuple(top, progress);
                    return self.save_nested(item, single);
                }
                Err(raised) => {
                    progress.next += 1;
                    self.push(Task::Tuple(progress));
                    return Err(raised);
                }
            }
        }
        if progress.next < len {
            self.push_tuple(self.tasks.len(), progress);
            return Ok(());
        }
        self.finish_tuple(&progress)
    }

    /// Leaves the rest of a tuple to a task, before which there are `top`. It may hold itself through that.
    fn push_tuple(&mut self, top: usize, mut progress: Tuple) {
        progress.single &= progress.era == self.memo().era();
        self.begin(progress.tuple.as_ref(), progress.single);
        self.push_below(top, Task::Tuple(progress));
    }

    pub(super) fn advance_tuple(&mut self, top: usize) -> Result<()> {
        let progress = progress!(self, top, Tuple);
        // SAFETY: the task holds the tuple as long as it is on the stack.
        let tuple: Ref<'static> = unsafe { Ref::new(progress.tuple.as_ptr()) };
        let (mut next, len) = (progress.next, progress.len);
        loop {
            if next == len {
                let Some(Task::Tuple(done)) = self.tasks.pop() else { return Ok(()) };
                self.unbegun -= usize::from(done.single);
                return self.finish_tuple(&done);
            }
            if !self.is_guarded() {
                // SAFETY: the object is a tuple.
                let done = unsafe { self.save_items(tuple, next, len, usize::MAX) };
                if done > 0 {
                    next += done as isize;
                    if self.tasks.len() > top + 1 {
                        progress!(self, top, Tuple).next = next;
                        return Ok(());
                    }
                    continue;
                }
            }
            // SAFETY: the index is below the length, which never changes.
            let item = unsafe { Ref::new(PyTuple_GET_ITEM(tuple.as_ptr(), next)) };
            next += 1;
            progress!(self, top, Tuple).next = next;
            self.save(item)?;
            if self.tasks.len() > top + 1 {
                return Ok(());
            }
        }
    }

    fn finish_tuple(&mut self, done: &Tuple) -> Result<()> {
        let tuple = done.tuple.as_ref();
        let short = done.len <= 3 && self.out.protocol() >= 2;
        // Foreign code may have taken the tuple from its holder meanwhile, or moved it to where it is met again.
        let single = done.single && self.singles() && done.era == self.memo().era();
        if !single && let Known::At(index) = self.memo().get(tuple) {
            // The tuple holds itself, and was written when it was reached from within: drop this copy.
            if short {
                (0..done.len).for_each(|_| self.out.op(Opcode::Pop));
            } else if self.out.protocol() >= 1 {
                self.out.op(Opcode::PopMark);
            } else {
                (0..=done.len).for_each(|_| self.out.op(Opcode::Pop));
            }
            return self.get(index);
        }
        self.out.op(match done.len {
            1 if short => Opcode::Tuple1,
            2 if short => Opcode::Tuple2,
            3 if short => Opcode::Tuple3,
            _ => Opcode::Tuple,
        });
        self.memoize_held(tuple, single)
    }

    pub(super) fn save_dict(&mut self, dict: Owned, single: bool) -> Result<()> {
        self.enter_fast(&dict)?;
        self.out.empty_dict();
        self.memoize_held(dict.as_ref(), single)?;
        let size = layout::items::len(dict.as_ref());
        if size == 0 {
            return Ok(());
        }
        if self.out.protocol() == 0 {
            let iterator = dict.getattr(self.state.names.items.as_ref())?.call0()?.iter()?;
            self.push(Task::DictItems(Items::boxed(From::Iterator(iterator))));
            return Ok(());
        }
        if size > 1 {
            self.out.op(Opcode::Mark);
        }
        self.begin_dict(Dict {
            dict,
            position: 0,
            size,
            batch: 0,
            count: 0,
            single: size == 1,
            value: None,
            at_value: false,
        })
    }

    /// Saves the first items of a dict, as long as they have no parts; a task goes on from there.
    fn begin_dict(&mut self, mut progress: Dict) -> Result<()> {
        // SAFETY: the dict is held by the progress and then by the task.
        let dict: Ref<'static> = unsafe { Ref::new(progress.dict.as_ptr()) };
        let holders = isize::from(!layout::items::shares_keys(dict));
        while progress.batch < BATCH_SIZE && !self.is_guarded() {
            // Long text goes to the file at once, and that may change the dict: then the task says so.
            if layout::items::len(dict) != progress.size {
                break;
            }
            if progress.count as isize == progress.size {
                self.out.op(if progress.single { Opcode::SetItem } else { Opcode::SetItems });
                return Ok(());
            }
            let top = self.tasks.len();
            let done = self.save_pairs(dict, &mut progress.position, BATCH_SIZE - progress.batch);
            if done > 0 {
                progress.batch += done;
                progress.count += done;
                progress.at_value = true;
                if self.tasks.len() > top {
                    self.push_below(top, Task::Dict(progress));
                    return Ok(());
                }
                continue;
            }
            let mut position = progress.position;
            let Some((key, value)) = layout::items::next(dict, &mut position) else { break };
            if !is_simple(key) {
                break;
            }
            progress.position = position;
            progress.batch += 1;
            progress.count += 1;
            progress.at_value = true;
            match self.save_leaf(key, holders) {
                Ok(Leaf::Saved) => {}
                Ok(Leaf::No { .. }) => unreachable!("numbers and text have no parts"),
                Err(raised) => {
                    self.push(Task::Dict(progress));
                    return Err(raised);
                }
            }
            if self.is_guarded() {
                progress.value = Some(value.to_owned());
                break;
            }
            match self.save_leaf(value, 1) {
                Ok(Leaf::Saved) => {}
                Ok(Leaf::No { .. }) if self.nested >= MOST_NESTED => {
                    progress.value = Some(value.to_owned());
                    break;
                }
                Ok(Leaf::No { single }) => {
                    self.push(Task::Dict(progress));
                    return self.save_nested(value, single);
                }
                Err(raised) => {
                    self.push(Task::Dict(progress));
                    return Err(raised);
                }
            }
        }
        self.push(Task::Dict(progress));
        Ok(())
    }

    pub(super) fn advance_dict(&mut self, top: usize) -> Result<()> {
        loop {
            let progress = progress!(self, top, Dict);
            if let Some(value) = progress.value.take() {
                progress.at_value = true;
                // Held twice: saving the key may have taken the value from the dict.
                self.save(value.clone().as_ref())?;
                if self.tasks.len() > top + 1 {
                    return Ok(());
                }
                continue;
            }
            if progress.single && progress.count == 1 {
                self.out.op(Opcode::SetItem);
                self.tasks.pop();
                return Ok(());
            }
            // SAFETY: the task holds the dict as long as it is on the stack.
            let dict: Ref<'static> = unsafe { Ref::new(progress.dict.as_ptr()) };
            if progress.batch < BATCH_SIZE && !self.is_guarded() {
                let progress = progress!(self, top, Dict);
                let (mut position, most) = (progress.position, BATCH_SIZE - progress.batch);
                let done = self.save_pairs(dict, &mut position, most);
                let progress = progress!(self, top, Dict);
                progress.position = position;
                progress.batch += done;
                progress.count += done;
                progress.at_value |= done > 0;
                if self.tasks.len() > top + 1 {
                    return Ok(());
                }
                let progress = progress!(self, top, Dict);
                if progress.single && progress.count == 1 {
                    continue;
                }
            }
            let progress = progress!(self, top, Dict);
            let item = if progress.batch < BATCH_SIZE {
                layout::items::next(dict, &mut progress.position)
            } else {
                None
            };
            let Some((key, value)) = item else {
                let full = progress.batch == BATCH_SIZE;
                self.out.op(Opcode::SetItems);
                if layout::items::len(dict) != progress.size {
                    self.settle();
                    return Err(error::runtime_error("dictionary changed size during iteration"));
                }
                if !full {
                    self.tasks.pop();
                    return Ok(());
                }
                // `_pickle` begins another batch even where nothing is left to go into it.
                self.out.op(Opcode::Mark);
                progress.batch = 0;
                continue;
            };
            progress.batch += 1;
            progress.count += 1;
            // Keys that are shared count once for all dicts that have them.
            let holders = isize::from(!layout::items::shares_keys(dict));
            if is_simple(key) && !self.is_guarded() {
                // Saving the key runs no foreign code, so the dict goes on holding the value.
                progress!(self, top, Dict).at_value = true;
                if let Leaf::No { .. } = self.save_leaf(key, holders)? {
                    unreachable!("numbers and text have no parts");
                }
                if self.is_guarded() {
                    self.save_guarded(value)?;
                } else if let Leaf::No { single } = self.save_leaf(value, 1)? {
                    self.save_compound(value.to_owned(), single)?;
                }
            } else {
                let key = key.to_owned();
                let progress = progress!(self, top, Dict);
                progress.at_value = false;
                progress.value = Some(value.to_owned());
                if self.is_guarded() {
                    self.save_guarded(key.as_ref())?;
                } else if let Leaf::No { single } = self.save_leaf(key.as_ref(), 2 * holders)? {
                    self.save_compound(key, single)?;
                }
            }
            if self.tasks.len() > top + 1 {
                return Ok(());
            }
        }
    }

    pub(super) fn save_set(&mut self, set: &Owned, single: bool) -> Result<()> {
        if self.out.protocol() < 4 {
            return self.save_set_reduced(set, &raw mut PySet_Type);
        }
        self.enter_fast(set)?;
        self.out.op(Opcode::EmptySet);
        self.memoize_held(set.as_ref(), single)?;
        // SAFETY: the object is a set.
        let size = unsafe { PySet_Size(set.as_ptr()) };
        if size == 0 {
            return Ok(());
        }
        self.out.op(Opcode::Mark);
        let top = self.tasks.len();
        let (position, count) = if size < BATCH_SIZE as isize { self.begin_elements(set) } else { (0, 0) };
        if count as isize == size && self.tasks.len() == top {
            self.out.op(Opcode::AddItems);
            return Ok(());
        }
        self.push_below(top, Task::Set(Set { elements: set.clone(), size, position, batch: count, count }));
        Ok(())
    }

    /// Saves the first elements of a set, as far as they are fit for rows; tells where that ends and how many they were. If
    /// there are more tasks than before, they are what is left of the last one.
    fn begin_elements(&mut self, set: &Owned) -> (isize, usize) {
        let (mut position, mut count, top) = (0, 0, self.tasks.len());
        loop {
            let done = self.save_elements(set.as_ref(), &mut position, usize::MAX);
            count += done;
            if done == 0 || self.tasks.len() > top {
                return (position, count);
            }
        }
    }

    pub(super) fn advance_set(&mut self, top: usize) -> Result<()> {
        loop {
            let progress = progress!(self, top, Set);
            if progress.batch < BATCH_SIZE {
                // SAFETY: the task holds the set as long as it is on the stack.
                let set: Ref<'static> = unsafe { Ref::new(progress.elements.as_ptr()) };
                let (mut position, most) = (progress.position, BATCH_SIZE - progress.batch);
                let done = self.save_elements(set, &mut position, most);
                if done > 0 {
                    let progress = progress!(self, top, Set);
                    progress.position = position;
                    progress.batch += done;
                    progress.count += done;
                    if self.tasks.len() > top + 1 {
                        return Ok(());
                    }
                    continue;
                }
            }
            let progress = progress!(self, top, Set);
            let item = if progress.batch < BATCH_SIZE {
                set::next(progress.elements.as_ref(), &mut progress.position)
            } else {
                None
            };
            let Some(item) = item else {
                self.out.op(Opcode::AddItems);
                // SAFETY: the object is a set.
                if unsafe { PySet_Size(progress.elements.as_ptr()) } != progress.size {
                    self.settle();
                    return Err(error::runtime_error("set changed size during iteration"));
                }
                if progress.batch < BATCH_SIZE {
                    self.tasks.pop();
                    return Ok(());
                }
                self.out.op(Opcode::Mark);
                progress.batch = 0;
                continue;
            };
            progress.batch += 1;
            progress.count += 1;
            self.save_element(&item)?;
            if self.tasks.len() > top + 1 {
                return Ok(());
            }
        }
    }

    /// An element that its set and the caller hold.
    #[inline(always)]
    fn save_element(&mut self, element: &Owned) -> Result<()> {
        if self.is_guarded() {
            return self.save_guarded(element.as_ref());
        }
        match self.save_leaf(element.as_ref(), 2)? {
            Leaf::Saved => Ok(()),
            Leaf::No { single } => self.save_compound(element.clone(), single),
        }
    }

    pub(super) fn save_frozenset(&mut self, set: Owned, single: bool) -> Result<()> {
        if self.out.protocol() < 4 {
            return self.save_set_reduced(&set, &raw mut PyFrozenSet_Type);
        }
        self.enter_fast(&set)?;
        self.out.op(Opcode::Mark);
        let (era, top) = (self.memo().era(), self.tasks.len());
        let (position, count) = self.begin_elements(&set);
        let progress = FrozenSet { set, position, count, single, era };
        // SAFETY: the object is a frozenset.
        if count as isize == unsafe { PySet_Size(progress.set.as_ptr()) } && self.tasks.len() == top {
            return self.finish_frozenset(&progress);
        }
        // It may hold itself through the rest.
        self.begin(progress.set.as_ref(), single);
        self.push_below(top, Task::FrozenSet(progress));
        Ok(())
    }

    pub(super) fn advance_frozenset(&mut self, top: usize) -> Result<()> {
        loop {
            let progress = progress!(self, top, FrozenSet);
            // SAFETY: the task holds the set as long as it is on the stack.
            let set: Ref<'static> = unsafe { Ref::new(progress.set.as_ptr()) };
            let mut position = progress.position;
            let done = self.save_elements(set, &mut position, usize::MAX);
            let progress = progress!(self, top, FrozenSet);
            progress.position = position;
            progress.count += done;
            if self.tasks.len() > top + 1 {
                return Ok(());
            }
            if done > 0 {
                continue;
            }
            let progress = progress!(self, top, FrozenSet);
            let Some(item) = set::next(progress.set.as_ref(), &mut progress.position) else {
                let Some(Task::FrozenSet(done)) = self.tasks.pop() else { return Ok(()) };
                self.unbegun -= usize::from(done.single);
                return self.finish_frozenset(&done);
            };
            progress.count += 1;
            self.save_element(&item)?;
            if self.tasks.len() > top + 1 {
                return Ok(());
            }
        }
    }

    fn finish_frozenset(&mut self, done: &FrozenSet) -> Result<()> {
        // As for tuples: foreign code may have moved the set to where it is met again.
        let single = done.single && self.singles() && done.era == self.memo().era();
        if !single && let Known::At(index) = self.memo().get(done.set.as_ref()) {
            self.out.op(Opcode::PopMark);
            return self.get(index);
        }
        self.out.op(Opcode::FrozenSet);
        self.memoize_held(done.set.as_ref(), single)
    }

    /// Older protocols know no sets: they are made from a list.
    fn save_set_reduced(&mut self, set: &Owned, kind: *mut PyTypeObject) -> Result<()> {
        self.settle();
        // SAFETY: the object is alive, and the two set types live as long as the interpreter.
        let (items, kind) =
            unsafe { (Owned::from_result(PySequence_List(set.as_ptr()))?, Ref::new(kind.cast())) };
        let reduced = Owned::tuple(&[kind, Owned::tuple(&[items.as_ref()])?.as_ref()])?;
        self.save_reduced(reduced.as_ref(), Some(set.as_ref()))
    }

    /// The items of a list-like object, in batches; one by one in protocol 0.
    pub(super) fn advance_list_items(&mut self, top: usize) -> Result<()> {
        loop {
            let protocol = self.out.protocol();
            let era = self.memo().era();
            if progress!(self, top, ListItems).is_foreign(era) {
                self.settle();
            }
            let progress = progress!(self, top, ListItems);
            match progress.stage {
                Stage::Start => {
                    if !progress.begin(protocol)? {
                        self.tasks.pop();
                        return Ok(());
                    }
                    if progress.stage == Stage::Batch {
                        self.out.op(Opcode::Mark);
                    }
                }
                Stage::Single | Stage::Value => {
                    self.out.op(Opcode::Append);
                    progress.stage = if protocol == 0 { Stage::Start } else { Stage::End };
                    continue;
                }
                Stage::Batch => {
                    if progress.ahead.is_none() && progress.batch < BATCH_SIZE {
                        let most = BATCH_SIZE - progress.batch;
                        let row = progress.from.row();
                        // SAFETY: what has the items holds them until foreign code runs.
                        let done = unsafe { self.save_row(&row[..row.len().min(most)]) };
                        if done > 0 {
                            let progress = progress!(self, top, ListItems);
                            progress.from.skip(done);
                            progress.batch += done;
                            progress.count += done;
                            if self.tasks.len() > top + 1 {
                                return Ok(());
                            }
                            continue;
                        }
                    }
                    if !progress!(self, top, ListItems).advance()? {
                        self.out.op(Opcode::Appends);
                        continue;
                    }
                }
                Stage::End => {
                    self.tasks.pop();
                    return Ok(());
                }
            }
            let Some(Item::One(item)) = progress!(self, top, ListItems).current.clone() else { continue };
            self.save(item.as_ref())?;
            if self.tasks.len() > top + 1 {
                return Ok(());
            }
        }
    }

    /// The items of a dict-like object, in batches; one by one in protocol 0.
    pub(super) fn advance_dict_items(&mut self, top: usize) -> Result<()> {
        loop {
            let protocol = self.out.protocol();
            let era = self.memo().era();
            if progress!(self, top, DictItems).is_foreign(era) {
                self.settle();
            }
            let progress = progress!(self, top, DictItems);
            let single = progress.batch == 0;
            let at_value = match progress.stage {
                Stage::Start => {
                    if !progress.begin(protocol)? {
                        self.tasks.pop();
                        return Ok(());
                    }
                    if progress.stage == Stage::Batch {
                        self.out.op(Opcode::Mark);
                    }
                    progress.stage = Stage::Value;
                    false
                }
                Stage::Value => {
                    progress.stage = if single { Stage::Single } else { Stage::Batch };
                    true
                }
                Stage::Single => {
                    self.out.op(Opcode::SetItem);
                    progress.stage = if protocol == 0 { Stage::Start } else { Stage::End };
                    continue;
                }
                Stage::End => {
                    self.tasks.pop();
                    return Ok(());
                }
                Stage::Batch => {
                    if progress.ahead.is_none()
                        && progress.batch < BATCH_SIZE
                        && let From::Dict(pairs) = &progress.from
                        && let Some(mut position) = pairs.position
                        && layout::items::len(pairs.dict.as_ref()) == pairs.size
                    {
                        // SAFETY: the task holds the dict.
                        let dict: Ref<'static> = unsafe { Ref::new(pairs.dict.as_ptr()) };
                        let most = (BATCH_SIZE - progress.batch).min(pairs.left as usize);
                        let done = self.save_pairs(dict, &mut position, most);
                        let progress = progress!(self, top, DictItems);
                        if let From::Dict(pairs) = &mut progress.from {
                            pairs.position = Some(position);
                            pairs.left -= done as isize;
                        }
                        progress.batch += done;
                        progress.count += done;
                        if self.tasks.len() > top + 1 {
                            return Ok(());
                        }
                        if done > 0 {
                            continue;
                        }
                    }
                    let progress = progress!(self, top, DictItems);
                    if !progress.advance()? {
                        self.out.op(Opcode::SetItems);
                        continue;
                    }
                    progress.stage = Stage::Value;
                    false
                }
            };
            // Held: the pair may be the only other holder, and it goes with the next one.
            let item = match &progress!(self, top, DictItems).current {
                None => continue,
                Some(Item::Pair(key, value)) => if at_value { value } else { key }.clone(),
                // SAFETY: a tuple of two has both items.
                Some(Item::One(pair)) => unsafe {
                    if !pair.is_tuple() || PyTuple_GET_SIZE(pair.as_ptr()) != 2 {
                        return Err(error::type_error("dict items iterator must return 2-tuples"));
                    }
                    Ref::new(PyTuple_GET_ITEM(pair.as_ptr(), at_value.into())).to_owned()
                },
            };
            self.save(item.as_ref())?;
            if self.tasks.len() > top + 1 {
                return Ok(());
            }
        }
    }
}

/// Whether an object is saved at once and without running any foreign code: a number or text that is not long.
#[inline(always)]
pub(super) fn is_simple(object: Ref<'_>) -> bool {
    let kind = object.type_ptr();
    if kind == &raw mut PyUnicode_Type {
        // SAFETY: the object is a str.
        return unsafe { PyUnicode_GET_LENGTH(object.as_ptr()) <= SHORT as isize };
    }
    kind == &raw mut PyLong_Type || kind == &raw mut PyFloat_Type || kind == &raw mut PyBool_Type
}

impl From {
    /// Items that come next and lie side by side.
    fn row(&self) -> &'static [*mut PyObject] {
        match self {
            // SAFETY: callers look at the items before foreign code runs; the object is a list.
            From::List(list, Some(next)) => unsafe {
                let items = items(Ref::new(list.as_ptr()));
                &items[(*next as usize).min(items.len())..]
            },
            From::Deque(walk) => walk.row(),
            _ => &[],
        }
    }

    /// Leaves out items of a [`row`](Self::row).
    fn skip(&mut self, count: usize) {
        match self {
            From::List(_, Some(next)) => *next += count as isize,
            From::Deque(walk) => walk.skip(count),
            _ => {}
        }
    }

    /// The next item.
    fn next(&mut self) -> Result<Option<Item>> {
        match self {
            From::Iterator(iterator) => Ok(iterator.next()?.map(Item::One)),
            From::List(list, next) => {
                let Some(index) = *next else { return Ok(None) };
                // SAFETY: the object is a list; the index is compared with its size, and the item held at once.
                let item = unsafe {
                    (index < PyList_GET_SIZE(list.as_ptr()))
                        .then(|| Ref::new(PyList_GET_ITEM(list.as_ptr(), index)).to_owned())
                };
                *next = item.is_some().then_some(index + 1);
                Ok(item.map(Item::One))
            }
            From::Deque(walk) => {
                if !walk.is_unchanged() {
                    walk.stop();
                    return Err(error::runtime_error("deque mutated during iteration"));
                }
                Ok(walk.next().map(|item| Item::One(item.to_owned())))
            }
            From::Dict(pairs) => Ok(pairs.next()?.map(|(key, value)| Item::Pair(key, value))),
            From::Ordered(walk) => match walk.next() {
                Step::Item(key, value) => Ok(Some(Item::Pair(key.to_owned(), value.to_owned()))),
                Step::Key(key) => {
                    let (dict, key) = (walk.dict().to_owned(), key.to_owned());
                    match dict_get(&dict, key.as_ref())? {
                        Some(value) => Ok(Some(Item::Pair(key, value))),
                        None => Err(error::key_error(key.as_ref())),
                    }
                }
                Step::End => Ok(None),
                Step::Mutated => Err(error::runtime_error("OrderedDict mutated during iteration")),
                Step::Resized => Err(error::runtime_error("OrderedDict changed size during iteration")),
            },
        }
    }
}

impl Pairs {
    pub(super) fn of(dict: &Owned, era: usize) -> Self {
        let size = layout::items::len(dict.as_ref());
        Pairs { dict: dict.clone(), size, left: size, position: Some(0), era }
    }

    /// Whether the next two steps find the items that are left, or the end.
    fn is_steady(&self) -> bool {
        let Some(mut position) = self.position else { return true };
        let dict = self.dict.as_ref();
        layout::items::len(dict) == self.size
            && (self.left > 1 || (0..=self.left).any(|_| layout::items::next(dict, &mut position).is_none()))
    }

    fn next(&mut self) -> Result<Option<(Owned, Owned)>> {
        let Some(position) = &mut self.position else { return Ok(None) };
        if layout::items::len(self.dict.as_ref()) != self.size {
            // The iterator of a dict fails for good.
            self.size = -1;
            return Err(error::runtime_error("dictionary changed size during iteration"));
        }
        let found = layout::items::next(self.dict.as_ref(), position);
        if found.is_none() || self.left == 0 {
            self.position = None;
        }
        if found.is_some() && self.left == 0 {
            return Err(error::runtime_error("dictionary keys changed during iteration"));
        }
        self.left -= 1;
        Ok(found.map(|(key, value)| (key.to_owned(), value.to_owned())))
    }
}

impl Items {
    pub(super) fn boxed(from: From) -> Box<Self> {
        Box::new(Items { from, current: None, ahead: None, batch: 0, count: 0, stage: Stage::Start })
    }

    /// Whether foreign code may run for an item, or because there is none where one should be, in an era of the memo.
    #[inline(always)]
    fn is_foreign(&self, era: usize) -> bool {
        match &self.from {
            From::Iterator(_) => true,
            From::List(..) => false,
            From::Deque(walk) => !walk.is_unchanged(),
            From::Dict(pairs) => pairs.era != era && !pairs.is_steady(),
            From::Ordered(walk) => walk.is_foreign(),
        }
    }

    /// Makes the first item of a batch current and says so in `stage`: a batch has at least two items, so one more
    /// is fetched ahead. Returns whether there is an item at all.
    fn begin(&mut self, protocol: u8) -> Result<bool> {
        self.current = self.from.next()?;
        if self.current.is_none() {
            return Ok(false);
        }
        self.count += 1;
        self.ahead = if protocol == 0 { None } else { self.from.next()? };
        (self.stage, self.batch) = if self.ahead.is_some() { (Stage::Batch, 1) } else { (Stage::Single, 0) };
        Ok(true)
    }

    /// Makes the next item of a batch current. If there is none, the batch is over and `stage` says what follows.
    fn advance(&mut self) -> Result<bool> {
        if self.batch == BATCH_SIZE {
            (self.stage, self.current) = (Stage::Start, None);
            return Ok(false);
        }
        let next = match self.ahead.take() {
            Some(ahead) => Some(ahead),
            None => self.from.next()?,
        };
        self.current = next;
        if self.current.is_none() {
            self.stage = Stage::End;
            return Ok(false);
        }
        self.batch += 1;
        self.count += 1;
        Ok(true)
    }
}
