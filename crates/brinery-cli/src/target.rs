//! Where results go: the standard output, or a file that is there only when it is whole.

use crate::exit::{Failure, plain};
use crate::output::Terminal;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A place for a result.
pub(crate) enum Target {
    Stdout,
    File(Pending),
}

/// A file that is being written under another name.
pub(crate) struct Pending {
    path: PathBuf,
    /// Where it is until it is whole; none for what is no ordinary file.
    beside: Option<PathBuf>,
    file: File,
}

impl Target {
    /// The file of this name, or the standard output, which binary data do not suit if it is a terminal.
    pub(crate) fn open(path: Option<&Path>, terminal: &Terminal<'_>) -> Result<Self, Failure> {
        match path {
            Some(path) => Self::file(path),
            None if terminal.out_is_terminal() => {
                Err(Failure::new("the result is binary and the standard output is a terminal")
                    .hint("name a file with --output, or redirect the output"))
            }
            None => Ok(Target::Stdout),
        }
    }

    fn file(path: &Path) -> Result<Self, Failure> {
        let fail = |error: io::Error| failure(path, &error);
        if path.is_dir() {
            return Err(fail(io::ErrorKind::IsADirectory.into()));
        }
        if !path.is_file() && path.exists() {
            let file = OpenOptions::new().write(true).open(path).map_err(fail)?;
            return Ok(Target::File(Pending { path: path.to_owned(), beside: None, file }));
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let beside = path.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&beside).map_err(fail)?;
        Ok(Target::File(Pending { path: path.to_owned(), beside: Some(beside), file }))
    }

    /// Writes a file anew, so that at any moment either the old or the new content is there.
    pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
        match Self::file(path)? {
            Target::File(mut pending) => {
                pending.file.write_all(content).map_err(|error| failure(path, &error))?;
                pending.finish()
            }
            Target::Stdout => Ok(()),
        }
    }

    pub(crate) fn write(&mut self, data: &[u8], terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        match self {
            Target::Stdout => Ok(terminal.out().write_all(data)?),
            Target::File(pending) => {
                pending.file.write_all(data).map_err(|error| failure(&pending.path, &error))
            }
        }
    }

    /// The result is whole.
    pub(crate) fn finish(self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        match self {
            Target::Stdout => Ok(terminal.flush()?),
            Target::File(pending) => pending.finish(),
        }
    }
}

impl Pending {
    fn finish(mut self) -> Result<(), Failure> {
        let Some(beside) = &self.beside else { return Ok(()) };
        let done = match fs::metadata(&self.path) {
            Ok(old) => fs::set_permissions(beside, old.permissions()),
            Err(_) => Ok(()),
        };
        done.and_then(|()| fs::rename(beside, &self.path)).map_err(|error| failure(&self.path, &error))?;
        self.beside = None;
        Ok(())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            let _ = fs::remove_file(beside);
        }
    }
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure::of(&path.display().to_string(), plain(error))
}
