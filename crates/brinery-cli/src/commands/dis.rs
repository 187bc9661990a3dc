//! `brinery dis`

use crate::args::Dis;
use crate::exit::{ExitCode, Failure};
use crate::format::fit;
use crate::input::{self, Input, Pickle};
use crate::output::Terminal;
use crate::style::{Styled, Styles};
use anstyle::Style;
use brinery::inspect::{
    ArgumentValue, DisError, DisMemo, DisOptions, Limits, MemoKey, MemoMap, StackDepth, is_printable,
};
use brinery::read::{Argument, Decoder, Instruction};
use brinery::{Opcode, StackItem, inspect};
use std::fmt::Write as _;
use std::io::{self, Write};

/// How many bytes of an opcode are shown.
const BYTES: usize = 8;
const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// How wide the column of opcode names is.
const NAME: usize = 17;
/// Where remarks start, if what is before them lets them.
const REMARKS: usize = 72;
/// How much of a text is kept for showing it where it is fetched.
const KEPT: usize = 60;
/// How many levels of marks indent.
const LEVELS: usize = 12;
/// How many digits of an integer are read; more are not for people.
const LIMITS: Limits = Limits { int_digits: 4300 };

pub(crate) fn run(args: &Dis, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    input::each(&args.inputs, terminal, |input, terminal| {
        let pickles = input.pickles(&args.inputs.reading)?;
        let mut memo = DisMemo::default();
        for (position, pickle) in pickles.iter().enumerate() {
            if let Some(failure) = input.trailing(pickle) {
                return Err(failure);
            }
            if args.plain {
                if !args.memo {
                    memo.clear();
                }
                plain(args, input, pickle, &mut memo, terminal)?;
                continue;
            }
            if position > 0 {
                writeln!(terminal.out())?;
            }
            if pickles.len() > 1 {
                let heading = terminal.styles.heading;
                writeln!(terminal.out(), "{}", Styled(heading, format!("pickle {}", pickle.number)))?;
            }
            listing(args, input, pickle, terminal)?;
        }
        Ok(())
    })
}

/// Lets the formatter write to an output, and keeps its error.
struct Adapter<'a> {
    out: &'a mut dyn Write,
    result: io::Result<()>,
}

impl std::fmt::Write for Adapter<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.result = self.out.write_all(text.as_bytes());
        self.result.as_ref().map_err(|_| std::fmt::Error).copied()
    }
}

/// The text of pickletools.
fn plain(
    args: &Dis,
    input: &Input,
    pickle: &Pickle<'_>,
    memo: &mut DisMemo,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let options = DisOptions {
        indent: args.indent,
        annotate: if args.annotate { 30 } else { 0 },
        base: Some(pickle.base),
        limits: LIMITS,
        ..DisOptions::default()
    };
    let mut out = Adapter { out: terminal.out(), result: Ok(()) };
    let result = inspect::dis(pickle.bytes, &mut out, memo, &options);
    out.result?;
    match result {
        Ok(_) => Ok(()),
        Err(error) => {
            if matches!(error, DisError::MarkLost | DisError::IntDigits) {
                // These come after the offset of a line that has no end.
                writeln!(terminal.out())?;
            }
            Err(Failure::of(&input.name, error))
        }
    }
}

/// Our own view.
fn listing(
    args: &Dis,
    input: &Input,
    pickle: &Pickle<'_>,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let styles = terminal.styles;
    let width = terminal.width();
    let mut stack = StackDepth::default();
    let mut memo = MemoMap::default();
    let heading = format!("{:>8}  {:<w$}  {:>5}  opcode", "offset", "bytes", "stack", w = BYTES * 3);
    writeln!(terminal.out(), "{}", Styled(styles.heading, heading))?;
    let mut previous = None;
    let mut value = String::new();
    let mut lacking = None;
    for instruction in Decoder::with_base(pickle.bytes, pickle.base) {
        let instruction = instruction.map_err(|error| Failure::of(&input.name, error))?;
        let bytes = &pickle.bytes
            [(instruction.offset - pickle.base) as usize..(instruction.end - pickle.base) as usize];
        let marks = stack.marks();
        let complete = stack.apply(instruction.opcode);
        if !complete {
            lacking.get_or_insert((instruction.offset, instruction.opcode));
        }
        let (argument, malformed) = match ArgumentValue::decode(&instruction, LIMITS) {
            Ok(argument) => (argument, None),
            // What pickletools does not accept is shown as it stands.
            Err(error) => (ArgumentValue::Bytes(raw(&instruction)), Some(error.to_string())),
        };
        let note = malformed
            .unwrap_or_else(|| note(instruction.opcode, &argument, &mut memo, previous.as_deref(), complete));
        value.clear();
        write_argument(&argument, &mut value);
        let row = Row {
            opcode: instruction.opcode,
            offset: instruction.offset,
            bytes,
            depth: stack.objects(),
            indent: marks.min(stack.marks()).min(LEVELS) * args.indent.min(16),
            value: &value,
            style: match argument {
                ArgumentValue::Str(_) | ArgumentValue::Bytes(_) | ArgumentValue::ByteArray(_) => styles.text,
                _ => styles.number,
            },
            note: &note,
            doc: if args.annotate { instruction.opcode.info().doc } else { "" },
        };
        row.write(styles, width, terminal.out())?;
        previous = text(instruction.opcode, &value);
    }
    match lacking {
        None => Ok(()),
        Some((offset, opcode)) => {
            let problem = format!("offset {offset}: {opcode} needs more than the stack has");
            Err(Failure::of(&input.name, problem))
        }
    }
}

/// The bytes of an argument without what tells their length.
fn raw<'de>(instruction: &Instruction<'de>) -> &'de [u8] {
    match instruction.argument {
        Argument::Bytes(bytes) | Argument::Line(bytes) | Argument::Lines(bytes, _) => bytes,
        _ => &[],
    }
}

/// A short text of what an opcode pushes, if it says so itself; `value` is its argument.
fn text(opcode: Opcode, value: &str) -> Option<String> {
    match (opcode, opcode.info().after) {
        (Opcode::Get | Opcode::BinGet | Opcode::LongBinGet, _) => None,
        (_, [StackItem::Any]) if value.is_empty() => None,
        (_, [pushed]) if value.is_empty() => Some(pushed.name().to_owned()),
        (_, [_]) => Some(fit(value, KEPT)),
        _ => None,
    }
}

/// What is worth saying about a line: memo indexes, what they stand for, and what is missing.
fn note(
    opcode: Opcode,
    argument: &ArgumentValue<'_>,
    memo: &mut MemoMap<Option<String>>,
    previous: Option<&str>,
    complete: bool,
) -> String {
    if !complete {
        return "the stack has not enough objects".into();
    }
    match opcode {
        Opcode::Memoize => {
            let index = memo.len();
            memo.insert(MemoKey::Small(index as i64), previous.map(str::to_owned));
            format!("memo {index}")
        }
        Opcode::Put | Opcode::BinPut | Opcode::LongBinPut => {
            if let Some(key) = MemoKey::of(argument) {
                memo.insert(key, previous.map(str::to_owned));
            }
            String::new()
        }
        Opcode::Get | Opcode::BinGet | Opcode::LongBinGet => {
            match MemoKey::of(argument).and_then(|key| memo.get(&key)) {
                Some(text) => text.clone().unwrap_or_default(),
                None => "not in the memo".into(),
            }
        }
        _ => String::new(),
    }
}

struct Row<'a> {
    opcode: Opcode,
    offset: u64,
    bytes: &'a [u8],
    depth: u64,
    indent: usize,
    value: &'a str,
    style: Style,
    note: &'a str,
    doc: &'a str,
}

impl Row<'_> {
    fn write(&self, styles: Styles, width: usize, out: &mut dyn Write) -> io::Result<()> {
        let &Row { opcode, offset, bytes, depth, indent, value, style, note, doc } = self;
        let mut hex = String::with_capacity(BYTES * 3);
        for &byte in bytes.iter().take(if bytes.len() > BYTES { BYTES - 1 } else { BYTES }) {
            hex.extend(
                [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)], b' '].map(char::from),
            );
        }
        if bytes.len() > BYTES {
            hex.push('…');
        }
        let place = format!("{offset:>8}  {hex:<w$}", w = BYTES * 3);
        write!(
            out,
            "{}  {depth:>5}  {:indent$}{}",
            Styled(styles.dim, place),
            "",
            Styled(styles.name, opcode)
        )?;
        let mut used = 8 + 2 + BYTES * 3 + 2 + 5 + 2 + indent + opcode.name().len();
        let room = width.saturating_sub(used).max(24);
        if !value.is_empty() {
            let gap = NAME.saturating_sub(opcode.name().len()).max(1);
            let value = fit(value, room.saturating_sub(gap).max(16));
            used += gap + value.chars().count();
            write!(out, "{:gap$}{}", "", Styled(style, value))?;
        }
        let note = fit(note, width.saturating_sub(used + 4).max(32));
        for (sign, remark) in [('#', note.as_str()), (';', doc)] {
            if !remark.is_empty() {
                let gap = REMARKS.saturating_sub(used).max(2);
                used += gap + 2 + remark.chars().count();
                write!(out, "{:gap$}{}", "", Styled(styles.dim, format!("{sign} {remark}")))?;
            }
        }
        writeln!(out)
    }
}

/// Writes as much of an argument as may be shown.
fn write_argument(argument: &ArgumentValue<'_>, out: &mut String) {
    const SHOWN: usize = 4096;
    let short = match argument {
        ArgumentValue::None => return,
        ArgumentValue::Str(text) if text.len() > SHOWN => {
            // Cut between characters.
            let mut end = SHOWN;
            while end > 0 && text[end] & 0xc0 == 0x80 {
                end -= 1;
            }
            ArgumentValue::Str(text[..end].into())
        }
        ArgumentValue::Bytes(bytes) if bytes.len() > SHOWN => ArgumentValue::Bytes(&bytes[..SHOWN]),
        ArgumentValue::ByteArray(bytes) if bytes.len() > SHOWN => ArgumentValue::ByteArray(&bytes[..SHOWN]),
        ArgumentValue::BigInt(value) if value.bits() > 14_000 => {
            let _ = write!(out, "<int of {} bits>", value.bits());
            return;
        }
        other => other.clone(),
    };
    let _ = short.write_repr(out, &is_printable);
}
