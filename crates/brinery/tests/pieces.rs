//! Long lists are read piece by piece, and nobody can tell.
#![cfg(feature = "serde")]
#![allow(clippy::items_after_statements, reason = "a type stands beside the test of it")]

use brinery::{Error, ErrorKind, Options, from_slice, to_vec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const COUNT: u32 = 5000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    id: u32,
    name: String,
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rare: Option<f64>,
}

fn records() -> Vec<Record> {
    let record = |id: u32| Record {
        id,
        name: format!("record {id}, with some text to make the input large"),
        tags: (0..id % 3).map(|tag| format!("tag {tag}")).collect(),
        // A key that comes up late, and again in later pieces.
        rare: (id >= 2500 && id.is_multiple_of(7)).then_some(0.5),
    };
    (0..COUNT).map(record).collect()
}

/// What the graph of the whole says, for a type and for errors.
fn by_graph<'de, T: Deserialize<'de>>(input: &'de [u8]) -> Result<T, Error> {
    // Who wants offsets gets them from a graph.
    Options::new().offsets(true).from_slice(input)
}

fn agree<'de, T: Deserialize<'de> + PartialEq + std::fmt::Debug>(name: &str, input: &'de [u8]) {
    assert!(input.len() >= 64 * 1024, "{name}");
    match (from_slice::<T>(input), by_graph::<T>(input)) {
        (Ok(pieces), Ok(graph)) => assert!(pieces == graph, "{name}"),
        (Err(pieces), Err(graph)) => assert_eq!(pieces.to_string(), graph.to_string(), "{name}"),
        (pieces, graph) => panic!("{name}: {:?} but {:?}", pieces.err(), graph.err()),
    }
}

#[test]
fn records_are_read() {
    let records = records();
    for protocol in 0..=5 {
        let input = brinery::WriteOptions::new().protocol(protocol).to_vec(&records).unwrap();
        assert_eq!(from_slice::<Vec<Record>>(&input).unwrap(), records, "protocol {protocol}");
        agree::<Vec<Record>>("records", &input);
        agree::<Vec<BTreeMap<String, Option<u8>>>>("other records", &input);
        agree::<Record>("a record of records", &input);
        agree::<[u8; 3]>("an array of records", &input);
        agree::<Option<Vec<Record>>>("optional records", &input);
    }
}

#[test]
fn instances_are_read() {
    let options = brinery::WriteOptions::new().class("Record", "models", "Record");
    let input = options.to_vec(&records()).unwrap();
    assert_eq!(from_slice::<Vec<Record>>(&input).unwrap(), records());
    // A class, and text, that come up late.
    let mut late = b"\x80\x04]\x94(".to_vec();
    for piece in 0..50 {
        late.extend((0..1000).flat_map(|_| *b"K\x01K\x02\x86"));
        late.extend(match piece {
            0..10 => &b"K\x01\x85"[..],
            10 => b"\x8c\x06models\x94\x8c\x05Point\x94\x93\x94)\x81}(\x8c\x01x\x94K\x03\x8c\x01y\x94K\x04ub",
            _ => b"h\x03)\x81}(h\x04K\x05h\x05K\x06ub",
        });
        late.extend(b"e(");
    }
    late.extend(b"e.");
    #[derive(Debug, PartialEq, Deserialize)]
    struct Point {
        x: u8,
        #[serde(default)]
        y: u8,
    }
    agree::<Vec<Point>>("late", &late);
    assert_eq!(from_slice::<Vec<Point>>(&late).unwrap().len(), 50 * 1001);
}

/// A list of many pieces, each with these opcodes at the end.
fn pieces(at_first: &[u8], later: &[u8], end: &[u8]) -> Vec<u8> {
    let mut stream = b"\x80\x04]\x94(".to_vec();
    for piece in 0..50 {
        stream.extend((0..1000).flat_map(|_| *b"]K\x05a"));
        stream.extend(if piece == 0 { at_first } else { later });
        stream.extend(b"e(");
    }
    stream.extend(b"e");
    stream.extend(end);
    stream
}

#[test]
fn what_needs_the_whole_gets_it() {
    type Lists = Vec<Vec<u8>>;
    let shared = pieces(b"]\x94", b"h\x01", b".");
    agree::<Lists>("one list in all pieces", &shared);
    agree::<Lists>("one that grows", &pieces(b"]\x94", b"h\x01K\x07a", b"."));
    agree::<Lists>("one that grows at the end", &pieces(b"]\x94", b"", b"h\x01K\x07a0."));
    assert_eq!(from_slice::<Lists>(&pieces(b"]\x94", b"", b"h\x01K\x07a0.")).unwrap()[1000], [7]);
    agree::<Lists>("a late one", &pieces(b"", b"]\x94h\x02", b"h\x03K\x07a0."));
    agree::<Lists>("one beyond the pieces", &pieces(b"", b"]\x94", b"h\x05K\x07a0."));
    agree::<Lists>("numbers out of turn", &pieces(b"]q\x07", b"h\x07", b"."));
    agree::<Lists>("a number again", &pieces(b"]q\x01", b"]q\x01h\x01", b"."));
    agree::<Lists>("no such number", &pieces(b"", b"", b"h\x7f."));
    agree::<Lists>("itself", &pieces(b"h\0", b"", b"."));
    agree::<Lists>("itself, later", &pieces(b"", b"h\0", b"."));
}

#[test]
fn the_end_counts() {
    type Lists = Vec<Vec<u8>>;
    agree::<Lists>("more after it", &pieces(b"", b"", b".more"));
    agree::<Lists>("no end", &pieces(b"", b"", b""));
    agree::<Lists>("a fault", &pieces(b"", b"", b"\xff."));
    agree::<Lists>("inside a tuple", &pieces(b"", b"", b"\x85."));
    agree::<(Vec<Vec<u8>>,)>("a tuple of it", &pieces(b"", b"", b"\x85."));
    agree::<Lists>("another object", &pieces(b"", b"", b"0]K\x01a."));
    agree::<Lists>("twice", &pieces(b"", b"", b"2\x86."));
    agree::<Lists>("a state", &pieces(b"", b"", b"Nb."));
    agree::<Lists>("a wrong item", &pieces(b"", b"", b"K\x05a."));
    agree::<Lists>("a wrong number", &pieces(b"", b"", b"]M\0\x01aa."));
    agree::<Vec<u8>>("all wrong", &pieces(b"", b"", b"."));
    let error = from_slice::<Lists>(&pieces(b"", b"", b"]M\0\x01aa.")).unwrap_err();
    assert_eq!(error.path().to_string(), "obj[50000][0]");
    let trailing = pieces(b"", b"", b".more");
    assert_eq!(Options::new().trailing_data(true).from_slice::<Lists>(&trailing).unwrap().len(), 50_000);
}

#[test]
fn the_limit_counts() {
    let input = pieces(b"", b"", b".");
    let limited = |limit| Options::new().recursion_limit(limit).from_slice::<Vec<Vec<u8>>>(&input);
    assert!(matches!(limited(0).unwrap_err().kind(), ErrorKind::Depth(0)));
    assert!(matches!(limited(1).unwrap_err().kind(), ErrorKind::Depth(1)));
    assert_eq!(limited(2).unwrap().len(), 50_000);
}

#[test]
fn items_whose_errors_nobody_minds_are_those_of_the_graph() {
    /// A number, or nothing where there is none.
    #[derive(Debug, PartialEq)]
    struct Lenient(Option<u8>);

    impl<'de> Deserialize<'de> for Lenient {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Ok(Lenient(u8::deserialize(deserializer).ok()))
        }
    }
    let mixed: Vec<Option<u8>> = (0..100_000u32).map(|n| (!n.is_multiple_of(3)).then_some(5)).collect();
    let input = to_vec(&mixed).unwrap();
    agree::<Vec<Lenient>>("lenient", &input);
}
