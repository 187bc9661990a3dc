//! The host that watches what a stream does, and lets it do what the policy grants.

mod calls;
mod end;
mod forms;
mod hashes;
mod host;
mod later;
mod members;
mod numbers;
mod states;
mod within;

use super::by_id::{Numbers, Objects};
use super::capability::Capability;
use super::memory::Memory;
use super::native::Native;
use super::need::{Need, Use};
use super::policy::{Key, Policy};
use super::rule::Rule;
use super::shape::{Shape, World, has_changeable};
use crate::error::{Error, Result};
use crate::opcode::Opcode;
use crate::read::Fetches;
use crate::value::{Builder, Graph, Id, Kind, Value, modern_names};
use forms::Forms;
use hashbrown::{Equivalent, HashMap};
use std::cell::Cell;

type FastMap<V> = HashMap<Id, V, foldhash::fast::RandomState>;

/// A global that the stream names.
#[derive(Debug)]
pub(super) struct Known<'p> {
    /// The names as the stream has them.
    pub(super) raw: Key,
    /// The names of Python 3.
    pub(super) key: Key,
    pub(super) capability: Option<&'p Capability>,
    /// What it is used as, for those who resolve it.
    pub(super) uses: Uses,
    /// Whether what is made of it is judged by nothing but its shapes, and what was judged so.
    is_simple: bool,
    forms: Forms,
}

/// A shape that an object must have at the end as well, for it can be changed.
struct Obligation<'p> {
    object: Id,
    shape: &'p Shape,
    rule: Rule,
    /// Nothing has to be judged again if it still has so many parts, which hold nothing.
    parts: Option<u32>,
}

/// What a global is used as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts")]
pub struct Uses {
    /// It appears as a value.
    pub value: bool,
    /// It is constructed as a class.
    pub construct: bool,
    /// It is called.
    pub call: bool,
    /// Objects made of it are given attributes.
    pub attributes: bool,
    /// Objects made of it are given a state by their `__setstate__`.
    pub setstate: bool,
    /// Members are asked for.
    pub members: bool,
    /// Its objects may act when they go.
    pub finalize: bool,
}

impl Uses {
    /// What is granted whatever a stream does.
    fn granted(capability: Option<&Capability>) -> Self {
        let finalize = capability.is_some_and(Capability::may_finalize);
        Uses { finalize, ..Uses::default() }
    }
}

impl<'p> Known<'p> {
    fn new(raw: Key, key: Key, capability: Option<&'p Capability>, is_helper: bool) -> Self {
        let is_simple = !is_helper && forms::is_simple(names(&key), capability);
        let (uses, forms) = (Uses::granted(capability), Forms::default());
        Known { raw, key, capability, uses, is_simple, forms }
    }
}

/// Watches one stream.
pub(super) struct Examiner<'a, 'p> {
    pub(super) builder: Builder<'a>,
    policy: &'p Policy,
    fix_imports: bool,
    protocol: u8,
    pub(super) globals: Vec<Known<'p>>,
    by_name: HashMap<Key, u32, foldhash::quality::RandomState>,
    /// One more than its place among the globals, of an object that is one.
    by_id: Numbers,
    /// Objects that may not be values: globals, and tuples that hold such.
    restricted: Objects,
    /// How many objects are looked at when a key is hashed, where that is more than one; and those that are too many for that.
    sizes: Numbers,
    large: FastMap<u64>,
    /// Whether what has a shape can lose it, by the address of the shape.
    losses: HashMap<usize, bool, foldhash::fast::RandomState>,
    hash_work: u64,
    /// Whether a key is, or holds, what is hashed in a way of its own: by all that it has, perhaps.
    has_own_hashes: bool,
    /// What is left for the objects of the stream.
    objects: Memory<'a, 'p>,
    /// How much memory calls may still take for copies of what they are given.
    memory: u64,
    work: Cell<u64>,
    obligations: Vec<Obligation<'p>>,
    /// States of dtypes, which keep the dict of their fields.
    dtypes: Vec<(Id, Id)>,
    /// What was judged in containers that others were judged by as well, and must be in them still.
    kept: Vec<(Id, Vec<Id>)>,
    /// Objects whose attributes are judged when no more can come.
    late: Vec<(Native, Id)>,
    /// How often something made by a call was given what may hold it.
    heavy: usize,
    /// Where what is not granted is noted instead of refused.
    pub(super) needs: Option<Vec<Need>>,
    offset: u64,
    /// Which objects are fetched from the memo, how many are stored there, and whether all were in turn.
    fetches: Fetches,
    stored: u64,
    in_turn: bool,
}

/// Functions that do no more than what is granted for the class that they are given.
const COPYREG: [(&str, &str); 3] =
    [("copyreg", "_reconstructor"), ("copyreg", "__newobj__"), ("copyreg", "__newobj_ex__")];
/// Functions of builtins that do nothing but look at what they are given.
const PURE: [&str; 16] = [
    "abs", "all", "any", "bin", "chr", "divmod", "hash", "hex", "len", "max", "min", "oct", "ord", "round",
    "sorted", "sum",
];
/// Whether a function does nothing but look at what it is given.
pub fn is_pure(module: &str, name: &str) -> bool {
    module == "math" || module == "builtins" && PURE.contains(&name)
}

const GETATTR: (&str, &str) = ("builtins", "getattr");
const GETITEM: (&str, &str) = ("_operator", "getitem");
/// The member of a class of arrays that says that arrays of the class may be made.
pub(super) const ARRAYS: &str = "__array_finalize__";
const PARTIAL: (&str, &str) = ("functools", "partial");

/// The names of a global, by which keys are looked for: they are hashed alike.
#[derive(Hash)]
struct Names<'n>(&'n str, &'n str);

impl Equivalent<Key> for Names<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        (self.0, self.1) == names(key)
    }
}

fn names(key: &Key) -> (&str, &str) {
    (&key.0, &key.1)
}

impl<'g, 'a> World<'g, 'a> for &'g Examiner<'a, '_> {
    fn is_made_of(&self, value: Value<'g, 'a>, module: &str, name: &str) -> bool {
        if name.contains('.') && self.is_made_of_member(value, module, name) {
            return true;
        }
        self.made_of(value) == Some((module, name))
    }

    fn made_of(&self, value: Value<'g, 'a>) -> Option<(&'g str, &'g str)> {
        if self.restricted.contains(value.id()) {
            return None;
        }
        self.origin(value.id()).map(|global| names(&self.globals[global].key))
    }

    fn is_global(&self, value: Value<'g, 'a>, module: &str, name: &str) -> bool {
        self.known(value.id()).is_some_and(|global| names(&self.globals[global].key) == (module, name))
    }

    fn names(&self, value: Value<'g, 'a>) -> Option<(String, String)> {
        self.known(value.id()).map(|global| self.globals[global].key.clone())
    }

    fn is_free(&self, value: Value<'g, 'a>) -> bool {
        !self.restricted.contains(value.id())
    }

    fn spend(&self) -> bool {
        let left = self.work.get();
        self.work.set(left.saturating_sub(1));
        left > 0
    }
}

impl<'a, 'p> Examiner<'a, 'p> {
    pub(super) fn new(
        graph: Graph<'a>,
        policy: &'p Policy,
        (input, objects): (usize, Memory<'a, 'p>),
        fix_imports: bool,
    ) -> Self {
        // What is out of band is paid for as what is in the stream.
        let size = graph.buffers().fold(input, |size, buffer| size.saturating_add(buffer.len()));
        let mut builder = Builder::new(graph);
        builder.expect(input);
        Examiner {
            builder,
            policy,
            fix_imports,
            protocol: 0,
            globals: Vec::new(),
            by_name: HashMap::default(),
            by_id: Numbers::default(),
            restricted: Objects::default(),
            sizes: Numbers::default(),
            large: HashMap::default(),
            losses: HashMap::default(),
            hash_work: policy.limits.hash_work_for(size),
            has_own_hashes: false,
            objects,
            memory: policy.limits.memory_for(size),
            work: Cell::new(policy.limits.work_for(size)),
            obligations: Vec::new(),
            dtypes: Vec::new(),
            kept: Vec::new(),
            late: Vec::new(),
            heavy: 0,
            needs: None,
            offset: 0,
            fetches: Fetches::default(),
            stored: 0,
            in_turn: true,
        }
    }

    /// Which objects the stream has fetched from the memo, if it has stored them one after the other.
    pub(super) fn take_fetches(&mut self) -> Option<Fetches> {
        self.in_turn.then(|| std::mem::take(&mut self.fetches))
    }

    pub(super) fn value(&self, id: Id) -> Value<'_, 'a> {
        self.builder.graph().value(id)
    }

    /// The global that an object is.
    fn known(&self, id: Id) -> Option<usize> {
        (self.by_id.get(id) as usize).checked_sub(1)
    }

    /// The global that an object was made of: for copyreg's functions, the class that they were given.
    pub(super) fn origin(&self, id: Id) -> Option<usize> {
        let made = self.value(id).as_instance()?;
        let class = made.class().id();
        let Some(global) = self.known(class) else { return self.target_of(class, made.args()) };
        if COPYREG.contains(&names(&self.globals[global].key)) {
            return self.known(made.args().item(0)?.id());
        }
        Some(global)
    }

    /// Refuses, or notes what would have to be granted.
    fn miss(
        &mut self,
        rule: Rule,
        global: Option<usize>,
        what: impl FnOnce(&Self) -> Use,
        message: String,
    ) -> Result<()> {
        if self.work.get() == 0 {
            return Err(Error::refused(Rule::BudgetWork, Rule::BudgetWork.meaning()));
        }
        if self.needs.is_none() {
            return Err(Error::refused(rule, message));
        }
        let used = what(self);
        let need = Need {
            rule,
            global: global.map(|global| self.globals[global].key.clone()),
            used,
            message,
            offset: self.offset,
        };
        if let Some(needs) = &mut self.needs {
            needs.push(need);
        }
        Ok(())
    }

    fn title(&self, global: usize) -> String {
        let (module, name) = &self.globals[global].key;
        format!("{module}.{name}")
    }

    /// Makes sure that no item is a global that may not be a value.
    #[inline(always)]
    fn check_free(&mut self, items: &[Id]) -> Result<()> {
        if items.iter().any(|&item| self.restricted.contains(item)) {
            return self.refuse_restricted(items);
        }
        Ok(())
    }

    #[cold]
    fn refuse_restricted(&mut self, items: &[Id]) -> Result<()> {
        let mut todo: Vec<Id> =
            items.iter().rev().copied().filter(|&id| self.restricted.contains(id)).collect();
        while let Some(id) = todo.pop() {
            match self.known(id) {
                Some(global) => {
                    let message = format!("{} may not be a value", self.title(global));
                    self.miss(Rule::Value, Some(global), |_| Use::Value, message)?;
                    self.globals[global].uses.value = true;
                }
                None if !(self as &Self).spend() => {
                    return Err(Error::refused(Rule::BudgetWork, Rule::BudgetWork.meaning()));
                }
                None if self.value(id).kind() == Kind::Instance => self.refuse_call_later(id)?,
                None => {
                    let inner: Vec<Id> = self.value(id).items().map(Value::id).collect();
                    todo.extend(inner.into_iter().filter(|&id| self.restricted.contains(id)));
                }
            }
        }
        Ok(())
    }

    /// Whether an object has a shape, now and when the stream has ended.
    fn fits(&mut self, id: Id, shape: &'p Shape, rule: Rule) -> bool {
        let holds = shape.holds(self.value(id), &(self as &Self));
        if holds && has_changeable(self.value(id), 4) && self.can_be_lost(shape) {
            self.obligations.push(Obligation { object: id, shape, rule, parts: None });
        }
        holds
    }

    fn can_be_lost(&mut self, shape: &'p Shape) -> bool {
        *self.losses.entry(std::ptr::from_ref(shape).addr()).or_insert_with(|| shape.can_be_lost())
    }

    /// Notes that an object may not be a value: a tuple that holds globals which may be none, or what may be called at once and no
    /// more.
    fn restrict_if(&mut self, id: Id, restricted: bool) {
        if restricted {
            self.restricted.insert(id);
        }
    }

    /// The names of the global that an object is.
    pub(super) fn global_names(&self, id: Id) -> Option<(&str, &str)> {
        self.known(id).map(|global| names(&self.globals[global].key))
    }

    /// The names of the global that an object was made of.
    pub(super) fn origin_names(&self, id: Id) -> Option<(&str, &str)> {
        self.origin(id).map(|global| names(&self.globals[global].key))
    }

    /// Takes the memory that an opcode costs.
    #[inline(always)]
    fn pay_for(&mut self, opcode: Opcode) -> Result<()> {
        if self.objects.pay_for(opcode) {
            return Ok(());
        }
        Err(Error::refused(Rule::BudgetMemory, Rule::BudgetMemory.meaning()))
    }

    /// Counts work of a check by code.
    pub(super) fn pay(&self, amount: u64) -> Result<()> {
        match self.work.get().checked_sub(amount) {
            Some(left) => {
                self.work.set(left);
                Ok(())
            }
            None => Err(Error::refused(Rule::BudgetWork, Rule::BudgetWork.meaning())),
        }
    }
}

/// Whether objects of a kind may hold others.
fn is_inner(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::List
            | Kind::Dict
            | Kind::Set
            | Kind::FrozenSet
            | Kind::Tuple
            | Kind::Instance
            | Kind::Persistent
    )
}

/// The attributes in a state: of its dict, or of its two.
fn attributes<'g, 'a>(state: Value<'g, 'a>) -> impl Iterator<Item = (Value<'g, 'a>, Value<'g, 'a>)> {
    let (one, two) = match state.kind() {
        Kind::Tuple => (state.item(0), state.item(1)),
        _ => (Some(state), None),
    };
    one.into_iter().chain(two).filter(|part| part.kind() == Kind::Dict).flat_map(Value::entries)
}

impl Examiner<'_, '_> {
    fn check_persistent(&mut self, id: Id) -> Result<()> {
        let Some(shape) = &self.policy.persistent else {
            self.check_free(&[id])?;
            let message = "persistent ids are not granted".into();
            return self.miss(Rule::Persistent, None, |_| Use::Persistent, message);
        };
        if self.fits(id, shape, Rule::Persistent) {
            return Ok(());
        }
        let message = "this persistent id is not granted".into();
        self.miss(Rule::Persistent, None, |_| Use::Persistent, message)
    }

    /// Meets a global for the first time.
    fn meet(&mut self, raw: Key) -> Result<u32> {
        let key =
            if self.fix_imports && self.protocol < 3 { modern_names(&raw.0, &raw.1) } else { raw.clone() };
        let capability = self.policy.globals.get(&key);
        let index = self.globals.len();
        let helper =
            COPYREG.contains(&names(&key)) || [GETATTR, PARTIAL].contains(&names(&key)) || is_base(&key);
        self.globals.push(Known::new(raw.clone(), key, capability, helper));
        if capability.is_none() && !helper {
            let message = format!("the policy does not know {}", self.title(index));
            self.miss(Rule::Global, Some(index), |_| Use::Named, message)?;
        }
        self.by_name.insert(raw, index as u32);
        Ok(index as u32)
    }
}

/// Whether this is a builtin class on which copyreg builds.
fn is_base(key: &Key) -> bool {
    key.0 == "builtins"
        && matches!(
            key.1.as_str(),
            "object"
                | "dict"
                | "list"
                | "tuple"
                | "int"
                | "float"
                | "str"
                | "bytes"
                | "complex"
                | "set"
                | "frozenset"
        )
}
