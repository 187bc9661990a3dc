//! How deep objects are nested.

use crate::ffi::api::*;
use crate::ffi::{Ref, ordered};
use std::collections::{HashMap, HashSet};
use std::ffi::{c_int, c_void};
use std::ptr;

/// A container and how far it was looked at.
enum Level {
    /// A list, a tuple or a dict.
    Builtin { container: *mut PyObject, next: Py_ssize_t },
    /// What anything else holds.
    Other(Vec<*mut PyObject>),
}

/// The flags of a class.
///
/// # Safety
///
/// It is alive.
#[inline(always)]
pub(super) unsafe fn flags(kind: *mut PyTypeObject) -> std::ffi::c_ulong {
    // SAFETY: by contract.
    #[cfg(known_layout)]
    return unsafe { (*kind).tp_flags };
    // SAFETY: by contract.
    #[cfg(not(known_layout))]
    return unsafe { PyType_GetFlags(kind) };
}

/// Whether an object certainly holds no others, and is neither a class nor a function.
#[inline(always)]
pub(super) fn is_bare(object: *mut PyObject) -> bool {
    // SAFETY: the object is alive, and so is its type.
    unsafe { flags(Py_TYPE(object)) & Py_TPFLAGS_HAVE_GC == 0 }
}

/// Whether all of these are [bare](is_bare).
#[inline(always)]
pub(super) fn are_bare(items: &[Ref<'_>]) -> bool {
    let mut bare = true;
    for item in items {
        bare &= is_bare(item.as_ptr());
    }
    bare
}

/// Whether an object may hold others. Functions and classes are not the stream's.
#[inline(always)]
pub(super) fn can_hold(object: *mut PyObject) -> bool {
    // SAFETY: the object is alive, and so is its type.
    unsafe {
        let kind = Py_TYPE(object);
        flags(kind) & (Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_TYPE_SUBCLASS) == Py_TPFLAGS_HAVE_GC
            && kind != &raw mut PyFunction_Type
            && kind != &raw mut PyCFunction_Type
    }
}

impl Level {
    /// # Safety
    ///
    /// The object is alive, and stays as it is as long as the level is used.
    unsafe fn of(object: *mut PyObject) -> Self {
        // SAFETY: by contract; the slot of an object's type is called with it, as the collector does.
        unsafe {
            let kind = Py_TYPE(object);
            let simple = [&raw mut PyDict_Type, &raw mut PyList_Type, &raw mut PyTuple_Type].contains(&kind);
            if simple {
                return Level::Builtin { container: object, next: 0 };
            }
            let mut held: Vec<*mut PyObject> = Vec::new();
            if let Some(traverse) = (*kind).tp_traverse {
                traverse(object, note, (&raw mut held).cast());
            }
            Level::Other(held)
        }
    }

    /// The next thing in the container.
    fn step(&mut self) -> Option<*mut PyObject> {
        let (container, next) = match self {
            Level::Builtin { container, next } => (*container, next),
            Level::Other(held) => return held.pop(),
        };
        // SAFETY: the container is alive and of the type that is asked; the position is below its size.
        unsafe {
            let kind = Py_TYPE(container);
            if kind == &raw mut PyDict_Type {
                let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
                let more = PyDict_Next(container, &raw mut *next, &raw mut key, &raw mut value) != 0;
                return more.then_some(value);
            }
            let is_list = kind == &raw mut PyList_Type;
            let len = if is_list { PyList_GET_SIZE(container) } else { PyTuple_GET_SIZE(container) };
            if *next >= len {
                return None;
            }
            *next += 1;
            Some(if is_list {
                PyList_GET_ITEM(container, *next - 1)
            } else {
                PyTuple_GET_ITEM(container, *next - 1)
            })
        }
    }
}

/// Notes what an object holds, if that may hold something itself.
unsafe extern "C" fn note(object: *mut PyObject, held: *mut c_void) -> c_int {
    // SAFETY: called by a traversal with what an object holds and the vector that it was given.
    unsafe {
        if can_hold(object) {
            (*held.cast::<Vec<*mut PyObject>>()).push(object);
        }
    }
    0
}

/// Whether containers and instances are nested deeper than this, as whoever walks them will find.
pub(super) fn exceeds(root: Ref<'_>, most: usize) -> bool {
    if !can_hold(root.as_ptr()) {
        return false;
    }
    let mut seen: HashSet<usize> = HashSet::from([root.as_ptr().addr()]);
    // SAFETY: the root is alive, and holds everything below it; no code runs meanwhile.
    let mut path = vec![unsafe { Level::of(root.as_ptr()) }];
    while let Some(level) = path.last_mut() {
        match level.step() {
            Some(object) if can_hold(object) => {
                // SAFETY: the object is alive.
                let shared = unsafe { Py_REFCNT(object) } > 1;
                if shared && !seen.insert(object.addr()) {
                    continue;
                }
                if path.len() >= most {
                    return true;
                }
                // SAFETY: as above.
                path.push(unsafe { Level::of(object) });
            }
            Some(_) => {}
            None => {
                path.pop();
            }
        }
    }
    false
}

/// Whether an object is given up without recursion, however many of its kind are within each other, and was not made by a call.
fn is_light(object: *mut PyObject) -> bool {
    // SAFETY: the object is alive.
    let kind = unsafe { Py_TYPE(object) };
    [&raw mut PyDict_Type, &raw mut PyList_Type, &raw mut PyTuple_Type, ordered::kind()].contains(&kind)
}

/// Whether more objects that can have been made by calls are within each other than this.
pub(super) fn exceeds_calls(root: Ref<'_>, most: usize) -> bool {
    /// What is being looked at, and is met again in a cycle.
    const OPEN: usize = 0;
    if !can_hold(root.as_ptr()) {
        return false;
    }
    // How many are within objects that several hold, and the object itself.
    let mut depths: HashMap<usize, usize> = HashMap::from([(root.as_ptr().addr(), OPEN)]);
    // SAFETY: the root is alive, and holds everything below it; no code runs meanwhile.
    let mut path = vec![(root.as_ptr(), unsafe { Level::of(root.as_ptr()) }, 0)];
    while let Some((object, level, deepest)) = path.last_mut() {
        match level.step() {
            Some(inner) if can_hold(inner) => {
                // SAFETY: the object is alive.
                let shared = unsafe { Py_REFCNT(inner) } > 1;
                if shared && let Some(depth) = depths.get(&inner.addr()) {
                    *deepest = (*deepest).max(*depth);
                    continue;
                }
                if shared {
                    depths.insert(inner.addr(), OPEN);
                }
                // SAFETY: as above.
                path.push((inner, unsafe { Level::of(inner) }, 0));
            }
            Some(_) => {}
            None => {
                let (object, depth) = (*object, *deepest + usize::from(!is_light(*object)));
                if depth > most {
                    return true;
                }
                path.pop();
                if let Some(known) = depths.get_mut(&object.addr()) {
                    *known = depth;
                }
                if let Some((_, _, deepest)) = path.last_mut() {
                    *deepest = (*deepest).max(depth);
                }
            }
        }
    }
    false
}
