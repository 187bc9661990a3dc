//! The trees of scikit-learn, whose nodes are places in memory.

use super::examine::Examiner;
use super::numpy::{Array, all_within, array, state_of};
use crate::value::{Id, Instance, Value};

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
    let features = features(examiner.value(object));
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
    let fields = ["left_child", "right_child", "feature"].map(|name| nodes.field(examiner, name));
    let [Some(left), Some(right), Some(feature)] = fields else { return false };
    let fits =
        (0i64..).zip(left.into_iter().zip(right).zip(feature)).all(|(node, ((left, right), feature))| {
            let is_leaf = left == -1;
            let inner = (node + 1..count).contains(&left) && (node + 1..count).contains(&right);
            is_leaf || inner && (0..features).contains(&feature)
        });
    depth && sizes && !values.is_object() && fits
}

/// How many features a tree was made for.
pub(super) fn features(tree: Value<'_, '_>) -> Option<i64> {
    tree.as_instance().map(Instance::args)?.item(0)?.as_i64()
}

/// The trees of histogram gradient boosting: each child comes after its parent and is there.
pub(super) fn is_predictor_state(examiner: &Examiner<'_, '_>, state: Id) -> bool {
    let state = examiner.value(state);
    let Some(nodes) = state.get("nodes").and_then(|nodes| array(examiner, nodes)) else { return false };
    let sets = ["raw_left_cat_bitsets", "binned_left_cat_bitsets"].map(|name| {
        let sets = array(examiner, state.get(name)?)?;
        let &[count, 8] = sets.dims.as_slice() else { return None };
        i64::try_from(count).ok()
    });
    let fields = ["left", "right", "feature_idx", "is_leaf", "is_categorical", "bitset_idx"];
    let [Some(left), Some(right), Some(feature), Some(leaf), Some(categorical), Some(set)] =
        fields.map(|name| nodes.field(examiner, name))
    else {
        return false;
    };
    let [Some(raw), Some(binned)] = sets else { return false };
    let count = left.len();
    nodes.dims.len() == 1
        && count > 0
        && (0..count).all(|node| {
            let later = |child: i64| (node as i64 + 1..count as i64).contains(&child);
            let in_sets = (0..raw.min(binned)).contains(&set[node]);
            leaf[node] != 0
                || later(left[node])
                    && later(right[node])
                    && feature[node] >= 0
                    && (categorical[node] == 0 || in_sets)
        })
}

/// Whether the nodes of a tree of histogram gradient boosting ask for features that exist, and for categories only of those
/// that have some.
pub(super) fn predictor_asks_for(
    examiner: &Examiner<'_, '_>,
    predictor: Value<'_, '_>,
    categorical: &[i64],
) -> Option<bool> {
    let nodes = array(examiner, state_of(predictor)?.get("nodes")?)?;
    let (leaf, feature) = (nodes.field(examiner, "is_leaf")?, nodes.field(examiner, "feature_idx")?);
    let by_category = nodes.field(examiner, "is_categorical")?;
    Some(leaf.into_iter().zip(feature).zip(by_category).all(|((leaf, feature), by_category)| {
        let of_feature = usize::try_from(feature).ok().and_then(|feature| categorical.get(feature));
        leaf != 0 || of_feature.is_some_and(|&has_some| by_category == 0 || has_some != 0)
    }))
}

/// `(data, index, nodes, bounds, leaf size, levels, nodes, counters, metric, weights)`: a tree of neighbours.
pub(super) fn is_neighbour_state(examiner: &Examiner<'_, '_>, object: Id, state: Id) -> bool {
    let is_ball = examiner.origin_names(object).is_some_and(|(module, _)| module.ends_with("_ball_tree"));
    neighbours_fit(examiner, is_ball, examiner.value(state)).is_some()
}

fn neighbours_fit(examiner: &Examiner<'_, '_>, is_ball: bool, state: Value<'_, '_>) -> Option<()> {
    let part = |index: usize| array(examiner, state.item(index)?);
    let number = |index: usize| state.item(index)?.as_i64();
    let (data, index, nodes, bounds) = (part(0)?, part(1)?, part(2)?, part(3)?);
    let (leaf, levels, count) = (number(4)?, number(5)?, number(6)?);
    let &[samples, features] = data.dims.as_slice() else { return None };
    let len = i64::try_from(samples).ok()?;
    let (starts, ends, leaves) = (
        nodes.field(examiner, "idx_start")?,
        nodes.field(examiner, "idx_end")?,
        nodes.field(examiner, "is_leaf")?,
    );
    let whole = (1..40).contains(&levels)
        && count == (1i64 << levels) - 1
        && leaf > 0
        && nodes.dims == [count as u64]
        && index.dims == [samples]
        && bounds.dims == [if is_ball { 1 } else { 2 }, count as u64, features]
        && !data.is_object()
        && !bounds.is_object();
    let inside = all_within(&index.integers()?, samples)
        && starts.iter().zip(&ends).all(|(start, end)| 0 <= *start && start <= end && *end <= len);
    // The children of a node stand at twice its place.
    let closed = (0i64..).zip(&leaves).all(|(node, leaf)| *leaf != 0 || 2 * node + 2 < count);
    let weights = state.item(12).is_none_or(|weights| {
        weights.is_none() || array(examiner, weights).is_some_and(|weights| weights.dims == [samples])
    });
    (whole && inside && closed && weights && metric_fits(examiner, state.item(11)?, features)?).then_some(())
}

/// Whether a metric goes with so many features.
fn metric_fits(examiner: &Examiner<'_, '_>, metric: Value<'_, '_>, features: u64) -> Option<bool> {
    let class = metric.as_instance()?.args().item(0)?;
    let (_, name) = examiner.global_names(class.id())?;
    let weights: Array<'_> = array(examiner, state_of(metric)?.item(1)?)?;
    let &[len] = weights.dims.as_slice() else { return None };
    Some(match name.trim_end_matches(|char: char| char.is_ascii_digit()) {
        "HaversineDistance" => features == 2,
        "MinkowskiDistance" => len == 0 || len == features,
        "SEuclideanDistance" => len == features,
        "MahalanobisDistance" => {
            let matrix = array(examiner, state_of(metric)?.item(2)?)?;
            matrix.dims == [features, features]
        }
        _ => true,
    })
}

/// `(p, weights, matrix, ...)`: the state of a metric, whose matrix is a square.
pub(super) fn is_metric_state(examiner: &Examiner<'_, '_>, state: Id) -> bool {
    let state = examiner.value(state);
    let part = |index: usize| state.item(index).map(|part| array(examiner, part));
    let weights = part(1).flatten().is_some_and(|weights| weights.dims.len() == 1);
    let square = part(2).is_none_or(|matrix| {
        matrix.is_some_and(|matrix| matches!(matrix.dims.as_slice(), [rows, columns] if rows == columns))
    });
    weights && square
}
