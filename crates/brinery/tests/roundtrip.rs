//! Any graph survives being written and read; damaged streams never do harm.
#![cfg(feature = "serde")]
#![allow(clippy::items_after_statements, reason = "a type stands beside the test of it")]

mod common;

use brinery::{
    ErrorKind, Graph, Id,
    value::{ChangeKind, Construction, New},
};
use common::samples;
use num_bigint::BigInt;
use proptest::{prelude::*, test_runner::RngSeed};
use std::io::BufReader;

/// How to make one more object of those that are there already; numbers choose among them.
#[derive(Clone, Debug)]
enum Step {
    None,
    Bool(bool),
    Int(i64),
    BigInt(Vec<u8>),
    Float(f64),
    Text(String),
    Surrogate(String),
    String(Vec<u8>),
    Bytes(Vec<u8>),
    ByteArray(Vec<u8>),
    List(Vec<usize>),
    Tuple(Vec<usize>),
    Dict(Vec<(usize, usize)>),
    Set(Vec<usize>),
    FrozenSet(Vec<usize>),
    Global(String, String),
    Extension(u32),
    Persistent(usize),
    Instance(usize, usize, Vec<usize>),
    InstanceEx(usize, Vec<usize>, Vec<(usize, usize)>),
    ReadOnly(Vec<u8>),
    Buffer,
    Change(usize, usize, Vec<(usize, usize)>),
}

fn change() -> impl Strategy<Value = Step> {
    let items = prop::collection::vec(any::<(usize, usize)>(), 1..4);
    (any::<usize>(), 0..4usize, items).prop_map(|(object, kind, items)| Step::Change(object, kind, items))
}

fn step() -> impl Strategy<Value = Step> {
    let some = || prop::collection::vec(any::<usize>(), 0..6);
    let pairs = || prop::collection::vec(any::<(usize, usize)>(), 0..4);
    let bytes = || prop::collection::vec(any::<u8>(), 0..20);
    let float = any::<f64>().prop_filter("NaN has many spellings", |float| !float.is_nan());
    prop_oneof![
        Just(Step::None),
        any::<bool>().prop_map(Step::Bool),
        any::<i64>().prop_map(Step::Int),
        bytes().prop_map(Step::BigInt),
        float.prop_map(Step::Float),
        any::<String>().prop_map(Step::Text),
        any::<String>().prop_map(Step::Surrogate),
        bytes().prop_map(Step::String),
        bytes().prop_map(Step::Bytes),
        bytes().prop_map(Step::ByteArray),
        some().prop_map(Step::List),
        some().prop_map(Step::Tuple),
        pairs().prop_map(Step::Dict),
        some().prop_map(Step::Set),
        some().prop_map(Step::FrozenSet),
        ("[a-z]{1,3}", "[a-zA-Z.]{0,5}").prop_map(|(module, name)| Step::Global(module, name)),
        (1..=i32::MAX as u32).prop_map(Step::Extension),
        any::<usize>().prop_map(Step::Persistent),
        (any::<usize>(), 0..3usize, some()).prop_map(|(class, how, args)| Step::Instance(class, how, args)),
        (any::<usize>(), some(), pairs())
            .prop_map(|(class, args, kwargs)| Step::InstanceEx(class, args, kwargs)),
        bytes().prop_map(Step::ReadOnly),
        Just(Step::Buffer),
        change(),
        change(),
        change(),
    ]
}

fn graph(steps: &[Step]) -> Graph<'static> {
    let mut graph = Graph::new();
    let mut ids: Vec<Id> = vec![graph.root().id()];
    let mut buffers = 0;
    for step in steps {
        let at = |index: &usize| ids[index % ids.len()];
        let all = |indexes: &[usize]| indexes.iter().map(at).collect::<Vec<Id>>();
        let pairs = |indexes: &[(usize, usize)]| {
            indexes.iter().flat_map(|(key, value)| [at(key), at(value)]).collect::<Vec<Id>>()
        };
        let id = match step {
            Step::None => graph.insert(New::None),
            Step::Bool(value) => graph.insert(New::Bool(*value)),
            Step::Int(value) => graph.insert(New::Int(*value)),
            Step::BigInt(bytes) => graph.insert(New::BigInt(BigInt::from_signed_bytes_le(bytes))),
            Step::Float(value) => graph.insert(New::Float(*value)),
            Step::Text(text) => graph.insert(New::Text(text.clone().into())),
            Step::Surrogate(text) => {
                let bytes = [text.as_bytes(), b"\xed\xa0\x80"].concat();
                graph.insert(New::Surrogates(bytes.into()))
            }
            Step::String(bytes) => graph.insert(New::String(bytes.clone().into())),
            Step::Bytes(bytes) => graph.insert(New::Bytes(bytes.clone().into())),
            Step::ByteArray(bytes) => graph.insert(New::ByteArray(bytes.clone().into())),
            Step::List(items) => graph.insert(New::List(&all(items))),
            Step::Tuple(items) => graph.insert(New::Tuple(&all(items))),
            Step::Dict(items) => graph.insert(New::Dict(&pairs(items))),
            Step::Set(items) => graph.insert(New::Set(&all(items))),
            Step::FrozenSet(items) => graph.insert(New::FrozenSet(&all(items))),
            Step::Global(module, name) => {
                let module = graph.insert(New::Text(module.clone().into())).unwrap();
                let name = graph.insert(New::Text(name.clone().into())).unwrap();
                graph.insert(New::Global { module, name })
            }
            Step::Extension(code) => graph.insert(New::Extension(*code)),
            Step::Persistent(id) => graph.insert(New::Persistent(at(id))),
            Step::Instance(class, how, args) => {
                let args = graph.insert(New::Tuple(&all(args))).unwrap();
                let construction =
                    [Construction::Reduce, Construction::NewObj, Construction::Instantiate][*how];
                graph.insert(New::Instance { construction, class: at(class), args, kwargs: None })
            }
            Step::InstanceEx(class, args, kwargs) => {
                let args = graph.insert(New::Tuple(&all(args))).unwrap();
                let kwargs = Some(graph.insert(New::Dict(&pairs(kwargs))).unwrap());
                let construction = Construction::NewObjEx;
                graph.insert(New::Instance { construction, class: at(class), args, kwargs })
            }
            Step::ReadOnly(bytes) => {
                let bytes = graph.insert(New::ByteArray(bytes.clone().into())).unwrap();
                graph.insert(New::ReadOnly(bytes))
            }
            Step::Buffer => {
                buffers += 1;
                graph.insert(New::Buffer(buffers - 1))
            }
            Step::Change(object, kind, items) => {
                let (kind, items) = match kind {
                    0 => (ChangeKind::State, vec![at(&items[0].0)]),
                    1 => (ChangeKind::Append, pairs(items)),
                    2 => (ChangeKind::SetItems, pairs(items)),
                    _ => (ChangeKind::AddItems, pairs(items)),
                };
                graph.change(at(object), kind, &items).unwrap();
                Ok(at(object))
            }
        };
        ids.push(id.unwrap());
    }
    if let Some(&root) = ids.last() {
        graph.set_root(root);
    }
    graph
}

/// The graph as read again, if it can be written; `None` if it cannot.
fn reread(graph: &Graph<'_>, protocol: u8) -> Option<Graph<'static>> {
    let mut stream = Vec::new();
    let order = match graph.to_writer(&mut stream, protocol) {
        Ok(order) => order,
        Err(error) if matches!(error.kind(), ErrorKind::Unwritable(_)) => return None,
        Err(error) => panic!("{error}"),
    };
    if order.iter().enumerate().any(|(position, &index)| position != index) {
        assert!(graph.to_vec(protocol).is_err());
        return None;
    }
    assert_eq!(graph.to_vec(protocol).unwrap(), stream);
    Some(Graph::from_slice(&stream).unwrap().into_owned().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, rng_seed: RngSeed::Fixed(5), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn protocol_5_holds_every_graph(steps in prop::collection::vec(step(), 1..40)) {
        let graph = graph(&steps);
        if let Some(read) = reread(&graph, 5) {
            prop_assert!(read == graph, "{graph}\n{read}");
        } else {
            // Buffers in disorder, or a state given to the empty tuple that arguments are.
            let odd = |step: &Step| matches!(step, Step::Buffer | Step::Change(..));
            prop_assert!(steps.iter().any(odd));
        }
    }

    /// What an older protocol can say at all, it says so that it can be read and written again to the same bytes.
    #[test]
    fn older_protocols_hold_what_they_can(steps in prop::collection::vec(step(), 1..40), protocol in 0..5u8) {
        let graph = graph(&steps);
        if let Some(read) = reread(&graph, protocol) {
            let again = reread(&read, protocol);
            prop_assert!(again.as_ref() == Some(&read), "{read}\n{again:?}");
            // Through protocol 5, where some names are others, and back.
            let back = reread(&read, 5).and_then(|newest| reread(&newest, protocol));
            prop_assert!(back.as_ref() == Some(&read), "{read}\n{back:?}");
        }
    }

    #[test]
    fn an_owned_graph_is_the_same(steps in prop::collection::vec(step(), 1..20)) {
        let graph = graph(&steps);
        prop_assert!(graph.clone().into_owned().unwrap() == graph);
    }
}

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() % limit
    }
}

/// A stream with some damage.
fn damaged(random: &mut Random, stream: &[u8], other: &[u8]) -> Vec<u8> {
    let mut stream = stream.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(stream.len());
        match random.below(6) {
            0 => stream[at] = random.next() as u8,
            1 => stream[at] ^= 1 << random.below(8),
            2 => stream.truncate(at + 1),
            3 => drop(stream.drain(at..(at + random.below(8)).min(stream.len() - 1).max(at))),
            4 => {
                let opcodes = brinery::Opcode::ALL;
                stream.insert(at, opcodes[random.below(opcodes.len())].byte());
            }
            _ => {
                let from = random.below(other.len());
                let to = (from + random.below(30)).min(other.len());
                stream.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    stream
}

/// Modules that have other names in Python 3, among those of the samples.
const OLD_MODULES: [&str; 3] = ["__builtin__", "copy_reg", "exceptions"];

/// The plain sibling of the fuzz targets.
#[test]
fn damaged_streams_do_no_harm() {
    let samples: Vec<Vec<u8>> =
        samples().map(|sample| sample.pickle).filter(|pickle| pickle.len() < 2000).collect();
    let mut random = Random(20_240_229);
    let mut loaded = 0;
    for _ in 0..50_000 {
        let stream = &samples[random.below(samples.len())];
        let other = &samples[random.below(samples.len())];
        let input = damaged(&mut random, stream, other);
        let slice = Graph::from_slice(&input);
        let mut reader = BufReader::with_capacity(1 + random.below(64), &input[..]);
        let read = Graph::from_reader(&mut reader);
        match (&slice, &read) {
            (Ok(slice), Ok(read)) => assert!(slice == read, "{input:?}"),
            (Err(error), Ok(_)) if matches!(error.kind(), ErrorKind::TrailingData) => {}
            (Err(left), Err(right)) => {
                assert_eq!(
                    (left.to_string().is_empty(), left.offset()),
                    (false, right.offset()),
                    "{input:?}"
                );
            }
            (left, right) => panic!("{left:?}\n{right:?}\n{input:?}"),
        }
        let _ = brinery::from_slice::<serde::de::IgnoredAny>(&input);
        let _ = brinery::from_slice::<Anything>(&input);
        if let Ok(graph) = read {
            loaded += 1;
            let shown = graph.to_string();
            let has_names_of_python_2 = OLD_MODULES.iter().any(|module| shown.contains(module));
            for protocol in 0..=5 {
                if let Some(again) = reread(&graph, protocol)
                    && protocol == 5
                    && !has_names_of_python_2
                {
                    assert!(again == graph, "{again}\n{graph}");
                }
            }
        }
    }
    assert!(loaded > 4000, "{loaded}");
}

/// A type that takes whatever comes.
#[derive(Debug)]
struct Anything;

impl<'de> serde::Deserialize<'de> for Anything {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

impl<'de> serde::de::Visitor<'de> for Anything {
    type Value = Anything;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Anything>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_entry::<Anything, Anything>()?.is_some() {}
        Ok(self)
    }
}
