//! Instances of plain classes, which are saved as the reduce protocol would have it, but without asking it.
//!
//! A class is plain as far as saving goes if everything that the protocol would call is `object`'s own. What is known
//! of a class is kept as long as the interpreter's version tag says that the class has not changed.

use super::memo::Known;
use super::numpy::Learned;
use super::task::{Attributes, Construct, Dict, From, Items, Pairs, Slots, State, Task, key_step};
use super::{Dump, MOST_NESTED, standard};
use crate::ffi::api::*;
use crate::ffi::layout::items as layout;
use crate::ffi::object::looks_up_plainly;
use crate::ffi::sequence;
use crate::ffi::{Owned, Ref, Result, error, text};
use brinery::{Opcode, Segment};
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

/// What saving has to know of a class.
pub(super) struct Facts {
    kind: *mut PyTypeObject,
    version: u32,
    /// How an instance says what its state is.
    state: StateOf,
    /// The slots, in the order in which they are saved.
    pub(super) slots: Vec<Slot>,
    /// Where what a known reduction looks at is in an instance.
    pub(super) parts: Vec<Slot>,
    dict: DictOf,
    items: ItemsOf,
    /// What numpy makes of the instances, once one was met.
    pub(super) learned: OnceCell<Learned>,
}

/// Whether an instance has items, which come between it and its state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ItemsOf {
    None,
    /// Those of a `list`.
    List,
    /// Those of a `dict`.
    Dict,
}

/// A slot of a class that has `__slots__`, or another member that is an object.
pub(super) struct Slot {
    /// Held by the class, if it is a slot.
    name: *mut PyObject,
    offset: isize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StateOf {
    /// By its attributes.
    Attributes,
    /// By `__getstate__`, a function of the class.
    Getstate,
    /// Its `__reduce__`, a function of the class, says everything.
    Reduce,
    /// It is made from what `__getnewargs__`, a function of the class, returns; then come its attributes.
    Getnewargs,
    /// It is of a type of the standard library whose reduction is known.
    Known(standard::Type),
    /// In ways that need the whole protocol.
    Other,
}

/// The type code of members that C code defines as objects, or as nothing.
const T_OBJECT: std::ffi::c_int = 6;

/// Where an instance has its `__dict__`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DictOf {
    None,
    /// As the interpreter manages it.
    #[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
    Managed,
    /// At an offset.
    At(isize),
    /// At an offset from the end of an object of variable size.
    #[cfg(not(Py_3_12))]
    FromEnd(isize),
}

/// Classes of instances that were saved lately, by their addresses.
#[derive(Default)]
pub(super) struct Recents([Recent; 8]);

impl Recents {
    #[inline(always)]
    fn of(&mut self, kind: *mut PyTypeObject) -> &mut Recent {
        let address = kind as usize;
        &mut self.0[(address >> 5 ^ address >> 9) % 8]
    }
}

/// A class of which an instance was saved lately.
#[derive(Default)]
struct Recent {
    facts: Option<Rc<Facts>>,
    /// The era of the memo for which `copyreg.dispatch_table` has nothing for the class.
    era: usize,
    /// The names of attributes that have been looked at: their table and how many were in it.
    #[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
    names: (usize, isize),
}

const CACHE_SIZE: usize = 256;

/// What is known of classes, in all dumps.
#[derive(Default)]
pub(crate) struct FactsCache(RefCell<Vec<Option<Rc<Facts>>>>);

impl FactsCache {
    fn position(kind: *mut PyTypeObject) -> usize {
        (kind as usize >> 5) % CACHE_SIZE
    }

    fn get(&self, kind: *mut PyTypeObject, version: u32) -> Option<Rc<Facts>> {
        let cache = self.0.borrow();
        let facts = cache.get(Self::position(kind))?.as_ref()?;
        (facts.kind == kind && facts.version == version).then(|| Rc::clone(facts))
    }

    fn set(&self, facts: Rc<Facts>) {
        let mut cache = self.0.borrow_mut();
        cache.resize(CACHE_SIZE, None);
        let position = Self::position(facts.kind);
        cache[position] = Some(facts);
    }
}

/// The number that stands for the present state of a class; zero if there is none.
#[inline(always)]
fn version(kind: *mut PyTypeObject) -> u32 {
    // SAFETY: the type is alive.
    unsafe {
        #[cfg(not(Py_3_13))]
        if PyType_GetFlags(kind) & Py_TPFLAGS_VALID_VERSION_TAG == 0 {
            return 0;
        }
        (*kind).tp_version_tag
    }
}

/// What a class or its bases have under a name, without any code being run.
pub(super) fn lookup(kind: *mut PyTypeObject, name: &Owned) -> *mut PyObject {
    unsafe extern "C" {
        fn _PyType_Lookup(kind: *mut PyTypeObject, name: *mut PyObject) -> *mut PyObject;
    }
    // SAFETY: both are alive; the result is null or borrowed from the class.
    unsafe { _PyType_Lookup(kind, name.as_ptr()) }
}

impl Facts {
    /// What is to be known of a class, if it can be told before an instance was saved in the general way.
    fn of(state: &crate::state::State, kind: *mut PyTypeObject) -> Option<Facts> {
        let names = &state.names;
        let object = &raw mut PyBaseObject_Type;
        let is_own = |name: &Owned| std::ptr::eq(lookup(kind, name), lookup(object, name));
        let is_function = |name: &Owned| {
            // SAFETY: the class holds what it has.
            unsafe { Ref::from_nullable(lookup(kind, name)) }.is_some_and(|found| {
                found.is_exactly(&raw mut PyFunction_Type) || found.is_exactly(&raw mut PyMethodDescr_Type)
            })
        };
        let mut facts = Facts {
            kind,
            version: 0,
            state: StateOf::Other,
            slots: Vec::new(),
            parts: Vec::new(),
            dict: DictOf::None,
            items: ItemsOf::None,
            learned: OnceCell::new(),
        };
        if let Some(known) = standard::Type::of(kind) {
            facts.state = StateOf::Known(known);
            facts.version = version(kind);
            return (facts.version != 0).then_some(facts);
        }
        // SAFETY: the type and its metatype are alive.
        unsafe {
            let meta = Py_TYPE(kind.cast());
            let same = |one: Option<getattrofunc>, other: getattrofunc| {
                one.is_some_and(|one| std::ptr::fn_addr_eq(one, other))
            };
            let type_getattro = PyType_Type.tp_getattro?;
            let plain = PyType_IsSubtype(kind, &raw mut PyType_Type) == 0
                && looks_up_plainly(kind)
                && same((*meta).tp_getattro, type_getattro)
                && std::ptr::eq(lookup(meta, &names.__reduce__), lookup(object, &names.__reduce__))
                && is_own(&names.__class__)
                && is_own(&names.__reduce_ex__);
            if plain && !is_own(&names.__reduce__) {
                let reduce = Ref::from_nullable(lookup(kind, &names.__reduce__))?;
                if facts.find_dict() {
                    if let Some(known) = standard::Type::by_reduce(state, &mut facts, reduce) {
                        facts.state = StateOf::Known(known);
                    } else if is_function(&names.__reduce__) {
                        facts.state = StateOf::Reduce;
                    }
                }
            } else if plain
                && PyType_GetFlags(kind) & Py_TPFLAGS_HEAPTYPE != 0
                && (*kind).tp_new.is_some()
                && is_own(&names.__getstate__)
                && lookup(kind, &names.__getnewargs_ex__).is_null()
                && let Some(getnewargs) = Ref::from_nullable(lookup(kind, &names.__getnewargs__))
            {
                let known = if PyType_GetFlags(kind) & Py_TPFLAGS_TUPLE_SUBCLASS != 0
                    && standard::is_named_tuple(state, getnewargs)
                {
                    Some(standard::Type::NamedTuple)
                } else {
                    standard::Type::by_getnewargs(getnewargs)
                };
                let state = match known {
                    Some(known) => StateOf::Known(known),
                    None if getnewargs.is_exactly(&raw mut PyFunction_Type) && facts.find_items(names) => {
                        StateOf::Getnewargs
                    }
                    None => StateOf::Other,
                };
                if facts.items == ItemsOf::None && facts.has_no_slots(names) && facts.find_dict() {
                    facts.state = state;
                }
            } else if plain
                && PyType_GetFlags(kind) & Py_TPFLAGS_HEAPTYPE != 0
                && (*kind).tp_new.is_some()
                && lookup(kind, &names.__getnewargs_ex__).is_null()
                && lookup(kind, &names.__getnewargs__).is_null()
                && facts.find_items(names)
            {
                if is_own(&names.__getstate__) {
                    let slotnames = PyDict_GetItemWithError((*kind).tp_dict, names.__slotnames__.as_ptr());
                    // `copyreg` looks for the names of the slots when the first instance is saved.
                    if facts.find_dict() && facts.find_slots(Ref::from_nullable(slotnames)?) {
                        facts.state = StateOf::Attributes;
                    }
                } else if is_function(&names.__getstate__)
                    && facts.items == ItemsOf::None
                    && facts.find_dict()
                {
                    let getstate = Ref::from_nullable(lookup(kind, &names.__getstate__))?;
                    facts.state = standard::Type::by_getstate(state, &mut facts, getstate)
                        .map_or(StateOf::Getstate, StateOf::Known);
                }
            }
        }
        facts.version = version(kind);
        (facts.version != 0).then_some(facts)
    }

    pub(super) fn kind(&self) -> *mut PyTypeObject {
        self.kind
    }

    /// Whether instances have no attributes.
    pub(super) fn has_no_dict(&self) -> bool {
        self.dict == DictOf::None
    }

    /// Whether an instance has attributes in its `__dict__`.
    pub(super) fn has_state(&self, object: Ref<'_>) -> bool {
        !matches!(state_of(object, self), StateParts::Empty)
    }

    /// Whether `copyreg` is known to find no slots.
    pub(super) fn has_no_slots(&self, names: &crate::state::Names) -> bool {
        // SAFETY: the type is alive and holds what it has.
        unsafe {
            if PyType_GetFlags(self.kind) & Py_TPFLAGS_HEAPTYPE == 0 || standard::is_native(self.kind) {
                return true;
            }
            // `copyreg` looks for the names of the slots when the first instance is saved.
            let slotnames = PyDict_GetItemWithError((*self.kind).tp_dict, names.__slotnames__.as_ptr());
            Ref::from_nullable(slotnames).is_some_and(|slotnames| {
                slotnames.is_none()
                    || slotnames.is_exactly(&raw mut PyList_Type) && PyList_GET_SIZE(slotnames.as_ptr()) == 0
            })
        }
    }

    /// Finds members that are objects; whether all are.
    pub(super) fn add_parts(&mut self, names: &[&str]) -> bool {
        for name in names {
            let Ok(name) = Owned::interned(name) else {
                error::clear();
                return false;
            };
            let Some(slot) = Self::slot(self.kind, &name) else { return false };
            self.parts.push(slot);
        }
        true
    }

    /// Finds out about items; whether that was possible.
    fn find_items(&mut self, names: &crate::state::Names) -> bool {
        let kind = self.kind;
        // SAFETY: the types are alive.
        unsafe {
            let flags = PyType_GetFlags(kind);
            if flags & Py_TPFLAGS_LIST_SUBCLASS != 0 {
                self.items = ItemsOf::List;
                let (own, base) = ((*kind).tp_iter, PyList_Type.tp_iter);
                return own.zip(base).is_some_and(|(own, base)| std::ptr::fn_addr_eq(own, base));
            }
            if flags & Py_TPFLAGS_DICT_SUBCLASS != 0 {
                self.items = ItemsOf::Dict;
                return std::ptr::eq(lookup(kind, &names.items), lookup(&raw mut PyDict_Type, &names.items));
            }
            (*kind).tp_itemsize == 0
        }
    }

    /// Finds where instances have their dict; whether that was possible.
    pub(super) fn find_dict(&mut self) -> bool {
        // SAFETY: the type is alive.
        self.dict = match unsafe { (*self.kind).tp_dictoffset } {
            0 => DictOf::None,
            #[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
            // SAFETY: the type is alive.
            _ if unsafe { PyType_GetFlags(self.kind) } & Py_TPFLAGS_MANAGED_DICT != 0 => DictOf::Managed,
            offset @ 1.. => DictOf::At(offset),
            #[cfg(not(Py_3_12))]
            offset => DictOf::FromEnd(offset),
            #[cfg(Py_3_12)]
            _ => return false,
        };
        true
    }

    /// Finds the slots; whether that was possible and nothing else is in an instance.
    fn find_slots(&mut self, slotnames: Ref<'_>) -> bool {
        let kind = self.kind;
        // SAFETY: the type is alive, and so are the names in the list.
        unsafe {
            let mut expected = PyBaseObject_Type.tp_basicsize;
            let word = size_of::<*mut PyObject>() as isize;
            expected += if matches!(self.dict, DictOf::At(_)) { word } else { 0 };
            expected += if (*kind).tp_weaklistoffset > 0 { word } else { 0 };
            if !slotnames.is_none() {
                if !slotnames.is_exactly(&raw mut PyList_Type) {
                    return false;
                }
                for index in 0..PyList_GET_SIZE(slotnames.as_ptr()) {
                    let name = Ref::new(PyList_GET_ITEM(slotnames.as_ptr(), index)).to_owned();
                    let Some(slot) = Self::slot(kind, &name) else { return false };
                    self.slots.push(slot);
                    expected += word;
                }
            }
            if self.items != ItemsOf::None {
                return self.slots.is_empty();
            }
            (*kind).tp_basicsize <= expected && self.slots.len() <= brinery::write::BATCH_SIZE
        }
    }

    /// Where the slot of this name is, if it is an ordinary one.
    fn slot(kind: *mut PyTypeObject, name: &Owned) -> Option<Slot> {
        if !name.is_exactly(&raw mut PyUnicode_Type) {
            return None;
        }
        // SAFETY: the class holds what it has, and a member descriptor has a definition that lives as long.
        unsafe {
            let found = Ref::from_nullable(lookup(kind, name))?;
            if !found.is_exactly(&raw mut PyMemberDescr_Type) {
                return None;
            }
            let definition = (*found.as_ptr().cast::<PyMemberDescrObject>()).d_member;
            ((*definition).type_code == Py_T_OBJECT_EX || (*definition).type_code == T_OBJECT)
                .then(|| Slot { name: name.as_ptr(), offset: (*definition).offset })
        }
    }
}

/// The beginning of CPython's `PyMemberDescrObject`, which its headers publish.
#[repr(C)]
struct PyMemberDescrObject {
    base: PyObject,
    kind: *mut PyTypeObject,
    name: *mut PyObject,
    qualname: *mut PyObject,
    d_member: *mut PyMemberDef,
}

/// The state of an instance by its attributes.
enum StateParts<'a> {
    Empty,
    /// The attributes are in no dict.
    #[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
    Array(layout::Attributes),
    Dict(Ref<'a>),
}

/// The dict at an offset in an instance, if it has been made.
///
/// # Safety
///
/// The instance is alive, and the offset is that of its dict.
#[inline(always)]
unsafe fn dict_at(object: Ref<'_>, offset: isize) -> Option<Ref<'_>> {
    // SAFETY: by contract.
    unsafe { Ref::from_nullable(*object.as_ptr().byte_offset(offset).cast::<*mut PyObject>()) }
}

/// What comes after the attributes of an instance.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Nothing,
    #[cfg_attr(
        not(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED))),
        expect(dead_code, reason = "attributes without a dict")
    )]
    Build,
    /// The end of the pair of which the slots are the second half, and then `BUILD`.
    Pair,
}

/// What an instance has in its `__dict__`.
#[inline(always)]
fn state_of<'a>(object: Ref<'a>, facts: &Facts) -> StateParts<'a> {
    // SAFETY: the instance is alive and of the class that the facts are of.
    unsafe {
        let dict = match facts.dict {
            DictOf::None => return StateParts::Empty,
            #[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
            DictOf::Managed => match layout::attributes(object) {
                layout::Place::Array(array) if array.len() > 0 => return StateParts::Array(array),
                layout::Place::Dict(dict) => dict,
                _ => return StateParts::Empty,
            },
            DictOf::At(offset) => match dict_at(object, offset) {
                Some(dict) => dict,
                None => return StateParts::Empty,
            },
            #[cfg(not(Py_3_12))]
            DictOf::FromEnd(offset) => {
                let kind = object.type_ptr();
                let items = (*object.as_ptr().cast::<PyVarObject>()).ob_size.abs();
                let size = ((*kind).tp_basicsize + items * (*kind).tp_itemsize)
                    .cast_unsigned()
                    .next_multiple_of(size_of::<*mut PyObject>());
                match dict_at(object, size.cast_signed() + offset) {
                    Some(dict) => dict,
                    None => return StateParts::Empty,
                }
            }
        };
        if layout::len(dict) == 0 { StateParts::Empty } else { StateParts::Dict(dict) }
    }
}

/// Whether an attribute of this name could stand before something that the protocol asks for.
#[inline(always)]
fn may_shadow(name: Ref<'_>) -> bool {
    if !name.is_exactly(&raw mut PyUnicode_Type) {
        return true;
    }
    // A name with other letters is none of the protocol's.
    text::ascii(name)
        .is_some_and(|name| name.len() > 4 && name[0] == b'_' && name[1] == b'_' && name.ends_with(b"__"))
}

/// Whether an object is a class or function, which is saved by its name.
#[inline(always)]
pub(super) fn is_global(object: Ref<'_>) -> bool {
    let kind = object.type_ptr();
    kind == &raw mut PyFunction_Type || kind == &raw mut PyCFunction_Type || object.is_type()
}

/// Something cannot be told without running foreign code.
pub(super) struct Foreign;

/// What a dispatch table has for a class.
pub(super) fn registered<'a>(
    state: &crate::state::State,
    table: Ref<'a>,
    class: Ref<'_>,
) -> std::result::Result<Option<Ref<'a>>, Foreign> {
    // SAFETY: types are alive. A class whose metaclass leaves it alone has the hash of its address, and is equal to itself
    // only.
    let alike = unsafe {
        let (own, standard) = ((*class.type_ptr()).tp_hash, PyType_Type.tp_hash);
        own.zip(standard).is_some_and(|(own, standard)| std::ptr::fn_addr_eq(own, standard))
    };
    if !alike {
        return Err(Foreign);
    }
    // SAFETY: the object is a dict, which holds what is found.
    let find = |dict: Ref<'a>| unsafe {
        let found = Ref::from_nullable(PyDict_GetItemWithError(dict.as_ptr(), class.as_ptr()));
        if found.is_none() && error::occurred() {
            error::clear();
            return Err(Foreign);
        }
        Ok(found)
    };
    if table.is_exactly(&raw mut PyDict_Type) {
        return find(table);
    }
    for map in standard::chained(state, table).ok_or(Foreign)? {
        if let Some(found) = find(map)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

impl Dump<'_> {
    /// Saves an object that is not of a builtin type with an opcode of its own.
    pub(super) fn save_instance(&mut self, object: &Owned, single: bool) -> Result<()> {
        if self.out.protocol() >= 2
            && self.hooks.reducer_override.is_none()
            && self.hooks.persistent_id.is_none()
            && !self.is_fast()
        {
            let saved = if is_global(object.as_ref()) {
                self.save_found_global(object.as_ref())?
            } else {
                self.save_natively(object, single)?
            };
            if saved {
                return Ok(());
            }
        }
        self.save_by_reduction(object)
    }

    /// Saves an instance of a class that is plain in all respects, through a hook that is asked for everything that the
    /// reduction has; whether it is one.
    pub(super) fn save_through_hook(&mut self, object: &Owned) -> Result<bool> {
        let kind = object.type_ptr();
        let Some(facts) = self.facts(kind) else { return Ok(false) };
        if facts.state != StateOf::Attributes || !facts.slots.is_empty() || facts.items != ItemsOf::None {
            return Ok(false);
        }
        let state = state_of(object.as_ref(), &facts);
        if !self.is_plain(kind, &state) {
            return Ok(false);
        }
        let state = match state {
            StateParts::Empty => None,
            #[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
            // SAFETY: the instance is alive.
            StateParts::Array(_) => unsafe {
                Some(Owned::from_result(PyObject_GenericGetDict(object.as_ptr(), std::ptr::null_mut()))?)
            },
            StateParts::Dict(dict) => Some(dict.to_owned()),
        };
        self.enter_reduction(Some(object.as_ref()))?;
        self.push(Task::Construct(Construct {
            object: Some(object.clone()),
            list_items: None,
            dict_items: None,
            state,
            state_setter: None,
        }));
        self.push(Task::Op(Opcode::NewObj));
        self.push(Task::Save(self.state.empty_tuple.clone()));
        self.push(Task::Save(object.type_ref().to_owned()));
        Ok(true)
    }

    /// What is known of a class that no dispatch table has anything for.
    #[inline(always)]
    fn facts(&mut self, kind: *mut PyTypeObject) -> Option<Rc<Facts>> {
        let era = self.memo().era();
        let recent = self.recent.of(kind);
        if let Some(facts) = &recent.facts
            && facts.kind == kind
            && recent.era == era
        {
            return Some(Rc::clone(facts));
        }
        self.find_facts(kind, era)
    }

    #[inline(never)]
    fn find_facts(&mut self, kind: *mut PyTypeObject, era: usize) -> Option<Rc<Facts>> {
        if !self.state.fast_paths {
            return None;
        }
        let cache = &self.state.facts;
        let facts = match cache.get(kind, version(kind)) {
            Some(facts) => facts,
            None => {
                let facts = Rc::new(Facts::of(self.state, kind)?);
                cache.set(Rc::clone(&facts));
                facts
            }
        };
        // SAFETY: the type is alive.
        let class = unsafe { Ref::new(kind.cast()) };
        let own = self.dispatch_table();
        let reducer = match &own {
            Some(table) => registered(self.state, table.as_ref(), class),
            None => registered(self.state, self.state.copyreg.dispatch_table.as_ref(), class),
        };
        let reducer = reducer.ok()?;
        let expected = facts.state == StateOf::Known(standard::Type::Complex);
        match reducer {
            None if !expected => {}
            Some(reducer) if expected && standard::is_complex_reducer(self.state, reducer) => {}
            _ => return None,
        }
        *self.recent.of(kind) = Recent { facts: Some(Rc::clone(&facts)), era, ..Recent::default() };
        Some(facts)
    }

    /// Whether no attribute of an instance stands before something that the protocol asks for.
    #[cfg_attr(not(Py_3_11), allow(unused_variables, reason = "attributes are in dicts"))]
    #[cfg_attr(any(Py_3_14, Py_GIL_DISABLED), allow(unused_variables, reason = "attributes are in dicts"))]
    fn is_plain(&mut self, kind: *mut PyTypeObject, state: &StateParts<'_>) -> bool {
        match state {
            StateParts::Empty => true,
            #[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
            StateParts::Array(array) => {
                // SAFETY: no foreign code has run since the instance was asked for its attributes.
                let (table, count) = unsafe { array.names() };
                let recent = self.recent.of(kind);
                let seen = if recent.names.0 == table { recent.names.1 } else { 0 };
                for index in seen..count {
                    // SAFETY: as above.
                    if unsafe { array.name(index as usize) }.is_none_or(may_shadow) {
                        return false;
                    }
                }
                recent.names = (table, count);
                true
            }
            StateParts::Dict(dict) => {
                let mut position = 0;
                while let Some((key, _)) = layout::next(*dict, &mut position) {
                    if may_shadow(key) {
                        return false;
                    }
                }
                // A subclass could have its own way of being saved.
                dict.is_exactly(&raw mut PyDict_Type)
            }
        }
    }

    /// Saves an instance of a plain class; whether it is one.
    pub(super) fn save_natively(&mut self, object: &Owned, single: bool) -> Result<bool> {
        let kind = object.type_ptr();
        let Some(facts) = self.facts(kind) else { return Ok(false) };
        if facts.state == StateOf::Other {
            return Ok(false);
        }
        if !self.memo().may_wait() {
            return Ok(false);
        }
        let state = state_of(object.as_ref(), &facts);
        if !self.is_plain(kind, &state) {
            return Ok(false);
        }
        match facts.state {
            StateOf::Attributes => self.save_by_attributes(object, single, &facts),
            StateOf::Known(known) => self.save_known(object, single, &facts, known),
            StateOf::Getstate => self.save_by_getstate(object),
            StateOf::Getnewargs => self.save_by_getnewargs(object, &facts),
            StateOf::Reduce => {
                self.settle();
                // SAFETY: the class has this function, as the facts say, and holds it until it is called.
                let function = unsafe { Ref::new(lookup(kind, &self.state.names.__reduce__)) }.to_owned();
                let reduced = function.call1(object.as_ref())?;
                self.save_reduction(&reduced, object)?;
                Ok(true)
            }
            StateOf::Other => Ok(false),
        }
    }

    fn save_by_attributes(&mut self, object: &Owned, single: bool, facts: &Rc<Facts>) -> Result<bool> {
        let era = self.memo().era();
        if !self.save_new_object(object)? {
            return Ok(false);
        }
        let single = single && era == self.memo().era();
        self.memoize_held(object.as_ref(), single)?;
        if !facts.slots.is_empty() {
            self.save_slots(object, facts)?;
        } else if facts.items == ItemsOf::None {
            self.save_state(object, facts)?;
        } else {
            if !matches!(state_of(object.as_ref(), facts), StateParts::Empty) {
                self.push(Task::State(State { instance: object.clone(), facts: Rc::clone(facts) }));
                self.attributes += 1;
            }
            let era = self.memo().era();
            self.push(if facts.items == ItemsOf::List {
                Task::ListItems(Items::boxed(From::List(object.clone(), Some(0))))
            } else {
                Task::DictItems(Items::boxed(From::Dict(Pairs::of(object, era))))
            });
        }
        Ok(true)
    }

    /// Saves the state that was put off until the items are saved.
    pub(super) fn save_late_state(&mut self, state: &State) -> Result<()> {
        self.attributes -= 1;
        self.save_state(&state.instance, &state.facts)
    }

    /// The attributes, and `BUILD`.
    pub(super) fn save_state(&mut self, object: &Owned, facts: &Rc<Facts>) -> Result<()> {
        match state_of(object.as_ref(), facts) {
            StateParts::Empty => {}
            #[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
            StateParts::Array(array) => {
                // SAFETY: no foreign code has run since.
                let len = unsafe { array.len() };
                self.begin_attributes(object, facts, len, false, After::Build)?;
            }
            StateParts::Dict(dict) => {
                self.push(Task::Op(Opcode::Build));
                self.save(dict)?;
            }
        }
        Ok(())
    }

    /// Begins the dict that the attributes would make.
    fn begin_attributes(
        &mut self,
        object: &Owned,
        facts: &Rc<Facts>,
        len: isize,
        slots: bool,
        after: After,
    ) -> Result<()> {
        let era = self.memo().era();
        self.cross_boundary()?;
        if era != self.memo().era() {
            // The file was written to, and whoever did may have changed the instance.
            let dict = if slots {
                slots_dict(object, facts)
            } else {
                // SAFETY: the instance is alive.
                unsafe {
                    Owned::from_nullable(PyObject_GenericGetDict(object.as_ptr(), std::ptr::null_mut()))
                }
            };
            self.push_after(after);
            self.push(Task::Save(dict.ok_or(crate::ffi::Raised)?));
            return Ok(());
        }
        self.out.empty_dict();
        let index =
            if slots { self.memo().insert_nothing() } else { self.memo().insert_attributes(object.as_ref()) };
        self.out.memoize(index).map_err(|unwritable| self.unwritable(unwritable))?;
        if len > 1 {
            self.out.op(Opcode::Mark);
        }
        let top = self.tasks.len();
        let (next, count) = if slots {
            // SAFETY: the class holds the names of its slots.
            let name = |slot: &Slot| unsafe { Ref::new(slot.name) };
            let mut valued = (facts.slots.iter().enumerate())
                .filter_map(|(index, slot)| Some((index, name(slot), slot.value(object.as_ref())?)));
            let count = self.save_attribute_row(valued.clone().map(|(_, name, value)| (name, value)));
            (valued.nth(count).map_or(facts.slots.len(), |(index, ..)| index), count)
        } else {
            let count = self.save_first_attributes(object.as_ref());
            (count, count)
        };
        let open = self.tasks.len() > top;
        if count == len as usize && !open {
            self.out.op(if len == 1 { Opcode::SetItem } else { Opcode::SetItems });
            return match after {
                After::Nothing => Ok(()),
                After::Build => {
                    self.out.op(Opcode::Build);
                    Ok(())
                }
                After::Pair => {
                    self.end_pair(None)?;
                    self.out.op(Opcode::Build);
                    Ok(())
                }
            };
        }
        // What is left of a value comes before the rest.
        let value = if open { self.tasks.split_off(top) } else { Vec::new() };
        self.push_after(after);
        self.attributes += 1;
        let facts = Rc::clone(facts);
        let top = self.tasks.len();
        self.push(Task::Attributes(Attributes {
            instance: object.clone(),
            facts,
            slots,
            next: next as isize,
            count: count as isize,
            len,
            at_value: open,
            before_value: false,
        }));
        if open {
            self.tasks.extend(value);
            return Ok(());
        }
        if self.nested >= MOST_NESTED {
            // The loop over the tasks goes on with it.
            return Ok(());
        }
        self.nested += 1;
        let result = self.advance_attributes(top);
        self.nested -= 1;
        result
    }

    fn push_after(&mut self, after: After) {
        if after != After::Nothing {
            self.push(Task::Op(Opcode::Build));
        }
        if after == After::Pair {
            self.push(Task::EndPair(None));
        }
    }

    /// The state of an instance with slots is a pair: of its dict, or `None`, and of a dict of its slots.
    fn save_slots(&mut self, object: &Owned, facts: &Rc<Facts>) -> Result<()> {
        let count = facts.slots.iter().filter(|slot| slot.value(object.as_ref()).is_some()).count() as isize;
        if self.keep_memo && count > 0 {
            return self.save_shown_slots(object, facts);
        }
        let state = state_of(object.as_ref(), facts);
        if let StateParts::Empty = state {
            if count == 0 {
                return Ok(());
            }
            self.cross_boundary()?;
            self.cross_boundary()?;
            self.out.none();
            return self.begin_attributes(object, facts, count, true, After::Pair);
        }
        if count > 0 {
            self.cross_boundary()?;
            self.push(Task::Op(Opcode::Build));
            self.push(Task::EndPair(None));
            self.push(Task::Slots(Slots { instance: object.clone(), facts: Rc::clone(facts), count }));
            self.attributes += 1;
        }
        match state {
            StateParts::Empty => {}
            #[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
            StateParts::Array(array) => {
                let after = if count == 0 { After::Build } else { After::Nothing };
                // SAFETY: no foreign code has run since the instance was asked for its attributes.
                self.begin_attributes(object, facts, unsafe { array.len() }, false, after)?;
            }
            StateParts::Dict(dict) => {
                if count == 0 {
                    self.push(Task::Op(Opcode::Build));
                }
                self.save(dict)?;
            }
        }
        Ok(())
    }

    /// The same where the memo has to show what the reduction would make.
    fn save_shown_slots(&mut self, object: &Owned, facts: &Rc<Facts>) -> Result<()> {
        self.settle();
        let state = match state_of(object.as_ref(), facts) {
            StateParts::Empty => Owned::none(),
            #[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
            // SAFETY: the instance is alive.
            StateParts::Array(_) => unsafe {
                Owned::from_result(PyObject_GenericGetDict(object.as_ptr(), std::ptr::null_mut()))?
            },
            StateParts::Dict(dict) => dict.to_owned(),
        };
        let Some(slots) = slots_dict(object, facts) else { return Err(crate::ffi::Raised) };
        let pair = Owned::tuple(&[state.as_ref(), slots.as_ref()])?;
        drop((state, slots));
        self.push(Task::Op(Opcode::Build));
        let held = pair.clone();
        self.save(held.as_ref())
    }

    /// The slots, as a dict.
    pub(super) fn save_slot_values(&mut self, slots: &Slots) -> Result<()> {
        self.attributes -= 1;
        self.begin_attributes(&slots.instance, &slots.facts, slots.count, true, After::Nothing)
    }

    /// Saves the attributes of an instance that are in no dict, as far as that can be done in one go; tells how many.
    fn save_first_attributes(&mut self, instance: Ref<'_>) -> usize {
        #[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
        // SAFETY: callers know that the class has such attributes; no foreign code runs here.
        unsafe {
            if let layout::Place::Array(array) = layout::attributes(instance) {
                let attributes = (0..array.len()).map(|index| array.get(index));
                return self.save_attribute_row(attributes);
            }
        }
        let _ = instance;
        0
    }

    /// The end of a pair that the reduction would make.
    pub(super) fn end_pair(&mut self, pair: Option<Box<(Owned, Owned)>>) -> Result<()> {
        self.out.op(Opcode::Tuple2);
        match pair {
            Some(pair) => self.memoize_temporary(|| Owned::tuple(&[pair.0.as_ref(), pair.1.as_ref()])),
            None => self.memoize_nothing(),
        }
    }

    /// The class and `NEWOBJ`; whether the class could be written at once.
    pub(super) fn save_new_object(&mut self, object: &Owned) -> Result<bool> {
        if !self.save_class(object.type_ref())? {
            return Ok(false);
        }
        self.cross_boundary()?;
        self.out.empty_tuple();
        self.out.op(Opcode::NewObj);
        Ok(true)
    }

    fn save_by_getstate(&mut self, object: &Owned) -> Result<bool> {
        let class = object.type_ref().to_owned();
        if self.memo().get(class.as_ref()) == Known::No {
            // The state is asked for before the class is written, which may turn out to be difficult.
            return Ok(false);
        }
        self.settle();
        // SAFETY: the class has this function, as the facts say, and holds it until it is called.
        let function =
            unsafe { Ref::new(lookup(object.type_ptr(), &self.state.names.__getstate__)) }.to_owned();
        let state = function.call1(object.as_ref())?;
        let Known::At(index) = self.memo().get(class.as_ref()) else {
            // The function has emptied the memo.
            let newobj = crate::state::import("copyreg")?.getattr(self.state.names.__newobj__.as_ref())?;
            let args = Owned::tuple(&[class.as_ref()])?;
            let reduced = Owned::tuple(&[newobj.as_ref(), args.as_ref(), state.as_ref()])?;
            return self.save_reduced(reduced.as_ref(), Some(object.as_ref())).map(|()| true);
        };
        self.cross_boundary()?;
        self.get(index)?;
        self.cross_boundary()?;
        self.out.empty_tuple();
        self.out.op(Opcode::NewObj);
        self.memoize(object.as_ref())?;
        if !state.is_none() {
            self.push(Task::Op(Opcode::Build));
            self.push(Task::Save(state));
        }
        Ok(true)
    }

    fn save_by_getnewargs(&mut self, object: &Owned, facts: &Facts) -> Result<bool> {
        self.settle();
        let class = object.type_ref().to_owned();
        // SAFETY: the class has this function, as the facts say, and holds it until it is called.
        let function =
            unsafe { Ref::new(lookup(object.type_ptr(), &self.state.names.__getnewargs__)) }.to_owned();
        let returned = function.call1(object.as_ref())?;
        if !returned.is_tuple() {
            return Err(error::type_error(&format!(
                "__getnewargs__ should return a tuple, not '{}'",
                returned.type_name()
            )));
        }
        // SAFETY: the object is a tuple. What the reduction has is a copy.
        let args = Owned::tuple(unsafe { sequence::items_of_tuple(returned.as_ref()) })?;
        let state = if facts.has_state(object.as_ref()) {
            // SAFETY: the instance is alive and has a dict.
            unsafe {
                Some(Owned::from_result(PyObject_GenericGetDict(object.as_ptr(), std::ptr::null_mut()))?)
            }
        } else {
            None
        };
        self.enter_reduction(Some(object.as_ref()))?;
        self.push(Task::Construct(Construct {
            object: Some(object.clone()),
            list_items: None,
            dict_items: None,
            state,
            state_setter: None,
        }));
        self.push(Task::Op(Opcode::NewObj));
        self.push(Task::Save(args));
        self.push(Task::Save(class));
        Ok(true)
    }

    /// Saves the items of the dict that attributes would make.
    pub(super) fn advance_attributes(&mut self, top: usize) -> Result<()> {
        loop {
            let Task::Attributes(progress) = &mut self.tasks[top] else { return Ok(()) };
            let Some((key, value)) = progress.step() else {
                let single = progress.len == 1;
                self.out.op(if single { Opcode::SetItem } else { Opcode::SetItems });
                self.attributes -= 1;
                self.tasks.pop();
                return Ok(());
            };
            if self.out.boundary() && self.must_stop(top, false)? {
                return Ok(());
            }
            self.advanced(top, false);
            // Names are held by the class, which counts once for all instances.
            if let super::Leaf::No { .. } = self.save_leaf(key, 0)? {
                unreachable!("names are strings");
            }
            self.advanced(top, true);
            if self.out.boundary() && self.must_stop(top, true)? {
                return Ok(());
            }
            if let super::Leaf::No { single } = self.save_leaf(value, 1)? {
                return self.save_compound(value.to_owned(), single);
            }
        }
    }

    /// Notes how far the attributes have come: at the key or at the value.
    #[inline(always)]
    fn advanced(&mut self, top: usize, at_value: bool) {
        if let Task::Attributes(progress) = &mut self.tasks[top] {
            progress.at_value = at_value;
            if !at_value {
                progress.next += 1;
                progress.count += 1;
            }
        }
    }

    /// At the end of a frame: whether its bytes go to a file, which may do anything, so that the attributes are better
    /// in a dict.
    #[cold]
    fn must_stop(&mut self, top: usize, before_value: bool) -> Result<bool> {
        if self.write.is_none() {
            return self.end_full_frame().map(|()| false);
        }
        if let Task::Attributes(progress) = &mut self.tasks[top] {
            progress.before_value = before_value;
        }
        self.settle();
        Ok(true)
    }

    /// Before foreign code runs, which could find the dicts that `_pickle` would have made or change attributes: goes
    /// on with real dicts.
    #[cold]
    #[inline(never)]
    pub(super) fn settle_attributes(&mut self) {
        self.attributes = 0;
        for task in &mut self.tasks {
            let dict = match task {
                Task::Attributes(progress) => progress.to_dict().map(Task::Dict),
                Task::Slots(slots) => slots.to_dict().map(Task::Save),
                Task::State(state) => state.to_dict().map(Task::BuildWith),
                _ => continue,
            };
            match dict {
                Some(dict) => *task = dict,
                None => {
                    // Without memory for a dict, what is there is saved as it then is.
                    error::clear();
                    self.attributes += 1;
                }
            }
        }
    }
}

impl Slot {
    #[inline(always)]
    pub(super) fn value<'a>(&self, object: Ref<'a>) -> Option<Ref<'a>> {
        // SAFETY: the offset is that of an object of the class.
        unsafe { Ref::from_nullable(*object.as_ptr().byte_offset(self.offset).cast::<*mut PyObject>()) }
    }
}

impl Attributes {
    /// The next name and value, if there is one. They are held by the class and the instance.
    #[inline(always)]
    fn step(&mut self) -> Option<(Ref<'static>, Ref<'static>)> {
        if self.slots {
            while let Some(slot) = self.facts.slots.get(self.next as usize) {
                // SAFETY: the task holds the instance; nothing changes it before it is asked again.
                let instance: Ref<'static> = unsafe { Ref::new(self.instance.as_ptr()) };
                if let Some(value) = slot.value(instance) {
                    // SAFETY: the class holds the names of its slots.
                    return Some((unsafe { Ref::new(slot.name) }, value));
                }
                self.next += 1;
            }
            return None;
        }
        #[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
        // SAFETY: as above; the instance is asked anew where its attributes are.
        unsafe {
            let instance: Ref<'static> = Ref::new(self.instance.as_ptr());
            if let layout::Place::Array(array) = layout::attributes(instance)
                && self.next < array.len()
            {
                return Some(array.get(self.next));
            }
        }
        None
    }

    /// The step of a path that leads to the one being saved.
    pub(super) fn place(&self) -> Segment {
        let mut before = Attributes {
            instance: self.instance.clone(),
            facts: Rc::clone(&self.facts),
            next: self.next - 1,
            ..*self
        };
        match before.step() {
            Some((name, _)) if self.at_value => key_step(name, true),
            _ => Segment::KeyAt((self.count - 1).max(0) as usize),
        }
    }

    /// The same progress in a real dict.
    fn to_dict(&self) -> Option<Dict> {
        let dict = if self.slots {
            slots_dict(&self.instance, &self.facts)?
        } else {
            // SAFETY: the instance is alive.
            unsafe {
                Owned::from_nullable(PyObject_GenericGetDict(self.instance.as_ptr(), std::ptr::null_mut()))?
            }
        };
        let mut position = 0;
        let mut last = None;
        for _ in 0..self.count {
            last = layout::next(dict.as_ref(), &mut position);
        }
        let value = last.filter(|_| self.before_value).map(|(_, value)| value.to_owned());
        Some(Dict {
            position,
            size: layout::len(dict.as_ref()),
            batch: self.count as usize,
            count: self.count as usize,
            single: self.len == 1,
            value,
            at_value: self.at_value,
            dict,
        })
    }
}

impl State {
    /// The dict that the attributes are in, or would be.
    fn to_dict(&self) -> Option<Owned> {
        // SAFETY: the instance is alive.
        unsafe { Owned::from_nullable(PyObject_GenericGetDict(self.instance.as_ptr(), std::ptr::null_mut())) }
    }
}

impl Slots {
    /// The dict that `_pickle` would have made of the slots.
    fn to_dict(&self) -> Option<Owned> {
        slots_dict(&self.instance, &self.facts)
    }
}

fn slots_dict(instance: &Owned, facts: &Facts) -> Option<Owned> {
    // SAFETY: makes a new dict.
    let dict = unsafe { Owned::from_nullable(PyDict_New())? };
    for slot in &facts.slots {
        if let Some(value) = slot.value(instance.as_ref()) {
            // SAFETY: the class holds the names of its slots.
            dict.set_item(unsafe { Ref::new(slot.name) }, value).ok()?;
        }
    }
    Some(dict)
}
