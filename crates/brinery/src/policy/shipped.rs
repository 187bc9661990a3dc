//! The policies that come with brinery.

use super::policy::Policy;
use std::sync::LazyLock;

/// Their names.
pub(super) const NAMES: &[&str] = &["data", "stdlib", "numpy", "pandas", "sklearn", "torch"];

static DATA: LazyLock<Policy> = LazyLock::new(Policy::data);
static STDLIB: LazyLock<Policy> = LazyLock::new(|| parse(include_str!("shipped/stdlib.toml")));
static NUMPY: LazyLock<Policy> = LazyLock::new(|| on(&STDLIB, include_str!("shipped/numpy.toml")));
static PANDAS: LazyLock<Policy> = LazyLock::new(|| on(&NUMPY, include_str!("shipped/pandas.toml")));
static SKLEARN: LazyLock<Policy> = LazyLock::new(|| on(&PANDAS, include_str!("shipped/sklearn.toml")));
static TORCH: LazyLock<Policy> = LazyLock::new(|| on(&NUMPY, include_str!("shipped/torch.toml")));

/// The policy of this name.
pub(super) fn policy(name: &str) -> Option<&'static Policy> {
    Some(match name {
        "data" => &DATA,
        "stdlib" => &STDLIB,
        "numpy" => &NUMPY,
        "pandas" => &PANDAS,
        "sklearn" => &SKLEARN,
        "torch" => &TORCH,
        _ => return None,
    })
}

/// What the objects of a library need, besides what its values are made of.
fn on(base: &Policy, text: &str) -> Policy {
    base.clone() | parse(text)
}

fn parse(text: &str) -> Policy {
    match Policy::from_toml(text) {
        Ok(policy) => policy,
        Err(problem) => panic!("a policy that comes with brinery: {problem}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_and_written_alike() {
        for name in NAMES {
            let known = policy(name).unwrap();
            assert_eq!(Policy::from_toml(&known.to_toml()).as_ref(), Ok(known), "{name}");
        }
    }
}
