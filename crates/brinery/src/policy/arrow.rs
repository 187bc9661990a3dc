//! Arrays of Arrow, whose native code believes what their buffers say.

use super::examine::Examiner;
use super::numpy::content;
use crate::value::{Id, Kind, Value};
use std::borrow::Cow;

/// The module that has them.
const LIB: &str = "pyarrow.lib";

/// The most items of an array, and the greatest offset of one.
const MOST: i64 = 1 << 40;

/// How the items of a type lie in its buffers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Each in so many bits.
    Bits(u64),
    /// One after the other, at places of so many bytes; whether they are texts.
    Bytes(u64, bool),
}

fn call<'g, 'a>(
    examiner: &Examiner<'_, '_>,
    value: Value<'g, 'a>,
    name: &str,
) -> Option<impl Fn(usize) -> Option<Value<'g, 'a>> + use<'g, 'a>> {
    let made = value.as_instance()?;
    (examiner.origin_names(value.id()) == Some((LIB, name)))
        .then_some(move |index: usize| made.args().item(index))
}

/// How the items of a type lie, if it is a known one.
fn layout(examiner: &Examiner<'_, '_>, kind: Value<'_, '_>) -> Option<Layout> {
    if call(examiner, kind, "timestamp").is_some() {
        return Some(Layout::Bits(64));
    }
    if call(examiner, kind, "decimal128").is_some() {
        return Some(Layout::Bits(128));
    }
    let args = call(examiner, kind, "type_for_alias")?;
    let alias = args(0)?;
    let alias = alias.as_str()?;
    let (name, unit) = alias.strip_suffix(']').and_then(|alias| alias.split_once('[')).unwrap_or((alias, ""));
    Some(match (name, unit) {
        ("bool", "") => Layout::Bits(1),
        ("int8" | "uint8", "") => Layout::Bits(8),
        ("int16" | "uint16" | "halffloat", "") => Layout::Bits(16),
        ("int32" | "uint32" | "float", "") | ("date32", "day") | ("time32", "s" | "ms") => Layout::Bits(32),
        ("int64" | "uint64" | "double", "")
        | ("date64", "ms")
        | ("time64", "us" | "ns")
        | ("duration", "s" | "ms" | "us" | "ns") => Layout::Bits(64),
        ("string", "") => Layout::Bytes(4, true),
        ("binary", "") => Layout::Bytes(4, false),
        ("large_string", "") => Layout::Bytes(8, true),
        ("large_binary", "") => Layout::Bytes(8, false),
        _ => return None,
    })
}

/// A buffer, which there need not be.
struct Buffer<'g>(Option<Cow<'g, [u8]>>);

/// What is in a buffer.
fn buffer<'g>(examiner: &Examiner<'_, '_>, value: Value<'g, '_>) -> Option<Buffer<'g>> {
    if value.is_none() {
        return Some(Buffer(None));
    }
    let mut data = call(examiner, value, "py_buffer")?(0)?;
    if examiner.origin_names(data.id()) == Some(("builtins", "bytearray")) {
        match data.as_instance()?.args().item(0) {
            Some(inner) => data = inner,
            None => return Some(Buffer(Some(Cow::Borrowed(&[])))),
        }
        if let Some(text) = data.as_str() {
            let bytes: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(char).ok()).collect();
            return Some(Buffer(Some(Cow::Owned(bytes?))));
        }
    }
    Some(Buffer(Some(content(data)?)))
}

/// Whether so many bits from one on are there and, if it is known, so many of them are not set.
fn is_validity(bits: Option<&[u8]>, offset: u64, length: u64, missing: i64) -> bool {
    let Some(bits) = bits else { return missing <= 0 };
    if (bits.len() as u64) < (offset + length).div_ceil(8) {
        return false;
    }
    let is_set = |index: u64| bits[(index / 8) as usize] >> (index % 8) & 1 == 1;
    missing < 0 || (offset..offset + length).filter(|&index| !is_set(index)).count() as i64 == missing
}

/// Whether places of so many bytes each lead through a content, one after the other.
fn are_places(places: &[u8], width: usize, count: u64, content: &[u8], is_text: bool) -> bool {
    let Some(places) = places.get(..count as usize * width) else { return false };
    let mut before = 0;
    places.chunks_exact(width).all(|place| {
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(place);
        // A negative one is larger than any content.
        let Ok(place) = usize::try_from(u64::from_le_bytes(bytes)) else { return false };
        let Some(item) = content.get(before..place) else { return false };
        before = place;
        !is_text || std::str::from_utf8(item).is_ok()
    })
}

/// `((type, length, missing, offset, buffers, children, dictionary),)`
pub(super) fn is_array(examiner: &Examiner<'_, '_>, args: Id) -> bool {
    fits(examiner, args).unwrap_or(false)
}

fn fits(examiner: &Examiner<'_, '_>, args: Id) -> Option<bool> {
    let data = examiner.value(args).item(0)?;
    let parts: Vec<Value<'_, '_>> = data.items().collect();
    let &[kind, length, missing, offset, buffers, children, dictionary] = parts.as_slice() else {
        return Some(false);
    };
    let size = |value: Value<'_, '_>| {
        value.as_i64().filter(|size| (0..=MOST).contains(size)).and_then(|size| u64::try_from(size).ok())
    };
    let (length, offset, missing) = (size(length)?, size(offset)?, missing.as_i64()?);
    if children.kind() != Kind::List
        || !children.is_empty()
        || !dictionary.is_none()
        || buffers.kind() != Kind::List
        || buffers.len() > 3
        || !(-1..=length as i64).contains(&missing)
    {
        return Some(false);
    }
    let buffers: Option<Vec<_>> = buffers.items().map(|value| buffer(examiner, value)).collect();
    let buffers = buffers?;
    let bytes: usize = buffers.iter().map(|buffer| buffer.0.as_ref().map_or(0, |data| data.len())).sum();
    examiner.pay(bytes as u64 / 8).ok()?;
    let end = offset + length;
    let valid = |bits: &Buffer<'_>| is_validity(bits.0.as_deref(), offset, length, missing);
    Some(match (layout(examiner, kind)?, buffers.as_slice()) {
        (Layout::Bits(bits), [validity, data]) => {
            let had = data.0.as_ref().map_or(0, |data| data.len() as u64);
            valid(validity) && had >= (end * bits).div_ceil(8)
        }
        (Layout::Bytes(width, is_text), [validity, Buffer(Some(places)), data]) => {
            let data = data.0.as_deref().unwrap_or(&[]);
            valid(validity) && are_places(places, width as usize, end + 1, data, is_text)
        }
        _ => false,
    })
}

/// How many items an array has.
pub(super) fn len(examiner: &Examiner<'_, '_>, value: Value<'_, '_>) -> Option<u64> {
    u64::try_from(call(examiner, value, "_restore_array")?(0)?.item(1)?.as_i64()?).ok()
}

/// The attributes of an array of pandas that is backed by one of Arrow.
pub(super) fn is_backed_state(examiner: &Examiner<'_, '_>, state: Id) -> bool {
    let state = examiner.value(state);
    let known = |key: Value<'_, '_>| {
        matches!(key.as_str(), Some("_pa_array" | "_data" | "_dtype" | "_cache" | "_readonly"))
    };
    let is_empty = |cache: Value<'_, '_>| cache.kind() == Kind::Dict && cache.is_empty();
    let array = state.get("_pa_array").or_else(|| state.get("_data"));
    let is_dtype = |dtype: Value<'_, '_>| {
        examiner.origin_names(dtype.id()).is_some_and(|(module, name)| {
            module.starts_with("pandas") && matches!(name, "StringDtype" | "ArrowDtype")
        })
    };
    state.entries().all(|(key, _)| known(key))
        && array.is_some_and(|array| len(examiner, array).is_some())
        && state.get("_dtype").is_some_and(is_dtype)
        && state.get("_cache").is_none_or(is_empty)
        && state.get("_readonly").is_none_or(|readonly| readonly.kind() == Kind::Bool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_where_the_array_begins() {
        assert!(is_validity(Some(&[0b101]), 0, 3, 1));
        assert!(is_validity(Some(&[0b101]), 1, 2, 1));
        assert!(is_validity(Some(&[0b101]), 0, 3, -1));
        assert!(!is_validity(Some(&[0b101]), 0, 3, 0));
        assert!(!is_validity(Some(&[0b101]), 6, 3, -1));
        assert!(!is_validity(None, 0, 3, 1));
        assert!(is_validity(None, 0, 3, 0));
    }

    #[test]
    fn places_lead_through_the_content_and_not_through_a_letter() {
        let places =
            |places: &[i32]| -> Vec<u8> { places.iter().flat_map(|place| place.to_le_bytes()).collect() };
        let text = "aé".as_bytes();
        assert!(are_places(&places(&[0, 1, 3]), 4, 3, text, true));
        assert!(!are_places(&places(&[0, 2, 3]), 4, 3, text, true));
        assert!(are_places(&places(&[0, 2, 3]), 4, 3, text, false));
        for damaged in [&[0, 1, 4][..], &[0, 2, 1], &[-1, 1, 3], &[0, -1, 3], &[0, 1]] {
            assert!(!are_places(&places(damaged), 4, 3, text, false), "{damaged:?}");
        }
    }
}
