//! Loading a long list piece by piece, each piece in the memory of the one before.
//!
//! A graph of a large input is far larger than the processor's caches, and costs more to write down and to read again
//! than to make. Who wants the items of the outermost list one after the other needs no more of it than one batch of
//! `APPENDS` at a time, and what earlier batches are referred to for: names of keys and classes, mostly. Where a stream
//! does something with earlier items that needs them whole, the way is *lost*, and the input has to be loaded as a graph.

use super::Builder;
use crate::error::{Error, ErrorKind, Result};
use crate::opcode::{Opcode, StackItem};
use crate::read::{Argument, Cursor, Decoder, Items, Machine};
use crate::value::graph::{End, Graph, Id, Node};
use crate::value::view::Value;
use hashbrown::HashMap;
use std::borrow::Cow;

/// What a builder remembers beyond the current piece.
pub(super) struct Piecewise<'a> {
    input: &'a [u8],
    /// The outermost list, if that is what the stream begins with.
    pub(super) list: Option<Id>,
    /// The items of the current piece.
    ready: Vec<Id>,
    /// Whether this way cannot be gone on.
    pub(super) lost: bool,
    /// By index in the memo: where the opcode stands that made the object, as far as is known.
    pub(super) made_at: Vec<u64>,
    /// The last global that was made.
    pub(super) global: Option<Id>,
    /// By index in the memo: the module and the name of a global.
    globals: HashMap<u64, [Node<'a>; 2], foldhash::fast::RandomState>,
    /// The end of the first piece, which is kept, in the graph and in the memo.
    kept: Option<(End, u64)>,
    /// The size of the memo when the current piece began.
    before: u64,
}

impl<'a> Piecewise<'a> {
    /// A list was made: is it the outermost?
    #[inline(always)]
    pub(super) fn began(&mut self, id: Id) {
        if id == Id::FIRST {
            self.list = Some(id);
        }
    }

    /// A global goes into the memo.
    #[cold]
    pub(super) fn keep_global(&mut self, index: u64, id: Id, graph: &Graph<'a>) {
        if let Node::Global { module, name } = graph.node(id) {
            self.globals.insert(index, [graph.node(module), graph.node(name)]);
        }
    }

    /// Stops the machine with the items of a piece.
    #[cold]
    pub(super) fn take(&mut self, items: &mut Items<'_, Id>) -> Result<()> {
        self.lost |= !items.below().is_empty();
        self.ready.extend(items.drain());
        Err(Error::new(ErrorKind::TooLarge))
    }

    /// The object at an index of the memo, in the current piece.
    #[inline(always)]
    pub(super) fn recall(&mut self, index: u64, id: Id, graph: &mut Graph<'a>) -> Option<Id> {
        if index >= self.before && self.list != Some(id) {
            return Some(id);
        }
        let is_kept = self.kept.is_some_and(|(_, end)| index < end);
        if is_kept && matches!(graph.node(id), Node::Text(_) | Node::Ascii(_) | Node::Global { .. }) {
            return Some(id);
        }
        let again = if is_kept { None } else { self.make_again(index, graph) };
        self.lost |= again.is_none();
        again
    }

    /// Text or a global of an earlier piece; nobody can tell it from another one that is equal.
    #[cold]
    fn make_again(&mut self, index: u64, graph: &mut Graph<'a>) -> Option<Id> {
        if let Some(&[module, name]) = self.globals.get(&index) {
            let (module, name) = (graph.push(module).ok()?, graph.push(name).ok()?);
            return graph.push(Node::Global { module, name }).ok();
        }
        let offset = usize::try_from(*self.made_at.get(usize::try_from(index).ok()?)?).ok()?;
        let made = Decoder::new(self.input.get(offset..)?).next()?.ok()?;
        let Argument::Bytes(text) = made.argument else { return None };
        if made.opcode.info().after != [StackItem::Str] {
            return None;
        }
        let node = graph.text_node(Cow::Borrowed(text)).ok()?;
        graph.push(node).ok()
    }
}

/// A load that stops at every piece.
pub(crate) struct Pieces<'a> {
    machine: Machine<Id>,
    cursor: Cursor<'a>,
    builder: Builder<'a>,
}

/// What a load has come to.
pub(crate) enum Piece {
    /// Some items of the outermost list.
    Items,
    /// The end of the stream, and the object that it stands for. If that is the outermost list, all of its items have
    /// been in pieces.
    End(Id),
    /// The input has to be loaded as a graph.
    Lost,
}

impl<'a> Pieces<'a> {
    /// Begins to load an input that begins with a list, into a graph that may be prepared with buffers.
    pub(crate) fn new(graph: Graph<'a>, input: &'a [u8]) -> Option<Self> {
        let opcodes = Decoder::new(input).map_while(|instruction| Some(instruction.ok()?.opcode));
        let mut opcodes = opcodes.skip_while(|opcode| matches!(opcode, Opcode::Proto | Opcode::Frame));
        if opcodes.next() != Some(Opcode::EmptyList) {
            return None;
        }
        let piecewise = Piecewise {
            input,
            list: None,
            ready: Vec::new(),
            lost: false,
            made_at: Vec::new(),
            global: None,
            globals: HashMap::default(),
            kept: None,
            before: 0,
        };
        let mut builder = Builder { graph, piecewise: Some(piecewise), ..Builder::default() };
        builder.graph.reserve(input.len());
        Some(Pieces { machine: Machine::new(), cursor: Cursor::new(input), builder })
    }

    /// Goes on to the next piece.
    pub(crate) fn advance(&mut self) -> Piece {
        let Builder { graph, memo, piecewise: Some(piecewise), .. } = &mut self.builder else {
            return Piece::Lost;
        };
        if !piecewise.ready.is_empty() {
            match &piecewise.kept {
                Some((end, _)) => graph.rewind(end),
                None => piecewise.kept = Some((graph.end(), memo.len() as u64)),
            }
            piecewise.before = memo.len() as u64;
            piecewise.ready.clear();
            piecewise.global = None;
        }
        let root = self.machine.proceed(&mut self.cursor, &mut self.builder);
        let Builder { graph, piecewise: Some(piecewise), .. } = &mut self.builder else {
            return Piece::Lost;
        };
        if piecewise.lost || graph.has_changed_others() && piecewise.list.is_some() {
            return Piece::Lost;
        }
        match root {
            Some(root) => Piece::End(root),
            None if piecewise.ready.is_empty() => Piece::Lost,
            None => Piece::Items,
        }
    }

    /// The outermost list.
    pub(crate) fn list(&self) -> Option<Value<'_, 'a>> {
        let id = self.builder.piecewise.as_ref()?.list?;
        Some(self.builder.graph.value(id))
    }

    /// The items of the current piece.
    #[inline]
    pub(crate) fn item(&self, position: usize) -> Option<Id> {
        self.builder.piecewise.as_ref()?.ready.get(position).copied()
    }

    /// The object of an id in the current piece.
    #[inline]
    pub(crate) fn value(&self, id: Id) -> Value<'_, 'a> {
        self.builder.graph.value(id)
    }

    /// How many items the current piece has.
    pub(crate) fn len(&self) -> usize {
        self.builder.piecewise.as_ref().map_or(0, |piecewise| piecewise.ready.len())
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.cursor.rest()
    }

    /// The graph, when the end has come.
    pub(crate) fn into_graph(mut self, root: Id) -> Graph<'a> {
        self.builder.graph.set_loaded(root);
        self.builder.graph
    }
}
