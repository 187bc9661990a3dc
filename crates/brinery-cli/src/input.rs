//! Reading files: from disk or the standard input, out of their wrappers, one pickle after the other.

use crate::args::{Inputs, Reading};
use crate::exit::{Failure, plain};
use crate::format;
use crate::output::Terminal;
use crate::progress::Progress;
use crate::unpack::{Archive, Wrapper};
use brinery::Opcode;
use brinery::read::{DecodeErrorKind, Decoder};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

/// How many wrappers there may be around one another.
const LAYERS: usize = 4;
const CHUNK: usize = 1 << 20;

/// A file's content, out of its wrappers.
pub(crate) struct Input {
    /// The file's name as the user wrote it, with the member of an archive.
    pub(crate) name: String,
    pub(crate) data: Vec<u8>,
    /// What was around it, outermost first.
    pub(crate) wrappers: Vec<Wrapper>,
}

/// One pickle of a file.
#[derive(Clone, Copy)]
pub(crate) struct Pickle<'a> {
    /// Its number in the file, from zero.
    pub(crate) number: usize,
    /// Its offset in the file.
    pub(crate) base: u64,
    /// Its bytes; of one that has no end, all that follow.
    pub(crate) bytes: &'a [u8],
}

impl Input {
    /// Reads a file.
    pub(crate) fn open(
        file: &OsStr,
        reading: &Reading,
        terminal: &mut Terminal<'_>,
    ) -> Result<Self, Failure> {
        let mut name = file.to_string_lossy().into_owned();
        let mut member = reading.member.clone();
        let mut path = Path::new(file);
        if member.is_none()
            && !path.exists()
            && let Some((archive, inside)) = file.to_str().and_then(|file| file.split_once("::"))
        {
            (path, member, name) = (Path::new(archive), Some(inside.to_owned()), archive.to_owned());
        }
        let mut input =
            if path == Path::new("-") { Self::stdin(terminal)? } else { Self::file(path, name, terminal)? };
        input.unpack(member, reading.max_unpacked, terminal)?;
        Ok(input)
    }

    fn stdin(terminal: &mut Terminal<'_>) -> Result<Self, Failure> {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err(Failure::new("no file is named, and the standard input is a terminal")
                .hint("name a file, or pipe a pickle in"));
        }
        Self::read("<stdin>".into(), &mut stdin.lock(), 0, terminal)
    }

    fn file(path: &Path, name: String, terminal: &mut Terminal<'_>) -> Result<Self, Failure> {
        let fail = |error: io::Error| Failure::of(&name, plain(&error));
        let mut file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if metadata.is_dir() {
            return Err(Failure::of(&name, "is a directory"));
        }
        Self::read(name, &mut file, metadata.len() as usize, terminal)
    }

    fn read(
        name: String,
        from: &mut dyn Read,
        len: usize,
        terminal: &mut Terminal<'_>,
    ) -> Result<Self, Failure> {
        let data = read_all(from, u64::MAX, len, &format!("reading {name}"), terminal)
            .map_err(|error| Failure::of(&name, error))?;
        if data.is_empty() {
            return Err(Failure::of(&name, "the file is empty"));
        }
        Ok(Input { name, data, wrappers: Vec::new() })
    }

    /// Takes off the wrappers.
    fn unpack(
        &mut self,
        mut member: Option<String>,
        limit: u64,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), Failure> {
        for _ in 0..LAYERS {
            let Some(wrapper) = Wrapper::of(&self.data) else { break };
            let inside = match wrapper {
                Wrapper::Zip => {
                    let mut archive =
                        Archive::open(&self.data).map_err(|error| self.damaged(wrapper, &error))?;
                    let name = match member.take() {
                        Some(name) => name,
                        None => only_pickle(&self.name, &archive.members())?,
                    };
                    let inside = format!("{}::{name}", self.name);
                    let data = match archive.member(&name) {
                        Ok(mut reader) => {
                            read_all(&mut *reader, limit, 0, &format!("unpacking {inside}"), terminal)
                        }
                        Err(error) => Err(error),
                    };
                    self.name = inside;
                    data.map_err(|error| Failure::of(&self.name, error))
                }
                _ => {
                    let what = format!("unpacking {}", self.name);
                    let mut reader = wrapper.reader(&self.data);
                    read_all(&mut *reader, limit, 0, &what, terminal)
                        .map_err(|error| self.damaged(wrapper, &error))
                }
            };
            self.data = inside?;
            self.wrappers.push(wrapper);
            if self.data.is_empty() {
                return Err(Failure::of(
                    &self.name,
                    format!("there is nothing inside the {}", wrapper.name()),
                ));
            }
        }
        match member {
            Some(_) => Err(Failure::of(&self.name, "is no zip archive, so that it has no members")),
            None => Ok(()),
        }
    }

    fn damaged(&self, wrapper: Wrapper, error: &str) -> Failure {
        Failure::of(&self.name, format!("cannot unpack the {}: {error}", wrapper.name()))
    }

    /// The pickles in the file, or the one that `reading` asks for.
    pub(crate) fn pickles(&self, reading: &Reading) -> Result<Vec<Pickle<'_>>, Failure> {
        if let Some(&byte) = self.data.first()
            && Opcode::from_byte(byte).is_none()
        {
            let shown =
                if byte.is_ascii_graphic() { format!(" ('{}')", byte as char) } else { String::new() };
            let failure =
                Failure::of(&self.name, format!("not a pickle: it starts with byte 0x{byte:02x}{shown}"));
            return Err(if self.data.starts_with(&brinery_seal::MAGIC) {
                failure.hint("it is sealed: `brinery unseal` verifies it and gives out what is in it")
            } else {
                failure
            });
        }
        let mut pickles = Vec::new();
        let mut base = 0;
        while base < self.data.len() {
            let mut decoder = Decoder::new(&self.data[base..]);
            let ended = decoder.by_ref().last().is_some_and(|last| last.is_ok());
            let end = if ended { self.data.len() - decoder.rest().len() } else { self.data.len() };
            pickles.push(Pickle { number: pickles.len(), base: base as u64, bytes: &self.data[base..end] });
            base = end;
        }
        let Some(index) = reading.index else { return Ok(pickles) };
        let count = pickles.len();
        match pickles.into_iter().nth(index) {
            Some(pickle) => Ok(vec![pickle]),
            None => {
                let have = format!(
                    "there is no pickle {index}: the file has {}",
                    format::plural(count as u64, "pickle")
                );
                Err(Failure::of(&self.name, have))
            }
        }
    }

    /// What is wrong where a pickle after the first is none at all.
    pub(crate) fn trailing(&self, pickle: &Pickle<'_>) -> Option<Failure> {
        let no_pickle = pickle.number > 0
            && matches!(
                Decoder::new(pickle.bytes).next(),
                Some(Err(error)) if matches!(error.kind, DecodeErrorKind::InvalidOpcode(_))
            );
        no_pickle.then(|| {
            let len = format::plural(pickle.bytes.len() as u64, "byte");
            let offset = pickle.base;
            Failure::of(
                &self.name,
                format!("the {len} after the last pickle, from offset {offset}, are no pickle"),
            )
        })
    }
}

/// Calls `visit` for each file; a file that cannot be read does not keep the others from being read.
pub(crate) fn each(
    inputs: &Inputs,
    terminal: &mut Terminal<'_>,
    mut visit: impl FnMut(&Input, &mut Terminal<'_>) -> Result<(), Failure>,
) -> Result<crate::ExitCode, Failure> {
    let mut code = crate::ExitCode::Success;
    for (position, file) in inputs.files.iter().enumerate() {
        let result = Input::open(file, &inputs.reading, terminal).and_then(|input| {
            if inputs.files.len() > 1 {
                let gap = if position > 0 { "\n" } else { "" };
                writeln!(terminal.out(), "{gap}==> {} <==", input.name)?;
            }
            visit(&input, terminal)
        });
        match result {
            Ok(()) => {}
            Err(Failure::Output(error)) => return Err(Failure::Output(error)),
            Err(failure) => code = terminal.fail(&failure),
        }
    }
    Ok(code)
}

/// Reads to the end, but no more than `limit` bytes.
fn read_all(
    from: &mut dyn Read,
    limit: u64,
    expected: usize,
    what: &str,
    terminal: &mut Terminal<'_>,
) -> Result<Vec<u8>, String> {
    let mut progress = Progress::new(what);
    let mut data = Vec::new();
    data.try_reserve(expected).map_err(|_| "the file is larger than the memory".to_owned())?;
    let outcome = loop {
        let allowed = (CHUNK as u64).min((limit - data.len() as u64).saturating_add(1));
        match from.take(allowed).read_to_end(&mut data) {
            Ok(0) => break Ok(()),
            Ok(_) if data.len() as u64 > limit => {
                break Err(format!(
                    "unpacks to more than {}; --max-unpacked sets the limit",
                    format::bytes(limit)
                ));
            }
            Ok(_) => progress.at(data.len() as u64, terminal),
            Err(error) => break Err(plain(&error)),
        }
    };
    progress.finish(terminal);
    outcome.map(|()| data)
}

/// The one member of an archive that is meant if none is named.
fn only_pickle(archive: &str, members: &[String]) -> Result<String, Failure> {
    let is_pickle = |name: &&String| {
        let extension = Path::new(name).extension().and_then(OsStr::to_str).unwrap_or_default();
        matches!(extension, "pkl" | "pickle" | "p")
    };
    let pickles: Vec<_> = members.iter().filter(is_pickle).collect();
    match (&pickles[..], members) {
        ([one], _) => Ok((*one).clone()),
        (_, [one]) => Ok(one.clone()),
        (_, []) => Err(Failure::of(archive, "the zip archive is empty")),
        _ => {
            let shown: Vec<_> = members.iter().take(8).map(String::as_str).collect();
            let more = if members.len() > shown.len() { ", …" } else { "" };
            Err(Failure::of(archive, format!("the zip archive has {} members", members.len()))
                .hint(format!("choose one with {archive}::NAME: {}{more}", shown.join(", "))))
        }
    }
}
