//! One rate-limit bucket: GCRA with a pause, a rate that is documented, learned or told by the server's gauge.
//!
//! The state is the theoretical arrival time `tat` in nanoseconds: with `n` tokens drawn and `i` nanoseconds a token,
//! a call of cost `c` may start when `tat − (burst − c) · i ≤ now`. A pause moves `tat` so that the bucket is empty at its
//! end. A change of rate keeps tokens, not times.

use crate::config;
use crate::defaults::{LEARN_FLOOR, LEARN_LEAST, LEARN_SLICE, ONE, SHORT_WINDOW, SLICES};
use crate::failure::codes;
use crate::headers::rate_limit::Reading;
use crate::policy::window::Window;

const NANOS: u64 = 1_000_000;

/// Nanoseconds a token at one millionth of a token a second.
const MICRO_RATE: u64 = 1_000_000_000_000_000;

/// A window for a server that names none: the least of these that holds the largest reset seen.
const WINDOWS: [u64; 7] = [1_000, 10_000, 60_000, 300_000, 900_000, 3_600_000, 86_400_000];

/// Where the rate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// No rate is known: only pauses hold back.
    Unknown,
    /// From successes at the first 429; `grown_until` is where its growth by the second stands.
    Learned { grown_until: u64 },
    /// The policy's, or the server's own words: `interval` and window of the full limit.
    Documented { interval: u64, window: u64 },
}

/// One bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    source: Source,
    /// Nanoseconds a token at present; 0 = no rate.
    interval: u64,
    /// Millionths of a token.
    burst: u64,
    fixed_burst: Option<u64>,
    headroom: u64,
    in_policy: bool,
    tat: u64,
    /// The latest draw by which time alone had made good what was drawn before: a permit older than that is no token
    /// any more, and giving it back would let more than the limit through.
    refilled_at: u64,
    /// Nanoseconds of `tat` drawn since then.
    returnable: u64,
    paused_until: u64,
    /// The attempt whose reading began the present pause, and the pause before it.
    paused_by: u64,
    paused_before: u64,
    /// Order of sending of the latest reading, and when it came.
    read_seq: u64,
    read_at: Option<u64>,
    largest_reset: u64,
    /// Remaining and limit of the latest reading.
    told: (u64, u64),
    /// When the first reading came.
    first_read_at: u64,
    /// When a window of the server began, where what is left jumps as no bucket refills.
    window_began: Option<u64>,
    successes: Window,
}

codes! {
    /// What a 429 did to a bucket, for an event.
    Change {
        /// Nothing that was not so already.
        None = 0 "none",
        Paused = 1 "paused",
        Learned = 2 "learned",
        Halved = 3 "halved",
    }
}

impl Bucket {
    /// Full. `None`: the implicit bucket of an API without `limits`.
    #[must_use]
    pub fn new(limit: Option<&config::Limit>) -> Self {
        let headroom = limit.map_or(crate::defaults::HEADROOM, |limit| u64::from(limit.headroom));
        let fixed_burst = limit.and_then(|limit| limit.burst).map(|burst| u64::from(burst).wrapping_mul(ONE));
        let mut bucket = Self {
            source: Source::Unknown,
            interval: 0,
            burst: fixed_burst.unwrap_or(ONE),
            fixed_burst,
            headroom,
            in_policy: false,
            tat: 0,
            refilled_at: 0,
            returnable: 0,
            paused_until: 0,
            paused_by: 0,
            paused_before: 0,
            read_seq: 0,
            read_at: None,
            largest_reset: 0,
            told: (0, 0),
            first_read_at: 0,
            window_began: None,
            successes: Window::new(LEARN_SLICE),
        };
        if let Some((count, per)) = limit.and_then(|limit| limit.rate) {
            bucket.in_policy = true;
            bucket.document(0, u64::from(count).wrapping_mul(ONE), per);
        }
        bucket
    }

    /// The documented limit: `limit` millionths of a token in `window` milliseconds.
    fn document(&mut self, now: u64, limit: u64, window: u64) {
        let interval = ratio(nanos(window), ONE, limit.max(1)).max(1);
        let known = self.source;
        if known == (Source::Documented { interval, window }) {
            return;
        }
        self.source = Source::Documented { interval, window };
        let lowered = match known {
            // A limit that the server changes keeps the share of it that is used at present.
            Source::Documented { interval: old, .. } => ratio(self.interval, interval, old.max(1)),
            Source::Unknown | Source::Learned { .. } => ratio(interval, ONE, self.headroom.max(1)),
        };
        let spare = ratio(limit, ONE.saturating_sub(self.headroom), ONE).max(ONE);
        self.set_rate(now, lowered, self.fixed_burst.unwrap_or(spare));
    }

    /// Changes interval and burst; the tokens stay.
    fn set_rate(&mut self, now: u64, interval: u64, burst: u64) {
        let interval = interval.max(1);
        let base = nanos(now.max(self.paused_until));
        if self.interval == 0 {
            // Until now nothing was counted: full, or empty at the end of a pause.
            let empty = if self.paused_until > now { ratio(burst, interval, ONE) } else { 0 };
            self.tat = base.saturating_add(empty);
        } else {
            let behind = ratio(self.tat.saturating_sub(base), interval, self.interval);
            self.tat = base.saturating_add(behind);
        }
        self.interval = interval;
        self.burst = burst;
    }

    /// Nanoseconds that `cost` tokens and `ahead` of others take at an interval.
    fn nanos_of(&self, cost: u64, ahead: u64, interval: u64) -> u64 {
        // A cost above a learned burst is capped by it, else such a call could never start.
        let most = self.burst.max(ONE);
        // Costs have 32 bits.
        if cost.wrapping_mul(ONE) <= most {
            return cost.saturating_add(ahead).saturating_mul(interval);
        }
        ratio(most.saturating_add(ahead.saturating_mul(ONE)), interval, ONE)
    }

    /// The earliest millisecond at which `cost` can be drawn after `ahead` tokens of others; `now` = at once.
    #[must_use]
    pub fn ready_at(&self, now: u64, cost: u64, ahead: u64) -> u64 {
        if self.interval == 0 {
            return now.max(self.paused_until);
        }
        let interval = self.interval_at(now);
        let tat = if interval == self.interval { self.tat } else { self.rescaled(now, interval) };
        let need = self.nanos_of(cost, ahead, interval);
        let start = if ahead == 0 { tat } else { tat.max(nanos(now)) };
        let turn = start.saturating_add(need).saturating_sub(ratio(self.burst, interval, ONE));
        now.max(self.paused_until).max(turn.div_ceil(NANOS))
    }

    fn rescaled(&self, now: u64, interval: u64) -> u64 {
        let base = nanos(now.max(self.paused_until));
        base.saturating_add(ratio(self.tat.saturating_sub(base), interval, self.interval.max(1)))
    }

    /// A learned rate at this time: it grows by max(1/s, 5 %) each whole second from the pause's end.
    fn interval_at(&self, now: u64) -> u64 {
        let Source::Learned { grown_until } = self.source else { return self.interval };
        let mut interval = self.interval;
        let seconds = now.saturating_sub(grown_until) / 1_000;
        for _ in 0..seconds.min(200) {
            let rate = per(MICRO_RATE, interval);
            let grown = rate.saturating_add(tuned!(LEARN_GROWTH).max(ratio(rate, tuned!(LEARN_GROWTH_SHARE), ONE)));
            interval = per(MICRO_RATE, grown).max(1);
        }
        interval
    }

    /// Takes the growth so far into the state.
    fn grow(&mut self, now: u64) {
        if let Source::Learned { grown_until } = self.source {
            let interval = self.interval_at(now);
            if interval != self.interval {
                self.set_rate(now, interval, self.burst);
                let seconds = now.saturating_sub(grown_until) / 1_000;
                let grown_until = grown_until.saturating_add(seconds.saturating_mul(1_000));
                self.source = Source::Learned { grown_until };
            }
        }
    }

    /// Draws `cost` tokens.
    pub fn take(&mut self, now: u64, cost: u64) {
        self.grow(now);
        let drawn = self.nanos_of(cost, 0, self.interval);
        // All draws since then may come back, together; time must not have made good a part of any of them.
        if self.tat < nanos(now).saturating_add(self.returnable) {
            (self.refilled_at, self.returnable) = (now, 0);
        }
        self.returnable = self.returnable.saturating_add(drawn);
        self.tat = self.tat.max(nanos(now)).saturating_add(drawn);
    }

    /// Gives the `cost` tokens back that were drawn at `drawn_at`: the attempt was never sent.
    pub fn give_back(&mut self, cost: u64, drawn_at: u64) {
        if drawn_at < self.refilled_at {
            return;
        }
        // Never below what a pause left: the bucket is empty at its end.
        let floor = nanos(self.paused_until).saturating_add(ratio(self.burst, self.interval, ONE));
        let floor = if self.paused_until == 0 { 0 } else { floor.min(self.tat) };
        self.tat = self.tat.saturating_sub(self.nanos_of(cost, 0, self.interval)).max(floor);
    }

    /// What a single call draws at the most, in whole tokens.
    #[must_use]
    pub fn largest_cost(&self) -> u64 {
        self.burst.div_ceil(ONE).max(1)
    }

    /// A call succeeded: what a rate is learned from.
    pub fn succeeded(&mut self, now: u64) {
        self.successes.count(now);
    }

    /// Nobody starts before `until`; a pause is only ever moved later. The bucket is empty at its end.
    pub fn pause(&mut self, until: u64) {
        if until > self.paused_until {
            self.paused_until = until;
            let empty = ratio(self.burst, self.interval, ONE);
            self.tat = self.tat.max(nanos(until).saturating_add(empty));
            if let Source::Learned { .. } = self.source {
                self.source = Source::Learned { grown_until: until };
            }
        }
    }

    /// A 429 for an attempt sent at `sent_at` as number `seq` came now and pauses until `until`. One sent before or in a pause says
    /// nothing new about the rate.
    pub fn limited(&mut self, now: u64, seq: u64, sent_at: u64, until: u64) -> Change {
        self.grow(now);
        // A pause that this very answer's gauge began is no older pause.
        let known = if self.paused_by == seq { self.paused_before } else { self.paused_until };
        let news = known == 0 || sent_at >= known;
        let change = match self.source {
            Source::Unknown => {
                const SECONDS: u64 = LEARN_SLICE * SLICES as u64 / 1_000;
                self.successes.advance(now);
                let per_second = self.successes.sum().saturating_mul(tuned!(LEARN_SHARE)) / SECONDS;
                self.source = Source::Learned { grown_until: now };
                self.set_rate(now, per(MICRO_RATE, per_second.max(LEARN_LEAST)), self.fixed_burst.unwrap_or(ONE));
                Change::Learned
            }
            Source::Learned { .. } if news => {
                const SLOWEST: u64 = MICRO_RATE / LEARN_FLOOR;
                self.set_rate(now, self.interval.saturating_mul(2).min(SLOWEST), self.burst);
                Change::Halved
            }
            // Only a gauge lets a documented rate move.
            Source::Documented { interval, .. } if news && self.read_at.is_some() => {
                let slowest = interval.saturating_mul(tuned!(RATE_FLOOR));
                self.set_rate(now, self.interval.saturating_mul(2).min(slowest), self.burst);
                Change::Halved
            }
            Source::Learned { .. } | Source::Documented { .. } if until > self.paused_until => Change::Paused,
            Source::Learned { .. } | Source::Documented { .. } => Change::None,
        };
        self.pause(until);
        change
    }

    /// The gauge says how much is left. `seq`: order of sending; a reading older than what is known is ignored.
    pub fn read(&mut self, now: u64, seq: u64, reading: &Reading) {
        if self.read_at.is_some() && seq < self.read_seq {
            return;
        }
        self.read_seq = seq;
        let since = self.read_at.map(|at| now.saturating_sub(at));
        if since.is_none() {
            self.first_read_at = now;
        }
        self.read_at = Some(now);
        self.largest_reset = self.largest_reset.max(reading.reset.unwrap_or(0));
        let guessed = WINDOWS.iter().copied().find(|window| *window >= self.largest_reset);
        let documented_window = match self.source {
            Source::Documented { window, .. } if self.in_policy => Some(window),
            Source::Documented { .. } | Source::Unknown | Source::Learned { .. } => None,
        };
        let window = reading.window.or(documented_window).or(guessed.filter(|_| self.largest_reset > 0));
        if let (false, Some(limit), Some(window)) = (self.in_policy, reading.limit, window) {
            self.document(now, limit, window);
        }
        if let (Source::Documented { interval, window: full }, Some(window)) = (self.source, window) {
            let limit = reading.limit.unwrap_or_else(|| ratio(nanos(full), ONE, interval.max(1)));
            self.watch_window(now, since, reading.remaining, limit.max(1), window);
            self.steer(now, interval, since.unwrap_or(0).min(1_000), reading, limit.max(1), window);
        }
        if reading.remaining < ONE
            && let Some(reset) = reading.reset.filter(|reset| *reset > 0)
        {
            let until = self.empty_until(now, reset, window);
            (self.paused_by, self.paused_before) = (seq, self.paused_until);
            self.pause(until);
        }
    }

    /// A fixed window shows itself: what is left jumps by more than a bucket could have refilled.
    fn watch_window(&mut self, now: u64, since: Option<u64>, remaining: u64, limit: u64, window: u64) {
        let (before, same) = self.told;
        self.told = (remaining, limit);
        let Some(since) = since.filter(|_| same == limit) else { return };
        let refilled = ratio(limit, since, window.max(1));
        let noise = (limit / 4).max(2_000_000);
        if remaining > before.saturating_add(refilled).saturating_add(noise) {
            self.window_began = Some(now);
        }
    }

    /// Until when a bucket that told of nothing left stays so: its reset, which is whole seconds and too coarse for a
    /// short window, or that window's end. Where none began yet, none that was on at the first reading outlives it by
    /// more than its own length.
    fn empty_until(&self, now: u64, reset: u64, window: Option<u64>) -> u64 {
        let told = now.saturating_add(reset);
        // A longer reset than such a window rounded up is no rounding.
        let coarse = |window: &u64| *window < SHORT_WINDOW && reset <= window.div_ceil(1_000).saturating_mul(1_000);
        let Some(window) = window.filter(coarse) else { return told };
        let since = now.saturating_sub(self.window_began.unwrap_or(self.first_read_at));
        let late = window / 8;
        if self.window_began.is_none() && since >= window.saturating_add(late) {
            return told;
        }
        let passed = since.checked_rem(window).unwrap_or(0);
        // Just begun, and empty: the answer left the server before.
        if passed < late && (since >= window || self.window_began.is_some()) {
            return now.saturating_add(1);
        }
        now.saturating_add(window).saturating_sub(passed).min(told)
    }

    /// The share of the server's window that is still to come, and by how much less may be left; `None` = a token bucket,
    /// as far as is known.
    fn even(&self, now: u64, reset: Option<u64>, window: u64) -> Option<(u64, u64)> {
        if window >= SHORT_WINDOW {
            let even = ratio(reset.unwrap_or(window), ONE, window).min(ONE);
            return Some((even, tuned!(EVEN_SLACK)));
        }
        let passed = now.saturating_sub(self.window_began?).checked_rem(window)?;
        Some((ratio(window.saturating_sub(passed), ONE, window), 0))
    }

    /// Additive increase ahead of even use, multiplicative decrease behind it.
    fn steer(&mut self, now: u64, full: u64, since: u64, reading: &Reading, limit: u64, window: u64) {
        let left = ratio(reading.remaining, ONE, limit).min(ONE);
        let (ahead, growth, shortfall) = match self.even(now, reading.reset, window) {
            // What a short window is shows itself when the next one begins.
            None if left < tuned!(SHORT_AHEAD) && now.saturating_sub(self.first_read_at) < window => return,
            None => {
                let shortfall = ratio(tuned!(SHORT_AHEAD).saturating_sub(left), tuned!(DECREASE_SHORT), ONE);
                (left >= tuned!(SHORT_AHEAD), tuned!(GROWTH_SHORT), shortfall)
            }
            Some((even, slack)) => {
                let behind = ONE.saturating_sub(ratio(left, ONE, even.max(1)).min(ONE));
                let ahead = left >= even.saturating_sub(slack);
                (ahead, tuned!(GROWTH), ratio(behind, tuned!(DECREASE), ONE))
            }
        };
        let interval = if ahead {
            // rate + g·full rate: 1 / (1/interval + g/full) = interval · full / (full + g · interval)
            let grown =
                full.saturating_add(ratio(self.interval, growth.saturating_mul(since), ONE.saturating_mul(1_000)));
            ratio(self.interval, full, grown.max(1))
        } else {
            let cut = ratio(shortfall, since, 1_000).min(tuned!(DECREASE_MOST));
            ratio(self.interval, ONE, ONE.saturating_sub(cut).max(1))
        };
        let interval = interval.clamp(full, full.saturating_mul(tuned!(RATE_FLOOR)));
        if interval != self.interval {
            self.set_rate(now, interval, self.burst);
        }
    }

    /// Tokens (millionths) at hand, `None` = no rate is known.
    #[must_use]
    pub fn tokens(&self, now: u64) -> Option<u64> {
        if self.interval == 0 {
            return None;
        }
        let behind = self.tat.saturating_sub(nanos(now));
        Some(self.burst.saturating_sub(ratio(behind, ONE, self.interval)))
    }

    /// Millionths of a token a second, `None` = not known.
    #[must_use]
    pub fn rate(&self, now: u64) -> Option<u64> {
        (self.interval != 0).then(|| per(MICRO_RATE, self.interval_at(now)))
    }

    /// Milliseconds of pause left.
    #[must_use]
    pub fn paused(&self, now: u64) -> u64 {
        self.paused_until.saturating_sub(now)
    }
}

/// Milliseconds as nanoseconds; times end at 2^41 and waits as well, so that no sum of two comes near the edge.
const fn nanos(milliseconds: u64) -> u64 {
    milliseconds.wrapping_mul(NANOS)
}

/// `a / b`, rounded down; b = 0 counts as 1.
fn per(a: u64, b: u64) -> u64 {
    a.checked_div(b.max(1)).unwrap_or(a)
}

/// `a · b / c`, rounded up, saturating; c = 0 counts as 1.
#[inline(never)]
fn ratio(a: u64, b: u64, c: u64) -> u64 {
    let c = c.max(1);
    if let Some(product) = a.checked_mul(b) {
        return product.div_ceil(c);
    }
    // Long division of the 128 bits by hand: the compiler's own is ten times the code of this one.
    let product = u128::from(a).wrapping_mul(u128::from(b));
    let (mut rest, mut low) = ((product >> 64) as u64, product as u64);
    if rest >= c {
        return u64::MAX;
    }
    for _ in 0..64 {
        let over = rest >> 63 == 1;
        rest = rest << 1 | low >> 63;
        low <<= 1;
        if over || rest >= c {
            rest = rest.wrapping_sub(c);
            low |= 1;
        }
    }
    low.saturating_add(u64::from(rest > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, draw};
    use std::string::String;

    fn limit(rate: u32, per: u64, burst: Option<u32>) -> config::Limit {
        let gauge = config::Gauge::None;
        config::Limit { name: String::from("a"), rate: Some((rate, per)), burst, headroom: 1_000_000, cost: 1, gauge }
    }

    #[test]
    fn gcra_equals_a_plain_token_bucket() {
        for (rate, per, burst) in [(10_u32, 1_000_u64, 1_u32), (7, 1_000, 3), (1_000, 1_000, 50), (1, 5_000, 2)] {
            let mut bucket = Bucket::new(Some(&limit(rate, per, Some(burst))));
            // Tokens in units of 1 / per, so that a millisecond fills `rate` of them.
            let (mut tokens, mut at) = (u64::from(burst) * per, 0_u64);
            for i in 0..5_000 {
                let now = at + draw(9, i, 1, Purpose::Backoff, per / u64::from(rate) + 1);
                tokens = (tokens + (now - at) * u64::from(rate)).min(u64::from(burst) * per);
                at = now;
                let ready = bucket.ready_at(now, 1, 0);
                // GCRA rounds the interval up to whole nanoseconds, so it may be late by a millisecond, never early.
                assert!(ready > now || tokens >= per, "early at {now}: {tokens}");
                assert!(ready <= now + 1 || tokens < per, "late at {now}: {ready}");
                if ready <= now {
                    bucket.take(now, 1);
                    tokens -= per;
                }
            }
        }
    }

    #[test]
    fn no_window_ever_holds_more_than_the_limit() {
        let mut lowered = limit(100, 1_000, None);
        lowered.headroom = 800_000;
        let mut bucket = Bucket::new(Some(&lowered));
        let mut sent = std::vec::Vec::new();
        let mut now = 0;
        while now < 20_000 {
            now = bucket.ready_at(now, 1, 0);
            bucket.take(now, 1);
            sent.push(now);
            if sent.len() % 137 == 0 {
                now += 400;
            }
        }
        for (i, first) in sent.iter().enumerate() {
            let inside = sent[i..].iter().take_while(|at| **at < first + 1_000).count();
            assert!(inside <= 101, "{inside} from {first}");
        }
    }

    #[test]
    fn a_pause_empties_the_bucket_and_only_moves_later() {
        let mut bucket = Bucket::new(Some(&limit(10, 1_000, Some(5))));
        bucket.pause(2_000);
        bucket.pause(1_000);
        assert_eq!(bucket.ready_at(0, 1, 0), 2_100);
        assert_eq!(bucket.ready_at(0, 1, 3), 2_400);
    }

    #[test]
    fn a_given_back_token_is_there_again() {
        let mut bucket = Bucket::new(Some(&limit(1, 1_000, Some(1))));
        bucket.take(0, 1);
        assert_eq!(bucket.ready_at(0, 1, 0), 1_000);
        bucket.give_back(1, 0);
        assert_eq!(bucket.ready_at(0, 1, 0), 0);
    }

    #[test]
    fn a_permit_that_time_made_good_is_no_token_any_more() {
        let mut bucket = Bucket::new(Some(&limit(1, 1_000, Some(2))));
        bucket.take(0, 1);
        bucket.take(10_000, 1);
        bucket.take(10_000, 1);
        bucket.give_back(1, 0);
        assert_eq!(bucket.ready_at(10_000, 1, 0), 11_000);
        bucket.give_back(1, 10_000);
        assert_eq!(bucket.ready_at(10_000, 1, 0), 10_000);
    }

    #[test]
    fn a_ratio_equals_that_of_wider_numbers() {
        for i in 0..20_000 {
            let any = |k| draw(5, i, k, Purpose::Backoff, u64::MAX) >> (draw(6, i, k, Purpose::Backoff, 63));
            let (a, b, c) = (any(1), any(2), any(3).max(1));
            let exact = (u128::from(a) * u128::from(b)).div_ceil(u128::from(c));
            assert_eq!(ratio(a, b, c), u64::try_from(exact).unwrap_or(u64::MAX), "{a} {b} {c}");
        }
        assert_eq!(ratio(u64::MAX, u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn the_extremes_do_not_overflow() {
        let mut slow = Bucket::new(Some(&limit(1, 2_678_400_000, Some(1_000_000_000))));
        let mut fast = Bucket::new(Some(&limit(1_000_000_000, 1, Some(1_000_000_000))));
        for now in [0, 1, 1 << 40, crate::defaults::MAX_NOW] {
            for bucket in [&mut slow, &mut fast] {
                bucket.take(now, 1_000_000);
                bucket.pause(now + 5);
                bucket.limited(now, 1, now, crate::defaults::MAX_NOW);
                assert!(bucket.ready_at(now, 1, 1_000) >= now);
                bucket.give_back(1_000_000, now);
            }
        }
    }
}
