//! Disassembly, with the text and the checks of `pickletools.dis`.

use super::argument::{ArgumentValue, Limits, TOO_MANY_DIGITS};
use super::genops::{Genops, GenopsError, Operation};
use super::memo::{MemoKey, MemoMap};
use super::repr::is_printable;
use crate::opcode::{Opcode, StackItem};
use std::fmt::{self, Write};

/// How a disassembly looks.
#[derive(Clone, Copy)]
pub struct DisOptions<'a> {
    /// By how many blanks an open mark indents.
    pub indent: usize,
    /// The column where annotations should start; zero for none.
    pub annotate: i64,
    /// The offset of the stream's first byte; `None` if it is not known, and then no offsets are shown.
    pub base: Option<u64>,
    /// What to write as the annotation of an opcode.
    pub docs: &'a dyn Fn(Opcode) -> &'a str,
    /// Which characters are shown as they are.
    pub printable: &'a dyn Fn(char) -> bool,
    /// What an argument may cost.
    pub limits: Limits,
}

impl Default for DisOptions<'_> {
    fn default() -> Self {
        DisOptions {
            indent: 4,
            annotate: 0,
            base: Some(0),
            docs: &|opcode| opcode.info().doc,
            printable: &is_printable,
            limits: Limits::default(),
        }
    }
}

impl fmt::Debug for DisOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DisOptions")
            .field("indent", &self.indent)
            .field("annotate", &self.annotate)
            .field("base", &self.base)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What a disassembly knows of the memo: the kind of object at each index.
///
/// Streams that one pickler wrote with one memo are disassembled with one of these.
pub type DisMemo = MemoMap<StackItem>;

/// Why a disassembly stopped; the texts are those of `pickletools`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisError {
    /// The stream cannot be decoded.
    Decode(GenopsError),
    /// The stream does not make sense: a `ValueError` with this text.
    Value(String),
    /// An opcode needs a mark that another one has consumed: an `IndexError` in `pickletools`.
    MarkLost,
    /// An integer that has too many digits to be written.
    IntDigits,
    /// The output failed.
    Output,
}

impl fmt::Display for DisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DisError::Decode(error) => error.fmt(f),
            DisError::Value(text) => f.write_str(text),
            DisError::MarkLost => f.write_str("list index out of range"),
            DisError::IntDigits => f.write_str(TOO_MANY_DIGITS),
            DisError::Output => f.write_str("the output failed"),
        }
    }
}

impl std::error::Error for DisError {}

impl From<fmt::Error> for DisError {
    fn from(_: fmt::Error) -> Self {
        DisError::Output
    }
}

/// Disassembles the stream at the start of `input` and returns its length.
///
/// Lines are written as they are made, so that what comes before an error has been written.
///
/// ```
/// use brinery::inspect::{DisMemo, DisOptions, dis};
///
/// let mut text = String::new();
/// dis(b"(K\x01l.", &mut text, &mut DisMemo::default(), &DisOptions::default()).unwrap();
/// assert_eq!(text.lines().nth(1), Some("    1: K        BININT1    1"));
/// assert_eq!(text.lines().nth(2), Some("    3: l        LIST       (MARK at 0)"));
/// ```
pub fn dis<'o>(
    input: &[u8],
    out: &mut impl Write,
    memo: &mut DisMemo,
    options: &'o DisOptions<'o>,
) -> Result<usize, DisError> {
    let mut genops = Genops::with_base(input, options.base.unwrap_or(0), options.limits);
    let mut disassembly =
        Disassembly { options, memo, stack: Vec::new(), marks: Vec::new(), column: options.annotate };
    let mut highest = 0;
    for operation in genops.by_ref() {
        let operation = operation.map_err(|error| match error {
            GenopsError::UnknownOpcode(byte, offset) => {
                DisError::Decode(GenopsError::UnknownOpcode(byte, offset.filter(|_| options.base.is_some())))
            }
            error => DisError::Decode(error),
        })?;
        highest = highest.max(operation.opcode.info().protocol);
        disassembly.step(&operation, out)?;
    }
    writeln!(out, "highest protocol among opcodes = {highest}")?;
    disassembly.finish()?;
    Ok(input.len() - genops.rest().len())
}

struct Disassembly<'o, 'm> {
    options: &'o DisOptions<'o>,
    memo: &'m mut DisMemo,
    stack: Vec<StackItem>,
    /// The offsets of the open marks.
    marks: Vec<u64>,
    /// Where the next annotation starts.
    column: i64,
}

impl Disassembly<'_, '_> {
    fn step(&mut self, operation: &Operation<'_>, out: &mut impl Write) -> Result<(), DisError> {
        let opcode = operation.opcode;
        if self.options.base.is_some() {
            write!(out, "{:5}: ", operation.offset)?;
        }
        let mut line = String::new();
        write_code(&mut line, opcode);
        let indent = self.options.indent * self.marks.len();
        let mut error = None;
        let mut note = None;
        let mut pops = opcode.info().before.len();
        let mut after = opcode.info().after;

        let mark = opcode.info().before.iter().position(|&item| item == StackItem::Mark);
        if mark.is_some() || opcode == Opcode::Pop && self.stack.last() == Some(&StackItem::Mark) {
            if let Some(offset) = self.marks.pop() {
                note = Some(match self.options.base {
                    Some(_) => format!("(MARK at {offset})"),
                    None => "(MARK at unknown opcode offset)".into(),
                });
                while self.stack.pop().ok_or(DisError::MarkLost)? != StackItem::Mark {}
                pops = mark.unwrap_or(0);
            } else {
                error = Some("no MARK exists on stack".to_owned());
                note.clone_from(&error);
            }
        }

        let fetched;
        match opcode {
            Opcode::Put | Opcode::BinPut | Opcode::LongBinPut | Opcode::Memoize => {
                let key = MemoKey::of(&operation.argument).unwrap_or(MemoKey::Small(self.memo.len() as i64));
                if opcode == Opcode::Memoize {
                    note = Some(format!("(as {})", self.memo.len()));
                }
                match self.stack.last() {
                    _ if self.memo.contains_key(&key) => {
                        error = Some(format!("memo key {} already defined", self.repr(operation)?));
                    }
                    None => error = Some("stack is empty -- can't store into memo".into()),
                    Some(StackItem::Mark) => error = Some("can't store markobject in the memo".into()),
                    Some(&item) => {
                        self.memo.insert(key, item);
                    }
                }
            }
            Opcode::Get | Opcode::BinGet | Opcode::LongBinGet => {
                match MemoKey::of(&operation.argument).and_then(|key| self.memo.get(&key)) {
                    Some(&item) => {
                        fetched = [item];
                        after = &fetched;
                    }
                    None => {
                        error =
                            Some(format!("memo key {} has never been stored into", self.repr(operation)?));
                    }
                }
            }
            _ => {}
        }

        self.write_line(out, line, indent, operation, note.as_deref())?;
        if let Some(error) = error {
            return Err(DisError::Value(error));
        }

        let Some(rest) = self.stack.len().checked_sub(pops) else {
            let len = self.stack.len();
            return Err(DisError::Value(format!(
                "tries to pop {pops} items from stack with only {len} items"
            )));
        };
        self.stack.truncate(rest);
        if opcode == Opcode::Mark {
            self.marks.push(operation.offset);
        }
        self.stack.extend_from_slice(after);
        Ok(())
    }

    /// Writes the rest of a line that begins with the opcode's code.
    fn write_line(
        &mut self,
        out: &mut impl Write,
        mut line: String,
        indent: usize,
        operation: &Operation<'_>,
        note: Option<&str>,
    ) -> Result<(), DisError> {
        let has_argument = operation.argument != ArgumentValue::None;
        let argument = if has_argument { self.repr(operation)? } else { String::new() };
        out.write_str(&line)?;
        for left in (0..indent).step_by(64).map(|done| (indent - done).min(64)) {
            write!(out, "{:left$}", "")?;
        }
        let mut written = line.len() + indent;
        line.clear();
        let name = operation.opcode.name();
        if has_argument || note.is_some() {
            write!(line, "{name:<10}")?;
        } else {
            line.push_str(name);
        }
        if has_argument {
            line.push(' ');
            line.push_str(&argument);
        }
        if let Some(note) = note {
            line.push(' ');
            line.push_str(note);
        }
        if self.options.annotate != 0 {
            written += line.chars().count();
            let missing = self.column.saturating_sub(written as i64).max(0);
            line.extend(std::iter::repeat_n(' ', missing as usize));
            self.column = written as i64 + missing;
            if self.column > 50 {
                self.column = self.options.annotate;
            }
            line.push(' ');
            line.push_str((self.options.docs)(operation.opcode));
        }
        line.push('\n');
        Ok(out.write_str(&line)?)
    }

    fn repr(&self, operation: &Operation<'_>) -> Result<String, DisError> {
        if let ArgumentValue::BigInt(value) = &operation.argument
            && self.options.limits.forbids(value)
        {
            return Err(DisError::IntDigits);
        }
        let mut text = String::new();
        operation.argument.write_repr(&mut text, self.options.printable)?;
        Ok(text)
    }

    fn finish(&self) -> Result<(), DisError> {
        if self.stack.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = self.stack.iter().map(|item| item.name()).collect();
        Err(DisError::Value(format!("stack not empty after STOP: [{}]", names.join(", "))))
    }
}

/// The opcode byte as Python writes the character of that number, in five columns.
fn write_code(line: &mut String, opcode: Opcode) {
    let byte = opcode.byte();
    let code =
        if matches!(byte, b' '..=b'~') { (byte as char).to_string() } else { format!("\\x{byte:02x}") };
    let _ = write!(line, "{code:<4} ");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'o>(input: &[u8], options: &'o DisOptions<'o>) -> String {
        let mut text = String::new();
        if let Err(error) = dis(input, &mut text, &mut DisMemo::default(), options) {
            write!(text, "{error}").unwrap();
        }
        text
    }

    fn last(input: &[u8]) -> String {
        text(input, &DisOptions::default()).lines().next_back().unwrap_or_default().to_owned()
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        for (input, message) in [
            (&b""[..], "pickle exhausted before seeing STOP"),
            (b"K\x01l.", "no MARK exists on stack"),
            (b"Nq\0q\0.", "memo key 0 already defined"),
            (b"Nq\0N\x94.", "stack not empty after STOP: [None]"),
            (b"Nq\x01\x94.", "memo key None already defined"),
            (b"h\x07.", "memo key 7 has never been stored into"),
            (b"q\0.", "stack is empty -- can't store into memo"),
            (b"(q\0.", "can't store markobject in the memo"),
            (b"Na.", "tries to pop 2 items from stack with only 1 items"),
            (b"N(.", "stack not empty after STOP: [None]"),
            (b"((N.", "stack not empty after STOP: [mark, mark]"),
            (b"\xff.", "at position 0, opcode b'\\xff' unknown"),
            (b"X\x05\0\0\0ab", "expected 5 bytes in a unicodestring4, but only 2 remain"),
            (b"T\xff\xff\xff\xff.", "string4 byte count < 0: -1"),
            (b"I1x\n.", "invalid literal for int() with base 10: b'1x'"),
            (b"Sab\n.", "no string quotes around b'ab'"),
        ] {
            assert_eq!(last(input), message, "{input:?}");
        }
        assert!(last(b"(2t.").ends_with("list index out of range"));
    }

    #[test]
    fn a_pop_takes_the_mark_that_is_on_top() {
        let text = text(b"(0N.", &DisOptions::default());
        assert_eq!(text.lines().nth(1), Some("    1: 0        POP        (MARK at 0)"));
        assert_eq!(text.lines().nth(2), Some("    2: N    NONE"));
    }

    #[test]
    fn offsets_can_be_unknown_and_annotations_line_up() {
        let options = DisOptions { base: None, annotate: 1, docs: &|_| "doc", ..DisOptions::default() };
        let text = text(b"(K\x05t.", &options);
        assert_eq!(
            text,
            "(    MARK doc\nK        BININT1    5 doc\nt        TUPLE      (MARK at unknown opcode offset) doc\n\
             .    STOP doc\nhighest protocol among opcodes = 1\n"
        );
    }

    #[test]
    fn a_memo_lasts_from_stream_to_stream() {
        let mut memo = DisMemo::default();
        let mut text = String::new();
        let input = b"]q\0.h\0.";
        let len = dis(input, &mut text, &mut memo, &DisOptions::default()).unwrap();
        let rest = DisOptions { base: Some(len as u64), ..DisOptions::default() };
        dis(&input[len..], &mut text, &mut memo, &rest).unwrap();
        assert_eq!(memo.get(&MemoKey::Small(0)), Some(&StackItem::List));
        assert!(text.contains("    4: h    BINGET     0"));
    }
}
