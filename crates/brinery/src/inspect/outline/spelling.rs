//! Objects that a protocol has no opcode for and spells as calls.

use super::host::Builder;
use super::{Kind, NodeId};
use crate::inspect::text::code_points;
use std::borrow::Cow;

impl<'de> Builder<'de, '_> {
    fn str(&self, id: NodeId) -> Option<&[u8]> {
        match self.kind(id) {
            Kind::Str(text) => Some(text),
            _ => None,
        }
    }

    fn items(&self, id: NodeId) -> Option<&[NodeId]> {
        match self.kind(id) {
            Kind::List(items) | Kind::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The object that a call of `callable` is known to spell: bytes, bytearrays and sets in old protocols.
    pub(super) fn spelled_out(&self, callable: NodeId, args: NodeId) -> Option<Kind<'de>> {
        let Kind::Global { module, name } = *self.kind(callable) else { return None };
        let args = self.items(args)?;
        Some(match (self.str(module)?, self.str(name)?, args) {
            (b"_codecs", b"encode", &[text, encoding]) => Kind::Bytes(self.latin1(text, encoding)?),
            (b"__builtin__" | b"builtins", b"bytes", []) => Kind::Bytes(Cow::Borrowed(&[])),
            (b"__builtin__" | b"builtins", b"bytearray", []) => Kind::ByteArray(Cow::Borrowed(&[])),
            (b"__builtin__" | b"builtins", b"bytearray", &[text, encoding]) => {
                Kind::ByteArray(self.latin1(text, encoding)?)
            }
            (b"__builtin__" | b"builtins", b"bytearray", &[bytes]) => match self.kind(bytes) {
                Kind::Bytes(bytes) => Kind::ByteArray(bytes.clone()),
                _ => return None,
            },
            (b"__builtin__" | b"builtins", b"set", &[list]) => Kind::Set(self.items(list)?.to_vec()),
            (b"__builtin__" | b"builtins", b"frozenset", &[list]) => {
                Kind::FrozenSet(self.items(list)?.to_vec())
            }
            _ => return None,
        })
    }

    fn latin1(&self, text: NodeId, encoding: NodeId) -> Option<Cow<'de, [u8]>> {
        if !matches!(self.str(encoding)?, b"latin1" | b"latin-1") {
            return None;
        }
        code_points(self.str(text)?)
            .map(|code| u8::try_from(code).ok())
            .collect::<Option<Vec<u8>>>()
            .map(Cow::Owned)
    }

    /// The nodes that a spelled-out object replaces.
    pub(super) fn replaced(&self, args: NodeId) -> Vec<NodeId> {
        let mut replaced = vec![args];
        replaced.extend(self.items(args).unwrap_or_default());
        replaced
    }
}
