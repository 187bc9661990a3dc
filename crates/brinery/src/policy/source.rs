//! The source of a stream that must be written as picklers write it, and may cost so much and no more.

use super::limits::Limits;
use super::rule::Rule;
use crate::opcode::{Opcode, byte};
use crate::read::cursor::narrowed;
use crate::read::rest::Rest;
use crate::read::{Argument, Chunk, Decoder, ReadError, ReadResult, Source};

/// The longest decimal integer that is read: the time for one grows with the square of its length.
const MOST_DIGITS: usize = 20_000;

/// The memory that an object of an opcode takes at the least, with the place that holds it.
pub const fn cost(opcode: Opcode) -> u16 {
    match opcode {
        Opcode::EmptyList | Opcode::List => 72,
        Opcode::EmptyDict | Opcode::Dict => 80,
        Opcode::EmptySet | Opcode::FrozenSet => 224,
        Opcode::SetItem | Opcode::SetItems => 120,
        Opcode::Append | Opcode::Appends => 32,
        Opcode::Tuple | Opcode::Tuple1 | Opcode::Tuple2 | Opcode::Tuple3 => 56,
        Opcode::BinInt
        | Opcode::BinInt2
        | Opcode::Int
        | Opcode::Long
        | Opcode::Long1
        | Opcode::Long4
        | Opcode::BinFloat
        | Opcode::Float => 40,
        Opcode::Unicode
        | Opcode::ShortBinUnicode
        | Opcode::BinUnicode
        | Opcode::BinUnicode8
        | Opcode::String
        | Opcode::BinString
        | Opcode::ShortBinString
        | Opcode::BinBytes
        | Opcode::ShortBinBytes
        | Opcode::BinBytes8
        | Opcode::ByteArray8 => 64,
        Opcode::Reduce
        | Opcode::NewObj
        | Opcode::NewObjEx
        | Opcode::Inst
        | Opcode::Obj
        | Opcode::Global
        | Opcode::StackGlobal => 96,
        Opcode::AddItems => 32,
        // The state has been counted, and is given up.
        Opcode::Build => 16,
        Opcode::Memoize | Opcode::BinPut | Opcode::LongBinPut | Opcode::Put => 8,
        _ => 8,
    }
}

/// What opcodes cost by protocol. What is odd about one is to be looked at, and costs more than there can be: an opcode of a later
/// protocol, and one whose argument matters.
static COSTS: [[i64; 256]; 6] = costs(false);

/// The same where all opcodes are looked at.
static ALL_ODD: [[i64; 256]; 6] = costs(true);

/// More than there ever is to be spent.
const ODD: i64 = i64::MAX / 2;

const fn costs(all_odd: bool) -> [[i64; 256]; 6] {
    let mut costs = [[0; 256]; 6];
    let mut protocol = 0;
    while protocol < costs.len() {
        let mut code = 0;
        while code < 256 {
            if let Some(opcode) = Opcode::from_byte(code as u8) {
                let odd = all_odd || is_odd(opcode, protocol);
                costs[protocol][code] = if odd { ODD } else { cost(opcode) as i64 };
            }
            code += 1;
        }
        protocol += 1;
    }
    costs
}

/// Whether an opcode is to be looked at under a protocol.
const fn is_odd(opcode: Opcode, protocol: usize) -> bool {
    has_telling_argument(opcode) || opcode.info().protocol as usize > protocol
}

/// Whether there is something to be said of the argument of an opcode.
const fn has_telling_argument(opcode: Opcode) -> bool {
    matches!(opcode, Opcode::Proto | Opcode::Int | Opcode::Long | Opcode::Float | Opcode::Get | Opcode::Put)
}

/// A [`Source`] over a slice that refuses what no pickler writes, and counts what the objects cost.
///
/// The machine runs on it as on any source, so that a stream is judged by the very reading that loads it.
///
/// ```
/// use brinery::policy::{Checked, Limits};
/// use brinery::read::Source;
///
/// let limits = Limits::default();
/// assert!(Checked::new(b"\x80\x04N.", &limits).opcode().is_ok());
/// // An opcode of protocol 4 where none is declared.
/// assert!(Checked::new(b"\x94", &limits).opcode().is_err());
/// ```
///
/// Where nothing is `PRICED` it only sees to the grammar. That is for streams of protocol 4 and later, in which what is odd is rare,
/// and for hosts that [count](super::Memory) what costs more than its bytes by themselves.
#[derive(Clone, Debug)]
pub struct Checked<'de, const PRICED: bool = true> {
    /// What has not been read of the frame, or of the input where no frame is open.
    rest: Rest<'de>,
    input: &'de [u8],
    in_frame: bool,
    protocol: u8,
    /// What is shown of the opcodes ahead: what is odd about one is met only by reading it.
    shows: Shows,
    /// What opcodes cost under this protocol.
    costs: &'static [i64; 256],
    /// How much memory is left. Below zero is too little, which is found out at the next opcode.
    memory: i64,
    /// How many opcodes are left, where there may be fewer than bytes.
    opcodes: Option<u64>,
}

/// Which opcodes are shown ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    None,
    /// Those of protocol 2, of which the memo is filled by number.
    Numbered,
    All,
}

impl<'de> Checked<'de> {
    /// A source at the start of a stream.
    pub fn new(input: &'de [u8], limits: &Limits) -> Self {
        let opcodes = Some(limits.opcodes_for(input.len())).filter(|&most| most < input.len() as u64);
        Checked {
            rest: Rest::new(input),
            input,
            in_frame: false,
            protocol: 1,
            shows: Shows::None,
            costs: table(1, opcodes.is_some()),
            memory: budget(limits.memory_for(input.len())),
            opcodes,
        }
    }
}

impl<'de> Checked<'de, false> {
    /// A source at the start of a stream of which nothing has to be counted opcode by opcode.
    pub fn unpriced(input: &'de [u8], limits: &Limits) -> Option<Self> {
        let is_late = matches!(*input, [byte::PROTO, protocol, ..] if protocol >= 4);
        (is_late && limits.opcodes_for(input.len()) >= input.len() as u64).then(|| Checked {
            rest: Rest::new(input),
            input,
            in_frame: false,
            protocol: input[1],
            shows: Shows::All,
            costs: table(input[1], false),
            memory: 0,
            opcodes: None,
        })
    }
}

/// How much memory the objects of a stream take for each of its bytes at most, those apart that a host of an
/// [unpriced](Checked::unpriced) source counts by their opcodes' [cost].
///
/// The worst are texts of one character that takes two bytes, of 88 bytes with their places in a container and the memo.
pub(super) const BARE_RATE: u64 = 24;

/// Whether the objects of a stream take no more memory than they may, or the stream is not one.
pub(super) fn fits_memory(input: &[u8], limits: &Limits) -> bool {
    let most = limits.memory_for(input.len());
    let mut left = budget(most);
    Decoder::new(input).map_while(Result::ok).all(|instruction| {
        let taken = match instruction.argument {
            Argument::Bytes(bytes) | Argument::Line(bytes) => bytes.len(),
            Argument::Lines(module, name) => module.len() + name.len(),
            _ => 0,
        };
        left -= i64::from(cost(instruction.opcode)) + taken as i64;
        left >= 0
    })
}

impl<'de, const PRICED: bool> Checked<'de, PRICED> {
    /// What has not been read yet.
    #[inline(always)]
    pub fn rest(&self) -> &'de [u8] {
        if self.in_frame { &self.input[self.position()..] } else { self.rest.bytes() }
    }

    #[inline(always)]
    fn position(&self) -> usize {
        self.rest.address() - self.input.as_ptr().addr()
    }

    /// Does what is rare on a copy, so that the address of the source stays unknown, and what moves can be in registers.
    #[inline(always)]
    fn apart<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        let mut copy = self.clone();
        let result = work(&mut copy);
        if PRICED {
            *self = copy;
        } else {
            // Nothing else changes where nothing is counted, and what cannot change needs no place among what does.
            (self.rest, self.in_frame) = (copy.rest, copy.in_frame);
        }
        result
    }

    /// What to say where there are fewer bytes than so many.
    #[inline(always)]
    fn too_few(&self, len: usize) -> ReadError {
        self.clone().truncated(len)
    }

    #[cold]
    fn truncated(self, len: usize) -> ReadError {
        if self.in_frame && len <= self.rest().len() {
            refused(Rule::GrammarFrame)
        } else {
            ReadError::Truncated
        }
    }

    /// What to say of a line without an end.
    #[cold]
    fn endless(self) -> ReadError {
        let rest = self.rest();
        let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len()) + 1;
        self.truncated(len)
    }

    #[inline(always)]
    fn split(&mut self, len: usize) -> ReadResult<&'de [u8]> {
        match self.rest.split(len) {
            Some(bytes) => Ok(bytes),
            None => Err(self.too_few(len)),
        }
    }

    /// Pays for a copy of so many bytes.
    #[inline(always)]
    fn pay(&mut self, len: usize) {
        if PRICED {
            self.memory -= len as i64;
        }
    }

    /// Pays for an opcode with which nothing is odd, if there is enough to do so.
    #[inline(always)]
    fn pay_for(&mut self, code: u8) -> bool {
        if !PRICED {
            return true;
        }
        let left = self.memory - self.costs[usize::from(code)];
        if left >= 0 {
            self.memory = left;
        }
        left >= 0
    }

    /// The next opcode, where a frame ends before it or something about it is odd, if that is granted.
    #[cold]
    #[inline(never)]
    fn look(&mut self) -> ReadResult<Option<u8>> {
        if self.rest.is_empty() {
            self.rest = Rest::new(self.rest());
            self.in_frame = false;
        }
        let Some(code) = self.rest.first() else { return Ok(None) };
        if self.pay_for(code) {
            self.rest.skip(1);
            return Ok(Some(code));
        }
        let opcode = Opcode::from_byte(code);
        self.memory -= opcode.map_or(0, |opcode| i64::from(cost(opcode)));
        if self.memory < 0 {
            return Err(refused(Rule::BudgetMemory));
        }
        if let Some(left) = self.opcodes {
            self.opcodes = Some(left.checked_sub(1).ok_or_else(|| refused(Rule::BudgetOpcodes))?);
        }
        self.rest.skip(1);
        self.judge(code)?;
        Ok(Some(code))
    }

    /// Finds out whether what may be odd about an opcode is granted.
    #[cold]
    #[inline(never)]
    fn judge(&mut self, code: u8) -> ReadResult<()> {
        if !PRICED && code == byte::PROTO && self.position() == 1 {
            // It is why the source is of this kind.
            return Ok(());
        }
        match Opcode::from_byte(code) {
            Some(opcode) if !is_odd(opcode, usize::from(self.protocol)) => Ok(()),
            Some(opcode) if !has_telling_argument(opcode) => Err(refused(Rule::GrammarOpcode)),
            Some(_) => self.judge_argument(code),
            None => Ok(()),
        }
    }

    /// Judges the argument that comes next by its text.
    fn judge_argument(&mut self, code: u8) -> ReadResult<()> {
        let argument = self.rest.bytes();
        if code == byte::PROTO {
            if self.position() > 1 {
                return Err(refused(Rule::GrammarProto));
            }
            let protocol = argument.first().copied().unwrap_or(0);
            if protocol < 2 && !argument.is_empty() {
                return Err(refused(Rule::GrammarProto));
            }
            self.protocol = protocol;
            self.costs = table(protocol, self.opcodes.is_some());
            self.shows = match protocol {
                _ if self.opcodes.is_some() => Shows::None,
                2 | 3 => Shows::Numbered,
                _ => Shows::All,
            };
            return Ok(());
        }
        // A line without an end is truncated input, as the machine will say.
        let Some(end) = memchr::memchr(b'\n', argument) else { return Ok(()) };
        let line = &argument[..end];
        let fits = match code {
            byte::INT => is_integer(line) || line == b"00" || line == b"01",
            byte::LONG => is_integer(line.strip_suffix(b"L").unwrap_or(line)),
            byte::FLOAT => is_float(line),
            _ => is_integer(line) && line[0] != b'-',
        };
        if fits { Ok(()) } else { Err(refused(Rule::GrammarNumber)) }
    }
}

/// What opcodes cost under a protocol. Those of protocols that there are not yet do not matter: no machine reads them.
fn table(protocol: u8, counted: bool) -> &'static [i64; 256] {
    let all = if counted { &ALL_ODD } else { &COSTS };
    &all[usize::from(protocol).min(all.len() - 1)]
}

/// What may be spent, of which there is no more than can be counted.
fn budget(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX).min(ODD - 1)
}

#[cold]
fn refused(rule: Rule) -> ReadError {
    ReadError::Refused(rule)
}

/// Whether this is an integer as Python prints it.
fn is_integer(line: &[u8]) -> bool {
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    !digits.is_empty()
        && digits.len() <= MOST_DIGITS
        && digits.iter().all(u8::is_ascii_digit)
        && (digits[0] != b'0' || digits.len() == 1)
}

/// Whether this is a float as Python prints it.
fn is_float(line: &[u8]) -> bool {
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    matches!(digits, b"inf" | b"nan")
        || digits.len() <= 400
            && digits.first().is_some_and(u8::is_ascii_digit)
            && digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'+' | b'-'))
}

impl<'de, const PRICED: bool> Source<'de> for Checked<'de, PRICED> {
    const COPIES: bool = true;

    #[inline(always)]
    fn opcode(&mut self) -> ReadResult<Option<u8>> {
        match self.opcode_at_hand() {
            Some(code) => Ok(Some(code)),
            None => self.apart(Self::look),
        }
    }

    #[inline(always)]
    fn opcode_at_hand(&mut self) -> Option<u8> {
        if !PRICED {
            return self.rest.next();
        }
        let code = self.rest.first()?;
        self.pay_for(code).then(|| {
            self.rest.skip(1);
            code
        })
    }

    #[inline(always)]
    fn opcode_if(&mut self, opcode: u8) -> bool {
        let found = self.rest.first() == Some(opcode) && self.pay_for(opcode);
        if found {
            self.rest.skip(1);
        }
        found
    }

    #[inline(always)]
    fn admit(&mut self, opcode: u8) -> ReadResult<()> {
        if PRICED { Ok(()) } else { self.apart(|source| source.judge(opcode)) }
    }

    #[inline(always)]
    fn ahead(&self) -> &[u8] {
        match self.shows {
            _ if !PRICED => self.rest.bytes(),
            Shows::All => self.rest.bytes(),
            Shows::Numbered if !self.rest.bytes().iter().take(2).any(|&code| code == byte::MEMOIZE) => {
                self.rest.bytes()
            }
            Shows::Numbered | Shows::None => &[],
        }
    }

    #[inline(always)]
    fn skip(&mut self, count: usize) {
        if !PRICED {
            return self.rest.skip(count);
        }
        let mut left = count;
        while left > 0
            && let Some(code) = self.rest.first()
        {
            // What is shown is not odd; too little is found out at the next opcode.
            self.memory -= self.costs[usize::from(code)];
            let len = match code {
                byte::BINPUT => 2,
                byte::LONG_BINPUT => 5,
                _ => 1,
            };
            self.rest.skip(len);
            left = left.saturating_sub(len);
        }
    }

    #[inline(always)]
    fn at_hand<const N: usize>(&mut self) -> Option<&[u8; N]> {
        self.rest.chunk()
    }

    #[inline(always)]
    fn number_at_hand(&mut self, width: usize) -> Option<u32> {
        let &bytes = self.rest.first_chunk()?;
        self.rest.skip(width);
        Some(narrowed(bytes, width))
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> ReadResult<[u8; N]> {
        match self.rest.chunk() {
            Some(&bytes) => Ok(bytes),
            None => Err(self.too_few(N)),
        }
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> ReadResult<Chunk<'de, '_>> {
        let bytes = self.split(len)?;
        self.pay(len);
        Ok(Chunk::Borrowed(bytes))
    }

    #[inline(always)]
    fn line(&mut self) -> ReadResult<Chunk<'de, '_>> {
        let Some(end) = memchr::memchr(b'\n', self.rest.bytes()) else { return Err(self.clone().endless()) };
        let line = self.split(end)?;
        self.rest.skip(1);
        self.pay(end);
        Ok(Chunk::Borrowed(line))
    }

    #[inline(always)]
    fn read_into(&mut self, buffer: &mut [u8]) -> ReadResult<()> {
        buffer.copy_from_slice(self.split(buffer.len())?);
        self.pay(buffer.len());
        Ok(())
    }

    #[inline(always)]
    fn buffered(&self) -> usize {
        self.rest.len()
    }

    #[inline(always)]
    fn frame(&mut self, len: usize) -> ReadResult<()> {
        if self.in_frame {
            return Err(refused(Rule::GrammarFrame));
        }
        self.rest = Rest::new(self.rest.bytes().get(..len).ok_or(ReadError::Truncated)?);
        self.in_frame = true;
        Ok(())
    }

    #[inline(always)]
    fn finish(&mut self) -> ReadResult<()> {
        if self.in_frame && !self.rest.is_empty() {
            return Err(refused(Rule::GrammarFrame));
        }
        Ok(())
    }

    #[inline(always)]
    fn offset(&self) -> u64 {
        self.position() as u64
    }

    #[inline(always)]
    fn mark(&self) -> u64 {
        self.rest.address() as u64
    }

    #[inline(always)]
    fn offset_of(&self, mark: u64) -> u64 {
        mark - self.input.as_ptr().addr() as u64
    }

    #[inline(always)]
    fn copy(&self) -> Self {
        self.clone()
    }

    fn lookahead(&self, offset: u64) -> &[u8] {
        usize::try_from(offset).ok().and_then(|start| self.input.get(start..)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Graph;

    fn rule(stream: &[u8]) -> Option<Rule> {
        let mut source = Checked::new(stream, &Limits::default());
        match crate::value::load(Graph::new(), &mut source) {
            Ok(_) => None,
            Err(error) => error.rule(),
        }
    }

    #[test]
    fn what_picklers_write_is_read() {
        for stream in [
            &b"I01\n."[..],
            b"I-5\n.",
            b"L123L\n.",
            b"F1e-05\n.",
            b"F-inf\n.",
            b"(lp0\nI1\na.",
            b"\x80\x04\x95\x03\0\0\0\0\0\0\0]\x94.",
            b"\x80\x02}q\0.",
        ] {
            assert_eq!(rule(stream), None, "{stream:?}");
        }
    }

    #[test]
    fn what_none_writes_is_refused() {
        for (stream, expected) in [
            (&b"N\x80\x02."[..], Rule::GrammarProto),
            (b"\x80\x02\x80\x02N.", Rule::GrammarProto),
            (b"\x80\x01N.", Rule::GrammarProto),
            (b"\x80\x02\x8c\x01a.", Rule::GrammarOpcode),
            (b"\x88.", Rule::GrammarOpcode),
            (b"I0x10\n.", Rule::GrammarNumber),
            (b"I 1\n.", Rule::GrammarNumber),
            (b"L1_0L\n.", Rule::GrammarNumber),
            (b"F 1\n.", Rule::GrammarNumber),
            (b"Np+1\n.", Rule::GrammarNumber),
            (b"\x80\x04\x95\x04\0\0\0\0\0\0\0]\x94.N", Rule::GrammarFrame),
            (b"\x80\x04\x95\x04\0\0\0\0\0\0\0\x8c\x05hello.", Rule::GrammarFrame),
            (b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x95\x01\0\0\0\0\0\0\0N.", Rule::GrammarFrame),
        ] {
            assert_eq!(rule(stream), Some(expected), "{stream:?}");
        }
    }

    #[test]
    fn the_grammar_is_the_same_where_nothing_is_priced() {
        let limits = Limits::default();
        for stream in [
            &b"\x80\x04\x95\x03\0\0\0\0\0\0\0]\x94."[..],
            b"\x80\x04I-5\n.",
            b"\x80\x04I0x10\n.",
            b"\x80\x04L1_0L\n.",
            b"\x80\x04F 1\n.",
            b"\x80\x04Np+1\n.",
            b"\x80\x04g 1\n.",
            b"\x80\x04\x80\x04N.",
            b"\x80\x04\x96\0\0\0\0\0\0\0\0.",
            b"\x80\x05\x96\0\0\0\0\0\0\0\0.",
            b"\x80\x04\x95\x04\0\0\0\0\0\0\0]\x94.N",
            b"\x80\x04\x95\x04\0\0\0\0\0\0\0\x8c\x05hello.",
            b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x95\x01\0\0\0\0\0\0\0N.",
            b"\x80\x04\x95\x02\0\0\0\0\0\0\0]\x94N0.",
        ] {
            let mut source = Checked::unpriced(stream, &limits).unwrap();
            let found = crate::value::load(Graph::new(), &mut source);
            let priced = crate::value::load(Graph::new(), &mut Checked::new(stream, &limits));
            let told = |error: crate::Error| (error.rule(), error.to_string());
            assert_eq!(found.map(drop).map_err(told), priced.map(drop).map_err(told), "{stream:?}");
        }
        for stream in [&b"\x80\x03N."[..], b"N.", b"\x80", b""] {
            assert!(Checked::unpriced(stream, &limits).is_none(), "{stream:?}");
        }
        let few = Limits { opcodes: Some(3), ..Limits::default() };
        assert!(Checked::unpriced(b"\x80\x04](N.", &few).is_none());
    }

    #[test]
    fn a_stream_counted_as_a_whole_costs_what_it_costs_opcode_by_opcode() {
        for stream in [&b"\x80\x04](\x8c\x05helloK\x01C\x03abce."[..], b"\x80\x04}(I12\nG\0\0\0\0\0\0\0\0u."]
        {
            for memory in 0..400 {
                let limits = Limits { memory: Some(memory), ..Limits::default() };
                let priced = crate::value::load(Graph::new(), &mut Checked::new(stream, &limits));
                assert_eq!(fits_memory(stream, &limits), priced.is_ok(), "{stream:?} {memory}");
            }
        }
    }

    #[test]
    fn what_is_skipped_costs_and_is_not_of_another_frame_or_protocol() {
        let limits = Limits { memory: Some(100), ..Limits::default() };
        let mut source = Checked::new(b"\x80\x04]\x94r\0\0\0\0bN.", &limits);
        let _ = (source.opcode(), source.array::<1>(), source.opcode());
        assert_eq!(source.ahead(), b"\x94r\0\0\0\0bN.");
        source.skip(7);
        assert_eq!((source.offset(), source.memory), (10, 100 - 8 - 72 - 8 - 8 - 16));
        assert!(source.opcode().is_err());
        let mut source = Checked::new(b"\x80\x02]\x94b.", &Limits::default());
        let _ = (source.opcode(), source.array::<1>(), source.opcode());
        assert_eq!(source.ahead(), b"");
        let mut source = Checked::new(b"\x80\x04\x95\x02\0\0\0\0\0\0\0]\x94bN.", &Limits::default());
        let _ = (source.opcode(), source.array::<1>(), source.opcode(), source.array::<8>());
        source.frame(2).unwrap();
        assert_eq!(source.ahead(), b"]\x94");
    }

    #[test]
    fn opcodes_are_counted_where_there_may_be_fewer_than_bytes() {
        for (most, error) in [(4, true), (5, false), (6, false), (1000, false)] {
            let limits = Limits { opcodes: Some(most), ..Limits::default() };
            let mut source = Checked::new(b"\x80\x04](N.", &limits);
            let read = [0; 5].map(|_| {
                let code = source.opcode();
                if matches!(code, Ok(Some(byte::PROTO))) {
                    source.array::<1>().unwrap();
                }
                assert!(most >= 6 || source.ahead().is_empty());
                code.is_err()
            });
            assert_eq!(read, [false, false, false, false, error]);
        }
    }

    #[test]
    fn many_small_objects_cost_more_than_their_bytes() {
        let lists = [&b"("[..], &b"]".repeat(4 << 20), b"t."].concat();
        assert_eq!(rule(&lists), Some(Rule::BudgetMemory));
    }
}
