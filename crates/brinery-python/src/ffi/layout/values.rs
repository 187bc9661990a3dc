//! The arrays in which instances keep their attributes from 3.11 on.
//!
//! The names are the keys that all instances of a class share; the array has the values, and the order in which they
//! were set. As long as an instance has no dict, a value can be put in by writing it to its place.

use crate::ffi::{Owned, Ref, Result};
use pyo3_ffi::*;

/// The keys that the instances of a class share.
#[derive(Clone, Copy)]
pub(crate) struct SharedKeys(*const u8);

/// The head of a table of keys.
#[cfg(Py_3_11)]
#[repr(C)]
struct KeysHead {
    refcount: isize,
    log2_size: u8,
    log2_index_bytes: u8,
    kind: u8,
    version: u32,
    usable: isize,
    entries: isize,
}

/// The kind of tables that are shared.
#[cfg(Py_3_11)]
const SPLIT: u8 = 2;

#[cfg(Py_3_11)]
impl SharedKeys {
    /// The keys of a class whose instances have arrays, if it has any yet.
    ///
    /// # Safety
    ///
    /// `kind` is a class that is alive.
    #[inline(always)]
    pub(crate) unsafe fn of(kind: *mut PyTypeObject) -> Option<Self> {
        // SAFETY: classes with these flags are heap types, and have keys.
        unsafe {
            if !has_array(kind) {
                return None;
            }
            let keys: *const u8 = (*kind.cast::<PyHeapTypeObject>()).ht_cached_keys.cast_const().cast();
            (!keys.is_null() && (*keys.cast::<KeysHead>()).kind == SPLIT).then_some(SharedKeys(keys))
        }
    }

    /// The key at `index`.
    ///
    /// # Safety
    ///
    /// The class is alive.
    #[inline(always)]
    pub(crate) unsafe fn get(self, index: usize) -> Option<*mut PyObject> {
        // SAFETY: the entries, a key and an unused value each, follow the index table, whose size is in the head.
        unsafe {
            let head = &*self.0.cast::<KeysHead>();
            if index as isize >= head.entries {
                return None;
            }
            let entries = self.0.add(size_of::<KeysHead>() + (1 << head.log2_index_bytes));
            Some(*entries.cast::<*mut PyObject>().add(2 * index))
        }
    }

    /// Which keys these are.
    #[inline(always)]
    pub(crate) fn address(self) -> usize {
        self.0.addr()
    }

    /// Where the key is that is this very object.
    ///
    /// # Safety
    ///
    /// The class is alive.
    pub(crate) unsafe fn position(self, key: Ref<'_>) -> Option<usize> {
        // SAFETY: by contract.
        let mut keys = (0..).map_while(|index| unsafe { self.get(index) });
        keys.position(|found| found == key.as_ptr())
    }
}

/// Whether instances of a class have arrays.
///
/// # Safety
///
/// `kind` is a class that is alive.
#[cfg(Py_3_11)]
#[inline(always)]
pub(super) unsafe fn has_array(kind: *mut PyTypeObject) -> bool {
    #[cfg(Py_3_13)]
    let flags = (1 << 2) | (1 << 4);
    #[cfg(not(Py_3_13))]
    let flags = 1 << 4;
    // SAFETY: by contract.
    unsafe { (*kind).tp_flags & flags == flags }
}

/// Whether an instance has no attribute of its own.
///
/// # Safety
///
/// The interpreter manages the dict of the instance: its class has the flag for that.
#[cfg(Py_3_11)]
#[inline(always)]
pub(crate) unsafe fn is_bare(instance: Ref<'_>) -> bool {
    // SAFETY: see `Values::of_fresh`. There is no array before one is needed if the instance was not made by
    // `object.__new__`.
    unsafe {
        let words = instance.as_ptr().cast::<usize>();
        let dict = *words.sub(3);
        #[cfg(not(Py_3_12))]
        if dict == 0 && *words.sub(4) == 0 {
            return true;
        }
        #[cfg(all(Py_3_12, not(Py_3_13)))]
        if dict == 0 {
            return true;
        }
        #[cfg(Py_3_13)]
        if !has_array(instance.type_ptr()) {
            return dict == 0;
        }
        Values::of_fresh(instance).is_some()
    }
}

/// Before 3.11 no dict is managed.
#[cfg(not(Py_3_11))]
pub(crate) unsafe fn is_bare(_: Ref<'_>) -> bool {
    false
}

/// Where the pointer to the dict of an instance is going to be, if it has neither a dict nor an array yet.
///
/// # Safety
///
/// As for [`is_bare`].
#[cfg(Py_3_11)]
#[inline(always)]
pub(crate) unsafe fn free_dict_slot(instance: Ref<'_>) -> Option<*mut *mut PyObject> {
    // SAFETY: as above. A dict of its own is the one that an instance without an array gets when it needs one.
    unsafe {
        let words = instance.as_ptr().cast::<usize>();
        #[cfg(Py_3_13)]
        let array = has_array(instance.type_ptr());
        #[cfg(all(Py_3_12, not(Py_3_13)))]
        let array = false;
        #[cfg(not(Py_3_12))]
        let array = *words.sub(4) != 0;
        (!array && *words.sub(3) == 0).then(|| words.sub(3).cast())
    }
}

/// Before 3.11 no dict is managed.
#[cfg(not(Py_3_11))]
pub(crate) unsafe fn free_dict_slot(_: Ref<'_>) -> Option<*mut *mut PyObject> {
    None
}

/// The array of an instance that has no attribute yet.
pub(crate) struct Values {
    values: *mut *mut PyObject,
    /// Where the first position in the order of setting is kept.
    order: *mut u8,
    /// Where the number of values is kept.
    size: *mut u8,
    #[cfg(Py_3_13)]
    capacity: u8,
}

#[cfg(Py_3_11)]
impl Values {
    /// The empty array of an instance without a dict; `None` if it has attributes or a dict.
    ///
    /// # Safety
    ///
    /// The class of the instance has [`SharedKeys`].
    #[inline(always)]
    pub(crate) unsafe fn of_fresh(instance: Ref<'_>) -> Option<Self> {
        // SAFETY: before such an instance are two words of the collector, then, going down, one for weak references from
        // 3.12 on. In 3.11 the words at -3 and -4 are dict and array; in 3.12 the word at -3 is either, the array marked by
        // its lowest bit; in 3.13 it is the dict, and the array is part of the instance.
        #[cfg(not(Py_3_13))]
        unsafe {
            let words = instance.as_ptr().cast::<usize>();
            #[cfg(Py_3_12)]
            let array = {
                let word = *words.sub(3);
                if word & 1 == 0 {
                    return None;
                }
                word + 1
            };
            #[cfg(not(Py_3_12))]
            let array = {
                if *words.sub(3) != 0 {
                    return None;
                }
                *words.sub(4)
            };
            if array == 0 {
                return None;
            }
            let values = std::ptr::with_exposed_provenance_mut::<*mut PyObject>(array);
            let size = values.cast::<u8>().sub(2);
            (*size == 0).then_some(Values { values, order: size.sub(1), size })
        }
        #[cfg(Py_3_13)]
        // SAFETY: as above.
        unsafe {
            let object = instance.as_ptr();
            let head = object.cast::<u8>().add((*instance.type_ptr()).tp_basicsize as usize);
            let (capacity, size, valid) = (*head, head.add(1), *head.add(3));
            let dict = *object.cast::<usize>().sub(3);
            if dict != 0 || valid == 0 || *size != 0 {
                return None;
            }
            let values = head.add(8).cast::<*mut PyObject>();
            Some(Values { values, order: values.add(capacity.into()).cast(), size, capacity })
        }
    }

    /// Whether there is room for a value at `index`, an index of one of the shared keys.
    ///
    /// Before 3.13 there always is: the sum of the keys and of the room for more only ever shrinks, and an array was made
    /// as long as that.
    #[inline(always)]
    pub(crate) fn has_room(&self, index: usize) -> bool {
        #[cfg(Py_3_13)]
        return index < usize::from(self.capacity);
        #[cfg(not(Py_3_13))]
        {
            let _ = index;
            true
        }
    }

    /// Sets the value at `index`, the `order`th that is set.
    ///
    /// # Safety
    ///
    /// There is room, and neither `index` nor `order` has been used before.
    #[inline(always)]
    pub(crate) unsafe fn set(&self, order: usize, index: usize, value: Owned) {
        // SAFETY: the place is empty, so that nothing is overwritten. The order is kept beside the values, growing
        // downwards before 3.13 and upwards from then on.
        unsafe {
            self.values.add(index).write(value.into_ptr());
            #[cfg(not(Py_3_13))]
            self.order.sub(order).write(index as u8);
            #[cfg(Py_3_13)]
            self.order.add(order).write(index as u8);
        }
    }

    /// Tells how many values have been set.
    ///
    /// # Safety
    ///
    /// The first `count` have.
    #[inline(always)]
    pub(crate) unsafe fn finish(&self, count: usize) {
        // SAFETY: the byte is part of the array.
        unsafe { self.size.write(count as u8) };
    }
}

/// How many values the next instance of a class gets room for, which leaves less for those after it.
///
/// # Safety
///
/// The class [has arrays](has_array), and keys for them.
#[cfg(Py_3_11)]
#[inline(always)]
pub(super) unsafe fn take_capacity(kind: *mut PyTypeObject) -> usize {
    // SAFETY: by contract.
    unsafe {
        let head = &mut *(*kind.cast::<PyHeapTypeObject>()).ht_cached_keys.cast::<KeysHead>();
        if head.usable > 1 {
            head.usable -= 1;
        }
        (head.entries + head.usable) as usize
    }
}

#[cfg(not(Py_3_11))]
impl SharedKeys {
    /// Before 3.11 there are none.
    pub(crate) fn address(self) -> usize {
        self.0.addr()
    }

    /// Before 3.11 instances have dicts.
    pub(crate) unsafe fn of(_: *mut PyTypeObject) -> Option<Self> {
        None
    }

    /// Never called.
    pub(crate) unsafe fn get(self, _: usize) -> Option<*mut PyObject> {
        let _ = self.0;
        None
    }

    /// Never called.
    pub(crate) unsafe fn position(self, _: Ref<'_>) -> Option<usize> {
        None
    }
}

#[cfg(not(Py_3_11))]
impl Values {
    /// Before 3.11 instances have dicts.
    pub(crate) unsafe fn of_fresh(_: Ref<'_>) -> Option<Self> {
        None
    }

    /// Never called.
    pub(crate) fn has_room(&self, _: usize) -> bool {
        false
    }

    /// Never called.
    pub(crate) unsafe fn set(&self, _: usize, _: usize, _: Owned) {
        let _ = (self.values, self.order);
    }

    /// Never called.
    pub(crate) unsafe fn finish(&self, _: usize) {
        let _ = self.size;
    }
}

/// Whether the instances of a new class look as expected.
#[cfg(Py_3_11)]
pub(super) fn are_known() -> Result<bool> {
    // SAFETY: all objects are new, and read only where they are as expected so far.
    unsafe {
        let kind = Ref::new((&raw mut PyType_Type).cast());
        let (name, bases, namespace) =
            (Owned::str("Specimen")?, Owned::tuple(&[])?, Owned::from_result(PyDict_New())?);
        let class = kind.call(&[name.as_ref(), bases.as_ref(), namespace.as_ref()])?;
        let names = [Owned::interned("brinery_first")?, Owned::interned("brinery_second")?];
        let class_ptr = class.as_ptr().cast();
        let model = class.call0()?;
        for name in &names {
            model.setattr(name.as_ref(), name.as_ref())?;
        }
        let Some(keys) = SharedKeys::of(class_ptr) else { return Ok(false) };
        if keys.position(names[0].as_ref()) != Some(0)
            || keys.position(names[1].as_ref()) != Some(1)
            || keys.get(2).is_some()
            || Values::of_fresh(model.as_ref()).is_some()
        {
            return Ok(false);
        }
        let instance = class.call0()?;
        let Some(values) = Values::of_fresh(instance.as_ref()) else { return Ok(false) };
        if !values.has_room(1) || !(*values.values).is_null() || !(*values.values.add(1)).is_null() {
            return Ok(false);
        }
        let numbers = [Owned::int(1)?, Owned::int(2)?];
        values.set(0, 1, numbers[1].clone());
        values.set(1, 0, numbers[0].clone());
        values.finish(2);
        let found = [instance.getattr(names[0].as_ref())?, instance.getattr(names[1].as_ref())?];
        let dict = instance.getattr(Owned::str("__dict__")?.as_ref())?;
        let order = Owned::from_result(PyDict_Keys(dict.as_ptr()))?;
        let first = order.get_item(Owned::int(0)?.as_ref())?;
        Ok(found[0].is(numbers[0].as_ref())
            && found[1].is(numbers[1].as_ref())
            && first.is(names[1].as_ref()))
    }
}

/// Before 3.11 there are no arrays.
#[cfg(not(Py_3_11))]
pub(super) fn are_known() -> Result<bool> {
    Ok(false)
}
