//! How many objects are on the stack, without knowing which.

use crate::opcode::{Opcode, StackItem};

/// The number of objects and open marks on a machine's stack.
///
/// ```
/// use brinery::{Opcode, inspect::StackDepth};
///
/// let mut stack = StackDepth::default();
/// for opcode in [Opcode::EmptyList, Opcode::Mark, Opcode::None, Opcode::None, Opcode::Appends] {
///     assert!(stack.apply(opcode));
/// }
/// assert_eq!((stack.objects(), stack.marks()), (1, 0));
/// assert!(!stack.apply(Opcode::Tuple3));
/// ```
#[derive(Clone, Debug, Default)]
pub struct StackDepth {
    /// How many objects were below each open mark.
    marks: Vec<u64>,
    objects: u64,
}

impl StackDepth {
    /// How many objects there are.
    pub fn objects(&self) -> u64 {
        self.objects
    }

    /// How many marks are open.
    pub fn marks(&self) -> usize {
        self.marks.len()
    }

    /// Applies what the table says that an opcode takes and leaves; answers whether all of it was there.
    pub fn apply(&mut self, opcode: Opcode) -> bool {
        let before = opcode.info().before;
        if opcode == Opcode::Mark {
            self.marks.push(self.objects);
            return true;
        }
        if opcode == Opcode::Pop && self.marks.last() == Some(&self.objects) {
            self.marks.pop();
            return true;
        }
        let mut complete = true;
        let mut operands = before.len();
        if let Some(mark) = before.iter().position(|&item| item == StackItem::Mark) {
            operands = mark;
            match self.marks.pop() {
                Some(below) => self.objects = below,
                None => complete = false,
            }
        }
        complete &= self.objects - self.marks.last().copied().unwrap_or(0) >= operands as u64;
        self.objects = self.objects.saturating_sub(operands as u64) + opcode.info().after.len() as u64;
        if let Some(&fence) = self.marks.last() {
            self.objects = self.objects.max(fence);
        }
        complete
    }
}
