//! What can be made of a class without running anyone's code.

use super::class::{Class, SetState};
use super::host::Builder;
use super::native::{Native, is_original, items_of, loaded};
use crate::ffi::api::*;
use crate::ffi::function::native_name;
use crate::ffi::{Owned, Ref, Result, layout};

/// How instances of a class are made, and what is done to them, when none of it runs code or can be told from outside: if
/// they are given up again nothing has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// By a call, whose arguments are all.
    Value,
    /// By a call; items are added, whose hashes are all the code that runs.
    Container,
    /// By `__new__` with the values of the fields.
    NamedTuple,
    /// By `object.__new__` and a state of one number.
    Uuid,
    /// By `object.__new__`, with attributes that land where `object` puts them.
    Instance,
    /// By a call, whose arguments it holds as the tuple that they are.
    Exception,
    /// `set` or `frozenset`, by a call with a list.
    Set,
    /// `bytearray`, by a call with bytes or a text.
    ByteArray,
}

/// What a function is known to do, if all that is looked at when it is called is what it is given, and no code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    /// `_codecs.encode(text, 'latin1')`
    Encode,
    /// `copyreg.__newobj__(class, *args)`
    NewObject,
    /// `copyreg._reconstructor(class, object, None)`
    Reconstructor,
    /// `array._array_reconstructor(array.array, code, format, bytes)`
    Array,
}

impl Class {
    fn nature(&self, kind: *mut PyTypeObject) -> Option<Nature> {
        // SAFETY: the class is alive, and so is its class.
        let (plain_metaclass, finalized) = unsafe {
            let metaclass = Py_TYPE(kind.cast());
            let getattro = (*metaclass).tp_getattro.map(|function| function as *const ());
            let usual = PyType_Type.tp_getattro.map(|function| function as *const ());
            (getattro == usual, (*kind).tp_finalize.is_some() || (*kind).tp_del.is_some())
        };
        if let Native::Enum { .. } = self.native {
            // Members live as long as their class, and its class is the one of `enum`.
            return Some(Nature::Value);
        }
        if !plain_metaclass || finalized {
            return None;
        }
        if kind == &raw mut PySet_Type || kind == &raw mut PyFrozenSet_Type {
            return Some(Nature::Set);
        }
        if kind == &raw mut PyByteArray_Type {
            return Some(Nature::ByteArray);
        }
        match self.native {
            Native::Moment(_)
            | Native::TimeDelta
            | Native::TimeZone
            | Native::Complex
            | Native::Range(_)
            | Native::Slice
            | Native::Decimal(_)
            | Native::Fraction { .. }
            | Native::Path(_)
            | Native::Counter => Some(Nature::Value),
            Native::Exception(_) => Some(Nature::Exception),
            Native::Deque | Native::DefaultDict | Native::NewIfBare => Some(Nature::Container),
            Native::NamedTuple { .. } => Some(Nature::NamedTuple),
            Native::Uuid { .. } => Some(Nature::Uuid),
            _ if self.plain_new && (self.plain_dict || self.takes_slots) => Some(Nature::Instance),
            _ => None,
        }
    }
}

impl Builder<'_> {
    /// What is known of a class whose instances can be made without running code.
    pub(crate) fn nature(&mut self, class: Ref<'_>) -> Option<Nature> {
        let layout = self.layout.filter(|_| class.is_type())?;
        let kind = class.as_ptr().cast();
        // SAFETY: the class is alive.
        let known = unsafe { self.aids.classes.get(kind, self.state, layout)? };
        known.nature(kind)
    }

    /// The version of a class, which changes whenever something in it or its bases does, or zero.
    pub(crate) fn class_version(&mut self, class: Ref<'_>) -> u32 {
        let Some(layout) = self.layout.filter(|_| class.is_type()) else { return 0 };
        // SAFETY: the class is alive.
        let known = unsafe { self.aids.classes.get(class.as_ptr().cast(), self.state, layout) };
        known.map_or(0, |class| class.version())
    }

    /// What is known of a function.
    pub(crate) fn function(&self, function: Ref<'_>) -> Option<Function> {
        self.layout?;
        if function.is(self.state.codecs_encode.as_ref()) {
            return Some(Function::Encode);
        }
        if function.is(self.state.newobj.as_ref()) {
            return Some(Function::NewObject);
        }
        if is_original(Some(function), "copyreg", "_reconstructor") {
            return Some(Function::Reconstructor);
        }
        is_array_reconstructor(function).then_some(Function::Array)
    }

    /// `class(*args)`, if that can be done without running code.
    pub(crate) fn call_inertly(&mut self, class: Ref<'_>, args: Ref<'_>) -> Option<Result<Owned>> {
        let layout = self.layout?;
        let heap = self.heap;
        if !args.is_exactly(&raw mut PyTuple_Type) || self.deferred.is_some() {
            return None;
        }
        let kind = class.as_ptr().cast();
        // SAFETY: the class is alive.
        let known = unsafe { self.aids.classes.get(kind, self.state, layout)? };
        if !known.native.is_inert(items_of(args)) {
            return None;
        }
        let made = match *items_of(args) {
            [items, most] if matches!(known.native, Native::Deque) => bounded_deque(class, items, most)?,
            // SAFETY: this is known of the class.
            _ => unsafe { known.native.call(layout, &heap, &mut self.aids.nursery, kind, args)? },
        };
        self.settle();
        Some(made)
    }

    /// `class.__new__(class, *args)`, if that can be done without running code.
    pub(crate) fn new_inertly(&mut self, class: Ref<'_>, args: Ref<'_>) -> Option<Result<Owned>> {
        let layout = self.layout?;
        if !args.is_exactly(&raw mut PyTuple_Type) || self.deferred.is_some() {
            return None;
        }
        let kind = class.as_ptr().cast();
        // SAFETY: the class is alive.
        let known = unsafe { self.aids.classes.get(kind, self.state, layout)? };
        if known.plain_new && items_of(args).is_empty() {
            // SAFETY: as above.
            return Some(unsafe { known.new_instance(&self.heap, &mut self.aids.nursery, args) });
        }
        // SAFETY: as above.
        let made = unsafe { known.native.new_object(kind, items_of(args))? };
        self.memos.spend_last(args, &mut self.aids.fetches);
        Some(made)
    }

    /// Gives an instance its attributes, if that can be done without running code.
    pub(crate) fn set_attributes_inertly(&mut self, instance: Ref<'_>, state: Ref<'_>) -> Option<Result<()>> {
        let layout = self.layout?;
        if self.deferred.is_some() {
            return None;
        }
        if !state.is_exactly(&raw mut PyDict_Type) {
            return self.fill_slots_inertly(instance, state);
        }
        // SAFETY: an instance keeps its class alive, and this is its class.
        let plain = unsafe {
            let class = self.aids.classes.get(instance.type_ptr(), self.state, layout)?;
            class.plain_dict && matches!(class.setstate_of(instance), Some(SetState::None))
        };
        if !plain {
            return None;
        }
        self.settle();
        Some(self.set_plain_state(instance, state))
    }

    /// The same for a state of `None` and attributes that live in slots.
    fn fill_slots_inertly(&mut self, instance: Ref<'_>, state: Ref<'_>) -> Option<Result<()>> {
        let layout = self.layout?;
        let slots = slots_of(state).filter(|slots| slots.is_exactly(&raw mut PyDict_Type))?;
        let (mut items, mut position) = (Vec::new(), 0);
        while let Some((key, value)) = layout::items::next(slots, &mut position) {
            items.extend([key.to_owned(), value.to_owned()]);
        }
        self.settle();
        // SAFETY: an instance keeps its class alive, and this is its class.
        let done = unsafe {
            let class = self.aids.classes.get(instance.type_ptr(), self.state, layout)?;
            class.takes_slots && class.set_slots(instance, &items, &mut self.memos)
        };
        if !done {
            return None;
        }
        // They have moved.
        items.into_iter().for_each(std::mem::forget);
        Some(Ok(()))
    }
}

/// The second of a state that is a pair with `None`: attributes that live in slots.
pub(crate) fn slots_of(state: Ref<'_>) -> Option<Ref<'_>> {
    if !state.is_exactly(&raw mut PyTuple_Type) {
        return None;
    }
    match *items_of(state) {
        [none, slots] if none.is_none() => Some(slots),
        _ => None,
    }
}

/// `deque(items, most)`
fn bounded_deque(class: Ref<'_>, items: Ref<'_>, most: Ref<'_>) -> Option<Result<Owned>> {
    let plain = items.is_exactly(&raw mut PyList_Type) || items.is_exactly(&raw mut PyTuple_Type);
    (plain && (most.is_none() || most.is_exactly(&raw mut PyLong_Type))).then(|| class.call(&[items, most]))
}

/// Whether this is the function of the module `array`.
fn is_array_reconstructor(function: Ref<'_>) -> bool {
    // SAFETY: a native function may be bound to an object, which it holds.
    let home = || unsafe { Ref::from_nullable((*function.as_ptr().cast::<PyCFunctionObject>()).m_self) };
    native_name(function) == Some(c"_array_reconstructor")
        && home().zip(loaded("array")).is_some_and(|(home, array)| home.is(array.as_ref()))
}
