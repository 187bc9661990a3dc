//! The items of dicts, and the attributes of instances, which are in one or look like it: read while they are saved.

use crate::ffi::Ref;
use crate::ffi::api::*;

/// The item of a dict at a position, which moves on; `None` after the last.
///
/// The dict may change between calls, as with `PyDict_Next`: then items may be missed or met twice.
#[inline(always)]
pub(crate) fn next<'a>(dict: Ref<'a>, position: &mut isize) -> Option<(Ref<'a>, Ref<'a>)> {
    let mut items = Walk::new(dict, *position);
    let item = items.next();
    *position = items.position();
    item
}

/// The number of items in a dict.
#[inline(always)]
pub(crate) fn len(dict: Ref<'_>) -> isize {
    // SAFETY: callers know that this is a dict.
    unsafe {
        #[cfg(not(any(Py_3_14, Py_GIL_DISABLED)))]
        return (*dict.as_ptr().cast::<PyDictObject>()).ma_used;
        #[cfg(any(Py_3_14, Py_GIL_DISABLED))]
        return PyDict_Size(dict.as_ptr());
    }
}

/// Whether a dict shares its keys with others, so that they may be held less often than it seems.
#[inline(always)]
pub(crate) fn shares_keys(dict: Ref<'_>) -> bool {
    // SAFETY: callers know that this is a dict.
    #[cfg(not(any(Py_3_14, Py_GIL_DISABLED)))]
    return unsafe { !(*dict.as_ptr().cast::<PyDictObject>()).ma_values.is_null() };
    #[cfg(any(Py_3_14, Py_GIL_DISABLED))]
    {
        let _ = dict;
        true
    }
}

#[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
pub(crate) use known::*;
#[cfg(not(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED))))]
pub(crate) use unknown::Walk;

#[cfg(not(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED))))]
mod unknown {
    //! What the public API tells.

    use super::*;

    /// The items of a dict from a position on, as long as nothing changes the dict.
    pub(crate) struct Walk<'a> {
        dict: Ref<'a>,
        position: isize,
    }

    impl<'a> Walk<'a> {
        /// Begins at a position that an earlier walk has left, or at zero.
        #[inline(always)]
        pub(crate) fn new(dict: Ref<'a>, position: isize) -> Self {
            Walk { dict, position }
        }

        /// The position behind the last item that was handed out.
        #[inline(always)]
        pub(crate) fn position(&self) -> isize {
            self.position
        }
    }

    impl<'a> Iterator for Walk<'a> {
        type Item = (Ref<'a>, Ref<'a>);

        #[inline(always)]
        fn next(&mut self) -> Option<Self::Item> {
            let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
            // SAFETY: callers know that this is a dict, which holds key and value.
            unsafe {
                (PyDict_Next(self.dict.as_ptr(), &raw mut self.position, &raw mut key, &raw mut value) != 0)
                    .then(|| (Ref::new(key), Ref::new(value)))
            }
        }
    }
}

#[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
mod known {
    //! The layout of 3.11 to 3.13.

    use super::*;

    /// The table of keys; the indices follow, then the entries.
    #[repr(C)]
    struct Keys {
        references: isize,
        log2_size: u8,
        log2_index_bytes: u8,
        kind: u8,
        version: u32,
        usable: isize,
        entries: isize,
    }

    /// The kind of a table that holds any keys, and so their hashes.
    const GENERAL: u8 = 0;

    #[repr(C)]
    struct GeneralEntry {
        hash: isize,
        key: *mut PyObject,
        value: *mut PyObject,
    }

    #[repr(C)]
    struct UnicodeEntry {
        key: *mut PyObject,
        value: *mut PyObject,
    }

    impl Keys {
        /// Where the entries begin.
        ///
        /// # Safety
        ///
        /// `keys` is the table of a live dict or type.
        #[inline(always)]
        unsafe fn entries<E>(keys: *const Keys) -> *const E {
            // SAFETY: by contract; the table is one block.
            unsafe { keys.add(1).cast::<u8>().add(1 << (*keys).log2_index_bytes).cast() }
        }
    }

    /// The values of one instance, whose keys its class has.
    ///
    /// They are in the order of the keys; bytes beside them tell in which order they were set.
    #[derive(Clone, Copy)]
    struct Values(*const *mut PyObject);

    #[cfg(not(Py_3_13))]
    impl Values {
        /// # Safety
        ///
        /// The values are alive, and so are they in the methods below.
        #[inline(always)]
        unsafe fn len(self) -> isize {
            // SAFETY: the bytes before the array are: …, the second index, the first index, how many, the capacity.
            unsafe { isize::from(*self.0.cast::<u8>().sub(2)) }
        }

        #[inline(always)]
        unsafe fn index(self, position: isize) -> usize {
            // SAFETY: as above; the position is below the length.
            unsafe { usize::from(*self.0.cast::<u8>().offset(-3 - position)) }
        }

        #[inline(always)]
        unsafe fn value(self, index: usize) -> *mut PyObject {
            // SAFETY: the index comes from `index`.
            unsafe { *self.0.add(index) }
        }
    }

    #[cfg(Py_3_13)]
    impl Values {
        /// # Safety
        ///
        /// The values are alive, and so are they in the methods below.
        #[inline(always)]
        unsafe fn len(self) -> isize {
            // SAFETY: the head is: capacity, how many, whether in the instance, whether in use.
            unsafe { isize::from(*self.0.cast::<u8>().add(1)) }
        }

        #[inline(always)]
        unsafe fn index(self, position: isize) -> usize {
            // SAFETY: the indexes follow the array, which has room for the capacity.
            unsafe {
                let capacity = usize::from(*self.0.cast::<u8>());
                usize::from(*self.0.add(1 + capacity).cast::<u8>().offset(position))
            }
        }

        #[inline(always)]
        unsafe fn value(self, index: usize) -> *mut PyObject {
            // SAFETY: the index comes from `index`, and the array follows the head.
            unsafe { *self.0.add(1 + index) }
        }
    }

    /// The items of a dict from a position on, as long as nothing changes the dict.
    pub(crate) struct Walk<'a> {
        /// Where the first entry has its key, which its value follows.
        first: *const *mut PyObject,
        /// Where the next one has it, and how far apart they are.
        entry: *const *mut PyObject,
        stride: usize,
        /// The values, if the keys are shared.
        values: Values,
        position: isize,
        len: isize,
        dict: std::marker::PhantomData<Ref<'a>>,
    }

    impl<'a> Walk<'a> {
        /// Begins at a position that an earlier walk has left, or at zero.
        #[inline(always)]
        pub(crate) fn new(dict: Ref<'a>, position: isize) -> Self {
            // SAFETY: callers know that this is a dict.
            unsafe {
                let dict = dict.as_ptr().cast::<PyDictObject>();
                let keys = (*dict).ma_keys.cast_const().cast::<Keys>();
                let values = Values((*dict).ma_values.cast_const().cast());
                let (first, stride) = if (*keys).kind == GENERAL {
                    ((&raw const (*Keys::entries::<GeneralEntry>(keys)).key), 3)
                } else {
                    ((&raw const (*Keys::entries::<UnicodeEntry>(keys)).key), 2)
                };
                let len = if values.0.is_null() { (*keys).entries } else { (*dict).ma_used };
                // A dict that has changed may be shorter than that.
                let entry = first.wrapping_offset(position * stride as isize);
                Walk { first, entry, stride, values, position, len, dict: std::marker::PhantomData }
            }
        }

        /// The position behind the last item that was handed out.
        #[inline(always)]
        pub(crate) fn position(&self) -> isize {
            self.position
        }
    }

    impl<'a> Iterator for Walk<'a> {
        type Item = (Ref<'a>, Ref<'a>);

        #[inline(always)]
        fn next(&mut self) -> Option<Self::Item> {
            // SAFETY: positions below the length are those of entries; the dict holds what is in them, and does not change.
            unsafe {
                while self.position < self.len {
                    if !self.values.0.is_null() {
                        let index = self.values.index(self.position);
                        self.position += 1;
                        let key = *self.first.add(index * 2);
                        return Some((Ref::new(key), Ref::new(self.values.value(index))));
                    }
                    let (key, value) = (*self.entry, *self.entry.add(1));
                    self.position += 1;
                    self.entry = self.entry.add(self.stride);
                    if !value.is_null() {
                        return Some((Ref::new(key), Ref::new(value)));
                    }
                }
            }
            None
        }
    }

    /// The attributes that an instance holds without a dict.
    #[derive(Clone, Copy)]
    pub(crate) struct Attributes {
        values: Values,
        keys: *const Keys,
    }

    impl Attributes {
        /// How many are set.
        ///
        /// # Safety
        ///
        /// The instance is alive and none of its attributes was set or deleted since [`attributes`] was asked, and
        /// its `__dict__` was not either; this holds for the other methods too.
        #[inline(always)]
        pub(crate) unsafe fn len(self) -> isize {
            // SAFETY: by contract.
            unsafe { self.values.len() }
        }

        /// The name and value at a position below the length, in the order in which they were set.
        #[inline(always)]
        pub(crate) unsafe fn get<'a>(self, position: isize) -> (Ref<'a>, Ref<'a>) {
            // SAFETY: by contract; what counts as set is not null.
            unsafe {
                let index = self.values.index(position);
                let key = (*Keys::entries::<UnicodeEntry>(self.keys).add(index)).key;
                (Ref::new(key), Ref::new(self.values.value(index)))
            }
        }

        /// The names that instances of the class have had so far: their table and how many are in it.
        #[inline(always)]
        pub(crate) unsafe fn names(self) -> (usize, isize) {
            // SAFETY: by contract.
            unsafe { (self.keys as usize, (*self.keys).entries) }
        }

        /// The name at an index below the number of [`names`](Self::names).
        pub(crate) unsafe fn name<'a>(self, index: usize) -> Option<Ref<'a>> {
            // SAFETY: by contract.
            unsafe { Ref::from_nullable((*Keys::entries::<UnicodeEntry>(self.keys).add(index)).key) }
        }
    }

    /// Where an instance has its attributes.
    pub(crate) enum Place<'a> {
        /// In an array of its own.
        Array(Attributes),
        /// In a dict.
        Dict(Ref<'a>),
        /// It has none.
        Nowhere,
    }

    /// Where an instance has the attributes that `__dict__` shows.
    ///
    /// # Safety
    ///
    /// The type has the flag for dicts that the interpreter manages.
    #[inline(always)]
    pub(crate) unsafe fn attributes(instance: Ref<'_>) -> Place<'_> {
        // SAFETY: such a type is a heap type with keys; the words before the object are those of the version.
        unsafe {
            let words = instance.as_ptr().cast::<usize>();
            let dict = *words.sub(3);
            #[cfg(not(Py_3_12))]
            let values = *words.sub(4);
            #[cfg(all(Py_3_12, not(Py_3_13)))]
            let (dict, values) = if dict & 1 == 1 { (0, dict + 1) } else { (dict, 0) };
            #[cfg(Py_3_13)]
            let values = {
                const INLINE_VALUES: std::ffi::c_ulong = 1 << 2;
                let inline = words.add(size_of::<PyObject>() / size_of::<usize>()).cast::<u8>();
                // The fourth byte tells whether the values are in use.
                if PyType_GetFlags(instance.type_ptr()) & INLINE_VALUES != 0 && *inline.add(3) != 0 {
                    inline as usize
                } else {
                    0
                }
            };
            if dict != 0 {
                return Place::Dict(Ref::new(dict as *mut PyObject));
            }
            if values == 0 {
                return Place::Nowhere;
            }
            let kind = instance.type_ptr().cast::<PyHeapTypeObject>();
            let keys = (*kind).ht_cached_keys.cast_const().cast::<Keys>();
            if keys.is_null() {
                return Place::Nowhere;
            }
            Place::Array(Attributes { values: Values(values as *const *mut PyObject), keys })
        }
    }
}
