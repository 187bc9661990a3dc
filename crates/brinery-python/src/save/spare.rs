//! What dumps use in turn, so that a small one allocates nothing but its result.

use super::memo::Memo;
use super::output::SpareOutput;
use super::task::Task;
use std::cell::Cell;

/// How many tasks the stack that is kept has room for.
const MOST_TASKS: usize = 1024;

/// Memory that dumps take when they begin and give back when they end.
#[derive(Default)]
pub(crate) struct Spare {
    pub(super) output: SpareOutput,
    pub(super) tasks: Cell<Vec<Task>>,
    memo: Cell<Memo>,
}

impl Spare {
    /// A memo with nothing in it.
    pub(super) fn memo(&self) -> Memo {
        self.memo.take()
    }

    /// Keeps a memo that nobody will ask any more.
    pub(super) fn give_back_memo(&self, mut memo: Memo) {
        memo.forget();
        self.memo.set(memo);
    }

    pub(super) fn give_back_tasks(&self, mut tasks: Vec<Task>) {
        tasks.clear();
        if tasks.capacity() <= MOST_TASKS {
            self.tasks.set(tasks);
        }
    }
}
