//! Looks into a file: takes off what is around pickles, and finds them.

mod written;

use crate::blob::{Blob, SMALL, SpoolError, spool};
use crate::judge::CALL_VALUE;
use crate::known;
use crate::refine;
use crate::report::{FileReport, Finding, Note, StreamReport, Verdict};
use crate::search::{Mark, Search};
use crate::stream::{self, Run};
use crate::unwrap::layer::Layer;
use crate::unwrap::{berkeley, npy, redis, sevenz, sqlite, tar, text, zip, zodb};
use brinery::policy::Policy;
use std::collections::HashSet;
use std::io::Read;
use std::ops::Range;

/// How many things may be inside one another.
const DEPTH: usize = 12;
/// How many times larger than itself something may unpack to, beyond the first 256 MiB.
const RATIO: u64 = 1000;
const FREE: u64 = 256 << 20;
/// How many times over everything is looked at, beyond the first 64 MiB: things can lie over one another.
const WORK: u64 = 16;
/// What opening something costs, as if so many bytes were looked at.
const OPENING: u64 = 1 << 10;
/// How much more examining a stream under a policy costs than running over it.
const EXAMINING: u64 = 4;
/// How many streams of one file are listed that nothing was found in.
const STREAMS: usize = 10_000;
/// How many notes one file has.
const NOTES: usize = 64;
/// How large something may be in which pickles inside of strings are looked for.
const INSIDE: u64 = 4 << 20;
/// How far from the beginning a prefix ends.
const NEAR: u64 = 64;
/// Up to how many bytes nothing in a file looks like a length by chance.
const SHORT: u64 = 1 << 12;
/// How long text is at least that is some.
const PROSE: u64 = 6;
/// How many letters or digits at the beginning are the name of a kind of file, and not an opcode and a length.
const NAME: usize = 5;
/// How far before an `INST` its mark may be, and how many are tried.
const MARKED: u64 = 256;
const MARKS: usize = 4;
/// What a prefix before compressed data may have.
const PREFIX: usize = 16;

/// The endings of names that promise a pickle.
const PROMISES: &[&str] = &["pkl", "pickle", "p", "pk", "pck", "pcl", "joblib", "dill", "cpickle"];

/// What of something has been seen.
#[derive(Debug, Default)]
struct Passed {
    /// The members of an archive.
    ranges: Vec<(u64, u64)>,
    /// Its directory, or compressed data, which look like lengths and offsets.
    listing: Range<u64>,
}

/// A file that is being looked into.
pub(crate) struct Look<'f> {
    pub(crate) file: &'f mut FileReport,
    /// What is granted, if it is more than the shipped policies do.
    policy: Option<&'f Policy>,
    /// How much may still be unpacked.
    pub(crate) left: u64,
    /// How many bytes may still be looked at: a bound for the time that a file takes, which is the same on every machine.
    work: u64,
    unlisted: usize,
    /// Whether a loader is going to be given the file as it is.
    expected: bool,
    /// Whether the name of the file promises a pickle.
    promised: bool,
    /// Whether these bytes are the memory of a tensor.
    memory: bool,
    /// Texts that came out of escapes, by their hashes: one that comes out by another way is the same.
    undone: HashSet<u64>,
}

impl<'f> Look<'f> {
    pub(crate) fn new(
        file: &'f mut FileReport,
        policy: Option<&'f Policy>,
        most: u64,
        expected: bool,
    ) -> Self {
        Look {
            file,
            policy,
            left: most,
            work: 0,
            unlisted: 0,
            expected,
            promised: false,
            memory: false,
            undone: HashSet::new(),
        }
    }

    fn note(&mut self, container: &str, verdict: Verdict, rule: &'static str, message: String) {
        // The gravest is always told.
        let graver = || self.file.notes.iter().all(|note| note.verdict < verdict);
        if self.file.notes.len() < NOTES || graver() {
            self.file.notes.push(Note { container: container.to_owned(), verdict, rule, message });
        }
    }

    fn format(&mut self, name: &str) {
        if self.file.formats.len() < 16 && !self.file.formats.iter().any(|format| format == name) {
            self.file.formats.push(name.to_owned());
        }
    }

    /// Takes from what may still be looked at; whether there was as much.
    fn spend(&mut self, bytes: u64) -> bool {
        if self.work == 0 {
            return false;
        }
        self.work = self.work.saturating_sub(bytes);
        if self.work == 0 {
            let container = self.file.path.clone();
            let message = "takes time out of proportion to its size: its parts lie over one another, or begin in very many places";
            self.note(&container, Verdict::Budget, "budget-work", message.into());
        }
        self.work > 0
    }

    /// Runs over the stream at a place.
    fn run(&mut self, blob: &Blob<'_>, place: u64, container: &str) -> Option<Run> {
        if self.work == 0 {
            return None;
        }
        let run = stream::run(blob, place, container, self.policy);
        self.spend(run.cost.saturating_add(OPENING));
        Some(run)
    }

    /// The whole file.
    pub(crate) fn whole(&mut self, blob: &Blob<'_>) {
        self.work = (64u64 << 20).saturating_add(blob.len().saturating_mul(WORK));
        let container = self.file.path.clone();
        self.promised = container.rsplit_once('.').is_some_and(|(_, ending)| PROMISES.contains(&ending));
        self.thing(blob, &container, 0);
        if self.promised
            && blob.len() > 0
            && self.file.streams.is_empty()
            && self.file.notes.is_empty()
            && self.file.formats.is_empty()
        {
            let message = "no pickle was found in it, whatever its name says".into();
            self.note(&container, Verdict::Malformed, "no-pickle", message);
        }
        if self.unlisted > 0 {
            let message = format!("{} more pickles in which nothing was found", self.unlisted);
            self.note(&container, Verdict::Clean, "more-streams", message);
        }
    }

    /// Something of any kind.
    fn thing(&mut self, blob: &Blob<'_>, container: &str, depth: usize) {
        if blob.len() < 2 {
            if blob.len() == 1 {
                self.streams(blob, 0, container, depth, &Passed::default(), true);
            }
            return;
        }
        if depth > DEPTH {
            let message = format!("things are packed in one another over {DEPTH} levels deep");
            self.note(container, Verdict::Budget, "budget-nesting", message);
            return;
        }
        if !self.spend(blob.len().saturating_add(OPENING)) {
            return;
        }
        let head = match blob.head(512) {
            Ok(head) => head,
            Err(error) => return self.note(container, Verdict::Unreadable, "unreadable", error.to_string()),
        };
        let mut known = false;
        let mut passed: Vec<(u64, u64)> = Vec::new();
        let mut listing = 0..0;
        if let Some(layer) = Layer::of(&head) {
            known |= self.layer(layer, blob, container, depth, false);
            if known {
                listing = 0..blob.len();
            }
        }
        if let Some(archive) = zip::Archive::open(blob) {
            known = true;
            if listing.is_empty() {
                listing = archive.listing.clone();
            }
            self.zip(archive, blob, container, depth, &mut passed);
        }
        if let Some((members, problem)) = tar::members(blob) {
            known = true;
            self.format("tar");
            for member in members {
                let inside = format!("{container}::{}", member.name);
                self.thing(&blob.part(member.start, member.len), &inside, depth + 1);
                passed.push((member.start, member.start + member.len));
            }
            if let Some(problem) = problem {
                self.note(container, Verdict::Malformed, "archive", problem);
            }
        }
        if zodb::is_storage(&head) {
            known = true;
            self.format("zodb");
            let problem = zodb::each(blob, |at, len| {
                self.record(&blob.part(at, len), &format!("{container}::record@{at}"), depth);
                passed.push((at, at + len));
                self.work > 0
            });
            if let Some(at) = problem {
                let message = format!("the transactions make no sense from offset {at} on");
                self.note(container, Verdict::Malformed, "archive", message);
            }
        }
        if sevenz::is_sevenz(&head) {
            known = true;
            self.format("7z");
            let problem = sevenz::each(blob, |name, reader| {
                let inside = format!("{container}::{name}");
                self.unpacked(reader, blob.len(), &inside, depth);
            });
            if let Some(problem) = problem {
                self.note(container, Verdict::Unreadable, "archive", problem);
            }
        }
        if npy::is_npy(&head) {
            known = true;
            self.format("npy");
            match npy::pickle_at(blob) {
                Some(Ok(at)) => {
                    self.streams(blob, at, container, depth, &Passed::default(), true);
                    return;
                }
                Some(Err(problem)) => {
                    self.note(container, Verdict::Malformed, "archive", format!("the file {problem}"));
                }
                None => {}
            }
        }
        if let Some(pages) = sqlite::Pages::open(blob) {
            known = true;
            self.format("sqlite");
            if !pages.each(|at, value| self.value(value, &format!("{container}::row@{at}"), depth)) {
                self.overlap(container);
            }
        }
        if redis::is_dump(&head) {
            self.format("redis");
            redis::strings(blob, |at, value| {
                // What is no more than a pickle is found where it lies.
                if Layer::of(&value).is_some() || text::is_text(&value[..value.len().min(512)]) {
                    self.value(value, &format!("{container}::string@{at}"), depth);
                }
            });
            let left = self.left;
            let whole = redis::each(blob, left, |at, value| {
                self.value(value, &format!("{container}::string@{at}"), depth);
            });
            if !whole {
                self.note(
                    container,
                    Verdict::Budget,
                    "budget-unpacked",
                    "its strings unpack to more than is allowed".into(),
                );
            }
        }
        let pages =
            berkeley::each(blob, |at, value| self.value(value, &format!("{container}::page@{at}"), depth));
        if let Some(whole) = pages {
            known = true;
            self.format("berkeley db");
            if !whole {
                self.overlap(container);
            }
        }
        let passed = Passed { ranges: joined(passed), listing };
        let pickles = self.streams(blob, 0, container, depth, &passed, !known);
        if !known && text::is_text(&head) {
            self.text(blob, pickles, container, depth);
        }
    }

    /// A record of ZODB. Where its second pickle cannot be read without the first, both are one.
    fn record(&mut self, record: &Blob<'_>, container: &str, depth: usize) {
        let first = if record.len() <= SMALL { self.run(record, 0, container) } else { None };
        if let Some(first) = first.filter(|first| first.stopped && first.end < record.len())
            && self.run(record, first.end, container).is_some_and(|second| !second.stopped)
            && let Ok(bytes) = record.head(SMALL as usize)
            && let Some(one) = zodb::as_one(&bytes, first.end)
        {
            let one = Blob::of(one);
            if self.run(&one, 0, container).is_some_and(|run| run.stopped) {
                return self.thing(&one, container, depth + 1);
            }
        }
        self.thing(record, container, depth + 1);
    }

    /// The values of a database share what they are made of.
    fn overlap(&mut self, container: &str) {
        let message = "its values lie over one another, and are more than is looked at".into();
        self.note(container, Verdict::Budget, "budget-work", message);
    }

    /// A value out of a database or out of text.
    fn value(&mut self, value: Vec<u8>, container: &str, depth: usize) {
        if value.len() > 3 && self.work > 0 {
            self.thing(&Blob::of(value), container, depth + 1);
        }
    }

    /// Compressed data; whether it was any.
    fn layer(&mut self, layer: Layer, blob: &Blob<'_>, container: &str, depth: usize, guess: bool) -> bool {
        if !self.spend(OPENING) {
            return false;
        }
        let mut reader = match layer.reader(blob) {
            Ok(reader) => reader,
            Err(error) => {
                if !guess {
                    self.note(
                        container,
                        Verdict::Unreadable,
                        "unpack",
                        format!("the {} data cannot be unpacked: {error}", layer.name()),
                    );
                }
                return !guess;
            }
        };
        let (inside, error) = spool(&mut *reader, self.limit(blob.len()));
        self.unpack(inside.len());
        if inside.len() == 0 && (guess || layer == Layer::Zlib) && error.is_some() {
            return false;
        }
        self.format(layer.name());
        // Offsets in there are none in here.
        let within = format!("{container}::{}", layer.name());
        self.spooled(&inside, error, layer.name(), &within, depth);
        true
    }

    fn limit(&self, packed: u64) -> u64 {
        self.left.min(FREE.max(packed.saturating_mul(RATIO)))
    }

    /// So much has been unpacked: it may be looked at as well.
    fn unpack(&mut self, len: u64) {
        self.left = self.left.saturating_sub(len);
        if self.work > 0 {
            self.work = self.work.saturating_add(len.saturating_mul(WORK));
        }
    }

    /// What comes out of an archive.
    fn unpacked(&mut self, reader: &mut dyn Read, packed: u64, container: &str, depth: usize) {
        if !self.spend(OPENING) {
            return;
        }
        let (inside, error) = spool(reader, self.limit(packed));
        self.unpack(inside.len());
        self.spooled(&inside, error, "packed", container, depth);
    }

    fn spooled(
        &mut self,
        inside: &Blob<'_>,
        error: Option<SpoolError>,
        what: &str,
        container: &str,
        depth: usize,
    ) {
        match error {
            Some(SpoolError::TooLarge(limit)) => {
                let message = format!("the {what} data unpacks to more than {} MiB", limit >> 20);
                self.note(container, Verdict::Budget, "budget-unpacked", message);
            }
            Some(SpoolError::Damaged(error)) => {
                let message = format!("the {what} data is damaged after {} bytes: {error}", inside.len());
                self.note(container, Verdict::Malformed, "unpack", message);
            }
            None => {}
        }
        self.thing(inside, container, depth + 1);
    }

    fn zip(
        &mut self,
        archive: zip::Archive,
        blob: &Blob<'_>,
        container: &str,
        depth: usize,
        passed: &mut Vec<(u64, u64)>,
    ) {
        self.format("zip");
        for difference in archive.differences {
            self.note(container, Verdict::Ambiguous, "zip-lists-differ", difference);
        }
        if let Some(problem) = archive.problem {
            self.note(container, Verdict::Malformed, "archive", problem);
        }
        for member in archive.members {
            let inside = format!("{container}::{}", member.name);
            let data = blob.part(member.data, member.packed);
            if member.encrypted || member.method == 99 {
                self.note(&inside, Verdict::Unreadable, "encrypted", "is encrypted".into());
                continue;
            }
            if member.method == 0 {
                passed.push((member.data, member.data + member.packed));
                let outer = std::mem::replace(&mut self.memory, is_tensor_memory(&member.name));
                self.thing(&data, &inside, depth + 1);
                self.memory = outer;
                continue;
            }
            match zip::reader(member.method, &data) {
                Some(Ok(mut reader)) => self.unpacked(&mut *reader, member.packed, &inside, depth),
                Some(Err(error)) => self.note(&inside, Verdict::Malformed, "unpack", error.to_string()),
                None => {
                    let message =
                        format!("is compressed by method {}, which is not supported", member.method);
                    self.note(&inside, Verdict::Unreadable, "unsupported", message);
                }
            }
        }
    }

    /// Pickles one after the other from `at` on, then anywhere. What lies in the ranges `passed` has been seen. Returns up
    /// to where all was read.
    fn streams(
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

    /// Compressed data after a few other bytes.
    fn after_prefix(&mut self, blob: &Blob<'_>, container: &str, depth: usize) {
        let Ok(head) = blob.head(PREFIX + 8) else { return };
        for at in 1..head.len().min(PREFIX) {
            if let Some(layer) = Layer::of(&head[at..]) {
                let before = (self.file.streams.len(), self.file.notes.len(), self.file.formats.len());
                let opened = self.layer(layer, &blob.from(at as u64), container, depth, true);
                if opened && self.file.streams.len() > before.0 {
                    return;
                }
                self.file.notes.truncate(before.1);
                self.file.formats.truncate(before.2);
            }
        }
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
    fn search(&mut self, blob: &Blob<'_>, from: u64, container: &str, depth: usize, passed: &Passed) {
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
    fn add(&mut self, run: Run, blob: &Blob<'_>, container: &str, depth: usize, chance: bool) {
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
    fn flagged_only(&mut self, look: impl FnOnce(&mut Self)) {
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

/// Whether a member of an archive is where torch keeps the memory of a tensor, of which no loader makes a pickle: its first
/// byte may well look like an opcode that claims much.
fn is_tensor_memory(name: &str) -> bool {
    let mut parts = name.rsplit('/');
    let is_number =
        parts.next().is_some_and(|last| !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()));
    is_number && parts.next() == Some("data")
}

/// Whether bytes begin as a pickle or compressed data does.
fn begins_known(bytes: &[u8]) -> bool {
    crate::search::starts_stream(bytes) || Layer::of(bytes).is_some()
}

/// Ranges in order, those that touch made one.
fn joined(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (start, end) in ranges {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// Whether a stream names what anybody has, first of all, or does something with what it names.
fn names_reachable(run: &Run) -> bool {
    run.report.globals.first().is_some_and(|first| {
        let top = first.module.split('.').next().unwrap_or_default();
        known::is_reachable(&first.module, &first.name)
            && first.name.is_ascii()
            && (run.stopped || known::is_module(top) || acts(run))
    })
}

/// Whether a length that is far too large is none by chance, as one in other data is: it is an amount that a machine may have,
/// and one of the few things that there are, or near the beginning.
fn claims_by_intent(run: &Run, len: u64) -> bool {
    run.claim.is_some_and(|claim| claim >> 48 == 0) && (len <= SHORT || run.report.offset < NEAR)
}

/// Whether a length that is far too large is an amount that a machine may have: no loader sets more than that aside.
fn is_amount(run: &Run, len: u64) -> bool {
    run.claim.is_none_or(|claim| claim >> 48 == 0 || len <= SHORT)
}

/// Whether what claims far more bytes than there are, or an index far off, is a text that begins with letters that are such
/// opcodes, or another kind of file that begins with its name.
fn is_prose(run: &Run, blob: &Blob<'_>) -> bool {
    let claims = |finding: &Finding| matches!(finding.rule, "budget-claim" | "budget-memo" | "malformed");
    let is_name = |head: &[u8]| head.len() >= NAME && head[..NAME].iter().all(u8::is_ascii_alphanumeric);
    run.report.findings.iter().all(claims)
        && !run.stopped
        && blob.len() >= PROSE
        && blob.head(512).is_ok_and(|head| text::is_prose(&head) || run.end == 0 && is_name(&head))
}

/// Whether a finding is about more than a name that makes no sense, as in bytes that are no pickle. What is done with nothing
/// that has a name is done by no loader.
fn names_something(run: &Run) -> bool {
    let sound = |finding: &Finding| {
        finding.verdict == Verdict::Dangerous
            && finding.category != Some("odd-name")
            && finding.rule != CALL_VALUE
    };
    run.report.findings.iter().any(sound)
        && run.report.globals.iter().any(|global| known::is_spelled(&global.module, &global.name))
}

/// Whether a stream does what is dangerous with what it names, and not only with what the loader gives it.
fn does_something(run: &Run) -> bool {
    let own = |finding: &Finding| {
        finding.verdict == Verdict::Dangerous
            && finding.category != Some("odd-name")
            && finding.global.is_some()
    };
    run.operations > 0 && run.report.findings.iter().any(own)
}

/// Whether a stream calls or changes something, or names a module of harm, and does not only name what words may be.
fn acts(run: &Run) -> bool {
    let deed = |finding: &Finding| {
        let named = finding.global.as_deref().and_then(|global| global.split_once('.'));
        finding.verdict == Verdict::Dangerous
            && !matches!(finding.rule, "forbidden-global" | "unused-import")
            && (finding.rule == "forbidden-call" || named.is_none_or(|(top, _)| known::is_module(top)))
    };
    run.report.findings.iter().any(deed)
}

/// Whether anything that a stream names is known or can be reached by anybody.
fn names_known(run: &Run) -> bool {
    run.report.globals.iter().any(|global| known::is_reachable(&global.module, &global.name))
}

/// Whether a stream without `PROTO` does something, or goes on after what it names.
fn reaches(run: &Run) -> bool {
    run.operations > 1
        || run.report.len
            > run.report.globals.first().map_or(0, |first| (first.module.len() + first.name.len() + 3) as u64)
}
