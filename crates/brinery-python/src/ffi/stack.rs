//! How much is left of the C stack.

/// An estimate of how many bytes of this thread's stack are free, where the system tells.
pub(crate) fn left() -> Option<usize> {
    let here = 0u8;
    Some((&raw const here).addr().saturating_sub(end()?))
}

/// The lowest address of this thread's stack.
#[cfg(target_os = "linux")]
fn end() -> Option<usize> {
    use std::cell::Cell;
    use std::ffi::{c_int, c_void};
    use std::ptr;

    /// Room for a `pthread_attr_t`, which has up to eight words.
    #[repr(C)]
    struct Attributes([usize; 16]);

    unsafe extern "C" {
        fn pthread_self() -> usize;
        fn pthread_getattr_np(thread: usize, attributes: *mut Attributes) -> c_int;
        fn pthread_attr_getstack(
            attributes: *const Attributes,
            address: *mut *mut c_void,
            size: *mut usize,
        ) -> c_int;
        fn pthread_attr_destroy(attributes: *mut Attributes) -> c_int;
    }

    thread_local! {
        /// Finding it out takes long in the first thread.
        static END: Cell<Option<usize>> = const { Cell::new(None) };
    }
    END.with(|end| {
        if end.get().is_none() {
            let mut attributes = Attributes([0; 16]);
            let (mut address, mut size) = (ptr::null_mut(), 0);
            // SAFETY: the thread asks for itself; the attributes are only used, and given back, if they were filled in.
            unsafe {
                if pthread_getattr_np(pthread_self(), &raw mut attributes) != 0 {
                    return None;
                }
                if pthread_attr_getstack(&raw const attributes, &raw mut address, &raw mut size) == 0 {
                    end.set(Some(address.addr()));
                }
                pthread_attr_destroy(&raw mut attributes);
            }
        }
        end.get()
    })
}

#[cfg(not(target_os = "linux"))]
fn end() -> Option<usize> {
    None
}
