//! The two words before an object that the cyclic collector knows of, by which it links the objects of a generation in a circle.

use crate::ffi::Ref;
use pyo3_ffi::PyObject;

/// The words by which an object is linked: null if it is not.
#[repr(C)]
pub(super) struct Links {
    pub(super) next: *mut Links,
    /// The lowest two bits are flags.
    pub(super) previous: *mut Links,
}

pub(super) const LINKS: usize = size_of::<Links>();

/// The links of an object.
///
/// # Safety
///
/// The collector may have to know of objects of this type.
#[inline(always)]
pub(super) unsafe fn links(object: *mut PyObject) -> *mut Links {
    // SAFETY: by contract they are there.
    unsafe { object.byte_sub(LINKS).cast() }
}

/// Puts a link that is in no circle behind the last one of the circle.
#[inline(always)]
pub(super) unsafe fn append(circle: *mut Links, link: *mut Links) {
    // SAFETY: by contract both are alive; the neighbours in a circle are too.
    unsafe { splice(link, link, circle) };
}

/// Puts links, from the first to the last, behind the last one of a circle; one that they leave is not mended.
#[inline(always)]
pub(super) unsafe fn splice(first: *mut Links, last: *mut Links, circle: *mut Links) {
    // SAFETY: by contract all are alive. No flags are set in the circle's own head.
    unsafe {
        let before = (*circle).previous;
        (*before).next = first;
        (*first).previous = before.map_addr(|before| before | (*first).previous.addr() & 3);
        (*last).next = circle;
        (*circle).previous = last;
    }
}

/// How many objects are linked between `end` and the head of the circle in which they are the last, if each is held by one
/// reference only. `end` may be the head itself; nothing is counted if it is elsewhere.
///
/// What is held once and in a cycle is held by nothing else: nobody has it.
pub(super) unsafe fn count_held_once(circle: *mut Links, end: *mut Links) -> Option<i64> {
    let mut count = 0;
    // SAFETY: by contract the circle is whole; all but its head are links of objects, which are alive.
    unsafe {
        let mut link = before(circle);
        while link != end {
            if link == circle || !Ref::new(link.byte_add(LINKS).cast()).has_holders(1) {
                return None;
            }
            count += 1;
            link = before(link);
        }
    }
    Some(count)
}

/// The link before another one.
pub(super) unsafe fn before(link: *mut Links) -> *mut Links {
    // SAFETY: by contract it is linked.
    unsafe { (*link).previous.map_addr(|address| address & !3) }
}

/// Whether the collector knows of an object, or will.
///
/// # Safety
///
/// The object is alive and has links.
#[inline(always)]
pub(super) unsafe fn is_tracked(object: *mut PyObject) -> bool {
    // SAFETY: by contract.
    unsafe { !(*links(object)).next.is_null() }
}
