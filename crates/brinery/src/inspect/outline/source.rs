//! A source that knows which bytes each object takes.

use super::NodeId;
use crate::read::{Chunk, Cursor, ReadResult, Source};
use std::cell::{Cell, RefCell};

/// What the source and the host tell each other: the opcode at work and the object it is for.
#[derive(Debug, Default)]
pub(super) struct Tally {
    start: Cell<u64>,
    object: Cell<Option<NodeId>>,
    sizes: RefCell<Vec<u64>>,
}

impl Tally {
    /// A tally of a stream that starts at this offset.
    pub(super) fn starting(offset: u64) -> Self {
        Tally { start: Cell::new(offset), ..Self::default() }
    }

    /// The offset of the opcode at work.
    pub(super) fn start(&self) -> u64 {
        self.start.get()
    }

    /// Says which object the opcode at work is for.
    pub(super) fn is_for(&self, id: NodeId) {
        self.object.set(Some(id));
    }

    /// Books the opcode that ends at `end`.
    pub(super) fn settle(&self, end: u64) {
        let start = self.start.replace(end);
        if let Some(id) = self.object.take() {
            let mut sizes = self.sizes.borrow_mut();
            if sizes.len() <= id.index() {
                sizes.resize(id.index() + 1, 0);
            }
            sizes[id.index()] += end - start;
        }
    }

    /// Books what was booked for one object for another that replaces it.
    pub(super) fn hand_over(&self, from: NodeId, to: NodeId) {
        let mut sizes = self.sizes.borrow_mut();
        let Some(size) = sizes.get_mut(from.index()) else { return };
        let size = std::mem::take(size);
        if sizes.len() <= to.index() {
            sizes.resize(to.index() + 1, 0);
        }
        sizes[to.index()] += size;
    }

    pub(super) fn take_sizes(&self) -> Vec<u64> {
        self.sizes.take()
    }
}

/// A cursor that settles the tally at each opcode.
pub(super) struct Tallying<'de, 't> {
    cursor: Cursor<'de>,
    tally: &'t Tally,
    /// The first frame that claims more than there is.
    short_frame: Option<u64>,
}

impl<'de, 't> Tallying<'de, 't> {
    pub(super) fn new(input: &'de [u8], base: u64, tally: &'t Tally) -> Self {
        Tallying { cursor: Cursor::with_base(input, base), tally, short_frame: None }
    }

    /// The offset of a frame that claims more than there is.
    pub(super) fn short_frame(&self) -> Option<u64> {
        self.short_frame
    }

    /// How much has been read.
    pub(super) fn position(&self) -> u64 {
        self.cursor.offset()
    }
}

impl<'de> Source<'de> for Tallying<'de, '_> {
    fn opcode(&mut self) -> ReadResult<Option<u8>> {
        self.tally.settle(self.cursor.offset());
        self.cursor.opcode()
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

    /// A frame that claims more than there is does not keep what is there from being read.
    fn frame(&mut self, len: usize) -> ReadResult<()> {
        if len > self.cursor.buffered() {
            self.short_frame.get_or_insert(self.tally.start());
        }
        Ok(())
    }

    fn offset(&self) -> u64 {
        self.cursor.offset()
    }

    fn lookahead(&self, offset: u64) -> &[u8] {
        self.cursor.lookahead(offset)
    }
}
