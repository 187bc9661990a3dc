//! What the objects of a load take of memory.

use brinery::Opcode;
use brinery::policy::{BARE_RATE, Limits, cost, fits_memory};

/// What is left of the memory for the objects of a stream.
///
/// A source that is priced counts all of them, opcode by opcode. Else only those are counted here that take more than
/// their opcodes are long, and of all others what they take at most is put by; where that is more than there is, the whole stream
/// is counted once.
#[derive(Clone, Copy)]
pub(super) struct Memory<'a> {
    left: i64,
    input: &'a [u8],
    limits: &'a Limits,
}

impl<'a> Memory<'a> {
    /// For a stream that is counted elsewhere.
    pub(super) fn counted(limits: &'a Limits) -> Self {
        Memory { left: i64::MAX, input: &[], limits }
    }

    /// For a stream whose source is not priced.
    pub(super) fn new(input: &'a [u8], limits: &'a Limits) -> Self {
        let bare = BARE_RATE.saturating_mul(input.len() as u64);
        let left = limits.memory_for(input.len()).saturating_sub(bare);
        Memory { left: i64::try_from(left).unwrap_or(i64::MAX), input, limits }
    }

    /// Whether the source counts what the stream takes.
    pub(super) fn is_counted_elsewhere(&self) -> bool {
        self.input.is_empty()
    }

    /// Takes what an opcode costs; whether there is so much.
    #[inline(always)]
    pub(super) fn pay_for(&mut self, opcode: Opcode) -> bool {
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
