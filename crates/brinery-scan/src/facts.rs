//! The host that learns what a load would do, and does nothing.
//!
//! It makes no objects: a value on the stack is a [`Fact`]. What would resolve, call, construct or change something is
//! [judged](crate::judge) where it stands.

use crate::blob::Blob;
use crate::collisions::{self, Collisions};
use crate::consumed::{self, Contents};
use crate::fact::{CALL, DEEP, Extra, Fact, Kind, Outside, Sort};
use crate::granted::Grants;
use crate::judge::{UNKNOWN_CALL, UNKNOWN_CHANGED};
use crate::known::{self, Standing};
use crate::nth;
use crate::packed::{NEAR, PackedMemo};
use crate::refine::EXAMINED;
use crate::report::{Finding, Verdict};
use crate::shelf::Shelf;
use crate::tape::Between;
use crate::wanted::Wanted;
use brinery::policy::{MOST_NESTED_CALLS, Policy};
use brinery::read::{
    Argument, Chunk, DecodeErrorKind, Decoder, Fault, Host, Items, LineEncoding, ReadError, Shape, Source,
};
use brinery::{Opcode, Place};
use foldhash::fast::RandomState;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

/// How many findings of one stream are kept.
const FINDINGS: usize = 256;
/// How many strings that may be pickles of their own are remembered.
const NESTED: usize = 4096;
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
    pub(crate) fn literal(&self, at: u64, len: usize) -> Vec<u8> {
        let at = match nth::place(at) {
            (at, 0) => at,
            (first, n) => {
                // The last text of a row may go on beyond, but it starts here.
                let part = self.blob.get(first, nth::FARTHEST as usize + 16).unwrap_or_default();
                let Some(within) = nth::find(&part, n) else { return Vec::new() };
                first + within
            }
        };
        let Ok(mut bytes) = self.blob.get(at, len + 16) else { return Vec::new() };
        match Decoder::new(&bytes).next() {
            Some(Ok(instruction)) => match (instruction.opcode, instruction.argument) {
                (Opcode::String, Argument::Line(line)) => {
                    unescape(line.get(1..line.len().max(2) - 1).unwrap_or_default(), false).into_bytes()
                }
                (Opcode::Unicode, Argument::Line(line)) => unescape(line, true).into_bytes(),
                (_, Argument::Bytes(bytes)) => bytes[..bytes.len().min(len)].to_vec(),
                _ => Vec::new(),
            },
            // Of a string that is longer, the start is enough.
            Some(Err(error)) => match error.kind {
                DecodeErrorKind::Truncated { opcode, expected: Some(_), .. } => {
                    bytes.drain(..bytes.len().min(1 + length_width(opcode)));
                    bytes.truncate(len);
                    bytes
                }
                _ => Vec::new(),
            },
            None => Vec::new(),
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
        };
        let names = named.modern();
        let ends = known::ends(names.0, names.1) || standing == Standing::Stranger(known::Shape::Class);
        // What nobody but the program has is to be granted, however deep it is.
        let own = matches!(standing, Standing::Stranger(_) | Standing::Package(_));
        (named.heavy, named.ends) = (!own && known::is_heavy(names.0, names.1), ends);
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

    /// A value goes into another, or is what the stream makes.
    #[inline(always)]
    pub(crate) fn use_value(&mut self, fact: &Fact) {
        if let Kind::Global(id) | Kind::Module(id) = fact.kind {
            self.named[id as usize].used = true;
        }
    }

    /// The same, if it becomes what the program gets a hold of.
    fn name_value(&mut self, fact: &Fact) {
        if let Kind::Global(id) | Kind::Module(id) = fact.kind {
            self.named[id as usize].valued = true;
        }
    }

    /// Whether all values from here on up the stack are known to be [quiet](Fact::is_quiet), so that it need not be asked of
    /// each of them.
    #[inline(always)]
    fn are_quiet(&self, items: &Items<'_, Fact>) -> bool {
        let quiet = !self.louder && items.start() >= self.loud;
        debug_assert!(!quiet || items.as_slice().iter().all(Fact::is_quiet));
        quiet
    }

    /// Takes items off the stack. What is there then need not be quiet, nor what may come in their place; beyond that is
    /// nothing yet.
    #[inline(always)]
    fn take_items(&mut self, items: Items<'_, Fact>) {
        let (stack, start) = items.into_stack();
        stack.truncate(start);
        (self.loud, self.louder) = (start + 1, false);
    }

    /// The same for items that a container has got, which is so deep with them.
    #[inline(always)]
    fn put_items(&mut self, items: Items<'_, Fact>, (depth, weight): (u32, f32)) {
        let (stack, start) = items.into_stack();
        stack.truncate(start);
        let container = &mut stack[start - 1];
        container.depth = container.depth.max(depth);
        match container.kind {
            Kind::Set => {}
            Kind::Made { global, .. } => {
                let named = &mut self.named[global as usize];
                named.grows = true;
                if named.heavy {
                    self.heavy += 1;
                    container.depth = container.depth.max(depth - 1 + CALL);
                }
                self.contents.grow(container, weight);
            }
            _ => self.contents.grow(container, weight),
        }
        (self.loud, self.louder) = (start, false);
    }

    /// How deep a container of these items is.
    #[inline(always)]
    fn deepest(&mut self, items: &[Fact]) -> u32 {
        let (mut depth, mut names) = (0, false);
        for item in items {
            depth = depth.max(item.depth);
            names |= matches!(item.kind, Kind::Global(_) | Kind::Module(_));
        }
        if names || depth >= DEEP {
            self.contain_odd(items, depth);
        }
        self.grants.deepest = self.grants.deepest.max(depth);
        depth + 1
    }

    /// What a container of these items is: how deep, and how much work it is to hash it.
    #[inline(always)]
    fn contain(&mut self, items: &Items<'_, Fact>) -> (u32, f32) {
        if self.are_quiet(items) && items.len() < 1 << 24 {
            return (1, 1.0 + items.len() as f32);
        }
        let items = items.as_slice();
        (self.deepest(items), items.iter().fold(1.0, |weight, item| weight + item.hashed()))
    }

    /// How deep a list or the like of these items is, and how much it holds with them.
    #[inline(always)]
    fn depth_of(&mut self, items: &Items<'_, Fact>) -> (u32, f32) {
        if self.are_quiet(items) {
            return (1, items.len() as f32);
        }
        let items = items.as_slice();
        (self.deepest(items), held(items))
    }

    #[cold]
    fn contain_odd(&mut self, items: &[Fact], depth: u32) {
        for item in items {
            self.use_value(item);
            self.name_value(item);
        }
        if depth >= DEEP {
            self.tell_budget(3, "budget-depth", "objects are nested too deep".into());
        }
    }

    /// Something becomes a key or an element.
    #[inline(always)]
    fn hash(&mut self, key: &Fact) {
        // How much is looked at where a call made it of more than plain values is not known, and lists have no hash.
        self.grants.unsure |= match key.kind {
            Kind::Made { .. } => key.depth > CALL + 1,
            Kind::Bytes(_) => self.grants.has_bytearrays,
            _ => has_no_hash(key),
        };
        if key.weight > 1.0 {
            self.hash_work += f64::from(key.weight);
            if key.depth > 5_000 {
                self.tell_budget(4, "budget-depth", format!("a key is nested {} levels deep", key.depth));
            }
        }
    }

    /// Takes note of what a list gets that has no hash.
    #[inline(always)]
    fn heed_unhashable(&mut self, items: &[Fact]) {
        if !self.grants.unhashable {
            self.grants.unhashable = items.iter().any(has_no_hash);
        }
    }

    /// Takes note of an integer of whose hash there have been so many others.
    #[inline(always)]
    fn heed_collisions(&mut self, others: u32) {
        if others > 0 {
            self.collide(others);
        }
    }

    #[cold]
    fn collide(&mut self, others: u32) {
        self.hash_work += f64::from(others);
        if others >= collisions::MOST {
            let most = collisions::MOST;
            let message =
                format!("over {most} integers are made to have one hash, which makes dicts and sets slow");
            self.tell_budget(5, "budget-collisions", message);
        }
    }

    #[inline(always)]
    fn set_pairs(&mut self, dict: Option<u32>, items: &Items<'_, Fact>) -> (u32, f32) {
        let (pairs, quiet) = (items.as_slice(), self.are_quiet(items));
        if quiet {
            self.grants.unsure |= pairs.as_chunks::<2>().0.iter().any(|pair| has_no_hash(&pair[0]));
            self.grants.unsure |= self.grants.has_bytearrays;
        } else {
            self.heed_keys(dict, pairs);
        }
        if !self.keywords.is_empty()
            && let Some(id) = dict
        {
            self.judge_keywords(id);
        }
        if self.grants.keeps_state
            && let Some(id) = dict
        {
            let state = &mut self.grants.state;
            // What is put into it in more than one go is not kept.
            let fits = pairs.len() <= 2 && state.0 != id;
            *state = (id, if fits { pairs.to_vec() } else { Vec::new() });
        }
        if self.keeps_items
            && let Some(id) = dict
        {
            if self.last_items.0 != id {
                self.last_items = (id, Vec::new());
            }
            if self.last_items.1.len() < 32 {
                self.last_items.1.extend_from_slice(&pairs[..pairs.len().min(32)]);
            }
        }
        if quiet { (1, pairs.len() as f32) } else { (self.deepest(pairs), held(pairs)) }
    }

    #[inline(always)]
    fn heed_keys(&mut self, dict: Option<u32>, pairs: &[Fact]) {
        for pair in pairs.as_chunks::<2>().0 {
            match pair[0].kind {
                Kind::Hook(at) => {
                    if let Some(id) = dict {
                        if self.hooks.len() >= HOOKED {
                            let message = "has very many dicts with the names of hooks in them".into();
                            self.tell_budget(8, "budget-hooks", message);
                            continue;
                        }
                        let hooks = self.hooks.entry(id).or_default();
                        if hooks.len() < 16 {
                            hooks.push(at);
                        }
                    }
                }
                _ => self.hash(&pair[0]),
            }
        }
    }

    /// A value that goes onto the stack, of which nothing is known.
    #[inline(always)]
    fn heed(&mut self, value: Fact) -> Fact {
        // What else is quiet is not worth the question.
        match value.kind {
            Kind::Text(_) => return value,
            Kind::List | Kind::Dict(_) => self.unsounded += 1,
            Kind::Made { global, .. } => self.unsounded += u32::from(self.named[global as usize].grows),
            _ => {}
        }
        self.louder = true;
        consumed::copied(value)
    }

    /// A dict becomes a state. That of one object is that of no other; one that is given out again and again costs time.
    pub(crate) fn count_state(&mut self, dict: u32) {
        if self.states.contains(&dict) {
            self.repeated += 1;
            if self.repeated > REPEATED {
                self.tell_budget(
                    7,
                    "budget-state",
                    "gives one state to objects over and over, which takes time".into(),
                );
            }
        } else {
            self.states[self.repeated_at] = dict;
            self.repeated_at = (self.repeated_at + 1) % self.states.len();
        }
    }

    /// An integer of so many bytes, beyond those that are known.
    #[inline(always)]
    fn number(&mut self, len: usize) -> Fact {
        let mut number = Fact::new(Kind::PLAIN);
        if len as f32 > HUGE {
            (number.weight, self.louder) = (len as f32, true);
        }
        number
    }

    /// A container that is made with its items.
    #[inline(always)]
    fn filled(&mut self, kind: Kind, depth: u32, weight: f32) -> Fact {
        let mut container = Fact { kind, depth, weight: 1.0 };
        self.contents.grow(&mut container, weight);
        container
    }

    fn new_dict(&mut self) -> Kind {
        self.allocate(DICT);
        self.dicts = self.dicts.wrapping_add(1);
        Kind::Dict(self.dicts)
    }

    /// Something is called or constructed, and may be anything then.
    fn operate(&mut self) {
        self.operations += 1;
        self.louder = true;
        self.allocate(OBJECT);
    }
}

type Made = Result<Fact, End>;

/// Whether text may be a pickle, or what is compressed by zlib or gzip: in Base64, or as bytes are written in old protocols.
#[inline(always)]
fn may_be_encoded(text: &[u8]) -> bool {
    text.len() >= 16
        && matches!(
            text,
            [b'g', b'A', ..]
                | [b'H', b'4', b's', ..]
                | [b'e', b'A' | b'F' | b'J' | b'N', ..]
                | [0xc2, 0x80, ..]
                | [0x1f, 0xc2, ..]
                | [b'x', 0x01 | b'^' | 0xc2 | 0xc3, ..]
        )
}

/// Whether bytes that begin like this may be a pickle, or compressed.
#[inline(always)]
fn may_be_packed(head: &[u8], len: usize) -> bool {
    let known = matches!(
        *head,
        [0x80, 0..=5]
            | [0x1f, 0x8b]
            | [b'B', b'Z']
            | [0xfd, b'7']
            | [0x28, 0xb5]
            | [0x78, 0x01 | 0x5e | 0x9c | 0xda]
            | [b'c' | b'i', b'a'..=b'z' | b'_']
            | [b'(', _]
    );
    known && len > 3
}

/// Whether a value has no hash, or may have none: a set may be a frozenset.
#[inline(always)]
fn has_no_hash(value: &Fact) -> bool {
    matches!(value.kind, Kind::List | Kind::Dict(_) | Kind::Set)
}

/// How much items are that a container gets.
#[inline(always)]
fn held(items: &[Fact]) -> f32 {
    items.iter().fold(0.0, |weight, item| weight + item.weight)
}

/// How long the name of a hook may be.
const HOOK: usize = 40;

/// Whether text may be the name of a hook, which attributes of an instance should not have.
#[inline(always)]
fn may_be_hook(text: &[u8]) -> bool {
    match text {
        [b'_', b'_', .., b'_', b'_'] => text.len() <= HOOK,
        _ => matches!(text, b"append" | b"extend" | b"add"),
    }
}

impl<'de> Host<'de> for Facts<'_, '_> {
    type Value = Fact;
    type Error = End;

    const LIGHT: bool = true;

    fn fault(&mut self, fault: Fault) -> End {
        End::Fault(fault, Place { offset: 0, opcode: None, path: brinery::Path::default() })
    }

    fn wants_path(&self) -> bool {
        false
    }

    #[inline(always)]
    fn pause(&mut self, offset: u64, values: usize) -> Result<(), End> {
        if values > STACK {
            let message = format!("has over {STACK} values at a time that are in no container");
            return Err(End::TooMuch("budget-stack", message));
        }
        if self.named.len() > NAMES {
            let message = format!("names over {NAMES} classes and functions");
            return Err(End::TooMuch("budget-names", message));
        }
        if self.memo.is_large() {
            self.forget(offset);
        }
        Ok(())
    }

    fn read_error(&mut self, error: ReadError) -> End {
        End::Unreadable(match error {
            ReadError::Io(error) => error.to_string(),
            _ => "the stream cannot be read".into(),
        })
    }

    fn at(&mut self, error: End, place: Place) -> End {
        match error {
            End::Fault(fault, _) => End::Fault(fault, place),
            error => error,
        }
    }

    #[inline(always)]
    fn opcode_at(&mut self, offset: u64) {
        self.at = offset;
    }

    fn protocol(&mut self, protocol: u8) {
        self.protocol = Some(protocol);
        self.protocols += 1;
    }

    #[inline(always)]
    fn none(&mut self) -> Fact {
        Fact::new(Kind::Plain(Sort::None))
    }

    #[inline(always)]
    fn bool(&mut self, value: bool) -> Fact {
        Fact::new(Kind::Plain(Sort::Bool(value)))
    }

    #[inline(always)]
    fn int(&mut self, value: i64) -> Made {
        // The hash of smaller ones is the value itself.
        if value.unsigned_abs() >= collisions::MODULUS {
            let others = self.collisions.count_int(value);
            self.heed_collisions(others);
        }
        Ok(Fact::new(Kind::Int(value)))
    }

    fn int_literal(&mut self, text: &[u8]) -> Made {
        self.textual = true;
        if text.len() > 50_000 {
            let message = format!("a number of {} decimal digits takes quadratic time to read", text.len());
            self.tell_budget(6, "budget-digits", message);
        }
        if let b"00" | b"01" = text {
            return Ok(Fact::new(Kind::Plain(Sort::Bool(text[1] == b'1'))));
        }
        if let Some(value) = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse::<i64>().ok()) {
            return self.int(value);
        }
        let digits: Vec<u8> = text
            .iter()
            .copied()
            .filter(u8::is_ascii_digit)
            .skip_while(|&digit| digit == b'0')
            .take(50_000)
            .collect();
        let others = self.collisions.count_digits(&digits, text.contains(&b'-'));
        self.heed_collisions(others);
        Ok(self.number(text.len() / 3))
    }

    fn long(&mut self, bytes: &[u8]) -> Made {
        // A number may be written longer than it is.
        let sign = if bytes.last().is_some_and(|&top| top >= 0x80) { 0xff } else { 0 };
        let len = bytes.iter().rposition(|&byte| byte != sign).map_or(0, |last| last + 1);
        if len < 8 || len == 8 && bytes[7] & 0x80 == sign & 0x80 {
            let value = bytes[..len]
                .iter()
                .rev()
                .fold(-i64::from(sign & 1), |value, &byte| value << 8 | i64::from(byte));
            return self.int(value);
        }
        let others = self.collisions.count_long(bytes);
        self.heed_collisions(others);
        let mut number = self.number(bytes.len());
        if sign == 0 {
            number.kind = Kind::Plain(Sort::Natural(len.min(usize::from(u16::MAX)) as u16));
        }
        Ok(number)
    }

    #[inline(always)]
    fn float(&mut self, _value: f64) -> Made {
        Ok(Fact::new(Kind::Plain(Sort::Float)))
    }

    #[inline(always)]
    fn unicode(&mut self, utf8: Chunk<'de, '_>) -> Made {
        if self.reads_text && std::str::from_utf8(&utf8).is_err() {
            self.grants.unsure = true;
        }
        if may_be_encoded(&utf8) {
            self.remember_nested(utf8.len());
        }
        Ok(self.text_here(may_be_hook(&utf8)))
    }

    fn unicode_escaped(&mut self, line: Chunk<'de, '_>) -> Made {
        self.textual = true;
        Ok(self.escaped(&line, true))
    }

    fn string(&mut self, bytes: Chunk<'de, '_>) -> Made {
        if bytes.starts_with(b"\x80") {
            self.remember_nested(bytes.len());
        }
        Ok(self.text_here(may_be_hook(&bytes)))
    }

    fn string_escaped(&mut self, literal: Chunk<'de, '_>) -> Made {
        self.textual = true;
        Ok(self.escaped(&literal, false))
    }

    fn bytes<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Made {
        if len > source.buffered() {
            return Err(self.fault(Fault::Truncated));
        }
        let head = source.take(len.min(2)).map_err(|error| self.read_error(error))?;
        let pickle = may_be_packed(&head, len);
        source.skip(len - len.min(2));
        if pickle {
            self.remember_nested(len);
        }
        Ok(Fact::new(Kind::Bytes(self.at)))
    }

    #[inline(always)]
    fn bytes_ahead(&mut self, bytes: &[u8]) -> Option<Fact> {
        if may_be_packed(&bytes[..bytes.len().min(2)], bytes.len()) {
            self.remember_nested(bytes.len());
        }
        Some(Fact::new(Kind::Bytes(self.at)))
    }

    fn bytearray<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Made {
        self.grants.has_bytearrays = true;
        self.bytes(len, source)
    }

    fn empty_list(&mut self) -> Made {
        self.allocate(LIST);
        Ok(Fact::new(Kind::List))
    }

    fn empty_dict(&mut self) -> Made {
        Ok(Fact::new(self.new_dict()))
    }

    fn empty_set(&mut self) -> Made {
        self.allocate(SET);
        Ok(Fact::new(Kind::Set))
    }

    #[inline(always)]
    fn tuple(&mut self, items: Items<'_, Fact>) -> Made {
        // The empty tuple is always the same.
        self.allocate(if items.is_empty() { 0 } else { TUPLE });
        let (depth, weight) = self.contain(&items);
        let place = self.shelf.put(items.as_slice());
        self.take_items(items);
        Ok(Fact { kind: Kind::Tuple(place), depth, weight })
    }

    fn list(&mut self, items: Items<'_, Fact>) -> Made {
        self.allocate(LIST);
        let (depth, weight) = self.depth_of(&items);
        self.heed_unhashable(items.as_slice());
        self.take_items(items);
        Ok(self.filled(Kind::List, depth, weight))
    }

    fn dict(&mut self, items: Items<'_, Fact>) -> Made {
        let kind = self.new_dict();
        let id = if let Kind::Dict(id) = kind { Some(id) } else { None };
        let (depth, weight) = self.set_pairs(id, &items);
        self.take_items(items);
        Ok(self.filled(kind, depth, weight))
    }

    fn frozenset(&mut self, items: Items<'_, Fact>) -> Made {
        self.allocate(SET);
        for item in items.as_slice() {
            self.hash(item);
        }
        self.grants.has_frozensets = true;
        let (depth, weight) = self.contain(&items);
        self.take_items(items);
        Ok(Fact { kind: Kind::Set, depth, weight })
    }

    #[inline(always)]
    fn append(&mut self, items: Items<'_, Fact>) -> Result<(), End> {
        let grown = self.depth_of(&items);
        self.heed_unhashable(items.as_slice());
        if items.container().kind != Kind::List {
            let container = *items.container();
            self.judge_extend(&container, "APPEND");
        }
        self.put_items(items, grown);
        Ok(())
    }

    #[inline(always)]
    fn set_items(&mut self, items: Items<'_, Fact>) -> Result<(), End> {
        let dict = match items.container().kind {
            Kind::Dict(id) => Some(id),
            _ => None,
        };
        let grown = self.set_pairs(dict, &items);
        if dict.is_none() {
            let container = *items.container();
            self.judge_extend(&container, "SETITEM");
        }
        self.put_items(items, grown);
        Ok(())
    }

    fn add_items(&mut self, items: Items<'_, Fact>) -> Result<(), End> {
        for item in items.as_slice() {
            self.hash(item);
        }
        let grown = self.depth_of(&items);
        self.grants.unsure |= self.grants.has_frozensets;
        if items.container().kind != Kind::Set {
            let container = *items.container();
            self.judge_extend(&container, "ADDITEMS");
        }
        self.put_items(items, grown);
        Ok(())
    }

    fn name(&mut self, line: Chunk<'de, '_>, _encoding: LineEncoding) -> Made {
        self.textual = true;
        self.decoded.push(String::from_utf8_lossy(&line[..line.len().min(NAME)]).into_owned());
        Ok(Fact::new(Kind::Decoded(self.decoded.len() as u32 - 1)))
    }

    fn global(&mut self, module: Fact, name: Fact) -> Made {
        self.operations += 1;
        self.louder = true;
        if let (Kind::Text(module) | Kind::Hook(module), Kind::Text(name) | Kind::Hook(name)) =
            (module.kind, name.kind)
        {
            if let Some(&id) = self.by_place.get(&(module, name)) {
                return Ok(Fact::new(Kind::Global(id)));
            }
            let are_texts =
                [module, name].into_iter().all(|at| self.text_of(&Fact::new(Kind::Text(at))).is_some());
            self.grants.unsure |= !are_texts;
            let id = self.name_global(self.text_at(module), self.text_at(name));
            if self.by_place.len() < 1 << 16 {
                self.by_place.insert((module, name), id);
            }
            return Ok(Fact::new(Kind::Global(id)));
        }
        if let (Kind::Decoded(a), Kind::Decoded(b)) = (module.kind, name.kind)
            && a + 1 == b
            && b as usize + 1 == self.decoded.len()
        {
            // The lines of GLOBAL and INST are of no further use.
            let name = self.decoded.pop().unwrap_or_default();
            let module = self.decoded.pop().unwrap_or_default();
            return Ok(Fact::new(Kind::Global(self.name_global(module, name))));
        }
        match (self.text(&module), self.text(&name)) {
            (Some(module), Some(name)) => Ok(Fact::new(Kind::Global(self.name_global(module, name)))),
            (module, name) => {
                let part = |part: Option<String>| part.unwrap_or_else(|| "?".into());
                let message = format!(
                    "takes a class or function by a name that is computed while loading: {}.{}",
                    part(module),
                    part(name)
                );
                self.find(Verdict::Dangerous, "computed-name", message);
                Ok(Fact::new(Kind::Result))
            }
        }
    }

    fn extension(&mut self, code: u32) -> Made {
        self.louder = true;
        self.operations += 1;
        self.find(
            Verdict::Ambiguous,
            "extension-code",
            format!("what extension code {code} stands for is known to the loading program alone"),
        );
        Ok(Fact::new(Kind::Outside(Outside::Extension)))
    }

    fn reduce(&mut self, callable: Fact, args: Fact) -> Made {
        self.operate();
        let mut made = self.judge_call(&callable, &args);
        made.depth = args.depth + self.height(&made, &args);
        Ok(made)
    }

    fn build(&mut self, instance: &Fact, state: Fact) -> Result<(), End> {
        self.use_value(&state);
        self.judge_build(instance, &state);
        self.name_value(&state);
        if let Kind::Made { global, .. } = instance.kind {
            let named = &mut self.named[global as usize];
            named.built = true;
            // A flat state makes nothing deeper than it was.
            let is_flat = std::mem::take(&mut self.grants.is_flat_state);
            named.grows |= state.depth > 1 && !is_flat;
            self.heavy += u32::from(named.heavy && !is_flat);
            self.unsounded += u32::from(state.depth >= CALL && named.heavy && !is_flat);
        }
        if self.between.get() != Between::Nothing && !self.has_tape {
            return Err(End::NeedsTape);
        }
        if self.between.get() != Between::Nothing {
            // What follows was taken for opcodes when it was looked for what is fetched.
            self.memo.miss();
        }
        Ok(())
    }

    fn instantiate(&mut self, class: Fact, args: Items<'_, Fact>) -> Made {
        self.operate();
        let (depth, weight) = self.contain(&args);
        let place = self.shelf.put(args.as_slice());
        let empty = args.is_empty();
        self.take_items(args);
        let args = Fact { kind: Kind::Tuple(place), depth, weight };
        if empty {
            self.weigh_new(&class, &args, None);
        }
        let mut made =
            if empty { self.judge_new(&class, &args, None) } else { self.judge_call(&class, &args) };
        made.depth = depth + if empty { 1 } else { self.height(&made, &args) };
        Ok(made)
    }

    fn new_object(&mut self, class: Fact, args: Fact, kwargs: Option<Fact>) -> Made {
        self.operate();
        self.weigh_new(&class, &args, kwargs.as_ref());
        let mut made = self.judge_new(&class, &args, kwargs.as_ref());
        made.depth = args.depth + 1;
        Ok(made)
    }

    fn discard(&mut self, _value: Fact, _below: Option<&Fact>) -> Result<(), End> {
        // What is thrown away may have been made to hide what is given a state.
        self.grants.unsure = true;
        Ok(())
    }

    fn discard_items(&mut self, items: Items<'_, Fact>) -> Result<(), End> {
        self.grants.unsure = true;
        self.take_items(items);
        Ok(())
    }

    fn persistent_line(&mut self, _line: Chunk<'de, '_>) -> Made {
        self.textual = true;
        self.persistent += 1;
        Ok(Fact::new(Kind::Outside(Outside::Persistent)))
    }

    fn persistent(&mut self, id: Fact) -> Made {
        self.use_value(&id);
        self.persistent += 1;
        Ok(Fact::new(Kind::Outside(Outside::Persistent)))
    }

    fn next_buffer(&mut self) -> Made {
        self.buffers += 1;
        Ok(Fact::new(Kind::Outside(Outside::Buffer)))
    }

    fn readonly_buffer(&mut self, buffer: Fact) -> Made {
        self.grants.unsure = true;
        Ok(self.heed(buffer))
    }

    #[inline(always)]
    fn share(&mut self, value: &Fact) -> Fact {
        self.heed(*value)
    }

    #[inline(always)]
    fn memo_get(&mut self, index: u64) -> Option<Fact> {
        let value = self.memo.get(index)?;
        Some(self.heed(value))
    }

    #[inline(always)]
    fn memo_put(&mut self, index: u64, value: &Fact) {
        self.stored += 1;
        self.highest_index = self.highest_index.max(index);
        let fresh = self.takes_fresh(value);
        self.overwritten |= self.memo.insert(index, &consumed::stored(value), fresh);
    }

    #[inline(always)]
    fn memoize(&mut self, value: &Fact) {
        self.stored += 1;
        let fresh = self.takes_fresh(value);
        self.memo.push(&consumed::stored(value), fresh);
    }

    fn shape(&self, _value: &Fact) -> Shape {
        Shape::Other
    }

    fn key_text(&self, _value: &Fact) -> String {
        String::new()
    }
}

impl Facts<'_, '_> {
    /// Text with escapes, which is decoded when it is asked for.
    fn escaped(&mut self, escaped: &[u8], unicode: bool) -> Fact {
        let hook = may_be_hook(escaped)
            || (escaped.contains(&b'\\')
                && escaped.len() < 256
                && may_be_hook(unescape(escaped, unicode).as_bytes()));
        self.text_here(hook)
    }

    /// Text that the opcode at work makes.
    #[inline(always)]
    fn text_here(&mut self, hook: bool) -> Fact {
        self.fresh = self.at;
        self.louder |= hook;
        Fact::new(if hook { Kind::Hook(self.at) } else { Kind::Text(self.at) })
    }

    /// Forgets the values in the memo that are not going to be fetched.
    #[cold]
    #[inline(never)]
    fn forget(&mut self, at: u64) {
        let wanted = if self.forgets && !self.keeps_items {
            Wanted::in_stream(self.blob, at, NEAR as u64)
        } else {
            None
        };
        self.memo.keep(wanted);
    }

    /// Whether a value that is stored now is the text that was made last, of which nothing has been stored since.
    #[inline(always)]
    fn takes_fresh(&mut self, value: &Fact) -> bool {
        let fresh = std::mem::replace(&mut self.fresh, u64::MAX);
        matches!(value.kind, Kind::Text(at) | Kind::Hook(at) if at == fresh)
    }

    fn remember_nested(&mut self, len: usize) {
        if self.nested.len() < NESTED {
            self.nested.push((self.at, len as u64));
        }
    }
}

/// Text out of `raw-unicode-escape` or a Python string literal: as much of both as names are written in.
pub(crate) fn unescape(escaped: &[u8], unicode: bool) -> String {
    let mut text = String::new();
    let mut rest = escaped;
    let number = |digits: &[u8], radix| {
        std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| u32::from_str_radix(digits, radix).ok())
            .and_then(char::from_u32)
    };
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            text.push(byte as char);
            continue;
        }
        let (width, skip) = match after.first() {
            Some(b'u') if unicode => (4, 1),
            Some(b'U') if unicode => (8, 1),
            Some(b'x') if !unicode => (2, 1),
            _ => (0, 0),
        };
        if width > 0
            && let Some(decoded) = after.get(skip..skip + width).and_then(|digits| number(digits, 16))
        {
            text.push(decoded);
            rest = &after[skip + width..];
            continue;
        }
        if unicode {
            text.push('\\');
            continue;
        }
        let digits = after.iter().take(3).take_while(|digit| (b'0'..=b'7').contains(digit)).count();
        if digits > 0 {
            text.extend(number(&after[..digits], 8));
            rest = &after[digits..];
        } else if let Some((&escape, after)) = after.split_first() {
            rest = after;
            match escape {
                b'n' => text.push('\n'),
                b't' => text.push('\t'),
                b'r' => text.push('\r'),
                b'a' => text.push('\u{7}'),
                b'b' => text.push('\u{8}'),
                b'f' => text.push('\u{c}'),
                b'v' => text.push('\u{b}'),
                b'\n' => {}
                b'\\' | b'\'' | b'"' => text.push(escape as char),
                other => text.extend(['\\', other as char]),
            }
        }
    }
    text
}

/// How many bytes the length of an opcode's argument takes.
fn length_width(opcode: Opcode) -> usize {
    match opcode {
        Opcode::ShortBinUnicode | Opcode::ShortBinBytes | Opcode::ShortBinString | Opcode::Long1 => 1,
        Opcode::BinUnicode8 | Opcode::BinBytes8 | Opcode::ByteArray8 => 8,
        _ => 4,
    }
}

/// The fact of a made object.
pub(crate) fn made(global: u32, extra: Extra) -> Fact {
    Fact::new(Kind::Made { global, extra })
}
