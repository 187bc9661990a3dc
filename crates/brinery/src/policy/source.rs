//! The source of a stream that must be written as picklers write it, and may cost so much and no more.

use super::limits::Limits;
use super::rule::Rule;
use crate::opcode::{Opcode, byte};
use crate::read::cursor::narrowed;
use crate::read::{Chunk, ReadError, ReadResult, Source};

/// The longest decimal integer that is read: the time for one grows with the square of its length.
const MOST_DIGITS: usize = 20_000;

/// What is known of an opcode byte under a protocol.
#[derive(Clone, Copy, Debug)]
struct Facts {
    cost: u16,
    /// All ones for what is to be looked at: an opcode of a later protocol, one whose argument matters, and all where they are
    /// counted.
    odd: i8,
}

/// The memory that an object of an opcode takes at the least, with the place that holds it.
const fn cost(opcode: Opcode) -> u16 {
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

/// The facts by protocol.
static FACTS: [[Facts; 256]; 6] = facts(false);

/// The same where all opcodes are counted.
static COUNTED: [[Facts; 256]; 6] = facts(true);

const fn facts(counted: bool) -> [[Facts; 256]; 6] {
    let mut facts = [[Facts { cost: 0, odd: 0 }; 256]; 6];
    let mut protocol = 0;
    while protocol < facts.len() {
        let mut code = 0;
        while code < 256 {
            if let Some(opcode) = Opcode::from_byte(code as u8) {
                let odd = has_telling_argument(opcode) || opcode.info().protocol as usize > protocol;
                facts[protocol][code].cost = cost(opcode);
                facts[protocol][code].odd = if odd || counted { -1 } else { 0 };
            }
            code += 1;
        }
        protocol += 1;
    }
    facts
}

/// Whether there is something to be said of the argument of an opcode.
const fn has_telling_argument(opcode: Opcode) -> bool {
    matches!(opcode, Opcode::Proto | Opcode::Int | Opcode::Long | Opcode::Float | Opcode::Get | Opcode::Put)
}

/// No frame is open.
const NO_FRAME: usize = isize::MAX as usize;

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
#[derive(Clone, Debug)]
pub struct Checked<'de> {
    input: &'de [u8],
    position: usize,
    frame_end: usize,
    protocol: u8,
    /// The facts of this protocol.
    facts: &'static [Facts; 256],
    /// How much memory is left. Below zero is too little, which is found out at the next opcode.
    memory: i64,
    /// How many opcodes are left, where there may be fewer than bytes.
    opcodes: Option<u64>,
}

impl<'de> Checked<'de> {
    /// A source at the start of a stream.
    pub fn new(input: &'de [u8], limits: &Limits) -> Self {
        let opcodes = Some(limits.opcodes_for(input.len())).filter(|&most| most < input.len() as u64);
        Checked {
            input,
            position: 0,
            frame_end: NO_FRAME,
            protocol: 1,
            facts: table(1, opcodes.is_some()),
            memory: budget(limits.memory_for(input.len())),
            opcodes,
        }
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'de [u8] {
        self.input.get(self.position..).unwrap_or_default()
    }

    #[inline(always)]
    fn split(&mut self, len: usize) -> ReadResult<&'de [u8]> {
        let end = self.position.checked_add(len).ok_or(ReadError::Truncated)?;
        let bytes = self.input.get(self.position..end).ok_or(ReadError::Truncated)?;
        self.position = end;
        Ok(bytes)
    }

    /// Pays for an opcode.
    #[inline(always)]
    fn pay_for(&mut self, code: u8) -> Facts {
        let facts = self.facts[usize::from(code)];
        self.memory -= i64::from(facts.cost);
        facts
    }

    /// What goes with every opcode.
    #[inline(always)]
    fn enter(&mut self, code: u8) -> ReadResult<()> {
        let facts = self.pay_for(code);
        // Below zero at the end of a frame and beyond.
        let frame = self.frame_end as i64 - 1 - self.position as i64;
        if (frame | self.memory | i64::from(facts.odd)) < 0 {
            return self.look(code);
        }
        Ok(())
    }

    /// Finds out whether what is odd about an opcode is granted.
    #[cold]
    #[inline(never)]
    fn look(&mut self, code: u8) -> ReadResult<()> {
        if self.position >= self.frame_end {
            if self.position > self.frame_end {
                return Err(refused(Rule::GrammarFrame));
            }
            self.frame_end = NO_FRAME;
        }
        if self.memory < 0 {
            return Err(refused(Rule::BudgetMemory));
        }
        if let Some(left) = self.opcodes {
            self.opcodes = Some(left.checked_sub(1).ok_or_else(|| refused(Rule::BudgetOpcodes))?);
        }
        if table(self.protocol, false)[usize::from(code)].odd == 0 {
            return Ok(());
        }
        match Opcode::from_byte(code) {
            Some(opcode) if has_telling_argument(opcode) => self.look_at(code),
            _ => Err(refused(Rule::GrammarOpcode)),
        }
    }

    /// Judges an argument by its text. The opcode itself has not been consumed.
    fn look_at(&mut self, code: u8) -> ReadResult<()> {
        let argument = self.input.get(self.position + 1..).unwrap_or_default();
        if code == byte::PROTO {
            if self.position > 0 {
                return Err(refused(Rule::GrammarProto));
            }
            let protocol = argument.first().copied().unwrap_or(0);
            if protocol < 2 && !argument.is_empty() {
                return Err(refused(Rule::GrammarProto));
            }
            self.protocol = protocol;
            self.facts = table(protocol, self.opcodes.is_some());
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

/// The facts under a protocol. Those of protocols that there are not yet do not matter: no machine reads them.
fn table(protocol: u8, counted: bool) -> &'static [Facts; 256] {
    let all = if counted { &COUNTED } else { &FACTS };
    &all[usize::from(protocol).min(all.len() - 1)]
}

/// What may be spent, of which there is no more than can be counted.
fn budget(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
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

impl<'de> Source<'de> for Checked<'de> {
    const COPIES: bool = true;

    #[inline(always)]
    fn opcode(&mut self) -> ReadResult<Option<u8>> {
        let Some(&code) = self.input.get(self.position) else { return Ok(None) };
        self.enter(code)?;
        self.position += 1;
        Ok(Some(code))
    }

    #[inline(always)]
    fn opcode_if(&mut self, opcode: u8) -> bool {
        let found = self.input.get(self.position) == Some(&opcode)
            && self.facts[usize::from(opcode)].odd == 0
            && self.position < self.frame_end;
        if found {
            self.pay_for(opcode);
            self.position += 1;
        }
        found
    }

    #[inline(always)]
    fn ahead(&self) -> &[u8] {
        let rest = &self.input[self.position..];
        // What is not granted is to be met as an opcode: the end of a frame, and what a protocol does not have yet.
        let rest = if self.frame_end == NO_FRAME {
            rest
        } else {
            self.input.get(self.position..self.frame_end).unwrap_or_default()
        };
        let early = self.opcodes.is_some()
            || self.protocol < 2
            || self.protocol < 4 && rest.iter().take(2).any(|&code| code == byte::MEMOIZE);
        if early { &[] } else { rest }
    }

    #[inline(always)]
    fn skip(&mut self, count: usize) {
        let end = self.position + count;
        while self.position < end {
            let code = self.input[self.position];
            self.pay_for(code);
            self.position += match code {
                byte::BINPUT => 2,
                byte::LONG_BINPUT => 5,
                _ => 1,
            };
        }
    }

    #[inline(always)]
    fn at_hand<const N: usize>(&mut self) -> Option<&[u8; N]> {
        let bytes = self.input.get(self.position..)?.first_chunk()?;
        self.position += N;
        Some(bytes)
    }

    #[inline(always)]
    fn number_at_hand(&mut self, width: usize) -> Option<u32> {
        let &bytes = self.rest().first_chunk()?;
        self.position += width;
        Some(narrowed(bytes, width))
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> ReadResult<[u8; N]> {
        let bytes = self.rest().first_chunk::<N>().ok_or(ReadError::Truncated)?;
        self.position += N;
        Ok(*bytes)
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> ReadResult<Chunk<'de, '_>> {
        let bytes = self.split(len)?;
        self.memory -= len as i64;
        Ok(Chunk::Borrowed(bytes))
    }

    #[inline]
    fn line(&mut self) -> ReadResult<Chunk<'de, '_>> {
        let end = memchr::memchr(b'\n', self.rest()).ok_or(ReadError::Truncated)?;
        let line = self.split(end)?;
        self.position += 1;
        self.memory -= end as i64;
        Ok(Chunk::Borrowed(line))
    }

    #[inline]
    fn read_into(&mut self, buffer: &mut [u8]) -> ReadResult<()> {
        buffer.copy_from_slice(self.split(buffer.len())?);
        self.memory -= buffer.len() as i64;
        Ok(())
    }

    #[inline(always)]
    fn buffered(&self) -> usize {
        self.input.len() - self.position
    }

    fn frame(&mut self, len: usize) -> ReadResult<()> {
        if self.frame_end != NO_FRAME {
            return Err(refused(Rule::GrammarFrame));
        }
        if len > self.buffered() {
            return Err(ReadError::Truncated);
        }
        self.frame_end = self.position + len;
        Ok(())
    }

    fn finish(&mut self) -> ReadResult<()> {
        if self.frame_end != NO_FRAME && self.position != self.frame_end {
            return Err(refused(Rule::GrammarFrame));
        }
        Ok(())
    }

    #[inline(always)]
    fn offset(&self) -> u64 {
        self.position as u64
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
