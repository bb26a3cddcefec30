//! The paths a call takes through the core, each as a round that can be repeated for ever and leaves no call behind.
//! Breaker, retry budget and one rate limit are on, as in a real policy.
#![allow(dead_code, reason = "each program uses the part it needs")]

use std::hint::black_box;
use unruffled_core::config::Reading;
use unruffled_core::{Engine, Step};

/// GET with a body that can be repeated (there is none).
pub const WHAT: u32 = 1 << 4;

/// A limit that never holds a call back, and room for 100,000 calls in flight.
pub const POLICY: &str = r#"{"baseUrl": "https://api.example.com", "concurrency": 100000, "timeouts": {"total": "1h"},
    "limits": [{"name": "core", "rate": 1000000000, "per": "1s", "headers": "x-ratelimit"}],
    "routes": {"GET /items/{id}": {}}}"#;

/// The same, and an open breaker refuses at once.
const REFUSING: &str = r#"{"baseUrl": "https://api.example.com", "breaker": {"wait": 0}, "timeouts": {"total": "1h"},
    "limits": [{"name": "core", "rate": 1000000000, "per": "1s", "headers": "x-ratelimit"}],
    "routes": {"GET /items/{id}": {}}}"#;

/// Every call but the first of a burst waits its turn.
const NARROW: &str = r#"{"baseUrl": "https://api.example.com", "timeouts": {"total": "1h"},
    "limits": [{"name": "core", "rate": 100, "per": "1s", "burst": 1}], "routes": {"GET /items/{id}": {}}}"#;

/// What a server with a gauge says with each answer.
const GAUGE: &[u8] = b"x-ratelimit-limit: 5000\nx-ratelimit-remaining: 4200\nx-ratelimit-reset: 1800\n";

/// Unix milliseconds at the engine's 0.
const WALL: u64 = 1_767_225_600_000;

/// An engine, its route, and the next call's number and time.
#[derive(Debug)]
pub struct Client {
    pub engine: Engine,
    pub route: u32,
    pub call: u32,
    pub now: u64,
}

impl Client {
    pub fn new(policy: &str) -> Self {
        let mut engine = Engine::open(policy, Reading::Strict).expect("the policy is right");
        engine.seed(1);
        let route = engine.route("GET /items/{id}");
        Self { engine, route, call: 0, now: 0 }
    }

    /// Begins the next call, on the route and scope that every path but the growth measurements uses.
    pub fn begin(&mut self) -> Step {
        self.call += 1;
        black_box(self.engine.begin(black_box(self.call), self.now, self.route, 0, WHAT, 0)).step()
    }

    /// The latest call is answered.
    pub fn respond(&mut self, status: u32) -> Step {
        black_box(self.engine.respond(self.call, self.now, status)).step()
    }

    /// A thousand calls share a second, as at a steady 1,000 a second.
    fn tick(&mut self) {
        self.now += 1;
    }
}

/// A path: its name, the client it starts from, one round of it.
pub struct Path {
    pub name: &'static str,
    pub client: fn() -> Client,
    pub round: fn(&mut Client),
}

pub const PATHS: [Path; 5] = [
    Path { name: "success", client: || Client::new(POLICY), round: success },
    Path { name: "success with a gauge", client: || Client::new(POLICY), round: gauge },
    Path { name: "failure and retry", client: || Client::new(POLICY), round: retry },
    Path { name: "refused by an open breaker", client: opened, round: refused },
    Path { name: "wait for the rate limit", client: narrowed, round: wait },
];

#[inline(never)]
fn success(client: &mut Client) {
    client.begin();
    let step = client.respond(200);
    assert!(matches!(step, Step::Deliver { .. }), "{step:?}");
    client.tick();
}

#[inline(never)]
fn gauge(client: &mut Client) {
    client.begin();
    let (call, now) = (client.call, client.now);
    let step = black_box(client.engine.respond_with(call, now, WALL + now, 200, GAUGE, &[])).step();
    assert!(matches!(step, Step::Deliver { .. }), "{step:?}");
    client.tick();
}

/// Far enough apart that neither budget nor breaker objects.
#[inline(never)]
fn retry(client: &mut Client) {
    client.begin();
    let Step::Wait { delay } = client.respond(503) else { panic!("no wait after a 503") };
    client.now += delay;
    black_box(client.engine.resume(client.call, client.now));
    let step = client.respond(200);
    assert!(matches!(step, Step::Deliver { .. }), "{step:?}");
    black_box(client.engine.abandon(client.call, client.now));
    // Two successes to one failure keep the breaker closed.
    client.begin();
    client.respond(200);
    client.tick();
}

/// Failures until it opens; then time stands still, so that no probe is due.
fn opened() -> Client {
    let mut client = Client::new(REFUSING);
    while matches!(client.begin(), Step::Send { .. }) {
        client.respond(503);
        client.engine.abandon(client.call, client.now);
        client.now += 70;
    }
    client.engine.abandon(client.call, client.now);
    client
}

#[inline(never)]
fn refused(client: &mut Client) {
    let step = client.begin();
    assert!(matches!(step, Step::Fail { .. }), "{step:?}");
    black_box(client.engine.abandon(client.call, client.now));
}

fn narrowed() -> Client {
    let mut client = Client::new(NARROW);
    client.begin();
    client.respond(200);
    client
}

#[inline(never)]
fn wait(client: &mut Client) {
    let Step::Wait { delay } = client.begin() else { panic!("no wait behind an empty bucket") };
    client.now += delay;
    black_box(client.engine.resume(client.call, client.now));
    let step = client.respond(200);
    assert!(matches!(step, Step::Deliver { .. }), "{step:?}");
    black_box(client.engine.abandon(client.call, client.now));
}
