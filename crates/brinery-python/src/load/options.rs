//! What a load can be told.

use crate::arguments::{flag, some};
use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, error, sequence};
use std::borrow::Cow;
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How the 8-bit strings of Python 2 are read.
pub(crate) enum Strings {
    /// As bytes.
    Bytes,
    /// As text, by this codec and error handler.
    Text { encoding: Cow<'static, CStr>, errors: Cow<'static, CStr> },
}

/// The buffers that are beside a stream, of which each is taken once.
pub(crate) struct Buffers {
    source: Owned,
    /// How many were taken, of a list or a tuple; anything else is an iterator.
    taken: Option<AtomicUsize>,
}

impl Buffers {
    /// Those of any iterable. An iterator of a list or a tuple would be made for nothing else.
    pub(crate) fn new(buffers: Ref<'_>) -> Result<Self> {
        let is_list = !cfg!(Py_GIL_DISABLED) && buffers.is_exactly(&raw mut PyList_Type);
        if is_list || buffers.is_exactly(&raw mut PyTuple_Type) {
            return Ok(Buffers { source: buffers.to_owned(), taken: Some(AtomicUsize::new(0)) });
        }
        Ok(Buffers { source: buffers.iter()?, taken: None })
    }

    /// The next one. Foreign code may run.
    pub(crate) fn next(&self) -> Result<Option<Owned>> {
        let Some(taken) = &self.taken else { return self.source.as_ref().next() };
        // SAFETY: a list or a tuple, and nothing runs while its items are looked at.
        let item =
            unsafe { sequence::items(self.source.as_ref()) }.get(taken.load(Ordering::Relaxed)).copied();
        // SAFETY: the sequence holds it.
        let Some(item) = (unsafe { item.and_then(|item| Ref::from_nullable(item)) }) else { return Ok(None) };
        taken.fetch_add(1, Ordering::Relaxed);
        Ok(Some(item.to_owned()))
    }

    /// The same for something that takes them bit by bit and may give them to others: these have an iterator.
    pub(crate) fn into_iterator(self) -> Result<Self> {
        Ok(match self.taken {
            Some(_) => Buffers { source: self.source.as_ref().iter()?, taken: None },
            None => self,
        })
    }

    /// The object that has them.
    pub(crate) fn source(&self) -> &Owned {
        &self.source
    }
}

/// The arguments that `load`, `loads` and `Unpickler` have in common.
pub(crate) struct Options {
    pub(crate) fix_imports: bool,
    pub(crate) strings: Strings,
    pub(crate) buffers: Option<Buffers>,
}

impl Default for Options {
    fn default() -> Self {
        let (encoding, errors) = (Cow::Borrowed(c"ASCII"), Cow::Borrowed(c"strict"));
        Options { fix_imports: true, strings: Strings::Text { encoding, errors }, buffers: None }
    }
}

impl Options {
    /// The options in the order in which the functions have them.
    #[inline]
    pub(crate) fn new(function: &str, arguments: [Option<Ref<'_>>; 4]) -> Result<Self> {
        if arguments.iter().all(Option::is_none) {
            return Ok(Options::default());
        }
        let [fix_imports, encoding, errors, buffers] = arguments;
        let fix_imports = flag(fix_imports, true)?;
        let encoding = c_string(function, "encoding", encoding)?.map_or(Cow::Borrowed(c"ASCII"), Cow::Owned);
        let errors = c_string(function, "errors", errors)?.map_or(Cow::Borrowed(c"strict"), Cow::Owned);
        let strings =
            if &*encoding == c"bytes" { Strings::Bytes } else { Strings::Text { encoding, errors } };
        let buffers = some(buffers).map(Buffers::new).transpose()?;
        Ok(Options { fix_imports, strings, buffers })
    }
}

/// A text argument that C code is going to read.
#[inline]
fn c_string(function: &str, name: &str, value: Option<Ref<'_>>) -> Result<Option<CString>> {
    value.map(|value| text_for_c(function, name, value)).transpose()
}

fn text_for_c(function: &str, name: &str, value: Ref<'_>) -> Result<CString> {
    if !value.is_str() {
        let kind = if value.is_none() { "None".to_owned() } else { value.type_name() };
        return Err(error::type_error(&format!("{function}() argument '{name}' must be str, not {kind}")));
    }
    let mut len = 0;
    // SAFETY: the value is a str, and the bytes live as long as it.
    let text = unsafe {
        let data = PyUnicode_AsUTF8AndSize(value.as_ptr(), &raw mut len);
        if data.is_null() {
            return Err(Raised);
        }
        std::slice::from_raw_parts(data.cast::<u8>(), len as usize)
    };
    CString::new(text).map_err(|_| error::value_error("embedded null character"))
}
