//! Depth costs memory and no stack; what a stream claims costs nothing.
#![allow(clippy::items_after_statements, reason = "a type stands beside the test of it")]

use brinery::{ErrorKind, Graph, read::Fault, value::Kind};
use std::io::BufReader;

const DEPTH: usize = 1_000_000;

/// Loads, compares, shows, writes and drops, in a thread with little stack.
fn endure(name: &'static str, stream: Vec<u8>, protocols: [u8; 2]) {
    let work = move || {
        let graph = Graph::from_slice(&stream).unwrap();
        assert!(graph.len() >= DEPTH, "{name}");
        let read = Graph::from_reader(BufReader::new(&stream[..])).unwrap();
        assert!(graph == read, "{name}");
        assert!(graph.to_string().len() >= DEPTH, "{name}");
        for protocol in protocols {
            let written = graph.to_vec(protocol).unwrap();
            assert!(Graph::from_slice(&written).unwrap() == graph, "{name} in protocol {protocol}");
        }
        drop(graph.into_owned().unwrap());
        drop(read);
    };
    std::thread::Builder::new().stack_size(256 * 1024).spawn(work).unwrap().join().unwrap();
}

fn nested(open: &[u8], close: &[u8]) -> Vec<u8> {
    [open.repeat(DEPTH), b"N".to_vec(), close.repeat(DEPTH), b".".to_vec()].concat()
}

#[test]
fn a_million_lists_in_each_other() {
    endure("lists", nested(b"]", b"a"), [0, 5]);
}

#[test]
fn a_million_tuples_in_each_other() {
    endure("tuples", [b"N".to_vec(), b"\x85".repeat(DEPTH), b".".to_vec()].concat(), [0, 5]);
}

#[test]
fn a_million_dicts_in_each_other() {
    endure("dicts", nested(b"}K\x01", b"s"), [0, 5]);
}

#[test]
fn a_million_instances_in_each_others_states() {
    endure("instances", nested(b"cm\nC\n)\x81", b"b"), [2, 5]);
}

#[test]
fn a_million_calls_in_each_others_arguments() {
    endure("calls", nested(b"cm\nC\n", b"\x85R"), [0, 5]);
}

#[test]
fn a_cycle_through_a_million_lists() {
    let stream =
        [b"]q\0".to_vec(), b"]".repeat(DEPTH), b"h\0".to_vec(), b"a".repeat(DEPTH + 1), b".".to_vec()];
    endure("cycle", stream.concat(), [0, 5]);
}

/// The most address space that the process ever had, in bytes; `None` where the system does not tell.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[test]
fn false_lengths_cost_no_memory() {
    let before = peak();
    let huge = 1u64 << 40;
    let four = u32::MAX.to_le_bytes();
    let claims = [
        [&b"\x8e"[..], &huge.to_le_bytes(), b"x"].concat(),
        [&b"\x8d"[..], &huge.to_le_bytes(), b"x"].concat(),
        [&b"\x96"[..], &huge.to_le_bytes(), b"x"].concat(),
        [&b"\x95"[..], &huge.to_le_bytes(), b"N."].concat(),
        [&b"B"[..], &four, b"x"].concat(),
        [&b"X"[..], &four, b"x"].concat(),
        [&b"T"[..], &four, b"x"].concat(),
        [&b"\x8b"[..], &i32::MAX.to_le_bytes(), b"x"].concat(),
    ];
    for claim in &claims {
        for result in [Graph::from_slice(claim), Graph::from_reader(&claim[..])] {
            let error = result.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Stream(Fault::Truncated)), "{error}");
            assert!(error.is_eof() && error.offset() == Some(0) && error.opcode().is_some());
        }
    }
    for length in [u64::MAX, 1 << 63] {
        for opcode in [0x8e, 0x8d, 0x96, 0x95] {
            let claim = [&[opcode][..], &length.to_le_bytes(), b"x"].concat();
            let error = Graph::from_slice(&claim).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Stream(Fault::LengthOverflow(_))), "{error}");
        }
    }
    // Indexes of the memo are claims as well.
    let memo = b"Nr\xff\xff\xff\xffNp4611686018427387904\nj\xff\xff\xff\xffg4611686018427387904\n\x87.";
    assert_eq!(Graph::from_slice(memo).unwrap().to_string(), "(None, None, None)");
    let memo = b"]r\xff\xff\xff\xff]p4611686018427387904\nj\xff\xff\xff\xff\x87.";
    assert_eq!(Graph::from_slice(memo).unwrap().root().kind(), Kind::Tuple);
    if let (Some(before), Some(after)) = (before, peak()) {
        // Threads of other tests and their work have their share.
        assert!(after - before < 2 << 30, "{} MiB more", (after - before) >> 20);
    }
}

#[test]
fn one_object_that_grows_item_by_item_stays_linear() {
    // Each append goes to a list that is not the last thing made.
    let list = [b"]".to_vec(), b"](NN\x85ea".repeat(200_000), b".".to_vec()].concat();
    assert_eq!(Graph::from_slice(&list).unwrap().root().len(), 200_000);
    let instance = [b"cm\nC\n)\x81".to_vec(), b"]aNb".repeat(200_000), b".".to_vec()].concat();
    let graph = Graph::from_slice(&instance).unwrap();
    assert_eq!(graph.root().changes().count(), 400_000);
    assert!(Graph::from_slice(&graph.to_vec(2).unwrap()).unwrap() == graph);
}
