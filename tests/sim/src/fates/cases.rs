//! Worlds with a floor each: what the core must reach with each of three seeds.

use super::judge::{Verdict, judge};
use super::many::many;
use super::world::World;
use serde::Deserialize;
use std::fmt::Write;

/// The seeds that each case is played with.
const SEEDS: [u64; 3] = [1, 2, 3];

/// A world and what the core must reach in it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// 0 = it held before; the others are kinds of trouble that are to be cured.
    pub cluster: u32,
    pub name: String,
    pub world: World,
    pub floor: Floor,
}

/// The least good answers, the most requests, and the most milliseconds of the calls that both clients have.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Floor {
    pub ok: Option<u64>,
    pub requests: Option<u64>,
    pub p50: Option<u64>,
    pub p95: Option<u64>,
}

/// A case that was played.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub case: Case,
    /// One for each seed.
    pub verdicts: Vec<Verdict>,
}

/// Reads the cases.
///
/// # Panics
/// When `cases.json` is wrong: it is part of this program.
#[must_use]
pub fn cases() -> Vec<Case> {
    match serde_json::from_str(include_str!("cases.json")) {
        Ok(cases) => cases,
        Err(error) => panic!("cases.json: {error}"),
    }
}

/// Plays the cases that fit.
///
/// # Errors
/// A run without end.
pub fn outcomes(threads: usize, fits: impl Fn(&Case) -> bool) -> Result<Vec<Outcome>, String> {
    let cases: Vec<Case> = cases().into_iter().filter(fits).collect();
    let verdicts = many(threads, cases.len() * SEEDS.len(), |place| {
        let case = &cases[place / SEEDS.len()];
        let world = World { seed: SEEDS[place % SEEDS.len()], ..case.world.clone() };
        judge(&world).map_err(|why| format!("{}: {why}", case.name))
    });
    let verdicts: Vec<Verdict> = verdicts.into_iter().collect::<Result<_, _>>()?;
    let each = verdicts.chunks(SEEDS.len()).map(<[Verdict]>::to_vec);
    Ok(cases.into_iter().zip(each).map(|(case, verdicts)| Outcome { case, verdicts }).collect())
}

impl Case {}

impl Floor {
    /// Returns whether a verdict reaches it.
    #[must_use]
    pub fn holds(&self, verdict: &Verdict) -> bool {
        let at_most = |most: Option<u64>, is: Option<u64>| most.is_none_or(|most| is.is_some_and(|is| is <= most));
        let ours = |times: Option<(u64, u64)>| times.map(|(ours, _)| ours);
        self.ok.is_none_or(|least| verdict.ok >= least)
            && at_most(self.requests, Some(verdict.requests))
            && at_most(self.p50, ours(verdict.p50))
            && at_most(self.p95, ours(verdict.p95))
    }

    /// Writes it in a few words.
    #[must_use]
    pub fn text(&self) -> String {
        let parts = [
            self.ok.map(|least| format!("ok ≥ {least}")),
            self.requests.map(|most| format!("requests ≤ {most}")),
            self.p50.map(|most| format!("p50 ≤ {most}")),
            self.p95.map(|most| format!("p95 ≤ {most}")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl Outcome {
    /// Returns whether each seed reaches the floor.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.verdicts.iter().all(|verdict| self.case.floor.holds(verdict))
    }

    /// Returns whether a seed misses it.
    #[must_use]
    pub fn misses(&self) -> bool {
        !self.holds()
    }

    fn mark(&self) -> &'static str {
        if self.holds() { "" } else { "missed" }
    }
}

/// Writes the outcomes as Markdown; with `causes`, what ended or delayed the calls of the first seed as well.
#[must_use]
pub fn text(outcomes: &[Outcome], causes: bool) -> String {
    let mut text = "| | Cluster | Case | ok (plain) of | requests (plain) | p50, ms | p95, ms | Floor |\n\
                    |---|---|---|---|---|---|---|---|\n"
        .to_string();
    for outcome in outcomes {
        let Outcome { case, verdicts } = outcome;
        let all = |of: fn(&Verdict) -> u64| verdicts.iter().map(|v| of(v).to_string()).collect::<Vec<_>>().join(" ");
        let time = |of: fn(&Verdict) -> Option<(u64, u64)>| {
            let times = verdicts.iter().filter_map(of).max();
            times.map_or("–".to_string(), |(ours, plain)| format!("{ours} ({plain})"))
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} ({}) of {} | {} ({}) | {} | {} | {} |",
            outcome.mark(),
            case.cluster,
            case.name,
            all(|v| v.ok),
            all(|v| v.plain),
            verdicts.first().map_or(0, |v| v.calls),
            all(|v| v.requests),
            all(|v| v.plain_requests),
            time(|v| v.p50),
            time(|v| v.p95),
            case.floor.text(),
        );
        if let (true, Some(verdict)) = (causes, verdicts.first()) {
            let _ = writeln!(
                text,
                "| | | flags {:?}: lost to {:?}, slow by {:?}, idle by {:?} | | | | | |",
                verdict.letters(),
                verdict.lost_to,
                verdict.slow_to,
                verdict.idle_to
            );
        }
    }
    let missed = outcomes.iter().filter(|outcome| outcome.misses()).count();
    let _ = writeln!(text, "\n{} cases, {missed} missed", outcomes.len());
    text
}
