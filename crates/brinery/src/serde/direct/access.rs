//! Handing out items and entries, up to the opcode that ends them.

use super::{Lost, Names, Reader, Result, Tag};
use crate::opcode::byte;
use crate::write::BATCH_SIZE;
use ::serde::de::{
    DeserializeSeed, Deserializer as _, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
    value::{BorrowedStrDeserializer, StrDeserializer},
};

/// Items after a mark, or batches of them.
pub(super) struct Batches<'r, 'de> {
    reader: &'r mut Reader<'de>,
    /// The opcodes that may end them.
    ends: [u8; 2],
    count: usize,
    ended: bool,
}

impl<'r, 'de> Batches<'r, 'de> {
    #[inline]
    pub(super) fn visit<V: Visitor<'de>>(
        reader: &'r mut Reader<'de>,
        ends: [u8; 2],
        visitor: V,
    ) -> Result<V::Value> {
        let mut items = Batches { reader, ends, count: 0, ended: false };
        let result = visitor.visit_seq(&mut items);
        // Some read as many as they want and do not ask whether there is one more.
        let ended = items.ended || result.is_ok() && items.ends_here() && items.end();
        let value = items.reader.whole(result)?;
        if ended { Ok(value) } else { Err(items.reader.lost()) }
    }

    #[inline(always)]
    fn ends_here(&mut self) -> bool {
        let opcode = self.reader.peek();
        opcode == self.ends[0] || opcode == self.ends[1]
    }

    /// Whether there is an item after what does not begin one.
    #[inline(never)]
    fn goes_on(&mut self) -> bool {
        // After two ends of batches in a row, there is an empty batch.
        let is_over = self.ends_here() && (self.end() || self.ends_here() && self.end());
        !is_over && !self.reader.rest.is_empty()
    }

    /// Ends a batch, and tells whether it was the last one.
    fn end(&mut self) -> bool {
        self.reader.skip();
        let is_full = self.count > 0 && self.count.is_multiple_of(BATCH_SIZE);
        let may_go_on = self.ends[0] != byte::TUPLE && is_full;
        if may_go_on && self.reader.peek() == byte::MARK {
            self.reader.skip();
            if self.count == BATCH_SIZE {
                self.reader.expect_much();
            }
            return false;
        }
        self.ended = true;
        true
    }
}

impl<'de> SeqAccess<'de> for Batches<'_, 'de> {
    type Error = Lost;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if self.ended || !self.reader.begins_object() && !self.goes_on() {
            return Ok(None);
        }
        self.count += 1;
        self.reader.part(seed).map(Some)
    }
}

/// One item of a list without a mark, or none.
pub(super) struct Few<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: usize,
}

impl<'r, 'de> Few<'r, 'de> {
    #[inline]
    pub(super) fn visit<V: Visitor<'de>>(
        reader: &'r mut Reader<'de>,
        count: usize,
        visitor: V,
    ) -> Result<V::Value> {
        let mut items = Few { reader, left: count };
        let result = visitor.visit_seq(&mut items);
        let value = items.reader.whole(result)?;
        if items.left == 0 { Ok(value) } else { Err(items.reader.lost()) }
    }
}

impl<'de> SeqAccess<'de> for Few<'_, 'de> {
    type Error = Lost;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let value = self.reader.part(seed)?;
        self.reader.expect(byte::APPEND)?;
        Ok(Some(value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The items of a tuple, before its opcode.
pub(super) struct Postfix<'r, 'de> {
    reader: &'r mut Reader<'de>,
    count: u8,
    ended: bool,
}

impl<'r, 'de> Postfix<'r, 'de> {
    #[inline]
    pub(super) fn visit<V: Visitor<'de>>(reader: &'r mut Reader<'de>, visitor: V) -> Result<V::Value> {
        let mut items = Postfix { reader, count: 0, ended: false };
        let result = visitor.visit_seq(&mut items);
        let ended = items.ended || result.is_ok() && items.end();
        let value = items.reader.whole(result)?;
        if ended { Ok(value) } else { Err(items.reader.lost()) }
    }

    /// Ends the tuple, if it is at its end.
    #[inline]
    fn end(&mut self) -> bool {
        let end = match self.count {
            1 => byte::TUPLE1,
            2 => byte::TUPLE2,
            3 => byte::TUPLE3,
            _ => return false,
        };
        self.ended = self.reader.peek() == end;
        if self.ended {
            self.reader.skip();
        }
        self.ended
    }
}

impl<'de> SeqAccess<'de> for Postfix<'_, 'de> {
    type Error = Lost;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if self.ended || self.end() || self.reader.rest.is_empty() {
            return Ok(None);
        }
        if self.count == 3 {
            return Err(self.reader.lost());
        }
        self.count += 1;
        self.reader.part(seed).map(Some)
    }
}

/// Keys and values after a mark, or batches of them.
pub(super) struct Entries<'r, 'de> {
    reader: &'r mut Reader<'de>,
    /// Whether keys are names of fields.
    is_struct: bool,
    /// Those that have not been seen, if they come in their order.
    names: Names,
    count: usize,
    next: Next,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Key,
    /// A value, whose key has been read.
    Value,
    Nothing,
}

impl<'r, 'de> Entries<'r, 'de> {
    #[inline]
    pub(super) fn visit<V: Visitor<'de>>(
        reader: &'r mut Reader<'de>,
        names: Names,
        visitor: V,
    ) -> Result<V::Value> {
        let mut entries = Entries { reader, is_struct: !names.is_empty(), names, count: 0, next: Next::Key };
        let result = visitor.visit_map(&mut entries);
        let ended = match entries.next {
            Next::Key => result.is_ok() && !entries.goes_on() && entries.next == Next::Nothing,
            Next::Value => false,
            Next::Nothing => true,
        };
        let value = entries.reader.whole(result)?;
        if ended { Ok(value) } else { Err(entries.reader.lost()) }
    }

    /// Whether there is a key after what does not begin one.
    #[inline(never)]
    fn goes_on(&mut self) -> bool {
        if self.next == Next::Value {
            self.reader.lost();
        }
        let is_over = self.next != Next::Key || self.reader.peek() == byte::SETITEMS && self.end_batch();
        !is_over && !self.reader.rest.is_empty()
    }

    /// Ends a batch, and tells whether it was the last one.
    fn end_batch(&mut self) -> bool {
        self.reader.skip();
        let is_full = self.count > 0 && self.count.is_multiple_of(BATCH_SIZE);
        let is_last = !is_full || !self.begins_another();
        if is_last {
            self.next = Next::Nothing;
        }
        is_last
    }

    /// Whether there is another batch that is not empty.
    fn begins_another(&mut self) -> bool {
        if self.reader.peek() != byte::MARK {
            return false;
        }
        self.reader.skip();
        let is_empty = self.reader.peek() == byte::SETITEMS;
        if is_empty {
            self.reader.skip();
        }
        !is_empty
    }
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Lost;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if self.is_struct
            && self.next == Next::Key
            && let Some(name) = self.reader.likely_name(&mut self.names)
        {
            self.next = Next::Value;
            let result = seed.deserialize(BorrowedStrDeserializer::<Lost>::new(name));
            return self.reader.whole(result).map(Some);
        }
        if (self.next != Next::Key || !self.reader.begins_object()) && !self.goes_on() {
            return Ok(None);
        }
        self.next = Next::Value;
        self.reader.part(seed).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        if self.next != Next::Value {
            return Err(self.reader.lost());
        }
        self.next = Next::Key;
        self.count += 1;
        self.reader.part(seed)
    }
}

/// One key and its value, of a dict without a mark, or none.
pub(super) struct Single<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: usize,
    waits: bool,
}

impl<'r, 'de> Single<'r, 'de> {
    #[inline]
    pub(super) fn visit<V: Visitor<'de>>(
        reader: &'r mut Reader<'de>,
        count: usize,
        visitor: V,
    ) -> Result<V::Value> {
        let mut entry = Single { reader, left: count, waits: false };
        let result = visitor.visit_map(&mut entry);
        let value = entry.reader.whole(result)?;
        if entry.left == 0 { Ok(value) } else { Err(entry.reader.lost()) }
    }
}

impl<'de> MapAccess<'de> for Single<'_, 'de> {
    type Error = Lost;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if std::mem::replace(&mut self.waits, self.left > 0) {
            self.reader.lost();
        }
        if self.left == 0 || self.reader.rest.is_empty() {
            return Ok(None);
        }
        self.reader.part(seed).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        if !std::mem::take(&mut self.waits) {
            return Err(self.reader.lost());
        }
        let value = self.reader.part(seed)?;
        self.left -= 1;
        self.reader.expect(byte::SETITEM)?;
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A variant whose name has been read.
pub(super) struct Variant<'r, 'de> {
    reader: &'r mut Reader<'de>,
    tag: &'de str,
    form: Form,
}

/// Where the content of a variant is.
#[derive(Clone, Copy)]
enum Form {
    /// In a tuple with the name that begins it here; or there is none.
    Tuple(usize),
    /// In a dict, at the name.
    Entry,
}

impl<'r, 'de> Variant<'r, 'de> {
    /// A name that stands for itself or begins a tuple.
    pub(super) fn visit_tagged<V: Visitor<'de>>(
        reader: &'r mut Reader<'de>,
        start: usize,
        tag: &'de str,
        visitor: V,
    ) -> Result<V::Value> {
        reader.variants += 1;
        visitor.visit_enum(Variant { reader, tag, form: Form::Tuple(start) })
    }

    /// A name that is the key of a dict.
    pub(super) fn visit_entry<V: Visitor<'de>>(
        reader: &'r mut Reader<'de>,
        tag: &'de str,
        visitor: V,
    ) -> Result<V::Value> {
        reader.variants += 1;
        visitor.visit_enum(Variant { reader, tag, form: Form::Entry })
    }

    /// After the content.
    fn finish<T>(self, result: Result<T>) -> Result<T> {
        let value = self.reader.whole(result)?;
        self.reader.variants -= 1;
        match self.form {
            Form::Entry => self.reader.expect(byte::SETITEM)?,
            Form::Tuple(start) => {
                self.reader.expect(byte::TUPLE2)?;
                self.reader.store_whole(Tag::Postfix, start);
            }
        }
        Ok(value)
    }
}

impl<'r, 'de> EnumAccess<'de> for Variant<'r, 'de> {
    type Error = Lost;
    type Variant = Variant<'r, 'de>;

    #[inline]
    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant)> {
        let result = seed.deserialize(StrDeserializer::<Lost>::new(self.tag));
        Ok((self.reader.whole(result)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Lost;

    #[inline]
    fn unit_variant(self) -> Result<()> {
        match self.form {
            Form::Tuple(_) => {
                self.reader.variants -= 1;
                Ok(())
            }
            Form::Entry => {
                let result = self.reader.expect(byte::NONE);
                self.finish(result)
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        let result = seed.deserialize(&mut *self.reader);
        self.finish(result)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        let result = self.reader.deserialize_tuple(len, visitor);
        self.finish(result)
    }

    fn struct_variant<V: Visitor<'de>>(self, names: Names, visitor: V) -> Result<V::Value> {
        let result = self.reader.fields(names, visitor);
        self.finish(result)
    }
}
