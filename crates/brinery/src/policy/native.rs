//! Checks by code, for what shapes cannot say.

use super::examine::Examiner;
use super::items;
use super::numpy;
use super::rule::Rule;
use super::{agree, arrow, estimators, tables, torch, trees};
use crate::error::{Error, Result};
use crate::value::{ChangeKind, Id, Kind, Value};

/// A check by code that goes with a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Native {
    /// The items of the arguments are hashed: sets and mappings made by a call.
    Elements,
    /// Numbers whose greatest common divisor is looked for.
    Fraction,
    /// The state of a `random.Random`.
    Random,
    /// The state of a `uuid.UUID`.
    Uuid,
    /// A position in a buffer of an `io` class.
    Position,
    /// A numpy dtype, which says how memory is read.
    Dtype,
    /// A numpy array, whose memory is as large as its shape and its dtype say.
    Array,
    /// A masked array.
    Masked,
    /// A numpy array over a buffer.
    FromBuffer,
    /// A numpy scalar.
    Scalar,
    /// A bit generator of numpy, whose state is indexes into memory.
    BitGenerator,
    /// The seed of a bit generator.
    Seed,
    /// Objects that are given their state once.
    Once,
    /// The blocks of a table of pandas.
    Manager,
    /// An array of pandas that is backed by one of numpy.
    Backed,
    /// An array of pandas with a mask.
    MaskedTable,
    /// An array of Arrow.
    Arrow,
    /// An array of pandas that is backed by one of Arrow.
    ArrowBacked,
    /// An index of pandas.
    Index,
    /// The places in a sparse array of pandas.
    SparseIndex,
    /// A decision tree of scikit-learn.
    Tree,
    /// A tree of neighbours of scikit-learn.
    Neighbours,
    /// A metric of scikit-learn.
    Metric,
    /// A tree of scikit-learn's histogram gradient boosting.
    Predictor,
    /// An estimator of scikit-learn, by whose attributes native code indexes.
    Estimator,
    /// A sparse matrix of scipy.
    Sparse,
    /// A spline of scipy.
    Spline,
    /// A distribution of scipy, which compiles a text.
    Distribution,
    /// Arrays of scipy's objects whose lengths go together.
    Arrays,
    /// What calls a function that it is given, when it is asked for items.
    Later,
    /// What asks others of its kind in turn, and would ask itself for ever if it were one of them.
    Chain,
    /// What finds time zones of pytz: those that are there, and it adds none.
    Zone,
    /// The bytes of a storage of torch, which are an old file of torch.
    TorchStorage,
    /// A tensor of torch, a view of a storage.
    TorchTensor,
    /// A quantized tensor of torch.
    TorchQuantized,
    /// A sparse tensor of torch.
    TorchSparse,
    /// A parameter of torch with attributes.
    TorchParameter,
    /// A tensor of torch of a class of its own: made by a function that is given with its arguments.
    TorchTyped,
}

impl Native {
    const ALL: [(Native, &'static str); 38] = [
        (Native::Elements, "elements"),
        (Native::Fraction, "fraction"),
        (Native::Random, "random"),
        (Native::Uuid, "uuid"),
        (Native::Position, "position"),
        (Native::Dtype, "numpy.dtype"),
        (Native::Array, "numpy.array"),
        (Native::Masked, "numpy.masked"),
        (Native::FromBuffer, "numpy.frombuffer"),
        (Native::Scalar, "numpy.scalar"),
        (Native::BitGenerator, "numpy.bit_generator"),
        (Native::Seed, "numpy.seed"),
        (Native::Once, "once"),
        (Native::Manager, "pandas.manager"),
        (Native::Backed, "pandas.backed"),
        (Native::MaskedTable, "pandas.masked"),
        (Native::Arrow, "arrow.array"),
        (Native::ArrowBacked, "pandas.arrow"),
        (Native::Index, "pandas.index"),
        (Native::SparseIndex, "pandas.sparse_index"),
        (Native::Tree, "sklearn.tree"),
        (Native::Neighbours, "sklearn.neighbours"),
        (Native::Metric, "sklearn.metric"),
        (Native::Predictor, "sklearn.predictor"),
        (Native::Estimator, "sklearn.estimator"),
        (Native::Sparse, "scipy.sparse"),
        (Native::Spline, "scipy.spline"),
        (Native::Distribution, "scipy.distribution"),
        (Native::Arrays, "scipy.arrays"),
        (Native::Later, "later"),
        (Native::Chain, "chain"),
        (Native::Zone, "pytz.zone"),
        (Native::TorchStorage, "torch.storage"),
        (Native::TorchTensor, "torch.tensor"),
        (Native::TorchQuantized, "torch.quantized"),
        (Native::TorchSparse, "torch.sparse"),
        (Native::TorchParameter, "torch.parameter"),
        (Native::TorchTyped, "torch.typed"),
    ];

    /// The name of the check.
    ///
    /// ```
    /// assert_eq!(brinery::policy::Native::Array.name(), "numpy.array");
    /// ```
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(native, _)| *native == self).map_or("", |(_, name)| name)
    }

    /// The check of this name.
    ///
    /// ```
    /// use brinery::policy::Native;
    ///
    /// assert_eq!(Native::from_name("elements"), Some(Native::Elements));
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(native, _)| *native)
    }

    /// Judges a call or a construction by its arguments.
    pub(super) fn call(self, examiner: &mut Examiner<'_, '_>, args: Id) -> Result<()> {
        match self {
            Native::Elements => elements(examiner, args),
            Native::Fraction => {
                let small = |value: Value<'_, '_>| value.as_big_int().is_none_or(|int| int.bits() <= 16_384);
                let fits = examiner.value(args).items().all(small);
                require(fits, Rule::Call, "integers too large for a fraction")
            }
            Native::FromBuffer => {
                let fits = numpy::fits_buffer(examiner, args);
                require(fits, Rule::Call, "a numpy array that does not fit its buffer")
            }
            Native::Scalar => {
                let fits = numpy::is_scalar(examiner, args);
                require(fits, Rule::Call, "a numpy scalar that does not fit its dtype")
            }
            Native::Dtype => {
                let fits = numpy::is_dtype_call(examiner, args);
                require(fits, Rule::Call, "a numpy dtype of an unknown kind, or not a copy")
            }
            Native::Manager => {
                let fits = tables::is_manager(examiner, args);
                require(fits, Rule::Call, "blocks of pandas that do not make up a table")
            }
            Native::Arrow => {
                let fits = arrow::is_array(examiner, args);
                require(
                    fits,
                    Rule::Call,
                    "an array of Arrow whose buffers do not go with its type and length",
                )
            }
            Native::Index => {
                let names = tables::names(examiner, args);
                examiner.hash(names)?;
                let fits = tables::is_index(examiner, args);
                require(fits, Rule::Call, "an index of pandas that contradicts itself")?;
                examiner.keep(args)
            }
            Native::SparseIndex => {
                let fits = tables::is_sparse_index(examiner, args);
                require(fits, Rule::Call, "places outside of a sparse array")
            }
            Native::Tree => {
                let fits = trees::is_tree(examiner, args);
                require(fits, Rule::Call, "a decision tree whose sizes contradict each other")
            }
            Native::TorchStorage => {
                let fits = torch::is_storage(examiner, args);
                require(fits, Rule::Call, "bytes that are no storage of torch")
            }
            Native::TorchTensor => {
                let fits = torch::is_view(examiner, args);
                require(fits, Rule::Call, "a tensor of torch that reaches out of its storage")
            }
            Native::TorchQuantized => {
                let fits = torch::is_quantized(examiner, args);
                require(fits, Rule::Call, "a quantized tensor of torch that contradicts itself")
            }
            Native::TorchSparse => {
                let fits = torch::is_sparse(examiner, args);
                require(fits, Rule::Call, "a sparse tensor of torch that contradicts itself")
            }
            Native::Later => examiner.check_called_later(args),
            Native::TorchParameter => attributes(examiner, args),
            Native::TorchTyped => {
                examiner.check_delegate(args)?;
                attributes(examiner, args)
            }
            _ => Ok(()),
        }
    }

    /// Judges a state.
    pub(super) fn state(self, examiner: &mut Examiner<'_, '_>, object: Id, state: Id) -> Result<()> {
        let once = !matches!(self, Native::Elements | Native::Fraction);
        if once && examiner.value(object).changes().any(|change| change.kind() == ChangeKind::State) {
            return Err(Error::refused(
                Rule::State,
                "a second state for an object that has its state already",
            ));
        }
        let value = examiner.value(state);
        match self {
            Native::Random => {
                let fits = value.item(1).is_some_and(|words| {
                    words.len() == 625
                        && words
                            .item(624)
                            .and_then(Value::as_i64)
                            .is_some_and(|index| (0..=624).contains(&index))
                        && numpy::is_twister(words.items().take(624).filter_map(Value::as_i64))
                });
                require(fits, Rule::State, "not the state of a random.Random")
            }
            Native::Uuid => {
                let int = value.get("int").and_then(Value::as_big_int);
                let fits = int.is_some_and(|int| int.bits() <= 128 && int.sign() != num_bigint::Sign::Minus)
                    && value.entries().all(|(key, _)| matches!(key.as_str(), Some("int" | "is_safe")));
                require(fits, Rule::State, "not the state of a uuid.UUID")
            }
            Native::Position => {
                let len = value.item(0).map_or(0, |content| {
                    numpy::bytes_len(content).or_else(|| content.text_bytes().map(<[u8]>::len)).unwrap_or(0)
                });
                let fits = value.items().filter_map(Value::as_i64).all(|position| position <= len as i64);
                require(fits, Rule::State, "a position beyond the end of a buffer")
            }
            Native::Dtype => {
                let fits = numpy::is_dtype_state(examiner, object, state);
                require(fits, Rule::State, "the state of a numpy dtype that contradicts itself")
            }
            Native::Array => {
                let fits = numpy::is_array_state(examiner, state);
                require(
                    fits,
                    Rule::State,
                    "a numpy array whose memory is not as large as its shape and dtype say",
                )?;
                if items::hold_arrays(examiner, state) {
                    examiner.judge_at_end(self, object);
                }
                Ok(())
            }
            Native::Masked => {
                let fits = numpy::is_masked_state(examiner, state);
                require(
                    fits,
                    Rule::State,
                    "a masked array whose memory is not as large as its shape and dtype say",
                )
            }
            Native::BitGenerator => {
                let fits = numpy::is_generator_state(examiner, state);
                require(fits, Rule::State, "not the state of a random generator of numpy")
            }
            Native::Seed => {
                let fits = numpy::is_seed_state(examiner, state);
                require(fits, Rule::State, "not the state of a seed sequence of numpy")
            }
            Native::Manager => {
                let fits = tables::is_manager_state(examiner, state);
                require(fits, Rule::State, "blocks of pandas that do not make up a table")
            }
            Native::Backed => {
                let fits = tables::is_backed_state(examiner, object, state);
                require(fits, Rule::State, "an array of pandas that contradicts itself")
            }
            Native::ArrowBacked => {
                let fits = arrow::is_backed_state(examiner, state);
                require(
                    fits,
                    Rule::State,
                    "not the state of an array of pandas that is backed by one of Arrow",
                )
            }
            Native::MaskedTable => {
                let fits = tables::is_masked_state(examiner, state);
                require(fits, Rule::State, "a mask that does not fit its data")
            }
            Native::Tree => {
                let fits = trees::is_tree_state(examiner, object, state);
                require(fits, Rule::State, "a decision tree whose nodes lead out of it")
            }
            Native::Neighbours => {
                let fits = trees::is_neighbour_state(examiner, object, state);
                require(fits, Rule::State, "a tree of neighbours whose nodes lead out of it")
            }
            Native::Metric => {
                let fits = trees::is_metric_state(examiner, state);
                require(fits, Rule::State, "not the state of a metric of scikit-learn")
            }
            Native::Predictor => {
                let fits = trees::is_predictor_state(examiner, state);
                require(fits, Rule::State, "a tree of histogram gradient boosting whose nodes lead out of it")
            }
            Native::Distribution => {
                let fits = estimators::is_distribution(value);
                require(fits, Rule::State, "a distribution of scipy with a text of its own to compile")
            }
            Native::Estimator | Native::Sparse | Native::Spline | Native::Arrays | Native::Chain => {
                examiner.judge_at_end(self, object);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Native {
    /// Judges an object when the stream has ended.
    pub(super) fn end(self, examiner: &Examiner<'_, '_>, object: Id) -> Result<()> {
        let (fits, message) = match self {
            Native::Estimator => (
                estimators::is_estimator(examiner, object),
                "an estimator of scikit-learn whose attributes contradict each other",
            ),
            Native::Sparse => {
                (estimators::is_sparse(examiner, object), "a sparse matrix whose indices lie outside of it")
            }
            Native::Array => {
                (!items::are_within(examiner, object), "a numpy array that is among its own items")
            }
            Native::Chain => (!examiner.is_within_itself(object)?, "an object that is within itself"),
            Native::Arrays => {
                (agree::agree(examiner, object), "arrays of scipy whose lengths do not go together")
            }
            Native::Spline => (
                estimators::is_spline(examiner, object),
                "a spline whose knots do not go with its coefficients",
            ),
            _ => return Ok(()),
        };
        examiner.pay(1)?;
        require(fits, Rule::State, message)
    }
}

fn require(fits: bool, rule: Rule, message: &str) -> Result<()> {
    if fits { Ok(()) } else { Err(Error::refused(rule, message)) }
}

/// Judges the last of four arguments, which says what attributes are set.
fn attributes(examiner: &mut Examiner<'_, '_>, args: Id) -> Result<()> {
    match examiner.value(args).item(3).map(Value::id) {
        Some(state) => examiner.check_set_attributes(state),
        None => Ok(()),
    }
}

/// Pays for hashing the items of the arguments, and of pairs among them.
fn elements(examiner: &mut Examiner<'_, '_>, args: Id) -> Result<()> {
    let mut keys: Vec<Id> = Vec::new();
    for argument in examiner.value(args).items() {
        match argument.kind() {
            Kind::Dict => keys.extend(argument.entries().map(|(key, _)| key.id())),
            Kind::List | Kind::Tuple | Kind::Set | Kind::FrozenSet => {
                keys.extend(argument.items().map(Value::id));
            }
            _ => {}
        }
    }
    examiner.pay(keys.len() as u64)?;
    let pairs: Vec<Id> = keys
        .iter()
        .map(|&key| match examiner.value(key) {
            // OrderedDict([[key, value], ...])
            pair if pair.kind() == Kind::List => pair.item(0).map_or(key, Value::id),
            _ => key,
        })
        .collect();
    examiner.hash(pairs)
}

/// The functions that are judged by what they are given, whatever a policy grants of them: their module and name.
///
/// ```
/// assert!(brinery::policy::JUDGED_BY_ARGUMENTS.contains(&("builtins", "getattr")));
/// ```
pub const JUDGED_BY_ARGUMENTS: [(&str, &str); 6] = [
    ("copyreg", "_reconstructor"),
    ("copyreg", "__newobj__"),
    ("copyreg", "__newobj_ex__"),
    ("builtins", "getattr"),
    ("functools", "partial"),
    ("_operator", "getitem"),
];
