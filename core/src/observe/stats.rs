//! A snapshot of one engine: calls, breakers, budgets, buckets and lines at this moment, as JSON.

use crate::config::{Config, write::Json};
use crate::policy::breaker::Phase;
use crate::upstream::Upstream;
use alloc::string::String;

/// The engine's own counters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    pub begun: u64,
    pub attempts: u64,
    pub live: u64,
    pub waiting: u64,
}

/// The snapshot.
#[must_use]
pub fn snapshot(config: &Config, totals: &Totals, upstreams: [&[Upstream]; 2], now: u64) -> String {
    let mut in_flight = 0_u64;
    for upstream in upstreams.into_iter().flatten() {
        in_flight = in_flight.saturating_add(u64::from(upstream.in_flight));
    }
    let mut json = Json::new();
    json.object().field_number("begun", totals.begun).field_number("attempts", totals.attempts);
    json.field_number("inFlight", in_flight).field_number("live", totals.live);
    json.field_number("waiting", totals.waiting).key("upstreams").array();
    for upstream in upstreams.into_iter().flatten() {
        one(&mut json, config, upstream, now);
    }
    json.end_array().end_object();
    json.finish()
}

fn one(json: &mut Json, config: &Config, upstream: &Upstream, now: u64) {
    let (mut worst, mut turned_away) = (Phase::Closed, 0_u64);
    for breaker in upstream.gates.iter().filter_map(|gate| gate.breaker.as_ref()) {
        // With a breaker a route, the worst of them.
        if worst != Phase::Open && breaker.phase() != Phase::Closed {
            worst = breaker.phase();
        }
        turned_away = turned_away.saturating_add(u64::from(breaker.turned_away()));
    }
    json.object().field_text("origin", &upstream.origin);
    json.field_text("breaker", worst.text()).field_number("refused", turned_away);
    json.field_number("budget", upstream.budget.tokens()).field_number("waiting", u64::from(upstream.lined_up));
    json.key("limits").array();
    for (place, lane) in upstream.lanes.iter().enumerate() {
        let name = config.limits.get(place).filter(|_| upstream.own).map_or("", |limit| limit.name.as_str());
        json.object().field_text("name", name).key("tokens").maybe_number(lane.bucket.tokens(now));
        json.key("rate").maybe_number(lane.bucket.rate(now)).field_number("pausedMs", lane.bucket.paused(now));
        json.end_object();
    }
    json.end_array().end_object();
}
