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

/// A case of the table.
#[derive(Debug, Clone)]
pub struct Named {
    pub row: &'static str,
    /// `3` is the third row, `3:7` its seventh change.
    pub key: String,
    /// Empty = the row itself.
    pub change: String,
    pub case: Case,
}

/// A case of the table, over its seeds.
#[derive(Debug, Clone)]
pub struct Entry {
    pub named: Named,
    pub figures: Figures,
}

impl Entry {
    /// Lists the bars that it misses.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let figures = &self.figures;
        let least = if self.named.case.convention.is_learned() { bars::ROW_LEARNED } else { bars::ROW };
        let open = self.named.case.convention.load == Load::Open;
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
        refused_blind: first.refused_blind,
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
    let all = all(SEEDS[0]);
    let figures = many(threads, all.len(), |place| {
        let case = all[place].case;
        over_seeds(|seed| Case { seed, phase: rows(seed)[0].case.phase, ..case })
    });
    all.into_iter().zip(figures).map(|(named, figures)| Ok(Entry { named, figures: figures? })).collect()
}

/// Lists all cases of the table.
fn all(seed: u64) -> Vec<Named> {
    let mut all = Vec::new();
    for (place, row) in (1..).zip(rows(seed)) {
        all.push(Named { row: row.name, key: place.to_string(), change: String::new(), case: row.case });
        let named = |(i, (change, case))| Named { row: row.name, key: format!("{place}:{i}"), change, case };
        all.extend((1..).zip(row.changes()).map(named));
    }
    all
}

/// Finds the case of a key; `3:7@2` is it with the seed 2.
#[must_use]
pub fn find(key: &str) -> Option<Case> {
    let (key, seed) = key.split_once('@').unwrap_or((key, "1"));
    let seed = seed.parse().ok()?;
    all(seed).into_iter().find(|named| named.key == key).map(|named| named.case)
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
    for entry in entries.iter().filter(|entry| entry.named.change.is_empty()) {
        let changes =
            || entries.iter().filter(|other| other.named.row == entry.named.row && !other.named.change.is_empty());
        let missed = changes().filter(|other| !other.missed().is_empty()).count();
        let (of, own) = (changes().count(), entry.missed().join(", "));
        let _ = writeln!(
            text,
            "| {} {} | {} | {own} | {of} | {missed} |",
            entry.named.key,
            entry.named.row,
            columns(&entry.figures)
        );
    }
    text += "\n| Row, with one change | goodput | 429 % | failed | longest wait, s | p50, ms | p95 | missed |\n\
             |---|---|---|---|---|---|---|---|\n";
    let mut missing: Vec<&Entry> =
        entries.iter().filter(|entry| !entry.named.change.is_empty() && !entry.missed().is_empty()).collect();
    missing.sort_by(|a, b| a.figures.goodput.total_cmp(&b.figures.goodput));
    let hidden = missing.len().saturating_sub(shown);
    for entry in missing.into_iter().take(shown) {
        let Named { row, key, change, .. } = &entry.named;
        let _ =
            writeln!(text, "| {key} {row} + {change} | {} | {} |", columns(&entry.figures), entry.missed().join(", "));
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
        let of = || entries.iter().filter(move |entry| entry.named.change.is_empty() != changed);
        (of().filter(|entry| !entry.missed().is_empty()).count(), of().count())
    };
    [(false, "rows"), (true, "one-dimension changes")]
        .into_iter()
        .map(|(changed, name)| (rows(changed), name))
        .filter(|((count, _), _)| *count > 0)
        .map(|((count, of), name)| format!("{count} of {of} {name}"))
        .collect()
}
