//! Arbitrary inputs in arbitrary order against two engines in step: both say the same, and every word fits what a plain
//! record of the calls allows.

use crate::feed::Feed;
use std::collections::BTreeMap;
use unruffled_core::config::{self, Config, Reading};
use unruffled_core::{Answer, Engine, Flags, Misuse, Step};

const GET: u32 = 0;
const POST: u32 = 7;
/// No attempt starts with less than this to the deadline.
const LAST_START: u64 = 50;

/// What the record knows of a call.
#[derive(Debug, Clone, Copy)]
struct Record {
    phase: Phase,
    deadline: u64,
    attempts_most: u64,
    sends: u64,
    free: u64,
    /// May have been done at the server, and doing it again may do it twice.
    spent: bool,
    repeatable: bool,
    twice: bool,
    cuts: bool,
    scope: u32,
    /// A wait holds a slot of its host, for at most so long since it began or its last attempt ended.
    slot: bool,
    rests_from: u64,
    longest_wait: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Flight,
    /// Waits until then at the earliest.
    Backoff(u64),
    Parked,
    Kept,
}

struct World {
    config: Config,
    engines: [Engine; 2],
    now: u64,
    records: BTreeMap<u32, Record>,
    generations: Vec<u64>,
    closed: bool,
}

fn policy(feed: &mut Feed<'_>) -> String {
    let attempts = feed.below(6) + 1;
    let base = feed.of(&["1ms", "50ms", "200ms", "2s"]);
    let jitter = feed.of(&["added", "full", "none"]);
    let patience = feed.of(&["", r#","patience":0"#, r#","patience":"300ms""#, r#","maxRetryAfter":"2s""#]);
    let budget = feed.of(&[
        "",
        r#","budget":{"capacity":1,"perCall":0.25}"#,
        r#","budget":{"capacity":0,"perCall":0,"perSecond":1}"#,
    ]);
    let breaker = feed.of(&[
        "false",
        "{}",
        r#"{"run":2,"minimumCalls":2,"coolDown":"50ms","latestProbe":"200ms"}"#,
        r#"{"run":3,"minimumCalls":3,"wait":"2s","probes":2,"scope":"both"}"#,
        r#"{"run":1,"minimumCalls":1,"slowAfter":"100ms","scope":"route","coolDown":"10ms","latestProbe":"20ms"}"#,
    ]);
    let limits = feed.of(&[
        "[]",
        r#"[{"name":"a","rate":20,"per":"1s"},{"name":"b","rate":5,"per":"1s","cost":0}]"#,
        r#"[{"name":"a","headers":"x-ratelimit"}]"#,
        r#"[{"name":"a","rate":3,"per":"10s","burst":2,"headers":"ratelimit"}]"#,
        r#"[{"name":"a","rate":1000,"per":"1s","cost":7},{"name":"b","headers":"openai"},{"name":"c","rate":1,"per":"1s","burst":1}]"#,
    ]);
    let cost = if limits.contains("\"b\"") { r#","cost":{"b":1}"# } else { "" };
    let (concurrency, waiting) = (feed.of(&[1, 2, 3, 100]), feed.of(&[0, 1, 3, 1_000]));
    let total = feed.of(&["60s", "2s", "500ms", "60ms"]);
    let wait = feed.of(&["", "", r#","wait":0"#, r#","wait":"300ms""#]);
    let keys = feed.of(&["", r#""idempotency":{"header":"Idempotency-Key"},"#]);
    format!(
        r#"{{{keys}"retry":{{"attempts":{attempts},"base":"{base}","cap":"10s","jitter":"{jitter}"{patience}{budget}}},"breaker":{breaker},"limits":{limits},
        "concurrency":{concurrency},"maxWaiting":{waiting},"timeouts":{{"total":"{total}"{wait}}},"routes":{{"GET /b":{{"timeouts":{{"total":"5s"}}{cost}}},"POST /c":{{"repeatable":true}},"GET /d":{{"breaker":false}}}}}}"#
    )
}

const HINTS: [&str; 10] = [
    "",
    "",
    "retry-after: 1\n",
    "retry-after: 3600\n",
    "retry-after-ms: 5\nx-should-retry: true\n",
    "x-should-retry: false\n",
    "x-ratelimit-limit: 100\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1\n",
    "ratelimit: \"d\";r=3;t=2\nratelimit-policy: \"d\";q=10;w=5\n",
    "x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 20ms\nx-ratelimit-limit-requests: 5\n",
    "x-ratelimit-limit: 4\nx-ratelimit-remaining: 3\nx-ratelimit-reset: 4\n",
];

pub fn target(data: &[u8]) {
    let mut feed = Feed(data);
    let text = policy(&mut feed);
    let config = config::read(&text, Reading::Strict).unwrap_or_else(|issues| panic!("{text}: {issues:?}"));
    let seed = feed.byte().into();
    let engines = [0, 1].map(|_| {
        let mut engine = Engine::with(config.clone());
        engine.seed(seed);
        engine.subscribe(255);
        engine
    });
    let (records, generations) = (BTreeMap::new(), Vec::new());
    let mut world = World { config, engines, now: 0, records, generations, closed: false };
    // What takes long finds nothing that a shorter input does not.
    for _ in 0..600 {
        if feed.is_empty() {
            break;
        }
        world.input(&mut feed);
    }
    world.end();
}

impl World {
    /// Both engines' answer.
    fn both(&mut self, input: impl Fn(&mut Engine) -> Answer) -> Answer {
        let [first, second] = &mut self.engines;
        let answer = input(first);
        assert_eq!(answer, input(second), "the same inputs give the same words");
        assert_eq!(Answer::from_word(answer.word()), Some(answer));
        answer
    }

    fn input(&mut self, feed: &mut Feed<'_>) {
        let kind = feed.byte();
        let call = u32::from(kind >> 5);
        let pace = feed.byte();
        let now = match pace >> 6 {
            0 => self.now,
            1 => self.now + u64::from(pace & 63),
            2 => self.now + u64::from(pace & 63) * 100,
            _ if pace & 63 > 56 => self.now.saturating_sub(u64::from(feed.byte())),
            _ => self.waits_until(call).unwrap_or(self.now),
        };
        match kind & 31 {
            0..8 => self.begin(call, now, feed),
            8..15 => self.respond(call, now, feed),
            15..18 => self.fault(call, now, feed),
            18..24 => self.resume(call, now),
            24 | 25 => self.abandon(call, now),
            26 | 27 => self.token(now, feed),
            28 => {
                let answer = self.both(|engine| engine.online(now));
                self.passed(answer, now);
            }
            29 => {
                let [first, second] = &mut self.engines;
                assert_eq!(first.report(call), second.report(call));
                if self.records.get(&call).is_some_and(|record| record.phase == Phase::Kept) {
                    self.records.remove(&call);
                }
            }
            30 => self.wake(now),
            _ if feed.byte() > 250 => {
                let answer = self.both(|engine| engine.close(now));
                self.passed(answer, now);
                self.closed = true;
            }
            _ => self.look(),
        }
    }

    fn waits_until(&self, call: u32) -> Option<u64> {
        match self.records.get(&call)?.phase {
            Phase::Backoff(until) => Some(until.max(self.now)),
            Phase::Flight | Phase::Parked | Phase::Kept => None,
        }
    }

    fn passed(&mut self, answer: Answer, now: u64) {
        if !matches!(answer.step(), Step::Misuse(_)) {
            self.now = self.now.max(now);
        }
    }

    fn begin(&mut self, call: u32, now: u64, feed: &mut Feed<'_>) {
        let target = feed.of(&["GET /a", "GET /b", "POST /c", "GET /d"]);
        let (origin, credential) =
            feed.of(&[("", ""), ("", "x"), ("https://a.example", ""), ("https://b.example", "x")]);
        let route = self.engines[0].route(target);
        assert_eq!(route, self.engines[1].route(target));
        let scope = self.engines[0].scope(origin, credential);
        assert_eq!(scope, self.engines[1].scope(origin, credential));
        let method = feed.of(&[GET, GET, GET, POST, 5, 4, 8]);
        let traits = feed.of(&[1, 1, 1, 33, 33, 3, 0, 9, 17, 49, 65, 81, 97]);
        let asked = if feed.below(4) == 0 { self.now + u64::from(feed.byte()) * 20 } else { 0 };
        let answer = self.both(|engine| engine.begin(call, now, route, scope, method | traits << 4, asked));
        if self.records.contains_key(&call) {
            assert_eq!(answer.step(), Step::Misuse(Misuse::Live));
            return;
        }
        self.passed(answer, now);
        let home = origin.is_empty() || self.config.base == config::Base::None;
        let settings = self.config.route(if home { route as u16 } else { 0 });
        let keyed = settings.idempotency.is_some() && matches!(method, POST | 8) || traits & 2 != 0;
        let record = Record {
            phase: Phase::Parked,
            deadline: if asked == 0 { self.now + settings.timeouts.total } else { asked },
            attempts_most: settings.retry.attempts.into(),
            sends: 0,
            free: 0,
            spent: false,
            repeatable: traits & 1 != 0,
            twice: keyed || settings.repeatable.unwrap_or(method <= 6),
            slot: traits & 64 != 0,
            rests_from: self.now,
            longest_wait: settings.timeouts.wait,
            // Every policy here writes its total.
            cuts: true,
            scope,
        };
        self.records.insert(call, record);
        self.stepped(call, answer);
    }

    fn respond(&mut self, call: u32, now: u64, feed: &mut Feed<'_>) {
        let status = feed.of(&[200, 200, 200, 204, 404, 401, 403, 408, 421, 429, 429, 500, 501, 503, 503, 1_000]);
        let hints = feed.of(&HINTS);
        let wall = 1_767_225_600_000 + now;
        let answer = self.both(|engine| engine.respond_with(call, now, wall, status, hints.as_bytes(), b""));
        if status == 1_000 {
            assert_eq!(answer.step(), Step::Misuse(Misuse::Range));
            return;
        }
        let free = matches!(status, 401 | 429 | 421) || hints.contains("x-ratelimit");
        self.landed(call, now, answer, status == 408 || status >= 500, free);
        // After a 401 or a 429 a call may wait in a queue, where a newer call can take its turn, and not between two attempts.
        if let Some(record) = self.records.get_mut(&call).filter(|_| matches!(status, 401 | 429))
            && let Phase::Backoff(_) = record.phase
        {
            record.phase = Phase::Parked;
        }
    }

    fn fault(&mut self, call: u32, now: u64, feed: &mut Feed<'_>) {
        let fault = u32::from(feed.byte() % 11);
        let answer = self.both(|engine| engine.fault(call, now, fault));
        if matches!(fault, 6 | 9..) {
            assert_eq!(answer.step(), Step::Misuse(Misuse::Range));
            return;
        }
        self.landed(call, now, answer, matches!(fault, 0 | 1 | 4 | 5), fault == 4);
    }

    fn landed(&mut self, call: u32, now: u64, answer: Answer, spent: bool, free: bool) {
        let Some(record) = self.records.get_mut(&call) else {
            assert_eq!(answer.step(), Step::Misuse(Misuse::Unknown));
            return;
        };
        if record.phase != Phase::Flight {
            assert_eq!(answer.step(), Step::Misuse(Misuse::State), "{record:?}");
            return;
        }
        record.spent |= spent;
        record.free += u64::from(free);
        self.passed(answer, now);
        if let Some(record) = self.records.get_mut(&call) {
            record.rests_from = self.now;
        }
        self.stepped(call, answer);
    }

    fn resume(&mut self, call: u32, now: u64) {
        let answer = self.both(|engine| engine.resume(call, now));
        let Some(record) = self.records.get(&call) else {
            assert_eq!(answer.step(), Step::Misuse(Misuse::Unknown));
            return;
        };
        match record.phase {
            Phase::Flight | Phase::Kept => assert_eq!(answer.step(), Step::Misuse(Misuse::State)),
            Phase::Backoff(until) => {
                self.passed(answer, now);
                if self.now < until && !self.closed {
                    assert_eq!(answer.step(), Step::Wait { delay: until - self.now });
                }
                self.stepped(call, answer);
            }
            Phase::Parked => {
                self.passed(answer, now);
                self.stepped(call, answer);
            }
        }
    }

    fn abandon(&mut self, call: u32, now: u64) {
        let answer = self.both(|engine| engine.abandon(call, now));
        let known = self.records.remove(&call).is_some();
        assert_eq!(matches!(answer.step(), Step::Done { arg: 0 }), known, "{answer:?}");
        self.passed(answer, now);
    }

    fn token(&mut self, now: u64, feed: &mut Feed<'_>) {
        let place = feed.byte();
        let generation = self.generations.get(usize::from(place & 7)).copied().unwrap_or_else(|| feed.any());
        let expires = feed.of(&[0, 1, 50, 5_000, 1 << 40, u64::MAX]);
        let answer = if place >> 6 == 0 {
            let fault = feed.of(&[0, 6, 6, 1]);
            self.both(|engine| engine.token_failed(now, generation, fault, 0))
        } else {
            self.both(|engine| engine.token(now, generation, expires))
        };
        let asked = self.generations.contains(&generation);
        assert!(asked || answer.step() == Step::Misuse(Misuse::Generation), "{answer:?}");
        self.passed(answer, now);
    }

    fn wake(&mut self, now: u64) {
        for _ in 0..64 {
            let Step::Done { arg } = self.both(Engine::wake).step() else { panic!("wake is Done") };
            let Some(call) = arg.checked_sub(1) else { return };
            let record = self.records.get(&(call as u32));
            let waits = record.is_some_and(|record| matches!(record.phase, Phase::Backoff(_) | Phase::Parked));
            assert!(waits, "who is woken waits: {call} {record:?}");
            self.resume(call as u32, now);
        }
        panic!("wakes without end");
    }

    fn look(&mut self) {
        let [first, second] = &mut self.engines;
        let snapshot = first.snapshot(self.now);
        assert_eq!(snapshot, second.snapshot(self.now));
        let events = first.events();
        assert_eq!(events, second.events());
        let value: serde_json::Value = serde_json::from_str(&snapshot).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&events).is_ok());
        let live = self.records.values().filter(|record| record.phase != Phase::Kept).count() as u64;
        let flying = self.records.values().filter(|record| record.phase == Phase::Flight).count() as u64;
        assert_eq!((value["live"].as_u64(), value["inFlight"].as_u64()), (Some(live), Some(flying)), "{snapshot}");
        let most = u64::from(self.config.max_waiting);
        assert!(value["waiting"].as_u64().is_some_and(|waiting| waiting <= most), "{snapshot}");
    }

    /// The call's next step, held against what the record allows.
    fn stepped(&mut self, call: u32, answer: Answer) {
        let (now, flags) = (self.now, answer.flags());
        let record = self.records.get_mut(&call).unwrap();
        let left = record.deadline.saturating_sub(now);
        if let (true, Step::Wait { delay: ms } | Step::Park { at_most: ms }) = (record.slot, answer.step()) {
            assert!(now + ms <= record.rests_from + record.longest_wait, "{ms}: {record:?}");
        }
        match answer.step() {
            Step::Send { timeout } => {
                assert!(left >= LAST_START, "sent with {left} ms left: {record:?}");
                assert!(timeout > 0 || !record.cuts, "{record:?}");
                assert!(timeout <= left, "{timeout} of {left}: {record:?}");
                assert!(!self.closed, "sent after close");
                record.sends += 1;
                assert!(record.sends == 1 || record.repeatable, "a body that cannot be sent again was: {record:?}");
                assert!(!record.spent || record.twice, "done twice: {record:?}");
                assert!(record.sends <= record.attempts_most + record.free + 1, "{record:?}");
                record.phase = Phase::Flight;
                let scope = record.scope;
                let flying = self.records.values().filter(|other| other.phase == Phase::Flight && other.scope == scope);
                assert!(flying.count() <= self.config.concurrency as usize);
            }
            Step::Wait { delay } => {
                assert!(delay > 0 && delay + LAST_START <= left.max(LAST_START + 1), "{delay} of {left}: {record:?}");
                record.phase = match record.phase {
                    // A head's timer or the rest of a backoff; only a new one is a promise.
                    Phase::Flight => Phase::Backoff(now + delay),
                    Phase::Backoff(until) if until > now => Phase::Backoff(until),
                    Phase::Backoff(_) | Phase::Parked | Phase::Kept => Phase::Parked,
                };
            }
            Step::Park { at_most } => {
                assert!(at_most > 0 && at_most + LAST_START <= left, "{at_most} of {left}: {record:?}");
                record.phase = Phase::Parked;
            }
            Step::Refresh { generation } => {
                self.generations.insert(0, generation);
                self.generations.truncate(8);
                record.phase = Phase::Parked;
            }
            Step::Deliver { .. } | Step::Fail { .. } if flags.has(Flags::REPORT) => record.phase = Phase::Kept,
            Step::Deliver { .. } | Step::Fail { .. } => drop(self.records.remove(&call)),
            Step::Misuse(misuse) => panic!("{misuse:?}"),
            Step::Done { .. } => panic!("a call goes on or ends"),
        }
    }

    /// Everybody gives up: nothing is left.
    fn end(&mut self) {
        for call in self.records.keys().copied().collect::<Vec<_>>() {
            self.abandon(call, self.now);
        }
        self.look();
        let rest: serde_json::Value = serde_json::from_str(&self.engines[0].snapshot(self.now)).unwrap();
        for key in ["inFlight", "live", "waiting"] {
            assert_eq!(rest[key].as_u64(), Some(0), "{key}: {rest}");
        }
        for upstream in rest["upstreams"].as_array().unwrap() {
            assert_eq!(upstream["waiting"].as_u64(), Some(0), "{rest}");
        }
    }
}
