//! The host that makes nodes.

use super::source::Tally;
use super::{Additions, Kind, Node, NodeId};
use crate::inspect::text::{self, EscapeError, TextError};
use crate::opcode::Opcode;
use crate::place::{Path, Place};
use crate::read::{Chunk, Fault, Host, Items, LineEncoding, Memo, ReadError, Shape, Source, number};
use num_bigint::BigInt;
use std::{borrow::Cow, fmt};

/// An integer in text with more digits than this is left alone: converting takes quadratic time.
const INT_DIGITS: usize = 20_000;

/// What is wrong with a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The stream is malformed.
    Fault(Fault),
    /// Text cannot be decoded.
    Text(TextError),
    /// A string literal has a bad escape.
    Escape,
    /// There are more objects than can be counted.
    TooManyObjects,
}

/// What is wrong with a stream, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineError(Box<(Cause, Place)>);

impl OutlineError {
    fn new(cause: Cause) -> Self {
        OutlineError(Box::new((cause, Place { offset: 0, opcode: None, path: Path::default() })))
    }

    /// A frame that claims more than there is.
    pub(super) fn short_frame(offset: u64) -> Self {
        let place = Place { offset, opcode: Some(Opcode::Frame), path: Path::default() };
        OutlineError(Box::new((Cause::Fault(Fault::Truncated), place)))
    }

    /// What is wrong.
    pub fn cause(&self) -> &Cause {
        &self.0.0
    }

    /// Where.
    pub fn place(&self) -> &Place {
        &self.0.1
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Fault(fault) => fault.fmt(f),
            Cause::Text(error) => error.fmt(f),
            Cause::Escape => f.write_str("a string literal with a malformed escape"),
            Cause::TooManyObjects => f.write_str("more objects than can be counted"),
        }
    }
}

impl fmt::Display for OutlineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = self.cause().to_string();
        write!(f, "{} {}", cause.trim_end_matches('.'), self.place())
    }
}

impl std::error::Error for OutlineError {}

impl From<TextError> for OutlineError {
    fn from(error: TextError) -> Self {
        Self::new(Cause::Text(error))
    }
}

impl From<EscapeError> for OutlineError {
    fn from(_: EscapeError) -> Self {
        Self::new(Cause::Escape)
    }
}

type Made = Result<NodeId, OutlineError>;

/// Makes a node of every object.
pub(super) struct Builder<'de, 't> {
    pub(super) nodes: Vec<Node<'de>>,
    /// The stack and its marks as a failure left them.
    pub(super) left: (Vec<NodeId>, Vec<usize>),
    memo: Memo<NodeId>,
    protocol: Option<u8>,
    buffers: usize,
    /// How much of what spelled-out objects hold was copied.
    copied: u64,
    tally: &'t Tally,
}

/// Applies a decoder to a chunk, borrowing from the input where both allow it.
fn decoded<'de, E>(
    chunk: Chunk<'de, '_>,
    decode: impl for<'a> FnOnce(&'a [u8]) -> Result<Cow<'a, [u8]>, E>,
) -> Result<Cow<'de, [u8]>, E> {
    Ok(match chunk {
        Chunk::Borrowed(bytes) => decode(bytes)?,
        Chunk::Transient(bytes) => Cow::Owned(decode(bytes)?.into_owned()),
    })
}

impl<'de, 't> Builder<'de, 't> {
    pub(super) fn new(tally: &'t Tally) -> Self {
        Builder {
            nodes: Vec::new(),
            left: (Vec::new(), Vec::new()),
            memo: Memo::default(),
            protocol: None,
            buffers: 0,
            copied: 0,
            tally,
        }
    }

    pub(super) fn into_parts(self) -> (Vec<Node<'de>>, Option<u8>) {
        (self.nodes, self.protocol)
    }

    pub(super) fn kind(&self, id: NodeId) -> &Kind<'de> {
        &self.nodes[id.index()].kind
    }

    /// A new node, which the opcode at work is for.
    pub(super) fn make(&mut self, kind: Kind<'de>) -> Made {
        let index = u32::try_from(self.nodes.len()).map_err(|_| OutlineError::new(Cause::TooManyObjects))?;
        self.nodes.push(Node { kind, offset: self.tally.start(), additions: None });
        self.tally.is_for(NodeId(index));
        Ok(NodeId(index))
    }

    fn additions(&mut self, id: NodeId) -> &mut Additions {
        self.nodes[id.index()].additions.get_or_insert_default()
    }

    pub(super) fn add_to(&mut self, container: NodeId, items: impl Iterator<Item = NodeId>) {
        self.tally.is_for(container);
        match &mut self.nodes[container.index()].kind {
            Kind::List(list) => list.extend(items),
            Kind::Set(set) => set.extend(items),
            _ => self.additions(container).items.extend(items),
        }
    }

    pub(super) fn set_in(&mut self, container: NodeId, pairs: impl Iterator<Item = (NodeId, NodeId)>) {
        self.tally.is_for(container);
        match &mut self.nodes[container.index()].kind {
            Kind::Dict(dict) => dict.extend(pairs),
            _ => self.additions(container).pairs.extend(pairs),
        }
    }

    pub(super) fn give_state(&mut self, instance: NodeId, state: NodeId) {
        self.tally.is_for(instance);
        self.additions(instance).states.push(state);
    }

    fn may_copy(&mut self, kind: &Kind<'_>) -> bool {
        let len = match kind {
            Kind::Set(items) | Kind::FrozenSet(items) => items.len(),
            Kind::Bytes(bytes) | Kind::ByteArray(bytes) => bytes.len(),
            _ => 0,
        };
        self.copied += len as u64;
        self.copied <= self.tally.start()
    }

    fn instance(&mut self, class: NodeId, args: NodeId, kwargs: Option<NodeId>, by: Opcode) -> Made {
        self.make(Kind::Instance { class, args, kwargs, by })
    }
}

fn taken(items: &mut Items<'_, NodeId>) -> Vec<NodeId> {
    items.drain().collect()
}

pub(super) fn paired(items: &[NodeId]) -> impl Iterator<Item = (NodeId, NodeId)> {
    items.chunks_exact(2).map(|pair| (pair[0], pair[1]))
}

impl<'de> Host<'de> for Builder<'de, '_> {
    type Value = NodeId;
    type Error = OutlineError;

    fn fault(&mut self, fault: Fault) -> OutlineError {
        OutlineError::new(Cause::Fault(fault))
    }

    fn read_error(&mut self, _: ReadError) -> OutlineError {
        OutlineError::new(Cause::Fault(Fault::Truncated))
    }

    fn at(&mut self, error: OutlineError, place: Place) -> OutlineError {
        OutlineError(Box::new((error.0.0, place)))
    }

    fn abandon(&mut self, stack: &[NodeId], marks: &[usize]) {
        self.left = (stack.to_vec(), marks.to_vec());
    }

    fn protocol(&mut self, protocol: u8) {
        self.protocol = Some(protocol);
    }

    fn none(&mut self) -> NodeId {
        self.singleton(Kind::None)
    }

    fn bool(&mut self, value: bool) -> NodeId {
        self.singleton(Kind::Bool(value))
    }

    fn int(&mut self, value: i64) -> Made {
        self.make(Kind::Int(value))
    }

    fn int_literal(&mut self, text: &[u8]) -> Made {
        if text.len() > INT_DIGITS {
            return self.make(Kind::IntText(text.into()));
        }
        let value =
            number::int_literal(text).ok_or_else(|| OutlineError::new(Cause::Fault(Fault::IntText)))?;
        self.make(i64::try_from(&value).map_or(Kind::BigInt(value), Kind::Int))
    }

    fn long(&mut self, bytes: &[u8]) -> Made {
        let value = BigInt::from_signed_bytes_le(bytes);
        self.make(i64::try_from(&value).map_or(Kind::BigInt(value), Kind::Int))
    }

    fn float(&mut self, value: f64) -> Made {
        self.make(Kind::Float(value))
    }

    fn unicode(&mut self, utf8: Chunk<'de, '_>) -> Made {
        let text = decoded(utf8, |bytes| text::utf8(bytes).map(|()| Cow::Borrowed(bytes)))?;
        self.make(Kind::Str(text))
    }

    fn unicode_escaped(&mut self, line: Chunk<'de, '_>) -> Made {
        let text = decoded(line, text::raw_unicode_escape)?;
        self.make(Kind::Str(text))
    }

    fn string(&mut self, bytes: Chunk<'de, '_>) -> Made {
        let bytes = decoded(bytes, |bytes| Ok::<_, OutlineError>(Cow::Borrowed(bytes)))?;
        self.make(Kind::String(bytes))
    }

    fn string_escaped(&mut self, literal: Chunk<'de, '_>) -> Made {
        let bytes = decoded(literal, text::unescape)?;
        self.make(Kind::String(bytes))
    }

    fn bytes<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Made {
        let bytes = payload(len, source)?;
        self.make(Kind::Bytes(bytes))
    }

    fn bytearray<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Made {
        let bytes = payload(len, source)?;
        self.make(Kind::ByteArray(bytes))
    }

    fn empty_list(&mut self) -> Made {
        self.make(Kind::List(Vec::new()))
    }

    fn empty_dict(&mut self) -> Made {
        self.make(Kind::Dict(Vec::new()))
    }

    fn empty_set(&mut self) -> Made {
        self.make(Kind::Set(Vec::new()))
    }

    fn tuple(&mut self, mut items: Items<'_, NodeId>) -> Made {
        self.make(Kind::Tuple(taken(&mut items)))
    }

    fn list(&mut self, mut items: Items<'_, NodeId>) -> Made {
        self.make(Kind::List(taken(&mut items)))
    }

    fn dict(&mut self, mut items: Items<'_, NodeId>) -> Made {
        self.make(Kind::Dict(paired(&taken(&mut items)).collect()))
    }

    fn frozenset(&mut self, mut items: Items<'_, NodeId>) -> Made {
        self.make(Kind::FrozenSet(taken(&mut items)))
    }

    fn append(&mut self, mut items: Items<'_, NodeId>) -> Result<(), OutlineError> {
        let container = *items.container();
        self.add_to(container, items.drain());
        Ok(())
    }

    fn set_items(&mut self, mut items: Items<'_, NodeId>) -> Result<(), OutlineError> {
        let container = *items.container();
        self.set_in(container, paired(&taken(&mut items)));
        Ok(())
    }

    fn add_items(&mut self, mut items: Items<'_, NodeId>) -> Result<(), OutlineError> {
        let container = *items.container();
        self.add_to(container, items.drain());
        Ok(())
    }

    fn name(&mut self, line: Chunk<'de, '_>, encoding: LineEncoding) -> Made {
        let text = decoded(line, |bytes| match encoding {
            LineEncoding::Ascii => text::ascii(Cow::Borrowed(bytes)),
            LineEncoding::Utf8 => text::utf8(bytes).map(|()| Cow::Borrowed(bytes)),
        })?;
        self.make(Kind::Str(text))
    }

    fn global(&mut self, module: NodeId, name: NodeId) -> Made {
        if !matches!((self.kind(module), self.kind(name)), (Kind::Str(_), Kind::Str(_))) {
            return Err(OutlineError::new(Cause::Fault(Fault::StackGlobalType)));
        }
        self.make(Kind::Global { module, name })
    }

    fn extension(&mut self, code: u32) -> Made {
        self.make(Kind::Extension(code))
    }

    fn reduce(&mut self, callable: NodeId, args: NodeId) -> Made {
        match self.spelled_out(callable, args) {
            // A stream that spells the same text over and over must not cost more memory than its own length.
            Some(kind) if self.may_copy(&kind) => {
                let replaced = self.replaced(args);
                let id = self.make(kind)?;
                for part in replaced {
                    self.tally.hand_over(part, id);
                }
                Ok(id)
            }
            _ => self.instance(callable, args, None, Opcode::Reduce),
        }
    }

    fn build(&mut self, instance: &NodeId, state: NodeId) -> Result<(), OutlineError> {
        self.give_state(*instance, state);
        Ok(())
    }

    fn discard(&mut self, value: NodeId, below: Option<&NodeId>) -> Result<(), OutlineError> {
        // A function of the reduction's own has given the object below its state.
        if let Some(&below) = below
            && let Kind::Instance { args, .. } = self.kind(value)
            && let Kind::Tuple(args) = self.kind(*args)
            && args.first() == Some(&below)
        {
            self.give_state(below, value);
        }
        Ok(())
    }

    fn instantiate(&mut self, class: NodeId, mut args: Items<'_, NodeId>) -> Made {
        let args = self.make(Kind::Tuple(taken(&mut args)))?;
        self.instance(class, args, None, Opcode::Obj)
    }

    fn new_object(&mut self, class: NodeId, args: NodeId, kwargs: Option<NodeId>) -> Made {
        let by = if kwargs.is_some() { Opcode::NewObjEx } else { Opcode::NewObj };
        self.instance(class, args, kwargs, by)
    }

    fn persistent_line(&mut self, line: Chunk<'de, '_>) -> Made {
        let id = decoded(line, |bytes| text::ascii(Cow::Borrowed(bytes)))?;
        let id = self.make(Kind::Str(id))?;
        self.persistent(id)
    }

    fn persistent(&mut self, id: NodeId) -> Made {
        self.make(Kind::Persistent(id))
    }

    fn next_buffer(&mut self) -> Made {
        self.buffers += 1;
        self.make(Kind::Buffer(self.buffers - 1))
    }

    fn readonly_buffer(&mut self, buffer: NodeId) -> Made {
        self.tally.is_for(buffer);
        Ok(buffer)
    }

    fn share(&mut self, value: &NodeId) -> NodeId {
        *value
    }

    fn memo_get(&mut self, index: u64) -> Option<NodeId> {
        self.memo.get(index).copied()
    }

    fn memo_put(&mut self, index: u64, value: &NodeId) {
        self.tally.is_for(*value);
        self.memo.insert(index, *value);
    }

    fn memoize(&mut self, value: &NodeId) {
        self.memo_put(self.memo.len() as u64, value);
    }

    fn shape(&self, value: &NodeId) -> Shape {
        match self.kind(*value) {
            Kind::List(items) => Shape::List(items.len()),
            Kind::Dict(pairs) => Shape::Dict(pairs.len()),
            Kind::Set(items) => Shape::Set(items.len()),
            Kind::Instance { .. } => Shape::Instance,
            _ => Shape::Other,
        }
    }

    fn key_text(&self, value: &NodeId) -> String {
        super::text::key_text(&self.nodes, *value)
    }
}

/// Bytes that may not exceed what is there.
fn payload<'de, S: Source<'de>>(len: usize, source: &mut S) -> Result<Cow<'de, [u8]>, OutlineError> {
    match source.take(len) {
        Ok(Chunk::Borrowed(bytes)) => Ok(Cow::Borrowed(bytes)),
        Ok(Chunk::Transient(bytes)) => Ok(Cow::Owned(bytes.to_vec())),
        Err(_) => Err(OutlineError::new(Cause::Fault(Fault::Truncated))),
    }
}

impl Builder<'_, '_> {
    /// A node of a kind that takes no argument, whose making must not fail.
    fn singleton(&mut self, kind: Kind<'static>) -> NodeId {
        // Running out of numbers is told by the next object that can fail; until then the last one stands in.
        self.make(kind).unwrap_or(NodeId(u32::MAX - 1))
    }
}
