//! `datetime`, `date` and `time`, whose pickled state is what they have in memory.

use super::Heap;
use crate::ffi::{Owned, Raised, Ref, Result};
use pyo3_ffi::*;

/// One of the three classes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    DateTime,
    Date,
    Time,
}

/// Where the bytes of the state begin in an object without a time zone and in one with.
const DATA: usize = 25;

/// The bit of the state that tells the second one of two equal times, in the byte where there is room for it.
const FOLD: u8 = 0x80;

impl Moment {
    /// Which of the classes this is, if its instances look as expected.
    ///
    /// # Safety
    ///
    /// `kind` is a class of the interpreter itself that is alive, with a name.
    pub(crate) unsafe fn of(kind: *mut PyTypeObject) -> Option<Self> {
        // SAFETY: by contract.
        let (name, size) = unsafe { (std::ffi::CStr::from_ptr((*kind).tp_name), (*kind).tp_basicsize) };
        let (moment, state) = match (name.to_bytes(), size) {
            (b"datetime.datetime", 48) => {
                (Moment::DateTime, &b"\x07\xe8\x82\x03\x04\x05\x06\x01\x02\x03"[..])
            }
            (b"datetime.date", 32) => (Moment::Date, &b"\x07\xe8\x02\x03"[..]),
            (b"datetime.time", 40) => (Moment::Time, &b"\x84\x05\x06\x01\x02\x03"[..]),
            _ => return None,
        };
        let theirs = || {
            let state = crate::ffi::bytes::new(state)?;
            // SAFETY: the class is alive.
            unsafe { Ref::new(kind.cast()) }.call1(state.as_ref())
        };
        let (Ok(theirs), Some(Ok(ours))) = (theirs(), moment.make(&Heap::new(), kind, state, None)) else {
            crate::ffi::error::clear();
            return None;
        };
        // SAFETY: both have at least four words; behind the state of a date is padding.
        let words = |object: &Owned| unsafe { *object.as_ptr().cast::<[u64; 4]>() };
        let used = if moment == Moment::Date { u64::MAX >> 24 } else { u64::MAX };
        let (ours, theirs) = (words(&ours), words(&theirs));
        (ours[..3] == theirs[..3] && (ours[3] ^ theirs[3]) & used == 0).then_some(moment)
    }

    /// The length of the state.
    pub(crate) fn state_len(self) -> usize {
        self.measures().0
    }

    /// The length of the state, the length of an object without a time zone, and where it keeps the fold.
    #[inline(always)]
    fn measures(self) -> (usize, usize, usize) {
        match self {
            Moment::DateTime => (10, 40, 35),
            Moment::Date => (4, 32, 0),
            Moment::Time => (6, 32, 31),
        }
    }

    /// Whether the class itself takes the bytes for a state; it does not look at all of them.
    #[inline(always)]
    fn is_sane(self, state: &[u8]) -> bool {
        match self {
            Moment::DateTime => matches!(state[2] & !FOLD, 1..=12),
            Moment::Date => matches!(state[2], 1..=12),
            Moment::Time => state[0] & !FOLD < 24,
        }
    }

    /// `kind(state)` or `kind(state, zone)` for the class `kind` that this is; `None` if that is for the class to say.
    #[inline(always)]
    pub(crate) fn make(
        self,
        heap: &Heap,
        kind: *mut PyTypeObject,
        state: &[u8],
        zone: Option<Ref<'_>>,
    ) -> Option<Result<Owned>> {
        let (len, naive, fold) = self.measures();
        if state.len() != len || !self.is_sane(state) || zone.is_some() && self == Moment::Date {
            return None;
        }
        let size = if zone.is_some() { naive + 8 } else { naive };
        // SAFETY: an object is its header, its hash, which is not known yet, whether it has a time zone, the state without the
        // fold, and behind that the fold and the time zone.
        unsafe {
            let object = heap.allocate(size);
            if object.is_null() {
                return Some(Err(Raised));
            }
            for word in 2..size / 8 {
                object.add(word).write(0);
            }
            object.write(1);
            object.add(1).write(kind.addr() as u64);
            object.add(2).write(u64::MAX);
            let bytes = object.cast::<u8>();
            bytes.add(DATA - 1).write(zone.is_some().into());
            std::ptr::copy_nonoverlapping(state.as_ptr(), bytes.add(DATA), len);
            if fold > 0 {
                let at = if self == Moment::DateTime { 2 } else { 0 };
                bytes.add(DATA + at).write(state[at] & !FOLD);
                bytes.add(fold).write(u8::from(state[at] & FOLD != 0));
            }
            if let Some(zone) = zone {
                object.byte_add(naive).cast::<*mut PyObject>().write(zone.to_owned().into_ptr());
            }
            Some(Owned::from_result(object.cast()))
        }
    }
}
