//! From a value that was being made outwards: what the opcodes that lie ahead would have done with it.

use super::building::key_step;
use super::decoder::Decoder;
use super::host::{Host, Shape};
use crate::opcode::{Opcode, StackItem};
use crate::place::Segment;

/// How much of the input is looked at.
const LOOKAHEAD: usize = 1 << 16;

/// The machine's stack as it would develop, of which only the size and the place of one value matter.
///
/// What stands below that value is what it was when the load failed: only an opcode that consumes the value itself can
/// reach it.
pub(super) struct Outward<'s, H, V> {
    stack: &'s [V],
    host: &'s H,
    len: usize,
    /// The marks that are open.
    pub(super) marks: Vec<usize>,
    /// Where the value stands that has been reached.
    pub(super) position: usize,
    /// The steps from it to where the walk began, innermost first.
    pub(super) steps: Vec<Segment>,
}

impl<'de, 's, H: Host<'de>> Outward<'s, H, H::Value> {
    /// Follows the value that the opcode `failed`, at the start of `ahead`, was making or adding to, as far as the input
    /// makes sense.
    pub(super) fn follow(
        stack: &'s [H::Value],
        marks: &[usize],
        failed: Option<Opcode>,
        ahead: &[u8],
        host: &'s H,
    ) -> Self {
        let (position, marks) = (stack.len(), marks.to_vec());
        let mut walk = Outward { stack, host, len: position + 1, marks, position, steps: Vec::new() };
        if failed.is_some_and(changes_top) && position > 0 {
            (walk.position, walk.len) = (position - 1, position);
        }
        let mut decoder = Decoder::new(&ahead[..ahead.len().min(LOOKAHEAD)]);
        if !matches!(decoder.next(), Some(Ok(_))) {
            return walk;
        }
        for instruction in decoder {
            if instruction.ok().and_then(|instruction| walk.advance(instruction.opcode)).is_none() {
                break;
            }
        }
        walk
    }

    /// Does what an opcode does; `None` where the value or all sense is lost.
    fn advance(&mut self, opcode: Opcode) -> Option<()> {
        match opcode {
            Opcode::Stop => None,
            Opcode::Mark => {
                self.marks.push(self.len);
                Some(())
            }
            Opcode::Pop if self.marks.last() == Some(&self.len) => self.marks.pop().map(drop),
            Opcode::PopMark => {
                let mark = self.marks.pop()?;
                self.len = mark;
                (self.position < mark).then_some(())
            }
            _ => self.execute(opcode),
        }
    }

    fn execute(&mut self, opcode: Opcode) -> Option<()> {
        let info = opcode.info();
        let (start, result) = if info.before.contains(&StackItem::Mark) {
            let mark = self.marks.pop()?;
            let container = usize::from(changes_top(opcode));
            (mark, mark.checked_sub(container)?)
        } else {
            let start = self.len.checked_sub(info.before.len())?;
            (start + usize::from(changes_top(opcode)), start)
        };
        if start > self.len {
            return None;
        }
        let gone = info.after.is_empty() && !info.before.is_empty();
        if self.position >= start {
            if gone {
                return None;
            }
            self.consume(opcode, start, self.position - start);
            self.position = result;
        }
        self.len = result + info.after.len();
        Some(())
    }

    /// Takes the step from the value to what an opcode makes of it, being the one at `index` among the values from
    /// `start` on.
    fn consume(&mut self, opcode: Opcode, start: usize, index: usize) {
        let container = start.checked_sub(1).and_then(|at| self.stack.get(at));
        let before = match container.map(|value| self.host.shape(value)) {
            Some(Shape::List(len) | Shape::Dict(len) | Shape::Set(len)) if changes_top(opcode) => len,
            _ => 0,
        };
        match opcode {
            Opcode::Append | Opcode::Appends => self.steps.push(Segment::Index(before + index)),
            Opcode::List | Opcode::Tuple | Opcode::Tuple1 | Opcode::Tuple2 | Opcode::Tuple3 => {
                self.steps.push(Segment::Index(index));
            }
            Opcode::AddItems | Opcode::FrozenSet => self.steps.push(Segment::Element(before + index)),
            Opcode::SetItem | Opcode::SetItems | Opcode::Dict => {
                let key = if index % 2 == 1 { self.stack.get(start + index - 1) } else { None };
                self.steps.push(match key {
                    Some(key) => key_step(key, false, self.host),
                    None => Segment::KeyAt(before + index / 2),
                });
            }
            Opcode::Build => self.name_attribute(),
            Opcode::Reduce if index == 1 => {
                self.steps.extend([Segment::Index(1), Segment::Call("__reduce_ex__")]);
            }
            Opcode::NewObj | Opcode::NewObjEx if index > 0 => {
                let call = if opcode == Opcode::NewObj { "__getnewargs__" } else { "__getnewargs_ex__" };
                if opcode == Opcode::NewObjEx {
                    self.steps.push(Segment::Index(index - 1));
                }
                self.steps.push(Segment::Call(call));
            }
            Opcode::Inst => self.steps.extend([Segment::Index(index), Segment::Call("__getinitargs__")]),
            Opcode::Obj if index > 0 => {
                self.steps.extend([Segment::Index(index - 1), Segment::Call("__getinitargs__")]);
            }
            _ => {}
        }
    }

    /// Turns the way to a value of a state into the way to the attribute that it becomes.
    fn name_attribute(&mut self) {
        if let [.., Segment::Key(_) | Segment::KeyAt(_), Segment::Index(0 | 1)] = *self.steps {
            // A pair of states, for `__dict__` and for slots.
            self.steps.pop();
        }
        if let Some(step) = self.steps.last_mut()
            && let Segment::Key(text) = step
            && let Some(name) = super::building::attribute_name(text)
        {
            *step = Segment::Attribute(name.to_owned());
        }
    }
}

/// Whether an opcode adds to the object below its operands instead of making one.
fn changes_top(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::Append
            | Opcode::Appends
            | Opcode::SetItem
            | Opcode::SetItems
            | Opcode::AddItems
            | Opcode::Build
    )
}
