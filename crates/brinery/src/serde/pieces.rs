//! A long list, item by item while it is read.

use super::de::{Deserializer, Level};
use crate::error::{Error, ErrorKind, Result};
use crate::options::Options;
use crate::value::{Piece, Pieces};
use ::serde::de::{self, Deserialize, DeserializeSeed, SeqAccess, Visitor};

/// From which size on an input is worth it; a fuzzer tries it with all.
const LARGE: usize = if cfg!(fuzzing) { 0 } else { 64 * 1024 };

/// The value of an input, if it can be had without a graph of the whole.
///
/// Whatever is unusual, errors included, is left to the graph, whose answer counts.
pub(super) fn read<'de, T: Deserialize<'de>>(options: &Options<'de>, input: &'de [u8]) -> Option<Result<T>> {
    if input.len() < LARGE || options.wants_offsets() {
        return None;
    }
    let mut pieces = Pieces::new(options.prepare().ok()?, input)?;
    match pieces.advance() {
        Piece::Lost => None,
        Piece::End(_) if !options.takes_rest(pieces.rest()) => None,
        Piece::End(root) => {
            let graph = pieces.into_graph(root);
            Some(options.from_value(graph.root()).map_err(|error| options.locate(error, input)))
        }
        Piece::Items => {
            let mut list = List { options, pieces: &mut pieces, is_whole: false, has_failed: false };
            let value = T::deserialize(&mut list).ok()?;
            (list.is_whole && !list.has_failed).then_some(Ok(value))
        }
    }
}

/// The outermost list.
struct List<'p, 'de> {
    options: &'p Options<'de>,
    pieces: &'p mut Pieces<'de>,
    /// Whether all went well up to the end.
    is_whole: bool,
    /// Whether something did not, even if nobody minds.
    has_failed: bool,
}

#[cold]
fn lost() -> Error {
    Error::new(ErrorKind::Data("not as a list".into()))
}

impl<'de> de::Deserializer<'de> for &mut List<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        self.has_failed = true;
        Err(lost())
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let list = self.pieces.list().ok_or_else(lost)?;
        let outermost = Level::outermost(list.id(), self.options.strings, self.options.recursion_limit);
        let level = Deserializer::instead(&outermost, list).enter()?;
        visitor.visit_seq(Items { list: self, level, position: 0 })
    }

    ::serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Its items.
struct Items<'l, 'p, 'c, 'de> {
    list: &'l mut List<'p, 'de>,
    level: Level<'c>,
    /// How many items of the current piece have been handed out.
    position: usize,
}

impl Items<'_, '_, '_, '_> {
    /// Goes on to the next piece; `false` at the end.
    #[cold]
    fn advance(&mut self) -> Result<bool> {
        let List { options, pieces, is_whole, has_failed } = &mut *self.list;
        self.position = 0;
        match pieces.advance() {
            Piece::Items => Ok(true),
            Piece::End(root)
                if pieces.list().is_some_and(|list| list.id() == root)
                    && options.takes_rest(pieces.rest()) =>
            {
                *is_whole = true;
                Ok(false)
            }
            Piece::End(_) | Piece::Lost => {
                *has_failed = true;
                Err(lost())
            }
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'_, '_, '_, 'de> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let id = match self.list.pieces.item(self.position) {
            Some(id) => id,
            None if self.advance()? => self.list.pieces.item(0).ok_or_else(lost)?,
            None => return Ok(None),
        };
        let item = self.list.pieces.value(id);
        self.position += 1;
        let result = seed.deserialize(Deserializer::inside(&self.level, item));
        self.list.has_failed |= result.is_err();
        result.map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.list.pieces.len() - self.position)
    }
}
