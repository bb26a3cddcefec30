//! The constants, one at a time: what each figure becomes as one of them changes.

use super::bars::case;
use super::cases::{Case, shared};
use super::measure::{Figures, measure, middle_and_worst};
use super::ours::Ours;
use super::play::{Setup, play};
use super::policy::Policy;
use super::quota::Kind;
use std::fmt::Write;
use unruffled_core::config::{Config, Jitter, Reading, read};

/// How a value gets into the core.
#[derive(Clone, Copy)]
enum Way {
    /// Through the policy, as read.
    Policy(fn(&mut Config, u64)),
    /// A constant that no policy sets: only with the feature `sweep`.
    Constant(&'static str),
}

/// Which figures it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Retries,
    Limits,
}

struct Knob {
    name: &'static str,
    way: Way,
    room: Room,
    /// The shipped one is among them.
    values: &'static [u64],
}

const fn policy(name: &'static str, set: fn(&mut Config, u64), values: &'static [u64]) -> Knob {
    Knob { name, way: Way::Policy(set), room: Room::Retries, values }
}

const fn constant(name: &'static str, room: Room, values: &'static [u64]) -> Knob {
    Knob { name, way: Way::Constant(name), room, values }
}

fn breaker(config: &mut Config) -> &mut unruffled_core::config::Breaker {
    config.settings.breaker.get_or_insert_default()
}

const KNOBS: &[Knob] = &[
    constant("BUDGET_REFUND", Room::Retries, &[0, 500_000, 1_000_000, 1_250_000, 1_500_000, 2_000_000]),
    constant("WAITED_PRICE", Room::Retries, &[0, 1_000_000, 2_000_000, 3_000_000, 5_000_000]),
    constant("ASKED_REFUND", Room::Retries, &[1_000_000, 3_000_000, 10_000_000, 20_000_000]),
    constant("ASKED_MOST", Room::Retries, &[250, 500, 1_000, 2_000, 5_000]),
    constant("BUDGET_SHARE", Room::Retries, &[0, 10_000, 20_000, 40_000, 80_000]),
    policy("retry.budget.perCall", |c, v| c.budget.per_call = v, &[50_000, 100_000, 130_000, 150_000, 200_000]),
    policy("retry.budget.capacity", |c, v| c.budget.capacity = v * 1_000_000, &[5, 10, 20, 40]),
    policy("retry.patience", |c, v| c.settings.retry.patience = Some(v), &[0, 1_000, 2_500, 5_000, 10_000, 20_000]),
    policy("breaker.run", |c, v| breaker(c).run = v as u32, &[5, 10, 20, 40]),
    constant("SPAN", Room::Retries, &[0, 500, 1_000, 2_000]),
    constant("PROBE_EVERY", Room::Retries, &[5, 10, 15, 20, 40]),
    policy("breaker.latestProbe", |c, v| breaker(c).latest_probe = v, &[1_000, 2_500, 5_000, 10_000]),
    policy("breaker.coolDown", |c, v| breaker(c).cool_down = v, &[200, 300, 350, 400, 500, 1_000, 2_000]),
    constant("LEASE", Room::Retries, &[500, 1_000, 2_500, 5_000, 10_000]),
    policy("retry.base", |c, v| c.settings.retry.base = v, &[50, 100, 200, 400, 1_000]),
    policy("retry.jitter (added, full, none)", |c, v| c.settings.retry.jitter = JITTERS[v as usize], &[0, 1, 2]),
    constant("PACE_GROWTH", Room::Limits, &[5_000, 10_000, 20_000, 40_000]),
    constant("PACE_REGAIN", Room::Limits, &[0, 50, 100, 200]),
    constant("PACE_PLENTY", Room::Limits, &[0, 100_000, 300_000, 1_000_000]),
    constant("PACE_CUT_MOST", Room::Limits, &[100, 200, 300, 500]),
    constant("RESERVE", Room::Limits, &[5, 10, 20, 40]),
    constant("PACE_FLOOR", Room::Limits, &[20, 50, 200, 1_000]),
];

const JITTERS: [Jitter; 3] = [Jitter::Added, Jitter::Full, Jitter::None];

/// A figure of a case as a column; the worst seed where `true`, else the middle one.
struct Column {
    name: &'static str,
    case: fn() -> Case,
    of: fn(&Figures) -> f64,
    worst: bool,
}

macro_rules! columns {
    ($($name:literal $case:expr, $of:ident $worst:literal;)+) => {
        &[$(Column { name: $name, case: || $case, of: |f| f.$of, worst: $worst }),+]
    };
}

const RETRIES: &[Column] = columns! {
    "outage, req" *case("outage"), requests_in false;
    "last fail s" *case("outage"), last_failure true;
    "long, req" *case("long-healthy"), requests_in false;
    "instant, failed" *case("instant"), failed true;
    "p99 s" *case("instant"), p99 false;
    "brown, ok" *case("brown-out"), success false;
    "req" *case("brown-out"), requests false;
    "overload, ok" *case("overload"), success false;
    "recovery s" *case("overload"), recovery true;
    "wait, ok" *case("overload, breaker.wait"), success false;
    "recovery s" *case("overload, breaker.wait"), recovery true;
    "slow, ok" *case("slow recovery"), success false;
    "req" *case("slow recovery"), requests_in false;
    "part, ok" *case("partition"), success false;
    "req" *case("partition"), requests_in false;
    "blips, ok" *case("deploy blips"), success false;
};

const LIMITS: &[Column] = columns! {
    "window 50/s" *case("window 50/s"), goodput false;
    "bucket 50/s" *case("bucket 50/s"), goodput false;
    "lowered, good/s" *case("lowered limit"), goodput false;
    "p99 s" *case("lowered limit"), p99 false;
    "10 on bucket, good/s" shared(Kind::Bucket, 10, 1_000), goodput false;
    "429" shared(Kind::Bucket, 10, 1_000), limited true;
    "fair" shared(Kind::Bucket, 10, 1_000), fairness true;
    "1 on 10 s, good/s" shared(Kind::Window, 1, 10_000), goodput false;
    "10 on 10 s, good/s" shared(Kind::Window, 10, 10_000), goodput false;
    "429" shared(Kind::Window, 10, 10_000), limited true;
    "fair" shared(Kind::Window, 10, 10_000), fairness true;
    "1 on 1 min, good/s" shared(Kind::Window, 1, 60_000), goodput false;
    "10 on 1 min, good/s" shared(Kind::Window, 10, 60_000), goodput false;
    "429" shared(Kind::Window, 10, 60_000), limited true;
    "fair" shared(Kind::Window, 10, 60_000), fairness true;
};

fn measured(case: &Case, knob: &Knob, value: u64, seed: u64) -> Figures {
    let client = |i: u64| -> Box<dyn Policy> {
        let Ok(mut config) = read(case.policy, Reading::Strict) else { panic!("{}", case.policy) };
        if let Way::Policy(set) = knob.way {
            set(&mut config, value);
        }
        Box::new(Ours::with(config, seed * 1_000 + i))
    };
    let clients = (0..case.clients as u64).map(client).collect();
    let log = play(Setup { seed, load: case.load, until: case.until, clients, server: (case.server)() });
    measure(&log, case.trouble, case.until)
}

/// Replaces a constant; false = not built for that.
#[cfg(feature = "sweep")]
fn replace(name: &str, value: Option<u64>) -> bool {
    let known = unruffled_core::tuning::ALL.iter().find(|(known, _)| *known == name);
    known.is_some_and(|(_, tuning)| {
        tuning.set(value);
        true
    })
}

#[cfg(not(feature = "sweep"))]
fn replace(_: &str, _: Option<u64>) -> bool {
    false
}

fn row(columns: &[Column], knob: &Knob, value: u64, seeds: u64) -> String {
    // Columns of one case stand together: it is played once.
    let mut text = String::new();
    let mut last: Option<(Case, Vec<Figures>)> = None;
    for column in columns {
        let case = (column.case)();
        let same = last.as_ref().is_some_and(|(known, _)| {
            (known.name, known.clients, known.policy) == (case.name, case.clients, case.policy)
        });
        if !same {
            last = Some((case, (1..=seeds).map(|seed| measured(&case, knob, value, seed)).collect()));
        }
        let values: Vec<f64> = last.iter().flat_map(|(_, all)| all.iter().map(column.of)).collect();
        let worse: fn(f64, f64) -> bool = if column.name == "fair" { |a, b| a < b } else { |a, b| a > b };
        let (middle, worst) = middle_and_worst(&values, worse);
        let _ = write!(text, " {:.3} |", if column.worst { worst } else { middle });
    }
    text
}

/// The table of each knob whose name contains one of the words, or of all.
#[must_use]
pub fn sweep(seeds: u64, words: &[&str]) -> String {
    let mut text = String::new();
    for knob in KNOBS.iter().filter(|knob| words.is_empty() || words.iter().any(|word| knob.name.contains(word))) {
        let columns = if knob.room == Room::Retries { RETRIES } else { LIMITS };
        let _ = writeln!(text, "\n### {}\n", knob.name);
        let names: String = columns.iter().map(|column| format!(" {} |", column.name)).collect();
        let _ = writeln!(text, "| value |{names}\n|---|{}", "---|".repeat(columns.len()));
        for value in knob.values {
            if let Way::Constant(name) = knob.way
                && !replace(name, Some(*value))
            {
                let _ = writeln!(text, "| (build with `--features sweep`) |");
                break;
            }
            let _ = writeln!(text, "| {value} |{}", row(columns, knob, *value, seeds));
        }
        if let Way::Constant(name) = knob.way {
            replace(name, None);
        }
    }
    text
}
