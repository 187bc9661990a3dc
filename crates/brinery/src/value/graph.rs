//! The arena that holds the objects of a pickle.

use super::view::Value;
use crate::error::{Error, ErrorKind, Result};
use hashbrown::HashMap;
use num_bigint::BigInt;
use std::{borrow::Cow, num::NonZeroU32};

/// A handle of an object in its [`Graph`]: the object's identity.
///
/// Two places of a graph that hold the same id hold the same object.
///
/// ```
/// use brinery::Graph;
///
/// let graph = Graph::from_slice(b"\x80\x04]\x94(h\0h\0e.").unwrap();
/// let list = graph.root();
/// assert!(list.items().all(|item| item.id() == list.id()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(NonZeroU32);

impl Id {
    pub(super) const NONE: Id = Id::constant(1);
    pub(super) const TRUE: Id = Id::constant(2);
    pub(super) const FALSE: Id = Id::constant(3);
    pub(super) const EMPTY_TUPLE: Id = Id::constant(4);
    /// The first that is not in every graph.
    #[cfg(feature = "serde")]
    pub(super) const FIRST: Id = Id::constant(5);

    const fn constant(number: u32) -> Self {
        match NonZeroU32::new(number) {
            Some(number) => Id(number),
            None => panic!("ids start at one"),
        }
    }

    /// The object's position in its graph, below [`Graph::len`].
    ///
    /// ```
    /// use brinery::Graph;
    ///
    /// let graph = Graph::from_slice(b"K\x01.").unwrap();
    /// assert!(graph.root().id().index() < graph.len());
    /// ```
    #[inline(always)]
    pub fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    #[inline(always)]
    pub(super) fn at(index: usize) -> Option<Id> {
        u32::try_from(index + 1).ok().and_then(NonZeroU32::new).map(Id)
    }

    /// Whether every graph has this object once: None, True, False and the empty tuple.
    #[cfg(feature = "serde")]
    #[inline(always)]
    pub(crate) fn is_singleton(self) -> bool {
        self <= Id::EMPTY_TUPLE
    }
}

/// Text or bytes: a piece of the input, or of the graph's own memory.
#[derive(Debug)]
pub(super) enum Piece<'a, T: ?Sized> {
    Borrowed(&'a T),
    Stored(u32),
}

impl<T: ?Sized> Clone for Piece<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Piece<'_, T> {}

/// Consecutive children in the shared pool, or a list of their own for those that grew.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    start: u32,
    len: u32,
}

impl Run {
    const EMPTY: Run = Run { start: 0, len: 0 };
    /// The length that says that `start` is an index into the grown lists.
    const GROWN: u32 = u32::MAX;
}

/// How an instance was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Construction {
    /// `callable(*args)`: opcode REDUCE.
    Reduce,
    /// `cls.__new__(cls, *args)`: opcode NEWOBJ.
    NewObj,
    /// `cls.__new__(cls, *args, **kwargs)`: opcode `NEWOBJ_EX`.
    NewObjEx,
    /// An instance in the way of Python 2, by the opcode INST or OBJ: `cls(*args)`, or just a new instance if there
    /// are no arguments.
    Instantiate,
}

/// An object, 24 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node<'a> {
    None,
    Bool(bool),
    Int(i64),
    BigInt(u32),
    Float(f64),
    Text(Piece<'a, str>),
    /// ASCII text of the input. It is asked for less often than it is read, and becomes a `str` then.
    Ascii(&'a [u8]),
    /// Text with lone surrogates, in generalized UTF-8.
    Surrogates(Piece<'a, [u8]>),
    Bytes(Piece<'a, [u8]>),
    ByteArray(Piece<'a, [u8]>),
    String(Piece<'a, [u8]>),
    List(Run),
    Tuple(Run),
    Dict(Run),
    Set(Run),
    FrozenSet(Run),
    Global {
        module: Id,
        name: Id,
    },
    Extension(u32),
    Persistent(Id),
    Instance {
        construction: Construction,
        class: Id,
        args: Id,
        kwargs: Option<Id>,
        changes: Option<ChangeAt>,
    },
    Buffer(u32),
    ReadOnly(Id),
}

/// The position of a change.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChangeAt(NonZeroU32);

/// The kinds of changes that a stream can make to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It is given a state: opcode BUILD.
    State,
    /// Items are appended: opcodes APPEND and APPENDS.
    Append,
    /// Items are set by key: opcodes SETITEM and SETITEMS.
    SetItems,
    /// Elements are added: opcode ADDITEMS.
    AddItems,
    /// A function is called with it and more arguments, and what that returns is thrown away: opcodes REDUCE and POP. So
    /// is a state given by a function of the reduction's own.
    Call,
}

/// What happens to an object after it was made, and is not simply part of its contents.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) kind: ChangeKind,
    pub(super) items: Run,
    pub(super) next: Option<ChangeAt>,
    /// In the first change of an object: its last.
    tail: ChangeAt,
}

/// What [`Graph::insert`] makes an object of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum New<'a, 'i> {
    /// `None`
    None,
    /// A bool.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer of any size.
    BigInt(BigInt),
    /// A float.
    Float(f64),
    /// A `str`.
    Text(Cow<'a, str>),
    /// A `str` with lone surrogates, in generalized UTF-8.
    Surrogates(Cow<'a, [u8]>),
    /// A `str` of Python 2.
    String(Cow<'a, [u8]>),
    /// A `bytes` object.
    Bytes(Cow<'a, [u8]>),
    /// A `bytearray`.
    ByteArray(Cow<'a, [u8]>),
    /// A list of these items.
    List(&'i [Id]),
    /// A tuple of these items.
    Tuple(&'i [Id]),
    /// A dict of these keys and values, in turn.
    Dict(&'i [Id]),
    /// A set of these elements.
    Set(&'i [Id]),
    /// A frozenset of these elements.
    FrozenSet(&'i [Id]),
    /// Something by its name in a module.
    Global {
        /// The module's name, a text.
        module: Id,
        /// The name in the module, a text.
        name: Id,
    },
    /// Something by its extension code.
    Extension(u32),
    /// The object with this persistent id.
    Persistent(Id),
    /// An instance.
    Instance {
        /// How it is made.
        construction: Construction,
        /// Its class, or what else is called.
        class: Id,
        /// The arguments, a tuple.
        args: Id,
        /// The keyword arguments, a dict, for [`Construction::NewObjEx`] alone.
        kwargs: Option<Id>,
    },
    /// The out-of-band buffer of this number.
    Buffer(u32),
    /// A read-only view of a buffer.
    ReadOnly(Id),
}

/// The objects of a pickle, whatever they are: shared, cyclic, of unknown classes, nested a million deep.
///
/// A graph is inert: it knows the names of classes and functions and calls none. Objects live side by side in one
/// arena and refer to each other by [`Id`], so that an object that is used twice is there once, and none is ever
/// cloned. Text and bytes are borrowed from the input. Nothing here recurses: neither loading, nor writing,
/// comparing, printing or dropping.
///
/// ```
/// use brinery::{Graph, value::Kind};
///
/// // x = [1, 'a']; x.append(x)
/// let graph = Graph::from_slice(b"\x80\x04]\x94(K\x01\x8c\x01a\x94h\0e.").unwrap();
/// let list = graph.root();
/// assert_eq!(list.kind(), Kind::List);
/// assert_eq!(list.item(0).unwrap().as_i64(), Some(1));
/// assert_eq!(list.item(1).unwrap().as_str(), Some("a"));
/// assert_eq!(list.item(2).unwrap().id(), list.id());
/// assert_eq!(graph.to_string(), "#1=[1, 'a', #1#]");
/// assert_eq!(graph.to_vec(1).unwrap(), b"]q\0(K\x01X\x01\0\0\0aq\x01h\0e.");
/// ```
///
/// # What a graph does not decide
///
/// What only a running Python can know is recorded as it stands. Keys may be unhashable and may be there twice (the
/// later one counts, see [`Value::get`]); state may be given to an integer and items appended to a class
/// ([`Value::changes`]); a buffer may be used that was not supplied.
#[derive(Clone)]
pub struct Graph<'a> {
    nodes: Vec<Node<'a>>,
    pool: Vec<Id>,
    grown: Vec<Vec<Id>>,
    changes: Vec<Change>,
    /// The first change of objects that are not instances.
    changed: HashMap<Id, ChangeAt, foldhash::fast::RandomState>,
    big_ints: Vec<BigInt>,
    texts: Vec<Box<str>>,
    blobs: Vec<Box<[u8]>>,
    buffers: Vec<Piece<'a, [u8]>>,
    offsets: Option<Vec<u64>>,
    root: Id,
    protocol: Option<u8>,
    /// Whether it was read from a stream.
    loaded: bool,
}

impl Default for Graph<'_> {
    fn default() -> Self {
        let singletons = [Node::None, Node::Bool(true), Node::Bool(false), Node::Tuple(Run::EMPTY)];
        Graph {
            nodes: singletons.to_vec(),
            pool: Vec::new(),
            grown: Vec::new(),
            changes: Vec::new(),
            changed: HashMap::default(),
            big_ints: Vec::new(),
            texts: Vec::new(),
            blobs: Vec::new(),
            buffers: Vec::new(),
            offsets: None,
            root: Id::NONE,
            protocol: None,
            loaded: false,
        }
    }
}

/// How much a graph has of each.
#[cfg(feature = "serde")]
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    nodes: usize,
    pool: usize,
    grown: usize,
    changes: usize,
    big_ints: usize,
    texts: usize,
    blobs: usize,
}

/// Text that is known to be ASCII.
#[inline]
pub(super) fn ascii(text: &[u8]) -> &str {
    std::str::from_utf8(text).unwrap_or_default()
}

/// A position as the 32 bits that a node has for it.
fn narrow(position: usize) -> Result<u32> {
    match u32::try_from(position) {
        Ok(position) if position < Run::GROWN => Ok(position),
        _ => Err(Error::new(ErrorKind::TooLarge)),
    }
}

impl<'a> Graph<'a> {
    /// A graph of nothing but `None`, to [`insert`](Self::insert) objects into.
    ///
    /// ```
    /// use brinery::Graph;
    ///
    /// assert!(Graph::new().root().is_none());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The object that the pickle stands for.
    ///
    /// ```
    /// use brinery::Graph;
    ///
    /// assert_eq!(Graph::from_slice(b"I42\n.").unwrap().root().as_i64(), Some(42));
    /// ```
    pub fn root(&self) -> Value<'_, 'a> {
        Value::new(self, self.root)
    }

    /// Chooses the object that the graph stands for.
    ///
    /// ```
    /// use brinery::{Graph, value::New};
    ///
    /// let mut graph = Graph::new();
    /// let answer = graph.insert(New::Int(42)).unwrap();
    /// graph.set_root(answer);
    /// assert_eq!(graph.to_vec(2).unwrap(), b"\x80\x02K\x2a.");
    /// ```
    pub fn set_root(&mut self, root: Id) {
        self.root = root;
    }

    /// The object of an id.
    ///
    /// ```
    /// use brinery::Graph;
    ///
    /// let graph = Graph::from_slice(b"]K\x07a.").unwrap();
    /// let id = graph.root().item(0).unwrap().id();
    /// assert_eq!(graph.value(id).as_i64(), Some(7));
    /// ```
    ///
    /// # Panics
    ///
    /// If the id is of another graph and there is no such object here; or when the value is looked at.
    #[inline]
    pub fn value(&self, id: Id) -> Value<'_, 'a> {
        Value::new(self, id)
    }

    /// All objects, those included that the pickle made and did not use.
    ///
    /// ```
    /// use brinery::{Graph, value::Kind};
    ///
    /// let graph = Graph::from_slice(b"](K\x01K\x02e.").unwrap();
    /// assert_eq!(graph.values().filter(|value| value.kind() == Kind::Int).count(), 2);
    /// ```
    pub fn values(&self) -> impl Iterator<Item = Value<'_, 'a>> {
        (0..self.nodes.len()).filter_map(Id::at).map(|id| Value::new(self, id))
    }

    /// How many objects there are, with `None`, `True`, `False` and the empty tuple, which every graph has.
    ///
    /// ```
    /// assert_eq!(brinery::Graph::new().len(), 4);
    /// ```
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: see [`len`](Self::len).
    ///
    /// ```
    /// assert!(!brinery::Graph::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The protocol that the stream declared, from protocol 2 on.
    ///
    /// ```
    /// use brinery::Graph;
    ///
    /// assert_eq!(Graph::from_slice(b"\x80\x03N.").unwrap().protocol(), Some(3));
    /// assert_eq!(Graph::from_slice(b"N.").unwrap().protocol(), None);
    /// ```
    pub fn protocol(&self) -> Option<u8> {
        self.protocol
    }

    /// Makes an object of others.
    ///
    /// ```
    /// use brinery::{Graph, value::New};
    ///
    /// let mut graph = Graph::new();
    /// let key = graph.insert(New::Text("answer".into())).unwrap();
    /// let value = graph.insert(New::Int(42)).unwrap();
    /// let dict = graph.insert(New::Dict(&[key, value])).unwrap();
    /// graph.set_root(dict);
    /// assert_eq!(graph.to_string(), "{'answer': 42}");
    /// ```
    ///
    /// # Errors
    ///
    /// If there are already as many objects as a graph can hold, some four billion, or if the parts make no such
    /// object: a key without a value, an id of another graph, a name that is not text.
    pub fn insert(&mut self, new: New<'a, '_>) -> Result<Id> {
        self.check(&new)?;
        let node = match new {
            New::None => return Ok(Id::NONE),
            New::Bool(value) => return Ok(if value { Id::TRUE } else { Id::FALSE }),
            New::Tuple([]) => return Ok(Id::EMPTY_TUPLE),
            New::Int(value) => Node::Int(value),
            New::BigInt(value) => return self.push_big_int(value),
            New::Float(value) => Node::Float(value),
            New::Text(text) => Node::Text(self.keep_text(text)?),
            New::Surrogates(text) => return self.push_text(text),
            New::String(bytes) => Node::String(self.keep_bytes(bytes)?),
            New::Bytes(bytes) => Node::Bytes(self.keep_bytes(bytes)?),
            New::ByteArray(bytes) => Node::ByteArray(self.keep_bytes(bytes)?),
            New::List(items) => Node::List(self.run(items)?),
            New::Tuple(items) => Node::Tuple(self.run(items)?),
            New::Dict(items) => Node::Dict(self.run(items)?),
            New::Set(items) => Node::Set(self.run(items)?),
            New::FrozenSet(items) => Node::FrozenSet(self.run(items)?),
            New::Global { module, name } => Node::Global { module, name },
            New::Extension(code) => Node::Extension(code),
            New::Persistent(id) => Node::Persistent(id),
            New::Instance { construction, class, args, kwargs } => {
                Node::Instance { construction, class, args, kwargs, changes: None }
            }
            New::Buffer(index) => Node::Buffer(index),
            New::ReadOnly(buffer) if matches!(self.node(buffer), Node::ReadOnly(_)) => return Ok(buffer),
            New::ReadOnly(buffer) => Node::ReadOnly(buffer),
        };
        self.push(node)
    }

    /// Whether an object can be made of these parts: they are older than it, so that only a change can make a cycle.
    fn check(&self, new: &New<'_, '_>) -> Result<()> {
        let parts: &[Id] = match new {
            New::List(ids) | New::Tuple(ids) | New::Dict(ids) | New::Set(ids) | New::FrozenSet(ids) => ids,
            New::Global { module, name } => &[*module, *name],
            New::Persistent(id) | New::ReadOnly(id) => &[*id],
            New::Instance { class, args, kwargs, .. } => &[*class, *args, kwargs.unwrap_or(*args)],
            _ => &[],
        };
        let wrong = |reason: &str| Err(Error::new(ErrorKind::Data(reason.into())));
        if parts.iter().any(|id| id.index() >= self.nodes.len()) {
            return wrong("an id of another graph");
        }
        match new {
            New::Dict(items) if items.len() % 2 != 0 => wrong("a key without a value"),
            New::Global { .. } if parts.iter().any(|&id| self.value(id).text_bytes().is_none()) => {
                wrong("the name of a global is not text")
            }
            New::Extension(code) if *code == 0 || i32::try_from(*code).is_err() => {
                wrong("an extension code is not between 1 and 2147483647")
            }
            New::Instance { construction, kwargs, .. }
                if kwargs.is_some() != (*construction == Construction::NewObjEx) =>
            {
                wrong("keyword arguments are for NEWOBJ_EX, and for it alone")
            }
            _ => Ok(()),
        }
    }

    /// Changes an object as an opcode would.
    ///
    /// Items of a list, dict or set become part of it; anything else is recorded as a [change](Value::changes). A
    /// [state](ChangeKind::State) is one object; [`ChangeKind::SetItems`] takes keys and values in turn;
    /// [`ChangeKind::Call`] takes the function and its arguments, of which the first is the object itself.
    ///
    /// ```
    /// use brinery::{Graph, value::{ChangeKind, New}};
    ///
    /// let mut graph = Graph::new();
    /// let list = graph.insert(New::List(&[])).unwrap();
    /// graph.change(list, ChangeKind::Append, &[list]).unwrap();
    /// graph.set_root(list);
    /// assert_eq!(graph.to_string(), "#1=[#1#]");
    /// ```
    ///
    /// # Errors
    ///
    /// If there are already as many references as a graph can hold, some four billion, or if the number of `items` is
    /// not one that the change can have.
    pub fn change(&mut self, id: Id, kind: ChangeKind, items: &[Id]) -> Result<()> {
        let fits = match kind {
            ChangeKind::State => items.len() == 1,
            ChangeKind::SetItems => items.len().is_multiple_of(2),
            ChangeKind::Append | ChangeKind::AddItems => true,
            ChangeKind::Call => items.get(1) == Some(&id),
        };
        if !fits {
            return Err(Error::new(ErrorKind::Data(format!("a change cannot have {} items", items.len()))));
        }
        if id.index() >= self.nodes.len() || items.iter().any(|id| id.index() >= self.nodes.len()) {
            return Err(Error::new(ErrorKind::Data("an id of another graph".into())));
        }
        if items.is_empty() { Ok(()) } else { self.apply(id, kind, items) }
    }

    /// Changes an object by items that fit.
    #[inline]
    pub(super) fn apply(&mut self, id: Id, kind: ChangeKind, items: &[Id]) -> Result<()> {
        match (self.nodes[id.index()], kind) {
            (Node::List(run), ChangeKind::Append) => {
                let run = self.extend(run, items)?;
                self.nodes[id.index()] = Node::List(run);
            }
            (Node::Dict(run), ChangeKind::SetItems) => {
                let run = self.extend(run, items)?;
                self.nodes[id.index()] = Node::Dict(run);
            }
            (Node::Set(run), ChangeKind::AddItems) => {
                let run = self.extend(run, items)?;
                self.nodes[id.index()] = Node::Set(run);
            }
            _ => self.record(id, kind, items)?,
        }
        Ok(())
    }

    /// The contents of the out-of-band buffers, in the order of the stream.
    ///
    /// ```
    /// use brinery::Options;
    ///
    /// let graph = Options::new().buffers([&b"abc"[..]]).graph_from_slice(b"\x80\x05\x97.").unwrap();
    /// assert_eq!(graph.buffers().collect::<Vec<_>>(), [b"abc"]);
    /// assert_eq!(graph.root().as_bytes(), Some(&b"abc"[..]));
    /// ```
    pub fn buffers(&self) -> impl Iterator<Item = &[u8]> {
        self.buffers.iter().map(|&buffer| self.bytes(buffer))
    }

    /// Supplies the next out-of-band buffer.
    ///
    /// ```
    /// use brinery::Graph;
    ///
    /// let mut graph = Graph::from_slice(b"\x80\x05\x97.").unwrap();
    /// assert_eq!(graph.root().as_bytes(), None);
    /// graph.supply_buffer(b"abc".as_slice().into()).unwrap();
    /// assert_eq!(graph.root().as_bytes(), Some(&b"abc"[..]));
    /// ```
    pub fn supply_buffer(&mut self, content: Cow<'a, [u8]>) -> Result<()> {
        let piece = self.keep_bytes(content)?;
        self.buffers.push(piece);
        Ok(())
    }

    /// The same graph with all text and bytes copied, so that it may outlive the input.
    ///
    /// ```
    /// use brinery::Graph;
    ///
    /// let graph: Graph<'static> = {
    ///     let input = b"X\x02\0\0\0hi.".to_vec();
    ///     Graph::from_slice(&input).unwrap().into_owned().unwrap()
    /// };
    /// assert_eq!(graph.root().as_str(), Some("hi"));
    /// ```
    ///
    /// # Errors
    ///
    /// If it has more pieces than a graph can hold, some four billion.
    pub fn into_owned(mut self) -> Result<Graph<'static>> {
        let nodes = std::mem::take(&mut self.nodes);
        let buffers = std::mem::take(&mut self.buffers);
        let mut owned: Graph<'static> = Graph {
            nodes: Vec::with_capacity(nodes.len()),
            pool: self.pool,
            grown: self.grown,
            changes: self.changes,
            changed: self.changed,
            big_ints: self.big_ints,
            texts: self.texts,
            blobs: self.blobs,
            buffers: Vec::with_capacity(buffers.len()),
            offsets: self.offsets,
            root: self.root,
            protocol: self.protocol,
            loaded: self.loaded,
        };
        for node in nodes {
            let node = match node {
                Node::Text(piece) => Node::Text(owned.own_text(piece)?),
                Node::Ascii(text) => Node::Text(owned.own_text(Piece::Borrowed(ascii(text)))?),
                Node::Surrogates(piece) => Node::Surrogates(owned.own_bytes(piece)?),
                Node::Bytes(piece) => Node::Bytes(owned.own_bytes(piece)?),
                Node::ByteArray(piece) => Node::ByteArray(owned.own_bytes(piece)?),
                Node::String(piece) => Node::String(owned.own_bytes(piece)?),
                Node::None => Node::None,
                Node::Bool(value) => Node::Bool(value),
                Node::Int(value) => Node::Int(value),
                Node::BigInt(index) => Node::BigInt(index),
                Node::Float(value) => Node::Float(value),
                Node::List(run) => Node::List(run),
                Node::Tuple(run) => Node::Tuple(run),
                Node::Dict(run) => Node::Dict(run),
                Node::Set(run) => Node::Set(run),
                Node::FrozenSet(run) => Node::FrozenSet(run),
                Node::Global { module, name } => Node::Global { module, name },
                Node::Extension(code) => Node::Extension(code),
                Node::Persistent(id) => Node::Persistent(id),
                Node::Instance { construction, class, args, kwargs, changes } => {
                    Node::Instance { construction, class, args, kwargs, changes }
                }
                Node::Buffer(index) => Node::Buffer(index),
                Node::ReadOnly(buffer) => Node::ReadOnly(buffer),
            };
            owned.nodes.push(node);
        }
        for buffer in buffers {
            let buffer = owned.own_bytes(buffer)?;
            owned.buffers.push(buffer);
        }
        Ok(owned)
    }

    fn own_text(&mut self, piece: Piece<'_, str>) -> Result<Piece<'a, str>> {
        match piece {
            Piece::Borrowed(text) => self.keep_text(Cow::Owned(text.into())),
            Piece::Stored(index) => Ok(Piece::Stored(index)),
        }
    }

    fn own_bytes(&mut self, piece: Piece<'_, [u8]>) -> Result<Piece<'a, [u8]>> {
        match piece {
            Piece::Borrowed(bytes) => self.keep_bytes(Cow::Owned(bytes.into())),
            Piece::Stored(index) => Ok(Piece::Stored(index)),
        }
    }
}

// What the other modules of the graph build on.
impl<'a> Graph<'a> {
    /// Makes room for the objects of an input of this size, cautiously.
    pub(super) fn reserve(&mut self, input: usize) {
        self.nodes.reserve((input / 3).min(1 << 16));
        self.pool.reserve((input / 4).min(1 << 16));
    }

    pub(crate) fn track_offsets(&mut self) {
        self.offsets = Some(vec![u64::MAX; self.nodes.len()]);
    }

    /// Where the graph ends now.
    #[cfg(feature = "serde")]
    pub(super) fn end(&self) -> End {
        End {
            nodes: self.nodes.len(),
            pool: self.pool.len(),
            grown: self.grown.len(),
            changes: self.changes.len(),
            big_ints: self.big_ints.len(),
            texts: self.texts.len(),
            blobs: self.blobs.len(),
        }
    }

    /// Forgets what was made after an earlier end, which nothing older may refer to.
    #[cfg(feature = "serde")]
    pub(super) fn rewind(&mut self, end: &End) {
        self.nodes.truncate(end.nodes);
        self.pool.truncate(end.pool);
        self.grown.truncate(end.grown);
        self.changes.truncate(end.changes);
        self.big_ints.truncate(end.big_ints);
        self.texts.truncate(end.texts);
        self.blobs.truncate(end.blobs);
    }

    /// Whether objects that are not instances have changes.
    #[cfg(feature = "serde")]
    pub(super) fn has_changed_others(&self) -> bool {
        !self.changed.is_empty()
    }

    pub(super) fn set_loaded(&mut self, root: Id) {
        self.root = root;
        self.loaded = true;
    }

    /// Whether a dot in the name of a global is just a character, as it is in streams before protocol 4.
    pub(super) fn names_are_plain(&self) -> bool {
        self.loaded && self.protocol.is_none_or(|protocol| protocol < 4)
    }

    pub(super) fn set_protocol(&mut self, protocol: u8) {
        self.protocol = Some(protocol);
    }

    #[inline(always)]
    pub(super) fn push(&mut self, node: Node<'a>) -> Result<Id> {
        let id = Id::at(self.nodes.len()).ok_or_else(|| Error::new(ErrorKind::TooLarge))?;
        self.nodes.push(node);
        Ok(id)
    }

    #[inline(always)]
    pub(super) fn push_at(&mut self, node: Node<'a>, offset: u64) -> Result<Id> {
        let id = self.push(node)?;
        if let Some(offsets) = &mut self.offsets {
            offsets.resize(id.index(), u64::MAX);
            offsets.push(offset);
        }
        Ok(id)
    }

    pub(super) fn push_big_int(&mut self, value: BigInt) -> Result<Id> {
        let node = self.big_int_node(value)?;
        self.push(node)
    }

    pub(super) fn big_int_node(&mut self, value: BigInt) -> Result<Node<'a>> {
        if let Ok(value) = i64::try_from(&value) {
            return Ok(Node::Int(value));
        }
        let index = narrow(self.big_ints.len())?;
        self.big_ints.push(value);
        Ok(Node::BigInt(index))
    }

    fn push_text(&mut self, text: Cow<'a, [u8]>) -> Result<Id> {
        let node = self.text_node(text)?;
        self.push(node)
    }

    /// Text in generalized UTF-8, which is checked.
    #[inline]
    pub(super) fn text_node(&mut self, text: Cow<'a, [u8]>) -> Result<Node<'a>> {
        Ok(match text {
            Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Node::Text(Piece::Borrowed(text)),
                Err(_) => self.surrogates_node(Cow::Borrowed(bytes))?,
            },
            Cow::Owned(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Node::Text(self.keep_text(Cow::Owned(text))?),
                Err(error) => self.surrogates_node(Cow::Owned(error.into_bytes()))?,
            },
        })
    }

    #[cold]
    fn surrogates_node(&mut self, text: Cow<'a, [u8]>) -> Result<Node<'a>> {
        let checked = crate::inspect::text::utf8(&text);
        checked.map_err(|error| Error::new(ErrorKind::Encoding(error.to_string())))?;
        Ok(Node::Surrogates(self.keep_bytes(text)?))
    }

    pub(super) fn keep_text(&mut self, text: Cow<'a, str>) -> Result<Piece<'a, str>> {
        Ok(match text {
            Cow::Borrowed(text) => Piece::Borrowed(text),
            Cow::Owned(text) => {
                let index = narrow(self.texts.len())?;
                self.texts.push(text.into());
                Piece::Stored(index)
            }
        })
    }

    pub(super) fn keep_bytes(&mut self, bytes: Cow<'a, [u8]>) -> Result<Piece<'a, [u8]>> {
        Ok(match bytes {
            Cow::Borrowed(bytes) => Piece::Borrowed(bytes),
            Cow::Owned(bytes) => {
                let index = narrow(self.blobs.len())?;
                self.blobs.push(bytes.into());
                Piece::Stored(index)
            }
        })
    }

    #[inline(always)]
    pub(super) fn run(&mut self, items: &[Id]) -> Result<Run> {
        let start = narrow(self.pool.len())?;
        let len = narrow(items.len())?;
        match *items {
            // Most are short, and copied sooner than a function is called that copies.
            [] => {}
            [one] => self.pool.push(one),
            [one, other] => self.pool.extend([one, other]),
            [one, other, third] => self.pool.extend([one, other, third]),
            _ => self.pool.extend_from_slice(items),
        }
        Ok(Run { start, len })
    }

    /// Adds to a run: where it is, if it is the last one in the pool, or else in a list of its own.
    #[inline]
    fn extend(&mut self, run: Run, items: &[Id]) -> Result<Run> {
        if run.len == 0 {
            return self.run(items);
        }
        if run.len == Run::GROWN {
            self.grown[run.start as usize].extend_from_slice(items);
            return Ok(run);
        }
        let end = run.start as usize + run.len as usize;
        if end == self.pool.len()
            && let Ok(len) = narrow(run.len as usize + items.len())
        {
            self.pool.extend_from_slice(items);
            return Ok(Run { len, ..run });
        }
        let start = narrow(self.grown.len())?;
        let mut grown = Vec::with_capacity(2 * (run.len as usize + items.len()));
        grown.extend_from_slice(self.ids(run));
        grown.extend_from_slice(items);
        self.grown.push(grown);
        Ok(Run { start, len: Run::GROWN })
    }

    fn record(&mut self, id: Id, kind: ChangeKind, items: &[Id]) -> Result<()> {
        let first = self.first_change(id);
        let last = first.map(|first| self.change_at(first).tail);
        if let Some(last) = last
            && !matches!(kind, ChangeKind::State | ChangeKind::Call)
            && self.change_at(last).kind == kind
        {
            let items = self.extend(self.change_at(last).items, items)?;
            self.changes[last.index()].items = items;
            return Ok(());
        }
        let at = u32::try_from(self.changes.len() + 1).ok().and_then(NonZeroU32::new);
        let at = ChangeAt(at.ok_or_else(|| Error::new(ErrorKind::TooLarge))?);
        let items = self.run(items)?;
        self.changes.push(Change { kind, items, next: None, tail: at });
        match (first, last) {
            (Some(first), Some(last)) => {
                self.changes[last.index()].next = Some(at);
                self.changes[first.index()].tail = at;
            }
            _ => match &mut self.nodes[id.index()] {
                Node::Instance { changes, .. } => *changes = Some(at),
                _ => drop(self.changed.insert(id, at)),
            },
        }
        Ok(())
    }

    #[inline(always)]
    pub(super) fn first_change(&self, id: Id) -> Option<ChangeAt> {
        match self.nodes[id.index()] {
            Node::Instance { changes, .. } => changes,
            _ if self.changed.is_empty() => None,
            _ => self.changed.get(&id).copied(),
        }
    }

    #[inline]
    pub(super) fn changes_of(&self, id: Id) -> RawChanges<'_, 'a> {
        RawChanges { graph: self, next: self.first_change(id) }
    }

    pub(super) fn change_at(&self, at: ChangeAt) -> Change {
        self.changes[at.index()]
    }

    #[inline(always)]
    pub(super) fn node(&self, id: Id) -> Node<'a> {
        self.nodes[id.index()]
    }

    #[inline(always)]
    pub(super) fn node_ref(&self, id: Id) -> &Node<'a> {
        &self.nodes[id.index()]
    }

    #[inline(always)]
    pub(super) fn ids(&self, run: Run) -> &[Id] {
        if run.len == Run::GROWN {
            &self.grown[run.start as usize]
        } else {
            &self.pool[run.start as usize..][..run.len as usize]
        }
    }

    #[inline(always)]
    pub(super) fn text<'g>(&'g self, piece: Piece<'a, str>) -> &'g str {
        match piece {
            Piece::Borrowed(text) => text,
            Piece::Stored(index) => &self.texts[index as usize],
        }
    }

    #[inline(always)]
    pub(super) fn bytes<'g>(&'g self, piece: Piece<'a, [u8]>) -> &'g [u8] {
        match piece {
            Piece::Borrowed(bytes) => bytes,
            Piece::Stored(index) => &self.blobs[index as usize],
        }
    }

    pub(super) fn big_int(&self, index: u32) -> &BigInt {
        &self.big_ints[index as usize]
    }

    pub(super) fn buffer(&self, index: u32) -> Option<Piece<'a, [u8]>> {
        self.buffers.get(index as usize).copied()
    }

    pub(super) fn offset(&self, id: Id) -> Option<u64> {
        let offset = self.offsets.as_ref()?.get(id.index()).copied()?;
        (offset != u64::MAX).then_some(offset)
    }
}

/// The changes of an object as they are kept, in order.
#[derive(Clone, Debug)]
pub(super) struct RawChanges<'g, 'a> {
    graph: &'g Graph<'a>,
    next: Option<ChangeAt>,
}

impl Iterator for RawChanges<'_, '_> {
    type Item = Change;

    #[inline]
    fn next(&mut self) -> Option<Change> {
        let change = self.graph.change_at(self.next?);
        self.next = change.next;
        Some(change)
    }
}

impl ChangeAt {
    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_24_bytes() {
        assert_eq!(size_of::<Node<'_>>(), 24);
        assert_eq!(size_of::<Option<Id>>(), 4);
        assert!(size_of::<Change>() <= 20);
    }

    #[test]
    fn a_run_grows_in_place_or_on_its_own() {
        let mut graph = Graph::new();
        let one = graph.insert(New::Int(1)).unwrap();
        let list = graph.insert(New::List(&[one])).unwrap();
        graph.change(list, ChangeKind::Append, &[one]).unwrap();
        assert!(graph.grown.is_empty());
        graph.insert(New::List(&[one])).unwrap();
        for _ in 0..10 {
            graph.change(list, ChangeKind::Append, &[one]).unwrap();
        }
        assert_eq!(graph.grown.len(), 1);
        assert_eq!(graph.value(list).items().len(), 12);
    }

    #[test]
    fn changes_of_one_kind_are_one_change() {
        let mut graph = Graph::new();
        let number = graph.insert(New::Int(1)).unwrap();
        for kind in [ChangeKind::Append, ChangeKind::Append, ChangeKind::State, ChangeKind::State] {
            graph.change(number, kind, &[number]).unwrap();
        }
        let kinds: Vec<_> = graph.value(number).changes().map(|change| change.kind()).collect();
        assert_eq!(kinds, [ChangeKind::Append, ChangeKind::State, ChangeKind::State]);
    }
}
