//! Reads what bench programs print: one JSON object a line. All other lines are theirs.
//!
//! - `{"table", "row", "column", "unit", "rounds"}`: a round is a number, or the list of its single calls. `percent` names
//!   the quantile of the calls that is a round's number (50). `less` has the rounds that are taken off, one for one.
//! - `{"table", "row", "column", "unit", "value"}`: what was measured once.
//! - `{"table", "note"}`: a sentence on how a table was measured.

use serde::Deserialize;
use unruffled_quantile::quantile;

/// The fewest rounds that have a spread.
const ROUNDS: usize = 4;

/// A line of a program.
#[derive(Deserialize)]
struct Line {
    table: String,
    note: Option<String>,
    row: Option<String>,
    column: Option<String>,
    unit: Option<String>,
    value: Option<f64>,
    rounds: Option<Vec<Round>>,
    percent: Option<usize>,
    #[serde(default)]
    less: Vec<Round>,
}

/// What was measured in one round.
#[derive(Deserialize)]
#[serde(untagged)]
enum Round {
    Number(f64),
    Calls(Vec<f64>),
}

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
            let Ok(line) = serde_json::from_str::<Line>(line) else { continue };
            if let Some(note) = &line.note {
                self.note(&line.table, note);
            }
            let table = line.table.clone();
            if let Some(figure) = line.figure() {
                self.table(&table).figures.push(figure);
            }
        }
    }

    /// Adds a figure that this program measured itself.
    pub fn add(&mut self, table: &str, row: &str, column: &str, value: f64, unit: &str) {
        let (row, column, unit) = (row.to_owned(), column.to_owned(), unit.to_owned());
        self.table(table).figures.push(Figure { row, column, value, spread: None, unit });
    }

    /// Sets the sentence below a table.
    pub fn note(&mut self, table: &str, text: &str) {
        self.table(table).note = Some(text.to_owned());
    }

    /// Counts the figures.
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

impl Line {
    /// Computes the figure of its rounds, or takes its value.
    fn figure(self) -> Option<Figure> {
        let (value, spread) = match self.value {
            Some(value) => (value, None),
            None => self.of_rounds()?,
        };
        Some(Figure { row: self.row?, column: self.column?, value, spread, unit: self.unit? })
    }

    /// Computes the median of the rounds, and half the distance between their quartiles.
    fn of_rounds(&self) -> Option<(f64, Option<f64>)> {
        let percent = self.percent.unwrap_or(50);
        let mut rounds = Vec::new();
        for (place, round) in self.rounds.iter().flatten().enumerate() {
            let less = self.less.get(place).map_or(Some(0.0), |less| less.number(percent));
            rounds.push(round.number(percent)? - less?);
        }
        rounds.sort_by(f64::total_cmp);
        let distance = quantile(&rounds, 75)? - quantile(&rounds, 25)?;
        Some((quantile(&rounds, 50)?, (rounds.len() >= ROUNDS).then_some(distance / 2.0)))
    }
}

impl Round {
    /// Returns the number of a round: its own, or the quantile of its calls.
    fn number(&self, percent: usize) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Calls(calls) => {
                let mut sorted = calls.clone();
                sorted.sort_by(f64::total_cmp);
                quantile(&sorted, percent)
            }
        }
    }
}

impl Table {
    /// Returns the unit, if all figures have the same.
    pub fn unit(&self) -> Option<&str> {
        let first = self.figures.first()?.unit.as_str();
        self.figures.iter().all(|figure| figure.unit == first).then_some(first)
    }
}

/// Writes a number with three significant digits and a comma between thousands.
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
            "{\"table\":\"A\",\"row\":\"ky 1.14.0\",\"column\":\"Node 20\",\"rounds\":[50,48,40,44,46],\"unit\":\"µs\"}\n\
             {\"table\":\"B\",\"row\":\"x\",\"column\":\"y\",\"value\":1,\"unit\":\"KB\"}\n\
             {\"table\":\"A\",\"note\":\"Batches in turn.\"}\n\
             {\"table\":\"A\",\"row\":\"bare\",\"column\":\"Node 20\",\"value\":1,\"unit\":\"µs\"}",
        );
        assert_eq!(figures.len(), 3);
        let a = &figures.tables[0];
        assert_eq!((a.title.as_str(), a.note.as_deref(), a.unit()), ("A", Some("Batches in turn."), Some("µs")));
        assert_eq!((a.figures[0].spread, a.figures[1].spread), (Some(2.0), None));
        assert_eq!((a.figures[0].value, a.figures[1].value), (46.0, 1.0));
    }

    #[test]
    fn rounds_of_single_calls_have_the_number_of_their_quantile() {
        let of = |rest: &str| {
            let mut figures = Figures::default();
            figures.read(&format!("{{\"table\":\"A\",\"row\":\"x\",\"column\":\"y\",\"unit\":\"ms\",{rest}}}"));
            figures.tables.first().map(|table| (table.figures[0].value, table.figures[0].spread))
        };
        assert_eq!(of("\"rounds\":[[3,1,2],[5,9,4]]"), Some((5.0, None)));
        assert_eq!(of("\"rounds\":[[3,1,2],[5,9,4]],\"percent\":99"), Some((9.0, None)));
        assert_eq!(of("\"rounds\":[[3,1,2],[5,9,4]],\"less\":[[1,1,1],[4]]"), Some((1.0, None)));
        assert_eq!(of("\"rounds\":[]"), None);
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
