//! Calls at once in a short outage: every cell of a grid must do as well as the plain loop.

use super::arrivals::Arrivals;
use super::effect::{Effect, Fail};
use super::how::How;
use super::judge::both;
use super::many::many;
use super::play::Played;
use super::world::World;
use std::fmt::Write;

const SEEDS: [u64; 3] = [1, 2, 3];
const AT_ONCE: [u32; 8] = [1, 2, 5, 10, 20, 50, 100, 200];
const OUTAGES: [u64; 5] = [100, 300, 500, 1_000, 2_000];
const WAYS: [How; 3] = [How::Status(503), How::Reset, How::Timeout];

/// The last good answer may come so much later than that of the plain loop.
const LATER: u64 = 1_000;
/// A client is warm after a minute of ten calls a second.
const WARM_CALLS: u32 = 600;
const WARM_GAP: u64 = 100;

/// What the client did before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Before {
    /// Nothing: its first calls meet the outage.
    Cold,
    /// Ten calls a second for a minute.
    Warm,
    /// Its workers begin at once, and each begins its next call when its last one ended.
    Workers,
}

/// One cell of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub at_once: u32,
    /// Milliseconds.
    pub outage: u64,
    pub how: How,
    pub before: Before,
}

/// What a cell came to, over all seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Came {
    pub cell: Cell,
    pub lost: u64,
    pub saved: u64,
    pub requests: u64,
    pub plain_requests: u64,
    /// The most milliseconds by which the last good answer came later than that of the plain loop.
    pub later: u64,
}

impl Before {
    const ALL: [Self; 3] = [Self::Cold, Self::Warm, Self::Workers];

    fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold client",
            Self::Warm => "warm client",
            Self::Workers => "closed loop",
        }
    }
}

impl Cell {
    fn world(&self, seed: u64) -> World {
        let (from, calls, arrivals) = match self.before {
            Before::Cold => (0, self.at_once, Arrivals::Bursts { size: self.at_once.into(), gap: 60_000 }),
            Before::Warm => (
                u64::from(WARM_CALLS) * WARM_GAP,
                WARM_CALLS + self.at_once,
                Arrivals::Quiet { gap: WARM_GAP, steady: WARM_CALLS.into(), silence: 0 },
            ),
            // Long enough to go on after the outage.
            Before::Workers => (0, 200 + 10 * self.at_once, Arrivals::Closed { workers: self.at_once, think: 0 }),
        };
        let outage = Effect::from(Fail::all(self.how)).during(from, from + self.outage);
        World { seed, calls, arrivals, server: vec![outage], ..World::default() }
    }

    fn play(self) -> Result<Came, String> {
        let mut came = Came { cell: self, lost: 0, saved: 0, requests: 0, plain_requests: 0, later: 0 };
        for seed in SEEDS {
            let pair = both(&self.world(seed))?;
            let fates = pair.ours.fates.iter().zip(&pair.plain.fates);
            came.lost += fates.clone().filter(|(ours, plain)| plain.ok && !ours.ok).count() as u64;
            came.saved += fates.filter(|(ours, plain)| ours.ok && !plain.ok).count() as u64;
            came.requests += pair.ours.requests;
            came.plain_requests += pair.plain.requests;
            came.later = came.later.max(last_good(&pair.ours).saturating_sub(last_good(&pair.plain)));
        }
        Ok(came)
    }
}

fn last_good(played: &Played) -> u64 {
    played.fates.iter().filter(|fate| fate.ok).map(|fate| fate.ended).max().unwrap_or(0)
}

impl Came {
    /// Lists the bars that it misses.
    #[must_use]
    pub fn missed(&self) -> Vec<&'static str> {
        let bars = [
            (self.lost > self.saved, "calls lost"),
            (self.later > LATER, "last answer late"),
            (self.requests > self.plain_requests, "requests"),
        ];
        bars.into_iter().filter(|(missed, _)| *missed).map(|(_, name)| name).collect()
    }
}

/// Plays all cells.
///
/// # Errors
/// A run without end.
pub fn grid(threads: usize) -> Result<Vec<Came>, String> {
    let mut cells = Vec::new();
    for before in Before::ALL {
        for how in WAYS {
            for outage in OUTAGES {
                cells.extend(AT_ONCE.map(|at_once| Cell { at_once, outage, how, before }));
            }
        }
    }
    many(threads, cells.len(), |place| cells[place].play()).into_iter().collect()
}

/// Writes the cells that miss a bar, and counts, as Markdown.
#[must_use]
pub fn text(all: &[Came]) -> String {
    let mut text =
        "| Before | At once | Outage, ms | How | Missed | lost | saved | requests (plain) | last answer later, ms |\n\
                    |---|---|---|---|---|---|---|---|---|\n"
            .to_string();
    for came in all.iter().filter(|came| !came.missed().is_empty()) {
        let Came { cell: Cell { at_once, outage, how, before }, lost, saved, requests, plain_requests, later } = came;
        let _ = writeln!(
            text,
            "| {} | {at_once} | {outage} | {} | {} | {lost} | {saved} | {requests} ({plain_requests}) | {later} |",
            before.name(),
            String::from(*how),
            came.missed().join(", ")
        );
    }
    text += "\n| Before | cells | missed | calls lost | last answer late | requests |\n|---|---|---|---|---|---|\n";
    for before in Before::ALL {
        let cells: Vec<&Came> = all.iter().filter(|came| came.cell.before == before).collect();
        let count = |bar: &str| cells.iter().filter(|came| came.missed().contains(&bar)).count();
        let missed = cells.iter().filter(|came| !came.missed().is_empty()).count();
        let _ = writeln!(
            text,
            "| {} | {} | {missed} | {} | {} | {} |",
            before.name(),
            cells.len(),
            count("calls lost"),
            count("last answer late"),
            count("requests")
        );
    }
    text
}
