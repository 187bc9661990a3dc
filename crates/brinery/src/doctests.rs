//! The Rust blocks of the project's pages, which `cargo test --doc` compiles and runs.
//!
//! `tests/test_snippets.py` sees to it that no page with Rust in it is missing here.

#[doc = include_str!("../../../README.md")]
mod readme {}

#[doc = include_str!("../../../docs/index.md")]
mod start {}

#[doc = include_str!("../../../docs/guides/rust.md")]
mod guide {}

#[doc = include_str!("../../../docs/migration/serde-pickle.md")]
mod from_serde_pickle {}
