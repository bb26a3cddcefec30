//! The table: each policy at each server, as Markdown.

use super::budgets::{Aws, Grpc, Tower};
use super::cases::{CASES, Case};
use super::gates::{Fused, Paced};
use super::measure::{Figures, measure, middle_and_worst};
use super::others::{Exponential, Fixed, Loop, Never, Rules};
use super::ours::Ours;
use super::play::{Log, Setup, play};
use super::policy::Policy;
use std::fmt::Write;

/// Makes a client of a policy for a case.
pub type Maker = fn(&Case, u64) -> Box<dyn Policy>;

fn looped(rules: impl Rules + 'static, seed: u64) -> Box<dyn Policy> {
    Box::new(Loop::new(Box::new(rules), seed))
}

/// Ours.
#[must_use]
pub fn ours(case: &Case, seed: u64) -> Box<dyn Policy> {
    Box::new(Ours::new(case.policy, seed))
}

/// Every policy by name; ours is the first.
pub const POLICIES: &[(&str, Maker)] = &[
    ("unruffled", ours),
    ("none", |_, seed| looped(Never, seed)),
    ("4 attempts, 1 s apart", |_, seed| looped(Fixed, seed)),
    ("exponential, full jitter", |_, seed| looped(Exponential, seed)),
    ("AWS standard", |_, seed| looped(Aws::standard(), seed)),
    ("AWS standard, Nov 2026", |_, seed| looped(Aws::standard_2026(), seed)),
    ("gRPC A6, 10 tokens", |_, seed| looped(Grpc::new(10.0), seed)),
    ("gRPC A6, 100 tokens", |_, seed| looped(Grpc::new(100.0), seed)),
    ("tower budget", |_, seed| looped(Tower::default(), seed)),
    ("breaker 50 % in 30 s", |_, seed| looped(Fused::default(), seed)),
    ("client limiter at 80 %", |case, seed| match case.documented {
        Some(limit) => looped(Paced::new(limit), seed),
        None => looped(Exponential, seed),
    }),
];

/// One run of a case.
#[must_use]
pub fn run(case: &Case, maker: Maker, seed: u64) -> Log {
    let clients = (0..case.clients as u64).map(|i| maker(case, seed * 1_000 + i)).collect();
    play(Setup { seed, load: case.load, until: case.until, clients, server: (case.server)() })
}

/// The figures of several seeds, 1 and up.
#[must_use]
pub fn figures(case: &Case, maker: Maker, seeds: u64) -> Vec<Figures> {
    (1..=seeds).map(|seed| measure(&run(case, maker, seed), case.trouble, case.until)).collect()
}

/// The middle of one figure over the seeds.
#[must_use]
pub fn middle(all: &[Figures], figure: fn(&Figures) -> f64) -> f64 {
    let values: Vec<f64> = all.iter().map(figure).collect();
    middle_and_worst(&values, |a, b| a > b).0
}

fn seconds(value: f64) -> String {
    match value {
        value if value.is_nan() => "–".into(),
        value if value.is_infinite() => "never".into(),
        value => format!("{value:.2}"),
    }
}

/// Each policy at each server.
#[must_use]
pub fn table(seeds: u64, only: Option<&str>) -> String {
    let mut text = String::new();
    for case in CASES.iter().filter(|case| only.is_none_or(|only| case.name.contains(only))) {
        let _ = writeln!(text, "\n### {}\n\n{}.\n", case.name, case.about);
        text += "| Policy | success | requests a call | … in the trouble | first success after it, s | \
                 last failure after it, s | 9 of 10 succeed again after, s | 429 | good/s | p50 s | p99 s |\n\
                 |---|---|---|---|---|---|---|---|---|---|---|\n";
        for (name, maker) in POLICIES {
            if *name == "client limiter at 80 %" && case.documented.is_none() {
                continue;
            }
            let all = figures(case, *maker, seeds);
            let of = |figure| middle(&all, figure);
            let troubled = case.trouble.1 > 0;
            let after = |value: f64| if troubled { seconds(value) } else { "–".into() };
            let _ = writeln!(
                text,
                "| {name} | {:.2} % | {:.2} | {} | {} | {} | {} | {:.1} % | {:.1} | {} | {} |",
                of(|f| f.success) * 100.0,
                of(|f| f.requests),
                seconds(of(|f| f.requests_in)),
                after(of(|f| f.first_success)),
                after(of(|f| f.last_failure)),
                after(of(|f| f.recovery)),
                of(|f| f.limited) * 100.0,
                of(|f| f.goodput),
                seconds(of(|f| f.p50)),
                seconds(of(|f| f.p99)),
            );
        }
    }
    text
}
