//! Prints what a scan finds, one line a stream.
use brinery_scan::Scanner;

fn main() {
    let report = Scanner::new().scan_paths(std::env::args_os().skip(1), None);
    for file in &report.files {
        println!("{}\t{}\t{:?}", file.verdict, file.path, file.formats);
        for note in &file.notes {
            println!("    note {} {} {}", note.verdict, note.container, note.message);
        }
        for stream in &file.streams {
            println!("    {} {}+{} len {}", stream.verdict, stream.container, stream.offset, stream.len);
            for finding in &stream.findings {
                let (rule, at, message) = (finding.rule, finding.offset, &finding.message);
                println!("        {} {rule} @{at} {message} {:?}", finding.verdict, finding.arguments);
            }
        }
    }
    std::process::exit(report.exit_code(false).into());
}
