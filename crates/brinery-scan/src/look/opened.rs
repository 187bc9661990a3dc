//! What is packed: compressed data and archives.

use super::{Look, OPENING, WORK, begins_known};
use crate::blob::{Blob, SpoolError, spool};
use crate::report::Verdict;
use crate::search::{Stands, stands};
use crate::unwrap::layer::Layer;
use crate::unwrap::pictures::{self, Piece};
use crate::unwrap::zip;
use std::io::Read;

/// How many times larger than itself something may unpack to, beyond the first 256 MiB.
const RATIO: u64 = 1000;
const FREE: u64 = 256 << 20;
/// What a prefix before compressed data may have.
const PREFIX: usize = 16;

impl Look<'_> {
    /// Compressed data; whether it was any.
    pub(super) fn layer(
        &mut self,
        layer: Layer,
        blob: &Blob<'_>,
        container: &str,
        depth: usize,
        guess: bool,
    ) -> bool {
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
    pub(super) fn unpacked(&mut self, reader: &mut dyn Read, packed: u64, container: &str, depth: usize) {
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

    pub(super) fn zip(
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

    /// What is compressed in a picture or a document.
    pub(super) fn pieces(&mut self, blob: &Blob<'_>, head: &[u8], container: &str, depth: usize) {
        for (at, piece) in pictures::pieces(blob, head) {
            if !self.spend(OPENING) {
                return;
            }
            let data = match piece {
                Piece::Text(data) => data,
                Piece::Other(data) if begins_as_pickle(&data) => data,
                Piece::Other(_) => continue,
            };
            self.layer(Layer::Zlib, &data, &format!("{container}::piece@{at}"), depth, true);
        }
    }

    /// Compressed data after a few other bytes.
    pub(super) fn after_prefix(&mut self, blob: &Blob<'_>, container: &str, depth: usize) {
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
}

/// Whether zlib data unpacks to what begins as a pickle does.
fn begins_as_pickle(data: &Blob<'_>) -> bool {
    let mut head = Vec::new();
    let Ok(reader) = Layer::Zlib.reader(data) else { return false };
    // What was unpacked before it broke off counts.
    let _ = reader.take(64).read_to_end(&mut head);
    begins_known(&head) || stands(&head) == Stands::Sure(true)
}

/// Whether a member of an archive is where torch keeps the memory of a tensor, of which no loader makes a pickle: its first
/// byte may well look like an opcode that claims much.
fn is_tensor_memory(name: &str) -> bool {
    let mut parts = name.rsplit('/');
    let is_number =
        parts.next().is_some_and(|last| !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()));
    is_number && parts.next() == Some("data")
}
