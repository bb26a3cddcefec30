//! What a limited server counts with: one struct per algorithm. Times are microseconds of the server's Unix clock, which
//! never steps back; costs are whole points.

mod windows;

use std::fmt::Debug;

use self::windows::{Counter, Fixed, Log};
use crate::script::{BucketKind, BucketScript};

/// What every algorithm answers.
pub trait Meter: Debug + Send {
    /// Returns how many points would pass at once.
    fn room(&mut self, now: u64) -> u64;
    /// Counts a request that passes. Returns how long it waits at the server.
    fn add(&mut self, now: u64, cost: u64) -> u64;
    /// Returns the earliest time at which a request of this cost would pass, if no other one came.
    fn ready_at(&mut self, now: u64, cost: u64) -> u64;
    /// Returns when it is as if unused.
    fn full_at(&mut self, now: u64) -> u64;
    /// Returns when its window ends; of a sliding log when its oldest entry does, of a bucket when it is full.
    fn end_at(&mut self, now: u64) -> u64;
    /// Learns until when a request that passed is at work.
    fn works_until(&mut self, _end: u64) {}

    /// Counts a request, or refuses it (`None`). Returns how long it waits at the server.
    fn take(&mut self, now: u64, cost: u64) -> Option<u64> {
        (self.room(now) >= cost).then(|| self.add(now, cost))
    }

    /// Returns when one more point would pass than at present.
    fn next_at(&mut self, now: u64) -> u64 {
        if self.full_at(now) == now {
            return now;
        }
        let more = self.room(now) + 1;
        self.ready_at(now, more)
    }
}

/// Makes the meter of a script, unused.
pub fn meter(script: &BucketScript) -> Box<dyn Meter> {
    let (limit, per) = (u64::from(script.rate), script.per * 1_000);
    let refill = |queues| Refill { interval: script.interval(), burst: script.capacity(), queues, due: 0 };
    match script.kind {
        BucketKind::Token | BucketKind::Gcra => Box::new(refill(false)),
        BucketKind::Leaky => Box::new(refill(true)),
        BucketKind::Window => Box::new(Fixed::new(limit, per, script.aligned)),
        BucketKind::Log => Box::new(Log::new(limit, per)),
        BucketKind::Counter => Box::new(Counter::new(limit, per)),
        BucketKind::Concurrency => Box::new(Cap { limit, ends: Vec::new() }),
    }
}

/// Token bucket, GCRA and leaky bucket: all of them refill evenly, and know how far the requests are ahead of that.
#[derive(Debug)]
struct Refill {
    /// What one point takes to refill.
    interval: u64,
    burst: u64,
    /// An early request waits for its turn at the server; else it passes at once.
    queues: bool,
    /// When all is refilled (GCRA: the theoretical arrival time).
    due: u64,
}

impl Meter for Refill {
    fn room(&mut self, now: u64) -> u64 {
        self.burst.saturating_sub(self.due.saturating_sub(now).div_ceil(self.interval))
    }

    fn add(&mut self, now: u64, cost: u64) -> u64 {
        let ahead = self.due.saturating_sub(now);
        self.due = now + ahead + cost * self.interval;
        if self.queues { ahead } else { 0 }
    }

    fn ready_at(&mut self, now: u64, cost: u64) -> u64 {
        now.max(self.due.saturating_sub(self.burst.saturating_sub(cost) * self.interval))
    }

    fn full_at(&mut self, now: u64) -> u64 {
        now.max(self.due)
    }

    fn end_at(&mut self, now: u64) -> u64 {
        self.full_at(now)
    }
}

/// So many requests at work at a time.
#[derive(Debug)]
struct Cap {
    limit: u64,
    /// When each request at work ends, ascending.
    ends: Vec<u64>,
}

impl Meter for Cap {
    fn room(&mut self, now: u64) -> u64 {
        self.ends.retain(|end| *end > now);
        self.limit.saturating_sub(self.ends.len() as u64)
    }

    fn add(&mut self, _now: u64, _cost: u64) -> u64 {
        0
    }

    fn ready_at(&mut self, now: u64, cost: u64) -> u64 {
        if self.room(now) >= cost { now } else { self.ends.first().copied().unwrap_or(now) }
    }

    fn full_at(&mut self, now: u64) -> u64 {
        self.room(now);
        self.ends.last().copied().unwrap_or(now)
    }

    fn end_at(&mut self, now: u64) -> u64 {
        self.full_at(now)
    }

    fn works_until(&mut self, end: u64) {
        let place = self.ends.partition_point(|other| *other <= end);
        self.ends.insert(place, end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the clock stands at the start: a multiple of the windows below.
    const START: u64 = 1_767_225_600_000_000;

    /// A meter and its clock in milliseconds from the start.
    struct Played(Box<dyn Meter>);

    impl Played {
        fn of(text: &str) -> Played {
            Played(meter(&serde_json::from_str(text).unwrap()))
        }

        /// Takes one point; the milliseconds that it waits, or `None`.
        fn take(&mut self, ms: u64) -> Option<u64> {
            self.0.take(START + ms * 1_000, 1).map(|wait| wait / 1_000)
        }

        /// How many points pass one by one at this time.
        fn pass(&mut self, ms: u64) -> u64 {
            (0..).take_while(|_| self.take(ms).is_some()).count() as u64
        }

        /// Room, and in how many ms one passes, one more passes, its window ends and all is as if unused.
        fn told(&mut self, ms: u64) -> [u64; 5] {
            let now = START + ms * 1_000;
            let times = [self.0.ready_at(now, 1), self.0.next_at(now), self.0.end_at(now), self.0.full_at(now)];
            let [ready, next, end, full] = times.map(|at| (at - now) / 1_000);
            [self.0.room(now), ready, next, end, full]
        }
    }

    #[test]
    fn a_token_bucket_gives_its_burst_and_then_its_rate() {
        for kind in ["token", "gcra"] {
            let mut bucket = Played::of(&format!(r#"{{"rate":50,"burst":10,"kind":"{kind}"}}"#));
            assert_eq!(bucket.told(0), [10, 0, 0, 0, 0]);
            assert_eq!(bucket.pass(0), 10);
            assert_eq!(bucket.told(0), [0, 20, 20, 200, 200]);
            assert_eq!(bucket.take(19), None);
            assert_eq!(bucket.take(20), Some(0));
            assert_eq!(bucket.pass(120), 5);
            assert_eq!(bucket.pass(9_000), 10, "no more than the burst");
        }
    }

    #[test]
    fn a_leaky_bucket_makes_requests_wait_for_their_turn() {
        let mut bucket = Played::of(r#"{"rate":50,"burst":3,"kind":"leaky"}"#);
        assert_eq!([0; 4].map(|ms| bucket.take(ms)), [Some(0), Some(20), Some(40), None]);
        assert_eq!(bucket.told(0), [0, 20, 20, 60, 60]);
        assert_eq!(bucket.take(30), Some(30));
    }

    #[test]
    fn a_fixed_window_begins_with_its_first_request() {
        let mut window = Played::of(r#"{"rate":3,"per":1000,"kind":"window"}"#);
        assert_eq!(window.pass(700), 3);
        assert_eq!(window.told(1_000), [0, 700, 700, 700, 700]);
        assert_eq!((window.take(1_699), window.pass(1_900)), (None, 3));
        assert_eq!(window.told(2_000), [0, 900, 900, 900, 900]);
    }

    #[test]
    fn an_aligned_window_begins_with_the_clock_s_second() {
        let mut window = Played::of(r#"{"rate":3,"per":1000,"kind":"window","aligned":true}"#);
        assert_eq!(window.pass(700), 3);
        assert_eq!(window.told(700), [0, 300, 300, 300, 300]);
        assert_eq!(window.pass(1_000), 3);
    }

    #[test]
    fn a_sliding_log_frees_each_request_after_the_window() {
        let mut log = Played::of(r#"{"rate":3,"per":1000,"kind":"log"}"#);
        assert_eq!([0, 300, 600, 900].map(|ms| log.take(ms)), [Some(0), Some(0), Some(0), None]);
        assert_eq!(log.told(900), [0, 100, 100, 100, 700]);
        assert_eq!([1_000, 1_001].map(|ms| log.take(ms)), [Some(0), None]);
        assert_eq!(log.told(1_301), [1, 0, 299, 299, 699]);
    }

    #[test]
    fn a_sliding_counter_fades_the_window_before() {
        let mut counter = Played::of(r#"{"rate":10,"per":1000,"kind":"counter"}"#);
        assert_eq!(counter.pass(900), 10);
        assert_eq!(counter.told(900), [0, 200, 200, 100, 1_100]);
        assert_eq!((counter.pass(1_000), counter.pass(1_099)), (0, 0));
        assert_eq!(counter.pass(1_500), 5);
        assert_eq!(counter.told(1_500), [0, 100, 100, 500, 1_500]);
        assert_eq!(counter.pass(4_000), 10, "two windows later nothing is left of it");
    }

    #[test]
    fn a_cap_counts_requests_at_work() {
        let mut cap = Played::of(r#"{"rate":2,"kind":"concurrency"}"#);
        for end in [500, 300] {
            assert_eq!(cap.take(0), Some(0));
            cap.0.works_until(START + end * 1_000);
        }
        assert_eq!(cap.take(0), None);
        assert_eq!(cap.told(0), [0, 300, 300, 500, 500]);
        assert_eq!(cap.take(300), Some(0));
    }

    #[test]
    fn a_costly_request_needs_room_for_all_of_its_cost() {
        for kind in ["token", "window", "log", "counter", "leaky", "gcra"] {
            let mut meter = meter(&serde_json::from_str(&format!(r#"{{"rate":10,"kind":"{kind}"}}"#)).unwrap());
            let passed = [3, 3, 3, 3].map(|cost| meter.take(START, cost).is_some());
            assert_eq!(passed, [true, true, true, false], "{kind}");
            assert_eq!(meter.room(START), 1, "{kind}");
            let ready = meter.ready_at(START, 3);
            assert!(meter.take(ready - 1_000, 3).is_none() && meter.take(ready, 3).is_some(), "{kind}");
        }
    }
}
