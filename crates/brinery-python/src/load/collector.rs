//! Keeping the cyclic collector from running while a graph grows.
//!
//! Until 3.11 the collector runs whenever enough objects have been made, and finds nothing but the objects of the load
//! again and again. From 3.12 on it waits for Python code to run, and needs no pause.

/// A pause of the collector, which ends when this is dropped.
#[derive(Default)]
pub(super) struct Pause {
    /// Whether it was this pause that disabled the collector.
    #[cfg(all(Py_3_10, not(Py_3_12)))]
    disabled: bool,
}

#[cfg(all(Py_3_10, not(Py_3_12)))]
mod until_3_11 {
    use super::Pause;
    use crate::ffi::api::{PyGC_Disable, PyGC_Enable, PyGC_IsEnabled};

    impl Pause {
        pub(in super::super) fn begin(&mut self) {
            // SAFETY: the thread is attached.
            if !self.disabled && unsafe { PyGC_Disable() } != 0 {
                self.disabled = true;
            }
        }

        pub(in super::super) fn end(&mut self) {
            if self.disabled {
                // SAFETY: the thread is attached.
                unsafe { PyGC_Enable() };
                self.disabled = false;
            }
        }

        /// Runs code that may look at the collector, or disable it, with the collector as the program has it.
        #[inline(always)]
        pub(in super::super) fn interrupt<R>(&mut self, body: impl FnOnce() -> R) -> R {
            if !self.disabled {
                return body();
            }
            // SAFETY: the thread is attached.
            unsafe { PyGC_Enable() };
            let result = body();
            // SAFETY: as above.
            self.disabled = unsafe { PyGC_IsEnabled() != 0 && PyGC_Disable() != 0 };
            result
        }
    }
}

#[cfg(not(all(Py_3_10, not(Py_3_12))))]
impl Pause {
    pub(super) fn begin(&mut self) {
        let _ = self;
    }

    pub(super) fn end(&mut self) {
        let _ = self;
    }

    /// Runs code that may look at the collector.
    #[inline(always)]
    pub(super) fn interrupt<R>(&mut self, body: impl FnOnce() -> R) -> R {
        let _ = self;
        body()
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.end();
    }
}
