//! `_dis`: the text of a disassembly, written as it is made.

use super::genops::position;
use super::{exactly, frozen, value};
use crate::ffi::api::*;
use crate::ffi::error::{self, Raised};
use crate::ffi::{Owned, Ref, Result, bytes, text};
use crate::methods::guard;
use brinery::inspect::{self, DisError, DisMemo, DisOptions, MemoKey};
use brinery::{Opcode, StackItem};
use std::fmt;

/// How much text is handed over at once.
const PIECE: usize = 16 * 1024;

/// Hands text to a Python function.
struct Writer<'a> {
    write: Ref<'a>,
    pending: String,
    result: Result<()>,
}

impl Writer<'_> {
    fn flush(&mut self) -> fmt::Result {
        if self.pending.is_empty() || self.result.is_err() {
            return Ok(());
        }
        let piece = Owned::str(&self.pending);
        self.pending.clear();
        self.result = piece.and_then(|piece| self.write.call1(piece.as_ref())).map(drop);
        self.result.map_err(|Raised| fmt::Error)
    }
}

impl fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.pending.push_str(text);
        if self.pending.len() < PIECE { Ok(()) } else { self.flush() }
    }
}

pub(super) unsafe extern "C" fn dis(
    _module: *mut PyObject,
    args: *mut *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    guard(|| {
        exactly("_dis", 7, count)?;
        // SAFETY: CPython calls this with as many objects as it says.
        let [data, write, names, indent, annotate, base, docs] =
            std::array::from_fn(|index| unsafe { Ref::new(*args.add(index)) });
        let data = frozen(data)?;
        let docs = annotations(docs)?;
        let characters = value::Characters::new()?;
        let limits = value::limits()?;
        let options = DisOptions {
            indent: usize::try_from(int(indent)?).unwrap_or(0),
            annotate: int(annotate)?,
            base: position(base)?,
            docs: &|opcode| docs[usize::from(opcode.byte())].as_deref().unwrap_or_default(),
            printable: &|char| characters.is_printable(char),
            limits,
        };
        let mut memo = memo_of(names)?;
        let mut writer = Writer { write, pending: String::new(), result: Ok(()) };
        let outcome = inspect::dis(bytes::as_slice(data.as_ref()), &mut writer, &mut memo, &options);
        let flushed = writer.flush();
        writer.result?;
        update(names, &memo)?;
        match outcome {
            Ok(_) if flushed.is_ok() => Ok(Owned::none()),
            Ok(_) | Err(DisError::Output) => Err(Raised),
            Err(DisError::Decode(error)) => Err(value::raise(&error)),
            Err(DisError::IntDigits) => Err(value::raise_int_digits(limits.int_digits)),
            Err(error @ DisError::MarkLost) => {
                // SAFETY: the class is alive as long as the interpreter.
                let kind = unsafe { Ref::new(PyExc_IndexError) };
                Err(error::raise(kind, &error.to_string()))
            }
            Err(error @ DisError::Value(_)) => Err(error::value_error(&error.to_string())),
        }
    })
}

fn int(object: Ref<'_>) -> Result<i64> {
    // SAFETY: the object is alive.
    let value = unsafe { PyLong_AsLongLong(object.as_ptr()) };
    if value == -1 && error::occurred() { Err(Raised) } else { Ok(value) }
}

/// The entries of a dict.
fn entries(dict: Ref<'_>) -> Result<Vec<(Owned, Owned)>> {
    if !dict.is_dict() {
        return Err(error::type_error(&format!("expected a dict, not {}", dict.type_name())));
    }
    let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
    let mut entries = Vec::new();
    // SAFETY: the object is a dict, and nothing in the loop runs Python code.
    unsafe {
        while PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) != 0 {
            entries.push((Ref::new(key).to_owned(), Ref::new(value).to_owned()));
        }
    }
    Ok(entries)
}

/// The annotation of each opcode byte.
fn annotations(docs: Ref<'_>) -> Result<Vec<Option<String>>> {
    let mut annotations = vec![None; 256];
    for (code, doc) in entries(docs)? {
        if let Some(byte) = code.text().chars().next().and_then(|char| u8::try_from(char).ok()) {
            annotations[usize::from(byte)] = Some(doc.text());
        }
    }
    Ok(annotations)
}

/// What is known of the memo: index to the name of a kind of object.
fn memo_of(names: Ref<'_>) -> Result<DisMemo> {
    let mut memo = DisMemo::default();
    for (index, name) in entries(names)? {
        if !index.is_long() {
            return Err(error::type_error(&format!("a memo index must be int, not {}", index.type_name())));
        }
        let mut overflow = 0;
        // SAFETY: the object is an int.
        let value = unsafe { PyLong_AsLongLongAndOverflow(index.as_ptr(), &raw mut overflow) };
        let key = match overflow {
            0 => MemoKey::Small(value),
            _ => match index.repr_text().parse() {
                Ok(value) => MemoKey::Big(value),
                Err(_) => return Err(error::value_error("a memo index has too many digits")),
            },
        };
        memo.insert(key, item(&name));
    }
    Ok(memo)
}

/// The kind of object that goes by a name.
fn item(name: &Owned) -> StackItem {
    let items =
        || Opcode::ALL.iter().flat_map(|opcode| opcode.info().before.iter().chain(opcode.info().after));
    let found = |item: &&StackItem| name.is_str() && text::equals(name.as_ref(), item.name());
    items().copied().find(|item| found(&item)).unwrap_or(StackItem::Any)
}

/// Tells what the memo has gained.
fn update(names: Ref<'_>, memo: &DisMemo) -> Result<()> {
    for (key, item) in memo {
        let index = match key {
            MemoKey::Small(value) => Owned::int(*value)?,
            MemoKey::Big(value) => value::object(&inspect::ArgumentValue::BigInt(value.clone()))?,
        };
        names.set_item(index.as_ref(), Owned::interned(item.name())?.as_ref())?;
    }
    Ok(())
}
