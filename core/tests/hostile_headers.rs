//! Broken headers by the hundred thousand: whatever a server sends, reading it ends soon and without a panic.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use unruffled_core::config::Gauge;
use unruffled_core::headers::{self, Hints, Limits};

/// What real answers look like, as the stuff to break.
const REAL: &str = "retry-after-ms: 250\nretry-after: Sun, 06 Nov 1994 08:49:37 GMT\ndate: Sunday, 06-Nov-94 08:49:37 GMT\n\
    ratelimit: \"default\";r=50;t=30;pk=:YWJj:, \"b\";r=1.5;x=%\"f%c3%bc\"\n\
    ratelimit-policy: \"default\";q=100;w=60;qu=\"requests\", 10;w=1\nratelimit-limit: 10, 10;w=1;burst=1000\n\
    ratelimit-remaining: 76;w=21600\nratelimit-reset: 2024-01-01T00:00:00.123+02:00\n\
    x-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: 59\nx-ratelimit-reset-requests: 1h2m3.5s\n\
    x-ratelimit-remaining: 598.5\nx-ratelimit-reset: 1704067230250\nx-shopify-shop-api-call-limit: 32/40\n";

/// SplitMix64 with a fixed seed: the same run every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) as usize % bound
    }
}

#[test]
fn broken_headers_are_read_without_a_panic() {
    let named = |milliseconds| Gauge::Named {
        remaining: "ratelimit-remaining".into(),
        limit: Some("ratelimit-limit".into()),
        reset: Some("ratelimit-reset".into()),
        milliseconds,
    };
    let gauges = [
        Gauge::Auto,
        Gauge::RateLimit,
        Gauge::RateLimitFields,
        Gauge::OpenAi,
        Gauge::GitHub,
        Gauge::Shopify,
        Gauge::Stripe,
        named(true),
        named(false),
    ];
    let mut random = Random(1);
    let (mut times, mut readings) = (0_u32, 0_u32);
    for _ in 0..20_000 {
        let mut bytes = REAL.as_bytes().to_vec();
        for _ in 0..=random.below(12) {
            let at = random.below(bytes.len());
            let to = (at + random.below(40)).min(bytes.len());
            match random.below(5) {
                0 => bytes[at] = random.below(256) as u8,
                1 => drop(bytes.drain(at..to)),
                2 => bytes.insert(at, b"0123456789,;=\"():.-%T \n"[random.below(23)]),
                3 => {
                    let piece = bytes[at..to].to_vec();
                    let place = random.below(bytes.len());
                    bytes.splice(place..place, piece);
                }
                _ => bytes.swap(at, to.saturating_sub(1)),
            }
            if bytes.is_empty() {
                bytes.push(b'\n');
            }
        }
        let hints = Hints::new(&bytes);
        let wall = [0, 784_111_777_000, 1_795_262_400_000, u64::MAX][random.below(4)];
        if let Some(wait) = headers::server_time(&hints, wall) {
            assert!((1..=1 << 41).contains(&wait));
            times += 1;
        }
        let _ = headers::should_retry(&hints);
        let alone = headers::reset_alone(&[], &hints, wall);
        assert!(alone.is_none_or(|wait| (1..=1 << 41).contains(&wait)));
        for gauge in &gauges {
            let _ = headers::pauses(gauge, &hints);
            if let Some(reading) = headers::read(gauge, "requests", None, Limits::count(random.below(2)), &hints, wall)
            {
                assert!(reading.limit != Some(0) && reading.window != Some(0));
                assert!(reading.reset.is_none_or(|reset| reset <= 1 << 41));
                readings += 1;
            }
        }
    }
    assert!(times > 10_000 && readings > 40_000, "the headers are broken beyond use: {times} {readings}");
}
