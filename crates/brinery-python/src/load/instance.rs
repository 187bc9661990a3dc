//! Objects: calls, instances and their state.

use super::class::{MOST, SetState};
use super::host::Builder;
use super::native::{Native, items_of};
use super::spare::Aids;
use crate::ffi::api::*;
use crate::ffi::instance::Attributes;
use crate::ffi::vectorcall::PyObject_Vectorcall;
use crate::ffi::{Owned, Raised, Ref, Result, check, error, tuple};
use crate::state::State;
use brinery::Opcode;
use brinery::read::Items;
use std::ptr;

/// The opcodes that make a dict with its items the state of the instance below it.
pub(crate) enum StateAhead {
    /// `BUILD`
    Dict,
    /// `TUPLE2` with the `None` or dict below, and `BUILD`; so many bytes between the two store the pair.
    Slots { stored: usize },
}

impl StateAhead {
    /// What the next opcodes do.
    #[inline(always)]
    pub(crate) fn of(ahead: &[u8]) -> Option<Self> {
        match *ahead {
            [BUILD, ..] => Some(StateAhead::Dict),
            [TUPLE2, ref then @ ..] => {
                let stored = match *then {
                    [BUILD, ..] => 0,
                    [MEMOIZE, BUILD, ..] => 1,
                    [BINPUT, _, BUILD, ..] => 2,
                    [LONG_BINPUT, _, _, _, _, BUILD, ..] => 5,
                    _ => return None,
                };
                Some(StateAhead::Slots { stored })
            }
            _ => None,
        }
    }
}

const BUILD: u8 = Opcode::Build.byte();
const TUPLE2: u8 = Opcode::Tuple2.byte();
const MEMOIZE: u8 = Opcode::Memoize.byte();
const BINPUT: u8 = Opcode::BinPut.byte();
const LONG_BINPUT: u8 = Opcode::LongBinPut.byte();

impl Builder<'_> {
    /// `REDUCE`: what the call answers, or that it cannot be made yet.
    #[inline(always)]
    pub(super) fn call(&mut self, callable: Ref<'_>, args: Ref<'_>) -> Result<Result<Owned>> {
        if let Some(layout) = self.layout
            && callable.is_type()
            && args.is_exactly(&raw mut PyTuple_Type)
        {
            let kind = callable.as_ptr().cast();
            let Aids { classes, fetches, nursery, .. } = &mut *self.aids;
            // SAFETY: the class is alive.
            if let Some(class) = unsafe { classes.get(kind, self.state, layout) } {
                if let Native::Init(init) = class.native {
                    // SAFETY: as long as it is not changed the class has this function, and makes instances so.
                    let (init, object) = unsafe {
                        let object =
                            class.new_instance(&self.heap, nursery, self.state.empty_tuple.as_ref())?;
                        (Ref::new(init).to_owned(), object)
                    };
                    self.memos.expose(fetches)?;
                    let args = items_of(args);
                    let mut short = [ptr::null_mut(); 8];
                    let mut long = Vec::new();
                    let vector = if args.len() < short.len() {
                        &mut short[..=args.len()]
                    } else {
                        long.resize(args.len() + 1, ptr::null_mut());
                        long.as_mut_slice()
                    };
                    for (place, arg) in vector[1..].iter_mut().zip(args) {
                        *place = arg.as_ptr();
                    }
                    // SAFETY: the tuple holds the arguments.
                    return Ok(self.pause.interrupt(|| unsafe { initialized(object, vector, &init) }));
                }
                if class.native.is_transparent() {
                    // SAFETY: this is known of the class.
                    let made = unsafe { class.native.call(layout, &self.heap, nursery, kind, args) };
                    if let Some(made) = made {
                        // The arguments go if nothing else holds them.
                        if args.has_holders(1) && !items_of(args).is_empty() {
                            self.memos.settle(fetches);
                        }
                        return Ok(made);
                    }
                }
                // What is called may take apart what it is given, and arguments go when it has been.
                if class.native.is_inert(items_of(args)) {
                    self.memos.settle(fetches);
                } else {
                    self.memos.expose(fetches)?;
                }
                // SAFETY: this is known of the class.
                if let Some(made) = unsafe { class.native.call(layout, &self.heap, nursery, kind, args) } {
                    return Ok(made);
                }
            }
        }
        self.expose()?;
        Ok(self.pause.interrupt(|| reduce(callable, args)))
    }
}

/// `init(object, *args)` for a new object, with a vector of the arguments behind a place for the object.
///
/// # Safety
///
/// The vector holds arguments that are alive, but for its first place.
pub(super) unsafe fn initialized(object: Owned, vector: &mut [*mut PyObject], init: &Owned) -> Result<Owned> {
    vector[0] = object.as_ptr();
    // SAFETY: by contract.
    let done = unsafe {
        let (vector, count) = (vector.as_ptr(), vector.len());
        Owned::from_result(PyObject_Vectorcall(init.as_ptr(), vector, count, ptr::null_mut()))?
    };
    if !done.is_none() {
        let kind = done.type_name();
        return Err(error::type_error(&format!("__init__() should return None, not '{kind}'")));
    }
    Ok(object)
}

/// `callable(*args)`
pub(super) fn reduce(callable: Ref<'_>, args: Ref<'_>) -> Result<Owned> {
    callable.call_tuple(args).or_else(|Raised| exception_without_init(callable, args))
}

/// An exception whose `__init__` does not take the arguments that it was saved with.
///
/// `BaseException.__reduce__` saves an exception as a call of its class with `self.args`. Those are the arguments
/// that reached `BaseException.__new__` or `__init__`, not those of the class's own `__init__`, which may ask for
/// more, for fewer, or by keyword only; then the call cannot be made again and stock pickle fails. What the saved
/// exception consists of is known all the same: `args` and what else the built-in base class makes of them, and the
/// instance's `__dict__`, which `BUILD` restores next. So the object is made by the base class alone.
///
/// That is done only where the call failed before any Python code of the class ran: the arguments did not fit.
#[cold]
pub(super) fn exception_without_init(callable: Ref<'_>, args: Ref<'_>) -> Result<Owned> {
    // SAFETY: the interpreter's exception classes are alive as long as it is; the objects are alive.
    unsafe {
        let class = callable.as_ptr().cast::<PyTypeObject>();
        if !callable.is_type()
            || !args.is_tuple()
            || PyType_IsSubtype(class, PyExc_BaseException.cast()) == 0
            || !error::matches(Ref::new(PyExc_TypeError))
        {
            return Err(Raised);
        }
        let Some(mismatch) = error::take() else { return Err(Raised) };
        let traceback = Owned::from_nullable(PyException_GetTraceback(mismatch.as_ptr()));
        if traceback.is_some() || !has_python_constructor(callable) {
            return Err(error::restore(mismatch));
        }
        let mut base = class;
        while PyType_GetFlags(base) & Py_TPFLAGS_HEAPTYPE != 0 && !(*base).tp_base.is_null() {
            base = (*base).tp_base;
        }
        // What the class's own `__init__` has called with these very arguments.
        let make = || {
            let (Some(new), Some(init)) = ((*base).tp_new, (*base).tp_init) else { return Err(Raised) };
            let exception = Owned::from_result(new(class, args.as_ptr(), ptr::null_mut()))?;
            check(init(exception.as_ptr(), args.as_ptr(), ptr::null_mut()))?;
            Ok(exception)
        };
        make().map_err(|Raised| {
            error::clear();
            error::restore(mismatch)
        })
    }
}

/// Whether `__init__` or `__new__` of a class is written in Python.
fn has_python_constructor(class: Ref<'_>) -> bool {
    ["__init__", "__new__"].into_iter().any(|name| {
        let Ok(found) = Owned::str(name).and_then(|name| class.getattr(name.as_ref())) else {
            error::clear();
            return false;
        };
        found.is_exactly(&raw mut PyFunction_Type)
    })
}

/// `INST`, `OBJ`
pub(super) fn make_instance(state: &State, class: Ref<'_>, mut args: Items<'_, Owned>) -> Result<Owned> {
    if args.is_empty()
        && class.is_type()
        && class.lookup_attr(state.names.__getinitargs__.as_ref())?.is_none()
    {
        return class.call_method1(state.names.__new__.as_ref(), class);
    }
    let args = tuple::new(args.drain())?;
    class.call_tuple(args.as_ref())
}

impl Builder<'_> {
    /// `NEWOBJ`, `NEWOBJ_EX`
    #[inline]
    pub(super) fn make_object(
        &mut self,
        class: Ref<'_>,
        args: Ref<'_>,
        kwargs: Option<Ref<'_>>,
    ) -> Result<Owned> {
        if class.is_type()
            && args.is_tuple()
            && kwargs.is_none_or(Ref::is_dict)
            // SAFETY: the class is alive, and types of the running interpreter have this layout.
            && let Some(new) = unsafe { (*class.as_ptr().cast::<PyTypeObject>()).tp_new }
        {
            let kind = class.as_ptr().cast();
            if let Some(layout) = self.layout
                && kwargs.is_none()
                && args.is_exactly(&raw mut PyTuple_Type)
            {
                let Aids { classes, fetches, nursery, .. } = &mut *self.aids;
                // SAFETY: the class is alive, and what is known of it is known of this class.
                let made = unsafe {
                    classes.get(kind, self.state, layout).and_then(|known| {
                        known.new_object(&self.heap, nursery, &mut self.memos, fetches, args)
                    })
                };
                if let Some(made) = made {
                    return made;
                }
            }
            self.expose()?;
            let kwargs = kwargs.map_or(ptr::null_mut(), Ref::as_ptr);
            // SAFETY: the slot of this very class is called with a tuple and a dict or null.
            return self.pause.interrupt(|| unsafe { Owned::from_result(new(kind, args.as_ptr(), kwargs)) });
        }
        Err(self.bad_new_object(class, args, kwargs))
    }

    #[cold]
    fn bad_new_object(&self, class: Ref<'_>, args: Ref<'_>, kwargs: Option<Ref<'_>>) -> Raised {
        let opcode = if kwargs.is_some() { "NEWOBJ_EX" } else { "NEWOBJ" };
        // SAFETY: the type of any object has this layout.
        let has_new = || unsafe { (*class.as_ptr().cast::<PyTypeObject>()).tp_new.is_some() };
        let message = if !class.is_type() {
            format!("{opcode} class argument must be a type, not {}", class.type_name())
        } else if !has_new() {
            format!("{opcode} class argument '{}' doesn't have __new__", class.type_name())
        } else if !args.is_tuple() {
            format!("{opcode} args argument must be a tuple, not {}", args.type_name())
        } else {
            let kind = kwargs.map(Ref::type_name).unwrap_or_default();
            format!("{opcode} kwargs argument must be a dict, not {kind}")
        };
        self.state.unpickling_error(&message)
    }

    /// `BUILD`
    #[inline]
    pub(super) fn set_state(&mut self, instance: Ref<'_>, state: Ref<'_>) -> Result<()> {
        self.expose()?;
        match self.setstate_of(instance) {
            Some(SetState::Function(function)) => {
                let function = function.to_owned();
                return self.pause.interrupt(|| function.call(&[instance, state])).map(drop);
            }
            Some(SetState::None) => return self.set_plain_state(instance, state),
            None => {}
        }
        if let Some(setstate) = instance.lookup_attr(self.state.names.__setstate__.as_ref())? {
            return self.pause.interrupt(|| setstate.call1(state).map(drop));
        }
        self.set_plain_state(instance, state)
    }

    /// What an instance has as `__setstate__`, if its class alone says so.
    #[inline(always)]
    pub(crate) fn setstate_of<'i>(&mut self, instance: Ref<'i>) -> Option<SetState<'i>> {
        let layout = self.layout?;
        // SAFETY: an instance keeps its class alive, and this is its class.
        unsafe { self.aids.classes.get(instance.type_ptr(), self.state, layout)?.setstate_of(instance) }
    }

    /// Sets the state of an instance whose class has no way of its own.
    pub(super) fn set_plain_state(&mut self, instance: Ref<'_>, state: Ref<'_>) -> Result<()> {
        if let Some((attributes, slots)) = split_state(state) {
            self.set_attributes(instance, attributes)?;
            return self.set_slots(instance, slots);
        }
        self.set_attributes(instance, state)
    }

    /// Makes items for a dict the state of the instance below it, if the opcodes ahead do so, and answers how many bytes of
    /// them that were.
    #[inline(always)]
    pub(super) fn set_state_at_once(
        &mut self,
        items: Items<'_, Owned>,
        room: usize,
        ahead: &[u8],
    ) -> Option<Result<usize>> {
        let layout = self.layout?;
        if self.deferred.is_some() {
            return None;
        }
        let (stack, start) = items.into_stack();
        let (below, items) = stack.split_at(start);
        let dict = below.last()?;
        // SAFETY: sizes are asked of a dict.
        let fresh = unsafe {
            dict.is_exactly(&raw mut PyDict_Type)
                && dict.as_ref().has_holders(1)
                && PyDict_Size(dict.as_ptr()) == 0
        };
        if !fresh {
            return None;
        }
        let Aids { classes, fetches, .. } = &mut *self.aids;
        let mut failed = None;
        let (done, operands) = match StateAhead::of(ahead)? {
            StateAhead::Dict if room >= 2 => {
                let instance = below[start - 2].as_ref();
                // SAFETY: an instance keeps its class alive.
                let class = unsafe { classes.get(instance.type_ptr(), self.state, layout)? };
                if class.dict_at.is_some_and(|at| at.takes(items.len() / 2)) {
                    return self.adopt_state(stack, start, ahead);
                }
                let uuid = matches!(class.native, Native::Uuid { .. });
                if class.plain_dict && !class.takes_values && class.dict_at.is_none() {
                    return self.set_attributes_at_once(stack, start, ahead);
                }
                if !(class.takes_values || uuid) || !self.memos.spend_dict(dict, ahead, fetches) {
                    return None;
                }
                if class.takes_values {
                    // SAFETY: as above.
                    if !unsafe { class.set_values(instance, items, &mut self.memos) } {
                        return self.memos.unspend_dict(dict);
                    }
                } else {
                    let [key, value] = items else { return self.memos.unspend_dict(dict) };
                    // SAFETY: as above.
                    if !unsafe { class.native.set_state_item(instance, key, value) } {
                        return self.memos.unspend_dict(dict);
                    }
                    // Both go, an `int` and its name, which is in the memo.
                    self.memos.settle(fetches);
                    // SAFETY: the two are not looked at again, see below.
                    drop(unsafe { (ptr::read(key), ptr::read(value)) });
                }
                (1, 1)
            }
            StateAhead::Slots { stored } if room >= 3 => {
                let attributes = below[start - 2].as_ref();
                let has_attributes = attributes.is_exactly(&raw mut PyDict_Type);
                if !has_attributes && !attributes.is_none() {
                    return None;
                }
                if stored > 1 && !self.memos.is_selective()
                    || stored > 0 && !self.memos.may_spend_next(fetches)
                {
                    return None;
                }
                let instance = below[start - 3].as_ref();
                // SAFETY: an instance keeps its class alive.
                let class = unsafe { classes.get(instance.type_ptr(), self.state, layout)? };
                // SAFETY: as above.
                let takes_slots = class.takes_slots && unsafe { class.is_fresh(instance) };
                if !takes_slots || !self.memos.spend_dict(dict, ahead, fetches) {
                    return None;
                }
                // SAFETY: the instance is of this class.
                if !unsafe { class.set_slots(instance, items, &mut self.memos) } {
                    return self.memos.unspend_dict(dict);
                }
                if stored > 0 {
                    self.memos.spend_next();
                }
                if has_attributes {
                    // Their dict goes, and is in the memo.
                    self.memos.settle(fetches);
                    failed = self.set_attributes(instance, attributes).err();
                }
                (2 + stored, 2)
            }
            _ => return None,
        };
        // SAFETY: the items were moved away.
        unsafe { stack.set_len(start) };
        self.spare_dict = stack.pop();
        stack.truncate(start - operands);
        Some(failed.map_or(Ok(done), Err))
    }

    /// Makes items for a dict, and the dict, that of the instance below, and answers how many bytes ahead do so.
    #[inline(never)]
    fn adopt_state(&mut self, stack: &mut Vec<Owned>, start: usize, ahead: &[u8]) -> Option<Result<usize>> {
        let layout = self.layout?;
        let (below, items) = stack.split_at_mut(start);
        let [.., instance, dict] = below else { return None };
        let Aids { classes, fetches, nursery, shapes, .. } = &mut *self.aids;
        // SAFETY: an instance keeps its class alive, and is of this class.
        let place = unsafe {
            let class = classes.get(instance.type_ptr(), self.state, layout)?;
            class.dict_place(instance.as_ref(), items, &mut self.memos, |memos| {
                memos.spend_dict(dict, ahead, fetches)
            })?
        };
        let moved = layout.set_items(&self.heap, nursery, dict.as_ref(), items, shapes, |_| false);
        // The keys are text, and different: nothing is there already.
        let set = |pair: &[Owned]| {
            // SAFETY: the dict is an exact one; the stack holds key and value.
            check(unsafe { PyDict_SetItem(dict.as_ptr(), pair[0].as_ptr(), pair[1].as_ptr()) })
        };
        let gone = *moved.as_ref().unwrap_or(&items.len());
        let done = moved.and_then(|moved| items[moved..].chunks_exact(2).try_for_each(set));
        // SAFETY: so many items have moved away, or are forgotten; what has the place of the dict now owns it.
        unsafe {
            for item in &items[gone..] {
                drop(ptr::read(item));
            }
            stack.set_len(start);
            let dict = stack.pop()?;
            let put = place.put(stack.last()?.as_ref(), dict, self.state);
            Some(done.and(put).map(|()| 1))
        }
    }

    /// Puts items for a dict into that of the instance below, which is made as the class has it, and answers how many bytes
    /// ahead do so.
    #[inline(never)]
    fn set_attributes_at_once(
        &mut self,
        stack: &mut Vec<Owned>,
        start: usize,
        ahead: &[u8],
    ) -> Option<Result<usize>> {
        let layout = self.layout?;
        let (below, items) = stack.split_at_mut(start);
        let [.., instance, state] = below else { return None };
        let names = &self.state.names;
        let Ok(dict) = instance.getattr(names.__dict__.as_ref()) else {
            error::clear();
            return None;
        };
        if !dict.is_exactly(&raw mut PyDict_Type) {
            return None;
        }
        // SAFETY: a dict.
        if unsafe { PyDict_Size(dict.as_ptr()) } > 0 {
            // What is there already may go, and a key may be asked whether it is a text.
            if let Err(Raised) = self.memos.expose(&mut self.aids.fetches) {
                return Some(Err(Raised));
            }
            // SAFETY: a dict.
            if unsafe { PyDict_Contains(dict.as_ptr(), names.__setstate__.as_ptr()) } != 0 {
                error::clear();
                return None;
            }
        }
        let Aids { classes, fetches, .. } = &mut *self.aids;
        // SAFETY: an instance keeps its class alive, and is of this class.
        let class = unsafe { classes.get(instance.type_ptr(), self.state, layout)? };
        if !class.knows_names(items) || !self.memos.spend_dict(state, ahead, fetches) {
            return None;
        }
        class.intern_names(items, &mut self.memos);
        let set = |pair: &[Owned]| {
            // SAFETY: an exact dict; the stack holds key and value.
            check(unsafe { PyDict_SetItem(dict.as_ptr(), pair[0].as_ptr(), pair[1].as_ptr()) })
        };
        let done = items.chunks_exact(2).try_for_each(set);
        stack.truncate(start);
        self.spare_dict = stack.pop();
        Some(done.map(|()| 1))
    }

    /// Puts a state dict into the instance's `__dict__`.
    fn set_attributes(&mut self, instance: Ref<'_>, state: Ref<'_>) -> Result<()> {
        if state.is_none() {
            return Ok(());
        }
        if !state.is_dict() {
            return Err(self.state.unpickling_error("state is not a dictionary"));
        }
        let name = &self.state.names.__dict__;
        // SAFETY: a dict is asked for its size. So many attributes end in a dict anyway.
        let many = unsafe { PyDict_Size(state.as_ptr()) } > MOST as Py_ssize_t;
        let attributes = if many { None } else { Attributes::of(instance, name) };
        let mut dict = if attributes.is_some() { None } else { Some(instance.getattr(name.as_ref())?) };
        for_each_item(state, |key, value| {
            let key = interned(key)?;
            if dict.is_none()
                && let Some(attributes) = &attributes
                && key.is_exactly(&raw mut PyUnicode_Type)
                && attributes.set(&key, &value)?
            {
                return Ok(());
            }
            let dict = match &mut dict {
                Some(dict) => dict,
                none => none.insert(instance.getattr(name.as_ref())?),
            };
            if dict.is_exactly(&raw mut PyDict_Type) {
                // SAFETY: an exact dict; key and value are held.
                check(unsafe { PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr()) })
            } else {
                dict.set_item(key.as_ref(), value.as_ref())
            }
        })
    }

    /// Sets the attributes that live in slots.
    fn set_slots(&mut self, instance: Ref<'_>, state: Ref<'_>) -> Result<()> {
        if !state.is_dict() {
            return Err(self.state.unpickling_error("slot state is not a dictionary"));
        }
        let pause = &mut self.pause;
        for_each_item(state, |key, value| pause.interrupt(|| instance.setattr(key.as_ref(), value.as_ref())))
    }
}

/// The two parts of a state that is a pair: for `__dict__`, and for slots.
fn split_state(state: Ref<'_>) -> Option<(Ref<'_>, Ref<'_>)> {
    // SAFETY: the size is asked of a tuple only; a tuple keeps its items alive.
    unsafe {
        if !state.is_tuple() || PyTuple_GET_SIZE(state.as_ptr()) != 2 {
            return None;
        }
        let item = |index| Ref::new(PyTuple_GET_ITEM(state.as_ptr(), index));
        Some((item(0), item(1)))
    }
}

/// Calls `body` with the items of a dict, holding each while Python code may change the dict.
#[inline(always)]
fn for_each_item(dict: Ref<'_>, mut body: impl FnMut(Owned, Owned) -> Result<()>) -> Result<()> {
    let (mut position, mut key, mut value) = (0, ptr::null_mut(), ptr::null_mut());
    // SAFETY: the object is a dict; the borrowed key and value become our own before anything else runs.
    while unsafe { PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) } != 0 {
        // SAFETY: as above.
        let (key, value) = unsafe { (Ref::new(key).to_owned(), Ref::new(value).to_owned()) };
        body(key, value)?;
    }
    Ok(())
}

/// The interned `str` of the same text, as attribute names are; other keys stay as they are.
#[inline(always)]
pub(super) fn interned(key: Owned) -> Result<Owned> {
    if !key.is_exactly(&raw mut PyUnicode_Type) {
        return Ok(key);
    }
    let mut key = key.into_ptr();
    // SAFETY: the call takes one reference and leaves one.
    unsafe {
        PyUnicode_InternInPlace(&raw mut key);
        Owned::from_result(key)
    }
}
