//! Several clients behind one key: together as good as one, none of them starved.

use super::bars;
use super::case::Case;
use super::measure::{Figures, measure};
use super::rows::rows;
use crate::fates::many::many;
use std::fmt::Write;

const CLIENTS: [u64; 2] = [3, 10];

/// A row with so many clients.
#[derive(Debug, Clone)]
pub struct Entry {
    pub row: &'static str,
    pub clients: u64,
    pub figures: Figures,
}

impl Entry {
    /// Lists the bars that it misses.
    #[must_use]
    pub fn missed(&self) -> Vec<&'static str> {
        [
            (self.figures.goodput < bars::TOGETHER, "together"),
            (self.figures.fairness < bars::FAIRNESS, "slowest to fastest"),
            (self.figures.refused_share() > bars::REFUSED, "429"),
        ]
        .into_iter()
        .filter(|(is_missed, _)| *is_missed)
        .map(|(_, name)| name)
        .collect()
    }
}

/// Plays each row with each number of clients.
///
/// # Errors
/// A wrong policy, or a run without end.
pub fn entries(threads: usize) -> Result<Vec<Entry>, String> {
    let rows = rows(1);
    many(threads, rows.len() * CLIENTS.len(), |place| {
        let (row, clients) = (&rows[place / CLIENTS.len()], CLIENTS[place % CLIENTS.len()]);
        Ok(Entry { row: row.name, clients, figures: measure(&Case { clients, ..row.case })? })
    })
    .into_iter()
    .collect()
}

/// Writes them as Markdown.
#[must_use]
pub fn text(entries: &[Entry]) -> String {
    let mut text = "| Row | clients | together | slowest to fastest | 429 % | failed | longest wait, s | missed |\n\
                    |---|---|---|---|---|---|---|---|\n"
        .to_string();
    for entry in entries {
        let Entry { row, clients, figures } = entry;
        let _ = writeln!(
            text,
            "| {row} | {clients} | {:.3} | {:.2} | {:.2} | {} | {:.1} | {} |",
            figures.goodput,
            figures.fairness,
            100.0 * figures.refused_share(),
            figures.failed,
            figures.longest_wait as f64 / 1_000.0,
            entry.missed().join(", ")
        );
    }
    text
}

/// Lists what is missed, in short.
#[must_use]
pub fn missed(entries: &[Entry]) -> Vec<String> {
    let count = entries.iter().filter(|entry| !entry.missed().is_empty()).count();
    if count == 0 { Vec::new() } else { vec![format!("{count} of {} shared rows", entries.len())] }
}
