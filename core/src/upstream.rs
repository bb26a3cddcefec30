//! What the calls to one origin share: retry budget, breakers with their retry lines, rate-limit buckets, the cap on
//! attempts in flight.

use crate::config::{BreakerScope, Config};
use crate::defaults::{LATENCY_WEIGHT, MAX_GATES};
use crate::policy::breaker::{Breaker, Guards, Phase};
use crate::policy::budget::{Asking, Budget};
use crate::policy::limiter::Bucket;
use crate::slab::Line;
use alloc::string::String;
use alloc::vec::Vec;

/// Place of the gate of routes without a breaker.
pub const UNGATED: u16 = 0;
/// Place of the API's gate.
pub const API: u16 = 1;

/// A breaker, or none, and the calls that wait before it.
#[derive(Debug)]
pub struct Gate {
    pub breaker: Option<Breaker>,
    pub line: Line,
    /// The retries of this gate that go although there is no token.
    pub asking: Asking,
    /// Number of the route that it belongs to, or of the endpoint; both 0 = the API, or all that is not told apart.
    pub route: u16,
    pub endpoint: u16,
    /// What the last event said.
    pub told: Phase,
    /// Live calls that go through it.
    pub calls: u32,
    /// When a call last began here, in the order of beginning.
    used: u64,
    /// EWMA of the latency of successes, in 1/1024 ms; 0 = none yet.
    latency: u64,
    /// How long the latest attempt took that counted as a failure, in milliseconds.
    pub failing: u64,
    /// When an attempt last succeeded.
    pub well_at: u64,
}

impl Gate {
    const fn new(breaker: Option<Breaker>, route: u16, endpoint: u16) -> Self {
        let (line, asking, told) = (Line::new(), Asking::new(), Phase::Closed);
        Self { breaker, line, asking, route, endpoint, told, calls: 0, used: 0, latency: 0, failing: 0, well_at: 0 }
    }

    /// An attempt succeeded now, after so long.
    pub fn succeeded(&mut self, now: u64, elapsed: u64) {
        self.well_at = now;
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

    /// The mean latency of successes in milliseconds; 0 = none yet.
    #[must_use]
    pub fn mean_latency(&self) -> u64 {
        self.latency / 1_024
    }
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
    /// Endpoints and their gates; an endpoint usually stands at its number modulo the most of them.
    endpoints: Vec<(u16, u16)>,
    pub lanes: Vec<Lane>,
    pub in_flight: u32,
    pub cap_line: Line,
    /// Calls in the retry lines of all gates.
    pub lined_up: u32,
}

impl Upstream {
    /// A fresh one. `own`: routes and limits of the policy bind it; else it has one implicit bucket.
    #[must_use]
    pub fn new(config: &Config, origin: String, own: bool) -> Self {
        let lane = |limit| Lane { bucket: Bucket::new(limit), line: Line::new() };
        let lanes = if own && !config.limits.is_empty() {
            config.limits.iter().map(|limit| lane(Some(limit))).collect()
        } else {
            alloc::vec![lane(None)]
        };
        let guards = if config.breaker_scope == BreakerScope::Both { Guards::All } else { Guards::One };
        let api = config.settings.breaker.map(|settings| Breaker::new(settings, guards));
        Self {
            origin,
            own,
            budget: Budget::new(config.budget),
            gates: alloc::vec![Gate::new(None, 0, 0), Gate::new(api, 0, 0)],
            gate_of: Vec::new(),
            endpoints: Vec::new(),
            lanes,
            in_flight: 0,
            cap_line: Line::new(),
            lined_up: 0,
        }
    }

    /// The gate of a route or else of an endpoint for a call that begins, made when it is first asked for, and whether the
    /// API's breaker counts beside it.
    pub fn gate_for(&mut self, config: &Config, route: u16, endpoint: u16, ordinal: u64) -> (u16, bool) {
        let Some(settings) = config.route(route).breaker else { return (UNGATED, false) };
        if config.breaker_scope == BreakerScope::Api {
            return (API, false);
        }
        let gate = match (route, endpoint) {
            (0, 1..) => self.gate_of_endpoint(settings, endpoint),
            _ => self.gate_of_route(settings, route),
        };
        if let Some(gate) = self.gates.get_mut(usize::from(gate)) {
            gate.used = ordinal;
            gate.calls = gate.calls.saturating_add(1);
        }
        (gate, config.breaker_scope == BreakerScope::Both)
    }

    /// A call ended that had begun at a gate.
    pub fn leave(&mut self, gate: u16) {
        if let Some(gate) = self.gates.get_mut(usize::from(gate)) {
            gate.calls = gate.calls.saturating_sub(1);
        }
    }

    /// Route 0 stands for all that is not told apart.
    fn gate_of_route(&mut self, settings: crate::config::Breaker, route: u16) -> u16 {
        let place = usize::from(route);
        if self.gate_of.len() <= place {
            self.gate_of.resize(place.saturating_add(1), 0);
        }
        let made = self.gates.len() as u16;
        match self.gate_of.get_mut(place) {
            Some(gate) if *gate != 0 => *gate,
            Some(gate) => {
                *gate = made;
                self.gates.push(Gate::new(Some(Breaker::new(settings, Guards::One)), route, 0));
                made
            }
            None => API,
        }
    }

    fn gate_of_endpoint(&mut self, settings: crate::config::Breaker, endpoint: u16) -> u16 {
        if let Some((known, gate)) = self.endpoints.get(usize::from(endpoint) % MAX_GATES)
            && *known == endpoint
        {
            return *gate;
        }
        match self.endpoints.iter().find(|(known, _)| *known == endpoint) {
            Some((_, gate)) => *gate,
            None => self.new_gate(settings, endpoint),
        }
    }

    /// A gate for a new endpoint. When all are taken, that which was not used for longest goes, unless calls go through it.
    #[cold]
    fn new_gate(&mut self, settings: crate::config::Breaker, endpoint: u16) -> u16 {
        let gate = Gate::new(Some(Breaker::new(settings, Guards::One)), 0, endpoint);
        let wanted = usize::from(endpoint) % MAX_GATES;
        if self.endpoints.len() < MAX_GATES {
            let made = self.gates.len() as u16;
            self.gates.push(gate);
            self.endpoints.push((endpoint, made));
            let last = self.endpoints.len().saturating_sub(1);
            if wanted < last {
                self.endpoints.swap(wanted, last);
            }
            return made;
        }
        let idle = |place: u16| self.gates.get(usize::from(place)).filter(|gate| gate.calls == 0).map(|gate| gate.used);
        let oldest =
            self.endpoints.iter().enumerate().filter_map(|(i, (_, gate))| Some((idle(*gate)?, i, *gate))).min();
        let Some((_, at, place)) = oldest else { return self.gate_of_route(settings, 0) };
        if let (Some(entry), Some(old)) = (self.endpoints.get_mut(at), self.gates.get_mut(usize::from(place))) {
            *entry = (endpoint, place);
            *old = gate;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    fn fresh() -> (Config, Upstream) {
        let config = Config::default();
        let upstream = Upstream::new(&config, String::new(), true);
        (config, upstream)
    }

    #[test]
    fn each_endpoint_has_a_gate_and_what_is_not_told_apart_shares_one() {
        let (config, mut upstream) = fresh();
        let gates: BTreeSet<u16> = (0..=64).map(|endpoint| upstream.gate_for(&config, 0, endpoint, 1).0).collect();
        assert_eq!(gates.len(), 65);
        assert!(!gates.contains(&API) && !gates.contains(&UNGATED));
        for endpoint in 0..=64 {
            let (gate, both) = upstream.gate_for(&config, 0, endpoint, 2);
            assert!(both && gates.contains(&gate));
            assert_eq!(upstream.gates[usize::from(gate)].endpoint, endpoint);
        }
    }

    #[test]
    fn the_endpoint_not_used_for_longest_goes_unless_calls_go_through_it() {
        let (config, mut upstream) = fresh();
        for endpoint in 1..=64 {
            let (gate, _) = upstream.gate_for(&config, 0, endpoint, u64::from(endpoint));
            upstream.gates[usize::from(gate)].calls = u32::from(endpoint == 1);
        }
        let second = upstream.gate_for(&config, 0, 2, 2).0;
        upstream.leave(second);
        assert_eq!(upstream.gate_for(&config, 0, 65, 65).0, second, "endpoint 2 was idle for longest");
        for gate in &mut upstream.gates {
            gate.calls = 1;
        }
        let rest = upstream.gate_for(&config, 0, 0, 66).0;
        assert_eq!(upstream.gate_for(&config, 0, 66, 67).0, rest);
    }

    #[test]
    fn patience_follows_the_mean_latency_of_successes() {
        let mut gate = Gate::new(None, 0, 0);
        assert_eq!(gate.patience(), 5_000);
        gate.succeeded(1, 400);
        assert_eq!(gate.patience(), 5_000);
        gate.succeeded(2, 4_400);
        assert_eq!(gate.patience(), 9_000, "400 + (4400 - 400) / 8 = 900");
    }
}
