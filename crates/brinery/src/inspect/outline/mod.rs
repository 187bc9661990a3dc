//! The objects that a stream describes, as inert nodes that know which bytes they come from.

mod damage;
mod edges;
mod host;
mod source;
mod spelling;
mod text;

pub use edges::{Edge, Label};
pub use host::{Cause, OutlineError};

use crate::opcode::Opcode;
use crate::read::Machine;
use num_bigint::BigInt;
use source::{Tally, Tallying};
use std::borrow::Cow;

/// Which node of an [`Outline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    /// The position among the outline's nodes.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What an object is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind<'de> {
    /// `None`
    None,
    /// `True`, `False`
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer beyond 64 bits.
    BigInt(BigInt),
    /// An integer in text with so many digits that they are left alone.
    IntText(Box<[u8]>),
    /// A float.
    Float(f64),
    /// Text, in UTF-8 where lone surrogates may be encoded.
    Str(Cow<'de, [u8]>),
    /// A Python 2 string: text or bytes.
    String(Cow<'de, [u8]>),
    /// Bytes.
    Bytes(Cow<'de, [u8]>),
    /// A bytearray.
    ByteArray(Cow<'de, [u8]>),
    /// A list.
    List(Vec<NodeId>),
    /// A tuple.
    Tuple(Vec<NodeId>),
    /// A dict: keys and values in the order of the stream.
    Dict(Vec<(NodeId, NodeId)>),
    /// A set.
    Set(Vec<NodeId>),
    /// A frozenset.
    FrozenSet(Vec<NodeId>),
    /// Something by module and name.
    Global {
        /// The module's name.
        module: NodeId,
        /// The name in it, perhaps with dots.
        name: NodeId,
    },
    /// A global by extension code.
    Extension(u32),
    /// What calling a class or function would give.
    Instance {
        /// What would be called.
        class: NodeId,
        /// The positional arguments, as a rule a tuple.
        args: NodeId,
        /// The keyword arguments, as a rule a dict.
        kwargs: Option<NodeId>,
        /// The opcode that would call.
        by: Opcode,
    },
    /// An object kept elsewhere, by its persistent id.
    Persistent(NodeId),
    /// A buffer kept outside of the stream, by its turn.
    Buffer(usize),
    /// The place of an object that the stream's damage has cost.
    Damaged,
}

/// What an object is given after it was made, beyond what its kind holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Additions {
    /// The states of `BUILD`.
    pub states: Vec<NodeId>,
    /// The items of `APPEND`, `APPENDS` and `ADDITEMS`.
    pub items: Vec<NodeId>,
    /// The items of `SETITEM` and `SETITEMS`.
    pub pairs: Vec<(NodeId, NodeId)>,
}

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<'de> {
    /// What it is.
    pub kind: Kind<'de>,
    /// The offset of the first opcode that made it.
    pub offset: u64,
    /// What it was given later.
    pub additions: Option<Box<Additions>>,
}

/// The objects of one stream.
///
/// ```
/// use brinery::inspect::{Kind, Outline};
///
/// let outline = Outline::read(b"\x80\x04]\x94(K\x01K\x02e.").unwrap();
/// let Kind::List(items) = outline.kind(outline.root()) else { panic!() };
/// assert_eq!(outline.kind(items[1]), &Kind::Int(2));
/// assert_eq!(outline.node(items[1]).offset, 7);
/// assert_eq!(outline.sizes()[outline.root().index()], 7);
/// ```
#[derive(Clone, Debug)]
pub struct Outline<'de> {
    nodes: Vec<Node<'de>>,
    /// How many bytes of the stream each node's own opcodes take.
    own: Vec<u64>,
    root: NodeId,
    protocol: Option<u8>,
    /// How many bytes of the input the stream takes.
    len: u64,
}

impl<'de> Outline<'de> {
    /// Reads the stream at the start of `input`.
    ///
    /// ```
    /// use brinery::inspect::Outline;
    ///
    /// let error = Outline::read(b"](NK").unwrap_err();
    /// assert_eq!(error.to_string(), "pickle data was truncated at offset 3, opcode BININT1, building obj[1]");
    /// ```
    pub fn read(input: &'de [u8]) -> Result<Self, OutlineError> {
        match Self::read_damaged(input, 0) {
            (outline, None) => Ok(outline),
            (_, Some(error)) => Err(error),
        }
    }

    /// Reads the stream at the start of `input` as far as it makes sense; the error tells why no further.
    ///
    /// What was readable is put together as the writer probably meant it. Offsets count from `base`.
    ///
    /// ```
    /// use brinery::inspect::Outline;
    ///
    /// let (outline, error) = Outline::read_damaged(b"](K\x01K\x02X\x09\0\0\0ab", 0);
    /// assert_eq!(outline.brief(outline.root(), 40), "[1, 2, <damaged>]");
    /// assert_eq!(error.unwrap().place().offset, 6);
    /// ```
    pub fn read_damaged(input: &'de [u8], base: u64) -> (Self, Option<OutlineError>) {
        let tally = Tally::starting(base);
        let mut host = host::Builder::new(&tally);
        let mut source = Tallying::new(input, base, &tally);
        let result = Machine::new().run(&mut source, &mut host);
        tally.settle(source.position());
        let (root, error) = match result {
            Ok(root) => (root, source.short_frame().map(OutlineError::short_frame)),
            Err(error) => (host.assemble(), Some(error)),
        };
        let (nodes, protocol) = host.into_parts();
        let mut own = tally.take_sizes();
        own.resize(nodes.len(), 0);
        (Outline { nodes, own, root, protocol, len: source.position() - base }, error)
    }

    /// The object that the stream stands for.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &Node<'de> {
        &self.nodes[id.index()]
    }

    /// What a node is.
    pub fn kind(&self, id: NodeId) -> &Kind<'de> {
        &self.node(id).kind
    }

    /// All nodes, in the order in which the stream makes them; some are of no use to the result.
    ///
    /// ```
    /// use brinery::inspect::{Kind, Outline};
    ///
    /// let outline = Outline::read(b"K\x01K\x020.").unwrap();
    /// let kinds: Vec<_> = outline.nodes().map(|(_, node)| &node.kind).collect();
    /// assert_eq!(kinds, [&Kind::Int(1), &Kind::Int(2)]);
    /// ```
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node<'de>)> {
        self.nodes.iter().enumerate().map(|(index, node)| (NodeId(index as u32), node))
    }

    /// The protocol that the stream declares, if it does.
    ///
    /// ```
    /// use brinery::inspect::Outline;
    ///
    /// assert_eq!(Outline::read(b"\x80\x02N.").unwrap().protocol(), Some(2));
    /// assert_eq!(Outline::read(b"N.").unwrap().protocol(), None);
    /// ```
    pub fn protocol(&self) -> Option<u8> {
        self.protocol
    }

    /// How many bytes of the input the stream takes, or took until it failed.
    ///
    /// ```
    /// assert_eq!(brinery::inspect::Outline::read(b"N.more").unwrap().stream_len(), 2);
    /// ```
    pub fn stream_len(&self) -> u64 {
        self.len
    }

    /// How many bytes of the stream the opcodes of one node take, without its parts.
    ///
    /// ```
    /// let outline = brinery::inspect::Outline::read(b"]K\x01a.").unwrap();
    /// assert_eq!(outline.own_size(outline.root()), 2);
    /// ```
    pub fn own_size(&self, id: NodeId) -> u64 {
        self.own[id.index()]
    }

    /// How many bytes of the stream each node and everything first reached through it take, by node.
    ///
    /// Opcodes that serve no one object, such as frames and marks, are not counted.
    ///
    /// ```
    /// let outline = brinery::inspect::Outline::read(b"]K\x01a.").unwrap();
    /// assert_eq!(outline.sizes(), [4, 2]);
    /// ```
    pub fn sizes(&self) -> Vec<u64> {
        let mut sizes = self.own.clone();
        let mut order = Vec::new();
        let mut seen = vec![false; self.nodes.len()];
        let mut pending = vec![(self.root, self.root)];
        while let Some((id, parent)) = pending.pop() {
            if std::mem::replace(&mut seen[id.index()], true) {
                continue;
            }
            order.push((id, parent));
            let start = pending.len();
            self.for_each_part(id, |part| {
                if !seen[part.index()] {
                    pending.push((part, id));
                }
            });
            pending[start..].reverse();
        }
        // Parts come after what they are part of.
        for (id, parent) in order.into_iter().skip(1).rev() {
            sizes[parent.index()] += sizes[id.index()];
        }
        sizes
    }

    /// From how many places of the object each node is referred to, by node; zero if from none.
    ///
    /// ```
    /// let outline = brinery::inspect::Outline::read(b"]q\x00]q\x01\x86h\x01\x86.").unwrap();
    /// assert_eq!(outline.references(), [1, 2, 1, 1]);
    /// ```
    pub fn references(&self) -> Vec<u32> {
        let mut references = vec![0; self.nodes.len()];
        references[self.root.index()] = 1;
        let mut pending = vec![self.root];
        while let Some(id) = pending.pop() {
            self.for_each_part(id, |part| {
                references[part.index()] += 1;
                if references[part.index()] == 1 {
                    pending.push(part);
                }
            });
        }
        references
    }

    /// Everything that a node refers to, names of globals included.
    fn for_each_part(&self, id: NodeId, mut visit: impl FnMut(NodeId)) {
        let node = self.node(id);
        match &node.kind {
            Kind::List(items) | Kind::Tuple(items) | Kind::Set(items) | Kind::FrozenSet(items) => {
                items.iter().copied().for_each(&mut visit);
            }
            Kind::Dict(pairs) => pairs.iter().for_each(|&(key, value)| {
                visit(key);
                visit(value);
            }),
            Kind::Global { module, name } => {
                visit(*module);
                visit(*name);
            }
            Kind::Instance { class, args, kwargs, .. } => {
                visit(*class);
                visit(*args);
                kwargs.iter().copied().for_each(&mut visit);
            }
            Kind::Persistent(id) => visit(*id),
            _ => {}
        }
        if let Some(additions) = &node.additions {
            additions.states.iter().chain(&additions.items).copied().for_each(&mut visit);
            for &(key, value) in &additions.pairs {
                visit(key);
                visit(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(input: &[u8]) -> String {
        let outline = Outline::read(input).unwrap();
        outline.brief(outline.root(), 200)
    }

    fn readable(input: &[u8]) -> (String, String) {
        let (outline, error) = Outline::read_damaged(input, 0);
        (outline.brief(outline.root(), 200), error.unwrap().to_string())
    }

    #[test]
    fn old_spellings_are_understood() {
        let bytes = b"c_codecs\nencode\n(X\x02\0\0\0a\xc3X\x06\0\0\0latin1tR.";
        assert_eq!(whole(&bytes.map(|byte| if byte == 0xc3 { b'b' } else { byte })), "b'ab'");
        assert_eq!(whole(b"c__builtin__\nset\n((lI1\naI2\natR."), "{1, 2}");
    }

    #[test]
    fn instances_have_a_class_and_attributes() {
        let outline = Outline::read(b"cm\nC\n)\x81}X\x01\0\0\0aK\x01sb.").unwrap();
        assert_eq!(outline.type_name(outline.root()), "m.C");
        let [edge] = outline.edges(outline.root())[..] else { panic!() };
        assert_eq!(outline.segment(edge.label).clone(), crate::Segment::Attribute("a".into()));
        assert_eq!(outline.kind(outline.find("obj.a").unwrap()), &Kind::Int(1));
    }

    #[test]
    fn damage_costs_only_what_it_hits() {
        let (text, error) = readable(b"\x80\x02}(X\x01\0\0\0a](K\x01K\x02X\x05\0\0\0he");
        assert_eq!(text, "{'a': [1, 2, <damaged>]}");
        assert_eq!(
            error,
            "pickle data was truncated at offset 16, opcode BINUNICODE, building obj[\"a\"][2]"
        );
        assert_eq!(readable(b"]K\x01aK\x02a\xff").0, "[1, 2, <damaged>]");
        assert_eq!(readable(b"").0, "<damaged>");
        assert_eq!(readable(b"\x80\x04\x95\xff\0\0\0\0\0\0\0K\x01.").0, "1");
    }

    #[test]
    fn every_byte_is_someones_or_overhead() {
        let input = b"\x80\x04]\x94(\x8c\x01a\x94K\x07e.";
        let outline = Outline::read(input).unwrap();
        // The protocol, the mark and the stop are no one's.
        assert_eq!(outline.sizes()[outline.root().index()], input.len() as u64 - 4);
        assert_eq!(outline.references().iter().sum::<u32>(), 3);
    }

    #[test]
    fn spelling_the_same_set_over_and_over_costs_no_memory() {
        let mut input = b"c__builtin__\nset\nq\x00](".to_vec();
        input.extend(std::iter::repeat_n(b'N', 100_000));
        input.extend(b"e\x85q\x01](");
        input.extend(b"h\x00h\x01R".repeat(100_000));
        input.extend(b"e.");
        let outline = Outline::read(&input).unwrap();
        let Kind::List(sets) = outline.kind(outline.root()) else { panic!() };
        assert!(matches!(outline.kind(sets[0]), Kind::Set(items) if items.len() == 100_000));
        assert!(matches!(outline.kind(sets[99_999]), Kind::Instance { .. }));
    }

    #[test]
    fn nesting_costs_no_stack() {
        let mut input = vec![b']'; 1_000_000];
        input.extend(std::iter::repeat_n(b'a', 999_999));
        input.push(b'.');
        let outline = Outline::read(&input).unwrap();
        assert_eq!(outline.sizes()[outline.root().index()], 1_999_999);
        let (outline, error) = Outline::read_damaged(&input[..1_500_000], 0);
        assert!(error.is_some());
        assert_eq!(outline.brief(outline.root(), 20), "[[[[[[[...]]]]]]]");
    }
}
