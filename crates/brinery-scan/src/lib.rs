//! A scanner for pickles: what would loading these files do?
//!
//! ```
//! use brinery_scan::{Scanner, Verdict};
//!
//! let report = Scanner::new().scan_bytes("model.pkl", b"cos\nsystem\n(S'true'\ntR.");
//! assert_eq!(report.verdict(), Verdict::Dangerous);
//! assert_eq!(report.files[0].streams[0].findings[0].message, "names os.system, which runs a command or starts a program");
//! ```
//!
//! The scanner *is* a load in which nothing has an effect: the machine that loads pickles for Python and for Rust runs over
//! each stream, with a host that makes no objects and only learns what would be resolved, called, constructed and changed.
//! So it cannot be fooled by a stream that a scanner's parser reads in one way and the loader in another.
//!
//! Pickles are found by content, not by the names of files: on their own, one after the other, after a prefix, within
//! archives, compressed data, databases and text.
#![forbid(unsafe_code)]

mod blob;
mod collisions;
mod consumed;
mod context;
mod fact;
mod facts;
mod granted;
mod judge;
mod known;
mod line;
mod literal;
mod look;
mod nth;
mod packed;
mod refine;
pub mod render;
mod report;
mod scanner;
mod search;
mod shelf;
mod spelling;
mod stream;
mod tape;
mod unwrap;
mod wanted;

pub use report::{FileReport, Finding, GlobalName, Line, Note, Report, StreamReport, Verdict};
pub use scanner::{Progress, Scanner};
