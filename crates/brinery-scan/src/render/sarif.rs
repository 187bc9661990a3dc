//! The report as SARIF 2.1.0, which code hosts show beside the files.

use super::json::{array, object, quote};
use super::rules::about;
use crate::report::{Report, Verdict};
use std::fmt::Write;

/// The severity that SARIF has for a verdict.
fn level(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Dangerous | Verdict::Ambiguous | Verdict::Budget => "error",
        Verdict::Malformed | Verdict::Unreadable => "warning",
        Verdict::Needs => "note",
        Verdict::Clean => "none",
    }
}

/// A path as a relative or absolute URI reference.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for &byte in path.replace('\\', "/").as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(byte as char);
            }
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    if uri.starts_with('/') { format!("file://{uri}") } else { uri }
}

/// The report as SARIF.
///
/// ```
/// let report = brinery_scan::Scanner::new().scan_bytes("a.pkl", b"cos\nsystem\n(S'true'\ntR.");
/// let sarif = brinery_scan::render::sarif(&report);
/// assert!(sarif.contains("\"ruleId\":\"forbidden-call\""));
/// ```
pub fn sarif(report: &Report) -> String {
    let mut rules: Vec<&'static str> = Vec::new();
    let mut results = Vec::new();
    let mut index = |rule| match rules.iter().position(|known| *known == rule) {
        Some(position) => position,
        None => {
            rules.push(rule);
            rules.len() - 1
        }
    };
    for file in &report.files {
        let artifact = object(&[("uri", quote(&uri(&file.path)))]);
        for (stream, finding) in file.findings() {
            // Only what stands in the file itself has an offset there.
            let mut physical = vec![("artifactLocation", artifact.clone())];
            if stream.container == file.path {
                physical.push((
                    "region",
                    object(&[("byteOffset", finding.offset.to_string()), ("byteLength", "1".into())]),
                ));
            }
            let logical = object(&[
                ("fullyQualifiedName", quote(&format!("{}@{}", stream.container, finding.offset))),
                ("kind", quote("object")),
            ]);
            let location =
                object(&[("physicalLocation", object(&physical)), ("logicalLocations", array([logical]))]);
            let optional = |text: Option<&str>| text.map_or("null".into(), quote);
            let properties = object(&[
                ("verdict", quote(finding.verdict.name())),
                ("offset", finding.offset.to_string()),
                ("opcode", optional(finding.opcode)),
                ("global", optional(finding.global.as_deref())),
                ("arguments", optional(finding.arguments.as_deref())),
                ("category", optional(finding.category)),
            ]);
            results.push(object(&[
                ("ruleId", quote(finding.rule)),
                ("ruleIndex", index(finding.rule).to_string()),
                ("level", quote(level(finding.verdict))),
                ("message", object(&[("text", quote(&format!("{}: {}", finding.verdict, finding.message)))])),
                ("locations", array([location])),
                ("properties", properties),
            ]));
        }
        for note in file.notes.iter().filter(|note| note.verdict > Verdict::Clean) {
            let logical =
                object(&[("fullyQualifiedName", quote(&note.container)), ("kind", quote("object"))]);
            let physical = object(&[("artifactLocation", artifact.clone())]);
            results.push(object(&[
                ("ruleId", quote(note.rule)),
                ("ruleIndex", index(note.rule).to_string()),
                ("level", quote(level(note.verdict))),
                ("message", object(&[("text", quote(&format!("{}: {}", note.verdict, note.message)))])),
                (
                    "locations",
                    array([object(&[
                        ("physicalLocation", physical),
                        ("logicalLocations", array([logical])),
                    ])]),
                ),
            ]));
        }
    }
    let rules = rules.iter().map(|rule| {
        object(&[("id", quote(rule)), ("shortDescription", object(&[("text", quote(about(rule)))]))])
    });
    let driver = object(&[
        ("name", quote("brinery scan")),
        ("version", quote(env!("CARGO_PKG_VERSION"))),
        ("rules", array(rules)),
    ]);
    let run = object(&[
        ("tool", object(&[("driver", driver)])),
        ("columnKind", quote("unicodeCodePoints")),
        ("results", array(results)),
    ]);
    let schema = "https://json.schemastore.org/sarif-2.1.0.json";
    object(&[("$schema", quote(schema)), ("version", quote("2.1.0")), ("runs", array([run]))]) + "\n"
}
