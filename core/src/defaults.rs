//! Every number of the library, once. A policy file overrides those that `core/manual/policy-reference.md` lists; the others are fixed.
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
/// Without a `Date` on the answer a reset that is a point in time is believed up to this far away, where the window of
/// its limit is not known. Quotas for a day are the longest that clients wait for.
pub const RESET_UNDATED: u64 = DAY;
/// … and so far beyond a known window, because servers round up to whole seconds.
pub const RESET_ROUNDED: u64 = 1_000;
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
/// Tokens that a first attempt pays which waited in the queue for the breaker; it gets them back when it succeeds. So
/// the queue goes at the pace of its successes, and when the server is not yet well it stops.
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
/// Calls refused or queued until the next one probes: 1 in 20, so at most 5 % of the traffic.
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
/// `maxWaiting`: calls in all queues together.
pub const MAX_WAITING: u32 = 10_000;
/// `limits[].headroom`.
pub const HEADROOM: u64 = 800_000;
/// Milliseconds of a bucket's count of successes, from which it learns; with those before it they make ten seconds at most.
pub const RECENT: u64 = 5_000;
/// A 429 teaches nothing when the one before it is so many successes past …
pub const SUSPECT_ANSWERS: u32 = 20;
/// … and so many milliseconds: one alone is that call's affair.
pub const SUSPECT: u64 = 1_000;
/// The least rate that learning begins with, in millionths a second.
pub const LEARN_LEAST: u64 = ONE;
/// A learned rate never falls below this.
pub const LEARN_FLOOR: u64 = 100_000;
/// A refusal lowers a learned rate to this share: a tenth and a little, so that several clients on a key stay above 80 %.
pub const LEARN_CUT: u64 = 880_000;
/// Where calls went for this time before a refusal the rate was near the limit; else it is lowered to what came back.
pub const LEARN_STEADY: u64 = 2_000;
/// A closed window is tried after this time, then after 1.6 times as long, up to this.
pub const LEARN_CLOSED: (u64, u64) = (250, 30_000);
/// A refusal after fewer successes since the one before it shows a closed window.
pub const LEARN_SUCCESSES: u32 = 5;
/// After so many successes, and below this share of the rate refused before, a refusal says nothing of the rate: some servers
/// answer 429 to a few requests whatever the rate is.
pub const LEARN_UNEXPLAINED: u32 = 300;
/// See [`LEARN_UNEXPLAINED`].
pub const LEARN_NEARLY: u64 = 970_000;
/// A learned rate grows in steps of so many milliseconds.
pub const LEARN_STEP: u64 = 250;
/// It is back at the refused rate after this time, or after so many tokens: one 429 in 60 at the most, and half a percent
/// at a few a second.
pub const LEARN_SLOW: u64 = 12_000;
/// See [`LEARN_SLOW`].
pub const LEARN_SLOW_TOKENS: u64 = 60 * ONE;
/// Slow growth begins at this share of the refused rate …
pub const LEARN_CLOSE: u64 = 850_000;
/// … and ends at this one: beyond it the limit is another one by now.
pub const LEARN_PAST: u64 = 1_030_000;
/// Growth a second below and above that.
pub const LEARN_NEAR: u64 = 200_000;
/// Growth a second below half and above twice the refused rate, and before the first: a limit is found within 10 s.
pub const LEARN_FAR: u64 = 500_000;
/// Where no limit is written, a 429 is about the API when another endpoint had one in this time, else about its endpoint alone. A
/// limit of the API that is exceeded refuses busy endpoints within their round trips, while two limited endpoints seldom
/// answer 429 so shortly after each other. At worst a limit of the API costs one more 429 an endpoint, and two limited
/// endpoints pause the API until its first call that tries succeeds ([`PEEK`]).
pub const SHARED_WITHIN: u64 = 2_000;
/// The successes of an endpoint are counted over this time and half of it, for the rate learned when it is refused.
pub const SUCCESS_PERIOD: u64 = 10_000;
/// … and at most so many.
pub const MAX_SEEDED: u32 = 20_000;

/// So many refusals, all with more in flight than any success, show a cap on what is in flight.
pub const CAP_REFUSALS: u8 = 3;
/// So many readings in a row, in which left and in flight make the same sum, show a gauge that counts what is in flight.
pub const CAP_READINGS: u8 = 16;
/// One more than a learned cap is tried after this time, and soon again while that succeeds; once it is refused after this
/// time, and then after twice as long, up to this.
pub const CAP_TRIAL: (u64, u64, u64) = (250, 10_000, 60_000);
/// A cap that was none is not believed again for this time.
pub const CAP_BAN: u64 = 60_000;
/// Where a cap holds calls back they look again after this time, unless one ends before.
pub const CAP_LOOK: u64 = 1_000;

/// A paced rate lets through so many parts of a second's tokens at once.
pub const PACE_BURST: u64 = 20;
/// A gauge that never shows more than this has no say, and a jump of less is no new window.
pub const GAUGE_LEAST: u64 = 2 * ONE;
/// Where no rate is known a jump to the full within this time is a new window: no bucket refills so fast.
pub const GLANCE: u64 = 100;
/// A gauge that so many successes in a row did not bring has no say.
pub const GAUGE_UNREAD: u8 = 10;
/// The experience of what nothing left means counts to so much in either way.
pub const GAUGE_REFILLS: i8 = 8;
/// A success after nothing was left shows a bucket that refills when it shows less left than this, else a new window.
pub const REFILLS: u64 = 3 * ONE;
/// Shortest and longest period of a gauge's high-water mark.
pub const HIGH_PERIOD: (u64, u64) = (10_000, 600_000);
/// A refusal is remembered for two windows, but at least and at most so long.
pub const CALM: (u64, u64) = (10_000, 600_000);
/// A gauge's fall is measured over at least this time: several answers at a few a second.
pub const MEASURE: u64 = 500;
/// What comes back is averaged over this time where more comes than before, and over that one where less does: much comes back
/// at once in a sliding window.
pub const MADE: (u64, u64) = (4_000, 1_000);
/// A window shorter than this is told in resets that are too coarse.
pub const SHORT_WINDOW: u64 = 5_000;
/// Where neither reset nor window is known, and for a token bucket: what is left is spread over this time.
pub const RESET_UNKNOWN: u64 = 4_000;
/// A reset further away than this does not make a call wait for more than a second while something is left.
pub const LONG: u64 = 10_000;
/// So much of what comes back is given up for the same share of the limit, so that all on a key come to the same pace.
pub const EVENED: u64 = 100_000;
/// Others use the key when what is left falls so much faster than is used here: 1.25.
pub const OTHERS: u64 = 1_250_000;
/// Of a key that is shared so many parts of a second's tokens stay in reserve: with 10 clients the level moves by as much.
pub const RESERVE: u64 = 10;
/// … and at least this.
pub const RESERVE_LEAST: u64 = 2 * ONE;
/// Each who shares a key adds this share of the limit a second.
pub const PACE_GROWTH: u64 = 10_000;
/// Whoever shares a key lowers its pace at once by so many thousandths at most: who reads seldom counts each reading as a
/// second.
pub const PACE_CUT_MOST: u64 = 200;
/// … and raises it by as many at most where less is used than may be.
pub const PACE_REGAIN: u64 = 100;
/// Growth a second of a shared pace while there is plenty.
pub const PACE_PLENTY: u64 = 600_000;
/// Two refusals within this time, though what was left allowed both attempts, show that others use the key.
pub const CAUGHT: u64 = 5_000;
/// What is left is spread over at most this time: nobody waits for what comes later.
pub const SPREAD: u64 = 300_000;
/// A shared pace never falls below limit / 200 by readings: many processes on one key need a low one.
pub const PACE_FLOOR: u64 = 200;
/// The first refusal where a gauge has a say lowers the pace to this share of what succeeded …
pub const REFUSED_FIRST: u64 = 850_000;
/// … and each one after it to this share of itself.
pub const REFUSED: u64 = 700_000;
/// In a pause one call goes after this time, and then after twice as long …
pub const PEEK: u64 = 5_000;
/// … up to this.
pub const PEEK_MOST: u64 = 60_000;
/// Where nothing is left and no rate is known, one call tries whether the next token came at this rate.
pub const TRY_RATE: u64 = 10 * ONE;
/// … and after this time at the latest.
pub const TRY_LATEST: u64 = 1_000;

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
pub const MAX_BREAKERS: usize = 64;
/// Origins of a drop-in with a breaker, budget and limiter of their own.
pub const MAX_ORIGINS: usize = 1_024;
/// Credentials with a token state of their own.
pub const MAX_CREDENTIALS: usize = 10_000;
const _: () = assert!(MAX_CREDENTIALS <= 1 << 16);
/// The largest policy file in bytes.
pub const MAX_POLICY: usize = 256 * 1024;
/// Routes of one policy.
pub const MAX_ROUTES: usize = 4_096;
/// The latest `now`, about 69 years in.
pub const MAX_NOW: u64 = 1 << 41;
