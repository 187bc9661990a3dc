//! Putting together what a damaged stream left on the stack.

use super::host::{Builder, paired};
use super::{Kind, NodeId};
use crate::opcode::Opcode;

impl Builder<'_, '_> {
    /// The object as far as it was built, with [`Kind::Damaged`] where the stream broke off.
    pub(super) fn assemble(&mut self) -> NodeId {
        let (mut stack, marks) = std::mem::take(&mut self.left);
        let damaged = self.placeholder(Kind::Damaged);
        stack.push(damaged);
        for mark in marks.into_iter().rev() {
            let mut items = stack.split_off(mark.min(stack.len()));
            while self.fold(&mut items, false) {}
            match stack.last() {
                Some(&container) if self.is_open(container) => self.fill(container, &items),
                _ => {
                    let tuple = self.placeholder(Kind::Tuple(items));
                    stack.push(tuple);
                }
            }
        }
        while self.fold(&mut stack, true) {}
        stack.first().copied().unwrap_or(damaged)
    }

    fn placeholder(&mut self, kind: Kind<'static>) -> NodeId {
        self.make(kind).unwrap_or(NodeId(0))
    }

    /// A container that a writer would be about to fill: a new one, or one at the edge of a batch.
    fn is_open(&self, id: NodeId) -> bool {
        match self.kind(id) {
            Kind::List(items) | Kind::Set(items) => items.len() % 1000 == 0,
            Kind::Dict(pairs) => pairs.len() % 1000 == 0,
            _ => false,
        }
    }

    /// Gives a container what stands above its mark.
    fn fill(&mut self, container: NodeId, items: &[NodeId]) {
        if !matches!(self.kind(container), Kind::Dict(_)) {
            return self.add_to(container, items.iter().copied());
        }
        let last = items.last().copied().filter(|_| items.len() % 2 == 1);
        self.set_in(container, paired(items).chain(last.map(|key| (key, key))));
    }

    /// Puts the last of `items` into the one before, if it belongs there; at the bottom it must belong somewhere.
    fn fold(&mut self, items: &mut Vec<NodeId>, bottom: bool) -> bool {
        let [.., container, partial] = items[..] else { return false };
        if let [.., dict, key, value] = items[..]
            && let Kind::Dict(pairs) = self.kind(dict)
            && (bottom || pairs.is_empty())
        {
            self.set_in(dict, std::iter::once((key, value)));
            items.truncate(items.len() - 2);
            return true;
        }
        match (self.kind(container), self.kind(partial)) {
            (Kind::List(list), _) if bottom || list.is_empty() => {
                self.add_to(container, std::iter::once(partial));
            }
            (Kind::Dict(pairs), Kind::Damaged) if bottom || pairs.is_empty() => {
                self.set_in(container, std::iter::once((partial, partial)));
            }
            (Kind::Instance { .. }, Kind::Dict(_)) => self.give_state(container, partial),
            (Kind::Global { .. }, Kind::Tuple(_)) => {
                let kind =
                    Kind::Instance { class: container, args: partial, kwargs: None, by: Opcode::NewObj };
                let instance = self.placeholder(kind);
                items.truncate(items.len() - 2);
                items.push(instance);
                return true;
            }
            _ if bottom => {
                let both = self.placeholder(Kind::Tuple(vec![container, partial]));
                items.truncate(items.len() - 2);
                items.push(both);
                return true;
            }
            _ => return false,
        }
        items.pop();
        true
    }
}
