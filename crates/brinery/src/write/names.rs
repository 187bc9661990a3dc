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
/// As with [`Names`], the one that came after the last one before is tried first; there it is one comparison.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    entries: Vec<Text>,
    /// The positions of the entries by their hash, if they are more than [`FEW`].
    table: HashTable<u32>,
    /// A bit for each text that there is, which others may share.
    seen: u64,
    /// The entry that is expected.
    next: u32,
    /// The entry that was asked for last.
    last: u32,
}

#[derive(Clone, Debug)]
struct Text {
    text: &'static str,
    /// Where it is in the memo: nothing beyond what four bytes count can be fetched.
    index: u32,
    /// The entry that was asked for after this one the last time.
    next: u32,
}

impl Texts {
    /// The index of a text, if it is the one that came after the last one before and one byte holds it.
    #[inline(always)]
    pub(crate) fn next(&mut self, text: &'static str) -> Option<u8> {
        let entry = self.entries.get(self.next as usize)?;
        if !std::ptr::eq(entry.text, text) || entry.index > 0xff {
            return None;
        }
        self.last = self.next;
        self.next = entry.next;
        Some(entry.index as u8)
    }

    /// The index of a text, which need not be the next.
    #[inline]
    pub(crate) fn find(&mut self, text: &'static str) -> Option<u32> {
        if self.seen & bit(text) == 0 {
            return None;
        }
        let found = self.position(text)?;
        self.turn_to(found);
        Some(self.entries[found as usize].index)
    }

    fn position(&self, text: &'static str) -> Option<u32> {
        if self.entries.len() <= FEW {
            let same_place = self.entries.iter().position(|entry| std::ptr::eq(entry.text, text));
            let position = same_place.or_else(|| self.entries.iter().position(|entry| entry.text == text));
            return position.map(|position| position as u32);
        }
        self.table.find(mix(text), |&position| self.entries[position as usize].text == text).copied()
    }

    /// Remembers which entry comes after the last one.
    #[inline]
    fn turn_to(&mut self, position: u32) {
        if let Some(last) = self.entries.get_mut(self.last as usize) {
            last.next = position;
        }
        self.last = position;
        self.next = self.entries[position as usize].next;
    }

    /// Keeps the index of a text that has none.
    #[inline]
    pub(crate) fn add(&mut self, text: &'static str, index: u32) {
        let position = self.entries.len();
        if position == 0 {
            self.entries.reserve(FEW);
        }
        self.entries.push(Text { text, index, next: position as u32 + 1 });
        self.seen |= bit(text);
        self.turn_to(position as u32);
        if position >= FEW {
            self.add_to_table(position);
        }
    }

    #[cold]
    fn add_to_table(&mut self, position: usize) {
        let entries = &self.entries;
        let hash = |&position: &u32| mix(entries[position as usize].text);
        for position in if position == FEW { 0 } else { position } as u32..entries.len() as u32 {
            self.table.insert_unique(hash(&position), position, hash);
        }
    }
}

/// One of 64 bits, the same for the same text.
#[inline]
fn bit(text: &str) -> u64 {
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
                assert_eq!((texts.next(text), texts.find(text)), (None, None));
                texts.add(text, index as u32);
            }
            for round in 0..3 {
                for (index, text) in many[..count].iter().enumerate() {
                    let found = texts.next(text);
                    assert!(found.is_some() || round == 0 || index > 0xff, "{text} was expected");
                    assert_eq!(found.map(u32::from).or_else(|| texts.find(text)), Some(index as u32));
                }
            }
            for (index, text) in many[..count].iter().enumerate().rev() {
                let elsewhere: &'static str = String::from(*text).leak();
                assert_eq!(texts.next(elsewhere), None);
                assert_eq!(texts.find(elsewhere), Some(index as u32));
            }
            assert_eq!(texts.find("another"), None);
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
