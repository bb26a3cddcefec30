//! What the calls to one origin share: retry budget, breakers with their retry lines, rate-limit buckets, the cap on
//! attempts in flight, and the mean latency.

use crate::config::{BreakerScope, Config};
use crate::defaults::LATENCY_WEIGHT;
use crate::policy::breaker::{Breaker, Phase};
use crate::policy::budget::Budget;
use crate::policy::limiter::Bucket;
use crate::slab::Line;
use alloc::string::String;
use alloc::vec::Vec;

/// Place of the gate of routes without a breaker.
pub const UNGATED: u16 = 0;
/// Place of the API's gate.
pub const API: u16 = 1;

/// A breaker, or none, and the retries that wait before it.
#[derive(Debug)]
pub struct Gate {
    pub breaker: Option<Breaker>,
    pub line: Line,
    /// Number of the route it belongs to; 0 = the API.
    pub route: u16,
    /// What the last event said.
    pub told: Phase,
}

/// A bucket and those who wait for it.
#[derive(Debug)]
pub struct Lane {
    pub bucket: Bucket,
    pub line: Line,
}

/// One origin.
#[derive(Debug)]
pub struct Upstream {
    pub origin: String,
    /// Whether the policy's routes and limits bind it.
    pub own: bool,
    pub budget: Budget,
    pub gates: Vec<Gate>,
    /// Gate of each route, by number, where a route has its own; 0 = not made yet.
    gate_of: Vec<u16>,
    pub lanes: Vec<Lane>,
    pub in_flight: u32,
    pub cap_line: Line,
    /// Calls in the retry lines of all gates.
    pub lined_up: u32,
    /// EWMA of the latency of successes, in 1/1024 ms; 0 = none yet.
    latency: u64,
}

impl Upstream {
    /// A fresh one. `own`: routes and limits of the policy bind it; else it has one implicit bucket.
    #[must_use]
    pub fn new(config: &Config, origin: String, own: bool) -> Self {
        let gate = |breaker| Gate { breaker, line: Line::new(), route: 0, told: Phase::Closed };
        let lane = |limit| Lane { bucket: Bucket::new(limit), line: Line::new() };
        let lanes = if own && !config.limits.is_empty() {
            config.limits.iter().map(|limit| lane(Some(limit))).collect()
        } else {
            alloc::vec![lane(None)]
        };
        Self {
            origin,
            own,
            budget: Budget::new(config.budget),
            gates: alloc::vec![gate(None), gate(config.settings.breaker.map(Breaker::new))],
            gate_of: Vec::new(),
            lanes,
            in_flight: 0,
            cap_line: Line::new(),
            lined_up: 0,
            latency: 0,
        }
    }

    /// The gate of a route, made when it is first asked for, and whether the API's breaker counts beside it.
    pub fn gate_for(&mut self, config: &Config, route: u16) -> (u16, bool) {
        let Some(settings) = config.route(route).breaker else { return (UNGATED, false) };
        if config.breaker_scope == BreakerScope::Api {
            return (API, false);
        }
        let place = usize::from(route);
        if self.gate_of.len() <= place {
            self.gate_of.resize(place.saturating_add(1), 0);
        }
        let made = self.gates.len() as u16;
        let gate = match self.gate_of.get_mut(place) {
            Some(gate) if *gate != 0 => *gate,
            Some(gate) => {
                *gate = made;
                let breaker = Some(Breaker::new(settings));
                self.gates.push(Gate { breaker, line: Line::new(), route, told: Phase::Closed });
                made
            }
            None => API,
        };
        (gate, config.breaker_scope == BreakerScope::Both)
    }

    /// A success took this long.
    pub fn succeeded(&mut self, elapsed: u64) {
        let sample = elapsed.min(1 << 32).wrapping_mul(1_024).max(1);
        self.latency = if self.latency == 0 {
            sample
        } else {
            let kept = self.latency.saturating_sub(self.latency / LATENCY_WEIGHT);
            kept.saturating_add(sample / LATENCY_WEIGHT)
        };
    }

    /// How long a retry waits in line when the policy writes nothing: max(5 s, 10 mean latencies).
    #[must_use]
    pub fn patience(&self) -> u64 {
        tuned!(PATIENCE).max(self.latency.saturating_mul(tuned!(PATIENCE_LATENCIES)) / 1_024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_follows_the_mean_latency_of_successes() {
        let mut upstream = Upstream::new(&Config::default(), String::new(), true);
        assert_eq!(upstream.patience(), 5_000);
        upstream.succeeded(400);
        assert_eq!(upstream.patience(), 5_000);
        upstream.succeeded(4_400);
        assert_eq!(upstream.patience(), 9_000, "400 + (4400 - 400) / 8 = 900");
    }
}
