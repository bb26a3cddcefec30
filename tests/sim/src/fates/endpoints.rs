//! One endpoint of several is broken: the others must not notice, and the broken one must not be asked for ever.

use super::arrivals::Arrivals;
use super::call::{Call, calls};
use super::client::Next;
use super::effect::{Effect, Fail};
use super::how::How;
use super::judge::config;
use super::many::many;
use super::ours::Ours;
use super::play::{Fate, play};
use super::world::World;
use std::fmt::Write;
use unruffled_quantile::quantile;

/// Percent of the calls that go to the broken endpoints.
const SHARES: [u32; 7] = [5, 10, 20, 30, 40, 50, 70];
/// Milliseconds between two calls: 0.5, 2, 10, 40 and 200 calls a second.
const GAPS: [u64; 5] = [2_000, 500, 100, 25, 5];
const HEALTHY: [u32; 4] = [1, 2, 5, 30];
const BROKEN: [u32; 2] = [1, 2];

const LASTS: u64 = 120_000;
const LEAST_CALLS: u64 = 400;
/// Requests to a broken endpoint count from then on.
const SETTLED: u64 = 2_000;

/// The least share of the healthy calls that succeeds.
const LEAST_OK: f64 = 0.99;
/// Milliseconds by which the 99th percentile of the healthy calls may grow.
const MOST_SLOWER: u64 = 50;
/// The most requests a call of a broken endpoint …
const MOST_REQUESTS: f64 = 0.4;
/// … where it gets at least so many calls a second.
const BUSY: f64 = 10.0;

/// One cell of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Percent.
    pub share: u32,
    /// Milliseconds between two calls.
    pub gap: u64,
    pub healthy: u32,
    pub broken: u32,
    pub drop_in: bool,
}

/// What a cell came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Came {
    pub cell: Cell,
    /// Share of the healthy calls that succeed.
    pub ok: f64,
    /// Milliseconds of the 99th percentile of the healthy calls, and of the same run with no endpoint broken.
    pub p99: u64,
    pub p99_alone: u64,
    /// Requests a call of the broken endpoints, once settled.
    pub requests: f64,
}

/// The healthy and the broken calls of one run.
struct Halves {
    healthy: Vec<Fate>,
    broken: Vec<Fate>,
}

impl Cell {
    fn world(&self) -> World {
        let calls = (LASTS / self.gap).max(LEAST_CALLS) as u32;
        World {
            calls,
            arrivals: Arrivals::Poisson { gap: self.gap },
            share: f64::from(self.share) / 100.0,
            endpoints: self.healthy,
            part_endpoints: self.broken,
            drop_in: self.drop_in,
            server: vec![Effect::from(Fail::all(How::Status(503))).of_part(1)],
            ..World::default()
        }
    }

    /// Returns how many calls a second each broken endpoint gets.
    fn rate(&self) -> f64 {
        10.0 * f64::from(self.share) / self.gap as f64 / f64::from(self.broken)
    }

    fn play(self) -> Result<Came, String> {
        let world = self.world();
        let with = halves(&world)?;
        let alone = halves(&World { server: Vec::new(), ..world })?;
        let ok = with.healthy.iter().filter(|fate| fate.ok).count() as f64 / with.healthy.len() as f64;
        let settled: Vec<&Fate> = with.broken.iter().filter(|fate| fate.begun >= SETTLED).collect();
        let requests: u32 = settled.iter().map(|fate| fate.attempts).sum();
        let requests = f64::from(requests) / settled.len().max(1) as f64;
        Ok(Came { cell: self, ok, p99: p99(&with.healthy), p99_alone: p99(&alone.healthy), requests })
    }

    fn name(&self) -> String {
        let Self { share, gap, healthy, broken, drop_in } = self;
        let face = if *drop_in { "drop-ins" } else { "verbs" };
        format!("{share} % | {} | {healthy} | {broken} | {face}", 1_000.0 / *gap as f64)
    }
}

/// Plays a world with the core and parts its calls.
fn halves(world: &World) -> Result<Halves, String> {
    let config = config(world)?;
    let played = play(world, &mut Ours::all(world, &config), |_, _: &Call, _: Next| {})?;
    let mut halves = Halves { healthy: Vec::new(), broken: Vec::new() };
    for (call, fate) in calls(world).iter().zip(played.fates) {
        if call.part == 1 { halves.broken.push(fate) } else { halves.healthy.push(fate) }
    }
    Ok(halves)
}

fn p99(fates: &[Fate]) -> u64 {
    let mut took: Vec<u64> = fates.iter().filter(|fate| fate.ok).map(Fate::took).collect();
    took.sort_unstable();
    quantile(&took, 99).unwrap_or(0)
}

impl Came {
    /// Returns whether the broken endpoints get so many calls that requests to them are bounded.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.cell.rate() >= BUSY
    }

    fn slower(&self) -> u64 {
        self.p99.saturating_sub(self.p99_alone)
    }

    /// Lists the bars that it misses.
    #[must_use]
    pub fn missed(&self) -> Vec<&'static str> {
        let bars = [
            (self.ok < LEAST_OK, "healthy calls fail"),
            (self.slower() > MOST_SLOWER, "healthy calls slower"),
            (self.is_busy() && self.requests > MOST_REQUESTS, "requests"),
        ];
        bars.into_iter().filter(|(missed, _)| *missed).map(|(_, name)| name).collect()
    }
}

/// Plays all cells.
///
/// # Errors
/// A run without end.
pub fn endpoints(threads: usize) -> Result<Vec<Came>, String> {
    let mut cells = Vec::new();
    for drop_in in [false, true] {
        for broken in BROKEN {
            for healthy in HEALTHY {
                for gap in GAPS {
                    cells.extend(SHARES.map(|share| Cell { share, gap, healthy, broken, drop_in }));
                }
            }
        }
    }
    many(threads, cells.len(), |place| cells[place].play()).into_iter().collect()
}

const HEAD: &str = "share | calls/s | healthy | broken | by";

/// Writes the cells that miss a bar, and the worst figures, as Markdown.
#[must_use]
pub fn text(all: &[Came]) -> String {
    let mut text = format!(
        "| {HEAD} | Missed | healthy calls that succeed | their p99 (alone), ms | requests a broken call |\n\
         |---|---|---|---|---|---|---|---|---|\n"
    );
    let row = |text: &mut String, came: &Came, what: &str| {
        let Came { cell, ok, p99, p99_alone, requests } = came;
        let (name, percent) = (cell.name(), 100.0 * ok);
        let _ = writeln!(text, "| {name} | {what} | {percent:.2} % | {p99} ({p99_alone}) | {requests:.3} |");
    };
    for came in all.iter().filter(|came| !came.missed().is_empty()) {
        row(&mut text, came, &came.missed().join(", "));
    }
    let _ = write!(
        text,
        "\n| {HEAD} | Worst of | healthy calls that succeed | their p99 (alone), ms | requests a broken call |\n\
         |---|---|---|---|---|---|---|---|---|\n"
    );
    let busy = |came: &&Came| came.is_busy();
    for (what, worst) in [
        ("healthy calls that succeed", all.iter().min_by(|a, b| a.ok.total_cmp(&b.ok))),
        ("p99", all.iter().max_by_key(|came| came.slower())),
        ("requests, from 10 calls/s on", all.iter().filter(busy).max_by(|a, b| a.requests.total_cmp(&b.requests))),
        ("requests, below", all.iter().filter(|came| !busy(came)).max_by(|a, b| a.requests.total_cmp(&b.requests))),
    ] {
        if let Some(came) = worst {
            row(&mut text, came, what);
        }
    }
    let missed = |bar: &str| all.iter().filter(|came| came.missed().contains(&bar)).count();
    let _ = writeln!(
        text,
        "\n{} cells; healthy calls fail in {}, are slower in {}; too many requests in {} of {}",
        all.len(),
        missed("healthy calls fail"),
        missed("healthy calls slower"),
        missed("requests"),
        all.iter().filter(busy).count()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_its_rate_and_its_endpoints() {
        let cell = Cell { share: 20, gap: 25, healthy: 5, broken: 2, drop_in: true };
        assert_eq!(cell.rate(), 4.0);
        let world = cell.world();
        assert_eq!(world.calls, 4_800);
        let all = calls(&world);
        let broken = all.iter().filter(|call| call.part == 1);
        assert!(broken.clone().all(|call| matches!(call.endpoint, 5 | 6)));
        assert!((900..1_020).contains(&broken.count()));
    }
}
