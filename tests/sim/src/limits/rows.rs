//! The rows of the table: common servers, and each of them with one thing changed.

use super::case::Case;
use super::convention::*;

/// A common server.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub name: &'static str,
    pub case: Case,
}

/// What all rows have in common: 16 callers, 20 ms, one client, honest headers.
const USUAL: Convention = Convention {
    algorithm: Algorithm::TokenBucket,
    window: Window::Second,
    burst: Burst::One,
    alignment: Alignment::None,
    family: Family::Structured,
    shown: Shown::Always,
    quota: Quota::Binding,
    limit: LimitSays::Window,
    of: Of::Own,
    moment: Moment::After,
    reset: ResetOf::Always,
    form: Form::Delta,
    rounding: Rounding::Up,
    cache: Cache::Fresh,
    nodes: Nodes::One,
    clock: Clock::Dated,
    retry_after: RetryAfter::Exact,
    cost: Cost::One,
    load: Load::Callers16,
    latency: Latency::Usual,
    policy: Policy::None,
    demand: Demand::None,
};

/// 600 a minute instead of 50 a second.
const MINUTE: Convention = Convention { window: Window::Minute, ..USUAL };

const FIXED: Algorithm = Algorithm::FixedWindow;

#[rustfmt::skip]
const ROWS: [(&str, u64, Convention); 10] = [
    ("token bucket 50/s, burst 10; q=50;w=1, t=1", 50, Convention { burst: Burst::Fifth, ..USUAL }),
    ("sliding window 600/min; q=600;w=60, t=60 always", 600, Convention { algorithm: Algorithm::SlidingLog, ..MINUTE }),
    ("token bucket 50/s, burst 50; x-ratelimit-* of another, hourly quota", 50,
     Convention { family: Family::X, quota: Quota::Other, form: Form::Epoch, ..USUAL }),
    ("token bucket 50/s, burst 50; limit and remaining only, no reset", 50,
     Convention { family: Family::X, reset: ResetOf::Absent, ..USUAL }),
    ("token bucket 50/s, burst 50; no headers, 429 with Retry-After 1", 50,
     Convention { family: Family::Nothing, ..USUAL }),
    ("fixed window 600/min", 600, Convention { algorithm: FIXED, reset: ResetOf::End, ..MINUTE }),
    ("sliding window 600/min, reset of its oldest entry", 600,
     Convention { algorithm: Algorithm::SlidingLog, reset: ResetOf::Next, ..MINUTE }),
    ("token bucket 50/s, burst 50; t=1", 50, USUAL),
    ("fixed window 50/s", 50, Convention { algorithm: FIXED, reset: ResetOf::End, ..USUAL }),
    ("token bucket 10/s, burst 100; q=600;w=60, t = time to full", 600,
     Convention { burst: Burst::Ten, reset: ResetOf::Full, ..MINUTE }),
];

/// Lists the rows with this seed.
#[must_use]
pub fn rows(seed: u64) -> Vec<Row> {
    // Where in its windows the server is at the start.
    let phase = seed * 17_391_237 % 86_400_000;
    let row = |(name, limit, convention): &(&'static str, u64, Convention)| {
        let convention = convention.fitted();
        let window = convention.window.ms();
        let case = Case { seed, convention, limit: *limit, window, burst: 0, phase, need: 600, clients: 1 };
        Row { name, case: case.sized() }
    };
    ROWS.iter().map(row).collect()
}

impl Row {
    /// Lists what differs in one dimension, each with its name.
    #[must_use]
    pub fn changes(&self) -> Vec<(String, Case)> {
        let mut known = vec![self.case.convention];
        let mut changes = Vec::new();
        for changed in self.case.convention.changes() {
            let values = changed.values();
            let change = values.iter().zip(self.case.convention.values()).find(|(new, old)| **new != *old);
            let fitted = changed.fitted();
            if known.contains(&fitted) {
                continue;
            }
            known.push(fitted);
            let name = change.map_or(String::new(), |((name, value), _)| format!("{name}: {value}"));
            changes.push((name, self.changed(fitted)));
        }
        changes
    }

    /// Returns the case with another convention and the same calls a second.
    fn changed(&self, convention: Convention) -> Case {
        let window = convention.window.ms();
        let mut limit = self.case.limit * window / self.case.window;
        if convention.algorithm == Algorithm::Concurrency {
            limit = 4;
        }
        limit = (limit as f64 * convention.cost.mean()) as u64;
        let need = if convention.demand == Demand::More { 1_500 } else { self.case.need };
        // A quota that is to be used up is small enough for that.
        if convention.demand == Demand::More {
            limit = limit.min(2_000);
        }
        Case { convention, limit, window, need, ..self.case }.sized()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_the_table_says() {
        let rows = rows(1);
        let numbers: Vec<_> = rows.iter().map(|row| (row.case.limit, row.case.window, row.case.burst)).collect();
        assert_eq!(numbers[0], (50, 1_000, 10));
        assert_eq!(numbers[1].0 * 60_000 / numbers[1].1, 600);
        assert_eq!(numbers[7], (50, 1_000, 50));
        assert_eq!(numbers[9], (600, 60_000, 100));
        assert!(rows.iter().all(|row| row.case.callers() == Some(16) && row.case.latency() == 20));
        assert!(rows.iter().all(|row| row.changes().len() > 25));
    }
}
