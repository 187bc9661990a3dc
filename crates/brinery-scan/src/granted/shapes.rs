//! Whether values have the shapes that a policy gives to arguments and states, as far as that shows.

use crate::fact::{Fact, Kind, Sort};
use crate::facts::Facts;
use crate::literal::unescape;
use crate::nth;
use crate::shelf::Shelf;
use brinery::Opcode;
use brinery::policy::Shape;
use brinery::read::{Argument, Decoder};
use std::borrow::Cow;

/// How long a text may be that is held against a shape.
pub(super) const TEXT: u64 = 4096;

/// Whether a value has a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fits {
    Yes,
    No,
    /// There is no telling from here.
    Unknown,
}

impl Fits {
    pub(super) fn of(fits: bool) -> Self {
        if fits { Fits::Yes } else { Fits::No }
    }

    /// Both of two.
    pub(super) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Fits::Yes => other(),
            Fits::No => Fits::No,
            Fits::Unknown if other() == Fits::No => Fits::No,
            Fits::Unknown => Fits::Unknown,
        }
    }
}

impl Facts<'_, '_> {
    /// Whether the arguments of a call have a shape. These are the first of them, all if there are no more.
    pub(super) fn fits_items(&self, shape: &Shape, args: &Fact, items: &[Fact]) -> Fits {
        match shape {
            Shape::Any => Fits::Yes,
            Shape::Union(shapes) => {
                let mut any = Fits::No;
                for shape in shapes {
                    match self.fits_items(shape, args, items) {
                        Fits::Yes => return Fits::Yes,
                        Fits::Unknown => any = Fits::Unknown,
                        Fits::No => {}
                    }
                }
                any
            }
            Shape::Tuple(shapes) => {
                if Shelf::count(args) != Some(shapes.len()) {
                    return if Shelf::count(args).is_some() { Fits::No } else { Fits::Unknown };
                }
                let known = if items.len() == shapes.len() { Fits::Yes } else { Fits::Unknown };
                shapes
                    .iter()
                    .zip(items)
                    .fold(known, |fits, (shape, item)| fits.and(|| self.fits(shape, item)))
            }
            Shape::Items(shape) => {
                let known = if Shelf::count(args) == Some(items.len()) { Fits::Yes } else { Fits::Unknown };
                items.iter().fold(known, |fits, item| fits.and(|| self.fits(shape, item)))
            }
            _ => Fits::No,
        }
    }

    /// Whether a value has a shape.
    pub(super) fn fits(&self, shape: &Shape, fact: &Fact) -> Fits {
        let kind = fact.kind;
        // What these are is known to whoever made them, or not at all.
        if let Kind::Bound | Kind::Result | Kind::Outside(_) | Kind::Module(_) = kind {
            return Fits::Unknown;
        }
        let sort = |wanted: fn(Sort) -> bool| match kind {
            Kind::Plain(Sort::Any) => Fits::Unknown,
            Kind::Plain(sort) => Fits::of(wanted(sort)),
            _ => Fits::No,
        };
        // What a call has made may stand for a value of a builtin type.
        let made = matches!(kind, Kind::Made { .. });
        match shape {
            Shape::Any => Fits::Yes,
            Shape::None => sort(|sort| sort == Sort::None),
            Shape::Float => sort(|sort| matches!(sort, Sort::Float(_))),
            Shape::Bool(None) => sort(|sort| matches!(sort, Sort::Bool(_))),
            Shape::Bool(Some(true)) => sort(|sort| sort == Sort::Bool(true)),
            Shape::Bool(Some(false)) => sort(|sort| sort == Sort::Bool(false)),
            Shape::Int(low, high) => match kind {
                Kind::Int(int) => {
                    Fits::of(low.is_none_or(|low| low <= int) && high.is_none_or(|high| int <= high))
                }
                Kind::Plain(Sort::Natural(_) | Sort::Any) => Fits::Unknown,
                _ => Fits::No,
            },
            Shape::Text(low, high) => match kind {
                Kind::Text(_) | Kind::Hook(_) if (*low, *high) == (0, usize::MAX) => Fits::Yes,
                Kind::Text(_) | Kind::Hook(_) => match self.text_of(fact) {
                    Some(text) => Fits::of((*low..=*high).contains(&text.chars().count())),
                    None => Fits::Unknown,
                },
                Kind::Decoded(_) => Fits::Unknown,
                _ => Fits::No,
            },
            Shape::Literal(wanted) => match kind {
                Kind::Text(_) | Kind::Hook(_) => match self.text_of(fact) {
                    Some(text) => Fits::of(*text == **wanted),
                    None => Fits::Unknown,
                },
                Kind::Decoded(_) => Fits::Unknown,
                _ => Fits::No,
            },
            Shape::Form(form) => match kind {
                Kind::Text(_) | Kind::Hook(_) => match self.text_of(fact) {
                    Some(text) => Fits::of(form.holds(&text)),
                    None => Fits::Unknown,
                },
                Kind::Decoded(_) => Fits::Unknown,
                _ => Fits::No,
            },
            Shape::Bytes(low, high) => match kind {
                Kind::Bytes(_) | Kind::Plain(Sort::Latin1(_)) => match self.byte_count(fact) {
                    Some(len) => Fits::of((*low as u64..=*high as u64).contains(&len)),
                    None => Fits::Unknown,
                },
                Kind::Text(_) | Kind::Hook(_) | Kind::Decoded(_) | Kind::Plain(Sort::Any) => Fits::Unknown,
                _ if made => Fits::Unknown,
                _ => Fits::No,
            },
            Shape::List(item) => match kind {
                Kind::List if **item == Shape::Any => Fits::Yes,
                Kind::List => Fits::Unknown,
                _ => Fits::No,
            },
            Shape::Dict(key, value) => match kind {
                Kind::Dict(_) if **key == Shape::Any && **value == Shape::Any => Fits::Yes,
                Kind::Dict(_) => Fits::Unknown,
                _ => Fits::No,
            },
            Shape::Tuple(_) | Shape::Items(_) => match kind {
                Kind::Tuple(place) => {
                    let items = self.shelf.get(place).map(|got| got.0).unwrap_or_default();
                    self.fits_items(shape, fact, &items)
                }
                _ => Fits::No,
            },
            Shape::Made(module, name) => match kind {
                Kind::Made { global, .. } if self.named[global as usize].modern() == (module, name) => {
                    Fits::Yes
                }
                Kind::Made { .. } => Fits::Unknown,
                _ => Fits::No,
            },
            Shape::Global(module, name) => match kind {
                Kind::Global(id) => Fits::of(self.named[id as usize].modern() == (module, name)),
                _ if made => Fits::Unknown,
                _ => Fits::No,
            },
            Shape::Union(shapes) => {
                let mut any = Fits::No;
                for shape in shapes {
                    match self.fits(shape, fact) {
                        Fits::Yes => return Fits::Yes,
                        Fits::Unknown => any = Fits::Unknown,
                        Fits::No => {}
                    }
                }
                any
            }
            _ => Fits::Unknown,
        }
    }

    /// The text that a Unicode string is, if it is a short one and where it lies is known.
    pub(crate) fn text_of(&self, fact: &Fact) -> Option<Cow<'_, str>> {
        let (Kind::Text(at) | Kind::Hook(at)) = fact.kind else { return None };
        let (at, 0) = nth::place(at) else { return None };
        let bytes = self.bytes_at(at, TEXT as usize)?;
        let instruction = Decoder::new(&bytes).next()?.ok()?;
        let (Argument::Bytes(text) | Argument::Line(text)) = instruction.argument else { return None };
        let is_plain = match instruction.opcode {
            Opcode::BinUnicode | Opcode::ShortBinUnicode | Opcode::BinUnicode8 => true,
            Opcode::Unicode if !text.is_ascii() || text.contains(&b'\\') => {
                return Some(Cow::Owned(unescape(text, true)));
            }
            Opcode::Unicode => true,
            _ => false,
        };
        let text = std::str::from_utf8(text).ok().filter(|_| is_plain)?;
        Some(match &bytes {
            Cow::Borrowed(bytes) => {
                let start = text.as_ptr().addr() - bytes.as_ptr().addr();
                Cow::Borrowed(std::str::from_utf8(&bytes[start..start + text.len()]).ok()?)
            }
            Cow::Owned(_) => Cow::Owned(text.to_owned()),
        })
    }

    pub(super) fn bytes_at(&self, at: u64, len: usize) -> Option<Cow<'_, [u8]>> {
        match self.blob.bytes() {
            Some(bytes) => {
                let bytes = bytes.get(at as usize..)?;
                Some(Cow::Borrowed(&bytes[..bytes.len().min(len)]))
            }
            None => self.blob.get(at, len.min(256)).ok().map(Cow::Owned),
        }
    }

    /// How long a bytes object is.
    pub(super) fn byte_count(&self, fact: &Fact) -> Option<u64> {
        let at = match fact.kind {
            Kind::Plain(Sort::Latin1(len)) => return Some(len.into()),
            Kind::Bytes(at) => at,
            _ => return None,
        };
        let (at, 0) = nth::place(at) else { return None };
        let (opcode, len) = match self.blob.bytes() {
            Some(bytes) => crate::stream::claim(bytes.get(at as usize..)?)?,
            None => {
                let (head, len) = self.blob.peek::<9>(at).ok()?;
                crate::stream::claim(&head[..len])?
            }
        };
        matches!(opcode, Opcode::ShortBinBytes | Opcode::BinBytes | Opcode::BinBytes8).then_some(len)
    }

    /// What `_codecs.encode` makes of a text: so many bytes.
    pub(crate) fn latin1(&self, text: &Fact) -> Sort {
        let len = self.text_of(text).map(|text| text.chars().count());
        len.and_then(|len| u16::try_from(len).ok()).map_or(Sort::Any, Sort::Latin1)
    }
}
