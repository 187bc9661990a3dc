//! Enums: which variant an object is, and what it holds.

use super::access::Items;
use super::de::{Deserializer, Level};
use super::meaning::{Meaning, meaning};
use crate::error::{Error, Result};
use crate::place::Segment;
use crate::value::{Kind, Value, Values};
use ::serde::de::{
    DeserializeSeed, Deserializer as _, EnumAccess, Error as _, IgnoredAny, VariantAccess, Visitor,
    value::StrDeserializer,
};
use std::borrow::Cow;

/// A variant that was recognized.
pub(super) struct Variant<'c, 'g, 'de> {
    level: Level<'c>,
    tag: Cow<'g, str>,
    content: Content<'g, 'de>,
}

/// What a variant holds.
enum Content<'g, 'de> {
    None,
    /// The value of the one key of a dict, or the second of two items.
    Value(Value<'g, 'de>),
    /// The instance that the variant is.
    Instance(Value<'g, 'de>),
    /// The items after the tag.
    Items(Values<'g, 'de>),
}

impl<'c, 'g, 'de> Variant<'c, 'g, 'de> {
    /// The variant that an object is, if it can be one.
    pub(super) fn of(from: Deserializer<'c, 'g, 'de>, variants: &[&str]) -> Result<Option<Self>> {
        let level = from.enter()?;
        let value = from.value;
        let found = match value.kind() {
            Kind::Dict if value.len() == 1 => {
                let entry = value.entries().next();
                entry.and_then(|(key, value)| Some((scalar_tag(key)?, Content::Value(value))))
            }
            Kind::Tuple | Kind::List => tagged_items(value.items()),
            Kind::Global => {
                let name = value.as_global().map(|global| last_name(global.name()));
                name.map(|name| (name, Content::None))
            }
            Kind::Instance => instance(value, variants),
            _ => scalar_tag(value).map(|tag| (tag, Content::None)),
        };
        Ok(found.map(|(tag, content)| Variant { level, tag, content }))
    }
}

/// The name of a variant, from text or a number.
fn scalar_tag<'g>(value: Value<'g, '_>) -> Option<Cow<'g, str>> {
    match value.as_str() {
        Some(text) => Some(Cow::Borrowed(text)),
        None => Some(Cow::Owned(value.as_big_int()?.to_string())),
    }
}

fn tagged_items<'g, 'de>(mut items: Values<'g, 'de>) -> Option<(Cow<'g, str>, Content<'g, 'de>)> {
    let tag = items.next()?.as_str()?;
    let content = match items.len() {
        0 => Content::None,
        1 => items.next().map_or(Content::None, Content::Value),
        _ => Content::Items(items),
    };
    Some((Cow::Borrowed(tag), content))
}

/// An instance of a class that is named like a variant, or a member of an Enum.
fn instance<'g, 'de>(value: Value<'g, 'de>, variants: &[&str]) -> Option<(Cow<'g, str>, Content<'g, 'de>)> {
    let Meaning::Object(object) = meaning(value)? else { return None };
    let class = object.class_name()?;
    if variants.contains(&&*class) {
        return Some((class, Content::Instance(value)));
    }
    // getattr(Color, 'RED') names the member; Color('red') has its value.
    if class == "getattr" {
        return Some((Cow::Borrowed(object.args.clone().next_back()?.as_str()?), Content::None));
    }
    scalar_tag(object.only_arg()?).map(|tag| (tag, Content::None))
}

fn last_name(name: Cow<'_, str>) -> Cow<'_, str> {
    match name.rfind('.') {
        Some(dot) => Cow::Owned(name[dot + 1..].to_owned()),
        None => name,
    }
}

impl<'c, 'g, 'de> EnumAccess<'de> for Variant<'c, 'g, 'de> {
    type Error = Error;
    type Variant = Variant<'c, 'g, 'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant)> {
        let tag = seed.deserialize(StrDeserializer::<Error>::new(&self.tag))?;
        Ok((tag, self))
    }
}

impl<'de> Variant<'_, '_, 'de> {
    /// Hands the content to what deserializes it, and tells where it was.
    fn content<T>(
        &self,
        value: Value<'_, 'de>,
        deserialize: impl FnOnce(Deserializer<'_, '_, 'de>) -> Result<T>,
    ) -> Result<T> {
        let result = deserialize(Deserializer::inside(&self.level, value));
        result.map_err(|error| {
            let key = || Segment::Key(format!("'{}'", self.tag.escape_debug()));
            error.of_node(value.id()).inside(key)
        })
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, '_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        match self.content {
            Content::None => Ok(()),
            Content::Instance(value) => {
                Deserializer::instead(&self.level, value).expect_empty(IgnoredAny).map(drop)
            }
            Content::Value(value) => {
                self.content(value, |content| content.expect_empty(IgnoredAny).map(drop))
            }
            Content::Items(_) => Err(Error::custom("expected a variant without contents")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        match self.content {
            Content::None => Err(Error::custom("expected a variant with contents")),
            Content::Instance(value) => seed.deserialize(Deserializer::instead(&self.level, value)),
            Content::Value(value) => self.content(value, |content| seed.deserialize(content)),
            Content::Items(_) => Err(Error::custom("expected a variant with one value")),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        match self.content {
            Content::None => Err(Error::custom("expected a variant with contents")),
            Content::Instance(value) => {
                Deserializer::instead(&self.level, value).deserialize_tuple(len, visitor)
            }
            Content::Value(value) => self.content(value, |content| content.deserialize_tuple(len, visitor)),
            Content::Items(items) => {
                let count = items.len();
                let mut items = Items { level: self.level, items, position: 0 };
                let value = visitor.visit_seq(&mut items)?;
                if items.position == count {
                    Ok(value)
                } else {
                    Err(Error::invalid_length(count, &&*format!("{len} items")))
                }
            }
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.content {
            Content::None => Err(Error::custom("expected a variant with contents")),
            Content::Instance(value) => {
                Deserializer::instead(&self.level, value).visit_fields("variant", fields, visitor)
            }
            Content::Value(value) => {
                self.content(value, |content| content.visit_fields("variant", fields, visitor))
            }
            Content::Items(items) => visitor.visit_seq(Items { level: self.level, items, position: 0 }),
        }
    }
}
