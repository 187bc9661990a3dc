//! `brinery seal`

use crate::args::{Seal, When};
use crate::exit::{ExitCode, Failure, plain};
use crate::format;
use crate::output::Terminal;
use crate::sealing::{Chosen, Source, of_error};
use crate::target::Target;
use brinery_seal::{Key, KeyRing, Sealer, Timestamp};
use std::io::{self, Read, Write};
use zeroize::Zeroizing;

const PIECE: usize = 1 << 18;

pub(crate) fn run(args: &Seal, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    let chosen = Chosen::of(&args.sealing)?;
    let sealer = match &chosen {
        Chosen::Ring(ring) => with_keys(args, ring).map_err(|error| of_error(None, &error))?,
        Chosen::Password(key) => Sealer::new(key, &args.sealing.purpose),
    };
    let now = Timestamp::now();
    let expires = args.expires.map(|when: When| when.after(now));
    let sealer = expires.into_iter().fold(sealer.at(now), Sealer::expires);
    let sealer = args.policy.into_iter().fold(sealer, Sealer::policy);

    let mut source = Source::open(&args.file)?;
    let fail = |error: &brinery_seal::Error| of_error(None, error);
    let mut writer = sealer.writer(Vec::with_capacity(2 * PIECE)).map_err(|error| fail(&error))?;
    let mut target = Target::open(args.output.as_deref(), terminal)?;
    let mut progress = source.progress("sealing");
    let mut piece = Zeroizing::new(vec![0; PIECE]);
    let mut done = 0;
    loop {
        let count = match source.reader.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::of(&source.name, plain(&error))),
        };
        writer.write_all(&piece[..count]).map_err(|error| Failure::of(&source.name, plain(&error)))?;
        target.write(writer.get_ref(), terminal)?;
        writer.get_mut().clear();
        done += count as u64;
        progress.at(done, terminal);
    }
    let rest = writer.finish().map_err(|error| fail(&error))?;
    target.write(&rest, terminal)?;
    progress.finish(terminal);
    target.finish(terminal)?;
    terminal.note(&format!("{}: {} sealed", source.name, format::plural(done, "byte")));
    Ok(ExitCode::Success)
}

/// Seals with the keys that are named, or with the one that the ring chooses.
fn with_keys<'k>(args: &Seal, ring: &'k KeyRing) -> brinery_seal::Result<Sealer<'k>> {
    let purpose = &args.sealing.purpose;
    let mut keys = args.key.iter().map(|id| ring.find(id));
    let Some(first) = keys.next() else { return Sealer::from_ring(ring, purpose) };
    keys.try_fold(Sealer::new(first?, purpose), |sealer, key: brinery_seal::Result<&Key>| {
        Ok(sealer.and_by(key?))
    })
}
