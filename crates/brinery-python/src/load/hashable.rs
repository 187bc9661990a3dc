//! Keys that are nested too deeply to be hashed.
//!
//! CPython hashes a tuple by recursion in C that nothing limits: a key of some hundred thousand nested tuples, which a stream
//! of as many bytes can hold, overflows the stack and crashes the interpreter. Here such a key is refused.

use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, error, stack};
use std::collections::HashMap;

/// How deep tuples may be nested in a key at most.
const MOST_NESTED: usize = 10_000;

/// The stack that hashing takes for each level, twice what has been seen, and for whatever is in the innermost one.
const STACK_PER_LEVEL: usize = 128;
const STACK_INSIDE: usize = 16 << 10;

/// How many tuples are looked at before it counts that a tuple may be met more than once.
const FEW: usize = 64;

/// Refuses keys of which one is nested too deeply.
#[inline(always)]
pub(super) fn check<'k>(keys: impl IntoIterator<Item = &'k Owned>) -> Result<()> {
    for key in keys {
        if is_tuple(key.as_ref()) && is_too_deep(key.as_ref()) {
            // SAFETY: the interpreter's exception classes are alive as long as it is.
            let kind = unsafe { Ref::new(PyExc_RecursionError) };
            return Err::<(), Raised>(error::raise(
                kind,
                "maximum nesting of tuples exceeded while hashing a key",
            ));
        }
    }
    Ok(())
}

/// The same for the elements of a set or frozenset that a call makes of a list, as protocols below 4 have it.
#[inline(always)]
pub(super) fn check_call(callable: Ref<'_>, args: Ref<'_>) -> Result<()> {
    let callable = callable.as_ptr();
    if callable == (&raw mut PySet_Type).cast() || callable == (&raw mut PyFrozenSet_Type).cast() {
        return check_elements(args);
    }
    Ok(())
}

fn check_elements(args: Ref<'_>) -> Result<()> {
    // SAFETY: sizes and items are asked of a tuple and a list only; what is collected is held.
    let elements: Vec<Owned> = unsafe {
        if !args.is_exactly(&raw mut PyTuple_Type) || PyTuple_GET_SIZE(args.as_ptr()) != 1 {
            return Ok(());
        }
        let list = PyTuple_GET_ITEM(args.as_ptr(), 0);
        if !Ref::new(list).is_exactly(&raw mut PyList_Type) {
            return Ok(());
        }
        (0..PyList_GET_SIZE(list))
            .map(|index| Ref::new(PyList_GET_ITEM(list, index)))
            .filter(|element| is_tuple(*element))
            .map(Ref::to_owned)
            .collect()
    };
    check(&elements)
}

#[inline(always)]
fn is_tuple(object: Ref<'_>) -> bool {
    // SAFETY: the object is alive.
    unsafe { PyTuple_Check(object.as_ptr()) != 0 }
}

/// The tuples in a tuple.
fn inner(tuple: Ref<'_>) -> impl Iterator<Item = Ref<'_>> {
    // SAFETY: the object is a tuple, which keeps its items alive and does not change; tuples in the making are not
    // on a machine's stack.
    let len = unsafe { PyTuple_GET_SIZE(tuple.as_ptr()) };
    // SAFETY: the index is below the length.
    (0..len)
        .map(move |index| unsafe { Ref::new(PyTuple_GET_ITEM(tuple.as_ptr(), index)) })
        .filter(|item| is_tuple(*item))
}

#[inline]
fn is_too_deep(key: Ref<'_>) -> bool {
    inner(key).next().is_some() && has_many_tuples(key) && height_exceeds(key)
}

/// Whether there are more than a few, counting those that are met more than once.
fn has_many_tuples(key: Ref<'_>) -> bool {
    let (mut todo, mut count) = (vec![key], 0);
    while let Some(tuple) = todo.pop() {
        count += 1;
        if count > FEW {
            return true;
        }
        todo.extend(inner(tuple));
    }
    false
}

/// Whether tuples are nested deeper than is allowed; each is looked at once.
#[cold]
fn height_exceeds(key: Ref<'_>) -> bool {
    let allowed = stack::left().map_or(MOST_NESTED, |left| {
        (left.saturating_sub(STACK_INSIDE) / STACK_PER_LEVEL).clamp(FEW, MOST_NESTED)
    });
    let mut heights: HashMap<usize, usize> = HashMap::new();
    let mut todo = vec![(key, false)];
    while let Some((tuple, inner_known)) = todo.pop() {
        let address = tuple.as_ptr() as usize;
        if inner_known {
            let inner = inner(tuple).filter_map(|inner| heights.get(&(inner.as_ptr() as usize)));
            let height = inner.max().map_or(1, |height| height + 1);
            if height > allowed {
                return true;
            }
            heights.insert(address, height);
        } else if !heights.contains_key(&address) {
            todo.push((tuple, true));
            todo.extend(inner(tuple).map(|inner| (inner, false)));
        }
    }
    false
}
