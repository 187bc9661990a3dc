//! What is read straight from the opcodes is what a graph would give.

use super::read;
use crate::options::Options;
use ::serde::Deserialize;
use ::serde::de::{Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt::{self, Debug};

/// All that a visitor of anything is shown.
#[derive(Debug, PartialEq)]
enum Seen {
    Unit,
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(u64),
    Text(String),
    Bytes(Vec<u8>),
    Seq(Vec<Seen>),
    Map(Vec<(Seen, Seen)>),
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen::Unit)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Seen, E> {
        Ok(Seen::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Seen, E> {
        Ok(Seen::I64(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Seen, E> {
        Ok(Seen::U64(value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Seen, E> {
        Ok(Seen::F64(value.to_bits()))
    }
    fn visit_str<E>(self, value: &str) -> Result<Seen, E> {
        Ok(Seen::Text(value.into()))
    }
    fn visit_bytes<E>(self, value: &[u8]) -> Result<Seen, E> {
        Ok(Seen::Bytes(value.into()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seen, A::Error> {
        let mut seen = Vec::new();
        while let Some(item) = items.next_element()? {
            seen.push(item);
        }
        Ok(Seen::Seq(seen))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Seen, A::Error> {
        let mut seen = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            seen.push(entry);
        }
        Ok(Seen::Map(seen))
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

/// What is read as this, or nothing at all if it is not: nobody hears of the error.
#[derive(Debug, PartialEq)]
struct Lenient<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Lenient(T::deserialize(deserializer).ok()))
    }
}

/// A variant whose content nobody asks for.
#[derive(Debug, PartialEq)]
struct Name(String);

impl<'de> Visitor<'de> for Name {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a variant")
    }
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Name, A::Error> {
        let (name, variant) = data.variant::<String>()?;
        if name == "b" {
            variant.newtype_variant::<IgnoredAny>()?;
        }
        Ok(Name(name))
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum("Name", &["a", "b"], Name(String::new()))
    }
}

/// Keys without their values.
#[derive(Debug, PartialEq)]
struct Keys(Vec<Seen>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Keys;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some(key) = entries.next_key()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(All)
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Record {
    a: Option<Seen>,
    b: Option<Lenient<u8>>,
    x: Vec<Record>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Strict<T> {
    a: T,
    b: Option<T>,
}

#[derive(Debug, PartialEq, Deserialize)]
enum Shape {
    #[serde(rename = "a")]
    Unit,
    #[serde(rename = "b")]
    One(Seen),
    #[serde(rename = "x")]
    Two(u8, Seen),
    #[serde(rename = "m")]
    Fields { a: Seen },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Untagged<'a> {
    Int(i64),
    Text(&'a str),
    List(Vec<Untagged<'a>>),
    Map(BTreeMap<String, Untagged<'a>>),
}

#[derive(Debug, PartialEq, Deserialize)]
struct Wrapped<T>(T);

/// Reads it both ways; whether it could be read directly.
fn agree<'a, T: Deserialize<'a> + Debug + PartialEq>(input: &'a [u8]) -> bool {
    let options = Options::new().recursion_limit(20);
    let Some((value, rest)) = read::<T>(&options, input) else { return false };
    let graph = options.graph_from_start(input);
    let (graph, after) =
        graph.unwrap_or_else(|error| panic!("{error}: {value:?} of {}", input.escape_ascii()));
    match options.from_value::<T>(graph.root()) {
        // Not everything is equal to itself, but all of it looks the same.
        Ok(expected) if value != expected => {
            assert_eq!(format!("{value:?}"), format!("{expected:?}"), "{}", input.escape_ascii());
        }
        Ok(_) => {}
        Err(error) => panic!("{error}: {value:?} of {}", input.escape_ascii()),
    }
    assert_eq!(rest, after, "{}", input.escape_ascii());
    true
}

/// As one type after the other; how many of them could be read directly.
fn agree_in_all(input: &[u8]) -> usize {
    [
        agree::<Seen>(input),
        agree::<IgnoredAny>(input),
        agree::<Vec<Seen>>(input),
        agree::<Vec<IgnoredAny>>(input),
        agree::<(Seen, Seen)>(input),
        agree::<(IgnoredAny, Vec<Seen>, Seen)>(input),
        agree::<[Wrapped<Seen>; 2]>(input),
        agree::<Vec<(u8, Seen)>>(input),
        agree::<Vec<Vec<Seen>>>(input),
        agree::<Vec<u8>>(input),
        agree::<Vec<Lenient<u8>>>(input),
        agree::<Vec<Lenient<Vec<u8>>>>(input),
        agree::<Vec<Lenient<Record>>>(input),
        agree::<BTreeMap<String, Seen>>(input),
        agree::<Vec<BTreeMap<String, Lenient<Seen>>>>(input),
        agree::<Keys>(input),
        agree::<Record>(input),
        agree::<Vec<Record>>(input),
        agree::<Strict<Seen>>(input),
        agree::<Vec<Strict<Strict<u8>>>>(input),
        agree::<Vec<Strict<Option<IgnoredAny>>>>(input),
        agree::<Shape>(input),
        agree::<Vec<Shape>>(input),
        agree::<Vec<Name>>(input),
        agree::<Vec<Untagged<'_>>>(input),
        agree::<Option<&str>>(input),
        agree::<Vec<Option<String>>>(input),
        agree::<Vec<f64>>(input),
        agree::<Vec<i128>>(input),
    ]
    .into_iter()
    .map(usize::from)
    .sum()
}

/// Numbers that look random and are the same every time (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((value ^ (value >> 31)) % end as u64) as usize
    }
}

/// Writes opcodes that the stack allows, in any order that it allows.
struct Writer {
    random: Random,
    out: Vec<u8>,
    /// What is on the stack: the opcode that made it.
    stack: Vec<u8>,
    marks: Vec<usize>,
    memo: Vec<u8>,
    /// How many objects are below the mark that stays.
    floor: usize,
}

impl Writer {
    fn push(&mut self, opcodes: &[u8], kind: u8) {
        self.out.extend_from_slice(opcodes);
        self.stack.push(kind);
        let stored = match kind {
            b'K' => false,
            b'h' => self.random.below(30) == 0,
            _ => self.random.below(3) > 0,
        };
        if stored {
            self.out.push(0x94);
            self.memo.push(kind);
        }
    }

    fn above(&self) -> usize {
        self.stack.len() - self.marks.last().copied().unwrap_or(self.floor)
    }

    fn take(&mut self, count: usize) {
        self.stack.truncate(self.stack.len() - count);
    }

    fn step(&mut self) {
        let above = self.above();
        let kind = |back: usize, this: &Self| this.stack[this.stack.len() - back];
        match self.random.below(30) {
            0..5 => {
                let scalars: [&[u8]; 8] = [
                    b"K\x01",
                    b"K\x02",
                    b"M\x01\x02",
                    b"N",
                    b"\x88",
                    b"G?\xf8\0\0\0\0\0\0",
                    b"\x8a\x01\xff",
                    b"J\xff\xff\xff\xff",
                ];
                let scalar = scalars[self.random.below(8)];
                self.push(scalar, b'K');
            }
            5..10 => {
                let texts: [&[u8]; 5] =
                    [b"\x8c\x01a", b"\x8c\x01b", b"\x8c\x01x", b"\x8c\x01m", b"X\x02\0\0\0\xc3\xbc"];
                let text = texts[self.random.below(5)];
                self.push(text, 0x8c);
            }
            10 => self.push(b"C\x01\x05", b'C'),
            11..14 => self.push(b"]", b']'),
            14..17 => self.push(b"}", b'}'),
            17 => {
                let (opcode, kind) = [(b"\x8f", 0x8f), (b")", b')')][self.random.below(2)];
                self.push(opcode, kind);
            }
            18 | 19 => {
                self.out.push(b'(');
                self.marks.push(self.stack.len());
            }
            20..23 if !self.marks.is_empty() => {
                let mark = self.marks.pop().unwrap_or(0);
                let count = self.stack.len() - mark;
                let open = self.marks.last().copied().unwrap_or(self.floor);
                let below = if mark > open { self.stack[mark - 1] } else { 0 };
                self.stack.truncate(mark);
                match below {
                    b']' => self.out.push(b'e'),
                    b'}' if count.is_multiple_of(2) => self.out.push(b'u'),
                    0x8f => self.out.push(0x90),
                    _ if self.random.below(4) == 0 => self.push(b"\x91", b't'),
                    _ => self.push(b"t", b't'),
                }
            }
            23 | 24 if above >= 2 && kind(2, self) == b']' => {
                self.take(1);
                self.out.push(b'a');
            }
            23..26 if above >= 3 && kind(3, self) == b'}' => {
                self.take(2);
                self.out.push(b's');
            }
            24..27 if above >= 1 => {
                let count = 1 + self.random.below(above.min(3));
                self.take(count);
                self.push(&[0x84 + count as u8], 0x85);
            }
            27 if !self.memo.is_empty() => {
                let index = self.random.below(self.memo.len());
                let kind = if self.memo[index] == 0x93 { 0x93 } else { b'h' };
                self.push(&[b'h', index as u8], kind);
            }
            28 => {
                self.push(b"\x8c\x01m", 0x8c);
                self.push(b"\x8c\x01C", 0x8c);
                self.take(2);
                self.push(b"\x93", 0x93);
            }
            29 if above >= 1 && kind(1, self) == 0x93 => {
                self.take(1);
                self.push(b")\x81", 0x81);
                if self.random.below(4) > 0 {
                    self.push(b"}", b'}');
                }
            }
            _ if above >= 2 && kind(2, self) == 0x81 => {
                self.take(1);
                self.out.push(b'b');
            }
            _ => {}
        }
    }

    /// A whole stream.
    fn write(seed: u64) -> Vec<u8> {
        let mut writer = Writer {
            random: Random(seed),
            out: b"\x80\x04".to_vec(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
            floor: 0,
        };
        // Most are lists, which need not know beforehand what they hold.
        let is_list = writer.random.below(3) > 0;
        if is_list {
            writer.push(b"]", b']');
            writer.out.push(b'(');
            writer.floor = 1;
        }
        for _ in 0..2 + writer.random.below(30) {
            writer.step();
        }
        while let Some(mark) = writer.marks.pop() {
            writer.stack.truncate(mark);
            writer.push(b"t", b't');
        }
        while writer.stack.len() > 1 && !is_list {
            if writer.stack[writer.stack.len() - 2] == b']' {
                writer.take(1);
                writer.out.push(b'a');
            } else {
                let count = writer.stack.len().min(3);
                writer.take(count);
                writer.push(&[0x84 + count as u8], 0x85);
            }
        }
        if is_list {
            writer.out.push(b'e');
        }
        if writer.stack.is_empty() {
            writer.out.push(b'N');
        }
        writer.out.push(b'.');
        writer.out
    }
}

/// Whether a value is read straight from what is written of it, in every protocol that can be.
fn is_direct<T: ::serde::Serialize + for<'a> Deserialize<'a> + PartialEq + Debug>(value: &T) {
    let options = Options::new();
    for protocol in 2..=5 {
        for variants in [crate::Variants::Dict, crate::Variants::Tuple] {
            let writing = crate::WriteOptions::new().protocol(protocol).variants(variants);
            for writing in [writing.clone().class("Order", "shop", "Order"), writing] {
                let pickle = writing.to_vec(value).unwrap();
                let read = read::<T>(&options, &pickle).map(|(value, _)| value);
                assert!(read.as_ref() == Some(value), "{read:?} of {}", pickle.escape_ascii());
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, ::serde::Serialize, Deserialize)]
struct Order {
    number: u32,
    total: f64,
    lines: Vec<Line>,
    notes: BTreeMap<String, Option<String>>,
    at: (i16, i16),
    corners: [(u8, u8); 4],
}

#[derive(Clone, Debug, PartialEq, ::serde::Serialize, Deserialize)]
enum Line {
    Empty,
    Text(String),
    Item { name: String, price: f32 },
}

#[test]
fn usual_values_are_read_directly() {
    is_direct(&vec![1u64, 300, 70_000, 1 << 40, u64::MAX]);
    is_direct(&vec![-1i64, i64::MIN]);
    is_direct(&"text".to_owned());
    is_direct(&(0..2500).map(f64::from).collect::<Vec<_>>());
    is_direct(&(0..2000).map(|key| (key.to_string(), key)).collect::<BTreeMap<_, _>>());
    is_direct(&vec![Vec::new(), vec![1u8], Vec::new(), vec![1, 2]]);
    is_direct(&vec![vec![vec!["one".to_owned()]]]);
    is_direct(&vec![Some(true), None]);
    is_direct(&"x".repeat(100_000));
    let order = |number: u32| Order {
        number,
        total: 12.5,
        lines: [
            vec![],
            vec![Line::Empty],
            vec![Line::Text("ß".into()), Line::Item { name: "pen".into(), price: 1.5 }, Line::Empty],
        ][number as usize % 3]
            .clone(),
        notes: (0..number % 4).map(|key| (key.to_string(), (key > 1).then(|| "note".into()))).collect(),
        at: (1, -1),
        corners: [(0, 1), (2, 3), (4, 5), (6, 7)],
    };
    is_direct(&order(1));
    is_direct(&(0..1500).map(order).collect::<Vec<_>>());
}

#[test]
fn who_looks_ahead_for_nothing_too_often_is_stopped() {
    // Each list could have the next one as its only item.
    let mut stream = b"\x80\x04](".to_vec();
    stream.extend(b"]".repeat(100_000));
    stream.extend(b"e.");
    assert!(read::<Vec<Vec<u8>>>(&Options::new(), &stream).is_none_or(|(lists, _)| lists.len() == 100_000));
    assert_eq!(crate::from_slice::<Vec<Vec<u8>>>(&stream).unwrap().len(), 100_000);
    let deep = [b"\x80\x04".to_vec(), b"]".repeat(100_000), b"a".repeat(99_999), b".".to_vec()].concat();
    assert!(crate::from_slice::<IgnoredAny>(&deep).is_ok());
    assert!(crate::from_slice::<Vec<Seen>>(&deep).is_err());
}

#[test]
fn opcodes_in_any_order_mean_the_same_both_ways() {
    let count = 100_000;
    let direct: usize = (0..count).map(|seed| agree_in_all(&Writer::write(seed))).sum();
    assert!(direct > count as usize, "only {direct} of {count} streams were read directly, in all types");
}

#[test]
fn damaged_streams_mean_the_same_both_ways() {
    let mut random = Random(1);
    for seed in 0..100_000 {
        let mut stream = Writer::write(seed);
        for _ in 0..=random.below(2) {
            if stream.len() < 4 {
                break;
            }
            let at = 2 + random.below(stream.len() - 2);
            let to = (at + 1 + random.below(4)).min(stream.len());
            match random.below(4) {
                0 => stream[at] = stream[2 + random.below(stream.len() - 2)],
                1 => drop(stream.drain(at..to)),
                2 => {
                    let copy = stream[at..to].to_vec();
                    stream.splice(at..at, copy);
                }
                _ => stream[at] ^= 1 << random.below(8),
            }
        }
        agree_in_all(&stream);
    }
}
