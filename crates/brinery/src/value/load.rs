//! The host that builds a graph.

use super::graph::{ChangeKind, Construction, Graph, Id, Node, Run};
use crate::error::{Error, ErrorKind, Result};
use crate::inspect::text::{EscapeError, raw_unicode_escape, unescape};
use crate::place::Place;
use crate::read::{Chunk, Fault, Host, Items, LineEncoding, Machine, Memo, ReadError, Shape, Source};
use num_bigint::BigInt;
use std::borrow::Cow;

/// Up to how many bytes ASCII text is taken as it is: to make a `str` of it later takes no longer than now.
const SHORT: usize = 64;

/// Builds one graph.
#[derive(Default)]
pub(crate) struct Builder<'a> {
    graph: Graph<'a>,
    memo: Memo<Id>,
    buffers: u32,
    /// Where the opcode at work stands.
    offset: u64,
    #[cfg(feature = "serde")]
    piecewise: Option<Piecewise<'a>>,
}

#[cfg(feature = "serde")]
mod pieces;
#[cfg(feature = "serde")]
use pieces::Piecewise;
#[cfg(feature = "serde")]
pub(crate) use pieces::{Piece, Pieces};

/// Reads one pickle from a source into a graph that may be prepared with buffers.
pub(crate) fn load<'a, S: Source<'a>>(graph: Graph<'a>, source: &mut S) -> Result<Graph<'a>> {
    let mut builder = Builder { graph, ..Builder::default() };
    builder.graph.reserve(source.buffered());
    let root = Machine::new().run(source, &mut builder)?;
    builder.graph.set_loaded(root);
    Ok(builder.graph)
}

/// For hosts that build a graph and look at it meanwhile.
impl<'a> Builder<'a> {
    /// A builder of a graph that may be prepared with buffers.
    pub(crate) fn new(graph: Graph<'a>) -> Self {
        Builder { graph, ..Builder::default() }
    }

    /// Prepares for an input of this size.
    pub(crate) fn expect(&mut self, input: usize) {
        self.graph.reserve(input);
    }

    /// What is there so far.
    #[inline(always)]
    pub(crate) fn graph(&self) -> &Graph<'a> {
        &self.graph
    }

    /// A tuple that is no part of the stream.
    pub(crate) fn scratch_tuple(&mut self, items: &[Id]) -> Result<Id> {
        if items.is_empty() {
            return Ok(Id::EMPTY_TUPLE);
        }
        let run = self.graph.run(items)?;
        self.push(Node::Tuple(run))
    }

    /// A text that is no part of the stream.
    pub(crate) fn scratch_text(&mut self, text: &str) -> Result<Id> {
        let node = self.graph.text_node(Cow::Owned(text.as_bytes().to_vec()))?;
        self.push(node)
    }

    /// The graph, of this object.
    pub(crate) fn finish(mut self, root: Id) -> Graph<'a> {
        self.graph.set_loaded(root);
        self.graph
    }
}

impl<'a> Builder<'a> {
    #[inline(always)]
    fn push(&mut self, node: Node<'a>) -> Result<Id> {
        self.graph.push_at(node, self.offset)
    }

    #[inline(always)]
    fn text(&mut self, utf8: Chunk<'a, '_>) -> Result<Id> {
        match utf8 {
            Chunk::Borrowed(bytes) if bytes.len() <= SHORT && bytes.is_ascii() => {
                self.push(Node::Ascii(bytes))
            }
            other => self.other_text(other),
        }
    }

    /// Text that is long or not all ASCII, or no part of the input.
    #[inline(never)]
    fn other_text(&mut self, utf8: Chunk<'a, '_>) -> Result<Id> {
        let node = self.graph.text_node(keep(utf8))?;
        self.push(node)
    }

    fn change(&mut self, kind: ChangeKind, items: &mut Items<'_, Id>) -> Result<()> {
        #[cfg(feature = "serde")]
        if let Some(piecewise) = &mut self.piecewise
            && kind == ChangeKind::Append
            && piecewise.list == Some(*items.container())
        {
            return piecewise.take(items);
        }
        self.graph.apply(*items.container(), kind, items.as_slice())?;
        items.drain();
        Ok(())
    }

    /// The elements of a new container.
    #[inline(always)]
    fn run(&mut self, items: &mut Items<'_, Id>) -> Result<Run> {
        let run = self.graph.run(items.as_slice())?;
        items.drain();
        Ok(run)
    }
}

#[inline(always)]
fn keep<'a>(chunk: Chunk<'a, '_>) -> Cow<'a, [u8]> {
    match chunk {
        Chunk::Borrowed(bytes) => Cow::Borrowed(bytes),
        Chunk::Transient(bytes) => Cow::Owned(bytes.to_vec()),
    }
}

fn undecodable(reason: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Encoding(reason.to_string()))
}

impl<'a> Host<'a> for Builder<'a> {
    type Value = Id;
    type Error = Error;

    fn fault(&mut self, fault: Fault) -> Error {
        fault.into()
    }

    fn read_error(&mut self, error: ReadError) -> Error {
        error.into()
    }

    fn at(&mut self, error: Error, place: Place) -> Error {
        error.at(place)
    }

    #[inline(always)]
    fn opcode_at(&mut self, offset: u64) {
        self.offset = offset;
    }

    fn protocol(&mut self, protocol: u8) {
        self.graph.set_protocol(protocol);
    }

    #[inline(always)]
    fn none(&mut self) -> Id {
        Id::NONE
    }

    #[inline(always)]
    fn bool(&mut self, value: bool) -> Id {
        if value { Id::TRUE } else { Id::FALSE }
    }

    #[inline(always)]
    fn int(&mut self, value: i64) -> Result<Id> {
        self.push(Node::Int(value))
    }

    fn int_literal(&mut self, text: &[u8]) -> Result<Id> {
        let value = crate::read::number::int_literal(text).ok_or(Fault::IntText)?;
        let node = self.graph.big_int_node(value)?;
        self.push(node)
    }

    fn long(&mut self, bytes: &[u8]) -> Result<Id> {
        if bytes.len() <= 8 {
            let fill = if bytes.last().is_some_and(|last| last & 0x80 != 0) { 0xff } else { 0 };
            let mut wide = [fill; 8];
            wide[..bytes.len()].copy_from_slice(bytes);
            return self.push(Node::Int(i64::from_le_bytes(wide)));
        }
        let node = self.graph.big_int_node(BigInt::from_signed_bytes_le(bytes))?;
        self.push(node)
    }

    #[inline(always)]
    fn float(&mut self, value: f64) -> Result<Id> {
        self.push(Node::Float(value))
    }

    #[inline(always)]
    fn unicode(&mut self, utf8: Chunk<'a, '_>) -> Result<Id> {
        self.text(utf8)
    }

    fn unicode_escaped(&mut self, line: Chunk<'a, '_>) -> Result<Id> {
        // Without escapes and beyond-ASCII bytes the line is the text.
        let text = if line.is_ascii() && !line.contains(&b'\\') {
            keep(line)
        } else {
            Cow::Owned(raw_unicode_escape(&line).map_err(undecodable)?.into_owned())
        };
        let node = self.graph.text_node(text)?;
        self.push(node)
    }

    fn string(&mut self, bytes: Chunk<'a, '_>) -> Result<Id> {
        let piece = self.graph.keep_bytes(keep(bytes))?;
        self.push(Node::String(piece))
    }

    fn string_escaped(&mut self, literal: Chunk<'a, '_>) -> Result<Id> {
        let bytes = if literal.contains(&b'\\') {
            let bytes = unescape(&literal).map_err(|error| match error {
                EscapeError::Trailing => undecodable("Trailing \\ in string"),
                EscapeError::Hex(position) => {
                    undecodable(format_args!("invalid \\x escape at position {position}"))
                }
            })?;
            Cow::Owned(bytes.into_owned())
        } else {
            keep(literal)
        };
        let piece = self.graph.keep_bytes(bytes)?;
        self.push(Node::String(piece))
    }

    fn bytes<S: Source<'a>>(&mut self, len: usize, source: &mut S) -> Result<Id> {
        let piece = self.graph.keep_bytes(keep(source.take(len)?))?;
        self.push(Node::Bytes(piece))
    }

    fn bytearray<S: Source<'a>>(&mut self, len: usize, source: &mut S) -> Result<Id> {
        let piece = self.graph.keep_bytes(keep(source.take(len)?))?;
        self.push(Node::ByteArray(piece))
    }

    #[inline(always)]
    fn empty_list(&mut self) -> Result<Id> {
        let run = self.graph.run(&[])?;
        let id = self.push(Node::List(run))?;
        #[cfg(feature = "serde")]
        if let Some(piecewise) = &mut self.piecewise {
            piecewise.began(id);
        }
        Ok(id)
    }

    #[inline(always)]
    fn empty_dict(&mut self) -> Result<Id> {
        let run = self.graph.run(&[])?;
        self.push(Node::Dict(run))
    }

    #[inline(always)]
    fn empty_set(&mut self) -> Result<Id> {
        let run = self.graph.run(&[])?;
        self.push(Node::Set(run))
    }

    #[inline(always)]
    fn tuple(&mut self, mut items: Items<'_, Id>) -> Result<Id> {
        if items.is_empty() {
            return Ok(Id::EMPTY_TUPLE);
        }
        let run = self.run(&mut items)?;
        self.push(Node::Tuple(run))
    }

    fn list(&mut self, mut items: Items<'_, Id>) -> Result<Id> {
        let run = self.run(&mut items)?;
        self.push(Node::List(run))
    }

    fn dict(&mut self, mut items: Items<'_, Id>) -> Result<Id> {
        let run = self.run(&mut items)?;
        self.push(Node::Dict(run))
    }

    fn frozenset(&mut self, mut items: Items<'_, Id>) -> Result<Id> {
        let run = self.run(&mut items)?;
        self.push(Node::FrozenSet(run))
    }

    #[inline(always)]
    fn append(&mut self, mut items: Items<'_, Id>) -> Result<()> {
        self.change(ChangeKind::Append, &mut items)
    }

    #[inline(always)]
    fn set_items(&mut self, mut items: Items<'_, Id>) -> Result<()> {
        self.change(ChangeKind::SetItems, &mut items)
    }

    fn add_items(&mut self, mut items: Items<'_, Id>) -> Result<()> {
        self.change(ChangeKind::AddItems, &mut items)
    }

    fn name(&mut self, line: Chunk<'a, '_>, encoding: LineEncoding) -> Result<Id> {
        if encoding == LineEncoding::Ascii && !line.is_ascii() {
            return Err(undecodable("the name of a class is not ASCII"));
        }
        self.text(line)
    }

    fn global(&mut self, module: Id, name: Id) -> Result<Id> {
        let is_text =
            |id| matches!(self.graph.node(id), Node::Text(_) | Node::Ascii(_) | Node::Surrogates(_));
        if !is_text(module) || !is_text(name) {
            return Err(Fault::StackGlobalType.into());
        }
        let id = self.push(Node::Global { module, name })?;
        #[cfg(feature = "serde")]
        if let Some(piecewise) = &mut self.piecewise {
            piecewise.global = Some(id);
        }
        Ok(id)
    }

    fn extension(&mut self, code: u32) -> Result<Id> {
        self.push(Node::Extension(code))
    }

    fn reduce(&mut self, class: Id, args: Id) -> Result<Id> {
        let construction = Construction::Reduce;
        self.push(Node::Instance { construction, class, args, kwargs: None, changes: None })
    }

    #[inline(always)]
    fn build(&mut self, instance: &Id, state: Id) -> Result<()> {
        self.graph.apply(*instance, ChangeKind::State, &[state])
    }

    fn instantiate(&mut self, class: Id, args: Items<'_, Id>) -> Result<Id> {
        let args = self.tuple(args)?;
        let construction = Construction::Instantiate;
        self.push(Node::Instance { construction, class, args, kwargs: None, changes: None })
    }

    #[inline(always)]
    fn new_object(&mut self, class: Id, args: Id, kwargs: Option<Id>) -> Result<Id> {
        let construction = if kwargs.is_some() { Construction::NewObjEx } else { Construction::NewObj };
        self.push(Node::Instance { construction, class, args, kwargs, changes: None })
    }

    fn persistent_line(&mut self, line: Chunk<'a, '_>) -> Result<Id> {
        if !line.is_ascii() {
            return Err(undecodable("persistent IDs in protocol 0 must be ASCII strings"));
        }
        let id = self.text(line)?;
        self.push(Node::Persistent(id))
    }

    fn persistent(&mut self, id: Id) -> Result<Id> {
        self.push(Node::Persistent(id))
    }

    fn next_buffer(&mut self) -> Result<Id> {
        let index = self.buffers;
        self.buffers += 1;
        self.push(Node::Buffer(index))
    }

    fn readonly_buffer(&mut self, buffer: Id) -> Result<Id> {
        match self.graph.node(buffer) {
            Node::ReadOnly(_) => Ok(buffer),
            _ => self.push(Node::ReadOnly(buffer)),
        }
    }

    fn discard(&mut self, value: Id, below: Option<&Id>) -> Result<()> {
        let Some(&below) = below else { return Ok(()) };
        let Node::Instance { construction: Construction::Reduce, class, args, changes: None, .. } =
            self.graph.node(value)
        else {
            return Ok(());
        };
        let Node::Tuple(args) = self.graph.node(args) else { return Ok(()) };
        if self.graph.ids(args).first() != Some(&below) {
            return Ok(());
        }
        let call: Vec<Id> = std::iter::once(class).chain(self.graph.ids(args).iter().copied()).collect();
        self.graph.apply(below, ChangeKind::Call, &call)
    }

    #[inline(always)]
    fn share(&mut self, value: &Id) -> Id {
        #[cfg(feature = "serde")]
        if let Some(piecewise) = &mut self.piecewise {
            piecewise.lost |= piecewise.list == Some(*value);
        }
        *value
    }

    #[inline(always)]
    fn memo_get(&mut self, index: u64) -> Option<Id> {
        let id = self.memo.get(index).copied()?;
        #[cfg(feature = "serde")]
        if let Some(piecewise) = &mut self.piecewise {
            return piecewise.recall(index, id, &mut self.graph);
        }
        Some(id)
    }

    #[inline(always)]
    fn memo_put(&mut self, index: u64, value: &Id) {
        #[cfg(feature = "serde")]
        if let Some(piecewise) = &mut self.piecewise {
            // An index out of turn could hide one whose object is gone.
            piecewise.lost |= index != self.memo.len() as u64;
            piecewise.made_at.push(self.offset);
        }
        self.memo.insert(index, *value);
    }

    #[inline(always)]
    fn memoize(&mut self, value: &Id) {
        #[cfg(feature = "serde")]
        if let Some(piecewise) = &mut self.piecewise {
            piecewise.made_at.push(self.offset);
            if piecewise.global == Some(*value) {
                piecewise.keep_global(self.memo.len() as u64, *value, &self.graph);
            }
        }
        self.memo.push(*value);
    }

    fn shape(&self, value: &Id) -> Shape {
        match self.graph.node(*value) {
            Node::List(run) => Shape::List(self.graph.ids(run).len()),
            Node::Dict(run) => Shape::Dict(self.graph.ids(run).len() / 2),
            Node::Set(run) => Shape::Set(self.graph.ids(run).len()),
            Node::Instance { .. } => Shape::Instance,
            _ => Shape::Other,
        }
    }

    fn key_text(&self, value: &Id) -> String {
        self.graph.value(*value).brief()
    }
}
