//! Rust types of all shapes are made of any input or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[allow(dead_code, reason = "it is only made")]
enum Any<'a> {
    Null(()),
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    Owned(String),
    Bytes(&'a [u8]),
    List(Vec<Any<'a>>),
    Map(BTreeMap<String, Any<'a>>),
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it is only made")]
struct Record<'a> {
    name: &'a str,
    #[serde(default)]
    children: Vec<Record<'a>>,
    parent: Option<Box<Record<'a>>>,
    shape: Option<Shape>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it is only made")]
enum Shape {
    Point { x: u8, y: f32 },
    Pair(i128, u128),
    Unit,
    New(String),
}

fuzz_target!(|input: &[u8]| {
    // What is shared is made again at each place, so that large inputs could make very large values.
    if input.len() > 200 {
        return;
    }
    let options = brinery::Options::new().recursion_limit(12);
    let _ = options.from_slice::<Any>(input);
    let _ = options.from_slice::<Record>(input);
    let _ = options.from_slice::<Shape>(input);
    let _ = options.from_slice::<(u8, String)>(input);
    let _ = options.from_slice::<std::time::Duration>(input);
    if let Err(error) = options.from_slice::<[f64; 3]>(input) {
        assert!(!error.to_string().contains('\n') || !error.is_syntax());
    }
});
