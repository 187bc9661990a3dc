//! What scikit-learn's and scipy's native code takes for granted of the attributes of their objects: it indexes by them
//! without looking. All is judged when the stream has ended, for then nothing in it can change any more.

use super::examine::Examiner;
use super::numpy::{Array, all_within, are_bounds, array, integer, state_of};
use super::trees;
use crate::value::{Id, Kind, Value};

/// The most threads that an estimator may ask for.
const MOST_THREADS: i64 = 4096;
/// The most dimensions of a sparse matrix, and the largest of one.
const LARGEST: u64 = 1 << 47;

fn signed(value: u64) -> Option<i64> {
    i64::try_from(value).ok()
}

fn flat(examiner: &Examiner<'_, '_>, value: Value<'_, '_>) -> Option<Vec<i64>> {
    let items = array(examiner, value)?;
    if items.dims.len() == 1 { items.integers() } else { None }
}

/// An estimator: whatever of its attributes native code indexes by.
pub(super) fn is_estimator(examiner: &Examiner<'_, '_>, object: Id) -> bool {
    let Some(state) = state_of(examiner.value(object)) else { return true };
    if state.kind() != Kind::Dict {
        return true;
    }
    let features = state.get("n_features_in_").and_then(Value::as_i64);
    let within = |name: &str, least: i64| {
        state.get(name).is_none_or(|count| match integer(examiner, count) {
            Some(count) => (least..=MOST_THREADS).contains(&count),
            None => count.kind() != Kind::Int,
        })
    };
    let threads = within("_n_threads", -1) && within("n_threads", -1) && within("n_jobs", -MOST_THREADS);
    let class = examiner.origin_names(object).unwrap_or_default();
    let fit = || {
        Some(
            words_fit(examiner, state)?
                && widths_fit(examiner, class, state, features)?
                && trees_fit(examiner, class, state, features)?
                && boosting_fits(examiner, state)?
                && histograms_fit(examiner, state, features)?
                && vectors_fit(examiner, class, state)?
                && bisections_fit(examiner, state, features)?
                && neighbours_fit(examiner, state)?
                && codes_fit(examiner, state)?,
        )
    };
    threads && fit().unwrap_or(false)
}

/// Vocabularies: places in a matrix that is as wide as they are long.
fn words_fit(examiner: &Examiner<'_, '_>, state: Value<'_, '_>) -> Option<bool> {
    for name in ["vocabulary", "vocabulary_", "_cached_dict"] {
        let Some(words) = state.get(name).filter(|words| words.kind() == Kind::Dict) else { continue };
        examiner.pay(words.len() as u64).ok()?;
        let len = words.len() as i64;
        let fits = |place| integer(examiner, place).is_some_and(|place| (0..len).contains(&place));
        if !words.entries().all(|(_, place)| fits(place)) {
            return Some(false);
        }
    }
    Some(true)
}

/// Tables that are as wide as the inputs.
fn widths_fit(
    examiner: &Examiner<'_, '_>,
    class: (&str, &str),
    state: Value<'_, '_>,
    features: Option<i64>,
) -> Option<bool> {
    if class.1 == "_CFNode" {
        // A part of an estimator, of which only numpy is asked.
        return Some(true);
    }
    for name in ["cluster_centers_", "_fit_X", "support_vectors_", "centroids_", "subcluster_centers_"] {
        let Some(table) = state.get(name).and_then(|table| array(examiner, table)) else { continue };
        let &[rows, columns] = table.dims.as_slice() else { continue };
        let empty = name == "support_vectors_" && rows == 0;
        if !empty && signed(columns) != Some(features?) {
            return Some(false);
        }
    }
    Some(true)
}

/// The estimators in a list, an array or lists of lists.
fn inner(examiner: &Examiner<'_, '_>, value: Value<'_, '_>) -> Vec<Id> {
    match value.kind() {
        Kind::List | Kind::Tuple => value
            .items()
            .flat_map(|item| match item.kind() {
                Kind::List | Kind::Tuple => item.items().map(Value::id).collect(),
                _ => vec![item.id()],
            })
            .collect(),
        _ => array(examiner, value).map_or_else(Vec::new, |items| items.objects(examiner)),
    }
}

/// A tree of an estimator and its features.
fn tree_of<'g, 'a>(estimator: Value<'g, 'a>) -> Option<(Value<'g, 'a>, i64)> {
    let tree = state_of(estimator)?.get("tree_")?;
    Some((tree, trees::features(tree)?))
}

/// Decision trees alone and in forests: they ask for no feature that is not there.
fn trees_fit(
    examiner: &Examiner<'_, '_>,
    class: (&str, &str),
    state: Value<'_, '_>,
    features: Option<i64>,
) -> Option<bool> {
    if let Some(tree) = state.get("tree_")
        && examiner.origin_names(tree.id()) == Some(("sklearn.tree._tree", "Tree"))
        && trees::features(tree)? != features?
    {
        return Some(false);
    }
    // Other ensembles have each estimator look at its inputs.
    let unchecked = ["_forest", "_gb", "_iforest"].map(|module| format!("sklearn.ensemble.{module}"));
    let estimators = state.get("estimators_").filter(|_| unchecked.iter().any(|module| module == class.0));
    let Some(estimators) = estimators else { return Some(true) };
    let chosen = state.get("estimators_features_").filter(|chosen| matches!(chosen.kind(), Kind::List));
    for (index, id) in inner(examiner, estimators).into_iter().enumerate() {
        examiner.pay(1).ok()?;
        let Some((_, wanted)) = tree_of(examiner.value(id)) else { continue };
        let offered = match chosen {
            None => features?,
            Some(chosen) => {
                let chosen = array(examiner, chosen.item(index)?)?;
                signed(chosen.count())?
            }
        };
        if wanted != offered || offered > features? {
            return Some(false);
        }
    }
    Some(true)
}

/// Gradient boosting: native code adds up as many columns as there are trees in a stage.
fn boosting_fits(examiner: &Examiner<'_, '_>, state: Value<'_, '_>) -> Option<bool> {
    let (Some(stages), Some(estimators)) = (state.get("n_trees_per_iteration_"), state.get("estimators_"))
    else {
        return Some(true);
    };
    let &[_, columns] = array(examiner, estimators)?.dims.as_slice() else { return Some(false) };
    if stages.as_i64() != signed(columns) {
        return Some(false);
    }
    let Some(first) = state.get("init_").filter(|first| columns > 1 && first.as_str() != Some("zero")) else {
        return Some(true);
    };
    // What they are added to is as wide as the first guess.
    let (module, _) = examiner.origin_names(first.id())?;
    let first = state_of(first)?;
    let wide = |name: &str| array(examiner, first.get(name)?).map(|array| array.dims);
    let wide = |name: &str| wide(name).is_some_and(|dims| dims == [columns]);
    Some(module == "sklearn.dummy" && wide("class_prior_") && wide("classes_"))
}

/// Histogram gradient boosting.
fn histograms_fit(examiner: &Examiner<'_, '_>, state: Value<'_, '_>, features: Option<i64>) -> Option<bool> {
    let (Some(predictors), Some(mapper)) = (state.get("_predictors"), state.get("_bin_mapper")) else {
        return Some(true);
    };
    let categorical = array(examiner, state_of(mapper)?.get("is_categorical_")?)?;
    let categorical = if categorical.dims.len() == 1 { categorical.integers()? } else { return Some(false) };
    if i64::try_from(categorical.len()).ok() != Some(features?) {
        return Some(false);
    }
    Some(
        inner(examiner, predictors)
            .into_iter()
            .all(|id| trees::predictor_asks_for(examiner, examiner.value(id), &categorical).unwrap_or(false)),
    )
}

/// Support vectors: libsvm trusts all of their counts.
fn vectors_fit(examiner: &Examiner<'_, '_>, class: (&str, &str), state: Value<'_, '_>) -> Option<bool> {
    if state.get("_impl").is_some() {
        return Some(false);
    }
    let Some(counts) = state.get("_n_support") else { return Some(true) };
    let counts = flat(examiner, counts).filter(|counts| !counts.is_empty())?;
    let places = flat(examiner, state.get("support_")?)?;
    let (classes, vectors) = (counts.len(), places.len());
    // Where there are no classes, only the first number is one.
    let classless = matches!(class.1, "SVR" | "NuSVR" | "OneClassSVM");
    let counted = if classless { &counts[..1] } else { &counts[..] };
    let sum = counted.iter().try_fold(0i64, |sum, &count| sum.checked_add(count).filter(|_| count >= 0));
    if classes < 2 || classless && classes != 2 || sum != Some(vectors as i64) {
        return Some(false);
    }
    let pairs = (classes * (classes - 1) / 2) as u64;
    let dims = |name: &str| Some(array(examiner, state.get(name)?)?.dims);
    let mut fits = dims("_intercept_")? == [pairs];
    for name in ["_probA", "_probB"] {
        fits &= matches!(dims(name)?.as_slice(), &[len] if len == 0 || len == pairs);
    }
    let coefficients = [classes as u64 - 1, vectors as u64];
    fits &= match dims("_dual_coef_") {
        Some(dims) => dims == coefficients,
        None => {
            let sparse = Sparse::of(examiner, state.get("_dual_coef_")?)?;
            sparse.shape == coefficients && sparse.stored == coefficients[0] * coefficients[1]
        }
    };
    let precomputed = state.get("kernel").and_then(Value::as_str) == Some("precomputed");
    let rows = match array(examiner, state.get("support_vectors_")?) {
        Some(table) => *table.dims.first()?,
        None => *Sparse::of(examiner, state.get("support_vectors_")?)?.shape.first()?,
    };
    if precomputed {
        let limit = u64::try_from(state.get("shape_fit_")?.item(0)?.as_i64()?).ok()?;
        fits &= all_within(&places, limit) && rows == 0;
    } else {
        fits &= rows == vectors as u64;
    }
    Some(fits)
}

/// Bisecting k-means: the centres in the tree of clusters.
fn bisections_fit(examiner: &Examiner<'_, '_>, state: Value<'_, '_>, features: Option<i64>) -> Option<bool> {
    let Some(tree) = state.get("_bisecting_tree") else { return Some(true) };
    let mut todo = vec![tree];
    while let Some(node) = todo.pop() {
        examiner.pay(1).ok()?;
        let state = state_of(node)?;
        let centre = array(examiner, state.get("center")?)?;
        if centre.dims.len() != 1 || signed(centre.dims[0]) != features {
            return Some(false);
        }
        let below = ["left", "right"].map(|side| state.get(side).filter(|node| !node.is_none()));
        todo.extend(below.into_iter().flatten());
    }
    Some(true)
}

/// Neighbours: the classes of those that were learnt are places in the list of classes.
fn neighbours_fit(examiner: &Examiner<'_, '_>, state: Value<'_, '_>) -> Option<bool> {
    let (Some(of), Some(classes), Some(_)) = (state.get("_y"), state.get("classes_"), state.get("_fit_X"))
    else {
        return Some(true);
    };
    let of = array(examiner, of)?;
    if classes.kind() == Kind::List {
        // Of several outputs, numpy takes the classes, and looks.
        return Some(of.dims.len() == 2);
    }
    let most = array(examiner, classes)?.count();
    Some(all_within(&of.integers()?, most))
}

/// One-hot encoders: the columns of each feature, of which the matrix is made, hold its categories.
fn codes_fit(examiner: &Examiner<'_, '_>, state: Value<'_, '_>) -> Option<bool> {
    let (Some(columns), Some(categories)) = (state.get("_n_features_outs"), state.get("categories_")) else {
        return Some(true);
    };
    let grouped = state.get("_infrequent_enabled").and_then(Value::as_bool) == Some(true);
    let dropped = state.get("_drop_idx_after_grouping").filter(|dropped| !dropped.is_none());
    let dropped = match dropped {
        Some(dropped) => Some(array(examiner, dropped)?.objects(examiner)),
        None => None,
    };
    if columns.kind() != Kind::List || columns.len() != categories.len() {
        return Some(false);
    }
    for (index, (columns, categories)) in columns.items().zip(categories.items()).enumerate() {
        let mut count = signed(array(examiner, categories)?.count())?;
        let dropped = dropped.as_ref().map(|dropped| dropped.get(index).map(|&id| examiner.value(id)));
        let drops = i64::from(dropped.is_some_and(|drop| drop.is_none_or(|drop| !drop.is_none())));
        count -= drops;
        if grouped {
            let rare = state.get("_infrequent_indices")?.item(index)?;
            if !rare.is_none() {
                count -= signed(array(examiner, rare)?.count())? - 1;
                let new = flat(examiner, state.get("_default_to_infrequent_mappings")?.item(index)?)?;
                if !all_within(&new, u64::try_from(count + drops).ok()?) {
                    return Some(false);
                }
            }
        }
        if columns.as_i64() != Some(count) {
            return Some(false);
        }
    }
    Some(true)
}

/// A sparse matrix whose indices lie within it.
struct Sparse {
    shape: Vec<u64>,
    /// How many items are stored.
    stored: u64,
}

impl Sparse {
    fn of(examiner: &Examiner<'_, '_>, matrix: Value<'_, '_>) -> Option<Sparse> {
        let (module, class) = examiner.origin_names(matrix.id())?;
        if !module.starts_with("scipy.sparse.") {
            return None;
        }
        let state = state_of(matrix)?;
        // With slots, the attributes are the first of two.
        let state = if state.kind() == Kind::Tuple { state.item(1)? } else { state };
        let shape: Option<Vec<u64>> =
            state.get("_shape")?.items().map(|size| u64::try_from(size.as_i64()?).ok()).collect();
        let shape = shape
            .filter(|shape| (1..=8).contains(&shape.len()) && shape.iter().all(|&size| size < LARGEST))?;
        let part = |name: &str| array(examiner, state.get(name)?);
        let data = part("data")?;
        let stored = data.count();
        let plain = |array: &Array<'_>| !array.is_object();
        let fits = match class.split('_').next()? {
            "coo" => {
                let coords: Option<Vec<Vec<i64>>> = match state.get("coords") {
                    Some(coords) => coords.items().map(|places| flat(examiner, places)).collect(),
                    None => ["row", "col"].into_iter().map(|name| flat(examiner, state.get(name)?)).collect(),
                };
                let coords = coords?;
                plain(&data)
                    && data.dims.len() == 1
                    && coords.len() == shape.len()
                    && coords
                        .iter()
                        .zip(&shape)
                        .all(|(places, &size)| places.len() as u64 == stored && all_within(places, size))
            }
            "dia" => {
                let offsets = flat(examiner, state.get("offsets")?)?;
                plain(&data) && matches!(data.dims.as_slice(), &[rows, _] if rows == offsets.len() as u64)
            }
            "lil" => {
                let rows = part("rows")?.objects(examiner);
                let items = data.objects(examiner);
                let row_fits = |(places, items): (&Id, &Id)| {
                    let (places, items) = (examiner.value(*places), examiner.value(*items));
                    let both = places.kind() == Kind::List && items.kind() == Kind::List;
                    examiner.pay(places.len() as u64).is_ok()
                        && both
                        && places.len() == items.len()
                        && places.items().all(|place| {
                            place
                                .as_i64()
                                .is_some_and(|place| (0..shape[shape.len() - 1] as i64).contains(&place))
                        })
                };
                rows.len() as u64 == shape[0]
                    && items.len() == rows.len()
                    && rows.iter().zip(&items).all(row_fits)
            }
            form @ ("csr" | "csc" | "bsr") => {
                let (starts, places) =
                    (flat(examiner, state.get("indptr")?)?, flat(examiner, state.get("indices")?)?);
                let (one, two) = if shape.len() == 1 { (1, shape[0]) } else { (shape[0], *shape.get(1)?) };
                let (along, across) = match form {
                    "csr" => (one, two),
                    "csc" => (two, one),
                    _ => {
                        let &[_, high, wide] = data.dims.as_slice() else { return None };
                        if high == 0 || wide == 0 || one % high != 0 || two % wide != 0 {
                            return None;
                        }
                        (one / high, two / wide)
                    }
                };
                let blocks = *data.dims.first()?;
                let last = u64::try_from(*starts.last()?).ok()?;
                plain(&data)
                    && (data.dims.len() == 1 || form == "bsr")
                    && shape.len() <= 2
                    && starts.len() as u64 == along.checked_add(1)?
                    && are_bounds(&starts)
                    && last <= blocks
                    && last <= places.len() as u64
                    && all_within(&places, across)
            }
            _ => false,
        };
        fits.then_some(Sparse { shape, stored })
    }
}

/// A sparse matrix of scipy.
pub(super) fn is_sparse(examiner: &Examiner<'_, '_>, object: Id) -> bool {
    Sparse::of(examiner, examiner.value(object)).is_some()
}

/// A spline of scipy: there is a knot for each coefficient and for each degree, and one more.
pub(super) fn is_spline(examiner: &Examiner<'_, '_>, object: Id) -> bool {
    let fits = || {
        let state = state_of(examiner.value(object))?;
        let part = |names: [&str; 2]| names.into_iter().find_map(|name| array(examiner, state.get(name)?));
        let (knots, coefficients) = (part(["_t", "t"])?, part(["_c", "c"])?);
        let degree = state.get("k")?.as_i64().filter(|degree| (0..100).contains(degree))? as u64;
        let axis = state.get("axis").map_or(Some(0), Value::as_i64)?;
        let &[knots_len] = knots.dims.as_slice() else { return None };
        let count = *coefficients.dims.first()?;
        let plain = !knots.is_object() && !coefficients.is_object();
        let axis_fits = usize::try_from(axis).is_ok_and(|axis| axis < coefficients.dims.len());
        Some(
            plain
                && axis_fits
                && knots_len >= 2 * (degree + 1)
                && count.checked_add(degree + 1)? >= knots_len,
        )
    };
    fits().unwrap_or(false)
}

/// Names of a distribution's state that begin with an underscore. What has another takes the place of a method.
const PRIVATE: [&str; 12] = [
    "__doc__",
    "_ctor_param",
    "_density",
    "_hbin_widths",
    "_hbins",
    "_hcdf",
    "_histogram",
    "_hpdf",
    "_parse_arg_template",
    "_random_state",
    "_stats_has_moments",
    "_support",
];

/// The state of a distribution of scipy, whose `__setstate__` compiles a text: the one that scipy makes of the names of the
/// parameters.
pub(super) fn is_distribution(state: Value<'_, '_>) -> bool {
    let is_named = |key: Value<'_, '_>| {
        key.as_str().is_some_and(|name| !name.starts_with('_') || PRIVATE.contains(&name))
    };
    let template = state.get("_parse_arg_template").and_then(Value::as_str);
    let count = state.get("numargs").and_then(Value::as_i64);
    state.kind() == Kind::Dict
        && state.entries().all(|(key, _)| is_named(key))
        && template.and_then(parameters).is_some_and(|names| i64::try_from(names).ok() == count)
}

/// How many parameters a text of scipy's that parses the arguments of a distribution has, if it is one.
fn parameters(text: &str) -> Option<usize> {
    let (names, _) = text.strip_prefix("\ndef _parse_args(self, ")?.split_once(" loc=0")?;
    let mut count = 0;
    for name in names.split_terminator(", ") {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain || !(1..=40).contains(&name.len()) {
            return None;
        }
        count += 1;
    }
    let written = [("loc=0, scale=1", "loc, scale"), ("loc=0", "loc, 1")].iter().any(|(taken, passed)| {
        text == format!(
            "
def _parse_args(self, {names} {taken}):
    return ({names}), {passed}

def _parse_args_rvs(self, {names} {taken}, size=None):
    return self._argcheck_rvs({names} {passed}, size=size)

def _parse_args_stats(self, {names} {taken}, moments='mv'):
    return ({names}), {passed}, moments
"
        )
    });
    (written && (names.is_empty() || names.ends_with(", "))).then_some(count)
}
