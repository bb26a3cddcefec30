//! The figures that the policy must reach, each with its bar: what the tests assert and the README reports.

use super::cases::{CASES, Case, shared};
use super::chance::Chance;
use super::measure::{Figures, herd, measure, middle_and_worst};
use super::play::{Setup, play};
use super::quota::Kind;
use super::table::{ours, run};
use std::fmt::Write;

/// On which side of the bar a figure must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    AtMost,
    AtLeast,
}

/// One figure, measured over several seeds.
#[derive(Debug, Clone)]
pub struct Bar {
    pub what: String,
    pub side: Side,
    /// For the middle one of the seeds.
    pub bar: f64,
    /// For the worst.
    pub worst: f64,
    pub values: Vec<f64>,
}

impl Bar {
    /// The middle value and the worst.
    #[must_use]
    pub fn middle_and_worst(&self) -> (f64, f64) {
        let worse = match self.side {
            Side::AtMost => |a: f64, b: f64| a > b,
            Side::AtLeast => |a: f64, b: f64| a < b,
        };
        middle_and_worst(&self.values, worse)
    }

    /// Whether the middle and the worst of the seeds are on the right side.
    #[must_use]
    pub fn holds(&self) -> bool {
        let (middle, worst) = self.middle_and_worst();
        match self.side {
            Side::AtMost => middle <= self.bar && worst <= self.worst,
            Side::AtLeast => middle >= self.bar && worst >= self.worst,
        }
    }
}

/// A case by its name.
///
/// # Panics
/// There is none.
#[must_use]
pub fn case(name: &str) -> &'static Case {
    match CASES.iter().find(|case| case.name == name) {
        Some(case) => case,
        None => panic!("no case {name}"),
    }
}

/// What to read of a run, and where it must be.
#[derive(Clone, Copy)]
struct Ask {
    what: &'static str,
    of: fn(&Figures) -> f64,
    side: Side,
    bar: f64,
    worst: f64,
}

const fn at_most(what: &'static str, of: fn(&Figures) -> f64, bar: f64) -> Ask {
    Ask { what, of, side: Side::AtMost, bar, worst: bar }
}

const fn at_least(what: &'static str, of: fn(&Figures) -> f64, bar: f64) -> Ask {
    Ask { what, of, side: Side::AtLeast, bar, worst: bar }
}

impl Ask {
    /// Chance may bring the worst seed as far as that.
    const fn at_worst(mut self, worst: f64) -> Self {
        self.worst = worst;
        self
    }
}

fn asked(name: &str, case: &Case, seeds: u64, asks: &[Ask]) -> Vec<Bar> {
    let all: Vec<Figures> = (1..=seeds).map(|seed| measure(&run(case, ours, seed), case.trouble, case.until)).collect();
    let bar = |Ask { what, of, side, bar, worst }: &Ask| Bar {
        what: format!("{name}: {what}"),
        side: *side,
        bar: *bar,
        worst: *worst,
        values: all.iter().map(of).collect(),
    };
    asks.iter().map(bar).collect()
}

/// All of them, each over so many seeds.
#[must_use]
pub fn bars(seeds: u64) -> Vec<Bar> {
    let mut bars = Vec::new();
    let mut add = |name: &str, case: &Case, asks: &[Ask]| bars.extend(asked(name, case, seeds, asks));
    let outage: [Ask; 3] = [
        at_most("requests a call in it", |f| f.requests_in, 0.3),
        at_most("first success after its end, s", |f| f.first_success, 0.5),
        at_most("last failure after its end, s", |f| f.last_failure, 0.5),
    ];
    add("outage of 6 s", case("outage"), &outage);
    add("outage of 6 s, cold", case("outage, cold"), &outage);
    let long: [Ask; 3] = [
        at_most("requests a call in it", |f| f.requests_in, 0.15),
        // A probe that just missed the end, the cool-down with its 10 %, the next probe.
        outage[1].at_worst(0.65),
        outage[2].at_worst(0.65),
    ];
    add("outage of 20 s after 10 healthy minutes", case("long-healthy"), &long);
    add(
        "one instant fails 200 calls",
        case("instant"),
        &[
            at_most("calls that fail", |f| f.failed, 0.0),
            at_most("requests a call", |f| f.requests, 2.05),
            at_most("slowest call, s", |f| f.p99, 2.0),
        ],
    );
    // Four attempts against 30 % cannot do better than 1 - 0.3^4 = 99.19 % while it lasts.
    add(
        "brown-out of 30 % for 30 s",
        case("brown-out of 30 s"),
        &[
            at_least("success in a minute", |f| f.success, 0.995).at_worst(0.98),
            at_most("requests a call in it", |f| f.requests_in, 1.45).at_worst(1.46),
        ],
    );
    add(
        "brown-out of 30 % for 60 s",
        case("brown-out"),
        &[at_least("success", |f| f.success, 0.92), at_most("requests a call", |f| f.requests, 1.45)],
    );
    let overload: [Ask; 2] = [at_most("recovery, s", |f| f.recovery, 2.0), at_least("success", |f| f.success, 0.8)];
    add("overload", case("overload"), &overload);
    // A second later than without the wait, where the worst is 0.75 s.
    let waiting: [Ask; 2] = [at_most("recovery, s", |f| f.recovery, 1.75), overload[1]];
    add("overload, breaker.wait 5 s", case("overload, breaker.wait"), &waiting);
    for name in ["window 50/s", "bucket 50/s"] {
        add(
            &format!("400 GETs, {name}"),
            case(name),
            // In a window what the first guess of its end costs is not made good: a documented limit is the cap.
            &[
                at_least("goodput of 50/s", |f| f.goodput / 50.0, if name == "window 50/s" { 0.88 } else { 0.9 }),
                at_most("429s of 400", |f| f.limited_count, 4.0),
            ],
        );
    }
    for (name, kind, window) in [
        ("token bucket", Kind::Bucket, 1_000),
        ("window of 10 s", Kind::Window, 10_000),
        ("window of 1 min", Kind::Window, 60_000),
    ] {
        // Resets are whole seconds: alone on a window of 10 s, a tenth of it is guessed.
        let together = if window == 10_000 { 0.92 } else { 0.93 };
        for clients in [1, 3, 10] {
            add(
                &format!("{clients} on one key, {name}"),
                &shared(kind, clients, window),
                &[
                    at_least("together of the limit", |f| f.goodput / 50.0, together),
                    at_most("share of 429", |f| f.limited, 0.015),
                    at_least("slowest of fastest", |f| f.fairness, 0.6).at_worst(0.55),
                ],
            );
        }
    }
    let values = (1..=seeds).map(herd_of_200).collect();
    bars.push(Bar {
        what: "herd of 200: peak bin over even".into(),
        side: Side::AtMost,
        bar: 1.3,
        worst: 1.45,
        values,
    });
    bars
}

/// 200 clients whose calls fail in one instant: how much their first retries bunch.
fn herd_of_200(seed: u64) -> f64 {
    let case = Case { clients: 200, policy: "{}", ..*case("instant") };
    let seeds = Chance::new(seed).bits() >> 16;
    let clients = (0..200).map(|i| ours(&case, seeds + i)).collect();
    herd(&play(Setup { seed, load: case.load, until: case.until, clients, server: (case.server)() }))
}

/// As Markdown.
#[must_use]
pub fn text(bars: &[Bar]) -> String {
    let mut text = "| Figure | Bar (worst seed) | Median | Worst |  |\n|---|---|---|---|---|\n".to_string();
    for bar in bars {
        let (middle, worst) = bar.middle_and_worst();
        let sign = if bar.side == Side::AtMost { "≤" } else { "≥" };
        let held = if bar.holds() { "" } else { "missed" };
        let most = if bar.worst == bar.bar { String::new() } else { format!(" ({})", bar.worst) };
        let _ = writeln!(text, "| {} | {sign} {}{most} | {middle:.3} | {worst:.3} | {held} |", bar.what, bar.bar);
    }
    text
}
