//! `brinery verify`

use crate::args::Verify;
use crate::exit::{ExitCode, Failure};
use crate::format;
use crate::output::Terminal;
use crate::sealing::{Chosen, Source, refuse};
use brinery_seal::{Header, KeyId, Unsealer};
use std::ffi::OsStr;
use std::fmt::Write as _;

pub(crate) fn run(args: &Verify, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    let chosen = Chosen::of(&args.opening.sealing)?;
    let unsealer = chosen.unsealer(&args.opening);
    let mut code = ExitCode::Success;
    for file in &args.files {
        // A file that cannot be read weighs more than one that is refused.
        match verify(file, &unsealer, terminal) {
            Ok(ExitCode::Success) => {}
            Ok(ExitCode::Error) => code = ExitCode::Error,
            Ok(refused) if code == ExitCode::Success => code = refused,
            Ok(_) => {}
            Err(Failure::Output(error)) => return Err(Failure::Output(error)),
            Err(failure) => code = terminal.fail(&failure),
        }
    }
    Ok(code)
}

fn verify(file: &OsStr, unsealer: &Unsealer<'_>, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    let mut source = Source::open(file)?;
    let mut progress = source.progress("verifying");
    let name = source.name.clone();
    let verified = (|| {
        let mut reader = unsealer.reader(&mut source.reader)?;
        let mut len = 0;
        while let Some(chunk) = reader.next_chunk()? {
            len += chunk.len() as u64;
            progress.at(len, terminal);
        }
        reader.expect_end()?;
        Ok((summary(reader.header(), reader.signers()), len))
    })();
    progress.finish(terminal);
    match verified {
        Ok((summary, len)) => {
            writeln!(terminal.out(), "{name}: {summary}; {}", format::plural(len, "byte"))?;
            Ok(ExitCode::Success)
        }
        Err(error) => Ok(refuse(&name, &error, terminal)),
    }
}

fn summary(header: &Header, signers: &[KeyId]) -> String {
    let verb = if header.algorithm().is_encryption() { "encrypted" } else { "sealed" };
    let signers: Vec<_> = signers.iter().map(KeyId::as_str).collect();
    let mut text = format!(
        "{verb} for '{}' by {} ({}) at {}",
        header.purpose(),
        signers.join(", "),
        header.algorithm(),
        header.created()
    );
    if let Some(expires) = header.expires() {
        let _ = write!(text, ", until {expires}");
    }
    if let Some(policy) = header.policy() {
        text.push_str(", policy ");
        for byte in &policy[..8] {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('…');
    }
    text
}
