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
    /// How much there is to do, if that is known.
    total: Option<u64>,
    next: Instant,
    shown: bool,
}

impl Progress {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Progress { what: what.into(), total: None, next: Instant::now() + PATIENCE, shown: false }
    }

    /// The same for work of a known size, which is shown as a bar.
    pub(crate) fn of(mut self, total: Option<u64>) -> Self {
        self.total = total.filter(|&total| total > 0);
        self
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
            let _ = write!(err, "\r\x1b[K{}: {}", self.what, state(done, self.total));
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

/// How far it is: a bar and a share, where the whole is known.
fn state(done: u64, total: Option<u64>) -> String {
    const CELLS: u64 = 24;
    let Some(total) = total else { return format::bytes(done) };
    let done = done.min(total);
    let full = (u128::from(done) * u128::from(CELLS) / u128::from(total)) as usize;
    let bar = "█".repeat(full) + &"░".repeat(CELLS as usize - full);
    format!("{bar} {} of {}", format::percent(done, total), format::bytes(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_the_work_is_done() {
        assert_eq!(state(1536, None), "1.5 KiB");
        assert_eq!(state(0, Some(2048)), format!("{} 0.0% of 2.0 KiB", "░".repeat(24)));
        assert_eq!(state(1024, Some(2048)), format!("{}{} 50.0% of 2.0 KiB", "█".repeat(12), "░".repeat(12)));
        assert_eq!(state(u64::MAX, Some(2048)), format!("{} 100.0% of 2.0 KiB", "█".repeat(24)));
    }
}
