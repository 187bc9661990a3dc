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
