//! What depends on how one version of CPython lays its objects out in memory.
//!
//! Each file here has a twin for other versions that goes through the public API, so that nothing outside of this
//! folder knows the difference. The layouts are those of the headers of 3.9 to 3.13.

pub(crate) mod dict;
pub(crate) mod int;
