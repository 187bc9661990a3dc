//! Numpy's objects, whose state is memory: they are checked until nothing in it can be wrong.

use super::examine::Examiner;
use super::items;
use crate::value::{Change, Id, Kind, Value};
use std::borrow::Cow;

/// The modules that have numpy's core, of its first and of its second version.
const CORE: [&str; 2] = ["numpy.core", "numpy._core"];

/// How deep dtypes may be nested.
const MOST_NESTED: usize = 16;
/// The flags of a dtype of references: all that there are.
const OBJECT: i64 = 63;
/// The flag of texts: memory is filled with zeros before they are put there.
const FILLED: i64 = 8;
/// The flags that a dtype with fields has of theirs, and the one that it has of its own: to compare items makes objects.
const INHERITED: i64 = 0b1_1011;
const FIELDS: i64 = 16;
/// All flags but the one that says that fields are aligned.
const ALL_BUT_ALIGNED: i64 = 0x7f;

/// What a dtype is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Of nothing else.
    Simple,
    /// Of fields.
    Fields,
    /// Of an array of items of another. No array is of such a dtype: it has more dimensions instead.
    Array,
}

/// What is known of a dtype.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dtype {
    /// The bytes of an item.
    size: u64,
    /// Whether items are, or hold, references to objects.
    pub(super) object: bool,
    /// Whether items are plain references.
    pub(super) only_object: bool,
    form: Form,
    /// How many values an item consists of.
    values: u64,
    /// Its flags, but for alignment, as numpy has them: by these it fills memory, gives it up, and lets others run meanwhile.
    flags: i64,
    pub(super) kind: u8,
}

/// The length of a bytes object, however the protocol spells it.
pub(super) fn bytes_len(value: Value<'_, '_>) -> Option<usize> {
    match value.kind() {
        Kind::Bytes | Kind::ByteArray | Kind::String | Kind::Buffer | Kind::ReadOnly => {
            value.as_bytes().map(<[u8]>::len)
        }
        Kind::Instance => {
            let call = value.as_instance()?;
            let class = call.class().as_global()?;
            if class.is("_codecs", "encode") {
                return call.args().item(0)?.as_str().map(|text| text.chars().count());
            }
            let bytes = class.is("builtins", "bytes") || class.is("__builtin__", "bytes");
            (bytes && call.args().is_empty()).then_some(0)
        }
        _ => None,
    }
}

/// The state that an object was given.
pub(super) fn state_of<'g, 'a>(value: Value<'g, 'a>) -> Option<Value<'g, 'a>> {
    value.changes().find_map(|change| match change {
        Change::State(state) => Some(state),
        _ => None,
    })
}

/// The size of the items that a code of a simple type stands for.
fn simple_size(code: &str) -> Option<(u8, u64)> {
    let (kind, digits) = (*code.as_bytes().first()?, code.get(1..)?);
    let size: u64 = match digits {
        "" if matches!(kind, b'S' | b'U' | b'V' | b'a') => 0,
        digits if digits.len() <= 10 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok()?
        }
        _ => return None,
    };
    let fits = match kind {
        b'b' => size == 1,
        b'i' | b'u' => matches!(size, 1 | 2 | 4 | 8),
        b'f' => matches!(size, 2 | 4 | 8 | 12 | 16),
        b'c' => matches!(size, 8 | 16 | 24 | 32),
        b'M' | b'm' => size == 8,
        b'O' => matches!(size, 4 | 8),
        b'S' | b'V' | b'a' => size <= 1 << 30,
        b'U' => size <= 1 << 28,
        _ => false,
    };
    fits.then_some((kind, if kind == b'U' { 4 * size } else { size }))
}

fn is_global(examiner: &Examiner<'_, '_>, value: Value<'_, '_>, names: &[(&str, &str)]) -> bool {
    examiner.global_names(value.id()).is_some_and(|found| names.contains(&found))
}

/// `numpy.dtype(code, False, True)`: a copy, never the one dtype of the whole process.
pub(super) fn is_dtype_call(examiner: &Examiner<'_, '_>, args: Id) -> bool {
    let args = examiner.value(args);
    let is = |value: Value<'_, '_>, wanted: bool| {
        value.as_bool() == Some(wanted) || value.as_i64() == Some(i64::from(wanted))
    };
    let (Some(code), Some(align), Some(copy)) = (args.item(0), args.item(1), args.item(2)) else {
        return false;
    };
    let known = is_record(examiner, code) || code.as_str().is_some_and(|code| simple_size(code).is_some());
    args.len() == 3 && known && is(align, false) && is(copy, true)
}

fn is_record(examiner: &Examiner<'_, '_>, code: Value<'_, '_>) -> bool {
    is_global(
        examiner,
        code,
        &[
            ("numpy", "record"),
            ("numpy.rec", "record"),
            ("numpy.core.records", "record"),
            ("numpy._core.records", "record"),
        ],
    )
}

/// Whether a value was made by the function of this name in numpy's core.
pub(super) fn is_made_by(
    examiner: &Examiner<'_, '_>,
    value: Value<'_, '_>,
    module: &str,
    name: &str,
) -> bool {
    examiner.origin_names(value.id()).is_some_and(|(found, function)| {
        function == name
            && CORE
                .iter()
                .any(|core| found.strip_prefix(core).and_then(|rest| rest.strip_prefix('.')) == Some(module))
    })
}

/// What is known of a dtype that can no longer change.
pub(super) fn dtype(examiner: &Examiner<'_, '_>, value: Value<'_, '_>, depth: usize) -> Option<Dtype> {
    examiner.pay(1).ok()?;
    if is_made_by(examiner, value, "_internal", "_convert_to_stringdtype_kwargs") {
        return Some(Dtype {
            size: 0,
            object: true,
            only_object: true,
            form: Form::Simple,
            values: 1,
            flags: OBJECT,
            kind: b'T',
        });
    }
    if depth > MOST_NESTED || examiner.origin_names(value.id()) != Some(("numpy", "dtype")) {
        return None;
    }
    let code = value.as_instance()?.args().item(0)?;
    let state = state_of(value);
    dtype_with(examiner, code, state, depth)
}

/// The same for a dtype of this code and this state, if they agree.
fn dtype_with(
    examiner: &Examiner<'_, '_>,
    code: Value<'_, '_>,
    state: Option<Value<'_, '_>>,
    depth: usize,
) -> Option<Dtype> {
    let simple = code.as_str().and_then(simple_size);
    let (kind, size) = simple.unwrap_or((b'V', 0));
    let object = kind == b'O';
    let flags = if object { OBJECT } else { 0 };
    let plain = Dtype { size, object, only_object: object, form: Form::Simple, values: 1, flags, kind };
    let Some(state) = state else {
        // What is still to come could only say in which order the bytes are.
        return (!matches!(kind, b'V' | b'S' | b'U' | b'a')).then_some(plain);
    };
    let parts: Vec<_> = state.items().collect();
    if !matches!(parts.len(), 8 | 9) || state.kind() != Kind::Tuple {
        return None;
    }
    let number = |index: usize| parts[index].as_i64();
    let version = number(0)?;
    let order = parts[1].as_str()?;
    if !matches!(version, 3 | 4) || !matches!(order, "<" | ">" | "=" | "|") {
        return None;
    }
    let (subdtype, names, fields) = (parts[2], parts[3], parts[4]);
    let (item_size, alignment, flags) = (number(5)?, number(6)?, number(7)?);
    if !(-128..=255).contains(&flags) {
        return None;
    }
    if matches!(kind, b'O' | b'V') && order != "|" {
        // Numpy would turn the bytes of references around.
        return None;
    }
    // Without a unit numpy takes one from where there is none.
    let is_time = matches!(kind, b'M' | b'm');
    let unit_fits = match parts.get(8).filter(|metadata| !metadata.is_none()) {
        None => !is_time,
        Some(metadata) => is_unit(*metadata, kind),
    };
    if !unit_fits {
        return None;
    }
    // Numpy 1 has them as a signed byte.
    let flags = flags & 0xff;
    if kind != b'V' {
        let sizes = match kind {
            b'S' | b'a' => (size as i64, 1),
            b'U' => (size as i64, 4),
            _ => (-1, -1),
        };
        let size_fits = (item_size, alignment) == sizes;
        let flags_fit = match kind {
            b'O' => flags == OBJECT,
            b'U' => matches!(flags, 0 | FILLED),
            _ => flags == 0,
        };
        let bare = subdtype.is_none() && names.is_none() && fields.is_none();
        return (bare && size_fits && flags_fit).then_some(Dtype { flags, ..plain });
    }
    let size = u64::try_from(item_size).ok().filter(|&size| size <= 1 << 30)?;
    // Numpy divides by it.
    if !matches!(alignment, 1 | 2 | 4 | 8 | 16) {
        return None;
    }
    if simple.is_some_and(|(_, stated)| stated != size) {
        return None;
    }
    let (mut object, mut values, mut wanted) = (false, 1, 0);
    if !subdtype.is_none() {
        let base = dtype(examiner, subdtype.item(0)?, depth + 1)?;
        let shape = subdtype.item(1)?;
        let dims = if shape.kind() == Kind::Int { vec![shape.as_i64()?] } else { dims(shape)? };
        let times =
            |one: u64| dims.iter().try_fold(one, |total, &dim| total.checked_mul(u64::try_from(dim).ok()?));
        let total = times(base.size)?;
        (values, wanted) = (times(base.values)?, base.flags);
        if total != size || base.kind == b'T' || subdtype.len() != 2 || !names.is_none() || !fields.is_none()
        {
            return None;
        }
        object = base.object;
    }
    if !names.is_none() || !fields.is_none() {
        (object, values, wanted) = fields_fit(examiner, names, fields, size, depth)?;
    }
    (flags & ALL_BUT_ALIGNED == wanted).then_some(Dtype {
        size,
        object,
        only_object: false,
        form: match (names.is_none(), subdtype.is_none()) {
            (_, false) => Form::Array,
            (false, true) => Form::Fields,
            (true, true) => Form::Simple,
        },
        values,
        flags: wanted,
        kind,
    })
}

/// The unit of a date or a duration: `(metadata, (unit, count, numerator, denominator))`.
fn is_unit(metadata: Value<'_, '_>, kind: u8) -> bool {
    if !matches!(kind, b'M' | b'm') {
        return metadata.kind() == Kind::Dict && metadata.is_empty();
    }
    let (Some(first), Some(unit)) = (metadata.item(0), metadata.item(1)) else { return false };
    let name = |value: Value<'_, '_>| {
        value
            .as_str()
            .map(str::len)
            .or_else(|| value.as_bytes().map(<[u8]>::len))
            .or_else(|| bytes_len(value))
    };
    metadata.len() == 2
        && (first.is_none() || first.kind() == Kind::Dict && first.is_empty())
        && unit.len() == 4
        && unit.item(0).and_then(name).is_some_and(|len| (1..=7).contains(&len))
        && unit
            .items()
            .skip(1)
            .all(|number| number.as_i64().is_some_and(|number| (1..1 << 31).contains(&number)))
}

/// Whether the fields of a structured dtype lie within its items; and whether one of them holds references.
fn fields_fit(
    examiner: &Examiner<'_, '_>,
    names: Value<'_, '_>,
    fields: Value<'_, '_>,
    size: u64,
    depth: usize,
) -> Option<(bool, u64, i64)> {
    if names.kind() != Kind::Tuple || fields.kind() != Kind::Dict {
        return None;
    }
    let (mut object, mut values, mut flags) = (false, 0u64, 0);
    let mut spans: Vec<(u64, u64, bool)> = Vec::new();
    for name in names.items() {
        fields.get(name.as_str()?)?;
    }
    for (name, field) in fields.entries() {
        let text = name.as_str()?;
        let is_title = !names.items().any(|known| known.as_str() == Some(text));
        if field.kind() != Kind::Tuple || !matches!(field.len(), 2 | 3) {
            return None;
        }
        let inner = dtype(examiner, field.item(0)?, depth + 1)?;
        let offset = u64::try_from(field.item(1)?.as_i64()?).ok()?;
        if offset.checked_add(inner.size)? > size || inner.kind == b'T' {
            return None;
        }
        object |= inner.object;
        if !is_title {
            values = values.checked_add(inner.values)?;
            flags |= inner.flags & INHERITED;
            spans.push((offset, offset + inner.size, inner.object));
        }
        if is_title && field.item(2).and_then(Value::as_str) != Some(text) {
            return None;
        }
    }
    if object {
        // References may not lie where something else can be written.
        spans.sort_unstable();
        if spans.windows(2).any(|pair| pair[0].1 > pair[1].0) {
            return None;
        }
    }
    Some((object, values, flags | FIELDS))
}

pub(super) fn dims(shape: Value<'_, '_>) -> Option<Vec<i64>> {
    if shape.kind() != Kind::Tuple || shape.len() > 64 {
        return None;
    }
    shape.items().map(|dim| dim.as_i64().filter(|dim| (0..1 << 47).contains(dim))).collect()
}

/// The number of items of a shape.
fn count(shape: Value<'_, '_>) -> Option<u64> {
    // Dimensions beside a zero count too: numpy multiplies them.
    let dims = dims(shape)?;
    let whole = dims.iter().try_fold(1u64, |total, &dim| total.checked_mul((dim as u64).max(1)))?;
    if whole >= 1 << 47 {
        return None;
    }
    Some(dims.iter().map(|&dim| dim as u64).product())
}

fn is_flag(value: Value<'_, '_>) -> bool {
    value.kind() == Kind::Bool || matches!(value.as_i64(), Some(0 | 1))
}

pub(super) fn is_dtype_state(examiner: &Examiner<'_, '_>, object: Id, state: Id) -> bool {
    let made = examiner.value(object).as_instance();
    made.and_then(|made| made.args().item(0))
        .is_some_and(|code| dtype_with(examiner, code, Some(examiner.value(state)), 0).is_some())
}

/// `(version, shape, dtype, fortran, memory)`, or a list of the items where they are objects.
pub(super) fn is_array_state(examiner: &Examiner<'_, '_>, state: Id) -> bool {
    let parts: Vec<_> = examiner.value(state).items().collect();
    let [version, shape, kind, fortran, data] = parts.as_slice() else { return false };
    if version.as_i64() != Some(1) || !is_flag(*fortran) {
        return false;
    }
    memory_fits(examiner, *shape, *kind, *data)
}

fn memory_fits(
    examiner: &Examiner<'_, '_>,
    shape: Value<'_, '_>,
    kind: Value<'_, '_>,
    data: Value<'_, '_>,
) -> bool {
    let (Some(count), Some(facts)) = (count(shape), array_dtype(examiner, kind)) else { return false };
    if facts.object {
        return (facts.only_object || facts.form == Form::Fields)
            && data.kind() == Kind::List
            && data.len() as u64 == count
            && items::are_items(examiner, kind, data);
    }
    data.kind() != Kind::Buffer
        && data.kind() != Kind::ByteArray
        && bytes_len(data).is_some_and(|len| count.checked_mul(facts.size) == Some(len as u64))
}

/// What is known of a dtype that arrays and scalars may be of.
fn array_dtype(examiner: &Examiner<'_, '_>, value: Value<'_, '_>) -> Option<Dtype> {
    dtype(examiner, value, 0).filter(|facts| facts.form != Form::Array)
}

/// `(1, shape, dtype, fortran, memory, mask, fill value)`
pub(super) fn is_masked_state(examiner: &Examiner<'_, '_>, state: Id) -> bool {
    let parts: Vec<_> = examiner.value(state).items().collect();
    let [version, shape, kind, fortran, data, mask, _] = parts.as_slice() else { return false };
    // There is a flag for each value of an item.
    let flags = || count(*shape)?.checked_mul(dtype(examiner, *kind, 0)?.values);
    version.as_i64() == Some(1)
        && is_flag(*fortran)
        && memory_fits(examiner, *shape, *kind, *data)
        && bytes_len(*mask).map(|len| len as u64) == flags()
}

/// `(dtype, memory)`
pub(super) fn is_scalar(examiner: &Examiner<'_, '_>, args: Id) -> bool {
    let args = examiner.value(args);
    let (Some(kind), Some(data), 2) = (args.item(0), args.item(1), args.len()) else { return false };
    let Some(kind) = array_dtype(examiner, kind) else { return false };
    !kind.object
        && data.kind() != Kind::ByteArray
        && bytes_len(data).is_some_and(|len| len as u64 == kind.size)
}

/// `(buffer, dtype, shape, order)`, or with the order of the axes.
pub(super) fn fits_buffer(examiner: &Examiner<'_, '_>, args: Id) -> bool {
    let parts: Vec<_> = examiner.value(args).items().collect();
    let (buffer, kind, shape, order, axes) = match parts.as_slice() {
        [buffer, kind, shape, order] => (*buffer, *kind, *shape, *order, None),
        [buffer, kind, shape, order, axes] => (*buffer, *kind, *shape, *order, Some(*axes)),
        _ => return false,
    };
    let ordered = match axes {
        None => matches!(order.as_str(), Some("C" | "F")),
        Some(axes) => order.as_str() == Some("K") && permutation(axes, shape.len()).is_some(),
    };
    let (Some(kind), Some(count)) = (array_dtype(examiner, kind), count(shape)) else { return false };
    let fits = match buffer.kind() {
        // What is out of band is as large as it is: where that is not known, numpy looks.
        Kind::Buffer | Kind::ReadOnly => {
            bytes_len(buffer).is_none_or(|len| count.checked_mul(kind.size) == Some(len as u64))
        }
        Kind::Bytes | Kind::ByteArray => {
            bytes_len(buffer).is_some_and(|len| count.checked_mul(kind.size) == Some(len as u64))
        }
        _ => false,
    };
    fits && !kind.object && ordered
}

/// Whether all numbers are places among so many.
pub(super) fn all_within(places: &[i64], count: u64) -> bool {
    places.iter().all(|&place| u64::try_from(place).is_ok_and(|place| place < count))
}

/// Whether numbers begin with zero and none is less than the one before: where the parts of something begin and end.
pub(super) fn are_bounds(numbers: &[i64]) -> bool {
    numbers.first() == Some(&0) && numbers.windows(2).all(|pair| pair[0] <= pair[1])
}

/// The order of so many axes.
fn permutation(axes: Value<'_, '_>, len: usize) -> Option<Vec<usize>> {
    let axes: Vec<usize> = axes
        .items()
        .map(|axis| axis.as_i64().and_then(|axis| usize::try_from(axis).ok()))
        .collect::<Option<_>>()?;
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    (axes.len() == len && sorted.into_iter().eq(0..len)).then_some(axes)
}

/// Whether a value is an array of unsigned integers of this size and this number.
fn is_words(examiner: &Examiner<'_, '_>, value: Value<'_, '_>, size: u64, len: u64) -> bool {
    if !is_made_by(examiner, value, "multiarray", "_reconstruct") {
        if !is_made_by(examiner, value, "numeric", "_frombuffer") {
            return false;
        }
        let Some(call) = value.as_instance() else { return false };
        let (Some(kind), Some(shape)) = (call.args().item(1), call.args().item(2)) else { return false };
        return dtype(examiner, kind, 0).is_some_and(|kind| kind.kind == b'u' && kind.size == size)
            && shape.len() == 1
            && count(shape) == Some(len);
    }
    let Some(state) = state_of(value) else { return false };
    let (Some(shape), Some(kind)) = (state.item(1), state.item(2)) else { return false };
    dtype(examiner, kind, 0).is_some_and(|kind| kind.kind == b'u' && kind.size == size)
        && shape.len() == 1
        && count(shape) == Some(len)
}

/// Whether a Mersenne twister of these words turns.
fn turns(examiner: &Examiner<'_, '_>, key: Value<'_, '_>) -> bool {
    let words = self::array(examiner, key).and_then(|array| array.integers());
    words.is_some_and(|words| is_twister(words.into_iter()))
}

/// Whether a Mersenne twister of these words gives numbers. If all bits that it reads are zero it gives zeros for ever, and who asks
/// for another number until it fits asks for ever.
pub(super) fn is_twister(mut words: impl Iterator<Item = i64>) -> bool {
    words.next().is_some_and(|first| first & (1 << 31) != 0) || words.any(|word| word != 0)
}

/// The state of a bit generator, alone or with its seed, or of the old `RandomState`.
pub(super) fn is_generator_state(examiner: &Examiner<'_, '_>, state: Id) -> bool {
    let value = examiner.value(state);
    if value.is_none() {
        return true;
    }
    let state = match value.kind() {
        Kind::Tuple => {
            let seed = value.item(1).is_some_and(|seed| {
                seed.is_none()
                    || examiner.origin_names(seed.id())
                        == Some(("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"))
            });
            if value.len() != 2 || !seed {
                return false;
            }
            value.item(0)
        }
        _ => Some(value),
    };
    state.is_some_and(|state| is_generator_dict(examiner, state))
}

fn is_generator_dict(examiner: &Examiner<'_, '_>, state: Value<'_, '_>) -> bool {
    if state.kind() != Kind::Dict {
        return false;
    }
    let (Some(name), Some(words)) = (state.get("bit_generator").and_then(Value::as_str), state.get("state"))
    else {
        return false;
    };
    let within = |of: Value<'_, '_>, key: &str, most: i64| {
        of.get(key).is_none_or(|value| value.as_i64().is_some_and(|value| (0..=most).contains(&value)))
    };
    let big = |key: &str| words.get(key).and_then(Value::as_big_int).is_some_and(|int| int.bits() <= 128);
    let array = |of: Value<'_, '_>, key: &str, size: u64, len: u64| {
        of.get(key).is_some_and(|value| is_words(examiner, value, size, len))
    };
    let fits = match name {
        "MT19937" => {
            array(words, "key", 4, 624)
                && words.get("key").is_some_and(|key| turns(examiner, key))
                && words.get("pos").is_some()
                && within(words, "pos", 624)
        }
        // Some increments would have it give the same number for ever.
        "PCG64" | "PCG64DXSM" => {
            let inc = words.get("inc").and_then(Value::as_big_int);
            big("state") && big("inc") && inc.is_some_and(|inc| inc.bit(0))
        }
        "Philox" => {
            array(words, "counter", 8, 4)
                && array(words, "key", 8, 2)
                && array(state, "buffer", 8, 4)
                && state.get("buffer_pos").is_some()
                && within(state, "buffer_pos", 4)
        }
        "SFC64" => array(words, "state", 8, 4),
        _ => false,
    };
    let gauss = state.get("gauss").is_none_or(|gauss| gauss.kind() == Kind::Float);
    fits && gauss
        && within(state, "has_uint32", 1)
        && within(state, "uinteger", i64::from(u32::MAX))
        && within(state, "has_gauss", 1)
}

/// `(entropy, children spawned, pool, pool size, spawn key)`
pub(super) fn is_seed_state(examiner: &Examiner<'_, '_>, state: Id) -> bool {
    let parts: Vec<_> = examiner.value(state).items().collect();
    let [entropy, spawned, pool, size, key] = parts.as_slice() else { return false };
    let is_entropy = |value: Value<'_, '_>| {
        value.is_none()
            || value.as_big_int().is_some_and(|int| int.bits() <= 4096)
            || is_made_by(examiner, value, "multiarray", "scalar")
            || array(examiner, value).is_some_and(|array| !array.object && array.count() <= 1024)
            || matches!(value.kind(), Kind::List | Kind::Tuple)
                && value.len() <= 1024
                && value.items().all(|item| item.as_big_int().is_some_and(|int| int.bits() <= 4096))
    };
    let len = size.as_i64().filter(|size| (4..=1024).contains(size)).map(|size| size as u64);
    is_entropy(*entropy)
        && spawned.as_i64().is_some()
        && len.is_some_and(|len| is_words(examiner, *pool, 4, len))
        && key.kind() == Kind::Tuple
        && key.len() <= 1024
        && key.items().all(|item| item.kind() == Kind::Int)
}

/// An array whose memory is at hand.
pub(super) struct Array<'g> {
    pub(super) dims: Vec<u64>,
    kind: u8,
    size: usize,
    little: bool,
    fields: Option<(Id, Id)>,
    data: Cow<'g, [u8]>,
    object: bool,
    /// The list of the items, where they are objects.
    items: Option<Id>,
}

impl Array<'_> {
    /// Whether items are signed integers.
    pub(super) fn is_signed(&self) -> bool {
        self.kind == b'i'
    }

    /// Whether items are numbers.
    pub(super) fn is_number(&self) -> bool {
        matches!(self.kind, b'b' | b'i' | b'u' | b'f' | b'c') && !self.object
    }

    /// Whether items are objects.
    pub(super) fn is_object(&self) -> bool {
        self.object
    }

    /// Whether items are dates, durations or integers of eight bytes.
    pub(super) fn is_time(&self) -> bool {
        self.size == 8 && matches!(self.kind, b'M' | b'm' | b'i')
    }

    /// The number of items.
    pub(super) fn count(&self) -> u64 {
        self.dims.iter().product()
    }

    fn integer(&self, at: usize, size: usize, signed: bool, little: bool) -> Option<i64> {
        integer_of(self.data.get(at..at.checked_add(size)?)?, signed, little)
    }

    /// All items, if they are integers.
    pub(super) fn integers(&self) -> Option<Vec<i64>> {
        if !matches!(self.kind, b'i' | b'u' | b'b') || self.object {
            return None;
        }
        let signed = self.kind == b'i';
        let data = self.data.get(..usize::try_from(self.count()).ok()?.checked_mul(self.size)?)?;
        /// All numbers of a type.
        macro_rules! numbers {
            ($type:ty) => {
                data.as_chunks()
                    .0
                    .iter()
                    .map(|&bytes| {
                        let from = if self.little { <$type>::from_le_bytes } else { <$type>::from_be_bytes };
                        i64::from(from(bytes))
                    })
                    .collect()
            };
        }
        Some(match (self.size, signed) {
            (1, true) => numbers!(i8),
            (1, false) => numbers!(u8),
            (2, true) => numbers!(i16),
            (2, false) => numbers!(u16),
            (4, true) => numbers!(i32),
            (4, false) => numbers!(u32),
            (8, _) => numbers!(i64),
            _ => return None,
        })
    }

    /// A field of all items, if it is an integer that eight bytes can hold with its sign.
    pub(super) fn field(&self, examiner: &Examiner<'_, '_>, name: &str) -> Option<Vec<i64>> {
        let (names, fields) = self.fields?;
        examiner.value(names).items().find(|known| known.as_str() == Some(name))?;
        let field = examiner.value(fields).get(name)?;
        let inner = dtype(examiner, field.item(0)?, 1)?;
        let size = usize::try_from(inner.size).ok()?;
        let signed = inner.kind == b'i';
        if !signed && (!matches!(inner.kind, b'u' | b'b') || size > 4) {
            return None;
        }
        let little = state_of(field.item(0)?).and_then(|state| state.item(1)?.as_str()) != Some(">");
        let offset = usize::try_from(field.item(1)?.as_i64()?).ok()?;
        (0..self.count() as usize)
            .map(|index| self.integer(index * self.size + offset, size, signed, little))
            .collect()
    }

    /// The items of an array of objects.
    pub(super) fn objects(&self, examiner: &Examiner<'_, '_>) -> Vec<Id> {
        self.items.map_or_else(Vec::new, |items| examiner.value(items).items().map(Value::id).collect())
    }
}

/// The integer that so many bytes stand for, up to eight.
#[inline(always)]
fn integer_of(bytes: &[u8], signed: bool, little: bool) -> Option<i64> {
    let (size, mut wide) = (bytes.len(), [0; 8]);
    let places = wide.get_mut(..size).filter(|places| !places.is_empty())?;
    if little {
        places.copy_from_slice(bytes);
    } else {
        places.iter_mut().zip(bytes.iter().rev()).for_each(|(to, from)| *to = *from);
    }
    let value = i64::from_le_bytes(wide);
    let unused = 64 - 8 * size as u32;
    Some(if signed { value << unused >> unused } else { value })
}

/// An integer, of Python or a scalar of numpy.
pub(super) fn integer(examiner: &Examiner<'_, '_>, value: Value<'_, '_>) -> Option<i64> {
    if !is_made_by(examiner, value, "multiarray", "scalar") {
        return value.as_i64();
    }
    let args = value.as_instance()?.args();
    let (kind, data) = (args.item(0)?, content(args.item(1)?)?);
    let facts =
        dtype(examiner, kind, 0).filter(|facts| matches!(facts.kind, b'i' | b'u') && !facts.object)?;
    let little = state_of(kind).and_then(|state| state.item(1)?.as_str()) != Some(">");
    integer_of(&data, facts.kind == b'i', little).filter(|&value| facts.kind == b'i' || value >= 0)
}

/// The bytes of a bytes object, however the protocol spells it.
pub(super) fn content<'g>(value: Value<'g, '_>) -> Option<Cow<'g, [u8]>> {
    match value.kind() {
        Kind::Instance => {
            let call = value.as_instance()?;
            let Some(text) = call.args().item(0) else { return Some(Cow::Borrowed(&[])) };
            text.as_str()?
                .chars()
                .map(|char| u8::try_from(char).ok())
                .collect::<Option<Vec<u8>>>()
                .map(Cow::Owned)
        }
        Kind::List => Some(Cow::Borrowed(&[])),
        _ => value.as_bytes().map(Cow::Borrowed),
    }
}

/// An array that the stream has made and that can no longer change.
pub(super) fn array<'g>(examiner: &'g Examiner<'_, '_>, value: Value<'g, '_>) -> Option<Array<'g>> {
    let (shape, kind, data, axes) = if is_made_by(examiner, value, "multiarray", "_reconstruct") {
        let state = state_of(value)?;
        (state.item(1)?, state.item(2)?, state.item(4)?, None)
    } else if is_made_by(examiner, value, "numeric", "_frombuffer") {
        let args = value.as_instance()?.args();
        (args.item(2)?, args.item(1)?, args.item(0)?, args.item(4))
    } else {
        return None;
    };
    let facts = dtype(examiner, kind, 0)?;
    let state = state_of(kind);
    let fields = state.and_then(|state| Some((state.item(3)?, state.item(4)?)));
    let items = facts.object.then(|| data.id());
    let data = content(data)?;
    examiner.pay(data.len() as u64 / 64).ok()?;
    let mut dims: Vec<u64> = dims(shape)?.into_iter().map(|dim| dim as u64).collect();
    if let Some(axes) = axes {
        dims = permutation(axes, dims.len())?.into_iter().map(|axis| dims[axis]).collect();
    }
    Some(Array {
        dims,
        kind: facts.kind,
        size: usize::try_from(facts.size).ok()?,
        little: state.and_then(|state| state.item(1)?.as_str()) != Some(">"),
        fields: fields
            .filter(|_| facts.form == Form::Fields)
            .map(|(names, fields)| (names.id(), fields.id())),
        data,
        object: facts.object,
        items,
    })
}
