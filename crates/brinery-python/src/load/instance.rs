//! Objects: calls, instances and their state.

use super::host::Builder;
use crate::ffi::api::*;
use crate::ffi::instance::Attributes;
use crate::ffi::{Owned, Raised, Ref, Result, check, error, tuple};
use brinery::read::Items;
use std::ptr;

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
fn exception_without_init(callable: Ref<'_>, args: Ref<'_>) -> Result<Owned> {
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

impl Builder<'_> {
    /// `INST`, `OBJ`
    pub(super) fn make_instance(&mut self, class: Ref<'_>, mut args: Items<'_, Owned>) -> Result<Owned> {
        if args.is_empty()
            && class.is_type()
            && class.lookup_attr(self.state.names.__getinitargs__.as_ref())?.is_none()
        {
            return class.call_method1(self.state.names.__new__.as_ref(), class);
        }
        let args = tuple::new(args.drain())?;
        class.call_tuple(args.as_ref())
    }

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
            let kwargs = kwargs.map_or(ptr::null_mut(), Ref::as_ptr);
            // SAFETY: the slot of this very class is called with a tuple and a dict or null.
            return unsafe { Owned::from_result(new(class.as_ptr().cast(), args.as_ptr(), kwargs)) };
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
        if let Some(setstate) = instance.lookup_attr(self.state.names.__setstate__.as_ref())? {
            return setstate.call1(state).map(drop);
        }
        if let Some((attributes, slots)) = split_state(state) {
            self.set_attributes(instance, attributes)?;
            return self.set_slots(instance, slots);
        }
        self.set_attributes(instance, state)
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
        let attributes = Attributes::of(instance, name);
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
        for_each_item(state, |key, value| instance.setattr(key.as_ref(), value.as_ref()))
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
fn interned(key: Owned) -> Result<Owned> {
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
