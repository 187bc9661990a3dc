//! Objects that are made without the Python code that usually makes them, where it is known what that would do.
//!
//! What is known of a class is found out with the class (see [`super::class`]) and holds as long as its version: a method
//! that was replaced is no longer the one of the standard library, and is called.

use super::host::{has_native_hash, is_constant};
use super::nature::{Builtin, extension};
use super::paths::Paths;
use crate::ffi::api::*;
use crate::ffi::layout::{
    Decimals, Derived, Heap, Layout, Moment, Nursery, Plan, Ranges, collections, int, slot_offset,
};
use crate::ffi::sequence;
use crate::ffi::{Owned, Raised, Ref, Result, bytes, check, error, text, tuple};
use crate::state::State;
use std::ptr;

/// How instances of a class are made.
pub(super) enum Native {
    /// By a call of the class.
    Call,
    /// By the slot `tp_new` alone: the one for `__init__` would do nothing. It may be that the same is to be had without a
    /// tuple of arguments.
    New(Option<vectorcallfunc>),
    /// The same for exceptions that keep their arguments and do nothing else.
    Exception(Option<Plan>),
    /// By `object.__new__` and this function, the class's `__init__`, which is borrowed from the class.
    Init(*mut PyObject),
    /// `collections.namedtuple`: its `__new__`, the code of that, both borrowed from the class, and the number of fields.
    NamedTuple { new: *mut PyObject, code: *mut PyObject, fields: isize },
    /// By a call; but its `__new__` is that of a builtin class, which does nothing but copy a value of its own.
    Derived(Derived),
    /// By a call; but its `__new__` is that of `list` or `dict`, which does nothing but make an empty one.
    Extended,
    /// `datetime.timedelta`
    TimeDelta,
    /// `datetime.datetime`, `date` and `time`
    Moment(Moment),
    /// `complex`
    Complex,
    /// `range`
    Range(Ranges),
    /// `slice`
    Slice,
    /// `decimal.Decimal`
    Decimal(Decimals),
    /// An enumeration: its dict of members by value, borrowed from the class, and the version of its metaclass.
    Enum { members: *mut PyObject, version: u32 },
    /// By `tp_new` where there are no arguments, as `__init__` does nothing then.
    NewIfBare,
    /// `fractions.Fraction`, with the offsets of its two slots.
    Fraction { numerator: usize, denominator: usize },
    /// `uuid.UUID`, with the offsets of its two slots and `SafeUUID.unknown`.
    Uuid { int: usize, is_safe: usize, unknown: Owned },
    /// `collections.Counter`
    Counter,
    /// `collections.deque`
    Deque,
    /// `collections.defaultdict`
    DefaultDict,
    /// `datetime.timezone`
    TimeZone,
    /// The paths of `pathlib` that there are on this system
    Path(Box<Paths>),
}

/// What a maker takes for one of its arguments. What is anything else it leaves to the class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// So many bytes.
    Bytes(usize),
    Float,
    /// An `int` from one to the other.
    Int(i64, i64),
    /// The text of a decimal number.
    Decimal,
}

/// What a class has under a name: a function that decides how instances are made.
///
/// # Safety
///
/// `kind` is a class that is alive, `lookup` answers what it has under a name.
pub(super) unsafe fn of<'a>(
    kind: *mut PyTypeObject,
    state: &State,
    layout: &Layout,
    lookup: &dyn Fn(&str) -> Option<Ref<'a>>,
) -> Native {
    // SAFETY: the class is alive, and what is found in it too as long as it is not changed.
    unsafe {
        let class = Ref::new(kind.cast());
        let address = |slot: Option<newfunc>| slot.map(|function| function as *const ());
        let init_address = |slot: Option<initproc>| slot.map(|function| function as *const ());
        let call_address = |slot: Option<ternaryfunc>| slot.map(|function| function as *const ());
        let metatype = class.type_ptr();
        if call_address((*metatype).tp_call) != call_address(PyType_Type.tp_call) {
            return enumeration(class, lookup).unwrap_or(Native::Call);
        }
        let plain_new = address((*kind).tp_new) == address(PyBaseObject_Type.tp_new);
        let plain_init = init_address((*kind).tp_init) == init_address(PyBaseObject_Type.tp_init);
        // The `__init__` of exceptions does once more what their `__new__` has done.
        let exception = PyExc_BaseException.cast::<PyTypeObject>();
        if PyType_IsSubtype(kind, exception) != 0
            && init_address((*kind).tp_init) == init_address((*exception).tp_init)
            && address((*kind).tp_new) == address((*exception).tp_new)
        {
            return Native::Exception(Plan::of_exception(kind, layout));
        }
        let is_c = |module: &str, name: &str| is_written_in_c(class, module, name);
        if is_c("_decimal", "decimal.Decimal")
            && let Some(decimals) = Decimals::of(kind, layout)
        {
            return Native::Decimal(decimals);
        }
        if layout.knows_collections() {
            if is_c("_collections", "collections.deque") {
                return Native::Deque;
            }
            if is_c("_collections", "collections.defaultdict") {
                return Native::DefaultDict;
            }
        }
        if PyType_GetFlags(kind) & Py_TPFLAGS_HEAPTYPE == 0 {
            let name = std::ffi::CStr::from_ptr((*kind).tp_name);
            if has_datetime_name(name.to_bytes())
                && has_datetime()
                && let Some(moment) = Moment::of(kind)
            {
                return Native::Moment(moment);
            }
            if kind == &raw mut PyComplex_Type {
                return Native::Complex;
            }
            if kind == crate::ffi::ordered::kind() || name == c"types.SimpleNamespace" {
                return Native::NewIfBare;
            }
            if kind == &raw mut PyRange_Type
                && let Some(ranges) = Ranges::new(layout)
            {
                return Native::Range(ranges);
            }
            if kind == &raw mut PySlice_Type {
                return Native::Slice;
            }
            // With an encoding these two ask a codec, which may be anyone's.
            let decodes = kind == &raw mut PyUnicode_Type || kind == &raw mut PyBytes_Type;
            return match name.to_bytes() {
                b"datetime.timedelta" if has_datetime() => Native::TimeDelta,
                b"datetime.timezone" if has_datetime() => Native::TimeZone,
                _ if plain_init && !plain_new && !decodes && kind != &raw mut PyType_Type => {
                    Native::New((*kind).tp_vectorcall.filter(|_| !makes_sets(kind)))
                }
                _ => Native::Call,
            };
        }
        let slot = |name: &str| lookup(name).and_then(|descriptor| slot_offset(kind, descriptor));
        let name = class.getattr(state.names.__qualname__.as_ref());
        let name = name.map_or_else(|Raised| String::new(), |name| name.text());
        error::clear();
        let native = match name.as_str() {
            "Fraction" if is_original(lookup("__new__"), "fractions", "Fraction.__new__") => {
                slot("_numerator")
                    .zip(slot("_denominator"))
                    .map(|(numerator, denominator)| Native::Fraction { numerator, denominator })
            }
            "UUID" if is_original(lookup("__setstate__"), "uuid", "UUID.__setstate__") => {
                let unknown = loaded("uuid").and_then(|module| {
                    let safe = module.getattr(Owned::str("SafeUUID").ok()?.as_ref()).ok()?;
                    safe.getattr(Owned::str("unknown").ok()?.as_ref()).ok()
                });
                error::clear();
                slot("int").zip(slot("is_safe")).zip(unknown).map(|((int, is_safe), unknown)| Native::Uuid {
                    int,
                    is_safe,
                    unknown,
                })
            }
            "Counter"
                if is_original(lookup("__init__"), "collections", "Counter.__init__")
                    && is_original(lookup("update"), "collections", "Counter.update") =>
            {
                Some(Native::Counter)
            }
            _ => None,
        };
        if let Some(native) = native {
            return native;
        }
        if matches!(name.as_str(), "PosixPath" | "PurePosixPath")
            && let Some(paths) = Paths::of(class, layout, lookup)
        {
            return Native::Path(Box::new(paths));
        }
        if PyType_IsSubtype(kind, &raw mut PyTuple_Type) != 0
            && let Some(native) = named_tuple(class)
        {
            return native;
        }
        if let Some(init) = lookup("__init__")
            && plain_new
            && init.is_exactly(&raw mut PyFunction_Type)
        {
            return Native::Init(init.as_ptr());
        }
        if let Some(derived) = Derived::of(kind) {
            return Native::Derived(derived);
        }
        match extension(kind) {
            Some(Builtin::Dict | Builtin::List) => Native::Extended,
            _ => Native::Call,
        }
    }
}

/// Whether instances of a class are sets, which may need help to be made.
unsafe fn makes_sets(kind: *mut PyTypeObject) -> bool {
    [&raw mut PySet_Type, &raw mut PyFrozenSet_Type]
        .into_iter()
        // SAFETY: the classes are alive.
        .any(|set| unsafe { PyType_IsSubtype(kind, set) } != 0)
}

/// Whether a class is the one that a module written in C has under this name, with its own idea of which module it belongs to.
pub(super) fn is_written_in_c(class: Ref<'_>, module: &str, name: &str) -> bool {
    // SAFETY: the class has a name as long as it is alive.
    let own = unsafe { std::ffi::CStr::from_ptr((*class.as_ptr().cast::<PyTypeObject>()).tp_name) };
    if own.to_bytes() != name.as_bytes() {
        return false;
    }
    let attribute = name.rsplit('.').next().unwrap_or(name);
    let found = loaded(module)
        .and_then(|module| module.getattr(Owned::str(attribute).ok()?.as_ref()).ok())
        .is_some_and(|found| found.is(class));
    error::clear();
    found
}

/// What is known of an enumeration whose members are looked up as `enum` does.
fn enumeration<'a>(class: Ref<'_>, lookup: &dyn Fn(&str) -> Option<Ref<'a>>) -> Option<Native> {
    let module = loaded("enum")?;
    let get = |object: &Ref<'_>, name: &str| {
        let found = Owned::str(name).and_then(|name| object.getattr(name.as_ref())).ok();
        error::clear();
        found
    };
    let metaclass = class.type_ref();
    if !get(&module, "EnumMeta")?.is(metaclass) || !is_original(lookup("__new__"), "enum", "Enum.__new__") {
        return None;
    }
    let call = get(&metaclass, "__call__")?;
    let named = |name| is_original(Some(call.as_ref()), "enum", name);
    // SAFETY: the metaclass is alive.
    let version = unsafe { super::class::version_of(metaclass.as_ptr().cast()) };
    let members = lookup("_value2member_map_").filter(|members| members.is_exactly(&raw mut PyDict_Type))?;
    let known = version != 0 && (named("EnumType.__call__") || named("EnumMeta.__call__"));
    known.then_some(Native::Enum { members: members.as_ptr(), version })
}

/// The module of this name, if it has been imported.
pub(super) fn loaded(module: &str) -> Option<Owned> {
    let name = Owned::str(module).ok()?;
    // SAFETY: the name is alive; the result is null or a new reference.
    let found = unsafe { Owned::from_nullable(PyImport_GetModule(name.as_ptr())) };
    error::clear();
    found
}

/// Whether a function is the one of the standard library.
pub(super) fn is_original(function: Option<Ref<'_>>, module: &str, name: &str) -> bool {
    let Some(mut function) = function.map(Ref::to_owned) else { return false };
    // SAFETY: all objects are alive; globals are asked of a function, and a dict of a module.
    unsafe {
        if function.type_name() == "staticmethod" {
            let Ok(inner) = Owned::str("__func__").and_then(|name| function.getattr(name.as_ref())) else {
                error::clear();
                return false;
            };
            function = inner;
        }
        if !function.is_exactly(&raw mut PyFunction_Type) {
            return false;
        }
        let Some(module) = loaded(module).filter(|module| PyModule_Check(module.as_ptr()) != 0) else {
            return false;
        };
        let qualname = Owned::str("__qualname__").and_then(|name| function.getattr(name.as_ref()));
        let named = qualname.is_ok_and(|qualname| qualname.is_str() && text::equals(qualname.as_ref(), name));
        error::clear();
        named && PyFunction_GetGlobals(function.as_ptr()) == PyModule_GetDict(module.as_ptr())
    }
}

/// What `collections.namedtuple` makes of a class.
fn named_tuple(class: Ref<'_>) -> Option<Native> {
    let get = |object: Ref<'_>, name: &str| {
        let found = Owned::str(name).and_then(|name| object.getattr(name.as_ref())).ok();
        error::clear();
        found
    };
    let new = get(class, "__new__")?;
    if !new.is_exactly(&raw mut PyFunction_Type) {
        return None;
    }
    // SAFETY: code and globals are asked of a function.
    let (code, globals) = unsafe {
        let (code, globals) = (PyFunction_GetCode(new.as_ptr()), PyFunction_GetGlobals(new.as_ptr()));
        (Ref::from_nullable(code)?, Ref::from_nullable(globals)?)
    };
    // The function is a lambda in a namespace of its own, which has nothing but `tuple.__new__`.
    let (filename, name) = (get(code, "co_filename")?.text(), get(code, "co_name")?.text());
    let global = |name: &str| {
        let found = Owned::str(name).and_then(|name| globals.get_item(name.as_ref())).ok();
        error::clear();
        found
    };
    let (space, tuple_new) = (global("__name__")?.text(), global("_tuple_new")?);
    // SAFETY: the type is alive as long as the interpreter.
    let original = get(unsafe { Ref::new((&raw mut PyTuple_Type).cast()) }, "__new__")?;
    // SAFETY: both are alive.
    let same = unsafe { PyObject_RichCompareBool(tuple_new.as_ptr(), original.as_ptr(), Py_EQ) } == 1;
    error::clear();
    let names = get(code, "co_names")?.repr_text();
    let fields = get(class, "_fields")?;
    // SAFETY: the sizes are asked of tuples and the number of an int.
    let (fields, arguments) = unsafe {
        let count = get(code, "co_argcount")?;
        (fields.is_tuple().then(|| PyTuple_GET_SIZE(fields.as_ptr()))?, PyLong_AsSsize_t(count.as_ptr()))
    };
    let made = same
        && name == "<lambda>"
        && filename.starts_with('<')
        && space.starts_with("namedtuple_")
        && names == "('_tuple_new',)"
        && arguments == fields + 1;
    made.then_some(Native::NamedTuple { new: new.as_ptr(), code: code.as_ptr(), fields })
}

/// Whether a class is one of `datetime`, by its name.
fn has_datetime_name(name: &[u8]) -> bool {
    name.starts_with(b"datetime.")
}

/// Makes the interface of `datetime` available.
fn has_datetime() -> bool {
    // SAFETY: the module is there, for one of its classes is.
    unsafe {
        PyDateTime_IMPORT();
        error::clear();
        !PyDateTimeAPI().is_null()
    }
}

/// In how many members of an enumeration a value is looked for.
const FEW_MEMBERS: Py_ssize_t = 256;

/// The items of a tuple.
pub(super) fn items_of(tuple: Ref<'_>) -> &[Ref<'_>] {
    // SAFETY: callers know that this is a tuple.
    unsafe { sequence::items_of_tuple(tuple) }
}

/// Whether no code but the interpreter's runs, whatever its own types do with an object.
fn is_harmless(object: Ref<'_>) -> bool {
    has_native_hash(object) || is_constant(object)
}

/// Whether a list has nothing but such objects in it.
fn list_of_atoms(list: Ref<'_>) -> bool {
    // SAFETY: callers know that this is a list, which does not change meanwhile.
    unsafe {
        (0..PyList_GET_SIZE(list.as_ptr()))
            .all(|index| is_harmless(Ref::new(PyList_GET_ITEM(list.as_ptr(), index))))
    }
}

/// Whether an object is an exact dict whose keys are atoms.
fn dict_of_atoms(dict: Ref<'_>) -> bool {
    let (mut position, mut key) = (0, ptr::null_mut());
    if !dict.is_exactly(&raw mut PyDict_Type) {
        return false;
    }
    // SAFETY: a dict, which does not change meanwhile.
    unsafe {
        while PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, ptr::null_mut()) != 0 {
            if !has_native_hash(Ref::new(key)) {
                return false;
            }
        }
    }
    true
}

impl Native {
    /// Whether a stream is not likely to fetch what it has stored of the arguments.
    pub(super) fn has_own_arguments(&self) -> bool {
        matches!(self, Native::Moment(_) | Native::Decimal(_) | Native::Derived(_))
    }

    /// Whether what is made holds all arguments.
    pub(super) fn keeps_arguments(&self) -> bool {
        matches!(self, Native::NamedTuple { .. } | Native::Range(_) | Native::Slice)
    }

    /// Whether all that happens in a [`call`](Self::call) is known: nothing that the arguments hold is given up.
    pub(super) fn is_transparent(&self) -> bool {
        matches!(
            self,
            Native::Exception(Some(_))
                | Native::Moment(_)
                | Native::Complex
                | Native::Range(_)
                | Native::Slice
                | Native::Decimal(_)
                | Native::Enum { .. }
                | Native::TimeDelta
                | Native::TimeZone
                | Native::Fraction { .. }
                | Native::Deque
                | Native::DefaultDict
                | Native::Path(_)
        )
    }

    /// Whether [`call`](Self::call) runs no code but the interpreter's own.
    pub(super) fn is_inert(&self, args: &[Ref<'_>]) -> bool {
        match self {
            Native::New(_) | Native::NewIfBare => args.iter().all(|argument| {
                is_harmless(*argument)
                    || argument.is_exactly(&raw mut PyList_Type) && list_of_atoms(*argument)
            }),
            Native::Counter => args.iter().all(|counts| dict_of_atoms(*counts)),
            _ => true,
        }
    }

    /// The arguments that its maker takes, if these are all there is to know of a call that makes something of so many; or none.
    pub(super) fn takes(&self) -> Vec<Take> {
        let int = Take::Int(i64::MIN, i64::MAX);
        match *self {
            Native::Moment(moment) => vec![Take::Bytes(moment.state_len())],
            Native::Complex => vec![Take::Float; 2],
            Native::Range(_) => vec![int; 3],
            Native::Decimal(_) => vec![Take::Decimal],
            Native::TimeDelta => {
                vec![Take::Int(-999_999_999, 999_999_999), Take::Int(0, 86_399), Take::Int(0, 999_999)]
            }
            Native::Fraction { .. } => vec![int; 2],
            _ => Vec::new(),
        }
    }

    /// `kind(*args)` where neither a tuple of the arguments is needed nor any code but the interpreter's own, if it can be done
    /// that way.
    ///
    /// # Safety
    ///
    /// This is what is known of `kind`.
    #[inline]
    ///
    /// A maker takes no more than it [says](Self::takes).
    pub(super) unsafe fn make(
        &self,
        layout: &Layout,
        heap: &Heap,
        nursery: &mut Nursery,
        kind: *mut PyTypeObject,
        args: &[Ref<'_>],
    ) -> Option<Result<Owned>> {
        // SAFETY: by contract.
        unsafe {
            match *self {
                Native::Path(ref paths) => paths.make(heap, nursery, kind, args),
                Native::Deque => {
                    let most = match *args {
                        [] => None,
                        [items, most] if tuple::is_empty(items) && layout.knows_collections() => {
                            if most.is_none() {
                                None
                            } else {
                                Some(int::exact(most).filter(|&most| most >= 0)?)
                            }
                        }
                        _ => return None,
                    };
                    let deque = bare(kind);
                    if let (Ok(deque), Some(most)) = (&deque, most) {
                        collections::set_most(deque.as_ref(), most as isize);
                    }
                    Some(deque)
                }
                Native::DefaultDict => {
                    let &[factory] = args else { return None };
                    if !factory.is_none() && !factory.is_callable() {
                        return None;
                    }
                    let dict = bare(kind);
                    if let Ok(dict) = &dict {
                        collections::set_factory(dict.as_ref(), factory.to_owned());
                    }
                    Some(dict)
                }
                Native::TimeZone => {
                    let api = PyDateTimeAPI();
                    let (offset, name) = match *args {
                        [offset] => (offset, ptr::null_mut()),
                        [offset, name] if name.is_exactly(&raw mut PyUnicode_Type) => (offset, name.as_ptr()),
                        _ => return None,
                    };
                    if !offset.is_exactly((*api).DeltaType) {
                        return None;
                    }
                    Some(Owned::from_result(((*api).TimeZone_FromTimeZone)(offset.as_ptr(), name)))
                }
                Native::Moment(moment) => {
                    let (state, zone) = match *args {
                        [state] => (state, None),
                        [state, zone] if zone.is_none() => (state, None),
                        [state, zone] => (state, Some(zone)),
                        _ => return None,
                    };
                    let zones = (*PyDateTimeAPI()).TZInfoType;
                    if !state.is_exactly(&raw mut PyBytes_Type)
                        || zone.is_some_and(|zone| PyType_IsSubtype(zone.type_ptr(), zones) == 0)
                    {
                        return None;
                    }
                    moment.make(heap, kind, bytes::as_slice(state), zone)
                }
                Native::Complex => {
                    let &[real, imaginary] = args else { return None };
                    let float = |object: Ref<'_>| object.is_exactly(&raw mut PyFloat_Type);
                    if !float(real) || !float(imaginary) {
                        return None;
                    }
                    let (real, imaginary) =
                        (PyFloat_AS_DOUBLE(real.as_ptr()), PyFloat_AS_DOUBLE(imaginary.as_ptr()));
                    Some(Owned::from_result(PyComplex_FromDoubles(real, imaginary)))
                }
                Native::Range(ranges) => {
                    let &[start, stop, step] = args else { return None };
                    let numbers = [int::exact(start)?, int::exact(stop)?, int::exact(step)?];
                    ranges.make(layout, *heap, [start, stop, step], numbers)
                }
                Native::Slice => {
                    let &[start, stop, step] = args else { return None };
                    Some(Owned::from_result(PySlice_New(start.as_ptr(), stop.as_ptr(), step.as_ptr())))
                }
                Native::Decimal(decimals) => {
                    let &[text] = args else { return None };
                    if !text.is_exactly(&raw mut PyUnicode_Type) {
                        return None;
                    }
                    decimals.make(heap, nursery, kind, text::ascii(text)?)
                }
                Native::Enum { members, version } => {
                    let &[value] = args else { return None };
                    let members = Ref::new(members);
                    let few = PyDict_Size(members.as_ptr()) <= FEW_MEMBERS;
                    if !few || !is_harmless(value) || !dict_of_atoms(members) {
                        return None;
                    }
                    if super::class::version_of(Py_TYPE(kind.cast())) != version {
                        return None;
                    }
                    let found = PyDict_GetItemWithError(members.as_ptr(), value.as_ptr());
                    error::clear();
                    Ref::from_nullable(found).map(|found| Ok(found.to_owned()))
                }
                Native::TimeDelta => {
                    let &[days, seconds, micros] = args else { return None };
                    let (days, seconds, micros) =
                        (int::exact(days)?, int::exact(seconds)?, int::exact(micros)?);
                    let normal = (-999_999_999..=999_999_999).contains(&days)
                        && (0..86_400).contains(&seconds)
                        && (0..1_000_000).contains(&micros);
                    normal.then(|| {
                        let make = (*PyDateTimeAPI()).Delta_FromDelta;
                        Owned::from_result(make(days as _, seconds as _, micros as _, 0, kind))
                    })
                }
                Native::Fraction { numerator, denominator } => {
                    let pair = match *args {
                        [text] if !cfg!(Py_3_12) => fraction_of_text(text)?,
                        [a, b] => {
                            let (a, b) = (int::exact(a)?, int::exact(b)?);
                            (b > 0 && is_reduced(a, b)).then_some((a, b))?
                        }
                        _ => return None,
                    };
                    let values = || Ok([Owned::int(pair.0)?, Owned::int(pair.1)?]);
                    Some(with_slots(kind, [numerator, denominator], values()))
                }
                Native::New(Some(call)) if self.is_inert(args) => {
                    let vector = args.as_ptr().cast::<*mut PyObject>();
                    Some(Owned::from_result(call(kind.cast(), vector, args.len(), ptr::null_mut())))
                }
                _ => None,
            }
        }
    }

    /// `kind(*args)`, if that can be done without calling it; `args` is a tuple.
    ///
    /// # Safety
    ///
    /// This is what is known of `kind`, and `args` is an exact tuple.
    pub(super) unsafe fn call(
        &self,
        layout: &Layout,
        heap: &Heap,
        nursery: &mut Nursery,
        kind: *mut PyTypeObject,
        args: Ref<'_>,
    ) -> Option<Result<Owned>> {
        // SAFETY: by contract.
        unsafe {
            match *self {
                Native::Exception(Some(plan)) => Some(plan.make_exception(heap, nursery, kind, args)),
                Native::New(_) | Native::Exception(None) => Some(made_by_new(kind, args)),
                Native::NewIfBare => items_of(args).is_empty().then(|| made_by_new(kind, args)),
                Native::Counter => {
                    let &[counts] = items_of(args) else { return None };
                    if !counts.is_exactly(&raw mut PyDict_Type) {
                        return None;
                    }
                    let new = (*kind).tp_new?;
                    let make = || {
                        let counter = Owned::from_result(new(kind, args.as_ptr(), ptr::null_mut()))?;
                        check(PyDict_Update(counter.as_ptr(), counts.as_ptr()))?;
                        Ok(counter)
                    };
                    Some(make())
                }
                _ => self.make(layout, heap, nursery, kind, items_of(args)),
            }
        }
    }

    /// A member of an enumeration, `class`, by its name.
    pub(super) fn member(&self, class: Ref<'_>, name: Ref<'_>) -> Option<Owned> {
        let Native::Enum { .. } = *self else { return None };
        let members = class.getattr(Owned::str("_member_map_").ok()?.as_ref());
        error::clear();
        let members = members.ok().filter(|members| members.is_exactly(&raw mut PyDict_Type))?;
        // SAFETY: the dict, whose keys are names, is asked for a text; what it answers is taken hold of at once.
        let found = unsafe {
            Ref::from_nullable(PyDict_GetItemWithError(members.as_ptr(), name.as_ptr())).map(Ref::to_owned)
        };
        error::clear();
        found.filter(|found| found.type_ref().is(class))
    }

    /// `kind.__new__(kind, *args)`, if that can be done without calling it.
    ///
    /// # Safety
    ///
    /// This is what is known of `kind`.
    #[inline]
    pub(super) unsafe fn new_object(
        &self,
        kind: *mut PyTypeObject,
        args: &[Ref<'_>],
    ) -> Option<Result<Owned>> {
        if let (Native::Derived(derived), &[value]) = (self, args) {
            // SAFETY: by contract.
            return unsafe { derived.make(kind, value) };
        }
        if let (Native::Extended, []) = (self, args) {
            // SAFETY: by contract.
            return unsafe { (*kind).tp_new.map(|_| bare(kind)) };
        }
        let Native::NamedTuple { new, code, fields } = *self else { return None };
        // SAFETY: the class still has the function; tuples of a subclass are allocated with room for so many items.
        unsafe {
            if args.len() as isize != fields || PyFunction_GetCode(new) != code {
                return None;
            }
            let alloc = (*kind).tp_alloc?;
            let tuple = match Owned::from_result(alloc(kind, fields)) {
                Ok(tuple) => tuple,
                Err(Raised) => return Some(Err(Raised)),
            };
            for (index, item) in args.iter().enumerate() {
                PyTuple_SET_ITEM(tuple.as_ptr(), index as Py_ssize_t, Ref::to_owned(*item).into_ptr());
            }
            Some(Ok(tuple))
        }
    }

    /// Gives a new instance the state that has a single item, if it is known how.
    ///
    /// # Safety
    ///
    /// The instance is of the class that this is known of.
    pub(super) unsafe fn set_state_item(&self, instance: Ref<'_>, key: &Owned, value: &Owned) -> bool {
        let Native::Uuid { int, is_safe, ref unknown } = *self else { return false };
        if !key.is_exactly(&raw mut PyUnicode_Type) || !text::equals(key.as_ref(), "int") {
            return false;
        }
        // SAFETY: the offsets are those of places for an object each.
        unsafe {
            set_slot(instance, int, value.clone());
            set_slot(instance, is_safe, unknown.clone());
        }
        true
    }
}

/// `kind.__new__(kind, *args)`, and `__init__` if what it makes is of another class.
unsafe fn made_by_new(kind: *mut PyTypeObject, args: Ref<'_>) -> Result<Owned> {
    // SAFETY: the class is alive and has the slot; `args` is a tuple.
    unsafe {
        let Some(new) = (*kind).tp_new else { return Err(error::type_error("cannot create instances")) };
        let object = Owned::from_result(new(kind, args.as_ptr(), ptr::null_mut()))?;
        if object.type_ptr() != kind
            && PyType_IsSubtype(object.type_ptr(), kind) != 0
            && let Some(init) = (*object.type_ptr()).tp_init
        {
            check(init(object.as_ptr(), args.as_ptr(), ptr::null_mut()))?;
        }
        Ok(object)
    }
}

/// `kind.__new__(kind)`
unsafe fn bare(kind: *mut PyTypeObject) -> Result<Owned> {
    let empty = Owned::tuple(&[])?;
    // SAFETY: the class is alive and has the slot.
    unsafe {
        let Some(new) = (*kind).tp_new else { return Err(Raised) };
        Owned::from_result(new(kind, empty.as_ptr(), ptr::null_mut()))
    }
}

unsafe fn set_slot(instance: Ref<'_>, offset: usize, value: Owned) {
    // SAFETY: by contract there is a place for an object at the offset.
    unsafe {
        let slot = instance.as_ptr().byte_add(offset).cast::<*mut PyObject>();
        drop(Owned::from_nullable(slot.replace(value.into_ptr())));
    }
}

/// A new instance with values in two slots.
unsafe fn with_slots(kind: *mut PyTypeObject, at: [usize; 2], values: Result<[Owned; 2]>) -> Result<Owned> {
    // SAFETY: the class is made by `object.__new__`, and has the slots.
    unsafe {
        let empty = Owned::tuple(&[])?;
        let Some(new) = PyBaseObject_Type.tp_new else { return Err(Raised) };
        let instance = Owned::from_result(new(kind, empty.as_ptr(), ptr::null_mut()))?;
        for (offset, value) in at.into_iter().zip(values?) {
            set_slot(instance.as_ref(), offset, value);
        }
        Ok(instance)
    }
}

/// The two numbers in a text like `-3/4`, in lowest terms as they are written.
fn fraction_of_text(object: Ref<'_>) -> Option<(i64, i64)> {
    if !object.is_exactly(&raw mut PyUnicode_Type) {
        return None;
    }
    let text = text::ascii(object)?;
    let number = |digits: &[u8]| {
        let plain = (1..=18).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
        plain.then(|| digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    };
    let (sign, text) = match text {
        [b'-', rest @ ..] => (-1, rest),
        _ => (1, text),
    };
    let pair = match text.iter().position(|&byte| byte == b'/') {
        Some(slash) => (sign * number(&text[..slash])?, number(&text[slash + 1..])?),
        None => (sign * number(text)?, 1),
    };
    (pair.1 > 0 && is_reduced(pair.0, pair.1)).then_some(pair)
}

/// Whether two numbers have no common divisor.
fn is_reduced(a: i64, b: i64) -> bool {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}
