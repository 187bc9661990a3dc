//! One file a command.

pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod dis;
pub(crate) mod json;
pub(crate) mod keygen;
pub(crate) mod keys;
pub(crate) mod man;
pub(crate) mod optimize;
pub(crate) mod scan;
pub(crate) mod seal;
pub(crate) mod show;
pub(crate) mod stat;
pub(crate) mod unseal;
pub(crate) mod verify;
pub(crate) mod version;
