//! A passing line that tells how far long work has come.

use crate::format;
use crate::output::Terminal;
use std::time::{Duration, Instant};

/// Nothing is shown of work that takes less.
const PATIENCE: Duration = Duration::from_millis(800);
const INTERVAL: Duration = Duration::from_millis(100);

/// The progress of reading one file. Shown only on a terminal, and gone at the end.
pub(crate) struct Progress {
    what: String,
    next: Instant,
    shown: bool,
}

impl Progress {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Progress { what: what.into(), next: Instant::now() + PATIENCE, shown: false }
    }

    /// So many bytes are done.
    pub(crate) fn at(&mut self, done: u64, terminal: &mut Terminal<'_>) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + INTERVAL;
        if let Some(err) = terminal.progress() {
            self.shown = true;
            let _ = write!(err, "\r\x1b[K{}: {}", self.what, format::bytes(done));
            let _ = err.flush();
        }
    }

    /// The work is done.
    pub(crate) fn finish(self, terminal: &mut Terminal<'_>) {
        if let Some(err) = terminal.progress().filter(|_| self.shown) {
            let _ = write!(err, "\r\x1b[K");
            let _ = err.flush();
        }
    }
}
