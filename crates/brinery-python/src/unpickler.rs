//! The type `Unpickler`.

use crate::arguments::{Signature, some};
use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, error};
use crate::load::{
    Aids, Buffers, Builder, File, FileSource, Guarded, Hook, Hooks, Options, SharedMemo, Visible,
};
use crate::methods::{END, Methods, docstring, guard, guard_status, nullary, positional};
use crate::state::State;
use crate::types::{self, IMMUTABLE, slot};
use crate::unpickler_memo;
use brinery::read::{Machine, Memo};
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// An instance of `Unpickler`.
#[repr(C)]
pub(crate) struct UnpicklerObject {
    base: PyObject,
    parts: Parts,
}

/// What an Unpickler is made of.
struct Parts {
    /// Whether a thread is in `load` or `__init__` and thereby owns `input`.
    busy: AtomicBool,
    visible: Visible,
    memo: SharedMemo,
    persistent_load: Guarded<Option<Hook>>,
    /// What `brinery.policy` needs to load under a policy: a tuple.
    policy: Guarded<Option<Owned>>,
    /// `None` before `__init__`.
    input: UnsafeCell<Option<Input>>,
}

/// What only the load that is running uses.
struct Input {
    options: Options,
    /// What reads the file, unless that is done under a policy.
    reader: Option<Reader>,
}

/// What reads a file from pickle to pickle.
struct Reader {
    source: FileSource,
    machine: Machine<Owned>,
    aids: Aids,
}

impl Default for Parts {
    fn default() -> Self {
        Parts {
            busy: AtomicBool::new(false),
            visible: Visible::default(),
            memo: SharedMemo::default(),
            persistent_load: Guarded::new(None),
            policy: Guarded::new(None),
            input: UnsafeCell::new(None),
        }
    }
}

/// The right to use the input of an Unpickler, until it is dropped.
struct Lock<'a>(&'a Parts);

impl<'a> Lock<'a> {
    fn new(parts: &'a Parts) -> Result<Self> {
        if parts.busy.swap(true, Ordering::Acquire) {
            return Err(error::runtime_error(
                "this Unpickler is already loading: it can be used again when that load has ended",
            ));
        }
        Ok(Lock(parts))
    }

    fn input(&mut self) -> &mut Option<Input> {
        // SAFETY: `busy` was clear when this lock set it, so that nobody else uses the input.
        unsafe { &mut *self.0.input.get() }
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Release);
    }
}

static METHODS: Methods<5> = Methods::new([
    nullary(c"load", load, docstring!("unpickler_load")),
    positional(c"find_class", find_class, docstring!("unpickler_find_class")),
    nullary(c"__sizeof__", memory_size, c"__sizeof__($self, /)\n--\n\nReturn the size in memory, in bytes."),
    #[cfg(Py_3_13)]
    crate::methods::unary(
        c"persistent_load",
        persistent_load_method,
        docstring!("unpickler_persistent_load"),
    ),
    #[cfg(not(Py_3_13))]
    END,
    END,
]);

struct Properties(UnsafeCell<[PyGetSetDef; 3]>);

// SAFETY: CPython only reads the table, although it takes a pointer that would allow more.
unsafe impl Sync for Properties {}

const fn property(name: &'static CStr, get: getter, set: setter, doc: &'static CStr) -> PyGetSetDef {
    PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get),
        set: Some(set),
        doc: doc.as_ptr(),
        closure: ptr::null_mut(),
    }
}

/// What ends a table of properties.
const NO_PROPERTY: PyGetSetDef =
    PyGetSetDef { name: ptr::null(), get: None, set: None, doc: ptr::null(), closure: ptr::null_mut() };

static PROPERTIES: Properties = Properties(UnsafeCell::new([
    property(c"memo", get_memo, set_memo, docstring!("unpickler_memo")),
    #[cfg(not(Py_3_13))]
    property(
        c"persistent_load",
        get_persistent_load,
        set_persistent_load,
        docstring!("unpickler_persistent_load"),
    ),
    #[cfg(Py_3_13)]
    NO_PROPERTY,
    NO_PROPERTY,
]));

/// The type, for a new module.
pub(crate) fn new_type(module: Ref<'_>) -> Result<Owned> {
    let mut slots = [
        slot(Py_tp_doc, docstring!("unpickler").as_ptr().cast_mut().cast()),
        slot(Py_tp_new, new as *mut c_void),
        slot(Py_tp_init, init as *mut c_void),
        slot(Py_tp_dealloc, dealloc as *mut c_void),
        slot(Py_tp_traverse, traverse as *mut c_void),
        slot(Py_tp_clear, clear as *mut c_void),
        slot(Py_tp_methods, METHODS.as_ptr().cast()),
        slot(Py_tp_getset, PROPERTIES.0.get().cast()),
        #[cfg(Py_3_13)]
        slot(Py_tp_getattro, get_attribute as *mut c_void),
        #[cfg(Py_3_13)]
        slot(Py_tp_setattro, set_attribute as *mut c_void),
        slot(0, ptr::null_mut()),
    ];
    let flags = Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | IMMUTABLE;
    // SAFETY: the slots are functions for `UnpicklerObject`.
    unsafe { types::new_type(module, c"brinery.Unpickler", size_of::<UnpicklerObject>(), flags, &mut slots) }
}

/// The parts of an Unpickler.
///
/// # Safety
///
/// The object is an instance of our type.
unsafe fn parts(object: Ref<'_>) -> &Parts {
    // SAFETY: by contract; `new` has made the parts, and they live as long as the object.
    unsafe { &(*object.as_ptr().cast::<UnpicklerObject>()).parts }
}

/// The memo of an Unpickler.
///
/// # Safety
///
/// The object is an instance of our type.
pub(crate) unsafe fn memo(object: Ref<'_>) -> &SharedMemo {
    // SAFETY: by contract.
    &unsafe { parts(object) }.memo
}

unsafe extern "C" fn new(kind: *mut PyTypeObject, _: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: a heap type of ours or a subclass has `tp_alloc`; the memory it returns fits the object, and
        // nothing looks at it before the parts are in place.
        unsafe {
            let allocate = (*kind).tp_alloc.unwrap_or(PyType_GenericAlloc);
            let object = Owned::from_result(allocate(kind, 0))?;
            (&raw mut (*object.as_ptr().cast::<UnpicklerObject>()).parts).write(Parts::default());
            Ok(object)
        }
    })
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: CPython calls this once, with an object of ours that nobody refers to.
    unsafe {
        PyObject_GC_UnTrack(object.cast());
        (&raw mut (*object.cast::<UnpicklerObject>()).parts).drop_in_place();
        let kind = Py_TYPE(object);
        if let Some(free) = (*kind).tp_free {
            free(object.cast());
        }
        Py_DECREF(kind.cast());
    }
}

unsafe extern "C" fn traverse(object: *mut PyObject, visit: visitproc, arg: *mut c_void) -> c_int {
    // SAFETY: the collector calls this on a live object while no Python code runs. The input of a load that is
    // running is left out, which makes its objects count as reachable, as they are.
    unsafe {
        let visit = |object: *mut PyObject| visit(object, arg);
        let this = parts(Ref::new(object));
        let mut status = visit(Py_TYPE(object).cast());
        if status == 0 {
            status = this.memo.traverse(|object| visit(object.as_ptr()));
        }
        if status == 0 {
            status = this
                .persistent_load
                .with(|hook| hook.as_ref().map_or(0, |hook| visit(hook.callable.as_ptr())));
        }
        if status == 0 {
            status = this.policy.with(|policy| policy.as_ref().map_or(0, |policy| visit(policy.as_ptr())));
        }
        if status == 0
            && !this.busy.load(Ordering::Relaxed)
            && let Some(input) = &*this.input.get()
        {
            let methods = input.reader.iter().flat_map(|reader| reader.source.methods());
            let mut members = methods.chain(input.options.buffers.as_ref().map(Buffers::source));
            status = members.map_while_zero(|object| visit(object.as_ptr()));
        }
        status
    }
}

/// Visits until something is not zero.
trait Visit: Iterator + Sized {
    fn map_while_zero(&mut self, visit: impl FnMut(Self::Item) -> c_int) -> c_int {
        self.map(visit).find(|&status| status != 0).unwrap_or(0)
    }
}

impl<I: Iterator> Visit for I {}

unsafe extern "C" fn clear(object: *mut PyObject) -> c_int {
    // SAFETY: the collector calls this on a live object.
    let this = unsafe { parts(Ref::new(object)) };
    this.persistent_load.replace(None);
    drop(this.policy.replace(None));
    this.memo.replace(Memo::default());
    if let Ok(mut lock) = Lock::new(this) {
        let input = lock.input().take();
        drop(lock);
        drop(input);
    } else {
        error::clear();
    }
    0
}

const INIT: Signature<6> = Signature {
    function: "Unpickler",
    names: ["file", "fix_imports", "encoding", "errors", "buffers", "policy"],
    positional_only: 0,
    positional: 1,
    required: 1,
};

unsafe extern "C" fn init(object: *mut PyObject, args: *mut PyObject, kwargs: *mut PyObject) -> c_int {
    guard_status(|| {
        // SAFETY: CPython calls this with an object of ours, a tuple, and null or a dict.
        let (object, arguments) = unsafe { (Ref::new(object), INIT.parse_tuple(args, kwargs)?) };
        // SAFETY: the object is ours.
        let this = unsafe { parts(object) };
        let state = State::of_type(object.type_ptr())?;
        let [Some(file), arguments @ .., policy] = arguments else { return Err(Raised) };
        let mut lock = Lock::new(this)?;
        if lock.input().take().is_some() {
            // Called again: nothing of the first life stays.
            this.persistent_load.replace(None);
        }
        let mut options = Options::new("Unpickler", arguments)?;
        options.buffers = options.buffers.map(Buffers::into_iterator).transpose()?;
        let ruled = some(policy)
            .map(|policy| crate::policy::prepare(state, file, policy, arguments, &options))
            .transpose()?;
        let reader = if ruled.is_some() {
            crate::load::must_be_file(state, file)?;
            None
        } else {
            let source = FileSource::new(File::new(state, file)?)?;
            Some(Reader { source, machine: Machine::new(), aids: Aids::default() })
        };
        drop(this.policy.replace(ruled));
        this.visible.fix_imports.store(options.fix_imports, Ordering::Relaxed);
        this.memo.replace(Memo::default());
        #[cfg(not(Py_3_13))]
        if !object.type_ref().is(state.types.unpickler.as_ref()) {
            keep_persistent_load(this, state, object)?;
        }
        *lock.input() = Some(Input { options, reader });
        Ok(())
    })
}

unsafe extern "C" fn load(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with an object of ours.
        let (object, this) = unsafe { (Ref::new(object), parts(Ref::new(object))) };
        let state = State::of_type(object.type_ptr())?;
        let mut lock = Lock::new(this)?;
        let Some(input) = lock.input() else {
            let name = object.type_name();
            return Err(
                state.unpickling_error(&format!("Unpickler.__init__() was not called by {name}.__init__()"))
            );
        };
        let Input { options, reader } = input;
        let is_plain = object.type_ref().is(state.types.unpickler.as_ref());
        let Some(Reader { source, machine, aids }) = reader else {
            // SAFETY: taking a reference runs no Python code, nor does looking whether there is something.
            let (ruled, has_hook) = unsafe {
                (this.policy.with(|policy| policy.clone()), this.persistent_load.with(|hook| hook.is_some()))
            };
            let Some(ruled) = ruled else {
                return Err(error::runtime_error("this Unpickler has been cleared"));
            };
            return crate::policy::load_next(state, object, ruled.as_ref(), options, !is_plain || has_hook);
        };
        let hooks = Hooks {
            visible: &this.visible,
            find_class: (!is_plain).then_some(object),
            unpickler: Some(object),
        };
        let buffers = options.buffers.as_ref();
        let mut builder = Builder::new(state, &this.memo, &options.strings, buffers, hooks, aids);
        builder.expect(None);
        source.start();
        // SAFETY: the source is a `FileSource`.
        unsafe { builder.reads_file() };
        crate::load::run(machine, source, &mut builder)
    })
}

unsafe extern "C" fn find_class(
    object: *mut PyObject,
    args: *mut *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    guard(|| {
        if count != 2 {
            return Err(error::type_error(&format!("find_class expected 2 arguments, got {count}")));
        }
        // SAFETY: CPython calls this with an object of ours and `count` arguments.
        let (object, module, name) = unsafe { (Ref::new(object), Ref::new(*args), Ref::new(*args.add(1))) };
        // SAFETY: as above.
        let visible = unsafe { &parts(object).visible };
        let protocol = visible.protocol.load(Ordering::Relaxed);
        let fix_imports = visible.fix_imports.load(Ordering::Relaxed);
        let state = State::of_type(object.type_ptr())?;
        crate::load::find_class(state, module, name, protocol, fix_imports)
    })
}

unsafe extern "C" fn memory_size(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with an object of ours.
        let (basic, memo) = unsafe { ((*Py_TYPE(object)).tp_basicsize, memo(Ref::new(object)).size()) };
        Owned::int(basic as i64 + memo as i64)
    })
}

unsafe extern "C" fn get_memo(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with an object of ours.
        let object = unsafe { Ref::new(object) };
        unpickler_memo::new(State::of_type(object.type_ptr())?, object)
    })
}

unsafe extern "C" fn set_memo(object: *mut PyObject, value: *mut PyObject, _: *mut c_void) -> c_int {
    guard_status(|| {
        // SAFETY: CPython calls this with an object of ours and null or another.
        let (object, value) = unsafe { (Ref::new(object), Ref::from_nullable(value)) };
        let Some(value) = value else {
            return Err(error::type_error("attribute deletion is not supported"));
        };
        let state = State::of_type(object.type_ptr())?;
        let entries = if value.type_ref().is(state.types.unpickler_memo.as_ref()) {
            // SAFETY: the object is a proxy of ours.
            unsafe { unpickler_memo::entries(value) }
        } else if value.is_dict() {
            entries_of_dict(value)?
        } else {
            return Err(error::type_error(&format!(
                "'memo' attribute must be an UnpicklerMemoProxy object or dict, not {}",
                value.type_name()
            )));
        };
        let mut new = Memo::default();
        let replaced: Vec<_> = entries.into_iter().map(|(index, value)| new.insert(index, value)).collect();
        // SAFETY: the object is ours.
        let old = unsafe { memo(object) }.replace(new);
        drop((old, replaced));
        Ok(())
    })
}

/// The memo entries that a dict describes.
fn entries_of_dict(dict: Ref<'_>) -> Result<Vec<(u64, Owned)>> {
    let mut entries = Vec::new();
    let (mut position, mut key, mut value) = (0, ptr::null_mut(), ptr::null_mut());
    // SAFETY: the object is a dict, and nothing in the loop runs Python code.
    while unsafe { PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) } != 0 {
        // SAFETY: the dict keeps key and value alive.
        let (key, value) = unsafe { (Ref::new(key), Ref::new(value)) };
        if !key.is_long() {
            return Err(error::type_error("memo key must be integers"));
        }
        // SAFETY: the key is an int.
        let index = unsafe { PyLong_AsSsize_t(key.as_ptr()) };
        if index == -1 && error::occurred() {
            return Err(Raised);
        }
        let index =
            u64::try_from(index).map_err(|_| error::value_error("memo key must be positive integers."))?;
        entries.push((index, value.to_owned()));
    }
    Ok(entries)
}

/// Sets the error for a persistent id that nothing can resolve.
#[cold]
pub(crate) fn no_persistent_load(state: &State) -> Raised {
    state.unpickling_error(if cfg!(Py_3_12) {
        "A load persistent id instruction was encountered, but no persistent_load function was specified."
    } else {
        "A load persistent id instruction was encountered,\nbut no persistent_load function was specified."
    })
}

/// The object that the `persistent_load` of an Unpickler has for an id.
pub(crate) fn persistent_object(unpickler: Ref<'_>, state: &State, id: Ref<'_>) -> Result<Owned> {
    #[cfg(Py_3_13)]
    {
        unpickler.getattr(state.names.persistent_load.as_ref())?.call1(id)
    }
    #[cfg(not(Py_3_13))]
    // SAFETY: the object is an Unpickler; copying references runs no Python code.
    match unsafe { parts(unpickler).persistent_load.with(|hook| hook.clone()) } {
        Some(Hook { callable, is_method: true }) => callable.call(&[unpickler, id]),
        Some(Hook { callable, is_method: false }) => callable.call1(id),
        None => Err(no_persistent_load(state)),
    }
}

#[cfg(not(Py_3_13))]
mod until_3_12 {
    //! `persistent_load` is looked up when the Unpickler is made, and setting it later replaces what was found.

    use super::*;

    unsafe extern "C" {
        static mut PyMethod_Type: PyTypeObject;
        fn PyMethod_New(function: *mut PyObject, instance: *mut PyObject) -> *mut PyObject;
        fn PyMethod_Function(method: *mut PyObject) -> *mut PyObject;
        fn PyMethod_Self(method: *mut PyObject) -> *mut PyObject;
    }

    /// Keeps what the attribute `persistent_load` is now.
    pub(super) fn keep_persistent_load(this: &Parts, state: &State, object: Ref<'_>) -> Result<()> {
        let Some(found) = object.lookup_attr(state.names.persistent_load.as_ref())? else {
            return Ok(());
        };
        // SAFETY: function and instance are asked of a bound method only, which keeps them alive.
        let hook = unsafe {
            if found.is_exactly(&raw mut PyMethod_Type)
                && ptr::eq(PyMethod_Self(found.as_ptr()), object.as_ptr())
            {
                let callable = Ref::new(PyMethod_Function(found.as_ptr())).to_owned();
                Hook { callable, is_method: true }
            } else {
                Hook { callable: found, is_method: false }
            }
        };
        this.persistent_load.replace(Some(hook));
        Ok(())
    }

    pub(super) unsafe extern "C" fn get_persistent_load(
        object: *mut PyObject,
        _: *mut c_void,
    ) -> *mut PyObject {
        guard(|| {
            // SAFETY: CPython calls this with an object of ours; copying references runs no Python code.
            match unsafe { parts(Ref::new(object)).persistent_load.with(|hook| hook.clone()) } {
                // SAFETY: function and instance are alive.
                Some(Hook { callable, is_method: true }) => unsafe {
                    Owned::from_result(PyMethod_New(callable.as_ptr(), object))
                },
                Some(Hook { callable, is_method: false }) => Ok(callable),
                None => Err(error::attribute_error("persistent_load")),
            }
        })
    }

    pub(super) unsafe extern "C" fn set_persistent_load(
        object: *mut PyObject,
        value: *mut PyObject,
        _: *mut c_void,
    ) -> c_int {
        guard_status(|| {
            // SAFETY: CPython calls this with an object of ours and null or another.
            let (this, value) = unsafe { (parts(Ref::new(object)), Ref::from_nullable(value)) };
            let Some(value) = value else {
                return Err(error::type_error("attribute deletion is not supported"));
            };
            if !value.is_callable() {
                return Err(error::type_error("persistent_load must be a callable taking one argument"));
            }
            this.persistent_load.replace(Some(Hook { callable: value.to_owned(), is_method: false }));
            Ok(())
        })
    }
}
#[cfg(not(Py_3_13))]
use until_3_12::{get_persistent_load, keep_persistent_load, set_persistent_load};

#[cfg(Py_3_13)]
mod since_3_13 {
    //! `persistent_load` is a method, which an attribute of the instance shadows.

    use super::*;

    pub(super) unsafe extern "C" fn persistent_load_method(
        object: *mut PyObject,
        _: *mut PyObject,
    ) -> *mut PyObject {
        guard(|| {
            // SAFETY: CPython calls this with an object of ours.
            let object = unsafe { Ref::new(object) };
            Err(no_persistent_load(State::of_type(object.type_ptr())?))
        })
    }

    pub(super) unsafe extern "C" fn get_attribute(
        object: *mut PyObject,
        name: *mut PyObject,
    ) -> *mut PyObject {
        guard(|| {
            // SAFETY: CPython calls this with an object of ours and a name; copying references runs no Python code.
            unsafe {
                if is_persistent_load(name)
                    && let Some(hook) = parts(Ref::new(object)).persistent_load.with(|hook| hook.clone())
                {
                    return Ok(hook.callable);
                }
                Owned::from_result(PyObject_GenericGetAttr(object, name))
            }
        })
    }

    pub(super) unsafe extern "C" fn set_attribute(
        object: *mut PyObject,
        name: *mut PyObject,
        value: *mut PyObject,
    ) -> c_int {
        guard_status(|| {
            // SAFETY: CPython calls this with an object of ours, a name, and null or a value.
            unsafe {
                if !is_persistent_load(name) {
                    return crate::ffi::check(PyObject_GenericSetAttr(object, name, value));
                }
                let callable = Ref::from_nullable(value).map(Ref::to_owned);
                let hook = callable.map(|callable| Hook { callable });
                parts(Ref::new(object)).persistent_load.replace(hook);
                Ok(())
            }
        })
    }

    fn is_persistent_load(name: *mut PyObject) -> bool {
        // SAFETY: CPython calls attribute slots with a name that is not null.
        let name = unsafe { Ref::new(name) };
        name.is_str() && crate::ffi::text::equals(name, "persistent_load")
    }
}
#[cfg(Py_3_13)]
use since_3_13::{get_attribute, persistent_load_method, set_attribute};
