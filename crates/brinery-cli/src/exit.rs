//! How the program ends.

use std::{fmt, io};

/// What the program answers to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// All is well; for `diff`, the objects are the same.
    Success,
    /// `diff`: the objects differ. `scan`: something was found.
    Different,
    /// `unseal`, `verify`: a file is refused.
    Refused,
    /// A wrong command line, an unreadable file, or a damaged pickle.
    Error,
}

impl ExitCode {
    /// The number that a process ends with.
    pub fn code(self) -> u8 {
        match self {
            ExitCode::Success => 0,
            ExitCode::Different | ExitCode::Refused => 1,
            ExitCode::Error => 2,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        code.code().into()
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Its output could not be written.
    Output(io::Error),
    /// Anything else: one line, and perhaps a line of advice.
    Message {
        /// What is wrong, with the name of the file.
        text: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl Failure {
    /// A failure over one file or other named thing.
    pub(crate) fn of(name: &str, problem: impl fmt::Display) -> Self {
        Failure::Message { text: format!("{name}: {problem}"), hint: None }
    }

    pub(crate) fn new(text: impl Into<String>) -> Self {
        Failure::Message { text: text.into(), hint: None }
    }

    /// The same with a line of advice.
    pub(crate) fn hint(mut self, advice: impl Into<String>) -> Self {
        if let Failure::Message { hint, .. } = &mut self {
            *hint = Some(advice.into());
        }
        self
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Output(error) => write!(f, "cannot write the output: {}", plain(error)),
            Failure::Message { text, .. } => f.write_str(text),
        }
    }
}

/// The text of an I/O error without the number that the system gives it.
pub(crate) fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::IsADirectory => "is a directory".into(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}
