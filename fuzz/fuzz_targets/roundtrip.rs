//! What is written is read as the same graph, and written again as the same bytes.
#![no_main]

use brinery::{ErrorKind, Graph};
use libfuzzer_sys::fuzz_target;

fn written(graph: &Graph<'_>, protocol: u8) -> Option<Vec<u8>> {
    match graph.to_vec(protocol) {
        Ok(stream) => Some(stream),
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Unwritable(_)), "{error}");
            None
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Ok(graph) = Graph::from_slice(input) else { return };
    for protocol in 0..=5 {
        let Some(stream) = written(&graph, protocol) else { continue };
        let read = Graph::from_slice(&stream).unwrap();
        // Globals of the standard library may have got the names of another Python.
        if protocol == 5 && read.to_string() == graph.to_string() {
            assert!(read == graph, "{graph}");
        }
        if let Some(again) = written(&read, protocol) {
            let reread = Graph::from_slice(&again).unwrap();
            assert!(reread == read, "{read}\n{reread}");
        }
        let mut streamed = Vec::new();
        graph.to_writer(&mut streamed, protocol).unwrap();
        assert_eq!(streamed, stream);
    }
});
