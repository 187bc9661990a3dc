//! The trees of scikit-learn, whose nodes are places in memory.

use super::examine::Examiner;
use super::numpy::array;
use crate::value::{Id, Value};

/// `(features, classes of each output, outputs)`
pub(super) fn is_tree(examiner: &Examiner<'_, '_>, args: Id) -> bool {
    let args = examiner.value(args);
    let (Some(classes), Some(outputs)) = (args.item(1), args.item(2).and_then(Value::as_i64)) else {
        return false;
    };
    let classes = array(examiner, classes).and_then(|classes| classes.integers());
    classes.is_some_and(|classes| {
        i64::try_from(classes.len()) == Ok(outputs)
            && classes.iter().all(|count| (1..1 << 31).contains(count))
    })
}

/// The dict of the nodes of a tree: each child comes after its parent and is there, each feature exists.
pub(super) fn is_tree_state(examiner: &Examiner<'_, '_>, object: Id, state: Id) -> bool {
    let state = examiner.value(state);
    let args = examiner.value(object).as_instance().map(crate::value::Instance::args);
    let features = args.and_then(|args| args.item(0)?.as_i64());
    let count = state.get("node_count").and_then(Value::as_i64);
    let nodes = state.get("nodes").and_then(|nodes| array(examiner, nodes));
    let values = state.get("values").and_then(|values| array(examiner, values));
    let (Some(features), Some(count), Some(nodes), Some(values)) = (features, count, nodes, values) else {
        return false;
    };
    let depth =
        state.get("max_depth").and_then(Value::as_i64).is_some_and(|depth| (0..1 << 31).contains(&depth));
    let sizes = nodes.dims == [count as u64]
        && values.dims.first() == Some(&(count as u64))
        && values.dims.len() == 3;
    depth
        && sizes
        && !values.is_object()
        && children_fit(examiner, &nodes, ["left_child", "right_child"], Some(features))
}

fn children_fit(
    examiner: &Examiner<'_, '_>,
    nodes: &super::numpy::Array<'_>,
    sides: [&str; 2],
    features: Option<i64>,
) -> bool {
    let [left, right] = sides.map(|side| nodes.field(examiner, side));
    let (Some(left), Some(right), Some(feature)) = (left, right, nodes.field(examiner, "feature")) else {
        return false;
    };
    let count = left.len() as i64;
    (0i64..).zip(left.into_iter().zip(right).zip(feature)).all(|(node, ((left, right), feature))| {
        let is_leaf = left == -1;
        let inner = (node + 1..count).contains(&left) && (node + 1..count).contains(&right);
        is_leaf || inner && feature >= 0 && features.is_none_or(|features| feature < features)
    })
}

/// `(data, index, nodes, bounds, leaf size, levels, nodes, ...)`: a tree of neighbours.
pub(super) fn is_neighbour_state(examiner: &Examiner<'_, '_>, state: Id) -> bool {
    let state = examiner.value(state);
    let part = |index: usize| state.item(index).and_then(|part| array(examiner, part));
    let number = |index: usize| state.item(index).and_then(Value::as_i64);
    let (Some(data), Some(index), Some(nodes), Some(bounds)) = (part(0), part(1), part(2), part(3)) else {
        return false;
    };
    let (Some(leaf), Some(levels), Some(node_count)) = (number(4), number(5), number(6)) else {
        return false;
    };
    let [samples, features] = data.dims.as_slice() else { return false };
    let samples = *samples as i64;
    let (Some(starts), Some(ends), Some(places)) =
        (nodes.field(examiner, "idx_start"), nodes.field(examiner, "idx_end"), index.integers())
    else {
        return false;
    };
    let whole = nodes.dims == [node_count as u64]
        && (1..40).contains(&levels)
        && node_count == (1i64 << levels) - 1
        && leaf > 0
        && index.dims == [samples as u64]
        && bounds.dims.get(1) == Some(&(node_count as u64))
        && bounds.dims.get(2) == Some(features)
        && !data.is_object()
        && !bounds.is_object();
    whole
        && places.iter().all(|place| (0..samples).contains(place))
        && starts.iter().zip(&ends).all(|(start, end)| 0 <= *start && start <= end && *end <= samples)
}
