//! Large pages for what a load is going to fill.
//!
//! Most of the time that it takes to get fresh memory is spent page by page. Where the system has large pages on request, the
//! interpreter's arenas and very large objects are put on them, unless they are found to be slow.

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod linux {
    use pyo3_ffi::{PyObject_GetArenaAllocator, PyObject_SetArenaAllocator, PyObjectArenaAllocator};
    use std::ffi::{c_int, c_void};
    use std::mem::MaybeUninit;
    use std::ptr;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
    use std::time::{Duration, Instant};

    unsafe extern "C" {
        fn mmap(
            address: *mut c_void,
            len: usize,
            protection: c_int,
            flags: c_int,
            fd: c_int,
            at: i64,
        ) -> *mut c_void;
        fn munmap(address: *mut c_void, len: usize) -> c_int;
        fn madvise(address: *mut c_void, len: usize, advice: c_int) -> c_int;
        fn mincore(address: *mut c_void, len: usize, pages: *mut u8) -> c_int;
    }

    const READ_WRITE: c_int = 1 | 2;
    const PRIVATE_ANONYMOUS: c_int = 2 | 0x20;
    const HUGE: c_int = 14;
    const SMALL: c_int = 15;
    const DONT_NEED: c_int = 4;
    const POPULATE: c_int = 23;

    /// The size of a large page.
    const LARGE: usize = 2 << 20;

    /// No ordinary page is larger on the systems that we know; a smaller one is no less aligned.
    const PAGE: usize = 64 << 10;

    /// From how many bytes on an object gets large pages of its own.
    const OBJECT: usize = 2 * LARGE;

    /// How long it may take to get a large page. Where the system itself has to ask for the memory, as a virtual machine may,
    /// large pages take many times longer than small ones, of which some are always at hand.
    const LONG: Duration = Duration::from_micros(600);

    /// How long large pages are done without after one has taken too long.
    const WITHOUT: Duration = Duration::from_millis(500);

    /// The unused half of the last large page, for the arena that comes next: null or mapped memory of `LARGE / 2` bytes.
    static HALF: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

    /// Until when large pages are done without, in nanoseconds of [`now`].
    static UNTIL: AtomicU64 = AtomicU64::new(0);

    /// The time since this was asked for first.
    fn now() -> Duration {
        static FIRST: OnceLock<Instant> = OnceLock::new();
        FIRST.get_or_init(Instant::now).elapsed()
    }

    /// Whether large pages have not been found slow lately.
    fn large_pages_pay() -> bool {
        now().as_nanos() as u64 >= UNTIL.load(Ordering::Relaxed)
    }

    /// Fetches a large page, and answers whether that has taken too long, which is remembered.
    ///
    /// # Safety
    ///
    /// As for [`fetch`].
    unsafe fn fetch_large(page: *mut u8) -> bool {
        let began = now();
        // SAFETY: by contract.
        unsafe { fetch(page, LARGE) };
        let now = now();
        let slow = now.saturating_sub(began) > LONG;
        if slow {
            UNTIL.store((now + WITHOUT).as_nanos() as u64, Ordering::Relaxed);
        }
        slow
    }

    /// Fetches memory that is going to be filled, all at once. What is there already stays as it is.
    ///
    /// # Safety
    ///
    /// The memory is ours, and starts and ends with a page.
    unsafe fn fetch(memory: *mut u8, len: usize) {
        // SAFETY: by contract. An older system refuses, and fetches each page when it is written.
        unsafe { madvise(memory.cast(), len, POPULATE) };
    }

    /// Whether memory of the size of a large page has been written before, judged by its end.
    ///
    /// # Safety
    ///
    /// The memory is mapped.
    unsafe fn is_there(memory: *mut u8) -> bool {
        let mut there = 0;
        // SAFETY: by contract, and one answer is asked for.
        unsafe { mincore(memory.byte_add(LARGE - PAGE).cast(), 1, &raw mut there) == 0 && there & 1 == 1 }
    }

    /// An arena for the interpreter, which gives it back with `munmap`.
    extern "C" fn allocate(_: *mut c_void, size: usize) -> *mut c_void {
        // SAFETY: maps new memory, and unmaps only what lies beyond the large page in it.
        unsafe {
            let map = |len| {
                let memory = mmap(ptr::null_mut(), len, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0);
                if memory.addr() == usize::MAX { ptr::null_mut() } else { memory }
            };
            if size != LARGE / 2 {
                return map(size);
            }
            let half = HALF.swap(ptr::null_mut(), Ordering::AcqRel);
            if !half.is_null() {
                return half;
            }
            if !large_pages_pay() {
                let memory = map(size);
                if !memory.is_null() {
                    fetch(memory.cast(), size);
                }
                return memory;
            }
            let memory = map(2 * LARGE);
            if memory.is_null() {
                return map(size);
            }
            let before = memory.addr().wrapping_neg() % LARGE;
            let page = memory.byte_add(before);
            if before > 0 {
                munmap(memory, before);
            }
            if LARGE > before {
                munmap(page.byte_add(LARGE), LARGE - before);
            }
            madvise(page, LARGE, HUGE);
            fetch_large(page.cast());
            let unused = HALF.swap(page.byte_add(size), Ordering::AcqRel);
            if !unused.is_null() {
                munmap(unused, size);
            }
            page
        }
    }

    /// The time in which the interpreter's new arenas are on large pages, until this is dropped.
    #[derive(Default)]
    pub(crate) struct LargeArenas {
        before: Option<PyObjectArenaAllocator>,
    }

    impl LargeArenas {
        pub(crate) fn begin(&mut self) {
            let mut allocator = MaybeUninit::uninit();
            // SAFETY: the call fills the structure. An allocator without a context is the interpreter's own, whose way of
            // giving back is `munmap`.
            unsafe {
                PyObject_GetArenaAllocator(allocator.as_mut_ptr());
                let before: PyObjectArenaAllocator = allocator.assume_init();
                if !before.ctx.is_null() {
                    return;
                }
                let mut large = before;
                large.alloc = Some(allocate);
                PyObject_SetArenaAllocator(&raw mut large);
                self.before = Some(before);
            }
        }
    }

    impl Drop for LargeArenas {
        fn drop(&mut self) {
            if let Some(before) = &mut self.before {
                // SAFETY: the allocator that was there before.
                unsafe { PyObject_SetArenaAllocator(&raw mut *before) };
            }
        }
    }

    /// Lets go of the memory that part of a mapped file takes, if it is worth it; it comes back when it is read again.
    ///
    /// # Safety
    ///
    /// The file is mapped to be read only.
    pub(crate) unsafe fn let_go(part: &[u8]) {
        if part.len() >= LARGE {
            let start = part.as_ptr().map_addr(|address| address.next_multiple_of(PAGE));
            let len = (part.len() - (start.addr() - part.as_ptr().addr())) / PAGE * PAGE;
            // SAFETY: by contract, nothing is lost.
            unsafe { madvise(start.cast_mut().cast(), len, DONT_NEED) };
        }
    }

    /// Puts large memory on large pages, as far as they lie within it and are not yet there. The first `used` bytes have been
    /// written.
    #[inline(always)]
    pub(crate) fn enlarge(memory: *mut u8, used: usize, len: usize) {
        if len >= OBJECT {
            advise(memory, used, len);
        }
    }

    #[cold]
    fn advise(memory: *mut u8, used: usize, len: usize) {
        let start = memory.map_addr(|address| (address + used).next_multiple_of(LARGE));
        let end = (memory.addr() + len) / LARGE * LARGE;
        if start.addr() >= end || !large_pages_pay() {
            return;
        }
        let len = end - start.addr();
        // SAFETY: advice on memory that is ours; it may be refused.
        unsafe {
            if is_there(start) {
                return;
            }
            madvise(start.cast(), len, HUGE);
            if fetch_large(start) {
                madvise(start.cast(), len, SMALL);
            }
        }
    }

    /// Fills memory, which is fetched in large pages if it is large and that pays.
    ///
    /// # Safety
    ///
    /// There is room for the data at `target`, and they do not overlap.
    #[inline(always)]
    pub(crate) unsafe fn fill(target: *mut u8, data: &[u8]) {
        // SAFETY: by contract.
        unsafe {
            if data.len() >= OBJECT {
                fill_large(target, data);
            } else {
                ptr::copy_nonoverlapping(data.as_ptr(), target, data.len());
            }
        }
    }

    #[cold]
    unsafe fn fill_large(mut target: *mut u8, data: &[u8]) {
        let (head, data) = data.split_at(target.addr().wrapping_neg() % LARGE);
        // SAFETY: by contract there is room for all parts, one after the other, and of the memory from the first large page
        // on, what is advised and fetched is the part that is about to be filled.
        unsafe {
            ptr::copy_nonoverlapping(head.as_ptr(), target, head.len());
            target = target.add(head.len());
            let mut large = false;
            let mut rest = data;
            while let Some((part, others)) = rest.split_at_checked(LARGE) {
                if !is_there(target) {
                    if !large && large_pages_pay() {
                        large = true;
                        madvise(target.cast(), rest.len() / LARGE * LARGE, HUGE);
                    }
                    if !large {
                        fetch(target, LARGE);
                    } else if fetch_large(target) {
                        large = false;
                        madvise(target.add(LARGE).cast(), others.len() / LARGE * LARGE, SMALL);
                    }
                }
                ptr::copy_nonoverlapping(part.as_ptr(), target, LARGE);
                target = target.add(LARGE);
                rest = others;
            }
            ptr::copy_nonoverlapping(rest.as_ptr(), target, rest.len());
        }
    }
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub(crate) use linux::{LargeArenas, enlarge, fill, let_go};

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod elsewhere {
    /// Nothing.
    #[derive(Default)]
    pub(crate) struct LargeArenas;

    impl LargeArenas {
        pub(crate) fn begin(&mut self) {}
    }

    /// Does nothing.
    ///
    /// # Safety
    ///
    /// There is nothing to observe.
    pub(crate) unsafe fn let_go(_: &[u8]) {}

    /// Does nothing.
    pub(crate) fn enlarge(_: *mut u8, _: usize, _: usize) {}

    /// Fills memory.
    ///
    /// # Safety
    ///
    /// There is room for the data at `target`, and they do not overlap.
    #[inline(always)]
    pub(crate) unsafe fn fill(target: *mut u8, data: &[u8]) {
        // SAFETY: by contract.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), target, data.len()) };
    }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub(crate) use elsewhere::{LargeArenas, enlarge, fill, let_go};
