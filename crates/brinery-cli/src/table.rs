//! Tables of numbers and names.

use crate::output::Terminal;
use crate::style::Styled;
use std::io;

/// A table whose last column is text and whose others are numbers.
pub(crate) struct Table {
    title: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with a title above the last column and headings above the others.
    pub(crate) fn new(title: &'static str, columns: &[&'static str]) -> Self {
        Table { title, columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Writes at most `top` rows, unless there are none.
    pub(crate) fn write(&self, top: usize, terminal: &mut Terminal<'_>) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let styles = terminal.styles;
        let room = terminal.width();
        let rows = &self.rows[..top.min(self.rows.len())];
        let cell_width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.columns[column].len()]).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.columns.len()).map(cell_width).collect();
        let named = self.columns.iter().zip(&widths);
        let heading: Vec<_> = named.map(|(name, width)| format!("{name:>width$}  ")).collect();
        let heading = heading.concat();
        writeln!(terminal.out(), "\n{}{}", Styled(styles.dim, heading), Styled(styles.heading, self.title))?;
        let used: usize = widths.iter().map(|width| width + 2).sum();
        for row in rows {
            for (cell, width) in row.iter().zip(&widths) {
                let gap = width.saturating_sub(cell.chars().count());
                write!(terminal.out(), "{:gap$}{}  ", "", Styled(styles.number, cell))?;
            }
            let name = row.last().map(String::as_str).unwrap_or_default();
            writeln!(terminal.out(), "{}", crate::format::fit(name, room.saturating_sub(used).max(24)))?;
        }
        let left = self.rows.len() - rows.len();
        if left > 0 {
            let more = format!("{:used$}… {} more", "", crate::format::count(left as u64));
            writeln!(terminal.out(), "{}", Styled(styles.dim, more))?;
        }
        Ok(())
    }
}
