//! Attributes that a stream has set one by one: those in slots, and those of exceptions. Nothing but the interpreter's own ways may do
//! so, for a policy that grants attributes grants no code.

use crate::ffi::api::*;
use crate::ffi::layout::items;
use crate::ffi::{Owned, Raised, Ref, Result, check, error, sequence};
use crate::load::{Builder, SetState, slots_of};
use crate::state::State;

unsafe extern "C" {
    static mut PyMemberDescr_Type: PyTypeObject;
    static mut PyMethod_Type: PyTypeObject;
    static mut PyWrapperDescr_Type: PyTypeObject;
    /// The function of a method: a borrowed reference.
    fn PyMethod_Function(method: *mut PyObject) -> *mut PyObject;
}

/// How attributes are set.
pub(super) enum Way {
    /// As the interpreter does, for it runs no code.
    Usual,
    /// As `object` does it, for the class has code of its own for that: these.
    Object(Vec<(Owned, Owned)>),
    /// By code of the class, whatever is done: this one.
    Code(String),
}

/// How the attributes in a state of an instance are set without code of the class.
pub(super) fn way_of(builder: &mut Builder<'_>, instance: Ref<'_>, given: Ref<'_>) -> Result<Way> {
    match builder.setstate_of(instance) {
        // A method of its own, which is granted. That of exceptions is none.
        Some(SetState::Function(own)) if own.is_exactly(&raw mut PyFunction_Type) => return Ok(Way::Usual),
        Some(SetState::None) if !given.is_tuple() => return Ok(Way::Usual),
        _ => {}
    }
    let (state, kind) = (builder.state(), instance.type_ref());
    if has_hook_of_its_own(state, instance)? {
        return Ok(Way::Code("__setstate__".into()));
    }
    let Some(attributes) = set_one_by_one(state, kind, given)? else { return Ok(Way::Usual) };
    for (name, _) in &attributes {
        if let Some(found) = found(kind, name.as_ref())?
            && !is_known(found.as_ref())
        {
            return Ok(Way::Code(name.as_ref().text()));
        }
    }
    let hook = found(kind, state.names.__setattr__.as_ref())?;
    if hook.is_some_and(|hook| hook.is_exactly(&raw mut PyWrapperDescr_Type)) {
        return Ok(Way::Usual);
    }
    Ok(if slots_of(given).is_some() { Way::Object(attributes) } else { Way::Code("__setattr__".into()) })
}

/// Sets attributes as `object` does.
pub(super) fn set_by_object(instance: Ref<'_>, attributes: &[(Owned, Owned)]) -> Result<()> {
    attributes.iter().try_for_each(|(name, value)| {
        // SAFETY: all three are alive.
        check(unsafe { PyObject_GenericSetAttr(instance.as_ptr(), name.as_ptr(), value.as_ptr()) })
    })
}

/// Whether an instance has all the attributes of a state already, so that there is nothing to do. No code runs to find out.
pub(super) fn has_state(state: &State, instance: Ref<'_>, given: Ref<'_>) -> Result<bool> {
    let kind = instance.type_ref();
    if !given.is_exactly(&raw mut PyDict_Type) || found(kind, state.names.__setstate__.as_ref())?.is_some() {
        return Ok(false);
    }
    let name = state.names.__dict__.as_ref();
    let usual = found(kind, name)?.is_some_and(|hook| hook.is_exactly(&raw mut PyGetSetDescr_Type));
    if !usual {
        return Ok(false);
    }
    // SAFETY: the instance is alive; a field of the interpreter's is asked for.
    let own = unsafe { Owned::from_nullable(PyObject_GenericGetAttr(instance.as_ptr(), name.as_ptr())) };
    let Some(own) = own else { return Err(Raised) };
    Ok(own.is_exactly(&raw mut PyDict_Type) && has_all(own.as_ref(), given, DEEPEST)?)
}

/// How deep values are compared.
const DEEPEST: usize = 16;

/// Whether a dict has all that another has, under keys that are texts.
fn has_all(dict: Ref<'_>, other: Ref<'_>, depth: usize) -> Result<bool> {
    let mut position = 0;
    while let Some((key, value)) = items::next(other, &mut position) {
        if !key.is_exactly(&raw mut PyUnicode_Type) {
            return Ok(false);
        }
        // SAFETY: both are alive; the dict keeps what it has.
        match unsafe { Ref::from_nullable(PyDict_GetItemWithError(dict.as_ptr(), key.as_ptr())) } {
            Some(known) if is_same(known, value, depth)? => {}
            None if error::occurred() => return Err(Raised),
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// Whether two values are one, or of equal parts: plain ones of the interpreter's own.
fn is_same(one: Ref<'_>, other: Ref<'_>, depth: usize) -> Result<bool> {
    if one.is(other) {
        return Ok(true);
    }
    let kind = one.type_ptr();
    if depth == 0 || !other.is_exactly(kind) {
        return Ok(false);
    }
    if [&raw mut PyUnicode_Type, &raw mut PyLong_Type, &raw mut PyFloat_Type, &raw mut PyBytes_Type]
        .contains(&kind)
    {
        // SAFETY: both are alive, and of a type whose values are compared without other code.
        return match unsafe { PyObject_RichCompareBool(one.as_ptr(), other.as_ptr(), Py_EQ) } {
            -1 => Err(Raised),
            same => Ok(same == 1),
        };
    }
    if kind == &raw mut PyList_Type || kind == &raw mut PyTuple_Type {
        // SAFETY: they are of these types, and nothing that runs meanwhile changes them.
        let (one, other) = unsafe { (sequence::items(one), sequence::items(other)) };
        if one.len() != other.len() {
            return Ok(false);
        }
        for (one, other) in one.iter().zip(other) {
            // SAFETY: the items are alive as long as their containers.
            if !unsafe { is_same(Ref::new(*one), Ref::new(*other), depth - 1)? } {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    // SAFETY: a size is asked of a dict.
    Ok(kind == &raw mut PyDict_Type
        && unsafe { PyDict_Size(one.as_ptr()) == PyDict_Size(other.as_ptr()) }
        && has_all(one, other, depth - 1)?)
}

/// Whether an instance, and not its class, says how it is given a state.
fn has_hook_of_its_own(state: &State, instance: Ref<'_>) -> Result<bool> {
    let name = state.names.__setstate__.as_ref();
    let Some(hook) = instance.lookup_attr(name)? else { return Ok(false) };
    let Some(own) = found(instance.type_ref(), name)? else { return Ok(true) };
    // SAFETY: a method is asked for its function, which it keeps.
    let is_own = || unsafe { PyMethod_Function(hook.as_ptr()) == own.as_ptr() };
    Ok(own.is_exactly(&raw mut PyFunction_Type) && !(hook.is_exactly(&raw mut PyMethod_Type) && is_own()))
}

/// The attributes that are set one by one, if any are.
fn set_one_by_one(state: &State, kind: Ref<'_>, given: Ref<'_>) -> Result<Option<Vec<(Owned, Owned)>>> {
    let setstate = found(kind, state.names.__setstate__.as_ref())?;
    // SAFETY: the interpreter's exception class is alive as long as it is.
    let of_exceptions = found(unsafe { Ref::new(PyExc_BaseException) }, state.names.__setstate__.as_ref())?;
    let given = match (setstate, of_exceptions) {
        (Some(own), Some(native)) if own.is(native.as_ref()) => given,
        // A method of its own, which is granted.
        (Some(_), _) => return Ok(None),
        // SAFETY: sizes and items are asked of a tuple, which keeps them.
        (None, _) => unsafe {
            if !given.is_tuple() || PyTuple_GET_SIZE(given.as_ptr()) != 2 {
                return Ok(None);
            }
            Ref::new(PyTuple_GET_ITEM(given.as_ptr(), 1))
        },
    };
    if !given.is_dict() {
        return Ok(None);
    }
    let mut attributes = Vec::new();
    let mut position = 0;
    while let Some((name, value)) = items::next(given, &mut position) {
        attributes.push((name.to_owned(), value.to_owned()));
    }
    Ok(Some(attributes))
}

/// What a class or its bases have under a name. No code of theirs runs.
fn found(kind: Ref<'_>, name: Ref<'_>) -> Result<Option<Owned>> {
    // SAFETY: the class is alive, and keeps its bases; the name is a text or whatever else was a key.
    unsafe {
        let bases = (*kind.as_ptr().cast::<PyTypeObject>()).tp_mro;
        for index in 0..PyTuple_GET_SIZE(bases) {
            let base = Ref::new(PyTuple_GET_ITEM(bases, index));
            let Some(dict) = type_dict(base) else { continue };
            let found = Ref::from_nullable(PyDict_GetItemWithError(dict.as_ptr(), name.as_ptr()));
            match found {
                Some(found) => return Ok(Some(found.to_owned())),
                None if error::occurred() => return Err(Raised),
                None => {}
            }
        }
    }
    Ok(None)
}

/// The dict of a class.
///
/// # Safety
///
/// It is a class.
unsafe fn type_dict(class: Ref<'_>) -> Option<Owned> {
    // SAFETY: by contract.
    unsafe {
        #[cfg(Py_3_12)]
        return Owned::from_nullable(PyType_GetDict(class.as_ptr().cast()));
        #[cfg(not(Py_3_12))]
        Ref::from_nullable((*class.as_ptr().cast::<PyTypeObject>()).tp_dict).map(Ref::to_owned)
    }
}

/// Whether what a class has under a name is a slot or a field of the interpreter's, or does not care whether it is set.
fn is_known(descriptor: Ref<'_>) -> bool {
    if descriptor.is_exactly(&raw mut PyMemberDescr_Type)
        || descriptor.is_exactly(&raw mut PyGetSetDescr_Type)
    {
        return true;
    }
    // SAFETY: the class of an object that is alive.
    unsafe { (*descriptor.type_ptr()).tp_descr_set.is_none() }
}
