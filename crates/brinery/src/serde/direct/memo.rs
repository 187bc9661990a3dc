//! What has been stored.

/// An object in the memo: what it is, and the part of the input that it was made of.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// In the low bits what it is, in the others the offset of its beginning.
    start: u32,
    /// The offset of its end, if that matters; zero as long as it is being made.
    pub(super) end: u32,
}

/// What is in the memo.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// What begins with an opcode of its own.
    Container,
    /// A tuple that its items begin.
    Postfix,
    /// An instance that [`plain_state`](crate::serde::meaning::plain_state) knows.
    Instance,
    /// A class of such instances.
    Class,
    /// Anything else.
    Other,
}

impl Entry {
    /// What an offset has to fit into.
    pub(super) const FARTHEST: usize = (u32::MAX >> 3) as usize;

    #[inline(always)]
    pub(super) const fn new(tag: Tag, start: usize) -> Self {
        Entry { start: (start as u32) << 3 | tag as u32, end: 0 }
    }

    #[inline(always)]
    pub(super) fn start(self) -> usize {
        (self.start >> 3) as usize
    }

    #[inline(always)]
    pub(super) fn tag(self) -> Tag {
        match self.start & 7 {
            0 => Tag::Text,
            1 => Tag::Bytes,
            2 => Tag::Container,
            3 => Tag::Postfix,
            4 => Tag::Instance,
            5 => Tag::Class,
            _ => Tag::Other,
        }
    }
}

/// So many objects need no memory of their own.
const FEW: usize = 24;

/// The objects that have been stored, in their order.
pub(super) struct Memo {
    few: [Entry; FEW],
    /// How many there are of the few.
    filled: usize,
    /// Those beyond them.
    many: Vec<Entry>,
}

impl Memo {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Memo { few: [Entry::new(Tag::Text, 0); FEW], filled: 0, many: Vec::new() }
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.filled + self.many.len()
    }

    #[inline(always)]
    pub(super) fn push(&mut self, entry: Entry) {
        match self.few.get_mut(self.filled) {
            Some(place) => {
                *place = entry;
                self.filled += 1;
            }
            None => self.many.push(entry),
        }
    }

    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> Option<Entry> {
        match self.few.get(index) {
            Some(&entry) => (index < self.filled).then_some(entry),
            None => self.many.get(index - FEW).copied(),
        }
    }

    #[inline(always)]
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Entry> {
        match self.few.get_mut(index) {
            Some(entry) => (index < self.filled).then_some(entry),
            None => self.many.get_mut(index - FEW),
        }
    }

    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, more: usize) {
        self.many.reserve(more);
    }

    /// Forgets all but the first so many, which are there.
    pub(super) fn truncate(&mut self, len: usize) {
        self.many.truncate(len.saturating_sub(FEW));
        self.filled = len.min(FEW);
    }
}
