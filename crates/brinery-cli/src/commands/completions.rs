//! `brinery completions`

use crate::args::{self, Completions};
use crate::exit::{ExitCode, Failure};
use crate::output::Terminal;

pub(crate) fn run(args: &Completions, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "brinery", &mut script);
    terminal.out().write_all(&script)?;
    Ok(ExitCode::Success)
}
