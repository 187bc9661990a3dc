//! The path of the part that a failed load was building, read off the machine's stack.

use super::host::{Host, Shape};
use super::outward::Outward;
use crate::opcode::Opcode;
use crate::place::{Path, Segment};

/// The path to the value that was being built when the opcode `failed`, at the start of `ahead`, did so.
///
/// The opcodes ahead tell what would have become of the value. Where they end, or make no sense because the input is
/// damaged, the rest of the way is guessed from what stands on the stack.
pub(super) fn path_being_built<'de, H: Host<'de>>(
    stack: &[H::Value],
    marks: &[usize],
    failed: Option<Opcode>,
    ahead: &[u8],
    host: &H,
) -> Path {
    let Outward { marks, position, steps, .. } = Outward::follow(stack, marks, failed, ahead, host);
    let open = marks.iter().copied().filter(|&mark| mark <= position);
    let mut path = path_to_next(&stack[..position.min(stack.len())], open, host);
    steps.into_iter().rev().for_each(|step| path.push(step));
    path
}

/// The path to the value that would be pushed next.
///
/// Each open mark belongs to an opcode that is not known: a mark right above a container is taken to be the container's.
fn path_to_next<'de, H: Host<'de>>(stack: &[H::Value], marks: impl Iterator<Item = usize>, host: &H) -> Path {
    let mut path = Path::default();
    let bounds: Vec<usize> = std::iter::once(0).chain(marks).collect();
    for (level, &start) in bounds.iter().enumerate() {
        let end = bounds.get(level + 1).copied().unwrap_or(stack.len()).max(start);
        let values = &stack[start..end];
        // Does the next mark extend the last value of this level, or open a value of its own?
        let extends_last =
            level + 1 < bounds.len() && values.last().is_some_and(|last| is_open_container(host.shape(last)));
        // The bottom level holds one object with its operands; above a mark, items come before the one being made.
        let kind =
            if level == 0 { None } else { start.checked_sub(1).map(|below| host.shape(&stack[below])) };
        let complete = if level == 0 { 0 } else { complete(values, extends_last, kind, host) };
        if level > 0 {
            let container = start.checked_sub(1).map(|below| &stack[below]);
            let grandparent = start.checked_sub(2).map(|below| &stack[below]);
            push_step(&mut path, container, grandparent, &values[..complete], host);
        }
        if level + 1 == bounds.len() || extends_last {
            push_operands(&mut path, &values[complete..], extends_last, host);
        } else if level == 0 {
            // What the mark opens is the next item of what is there: protocol 0 gives its containers one after the other.
            push_operands(&mut path, values, false, host);
            if let Some(Shape::List(before)) = values.last().map(|last| host.shape(last)) {
                path.push(Segment::Index(before));
            }
        }
    }
    path
}

/// How many of the values above a mark are complete items; the others belong to the one that is being made.
///
/// A writer puts the operands of an item without a mark on the stack if there are one or two: an instance and the dict
/// that will be its state, a container and its only item. What looks like that is taken for it, unless the alternation of
/// keys and values says otherwise.
fn complete<'de, H: Host<'de>>(
    values: &[H::Value],
    extends_last: bool,
    kind: Option<Shape>,
    host: &H,
) -> usize {
    let among_pairs = matches!(kind, Some(Shape::Dict(_)));
    let mut end = values.len() - usize::from(extends_last);
    let mut made = values.get(end).map(|value| host.shape(value));
    loop {
        let shape = |back: usize| end.checked_sub(back).map(|at| host.shape(&values[at]));
        let operands = match (shape(1), made) {
            // The dict that is being filled is the state of the instance below it.
            (Some(Shape::Instance), Some(Shape::Dict(_))) => 1,
            // So it is if it is full and nothing has come after it yet.
            (Some(Shape::Dict(1..)), None) if shape(2) == Some(Shape::Instance) => 2,
            // A list of one item, which is being filled; a list of lists more likely has an empty one there.
            (Some(Shape::List(0)), Some(Shape::Dict(_) | Shape::Set(_) | Shape::Instance)) => 1,
            (Some(Shape::List(0)), Some(Shape::List(_))) if among_pairs => 1,
            // A dict of one item, whose key is there. Among pairs this may as well be an empty dict and the next key,
            // unless it is the state of an instance.
            (Some(Shape::Other), _) if shape(2) == Some(Shape::Dict(0)) && end >= 2 => {
                if among_pairs && shape(3) != Some(Shape::Instance) {
                    return end;
                }
                2
            }
            _ => return end,
        };
        end -= operands;
        made = Some(host.shape(&values[end]));
    }
}

/// A container that a writer would be about to fill: a new one, or one at the edge of a batch.
fn is_open_container(shape: Shape) -> bool {
    matches!(shape, Shape::List(len) | Shape::Dict(len) | Shape::Set(len) if len % 1000 == 0)
}

/// The step into the container of a level: which of its items comes after the `complete` ones.
fn push_step<'de, H: Host<'de>>(
    path: &mut Path,
    container: Option<&H::Value>,
    grandparent: Option<&H::Value>,
    complete: &[H::Value],
    host: &H,
) {
    let shape = container.map_or(Shape::Other, |value| host.shape(value));
    let shape = if is_open_container(shape) { shape } else { Shape::Other };
    let count = complete.len();
    path.push(match shape {
        Shape::List(before) => Segment::Index(before + count),
        Shape::Set(before) => Segment::Element(before + count),
        Shape::Dict(before) => match complete.last() {
            Some(key) if count % 2 == 1 => {
                let state = grandparent.is_some_and(|value| host.shape(value) == Shape::Instance);
                key_step(key, state, host)
            }
            _ => Segment::KeyAt(before + count / 2),
        },
        Shape::Instance | Shape::Other => Segment::Index(count),
    });
}

/// The step to the value of a key, which is an attribute where the dict is an instance's state.
pub(super) fn key_step<'de, H: Host<'de>>(key: &H::Value, state: bool, host: &H) -> Segment {
    let text = host.key_text(key);
    match attribute_name(&text) {
        Some(name) if state => Segment::Attribute(name.to_owned()),
        _ => Segment::Key(text),
    }
}

/// The name in the text of a key, if the key is a string that can follow a dot.
pub(super) fn attribute_name(text: &str) -> Option<&str> {
    let name = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut chars = name.chars();
    let starts = chars.next().is_some_and(|first| first.is_alphabetic() || first == '_');
    (starts && chars.all(|char| char.is_alphanumeric() || char == '_')).then_some(name)
}

/// The steps that unmarked operands tell: a container below an item, or below a key and its value.
///
/// At the bottom level these are all there is to the object, so a container may have items already: protocol 0 writes one
/// item after the other, and others a lone one at the end of a batch.
fn push_operands<'de, H: Host<'de>>(path: &mut Path, values: &[H::Value], extends_last: bool, host: &H) {
    let values = if extends_last { &values[..values.len() - 1] } else { values };
    for (position, value) in values.iter().enumerate() {
        let inner = position + 1 < values.len() || extends_last;
        let state = position > 0 && host.shape(&values[position - 1]) == Shape::Instance;
        match host.shape(value) {
            Shape::List(before) if inner => path.push(Segment::Index(before)),
            Shape::Dict(_) if position + 1 < values.len() => {
                path.push(key_step(&values[position + 1], state, host));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
