//! The functions `dump` and `dumps`.

use super::{Dump, Hooks, Pickler};
use crate::arguments::{Signature, flag, some};
use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result, bytes, error};
use crate::methods::{END, Methods, function};
use crate::state::State;
use std::ptr::NonNull;

static METHODS: Methods<3> = Methods::new([
    function(
        c"dump",
        dump,
        c"dump($module, /, obj, file, protocol=None, *, fix_imports=True,\n     buffer_callback=None)\n--\n\n\
        Write the pickled form of an object to an open file.\n\n\
        This is the same as ``Pickler(file, protocol).dump(obj)``, but may be faster.\n\n\
        Parameters\n----------\n\
        obj : object\n    What to save.\n\
        file : file-like\n    Anything with a ``write`` method that takes bytes.\n\
        protocol : int, optional\n    0 to 5; the default is 4, a negative number means the highest.\n\
        fix_imports : bool, default True\n    Below protocol 3, write the names that Python 2 knows.\n\
        buffer_callback : callable, optional\n    Called with each `PickleBuffer`; if it returns a false value, the\n    \
        buffer is left out of the stream. Needs protocol 5.\n\n\
        Raises\n------\n\
        PicklingError\n    If an object cannot be saved. The exception's ``path`` says which.\n\n\
        Examples\n--------\n\
        >>> import brinery, io\n\
        >>> file = io.BytesIO()\n\
        >>> brinery.dump([1, 2], file)\n\
        >>> brinery.loads(file.getvalue())\n\
        [1, 2]\n",
    ),
    function(
        c"dumps",
        dumps,
        c"dumps($module, /, obj, protocol=None, *, fix_imports=True,\n      buffer_callback=None)\n--\n\n\
        Return the pickled form of an object as bytes.\n\n\
        Parameters\n----------\n\
        obj : object\n    What to save.\n\
        protocol : int, optional\n    0 to 5; the default is 4, a negative number means the highest.\n\
        fix_imports : bool, default True\n    Below protocol 3, write the names that Python 2 knows.\n\
        buffer_callback : callable, optional\n    Called with each `PickleBuffer`; if it returns a false value, the\n    \
        buffer is left out of the stream. Needs protocol 5.\n\n\
        Returns\n-------\n\
        bytes\n    The same bytes that the standard library's pickle writes.\n\n\
        Raises\n------\n\
        PicklingError\n    If an object cannot be saved. The exception's ``path`` says which.\n\n\
        Examples\n--------\n\
        >>> import brinery\n\
        >>> brinery.dumps(42, protocol=2)\n\
        b'\\x80\\x02K*.'\n",
    ),
    END,
]);

/// The functions, for the module.
pub(crate) fn functions() -> *mut PyMethodDef {
    METHODS.as_ptr()
}

const DUMP: Signature<5> = Signature {
    function: "dump",
    names: ["obj", "file", "protocol", "fix_imports", "buffer_callback"],
    positional_only: 0,
    positional: 3,
    required: 2,
};

const DUMPS: Signature<4> = Signature {
    function: "dumps",
    names: ["obj", "protocol", "fix_imports", "buffer_callback"],
    positional_only: 0,
    positional: 2,
    required: 1,
};

unsafe extern "C" fn dump(
    module: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    kwnames: *mut PyObject,
) -> *mut PyObject {
    crate::methods::guard(|| {
        // SAFETY: CPython calls this by the vectorcall protocol, with the module as the receiver.
        let (state, arguments) =
            unsafe { (State::of_module(module), DUMP.parse_vector(args, count, kwnames)?) };
        let [object, file, protocol, fix_imports, callback] = arguments;
        let mut pickler = Pickler::new();
        pickler.configure(some(protocol), flag(fix_imports, true)?, some(callback))?;
        pickler.write = Some(writer(state, file)?);
        save(state, &mut pickler, object)?;
        Ok(Owned::none())
    })
}

unsafe extern "C" fn dumps(
    module: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    kwnames: *mut PyObject,
) -> *mut PyObject {
    crate::methods::guard(|| {
        // SAFETY: CPython calls this by the vectorcall protocol, with the module as the receiver.
        let (state, arguments) =
            unsafe { (State::of_module(module), DUMPS.parse_vector(args, count, kwnames)?) };
        let [object, protocol, fix_imports, callback] = arguments;
        let mut pickler = Pickler::new();
        pickler.configure(some(protocol), flag(fix_imports, true)?, some(callback))?;
        bytes::new(&save(state, &mut pickler, object)?)
    })
}

/// The `write` method of a file.
pub(crate) fn writer(state: &State, file: Option<Ref<'_>>) -> Result<Owned> {
    let write = match file {
        Some(file) => file.lookup_attr(state.names.write.as_ref())?,
        None => None,
    };
    write.ok_or_else(|| error::type_error("file must have a 'write' attribute"))
}

/// One dump by a pickler that nobody else knows.
fn save(state: &State, pickler: &mut Pickler, object: Option<Ref<'_>>) -> Result<Vec<u8>> {
    let hooks = Hooks { buffer_callback: pickler.buffer_callback.clone(), ..Hooks::default() };
    let Some(object) = object else { return Err(error::type_error("missing required argument 'obj'")) };
    // SAFETY: the pickler is on our stack, and no Python code can reach it.
    unsafe { Dump::run(state, NonNull::from(pickler), hooks, object) }
}
