//! The fates of calls beside a plain retry loop: a fixed set of worlds, and the bars that the core must reach in it.

use unruffled_sim::fates::cases;
use unruffled_sim::fates::many::cores;
use unruffled_sim::fates::run::{Sums, run};
use unruffled_sim::fates::{endpoints, grid};

/// Seeds of the worlds.
const SEEDS: u64 = 2_000;

/// Of 1,000 calls that the plain loop has, so many may be lost more than are saved: in all worlds …
const MOST_NET_LOST: f64 = 0.0;
/// … and in worlds without rate limits.
const MOST_NET_LOST_WITHOUT_LIMITS: f64 = 0.0;
/// Of 1,000 calls that the plain loop has in worlds without rate limits, so many may be lost.
const MOST_LOST_WITHOUT_LIMITS: f64 = 6.0;
/// Requests of the core over those of the plain loop: in all worlds, of which three with calls without a deadline and a server
/// that answers 429 for hours make a tenth …
const MOST_REQUESTS: f64 = 0.97;
/// … and in worlds without rate limits.
const MOST_REQUESTS_WITHOUT_LIMITS: f64 = 0.95;

#[test]
fn the_cases_reach_their_floors() {
    let outcomes = cases::outcomes(cores(), |_| true).expect("every case can be played");
    assert!(outcomes.iter().all(|outcome| !outcome.misses()), "\n{}", cases::text(&outcomes, false));
}

#[test]
fn a_blip_loses_no_call_that_a_plain_loop_saves() {
    let cells = grid::grid(cores()).expect("every cell can be played");
    assert!(cells.iter().all(|cell| cell.missed().is_empty()), "\n{}", grid::text(&cells));
}

#[test]
fn a_broken_endpoint_takes_no_healthy_one_down() {
    let cells = endpoints::endpoints(cores()).expect("every cell can be played");
    assert!(cells.iter().all(|cell| cell.missed().is_empty()), "\n{}", endpoints::text(&cells));
}

#[test]
fn few_calls_are_lost_that_a_plain_loop_saves_and_fewer_requests_are_sent() {
    let summary = run(cores(), 0, SEEDS);
    assert!(summary.broken.is_empty(), "{:?}", summary.broken);
    let net_lost = |sums: &Sums| 1_000.0 * (sums.lost as f64 - sums.saved as f64) / sums.plain as f64;
    let lost = |sums: &Sums| 1_000.0 * sums.lost as f64 / sums.plain as f64;
    let requests = |sums: &Sums| sums.requests as f64 / sums.plain_requests as f64;
    for (what, is, most) in [
        ("net lost of 1,000", net_lost(&summary.all), MOST_NET_LOST),
        ("net lost of 1,000 without limits", net_lost(&summary.without), MOST_NET_LOST_WITHOUT_LIMITS),
        ("lost of 1,000 without limits", lost(&summary.without), MOST_LOST_WITHOUT_LIMITS),
        ("requests", requests(&summary.all), MOST_REQUESTS),
        ("requests without limits", requests(&summary.without), MOST_REQUESTS_WITHOUT_LIMITS),
    ] {
        assert!(is <= most, "{what}: {is:.3}, at most {most}\n{}", summary.text());
    }
}
