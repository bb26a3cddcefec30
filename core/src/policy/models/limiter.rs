//! The limiter against a recount of everything that was sent.

use super::Dice;
use crate::config::{Gauge, Limit};
use crate::policy::limiter::{Bucket, Change, Refused};
use std::string::String;
use std::vec::Vec;

/// A rate of whole tokens in `per` milliseconds, all of it used.
fn limit(rate: u32, per: u64, burst: u32) -> Limit {
    Limit {
        name: String::from("a"),
        rate: Some((rate, per)),
        burst: Some(burst),
        headroom: 1_000_000,
        cost: 1,
        gauge: Gauge::None,
    }
}

/// Tokens as fractions of 1 / `per`, so that a millisecond fills `rate` of them.
struct Plain {
    rate: u64,
    per: u64,
    burst: u64,
    tokens: i128,
    at: u64,
}

impl Plain {
    fn pass(&mut self, now: u64) {
        let filled = i128::from((now - self.at) * self.rate);
        self.tokens = (self.tokens + filled).min(i128::from(self.burst * self.per));
        self.at = now;
    }

    /// The millisecond in which `cost` is there after `ahead` others.
    fn ready_at(&self, cost: u64, ahead: u64) -> u64 {
        let need = i128::from((cost.min(self.burst) + ahead) * self.per);
        let missing = (need - self.tokens).max(0) as u64;
        self.at + missing.div_ceil(self.rate)
    }
}

#[test]
fn costs_places_in_line_and_tokens_given_back_equal_a_plain_bucket() {
    for seed in 0..200 {
        let mut dice = Dice::new(seed);
        let (rate, per) = dice.of(&[(1, 1_000), (7, 1_000), (50, 1_000), (3, 10_000), (100, 60_000), (1_000, 1_000)]);
        let burst = dice.within(1, 20);
        let mut bucket = Bucket::new(Some(&limit(rate, per, burst as u32)));
        let full = i128::from(burst * per);
        let mut plain = Plain { rate: u64::from(rate), per, burst, tokens: full, at: 0 };
        for step in 0..500 {
            plain.pass(plain.at + dice.upto(2 * per / u64::from(rate)));
            let now = plain.at;
            let (cost, ahead) = (dice.within(1, 6), dice.of(&[0, 0, 0, 1, 5]));
            let (found, exact) = (bucket.ready_at(now, cost, ahead), plain.ready_at(cost, ahead));
            // The interval is rounded up to whole nanoseconds: late by a millisecond at the most, early never.
            assert!((exact..=exact + 1).contains(&found), "seed {seed}, step {step}: {found} {exact}");
            if found == now && ahead == 0 {
                let drawn = i128::from(cost.min(burst) * per);
                bucket.take(now, cost, step);
                plain.tokens -= drawn;
                if dice.one_in(4) {
                    bucket.give_back(cost, now);
                    plain.tokens += drawn;
                }
            }
        }
    }
}

/// Every pair of starts: never more in a window than the burst and what the rate fills, nothing in a pause, and from a
/// pause's end only what the rate fills.
#[test]
fn no_window_holds_more_than_burst_and_rate_whatever_pauses_and_returns() {
    for seed in 0..150 {
        let mut dice = Dice::new(seed);
        let (rate, per) = dice.of(&[(5, 1_000), (40, 1_000), (7, 10_000), (333, 1_000)]);
        let burst = dice.within(1, 12);
        let mut bucket = Bucket::new(Some(&limit(rate, per, burst as u32)));
        // Ends of pauses, and how many were sent before each pause was named.
        let (mut sent, mut ends): (Vec<u64>, Vec<(u64, usize)>) = (Vec::new(), Vec::new());
        let (mut now, mut until) = (0, 0);
        for _ in 0..400 {
            now += dice.upto(per / u64::from(rate));
            match dice.upto(19) {
                0 => {
                    let end = now + dice.upto(3 * per / u64::from(rate));
                    bucket.pause(now, end, u64::MAX);
                    if end > until {
                        until = end;
                        // The pause before it was merely longer if it was not over.
                        ends.retain(|(known, _)| *known <= now);
                        ends.push((end, sent.len()));
                    }
                }
                1 if bucket.ready_at(now, 1, 0) <= now => {
                    bucket.take(now, 1, 1);
                    bucket.give_back(1, now);
                }
                _ if bucket.ready_at(now, 1, 0) <= now => {
                    assert!(now >= until, "seed {seed}: sent at {now}, paused until {until}");
                    bucket.take(now, 1, 1);
                    sent.push(now);
                }
                _ => {}
            }
        }
        let filled = |from: u64, to: u64| (to - from) * u64::from(rate) / per;
        for (place, first) in sent.iter().enumerate() {
            for (more, last) in sent[place..].iter().enumerate() {
                let count = more as u64 + 1;
                assert!(count <= burst + filled(*first, *last), "seed {seed}: {count} from {first} to {last}");
            }
        }
        for (end, before) in ends {
            for (more, last) in sent[before..].iter().enumerate() {
                let count = more as u64 + 1;
                assert!(count <= filled(end, *last), "seed {seed}: {count} from the pause's end {end} to {last}");
            }
        }
    }
}

/// From a tenth of the limit on, for whoever asks as soon as it may: close to the limit within ten seconds, then between 88 %
/// of it and the limit, with few refusals; and whoever asks late is named the same rate.
#[test]
fn a_learned_rate_finds_its_limit_and_stays_close_to_it() {
    let (limit, mut bucket) = (40, Bucket::new(None));
    let (mut now, mut seq, mut refused, mut sent) = (0, 0, 0_u64, 0_u64);
    // A token bucket without burst to speak of.
    let mut plain = Plain { rate: limit, per: 1_000, burst: 2, tokens: 0, at: 0 };
    let mut late = None;
    while now < 120_000 {
        now = bucket.ready_at(now.max(plain.at + 1), 1, 0).max(now + 1);
        seq += 1;
        let attempt = seq << 10 | 1;
        bucket.take(now, 1, attempt);
        bucket.attempt_ended();
        plain.pass(now);
        let counts = now >= 20_000;
        sent += u64::from(counts);
        if plain.tokens >= i128::from(plain.per) {
            plain.tokens -= i128::from(plain.per);
            bucket.succeeded(now, attempt);
        } else {
            refused += u64::from(counts);
            bucket.limited(now, Refused { seq: attempt, until: now, named: false });
            if late.is_none() && counts {
                late = Some((now, bucket.clone()));
            }
        }
    }
    let good = (sent - refused) as f64 / 100.0;
    assert!((limit as f64 * 0.85..=limit as f64 * 1.01).contains(&good), "{good} a second");
    assert!(refused * 50 <= sent, "{refused} of {sent}");
    let (since, mut asked) = late.unwrap();
    let named = asked.rate(since + 10_000).unwrap();
    (1..=10).for_each(|second| asked.take(since + second * 1_000, 1, seq << 10));
    assert!(asked.rate(since + 10_000).unwrap().abs_diff(named) <= named / 1_000);
    // Enough for its window not to be closed.
    (0..5).for_each(|_| _ = asked.succeeded(since + 10_000, seq << 10 | 1));
    assert_eq!(asked.limited(since + 10_000, Refused { seq: seq << 10 | 1, until: 0, named: false }), Change::Lowered);
}

#[test]
fn a_call_draws_no_more_than_a_full_bucket_holds() {
    for burst in [1, 2, 5, 1_000_000] {
        assert_eq!(Bucket::new(Some(&limit(1, 1_000, burst))).largest_cost(), u64::from(burst));
    }
    let half = Limit { burst: None, headroom: 500_000, ..limit(5, 1_000, 1) };
    assert_eq!(Bucket::new(Some(&half)).largest_cost(), 3, "two and a half, rounded up");
}
