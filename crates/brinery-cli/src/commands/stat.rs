//! `brinery stat`

use crate::args::Stat;
use crate::exit::{ExitCode, Failure};
use crate::format::{bytes, count, percent, plural};
use crate::input::{self, Input, Pickle};
use crate::output::Terminal;
use crate::style::Styled;
use crate::table::Table;
use brinery::inspect::{Kind, Label, NodeId, Outline};
use brinery::read::{Argument, Decoder};
use brinery::{Opcode, Path};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

pub(crate) fn run(args: &Stat, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    input::each(&args.inputs, terminal, |input, terminal| {
        let pickles = input.pickles(&args.inputs.reading)?;
        for (position, pickle) in pickles.iter().enumerate() {
            if let Some(failure) = input.trailing(pickle) {
                return Err(failure);
            }
            if position > 0 {
                writeln!(terminal.out())?;
            }
            stat(args, input, pickle, pickles.len() > 1, terminal)?;
        }
        Ok(())
    })
}

fn stat(
    args: &Stat,
    input: &Input,
    pickle: &Pickle<'_>,
    several: bool,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let (outline, error) = Outline::read_damaged(pickle.bytes, pickle.base);
    let stream = Stream::of(&pickle.bytes[..outline.stream_len() as usize]);
    let sizes = outline.sizes();
    let references = outline.references();
    if several {
        let heading = Styled(terminal.styles.heading, format!("pickle {}", pickle.number));
        writeln!(terminal.out(), "{heading}")?;
    }
    summary(&outline, &stream, &references, input, error.is_some(), terminal)?;
    stream.opcodes(outline.stream_len()).write(args.top, terminal)?;
    types(&outline, &sizes, &references).write(args.top, terminal)?;
    paths(&outline, &sizes, args.depth).write(args.top, terminal)?;
    globals(&outline, &references).write(args.top, terminal)?;
    repeated(&outline).write(args.top, terminal)?;
    match error {
        Some(error) => Err(Failure::of(&input.name, error)),
        None => Ok(()),
    }
}

/// What the opcodes themselves tell.
#[derive(Default)]
struct Stream {
    by_opcode: BTreeMap<Opcode, (u64, u64)>,
    frames: u64,
    largest_frame: u64,
    stored: u64,
    fetched: u64,
    indexes: HashSet<u64>,
}

impl Stream {
    fn of(bytes: &[u8]) -> Self {
        let mut stream = Stream::default();
        for instruction in Decoder::new(bytes).map_while(Result::ok) {
            let (times, total) = stream.by_opcode.entry(instruction.opcode).or_default();
            *times += 1;
            *total += instruction.end - instruction.offset;
            match (instruction.opcode, instruction.argument) {
                (Opcode::Frame, Argument::UInt8(len)) => {
                    stream.frames += 1;
                    stream.largest_frame = stream.largest_frame.max(len);
                }
                (Opcode::Put | Opcode::BinPut | Opcode::LongBinPut | Opcode::Memoize, _) => {
                    stream.stored += 1;
                }
                (Opcode::BinGet | Opcode::LongBinGet, Argument::Int(index)) => {
                    stream.fetched += 1;
                    stream.indexes.insert(index as u64);
                }
                (Opcode::Get, Argument::Line(line)) => {
                    stream.fetched += 1;
                    let index = std::str::from_utf8(line).ok().and_then(|line| line.parse::<u64>().ok());
                    stream.indexes.extend(index);
                }
                _ => {}
            }
        }
        stream
    }

    fn opcodes(&self, whole: u64) -> Table {
        let mut rows: Vec<_> = self.by_opcode.iter().collect();
        rows.sort_by_key(|&(opcode, &(times, total))| (std::cmp::Reverse((total, times)), opcode));
        let mut table = Table::new("opcodes", &["bytes", "share", "count"]);
        for (opcode, &(times, total)) in rows {
            table.row([count(total), percent(total, whole), count(times), opcode.name().into()]);
        }
        table
    }
}

fn summary(
    outline: &Outline<'_>,
    stream: &Stream,
    references: &[u32],
    input: &Input,
    damaged: bool,
    terminal: &mut Terminal<'_>,
) -> io::Result<()> {
    let dim = terminal.styles.dim;
    let mut line = |name: &str, value: String| {
        writeln!(terminal.out(), "{}{value}", Styled(dim, format_args!("{name:<10}")))
    };
    let wrappers: Vec<_> = input.wrappers.iter().map(|wrapper| wrapper.name()).collect();
    let inside =
        if wrappers.is_empty() { String::new() } else { format!(", inside {}", wrappers.join(" in ")) };
    let damage = if damaged { ", damaged after that" } else { "" };
    let len = outline.stream_len();
    let rough = if len < 1024 { String::new() } else { format!(" ({})", bytes(len)) };
    line("size", format!("{}{rough}{inside}{damage}", plural(len, "byte")))?;
    line("protocol", outline.protocol().map_or("none declared".into(), |protocol| protocol.to_string()))?;
    if stream.frames > 0 {
        line(
            "frames",
            format!("{}, the largest of {}", stream.frames, plural(stream.largest_frame, "byte")),
        )?;
    }
    let objects = references.iter().filter(|&&references| references > 0).count() as u64;
    let shared =
        outline.nodes().filter(|&(id, _)| references[id.index()] > 1 && outline.has_edges(id)).count();
    line("objects", format!("{}, {} of them shared", count(objects), count(shared as u64)))?;
    let useless = stream.stored.saturating_sub(stream.indexes.len() as u64);
    line(
        "memo",
        format!(
            "{} stored, {} of them never fetched; fetched {}",
            count(stream.stored),
            count(useless),
            plural(stream.fetched, "time"),
        ),
    )
}

/// Counts and sizes by type, for what is part of the object.
fn types(outline: &Outline<'_>, sizes: &[u64], references: &[u32]) -> Table {
    #[derive(Default)]
    struct Total {
        times: u64,
        own: u64,
        whole: u64,
    }
    let mut totals: HashMap<Cow<'_, str>, Total> = HashMap::new();
    for (id, _) in outline.nodes().filter(|(id, _)| references[id.index()] > 0) {
        let total = totals.entry(outline.type_name(id)).or_default();
        total.times += 1;
        total.own += outline.own_size(id);
        total.whole += sizes[id.index()];
    }
    let mut rows: Vec<_> = totals.into_iter().collect();
    rows.sort_by(|(x, a), (y, b)| (b.own, b.times, x).cmp(&(a.own, a.times, y)));
    let mut table = Table::new("types", &["bytes", "with parts", "count"]);
    for (name, total) in rows {
        table.row([count(total.own), count(total.whole), count(total.times), name.into_owned()]);
    }
    table
}

/// A step to parts that are added up.
#[derive(PartialEq, Eq, Hash)]
enum Step<'a> {
    /// To all items of a list or tuple.
    Items,
    /// To all elements of a set.
    Elements,
    /// To the value of a key that is text.
    Key(&'a [u8]),
    /// To an attribute.
    Attribute(&'a [u8]),
    /// Any other.
    Other(String),
}

/// Objects whose paths differ in no more than indexes.
struct Group<'a> {
    /// The group that the objects are parts of, and how they are.
    from: Option<(usize, Label)>,
    members: HashMap<Step<'a>, usize>,
    size: u64,
    times: u64,
    depth: usize,
}

/// Sizes by path, with all items of a list or set under one.
fn paths(outline: &Outline<'_>, sizes: &[u64], depth: usize) -> Table {
    let mut groups = vec![Group { from: None, members: HashMap::new(), size: 0, times: 0, depth: 0 }];
    let mut seen = vec![false; sizes.len()];
    let mut pending = vec![(outline.root(), 0)];
    let mut budget = 4 * sizes.len() + 1_000_000;
    while let Some((id, group)) = pending.pop() {
        if std::mem::replace(&mut seen[id.index()], true) {
            continue;
        }
        groups[group].size += sizes[id.index()];
        groups[group].times += 1;
        if groups[group].depth == depth {
            continue;
        }
        let edges = outline.edges(id);
        // A state that very many instances share would be gone through for each of them.
        budget = budget.saturating_sub(edges.len());
        if budget == 0 {
            break;
        }
        for edge in edges.into_iter().rev().filter(|edge| !seen[edge.node.index()]) {
            let new = groups.len();
            let part = *groups[group].members.entry(step(outline, edge.label)).or_insert(new);
            if part == new {
                let depth = groups[group].depth + 1;
                let from = Some((group, edge.label));
                groups.push(Group { from, members: HashMap::new(), size: 0, times: 0, depth });
            }
            pending.push((edge.node, part));
        }
    }
    let whole = sizes[outline.root().index()];
    let mut order: Vec<_> = (1..groups.len()).filter(|&group| groups[group].times > 0).collect();
    order.sort_by_key(|&group| (std::cmp::Reverse(groups[group].size), group));
    let mut table = Table::new("paths", &["bytes", "share", "count"]);
    for group in order {
        let Group { size, times, .. } = groups[group];
        table.row([count(size), percent(size, whole), count(times), path(outline, &groups, group)]);
    }
    table
}

fn step<'a>(outline: &'a Outline<'_>, label: Label) -> Step<'a> {
    let text = |id: NodeId| match outline.kind(id) {
        Kind::Str(text) => Some(text.as_ref()),
        _ => None,
    };
    match label {
        Label::Index(_) => Step::Items,
        Label::Element(_) => Step::Elements,
        Label::Key(key) if text(key).is_some() => Step::Key(text(key).unwrap_or_default()),
        Label::Attribute(key) if text(key).is_some() => Step::Attribute(text(key).unwrap_or_default()),
        label => Step::Other(std::iter::once(outline.segment(label)).collect::<Path>().to_string()),
    }
}

fn path(outline: &Outline<'_>, groups: &[Group<'_>], mut group: usize) -> String {
    let mut steps = Vec::new();
    while let Some((from, label)) = groups[group].from {
        steps.push(match label {
            Label::Index(_) => "[*]".into(),
            Label::Element(_) => "{*}".into(),
            label => {
                let path = std::iter::once(outline.segment(label)).collect::<Path>().to_string();
                path.strip_prefix("obj").unwrap_or(&path).to_owned()
            }
        });
        group = from;
    }
    steps.push("obj".into());
    steps.into_iter().rev().collect()
}

/// What a pickle names: everything that loading it would import.
fn globals(outline: &Outline<'_>, references: &[u32]) -> Table {
    let mut uses: BTreeMap<String, u64> = BTreeMap::new();
    for (id, node) in outline.nodes() {
        if matches!(node.kind, Kind::Global { .. } | Kind::Extension(_)) {
            // One that spells bytes or a set in an old protocol is not part of the object, and is imported all the same.
            *uses.entry(outline.name(id)).or_default() += u64::from(references[id.index()].max(1));
        }
    }
    let mut table = Table::new("globals", &["uses"]);
    for (name, times) in uses {
        table.row([count(times), name]);
    }
    table
}

/// Text that the pickle holds more than once.
fn repeated(outline: &Outline<'_>) -> Table {
    let mut texts: HashMap<&[u8], (u64, u64, NodeId)> = HashMap::new();
    for (id, node) in outline.nodes() {
        if let Kind::Str(text) = &node.kind {
            let (times, total, _) = texts.entry(text).or_insert((0, 0, id));
            *times += 1;
            *total += outline.own_size(id);
        }
    }
    let mut rows: Vec<_> = texts.into_values().filter(|&(times, ..)| times > 1).collect();
    rows.sort_by_key(|&(times, total, id)| (std::cmp::Reverse((total, times)), id));
    let mut table = Table::new("repeated text", &["bytes", "times"]);
    for (times, total, id) in rows {
        table.row([count(total), count(times), outline.brief(id, 200)]);
    }
    table
}
