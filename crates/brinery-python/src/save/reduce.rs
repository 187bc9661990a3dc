//! Objects that say by the reduce protocol how they are made again.

use super::Dump;
use super::global::{dict_get, mangled_name};
use super::instance::{Foreign, is_global, registered};
use super::memo::Known;
use super::task::{Construct, From, Items, Task, is_private};
use crate::ffi::api::*;
use crate::ffi::object::looks_up_plainly;
use crate::ffi::{Owned, Raised, Ref, Result, error, text};
use brinery::Opcode;

unsafe extern "C" {
    /// Declared by CPython's `classobject.h`.
    static mut PyMethod_Type: PyTypeObject;
    fn PyMethod_Self(method: *mut PyObject) -> *mut PyObject;
    fn PyMethod_Function(method: *mut PyObject) -> *mut PyObject;
}

/// What a reduction returns, taken apart: two to six elements.
struct Reduction {
    callable: Owned,
    args: Owned,
    state: Option<Owned>,
    list_items: Option<Owned>,
    dict_items: Option<Owned>,
    state_setter: Option<Owned>,
}

impl Dump<'_> {
    /// Saves an object that has no spelling of its own, by the hooks that apply to it, in their order.
    pub(super) fn save_by_reduction(&mut self, object: &Owned) -> Result<()> {
        self.settle();
        if self.hooks.persistent_id.is_some()
            && self.hooks.reducer_override.is_none()
            && self.out.protocol() >= 2
            && !self.is_fast()
            && self.save_through_hook(object)?
        {
            return Ok(());
        }
        let kind = object.type_ref().to_owned();
        if let Some(hook) = self.hooks.reducer_override.clone() {
            let reduced = hook.call1(object.as_ref())?;
            // SAFETY: NotImplemented is alive as long as the interpreter.
            if !reduced.is(unsafe { Ref::new(Py_NotImplemented()) }) {
                return self.save_reduction(&reduced, object);
            }
            if self.out.protocol() >= 2 && self.hooks.persistent_id.is_none() && !self.is_fast() {
                // Held by the caller alone, if the hook has taken it from its holder.
                let saved = if is_global(object.as_ref()) {
                    self.save_found_global(object.as_ref())?
                } else {
                    self.save_natively(object, false)?
                };
                if saved {
                    return Ok(());
                }
            }
        }
        if kind.is((&raw mut PyType_Type).into_ref()) {
            return self.save_type(object);
        }
        if kind.is((&raw mut PyFunction_Type).into_ref()) {
            return self.save_global(object.as_ref(), None);
        }
        let reducer = match self.dispatch_table() {
            None => dict_get(&self.state.copyreg.dispatch_table, kind.as_ref())?,
            Some(table) => match registered(self.state, table.as_ref(), kind.as_ref()) {
                Ok(reducer) => reducer.map(Ref::to_owned),
                Err(Foreign) => match table.get_item(kind.as_ref()) {
                    Ok(reducer) => Some(reducer),
                    Err(Raised) => {
                        // SAFETY: the interpreter's exception classes are alive as long as it is.
                        if !error::matches(unsafe { Ref::new(PyExc_KeyError) }) {
                            return Err(Raised);
                        }
                        error::clear();
                        None
                    }
                },
            },
        };
        if let Some(reducer) = reducer {
            let reduced = reducer.call1(object.as_ref())?;
            return self.save_reduction(&reduced, object);
        }
        if kind.is_subtype_of(&raw mut PyType_Type) {
            return self.save_global(object.as_ref(), None);
        }
        let names = &self.state.names;
        let protocol = Owned::int(self.out.protocol().into())?;
        // SAFETY: the class is alive.
        let reduced = if unsafe { looks_up_plainly(kind.as_ptr().cast()) } {
            object.call_method1(names.__reduce_ex__.as_ref(), protocol.as_ref())?
        } else if let Some(reduce_ex) = object.lookup_attr(names.__reduce_ex__.as_ref())? {
            reduce_ex.call1(protocol.as_ref())?
        } else if let Some(reduce) = object.lookup_attr(names.__reduce__.as_ref())? {
            reduce.call0()?
        } else {
            return Err(self.state.pickling_error(&format!(
                "can't pickle '{}' object: {}",
                object.type_name(),
                object.repr_text()
            )));
        };
        if kind.is((&raw mut PyMethod_Type).into_ref())
            && let Some(reduced) = private_method(object, &reduced)?
        {
            return self.save_reduction(&reduced, object);
        }
        self.save_reduction(&reduced, object)
    }

    /// Saves what a hook returned for an object: the name of a global, or a reduction.
    pub(super) fn save_reduction(&mut self, reduced: &Owned, object: &Owned) -> Result<()> {
        if reduced.is_str() {
            return self.save_global(object.as_ref(), Some(reduced.as_ref()));
        }
        if !reduced.is_tuple() {
            return Err(self.state.pickling_error("__reduce__ must return a string or tuple"));
        }
        self.save_reduced(reduced.as_ref(), Some(object.as_ref()))
    }

    /// The types of the singletons have no name in any module.
    fn save_type(&mut self, object: &Owned) -> Result<()> {
        // SAFETY: the singletons are alive as long as the interpreter.
        let singletons =
            unsafe { [Ref::new(Py_None()), Ref::new(Py_Ellipsis()), Ref::new(Py_NotImplemented())] };
        for singleton in singletons {
            if object.is(singleton.type_ref()) {
                let args = Owned::tuple(&[singleton])?;
                let reduced = Owned::tuple(&[(&raw mut PyType_Type).into_ref(), args.as_ref()])?;
                return self.save_reduced(reduced.as_ref(), Some(object.as_ref()));
            }
        }
        self.save_global(object.as_ref(), None)
    }

    /// Saves a reduction. Without an object, what it makes is not memoised.
    pub(super) fn save_reduced(&mut self, reduced: Ref<'_>, object: Option<Ref<'_>>) -> Result<()> {
        let reduction = self.take_apart(reduced)?;
        let Reduction { callable, args, state, list_items, dict_items, state_setter } = reduction;
        let construct =
            Construct { object: object.map(Ref::to_owned), list_items, dict_items, state, state_setter };
        self.enter_reduction(object)?;
        self.push(Task::Construct(construct));
        if self.out.protocol() >= 2 && !std::ptr::eq(callable.as_ptr(), self.ordinary) {
            if callable.is(self.state.newobj.as_ref()) {
                return self.save_newobj(&args, object);
            }
            let name = callable.lookup_attr(self.state.names.__name__.as_ref())?;
            if let Some(name) = name.filter(|name| name.is_str()) {
                if text::equals(name.as_ref(), "__newobj_ex__") {
                    return self.save_newobj_ex(&args);
                }
                if text::equals(name.as_ref(), "__newobj__") {
                    return self.save_newobj(&args, object);
                }
            }
        }
        let pointer = callable.as_ptr();
        self.save_construction(Opcode::Reduce, callable, args)?;
        if self.keeps(pointer) {
            self.ordinary = pointer;
        }
        Ok(())
    }

    /// Whether the memo keeps an object alive to the end of the dump, if nobody empties it.
    fn keeps(&mut self, object: *mut PyObject) -> bool {
        // SAFETY: only the address is looked at.
        !self.keep_memo && self.memo().get(unsafe { Ref::new(object) }) != Known::No
    }

    /// A callable or class and its arguments, then the opcode that brings them together.
    fn save_construction(&mut self, opcode: Opcode, callable: Owned, args: Owned) -> Result<()> {
        self.push(Task::Op(opcode));
        if !self.is_guarded()
            && let Known::At(index) = self.memo().get(callable.as_ref())
        {
            self.get(index)?;
            // Held twice: nobody else may have the arguments, and the memo has to know them.
            let held = args.clone();
            return self.save(held.as_ref());
        }
        self.push(Task::Save(args));
        self.push(Task::Save(callable));
        Ok(())
    }

    fn save_newobj(&mut self, args: &Owned, object: Option<Ref<'_>>) -> Result<()> {
        // SAFETY: `take_apart` made sure that this is a tuple.
        let len = unsafe { PyTuple_GET_SIZE(args.as_ptr()) };
        if len < 1 {
            return Err(self.state.pickling_error("__newobj__ arglist is empty"));
        }
        // SAFETY: the tuple has an item.
        let class = unsafe { Ref::new(PyTuple_GET_ITEM(args.as_ptr(), 0)) };
        if !class.is_type() {
            return Err(self.state.pickling_error("args[0] from __newobj__ args is not a type"));
        }
        if let Some(object) = object {
            let known = match object.lookup_attr(self.state.names.__class__.as_ref())? {
                Some(class) => class,
                None => object.type_ref().to_owned(),
            };
            if !known.is(class) {
                return Err(self.state.pickling_error("args[0] from __newobj__ args has the wrong class"));
            }
        }
        // SAFETY: the object is a tuple.
        let rest = unsafe { Owned::from_result(PyTuple_GetSlice(args.as_ptr(), 1, len))? };
        self.save_construction(Opcode::NewObj, class.to_owned(), rest)
    }

    fn save_newobj_ex(&mut self, args: &Owned) -> Result<()> {
        // SAFETY: `take_apart` made sure that this is a tuple.
        let len = unsafe { PyTuple_GET_SIZE(args.as_ptr()) };
        if len != 3 {
            return Err(self.state.pickling_error(&format!(
                "length of the NEWOBJ_EX argument tuple must be exactly 3, not {len}"
            )));
        }
        // SAFETY: the tuple has three items.
        let [class, args, kwargs] =
            [0, 1, 2].map(|index| unsafe { Ref::new(PyTuple_GET_ITEM(args.as_ptr(), index)) }.to_owned());
        let expect = |ok: bool, position: &str, what: &str, object: &Owned| {
            if ok {
                return Ok(());
            }
            Err(self.state.pickling_error(&format!(
                "{position} item from NEWOBJ_EX argument tuple must be a {what}, not {}",
                object.type_name()
            )))
        };
        expect(class.is_type(), "first", "class", &class)?;
        expect(args.is_tuple(), "second", "tuple", &args)?;
        expect(kwargs.is_dict(), "third", "dict", &kwargs)?;
        if self.out.protocol() >= 4 {
            self.push(Task::Op(Opcode::NewObjEx));
            self.push(Task::Save(kwargs));
            self.push(Task::Save(args));
            self.push(Task::Save(class));
            return Ok(());
        }
        // Older protocols bind the arguments to `cls.__new__` and call the result.
        let mut bound = vec![class.getattr(self.state.names.__new__.as_ref())?, class.clone()];
        // SAFETY: the object is a tuple.
        for index in 0..unsafe { PyTuple_GET_SIZE(args.as_ptr()) } {
            // SAFETY: the index is below the size.
            bound.push(unsafe { Ref::new(PyTuple_GET_ITEM(args.as_ptr(), index)) }.to_owned());
        }
        let bound: Vec<Ref<'_>> = bound.iter().map(Owned::as_ref).collect();
        let bound = Owned::tuple(&bound)?;
        let partial = crate::state::import("functools")?.getattr(Owned::str("partial")?.as_ref())?;
        // SAFETY: a tuple and a dict.
        let callable =
            unsafe { Owned::from_result(PyObject_Call(partial.as_ptr(), bound.as_ptr(), kwargs.as_ptr()))? };
        self.save_construction(Opcode::Reduce, callable, Owned::tuple(&[])?)
    }

    /// After the construction: the memo, then items, then state.
    pub(super) fn finish_construction(&mut self, construct: Construct) -> Result<()> {
        let Construct { object, list_items, dict_items, state, state_setter } = construct;
        if let Some(object) = &object {
            if let Known::At(index) = self.memo().get(object.as_ref()) {
                // Its own arguments reached the object and saved it: drop this copy.
                self.out.op(Opcode::Pop);
                return self.get(index);
            }
            self.memoize(object.as_ref())?;
        }
        if let Some(state) = state {
            match (state_setter, object) {
                (Some(setter), Some(object)) => {
                    // A call for its effect on the object: its result is dropped.
                    for opcode in [Opcode::Pop, Opcode::Reduce, Opcode::Tuple2] {
                        self.push(Task::Op(opcode));
                    }
                    self.push(Task::Save(state));
                    self.push(Task::Save(object));
                    self.push(Task::Save(setter));
                }
                _ => {
                    self.push(Task::Op(Opcode::Build));
                    self.push(Task::Save(state));
                }
            }
        }
        if let Some(iterator) = dict_items {
            self.push(Task::DictItems(Items::boxed(From::Iterator(iterator))));
        }
        if let Some(iterator) = list_items {
            self.push(Task::ListItems(Items::boxed(From::Iterator(iterator))));
        }
        Ok(())
    }

    fn take_apart(&self, reduced: Ref<'_>) -> Result<Reduction> {
        // SAFETY: callers made sure that this is a tuple.
        let len = unsafe { PyTuple_GET_SIZE(reduced.as_ptr()) };
        if !(2..=6).contains(&len) {
            return Err(self
                .state
                .pickling_error("tuple returned by __reduce__ must contain 2 through 6 elements"));
        }
        // SAFETY: the index is below the length.
        let element = |index: isize| unsafe { Ref::new(PyTuple_GET_ITEM(reduced.as_ptr(), index)) };
        let optional =
            |index: isize| (index < len).then(|| element(index)).filter(|element| !element.is_none());
        let refuse = |what: &str, must: &str, object: Option<Ref<'_>>| {
            let but = object.map_or_else(String::new, |object| format!(", not {}", object.type_name()));
            self.state
                .pickling_error(&format!("{what} of the tuple returned by __reduce__ must be {must}{but}"))
        };
        let (callable, args) = (element(0), element(1));
        if !callable.is_callable() {
            return Err(refuse("first item", "callable", None));
        }
        if !args.is_tuple() {
            return Err(refuse("second item", "a tuple", None));
        }
        let (state, list_items, dict_items, state_setter) =
            (optional(2), optional(3), optional(4), optional(5));
        if let Some(items) = list_items.filter(|items| !items.is_iterator()) {
            return Err(refuse("fourth element", "an iterator", Some(items)));
        }
        if let Some(items) = dict_items.filter(|items| !items.is_iterator()) {
            return Err(refuse("fifth element", "an iterator", Some(items)));
        }
        if let Some(setter) = state_setter.filter(|setter| !setter.is_callable()) {
            return Err(refuse("sixth element", "a function", Some(setter)));
        }
        Ok(Reduction {
            callable: callable.to_owned(),
            args: args.to_owned(),
            state: state.map(Ref::to_owned),
            list_items: list_items.map(Ref::to_owned),
            dict_items: dict_items.map(Ref::to_owned),
            state_setter: state_setter.map(Ref::to_owned),
        })
    }
}

/// The reduction of a bound method whose name is private, with the name that `getattr` will find it by.
fn private_method(method: &Owned, reduced: &Owned) -> Result<Option<Owned>> {
    // SAFETY: the object is a method; what it binds lives as long as it.
    let (receiver, function) =
        unsafe { (Ref::new(PyMethod_Self(method.as_ptr())), Ref::new(PyMethod_Function(method.as_ptr()))) };
    // SAFETY: a tuple of two has both items.
    let (getattr, name) = unsafe {
        if !reduced.is_tuple() || PyTuple_GET_SIZE(reduced.as_ptr()) != 2 {
            return Ok(None);
        }
        let args = Ref::new(PyTuple_GET_ITEM(reduced.as_ptr(), 1));
        if !args.is_tuple() || PyTuple_GET_SIZE(args.as_ptr()) != 2 {
            return Ok(None);
        }
        (Ref::new(PyTuple_GET_ITEM(reduced.as_ptr(), 0)), Ref::new(PyTuple_GET_ITEM(args.as_ptr(), 1)))
    };
    if !is_private(name) || receiver.lookup_attr(name)?.is_some() {
        return Ok(None);
    }
    let class = if receiver.is_type() { receiver } else { receiver.type_ref() };
    // SAFETY: the object is a type, whose method resolution order is a tuple of types.
    let bases = unsafe { Ref::from_nullable((*class.as_ptr().cast::<PyTypeObject>()).tp_mro) };
    let Some(bases) = bases.map(Ref::to_owned) else { return Ok(None) };
    // SAFETY: the object is a tuple.
    for index in 0..unsafe { PyTuple_GET_SIZE(bases.as_ptr()) } {
        // SAFETY: the index is below the size.
        let base = unsafe { Ref::new(PyTuple_GET_ITEM(bases.as_ptr(), index)) };
        let base_name = base.getattr(Owned::str("__name__")?.as_ref())?.text();
        let mangled = Owned::interned(&mangled_name(&base_name, &name.text()))?;
        let Some(found) = receiver.lookup_attr(mangled.as_ref())? else { continue };
        // SAFETY: only asked of a method.
        let same = found.is_exactly(&raw mut PyMethod_Type)
            && unsafe { PyMethod_Function(found.as_ptr()) == function.as_ptr() };
        if same {
            let args = Owned::tuple(&[receiver, mangled.as_ref()])?;
            return Owned::tuple(&[getattr, args.as_ref()]).map(Some);
        }
    }
    Ok(None)
}

/// The interpreter's static types as objects.
trait StaticType {
    fn into_ref(self) -> Ref<'static>;
}

impl StaticType for *mut PyTypeObject {
    fn into_ref(self) -> Ref<'static> {
        // SAFETY: only used on the interpreter's static types, which live as long as it.
        unsafe { Ref::new(self.cast()) }
    }
}

impl Ref<'_> {
    /// Whether this type is `base` or inherits from it.
    fn is_subtype_of(self, base: *mut PyTypeObject) -> bool {
        // SAFETY: callers know that this is a type.
        unsafe { PyType_IsSubtype(self.as_ptr().cast(), base) != 0 }
    }
}
