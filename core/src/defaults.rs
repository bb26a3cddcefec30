//! Every number of the library, once. A policy file overrides those that `policy.md` lists; the others are fixed.
//! Times are milliseconds, shares and tokens millionths ([`ONE`] = 1.0).

/// 1.0 in millionths.
pub const ONE: u64 = 1_000_000;

/// Longest configurable time: 24 h.
pub const DAY: u64 = 86_400_000;

// Deadlines
/// `timeouts.connect`.
pub const CONNECT: u64 = 3_000;
/// `timeouts.idle`: between two pieces of a body.
pub const IDLE: u64 = 10_000;
/// `timeouts.attempt`: one attempt, its buffered body included.
pub const ATTEMPT: u64 = 10_000;
/// `timeouts.total` of preset `service`: the whole call.
pub const TOTAL: u64 = 60_000;
/// No attempt starts with less than this left to the deadline.
pub const LAST_START: u64 = 50;
/// `timeouts.wait`: how long a call that holds a slot of its host (OkHttp's dispatcher under an interceptor) may wait
/// between two attempts.
pub const WAIT: u64 = 2_000;
/// An attempt grows by this much for each [`UPLOAD_UNIT`] of body that the host cannot watch.
pub const UPLOAD_GROWTH: u64 = 1_000;
/// 64 KiB: unit of the upload size in `begin`.
pub const UPLOAD_UNIT: u64 = 65_536;

// Bodies
/// `maxBody`: largest buffered answer.
pub const MAX_BODY: u64 = 8 * 1024 * 1024;
/// `bufferUpTo`: Python and OkHttp drop-ins buffer declared lengths up to this.
pub const BUFFER_UP_TO: u64 = 256 * 1024;
/// What a host hands over of a body for rules with a pointer.
pub const RULE_BODY: usize = 4_096;
/// What a host hands over of watched headers.
pub const HINTS: usize = 8_192;

// Retries
/// `retry.attempts` of preset `service`, the first included.
pub const ATTEMPTS: u8 = 4;
/// `retry.base`.
pub const BASE: u64 = 200;
/// Base after a 429 that names no time.
pub const BASE_429: u64 = 1_000;
/// `retry.cap`: longest wait.
pub const CAP: u64 = 30_000;
/// Least `retry.patience` when it is not written.
pub const PATIENCE: u64 = 5_000;
/// Patience grows to this many mean latencies.
pub const PATIENCE_LATENCIES: u64 = 10;
/// The mean latency is an EWMA with this divisor.
pub const LATENCY_WEIGHT: u64 = 8;

// Budget
/// `retry.budget.capacity` in tokens.
pub const BUDGET_CAPACITY: u64 = 10;
/// Share of the calls of the last 30 s that is added to the capacity: 2 %.
pub const BUDGET_SHARE: u64 = 20_000;
/// `retry.budget.perCall`: 0.1 token.
pub const BUDGET_PER_CALL: u64 = 100_000;
/// `retry.budget.perSecond`: 0.02 token.
pub const BUDGET_PER_SECOND: u64 = 20_000;
/// What a retry that succeeds gets back: its token, and no more.
pub const BUDGET_REFUND: u64 = ONE;
/// Tokens that a first attempt pays which waited in line for the breaker; it gets them back when it succeeds. So the line
/// goes at the pace of its successes, and when the server is not yet well it stops.
pub const WAITED_PRICE: u64 = 2 * ONE;
/// Tokens that come back for a retry which asked without one, at the head of a queue without tokens, and succeeded.
pub const ASKED_REFUND: u64 = 10 * ONE;
/// The longest time between two such retries.
pub const ASKED_MOST: u64 = 1_000;
/// A queue stands when its first call has waited longer than this: then every second turn is the newest call's.
pub const STANDS: u64 = 1_000;
/// Slice of the budget's count of calls; ten make its window.
pub const BUDGET_SLICE: u64 = 3_000;

/// Slices of every window.
pub const SLICES: usize = 10;

// Breaker
/// `breaker.window`.
pub const WINDOW: u64 = 30_000;
/// `breaker.failureRate`.
pub const FAILURE_RATE: u64 = 500_000;
/// `breaker.minimumCalls`.
pub const MINIMUM_CALLS: u32 = 20;
/// `breaker.run`: failures in an unbroken row.
pub const RUN: u32 = 20;
/// Outcomes counted, and the run, must span at least this long.
pub const SPAN: u64 = 1_000;
/// `breaker.coolDown`.
pub const COOL_DOWN: u64 = 500;
/// The cool-down is drawn from [c, c + c/10].
pub const COOL_DOWN_JITTER: u64 = 10;
/// Calls refused or lined up until the next one probes: 1 in 20, so at most 5 % of the traffic.
pub const PROBE_EVERY: u32 = 20;
/// `breaker.latestProbe`: the longest time until the next probe. The first is due two cool-downs after the opening, and that
/// time doubles with each probe that fails.
pub const LATEST_PROBE: u64 = 5_000;
/// `breaker.probes`.
pub const PROBES: u32 = 1;
/// A time-out that the deadline cut short counts as a failure when it outlasted so many mean latencies.
pub const CUT_LATENCIES: u64 = 4;
/// A probe's lease.
pub const LEASE: u64 = 2_500;

// Limiter
/// `concurrency`: attempts in flight.
pub const CONCURRENCY: u32 = 100;
/// `maxWaiting`: calls in all lines together.
pub const MAX_WAITING: u32 = 10_000;
/// `limits[].headroom`.
pub const HEADROOM: u64 = 800_000;
/// Slice of a bucket's count of successes, from which it learns; ten make 10 s.
pub const LEARN_SLICE: u64 = 1_000;
/// A bucket without a known rate learns this share of its successes at its first 429.
pub const LEARN_SHARE: u64 = 800_000;
/// … and at least this rate, in millionths per second.
pub const LEARN_LEAST: u64 = 2 * ONE;
/// A learned rate grows each second by at least this (millionths per second) …
pub const LEARN_GROWTH: u64 = ONE;
/// … or by this share.
pub const LEARN_GROWTH_SHARE: u64 = 50_000;
/// A learned rate never falls below this, in millionths per second.
pub const LEARN_FLOOR: u64 = 100_000;
/// A reading is ahead of even use down to this far below it.
pub const EVEN_SLACK: u64 = 50_000;
/// Additive increase per second, share of the documented rate.
pub const GROWTH: u64 = 50_000;
/// The same where the server's window is short (a token bucket).
pub const GROWTH_SHORT: u64 = 30_000;
/// A window shorter than this is a token bucket.
pub const SHORT_WINDOW: u64 = 5_000;
/// Ahead, for a token bucket: remaining / limit at least this.
pub const SHORT_AHEAD: u64 = 500_000;
/// Multiplicative decrease: 2 · shortfall, and 1.5 for a token bucket.
pub const DECREASE: u64 = 2_000_000;
/// See [`DECREASE`].
pub const DECREASE_SHORT: u64 = 1_500_000;
/// Never more than this at once: who reads seldom counts each reading as a whole second.
pub const DECREASE_MOST: u64 = 200_000;
/// The rate never falls below documented / 200.
pub const RATE_FLOOR: u64 = 200;

// Bounds
/// Calls in flight or with a kept report.
pub const MAX_CALLS: usize = 1 << 20;
/// Ended calls that keep their record until `report`.
pub const MAX_REPORTS: usize = 4_096;
/// Events in the ring.
pub const RING: usize = 1_024;
/// Classes of endpoints that an engine remembers by their text.
pub const MAX_ENDPOINTS: usize = 1_024;
/// Endpoints of one origin with a breaker of their own.
pub const MAX_GATES: usize = 64;
/// Origins of a drop-in with a breaker, budget and limiter of their own.
pub const MAX_ORIGINS: usize = 1_024;
/// Credentials with a token state of their own.
pub const MAX_CREDENTIALS: usize = 10_000;
/// `policy.md`: largest policy file.
pub const MAX_POLICY: usize = 256 * 1024;
/// Routes of one policy.
pub const MAX_ROUTES: usize = 4_096;
/// The latest `now`, about 69 years in.
pub const MAX_NOW: u64 = 1 << 41;
