//! What the module knows: interned names, exception classes, its types and the registries of the standard library.
//!
//! One [`State`] belongs to each module object, so that every interpreter in a process has its own.

use crate::ffi::api::*;
use crate::ffi::layout::Layout;
use crate::ffi::{Owned, Raised, Ref, Result, error};
use std::ptr;

macro_rules! names {
    ($($field:ident)*) => {
        /// Interned attribute names.
        #[allow(non_snake_case, reason = "a class is among them")]
        pub(crate) struct Names {
            $( pub(crate) $field: Owned, )*
        }

        impl Names {
            fn new() -> Result<Self> {
                Ok(Names { $( $field: Owned::interned(stringify!($field))?, )* })
            }
        }
    };
}

names! {
    ChainMap SafeUUID _initializing _keys _member_map_ __class__ __dict__ __fspath__ __getattribute__ __getitem__ __getinitargs__ __import__ __main__ __module__ __name__ __new__ __newobj__ __newobj_ex__ __qualname__
    Policy T __getnewargs__ __getnewargs_ex__ __getstate__ __reduce__ __reduce_ex__ __setattr__ __setstate__ __slotnames__ __spec__ _by_type _known _native add add_note append char dispatch_table dtype extend find_class getvalue int isnative items itemsize latin1 maps offset
    opcode path peek persistent_id persistent_load policy protocol read readinto readline reducer_override seek seekable tell unknown write
}

/// The exception classes of `pickle`, and our own.
pub(crate) struct Errors {
    pub(crate) pickle: Owned,
    pub(crate) pickling: Owned,
    pub(crate) unpickling: Owned,
    /// `SealError`
    pub(crate) seal: Owned,
}

impl Errors {
    /// The standard classes, which `except pickle.PicklingError` of any program catches.
    ///
    /// Where there is no stock engine to take them from, as in an interpreter built without it, they are made anew.
    fn new() -> Result<Self> {
        if let Ok(stock) = import("_pickle") {
            let class = |name: &str| stock.getattr(Owned::str(name)?.as_ref());
            if let (Ok(pickle), Ok(pickling), Ok(unpickling)) =
                (class("PickleError"), class("PicklingError"), class("UnpicklingError"))
            {
                return Ok(Errors { pickle, pickling, unpickling, seal: crate::seal::error_class()? });
            }
        }
        error::clear();
        // SAFETY: names and docs are C strings, and the base is null or a class.
        unsafe {
            let class = |name: &std::ffi::CStr, base: *mut PyObject| {
                Owned::from_result(PyErr_NewException(name.as_ptr(), base, ptr::null_mut()))
            };
            let pickle = class(c"_pickle.PickleError", ptr::null_mut())?;
            let pickling = class(c"_pickle.PicklingError", pickle.as_ptr())?;
            let unpickling = class(c"_pickle.UnpicklingError", pickle.as_ptr())?;
            Ok(Errors { pickle, pickling, unpickling, seal: crate::seal::error_class()? })
        }
    }
}

/// The registries of `copyreg`.
pub(crate) struct Copyreg {
    /// `dispatch_table`: type → reduction function
    pub(crate) dispatch_table: Owned,
    /// `_extension_registry`: (module, name) → code
    pub(crate) extension_registry: Owned,
    /// `_inverted_registry`: code → (module, name)
    pub(crate) inverted_registry: Owned,
    /// `_extension_cache`: code → object
    pub(crate) extension_cache: Owned,
}

/// The renamings between Python 2 and 3.
pub(crate) struct Compat {
    pub(crate) name_mapping_2to3: Owned,
    pub(crate) import_mapping_2to3: Owned,
    pub(crate) name_mapping_3to2: Owned,
    pub(crate) import_mapping_3to2: Owned,
}

/// The types that the module defines.
pub(crate) struct Types {
    pub(crate) pickler: Owned,
    pub(crate) pickler_memo: Owned,
    pub(crate) unpickler: Owned,
    pub(crate) unpickler_memo: Owned,
    pub(crate) seal: crate::seal::Types,
    pub(crate) unfinished_frozenset: Owned,
}

/// Classes of files whose ways are known.
pub(crate) struct Files {
    /// `io.BytesIO`
    pub(crate) bytes_io: Owned,
    /// `io.BufferedReader`
    pub(crate) buffered_reader: Owned,
}

/// Everything that belongs to one module object.
pub(crate) struct State {
    pub(crate) names: Names,
    pub(crate) errors: Errors,
    pub(crate) copyreg: Copyreg,
    pub(crate) compat: Compat,
    pub(crate) types: Types,
    pub(crate) files: Files,
    /// `codecs.encode`
    pub(crate) codecs_encode: Owned,
    /// `getattr`
    pub(crate) getattr: Owned,
    /// `copyreg.__newobj__`
    pub(crate) newobj: Owned,
    /// `()`
    pub(crate) empty_tuple: Owned,
    /// `None`, `False` and `True`
    pub(crate) constants: [Owned; 3],
    /// What is known of objects in memory, if anything is and may be used.
    pub(crate) layout: Option<Layout>,
    /// What loads use in turn.
    pub(crate) spare: crate::load::Spare,
    /// What dumps use in turn.
    pub(crate) spare_dump: crate::save::Spare,
    /// Where policies come from.
    pub(crate) policies: crate::policy::Home,
    /// What saving knows of classes.
    pub(crate) facts: crate::save::FactsCache,
    /// Whether objects may be saved and loaded in ways that skip the general protocol. For finding faults they can be
    /// turned off by the environment variable `BRINERY_FAST_PATHS=off`.
    pub(crate) fast_paths: bool,
    /// The exception that was given a place last.
    pub(crate) placed: crate::place::Placed,
}

/// The module `name`.
pub(crate) fn import(name: &str) -> Result<Owned> {
    let name = Owned::str(name)?;
    // SAFETY: the name is a str.
    unsafe { Owned::from_result(PyImport_Import(name.as_ptr())) }
}

/// `module.name`, which must be a dict.
fn dict_of(module: &Owned, name: &str) -> Result<Owned> {
    let dict = module.getattr(Owned::str(name)?.as_ref())?;
    if !dict.is_exactly(&raw mut PyDict_Type) {
        return Err(error::runtime_error(&format!("{name} should be a dict, not {}", dict.type_name())));
    }
    Ok(dict)
}

impl State {
    /// The state of a new module.
    pub(crate) fn new(module: Ref<'_>) -> Result<Self> {
        // A load that is refused has imported nothing: what its fence needs is there before.
        for module in ["_signal", "atexit"] {
            import(module)?;
        }
        let copyreg = import("copyreg")?;
        let compat = import("_compat_pickle")?;
        let fast_paths = std::env::var_os("BRINERY_FAST_PATHS").is_none_or(|value| value != "off");
        Ok(State {
            names: Names::new()?,
            errors: Errors::new()?,
            copyreg: Copyreg {
                dispatch_table: dict_of(&copyreg, "dispatch_table")?,
                extension_registry: dict_of(&copyreg, "_extension_registry")?,
                inverted_registry: dict_of(&copyreg, "_inverted_registry")?,
                extension_cache: dict_of(&copyreg, "_extension_cache")?,
            },
            compat: Compat {
                name_mapping_2to3: dict_of(&compat, "NAME_MAPPING")?,
                import_mapping_2to3: dict_of(&compat, "IMPORT_MAPPING")?,
                name_mapping_3to2: dict_of(&compat, "REVERSE_NAME_MAPPING")?,
                import_mapping_3to2: dict_of(&compat, "REVERSE_IMPORT_MAPPING")?,
            },
            types: Types {
                pickler: crate::pickler::new_type(module)?,
                pickler_memo: crate::pickler_memo::new_type(module)?,
                unpickler: crate::unpickler::new_type(module)?,
                unpickler_memo: crate::unpickler_memo::new_type(module)?,
                seal: crate::seal::Types::new(module)?,
                unfinished_frozenset: crate::load::unfinished_frozenset_type(module)?,
            },
            files: Files {
                bytes_io: import("_io")?.getattr(Owned::str("BytesIO")?.as_ref())?,
                buffered_reader: import("_io")?.getattr(Owned::str("BufferedReader")?.as_ref())?,
            },
            codecs_encode: import("codecs")?.getattr(Owned::str("encode")?.as_ref())?,
            newobj: copyreg.getattr(Owned::str("__newobj__")?.as_ref())?,
            getattr: import("builtins")?.getattr(Owned::str("getattr")?.as_ref())?,
            empty_tuple: Owned::tuple(&[])?,
            // SAFETY: all three are alive as long as the interpreter.
            constants: unsafe {
                [Py_None(), Py_False(), Py_True()].map(|object| Ref::new(object).to_owned())
            },
            layout: if fast_paths { Layout::new()? } else { None },
            spare: crate::load::Spare::default(),
            spare_dump: crate::save::Spare::default(),
            policies: crate::policy::Home::default(),
            facts: crate::save::FactsCache::default(),
            fast_paths,
            placed: crate::place::Placed::default(),
        })
    }

    /// The state of a module, by the module object.
    ///
    /// # Safety
    ///
    /// `module` is one of ours and initialised; the result lives as long as it.
    #[inline(always)]
    pub(crate) unsafe fn of_module<'a>(module: *mut PyObject) -> &'a State {
        // SAFETY: the module's state is a pointer to a boxed `State`, set when it was initialised.
        unsafe { &**PyModule_GetState(module).cast::<*mut State>() }
    }

    /// The state of the module that defined one of our types, by the type or a subclass of it.
    pub(crate) fn of_type<'a>(kind: *mut PyTypeObject) -> Result<&'a State> {
        let mut base = kind;
        while !base.is_null() {
            // SAFETY: `base` is a type that `kind` keeps alive; a module found by our definition is ours, and
            // lives as long as the type.
            unsafe {
                if PyType_GetFlags(base) & Py_TPFLAGS_HEAPTYPE != 0 {
                    let module = PyType_GetModule(base);
                    if module.is_null() {
                        error::clear();
                    } else if ptr::eq(PyModule_GetDef(module), crate::module_definition()) {
                        return Ok(Self::of_module(module));
                    }
                }
                base = (*base).tp_base;
            }
        }
        Err(error::type_error("not a type of brinery"))
    }

    /// The members that take part in garbage collection.
    ///
    /// # Safety
    ///
    /// `visit` and `arg` come from the collector.
    pub(crate) unsafe fn traverse(&self, visit: visitproc, arg: *mut std::ffi::c_void) -> std::ffi::c_int {
        let State {
            names: _,
            errors,
            copyreg,
            compat,
            types,
            files,
            codecs_encode,
            getattr,
            newobj,
            empty_tuple: _,
            constants: _,
            layout: _,
            spare: _,
            spare_dump: _,
            policies,
            facts: _,
            fast_paths: _,
            placed: _,
        } = self;
        let members = [
            &errors.pickle,
            &errors.pickling,
            &errors.unpickling,
            &errors.seal,
            &copyreg.dispatch_table,
            &copyreg.extension_registry,
            &copyreg.inverted_registry,
            &copyreg.extension_cache,
            &compat.name_mapping_2to3,
            &compat.import_mapping_2to3,
            &compat.name_mapping_3to2,
            &compat.import_mapping_3to2,
            &types.pickler,
            &types.pickler_memo,
            &types.unpickler,
            &types.unpickler_memo,
            &types.seal.keys,
            &types.seal.writer,
            &types.unfinished_frozenset,
            &files.bytes_io,
            &files.buffered_reader,
            codecs_encode,
            getattr,
            newobj,
        ];
        // SAFETY: every member is alive.
        let mut visit = |member: &Owned| unsafe { visit(member.as_ptr(), arg) };
        let status = members.into_iter().map(&mut visit).find(|&status| status != 0);
        status.unwrap_or_else(|| policies.traverse(visit))
    }

    /// Sets a `PicklingError`.
    #[cold]
    pub(crate) fn pickling_error(&self, message: &str) -> Raised {
        error::raise(self.errors.pickling.as_ref(), message)
    }

    /// Sets an `UnpicklingError`.
    #[cold]
    pub(crate) fn unpickling_error(&self, message: &str) -> Raised {
        error::raise(self.errors.unpickling.as_ref(), message)
    }
}
