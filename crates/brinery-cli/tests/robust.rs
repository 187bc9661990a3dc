//! What must hold for any input and any output: no panic, an exit code, and one clear line.

use brinery_cli::{ExitCode, Stream, run};
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

const PICKLES: &str = "tests/sessions/pickles";

/// A directory that is gone at the end of the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("brinery-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a command and returns what it answers and prints.
fn brinery(args: &[&str]) -> (ExitCode, Vec<u8>, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = ["brinery"].iter().chain(args);
    let code = run(args, Stream::new(&mut out), Stream::new(&mut err));
    (code, out, String::from_utf8(err).unwrap())
}

/// Counts what is written and keeps nothing.
#[derive(Default)]
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn nested(depth: usize) -> Vec<u8> {
    let mut pickle = b"\x80\x02".to_vec();
    pickle.resize(2 + depth, b']');
    pickle.resize(1 + 2 * depth, b'a');
    pickle.push(b'.');
    pickle
}

#[test]
fn a_million_levels_are_no_trouble() {
    let scratch = Scratch::new("deep");
    let depth = 1_000_000;
    let deep = scratch.file("deep.pkl", &nested(depth));
    let deeper = scratch.file("deeper.pkl", &nested(depth + 1));
    let cut = scratch.file("cut.pkl", &nested(depth)[..depth + depth / 2]);
    let output = scratch.0.join("optimized.pkl");
    let output = output.to_str().unwrap();
    for (args, expected) in [
        (&["show", &deep][..], ExitCode::Success),
        (&["show", "--depth", "200000", &deep], ExitCode::Success),
        (&["json", "--compact", &deep], ExitCode::Success),
        (&["stat", &deep], ExitCode::Success),
        (&["diff", &deep, &deep], ExitCode::Success),
        (&["diff", &deep, &deeper], ExitCode::Different),
        (&["optimize", "--output", output, &deep], ExitCode::Success),
        (&["show", &cut], ExitCode::Error),
        (&["stat", &cut], ExitCode::Error),
    ] {
        let (mut out, mut err) = (Counter::default(), Vec::new());
        let words = ["brinery"].iter().chain(args);
        let code = run(words, Stream::new(&mut out), Stream::new(&mut err));
        assert_eq!(code, expected, "{args:?}: {}", String::from_utf8_lossy(&err));
        assert!(err.len() < 2000, "{args:?}");
    }
}

#[test]
fn damaged_zstd_gets_plain_words() {
    let scratch = Scratch::new("zstd");
    let mut whole = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x11, 0x00, 0x00, b'N', b'.'];
    assert_eq!(brinery(&["show", &scratch.file("whole.zst", &whole)]).0, ExitCode::Success);
    // A block that claims to be a compressed one.
    whole[6] |= 4;
    for damaged in [&whole[..], &whole[..8], &whole[..5]] {
        let (code, _, err) = brinery(&["show", &scratch.file("damaged.zst", damaged)]);
        assert_eq!(code, ExitCode::Error);
        assert!(err.contains("cannot unpack the zstd: "), "{err}");
        assert!(!err.contains(['{', '(']), "{err}");
    }
}

#[test]
fn many_open_marks_do_not_indent_without_end() {
    let scratch = Scratch::new("marks");
    let mut pickle = vec![b'('; 200_000];
    pickle.extend(vec![b't'; 200_000]);
    pickle.push(b'.');
    let file = scratch.file("marks.pkl", &pickle);
    let (code, out, _) = brinery(&["dis", &file]);
    assert_eq!(code, ExitCode::Success);
    assert!(out.len() < 200 * pickle.len());
}

#[test]
fn damaged_pickles_never_panic() {
    let scratch = Scratch::new("damage");
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let seeds: Vec<_> = fs::read_dir(PICKLES)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension != "py"))
        .map(|path| fs::read(path).unwrap())
        .filter(|seed| !seed.is_empty() && seed.len() < 4000)
        .collect();
    assert!(seeds.len() > 20);
    let whole = format!("{PICKLES}/run.pkl");
    for _ in 0..1500 {
        let mut pickle = seeds[dice.below(seeds.len())].clone();
        for _ in 0..=dice.below(4) {
            let at = dice.below(pickle.len());
            match dice.below(4) {
                0 => pickle[at] = dice.below(256) as u8,
                1 => pickle.insert(at, OPCODES[dice.below(OPCODES.len())]),
                2 => pickle[at] = OPCODES[dice.below(OPCODES.len())],
                _ => pickle.truncate(at.max(1)),
            }
        }
        let file = scratch.file("mutated.pkl", &pickle);
        for args in [
            &["dis", "--annotate", &file][..],
            &["dis", "--plain", &file],
            &["show", "--offsets", "--width", "40", &file],
            &["json", &file],
            &["json", "--lines", &file],
            &["stat", &file],
            &["diff", &file, &whole],
            &["optimize", "--quiet", &file],
        ] {
            let (code, _, err) = brinery(args);
            // An error is one line; a second one may be a hint.
            let errors = err.lines().filter(|line| line.starts_with("error: ")).count();
            assert_eq!(errors, usize::from(code == ExitCode::Error), "{args:?} {pickle:?}: {err}");
        }
    }
}

const OPCODES: &[u8] = b"IJKML\x8a\x8bSTUBC\x8e\x96\x97\x98N\x88\x89V\x8cX\x8dFG]ael)t\x85\x86\x87}dsu\x8f\x90\x9102(1ghjpqr\x94\x82\x83\x84c\x93Rbio\x81\x92\x80.\x95PQ";

/// A small generator of numbers that look random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }
}

/// A pipe whose reader has gone.
struct Broken;

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_broken_pipe_is_success() {
    let file = format!("{PICKLES}/run.pkl");
    for command in ["dis", "show", "json", "stat", "optimize"] {
        let mut err = Vec::new();
        let code = run(["brinery", command, &file], Stream::new(Broken), Stream::new(&mut err));
        assert_eq!(code, ExitCode::Success, "{command}");
        assert!(err.is_empty(), "{command}: {}", String::from_utf8_lossy(&err));
    }
}

/// An output that is full.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("no space left on device"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_output_is_an_error() {
    let mut err = Vec::new();
    let file = format!("{PICKLES}/run.pkl");
    let code = run(["brinery", "show", &file], Stream::new(Full), Stream::new(&mut err));
    assert_eq!(code, ExitCode::Error);
    assert_eq!(String::from_utf8(err).unwrap(), "error: cannot write the output: no space left on device\n");
}

#[test]
fn the_program_reads_its_standard_input_and_stops_with_its_reader() {
    let program = env!("CARGO_BIN_EXE_brinery");
    let mut child = Command::new(program)
        .args(["show", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"(I1\nI2\nl.").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, b"no protocol declared, 9 bytes\n[1, 2]\n");

    let scratch = Scratch::new("pipe");
    let file = scratch.file("deep.pkl", &nested(300_000));
    let mut child = Command::new(program)
        .args(["dis", &file])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    assert!(output.stderr.is_empty());
}

#[test]
fn optimize_writes_where_it_is_told() {
    let scratch = Scratch::new("optimize");
    let memo = fs::read(format!("{PICKLES}/memo.pkl")).unwrap();
    let file = scratch.file("memo.pkl", &memo);
    let (code, out, err) = brinery(&["optimize", &file]);
    assert_eq!(code, ExitCode::Success);
    assert!(out.len() < memo.len());
    assert_eq!(err, format!("{file}: {} bytes -> {} bytes\n", memo.len(), out.len()));

    let other = scratch.0.join("other.pkl");
    let other = other.to_str().unwrap();
    assert_eq!(brinery(&["optimize", "-q", &file, "-o", other]), (ExitCode::Success, vec![], String::new()));
    assert_eq!(fs::read(other).unwrap(), out);
    assert_eq!(brinery(&["diff", &file, other]).0, ExitCode::Success);

    assert_eq!(fs::read(&file).unwrap(), memo);
    assert_eq!(brinery(&["optimize", "-q", "--in-place", &file]).0, ExitCode::Success);
    assert_eq!(fs::read(&file).unwrap(), out);
    // What was written for the replacement is not left behind.
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 2);

    let wrapped = format!("{PICKLES}/run.pkl.gz");
    let (code, _, err) = brinery(&["optimize", "--in-place", &wrapped]);
    assert_eq!(code, ExitCode::Error);
    assert_eq!(
        err,
        format!("error: {wrapped}: is wrapped in gzip and cannot be replaced\nhint: use --output\n")
    );
}

#[test]
fn a_terminal_gets_colours_and_no_binary_data() {
    let file = format!("{PICKLES}/run.pkl");
    for (choice, colored) in [("always", true), ("never", false)] {
        let mut out = Vec::new();
        let code = run(
            ["brinery", "show", "--color", choice, &file],
            Stream::terminal(&mut out, 60),
            Stream::new(Vec::new()),
        );
        assert_eq!(code, ExitCode::Success);
        assert_eq!(out.contains(&0x1b), colored);
    }
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(["brinery", "optimize", &file], Stream::terminal(&mut out, 60), Stream::new(&mut err));
    assert_eq!((code, out.len()), (ExitCode::Error, 0));
    assert!(err.starts_with(b"error: the result is binary"));
}

#[test]
fn lines_keep_to_the_width() {
    let file = format!("{PICKLES}/run.pkl");
    for width in [40, 60, 200] {
        let (_, out, _) = brinery(&["show", "--depth", "9", "--width", &width.to_string(), &file]);
        let out = String::from_utf8(out).unwrap();
        let longest = out.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= width, "{longest} > {width}");
    }
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, out, _) = brinery(&["completions", shell]);
        assert_eq!(code, ExitCode::Success);
        assert!(String::from_utf8(out).unwrap().contains("optimize"), "{shell}");
    }
    for page in [&["man"][..], &["man", "show"]] {
        let (code, out, _) = brinery(page);
        assert_eq!(code, ExitCode::Success);
        assert!(String::from_utf8(out).unwrap().contains(".TH brinery"), "{page:?}");
    }
}
