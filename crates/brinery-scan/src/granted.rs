//! What the policies grant as far as it shows while a stream is run over, so that it need not be examined for it.
//!
//! The arguments of calls are held against the shapes of the policy right where the calls stand. The answer is yes, no, or
//! that only an examination of all objects can tell: what lists and dicts hold is not known here, and of values that were
//! fetched from the memo less is known than of those that were just made. A stream in which every answer is yes, and which
//! costs little enough, is granted, however large it is.

mod shapes;

use shapes::{Fits, TEXT};

use crate::fact::{DEEP, Extra, Fact, Kind, Sort};
use crate::facts::Facts;
use crate::known::{self, Rule, Standing};
use crate::refine;
use crate::report::{Finding, Verdict};
use crate::shelf::{Few, Shelf};
use brinery::policy::{self, Capability, JUDGED_BY_ARGUMENTS, Limits, Native, Policy, Shape, State};

/// How many refusals of one stream are told.
const REFUSALS: usize = 100;
/// How much memory a copy of a container takes for each item: of a set, and of anything else.
const HASHED_ITEM: u64 = 64;
const ITEM: u64 = 16;

/// What a policy says to a global.
#[derive(Clone, Copy, Debug)]
enum Asked<'t> {
    /// It was not asked.
    Not,
    /// It grants this, or nothing.
    Known(Option<&'t Capability>),
}

/// What is known of what the policies grant to a stream.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Grants<'t> {
    /// The policy, if it is not the shipped ones.
    policy: Option<&'t Policy>,
    /// What it grants to the globals of the stream, as far as that was asked.
    capabilities: Vec<Asked<'t>>,
    /// Whether something was done of which only an examination can tell whether it is granted.
    pub(crate) unsure: bool,
    /// How much memory calls take for copies.
    copied: u64,
    /// How much work it is to hash what calls are given.
    hashed: f64,
    /// How deep objects are nested, as far as it is known.
    pub(crate) deepest: u32,
    /// Whether there is a list with what has no hash in it.
    pub(crate) unhashable: bool,
    /// Whether there are bytearrays, which are taken for bytes, and frozensets, which are taken for sets.
    pub(crate) has_bytearrays: bool,
    pub(crate) has_frozensets: bool,
    /// Whether what was put into the last dict matters, and what that was.
    pub(crate) keeps_state: bool,
    pub(crate) state: (u32, Vec<Fact>),
    /// Whether a dtype, or another object that is given a state once, was made and has none yet.
    new_dtype: bool,
    fresh: bool,
    /// Whether the last state was one of memory, in which there is nothing but how it is read.
    pub(crate) is_flat_state: bool,
    /// What is not granted for sure.
    pub(crate) refusals: Vec<Finding>,
}

impl<'t> Grants<'t> {
    pub(crate) fn new(policy: Option<&'t Policy>) -> Self {
        Grants { policy, state: (u32::MAX, Vec::new()), ..Self::default() }
    }

    /// Counts memory that a call takes for a copy.
    pub(crate) fn copy(&mut self, bytes: u64) {
        self.copied = self.copied.saturating_add(bytes);
    }
}

impl<'t> Facts<'_, 't> {
    /// What the policy grants to a global.
    #[inline(always)]
    fn capability(&mut self, id: u32) -> Option<&'t Capability> {
        match self.grants.capabilities.get(id as usize) {
            Some(Asked::Known(known)) => *known,
            _ => self.ask_capability(id),
        }
    }

    #[cold]
    #[inline(never)]
    fn ask_capability(&mut self, id: u32) -> Option<&'t Capability> {
        let policy = self.grants.policy.unwrap_or_else(|| refine::shipped());
        let named = &self.named[id as usize];
        // From protocol 3 on the names of Python 2 are not read as those of Python 3.
        let is_old = self.protocol.is_none_or(|protocol| protocol < 3);
        let (module, name) = if is_old { named.modern() } else { (&*named.module, &*named.name) };
        let found = policy.get(module, name).filter(|_| !JUDGED_BY_ARGUMENTS.contains(&(module, name)));
        if let Some(capability) = found {
            self.grants.keeps_state |= capability.native == Some(Native::Uuid);
        }
        let capabilities = &mut self.grants.capabilities;
        if capabilities.len() <= id as usize {
            capabilities.resize(id as usize + 1, Asked::Not);
        }
        capabilities[id as usize] = Asked::Known(found);
        found
    }

    /// Whether what is done with a global may be granted. What nobody grants is a finding.
    pub(crate) fn is_weighed(&mut self, id: u32) -> bool {
        match self.named[id as usize].standing {
            Standing::Granted(_) => true,
            Standing::Forbidden(_) => false,
            _ => self.capability(id).is_some(),
        }
    }

    /// Takes note of what is not granted for sure.
    #[cold]
    fn refuse(&mut self, id: u32, rule: policy::Rule, what: &str) {
        self.grants.unsure = true;
        let global = self.named[id as usize].full();
        let refusals = &mut self.grants.refusals;
        let told = |old: &Finding| old.rule == rule.id() && old.global.as_deref() == Some(&*global);
        if refusals.len() < REFUSALS && !refusals.iter().any(told) {
            refusals.push(Finding {
                verdict: Verdict::Needs,
                rule: rule.id(),
                offset: self.at,
                opcode: None,
                message: format!("{global} {what}"),
                global: Some(global),
                arguments: None,
                path: None,
                category: None,
                context: Vec::new(),
            });
        }
    }

    fn judge_fit(&mut self, fits: Fits, id: u32, rule: policy::Rule, what: &str) {
        match fits {
            Fits::Yes => {}
            Fits::No => self.refuse(id, rule, what),
            Fits::Unknown => self.grants.unsure = true,
        }
    }

    /// A call of what honest pickles call.
    pub(crate) fn weigh_call(&mut self, id: u32, rule: Rule, args: &Fact, items: &[Fact]) {
        let is_plain = matches!(
            rule,
            Rule::Any
                | Rule::Kin
                | Rule::Value
                | Rule::Mention
                | Rule::Items
                | Rule::Size
                | Rule::Type
                | Rule::Iter
                | Rule::Factory
                | Rule::Fraction
                | Rule::Pattern
                | Rule::Array
                | Rule::Latin1
                | Rule::DType
                | Rule::Reconstruct
                | Rule::Shared
                | Rule::Wordless
        );
        let capability = self.capability(id);
        let Some(capability) = capability.filter(|_| is_plain) else {
            self.grants.unsure = true;
            if capability.is_none() && !JUDGED_BY_ARGUMENTS.contains(&self.named[id as usize].modern()) {
                self.refuse(id, policy::Rule::Global, "is not known to the policy");
            }
            return;
        };
        let fits = match &capability.call {
            Some(shape) => self.fits_items(shape, args, items),
            None => Fits::No,
        };
        self.judge_fit(fits, id, policy::Rule::Call, "may not be called like this");
        self.weigh_arguments(capability, args, items);
    }

    /// Whether this is a call of what honest pickles call with whatever they like, with plain values that the policy grants: there
    /// is nothing else to think of it.
    #[inline(always)]
    pub(crate) fn is_plain_call(&mut self, id: u32, args: &Fact) -> bool {
        let Kind::Tuple(place) = args.kind else { return false };
        let standing = self.named[id as usize].standing;
        if !matches!(standing, Standing::Granted(Rule::Any) | Standing::Standard(known::Shape::Exception)) {
            return false;
        }
        let Some(capability) = self.capability(id) else { return false };
        let (None, Some(shape)) = (capability.native, &capability.call) else { return false };
        let Some((Few::Here(items, len), true)) = self.shelf.get(place) else { return false };
        let items = &items[..len];
        let is_plain = |item: &Fact| match item.kind {
            Kind::Plain(_) | Kind::Int(_) | Kind::Text(_) | Kind::Bytes(_) => {
                item.weight.to_bits() == 1f32.to_bits()
            }
            _ => false,
        };
        if !items.iter().all(is_plain) || self.fits_items(shape, args, items) != Fits::Yes {
            return false;
        }
        let copied = self.bytes_among(items);
        // A long text may be a number.
        if copied >= TEXT {
            return false;
        }
        self.allocate(copied);
        self.grants.copy(copied);
        true
    }

    /// A construction by `__new__`.
    pub(crate) fn weigh_new(&mut self, class: &Fact, args: &Fact, kwargs: Option<&Fact>) {
        let Kind::Global(id) = class.kind else {
            self.grants.unsure = true;
            return;
        };
        if !self.is_weighed(id) {
            return;
        }
        let Kind::Tuple(place) = args.kind else {
            self.grants.unsure = true;
            return;
        };
        let items = self.shelf.get(place).map(|got| got.0).unwrap_or_default();
        let Some(capability) = self.capability(id).filter(|_| kwargs.is_none()) else {
            self.grants.unsure = true;
            return;
        };
        let fits = match &capability.construct {
            Some(shape) => self.fits_items(shape, args, &items),
            None => Fits::No,
        };
        self.judge_fit(fits, id, policy::Rule::Construct, "may not be constructed like this");
        self.weigh_arguments(capability, args, &items);
    }

    /// What arguments cost, and what is checked of them besides their shape.
    fn weigh_arguments(&mut self, capability: &Capability, args: &Fact, items: &[Fact]) {
        let grants = &mut self.grants;
        let each = if capability.native == Some(Native::Elements) { HASHED_ITEM } else { ITEM };
        grants.unsure |= Shelf::count(args) != Some(items.len()) || args.weight > 256.0;
        for item in items {
            let copied = match item.kind {
                Kind::List | Kind::Dict(_) | Kind::Set | Kind::Frozen(_) => {
                    grants.unsure |= !item.weight.is_finite();
                    (item.weight.min(f32::MAX) as u64).saturating_mul(each)
                }
                Kind::Tuple(place) => each * Shelf::len(place) as u64,
                _ => 0,
            };
            grants.copy(copied);
        }
        match capability.native {
            None => {}
            Some(Native::Fraction) => {
                grants.unsure |= items.iter().any(|item| matches!(item.kind, Kind::Plain(_)));
            }
            Some(Native::Elements) => {
                grants.unsure |= grants.unhashable;
                grants.hashed += items.iter().map(|item| f64::from(item.weight)).sum::<f64>();
            }
            Some(Native::Uuid) => grants.fresh = true,
            Some(Native::Dtype) => {
                let sound = self.is_new_dtype(items);
                self.grants.unsure |= !sound;
                self.grants.new_dtype = true;
            }
            Some(Native::Array) => self.grants.fresh = true,
            Some(Native::Scalar) => {
                let fits = match (items.first().and_then(item_size), items.get(1)) {
                    (Some(size), Some(data)) => self.byte_count(data) == Some(u64::from(size)),
                    _ => false,
                };
                self.grants.unsure |= !fits;
            }
            Some(_) => grants.unsure = true,
        }
    }

    /// A state for what was made of a global that honest pickles name.
    pub(crate) fn weigh_state(&mut self, id: u32, object: &Fact, state: &Fact) {
        if !self.is_weighed(id) {
            return;
        }
        let Some(capability) = self.capability(id) else {
            self.grants.unsure = true;
            return;
        };
        let is_fresh = matches!(object.kind, Kind::Made { extra: Extra::Fresh, .. });
        let is_made_by_others = capability.construct.is_none() && capability.call.is_none();
        match (&capability.state, capability.native) {
            (State::SetState(_), Some(Native::Dtype)) => {
                let is_new = matches!(object.kind, Kind::Made { extra: Extra::NewDType(_), .. });
                let sound = is_new && self.is_dtype_state(state);
                self.grants.unsure |= !sound || !std::mem::take(&mut self.grants.new_dtype);
            }
            (State::SetState(_), Some(Native::Uuid)) => {
                let sound = is_fresh && self.is_uuid_state(state);
                self.grants.unsure |= !sound || !std::mem::take(&mut self.grants.fresh);
            }
            (State::SetState(shape), None) => {
                let fits = self.fits(shape, state);
                self.judge_fit(fits, id, policy::Rule::State, "may not be given this state");
            }
            // The class of an array, which is made by a function.
            (State::None, None) if is_fresh && is_made_by_others => {
                let sound = self.is_array_state(state);
                self.grants.unsure |= !sound || !std::mem::take(&mut self.grants.fresh);
                self.grants.is_flat_state = sound;
            }
            _ => self.grants.unsure = true,
        }
    }

    /// Items for what was made of a global that honest pickles name.
    pub(crate) fn weigh_items(&mut self, id: u32) {
        if !self.is_weighed(id) {
            return;
        }
        let extend = self.capability(id).and_then(|capability| capability.extend.as_ref());
        self.grants.unsure |= extend != Some(&Shape::Any) || self.named[id as usize].built;
    }

    /// Whether all that the stream did is granted, once it is over, and costs no more than it may: its objects take so much
    /// memory at most.
    pub(crate) fn is_granted(&mut self, end: u64, memory: u64) -> bool {
        let grants = &self.grants;
        if grants.unsure || self.persistent > 0 || self.buffers > 0 || self.told_any_budget() {
            return false;
        }
        let default = Limits::default();
        let limits = grants.policy.map_or(&default, Policy::budgets);
        if *limits != default {
            return false;
        }
        let len = usize::try_from(end - self.start).unwrap_or(usize::MAX);
        let hash_work = self.hash_work + grants.hashed;
        // How deep anything can be, if each thing that may be deeper than is known is as deep as anything else.
        let sunk = f64::from(grants.deepest) * (f64::from(self.unsounded) + 1.0);
        let cheap = grants.copied < limits.memory_for(len)
            && memory < limits.memory_for(len)
            && hash_work * 2.0 < limits.hash_work_for(len) as f64
            && sunk < f64::from(DEEP)
            && !self.may_be_deep();
        if !cheap {
            return false;
        }
        for id in 0..self.named.len() as u32 {
            if self.named[id as usize].valued && self.is_weighed(id) {
                let is_value = self.capability(id).is_some_and(Capability::is_value_anywhere);
                if !is_value {
                    return false;
                }
            }
        }
        true
    }

    /// Whether these are the arguments for a copy of a dtype of numbers.
    fn is_new_dtype(&self, items: &[Fact]) -> bool {
        let [code, align, copy] = items else { return false };
        let is_flag = |flag: &Fact, wanted: bool| {
            flag.kind == Kind::Plain(Sort::Bool(wanted)) || flag.kind == Kind::Int(wanted.into())
        };
        let Some(code) = self.text_of(code) else { return false };
        let simple = matches!(
            &*code,
            "b1" | "i1" | "i2" | "i4" | "i8" | "u1" | "u2" | "u4" | "u8" | "f2" | "f4" | "f8" | "c8" | "c16"
        );
        simple && is_flag(align, false) && is_flag(copy, true)
    }

    /// Whether this is the state of a dtype of numbers.
    fn is_dtype_state(&self, state: &Fact) -> bool {
        let Kind::Tuple(place) = state.kind else { return false };
        let Some((items, true)) = self.shelf.get(place) else { return false };
        let [version, order, base, names, fields, size, alignment, flags] = &items[..] else { return false };
        let is = |fact: &Fact, wanted: i64| fact.kind == Kind::Int(wanted);
        let none = |fact: &Fact| fact.kind == Kind::Plain(Sort::None);
        let order = self.text_of(order);
        (is(version, 3) || is(version, 4))
            && matches!(order.as_deref(), Some("<" | ">" | "=" | "|"))
            && [base, names, fields].into_iter().all(none)
            && is(size, -1)
            && is(alignment, -1)
            && is(flags, 0)
    }

    /// Whether this is the state of an array of numbers, whose memory is as large as its shape and its dtype say.
    fn is_array_state(&mut self, state: &Fact) -> bool {
        let Kind::Tuple(place) = state.kind else { return false };
        let Some((items, true)) = self.shelf.get(place) else { return false };
        let [version, shape, dtype, fortran, data] = &items[..] else { return false };
        let Kind::Tuple(shape) = shape.kind else { return false };
        let Some((lens, true)) = self.shelf.get(shape) else { return false };
        let count = lens.iter().try_fold(1u64, |count, len| match len.kind {
            Kind::Int(len) => count.checked_mul(u64::try_from(len).ok()?),
            _ => None,
        });
        let fortran = matches!(fortran.kind, Kind::Plain(Sort::Bool(_)) | Kind::Int(0 | 1));
        let Some(len) = self.byte_count(data) else { return false };
        self.grants.copy(len);
        let size = item_size(dtype).and_then(|size| count?.checked_mul(size.into()));
        version.kind == Kind::Int(1) && fortran && size == Some(len)
    }

    /// Whether this is the state of a `uuid.UUID`.
    fn is_uuid_state(&self, state: &Fact) -> bool {
        let (Kind::Dict(id), (kept, items)) = (state.kind, &self.grants.state) else { return false };
        let [key, int] = &items[..] else { return false };
        let small = match int.kind {
            Kind::Int(int) => int >= 0,
            Kind::Plain(Sort::Natural(len)) => len <= 16,
            _ => false,
        };
        id == *kept && small && self.text_of(key).as_deref() == Some("int")
    }
}

/// How large the items are that a dtype is of, if that is known and they are no objects.
fn item_size(dtype: &Fact) -> Option<u32> {
    match dtype.kind {
        Kind::Made { extra: Extra::ItemSize(size) | Extra::NewDType(size), .. } => {
            Some(size).filter(|&size| size > 0)
        }
        _ => None,
    }
}
