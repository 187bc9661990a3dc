//! Spellings that readers of pickles do not agree on.
//!
//! CPython's C engine, `pickle.py`, `pickletools.genops` and what is built on it read these in different ways: one of
//! them may see nothing where another runs something. No pickler writes them.

use brinery::Opcode;
use brinery::policy::cost;
use brinery::read::{Argument, Decoder, HIGHEST_PROTOCOL};

/// How many digits a number may have.
const DIGITS: usize = 4000;
/// How many are told of one stream.
const MOST: usize = 8;

/// An odd spelling.
#[derive(Debug)]
pub(crate) struct Odd {
    pub(crate) offset: u64,
    pub(crate) rule: &'static str,
    pub(crate) message: String,
    /// Whether it is odd even in a stream that resolves nothing.
    pub(crate) always: bool,
}

/// What is found by going through a stream.
#[derive(Debug)]
pub(crate) struct Spelling {
    pub(crate) odds: Vec<Odd>,
    /// Whether it is written as picklers write it in every respect.
    pub(crate) strict: bool,
    /// How much memory its objects take at most, by what the policies count.
    pub(crate) memory: u64,
}

/// What opcodes cost by their bytes, besides their arguments.
const COSTS: [u16; 256] = {
    let mut costs = [0; 256];
    let mut index = 0;
    while index < Opcode::ALL.len() {
        costs[Opcode::ALL[index] as usize] = cost(Opcode::ALL[index]);
        index += 1;
    }
    costs
};

/// Goes through the opcodes of a stream.
pub(crate) fn check(stream: &[u8], base: u64) -> Spelling {
    let mut odds = Vec::new();
    let (mut strict, mut memory) = (true, 0);
    let mut declared: Option<i64> = None;
    let mut frame_end: Option<u64> = None;
    let mut decoder = Decoder::with_base(stream, base);
    while odds.len() < MOST {
        // Where nothing is declared it is protocol 0 or 1, or a pickler of its own.
        let highest = if declared.is_none() && strict { 1 } else { plain_in(declared) };
        let plain = |opcode, line: &_| {
            strict &= is_strict_line(opcode, line);
            is_plain_line(opcode, line)
        };
        let mut each = |opcode: u8, len| memory += u64::from(COSTS[usize::from(opcode)]) + len as u64;
        decoder.pass_each(&PLAIN[highest], frame_end.unwrap_or(u64::MAX), plain, &mut each);
        let Some(Ok(instruction)) = decoder.next() else { break };
        each(instruction.opcode as u8, (instruction.end - instruction.offset) as usize);
        let mut odd = |rule, always, message: String| {
            odds.push(Odd { offset: instruction.offset, rule, message, always });
        };
        let opcode = instruction.opcode;
        if let Argument::Line(line) = instruction.argument {
            strict &= is_strict_line(opcode as u8, line);
        }
        strict &= declared.is_some() || opcode.info().protocol <= 1 || opcode == Opcode::Proto;
        if let Some(end) = frame_end {
            if instruction.offset >= end {
                frame_end = None;
            } else if instruction.end > end && opcode != Opcode::Frame {
                odd("frame-edge", false, format!("{opcode} goes on beyond the end of its frame"));
                frame_end = None;
            }
        }
        match (opcode, instruction.argument) {
            (Opcode::Proto, Argument::Int(protocol)) => {
                if instruction.offset > base {
                    odd("proto-again", false, format!("PROTO {protocol} is not the first opcode"));
                }
                strict &= protocol >= 2;
                declared = Some(protocol);
            }
            (Opcode::Frame, Argument::UInt8(len)) => {
                if frame_end.is_some() {
                    odd("frame-nested", false, "a frame begins inside a frame".into());
                }
                frame_end = Some(instruction.end.saturating_add(len));
            }
            (
                Opcode::Int | Opcode::Long | Opcode::Float | Opcode::Get | Opcode::Put,
                Argument::Line(line),
            ) if !is_plain_line(opcode as u8, line) => {
                let (rule, what) = match opcode {
                    Opcode::Float => ("number", "plain number"),
                    Opcode::Get | Opcode::Put => ("memo-index", "plain index"),
                    _ => ("number", "decimal number"),
                };
                odd(rule, false, format!("{opcode} {} is no {what}", show(line)));
            }
            (Opcode::Global | Opcode::Inst, Argument::Lines(module, name)) => {
                for line in [module, name] {
                    if line.iter().any(|byte| byte.is_ascii_control() || byte.is_ascii_whitespace()) {
                        odd(
                            "odd-name",
                            true,
                            format!("{opcode} with white space in the name: {}", show(line)),
                        );
                    }
                }
            }
            _ => {}
        }
        // Picklers declare the protocol that they write, from 2 on.
        if let Some(declared) = declared
            && i64::from(opcode.info().protocol) > declared
        {
            odd(
                "opcode-above-protocol",
                false,
                format!("{opcode} does not exist in protocol {declared}, which is declared"),
            );
        }
    }
    let last = base + stream.len() as u64;
    strict &= odds.is_empty() && frame_end.is_none_or(|end| end <= last);
    Spelling { odds, strict, memory }
}

/// Which opcodes are nothing to look at, by the highest protocol that they may be of.
const PLAIN: [[bool; 256]; HIGHEST_PROTOCOL as usize + 1] = {
    let mut plain = [[false; 256]; HIGHEST_PROTOCOL as usize + 1];
    let mut protocol = 0;
    while protocol < plain.len() {
        let mut index = 0;
        while index < Opcode::ALL.len() {
            let opcode = Opcode::ALL[index];
            let looked_at = matches!(opcode, Opcode::Proto | Opcode::Frame | Opcode::Stop);
            plain[protocol][opcode as usize] = !looked_at && opcode.info().protocol as usize <= protocol;
            index += 1;
        }
        protocol += 1;
    }
    plain
};

const INT: u8 = Opcode::Int as u8;
const LONG: u8 = Opcode::Long as u8;
const FLOAT: u8 = Opcode::Float as u8;
const GET: u8 = Opcode::Get as u8;
const PUT: u8 = Opcode::Put as u8;
const STRING: u8 = Opcode::String as u8;
const UNICODE: u8 = Opcode::Unicode as u8;

/// Whether a line is one that picklers write, for an opcode of protocol 0.
fn is_plain_line(opcode: u8, line: &[u8]) -> bool {
    match opcode {
        GET | PUT => is_index(line),
        INT => is_decimal(line),
        LONG => is_decimal(line.strip_suffix(b"L").unwrap_or(line)),
        FLOAT => is_plain_number(line),
        STRING | UNICODE => true,
        _ => false,
    }
}

/// Whether a line is one of which every reader makes the same, and none takes long to do so.
fn is_strict_line(opcode: u8, line: &[u8]) -> bool {
    let integer = |line: &[u8]| {
        let digits = line.strip_prefix(b"-").unwrap_or(line);
        digits.len() <= DIGITS && (digits.len() == 1 || !digits.starts_with(b"0"))
    };
    match opcode {
        GET | PUT => integer(line),
        INT => integer(line) || matches!(line, b"00" | b"01"),
        LONG => integer(line.strip_suffix(b"L").unwrap_or(line)),
        FLOAT => {
            let digits = line.strip_prefix(b"-").unwrap_or(line);
            matches!(digits, b"inf" | b"nan")
                || digits.first().is_some_and(u8::is_ascii_digit)
                    && digits.len() <= 400
                    && digits.iter().all(|byte| byte.is_ascii_digit() || b".e+-".contains(byte))
        }
        UNICODE => {
            let escapes = memchr::memchr_iter(b'\\', line);
            escapes.into_iter().all(|at| {
                let digits = line.get(at + 2..at + 6).unwrap_or_default();
                line.get(at + 1) == Some(&b'u')
                    && digits.len() == 4
                    && digits.iter().all(u8::is_ascii_hexdigit)
                    && !matches!(digits, [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..])
            })
        }
        _ => false,
    }
}

fn is_index(line: &[u8]) -> bool {
    !line.is_empty() && line.len() <= 19 && line.iter().all(u8::is_ascii_digit)
}

fn is_plain_number(line: &[u8]) -> bool {
    !line.iter().any(|byte| byte.is_ascii_whitespace() || *byte == b'_')
}

fn plain_in(declared: Option<i64>) -> usize {
    let highest = i64::from(HIGHEST_PROTOCOL);
    declared.unwrap_or(highest).clamp(0, highest) as usize
}

fn is_decimal(line: &[u8]) -> bool {
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn show(line: &[u8]) -> String {
    let text: String =
        line.iter().take(40).flat_map(|byte| std::ascii::escape_default(*byte)).map(char::from).collect();
    format!("'{text}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(stream: &[u8]) -> Vec<&'static str> {
        check(stream, 0).odds.into_iter().map(|odd| odd.rule).collect()
    }

    #[test]
    fn what_picklers_write_is_not_odd() {
        for stream in [
            &b"\x80\x04\x95\x06\0\0\0\0\0\0\0]\x94(K\x01e."[..],
            b"(lp0\nI1\naI01\naL-5L\naF1.5\na.",
            b"\x80\x02}q\0.",
        ] {
            assert_eq!(rules(stream), [""; 0], "{stream:?}");
        }
    }

    #[test]
    fn oddities_are_found() {
        assert_eq!(rules(b"\x80\x02\x80\x04N."), ["proto-again"]);
        assert_eq!(rules(b"I0x10\n."), ["number"]);
        assert_eq!(rules(b"L1_0L\n."), ["number"]);
        assert_eq!(rules(b"]p 0\ng0\n."), ["memo-index"]);
        assert_eq!(rules(b"\x80\x04\x95\x01\0\0\0\0\0\0\0K\x01."), ["frame-edge"]);
        assert_eq!(rules(b"\x80\x02\x8c\x01a."), ["opcode-above-protocol"]);
        assert_eq!(rules(b"c os\nsystem\n."), ["odd-name"]);
    }
}
