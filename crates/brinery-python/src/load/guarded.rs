//! What Python code may reach while a load is running.

use crate::ffi::Owned;
use brinery::read::Memo;

#[cfg(not(Py_GIL_DISABLED))]
type Cell<T> = std::cell::UnsafeCell<T>;
#[cfg(Py_GIL_DISABLED)]
type Cell<T> = std::sync::Mutex<T>;

/// A value that may be used from anywhere, for moments in which no Python code runs.
///
/// With a global interpreter lock that lock protects it; without one it has its own.
pub(crate) struct Guarded<T>(Cell<T>);

// SAFETY: all access goes through `with`, under one of the two locks.
#[cfg(not(Py_GIL_DISABLED))]
unsafe impl<T> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    pub(crate) fn new(value: T) -> Self {
        Guarded(Cell::new(value))
    }

    /// Lets `body` use the value.
    ///
    /// # Safety
    ///
    /// `body` runs no Python code, directly or by giving up the last reference to an object, and does not come back
    /// to this value.
    #[inline(always)]
    pub(crate) unsafe fn with<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(not(Py_GIL_DISABLED))]
        // SAFETY: the thread holds the interpreter lock and, by contract, keeps it until `body` returns.
        let value = unsafe { &mut *self.0.get() };
        #[cfg(Py_GIL_DISABLED)]
        let value = &mut *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        body(value)
    }

    fn get_mut(&mut self) -> &mut T {
        #[cfg(not(Py_GIL_DISABLED))]
        return self.0.get_mut();
        #[cfg(Py_GIL_DISABLED)]
        return self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
    }

    /// Puts `value` in and hands out what was there.
    pub(crate) fn replace(&self, value: T) -> T {
        // SAFETY: exchanging two values runs no code.
        unsafe { self.with(|place| std::mem::replace(place, value)) }
    }
}

/// A memo that the load shares with the memo proxies.
pub(crate) struct SharedMemo(Guarded<Memo<Owned>>);

impl Default for SharedMemo {
    fn default() -> Self {
        Self::new(Memo::default())
    }
}

impl SharedMemo {
    pub(crate) fn new(memo: Memo<Owned>) -> Self {
        SharedMemo(Guarded::new(memo))
    }

    /// The object at `index`.
    #[inline(always)]
    pub(crate) fn get(&self, index: u64) -> Option<Owned> {
        // SAFETY: taking a reference runs no Python code.
        unsafe { self.0.with(|memo| memo.get(index).cloned()) }
    }

    /// Stores an object at `index`.
    #[inline(always)]
    pub(crate) fn put(&self, index: u64, value: Owned) {
        // SAFETY: what was there before is given up only afterwards.
        drop(unsafe { self.0.with(|memo| memo.insert(index, value)) });
    }

    /// Stores an object under the number of objects stored.
    #[inline(always)]
    pub(crate) fn memoize(&self, value: Owned) {
        // SAFETY: what was there before is given up only afterwards.
        drop(unsafe { self.0.with(|memo| memo.insert(memo.len() as u64, value)) });
    }

    /// All objects and their indexes.
    pub(crate) fn entries(&self) -> Vec<(u64, Owned)> {
        // SAFETY: taking references runs no Python code.
        unsafe { self.0.with(|memo| memo.iter().map(|(index, value)| (index, value.clone())).collect()) }
    }

    /// The memo, for whoever nobody shares it with.
    pub(super) fn get_mut(&mut self) -> &mut Memo<Owned> {
        self.0.get_mut()
    }

    /// Exchanges the whole memo.
    pub(crate) fn replace(&self, memo: Memo<Owned>) -> Memo<Owned> {
        self.0.replace(memo)
    }

    /// How many bytes the memo takes.
    pub(crate) fn size(&self) -> usize {
        // SAFETY: counting runs no code.
        unsafe { self.0.with(|memo| memo.len()) * size_of::<Owned>() }
    }

    /// Visits all objects, for the collector, until `visit` answers something other than zero.
    pub(crate) fn traverse(&self, mut visit: impl FnMut(&Owned) -> std::ffi::c_int) -> std::ffi::c_int {
        // SAFETY: the collector's visits run no Python code.
        unsafe { self.0.with(|memo| memo.values().map(&mut visit).find(|&status| status != 0).unwrap_or(0)) }
    }
}
