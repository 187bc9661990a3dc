//! Telling where a dump or load failed, on the exception itself.

use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, error, text};
use crate::state::State;
use brinery::read::Shape;
use brinery::{Opcode, Path};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much of a key is shown.
const SHOWN: usize = 40;

/// The exception that was given a place last, until another dump or load begins.
///
/// It tells an exception that comes from a failure on the inside, whose place stays, from one that was raised again.
#[derive(Default)]
pub(crate) struct Placed(AtomicUsize);

impl Placed {
    /// A dump or load begins.
    #[inline(always)]
    pub(crate) fn forget(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Gives the exception that is set the attributes `path`, `offset` and `opcode` and, where the interpreter knows
/// notes, a note with them.
///
/// What another failure on the inside has told stays, and so does whatever the exception itself keeps under these
/// names. An exception that takes no attributes or notes is left as it is: nothing replaces it.
#[cold]
pub(crate) fn annotate(state: &State, path: &Path, offset: Option<u64>, opcode: Option<Opcode>) -> Raised {
    let Some(exception) = error::take() else {
        // Nothing was set: a hook broke its contract. It must not look like success.
        return error::runtime_error("an error was reported without an exception");
    };
    let names = &state.names;
    let address = exception.as_ptr() as usize;
    let last = state.placed.0.swap(address, Ordering::Relaxed);
    let stale = matches!(exception.lookup_attr(names.opcode.as_ref()), Ok(Some(_)));
    error::clear();
    if last != address || !stale {
        let path_text = path.to_string();
        set_unless_used(stale, &exception, &names.path, Owned::str(&path_text));
        set_unless_used(
            stale,
            &exception,
            &names.offset,
            offset.map_or(Ok(Owned::none()), |at| Owned::int(at as i64)),
        );
        let opcode_text = opcode.map_or(Ok(Owned::none()), |opcode| Owned::str(opcode.name()));
        set_unless_used(stale, &exception, &names.opcode, opcode_text);
        if cfg!(Py_3_11) {
            let note = match offset {
                Some(offset) => brinery::Place { offset, opcode, path: path.clone() }.to_string(),
                None => format!("at {path_text}"),
            };
            let added = Owned::str(&format!("brinery: {note}"))
                .and_then(|note| exception.call_method1(names.add_note.as_ref(), note.as_ref()));
            if added.is_err() {
                error::clear();
            }
        }
    }
    error::clear();
    error::restore(exception)
}

/// Sets an attribute, unless the exception has a value for it that is not `stale`.
fn set_unless_used(stale: bool, exception: &Owned, name: &Owned, value: Result<Owned, Raised>) {
    let unused = match exception.lookup_attr(name.as_ref()) {
        Ok(found) => stale || found.is_none_or(|found| found.is_none()),
        Err(Raised) => false,
    };
    if unused && let Ok(value) = value {
        // An exception that refuses keeps its own ways.
        let _ = exception.setattr(name.as_ref(), value.as_ref());
    }
    error::clear();
}

/// What kind of object a value is.
pub(crate) fn shape(value: Ref<'_>) -> Shape {
    // SAFETY: sizes are asked of objects of the type that they belong to; types live as long as their objects.
    unsafe {
        let object = value.as_ptr();
        if value.is_exactly(&raw mut PyList_Type) {
            Shape::List(PyList_GET_SIZE(object) as usize)
        } else if value.is_exactly(&raw mut PyDict_Type) {
            Shape::Dict(PyDict_Size(object) as usize)
        } else if value.is_exactly(&raw mut PySet_Type) {
            Shape::Set(PySet_Size(object) as usize)
        } else if !value.is_type()
            && !value.is_exactly(&raw mut PyFunction_Type)
            && PyType_GetFlags(value.type_ptr()) & Py_TPFLAGS_HEAPTYPE != 0
        {
            Shape::Instance
        } else {
            Shape::Other
        }
    }
}

/// A short text of a dict key, as it would be written in Python. No code of the key's own runs.
///
/// May be called while an exception is set.
pub(crate) fn key_text(key: Ref<'_>) -> String {
    let pending = error::take();
    let text = key_text_without_exception(key, 3);
    error::clear();
    if let Some(pending) = pending {
        let Raised = error::restore(pending);
    }
    text
}

fn key_text_without_exception(key: Ref<'_>, depth: usize) -> String {
    let plain = [&raw mut PyLong_Type, &raw mut PyFloat_Type, &raw mut PyBool_Type, &raw mut PyComplex_Type];
    if key.is_exactly(&raw mut PyUnicode_Type) {
        let Ok(text) = text::utf8(key) else { return "<str>".to_owned() };
        quoted(&String::from_utf8_lossy(text.as_slice()))
    } else if key.is_none() || plain.into_iter().any(|kind| key.is_exactly(kind)) {
        shortened(&key.repr_text())
    } else if key.is_exactly(&raw mut PyBytes_Type) {
        let bytes = crate::ffi::bytes::as_slice(key);
        let more = if bytes.len() > SHOWN { "…" } else { "" };
        format!("b\"{}{more}\"", bytes[..bytes.len().min(SHOWN)].escape_ascii())
    } else if key.is_exactly(&raw mut PyTuple_Type) && depth > 0 {
        // SAFETY: the key is a tuple, which keeps its items alive.
        let items: Vec<_> = unsafe {
            let len = PyTuple_GET_SIZE(key.as_ptr());
            (0..len.min(4)).map(|index| Ref::new(PyTuple_GET_ITEM(key.as_ptr(), index))).collect()
        };
        let texts: Vec<_> =
            items.into_iter().map(|item| key_text_without_exception(item, depth - 1)).collect();
        // SAFETY: as above.
        let len = unsafe { PyTuple_GET_SIZE(key.as_ptr()) };
        let end = if len == 1 {
            ","
        } else if len > 4 {
            ", …"
        } else {
            ""
        };
        format!("({}{end})", texts.join(", "))
    } else {
        format!("<{}>", key.type_name())
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A text in quotes and on one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in shortened(text).chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if char.is_control() => quoted.extend(char.escape_default()),
            char => quoted.push(char),
        }
    }
    quoted + "\""
}
