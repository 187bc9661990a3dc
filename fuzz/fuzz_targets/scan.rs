//! Any bytes get a report, whatever they are packed in, and its evidence lies within them.
#![no_main]

use brinery_scan::{Scanner, render};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let report = Scanner::new().threads(1).max_unpacked(16 << 20).scan_bytes("input", input);
    let file = &report.files[0];
    for stream in file.streams.iter().filter(|stream| stream.container == "input") {
        assert!(stream.offset + stream.len <= input.len() as u64);
        assert!(stream.findings.iter().all(|finding| finding.offset <= input.len() as u64));
    }
    assert!(file.streams.iter().all(|stream| stream.verdict <= file.verdict));
    let _ = (render::json(&report), render::sarif(&report), render::junit(&report, true), render::html(&report));
});
