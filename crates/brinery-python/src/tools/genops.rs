//! `_genops`: the opcodes of a pickle, decoded when they are asked for.

use super::{exactly, frozen, value};
use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, bytes, capsule, error};
use crate::methods::guard;
use brinery::Opcode;
use brinery::inspect::{Genops, GenopsError, Limits};
use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where an iteration stands.
struct Iteration {
    data: Owned,
    /// How much of the data has been decoded, or [`OVER`].
    position: AtomicUsize,
    /// What the position of the first byte is called, if it is known.
    base: Option<u64>,
    limits: Limits,
}

/// The position of an iteration that has ended, or that another thread is just advancing.
const OVER: usize = usize::MAX;

impl capsule::Held for Iteration {
    const NAME: &'static CStr = c"brinery._genops";
}

struct Definition(std::cell::UnsafeCell<PyMethodDef>);

// SAFETY: CPython only reads the definition.
unsafe impl Sync for Definition {}

static NEXT: Definition = Definition(std::cell::UnsafeCell::new(PyMethodDef {
    ml_name: c"_genops_next".as_ptr(),
    ml_meth: PyMethodDefPointer { PyCFunction: next },
    ml_flags: METH_NOARGS,
    ml_doc: c"".as_ptr(),
}));

pub(super) unsafe extern "C" fn genops(
    _module: *mut PyObject,
    args: *mut *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    guard(|| {
        exactly("_genops", 2, count)?;
        // SAFETY: CPython calls this with as many objects as it says.
        let (data, base) = unsafe { (Ref::new(*args), Ref::new(*args.add(1))) };
        let iteration = Iteration {
            data: frozen(data)?,
            position: AtomicUsize::new(0),
            base: position(base)?,
            limits: value::limits()?,
        };
        let capsule = capsule::new(iteration)?;
        // SAFETY: the function keeps the capsule, and the iterator the function. A `None` ends the iteration.
        unsafe {
            let next =
                Owned::from_result(PyCFunction_NewEx(NEXT.0.get(), capsule.as_ptr(), std::ptr::null_mut()))?;
            Owned::from_result(PyCallIter_New(next.as_ptr(), Py_None()))
        }
    })
}

/// A position in a file, or `None`.
pub(super) fn position(object: Ref<'_>) -> Result<Option<u64>> {
    if object.is_none() {
        return Ok(None);
    }
    // SAFETY: the object is alive.
    let position = unsafe { PyLong_AsUnsignedLongLong(object.as_ptr()) };
    if position == u64::MAX && error::occurred() { Err(Raised) } else { Ok(Some(position)) }
}

unsafe extern "C" fn next(capsule: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    guard(|| {
        // SAFETY: the receiver is the capsule, which is kept by the function that is running.
        let &Iteration { ref data, ref position, base, limits } = capsule::get(unsafe { Ref::new(capsule) })?;
        let start = position.swap(OVER, Ordering::AcqRel);
        if start == OVER {
            return Ok(Owned::none());
        }
        let rest = &bytes::as_slice(data.as_ref())[start..];
        let mut genops = Genops::with_base(rest, base.unwrap_or(0).saturating_add(start as u64), limits);
        let operation = match genops.next() {
            Some(Ok(operation)) => operation,
            Some(Err(GenopsError::UnknownOpcode(byte, _))) if base.is_none() => {
                return Err(value::raise(&GenopsError::UnknownOpcode(byte, None)));
            }
            Some(Err(error)) => return Err(value::raise(&error)),
            None => return Ok(Owned::none()),
        };
        if operation.opcode != Opcode::Stop {
            let len = rest.len() - genops.rest().len();
            position.store(start + len, Ordering::Release);
        }
        let code = Owned::interned(char::from(operation.opcode.byte()).encode_utf8(&mut [0; 4]))?;
        let argument = value::object(&operation.argument)?;
        let position = match base {
            Some(_) => Owned::int(operation.offset as i64)?,
            None => Owned::none(),
        };
        Owned::tuple(&[code.as_ref(), argument.as_ref(), position.as_ref()])
    })
}
