//! The report as JSON. The page `docs/reference/scan-report.md` describes it.

use crate::report::{FileReport, Finding, Report, StreamReport, Verdict};
use std::fmt::Write;

/// Text in quotes.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            char if u32::from(char) < 0x20 || char == '\u{7f}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(char));
            }
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

/// An object of these members, whose values are JSON.
pub(super) fn object(members: &[(&str, String)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{}:{value}", quote(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// An array of what is JSON.
pub(super) fn array(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

fn optional(text: Option<&str>) -> String {
    text.map_or("null".into(), quote)
}

fn finding(finding: &Finding) -> String {
    let context = finding.context.iter().map(|line| {
        object(&[
            ("offset", line.offset.to_string()),
            ("opcode", quote(line.opcode)),
            ("argument", quote(&line.argument)),
            ("here", line.here.to_string()),
        ])
    });
    object(&[
        ("verdict", quote(finding.verdict.name())),
        ("rule", quote(finding.rule)),
        ("message", quote(&finding.message)),
        ("offset", finding.offset.to_string()),
        ("opcode", optional(finding.opcode)),
        ("global", optional(finding.global.as_deref())),
        ("arguments", optional(finding.arguments.as_deref())),
        ("path", optional(finding.path.as_deref())),
        ("category", optional(finding.category)),
        ("context", array(context)),
    ])
}

fn stream(stream: &StreamReport) -> String {
    let globals = stream.globals.iter().map(|global| {
        object(&[
            ("module", quote(&global.module)),
            ("name", quote(&global.name)),
            ("offset", global.offset.to_string()),
        ])
    });
    object(&[
        ("container", quote(&stream.container)),
        ("offset", stream.offset.to_string()),
        ("length", stream.len.to_string()),
        ("protocol", stream.protocol.map_or("null".into(), |protocol| protocol.to_string())),
        ("verdict", quote(stream.verdict.name())),
        ("findings", array(stream.findings.iter().map(finding))),
        ("unsaid", stream.unsaid.to_string()),
        ("globals", array(globals)),
    ])
}

fn file(file: &FileReport) -> String {
    let notes = file.notes.iter().map(|note| {
        object(&[
            ("container", quote(&note.container)),
            ("verdict", quote(note.verdict.name())),
            ("rule", quote(note.rule)),
            ("message", quote(&note.message)),
        ])
    });
    object(&[
        ("path", quote(&file.path)),
        ("size", file.size.to_string()),
        ("verdict", quote(file.verdict.name())),
        ("formats", array(file.formats.iter().map(|format| quote(format)))),
        ("streams", array(file.streams.iter().map(stream))),
        ("notes", array(notes)),
    ])
}

/// The report as JSON, a line for each file.
///
/// ```
/// let report = brinery_scan::Scanner::new().scan_bytes("a.pkl", b"N.");
/// let json = brinery_scan::render::json(&report);
/// assert!(json.starts_with("{\"schema\":\"brinery-scan/1\","));
/// ```
pub fn json(report: &Report) -> String {
    let counts: Vec<_> =
        Verdict::ALL.iter().map(|&verdict| (verdict.name(), report.count(verdict).to_string())).collect();
    let files: Vec<String> = report.files.iter().map(file).collect();
    format!(
        "{{\"schema\":\"brinery-scan/1\",\"version\":{},\"verdict\":{},\"counts\":{},\"files\":[\n{}\n]}}\n",
        quote(env!("CARGO_PKG_VERSION")),
        quote(report.verdict().name()),
        object(&counts),
        files.join(",\n"),
    )
}
