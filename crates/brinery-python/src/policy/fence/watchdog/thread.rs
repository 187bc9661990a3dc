//! The thread that looks.

use super::{FIRED, FIRING, FLAGS, KNOWN, LATE, PAUSED, Slot, interrupt, raise_later};
use crate::ffi::api::*;
use std::ffi::c_int;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};
use std::thread::{JoinHandle, park_timeout};
use std::time::{Duration, Instant};

/// How often it looks.
const TICK: Duration = Duration::from_millis(100);

/// How often who goes on is interrupted again, and the least time between two looks.
const AGAIN: Duration = Duration::from_millis(20);

/// Whoever gets the lock of the interpreter sooner has not had to wait for it.
const AT_ONCE: Duration = Duration::from_millis(2);

/// How many times it finds nothing to look at before it ends.
const IDLE: u32 = 10;

/// The thread is to end.
const QUIT: u8 = 1;
/// The thread wants the lock of the interpreter, or has it.
const ATTACHED: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(0);
static IS_RUNNING: AtomicBool = AtomicBool::new(false);
static IS_OVER: AtomicBool = AtomicBool::new(false);
static GENERATION: AtomicUsize = AtomicUsize::new(1);
static HANDLE: Mutex<Option<JoinHandle<()>>> = Mutex::new(None);
static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());

/// A slot as the thread has seen it.
struct Seen {
    slot: Weak<Slot>,
    /// The number of the load.
    number: u64,
    /// What its thread had had when it was first seen, later if it was paused meanwhile, and when it was last seen.
    before: Duration,
    last: Duration,
    /// When that was.
    at: Instant,
    pauses: u64,
    /// How long it did nothing since it was seen before.
    idle: Duration,
    /// How long it has waited for something else than the lock of the interpreter.
    waited: Duration,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many times the process has become another one by a fork.
pub(super) fn generation() -> usize {
    GENERATION.load(SeqCst)
}

/// Whether the interpreter ends, and nothing is watched any more.
pub(super) fn is_over() -> bool {
    IS_OVER.load(SeqCst)
}

/// Looks at a slot from now on, as long as somebody has it.
pub(super) fn add(slot: Slot) -> Arc<Slot> {
    let slot = Arc::new(slot);
    let none = Duration::ZERO;
    lock(&SEEN).push(Seen {
        slot: Arc::downgrade(&slot),
        number: 0,
        before: none,
        last: none,
        at: Instant::now(),
        pauses: 0,
        idle: none,
        waited: none,
    });
    slot
}

/// Sees to it that there is the thread. Who calls this has given a slot its number before.
#[inline]
pub(super) fn ensure() {
    if !IS_RUNNING.load(SeqCst) {
        start();
    }
}

#[cold]
fn start() {
    static FORKS: Once = Once::new();

    unsafe extern "C" {
        fn pthread_atfork(
            prepare: Option<extern "C" fn()>,
            parent: Option<extern "C" fn()>,
            child: Option<extern "C" fn()>,
        ) -> c_int;
    }
    // SAFETY: the functions live as long as the process.
    FORKS.call_once(|| unsafe {
        pthread_atfork(Some(before_fork), Some(after_fork), Some(in_child));
    });
    if is_over() || IS_RUNNING.swap(true, SeqCst) {
        return;
    }
    // One that has ended is given up.
    let builder = std::thread::Builder::new().name("brinery".into()).stack_size(256 << 10);
    let thread = without_signals(|| builder.spawn(run));
    if thread.is_err() {
        IS_RUNNING.store(false, SeqCst);
    }
    *lock(&HANDLE) = thread.ok();
}

/// Runs something that makes a thread to which no signal is sent: those are for threads that run Python.
fn without_signals<R>(body: impl FnOnce() -> R) -> R {
    const SET_MASK: c_int = if cfg!(target_os = "linux") { 2 } else { 3 };

    /// Large enough for all systems.
    #[repr(C, align(16))]
    struct Set([u64; 16]);

    unsafe extern "C" {
        fn sigfillset(set: *mut Set) -> c_int;
        fn pthread_sigmask(how: c_int, set: *const Set, before: *mut Set) -> c_int;
    }
    let (mut all, mut before) = (Set([0; 16]), Set([0; 16]));
    // SAFETY: the sets are filled by the calls.
    unsafe {
        sigfillset(&raw mut all);
        pthread_sigmask(SET_MASK, &raw const all, &raw mut before);
        let result = body();
        pthread_sigmask(SET_MASK, &raw const before, ptr::null_mut());
        result
    }
}

/// What the thread does.
fn run() {
    let mut idle = 0;
    while STATE.load(SeqCst) & QUIT == 0 {
        let wait = look();
        idle = if wait.is_some() { 0 } else { idle + 1 };
        if idle > IDLE {
            IS_RUNNING.store(false, SeqCst);
            // Who has begun a load since has either seen that, or is seen.
            if !is_needed() || IS_RUNNING.swap(true, SeqCst) {
                return;
            }
            idle = 0;
        }
        park_timeout(wait.unwrap_or(TICK));
    }
    IS_RUNNING.store(false, SeqCst);
}

/// Whether a load is watched.
fn is_needed() -> bool {
    lock(&SEEN).iter().any(|seen| seen.slot.upgrade().is_some_and(|slot| slot.word.load(SeqCst) != 0))
}

/// Looks at all loads that are watched, and interrupts those whose time is over. How long there is nothing to do then, if there is
/// any load.
fn look() -> Option<Duration> {
    let mut next = None;
    let mut due = Vec::new();
    let mut is_idle = false;
    lock(&SEEN).retain_mut(|seen| {
        let Some(slot) = seen.slot.upgrade() else { return false };
        if let Some(left) = seen.look_at(&slot) {
            let left = left.clamp(AGAIN, TICK);
            next = Some(next.map_or(left, |next: Duration| next.min(left)));
            is_idle |= seen.idle > Duration::ZERO;
            if left == AGAIN && seen.is_due(&slot) {
                due.push((slot, seen.number, seen.waited > Duration::ZERO));
            }
        }
        true
    });
    for (slot, number, waits) in due {
        slot.fire(number, waits);
    }
    // Who does nothing while nobody has the lock waits for something else.
    if is_idle && lock_is_free() {
        lock(&SEEN).iter_mut().for_each(|seen| seen.waited += std::mem::take(&mut seen.idle));
    }
    next
}

impl Seen {
    /// How much time is left to a load, if there is one.
    fn look_at(&mut self, slot: &Slot) -> Option<Duration> {
        let word = slot.word.load(SeqCst);
        let number = word & !FLAGS;
        let had = if number == 0 { None } else { slot.clock.had() }?;
        let pauses = slot.pauses.load(SeqCst);
        let passed = self.at.elapsed();
        self.at = Instant::now();
        // Of a load that is seen for the first time, or that was paused meanwhile, it is not known what it waited for.
        let is_known = number == self.number && pauses == self.pauses && word & PAUSED == 0;
        let does_nothing = had.saturating_sub(self.last) < passed / 100;
        // This thread may have been stopped.
        self.idle =
            if is_known && does_nothing && slot.sleeps() { passed.min(2 * TICK) } else { Duration::ZERO };
        if number != self.number {
            (self.number, self.before, self.last, self.waited) = (number, had, had, Duration::ZERO);
        }
        self.pauses = pauses;
        if word & PAUSED != 0 {
            self.before += had.saturating_sub(self.last);
        }
        self.last = had;
        let longest = Duration::from_nanos(slot.longest.load(SeqCst));
        if self.used() >= longest / 2 && word & (LATE | PAUSED) == 0 && slot.by_signal.load(SeqCst) {
            interrupt::enter();
            if slot.word.compare_exchange(word, word | LATE, SeqCst, SeqCst).is_err() {
                interrupt::leave();
            }
        }
        Some(longest.saturating_sub(self.used()))
    }

    fn used(&self) -> Duration {
        self.last.saturating_sub(self.before) + self.waited
    }

    fn is_due(&self, slot: &Slot) -> bool {
        self.used() >= Duration::from_nanos(slot.longest.load(SeqCst))
    }
}

/// Where the system says what this thread does: a file of its own in Linux.
pub(super) fn status_of_this() -> Option<PathBuf> {
    let task = std::fs::read_link("/proc/thread-self").ok()?;
    Some(Path::new("/proc").join(task).join("stat"))
}

impl Slot {
    /// Whether the thread sleeps, and can be interrupted: others may have the processor that it wants.
    fn sleeps(&self) -> bool {
        let Some(status) = self.status.as_ref().filter(|_| self.by_signal.load(SeqCst)) else { return false };
        let text = std::fs::read(status).unwrap_or_default();
        // The name of a thread is in parentheses and may be anything.
        let end = text.iter().rposition(|&byte| byte == b')').unwrap_or(0);
        text[end..].starts_with(b") S")
    }

    /// Interrupts the load of this number, if it still runs, and what it waits for.
    fn fire(&self, number: u64, waits: bool) {
        if !self.by_signal.load(SeqCst) {
            return self.fire_attached(number);
        }
        let word = self.word.load(SeqCst);
        if word & !FLAGS == number
            && word & PAUSED == 0
            && self.word.compare_exchange(word, word | FIRING, SeqCst, SeqCst).is_ok()
        {
            // SAFETY: it may be called from anywhere.
            unsafe { PyErr_SetInterrupt() };
            if waits && word & LATE != 0 {
                interrupt::wake(self.thread);
            }
            self.word.store(word | FIRED, SeqCst);
            // Code in Python looks only when somebody wants the lock, if it was not the main thread that has said so.
            attached(|| ());
        }
    }

    /// The same by an exception. Who holds the lock of the interpreter can rely on it that the load neither ends nor pauses.
    fn fire_attached(&self, number: u64) {
        attached(|| {
            let word = self.word.load(SeqCst);
            // SAFETY: what is there stays.
            let known = unsafe { KNOWN.load(SeqCst).as_ref() };
            if let Some(known) = known.filter(|_| word & !FLAGS == number && word & PAUSED == 0) {
                // SAFETY: this thread is attached, and the class is never given up.
                unsafe { raise_later(self.thread, known.expired.as_ptr()) };
                self.word.store(word | FIRED, SeqCst);
            }
        });
    }
}

/// Whether nobody has the lock of the interpreter this moment.
fn lock_is_free() -> bool {
    let begun = Instant::now();
    let mut waited = None;
    attached(|| waited = Some(begun.elapsed()));
    waited.is_some_and(|waited| waited < AT_ONCE)
}

/// Does something with the lock of the interpreter, which may have to be waited for, unless the process forks.
fn attached(body: impl FnOnce()) {
    if STATE.compare_exchange(0, ATTACHED, SeqCst, SeqCst).is_err() {
        return;
    }
    // SAFETY: the interpreter does not end before this thread has, and nobody waits for this thread who holds the lock.
    unsafe {
        let attached = PyGILState_Ensure();
        body();
        PyGILState_Release(attached);
    }
    STATE.fetch_and(!ATTACHED, SeqCst);
}

/// Ends the thread for good, for the interpreter ends. Who calls this does not hold its lock.
pub(super) fn end() {
    IS_OVER.store(true, SeqCst);
    STATE.fetch_or(QUIT, SeqCst);
    join();
}

fn join() {
    let thread = lock(&HANDLE).take();
    if let Some(thread) = thread {
        thread.thread().unpark();
        // It does not panic.
        let _ = thread.join();
    }
}

/// The thread ends before the process forks. One that waits for the lock, which whoever forks may hold, is left alone.
extern "C" fn before_fork() {
    if STATE.fetch_or(QUIT, SeqCst) & ATTACHED == 0 {
        join();
    }
    if !is_over() {
        STATE.fetch_and(!QUIT, SeqCst);
    }
}

extern "C" fn after_fork() {
    if !IS_RUNNING.load(SeqCst) && is_needed() {
        start();
    }
}

/// In the new process there is no thread but this one. Its loads are watched from the next one on.
extern "C" fn in_child() {
    std::mem::forget(lock(&HANDLE).take());
    lock(&SEEN).clear();
    STATE.store(0, SeqCst);
    IS_RUNNING.store(false, SeqCst);
    GENERATION.fetch_add(1, SeqCst);
}
