//! What makes bytes that can be read as a pickle one.

use crate::blob::Blob;
use crate::judge::CALL_VALUE;
use crate::known;
use crate::report::{Finding, Verdict};
use crate::stream::Run;
use crate::unwrap::text;

/// How far from the beginning a prefix ends.
const NEAR: u64 = 64;
/// Up to how many bytes nothing in a file looks like a length by chance.
const SHORT: u64 = 1 << 12;
/// How long text is at least that is some.
const PROSE: u64 = 6;
/// How many letters or digits at the beginning are the name of a kind of file, and not an opcode and a length.
const NAME: usize = 5;

/// Whether a stream names what anybody has, first of all, or does something with what it names.
pub(super) fn names_reachable(run: &Run) -> bool {
    run.report.globals.first().is_some_and(|first| {
        let top = first.module.split('.').next().unwrap_or_default();
        known::is_reachable(&first.module, &first.name)
            && first.name.is_ascii()
            && (run.stopped || known::is_module(top) || acts(run))
    })
}

/// Whether a length that is far too large is none by chance, as one in other data is: it is an amount that a machine may have,
/// and one of the few things that there are, or near the beginning.
pub(super) fn claims_by_intent(run: &Run, len: u64) -> bool {
    run.claim.is_some_and(|claim| claim >> 48 == 0) && (len <= SHORT || run.report.offset < NEAR)
}

/// Whether a length that is far too large is an amount that a machine may have: no loader sets more than that aside.
pub(super) fn is_amount(run: &Run, len: u64) -> bool {
    run.claim.is_none_or(|claim| claim >> 48 == 0 || len <= SHORT)
}

/// Whether what claims far more bytes than there are, or an index far off, is a text that begins with letters that are such
/// opcodes, or another kind of file that begins with its name.
pub(super) fn is_prose(run: &Run, blob: &Blob<'_>) -> bool {
    let claims = |finding: &Finding| matches!(finding.rule, "budget-claim" | "budget-memo" | "malformed");
    let is_name = |head: &[u8]| head.len() >= NAME && head[..NAME].iter().all(u8::is_ascii_alphanumeric);
    run.report.findings.iter().all(claims)
        && !run.stopped
        && blob.len() >= PROSE
        && blob.head(512).is_ok_and(|head| text::is_prose(&head) || run.end == 0 && is_name(&head))
}

/// Whether a finding is about more than a name that makes no sense, as in bytes that are no pickle. What is done with nothing
/// that has a name is done by no loader.
pub(super) fn names_something(run: &Run) -> bool {
    let sound = |finding: &Finding| {
        finding.verdict == Verdict::Dangerous
            && finding.category != Some("odd-name")
            && finding.rule != CALL_VALUE
    };
    run.report.findings.iter().any(sound)
        && run.report.globals.iter().any(|global| known::is_spelled(&global.module, &global.name))
}

/// Whether a stream does what is dangerous with what it names, and not only with what the loader gives it.
pub(super) fn does_something(run: &Run) -> bool {
    let own = |finding: &Finding| {
        finding.verdict == Verdict::Dangerous
            && finding.category != Some("odd-name")
            && finding.global.is_some()
    };
    run.operations > 0 && run.report.findings.iter().any(own)
}

/// Whether a stream calls or changes something, or names a module of harm, and does not only name what words may be.
pub(super) fn acts(run: &Run) -> bool {
    let deed = |finding: &Finding| {
        let named = finding.global.as_deref().and_then(|global| global.split_once('.'));
        finding.verdict == Verdict::Dangerous
            && !matches!(finding.rule, "forbidden-global" | "unused-import")
            && (finding.rule == "forbidden-call" || named.is_none_or(|(top, _)| known::is_module(top)))
    };
    run.report.findings.iter().any(deed)
}

/// Whether anything that a stream names is known or can be reached by anybody.
pub(super) fn names_known(run: &Run) -> bool {
    run.report.globals.iter().any(|global| known::is_reachable(&global.module, &global.name))
}

/// Whether a stream without `PROTO` does something, or goes on after what it names.
pub(super) fn reaches(run: &Run) -> bool {
    run.operations > 1
        || run.report.len
            > run.report.globals.first().map_or(0, |first| (first.module.len() + first.name.len() + 3) as u64)
}
