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
        let complete = values.len() - usize::from(extends_last);
        if level > 0 {
            let container = start.checked_sub(1).map(|below| &stack[below]);
            let grandparent = start.checked_sub(2).map(|below| &stack[below]);
            let closer = closers.get(level - 1).copied();
            push_step(&mut path, container, grandparent, closer, &values[..complete], host);
        }
        if level + 1 == bounds.len() || extends_last {
            push_operands(&mut path, values, extends_last, host);
        }
    }
    path
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

/// The steps that unmarked operands tell: a container below a single item, or below a key and its value.
fn push_operands<'de, H: Host<'de>>(path: &mut Path, values: &[H::Value], extends_last: bool, host: &H) {
    let values = if extends_last { &values[..values.len() - 1] } else { values };
    for (position, value) in values.iter().enumerate() {
        let inner = position + 1 < values.len() || extends_last;
        let state = position > 0 && host.shape(&values[position - 1]) == Shape::Instance;
        match host.shape(value) {
            Shape::List(0) if inner => path.push(Segment::Index(0)),
            Shape::Dict(0) if position + 1 < values.len() => {
                path.push(key_step(&values[position + 1], state, host));
            }
            _ => {}
        }
    }
}
