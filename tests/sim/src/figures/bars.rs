//! The figures that the policy must reach, each with its bar: what the tests assert and the README reports.

use super::cases::{CASES, Case, shared};
use super::chance::Chance;
use super::measure::{Figures, herd, measure, middle_and_worst};
use super::play::{Load, Setup, play};
use super::quota::Kind;
use super::server::{Planned, Trouble, What};
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
    pub bar: f64,
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

    /// Whether every seed is on the right side.
    #[must_use]
    pub fn holds(&self) -> bool {
        let (_, worst) = self.middle_and_worst();
        match self.side {
            Side::AtMost => worst <= self.bar,
            Side::AtLeast => worst >= self.bar,
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

/// What to read of a run, which side, the bar.
type Ask = (&'static str, fn(&Figures) -> f64, Side, f64);

fn asked(name: &str, case: &Case, seeds: u64, asks: &[Ask]) -> Vec<Bar> {
    let all: Vec<Figures> = (1..=seeds).map(|seed| measure(&run(case, ours, seed), case.trouble, case.until)).collect();
    let bar = |(what, of, side, bar): &Ask| Bar {
        what: format!("{name}: {what}"),
        side: *side,
        bar: *bar,
        values: all.iter().map(of).collect(),
    };
    asks.iter().map(bar).collect()
}

/// All of them, each over so many seeds.
#[must_use]
pub fn bars(seeds: u64) -> Vec<Bar> {
    use Side::{AtLeast, AtMost};
    let mut bars = Vec::new();
    let mut add = |name: &str, case: &Case, asks: &[Ask]| bars.extend(asked(name, case, seeds, asks));
    let outage: [Ask; 2] = [
        ("requests a call in it", |f| f.requests_in, AtMost, 0.3),
        ("last failure after its end, s", |f| f.last_failure, AtMost, 0.5),
    ];
    add("outage of 6 s", case("outage"), &outage);
    let long: [Ask; 2] = [("requests a call in it", |f| f.requests_in, AtMost, 0.15), outage[1]];
    add("outage of 20 s after 10 healthy minutes", case("long-healthy"), &long);
    add(
        "one instant fails 200 calls",
        case("instant"),
        &[
            ("calls that fail", |f| f.failed, AtMost, 0.0),
            ("requests a call", |f| f.requests, AtMost, 2.05),
            ("slowest call, s", |f| f.p99, AtMost, 2.0),
        ],
    );
    add(
        "brown-out of 30 %, five attempts",
        &BROWN_OUT,
        &[("success", |f| f.success, AtLeast, 0.995), ("requests a call", |f| f.requests, AtMost, 1.45)],
    );
    // Four attempts cannot do better than 1 - 0.3^4 = 99.19 %; a tenth of a percent is the dice's.
    add(
        "brown-out of 30 %, four attempts",
        case("brown-out"),
        &[("success", |f| f.success, AtLeast, 0.988), ("requests a call", |f| f.requests, AtMost, 1.45)],
    );
    let overload: [Ask; 2] = [("recovery, s", |f| f.recovery, AtMost, 2.0), ("success", |f| f.success, AtLeast, 0.8)];
    add("overload", case("overload"), &overload);
    let waiting: [Ask; 2] = [("recovery, s", |f| f.recovery, AtMost, 3.0), overload[1]];
    add("overload, breaker.wait 5 s", case("overload, breaker.wait"), &waiting);
    for name in ["window 50/s", "bucket 50/s"] {
        add(
            &format!("400 GETs, {name}"),
            case(name),
            &[
                ("goodput of 50/s", |f| f.goodput / 50.0, AtLeast, 0.9),
                ("429s of 400", |f| f.limited_count, AtMost, 4.0),
            ],
        );
    }
    for (name, kind, window) in [
        ("token bucket", Kind::Bucket, 1_000),
        ("window of 10 s", Kind::Window, 10_000),
        ("window of 1 min", Kind::Window, 60_000),
    ] {
        for clients in [1, 3, 10] {
            add(
                &format!("{clients} on one key, {name}"),
                &shared(kind, clients, window),
                &[
                    ("together of the limit", |f| f.goodput / 50.0, AtLeast, 0.93),
                    ("share of 429", |f| f.limited, AtMost, 0.015),
                    ("slowest of fastest", |f| f.fairness, AtLeast, 0.6),
                ],
            );
        }
    }
    let values = (1..=seeds).map(herd_of_200).collect();
    bars.push(Bar { what: "herd of 200: peak bin over even".into(), side: AtMost, bar: 1.3, values });
    bars
}

/// 30 % of requests fail, by a policy with an attempt more.
const BROWN_OUT: Case = Case {
    policy: r#"{"retry": {"attempts": 5}}"#,
    server: || Box::new(Planned { troubles: vec![(0, 60_000, Trouble::Some(0.3, What::Status(503)))] }),
    name: "brown-out, five attempts",
    about: "",
    clients: 1,
    load: Load::Every(20),
    until: 60_000,
    trouble: (0, 60_000),
    documented: None,
};

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
    let mut text = "| Figure | Bar | Median | Worst |  |\n|---|---|---|---|---|\n".to_string();
    for bar in bars {
        let (middle, worst) = bar.middle_and_worst();
        let sign = if bar.side == Side::AtMost { "≤" } else { "≥" };
        let held = if bar.holds() { "" } else { "missed" };
        let _ = writeln!(text, "| {} | {sign} {} | {middle:.3} | {worst:.3} | {held} |", bar.what, bar.bar);
    }
    text
}
