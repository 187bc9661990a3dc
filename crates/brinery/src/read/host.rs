//! What the machine asks of the world it builds values in.

use super::cursor::{Chunk, ReadError, Source};
use super::fault::Fault;
use crate::place::Place;
use std::vec::Drain;

/// How the lines of a text opcode are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEncoding {
    /// ASCII only.
    Ascii,
    /// UTF-8.
    Utf8,
}

/// The objects on the stack above a mark, and the one below it.
#[derive(Debug)]
pub struct Items<'s, V> {
    stack: &'s mut Vec<V>,
    start: usize,
}

impl<'s, V> Items<'s, V> {
    pub(crate) fn new(stack: &'s mut Vec<V>, start: usize) -> Self {
        Items { stack, start }
    }

    /// The object below the mark: the container that the items are for.
    ///
    /// # Panics
    ///
    /// If the stack has nothing below; the machine sees to it that there is, for the opcodes that have a container.
    #[inline(always)]
    pub fn container(&self) -> &V {
        &self.stack[self.start - 1]
    }

    /// What is on the stack below the container, deepest first.
    pub fn below(&self) -> &[V] {
        &self.stack[..self.start.saturating_sub(1)]
    }

    /// How many items there are.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.stack.len() - self.start
    }

    /// Whether there are no items.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where on the stack they begin.
    #[inline(always)]
    pub fn start(&self) -> usize {
        self.start
    }

    /// The items.
    #[inline(always)]
    pub fn as_slice(&self) -> &[V] {
        &self.stack[self.start..]
    }

    /// The whole stack, and where on it the items begin.
    #[inline(always)]
    pub fn into_stack(self) -> (&'s mut Vec<V>, usize) {
        (self.stack, self.start)
    }

    /// The same, lent.
    #[inline(always)]
    pub fn as_stack(&mut self) -> (&mut Vec<V>, usize) {
        (self.stack, self.start)
    }

    /// The same items once more, for whoever may leave them as they are.
    #[inline(always)]
    pub fn reborrow(&mut self) -> Items<'_, V> {
        Items { stack: self.stack, start: self.start }
    }

    /// Takes the items off the stack.
    #[inline(always)]
    pub fn drain(&mut self) -> Drain<'_, V> {
        self.stack.drain(self.start..)
    }
}

/// The opcode that calls something with a tuple of arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `REDUCE`
    Reduce,
    /// `NEWOBJ`
    New,
}

/// How a tuple of arguments is stored in the memo before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Not at all.
    No,
    /// By `MEMOIZE`.
    Next,
    /// Under a number of the stream's choice.
    Numbered,
}

/// What was made by executing opcodes ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made<V> {
    /// The value.
    pub value: V,
    /// How many bytes the opcodes have.
    pub executed: usize,
}

/// What kind of object a value is, for telling where in a structure something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A list with this many items so far.
    List(usize),
    /// A dict with this many items so far.
    Dict(usize),
    /// A set with this many items so far.
    Set(usize),
    /// An instance that may still get its state.
    Instance,
    /// Anything else.
    Other,
}

/// The world that a [machine](super::Machine) builds values in: it says what a value is.
///
/// The machine checks the stream's grammar (stack, marks, lengths); the host makes and changes values. Every method
/// stands for one or a few opcodes. `'de` is the life of the input.
pub trait Host<'de> {
    /// A value on the stack.
    type Value;
    /// What the host fails with.
    type Error;

    /// Whether the host does so little for a value that the work of the machine itself counts, as that of a scanner.
    ///
    /// The machine then executes what is common in a loop that is made for speed. Such a host keeps nothing of the texts that
    /// it is shown, which are [transient](Chunk::Transient), can do without [`opcode_at`](Self::opcode_at) before constants,
    /// numbers and what concerns the memo, has no [`set_state_items`](Self::set_state_items) and no
    /// [`call_with`](Self::call_with), and is run over sources that do not [lag](Source::lags).
    const LIGHT: bool = false;

    /// Turns a malformed stream into an error.
    fn fault(&mut self, fault: Fault) -> Self::Error;

    /// Turns an error of the source into one of the host; [`ReadError::Truncated`] becomes a fault.
    fn read_error(&mut self, error: ReadError) -> Self::Error;

    /// Adds to an error the place where it happened. Called once for every failing load.
    fn at(&mut self, error: Self::Error, place: Place) -> Self::Error;

    /// Whether the path of the place of an error is of any use: to find it, the rest of the stream is looked through.
    fn wants_path(&self) -> bool {
        true
    }

    /// Called before [`at`](Self::at) with what a failed load leaves on the stack and where the open marks are.
    fn abandon(&mut self, _stack: &[Self::Value], _marks: &[usize]) {}

    /// Called between two opcodes of a [light](Self::LIGHT) host, now and then: at which offset that is, and how many values
    /// and marks are on the stack.
    #[inline(always)]
    fn pause(&mut self, _offset: u64, _values: usize) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Called before each opcode, with its offset.
    #[inline(always)]
    fn opcode_at(&mut self, _offset: u64) {}

    /// Called before an opcode is done that may run code, with what comes after it as far as that is at hand.
    #[inline(always)]
    fn comes_before(&mut self, _ahead: &[u8]) {}

    /// `PROTO`: the protocol that the stream declares.
    fn protocol(&mut self, protocol: u8);

    /// `NONE`
    fn none(&mut self) -> Self::Value;
    /// `NEWTRUE`, `NEWFALSE` and the bools of `INT`
    fn bool(&mut self, value: bool) -> Self::Value;
    /// One of `NONE`, `NEWTRUE` and `NEWFALSE`, which come in a row: a host may know a way without branches.
    #[inline(always)]
    fn constant(&mut self, value: Option<bool>) -> Self::Value {
        match value {
            None => self.none(),
            Some(value) => self.bool(value),
        }
    }
    /// `BININT`, `BININT1`, `BININT2` and small numbers of `INT`
    fn int(&mut self, value: i64) -> Result<Self::Value, Self::Error>;
    /// `INT` and `LONG` beyond that: a Python integer literal
    fn int_literal(&mut self, text: &[u8]) -> Result<Self::Value, Self::Error>;
    /// `LONG1`, `LONG4`: little-endian two's complement, not empty
    fn long(&mut self, bytes: &[u8]) -> Result<Self::Value, Self::Error>;
    /// `FLOAT`, `BINFLOAT`
    fn float(&mut self, value: f64) -> Result<Self::Value, Self::Error>;
    /// `BINUNICODE` and its kin: UTF-8 in which lone surrogates may be encoded
    fn unicode(&mut self, utf8: Chunk<'de, '_>) -> Result<Self::Value, Self::Error>;
    /// The same for a [light](Self::LIGHT) host: the first `len` of these bytes are the text. That there are others behind it
    /// allows to look at a short one without asking how long it is.
    #[inline(always)]
    fn unicode_ahead(&mut self, ahead: &[u8], len: usize) -> Result<Self::Value, Self::Error> {
        self.unicode(Chunk::Transient(&ahead[..len]))
    }
    /// `UNICODE`: raw-unicode-escape
    fn unicode_escaped(&mut self, line: Chunk<'de, '_>) -> Result<Self::Value, Self::Error>;
    /// `BINSTRING`, `SHORT_BINSTRING`: a Python 2 string
    fn string(&mut self, bytes: Chunk<'de, '_>) -> Result<Self::Value, Self::Error>;
    /// `STRING`: the inside of a quoted Python 2 string literal
    fn string_escaped(&mut self, literal: Chunk<'de, '_>) -> Result<Self::Value, Self::Error>;
    /// `BINBYTES` and its kin: `len` bytes still to be read from `source`
    fn bytes<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Result<Self::Value, Self::Error>;
    /// The same for a [light](Self::LIGHT) host that can do with these bytes, which are all.
    #[inline(always)]
    fn bytes_ahead(&mut self, _bytes: &[u8]) -> Option<Self::Value> {
        None
    }
    /// `BYTEARRAY8`: `len` bytes still to be read from `source`
    fn bytearray<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Result<Self::Value, Self::Error>;

    /// `EMPTY_LIST`
    fn empty_list(&mut self) -> Result<Self::Value, Self::Error>;
    /// `EMPTY_DICT`
    fn empty_dict(&mut self) -> Result<Self::Value, Self::Error>;
    /// `EMPTY_SET`
    fn empty_set(&mut self) -> Result<Self::Value, Self::Error>;
    /// `EMPTY_TUPLE`, `TUPLE1`, `TUPLE2`, `TUPLE3`, `TUPLE`
    fn tuple(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;
    /// `LIST`
    fn list(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;
    /// `DICT`: keys and values in turn, an even number
    fn dict(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;
    /// `FROZENSET`
    fn frozenset(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;
    /// Whether putting these items into a container, or into a new one, runs no code of any program. Only asked where
    /// that matters.
    fn are_inert(&self, _container: Option<&Self::Value>, _items: &[Self::Value]) -> bool {
        false
    }

    /// `APPEND`, `APPENDS`: at least one item for the container
    fn append(&mut self, items: Items<'_, Self::Value>) -> Result<(), Self::Error>;
    /// `SETITEM`, `SETITEMS`: keys and values in turn for the container, an even number and not none
    fn set_items(&mut self, items: Items<'_, Self::Value>) -> Result<(), Self::Error>;
    /// `ADDITEMS`: at least one item for the container
    fn add_items(&mut self, items: Items<'_, Self::Value>) -> Result<(), Self::Error>;

    /// A line of `GLOBAL` or `INST`: the name of a module or of something in it
    fn name(&mut self, line: Chunk<'de, '_>, encoding: LineEncoding) -> Result<Self::Value, Self::Error>;
    /// `GLOBAL`, `INST`, `STACK_GLOBAL`; from the latter, `module` and `name` may be anything
    fn global(&mut self, module: Self::Value, name: Self::Value) -> Result<Self::Value, Self::Error>;
    /// `EXT1`, `EXT2`, `EXT4`: a code above zero
    fn extension(&mut self, code: u32) -> Result<Self::Value, Self::Error>;
    /// `REDUCE`
    fn reduce(&mut self, callable: Self::Value, args: Self::Value) -> Result<Self::Value, Self::Error>;
    /// `BUILD`
    fn build(&mut self, instance: &Self::Value, state: Self::Value) -> Result<(), Self::Error>;
    /// `INST`, `OBJ`
    fn instantiate(
        &mut self,
        class: Self::Value,
        args: Items<'_, Self::Value>,
    ) -> Result<Self::Value, Self::Error>;
    /// `NEWOBJ`, and `NEWOBJ_EX` with keyword arguments
    fn new_object(
        &mut self,
        class: Self::Value,
        args: Self::Value,
        kwargs: Option<Self::Value>,
    ) -> Result<Self::Value, Self::Error>;
    /// `PERSID`
    fn persistent_line(&mut self, line: Chunk<'de, '_>) -> Result<Self::Value, Self::Error>;
    /// `BINPERSID`
    fn persistent(&mut self, id: Self::Value) -> Result<Self::Value, Self::Error>;
    /// `NEXT_BUFFER`
    fn next_buffer(&mut self) -> Result<Self::Value, Self::Error>;
    /// `READONLY_BUFFER`
    fn readonly_buffer(&mut self, buffer: Self::Value) -> Result<Self::Value, Self::Error>;

    /// `POP`: an object that is thrown away, and the one below it that is now on top
    #[inline(always)]
    fn discard(&mut self, _value: Self::Value, _below: Option<&Self::Value>) -> Result<(), Self::Error> {
        Ok(())
    }

    /// `POP_MARK`: objects that are thrown away
    #[inline(always)]
    fn discard_items(&mut self, mut items: Items<'_, Self::Value>) -> Result<(), Self::Error> {
        drop(items.drain());
        Ok(())
    }

    /// `DUP`: the same object once more
    fn share(&mut self, value: &Self::Value) -> Self::Value;
    /// `GET`, `BINGET`, `LONG_BINGET`: the object in the memo at `index`, if any
    fn memo_get(&mut self, index: u64) -> Option<Self::Value>;
    /// `PUT`, `BINPUT`, `LONG_BINPUT`
    fn memo_put(&mut self, index: u64, value: &Self::Value);
    /// `MEMOIZE`: stores under the number of objects in the memo
    fn memoize(&mut self, value: &Self::Value);

    /// `SETITEM`, `SETITEMS` before opcodes that may make the dict the state of the object below it. A host that can do
    /// all that at once does so, takes items and operands off the stack and returns how many of the bytes ahead it has
    /// executed; one that cannot leaves everything as it is and returns zero. `room` is the number of values below the
    /// items that may be taken, the dict included.
    #[inline(always)]
    fn set_state_items(
        &mut self,
        _items: Items<'_, Self::Value>,
        _room: usize,
        _ahead: &[u8],
    ) -> Result<usize, Self::Error> {
        Ok(0)
    }

    /// A call of the object below the items, with a tuple of them that would be made, `stored` and used for nothing else in
    /// the opcodes ahead. A host that can do without the tuple makes the call and answers what comes out, with the items
    /// on the stack or not; one that cannot leaves everything as it is. If it may not run code that could look at what is
    /// read from, `may_run_code` says so.
    #[inline(always)]
    fn call_with(
        &mut self,
        _items: Items<'_, Self::Value>,
        _call: Call,
        _stored: Stored,
        _may_run_code: bool,
    ) -> Option<Result<Self::Value, Self::Error>> {
        None
    }

    /// Such a call with `REDUCE` by opcodes ahead that store its arguments and its result by `MEMOIZE`, and after which a state is
    /// begun that is a tuple. A host that knows what lies ahead to be the whole of a state, up to its `BUILD`, may make the object
    /// with that, with the items on the stack or not; one that does not leaves everything as it is.
    #[inline(always)]
    fn call_and_build(
        &mut self,
        _items: Items<'_, Self::Value>,
        _ahead: &[u8],
    ) -> Option<Result<Made<Self::Value>, Self::Error>> {
        None
    }

    /// What a value is, for the path of a failure.
    fn shape(&self, value: &Self::Value) -> Shape;
    /// A short text of a dict key for the path of a failure.
    fn key_text(&self, value: &Self::Value) -> String;
}
