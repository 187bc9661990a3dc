//! `brinery scan`

use crate::args::{ReportFormat, Scan};
use crate::exit::{ExitCode, Failure, plain};
use crate::format::{bytes, count, fit, plural};
use crate::output::Terminal;
use crate::style::Styled;
use anstyle::Style;
use brinery::policy::Policy;
use brinery_scan::{FileReport, Finding, Progress, Report, Scanner, StreamReport, Verdict, render};
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// How many findings of one pickle are printed.
const FINDINGS: usize = 12;
/// How wide the bar is.
const BAR: u64 = 24;

pub(crate) fn run(args: &Scan, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    let mut scanner = Scanner::new().threads(args.threads).max_unpacked(args.max_unpacked);
    for path in &args.policy {
        scanner = scanner.policy(policy(path)?);
    }
    let report = scan(&scanner, &args.paths, terminal)?;
    let text = match args.format {
        ReportFormat::Text if args.output.is_none() => {
            print(&report, args, terminal)?;
            None
        }
        ReportFormat::Text => Some(plain_text(&report, args)?),
        ReportFormat::Json => Some(render::json(&report)),
        ReportFormat::Sarif => Some(render::sarif(&report)),
        ReportFormat::Junit => Some(render::junit(&report, args.strict)),
        ReportFormat::Html => Some(render::html(&report)),
    };
    match (text, &args.output) {
        (Some(text), Some(path)) => {
            std::fs::write(path, text)
                .map_err(|error| Failure::of(&path.to_string_lossy(), plain(&error)))?;
        }
        (Some(text), None) => terminal.out().write_all(text.as_bytes())?,
        (None, _) => {}
    }
    if args.format != ReportFormat::Text || args.output.is_some() {
        terminal.note(&summary(&report));
    }
    Ok(match report.exit_code(args.strict) {
        0 => ExitCode::Success,
        1 => ExitCode::Different,
        _ => ExitCode::Error,
    })
}

fn policy(path: &Path) -> Result<Policy, Failure> {
    let name = path.to_string_lossy();
    let text = std::fs::read_to_string(path).map_err(|error| Failure::of(&name, plain(&error)))?;
    Policy::from_toml(&text).map_err(|problem| Failure::of(&name, problem))
}

/// Scans on other threads and shows on this one how far that has come.
fn scan(
    scanner: &Scanner,
    paths: &[std::path::PathBuf],
    terminal: &mut Terminal<'_>,
) -> Result<Report, Failure> {
    let mut stdin = None;
    if paths.iter().any(|path| path == Path::new("-")) {
        let mut data = Vec::new();
        io::stdin().lock().read_to_end(&mut data).map_err(|error| Failure::of("<stdin>", plain(&error)))?;
        stdin = Some(scanner.clone().expects_pickle(true).scan_bytes("<stdin>", &data));
    }
    let progress = Progress::default();
    let (done, finished) = mpsc::channel();
    let mut report = std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            let paths = paths.iter().filter(|path| *path != Path::new("-"));
            let report = scanner.scan_paths(paths, Some(&progress));
            // Whoever shows the progress may have gone.
            let _ = done.send(());
            report
        });
        let mut shown = false;
        let mut wait = Duration::from_millis(800);
        while finished.recv_timeout(wait) == Err(mpsc::RecvTimeoutError::Timeout) {
            wait = Duration::from_millis(100);
            if let Some(err) = terminal.progress() {
                shown = true;
                let _ = write!(err, "\r\x1b[K{}", bar(&progress));
                let _ = err.flush();
            }
        }
        if let Some(err) = terminal.progress().filter(|_| shown) {
            let _ = write!(err, "\r\x1b[K");
            let _ = err.flush();
        }
        work.join().unwrap_or_default()
    });
    if let Some(stdin) = stdin {
        report.files.splice(0..0, stdin.files);
    }
    Ok(report)
}

fn bar(progress: &Progress) -> String {
    let ((files, all_files), (done, all)) = (progress.files(), progress.bytes());
    let full = (done * BAR).checked_div(all).unwrap_or(0);
    let bar: String = (0..BAR).map(|at| if at < full { '█' } else { '░' }).collect();
    format!("{bar} {} of {}, {} of {}", count(files), plural(all_files, "file"), bytes(done), bytes(all))
}

fn summary(report: &Report) -> String {
    let counts: Vec<String> = Verdict::ALL
        .iter()
        .rev()
        .filter(|&&verdict| report.count(verdict) > 0)
        .map(|&verdict| format!("{} {verdict}", count(report.count(verdict) as u64)))
        .collect();
    let files = plural(report.files.len() as u64, "file");
    if counts.is_empty() { files } else { format!("{files}: {}", counts.join(", ")) }
}

fn tone(verdict: Verdict, terminal: &Terminal<'_>) -> Style {
    let styles = &terminal.styles;
    match verdict {
        Verdict::Clean => styles.added,
        Verdict::Needs => styles.label,
        Verdict::Malformed | Verdict::Unreadable => styles.changed,
        _ => styles.error,
    }
}

/// The report without colours, for a file.
fn plain_text(report: &Report, args: &Scan) -> Result<String, Failure> {
    let mut text = Vec::new();
    let mut terminal = Terminal::new(
        crate::Stream::new(&mut text),
        crate::Stream::new(io::sink()),
        clap::ColorChoice::Never,
    );
    print(report, args, &mut terminal)?;
    terminal.flush()?;
    drop(terminal);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The report for people.
fn print(report: &Report, args: &Scan, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    for file in &report.files {
        if file.verdict > Verdict::Clean || args.all {
            print_file(file, terminal)?;
        }
    }
    let worst = tone(report.verdict(), terminal);
    writeln!(terminal.out(), "{}", Styled(worst, summary(report)))?;
    if report.verdict().is_flagged() {
        let hint = "do not load what was found; `brinery dis FILE` and `brinery show FILE` look into it without running it";
        print_hint(hint, terminal)?;
    } else if report.count(Verdict::Needs) > 0 && args.policy.is_empty() {
        print_hint(
            "`--policy FILE` grants your own classes, `--strict` makes an error of what is not granted",
            terminal,
        )?;
    }
    Ok(())
}

fn print_hint(hint: &str, terminal: &mut Terminal<'_>) -> io::Result<()> {
    let heading = terminal.styles.heading;
    writeln!(terminal.out(), "{} {hint}", Styled(heading, "hint:"))
}

fn print_file(file: &FileReport, terminal: &mut Terminal<'_>) -> io::Result<()> {
    let (tone_of_file, dim) = (tone(file.verdict, terminal), terminal.styles.dim);
    let formats =
        if file.formats.is_empty() { String::new() } else { format!("  ({})", file.formats.join(", ")) };
    writeln!(
        terminal.out(),
        "{} {}{}",
        Styled(tone_of_file, format_args!("{:<10}", file.verdict.name())),
        visible(&file.path),
        Styled(dim, formats),
    )?;
    for note in file.notes.iter().filter(|note| note.verdict > Verdict::Clean) {
        let inside = inside(&note.container, &file.path);
        let tone = tone(note.verdict, terminal);
        writeln!(terminal.out(), "    {}{inside}", Styled(tone, visible(&note.message)))?;
    }
    for stream in &file.streams {
        print_stream(file, stream, terminal)?;
    }
    Ok(())
}

fn inside(container: &str, path: &str) -> String {
    match container.strip_prefix(path) {
        Some(inside) if !inside.is_empty() => format!(", in {}", visible(inside.trim_start_matches("::"))),
        _ => String::new(),
    }
}

fn print_stream(file: &FileReport, stream: &StreamReport, terminal: &mut Terminal<'_>) -> io::Result<()> {
    let wanted: Vec<&Finding> = stream
        .findings
        .iter()
        .filter(|finding| finding.verdict >= stream.verdict.min(Verdict::Malformed))
        .collect();
    if stream.verdict == Verdict::Needs {
        return print_needs(file, stream, terminal);
    }
    for finding in wanted.iter().take(FINDINGS) {
        let (tone, dim) = (tone(finding.verdict, terminal), terminal.styles.dim);
        writeln!(terminal.out(), "    {}", Styled(tone, visible(&finding.message)))?;
        let opcode = finding.opcode.map_or(String::new(), |opcode| format!(", {opcode}"));
        let mut line =
            format!("at offset {}{opcode}{}", finding.offset, inside(&stream.container, &file.path));
        if let Some(arguments) = &finding.arguments {
            let global = finding.global.as_deref().unwrap_or_default();
            line = format!("{line}: {global}{arguments}");
        }
        if let Some(path) = &finding.path {
            line = format!("{line}, in {path}");
        }
        let (line, width) = (visible(&line), terminal.width());
        writeln!(terminal.out(), "      {}", Styled(dim, fit(&line, width.max(40) - 6)))?;
    }
    let more = wanted.len().saturating_sub(FINDINGS) as u64 + stream.unsaid;
    if more > 0 {
        let dim = terminal.styles.dim;
        writeln!(
            terminal.out(),
            "    {}",
            Styled(dim, format_args!("and {}", plural(more, "more finding")))
        )?;
    }
    Ok(())
}

/// What a pickle needs: the globals, on as few lines as they take.
fn print_needs(file: &FileReport, stream: &StreamReport, terminal: &mut Terminal<'_>) -> io::Result<()> {
    let mut names: Vec<&str> = Vec::new();
    let mut others: Vec<&str> = Vec::new();
    for finding in &stream.findings {
        match finding.global.as_deref() {
            Some(global) if !names.contains(&global) => names.push(global),
            Some(_) => {}
            None => others.push(&finding.message),
        }
    }
    let shown = names.iter().take(FINDINGS).copied().collect::<Vec<_>>().join(", ");
    let more =
        if names.len() > FINDINGS { format!(" and {} more", names.len() - FINDINGS) } else { String::new() };
    let inside = inside(&stream.container, &file.path);
    if !names.is_empty() {
        writeln!(terminal.out(), "    needs {}{more}{inside}", visible(&shown))?;
    }
    for other in others.into_iter().take(FINDINGS) {
        writeln!(terminal.out(), "    {}{inside}", visible(other))?;
    }
    Ok(())
}

/// Text without what would steer a terminal.
fn visible(text: &str) -> String {
    let escape =
        |char: char| if char.is_control() { char.escape_default().to_string() } else { char.to_string() };
    text.chars().map(escape).collect()
}
