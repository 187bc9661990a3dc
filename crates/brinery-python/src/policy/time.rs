//! The time that a load takes: that of the processor, for others may have it meanwhile.

use std::time::{Duration, Instant};

/// Up to here a load is short: only the clock on the wall is looked at. The one of the thread is the system's to tell, which takes
/// longer than many a load.
const SHORT: Duration = Duration::from_millis(1);

/// Looks at the time that a load has had.
pub(super) struct Watch {
    begun: Option<Instant>,
    /// What the thread had had when the load began, or up to [`SHORT`] later.
    before: Option<Duration>,
}

impl Watch {
    /// One that runs from now on.
    pub(super) fn running() -> Self {
        Watch { begun: Some(Instant::now()), before: None }
    }

    /// One that runs from the first look on.
    pub(super) fn new() -> Self {
        Watch { begun: None, before: None }
    }

    /// Whether the load has had more time than this.
    #[cold]
    pub(super) fn exceeds(&mut self, most: Duration) -> bool {
        let now = Instant::now();
        let elapsed = now.duration_since(*self.begun.get_or_insert(now));
        if elapsed <= SHORT.min(most) {
            return false;
        }
        // A thread has had no more than has passed.
        let before = *self.before.get_or_insert_with(|| had().saturating_sub(elapsed));
        elapsed > most && had().saturating_sub(before) > most
    }
}

/// The time that this thread has had, from some beginning.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn had() -> Duration {
    /// `CLOCK_THREAD_CPUTIME_ID`
    const THREAD: std::ffi::c_int = if cfg!(target_os = "macos") { 16 } else { 3 };

    had_by(THREAD).unwrap_or(Duration::ZERO)
}

/// The time by a clock of the system's, if there is such a one.
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(super) fn had_by(clock: std::ffi::c_int) -> Option<Duration> {
    use std::ffi::{c_int, c_long};

    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanoseconds: c_long,
    }
    unsafe extern "C" {
        fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int;
    }
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the structure is that of the system, of 64 bits, and is filled by the call.
    let known = cfg!(target_pointer_width = "64") && unsafe { clock_gettime(clock, &raw mut time) } == 0;
    known.then(|| Duration::new(time.seconds as u64, time.nanoseconds as u32))
}

/// The time that has passed since the first call.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn had() -> Duration {
    use std::sync::LazyLock;

    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGINNING.elapsed()
}
