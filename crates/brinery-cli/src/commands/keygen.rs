//! `brinery keygen`

use crate::args::Keygen;
use crate::exit::{ExitCode, Failure};
use crate::output::Terminal;
use crate::sealing::of_error;
use brinery_seal::{Key, KeyId, KeyRing, Result, Timestamp};

pub(crate) fn run(args: &Keygen, terminal: &mut Terminal<'_>) -> std::result::Result<ExitCode, Failure> {
    let now = Timestamp::now();
    let id = make(args, now).map_err(|error| of_error(None, &error))?;
    writeln!(terminal.out(), "{id}")?;
    let ring = args.ring.display();
    match &args.rotate {
        Some(old) => {
            let until = args.accept_until.after(now);
            terminal.note(&format!(
                "{ring}: the key '{id}' seals from now on; '{old}' is accepted until {until}"
            ));
        }
        None => terminal.note(&format!("{ring}: made the key '{id}' for {}", args.algorithm)),
    }
    Ok(ExitCode::Success)
}

fn make(args: &Keygen, now: Timestamp) -> Result<KeyId> {
    let id = match &args.id {
        Some(id) => id.clone(),
        None => KeyId::random()?,
    };
    let path = &args.ring;
    if let Some(old) = &args.rotate {
        KeyRing::update(path, |ring| {
            ring.rotate(old, id.clone(), now, args.accept_until.after(now)).map(|_| ())
        })?;
        return Ok(id);
    }
    let key = Key::generate(args.algorithm, id.clone())?.created_at(now);
    let key = args.purpose.iter().cloned().fold(key, Key::for_purpose);
    if path.exists() {
        KeyRing::update(path, |ring| ring.add(key))?;
    } else {
        let mut ring = KeyRing::new();
        ring.add(key)?;
        ring.create(path)?;
    }
    Ok(id)
}
