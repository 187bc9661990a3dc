//! Hooks in the interpreter's allocators, for the thread that loads.

use super::super::time::Watch;
use super::arrays::ARRAYS;
use super::watchdog::{Watched, expire_later, expire_no_more};
use crate::ffi::Ref;
use crate::ffi::api::*;
use brinery::policy::{Limits, Rule};
use std::cell::{Cell, UnsafeCell};
use std::ffi::c_void;
use std::ptr;
use std::time::{Duration, Instant};

/// How much is allocated between two looks at the clock.
const STEP: i64 = 1 << 20;

/// What code may allocate for a while besides what the objects of the stream take.
const SLACK: u64 = 192 << 20;

/// How long code gets to end by itself when its time is over, before nothing is allocated for it any more.
const GRACE: Duration = Duration::from_millis(200);

/// How many objects are remembered of one call.
const MOST: usize = 1 << 20;

/// What one load may still allocate.
struct Bounds {
    /// What may be allocated before the next look.
    credit: i64,
    /// What was allocated before the last look, whatever became of it.
    total: u64,
    most: u64,
    /// The memory of the process where the first step of allocations was made: to ask for it takes longer than most loads.
    before: Option<u64>,
    watch: Watch,
    longest: Duration,
    /// The rule that was broken.
    broken: Option<Rule>,
    /// Whether an exception is under way to the thread.
    has_raised: bool,
    /// Who ends code that does not allocate.
    watched: Option<Watched>,
    paused: bool,
    /// Where objects were allocated by the call that runs, if that is of interest.
    made: Option<Vec<usize>>,
    /// The fence of the load within which this one runs.
    outer: *mut Bounds,
}

thread_local! {
    static CURRENT: Cell<*mut Bounds> = const { Cell::new(ptr::null_mut()) };
}

/// Bounds for what code does that is granted, until it is dropped.
#[derive(Default)]
pub(in crate::policy) struct Fence(Option<Box<Bounds>>);

impl Fence {
    /// Begins to bound what this thread does.
    pub(in crate::policy) fn begin(&mut self, limits: &Limits, input: usize) {
        if self.0.is_some() || !HOOKS.install() {
            return;
        }
        let longest = Duration::from_millis(limits.milliseconds_for(input));
        let bounds = Box::new(Bounds {
            credit: STEP,
            total: 0,
            most: limits.memory_for(input).saturating_add(SLACK),
            before: None,
            watch: Watch::running(),
            longest,
            broken: None,
            has_raised: false,
            watched: Watched::begin(longest),
            paused: false,
            made: None,
            outer: CURRENT.get(),
        });
        let bounds = self.0.insert(bounds);
        CURRENT.set(&raw mut **bounds);
    }

    /// The rule that the code has broken, if it has. Then the fence is down, for what says so has to run. If another exception has
    /// come from a handler of the program's own meanwhile, that is set, and none is returned.
    pub(in crate::policy) fn broken(&mut self) -> Option<Rule> {
        let bounds = self.0.as_ref()?;
        let is_late = bounds.watched.as_ref().is_some_and(Watched::has_fired);
        let rule = bounds.broken.or(is_late.then_some(Rule::BudgetTime))?;
        (!self.end()).then_some(rule)
    }

    /// Runs what is the program's own and may cost what it likes.
    pub(in crate::policy) fn open<R>(&mut self, body: impl FnOnce() -> R) -> R {
        let Some(bounds) = &mut self.0 else { return body() };
        let memory = if bounds.before.is_some() { resident() } else { None };
        let begun = Instant::now();
        bounds.paused = true;
        bounds.watched.as_ref().inspect(|watched| watched.pause());
        let result = body();
        bounds.watched.as_ref().inspect(|watched| watched.go_on());
        bounds.paused = false;
        if let (Some(before), Some(memory)) = (&mut bounds.before, memory) {
            *before += resident().unwrap_or(0).saturating_sub(memory);
        }
        bounds.longest += begun.elapsed();
        result
    }

    /// Remembers from now on which objects are made.
    pub(in crate::policy) fn record(&mut self) {
        if let Some(bounds) = &mut self.0 {
            bounds.made = Some(Vec::new());
        }
    }

    /// Whether an object was made since, as far as that is known; nothing more is remembered.
    pub(in crate::policy) fn has_made(&mut self, object: Ref<'_>) -> bool {
        let Some(made) = self.0.as_mut().and_then(|bounds| bounds.made.take()) else { return true };
        made.contains(&start_of(object))
    }
}

impl Drop for Fence {
    #[inline(always)]
    fn drop(&mut self) {
        self.end();
    }
}

impl Fence {
    /// Whether an exception has come from a handler of the program's own meanwhile.
    #[inline(always)]
    fn end(&mut self) -> bool {
        self.0.take().is_some_and(|bounds| Self::end_of(&bounds))
    }

    #[cold]
    fn end_of(bounds: &Bounds) -> bool {
        CURRENT.set(bounds.outer);
        HOOKS.uninstall();
        if bounds.has_raised {
            // It may not have arrived yet.
            expire_no_more();
        }
        bounds.watched.as_ref().is_some_and(Watched::end)
    }
}

impl Bounds {
    /// Whether so much may be allocated.
    #[inline(always)]
    fn admits(&mut self, size: usize) -> bool {
        self.credit -= (size as i64).saturating_add(32).max(32);
        self.credit >= 0 || self.look(size)
    }

    #[cold]
    fn look(&mut self, size: usize) -> bool {
        if self.paused {
            return true;
        }
        self.total = self.total.saturating_add((STEP - self.credit) as u64);
        self.credit = STEP;
        let before = *self.before.get_or_insert_with(|| resident().unwrap_or(0));
        if self.watch.exceeds(self.longest) {
            self.broken.get_or_insert(Rule::BudgetTime);
            if self.has_raised {
                // All that comes now fails.
                self.credit = -1;
                return false;
            }
            self.has_raised = true;
            self.longest += GRACE;
            expire_later();
        }
        if self.total > self.most {
            let grown = resident().map_or(0, |now| now.saturating_sub(before));
            if grown.max(size as u64) > self.most || grown + size as u64 > self.most {
                self.broken.get_or_insert(Rule::BudgetMemory);
                return false;
            }
        }
        // SAFETY: an outer load lasts longer than one within it.
        unsafe { self.outer.as_mut().is_none_or(|outer| outer.admits(size.max(STEP as usize))) }
    }
}

/// Where the memory of an object begins.
fn start_of(object: Ref<'_>) -> usize {
    /// What lies before an object whose attributes, or weak references, the interpreter manages.
    const MANAGED: std::ffi::c_ulong = if cfg!(Py_3_11) { 1 << 3 | 1 << 4 } else { 0 };

    // SAFETY: the object is alive, and so is its class.
    let flags = unsafe { PyType_GetFlags(object.type_ptr()) };
    let collected = if flags & Py_TPFLAGS_HAVE_GC == 0 { 0 } else { 16 };
    let managed = if flags & MANAGED == 0 { 0 } else { 16 };
    object.as_ptr().addr() - collected - managed
}

/// The memory that the process has to itself, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> Option<u64> {
    const PAGE: u64 = 4096;
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = text.split(' ').skip(1).map_while(|number| number.parse::<u64>().ok());
    let (all, shared) = (pages.next()?, pages.next()?);
    Some(all.saturating_sub(shared) * PAGE)
}

/// Not known: only what is asked for at once is compared with what there may be.
#[cfg(not(target_os = "linux"))]
fn resident() -> Option<u64> {
    None
}

/// The allocators that were there before, and how many loads have a fence.
struct Hooks(UnsafeCell<Hooked>);

struct Hooked {
    loads: usize,
    /// Whether our functions are among those that the interpreter calls, at once or by another hook.
    installed: bool,
    memory: PyMemAllocatorEx,
    object: PyMemAllocatorEx,
}

const NOTHING: PyMemAllocatorEx =
    PyMemAllocatorEx { ctx: ptr::null_mut(), malloc: None, calloc: None, realloc: None, free: None };

static HOOKS: Hooks =
    Hooks(UnsafeCell::new(Hooked { loads: 0, installed: false, memory: NOTHING, object: NOTHING }));

// SAFETY: who looks at it, or changes it, holds the lock of the main interpreter.
unsafe impl Sync for Hooks {}

impl Hooks {
    /// Hooks into the allocators, if this is the main interpreter: others may have locks of their own.
    fn install(&self) -> bool {
        // SAFETY: the thread is attached, and holds the lock if this is the main interpreter.
        unsafe {
            if PyInterpreterState_Get() != PyInterpreterState_Main() {
                return false;
            }
            let hooked = &mut *self.0.get();
            hooked.loads += 1;
            if !hooked.installed {
                hook(PyMemAllocatorDomain::PYMEM_DOMAIN_MEM, &raw mut hooked.memory);
                hook(PyMemAllocatorDomain::PYMEM_DOMAIN_OBJ, &raw mut hooked.object);
                hooked.installed = true;
            }
            ARRAYS.install();
        }
        true
    }

    fn uninstall(&self) {
        // SAFETY: as it was where this was installed.
        unsafe {
            let hooked = &mut *self.0.get();
            hooked.loads -= 1;
            if hooked.loads > 0 {
                return;
            }
            ARRAYS.uninstall();
            let places = [
                (PyMemAllocatorDomain::PYMEM_DOMAIN_MEM, &raw mut hooked.memory),
                (PyMemAllocatorDomain::PYMEM_DOMAIN_OBJ, &raw mut hooked.object),
            ];
            // Who has hooked in after us keeps us, and calls us: then we stay, and let everything through.
            if places.iter().all(|&(domain, before)| current(domain).ctx == before.cast()) {
                for (domain, before) in places {
                    PyMem_SetAllocator(domain, before);
                }
                hooked.installed = false;
            }
        }
    }
}

/// The allocator of a domain.
fn current(domain: PyMemAllocatorDomain) -> PyMemAllocatorEx {
    let mut allocator = NOTHING;
    // SAFETY: the call fills the structure.
    unsafe { PyMem_GetAllocator(domain, &raw mut allocator) };
    allocator
}

/// Puts our functions before the allocator of a domain, which is kept at a place.
///
/// # Safety
///
/// The place stays what it is as long as the functions may be called.
unsafe fn hook(domain: PyMemAllocatorDomain, place: *mut PyMemAllocatorEx) {
    // SAFETY: the structures are filled; by contract the context stays.
    unsafe {
        *place = current(domain);
        let mut ours = PyMemAllocatorEx {
            ctx: place.cast(),
            malloc: Some(malloc),
            calloc: Some(calloc),
            realloc: Some(realloc),
            free: Some(free),
        };
        PyMem_SetAllocator(domain, &raw mut ours);
    }
}

/// Whether this thread may have so much memory.
#[inline(always)]
pub(super) fn admits(size: usize) -> bool {
    // SAFETY: what is current lives until it is no longer.
    unsafe { CURRENT.get().as_mut().is_none_or(|bounds| bounds.admits(size)) }
}

/// Remembers what was allocated, if that is of interest.
#[inline(always)]
fn note(memory: *mut c_void) -> *mut c_void {
    // SAFETY: as above.
    if let Some(Bounds { made: Some(made), paused: false, .. }) = unsafe { CURRENT.get().as_mut() }
        && made.len() < MOST
    {
        made.push(memory.addr());
    }
    memory
}

/// The allocator that was there before ours.
#[inline(always)]
fn before<'a>(ctx: *mut c_void) -> &'a PyMemAllocatorEx {
    // SAFETY: the context is the place where it is kept, which is there for ever, and changes only when nobody calls us.
    unsafe { &*ctx.cast() }
}

extern "C" fn malloc(ctx: *mut c_void, size: usize) -> *mut c_void {
    let before = before(ctx);
    match before.malloc {
        Some(malloc) if admits(size) => note(malloc(before.ctx, size)),
        _ => ptr::null_mut(),
    }
}

extern "C" fn calloc(ctx: *mut c_void, count: usize, size: usize) -> *mut c_void {
    let before = before(ctx);
    match before.calloc {
        Some(calloc) if admits(count.saturating_mul(size)) => note(calloc(before.ctx, count, size)),
        _ => ptr::null_mut(),
    }
}

extern "C" fn realloc(ctx: *mut c_void, memory: *mut c_void, size: usize) -> *mut c_void {
    let before = before(ctx);
    match before.realloc {
        Some(realloc) if admits(size) => note(realloc(before.ctx, memory, size)),
        _ => ptr::null_mut(),
    }
}

extern "C" fn free(ctx: *mut c_void, memory: *mut c_void) {
    let before = before(ctx);
    if let Some(free) = before.free {
        free(before.ctx, memory);
    }
}
