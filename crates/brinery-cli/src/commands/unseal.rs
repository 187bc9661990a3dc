//! `brinery unseal`

use crate::args::Unseal;
use crate::exit::{ExitCode, Failure};
use crate::output::Terminal;
use crate::sealing::{Chosen, Source, refuse};
use crate::target::Target;

pub(crate) fn run(args: &Unseal, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    let chosen = Chosen::of(&args.opening.sealing)?;
    let mut source = Source::open(&args.file)?;
    let mut progress = source.progress("opening");
    let name = source.name.clone();
    let mut reader = match chosen.unsealer(&args.opening).reader(&mut source.reader) {
        Ok(reader) => reader,
        Err(error) => return Ok(refuse(&name, &error, terminal)),
    };
    let mut target = Target::open(args.output.as_deref(), terminal)?;
    let mut done = 0;
    let refusal = loop {
        match reader.next_chunk() {
            Ok(Some(chunk)) => {
                target.write(chunk, terminal)?;
                done += chunk.len() as u64;
                progress.at(done, terminal);
            }
            Ok(None) => break reader.expect_end().err(),
            Err(error) => break Some(error),
        }
    };
    progress.finish(terminal);
    if let Some(error) = refusal {
        terminal.flush()?;
        return Ok(refuse(&name, &error, terminal));
    }
    target.finish(terminal)?;
    Ok(ExitCode::Success)
}
