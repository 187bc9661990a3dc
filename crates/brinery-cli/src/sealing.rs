//! What the commands that seal and open have in common: keys, files, and what is said of a refusal.

use crate::args::{Opening, Sealing};
use crate::exit::{ExitCode, Failure, plain};
use crate::output::Terminal;
use crate::progress::Progress;
use brinery_seal::{Error, Key, KeyRing, Keys, Password, Reason, Timestamp, Unsealer};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// How long a password may be.
const MAX_PASSWORD: u64 = 4096;

/// The keys that a command line names.
pub(crate) enum Chosen {
    Ring(KeyRing),
    Password(Box<Key>),
}

impl Chosen {
    pub(crate) fn of(args: &Sealing) -> Result<Self, Failure> {
        if let Some(path) = &args.keys {
            return Ok(Chosen::Ring(KeyRing::load(path).map_err(|error| of_error(None, &error))?));
        }
        let Some(path) = &args.password_file else { return Err(Failure::new("there are no keys")) };
        let name = path.display().to_string();
        let password = password(path).map_err(|error| Failure::of(&name, plain(&error)))?;
        let password = Password::new(&password[..]).map_err(|error| Failure::of(&name, error))?;
        let id = "password".parse().map_err(|error| of_error(None, &error))?;
        Ok(Chosen::Password(Box::new(Key::new(id, password))))
    }

    pub(crate) fn keys(&self) -> Keys<'_> {
        match self {
            Chosen::Ring(ring) => ring.into(),
            Chosen::Password(key) => (&**key).into(),
        }
    }

    /// What a command line accepts.
    pub(crate) fn unsealer(&self, args: &Opening) -> Unsealer<'_> {
        let unsealer = Unsealer::new(self.keys(), &args.sealing.purpose).at(Timestamp::now());
        let unsealer = args.signatures.into_iter().fold(unsealer, Unsealer::required_signatures);
        args.policy.into_iter().fold(unsealer, Unsealer::policy)
    }
}

/// The first line of a file.
fn password(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_PASSWORD as usize));
    let limited = |reader: &mut dyn Read, text: &mut Vec<u8>| reader.take(MAX_PASSWORD).read_to_end(text);
    if path == Path::new("-") {
        limited(&mut io::stdin().lock(), &mut text)?;
    } else {
        limited(&mut File::open(path)?, &mut text)?;
    }
    let line = text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len());
    text.truncate(line);
    if text.last() == Some(&b'\r') {
        text.pop();
    }
    Ok(text)
}

/// A file that is read from its beginning to its end.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) reader: Box<dyn Read>,
    len: Option<u64>,
}

impl Source {
    pub(crate) fn open(file: &OsStr) -> Result<Self, Failure> {
        if file == "-" {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                return Err(Failure::new("no file is named, and the standard input is a terminal")
                    .hint("name a file, or pipe something in"));
            }
            return Ok(Source { name: "<stdin>".into(), reader: Box::new(stdin.lock()), len: None });
        }
        let name = file.to_string_lossy().into_owned();
        let fail = |error: io::Error| Failure::of(&name, plain(&error));
        let file = File::open(file).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if metadata.is_dir() {
            return Err(Failure::of(&name, "is a directory"));
        }
        let len = metadata.is_file().then_some(metadata.len());
        Ok(Source { reader: Box::new(io::BufReader::with_capacity(1 << 17, file)), name, len })
    }

    /// The progress of work on the file.
    pub(crate) fn progress(&self, what: &str) -> Progress {
        Progress::new(format!("{what} {}", self.name)).of(self.len)
    }
}

/// A failure of the crate as one of the program.
pub(crate) fn of_error(name: Option<&str>, error: &Error) -> Failure {
    let failure = match name {
        Some(name) => Failure::of(name, error),
        None => Failure::new(error.to_string()),
    };
    let hint = match error.reason() {
        Reason::UnknownKey => Some("`brinery keys RING` lists the keys of a ring"),
        Reason::NotSealed => Some("`brinery seal` seals a file"),
        _ => error.hint(),
    };
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Tells that a file is refused, or that something else failed.
pub(crate) fn refuse(name: &str, error: &Error, terminal: &mut Terminal<'_>) -> ExitCode {
    let code = terminal.fail(&of_error(Some(name), error));
    if error.reason().is_refusal() { ExitCode::Refused } else { code }
}
