//! Interrupts of the main thread that are ours, and those that come from outside meanwhile.

use std::ffi::{c_int, c_void};
use std::mem::transmute;
use std::ptr;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicPtr};
use std::sync::{Mutex, PoisonError};

/// `SIGINT`
pub(super) const NUMBER: c_int = 2;

/// How many loads want real interrupts to be counted.
static WANTED: Mutex<usize> = Mutex::new(0);
/// Whether there was one.
static IS_REAL: AtomicBool = AtomicBool::new(false);
/// The handler that ours stands before.
static BEFORE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

unsafe extern "C" {
    fn PyOS_setsig(number: c_int, handler: *mut c_void) -> *mut c_void;
    fn PyOS_getsig(number: c_int) -> *mut c_void;
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

/// What the system calls for a real interrupt.
extern "C" fn handle(number: c_int) {
    IS_REAL.store(true, SeqCst);
    let before = BEFORE.load(SeqCst);
    // `SIG_DFL` and `SIG_IGN` are none.
    if before.addr() > 1 {
        // SAFETY: it is the handler that was there.
        unsafe { transmute::<*mut c_void, extern "C" fn(c_int)>(before)(number) }
    }
}
