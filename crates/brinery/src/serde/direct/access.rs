//! Handing out items and entries, up to the opcode that ends them.

use super::{Lost, Reader, Result, Tag};
use crate::opcode::byte;
use crate::write::BATCH_SIZE;
use ::serde::de::{
    DeserializeSeed, Deserializer as _, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
    value::StrDeserializer,
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

    /// Whether there is nothing more. Who passes over errors must not wait for the end when the way is lost.
    #[inline(always)]
    fn is_over(&self) -> bool {
        self.ended || self.reader.lost
    }

    #[inline(always)]
    fn ends_here(&mut self) -> bool {
        let opcode = self.reader.peek();
        opcode == self.ends[0] || opcode == self.ends[1]
    }

    /// Ends a batch, and tells whether it was the last one.
    #[inline(never)]
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
        if self.is_over() || self.ends_here() && (self.end() || self.ends_here() && self.end()) {
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
        if self.ended || self.reader.lost || self.end() {
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
    count: usize,
    /// Whether there is a value whose key has been read.
    waits: bool,
    ended: bool,
}

impl<'r, 'de> Entries<'r, 'de> {
    #[inline]
    pub(super) fn visit<V: Visitor<'de>>(reader: &'r mut Reader<'de>, visitor: V) -> Result<V::Value> {
        let mut entries = Entries { reader, count: 0, waits: false, ended: false };
        let result = visitor.visit_map(&mut entries);
        let ended = !entries.waits && (entries.ended || result.is_ok() && entries.end());
        let value = entries.reader.whole(result)?;
        if ended { Ok(value) } else { Err(entries.reader.lost()) }
    }

    /// Whether all entries have been read.
    #[inline(always)]
    fn end(&mut self) -> bool {
        self.reader.peek() == byte::SETITEMS && self.end_batch()
    }

    /// Ends a batch, and tells whether it was the last one.
    #[inline]
    fn end_batch(&mut self) -> bool {
        self.reader.skip();
        self.ended = self.count == 0 || !self.count.is_multiple_of(BATCH_SIZE) || !self.begins_another();
        self.ended
    }

    /// Whether there is another batch that is not empty.
    #[cold]
    #[inline(never)]
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
        if self.waits {
            self.reader.lost();
        }
        if self.ended || self.reader.lost || self.end() {
            return Ok(None);
        }
        self.waits = true;
        self.reader.part(seed).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        if !self.waits {
            return Err(self.reader.lost());
        }
        self.waits = false;
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
        if self.left == 0 || self.reader.lost {
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

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value> {
        let result = self.reader.fields(visitor);
        self.finish(result)
    }
}
