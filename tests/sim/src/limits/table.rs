//! The table of rows: each row, and what becomes of it when one thing is changed.

use super::bars;
use super::case::Case;
use super::convention::Load;
use super::floor::Broken;
use super::measure::{Figures, measure};
use super::rows::rows;
use crate::fates::many::many;
use std::fmt::Write;

/// Each case is played with these seeds; the worst of them counts.
const SEEDS: [u64; 3] = [1, 2, 3];

/// A case of the table, over its seeds.
#[derive(Debug, Clone)]
pub struct Entry {
    pub row: &'static str,
    /// Empty = the row itself.
    pub change: String,
    pub case: Case,
    pub figures: Figures,
}

impl Entry {
    /// Lists the bars that it misses.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let figures = &self.figures;
        let least = if self.case.convention.is_learned() { bars::ROW_LEARNED } else { bars::ROW };
        let open = self.case.convention.load == Load::Open;
        let mut missed: Vec<String> = [
            (figures.goodput < least, "goodput"),
            (figures.refused_share() > bars::REFUSED, "429"),
            (figures.failed > 0, "failed"),
            (open && figures.longest_wait > bars::OPEN_LOOP, "waits"),
        ]
        .into_iter()
        .filter(|(is_missed, _)| *is_missed)
        .map(|(_, name)| name.to_string())
        .collect();
        let broken = |kind: &Broken| figures.broken.iter().any(|(_, other)| other == kind);
        missed.extend(Broken::ALL.iter().filter(|kind| broken(kind)).map(|kind| format!("floor {}", kind.letter())));
        missed
    }
}

/// Keeps the worst of two runs in every figure.
fn worst(a: Figures, b: Figures) -> Figures {
    let (first, second) = if b.refused_share() > a.refused_share() { (&b, &a) } else { (&a, &b) };
    Figures {
        calls: a.calls,
        requests: first.requests,
        refused: first.refused,
        failed: a.failed.max(b.failed),
        goodput: a.goodput.min(b.goodput),
        longest_wait: a.longest_wait.max(b.longest_wait),
        p50: a.p50.max(b.p50),
        p95: a.p95.max(b.p95),
        took: a.took.max(b.took),
        fairness: a.fairness.min(b.fairness),
        broken: first.broken.iter().chain(&second.broken).copied().collect(),
    }
}

/// Measures a case over all seeds.
fn over_seeds(of: impl Fn(u64) -> Case) -> Result<Figures, String> {
    let mut all = SEEDS.iter().map(|seed| measure(&of(*seed)));
    let first = all.next().ok_or("no seeds")??;
    all.try_fold(first, |a, b| Ok(worst(a, b?)))
}

/// Plays all rows and changes.
///
/// # Errors
/// A wrong policy, or a run without end.
pub fn entries(threads: usize) -> Result<Vec<Entry>, String> {
    let mut cases = Vec::new();
    for row in rows(SEEDS[0]) {
        cases.push((row.name, String::new(), row.case));
        cases.extend(row.changes().into_iter().map(|(change, case)| (row.name, change, case)));
    }
    let figures = many(threads, cases.len(), |place| {
        let case = cases[place].2;
        over_seeds(|seed| Case { seed, phase: rows(seed)[0].case.phase, ..case })
    });
    let entry = |((row, change, case), figures): ((&'static str, String, Case), Result<Figures, String>)| {
        Ok(Entry { row, change, case, figures: figures? })
    };
    cases.into_iter().zip(figures).map(entry).collect()
}

fn columns(figures: &Figures) -> String {
    format!(
        "{:.3} | {:.2} | {} | {:.1} | {} | {}",
        figures.goodput,
        100.0 * figures.refused_share(),
        figures.failed,
        figures.longest_wait as f64 / 1_000.0,
        figures.p50,
        figures.p95
    )
}

/// Writes the rows, and the changes that miss a bar; `shown` limits these.
#[must_use]
pub fn text(entries: &[Entry], shown: usize) -> String {
    let mut text =
        "| Row | goodput | 429 % | failed | longest wait, s | p50, ms | p95 | missed | changes | missed by |\n\
                    |---|---|---|---|---|---|---|---|---|---|\n"
            .to_string();
    for entry in entries.iter().filter(|entry| entry.change.is_empty()) {
        let changes = || entries.iter().filter(|other| other.row == entry.row && !other.change.is_empty());
        let missed = changes().filter(|other| !other.missed().is_empty()).count();
        let (of, own) = (changes().count(), entry.missed().join(", "));
        let _ = writeln!(text, "| {} | {} | {own} | {of} | {missed} |", entry.row, columns(&entry.figures));
    }
    text += "\n| Row, with one change | goodput | 429 % | failed | longest wait, s | p50, ms | p95 | missed |\n\
             |---|---|---|---|---|---|---|---|\n";
    let mut missing: Vec<&Entry> =
        entries.iter().filter(|entry| !entry.change.is_empty() && !entry.missed().is_empty()).collect();
    missing.sort_by(|a, b| a.figures.goodput.total_cmp(&b.figures.goodput));
    let hidden = missing.len().saturating_sub(shown);
    for entry in missing.into_iter().take(shown) {
        let (row, change) = (entry.row, &entry.change);
        let _ = writeln!(text, "| {row} + {change} | {} | {} |", columns(&entry.figures), entry.missed().join(", "));
    }
    if hidden > 0 {
        let _ = writeln!(text, "\n{hidden} more miss a bar; -v shows them.");
    }
    text
}

/// Lists what is missed, in short.
#[must_use]
pub fn missed(entries: &[Entry]) -> Vec<String> {
    let rows = |changed: bool| {
        let of = || entries.iter().filter(move |entry| entry.change.is_empty() != changed);
        (of().filter(|entry| !entry.missed().is_empty()).count(), of().count())
    };
    [(false, "rows"), (true, "one-dimension changes")]
        .into_iter()
        .map(|(changed, name)| (rows(changed), name))
        .filter(|((count, _), _)| *count > 0)
        .map(|((count, of), name)| format!("{count} of {of} {name}"))
        .collect()
}
