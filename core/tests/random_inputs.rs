//! Arbitrary inputs in arbitrary order, as no sane host would give them: nothing panics, nothing waits for nothing,
//! and when all calls are given up every permit, place and token is back.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]

use unruffled_core::config::Reading;
use unruffled_core::{Answer, Engine, Step};

/// SplitMix64, so that a failing seed can be run again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

const POLICIES: [&str; 8] = [
    "{}",
    r#"{"concurrency":2,"maxWaiting":3}"#,
    r#"{"concurrency":3,"limits":[{"name":"a","rate":20,"per":"1s"},{"name":"b","rate":5,"per":"1s","cost":0}],"routes":{"GET /b":{"cost":{"b":1}}}}"#,
    r#"{"breaker":{"scope":"both","wait":"2s","minimumCalls":3,"run":3,"coolDown":"50ms","latestProbe":"200ms"},"routes":{"GET /b":{},"POST /c":{"repeatable":true}}}"#,
    r#"{"breaker":{"scope":"route","probes":2,"minimumCalls":2,"slowAfter":"100ms"},"retry":{"attempts":9,"patience":"1s"},"routes":{"GET /b":{"breaker":false}}}"#,
    r#"{"retry":{"jitter":"full","base":"1ms","cap":"10ms","budget":{"capacity":1,"perCall":0}},"concurrency":1}"#,
    r#"{"idempotency":{"header":"Idempotency-Key"},"timeouts":{"total":"2s","attempt":"1s"},"limits":[{"name":"a","headers":"x-ratelimit"}]}"#,
    r#"{"preset":"batch","limits":[{"name":"a","rate":100,"per":"1s","headers":"ratelimit"}],"classify":[{"status":404,"as":"retry"},{"status":403,"as":"rate-limited"}],"breaker":{"run":5,"minimumCalls":5}}"#,
];

const STATUSES: [u32; 16] = [200, 200, 200, 204, 404, 401, 403, 408, 421, 429, 429, 500, 501, 503, 503, 1_000];

const HINTS: [&str; 6] = [
    "",
    "retry-after: 1\n",
    "retry-after: 3600\n",
    "x-ratelimit-limit: 100\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1\n",
    "ratelimit: \"d\";r=3;t=2\nratelimit-policy: \"d\";q=10;w=5\n",
    "x-should-retry: true\nretry-after-ms: 5\n",
];

struct World {
    engine: Engine,
    dice: Dice,
    now: u64,
    generations: Vec<u64>,
}

impl World {
    fn check(&mut self, answer: Answer) -> Answer {
        assert_eq!(Answer::from_word(answer.word()), Some(answer), "a word of this answer comes back");
        match answer.step() {
            Step::Wait { delay } => assert!(delay > 0, "no wait of nothing"),
            Step::Park { at_most } => assert!(at_most > 0, "no park for nothing"),
            Step::Refresh { generation } => self.generations.push(generation),
            Step::Send { .. } | Step::Deliver { .. } | Step::Fail { .. } | Step::Misuse(_) | Step::Done { .. } => {}
        }
        answer
    }

    fn input(&mut self) {
        self.now += self.dice.roll(40);
        if self.dice.roll(500) == 0 {
            self.now += self.dice.roll(100_000);
        }
        let now = if self.dice.roll(50) == 0 { self.dice.roll(self.now + 1) } else { self.now };
        let call = self.dice.roll(24) as u32;
        let answer = match self.dice.roll(20) {
            0..6 => {
                let targets = ["GET /a", "GET /b", "POST /c"];
                let route = self.engine.route(targets[self.dice.roll(3) as usize]);
                let origins = ["", "https://a.example", "https://b.example"];
                let scope = self.engine.scope(origins[self.dice.roll(3) as usize], "");
                let method = [0, 0, 0, 7, 5, 4][self.dice.roll(6) as usize];
                let traits = [1, 1, 1, 33, 33, 3, 0, 9, 17, 65, 81][self.dice.roll(11) as usize];
                let deadline = if self.dice.roll(4) == 0 { self.now + self.dice.roll(3_000) } else { 0 };
                self.engine.begin(call, now, route, scope, method | traits << 4, deadline)
            }
            6..11 => {
                let status = STATUSES[self.dice.roll(16) as usize];
                let hints = HINTS[self.dice.roll(6) as usize];
                self.engine.respond_with(call, now, 1_767_225_600_000 + now, status, hints.as_bytes(), b"")
            }
            11 | 12 => {
                let fault = self.dice.roll(10) as u32;
                self.engine.fault(call, now, fault)
            }
            13..16 => self.engine.resume(call, now),
            16 => self.engine.abandon(call, now),
            17 => match self.generations.pop() {
                Some(generation) if self.dice.roll(3) > 0 => self.engine.token(now, generation, self.dice.roll(5_000)),
                Some(generation) => {
                    let (fault, after) = ([0, 4, 6, 9, 10][self.dice.roll(5) as usize], self.dice.roll(2) * 3_000);
                    self.engine.token_failed(now, generation, fault, after)
                }
                None => match self.dice.roll(4) {
                    0 => self.engine.renew(now, 0),
                    1 => self.engine.reset(now, 0),
                    _ => self.engine.online(now),
                },
            },
            18 => {
                self.engine.report(call);
                return;
            }
            _ => {
                let mut woken = 0;
                while let Step::Done { arg: id @ 1.. } = self.engine.wake().step() {
                    let answer = self.engine.resume((id - 1) as u32, now);
                    self.check(answer);
                    woken += 1;
                    assert!(woken < 200, "wakes without end: {id} {answer:?} {}", self.engine.snapshot(now));
                }
                return;
            }
        };
        self.check(answer);
    }
}

#[test]
fn whatever_a_host_does_nothing_is_lost_or_left() {
    let seeds = 400;
    for seed in 0..seeds {
        let policy = POLICIES[(seed % 8) as usize];
        let mut engine = Engine::open(policy, Reading::Strict).unwrap();
        engine.seed(seed);
        engine.subscribe(255);
        let mut world = World { engine, dice: Dice(seed), now: 0, generations: Vec::new() };
        for _ in 0..600 {
            world.input();
        }
        let waiting = |engine: &Engine, now| serde_json::from_str::<serde_json::Value>(&engine.snapshot(now)).unwrap();
        for call in 0..24 {
            world.engine.abandon(call, world.now);
        }
        let rest = waiting(&world.engine, world.now);
        let place = format!("seed {seed}, policy {policy}: {rest}");
        for key in ["inFlight", "live", "waiting"] {
            assert_eq!(rest[key], 0, "{key} {place}");
        }
        for upstream in rest["upstreams"].as_array().unwrap() {
            assert_eq!(upstream["waiting"], 0, "{place}");
        }
        serde_json::from_str::<serde_json::Value>(&world.engine.events()).unwrap();
    }
}

#[test]
fn the_same_seed_gives_the_same_words() {
    let trace = |seed| {
        let mut engine = Engine::open(POLICIES[2], Reading::Strict).unwrap();
        engine.seed(seed);
        let mut words = Vec::new();
        for i in 0..2_000_u32 {
            words.push(engine.begin(i, u64::from(i) * 7, 0, 0, 16, 0).word());
            words.push(engine.respond(i, u64::from(i) * 7 + 3, if i % 3 == 0 { 503 } else { 200 }).word());
        }
        words
    };
    assert_eq!(trace(5), trace(5));
    assert_ne!(trace(5), trace(6));
}
