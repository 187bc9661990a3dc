//! What the arguments of a call are.

use crate::fact::{Extra, Fact, Kind, Outside};
use crate::facts::Facts;
use crate::known::{self, Rule, Shape, Standing};
use crate::shelf::Few;

/// The arguments of a call.
pub(super) struct Args {
    pub(super) items: Few,
    /// Whether these are all, and are known.
    pub(super) known: bool,
}

impl Args {
    /// Whether there are none.
    pub(super) fn is_nothing(&self) -> bool {
        self.known && self.items.is_empty()
    }
}

impl Facts<'_, '_> {
    pub(super) fn args(&self, fact: &Fact) -> Args {
        match fact.kind {
            Kind::Tuple(place) => match self.shelf.get(place) {
                Some((items, all)) => Args { items, known: all },
                None => Args { items: Few::default(), known: false },
            },
            _ => Args { items: Few::default(), known: false },
        }
    }

    /// A value in the style of Python, shortly.
    pub(crate) fn show(&self, fact: &Fact, depth: usize) -> String {
        match fact.kind {
            Kind::Plain(_) => "…".into(),
            Kind::Int(value) => value.to_string(),
            Kind::Text(_) | Kind::Hook(_) | Kind::Decoded(_) => {
                let text = self.text(fact).unwrap_or_default();
                let short: String = text.chars().take(80).collect();
                let dots = if short.len() < text.len() { "…" } else { "" };
                format!("{short:?}{dots}")
            }
            Kind::Bytes(at) => {
                let bytes = self.literal(at, 24);
                let text: String =
                    bytes.iter().flat_map(|byte| std::ascii::escape_default(*byte)).map(char::from).collect();
                format!("b\"{text}\"{}", if bytes.len() == 24 { "…" } else { "" })
            }
            Kind::List => "[…]".into(),
            Kind::Dict(_) => "{…}".into(),
            Kind::Set | Kind::Frozen(_) => "{…}".into(),
            Kind::Tuple(place) => {
                if depth == 0 {
                    return "(…)".into();
                }
                let Some((items, all)) = self.shelf.get(place) else { return "(…)".into() };
                let mut parts: Vec<String> =
                    items.iter().take(6).map(|item| self.show(item, depth - 1)).collect();
                if !all || items.len() > 6 {
                    parts.push("…".into());
                }
                let comma = if parts.len() == 1 { "," } else { "" };
                format!("({}{comma})", parts.join(", "))
            }
            Kind::Global(id) => self.named[id as usize].full(),
            Kind::Module(id) => format!("<module {}>", self.named[id as usize].module),
            Kind::Made { global, .. } => format!("<{}>", self.named[global as usize].full()),
            Kind::Bound => "<attribute>".into(),
            Kind::Result => "<result>".into(),
            Kind::Outside(Outside::Extension) => "<extension>".into(),
            Kind::Outside(Outside::Persistent) => "<persistent object>".into(),
            Kind::Outside(Outside::Buffer) => "<buffer>".into(),
        }
    }

    /// Takes note of arguments that may hold what is not to be given to anyone.
    pub(super) fn heed_args(&mut self, args: &Fact) {
        if self.gives {
            return;
        }
        let list = self.args(args);
        let plain = |item: &Fact| match item.kind {
            Kind::Plain(_)
            | Kind::Int(_)
            | Kind::Text(_)
            | Kind::Hook(_)
            | Kind::Decoded(_)
            | Kind::Bytes(_)
            | Kind::Made {
                extra: Extra::None | Extra::Fresh | Extra::ItemSize(_) | Extra::NewDType(_),
                ..
            } => true,
            Kind::Global(id) => self.named[id as usize].standing != Standing::Granted(Rule::Mention),
            _ => false,
        };
        // What was made of such arguments itself was looked at then.
        self.gives = !list.known || !list.items.iter().all(plain);
    }

    /// Whether an object that the stream has made is the first argument.
    pub(super) fn is_given_object(&self, args: &Fact) -> bool {
        let args = self.args(args);
        !args.known || args.items.first().is_some_and(|first| matches!(first.kind, Kind::Made { .. }))
    }

    /// Whether text may be in a value, however deep.
    pub(super) fn may_hold_text(&self, value: &Fact, depth: u32) -> bool {
        match value.kind {
            Kind::Plain(_) | Kind::Int(_) | Kind::Global(_) | Kind::Made { .. } => false,
            Kind::Tuple(_) if depth < 8 => {
                let args = self.args(value);
                !args.known || args.items.iter().any(|item| self.may_hold_text(item, depth + 1))
            }
            _ => true,
        }
    }

    /// Whether text that may be more than a word, or what is not known, is among the arguments.
    pub(super) fn has_telling_text(&self, args: &Fact) -> bool {
        let args = self.args(args);
        !args.known
            || args.items.iter().any(|item| match item.kind {
                Kind::Text(_) | Kind::Hook(_) | Kind::Decoded(_) => {
                    self.text(item).is_none_or(|text| known::is_telling(&text))
                }
                Kind::Result | Kind::Bound | Kind::Outside(_) => true,
                _ => false,
            })
    }

    /// What a number, or a shape, amounts to.
    pub(super) fn size_of(&self, item: &Fact) -> i64 {
        match item.kind {
            Kind::Int(size) => size,
            Kind::Tuple(place) => self.shelf.get(place).map_or(0, |(lens, _)| {
                lens.iter().fold(1, |size: i64, len| match len.kind {
                    Kind::Int(len) => size.saturating_mul(len.saturating_abs()),
                    _ => size,
                })
            }),
            _ => 0,
        }
    }

    /// Whether iterating a value runs nothing, and ends.
    pub(super) fn is_container(&self, fact: &Fact) -> bool {
        match fact.kind {
            Kind::Made { global, .. } => self.named[global as usize].ends,
            Kind::Bound | Kind::Result | Kind::Outside(Outside::Extension | Outside::Persistent) => false,
            _ => true,
        }
    }

    /// Whether all classes and functions among the arguments are of the package of the one that is called.
    pub(super) fn are_kin(&self, id: u32, items: &[Fact]) -> bool {
        let top =
            |id: u32| self.named[id as usize].modern().0.split('.').next().unwrap_or_default().to_owned();
        let own = top(id);
        items.iter().all(|item| match item.kind {
            Kind::Global(other) => matches!(top(other), other if other == own || other == "builtins" || other == "numpy" || other == "collections"),
            Kind::Module(_) | Kind::Bound | Kind::Result => false,
            _ => true,
        })
    }

    /// Whether a global is a class, or by its name a function that makes objects.
    pub(super) fn makes_objects(&self, id: u32) -> bool {
        match self.named[id as usize].standing {
            Standing::Granted(rule) => matches!(rule, Rule::Any | Rule::Items | Rule::Size),
            Standing::Standard(shape) | Standing::Package(shape) | Standing::Stranger(shape) => {
                shape != Shape::Function
            }
            Standing::Forbidden(_) => false,
        }
    }
}
