//! What is measured.

use crate::data::{self, Message, Order, Record, Status};
use crate::facts::scan;
use crate::measure::Side;
use brinery::{Graph, WriteOptions, read::Decoder};
use serde::{Serialize, de::DeserializeOwned};
use serde_bytes::{ByteBuf, Bytes};
use std::fmt::Debug;

/// A comparison: brinery twice, then the others.
pub struct Workload<'a> {
    pub name: &'static str,
    /// The size of the pickle.
    pub size: usize,
    pub sides: Vec<Side<'a>>,
}

/// The same value in each format.
pub struct Encoded {
    pub pickle: Vec<u8>,
    msgpack: Vec<u8>,
    json: Vec<u8>,
}

impl Encoded {
    fn new<T: Serialize>(value: &T) -> Self {
        Self::with(value, &WriteOptions::new())
    }

    fn with<T: Serialize>(value: &T, options: &WriteOptions) -> Self {
        Encoded {
            pickle: options.to_vec(value).unwrap(),
            msgpack: rmp_serde::to_vec_named(value).unwrap(),
            json: serde_json::to_vec(value).unwrap(),
        }
    }
}

/// Everything that is read, and written again.
pub struct Inputs {
    records: Vec<Record<String>>,
    statuses: Vec<Status<String>>,
    orders: Vec<Order<String>>,
    message: Message<String>,
    ints: Vec<i64>,
    floats: Vec<f64>,
    texts: Vec<String>,
    bytes: ByteBuf,
    pub encoded: [(&'static str, Encoded); 8],
}

/// How structs become instances.
fn classes() -> WriteOptions {
    WriteOptions::new().class("Order", "shop", "Order")
}

impl Inputs {
    pub fn new() -> Self {
        let records = data::records(100_000);
        let statuses = data::statuses(20_000);
        let orders = data::orders(100_000);
        let message = data::message();
        let ints = data::ints(1_000_000);
        let floats = data::floats(1_000_000);
        let texts = data::texts(500_000);
        let bytes = ByteBuf::from(data::bytes(64 << 20));
        let encoded = [
            ("records", Encoded::new(&records)),
            ("api", Encoded::new(&statuses)),
            ("instances", Encoded::with(&orders, &classes())),
            ("message", Encoded::new(&message)),
            ("ints", Encoded::new(&ints)),
            ("floats", Encoded::new(&floats)),
            ("texts", Encoded::new(&texts)),
            // As an array of numbers, JSON is out of the question.
            (
                "bytes",
                Encoded {
                    pickle: brinery::to_vec(&bytes).unwrap(),
                    msgpack: rmp_serde::to_vec(&bytes).unwrap(),
                    json: Vec::new(),
                },
            ),
        ];
        Inputs { records, statuses, orders, message, ints, floats, texts, bytes, encoded }
    }

    fn of(&self, name: &str) -> &Encoded {
        &self.encoded.iter().find(|(known, _)| *known == name).unwrap().1
    }
}

fn peer<T: DeserializeOwned>(pickle: &[u8]) -> T {
    serde_pickle::from_slice(pickle, serde_pickle::DeOptions::new()).unwrap()
}

/// Reading as an owned type, by all.
fn owned<'a, T>(name: &'static str, input: &'a Encoded, times: usize, expected: &'a T) -> Workload<'a>
where
    T: DeserializeOwned + PartialEq + Debug + 'a,
{
    assert!(brinery::from_slice::<T>(&input.pickle).unwrap() == *expected);
    let (pickle, msgpack, json) = (&input.pickle, &input.msgpack, &input.json);
    let ours = || Side::new("brinery", times, || brinery::from_slice::<T>(pickle).unwrap());
    let mut sides = vec![ours(), ours()];
    sides.push(Side::new("serde-pickle", times, || peer::<T>(pickle)));
    sides.push(Side::new("rmp-serde", times, || rmp_serde::from_slice::<T>(msgpack).unwrap()));
    if !json.is_empty() {
        sides.push(Side::new("serde_json", times, || serde_json::from_slice::<T>(json).unwrap()));
    }
    Workload { name, size: pickle.len(), sides }
}

/// Reading as a type that borrows, by those that can. (JSON has escapes, which cannot be borrowed.)
macro_rules! borrowed {
    ($name:literal, $input:expr, $times:expr, $type:ty) => {{
        let input: &Encoded = $input;
        let (pickle, msgpack) = (&input.pickle, &input.msgpack);
        let ours = || Side::new("brinery", $times, || brinery::from_slice::<$type>(pickle).unwrap());
        let theirs = Side::new("rmp-serde", $times, || rmp_serde::from_slice::<$type>(msgpack).unwrap());
        Workload { name: $name, size: pickle.len(), sides: vec![ours(), ours(), theirs] }
    }};
}

/// Reading as a value of any kind.
fn any<'a>(name: &'static str, input: &'a Encoded) -> Workload<'a> {
    let ours = || Side::new("brinery", 1, || Graph::from_slice(&input.pickle).unwrap());
    let options = serde_pickle::DeOptions::new();
    let peer = move || serde_pickle::value_from_slice(&input.pickle, options.clone()).unwrap();
    let mut sides = vec![ours(), ours(), Side::new("serde-pickle", 1, peer)];
    if !input.json.is_empty() {
        let json = || serde_json::from_slice::<serde_json::Value>(&input.json).unwrap();
        sides.push(Side::new("serde_json", 1, json));
    }
    Workload { name, size: input.pickle.len(), sides }
}

/// Looking without building: by the decoder alone, and by the machine.
fn look<'a>(names: [&'static str; 2], input: &'a Encoded, times: usize) -> [Workload<'a>; 2] {
    let pickle = &input.pickle;
    let decode =
        || Side::new("brinery", times, || Decoder::new(pickle).map(|op| op.unwrap().end).sum::<u64>());
    let facts = || Side::new("brinery", times, || scan(pickle).values);
    [
        Workload { name: names[0], size: pickle.len(), sides: vec![decode(), decode()] },
        Workload { name: names[1], size: pickle.len(), sides: vec![facts(), facts()] },
    ]
}

fn write<'a, T: Serialize>(
    name: &'static str,
    value: &'a T,
    options: &'a WriteOptions,
    times: usize,
) -> Workload<'a> {
    let size = options.to_vec(value).unwrap().len();
    let ours = || Side::new("brinery", times, || options.to_vec(value).unwrap());
    let mut sides = vec![ours(), ours()];
    let peer = || serde_pickle::to_vec(value, serde_pickle::SerOptions::new()).unwrap();
    sides.push(Side::new("serde-pickle", times, peer));
    sides.push(Side::new("rmp-serde", times, || rmp_serde::to_vec_named(value).unwrap()));
    sides.push(Side::new("serde_json", times, || serde_json::to_vec(value).unwrap()));
    Workload { name, size, sides }
}

/// All workloads.
pub fn all<'a>(inputs: &'a Inputs, options: &'a [WriteOptions; 2]) -> Vec<Workload<'a>> {
    let of = |name| inputs.of(name);
    let mut workloads = vec![
        owned("read.records", of("records"), 1, &inputs.records),
        owned("read.api", of("api"), 1, &inputs.statuses),
        owned("read.instances", of("instances"), 1, &inputs.orders),
        owned("read.message", of("message"), 1000, &inputs.message),
        owned("read.ints", of("ints"), 1, &inputs.ints),
        owned("read.floats", of("floats"), 1, &inputs.floats),
        owned("read.texts", of("texts"), 1, &inputs.texts),
        owned("read.bytes", of("bytes"), 1, &inputs.bytes),
        borrowed!("borrow.records", of("records"), 1, Vec<Record<&str>>),
        borrowed!("borrow.api", of("api"), 1, Vec<Status<&str>>),
        borrowed!("borrow.instances", of("instances"), 1, Vec<Order<&str>>),
        borrowed!("borrow.message", of("message"), 1000, Message<&str>),
        borrowed!("borrow.texts", of("texts"), 1, Vec<&str>),
        borrowed!("borrow.bytes", of("bytes"), 1000, &Bytes),
        any("value.records", of("records")),
        any("value.api", of("api")),
        any("value.instances", of("instances")),
        any("value.ints", of("ints")),
        any("value.floats", of("floats")),
        any("value.texts", of("texts")),
    ];
    // What memory alone allows.
    if let Some(bytes) = workloads.iter_mut().find(|workload| workload.name == "read.bytes") {
        bytes.sides.push(Side::new("memcpy", 1, || inputs.bytes.to_vec()));
    }
    workloads.extend(look(["decode.records", "scan.records"], of("records"), 1));
    workloads.extend(look(["decode.api", "scan.api"], of("api"), 1));
    workloads.extend(look(["decode.ints", "scan.ints"], of("ints"), 1));
    workloads.extend(look(["decode.floats", "scan.floats"], of("floats"), 1));
    workloads.extend(look(["decode.bytes", "scan.bytes"], of("bytes"), 1000));
    workloads.extend([
        write("write.records", &inputs.records, &options[0], 1),
        write("write.api", &inputs.statuses, &options[0], 1),
        write("write.instances", &inputs.orders, &options[1], 1),
        write("write.message", &inputs.message, &options[0], 1000),
        write("write.ints", &inputs.ints, &options[0], 1),
        write("write.floats", &inputs.floats, &options[0], 1),
        write("write.texts", &inputs.texts, &options[0], 1),
    ]);
    workloads
}

/// The two ways to write.
pub fn options() -> [WriteOptions; 2] {
    [WriteOptions::new(), classes()]
}
