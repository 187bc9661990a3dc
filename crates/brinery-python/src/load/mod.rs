use crate::methods::*;
static M: Methods<1> = Methods::new([END]);
pub(crate) fn functions() -> *mut crate::ffi::api::PyMethodDef { M.as_ptr() }
