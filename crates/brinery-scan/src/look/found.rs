//! Streams one after the other, and anywhere.

use super::believed::{
    acts, claims_by_intent, does_something, is_amount, is_prose, names_known, names_reachable,
    names_something, reaches,
};
use super::{INSIDE, Look, Passed};
use crate::blob::Blob;
use crate::refine;
use crate::report::{StreamReport, Verdict};
use crate::search::{Mark, Search};
use crate::stream::Run;
use crate::unwrap::layer::Layer;
use crate::unwrap::text;

/// How much more examining a stream under a policy costs than running over it.
const EXAMINING: u64 = 4;
/// How many streams of one file are listed that nothing was found in.
const STREAMS: usize = 10_000;
/// How far before an `INST` its mark may be, and how many are tried.
const MARKED: u64 = 256;
const MARKS: usize = 4;

impl Look<'_> {
    /// Pickles one after the other from `at` on, then anywhere. What lies in the ranges `passed` has been seen. Returns up
    /// to where all was read.
    pub(super) fn streams(
        &mut self,
        blob: &Blob<'_>,
        at: u64,
        container: &str,
        depth: usize,
        passed: &Passed,
        alone: bool,
    ) -> u64 {
        let (mut at, mut read) = (at, at);
        let mut first = true;
        loop {
            if at >= blob.len() {
                return at;
            }
            let Some(run) = self.run(blob, at, container) else { return at };
            let proto = blob.get(at, 16).is_ok_and(|head| crate::search::starts_stream(&head));
            let whole = run.end >= blob.len();
            let costs = run.report.verdict == Verdict::Budget
                && !self.memory
                && (self.is_said(depth) || is_amount(&run, blob.len()) && !is_prose(&run, blob));
            let believed = proto
                || run.stopped && (run.end - at > 3 || whole || run.report.verdict > Verdict::Clean)
                || run.operations > 0 && run.report.verdict > Verdict::Malformed && names_something(&run)
                || run.operations > 0
                    && first
                    && (self.expected && depth == 0 || alone && (self.promised || names_reachable(&run)))
                || costs && (alone || run.end - at > 8);
            // A zip archive begins with the opcode of a persistent id, and what comes after its first line may be a pickle
            // that lacks its beginning.
            let believed = believed
                && (at > 0
                    || !blob.head(4).is_ok_and(|head| head.starts_with(b"PK\x03\x04"))
                    || does_something(&run));
            if !believed {
                if first && alone && costs {
                    self.add(run, blob, container, depth, false);
                }
                break;
            }
            let (stopped, end, cut) = (run.stopped, run.end, run.cut);
            let anything_inside = stopped && end - at <= INSIDE;
            self.add(run, blob, container, depth, !proto && !self.is_said(depth));
            if anything_inside {
                self.inside(blob, at + 1, end, container, depth);
                self.marks(blob, (at + 1, end), true, container, depth);
            }
            if !stopped {
                at = if cut { at + 1 } else { end.max(at + 1) };
                break;
            }
            (at, read) = (end, end);
            first = false;
            // Django's cache has a pickle, then a compressed one.
            if let Ok(head) = blob.get(at, 16)
                && let Some(layer) = Layer::of(&head)
                && self.layer(layer, &blob.from(at), container, depth, true)
            {
                return read;
            }
        }
        if first && alone {
            self.after_prefix(blob, container, depth);
        }
        self.search(blob, at, container, depth, passed);
        read
    }

    /// Whether somebody says that a pickle is here: the name of the file, or who is going to load it.
    fn is_said(&self, depth: usize) -> bool {
        self.promised || self.expected && depth == 0
    }

    /// Pickles in strings of other pickles, wherever in the strings.
    fn inside(&mut self, blob: &Blob<'_>, from: u64, to: u64, container: &str, depth: usize) {
        let mut search = Search::new(blob, from, to, true);
        while let Ok(Some((place, _))) = search.next() {
            let Some(run) = self.run(blob, place, container) else { return };
            // The bytes of numbers can look like anything: what makes no sense, or names nothing, is no pickle there.
            if does_something(&run) && run.end <= to {
                search.go_to(run.end);
                self.add(run, blob, container, depth, false);
            }
        }
    }

    /// What an `INST` at a place belongs to, which begins with a mark before it.
    fn with_mark(&mut self, blob: &Blob<'_>, place: u64, container: &str) -> Option<Run> {
        let before = blob.get(place.saturating_sub(MARKED), MARKED.min(place) as usize).ok()?;
        let start = place - before.len() as u64;
        memchr::memrchr_iter(b'(', &before).take(MARKS).find_map(|at| {
            let run = self.run(blob, start + at as u64, container)?;
            does_something(&run).then_some(run)
        })
    }

    /// Pickles anywhere from `from` on.
    pub(super) fn search(
        &mut self,
        blob: &Blob<'_>,
        from: u64,
        container: &str,
        depth: usize,
        passed: &Passed,
    ) {
        let is_text = blob.head(512).is_ok_and(|head| text::is_text(&head));
        if passed.ranges.is_empty() && (from > 0 || !is_text) {
            self.marks(blob, (from, blob.len()), false, container, depth);
        }
        let mut search = Search::new(blob, from, blob.len(), false);
        loop {
            let (place, mark) = match search.next() {
                Ok(Some(found)) => found,
                Ok(None) => return,
                Err(error) => {
                    return self.note(container, Verdict::Unreadable, "unreadable", error.to_string());
                }
            };
            let next = passed.ranges.partition_point(|&(start, _)| start <= place);
            if let Some(&(_, end)) = next.checked_sub(1).and_then(|last| passed.ranges.get(last))
                && place < end
            {
                search.go_to(end);
                continue;
            }
            let Some(mut run) = self.run(blob, place, container) else { return };
            if mark == Mark::Global && !run.stopped && run.operations == 0 {
                run = self.with_mark(blob, place, container).unwrap_or(run);
            }
            let far = run.operations > 0 && run.report.verdict == Verdict::Dangerous && run.report.len > 3;
            let believed = match mark {
                // What looks like a pickle by chance, as some of any compressed data does, is odd and names nothing.
                Mark::Proto => {
                    run.stopped && run.report.verdict <= Verdict::Needs
                        || (run.stopped || far) && names_something(&run)
                        || run.report.verdict == Verdict::Budget
                            && !self.memory
                            && (run.stopped
                                || !passed.listing.contains(&place) && claims_by_intent(&run, blob.len()))
                }
                // Lines of digests are names of nothing, and lines of words are names that nothing is done with.
                Mark::Global => {
                    far && names_something(&run)
                        && (run.stopped || reaches(&run) && names_known(&run) && (!is_text || acts(&run)))
                }
            };
            if believed {
                search.go_to(run.end);
                self.add(run, blob, container, depth, true);
            }
        }
    }

    /// Takes a stream into the report, with what is inside of it. What may be one by `chance` is none if it names nothing and
    /// is not as picklers write.
    pub(super) fn add(&mut self, run: Run, blob: &Blob<'_>, container: &str, depth: usize, chance: bool) {
        let mut run = run;
        if run.stopped && !run.granted {
            self.spend(run.report.len.min(refine::EXAMINED).saturating_mul(EXAMINING));
        }
        refine::refine(&mut run, blob, self.policy);
        if run.in_one_piece {
            crate::context::add(blob, run.report.offset, run.end, &mut run.report.findings);
        }
        let Run { report, nested, inline, operations, .. } = run;
        for run in inline {
            self.add(run, blob, container, depth, false);
        }
        if !(chance && operations == 0 && report.verdict == Verdict::Ambiguous) {
            self.list(report);
        }
        self.nested(&nested, blob, container, depth);
    }

    /// Looks at something that may be nothing, and lists no more than what is found in it.
    pub(super) fn flagged_only(&mut self, look: impl FnOnce(&mut Self)) {
        let streams = self.file.streams.len();
        let (notes, formats) = (self.file.notes.len(), self.file.formats.len());
        look(self);
        self.file.notes.truncate(notes);
        self.file.formats.truncate(formats);
        let inner = self.file.streams.split_off(streams);
        self.file.streams.extend(inner.into_iter().filter(|stream| stream.verdict.is_flagged()));
    }

    fn list(&mut self, report: StreamReport) {
        if report.verdict <= Verdict::Needs && self.file.streams.len() >= STREAMS {
            self.unlisted += 1;
        } else {
            self.file.streams.push(report);
        }
    }
}
