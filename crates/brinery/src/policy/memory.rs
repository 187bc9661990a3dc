//! What the objects of a stream take of memory.

use super::limits::Limits;
use super::source::{BARE_RATE, cost, fits_memory};
use crate::opcode::Opcode;

/// What is left of the memory for the objects of a stream.
///
/// A source that is priced counts all of them, opcode by opcode. Else only those are counted here that take more than
/// their opcodes are long, and of all others what they take at most is put by; where that is more than there is, the whole stream
/// is counted once.
///
/// ```
/// use brinery::Opcode;
/// use brinery::policy::{Limits, Memory};
///
/// let limits = Limits { memory: Some(100), ..Limits::default() };
/// assert!(Memory::new(b"\x80\x04].", &limits).pay_for(Opcode::EmptyList));
/// assert!(!Memory::new(b"\x80\x04(]]e.", &limits).pay_for(Opcode::EmptyList));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Memory<'i, 'l> {
    left: i64,
    input: &'i [u8],
    limits: &'l Limits,
}

impl<'i, 'l> Memory<'i, 'l> {
    /// For a stream that is counted elsewhere.
    pub fn counted(limits: &'l Limits) -> Self {
        Memory { left: i64::MAX, input: &[], limits }
    }

    /// For a stream whose source is not priced.
    pub fn new(input: &'i [u8], limits: &'l Limits) -> Self {
        let bare = BARE_RATE.saturating_mul(input.len() as u64);
        let left = limits.memory_for(input.len()).saturating_sub(bare);
        Memory { left: i64::try_from(left).unwrap_or(i64::MAX), input, limits }
    }

    /// Whether the source counts what the stream takes.
    pub fn is_counted_elsewhere(&self) -> bool {
        self.input.is_empty()
    }

    /// Takes what an opcode costs; whether there is so much.
    #[inline(always)]
    pub fn pay_for(&mut self, opcode: Opcode) -> bool {
        self.left -= i64::from(cost(opcode));
        self.left >= 0 || self.count()
    }

    #[cold]
    fn count(&mut self) -> bool {
        let fits = fits_memory(self.input, self.limits);
        if fits {
            self.left = i64::MAX;
        }
        fits
    }
}
