//! The documents in `sessions/` show the command line at work: each command must print what stands there.
//!
//! `BLESS=1 cargo test -p brinery-cli --test sessions` writes down what is printed now.

use brinery_cli::{Stream, run};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::rc::Rc;
use std::{env, fs};

/// Both outputs in one, as a terminal shows them.
#[derive(Clone, Default)]
struct Screen(Rc<RefCell<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The words of a command as a shell splits them.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for char in command.chars() {
        match char {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words
}

/// What a command prints, after a line with its exit code if that is not zero.
fn printed(command: &str) -> String {
    let screen = Screen::default();
    let code = run(words(command), Stream::new(screen.clone()), Stream::new(screen.clone())).code();
    let mut text = if code == 0 { String::new() } else { format!("? {code}\n") };
    text.push_str(std::str::from_utf8(&screen.0.borrow()).unwrap());
    text
}

/// The document with what its commands print now.
fn played(document: &str) -> String {
    let mut played = String::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        writeln!(played, "{line}").unwrap();
        if line != "```console" {
            continue;
        }
        let command =
            lines.next().and_then(|line| line.strip_prefix("$ ")).expect("a block starts with a command");
        assert!(
            !lines.by_ref().take_while(|line| *line != "```").any(|line| line.starts_with("$ ")),
            "one command a block"
        );
        write!(played, "$ {command}\n{}```\n", printed(command)).unwrap();
    }
    played
}

#[test]
fn the_sessions_are_as_written() {
    env::set_current_dir("tests/sessions").unwrap();
    // A working copy does not keep permissions, on which key rings insist.
    #[cfg(unix)]
    for (name, mode) in [("alice.keys", 0o600), ("team.keys", 0o644), ("exposed.keys", 0o640)] {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(std::path::Path::new("sealed").join(name), permissions).unwrap();
    }
    let mut documents = 0;
    let mut different = Vec::new();
    for entry in fs::read_dir(".").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        documents += 1;
        let document = fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
        let played = played(&document);
        if env::var_os("BLESS").is_some() {
            fs::write(&path, played).unwrap();
        } else if let Some((line, (was, is))) =
            document.lines().zip(played.lines()).enumerate().find(|(_, (was, is))| was != is)
        {
            different.push(format!("{}:{}\n  was: {was}\n  is:  {is}", path.display(), line + 1));
        } else if document != played {
            different.push(format!("{}: the end differs", path.display()));
        }
    }
    assert!(documents > 8, "the sessions are gone");
    assert!(different.is_empty(), "{}\nBLESS=1 writes down what is printed now", different.join("\n"));
    assert!(!fs::exists("was-it-executed").unwrap(), "a pickle was executed");
}
