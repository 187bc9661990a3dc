//! The pickle machine: executes a stream's opcodes on a stack, for any host.

mod ahead;

use super::building::path_being_built;
use super::cursor::{Chunk, ReadError, ReadResult, Source};
use super::fault::Fault;
use super::host::{Call, Host, Items, LineEncoding, Made, Stored};
use super::number::{self, IntLine};
use crate::opcode::{Opcode, byte};
use crate::place::{Path, Place};

/// The highest protocol that exists.
pub const HIGHEST_PROTOCOL: u8 = 5;

/// The state of a load: a stack of values and a stack of marks.
///
/// Marks are kept apart from the values, with a *fence* at the topmost one: no opcode can take a value below it.
/// A machine can be used again and keeps its allocations.
#[derive(Debug)]
pub struct Machine<V> {
    stack: Vec<V>,
    marks: Vec<usize>,
    /// The position of the topmost mark, or zero.
    fence: usize,
}

impl<V> Default for Machine<V> {
    fn default() -> Self {
        Machine { stack: Vec::new(), marks: Vec::new(), fence: 0 }
    }
}

/// Where a run is.
#[derive(Clone, Copy, Default)]
struct At {
    /// The [mark](Source::mark) of the opcode that is being executed.
    start: u64,
    /// That opcode, where the source cannot be asked for it later.
    opcode: Option<u8>,
}

/// Why a run stopped early.
enum Stop<E> {
    Fault(Fault),
    Read(ReadError),
    Host(E),
}

impl<E> From<Fault> for Stop<E> {
    #[inline(always)]
    fn from(fault: Fault) -> Self {
        Stop::Fault(fault)
    }
}

impl<E> From<ReadError> for Stop<E> {
    #[inline(always)]
    fn from(error: ReadError) -> Self {
        Stop::Read(error)
    }
}

/// Lets `?` lift a host's error, which no `From` can do for a type that is still open.
trait Lift<T, E> {
    fn host(self) -> Result<T, Stop<E>>;
}

impl<T, E> Lift<T, E> for Result<T, E> {
    #[inline(always)]
    fn host(self) -> Result<T, Stop<E>> {
        self.map_err(Stop::Host)
    }
}

/// The argument of an opcode, so many bytes as the place asks for.
macro_rules! operand {
    ($source:ident) => {
        match $source.at_hand() {
            Some(bytes) => *bytes,
            None => $source.array()?,
        }
    };
}

impl<V> Machine<V> {
    /// A machine with nothing on its stack.
    pub fn new() -> Self {
        Self::default()
    }

    /// Executes one stream, up to and with its `STOP`, and returns the object that it builds.
    ///
    /// An error has gone through [`Host::at`], which tells it the place.
    pub fn run<'de, S, H>(&mut self, source: &mut S, host: &mut H) -> Result<V, H::Error>
    where
        S: Source<'de>,
        H: Host<'de, Value = V>,
    {
        self.clear();
        let mut place = At { start: source.mark(), opcode: None };
        let result = self.advance(source, host, &mut place);
        let result = result.map_err(|stop| {
            let start = source.offset_of(place.start);
            let ahead = source.lookahead(start);
            let opcode = if S::COPIES { ahead.first().copied() } else { place.opcode };
            let opcode = opcode.and_then(Opcode::from_byte);
            let path = if host.wants_path() {
                path_being_built(&self.stack, &self.marks, opcode, ahead, host)
            } else {
                Path::default()
            };
            let error = match stop {
                Stop::Fault(fault) => host.fault(fault),
                Stop::Read(ReadError::Truncated) => host.fault(Fault::Truncated),
                Stop::Read(error) => host.read_error(error),
                Stop::Host(error) => error,
            };
            host.abandon(&self.stack, &self.marks);
            if source.lags() {
                // What went wrong first is what counts.
                let _ = source.catch_up();
            }
            host.at(error, Place { offset: start, opcode, path })
        });
        self.clear();
        result
    }

    /// Goes on with a stream that a host has stopped; `None` if that happens again, or if the stream is malformed.
    #[cfg(feature = "serde")]
    pub(crate) fn proceed<'de, S, H>(&mut self, source: &mut S, host: &mut H) -> Option<V>
    where
        S: Source<'de>,
        H: Host<'de, Value = V>,
    {
        self.advance(source, host, &mut At::default()).ok()
    }

    fn advance<'de, S, H>(
        &mut self,
        source: &mut S,
        host: &mut H,
        place: &mut At,
    ) -> Result<V, Stop<H::Error>>
    where
        S: Source<'de>,
        H: Host<'de, Value = V>,
    {
        if !S::COPIES {
            return self.execute(source, host, place);
        }
        let (mut copy, mut copied_place) = (source.copy(), *place);
        let result = self.execute(&mut copy, host, &mut copied_place);
        (*source, *place) = (copy, copied_place);
        result
    }

    /// How many values the stack has room for without growing.
    pub fn capacity(&self) -> usize {
        self.stack.capacity()
    }

    /// Forgets all values and marks.
    pub fn clear(&mut self) {
        self.stack.clear();
        self.marks.clear();
        self.fence = 0;
    }

    #[inline(always)]
    fn execute<'de, S, H>(
        &mut self,
        source: &mut S,
        host: &mut H,
        place: &mut At,
    ) -> Result<V, Stop<H::Error>>
    where
        S: Source<'de>,
        H: Host<'de, Value = V>,
    {
        loop {
            if H::LIGHT {
                self.run_ahead(source, host, place)?;
            }
            place.start = source.mark();
            host.opcode_at(source.offset());
            if !S::COPIES {
                place.opcode = None;
            }
            let opcode = match source.opcode_at_hand() {
                Some(opcode) => opcode,
                None => source.opcode()?.ok_or(Fault::OutOfInput)?,
            };
            if !S::COPIES {
                place.opcode = Some(opcode);
            }
            match opcode {
                byte::NONE | byte::NEWTRUE | byte::NEWFALSE => {
                    let mut opcode = opcode;
                    loop {
                        let value = (opcode != byte::NONE).then_some(opcode == byte::NEWTRUE);
                        self.stack.push(host.constant(value));
                        let alike = |next| matches!(next, byte::NONE | byte::NEWTRUE | byte::NEWFALSE);
                        let Some(next) = go_on(source, host, place, alike) else { break };
                        opcode = next;
                    }
                }

                byte::BININT | byte::BININT1 | byte::BININT2 => {
                    // Numbers come in runs.
                    let mut opcode = opcode;
                    loop {
                        let width = width(opcode);
                        let value = match source.number_at_hand(width) {
                            Some(value) => value,
                            None => source.number(width)?,
                        };
                        // Only the widest has a sign, and the others are not wide enough to be taken for negative.
                        self.stack.push(host.int(value.cast_signed().into()).host()?);
                        let alike = |next| matches!(next, byte::BININT | byte::BININT1 | byte::BININT2);
                        let Some(next) = go_on(source, host, place, alike) else { break };
                        opcode = next;
                    }
                }
                byte::INT => {
                    source.admit(opcode)?;
                    let line = full(source.line()?)?;
                    let value = match number::int_line(&line) {
                        IntLine::Bool(value) => host.bool(value),
                        IntLine::Int(value) => host.int(value).host()?,
                        IntLine::Literal => host.int_literal(&line).map_err(|_| Fault::IntText)?,
                    };
                    self.stack.push(value);
                }
                byte::LONG => {
                    source.admit(opcode)?;
                    let line = full(source.line()?)?;
                    self.stack.push(host.int_literal(number::long_line(&line)).host()?);
                }
                byte::LONG1 => {
                    let [len] = operand!(source);
                    self.long(len.into(), source, host)?;
                }
                byte::LONG4 => {
                    let len = i32::from_le_bytes(operand!(source));
                    let len = usize::try_from(len).map_err(|_| Fault::NegativeLong)?;
                    self.long(len, source, host)?;
                }
                byte::FLOAT => {
                    source.admit(opcode)?;
                    let value = number::float_line(&full(source.line()?)?)?;
                    self.stack.push(host.float(value).host()?);
                }
                byte::BINFLOAT => {
                    let value = f64::from_be_bytes(operand!(source));
                    self.stack.push(host.float(value).host()?);
                }

                byte::SHORT_BINUNICODE => {
                    // Texts come in runs as well.
                    loop {
                        let [len] = operand!(source);
                        self.stack.push(host.unicode(source.take(len.into())?).host()?);
                        self.memoize_next(source, host);
                        let alike = |next| next == byte::SHORT_BINUNICODE;
                        if go_on(source, host, place, alike).is_none() {
                            break;
                        }
                    }
                }
                byte::BINUNICODE => {
                    let len = u32::from_le_bytes(operand!(source));
                    self.stack.push(host.unicode(source.take(len as usize)?).host()?);
                    self.memoize_next(source, host);
                }
                byte::BINUNICODE8 => {
                    let len = length(operand!(source), Opcode::BinUnicode)?;
                    self.stack.push(host.unicode(source.take(len)?).host()?);
                }
                byte::UNICODE => self.stack.push(host.unicode_escaped(source.line()?).host()?),

                byte::SHORT_BINBYTES => {
                    let [len] = operand!(source);
                    self.stack.push(on_copy(source, |source| host.bytes(len.into(), source)).host()?);
                    self.memoize_next(source, host);
                }
                byte::BINBYTES => {
                    let len = u32::from_le_bytes(operand!(source));
                    self.stack.push(on_copy(source, |source| host.bytes(len as usize, source)).host()?);
                }
                byte::BINBYTES8 => {
                    let len = length(operand!(source), Opcode::BinBytes)?;
                    self.stack.push(on_copy(source, |source| host.bytes(len, source)).host()?);
                }
                byte::BYTEARRAY8 => {
                    source.admit(opcode)?;
                    let len = length(operand!(source), Opcode::ByteArray8)?;
                    self.stack.push(on_copy(source, |source| host.bytearray(len, source)).host()?);
                }
                byte::SHORT_BINSTRING => {
                    let [len] = operand!(source);
                    self.stack.push(host.string(source.take(len.into())?).host()?);
                }
                byte::BINSTRING => {
                    let len = u32::from_le_bytes(operand!(source));
                    self.stack.push(host.string(source.take(len as usize)?).host()?);
                }
                byte::STRING => {
                    let literal = unquote(source.line()?)?;
                    self.stack.push(host.string_escaped(literal).host()?);
                }

                byte::EMPTY_TUPLE => self.tuple(0, host)?,
                byte::TUPLE1 | byte::TUPLE2 | byte::TUPLE3 | byte::TUPLE
                    if call_ahead(source.ahead()).is_some() =>
                {
                    let start = if opcode == byte::TUPLE {
                        self.pop_mark()?
                    } else {
                        let len = usize::from(opcode - byte::TUPLE1) + 1;
                        self.require(len)?;
                        self.stack.len() - len
                    };
                    if let Some(answer) = self.call_and_build(start, source, host) {
                        let made = self.without_items(start - 1, answer)?;
                        source.skip(made.executed);
                        self.stack.truncate(start - 1);
                        self.stack.push(made.value);
                        continue;
                    }
                    if let Some((call, store)) = call_ahead(source.ahead())
                        && let Some(made) = self.call_with(start, call, store, source.lags(), host)
                    {
                        source.skip(store);
                        place.start = source.mark();
                        if !S::COPIES {
                            place.opcode = Some(call);
                        }
                        source.skip(1);
                        let made = self.without_items(start - 1, made)?;
                        self.stack.truncate(start - 1);
                        self.stack.push(made);
                    } else {
                        let made = host.tuple(self.items(start));
                        let value = self.without_items(start, made)?;
                        self.stack.push(value);
                    }
                    self.memoize_next(source, host);
                }
                byte::TUPLE1 => {
                    self.tuple(1, host)?;
                    self.memoize_next(source, host);
                }
                byte::TUPLE2 => {
                    self.tuple(2, host)?;
                    self.memoize_next(source, host);
                }
                byte::TUPLE3 => {
                    self.tuple(3, host)?;
                    self.memoize_next(source, host);
                }
                byte::TUPLE => {
                    let mark = self.pop_mark()?;
                    let made = host.tuple(self.items(mark));
                    let value = self.without_items(mark, made)?;
                    self.stack.push(value);
                }
                byte::EMPTY_LIST => {
                    self.stack.push(host.empty_list().host()?);
                    self.memoize_next(source, host);
                    self.mark_next(source);
                }
                byte::LIST => {
                    let mark = self.pop_mark()?;
                    let made = host.list(self.items(mark));
                    let value = self.without_items(mark, made)?;
                    self.stack.push(value);
                }
                byte::APPEND => {
                    self.require(2)?;
                    let start = self.stack.len() - 1;
                    self.expose_for_items(start, start + 1, source, host)?;
                    let done = host.append(self.items(start));
                    self.without_items(start, done)?;
                }
                byte::APPENDS => {
                    let mark = self.pop_mark_of_container()?;
                    if mark < self.stack.len() {
                        self.expose_for_items(mark, self.stack.len(), source, host)?;
                        let done = host.append(self.items(mark));
                        self.without_items(mark, done)?;
                    }
                }
                byte::EMPTY_DICT => {
                    self.stack.push(host.empty_dict().host()?);
                    self.memoize_next(source, host);
                    self.mark_next(source);
                }
                byte::DICT => {
                    let mark = self.pop_mark()?;
                    if !(self.stack.len() - mark).is_multiple_of(2) {
                        return Err(Fault::OddItems(Opcode::Dict).into());
                    }
                    if source.lags() && !host.are_inert(None, &self.stack[mark..]) {
                        source.catch_up()?;
                    }
                    let made = host.dict(self.items(mark));
                    let value = self.without_items(mark, made)?;
                    self.stack.push(value);
                }
                byte::SETITEM => {
                    self.require(3)?;
                    let start = self.stack.len() - 2;
                    if self.set_state_items(start, source, host)? {
                        continue;
                    }
                    self.expose_for_items(start, start, source, host)?;
                    let done = host.set_items(self.items(start));
                    self.without_items(start, done)?;
                }
                byte::SETITEMS => {
                    let mark = self.pop_mark_of_container()?;
                    if mark < self.stack.len() {
                        if !(self.stack.len() - mark).is_multiple_of(2) {
                            return Err(Fault::OddItems(Opcode::SetItems).into());
                        }
                        if self.set_state_items(mark, source, host)? {
                            continue;
                        }
                        self.expose_for_items(mark, mark, source, host)?;
                        let done = host.set_items(self.items(mark));
                        self.without_items(mark, done)?;
                    }
                }
                byte::EMPTY_SET => self.stack.push(host.empty_set().host()?),
                byte::ADDITEMS => {
                    let mark = self.pop_mark_of_container()?;
                    if mark < self.stack.len() {
                        self.expose_for_items(mark, mark, source, host)?;
                        let done = host.add_items(self.items(mark));
                        self.without_items(mark, done)?;
                    }
                }
                byte::FROZENSET => {
                    let mark = self.pop_mark()?;
                    if source.lags() && !host.are_inert(None, &self.stack[mark..]) {
                        source.catch_up()?;
                    }
                    let made = host.frozenset(self.items(mark));
                    let value = self.without_items(mark, made)?;
                    self.stack.push(value);
                }

                byte::MARK => self.mark(),
                byte::POP => {
                    // Marks have a stack of their own: whichever of the two is on top goes.
                    if self.marks.last() == Some(&self.stack.len()) {
                        self.pop_mark()?;
                    } else {
                        let value = self.pop()?;
                        host.discard(value, self.stack.last()).host()?;
                    }
                }
                byte::POP_MARK => {
                    let mark = self.pop_mark()?;
                    let done = host.discard_items(self.items(mark));
                    self.without_items(mark, done)?;
                }
                byte::DUP => {
                    let value = host.share(self.top()?);
                    self.stack.push(value);
                }

                byte::BINGET => {
                    let [index] = operand!(source);
                    self.memo_get(index.into(), host)?;
                }
                byte::LONG_BINGET => {
                    let index = u32::from_le_bytes(operand!(source));
                    self.memo_get(index.into(), host)?;
                }
                byte::GET => {
                    source.admit(opcode)?;
                    let index = number::memo_index(&full(source.line()?)?)?;
                    self.memo_get(index, host)?;
                }
                byte::MEMOIZE => {
                    host.memoize(self.top()?);
                }
                byte::BINPUT => {
                    let [index] = operand!(source);
                    host.memo_put(index.into(), self.top()?);
                }
                byte::LONG_BINPUT => {
                    let index = u32::from_le_bytes(operand!(source));
                    host.memo_put(index.into(), self.top()?);
                }
                byte::PUT => {
                    source.admit(opcode)?;
                    let line = full(source.line()?)?;
                    let value = self.top()?;
                    let index = u64::try_from(number::memo_index(&line)?).map_err(|_| Fault::NegativePut)?;
                    host.memo_put(index, value);
                }

                byte::GLOBAL => {
                    let global = Self::global_lines(source, host, LineEncoding::Utf8)?;
                    self.stack.push(global);
                }
                byte::STACK_GLOBAL => {
                    let name = self.pop()?;
                    let module = self.pop()?;
                    expose(source)?;
                    self.stack.push(host.global(module, name).host()?);
                }
                byte::EXT1 => {
                    let [code] = operand!(source);
                    self.extension(code.into(), source, host)?;
                }
                byte::EXT2 => {
                    let code = u16::from_le_bytes(operand!(source));
                    self.extension(code.into(), source, host)?;
                }
                byte::EXT4 => {
                    let code = i32::from_le_bytes(operand!(source));
                    self.extension(code, source, host)?;
                }

                byte::REDUCE => {
                    let args = self.pop()?;
                    let callable = self.pop()?;
                    expose(source)?;
                    host.comes_before(source.ahead());
                    self.stack.push(host.reduce(callable, args).host()?);
                    self.memoize_next(source, host);
                }
                byte::BUILD => {
                    self.require(2)?;
                    let state = self.pop()?;
                    expose(source)?;
                    host.comes_before(source.ahead());
                    host.build(self.top()?, state).host()?;
                }
                byte::NEWOBJ => {
                    let args = self.pop()?;
                    let class = self.pop()?;
                    expose(source)?;
                    host.comes_before(source.ahead());
                    self.stack.push(host.new_object(class, args, None).host()?);
                    self.memoize_next(source, host);
                }
                byte::NEWOBJ_EX => {
                    let kwargs = self.pop()?;
                    let args = self.pop()?;
                    let class = self.pop()?;
                    expose(source)?;
                    host.comes_before(source.ahead());
                    self.stack.push(host.new_object(class, args, Some(kwargs)).host()?);
                }
                byte::INST => {
                    let mark = self.pop_mark()?;
                    let class = Self::global_lines(source, host, LineEncoding::Ascii)?;
                    let made = host.instantiate(class, self.items(mark));
                    let instance = self.without_items(mark, made)?;
                    self.stack.push(instance);
                }
                byte::OBJ => {
                    let mark = self.pop_mark()?;
                    if self.stack.len() == mark {
                        return Err(self.underflow().into());
                    }
                    expose(source)?;
                    let class = host.share(&self.stack[mark]);
                    let made = host.instantiate(class, self.items(mark + 1));
                    let instance = self.without_items(mark, made)?;
                    self.stack.truncate(mark);
                    self.stack.push(instance);
                }

                byte::PERSID => {
                    let line = source.line()?;
                    let held;
                    let line = match line {
                        Chunk::Transient(bytes) => {
                            // The line has to outlive the reading on.
                            held = bytes.to_vec();
                            expose(source)?;
                            Chunk::Transient(held.as_slice())
                        }
                        borrowed @ Chunk::Borrowed(_) => borrowed,
                    };
                    self.stack.push(host.persistent_line(line).host()?);
                }
                byte::BINPERSID => {
                    let id = self.pop()?;
                    expose(source)?;
                    self.stack.push(host.persistent(id).host()?);
                }
                byte::NEXT_BUFFER => {
                    source.admit(opcode)?;
                    expose(source)?;
                    self.stack.push(host.next_buffer().host()?);
                }
                byte::READONLY_BUFFER => {
                    source.admit(opcode)?;
                    let buffer = self.pop()?;
                    expose(source)?;
                    self.stack.push(host.readonly_buffer(buffer).host()?);
                }

                byte::PROTO => {
                    source.admit(opcode)?;
                    let [protocol] = operand!(source);
                    if protocol > HIGHEST_PROTOCOL {
                        return Err(Fault::UnsupportedProtocol(protocol).into());
                    }
                    host.protocol(protocol);
                }
                byte::FRAME => {
                    let len = length(operand!(source), Opcode::Frame)?;
                    source.frame(len)?;
                }
                byte::STOP => {
                    source.finish()?;
                    return Ok(self.pop()?);
                }
                invalid => return Err(Fault::InvalidOpcode(invalid).into()),
            }
        }
    }

    #[cold]
    fn underflow(&self) -> Fault {
        if self.marks.is_empty() { Fault::StackUnderflow } else { Fault::UnexpectedMark }
    }

    /// Makes sure that there are `count` values above the fence.
    #[inline(always)]
    fn require(&self, count: usize) -> Result<(), Fault> {
        if self.stack.len() < self.fence + count { Err(self.underflow()) } else { Ok(()) }
    }

    #[inline(always)]
    fn pop(&mut self) -> Result<V, Fault> {
        if self.stack.len() > self.fence
            && let Some(value) = self.stack.pop()
        {
            return Ok(value);
        }
        Err(self.underflow())
    }

    #[inline(always)]
    fn top(&self) -> Result<&V, Fault> {
        match self.stack.last() {
            Some(value) if self.stack.len() > self.fence => Ok(value),
            _ => Err(self.underflow()),
        }
    }

    /// Takes off the topmost mark and returns where it stood.
    #[inline(always)]
    fn pop_mark(&mut self) -> Result<usize, Fault> {
        let mark = self.marks.pop().ok_or(Fault::NoMark)?;
        self.fence = self.marks.last().copied().unwrap_or(0);
        Ok(mark)
    }

    /// The same for an opcode that also needs the object below the mark.
    #[inline(always)]
    fn pop_mark_of_container(&mut self) -> Result<usize, Fault> {
        let mark = self.pop_mark()?;
        if mark <= self.fence { Err(self.underflow()) } else { Ok(mark) }
    }

    /// Lifts what a host has answered about the items from `start` on. If that is an error they go: what is below them
    /// is what was being built.
    #[inline(always)]
    fn without_items<T, E>(&mut self, start: usize, answer: Result<T, E>) -> Result<T, Stop<E>> {
        answer.map_err(|error| {
            self.stack.truncate(start);
            Stop::Host(error)
        })
    }

    #[inline(always)]
    fn items(&mut self, start: usize) -> Items<'_, V> {
        Items::new(&mut self.stack, start)
    }

    /// Lets the host turn items for a dict into the state of the object below it; whether it has.
    #[inline(always)]
    fn set_state_items<'de, S, H>(
        &mut self,
        start: usize,
        source: &mut S,
        host: &mut H,
    ) -> Result<bool, Stop<H::Error>>
    where
        S: Source<'de>,
        H: Host<'de, Value = V>,
    {
        let room = start - self.fence;
        let ahead = source.ahead();
        if !matches!(ahead.first(), Some(&(byte::BUILD | byte::TUPLE2))) {
            return Ok(false);
        }
        let done = host.set_state_items(Items::new(&mut self.stack, start), room, ahead).host()?;
        if done > 0 {
            source.skip(done);
        }
        Ok(done > 0)
    }

    /// Lets the host make a call of the object below `start` without the tuple of what stands from there on.
    #[inline(always)]
    fn call_with<'de, H>(
        &mut self,
        start: usize,
        call: u8,
        store: usize,
        lags: bool,
        host: &mut H,
    ) -> Option<Result<V, H::Error>>
    where
        H: Host<'de, Value = V>,
    {
        if start <= self.fence {
            return None;
        }
        let call = if call == byte::REDUCE { Call::Reduce } else { Call::New };
        let stored = [Stored::No, Stored::Next, Stored::Numbered][store.min(2)];
        host.call_with(Items::new(&mut self.stack, start), call, stored, !lags)
    }

    /// Lets the host make a call of the object below `start`, and give what it makes its state, if that lies ahead.
    #[inline(always)]
    fn call_and_build<'de, S, H>(
        &mut self,
        start: usize,
        source: &S,
        host: &mut H,
    ) -> Option<Result<Made<V>, H::Error>>
    where
        S: Source<'de>,
        H: Host<'de, Value = V>,
    {
        let ahead = source.ahead();
        if start <= self.fence
            || !matches!(*ahead, [byte::MEMOIZE, byte::REDUCE, byte::MEMOIZE, byte::MARK, byte::BININT1, ..])
        {
            return None;
        }
        host.call_and_build(Items::new(&mut self.stack, start), ahead)
    }

    /// [Exposes](expose) the source where putting items into the container below `start` may run code. Of the items,
    /// those from `looked_at` on matter.
    #[inline(always)]
    fn expose_for_items<'de, S, H>(
        &self,
        start: usize,
        looked_at: usize,
        source: &mut S,
        host: &H,
    ) -> ReadResult<()>
    where
        S: Source<'de>,
        H: Host<'de, Value = V>,
    {
        if source.lags() && !host.are_inert(self.stack.get(start - 1), &self.stack[looked_at..]) {
            source.catch_up()?;
        }
        Ok(())
    }

    #[inline(always)]
    fn mark(&mut self) {
        self.fence = self.stack.len();
        self.marks.push(self.fence);
    }

    /// Executes the `MARK` that usually comes after a new container.
    #[inline(always)]
    fn mark_next<'de, S: Source<'de>>(&mut self, source: &mut S) {
        if source.opcode_if(byte::MARK) {
            self.mark();
        }
    }

    /// Executes the `MEMOIZE` that usually comes after a new value.
    #[inline(always)]
    fn memoize_next<'de, S: Source<'de>, H: Host<'de, Value = V>>(&self, source: &mut S, host: &mut H) {
        if source.opcode_if(byte::MEMOIZE)
            && let Some(value) = self.stack.last()
        {
            host.memoize(value);
        }
    }

    #[inline(always)]
    fn tuple<'de, H: Host<'de, Value = V>>(
        &mut self,
        len: usize,
        host: &mut H,
    ) -> Result<(), Stop<H::Error>> {
        self.require(len)?;
        let start = self.stack.len() - len;
        let made = host.tuple(self.items(start));
        let value = self.without_items(start, made)?;
        self.stack.push(value);
        Ok(())
    }

    #[inline(always)]
    fn long<'de, S, H>(&mut self, len: usize, source: &mut S, host: &mut H) -> Result<(), Stop<H::Error>>
    where
        S: Source<'de>,
        H: Host<'de, Value = V>,
    {
        let value = if len == 0 { host.int(0).host()? } else { host.long(&source.take(len)?).host()? };
        self.stack.push(value);
        Ok(())
    }

    #[inline(always)]
    fn memo_get<'de, H>(&mut self, index: i64, host: &mut H) -> Result<(), Stop<H::Error>>
    where
        H: Host<'de, Value = V>,
    {
        let Some(value) = u64::try_from(index).ok().and_then(|index| host.memo_get(index)) else {
            return Err(missing(index));
        };
        self.stack.push(value);
        Ok(())
    }

    #[inline(always)]
    fn extension<'de, S, H>(&mut self, code: i32, source: &mut S, host: &mut H) -> Result<(), Stop<H::Error>>
    where
        S: Source<'de>,
        H: Host<'de, Value = V>,
    {
        let code = u32::try_from(code).ok().filter(|&code| code > 0).ok_or(Fault::ExtensionCode)?;
        expose(source)?;
        self.stack.push(host.extension(code).host()?);
        Ok(())
    }

    /// The global that two lines name.
    #[inline(always)]
    fn global_lines<'de, S, H>(
        source: &mut S,
        host: &mut H,
        encoding: LineEncoding,
    ) -> Result<V, Stop<H::Error>>
    where
        S: Source<'de>,
        H: Host<'de, Value = V>,
    {
        let module = host.name(full(source.line()?)?, encoding).host()?;
        let name = host.name(full(source.line()?)?, encoding).host()?;
        expose(source)?;
        host.global(module, name).host()
    }
}

/// The call that takes a tuple made before these opcodes, if they do no more with that than to store it, and how many bytes
/// those of them have that store it.
#[inline(always)]
fn call_ahead(ahead: &[u8]) -> Option<(u8, usize)> {
    match *ahead {
        [byte::MEMOIZE, call @ (byte::REDUCE | byte::NEWOBJ), ..] => Some((call, 1)),
        [call @ (byte::REDUCE | byte::NEWOBJ), ..] => Some((call, 0)),
        [byte::BINPUT, _, call @ (byte::REDUCE | byte::NEWOBJ), ..] => Some((call, 2)),
        [byte::LONG_BINPUT, _, _, _, _, call @ (byte::REDUCE | byte::NEWOBJ), ..] => Some((call, 5)),
        _ => None,
    }
}

/// Goes on to the next opcode if that is at hand and is like the last one: such opcodes come in runs.
#[inline(always)]
fn go_on<'de, S: Source<'de>, H: Host<'de>>(
    source: &mut S,
    host: &mut H,
    place: &mut At,
    alike: impl Fn(u8) -> bool,
) -> Option<u8> {
    if H::LIGHT {
        // It has a loop of its own.
        return None;
    }
    let next = source.ahead().first().copied().filter(|&next| alike(next))?;
    place.start = source.mark();
    host.opcode_at(source.offset());
    if !S::COPIES {
        place.opcode = Some(next);
    }
    source.skip(1);
    Some(next)
}

/// What stops a run that fetches what is not in the memo.
#[cold]
#[inline(never)]
fn missing<E>(index: i64) -> Stop<E> {
    Fault::MemoMissing(index).into()
}

/// Does `work` on a copy of the source where there can be one, so that the source's own address stays unknown.
#[inline(always)]
fn on_copy<'de, S: Source<'de>, R>(source: &mut S, work: impl FnOnce(&mut S) -> R) -> R {
    if !S::COPIES {
        return work(source);
    }
    let mut copy = source.copy();
    let result = work(&mut copy);
    *source = copy;
    result
}

/// How many bytes the argument of `BININT`, `BININT1` or `BININT2` has.
#[inline(always)]
fn width(opcode: u8) -> usize {
    const WIDTHS: u32 =
        1 << (4 * (byte::BININT1 - byte::BININT)) | 2 << (4 * (byte::BININT2 - byte::BININT)) | 4;
    (WIDTHS >> (4 * (opcode - byte::BININT)) & 7) as usize
}

/// Prepares the source for code that the host may run and that may look at what is read from.
#[inline(always)]
fn expose<'de, S: Source<'de>>(source: &mut S) -> ReadResult<()> {
    if source.lags() { source.catch_up() } else { Ok(()) }
}

/// An 8-byte length, as far as this machine can count.
#[inline(always)]
fn length(bytes: [u8; 8], opcode: Opcode) -> Result<usize, Fault> {
    let len = isize::try_from(u64::from_le_bytes(bytes)).map_err(|_| Fault::LengthOverflow(opcode))?;
    Ok(len.unsigned_abs())
}

/// A line that may not be empty: CPython takes an empty one for truncated input.
fn full<C: std::ops::Deref<Target = [u8]>>(line: C) -> Result<C, Fault> {
    if line.is_empty() { Err(Fault::Truncated) } else { Ok(line) }
}

/// The inside of a literal in matching quotes.
fn unquote<'de, 's>(line: Chunk<'de, 's>) -> Result<Chunk<'de, 's>, Fault> {
    line.trim_with(|bytes| match bytes {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => Some(inner),
        _ => None,
    })
    .ok_or(Fault::UnquotedString)
}
