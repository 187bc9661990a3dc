//! Short texts of objects.

use super::{Kind, Node, NodeId, Outline};
use crate::inspect::repr::{is_printable, repr_bytearray, repr_bytes, repr_str};
use crate::write::number::float_repr;
use std::borrow::Cow;
use std::fmt::{self, Write};

/// How deep a short text looks into tuples and the like.
const DEPTH: usize = 6;
/// An integer of more bits than this is not written in decimal.
const INT_BITS: u64 = 14_000;

/// A writer that stops at a length.
struct Short {
    text: String,
    left: usize,
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            if self.left == 0 {
                self.text.push('…');
                return Err(fmt::Error);
            }
            self.text.push(char);
            self.left -= 1;
        }
        Ok(())
    }
}

/// The text of a dict key in a path.
pub(super) fn key_text(nodes: &[Node<'_>], id: NodeId) -> String {
    let mut short = Short { text: String::new(), left: 60 };
    let _ = write(nodes, id, &mut short, 0, Quotes::Double);
    short.text
}

#[derive(Clone, Copy, PartialEq)]
enum Quotes {
    /// As Python's `repr` chooses them.
    Python,
    /// Double ones, as one writes keys in a path.
    Double,
}

/// The first bytes of text that may be long.
fn head(bytes: &[u8], left: usize) -> &[u8] {
    &bytes[..bytes.len().min(4 * left + 4)]
}

/// The name of a global.
fn write_global(nodes: &[Node<'_>], module: NodeId, name: NodeId, out: &mut Short) -> fmt::Result {
    let text = |id: NodeId| match &nodes[id.index()].kind {
        Kind::Str(text) => String::from_utf8_lossy(text),
        _ => "?".into(),
    };
    let plain =
        |text: &str| text.chars().map(|c| if is_printable(c) { c } else { '\u{fffd}' }).collect::<String>();
    write!(out, "{}.{}", plain(&text(module)), plain(&text(name)))
}

fn write(nodes: &[Node<'_>], id: NodeId, out: &mut Short, depth: usize, quotes: Quotes) -> fmt::Result {
    let left = out.left;
    let items = |out: &mut Short, open: &str, items: &[NodeId], close: &str| {
        out.write_str(open)?;
        for (position, &item) in items.iter().enumerate() {
            if position > 0 {
                out.write_str(", ")?;
            }
            write(nodes, item, out, depth + 1, quotes)?;
        }
        out.write_str(close)
    };
    if depth > DEPTH {
        return out.write_str("...");
    }
    match &nodes[id.index()].kind {
        Kind::None => out.write_str("None"),
        Kind::Bool(value) => out.write_str(if *value { "True" } else { "False" }),
        Kind::Int(value) => write!(out, "{value}"),
        Kind::BigInt(value) if value.bits() > INT_BITS => write!(out, "<int of {} bits>", value.bits()),
        Kind::BigInt(value) => write!(out, "{value}"),
        Kind::IntText(text) => write!(out, "<int of {} digits>", text.len()),
        Kind::Float(value) => out.write_str(&float_repr(*value)),
        Kind::Str(text) if quotes == Quotes::Double && !text.contains(&b'"') => {
            // An apostrophe that is taken out again makes `repr` choose double quotes.
            let mut double = String::new();
            let mut apostrophe = b"'".to_vec();
            apostrophe.extend_from_slice(head(text, left));
            repr_str(&mut double, &apostrophe, &is_printable)?;
            double.remove(1);
            out.write_str(&double)
        }
        Kind::Str(text) => repr_str(out, head(text, left), &is_printable),
        Kind::String(bytes) if bytes.is_ascii() => repr_str(out, head(bytes, left), &is_printable),
        Kind::String(bytes) | Kind::Bytes(bytes) => repr_bytes(out, head(bytes, left)),
        Kind::ByteArray(bytes) => repr_bytearray(out, head(bytes, left)),
        Kind::Tuple(list) if list.len() == 1 => items(out, "(", list, ",)"),
        Kind::Tuple(list) => items(out, "(", list, ")"),
        Kind::List(list) => items(out, "[", list, "]"),
        Kind::Set(list) if list.is_empty() => out.write_str("set()"),
        Kind::Set(list) => items(out, "{", list, "}"),
        Kind::FrozenSet(list) => items(out, "frozenset({", list, "})"),
        Kind::Dict(pairs) => {
            out.write_str("{")?;
            for (position, &(key, value)) in pairs.iter().enumerate() {
                if position > 0 {
                    out.write_str(", ")?;
                }
                write(nodes, key, out, depth + 1, quotes)?;
                out.write_str(": ")?;
                write(nodes, value, out, depth + 1, quotes)?;
            }
            out.write_str("}")
        }
        Kind::Global { module, name } => write_global(nodes, *module, *name, out),
        Kind::Extension(code) => write!(out, "<extension {code}>"),
        Kind::Instance { class, args, .. } => {
            write(nodes, *class, out, depth + 1, quotes)?;
            match &nodes[args.index()].kind {
                Kind::Tuple(args) => items(out, "(", args, ")"),
                _ => out.write_str("(...)"),
            }
        }
        Kind::Persistent(id) => {
            out.write_str("<persistent ")?;
            write(nodes, *id, out, depth + 1, quotes)?;
            out.write_str(">")
        }
        Kind::Buffer(index) => write!(out, "<buffer {index}>"),
        Kind::Damaged => out.write_str("<damaged>"),
    }
}

impl Outline<'_> {
    /// The object in the syntax of Python, at most `width` characters long.
    ///
    /// ```
    /// use brinery::inspect::Outline;
    ///
    /// let outline = Outline::read(b"(K\x01X\x01\0\0\0aK\x02t.").unwrap();
    /// assert_eq!(outline.brief(outline.root(), 40), "(1, 'a', 2)");
    /// assert_eq!(outline.brief(outline.root(), 5), "(1, '…");
    /// ```
    pub fn brief(&self, id: NodeId, width: usize) -> String {
        let mut short = Short { text: String::new(), left: width };
        let _ = write(&self.nodes, id, &mut short, 0, Quotes::Python);
        short.text
    }

    /// The text of a dict key in a path.
    ///
    /// ```
    /// let outline = brinery::inspect::Outline::read(b"X\x04\0\0\0it's.").unwrap();
    /// assert_eq!(outline.key_text(outline.root()), r#""it's""#);
    /// ```
    pub fn key_text(&self, id: NodeId) -> String {
        key_text(&self.nodes, id)
    }

    /// The name of a global with its module; of anything else, a short text.
    ///
    /// ```
    /// let outline = brinery::inspect::Outline::read(b"cos\npath\n.").unwrap();
    /// assert_eq!(outline.name(outline.root()), "os.path");
    /// ```
    pub fn name(&self, id: NodeId) -> String {
        self.brief(id, 200)
    }

    /// The name of a node's type: `list`, or for an instance its class.
    ///
    /// ```
    /// let outline = brinery::inspect::Outline::read(b"].").unwrap();
    /// assert_eq!(outline.type_name(outline.root()), "list");
    /// ```
    pub fn type_name(&self, id: NodeId) -> Cow<'static, str> {
        Cow::Borrowed(match self.kind(id) {
            Kind::None => "None",
            Kind::Bool(_) => "bool",
            Kind::Int(_) | Kind::BigInt(_) | Kind::IntText(_) => "int",
            Kind::Float(_) => "float",
            Kind::Str(_) => "str",
            Kind::String(_) => "bytes_or_str",
            Kind::Bytes(_) => "bytes",
            Kind::ByteArray(_) => "bytearray",
            Kind::List(_) => "list",
            Kind::Tuple(_) => "tuple",
            Kind::Dict(_) => "dict",
            Kind::Set(_) => "set",
            Kind::FrozenSet(_) => "frozenset",
            Kind::Global { .. } => "global",
            Kind::Extension(_) => "extension",
            Kind::Instance { .. } => return Cow::Owned(self.class_name(id)),
            Kind::Persistent(_) => "persistent id",
            Kind::Buffer(_) => "buffer",
            Kind::Damaged => "damaged",
        })
    }

    /// The class of an instance; of one that a function makes, the function.
    ///
    /// ```
    /// let outline = brinery::inspect::Outline::read(b"cdatetime\ndate\n(K\x01tR.").unwrap();
    /// assert_eq!(outline.class_name(outline.root()), "datetime.date");
    /// ```
    pub fn class_name(&self, id: NodeId) -> String {
        let Kind::Instance { class, args, .. } = self.kind(id) else {
            return self.type_name(id).into_owned();
        };
        let name = self.name(*class);
        match self.kind(*args) {
            // How protocols 0 and 1 spell an instance of a class that has no constructor of its own.
            Kind::Tuple(args)
                if matches!(name.as_str(), "copy_reg._reconstructor" | "copyreg._reconstructor")
                    && args.len() == 3 =>
            {
                self.name(args[0])
            }
            _ => name,
        }
    }
}
