//! How deep plain objects are nested.

use crate::ffi::Ref;
use crate::ffi::api::*;
use std::collections::HashSet;
use std::ptr;

/// A container and how far it was looked at.
struct Level {
    container: *mut PyObject,
    next: Py_ssize_t,
}

/// Whether an object counts as a level.
#[inline(always)]
pub(super) fn is_container(object: *mut PyObject) -> bool {
    // SAFETY: the object is alive.
    let kind = unsafe { Py_TYPE(object) };
    kind == &raw mut PyDict_Type || kind == &raw mut PyList_Type || kind == &raw mut PyTuple_Type
}

impl Level {
    /// The next thing in the container.
    fn step(&mut self) -> Option<*mut PyObject> {
        // SAFETY: the container is alive and of the type that is asked; the position is below its size.
        unsafe {
            let kind = Py_TYPE(self.container);
            if kind == &raw mut PyDict_Type {
                let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
                let more = PyDict_Next(self.container, &raw mut self.next, &raw mut key, &raw mut value) != 0;
                return more.then_some(value);
            }
            let is_list = kind == &raw mut PyList_Type;
            let len =
                if is_list { PyList_GET_SIZE(self.container) } else { PyTuple_GET_SIZE(self.container) };
            if self.next >= len {
                return None;
            }
            self.next += 1;
            Some(if is_list {
                PyList_GET_ITEM(self.container, self.next - 1)
            } else {
                PyTuple_GET_ITEM(self.container, self.next - 1)
            })
        }
    }
}

/// Whether lists, tuples and the values of dicts are nested deeper than this, as whoever walks them will find.
pub(super) fn exceeds(root: Ref<'_>, most: usize) -> bool {
    if !is_container(root.as_ptr()) {
        return false;
    }
    let mut seen: HashSet<usize> = HashSet::from([root.as_ptr().addr()]);
    let mut path = vec![Level { container: root.as_ptr(), next: 0 }];
    while let Some(level) = path.last_mut() {
        match level.step() {
            Some(object) if is_container(object) => {
                // SAFETY: the object is alive.
                let shared = unsafe { Py_REFCNT(object) } > 1;
                if shared && !seen.insert(object.addr()) {
                    continue;
                }
                if path.len() >= most {
                    return true;
                }
                path.push(Level { container: object, next: 0 });
            }
            Some(_) => {}
            None => {
                path.pop();
            }
        }
    }
    false
}
