//! The command line: its words, its help, and where that help is generated from.
#![allow(
    clippy::doc_markdown,
    clippy::doc_link_with_quotes,
    reason = "these comments are the program's help"
)]

mod seal;

pub(crate) use seal::{Keygen, Keys, Opening, Seal, Sealing, Unseal, Verify, When};

use crate::format::parse_bytes;
use crate::style;
use clap::{Args, ColorChoice, CommandFactory, Parser, ValueHint};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Exit codes:
  0  all is well; for `diff`, the objects are the same
  1  `diff`: the objects differ; `scan`: something was found; `unseal`, `verify`: a file is refused
  2  a wrong command line, an unreadable file, or a damaged pickle

Files may be wrapped in gzip, bzip2, xz, zstd, zlib or zip; the wrapper is known by its content.
No command imports, calls or constructs anything that a pickle names.";

/// Look into pickles without running them; seal files and open them.
#[derive(Debug, Parser)]
#[command(name = "brinery", version, styles = style::HELP, after_help = AFTER_HELP, max_term_width = 120)]
#[command(arg_required_else_help = true, subcommand_required = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Subcommand,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// What every command accepts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Output {
    /// When to use colours; NO_COLOR is honoured
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    /// Say nothing but data and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Subcommand {
    Dis(Dis),
    Show(Show),
    Json(Json),
    Stat(Stat),
    Diff(Diff),
    Optimize(Optimize),
    Scan(Scan),
    Seal(Seal),
    Unseal(Unseal),
    Verify(Verify),
    Keygen(Keygen),
    Keys(Keys),
    Completions(Completions),
    Man(Man),
    /// Print the version
    Version,
}

/// Which part of a file to read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Input options")]
pub(crate) struct Reading {
    /// Of several pickles in one file, take only the one with this number, from 0
    #[arg(long, value_name = "N")]
    pub(crate) index: Option<usize>,
    /// The file inside a zip archive; also written FILE::NAME
    #[arg(long, value_name = "NAME")]
    pub(crate) member: Option<String>,
    /// How much a compressed file may unpack to
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = parse_bytes)]
    pub(crate) max_unpacked: u64,
}

/// Files to read.
#[derive(Debug, Args)]
pub(crate) struct Inputs {
    /// The files; - is the standard input
    #[arg(value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<OsString>,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Disassemble: one line an opcode
///
/// Each line has the offset, the bytes, the depth of the stack after it, the opcode and its argument; open marks indent.
#[derive(Debug, Args)]
pub(crate) struct Dis {
    /// Print the text of `python -m pickletools`, with its checks
    #[arg(long)]
    pub(crate) plain: bool,
    /// Say on each line what the opcode does
    #[arg(short, long)]
    pub(crate) annotate: bool,
    /// With --plain: carry the memo from one pickle to the next
    #[arg(long, requires = "plain")]
    pub(crate) memo: bool,
    /// By how many blanks an open mark indents
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) indent: usize,
    #[command(flatten)]
    pub(crate) inputs: Inputs,
}

/// Show the objects as a tree, with types, sizes and sharing
///
/// An object that is referred to more than once is marked &1 where it is shown and *1 elsewhere. Sizes are the bytes that an
/// object takes in the pickle, with everything in it. Of a damaged pickle, what is readable is shown.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Show only the object at this path, such as 'obj["run"].items[3]'
    #[arg(short, long, value_name = "PATH")]
    pub(crate) path: Option<String>,
    /// How many levels to show
    #[arg(short, long, value_name = "N", default_value_t = 4)]
    pub(crate) depth: usize,
    /// How many items of each object to show
    #[arg(short, long, value_name = "N", default_value_t = 24)]
    pub(crate) max_items: usize,
    /// How many characters a line may have [default: the terminal's width]
    #[arg(short, long, value_name = "N")]
    pub(crate) width: Option<usize>,
    /// Show the offset of each object in the file
    #[arg(long)]
    pub(crate) offsets: bool,
    #[command(flatten)]
    pub(crate) inputs: Inputs,
}

/// Convert to JSON
///
/// None, bools, numbers, text, lists, and dicts whose keys are text become their like. Everything else becomes an object with
/// a tag: {"$bytes": base64}, {"$bytearray": base64}, {"$tuple": [...]}, {"$set": [...]}, {"$frozenset": [...]},
/// {"$dict": [[key, value], ...]}, {"$int": "123"} beyond 2**53 (in hexadecimal beyond 2**262144), {"$float": "nan"}, {"$global": "module.name"},
/// {"$extension": code}, {"$persistent": id}, {"$buffer": number}, and for an instance
/// {"$class": "module.name", "$args": [...], "$kwargs": ..., "$state": ..., "$items": [...], "$pairs": [...]}.
/// An object that is referred to more than once has an "$id" the first time and is {"$ref": id} from then on.
#[derive(Debug, Args)]
pub(crate) struct Json {
    /// One line for each item of a list, tuple or set
    #[arg(short, long)]
    pub(crate) lines: bool,
    /// Everything on one line
    #[arg(short, long, conflicts_with = "lines")]
    pub(crate) compact: bool,
    /// Convert only the object at this path, such as 'obj["run"].items[3]'
    #[arg(short, long, value_name = "PATH")]
    pub(crate) path: Option<String>,
    #[command(flatten)]
    pub(crate) inputs: Inputs,
}

/// Count opcodes, types, sizes, globals and repeated text
///
/// Sizes are the bytes that objects take in the pickle.
#[derive(Debug, Args)]
pub(crate) struct Stat {
    /// How many lines each table may have
    #[arg(short, long, value_name = "N", default_value_t = 12)]
    pub(crate) top: usize,
    /// How many levels of paths to add up
    #[arg(short, long, value_name = "N", default_value_t = 3)]
    pub(crate) depth: usize,
    #[command(flatten)]
    pub(crate) inputs: Inputs,
}

/// Compare two pickles, path by path
///
/// Prints a line for each difference: - for what only A has, + for what only B has, ~ for what has changed. The exit code is 0
/// if the objects are the same, 1 if they differ, and 2 if one cannot be read.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The first file; - is the standard input
    #[arg(value_name = "A", value_hint = ValueHint::FilePath)]
    pub(crate) a: OsString,
    /// The second file
    #[arg(value_name = "B", value_hint = ValueHint::FilePath)]
    pub(crate) b: OsString,
    /// Print nothing: the exit code is the answer
    #[arg(short = 's', long)]
    pub(crate) silent: bool,
    /// Stop after this many differences; 0 for all
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) max: usize,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Rewrite without memo entries that nothing refers to
///
/// The result equals that of `pickletools.optimize`. It goes to the standard output unless told otherwise.
#[derive(Debug, Args)]
pub(crate) struct Optimize {
    /// The file; - is the standard input
    #[arg(value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub(crate) file: OsString,
    /// Write to this file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "in_place")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the file itself
    #[arg(short, long)]
    pub(crate) in_place: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Scan files and folders for pickles that would do harm
///
/// Pickles are found by content, wherever they are: on their own, one after the other, in zip, tar and 7z archives, in
/// compressed data, in what joblib, numpy and torch write, in databases and in text. Each is run through the machine that loads
/// pickles, with every effect left out, and gets a verdict:
///
///   clean       needs nothing but data and what the shipped policies grant
///   needs       names classes or functions that have to be granted, such as the program's own
///   malformed   is damaged, and did nothing up to where it breaks
///   unreadable  cannot be opened: encrypted, unsupported, unreadable
///   budget      would take memory, time or depth out of proportion
///   ambiguous   is read in different ways by different readers
///   dangerous   would run, change or reach something
///
/// The exit code is 1 if anything is budget, ambiguous or dangerous, else 2 if anything is malformed or unreadable, else 0.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Scan {
    /// Files and folders; - is the standard input
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// How to print the report
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ReportFormat,
    /// Write the report to this file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Grant what the policy in this file grants, beside the shipped ones
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) policy: Vec<PathBuf>,
    /// Let what needs something count as found
    #[arg(long)]
    pub(crate) strict: bool,
    /// List clean files as well
    #[arg(short, long)]
    pub(crate) all: bool,
    /// How many files to scan at a time [default: one for each processor]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) threads: usize,
    /// How much one file may unpack to
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = parse_bytes)]
    pub(crate) max_unpacked: u64,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    Text,
    /// All that is known, for programs
    Json,
    /// SARIF 2.1.0, for code hosts
    Sarif,
    /// JUnit XML, for build servers
    Junit,
    /// One page that needs nothing else
    Html,
}

/// Print the completions for a shell
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// Print the manual page
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The command whose page to print, instead of the program's own
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}

/// The command line of the program, for completions, manual pages and documentation.
pub fn command() -> clap::Command {
    Cli::command()
}

/// The choice of colours that a command line makes, before it is known to be right.
pub(crate) fn color_before_parsing(args: &[OsString]) -> ColorChoice {
    let value = |choice: &OsStr| match choice.to_str() {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    };
    let mut choice = ColorChoice::Auto;
    for (position, arg) in args.iter().enumerate() {
        match arg.to_str() {
            Some("--") => break,
            Some("--color") => choice = args.get(position + 1).map_or(choice, |next| value(next)),
            Some(arg) => choice = arg.strip_prefix("--color=").map_or(choice, |when| value(OsStr::new(when))),
            None => {}
        }
    }
    choice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }
}
