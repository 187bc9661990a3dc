//! Pickles written as text, and in the strings of other pickles.

use super::believed::does_something;
use super::{DEPTH, INSIDE, Look, Passed, begins_known};
use crate::blob::Blob;
use crate::literal;
use crate::report::{Finding, StreamReport, Verdict};
use crate::search::{self, Search};
use crate::stream::{self, Run};
use crate::unwrap::codec::Within;
use crate::unwrap::layer::Layer;
use crate::unwrap::spelled::{self, Escapes};
use crate::unwrap::{begins, codec, text};
use brinery::Opcode;
use std::hash::BuildHasher;

/// How much text is looked through in one go, and how much of one string.
const TEXT: u64 = 256 << 20;
const VALUES: u64 = 8 << 20;
/// How long a string may be that may be a pickle without a mark.
const BARE: u64 = 1 << 20;
/// How much more looking through text for codecs costs than passing over bytes.
const READING: u64 = 3;
/// How far from its beginning one has the end of a line.
const BARE_LINE: usize = 256;

impl Look<'_> {
    /// Pickles written as text, from `at` on. What comes before reads as pickles as it stands, and is no text of another one:
    /// only the values in it may be such text, each by itself.
    pub(super) fn text(&mut self, blob: &Blob<'_>, at: u64, container: &str, depth: usize) {
        let mut at = at;
        while at < blob.len() && self.work > 0 {
            let owned;
            let piece = match blob.bytes() {
                Some(bytes) => &bytes[at as usize..],
                None => {
                    owned = blob.get(at, TEXT as usize).unwrap_or_default();
                    &owned[..]
                }
            };
            self.encoded(piece, at, &Escapes::ALL, container, depth);
            let len = piece.len() as u64;
            // What lies over the end is looked at once more.
            let passed = if at + len < blob.len() { len / 2 } else { len };
            if passed == 0 {
                return;
            }
            at += passed;
        }
    }

    /// The same in text of two bytes a character, as some systems write it.
    pub(super) fn wide_text(&mut self, blob: &Blob<'_>, container: &str, depth: usize) {
        let wide = blob.get(0, TEXT as usize).unwrap_or_default();
        self.unescaped(&text::narrow(&wide), &Escapes::ALL, container, depth + 1);
    }

    /// Pickles written as text that begins at `start`: in a codec, or with escapes of some kinds.
    fn encoded(&mut self, text: &[u8], start: u64, kinds: &[Escapes], container: &str, depth: usize) {
        if !self.spend((text.len() as u64).saturating_mul(READING)) {
            return;
        }
        for &escapes in kinds {
            let Some((plain, broken)) = escapes.undo(text) else { continue };
            if depth >= DEPTH {
                return;
            }
            let hash = self.undone.hasher().hash_one((start, container, &plain));
            if !self.undone.insert(hash) {
                continue;
            }
            // Escapes of escapes are undone where any are left, where there are many, or where they are among digits.
            let left = escapes == Escapes::Backslash && memchr::memchr(b'\\', &plain).is_some();
            let again = broken || left || plain.len() < text.len() / 16 * 15;
            // What is in JSON may be in any of the others.
            let again = match escapes {
                _ if again => &Escapes::ALL[..],
                Escapes::Backslash => &Escapes::ALL[1..],
                _ => &[],
            };
            self.unescaped(&plain, again, container, depth + 1);
        }
        let wanted = |decoded: &[u8]| is_promising(decoded);
        let within = |at: u64| format!("{container}::text@{}", start + at);
        let goes_on = codec::each(text, &wanted, &mut |at, decoded, chance| {
            self.decoded(decoded, &within(at), depth, chance);
            self.work > 0
        });
        let mut visit = |at: u64, decoded: Vec<u8>| {
            if is_promising(&decoded) {
                self.decoded(decoded, &within(at), depth, false);
            }
            self.work > 0
        };
        if goes_on && spelled::each_uu(text, &mut visit) && spelled::each_list(text, &mut visit) {
            spelled::each_lenient(text, &mut |at, digits| {
                codec::each_bordered(&digits, &wanted, &mut |_, decoded, chance| {
                    self.decoded(decoded, &within(at), depth, chance);
                    self.work > 0
                })
            });
        }
    }

    /// What text with escapes stands for.
    fn unescaped(&mut self, plain: &[u8], again: &[Escapes], container: &str, depth: usize) {
        let within = format!("{container}::unescaped");
        let first = text::literal(plain);
        let blob = Blob::lent(plain);
        // What is one literal is read from its first byte on, if it reads whole.
        let whole = first.and_then(|first| self.run(&blob, first, &within)).filter(|run| run.stopped);
        let end = whole.as_ref().map_or(0, |run| run.end);
        if let Some(run) = whole {
            self.add(run, &blob, &within, depth, true);
        }
        self.search(&blob, end, &within, depth, &Passed::default());
        self.bordered(&blob, plain, &within, depth);
        self.encoded(plain, 0, again, &within, depth);
    }

    /// What is packed or begins without a mark, where strings and lines begin.
    fn bordered(&mut self, blob: &Blob<'_>, plain: &[u8], container: &str, depth: usize) {
        let after = memchr::memchr3_iter(b'"', b'\'', b'\n', plain).map(|at| at + 1);
        for at in std::iter::once(0).chain(after) {
            let rest = &plain[at..];
            if let Some(layer) = Layer::of(rest) {
                self.flagged_only(|look| {
                    look.layer(layer, &blob.from(at as u64), container, depth, true);
                });
            } else if rest.starts_with(b"(")
                && memchr::memchr(b'\n', &rest[..rest.len().min(BARE_LINE)]).is_some()
            {
                let run = self.run(blob, at as u64, container);
                if let Some(run) = run.filter(|run| run.stopped && does_something(run)) {
                    self.add(run, blob, container, depth, false);
                }
            } else if search::is_whole(literal_of(plain, at)) {
                let run = self.run(blob, at as u64, container);
                let costs = |run: &Run| run.report.verdict == Verdict::Budget;
                if let Some(run) = run.filter(|run| run.stopped && (does_something(run) || costs(run))) {
                    self.add(run, blob, container, depth, false);
                }
            }
        }
    }

    /// What text stands for. Words decode to anything: only what is a pickle counts.
    fn decoded(&mut self, decoded: Vec<u8>, container: &str, depth: usize, chance: bool) {
        let before = (self.file.streams.len(), self.file.notes.len(), self.file.formats.len());
        self.value(decoded, container, depth);
        if !self.file.streams[before.0..].iter().any(|stream| is_deliberate(stream, chance)) {
            self.file.streams.truncate(before.0);
            self.file.notes.truncate(before.1);
            self.file.formats.truncate(before.2);
        } else if chance {
            // Beside a pickle there may be what is none.
            let inner = self.file.streams.split_off(before.0);
            let stays =
                |stream: &StreamReport| stream.verdict <= Verdict::Needs || is_deliberate(stream, true);
            self.file.streams.extend(inner.into_iter().filter(stays));
        }
    }

    /// Pickles in any codec in something that is no text.
    pub(super) fn marks(
        &mut self,
        blob: &Blob<'_>,
        (from, to): (u64, u64),
        pickle: bool,
        container: &str,
        depth: usize,
    ) {
        if to - from > INSIDE || self.work == 0 {
            return;
        }
        let owned;
        let bytes = match blob.bytes() {
            Some(bytes) => &bytes[from as usize..to as usize],
            None => {
                owned = blob.get(from, (to - from) as usize).unwrap_or_default();
                &owned[..]
            }
        };
        let around = if pickle { Within::Pickle } else { Within::Anything };
        codec::each_mark(bytes, around, &mut |at, decoded, chance| {
            let within = format!("{container}::text@{}", from + at);
            self.flagged_only(|look| look.decoded(decoded, &within, depth, chance));
            self.work > 0
        });
    }

    /// Strings of a pickle that may be pickles: where their opcodes are, the bytes there, and how long they are.
    pub(super) fn nested(
        &mut self,
        nested: &[(u64, Vec<u8>, u64)],
        blob: &Blob<'_>,
        container: &str,
        depth: usize,
    ) {
        for &(at, ref head, len) in nested {
            let within = format!("{container}::bytes@{at}");
            let opcode = head.first().copied().and_then(Opcode::from_byte);
            if let Some(opcode @ (Opcode::Unicode | Opcode::String)) = opcode {
                let quote = u64::from(opcode == Opcode::String);
                let line = blob.get(at + 1 + quote, len.min(VALUES) as usize).unwrap_or_default();
                let text = literal::unescape(&line, opcode == Opcode::Unicode);
                self.nested_text(text.as_bytes(), at, &within, container, depth);
                continue;
            }
            let Some((opcode, claimed)) = stream::claim(head) else { continue };
            let start = at + stream::prefix(opcode);
            // What a loader of bytes is given counts whatever it is; other strings only if they are pickles.
            let head = blob.get(start, 64).unwrap_or_default();
            let is_text =
                matches!(opcode, Opcode::ShortBinUnicode | Opcode::BinUnicode | Opcode::BinUnicode8);
            if is_text {
                if claimed <= VALUES {
                    let text = blob.get(start, claimed as usize).unwrap_or_default();
                    self.nested_text(&text, start, &within, container, depth);
                }
            } else if len == u64::MAX {
                self.thing(&blob.part(start, claimed), &within, depth + 1);
            } else if begins_known(&head) || self.is_bare_pickle(&blob.part(start, claimed), container) {
                self.flagged_only(|look| look.thing(&blob.part(start, claimed), &within, depth + 1));
            } else if claimed <= VALUES {
                let text = blob.get(start, claimed as usize).unwrap_or_default();
                if !begins::string(&head) && !begins::bare(&text) {
                    continue;
                }
                self.flagged_only(|look| look.encoded(&text, start, &Escapes::ALL, container, depth));
            }
        }
    }

    /// A text of a pickle that begins at `start`.
    fn nested_text(&mut self, text: &[u8], start: u64, within: &str, container: &str, depth: usize) {
        // A program may have the bytes of a pickle as a text, a character each.
        if let Some(bytes) = text::latin1(text) {
            let bytes = Blob::of(bytes);
            let known = bytes.bytes().is_some_and(begins_known);
            if known || self.is_bare_pickle(&bytes, container) {
                return self.flagged_only(|look| look.thing(&bytes, within, depth + 1));
            }
        }
        self.flagged_only(|look| look.encoded(text, start, &Escapes::ALL, container, depth));
    }

    /// Whether a string is a pickle from its first byte to its last, without a `PROTO`, that does something.
    fn is_bare_pickle(&mut self, string: &Blob<'_>, container: &str) -> bool {
        let head = string.peek::<{ begins::FIRST }>(0);
        let begins = head.is_ok_and(|(head, len)| begins::may_begin(&head[..len]));
        if string.len() > BARE || !begins {
            return false;
        }
        let run = self.run(string, 0, container);
        run.is_some_and(|run| run.stopped && run.end == string.len() && does_something(&run))
    }
}

/// What is between the quotes that the first of is before `at`, or all if there is none.
fn literal_of(text: &[u8], at: usize) -> &[u8] {
    let rest = &text[at..];
    match at.checked_sub(1).map(|before| text[before]) {
        Some(quote @ (b'"' | b'\'')) => &rest[..memchr::memchr(quote, rest).unwrap_or(0)],
        None => rest,
        Some(_) => &[],
    }
}

/// Whether bytes that come out of text are worth to be looked at.
fn is_promising(decoded: &[u8]) -> bool {
    begins_known(decoded)
        || search::is_whole(decoded)
        || begins::string(decoded) && is_ascii_text(decoded)
        || matches!(Search::new(&Blob::lent(decoded), 0, u64::MAX, false).next(), Ok(Some(_)))
}

/// Whether a stream is none by chance, as it may come out of words and numbers that are taken for text in some base: it reads
/// whole, or does harm by what it names, or names or costs something. With `chance`, only the first two count, and what reads
/// whole is honest, or names or costs something.
fn is_deliberate(stream: &StreamReport, chance: bool) -> bool {
    let broken = |finding: &Finding| matches!(finding.rule, "malformed" | "budget-claim");
    let harms = |finding: &Finding| {
        finding.verdict == Verdict::Dangerous
            && finding.category != Some("odd-name")
            && finding.global.is_some()
    };
    let claims = |finding: &Finding| {
        finding.rule == "budget-claim" && finding.opcode.is_some_and(|it| it.ends_with('8'))
    };
    let whole = !stream.findings.iter().any(broken);
    let costs = |finding: &Finding| finding.verdict == Verdict::Budget && !broken(finding);
    stream.findings.iter().any(harms)
        || if chance {
            let says = !stream.globals.is_empty() || stream.verdict == Verdict::Budget;
            whole && (stream.verdict <= Verdict::Needs || says)
        } else {
            whole
                || !stream.globals.is_empty()
                || stream.findings.iter().any(costs)
                || stream.protocol.is_some() && stream.findings.iter().any(claims)
        }
}

/// Whether bytes are text that is no text by chance.
fn is_ascii_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(codec::SHORTEST)];
    head.len() >= codec::SHORTEST / 2 && head.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r'))
}
