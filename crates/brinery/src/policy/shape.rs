//! Shapes: what values an argument or a field may have, written like Python's annotations.

use crate::value::{Kind, Value};
use std::fmt;

/// What a value may be.
///
/// | shape | values |
/// |---|---|
/// | `any` | whatever the stream may make |
/// | `None`, `True`, `7`, `'text'` | this value |
/// | `bool`, `int`, `float`, `str`, `bytes`, `bytearray` | of exactly this type |
/// | `int(0..255)`, `str(..100)`, `bytes(10..10)` | within these bounds: of the value, of the length |
/// | `text:decimal`, `text:zone` | text of a known [`Form`] |
/// | `list[T]`, `set[T]`, `frozenset[T]`, `tuple[T, ...]` | of any number of such items |
/// | `tuple[A, B]` | of exactly these items |
/// | `dict[K, V]` | of such keys and values |
/// | `buffer`, `persistent` | an out-of-band buffer, what a persistent id stands for |
/// | `module:Class` | made by this stream as such an object |
/// | `=module:name` | the global itself |
/// | `A \| B` | one or the other |
///
/// ```
/// use brinery::policy::Shape;
///
/// let shape: Shape = "dict[str, None | int(0..)]".parse().unwrap();
/// assert_eq!(shape.to_string(), "dict[str, None | int(0..)]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Shape {
    /// Whatever the stream may make.
    Any,
    /// `None`
    None,
    /// A `bool`, or this one.
    Bool(Option<bool>),
    /// An `int` within bounds.
    Int(Option<i64>, Option<i64>),
    /// A `float`.
    Float,
    /// A `str` of so many characters.
    Text(usize, usize),
    /// This `str`.
    Literal(String),
    /// A `str` of a known form.
    Form(Form),
    /// A `bytes` object of so many bytes.
    Bytes(usize, usize),
    /// A `bytearray`.
    ByteArray,
    /// An out-of-band buffer.
    Buffer,
    /// What a persistent id stands for.
    Persistent,
    /// A `list`.
    List(Box<Shape>),
    /// A `set`.
    Set(Box<Shape>),
    /// A `frozenset`.
    FrozenSet(Box<Shape>),
    /// A `tuple` of equal items.
    Items(Box<Shape>),
    /// A `tuple` of these items.
    Tuple(Vec<Shape>),
    /// A `dict`.
    Dict(Box<Shape>, Box<Shape>),
    /// An object that the stream made of this global.
    Made(String, String),
    /// The global itself.
    Global(String, String),
    /// One of these.
    Union(Vec<Shape>),
}

/// Known forms of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// A decimal number as `decimal` prints it, of up to 100,000 digits.
    Decimal,
    /// One or two integers, `1/3`, of up to 5,000 digits.
    Fraction,
    /// The name of a time zone.
    Zone,
    /// A name of letters, digits and underscores that has no double underscore.
    Name,
    /// The name of a device, `cuda:0`.
    Device,
    /// Names with dots between them, none of which begins with an underscore or has a double one.
    Names,
}

/// The bytes that there are in decimal numbers.
const OF_DECIMALS: [bool; 256] = {
    let mut bytes = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        bytes[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-');
        byte += 1;
    }
    bytes
};

impl Form {
    const ALL: [(Form, &'static str); 6] = [
        (Form::Decimal, "decimal"),
        (Form::Fraction, "fraction"),
        (Form::Zone, "zone"),
        (Form::Name, "name"),
        (Form::Device, "device"),
        (Form::Names, "names"),
    ];

    /// Whether a text has this form.
    ///
    /// ```
    /// use brinery::policy::Form;
    ///
    /// assert!(Form::Fraction.holds("-1/3"));
    /// assert!(!Form::Fraction.holds("1/x"));
    /// ```
    pub fn holds(self, text: &str) -> bool {
        match self {
            Form::Decimal => {
                text.len() <= 100_000
                    && text.bytes().fold(true, |holds, byte| holds & OF_DECIMALS[usize::from(byte)])
            }
            Form::Fraction => {
                let digits = |text: &str| {
                    !text.is_empty() && text.len() <= 5000 && text.bytes().all(|byte| byte.is_ascii_digit())
                };
                let text = text.strip_prefix('-').unwrap_or(text);
                match text.split_once('/') {
                    Some((above, below)) => digits(above) && digits(below),
                    None => digits(text),
                }
            }
            Form::Zone => {
                (1..=64).contains(&text.len())
                    && text.split('/').all(|part| {
                        !part.is_empty()
                            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
                    })
            }
            Form::Device => {
                let (kind, index) = text.split_once(':').unwrap_or((text, "0"));
                (2..=16).contains(&kind.len())
                    && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                    && (1..=3).contains(&index.len())
                    && index.bytes().all(|byte| byte.is_ascii_digit())
            }
            Form::Names => {
                text.len() <= 200
                    && text
                        .split('.')
                        .all(|part| !part.is_empty() && !part.starts_with('_') && Form::Name.holds(part))
            }
            Form::Name => {
                text.len() <= 200
                    && !text.contains("__")
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            }
        }
    }
}

/// What matching needs to know of the world.
pub(super) trait World<'g, 'a> {
    /// The names of the global that a value was made of, unless it may not be anywhere.
    fn made_of(&self, value: Value<'g, 'a>) -> Option<(&'g str, &'g str)>;
    /// Whether a value was made of this global.
    fn is_made_of(&self, value: Value<'g, 'a>, module: &str, name: &str) -> bool;
    /// Whether a value is this global.
    fn is_global(&self, value: Value<'g, 'a>, module: &str, name: &str) -> bool;
    /// The names of Python 3 of a value that is a global.
    fn names(&self, value: Value<'g, 'a>) -> Option<(String, String)>;
    /// Whether a value may be anywhere: it is, and holds, no global that may not be a value.
    fn is_free(&self, value: Value<'g, 'a>) -> bool;
    /// Takes note of an object looked at; whether more may be.
    fn spend(&self) -> bool;
}

impl Shape {
    /// Whether a value has this shape.
    pub(super) fn holds<'g, 'a>(&self, value: Value<'g, 'a>, world: &impl World<'g, 'a>) -> bool {
        if !world.spend() {
            return false;
        }
        match self {
            Shape::Any => world.is_free(value),
            Shape::None => value.is_none(),
            Shape::Bool(None) => value.kind() == Kind::Bool,
            Shape::Bool(wanted) => value.as_bool() == *wanted,
            Shape::Int(None, None) => value.kind() == Kind::Int,
            Shape::Int(low, high) => value
                .as_i64()
                .is_some_and(|int| low.is_none_or(|low| low <= int) && high.is_none_or(|high| int <= high)),
            Shape::Float => value.kind() == Kind::Float,
            Shape::Text(low, high) => {
                value.kind() == Kind::Text
                    && ((*low, *high) == (0, usize::MAX)
                        || value.text_bytes().is_some_and(|text| {
                            (*low..=*high).contains(&String::from_utf8_lossy(text).chars().count())
                        }))
                    || value.kind() == Kind::String
                        && value.as_bytes().is_some_and(|text| (*low..=*high).contains(&text.len()))
            }
            Shape::Literal(text) => value.as_str() == Some(text),
            Shape::Form(form) => value.as_str().is_some_and(|text| form.holds(text)),
            Shape::Bytes(low, high) => {
                matches!(value.kind(), Kind::Bytes | Kind::String)
                    && value.as_bytes().is_some_and(|bytes| (*low..=*high).contains(&bytes.len()))
                    || is_latin1_bytes(value, *low, *high)
            }
            Shape::ByteArray => value.kind() == Kind::ByteArray,
            Shape::Buffer => matches!(value.kind(), Kind::Buffer | Kind::ReadOnly),
            Shape::Persistent => value.kind() == Kind::Persistent,
            Shape::List(item) => value.kind() == Kind::List && each(item, value, world),
            Shape::Set(item) => {
                value.kind() == Kind::Set && each(item, value, world)
                    || is_set_call(value, "set", item, world)
            }
            Shape::FrozenSet(item) => {
                value.kind() == Kind::FrozenSet && each(item, value, world)
                    || is_set_call(value, "frozenset", item, world)
            }
            Shape::Items(item) => value.kind() == Kind::Tuple && each(item, value, world),
            Shape::Tuple(items) => {
                value.kind() == Kind::Tuple
                    && value.len() == items.len()
                    && items.iter().zip(value.items()).all(|(shape, item)| shape.holds(item, world))
            }
            Shape::Dict(key, item) => {
                value.kind() == Kind::Dict
                    && (matches!((&**key, &**item), (Shape::Any, Shape::Any))
                        || value.entries().all(|(k, v)| key.holds(k, world) && item.holds(v, world)))
            }
            Shape::Made(module, name) => world.is_made_of(value, module, name),
            Shape::Global(module, name) => world.is_global(value, module, name),
            Shape::Union(shapes) => is_any(shapes, value, world),
        }
    }

    /// Whether a value that has this shape can lose it again when the stream goes on.
    ///
    /// ```
    /// use brinery::policy::Shape;
    ///
    /// let can_be_lost = |shape: &str| shape.parse::<Shape>().unwrap().can_be_lost();
    /// assert!(can_be_lost("list[int]") && !can_be_lost("tuple[int, ...]"));
    /// ```
    pub fn can_be_lost(&self) -> bool {
        match self {
            Shape::List(item) | Shape::Set(item) => **item != Shape::Any,
            Shape::Dict(key, item) => (&**key, &**item) != (&Shape::Any, &Shape::Any),
            Shape::FrozenSet(item) | Shape::Items(item) => item.can_be_lost(),
            Shape::Tuple(items) | Shape::Union(items) => items.iter().any(Shape::can_be_lost),
            _ => false,
        }
    }

    /// Whether it depends on the kinds of things alone whether those that hold nothing have this shape, or tuples of such.
    pub(super) fn is_of_kinds(&self) -> bool {
        match self {
            Shape::Bool(wanted) => wanted.is_none(),
            Shape::Int(low, high) => low.is_none() && high.is_none(),
            Shape::Text(low, high) => (*low, *high) == (0, usize::MAX),
            Shape::Bytes(low, high) => (*low, *high) == (0, usize::MAX),
            Shape::Literal(_) | Shape::Form(_) => false,
            Shape::List(item) | Shape::Set(item) | Shape::FrozenSet(item) | Shape::Items(item) => {
                item.is_of_kinds()
            }
            Shape::Tuple(items) | Shape::Union(items) => items.iter().all(Shape::is_of_kinds),
            Shape::Dict(key, value) => key.is_of_kinds() && value.is_of_kinds(),
            Shape::Any
            | Shape::None
            | Shape::Float
            | Shape::ByteArray
            | Shape::Buffer
            | Shape::Persistent
            | Shape::Made(..)
            | Shape::Global(..) => true,
        }
    }

    /// The shape of both.
    #[must_use]
    pub fn or(self, other: Shape) -> Shape {
        if let Some(both) = self.merged(&other) {
            return both;
        }
        let mut shapes = Vec::new();
        for shape in [self, other] {
            match shape {
                Shape::Union(parts) => parts.into_iter().for_each(|part| add(&mut shapes, part)),
                shape => add(&mut shapes, shape),
            }
        }
        if shapes.len() == 1 { shapes.remove(0) } else { Shape::Union(shapes) }
    }

    /// The one shape of both, if they are of a kind.
    fn merged(&self, other: &Shape) -> Option<Shape> {
        let both = |a: &Shape, b: &Shape| Box::new(a.clone().or(b.clone()));
        Some(match (self, other) {
            (a, b) if a == b => a.clone(),
            (Shape::Any, _) | (_, Shape::Any) => Shape::Any,
            (Shape::Bool(_), Shape::Bool(_)) => Shape::Bool(None),
            (Shape::Int(low, high), Shape::Int(other_low, other_high)) => Shape::Int(
                low.zip(*other_low).map(|(a, b)| a.min(b)),
                high.zip(*other_high).map(|(a, b)| a.max(b)),
            ),
            (Shape::Text(low, high), Shape::Text(other_low, other_high)) => {
                Shape::Text(*low.min(other_low), *high.max(other_high))
            }
            (Shape::Bytes(low, high), Shape::Bytes(other_low, other_high)) => {
                Shape::Bytes(*low.min(other_low), *high.max(other_high))
            }
            (Shape::List(a), Shape::List(b)) => Shape::List(both(a, b)),
            (Shape::Set(a), Shape::Set(b)) => Shape::Set(both(a, b)),
            (Shape::FrozenSet(a), Shape::FrozenSet(b)) => Shape::FrozenSet(both(a, b)),
            (Shape::Items(a), Shape::Items(b)) => Shape::Items(both(a, b)),
            (Shape::Tuple(a), Shape::Tuple(b)) if a.len() == b.len() => {
                Shape::Tuple(a.iter().zip(b).map(|(a, b)| *both(a, b)).collect())
            }
            (Shape::Dict(k, v), Shape::Dict(l, w)) => Shape::Dict(both(k, l), both(v, w)),
            _ => return None,
        })
    }
}

/// Adds a shape to a union: to the one of its kind, if there is one.
fn add(shapes: &mut Vec<Shape>, new: Shape) {
    for shape in shapes.iter_mut() {
        if let Some(both) = shape.merged(&new) {
            *shape = both;
            return;
        }
    }
    shapes.push(new);
    shapes.sort();
}

/// Whether there is something in a value that can lose a shape: what can be changed, alone or in tuples and the like.
pub(super) fn has_changeable(value: Value<'_, '_>, depth: usize) -> bool {
    match value.kind() {
        Kind::List | Kind::Set | Kind::Dict => true,
        Kind::Tuple | Kind::FrozenSet => {
            depth == 0 || value.items().any(|item| has_changeable(item, depth - 1))
        }
        // A call of `set` is taken for one.
        Kind::Instance => {
            let class = value.as_instance().and_then(|made| made.class().as_global());
            class.is_none_or(|class| matches!(&*class.name(), "set" | "frozenset"))
        }
        _ => false,
    }
}

/// Whether a value has one of these shapes. What it was made of is found out once.
fn is_any<'g, 'a>(shapes: &[Shape], value: Value<'g, 'a>, world: &impl World<'g, 'a>) -> bool {
    let mut made_of = None;
    shapes.iter().any(|shape| match shape {
        Shape::Made(module, name) if value.as_instance().is_none() || !name.contains('.') => {
            let made_of = *made_of.get_or_insert_with(|| world.made_of(value));
            // Names are less alike than modules.
            world.spend() && made_of.is_some_and(|made_of| made_of.1 == name && made_of.0 == module)
        }
        shape => shape.holds(value, world),
    })
}

fn each<'g, 'a>(item: &Shape, value: Value<'g, 'a>, world: &impl World<'g, 'a>) -> bool {
    if *item == Shape::Any {
        world.is_free(value)
    } else {
        value.items().all(|value| item.holds(value, world))
    }
}

/// Whether a value is a call of `set` or `frozenset`, as protocols below 4 have them.
fn is_set_call<'g, 'a>(value: Value<'g, 'a>, name: &str, item: &Shape, world: &impl World<'g, 'a>) -> bool {
    world.is_made_of(value, "builtins", name)
        && value.as_instance().is_some_and(|call| match call.args().item(0) {
            Some(items) => each(item, items, world),
            None => true,
        })
}

/// Whether a value is a call of `_codecs.encode`, as protocols below 3 have bytes.
fn is_latin1_bytes(value: Value<'_, '_>, low: usize, high: usize) -> bool {
    let Some(call) = value.as_instance() else { return false };
    let Some(function) = call.class().as_global() else { return false };
    if function.is("__builtin__", "bytes") || function.is("builtins", "bytes") {
        return low == 0 && call.args().is_empty();
    }
    let is_encode = function.is("_codecs", "encode");
    let len = call.args().item(0).and_then(Value::as_str).map(|text| text.chars().count());
    is_encode && len.is_some_and(|len| (low..=high).contains(&len))
}

struct Bounds<T>(Option<T>, Option<T>);

impl<T: fmt::Display + PartialEq> fmt::Display for Bounds<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_none() && self.1.is_none() {
            return Ok(());
        }
        f.write_str("(")?;
        if let Some(low) = &self.0 {
            low.fmt(f)?;
        }
        f.write_str("..")?;
        if let Some(high) = &self.1 {
            high.fmt(f)?;
        }
        f.write_str(")")
    }
}

fn sizes(low: usize, high: usize) -> Bounds<usize> {
    Bounds((low > 0).then_some(low), (high < usize::MAX).then_some(high))
}

fn join(shapes: &[Shape], separator: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, shape) in shapes.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        fmt::Display::fmt(shape, f)?;
    }
    Ok(())
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Any => f.write_str("any"),
            Shape::None => f.write_str("None"),
            Shape::Bool(None) => f.write_str("bool"),
            Shape::Bool(Some(true)) => f.write_str("True"),
            Shape::Bool(Some(false)) => f.write_str("False"),
            Shape::Int(Some(low), Some(high)) if low == high => low.fmt(f),
            Shape::Int(low, high) => write!(f, "int{}", Bounds(*low, *high)),
            Shape::Float => f.write_str("float"),
            Shape::Text(low, high) => write!(f, "str{}", sizes(*low, *high)),
            Shape::Literal(text) => {
                f.write_str("'")?;
                for char in text.chars() {
                    match char {
                        '\'' | '\\' => write!(f, "\\{char}")?,
                        '\n' => f.write_str("\\n")?,
                        char => write!(f, "{char}")?,
                    }
                }
                f.write_str("'")
            }
            Shape::Form(form) => {
                let name = Form::ALL.iter().find(|(known, _)| known == form).map_or("", |(_, name)| name);
                write!(f, "text:{name}")
            }
            Shape::Bytes(low, high) => write!(f, "bytes{}", sizes(*low, *high)),
            Shape::ByteArray => f.write_str("bytearray"),
            Shape::Buffer => f.write_str("buffer"),
            Shape::Persistent => f.write_str("persistent"),
            Shape::List(item) => write!(f, "list[{item}]"),
            Shape::Set(item) => write!(f, "set[{item}]"),
            Shape::FrozenSet(item) => write!(f, "frozenset[{item}]"),
            Shape::Items(item) => write!(f, "tuple[{item}, ...]"),
            Shape::Tuple(items) => {
                f.write_str("tuple[")?;
                join(items, ", ", f)?;
                f.write_str("]")
            }
            Shape::Dict(key, value) => write!(f, "dict[{key}, {value}]"),
            Shape::Made(module, name) => write!(f, "{module}:{name}"),
            Shape::Global(module, name) => write!(f, "={module}:{name}"),
            Shape::Union(shapes) => join(shapes, " | ", f),
        }
    }
}

/// How deep shapes may be nested in text.
const MOST_NESTED: usize = 32;

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl std::str::FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Shape, String> {
        let mut parser = Parser { text, at: 0 };
        let shape = parser.union(0)?;
        if parser.rest().is_empty() { Ok(shape) } else { Err(parser.complaint("more than a shape")) }
    }
}

impl<'t> Parser<'t> {
    fn rest(&mut self) -> &'t str {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn complaint(&self, what: &str) -> String {
        format!("{what} at {:?} in the shape {:?}", &self.text[self.at..], self.text)
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(self.complaint(&format!("no {token:?}"))) }
    }

    fn union(&mut self, depth: usize) -> Result<Shape, String> {
        if depth > MOST_NESTED {
            return Err("a shape is nested too deeply".into());
        }
        let mut shapes = vec![self.single(depth)?];
        while self.take("|") {
            shapes.push(self.single(depth)?);
        }
        if shapes.len() == 1 {
            return Ok(shapes.remove(0));
        }
        shapes.sort();
        shapes.dedup();
        if shapes.contains(&Shape::Any) {
            return Ok(Shape::Any);
        }
        Ok(if shapes.len() == 1 { shapes.remove(0) } else { Shape::Union(shapes) })
    }

    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest
            .find(|char: char| !(char.is_alphanumeric() || matches!(char, '_' | '.' | ':' | '<' | '>' | '=')))
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn single(&mut self, depth: usize) -> Result<Shape, String> {
        let rest = self.rest();
        if rest.starts_with('\'') {
            return self.literal();
        }
        if rest.starts_with(|char: char| char.is_ascii_digit() || char == '-') {
            let value = self.number()?.ok_or_else(|| self.complaint("no number"))?;
            return Ok(Shape::Int(Some(value), Some(value)));
        }
        let word = self.word();
        Ok(match word {
            "any" => Shape::Any,
            "None" => Shape::None,
            "True" => Shape::Bool(Some(true)),
            "False" => Shape::Bool(Some(false)),
            "bool" => Shape::Bool(None),
            "float" => Shape::Float,
            "bytearray" => Shape::ByteArray,
            "buffer" => Shape::Buffer,
            "persistent" => Shape::Persistent,
            "int" => {
                let (low, high) = self.bounds()?;
                Shape::Int(low, high)
            }
            "str" => {
                let (low, high) = self.lengths()?;
                Shape::Text(low, high)
            }
            "bytes" => {
                let (low, high) = self.lengths()?;
                Shape::Bytes(low, high)
            }
            "list" => Shape::List(self.item(depth)?),
            "set" => Shape::Set(self.item(depth)?),
            "frozenset" => Shape::FrozenSet(self.item(depth)?),
            "tuple" => self.tuple(depth)?,
            "dict" => {
                if !self.take("[") {
                    return Ok(Shape::Dict(Box::new(Shape::Any), Box::new(Shape::Any)));
                }
                let key = self.union(depth + 1)?;
                self.expect(",")?;
                let value = self.union(depth + 1)?;
                self.expect("]")?;
                Shape::Dict(Box::new(key), Box::new(value))
            }
            _ => self.named(word)?,
        })
    }

    fn named(&mut self, word: &str) -> Result<Shape, String> {
        let (global, word) = word.strip_prefix('=').map_or((false, word), |word| (true, word));
        let Some((module, name)) =
            word.split_once(':').filter(|(module, name)| !module.is_empty() && !name.is_empty())
        else {
            return Err(self.complaint(&format!("{word:?} is no shape (a class is written module:Class)")));
        };
        if module == "text" {
            let form = Form::ALL.iter().find(|(_, known)| *known == name);
            return form
                .map(|(form, _)| Shape::Form(*form))
                .ok_or_else(|| format!("no form of text is named {name:?}"));
        }
        let (module, name) = (module.to_owned(), name.to_owned());
        Ok(if global { Shape::Global(module, name) } else { Shape::Made(module, name) })
    }

    fn item(&mut self, depth: usize) -> Result<Box<Shape>, String> {
        if !self.take("[") {
            return Ok(Box::new(Shape::Any));
        }
        let item = self.union(depth + 1)?;
        self.expect("]")?;
        Ok(Box::new(item))
    }

    fn tuple(&mut self, depth: usize) -> Result<Shape, String> {
        if !self.take("[") {
            return Ok(Shape::Items(Box::new(Shape::Any)));
        }
        let mut items = Vec::new();
        while !self.take("]") {
            if !items.is_empty() {
                self.expect(",")?;
                if items.len() == 1 && self.take("...") {
                    self.expect("]")?;
                    return Ok(Shape::Items(Box::new(items.remove(0))));
                }
            }
            items.push(self.union(depth + 1)?);
        }
        Ok(Shape::Tuple(items))
    }

    fn literal(&mut self) -> Result<Shape, String> {
        self.expect("'")?;
        let (mut text, mut escaped) = (String::new(), false);
        for (index, char) in self.text[self.at..].char_indices() {
            match char {
                'n' if escaped => text.push('\n'),
                _ if escaped => text.push(char),
                '\\' => {
                    escaped = true;
                    continue;
                }
                '\'' => {
                    self.at += index + 1;
                    return Ok(Shape::Literal(text));
                }
                _ => text.push(char),
            }
            escaped = false;
        }
        Err(self.complaint("no end of the text"))
    }

    fn number(&mut self) -> Result<Option<i64>, String> {
        let rest = self.rest();
        let end = rest
            .char_indices()
            .find(|&(index, char)| !(char.is_ascii_digit() || index == 0 && char == '-'))
            .map_or(rest.len(), |(index, _)| index);
        if end == 0 {
            return Ok(None);
        }
        self.at += end;
        rest[..end].parse().map(Some).map_err(|_| self.complaint("a number out of range"))
    }

    fn bounds(&mut self) -> Result<(Option<i64>, Option<i64>), String> {
        if !self.take("(") {
            return Ok((None, None));
        }
        let low = self.number()?;
        self.expect("..")?;
        let high = self.number()?;
        self.expect(")")?;
        Ok((low, high))
    }

    fn lengths(&mut self) -> Result<(usize, usize), String> {
        let (low, high) = self.bounds()?;
        let length = |number: i64| usize::try_from(number).map_err(|_| "a length below zero".to_owned());
        Ok((low.map_or(Ok(0), length)?, high.map_or(Ok(usize::MAX), length)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read_as_they_are_written() {
        for text in [
            "any",
            "None | int(0..255)",
            "list[str(..10)]",
            "tuple[int, ...]",
            "tuple[]",
            "tuple[bytes(10..10), datetime:timezone | None]",
            "dict[str, set[float]]",
            "=builtins:int",
            "'it\\'s' | 7",
            "text:fraction",
            "bytearray | buffer | persistent",
            "True",
        ] {
            let shape: Shape = text.parse().unwrap();
            assert_eq!(shape.to_string().parse(), Ok(shape.clone()), "{text}");
        }
        for odd in ["", "int(", "list[", "foo", "tuple[int", "'", "a:", "text:x", "int int"] {
            assert!(odd.parse::<Shape>().is_err(), "{odd}");
        }
    }

    #[test]
    fn the_shape_of_two_holds_both() {
        let shape = |text: &str| text.parse::<Shape>().unwrap();
        assert_eq!(shape("int(1..1)").or(shape("int(5..9)")), shape("int(1..9)"));
        assert_eq!(shape("int").or(shape("None")).or(shape("int(1..2)")), shape("int | None"));
        assert_eq!(shape("list[int]").or(shape("list[str]")), shape("list[int | str]"));
    }
}
