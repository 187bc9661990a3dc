//! Rust values are written as CPython writes their equals.
#![cfg(feature = "serde")]
#![allow(clippy::items_after_statements, reason = "a type stands beside the test of it")]

mod common;

use brinery::{Graph, Stream, Variants, WriteOptions, from_slice, to_vec};
use common::samples_of;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The value is written as CPython wrote the sample, in every protocol.
fn is<T: Serialize>(name: &str, value: &T) {
    for sample in samples_of(name) {
        let options = WriteOptions::new().protocol(sample.protocol);
        let pickle = options.to_vec(value).unwrap();
        assert!(
            pickle == sample.pickle,
            "{name} in protocol {}: {:.200}",
            sample.protocol,
            Graph::from_slice(&pickle).unwrap().to_string()
        );
        let mut streamed = Vec::new();
        options.to_writer(&mut streamed, value).unwrap();
        assert_eq!(streamed, pickle);
    }
}

#[derive(Clone, Serialize)]
#[serde(transparent)]
struct Bytes(#[serde(serialize_with = "as_bytes")] Vec<u8>);

fn as_bytes<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

#[test]
fn values_are_written_as_by_cpython() {
    is("none", &None::<u8>);
    is("bools", &[true, false].to_vec());
    let ints =
        [0, 1, -1, 255, 256, 65535, 65536, 2_147_483_647, -2_147_483_648, 2_147_483_648, i64::MAX, i64::MIN];
    is("ints", &ints.to_vec());
    is("floats", &[0.0, -0.0, 1.5, 1e300, 5e-324, f64::INFINITY, f64::NEG_INFINITY].to_vec());
    is("text", &["", "a", "é", "日本", "😀", "a\nb\\c\0", &"x".repeat(300)].map(str::to_owned).to_vec());
    is("counts", &BTreeMap::from([("a", 1), ("b", 2), ("c", 3)]));
    let bytes = [vec![], b"abc".to_vec(), (0..=255).collect(), vec![b'x'; 300]];
    is("bytes", &bytes.map(Bytes).to_vec());
}

#[test]
fn batches_are_those_of_cpython() {
    is("batches", &[1, 999, 1000, 1001, 2000].map(|len| vec![None::<u8>; len]).to_vec());
    let dict = |len: u32| (0..len).map(|key| (key, None)).collect::<BTreeMap<u32, Option<u8>>>();
    is("dict_batches", &[1, 1000, 1001].map(dict).to_vec());
}

#[test]
fn frames_are_those_of_cpython() {
    let pickle = to_vec(&("y".repeat(40_000), "z".repeat(40_000), "w".repeat(70_000), "end")).unwrap();
    let mut offset = 2;
    let frame = |offset: usize| {
        assert_eq!(pickle[offset], 0x95);
        usize::try_from(u64::from_le_bytes(pickle[offset + 1..offset + 9].try_into().unwrap())).unwrap()
    };
    // The two shorter texts fill a frame, and the longest stands between two frames.
    let first = frame(offset);
    assert_eq!(first, 1 + 2 * (5 + 40_000 + 1));
    offset += 9 + first;
    assert_eq!(pickle[offset], b'X');
    offset += 5 + 70_000;
    assert_eq!(frame(offset), pickle.len() - offset - 9);
    assert_eq!(Graph::from_slice(&pickle).unwrap().to_vec(4).unwrap(), pickle);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    id: u64,
    name: String,
    shape: Shape,
    next: Option<Box<Record>>,
    pair: (i8, f32),
    nothing: (),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Circle(f64),
    Line(i32, i32),
    Box { width: u128, height: i128 },
}

fn record() -> Record {
    let inner = |id, shape, next| Record {
        id,
        name: format!("record {id}"),
        shape,
        next,
        pair: (-1, 0.5),
        nothing: (),
    };
    let last = inner(u64::MAX, Shape::Box { width: u128::MAX, height: i128::MIN }, None);
    let line = inner(2, Shape::Line(-5, 5), Some(Box::new(last)));
    let circle = inner(1, Shape::Circle(0.25), Some(Box::new(line)));
    inner(0, Shape::Nothing, Some(Box::new(circle)))
}

#[test]
fn what_is_written_is_read() {
    for protocol in 0..=5 {
        for variants in [Variants::Dict, Variants::Tuple] {
            for tuples in [false, true] {
                let options =
                    WriteOptions::new().protocol(protocol).variants(variants).structs_as_tuples(tuples);
                let pickle = options.to_vec(&record()).unwrap();
                let read: Record = from_slice(&pickle).unwrap_or_else(|error| panic!("{options:?}: {error}"));
                assert_eq!(read, record(), "{options:?}");
            }
        }
        let options = WriteOptions::new().protocol(protocol).class("Record", "models", "Record");
        let pickle = options.to_vec(&[record(), record()]).unwrap();
        assert_eq!(from_slice::<[Record; 2]>(&pickle).unwrap(), [record(), record()]);
    }
}

#[test]
fn names_of_fields_are_written_once() {
    #[derive(Serialize)]
    struct Point {
        abscissa: u8,
    }
    let pickle = to_vec(&[Point { abscissa: 1 }, Point { abscissa: 2 }].as_slice()).unwrap();
    let count = pickle.windows(8).filter(|window| window == b"abscissa").count();
    assert_eq!(count, 1);
    let graph = Graph::from_slice(&pickle).unwrap();
    assert_eq!(graph.to_string(), "[{'abscissa': 1}, {'abscissa': 2}]");
}

#[test]
fn sequences_of_unknown_length_are_written_too() {
    struct Unknown(usize, Option<usize>);
    impl Serialize for Unknown {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut seq = serializer.serialize_seq(self.1)?;
            (0..self.0).try_for_each(|item| seq.serialize_element(&item))?;
            seq.end()
        }
    }
    for len in [0, 1, 2, 999, 1000, 1001, 2000] {
        for hint in [None, Some(0), Some(1), Some(len), Some(5000)] {
            for protocol in [0, 1, 4] {
                let pickle = WriteOptions::new().protocol(protocol).to_vec(&Unknown(len, hint)).unwrap();
                assert_eq!(from_slice::<Vec<usize>>(&pickle).unwrap(), (0..len).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn errors_say_where() {
    struct Unwilling;
    impl Serialize for Unwilling {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("unwilling"))
        }
    }
    #[derive(Serialize)]
    struct Holder {
        items: Vec<Unwilling>,
    }
    let error = to_vec(&Holder { items: vec![Unwilling] }).unwrap_err();
    assert_eq!(error.to_string(), "unwilling, in obj.items[0]");

    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("disk full"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    assert!(brinery::to_writer(Full, &1).unwrap_err().is_io());
}

#[test]
fn pickles_follow_each_other() {
    let mut file = Vec::new();
    for number in 0..5 {
        brinery::to_writer(&mut file, &vec![number; 3]).unwrap();
    }
    let expected: Vec<Vec<i32>> = (0..5).map(|number| vec![number; 3]).collect();
    let read: Vec<Vec<i32>> = Stream::from_slice(&file).typed().collect::<Result<_, _>>().unwrap();
    assert_eq!(read, expected);
    let read: Vec<Vec<i32>> = Stream::from_reader(&file[..]).typed().collect::<Result<_, _>>().unwrap();
    assert_eq!(read, expected);
    // Offsets count from the start of the input; an error of the stream is its end.
    let end = file.len() as u64;
    file.extend_from_slice(b"\x80\x04](\xff.");
    let mut stream = Stream::from_slice(&file).skip(5);
    assert_eq!(stream.next().unwrap().unwrap_err().offset(), Some(end + 4));
    assert!(stream.next().is_none());
}

#[test]
fn frames_of_instances_are_those_of_cpython() {
    #[derive(Serialize)]
    struct Point {
        x: u32,
        y: u32,
    }
    // The lengths put the end of a frame before each of the objects in turn, the class's arguments among them.
    for pad in 0..40 {
        let points: Vec<Point> = (0..12_000).map(|x| Point { x, y: 300 }).collect();
        let options = WriteOptions::new().class("Point", "shapes", "Point");
        let pickle = options.to_vec(&("p".repeat(pad), points)).unwrap();
        assert!(Graph::from_slice(&pickle).unwrap().to_vec(4).unwrap() == pickle, "{pad}");
    }
}
