//! Looks into a file: takes off what is around pickles, and finds them.

mod believed;
mod found;
mod opened;
mod written;

use crate::blob::{Blob, SMALL};
use crate::report::{FileReport, Note, Verdict};
use crate::stream::{self, Run};
use crate::unwrap::layer::Layer;
use crate::unwrap::{ar, berkeley, npy, redis, sevenz, sqlite, tar, text, zip, zodb};
use brinery::policy::Policy;
use std::collections::HashSet;
use std::ops::Range;

/// How many things may be inside one another.
const DEPTH: usize = 12;
/// How many times over everything is looked at, beyond the first 64 MiB: things can lie over one another.
const WORK: u64 = 16;
/// What opening something costs, as if so many bytes were looked at.
const OPENING: u64 = 1 << 10;
/// How many notes one file has.
const NOTES: usize = 64;
/// How large something may be in which pickles inside of strings are looked for.
const INSIDE: u64 = 4 << 20;

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
        let archive = tar::members(blob).map(|found| ("tar", found));
        if let Some((name, (members, problem))) =
            archive.or_else(|| ar::members(blob).map(|found| ("ar", found)))
        {
            known = true;
            self.format(name);
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
        self.pieces(blob, &head, container, depth);
        let passed = Passed { ranges: joined(passed), listing };
        let pickles = self.streams(blob, 0, container, depth, &passed, !known);
        if !known && text::is_text(&head) {
            self.text(blob, pickles, container, depth);
        } else if !known && text::is_wide(&head) {
            self.wide_text(blob, container, depth);
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
