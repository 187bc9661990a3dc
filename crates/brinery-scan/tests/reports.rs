//! What is rendered is what its readers ask for.

use brinery_scan::{Report, Scanner, Verdict, render};
use serde_json::Value;
use std::io::Write;

/// Reports with findings and notes of every verdict, and with names that are hard to write.
fn reports() -> Vec<Report> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"cos\nsystem\n(S'true'\ntR.").unwrap();
    let gzip = gzip.finish().unwrap();
    let files: [(&str, &[u8]); 10] = [
        ("clean.pkl", b"\x80\x04]\x94(K\x01K\x02e."),
        ("needs.pkl", b"\x80\x04\x8c\x04shop\x8c\x05Order\x93)\x81."),
        ("/srv/a b/\"quoted\" %41.pkl", b"cos\nsystem\n(S'\"\\\\\x01'\ntR."),
        (
            "C:\\models\\na\u{ef}ve.pkl",
            b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x06\xe2\x80\xa8\xe2\x80\xa9\x85R.",
        ),
        ("broken.pkl", b"\x80\x04]\x94(K\x01K"),
        ("ambiguous.pkl", b"\x80\x02\x82\x01."),
        ("budget.pkl", b"\x80\x04Nr\xff\xff\xff\x7f."),
        ("none.pkl", b"nothing of the kind"),
        ("cut.zip", b"PK\x03\x04\x14\0\0\0"),
        ("model.gz", &gzip),
    ];
    let mut reports: Vec<Report> =
        files.iter().map(|(name, bytes)| Scanner::new().threads(1).scan_bytes(name, bytes)).collect();
    reports.push(Scanner::new().scan_paths(["no-such-file"], None));
    let files = reports.iter().flat_map(|report| report.files.clone()).collect();
    let mut together = Report::default();
    together.files = files;
    reports.push(together);
    reports
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no text at {pointer} of {value}"))
}

fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .unwrap_or_else(|| panic!("no list at {pointer} of {value}"))
}

/// Whether text is a URI reference: no character that would have to be escaped, no scheme but `file`.
fn is_uri(text: &str) -> bool {
    let rest = text.strip_prefix("file://").unwrap_or(text);
    let mut bytes = rest.bytes();
    while let Some(byte) = bytes.next() {
        let sound = match byte {
            b'%' => (0..2).all(|_| bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit())),
            _ => byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte),
        };
        if !sound {
            return false;
        }
    }
    !rest.is_empty()
}

/// What SARIF 2.1.0 requires of a log, and of the objects in it that brinery writes.
fn is_sarif(log: &Value) {
    assert_eq!(text(log, "/version"), "2.1.0");
    assert!(text(log, "/$schema").contains("sarif-2.1.0"));
    let allowed = |value: &Value, names: &[&str]| {
        for name in value.as_object().expect("an object").keys() {
            assert!(names.contains(&name.as_str()), "{name} is not in {names:?}");
        }
    };
    allowed(log, &["$schema", "version", "runs"]);
    for run in list(log, "/runs") {
        allowed(run, &["tool", "columnKind", "results"]);
        assert_eq!(text(run, "/columnKind"), "unicodeCodePoints");
        let driver = &run["tool"]["driver"];
        allowed(driver, &["name", "version", "rules"]);
        assert!(!text(driver, "/name").is_empty());
        let rules = list(driver, "/rules");
        let ids: Vec<&str> = rules.iter().map(|rule| text(rule, "/id")).collect();
        for (rule, id) in rules.iter().zip(&ids) {
            allowed(rule, &["id", "shortDescription"]);
            assert!(!text(rule, "/shortDescription/text").is_empty());
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1, "{id} is there twice");
        }
        for result in list(run, "/results") {
            allowed(result, &["ruleId", "ruleIndex", "level", "message", "locations", "properties"]);
            let index = result["ruleIndex"].as_u64().expect("an index");
            assert_eq!(ids.get(index as usize), Some(&text(result, "/ruleId")));
            assert!(["none", "note", "warning", "error"].contains(&text(result, "/level")));
            assert!(!text(result, "/message/text").is_empty());
            let locations = list(result, "/locations");
            assert!(!locations.is_empty());
            for location in locations {
                allowed(location, &["physicalLocation", "logicalLocations"]);
                let physical = &location["physicalLocation"];
                allowed(physical, &["artifactLocation", "region"]);
                allowed(&physical["artifactLocation"], &["uri"]);
                let uri = text(physical, "/artifactLocation/uri");
                assert!(is_uri(uri), "{uri}");
                if let Some(region) = physical.get("region") {
                    allowed(region, &["byteOffset", "byteLength"]);
                    assert!(region["byteOffset"].is_u64() && region["byteLength"].is_u64());
                }
                for logical in list(location, "/logicalLocations") {
                    allowed(logical, &["fullyQualifiedName", "kind"]);
                    assert!(!text(logical, "/fullyQualifiedName").is_empty());
                }
            }
            assert!(result.get("properties").is_none_or(Value::is_object));
        }
    }
}

#[test]
fn sarif_is_as_the_standard_has_it() {
    for report in reports() {
        let log: Value = serde_json::from_str(&render::sarif(&report)).unwrap();
        is_sarif(&log);
        assert_eq!(list(&log, "/runs").len(), 1);
        let told: usize = report
            .files
            .iter()
            .map(|file| {
                file.findings().count()
                    + file.notes.iter().filter(|note| note.verdict > Verdict::Clean).count()
            })
            .sum();
        assert_eq!(list(&log, "/runs/0/results").len(), told);
        let flagged = list(&log, "/runs/0/results").iter().any(|result| result["level"] == "error");
        assert_eq!(flagged, report.verdict() >= Verdict::Budget);
    }
}

#[test]
fn an_offset_in_what_was_unpacked_is_none_in_the_file() {
    let report = reports().into_iter().find(|report| report.files[0].path == "model.gz").unwrap();
    let log: Value = serde_json::from_str(&render::sarif(&report)).unwrap();
    for result in list(&log, "/runs/0/results") {
        assert!(result.pointer("/locations/0/physicalLocation/region").is_none());
        let place = text(result, "/locations/0/logicalLocations/0/fullyQualifiedName");
        assert!(place.starts_with("model.gz::gzip@"), "{place}");
    }
}

#[test]
fn json_has_all_that_was_found() {
    for report in reports() {
        let json: Value = serde_json::from_str(&render::json(&report)).unwrap();
        assert_eq!(text(&json, "/schema"), "brinery-scan/1");
        let files = list(&json, "/files");
        assert_eq!(files.len(), report.files.len());
        for (told, file) in files.iter().zip(&report.files) {
            assert_eq!(text(told, "/path"), file.path);
            assert_eq!(list(told, "/streams").len(), file.streams.len());
        }
    }
}
