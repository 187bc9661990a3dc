//! The host that watches what a stream does, and lets it do what the policy grants.

use super::by_id::{Numbers, Objects};
use super::capability::{Capability, State};
use super::learn::is_known;
use super::limits::{ARRAY_OF_OBJECTS, MOST_NESTED_CALLS};
use super::native::Native;
use super::need::{Need, Use, shape_of};
use super::numpy::{self, is_dtype_state};
use super::policy::{Key, Policy};
use super::rule::Rule;
use super::shape::{Shape, World, has_changeable};
use super::unfolded;
use crate::error::{Error, ErrorKind, Result};
use crate::place::Place;
use crate::read::{Chunk, Fault, Host, Items, LineEncoding, ReadError, Shape as Outline, Source};
use crate::value::{Builder, ChangeKind, Construction, Graph, Id, Instance, Kind, Value, modern_names};
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
    /// How much memory calls may still take for copies of what they are given.
    memory: u64,
    work: Cell<u64>,
    /// Shapes that objects must have at the end as well, for they can be changed.
    obligations: Vec<(Id, &'p Shape, Rule)>,
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
}

/// Functions that do no more than what is granted for the class that they are given.
const COPYREG: [(&str, &str); 3] =
    [("copyreg", "_reconstructor"), ("copyreg", "__newobj__"), ("copyreg", "__newobj_ex__")];
/// Methods of builtin values that do nothing to others.
const PLAIN_METHODS: [&str; 34] = [
    "add",
    "append",
    "capitalize",
    "casefold",
    "clear",
    "copy",
    "count",
    "discard",
    "encode",
    "endswith",
    "extend",
    "find",
    "get",
    "index",
    "insert",
    "items",
    "join",
    "keys",
    "lower",
    "lstrip",
    "pop",
    "popitem",
    "remove",
    "replace",
    "rstrip",
    "setdefault",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "title",
    "update",
    "upper",
    "values",
];
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
/// The member of a class that is asked for by `class[arguments]`.
const ARGUMENTS: &str = "__class_getitem__";
/// The member of a class of arrays that says that arrays of the class may be made.
pub(super) const ARRAYS: &str = "__array_finalize__";
const PARTIAL: (&str, &str) = ("functools", "partial");

/// What the interpreter makes of these attributes is another object.
const HOOKS: [&str; 2] = ["__class__", "__dict__"];

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
    pub(super) fn new(graph: Graph<'a>, policy: &'p Policy, input: usize, fix_imports: bool) -> Self {
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
            memory: policy.limits.memory_for(size),
            work: Cell::new(policy.limits.work_for(size)),
            obligations: Vec::new(),
            dtypes: Vec::new(),
            kept: Vec::new(),
            late: Vec::new(),
            heavy: 0,
            needs: None,
            offset: 0,
        }
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

    /// The class whose `__new__` this is, as `getattr` has it.
    fn owner_of_new(&self, id: Id) -> Option<usize> {
        let made = self.value(id).as_instance()?;
        let getattr = self.known(made.class().id())?;
        let is_new = made.args().item(1).and_then(Value::as_str) == Some("__new__");
        if names(&self.globals[getattr].key) != GETATTR || !is_new {
            return None;
        }
        self.known(made.args().item(0)?.id())
    }

    /// Whether an object is a `functools.partial` that the stream made.
    fn is_partial(&self, id: Id) -> bool {
        let made = self.value(id).as_instance().and_then(|made| self.known(made.class().id()));
        made.is_some_and(|global| names(&self.globals[global].key) == PARTIAL)
    }

    /// What a `functools.partial` calls: the function, the arguments that come first, and the keywords. There is none but for one
    /// that was made and given its state as picklers do.
    fn partial(&self, id: Id) -> Option<(Id, Id, Id)> {
        if !self.is_partial(id) {
            return None;
        }
        let value = self.value(id);
        let made = value.as_instance()?;
        let (state, mut changes) = (made.state()?, value.changes());
        let is_usual = made.args().len() == 1
            && changes.next().is_some_and(|change| change.kind() == ChangeKind::State)
            && changes.next().is_none();
        let function = state.item(0)?.id();
        (is_usual && made.args().item(0)?.id() == function).then_some((
            function,
            state.item(1)?.id(),
            state.item(2)?.id(),
        ))
    }

    /// The global of which a call makes an object that is of no global itself: of the `__new__` of a class, or of a partial of that
    /// or of a function.
    fn target_of(&self, callable: Id, args: Value<'_, '_>) -> Option<usize> {
        if self.owner_of_new(callable).is_some() {
            return self.known(args.item(0)?.id());
        }
        let (function, before, _) = self.partial(callable)?;
        if self.owner_of_new(function).is_some() {
            return self.known(self.value(before).item(0).or_else(|| args.item(0))?.id());
        }
        self.known(function)
    }

    /// Whether an object may be called, and nothing else: it is the `__new__` of a class, or a partial of that or of a function that
    /// may not be called later.
    fn is_for_calls_only(&self, id: Id) -> bool {
        if self.owner_of_new(id).is_some() {
            return true;
        }
        let function = self.value(id).as_instance().and_then(|made| made.args().item(0)).map(Value::id);
        self.is_partial(id) && function.is_some_and(|function| !self.may_be_called_later(function))
    }

    /// Notes what a helper has made, if it may be called and nothing else.
    fn restrict_made(&mut self, callable: Id, made: Id) {
        if self.known(callable).is_some_and(|global| self.is_helper(global)) {
            let restricted = self.is_for_calls_only(made);
            self.restrict_if(made, restricted);
        }
    }

    /// Whether an object is within itself.
    pub(super) fn is_within_itself(&self, object: Id) -> Result<bool> {
        let mut seen = Objects::default();
        let mut todo = vec![object];
        while let Some(id) = todo.pop() {
            for (_, child) in self.value(id).children() {
                self.pay(1)?;
                if child.id() == object {
                    return Ok(true);
                }
                if is_inner(child.kind()) && !seen.contains(child.id()) {
                    seen.insert(child.id());
                    todo.push(child.id());
                }
            }
        }
        Ok(false)
    }

    /// Whether a function may be called later, by whoever gets hold of a partial of it: one that the stream could call, a pure one, or
    /// a method that it may have.
    fn may_be_called_later(&self, function: Id) -> bool {
        let Some(global) = self.known(function) else { return self.is_method(function) };
        let (module, name) = names(&self.globals[global].key);
        self.globals[global].capability.is_some_and(|capability| {
            capability.value && is_pure(module, name) || capability.may_be_called_later()
        })
    }

    /// Whether an object is a method of another that the stream made: what was asked for was granted.
    fn is_method(&self, id: Id) -> bool {
        let Some(made) = self.value(id).as_instance() else { return false };
        let is_getattr =
            self.known(made.class().id()).is_some_and(|global| names(&self.globals[global].key) == GETATTR);
        is_getattr && made.args().item(0).is_some_and(|owner| self.known(owner.id()).is_none())
    }

    /// Judges what calls a function among its arguments when it is asked for items: a stream can have that done, by what takes items.
    /// So it is a function that the stream could call anyway, and of a library that is known.
    pub(super) fn check_called_later(&mut self, args: Id) -> Result<()> {
        let items: Vec<Id> = self.value(args).items().map(Value::id).collect();
        for item in items {
            let Some(global) = self.known(item) else {
                let made_by = self.value(item).as_instance().map(|made| self.known(made.class().id()));
                let is_iterator = |global: usize| {
                    let (module, name) = names(&self.globals[global].key);
                    ["builtins", "itertools", "collections", "_collections"].contains(&module)
                        && (module, name) != GETATTR
                };
                if made_by.is_none_or(|global| global.is_some_and(is_iterator)) {
                    continue;
                }
                return Err(Error::refused(Rule::Call, "what is called for each item is no known function"));
            };
            let key = names(&self.globals[global].key);
            let calls = self.globals[global].capability.is_some_and(|capability| capability.call.is_some());
            if !(is_pure(key.0, key.1) || calls && is_known(key.0)) {
                let message = format!("{} may not be called for each item", self.title(global));
                return Err(Error::refused(Rule::Call, message));
            }
            self.check_target(item)?;
        }
        Ok(())
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

    /// Refuses what may be called, but not by the program later.
    fn refuse_call_later(&mut self, id: Id) -> Result<()> {
        if let Some(owner) = self.owner_of_new(id) {
            let message = format!("{}.__new__ may not be a value", self.title(owner));
            return self.miss(Rule::Attribute, Some(owner), |_| Use::Member("__new__".into()), message);
        }
        let made = self.value(id).as_instance().map(Instance::args);
        let Some(function) = made.and_then(|args| args.item(0)).map(Value::id) else { return Ok(()) };
        let Some(global) = self.known(function) else { return self.refuse_call_later(function) };
        let message = format!("{} may not be called later", self.title(global));
        let capability = self.globals[global].capability;
        if !capability.is_some_and(|capability| capability.value) {
            self.miss(Rule::Call, Some(global), |_| Use::Value, message.clone())?;
        }
        if capability.is_none_or(|capability| !capability.later && capability.call.is_none()) {
            self.miss(Rule::Call, Some(global), |_| Use::Later, message)?;
        }
        self.globals[global].uses.value = true;
        Ok(())
    }

    /// How many objects are looked at when this one is hashed.
    #[inline(always)]
    fn size(&self, id: Id) -> u64 {
        match self.value(id).kind() {
            Kind::Tuple | Kind::FrozenSet | Kind::Instance => self.noted_size(id),
            _ => 1,
        }
    }

    #[inline(always)]
    fn noted_size(&self, id: Id) -> u64 {
        match self.sizes.get(id) {
            u32::MAX => self.large.get(&id).copied().unwrap_or(u64::MAX),
            size => u64::from(size.max(1)),
        }
    }

    #[inline(always)]
    fn set_size(&mut self, id: Id, size: u64) {
        let small = u32::try_from(size).unwrap_or(u32::MAX);
        self.sizes.insert(id, small);
        if small == u32::MAX {
            self.large.insert(id, size);
        }
    }

    /// Notes how much work hashing an object is that holds these.
    #[inline(always)]
    fn note_size(&mut self, id: Id, parts: impl IntoIterator<Item = Id>) {
        let size = parts.into_iter().fold(1u64, |sum, part| sum.saturating_add(self.size(part)));
        if size > 1 {
            self.set_size(id, size);
        }
    }

    /// Pays for the hashing of keys.
    #[inline(always)]
    pub(super) fn hash(&mut self, keys: impl IntoIterator<Item = Id>) -> Result<()> {
        for key in keys {
            let kind = self.value(key).kind();
            match kind {
                Kind::Tuple | Kind::FrozenSet | Kind::Instance => {
                    let holds = |item: Value<'_, '_>| {
                        matches!(item.kind(), Kind::Tuple | Kind::FrozenSet | Kind::Instance)
                    };
                    self.has_own_hashes |= kind == Kind::Instance || self.value(key).items().any(holds);
                    let size = self.noted_size(key);
                    match self.hash_work.checked_sub(size) {
                        Some(left) => self.hash_work = left,
                        None => return Err(Error::refused(Rule::BudgetHash, Rule::BudgetHash.meaning())),
                    }
                }
                Kind::List | Kind::Dict | Kind::Set | Kind::ByteArray => {
                    return Err(Error::refused(
                        Rule::Malformed,
                        format!("a {} cannot be a key", kind.name()),
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether an object has a shape, now and when the stream has ended.
    fn fits(&mut self, id: Id, shape: &'p Shape, rule: Rule) -> bool {
        let holds = shape.holds(self.value(id), &(self as &Self));
        if holds && has_changeable(self.value(id), 4) && self.can_be_lost(shape) {
            self.obligations.push((id, shape, rule));
        }
        holds
    }

    fn can_be_lost(&mut self, shape: &'p Shape) -> bool {
        *self.losses.entry(std::ptr::from_ref(shape).addr()).or_insert_with(|| shape.can_be_lost())
    }

    fn tuple_of(&mut self, id: Id) -> Result<()> {
        if self.value(id).kind() == Kind::Tuple {
            return Ok(());
        }
        Err(Error::refused(Rule::Call, "the arguments are no tuple"))
    }

    /// Pays for the memory of what a call may copy: the same argument can be given to many calls.
    fn copy(&mut self, args: Id, sets: bool) -> Result<()> {
        let each = if sets { 64 } else { 16 };
        let flat = |value: Value<'_, '_>| match value.kind() {
            Kind::Bytes | Kind::ByteArray | Kind::String => value.as_bytes().map_or(0, <[u8]>::len),
            Kind::Text => value.text_bytes().map_or(0, <[u8]>::len),
            Kind::List | Kind::Tuple | Kind::Set | Kind::FrozenSet => each * value.items().len(),
            Kind::Dict => each * value.entries().len(),
            Kind::Instance => numpy::bytes_len(value).unwrap_or(0),
            _ => 0,
        };
        let args = self.value(args);
        let parts = if args.kind() == Kind::Tuple { args.items().map(flat).sum() } else { 0 };
        match self.memory.checked_sub((flat(args) + parts) as u64) {
            Some(left) => self.memory = left,
            None => return Err(Error::refused(Rule::BudgetMemory, Rule::BudgetMemory.meaning())),
        }
        Ok(())
    }

    /// Judges a construction by `__new__`.
    fn check_construct(&mut self, class: Id, args: Id, kwargs: Option<Id>) -> Result<()> {
        let Some(global) = self.known(class) else {
            return self.miss(
                Rule::Construct,
                None,
                |_| Use::Other,
                "what is constructed is no global".into(),
            );
        };
        self.tuple_of(args)?;
        self.copy(args, false)?;
        let capability = self.globals[global].capability;
        let shape = capability.and_then(|capability| capability.construct.as_ref());
        let fits = shape.is_some_and(|shape| self.fits(args, shape, Rule::Construct));
        let keywords_fit = match kwargs {
            None => true,
            Some(kwargs) if self.value(kwargs).kind() != Kind::Dict => {
                return Err(Error::refused(Rule::Construct, "the keyword arguments are no dict"));
            }
            Some(kwargs) if self.value(kwargs).is_empty() => true,
            Some(kwargs) => capability
                .and_then(|capability| capability.keywords.as_ref())
                .is_some_and(|shape| self.fits(kwargs, shape, Rule::Construct)),
        };
        if !fits || !keywords_fit {
            let what =
                if shape.is_some() { "may not be constructed like this" } else { "may not be constructed" };
            let message = format!("{} {what}", self.title(global));
            let used = |this: &Self| Use::Construct {
                args: shape_of(this.value(args), &this),
                keywords: kwargs.map(|kwargs| shape_of(this.value(kwargs), &this)),
            };
            self.miss(Rule::Construct, Some(global), used, message)?;
        }
        if let Some(native) = capability.and_then(|capability| capability.native) {
            native.call(self, args)?;
        }
        self.globals[global].uses.construct = true;
        Ok(())
    }

    /// Judges a call.
    fn check_call(&mut self, callable: Id, args: Id) -> Result<()> {
        self.check_call_with(callable, args, None)
    }

    /// Judges a call of what is no global: of a partial, or of the `__new__` of a class. Whether it is one.
    fn check_call_of_made(&mut self, callable: Id, args: Id) -> Result<bool> {
        if let Some(owner) = self.owner_of_new(callable) {
            self.check_new(owner, args, None)?;
            return Ok(true);
        }
        let Some((function, before, keywords)) = self.partial(callable) else { return Ok(false) };
        let all: Vec<Id> =
            [before, args].into_iter().flat_map(|part| self.value(part).items()).map(Value::id).collect();
        let restricted = all.iter().any(|&item| self.restricted.contains(item));
        let all = self.builder.scratch_tuple(&all)?;
        self.restrict_if(all, restricted);
        let keywords = Some(keywords).filter(|&keywords| !self.value(keywords).is_none());
        match self.owner_of_new(function) {
            Some(owner) => self.check_new(owner, all, keywords)?,
            None => self.check_call_with(function, all, keywords)?,
        }
        Ok(true)
    }

    /// Judges `owner.__new__(class, *args, **keywords)`, where the owner is the class itself, or `object`.
    fn check_new(&mut self, owner: usize, args: Id, keywords: Option<Id>) -> Result<()> {
        self.tuple_of(args)?;
        let parts: Vec<Id> = self.value(args).items().map(Value::id).collect();
        let plain = names(&self.globals[owner].key) == ("builtins", "object");
        match parts.split_first() {
            Some((&class, rest)) if self.known(class) == Some(owner) || plain && rest.is_empty() => {
                let restricted = rest.iter().any(|&item| self.restricted.contains(item));
                let rest = self.builder.scratch_tuple(rest)?;
                self.restrict_if(rest, restricted);
                self.check_construct(class, rest, keywords)
            }
            _ => Err(Error::refused(
                Rule::Construct,
                format!("{}.__new__ is called with another class", self.title(owner)),
            )),
        }
    }

    /// Judges a call with keyword arguments.
    fn check_call_with(&mut self, callable: Id, args: Id, keywords: Option<Id>) -> Result<()> {
        let keywords = match keywords {
            Some(keywords) if self.value(keywords).kind() != Kind::Dict => {
                return Err(Error::refused(Rule::Call, "the keyword arguments are no dict"));
            }
            keywords => keywords.filter(|&keywords| !self.value(keywords).is_empty()),
        };
        let Some(global) = self.known(callable) else {
            if keywords.is_none() && self.check_call_of_made(callable, args)? {
                return Ok(());
            }
            if keywords.is_none() && self.is_type_of_none(callable) && self.value(args).is_empty() {
                return self.tuple_of(args);
            }
            if let Some(shape) = self.member_call(callable) {
                self.tuple_of(args)?;
                if self.fits(args, shape, Rule::Call) {
                    return Ok(());
                }
            }
            let message = "what is called is not a global but something that the stream made".into();
            return self.miss(Rule::Call, None, |_| Use::Other, message);
        };
        self.tuple_of(args)?;
        if keywords.is_some() && self.is_helper(global) {
            let message = format!("{} takes no keyword arguments", self.title(global));
            return Err(Error::refused(Rule::Call, message));
        }
        match names(&self.globals[global].key) {
            ("copyreg", "_reconstructor") => return self.check_reconstructor(args),
            ("copyreg", "__newobj__") => {
                let Some(class) = self.value(args).item(0).map(Value::id) else {
                    return Err(Error::refused(Rule::Construct, "copyreg.__newobj__ without a class"));
                };
                let rest: Vec<Id> = self.value(args).items().skip(1).map(Value::id).collect();
                let rest = self.builder.scratch_tuple(&rest)?;
                return self.check_construct(class, rest, None);
            }
            ("copyreg", "__newobj_ex__") => {
                let parts: Vec<Id> = self.value(args).items().map(Value::id).collect();
                let &[class, args, kwargs] = parts.as_slice() else {
                    return Err(Error::refused(
                        Rule::Construct,
                        "copyreg.__newobj_ex__ takes three arguments",
                    ));
                };
                return self.check_construct(class, args, Some(kwargs));
            }
            GETATTR => return self.check_getattr(args),
            PARTIAL => return self.check_partial(args),
            _ => {}
        }
        let capability = self.globals[global].capability;
        self.copy(args, capability.is_some_and(|capability| capability.native == Some(Native::Elements)))?;
        let shape = capability.and_then(|capability| capability.call.as_ref());
        let generic = names(&self.globals[global].key) == GETITEM && self.is_generic(args)
            || capability.is_some_and(|capability| capability.native == Some(Native::Array))
                && self.is_array_class(args);
        if !generic && !shape.is_some_and(|shape| self.fits(args, shape, Rule::Call)) {
            let what = if shape.is_some() { "may not be called like this" } else { "may not be called" };
            let message = format!("{} {what}", self.title(global));
            let used = |this: &Self| Use::Call(shape_of(this.value(args), &this));
            self.miss(Rule::Call, Some(global), used, message)?;
        }
        if let Some(keywords) = keywords {
            self.copy(keywords, false)?;
            let shape = capability.and_then(|capability| capability.keywords.as_ref());
            if !shape.is_some_and(|shape| self.fits(keywords, shape, Rule::Call)) {
                let message = format!("{} may not be called with these keywords", self.title(global));
                let used = |this: &Self| Use::Keywords(shape_of(this.value(keywords), &this));
                self.miss(Rule::Call, Some(global), used, message)?;
            }
        }
        if let Some(native) = capability.and_then(|capability| capability.native) {
            native.call(self, args)?;
        }
        self.globals[global].uses.call = true;
        Ok(())
    }

    /// Whether this is `type(None)`, which makes nothing but `None`.
    fn is_type_of_none(&self, id: Id) -> bool {
        let made = self.value(id).as_instance();
        made.is_some_and(|made| made.args().len() == 1 && made.args().item(0).is_some_and(Value::is_none))
            && self.origin_names(id) == Some(("builtins", "type"))
    }

    /// Whether `class[arguments]` is granted for the class.
    fn is_generic(&self, args: Id) -> bool {
        let class = self.value(args).item(0).and_then(|class| self.known(class.id()));
        let capability = class.and_then(|class| self.globals[class].capability);
        self.value(args).len() == 2
            && !self.restricted.contains(args)
            && capability.is_some_and(|capability| capability.members.contains(ARGUMENTS))
    }

    /// Whether arguments are those of which an array is made that is given its memory later, of a class of which arrays may be made.
    fn is_array_class(&self, args: Id) -> bool {
        let parts: Vec<Value<'_, '_>> = self.value(args).items().collect();
        let &[class, shape, code] = parts.as_slice() else { return false };
        let class = self.known(class.id()).and_then(|class| self.globals[class].capability);
        class.is_some_and(|class| class.value && class.members.contains(ARRAYS))
            && shape.kind() == Kind::Tuple
            && shape.len() == 1
            && shape.item(0).and_then(Value::as_i64) == Some(0)
            && numpy::bytes_len(code) == Some(1)
    }

    /// What in a state is the memory of an array: of a class of a program's own it may be the first of two, the second of which are its
    /// attributes, or the first five parts of more. The others are for its own code to look at; what is handed on to numpy is what was
    /// judged.
    fn memory_in(&mut self, instance: Id, state: Id) -> Result<Id> {
        let class = self.value(instance).as_instance().and_then(|made| made.args().item(0));
        let class = class.and_then(|class| self.known(class.id())).map(|class| &self.globals[class].key);
        if class.is_none_or(|class| is_known(&class.0)) {
            return Ok(state);
        }
        let parts: Vec<Value<'_, '_>> = self.value(state).items().take(16).collect();
        let is_memory = |content: Value<'_, '_>| content.kind() != Kind::List;
        let is_data = |own: Value<'_, '_>| {
            matches!(own.kind(), Kind::Dict | Kind::None | Kind::Text | Kind::Int | Kind::Float)
        };
        // Whoever takes these for a memory finds no dtype.
        let is_own = |own: Value<'_, '_>| {
            let of_numpy = |value: Value<'_, '_>| {
                value.kind() == Kind::Instance
                    && self.origin_names(value.id()).is_none_or(|(module, _)| is_known(module))
            };
            is_data(own)
                || own.kind() == Kind::Tuple
                    && own.items().all(|part| !of_numpy(part) && part.kind() != Kind::Tuple)
        };
        match *parts.as_slice() {
            [memory, own]
                if memory.kind() == Kind::Tuple && memory.item(4).is_some_and(is_memory) && is_data(own) =>
            {
                Ok(memory.id())
            }
            [_, _, _, _, content, ref own @ ..]
                if !own.is_empty() && is_memory(content) && own.iter().all(|own| is_own(*own)) =>
            {
                let memory: Vec<Id> = parts[..5].iter().map(|part| part.id()).collect();
                self.builder.scratch_tuple(&memory)
            }
            _ => Ok(state),
        }
    }

    /// Whether an attribute is what generic classes note of the arguments with which they were called.
    fn is_noted_class(&self, name: &str, value: Value<'_, '_>) -> bool {
        name == "__orig_class__"
            && self.origin_names(value.id()).is_some_and(|origin| {
                [GETITEM, ("types", "GenericAlias"), ("typing", "_GenericAlias")].contains(&origin)
            })
    }

    /// Judges `copyreg._reconstructor(class, base, state)`.
    fn check_reconstructor(&mut self, args: Id) -> Result<()> {
        let parts: Vec<Id> = self.value(args).items().map(Value::id).collect();
        let &[class, base, state] = parts.as_slice() else {
            return Err(Error::refused(Rule::Construct, "copyreg._reconstructor takes three arguments"));
        };
        let base = self.known(base).map(|base| self.globals[base].key.clone());
        let base = base.as_ref().filter(|key| key.0 == "builtins").map(|key| key.1.as_str());
        let value = self.value(state);
        let fits = match base {
            Some("object") => value.is_none(),
            Some("dict") => value.kind() == Kind::Dict,
            Some("list") => value.kind() == Kind::List,
            Some("tuple") => value.kind() == Kind::Tuple,
            Some("int") => matches!(value.kind(), Kind::Int | Kind::Bool),
            Some("float") => value.kind() == Kind::Float,
            Some("str") => matches!(value.kind(), Kind::Text | Kind::String),
            Some("bytes") => numpy::bytes_len(value).is_some(),
            Some("complex") => matches!(value.kind(), Kind::Instance),
            Some("set" | "frozenset") => matches!(value.kind(), Kind::Set | Kind::FrozenSet | Kind::Instance),
            _ => false,
        };
        if !fits {
            return Err(Error::refused(
                Rule::Construct,
                "copyreg._reconstructor with a base and a state that do not go together",
            ));
        }
        self.check_free(&[state])?;
        if base == Some("tuple") {
            // A named tuple, whose items are its arguments elsewhere.
            let capability = self.known(class).and_then(|class| self.globals[class].capability);
            let shape = capability.and_then(|capability| capability.construct.as_ref());
            if shape.is_some_and(|shape| shape.holds(self.value(state), &(self as &Self))) {
                return self.check_construct(class, state, None);
            }
        }
        let plain = base == Some("object");
        let inner =
            if plain { self.builder.scratch_tuple(&[])? } else { self.builder.scratch_tuple(&[state])? };
        self.check_construct(class, inner, None)
    }

    /// Judges `getattr(object, name)`: a member of a granted enum, or a granted method of an object that the stream made.
    fn check_getattr(&mut self, args: Id) -> Result<()> {
        let parts: Vec<Id> = self.value(args).items().map(Value::id).collect();
        let (Some(&object), Some(name), 2) = (
            parts.first(),
            parts.get(1).and_then(|&name| self.value(name).as_str()).map(str::to_owned),
            parts.len(),
        ) else {
            return Err(Error::refused(Rule::Attribute, "getattr takes an object and a name"));
        };
        if let Some(global) = self.known(object).filter(|_| name == "__new__") {
            // What may be done with it is what construction may.
            self.globals[global].uses.construct = true;
            return Ok(());
        }
        let special = name.starts_with("__") || name.contains('.');
        let (owner, granted) = if let Some(global) = self.known(object) {
            let granted = self.globals[global].capability.is_some_and(|capability| {
                capability.members.contains(&name)
                    || capability.members.contains("*") && !name.starts_with('_')
            });
            self.globals[global].uses.members = true;
            (Some(global), granted && !special)
        } else {
            let origin = self.origin(object);
            let granted = origin
                .and_then(|global| self.globals[global].capability)
                .is_some_and(|capability| capability.methods.contains(&name));
            let plain = PLAIN_METHODS.contains(&name.as_str())
                && matches!(
                    self.value(object).kind(),
                    Kind::Text
                        | Kind::Bytes
                        | Kind::List
                        | Kind::Tuple
                        | Kind::Dict
                        | Kind::Set
                        | Kind::FrozenSet
                );
            (origin, (granted || plain) && !special)
        };
        if !granted {
            let of = owner.map_or_else(|| "an object".into(), |owner| self.title(owner));
            let message = format!("the attribute {name:?} of {of} may not be asked for");
            let member = self.known(object).is_some();
            let used = |_: &Self| if member { Use::Member(name) } else { Use::Method(name) };
            self.miss(Rule::Attribute, owner, used, message)?;
        }
        Ok(())
    }

    /// Whether a value was made by a member that was had by `getattr`, under its dotted name.
    fn is_made_of_member(&self, value: Value<'_, '_>, module: &str, name: &str) -> bool {
        let made_by = || {
            let member = value.as_instance()?.class().as_instance()?;
            let getattr = self.known(member.class().id())?;
            let owner = self.known(member.args().item(0)?.id())?;
            let (known, class) = names(&self.globals[owner].key);
            let dotted = format!("{class}.{}", member.args().item(1)?.as_str()?);
            Some(names(&self.globals[getattr].key) == GETATTR && known == module && dotted == name)
        };
        made_by().unwrap_or(false)
    }

    /// The arguments with which a member may be called that was had by `getattr`: as under its dotted name.
    fn member_call(&self, callable: Id) -> Option<&'p Shape> {
        let made = self.value(callable).as_instance()?;
        let getattr = self.known(made.class().id())?;
        if names(&self.globals[getattr].key) != GETATTR {
            return None;
        }
        let owner = self.known(made.args().item(0)?.id())?;
        let (module, name) = names(&self.globals[owner].key);
        let dotted = format!("{name}.{}", made.args().item(1)?.as_str()?);
        self.policy.get(module, &dotted)?.call.as_ref()
    }

    /// Judges `functools.partial(function, *args)`: as a value that may be called like this.
    fn check_partial(&mut self, args: Id) -> Result<()> {
        let parts: Vec<Id> = self.value(args).items().map(Value::id).collect();
        let Some((&function, rest)) = parts.split_first() else {
            return Err(Error::refused(Rule::Call, "functools.partial without a function"));
        };
        if self.is_function(function) && !self.may_be_called_later(function) {
            // It may be called at once: the partial is no value, either.
            return self.check_free(rest);
        }
        self.check_free(&parts)?;
        self.check_target(function)
    }

    /// Whether an object is what the stream can call: a global, or the `__new__` of a class.
    fn is_function(&self, id: Id) -> bool {
        self.known(id).map_or_else(|| self.owner_of_new(id).is_some(), |global| !self.is_helper(global))
    }

    /// Whether a global is a function that is judged by what it is given.
    fn is_helper(&self, global: usize) -> bool {
        let key = names(&self.globals[global].key);
        COPYREG.contains(&key) || [GETATTR, PARTIAL].contains(&key)
    }

    /// Judges a function that may be called later.
    fn check_target(&mut self, function: Id) -> Result<()> {
        let granted = self.may_be_called_later(function);
        let Some(global) = self.known(function) else {
            if granted {
                return Ok(());
            }
            return Err(Error::refused(Rule::Call, "functools.partial of something that is no global"));
        };
        if !granted {
            let message = format!("{} may not be called later", self.title(global));
            self.miss(Rule::Call, Some(global), |_| Use::Later, message)?;
        }
        self.globals[global].uses.value = true;
        Ok(())
    }

    /// Judges `BUILD`.
    fn check_state(&mut self, instance: Id, state: Id) -> Result<()> {
        if self.is_partial(instance) {
            self.copy(state, false)?;
            return self.check_partial_state(instance, state);
        }
        self.check_free(&[state])?;
        self.copy(state, false)?;
        if self.value(instance).as_instance().is_none() {
            let what = self.value(instance).kind().name();
            let global = self.known(instance);
            return self.miss(
                Rule::Ownership,
                global,
                |_| Use::Other,
                format!("a {what} may not be given state"),
            );
        }
        let Some(global) = self.origin(instance) else {
            let message = "state for an object that was not made of a global".into();
            return self.miss(Rule::Ownership, None, |_| Use::Other, message);
        };
        let capability = self.globals[global].capability;
        let is_array = capability.is_some_and(|capability| capability.native == Some(Native::Array));
        let (whole, state) = (state, if is_array { self.memory_in(instance, state)? } else { state });
        let rights = capability.map_or(&State::None, |capability| &capability.state);
        let problem = match rights {
            State::None => Some(format!("objects of {} may not be given state", self.title(global))),
            State::SetState(_)
                if self.value(instance).changes().any(|change| change.kind() == ChangeKind::State) =>
            {
                // No pickler does that, and the first may have put a way of its own in the place of the class's.
                return Err(Error::refused(
                    Rule::State,
                    "a second state for an object that has its state already",
                ));
            }
            State::SetState(shape) => {
                self.globals[global].uses.setstate = true;
                let shape: &'p Shape = shape;
                (!self.fits(state, shape, Rule::State))
                    .then(|| format!("objects of {} may not be given this state", self.title(global)))
            }
            State::Attributes(fields) => {
                self.globals[global].uses.attributes = true;
                self.check_attributes(state, fields.as_ref())
                    .map(|what| format!("objects of {} may not be given {what}", self.title(global)))
            }
        };
        if let Some(message) = problem {
            let used = |this: &Self| match this.special_attributes(state) {
                // Only a method of the class can make something of that.
                _ if attributes(this.value(state)).any(|(name, _)| name.as_str() == Some("__dict__")) => {
                    Use::Whole(shape_of(this.value(state), &this))
                }
                fields if fields.is_empty() || matches!(rights, State::SetState(_)) => {
                    Use::State(shape_of(this.value(state), &this))
                }
                fields => Use::Fields(fields),
            };
            self.miss(Rule::State, Some(global), used, message)?;
        }
        if self.globals[global].key.0.starts_with("pandas") {
            self.keep(state)?;
        }
        if let Some(native) = capability.and_then(|capability| capability.native) {
            native.state(self, instance, state)?;
            if native == Native::Dtype {
                self.dtypes.push((instance, state));
            }
        }
        let state = whole;
        self.heavy += self.weight(self.value(instance), Some(state));
        // What an instance's hash looks at may be its state.
        let size = attributes(self.value(state))
            .fold(self.size(instance), |sum, (_, value)| sum.saturating_add(self.size(value.id())));
        self.set_size(instance, size);
        Ok(())
    }

    /// What in a state are no attributes that may be set.
    fn check_attributes(
        &mut self,
        state: Id,
        fields: Option<&'p std::collections::BTreeMap<String, Shape>>,
    ) -> Option<String> {
        let is_state = |value: Value<'_, '_>| value.is_none() || value.kind() == Kind::Dict;
        let value = self.value(state);
        let plain =
            is_state(value) || value.kind() == Kind::Tuple && value.len() == 2 && value.items().all(is_state);
        if !plain {
            return Some("a state that is no attributes".into());
        }
        let mut typed: Vec<(Id, &'p Shape)> = Vec::new();
        for (key, value) in attributes(value) {
            if !(self as &Self).spend() {
                return Some("so many attributes".into());
            }
            let Some(name) = key.as_str().filter(|_| key.kind() != Kind::Bytes) else {
                return Some("attributes whose names are no text".into());
            };
            // Texts beside an exception, which nothing but a traceback shows.
            let notes = name == "__notes__"
                && (value.is_none()
                    || value.kind() == Kind::List && value.items().all(|note| note.kind() == Kind::Text));
            // What a policy names is an attribute like others, and not what the interpreter looks at.
            let shape = fields.and_then(|fields| fields.get(name));
            let named = shape.is_some() && !HOOKS.contains(&name);
            if self.is_noted_class(name, value) {
                continue;
            }
            if name.starts_with("__") && name.ends_with("__") && !notes && !named {
                return Some(format!("the attribute {name:?}"));
            }
            if name == "args"
                && value.kind() == Kind::Instance
                && shape.is_none_or(|shape| *shape == Shape::Any)
            {
                // An exception makes a tuple of it, however long that takes.
                return Some("the attribute \"args\" of something made by a call".into());
            }
            match fields {
                None => {}
                Some(fields) => match fields.get(name).or_else(|| fields.get("*")) {
                    Some(shape) => typed.push((value.id(), shape)),
                    None => return Some(format!("the attribute {name:?}")),
                },
            }
        }
        for (id, shape) in typed {
            if !self.fits(id, shape, Rule::State) {
                return Some(format!("an attribute that is not {shape}"));
            }
        }
        None
    }

    /// The attributes in a state that have special names, which are none of the interpreter's own.
    fn special_attributes(&self, state: Id) -> Vec<(String, Shape)> {
        let special = attributes(self.value(state)).filter_map(|(key, value)| {
            let name = key.as_str()?;
            if name == "args" && value.kind() == Kind::Instance {
                // What the interpreter makes a tuple of by itself is not of a class with attributes.
                let has_attributes = |global: usize| {
                    let capability = self.globals[global].capability;
                    capability.is_none_or(|known| matches!(known.state, State::Attributes(_)))
                };
                let made_of = World::made_of(&self, value);
                let made_of = made_of.filter(|_| self.origin(value.id()).is_some_and(has_attributes));
                return made_of.map(|(module, class)| {
                    (name.to_owned(), Shape::Made(module.to_owned(), class.to_owned()))
                });
            }
            let special = name.starts_with("__") && name.ends_with("__");
            (special && !HOOKS.contains(&name) && !["__orig_class__", "__notes__"].contains(&name))
                .then(|| (name.to_owned(), shape_of(value, &self)))
        });
        special.collect()
    }

    /// The state of a `functools.partial`: (function, args, keywords, attributes).
    fn check_partial_state(&mut self, instance: Id, state: Id) -> Result<()> {
        let parts: Vec<Id> = self.value(state).items().map(Value::id).collect();
        let &[function, args, keywords, attributes] = parts.as_slice() else {
            return Err(Error::refused(Rule::State, "this is no state of a functools.partial"));
        };
        let is = |id: Id, kind: Kind| self.value(id).kind() == kind;
        if !is(args, Kind::Tuple)
            || !(is(keywords, Kind::Dict) || self.value(keywords).is_none())
            || !(self.value(attributes).is_none()
                || is(attributes, Kind::Dict) && self.value(attributes).is_empty())
        {
            return Err(Error::refused(Rule::State, "this is no state of a functools.partial"));
        }
        let changed = self.value(instance).changes().next().is_some();
        if self.restricted.contains(instance) {
            let made = self.value(instance).as_instance().and_then(|made| made.args().item(0));
            if changed || made.map(Value::id) != Some(function) {
                return Err(Error::refused(Rule::State, "a functools.partial of something else"));
            }
            // The first argument of a `__new__` is a class.
            let first = usize::from(self.owner_of_new(function).is_some());
            let free: Vec<Id> = self.value(args).items().skip(first).map(Value::id).collect();
            self.check_free(&free)?;
            return self.check_free(&[keywords]);
        }
        self.check_free(&[state])?;
        self.check_target(function)
    }

    /// Judges items for a container.
    fn check_extend(&mut self, container: Id, kind: ChangeKind, items: &[Id]) -> Result<()> {
        self.check_free(items)?;
        let value = self.value(container);
        let exact = match kind {
            ChangeKind::Append => value.kind() == Kind::List,
            ChangeKind::SetItems => value.kind() == Kind::Dict,
            _ => value.kind() == Kind::Set,
        };
        match kind {
            ChangeKind::SetItems => self.hash(items.iter().step_by(2).copied())?,
            ChangeKind::AddItems => self.hash(items.iter().copied())?,
            _ => {}
        }
        if exact {
            return Ok(());
        }
        let value = self.value(container);
        let Some(global) = self.origin(container) else {
            let what = value.kind().name();
            let known = self.known(container);
            return self.miss(
                Rule::Ownership,
                known,
                |_| Use::Other,
                format!("a {what} may not be extended by items"),
            );
        };
        if value.changes().any(|change| change.kind() == ChangeKind::State) {
            // No pickler does that, and the state could have put a method of its own in the place of the class's.
            return Err(Error::refused(Rule::Extend, "items for an object that has its state already"));
        }
        let shape = self.globals[global].capability.and_then(|capability| capability.extend.as_ref());
        let fits = shape.is_some_and(|shape| items.iter().all(|&item| self.fits(item, shape, Rule::Extend)));
        self.note_heavy(items.iter().copied());
        if !fits {
            let message = format!("objects of {} may not be extended by these items", self.title(global));
            self.miss(Rule::Extend, Some(global), |_| Use::Extend(kind), message)?;
        }
        Ok(())
    }

    /// Notes what is in the dicts and lists of a state or of arguments, which must not change any more.
    pub(super) fn keep(&mut self, id: Id) -> Result<()> {
        const DEEPEST: usize = 3;
        let mut todo = vec![(id, DEEPEST)];
        while let Some((id, depth)) = todo.pop() {
            let value = self.value(id);
            if depth == 0 || !matches!(value.kind(), Kind::Tuple | Kind::List | Kind::Dict) {
                continue;
            }
            let parts = parts_of(value);
            todo.extend(parts.iter().map(|&part| (part, depth - 1)));
            if value.kind() != Kind::Tuple {
                self.kept.push((id, parts.clone()));
            }
            self.pay(1 + parts.len() as u64)?;
        }
        Ok(())
    }

    /// What is left to judge when the stream has ended.
    pub(super) fn finish(&mut self, root: Id) -> Result<()> {
        self.check_free(&[root])?;
        for (id, shape, rule) in std::mem::take(&mut self.obligations) {
            if !shape.holds(self.value(id), &(self as &Self)) {
                let rule = if self.work.get() == 0 { Rule::BudgetWork } else { rule };
                return Err(Error::refused(
                    rule,
                    format!("something was changed after it was judged, and is no longer {shape}"),
                ));
            }
        }
        for (object, state) in std::mem::take(&mut self.dtypes) {
            if !is_dtype_state(self, object, state) {
                return Err(Error::refused(
                    Rule::State,
                    "the fields of a numpy dtype were changed after it was judged",
                ));
            }
        }
        for (container, parts) in std::mem::take(&mut self.kept) {
            if parts_of(self.value(container)) != parts {
                return Err(Error::refused(
                    Rule::State,
                    "a state of pandas that is changed after it was given",
                ));
            }
        }
        if self.has_own_hashes && !unfolded::are_quick(self.builder.graph()) {
            return Err(Error::refused(Rule::BudgetHash, Rule::BudgetHash.meaning()));
        }
        self.check_heavy(root)?;
        self.check_depth(root)?;
        for (native, object) in std::mem::take(&mut self.late) {
            native.end(self, object)?;
        }
        Ok(())
    }

    /// Notes what a call makes, or what an object that a call made is given.
    #[inline(always)]
    fn note_heavy(&mut self, given: impl IntoIterator<Item = Id>) {
        self.heavy += usize::from(given.into_iter().any(|id| is_inner(self.value(id).kind())));
    }

    /// Whether an object was made by a call of something, and not by `__new__` alone.
    fn is_heavy(&self, value: Value<'_, '_>) -> bool {
        value.as_instance().is_some_and(|made| {
            (made.construction() == Construction::Reduce
                || made.construction() == Construction::Instantiate && !made.args().is_empty())
                && self.known(made.class().id()).is_none_or(|global| {
                    let names = names(&self.globals[global].key);
                    !COPYREG.contains(&names) && names != ("collections", "OrderedDict")
                })
        })
    }

    /// How many objects made by calls an object counts for. The state that it is given now is not yet its own.
    fn weight(&self, value: Value<'_, 'a>, state: Option<Id>) -> usize {
        if !self.is_heavy(value) {
            return 0;
        }
        let state = match state {
            Some(state) => Some(self.value(state)),
            None => value.as_instance().and_then(Instance::state),
        };
        let holds_objects = state
            .filter(|state| state.kind() == Kind::Tuple)
            .and_then(|state| state.item(4))
            .is_some_and(|items| items.kind() == Kind::List);
        let is_array = || self.origin_names(value.id()).is_some_and(|(_, name)| name == "_reconstruct");
        if holds_objects && is_array() { ARRAY_OF_OBJECTS } else { 1 }
    }

    /// Makes sure that giving up the objects that calls have made does not recurse too deep.
    fn check_heavy(&self, root: Id) -> Result<()> {
        /// What is found out about an object.
        const UNKNOWN: u32 = u32::MAX;
        const OPEN: u32 = u32::MAX - 1;
        if self.heavy <= MOST_NESTED_CALLS {
            return Ok(());
        }
        let mut depths = vec![UNKNOWN; self.builder.graph().len()];
        depths[root.index()] = OPEN;
        let mut path = vec![(root, self.value(root).children(), 0)];
        while let Some((id, children, deepest)) = path.last_mut() {
            match children.next() {
                Some((_, child)) => {
                    if !is_inner(child.kind()) {
                        continue;
                    }
                    match depths[child.id().index()] {
                        UNKNOWN => {
                            depths[child.id().index()] = OPEN;
                            path.push((child.id(), child.children(), 0));
                        }
                        OPEN => {}
                        depth => *deepest = depth.max(*deepest),
                    }
                }
                None => {
                    let depth = *deepest + self.weight(self.value(*id), None) as u32;
                    if depth as usize > MOST_NESTED_CALLS {
                        return Err(Error::refused(Rule::BudgetDepth, Rule::BudgetDepth.meaning()));
                    }
                    depths[id.index()] = depth;
                    path.pop();
                    if let Some((_, _, deepest)) = path.last_mut() {
                        *deepest = depth.max(*deepest);
                    }
                }
            }
        }
        Ok(())
    }

    /// Has an object judged when the stream has ended.
    pub(super) fn judge_at_end(&mut self, native: Native, object: Id) {
        self.late.push((native, object));
    }

    /// Makes sure that whoever walks the objects does not get too deep.
    fn check_depth(&self, root: Id) -> Result<()> {
        let most = self.policy.limits.depth();
        if self.builder.graph().len() <= most {
            return Ok(());
        }
        let mut seen = Objects::default();
        seen.insert(root);
        let mut path = vec![self.value(root).children()];
        while let Some(children) = path.last_mut() {
            match children.next() {
                Some((_, child)) => {
                    if !is_inner(child.kind()) || seen.contains(child.id()) {
                        continue;
                    }
                    seen.insert(child.id());
                    if path.len() >= most {
                        return Err(Error::refused(Rule::BudgetDepth, Rule::BudgetDepth.meaning()));
                    }
                    path.push(child.children());
                }
                None => {
                    path.pop();
                }
            }
        }
        Ok(())
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

/// What a tuple, a list or a dict holds.
fn parts_of(value: Value<'_, '_>) -> Vec<Id> {
    match value.kind() {
        Kind::Dict => value.entries().flat_map(|(key, value)| [key.id(), value.id()]).collect(),
        _ => value.items().map(Value::id).collect(),
    }
}

fn malformed(fault: Fault) -> Error {
    Error::refused(Rule::Malformed, fault.to_string())
}

impl<'a> Host<'a> for Examiner<'a, '_> {
    type Value = Id;
    type Error = Error;

    fn fault(&mut self, fault: Fault) -> Error {
        malformed(fault)
    }

    fn read_error(&mut self, error: ReadError) -> Error {
        match error {
            ReadError::Truncated => malformed(Fault::Truncated),
            error => error.into(),
        }
    }

    fn at(&mut self, error: Error, place: Place) -> Error {
        let error = match error.kind() {
            ErrorKind::Refused(..) => error,
            kind => Error::refused(Rule::Malformed, kind.to_string()),
        };
        error.at(place)
    }

    #[inline(always)]
    fn opcode_at(&mut self, offset: u64) {
        self.offset = offset;
        self.builder.opcode_at(offset);
    }

    fn protocol(&mut self, protocol: u8) {
        self.protocol = protocol;
        self.builder.protocol(protocol);
    }

    #[inline(always)]
    fn none(&mut self) -> Id {
        self.builder.none()
    }

    #[inline(always)]
    fn bool(&mut self, value: bool) -> Id {
        self.builder.bool(value)
    }

    #[inline(always)]
    fn int(&mut self, value: i64) -> Result<Id> {
        self.builder.int(value)
    }

    fn int_literal(&mut self, text: &[u8]) -> Result<Id> {
        self.builder.int_literal(text)
    }

    fn long(&mut self, bytes: &[u8]) -> Result<Id> {
        self.builder.long(bytes)
    }

    #[inline(always)]
    fn float(&mut self, value: f64) -> Result<Id> {
        self.builder.float(value)
    }

    #[inline(always)]
    fn unicode(&mut self, utf8: Chunk<'a, '_>) -> Result<Id> {
        self.builder.unicode(utf8)
    }

    fn unicode_escaped(&mut self, line: Chunk<'a, '_>) -> Result<Id> {
        self.builder.unicode_escaped(line)
    }

    fn string(&mut self, bytes: Chunk<'a, '_>) -> Result<Id> {
        self.builder.string(bytes)
    }

    fn string_escaped(&mut self, literal: Chunk<'a, '_>) -> Result<Id> {
        self.builder.string_escaped(literal)
    }

    fn bytes<S: Source<'a>>(&mut self, len: usize, source: &mut S) -> Result<Id> {
        self.builder.bytes(len, source)
    }

    fn bytearray<S: Source<'a>>(&mut self, len: usize, source: &mut S) -> Result<Id> {
        self.builder.bytearray(len, source)
    }

    #[inline(always)]
    fn empty_list(&mut self) -> Result<Id> {
        self.builder.empty_list()
    }

    #[inline(always)]
    fn empty_dict(&mut self) -> Result<Id> {
        self.builder.empty_dict()
    }

    #[inline(always)]
    fn empty_set(&mut self) -> Result<Id> {
        self.builder.empty_set()
    }

    #[inline]
    fn tuple(&mut self, items: Items<'_, Id>) -> Result<Id> {
        let (mut restricted, mut size) = (false, 1u64);
        for &item in items.as_slice() {
            restricted |= self.restricted.contains(item);
            size = size.saturating_add(self.size(item));
        }
        let tuple = self.builder.tuple(items)?;
        if size > 1 {
            self.set_size(tuple, size);
        }
        self.restrict_if(tuple, restricted);
        Ok(tuple)
    }

    fn list(&mut self, items: Items<'_, Id>) -> Result<Id> {
        self.check_free(items.as_slice())?;
        self.builder.list(items)
    }

    fn dict(&mut self, items: Items<'_, Id>) -> Result<Id> {
        self.check_free(items.as_slice())?;
        self.hash(items.as_slice().iter().step_by(2).copied())?;
        self.builder.dict(items)
    }

    fn frozenset(&mut self, items: Items<'_, Id>) -> Result<Id> {
        self.check_free(items.as_slice())?;
        self.hash(items.as_slice().iter().copied())?;
        self.builder.frozenset(items)
    }

    #[inline]
    fn append(&mut self, items: Items<'_, Id>) -> Result<()> {
        self.check_extend(*items.container(), ChangeKind::Append, items.as_slice())?;
        self.builder.append(items)
    }

    #[inline]
    fn set_items(&mut self, items: Items<'_, Id>) -> Result<()> {
        self.check_extend(*items.container(), ChangeKind::SetItems, items.as_slice())?;
        self.builder.set_items(items)
    }

    fn add_items(&mut self, items: Items<'_, Id>) -> Result<()> {
        self.check_extend(*items.container(), ChangeKind::AddItems, items.as_slice())?;
        self.builder.add_items(items)
    }

    fn name(&mut self, line: Chunk<'a, '_>, encoding: LineEncoding) -> Result<Id> {
        self.builder.name(line, encoding)
    }

    fn global(&mut self, module: Id, name: Id) -> Result<Id> {
        let id = self.builder.global(module, name)?;
        let (Some(module), Some(name)) = (self.value(module).as_str(), self.value(name).as_str()) else {
            return Err(Error::refused(Rule::Global, "a global whose name is no text"));
        };
        let index = match self.by_name.get(&Names(module, name)) {
            Some(&index) => index,
            None => {
                let raw = (module.to_owned(), name.to_owned());
                self.meet(raw)?
            }
        };
        self.by_id.insert(id, index + 1);
        let known = &mut self.globals[index as usize];
        match known.capability {
            Some(capability) if capability.value => known.uses.value = true,
            _ => self.restricted.insert(id),
        }
        Ok(id)
    }

    fn extension(&mut self, code: u32) -> Result<Id> {
        let Some((module, name)) = self.policy.extensions.get(&code) else {
            let message = format!("the extension code {code} stands for nothing under this policy");
            self.miss(Rule::Extension, None, |_| Use::Other, message)?;
            return self.builder.extension(code);
        };
        let (module, name) = (module.clone(), name.clone());
        let module = self.builder.scratch_text(&module)?;
        let name = self.builder.scratch_text(&name)?;
        self.global(module, name)
    }

    fn reduce(&mut self, callable: Id, args: Id) -> Result<Id> {
        self.check_call(callable, args)?;
        self.heavy += usize::from(self.value(args).items().any(|argument| is_inner(argument.kind())));
        let made = self.builder.reduce(callable, args)?;
        self.note_size(made, [args]);
        self.meet_member(made);
        self.restrict_made(callable, made);
        Ok(made)
    }

    fn discard(&mut self, value: Id, below: Option<&Id>) -> Result<()> {
        self.builder.discard(value, below)
    }

    fn build(&mut self, instance: &Id, state: Id) -> Result<()> {
        self.check_state(*instance, state)?;
        self.builder.build(instance, state)
    }

    fn instantiate(&mut self, class: Id, args: Items<'_, Id>) -> Result<Id> {
        let items = args.as_slice().to_vec();
        let tuple = self.builder.scratch_tuple(&items)?;
        let restricted = items.iter().any(|&item| self.restricted.contains(item));
        self.restrict_if(tuple, restricted);
        if items.is_empty() {
            self.check_construct(class, tuple, None)?;
        } else {
            self.check_call(class, tuple)?;
        }
        self.note_heavy(items);
        let made = self.builder.instantiate(class, args)?;
        self.note_size(made, [tuple]);
        self.restrict_made(class, made);
        Ok(made)
    }

    fn new_object(&mut self, class: Id, args: Id, kwargs: Option<Id>) -> Result<Id> {
        self.check_construct(class, args, kwargs)?;
        let made = self.builder.new_object(class, args, kwargs)?;
        self.note_size(made, [args]);
        Ok(made)
    }

    fn persistent_line(&mut self, line: Chunk<'a, '_>) -> Result<Id> {
        let made = self.builder.persistent_line(line)?;
        let id = self.value(made).as_persistent().map_or(made, Value::id);
        self.check_persistent(id)?;
        Ok(made)
    }

    fn persistent(&mut self, id: Id) -> Result<Id> {
        self.check_persistent(id)?;
        self.builder.persistent(id)
    }

    fn next_buffer(&mut self) -> Result<Id> {
        self.builder.next_buffer()
    }

    fn readonly_buffer(&mut self, buffer: Id) -> Result<Id> {
        if !matches!(self.value(buffer).kind(), Kind::Buffer | Kind::ReadOnly) {
            return Err(Error::refused(Rule::Buffer, "READONLY_BUFFER on something that is no buffer"));
        }
        self.builder.readonly_buffer(buffer)
    }

    #[inline(always)]
    fn share(&mut self, value: &Id) -> Id {
        self.builder.share(value)
    }

    #[inline(always)]
    fn memo_get(&mut self, index: u64) -> Option<Id> {
        self.builder.memo_get(index)
    }

    #[inline(always)]
    fn memo_put(&mut self, index: u64, value: &Id) {
        self.builder.memo_put(index, value);
    }

    #[inline(always)]
    fn memoize(&mut self, value: &Id) {
        self.builder.memoize(value);
    }

    fn shape(&self, value: &Id) -> Outline {
        self.builder.shape(value)
    }

    fn key_text(&self, value: &Id) -> String {
        self.builder.key_text(value)
    }
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

    /// Judges a function that calls the first of its arguments with the third of them, as its own call.
    pub(super) fn check_delegate(&mut self, args: Id) -> Result<()> {
        let parts = self.value(args);
        match (parts.item(0).map(Value::id), parts.item(2).map(Value::id)) {
            (Some(function), Some(args)) => self.check_call(function, args),
            _ => Err(Error::refused(Rule::Call, "a call without a function")),
        }
    }

    /// Judges attributes that a function sets.
    pub(super) fn check_set_attributes(&mut self, state: Id) -> Result<()> {
        match self.check_attributes(state, None) {
            None => Ok(()),
            Some(what) => Err(Error::refused(Rule::State, format!("objects may not be given {what}"))),
        }
    }

    /// Takes a member of a class that was had by `getattr`, as protocols below 4 have classes within classes, for what its dotted
    /// name stands for.
    fn meet_member(&mut self, made: Id) {
        let Some(made_by) = self.value(made).as_instance() else { return };
        let is_getattr = self
            .known(made_by.class().id())
            .is_some_and(|global| names(&self.globals[global].key) == GETATTR);
        let (Some(owner), Some(name)) = (made_by.args().item(0), made_by.args().item(1)) else {
            return;
        };
        let (Some(owner), Some(name), true) = (self.known(owner.id()), name.as_str(), is_getattr) else {
            return;
        };
        if name == "__new__" {
            return;
        }
        let dotted = |key: &Key| (key.0.clone(), format!("{}.{name}", key.1));
        let (raw, key) = (dotted(&self.globals[owner].raw), dotted(&self.globals[owner].key));
        let capability = self.policy.globals.get(&key);
        if capability.is_none() && self.needs.is_none() {
            return;
        }
        let index = match self.by_name.get(&raw) {
            Some(&index) => index,
            None => {
                let index = self.globals.len() as u32;
                self.globals.push(Known {
                    raw: raw.clone(),
                    key,
                    capability,
                    uses: Uses::granted(capability),
                });
                self.by_name.insert(raw, index);
                index
            }
        };
        self.by_id.insert(made, index + 1);
    }

    /// Meets a global for the first time.
    fn meet(&mut self, raw: Key) -> Result<u32> {
        let key =
            if self.fix_imports && self.protocol < 3 { modern_names(&raw.0, &raw.1) } else { raw.clone() };
        let capability = self.policy.globals.get(&key);
        let index = self.globals.len();
        let helper =
            COPYREG.contains(&names(&key)) || [GETATTR, PARTIAL].contains(&names(&key)) || is_base(&key);
        self.globals.push(Known { raw: raw.clone(), key, capability, uses: Uses::granted(capability) });
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
