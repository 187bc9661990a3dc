//! What a stream would need to be granted.

use super::policy::Key;
use super::rule::Rule;
use super::shape::{Shape, World};
use crate::value::{ChangeKind, Kind, Value};

/// What a stream does with a global.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Use {
    /// It is named.
    Named,
    /// It is a value.
    Value,
    /// It is a value, or a method of its objects is, within an object made of this global.
    Within(Key),
    /// It is constructed with such arguments.
    Construct {
        /// The shape of the arguments.
        args: Shape,
        /// The shape of the keyword arguments.
        keywords: Option<Shape>,
    },
    /// It is called with such arguments.
    Call(Shape),
    /// Who gets hold of it may call it.
    Later,
    /// It is called with such keyword arguments.
    Keywords(Shape),
    /// Objects made of it are given such a state.
    State(Shape),
    /// Objects made of it are given attributes with special names, among others.
    Fields(Vec<(String, Shape)>),
    /// Objects made of it are given a state that is more than attributes, by their `__setstate__`.
    Whole(Shape),
    /// Objects made of it are extended by items.
    Extend(ChangeKind),
    /// A member of it is asked for.
    Member(String),
    /// A method of an object made of it is asked for.
    Method(String),
    /// A persistent id is resolved.
    Persistent,
    /// Something that no policy can grant.
    Other,
}

/// Something that a stream does and a policy does not grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The rule.
    pub rule: Rule,
    /// The module and the name of the global.
    pub global: Option<Key>,
    /// What is done with it.
    pub used: Use,
    /// The same in words.
    pub message: String,
    /// The offset of the opcode that does it.
    pub offset: u64,
}

/// How deep shapes are made of values.
const DEEPEST: usize = 4;

/// The shape that a value has, generalised: its size and its content are those of one sample.
pub(super) fn shape_of<'g, 'a>(value: Value<'g, 'a>, world: &impl World<'g, 'a>) -> Shape {
    shape_at(value, 0, world)
}

fn shape_at<'g, 'a>(value: Value<'g, 'a>, depth: usize, world: &impl World<'g, 'a>) -> Shape {
    let each = |items: &mut dyn Iterator<Item = Value<'g, 'a>>| {
        if depth >= DEEPEST {
            return Box::new(Shape::Any);
        }
        let mut shape: Option<Shape> = None;
        for item in items.take(100) {
            let other = shape_at(item, depth + 1, world);
            shape = Some(match shape {
                Some(shape) => shape.or(other),
                None => other,
            });
        }
        Box::new(shape.unwrap_or(Shape::Any))
    };
    if !world.spend() {
        return Shape::Any;
    }
    match value.kind() {
        Kind::None => Shape::None,
        Kind::Bool => Shape::Bool(None),
        Kind::Int => {
            // A number may be a size, so the next sample's is allowed to be some times larger and no more.
            let bound = value.as_i64().map(|int| (int.unsigned_abs().max(1 << 15)).next_power_of_two());
            match bound.and_then(|bound| i64::try_from(bound).ok()) {
                Some(bound) => Shape::Int(Some(-bound), Some(bound)),
                None => Shape::Int(None, None),
            }
        }
        Kind::Float => Shape::Float,
        Kind::Text | Kind::String => Shape::Text(0, usize::MAX),
        Kind::Bytes => Shape::Bytes(0, usize::MAX),
        Kind::ByteArray => Shape::ByteArray,
        Kind::List => Shape::List(each(&mut value.items())),
        Kind::Set => Shape::Set(each(&mut value.items())),
        Kind::FrozenSet => Shape::FrozenSet(each(&mut value.items())),
        Kind::Tuple if depth > 0 && value.len() > 8 => Shape::Items(each(&mut value.items())),
        Kind::Tuple if depth > DEEPEST => Shape::Items(Box::new(Shape::Any)),
        Kind::Tuple => Shape::Tuple(value.items().map(|item| shape_at(item, depth + 1, world)).collect()),
        Kind::Dict => Shape::Dict(
            each(&mut value.entries().map(|(key, _)| key)),
            each(&mut value.entries().map(|(_, value)| value)),
        ),
        Kind::Global => match world.names(value) {
            Some((module, name)) => Shape::Global(module, name),
            None => Shape::Any,
        },
        Kind::Buffer | Kind::ReadOnly => Shape::Buffer,
        Kind::Instance | Kind::Extension | Kind::Persistent => Shape::Any,
    }
}
