//! Handing out items and entries, with the place of a failure.

use super::de::{Deserializer, Level};
use crate::error::{Error, Result};
use crate::place::Segment;
use crate::value::{Entries, Id, Value, Values};
use ::serde::de::{DeserializeSeed, IntoDeserializer as _, MapAccess, SeqAccess, Visitor};

/// Items one after the other.
pub(super) struct Items<'c, 'g, 'de> {
    pub(super) level: Level<'c>,
    pub(super) items: Values<'g, 'de>,
    pub(super) position: usize,
}

impl<'de> SeqAccess<'de> for Items<'_, '_, 'de> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let position = self.position;
        self.position += 1;
        let result = seed.deserialize(Deserializer::inside(&self.level, item));
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(in_item(error, item, position)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

#[cold]
fn in_item(error: Error, item: Value<'_, '_>, position: usize) -> Error {
    error.of_node(item.id()).inside(|| Segment::Index(position))
}

/// Puts an error into the value of a key, which may be the name of an attribute; or into that key.
#[cold]
fn in_entry(error: Error, part: Value<'_, '_>, key: Value<'_, '_>, attribute: bool) -> Error {
    error.of_node(part.id()).inside(|| match key.as_str() {
        Some(name) if attribute => Segment::Attribute(name.to_owned()),
        _ => Segment::Key(key.brief()),
    })
}

#[cold]
fn no_key() -> Error {
    ::serde::de::Error::custom("a value was asked for before its key")
}

/// Keys and values one after the other.
pub(super) struct Dict<'c, 'g, 'de> {
    level: Level<'c>,
    dict: Value<'g, 'de>,
    entries: Entries<'g, 'de>,
    /// Whether the keys are names of attributes.
    attributes: bool,
    entry: Option<(Id, Id)>,
}

impl<'c, 'g, 'de> Dict<'c, 'g, 'de> {
    #[inline(always)]
    pub(super) fn new(level: Level<'c>, dict: Value<'g, 'de>, entries: Entries<'g, 'de>) -> Self {
        Dict { level, dict, entries, attributes: false, entry: None }
    }

    /// The dict of an instance.
    #[inline(always)]
    pub(super) fn of_attributes(level: Level<'c>, state: Value<'g, 'de>) -> Self {
        Dict { attributes: true, ..Dict::new(level, state, state.entries()) }
    }
}

impl<'de> MapAccess<'de> for Dict<'_, '_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.entry = Some((key.id(), value.id()));
        match seed.deserialize(Deserializer::inside(&self.level, key)) {
            Ok(key) => Ok(Some(key)),
            Err(error) => Err(in_entry(error, key, key, self.attributes)),
        }
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        let Some((key, value)) = self.entry.take() else { return Err(no_key()) };
        let value = self.dict.at(value);
        let result = seed.deserialize(Deserializer::inside(&self.level, value));
        result.map_err(|error| in_entry(error, value, self.dict.at(key), self.attributes))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// Items of an instance and its attributes, one after the other, from several dicts in turn.
pub(super) struct Map<'c, 'g, 'de> {
    level: Level<'c>,
    /// The dict whose turn it is.
    entries: Option<Entries<'g, 'de>>,
    /// Those that come after it.
    left: [Option<Entries<'g, 'de>>; 3],
    entry: Option<(Value<'g, 'de>, Value<'g, 'de>)>,
}

impl<'c, 'g, 'de> Map<'c, 'g, 'de> {
    pub(super) fn new(
        level: Level<'c>,
        entries: Option<Entries<'g, 'de>>,
        attributes: [Option<Entries<'g, 'de>>; 3],
    ) -> Self {
        let mut left = attributes;
        let entries = entries.or_else(|| left.iter_mut().find_map(Option::take));
        Map { level, entries, left, entry: None }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.iter().chain(self.left.iter().flatten()).map(ExactSizeIterator::len).sum()
    }

    #[inline(always)]
    fn next(&mut self) -> Option<(Value<'g, 'de>, Value<'g, 'de>)> {
        loop {
            if let Some(entry) = self.entries.as_mut()?.next() {
                return Some(entry);
            }
            self.entries = self.left.iter_mut().find_map(Option::take);
        }
    }
}

impl<'de> MapAccess<'de> for Map<'_, '_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        self.entry = self.next();
        let Some((key, _)) = self.entry else { return Ok(None) };
        match seed.deserialize(Deserializer::inside(&self.level, key)) {
            Ok(key) => Ok(Some(key)),
            Err(error) => Err(in_entry(error, key, key, true)),
        }
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        let Some((key, value)) = self.entry.take() else { return Err(no_key()) };
        let result = seed.deserialize(Deserializer::inside(&self.level, value));
        result.map_err(|error| in_entry(error, value, key, true))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len())
    }
}

/// The entries of a dict as pairs.
pub(super) struct EntryPairs<'c, 'g, 'de> {
    pub(super) level: Level<'c>,
    pub(super) entries: Entries<'g, 'de>,
}

impl<'de> SeqAccess<'de> for EntryPairs<'_, '_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        let pair = Pair { level: self.level, key, value };
        let result = seed.deserialize(pair);
        result.map(Some).map_err(|error| error.of_node(value.id()).inside(|| Segment::Key(key.brief())))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A key and its value as a tuple.
struct Pair<'c, 'g, 'de> {
    level: Level<'c>,
    key: Value<'g, 'de>,
    value: Value<'g, 'de>,
}

impl<'de> ::serde::Deserializer<'de> for Pair<'_, '_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let Pair { level, key, value } = self;
        visitor.visit_seq(PairItems { level, left: [Some(key), Some(value)] })
    }

    ::serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct PairItems<'c, 'g, 'de> {
    level: Level<'c>,
    left: [Option<Value<'g, 'de>>; 2],
}

impl<'de> SeqAccess<'de> for PairItems<'_, '_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(next) = self.left.iter_mut().find_map(Option::take) else { return Ok(None) };
        seed.deserialize(Deserializer::inside(&self.level, next)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.iter().flatten().count())
    }
}

/// A list of pairs as a map.
pub(super) struct PairMap<'c, 'g, 'de> {
    pub(super) level: Level<'c>,
    pub(super) pairs: Values<'g, 'de>,
    pub(super) value: Option<(Value<'g, 'de>, Value<'g, 'de>)>,
}

impl<'de> MapAccess<'de> for PairMap<'_, '_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some(pair) = self.pairs.next() else { return Ok(None) };
        let (Some(key), Some(value), 2) = (pair.item(0), pair.item(1), pair.len()) else {
            return Err(::serde::de::Error::custom("expected a pair of key and value"));
        };
        self.value = Some((key, value));
        seed.deserialize(Deserializer::inside(&self.level, key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        let Some((key, value)) = self.value.take() else {
            return Err(::serde::de::Error::custom("a value was asked for before its key"));
        };
        let result = seed.deserialize(Deserializer::inside(&self.level, value));
        result.map_err(|error| error.of_node(value.id()).inside(|| Segment::Key(key.brief())))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.pairs.len())
    }
}

/// Bytes as a sequence of numbers.
pub(super) struct Octets<'b>(pub(super) std::slice::Iter<'b, u8>);

impl<'de> SeqAccess<'de> for Octets<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        match self.0.next() {
            Some(&byte) => seed.deserialize(byte.into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// Two numbers as a sequence.
pub(super) struct Numbers(pub(super) std::array::IntoIter<u64, 2>);

impl<'de> SeqAccess<'de> for Numbers {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        match self.0.next() {
            Some(number) => seed.deserialize(number.into_deserializer()).map(Some),
            None => Ok(None),
        }
    }
}
