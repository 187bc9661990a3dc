//! Prints the reference page of the command line from the program's own description of itself:
//! `cargo run -p brinery-cli --example reference > docs/reference/command-line.md`.

use clap::{Arg, Command};
use std::fmt::Write as _;

fn main() {
    print!("{}", page());
}

/// The page in Markdown.
pub(crate) fn page() -> String {
    let mut program = brinery_cli::command().term_width(100);
    program.build();
    let mut text = String::from(
        "# Command line\n\n\
         `brinery` is a program of its own and also comes with the Python package, as the command `brinery` and as\n\
         `python -m brinery`. The [guide](../guides/look-into.md) shows it at work. `python -m brinery run`, which the Python\n\
         package adds, has [a guide of its own](../guides/run.md).\n\n",
    );
    for paragraph in program.get_after_help().map(ToString::to_string).unwrap_or_default().split("\n\n") {
        let mut lines = paragraph.lines();
        match lines.next() {
            Some(title) if title.ends_with(':') => {
                writeln!(text, "**{title}**\n").unwrap();
                for line in lines {
                    let (code, meaning) = line.trim().split_once("  ").unwrap_or((line.trim(), ""));
                    writeln!(text, "- `{code}`: {}", meaning.trim()).unwrap();
                }
                text.push('\n');
            }
            _ => write!(text, "{paragraph}\n\n").unwrap(),
        }
    }
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        describe(command, &mut text);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// One command: what it does, how it is written, its arguments.
fn describe(command: &Command, text: &mut String) {
    write!(text, "## brinery {}\n\n", command.get_name()).unwrap();
    let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string);
    write!(text, "{}\n\n", escaped(&about.unwrap_or_default())).unwrap();
    let usage = command.clone().render_usage().to_string();
    write!(text, "```text\n{}\n```\n\n", usage.trim_start_matches("Usage: ")).unwrap();
    let (positional, options): (Vec<&Arg>, Vec<&Arg>) =
        command.get_arguments().filter(|arg| !arg.is_hide_set()).partition(|arg| arg.is_positional());
    let own = options.into_iter().filter(|arg| arg.get_id() != "help" && !arg.is_global_set());
    let rows: Vec<&Arg> = positional.into_iter().chain(own).collect();
    if rows.is_empty() {
        return;
    }
    text.push_str("| | |\n|---|---|\n");
    for arg in rows {
        let help =
            arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
        writeln!(text, "| `{}` | {}{} |", spelling(arg), escaped(&help).replace('\n', " "), default(arg))
            .unwrap();
    }
    text.push('\n');
}

/// The argument as it is written: `-d`, `--depth N`.
fn spelling(arg: &Arg) -> String {
    let value =
        arg.get_value_names().filter(|_| arg.get_action().takes_values()).map(|names| names[0].as_str());
    if arg.is_positional() {
        return value.unwrap_or_default().to_owned();
    }
    let mut names: Vec<String> = arg.get_short().into_iter().map(|short| format!("-{short}")).collect();
    names.extend(arg.get_long().map(|long| format!("--{long}")));
    let names = names.join("`, `");
    value.map_or(names.clone(), |value| format!("{names} {value}"))
}

/// The default value, if there is one and it says something.
fn default(arg: &Arg) -> String {
    let values: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if values.is_empty() || !arg.get_action().takes_values() {
        String::new()
    } else {
        format!(" (`{}`)", values.join(" "))
    }
}

/// Text whose special characters mean themselves in Markdown.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;")
}
