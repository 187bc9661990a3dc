//! What the program itself refers to in a stream, by its name.

use hashbrown::HashTable;

/// A text of the program, such as the name of a field, or a global.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    module: Option<&'static str>,
    text: &'static str,
}

impl Name {
    #[cfg(any(feature = "serde", test))]
    #[inline]
    pub(crate) fn text(text: &'static str) -> Self {
        Name { module: None, text }
    }

    #[inline]
    pub(crate) fn global(module: &'static str, text: &'static str) -> Self {
        Name { module: Some(module), text }
    }

    /// A hash of the length and of both ends: the names of a program are few, and nobody else's.
    #[inline]
    fn hash(self) -> u64 {
        let hash = mix(self.text);
        self.module.map_or(hash, |module| mix(module).rotate_left(17) ^ hash)
    }

    /// Whether it is the same text in the same place.
    #[inline(always)]
    fn lies_where(self, other: Name) -> bool {
        let same_module = match (self.module, other.module) {
            (None, None) => true,
            (Some(a), Some(b)) => std::ptr::eq(a, b),
            _ => false,
        };
        same_module && std::ptr::eq(self.text, other.text)
    }

    fn is(self, other: Name) -> bool {
        self.module == other.module && self.text == other.text
    }
}

#[inline]
fn mix(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let (first, last) = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(&first), Some(&last)) => (u64::from_le_bytes(first), u64::from_le_bytes(last)),
        _ => match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(&first), Some(&last)) => {
                (u32::from_le_bytes(first).into(), u32::from_le_bytes(last).into())
            }
            _ => bytes.iter().fold((0, 0), |(first, last), &byte| (first << 8 | u64::from(byte), last)),
        },
    };
    let word = first ^ last.rotate_left(29) ^ (bytes.len() as u64) << 56;
    let product = u128::from(word) * 0x9e37_79b9_7f4a_7c15;
    product as u64 ^ (product >> 64) as u64
}

/// So many are looked through one after the other.
const FEW: usize = 8;

/// Something for each of the names that a program uses.
///
/// Names come in the order in which structs have their fields, again and again: the one that came after the last one
/// before is tried first.
#[derive(Clone, Debug)]
pub(crate) struct Names<V> {
    entries: Vec<Entry<V>>,
    /// The positions of the entries by their hash, if they are more than [`FEW`].
    table: HashTable<u32>,
    /// The entry that was asked for last.
    last: u32,
}

#[derive(Clone, Debug)]
struct Entry<V> {
    name: Name,
    value: V,
    /// The entry that was asked for after this one the last time.
    next: u32,
}

impl<V> Default for Names<V> {
    fn default() -> Self {
        Names { entries: Vec::new(), table: HashTable::new(), last: 0 }
    }
}

impl<V: Copy> Names<V> {
    /// What there is for a name, if it is the one that came after the last one before.
    #[inline(always)]
    pub(crate) fn next(&mut self, name: Name) -> Option<V> {
        let next = self.entries.get(self.last as usize)?.next;
        let entry = self.entries.get(next as usize).filter(|entry| entry.name.lies_where(name))?;
        self.last = next;
        Some(entry.value)
    }

    /// What there is for a name, which need not be the next.
    pub(crate) fn find(&mut self, name: Name) -> Option<V> {
        let found = self.position(name)?;
        self.turn_to(found);
        Some(self.entries[found as usize].value)
    }

    /// Whether there is nothing for any name.
    #[cfg(feature = "serde")]
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What there is for a name, out of turn.
    #[cfg(any(feature = "serde", test))]
    #[inline]
    pub(crate) fn peek(&self, name: Name) -> Option<V> {
        if self.entries.is_empty() {
            return None;
        }
        self.position(name).map(|position| self.entries[position as usize].value)
    }

    fn position(&self, name: Name) -> Option<u32> {
        if self.entries.len() <= FEW {
            let position = self.entries.iter().position(|entry| entry.name.is(name));
            return position.map(|position| position as u32);
        }
        let is_it = |&position: &u32| self.entries[position as usize].name.is(name);
        self.table.find(name.hash(), is_it).copied()
    }

    /// Remembers which entry comes after the last one.
    fn turn_to(&mut self, position: u32) {
        if let Some(last) = self.entries.get_mut(self.last as usize) {
            last.next = position;
        }
        self.last = position;
    }

    /// Keeps something for a name, instead of what there was for it.
    #[cfg(any(feature = "serde", test))]
    pub(crate) fn insert(&mut self, name: Name, value: V) {
        match self.position(name) {
            Some(position) => self.entries[position as usize].value = value,
            None => self.add(name, value),
        }
    }

    /// Keeps something for a name for which there is nothing; programs have less than four billion.
    #[cold]
    pub(crate) fn add(&mut self, name: Name, value: V) {
        let position = self.entries.len();
        if position == 0 {
            self.entries.reserve(FEW);
        }
        self.entries.push(Entry { name, value, next: position as u32 });
        self.turn_to(position as u32);
        let first = match position {
            0..FEW => return,
            FEW => 0,
            _ => position,
        };
        let entries = &self.entries;
        let hash = |&position: &u32| entries[position as usize].name.hash();
        for position in first as u32..entries.len() as u32 {
            self.table.insert_unique(hash(&position), position, hash);
        }
    }
}

/// The indexes in the memo of the texts that a program uses again and again, such as the names of fields.
///
/// As with [`Names`], the one that came after the last one before is tried first; there it is one comparison. The first
/// few need no memory of their own.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    few: [Text; FEW],
    /// How many there are of the few.
    filled: u32,
    /// The entry that is expected.
    next: u32,
    /// The entry that was asked for last.
    last: u32,
    /// A bit for each text that there is, which others may share.
    seen: u64,
    /// Those beyond the few.
    many: Vec<Text>,
    /// The positions of the entries by their hash, if they are more than [`FEW`].
    table: HashTable<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Text {
    text: &'static str,
    /// Where it is in the memo: nothing beyond what four bytes count can be fetched.
    index: u32,
    /// The entry that was asked for after this one the last time.
    next: u32,
}

impl Default for Texts {
    #[inline(always)]
    fn default() -> Self {
        Texts {
            few: [Text { text: "", index: 0, next: 0 }; FEW],
            filled: 0,
            next: 0,
            last: 0,
            seen: 0,
            many: Vec::new(),
            table: HashTable::new(),
        }
    }
}

impl Texts {
    #[inline(always)]
    fn entry(&self, position: u32) -> Option<&Text> {
        match self.few.get(position as usize) {
            Some(entry) => (position < self.filled).then_some(entry),
            None => self.many.get(position as usize - FEW),
        }
    }

    /// The index of a text, if it is the one that came after the last one before and one byte holds it.
    #[inline(always)]
    pub(crate) fn next(&mut self, text: &'static str) -> Option<u8> {
        let entry = self.entry(self.next)?;
        if !std::ptr::eq(entry.text, text) || entry.index > 0xff {
            return None;
        }
        let (index, next) = (entry.index as u8, entry.next);
        self.last = self.next;
        self.next = next;
        Some(index)
    }

    /// The index of a text with this [bit], which need not be the next.
    #[inline(always)]
    pub(crate) fn find(&mut self, text: &'static str, bit: u64) -> Option<u32> {
        if self.seen & bit == 0 { None } else { self.find_seen(text) }
    }

    #[inline(never)]
    fn find_seen(&mut self, text: &'static str) -> Option<u32> {
        let position = self.position(text)?;
        self.expect_after_last(position);
        let entry = self.entry(position)?;
        let (index, next) = (entry.index, entry.next);
        self.last = position;
        self.next = next;
        Some(index)
    }

    fn position(&self, text: &'static str) -> Option<u32> {
        if self.many.is_empty() {
            let few = &self.few[..self.filled as usize];
            let same_place = few.iter().position(|entry| std::ptr::eq(entry.text, text));
            let position = same_place.or_else(|| few.iter().position(|entry| entry.text == text));
            return position.map(|position| position as u32);
        }
        let is_it = |&position: &u32| self.entry(position).is_some_and(|entry| entry.text == text);
        self.table.find(mix(text), is_it).copied()
    }

    /// Remembers which entry comes after the last one.
    fn expect_after_last(&mut self, position: u32) {
        let entry = match self.few.get_mut(self.last as usize) {
            Some(entry) => Some(entry),
            None => self.many.get_mut(self.last as usize - FEW),
        };
        if let Some(last) = entry {
            last.next = position;
        }
    }

    /// Keeps the index of a text with this [bit] that has none.
    #[inline(always)]
    pub(crate) fn add(&mut self, text: &'static str, bit: u64, index: u32) {
        self.seen |= bit;
        let position = self.filled;
        let entry = Text { text, index, next: position + 1 };
        let Some(place) = self.few.get_mut(position as usize) else { return self.add_more(text, index) };
        *place = entry;
        self.filled = position + 1;
        // Who comes after another for the first time is expected to.
        if position != self.last + 1 {
            self.expect_after_last(position);
        }
        self.last = position;
        self.next = position + 1;
    }

    #[cold]
    #[inline(never)]
    fn add_more(&mut self, text: &'static str, index: u32) {
        let first = if self.many.is_empty() { 0 } else { FEW + self.many.len() };
        let position = (FEW + self.many.len()) as u32;
        self.many.push(Text { text, index, next: position + 1 });
        self.expect_after_last(position);
        self.last = position;
        self.next = position + 1;
        let (few, many) = (&self.few, &self.many);
        let hash = |&position: &u32| {
            let position = position as usize;
            mix(few.get(position).unwrap_or_else(|| &many[position - FEW]).text)
        };
        for position in first as u32..=position {
            self.table.insert_unique(hash(&position), position, hash);
        }
    }
}

/// One of 64 bits, the same for the same text.
#[inline(always)]
pub(crate) fn bit(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let end = |end: Option<&u8>| u32::from(end.copied().unwrap_or_default());
    1 << ((bytes.len() as u32 ^ end(bytes.first()) ^ (end(bytes.last()) << 2)) & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_in_any_order_and_wherever_they_lie() {
        let many: Vec<&'static str> = (0..300).map(|number| &*format!("name{number}").leak()).collect();
        for count in [1, 7, FEW, FEW + 1, 300] {
            let mut texts = Texts::default();
            for (index, text) in many[..count].iter().enumerate() {
                assert_eq!((texts.next(text), texts.find(text, bit(text))), (None, None));
                texts.add(text, bit(text), index as u32);
            }
            for round in 0..3 {
                for (index, text) in many[..count].iter().enumerate() {
                    let found = texts.next(text);
                    assert!(found.is_some() || round == 0 || index > 0xff, "{text} was expected");
                    assert_eq!(
                        found.map(u32::from).or_else(|| texts.find(text, bit(text))),
                        Some(index as u32)
                    );
                }
            }
            for (index, text) in many[..count].iter().enumerate().rev() {
                let elsewhere: &'static str = String::from(*text).leak();
                assert_eq!(texts.next(elsewhere), None);
                assert_eq!(texts.find(elsewhere, bit(elsewhere)), Some(index as u32));
            }
            assert_eq!(texts.find("another", bit("another")), None);
        }
    }

    #[test]
    fn names_are_told_apart_by_their_text_alone() {
        let mut names = Names::default();
        let elsewhere: &'static str = String::from("a name elsewhere").leak();
        let texts = ["", "a", "ab", "abc", "abcd", "abcdefg", "abcdefgh", "abcdefghi", "a name elsewhere"];
        for (index, text) in texts.into_iter().enumerate() {
            names.insert(Name::text(text), index);
            names.insert(Name::global("", text), 100 + index);
            names.insert(Name::global(text, ""), 200 + index);
        }
        for (index, text) in texts.into_iter().enumerate() {
            assert_eq!(names.find(Name::text(text)), Some(index));
            if !text.is_empty() {
                assert_eq!(names.find(Name::global("", text)), Some(100 + index));
                assert_eq!(names.find(Name::global(text, "")), Some(200 + index));
            }
        }
        assert_eq!(names.find(Name::text(elsewhere)), Some(8));
        assert_eq!(names.next(Name::text(elsewhere)), None);
        names.insert(Name::text(elsewhere), 9);
        assert_eq!(names.find(Name::text("a name elsewhere")), Some(9));
        assert_eq!(names.find(Name::text("b")), None);
        assert_eq!(names.peek(Name::text("b")), None);
        for _ in 0..2 {
            names.find(Name::text("a"));
            names.find(Name::text("ab"));
        }
        names.find(Name::text("a"));
        assert_eq!(names.next(Name::text("ab")), Some(2));
        assert_eq!(names.next(Name::global("", "a")), None);
        assert_eq!(names.peek(Name::text("ab")), Some(2));
    }
}
