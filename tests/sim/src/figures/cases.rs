//! The servers that policies meet: load, trouble, and what our policy file says of the API.

use super::play::Load;
use super::pool::Pool;
use super::quota::{Kind, Quota};
use super::server::{Planned, Server, Trouble, What};

/// One situation.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub about: &'static str,
    pub clients: usize,
    pub load: Load,
    /// Calls begin until then.
    pub until: u64,
    /// From when to when something is wrong.
    pub trouble: (u64, u64),
    pub server: fn() -> Box<dyn Server>,
    /// Ours, where the API's documentation says something that a policy would hold.
    pub policy: &'static str,
    /// Documented limit a second of one client, for the limiter in the client.
    pub documented: Option<f64>,
}

const REFUSED: What = What::Status(503);

fn planned(troubles: &[(u64, u64, Trouble)]) -> Box<dyn Server> {
    Box::new(Planned { troubles: troubles.to_vec() })
}

const PLAIN: Case = Case {
    name: "healthy",
    about: "50 calls a second for 60 s, nothing wrong",
    clients: 1,
    load: Load::Every(20),
    until: 60_000,
    trouble: (0, 0),
    server: || planned(&[]),
    policy: "{}",
    documented: None,
};

/// 50 requests a second documented.
const FIFTY: &str = r#"{"limits": [{"name": "api", "rate": 50, "per": "1s", "headers": "ratelimit"}]}"#;

/// All of them.
pub const CASES: &[Case] = &[
    PLAIN,
    Case {
        name: "outage",
        about: "50 calls a second; for 6 s every answer is 503",
        until: 40_000,
        trouble: (10_000, 16_000),
        server: || planned(&[(10_000, 16_000, Trouble::Some(1.0, REFUSED))]),
        ..PLAIN
    },
    Case {
        name: "outage, cold",
        about: "the same, from the client's first call on",
        until: 30_000,
        trouble: (0, 6_000),
        server: || planned(&[(0, 6_000, Trouble::Some(1.0, REFUSED))]),
        ..PLAIN
    },
    Case {
        name: "long-healthy",
        about: "50 calls a second; 10 healthy minutes, then 20 s of 503",
        until: 640_000,
        trouble: (600_000, 620_000),
        server: || planned(&[(600_000, 620_000, Trouble::Some(1.0, REFUSED))]),
        ..PLAIN
    },
    Case {
        name: "instant",
        about: "200 calls in flight break in one instant; healthy before and after",
        load: Load::Burst { calls: 200, at: 1_000, over: 20 },
        until: 2_000,
        trouble: (1_000, 1_100),
        server: || planned(&[(1_000, 1_100, Trouble::Break)]),
        policy: r#"{"concurrency": 200}"#,
        ..PLAIN
    },
    Case {
        name: "brown-out of 30 s",
        about: "50 calls a second; for 30 s each request fails with a probability of 30 %",
        trouble: (15_000, 45_000),
        server: || planned(&[(15_000, 45_000, Trouble::Some(0.3, REFUSED))]),
        ..PLAIN
    },
    Case {
        name: "brown-out",
        about: "50 calls a second; each request fails with a probability of 30 %",
        trouble: (0, 60_000),
        server: || planned(&[(0, 60_000, Trouble::Some(0.3, REFUSED))]),
        ..PLAIN
    },
    OVERLOAD,
    Case {
        name: "overload, breaker.wait",
        about: "the same; ours lets new calls wait 5 s when the breaker is open",
        policy: r#"{"breaker": {"wait": "5s"}}"#,
        ..OVERLOAD
    },
    Case {
        name: "window 50/s",
        about: "400 GETs at once; 50 a second in fixed windows, with headers",
        load: Load::Burst { calls: 400, at: 0, over: 1 },
        until: 1,
        server: || Box::new(Quota::new(Kind::Window, &[(0, 50)], 1_000)),
        policy: FIFTY,
        documented: Some(50.0),
        ..PLAIN
    },
    Case {
        name: "bucket 50/s",
        about: "400 GETs at once; a token bucket of 50 a second, with headers",
        load: Load::Burst { calls: 400, at: 0, over: 1 },
        until: 1,
        server: || Box::new(Quota::new(Kind::Bucket, &[(0, 50)], 1_000)),
        policy: FIFTY,
        documented: Some(50.0),
        ..PLAIN
    },
    Case {
        name: "lowered limit",
        about: "a batch of 20 workers for 4 minutes; a token bucket of 50 a second, 20 from 60 s to 150 s",
        load: Load::Workers(20),
        until: 240_000,
        trouble: (60_000, 150_000),
        server: || Box::new(Quota::new(Kind::Bucket, &[(0, 50), (60_000, 20), (150_000, 50)], 1_000)),
        policy: FIFTY,
        documented: Some(50.0),
        ..PLAIN
    },
    Case {
        name: "limit per key",
        about: "5 clients, a token bucket of 10 a second for each; 8 workers each",
        clients: 5,
        load: Load::Workers(8),
        server: || Box::new(Quota::new(Kind::Bucket, &[(0, 10)], 1_000).keyed()),
        policy: r#"{"limits": [{"name": "api", "rate": 10, "per": "1s", "headers": "ratelimit"}]}"#,
        documented: Some(10.0),
        ..PLAIN
    },
    Case {
        name: "clock skew",
        about: "50 calls a second; 10 s of 503 with Retry-After as a date 2 s ahead, by a clock that is an hour ahead",
        until: 40_000,
        trouble: (10_000, 20_000),
        server: || planned(&[(10_000, 20_000, Trouble::Dated(2, 3_600_000))]),
        ..PLAIN
    },
    Case {
        name: "lost answers",
        about: "50 calls a second; every tenth answer is lost",
        trouble: (0, 60_000),
        server: || planned(&[(0, 60_000, Trouble::Some(0.1, What::Lost))]),
        ..PLAIN
    },
    Case {
        name: "stalls",
        about: "50 calls a second; for 15 s two of ten requests are never answered",
        trouble: (10_000, 25_000),
        server: || planned(&[(10_000, 25_000, Trouble::Some(0.2, What::Silent))]),
        ..PLAIN
    },
    Case {
        name: "deploy blips",
        about: "50 calls a second; every 12 s nobody listens for 1 s",
        trouble: (8_000, 45_000),
        server: || {
            let blip = |at| (at, at + 1_000, Trouble::Some(1.0, What::Unsent));
            planned(&[blip(8_000), blip(20_000), blip(32_000), blip(44_000)])
        },
        ..PLAIN
    },
    Case {
        name: "slow recovery",
        about: "50 calls a second; 6 s of 503, then over 10 s ever fewer",
        trouble: (10_000, 26_000),
        server: || {
            let rest = (16_000, 26_000, Trouble::Fading(REFUSED));
            planned(&[(10_000, 16_000, Trouble::Some(1.0, REFUSED)), rest])
        },
        ..PLAIN
    },
    Case {
        name: "partition",
        about: "10 clients, 50 calls a second together; 3 of them reach nobody for 10 s",
        clients: 10,
        trouble: (10_000, 20_000),
        server: || planned(&[(10_000, 20_000, Trouble::Cut(3))]),
        ..PLAIN
    },
];

/// The metastable case. 80 % of what the pool can do, so that a backlog drains slowly; what a rejection costs decides
/// for how long a load of four attempts a call keeps the workers from anything else (for ever).
const OVERLOAD: Case = Case {
    name: "overload",
    about: "80 calls a second (Poisson) for 20 s; 2 workers, 20 ms a request, 6 ms a rejection beyond 30 waiting; \
            nobody works for 4 s",
    load: Load::Random(80.0),
    until: 20_000,
    trouble: (3_000, 7_000),
    server: || Box::new(Pool::new(2, 20, 6, 30, (3_000, 7_000))),
    ..PLAIN
};

/// Several clients on one key; for the assertions on fairness.
#[must_use]
pub fn shared(kind: Kind, clients: usize, window: u64) -> Case {
    let server: fn() -> Box<dyn Server> = match (kind, window) {
        (Kind::Bucket, _) => || Box::new(Quota::new(Kind::Bucket, &[(0, 50)], 1_000)),
        (Kind::Window, 10_000) => || Box::new(Quota::new(Kind::Window, &[(0, 500)], 10_000)),
        (Kind::Window, _) => || Box::new(Quota::new(Kind::Window, &[(0, 3_000)], 60_000)),
    };
    Case {
        name: "shared key",
        about: "clients with 20 workers each on one key of 50 a second",
        clients,
        load: Load::Workers(20),
        until: 240_000,
        server,
        policy: match (kind, window) {
            (Kind::Bucket, _) => FIFTY,
            (Kind::Window, 10_000) => {
                r#"{"limits": [{"name": "api", "rate": 500, "per": "10s", "headers": "ratelimit"}]}"#
            }
            (Kind::Window, _) => r#"{"limits": [{"name": "api", "rate": 3000, "per": "1m", "headers": "ratelimit"}]}"#,
        },
        documented: Some(50.0),
        ..PLAIN
    }
}
