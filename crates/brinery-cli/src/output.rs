//! Where output goes, and how wide and colourful it may be.

use crate::exit::{ExitCode, Failure};
use crate::style::{Styled, Styles};
use clap::ColorChoice;
use std::ffi::OsStr;
use std::io::{self, BufWriter, IsTerminal, Write};

/// One of the program's two outputs.
pub struct Stream<'a> {
    writer: Box<dyn Write + 'a>,
    terminal: bool,
    width: Option<usize>,
}

impl std::fmt::Debug for Stream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("terminal", &self.terminal)
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

impl<'a> Stream<'a> {
    /// Output that is no terminal.
    pub fn new(writer: impl Write + 'a) -> Self {
        Stream { writer: Box::new(writer), terminal: false, width: None }
    }

    /// Output to a terminal of this width.
    pub fn terminal(writer: impl Write + 'a, width: usize) -> Self {
        Stream { writer: Box::new(writer), terminal: true, width: Some(width) }
    }

    /// The process's standard output.
    pub fn stdout() -> Stream<'static> {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let width = terminal.then(|| terminal_size::terminal_size_of(&stdout)).flatten();
        Stream {
            writer: Box::new(BufWriter::with_capacity(1 << 16, stdout)),
            terminal,
            width: width.map(|(width, _)| width.0.into()),
        }
    }

    /// The process's standard error output.
    pub fn stderr() -> Stream<'static> {
        let stderr = io::stderr();
        let terminal = stderr.is_terminal();
        Stream { writer: Box::new(stderr), terminal, width: None }
    }
}

/// Whether to use colours, by the command line, the kind of output and the environment.
fn is_colored(choice: ColorChoice, terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            terminal && no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb")
        }
    }
}

/// How wide lines are where no terminal says.
const WIDTH: usize = 100;

/// Both outputs, as the commands use them.
pub(crate) struct Terminal<'a> {
    out: Stream<'a>,
    err: Stream<'a>,
    /// The styles of the data.
    pub(crate) styles: Styles,
    err_styles: Styles,
    quiet: bool,
}

impl<'a> Terminal<'a> {
    pub(crate) fn new(out: Stream<'a>, err: Stream<'a>, color: ColorChoice) -> Self {
        let no_color = std::env::var_os("NO_COLOR");
        let term = std::env::var_os("TERM");
        let styles = |stream: &Stream<'_>| {
            let colored = is_colored(color, stream.terminal, no_color.as_deref(), term.as_deref());
            if colored { Styles::colored() } else { Styles::default() }
        };
        let (styles, err_styles) = (styles(&out), styles(&err));
        Terminal { out, err, styles, err_styles, quiet: false }
    }

    pub(crate) fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// The output for data.
    pub(crate) fn out(&mut self) -> &mut dyn Write {
        &mut *self.out.writer
    }

    pub(crate) fn out_is_terminal(&self) -> bool {
        self.out.terminal
    }

    /// How many characters fit on a line.
    pub(crate) fn width(&self) -> usize {
        self.out.width.unwrap_or(WIDTH).max(20)
    }

    /// The error output, if it is a terminal that may show something passing.
    pub(crate) fn progress(&mut self) -> Option<&mut dyn Write> {
        if self.err.terminal && !self.quiet { Some(&mut *self.err.writer) } else { None }
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.writer.flush()
    }

    /// Tells something that is no data, unless asked to be quiet.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.quiet && self.flush().is_ok() {
            // Who closed the error output does not want to hear of it.
            let _ = writeln!(self.err.writer, "{text}");
        }
    }

    /// Tells what went wrong, after the data so far.
    pub(crate) fn error(&mut self, text: &str, hint: Option<&str>) -> io::Result<()> {
        self.flush()?;
        let Styles { error, heading, .. } = self.err_styles;
        let _ = writeln!(self.err.writer, "{} {text}", Styled(error, "error:"));
        if let Some(hint) = hint {
            let _ = writeln!(self.err.writer, "{} {hint}", Styled(heading, "hint:"));
        }
        let _ = self.err.writer.flush();
        Ok(())
    }

    /// Tells of a failure and answers with its exit code.
    pub(crate) fn fail(&mut self, failure: &Failure) -> ExitCode {
        let hint = match failure {
            Failure::Message { hint, .. } => hint.as_deref(),
            Failure::Output(_) => None,
        };
        let _ = self.error(&failure.to_string(), hint);
        ExitCode::Error
    }

    /// Shows what clap has to say: help, the version, or what is wrong with the command line.
    pub(crate) fn usage(&mut self, error: &clap::Error) -> ExitCode {
        let to_err = error.use_stderr();
        let (stream, styles) =
            if to_err { (&mut self.err, &self.err_styles) } else { (&mut self.out, &self.styles) };
        let text = error.render();
        let colored = !styles.error.is_plain();
        let text = if colored { text.ansi().to_string() } else { text.to_string() };
        let _ = stream.writer.write_all(text.as_bytes());
        let _ = stream.writer.flush();
        if to_err { ExitCode::Error } else { ExitCode::Success }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        use ColorChoice::{Always, Auto, Never};
        let (none, one, empty, dumb) =
            (None, Some(OsStr::new("1")), Some(OsStr::new("")), Some(OsStr::new("dumb")));
        assert!(is_colored(Auto, true, none, none));
        assert!(is_colored(Auto, true, empty, none));
        assert!(!is_colored(Auto, true, one, none));
        assert!(!is_colored(Auto, true, none, dumb));
        assert!(!is_colored(Auto, false, none, none));
        assert!(is_colored(Always, false, one, dumb));
        assert!(!is_colored(Never, true, none, none));
    }
}
