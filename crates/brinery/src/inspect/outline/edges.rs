//! The ways from an object to its parts.

use super::{Kind, NodeId, Outline};
use crate::opcode::Opcode;
use crate::place::{Path, Segment};
use std::ops::ControlFlow;

/// What [`Outline::visit_edges`] calls.
type Visit<'v> = &'v mut dyn FnMut(Edge) -> ControlFlow<()>;

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
    ///
    /// ```
    /// use brinery::inspect::{Kind, Label, Outline};
    ///
    /// let outline = Outline::read(b"cm\nC\n)\x81}X\x01\0\0\0xK\x01sb.").unwrap();
    /// let edges = outline.edges(outline.root());
    /// assert!(matches!(edges[0].label, Label::Attribute(_)));
    /// assert_eq!(outline.kind(edges[0].node), &Kind::Int(1));
    /// ```
    pub fn edges(&self, id: NodeId) -> Vec<Edge> {
        let mut edges = Vec::new();
        let _ = self.visit_edges(id, &mut |edge| {
            edges.push(edge);
            ControlFlow::Continue(())
        });
        edges
    }

    /// Whether [`edges`](Self::edges) has any.
    ///
    /// ```
    /// let outline = brinery::inspect::Outline::read(b"].").unwrap();
    /// assert!(!outline.has_edges(outline.root()));
    /// ```
    pub fn has_edges(&self, id: NodeId) -> bool {
        self.visit_edges(id, &mut |_| ControlFlow::Break(())).is_break()
    }

    /// Calls `visit` with each of the [`edges`](Self::edges) until it breaks off.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// let outline = brinery::inspect::Outline::read(b"(NNNl.").unwrap();
    /// let mut seen = 0;
    /// let _ = outline.visit_edges(outline.root(), &mut |_| {
    ///     seen += 1;
    ///     if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    /// });
    /// assert_eq!(seen, 2);
    /// ```
    pub fn visit_edges(&self, id: NodeId, visit: Visit<'_>) -> ControlFlow<()> {
        let mut items = 0;
        match self.kind(id) {
            Kind::List(parts) | Kind::Tuple(parts) => {
                items = parts.len();
                each(parts, Label::Index, visit)?;
            }
            Kind::Set(parts) | Kind::FrozenSet(parts) => each(parts, Label::Element, visit)?,
            Kind::Dict(pairs) => self.pairs(pairs, visit)?,
            Kind::Instance { class, args, kwargs, by } => {
                if !matches!(self.kind(*class), Kind::Global { .. } | Kind::Extension(_)) {
                    visit(Edge { label: Label::Callable, node: *class })?;
                }
                self.arguments(id, *args, *by, visit)?;
                match kwargs {
                    Some(kwargs) if !matches!(self.kind(*kwargs), Kind::Dict(pairs) if pairs.is_empty()) => {
                        visit(Edge { label: Label::Keywords, node: *kwargs })?;
                    }
                    _ => {}
                }
            }
            Kind::Persistent(id) => visit(Edge { label: Label::PersistentId, node: *id })?,
            _ => {}
        }
        let Some(additions) = &self.node(id).additions else { return ControlFlow::Continue(()) };
        for &state in &additions.states {
            self.state(state, visit)?;
        }
        each(&additions.items, |index| Label::Index(items + index), visit)?;
        self.pairs(&additions.pairs, visit)
    }

    fn arguments(&self, id: NodeId, args: NodeId, by: Opcode, visit: Visit<'_>) -> ControlFlow<()> {
        let Kind::Tuple(items) = self.kind(args) else {
            return visit(Edge { label: Label::Arguments, node: args });
        };
        // What is left of a reconstructor's arguments says nothing unless the class extends a builtin type.
        let plain = by == Opcode::Reduce && items.len() == 3 && self.is_reconstructed(id);
        let skip = match plain {
            true if matches!(self.kind(items[2]), Kind::None) => 3,
            true => 2,
            false => 0,
        };
        each(&items[skip..], Label::Argument, visit)
    }

    fn is_reconstructed(&self, id: NodeId) -> bool {
        match self.kind(id) {
            Kind::Instance { class, .. } => {
                matches!(self.name(*class).as_str(), "copy_reg._reconstructor" | "copyreg._reconstructor")
            }
            _ => false,
        }
    }

    fn pairs(&self, pairs: &[(NodeId, NodeId)], visit: Visit<'_>) -> ControlFlow<()> {
        for (turn, &(key, value)) in pairs.iter().enumerate() {
            if !self.is_plain(key) {
                visit(Edge { label: Label::KeyAt(turn), node: key })?;
            }
            visit(Edge { label: Label::Key(key), node: value })?;
        }
        ControlFlow::Continue(())
    }

    /// Whether the text of a key says all about it: it has no parts, or parts that have none.
    fn is_plain(&self, key: NodeId) -> bool {
        match self.kind(key) {
            Kind::Tuple(items) | Kind::FrozenSet(items) => items.iter().all(|&item| !self.has_edges(item)),
            _ => !self.has_edges(key),
        }
    }

    fn state(&self, state: NodeId, visit: Visit<'_>) -> ControlFlow<()> {
        let is_state = |id: NodeId| matches!(self.kind(id), Kind::Dict(_) | Kind::None);
        match self.kind(state) {
            Kind::Dict(pairs) => self.attributes(pairs, visit),
            // The state of slots: what is in the `__dict__`, and what is in the slots.
            Kind::Tuple(parts) if parts.len() == 2 && parts.iter().all(|&part| is_state(part)) => {
                for &part in parts {
                    if let Kind::Dict(pairs) = self.kind(part) {
                        self.attributes(pairs, visit)?;
                    }
                }
                ControlFlow::Continue(())
            }
            _ => visit(Edge { label: Label::State, node: state }),
        }
    }

    fn attributes(&self, pairs: &[(NodeId, NodeId)], visit: Visit<'_>) -> ControlFlow<()> {
        for &(key, node) in pairs {
            let named = matches!(self.kind(key), Kind::Str(_) | Kind::String(_));
            visit(Edge { label: if named { Label::Attribute(key) } else { Label::Key(key) }, node })?;
        }
        ControlFlow::Continue(())
    }

    /// The step of a path that a label stands for.
    ///
    /// ```
    /// use brinery::{Segment, inspect::{Label, Outline}};
    ///
    /// let outline = Outline::read(b"(NNl.").unwrap();
    /// assert_eq!(outline.segment(Label::Index(1)), Segment::Index(1));
    /// ```
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

fn each(items: &[NodeId], label: impl Fn(usize) -> Label, visit: Visit<'_>) -> ControlFlow<()> {
    items.iter().enumerate().try_for_each(|(index, &node)| visit(Edge { label: label(index), node }))
}
