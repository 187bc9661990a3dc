//! The opcodes around what was found.

use crate::blob::Blob;
use crate::report::{Finding, Line, Verdict};
use brinery::read::{Argument, Decoder, Instruction};
use std::collections::VecDeque;

/// How many opcodes are shown before and after.
const BEFORE: usize = 6;
const AFTER: usize = 3;
/// How far into a stream this goes.
const FAR: u64 = 4 << 20;
/// For how many findings of a stream.
const MOST: usize = 20;
/// How much of an argument is shown.
const SHOWN: usize = 60;

/// Adds to the findings what is around them. They are in the order of the stream.
pub(crate) fn add(blob: &Blob<'_>, start: u64, end: u64, findings: &mut [Finding]) {
    let mut wanted: Vec<&mut Finding> = findings
        .iter_mut()
        .filter(|finding| finding.verdict > Verdict::Needs && finding.offset < start + FAR)
        .take(MOST)
        .collect();
    if wanted.is_empty() {
        return;
    }
    let len = (end - start + 64).min(FAR) as usize;
    let owned;
    let bytes = match blob.bytes() {
        Some(bytes) => &bytes[start as usize..bytes.len().min(start as usize + len)],
        None => {
            owned = blob.get(start, len).unwrap_or_default();
            &owned[..]
        }
    };
    let mut before: VecDeque<Line> = VecDeque::new();
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut next = 0;
    for instruction in Decoder::with_base(bytes, start).map_while(Result::ok) {
        let mut line = line(&instruction);
        for (at, left) in &mut open {
            if *left > 0 {
                wanted[*at].context.push(line.clone());
                *left -= 1;
            }
        }
        open.retain(|&(_, left)| left > 0);
        while next < wanted.len() && wanted[next].offset < instruction.end {
            if wanted[next].offset >= instruction.offset {
                line.here = true;
                wanted[next].context.extend(before.iter().cloned());
                wanted[next].context.push(line.clone());
                line.here = false;
                open.push((next, AFTER));
            }
            next += 1;
        }
        if next == wanted.len() && open.is_empty() {
            break;
        }
        before.push_back(line);
        if before.len() > BEFORE {
            before.pop_front();
        }
    }
}

fn line(instruction: &Instruction<'_>) -> Line {
    let text = |bytes: &[u8]| match std::str::from_utf8(&bytes[..bytes.len().min(4 * SHOWN)]) {
        Ok(text) => shortened(&format!("{text:?}")),
        Err(_) => {
            let escaped = bytes.iter().take(SHOWN).flat_map(|byte| std::ascii::escape_default(*byte));
            shortened(&format!("b\"{}\"", escaped.map(char::from).collect::<String>()))
        }
    };
    let argument = match instruction.argument {
        Argument::None => String::new(),
        Argument::Int(value) => value.to_string(),
        Argument::UInt8(value) => value.to_string(),
        Argument::Float(value) => value.to_string(),
        Argument::Bytes(bytes) | Argument::Line(bytes) => text(bytes),
        Argument::Lines(module, name) => {
            shortened(&format!("{} {}", String::from_utf8_lossy(module), String::from_utf8_lossy(name)))
        }
    };
    Line { offset: instruction.offset, opcode: instruction.opcode.name(), argument, here: false }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(SHOWN).collect();
    short.push('…');
    short
}
