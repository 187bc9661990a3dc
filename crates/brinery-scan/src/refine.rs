//! What the policies say to a stream in which no danger was found.

use crate::blob::{Blob, SMALL};
use crate::judge::{UNKNOWN_CALL, UNKNOWN_CHANGED};
use crate::report::{Finding, StreamReport, Verdict};
use crate::stream::Run;
use brinery::Opcode;
use brinery::policy::{self, Native, Policy, examine};
use std::sync::{Arc, OnceLock};

/// How large a stream may be that is examined as a whole.
pub(crate) const EXAMINED: u64 = 4 << 20;
/// The same for one to which the policies can add nothing: it needs no more than budgets.
pub(crate) const PLAIN: u64 = 256 << 10;
/// How many needs are told.
const NEEDS: usize = 100;

/// The policies that brinery ships, as one. Reading them takes longer than scanning a small file, so they are read when
/// a stream names something.
pub(crate) fn shipped() -> &'static Arc<Policy> {
    static SHIPPED: OnceLock<Arc<Policy>> = OnceLock::new();
    let read = || {
        let shipped = Policy::shipped_names().iter().filter_map(|name| Policy::shipped(name));
        Arc::new(shipped.fold(Policy::data(), |all, one| all | one))
    };
    SHIPPED.get_or_init(read)
}

/// Whether a policy grants anything of a global, by its names of Python 2 or of Python 3.
fn knows(policy: &Policy, module: &str, name: &str) -> bool {
    let (module, name) = brinery::value::modern_names(module, name);
    policy.get(&module, &name).is_some()
}

/// Whether a policy may tell more of a stream than its report does: nothing was found, and `clean` is a promise that it loads;
/// or the policy grants what was found; or what the stream makes is memory that has to be checked, as arrays are.
fn tells_more(policy: &Policy, report: &StreamReport, granted: bool) -> bool {
    let known = |module: &str, name: &str| {
        let (module, name) = brinery::value::modern_names(module, name);
        policy.get(&module, &name)
    };
    let found = |finding: &Finding| {
        let global = finding.global.as_deref().and_then(|global| global.rsplit_once('.'));
        finding.verdict > Verdict::Needs || global.is_none_or(|(module, name)| known(module, name).is_some())
    };
    if granted {
        // What is needed is known by name, and what is known is granted.
        return report.findings.iter().any(|finding| finding.verdict > Verdict::Needs);
    }
    report.findings.is_empty()
        || report.globals.iter().any(|global| {
            known(&global.module, &global.name)
                .and_then(|capability| capability.native)
                .is_some_and(|native| !matches!(native, Native::Elements | Native::Fraction | Native::Uuid))
        })
        || report.findings.iter().any(found)
}

/// Examines a stream under a policy, which knows exactly what it grants: the shipped ones unless another is given.
pub(crate) fn refine(run: &mut Run, blob: &Blob<'_>, policy: Option<&Policy>) {
    let report = &mut run.report;
    // What is thought of names and calls is put right by a policy that grants them; nothing else is.
    let about_deeds = |finding: &Finding| matches!(finding.verdict, Verdict::Needs | Verdict::Dangerous);
    let settled = run.settled;
    let all_told = report.unsaid == 0 && report.findings.iter().all(about_deeds);
    if !run.stopped || !run.inline.is_empty() || settled && !all_told {
        return;
    }
    let standing;
    let policy = match policy {
        Some(policy) => policy,
        None => {
            standing = if run.operations > 0 { Arc::clone(shipped()) } else { Arc::new(Policy::data()) };
            &*standing
        }
    };
    let most = match () {
        () if run.deep => SMALL,
        () if run.operations > 0 && tells_more(policy, report, run.granted) => EXAMINED,
        () if run.granted => 0,
        () => PLAIN,
    };
    let bytes = blob.bytes().and_then(|bytes| bytes.get(report.offset as usize..run.end as usize));
    let (Some(bytes), false) = (bytes, report.len > most || run.taped) else {
        if settled {
            return;
        }
        // Too large to be examined: what is granted at all is taken for granted.
        report.findings.retain(|finding| {
            let name = finding.global.as_deref().and_then(|name| name.rsplit_once('.'));
            name.is_none_or(|(module, name)| !knows(policy, module, name))
        });
        report.findings.append(&mut run.refusals);
        report.findings.sort_by_key(|finding| finding.offset);
        report.verdict = report.findings.iter().map(|finding| finding.verdict).max().unwrap_or_default();
        return;
    };
    let finding = |verdict, rule, offset: u64, message: String| Finding {
        verdict,
        rule,
        offset,
        opcode: bytes.get(offset as usize).and_then(|byte| Opcode::from_byte(*byte)).map(Opcode::name),
        global: None,
        arguments: None,
        path: None,
        category: None,
        context: Vec::new(),
        message,
    };
    let judged = examine(bytes, policy);
    if settled && !matches!(judged, policy::Verdict::Clean) {
        return;
    }
    match &judged {
        policy::Verdict::Clean => report.findings.clear(),
        policy::Verdict::Needs(error, needs) => {
            let told = std::mem::take(&mut report.findings);
            let named = |found: &Finding| {
                let full = |need: &policy::Need| {
                    need.global.as_ref().map(|(module, name)| format!("{module}.{name}"))
                };
                needs.iter().any(|need| full(need) == found.global)
            };
            report.findings.extend(
                told.iter()
                    .filter(|old| matches!(old.rule, UNKNOWN_CALL | UNKNOWN_CHANGED) && named(old))
                    .cloned(),
            );
            for need in needs.iter().take(NEEDS) {
                let mut new = finding(Verdict::Needs, need.rule.id(), need.offset, need.message.clone());
                new.global = need.global.as_ref().map(|(module, name)| format!("{module}.{name}"));
                let alike = told.iter().find(|old| old.global == new.global && old.arguments.is_some());
                new.arguments = alike.and_then(|old| old.arguments.clone());
                new.offset += report.offset;
                report.findings.push(new);
            }
            if needs.is_empty() {
                let offset = error.offset().unwrap_or(0);
                let mut new = finding(
                    Verdict::Needs,
                    error.rule().map_or("needs", |rule| rule.id()),
                    offset,
                    error.to_string(),
                );
                new.offset += report.offset;
                report.findings.push(new);
            }
            report.unsaid += needs.len().saturating_sub(NEEDS) as u64;
        }
        policy::Verdict::Budget(error) | policy::Verdict::Malformed(error) => {
            let verdict = if matches!(judged, policy::Verdict::Budget(_)) {
                Verdict::Budget
            } else {
                Verdict::Ambiguous
            };
            let offset = error.offset().unwrap_or(0);
            let mut new = finding(
                verdict,
                error.rule().map_or("malformed", |rule| rule.id()),
                offset,
                error.to_string(),
            );
            new.offset += report.offset;
            new.path = (!error.path().is_root()).then(|| error.path().to_string());
            report.findings.push(new);
        }
        _ => {}
    }
    report.verdict = report.findings.iter().map(|finding| finding.verdict).max().unwrap_or_default();
}
