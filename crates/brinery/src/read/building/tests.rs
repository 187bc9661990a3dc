//! Paths of loads that fail, by a host that knows just enough to tell.

use crate::place::Place;
use crate::read::{Chunk, Cursor, Fault, Host, Items, LineEncoding, Machine, Memo, ReadError, Shape, Source};

/// What a value is, as far as a path needs to know.
#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Sized(std::rc::Rc<std::cell::Cell<Shape>>),
    Plain,
}

impl Value {
    fn new(shape: Shape) -> Self {
        Value::Sized(std::rc::Rc::new(std::cell::Cell::new(shape)))
    }

    fn grow(&self, by: usize) {
        if let Value::Sized(cell) = self {
            cell.set(match cell.get() {
                Shape::List(len) => Shape::List(len + by),
                Shape::Dict(len) => Shape::Dict(len + by / 2),
                Shape::Set(len) => Shape::Set(len + by),
                shape => shape,
            });
        }
    }
}

/// Fails where the global `x y` is called or gets its state.
#[derive(Default)]
struct Paths {
    memo: Memo<Value>,
    place: Option<Place>,
}

struct Failed;

type Made = Result<Value, Failed>;

fn text(bytes: &[u8]) -> Value {
    Value::Text(String::from_utf8_lossy(bytes).into_owned())
}

impl<'de> Host<'de> for Paths {
    type Value = Value;
    type Error = Failed;

    fn fault(&mut self, _: Fault) -> Failed {
        Failed
    }
    fn read_error(&mut self, _: ReadError) -> Failed {
        Failed
    }
    fn at(&mut self, error: Failed, place: Place) -> Failed {
        self.place = Some(place);
        error
    }
    fn protocol(&mut self, _: u8) {}
    fn none(&mut self) -> Value {
        Value::Plain
    }
    fn bool(&mut self, _: bool) -> Value {
        Value::Plain
    }
    fn int(&mut self, _: i64) -> Made {
        Ok(Value::Plain)
    }
    fn int_literal(&mut self, _: &[u8]) -> Made {
        Ok(Value::Plain)
    }
    fn long(&mut self, _: &[u8]) -> Made {
        Ok(Value::Plain)
    }
    fn float(&mut self, _: f64) -> Made {
        Ok(Value::Plain)
    }
    fn unicode(&mut self, utf8: Chunk<'de, '_>) -> Made {
        Ok(text(&utf8))
    }
    fn unicode_escaped(&mut self, line: Chunk<'de, '_>) -> Made {
        Ok(text(&line))
    }
    fn string(&mut self, bytes: Chunk<'de, '_>) -> Made {
        Ok(text(&bytes))
    }
    fn string_escaped(&mut self, literal: Chunk<'de, '_>) -> Made {
        Ok(text(&literal))
    }
    fn bytes<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Made {
        source.take(len).map(|_| Value::Plain).map_err(|_| Failed)
    }
    fn bytearray<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Made {
        self.bytes(len, source)
    }
    fn empty_list(&mut self) -> Made {
        Ok(Value::new(Shape::List(0)))
    }
    fn empty_dict(&mut self) -> Made {
        Ok(Value::new(Shape::Dict(0)))
    }
    fn empty_set(&mut self) -> Made {
        Ok(Value::new(Shape::Set(0)))
    }
    fn tuple(&mut self, mut items: Items<'_, Value>) -> Made {
        items.drain();
        Ok(Value::Plain)
    }
    fn list(&mut self, mut items: Items<'_, Value>) -> Made {
        Ok(Value::new(Shape::List(items.drain().len())))
    }
    fn dict(&mut self, mut items: Items<'_, Value>) -> Made {
        Ok(Value::new(Shape::Dict(items.drain().len() / 2)))
    }
    fn frozenset(&mut self, mut items: Items<'_, Value>) -> Made {
        items.drain();
        Ok(Value::Plain)
    }
    fn append(&mut self, mut items: Items<'_, Value>) -> Result<(), Failed> {
        items.container().grow(items.len());
        items.drain();
        Ok(())
    }
    fn set_items(&mut self, items: Items<'_, Value>) -> Result<(), Failed> {
        self.append(items)
    }
    fn add_items(&mut self, items: Items<'_, Value>) -> Result<(), Failed> {
        self.append(items)
    }
    fn name(&mut self, line: Chunk<'de, '_>, _: LineEncoding) -> Made {
        Ok(text(&line))
    }
    fn global(&mut self, _: Value, name: Value) -> Made {
        if matches!(&name, Value::Text(name) if name == "missing") { Err(Failed) } else { Ok(name) }
    }
    fn extension(&mut self, _: u32) -> Made {
        Ok(Value::Plain)
    }
    fn reduce(&mut self, callable: Value, _: Value) -> Made {
        match callable {
            Value::Text(name) if name == "fail" => Err(Failed),
            _ => Ok(Value::new(Shape::Instance)),
        }
    }
    fn build(&mut self, _: &Value, state: Value) -> Result<(), Failed> {
        if matches!(state, Value::Plain) { Err(Failed) } else { Ok(()) }
    }
    fn instantiate(&mut self, _: Value, mut args: Items<'_, Value>) -> Made {
        args.drain();
        Ok(Value::new(Shape::Instance))
    }
    fn new_object(&mut self, _: Value, _: Value, _: Option<Value>) -> Made {
        Ok(Value::new(Shape::Instance))
    }
    fn persistent_line(&mut self, _: Chunk<'de, '_>) -> Made {
        Ok(Value::Plain)
    }
    fn persistent(&mut self, _: Value) -> Made {
        Err(Failed)
    }
    fn next_buffer(&mut self) -> Made {
        Ok(Value::Plain)
    }
    fn readonly_buffer(&mut self, buffer: Value) -> Made {
        Ok(buffer)
    }
    fn share(&mut self, value: &Value) -> Value {
        value.clone()
    }
    fn memo_get(&mut self, index: u64) -> Option<Value> {
        self.memo.get(index).cloned()
    }
    fn memo_put(&mut self, index: u64, value: &Value) {
        self.memo.insert(index, value.clone());
    }
    fn memoize(&mut self, value: &Value) {
        self.memo.insert(self.memo.len() as u64, value.clone());
    }
    fn shape(&self, value: &Value) -> Shape {
        match value {
            Value::Sized(shape) => shape.get(),
            _ => Shape::Other,
        }
    }
    fn key_text(&self, value: &Value) -> String {
        match value {
            Value::Text(text) => format!("\"{text}\""),
            _ => "?".to_owned(),
        }
    }
}

/// The path of the failure that loading `stream` ends with.
fn path(stream: &[u8]) -> String {
    let mut host = Paths::default();
    assert!(Machine::new().run(&mut Cursor::new(stream), &mut host).is_err(), "no failure");
    host.place.map(|place| place.path.to_string()).unwrap_or_default()
}

#[test]
fn items_of_lists() {
    // A batch, a lone item, and one by one as protocol 0 has it.
    assert_eq!(path(b"](NNcx\nmissing\nNe."), "obj[2]");
    assert_eq!(path(b"](NNe(Ncx\nmissing\ne."), "obj[3]");
    assert_eq!(path(b"]cx\nmissing\na."), "obj[0]");
    assert_eq!(path(b"(lp0\nNaNaNQa."), "obj[2]");
    assert_eq!(path(b"](]](NNQee."), "obj[1][1]");
}

#[test]
fn values_and_keys_of_dicts() {
    assert_eq!(path(b"}(X\x01\0\0\0aNX\x01\0\0\0bNQu."), "obj[\"b\"]");
    assert_eq!(path(b"}(X\x01\0\0\0aNNQNu."), "obj.keys()[1]");
    assert_eq!(path(b"(dp0\nVa\nNsVb\nNQs."), "obj[\"b\"]");
    assert_eq!(path(b"}X\x01\0\0\0a}X\x01\0\0\0b](NNQess."), "obj[\"a\"][\"b\"][1]");
}

#[test]
fn items_of_tuples_and_sets() {
    assert_eq!(path(b"NNQ\x86."), "obj[1]");
    assert_eq!(path(b"](NNNQ\x87e."), "obj[0][2]");
    assert_eq!(path(b"(NNNNQt."), "obj[3]");
    assert_eq!(path(b"\x8f(NNQ\x90."), "obj{1}");
    assert_eq!(path(b"(NNQ\x91."), "obj{1}");
}

#[test]
fn instances() {
    // In the state, in a pair of states, in the arguments, and the instance itself.
    assert_eq!(path(b"cx\ny\n)\x81}X\x01\0\0\0aNQsb."), "obj.a");
    assert_eq!(path(b"cx\ny\n)\x81}X\x03\0\0\0a-bNQsb."), "obj[\"a-b\"]");
    assert_eq!(path(b"cx\ny\n)\x81N}X\x01\0\0\0aNQs\x86b."), "obj.a");
    assert_eq!(path(b"](cx\ny\nNQ\x85Re."), "obj[0].__reduce_ex__()[1][0]");
    assert_eq!(path(b"cx\ny\nNQ\x85\x81."), "obj.__getnewargs__()[0]");
    assert_eq!(path(b"](cx\ny\n)\x81cx\ny\n)\x81NbNe."), "obj[1]");
    assert_eq!(path(b"](Ncx\nfail\n)Re."), "obj[1]");
    assert_eq!(path(b"](}}}cx\ny\n)\x81Nbe."), "obj[3]");
}

#[test]
fn the_way_out_of_a_state() {
    let stream = b"}X\x05\0\0\0users](NNNcx\ny\n)\x81}(X\x05\0\0\0ownerNQubes.";
    assert_eq!(path(stream), "obj[\"users\"][3].owner");
}

#[test]
fn guesses_where_the_input_ends() {
    assert_eq!(path(b"](NN"), "obj[2]");
    assert_eq!(path(b"}X\x05\0\0\0users](NNNcx\ny\n)\x81}(X\x05\0\0\0owner"), "obj[\"users\"][3].owner");
    assert_eq!(path(b""), "obj");
    assert_eq!(path(b"\xff"), "obj");
    // One by one, as protocol 0 has it: a mark then is a tuple's, in a list and in the dict of an instance.
    assert_eq!(path(b"(lp0\nNa(lp1\nNaNa(NN"), "obj[1][2][2]");
    assert_eq!(path(b"(dp0\nVa\nNsVb\n(N"), "obj[\"b\"][1]");
    assert_eq!(path(b"cx\ny\n)\x81(dp0\nVa\nNsVb\n(N"), "obj.b[1]");
}

#[test]
fn numbers_of_items_go_on_after_a_batch() {
    let mut stream = b"](".to_vec();
    stream.extend([b'N'; 1000]);
    stream.extend(b"e(NNQe.");
    assert_eq!(path(&stream), "obj[1001]");
}
