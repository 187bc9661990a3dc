//! What can be made of a class without running anyone's code.

use super::class::{Class, SetState};
use super::host::Builder;
use super::native::{Native, items_of};
use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result};

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
        // SAFETY: this is known of the class.
        let made = unsafe { known.native.call(layout, &heap, &mut self.aids.nursery, kind, args)? };
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
        let dict = state.is_exactly(&raw mut PyDict_Type);
        if !dict || self.deferred.is_some() {
            return None;
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
}
