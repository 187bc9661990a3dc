//! The pickle format in safe Rust.
#![forbid(unsafe_code)]
