//! The waits that callers really get, 100,000 and more of each kind, against the distribution that is promised: uniform
//! over the whole interval, and without a pattern between calls, clients and attempts.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

use unruffled_core::config::Reading;
use unruffled_core::{Engine, Step};

const GET: u32 = 1 << 4;
const DRAWS: u32 = 102_400;

/// A client whose clock goes on from call to call.
struct Client {
    engine: Engine,
    now: u64,
}

impl Client {
    fn new(jitter: &str, seed: u64) -> Self {
        let policy = format!(
            r#"{{"retry":{{"jitter":"{jitter}","base":"511ms","cap":"100s","budget":{{"perSecond":1000}}}},"breaker":false,"timeouts":{{"total":"1h"}}}}"#
        );
        let mut engine = Engine::open(&policy, Reading::Strict).unwrap();
        engine.seed(seed);
        Self { engine, now: 0 }
    }

    /// The waits before the first `N` retries of one call that always fails; the call is given up then.
    fn waits<const N: usize>(&mut self, hints: &str) -> [u64; N] {
        let mut step = self.engine.begin(1, self.now, 0, 0, GET, 0).step();
        let waits = core::array::from_fn(|_| {
            assert!(matches!(step, Step::Send { .. }), "{step:?}");
            let Step::Wait { delay } = self.engine.respond_with(1, self.now, 0, 503, hints.as_bytes(), b"").step()
            else {
                panic!("no wait")
            };
            self.now += delay;
            step = self.engine.resume(1, self.now).step();
            delay
        });
        self.engine.abandon(1, self.now);
        waits
    }
}

/// χ² of counts that should all be equal.
fn chi_square(counts: &[u32]) -> f64 {
    let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
    counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
}

/// The 0.1 % bound of χ² by the approximation of Wilson and Hilferty (1931); z = 3.0902.
fn bound(bins: usize) -> f64 {
    let freedom = (bins - 1) as f64;
    let part = 2.0 / (9.0 * freedom);
    freedom * (1.0 - part + 3.0902 * part.sqrt()).powi(3)
}

/// Which of `bins` equal parts of `[least, least + spread]` a wait lies in. The bins hold equally many milliseconds.
fn bin(wait: u64, least: u64, spread: u64, bins: u64) -> usize {
    assert!((least..=least + spread).contains(&wait), "{wait} outside [{least}, {}]", least + spread);
    ((wait - least) * bins / (spread + 1)) as usize
}

fn even(name: &str, counts: &[u32]) {
    let (found, most) = (chi_square(counts), bound(counts.len()));
    assert!(found < most, "{name}: chi-square {found:.1} of {} bins, at most {most:.1}", counts.len());
}

#[test]
fn the_bound_is_that_of_the_tables() {
    // 9, 99 and 255 degrees of freedom: 27.88, 148.23, 330.52.
    for (bins, table) in [(10, 27.88), (100, 148.23), (256, 330.52)] {
        assert!((bound(bins) - table).abs() < 0.2, "{bins}: {}", bound(bins));
    }
}

#[test]
fn each_kind_of_jitter_is_uniform_over_its_interval() {
    let hints = "retry-after: 3\n";
    for (name, asked, ranges) in [
        ("added", "", [(511, 511), (1_022, 1_022)]),
        ("full", "", [(0, 1_022), (0, 2_044)]),
        ("added", hints, [(3_000, 511), (3_000, 1_022)]),
        ("full", hints, [(3_000, 511), (3_000, 1_022)]),
    ] {
        let mut client = Client::new(name, 11);
        let mut counts = ranges.map(|(_, spread)| vec![0_u32; spread as usize + 1]);
        for _ in 0..DRAWS {
            let waits: [u64; 2] = client.waits(asked);
            for ((counts, wait), (least, spread)) in counts.iter_mut().zip(waits).zip(ranges) {
                counts[bin(wait, least, spread, spread + 1)] += 1;
            }
        }
        for counts in &mut counts {
            if name == "full" && asked.is_empty() {
                // A draw of 0 waits 1.
                assert_eq!(counts[0], 0);
                let doubled = f64::from(counts[1]) * counts.len() as f64 / f64::from(DRAWS);
                assert!((1.5..2.5).contains(&doubled), "{doubled}");
                counts.drain(..2);
            }
            even(&format!("{name} {asked}"), counts);
        }
    }
}

#[test]
fn without_jitter_every_wait_is_the_interval() {
    let mut client = Client::new("none", 11);
    assert!((0..DRAWS / 3).all(|_| client.waits("") == [511, 1_022, 2_044]));
}

#[test]
fn neighbours_in_time_in_seed_and_in_attempt_do_not_wait_alike() {
    // 512 and 1,023 values in parts of equal size.
    let place = |wait| bin(wait, 511, 511, 16);
    // Two calls of one client, one after the other, and two retries of one call.
    let mut client = Client::new("added", 5);
    let waits: Vec<[u64; 2]> = (0..DRAWS).map(|_| client.waits("")).collect();
    let (mut calls, mut attempts) = (vec![0_u32; 256], vec![0_u32; 176]);
    waits.windows(2).for_each(|two| calls[place(two[0][0]) * 16 + place(two[1][0])] += 1);
    waits.iter().for_each(|[first, second]| attempts[place(*first) * 11 + bin(*second, 1_022, 1_022, 11)] += 1);
    even("calls", &calls);
    even("attempts", &attempts);
    // The first calls of clients with neighbouring seeds, as a herd of processes begins.
    let firsts: Vec<u64> = (0..20_000).map(|seed| Client::new("added", seed).waits::<1>("")[0]).collect();
    let mut clients = vec![0_u32; 256];
    firsts.windows(2).for_each(|two| clients[place(two[0]) * 16 + place(two[1])] += 1);
    even("clients", &clients);
}
