//! One rate-limit bucket. Three meters hold a call back: what the policy documents, a pace that follows the server's gauge, and a
//! rate that refusals taught. A pause holds back all calls until its end, except one now and then that tries. A cap holds back
//! what would be too much in flight. `core/manual/rate-limits.md` has the rules and the reason for each number.

mod cap;
mod gauge;
mod learned;
mod meter;
mod reading;
mod refusal;

use crate::config;
use crate::defaults::{CAP_LOOK, HEADROOM, ONE, PEEK, PEEK_MOST, RECENT};
use crate::failure::codes;
use alloc::boxed::Box;
use cap::Cap;
use gauge::Gauge;
use learned::Learned;
use meter::{Meter, ratio};

/// What came with a reading.
#[derive(Debug, Clone, Copy)]
pub struct Came {
    /// Its attempt succeeded.
    pub success: bool,
    /// When its attempt was sent.
    pub sent_at: u64,
    /// Milliseconds that the answer asks to wait.
    pub wait: Option<u64>,
}

/// The bits of an attempt's number that hold how many were in flight with it; those above count attempts.
const IN_FLIGHT: u64 = 1_023;

/// Returns the number of the `sequence`-th attempt, sent with so many in flight.
#[must_use]
pub fn numbered(sequence: u64, in_flight: u32) -> u64 {
    sequence << 10 | u64::from(in_flight).min(IN_FLIGHT)
}

/// Returns how many attempts were in flight when this one was sent, with it.
const fn in_flight_of(seq: u64) -> u32 {
    (seq & IN_FLIGHT) as u32
}

/// What a success changed.
#[derive(Debug, Clone, Copy)]
pub struct Success {
    /// It ended a pause.
    pub ends_pause: bool,
    /// It took the say from the gauge.
    pub ignores_gauge: bool,
}

/// A refused attempt.
#[derive(Debug, Clone, Copy)]
pub struct Refused {
    /// Its number in the order of sending.
    pub seq: u64,
    /// When its call may go again.
    pub until: u64,
    /// The server named that time.
    pub named: bool,
}

/// A time in which no call starts, except one now and then that tries.
#[derive(Debug, Clone, Copy)]
struct Pause {
    until: u64,
    /// The last attempt sent before it: an answer to a later one shows whether it is needed.
    seq: u64,
    /// When one call may try.
    peek_at: u64,
    peeks: u8,
    /// The gauge showed nothing left: the pause ends when it shows something.
    by_gauge: bool,
    /// An event has reported it, as it is.
    is_reported: bool,
}

/// A bucket: its meters, what they follow, and its pause.
#[derive(Debug, Clone)]
pub struct Bucket {
    documented: Meter,
    /// Rate of the whole documented limit; 0 = none.
    full: u64,
    /// The latest draw by which time alone had made good what was drawn before: a permit older than that is no token
    /// any more, and giving it back would let more than the limit through.
    refilled_at: u64,
    /// Nanoseconds of the documented meter drawn since then.
    returnable: u64,
    paced: Meter,
    /// Made at the first reading, as most servers send no gauge.
    gauge: Option<Box<Gauge>>,
    /// Made at the first refusal.
    refusals: Option<Box<Refusals>>,
    /// Attempts with a lower number were sent before what is known now: their refusals say nothing new.
    news_from: u64,
    in_flight: u32,
    pause: Pause,
    refused_at: Option<u64>,
    /// When an attempt was refused that what was left allowed.
    caught_at: Option<u64>,
    /// Millionths drawn so far, the number of the attempt drawn for last, and when.
    drawn: u64,
    sent_seq: u64,
    sent_at: u64,
    successes: Recent,
}

/// What refusals taught.
#[derive(Debug, Clone)]
struct Refusals {
    learned: Learned,
    cap: Cap,
}

/// How many succeeded in the present five seconds and in those before.
#[derive(Debug, Clone, Copy)]
struct Recent {
    since: u64,
    before: u32,
    count: u32,
}

impl Recent {
    #[inline]
    fn pass(&mut self, now: u64) {
        let passed = now.saturating_sub(self.since);
        if passed >= RECENT {
            let before = if passed < RECENT.saturating_mul(2) { self.count } else { 0 };
            let since = if self.since == 0 || before == 0 { now } else { self.since.saturating_add(RECENT) };
            *self = Self { since, before, count: 0 };
        }
    }

    fn count(&mut self, now: u64) {
        self.pass(now);
        self.count = self.count.saturating_add(1);
    }

    /// Returns successes a second over both, in millionths, or over the time since the first one, a second at least.
    fn rate(mut self, now: u64) -> u64 {
        self.pass(now);
        let time = now.saturating_sub(self.since).saturating_add(if self.before > 0 { RECENT } else { 0 });
        let count = u64::from(self.before).saturating_add(self.count.into());
        ratio(count.saturating_mul(ONE), 1_000, time.max(1_000))
    }
}

codes! {
    /// What a 429 did to a bucket, for an event.
    Change {
        /// Nothing that was not so already.
        None = 0 "none",
        Paused = 1 "paused",
        Learned = 2 "learned",
        Lowered = 3 "lowered",
        /// The gauge of a bucket contradicts the answers, or is gone: it has no say any more.
        Ignored = 4 "gauge-ignored",
    }
}

impl Bucket {
    /// Full. `None`: the implicit bucket of an API without `limits`.
    #[must_use]
    pub fn new(limit: Option<&config::Limit>) -> Self {
        let headroom = limit.map_or(HEADROOM, |limit| u64::from(limit.headroom));
        let mut bucket = Self {
            documented: Meter::OFF,
            full: 0,
            refilled_at: 0,
            returnable: 0,
            paced: Meter::OFF,
            gauge: None,
            refusals: None,
            news_from: 0,
            in_flight: 0,
            pause: Pause { until: 0, seq: 0, peek_at: 0, peeks: 0, by_gauge: false, is_reported: false },
            refused_at: None,
            caught_at: None,
            drawn: 0,
            sent_seq: 0,
            sent_at: 0,
            successes: Recent { since: 0, before: 0, count: 0 },
        };
        if let Some(limit) = limit
            && let Some((count, window)) = limit.rate
        {
            let whole = u64::from(count).wrapping_mul(ONE);
            bucket.full = ratio(whole, 1_000, window);
            let spare = ratio(whole, ONE.saturating_sub(headroom), ONE);
            let burst = limit.burst.map_or(spare, |burst| u64::from(burst).wrapping_mul(ONE));
            bucket.documented.set(0, ratio(whole, headroom.saturating_mul(1_000), window.saturating_mul(ONE)), burst);
        }
        bucket
    }

    /// Returns the earliest millisecond at which `cost` can be drawn after `ahead` tokens of others; `now` = at once.
    #[must_use]
    pub fn ready_at(&self, now: u64, cost: u64, ahead: u64) -> u64 {
        if !self.admits(now) {
            return now.saturating_add(CAP_LOOK);
        }
        let mut ready = self.paced.ready_at(now, cost, ahead);
        if ready > now
            && let Some(gauge) = &self.gauge
            && gauge.remaining >= ONE
        {
            // While something is left one a second goes and reads.
            let turn = ahead.saturating_add(1).saturating_mul(1_000);
            ready = ready.min(self.sent_at.saturating_add(turn).max(now));
        }
        if let Some(refusals) = &self.refusals {
            ready = ready.max(refusals.learned.at(now).ready_at(now, cost, ahead));
        }
        ready.max(self.surely_after(now, cost, ahead))
    }

    /// Tells whether no cap on what is in flight holds the next attempt back.
    fn admits(&self, now: u64) -> bool {
        let refused = self.refusals.as_ref().is_some_and(|refusals| !refusals.cap.admits(now, self.in_flight));
        !refused && self.gauge_cap().is_none_or(|cap| u64::from(self.in_flight) < cap)
    }

    /// Returns the cap that the gauge counts, lowered to one below the least that was refused.
    fn gauge_cap(&self) -> Option<u64> {
        let cap = self.gauge.as_ref()?.cap()?;
        let refused = self.refusals.as_ref().map_or(u64::MAX, |refusals| refusals.cap.least_refused());
        Some(cap.min(refused.saturating_sub(1)).max(1))
    }

    /// Returns the millisecond before which `cost` can not be drawn after `ahead` tokens of others, whatever is learned until
    /// then: what the policy documents and what the server asked for, but not a pace.
    #[must_use]
    pub fn surely_after(&self, now: u64, cost: u64, ahead: u64) -> u64 {
        let Pause { until, peek_at, .. } = self.pause;
        if until == 0 || (now < until && peek_at < until) {
            return if until == 0 { 0 } else { peek_at }.max(self.documented.ready_at(now, cost, ahead));
        }
        until.max(self.documented.emptied_at(until).ready_at(now, cost, ahead))
    }

    /// Draws `cost` tokens for attempt `seq`.
    #[inline]
    pub fn take(&mut self, now: u64, cost: u64, seq: u64) {
        self.end_pause(now);
        if self.pause.until > now {
            let Pause { peek_at, peeks, .. } = &mut self.pause;
            *peek_at = now.saturating_add(PEEK.checked_shl(u32::from(*peeks)).unwrap_or(PEEK_MOST).min(PEEK_MOST));
            *peeks = peeks.saturating_add(1).min(8);
        }
        self.drawn = self.drawn.saturating_add(cost.saturating_mul(ONE));
        self.in_flight = self.in_flight.saturating_add(1);
        (self.sent_seq, self.sent_at) = (seq | IN_FLIGHT, now);
        if self.documented.is_on() {
            // All draws since then may come back, together; time must not have made good a part of any of them.
            if self.documented.made_good(now, self.returnable) {
                (self.refilled_at, self.returnable) = (now, 0);
            }
            self.returnable = self.returnable.saturating_add(self.documented.take(now, cost));
        }
        if self.paced.is_on() {
            self.paced.take(now, cost);
        }
        if let Some(refusals) = &mut self.refusals {
            refusals.cap.sent(now, self.in_flight);
            refusals.learned.grow(now);
            refusals.learned.meter.take(now, cost);
        }
    }

    /// Returns how many attempts are in flight.
    #[must_use]
    pub const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// So many attempts were in flight before there was this bucket.
    pub const fn joined(&mut self, in_flight: u32) {
        self.in_flight = in_flight;
    }

    /// An attempt ended.
    #[inline]
    pub const fn attempt_ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Tells whether a cap holds calls back, so that one may go when one in flight ends.
    #[must_use]
    pub fn has_cap(&self) -> bool {
        self.refusals.as_ref().is_some_and(|refusals| refusals.cap.is_on()) || self.gauge_cap().is_some()
    }

    /// Gives the `cost` tokens back that were drawn at `drawn_at`: the attempt was never sent.
    pub fn give_back(&mut self, cost: u64, drawn_at: u64) {
        if drawn_at >= self.refilled_at {
            self.documented.give_back(cost);
        }
    }

    /// Returns what a single call draws at the most, in whole tokens.
    #[must_use]
    pub fn largest_cost(&self) -> u64 {
        self.documented.burst().div_ceil(ONE).max(1)
    }

    /// Counts the success of attempt `seq`.
    #[inline]
    pub fn succeeded(&mut self, now: u64, seq: u64) -> Success {
        self.successes.count(now);
        if let Some(refusals) = &mut self.refusals {
            refusals.learned.succeeded();
            if refusals.cap.succeeded(now, seq, in_flight_of(seq), self.sent_seq.saturating_add(1)) {
                refusals.learned = Learned::NOTHING;
            }
        }
        let mut ignores_gauge = false;
        if let Some(gauge) = &mut self.gauge {
            ignores_gauge = gauge.succeeded();
            if !gauge.speaks() {
                self.paced = Meter::OFF;
            }
        }
        let ends_pause = self.pause.until > now && seq > self.pause.seq;
        if ends_pause {
            // It was not needed: what is documented is as full as before.
            self.pause.until = 0;
        }
        Success { ends_pause, ignores_gauge }
    }

    /// Lets no call start before `until`, but one at `peek_at`, and then one after 5, 10, 20, 40 and each 60 s. A pause is only ever
    /// moved later. What is documented is empty at its end.
    pub fn pause(&mut self, now: u64, until: u64, peek_at: u64) {
        self.end_pause(now);
        if self.pause.until <= now {
            let until = self.pause.until;
            self.pause = Pause { until, seq: self.sent_seq, peek_at, peeks: 0, by_gauge: false, is_reported: false };
        } else if self.pause.peek_at == u64::MAX && peek_at >= now.saturating_add(PEEK) {
            // A pause in which no call may try goes on as one in which some may.
            self.pause.peek_at = peek_at;
        }
        self.pause.is_reported &= until <= self.pause.until;
        self.pause.until = self.pause.until.max(until);
        if let Some(refusals) = &mut self.refusals {
            refusals.learned.pause(self.pause.until);
        }
    }

    /// Tells whether a reading may end the pause before its time: then it does not hold a call that the server gave a time.
    #[must_use]
    pub const fn may_end_by_reading(&self) -> bool {
        self.pause.by_gauge
    }

    #[inline]
    fn end_pause(&mut self, now: u64) {
        if self.pause.until > 0 && self.pause.until <= now {
            self.documented = self.documented.emptied_at(self.pause.until);
            self.pause.until = 0;
        }
    }

    /// Returns the tokens (millionths) at hand, `None` = no rate is known.
    #[must_use]
    pub fn tokens(&self, now: u64) -> Option<u64> {
        let learned = self.refusals.as_ref().map_or(Meter::OFF, |refusals| refusals.learned.meter);
        [&self.documented, &self.paced, &learned]
            .into_iter()
            .filter(|meter| meter.is_on())
            .map(|meter| meter.tokens(now))
            .min()
    }

    /// Returns millionths of a token a second, `None` = not known.
    #[must_use]
    pub fn rate(&self, now: u64) -> Option<u64> {
        let learned = self.refusals.as_ref().map_or(Meter::OFF, |refusals| refusals.learned.at(now));
        [self.documented, self.paced, learned].into_iter().filter(Meter::is_on).map(|meter| meter.rate()).min()
    }

    /// Tells whether a refused call finds its turn here, by a rate or a cap.
    #[must_use]
    pub fn is_rated(&self, now: u64) -> bool {
        self.has_cap() || self.rate(now).is_some()
    }

    /// Tells whether it pauses until a time that no event has reported, and counts it as reported.
    pub const fn reports_pause(&mut self, now: u64) -> bool {
        let is_news = self.pause.until > now && !self.pause.is_reported;
        self.pause.is_reported = true;
        is_news
    }

    /// Returns the milliseconds of pause left.
    #[must_use]
    pub const fn paused(&self, now: u64) -> u64 {
        self.pause.until.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::rate_limit::Reading;
    use std::string::String;

    fn limit(rate: u32, per: u64, burst: Option<u32>) -> config::Limit {
        let gauge = config::Gauge::None;
        config::Limit { name: String::from("a"), rate: Some((rate, per)), burst, headroom: ONE as u32, cost: 1, gauge }
    }

    const fn reading(remaining: u64, limit: u64, reset: u64, window: u64) -> Reading {
        Reading {
            remaining: remaining * ONE,
            limit: if limit > 0 { Some(limit * ONE) } else { None },
            reset: if reset > 0 { Some(reset) } else { None },
            window: if window > 0 { Some(window) } else { None },
        }
    }

    /// Returns the number of the `n`-th attempt, sent alone.
    const fn nth(n: u64) -> u64 {
        n << 10 | 1
    }

    const GOOD: Came = Came { success: true, sent_at: 0, wait: None };

    /// Calls one after the other until a time, each answered after a millisecond with what `left` says. Returns how many went.
    fn call(bucket: &mut Bucket, until: u64, mut left: impl FnMut(u64) -> Reading) -> u64 {
        let (mut now, mut sent) = (0, 0);
        loop {
            now = bucket.ready_at(now, 1, 0);
            if now >= until {
                return sent;
            }
            sent += 1;
            bucket.take(now, 1, nth(sent));
            now += 1;
            bucket.attempt_ended();
            bucket.read(now, nth(sent), &left(now), GOOD);
            bucket.succeeded(now, nth(sent));
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
            bucket.take(now, 1, 1);
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
        bucket.pause(0, 2_000, u64::MAX);
        bucket.pause(0, 1_000, u64::MAX);
        assert_eq!(bucket.ready_at(0, 1, 0), 2_100);
        assert_eq!(bucket.ready_at(0, 1, 3), 2_400);
    }

    #[test]
    fn in_a_long_pause_one_call_goes_now_and_then_and_its_success_ends_it() {
        let mut bucket = Bucket::new(None);
        bucket.take(0, 1, nth(1));
        bucket.limited(0, Refused { seq: nth(1), until: 3_600_000, named: true });
        let mut went = std::vec::Vec::new();
        let mut now = 0;
        for seq in 2..9 {
            now = bucket.ready_at(now, 1, 0);
            bucket.take(now, 1, nth(seq));
            went.push(now / 1_000);
        }
        assert_eq!(went, [5, 10, 20, 40, 80, 140, 200]);
        assert!(!bucket.succeeded(now, nth(1)).ends_pause, "sent before the pause");
        assert!(bucket.succeeded(now, nth(8)).ends_pause);
        assert_eq!((bucket.ready_at(now, 1, 0), bucket.paused(now)), (now, 0));
    }

    #[test]
    fn a_given_back_token_is_there_again() {
        let mut bucket = Bucket::new(Some(&limit(1, 1_000, Some(1))));
        bucket.take(0, 1, 1);
        assert_eq!(bucket.ready_at(0, 1, 0), 1_000);
        bucket.give_back(1, 0);
        assert_eq!(bucket.ready_at(0, 1, 0), 0);
    }

    #[test]
    fn a_permit_that_time_made_good_is_no_token_any_more() {
        let mut bucket = Bucket::new(Some(&limit(1, 1_000, Some(2))));
        bucket.take(0, 1, 1);
        bucket.take(10_000, 1, 2);
        bucket.take(10_000, 1, 3);
        bucket.give_back(1, 0);
        assert_eq!(bucket.ready_at(10_000, 1, 0), 11_000);
        bucket.give_back(1, 10_000);
        assert_eq!(bucket.ready_at(10_000, 1, 0), 10_000);
    }

    #[test]
    fn one_refusal_alone_costs_nobody_anything() {
        let mut bucket = Bucket::new(None);
        bucket.limited(0, Refused { seq: 1, until: 1_000, named: false });
        assert_eq!((bucket.ready_at(0, 1, 0), bucket.rate(0)), (0, None));
        (0..30).for_each(|i| assert!(!bucket.succeeded(2_000 + i, 2).ends_pause));
        assert_eq!(bucket.limited(3_000, Refused { seq: 2, until: 4_000, named: false }), Change::None);
        assert_eq!(bucket.limited(3_100, Refused { seq: 3, until: 4_000, named: false }), Change::Learned);
    }

    #[test]
    fn a_gauge_with_plenty_left_holds_nobody_back() {
        let mut left = 5_000;
        let sent = call(&mut Bucket::new(None), 2_500, |_| {
            left -= 1;
            reading(left, 5_000, 3_600_000, 3_600_000)
        });
        assert_eq!(sent, 2_500, "half of it");
    }

    #[test]
    fn while_something_is_left_one_a_second_goes() {
        let mut left = 100_u64;
        let sent = call(&mut Bucket::new(None), 60_000, |now| {
            left = left.saturating_sub(1);
            reading(left, 1_000, 86_400_000 - now, 86_400_000)
        });
        assert!(sent >= 100, "{sent}");
    }

    #[test]
    fn a_gauge_at_nothing_beside_successes_loses_its_say() {
        let sent = call(&mut Bucket::new(None), 10_000, |_| reading(0, 100, 3_600_000, 3_600_000));
        assert!(sent > 8_900, "{sent}");
    }

    #[test]
    fn the_extremes_do_not_overflow() {
        let mut slow = Bucket::new(Some(&limit(1, 2_678_400_000, Some(1_000_000_000))));
        let mut fast = Bucket::new(Some(&limit(1_000_000_000, 1, Some(1_000_000_000))));
        let most = Reading { remaining: u64::MAX, limit: Some(u64::MAX), reset: Some(1 << 41), window: Some(1) };
        for now in [0, 1, 1 << 40, crate::defaults::MAX_NOW] {
            for bucket in [&mut slow, &mut fast] {
                bucket.take(now, 1_000_000, 1);
                bucket.read(now, 1, &most, GOOD);
                bucket.read(now, 2, &reading(0, 1, 1 << 41, 1 << 41), GOOD);
                bucket.pause(now, now + 5, now);
                bucket.limited(now, Refused { seq: 2, until: crate::defaults::MAX_NOW, named: true });
                bucket.limited(now, Refused { seq: 3, until: crate::defaults::MAX_NOW, named: false });
                assert!(bucket.ready_at(now, 1, 1_000) >= now);
                bucket.give_back(1_000_000, now);
            }
        }
    }
}
