//! `BENCHMARKS.md`: one section a language, each with the machine and the day of its own run, and in it one table for
//! each table of figures.

use super::figures::{Figure, Figures, Table, number};
use super::notes::note;
use super::programs::Language;
use std::fmt::Write;

const HEAD: &str = "\
# Benchmarks

Written by `cargo xtask bench`; a run with `--only` replaces only its own section. The rows of one table come from one run in
which all took turns, round by round, so that a busy moment of the machine falls on all of them. A figure is the median of
its rounds, and what stands behind ± is half the distance between the quartiles. Compare within a table, not between
machines.
";

/// A language's section, from its heading on.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    pub title: String,
    pub text: String,
}

/// The whole page.
#[derive(Debug, Default)]
pub struct Page {
    parts: Vec<Part>,
}

impl Page {
    /// Reads the sections of a page that was written before.
    pub fn read(text: &str) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        for line in text.lines() {
            if let Some(title) = line.strip_prefix("## ") {
                parts.push(Part { title: title.to_owned(), text: String::new() });
            }
            if let Some(part) = parts.last_mut() {
                part.text.push_str(line);
                part.text.push('\n');
            }
        }
        Self { parts }
    }

    /// Adds a section in the place of the one with its title.
    pub fn put(&mut self, part: Part) {
        self.parts.retain(|known| known.title != part.title);
        self.parts.push(part);
        let order = |part: &Part| Language::ALL.iter().position(|language| language.title() == part.title);
        self.parts.sort_by_key(order);
    }

    /// Writes the page.
    pub fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for part in &self.parts {
            text.push('\n');
            text.push_str(part.text.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Writes the section of a language.
pub fn part(title: &str, ran_on: &str, figures: &Figures) -> String {
    let mut text = format!("## {title}\n\n{ran_on}\n");
    for table in &figures.tables {
        let _ = write!(text, "\n{}", render(title, table));
    }
    text
}

fn render(section: &str, table: &Table) -> String {
    let unit = table.unit();
    let below = table.title.strip_prefix(section).and_then(|rest| rest.strip_prefix(": "));
    let title = below.unwrap_or(&table.title);
    let columns = in_order(table.figures.iter().map(|figure| figure.column.as_str()));
    let rows = in_order(table.figures.iter().map(|figure| figure.row.as_str()));
    let mut text = match unit {
        Some(unit) if !unit.is_empty() => format!("### {title} ({unit})\n\n|"),
        _ => format!("### {title}\n\n|"),
    };
    for column in std::iter::once("").chain(columns.iter().copied()) {
        let _ = write!(text, " {} |", plain(column));
    }
    let _ = write!(text, "\n|---|{}", "--:|".repeat(columns.len()));
    for row in rows {
        let ours = row.starts_with("unruffled");
        let mark = if ours { "**" } else { "" };
        let _ = write!(text, "\n| {mark}{}{mark} |", plain(row));
        for column in &columns {
            let found = table.figures.iter().rfind(|figure| figure.row == row && figure.column == *column);
            let _ = write!(text, " {} |", found.map(|figure| cell(figure, unit)).unwrap_or_default());
        }
    }
    let _ = writeln!(text, "\n\n{}", table.note.as_deref().unwrap_or(note(&table.title)));
    text
}

/// Writes a figure as `48.1 ± 3.20`, with the unit unless the heading has it.
fn cell(figure: &Figure, common: Option<&str>) -> String {
    let mut text = number(figure.value);
    if let Some(spread) = figure.spread {
        let _ = write!(text, " ± {}", number(spread));
    }
    if common.is_none() && !figure.unit.is_empty() {
        let _ = write!(text, " {}", figure.unit);
    }
    text
}

fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

fn plain(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(text: &str) -> Figures {
        let mut figures = Figures::default();
        figures.read(text);
        figures
    }

    const LINES: &str = r#"
        {"table":"Added","row":"ky","column":"Node 20","rounds":[44.9,51.3,44.9,48.1],"unit":"µs"}
        {"table":"Added","row":"unruffled get","column":"Node 20","value":3,"unit":"µs"}
        {"table":"Added","row":"ky","column":"Node 24","value":40,"unit":"µs"}
        {"table":"Node: Sizes","row":"a|b","column":"gzip","value":23.8,"unit":"KB"}
        {"table":"Node: Sizes","row":"a|b","column":"files","value":2,"unit":""}
        {"table":"Node: Sizes","note":"One file each."}
    "#;

    #[test]
    fn a_table_has_its_rows_columns_and_sentence() {
        let text = part("Node", "Today.", &figures(LINES));
        let expected = "## Node\n\nToday.\n\n### Added (µs)\n\n|  | Node 20 | Node 24 |\n|---|--:|--:|\n\
            | ky | 48.1 ± 3.20 | 40 |\n| **unruffled get** | 3 |  |\n\nRounds of all rows in turn.\n\n\
            ### Sizes\n\n|  | gzip | files |\n|---|--:|--:|\n| a\\|b | 23.8 KB | 2 |\n\nOne file each.\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_section_takes_the_place_of_its_older_self_and_leaves_the_others() {
        let part = |title: &str, text: &str| Part { title: title.to_owned(), text: format!("## {title}\n\n{text}\n") };
        let mut page = Page::default();
        page.put(part("Python", "old"));
        page.put(part("Core", "kept"));
        let mut page = Page::read(&page.text());
        page.put(part("Python", "new"));
        assert_eq!(page.text(), format!("{HEAD}\n## Core\n\nkept\n\n## Python\n\nnew\n"));
    }
}
