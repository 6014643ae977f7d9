//! Tables for people: aligned columns, a bold head, nothing that could act on a terminal.

use super::{escaped_value, paint};
use std::fmt::Write as _;

/// Rows of cells below a head. Cells are escaped when they are added.
#[derive(Debug, Default)]
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with columns of these names.
    pub(crate) fn new<const N: usize>(head: [&str; N]) -> Self {
        Self {
            head: head.map(str::to_owned).to_vec(),
            rows: Vec::new(),
        }
    }

    /// A list of names and values, without a head.
    pub(crate) fn facts() -> Self {
        Self::default()
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(escaped_value).to_vec());
    }

    /// Adds a name and a value to a list of facts.
    pub(crate) fn fact(&mut self, name: &str, value: impl Into<String>) {
        self.row([format!("{name}:"), value.into()]);
    }

    /// The text, a newline after each row.
    pub(crate) fn render(&self, colour: bool) -> String {
        let columns = self
            .rows
            .iter()
            .chain([&self.head])
            .map(Vec::len)
            .max()
            .unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows
                    .iter()
                    .chain([&self.head])
                    .filter_map(|row| row.get(column))
                    .map(|cell| cell.chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        if !self.head.is_empty() {
            let head: Vec<String> = self.head.iter().map(|name| name.to_uppercase()).collect();
            let line = line(&head, &widths);
            _ = writeln!(text, "{}", paint(colour, "1", &line));
        }
        for row in &self.rows {
            _ = writeln!(text, "{}", line(row, &widths));
        }
        text
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        _ = write!(text, "{cell:<width$}  ");
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_a_hostile_name_stays_one_cell() {
        let mut table = Table::new(["name", "size"]);
        table.row(["a\n\u{1b}[31mb".into(), "1".into()]);
        table.row(["é".into(), "22".into()]);
        assert_eq!(
            table.render(false),
            "NAME               SIZE\na\\u{a}\\u{1b}[31mb  1\né                  22\n"
        );
        assert!(!table.render(true).contains("\u{1b}[31m"));
    }
}
