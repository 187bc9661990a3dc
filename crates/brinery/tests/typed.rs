//! Python's objects as Rust types.
#![cfg(feature = "serde")]
#![allow(clippy::items_after_statements, reason = "a type stands beside the test of it")]

mod common;

use brinery::{ErrorKind, Options, StringEncoding, from_slice};
use common::samples_of;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt::Debug;
use std::time::Duration;

/// The object is this value in every protocol.
fn is<T: DeserializeOwned + PartialEq + Debug>(name: &str, expected: &T) {
    for sample in samples_of(name) {
        let value: T = from_slice(&sample.pickle)
            .unwrap_or_else(|error| panic!("{name} in protocol {}: {error}", sample.protocol));
        assert_eq!(value, *expected, "{name} in protocol {}", sample.protocol);
        let read: T = brinery::from_reader(&sample.pickle[..]).unwrap();
        assert_eq!(read, *expected);
    }
}

fn is_not<T: DeserializeOwned + Debug>(name: &str) {
    for sample in samples_of(name) {
        let error = from_slice::<T>(&sample.pickle).unwrap_err();
        assert!(error.is_data(), "{name} in protocol {}: {error}", sample.protocol);
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Person {
    name: String,
    born: u16,
    tags: Vec<String>,
}

fn ada() -> Person {
    Person { name: "Ada".into(), born: 1815, tags: vec!["analyst".into(), "poet".into()] }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Xy<T> {
    x: T,
    y: T,
}

#[test]
fn plain_values() {
    is("none", &None::<u8>);
    is("none", &());
    is("bools", &(true, false));
    is(
        "ints",
        &[0, 1, -1, 255, 256, 65535, 65536, 2_147_483_647, -2_147_483_648, 2_147_483_648, i64::MAX, i64::MIN]
            .to_vec(),
    );
    is("floats", &[0.0, -0.0, 1.5, 1e300, 5e-324, f64::INFINITY, f64::NEG_INFINITY].to_vec());
    is("counts", &BTreeMap::from([("a".to_owned(), 1), ("b".into(), 2), ("c".into(), 3)]));
    is("shared", &vec![vec![1], vec![1], vec![1]]);
}

#[test]
fn big_integers() {
    type I = IgnoredAny;
    type Big = (u64, u64, i128, i128, String, String, String);
    for sample in samples_of("big_ints") {
        let big: Big = from_slice(&sample.pickle).unwrap();
        assert_eq!((big.0, big.1, big.2, big.3), (1 << 63, u64::MAX, i128::MAX, i128::MIN));
        assert_eq!(big.4, "340282366920938463463374607431768211456");
        assert_eq!(big.5, format!("-1{}", "0".repeat(40)));
        assert_eq!(big.6.len(), 633);
        let floats: Vec<f64> = from_slice(&sample.pickle).unwrap();
        assert_eq!(&floats[4..6], [2f64.powi(128), -1e40]);
        let (.., widest, _, _, _, _) = from_slice::<(u64, u64, u128, I, I, I, I)>(&sample.pickle).unwrap();
        assert_eq!(widest, i128::MAX as u128);
        let error = from_slice::<Vec<i128>>(&sample.pickle).unwrap_err();
        assert!(
            error.to_string().starts_with("invalid value: integer `340282366920938463463374607431768211456`")
        );
        assert_eq!(error.path().to_string(), "obj[4]");
    }
}

#[test]
fn text_and_bytes() {
    let texts = ["", "a", "é", "日本", "😀", "a\nb\\c\0", &"x".repeat(300)].map(str::to_owned).to_vec();
    is("text", &texts);
    is_not::<Vec<String>>("surrogates");
    let all: Vec<u8> = (0..=255).collect();
    is("bytes", &vec![vec![], b"abc".to_vec(), all, vec![b'x'; 300]]);
    is("bytearray", &vec![vec![], b"abc".to_vec()]);
    is("bytearray", &([0u8; 0], *b"abc"));
    // Nothing is copied where nothing has to be.
    for sample in samples_of("text").into_iter().filter(|sample| sample.protocol > 0) {
        let borrowed: Vec<&str> = from_slice(&sample.pickle).unwrap();
        assert_eq!(borrowed, texts);
    }
    for sample in samples_of("bytes").into_iter().filter(|sample| sample.protocol > 2) {
        let borrowed: Vec<&[u8]> = from_slice(&sample.pickle).unwrap();
        assert_eq!(borrowed[1], b"abc");
    }
}

#[test]
fn containers() {
    is("sets", &vec![BTreeSet::new(), BTreeSet::from([1]), BTreeSet::new(), BTreeSet::from([2])]);
    is("ordered", &vec![("b".to_owned(), 1), ("a".to_owned(), 2)]);
    is("ordered", &BTreeMap::from([("a".to_owned(), 2), ("b".into(), 1)]));
    is("defaultdict", &HashMap::from([("a".to_owned(), vec![1])]));
    is("counter", &BTreeMap::from([("a".to_owned(), 2), ("b".into(), 1), ("c".into(), 1)]));
    is("deque", &VecDeque::from([1, 2, 3]));
    is("config", &BTreeMap::from([("depth".to_owned(), 3)]));
    is("stack", &vec![1, 2]);
    is_not::<(u8, u8)>("deque");
}

#[test]
fn instances_as_structs() {
    is("person", &ada());
    is("frozen", &Xy { x: 1.5, y: -2.0 });
    is("slots", &Xy { x: 1, y: 2 });
    is("point", &Xy { x: 3, y: 4 });
    is("point", &(3, 4));
    is("range", &(1, 10, 2));
    is("complex", &(1.0, 2.0));
    is("label", &"hello".to_owned());

    #[derive(Debug, PartialEq, Deserialize)]
    struct Mixed {
        slot: u8,
        attribute: String,
    }
    is("mixed", &Mixed { slot: 1, attribute: "two".into() });

    #[derive(Debug, PartialEq, Deserialize)]
    struct Config {
        depth: u8,
        source: String,
    }
    is("config", &Config { depth: 3, source: "file".into() });

    #[derive(Debug, PartialEq, Deserialize)]
    struct Money {
        amount: u32,
        currency: String,
    }
    for sample in samples_of("money").into_iter().filter(|sample| sample.protocol >= 2) {
        let money: Money = from_slice(&sample.pickle).unwrap();
        assert_eq!(money, Money { amount: 5, currency: "EUR".into() });
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct NewPerson(Person);
    is("person", &NewPerson(ada()));
    is("person", &Some(ada()));
}

#[test]
fn instances_as_anything() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum Any {
        Int(i64),
        Text(String),
        List(Vec<Any>),
        Map(BTreeMap<String, Any>),
    }
    let text = |text: &str| Any::Text(text.into());
    let map = BTreeMap::from([
        ("name".to_owned(), text("Ada")),
        ("born".into(), Any::Int(1815)),
        ("tags".into(), Any::List(vec![text("analyst"), text("poet")])),
    ]);
    is("person", &Any::Map(map));
    is("point", &Any::List(vec![Any::Int(3), Any::Int(4)]));
    is("exception", &text("missing"));
    is("stack", &Any::List(vec![Any::Int(1), Any::Int(2)]));
    for sample in samples_of("globals") {
        let names: Vec<String> = from_slice(&sample.pickle).unwrap();
        let builtins = if sample.protocol < 3 { "__builtin__" } else { "builtins" };
        assert_eq!(names, [&format!("{builtins}.len"), "collections.OrderedDict", "models.Person"]);
    }
}

#[test]
fn standard_types_as_text_and_numbers() {
    is("decimal", &"12.50".to_owned());
    is("decimal", &12.5);
    is("fraction", &"1/3".to_owned());
    is("uuid", &"12345678-1234-5678-1234-567812345678".to_owned());
    is("uuid", &0x1234_5678_1234_5678_1234_5678_1234_5678_u128);
    is("path", &"/usr/share/doc".to_owned());
    is("relative_path", &std::path::PathBuf::from("a/b.txt"));
    is("date", &"2024-02-29".to_owned());
    is("time", &"12:30:05.000250".to_owned());
    is("datetime", &"2024-02-29T12:30:05.123456".to_owned());
    is("datetime_utc", &"2024-02-29T12:30:00+00:00".to_owned());
    is("datetime_offset", &"2024-02-29T12:30:00-03:30".to_owned());
    is("datetime_zone", &"2024-02-29T12:30:00[Europe/Berlin]".to_owned());
    is("timedelta", &86402.5);
    is("timedelta", &(1, 2, 500_000));
    is("timedelta", &Duration::from_millis(86_402_500));
    is_not::<u8>("date");
}

#[test]
fn enums() {
    #[derive(Debug, PartialEq, Deserialize)]
    enum Color {
        #[serde(rename = "red")]
        Red,
        #[serde(rename = "2")]
        Green,
        #[serde(rename = "1")]
        Read,
    }
    is("enums", &[Color::Red, Color::Green, Color::Read]);

    /// A variant for each class.
    #[derive(Debug, PartialEq, Deserialize)]
    enum Shape {
        Point { x: u8, y: u8 },
        Frozen { x: f64, y: f64 },
        Person(Person),
    }
    is("point", &Shape::Point { x: 3, y: 4 });
    is("frozen", &Shape::Frozen { x: 1.5, y: -2.0 });
    is("person", &Shape::Person(ada()));
    is_not::<Shape>("uuid");

    #[derive(Debug, PartialEq, Deserialize)]
    enum Tagged {
        Unit,
        One(u8),
        Two(u8, u8),
        Named { a: u8 },
    }
    let read = |pickle: &'static [u8]| from_slice::<Tagged>(pickle).unwrap();
    assert_eq!(read(b"X\x04\0\0\0Unit."), Tagged::Unit);
    assert_eq!(read(b"}X\x03\0\0\0OneK\x01s."), Tagged::One(1));
    assert_eq!(read(b"}X\x03\0\0\0TwoK\x01K\x02\x86s."), Tagged::Two(1, 2));
    assert_eq!(read(b"}X\x05\0\0\0Named}X\x01\0\0\0aK\x01ss."), Tagged::Named { a: 1 });
    assert_eq!(read(b"X\x04\0\0\0Unit\x85."), Tagged::Unit);
    assert_eq!(read(b"X\x03\0\0\0OneK\x01\x86."), Tagged::One(1));
    assert_eq!(read(b"X\x03\0\0\0TwoK\x01K\x02\x87."), Tagged::Two(1, 2));
    // One item after the name is what the variant holds, not its first field.
    let error = from_slice::<Tagged>(b"X\x05\0\0\0NamedK\x01\x86.").unwrap_err();
    assert!(error.to_string().starts_with("invalid type: Python int"), "{error}");
}

#[test]
fn strings_of_python_2() {
    let with = |encoding| Options::new().strings(encoding);
    let pickle = b"U\x02a\xe9.";
    assert_eq!(from_slice::<&str>(b"U\x02ab.").unwrap(), "ab");
    assert_eq!(from_slice::<&[u8]>(pickle).unwrap(), b"a\xe9");
    assert!(from_slice::<String>(pickle).is_err());
    assert_eq!(with(StringEncoding::Latin1).from_slice::<String>(pickle).unwrap(), "aé");
    assert!(matches!(
        with(StringEncoding::Ascii).from_slice::<String>(pickle).unwrap_err().kind(),
        ErrorKind::Encoding(_)
    ));
    // The names of fields are text whatever becomes of other strings.
    let dict = b"(dS'x'\nS'a'\nsS'y'\nS'b'\ns.";
    let bytes: Xy<&[u8]> = with(StringEncoding::Bytes).from_slice(dict).unwrap();
    assert_eq!(bytes, Xy { x: &b"a"[..], y: b"b" });
}

#[test]
fn cycles_and_depth_are_errors_and_can_be_passed_by() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "it is never made")]
    struct Node {
        children: Vec<Node>,
        parent: Option<Box<Node>>,
    }
    for sample in samples_of("tree") {
        let error = from_slice::<Node>(&sample.pickle).unwrap_err();
        assert!(error.is_cycle(), "{error}");
        assert!(error.offset().is_some(), "{error}");
        assert_eq!(error.path().to_string(), "obj.children[0].parent", "protocol {}", sample.protocol);
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Downward {
        name: String,
        children: Vec<Downward>,
    }
    let leaf = |name: &str| Downward { name: name.into(), children: Vec::new() };
    let children = vec![leaf("left"), leaf("right")];
    is("tree", &Downward { name: "root".into(), children });

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "it is only measured")]
    struct Nested(Vec<Nested>);
    let deep = |depth: usize| [&b"]".repeat(depth)[..], &b"a".repeat(depth - 1), b"."].concat();
    assert!(from_slice::<Nested>(&deep(64)).is_ok());
    let pickle = deep(100_000);
    let error = from_slice::<Nested>(&pickle).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Depth(128)), "{error}");
    let raised = deep(200);
    assert!(Options::new().recursion_limit(400).from_slice::<Nested>(&raised).is_ok());
    from_slice::<IgnoredAny>(&pickle).unwrap();
}

#[test]
fn errors_say_where() {
    type Runs = BTreeMap<String, Vec<u8>>;
    let error = |pickle: &'static [u8]| from_slice::<Runs>(pickle).unwrap_err().to_string();
    assert_eq!(
        error(b"}X\x03\0\0\0run](K\x01M\x00\x02es."),
        "invalid value: integer `512`, expected u8, at offset 13, in obj['run'][1]"
    );
    assert_eq!(
        error(b"}X\x03\0\0\0runcm\nC\n)\x81}X\x01\0\0\0aNsbs."),
        "invalid type: an instance of m.C, expected a sequence, at offset 15, in obj['run']"
    );
    assert_eq!(
        error(b"}X\x03\0\0\0runK\x01s."),
        "invalid type: Python int, expected a sequence, at offset 9, in obj['run']"
    );
    assert_eq!(error(b"}.x"), "trailing data after the pickle, at offset 2");
    assert_eq!(error(b"X"), "pickle data was truncated, at offset 0, opcode BINUNICODE");
}
