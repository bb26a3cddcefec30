//! How many calls a case has, and how many of them a client that knows the algorithm has by when.
//!
//! `goodput = good answers until H ÷ good answers of the oracle until H`. H lies where every way to use the limit has had
//! its turn: at the end of a window, so that a client that spreads its calls evenly is as good as one that sends them at
//! the start; for a bucket at the oracle's last answer; for a quota that is not used up at twice the oracle's time.

use super::case::Case;
use super::convention::*;
use super::play::{Bound, Played, oracle};

/// The calls of a run.
const CALLS: (u64, u64) = (100, 3_000);
/// The time of a run.
const MINUTE: u64 = 60_000;
/// What is left of a long window is spread over at most this time.
const SPREAD: u64 = 300_000;
/// Long enough for everything.
const LONG: u64 = 1 << 40;

/// What a good client reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ideal {
    pub calls: u64,
    /// H.
    pub until: u64,
    /// Good answers until then.
    pub good: u64,
}

/// Counts the good answers until a time.
#[must_use]
pub fn good_until(played: &Played, until: u64) -> u64 {
    played.fates.iter().filter(|fate| fate.ok && fate.ended <= until).count() as u64
}

fn last(played: &Played) -> u64 {
    played.fates.iter().filter(|fate| fate.ok).map(|fate| fate.ended).max().unwrap_or(0)
}

/// Lets the oracle find out what a case allows.
///
/// # Errors
/// A run without end.
pub fn ideal(case: &Case) -> Result<Ideal, String> {
    if case.convention.load == Load::Open {
        let calls = ((case.rate() * 0.6 * 60.0) as u64).clamp(CALLS.0, CALLS.1);
        let played = oracle(case, Bound { calls, until: LONG })?;
        return Ok(Ideal { calls, until: last(&played) + 50, good: good_until(&played, LONG) });
    }
    if case.convention.is_long_quota() {
        let all = (case.limit * case.need) as f64 / 1_000.0 / case.convention.cost.mean();
        return quota(case, (all as u64).clamp(CALLS.0, CALLS.1));
    }
    if case.convention.is_bucket() || case.convention.algorithm == Algorithm::Concurrency {
        return bucket(case);
    }
    windows(case)
}

/// A quota that is used up at most once. A client may spend only as much of it as the rules for long windows allow.
fn quota(case: &Case, calls: u64) -> Result<Ideal, String> {
    let played = oracle(case, Bound { calls, until: case.window / 2 })?;
    let until = 2 * last(&played) + 1_000;
    let is_long = case.window >= MINUTE && !case.convention.is_bucket();
    let allowed = if is_long { allowed(case, until) } else { u64::MAX };
    Ok(Ideal { calls, until, good: good_until(&played, until).min(allowed) })
}

/// Counts the calls that the rules for a long window allow until a time: a documented limit is the cap, with its headroom;
/// else half of the quota goes at once, and the rest is spread over five minutes.
fn allowed(case: &Case, until: u64) -> u64 {
    let points = if case.convention.policy == Policy::Documented {
        case.limit / 5 + case.limit * 4 / 5 * until / case.window
    } else {
        case.limit / 2 + case.limit / 2 * until.min(SPREAD) / SPREAD.min(case.window)
    };
    (points as f64 / case.convention.cost.mean()) as u64
}

/// A minute of calls.
fn bucket(case: &Case) -> Result<Ideal, String> {
    let played = oracle(case, Bound { calls: CALLS.1, until: 10 * MINUTE })?;
    let mut ends: Vec<u64> = played.fates.iter().filter(|fate| fate.ok).map(|fate| fate.ended).collect();
    ends.sort_unstable();
    let in_time = ends.partition_point(|end| *end <= MINUTE);
    let calls = in_time.max(CALLS.0 as usize).min(ends.len());
    let until = ends.get(calls.saturating_sub(1)).copied().unwrap_or(MINUTE);
    let until = if calls < CALLS.1 as usize { until.max(MINUTE) } else { until };
    Ok(Ideal { calls: calls as u64, until, good: calls as u64 })
}

/// A minute of whole windows, and three at least.
fn windows(case: &Case) -> Result<Ideal, String> {
    let window = case.window;
    let aligned =
        case.convention.alignment == Alignment::Aligned || case.convention.algorithm == Algorithm::SlidingCounter;
    let first = if aligned { window - case.server_phase() % window } else { window };
    let most = 3.max(MINUTE / window);
    let played = oracle(case, Bound { calls: CALLS.1, until: first + (most - 1) * window })?;
    let ended = played.fates.iter().filter(|fate| fate.ok).count() as u64;
    if ended < CALLS.1 {
        let until = first + (most - 1) * window - 1;
        return Ok(Ideal { calls: good_until(&played, until), until, good: good_until(&played, until) });
    }
    // Too many: as many whole windows as there are calls for.
    let whole = (last(&played) + 1).saturating_sub(first) / window;
    let until = first + whole * window - 1;
    let good = good_until(&played, until);
    if until > last(&played) || good < CALLS.0 {
        return quota(case, CALLS.1);
    }
    Ok(Ideal { calls: good, until, good })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::case::draw;
    use crate::limits::measure::figures;
    use unruffled_quantile::quantile;

    /// Bounds the calls that can be answered until a time, by arithmetic alone.
    fn bound(case: &Case, until: u64) -> f64 {
        let (limit, window, time) = (case.limit as f64, case.window as f64, until as f64);
        let even = limit * time / window;
        let points = match case.convention.algorithm {
            Algorithm::FixedWindow if case.convention.alignment == Alignment::Aligned => {
                let windows = (until + case.server_phase()) / case.window - case.server_phase() / case.window + 1;
                limit * windows as f64
            }
            Algorithm::FixedWindow | Algorithm::SlidingLog => limit * (until / case.window + 1) as f64,
            Algorithm::SlidingCounter => {
                let windows = (until + case.server_phase()) / case.window - case.server_phase() / case.window;
                limit * windows as f64 + limit
            }
            Algorithm::TokenBucket | Algorithm::Gcra => even + case.burst as f64,
            Algorithm::LeakyQueue => even + 1.0,
            Algorithm::Concurrency => limit * time / case.latency() as f64,
        };
        let callers = case.callers().map_or(f64::INFINITY, |callers| (callers * until) as f64 / case.latency() as f64);
        (points / case.convention.cost.mean()).min(callers)
    }

    #[test]
    fn the_oracle_reaches_what_arithmetic_allows() {
        let mut shares = Vec::new();
        for seed in 0..1_000 {
            let case = draw(seed);
            let ideal = ideal(&case).expect("a run with an end");
            if case.convention.load == Load::Open || case.convention.is_long_quota() {
                continue;
            }
            let share = ideal.good as f64 / bound(&case, ideal.until);
            // The bound knows neither whole tokens nor that callers are busy when a window begins.
            assert!((0.6..=1.02).contains(&share), "seed {seed}: {share} {}", case.convention.text());
            shares.push(share);
        }
        shares.sort_by(f64::total_cmp);
        assert!(quantile(&shares, 5) > Some(0.97) && quantile(&shares, 50) > Some(0.99));
    }

    #[test]
    fn the_oracle_has_all_goodput_and_is_never_refused() {
        for seed in 0..1_000 {
            let case = draw(seed);
            let ideal = ideal(&case).expect("a run with an end");
            let played =
                oracle(&case, Bound { calls: ideal.calls, until: ideal.until + 1 }).expect("a run with an end");
            let figures = figures(&case, &ideal, &played);
            assert!(figures.goodput > 0.98 && figures.refused == 0 && ideal.good > 0, "seed {seed}: {figures:?}");
            let waits = case.convention.load == Load::Open && figures.longest_wait > 0;
            assert!(!waits, "seed {seed}: {figures:?} {}", case.convention.text());
        }
    }
}
