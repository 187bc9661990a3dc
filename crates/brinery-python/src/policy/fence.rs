//! Bounds for code that a policy grants without knowing it: what it allocates, how long it takes, and whether what it returns was
//! there before.
//!
//! While a stream is loaded that was judged, the classes and functions that are granted run as they like, with arguments that
//! the stream has chosen. Their allocations go through here. One that is too large, or comes too late, fails as if there were no memory
//! left, and the load is refused. What takes time and allocates nothing is ended by a watchdog.

#[cfg(not(Py_GIL_DISABLED))]
mod arrays;
#[cfg(not(Py_GIL_DISABLED))]
mod hook;
#[cfg(Py_GIL_DISABLED)]
mod none;
#[cfg(all(not(Py_GIL_DISABLED), not(unix)))]
mod unwatched;
#[cfg(all(not(Py_GIL_DISABLED), unix))]
mod watchdog;

#[cfg(not(Py_GIL_DISABLED))]
pub(super) use hook::Fence;
#[cfg(Py_GIL_DISABLED)]
pub(super) use none::Fence;
#[cfg(all(not(Py_GIL_DISABLED), not(unix)))]
use unwatched as watchdog;
