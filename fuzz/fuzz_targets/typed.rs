//! Rust types of all shapes are made of any input or refused, the same straight from the opcodes, by the pieces of a list and by
//! a graph.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
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

#[derive(Debug, PartialEq, Deserialize)]
struct Record<'a> {
    name: &'a str,
    #[serde(default)]
    children: Vec<Record<'a>>,
    parent: Option<Box<Record<'a>>>,
    shape: Option<Shape>,
}

#[derive(Debug, PartialEq, Deserialize)]
enum Shape {
    Point { x: u8, y: f32 },
    Pair(i128, u128),
    Unit,
    New(String),
}

/// In the shortest way and by a graph of the whole, which is how one gets offsets: the type itself and a list of it.
fn agree<'a, T: Deserialize<'a> + std::fmt::Debug>(options: &brinery::Options<'a>, input: &'a [u8]) {
    let graph = options.clone().offsets(true);
    // Not everything is equal to itself, but all of it looks the same.
    let [short, long] = [options, &graph].map(|options| options.from_slice::<T>(input));
    assert_eq!(format!("{short:?}"), format!("{long:?}"));
    let [short, long] = [options, &graph].map(|options| options.from_slice::<Vec<T>>(input));
    assert_eq!(format!("{short:?}"), format!("{long:?}"));
}

fuzz_target!(|input: &[u8]| {
    // What is shared is made again at each place, so that large inputs could make very large values.
    if input.len() > 200 {
        return;
    }
    let options = brinery::Options::new().recursion_limit(12);
    agree::<Any>(&options, input);
    agree::<Record>(&options, input);
    agree::<Shape>(&options, input);
    agree::<(u8, String)>(&options, input);
    agree::<std::time::Duration>(&options, input);
    agree::<u8>(&options, input);
    agree::<&str>(&options, input);
    agree::<serde::de::IgnoredAny>(&options, input);
    if let Err(error) = options.from_slice::<[f64; 3]>(input) {
        assert!(!error.to_string().contains('\n') || !error.is_syntax());
    }
});
