//! The C API behind types that uphold its rules.

pub(crate) mod buffer;
pub(crate) mod bytes;
pub(crate) mod capsule;
pub(crate) mod error;
pub(crate) mod function;
pub(crate) mod instance;
pub(crate) mod layout;
pub(crate) mod list;
pub(crate) mod number;
pub(crate) mod object;
pub(crate) mod ordered;
pub(crate) mod pages;
pub(crate) mod sequence;
pub(crate) mod set;
pub(crate) mod stack;
pub(crate) mod text;
pub(crate) mod thread;
pub(crate) mod tuple;
#[cfg(known_layout)]
pub(crate) mod utf8;
pub(crate) mod vectorcall;

pub(crate) use error::{Raised, Result};
pub(crate) use object::{Owned, Ref, check};
pub(crate) use pyo3_ffi as api;
