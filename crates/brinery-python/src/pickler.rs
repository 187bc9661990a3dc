//! The type `Pickler`.

use crate::arguments::{Signature, flag, some};
use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, error};
use crate::methods::{END, Methods, docstring, guard, guard_status, nullary, unary};
use crate::pickler_memo;
use crate::save::{Dump, Hooks, Memo, Pickler};
use crate::state::State;
use crate::types::{self, IMMUTABLE, slot};
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_int, c_void};
use std::mem::offset_of;
use std::ptr::{self, NonNull};

/// An instance of `Pickler`.
#[repr(C)]
struct PicklerObject {
    base: PyObject,
    pickler: Pickler,
}

static METHODS: Methods<5> = Methods::new([
    unary(c"dump", dump, docstring!("pickler_dump")),
    nullary(c"clear_memo", clear_memo, docstring!("pickler_clear_memo")),
    nullary(c"__sizeof__", memory_size, c"__sizeof__($self, /)\n--\n\nReturn the size in memory, in bytes."),
    #[cfg(Py_3_13)]
    unary(c"persistent_id", persistent_id, docstring!("pickler_persistent_id")),
    #[cfg(not(Py_3_13))]
    END,
    END,
]);

struct Statics<T>(UnsafeCell<T>);

// SAFETY: CPython only reads what these hold, although it takes pointers that would allow more.
unsafe impl<T> Sync for Statics<T> {}

static MEMBERS: Statics<[PyMemberDef; 4]> = Statics(UnsafeCell::new([
    member(c"bin", Py_T_INT, offset_of!(PicklerObject, pickler.bin), docstring!("pickler_bin")),
    member(c"fast", Py_T_INT, offset_of!(PicklerObject, pickler.fast), docstring!("pickler_fast")),
    member(
        c"dispatch_table",
        Py_T_OBJECT_EX,
        offset_of!(PicklerObject, pickler.dispatch_table),
        docstring!("pickler_dispatch_table"),
    ),
    // SAFETY: all zeros are what ends the table.
    unsafe { std::mem::zeroed() },
]));

const fn member(name: &'static CStr, kind: c_int, offset: usize, doc: &'static CStr) -> PyMemberDef {
    PyMemberDef {
        name: name.as_ptr(),
        type_code: kind,
        offset: offset as Py_ssize_t,
        flags: 0,
        doc: doc.as_ptr(),
    }
}

const fn property(name: &'static CStr, get: getter, set: setter, doc: &'static CStr) -> PyGetSetDef {
    PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get),
        set: Some(set),
        doc: doc.as_ptr(),
        closure: ptr::null_mut(),
    }
}

static PROPERTIES: Statics<[PyGetSetDef; 3]> = Statics(UnsafeCell::new([
    property(c"memo", get_memo, set_memo, docstring!("pickler_memo")),
    #[cfg(not(Py_3_13))]
    property(c"persistent_id", get_persistent_id, set_persistent_id, docstring!("pickler_persistent_id")),
    #[cfg(Py_3_13)]
    // SAFETY: all zeros are what ends the table.
    unsafe {
        std::mem::zeroed()
    },
    // SAFETY: all zeros are what ends the table.
    unsafe { std::mem::zeroed() },
]));

/// The type, for a new module.
pub(crate) fn new_type(module: Ref<'_>) -> Result<Owned> {
    let mut slots = [
        slot(Py_tp_doc, docstring!("pickler").as_ptr().cast_mut().cast()),
        slot(Py_tp_new, new as *mut c_void),
        slot(Py_tp_init, init as *mut c_void),
        slot(Py_tp_dealloc, dealloc as *mut c_void),
        slot(Py_tp_traverse, traverse as *mut c_void),
        slot(Py_tp_clear, clear as *mut c_void),
        slot(Py_tp_methods, METHODS.as_ptr().cast()),
        slot(Py_tp_members, MEMBERS.0.get().cast()),
        slot(Py_tp_getset, PROPERTIES.0.get().cast()),
        #[cfg(Py_3_13)]
        slot(Py_tp_getattro, get_attribute as *mut c_void),
        #[cfg(Py_3_13)]
        slot(Py_tp_setattro, set_attribute as *mut c_void),
        slot(0, ptr::null_mut()),
    ];
    let flags = Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | IMMUTABLE;
    // SAFETY: the slots are functions for `PicklerObject`.
    unsafe { types::new_type(module, c"brinery.Pickler", size_of::<PicklerObject>(), flags, &mut slots) }
}

/// The settings and memo of a `Pickler` object.
///
/// # Safety
///
/// `object` is an instance of our type, and the result is not used after its life. No reference made from it may
/// be held while Python code runs.
pub(crate) unsafe fn inner(object: *mut PyObject) -> NonNull<Pickler> {
    // SAFETY: by contract.
    unsafe { NonNull::new_unchecked(&raw mut (*object.cast::<PicklerObject>()).pickler) }
}

unsafe extern "C" fn new(kind: *mut PyTypeObject, _: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: a heap type of ours or a subclass has `tp_alloc`; the memory it returns fits the object.
        unsafe {
            let allocate = (*kind).tp_alloc.unwrap_or(PyType_GenericAlloc);
            let object = Owned::from_result(allocate(kind, 0))?;
            inner(object.as_ptr()).write(Pickler::new());
            Ok(object)
        }
    })
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: CPython calls this once, with an object of ours that nobody refers to.
    unsafe {
        PyObject_GC_UnTrack(object.cast());
        inner(object).drop_in_place();
        let kind = Py_TYPE(object);
        if let Some(free) = (*kind).tp_free {
            free(object.cast());
        }
        Py_DECREF(kind.cast());
    }
}

unsafe extern "C" fn traverse(object: *mut PyObject, visit: visitproc, arg: *mut c_void) -> c_int {
    // SAFETY: the collector calls this on a live object while no other code runs.
    unsafe {
        let pickler = inner(object).as_ref();
        let fixed = [
            Some(Py_TYPE(object).cast::<PyObject>()),
            pickler.write.as_ref().map(Owned::as_ptr),
            pickler.dispatch_table.as_ref().map(Owned::as_ptr),
            pickler.persistent_id.as_ref().map(Owned::as_ptr),
            pickler.buffer_callback.as_ref().map(Owned::as_ptr),
        ];
        let memo = pickler.memo.held().map(Ref::as_ptr);
        for member in fixed.into_iter().flatten().chain(memo) {
            let status = visit(member, arg);
            if status != 0 {
                return status;
            }
        }
        0
    }
}

unsafe extern "C" fn clear(object: *mut PyObject) -> c_int {
    // SAFETY: the collector calls this on a live object. Everything is moved out before any of it is dropped.
    unsafe {
        let pickler = inner(object).as_mut();
        let held = (
            pickler.write.take(),
            pickler.dispatch_table.take(),
            pickler.persistent_id.take(),
            pickler.buffer_callback.take(),
            std::mem::take(&mut pickler.memo),
        );
        drop(held);
    }
    0
}

const INIT: Signature<4> = Signature {
    function: "Pickler",
    names: ["file", "protocol", "fix_imports", "buffer_callback"],
    positional_only: 0,
    positional: 4,
    required: 1,
};

unsafe extern "C" fn init(object: *mut PyObject, args: *mut PyObject, kwargs: *mut PyObject) -> c_int {
    guard_status(|| {
        // SAFETY: CPython calls this with an object of ours, a tuple, and null or a dict.
        let (this, arguments) = unsafe { (Ref::new(object), INIT.parse_tuple(args, kwargs)?) };
        let state = State::of_type(this.type_ptr())?;
        let [file, protocol, fix_imports, callback] = arguments;
        // SAFETY: the object is ours; the reference ends before what it held is dropped.
        let old = unsafe {
            let pickler = inner(object).as_mut();
            if pickler.running {
                return Err(error::runtime_error("this Pickler is already dumping an object"));
            }
            // Initialising again begins anew; what was set before the first time is kept.
            pickler.write.is_some().then(|| std::mem::replace(pickler, Pickler::new()))
        };
        drop(old);
        let mut fresh = Pickler::new();
        fresh.configure(some(protocol), flag(fix_imports, true)?, some(callback))?;
        fresh.write = Some(crate::save::writer(state, file)?);
        // A class attribute or descriptor of a subclass, or what was set on the instance before.
        fresh.dispatch_table = this.lookup_attr(state.names.dispatch_table.as_ref())?;
        // SAFETY: the object is ours; the reference ends before what it held is dropped.
        let old = unsafe {
            let pickler = inner(object).as_mut();
            fresh.memo = std::mem::take(&mut pickler.memo);
            fresh.persistent_id = pickler.persistent_id.take();
            std::mem::replace(pickler, fresh)
        };
        drop(old);
        Ok(())
    })
}

unsafe extern "C" fn dump(object: *mut PyObject, value: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with an object of ours and another.
        let (this, value) = unsafe { (Ref::new(object), Ref::new(value)) };
        let state = State::of_type(this.type_ptr())?;
        // SAFETY: the object is ours and alive during the call; the reference ends here.
        let initialized = unsafe { inner(object).as_ref() }.write.is_some();
        if !initialized {
            let name = this.type_name();
            return Err(
                state.pickling_error(&format!("Pickler.__init__() was not called by {name}.__init__()"))
            );
        }
        let hooks = hooks(state, this)?;
        // SAFETY: the object is alive during the call; methods and attributes keep no references into it.
        unsafe { Dump::run(state, inner(object), hooks, value, true)? };
        Ok(Owned::none())
    })
}

/// The hooks of a pickler, as they stand now.
fn hooks(state: &State, this: Ref<'_>) -> Result<Hooks> {
    let names = &state.names;
    // SAFETY: the object is ours; the reference ends with the statement.
    let mut hooks = unsafe {
        let pickler = inner(this.as_ptr()).as_ref();
        Hooks {
            persistent_id: pickler.persistent_id.clone(),
            reducer_override: None,
            buffer_callback: pickler.buffer_callback.clone(),
        }
    };
    if this.type_ref().is(state.types.pickler.as_ref()) {
        return Ok(hooks);
    }
    hooks.reducer_override = this.lookup_attr(names.reducer_override.as_ref())?;
    // Of a subclass, what its attribute is now.
    let table = this.lookup_attr(names.dispatch_table.as_ref())?;
    // SAFETY: the object is ours; the reference ends before what it held is dropped.
    let old = unsafe { std::mem::replace(&mut inner(this.as_ptr()).as_mut().dispatch_table, table) };
    drop(old);
    hooks.persistent_id =
        this.lookup_attr(names.persistent_id.as_ref())?.filter(|hook| !is_default_persistent_id(hook, this));
    Ok(hooks)
}

#[cfg(Py_3_13)]
fn is_default_persistent_id(hook: &Owned, this: Ref<'_>) -> bool {
    // SAFETY: the functions are asked of a native function only.
    unsafe {
        PyCFunction_Check(hook.as_ptr()) != 0
            && PyCFunction_GetSelf(hook.as_ptr()) == this.as_ptr()
            && PyCFunction_GetFunction(hook.as_ptr())
                .is_some_and(|function| ptr::fn_addr_eq(function, persistent_id as PyCFunction))
    }
}

#[cfg(not(Py_3_13))]
fn is_default_persistent_id(_: &Owned, _: Ref<'_>) -> bool {
    false
}

unsafe extern "C" fn clear_memo(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with an object of ours; the memo is moved out before it is dropped.
        let old = unsafe { inner(object).as_mut().replace_memo(Memo::default()) };
        drop(old);
        Ok(Owned::none())
    })
}

unsafe extern "C" fn memory_size(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with an object of ours.
        let (basic, memo) = unsafe { ((*Py_TYPE(object)).tp_basicsize, inner(object).as_ref().memo.size()) };
        Owned::int(basic as i64 + memo as i64)
    })
}

unsafe extern "C" fn get_memo(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with an object of ours.
        let this = unsafe { Ref::new(object) };
        pickler_memo::new(State::of_type(this.type_ptr())?, this)
    })
}

unsafe extern "C" fn set_memo(object: *mut PyObject, value: *mut PyObject, _: *mut c_void) -> c_int {
    guard_status(|| {
        // SAFETY: CPython calls this with an object of ours and null or another.
        let (this, value) = unsafe { (Ref::new(object), Ref::from_nullable(value)) };
        let Some(value) = value else {
            return Err(error::type_error("attribute deletion is not supported"));
        };
        let state = State::of_type(this.type_ptr())?;
        let memo = if value.type_ref().is(state.types.pickler_memo.as_ref()) {
            // SAFETY: the object is a proxy of ours, which keeps its pickler alive.
            unsafe { inner(pickler_memo::pickler(value)).as_ref().memo.clone() }
        } else if value.is_dict() {
            memo_from_dict(value)?
        } else {
            return Err(error::type_error(&format!(
                "'memo' attribute must be a PicklerMemoProxy object or dict, not {}",
                value.type_name()
            )));
        };
        // SAFETY: the object is ours; the old memo is moved out before it is dropped.
        let old = unsafe { inner(object).as_mut().replace_memo(memo) };
        drop(old);
        Ok(())
    })
}

/// A memo from the form that a proxy's `copy()` has: id → (index, object).
fn memo_from_dict(dict: Ref<'_>) -> Result<Memo> {
    let mut memo = Memo::default();
    let (mut position, mut key, mut value) = (0, ptr::null_mut(), ptr::null_mut());
    // SAFETY: the object is a dict; nothing in the loop runs Python code.
    while unsafe { PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) } != 0 {
        // SAFETY: `PyDict_Next` succeeded; a tuple of two has both items.
        let (index, object) = unsafe {
            let pair = Ref::new(value);
            if !pair.is_tuple() || PyTuple_GET_SIZE(pair.as_ptr()) != 2 {
                return Err(error::type_error("'memo' values must be 2-item tuples"));
            }
            (PyLong_AsSsize_t(PyTuple_GET_ITEM(value, 0)), Ref::new(PyTuple_GET_ITEM(value, 1)))
        };
        if index == -1 && error::occurred() {
            return Err(Raised);
        }
        let index =
            usize::try_from(index).map_err(|_| error::value_error("'memo' indexes must not be negative"))?;
        memo.set(object, index);
    }
    Ok(memo)
}

#[cfg(not(Py_3_13))]
unsafe extern "C" fn get_persistent_id(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with an object of ours.
        let hook = unsafe { inner(object).as_ref() }.persistent_id.clone();
        hook.ok_or_else(|| error::attribute_error("persistent_id"))
    })
}

#[cfg(not(Py_3_13))]
unsafe extern "C" fn set_persistent_id(object: *mut PyObject, value: *mut PyObject, _: *mut c_void) -> c_int {
    guard_status(|| {
        // SAFETY: CPython calls this with an object of ours and null or another.
        let value = unsafe { Ref::from_nullable(value) };
        let Some(value) = value else {
            return Err(error::type_error("attribute deletion is not supported"));
        };
        if !value.is_callable() {
            return Err(error::type_error("persistent_id must be a callable taking one argument"));
        }
        // SAFETY: the object is ours; the old hook is moved out before it is dropped.
        let old = unsafe { inner(object).as_mut().persistent_id.replace(value.to_owned()) };
        drop(old);
        Ok(())
    })
}

#[cfg(Py_3_13)]
unsafe extern "C" fn persistent_id(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    guard(|| Ok(Owned::none()))
}

#[cfg(Py_3_13)]
unsafe extern "C" fn get_attribute(object: *mut PyObject, name: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with an object of ours and a name.
        unsafe {
            if is_persistent_id(name)
                && let Some(hook) = inner(object).as_ref().persistent_id.clone()
            {
                return Ok(hook);
            }
            Owned::from_result(PyObject_GenericGetAttr(object, name))
        }
    })
}

#[cfg(Py_3_13)]
unsafe extern "C" fn set_attribute(
    object: *mut PyObject,
    name: *mut PyObject,
    value: *mut PyObject,
) -> c_int {
    guard_status(|| {
        // SAFETY: CPython calls this with an object of ours, a name, and null or a value; the old hook is moved
        // out before it is dropped.
        unsafe {
            if !is_persistent_id(name) {
                return crate::ffi::check(PyObject_GenericSetAttr(object, name, value));
            }
            let value = Ref::from_nullable(value).map(Ref::to_owned);
            let old = std::mem::replace(&mut inner(object).as_mut().persistent_id, value);
            drop(old);
            Ok(())
        }
    })
}

#[cfg(Py_3_13)]
fn is_persistent_id(name: *mut PyObject) -> bool {
    // SAFETY: CPython calls attribute slots with a name that is not null.
    let name = unsafe { Ref::new(name) };
    name.is_str() && crate::ffi::text::equals(name, "persistent_id")
}
