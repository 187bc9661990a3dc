//! The ways from an object to its parts.

use super::{Kind, NodeId, Outline};
use crate::opcode::Opcode;
use crate::place::{Path, Segment};

/// How a part belongs to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label {
    /// An item of a list or tuple, by index.
    Index(usize),
    /// The value of this key.
    Key(NodeId),
    /// A key, by its turn.
    KeyAt(usize),
    /// An element of a set, by its turn.
    Element(usize),
    /// The attribute of this name.
    Attribute(NodeId),
    /// What is called, where that is no mere name.
    Callable,
    /// A positional argument of the call that makes an instance.
    Argument(usize),
    /// The arguments, where they are no tuple.
    Arguments,
    /// The keyword arguments.
    Keywords,
    /// A state that is no dict.
    State,
    /// The persistent id.
    PersistentId,
}

/// A part of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// How it belongs there.
    pub label: Label,
    /// The part.
    pub node: NodeId,
}

impl Outline<'_> {
    /// The parts of an object as its user sees them: the state of an instance appears as its attributes.
    pub fn edges(&self, id: NodeId) -> Vec<Edge> {
        let mut edges = Vec::new();
        match self.kind(id) {
            Kind::List(items) | Kind::Tuple(items) => extend(&mut edges, items, Label::Index),
            Kind::Set(items) | Kind::FrozenSet(items) => extend(&mut edges, items, Label::Element),
            Kind::Dict(pairs) => self.pairs(&mut edges, pairs),
            Kind::Instance { class, args, kwargs, by } => {
                if !matches!(self.kind(*class), Kind::Global { .. } | Kind::Extension(_)) {
                    edges.push(Edge { label: Label::Callable, node: *class });
                }
                self.arguments(&mut edges, id, *args, *by);
                match kwargs {
                    Some(kwargs) if !matches!(self.kind(*kwargs), Kind::Dict(pairs) if pairs.is_empty()) => {
                        edges.push(Edge { label: Label::Keywords, node: *kwargs });
                    }
                    _ => {}
                }
            }
            Kind::Persistent(id) => edges.push(Edge { label: Label::PersistentId, node: *id }),
            _ => {}
        }
        if let Some(additions) = &self.node(id).additions {
            for &state in &additions.states {
                self.state(&mut edges, state);
            }
            let before = edges.iter().filter(|edge| matches!(edge.label, Label::Index(_))).count();
            extend(&mut edges, &additions.items, |index| Label::Index(before + index));
            self.pairs(&mut edges, &additions.pairs);
        }
        edges
    }

    /// Whether [`edges`](Self::edges) has any.
    pub fn has_edges(&self, id: NodeId) -> bool {
        match self.kind(id) {
            Kind::List(items) | Kind::Tuple(items) | Kind::Set(items) | Kind::FrozenSet(items)
                if !items.is_empty() =>
            {
                true
            }
            Kind::Dict(pairs) if !pairs.is_empty() => true,
            Kind::Persistent(_) => true,
            Kind::Instance { .. } => !self.edges(id).is_empty(),
            _ => self.node(id).additions.is_some() && !self.edges(id).is_empty(),
        }
    }

    fn arguments(&self, edges: &mut Vec<Edge>, id: NodeId, args: NodeId, by: Opcode) {
        match self.kind(args) {
            Kind::Tuple(items) => {
                // What is left of a reconstructor's arguments says nothing unless the class extends a builtin type.
                let plain = by == Opcode::Reduce && items.len() == 3 && self.is_reconstructed(id);
                let skip =
                    if plain { if matches!(self.kind(items[2]), Kind::None) { 3 } else { 2 } } else { 0 };
                for (index, &node) in items[skip..].iter().enumerate() {
                    edges.push(Edge { label: Label::Argument(index), node });
                }
            }
            _ => edges.push(Edge { label: Label::Arguments, node: args }),
        }
    }

    fn is_reconstructed(&self, id: NodeId) -> bool {
        match self.kind(id) {
            Kind::Instance { class, .. } => {
                matches!(self.name(*class).as_str(), "copy_reg._reconstructor" | "copyreg._reconstructor")
            }
            _ => false,
        }
    }

    fn pairs(&self, edges: &mut Vec<Edge>, pairs: &[(NodeId, NodeId)]) {
        for (turn, &(key, value)) in pairs.iter().enumerate() {
            if !self.is_plain(key) {
                edges.push(Edge { label: Label::KeyAt(turn), node: key });
            }
            edges.push(Edge { label: Label::Key(key), node: value });
        }
    }

    /// Whether the text of a key says all about it: it has no parts, or parts that have none.
    fn is_plain(&self, key: NodeId) -> bool {
        match self.kind(key) {
            Kind::Tuple(items) | Kind::FrozenSet(items) => items.iter().all(|&item| !self.has_edges(item)),
            _ => !self.has_edges(key),
        }
    }

    fn state(&self, edges: &mut Vec<Edge>, state: NodeId) {
        let attributes = |edges: &mut Vec<Edge>, id: NodeId| match self.kind(id) {
            Kind::Dict(pairs) => {
                edges.extend(pairs.iter().map(|&(key, node)| {
                    let named = matches!(self.kind(key), Kind::Str(_) | Kind::String(_));
                    Edge { label: if named { Label::Attribute(key) } else { Label::Key(key) }, node }
                }));
                true
            }
            Kind::None => true,
            _ => false,
        };
        let is_state = |id: NodeId| matches!(self.kind(id), Kind::Dict(_) | Kind::None);
        match self.kind(state) {
            Kind::Dict(_) => {
                attributes(edges, state);
            }
            // The state of slots: what is in the `__dict__`, and what is in the slots.
            Kind::Tuple(parts) if parts.len() == 2 && parts.iter().all(|&part| is_state(part)) => {
                for &part in parts {
                    attributes(edges, part);
                }
            }
            _ => edges.push(Edge { label: Label::State, node: state }),
        }
    }

    /// The step of a path that a label stands for.
    pub fn segment(&self, label: Label) -> Segment {
        match label {
            Label::Index(index) => Segment::Index(index),
            Label::Key(key) => Segment::Key(self.key_text(key)),
            Label::KeyAt(turn) => Segment::KeyAt(turn),
            Label::Element(turn) => Segment::Element(turn),
            Label::Attribute(key) => match self.kind(key) {
                Kind::Str(name) | Kind::String(name) => {
                    Segment::Attribute(String::from_utf8_lossy(name).into_owned())
                }
                _ => Segment::Key(self.key_text(key)),
            },
            Label::Callable => Segment::Attribute("__class__".into()),
            Label::Argument(index) => Segment::Attribute(format!("__reduce__()[1][{index}]")),
            Label::Arguments => Segment::Attribute("__reduce__()[1]".into()),
            Label::Keywords => Segment::Attribute("__getnewargs_ex__()[1]".into()),
            Label::State => Segment::Call("__getstate__"),
            Label::PersistentId => Segment::Attribute("persistent_id".into()),
        }
    }

    /// The object at the end of a path written as [`Path`] is displayed, with or without the `obj` in front.
    ///
    /// ```
    /// use brinery::inspect::{Kind, Outline};
    ///
    /// let outline = Outline::read(b"}X\x01\0\0\0a]K\x07as.").unwrap();
    /// let id = outline.find("obj[\"a\"][0]").unwrap();
    /// assert_eq!(outline.kind(id), &Kind::Int(7));
    /// assert_eq!(outline.find("[\"b\"]"), Err("obj".into()));
    /// ```
    ///
    /// # Errors
    ///
    /// As much of the path as there is.
    pub fn find(&self, path: &str) -> Result<NodeId, String> {
        let mut rest = path.strip_prefix("obj").unwrap_or(path);
        let mut found = Path::default();
        let mut id = self.root();
        while !rest.is_empty() {
            let step = self.edges(id).into_iter().find_map(|edge| {
                let segment = self.segment(edge.label);
                let one: Path = std::iter::once(segment.clone()).collect();
                let one = one.to_string();
                let written = one.strip_prefix("obj")?.to_owned();
                let single = written.replace('"', "'");
                let left = rest.strip_prefix(&written).or_else(|| rest.strip_prefix(&single))?;
                let whole = left.is_empty() || left.starts_with(['.', '[', '{']);
                whole.then_some((edge.node, segment, left))
            });
            let Some((node, segment, left)) = step else { return Err(found.to_string()) };
            found.push(segment);
            (id, rest) = (node, left);
        }
        Ok(id)
    }
}

fn extend(edges: &mut Vec<Edge>, items: &[NodeId], label: impl Fn(usize) -> Label) {
    edges.extend(items.iter().enumerate().map(|(index, &node)| Edge { label: label(index), node }));
}
