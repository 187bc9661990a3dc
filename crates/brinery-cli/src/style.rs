//! The colours of the output.

use anstyle::{AnsiColor, Style};
use std::fmt;

/// The styles, or their absence.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Styles {
    /// Headings.
    pub(crate) heading: Style,
    /// What is there for orientation: offsets, lines of a tree.
    pub(crate) dim: Style,
    /// Opcodes, types and classes.
    pub(crate) name: Style,
    /// Labels: keys, attributes, indexes.
    pub(crate) label: Style,
    /// Text and bytes.
    pub(crate) text: Style,
    /// Numbers and the like.
    pub(crate) number: Style,
    /// Anchors and references.
    pub(crate) anchor: Style,
    /// What is new.
    pub(crate) added: Style,
    /// What is gone.
    pub(crate) removed: Style,
    /// What has changed.
    pub(crate) changed: Style,
    /// What is wrong.
    pub(crate) error: Style,
}

impl Styles {
    /// The styles for a terminal.
    pub(crate) fn colored() -> Self {
        let color = |color: AnsiColor| color.on_default();
        Styles {
            heading: Style::new().bold(),
            dim: Style::new().dimmed(),
            name: color(AnsiColor::Cyan),
            label: color(AnsiColor::Blue),
            text: color(AnsiColor::Green),
            number: color(AnsiColor::Yellow),
            anchor: color(AnsiColor::Magenta),
            added: color(AnsiColor::Green),
            removed: color(AnsiColor::Red),
            changed: color(AnsiColor::Yellow),
            error: color(AnsiColor::Red).bold(),
        }
    }
}

/// Something in a style.
pub(crate) struct Styled<T>(pub(crate) Style, pub(crate) T);

impl<T: fmt::Display> fmt::Display for Styled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_plain() {
            return self.1.fmt(f);
        }
        write!(f, "{}", self.0)?;
        self.1.fmt(f)?;
        write!(f, "{:#}", self.0)
    }
}

/// How clap's own texts look.
pub(crate) const HELP: clap::builder::Styles = clap::builder::Styles::styled()
    .header(Style::new().bold())
    .usage(Style::new().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Blue.on_default())
    .error(AnsiColor::Red.on_default().bold())
    .valid(AnsiColor::Green.on_default())
    .invalid(AnsiColor::Yellow.on_default());
