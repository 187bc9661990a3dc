//! Objects of a graph as serde sees them.

use super::access::{Dict, EntryPairs, Items, Map, Numbers, Octets, PairMap};
use super::meaning::{Meaning, Object, meaning, plain_state};
use super::variant::Variant;
use crate::error::{Error, ErrorKind, Result};
use crate::options::StringEncoding;
use crate::value::{Entries, Id, Kind, Value, Values};
use ::serde::de::{self, Error as _, Unexpected, Visitor};
use num_bigint::BigInt;
use num_traits::ToPrimitive as _;
use std::borrow::Cow;

/// An object on the way from the root: it knows those around it.
#[derive(Clone, Copy)]
pub(super) struct Level<'c> {
    id: Id,
    /// What it is in; the outermost level is none of an object and only has the options.
    outer: Option<&'c Level<'c>>,
    strings: StringEncoding,
    limit: usize,
    depth: usize,
    /// How many steps of the path lead here.
    steps: usize,
}

impl Level<'_> {
    /// Around the root.
    pub(super) fn outermost(root: Id, strings: StringEncoding, limit: usize) -> Self {
        Level { id: root, outer: None, strings, limit, depth: 0, steps: 0 }
    }
}

/// Deserializes one object.
#[derive(Clone, Copy)]
pub(super) struct Deserializer<'c, 'g, 'de> {
    pub(super) value: Value<'g, 'de>,
    outer: &'c Level<'c>,
    /// Whether it is one step further in than what is around it.
    step: bool,
}

impl<'c, 'g, 'de> Deserializer<'c, 'g, 'de> {
    /// One step further in.
    #[inline(always)]
    pub(super) fn inside(level: &'c Level<'c>, value: Value<'g, 'de>) -> Self {
        Deserializer { value, outer: level, step: true }
    }

    /// An object that stands for another.
    #[inline(always)]
    pub(super) fn instead(level: &'c Level<'c>, value: Value<'g, 'de>) -> Self {
        Deserializer { value, outer: level, step: false }
    }

    /// Begins to look into the object.
    #[inline(always)]
    pub(super) fn enter(&self) -> Result<Level<'c>> {
        let outer = self.outer;
        if outer.depth >= outer.limit {
            return Err(self.too_deep());
        }
        let Level { strings, limit, depth, .. } = *outer;
        let (id, steps) = (self.value.id(), self.steps());
        Ok(Level { id, outer: Some(outer), strings, limit, depth: depth + 1, steps })
    }

    /// How many steps of the path lead here.
    #[inline(always)]
    fn steps(&self) -> usize {
        self.outer.steps + usize::from(self.step)
    }

    #[cold]
    fn too_deep(&self) -> Error {
        let mut way = vec![(self.value.id(), self.steps())];
        let mut level = self.outer;
        while let Some(outer) = level.outer {
            way.push((level.id, level.steps));
            level = outer;
        }
        way.reverse();
        // A newtype and what it holds are one object.
        way.dedup();
        let mut seen = hashbrown::HashSet::with_hasher(foldhash::fast::RandomState::default());
        match way.iter().find(|(id, _)| !seen.insert(*id)) {
            Some((id, steps)) => Error::new(ErrorKind::Cycle).of_node(*id).repeating(self.steps() - steps),
            None => Error::new(ErrorKind::Depth(self.outer.limit)),
        }
    }

    /// The instance's meaning, unless another object stands for it.
    fn with_meaning<T>(
        self,
        instead: impl FnOnce(Deserializer<'_, 'g, 'de>) -> Result<T>,
        then: impl FnOnce(Self, Meaning<'g, 'de>) -> Result<T>,
    ) -> Result<T> {
        if let Some(id) = self.value.as_persistent() {
            return instead(Deserializer::instead(&self.enter()?, id));
        }
        match meaning(self.value) {
            Some(Meaning::Object(object)) => match object.opaque_state() {
                Some(state) if object.args.len() == 0 => {
                    instead(Deserializer::instead(&self.enter()?, state))
                }
                _ => then(self, Meaning::Object(object)),
            },
            Some(meaning) => then(self, meaning),
            None => Err(self.wrong(&"something else")),
        }
    }

    #[cold]
    fn wrong(&self, expected: &dyn de::Expected) -> Error {
        let found = describe(self.value);
        Error::invalid_type(Unexpected::Other(&found), expected)
    }

    #[inline]
    fn visit_text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Some(text) = self.value.borrowed_text() {
            return visitor.visit_borrowed_str(text);
        }
        match (self.value.as_str(), self.value.text_bytes()) {
            (Some(text), _) => visitor.visit_str(text),
            (None, bytes) => visitor.visit_bytes(bytes.unwrap_or_default()),
        }
    }

    /// A string of Python 2.
    fn visit_string<V: Visitor<'de>>(self, visitor: V, encoding: StringEncoding) -> Result<V::Value> {
        let bytes = self.value.as_bytes().unwrap_or_default();
        match encoding {
            StringEncoding::Bytes => return self.visit_bytes(visitor),
            StringEncoding::Ascii if !bytes.is_ascii() => {
                return Err(Error::new(ErrorKind::Encoding("a Python 2 string is not ASCII".into())));
            }
            StringEncoding::Latin1 if !bytes.is_ascii() => {
                return visitor.visit_string(bytes.iter().map(|&byte| byte as char).collect());
            }
            _ => {}
        }
        let Ok(text) = std::str::from_utf8(bytes) else { return self.visit_bytes(visitor) };
        match self.value.borrowed_bytes().map(std::str::from_utf8) {
            Some(Ok(text)) => visitor.visit_borrowed_str(text),
            _ => visitor.visit_str(text),
        }
    }

    fn visit_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match (self.value.borrowed_bytes(), self.value.as_bytes()) {
            (Some(bytes), _) => visitor.visit_borrowed_bytes(bytes),
            (None, Some(bytes)) => visitor.visit_bytes(bytes),
            (None, None) => Err(missing_buffer(self.value)),
        }
    }

    #[inline]
    fn visit_items<V: Visitor<'de>>(self, items: Values<'g, 'de>, visitor: V) -> Result<V::Value> {
        let len = items.len();
        let mut items = Items { level: self.enter()?, items, position: 0 };
        let value = visitor.visit_seq(&mut items)?;
        match items.position {
            read if read == len => Ok(value),
            read => Err(Error::invalid_length(len, &&*format!("{read} items"))),
        }
    }

    fn visit_pairs<V: Visitor<'de>>(self, entries: Entries<'g, 'de>, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(EntryPairs { level: self.enter()?, entries })
    }

    #[inline]
    fn visit_entries<V: Visitor<'de>>(self, entries: Entries<'g, 'de>, visitor: V) -> Result<V::Value> {
        visitor.visit_map(Dict::new(self.enter()?, self.value, entries))
    }

    #[inline]
    fn visit_int<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Some(value) = self.value.as_i64() {
            return visitor.visit_i64(value);
        }
        let value = self.value.as_big_int().unwrap_or_default();
        match value.to_u64() {
            Some(value) => visitor.visit_u64(value),
            None => visitor.visit_string(value.to_string()),
        }
    }

    /// A scalar, or the one that an instance is made of.
    fn visit_scalar<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value.kind() {
            Kind::Instance | Kind::Persistent => {}
            _ => return self.visit_any(visitor),
        }
        // The visitor goes one of two ways, of which the compiler cannot know that they exclude each other.
        let visitor = std::cell::Cell::new(Some(visitor));
        let take = || visitor.take().ok_or_else(|| Error::custom("a visitor was used twice"));
        self.with_meaning(
            |other| other.visit_scalar(take()?),
            |this, meaning| match meaning {
                Meaning::Object(object) => match object.only_arg() {
                    Some(arg) => Deserializer::instead(&this.enter()?, arg).visit_scalar(take()?),
                    None => Err(this.wrong(&take()?)),
                },
                meaning => this.visit_meaning(meaning, take()?),
            },
        )
    }

    fn visit_meaning<V: Visitor<'de>>(self, meaning: Meaning<'g, 'de>, visitor: V) -> Result<V::Value> {
        match meaning {
            Meaning::Seq(items) => self.visit_items(items, visitor),
            Meaning::Map(entries) => self.visit_entries(entries, visitor),
            Meaning::Pairs(pairs) => visitor.visit_map(PairMap { level: self.enter()?, pairs, value: None }),
            Meaning::Bytes(Cow::Borrowed(bytes)) => visitor.visit_bytes(bytes),
            Meaning::Bytes(Cow::Owned(bytes)) => visitor.visit_byte_buf(bytes),
            Meaning::Text(text) | Meaning::Decimal(text) => visitor.visit_string(text),
            Meaning::Span(microseconds) => visitor.visit_f64(microseconds as f64 / 1e6),
            Meaning::Uuid(uuid) => visitor.visit_string(uuid_text(uuid)),
            Meaning::Object(object) => self.visit_object(object, visitor),
        }
    }

    /// An instance of which nothing is known, for a visitor that takes anything.
    fn visit_object<V: Visitor<'de>>(self, object: Object<'g, 'de>, visitor: V) -> Result<V::Value> {
        let attributes = object.attributes();
        let has_attributes = attributes.iter().flatten().any(|entries| entries.len() > 0);
        if let Some(items) = object.items {
            return self.visit_items(items, visitor);
        }
        if object.entries.is_some() {
            return visitor.visit_map(Map::new(self.enter()?, object.entries, [const { None }; 3]));
        }
        if object.args.len() == 0 || has_attributes && object.only_arg().is_none() {
            return visitor.visit_map(Map::new(self.enter()?, None, attributes));
        }
        match object.only_arg() {
            Some(arg) => Deserializer::instead(&self.enter()?, arg).visit_any(visitor),
            None => self.visit_items(object.args, visitor),
        }
    }

    #[inline]
    fn visit_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let value = self.value;
        match value.kind() {
            Kind::None => visitor.visit_unit(),
            Kind::Bool => visitor.visit_bool(value.as_bool() == Some(true)),
            Kind::Int => self.visit_int(visitor),
            Kind::Float => visitor.visit_f64(value.as_f64().unwrap_or_default()),
            Kind::Text => self.visit_text(visitor),
            Kind::String => self.visit_string(visitor, self.outer.strings),
            Kind::Bytes | Kind::ByteArray | Kind::Buffer | Kind::ReadOnly => self.visit_bytes(visitor),
            Kind::List | Kind::Tuple | Kind::Set | Kind::FrozenSet => {
                self.visit_items(value.items(), visitor)
            }
            Kind::Dict => self.visit_entries(value.entries(), visitor),
            Kind::Global => visitor.visit_string(global_text(value)),
            Kind::Extension => Err(self.wrong(&visitor)),
            Kind::Instance | Kind::Persistent => {
                let visitor = std::cell::Cell::new(Some(visitor));
                let take = || visitor.take().ok_or_else(|| Error::custom("a visitor was used twice"));
                self.with_meaning(
                    |other| other.visit_any(take()?),
                    |this, meaning| this.visit_meaning(meaning, take()?),
                )
            }
        }
    }

    /// A sequence, of anything that has one order.
    #[inline]
    fn visit_sequence<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let value = self.value;
        match value.kind() {
            Kind::List | Kind::Tuple | Kind::Set | Kind::FrozenSet => {
                self.visit_items(value.items(), visitor)
            }
            Kind::Dict => self.visit_pairs(value.entries(), visitor),
            Kind::Bytes | Kind::ByteArray | Kind::Buffer | Kind::ReadOnly => {
                let bytes = value.as_bytes().ok_or_else(|| missing_buffer(value))?;
                visit_octets(bytes, visitor)
            }
            Kind::Instance | Kind::Persistent => {
                let visitor = std::cell::Cell::new(Some(visitor));
                let take = || visitor.take().ok_or_else(|| Error::custom("a visitor was used twice"));
                self.with_meaning(
                    |other| other.visit_sequence(take()?),
                    |this, meaning| match meaning {
                        Meaning::Seq(items) | Meaning::Pairs(items) => this.visit_items(items, take()?),
                        Meaning::Map(entries) => this.visit_pairs(entries, take()?),
                        Meaning::Bytes(bytes) => visit_octets(&bytes, take()?),
                        Meaning::Uuid(uuid) => visit_octets(&uuid.to_be_bytes(), take()?),
                        Meaning::Span(_) => this.visit_args(take()?),
                        Meaning::Object(object) => this.visit_object_items(object, take()?),
                        Meaning::Text(_) | Meaning::Decimal(_) => Err(this.wrong(&take()?)),
                    },
                )
            }
            _ => Err(self.wrong(&visitor)),
        }
    }

    fn visit_args<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let args = self.value.as_instance().map(|instance| instance.args().items());
        match args {
            Some(args) => self.visit_items(args, visitor),
            None => Err(self.wrong(&visitor)),
        }
    }

    fn visit_object_items<V: Visitor<'de>>(self, object: Object<'g, 'de>, visitor: V) -> Result<V::Value> {
        if let Some(items) = object.items {
            return self.visit_items(items, visitor);
        }
        if let Some(entries) = object.entries {
            return self.visit_pairs(entries, visitor);
        }
        // tuple.__new__(cls, (1, 2)) and the like have their items in the one argument.
        let content = object
            .only_arg()
            .filter(|arg| matches!(arg.kind(), Kind::List | Kind::Tuple | Kind::Set | Kind::FrozenSet));
        match content {
            Some(content) => self.visit_items(content.items(), visitor),
            None if object.args.len() > 0 || !has_attributes(&object) => {
                self.visit_items(object.args, visitor)
            }
            None => Err(self.wrong(&visitor)),
        }
    }

    #[inline]
    fn visit_mapping<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value.kind() {
            Kind::Dict => self.visit_entries(self.value.entries(), visitor),
            Kind::Instance | Kind::Persistent => {
                if let Some(state) = plain_state(self.value) {
                    return visitor.visit_map(Dict::of_attributes(self.enter()?, state));
                }
                let visitor = std::cell::Cell::new(Some(visitor));
                let take = || visitor.take().ok_or_else(|| Error::custom("a visitor was used twice"));
                self.with_meaning(
                    |other| other.visit_mapping(take()?),
                    |this, meaning| match meaning {
                        Meaning::Object(object) => {
                            let attributes = match object.entries {
                                Some(_) => [const { None }; 3],
                                None => object.attributes(),
                            };
                            if object.args.len() > 0 && object.entries.is_none() && !has_attributes(&object) {
                                return Err(this.wrong(&take()?));
                            }
                            let map = Map::new(this.enter()?, object.entries, attributes);
                            take()?.visit_map(map)
                        }
                        meaning @ (Meaning::Map(_) | Meaning::Pairs(_)) => {
                            this.visit_meaning(meaning, take()?)
                        }
                        _ => Err(this.wrong(&take()?)),
                    },
                )
            }
            _ => Err(self.wrong(&visitor)),
        }
    }

    #[inline]
    pub(super) fn visit_fields<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.value.kind() {
            Kind::Dict => self.visit_entries(self.value.entries(), visitor),
            Kind::List | Kind::Tuple => self.visit_items(self.value.items(), visitor),
            Kind::Instance | Kind::Persistent => {
                if let Some(state) = plain_state(self.value) {
                    return visitor.visit_map(Dict::of_attributes(self.enter()?, state));
                }
                let visitor = std::cell::Cell::new(Some(visitor));
                let take = || visitor.take().ok_or_else(|| Error::custom("a visitor was used twice"));
                self.with_meaning(
                    |other| other.visit_fields(name, fields, take()?),
                    |this, meaning| match meaning {
                        Meaning::Object(object) => {
                            let by_name = object.args.len() == 0 || object.has_any(fields);
                            if by_name || object.entries.is_some() {
                                let attributes = object.attributes();
                                let map = Map::new(this.enter()?, object.entries, attributes);
                                return take()?.visit_map(map);
                            }
                            // An instance of one argument, which may hold all of the fields.
                            let content = object.only_arg().filter(|_| fields.len() != 1);
                            match content {
                                Some(content) => Deserializer::instead(&this.enter()?, content).visit_fields(
                                    name,
                                    fields,
                                    take()?,
                                ),
                                None => this.visit_items(object.args, take()?),
                            }
                        }
                        // std::time::Duration
                        Meaning::Span(microseconds) if fields == ["secs", "nanos"] => {
                            let negative = |_| Error::custom(format!("{name} cannot be negative"));
                            let microseconds = u128::try_from(microseconds).map_err(negative)?;
                            let seconds = (microseconds / 1_000_000) as u64;
                            let nanos = (microseconds % 1_000_000) as u64 * 1000;
                            take()?.visit_seq(Numbers([seconds, nanos].into_iter()))
                        }
                        Meaning::Span(_) => this.visit_args(take()?),
                        Meaning::Text(_) | Meaning::Decimal(_) | Meaning::Uuid(_) => {
                            Err(this.wrong(&take()?))
                        }
                        meaning => this.visit_meaning(meaning, take()?),
                    },
                )
            }
            _ => Err(self.wrong(&visitor)),
        }
    }

    /// Accepts what has nothing in it.
    pub(super) fn expect_empty<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let is_empty = match self.value.kind() {
            Kind::None => true,
            Kind::Tuple | Kind::List | Kind::Dict => self.value.is_empty(),
            Kind::Instance => match meaning(self.value) {
                Some(Meaning::Object(object)) => {
                    object.args.len() == 0 && !has_attributes(&object) && object.opaque_state().is_none()
                }
                _ => false,
            },
            _ => false,
        };
        if is_empty { visitor.visit_unit() } else { Err(self.wrong(&visitor)) }
    }

    /// An integer in 128 bits, if that is what the object is.
    fn wide(&self) -> Option<Cow<'g, BigInt>> {
        match self.value.kind() {
            Kind::Int => self.value.as_big_int(),
            Kind::Instance => match meaning(self.value)? {
                Meaning::Uuid(uuid) => Some(Cow::Owned(uuid.into())),
                Meaning::Span(microseconds) => Some(Cow::Owned(microseconds.into())),
                Meaning::Object(object) => object.only_arg()?.as_big_int(),
                _ => None,
            },
            _ => None,
        }
    }
}

fn has_attributes(object: &Object<'_, '_>) -> bool {
    object.attributes().iter().flatten().any(|entries| entries.len() > 0)
}

fn visit_octets<'de, V: Visitor<'de>>(bytes: &[u8], visitor: V) -> Result<V::Value> {
    let mut octets = Octets(bytes.iter());
    let value = visitor.visit_seq(&mut octets)?;
    match octets.0.len() {
        0 => Ok(value),
        left => Err(Error::invalid_length(bytes.len(), &&*format!("{} bytes", bytes.len() - left))),
    }
}

fn missing_buffer(value: Value<'_, '_>) -> Error {
    let buffer = value.as_read_only().unwrap_or(value);
    match buffer.as_buffer() {
        Some(index) => Error::new(ErrorKind::MissingBuffer(index)),
        None => Error::invalid_type(Unexpected::Other(buffer.kind().name()), &"a buffer"),
    }
}

fn global_text(value: Value<'_, '_>) -> String {
    value.as_global().map(|global| format!("{}.{}", global.module(), global.name())).unwrap_or_default()
}

fn uuid_text(uuid: u128) -> String {
    let hex = format!("{uuid:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// An object in the words of an error.
fn describe(value: Value<'_, '_>) -> String {
    match (value.kind(), meaning(value)) {
        (_, Some(Meaning::Object(object))) => match object.class {
            Some(class) => format!("an instance of {}.{}", class.module(), class.name()),
            None => "an instance".into(),
        },
        (_, Some(_)) => match value.as_instance().and_then(|instance| instance.class().as_global()) {
            Some(class) => format!("an instance of {}.{}", class.module(), class.name()),
            None => "an instance".into(),
        },
        (Kind::Global, _) => format!("the global {}", global_text(value)),
        (kind, _) => format!("Python {}", kind.name()),
    }
}

macro_rules! scalars {
    ($($method:ident)*) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
                match self.value.as_i64() {
                    Some(value) => visitor.visit_i64(value),
                    None => self.visit_scalar(visitor),
                }
            }
        )*
    };
}

impl<'de> de::Deserializer<'de> for Deserializer<'_, '_, 'de> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit_any(visitor)
    }

    scalars! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value.as_bool() {
            Some(value) => visitor.visit_bool(value),
            None => self.visit_scalar(visitor),
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let Some(value) = self.wide() else { return self.visit_scalar(visitor) };
        match value.to_i128() {
            Some(value) => visitor.visit_i128(value),
            None => Err(Error::custom(format!("invalid value: integer `{value}`, expected i128"))),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let Some(value) = self.wide() else { return self.visit_scalar(visitor) };
        match value.to_u128() {
            Some(value) => visitor.visit_u128(value),
            None => Err(Error::custom(format!("invalid value: integer `{value}`, expected u128"))),
        }
    }

    #[inline]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_f64(visitor)
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Some(value) = self.value.as_f64() {
            return visitor.visit_f64(value);
        }
        if let Some(value) = self.wide().filter(|value| value.bits() > 63) {
            return visitor.visit_f64(value.to_f64().unwrap_or(f64::INFINITY));
        }
        match meaning(self.value) {
            Some(Meaning::Decimal(text)) => match text.parse::<f64>() {
                Ok(value) => visitor.visit_f64(value),
                Err(_) => Err(Error::invalid_value(Unexpected::Str(&text), &visitor)),
            },
            Some(Meaning::Span(microseconds)) => visitor.visit_f64(microseconds as f64 / 1e6),
            _ => self.visit_scalar(visitor),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit_scalar(visitor)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Some(text) = self.value.borrowed_text() {
            return visitor.visit_borrowed_str(text);
        }
        match self.value.as_big_int() {
            Some(value) => visitor.visit_string(value.to_string()),
            None => self.visit_scalar(visitor),
        }
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match meaning(self.value) {
            Some(Meaning::Uuid(uuid)) => visitor.visit_bytes(&uuid.to_be_bytes()),
            _ => match self.value.kind() {
                Kind::String => self.visit_bytes(visitor),
                _ => self.visit_scalar(visitor),
            },
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.value.is_none() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.expect_empty(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        self.expect_empty(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        // A level of its own: a type may be nothing but a newtype of itself.
        let level = self.enter()?;
        visitor.visit_newtype_struct(Deserializer::instead(&level, self.value))
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit_sequence(visitor)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.visit_sequence(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.visit_sequence(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit_mapping(visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.visit_fields(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match Variant::of(self, variants)? {
            Some(variant) => visitor.visit_enum(variant),
            None => Err(self.wrong(&visitor)),
        }
    }

    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Some(text) = self.value.borrowed_text() {
            return visitor.visit_borrowed_str(text);
        }
        match (self.value.kind(), self.value.as_big_int()) {
            (Kind::String, _) => self.visit_string(visitor, StringEncoding::Utf8OrBytes),
            (_, Some(value)) => visitor.visit_string(value.to_string()),
            // Keys that cannot be names are those of no field.
            (Kind::Text, _) => self.visit_text(visitor),
            (kind, _) => visitor.visit_str(kind.name()),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }
}
