//! What is known of a class, and the way of its instances' states into them.
//!
//! All of it holds as long as the class has the version tag under which it was found out.

use super::memo::Memos;
use super::native::{self, Native, items_of};
use crate::ffi::api::*;
use crate::ffi::layout::{
    Heap, Layout, Nursery, Plan, SharedKeys, Values, free_dict_slot, is_bare, slot_offset,
};
use crate::ffi::object::looks_up_plainly;
use crate::ffi::{Owned, Raised, Ref, Result, check, text};
use crate::state::State;
use brinery::read::Fetches;
use std::ptr;

unsafe extern "C" {
    static mut PyMethodDescr_Type: PyTypeObject;
}

#[cfg(known_layout)]
unsafe extern "C" {
    /// What a type or its bases have under a name: null or a borrowed reference. Never sets an exception.
    fn _PyType_Lookup(kind: *mut PyTypeObject, name: *mut PyObject) -> *mut PyObject;
}

/// Always null where nothing will be made of it.
#[cfg(not(known_layout))]
#[allow(non_snake_case)]
unsafe fn _PyType_Lookup(_: *mut PyTypeObject, _: *mut PyObject) -> *mut PyObject {
    ptr::null_mut()
}

/// Whether an object is neither a class nor a function nor a module, and does not say of itself that it is. No code runs.
pub(crate) fn is_plain_object(object: Ref<'_>, state: &State) -> bool {
    let kind = object.type_ptr();
    let name = state.names.__class__.as_ptr();
    // SAFETY: the object keeps its class alive, and the interpreter's classes live as long as it; the name is a text.
    unsafe {
        let says = _PyType_Lookup(kind, name);
        !says.is_null()
            && says == _PyType_Lookup(&raw mut PyBaseObject_Type, name)
            && [&raw mut PyType_Type, &raw mut PyFunction_Type, &raw mut PyModule_Type]
                .into_iter()
                .all(|other| PyType_IsSubtype(kind, other) == 0)
    }
}

/// The flag of classes whose instances have their dict outside.
const MANAGED_DICT: std::ffi::c_ulong = if cfg!(Py_3_11) { 1 << 4 } else { 0 };

/// How many classes are remembered.
const KEPT: usize = 64;

/// How many attributes of one instance are put in place at once, in an array or in slots. One with more has them in a dict.
pub(super) const MOST: usize = 30;

/// The same for attributes in a dict.
const MOST_IN_DICT: usize = 1000;

/// Classes met lately, by address.
#[derive(Default)]
pub(super) struct Classes {
    table: Vec<Option<Box<Class>>>,
}

/// A class, and what instances of it are like.
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts")]
pub(super) struct Class {
    /// Not a reference: the version tag, which is never given twice, tells whether this is still the same class.
    kind: *mut PyTypeObject,
    version: u32,
    /// Whether `cls.__new__(cls)` is that of `object`.
    pub(super) plain_new: bool,
    /// How instances are laid out that are made so.
    plan: Option<Plan>,
    /// How a call of the class is made.
    pub(super) native: Native,
    /// Whether instances look attributes up as `object` does.
    plain_lookup: bool,
    /// `__setstate__`, borrowed from the class, if it is a function, and whether there is any.
    setstate: Option<*mut PyObject>,
    has_setstate: bool,
    /// `extend`, borrowed from the class, if it is a native method.
    extend: Option<*mut PyObject>,
    /// Whether `extend` is that of `list`, and whether items are set as `dict` does.
    pub(super) extends_as_list: bool,
    pub(super) sets_as_dict: bool,
    /// Whether a state goes into the array of a new instance.
    pub(super) takes_values: bool,
    /// Whether a state goes into slots.
    pub(super) takes_slots: bool,
    /// Whether a state goes into `__dict__`, and that is the one of the instance.
    pub(super) plain_dict: bool,
    /// Where instances have the pointer to the dict that `__dict__` shows, if a state may become that dict.
    pub(super) dict_at: Option<DictAt>,
    /// The attributes of the last state that was put into an array, the last one put into slots, and the last that became a
    /// dict, in order.
    values: Vec<Place>,
    slots: Vec<Place>,
    names: Vec<Place>,
    /// The shared keys that the places in the array are among.
    keys: usize,
}

/// The `__setstate__` of a class.
pub(crate) enum SetState<'a> {
    None,
    /// A function of the instance and its state.
    Function(Ref<'a>),
}

/// Where an attribute goes.
struct Place {
    /// The interned name.
    name: Owned,
    /// The last key of a stream that turned out to be this name.
    seen: Option<Owned>,
    /// The index in the array, or the offset in the instance.
    at: usize,
}

/// The version tag of a class, or zero.
///
/// # Safety
///
/// `kind` is a class that is alive.
#[inline(always)]
pub(crate) unsafe fn version_of(kind: *mut PyTypeObject) -> u32 {
    // SAFETY: by contract.
    unsafe {
        #[cfg(not(Py_3_13))]
        if (*kind).tp_flags & (1 << 19) == 0 {
            return 0;
        }
        (*kind).tp_version_tag
    }
}

impl Classes {
    /// What is known of `kind`, unless it changes too much to be known.
    ///
    /// # Safety
    ///
    /// `kind` is a class that is alive.
    #[inline(always)]
    pub(super) unsafe fn get(
        &mut self,
        kind: *mut PyTypeObject,
        state: &State,
        layout: &Layout,
    ) -> Option<&mut Class> {
        let index = (kind.addr() >> 4 ^ kind.addr() >> 10) % KEPT;
        // SAFETY: by contract.
        let version = unsafe { version_of(kind) };
        let known = self.table.get(index).and_then(Option::as_deref);
        if version == 0 || !known.is_some_and(|class| class.kind == kind && class.version == version) {
            // SAFETY: by contract.
            let class = unsafe { Class::new(kind, state, layout)? };
            self.table.resize_with(KEPT, || None);
            self.table[index] = Some(Box::new(class));
        }
        self.table.get_mut(index)?.as_deref_mut()
    }
}

impl Class {
    /// The version under which all this was found out.
    pub(super) fn version(&self) -> u32 {
        self.version
    }

    /// # Safety
    ///
    /// `kind` is a class that is alive.
    #[cold]
    unsafe fn new(kind: *mut PyTypeObject, state: &State, layout: &Layout) -> Option<Self> {
        // SAFETY: the class is alive, and what it has under a name is looked at before anything else runs.
        unsafe {
            let lookup = |name: &Owned| Ref::from_nullable(_PyType_Lookup(kind, name.as_ptr()));
            let setstate = lookup(&state.names.__setstate__);
            let has_setstate = setstate.is_some();
            let dict = lookup(&state.names.__dict__);
            let version = version_of(kind);
            if version == 0 {
                return None;
            }
            let is = |slot: Option<*const ()>, function: *const ()| slot == Some(function);
            let setattro = (*kind).tp_setattro.map(|function| function as *const ());
            let new = (*kind).tp_new.map(|function| function as *const ());
            let object_new = PyBaseObject_Type.tp_new.map(|function| function as *const ());
            let plain_lookup = looks_up_plainly(kind);
            let ordinary = !has_setstate && plain_lookup;
            let named = |name: &str| {
                let name = Owned::interned(name).ok()?;
                Ref::from_nullable(_PyType_Lookup(kind, name.as_ptr()))
            };
            let native = native::of(kind, state, layout, &named);
            let inherited = |base: *mut PyTypeObject, name: &Owned| {
                let found = _PyType_Lookup(kind, name.as_ptr());
                PyType_IsSubtype(kind, base) != 0 && found == _PyType_Lookup(base, name.as_ptr())
            };
            let set_item = |kind: *mut PyTypeObject| {
                let slots = (*kind).tp_as_mapping;
                if slots.is_null() { None } else { (*slots).mp_ass_subscript.map(|slot| slot as *const ()) }
            };
            #[cfg(known_layout)]
            let has_arrays = layout.values;
            #[cfg(not(known_layout))]
            let has_arrays = false;
            let plain_new = new == object_new && PyType_GetFlags(kind) & Py_TPFLAGS_IS_ABSTRACT == 0;
            let plain_dict =
                ordinary && dict.is_some_and(|dict| dict.is_exactly(&raw mut PyGetSetDescr_Type));
            let takes_values =
                plain_dict && has_arrays && new == object_new && SharedKeys::of(kind).is_some();
            let managed = if takes_values {
                Some(DictAt::Array)
            } else if plain_dict && new != object_new {
                Some(DictAt::Managed)
            } else {
                None
            };
            Some(Class {
                kind,
                version,
                plain_new,
                plan: if plain_new { Plan::of(kind, layout) } else { None },
                native,
                plain_lookup,
                setstate: setstate
                    .filter(|function| {
                        function.is_exactly(&raw mut PyFunction_Type)
                            || function.is_exactly(&raw mut PyMethodDescr_Type)
                    })
                    .map(Ref::as_ptr),
                has_setstate,
                extend: lookup(&state.names.extend)
                    .filter(|extend| {
                        // Their instances have no attributes of their own.
                        let bare =
                            PyType_GetFlags(kind) & Py_TPFLAGS_HEAPTYPE == 0 && (*kind).tp_dictoffset == 0;
                        bare && plain_lookup && extend.is_exactly(&raw mut PyMethodDescr_Type)
                    })
                    .map(Ref::as_ptr),
                extends_as_list: plain_lookup && inherited(&raw mut PyList_Type, &state.names.extend),
                sets_as_dict: PyType_IsSubtype(kind, &raw mut PyDict_Type) != 0
                    && set_item(kind) == set_item(&raw mut PyDict_Type),
                takes_values,
                takes_slots: ordinary && is(setattro, PyObject_GenericSetAttr as *const ()),
                plain_dict,
                dict_at: if ordinary { dict_at(kind, managed) } else { None },
                values: Vec::new(),
                slots: Vec::new(),
                names: Vec::new(),
                keys: 0,
            })
        }
    }

    /// `extend`, if it is a native method and no instance has another one.
    pub(super) fn extend(&self) -> Option<Ref<'_>> {
        // SAFETY: the class has the method as long as its version is this one.
        self.extend.map(|extend| unsafe { Ref::new(extend) })
    }

    /// Whether an instance has no attributes of its own that could stand before those of the class.
    ///
    /// # Safety
    ///
    /// The instance is of this class.
    #[inline(always)]
    pub(super) unsafe fn is_fresh(&self, instance: Ref<'_>) -> bool {
        // SAFETY: by contract.
        unsafe {
            if PyType_GetFlags(self.kind) & MANAGED_DICT != 0 {
                return is_bare(instance);
            }
            match usize::try_from((*self.kind).tp_dictoffset) {
                Ok(0) => true,
                // A dict that nothing is in is as good as none.
                Ok(offset) => match Ref::from_nullable(*dict_slot(instance, offset)) {
                    None => true,
                    Some(dict) => dict.is_exactly(&raw mut PyDict_Type) && PyDict_Size(dict.as_ptr()) == 0,
                },
                Err(_) => false,
            }
        }
    }

    /// The place of an instance's dict, if that is empty and nobody else's, so that a dict of these items can have it. The
    /// keys are interned then, as names of attributes are. What is done about that is for `agree` to say, which is asked last.
    ///
    /// # Safety
    ///
    /// The instance is of this class.
    pub(super) unsafe fn dict_place(
        &mut self,
        instance: Ref<'_>,
        items: &mut [Owned],
        memos: &mut Memos<'_>,
        agree: impl FnOnce(&mut Memos<'_>) -> bool,
    ) -> Option<DictPlace> {
        // SAFETY: by contract; the class has its dicts there.
        let (place, free) = unsafe {
            match self.dict_at? {
                DictAt::Offset(offset) => {
                    let slot = dict_slot(instance, offset);
                    let free = Ref::from_nullable(*slot).is_some_and(|old| {
                        old.is_exactly(&raw mut PyDict_Type)
                            && old.has_holders(1)
                            && PyDict_Size(old.as_ptr()) == 0
                    });
                    (DictPlace::Slot(slot), free)
                }
                DictAt::Managed => (DictPlace::Slot(free_dict_slot(instance)?), true),
                DictAt::Array => (DictPlace::Array, Values::of_fresh(instance).is_some()),
            }
        };
        if !free || !self.knows_names(items) || !agree(memos) {
            return None;
        }
        self.intern_names(items, memos);
        Some(place)
    }

    /// Whether the keys among items are names, all different, of which the interned ones are at hand from now on.
    pub(super) fn knows_names(&mut self, items: &[Owned]) -> bool {
        // Equal names are one object, and their places are to be different.
        matching(&mut self.names, items)
            || learn(&mut self.names, items, MOST_IN_DICT, |name| Some(name.as_ptr().addr()))
    }

    /// Interns the keys among items, which are known.
    pub(super) fn intern_names(&self, items: &mut [Owned], memos: &mut Memos<'_>) {
        for (place, pair) in self.names.iter().zip(items.chunks_exact_mut(2)) {
            if !place.name.is(pair[0].as_ref()) {
                memos.give_up_key(std::mem::replace(&mut pair[0], place.name.clone()));
            }
        }
    }

    /// What a new instance has as `__setstate__`, if that is known.
    ///
    /// # Safety
    ///
    /// The instance is of this class.
    #[inline(always)]
    pub(super) unsafe fn setstate_of<'a>(&self, instance: Ref<'a>) -> Option<SetState<'a>> {
        // SAFETY: by contract; the class has the function as long as its version is this one.
        unsafe {
            if !self.plain_lookup || self.has_setstate && self.setstate.is_none() || !self.is_fresh(instance)
            {
                return None;
            }
            Some(self.setstate.map_or(SetState::None, |function| SetState::Function(Ref::new(function))))
        }
    }

    /// `object.__new__(class)`; `args` is `()`.
    ///
    /// # Safety
    ///
    /// The class is alive, and [made that way](Self::plain_new).
    #[inline(always)]
    pub(super) unsafe fn new_instance(
        &self,
        heap: &Heap,
        nursery: &mut Nursery,
        args: Ref<'_>,
    ) -> Result<Owned> {
        // SAFETY: by contract; the class has the version under which its plan was made.
        unsafe {
            if let Some(plan) = self.plan {
                return plan.make(heap, nursery, self.kind);
            }
            let Some(new) = PyBaseObject_Type.tp_new else { return Err(Raised) };
            Owned::from_result(new(self.kind, args.as_ptr(), ptr::null_mut()))
        }
    }

    /// `class.__new__(class, *args)`, if it is known how to make that; `args` is an exact tuple.
    ///
    /// # Safety
    ///
    /// The class is alive.
    #[inline(always)]
    pub(super) unsafe fn new_object(
        &self,
        heap: &Heap,
        nursery: &mut Nursery,
        memos: &mut Memos<'_>,
        fetches: &mut Fetches,
        args: Ref<'_>,
    ) -> Option<Result<Owned>> {
        let items = items_of(args);
        // SAFETY: by contract; what is known of the class is known of this class.
        unsafe {
            if self.plain_new && items.is_empty() {
                return Some(self.new_instance(heap, nursery, args));
            }
            let made = self.native.new_object(self.kind, items)?;
            if self.native.keeps_arguments() {
                memos.spend_last(args, fetches);
            } else if !items.is_empty() {
                // They go with their tuple.
                memos.settle(fetches);
            }
            Some(made)
        }
    }

    /// Puts a state, keys and values in turn, into a new instance of this class, as setting the items of its `__dict__`
    /// would do. If that can be done the items are moved out of `items`, and otherwise nothing has happened.
    ///
    /// # Safety
    ///
    /// The instance is of this class, which [takes values](Self::takes_values).
    #[inline(always)]
    pub(super) unsafe fn set_values(
        &mut self,
        instance: Ref<'_>,
        items: &[Owned],
        memos: &mut Memos<'_>,
    ) -> bool {
        // SAFETY: by contract; the class is alive as long as its instance. Keys that are shared stay where they are for good.
        unsafe {
            let (Some(values), Some(keys)) = (Values::of_fresh(instance), SharedKeys::of(self.kind)) else {
                return false;
            };
            if (self.keys != keys.address() || !matching(&mut self.values, items))
                && !learn(&mut self.values, items, MOST, |name| keys.position(name))
            {
                return false;
            }
            self.keys = keys.address();
            if !self.values.iter().all(|place| values.has_room(place.at)) {
                return false;
            }
            for (order, (place, pair)) in self.values.iter().zip(items.chunks_exact(2)).enumerate() {
                values.set(order, place.at, ptr::read(&raw const pair[1]));
                memos.give_up_key(ptr::read(&raw const pair[0]));
            }
            values.finish(self.values.len());
        }
        true
    }

    /// The same for attributes that live in slots, as setting them one by one would do.
    ///
    /// # Safety
    ///
    /// The instance is of this class, which [takes slots](Self::takes_slots).
    #[inline(always)]
    pub(super) unsafe fn set_slots(
        &mut self,
        instance: Ref<'_>,
        items: &[Owned],
        memos: &mut Memos<'_>,
    ) -> bool {
        let kind = self.kind;
        // SAFETY: the class is alive as long as its instance, and a descriptor found is looked at before anything else
        // runs.
        let offset = |name: Ref<'_>| unsafe {
            let found = Ref::from_nullable(_PyType_Lookup(kind, name.as_ptr()))?;
            slot_offset(kind, found)
        };
        if !matching(&mut self.slots, items) && !learn(&mut self.slots, items, MOST, offset) {
            return false;
        }
        // SAFETY: the version of the class vouches for the offsets, which are those of places for an object each.
        unsafe {
            let slot = |place: &Place| instance.as_ptr().byte_add(place.at).cast::<*mut PyObject>();
            if !self.slots.iter().all(|place| (*slot(place)).is_null()) {
                return false;
            }
            for (place, pair) in self.slots.iter().zip(items.chunks_exact(2)) {
                slot(place).write(ptr::read(&raw const pair[1]).into_ptr());
                memos.give_up_key(ptr::read(&raw const pair[0]));
            }
        }
        true
    }
}

/// Where an instance has the pointer to its dict.
///
/// # Safety
///
/// The class of the instance has a dict offset, which this is.
#[inline(always)]
unsafe fn dict_slot(instance: Ref<'_>, offset: usize) -> *mut *mut PyObject {
    // SAFETY: by contract.
    unsafe { instance.as_ptr().byte_add(offset).cast() }
}

/// Where instances of a class have the pointer to their dict.
#[derive(Clone, Copy)]
pub(super) enum DictAt {
    /// There, in the instance, with an empty dict from the start.
    Offset(usize),
    /// Where the interpreter manages it, with none until one is needed.
    Managed,
    /// The same for instances with an array, which has no room for more than a few attributes.
    Array,
}

impl DictAt {
    /// Whether a dict of so many attributes is what an instance should have.
    #[inline(always)]
    pub(super) fn takes(self, attributes: usize) -> bool {
        !matches!(self, DictAt::Array) || attributes > MOST
    }
}

/// The place of the dict of one instance.
pub(super) enum DictPlace {
    /// A pointer in the instance or before it.
    Slot(*mut *mut PyObject),
    /// That of an array, which goes.
    Array,
}

impl DictPlace {
    /// Makes a dict that of the instance.
    ///
    /// # Safety
    ///
    /// This is the place of the instance's dict, and nothing has changed that.
    pub(super) unsafe fn put(self, instance: Ref<'_>, dict: Owned, state: &State) -> Result<()> {
        // SAFETY: by contract. The class has a descriptor for `__dict__`, which no method of its own stands before here.
        unsafe {
            match self {
                DictPlace::Slot(slot) => drop(Owned::from_nullable(slot.replace(dict.into_ptr()))),
                DictPlace::Array => {
                    let name = state.names.__dict__.as_ptr();
                    check(PyObject_GenericSetAttr(instance.as_ptr(), name, dict.as_ptr()))?;
                }
            }
        }
        Ok(())
    }
}

/// Where instances of a class have the pointer to the dict that their `__dict__` shows, if the class is known to do no more
/// than that: `types.SimpleNamespace`, and classes whose dicts are `managed` by the interpreter.
///
/// # Safety
///
/// The class is alive.
unsafe fn dict_at(kind: *mut PyTypeObject, managed: Option<DictAt>) -> Option<DictAt> {
    // SAFETY: by contract; a class has a name as long as it is alive.
    unsafe {
        let flags = PyType_GetFlags(kind);
        if flags & MANAGED_DICT != 0 {
            return managed;
        }
        let name = std::ffi::CStr::from_ptr((*kind).tp_name);
        let known = flags & Py_TPFLAGS_HEAPTYPE == 0 && name == c"types.SimpleNamespace";
        let offset = usize::try_from((*kind).tp_dictoffset).ok().filter(|&offset| known && offset > 0);
        offset.map(DictAt::Offset)
    }
}

/// Whether the keys among the items are the names of these places, in the same order.
#[inline(always)]
fn matching(places: &mut [Place], items: &[Owned]) -> bool {
    if places.len() * 2 != items.len() {
        return false;
    }
    for (place, pair) in places.iter_mut().zip(items.chunks_exact(2)) {
        let seen = place.seen.as_ref().is_some_and(|seen| seen.is(pair[0].as_ref()));
        if !seen && !place.is_named(&pair[0]) {
            return false;
        }
    }
    true
}

impl Place {
    #[inline(never)]
    fn is_named(&mut self, key: &Owned) -> bool {
        if self.name.is(key.as_ref()) {
            return true;
        }
        let same = key.is_exactly(&raw mut PyUnicode_Type)
            && text::ascii(key.as_ref()).is_some_and(|text| Some(text) == text::ascii(self.name.as_ref()));
        if same && !key.as_ref().has_holders(1) {
            // It is in the memo, and will come again.
            self.seen = Some(key.clone());
        }
        same
    }
}

/// Finds the places of the keys among the items, `most` at most; whether all have one, and each its own.
#[cold]
fn learn(
    places: &mut Vec<Place>,
    items: &[Owned],
    most: usize,
    find: impl Fn(Ref<'_>) -> Option<usize>,
) -> bool {
    places.clear();
    if items.len() > 2 * most {
        return false;
    }
    for key in items.iter().step_by(2) {
        let place = key.is_exactly(&raw mut PyUnicode_Type).then(|| {
            let name = super::instance::interned(key.clone()).ok()?;
            let at = find(name.as_ref())?;
            Some(Place { name, seen: None, at })
        });
        match place.flatten() {
            Some(place) => places.push(place),
            None => {
                places.clear();
                return false;
            }
        }
    }
    let mut all: Vec<usize> = places.iter().map(|place| place.at).collect();
    all.sort_unstable();
    let different = all.windows(2).all(|pair| pair[0] != pair[1]);
    if !different {
        places.clear();
    }
    different
}
