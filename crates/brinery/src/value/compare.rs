//! When two graphs are the same.

use super::graph::{Graph, Id};
use super::view::{Change, Kind, Value};
use hashbrown::HashMap;

/// Two objects are equal if they are of the same kinds with the same contents in the same order, and if what is one
/// object in one is one object in the other.
///
/// Text, bytes, numbers and globals are equal by value; whether two equal texts are one object does not matter. Floats
/// are compared by their bits. This is not Python's `==`: `1` and `1.0` differ, and so do sets in another order.
impl PartialEq for Value<'_, '_> {
    fn eq(&self, other: &Self) -> bool {
        is_same(*self, *other)
    }
}

/// Graphs are equal if their roots are.
impl PartialEq<Graph<'_>> for Graph<'_> {
    fn eq(&self, other: &Graph<'_>) -> bool {
        is_same(self.root(), other.root())
    }
}

/// Whether it matters which object it is.
fn has_identity(value: Value<'_, '_>) -> bool {
    match value.kind() {
        Kind::List | Kind::Dict | Kind::Set | Kind::FrozenSet | Kind::Instance | Kind::ByteArray => true,
        Kind::Tuple if !value.is_empty() => true,
        _ => value.changes().next().is_some(),
    }
}

fn is_same(left: Value<'_, '_>, right: Value<'_, '_>) -> bool {
    let mut partner: HashMap<Id, Id, foldhash::fast::RandomState> = HashMap::default();
    let mut reverse: HashMap<Id, Id, foldhash::fast::RandomState> = HashMap::default();
    let mut open = vec![(left.id(), right.id())];
    while let Some((l, r)) = open.pop() {
        let (l, r) = (left.at(l), right.at(r));
        if has_identity(l) || has_identity(r) {
            match (partner.insert(l.id(), r.id()), reverse.insert(r.id(), l.id())) {
                (None, None) => {}
                (Some(known_r), Some(known_l)) if known_r == r.id() && known_l == l.id() => continue,
                _ => return false,
            }
        }
        if !is_same_alone(l, r) {
            return false;
        }
        let mut l_children = l.children();
        let mut r_children = r.children();
        loop {
            match (l_children.next(), r_children.next()) {
                (None, None) => break,
                (Some((_, l)), Some((_, r))) => open.push((l.id(), r.id())),
                _ => return false,
            }
        }
    }
    true
}

/// Whether two objects are the same apart from what they refer to.
fn is_same_alone(l: Value<'_, '_>, r: Value<'_, '_>) -> bool {
    if l.kind() != r.kind() || l.len() != r.len() || !have_same_changes(l, r) {
        return false;
    }
    match l.kind() {
        Kind::Bool => l.as_bool() == r.as_bool(),
        Kind::Int => match (l.as_i64(), r.as_i64()) {
            (None, None) => l.as_big_int() == r.as_big_int(),
            (l, r) => l == r,
        },
        Kind::Float => l.as_f64().map(f64::to_bits) == r.as_f64().map(f64::to_bits),
        Kind::Text => l.text_bytes() == r.text_bytes(),
        Kind::String | Kind::Bytes | Kind::ByteArray => l.as_bytes() == r.as_bytes(),
        Kind::Global => {
            let texts = |value: Value<'_, '_>| {
                let (module, name) = value.as_global()?.parts();
                Some((module.text_bytes()?.to_vec(), name.text_bytes()?.to_vec()))
            };
            texts(l) == texts(r)
        }
        Kind::Extension => l.as_extension() == r.as_extension(),
        Kind::Buffer => l.as_buffer() == r.as_buffer() && l.as_bytes() == r.as_bytes(),
        Kind::Instance => {
            let how = |value: Value<'_, '_>| {
                value.as_instance().map(|instance| (instance.construction(), instance.kwargs().is_some()))
            };
            how(l) == how(r)
        }
        Kind::None
        | Kind::List
        | Kind::Tuple
        | Kind::Dict
        | Kind::Set
        | Kind::FrozenSet
        | Kind::Persistent
        | Kind::ReadOnly => true,
    }
}

fn have_same_changes(l: Value<'_, '_>, r: Value<'_, '_>) -> bool {
    let outline = |change: Change<'_, '_>| {
        let len = match &change {
            Change::State(_) => 1,
            Change::Append(items) | Change::AddItems(items) => items.len(),
            Change::SetItems(entries) => entries.len(),
            Change::Call { args, .. } => args.len(),
        };
        (change.kind(), len)
    };
    l.changes().map(outline).eq(r.changes().map(outline))
}

#[cfg(test)]
mod tests {
    use crate::Graph;

    fn same(left: &[u8], right: &[u8]) -> bool {
        Graph::from_slice(left).unwrap() == Graph::from_slice(right).unwrap()
    }

    #[test]
    fn sharing_counts_for_what_can_change() {
        assert!(same(b"(]]t.", b"(]]t."));
        assert!(!same(b"(]]t.", b"(]2t."));
        assert!(!same(b"(]2t.", b"(]]t."));
        assert!(same(b"(X\x01\0\0\0a2t.", b"(X\x01\0\0\0aX\x01\0\0\0at."));
    }

    #[test]
    fn values_count() {
        assert!(same(b"K\x05.", b"L5L\n."));
        assert!(!same(b"K\x05.", b"K\x06."));
        assert!(!same(b"F0\n.", b"F-0\n."));
        assert!(!same(b"cm\na\n.", b"cm\nb\n."));
        assert!(!same(b"cm\na\n)R.", b"cm\na\n)\x81."));
        assert!(!same(b"cm\na\n)RNb.", b"cm\na\n)RNa."));
    }

    #[test]
    fn cycles_are_followed_once() {
        assert!(same(b"]p0\ng0\na.", b"]p7\ng7\na."));
        assert!(!same(b"]p0\ng0\na.", b"]p0\n]a."));
        assert!(!same(b"]p0\n]p1\ng0\naa.", b"]p0\n]p1\ng1\naa."));
    }
}
