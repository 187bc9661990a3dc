use crate::ffi::*;
pub(crate) fn new_type(module: Ref<'_>) -> Result<Owned> { Ok(module.to_owned()) }
