//! Any input is a graph or an error, and a graph can be looked at from all sides.
#![no_main]

use brinery::Graph;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    match Graph::from_slice(input) {
        Ok(graph) => {
            for value in graph.values() {
                for (role, child) in value.children() {
                    assert!(child.id().index() < graph.len());
                    let _ = role.segment();
                }
            }
            assert!(graph == graph.clone().into_owned().unwrap());
            let _ = graph.to_string();
        }
        Err(error) => {
            let line = error.to_string();
            assert!(!line.is_empty());
            assert!(error.offset().is_none_or(|offset| offset <= input.len() as u64));
        }
    }
});
