//! Key rings on disk: readable by their owner only, and whole at any moment.

use super::KeyRing;
use crate::error::{Error, Reason, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// How large a key ring's file may be.
const MAX_FILE: u64 = 1 << 20;

impl KeyRing {
    /// Reads a key ring's file.
    ///
    /// A file with secret keys must be readable by its owner only, and any key ring must be writable by its owner only.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display();
        let file = File::open(path).map_err(|error| Error::io(name.to_string(), error))?;
        Self::read(&file, path)
    }

    /// Writes the ring to a new file, which is readable by its owner only if there are secrets in it.
    pub fn create(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = self.to_text()?;
        let fail = |error: io::Error| Error::io(path.display(), error);
        let file = new_file(path, self.mode()).map_err(fail)?;
        write(file, &text).and_then(|()| sync_folder(path)).map_err(|error| {
            let _ = fs::remove_file(path);
            fail(error)
        })
    }

    /// Changes the ring in a file: reads it, lets `change` change it, and puts the new file in the place of the old one in a
    /// single step. Other programs that do the same wait for their turn. Comments are not kept.
    pub fn update<T>(path: impl AsRef<Path>, change: impl FnOnce(&mut KeyRing) -> Result<T>) -> Result<T> {
        // A link stays a link: what it points to is replaced.
        let path = path.as_ref();
        let fail = |error: io::Error| Error::io(path.display(), error);
        let place = fs::canonicalize(path).map_err(fail)?;
        let file = lock(&place).map_err(fail)?;
        let mut ring = Self::read(&file, path)?;
        let result = change(&mut ring)?;
        ring.replace(&place).map_err(|error| error.about(path.display()))?;
        drop(file);
        Ok(result)
    }

    fn read(file: &File, path: &Path) -> Result<Self> {
        let name = path.display();
        let fail = |error: io::Error| Error::io(name.to_string(), error);
        let metadata = file.metadata().map_err(fail)?;
        if metadata.is_dir() {
            return Err(fail(io::ErrorKind::IsADirectory.into()));
        }
        if metadata.len() > MAX_FILE {
            return Err(Error::new(Reason::BadKeyRing, format!("{name}: too large for a key ring")));
        }
        let mut text = Zeroizing::new(String::with_capacity(metadata.len() as usize + 1));
        file.take(MAX_FILE).read_to_string(&mut text).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => {
                Error::new(Reason::BadKeyRing, format!("{name}: not a key ring: it is no text"))
            }
            _ => fail(error),
        })?;
        let ring = Self::parse(&text).map_err(|error| error.about(name))?;
        check_permissions(&metadata, ring.has_secrets(), path)?;
        Ok(ring)
    }

    fn replace(&self, path: &Path) -> Result<()> {
        let text = self.to_text()?;
        let beside = beside(path)?;
        let fail = |error: io::Error| Error::io("cannot be replaced", error);
        let file = new_file(&beside, self.mode()).map_err(fail)?;
        write(file, &text).and_then(|()| fs::rename(&beside, path)).map_err(|error| {
            let _ = fs::remove_file(&beside);
            fail(error)
        })?;
        sync_folder(path).map_err(fail)
    }

    /// The permissions of a new file.
    fn mode(&self) -> u32 {
        if self.has_secrets() { 0o600 } else { 0o644 }
    }
}

/// A new name in the folder of a file.
fn beside(path: &Path) -> Result<PathBuf> {
    let mut random = [0; 8];
    crate::random(&mut random)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", crate::hex::encode(&random)));
    Ok(path.with_file_name(name))
}

/// A file that was not there before.
fn new_file(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)
}

fn write(mut file: File, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Makes a new name in a folder survive a crash.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Opens and locks a file that others may be replacing.
fn lock(path: &Path) -> io::Result<File> {
    loop {
        let file = File::open(path)?;
        match file.lock() {
            // A file system without locks has one writer at a time only if its users see to it.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(file),
            other => other?,
        }
        if is_at(&file, path)? {
            return Ok(file);
        }
    }
}

/// Whether the file is still the one of this name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (ours, there) = (file.metadata()?, fs::metadata(path)?);
    Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino()))
}

#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(unix)]
fn check_permissions(metadata: &fs::Metadata, has_secrets: bool, path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode();
    let (forbidden, problem, remedy) = if has_secrets {
        (0o077, "holds secret keys and is open to others than its owner", "go-rwx")
    } else {
        (0o022, "says whom to trust and can be written by others than its owner", "go-w")
    };
    if !metadata.is_file() || mode & forbidden == 0 {
        return Ok(());
    }
    let path = path.display();
    Err(Error::new(Reason::ExposedKeys, format!("{path}: {problem} (mode {:04o})", mode & 0o7777))
        .hinting(format!("chmod {remedy} {path}")))
}

#[cfg(not(unix))]
fn check_permissions(_metadata: &fs::Metadata, _has_secrets: bool, _path: &Path) -> Result<()> {
    Ok(())
}
