//! The commonest opcodes in a loop of their own, for [light](Host::LIGHT) hosts.
//!
//! Only what cannot fail but by the host's own doing is executed here: whatever is unusual, wrong or near the end of what
//! lies ahead is left to the general way, so that there is one answer to it.

use super::{At, Machine, Stop};
use crate::opcode::byte;
use crate::read::cursor::{Source, narrowed};
use crate::read::host::Host;

/// So many bytes lie ahead of an opcode that is executed here: no argument of fixed size has to be asked whether it is whole.
const HEAD: usize = 16;
/// How much is executed before the host is given a [pause](Host::pause).
const STRETCH: usize = 1 << 16;

/// What is done for an opcode.
#[derive(Clone, Copy)]
enum Work {
    Constant,
    Int,
    Float,
    Long,
    Get,
    FarGet,
    Text,
    LongText,
    Bytes,
    Tuple,
    ShortTuple,
    List,
    Dict,
    Mark,
    Append,
    Appends,
    SetItem,
    SetItems,
    Memoize,
    Put,
    FarPut,
    StackGlobal,
    Reduce,
    NewObject,
    /// It is not done here.
    General,
}

const WORK: [Work; 256] = {
    let mut work = [Work::General; 256];
    let known = [
        (byte::NONE, Work::Constant),
        (byte::NEWTRUE, Work::Constant),
        (byte::NEWFALSE, Work::Constant),
        (byte::BININT, Work::Int),
        (byte::BININT1, Work::Int),
        (byte::BININT2, Work::Int),
        (byte::BINFLOAT, Work::Float),
        (byte::LONG1, Work::Long),
        (byte::BINGET, Work::Get),
        (byte::LONG_BINGET, Work::FarGet),
        (byte::SHORT_BINUNICODE, Work::Text),
        (byte::BINUNICODE, Work::LongText),
        (byte::SHORT_BINBYTES, Work::Bytes),
        (byte::EMPTY_TUPLE, Work::ShortTuple),
        (byte::TUPLE1, Work::ShortTuple),
        (byte::TUPLE2, Work::ShortTuple),
        (byte::TUPLE3, Work::ShortTuple),
        (byte::TUPLE, Work::Tuple),
        (byte::EMPTY_LIST, Work::List),
        (byte::EMPTY_DICT, Work::Dict),
        (byte::MARK, Work::Mark),
        (byte::APPEND, Work::Append),
        (byte::APPENDS, Work::Appends),
        (byte::SETITEM, Work::SetItem),
        (byte::SETITEMS, Work::SetItems),
        (byte::MEMOIZE, Work::Memoize),
        (byte::BINPUT, Work::Put),
        (byte::LONG_BINPUT, Work::FarPut),
        (byte::STACK_GLOBAL, Work::StackGlobal),
        (byte::REDUCE, Work::Reduce),
        (byte::NEWOBJ, Work::NewObject),
    ];
    let mut index = 0;
    while index < known.len() {
        work[known[index].0 as usize] = known[index].1;
        index += 1;
    }
    work
};

/// How many bytes the argument of `BININT`, `BININT1` or `BININT2` has.
const WIDTHS: [u8; 256] = {
    let mut widths = [4; 256];
    widths[byte::BININT1 as usize] = 1;
    widths[byte::BININT2 as usize] = 2;
    widths
};

impl<V> Machine<V> {
    /// Executes common opcodes as long as they lie ahead and nothing about them is unusual.
    #[inline(always)]
    pub(super) fn run_ahead<'de, S, H>(
        &mut self,
        source: &mut S,
        host: &mut H,
        place: &mut At,
    ) -> Result<(), Stop<H::Error>>
    where
        S: Source<'de>,
        H: Host<'de, Value = V>,
    {
        host.pause(source.offset(), self.stack.len() + self.marks.len()).map_err(Stop::Host)?;
        let ahead = source.ahead();
        let stretch = &ahead[..ahead.len().min(STRETCH)];
        let (done, failed) = self.execute_ahead(stretch, source.offset(), host);
        source.skip(done);
        let Some((error, len)) = failed else { return Ok(()) };
        // The place of an error is where its opcode begins.
        place.start = source.mark();
        if !S::COPIES {
            place.opcode = source.ahead().first().copied();
        }
        source.skip(len);
        Err(Stop::Host(error))
    }

    /// How many bytes have been executed. Where the host fails, they end before the opcode that it fails at; so many bytes
    /// have been read of that.
    #[inline(always)]
    fn execute_ahead<'de, H>(
        &mut self,
        ahead: &[u8],
        start: u64,
        host: &mut H,
    ) -> (usize, Option<(H::Error, usize)>)
    where
        H: Host<'de, Value = V>,
    {
        // Where the last opcode may begin that is executed here.
        let Some(last) = ahead.len().checked_sub(HEAD) else { return (0, None) };
        let mut at = 0;
        // What an answer of the host is, and how long the opcode was; or the end of this.
        macro_rules! made {
            ($answer:expr, $len:expr) => {
                match $answer {
                    Ok(value) => {
                        self.stack.push(value);
                        at += $len;
                    }
                    Err(error) => return (at, Some((error, $len))),
                }
            };
        }
        // The same for what pickles mostly store.
        macro_rules! stored {
            ($answer:expr, $len:expr) => {
                match $answer {
                    Ok(value) => {
                        at += $len;
                        if ahead.get(at) == Some(&byte::MEMOIZE) {
                            host.memoize(&value);
                            at += 1;
                        }
                        self.stack.push(value);
                    }
                    Err(error) => return (at, Some((error, $len))),
                }
            };
        }
        // What stands from there on goes into the container below, in pairs or one by one.
        macro_rules! put {
            ($mark:expr, $pairs:expr) => {{
                let mark = $mark;
                host.opcode_at(start + at as u64);
                let items = self.items(mark);
                if let Err(error) = if $pairs { host.set_items(items) } else { host.append(items) } {
                    self.stack.truncate(mark);
                    return (at, Some((error, 1)));
                }
                at += 1;
            }};
        }
        while at <= last {
            let Some(head) = ahead[at..].first_chunk::<HEAD>() else { break };
            let number = || [head[1], head[2], head[3], head[4]];
            match WORK[usize::from(head[0])] {
                Work::Constant => {
                    let value = (head[0] != byte::NONE).then_some(head[0] == byte::NEWTRUE);
                    self.stack.push(host.constant(value));
                    at += 1;
                }
                Work::Int => {
                    let width = usize::from(WIDTHS[usize::from(head[0])]);
                    let value = narrowed(number(), width).cast_signed();
                    made!(host.int(value.into()), 1 + width);
                }
                Work::Float => {
                    let [_, a, b, c, d, e, f, g, h, ..] = *head;
                    made!(host.float(f64::from_be_bytes([a, b, c, d, e, f, g, h])), 9);
                }
                Work::Long => {
                    let len = usize::from(head[1]);
                    let Some(number) = ahead.get(at + 2..at + 2 + len) else { break };
                    host.opcode_at(start + at as u64);
                    made!(if len == 0 { host.int(0) } else { host.long(number) }, 2 + len);
                }
                Work::Get => {
                    let Some(value) = host.memo_get(head[1].into()) else { break };
                    self.stack.push(value);
                    at += 2;
                }
                Work::FarGet => {
                    let Some(value) = host.memo_get(u32::from_le_bytes(number()).into()) else { break };
                    self.stack.push(value);
                    at += 5;
                }
                Work::Text => {
                    let (len, text) = (usize::from(head[1]), &ahead[at + 2..]);
                    if len > text.len() {
                        break;
                    }
                    host.opcode_at(start + at as u64);
                    stored!(host.unicode_ahead(text, len), 2 + len);
                }
                Work::LongText => {
                    let (len, text) = (u32::from_le_bytes(number()) as usize, &ahead[at + 5..]);
                    if len > text.len() {
                        break;
                    }
                    host.opcode_at(start + at as u64);
                    stored!(host.unicode_ahead(text, len), 5 + len);
                }
                Work::Bytes => {
                    let Some(bytes) = ahead.get(at + 2..at + 2 + usize::from(head[1])) else { break };
                    host.opcode_at(start + at as u64);
                    let Some(value) = host.bytes_ahead(bytes) else { break };
                    stored!(Ok(value), 2 + bytes.len());
                }
                Work::ShortTuple => {
                    let len = if head[0] == byte::EMPTY_TUPLE {
                        0
                    } else {
                        usize::from(head[0] - byte::TUPLE1) + 1
                    };
                    if self.stack.len() < self.fence + len {
                        break;
                    }
                    host.opcode_at(start + at as u64);
                    let items = self.stack.len() - len;
                    let answer = host.tuple(self.items(items));
                    if answer.is_err() {
                        self.stack.truncate(items);
                    }
                    stored!(answer, 1);
                }
                Work::Tuple => {
                    let Ok(mark) = self.pop_mark() else { break };
                    host.opcode_at(start + at as u64);
                    let answer = host.tuple(self.items(mark));
                    if answer.is_err() {
                        self.stack.truncate(mark);
                    }
                    stored!(answer, 1);
                }
                Work::List => {
                    host.opcode_at(start + at as u64);
                    stored!(host.empty_list(), 1);
                }
                Work::Dict => {
                    host.opcode_at(start + at as u64);
                    stored!(host.empty_dict(), 1);
                }
                Work::Mark => {
                    self.mark();
                    at += 1;
                }
                work @ (Work::Appends | Work::SetItems) => {
                    let [below @ .., mark] = &*self.marks else { break };
                    let (mark, fence) = (*mark, below.last().copied().unwrap_or(0));
                    let count = self.stack.len() - mark;
                    let is_odd = matches!(work, Work::SetItems) && !count.is_multiple_of(2);
                    if mark <= fence || count == 0 || is_odd {
                        break;
                    }
                    self.marks.pop();
                    self.fence = fence;
                    put!(mark, matches!(work, Work::SetItems));
                }
                work @ (Work::Append | Work::SetItem) => {
                    let pairs = matches!(work, Work::SetItem);
                    let count = if pairs { 2 } else { 1 };
                    if self.stack.len() <= self.fence + count {
                        break;
                    }
                    put!(self.stack.len() - count, pairs);
                }
                work @ (Work::Memoize | Work::Put | Work::FarPut) => {
                    let Ok(top) = self.top() else { break };
                    match work {
                        Work::Memoize => {
                            host.memoize(top);
                            at += 1;
                        }
                        Work::Put => {
                            host.memo_put(head[1].into(), top);
                            at += 2;
                        }
                        _ => {
                            host.memo_put(u32::from_le_bytes(number()).into(), top);
                            at += 5;
                        }
                    }
                }
                work @ (Work::StackGlobal | Work::Reduce | Work::NewObject) => {
                    if self.stack.len() < self.fence + 2 {
                        break;
                    }
                    let (Some(second), Some(first)) = (self.stack.pop(), self.stack.pop()) else { break };
                    host.opcode_at(start + at as u64);
                    match work {
                        Work::StackGlobal => made!(host.global(first, second), 1),
                        Work::Reduce => stored!(host.reduce(first, second), 1),
                        _ => stored!(host.new_object(first, second, None), 1),
                    }
                }
                Work::General => break,
            }
        }
        (at, None)
    }
}
