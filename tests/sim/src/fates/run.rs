//! Many worlds: what the core loses, saves and sends beside the plain loop, and by which rules.

use super::draw::draw;
use super::judge::{Flag, Verdict, judge};
use super::many::many;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::panic::catch_unwind;

/// Rows that a table shows.
const SHOWN: usize = 30;
/// Seeds that a row of a table names.
const EXAMPLES: usize = 4;

/// Sums over worlds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub worlds: u64,
    pub calls: u64,
    pub ok: u64,
    pub plain: u64,
    pub lost: u64,
    pub saved: u64,
    pub requests: u64,
    pub plain_requests: u64,
}

/// A row of a table: worlds with something in common.
#[derive(Debug, Clone, Default)]
pub struct Row {
    pub worlds: u64,
    pub calls: u64,
    /// The same without rate limits.
    pub worlds_without: u64,
    pub calls_without: u64,
    /// Seeds and calls, the worst first.
    worst: Vec<(u64, u64)>,
}

/// What many worlds came to.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    pub all: Sums,
    /// Worlds without rate limits.
    pub without: Sums,
    /// Worlds that could not be played, by seed.
    pub broken: Vec<(u64, String)>,
    /// Calls lost, by what ended them.
    pub lost_to: BTreeMap<String, Row>,
    /// Worlds by flag and by what ended or delayed most of the calls behind it.
    pub flagged: BTreeMap<(Flag, String), Row>,
    /// Worlds by flag, of all and of those without rate limits.
    pub flags: BTreeMap<Flag, (u64, u64)>,
}

impl Sums {
    fn add(&mut self, verdict: &Verdict) {
        self.worlds += 1;
        self.calls += verdict.calls;
        self.ok += verdict.ok;
        self.plain += verdict.plain;
        self.lost += verdict.lost;
        self.saved += verdict.saved;
        self.requests += verdict.requests;
        self.plain_requests += verdict.plain_requests;
    }
}

impl Row {
    fn add(&mut self, seed: u64, calls: u64, limited: bool) {
        self.worlds += 1;
        self.calls += calls;
        if !limited {
            self.worlds_without += 1;
            self.calls_without += calls;
        }
        self.worst.push((seed, calls));
        self.worst.sort_by_key(|(seed, calls)| (std::cmp::Reverse(*calls), *seed));
        self.worst.truncate(EXAMPLES);
    }

    fn examples(&self) -> String {
        self.worst.iter().map(|(seed, _)| seed.to_string()).collect::<Vec<_>>().join(" ")
    }
}

/// Plays the worlds of so many seeds.
#[must_use]
pub fn run(threads: usize, from: u64, seeds: u64) -> Summary {
    let verdicts = many(threads, seeds as usize, |place| {
        let world = draw(from + place as u64);
        let limited = world.is_limited();
        // A panic of the core must not hide its seed.
        let verdict = catch_unwind(|| judge(&world)).unwrap_or_else(|_| Err("panic".to_string()));
        (world.seed, limited, verdict)
    });
    let mut summary = Summary::default();
    for (seed, limited, verdict) in verdicts {
        match verdict {
            Ok(verdict) => summary.add(seed, limited, &verdict),
            Err(why) => summary.broken.push((seed, why)),
        }
    }
    summary
}

impl Summary {
    fn add(&mut self, seed: u64, limited: bool, verdict: &Verdict) {
        self.all.add(verdict);
        if !limited {
            self.without.add(verdict);
        }
        for (cause, calls) in &verdict.lost_to {
            self.lost_to.entry(cause.clone()).or_default().add(seed, *calls, limited);
        }
        for flag in &verdict.flags {
            let cause = verdict.cause(*flag).to_string();
            self.flagged.entry((*flag, cause)).or_default().add(seed, verdict.lost, limited);
            let (all, without) = self.flags.entry(*flag).or_default();
            *all += 1;
            *without += u64::from(!limited);
        }
    }

    /// Writes it as Markdown.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = "| Worlds | | calls | ok (plain) | lost | saved | requests | plain | of plain |\n\
                        |---|---|---|---|---|---|---|---|---|\n"
            .to_string();
        for (name, sums) in [("all", &self.all), ("without rate limits", &self.without)] {
            let Sums { worlds, calls, ok, plain, lost, saved, requests, plain_requests } = sums;
            let share = 100.0 * *requests as f64 / (*plain_requests).max(1) as f64;
            let _ = writeln!(
                text,
                "| {name} | {worlds} | {calls} | {ok} ({plain}) | {lost} | {saved} | {requests} | {plain_requests} | {share:.1} % |"
            );
        }
        text += "\n| Calls lost, by what ended them | worlds | calls | worlds without rate limits | calls | worst seeds |\n\
                 |---|---|---|---|---|---|\n";
        rows(&mut text, self.lost_to.iter().map(|(cause, row)| (cause.clone(), row)).collect());
        text += "\n| Flag | worlds | without rate limits |\n|---|---|---|\n";
        for (flag, (all, without)) in &self.flags {
            let _ = writeln!(text, "| {}: {} | {all} | {without} |", flag.letter(), flag.about());
        }
        text += "\n| Flag, and what ended or delayed most calls | worlds | calls lost | worlds without rate limits | calls lost | worst seeds |\n\
                 |---|---|---|---|---|---|\n";
        let name = |(flag, cause): &(Flag, String)| format!("{} {cause}", flag.letter());
        rows(&mut text, self.flagged.iter().map(|(key, row)| (name(key), row)).collect());
        for (seed, why) in self.broken.iter().take(10) {
            let _ = writeln!(text, "\nseed {seed} could not be played: {why}");
        }
        text
    }
}

/// Writes the rows of a table, the most calls first.
fn rows(text: &mut String, mut rows: Vec<(String, &Row)>) {
    rows.sort_by_key(|(_, row)| std::cmp::Reverse((row.calls, row.worlds)));
    let hidden = rows.len().saturating_sub(SHOWN);
    for (name, row) in rows.into_iter().take(SHOWN) {
        let Row { worlds, calls, worlds_without, calls_without, .. } = row;
        let seeds = row.examples();
        let _ = writeln!(text, "| {name} | {worlds} | {calls} | {worlds_without} | {calls_without} | {seeds} |");
    }
    if hidden > 0 {
        let _ = writeln!(text, "\n{hidden} more rows with fewer calls.");
    }
}
