//! Arrays among the attributes of an object whose lengths have to go together, for native code looks at one and indexes by
//! another. All is judged when the stream has ended, for then nothing in it can change any more.

use super::examine::Examiner;
use super::numpy::{Array, array, state_of};
use crate::value::{Id, Kind, Value};

/// What is known of the arrays of a class: their names, and the lengths of their dimensions. A letter stands for the same length
/// wherever it is, `n+1` for one more, `=4` for just that, and `*` for whatever else there is. Of a state that is no attributes, places
/// are names.
struct Known {
    classes: &'static [&'static str],
    arrays: &'static [(&'static str, &'static str)],
    /// A tuple of arrays of one dimension each, and the array of whose dimensions they are the places.
    grids: &'static [(&'static str, &'static str)],
}

const KNOWN: [Known; 5] = [
    Known {
        classes: &["gaussian_kde"],
        arrays: &[
            ("dataset", "d n"),
            ("_weights", "n"),
            ("weights", "n"),
            ("_data_covariance", "d d"),
            ("_data_inv_cov", "d d"),
            ("_data_cho_cov", "d d"),
            ("covariance", "d d"),
            ("inv_cov", "d d"),
            ("cho_cov", "d d"),
        ],
        grids: &[],
    },
    Known {
        classes: &[
            "PPoly",
            "BPoly",
            "CubicSpline",
            "CubicHermiteSpline",
            "PchipInterpolator",
            "Akima1DInterpolator",
        ],
        arrays: &[("_c", "k m *"), ("_x", "m+1"), ("c", "k m *"), ("x", "m+1")],
        grids: &[],
    },
    Known {
        classes: &["RegularGridInterpolator"],
        arrays: &[("_values", "*"), ("values", "*")],
        grids: &[("_grid", "_values"), ("_grid", "values"), ("grid", "_values"), ("grid", "values")],
    },
    Known { classes: &["Rotation"], arrays: &[("0", "n =4")], grids: &[] },
    Known {
        classes: &["Slerp"],
        arrays: &[("times", "n+1"), ("timedelta", "n"), ("rotvecs", "n =3")],
        grids: &[],
    },
];

/// Whether the arrays in the state of an object go together.
pub(super) fn agree(examiner: &Examiner<'_, '_>, object: Id) -> bool {
    let class = examiner.origin_names(object).map(|(_, name)| name);
    let known = KNOWN.iter().find(|known| class.is_some_and(|class| known.classes.contains(&class)));
    match (known, state_of(examiner.value(object))) {
        // Without a state there are no arrays.
        (Some(_), None) => true,
        (Some(known), Some(state)) => known.fits(examiner, state).is_some(),
        (None, _) => false,
    }
}

/// What a state has under a name, be it an attribute that lives in a slot or not.
fn attribute<'g, 'a>(state: Value<'g, 'a>, name: &str) -> Option<Value<'g, 'a>> {
    match state.kind() {
        Kind::Tuple if name.starts_with(|first: char| first.is_ascii_digit()) => {
            state.item(name.parse().ok()?)
        }
        Kind::Tuple => state.items().filter(|part| part.kind() == Kind::Dict).find_map(|part| part.get(name)),
        _ => state.get(name),
    }
}

impl Known {
    fn fits(&self, examiner: &Examiner<'_, '_>, state: Value<'_, '_>) -> Option<()> {
        let mut lengths: Vec<(&str, u64)> = Vec::new();
        for (name, dims) in self.arrays {
            if let Some(value) = attribute(state, name) {
                let found = array(examiner, value).filter(Array::is_number)?;
                agree_on(&mut lengths, dims, &found.dims)?;
            }
        }
        for (grid, values) in self.grids {
            if let (Some(grid), Some(values)) = (attribute(state, grid), attribute(state, values)) {
                let dims = array(examiner, values)?.dims;
                let places: Option<Vec<_>> =
                    grid.items().map(|places| array(examiner, places).filter(Array::is_number)).collect();
                let places = places?;
                let fits = places.len() <= dims.len()
                    && places.iter().zip(&dims).all(|(places, dim)| places.dims == [*dim] && *dim > 0);
                if grid.kind() != Kind::Tuple || places.is_empty() || !fits {
                    return None;
                }
            }
        }
        Some(())
    }
}

/// Compares dimensions with what is written of them.
fn agree_on<'s>(lengths: &mut Vec<(&'s str, u64)>, written: &'s str, dims: &[u64]) -> Option<()> {
    let mut dims = dims.iter().copied();
    for word in written.split(' ') {
        if word == "*" {
            return Some(());
        }
        if let Some(wanted) = word.strip_prefix('=') {
            dims.next().filter(|dim| Some(*dim) == wanted.parse().ok())?;
            continue;
        }
        let (letter, more) = match word.split_once('+') {
            Some((letter, more)) => (letter, more.parse().ok()?),
            None => (word, 0),
        };
        let length = dims.next()?.checked_sub(more).filter(|length| *length > 0)?;
        match lengths.iter().find(|(known, _)| *known == letter) {
            Some((_, known)) if *known != length => return None,
            Some(_) => {}
            None => lengths.push((letter, length)),
        }
    }
    if dims.next().is_none() { Some(()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_one_length() {
        let mut lengths = Vec::new();
        assert!(agree_on(&mut lengths, "k m *", &[4, 7, 2]).is_some());
        assert!(agree_on(&mut lengths, "m+1", &[8]).is_some());
        assert!(agree_on(&mut lengths, "m+1", &[7]).is_none());
        assert!(agree_on(&mut lengths, "m", &[7, 1]).is_none());
        assert!(agree_on(&mut lengths, "z", &[0]).is_none());
    }
}
