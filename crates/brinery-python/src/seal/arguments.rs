//! The arguments that sealing and opening have in common.

use super::keys::Held;
use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, error};
use crate::state::State;
use brinery_seal::{Key, Purpose, Sealer, Timestamp, Unsealer};

/// The text of a `str`.
pub(super) fn text<'a>(value: Ref<'a>, name: &str) -> Result<&'a str> {
    if !value.is_str() {
        return Err(error::type_error(&format!("{name} must be str, not {}", value.type_name())));
    }
    let mut len = 0;
    // SAFETY: the value is a str, and the bytes are valid UTF-8 and live as long as it.
    unsafe {
        let data = PyUnicode_AsUTF8AndSize(value.as_ptr(), &raw mut len);
        if data.is_null() {
            return Err(Raised);
        }
        Ok(std::str::from_utf8_unchecked(std::slice::from_raw_parts(data.cast(), len as usize)))
    }
}

/// A text that the crate reads: an id, a purpose, the name of a state.
pub(super) fn parsed<T>(state: &State, value: Ref<'_>, name: &str) -> Result<T>
where
    T: std::str::FromStr<Err = brinery_seal::Error>,
{
    text(value, name)?.parse().map_err(|failure| super::raise(state, &failure))
}

/// A digest of 32 bytes.
pub(super) fn digest(value: Ref<'_>, name: &str) -> Result<[u8; 32]> {
    let view = crate::ffi::buffer::View::new(value)?;
    view.as_slice().try_into().map_err(|_| error::value_error(&format!("{name} must have 32 bytes")))
}

/// A number of seconds.
fn seconds(value: Ref<'_>) -> Result<i64> {
    // SAFETY: the object is alive.
    let seconds = unsafe { PyFloat_AsDouble(value.as_ptr()) };
    if error::occurred() {
        return Err(Raised);
    }
    let floor = seconds.floor();
    if floor.is_nan() || floor.abs() > 9e18 {
        return Err(error::value_error("a time out of range"));
    }
    Ok(floor as i64)
}

/// A time: seconds since the epoch, a `datetime`, or a `timedelta` from now.
pub(super) fn time(value: Ref<'_>, now: Timestamp) -> Result<Timestamp> {
    let method = |name: &str| value.lookup_attr(Owned::interned(name)?.as_ref());
    if let Some(total_seconds) = method("total_seconds")? {
        return Ok(now.plus(seconds(total_seconds.call0()?.as_ref())?));
    }
    if let Some(timestamp) = method("timestamp")? {
        return Ok(Timestamp::from_unix(seconds(timestamp.call0()?.as_ref())?));
    }
    Ok(Timestamp::from_unix(seconds(value)?))
}

/// With what, for what and when something is sealed or opened.
pub(crate) struct Terms {
    keys: Vec<Held>,
    purpose: Purpose,
    now: Timestamp,
    expires: Option<Timestamp>,
    policy: Option<[u8; 32]>,
    signatures: Option<u8>,
}

impl Terms {
    /// The terms that a key and a purpose make; none without a key.
    pub(super) fn new(
        state: &State,
        key: Option<Ref<'_>>,
        purpose: Option<Ref<'_>>,
        now: Option<Ref<'_>>,
    ) -> Result<Option<Self>> {
        let (key, purpose) = match (key, purpose) {
            (None, None) => return Ok(None),
            (None, Some(_)) => {
                return Err(error::type_error(
                    "a purpose is for sealing, which needs a key: missing argument 'key'",
                ));
            }
            (Some(_), None) => {
                return Err(error::type_error("sealing needs to know for what: missing argument 'purpose'"));
            }
            (Some(key), Some(purpose)) => (key, purpose),
        };
        let purpose = parsed(state, purpose, "purpose")?;
        let now = match now {
            Some(now) => time(now, Timestamp::now())?,
            None => Timestamp::now(),
        };
        let keys = Held::all(state, key)?;
        Ok(Some(Terms { keys, purpose, now, expires: None, policy: None, signatures: None }))
    }

    pub(super) fn expiring(mut self, expires: Option<Ref<'_>>) -> Result<Self> {
        self.expires = expires.map(|value| time(value, self.now)).transpose()?;
        Ok(self)
    }

    pub(super) fn under(mut self, policy: Option<Ref<'_>>) -> Result<Self> {
        self.policy = policy.map(|value| digest(value, "policy_digest")).transpose()?;
        Ok(self)
    }

    pub(super) fn signed_by(mut self, count: Option<Ref<'_>>) -> Result<Self> {
        let Some(count) = count else { return Ok(self) };
        // SAFETY: the object is alive.
        let count = unsafe { PyLong_AsLong(count.as_ptr()) };
        if error::occurred() {
            return Err(Raised);
        }
        match u8::try_from(count) {
            Ok(count @ 1..=16) => self.signatures = Some(count),
            _ => return Err(error::value_error("1 to 16 signatures can be required")),
        }
        Ok(self)
    }

    /// What seals by these terms.
    pub(super) fn sealer(&self) -> brinery_seal::Result<Sealer<'_>> {
        let mut chosen = Vec::new();
        for held in &self.keys {
            chosen.push(held.ring().sealing_key(&self.purpose)?);
        }
        let mut chosen: std::vec::IntoIter<&Key> = chosen.into_iter();
        let Some(first) = chosen.next() else {
            // An empty list of keys: the ring without keys says what is wrong.
            return brinery_seal::KeyRing::new().sealing_key(&self.purpose).map(|_| unreachable!());
        };
        let sealer = chosen.fold(Sealer::new(first, &self.purpose), Sealer::and_by).at(self.now);
        let sealer = self.expires.into_iter().fold(sealer, Sealer::expires);
        Ok(self.policy.into_iter().fold(sealer, Sealer::policy))
    }

    /// What opens by these terms.
    pub(super) fn unsealer(&self) -> std::result::Result<Unsealer<'_>, &'static str> {
        let [held] = &self.keys[..] else {
            return Err("key must be one Key or KeyRing: put several keys into a KeyRing");
        };
        let unsealer = Unsealer::new(held.ring(), &self.purpose).at(self.now);
        let unsealer = self.signatures.into_iter().fold(unsealer, Unsealer::required_signatures);
        Ok(self.policy.into_iter().fold(unsealer, Unsealer::policy))
    }

    /// Whether the work is long even for little data.
    pub(super) fn is_slow(&self) -> bool {
        let is_password = |key: &Key| key.algorithm() == brinery_seal::Algorithm::Password;
        self.keys.iter().any(|held| held.ring().keys().iter().any(is_password))
    }
}
