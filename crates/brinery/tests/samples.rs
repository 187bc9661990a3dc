//! What CPython wrote is read as it was meant, and written again as it was.

mod common;

use brinery::{Graph, Options};
use common::{samples, samples_of};
use std::io::BufReader;

#[test]
fn a_graph_is_written_as_cpython_wrote_it() {
    let mut count = 0;
    for sample in samples() {
        let graph = Graph::from_slice(&sample.pickle).unwrap();
        let written = graph.to_vec(sample.protocol).unwrap();
        assert!(written == sample.pickle, "{} in protocol {}: {graph}", sample.name, sample.protocol);
        count += 1;
    }
    assert!(count > 300, "{count}");
}

#[test]
fn a_graph_is_streamed_as_it_is_written_into_memory() {
    for sample in samples() {
        let mut written = Vec::new();
        Graph::from_slice(&sample.pickle).unwrap().to_writer(&mut written, sample.protocol).unwrap();
        assert!(written == sample.pickle, "{} in protocol {}", sample.name, sample.protocol);
    }
}

#[test]
fn a_reader_gives_what_a_slice_gives_and_takes_no_more() {
    for sample in samples() {
        let graph = Graph::from_slice(&sample.pickle).unwrap();
        let mut input = sample.pickle.clone();
        input.extend_from_slice(b"rest");
        for capacity in [1, 7, 8192] {
            let mut reader = BufReader::with_capacity(capacity, &input[..]);
            let read = Graph::from_reader(&mut reader).unwrap();
            assert!(read == graph, "{} in protocol {}", sample.name, sample.protocol);
            let mut rest = Vec::new();
            std::io::Read::read_to_end(&mut reader, &mut rest).unwrap();
            assert_eq!(rest, b"rest");
        }
    }
}

#[test]
fn a_graph_outlives_its_input() {
    for sample in samples() {
        let graph = Graph::from_slice(&sample.pickle).unwrap();
        let owned: Graph<'static> = graph.clone().into_owned().unwrap();
        assert!(owned == graph, "{} in protocol {}", sample.name, sample.protocol);
        assert_eq!(owned.to_vec(sample.protocol).unwrap(), sample.pickle);
    }
}

#[test]
fn every_protocol_holds_the_graphs_of_protocol_0() {
    for sample in samples().filter(|sample| sample.protocol == 0) {
        let graph = Graph::from_slice(&sample.pickle).unwrap();
        for protocol in 0..=5 {
            let written = graph.to_vec(protocol).unwrap();
            let read = Graph::from_slice(&written).unwrap();
            // From protocol 3 on, the names are those of Python 3; there and back they are the same again.
            let back = read.to_vec(0).unwrap();
            assert!(back == sample.pickle, "{} in protocol {protocol}: {read}", sample.name);
            assert!(protocol > 2 || read == graph, "{} in protocol {protocol}: {read}", sample.name);
        }
    }
}

#[test]
fn names_are_those_of_the_python_that_reads_them() {
    let graph = Graph::from_slice(b"cexceptions\nKeyError\n(S'x'\ntR.").unwrap();
    let written = graph.to_vec(4).unwrap();
    let renamed = Graph::from_slice(&written).unwrap();
    assert_eq!(renamed.to_string(), "builtins.KeyError(b'x')");
    assert_eq!(Graph::from_slice(&renamed.to_vec(2).unwrap()).unwrap(), graph);
}

#[test]
fn sharing_and_cycles_are_kept() {
    for sample in samples_of("shared") {
        let graph = Graph::from_slice(&sample.pickle).unwrap();
        let ids = graph.root().items().ids();
        assert!(ids[0] == ids[1] && ids[1] != ids[2]);
    }
    for sample in samples_of("itself") {
        let graph = Graph::from_slice(&sample.pickle).unwrap();
        assert_eq!(graph.root().item(0).unwrap().id(), graph.root().id());
    }
    for sample in samples_of("recursive_tuple") {
        let graph = Graph::from_slice(&sample.pickle).unwrap();
        let inner = graph.root().item(0).unwrap();
        assert_eq!(inner.item(0).unwrap().id(), graph.root().id());
    }
    for sample in samples_of("tree") {
        let graph = Graph::from_slice(&sample.pickle).unwrap();
        let root = graph.root().as_instance().unwrap();
        for child in root.attribute("children").unwrap().items() {
            assert_eq!(child.as_instance().unwrap().attribute("parent").unwrap().id(), graph.root().id());
        }
    }
}

#[test]
fn out_of_band_buffers_are_found() {
    for sample in samples_of("buffers") {
        let options = Options::new().buffers([&b"abc"[..], &b"def"[..]]);
        let graph = options.graph_from_slice(&sample.pickle).unwrap();
        assert_eq!(graph.to_string(), "[<buffer 0>, <read-only <buffer 1>>, 'end']");
        assert_eq!(graph.root().item(1).unwrap().as_bytes(), Some(&b"def"[..]));
        // Below protocol 5 they are in band.
        let in_band = graph.to_vec(4).unwrap();
        let shown = Graph::from_slice(&in_band).unwrap().to_string();
        assert_eq!(shown, "[builtins.bytearray(b'abc'), b'def', 'end']");
        let without = Graph::from_slice(&sample.pickle).unwrap();
        assert!(without.to_vec(4).unwrap_err().to_string().contains("requires protocol 5"));
    }
}

#[test]
fn persistent_ids_are_kept() {
    for sample in samples_of("persistent") {
        let graph = Graph::from_slice(&sample.pickle).unwrap();
        assert_eq!(graph.to_string(), "[<persistent 'len'>, <persistent 'len'>, 1]");
    }
}

#[test]
fn every_object_of_python_2_is_known() {
    // Written by Python 2.7: ['text', u'\xe9', 5L, an old-style instance, an instance with a state]
    let stream = b"(lp0\nS'te\\xffxt'\np1\naV\xe9\np2\naL5L\na(imodels\nOld\np3\n(dp4\nS'x'\np5\nI1\nsb\
        accopy_reg\n_reconstructor\np6\n(cmodels\nNew\np7\nc__builtin__\nobject\np8\nNtp9\nRp10\n(dp11\n\
        S'y'\np12\nI01\nsba.";
    let graph = Graph::from_slice(stream).unwrap();
    assert_eq!(
        graph.to_string(),
        "[b'te\\xffxt', 'é', 5, models.Old().__setstate__({b'x': 1}), \
         copy_reg._reconstructor(models.New, __builtin__.object, None).__setstate__({b'y': True})]"
    );
    for protocol in 0..=2 {
        let written = graph.to_vec(protocol).unwrap();
        assert_eq!(Graph::from_slice(&written).unwrap(), graph, "protocol {protocol}");
    }
}
