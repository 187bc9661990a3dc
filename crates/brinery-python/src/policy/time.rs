//! The processor time of a thread.

use std::time::Duration;

/// The time that this thread has had, from some beginning.
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(super) fn now() -> Duration {
    use std::ffi::{c_int, c_long};

    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanoseconds: c_long,
    }
    unsafe extern "C" {
        fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int;
    }
    /// `CLOCK_THREAD_CPUTIME_ID`
    const THREAD: c_int = if cfg!(target_os = "macos") { 16 } else { 3 };

    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the structure is that of the system, of 64 bits, and is filled by the call.
    if cfg!(target_pointer_width = "64") && unsafe { clock_gettime(THREAD, &raw mut time) } == 0 {
        return Duration::new(time.seconds as u64, time.nanoseconds as u32);
    }
    Duration::ZERO
}

/// The time that has passed since the first call.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(super) fn now() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;

    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGINNING.elapsed()
}
