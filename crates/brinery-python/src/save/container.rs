//! Lists, tuples, dicts and sets.

use super::Dump;
use super::memo::Known;
use super::scalar::SHORT;
use super::task::{Dict, FrozenSet, Items, List, Set, Stage, Task, Tuple};
use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result, error, set, text};
use brinery::Opcode;
use brinery::write::BATCH_SIZE;

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
            self.push(Task::ListItems(Items::new(iterator)));
            Ok(())
        } else {
            if size > 1 {
                self.out.op(Opcode::Mark);
            }
            self.push(Task::List(List { list, next: 0, batch: 0, single: size == 1 }));
            Ok(())
        }
    }

    pub(super) fn advance_list(&mut self, top: usize) -> Result<()> {
        loop {
            let progress = progress!(self, top, List);
            // SAFETY: the object is a list; its size is asked anew for each item, since foreign code may change it.
            let size = unsafe { PyList_GET_SIZE(progress.list.as_ptr()) };
            if progress.single && progress.next == 1 {
                self.out.op(Opcode::Append);
                self.tasks.pop();
                return Ok(());
            }
            if progress.next >= size || progress.batch == BATCH_SIZE {
                self.out.op(Opcode::Appends);
                if progress.next >= size {
                    self.tasks.pop();
                    return Ok(());
                }
                self.out.op(Opcode::Mark);
                progress.batch = 0;
            }
            // SAFETY: the index is below the size; `save` keeps the item alive where that is needed.
            let item = unsafe { Ref::new(PyList_GET_ITEM(progress.list.as_ptr(), progress.next)) };
            progress.next += 1;
            progress.batch += 1;
            self.save(item)?;
            if self.tasks.len() > top + 1 {
                return Ok(());
            }
        }
    }

    pub(super) fn save_tuple(&mut self, tuple: Owned, single: bool) {
        // SAFETY: the object is a tuple.
        let len = unsafe { PyTuple_GET_SIZE(tuple.as_ptr()) };
        if len == 0 {
            self.out.empty_tuple();
            return;
        }
        if !single && !self.is_fast() {
            self.memo().begin(tuple.as_ref());
        }
        if len > 3 || self.out.protocol() < 2 {
            self.out.op(Opcode::Mark);
        }
        let era = self.memo().era();
        self.push(Task::Tuple(Tuple { tuple, next: 0, len, single, era }));
    }

    pub(super) fn advance_tuple(&mut self, top: usize) -> Result<()> {
        loop {
            let progress = progress!(self, top, Tuple);
            if progress.next == progress.len {
                let Some(Task::Tuple(done)) = self.tasks.pop() else { return Ok(()) };
                return self.finish_tuple(&done);
            }
            // SAFETY: the index is below the length, which never changes.
            let item = unsafe { Ref::new(PyTuple_GET_ITEM(progress.tuple.as_ptr(), progress.next)) };
            progress.next += 1;
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
        let single = done.single && self.singles && done.era == self.memo().era();
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
        // SAFETY: the object is a dict.
        let size = unsafe { PyDict_Size(dict.as_ptr()) };
        if size == 0 {
            return Ok(());
        }
        if self.out.protocol() == 0 {
            let iterator = dict.getattr(self.state.names.items.as_ref())?.call0()?.iter()?;
            self.push(Task::DictItems(Items::new(iterator)));
            return Ok(());
        }
        if size > 1 {
            self.out.op(Opcode::Mark);
        }
        self.push(Task::Dict(Dict {
            dict,
            position: 0,
            size,
            batch: 0,
            count: 0,
            single: size == 1,
            value: None,
            at_value: false,
        }));
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
            let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
            // SAFETY: the object is a dict; the references are borrowed from it and used at once.
            let more = progress.batch < BATCH_SIZE
                && unsafe {
                    PyDict_Next(
                        progress.dict.as_ptr(),
                        &raw mut progress.position,
                        &raw mut key,
                        &raw mut value,
                    ) != 0
                };
            if !more {
                let full = progress.batch == BATCH_SIZE;
                self.out.op(Opcode::SetItems);
                // SAFETY: the object is a dict.
                if unsafe { PyDict_Size(progress.dict.as_ptr()) } != progress.size {
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
            }
            progress.batch += 1;
            progress.count += 1;
            progress.at_value = false;
            // SAFETY: `PyDict_Next` succeeded.
            let (key, value) = unsafe { (Ref::new(key), Ref::new(value)) };
            // Held once more: the dicts of instances share their keys, which counts as a single holder.
            let key = key.to_owned();
            if is_short_text(key.as_ref()) && !self.is_guarded() {
                // Saving the key runs no foreign code, so the dict goes on holding the value.
                progress!(self, top, Dict).at_value = true;
                self.save_unhooked(key.as_ref())?;
                self.save(value)?;
            } else {
                progress!(self, top, Dict).value = Some(value.to_owned());
                self.save(key.as_ref())?;
            }
            if self.tasks.len() > top + 1 {
                return Ok(());
            }
        }
    }

    pub(super) fn save_set(&mut self, set: &Owned) -> Result<()> {
        if self.out.protocol() < 4 {
            return self.save_set_reduced(set, &raw mut PySet_Type);
        }
        self.settle();
        self.enter_fast(set)?;
        self.out.op(Opcode::EmptySet);
        self.memoize(set.as_ref())?;
        // SAFETY: the object is a set.
        let size = unsafe { PySet_Size(set.as_ptr()) };
        if size == 0 {
            return Ok(());
        }
        self.out.op(Opcode::Mark);
        self.push(Task::Set(Set { elements: set.clone(), size, position: 0, batch: 0, count: 0 }));
        Ok(())
    }

    pub(super) fn advance_set(&mut self, top: usize) -> Result<()> {
        loop {
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
            self.save(item.as_ref())?;
            if self.tasks.len() > top + 1 {
                return Ok(());
            }
        }
    }

    pub(super) fn save_frozenset(&mut self, set: Owned) -> Result<()> {
        if self.out.protocol() < 4 {
            return self.save_set_reduced(&set, &raw mut PyFrozenSet_Type);
        }
        self.settle();
        self.enter_fast(&set)?;
        if !self.is_fast() {
            self.memo().begin(set.as_ref());
        }
        self.out.op(Opcode::Mark);
        let iterator = set.iter()?;
        self.push(Task::FrozenSet(FrozenSet { set, iterator, count: 0 }));
        Ok(())
    }

    pub(super) fn advance_frozenset(&mut self, top: usize) -> Result<()> {
        loop {
            let progress = progress!(self, top, FrozenSet);
            let Some(item) = progress.iterator.next()? else {
                let Some(Task::FrozenSet(done)) = self.tasks.pop() else { return Ok(()) };
                if let Known::At(index) = self.memo().get(done.set.as_ref()) {
                    self.out.op(Opcode::PopMark);
                    return self.get(index);
                }
                self.out.op(Opcode::FrozenSet);
                return self.memoize(done.set.as_ref());
            };
            progress.count += 1;
            self.save(item.as_ref())?;
            if self.tasks.len() > top + 1 {
                return Ok(());
            }
        }
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
            self.settle();
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
                    if !progress.advance()? {
                        self.out.op(Opcode::Appends);
                        continue;
                    }
                }
                Stage::End => {
                    self.tasks.pop();
                    return Ok(());
                }
            }
            let Some(item) = progress.current.clone() else { continue };
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
            self.settle();
            let progress = progress!(self, top, DictItems);
            let single = progress.batch == 0;
            let part = match progress.stage {
                Stage::Start => {
                    if !progress.begin(protocol)? {
                        self.tasks.pop();
                        return Ok(());
                    }
                    if progress.stage == Stage::Batch {
                        self.out.op(Opcode::Mark);
                    }
                    progress.stage = Stage::Value;
                    0
                }
                Stage::Value => {
                    progress.stage = if single { Stage::Single } else { Stage::Batch };
                    1
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
                    if !progress.advance()? {
                        self.out.op(Opcode::SetItems);
                        continue;
                    }
                    progress.stage = Stage::Value;
                    0
                }
            };
            let Some(pair) = progress.current.clone() else { continue };
            // SAFETY: a tuple of two has both items.
            let item = unsafe {
                if !pair.is_tuple() || PyTuple_GET_SIZE(pair.as_ptr()) != 2 {
                    return Err(error::type_error("dict items iterator must return 2-tuples"));
                }
                // Held: the pair may be the only other holder, and it goes with the next one.
                Ref::new(PyTuple_GET_ITEM(pair.as_ptr(), part)).to_owned()
            };
            self.save(item.as_ref())?;
            if self.tasks.len() > top + 1 {
                return Ok(());
            }
        }
    }
}

/// Whether an object is text that is saved without running any foreign code.
#[inline(always)]
fn is_short_text(object: Ref<'_>) -> bool {
    object.is_exactly(&raw mut PyUnicode_Type) && text::ascii(object).is_some_and(|text| text.len() <= SHORT)
}

impl Items {
    pub(super) fn new(iterator: Owned) -> Self {
        Items { iterator, current: None, ahead: None, batch: 0, count: 0, stage: Stage::Start }
    }

    /// Makes the first item of a batch current and says so in `stage`: a batch has at least two items, so one more
    /// is fetched ahead. Returns whether there is an item at all.
    fn begin(&mut self, protocol: u8) -> Result<bool> {
        self.current = self.iterator.next()?;
        if self.current.is_none() {
            return Ok(false);
        }
        self.count += 1;
        self.ahead = if protocol == 0 { None } else { self.iterator.next()? };
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
            None => self.iterator.next()?,
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
