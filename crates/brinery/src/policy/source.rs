//! The source of a stream that must be written as picklers write it, and may cost so much and no more.

use super::limits::Limits;
use super::rule::Rule;
use crate::opcode::{Opcode, byte};
use crate::read::{Chunk, ReadError, ReadResult, Source};

/// The longest decimal integer that is read: the time for one grows with the square of its length.
const MOST_DIGITS: usize = 20_000;

/// What is known of an opcode byte: its protocol, what it costs, and whether its argument is looked at.
#[derive(Clone, Copy)]
struct Facts {
    cost: u16,
    protocol: u8,
    looked_at: bool,
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

static FACTS: [Facts; 256] = {
    let mut facts = [Facts { cost: 0, protocol: 0, looked_at: false }; 256];
    let mut code = 0;
    while code < 256 {
        if let Some(opcode) = Opcode::from_byte(code as u8) {
            let looked_at = matches!(
                opcode,
                Opcode::Proto | Opcode::Int | Opcode::Long | Opcode::Float | Opcode::Get | Opcode::Put
            );
            facts[code] = Facts { cost: cost(opcode), protocol: opcode.info().protocol, looked_at };
        }
        code += 1;
    }
    facts
};

/// No frame is open.
const NO_FRAME: usize = usize::MAX;

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
    spent: u64,
    memory: u64,
    opcodes: u64,
    most_opcodes: u64,
}

impl<'de> Checked<'de> {
    /// A source at the start of a stream.
    pub fn new(input: &'de [u8], limits: &Limits) -> Self {
        Checked {
            input,
            position: 0,
            frame_end: NO_FRAME,
            protocol: 1,
            spent: 0,
            memory: limits.memory_for(input.len()),
            opcodes: 0,
            most_opcodes: limits.opcodes_for(input.len()),
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

    /// What goes with every opcode.
    #[inline(always)]
    fn enter(&mut self, code: u8) -> ReadResult<()> {
        let facts = FACTS[usize::from(code)];
        if self.position >= self.frame_end {
            if self.position > self.frame_end {
                return Err(refused(Rule::GrammarFrame));
            }
            self.frame_end = NO_FRAME;
        }
        self.spent += u64::from(facts.cost);
        self.opcodes += 1;
        if self.spent > self.memory {
            return Err(refused(Rule::BudgetMemory));
        }
        if self.opcodes > self.most_opcodes {
            return Err(refused(Rule::BudgetOpcodes));
        }
        if facts.looked_at {
            return self.look_at(code);
        }
        if facts.protocol > self.protocol {
            return Err(refused(Rule::GrammarOpcode));
        }
        Ok(())
    }

    /// Judges an argument by its text. The opcode itself has not been consumed.
    #[cold]
    #[inline(never)]
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
        let facts = FACTS[usize::from(opcode)];
        let found = self.input.get(self.position) == Some(&opcode)
            && facts.protocol <= self.protocol
            && self.position < self.frame_end;
        if found {
            // It counts: what it is short of is found out at the next opcode.
            self.spent += u64::from(facts.cost);
            self.opcodes += 1;
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
        let early =
            self.protocol < 2 || self.protocol < 4 && rest.iter().take(2).any(|&code| code == byte::MEMOIZE);
        if early { &[] } else { rest }
    }

    #[inline(always)]
    fn skip(&mut self, count: usize) {
        let end = self.position + count;
        while self.position < end {
            let code = self.input[self.position];
            self.spent += u64::from(FACTS[usize::from(code)].cost);
            self.opcodes += 1;
            self.position += match code {
                byte::BINPUT => 2,
                byte::LONG_BINPUT => 5,
                _ => 1,
            };
        }
    }

    #[inline(always)]
    fn number(&mut self, width: usize) -> ReadResult<u32> {
        if width <= 4
            && let Some(&bytes) = self.rest().first_chunk::<4>()
        {
            self.position += width;
            return Ok(u32::from_le_bytes(bytes) & (u32::MAX >> (32 - 8 * width as u32)));
        }
        let bytes = self.split(width)?;
        Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> ReadResult<[u8; N]> {
        let bytes = self.rest().first_chunk::<N>().ok_or(ReadError::Truncated)?;
        self.position += N;
        Ok(*bytes)
    }

    #[inline(always)]
    fn byte(&mut self) -> ReadResult<u8> {
        let &byte = self.input.get(self.position).ok_or(ReadError::Truncated)?;
        self.position += 1;
        Ok(byte)
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> ReadResult<Chunk<'de, '_>> {
        let bytes = self.split(len)?;
        self.spent += len as u64;
        Ok(Chunk::Borrowed(bytes))
    }

    #[inline]
    fn line(&mut self) -> ReadResult<Chunk<'de, '_>> {
        let end = memchr::memchr(b'\n', self.rest()).ok_or(ReadError::Truncated)?;
        let line = self.split(end)?;
        self.position += 1;
        self.spent += end as u64;
        Ok(Chunk::Borrowed(line))
    }

    #[inline]
    fn read_into(&mut self, buffer: &mut [u8]) -> ReadResult<()> {
        buffer.copy_from_slice(self.split(buffer.len())?);
        self.spent += buffer.len() as u64;
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
    fn what_is_skipped_counts_and_is_not_of_another_frame_or_protocol() {
        let limits = Limits { opcodes: Some(3), ..Limits::default() };
        let mut source = Checked::new(b"\x80\x04]\x94r\0\0\0\0bN.", &limits);
        let _ = (source.opcode(), source.byte(), source.opcode());
        assert_eq!(source.ahead(), b"\x94r\0\0\0\0bN.");
        source.skip(7);
        assert_eq!((source.offset(), source.opcodes), (10, 5));
        assert!(source.opcode().is_err());
        let mut source = Checked::new(b"\x80\x02]\x94b.", &Limits::default());
        let _ = (source.opcode(), source.byte(), source.opcode());
        assert_eq!(source.ahead(), b"");
        let mut source = Checked::new(b"\x80\x04\x95\x02\0\0\0\0\0\0\0]\x94bN.", &Limits::default());
        let _ = (source.opcode(), source.byte(), source.opcode(), source.word());
        source.frame(2).unwrap();
        assert_eq!(source.ahead(), b"]\x94");
    }

    #[test]
    fn many_small_objects_cost_more_than_their_bytes() {
        let lists = [&b"("[..], &b"]".repeat(4 << 20), b"t."].concat();
        assert_eq!(rule(&lists), Some(Rule::BudgetMemory));
    }
}
