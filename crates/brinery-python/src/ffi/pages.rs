//! Large pages for what a load is going to fill.
//!
//! Most of the time that it takes to get fresh memory is spent page by page. Where the system has large pages on request, the
//! interpreter's arenas and very large objects are put on them.

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod linux {
    use pyo3_ffi::{PyObject_GetArenaAllocator, PyObject_SetArenaAllocator, PyObjectArenaAllocator};
    use std::ffi::{c_int, c_void};
    use std::mem::MaybeUninit;
    use std::ptr;
    use std::sync::atomic::{AtomicPtr, Ordering};

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
    }

    const READ_WRITE: c_int = 1 | 2;
    const PRIVATE_ANONYMOUS: c_int = 2 | 0x20;
    const HUGE: c_int = 14;
    const DONT_NEED: c_int = 4;

    /// The size of a large page.
    const LARGE: usize = 2 << 20;

    /// From how many bytes on an object gets large pages of its own.
    const OBJECT: usize = 2 * LARGE;

    /// The unused half of the last large page, for the arena that comes next: null or mapped memory of `LARGE / 2` bytes.
    static HALF: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

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
        // No page is larger on the systems that we know; a smaller one is no less aligned.
        const PAGE: usize = 64 << 10;
        if part.len() >= LARGE {
            let start = part.as_ptr().map_addr(|address| address.next_multiple_of(PAGE));
            let len = (part.len() - (start.addr() - part.as_ptr().addr())) / PAGE * PAGE;
            // SAFETY: by contract, nothing is lost.
            unsafe { madvise(start.cast_mut().cast(), len, DONT_NEED) };
        }
    }

    /// Puts large new memory on large pages, as far as they lie within it.
    #[inline(always)]
    pub(crate) fn enlarge(memory: *mut u8, len: usize) {
        if len >= OBJECT {
            let start = memory.map_addr(|address| address.next_multiple_of(LARGE));
            let len = (len - (start.addr() - memory.addr())) / LARGE * LARGE;
            // SAFETY: advice on memory that is ours; it may be refused.
            unsafe { madvise(start.cast(), len, HUGE) };
        }
    }
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub(crate) use linux::{LargeArenas, enlarge, let_go};

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
    pub(crate) fn enlarge(_: *mut u8, _: usize) {}
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub(crate) use elsewhere::{LargeArenas, enlarge, let_go};
