//! Nanoseconds per begin + respond with breaker, budget and one documented bucket on; growth with calls in flight.
//! `cargo bench -p unruffled-core`. Medians of batches; compare ratios within one run.
// A bench prints, and times with the clock that the core must not have.
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;
use unruffled_core::Engine;
use unruffled_core::config::Reading;

const POLICY: &str =
    r#"{"limits":[{"name":"core","rate":1000000000,"per":"1s"}],"concurrency":100000,"maxWaiting":100000}"#;
const GET: u32 = 1 << 4;

/// An engine with this many calls in flight.
fn engine(live: u32) -> Engine {
    let mut engine = Engine::open(POLICY, Reading::Strict).unwrap();
    engine.seed(1);
    (0..live).for_each(|i| {
        engine.begin(1 << 30 | i, 0, 0, 0, GET, 1 << 40);
    });
    engine
}

/// Median nanoseconds of a call over batches.
fn measure(engine: &mut Engine, batches: usize, size: u32, id: &mut u32, now: &mut u64) -> f64 {
    let mut times: Vec<f64> = (0..batches)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..size {
                *id = (*id + 1) & 0x3fff_ffff;
                *now += u64::from(*id & 7 == 0);
                black_box(engine.begin(*id, *now, 0, 0, GET, 0).word());
                black_box(engine.respond(*id, *now, 200).word());
            }
            begun.elapsed().as_nanos() as f64 / f64::from(size)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[batches / 2]
}

fn main() {
    for live in [1, 100, 10_000, 99_000] {
        let mut engine = engine(live);
        let (mut id, mut now) = (0, 1);
        measure(&mut engine, 20, 10_000, &mut id, &mut now);
        let ns = measure(&mut engine, 101, 10_000, &mut id, &mut now);
        println!("core begin+respond, {live} in flight: {ns:.1} ns");
    }
}
