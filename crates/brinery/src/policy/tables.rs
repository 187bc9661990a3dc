//! Pandas' blocks and indexes, which its native code takes for consistent.

use super::arrow;
use super::examine::Examiner;
use super::numpy::{Array, array};
use crate::value::{Change, Id, Kind, Value};

/// The most columns that a table may have.
const MOST_COLUMNS: u64 = 10_000_000;

/// The most rows that may stand for nothing in memory: pandas makes arrays of them as soon as it is asked for anything.
const MOST_ROWS: u64 = 1 << 27;

fn state_of<'g, 'a>(value: Value<'g, 'a>) -> Option<Value<'g, 'a>> {
    value.changes().find_map(|change| match change {
        Change::State(state) => Some(state),
        _ => None,
    })
}

fn origin<'e>(examiner: &'e Examiner<'_, '_>, value: Value<'_, '_>) -> Option<(&'e str, &'e str)> {
    examiner.origin_names(value.id())
}

/// The array in an object that is backed by one.
fn backing<'g>(examiner: &'g Examiner<'_, '_>, value: Value<'g, '_>) -> Option<Array<'g>> {
    if let Some(array) = array(examiner, value) {
        return Some(array);
    }
    let state = state_of(value)?;
    match origin(examiner, value)? {
        ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked") => {
            state.items().take(2).find_map(|part| array(examiner, part))
        }
        (module, _) if is_arrays(module) => {
            array(examiner, state.get("_data").or_else(|| state.get("_ndarray"))?)
        }
        _ => None,
    }
}

/// Whether a module is one that has, or had, the arrays of pandas.
fn is_arrays(module: &str) -> bool {
    module == "pandas.arrays" || module.starts_with("pandas.core.arrays.")
}

/// The dimensions of an array, of whatever kind.
fn dims(examiner: &Examiner<'_, '_>, value: Value<'_, '_>) -> Option<Vec<u64>> {
    if let Some(array) = backing(examiner, value) {
        return Some(array.dims);
    }
    let state = state_of(value)?;
    match origin(examiner, value)? {
        (module, "SparseArray") if is_arrays(module) => {
            let index = state.get("_sparse_index")?.as_instance()?;
            Some(vec![u64::try_from(index.args().item(0)?.as_i64()?).ok()?])
        }
        (module, "IntervalArray") if is_arrays(module) => Some(vec![len(examiner, state.get("_left")?)?]),
        (module, "ArrowStringArray" | "ArrowExtensionArray") if is_arrays(module) => {
            Some(vec![arrow::len(examiner, state.get("_pa_array").or_else(|| state.get("_data"))?)?])
        }
        ("pandas._libs.interval", "__pyx_unpickle_IntervalMixin") => {
            Some(vec![len(examiner, state.item(0)?.get("_left")?)?])
        }
        _ => None,
    }
}

/// The length of an index or an array of one dimension.
fn len(examiner: &Examiner<'_, '_>, value: Value<'_, '_>) -> Option<u64> {
    examiner.pay(1).ok()?;
    if let Some(dims) = dims(examiner, value) {
        return (dims.len() == 1).then(|| dims[0]);
    }
    let call = value.as_instance()?;
    let parts = call.args().item(1)?;
    let (module, name) = origin(examiner, value)?;
    if !module.starts_with("pandas.core.indexes.") {
        return None;
    }
    match name {
        "_new_DatetimeIndex" | "_new_TimedeltaIndex" | "_new_PeriodIndex" => {
            len(examiner, parts.get("data")?)
        }
        "_new_IntervalIndex" => len(examiner, parts.get("left")?),
        "_new_Index" => {
            if let (Some(start), Some(stop), Some(step)) =
                (parts.get("start"), parts.get("stop"), parts.get("step"))
            {
                return range_len(start.as_i64()?, stop.as_i64()?, step.as_i64()?);
            }
            if let Some(codes) = parts.get("codes").or_else(|| parts.get("labels")) {
                return len(examiner, codes.item(0)?);
            }
            len(examiner, parts.get("data")?)
        }
        _ => None,
    }
}

fn range_len(start: i64, stop: i64, step: i64) -> Option<u64> {
    let (start, stop, step) = (i128::from(start), i128::from(stop), i128::from(step));
    let len = match step {
        0 => return None,
        1.. => (stop - start + step - 1) / step,
        _ => (start - stop - step - 1) / -step,
    };
    u64::try_from(len.max(0)).ok()
}

/// The places that a slice or an array of numbers stands for.
fn places(examiner: &Examiner<'_, '_>, value: Value<'_, '_>) -> Option<Vec<u64>> {
    if origin(examiner, value) == Some(("builtins", "slice")) {
        let args = value.as_instance()?.args();
        let number = |index: usize| args.item(index)?.as_i64().filter(|number| (0..1 << 40).contains(number));
        let step = match args.item(2) {
            Some(step) if step.is_none() => 1,
            Some(_) => number(2)?,
            None => return None,
        };
        let (start, stop) = (number(0)?, number(1)?);
        let len = range_len(start, stop, step)?;
        if len > MOST_COLUMNS {
            return None;
        }
        examiner.pay(len).ok()?;
        return Some((0..len).map(|index| start as u64 + index * step as u64).collect());
    }
    let array = array(examiner, value)?;
    if array.dims.len() != 1 {
        return None;
    }
    array.integers()?.into_iter().map(|place| u64::try_from(place).ok()).collect()
}

/// Whether blocks fill a table of these axes, each column once.
fn blocks_fit<'g>(
    examiner: &Examiner<'_, '_>,
    blocks: impl Iterator<Item = (Value<'g, 'g>, Value<'g, 'g>)>,
    axes: &[u64],
) -> bool {
    let (columns, rows) = match axes {
        [rows] => (None, *rows),
        [columns, rows] => (Some(*columns), *rows),
        _ => return false,
    };
    let wanted = columns.unwrap_or(rows);
    if columns.is_some() && wanted > MOST_COLUMNS || examiner.pay(columns.unwrap_or(0) / 8).is_err() {
        return false;
    }
    let mut filled = vec![false; columns.map_or(0, |columns| columns as usize)];
    for (values, place) in blocks {
        let Some(dims) = dims(examiner, values) else { return false };
        if columns.is_none() {
            // A series: its one block is all of it.
            if dims != [rows] {
                return false;
            }
            continue;
        }
        let (count, len) = match dims.as_slice() {
            [len] => (1, *len),
            [count, len] => (*count, *len),
            _ => return false,
        };
        let Some(places) = places(examiner, place) else { return false };
        if len != rows || places.len() as u64 != count {
            return false;
        }
        for place in places {
            match filled.get_mut(place as usize) {
                Some(filled @ false) => *filled = true,
                _ => return false,
            }
        }
    }
    filled.into_iter().all(|filled| filled)
}

fn lens(examiner: &Examiner<'_, '_>, axes: Value<'_, '_>) -> Option<Vec<u64>> {
    if !matches!(axes.kind(), Kind::List | Kind::Tuple) || axes.len() > 2 {
        return None;
    }
    axes.items().map(|axis| len(examiner, axis)).collect()
}

/// `BlockManager(blocks, axes)`, or without arguments before its state.
pub(super) fn is_manager(examiner: &Examiner<'_, '_>, args: Id) -> bool {
    let args = examiner.value(args);
    if args.is_empty() {
        return true;
    }
    let (Some(blocks), Some(axes)) = (args.item(0), args.item(1)) else { return false };
    let Some(axes) = lens(examiner, axes) else { return false };
    let blocks: Option<Vec<_>> = blocks
        .items()
        .map(|block| {
            let call = block.as_instance()?;
            (origin(examiner, block)? == ("pandas._libs.internals", "_unpickle_block"))
                .then_some((call.args().item(0)?, call.args().item(1)?))
        })
        .collect();
    axes.len() == 2 && blocks.is_some_and(|blocks| blocks_fit(examiner, blocks.into_iter(), &axes))
}

/// `(axes, values, items, {'0.14.1': {'axes': ..., 'blocks': [{'values': ..., 'mgr_locs': ...}]}})`
pub(super) fn is_manager_state(examiner: &Examiner<'_, '_>, state: Id) -> bool {
    let Some(state) = examiner.value(state).item(3).and_then(|state| state.get("0.14.1")) else {
        return false;
    };
    let (Some(axes), Some(blocks)) = (state.get("axes"), state.get("blocks")) else { return false };
    let Some(axes) = lens(examiner, axes) else { return false };
    let blocks: Option<Vec<_>> =
        blocks.items().map(|block| Some((block.get("values")?, block.get("mgr_locs")?))).collect();
    blocks.is_some_and(|blocks| blocks_fit(examiner, blocks.into_iter(), &axes))
}

/// `(dtype, array)` or `(array, dtype)`, and attributes: of an array of pandas that is backed by one of numpy.
pub(super) fn is_backed_state(examiner: &Examiner<'_, '_>, object: Id, state: Id) -> bool {
    let parts: Vec<_> = examiner.value(state).items().collect();
    let (one, two, rest) = match parts.as_slice() {
        [one, two] => (*one, *two, None),
        [one, two, rest] => (*one, *two, Some(*rest)),
        _ => return false,
    };
    let plain = rest.is_none_or(|rest| {
        rest.kind() == Kind::Dict
            && rest.entries().all(|(key, _)| key.as_str().is_some_and(|name| !name.starts_with("__")))
    });
    let (dtype, Some(data)) = (match (array(examiner, one), array(examiner, two)) {
        (Some(data), None) => (two, Some(data)),
        (None, Some(data)) => (one, Some(data)),
        _ => return false,
    }) else {
        return false;
    };
    let class = examiner.value(object).as_instance().and_then(|made| made.args().item(0));
    let class = class.and_then(|class| examiner.global_names(class.id())).map(|(_, name)| name);
    plain
        && match class {
            Some("StringArray" | "NumpyExtensionArray" | "PandasArray") => true,
            Some("DatetimeArray" | "TimedeltaArray" | "PeriodArray") => data.is_time(),
            Some("Categorical") => {
                let categories = state_of(dtype).and_then(|state| state.get("categories"));
                let count = categories.map_or(Some(0), |categories| len(examiner, categories));
                let codes = data.is_signed().then(|| data.integers()).flatten();
                match (codes, count) {
                    (Some(codes), Some(count)) => {
                        codes.iter().all(|&code| (-1..count as i64).contains(&code))
                    }
                    _ => false,
                }
            }
            _ => false,
        }
}

/// The data and the mask of an array of pandas that may lack values.
pub(super) fn is_masked_state(examiner: &Examiner<'_, '_>, state: Id) -> bool {
    let state = examiner.value(state);
    let part = |name: &str| state.get(name).and_then(|part| array(examiner, part));
    match (part("_data"), part("_mask")) {
        (Some(data), Some(mask)) => data.dims == mask.dims && !data.is_object() && !mask.is_object(),
        _ => false,
    }
}

/// The names of an index, which are hashed.
pub(super) fn names(examiner: &Examiner<'_, '_>, args: Id) -> Vec<Id> {
    let Some(parts) = examiner.value(args).item(1) else { return Vec::new() };
    let name = parts.get("name").map(Value::id);
    name.into_iter()
        .chain(parts.get("names").into_iter().flat_map(|names| names.items().map(Value::id)))
        .collect()
}

/// `(class, parts)`: an index, whose codes are places in its levels.
pub(super) fn is_index(examiner: &Examiner<'_, '_>, args: Id) -> bool {
    let args = examiner.value(args);
    let Some(parts) = args.item(1).filter(|parts| parts.kind() == Kind::Dict) else { return false };
    if !parts.entries().all(|(key, _)| key.as_str().is_some_and(|name| !name.starts_with("__"))) {
        return false;
    }
    // Whatever is no array would be walked through, however long that takes.
    let known = |name: &str| parts.get(name).is_none_or(|part| len(examiner, part).is_some());
    let number = |name: &str| parts.get(name).is_none_or(|part| part.as_i64().is_some());
    if !["data", "left", "right"].into_iter().all(known) || !["start", "stop", "step"].into_iter().all(number)
    {
        return false;
    }
    if !is_short(parts) {
        return false;
    }
    let Some(codes) = parts.get("codes").or_else(|| parts.get("labels")) else { return true };
    let Some(levels) = parts.get("levels") else { return false };
    let mut length = None;
    levels.len() == codes.len()
        && levels.items().zip(codes.items()).all(|(level, codes)| {
            let count = len(examiner, level);
            let codes = array(examiner, codes).filter(|codes| codes.is_signed() && codes.dims.len() == 1);
            match (count, codes.and_then(|codes| codes.integers())) {
                (Some(count), Some(codes)) => {
                    let same = *length.get_or_insert(codes.len()) == codes.len();
                    same && codes.iter().all(|&code| (-1..count as i64).contains(&code))
                }
                _ => false,
            }
        })
}

/// Whether a range among the parts of an index is not too long. What is not said is what pandas takes for it.
fn is_short(parts: Value<'_, '_>) -> bool {
    let number = |name: &str, usual: i64| parts.get(name).map_or(Some(usual), Value::as_i64);
    let is_range = ["start", "stop", "step"].into_iter().any(|name| parts.get(name).is_some());
    let (Some(start), Some(stop), Some(step)) = (number("start", 0), number("stop", 0), number("step", 1))
    else {
        return false;
    };
    // `RangeIndex(start)` ends there.
    let (start, stop) = if parts.get("stop").is_none() { (0, start) } else { (start, stop) };
    !is_range || range_len(start, stop, step).is_some_and(|len| len <= MOST_ROWS)
}

/// `(length, places)`: where a sparse array has values.
pub(super) fn is_sparse_index(examiner: &Examiner<'_, '_>, args: Id) -> bool {
    let args = examiner.value(args);
    let Some(length) = args.item(0).and_then(Value::as_i64) else { return false };
    let inside = |value: Value<'_, '_>| {
        let places = array(examiner, value).and_then(|array| array.integers());
        places.is_some_and(|places| places.iter().all(|place| (0..=length).contains(place)))
    };
    (0..=MOST_ROWS as i64).contains(&length) && args.items().skip(1).all(inside)
}
