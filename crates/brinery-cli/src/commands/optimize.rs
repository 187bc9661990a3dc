//! `brinery optimize`

use crate::args::Optimize;
use crate::exit::{ExitCode, Failure, plain};
use crate::format;
use crate::input::Input;
use crate::output::Terminal;
use crate::target::Target;
use brinery::inspect::{Limits, optimize};
use brinery::read::Decoder;
use std::fs;
use std::path::PathBuf;

/// How many digits an integer in text may have; reading them takes quadratic time.
const LIMITS: Limits = Limits { int_digits: 200_000 };

pub(crate) fn run(args: &Optimize, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    let input = Input::open(&args.file, &args.reading, terminal)?;
    let mut result = Vec::new();
    for pickle in input.pickles(&args.reading)? {
        if let Some(failure) = input.trailing(&pickle) {
            return Err(failure);
        }
        let optimized = optimize(pickle.bytes, LIMITS).map_err(|error| {
            // Where the opcodes themselves break off, the place is worth more than the words of pickletools.
            match Decoder::with_base(pickle.bytes, pickle.base).find_map(Result::err) {
                Some(error) => Failure::of(&input.name, error),
                None => Failure::of(&input.name, format!("{error}, in the pickle at offset {}", pickle.base)),
            }
        })?;
        result.extend_from_slice(&optimized);
    }
    if args.in_place {
        Target::replace(&place(args, &input)?, &result)?;
    } else if let Some(path) = &args.output {
        Target::replace(path, &result)?;
    } else if terminal.out_is_terminal() {
        return Err(Failure::new("the result is binary and the standard output is a terminal")
            .hint("name a file with --output, or redirect the output"));
    } else {
        terminal.out().write_all(&result)?;
        terminal.flush()?;
    }
    let (before, after) = (input.data.len() as u64, result.len() as u64);
    terminal.note(&format!(
        "{}: {} -> {}",
        input.name,
        format::plural(before, "byte"),
        format::plural(after, "byte")
    ));
    Ok(ExitCode::Success)
}

/// The file that may be replaced.
fn place(args: &Optimize, input: &Input) -> Result<PathBuf, Failure> {
    if args.file == "-" {
        return Err(Failure::new("the standard input cannot be replaced"));
    }
    if let Some(wrapper) = input.wrappers.first() {
        let problem = format!("is wrapped in {} and cannot be replaced", wrapper.name());
        return Err(Failure::of(&input.name, problem).hint("use --output"));
    }
    if args.reading.index.is_some() {
        return Err(
            Failure::of(&input.name, "a part of the file cannot replace the whole").hint("use --output")
        );
    }
    // A link stays a link: what it points to is replaced.
    fs::canonicalize(&args.file).map_err(|error| Failure::of(&input.name, plain(&error)))
}
