//! What the machine does in a loop of its own for light hosts is what it does for all others.

use brinery::Place;
use brinery::read::{
    Chunk, Cursor, Fault, Host, Items, LineEncoding, Machine, Memo, ReadError, ReadResult, Shape, Source,
};

/// Writes down what it is asked for, and fails at the `left`th time.
struct Trace<const LIGHT: bool> {
    events: Vec<String>,
    left: usize,
    at: u64,
    memo: Memo<u32>,
}

type Made = Result<u32, String>;

impl<const LIGHT: bool> Trace<LIGHT> {
    /// A value is the number of the event that made it.
    fn note(&mut self, event: String) -> Made {
        self.events.push(event);
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return Err("it is enough".into()),
        }
        Ok(self.events.len() as u32)
    }

    fn placed(&mut self, event: &str) -> Made {
        self.note(format!("{} {event}", self.at))
    }

    fn made(&mut self, name: &str, mut items: Items<'_, u32>) -> Made {
        let made = self.placed(&format!("{name} {:?}", items.as_slice()));
        items.drain();
        made
    }

    fn filled(&mut self, name: &str, items: Items<'_, u32>) -> Result<(), String> {
        let container = *items.container();
        self.made(&format!("{name} {container}"), items).map(drop)
    }
}

impl<'de, const LIGHT: bool> Host<'de> for Trace<LIGHT> {
    type Value = u32;
    type Error = String;

    const LIGHT: bool = LIGHT;

    fn fault(&mut self, fault: Fault) -> String {
        format!("{fault:?}")
    }
    fn read_error(&mut self, error: ReadError) -> String {
        format!("{error:?}")
    }
    fn at(&mut self, error: String, place: Place) -> String {
        format!("{error} at {place:?}")
    }
    fn abandon(&mut self, stack: &[u32], marks: &[usize]) {
        self.events.push(format!("left {stack:?} {marks:?}"));
    }
    fn opcode_at(&mut self, offset: u64) {
        self.at = offset;
    }
    fn protocol(&mut self, protocol: u8) {
        self.events.push(format!("protocol {protocol}"));
    }
    fn none(&mut self) -> u32 {
        self.events.push("none".into());
        0
    }
    fn bool(&mut self, value: bool) -> u32 {
        self.events.push(format!("{value}"));
        0
    }
    fn int(&mut self, value: i64) -> Made {
        self.note(format!("int {value}"))
    }
    fn int_literal(&mut self, text: &[u8]) -> Made {
        self.placed(&format!("literal {text:?}"))
    }
    fn long(&mut self, bytes: &[u8]) -> Made {
        self.note(format!("long {bytes:?}"))
    }
    fn float(&mut self, value: f64) -> Made {
        self.note(format!("float {:x}", value.to_bits()))
    }
    fn unicode(&mut self, utf8: Chunk<'de, '_>) -> Made {
        self.placed(&format!("text {:?}", &*utf8))
    }
    fn unicode_escaped(&mut self, line: Chunk<'de, '_>) -> Made {
        self.placed(&format!("escaped {:?}", &*line))
    }
    fn string(&mut self, bytes: Chunk<'de, '_>) -> Made {
        self.placed(&format!("string {:?}", &*bytes))
    }
    fn string_escaped(&mut self, literal: Chunk<'de, '_>) -> Made {
        self.placed(&format!("literal {:?}", &*literal))
    }
    fn bytes<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Made {
        let bytes = source.take(len).map_err(|error| self.read_error(error))?.to_vec();
        self.placed(&format!("bytes {bytes:?}"))
    }
    fn bytearray<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Made {
        self.bytes(len, source)
    }
    fn empty_list(&mut self) -> Made {
        self.placed("list")
    }
    fn empty_dict(&mut self) -> Made {
        self.placed("dict")
    }
    fn empty_set(&mut self) -> Made {
        self.placed("set")
    }
    fn tuple(&mut self, items: Items<'_, u32>) -> Made {
        self.made("tuple", items)
    }
    fn list(&mut self, items: Items<'_, u32>) -> Made {
        self.made("list", items)
    }
    fn dict(&mut self, items: Items<'_, u32>) -> Made {
        self.made("dict", items)
    }
    fn frozenset(&mut self, items: Items<'_, u32>) -> Made {
        self.made("frozenset", items)
    }
    fn append(&mut self, items: Items<'_, u32>) -> Result<(), String> {
        self.filled("append", items)
    }
    fn set_items(&mut self, items: Items<'_, u32>) -> Result<(), String> {
        self.filled("set", items)
    }
    fn add_items(&mut self, items: Items<'_, u32>) -> Result<(), String> {
        self.filled("add", items)
    }
    fn name(&mut self, line: Chunk<'de, '_>, encoding: LineEncoding) -> Made {
        self.placed(&format!("name {:?} {encoding:?}", &*line))
    }
    fn global(&mut self, module: u32, name: u32) -> Made {
        self.placed(&format!("global {module} {name}"))
    }
    fn extension(&mut self, code: u32) -> Made {
        self.placed(&format!("extension {code}"))
    }
    fn reduce(&mut self, callable: u32, args: u32) -> Made {
        self.placed(&format!("call {callable} {args}"))
    }
    fn build(&mut self, instance: &u32, state: u32) -> Result<(), String> {
        self.placed(&format!("build {instance} {state}")).map(drop)
    }
    fn instantiate(&mut self, class: u32, args: Items<'_, u32>) -> Made {
        self.made(&format!("instance {class}"), args)
    }
    fn new_object(&mut self, class: u32, args: u32, kwargs: Option<u32>) -> Made {
        self.placed(&format!("new {class} {args} {kwargs:?}"))
    }
    fn persistent_line(&mut self, line: Chunk<'de, '_>) -> Made {
        self.placed(&format!("persistent {:?}", &*line))
    }
    fn persistent(&mut self, id: u32) -> Made {
        self.placed(&format!("persistent {id}"))
    }
    fn next_buffer(&mut self) -> Made {
        self.placed("buffer")
    }
    fn readonly_buffer(&mut self, buffer: u32) -> Made {
        Ok(buffer)
    }
    fn share(&mut self, value: &u32) -> u32 {
        *value
    }
    fn memo_get(&mut self, index: u64) -> Option<u32> {
        self.memo.get(index).copied()
    }
    fn memo_put(&mut self, index: u64, value: &u32) {
        self.events.push(format!("put {index} {value}"));
        self.memo.insert(index, *value);
    }
    fn memoize(&mut self, value: &u32) {
        self.events.push(format!("memoize {value}"));
        self.memo.push(*value);
    }
    fn shape(&self, _: &u32) -> Shape {
        Shape::Other
    }
    fn key_text(&self, value: &u32) -> String {
        value.to_string()
    }
}

/// A source that cannot be copied, of which some bytes lie ahead at a time.
struct Window<'de> {
    cursor: Cursor<'de>,
    width: usize,
}

impl<'de> Source<'de> for Window<'de> {
    fn opcode(&mut self) -> ReadResult<Option<u8>> {
        self.cursor.opcode()
    }
    fn opcode_if(&mut self, opcode: u8) -> bool {
        self.cursor.opcode_if(opcode)
    }
    fn array<const N: usize>(&mut self) -> ReadResult<[u8; N]> {
        self.cursor.array()
    }
    fn take(&mut self, len: usize) -> ReadResult<Chunk<'de, '_>> {
        self.cursor.take(len)
    }
    fn line(&mut self) -> ReadResult<Chunk<'de, '_>> {
        self.cursor.line()
    }
    fn read_into(&mut self, buffer: &mut [u8]) -> ReadResult<()> {
        self.cursor.read_into(buffer)
    }
    fn buffered(&self) -> usize {
        self.cursor.buffered()
    }
    fn frame(&mut self, len: usize) -> ReadResult<()> {
        self.cursor.frame(len)
    }
    fn ahead(&self) -> &[u8] {
        let rest = self.cursor.rest();
        &rest[..rest.len().min(self.width)]
    }
    fn skip(&mut self, count: usize) {
        self.cursor.skip(count);
    }
    fn offset(&self) -> u64 {
        self.cursor.offset()
    }
}

/// What a run leads to: events, the result, and where the source stands.
type Outcome = (Vec<String>, Made, u64);

fn run<'de, const LIGHT: bool>(mut source: impl Source<'de>, left: usize) -> Outcome {
    let mut host = Trace::<LIGHT> { events: Vec::new(), left, at: 0, memo: Memo::default() };
    let result = Machine::new().run(&mut source, &mut host);
    (host.events, result, source.offset())
}

fn compare(stream: &[u8], left: usize) {
    let usual = run::<false>(Cursor::with_base(stream, 7), left);
    assert_eq!(run::<true>(Cursor::with_base(stream, 7), left), usual, "{stream:?} {left}");
    for width in [15, 20, 1 << 20] {
        let window = || Window { cursor: Cursor::with_base(stream, 7), width };
        let usual = run::<false>(window(), left);
        assert_eq!(run::<true>(window(), left), usual, "{stream:?} {left} {width}");
    }
}

/// Numbers that look like any (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value ^ value >> 31) % end
    }

    fn bytes(&mut self, len: u64, out: &mut Vec<u8>) {
        out.extend((0..len).map(|_| self.below(256) as u8));
    }

    /// One opcode with an argument; now and then with a wrong one.
    fn opcode(&mut self, out: &mut Vec<u8>) {
        const BARE: &[u8] =
            b"N\x88\x89)]}(((\x85\x86\x87tluesab\x94\x94\x9302RQ\x81\x92o1\x8f\x90\x91d\x97\x98";
        match self.below(14) {
            0..6 => out.push(BARE[self.below(BARE.len() as u64) as usize]),
            6 => {
                let (opcode, len) = [(b'K', 1), (b'M', 2), (b'J', 4), (b'G', 8)][self.below(4) as usize];
                out.push(opcode);
                self.bytes(len, out);
            }
            7 | 8 => {
                let most = if self.below(8) == 0 { 250 } else { 12 };
                let len = self.below(most);
                out.extend([[0x8c, b'U', b'C', 0x8a][self.below(4) as usize], len as u8]);
                self.bytes(len, out);
            }
            9 => {
                let len = self.below(20);
                out.extend([[b'X', b'B', b'T'][self.below(3) as usize], len as u8, 0, 0, 0]);
                self.bytes(len, out);
            }
            10 => out.extend([[b'h', b'q'][self.below(2) as usize], self.below(8) as u8]),
            11 => out.extend([[b'j', b'r'][self.below(2) as usize], self.below(300) as u8, 0, 0, 0]),
            12 => {
                out.extend_from_slice([&b"I7\n"[..], b"cx\ny\n", b"S'a'\n", b"g1\n"][self.below(4) as usize]);
            }
            _ => self.bytes(1, out),
        }
    }
}

#[test]
fn a_light_host_sees_what_others_see() {
    let mut random = Random(1);
    let mut ended = 0;
    for _ in 0..60_000 {
        let mut stream = b"\x80\x04}\x94(]\x94\x8c\x01a\x94K\x01".to_vec();
        for _ in 0..random.below(40) {
            random.opcode(&mut stream);
        }
        stream.extend_from_slice(b"NNNN.and what comes after it");
        if random.below(4) == 0 {
            stream.truncate(random.below(stream.len() as u64) as usize);
        }
        let left = if random.below(3) == 0 { random.below(20) as usize } else { usize::MAX };
        compare(&stream, left);
        ended += usize::from(run::<true>(Cursor::new(&stream), left).1.is_ok());
    }
    assert!(ended > 3000, "only {ended} streams came to their end");
}

#[test]
fn a_host_that_fails_is_told_the_place() {
    // Whatever it is that fails, at each of the events.
    let stream = b"\x80\x04}\x94(\x8c\x01aK\x01K\x02\x86\x94)\x85NN\x87(NNt\x8c\x01b\x8c\x01c\x93)R)\x81]\x94(K\x01e\
        ]K\x01a}K\x01K\x02sG\0\0\0\0\0\0\0\0\x8a\x01\x07\x8a\0X\x01\0\0\0dM\x01\x01NNuNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN.";
    for left in 0..60 {
        compare(stream, left);
    }
}

#[test]
fn what_is_missing_is_told_alike() {
    for tail in [
        &b"e"[..],
        b"(e",
        b"(u",
        b"(Nu",
        b"((NNu",
        b"](Ne(NNu",
        b"a",
        b"Na",
        b"](a",
        b"N(s",
        b"NN(Ns",
        b"\x85",
        b"(\x85",
        b"N(\x86",
        b"t",
        b"(\x94",
        b"\x94",
        b"q\0",
        b"r\0\0\0\0",
        b"h\x09",
        b"j\x09\0\0\0",
        b"N\x93",
        b"N(N\x93",
        b"NR",
        b"N\x81",
        b"X\xff\xff\xff\xff",
        b"\x8c\xffx",
        b"\x8a\xff",
    ] {
        let stream = [b"\x80\x04", tail, b"NNNNNNNNNNNNNNNNNNNNNNNNNNNN."].concat();
        compare(&stream, usize::MAX);
    }
}
