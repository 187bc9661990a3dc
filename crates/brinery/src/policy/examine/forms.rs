//! Deeds like earlier ones are judged by their form.
//!
//! A stream makes many objects of few kinds. Where all that one is made of holds nothing, as numbers and texts do, none of that is a
//! global or can change later; nothing is left to judge but whether it has the shape that is granted, and where that depends on
//! kinds alone, not even that if the same kinds have had it before.

use super::{Examiner, GETITEM, Obligation};
use crate::policy::capability::{Capability, State};
use crate::policy::rule::Rule;
use crate::policy::shape::Shape;
use crate::value::{Construction, Id, Kind};

/// More parts than this are not put into a form.
const MOST_PARTS: usize = 11;
/// The bits of a form that a part takes.
const BITS: u32 = 5;
/// How many forms are known of a deed.
const MOST_FORMS: usize = 4;

/// The kinds of parts that hold nothing, in their order.
type Kinds = u64;

/// Parts that hold nothing.
#[derive(Clone, Copy)]
struct Leaves {
    kinds: Kinds,
    count: usize,
    /// How many bytes texts and bytes have.
    bytes: usize,
}

/// What was granted for a global, where it depends on nothing but kinds.
#[derive(Debug, Default)]
pub(super) struct Forms {
    call: Vec<Kinds>,
    construct: Vec<Kinds>,
    state: Vec<Kinds>,
    /// The names of attributes, which were granted, and the kinds of their values that were.
    names: Vec<Id>,
    values: Vec<Kinds>,
}

/// What is judged by the form of its parts.
#[derive(Clone, Copy)]
enum Deed {
    Call,
    Construct,
    State,
}

impl Forms {
    fn of(&mut self, deed: Deed) -> &mut Vec<Kinds> {
        match deed {
            Deed::Call => &mut self.call,
            Deed::Construct => &mut self.construct,
            Deed::State => &mut self.state,
        }
    }
}

/// Notes a form, if there are not too many already.
fn note(forms: &mut Vec<Kinds>, kinds: Kinds) {
    if forms.len() < MOST_FORMS {
        forms.push(kinds);
    }
}

/// Whether nothing is done for what is made of a global but what its shapes say.
pub(super) fn is_simple((module, name): (&str, &str), capability: Option<&Capability>) -> bool {
    capability.is_some_and(|capability| capability.native.is_none())
        && !module.starts_with("pandas")
        && (module, name) != GETITEM
        && (module, name) != ("collections", "OrderedDict")
}

impl<'p> Examiner<'_, 'p> {
    /// Parts that all hold nothing.
    #[inline(always)]
    fn leaves(&self, parts: &[Id]) -> Option<Leaves> {
        if parts.len() > MOST_PARTS {
            return None;
        }
        let mut leaves = Leaves { kinds: 1, count: parts.len(), bytes: 0 };
        for &part in parts {
            let (kind, bytes) = self.value(part).leaf()?;
            leaves.kinds = leaves.kinds << BITS | kind as Kinds;
            leaves.bytes += bytes;
        }
        Some(leaves)
    }

    /// A global whose objects are judged by their form.
    #[inline(always)]
    fn simple(&self, global: Id) -> Option<usize> {
        self.known(global).filter(|&global| self.globals[global].is_simple)
    }

    /// Takes what a deed costs, if there is so much.
    #[inline(always)]
    fn takes(&mut self, work: usize, memory: usize) -> Option<()> {
        let work = self.work.get().checked_sub(work as u64)?;
        self.memory = self.memory.checked_sub(memory as u64)?;
        self.work.set(work);
        Some(())
    }

    /// Whether something made of leaves has a shape.
    #[inline(always)]
    fn has_form(
        &mut self,
        deed: Deed,
        global: usize,
        whole: Id,
        leaves: Leaves,
        shape: &Shape,
    ) -> Option<()> {
        if self.globals[global].forms.of(deed).contains(&leaves.kinds) {
            return Some(());
        }
        self.has_shape(deed, global, whole, leaves, shape)
    }

    #[inline(never)]
    fn has_shape(
        &mut self,
        deed: Deed,
        global: usize,
        whole: Id,
        leaves: Leaves,
        shape: &Shape,
    ) -> Option<()> {
        if !shape.holds(self.value(whole), &(self as &Self)) {
            return None;
        }
        if shape.is_of_kinds() {
            note(self.globals[global].forms.of(deed), leaves.kinds);
        }
        Some(())
    }

    /// Whether a call is granted, if that is to be told by the form of its arguments.
    #[inline]
    pub(super) fn calls_alike(&mut self, callable: Id, args: Id) -> bool {
        self.makes_alike(Deed::Call, callable, args).is_some()
    }

    /// The same for a construction.
    #[inline]
    pub(super) fn constructs_alike(&mut self, class: Id, args: Id) -> bool {
        self.makes_alike(Deed::Construct, class, args).is_some()
    }

    #[inline(always)]
    fn makes_alike(&mut self, deed: Deed, callable: Id, args: Id) -> Option<()> {
        let global = self.simple(callable)?;
        let capability: &'p Capability = self.globals[global].capability?;
        let shape = match deed {
            Deed::Construct => capability.construct.as_ref()?,
            _ => capability.call.as_ref()?,
        };
        let args_of = self.value(args);
        if args_of.kind() != Kind::Tuple {
            return None;
        }
        let leaves = self.leaves(args_of.parts())?;
        self.takes(1 + leaves.count, 16 * leaves.count + leaves.bytes)?;
        self.has_form(deed, global, args, leaves, shape)?;
        let uses = &mut self.globals[global].uses;
        match deed {
            Deed::Construct => uses.construct = true,
            _ => uses.call = true,
        }
        Some(())
    }

    /// Whether a state is granted, if that is to be told by its form.
    #[inline]
    pub(super) fn sets_alike(&mut self, instance: Id, state: Id) -> bool {
        self.sets_alike_if(instance, state).is_some()
    }

    #[inline(always)]
    fn sets_alike_if(&mut self, instance: Id, state: Id) -> Option<()> {
        let value = self.value(instance);
        let made = value.as_instance()?;
        if value.is_changed() {
            return None;
        }
        let called = match made.construction() {
            Construction::Reduce => true,
            Construction::Instantiate => !made.args().is_empty(),
            Construction::NewObj | Construction::NewObjEx => false,
        };
        let global = self.simple(made.class().id())?;
        let whole = self.value(state);
        let (kind, parts) = (whole.kind(), whole.parts());
        let capability: &'p Capability = self.globals[global].capability?;
        match &capability.state {
            State::None => return None,
            State::SetState(shape) => {
                let leaves = match kind {
                    Kind::Dict | Kind::Tuple => self.leaves(parts)?,
                    _ => return None,
                };
                // A state of another kind has another form.
                let leaves = Leaves { kinds: leaves.kinds << BITS | kind as Kinds, ..leaves };
                let memory =
                    if kind == Kind::Dict { 8 * leaves.count } else { 16 * leaves.count + leaves.bytes };
                self.takes(1 + leaves.count, memory)?;
                self.has_form(Deed::State, global, state, leaves, shape)?;
                if kind == Kind::Dict && self.can_be_lost(shape) {
                    let parts = Some(leaves.count as u32);
                    self.obligations.push(Obligation { object: state, shape, rule: Rule::State, parts });
                }
                self.globals[global].uses.setstate = true;
            }
            State::Attributes(fields) => {
                if kind != Kind::Dict {
                    return None;
                }
                self.has_attributes(global, state, fields.as_ref())?;
                self.globals[global].uses.attributes = true;
            }
        }
        self.heavy += usize::from(called);
        let count = if kind == Kind::Dict { self.value(state).parts().len() / 2 } else { 0 };
        self.set_size(instance, self.size(instance).saturating_add(count as u64));
        Some(())
    }

    /// Whether the attributes in a dict are granted.
    #[inline(always)]
    fn has_attributes(
        &mut self,
        global: usize,
        state: Id,
        fields: Option<&'p std::collections::BTreeMap<String, Shape>>,
    ) -> Option<()> {
        let parts = self.value(state).parts();
        let pairs = parts.as_chunks::<2>().0;
        if pairs.is_empty() || pairs.len() > MOST_PARTS {
            return None;
        }
        let (mut kinds, mut same) = (1, true);
        let forms = &self.globals[global].forms;
        let known = &forms.names;
        same &= known.len() == pairs.len();
        for (at, [name, value]) in pairs.iter().enumerate() {
            same &= known.get(at) == Some(name);
            let (kind, _) = self.value(*value).leaf()?;
            kinds = kinds << BITS | kind as Kinds;
        }
        let (count, same) = (pairs.len(), same && (fields.is_none() || forms.values.contains(&kinds)));
        self.takes(count, 16 * count)?;
        if same { Some(()) } else { self.has_new_attributes(global, state, kinds, fields) }
    }

    #[inline(never)]
    fn has_new_attributes(
        &mut self,
        global: usize,
        state: Id,
        kinds: Kinds,
        fields: Option<&'p std::collections::BTreeMap<String, Shape>>,
    ) -> Option<()> {
        if self.check_attributes(state, fields).is_some() {
            return None;
        }
        let names: Vec<Id> = self.value(state).entries().map(|(name, _)| name.id()).collect();
        let of_kinds = fields.is_none_or(|fields| {
            self.value(state).entries().all(|(name, _)| {
                let field = name.as_str().and_then(|name| fields.get(name).or_else(|| fields.get("*")));
                field.is_some_and(Shape::is_of_kinds)
            })
        });
        if of_kinds {
            let forms = &mut self.globals[global].forms;
            if forms.names != names {
                forms.names = names;
                forms.values.clear();
            }
            note(&mut forms.values, kinds);
        }
        Some(())
    }
}
