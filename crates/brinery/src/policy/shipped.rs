//! The policies that come with brinery.

use super::policy::Policy;
use std::sync::LazyLock;

/// Their names.
pub(super) const NAMES: &[&str] = &["data", "stdlib"];

static DATA: LazyLock<Policy> = LazyLock::new(Policy::data);
static STDLIB: LazyLock<Policy> = LazyLock::new(|| parse(include_str!("shipped/stdlib.toml")));

/// The policy of this name.
pub(super) fn policy(name: &str) -> Option<&'static Policy> {
    Some(match name {
        "data" => &DATA,
        "stdlib" => &STDLIB,
        _ => return None,
    })
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
