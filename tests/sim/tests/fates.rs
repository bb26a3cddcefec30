//! The fates of calls beside a plain retry loop: a fixed set of worlds, and the bars that the core must reach in it.

use unruffled_sim::fates::cases::{self, Case};
use unruffled_sim::fates::many::cores;
use unruffled_sim::fates::run::{Sums, run};

/// Seeds of the worlds.
const SEEDS: u64 = 2_000;

/// Cases of today's clusters that may miss their floor.
const MOST_MISSED: usize = 14;
/// Of 1,000 calls that the plain loop has, so many may be lost more than are saved: in all worlds …
const MOST_NET_LOST: f64 = 70.0;
/// … and in worlds without rate limits.
const MOST_NET_LOST_WITHOUT_LIMITS: f64 = 60.0;
/// Requests of the core over those of the plain loop: in all worlds …
const MOST_REQUESTS: f64 = 0.9;
/// … and in worlds without rate limits.
const MOST_REQUESTS_WITHOUT_LIMITS: f64 = 0.95;

fn is_todays(case: &Case) -> bool {
    !case.is_later()
}

#[test]
fn the_cases_reach_their_floors() {
    let outcomes = cases::outcomes(cores(), is_todays).expect("every case can be played");
    let missed = outcomes.iter().filter(|outcome| outcome.misses()).count();
    assert!(missed <= MOST_MISSED, "\n{}", cases::text(&outcomes, false));
}

#[test]
fn few_calls_are_lost_that_a_plain_loop_saves_and_fewer_requests_are_sent() {
    let summary = run(cores(), 0, SEEDS);
    assert!(summary.broken.is_empty(), "{:?}", summary.broken);
    let net_lost = |sums: &Sums| 1_000.0 * (sums.lost as f64 - sums.saved as f64) / sums.plain as f64;
    let requests = |sums: &Sums| sums.requests as f64 / sums.plain_requests as f64;
    for (what, is, most) in [
        ("net lost of 1,000", net_lost(&summary.all), MOST_NET_LOST),
        ("net lost of 1,000 without limits", net_lost(&summary.without), MOST_NET_LOST_WITHOUT_LIMITS),
        ("requests", requests(&summary.all), MOST_REQUESTS),
        ("requests without limits", requests(&summary.without), MOST_REQUESTS_WITHOUT_LIMITS),
    ] {
        assert!(is <= most, "{what}: {is:.3}, at most {most}\n{}", summary.text());
    }
}
