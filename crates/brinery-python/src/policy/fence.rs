//! Bounds for code that a policy grants without knowing it: what it allocates, how long it takes, and whether what it returns was
//! there before.
//!
//! While a stream is loaded that was judged, the classes and functions that are granted run as they like, with arguments that
//! the stream has chosen. Their allocations go through here. One that is too large, or comes too late, fails as if there were no memory
//! left, and the load is refused.

#[cfg(not(Py_GIL_DISABLED))]
mod hook;
#[cfg(Py_GIL_DISABLED)]
mod none;

#[cfg(not(Py_GIL_DISABLED))]
pub(super) use hook::Fence;
#[cfg(Py_GIL_DISABLED)]
pub(super) use none::Fence;
