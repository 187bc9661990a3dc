//! An emitter with a memo count, and the place where its bytes go.

use super::buffer::{Buffer as _, word_of};
use super::emitter::{Emitter, Placement, Unwritable};
use super::names::{Name, Names, Texts, bit};
use crate::error::Result;
use crate::opcode::{Opcode, byte};
use std::{fmt::Write as _, io};

/// How much is collected for a writer where there are no frames.
const BLOCK: usize = 64 * 1024;

/// Text of up to so many bytes is written in one go with what stands before it.
const IN_ONE: usize = 14;

/// The memory of a small message.
const SMALL: usize = 192;

/// Where a stream is written: into memory, or block by block to a writer.
pub(crate) struct Output<'w> {
    emitter: Emitter<Vec<u8>>,
    writer: Option<&'w mut dyn io::Write>,
    /// The length at which something is to be done before the next object.
    turn: usize,
    memo: usize,
    globals: Names<usize>,
    texts: Texts,
}

impl<'w> Output<'w> {
    #[inline(always)]
    pub(crate) fn new(protocol: u8, writer: Option<&'w mut dyn io::Write>) -> Self {
        let mut emitter = Emitter::new(Vec::with_capacity(SMALL), protocol);
        emitter.start();
        let turn = if protocol < 4 && writer.is_some() { BLOCK } else { emitter.limit() };
        Output { emitter, writer, turn, memo: 0, globals: Names::default(), texts: Texts::default() }
    }

    #[inline(always)]
    pub(crate) fn emitter(&mut self) -> &mut Emitter<Vec<u8>> {
        &mut self.emitter
    }

    #[inline(always)]
    pub(crate) fn op(&mut self, opcode: Opcode) {
        self.emitter.op(opcode);
    }

    #[inline(always)]
    pub(crate) fn protocol(&self) -> u8 {
        self.emitter.protocol()
    }

    /// Ends the stream and returns what has not been written to a writer.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        self.emitter.stop();
        self.flush()?;
        Ok(self.emitter.into_buffer())
    }

    /// To be called before each object.
    #[inline(always)]
    pub(crate) fn begin(&mut self) -> Result<()> {
        if self.emitter.len() < self.turn { Ok(()) } else { self.turn() }
    }

    /// Ends a frame that is full, or a block where there are no frames.
    #[cold]
    fn turn(&mut self) -> Result<()> {
        if self.emitter.close_full_frame() || self.protocol() < 4 {
            self.flush()?;
            self.resume();
        }
        Ok(())
    }

    /// Opens the next frame, where there are frames.
    fn resume(&mut self) {
        self.emitter.resume();
        self.turn = if self.protocol() < 4 && self.writer.is_some() { BLOCK } else { self.emitter.limit() };
    }

    #[cold]
    fn flush(&mut self) -> Result<()> {
        if let Some(writer) = &mut self.writer {
            writer.write_all(self.emitter.buffer())?;
            self.emitter.buffer().clear();
        }
        Ok(())
    }

    #[inline(always)]
    fn payload(&mut self, placement: Placement, bytes: &[u8]) -> Result<()> {
        if placement == Placement::Inline {
            self.emitter.raw(bytes);
            return Ok(());
        }
        self.flush()?;
        match &mut self.writer {
            Some(writer) => writer.write_all(bytes)?,
            None => self.emitter.raw(bytes),
        }
        self.resume();
        Ok(())
    }

    /// The index at which the object on top of the stack goes into the memo.
    #[inline(always)]
    pub(crate) fn memoize(&mut self) -> Result<usize> {
        let index = self.memo;
        self.emitter.memoize(index)?;
        self.memo += 1;
        Ok(index)
    }

    /// A new list, memoized.
    #[cfg(feature = "serde")]
    #[inline(always)]
    pub(crate) fn new_list(&mut self) -> Result<()> {
        if self.protocol() < 4 {
            self.emitter.empty_list();
            return self.memoize().map(drop);
        }
        self.emitter.buffer().put([byte::EMPTY_LIST, byte::MEMOIZE], 2);
        self.memo += 1;
        Ok(())
    }

    /// A new dict, memoized, and a mark after it or none.
    #[cfg(feature = "serde")]
    #[inline(always)]
    pub(crate) fn new_dict(&mut self, mark: bool) -> Result<()> {
        if self.protocol() < 4 {
            return self.old_dict(mark);
        }
        let bytes = [byte::EMPTY_DICT, byte::MEMOIZE, byte::MARK, 0];
        self.emitter.buffer().put(bytes, 2 + usize::from(mark));
        self.memo += 1;
        Ok(())
    }

    #[cfg(feature = "serde")]
    #[inline(never)]
    fn old_dict(&mut self, mark: bool) -> Result<()> {
        self.emitter.empty_dict();
        self.memoize()?;
        if mark {
            self.op(Opcode::Mark);
        }
        Ok(())
    }

    /// Text, memoized.
    #[inline]
    pub(crate) fn memoized_text(&mut self, text: &[u8]) -> Result<()> {
        if text.len() <= IN_ONE && self.protocol() >= 4 {
            let len = text.len();
            let head = u128::from(byte::SHORT_BINUNICODE) | (len as u128) << 8;
            self.emitter.buffer().put((head | word_of(text) << 16).to_le_bytes(), 2 + len);
            self.op(Opcode::Memoize);
            self.memo += 1;
            return Ok(());
        }
        self.other_memoized_text(text)
    }

    #[inline(never)]
    fn other_memoized_text(&mut self, text: &[u8]) -> Result<()> {
        self.text(text)?;
        self.memoize().map(drop)
    }

    /// Text, which is not memoized yet.
    #[inline]
    pub(crate) fn text(&mut self, text: &[u8]) -> Result<()> {
        if text.len() <= 0xff && self.protocol() > 0 {
            self.emitter.short_text(text);
            return Ok(());
        }
        self.long_text(text)
    }

    fn long_text(&mut self, text: &[u8]) -> Result<()> {
        if self.protocol() == 0 {
            self.emitter.unicode_line(crate::inspect::code_points(text));
            return Ok(());
        }
        let placement = self.emitter.text_header(text.len())?;
        self.payload(placement, text)
    }

    /// A bytes object, memoized, in what the protocol has for it.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.protocol() >= 3 {
            let placement = self.emitter.bytes_header(bytes.len())?;
            self.payload(placement, bytes)?;
        } else if bytes.is_empty() {
            self.global(self.builtins(), "bytes")?;
            self.emitter.empty_tuple();
            self.op(Opcode::Reduce);
        } else {
            self.global("_codecs", "encode")?;
            self.open_tuple(2);
            self.begin()?;
            self.text(&crate::inspect::text::latin1(bytes))?;
            self.memoize()?;
            self.known_text("latin1")?;
            self.close_tuple(2)?;
            self.op(Opcode::Reduce);
        }
        self.memoize()
    }

    /// A bytearray, memoized.
    pub(crate) fn bytearray(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.protocol() >= 5 {
            let placement = self.emitter.bytearray_header(bytes.len());
            self.payload(placement, bytes)?;
            return self.memoize();
        }
        self.global(self.builtins(), "bytearray")?;
        if bytes.is_empty() {
            self.begin()?;
            self.emitter.empty_tuple();
        } else {
            self.open_tuple(1);
            self.begin()?;
            self.bytes(bytes)?;
            self.close_tuple(1)?;
        }
        self.op(Opcode::Reduce);
        self.memoize()
    }

    /// A string of Python 2, which is not memoized yet.
    pub(crate) fn string(&mut self, bytes: &[u8]) -> Result<()> {
        if self.protocol() == 0 {
            let mut line = String::from("'");
            for &byte in bytes {
                match byte {
                    b'\\' => line.push_str("\\\\"),
                    b'\'' => line.push_str("\\'"),
                    b' '..=b'~' => line.push(byte as char),
                    _ => drop(write!(line, "\\x{byte:02x}")),
                }
            }
            line.push('\'');
            self.emitter.line(Opcode::String, line.as_bytes());
            return Ok(());
        }
        match u8::try_from(bytes.len()) {
            Ok(len) => self.emitter.raw(&[byte::SHORT_BINSTRING, len]),
            Err(_) => {
                let len = i32::try_from(bytes.len()).map_err(|_| Unwritable::LargeBytes)?;
                self.op(Opcode::BinString);
                self.emitter.raw(&len.to_le_bytes());
            }
        }
        self.emitter.raw(bytes);
        Ok(())
    }

    /// The module of the builtins, as readers of the protocol know it.
    pub(crate) fn builtins(&self) -> &'static str {
        if self.protocol() < 3 { "__builtin__" } else { "builtins" }
    }

    /// The module that registers how classes are copied.
    pub(crate) fn copyreg(&self) -> &'static str {
        if self.protocol() < 3 { "copy_reg" } else { "copyreg" }
    }

    /// A global that the writer itself needs.
    #[inline]
    pub(crate) fn global(&mut self, module: &'static str, name: &'static str) -> Result<()> {
        self.begin()?;
        match self.globals.next(Name::global(module, name)) {
            Some(index) => Ok(self.emitter.get(index)?),
            None => self.other_global(module, name),
        }
    }

    #[inline(never)]
    fn other_global(&mut self, module: &'static str, name: &'static str) -> Result<()> {
        if let Some(index) = self.globals.find(Name::global(module, name)) {
            return Ok(self.emitter.get(index)?);
        }
        if self.protocol() >= 4 {
            self.known_text(module)?;
            self.known_text(name)?;
            self.op(Opcode::StackGlobal);
        } else {
            self.global_line(module, name);
        }
        let index = self.memoize()?;
        self.globals.add(Name::global(module, name), index);
        Ok(())
    }

    /// A global in the spelling of protocols 0 to 3, which is not memoized yet.
    pub(crate) fn global_line(&mut self, module: &str, name: &str) {
        self.emitter.line(Opcode::Global, module.as_bytes());
        self.emitter.raw(name.as_bytes());
        self.emitter.raw(b"\n");
    }

    /// Text that is the same object wherever it comes up, such as the name of a field.
    #[inline(always)]
    pub(crate) fn known_text(&mut self, text: &'static str) -> Result<()> {
        if self.emitter.len() < self.turn
            && self.protocol() > 0
            && let Some(index) = self.texts.next(text)
        {
            self.emitter.near_get(index);
            return Ok(());
        }
        self.other_text(text)
    }

    /// Text that does not come after the same as the last time, or not so near.
    #[inline(never)]
    fn other_text(&mut self, text: &'static str) -> Result<()> {
        self.begin()?;
        let bit = bit(text);
        if let Some(index) = self.texts.find(text, bit) {
            return Ok(self.emitter.get(index as usize)?);
        }
        let index = u32::try_from(self.memo);
        self.memoized_text(text.as_bytes())?;
        if let Ok(index) = index {
            self.texts.add(text, bit, index);
        }
        Ok(())
    }

    /// What comes before the items of a tuple of this length.
    #[inline]
    pub(crate) fn open_tuple(&mut self, len: usize) {
        if self.protocol() < 2 || len > 3 {
            self.op(Opcode::Mark);
        }
    }

    /// Makes a tuple of so many items written, at least one, and memoizes it.
    #[inline]
    pub(crate) fn close_tuple(&mut self, len: usize) -> Result<usize> {
        self.op(match len {
            1 if self.protocol() >= 2 => Opcode::Tuple1,
            2 if self.protocol() >= 2 => Opcode::Tuple2,
            3 if self.protocol() >= 2 => Opcode::Tuple3,
            _ => Opcode::Tuple,
        });
        self.memoize()
    }
}
