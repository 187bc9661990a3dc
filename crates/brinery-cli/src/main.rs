//! The `brinery` program: a thin shell around the library.

use brinery_cli::Stream;

fn main() -> std::process::ExitCode {
    brinery_cli::run(std::env::args_os(), Stream::stdout(), Stream::stderr()).into()
}
