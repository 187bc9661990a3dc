//! What is judged of the whole: when the stream has ended, and how deep it is.

use super::{COPYREG, Examiner, Obligation, is_inner, names};
use crate::error::{Error, Result};
use crate::policy::by_id::Objects;
use crate::policy::limits::{ARRAY_OF_OBJECTS, MOST_NESTED_CALLS};
use crate::policy::native::Native;
use crate::policy::numpy::is_dtype_state;
use crate::policy::rule::Rule;
use crate::policy::unfolded;
use crate::value::{Construction, Id, Instance, Kind, Value};

impl<'a> Examiner<'a, '_> {
    /// Whether an object is within itself.
    pub(in crate::policy) fn is_within_itself(&self, object: Id) -> Result<bool> {
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

    /// Notes what is in the dicts and lists of a state or of arguments, which must not change any more.
    pub(in crate::policy) fn keep(&mut self, id: Id) -> Result<()> {
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
    pub(in crate::policy) fn finish(&mut self, root: Id) -> Result<()> {
        self.check_free(&[root])?;
        self.check_within()?;
        for Obligation { object, shape, rule, parts } in std::mem::take(&mut self.obligations) {
            let value = self.value(object);
            if parts.is_some_and(|parts| parts as usize == value.parts().len()) {
                continue;
            }
            if !shape.holds(value, &(self as &Self)) {
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
        if self.has_own_hashes {
            if !unfolded::are_quick(self.builder.graph()) {
                return Err(Error::refused(Rule::BudgetHash, Rule::BudgetHash.meaning()));
            }
            self.check_numbers()?;
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
    pub(super) fn note_heavy(&mut self, given: impl IntoIterator<Item = Id>) {
        self.heavy += usize::from(given.into_iter().any(|id| is_inner(self.value(id).kind())));
    }

    /// Whether an object was made by a call of something, and not by `__new__` alone.
    pub(super) fn is_heavy(&self, value: Value<'_, '_>) -> bool {
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
    pub(super) fn weight(&self, value: Value<'_, 'a>, state: Option<Id>) -> usize {
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
    pub(super) fn check_heavy(&self, root: Id) -> Result<()> {
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
    pub(in crate::policy) fn judge_at_end(&mut self, native: Native, object: Id) {
        self.late.push((native, object));
    }

    /// Makes sure that whoever walks the objects does not get too deep.
    pub(super) fn check_depth(&self, root: Id) -> Result<()> {
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
}

/// What a tuple, a list or a dict holds.
fn parts_of(value: Value<'_, '_>) -> Vec<Id> {
    match value.kind() {
        Kind::Dict => value.entries().flat_map(|(key, value)| [key.id(), value.id()]).collect(),
        _ => value.items().map(Value::id).collect(),
    }
}
