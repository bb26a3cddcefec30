//! A snapshot of one engine: calls, breakers, budgets, buckets and queues at this moment, as JSON.

use super::event::{Names, whose};
use crate::config::{Config, json::write::Json};
use crate::policy::breaker::Phase;
use crate::state::upstream::{BucketQueue, Upstream};
use alloc::string::String;

/// The engine's own counters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    pub begun: u64,
    pub attempts: u64,
    pub live: u64,
    pub waiting: u64,
}

/// The snapshot. `names`: the words for routes, endpoints and limits.
#[must_use]
pub fn snapshot(config: &Config, names: &Names<'_>, totals: &Totals, upstreams: [&[Upstream]; 2], now: u64) -> String {
    let mut in_flight = 0_u64;
    for upstream in upstreams.into_iter().flatten() {
        in_flight = in_flight.saturating_add(u64::from(upstream.in_flight));
    }
    let mut json = Json::new();
    json.object().field_number("begun", totals.begun).field_number("attempts", totals.attempts);
    json.field_number("inFlight", in_flight).field_number("live", totals.live);
    json.field_number("waiting", totals.waiting).key("upstreams").array();
    for upstream in upstreams.into_iter().flatten() {
        one(&mut json, config, names, upstream, now);
    }
    json.end_array().end_object();
    json.finish()
}

fn one(json: &mut Json, config: &Config, names: &Names<'_>, upstream: &Upstream, now: u64) {
    let (mut phase, mut refused) = (Phase::Closed, 0_u64);
    for breaker in upstream.breaker_queues.iter().filter_map(|breaker_queue| breaker_queue.breaker.as_ref()) {
        // With a breaker a route, the phase of them.
        if phase != Phase::Open && breaker.phase() != Phase::Closed {
            phase = breaker.phase();
        }
        refused = refused.saturating_add(u64::from(breaker.refused()));
    }
    json.object().field_text("origin", &upstream.origin);
    json.field_text("breaker", phase.text()).field_number("refused", refused);
    json.field_number("budget", upstream.budget.tokens()).field_number("waiting", u64::from(upstream.queued));
    json.key("limits").array();
    for (place, bucket_queue) in upstream.bucket_queues.iter().enumerate() {
        let limited = upstream.is_limited_by(config);
        json.object().field_text("name", if limited { (names.limit)(place as u8) } else { "" });
        bucket(json, bucket_queue, now);
    }
    // After the API's bucket those of its endpoints, which say whose they are.
    for breaker_queue in &upstream.breaker_queues {
        if let Some(bucket_queue) = &breaker_queue.bucket_queue {
            json.object().field_text("name", "");
            whose(json, breaker_queue.route, breaker_queue.endpoint, names);
            bucket(json, bucket_queue, now);
        }
    }
    json.end_array().end_object();
}

fn bucket(json: &mut Json, bucket_queue: &BucketQueue, now: u64) {
    json.key("tokens")
        .maybe_number(bucket_queue.bucket.tokens(now))
        .key("rate")
        .maybe_number(bucket_queue.bucket.rate(now));
    json.field_number("pausedMs", bucket_queue.bucket.paused(now)).end_object();
}
