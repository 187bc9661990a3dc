//! Ends code that takes too long and allocates nothing: loops, code that waits, and functions written in C that look for signals every
//! so often.
//!
//! A thread of the process looks ten times a second whether a load has had the time that it may take. There is none unless granted
//! code runs or has just run, and none while the process forks.
//!
//! - In the main thread the code is interrupted as if by Ctrl-C, if that raises `KeyboardInterrupt`. To say so needs no lock of the
//!   interpreter, and functions in C that look for signals end by it, those that wait by a signal that is ours.
//! - In other threads an exception is raised at the next line of Python. A function in C that keeps the lock is waited for.
//!
//! Who catches that and goes on is interrupted again. What has not arrived when the load ends is taken back.

mod clock;
mod interrupt;
mod thread;

use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result, error};
use crate::methods::{END, Methods, nullary};
use crate::state::import;
use clock::Clock;
use std::cell::RefCell;
use std::ffi::c_ulong;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64};
use std::time::Duration;
use std::{hint, ptr};

/// Real interrupts are counted: most of the time is over.
const LATE: u64 = 1;
/// The code is being interrupted this moment.
const FIRING: u64 = 2;
/// The code was interrupted, and everything that comes of it is ours.
const FIRED: u64 = 4;
/// What runs is the program's own.
const PAUSED: u64 = 8;
const FLAGS: u64 = 15;

/// One level of loads within each other in one thread.
struct Slot {
    /// The number of the load, a multiple of 16, with the flags above; or zero.
    word: AtomicU64,
    /// The number of the last load.
    last: AtomicU64,
    /// The nanoseconds that it may take.
    longest: AtomicU64,
    /// How many times loads were paused.
    pauses: AtomicU64,
    /// Whether the code is interrupted as if by Ctrl-C.
    by_signal: AtomicBool,
    is_main: bool,
    thread: c_ulong,
    /// Where the system says what the thread does.
    status: Option<PathBuf>,
    clock: Clock,
}

/// The slots of a thread.
#[derive(Default)]
struct Slots {
    /// The process that they were made in: see [`thread::generation`].
    generation: usize,
    level: usize,
    slots: Vec<Arc<Slot>>,
}

thread_local! {
    static SLOTS: RefCell<Slots> = RefCell::default();
}

/// What is needed of the interpreter.
struct Known {
    expired: Owned,
    getsignal: Owned,
    setsignal: Owned,
    default: Owned,
    ignore: Owned,
    number: Owned,
}

/// They are never given up: until the interpreter ends the thread may need them.
static KNOWN: AtomicPtr<Known> = AtomicPtr::new(ptr::null_mut());

/// A load that is watched.
pub(super) struct Watched {
    slot: Arc<Slot>,
    word: u64,
    /// Whether Ctrl-C is ignored otherwise.
    borrowed: bool,
}

impl Watched {
    /// Watches the load that this thread begins. The thread holds the lock of the main interpreter.
    pub(super) fn begin(longest: Duration) -> Option<Self> {
        if thread::is_over() {
            return None;
        }
        let known = known().inspect_err(|_| error::clear()).ok()?;
        let slot = take_slot()?;
        let handler = if slot.is_main { known.handler() } else { None };
        let is = |known: &Owned| handler.as_ref().is_some_and(|handler| handler.is(known.as_ref()));
        let borrowed = is(&known.ignore) && known.borrow();
        slot.by_signal.store(borrowed || is(&known.default), Relaxed);
        slot.longest.store(u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        let word = slot.last.load(Relaxed) + FLAGS + 1;
        slot.last.store(word, Relaxed);
        slot.word.store(word, SeqCst);
        thread::ensure();
        Some(Watched { slot, word, borrowed })
    }

    pub(super) fn has_fired(&self) -> bool {
        self.slot.word.load(SeqCst) & (FIRING | FIRED) != 0
    }

    /// Lets the program's own code run; what the code before it should have got does not reach it.
    pub(super) fn pause(&self) {
        self.slot.pauses.fetch_add(1, SeqCst);
        if self.slot.word.compare_exchange(self.word, self.word | PAUSED, SeqCst, SeqCst).is_ok() {
            return;
        }
        let mut word = self.settled();
        while let Err(now) = self.slot.word.compare_exchange(word, word | PAUSED, SeqCst, SeqCst) {
            word = if now & FIRING == 0 { now } else { self.settled() };
        }
        if word & FIRED != 0 && self.slot.take_back() {
            // SAFETY: an exception is set.
            unsafe { PyErr_WriteUnraisable(ptr::null_mut()) };
        }
    }

    pub(super) fn go_on(&self) {
        self.slot.word.fetch_and(!PAUSED, SeqCst);
    }

    /// Watches no more. Whether an exception of the program's own was raised meanwhile.
    pub(super) fn end(&self) -> bool {
        let mut word = self.word;
        while let Err(now) = self.slot.word.compare_exchange(word, 0, SeqCst, SeqCst) {
            word = if now & FIRING == 0 { now } else { self.settled() };
        }
        let _ = SLOTS.try_with(|slots| slots.borrow_mut().level -= 1);
        let raised = if word & FLAGS == 0 { false } else { self.end_late(word) };
        // SAFETY: what is there stays.
        if let Some(known) = unsafe { KNOWN.load(SeqCst).as_ref() }.filter(|_| self.borrowed) {
            known.give_back();
        }
        raised
    }

    #[cold]
    fn end_late(&self, word: u64) -> bool {
        let is_real = word & LATE != 0 && interrupt::leave();
        let raised = word & FIRED != 0 && self.slot.take_back();
        if word & FIRED != 0 && is_real && !IS_IGNORED.load(SeqCst) {
            // Somebody did press Ctrl-C.
            // SAFETY: it may be called from anywhere.
            unsafe { PyErr_SetInterrupt() };
        }
        raised
    }

    /// The word when nobody is at work.
    fn settled(&self) -> u64 {
        loop {
            let word = self.slot.word.load(SeqCst);
            if word & FIRING == 0 {
                return word;
            }
            hint::spin_loop();
        }
    }
}

impl Slot {
    /// Takes back what has not arrived. Whether an exception of the program's own is set then, which a handler of another signal
    /// has raised.
    fn take_back(&self) -> bool {
        if !self.by_signal.load(SeqCst) {
            // SAFETY: the thread is attached.
            unsafe { raise_later(self.thread, ptr::null_mut()) };
            return false;
        }
        let before = error::take();
        let mut raised = None;
        // SAFETY: the thread is attached.
        while unsafe { PyErr_CheckSignals() } != 0 {
            // SAFETY: the class is alive as long as the interpreter.
            if error::matches(unsafe { Ref::new(PyExc_KeyboardInterrupt) }) {
                error::clear();
            } else {
                raised = error::take();
            }
        }
        let own = raised.is_some();
        if let Some(exception) = raised.or(before) {
            let _ = error::restore(exception);
        }
        own
    }
}

/// A slot of this thread at the level that a load begins, if the thread does not just end.
fn take_slot() -> Option<Arc<Slot>> {
    SLOTS
        .try_with(|slots| {
            let slots = &mut *slots.borrow_mut();
            if slots.generation != thread::generation() {
                slots.generation = thread::generation();
                slots.slots.clear();
            }
            while slots.slots.len() <= slots.level {
                slots.slots.push(thread::add(Slot {
                    word: AtomicU64::new(0),
                    last: AtomicU64::new(0),
                    longest: AtomicU64::new(0),
                    pauses: AtomicU64::new(0),
                    by_signal: AtomicBool::new(false),
                    is_main: handles_signals(),
                    // SAFETY: it may be asked at any time.
                    thread: unsafe { PyThread_get_thread_ident() },
                    status: thread::status_of_this(),
                    clock: Clock::of_this_thread(),
                }));
            }
            slots.level += 1;
            slots.slots[slots.level - 1].clone()
        })
        .ok()
}

fn known() -> Result<&'static Known> {
    static METHODS: Methods<2> = Methods::new([nullary(c"_stop_watchdog", stop, c""), END]);

    // SAFETY: what is there stays.
    if let Some(known) = unsafe { KNOWN.load(SeqCst).as_ref() } {
        return Ok(known);
    }
    let signal = import("_signal")?;
    let get = |name| signal.getattr(Owned::interned(name)?.as_ref());
    // SAFETY: the name is a C string, and the base a class.
    let expired = unsafe {
        let name = c"brinery.policy.TimeIsUp".as_ptr();
        Owned::from_result(PyErr_NewException(name, PyExc_BaseException, ptr::null_mut()))?
    };
    let number = Owned::int(i64::from(interrupt::NUMBER))?;
    let known = Known {
        expired,
        getsignal: get("getsignal")?,
        setsignal: get("signal")?,
        default: get("default_int_handler")?,
        ignore: get("SIG_IGN")?,
        number,
    };
    // SAFETY: the table lives as long as the program.
    let stop = unsafe { Owned::from_result(PyCFunction_New(METHODS.as_ptr(), ptr::null_mut()))? };
    import("atexit")?.call_method1(Owned::interned("register")?.as_ref(), stop.as_ref())?;
    let known = Box::leak(Box::new(known));
    KNOWN.store(known, SeqCst);
    Ok(known)
}

/// What runs when the interpreter ends: a thread that wanted its lock later would be ended within our frames.
unsafe extern "C" fn stop(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: the thread that waits touches no object meanwhile.
    unsafe { crate::ffi::thread::detached(thread::end) };
    Owned::none().into_ptr()
}

/// Whether Ctrl-C is ignored by the program, as by those that a shell runs in the background, though the interpreter would handle it.
static IS_IGNORED: AtomicBool = AtomicBool::new(false);

impl Known {
    /// What the interpreter does about Ctrl-C.
    fn handler(&self) -> Option<Owned> {
        self.getsignal.as_ref().call1(self.number.as_ref()).inspect_err(|_| error::clear()).ok()
    }

    fn set(&self, handler: &Owned) -> bool {
        let set = self.setsignal.as_ref().call(&[self.number.as_ref(), handler.as_ref()]);
        set.inspect_err(|_| error::clear()).is_ok()
    }

    /// Has the interpreter handle Ctrl-C, which is ignored: it still is, but we can be heard. Whether that is so.
    fn borrow(&self) -> bool {
        if !self.set(&self.default) {
            return false;
        }
        interrupt::ignore();
        IS_IGNORED.store(true, SeqCst);
        true
    }

    /// Ignores Ctrl-C as before, unless the program has changed that.
    fn give_back(&self) {
        let before = error::take();
        IS_IGNORED.store(false, SeqCst);
        if self.handler().is_some_and(|handler| handler.is(self.default.as_ref())) {
            self.set(&self.ignore);
        }
        if let Some(exception) = before {
            let _ = error::restore(exception);
        }
    }
}

/// Whether this is the thread in which Python handles signals. Only there `signal.signal` gets as far as to complain about a handler that
/// is none.
fn handles_signals() -> bool {
    let asked = || -> Result<Owned> {
        let signal = import("_signal")?.getattr(Owned::interned("signal")?.as_ref())?;
        signal.as_ref().call(&[Owned::int(i64::from(interrupt::NUMBER))?.as_ref(), Owned::none().as_ref()])
    };
    // SAFETY: the class is alive as long as the interpreter.
    let is_main = asked().is_err() && error::matches(unsafe { Ref::new(PyExc_TypeError) });
    error::clear();
    is_main
}

/// Has the exception raised for code whose time is over, in this thread when it runs its next line.
pub(super) fn expire_later() {
    // SAFETY: what is there stays; the thread is attached.
    unsafe {
        let expired = KNOWN.load(SeqCst).as_ref().map_or(PyExc_MemoryError, |known| known.expired.as_ptr());
        raise_later(PyThread_get_thread_ident(), expired);
    }
}

/// Takes that back.
pub(super) fn expire_no_more() {
    // SAFETY: the thread is attached.
    unsafe { raise_later(PyThread_get_thread_ident(), ptr::null_mut()) };
}

/// Has an exception raised in a thread when it runs its next line, or none any more.
///
/// # Safety
///
/// This thread is attached, and the exception a class or null.
unsafe fn raise_later(thread: c_ulong, exception: *mut PyObject) {
    // SAFETY: by contract. The number of a thread is what it is, whatever its sign.
    unsafe { PyThreadState_SetAsyncExc(thread.cast_signed(), exception) };
}
