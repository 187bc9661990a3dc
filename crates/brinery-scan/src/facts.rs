//! The host that learns what a load would do, and does nothing.
//!
//! It makes no objects: a value on the stack is a [`Fact`]. What would resolve, call, construct or change something is
//! [judged](crate::judge) where it stands.

mod chosen;
mod contain;
mod host;
mod numbers;

use crate::blob::Blob;
use crate::collisions::{self, Collisions};
use crate::consumed::{self, Contents};
use crate::fact::{CALL, DEEP, Extra, Fact, Kind, Outside, Sort};
use crate::granted::Grants;
use crate::judge::{UNKNOWN_CALL, UNKNOWN_CHANGED};
use crate::known::{self, Standing};
use crate::literal::{self, unescape};
use crate::nth;
use crate::packed::{NEAR, PackedMemo};
use crate::refine::EXAMINED;
use crate::report::{Finding, Verdict};
use crate::shelf::Shelf;
use crate::tape::Between;
use crate::unwrap::{begins, codec::SHORTEST_KNOWN, text};
use crate::wanted::Wanted;
use brinery::Place;
use brinery::policy::{MOST_NESTED_CALLS, Policy, residues};
use brinery::read::{Chunk, Fault, Host, Items, LineEncoding, ReadError, Shape, Source};
use foldhash::fast::RandomState;
use numbers::Number;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

/// How many findings of one stream are kept.
const FINDINGS: usize = 256;
/// How many strings that may be pickles of their own are remembered.
const NESTED: usize = 1 << 18;
/// How much of a name is read.
const NAME: usize = 4096;
/// What a container takes at least, in bytes, on the interpreters of today.
const SET: u64 = 216;
const DICT: u64 = 64;
const LIST: u64 = 56;
const TUPLE: u64 = 40;
const OBJECT: u64 = 48;
/// From how many bytes on an integer weighs as much as it is long: calculating with it takes time.
pub(crate) const HUGE: f32 = 2048.0;
/// How many values and marks may be on the stack: what is not in a container yet.
const STACK: usize = 1 << 24;
/// How many classes and functions one stream may name.
const NAMES: usize = 1 << 16;
/// How many dicts may have the names of hooks for keys.
const HOOKED: usize = 1 << 16;
/// How often one dict may be the state of something.
const REPEATED: u32 = 1000;
/// Why a run over a stream ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The stream is malformed.
    Fault(Fault, Place),
    /// It could not be read.
    Unreadable(String),
    /// There are arrays between the opcodes, so that it has to be read from a tape.
    NeedsTape,
    /// There is more of something than is looked at, by this rule.
    TooMuch(&'static str, String),
}

/// A class, function or module that the stream names.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Named {
    pub(crate) module: String,
    pub(crate) name: String,
    /// The names in Python 3, where the stream has those of Python 2.
    pub(crate) modern: Option<(String, String)>,
    /// Where it is named first.
    pub(crate) offset: u64,
    pub(crate) standing: Standing,
    /// Whether iterating what it makes runs nothing, and ends.
    pub(crate) ends: bool,
    /// Whether what calls of it make is given up by recursion.
    pub(crate) heavy: bool,
    /// Whether what it makes is given items or a state.
    pub(crate) grows: bool,
    /// Whether anything is done with it.
    pub(crate) used: bool,
    /// Whether a finding has been made for each kind of use.
    pub(crate) told: u8,
    /// Whether it is a value, and not only what is called.
    pub(crate) valued: bool,
    /// Whether anything that was made of it was given a state.
    pub(crate) built: bool,
    /// What sort of number calls of it make.
    pub(crate) number: Option<Number>,
}

impl Named {
    /// The module and the name in Python 3.
    pub(crate) fn modern(&self) -> (&str, &str) {
        match &self.modern {
            Some((module, name)) => (module, name),
            None => (&self.module, &self.name),
        }
    }

    pub(crate) fn full(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }
}

/// What a `partial` is of that may be called.
#[derive(Clone, Debug)]
pub(crate) struct Partial {
    /// The class or function: an index into the stream's globals.
    pub(crate) target: u32,
    pub(crate) args: Vec<Fact>,
    /// Whether these are all of its arguments.
    pub(crate) known: bool,
}

/// What has been learnt of a stream.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Facts<'a, 't> {
    pub(crate) blob: &'t Blob<'a>,
    /// Where the stream starts in the blob.
    pub(crate) start: u64,
    /// Where the opcode starts that is being executed.
    pub(crate) at: u64,
    memo: PackedMemo,
    /// Where the text starts that was made last, if nothing has been stored since; else beyond all places.
    fresh: u64,
    pub(crate) shelf: Shelf,
    pub(crate) named: Vec<Named>,
    by_name: HashMap<(String, String), u32>,
    by_place: HashMap<(u64, u64), u32, RandomState>,
    pub(crate) decoded: Vec<String>,
    dicts: u32,
    /// The keys of dicts that are names of hooks.
    pub(crate) hooks: HashMap<u32, Vec<u64>, RandomState>,
    pub(crate) partials: Vec<Partial>,
    /// The dicts that are the keywords of a partial.
    pub(crate) keywords: HashSet<u32, RandomState>,
    /// The items of the dict that was filled last, where they matter.
    pub(crate) last_items: (u32, Vec<Fact>),
    pub(crate) keeps_items: bool,
    pub(crate) between: &'t Cell<Between>,
    pub(crate) has_tape: bool,
    /// Whether values that are not going to be fetched may be forgotten.
    forgets: bool,
    pub(crate) findings: Vec<Finding>,
    pub(crate) unsaid: u64,
    /// Whether something was found that no policy can overrule, be it told or not.
    pub(crate) settled: bool,
    /// Strings that may be pickles.
    pub(crate) nested: Vec<(u64, u64)>,
    pub(crate) protocol: Option<u8>,
    pub(crate) protocols: u32,
    pub(crate) textual: bool,
    pub(crate) operations: u64,
    memory: u64,
    pub(crate) hash_work: f64,
    /// What is known of the contents of containers.
    pub(crate) contents: Contents,
    collisions: Collisions,
    /// The same of tuples.
    tuples: Collisions,
    last_lanes: Box<chosen::LastLanes>,
    /// Those of numbers that calls make.
    numbers: Collisions,
    told_budget: u16,
    /// The dicts that were states last, and how often one was so again.
    states: [u32; 8],
    repeated_at: usize,
    repeated: u32,
    stored: u64,
    highest_index: u64,
    pub(crate) overwritten: bool,
    pub(crate) buffers: u64,
    pub(crate) persistent: u64,
    /// Whether something that is called, or that is not the program's own, is given what may hold anything.
    pub(crate) gives: bool,
    /// How often something that a call made was given what may hold objects.
    heavy: u32,
    /// How often something was used that may be deeper than is known of it.
    pub(crate) unsounded: u32,
    /// How far up the stack there may be values that are not [quiet](Fact::is_quiet), besides those since then.
    loud: usize,
    /// Whether a value that may not be quiet has been made since.
    louder: bool,
    /// Whether it may be examined, so that it matters whether its texts are any.
    reads_text: bool,
    /// What the policies grant to it.
    pub(crate) grants: Grants<'t>,
}

impl<'a, 't> Facts<'a, 't> {
    pub(crate) fn new(
        blob: &'t Blob<'a>,
        start: u64,
        between: &'t Cell<Between>,
        has_tape: bool,
        forgets: bool,
        policy: Option<&'t Policy>,
    ) -> Self {
        Facts {
            blob,
            start,
            at: start,
            memo: PackedMemo::default(),
            fresh: u64::MAX,
            shelf: Shelf::default(),
            named: Vec::new(),
            by_name: HashMap::new(),
            by_place: HashMap::default(),
            decoded: Vec::new(),
            dicts: 0,
            hooks: HashMap::default(),
            partials: Vec::new(),
            keywords: HashSet::default(),
            last_items: (u32::MAX, Vec::new()),
            keeps_items: false,
            between,
            has_tape,
            forgets,
            findings: Vec::new(),
            unsaid: 0,
            settled: false,
            nested: Vec::new(),
            protocol: None,
            protocols: 0,
            textual: false,
            operations: 0,
            memory: 0,
            hash_work: 0.0,
            contents: Contents::default(),
            collisions: Collisions::default(),
            tuples: Collisions::default(),
            last_lanes: Box::new(chosen::LastLanes::new()),
            numbers: Collisions::default(),
            told_budget: 0,
            states: [u32::MAX; 8],
            repeated_at: 0,
            repeated: 0,
            stored: 0,
            highest_index: 0,
            overwritten: false,
            buffers: 0,
            persistent: 0,
            gives: false,
            heavy: 0,
            unsounded: 0,
            loud: 0,
            louder: false,
            reads_text: blob.len() - start <= EXAMINED,
            grants: Grants::new(policy),
        }
    }

    /// Whether values were forgotten that matter.
    pub(crate) fn misses(&self) -> bool {
        self.memo.misses()
    }

    /// Whether another finding would not be told: there are enough, and one as grave is among them.
    pub(crate) fn is_full(&self, verdict: Verdict) -> bool {
        self.findings.len() >= FINDINGS
            && self.findings.iter().map(|finding| finding.verdict).max().is_some_and(|worst| verdict <= worst)
    }

    /// Notes what is found by a rule, before it is known whether it will be told.
    pub(crate) fn settle(&mut self, verdict: Verdict, rule: &str) {
        self.settled |= verdict > Verdict::Needs && rule != UNKNOWN_CALL && rule != UNKNOWN_CHANGED;
    }

    /// Adds a finding at the opcode that is being executed.
    pub(crate) fn find(
        &mut self,
        verdict: Verdict,
        rule: &'static str,
        message: String,
    ) -> Option<&mut Finding> {
        self.settle(verdict, rule);
        if self.findings.len() >= FINDINGS {
            self.unsaid += 1;
            // The worst must not be lost among the many.
            if self.is_full(verdict) {
                return None;
            }
            self.findings.pop();
        }
        self.findings.push(Finding {
            verdict,
            rule,
            offset: self.at,
            opcode: None,
            global: None,
            arguments: None,
            path: None,
            category: None,
            context: Vec::new(),
            message,
        });
        self.findings.last_mut()
    }

    /// The text of a fact, if it is text whose content is in the stream.
    pub(crate) fn text(&self, fact: &Fact) -> Option<String> {
        match fact.kind {
            Kind::Text(at) | Kind::Hook(at) => Some(self.text_at(at)),
            Kind::Decoded(index) => self.decoded.get(index as usize).cloned(),
            _ => None,
        }
    }

    /// The text that the opcode at an offset has for an argument, as far as a name may be long.
    pub(crate) fn text_at(&self, at: u64) -> String {
        let bytes = self.literal(at, NAME);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The first bytes of the string that the opcode at an offset makes.
    pub(crate) fn literal(&self, at: u64, len: usize) -> Cow<'_, [u8]> {
        let at = match nth::place(at) {
            (at, 0) => at,
            (first, n) => {
                // The last text of a row may go on beyond, but it starts here.
                let part = self.blob.view(first, nth::FARTHEST as usize + 16).unwrap_or_default();
                let Some(within) = nth::find(&part, n) else { return Cow::default() };
                first + within
            }
        };
        match self.blob.view(at, len + 16) {
            Ok(Cow::Borrowed(bytes)) => literal::string(bytes, len),
            Ok(Cow::Owned(bytes)) => Cow::Owned(literal::string(&bytes, len).into_owned()),
            Err(_) => Cow::default(),
        }
    }

    /// A class or function by its name.
    pub(crate) fn name_global(&mut self, module: String, name: String) -> u32 {
        if let Some(&id) = self.by_name.get(&(module.clone(), name.clone())) {
            return id;
        }
        let id = self.named.len() as u32;
        let standing = known::standing(&module, &name);
        self.by_name.insert((module.clone(), name.clone()), id);
        self.keeps_items |= known::is_array_wrapper(&module, &name);
        let modern = Some(brinery::value::modern_names(&module, &name))
            .filter(|modern| (&modern.0, &modern.1) != (&module, &name));
        let mut named = Named {
            module,
            name,
            modern,
            offset: self.at,
            standing,
            ends: false,
            heavy: false,
            grows: false,
            used: false,
            told: 0,
            valued: false,
            built: false,
            number: None,
        };
        let names = named.modern();
        let number = Number::of(names.0, names.1);
        let ends = known::ends(names.0, names.1) || standing == Standing::Stranger(known::Shape::Class);
        // What nobody but the program has is to be granted, however deep it is.
        let own = matches!(standing, Standing::Stranger(_) | Standing::Package(_));
        (named.number, named.heavy, named.ends) = (number, !own && known::is_heavy(names.0, names.1), ends);
        self.named.push(named);
        self.judge_mention(id);
        id
    }

    /// Counts memory; says so once if it is out of proportion.
    #[inline(always)]
    pub(crate) fn allocate(&mut self, bytes: u64) {
        self.memory = self.memory.saturating_add(bytes);
    }

    /// Whether it was told that the stream costs too much.
    pub(crate) fn told_any_budget(&self) -> bool {
        self.told_budget != 0
    }

    pub(crate) fn tell_budget(&mut self, bit: u8, rule: &'static str, message: String) {
        if self.told_budget & 1 << bit == 0 {
            self.told_budget |= 1 << bit;
            self.find(Verdict::Budget, rule, message);
        }
    }

    /// How much deeper what a call makes is than its arguments.
    #[inline(always)]
    fn height(&mut self, made: &Fact, args: &Fact) -> u32 {
        let Kind::Made { global, .. } = made.kind else { return CALL };
        let heavy = self.named[global as usize].heavy;
        self.heavy += u32::from(heavy && args.depth > 1);
        if heavy { CALL } else { 1 }
    }

    /// Whether what calls have made may be nested deeper than is known.
    pub(crate) fn may_be_deep(&self) -> bool {
        self.heavy.min(self.unsounded) as usize > MOST_NESTED_CALLS
    }

    /// What can only be said once the stream is over. `end` is where it ended.
    pub(crate) fn finish(&mut self, root: Option<&Fact>, end: u64) {
        let len = end.saturating_sub(self.start).max(1);
        if let Some(root) = root {
            self.use_value(root);
            self.name_value(root);
        }
        self.at = self.start;
        if self.memory > (64 << 20).max(len.saturating_mul(32)) {
            let message = format!(
                "its empty containers alone take {} MiB of memory, {} times the size of the stream",
                self.memory >> 20,
                self.memory / len
            );
            self.tell_budget(0, "budget-memory", message);
        }
        if self.hash_work > 1e7_f64.max(64.0 * len as f64) {
            self.tell_budget(
                1,
                "budget-hash",
                format!("hashing its keys means looking at {:.1e} objects", self.hash_work),
            );
        }
        if self.highest_index > (1 << 16) + 16 * (self.stored + len) {
            let message =
                format!("it stores in the memo at index {}, which costs memory", self.highest_index);
            self.tell_budget(2, "budget-memo", message);
        }
        if root.is_some() {
            self.judge_unused();
        }
    }
}

type Made = Result<Fact, End>;

/// Whether text may be a pickle written in some codec, or as characters.
#[inline(always)]
fn may_be_encoded(text: &[u8]) -> bool {
    text.len() >= SHORTEST_KNOWN && (begins::text(text) && is_encoded(text) || begins::bare(text))
}

/// The same for text that [begins](begins::text) like it.
#[inline(never)]
fn is_encoded(text: &[u8]) -> bool {
    begins::string(text)
        || matches!(text, [0xc2, 0x80, ..] | [0x1f, 0xc2, ..] | [b'x', 0x01 | b'^' | 0xc2 | 0xc3, ..])
        || may_be_bare(text)
        || matches!(text, [b'"' | b'\'', .., b'.', b'"' | b'\''])
}

/// Whether all of it is ASCII.
#[inline(always)]
fn is_ascii(text: &[u8]) -> bool {
    const HIGH: u64 = 0x80 * (u64::MAX / 255);
    let (words, rest) = text.as_chunks();
    let all = words.iter().fold(0, |all, &word| all | u64::from_ne_bytes(word));
    let last = match text.last_chunk() {
        Some(&word) => u64::from_ne_bytes(word),
        None => rest.iter().fold(0, |all, &byte| all | u64::from(byte)),
    };
    (all | last) & HIGH == 0
}

/// Whether text may be a pickle of protocol 0, which has the names that it resolves on lines, or one with escapes for them.
#[inline(always)]
fn may_be_bare(text: &[u8]) -> bool {
    matches!(text[0], b'c' | b'i' | b'(')
        && memchr::memchr3(b'\n', b'%', b'=', &text[..text.len().min(NAME)]).is_some()
}

/// The same for text that is written with escapes.
fn may_be_escaped(text: &[u8], unicode: bool) -> bool {
    if text.len() < SHORTEST_KNOWN {
        return false;
    }
    match text[0] {
        // What its first characters stand for counts.
        b'\\' | b'x' => {
            let first = unescape(&text[..text.len().min(ESCAPES)], unicode);
            let first = text::latin1(first.as_bytes()).unwrap_or_default();
            may_be_packed(&first[..first.len().min(SHORTEST_KNOWN)], text.len())
        }
        b'c' | b'i' | b'(' => begins::string(text) || may_be_bare(text) || has_escaped_break(text),
        _ => begins::string(text) || begins::bare(text),
    }
}

/// As many bytes of text with escapes as tell how it begins.
const ESCAPES: usize = 72;

fn has_escaped_break(text: &[u8]) -> bool {
    let text = &text[..text.len().min(NAME)];
    memchr::memchr_iter(b'\\', text).any(|at| {
        let rest = &text[at + 1..];
        [&b"n"[..], b"u000a", b"u000A", b"x0a", b"x0A", b"012"].iter().any(|escape| rest.starts_with(escape))
    })
}

/// Whether bytes that begin like this may be a pickle, compressed, or either of them in a codec.
#[inline(always)]
fn may_be_packed(head: &[u8], len: usize) -> bool {
    let known = matches!(
        *head,
        [0x80, 0..=5, ..]
            | [0x1f, 0x8b, ..]
            | [b'B', b'Z', ..]
            | [b'P', b'K', ..]
            | [0xfd, b'7', ..]
            | [0x28, 0xb5, ..]
            | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..]
            | [b'c' | b'i', b'a'..=b'z' | b'_', ..]
            | [b'(', _, ..]
    );
    known && len > 3
        || len >= SHORTEST_KNOWN
            && begins::string(head)
            && head.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r'))
}

/// How long the name of a hook may be.
const HOOK: usize = 40;

/// Whether text may be the name of a hook, which attributes of an instance should not have.
#[inline(always)]
fn may_be_hook(text: &[u8]) -> bool {
    match text {
        [b'_', b'_', .., b'_', b'_'] => text.len() <= HOOK,
        _ => WAYS_IN.contains(&text),
    }
}

/// The methods by which items get into an object.
const WAYS_IN: &[&[u8]] = &[b"append", b"extend", b"add"];

/// Whether an attribute of this name is called with items, and does nothing if it cannot be.
fn is_way_in(name: &str) -> bool {
    WAYS_IN.contains(&name.as_bytes())
}

/// The fact of a made object.
pub(crate) fn made(global: u32, extra: Extra) -> Fact {
    Fact::new(Kind::Made { global, extra })
}
