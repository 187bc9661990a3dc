//! Torch's tensors: views of storages, which they may not reach out of.

use super::examine::Examiner;
use super::numpy::{all_within, are_bounds, content, dims};
use super::policy::Policy;
use super::verdict::Examination;
use crate::value::{Id, Kind, Value};
use std::borrow::Cow;
use std::sync::LazyLock;

/// How often a tensor may be wrapped into another.
const MOST_WRAPPED: usize = 4;
/// The bytes up to which the items of a tensor may be more than those of its storage.
const MOST_EXPANDED: u64 = 64 << 20;
/// What old files of torch begin with.
const MAGIC: &str = "119547037146038801333356";
const PROTOCOL: i64 = 1001;

/// What may be in the pickles that are in a storage's bytes.
static INNER: LazyLock<Policy> = LazyLock::new(|| {
    let shape = "tuple['storage', any, str(..40), text:device, int(0..), None]".parse();
    let mut policy = Policy::data();
    if let Ok(shape) = shape {
        policy = policy.persistent_ids_of(shape);
    }
    for (name, _) in STORAGES {
        let capability = super::Capability { value: true, ..super::Capability::default() };
        let module = if *name == "UntypedStorage" { "torch.storage" } else { "torch" };
        policy = policy.allow(module, name, capability);
    }
    policy
});

/// Classes of storages, and the bytes of an item.
const STORAGES: &[(&str, u64)] = &[
    ("BFloat16Storage", 2),
    ("BoolStorage", 1),
    ("ByteStorage", 1),
    ("CharStorage", 1),
    ("ComplexDoubleStorage", 16),
    ("ComplexFloatStorage", 8),
    ("DoubleStorage", 8),
    ("FloatStorage", 4),
    ("HalfStorage", 2),
    ("IntStorage", 4),
    ("LongStorage", 8),
    ("QInt32Storage", 4),
    ("QInt8Storage", 1),
    ("QUInt8Storage", 1),
    ("ShortStorage", 2),
    ("UntypedStorage", 1),
];

/// Dtypes and the bytes of an item.
const DTYPES: &[(&str, u64)] = &[
    ("bfloat16", 2),
    ("bool", 1),
    ("complex128", 16),
    ("complex32", 4),
    ("complex64", 8),
    ("float16", 2),
    ("float32", 4),
    ("float64", 8),
    ("float8_e4m3fn", 1),
    ("float8_e4m3fnuz", 1),
    ("float8_e5m2", 1),
    ("float8_e5m2fnuz", 1),
    ("float8_e8m0fnu", 1),
    ("int16", 2),
    ("int32", 4),
    ("int64", 8),
    ("int8", 1),
    ("uint16", 2),
    ("uint32", 4),
    ("uint64", 8),
    ("uint8", 1),
];

fn size_of(sizes: &[(&str, u64)], name: &str) -> Option<u64> {
    sizes.iter().find(|(known, _)| *known == name).map(|(_, size)| *size)
}

/// What is known of a storage.
struct Storage<'g> {
    /// Its class.
    class: String,
    bytes: u64,
    /// What is in it, if that is in the stream.
    data: Option<Cow<'g, [u8]>>,
}

/// `('storage', class, key, place, count)`, and `None` in old files.
fn named<'g>(
    names: impl Fn(Value<'_, '_>) -> Option<(String, String)>,
    id: Value<'_, '_>,
) -> Option<Storage<'g>> {
    if id.kind() != Kind::Tuple || id.item(0)?.as_str() != Some("storage") {
        return None;
    }
    let (module, class) = names(id.item(1)?)?;
    let size = size_of(STORAGES, &class).filter(|_| matches!(module.as_str(), "torch" | "torch.storage"))?;
    let count = u64::try_from(id.item(4)?.as_i64()?).ok()?;
    Some(Storage { class, bytes: count.checked_mul(size).filter(|&bytes| bytes < 1 << 47)?, data: None })
}

fn storage<'g>(examiner: &'g Examiner<'_, '_>, value: Value<'g, '_>) -> Option<Storage<'g>> {
    examiner.pay(1).ok()?;
    if let Some(id) = value.as_persistent() {
        let names = |class: Value<'_, '_>| {
            examiner.global_names(class.id()).map(|(module, name)| (module.to_owned(), name.to_owned()))
        };
        return named(names, id);
    }
    if examiner.origin_names(value.id())? != ("torch.storage", "_load_from_bytes") {
        return None;
    }
    inner(examiner, value.as_instance()?.args().item(0)?)
}

/// The storage in the bytes that `torch.storage._load_from_bytes` is given: an old file of torch with nothing else in it.
fn inner<'g>(examiner: &Examiner<'_, '_>, bytes: Value<'g, '_>) -> Option<Storage<'g>> {
    if !matches!(bytes.kind(), Kind::Bytes | Kind::String | Kind::Instance) {
        return None;
    }
    let bytes = content(bytes)?;
    examiner.pay(64 + bytes.len() as u64 / 64).ok()?;
    let (storage, start) = header(&bytes)?;
    let data = match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(start..)?),
        Cow::Owned(bytes) => Cow::Owned(bytes.get(start..)?.to_vec()),
    };
    Some(Storage { data: Some(data), ..storage })
}

/// What the pickles say that old files begin with, and where they end: a number, a version, the system, the storage and its
/// key. Then come the number of its bytes, or of its items, and these.
fn header(bytes: &[u8]) -> Option<(Storage<'static>, usize)> {
    let mut at = 0;
    let mut next = |check: &mut dyn FnMut(Value<'_, '_>) -> Option<()>| {
        let examined = Examination::new(&INNER).trailing_data(true).run(bytes.get(at..)?).ok()?;
        at += examined.end;
        check(examined.graph.root())?;
        Some(at)
    };
    next(&mut |value| (value.as_big_int()?.to_string() == MAGIC).then_some(()))?;
    next(&mut |value| (value.as_i64() == Some(PROTOCOL)).then_some(()))?;
    next(&mut |value| (value.kind() == Kind::Dict).then_some(()))?;
    let (mut storage, mut key) = (None, String::new());
    next(&mut |value| {
        let id = value.as_persistent()?;
        let names = |class: Value<'_, '_>| {
            class.as_global().map(|class| (class.module().into_owned(), class.name().into_owned()))
        };
        id.item(2)?.as_str()?.clone_into(&mut key);
        storage = Some(named(names, id)?);
        Some(())
    })?;
    let end = next(&mut |value| {
        let alone = value.kind() == Kind::List && value.len() == 1 && value.item(0)?.as_str() == Some(&key);
        alone.then_some(())
    })?;
    let (storage, start) = (storage?, end.checked_add(8)?);
    let count = u64::from_le_bytes(bytes.get(end..start)?.try_into().ok()?);
    let size = size_of(STORAGES, &storage.class)?;
    let fits =
        count.checked_mul(size) == Some(storage.bytes) && (bytes.len() - start) as u64 == storage.bytes;
    fits.then_some((storage, start))
}

/// `(bytes)`: whether they are those of a storage.
pub(super) fn is_storage(examiner: &Examiner<'_, '_>, args: Id) -> bool {
    examiner.value(args).item(0).and_then(|bytes| inner(examiner, bytes)).is_some()
}

/// A tensor that lies within its storage.
struct Tensor<'g> {
    dims: Vec<u64>,
    strides: Vec<u64>,
    offset: u64,
    /// The bytes of an item.
    size: u64,
    storage: Storage<'g>,
}

impl Tensor<'_> {
    fn count(&self) -> Option<u64> {
        self.dims.iter().try_fold(1u64, |count, &dim| count.checked_mul(dim)).filter(|&count| count < 1 << 47)
    }

    /// The bytes of the storage that it may reach to.
    fn end(&self) -> Option<u64> {
        if self.dims.contains(&0) {
            return Some(0);
        }
        let last = self.dims.iter().zip(&self.strides).try_fold(self.offset, |last, (&dim, &stride)| {
            last.checked_add((dim - 1).checked_mul(stride)?)
        })?;
        last.checked_add(1)?.checked_mul(self.size)
    }

    fn fits(&self) -> bool {
        let expanded = |bytes: u64| bytes <= self.storage.bytes.max(MOST_EXPANDED);
        self.dims.len() == self.strides.len()
            && self.end().is_some_and(|end| end <= self.storage.bytes)
            && self.count().and_then(|count| count.checked_mul(self.size)).is_some_and(expanded)
    }

    /// The items of a tensor of integers of eight or four bytes, in the order of their places, if they are in the stream.
    fn integers(&self, examiner: &Examiner<'_, '_>) -> Option<Vec<i64>> {
        let width = match self.storage.class.as_str() {
            "LongStorage" => 8,
            "IntStorage" => 4,
            _ => return None,
        };
        let data = self.storage.data.as_deref()?;
        let count = self.count()?;
        examiner.pay(count.saturating_mul(1 + self.dims.len() as u64)).ok()?;
        let mut items = Vec::new();
        let mut place = vec![0u64; self.dims.len()];
        for _ in 0..count {
            let at = place.iter().zip(&self.strides).map(|(index, stride)| index * stride).sum::<u64>()
                + self.offset;
            let at = usize::try_from(at).ok()?.checked_mul(width)?;
            let bytes = data.get(at..at.checked_add(width)?)?;
            items.push(match width {
                8 => i64::from_le_bytes(bytes.try_into().ok()?),
                _ => i64::from(i32::from_le_bytes(bytes.try_into().ok()?)),
            });
            for (index, dim) in place.iter_mut().zip(&self.dims).rev() {
                *index += 1;
                if *index < *dim {
                    break;
                }
                *index = 0;
            }
        }
        Some(items)
    }
}

fn unsigned(numbers: Value<'_, '_>) -> Option<Vec<u64>> {
    dims(numbers).map(|numbers| numbers.into_iter().map(|number| number as u64).collect())
}

/// `(storage, offset, dims, strides, ...)`
fn view<'g>(
    examiner: &'g Examiner<'_, '_>,
    args: Value<'g, '_>,
    dtype: Option<Value<'g, '_>>,
) -> Option<Tensor<'g>> {
    let storage = storage(examiner, args.item(0)?)?;
    let size = match dtype {
        None => size_of(STORAGES, &storage.class)?,
        Some(dtype) => match examiner.global_names(dtype.id())? {
            ("torch", name) => size_of(DTYPES, name)?,
            _ => return None,
        },
    };
    Some(Tensor {
        dims: unsigned(args.item(2)?)?,
        strides: unsigned(args.item(3)?)?,
        offset: u64::try_from(args.item(1)?.as_i64()?).ok()?,
        size,
        storage,
    })
}

/// A tensor that the stream has made, as it is or in a parameter.
fn tensor<'g>(examiner: &'g Examiner<'_, '_>, value: Value<'g, '_>) -> Option<Tensor<'g>> {
    let (module, name) = examiner.origin_names(value.id())?;
    let mut function = (module.to_owned(), name.to_owned());
    let mut args = value.as_instance()?.args();
    for _ in 0..MOST_WRAPPED {
        match (function.0.as_str(), function.1.as_str()) {
            ("torch._utils", "_rebuild_tensor_v2") => return view(examiner, args, None),
            ("torch._utils", "_rebuild_tensor_v3") => return view(examiner, args, Some(args.item(6)?)),
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                let data = args.item(0)?;
                let (module, name) = examiner.origin_names(data.id())?;
                function = (module.to_owned(), name.to_owned());
                args = data.as_instance()?.args();
            }
            ("torch._tensor", "_rebuild_from_type_v2") => {
                let (module, name) = examiner.global_names(args.item(0)?.id())?;
                function = (module.to_owned(), name.to_owned());
                args = args.item(2)?;
            }
            _ => return None,
        }
    }
    None
}

/// `(storage, offset, dims, strides, gradient, hooks, [dtype], [metadata])`
pub(super) fn is_view(examiner: &Examiner<'_, '_>, args: Id) -> bool {
    let args = examiner.value(args);
    let dtype = args.item(6).filter(|value| value.kind() == Kind::Global);
    view(examiner, args, dtype).is_some_and(|tensor| tensor.fits())
}

/// `(storage, offset, dims, strides, (scheme, scale, zero) or (scheme, scales, zeros, axis), gradient, hooks)`
pub(super) fn is_quantized(examiner: &Examiner<'_, '_>, args: Id) -> bool {
    let args = examiner.value(args);
    let (Some(tensor), Some(how)) = (view(examiner, args, None), args.item(4)) else { return false };
    // Memory is taken for all items, before there is a storage.
    let dense = tensor.count().and_then(|count| count.checked_mul(tensor.size));
    if !tensor.fits() || dense.is_none_or(|bytes| bytes > tensor.storage.bytes) {
        return false;
    }
    let Some(axis) = how.item(3) else { return how.len() == 3 };
    let along =
        axis.as_i64().and_then(|axis| usize::try_from(axis).ok()).and_then(|axis| tensor.dims.get(axis));
    let len = |value: Value<'_, '_>| match value.kind() {
        Kind::List => Some(value.len() as u64),
        _ => {
            self::tensor(examiner, value).filter(|tensor| tensor.dims.len() == 1).map(|tensor| tensor.dims[0])
        }
    };
    let (Some(scales), Some(zeros), Some(along)) = (how.item(1), how.item(2), along) else { return false };
    len(scales) == Some(*along) && len(zeros) == Some(*along)
}

/// `(layout, (indices, values, size, [coalesced]) or (starts, indices, values, size))`: indices lie within the size. Those
/// that are in other members of a file are looked at by torch when it has read them.
pub(super) fn is_sparse(examiner: &Examiner<'_, '_>, args: Id) -> bool {
    sparse_fits(examiner, examiner.value(args)).is_some()
}

fn sparse_fits(examiner: &Examiner<'_, '_>, args: Value<'_, '_>) -> Option<()> {
    let layout = args.item(0)?.as_instance()?.args().item(0)?.as_str()?;
    let data = args.item(1)?;
    if layout == "torch.sparse_coo" {
        let (indices, values) = (tensor(examiner, data.item(0)?)?, tensor(examiner, data.item(1)?)?);
        let size = unsigned(data.item(2)?.as_instance()?.args().item(0)?)?;
        let &[axes, count] = indices.dims.as_slice() else { return None };
        let axes = usize::try_from(axes).ok()?;
        let dense = values.dims.split_first().filter(|(len, _)| **len == count)?.1;
        if indices.storage.class != "LongStorage" || size.get(axes..)? != dense {
            return None;
        }
        if indices.storage.data.is_some() {
            let items = indices.integers(examiner)?;
            let rows = items.chunks(usize::try_from(count).ok()?.max(1));
            if !rows.zip(&size).all(|(row, &limit)| all_within(row, limit)) {
                return None;
            }
        }
        return Some(());
    }
    let (starts, indices) = (tensor(examiner, data.item(0)?)?, tensor(examiner, data.item(1)?)?);
    let values = tensor(examiner, data.item(2)?)?;
    let size = unsigned(data.item(3)?.as_instance()?.args().item(0)?)?;
    let (&[rows, columns], &[count], &[places]) =
        (size.as_slice(), indices.dims.as_slice(), starts.dims.as_slice())
    else {
        return None;
    };
    let block = match (layout, values.dims.as_slice()) {
        ("torch.sparse_csr" | "torch.sparse_csc", &[len]) if len == count => [1, 1],
        ("torch.sparse_bsr" | "torch.sparse_bsc", &[len, high, wide])
            if len == count && high > 0 && wide > 0 =>
        {
            [high, wide]
        }
        _ => return None,
    };
    if rows % block[0] != 0 || columns % block[1] != 0 {
        return None;
    }
    let (rows, columns) = (rows / block[0], columns / block[1]);
    let by_row = matches!(layout, "torch.sparse_csr" | "torch.sparse_bsr");
    let (along, across) = if by_row { (rows, columns) } else { (columns, rows) };
    if places != along.checked_add(1)? {
        return None;
    }
    if starts.storage.data.is_some() {
        let items = starts.integers(examiner)?;
        if !are_bounds(&items) || items.last() != Some(&i64::try_from(count).ok()?) {
            return None;
        }
    }
    if indices.storage.data.is_some() && !all_within(&indices.integers(examiner)?, across) {
        return None;
    }
    Some(())
}
