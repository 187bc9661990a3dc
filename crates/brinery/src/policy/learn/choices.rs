//! Texts that tell what a program calls what to do: `make("circle")`.
//!
//! A function may do anything for another text, so what is always one of a few names stays one of these. How likely it is that the
//! next stream has another is told, as by Good and Turing, by how many of them only one sample has: none of a choice.

use super::is_known;
use crate::policy::policy::Key;
use crate::policy::shape::Shape;
use crate::value::{Construction, Graph, Kind, Value};
use std::collections::BTreeMap;

/// How many texts a choice has at most.
const MOST: usize = 16;

/// How often one of them is there at least, on average. Classes are called with names of objects more often than with what to do.
const OFTEN: usize = 3;
const OFTEN_OF_CLASSES: usize = 6;

/// How long one of them is at most.
const LONGEST: usize = 64;

/// How deep in the arguments texts are looked for.
const DEEPEST: usize = 3;

/// How many items of a container are looked at.
const WIDEST: usize = 1000;

/// How many calls of a function may differ in how many arguments they have.
const LENGTHS: usize = 16;

/// Where a value is within arguments: the places in tuples one after the other.
type Path = Vec<usize>;

/// The place of whatever is in a container of any length.
const EACH: usize = usize::MAX;

/// The calls of what belongs to programs in samples.
#[derive(Default)]
pub(super) struct Calls(BTreeMap<Key, BTreeMap<Path, Texts>>);

/// What an argument was, as far as it was text.
#[derive(Default)]
struct Texts {
    seen: BTreeMap<String, Seen>,
    /// The samples in which it was text.
    all: Seen,
    /// Whether it is more than a choice of names.
    is_free: bool,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    samples: usize,
    times: usize,
    last: Option<usize>,
}

impl Seen {
    fn again(&mut self, sample: usize) {
        self.samples += usize::from(self.last != Some(sample));
        self.times += 1;
        self.last = Some(sample);
    }
}

impl Texts {
    fn see(&mut self, value: Value<'_, '_>, sample: usize) {
        if self.is_free {
            return;
        }
        match value.as_str().filter(|text| value.kind() == Kind::Text && is_name(text)) {
            Some(text) => {
                self.all.again(sample);
                self.seen.entry(text.to_owned()).or_default().again(sample);
                self.is_free = self.seen.len() > MOST;
            }
            None => self.is_free = true,
        }
        if self.is_free {
            self.seen.clear();
        }
    }

    /// The texts, if it is a choice: each of them is there again and again, in other samples if there are any.
    fn choice(&self, on_average: usize) -> Option<Shape> {
        let often = |seen: &Seen| if self.all.samples > 1 { seen.samples } else { seen.times };
        let (least, sum) = self
            .seen
            .values()
            .map(often)
            .fold((usize::MAX, 0), |(least, sum), often| (least.min(often), sum + often));
        if self.is_free || least < 2 || sum < on_average * self.seen.len() {
            return None;
        }
        self.seen.keys().cloned().map(Shape::Literal).reduce(Shape::or)
    }
}

/// Whether a text may be the name of something.
fn is_name(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-/".contains(&byte))
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

impl Calls {
    /// Takes note of the calls in a sample.
    pub(super) fn see(&mut self, graph: &Graph<'_>, sample: usize) {
        for made in graph.values().filter_map(Value::as_instance) {
            let is_call = matches!(made.construction(), Construction::Reduce | Construction::Instantiate);
            let args = made.args();
            if !is_call || args.kind() != Kind::Tuple || args.is_empty() {
                continue;
            }
            let Some(key) = name_of(made.class()).filter(|(module, _)| !is_known(module)) else { continue };
            let texts = self.0.entry(key).or_default();
            for (index, arg) in args.items().enumerate() {
                see(texts, &mut vec![index], arg, sample);
            }
        }
    }

    /// The shape of the arguments of a function that was called with these, where some of them are chosen, and others as what is
    /// given generalises them.
    pub(super) fn chosen(&self, key: &Key, args: &Shape, general: fn(&Shape) -> Shape) -> Option<Shape> {
        let is_class = key.1.rsplit('.').next().is_some_and(|name| name.starts_with(char::is_uppercase));
        let often = if is_class { OFTEN_OF_CLASSES } else { OFTEN };
        let choices: BTreeMap<&Path, Shape> =
            self.0.get(key)?.iter().filter_map(|(path, texts)| Some((path, texts.choice(often)?))).collect();
        if choices.is_empty() {
            return None;
        }
        let tuples = match args {
            Shape::Union(tuples) => tuples.as_slice(),
            tuple => std::slice::from_ref(tuple),
        };
        let mut parts: Vec<Shape> = Vec::new();
        let mut lengths = Vec::new();
        for tuple in tuples {
            let Shape::Tuple(items) = tuple else { return None };
            lengths.push(items.len());
            for (index, item) in items.iter().enumerate() {
                let part = Choices { at: &choices, general }.of(item, &vec![index]);
                match parts.get_mut(index) {
                    Some(known) => *known = known.clone().or(part),
                    None => parts.push(part),
                }
            }
        }
        let (least, most) = (*lengths.iter().min()?, *lengths.iter().max()?);
        if most - least <= LENGTHS {
            lengths = (least..=most).collect();
        }
        lengths.into_iter().map(|len| Shape::Tuple(parts[..len].to_vec())).reduce(Shape::or)
    }
}

/// The names of a global, or of a member of one that was had by `getattr`.
fn name_of(callable: Value<'_, '_>) -> Option<Key> {
    if let Some(global) = callable.as_global() {
        return Some((global.module().into_owned(), global.name().into_owned()));
    }
    let made = callable.as_instance()?;
    let by = made.class().as_global()?;
    let (owner, name) = (made.args().item(0)?.as_global()?, made.args().item(1)?.as_str()?);
    (by.is("builtins", "getattr") || by.is("__builtin__", "getattr"))
        .then(|| (owner.module().into_owned(), format!("{}.{name}", owner.name())))
}

/// Takes note of the texts in an argument.
fn see(texts: &mut BTreeMap<Path, Texts>, path: &mut Path, value: Value<'_, '_>, sample: usize) {
    match value.kind() {
        Kind::Text | Kind::String | Kind::Bytes => match texts.get_mut(path) {
            Some(texts) => texts.see(value, sample),
            None => texts.entry(path.clone()).or_default().see(value, sample),
        },
        _ if path.len() > DEEPEST => {}
        Kind::Tuple => {
            for (index, item) in value.items().take(WIDEST).enumerate() {
                path.push(index);
                see(texts, path, item, sample);
                path.pop();
            }
        }
        Kind::List | Kind::Set | Kind::FrozenSet | Kind::Dict => {
            let items = value.items().chain(value.entries().map(|(_, item)| item));
            path.push(EACH);
            if items.clone().nth(WIDEST).is_some() {
                texts.entry(path.clone()).or_default().is_free = true;
            }
            items.take(WIDEST).for_each(|item| see(texts, path, item, sample));
            path.pop();
        }
        _ => {}
    }
}

/// The choices among the arguments of a function, and what becomes of all others.
struct Choices<'c> {
    at: &'c BTreeMap<&'c Path, Shape>,
    general: fn(&Shape) -> Shape,
}

impl Choices<'_> {
    fn of(&self, shape: &Shape, path: &Path) -> Shape {
        let is_one = self.at.contains_key(path);
        let has_some = self.at.keys().any(|at| at.len() > path.len() && at.starts_with(path));
        let inner = |place: usize, item: &Shape| self.of(item, &[path.as_slice(), &[place]].concat());
        let each = |item: &Shape| Box::new(inner(EACH, item));
        let part = match shape {
            Shape::Union(kinds) => {
                return kinds.iter().map(|kind| self.of(kind, path)).reduce(Shape::or).unwrap_or(Shape::None);
            }
            Shape::Text(..) if is_one => self.at[path].clone(),
            Shape::Tuple(items) if has_some => {
                Shape::Tuple(items.iter().enumerate().map(|(index, item)| inner(index, item)).collect())
            }
            Shape::List(item) if has_some => Shape::List(each(item)),
            Shape::Set(item) if has_some => Shape::Set(each(item)),
            Shape::FrozenSet(item) if has_some => Shape::FrozenSet(each(item)),
            Shape::Dict(key, item) if has_some => Shape::Dict(Box::new((self.general)(key)), each(item)),
            other if is_one => other.clone(),
            other => return (self.general)(other),
        };
        part.or(Shape::None)
    }
}
