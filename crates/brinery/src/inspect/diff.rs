//! What is different between two outlines, path by path.

use super::outline::{Edge, Kind, Label, NodeId, Outline};
use crate::place::{Path, Segment};
use std::collections::{HashMap, HashSet};

/// How something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Only the first outline has it.
    Removed(NodeId),
    /// Only the second outline has it.
    Added(NodeId),
    /// Both have it, and it is not the same.
    Changed(NodeId, NodeId),
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where it is; of something added, in the second outline.
    pub path: Path,
    /// What it is.
    pub change: Change,
}

/// Finds what differs between two objects: values by path, in the order of the first.
///
/// Dicts are compared by key and sets by element, so that their order does not matter. Where lists differ in length, what
/// is equal at both ends is left out first.
///
/// ```
/// use brinery::inspect::{Outline, diff};
///
/// let a = Outline::read(b"](K\x01K\x02e.").unwrap();
/// let b = Outline::read(b"](K\x01K\x03e.").unwrap();
/// let differences: Vec<_> = diff(&a, &b).map(|difference| difference.path.to_string()).collect();
/// assert_eq!(differences, ["obj[1]"]);
/// ```
pub fn diff<'a>(a: &'a Outline<'a>, b: &'a Outline<'a>) -> impl Iterator<Item = Difference> + 'a {
    let pending = vec![Pending::Compare { nodes: (a.root(), b.root()), step: 0 }];
    Diff { a, b, steps: vec![None], pending, compared: HashSet::new() }
}

/// A step of a path and the number of the one before it, so that paths share what they have in common.
type Step = Option<(usize, Segment)>;

enum Pending {
    Compare { nodes: (NodeId, NodeId), step: usize },
    Report { change: Change, step: usize },
}

struct Diff<'a> {
    a: &'a Outline<'a>,
    b: &'a Outline<'a>,
    steps: Vec<Step>,
    pending: Vec<Pending>,
    compared: HashSet<(NodeId, NodeId)>,
}

impl Iterator for Diff<'_> {
    type Item = Difference;

    fn next(&mut self) -> Option<Difference> {
        loop {
            match self.pending.pop()? {
                Pending::Report { change, step } => {
                    return Some(Difference { path: self.path(step), change });
                }
                Pending::Compare { nodes: (a, b), step } => {
                    if !same_here(self.a, a, self.b, b) {
                        return Some(Difference { path: self.path(step), change: Change::Changed(a, b) });
                    }
                    let parts = self.a.has_edges(a) || self.b.has_edges(b);
                    if parts && self.compared.insert((a, b)) {
                        let start = self.pending.len();
                        self.compare_parts(a, b, step);
                        self.pending[start..].reverse();
                    }
                }
            }
        }
    }
}

impl Diff<'_> {
    fn path(&self, mut step: usize) -> Path {
        let mut segments = Vec::new();
        while let Some((before, segment)) = &self.steps[step] {
            segments.push(segment.clone());
            step = *before;
        }
        segments.into_iter().rev().collect()
    }

    fn step(&mut self, before: usize, segment: Segment) -> usize {
        self.steps.push(Some((before, segment)));
        self.steps.len() - 1
    }

    fn compare(&mut self, a: Edge, b: Edge, before: usize) {
        let step = self.step(before, self.a.segment(a.label));
        self.pending.push(Pending::Compare { nodes: (a.node, b.node), step });
    }

    fn removed(&mut self, edge: Edge, before: usize) {
        let step = self.step(before, self.a.segment(edge.label));
        self.pending.push(Pending::Report { change: Change::Removed(edge.node), step });
    }

    fn added(&mut self, edge: Edge, before: usize) {
        let step = self.step(before, self.b.segment(edge.label));
        self.pending.push(Pending::Report { change: Change::Added(edge.node), step });
    }

    fn compare_parts(&mut self, a: NodeId, b: NodeId, step: usize) {
        let is_item = |edge: &Edge| matches!(edge.label, Label::Index(_));
        let (items_a, named_a): (Vec<_>, Vec<_>) = self.a.edges(a).into_iter().partition(is_item);
        let (items_b, named_b): (Vec<_>, Vec<_>) = self.b.edges(b).into_iter().partition(is_item);
        self.compare_items(&items_a, &items_b, step);
        let mut by_name: HashMap<String, Vec<Edge>> = HashMap::new();
        for &edge in named_b.iter().rev() {
            by_name.entry(name(self.b, edge)).or_default().push(edge);
        }
        let mut matched = HashSet::new();
        for edge in named_a {
            match by_name.get_mut(&name(self.a, edge)).and_then(Vec::pop) {
                Some(other) => {
                    matched.insert(other.label);
                    self.compare(edge, other, step);
                }
                None => self.removed(edge, step),
            }
        }
        for edge in named_b.into_iter().filter(|edge| !matched.contains(&edge.label)) {
            self.added(edge, step);
        }
    }

    fn compare_items(&mut self, a: &[Edge], b: &[Edge], step: usize) {
        let (mut first, mut last_a, mut last_b) = (0, a.len(), b.len());
        if last_a != last_b {
            let equal = |x: Edge, y: Edge| same(self.a, x.node, self.b, y.node);
            while first < last_a.min(last_b) && equal(a[first], b[first]) {
                first += 1;
            }
            while last_a.min(last_b) > first && equal(a[last_a - 1], b[last_b - 1]) {
                last_a -= 1;
                last_b -= 1;
            }
        }
        let (a, b) = (&a[first..last_a], &b[first..last_b]);
        for (&x, &y) in a.iter().zip(b) {
            self.compare(x, y, step);
        }
        a.iter().skip(b.len()).for_each(|&edge| self.removed(edge, step));
        b.iter().skip(a.len()).for_each(|&edge| self.added(edge, step));
    }
}

/// What tells a part from its siblings where their order does not matter.
fn name(outline: &Outline<'_>, edge: Edge) -> String {
    const WIDTH: usize = 10_000;
    match edge.label {
        Label::Element(_) => format!("element {}", outline.brief(edge.node, WIDTH)),
        Label::Key(key) => format!("key {}", outline.brief(key, WIDTH)),
        Label::Attribute(key) => format!("attribute {}", outline.brief(key, WIDTH)),
        // A key that is more than its text is compared where its value is.
        Label::KeyAt(turn) => format!("key at {turn}"),
        label => format!("{label:?}"),
    }
}

/// Whether two objects are the same but for their parts.
fn same_here(outline_a: &Outline<'_>, a: NodeId, outline_b: &Outline<'_>, b: NodeId) -> bool {
    match (outline_a.kind(a), outline_b.kind(b)) {
        (Kind::List(_), Kind::List(_))
        | (Kind::Tuple(_), Kind::Tuple(_))
        | (Kind::Dict(_), Kind::Dict(_))
        | (Kind::Set(_), Kind::Set(_))
        | (Kind::FrozenSet(_), Kind::FrozenSet(_))
        | (Kind::Persistent(_), Kind::Persistent(_)) => true,
        (Kind::Float(x), Kind::Float(y)) => x.to_bits() == y.to_bits() || x.is_nan() && y.is_nan(),
        (Kind::Global { .. }, Kind::Global { .. }) => outline_a.name(a) == outline_b.name(b),
        (Kind::Instance { .. }, Kind::Instance { .. }) => outline_a.class_name(a) == outline_b.class_name(b),
        (x, y) => x == y,
    }
}

/// Whether two objects are the same with all their parts.
fn same(outline_a: &Outline<'_>, a: NodeId, outline_b: &Outline<'_>, b: NodeId) -> bool {
    let mut pending = vec![(a, b)];
    let mut compared = HashSet::new();
    while let Some((a, b)) = pending.pop() {
        if !same_here(outline_a, a, outline_b, b) {
            return false;
        }
        if !(outline_a.has_edges(a) || outline_b.has_edges(b)) || !compared.insert((a, b)) {
            continue;
        }
        let (edges_a, edges_b) = (outline_a.edges(a), outline_b.edges(b));
        if edges_a.len() != edges_b.len() {
            return false;
        }
        let is_item = |edge: &Edge| matches!(edge.label, Label::Index(_));
        let (items_a, named_a): (Vec<_>, Vec<_>) = edges_a.into_iter().partition(is_item);
        let (items_b, named_b): (Vec<_>, Vec<_>) = edges_b.into_iter().partition(is_item);
        if items_a.len() != items_b.len() {
            return false;
        }
        pending.extend(items_a.iter().zip(&items_b).map(|(x, y)| (x.node, y.node)));
        let mut by_name: HashMap<String, NodeId> = HashMap::new();
        by_name.extend(named_b.iter().map(|&edge| (name(outline_b, edge), edge.node)));
        for edge in named_a {
            match by_name.remove(&name(outline_a, edge)) {
                Some(other) => pending.push((edge.node, other)),
                None => return false,
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(a: &[u8], b: &[u8]) -> Vec<String> {
        let (a, b) = (Outline::read(a).unwrap(), Outline::read(b).unwrap());
        let describe = |difference: Difference| match difference.change {
            Change::Removed(id) => format!("- {} {}", difference.path, a.brief(id, 40)),
            Change::Added(id) => format!("+ {} {}", difference.path, b.brief(id, 40)),
            Change::Changed(x, y) => format!("~ {} {} {}", difference.path, a.brief(x, 40), b.brief(y, 40)),
        };
        diff(&a, &b).map(describe).collect()
    }

    #[test]
    fn dicts_and_sets_have_no_order() {
        let a = b"}(X\x01\0\0\0aK\x01X\x01\0\0\0bK\x02u.";
        let b = b"}(X\x01\0\0\0bK\x02X\x01\0\0\0aK\x01u.";
        assert!(differences(a, b).is_empty());
        assert!(differences(b"\x8f(K\x01K\x02\x90.", b"\x8f(K\x02K\x01\x90.").is_empty());
        assert_eq!(differences(b"\x8f(K\x01\x90.", b"\x8f(K\x02\x90."), ["- obj{0} 1", "+ obj{0} 2"]);
        assert_eq!(differences(b"}K\x01K\x02s.", b"}K\x01K\x03s."), ["~ obj[1] 2 3"]);
    }

    #[test]
    fn states_given_by_functions_count() {
        let given = |value: u8| format!("cm\nC\n)Rp0\ncm\nset\n(g0\nI{value}\ntR0.").into_bytes();
        assert!(differences(&given(1), &given(1)).is_empty());
        let found = differences(&given(1), &given(2));
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with(" 1 2"), "{found:?}");
    }

    #[test]
    fn an_item_put_in_is_one_difference() {
        assert_eq!(differences(b"](K\x01K\x02e.", b"](K\x00K\x01K\x02e."), ["+ obj[0] 0"]);
        assert_eq!(differences(b"](K\x01K\x02K\x03e.", b"](K\x01K\x03e."), ["- obj[1] 2"]);
    }

    #[test]
    fn cycles_end_and_spelling_does_not_matter() {
        assert!(differences(b"]q\0h\0a.", b"]\x94h\0a.").is_empty());
        assert!(differences(b"(lI1\na.", b"]K\x01a.").is_empty());
        assert_eq!(differences(b"]q\0h\0a.", b"]]a."), ["- obj[0][0] [[[[[[[...]]]]]]]"]);
    }

    #[test]
    fn deep_nesting_is_no_trouble() {
        let nested = |bottom: u8| {
            let mut input = vec![b']'; 100_000];
            input.extend([b'K', bottom]);
            input.extend(std::iter::repeat_n(b'a', 100_000));
            input.push(b'.');
            input
        };
        assert_eq!(differences(&nested(1), &nested(2)).len(), 1);
    }
}
