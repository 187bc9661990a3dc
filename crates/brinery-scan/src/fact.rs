//! What the scanner knows of a value on the machine's stack.

use brinery::policy::MOST_NESTED_CALLS;

/// From how many levels on nesting is out of proportion.
pub(crate) const DEEP: u32 = 50_000;
/// How much deeper what a call makes is than what it is given: objects of types in C are given up by recursion, and a
/// thousand of them in one another are too many.
pub(crate) const CALL: u32 = DEEP / MOST_NESTED_CALLS as u32;

/// What kind of thing a value is, with as much of it as rules ask for.
///
/// A tag of four bytes lets values be copied in pieces that are read as they were written.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u32)]
pub(crate) enum Kind {
    /// `None`, a bool, a float, or an integer that no rule asks for.
    Plain(Sort),
    /// An integer that fits.
    Int(i64),
    /// Text that starts in the stream at the opcode of this offset.
    Text(u64),
    /// The same, if it may be the name of a hook.
    Hook(u64),
    /// Text that has to be decoded first: an index into the texts that were.
    Decoded(u32),
    /// Bytes that start in the stream at the opcode of this offset.
    Bytes(u64),
    /// A list.
    List,
    /// A dict.
    Dict(u32),
    /// A set or frozenset.
    Set,
    /// A frozenset whose hash may have been chosen, which is this one.
    Frozen(u64),
    /// A tuple whose items are in the [shelf](super::shelf::Shelf) at this place.
    Tuple(u64),
    /// A class or function by its name: an index into the stream's globals.
    Global(u32),
    /// A module, as helpers of other picklers make it: an index into the stream's globals.
    Module(u32),
    /// What a call or a construction of a global has made.
    Made {
        /// The global.
        global: u32,
        /// What else is known of it: see [`Extra`].
        extra: Extra,
    },
    /// An attribute of an object that the stream has made.
    Bound,
    /// What a call of anything else has made.
    Result,
    /// An object that is known outside of the stream: by a persistent id, an extension code or as a buffer.
    Outside(Outside),
}

/// What sort of plain value it is, as far as that is known: the memo does not keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Any of them.
    Any,
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// A float of these bytes.
    Float([u8; 8]),
    /// An integer that is not negative, of so many bytes.
    Natural(u16),
    /// So many bytes, as protocols below 3 have them.
    Latin1(u16),
}

impl Kind {
    /// A plain value of which nothing else is known.
    pub(crate) const PLAIN: Kind = Kind::Plain(Sort::Any);
}

/// What is known of a made object beyond its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extra {
    /// Nothing.
    None,
    /// A live object that others hold as well.
    Shared,
    /// A numpy dtype of so many bytes; of objects, if it is none.
    ItemSize(u32),
    /// The same before it was given a state or fetched from the memo: there is no other copy on the stack.
    NewDType(u32),
    /// An object that may be given a state once, before it was given one or fetched from the memo.
    Fresh,
    /// A function or a class whose code the stream brings.
    Code,
    /// The type of code, functions or cells: what it makes is the stream's own code.
    CodeType,
    /// The `__new__` of the class, or a `partial` of it.
    New,
    /// A `partial` of a class or of a maker of objects: an index into the stream's partials.
    Partial(u32),
}

impl Extra {
    /// What is known where there are other copies of the object.
    #[inline(always)]
    pub(crate) fn elsewhere(self) -> Self {
        match self {
            Extra::Fresh => Extra::None,
            Extra::NewDType(size) => Extra::ItemSize(size),
            extra => extra,
        }
    }
}

/// Where an outside object comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outside {
    /// The extension registry of the loading program.
    Extension,
    /// The loading program's `persistent_load`.
    Persistent,
    /// An out-of-band buffer.
    Buffer,
}

/// A value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fact {
    pub(crate) kind: Kind,
    /// How deep it is nested.
    pub(crate) depth: u32,
    /// How many objects are looked at when it is hashed, shared ones as often as they occur; of a list or a dict, how much it
    /// holds.
    pub(crate) weight: f32,
}

const _: () = assert!(size_of::<Fact>() == 24);

impl Fact {
    #[inline(always)]
    pub(crate) fn new(kind: Kind) -> Self {
        Fact { kind, depth: 0, weight: 1.0 }
    }

    /// Whether it gets what it holds after it is made, and has no hash: its weight is what it holds.
    #[inline(always)]
    pub(crate) fn is_filled_later(&self) -> bool {
        matches!(self.kind, Kind::List | Kind::Dict(_))
    }

    /// How many objects are looked at when it is hashed with what it is in.
    #[inline(always)]
    pub(crate) fn hashed(&self) -> f32 {
        if self.is_filled_later() { 1.0 } else { self.weight }
    }

    /// Whether nothing about it matters to what it is put into: not how deep it is, nor what hashing it takes, nor its name.
    #[inline(always)]
    pub(crate) fn is_quiet(&self) -> bool {
        let loud = matches!(self.kind, Kind::Global(_) | Kind::Module(_) | Kind::Hook(_));
        !loud && self.depth == 0 && self.weight.to_bits() == 1f32.to_bits()
    }
}
