//! What a call that succeeds at once costs in the core: time with 1 to 100,000 calls in flight, and memory.
//!
//! Breaker, retry budget and one rate limit are on, as in a real policy. Prints one JSON line per figure.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    reason = "a program that may stop at the first surprise"
)]

use std::hint::black_box;
use std::time::Instant;
use unruffled_core::config::Reading;
use unruffled_core::{Engine, Step};

const POLICY: &str = r#"{"baseUrl": "https://api.example.com", "concurrency": 100000, "timeouts": {"total": "1h"},
    "limits": [{"name": "core", "rate": 1000000000, "per": "1s"}], "routes": {"GET /items/{id}": {}}}"#;

/// GET with a body that can be repeated (there is none).
const WHAT: u32 = 1 << 4;

/// One round of a measurement; the best of [`ROUNDS`] is the figure.
const CALLS: u32 = 200_000;
const ROUNDS: u32 = 9;

fn main() {
    if let Some(bytes) = bytes_per_call() {
        print("core memory per call in flight", bytes, "bytes");
    }
    for live in [1, 100, 10_000, 100_000] {
        let best = (0..ROUNDS).map(|_| nanoseconds_per_call(live)).fold(f64::INFINITY, f64::min);
        print(&format!("core begin + respond, {live} in flight"), best, "ns");
    }
}

fn print(name: &str, value: f64, unit: &str) {
    println!("{{\"name\":\"{name}\",\"value\":{value:.1},\"unit\":\"{unit}\"}}");
}

fn opened() -> (Engine, u32) {
    let mut engine = Engine::open(POLICY, Reading::Strict).expect("the policy is right");
    engine.seed(1);
    let route = engine.route("GET /items/{id}");
    (engine, route)
}

/// The call that is measured is the last of `live` that are in flight; a thousand of them share a millisecond.
fn nanoseconds_per_call(live: u32) -> f64 {
    let (mut engine, route) = opened();
    for call in 1..live {
        let answer = engine.begin(call, 0, route, 0, WHAT, 0);
        assert!(matches!(answer.step(), Step::Send { .. }), "call {call}: {answer:?}");
    }
    let started = Instant::now();
    for round in 0..CALLS {
        let (call, now) = (live + round, u64::from(round / 1000));
        black_box(engine.begin(black_box(call), now, route, 0, WHAT, 0));
        black_box(engine.respond(call, now, 200));
    }
    started.elapsed().as_nanos() as f64 / f64::from(CALLS)
}

/// What a fresh process grows by for 100,000 calls; measured first, before freed memory can be used again.
fn bytes_per_call() -> Option<f64> {
    const LIVE: u32 = 100_000;
    let (mut engine, route) = opened();
    let before = resident()?;
    for call in 0..LIVE {
        black_box(engine.begin(call, 0, route, 0, WHAT, 0));
    }
    Some((resident()? - before) / f64::from(LIVE))
}

/// Bytes of memory that the process holds, where the system tells.
fn resident() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096.0)
}
