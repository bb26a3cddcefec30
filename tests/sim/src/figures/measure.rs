//! What a run was worth: the figures of the table, from the log alone.

use super::play::Log;
use unruffled_quantile::quantile;

/// The figures of one run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    pub calls: f64,
    pub failed: f64,
    /// Share of the calls that ended well.
    pub success: f64,
    /// Requests a call.
    pub requests: f64,
    /// The same during the trouble: requests sent in it over calls begun in it.
    pub requests_in: f64,
    /// Seconds from the trouble's end to the first success after it.
    pub first_success: f64,
    /// Seconds from the trouble's end to the last call that failed; 0 = none did.
    pub last_failure: f64,
    /// Seconds from the trouble's end until nine of ten calls that begin succeed, for good; infinite = never.
    pub recovery: f64,
    /// Share of requests that were answered 429, and how many.
    pub limited: f64,
    pub limited_count: f64,
    /// Successes a second from the first request to the last success.
    pub goodput: f64,
    /// Seconds from begin to end of the calls that succeeded.
    pub p50: f64,
    pub p99: f64,
    /// Successes of the client with fewest over those of the one with most.
    pub fairness: f64,
}

/// Slice in which success is counted for `recovery`.
const SLICE: u64 = 250;

/// Reads the log of a run whose trouble lasted from when to when, and whose calls began before `until`.
#[must_use]
pub fn measure(log: &Log, trouble: (u64, u64), until: u64) -> Figures {
    let (from, end) = trouble;
    let calls = log.calls.len() as f64;
    let good = || log.calls.iter().filter(|call| call.ok);
    let within = |at: u64| (from..end).contains(&at);
    let seconds = |at: u64| at.saturating_sub(end) as f64 / 1_000.0;
    let begun_in = log.calls.iter().filter(|call| within(call.begun)).count();
    let sent_in = log.requests.iter().filter(|request| within(request.at)).count();
    let limited = log.requests.iter().filter(|request| request.status == 429).count() as f64;
    let mut waits: Vec<u64> = good().map(|call| call.ended - call.begun).collect();
    waits.sort_unstable();
    let wait = |percent| quantile(&waits, percent).map_or(f64::NAN, |ms| ms as f64 / 1_000.0);
    let last_good = good().map(|call| call.ended).max().unwrap_or(0);
    let first_sent = log.requests.first().map_or(0, |request| request.at);
    let clients = log.calls.iter().map(|call| call.client).max().map_or(0, |most| most + 1);
    let mut each = vec![0_u32; clients];
    good().for_each(|call| each[call.client] += 1);
    let (least, most) = (each.iter().min().copied().unwrap_or(0), each.iter().max().copied().unwrap_or(0));
    Figures {
        calls,
        failed: calls - good().count() as f64,
        success: good().count() as f64 / calls,
        requests: log.requests.len() as f64 / calls,
        requests_in: if begun_in == 0 { f64::NAN } else { sent_in as f64 / begun_in as f64 },
        first_success: good().map(|call| call.ended).filter(|at| *at >= end).min().map_or(f64::INFINITY, seconds),
        last_failure: log.calls.iter().filter(|call| !call.ok).map(|call| seconds(call.ended)).fold(0.0, f64::max),
        recovery: recovery(log, end, until),
        limited: limited / log.requests.len() as f64,
        limited_count: limited,
        goodput: good().count() as f64 * 1_000.0 / last_good.saturating_sub(first_sent).max(1) as f64,
        p50: wait(50),
        p99: wait(99),
        fairness: f64::from(least) / f64::from(most.max(1)),
    }
}

fn recovery(log: &Log, end: u64, until: u64) -> f64 {
    let slices = until.saturating_sub(end) / SLICE;
    let mut counts = vec![(0_u32, 0_u32); slices as usize];
    for call in &log.calls {
        if let Some(place) = call.begun.checked_sub(end)
            && let Some((good, bad)) = counts.get_mut((place / SLICE) as usize)
        {
            *(if call.ok { good } else { bad }) += 1;
        }
    }
    // A second at a time, in steps of a slice.
    let ill = |second: &[(u32, u32)]| {
        let (good, bad) = second.iter().fold((0, 0), |sum, slice| (sum.0 + slice.0, sum.1 + slice.1));
        bad > 0 && bad * 10 >= good + bad
    };
    let seconds: Vec<bool> = counts.windows(4).map(ill).collect();
    match seconds.iter().rposition(|ill| *ill) {
        None => 0.0,
        Some(place) if place + 1 == seconds.len() => f64::INFINITY,
        Some(place) => ((place as u64 + 1) * SLICE) as f64 / 1_000.0,
    }
}

/// The middle one of several runs, and the worst; `worse` tells whether its first argument is worse.
#[must_use]
pub fn middle_and_worst(values: &[f64], worse: fn(f64, f64) -> bool) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = quantile(&sorted, 50).unwrap_or(f64::NAN);
    let worst = values.iter().copied().reduce(|a, b| if worse(b, a) { b } else { a }).unwrap_or(f64::NAN);
    (middle, worst)
}

/// Peak bin of 50 ms of the retries over what each of four bins would hold if they were spread evenly over 200 ms.
#[must_use]
pub fn herd(log: &Log) -> f64 {
    let retries: Vec<u64> = log.requests.iter().filter(|request| request.retry).map(|request| request.at).collect();
    let mut bins: Vec<u32> = Vec::new();
    for bin in retries.iter().map(|at| (at / 50) as usize) {
        bins.resize(bins.len().max(bin + 1), 0);
        bins[bin] += 1;
    }
    let peak = bins.into_iter().max().unwrap_or(0);
    f64::from(peak) * 4.0 / retries.len().max(1) as f64
}
