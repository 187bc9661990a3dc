//! Where something happened: a position in a stream and a path in an object.

use crate::opcode::Opcode;
use std::fmt;

/// One step from an object to one that it holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// An item of a list or tuple: `[3]`.
    Index(usize),
    /// A value of a dict, by the text of its key: `["run"]`.
    Key(String),
    /// The key itself: `.keys()[3]`.
    KeyAt(usize),
    /// An element of a set or frozenset, which has no address but its turn: `{3}`.
    Element(usize),
    /// An attribute: `.name`.
    Attribute(String),
    /// A step that is not an attribute but written like a call: `.__reduce__()`.
    Call(&'static str),
}

/// The way from an object to a part of it, written as one would write it in Python.
///
/// ```
/// use brinery::{Path, Segment};
///
/// let mut path = Path::default();
/// path.push(Segment::Key("\"run\"".into()));
/// path.push(Segment::Attribute("callbacks".into()));
/// path.push(Segment::Index(3));
/// assert_eq!(path.to_string(), "obj[\"run\"].callbacks[3]");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path {
    segments: Vec<Segment>,
}

impl Path {
    /// Steps further in.
    pub fn push(&mut self, segment: Segment) {
        self.segments.push(segment);
    }

    /// Steps further out: the path so far is inside `segment`.
    pub fn enclose(&mut self, segment: Segment) {
        self.segments.insert(0, segment);
    }

    /// The steps, outermost first.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether this is the object itself.
    pub fn is_root(&self) -> bool {
        self.segments.is_empty()
    }
}

impl FromIterator<Segment> for Path {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        Path { segments: segments.into_iter().collect() }
    }
}

/// How many steps are written at each end of a path before the middle is left out.
const SHOWN: usize = 24;

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("obj")?;
        let len = self.segments.len();
        for (position, segment) in self.segments.iter().enumerate() {
            if len > 2 * SHOWN + 1 && position >= SHOWN && position < len - SHOWN {
                if position == SHOWN {
                    write!(f, " …({} more)… ", len - 2 * SHOWN)?;
                }
                continue;
            }
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => write!(f, "[{key}]")?,
                Segment::KeyAt(index) => write!(f, ".keys()[{index}]")?,
                Segment::Element(index) => write!(f, "{{{index}}}")?,
                Segment::Attribute(name) => write!(f, ".{name}")?,
                Segment::Call(name) => write!(f, ".{name}()")?,
            }
        }
        Ok(())
    }
}

/// Where loading a stream failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The offset of the opcode from the start of the stream, in bytes.
    pub offset: u64,
    /// The opcode, if it was one.
    pub opcode: Option<Opcode>,
    /// The part that was being built.
    pub path: Path,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at offset {}", self.offset)?;
        if let Some(opcode) = self.opcode {
            write!(f, ", opcode {opcode}")?;
        }
        write!(f, ", building {}", self.path)
    }
}
