//! Objects as JSON.

use brinery::inspect::{Kind, Label, NodeId, Outline, code_points};
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::ops::ControlFlow;

/// Integers up to here are the same in every reader of JSON.
const EXACT: u64 = 1 << 53;
/// No more levels than this indent, as the white space would outweigh the data.
const LEVELS: usize = 40;
/// Integers of more bits are written in hexadecimal.
const DECIMAL_BITS: u64 = 1 << 18;
/// How many short values an array on one line may have.
const ROW: usize = 12;

/// How JSON is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Indented,
    OneLine,
}

/// What remains to be written.
enum Task<'a> {
    Value(NodeId),
    Key(&'static str),
    TextKey(NodeId),
    Array(&'a [NodeId]),
    Pairs(&'a [(NodeId, NodeId)]),
    EndArray,
    EndObject,
    /// A key and its value as an array of two.
    Pair(NodeId, NodeId),
}

/// Writes objects of one outline; it knows which of them have been written.
pub(crate) struct Writer<'a> {
    outline: &'a Outline<'a>,
    references: Vec<u32>,
    anchors: HashMap<NodeId, usize>,
    layout: Layout,
    /// For each open array or object, whether something is in it.
    open: Vec<bool>,
    /// Whether a key has just been written.
    after_key: bool,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(outline: &'a Outline<'a>, layout: Layout) -> Self {
        let references = outline.references();
        Writer { outline, references, anchors: HashMap::new(), layout, open: Vec::new(), after_key: false }
    }

    /// Writes an object and a newline.
    pub(crate) fn write(&mut self, root: NodeId, out: &mut dyn Write) -> io::Result<()> {
        let mut tasks = vec![Task::Value(root)];
        while let Some(task) = tasks.pop() {
            match task {
                Task::Value(id) => self.value(id, &mut tasks, out)?,
                Task::Key(key) => self.key(key.as_bytes(), out)?,
                Task::TextKey(id) => match self.outline.kind(id) {
                    Kind::Str(text) => self.key(text, out)?,
                    _ => self.key(b"", out)?,
                },
                Task::Array(items) => self.array(items, &mut tasks, out)?,
                Task::Pairs(pairs) => {
                    self.begin("[", out)?;
                    tasks.push(Task::EndArray);
                    tasks.extend(pairs.iter().rev().map(|&(key, value)| Task::Pair(key, value)));
                }
                Task::EndArray => self.end("]", out)?,
                Task::EndObject => self.end("}", out)?,
                Task::Pair(key, value) => {
                    self.begin("[", out)?;
                    tasks.extend([Task::EndArray, Task::Value(value), Task::Value(key)]);
                }
            }
        }
        writeln!(out)
    }

    /// What comes before a value or a key.
    fn separate(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::take(&mut self.after_key) {
            return Ok(());
        }
        let levels = self.open.len().min(LEVELS);
        let Some(filled) = self.open.last_mut() else { return Ok(()) };
        let comma = if std::mem::replace(filled, true) { "," } else { "" };
        match self.layout {
            Layout::Indented => write!(out, "{comma}\n{:w$}", "", w = 2 * levels),
            Layout::OneLine if comma.is_empty() => Ok(()),
            Layout::OneLine => out.write_all(b", "),
        }
    }

    fn begin(&mut self, bracket: &str, out: &mut dyn Write) -> io::Result<()> {
        self.separate(out)?;
        self.open.push(false);
        out.write_all(bracket.as_bytes())
    }

    /// An array: on one line where it is short and plain.
    fn array(
        &mut self,
        items: &'a [NodeId],
        tasks: &mut Vec<Task<'a>>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let short = items.len() <= ROW && items.iter().all(|&item| self.is_short(item));
        if !short || self.layout == Layout::OneLine {
            self.begin("[", out)?;
            tasks.push(Task::EndArray);
            tasks.extend(items.iter().rev().map(|&item| Task::Value(item)));
            return Ok(());
        }
        self.separate(out)?;
        self.layout = Layout::OneLine;
        self.after_key = true;
        self.begin("[", out)?;
        for &item in items {
            // Short values leave nothing to be done.
            self.value(item, tasks, out)?;
        }
        self.end("]", out)?;
        self.layout = Layout::Indented;
        Ok(())
    }

    /// Whether a value takes no more than a few characters.
    fn is_short(&self, id: NodeId) -> bool {
        match self.outline.kind(id) {
            Kind::None | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => true,
            Kind::Str(text) => text.len() <= 12,
            _ => false,
        }
    }

    fn end(&mut self, bracket: &str, out: &mut dyn Write) -> io::Result<()> {
        if self.open.pop() == Some(true) && self.layout == Layout::Indented {
            write!(out, "\n{:w$}", "", w = 2 * self.open.len().min(LEVELS))?;
        }
        out.write_all(bracket.as_bytes())
    }

    fn key(&mut self, text: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.separate(out)?;
        write_text(text, out)?;
        self.after_key = true;
        out.write_all(b": ")
    }

    /// A value that is text as it stands, with a tag if it needs one.
    fn plain(&mut self, tag: Option<&str>, text: &[u8], out: &mut dyn Write) -> io::Result<()> {
        let Some(tag) = tag else {
            self.separate(out)?;
            return out.write_all(text);
        };
        self.separate(out)?;
        write!(out, "{{\"{tag}\": ")?;
        out.write_all(text)?;
        out.write_all(b"}")
    }

    fn text(&mut self, tag: Option<&str>, text: &[u8], out: &mut dyn Write) -> io::Result<()> {
        let mut quoted = Vec::with_capacity(text.len() + 2);
        write_text(text, &mut quoted)?;
        self.plain(tag, &quoted, out)
    }

    fn value(&mut self, id: NodeId, tasks: &mut Vec<Task<'a>>, out: &mut dyn Write) -> io::Result<()> {
        let outline = self.outline;
        match outline.kind(id) {
            Kind::None => return self.plain(None, b"null", out),
            Kind::Bool(value) => return self.plain(None, if *value { b"true" } else { b"false" }, out),
            Kind::Int(value) => {
                let tag = (value.unsigned_abs() > EXACT).then_some("$int");
                let text = if tag.is_some() { format!("\"{value}\"") } else { value.to_string() };
                return self.plain(tag, text.as_bytes(), out);
            }
            // Decimal digits take quadratic time.
            Kind::BigInt(value) if value.bits() > DECIMAL_BITS => {
                return self.plain(Some("$int"), format!("\"{value:#x}\"").as_bytes(), out);
            }
            Kind::BigInt(value) => return self.plain(Some("$int"), format!("\"{value}\"").as_bytes(), out),
            Kind::IntText(text) => return self.text(Some("$int"), text, out),
            Kind::Float(value) if value.is_finite() => {
                return self.plain(None, outline.brief(id, 40).as_bytes(), out);
            }
            Kind::Float(_) => return self.text(Some("$float"), outline.brief(id, 40).as_bytes(), out),
            Kind::Str(text) => return self.text(None, text, out),
            Kind::String(text) if text.is_ascii() => return self.text(None, text, out),
            Kind::Bytes(bytes) | Kind::String(bytes) => {
                return self.text(Some("$bytes"), &base64(bytes), out);
            }
            Kind::ByteArray(bytes) => return self.text(Some("$bytearray"), &base64(bytes), out),
            Kind::Global { .. } => return self.text(Some("$global"), outline.name(id).as_bytes(), out),
            Kind::Extension(code) => return self.plain(Some("$extension"), code.to_string().as_bytes(), out),
            Kind::Buffer(index) => return self.plain(Some("$buffer"), index.to_string().as_bytes(), out),
            Kind::Damaged => return self.plain(Some("$damaged"), b"true", out),
            _ => {}
        }
        if let Some(number) = self.anchors.get(&id) {
            let number = number.to_string();
            return self.plain(Some("$ref"), number.as_bytes(), out);
        }
        let anchor = (self.references[id.index()] > 1 && outline.has_edges(id)).then(|| {
            let number = self.anchors.len() + 1;
            self.anchors.insert(id, number);
            number
        });
        self.compound(id, anchor, tasks, out)
    }

    fn compound(
        &mut self,
        id: NodeId,
        anchor: Option<usize>,
        tasks: &mut Vec<Task<'a>>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let outline = self.outline;
        let additions = outline.node(id).additions.as_deref();
        let (tag, items) = match outline.kind(id) {
            Kind::List(items) if anchor.is_none() && additions.is_none() => {
                return self.array(items, tasks, out);
            }
            Kind::Dict(pairs) if anchor.is_none() && additions.is_none() && self.is_object(pairs) => {
                self.begin("{", out)?;
                tasks.push(Task::EndObject);
                for &(key, value) in pairs.iter().rev() {
                    tasks.extend([Task::Value(value), Task::TextKey(key)]);
                }
                return Ok(());
            }
            Kind::List(items) => ("$list", Some(items)),
            Kind::Tuple(items) => ("$tuple", Some(items)),
            Kind::Set(items) => ("$set", Some(items)),
            Kind::FrozenSet(items) => ("$frozenset", Some(items)),
            Kind::Dict(_) => ("$dict", None),
            Kind::Persistent(_) => ("$persistent", None),
            _ => ("$class", None),
        };
        self.begin("{", out)?;
        if let Some(number) = anchor {
            self.key(b"$id", out)?;
            self.plain(None, number.to_string().as_bytes(), out)?;
        }
        // From the end: what is pushed last is written first.
        tasks.push(Task::EndObject);
        if let Some(additions) = additions {
            if !additions.pairs.is_empty() {
                tasks.extend([Task::Pairs(&additions.pairs), Task::Key("$pairs")]);
            }
            if !additions.items.is_empty() {
                tasks.extend([Task::Array(&additions.items), Task::Key("$items")]);
            }
            match additions.states[..] {
                [] => {}
                [state] => tasks.extend([Task::Value(state), Task::Key("$state")]),
                _ => tasks.extend([Task::Array(&additions.states), Task::Key("$states")]),
            }
        }
        match (outline.kind(id), items) {
            (_, Some(items)) => tasks.extend([Task::Array(items), Task::Key(tag)]),
            (Kind::Dict(pairs), _) => tasks.extend([Task::Pairs(pairs), Task::Key(tag)]),
            (Kind::Persistent(id), _) => tasks.extend([Task::Value(*id), Task::Key(tag)]),
            (Kind::Instance { class, .. }, _) => {
                let name = outline.class_name(id);
                self.key(b"$class", out)?;
                if matches!(outline.kind(*class), Kind::Global { .. } | Kind::Extension(_)) {
                    self.text(None, name.as_bytes(), out)?;
                    self.call(id, tasks);
                } else {
                    self.call(id, tasks);
                    tasks.push(Task::Value(*class));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The arguments of an instance's making.
    fn call(&self, id: NodeId, tasks: &mut Vec<Task<'a>>) {
        let mut positional = 0;
        let mut keywords = None;
        let _ = self.outline.visit_edges(id, &mut |edge| {
            match edge.label {
                Label::Callable => {}
                Label::Argument(_) => positional += 1,
                Label::Arguments => tasks.extend([Task::Value(edge.node), Task::Key("$args")]),
                Label::Keywords => keywords = Some(edge.node),
                // What an instance is called with comes before what it is given.
                _ => return ControlFlow::Break(()),
            }
            ControlFlow::Continue(())
        });
        if let Some(keywords) = keywords {
            tasks.extend([Task::Value(keywords), Task::Key("$kwargs")]);
        }
        if let Kind::Instance { args, .. } = self.outline.kind(id)
            && let Kind::Tuple(items) = self.outline.kind(*args)
            && positional > 0
        {
            // What a reconstructor is given first is no argument of the class.
            tasks.extend([Task::Array(&items[items.len() - positional..]), Task::Key("$args")]);
        }
    }

    /// Whether a dict can be a JSON object: its keys are text, differ, and cannot be taken for tags.
    fn is_object(&self, pairs: &[(NodeId, NodeId)]) -> bool {
        let mut seen = HashSet::with_capacity(pairs.len());
        pairs.iter().all(|&(key, _)| match self.outline.kind(key) {
            Kind::Str(text) => !text.starts_with(b"$") && seen.insert(text),
            _ => false,
        })
    }
}

/// A JSON string. Lone surrogates are escaped, as they are in JSON itself.
fn write_text(text: &[u8], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"\"")?;
    let mut plain = 0;
    let mut position = 0;
    while position < text.len() {
        let (len, escape) = match text[position..] {
            [b'"', ..] => (1, "\\\"".to_owned()),
            [b'\\', ..] => (1, "\\\\".to_owned()),
            [b'\n', ..] => (1, "\\n".to_owned()),
            [b'\r', ..] => (1, "\\r".to_owned()),
            [b'\t', ..] => (1, "\\t".to_owned()),
            [byte @ (..0x20 | 0x7f), ..] => (1, format!("\\u{byte:04x}")),
            [0xed, second @ 0xa0..=0xbf, third, ..] => {
                let code = code_points(&[0xed, second, third]).next().unwrap_or(0xfffd);
                (3, format!("\\u{code:04x}"))
            }
            _ => {
                position += 1;
                continue;
            }
        };
        out.write_all(&text[plain..position])?;
        out.write_all(escape.as_bytes())?;
        position += len;
        plain = position;
    }
    out.write_all(&text[plain..])?;
    out.write_all(b"\"")
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let sextet = (bits >> (18 - 6 * digit) & 0x3f) as usize;
            text.push(if digit <= chunk.len() { DIGITS[sextet] } else { b'=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(pickle: &[u8]) -> String {
        let outline = Outline::read(pickle).unwrap();
        let mut out = Vec::new();
        Writer::new(&outline, Layout::OneLine).write(outline.root(), &mut out).unwrap();
        String::from_utf8(out).unwrap().trim_end().to_owned()
    }

    #[test]
    fn values_map_as_documented() {
        assert_eq!(json(b"](N\x88K\x05G\x3f\xf8\0\0\0\0\0\0e."), "[null, true, 5, 1.5]");
        assert_eq!(json(b"L9007199254740993L\n."), r#"{"$int": "9007199254740993"}"#);
        assert_eq!(json(b"Finf\n."), r#"{"$float": "inf"}"#);
        assert_eq!(json(b"C\x04\0\xff\0\xff."), r#"{"$bytes": "AP8A/w=="}"#);
        assert_eq!(json(b"(K\x01)t."), r#"{"$tuple": [1, {"$tuple": []}]}"#);
        assert_eq!(json(b"}X\x01\0\0\0aK\x01s."), r#"{"a": 1}"#);
        assert_eq!(json(b"}X\x01\0\0\0$K\x01s."), r#"{"$dict": [["$", 1]]}"#);
        assert_eq!(json(b"}K\x01K\x02s."), r#"{"$dict": [[1, 2]]}"#);
        assert_eq!(json(b"\x8c\x03\xed\xa0\x80."), r#""\ud800""#);
        assert_eq!(json(b"cos\npath\n."), r#"{"$global": "os.path"}"#);
    }

    #[test]
    fn sharing_and_cycles_have_references() {
        assert_eq!(json(b"]q\0h\0a."), r#"{"$id": 1, "$list": [{"$ref": 1}]}"#);
        assert_eq!(json(b"cm\nC\n)\x81}X\x01\0\0\0xK\x01sb."), r#"{"$class": "m.C", "$state": {"x": 1}}"#);
        assert_eq!(json(b"cm\nC\n(K\x01tR."), r#"{"$class": "m.C", "$args": [1]}"#);
    }

    #[test]
    fn base64_pads() {
        assert_eq!(base64(b"a"), b"YQ==");
        assert_eq!(base64(b"ab"), b"YWI=");
        assert_eq!(base64(b"abc"), b"YWJj");
    }
}
