//! The brinery command line as a library: one program behind `brinery` and `python -m brinery`.
//!
//! ```
//! use brinery_cli::{ExitCode, Stream, run};
//!
//! let (mut out, mut err) = (Vec::new(), Vec::new());
//! let code = run(["brinery", "show", "no-such-file.pkl"], Stream::new(&mut out), Stream::new(&mut err));
//! assert_eq!(code, ExitCode::Error);
//! assert_eq!(err, b"error: no-such-file.pkl: no such file\n");
//! ```
#![forbid(unsafe_code)]

mod args;
mod commands;
mod exit;
mod format;
mod input;
mod json;
mod output;
mod progress;
mod sealing;
mod style;
mod table;
mod target;
mod unpack;

pub use args::command;
pub use exit::ExitCode;
pub use output::Stream;

use args::{Cli, Subcommand};
use clap::{CommandFactory, FromArgMatches};
use exit::Failure;
use output::Terminal;
use std::ffi::OsString;

/// Runs the program: `args` start with its name.
///
/// Data goes to `out` and everything else to `err`. Nothing that a pickle names is ever imported or called.
pub fn run<I, T>(args: I, out: Stream<'_>, err: Stream<'_>) -> ExitCode
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let color = args::color_before_parsing(&args);
    let mut terminal = Terminal::new(out, err, color);
    let width = terminal.width();
    let parsed = command().term_width(width.min(120)).try_get_matches_from(args);
    let cli = match parsed
        .and_then(|matches| Cli::from_arg_matches(&matches).map_err(|e| e.format(&mut Cli::command())))
    {
        Ok(cli) => cli,
        Err(error) => return terminal.usage(&error),
    };
    terminal.set_quiet(cli.output.quiet);
    let result = match &cli.command {
        Subcommand::Dis(args) => commands::dis::run(args, &mut terminal),
        Subcommand::Show(args) => commands::show::run(args, &mut terminal),
        Subcommand::Json(args) => commands::json::run(args, &mut terminal),
        Subcommand::Stat(args) => commands::stat::run(args, &mut terminal),
        Subcommand::Diff(args) => commands::diff::run(args, &mut terminal),
        Subcommand::Optimize(args) => commands::optimize::run(args, &mut terminal),
        Subcommand::Scan(args) => commands::scan::run(args, &mut terminal),
        Subcommand::Seal(args) => commands::seal::run(args, &mut terminal),
        Subcommand::Unseal(args) => commands::unseal::run(args, &mut terminal),
        Subcommand::Verify(args) => commands::verify::run(args, &mut terminal),
        Subcommand::Keygen(args) => commands::keygen::run(args, &mut terminal),
        Subcommand::Keys(args) => commands::keys::run(args, &mut terminal),
        Subcommand::Completions(args) => commands::completions::run(args, &mut terminal),
        Subcommand::Man(args) => commands::man::run(args, &mut terminal),
        Subcommand::Version => commands::version::run(&mut terminal),
    };
    let result = result.and_then(|code| terminal.flush().map(|()| code).map_err(Failure::from));
    match result {
        Ok(code) => code,
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::Success,
        Err(failure) => {
            // What was written before the failure comes before its message.
            let _ = terminal.flush();
            terminal.fail(&failure)
        }
    }
}
