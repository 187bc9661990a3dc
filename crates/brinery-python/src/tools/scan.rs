//! What `brinery.scan` calls.

use super::exactly;
use crate::ffi::api::*;
use crate::ffi::error::{self, Raised};
use crate::ffi::{Owned, Ref, Result, bytes};
use crate::methods::guard;
use brinery::policy::Policy;
use brinery_scan::{Scanner, render};
use std::panic::catch_unwind;
use std::path::PathBuf;

/// A number that an argument holds.
fn number(value: Ref<'_>) -> Result<u64> {
    // SAFETY: the object is alive; the error is told by an exception.
    let number = unsafe { PyLong_AsUnsignedLongLong(value.as_ptr()) };
    if number == u64::MAX && error::occurred() { Err(Raised) } else { Ok(number) }
}

/// A path out of the bytes that the system has for it.
#[cfg(unix)]
fn path(encoded: &[u8]) -> PathBuf {
    PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(encoded))
}

/// A path out of the bytes that the system has for it.
#[cfg(not(unix))]
fn path(encoded: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(encoded).into_owned())
}

pub(super) unsafe extern "C" fn scan(
    _module: *mut PyObject,
    args: *mut *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    guard(|| {
        exactly("_scan", 4, count)?;
        // SAFETY: CPython calls this with `count` objects.
        let [sources, policies, threads, most] = [0, 1, 2, 3].map(|at| unsafe { Ref::new(*args.add(at)) });
        let mut scanner = Scanner::new().threads(number(threads)? as usize).max_unpacked(number(most)?);
        let policies = policies.iter()?;
        while let Some(policy) = policies.next()? {
            let policy =
                Policy::from_toml(&policy.as_ref().text()).map_err(|problem| error::value_error(&problem))?;
            scanner = scanner.policy(policy);
        }
        let report = if is_bytes(sources) {
            let data = bytes::as_slice(sources);
            detached(|| scanner.expects_pickle(true).scan_bytes("<bytes>", data))
        } else {
            let (mut paths, sources) = (Vec::new(), sources.iter()?);
            while let Some(source) = sources.next()? {
                if !is_bytes(source.as_ref()) {
                    return Err(error::type_error("an encoded path must be bytes"));
                }
                paths.push(path(bytes::as_slice(source.as_ref())));
            }
            detached(|| scanner.scan_paths(&paths, None))
        };
        match report {
            Some(report) => Owned::str(&render::json(&report)),
            None => Err(error::runtime_error("the scan failed")),
        }
    })
}

fn is_bytes(object: Ref<'_>) -> bool {
    object.is_exactly(&raw mut PyBytes_Type)
}

/// Lets other threads run Python code in the meantime; `None` if the work panics.
fn detached<R>(work: impl FnOnce() -> R) -> Option<R> {
    // SAFETY: the thread is attached and gets attached again; in between no object of the interpreter is touched but the
    // contents of bytes that the caller holds, which nothing changes.
    unsafe {
        let thread = PyEval_SaveThread();
        let result = catch_unwind(std::panic::AssertUnwindSafe(work));
        PyEval_RestoreThread(thread);
        result.ok()
    }
}
