//! What bench programs print: one JSON object a line, `{"table", "row", "column", "value", "spread", "unit"}`, and for a
//! table, `{"table", "note"}`, a sentence on how it was measured. All other lines are theirs.

use serde_json::Value;

/// One measured number.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub row: String,
    pub column: String,
    /// The median of the rounds.
    pub value: f64,
    /// Half the distance between the quartiles, where there were rounds.
    pub spread: Option<f64>,
    pub unit: String,
}

/// The figures that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub title: String,
    pub note: Option<String>,
    pub figures: Vec<Figure>,
}

/// All tables, in the order in which they were first named.
#[derive(Debug, Default)]
pub struct Figures {
    pub tables: Vec<Table>,
}

impl Figures {
    /// Adds the figures in what a program printed.
    pub fn read(&mut self, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| line.starts_with('{')) {
            let Ok(value) = serde_json::from_str::<Value>(line) else { continue };
            let Some(title) = value["table"].as_str() else { continue };
            if let Some(note) = value["note"].as_str() {
                self.note(title, note);
            }
            if let Some(figure) = figure(&value) {
                self.table(title).figures.push(figure);
            }
        }
    }

    /// Adds one that this program measured itself.
    pub fn add(&mut self, table: &str, row: &str, column: &str, value: f64, unit: &str) {
        let (row, column, unit) = (row.to_owned(), column.to_owned(), unit.to_owned());
        self.table(table).figures.push(Figure { row, column, value, spread: None, unit });
    }

    /// The sentence below a table.
    pub fn note(&mut self, table: &str, text: &str) {
        self.table(table).note = Some(text.to_owned());
    }

    /// How many figures there are.
    pub fn len(&self) -> usize {
        self.tables.iter().map(|table| table.figures.len()).sum()
    }

    fn table(&mut self, title: &str) -> &mut Table {
        let place = self.tables.iter().position(|table| table.title == title).unwrap_or_else(|| {
            self.tables.push(Table { title: title.to_owned(), note: None, figures: Vec::new() });
            self.tables.len() - 1
        });
        &mut self.tables[place]
    }
}

fn figure(value: &Value) -> Option<Figure> {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    Some(Figure {
        row: text("row")?,
        column: text("column")?,
        value: value["value"].as_f64()?,
        spread: value["spread"].as_f64(),
        unit: text("unit")?,
    })
}

impl Table {
    /// The unit, if all figures have the same.
    pub fn unit(&self) -> Option<&str> {
        let first = self.figures.first()?.unit.as_str();
        self.figures.iter().all(|figure| figure.unit == first).then_some(first)
    }
}

/// A number as a reader wants it: three digits that count, thousands apart.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 {
        let digits = format!("{:.0}", size);
        let mut text = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place) % 3 == 0 {
                text.push(',');
            }
            text.push(digit);
        }
        return if value < 0.0 { format!("-{text}") } else { text };
    }
    let places = if value.fract() == 0.0 || size >= 100.0 {
        0
    } else if size >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.places$}")
}

#[cfg(test)]
mod tests {
    use super::{Figures, number};

    #[test]
    fn figures_are_kept_by_table_and_other_lines_passed_over() {
        let mut figures = Figures::default();
        figures.read("warming up\n{\"progress\": 1}\n{broken\n");
        assert_eq!(figures.len(), 0);
        figures.read(
            "{\"table\":\"A\",\"row\":\"ky 1.14.0\",\"column\":\"Node 20\",\"value\":48.1,\"spread\":3.2,\"unit\":\"µs\"}\n\
             {\"table\":\"B\",\"row\":\"x\",\"column\":\"y\",\"value\":1,\"unit\":\"KB\"}\n\
             {\"table\":\"A\",\"note\":\"Batches in turn.\"}\n\
             {\"table\":\"A\",\"row\":\"bare\",\"column\":\"Node 20\",\"value\":1,\"unit\":\"µs\"}",
        );
        assert_eq!(figures.len(), 3);
        let a = &figures.tables[0];
        assert_eq!((a.title.as_str(), a.note.as_deref(), a.unit()), ("A", Some("Batches in turn."), Some("µs")));
        assert_eq!((a.figures[0].spread, a.figures[1].spread), (Some(3.2), None));
    }

    #[test]
    fn numbers_have_three_digits_that_count() {
        for (value, text) in [
            (0.0, "0"),
            (0.345, "0.34"),
            (9.126, "9.13"),
            (48.12, "48.1"),
            (251.9, "252"),
            (7.0, "7"),
            (-1234.5, "-1,234"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(number(1_234_567.0), "1,234,567");
    }
}
