//! `brinery show`

use crate::args::Show;
use crate::exit::{ExitCode, Failure};
use crate::format::{self, fit, plural};
use crate::input::{self, Input, Pickle};
use crate::output::Terminal;
use crate::style::{Styled, Styles};
use anstyle::Style;
use brinery::inspect::{Edge, Kind, Label, NodeId, Outline};
use std::collections::HashMap;
use std::io::{self, Write};

/// A value of fewer bytes than this shows no size.
const WORTH_A_SIZE: u64 = 64;
/// How long a list or tuple on one line may be.
const INLINE: usize = 80;
const LABEL: usize = 40;

pub(crate) fn run(args: &Show, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    input::each(&args.inputs, terminal, |input, terminal| {
        let pickles = input.pickles(&args.inputs.reading)?;
        for (position, pickle) in pickles.iter().enumerate() {
            if let Some(failure) = input.trailing(pickle) {
                return Err(failure);
            }
            if position > 0 {
                writeln!(terminal.out())?;
            }
            show(args, input, pickle, pickles.len() > 1, terminal)?;
        }
        Ok(())
    })
}

fn show(
    args: &Show,
    input: &Input,
    pickle: &Pickle<'_>,
    several: bool,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let (outline, error) = Outline::read_damaged(pickle.bytes, pickle.base);
    let root = match &args.path {
        None => outline.root(),
        Some(path) => outline.find(path).map_err(|found| no_path(&input.name, path, &found))?,
    };
    let number = if several { format!("pickle {}, ", pickle.number) } else { String::new() };
    let protocol =
        outline.protocol().map_or("no protocol declared".into(), |protocol| format!("protocol {protocol}"));
    let size = plural(outline.stream_len(), "byte");
    let damaged = if error.is_some() { ", damaged" } else { "" };
    let heading = Styled(terminal.styles.dim, format!("{number}{protocol}, {size}{damaged}"));
    writeln!(terminal.out(), "{heading}")?;

    let mut tree = Tree {
        outline: &outline,
        sizes: outline.sizes(),
        references: outline.references(),
        anchors: HashMap::new(),
        args,
        styles: terminal.styles,
        width: args.width.unwrap_or_else(|| terminal.width()).max(20),
    };
    tree.write(root, terminal.out())?;
    match error {
        Some(error) => Err(Failure::of(&input.name, error)),
        None => Ok(()),
    }
}

/// The failure of `--path`.
pub(super) fn no_path(name: &str, path: &str, found: &str) -> Failure {
    Failure::of(name, format!("there is no {path}")).hint(format!("there is {found}; look at what it holds"))
}

struct Tree<'a> {
    outline: &'a Outline<'a>,
    sizes: Vec<u64>,
    references: Vec<u32>,
    /// The numbers of the shared objects that have been shown.
    anchors: HashMap<NodeId, usize>,
    args: &'a Show,
    styles: Styles,
    width: usize,
}

/// The parts of an object, and how many of them have been shown.
struct Level {
    edges: Vec<Edge>,
    next: usize,
    /// By how many characters the level indents; deep down, not at all.
    indent: usize,
}

impl Tree<'_> {
    fn write(&mut self, root: NodeId, out: &mut dyn Write) -> io::Result<()> {
        let mut levels = Vec::new();
        if let Some(edges) = self.line("", None, root, 0, out)? {
            levels.push(Level { edges, next: 0, indent: 0 });
        }
        let mut prefix = String::new();
        while let Some(level) = levels.last_mut() {
            let shown = self.args.max_items.min(level.edges.len());
            let left = level.edges.len() - shown;
            if level.next >= shown {
                if left > 0 {
                    let more =
                        Styled(self.styles.dim, format!("{prefix}└─ … {} more", format::count(left as u64)));
                    writeln!(out, "{more}")?;
                }
                for _ in 0..level.indent {
                    prefix.pop();
                }
                levels.pop();
                continue;
            }
            let edge = level.edges[level.next];
            level.next += 1;
            let last = level.next == shown && left == 0;
            let branch = format!("{prefix}{}", if last { "└─ " } else { "├─ " });
            let depth = levels.len();
            if let Some(edges) = self.line(&branch, Some(edge.label), edge.node, depth, out)? {
                let deep = 3 * levels.len() > self.width / 2;
                levels.push(Level { edges, next: 0, indent: if deep { 0 } else { 3 } });
                if !deep {
                    prefix.push_str(if last { "   " } else { "│  " });
                }
            }
        }
        Ok(())
    }

    /// Writes the line of an object; returns its parts if they are to follow.
    fn line(
        &mut self,
        branch: &str,
        label: Option<Label>,
        id: NodeId,
        depth: usize,
        out: &mut dyn Write,
    ) -> io::Result<Option<Vec<Edge>>> {
        let styles = self.styles;
        let label = label.map(|label| self.label(label)).unwrap_or_default();
        let compound = self.outline.has_edges(id);
        let shared = compound && self.references[id.index()] > 1;
        let seen = self.anchors.get(&id).copied();
        let anchor = match seen {
            Some(number) => format!("*{number} "),
            None if shared => {
                let number = self.anchors.len() + 1;
                self.anchors.insert(id, number);
                format!("&{number} ")
            }
            None => String::new(),
        };
        let mut room =
            self.width.saturating_sub(branch.chars().count() + label.chars().count() + anchor.len());
        let mut tail = String::new();
        if seen.is_none() {
            let size = self.sizes[id.index()];
            if size >= WORTH_A_SIZE {
                tail = format!("  {}", format::bytes(size));
            }
            if self.args.offsets {
                tail = format!("{tail}  @{}", format::count(self.outline.node(id).offset));
            }
        }
        room = room.saturating_sub(tail.chars().count()).max(12);
        let inline = if compound && !shared { self.inline(id, room.min(INLINE)) } else { None };
        let follows = compound && inline.is_none() && seen.is_none();
        let cut = follows && depth >= self.args.depth;
        let (style, text) = match inline {
            Some(text) => (Style::new(), text),
            None => self.summary(id, compound, room),
        };
        writeln!(
            out,
            "{}{}{}{}{}{}",
            paint(styles.dim, branch),
            paint(styles.label, &label),
            paint(styles.anchor, &anchor),
            Styled(style, fit(&text, room)),
            if cut { " …" } else { "" },
            paint(styles.dim, &tail),
        )?;
        Ok((follows && !cut).then(|| self.outline.edges(id)))
    }

    fn label(&self, label: Label) -> String {
        let key = |id: NodeId| self.outline.brief(id, LABEL);
        match label {
            Label::Index(index) => format!("[{index}]: "),
            Label::Key(id) => format!("{}: ", key(id)),
            Label::KeyAt(turn) => format!("key {turn}: "),
            Label::Element(_) => String::new(),
            Label::Attribute(_) => {
                let path: brinery::Path = std::iter::once(self.outline.segment(label)).collect();
                let text = path.to_string();
                format!("{}: ", fit(&printable(text.strip_prefix("obj").unwrap_or(&text)), LABEL))
            }
            Label::Callable => "callable: ".into(),
            Label::Argument(index) => format!("({index}): "),
            Label::Arguments => "arguments: ".into(),
            Label::Keywords => "keywords: ".into(),
            Label::State => "state: ".into(),
            Label::PersistentId => "id: ".into(),
        }
    }

    /// A small object of plain values on one line.
    fn inline(&self, id: NodeId, room: usize) -> Option<String> {
        let edges = self.outline.edges(id);
        let is_plain = |edge: &Edge| match edge.label {
            Label::Index(_) | Label::Element(_) | Label::Argument(_) | Label::PersistentId => {
                !self.outline.has_edges(edge.node)
            }
            Label::Key(key) => !self.outline.has_edges(edge.node) && !self.outline.has_edges(key),
            _ => false,
        };
        if edges.len() > 12 || !edges.iter().all(is_plain) || self.outline.node(id).additions.is_some() {
            return None;
        }
        let text = self.outline.brief(id, room);
        (!text.ends_with('…')).then_some(text)
    }

    /// What an object is, in short.
    fn summary(&self, id: NodeId, compound: bool, room: usize) -> (Style, String) {
        let styles = self.styles;
        let items = |name: &str, len: usize| (styles.name, format!("{name}, {}", plural(len as u64, "item")));
        match self.outline.kind(id) {
            Kind::List(items_) if compound => items("list", items_.len()),
            Kind::Tuple(items_) if compound => items("tuple", items_.len()),
            Kind::Set(items_) if compound => items("set", items_.len()),
            Kind::FrozenSet(items_) if compound => items("frozenset", items_.len()),
            Kind::Dict(pairs) if compound => items("dict", pairs.len()),
            Kind::Instance { .. } if compound => (styles.name, self.outline.class_name(id)),
            Kind::Instance { .. } => (styles.name, format!("{}()", self.outline.class_name(id))),
            Kind::Global { .. } => (styles.name, format!("global {}", self.outline.name(id))),
            Kind::Persistent(_) => (styles.name, "persistent object".into()),
            Kind::Str(_) | Kind::String(_) | Kind::Bytes(_) | Kind::ByteArray(_) => {
                (styles.text, self.outline.brief(id, room))
            }
            Kind::Damaged => (styles.error, "<damaged>".into()),
            _ => (styles.number, self.outline.brief(id, room)),
        }
    }
}

/// Text in a style, and nothing of the style if there is no text.
fn paint(style: Style, text: &str) -> Styled<&str> {
    Styled(if text.is_empty() { Style::new() } else { style }, text)
}

/// Text without what would disturb a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if brinery::inspect::is_printable(c) { c } else { '\u{fffd}' }).collect()
}
