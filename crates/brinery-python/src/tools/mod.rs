//! What `brinery.tools` and `python -m brinery` call.

mod cli;
mod dis;
mod genops;
mod scan;
mod value;

use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result, bytes, error};
use crate::methods::{END, Methods, guard, positional, unary};
use brinery::inspect::{self, Missing};

static METHODS: Methods<7> = Methods::new([
    positional(
        c"_genops",
        genops::genops,
        c"_genops($module, data, base, /)\n--\n\nIterate over (code, argument, position) of the opcodes of a pickle.\n",
    ),
    unary(
        c"_missing",
        missing,
        c"_missing($module, instruction, /)\n--\n\n\
        Return how many bytes an instruction lacks: -1 for the rest of a line, 0 if it is whole or malformed.\n",
    ),
    positional(
        c"_dis",
        dis::dis,
        c"_dis($module, data, write, memo, indentlevel, annotate, base, docs, /)\n--\n\n\
        Write the disassembly of a pickle.\n",
    ),
    unary(
        c"_optimize",
        optimize,
        c"_optimize($module, data, /)\n--\n\nReturn a pickle without memo entries that nothing refers to.\n",
    ),
    positional(
        c"_scan",
        scan::scan,
        c"_scan($module, sources, policies, threads, max_unpacked, /)\n--\n\n\
        Scan bytes, or the files with these encoded paths, and return the report as JSON.\n",
    ),
    unary(
        c"cli_main",
        cli::main,
        c"cli_main($module, args, /)\n--\n\nRun the command line with these arguments and return its exit code.\n",
    ),
    END,
]);

/// The functions, for the module.
pub(crate) fn functions() -> *mut PyMethodDef {
    METHODS.as_ptr()
}

/// The data of a bytes-like object in an object whose contents cannot change.
fn frozen(data: Ref<'_>) -> Result<Owned> {
    // SAFETY: the object is alive; an exact bytes object is returned as it is.
    unsafe { Owned::from_result(PyBytes_FromObject(data.as_ptr())) }
}

/// Makes sure that a function got as many arguments as it has parameters.
fn exactly(function: &str, expected: usize, count: Py_ssize_t) -> Result<()> {
    if count as usize == expected {
        return Ok(());
    }
    Err(error::type_error(&format!("{function}() takes exactly {expected} arguments ({count} given)")))
}

unsafe extern "C" fn missing(_module: *mut PyObject, instruction: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with an object.
        let instruction = frozen(unsafe { Ref::new(instruction) })?;
        Owned::int(match inspect::missing(bytes::as_slice(instruction.as_ref())) {
            None => 0,
            Some(Missing::Line) => -1,
            Some(Missing::Bytes(count)) => i64::try_from(count).unwrap_or(i64::MAX),
        })
    })
}

unsafe extern "C" fn optimize(_module: *mut PyObject, data: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with an object.
        let data = frozen(unsafe { Ref::new(data) })?;
        match inspect::optimize(bytes::as_slice(data.as_ref()), value::limits()?) {
            Ok(optimized) => bytes::new(&optimized),
            Err(inspect::OptimizeError::Decode(error)) => Err(value::raise(&error)),
            Err(error @ inspect::OptimizeError::MemoMissing) => Err(error::type_error(&error.to_string())),
            Err(error) => Err(error::value_error(&error.to_string())),
        }
    })
}
