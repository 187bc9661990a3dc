//! Keeping the cyclic collector from running while a graph grows.
//!
//! Until 3.11 the collector runs whenever enough objects have been made, and finds nothing but the objects of the load
//! again and again. From 3.12 on it waits for Python code to run, and needs no pause.

use crate::ffi::layout::Layout;

/// A pause of the collector, which ends when this is dropped.
pub(super) struct Pause<'a> {
    layout: Option<&'a Layout>,
    /// Whether it was this pause that stopped the collector.
    stopped: bool,
}

impl<'a> Pause<'a> {
    /// No pause yet. There is none where it is not known how to make one.
    pub(super) fn new(layout: Option<&'a Layout>) -> Self {
        Pause { layout, stopped: false }
    }

    /// Stops the collector.
    pub(super) fn begin(&mut self) {
        if !cfg!(Py_3_12)
            && let Some(layout) = self.layout
            && layout.collector_runs()
        {
            layout.let_collector_run(false);
            self.stopped = true;
        }
    }

    /// Lets the collector run again.
    pub(super) fn end(&mut self) {
        if self.stopped
            && let Some(layout) = self.layout
        {
            layout.let_collector_run(true);
            self.stopped = false;
        }
    }

    /// Whether the program wants the collector to run.
    pub(super) fn is_wanted(&self) -> bool {
        self.stopped || self.layout.is_some_and(Layout::collector_runs)
    }

    /// Runs code that may look at the collector, or stop it, with the collector as the program has it.
    #[inline(always)]
    pub(super) fn interrupt<R>(&mut self, body: impl FnOnce() -> R) -> R {
        if !self.stopped {
            return body();
        }
        self.end();
        let result = body();
        self.begin();
        result
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
