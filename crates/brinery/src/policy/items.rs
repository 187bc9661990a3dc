//! What numpy puts into arrays that hold references, item by item. What is not of the kind of its place numpy would turn into that, and
//! ask it for its text or its number: the code of a class, and for lists within lists no end of work.

use super::by_id::Objects;
use super::examine::Examiner;
use super::numpy::{Dtype, array, bytes_len, dtype, is_made_by, state_of};
use crate::value::{Id, Kind, Value};

/// How deep fields are within fields at most.
const DEEPEST: usize = 16;

/// Whether all of these can be put into an array of this dtype as they are.
pub(super) fn are_items(examiner: &Examiner<'_, '_>, kind: Value<'_, '_>, items: Value<'_, '_>) -> bool {
    let Some(facts) = dtype(examiner, kind, 0) else { return false };
    if facts.only_object && facts.kind != b'T' {
        return true;
    }
    examiner.pay(items.len() as u64).is_ok() && items.items().all(|item| is_part(examiner, kind, item, 0))
}

/// Whether this can be put into a field of this dtype as it is.
fn is_part(examiner: &Examiner<'_, '_>, kind: Value<'_, '_>, part: Value<'_, '_>, depth: usize) -> bool {
    let Some(facts) = dtype(examiner, kind, depth).filter(|_| depth < DEEPEST) else { return false };
    let state = state_of(kind).filter(|state| facts.kind == b'V' && state.kind() == Kind::Tuple);
    let said = |index: usize| state.and_then(|state| state.item(index)).filter(|said| !said.is_none());
    if let (Some(names), Some(fields)) = (said(3), said(4)) {
        return part.kind() == Kind::Tuple
            && part.len() == names.len()
            && names.items().zip(part.items()).all(|(name, part)| {
                let field = name.as_str().and_then(|name| fields.get(name)?.item(0));
                field.is_some_and(|field| is_part(examiner, field, part, depth + 1))
            });
    }
    if said(2).is_some() {
        // The items of an array are turned into those of another, if they are not the same.
        return array(examiner, part).is_some_and(|array| facts.object || !array.is_object());
    }
    (facts.only_object && facts.kind != b'T') || is_value(examiner, facts, part)
}

/// Whether this is a value of a simple dtype.
fn is_value(examiner: &Examiner<'_, '_>, facts: Dtype, part: Value<'_, '_>) -> bool {
    let scalar = || is_made_by(examiner, part, "multiarray", "scalar");
    let origin = || examiner.origin_names(part.id());
    match facts.kind {
        // Texts, and what stands for those that are missing.
        b'T' => matches!(part.kind(), Kind::Text | Kind::None | Kind::Float),
        b'U' => part.kind() == Kind::Text,
        b'S' | b'a' | b'V' => bytes_len(part).is_some() || scalar(),
        b'b' => part.kind() == Kind::Bool,
        b'i' | b'u' => part.kind() == Kind::Int || scalar(),
        b'f' => part.kind() == Kind::Float || scalar(),
        b'c' => origin() == Some(("builtins", "complex")) || scalar(),
        b'M' | b'm' => {
            matches!(part.kind(), Kind::None | Kind::Int)
                || origin().is_some_and(|(module, _)| module == "datetime")
        }
        _ => false,
    }
}

/// The list of the items of an array that a state is of, if they are objects.
fn list<'g>(state: Value<'g, 'g>) -> Option<Value<'g, 'g>> {
    let items = (state.kind() == Kind::Tuple).then(|| state.item(4)).flatten();
    items.filter(|items| items.kind() == Kind::List)
}

/// Whether among the items of an array of this state are arrays of objects, or such as have no items yet.
pub(super) fn hold_arrays(examiner: &Examiner<'_, '_>, state: Id) -> bool {
    let is_open = |item: Value<'_, '_>| {
        item.kind() == Kind::Instance
            && is_made_by(examiner, item, "multiarray", "_reconstruct")
            && state_of(item).is_none_or(|state| list(state).is_some())
    };
    list(examiner.value(state)).is_some_and(|items| items.items().any(is_open))
}

/// Whether an array is among its own items, or among those of an array that is, and so on. Numpy looks for no end of that.
pub(super) fn are_within(examiner: &Examiner<'_, '_>, object: Id) -> bool {
    let mut seen = Objects::default();
    let mut todo = vec![object];
    while let Some(array) = todo.pop() {
        let Some(items) = state_of(examiner.value(array)).and_then(list) else { continue };
        if examiner.pay(1 + items.len() as u64).is_err() {
            return true;
        }
        for item in items.items().filter(|item| item.kind() == Kind::Instance) {
            if item.id() == object {
                return true;
            }
            if !seen.contains(item.id()) {
                seen.insert(item.id());
                todo.push(item.id());
            }
        }
    }
    false
}
