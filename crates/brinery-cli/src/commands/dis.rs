//! `brinery dis`

use crate::args::Dis;
use crate::exit::{ExitCode, Failure};
use crate::format::fit;
use crate::input::{self, Input, Pickle};
use crate::output::Terminal;
use crate::style::{Styled, Styles};
use brinery::inspect::{
    ArgumentValue, DisError, DisMemo, DisOptions, Genops, Limits, MemoKey, MemoMap, Operation, StackDepth,
    is_printable,
};
use brinery::{Opcode, StackItem, inspect};
use std::fmt::Write as _;
use std::io::{self, Write};

/// How many bytes of an opcode are shown.
const BYTES: usize = 8;
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
    let mut offset = pickle.base;
    writeln!(
        terminal.out(),
        "{}",
        Styled(
            styles.heading,
            format_args!("{:>8}  {:<w$}  {:>5}  opcode", "offset", "bytes", "stack", w = BYTES * 3)
        )
    )?;
    let mut previous = None;
    for operation in Genops::with_base(pickle.bytes, pickle.base, LIMITS) {
        let operation = operation.map_err(|error| {
            let opcode =
                pickle.bytes.get((offset - pickle.base) as usize).copied().and_then(Opcode::from_byte);
            let opcode = opcode.map(|opcode| format!(", opcode {opcode}")).unwrap_or_default();
            Failure::of(&input.name, format!("{error} at offset {offset}{opcode}"))
        })?;
        let bytes =
            &pickle.bytes[(operation.offset - pickle.base) as usize..(operation.end - pickle.base) as usize];
        let marks = stack.marks();
        let complete = stack.apply(operation.opcode);
        let indent = marks.min(stack.marks()).min(LEVELS) * args.indent;
        let note = note(&operation, &mut memo, previous.as_deref(), complete);
        let row = Row { operation: &operation, bytes, depth: stack.objects(), indent, note: &note };
        row.write(args, styles, width, terminal.out())?;
        previous = text(&operation);
        offset = operation.end;
    }
    Ok(())
}

/// A short text of what an opcode pushes, if it says so itself.
fn text(operation: &Operation<'_>) -> Option<String> {
    let &[pushed] = operation.opcode.info().after else { return None };
    if operation.argument == ArgumentValue::None {
        return (pushed != StackItem::Any).then(|| pushed.name().to_owned());
    }
    let mut text = String::new();
    write_argument(&operation.argument, &mut text);
    Some(text)
}

/// What is worth saying about a line: memo indexes, what they stand for, and what is missing.
fn note(
    operation: &Operation<'_>,
    memo: &mut MemoMap<Option<String>>,
    previous: Option<&str>,
    complete: bool,
) -> String {
    if !complete {
        return "the stack has not enough objects".into();
    }
    match operation.opcode {
        Opcode::Memoize => {
            let index = memo.len();
            memo.insert(MemoKey::Small(index as i64), previous.map(str::to_owned));
            format!("memo {index}")
        }
        Opcode::Put | Opcode::BinPut | Opcode::LongBinPut => {
            if let Some(key) = MemoKey::of(&operation.argument) {
                memo.insert(key, previous.map(str::to_owned));
            }
            String::new()
        }
        Opcode::Get | Opcode::BinGet | Opcode::LongBinGet => {
            match MemoKey::of(&operation.argument).and_then(|key| memo.get(&key)) {
                Some(Some(text)) => text.clone(),
                Some(None) => String::new(),
                None => "not in the memo".into(),
            }
        }
        _ => String::new(),
    }
}

struct Row<'a> {
    operation: &'a Operation<'a>,
    bytes: &'a [u8],
    depth: u64,
    indent: usize,
    note: &'a str,
}

impl Row<'_> {
    fn write(&self, args: &Dis, styles: Styles, width: usize, out: &mut dyn Write) -> io::Result<()> {
        let Row { operation, bytes, depth, indent, note } = self;
        let mut hex = String::new();
        for byte in bytes.iter().take(if bytes.len() > BYTES { BYTES - 1 } else { BYTES }) {
            let _ = write!(hex, "{byte:02x} ");
        }
        if bytes.len() > BYTES {
            hex.push('…');
        }
        let offset = Styled(styles.dim, format_args!("{:>8}", operation.offset));
        let hex = Styled(styles.dim, format_args!("{hex:<w$}", w = BYTES * 3));
        let name = operation.opcode.name();
        let mut argument = String::new();
        write_argument(&operation.argument, &mut argument);
        let doc = if args.annotate { operation.opcode.info().doc } else { "" };
        let used = 8 + 2 + BYTES * 3 + 2 + 5 + 2 + indent;
        let room = width.saturating_sub(used + 18).max(24);
        let style = match operation.argument {
            ArgumentValue::Str(_) | ArgumentValue::Bytes(_) | ArgumentValue::ByteArray(_) => styles.text,
            _ => styles.number,
        };
        write!(out, "{offset}  {hex}  {depth:>5}  {:indent$}{}", "", Styled(styles.name, name))?;
        if !argument.is_empty() {
            let gap = 17usize.saturating_sub(name.len()).max(1);
            write!(out, "{:gap$}{}", "", Styled(style, fit(&argument, room)))?;
        }
        if !note.is_empty() {
            let note = fit(note, room.saturating_sub(argument.chars().count()).max(16));
            write!(out, "  {}", Styled(styles.dim, format_args!("# {note}")))?;
        }
        if !doc.is_empty() {
            write!(out, "  {}", Styled(styles.dim, format_args!("; {doc}")))?;
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
