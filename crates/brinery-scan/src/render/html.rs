//! The report as one page that needs nothing else: open it anywhere, send it to anybody.

use super::junit::escape;
use super::rules::about;
use crate::report::{FileReport, Finding, Report, StreamReport, Verdict};
use std::fmt::Write;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

fn badge(verdict: Verdict) -> String {
    format!("<span class=\"badge {verdict}\">{verdict}</span>")
}

fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", units[unit]) }
}

fn finding(page: &mut String, finding: &Finding) {
    let _ = write!(
        page,
        "<article class=\"finding {0}\"><header>{1}<p class=\"message\">{2}</p></header>",
        finding.verdict,
        badge(finding.verdict),
        escape(&finding.message)
    );
    let mut facts = Vec::new();
    if let Some(global) = &finding.global {
        let call = finding.arguments.as_ref().map_or(escape(global), |arguments| {
            format!("{}<span class=\"args\">{}</span>", escape(global), escape(arguments))
        });
        facts.push(("what", format!("<code>{call}</code>")));
    }
    let opcode = finding.opcode.map_or(String::new(), |opcode| format!(" · {opcode}"));
    facts.push(("where", format!("offset {}{opcode}", finding.offset)));
    if let Some(path) = &finding.path {
        facts.push(("path", format!("<code>{}</code>", escape(path))));
    }
    if let Some(category) = finding.category {
        facts.push(("effect", escape(category)));
    }
    facts.push(("rule", format!("<code>{}</code> {}", escape(finding.rule), escape(about(finding.rule)))));
    page.push_str("<dl>");
    for (name, value) in facts {
        let _ = write!(page, "<dt>{name}</dt><dd>{value}</dd>");
    }
    page.push_str("</dl>");
    if !finding.context.is_empty() {
        page.push_str("<table class=\"dis\"><tbody>");
        for line in &finding.context {
            let here = if line.here { " class=\"here\"" } else { "" };
            let _ = write!(
                page,
                "<tr{here}><td class=\"offset\">{}</td><td class=\"op\">{}</td><td>{}</td></tr>",
                line.offset,
                line.opcode,
                escape(&line.argument)
            );
        }
        page.push_str("</tbody></table>");
    }
    page.push_str("</article>");
}

/// The way from the file to the stream, as a tree of one branch.
fn tree(page: &mut String, file: &FileReport, stream: &StreamReport) {
    let inside = stream.container.strip_prefix(&file.path).unwrap_or(&stream.container);
    let steps: Vec<&str> = std::iter::once(file.path.rsplit('/').next().unwrap_or(&file.path))
        .chain(inside.split("::").filter(|step| !step.is_empty()))
        .collect();
    page.push_str("<div class=\"tree\">");
    for (depth, step) in steps.iter().enumerate() {
        let branch = if depth == 0 { "" } else { "└ " };
        let _ = write!(
            page,
            "<div style=\"--depth:{depth}\"><span class=\"branch\">{branch}</span>{}</div>",
            escape(step)
        );
    }
    let protocol = stream.protocol.map_or(String::new(), |protocol| format!(", protocol {protocol}"));
    let _ = write!(
        page,
        "<div style=\"--depth:{}\"><span class=\"branch\">└ </span>pickle at offset {}, {}{protocol}</div></div>",
        steps.len(),
        stream.offset,
        size(stream.len)
    );
}

fn stream(page: &mut String, file: &FileReport, stream: &StreamReport) {
    let _ = write!(page, "<section class=\"stream\">");
    tree(page, file, stream);
    for one in &stream.findings {
        finding(page, one);
    }
    if stream.unsaid > 0 {
        let _ = write!(page, "<p class=\"quiet\">and {} more findings of the kind</p>", stream.unsaid);
    }
    if !stream.globals.is_empty() {
        let _ = write!(
            page,
            "<details class=\"globals\"><summary>{} classes and functions named</summary><ul>",
            stream.globals.len()
        );
        for global in stream.globals.iter().take(500) {
            let _ = write!(page, "<li><code>{}.{}</code></li>", escape(&global.module), escape(&global.name));
        }
        page.push_str("</ul></details>");
    }
    page.push_str("</section>");
}

fn file(page: &mut String, file: &FileReport) {
    let open = if file.verdict.is_flagged() { " open" } else { "" };
    let formats = if file.formats.is_empty() {
        String::new()
    } else {
        format!(" · {}", escape(&file.formats.join(" › ")))
    };
    let _ = write!(
        page,
        "<details class=\"file {0}\" data-verdict=\"{0}\"{open}><summary>{1}<span class=\"path\">{2}</span><span class=\"quiet\">{3}{formats} · {4}</span></summary>",
        file.verdict,
        badge(file.verdict),
        escape(&file.path),
        size(file.size),
        match file.streams.len() {
            0 => "no pickles".into(),
            1 => "1 pickle".into(),
            count => format!("{count} pickles"),
        },
    );
    for note in &file.notes {
        let _ = write!(
            page,
            "<article class=\"finding {0}\"><header>{1}<p class=\"message\">{2}</p></header><dl><dt>where</dt><dd>{3}</dd></dl></article>",
            note.verdict,
            badge(note.verdict),
            escape(&note.message),
            escape(&note.container)
        );
    }
    for one in file.streams.iter().filter(|stream| !stream.findings.is_empty()).take(200) {
        stream(page, file, one);
    }
    page.push_str("</details>");
}

/// The report as an HTML page, the worst files first.
///
/// ```
/// let report = brinery_scan::Scanner::new().scan_bytes("a.pkl", b"cos\nsystem\n(S'true'\ntR.");
/// let page = brinery_scan::render::html(&report);
/// assert!(page.contains("os.system") && !page.contains("http"));
/// ```
pub fn html(report: &Report) -> String {
    let mut page = String::new();
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>brinery scan: {}</title><style>{STYLE}</style></head><body><main>",
        report.verdict()
    );
    let headline = match report.files.iter().filter(|file| file.verdict.is_flagged()).count() {
        0 => "Nothing was found".to_owned(),
        1 => "Something was found in 1 file".to_owned(),
        count => format!("Something was found in {count} files"),
    };
    let _ = write!(
        page,
        "<header class=\"top {}\"><h1>{headline}</h1><p class=\"quiet\">brinery scan {} · {} files · {}</p><nav>",
        report.verdict(),
        env!("CARGO_PKG_VERSION"),
        report.files.len(),
        size(report.files.iter().map(|file| file.size).sum()),
    );
    for &verdict in Verdict::ALL.iter().rev() {
        let count = report.count(verdict);
        if count > 0 {
            let _ = write!(
                page,
                "<button type=\"button\" class=\"count {verdict}\" data-verdict=\"{verdict}\"><b>{count}</b> {verdict}</button>"
            );
        }
    }
    page.push_str("</nav></header>");
    let mut files: Vec<&FileReport> = report.files.iter().collect();
    files.sort_by_key(|file| std::cmp::Reverse(file.verdict));
    for one in files {
        file(&mut page, one);
    }
    let _ = writeln!(page, "</main><script>{SCRIPT}</script></body></html>");
    page
}
