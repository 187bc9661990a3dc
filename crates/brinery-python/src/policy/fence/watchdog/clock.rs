//! The time that a thread has had, as others see it.

use std::time::Duration;

/// The clock of a thread.
#[cfg(target_os = "linux")]
pub(super) struct Clock(Option<std::ffi::c_int>);

#[cfg(target_os = "linux")]
impl Clock {
    pub(super) fn of_this_thread() -> Self {
        use std::ffi::c_int;

        unsafe extern "C" {
            fn pthread_self() -> usize;
            fn pthread_getcpuclockid(thread: usize, clock: *mut c_int) -> c_int;
        }
        let mut clock = 0;
        // SAFETY: the thread is this one, and the call fills the number.
        let known = unsafe { pthread_getcpuclockid(pthread_self(), &raw mut clock) } == 0;
        Clock(known.then_some(clock))
    }

    /// The time that the thread has had, if it is still there.
    pub(super) fn had(&self) -> Option<Duration> {
        crate::policy::time::had_by(self.0?)
    }
}

/// The clock on the wall: what other threads have had is not known here.
#[cfg(not(target_os = "linux"))]
pub(super) struct Clock(std::time::Instant);

#[cfg(not(target_os = "linux"))]
impl Clock {
    pub(super) fn of_this_thread() -> Self {
        Clock(std::time::Instant::now())
    }

    pub(super) fn had(&self) -> Option<Duration> {
        Some(self.0.elapsed())
    }
}
