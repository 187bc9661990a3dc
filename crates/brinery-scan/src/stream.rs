//! One stream, from where it starts to where it ends or breaks.

use crate::blob::{Blob, SMALL};
use crate::fact::Fact;
use crate::facts::{End, Facts};
use crate::known::Standing;
use crate::refine::PLAIN;
use crate::report::{Finding, GlobalName, StreamReport, Verdict};
use crate::spelling::{self, Spelling};
use crate::tape::{Between, Tape};
use brinery::Opcode;
use brinery::policy::Policy;
use brinery::read::{Cursor, Fault, Machine, Source};
use std::cell::{Cell, RefCell};

/// How many pickles may be inside one another between opcodes.
const INLINE_DEPTH: usize = 8;
/// How much more naming something costs than passing over bytes: as if there were so many.
const NAMING: u64 = 256;
/// How many globals of a stream are listed.
const GLOBALS: usize = 10_000;

/// What a run over a stream tells.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Run {
    pub(crate) report: StreamReport,
    /// Where it ended, or where it broke.
    pub(crate) end: u64,
    /// How many bytes were looked at.
    pub(crate) cost: u64,
    /// Whether it came to its `STOP`.
    pub(crate) stopped: bool,
    /// Whether the input ended inside an argument, so that the length there may be false.
    pub(crate) cut: bool,
    /// How many bytes it claims where it ended, if that is far more than there are.
    pub(crate) claim: Option<u64>,
    /// Whether there are arrays between its opcodes, or it is too large for memory.
    pub(crate) taped: bool,
    /// Whether nothing lies between its opcodes.
    pub(crate) in_one_piece: bool,
    /// Whether something was found that no policy can overrule.
    pub(crate) settled: bool,
    /// Whether what calls have made may be nested deeper than is known.
    pub(crate) deep: bool,
    /// Whether all that it does is granted, so that nobody has to examine it.
    pub(crate) granted: bool,
    /// What is not granted for sure.
    pub(crate) refusals: Vec<Finding>,
    /// How often something was resolved, called or constructed.
    pub(crate) operations: u64,
    /// Strings that may be pickles: where their opcodes are, and how long they are.
    pub(crate) nested: Vec<(u64, Vec<u8>, u64)>,
    /// Pickles between its opcodes.
    pub(crate) inline: Vec<Run>,
}

/// Runs the machine over the stream that starts at `start`.
pub(crate) fn run(blob: &Blob<'_>, start: u64, container: &str, policy: Option<&Policy>) -> Run {
    run_at(blob, start, container, 0, policy)
}

fn run_at(blob: &Blob<'_>, start: u64, container: &str, depth: usize, policy: Option<&Policy>) -> Run {
    // Once more with all values in mind, if those that were forgotten turn out to matter.
    run_over(blob, start, container, depth, true, policy)
        .or_else(|| run_over(blob, start, container, depth, false, policy))
        .unwrap_or_else(|| unreachable!("nothing is forgotten that was not to be"))
}

fn run_over(
    blob: &Blob<'_>,
    start: u64,
    container: &str,
    depth: usize,
    forgets: bool,
    policy: Option<&Policy>,
) -> Option<Run> {
    let between = Cell::new(Between::Nothing);
    let inline = RefCell::new(Vec::new());
    if let Some(bytes) = blob.bytes() {
        let mut facts = Facts::new(blob, start, &between, false, forgets, policy);
        let mut cursor = Cursor::with_base(bytes.get(start as usize..).unwrap_or_default(), start);
        let result = Machine::new().run(&mut cursor, &mut facts);
        if facts.misses() {
            return None;
        }
        if !matches!(result, Err(End::NeedsTape)) {
            let end = cursor.offset();
            return Some(conclude(facts, result, end, container, Vec::new()));
        }
        between.set(Between::Nothing);
    }
    let mut facts = Facts::new(blob, start, &between, true, forgets, policy);
    let pickle = |at: u64| {
        if depth >= INLINE_DEPTH {
            return None;
        }
        let run = run_at(blob, at, container, depth + 1, policy);
        let end = run.stopped.then_some(run.end);
        inline.borrow_mut().push(run);
        end
    };
    let mut tape = Tape::new(blob, start, &between, &pickle);
    let result = Machine::new().run(&mut tape, &mut facts);
    let end = tape.offset();
    drop(tape);
    if facts.misses() {
        return None;
    }
    Some(conclude(facts, result, end, container, inline.take()))
}

fn conclude(
    mut facts: Facts<'_, '_>,
    result: Result<Fact, End>,
    end: u64,
    container: &str,
    inline: Vec<Run>,
) -> Run {
    let named = facts.named.len() as u64 * NAMING;
    let mut cost = end.saturating_sub(facts.start).saturating_add(named);
    let mut end = end;
    let (stopped, mut cut, mut claim) = (result.is_ok(), false, None);
    facts.finish(result.as_ref().ok(), end);
    if facts.persistent > 0 {
        let message = format!(
            "refers to {} objects by persistent ids, which the loading program resolves",
            facts.persistent
        );
        facts.find(Verdict::Needs, "needs-persistent", message);
    }
    if facts.buffers > 0 {
        let message = format!("takes {} buffers that are not in it", facts.buffers);
        facts.find(Verdict::Needs, "needs-buffers", message);
    }
    match result {
        Ok(_) | Err(End::NeedsTape) => {}
        Err(End::TooMuch(rule, message)) => {
            facts.at = end;
            facts.find(Verdict::Budget, rule, message);
        }
        Err(End::Fault(fault, place)) => {
            end = place.offset.max(facts.start);
            cut = matches!(fault, Fault::Truncated);
            facts.at = end;
            cost = cost.max(end - facts.start + named);
            if cut && ends_by_line(&facts, end) {
                // The rest was looked through for the end of the line.
                cost = facts.blob.len() - facts.start;
            }
            let huge = if cut { claims_too_much(&facts, end) } else { None };
            if let Some((len, message)) = huge {
                claim = Some(len);
                facts.find(Verdict::Budget, "budget-claim", message);
            } else {
                let message = format!("breaks off: {}", fault.to_string().trim_end_matches('.'));
                facts.find(Verdict::Malformed, "malformed", message);
            }
        }
        Err(End::Unreadable(message)) => {
            facts.at = end;
            facts.find(Verdict::Unreadable, "unreadable", message);
        }
    }
    let is_odd = facts.operations > 0 || facts.textual || facts.protocols > 1;
    let memory = if is_odd || end - facts.start <= PLAIN { check_spelling(&mut facts, end) } else { None };
    let granted = stopped && memory.is_some_and(|memory| facts.is_granted(end, memory));
    for position in 0..facts.findings.len() {
        let offset = facts.findings[position].offset;
        let byte = facts.blob.get(offset, 1).ok().and_then(|byte| byte.first().copied());
        facts.findings[position].opcode = byte.and_then(Opcode::from_byte).map(Opcode::name);
    }
    let named =
        facts.named.iter().filter(|named| !named.name.is_empty() || named.told != u8::MAX).take(GLOBALS);
    let globals = named
        .map(|named| GlobalName {
            module: named.module.clone(),
            name: named.name.clone(),
            offset: named.offset,
        })
        .collect();
    let nested = std::mem::take(&mut facts.nested)
        .into_iter()
        .map(|(at, len)| {
            let head = facts.blob.get(at, 9).unwrap_or_default();
            (at, head, len)
        })
        .collect();
    let mut findings = std::mem::take(&mut facts.findings);
    findings.sort_by_key(|finding| finding.offset);
    let verdict = findings.iter().map(|finding| finding.verdict).max().unwrap_or_default();
    let report = StreamReport {
        container: container.to_owned(),
        offset: facts.start,
        len: end - facts.start,
        protocol: facts.protocol,
        verdict,
        findings,
        unsaid: facts.unsaid,
        globals,
    };
    let inside: u64 = inline.iter().map(|run| run.cost).sum();
    let cost = cost.saturating_add(inside);
    Run {
        report,
        end,
        cost,
        stopped,
        cut,
        claim,
        taped: facts.has_tape,
        settled: facts.settled,
        in_one_piece: !facts.keeps_items,
        granted,
        refusals: std::mem::take(&mut facts.grants.refusals),
        deep: facts.may_be_deep(),
        operations: facts.operations,
        nested,
        inline,
    }
}

/// Whether the argument of the opcode at `at` ends with its line.
fn ends_by_line(facts: &Facts<'_, '_>, at: u64) -> bool {
    let opcode = facts.blob.get(at, 1).ok().and_then(|byte| Opcode::from_byte(*byte.first()?));
    opcode.is_some_and(|opcode| {
        matches!(
            opcode,
            Opcode::Int
                | Opcode::Long
                | Opcode::Float
                | Opcode::String
                | Opcode::Unicode
                | Opcode::Get
                | Opcode::Put
                | Opcode::Global
                | Opcode::Inst
                | Opcode::PersId
        )
    })
}

/// Whether the opcode where the input ends claims so much that a loader would set memory aside for it.
fn claims_too_much(facts: &Facts<'_, '_>, at: u64) -> Option<(u64, String)> {
    let head = facts.blob.get(at, 9).ok()?;
    let (opcode, len) = claim(&head)?;
    let remaining = facts.blob.len().saturating_sub(at);
    let large = len > (256 << 20) && len > remaining.saturating_mul(16);
    large.then(|| {
        let what = format!("{opcode} claims {len} bytes where {remaining} remain");
        (len, format!("{what}, and loaders set memory aside for them"))
    })
}

/// The length that the opcode at the start of `head` claims for its argument.
pub(crate) fn claim(head: &[u8]) -> Option<(Opcode, u64)> {
    let opcode = Opcode::from_byte(*head.first()?)?;
    let len = match opcode {
        Opcode::ShortBinBytes | Opcode::ShortBinUnicode | Opcode::ShortBinString | Opcode::Long1 => {
            u64::from(*head.get(1)?)
        }
        Opcode::BinBytes | Opcode::BinUnicode | Opcode::BinString | Opcode::Long4 => {
            u64::from(u32::from_le_bytes(*head.get(1..)?.first_chunk()?))
        }
        Opcode::BinBytes8 | Opcode::BinUnicode8 | Opcode::ByteArray8 | Opcode::Frame => {
            u64::from_le_bytes(*head.get(1..)?.first_chunk()?)
        }
        _ => return None,
    };
    Some((opcode, len))
}

/// How many bytes come before the string that an opcode makes.
pub(crate) fn prefix(opcode: Opcode) -> u64 {
    match opcode {
        Opcode::BinBytes8 | Opcode::BinUnicode8 | Opcode::ByteArray8 | Opcode::Frame => 9,
        Opcode::BinBytes | Opcode::BinUnicode | Opcode::BinString | Opcode::Long4 => 5,
        _ => 2,
    }
}

/// Finds odd spellings. If there are none at all, and the whole stream was looked at, how much memory its objects take.
fn check_spelling(facts: &mut Facts<'_, '_>, end: u64) -> Option<u64> {
    let len = (end - facts.start).min(SMALL);
    let owned;
    let bytes = match facts.blob.bytes() {
        Some(bytes) => &bytes[facts.start as usize..(facts.start + len) as usize],
        None => {
            owned = facts.blob.get(facts.start, len as usize).unwrap_or_default();
            &owned[..]
        }
    };
    // Where arrays lie between the opcodes there is no going through them.
    if facts.keeps_items {
        return None;
    }
    let Spelling { odds, strict, memory } = spelling::check(bytes, facts.start);
    // What readers see differently matters where something is resolved.
    let matters = facts.operations > 0;
    for odd in odds {
        facts.at = odd.offset;
        if matters || odd.always {
            facts.find(Verdict::Ambiguous, odd.rule, odd.message);
        }
    }
    if facts.overwritten && matters {
        facts.at = facts.start;
        let message = "stores twice at one index of the memo, which some readers do not follow".into();
        facts.find(Verdict::Ambiguous, "memo-reused", message);
    }
    for position in 0..facts.named.len() {
        let named = &facts.named[position];
        if !named.name.is_ascii() || !named.module.is_ascii() {
            let message = format!("{} is written with letters beyond ASCII", named.full());
            if !matches!(named.standing, Standing::Forbidden(_)) {
                facts.at = facts.named[position].offset;
                facts.find(Verdict::Ambiguous, "odd-name", message);
            }
        }
    }
    (strict && len == end - facts.start && !facts.overwritten).then_some(memory)
}
