//! A host that builds nothing: what a scanner runs on the machine.

use brinery::Place;
use brinery::read::{
    Argument, Chunk, Cursor, Decoder, Fault, Host, Items, LineEncoding, Machine, Memo, ReadError, Shape,
    Source,
};
use std::num::NonZeroU32;

/// What a stream would do, in numbers.
#[derive(Default)]
pub struct Facts<'de> {
    input: &'de [u8],
    /// Where the opcode at work stands.
    offset: u64,
    memo: Memo<Fact>,
    pub values: usize,
    pub text: usize,
    pub bytes: usize,
    pub globals: Vec<(&'de [u8], &'de [u8])>,
    pub calls: usize,
    pub longest: usize,
}

/// What a scanner knows of a value: where the opcode stands that made it, in case it is text that becomes a name. Few do, so
/// that the memory and the caches need not hold more.
#[derive(Clone, Copy)]
pub struct Fact(NonZeroU32);

const NOTHING: Fact = Fact(NonZeroU32::MAX);

/// The stream is malformed.
#[derive(Debug)]
pub struct Malformed;

/// Runs one stream, of less than 4 GiB.
pub fn scan(input: &[u8]) -> Facts<'_> {
    let mut facts = Facts { input, ..Facts::default() };
    Machine::new().run(&mut Cursor::new(input), &mut facts).expect("a good stream");
    facts
}

/// Whether the first `len` bytes are ASCII. How long short texts are, no processor could foresee, so that there is one way
/// for all of them.
#[inline(always)]
fn is_ascii(ahead: &[u8], len: usize) -> bool {
    const SHORT: usize = 32;
    /// From any of the first ones on, so many bytes more that count, and then as many that do not.
    const COUNTS: [u8; 2 * SHORT] = {
        let mut counts = [0; 2 * SHORT];
        let mut index = 0;
        while index < SHORT {
            counts[index] = 0x80;
            index += 1;
        }
        counts
    };
    match (
        ahead.first_chunk::<SHORT>(),
        COUNTS.get(SHORT.wrapping_sub(len)..).and_then(<[u8]>::first_chunk::<SHORT>),
    ) {
        (Some(text), Some(counts)) => {
            text.iter().zip(counts).fold(0, |all, (byte, counts)| all | byte & counts) == 0
        }
        _ => ahead[..len].is_ascii(),
    }
}

impl<'de> Facts<'de> {
    #[inline(always)]
    fn value(&mut self) -> Result<Fact, Malformed> {
        self.values += 1;
        Ok(NOTHING)
    }

    /// The text that a value is.
    fn name_of(&self, fact: Fact) -> Result<&'de [u8], Malformed> {
        let rest = self.input.get(fact.0.get() as usize - 1..).ok_or(Malformed)?;
        match Decoder::new(rest).next() {
            Some(Ok(instruction)) => match instruction.argument {
                Argument::Bytes(text) => Ok(text),
                _ => Err(Malformed),
            },
            _ => Err(Malformed),
        }
    }

    #[inline(always)]
    fn items(&mut self, items: &Items<'_, Fact>) {
        self.longest = self.longest.max(items.len());
    }

    fn made(&mut self, mut items: Items<'_, Fact>) -> Result<Fact, Malformed> {
        self.items(&items);
        items.drain();
        self.value()
    }

    #[inline(always)]
    fn text_of(&mut self, chunk: Chunk<'de, '_>) -> Result<Fact, Malformed> {
        self.values += 1;
        self.text += chunk.len();
        if std::str::from_utf8(&chunk).is_err() {
            return Err(Malformed);
        }
        NonZeroU32::new(self.offset as u32 + 1).map(Fact).ok_or(Malformed)
    }
}

impl<'de> Host<'de> for Facts<'de> {
    type Value = Fact;
    type Error = Malformed;

    const LIGHT: bool = true;

    fn fault(&mut self, _: Fault) -> Malformed {
        Malformed
    }
    fn read_error(&mut self, _: ReadError) -> Malformed {
        Malformed
    }
    fn at(&mut self, error: Malformed, _: Place) -> Malformed {
        error
    }
    #[inline(always)]
    fn opcode_at(&mut self, offset: u64) {
        self.offset = offset;
    }
    fn protocol(&mut self, _: u8) {}
    #[inline(always)]
    fn none(&mut self) -> Self::Value {
        NOTHING
    }
    #[inline(always)]
    fn bool(&mut self, _: bool) -> Self::Value {
        NOTHING
    }
    #[inline(always)]
    fn int(&mut self, _: i64) -> Result<Self::Value, Malformed> {
        self.value()
    }
    fn int_literal(&mut self, _: &[u8]) -> Result<Self::Value, Malformed> {
        self.value()
    }
    fn long(&mut self, _: &[u8]) -> Result<Self::Value, Malformed> {
        self.value()
    }
    #[inline(always)]
    fn float(&mut self, _: f64) -> Result<Self::Value, Malformed> {
        self.value()
    }
    #[inline(always)]
    fn unicode(&mut self, utf8: Chunk<'de, '_>) -> Result<Self::Value, Malformed> {
        self.text_of(utf8)
    }
    #[inline(always)]
    fn unicode_ahead(&mut self, ahead: &[u8], len: usize) -> Result<Self::Value, Malformed> {
        self.values += 1;
        self.text += len;
        if !is_ascii(ahead, len) && std::str::from_utf8(&ahead[..len]).is_err() {
            return Err(Malformed);
        }
        NonZeroU32::new(self.offset as u32 + 1).map(Fact).ok_or(Malformed)
    }
    fn unicode_escaped(&mut self, line: Chunk<'de, '_>) -> Result<Self::Value, Malformed> {
        self.text_of(line)
    }
    fn string(&mut self, bytes: Chunk<'de, '_>) -> Result<Self::Value, Malformed> {
        self.text_of(bytes)
    }
    fn string_escaped(&mut self, literal: Chunk<'de, '_>) -> Result<Self::Value, Malformed> {
        self.text_of(literal)
    }
    fn bytes<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Result<Self::Value, Malformed> {
        self.bytes += source.take(len).map_err(|_| Malformed)?.len();
        self.value()
    }
    fn bytearray<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Result<Self::Value, Malformed> {
        self.bytes(len, source)
    }
    #[inline(always)]
    fn empty_list(&mut self) -> Result<Self::Value, Malformed> {
        self.value()
    }
    #[inline(always)]
    fn empty_dict(&mut self) -> Result<Self::Value, Malformed> {
        self.value()
    }
    fn empty_set(&mut self) -> Result<Self::Value, Malformed> {
        self.value()
    }
    #[inline(always)]
    fn tuple(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Malformed> {
        self.made(items)
    }
    fn list(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Malformed> {
        self.made(items)
    }
    fn dict(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Malformed> {
        self.made(items)
    }
    fn frozenset(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Malformed> {
        self.made(items)
    }
    #[inline(always)]
    fn append(&mut self, mut items: Items<'_, Self::Value>) -> Result<(), Malformed> {
        self.items(&items);
        items.drain();
        Ok(())
    }
    #[inline(always)]
    fn set_items(&mut self, items: Items<'_, Self::Value>) -> Result<(), Malformed> {
        self.append(items)
    }
    fn add_items(&mut self, items: Items<'_, Self::Value>) -> Result<(), Malformed> {
        self.append(items)
    }
    fn name(&mut self, line: Chunk<'de, '_>, _: LineEncoding) -> Result<Self::Value, Malformed> {
        self.text_of(line)
    }
    fn global(&mut self, module: Self::Value, name: Self::Value) -> Result<Self::Value, Malformed> {
        self.globals.push((self.name_of(module)?, self.name_of(name)?));
        self.value()
    }
    fn extension(&mut self, _: u32) -> Result<Self::Value, Malformed> {
        self.value()
    }
    fn reduce(&mut self, _: Self::Value, _: Self::Value) -> Result<Self::Value, Malformed> {
        self.calls += 1;
        self.value()
    }
    fn build(&mut self, _: &Self::Value, _: Self::Value) -> Result<(), Malformed> {
        self.calls += 1;
        Ok(())
    }
    fn instantiate(
        &mut self,
        _: Self::Value,
        items: Items<'_, Self::Value>,
    ) -> Result<Self::Value, Malformed> {
        self.calls += 1;
        self.made(items)
    }
    fn new_object(
        &mut self,
        _: Self::Value,
        _: Self::Value,
        _: Option<Self::Value>,
    ) -> Result<Self::Value, Malformed> {
        self.calls += 1;
        self.value()
    }
    fn persistent_line(&mut self, _: Chunk<'de, '_>) -> Result<Self::Value, Malformed> {
        self.value()
    }
    fn persistent(&mut self, _: Self::Value) -> Result<Self::Value, Malformed> {
        self.value()
    }
    fn next_buffer(&mut self) -> Result<Self::Value, Malformed> {
        self.value()
    }
    fn readonly_buffer(&mut self, _: Self::Value) -> Result<Self::Value, Malformed> {
        self.value()
    }
    #[inline(always)]
    fn share(&mut self, value: &Self::Value) -> Self::Value {
        *value
    }
    #[inline(always)]
    fn memo_get(&mut self, index: u64) -> Option<Self::Value> {
        self.memo.get(index).copied()
    }
    #[inline(always)]
    fn memo_put(&mut self, index: u64, value: &Self::Value) {
        self.memo.insert(index, *value);
    }
    #[inline(always)]
    fn memoize(&mut self, value: &Self::Value) {
        self.memo.push(*value);
    }
    fn shape(&self, _: &Self::Value) -> Shape {
        Shape::Other
    }
    fn key_text(&self, _: &Self::Value) -> String {
        String::new()
    }
}
