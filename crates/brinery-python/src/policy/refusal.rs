//! The exception for a refusal.

use crate::ffi::{Owned, Raised, error};

/// Sets the exception for a refusal.
#[cold]
pub(super) fn raise(rule: &str, message: &str, place: (Option<u64>, Option<&str>, &str)) -> Raised {
    let (offset, opcode, path) = place;
    let make = || {
        let refuse = super::import_policy()?.getattr(Owned::str("_refusal")?.as_ref())?;
        let rule = Owned::str(rule)?;
        let message = Owned::str(message)?;
        let offset = offset.map_or(Ok(Owned::none()), |offset| Owned::int(offset as i64))?;
        let opcode = opcode.map_or(Ok(Owned::none()), Owned::str)?;
        let path = Owned::str(path)?;
        refuse.call(&[rule.as_ref(), message.as_ref(), offset.as_ref(), opcode.as_ref(), path.as_ref()])
    };
    match make() {
        Ok(exception) => error::restore(exception),
        Err(Raised) => Raised,
    }
}
