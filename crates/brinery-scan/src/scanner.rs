//! The way in: bytes, files and folders.

use crate::blob::Blob;
use crate::look::Look;
use crate::refine;
use crate::report::{FileReport, Note, Report, Verdict};
use brinery::policy::Policy;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// How far a scan has come, for showing it from another thread.
#[derive(Debug, Default)]
pub struct Progress {
    files: AtomicU64,
    bytes: AtomicU64,
    all_files: AtomicU64,
    all_bytes: AtomicU64,
}

impl Progress {
    /// How many files are done, and how many there are.
    pub fn files(&self) -> (u64, u64) {
        (self.files.load(Ordering::Relaxed), self.all_files.load(Ordering::Relaxed))
    }

    /// How many bytes are done, and how many there are.
    pub fn bytes(&self) -> (u64, u64) {
        (self.bytes.load(Ordering::Relaxed), self.all_bytes.load(Ordering::Relaxed))
    }
}

/// How to scan, in the style of a builder.
///
/// ```
/// use brinery_scan::{Scanner, Verdict};
///
/// let report = Scanner::new().scan_bytes("upload", b"cos\nsystem\n(S'true'\ntR.");
/// assert_eq!(report.verdict(), Verdict::Dangerous);
/// let finding = &report.files[0].streams[0].findings[0];
/// assert_eq!((finding.offset, finding.global.as_deref()), (0, Some("os.system")));
///
/// assert_eq!(Scanner::new().scan_bytes("upload", b"\x80\x04]\x94(K\x01K\x02e.").verdict(), Verdict::Clean);
/// ```
#[derive(Clone, Debug)]
pub struct Scanner {
    /// What is granted, if it is more than brinery's own policies do.
    policy: Option<Arc<Policy>>,
    threads: usize,
    most: u64,
    expects_pickle: bool,
}

impl Default for Scanner {
    fn default() -> Self {
        Scanner { policy: None, threads: 0, most: 4 << 30, expects_pickle: false }
    }
}

impl Scanner {
    /// A scanner as it is unless told otherwise.
    pub fn new() -> Self {
        Self::default()
    }

    /// Grants what a policy grants, beside what brinery's own policies do: one's own classes.
    ///
    /// What is dangerous stays so: a policy makes `clean` of what [needs](Verdict::Needs) something.
    ///
    /// ```
    /// use brinery::policy::{Capability, Policy};
    /// use brinery_scan::{Scanner, Verdict};
    ///
    /// let order = b"\x80\x02cshop\nOrder\n)\x81.";
    /// assert_eq!(Scanner::new().scan_bytes("order.pkl", order).verdict(), Verdict::Needs);
    /// let class = Capability { value: true, construct: Some("tuple[]".parse().unwrap()), ..Capability::default() };
    /// let policy = Policy::data().allow("shop", "Order", class);
    /// assert_eq!(Scanner::new().policy(policy).scan_bytes("order.pkl", order).verdict(), Verdict::Clean);
    /// ```
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        let granted = self.policy.unwrap_or_else(|| Arc::clone(refine::shipped()));
        self.policy = Some(Arc::new((*granted).clone() | policy));
        self
    }

    /// How many files are scanned at a time; 0 stands for as many as there are processors.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// How much one file may unpack to: 4 GiB unless told otherwise. What would be more is a finding.
    #[must_use]
    pub fn max_unpacked(mut self, bytes: u64) -> Self {
        self.most = bytes;
        self
    }

    /// Says that what is scanned is going to be loaded from its first byte on, whatever its name says.
    ///
    /// What a loader would resolve before it fails is in the report then, in bytes that look like no pickle too.
    ///
    /// ```
    /// use brinery_scan::{Scanner, Verdict};
    ///
    /// let words = b"cat\ndog\nmouse\n";
    /// assert_eq!(Scanner::new().scan_bytes("words", words).verdict(), Verdict::Clean);
    /// let report = Scanner::new().expects_pickle(true).scan_bytes("words", words);
    /// assert_eq!(report.verdict(), Verdict::Malformed);
    /// let first = &report.files[0].streams[0].globals[0];
    /// assert_eq!((&*first.module, &*first.name), ("at", "dog"));
    /// ```
    #[must_use]
    pub fn expects_pickle(mut self, expects: bool) -> Self {
        self.expects_pickle = expects;
        self
    }

    /// Scans bytes in memory as if they were a file of this name.
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// // Inside a gzip file, which is known by its content.
    /// let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    /// gzip.write_all(b"\x80\x04cbuiltins\neval\n\x8c\x011\x85R.").unwrap();
    /// let report = brinery_scan::Scanner::new().scan_bytes("x", &gzip.finish().unwrap());
    /// assert_eq!(report.files[0].formats, ["gzip"]);
    /// assert_eq!(report.exit_code(false), 1);
    /// ```
    pub fn scan_bytes(&self, name: &str, bytes: &[u8]) -> Report {
        Report { files: vec![self.look(name, &Blob::lent(bytes))] }
    }

    fn look(&self, name: &str, blob: &Blob<'_>) -> FileReport {
        let mut file = FileReport::new(name.to_owned(), blob.len());
        Look::new(&mut file, self.policy.as_deref(), self.most, self.expects_pickle).whole(blob);
        file.conclude();
        file
    }

    /// Scans one file.
    pub fn scan_file(&self, path: &Path) -> FileReport {
        let name = path.display().to_string();
        let opened = File::open(path).and_then(|file| {
            let metadata = file.metadata()?;
            if !metadata.is_file() {
                return Err(io::Error::other("is no ordinary file"));
            }
            Blob::open(file, metadata.len())
        });
        match opened {
            Ok(blob) => self.look(&name, &blob),
            Err(error) => unreadable(name, &error),
        }
    }

    /// Scans files, and the files in folders and in the folders within. Links are followed only where they are named.
    ///
    /// ```
    /// use brinery_scan::{Scanner, Verdict};
    ///
    /// let report = Scanner::new().scan_paths(["no-such-file"], None);
    /// assert_eq!((report.verdict(), report.exit_code(false)), (Verdict::Unreadable, 2));
    /// ```
    pub fn scan_paths<P: AsRef<Path>>(
        &self,
        paths: impl IntoIterator<Item = P>,
        progress: Option<&Progress>,
    ) -> Report {
        let mut found = Vec::new();
        let mut failed = Vec::new();
        for path in paths {
            collect(path.as_ref(), true, &mut found, &mut failed);
        }
        let progress_of_nobody = Progress::default();
        let progress = progress.unwrap_or(&progress_of_nobody);
        progress.all_files.store(found.len() as u64, Ordering::Relaxed);
        progress.all_bytes.store(found.iter().map(|found| found.1).sum(), Ordering::Relaxed);
        let mut threads = self.threads;
        if threads == 0 {
            threads = std::thread::available_parallelism().map_or(1, usize::from);
        }
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let work = || {
            while let Some((path, len)) = found.get(next.fetch_add(1, Ordering::Relaxed)) {
                let report = self.scan_file(path);
                progress.files.fetch_add(1, Ordering::Relaxed);
                progress.bytes.fetch_add(*len, Ordering::Relaxed);
                if let Ok(mut done) = done.lock() {
                    done.push(report);
                }
            }
        };
        if threads == 1 || found.len() < 2 {
            work();
        } else {
            std::thread::scope(|scope| {
                for _ in 0..threads.min(found.len()) {
                    scope.spawn(work);
                }
            });
        }
        let mut files = done.into_inner().unwrap_or_default();
        files.extend(failed);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Report { files }
    }
}

/// A report on what cannot be opened.
fn unreadable(name: String, error: &io::Error) -> FileReport {
    let message = match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    };
    let mut file = FileReport::new(name.clone(), 0);
    file.notes.push(Note { container: name, verdict: Verdict::Unreadable, rule: "unreadable", message });
    file.conclude();
    file
}

/// The files at and below a path, with their sizes.
fn collect(path: &Path, named: bool, found: &mut Vec<(PathBuf, u64)>, failed: &mut Vec<FileReport>) {
    let mut pending = vec![(path.to_owned(), named)];
    while let Some((path, named)) = pending.pop() {
        let metadata = if named { fs::metadata(&path) } else { fs::symlink_metadata(&path) };
        match metadata {
            Ok(metadata) if metadata.is_dir() => match fs::read_dir(&path) {
                Ok(entries) => {
                    pending.extend(entries.filter_map(Result::ok).map(|entry| (entry.path(), false)));
                }
                Err(error) => failed.push(unreadable(path.display().to_string(), &error)),
            },
            Ok(metadata) if metadata.is_file() => found.push((path, metadata.len())),
            // Sockets, devices and links that nobody named.
            Ok(_) if !named => {}
            Ok(_) => {
                failed.push(unreadable(path.display().to_string(), &io::Error::other("is no ordinary file")));
            }
            Err(error) => failed.push(unreadable(path.display().to_string(), &error)),
        }
    }
}
