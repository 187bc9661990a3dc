//! Functions and classes of a program that may be values within objects of certain classes only: a class may call what its objects
//! hold, be it while they are loaded, and so may what these hold.

use super::{COPYREG, Examiner, GETATTR, names};
use crate::error::Result;
use crate::policy::learn::is_known;
use crate::policy::need::Use;
use crate::policy::policy::Key;
use crate::policy::rule::Rule;
use crate::value::{Id, Instance, Kind, Role, Value};
use hashbrown::HashMap;
use std::collections::BTreeSet;

impl<'a> Examiner<'a, '_> {
    /// Judges, of all that the stream has made, within what objects it is. It is no matter whether they are in the result, or whether
    /// something else has taken the place of what they held.
    pub(super) fn check_within(&mut self) -> Result<()> {
        let is_bound: Vec<bool> = (0..self.globals.len()).map(|global| self.is_bound(global)).collect();
        if !is_bound.contains(&true) {
            return Ok(());
        }
        let mut bound: Vec<(Id, usize)> = Vec::new();
        let mut holders: Vec<(Id, Id)> = Vec::new();
        for value in self.builder.graph().values() {
            self.pay(1)?;
            if let Some(global) = self.calls(value).filter(|&global| is_bound[global]) {
                bound.push((value.id(), global));
            }
            for held in self.held_by(value) {
                self.pay(1)?;
                if !held.is_leaf() {
                    holders.push((held.id(), value.id()));
                }
            }
        }
        holders.sort_unstable();
        let mut within: BTreeSet<(usize, Key)> = BTreeSet::new();
        let mut globals: Vec<usize> = bound.iter().map(|&(_, global)| global).collect();
        globals.sort_unstable();
        globals.dedup();
        // So many at once as a set of them has bits.
        for some in globals.chunks(64) {
            let mut sets: HashMap<Id, u64, foldhash::fast::RandomState> = HashMap::default();
            let mut todo: Vec<Id> = Vec::new();
            for (id, global) in &bound {
                if let Ok(bit) = some.binary_search(global) {
                    *sets.entry(*id).or_default() |= 1 << bit;
                    todo.push(*id);
                }
            }
            while let Some(held) = todo.pop() {
                let set = sets.get(&held).copied().unwrap_or_default();
                let first = holders.partition_point(|&(other, _)| other < held);
                for &(_, holder) in holders[first..].iter().take_while(|&&(other, _)| other == held) {
                    self.pay(1)?;
                    let known = sets.entry(holder).or_default();
                    if set & !*known != 0 {
                        *known |= set;
                        todo.push(holder);
                    }
                }
            }
            for (id, set) in sets {
                let bits = (0..some.len()).filter(|bit| set & (1 << bit) != 0);
                if let Some(key) = self.program_of(id) {
                    within.extend(bits.map(|bit| (some[bit], key.clone())));
                }
            }
        }
        for (global, key) in within {
            let granted = self.globals[global].capability.and_then(|capability| capability.within.as_ref());
            if granted.is_some_and(|granted| granted.contains(&key)) {
                continue;
            }
            let message = format!("{} may not be within objects of {}.{}", self.title(global), key.0, key.1);
            self.miss(Rule::Value, Some(global), |_| Use::Within(key), message)?;
        }
        Ok(())
    }

    /// Whether a global may not be a value wherever it likes.
    fn is_bound(&self, global: usize) -> bool {
        let known = &self.globals[global];
        match known.capability {
            Some(capability) if capability.within.is_some() => true,
            Some(capability) if capability.value => false,
            _ => self.needs.is_some() && !is_known(&known.key.0),
        }
    }

    /// The global that whoever gets hold of a value can call: itself, or the class of which it is a bound method.
    fn calls(&self, value: Value<'_, 'a>) -> Option<usize> {
        match value.kind() {
            Kind::Instance if self.is_helped(value, &[GETATTR]) => {
                self.known(value.id()).or_else(|| self.origin(value.as_instance()?.args().item(0)?.id()))
            }
            _ => self.known(value.id()),
        }
    }

    /// Whether a value was made by one of these helpers.
    fn is_helped(&self, value: Value<'_, 'a>, helpers: &[(&str, &str)]) -> bool {
        let made_by = value.as_instance().and_then(|made| self.known(made.class().id()));
        made_by.is_some_and(|global| helpers.contains(&names(&self.globals[global].key)))
    }

    /// What a value holds. The class that it was made of is none of that.
    fn held_by<'g>(&'g self, value: Value<'g, 'a>) -> impl Iterator<Item = Value<'g, 'a>> {
        let made = value.as_instance();
        let args = made.map(Instance::args).filter(|args| args.kind() == Kind::Tuple);
        let of_class = made.is_some_and(|made| self.known(made.class().id()).is_some());
        let asked = args.and_then(|args| args.item(0)).is_some_and(|first| self.known(first.id()).is_some());
        let helped = asked && (self.is_helped(value, &COPYREG) || self.is_helped(value, &[GETATTR]));
        let rest = value.children().filter(move |(role, held)| match role {
            Role::Class => !of_class,
            // Nobody calls what a generic class was made for.
            Role::Entry(key) => !key.as_str().is_some_and(|name| self.is_noted_class(name, *held)),
            Role::Arguments => args.is_none(),
            _ => true,
        });
        let args = args.into_iter().flat_map(Value::items).skip(usize::from(helped));
        rest.map(|(_, held)| held).chain(args)
    }

    /// The names of a program's class or function that made an object.
    fn program_of(&self, id: Id) -> Option<Key> {
        let made = self.value(id).as_instance()?;
        let key = match self.origin(id) {
            Some(global) => self.globals[global].key.clone(),
            None => {
                // By a member of a class.
                let member = made.class().as_instance()?;
                let owner = self.known(member.args().item(0)?.id())?;
                let (module, class) = names(&self.globals[owner].key);
                (module.to_owned(), format!("{class}.{}", member.args().item(1)?.as_str()?))
            }
        };
        (!is_known(&key.0)).then_some(key)
    }
}
