//! What a stream that has been judged has of the world.

use crate::ffi::{Owned, Ref, Result, text};
use brinery::policy::GlobalUse;
use brinery::read::Fetches;

/// What a stream that has been judged needs of the world.
pub(super) struct World<'a> {
    /// The globals. There are no more of them than the policy grants.
    pub(super) globals: Vec<Resolved>,
    /// What resolves persistent ids.
    pub(super) persistent: Option<Ref<'a>>,
    /// The out-of-band buffers, if there are any.
    pub(super) buffers: Option<Vec<Owned>>,
    /// What the stream fetches from the memo, if that is known.
    pub(super) fetches: Option<Fetches>,
}

/// What a global stands for, by the names that the stream has for it.
pub(super) struct Resolved {
    module: Owned,
    name: Owned,
    object: Owned,
}

impl Resolved {
    pub(super) fn new(global: &GlobalUse, object: Owned) -> Result<Self> {
        Ok(Resolved { module: Owned::str(&global.raw_module)?, name: Owned::str(&global.raw_name)?, object })
    }
}

impl World<'_> {
    /// What the global of these names, which are texts, stands for.
    pub(super) fn global(&self, module: Ref<'_>, name: Ref<'_>) -> Option<Owned> {
        let is = |known: &Owned, name: Ref<'_>| known.is(name) || is_same_text(known.as_ref(), name);
        let found = self.globals.iter().find(|known| is(&known.name, name) && is(&known.module, module))?;
        Some(found.object.clone())
    }
}

/// Whether two texts are the same.
fn is_same_text(one: Ref<'_>, other: Ref<'_>) -> bool {
    match (text::ascii(one), text::ascii(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.text() == other.text(),
    }
}
