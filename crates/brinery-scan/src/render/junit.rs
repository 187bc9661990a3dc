//! The report as `JUnit` XML, which build servers show: a test for each file.

use crate::report::{FileReport, Report, Verdict};
use std::fmt::Write;

/// Text for XML, without what XML cannot hold.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(char),
            char if u32::from(char) < 0x20
                || matches!(char, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}') =>
            {
                escaped.push('\u{fffd}');
            }
            char => escaped.push(char),
        }
    }
    escaped
}

fn details(file: &FileReport) -> String {
    let mut text = String::new();
    for (stream, finding) in file.findings() {
        let _ = writeln!(
            text,
            "{}@{}: {}: {}",
            stream.container, finding.offset, finding.verdict, finding.message
        );
    }
    for note in &file.notes {
        let _ = writeln!(text, "{}: {}: {}", note.container, note.verdict, note.message);
    }
    text
}

/// The report as `JUnit` XML. With `strict`, what [needs](Verdict::Needs) something is a failure.
///
/// ```
/// let report = brinery_scan::Scanner::new().scan_bytes("a.pkl", b"N.");
/// assert!(brinery_scan::render::junit(&report, false).contains("<testcase classname=\"brinery.scan\" name=\"a.pkl\"/>"));
/// ```
pub fn junit(report: &Report, strict: bool) -> String {
    let fails = |verdict: Verdict| verdict.is_flagged() || strict && verdict == Verdict::Needs;
    let errs = |verdict: Verdict| verdict.exit_code() == 2;
    let failures = report.files.iter().filter(|file| fails(file.verdict)).count();
    let errors = report.files.iter().filter(|file| errs(file.verdict)).count();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"brinery scan\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\">\n",
        report.files.len(),
    );
    for file in &report.files {
        let name = escape(&file.path);
        let kind = if fails(file.verdict) {
            "failure"
        } else if errs(file.verdict) {
            "error"
        } else {
            let _ = writeln!(xml, "<testcase classname=\"brinery.scan\" name=\"{name}\"/>");
            continue;
        };
        let worst = file.findings().map(|(_, finding)| finding).max_by_key(|finding| finding.verdict);
        let message = worst
            .map(|finding| finding.message.as_str())
            .or(file.notes.first().map(|note| note.message.as_str()));
        let _ = writeln!(
            xml,
            "<testcase classname=\"brinery.scan\" name=\"{name}\"><{kind} type=\"{}\" message=\"{}\">{}</{kind}></testcase>",
            file.verdict,
            escape(message.unwrap_or_default()),
            escape(&details(file)),
        );
    }
    xml.push_str("</testsuite>\n</testsuites>\n");
    xml
}
