//! `brinery man`

use crate::args::{self, Man};
use crate::exit::{ExitCode, Failure};
use crate::output::Terminal;

pub(crate) fn run(args: &Man, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    let mut program = args::command();
    program.build();
    let page = match &args.command {
        None => program,
        Some(name) => match program.find_subcommand(name) {
            Some(command) => {
                let full: &'static str = format!("brinery-{name}").leak();
                command.clone().name(full)
            }
            None => return Err(Failure::new(format!("there is no command '{name}'"))),
        },
    };
    clap_mangen::Man::new(page).render(terminal.out())?;
    Ok(ExitCode::Success)
}
