//! Looking around in a graph.

use super::graph::{ChangeKind, Construction, Graph, Id, Node, RawChanges, ascii};
use crate::place::Segment;
use num_bigint::BigInt;
use std::{borrow::Cow, slice};

/// The kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `None`
    None,
    /// `True` or `False`
    Bool,
    /// An `int`
    Int,
    /// A `float`
    Float,
    /// A `str`
    Text,
    /// A `str` of Python 2: bytes or text, by the reader's choice
    String,
    /// A `bytes` object
    Bytes,
    /// A `bytearray`
    ByteArray,
    /// A `list`
    List,
    /// A `tuple`
    Tuple,
    /// A `dict`
    Dict,
    /// A `set`
    Set,
    /// A `frozenset`
    FrozenSet,
    /// A class, a function or something else by its name in a module
    Global,
    /// The same by its extension code
    Extension,
    /// An instance of a class, or whatever else a callable made of arguments
    Instance,
    /// An object outside of the pickle, by its persistent id
    Persistent,
    /// An out-of-band buffer
    Buffer,
    /// A read-only view of a buffer
    ReadOnly,
}

impl Kind {
    /// The kind as a word.
    ///
    /// ```
    /// assert_eq!(brinery::value::Kind::FrozenSet.name(), "frozenset");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Kind::None => "None",
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Text => "str",
            Kind::String => "Python 2 str",
            Kind::Bytes => "bytes",
            Kind::ByteArray => "bytearray",
            Kind::List => "list",
            Kind::Tuple => "tuple",
            Kind::Dict => "dict",
            Kind::Set => "set",
            Kind::FrozenSet => "frozenset",
            Kind::Global => "global",
            Kind::Extension => "extension",
            Kind::Instance => "instance",
            Kind::Persistent => "persistent object",
            Kind::Buffer => "buffer",
            Kind::ReadOnly => "read-only buffer",
        }
    }
}

/// An object of a [`Graph`], as a view: copying it copies two words.
///
/// ```
/// use brinery::Graph;
///
/// let graph = Graph::from_slice(b"\x80\x04}(\x8c\x04name\x8c\x03Ada\x8c\x04born\x4d\x17\x07u.").unwrap();
/// let person = graph.root();
/// assert_eq!(person.get("name").unwrap().as_str(), Some("Ada"));
/// assert_eq!(person.get("born").unwrap().as_i64(), Some(1815));
/// ```
#[derive(Clone, Copy)]
pub struct Value<'g, 'a> {
    graph: &'g Graph<'a>,
    id: Id,
}

impl<'g, 'a> Value<'g, 'a> {
    #[inline(always)]
    pub(crate) fn new(graph: &'g Graph<'a>, id: Id) -> Self {
        Value { graph, id }
    }

    /// The graph that the object is in.
    ///
    /// ```
    /// let graph = brinery::Graph::new();
    /// assert_eq!(graph.root().graph().len(), graph.len());
    /// ```
    #[inline(always)]
    pub fn graph(self) -> &'g Graph<'a> {
        self.graph
    }

    /// The object's identity.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"N2\x86.").unwrap();
    /// assert_eq!(graph.root().item(0).unwrap().id(), graph.root().item(1).unwrap().id());
    /// ```
    #[inline(always)]
    pub fn id(self) -> Id {
        self.id
    }

    #[inline(always)]
    pub(super) fn node(self) -> Node<'a> {
        self.graph.node(self.id)
    }

    /// What kind of object it is.
    ///
    /// ```
    /// use brinery::{Graph, value::Kind};
    ///
    /// assert_eq!(Graph::from_slice(b"cmath\nsqrt\n.").unwrap().root().kind(), Kind::Global);
    /// ```
    #[inline]
    pub fn kind(self) -> Kind {
        match self.node() {
            Node::None => Kind::None,
            Node::Bool(_) => Kind::Bool,
            Node::Int(_) | Node::BigInt(_) => Kind::Int,
            Node::Float(_) => Kind::Float,
            Node::Text(_) | Node::Ascii(_) | Node::Surrogates(_) => Kind::Text,
            Node::String(_) => Kind::String,
            Node::Bytes(_) => Kind::Bytes,
            Node::ByteArray(_) => Kind::ByteArray,
            Node::List(_) => Kind::List,
            Node::Tuple(_) => Kind::Tuple,
            Node::Dict(_) => Kind::Dict,
            Node::Set(_) => Kind::Set,
            Node::FrozenSet(_) => Kind::FrozenSet,
            Node::Global { .. } => Kind::Global,
            Node::Extension(_) => Kind::Extension,
            Node::Instance { .. } => Kind::Instance,
            Node::Persistent(_) => Kind::Persistent,
            Node::Buffer(_) => Kind::Buffer,
            Node::ReadOnly(_) => Kind::ReadOnly,
        }
    }

    /// The offset of the opcode that made the object, if the graph was read with
    /// [`Options::offsets`](crate::Options::offsets).
    ///
    /// `None`, `True`, `False` and the empty tuple are one object each and have none.
    ///
    /// ```
    /// let graph = brinery::Options::new().offsets(true).graph_from_slice(b"](NK\x01e.").unwrap();
    /// let offsets: Vec<_> = graph.root().items().map(|item| item.offset()).collect();
    /// assert_eq!(offsets, [None, Some(3)]);
    /// ```
    pub fn offset(self) -> Option<u64> {
        self.graph.offset(self.id)
    }

    /// Whether it is `None`.
    ///
    /// ```
    /// assert!(brinery::Graph::from_slice(b"N.").unwrap().root().is_none());
    /// ```
    #[inline]
    pub fn is_none(self) -> bool {
        matches!(self.node(), Node::None)
    }

    /// A bool.
    ///
    /// ```
    /// assert_eq!(brinery::Graph::from_slice(b"\x88.").unwrap().root().as_bool(), Some(true));
    /// ```
    #[inline]
    pub fn as_bool(self) -> Option<bool> {
        match self.node() {
            Node::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// An int of up to 64 bits.
    ///
    /// ```
    /// assert_eq!(brinery::Graph::from_slice(b"L-7L\n.").unwrap().root().as_i64(), Some(-7));
    /// ```
    #[inline]
    pub fn as_i64(self) -> Option<i64> {
        match self.node() {
            Node::Int(value) => Some(value),
            _ => None,
        }
    }

    /// An int of any size.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"L1000000000000000000000L\n.").unwrap();
    /// assert_eq!(graph.root().as_big_int().unwrap().to_string(), "1000000000000000000000");
    /// ```
    #[inline]
    pub fn as_big_int(self) -> Option<Cow<'g, BigInt>> {
        match self.node() {
            Node::Int(value) => Some(Cow::Owned(value.into())),
            Node::BigInt(index) => Some(Cow::Borrowed(self.graph.big_int(index))),
            _ => None,
        }
    }

    /// A float.
    ///
    /// ```
    /// assert_eq!(brinery::Graph::from_slice(b"F1.5\n.").unwrap().root().as_f64(), Some(1.5));
    /// ```
    #[inline]
    pub fn as_f64(self) -> Option<f64> {
        match self.node() {
            Node::Float(value) => Some(value),
            _ => None,
        }
    }

    /// Text, if it has no lone surrogates; and a string of Python 2, if it is UTF-8.
    ///
    /// ```
    /// assert_eq!(brinery::Graph::from_slice(b"S'hi'\n.").unwrap().root().as_str(), Some("hi"));
    /// ```
    #[inline]
    pub fn as_str(self) -> Option<&'g str> {
        match self.node() {
            Node::Text(text) => Some(self.graph.text(text)),
            Node::Ascii(text) => Some(ascii(text)),
            Node::String(bytes) => std::str::from_utf8(self.graph.bytes(bytes)).ok(),
            _ => None,
        }
    }

    /// Any text in generalized UTF-8: as UTF-8, with lone surrogates encoded by the same rule.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"V\\ud800\n.").unwrap();
    /// assert_eq!(graph.root().as_str(), None);
    /// assert_eq!(graph.root().text_bytes(), Some(&b"\xed\xa0\x80"[..]));
    /// ```
    #[inline]
    pub fn text_bytes(self) -> Option<&'g [u8]> {
        match self.node() {
            Node::Text(text) => Some(self.graph.text(text).as_bytes()),
            Node::Ascii(text) => Some(text),
            Node::Surrogates(text) => Some(self.graph.bytes(text)),
            _ => None,
        }
    }

    /// The content of a bytes object, a bytearray, a string of Python 2, or a buffer that was supplied.
    ///
    /// ```
    /// assert_eq!(brinery::Graph::from_slice(b"C\x02hi.").unwrap().root().as_bytes(), Some(&b"hi"[..]));
    /// ```
    #[inline]
    pub fn as_bytes(self) -> Option<&'g [u8]> {
        match self.node() {
            Node::Bytes(bytes) | Node::ByteArray(bytes) | Node::String(bytes) => {
                Some(self.graph.bytes(bytes))
            }
            Node::Buffer(index) => self.graph.buffer(index).map(|bytes| self.graph.bytes(bytes)),
            // A view of a view is the view itself, so this is one step.
            Node::ReadOnly(buffer) => match self.graph.node(buffer) {
                Node::ReadOnly(_) => None,
                _ => self.at(buffer).as_bytes(),
            },
            _ => None,
        }
    }

    /// The number of an out-of-band buffer.
    ///
    /// ```
    /// assert_eq!(brinery::Graph::from_slice(b"\x80\x05\x97.").unwrap().root().as_buffer(), Some(0));
    /// ```
    pub fn as_buffer(self) -> Option<usize> {
        match self.node() {
            Node::Buffer(index) => Some(index as usize),
            _ => None,
        }
    }

    /// What a read-only view is of.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"\x80\x05\x97\x98.").unwrap();
    /// assert_eq!(graph.root().as_read_only().unwrap().as_buffer(), Some(0));
    /// ```
    pub fn as_read_only(self) -> Option<Value<'g, 'a>> {
        match self.node() {
            Node::ReadOnly(buffer) => Some(self.at(buffer)),
            _ => None,
        }
    }

    /// The extension code of a global.
    ///
    /// ```
    /// assert_eq!(brinery::Graph::from_slice(b"\x82\x05.").unwrap().root().as_extension(), Some(5));
    /// ```
    pub fn as_extension(self) -> Option<u32> {
        match self.node() {
            Node::Extension(code) => Some(code),
            _ => None,
        }
    }

    /// The id of a persistent object.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"Prow 5\n.").unwrap();
    /// assert_eq!(graph.root().as_persistent().unwrap().as_str(), Some("row 5"));
    /// ```
    #[inline]
    pub fn as_persistent(self) -> Option<Value<'g, 'a>> {
        match self.node() {
            Node::Persistent(id) => Some(self.at(id)),
            _ => None,
        }
    }

    /// The module and the name of a global.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"cos.path\njoin\n.").unwrap();
    /// let global = graph.root().as_global().unwrap();
    /// assert_eq!((global.module(), global.name()), ("os.path".into(), "join".into()));
    /// assert!(global.is("os.path", "join"));
    /// ```
    #[inline]
    pub fn as_global(self) -> Option<Global<'g, 'a>> {
        match self.node() {
            Node::Global { module, name } => Some(Global { module: self.at(module), name: self.at(name) }),
            _ => None,
        }
    }

    /// The parts of an instance.
    ///
    /// ```
    /// use brinery::{Graph, value::Construction};
    ///
    /// // complex(1.0, 2.0)
    /// let graph = Graph::from_slice(b"c__builtin__\ncomplex\n(F1.0\nF2.0\ntR.").unwrap();
    /// let instance = graph.root().as_instance().unwrap();
    /// assert_eq!(instance.construction(), Construction::Reduce);
    /// assert!(instance.class().as_global().unwrap().is("__builtin__", "complex"));
    /// assert_eq!(instance.args().item(1).unwrap().as_f64(), Some(2.0));
    /// ```
    #[inline]
    pub fn as_instance(self) -> Option<Instance<'g, 'a>> {
        match self.node() {
            Node::Instance { construction, class, args, kwargs, .. } => {
                Some(Instance { value: self, construction, class, args, kwargs })
            }
            _ => None,
        }
    }

    /// The items of a list or tuple, or the elements of a set or frozenset; of any other object there are none.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"(K\x01K\x02t.").unwrap();
    /// let numbers: Vec<_> = graph.root().items().filter_map(|item| item.as_i64()).collect();
    /// assert_eq!(numbers, [1, 2]);
    /// ```
    #[inline]
    pub fn items(self) -> Values<'g, 'a> {
        let ids = match self.node() {
            Node::List(run) | Node::Tuple(run) | Node::Set(run) | Node::FrozenSet(run) => self.graph.ids(run),
            _ => &[],
        };
        Values::new(self.graph, ids)
    }

    /// The keys and values of a dict in the order of the stream; of any other object there are none.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"(K\x01Nd.").unwrap();
    /// let (key, value) = graph.root().entries().next().unwrap();
    /// assert!(key.as_i64() == Some(1) && value.is_none());
    /// ```
    #[inline]
    pub fn entries(self) -> Entries<'g, 'a> {
        let ids = match self.node() {
            Node::Dict(run) => self.graph.ids(run),
            _ => &[],
        };
        Entries::new(self.graph, ids)
    }

    /// The ids of the items of a tuple, or of the keys and values of a dict in turn.
    #[inline(always)]
    pub(crate) fn parts(self) -> &'g [Id] {
        match self.graph.node_ref(self.id) {
            Node::Tuple(run) | Node::Dict(run) => self.graph.ids(*run),
            _ => &[],
        }
    }

    /// The kind of what holds nothing and is of no class but its own, and how many bytes it has if it is text or bytes.
    #[inline(always)]
    pub(crate) fn leaf(self) -> Option<(Kind, usize)> {
        Some(match self.graph.node_ref(self.id) {
            Node::None => (Kind::None, 0),
            Node::Bool(_) => (Kind::Bool, 0),
            Node::Int(_) | Node::BigInt(_) => (Kind::Int, 0),
            Node::Float(_) => (Kind::Float, 0),
            Node::Ascii(text) => (Kind::Text, text.len()),
            Node::Text(text) => (Kind::Text, self.graph.text(*text).len()),
            Node::Surrogates(text) => (Kind::Text, self.graph.bytes(*text).len()),
            Node::Bytes(bytes) => (Kind::Bytes, self.graph.bytes(*bytes).len()),
            _ => return None,
        })
    }

    /// Whether there is a [leaf](Self::leaf).
    #[inline(always)]
    pub(crate) fn is_leaf(self) -> bool {
        matches!(
            self.graph.node_ref(self.id),
            Node::None
                | Node::Bool(_)
                | Node::Int(_)
                | Node::BigInt(_)
                | Node::Float(_)
                | Node::Text(_)
                | Node::Ascii(_)
                | Node::Surrogates(_)
                | Node::Bytes(_)
        )
    }

    /// Whether something happened to the object after it was made.
    #[inline(always)]
    pub(crate) fn is_changed(self) -> bool {
        self.graph.first_change(self.id).is_some()
    }

    /// How many items, elements or entries the object has.
    ///
    /// ```
    /// assert_eq!(brinery::Graph::from_slice(b"(K\x01K\x02d.").unwrap().root().len(), 1);
    /// ```
    #[inline]
    pub fn len(self) -> usize {
        self.items().len() + self.entries().len()
    }

    /// Whether the object has no items, elements or entries.
    ///
    /// ```
    /// assert!(brinery::Graph::from_slice(b"].").unwrap().root().is_empty());
    /// ```
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// An item of a list or tuple.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"]K\x05a.").unwrap();
    /// assert_eq!(graph.root().item(0).unwrap().as_i64(), Some(5));
    /// assert!(graph.root().item(1).is_none());
    /// ```
    #[inline]
    pub fn item(self, index: usize) -> Option<Value<'g, 'a>> {
        match self.node() {
            Node::List(run) | Node::Tuple(run) => self.graph.ids(run).get(index).map(|&id| self.at(id)),
            _ => None,
        }
    }

    /// The value of a dict's text key; the last one, if the key is there more than once.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"}(X\x01\0\0\0aK\x01X\x01\0\0\0aK\x02u.").unwrap();
    /// assert_eq!(graph.root().get("a").unwrap().as_i64(), Some(2));
    /// ```
    pub fn get(self, key: &str) -> Option<Value<'g, 'a>> {
        self.entries().rev().find(|(candidate, _)| candidate.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// What the stream did to the object after it was made, in order, beyond giving a list, dict or set its contents.
    ///
    /// ```
    /// use brinery::{Graph, value::Change};
    ///
    /// let graph = Graph::from_slice(b"cm\nC\n)\x81}X\x01\0\0\0xK\x01sb.").unwrap();
    /// let Some(Change::State(state)) = graph.root().changes().next() else { panic!() };
    /// assert_eq!(state.get("x").unwrap().as_i64(), Some(1));
    /// ```
    #[inline]
    pub fn changes(self) -> Changes<'g, 'a> {
        Changes { graph: self.graph, changes: self.graph.changes_of(self.id) }
    }

    /// The objects that this one refers to directly, with the part that each plays.
    ///
    /// The names of a global are not among them.
    ///
    /// ```
    /// use brinery::{Graph, value::Role};
    ///
    /// let graph = Graph::from_slice(b"cm\nC\n)\x81}b.").unwrap();
    /// let roles: Vec<Role> = graph.root().children().map(|(role, _)| role).collect();
    /// assert_eq!(roles, [Role::Class, Role::Arguments, Role::State]);
    /// ```
    pub fn children(self) -> impl Iterator<Item = (Role<'g, 'a>, Value<'g, 'a>)> {
        let (items, element) = match self.node() {
            Node::List(run) | Node::Tuple(run) => (self.graph.ids(run), false),
            Node::Set(run) | Node::FrozenSet(run) => (self.graph.ids(run), true),
            _ => (&[][..], false),
        };
        let role = if element { Role::Element } else { Role::Item };
        let items = Values::new(self.graph, items).enumerate().map(move |(index, item)| (role(index), item));
        let single = match self.node() {
            Node::Persistent(id) => Some((Role::PersistentId, self.at(id))),
            Node::ReadOnly(buffer) => Some((Role::Buffer, self.at(buffer))),
            _ => None,
        };
        let parts = self.as_instance().into_iter().flat_map(|instance| {
            [
                Some((Role::Class, instance.class())),
                Some((Role::Arguments, instance.args())),
                instance.kwargs().map(|kwargs| (Role::KeywordArguments, kwargs)),
            ]
        });
        let changes = self.graph.changes_of(self.id).flat_map(move |change| {
            let ids = self.graph.ids(change.items);
            let (items, entries) =
                if change.kind == ChangeKind::SetItems { (&[][..], ids) } else { (ids, &[][..]) };
            let role = match change.kind {
                ChangeKind::State | ChangeKind::Call => |_| Role::State,
                ChangeKind::AddItems => Role::Element,
                ChangeKind::Append | ChangeKind::SetItems => Role::Item,
            };
            let items = Values::new(self.graph, items).enumerate();
            items
                .map(move |(index, item)| (role(index), item))
                .chain(pairs(Entries::new(self.graph, entries)))
        });
        items.chain(pairs(self.entries())).chain(single).chain(parts.flatten()).chain(changes)
    }

    /// The text of a key in a path: its `repr`, shortened.
    pub(crate) fn brief(self) -> String {
        const LONGEST: usize = 60;
        let mut text = String::new();
        if self.kind() as u8 >= Kind::List as u8 && self.kind() != Kind::Global {
            return format!("<{}>", self.kind().name());
        }
        // Only so much is looked at, however long the key.
        let text_of = || if self.kind() == Kind::Text { self.as_str() } else { None };
        let whole = match text_of() {
            Some(content) => {
                let end = content.char_indices().nth(LONGEST).map_or(content.len(), |(end, _)| end);
                let shown = &content.as_bytes()[..end];
                let _ = crate::inspect::repr_str(&mut text, shown, &crate::inspect::is_printable);
                end == content.len()
            }
            None => {
                text = self.to_string();
                true
            }
        };
        let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(end, _)| end);
        if !whole || end < text.len() {
            text.truncate(end);
            text.push('…');
        }
        text
    }

    #[inline(always)]
    pub(crate) fn at(self, id: Id) -> Value<'g, 'a> {
        Value { graph: self.graph, id }
    }

    /// Text that lives as long as the input.
    #[cfg(feature = "serde")]
    #[inline]
    pub(crate) fn borrowed_text(self) -> Option<&'a str> {
        match self.node() {
            Node::Text(super::graph::Piece::Borrowed(text)) => Some(text),
            Node::Ascii(text) => Some(ascii(text)),
            _ => None,
        }
    }

    /// Bytes that live as long as the input.
    #[cfg(feature = "serde")]
    #[inline]
    pub(crate) fn borrowed_bytes(self) -> Option<&'a [u8]> {
        use super::graph::Piece;
        match self.node() {
            Node::Bytes(Piece::Borrowed(bytes))
            | Node::ByteArray(Piece::Borrowed(bytes))
            | Node::String(Piece::Borrowed(bytes)) => Some(bytes),
            Node::Buffer(index) => match self.graph.buffer(index)? {
                Piece::Borrowed(bytes) => Some(bytes),
                Piece::Stored(_) => None,
            },
            Node::ReadOnly(buffer) => match self.graph.node(buffer) {
                Node::ReadOnly(_) => None,
                _ => self.at(buffer).borrowed_bytes(),
            },
            _ => None,
        }
    }
}

fn pairs<'g, 'a>(entries: Entries<'g, 'a>) -> impl Iterator<Item = (Role<'g, 'a>, Value<'g, 'a>)> {
    let entries = entries.enumerate();
    entries.flat_map(|(index, (key, value))| [(Role::Key(index), key), (Role::Entry(key), value)])
}

/// The part that an object plays for another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role<'g, 'a> {
    /// An item of a list or tuple, or one appended to something else.
    Item(usize),
    /// An element of a set.
    Element(usize),
    /// A key of a dict.
    Key(usize),
    /// The value of this key.
    Entry(Value<'g, 'a>),
    /// The class of an instance, or what else was called.
    Class,
    /// The arguments, usually a tuple.
    Arguments,
    /// The keyword arguments, usually a dict.
    KeywordArguments,
    /// The state.
    State,
    /// The id of a persistent object.
    PersistentId,
    /// What a read-only view is of.
    Buffer,
}

impl Role<'_, '_> {
    /// The step of a path to the object.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"}X\x01\0\0\0aNs.").unwrap();
    /// let (role, _) = graph.root().children().nth(1).unwrap();
    /// assert_eq!(brinery::Path::from_iter([role.segment()]).to_string(), "obj['a']");
    /// ```
    pub fn segment(self) -> Segment {
        match self {
            Role::Item(index) => Segment::Index(index),
            Role::Element(index) => Segment::Element(index),
            Role::Key(index) => Segment::KeyAt(index),
            Role::Entry(key) => Segment::Key(key.brief()),
            Role::Class => Segment::Attribute("__class__".into()),
            Role::Arguments => Segment::Call("__getnewargs__"),
            Role::KeywordArguments => Segment::Call("__getnewargs_ex__"),
            Role::State => Segment::Call("__getstate__"),
            Role::PersistentId => Segment::Call("persistent_id"),
            Role::Buffer => Segment::Attribute("obj".into()),
        }
    }
}

/// Something by its name in a module.
#[derive(Clone, Copy, Debug)]
pub struct Global<'g, 'a> {
    module: Value<'g, 'a>,
    name: Value<'g, 'a>,
}

impl<'g, 'a> Global<'g, 'a> {
    /// The module; lone surrogates, which no module has, are replaced.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"cos\nsystem\n.").unwrap();
    /// assert_eq!(graph.root().as_global().unwrap().module(), "os");
    /// ```
    pub fn module(self) -> Cow<'g, str> {
        String::from_utf8_lossy(self.module.text_bytes().unwrap_or_default())
    }

    /// The name in the module, which may have dots; lone surrogates are replaced.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"cos\nsystem\n.").unwrap();
    /// assert_eq!(graph.root().as_global().unwrap().name(), "system");
    /// ```
    pub fn name(self) -> Cow<'g, str> {
        String::from_utf8_lossy(self.name.text_bytes().unwrap_or_default())
    }

    /// Whether it is this.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"cos\nsystem\n.").unwrap();
    /// assert!(graph.root().as_global().unwrap().is("os", "system"));
    /// ```
    pub fn is(self, module: &str, name: &str) -> bool {
        self.name.text_bytes() == Some(name.as_bytes()) && self.module.text_bytes() == Some(module.as_bytes())
    }

    /// The texts themselves, of the module and of the name.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"cos\nsystem\n.").unwrap();
    /// let (module, name) = graph.root().as_global().unwrap().parts();
    /// assert_eq!((module.as_str(), name.as_str()), (Some("os"), Some("system")));
    /// ```
    pub fn parts(self) -> (Value<'g, 'a>, Value<'g, 'a>) {
        (self.module, self.name)
    }
}

/// The parts of an instance.
#[derive(Clone, Copy, Debug)]
pub struct Instance<'g, 'a> {
    value: Value<'g, 'a>,
    construction: Construction,
    class: Id,
    args: Id,
    kwargs: Option<Id>,
}

impl<'g, 'a> Instance<'g, 'a> {
    /// How it was made.
    ///
    /// ```
    /// use brinery::{Graph, value::Construction};
    ///
    /// let graph = Graph::from_slice(b"cm\nC\n)\x81.").unwrap();
    /// assert_eq!(graph.root().as_instance().unwrap().construction(), Construction::NewObj);
    /// ```
    pub fn construction(self) -> Construction {
        self.construction
    }

    /// Its class, or what else was called; usually a global.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"cm\nC\n)\x81.").unwrap();
    /// let class = graph.root().as_instance().unwrap().class();
    /// assert_eq!(class.as_global().unwrap().name(), "C");
    /// ```
    #[inline]
    pub fn class(self) -> Value<'g, 'a> {
        self.value.at(self.class)
    }

    /// The arguments; usually a tuple.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"cm\nC\nK\x01\x85\x81.").unwrap();
    /// assert_eq!(graph.root().as_instance().unwrap().args().len(), 1);
    /// ```
    #[inline]
    pub fn args(self) -> Value<'g, 'a> {
        self.value.at(self.args)
    }

    /// The keyword arguments of [`Construction::NewObjEx`]; usually a dict.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"cm\nC\n)}\x92.").unwrap();
    /// assert!(graph.root().as_instance().unwrap().kwargs().unwrap().is_empty());
    /// ```
    pub fn kwargs(self) -> Option<Value<'g, 'a>> {
        self.kwargs.map(|kwargs| self.value.at(kwargs))
    }

    /// The state that it was given last.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"cm\nC\n)\x81K\x05b.").unwrap();
    /// assert_eq!(graph.root().as_instance().unwrap().state().unwrap().as_i64(), Some(5));
    /// ```
    pub fn state(self) -> Option<Value<'g, 'a>> {
        self.value.changes().fold(None, |last, change| match change {
            Change::State(state) => Some(state),
            _ => last,
        })
    }

    /// An attribute, as far as the state tells: from a dict, or from the pair of dicts of a class with slots.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"cm\nC\n)\x81N}X\x01\0\0\0xK\x05s\x86b.").unwrap();
    /// let instance = graph.root().as_instance().unwrap();
    /// assert_eq!(instance.attribute("x").unwrap().as_i64(), Some(5));
    /// ```
    pub fn attribute(self, name: &str) -> Option<Value<'g, 'a>> {
        let state = self.state()?;
        match (state.item(1), state.item(0), state.len()) {
            (Some(slots), Some(dict), 2) => slots.get(name).or_else(|| dict.get(name)),
            _ => state.get(name),
        }
    }
}

/// Something that the stream did to an object after it was made.
///
/// ```
/// use brinery::{Graph, value::Change};
///
/// // What copyreg's protocol calls a state setter: set(obj, 5).
/// let graph = Graph::from_slice(b"cm\nC\n)\x81p0\ncm\nset\ng0\nK\x05\x86R0.").unwrap();
/// let Some(Change::Call { function, args }) = graph.root().changes().next() else { panic!() };
/// assert_eq!(function.to_string(), "m.set");
/// assert_eq!(args.last().unwrap().as_i64(), Some(5));
/// ```
#[derive(Clone, Debug)]
pub enum Change<'g, 'a> {
    /// It was given this state.
    State(Value<'g, 'a>),
    /// These items were appended to it.
    Append(Values<'g, 'a>),
    /// These keys and values were set in it.
    SetItems(Entries<'g, 'a>),
    /// These elements were added to it.
    AddItems(Values<'g, 'a>),
    /// A function was called with these arguments, of which it is the first: so states are given by `state_setter` functions.
    Call {
        /// What was called.
        function: Value<'g, 'a>,
        /// The arguments.
        args: Values<'g, 'a>,
    },
}

impl Change<'_, '_> {
    /// What kind of change it is.
    ///
    /// ```
    /// use brinery::{Graph, value::ChangeKind};
    ///
    /// let graph = Graph::from_slice(b"cm\nC\n)\x81Na.").unwrap();
    /// assert_eq!(graph.root().changes().next().unwrap().kind(), ChangeKind::Append);
    /// ```
    pub fn kind(&self) -> ChangeKind {
        match self {
            Change::State(_) => ChangeKind::State,
            Change::Append(_) => ChangeKind::Append,
            Change::SetItems(_) => ChangeKind::SetItems,
            Change::AddItems(_) => ChangeKind::AddItems,
            Change::Call { .. } => ChangeKind::Call,
        }
    }
}

/// The changes of an object, in order.
#[derive(Clone, Debug)]
pub struct Changes<'g, 'a> {
    graph: &'g Graph<'a>,
    changes: RawChanges<'g, 'a>,
}

impl<'g, 'a> Iterator for Changes<'g, 'a> {
    type Item = Change<'g, 'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let change = self.changes.next()?;
        let ids = self.graph.ids(change.items);
        Some(match change.kind {
            ChangeKind::State => Change::State(Value::new(self.graph, *ids.first()?)),
            ChangeKind::Append => Change::Append(Values::new(self.graph, ids)),
            ChangeKind::SetItems => Change::SetItems(Entries::new(self.graph, ids)),
            ChangeKind::AddItems => Change::AddItems(Values::new(self.graph, ids)),
            ChangeKind::Call => {
                let (function, args) = ids.split_first()?;
                Change::Call {
                    function: Value::new(self.graph, *function),
                    args: Values::new(self.graph, args),
                }
            }
        })
    }
}

/// Objects one after the other.
#[derive(Clone, Debug)]
pub struct Values<'g, 'a> {
    graph: &'g Graph<'a>,
    ids: slice::Iter<'g, Id>,
}

impl<'g, 'a> Values<'g, 'a> {
    pub(super) fn new(graph: &'g Graph<'a>, ids: &'g [Id]) -> Self {
        Values { graph, ids: ids.iter() }
    }

    /// The ids of those that are left.
    ///
    /// ```
    /// let graph = brinery::Graph::from_slice(b"]Na.").unwrap();
    /// assert_eq!(graph.root().items().ids().len(), 1);
    /// ```
    pub fn ids(&self) -> &'g [Id] {
        self.ids.as_slice()
    }
}

impl<'g, 'a> Iterator for Values<'g, 'a> {
    type Item = Value<'g, 'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        self.ids.next().map(|&id| Value::new(self.graph, id))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ids.size_hint()
    }
}

impl DoubleEndedIterator for Values<'_, '_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.ids.next_back().map(|&id| Value::new(self.graph, id))
    }
}

impl ExactSizeIterator for Values<'_, '_> {}

/// Keys and values one after the other.
#[derive(Clone, Debug)]
pub struct Entries<'g, 'a> {
    graph: &'g Graph<'a>,
    ids: slice::ChunksExact<'g, Id>,
}

impl<'g, 'a> Entries<'g, 'a> {
    pub(super) fn new(graph: &'g Graph<'a>, ids: &'g [Id]) -> Self {
        Entries { graph, ids: ids.chunks_exact(2) }
    }

    #[inline(always)]
    fn pair(&self, ids: &[Id]) -> (Value<'g, 'a>, Value<'g, 'a>) {
        (Value::new(self.graph, ids[0]), Value::new(self.graph, ids[1]))
    }
}

impl<'g, 'a> Iterator for Entries<'g, 'a> {
    type Item = (Value<'g, 'a>, Value<'g, 'a>);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let ids = self.ids.next()?;
        Some(self.pair(ids))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ids.size_hint()
    }
}

impl DoubleEndedIterator for Entries<'_, '_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let ids = self.ids.next_back()?;
        Some(self.pair(ids))
    }
}

impl ExactSizeIterator for Entries<'_, '_> {}
