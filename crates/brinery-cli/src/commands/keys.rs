//! `brinery keys`

use crate::args::Keys;
use crate::exit::{ExitCode, Failure};
use crate::format;
use crate::output::Terminal;
use crate::sealing::of_error;
use brinery_seal::{Key, KeyRing, Purpose, Result, State, Timestamp};
use std::fmt::Write as _;

pub(crate) fn run(args: &Keys, terminal: &mut Terminal<'_>) -> std::result::Result<ExitCode, Failure> {
    let failed = |error: brinery_seal::Error| of_error(None, &error);
    match change(args).map_err(failed)? {
        Some(text) => terminal.note(&format!("{}: {text}", args.ring.display())),
        None => list(&KeyRing::load(&args.ring).map_err(failed)?, terminal)?,
    }
    Ok(ExitCode::Success)
}

/// Does what is asked for. Returns what was done.
fn change(args: &Keys) -> Result<Option<String>> {
    let path = &args.ring;
    let text = if let Some(id) = &args.revoke {
        KeyRing::update(path, |ring| ring.set_state(id, State::Revoked))?;
        format!("the key '{id}' is revoked")
    } else if let Some(id) = &args.retire {
        let until = args.until.after(Timestamp::now());
        KeyRing::update(path, |ring| ring.set_state(id, State::AcceptUntil(until)))?;
        format!("the key '{id}' is accepted until {until}")
    } else if let Some(other) = &args.add {
        let other = KeyRing::load(other)?;
        KeyRing::update(path, |ring| other.keys().iter().try_for_each(|key| ring.add(key.clone())))?;
        format!("{} added", format::plural(other.keys().len() as u64, "key"))
    } else if let Some(count) = args.require {
        KeyRing::update(path, |ring| ring.require_signatures(count))?;
        format!("{} wanted", format::plural(count.into(), "signature"))
    } else if let Some(public) = &args.public {
        let ring = KeyRing::load(path)?.public();
        ring.create(public)?;
        let count = format::plural(ring.keys().len() as u64, "public key");
        format!("{count} written to {}", public.display())
    } else {
        return Ok(None);
    };
    Ok(Some(text))
}

fn list(ring: &KeyRing, terminal: &mut Terminal<'_>) -> std::io::Result<()> {
    let rows: Vec<[String; 5]> = ring.keys().iter().map(row).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 4] = std::array::from_fn(width);
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        line.push_str(&row[4]);
        writeln!(terminal.out(), "{}", line.trim_end())?;
    }
    if ring.required_signatures() > 1 {
        writeln!(terminal.out(), "{} signatures are wanted", ring.required_signatures())?;
    }
    Ok(())
}

/// Name, algorithm, kind, state and purposes of a key.
fn row(key: &Key) -> [String; 5] {
    let kind = if key.has_secret() { "secret" } else { "public" };
    let purposes: Vec<_> = key.purposes().iter().map(Purpose::as_str).collect();
    let purposes = if purposes.is_empty() { "any purpose".into() } else { purposes.join(", ") };
    [key.id().to_string(), key.algorithm().to_string(), kind.into(), key.state().to_string(), purposes]
}
