//! What a scan finds out.

use std::fmt;

/// What a stream, a file or a whole scan is found to be, from the best to the worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// It needs nothing but data and what brinery's shipped policies grant.
    #[default]
    Clean,
    /// It names classes or functions that have to be granted: the program's own, as a rule.
    Needs,
    /// It is damaged, and did nothing up to where it breaks.
    Malformed,
    /// It cannot be opened, so nothing is known of it.
    Unreadable,
    /// It would take memory, time or depth out of proportion to its size.
    Budget,
    /// Readers of pickles do not agree on what it is.
    Ambiguous,
    /// It would run, change or reach something.
    Dangerous,
}

impl Verdict {
    /// All verdicts, from the best to the worst.
    pub const ALL: [Verdict; 7] = [
        Verdict::Clean,
        Verdict::Needs,
        Verdict::Malformed,
        Verdict::Unreadable,
        Verdict::Budget,
        Verdict::Ambiguous,
        Verdict::Dangerous,
    ];

    /// The word for it.
    ///
    /// ```
    /// assert_eq!(brinery_scan::Verdict::Dangerous.name(), "dangerous");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Clean => "clean",
            Verdict::Needs => "needs",
            Verdict::Malformed => "malformed",
            Verdict::Unreadable => "unreadable",
            Verdict::Budget => "budget",
            Verdict::Ambiguous => "ambiguous",
            Verdict::Dangerous => "dangerous",
        }
    }

    /// The exit code that a scan with this for its worst verdict has: 0 where nothing was found, 1 where something was,
    /// 2 where something could not be judged.
    ///
    /// ```
    /// use brinery_scan::Verdict;
    ///
    /// assert_eq!(Verdict::ALL.map(Verdict::exit_code), [0, 0, 2, 2, 1, 1, 1]);
    /// ```
    pub fn exit_code(self) -> u8 {
        match self {
            Verdict::Clean | Verdict::Needs => 0,
            Verdict::Malformed | Verdict::Unreadable => 2,
            Verdict::Budget | Verdict::Ambiguous | Verdict::Dangerous => 1,
        }
    }

    /// Whether something was found.
    pub fn is_flagged(self) -> bool {
        self.exit_code() == 1
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One reason for a verdict, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What the stream is because of this.
    pub verdict: Verdict,
    /// The rule that was broken: a name that does not change.
    pub rule: &'static str,
    /// The offset in what was unpacked.
    pub offset: u64,
    /// The opcode there.
    pub opcode: Option<&'static str>,
    /// The class or function that it is about.
    pub global: Option<String>,
    /// Its arguments, as far as they are known, in the style of Python.
    pub arguments: Option<String>,
    /// Where in the object it is, as in `obj["model"].layers[3]`.
    pub path: Option<String>,
    /// What kind of effect it would have.
    pub category: Option<&'static str>,
    /// What it is, in words.
    pub message: String,
    /// The opcodes around it, for findings that are more than [needs](Verdict::Needs).
    pub context: Vec<Line>,
}

/// A line of the disassembly around a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The offset of the opcode.
    pub offset: u64,
    /// The opcode.
    pub opcode: &'static str,
    /// Its argument, shortened.
    pub argument: String,
    /// Whether it is the one that the finding is about.
    pub here: bool,
}

/// A class or function that a stream names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GlobalName {
    /// The module.
    pub module: String,
    /// The name in the module.
    pub name: String,
    /// Where it is named first.
    pub offset: u64,
}

/// One pickle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamReport {
    /// Where it is: the file, then the members and layers that were opened, as in `model.zip::data.pkl`.
    pub container: String,
    /// Where it starts in what was unpacked.
    pub offset: u64,
    /// How many bytes of it were understood.
    pub len: u64,
    /// The protocol that it declares.
    pub protocol: Option<u8>,
    /// What it is.
    pub verdict: Verdict,
    /// Why, in the order of the stream.
    pub findings: Vec<Finding>,
    /// How many findings were left out, because there are very many.
    pub unsaid: u64,
    /// The classes and functions that it names.
    pub globals: Vec<GlobalName>,
}

/// Something about a file that is not about one pickle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Note {
    /// Where it is, as in [`StreamReport::container`].
    pub container: String,
    /// What the file is because of this.
    pub verdict: Verdict,
    /// The rule: a name that does not change.
    pub rule: &'static str,
    /// What it is, in words.
    pub message: String,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileReport {
    /// Its path.
    pub path: String,
    /// How large it is.
    pub size: u64,
    /// The worst of its pickles and notes.
    pub verdict: Verdict,
    /// What it is made of, outermost first: `zip`, `gzip`, `sqlite`, ….
    pub formats: Vec<String>,
    /// Its pickles.
    pub streams: Vec<StreamReport>,
    /// What else is to be said.
    pub notes: Vec<Note>,
}

impl FileReport {
    pub(crate) fn new(path: String, size: u64) -> Self {
        FileReport {
            path,
            size,
            verdict: Verdict::Clean,
            formats: Vec::new(),
            streams: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The findings of all pickles.
    pub fn findings(&self) -> impl Iterator<Item = (&StreamReport, &Finding)> {
        self.streams.iter().flat_map(|stream| stream.findings.iter().map(move |finding| (stream, finding)))
    }

    pub(crate) fn conclude(&mut self) {
        let streams = self.streams.iter().map(|stream| stream.verdict);
        self.verdict = streams.chain(self.notes.iter().map(|note| note.verdict)).max().unwrap_or_default();
    }
}

/// All files of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The files, in the order of their paths.
    pub files: Vec<FileReport>,
}

impl Report {
    /// The worst verdict.
    pub fn verdict(&self) -> Verdict {
        self.files.iter().map(|file| file.verdict).max().unwrap_or_default()
    }

    /// The exit code of the scan: 1 if anything was found, else 2 if anything could not be judged, else 0. With `strict`,
    /// what [needs](Verdict::Needs) something counts as found.
    ///
    /// ```
    /// let report = brinery_scan::Scanner::new().scan_bytes("a.pkl", b"cos\nsystem\n(S'true'\ntR.");
    /// assert_eq!(report.exit_code(false), 1);
    /// ```
    pub fn exit_code(&self, strict: bool) -> u8 {
        let flagged =
            |file: &FileReport| file.verdict.is_flagged() || strict && file.verdict == Verdict::Needs;
        if self.files.iter().any(flagged) {
            return 1;
        }
        self.files.iter().map(|file| file.verdict.exit_code()).max().unwrap_or(0)
    }

    /// How many files have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.files.iter().filter(|file| file.verdict == verdict).count()
    }
}
