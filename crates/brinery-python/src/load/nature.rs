//! What can be made of a class without running anyone's code.

use super::class::{Class, SetState};
use super::host::Builder;
use super::instance::interned;
use super::native::{Native, Take, is_original, is_written_in_c, items_of, loaded};
use super::numpy::{Maker, Product};
use super::spare::Aids;
use crate::ffi::api::*;
use crate::ffi::function::native_name;
use crate::ffi::{Owned, Ref, Result, error, layout, text};

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
    /// By the `__new__` of the builtin class that it extends, with a value of that class or nothing; items and attributes land
    /// where the builtin class and `object` put them.
    Extension(Builtin),
    /// `types.SimpleNamespace`, by a call without arguments, with attributes.
    Namespace,
    /// `functools.partial`, by a call with what it calls, and a state.
    Partial,
    /// By a call of a class written in C, which looks at its arguments no more than [`Inert`] says.
    Inert(Inert),
    /// `numpy.dtype`, by a call and a state.
    Dtype,
}

/// A builtin class that Python classes extend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    Dict,
    List,
    /// Those of whose values instances are: `str`, `int`, `float`, `bytes`, `tuple`.
    Atom(*mut PyTypeObject),
}

/// A class written in C whose instances keep what they are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inert {
    /// `operator.itemgetter`
    ItemGetter,
    /// `operator.attrgetter`, of texts
    AttrGetter,
    /// `operator.methodcaller`, of a text and whatever else
    MethodCaller,
    /// `array.array`, of a code and a list of numbers
    Array,
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
    /// `getattr(enumeration, name)`
    GetAttr,
    /// `re._compile(pattern, flags)`, of what has been compiled before
    Regex,
    /// A function of numpy.
    Numpy(Maker),
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
            // SAFETY: the class is alive.
            _ => unsafe { written_in_c(kind).or_else(|| extension(kind).map(Nature::Extension)) },
        }
    }
}

/// What a class is that is known to be written in C.
///
/// # Safety
///
/// It is alive.
unsafe fn written_in_c(kind: *mut PyTypeObject) -> Option<Nature> {
    // SAFETY: by contract.
    let (class, name) = unsafe { (Ref::new(kind.cast()), std::ffi::CStr::from_ptr((*kind).tp_name)) };
    let is = |module: &str, name: &str| is_written_in_c(class, module, name);
    match name.to_bytes() {
        b"types.SimpleNamespace" if is("types", "types.SimpleNamespace") => Some(Nature::Namespace),
        b"functools.partial" if is("_functools", "functools.partial") => Some(Nature::Partial),
        b"operator.itemgetter" if is("_operator", "operator.itemgetter") => {
            Some(Nature::Inert(Inert::ItemGetter))
        }
        b"operator.attrgetter" if is("_operator", "operator.attrgetter") => {
            Some(Nature::Inert(Inert::AttrGetter))
        }
        b"operator.methodcaller" if is("_operator", "operator.methodcaller") => {
            Some(Nature::Inert(Inert::MethodCaller))
        }
        b"array.array" if is("array", "array.array") => Some(Nature::Inert(Inert::Array)),
        _ => None,
    }
}

/// The builtin class that a class extends, if making an instance is what it does for that.
///
/// # Safety
///
/// It is alive.
pub(super) unsafe fn extension(kind: *mut PyTypeObject) -> Option<Builtin> {
    // SAFETY: by contract; a class keeps its bases alive.
    unsafe {
        let mut base = kind;
        while PyType_GetFlags(base) & Py_TPFLAGS_HEAPTYPE != 0 {
            base = (*base).tp_base;
            if base.is_null() {
                return None;
            }
        }
        let same_new =
            (*kind).tp_new.map(|new| new as *const ()) == (*base).tp_new.map(|new| new as *const ());
        let usual = |alloc: Option<allocfunc>| alloc.map(|alloc| alloc as *const ());
        if base == kind
            || !same_new
            || PyType_GetFlags(kind) & Py_TPFLAGS_IS_ABSTRACT != 0
            || usual((*kind).tp_alloc) != Some(PyType_GenericAlloc as *const ())
        {
            return None;
        }
        let atoms = [
            &raw mut PyUnicode_Type,
            &raw mut PyLong_Type,
            &raw mut PyFloat_Type,
            &raw mut PyBytes_Type,
            &raw mut PyTuple_Type,
        ];
        if base == &raw mut PyDict_Type {
            Some(Builtin::Dict)
        } else if base == &raw mut PyList_Type {
            Some(Builtin::List)
        } else {
            atoms.contains(&base).then_some(Builtin::Atom(base))
        }
    }
}

impl Builder<'_> {
    /// What is known of a class whose instances can be made without running code.
    pub(crate) fn nature(&mut self, class: Ref<'_>) -> Option<Nature> {
        let layout = self.layout.filter(|_| class.is_type())?;
        if matches!(self.aids.numpy.maker(class), Some((Maker::Dtype, _))) {
            return Some(Nature::Dtype);
        }
        let kind = class.as_ptr().cast();
        // SAFETY: the class is alive.
        let known = unsafe { self.aids.classes.get(kind, self.state, layout)? };
        known.nature(kind)
    }

    /// What is taken for the arguments of a call that makes a value of a class by all that there is to know of it.
    pub(crate) fn takes(&mut self, class: Ref<'_>) -> Vec<Take> {
        let Some(layout) = self.layout.filter(|_| class.is_type()) else { return Vec::new() };
        // SAFETY: the class is alive.
        let known = unsafe { self.aids.classes.get(class.as_ptr().cast(), self.state, layout) };
        known.map_or_else(Vec::new, |class| class.native.takes())
    }

    /// The version of a class, which changes whenever something in it or its bases does, or zero.
    pub(crate) fn class_version(&mut self, class: Ref<'_>) -> u32 {
        let Some(layout) = self.layout.filter(|_| class.is_type()) else { return 0 };
        // SAFETY: the class is alive.
        let known = unsafe { self.aids.classes.get(class.as_ptr().cast(), self.state, layout) };
        known.map_or(0, |class| class.version())
    }

    /// What is known of a function.
    pub(crate) fn function(&mut self, function: Ref<'_>) -> Option<Function> {
        self.layout?;
        if function.is(self.state.codecs_encode.as_ref()) {
            return Some(Function::Encode);
        }
        if function.is(self.state.newobj.as_ref()) {
            return Some(Function::NewObject);
        }
        if function.is_exactly(&raw mut PyFunction_Type)
            && let Some(known) = self.function_of_python(function)
        {
            return Some(known);
        }
        if native_name(function) == Some(c"getattr") && is_of_module(function, "builtins") {
            return Some(Function::GetAttr);
        }
        if let Some((maker, _)) = self.aids.numpy.maker(function) {
            return Some(Function::Numpy(maker));
        }
        is_array_reconstructor(function).then_some(Function::Array)
    }

    fn function_of_python(&self, function: Ref<'_>) -> Option<Function> {
        let name = function.getattr(self.state.names.__qualname__.as_ref());
        error::clear();
        let (module, name, known) = match text::ascii(name.ok()?.as_ref())? {
            b"_reconstructor" => ("copyreg", "_reconstructor", Function::Reconstructor),
            b"_compile" => ("re", "_compile", Function::Regex),
            _ => return None,
        };
        is_original(Some(function), module, name).then_some(known)
    }

    /// Which objects a class or a function, of which so much is known, makes where their class does not name it.
    pub(crate) fn product(&mut self, object: Ref<'_>, function: Option<Function>) -> Option<Product> {
        if let Some((_, product)) = self.aids.numpy.maker(object) {
            return Some(product);
        }
        if function == Some(Function::Regex) {
            let pattern = loaded("re")?.getattr(Owned::str("Pattern").ok()?.as_ref());
            error::clear();
            return pattern
                .ok()
                .filter(|class| class.is_type())
                .map(|class| Product::Exactly(class.as_ptr().cast()));
        }
        None
    }

    /// What a function of numpy, or the class of its dtypes, makes of its arguments, if that runs no code.
    pub(crate) fn numpy_inertly(&mut self, maker: Maker, args: &[Ref<'_>]) -> Option<Result<Owned>> {
        self.aids.numpy.make(maker, args)
    }

    /// Gives a dtype of numpy its state, if that runs no code.
    pub(crate) fn set_dtype_inertly(
        &mut self,
        dtype: Ref<'_>,
        state: Ref<'_>,
        is_open: &dyn Fn(Ref<'_>) -> bool,
    ) -> Option<Result<()>> {
        self.settle();
        self.aids.numpy.set_dtype(dtype, state, is_open)
    }

    /// Gives an array of numpy its state, if that runs no code, and says whether it holds objects.
    pub(crate) fn set_array_inertly(&mut self, array: Ref<'_>, state: Ref<'_>) -> Option<Result<bool>> {
        self.settle();
        self.aids.numpy.set_array(array, state)
    }

    /// A member of an enumeration by its name.
    pub(crate) fn member_inertly(&mut self, class: Ref<'_>, name: Ref<'_>) -> Option<Owned> {
        let layout = self.layout?;
        if !class.is_type() || !name.is_exactly(&raw mut PyUnicode_Type) {
            return None;
        }
        // SAFETY: the class is alive.
        let known = unsafe { self.aids.classes.get(class.as_ptr().cast(), self.state, layout)? };
        known.native.member(class, name)
    }

    /// Whether items for an instance of what extends a builtin class, which has no attributes yet, land in that class's part of it.
    pub(crate) fn extends_inertly(&mut self, instance: Ref<'_>, builtin: Builtin) -> bool {
        let Some(layout) = self.layout else { return false };
        // SAFETY: an instance keeps its class alive, and this is its class.
        unsafe {
            let Some(class) = self.aids.classes.get(instance.type_ptr(), self.state, layout) else {
                return false;
            };
            let as_builtin = match builtin {
                Builtin::Dict => class.sets_as_dict,
                Builtin::List => class.extends_as_list,
                Builtin::Atom(_) => false,
            };
            as_builtin && self.deferred.is_none() && class.is_fresh(instance)
        }
    }

    /// Gives a `types.SimpleNamespace` its attributes.
    pub(crate) fn fill_namespace(&mut self, namespace: Ref<'_>, state: Ref<'_>) -> Option<Result<()>> {
        if self.deferred.is_some() || !state.is_exactly(&raw mut PyDict_Type) {
            return None;
        }
        self.settle();
        let fill = || {
            let dict = namespace.getattr(self.state.names.__dict__.as_ref())?;
            let mut position = 0;
            while let Some((key, value)) = layout::items::next(state, &mut position) {
                dict.set_item(interned(key.to_owned())?.as_ref(), value)?;
            }
            Ok(())
        };
        Some(fill())
    }

    /// Gives a `functools.partial` a state that is known to be one.
    pub(crate) fn set_partial(&mut self, partial: Ref<'_>, state: Ref<'_>) -> Option<Result<()>> {
        if self.deferred.is_some() {
            return None;
        }
        self.settle();
        Some(partial.call_method1(self.state.names.__setstate__.as_ref(), state).map(drop))
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
        let Aids { classes, fetches, nursery, .. } = &mut *self.aids;
        // SAFETY: the class is alive, and what is known of it is known of this class.
        let made = unsafe {
            let known = classes.get(kind, self.state, layout)?;
            known.new_object(&self.heap, nursery, &mut self.memos, fetches, args)
        };
        if made.is_some() {
            return made;
        }
        // SAFETY: as above.
        let builtin = unsafe { extension(kind)? };
        let fits = match (builtin, items_of(args)) {
            (_, []) => true,
            (Builtin::Atom(class), [value]) => value.is_exactly(class),
            _ => false,
        };
        if !fits {
            return None;
        }
        self.settle();
        // SAFETY: the slot of this very class, which is that of the builtin one, is called with a tuple.
        Some(unsafe { Owned::from_result(((*kind).tp_new?)(kind, args.as_ptr(), std::ptr::null_mut())) })
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

/// Whether a native function is one of this module, if that is loaded.
fn is_of_module(function: Ref<'_>, module: &str) -> bool {
    // SAFETY: a native function may be bound to an object, which it holds.
    let home = unsafe { Ref::from_nullable((*function.as_ptr().cast::<PyCFunctionObject>()).m_self) };
    home.zip(loaded(module)).is_some_and(|(home, module)| home.is(module.as_ref()))
}

/// Whether this is the function of the module `array`.
fn is_array_reconstructor(function: Ref<'_>) -> bool {
    native_name(function) == Some(c"_array_reconstructor") && is_of_module(function, "array")
}
