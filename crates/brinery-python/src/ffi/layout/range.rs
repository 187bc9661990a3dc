//! `range`: an object header, the three numbers, and the length.

use super::{Heap, Layout};
use crate::ffi::{Owned, Raised, Ref, Result};
use pyo3_ffi::*;

const SIZE: usize = 48;

/// Numbers with so many bits can be subtracted without a care.
const NARROW: std::ops::Range<i64> = -(1 << 61)..1 << 61;

/// The proof that ranges look as expected.
#[derive(Clone, Copy)]
pub(crate) struct Ranges(());

impl Ranges {
    pub(crate) fn new(layout: &Layout) -> Option<Self> {
        let specimens = [[3, 17, 5], [1000, -1000, -7], [5, 5, 1], [5, -5, 2], [0, 300, 3], [300, 0, -1]];
        let same = |numbers: [i64; 3]| {
            let [a, b, c] = numbers.map(Owned::int);
            let (a, b, c) = (a.ok()?, b.ok()?, c.ok()?);
            let args = [a.as_ref(), b.as_ref(), c.as_ref()];
            // SAFETY: the class is alive as long as the interpreter; an object of this size has so many words, of which the
            // last four are integers.
            unsafe {
                let theirs = Ref::new((&raw mut PyRange_Type).cast()).call(&args).ok()?;
                let ours = Ranges(()).make(layout, Heap::new(), args, numbers)?.ok()?;
                let words = |object: &Owned| *object.as_ptr().cast::<[*mut PyObject; SIZE / 8]>();
                let (ours, theirs) = (words(&ours), words(&theirs));
                let len = |words: [*mut PyObject; SIZE / 8]| PyLong_AsLongLong(words[5]);
                (ours[..5] == theirs[..5] && len(ours) == len(theirs)).then_some(())
            }
        };
        // SAFETY: the class is alive as long as the interpreter.
        let plain = unsafe {
            PyRange_Type.tp_basicsize == SIZE as Py_ssize_t
                && PyType_GetFlags(&raw mut PyRange_Type) & Py_TPFLAGS_HAVE_GC == 0
        };
        let known = plain && specimens.into_iter().all(|numbers| same(numbers).is_some());
        crate::ffi::error::clear();
        known.then_some(Ranges(()))
    }

    /// `range(start, stop, step)` of three integers whose values are at hand; `None` if that is for the class to say.
    #[inline]
    pub(crate) fn make(
        self,
        layout: &Layout,
        heap: Heap,
        args: [Ref<'_>; 3],
        [start, stop, step]: [i64; 3],
    ) -> Option<Result<Owned>> {
        if step == 0 || ![start, stop, step].iter().all(|value| NARROW.contains(value)) {
            return None;
        }
        let (distance, stride) = if step > 0 { (stop - start, step) } else { (start - stop, -step) };
        let len = if distance > 0 { (distance - 1) / stride + 1 } else { 0 };
        let make = || {
            let len = layout.small_int(len).map_or_else(|| layout.large_int(heap, len), Ok)?;
            let object = heap.allocate(SIZE);
            if object.is_null() {
                return Err(Raised);
            }
            // SAFETY: the memory is large enough; each word gets a reference of its own.
            unsafe {
                object.write(1);
                object.add(1).write((&raw mut PyRange_Type).addr() as u64);
                let parts = object.add(2).cast::<*mut PyObject>();
                for (index, part) in args.into_iter().enumerate() {
                    parts.add(index).write(part.to_owned().into_ptr());
                }
                parts.add(3).write(len.into_ptr());
                Owned::from_result(object.cast())
            }
        };
        Some(make())
    }
}
