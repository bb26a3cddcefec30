//! A table that is printed and stands on the page: one row per figure, one column per client.

use super::plot::escaped;
use std::fmt::Write;

/// One line: its title and its cells.
pub type Row = (String, Vec<String>);

/// A table with a title for each of its columns but the first.
#[derive(Debug)]
pub struct Table {
    pub heads: Vec<String>,
    pub rows: Vec<Row>,
}

impl Table {
    /// Writes the table in columns of text, each as wide as its widest cell.
    pub fn text(&self) -> String {
        let head = (String::new(), self.heads.clone());
        let rows: Vec<&Row> = std::iter::once(&head).chain(&self.rows).collect();
        let first = widest(rows.iter().map(|(title, _)| title));
        let others: Vec<usize> = (0..self.heads.len())
            .map(|column| widest(rows.iter().filter_map(|(_, cells)| cells.get(column))).max(10))
            .collect();
        let mut text = String::new();
        for (title, cells) in rows {
            let _ = write!(text, "{title:<first$}");
            for (cell, width) in cells.iter().zip(&others) {
                let _ = write!(text, "  {cell:>width$}");
            }
            text.push('\n');
        }
        text
    }

    /// Writes the table as HTML.
    pub fn html(&self, caption: &str) -> String {
        let mut html = format!("<table><caption>{}</caption><thead><tr><th></th>", escaped(caption));
        for head in &self.heads {
            let _ = write!(html, "<th scope=\"col\">{}</th>", escaped(head));
        }
        html.push_str("</tr></thead><tbody>\n");
        for (title, cells) in &self.rows {
            let _ = write!(html, "<tr><th scope=\"row\">{}</th>", escaped(title));
            for cell in cells {
                let _ = write!(html, "<td>{}</td>", escaped(cell));
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody></table>");
        html
    }
}

fn widest<'a>(cells: impl Iterator<Item = &'a String>) -> usize {
    cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |title: &str, cells: [&str; 2]| (title.to_owned(), cells.map(str::to_owned).to_vec());
        let rows = vec![row("calls", ["2100", "–"]), row("a longer title", ["1 < 2", "a cell that is wide"])];
        Table { heads: vec!["Node".to_owned(), "JVM".to_owned()], rows }
    }

    #[test]
    fn columns_of_text_end_at_the_same_place() {
        let text = table().text();
        let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths, [14 + 12 + 21; 3], "{text}");
        assert!(text.contains("calls                 2100                    –\n"), "{text}");
    }

    #[test]
    fn cells_are_escaped_in_html() {
        let html = table().html("x & y");
        assert!(html.contains("<caption>x &amp; y</caption>") && html.contains("<td>1 &lt; 2</td>"), "{html}");
        assert_eq!(html.matches("<th scope=\"row\">").count(), 2);
    }
}
