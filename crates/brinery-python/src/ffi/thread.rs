//! Threads and the interpreter.

use pyo3_ffi::{PyEval_RestoreThread, PyEval_SaveThread};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs `body` while other threads may run Python code.
///
/// # Safety
///
/// `body` touches no object of the interpreter, but for the contents of those that cannot change and that the caller
/// holds.
pub(crate) unsafe fn detached<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: the thread is attached and gets attached again; in between `body` runs, by contract without objects.
    let result = unsafe {
        let thread = PyEval_SaveThread();
        let result = catch_unwind(AssertUnwindSafe(body));
        PyEval_RestoreThread(thread);
        result
    };
    result.unwrap_or_else(|panic| resume_unwind(panic))
}
