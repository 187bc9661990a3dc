//! The functions `seal` and `unseal`, and the same for `dumps` and `loads` with a key.

use super::arguments::Terms;
use super::raise;
use crate::arguments::{Signature, some};
use crate::ffi::api::*;
use crate::ffi::buffer::View;
use crate::ffi::thread::detached;
use crate::ffi::{Owned, Raised, Ref, Result, bytes, error};
use crate::methods::{END, Methods, docstring, function, guard};
use crate::state::State;

static METHODS: Methods<3> = Methods::new([
    function(c"seal", seal, docstring!("seal")),
    function(c"unseal", unseal, docstring!("unseal")),
    END,
]);

/// The functions, for the module.
pub(crate) fn functions() -> [*mut PyMethodDef; 2] {
    [METHODS.as_ptr(), super::keys::functions()]
}

const SEAL: Signature<6> = Signature {
    function: "seal",
    names: ["data", "key", "purpose", "expires", "policy_digest", "now"],
    positional_only: 0,
    positional: 2,
    required: 3,
};

const UNSEAL: Signature<6> = Signature {
    function: "unseal",
    names: ["data", "key", "purpose", "policy_digest", "signatures", "now"],
    positional_only: 0,
    positional: 2,
    required: 3,
};

/// From how many bytes on other threads may run meanwhile.
const LARGE: usize = 1 << 14;

unsafe extern "C" fn seal(
    module: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with our module and arguments by the vectorcall protocol.
        let (state, arguments) =
            unsafe { (State::of_module(module), SEAL.parse_vector(args, count, names)?) };
        let [data, key, purpose, expires, policy, now] = arguments;
        let terms = Terms::new(state, key, purpose, some(now))?;
        let (Some(data), Some(terms)) = (data, terms) else {
            return Err(error::type_error("missing arguments"));
        };
        seal_by(state, data, &terms.expiring(some(expires))?.under(some(policy))?)
    })
}

unsafe extern "C" fn unseal(
    module: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    guard(|| {
        // SAFETY: CPython calls this with our module and arguments by the vectorcall protocol.
        let (state, arguments) =
            unsafe { (State::of_module(module), UNSEAL.parse_vector(args, count, names)?) };
        let [data, key, purpose, policy, signatures, now] = arguments;
        let terms = Terms::new(state, key, purpose, some(now))?;
        let (Some(data), Some(terms)) = (data, terms) else {
            return Err(error::type_error("missing arguments"));
        };
        unseal_by(state, data, &terms.under(some(policy))?.signed_by(some(signatures))?)
    })
}

/// The terms on which `dump` and `dumps` seal, if they are given a key.
pub(crate) fn sealed(
    state: &State,
    key: Option<Ref<'_>>,
    purpose: Option<Ref<'_>>,
    expires: Option<Ref<'_>>,
    callback: Option<Ref<'_>>,
) -> Result<Option<Sealed>> {
    match Terms::new(state, some(key), some(purpose), None)? {
        Some(_) if some(callback).is_some() => Err(buffers_beside()),
        Some(terms) => Ok(Some(Sealed(terms.expiring(some(expires))?))),
        None if some(expires).is_some() => {
            Err(error::type_error("only what is sealed expires: missing arguments 'key' and 'purpose'"))
        }
        None => Ok(None),
    }
}

/// What travels beside the stream would not be sealed.
#[cold]
pub(super) fn buffers_beside() -> Raised {
    error::value_error("buffers beside the pickle are not sealed: with a key, leave them in it")
}

/// The terms on which something is sealed.
pub(crate) struct Sealed(pub(super) Terms);

impl Sealed {
    /// Seals the bytes of a pickle.
    pub(crate) fn seal(&self, state: &State, data: Ref<'_>) -> Result<Owned> {
        seal_by(state, data, &self.0)
    }
}

/// The content of sealed data, if there is a key; otherwise nothing.
#[inline]
pub(crate) fn unsealed(
    state: &State,
    data: Ref<'_>,
    key: Option<Ref<'_>>,
    purpose: Option<Ref<'_>>,
    has_buffers: bool,
) -> Result<Option<Owned>> {
    if some(key).or(some(purpose)).is_none() {
        return Ok(None);
    }
    match Terms::new(state, some(key), some(purpose), None)? {
        Some(_) if has_buffers => Err(buffers_beside()),
        Some(terms) => unseal_by(state, data, &terms).map(Some),
        None => Ok(None),
    }
}

/// Calls `body` with the bytes of an object; without the interpreter's lock, if they cannot change and it may last.
fn with_bytes<T: Send>(data: Ref<'_>, slow: bool, body: impl FnOnce(&[u8]) -> T + Send) -> Result<T> {
    if data.is_exactly(&raw mut PyBytes_Type) {
        let slice = bytes::as_slice(data);
        if slow || slice.len() >= LARGE {
            // SAFETY: the body gets the contents of a `bytes`, which the caller of the function holds, and no object.
            return Ok(unsafe { detached(|| body(slice)) });
        }
        return Ok(body(slice));
    }
    let view = View::new(data)?;
    if cfg!(Py_GIL_DISABLED) && !view.is_readonly() {
        // Another thread could write to it between two looks at one byte.
        let copy = view.as_slice().to_vec();
        return Ok(body(&copy));
    }
    Ok(body(view.as_slice()))
}

fn seal_by(state: &State, data: Ref<'_>, terms: &Terms) -> Result<Owned> {
    let sealer = terms.sealer().map_err(|failure| raise(state, &failure))?;
    let sealed = with_bytes(data, terms.is_slow(), |slice| sealer.seal(slice))?;
    bytes::new(&sealed.map_err(|failure| raise(state, &failure))?)
}

fn unseal_by(state: &State, data: Ref<'_>, terms: &Terms) -> Result<Owned> {
    let unsealer = terms.unsealer().map_err(error::type_error)?;
    let content = with_bytes(data, terms.is_slow(), |slice| unsealer.unseal(slice))?;
    bytes::new(&content.map_err(|failure| raise(state, &failure))?)
}
