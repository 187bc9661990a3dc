//! `brinery version`

use crate::exit::{ExitCode, Failure};
use crate::output::Terminal;
use brinery::read::HIGHEST_PROTOCOL;

pub(crate) fn run(terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    writeln!(
        terminal.out(),
        "brinery {} (pickle protocols 0 to {HIGHEST_PROTOCOL})",
        env!("CARGO_PKG_VERSION")
    )?;
    Ok(ExitCode::Success)
}
