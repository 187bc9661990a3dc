//! Interrupts of the main thread that are ours, and those that come from outside meanwhile.

use std::ffi::{c_int, c_ulong, c_void};
use std::mem::transmute;
use std::ptr;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicPtr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// `SIGINT`
pub(super) const NUMBER: c_int = 2;

/// How many loads want real interrupts to be counted.
static WANTED: Mutex<usize> = Mutex::new(0);
/// Whether there was one.
static IS_REAL: AtomicBool = AtomicBool::new(false);
/// Whether the next one is ours.
static IS_OURS: AtomicBool = AtomicBool::new(false);
/// The handler that ours stands before.
static BEFORE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

unsafe extern "C" {
    fn PyOS_setsig(number: c_int, handler: *mut c_void) -> *mut c_void;
    fn PyOS_getsig(number: c_int) -> *mut c_void;
    fn pthread_kill(thread: c_ulong, number: c_int) -> c_int;
}

/// Takes note of real interrupts from now on.
pub(super) fn enter() {
    let mut wanted = WANTED.lock().unwrap_or_else(PoisonError::into_inner);
    *wanted += 1;
    if *wanted == 1 {
        IS_REAL.store(false, SeqCst);
        // SAFETY: the calls only change the handler. Ours calls the one before, which has to be known when it is first called.
        unsafe {
            BEFORE.store(PyOS_getsig(NUMBER), SeqCst);
            PyOS_setsig(NUMBER, handle as *mut c_void);
        }
    }
}

/// No longer; whether there was one.
pub(super) fn leave() -> bool {
    let mut wanted = WANTED.lock().unwrap_or_else(PoisonError::into_inner);
    *wanted -= 1;
    // SAFETY: as above. A handler that came after ours stays.
    unsafe {
        if *wanted == 0 && ptr::eq(PyOS_getsig(NUMBER), handle as *const c_void) {
            PyOS_setsig(NUMBER, BEFORE.load(SeqCst));
        }
    }
    IS_REAL.load(SeqCst)
}

/// Has the system ignore interrupts, whatever the interpreter would do about them.
pub(super) fn ignore() {
    /// `SIG_IGN`
    const IGNORED: usize = 1;

    // SAFETY: the call only changes the handler.
    unsafe { PyOS_setsig(NUMBER, ptr::without_provenance_mut(IGNORED)) };
}

/// Ends what a thread waits for, as a real interrupt does, while such are counted. It has arrived when this returns.
pub(super) fn wake(thread: c_ulong) {
    // SAFETY: who waits is there, and the call changes nothing.
    if unsafe { !ptr::eq(PyOS_getsig(NUMBER), handle as *const c_void) } {
        return;
    }
    IS_OURS.store(true, SeqCst);
    // SAFETY: the thread has not ended: the load that it runs ends after this.
    if unsafe { pthread_kill(thread, NUMBER) } == 0 {
        for _ in 0..100 {
            if !IS_OURS.load(SeqCst) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    IS_OURS.store(false, SeqCst);
}

/// What the system calls for an interrupt.
extern "C" fn handle(number: c_int) {
    if !IS_OURS.swap(false, SeqCst) {
        IS_REAL.store(true, SeqCst);
    }
    let before = BEFORE.load(SeqCst);
    // `SIG_DFL` and `SIG_IGN` are none.
    if before.addr() > 1 {
        // SAFETY: it is the handler that was there.
        unsafe { transmute::<*mut c_void, extern "C" fn(c_int)>(before)(number) }
    }
}
