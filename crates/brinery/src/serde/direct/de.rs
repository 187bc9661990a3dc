//! What serde asks for, of the next opcodes.

use super::access::{Batches, Entries, Few, Postfix, Single, Variant};
use super::skim::Kind;
use super::{Lost, Names, Reader, Result, Tag};
use crate::opcode::byte;
use ::serde::de::{DeserializeSeed, Deserializer, Visitor, value::SeqDeserializer};

impl<'de> Reader<'de> {
    #[inline]
    fn any<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let opcode = self.peek();
        match opcode {
            byte::NONE => {
                self.skip();
                visitor.visit_unit()
            }
            byte::NEWTRUE | byte::NEWFALSE => {
                self.skip();
                visitor.visit_bool(opcode == byte::NEWTRUE)
            }
            byte::BININT | byte::BININT1 | byte::BININT2 => visitor.visit_i64(self.short_int(opcode)?),
            byte::LONG1 => self.visit_long(visitor),
            byte::BINFLOAT => visitor.visit_f64(self.float()?),
            byte::SHORT_BINUNICODE | byte::BINUNICODE | byte::BINUNICODE8 => {
                visitor.visit_borrowed_str(self.text(opcode)?)
            }
            byte::SHORT_BINBYTES | byte::BINBYTES | byte::BINBYTES8 | byte::BYTEARRAY8 => {
                visitor.visit_borrowed_bytes(self.bytes(opcode)?)
            }
            byte::EMPTY_LIST | byte::MARK | byte::EMPTY_TUPLE | byte::EMPTY_SET => self.sequence(visitor),
            byte::EMPTY_DICT => self.dict(&[], visitor),
            byte::BINGET | byte::LONG_BINGET => {
                let (index, entry) = self.fetch(opcode)?;
                match entry.tag() {
                    Tag::Text => visitor.visit_borrowed_str(self.fetched_text(index, entry)?),
                    Tag::Bytes => visitor.visit_borrowed_bytes(self.fetched_bytes(entry)?),
                    Tag::Container => self.replay(entry, |this| this.any(visitor)),
                    Tag::Postfix => self.replay(entry, |this| this.postfix(visitor)),
                    _ => Err(self.lost()),
                }
            }
            _ => Err(self.lost()),
        }
    }

    #[inline(always)]
    fn visit_long<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.word() {
            Some(value) => visitor.visit_i64(value),
            None => self.visit_wide(visitor),
        }
    }

    #[cold]
    #[inline(never)]
    fn visit_wide<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let value = self.long()?;
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => visitor.visit_i64(value),
            (_, Ok(value)) => visitor.visit_u64(value),
            _ => Err(self.lost()),
        }
    }

    #[inline(always)]
    fn visit_integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.rest {
            [opcode @ (byte::BININT | byte::BININT1 | byte::BININT2), ..] => {
                visitor.visit_i64(self.short_int(*opcode)?)
            }
            [byte::LONG1, ..] => self.visit_long(visitor),
            _ => self.other(visitor),
        }
    }

    /// Text that is long or not here, or something in its place.
    #[inline(never)]
    fn visit_text<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.peek() {
            byte::BININT | byte::BININT1 | byte::BININT2 | byte::LONG1 => {
                let value = self.wide()?.unwrap_or_default();
                visitor.visit_string(value.to_string())
            }
            _ => self.any(visitor),
        }
    }

    /// A scalar of another kind than expected, which some visitors take, or one behind a frame.
    #[cold]
    #[inline(never)]
    fn other<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.any(visitor)
    }

    #[cold]
    #[inline(never)]
    fn other_float<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.peek() {
            // Of the large ones not all are given as integers.
            byte::LONG1 => Err(self.lost()),
            _ => self.any(visitor),
        }
    }

    /// An integer of up to 128 bits, if that is what comes next.
    fn wide(&mut self) -> Result<Option<i128>> {
        Ok(match self.peek() {
            opcode @ (byte::BININT | byte::BININT1 | byte::BININT2) => Some(self.short_int(opcode)?.into()),
            byte::LONG1 => Some(self.long()?),
            _ => None,
        })
    }

    /// Anything that has an order.
    #[inline]
    fn sequence<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let opcode = self.peek();
        match opcode {
            byte::EMPTY_LIST => self.list(visitor),
            byte::MARK => self.marked(byte::FROZENSET, visitor),
            byte::EMPTY_TUPLE => self.empty_tuple(visitor),
            byte::EMPTY_SET => self.set(visitor),
            byte::BINGET | byte::LONG_BINGET => {
                let before = self.rest;
                let (_, entry) = self.fetch(opcode)?;
                match entry.tag() {
                    Tag::Container => self.replay(entry, |this| this.sequence(visitor)),
                    Tag::Postfix => self.replay(entry, |this| this.postfix(visitor)),
                    Tag::Text => {
                        self.rest = before;
                        self.postfix(visitor)
                    }
                    _ => Err(self.lost()),
                }
            }
            byte::EMPTY_DICT => Err(self.lost()),
            _ => self.postfix(visitor),
        }
    }

    /// What a seed makes of what comes next.
    #[inline(always)]
    pub(super) fn part<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        let result = seed.deserialize(&mut *self);
        self.whole(result)
    }

    #[inline]
    fn list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.filled(byte::APPENDS, |this| usize::from(this.goes_on(Kind::List)), visitor)
    }

    fn set<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.filled(byte::ADDITEMS, |_| 0, visitor)
    }

    /// A container of batches that this opcode ends, or of so `few` items without a mark.
    #[inline(always)]
    fn filled<V: Visitor<'de>>(
        &mut self,
        end: u8,
        few: impl FnOnce(&mut Self) -> usize,
        visitor: V,
    ) -> Result<V::Value> {
        let (open, marked) = self.open();
        self.enter()?;
        let value = if marked {
            Batches::visit(self, [end; 2], visitor)?
        } else {
            let count = few(self);
            Few::visit(self, count, visitor)?
        };
        self.leave();
        self.close(open);
        Ok(value)
    }

    /// A tuple after a mark, or what this other opcode makes.
    #[inline]
    fn marked<V: Visitor<'de>>(&mut self, or: u8, visitor: V) -> Result<V::Value> {
        let start = self.at();
        self.skip();
        self.enter()?;
        let value = Batches::visit(self, [byte::TUPLE, or], visitor)?;
        self.leave();
        self.store_whole(Tag::Container, start);
        Ok(value)
    }

    fn empty_tuple<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let start = self.at();
        self.skip();
        self.enter()?;
        let value = Few::visit(self, 0, visitor)?;
        self.leave();
        self.store_whole(Tag::Container, start);
        Ok(value)
    }

    /// A tuple of up to three items, which come before its opcode.
    #[inline]
    fn postfix<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let start = self.at();
        self.enter()?;
        let value = Postfix::visit(self, visitor)?;
        self.leave();
        self.store_whole(Tag::Postfix, start);
        Ok(value)
    }

    /// The numbers of a bytes object, unless that is in a tuple.
    fn octets<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let opcode = self.peek();
        let bytes = match opcode {
            byte::BINGET | byte::LONG_BINGET => {
                let (_, entry) = self.fetch(opcode)?;
                self.fetched_bytes(entry)?
            }
            _ => self.bytes(opcode)?,
        };
        let mut octets = SeqDeserializer::<_, Lost>::new(bytes.iter().copied());
        let result = visitor.visit_seq(&mut octets).and_then(|value| octets.end().map(|()| value));
        self.whole(result)
    }

    #[inline]
    fn dict<V: Visitor<'de>>(&mut self, names: Names, visitor: V) -> Result<V::Value> {
        self.enter()?;
        let value = self.bare_dict(names, visitor)?;
        self.leave();
        Ok(value)
    }

    /// A dict, which comes next.
    #[inline]
    fn bare_dict<V: Visitor<'de>>(&mut self, names: Names, visitor: V) -> Result<V::Value> {
        let (open, marked) = self.open();
        let value = if marked {
            Entries::visit(self, names, visitor)?
        } else {
            let count = usize::from(self.goes_on(Kind::Dict));
            Single::visit(self, count, visitor)?
        };
        self.close(open);
        Ok(value)
    }

    /// An instance that is told by its state.
    #[inline]
    fn instance<V: Visitor<'de>>(&mut self, names: Names, visitor: V) -> Result<V::Value> {
        let start = self.at();
        self.class()?;
        self.instance_of(start, names, visitor)
    }

    /// An instance of a class that has been read.
    #[inline]
    fn instance_of<V: Visitor<'de>>(&mut self, start: usize, names: Names, visitor: V) -> Result<V::Value> {
        if let [byte::EMPTY_TUPLE, byte::NEWOBJ, rest @ ..] = self.rest {
            self.rest = rest;
        } else {
            self.expect(byte::EMPTY_TUPLE)?;
            self.expect(byte::NEWOBJ)?;
        }
        let open = self.store_open(Tag::Instance, start);
        self.enter()?;
        if self.peek() != byte::EMPTY_DICT {
            return Err(self.lost());
        }
        let value = self.bare_dict(names, visitor)?;
        self.leave();
        self.expect(byte::BUILD)?;
        self.close(open);
        Ok(value)
    }

    /// Whether text that comes next is that of a class.
    fn is_class(&mut self) -> bool {
        let (rest, replays, lost) = (self.rest, self.replays, self.lost);
        // Nothing is to be stored.
        self.replays += 1;
        let is_class = self.known_text().is_ok()
            && matches!(
                self.peek(),
                byte::SHORT_BINUNICODE | byte::BINUNICODE | byte::BINGET | byte::LONG_BINGET
            )
            && self.known_text().is_ok()
            && self.peek() == byte::STACK_GLOBAL;
        (self.rest, self.replays, self.lost) = (rest, replays, lost);
        is_class
    }

    #[inline]
    fn mapping<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let opcode = self.peek();
        match opcode {
            byte::EMPTY_DICT => self.dict(&[], visitor),
            byte::BINGET | byte::LONG_BINGET => {
                let before = self.rest;
                let (_, entry) = self.fetch(opcode)?;
                match entry.tag() {
                    Tag::Container => self.replay(entry, |this| this.mapping(visitor)),
                    Tag::Instance => self.replay(entry, |this| this.instance(&[], visitor)),
                    Tag::Class | Tag::Text => {
                        self.rest = before;
                        self.instance(&[], visitor)
                    }
                    _ => Err(self.lost()),
                }
            }
            byte::SHORT_BINUNICODE | byte::BINUNICODE | byte::GLOBAL => self.instance(&[], visitor),
            _ => Err(self.lost()),
        }
    }

    #[inline]
    pub(super) fn fields<V: Visitor<'de>>(&mut self, names: Names, visitor: V) -> Result<V::Value> {
        let opcode = self.peek();
        if opcode == byte::EMPTY_DICT {
            return self.dict(names, visitor);
        }
        match opcode {
            byte::EMPTY_LIST => self.list(visitor),
            byte::MARK => self.marked(byte::TUPLE, visitor),
            byte::EMPTY_TUPLE => self.empty_tuple(visitor),
            byte::BINGET | byte::LONG_BINGET => {
                let (before, start) = (self.rest, self.at());
                let (_, entry) = self.fetch(opcode)?;
                match entry.tag() {
                    Tag::Class => self.instance_of(start, names, visitor),
                    Tag::Container => self.replay(entry, |this| this.fields(names, visitor)),
                    Tag::Postfix => self.replay(entry, |this| this.postfix(visitor)),
                    Tag::Instance => self.replay(entry, |this| this.instance(names, visitor)),
                    tag => {
                        self.rest = before;
                        if tag == Tag::Text && self.is_class() {
                            self.instance(names, visitor)
                        } else {
                            self.postfix(visitor)
                        }
                    }
                }
            }
            byte::GLOBAL => self.instance(names, visitor),
            byte::SHORT_BINUNICODE | byte::BINUNICODE if self.is_class() => self.instance(names, visitor),
            byte::EMPTY_SET => Err(self.lost()),
            _ => self.postfix(visitor),
        }
    }

    fn variant<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let opcode = self.peek();
        let start = self.at();
        match opcode {
            byte::SHORT_BINUNICODE | byte::BINUNICODE | byte::BINUNICODE8 => {
                let tag = self.text(opcode)?;
                Variant::visit_tagged(self, start, tag, visitor)
            }
            byte::BINGET | byte::LONG_BINGET => {
                let (index, entry) = self.fetch(opcode)?;
                match entry.tag() {
                    Tag::Text => {
                        let tag = self.fetched_text(index, entry)?;
                        Variant::visit_tagged(self, start, tag, visitor)
                    }
                    Tag::Container | Tag::Postfix => self.replay(entry, |this| this.variant(visitor)),
                    _ => Err(self.lost()),
                }
            }
            byte::EMPTY_DICT => {
                self.skip();
                let open = self.store_open(Tag::Container, start);
                let tag = self.known_text()?;
                let value = Variant::visit_entry(self, tag, visitor)?;
                self.close(open);
                Ok(value)
            }
            _ => Err(self.lost()),
        }
    }

    /// Whether a tuple that its items begin comes next, and not a list or the like.
    fn is_postfix(&mut self) -> bool {
        match self.peek() {
            byte::EMPTY_LIST | byte::EMPTY_DICT | byte::EMPTY_TUPLE | byte::EMPTY_SET | byte::MARK => {
                self.foresee() == Some(Kind::Postfix)
            }
            byte::SHORT_BINBYTES | byte::BINBYTES | byte::BINBYTES8 | byte::BYTEARRAY8 => {
                self.foresee() == Some(Kind::Postfix)
            }
            opcode @ (byte::BINGET | byte::LONG_BINGET) => {
                let before = self.rest;
                let is_bytes = self.fetch(opcode).is_ok_and(|(_, entry)| entry.tag() == Tag::Bytes);
                self.rest = before;
                is_bytes && self.foresee() == Some(Kind::Postfix)
            }
            _ => false,
        }
    }

    /// A sequence, or bytes as one.
    #[inline]
    fn ordered<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let opcode = self.peek();
        if opcode == byte::EMPTY_LIST {
            return self.list(visitor);
        }
        match opcode {
            byte::SHORT_BINBYTES | byte::BINBYTES | byte::BINBYTES8 | byte::BYTEARRAY8 => {
                self.octets(visitor)
            }
            byte::BINGET | byte::LONG_BINGET if self.fetches_bytes() => self.octets(visitor),
            _ => self.sequence(visitor),
        }
    }

    fn fetches_bytes(&mut self) -> bool {
        let before = self.rest;
        let opcode = self.peek();
        let is_bytes = self.fetch(opcode).is_ok_and(|(_, entry)| entry.tag() == Tag::Bytes);
        self.rest = before;
        is_bytes
    }
}

macro_rules! integers {
    ($($method:ident)*) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
                self.visit_integer(visitor)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Lost;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.any(visitor)
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.rest {
            [opcode @ (byte::NEWTRUE | byte::NEWFALSE), rest @ ..] => {
                self.rest = rest;
                visitor.visit_bool(*opcode == byte::NEWTRUE)
            }
            _ => self.other(visitor),
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.wide()? {
            Some(value) => visitor.visit_i128(value),
            None => self.other(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.wide()?.map(u128::try_from) {
            Some(Ok(value)) => visitor.visit_u128(value),
            Some(Err(_)) => Err(self.lost()),
            None => self.other(visitor),
        }
    }

    #[inline]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_f64(visitor)
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.rest {
            [byte::BINFLOAT, ..] => visitor.visit_f64(self.float()?),
            _ => self.other_float(visitor),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.any(visitor)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.short_text() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => self.visit_text(visitor),
        }
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.any(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.any(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.peek() == byte::NONE {
            self.skip();
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.expect(byte::NONE)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        self.enter()?;
        let value = visitor.visit_newtype_struct(&mut *self)?;
        self.leave();
        Ok(value)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.ordered(visitor)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        if self.is_postfix() { self.postfix(visitor) } else { self.ordered(visitor) }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_tuple(len, visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.mapping(visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: Names,
        visitor: V,
    ) -> Result<V::Value> {
        self.fields(names, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.enter()?;
        let variants = self.variants;
        let result = self.variant(visitor);
        let value = self.whole(result)?;
        if self.variants != variants {
            return Err(self.lost());
        }
        self.leave();
        Ok(value)
    }

    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Some(text) = self.text_at_hand() {
            return visitor.visit_borrowed_str(text);
        }
        if let Some(text) = self.short_text() {
            return visitor.visit_borrowed_str(text);
        }
        match self.known_text() {
            Ok(text) => visitor.visit_borrowed_str(text),
            Err(lost) => Err(lost),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.skim_value()?;
        visitor.visit_unit()
    }
}
