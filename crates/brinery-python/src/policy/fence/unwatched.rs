//! Where there are no threads, signals and clocks as Unix has them: only code that allocates is ended.

use crate::ffi::api::*;
use std::ptr;
use std::time::Duration;

/// A load that nobody watches.
pub(super) struct Watched;

impl Watched {
    pub(super) fn begin(_: Duration) -> Option<Self> {
        None
    }

    pub(super) fn has_fired(&self) -> bool {
        false
    }

    pub(super) fn pause(&self) {}

    pub(super) fn go_on(&self) {}

    pub(super) fn end(&self) -> bool {
        false
    }
}

/// Has an exception raised for code whose time is over, in this thread when it runs its next line.
pub(super) fn expire_later() {
    // SAFETY: the thread is attached. Its number is what it is, whatever its sign.
    unsafe { PyThreadState_SetAsyncExc(PyThread_get_thread_ident().cast_signed(), PyExc_MemoryError) };
}

/// Takes that back.
pub(super) fn expire_no_more() {
    // SAFETY: as above.
    unsafe { PyThreadState_SetAsyncExc(PyThread_get_thread_ident().cast_signed(), ptr::null_mut()) };
}
