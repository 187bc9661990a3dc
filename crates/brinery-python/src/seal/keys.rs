//! The type behind `Key` and `KeyRing`: keys that never change and never show their secrets.

use super::arguments::{parsed, text, time};
use super::raise;
use crate::ffi::api::*;
use crate::ffi::buffer::View;
use crate::ffi::{Owned, Raised, Ref, Result, bytes, error};
use crate::methods::{END, Methods, guard, positional};
use crate::state::State;
use crate::types::{self, IMMUTABLE, NO_NEW, slot};
use brinery_seal::{
    Algorithm, Cost, Ed25519PublicKey, Key, KeyId, KeyRing, Password, Purpose, State as KeyState, Timestamp,
};
use std::ffi::c_void;
use std::path::PathBuf;
use std::ptr;

/// An instance: a key ring, which may be one key alone.
#[repr(C)]
struct KeysObject {
    base: PyObject,
    /// Set when the object is made, and never changed.
    ring: Option<Box<KeyRing>>,
}

pub(super) fn new_type(module: Ref<'_>) -> Result<Owned> {
    let mut slots = [
        slot(Py_tp_dealloc, dealloc as *mut c_void),
        slot(Py_tp_doc, c"Keys, for the package.".as_ptr().cast_mut().cast()),
        slot(0, ptr::null_mut()),
    ];
    // SAFETY: the slots are functions for `KeysObject`, which refers to no object.
    unsafe {
        types::new_type(module, c"brinery._Keys", size_of::<KeysObject>(), IMMUTABLE | NO_NEW, &mut slots)
    }
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: CPython calls this once, with an object of ours that nobody refers to.
    unsafe {
        let kind = Py_TYPE(object);
        drop((*object.cast::<KeysObject>()).ring.take());
        PyObject_Free(object.cast());
        Py_DECREF(kind.cast());
    }
}

/// An object of this type.
pub(super) struct Held(Owned);

impl Held {
    fn new(state: &State, ring: KeyRing) -> Result<Self> {
        let kind = state.types.seal.keys.as_ptr().cast::<PyTypeObject>();
        // SAFETY: the type is ours; the memory fits the object and comes zeroed, which is a valid empty one.
        unsafe {
            let object = Owned::from_result(PyType_GenericAlloc(kind, 0))?;
            (*object.as_ptr().cast::<KeysObject>()).ring = Some(Box::new(ring));
            Ok(Held(object))
        }
    }

    /// The keys in a `Key`, a `KeyRing` or an object of this type.
    pub(super) fn of(state: &State, object: Ref<'_>) -> Result<Self> {
        let kind = state.types.seal.keys.as_ptr().cast::<PyTypeObject>();
        let held = if object.is_exactly(kind) {
            Some(object.to_owned())
        } else {
            object.lookup_attr(state.names._keys.as_ref())?.filter(|keys| keys.is_exactly(kind))
        };
        // SAFETY: an object of ours.
        match held.filter(|held| unsafe { (*held.as_ptr().cast::<KeysObject>()).ring.is_some() }) {
            Some(held) => Ok(Held(held)),
            None => {
                Err(error::type_error(&format!("key must be a Key or a KeyRing, not {}", object.type_name())))
            }
        }
    }

    /// The same for a sequence of them too.
    pub(super) fn all(state: &State, object: Ref<'_>) -> Result<Vec<Self>> {
        let has_keys = object.lookup_attr(state.names._keys.as_ref())?.is_some();
        // SAFETY: the object is alive.
        if has_keys || unsafe { PySequence_Check(object.as_ptr()) } == 0 {
            return Ok(vec![Self::of(state, object)?]);
        }
        let items = object.iter()?;
        let mut all = Vec::new();
        while let Some(item) = items.next()? {
            all.push(Self::of(state, item.as_ref())?);
        }
        Ok(all)
    }

    pub(super) fn ring(&self) -> &KeyRing {
        // SAFETY: the object is ours; its ring was set when it was made, and lives and stays as long as it.
        unsafe { (*self.0.as_ptr().cast::<KeysObject>()).ring.as_deref().unwrap_or_else(|| unreachable!()) }
    }
}

/// What the package calls. The arguments are its own: it checks those of its users.
static METHODS: Methods<7> = Methods::new([
    positional(
        c"_keys_make",
        make,
        c"_keys_make($module, kind, id, purposes, material, cost, /)\n--\n\nMake a key.\n",
    ),
    positional(c"_keys_join", join, c"_keys_join($module, keys, signatures, /)\n--\n\nMake a key ring.\n"),
    positional(
        c"_keys_change",
        change,
        c"_keys_change($module, keys, change, id, argument, /)\n--\n\nReturn changed keys.\n",
    ),
    positional(
        c"_keys_facts",
        facts,
        c"_keys_facts($module, keys, secret, /)\n--\n\nReturn what there is to know.\n",
    ),
    positional(c"_keys_load", load, c"_keys_load($module, path, /)\n--\n\nRead a key ring's file.\n"),
    positional(
        c"_keys_save",
        save,
        c"_keys_save($module, keys, path, replace, /)\n--\n\nWrite a key ring's file.\n",
    ),
    END,
]);

/// The functions, for the module.
pub(super) fn functions() -> *mut PyMethodDef {
    METHODS.as_ptr()
}

/// The arguments of a call by position, exactly `N`.
///
/// # Safety
///
/// `args` holds `count` objects that live for `'a`.
unsafe fn arguments<'a, const N: usize>(args: *mut *mut PyObject, count: Py_ssize_t) -> Result<[Ref<'a>; N]> {
    if count as usize != N {
        return Err(error::type_error(&format!("expected {N} arguments, got {count}")));
    }
    // SAFETY: by contract.
    Ok(std::array::from_fn(|index| unsafe { Ref::new(*args.add(index)) }))
}

/// A function over positional arguments that answers with an object or a failure of the crate.
macro_rules! native {
    ($name:ident($state:ident, $($arg:ident),+) $body:block) => {
        unsafe extern "C" fn $name(
            module: *mut PyObject,
            args: *mut *mut PyObject,
            count: Py_ssize_t,
        ) -> *mut PyObject {
            guard(|| {
                // SAFETY: CPython calls this with our module and `count` arguments.
                let ($state, [$($arg),+]) = unsafe { (State::of_module(module), arguments(args, count)?) };
                $body
            })
        }
    };
}

fn id_of(state: &State, id: Ref<'_>) -> Result<KeyId> {
    if id.is_none() {
        return KeyId::random().map_err(|failure| raise(state, &failure));
    }
    parsed(state, id, "id")
}

fn purposes_of(state: &State, purposes: Ref<'_>) -> Result<Vec<Purpose>> {
    let items = purposes.iter()?;
    let mut found = Vec::new();
    while let Some(item) = items.next()? {
        found.push(parsed(state, item.as_ref(), "a purpose")?);
    }
    Ok(found)
}

/// The parameters for a password.
fn cost_of(state: &State, cost: Ref<'_>) -> Result<Cost> {
    let mut numbers = [0; 3];
    let items = cost.iter()?;
    for number in &mut numbers {
        let Some(item) = items.next()? else {
            return Err(error::value_error("cost must have three numbers"));
        };
        // SAFETY: the object is alive.
        let value = unsafe { PyLong_AsLongLong(item.as_ptr()) };
        if error::occurred() {
            return Err(Raised);
        }
        *number = u32::try_from(value).unwrap_or(0);
    }
    Cost::new(numbers[0], numbers[1], numbers[2]).map_err(|failure| raise(state, &failure))
}

native! {
    make(state, kind, id, purposes, material, cost) {
        let (kind, id) = (text(kind, "algorithm")?, id_of(state, id)?);
        let purposes = purposes_of(state, purposes)?;
        let failed = |failure: brinery_seal::Error| raise(state, &failure);
        let key = if kind == "password" {
            let password = View::new(material)?;
            let password = Password::new(password.as_slice()).map_err(failed)?;
            let password = if cost.is_none() { password } else { password.with_cost(cost_of(state, cost)?) };
            Key::new(id, password)
        } else {
            let public = kind == "ed25519-public";
            let Some(algorithm) = Algorithm::from_name(if public { "ed25519" } else { kind }) else {
                let names = Algorithm::ALL.map(Algorithm::name).join(", ");
                return Err(error::value_error(&format!("unknown algorithm '{kind}': choose one of {names}")));
            };
            if material.is_none() {
                Key::generate(algorithm, id).map_err(failed)?.created_at(Timestamp::now())
            } else {
                let view = View::new(material)?;
                let Ok(secret) = view.as_slice().try_into() else {
                    return Err(error::value_error("a key has 32 bytes"));
                };
                if public {
                    Key::new(id, Ed25519PublicKey::from_bytes(secret).map_err(failed)?)
                } else {
                    Key::from_bytes(algorithm, id, secret).map_err(failed)?
                }
            }
        };
        let key = purposes.into_iter().fold(key, Key::for_purpose);
        let mut ring = KeyRing::new();
        ring.add(key).map_err(failed)?;
        Ok(Held::new(state, ring)?.0)
    }
}

native! {
    join(state, keys, signatures) {
        let failed = |failure: brinery_seal::Error| raise(state, &failure);
        let mut ring = KeyRing::new();
        let items = keys.iter()?;
        while let Some(item) = items.next()? {
            for key in Held::of(state, item.as_ref())?.ring().keys() {
                ring.add(key.clone()).map_err(failed)?;
            }
        }
        // SAFETY: the object is alive.
        let count = unsafe { PyLong_AsLong(signatures.as_ptr()) };
        if error::occurred() {
            return Err(Raised);
        }
        ring.require_signatures(u8::try_from(count).unwrap_or(0)).map_err(failed)?;
        Ok(Held::new(state, ring)?.0)
    }
}

native! {
    change(state, keys, change, id, argument) {
        let failed = |failure: brinery_seal::Error| raise(state, &failure);
        let mut ring = Held::of(state, keys)?.ring().clone();
        let now = Timestamp::now();
        match text(change, "change")? {
            "rotate" => {
                // A new id and a time.
                let items = argument.iter()?;
                let (Some(new), Some(until)) = (items.next()?, items.next()?) else { return Err(Raised) };
                let (new, until) = (id_of(state, new.as_ref())?, time(until.as_ref(), now)?);
                ring.rotate(&parsed(state, id, "id")?, new, now, until).map_err(failed)?;
            }
            "revoke" => ring.set_state(&parsed(state, id, "id")?, KeyState::Revoked).map_err(failed)?,
            "retire" => {
                let until = KeyState::AcceptUntil(time(argument, now)?);
                ring.set_state(&parsed(state, id, "id")?, until).map_err(failed)?;
            }
            "public" => ring = ring.public(),
            "only" => {
                let key = ring.find(&parsed(state, id, "id")?).map_err(failed)?.clone();
                ring = KeyRing::new();
                ring.add(key).map_err(failed)?;
            }
            _ => return Err(error::value_error("an unknown change")),
        }
        Ok(Held::new(state, ring)?.0)
    }
}

/// What there is to know of each key, and how many signatures are wanted. With a secret's bytes only if there is just
/// one key and `secret` is asked for by the package.
fn fact(key: &Key) -> Result<Owned> {
    let purposes: Vec<Owned> =
        key.purposes().iter().map(|purpose| Owned::str(purpose.as_str())).collect::<Result<_>>()?;
    let purposes: Vec<Ref<'_>> = purposes.iter().map(Owned::as_ref).collect();
    let (state, until) = match key.state() {
        KeyState::Active => ("active", Owned::none()),
        KeyState::AcceptUntil(until) => ("accept-until", Owned::int(until.unix())?),
        KeyState::Revoked => ("revoked", Owned::none()),
    };
    let public = match key.public_bytes() {
        Some(public) => bytes::new(&public)?,
        None => Owned::none(),
    };
    let created = match key.created() {
        Some(created) => Owned::int(created.unix())?,
        None => Owned::none(),
    };
    Owned::tuple(&[
        Owned::str(key.id().as_str())?.as_ref(),
        Owned::str(key.algorithm().name())?.as_ref(),
        Owned::tuple(&purposes)?.as_ref(),
        Owned::str(state)?.as_ref(),
        until.as_ref(),
        created.as_ref(),
        public.as_ref(),
        Owned::bool(key.has_secret()).as_ref(),
    ])
}

native! {
    facts(state, keys, secret) {
        let held = Held::of(state, keys)?;
        let ring = held.ring();
        if secret.is_true()? {
            return match ring.keys() {
                [key] if key.secret_bytes().is_some() => bytes::new(key.secret_bytes().unwrap_or(&[0; 32])),
                _ => Err(error::value_error("the key has no secret bytes")),
            };
        }
        let all: Vec<Owned> = ring.keys().iter().map(fact).collect::<Result<_>>()?;
        let all: Vec<Ref<'_>> = all.iter().map(Owned::as_ref).collect();
        let signatures = Owned::int(ring.required_signatures().into())?;
        Owned::tuple(&[Owned::tuple(&all)?.as_ref(), signatures.as_ref()])
    }
}

/// A path as the system spells it.
fn path_of(path: Ref<'_>) -> Result<PathBuf> {
    let mut encoded: *mut PyObject = ptr::null_mut();
    #[cfg(unix)]
    // SAFETY: the converter fills `encoded` with a new bytes object if it succeeds.
    unsafe {
        if PyUnicode_FSConverter(path.as_ptr(), (&raw mut encoded).cast()) == 0 {
            return Err(Raised);
        }
        let encoded = Owned::from_result(encoded)?;
        let bytes = bytes::as_slice(encoded.as_ref()).to_vec();
        Ok(std::os::unix::ffi::OsStringExt::from_vec(bytes)).map(|text: std::ffi::OsString| text.into())
    }
    #[cfg(not(unix))]
    // SAFETY: the converter fills `encoded` with a new str object if it succeeds.
    unsafe {
        if PyUnicode_FSDecoder(path.as_ptr(), (&raw mut encoded).cast()) == 0 {
            return Err(Raised);
        }
        Ok(PathBuf::from(Owned::from_result(encoded)?.text()))
    }
}

native! {
    load(state, path) {
        match KeyRing::load(path_of(path)?) {
            Ok(ring) => Ok(Held::new(state, ring)?.0),
            Err(failure) => Err(raise(state, &failure)),
        }
    }
}

native! {
    save(state, keys, path, replace) {
        let (held, path) = (Held::of(state, keys)?, path_of(path)?);
        let saved = if replace.is_true()? && path.exists() {
            KeyRing::update(path, |ring| {
                ring.clone_from(held.ring());
                Ok(())
            })
        } else {
            held.ring().create(path)
        };
        saved.map_err(|failure| raise(state, &failure))?;
        Ok(Owned::none())
    }
}
