//! The path of the part that a failed load was building, read off the machine's stack.

use super::decoder::Decoder;
use super::host::{Host, Shape};
use crate::opcode::{Opcode, StackItem};
use crate::place::{Path, Segment};

/// How much of the input is looked at to learn what the open marks were for.
const LOOKAHEAD: usize = 1 << 16;

/// The path to the value that was being built when the opcode at the start of `ahead` failed.
///
/// Each open mark belongs to an opcode that has not come yet. Where the input lies ahead it is consulted; where it
/// does not (it may be damaged, after all), a mark right above a container is taken to be the container's.
pub(super) fn path_being_built<'de, H: Host<'de>>(
    stack: &[H::Value],
    marks: &[usize],
    ahead: &[u8],
    host: &H,
) -> Path {
    let closers = closers(marks.len(), &ahead[..ahead.len().min(LOOKAHEAD)]);
    let mut path = Path::default();
    let bounds: Vec<usize> = std::iter::once(0).chain(marks.iter().copied()).collect();
    for (level, &start) in bounds.iter().enumerate() {
        let end = bounds.get(level + 1).copied().unwrap_or(stack.len()).max(start);
        let values = &stack[start..end];
        // Does the next mark extend the last value of this level, or open a value of its own?
        let extends_last = level + 1 < bounds.len()
            && values.last().is_some_and(|last| match closers.get(level) {
                Some(&closer) => extends(closer),
                None => is_open_container(host.shape(last)),
            });
        // The bottom level holds one object with its operands; above a mark, items come before the one being made.
        let kind =
            if level == 0 { None } else { start.checked_sub(1).map(|below| host.shape(&stack[below])) };
        let complete = if level == 0 { 0 } else { complete(values, extends_last, kind, host) };
        if level > 0 {
            let container = start.checked_sub(1).map(|below| &stack[below]);
            let grandparent = start.checked_sub(2).map(|below| &stack[below]);
            let closer = closers.get(level - 1).copied();
            push_step(&mut path, container, grandparent, closer, &values[..complete], host);
        }
        if level + 1 == bounds.len() || extends_last {
            push_operands(&mut path, &values[complete..], extends_last, host);
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

/// The opcode that will consume each open mark, outermost first, as far as the input tells.
fn closers(open: usize, ahead: &[u8]) -> Vec<Opcode> {
    let mut found = Vec::new();
    let mut nested = 0usize;
    for instruction in Decoder::new(ahead) {
        let Ok(instruction) = instruction else { break };
        let opcode = instruction.opcode;
        if opcode == Opcode::Mark {
            nested += 1;
        } else if opcode.info().before.contains(&StackItem::Mark) {
            if nested > 0 {
                nested -= 1;
            } else {
                found.push(opcode);
            }
        }
        if found.len() == open || opcode == Opcode::Stop {
            break;
        }
    }
    if found.len() < open {
        // What was found is innermost first; without all of them their levels are not known.
        return Vec::new();
    }
    found.reverse();
    found
}

fn extends(closer: Opcode) -> bool {
    matches!(closer, Opcode::Appends | Opcode::SetItems | Opcode::AddItems)
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
    closer: Option<Opcode>,
    complete: &[H::Value],
    host: &H,
) {
    let shape = container.map_or(Shape::Other, |value| host.shape(value));
    let shape = match closer {
        Some(closer) if !extends(closer) => match closer {
            Opcode::Dict => Shape::Dict(0),
            Opcode::List => Shape::List(0),
            Opcode::FrozenSet => Shape::Set(0),
            _ => Shape::Other,
        },
        Some(_) => shape,
        None if is_open_container(shape) => shape,
        None => Shape::Other,
    };
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
fn key_step<'de, H: Host<'de>>(key: &H::Value, state: bool, host: &H) -> Segment {
    let text = host.key_text(key);
    let name = text.trim_matches(['\'', '"']);
    let is_name = name.len() + 2 == text.len()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if state && is_name { Segment::Attribute(name.to_owned()) } else { Segment::Key(text) }
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
