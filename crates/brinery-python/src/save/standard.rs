//! Instances of types of the standard library, written as their own reductions would have it.

use super::container::is_simple;
use super::instance::{Facts, lookup};
use super::memo::Known;
use super::scalar::SHORT;
use super::task::{Construct, From, Items, Pairs, State as LateState, Task};
use super::{Dump, Leaf};
use crate::ffi::api::*;
use crate::ffi::sequence;
use crate::ffi::{Owned, Ref, Result, error, layout, text};
use crate::state::State;
use brinery::Opcode;
use brinery::write::BATCH_SIZE;
use std::ffi::CStr;
use std::rc::Rc;

unsafe extern "C" {
    static mut PyMethodDescr_Type: PyTypeObject;
}

/// A type whose reduction is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Date,
    Time,
    DateTime,
    TimeDelta,
    /// A class that `collections.namedtuple` has made, or one that adds nothing to such.
    NamedTuple,
    Complex,
    /// `range` or `slice`: three parts.
    Range,
    Decimal,
    /// Two parts.
    Fraction,
    /// One part, a list of text.
    Path,
    /// Two parts: a number, and whether it is known to be unique.
    Uuid,
    OrderedDict,
    /// One part, the factory.
    DefaultDict,
    Counter,
    Deque,
    Exception,
    /// A class made from a number, text or bytes.
    Scalar(*mut PyTypeObject),
    /// A class made from `tuple`.
    Tuple,
    /// A number of numpy.
    NumpyScalar,
    NumpyArray,
}

/// What a method of the standard library is, by the type that defines it or its name in a module.
fn reduction(state: &State, method: Ref<'_>) -> Option<Type> {
    if method.is_exactly(&raw mut PyMethodDescr_Type) {
        // SAFETY: a method descriptor has the type that defines it, whose name is a C string.
        let (kind, name) = unsafe {
            let kind = (*method.as_ptr().cast::<MethodDescriptor>()).kind;
            (kind, CStr::from_ptr((*kind).tp_name).to_bytes())
        };
        // SAFETY: the exception is alive as long as the interpreter.
        if std::ptr::eq(kind.cast(), unsafe { PyExc_BaseException }) {
            return Some(Type::Exception);
        }
        if !is_native(kind) {
            return None;
        }
        return match name {
            b"numpy.generic" => Some(Type::NumpyScalar),
            b"range" | b"slice" => Some(Type::Range),
            b"decimal.Decimal" => Some(Type::Decimal),
            b"collections.OrderedDict" if state.layout.as_ref()?.knows_collections() => {
                Some(Type::OrderedDict)
            }
            b"collections.defaultdict" => Some(Type::DefaultDict),
            b"collections.deque" if state.layout.as_ref()?.knows_collections() => Some(Type::Deque),
            _ => None,
        };
    }
    if !method.is_exactly(&raw mut PyFunction_Type) {
        return None;
    }
    let is = |module: &str, name: &str| is_function_of(state, method, module, name);
    if is("collections", "Counter.__reduce__") {
        Some(Type::Counter)
    } else if cfg!(Py_3_11) && is("fractions", "Fraction.__reduce__") {
        Some(Type::Fraction)
    } else if PATH_PARTS.is_some()
        && is(if cfg!(Py_3_13) { "pathlib._local" } else { "pathlib" }, "PurePath.__reduce__")
    {
        Some(Type::Path)
    } else if is("uuid", "UUID.__getstate__") {
        Some(Type::Uuid)
    } else {
        None
    }
}

/// The slot of a path that its reduction makes a tuple of.
const PATH_PARTS: Option<&str> = if cfg!(Py_3_14) {
    None
} else if cfg!(Py_3_13) {
    Some("_raw_paths")
} else if cfg!(Py_3_12) {
    None
} else {
    Some("_parts")
};

/// The beginning of CPython's `PyMethodDescrObject`, which its headers publish.
#[repr(C)]
struct MethodDescriptor {
    base: PyObject,
    kind: *mut PyTypeObject,
}

/// Whether no class statement has made a type.
pub(super) fn is_native(kind: *mut PyTypeObject) -> bool {
    #[cfg(Py_3_10)]
    const FIXED: std::ffi::c_ulong = Py_TPFLAGS_IMMUTABLETYPE;
    #[cfg(not(Py_3_10))]
    const FIXED: std::ffi::c_ulong = 0;
    // SAFETY: callers have a type that is alive.
    let flags = unsafe { PyType_GetFlags(kind) };
    flags & Py_TPFLAGS_HEAPTYPE == 0 || flags & FIXED != 0
}

/// Whether a function is the one that a module of the standard library defines under this name.
fn is_function_of(state: &State, function: Ref<'_>, module: &str, name: &str) -> bool {
    let found = || -> Result<bool> {
        let qualname = function.getattr(state.names.__qualname__.as_ref())?;
        if !qualname.is_str() || !text::equals(qualname.as_ref(), name) {
            return Ok(false);
        }
        let module = Owned::str(module)?;
        // SAFETY: the object is a function, whose globals are a dict.
        let globals = unsafe { PyFunction_GetGlobals(function.as_ptr()) };
        let namespace = crate::modules::namespace(state, module.as_ref());
        Ok(namespace.is_some_and(|namespace| namespace.as_ptr() == globals))
    };
    found().unwrap_or_else(|_| {
        error::clear();
        false
    })
}

/// Whether this is what `copyreg` reduces complex numbers with.
pub(super) fn is_complex_reducer(state: &State, reducer: Ref<'_>) -> bool {
    reducer.is_exactly(&raw mut PyFunction_Type)
        && is_function_of(state, reducer, "copyreg", "pickle_complex")
}

/// The dicts in which a `ChainMap` looks, one after the other; `None` if it is none or looks elsewhere.
pub(super) fn chained<'a>(state: &State, table: Ref<'a>) -> Option<Vec<Ref<'a>>> {
    let found = || -> Option<Vec<Ref<'a>>> {
        let kind = table.type_ptr();
        let collections = Owned::str("collections").ok()?;
        let namespace = crate::modules::namespace(state, collections.as_ref())?;
        let names = &state.names;
        // SAFETY: the namespace is a dict, and the class and its function are held by what they are found in. The list is
        // held by the map, and its items by the list, as long as no foreign code runs.
        unsafe {
            let class = PyDict_GetItemWithError(namespace.as_ptr(), names.ChainMap.as_ptr());
            if !std::ptr::eq(class, kind.cast()) {
                return None;
            }
            let getitem = Ref::from_nullable(lookup(kind, &names.__getitem__))?;
            if !getitem.is_exactly(&raw mut PyFunction_Type)
                || !is_function_of(state, getitem, "collections", "ChainMap.__getitem__")
            {
                return None;
            }
            let maps = table.getattr(names.maps.as_ref()).ok()?;
            if !maps.is_exactly(&raw mut PyList_Type) {
                return None;
            }
            (0..PyList_GET_SIZE(maps.as_ptr()))
                .map(|index| Ref::new(PyList_GET_ITEM(maps.as_ptr(), index)))
                .map(|map: Ref<'a>| map.is_exactly(&raw mut PyDict_Type).then_some(map))
                .collect()
        }
    };
    let found = found();
    error::clear();
    found
}

impl Type {
    /// The type, if it is one of the interpreter's own.
    pub(super) fn of(kind: *mut PyTypeObject) -> Option<Type> {
        // SAFETY: the type is alive, and its name is a C string that lives as long.
        unsafe {
            if PyType_GetFlags(kind) & Py_TPFLAGS_HEAPTYPE != 0 {
                return None;
            }
            match CStr::from_ptr((*kind).tp_name).to_bytes() {
                b"datetime.date" => Some(Type::Date),
                b"datetime.time" => Some(Type::Time),
                b"datetime.datetime" => Some(Type::DateTime),
                b"datetime.timedelta" => Some(Type::TimeDelta),
                b"complex" => Some(Type::Complex),
                b"numpy.ndarray" => Some(Type::NumpyArray),
                _ => None,
            }
        }
    }

    /// The type by its own `__reduce__`, or that of its bases, where nothing else is changed that the method relies on.
    pub(super) fn by_reduce(state: &State, facts: &mut Facts, method: Ref<'_>) -> Option<Type> {
        let found = reduction(state, method)?;
        let kind = facts.kind();
        let names = &state.names;
        // SAFETY: all types are alive.
        let iterates_as = |base: *mut PyTypeObject| unsafe {
            let (own, base) = ((*kind).tp_iter, (*base).tp_iter);
            own.zip(base).is_some_and(|(own, base)| std::ptr::fn_addr_eq(own, base))
        };
        let same =
            |name: &Owned, base: *mut PyTypeObject| std::ptr::eq(lookup(kind, name), lookup(base, name));
        // SAFETY: as above.
        let defining = unsafe { (*method.as_ptr().cast::<MethodDescriptor>()).kind };
        let object = &raw mut PyBaseObject_Type;
        let known = match found {
            Type::Range => facts.add_parts(&["start", "stop", "step"]),
            Type::Decimal => true,
            Type::Fraction => facts.add_parts(&["_numerator", "_denominator"]),
            Type::Path => PATH_PARTS.is_some_and(|name| facts.add_parts(&[name])),
            Type::OrderedDict => {
                same(&names.items, defining)
                    && same(&names.__getstate__, object)
                    && facts.has_no_slots(names)
                    && facts.find_dict()
            }
            Type::DefaultDict => {
                same(&names.items, &raw mut PyDict_Type) && facts.add_parts(&["default_factory"])
            }
            Type::Counter => iterates_as(&raw mut PyDict_Type),
            Type::Deque => {
                iterates_as(defining)
                    && same(&names.__getstate__, object)
                    && facts.has_no_slots(names)
                    && facts.find_dict()
                    && (cfg!(Py_3_11) || facts.has_no_dict())
            }
            Type::Exception => true,
            // A class made from one may have more than numbers.
            Type::NumpyScalar => is_native(kind),
            _ => false,
        };
        known.then_some(found)
    }

    /// The type by its own `__getstate__`.
    pub(super) fn by_getstate(state: &State, facts: &mut Facts, method: Ref<'_>) -> Option<Type> {
        (reduction(state, method)? == Type::Uuid && facts.add_parts(&["int", "is_safe"]))
            .then_some(Type::Uuid)
    }

    /// The type by its own `__getnewargs__`, a native function of one of the types that are saved as they are.
    pub(super) fn by_getnewargs(method: Ref<'_>) -> Option<Type> {
        if !method.is_exactly(&raw mut PyMethodDescr_Type) {
            return None;
        }
        // SAFETY: a method descriptor has the type that defines it.
        let kind = unsafe { (*method.as_ptr().cast::<MethodDescriptor>()).kind };
        let scalars =
            [&raw mut PyLong_Type, &raw mut PyFloat_Type, &raw mut PyUnicode_Type, &raw mut PyBytes_Type];
        if scalars.contains(&kind) {
            return Some(Type::Scalar(kind));
        }
        std::ptr::eq(kind, &raw mut PyTuple_Type).then_some(Type::Tuple)
    }
}

/// Whether a `__getnewargs__` is that of named tuples, which returns their items.
pub(super) fn is_named_tuple(state: &State, function: Ref<'_>) -> bool {
    if !function.is_exactly(&raw mut PyFunction_Type) {
        return false;
    }
    let known = || -> Result<bool> {
        let collections = Owned::str("collections")?;
        let Some(namespace) = crate::modules::namespace(state, collections.as_ref()) else {
            return Ok(false);
        };
        // SAFETY: the namespace is a dict, which holds what is found; code is asked of functions only. The constants of
        // the function that makes named tuples hold the code of their methods.
        unsafe {
            let maker = Owned::str("namedtuple")?;
            let maker = PyDict_GetItemWithError(namespace.as_ptr(), maker.as_ptr());
            let Some(maker) = Ref::from_nullable(maker) else { return Ok(false) };
            if !maker.is_exactly(&raw mut PyFunction_Type) {
                return Ok(false);
            }
            let code = Ref::new(PyFunction_GetCode(function.as_ptr()));
            let maker = Ref::new(PyFunction_GetCode(maker.as_ptr()));
            let constants = maker.getattr(Owned::str("co_consts")?.as_ref())?;
            if !constants.is_exactly(&raw mut PyTuple_Type) {
                return Ok(false);
            }
            let name = code.getattr(Owned::str("co_name")?.as_ref())?;
            let held = (0..PyTuple_GET_SIZE(constants.as_ptr()))
                .any(|index| std::ptr::eq(PyTuple_GET_ITEM(constants.as_ptr(), index), code.as_ptr()));
            Ok(held && name.is_str() && crate::ffi::text::equals(name.as_ref(), "__getnewargs__"))
        }
    };
    known().unwrap_or_else(|_| {
        error::clear();
        false
    })
}

impl Dump<'_> {
    /// Counts an object that only the reduction would make. Who can look at the memo finds one there.
    pub(super) fn memoize_temporary(&mut self, make: impl FnOnce() -> Result<Owned>) -> Result<()> {
        let index = if self.keep_memo {
            // Making objects may run the collector.
            self.settle();
            let made = make()?;
            self.memo().insert(made.as_ref())
        } else {
            self.memo().insert_nothing()
        };
        self.out.memoize(index).map_err(|unwritable| self.unwritable(unwritable))
    }

    /// Counts an object that nobody can ask for.
    pub(super) fn memoize_nothing(&mut self) -> Result<()> {
        debug_assert!(!self.keep_memo);
        let index = self.memo().insert_nothing();
        self.out.memoize(index).map_err(|unwritable| self.unwritable(unwritable))
    }

    /// Saves an instance of a type that is known; whether that was possible.
    pub(super) fn save_known(
        &mut self,
        object: &Owned,
        single: bool,
        facts: &Rc<Facts>,
        known: Type,
    ) -> Result<bool> {
        match known {
            Type::Date | Type::Time | Type::DateTime | Type::TimeDelta => {
                self.save_time(object, single, known)
            }
            Type::NamedTuple => self.save_tuple_like(object, single, facts, false),
            Type::Tuple => self.save_tuple_like(object, single, facts, true),
            Type::Complex => self.save_complex(object, single),
            Type::Range | Type::Fraction => self.save_parts(object, single, facts),
            Type::Decimal => self.save_decimal(object, single),
            Type::Path => self.save_path(object, single, facts),
            Type::Uuid => self.save_uuid(object, single, facts),
            Type::OrderedDict | Type::DefaultDict | Type::Deque => {
                self.save_collection(object, single, facts, known)
            }
            Type::Counter => self.save_counter(object, single),
            Type::Exception => self.save_exception(object),
            Type::Scalar(base) => self.save_scalar_like(object, single, facts, base),
            Type::NumpyScalar => self.save_numpy_scalar(object, single, facts),
            Type::NumpyArray => self.save_numpy_array(object, single, facts),
        }
    }

    /// The opcode that makes a tuple of so many items, at least one.
    pub(super) fn tuple_opcode(len: usize) -> Opcode {
        match len {
            1 => Opcode::Tuple1,
            2 => Opcode::Tuple2,
            3 => Opcode::Tuple3,
            _ => Opcode::Tuple,
        }
    }

    /// Saves a tuple that the reduction would make, of items that are simple or `None`.
    fn save_new_tuple(&mut self, items: &[Owned]) -> Result<()> {
        self.cross_boundary()?;
        if items.is_empty() {
            self.out.empty_tuple();
            return Ok(());
        }
        if items.len() > 3 {
            self.out.op(Opcode::Mark);
        }
        for item in items {
            self.cross_boundary()?;
            // Held by what it was found in and here.
            self.save_simple(item.as_ref(), 2)?;
        }
        self.out.op(Self::tuple_opcode(items.len()));
        self.memoize_temporary(|| new_tuple(items))
    }

    /// Saves what is known to be a number, text or `None`.
    #[inline(always)]
    fn save_simple(&mut self, item: Ref<'_>, holders: isize) -> Result<()> {
        match self.save_leaf(item, holders)? {
            Leaf::Saved => Ok(()),
            Leaf::No { .. } => Err(error::runtime_error("an object is not what it was")),
        }
    }

    /// The end of a reduction: the call, and the object that it makes.
    pub(super) fn finish_call(&mut self, object: &Owned, single: bool, era: usize) -> Result<()> {
        self.out.op(Opcode::Reduce);
        let single = single && era == self.memo().era();
        self.memoize_held(object.as_ref(), single)
    }

    fn save_complex(&mut self, object: &Owned, single: bool) -> Result<bool> {
        let era = self.memo().era();
        if !self.save_class(object.type_ref())? {
            return Ok(false);
        }
        // SAFETY: the object is a complex.
        let (real, imag) =
            unsafe { (PyComplex_RealAsDouble(object.as_ptr()), PyComplex_ImagAsDouble(object.as_ptr())) };
        self.cross_boundary()?;
        for number in [real, imag] {
            self.cross_boundary()?;
            self.out.float(number);
        }
        self.out.op(Opcode::Tuple2);
        self.memoize_temporary(|| {
            // SAFETY: any numbers will do.
            let parts = unsafe {
                [Owned::from_result(PyFloat_FromDouble(real))?, Owned::from_result(PyFloat_FromDouble(imag))?]
            };
            new_tuple(&parts)
        })?;
        self.finish_call(object, single, era)?;
        Ok(true)
    }

    /// Saves an object that its class makes from its parts.
    fn save_parts(&mut self, object: &Owned, single: bool, facts: &Facts) -> Result<bool> {
        let mut parts = [const { None }; 3];
        for (part, slot) in parts.iter_mut().zip(&facts.parts) {
            match slot.value(object.as_ref()) {
                Some(value) if value.is_none() || is_simple(value) => *part = Some(value.to_owned()),
                _ => return Ok(false),
            }
        }
        let era = self.memo().era();
        if !self.save_class(object.type_ref())? {
            return Ok(false);
        }
        let [first, second, third] = parts;
        match (first, second, third) {
            (Some(first), Some(second), Some(third)) => self.save_new_tuple(&[first, second, third])?,
            (Some(first), Some(second), None) => self.save_new_tuple(&[first, second])?,
            _ => unreachable!("there are two or three parts"),
        }
        self.finish_call(object, single, era)?;
        Ok(true)
    }

    fn save_decimal(&mut self, object: &Owned, single: bool) -> Result<bool> {
        // SAFETY: the method that was found is that of the type which defines it.
        let Some(to_text) = (unsafe { decimal_text(object.as_ref()) }) else { return Ok(false) };
        let era = self.memo().era();
        // The first of a thread makes a context, for which the collector may run.
        if cfg!(not(Py_3_10)) {
            self.settle();
        }
        // SAFETY: the object is of the type that has the function.
        let made = without_collector(|| unsafe { Owned::from_result(to_text(object.as_ptr())) })?;
        let Some(digits) = text::ascii(made.as_ref()).filter(|digits| digits.len() <= SHORT) else {
            return Ok(false);
        };
        if !self.save_class(object.type_ref())? {
            return Ok(false);
        }
        self.cross_boundary()?;
        self.cross_boundary()?;
        self.out.short_text(digits);
        self.memoize_temporary(|| Ok(made.clone()))?;
        self.out.op(Opcode::Tuple1);
        self.memoize_temporary(|| Owned::tuple(&[made.as_ref()]))?;
        self.finish_call(object, single, era)?;
        Ok(true)
    }

    fn save_path(&mut self, object: &Owned, single: bool, facts: &Facts) -> Result<bool> {
        let list = facts.parts.first().and_then(|slot| slot.value(object.as_ref()));
        let Some(list) = list.filter(|list| list.is_exactly(&raw mut PyList_Type)) else { return Ok(false) };
        // SAFETY: the object is a list, which nothing changes meanwhile.
        let items: Vec<Owned> = unsafe {
            (0..PyList_GET_SIZE(list.as_ptr()))
                .map(|index| Ref::new(PyList_GET_ITEM(list.as_ptr(), index)).to_owned())
                .collect()
        };
        if !items.iter().all(|item| is_simple(item.as_ref())) {
            return Ok(false);
        }
        let era = self.memo().era();
        if !self.save_class(object.type_ref())? {
            return Ok(false);
        }
        self.save_new_tuple(&items)?;
        self.finish_call(object, single, era)?;
        Ok(true)
    }

    fn save_uuid(&mut self, object: &Owned, single: bool, facts: &Facts) -> Result<bool> {
        let [number, safety] = &facts.parts[..] else { return Ok(false) };
        let (Some(number), Some(safety)) = (number.value(object.as_ref()), safety.value(object.as_ref()))
        else {
            return Ok(false);
        };
        if self.keep_memo || !number.is_exactly(&raw mut PyLong_Type) || !self.is_unknown_safety(safety) {
            return Ok(false);
        }
        let number = number.to_owned();
        let era = self.memo().era();
        if !self.save_new_object(object)? {
            return Ok(false);
        }
        let single = single && era == self.memo().era();
        self.memoize_held(object.as_ref(), single)?;
        self.cross_boundary()?;
        self.out.empty_dict();
        self.memoize_nothing()?;
        self.cross_boundary()?;
        let state = self.state;
        self.save_simple(state.names.int.as_ref(), 0)?;
        self.cross_boundary()?;
        self.save_int(number.as_ref())?;
        self.out.op(Opcode::SetItem);
        self.out.op(Opcode::Build);
        Ok(true)
    }

    /// Whether an object is `uuid.SafeUUID.unknown`, which a UUID need not tell.
    fn is_unknown_safety(&mut self, safety: Ref<'_>) -> bool {
        if std::ptr::eq(safety.as_ptr(), self.unknown_safety) {
            return true;
        }
        let names = &self.state.names;
        let found = || {
            let uuid = Owned::str("uuid").ok()?;
            let namespace = crate::modules::namespace(self.state, uuid.as_ref())?;
            // SAFETY: a namespace is a dict, which holds what is found; the slot of an enumeration's member that has its
            // name is asked for in its own dict.
            unsafe {
                let class = PyDict_GetItemWithError(namespace.as_ptr(), names.SafeUUID.as_ptr());
                if class.is_null() || !std::ptr::eq(safety.type_ptr().cast(), class) {
                    return None;
                }
                let members = lookup(class.cast(), &names._member_map_);
                let members = Ref::from_nullable(members)?;
                if !members.is_exactly(&raw mut PyDict_Type) {
                    return None;
                }
                Ref::from_nullable(PyDict_GetItemWithError(members.as_ptr(), names.unknown.as_ptr()))
                    .map(Ref::as_ptr)
            }
        };
        let unknown = found();
        error::clear();
        if unknown == Some(safety.as_ptr()) {
            self.unknown_safety = safety.as_ptr();
            return true;
        }
        false
    }

    /// Saves an object with items that come after its construction.
    fn save_collection(
        &mut self,
        object: &Owned,
        single: bool,
        facts: &Rc<Facts>,
        known: Type,
    ) -> Result<bool> {
        if known == Type::OrderedDict && !layout::collections::Ordered::has_native_keys(object.as_ref()) {
            return Ok(false);
        }
        let factory = match known {
            Type::DefaultDict => facts.parts[0].value(object.as_ref()).filter(|factory| !factory.is_none()),
            _ => None,
        };
        let factory = factory.map(Ref::to_owned);
        if let Some(factory) = &factory
            && !self.can_save_class(factory.as_ref())
        {
            return Ok(false);
        }
        let era = self.memo().era();
        if !self.save_class(object.type_ref())? {
            return Ok(false);
        }
        self.cross_boundary()?;
        let most = if known == Type::Deque { layout::collections::most(object.as_ref()) } else { None };
        if let Some(factory) = &factory {
            self.cross_boundary()?;
            if !self.save_class(factory.as_ref())? {
                return Err(self.state.pickling_error("a class is not found where it was"));
            }
            self.out.op(Opcode::Tuple1);
            self.memoize_temporary(|| Owned::tuple(&[factory.as_ref()]))?;
        } else if let Some(most) = most {
            self.cross_boundary()?;
            self.out.empty_tuple();
            self.cross_boundary()?;
            self.out.int(most as i64);
            self.out.op(Opcode::Tuple2);
            let empty = self.state.empty_tuple.clone();
            self.memoize_temporary(|| Owned::tuple(&[empty.as_ref(), Owned::int(most as i64)?.as_ref()]))?;
        } else {
            self.out.empty_tuple();
        }
        self.finish_call(object, single, era)?;
        if known != Type::DefaultDict && facts.has_state(object.as_ref()) {
            self.push(Task::State(LateState { instance: object.clone(), facts: Rc::clone(facts) }));
            self.attributes += 1;
        }
        let era = self.memo().era();
        self.push(match known {
            Type::Deque => Task::ListItems(Items::boxed(From::Deque(layout::collections::Deque::of(object)))),
            Type::OrderedDict => {
                Task::DictItems(Items::boxed(From::Ordered(layout::collections::Ordered::of(object))))
            }
            _ => Task::DictItems(Items::boxed(From::Dict(Pairs::of(object, era)))),
        });
        Ok(true)
    }

    /// Saves a `Counter`, which is made from a dict, if that has only simple items.
    fn save_counter(&mut self, object: &Owned, single: bool) -> Result<bool> {
        if self.keep_memo || self.write.is_some() {
            return Ok(false);
        }
        // SAFETY: the object is held, and a dict; no foreign code runs.
        let dict: Ref<'static> = unsafe { Ref::new(object.as_ptr()) };
        let mut position = 0;
        while let Some((key, value)) = layout::items::next(dict, &mut position) {
            if !is_simple(key) && !key.is_none() || !is_simple(value) && !value.is_none() {
                return Ok(false);
            }
        }
        let era = self.memo().era();
        if !self.save_class(object.type_ref())? {
            return Ok(false);
        }
        self.cross_boundary()?;
        self.cross_boundary()?;
        self.out.empty_dict();
        self.memoize_nothing()?;
        let size = layout::items::len(dict);
        let mut position = 0;
        let mut next = |dump: &mut Self| -> Result<bool> {
            let Some((key, value)) = layout::items::next(dict, &mut position) else { return Ok(false) };
            dump.cross_boundary()?;
            dump.save_simple(key, 1)?;
            dump.cross_boundary()?;
            dump.save_simple(value, 1)?;
            Ok(true)
        };
        if size == 1 {
            next(self)?;
            self.out.op(Opcode::SetItem);
        } else if size > 1 {
            loop {
                self.out.op(Opcode::Mark);
                let mut batch = 0;
                while batch < BATCH_SIZE && next(self)? {
                    batch += 1;
                }
                self.out.op(Opcode::SetItems);
                if batch < BATCH_SIZE {
                    break;
                }
            }
        }
        self.out.op(Opcode::Tuple1);
        self.memoize_nothing()?;
        self.finish_call(object, single, era)?;
        Ok(true)
    }

    /// Saves an exception: its class, called with its arguments, and its attributes.
    fn save_exception(&mut self, object: &Owned) -> Result<bool> {
        // SAFETY: the object is an exception, whose layout CPython publishes.
        let (args, dict) = unsafe {
            let exception = object.as_ptr().cast::<PyBaseExceptionObject>();
            (Ref::from_nullable((*exception).args), Ref::from_nullable((*exception).dict))
        };
        let Some(args) = args.filter(|args| args.is_exactly(&raw mut PyTuple_Type)) else { return Ok(false) };
        let (args, dict) = (args.to_owned(), dict.map(Ref::to_owned));
        if !self.save_class(object.type_ref())? {
            return Ok(false);
        }
        self.enter_reduction(Some(object.as_ref()))?;
        self.push(Task::Construct(Construct {
            object: Some(object.clone()),
            list_items: None,
            dict_items: None,
            state: dict,
            state_setter: None,
        }));
        self.push(Task::Op(Opcode::Reduce));
        let held = args.clone();
        self.save(held.as_ref())?;
        Ok(true)
    }

    /// Saves an instance of a class made from a number, text or bytes, which is made from a plain one.
    fn save_scalar_like(
        &mut self,
        object: &Owned,
        single: bool,
        facts: &Rc<Facts>,
        base: *mut PyTypeObject,
    ) -> Result<bool> {
        if self.keep_memo {
            return Ok(false);
        }
        // Numbers are not memoised, and so nobody can tell theirs from a copy.
        let copy = if base == &raw mut PyUnicode_Type {
            // SAFETY: the object is a str.
            let copy = unsafe { Owned::from_result(PyUnicode_FromObject(object.as_ptr()))? };
            if self.short_ascii(copy.as_ref()).is_none() {
                return Ok(false);
            }
            Some(copy)
        } else if base == &raw mut PyBytes_Type {
            let data = crate::ffi::bytes::as_slice(object.as_ref());
            if self.out.protocol() < 3 || data.len() > 0xff {
                return Ok(false);
            }
            Some(crate::ffi::bytes::new(data)?)
        } else {
            None
        };
        let era = self.memo().era();
        if !self.save_class(object.type_ref())? {
            return Ok(false);
        }
        self.cross_boundary()?;
        self.cross_boundary()?;
        match copy {
            None if base == &raw mut PyFloat_Type => self.save_float(object.as_ref()),
            None => self.save_int(object.as_ref())?,
            // A holder other than us: it is an object that the interpreter keeps.
            Some(copy) if !copy.has_holders(1) => self.save_simple(copy.as_ref(), 0)?,
            Some(copy) => {
                if base == &raw mut PyUnicode_Type {
                    self.out.short_text(text::ascii(copy.as_ref()).unwrap_or_default());
                } else {
                    self.out.short_bytes(crate::ffi::bytes::as_slice(copy.as_ref()));
                }
                self.memoize_nothing()?;
            }
        }
        self.out.op(Opcode::Tuple1);
        self.memoize_nothing()?;
        self.out.op(Opcode::NewObj);
        let single = single && era == self.memo().era();
        self.memoize_held(object.as_ref(), single)?;
        self.save_state(object, facts)?;
        Ok(true)
    }

    /// Saves a date, time, moment or duration; whether its class could be written at once.
    fn save_time(&mut self, object: &Owned, single: bool, kind: Type) -> Result<bool> {
        if self.out.protocol() < 3 {
            return Ok(false);
        }
        let era = self.memo().era();
        if !self.save_class(object.type_ref())? {
            return Ok(false);
        }
        let pointer = object.as_ptr();
        // From protocol 4 on the second of two alike moments, when clocks are put back, is marked in a free bit.
        let folds = self.out.protocol() > 3;
        let mark = |fold: u8| if folds && fold != 0 { 0x80 } else { 0 };
        self.cross_boundary()?;
        // SAFETY: the object is of the type, whose fields CPython publishes.
        let (zone, fields) = unsafe {
            match kind {
                Type::Date => (None, self.save_fields(&(*pointer.cast::<PyDateTime_Date>()).data)?),
                Type::Time => {
                    let time = pointer.cast::<PyDateTime_Time>();
                    let mut data = (*time).data;
                    data[0] |= mark((*time).fold);
                    let zone = ((*time).hastzinfo != 0).then(|| Ref::new((*time).tzinfo).to_owned());
                    (zone, self.save_fields(&data)?)
                }
                Type::DateTime => {
                    let moment = pointer.cast::<PyDateTime_DateTime>();
                    let mut data = (*moment).data;
                    data[2] |= mark((*moment).fold);
                    let zone = ((*moment).hastzinfo != 0).then(|| Ref::new((*moment).tzinfo).to_owned());
                    (zone, self.save_fields(&data)?)
                }
                _ => {
                    let delta = pointer.cast::<PyDateTime_Delta>();
                    let numbers = [(*delta).days, (*delta).seconds, (*delta).microseconds];
                    for number in numbers {
                        self.cross_boundary()?;
                        self.out.int(number.into());
                    }
                    self.out.op(Opcode::Tuple3);
                    self.memoize_temporary(|| {
                        let [days, seconds, microseconds] = numbers.map(|number| Owned::int(number.into()));
                        new_tuple(&[days?, seconds?, microseconds?])
                    })?;
                    self.finish_call(object, single, era)?;
                    return Ok(true);
                }
            }
        };
        let Some(zone) = zone else {
            self.out.op(Opcode::Tuple1);
            self.memoize_temporary(|| Owned::tuple(&[fields.unwrap_or_else(Owned::none).as_ref()]))?;
            self.finish_call(object, single, era)?;
            return Ok(true);
        };
        if !self.is_guarded()
            && let Known::At(index) = self.memo().get(zone.as_ref())
        {
            self.get(index)?;
            self.out.op(Opcode::Tuple2);
            self.memoize_temporary(|| {
                Owned::tuple(&[fields.unwrap_or_else(Owned::none).as_ref(), zone.as_ref()])
            })?;
            self.finish_call(object, single, era)?;
            return Ok(true);
        }
        self.push(Task::Construct(Construct {
            object: Some(object.clone()),
            list_items: None,
            dict_items: None,
            state: None,
            state_setter: None,
        }));
        self.push(Task::Op(Opcode::Reduce));
        self.push(Task::EndPair(fields.map(|fields| Box::new((fields, zone.clone())))));
        let held = zone.clone();
        self.save(held.as_ref())?;
        Ok(true)
    }

    /// Saves a named tuple whose items may have parts; whether that was possible.
    fn save_tuple_of_parts(&mut self, object: &Owned, facts: &Rc<Facts>) -> Result<bool> {
        if self.keep_memo || facts.has_state(object.as_ref()) {
            return Ok(false);
        }
        // Making a tuple may run the collector.
        if cfg!(not(Py_3_10)) {
            self.settle();
        }
        // SAFETY: the object is a tuple.
        let items = unsafe { sequence::items_of_tuple(object.as_ref()) };
        let copy = without_collector(|| Owned::tuple(items))?;
        if !self.save_class(object.type_ref())? {
            return Ok(false);
        }
        self.enter_reduction(Some(object.as_ref()))?;
        self.push(Task::Construct(Construct {
            object: Some(object.clone()),
            list_items: None,
            dict_items: None,
            state: None,
            state_setter: None,
        }));
        self.push(Task::Op(Opcode::NewObj));
        // The memo knows the copy, which nobody else has.
        self.names.push(copy.clone());
        self.save(copy.as_ref())?;
        Ok(true)
    }

    /// Fields as bytes, which are returned if the memo has to show them.
    fn save_fields(&mut self, data: &[u8]) -> Result<Option<Owned>> {
        self.cross_boundary()?;
        self.out.short_bytes(data);
        let made = if self.keep_memo { Some(crate::ffi::bytes::new(data)?) } else { None };
        self.memoize_temporary(|| Ok(made.clone().unwrap_or_else(Owned::none)))?;
        Ok(made)
    }

    /// Saves a named tuple, or another instance of a class made from `tuple`, whose items have no parts; whether it is
    /// one. Other classes than those of named tuples are made from a tuple as their only argument.
    fn save_tuple_like(
        &mut self,
        object: &Owned,
        single: bool,
        facts: &Rc<Facts>,
        nested: bool,
    ) -> Result<bool> {
        // SAFETY: the object is a tuple.
        let len = unsafe { PyTuple_GET_SIZE(object.as_ptr()) };
        // SAFETY: the index is below the length, and the object is held.
        let item = |index| -> Ref<'static> { unsafe { Ref::new(PyTuple_GET_ITEM(object.as_ptr(), index)) } };
        if !(0..len).all(|index| item(index).is_none() || is_simple(item(index))) {
            return if nested { Ok(false) } else { self.save_tuple_of_parts(object, facts) };
        }
        let era = self.memo().era();
        if !self.save_class(object.type_ref())? {
            return Ok(false);
        }
        self.cross_boundary()?;
        // What a reduction makes of the items, where it has to be shown.
        let mut copy = None;
        if nested {
            self.cross_boundary()?;
        }
        if len == 0 {
            self.out.empty_tuple();
        } else {
            if len > 3 {
                self.out.op(Opcode::Mark);
            }
            for index in 0..len {
                self.cross_boundary()?;
                self.save_simple(item(index), 1)?;
            }
            self.out.op(Self::tuple_opcode(len as usize));
            self.memoize_temporary(|| {
                let items: Vec<Ref<'_>> = (0..len).map(item).collect();
                Ok(copy.insert(Owned::tuple(&items)?).clone())
            })?;
        }
        if nested {
            self.out.op(Opcode::Tuple1);
            let copy = copy.unwrap_or_else(|| self.state.empty_tuple.clone());
            self.memoize_temporary(|| Owned::tuple(&[copy.as_ref()]))?;
        }
        self.out.op(Opcode::NewObj);
        let single = single && era == self.memo().era();
        self.memoize_held(object.as_ref(), single)?;
        self.save_state(object, facts)?;
        Ok(true)
    }
}

/// Calls what runs no Python code unless the collector does.
fn without_collector<R>(body: impl FnOnce() -> R) -> R {
    // From 3.12 on the collector waits for the interpreter's loop.
    #[cfg(all(Py_3_10, not(Py_3_12)))]
    // SAFETY: the thread is attached.
    let enabled = unsafe { PyGC_Disable() } != 0;
    let result = body();
    #[cfg(all(Py_3_10, not(Py_3_12)))]
    if enabled {
        // SAFETY: as above.
        unsafe { PyGC_Enable() };
    }
    result
}

fn new_tuple(items: &[Owned]) -> Result<Owned> {
    let items: Vec<Ref<'_>> = items.iter().map(Owned::as_ref).collect();
    Owned::tuple(&items)
}

/// The function that makes the text of a decimal which its reduction has.
///
/// # Safety
///
/// The object's class is `decimal.Decimal` or made from it.
unsafe fn decimal_text(object: Ref<'_>) -> Option<reprfunc> {
    // SAFETY: types are alive as long as their subclasses.
    unsafe {
        let mut kind = object.type_ptr();
        while !is_native(kind) {
            kind = (*kind).tp_base;
        }
        (*kind).tp_str
    }
}
