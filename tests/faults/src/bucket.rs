//! A rate limit as a server keeps it: a meter, and what the server says of it. The script has both ([`BucketScript`]).

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::dates;
use crate::gauge::{self, HOUR, Lines, ROOMY, Told};
use crate::meter::{Meter, meter};
use crate::script::{BucketScript, LimitSays, Moment, Quota, ResetOf, Shown};

#[derive(Debug)]
pub struct Bucket {
    script: BucketScript,
    meter: Box<dyn Meter>,
    start: Instant,
    /// Microseconds of the server's Unix clock at the start.
    unix: u64,
    /// Points that passed.
    passed: u64,
}

/// May the request pass, and what the bucket says of itself either way.
#[derive(Debug)]
pub struct Drawn {
    /// The status of the refusal; none: it may pass.
    pub refused: Option<u16>,
    pub headers: Lines,
    /// How long the request waits for its turn.
    pub wait: Duration,
    /// Whether the answer carries `Date`.
    pub dated: bool,
}

impl Bucket {
    /// Makes an unused one; `wall` is the true time at `start`.
    pub fn new(script: BucketScript, start: Instant, wall: SystemTime) -> Bucket {
        let true_unix = wall.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
        let unix = true_unix.saturating_add_signed(script.clock.saturating_mul(1_000));
        Bucket { meter: meter(&script), script, start, unix, passed: 0 }
    }

    /// Returns the time of the server's clock.
    fn clock(&self, now: Instant) -> u64 {
        self.unix + now.saturating_duration_since(self.start).as_micros() as u64
    }

    /// Draws one request at `now`.
    pub fn draw(&mut self, now: Instant) -> Drawn {
        let (now, cost) = (self.clock(now), u64::from(self.script.cost));
        let before = self.meter.room(now);
        let wait = self.meter.take(now, cost);
        let ready_at = if wait.is_some() { now } else { self.meter.ready_at(now, cost) };
        let mut headers = Lines::new();
        if wait.is_some() {
            self.passed += cost;
        }
        if self.script.shown == Shown::All || wait.is_none() {
            let told = self.told(now, before, ready_at);
            headers = gauge::gauge(&self.script, &told);
        }
        if wait.is_none() {
            headers.extend(gauge::refusal(&self.script, now, ready_at));
        }
        if self.script.date && self.script.clock != 0 {
            headers.push(("Date".into(), dates::imf(gauge::time(now))));
        }
        Drawn {
            refused: wait.is_none().then_some(self.script.status),
            headers,
            wait: Duration::from_micros(wait.unwrap_or(0)),
            dated: self.script.date,
        }
    }

    /// Learns until when a request that passed is at work.
    pub fn works_until(&mut self, end: Instant) {
        let end = self.clock(end);
        self.meter.works_until(end);
    }

    /// Returns the numbers that it tells; `before`: the room before this request, which passes at `ready_at`.
    fn told(&mut self, now: u64, before: u64, ready_at: u64) -> Told {
        let roomy = (ROOMY * 9 / 10).saturating_sub(self.passed);
        if self.script.quota == Quota::Other {
            return Told {
                now,
                limit: ROOMY,
                window: HOUR,
                remaining: roomy,
                reset_at: (now / HOUR + 1) * HOUR,
                roomy,
            };
        }
        let remaining = match self.script.remaining {
            Moment::After => self.meter.room(now),
            Moment::Before => before,
        };
        let reset_at = match self.script.reset {
            ResetOf::Full => self.meter.full_at(now),
            ResetOf::Next if ready_at > now => ready_at,
            ResetOf::Next => self.meter.next_at(now),
            ResetOf::End => self.meter.end_at(now),
            ResetOf::Window => now + self.script.per * 1_000,
            ResetOf::Absent => now,
        };
        let (limit, window) = self.limit();
        Told { now, limit, window, remaining, reset_at, roomy }
    }

    /// Returns limit and window as they are told.
    fn limit(&self) -> (u64, u64) {
        let (rate, per) = (u64::from(self.script.rate), self.script.per * 1_000);
        match (self.script.limit, self.script.burst) {
            (LimitSays::Burst, Some(burst)) => (burst.into(), u64::from(burst) * self.script.interval()),
            (LimitSays::OtherUnit, _) => {
                let other = if per < HOUR / 60 { HOUR / 60 } else { HOUR };
                ((rate * other / per).max(1), other)
            }
            (LimitSays::Burst | LimitSays::Window | LimitSays::Absent, _) => (rate, per),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00Z.
    const WALL: u64 = 1_767_225_600;

    /// A bucket and its clock.
    struct Played(Bucket, Instant);

    impl Played {
        fn of(text: &str) -> Played {
            let (start, wall) = (Instant::now(), UNIX_EPOCH + Duration::from_secs(WALL));
            Played(Bucket::new(serde_json::from_str(text).unwrap(), start, wall), start)
        }

        /// Draws at this millisecond: the status of a refusal, and the values of the header lines.
        fn draw(&mut self, ms: u64) -> (Option<u16>, String) {
            let drawn = self.0.draw(self.1 + Duration::from_millis(ms));
            let values: Vec<String> = drawn.headers.into_iter().map(|(_, value)| value).collect();
            (drawn.refused, values.join(" | "))
        }

        fn values(&mut self, ms: u64) -> String {
            self.draw(ms).1
        }
    }

    #[test]
    fn a_token_bucket_refuses_when_empty_and_grows_back() {
        let mut bucket = Played::of(r#"{"rate":2,"burst":2,"headers":"ratelimit"}"#);
        assert_eq!(bucket.draw(0), (None, "\"default\";q=2;w=1 | \"default\";r=1;t=1".into()));
        assert_eq!(bucket.draw(0).0, None);
        assert_eq!(bucket.draw(0), (Some(429), "\"default\";q=2;w=1 | \"default\";r=0;t=1 | 1".into()));
        assert_eq!(bucket.draw(499).0, Some(429));
        assert_eq!(bucket.draw(501).0, None);
    }

    #[test]
    fn a_window_starts_full_and_starts_again() {
        let mut bucket =
            Played::of(r#"{"rate":1,"per":2000,"kind":"window","headers":"x-ratelimit","retryAfter":"ms"}"#);
        assert_eq!(bucket.draw(0), (None, "1 | 0 | 2".into()));
        assert_eq!(bucket.draw(500), (Some(429), "1 | 0 | 2 | 2 | 1500".into()));
        assert_eq!(bucket.draw(2000).0, None);
    }

    #[test]
    fn a_rate_that_does_not_divide_a_second_is_told_in_whole_seconds() {
        let mut bucket = Played::of(r#"{"rate":30,"burst":30,"headers":"ratelimit"}"#);
        let last = (0..30).map(|_| bucket.draw(0)).last();
        assert_eq!(last, Some((None, "\"default\";q=30;w=1 | \"default\";r=0;t=1".into())));
    }

    #[test]
    fn limit_is_the_burst_the_window_s_or_another_unit_s() {
        let limit = |options: &str| Played::of(&format!(r#"{{"rate":50,"burst":10,{options}}}"#)).values(0);
        assert_eq!(limit(r#""limit":"burst""#), "\"default\";q=10;w=1 | \"default\";r=9;t=1");
        assert_eq!(limit(r#""limit":"window""#), "\"default\";q=50;w=1 | \"default\";r=9;t=1");
        assert_eq!(limit(r#""limit":"other-unit""#), "\"default\";q=3000;w=60 | \"default\";r=9;t=1");
        assert_eq!(limit(r#""limit":"other-unit","per":60000"#), "\"default\";q=3000;w=3600 | \"default\";r=9;t=2");
    }

    #[test]
    fn remaining_is_counted_after_or_before_the_request() {
        let remaining = |moment: &str| {
            let mut bucket = Played::of(&format!(r#"{{"rate":2,"headers":"shopify","remaining":"{moment}"}}"#));
            [0, 0, 0].map(|ms| bucket.values(ms))
        };
        assert_eq!(remaining("after"), ["1/2", "2/2", "2/2 | 1"]);
        assert_eq!(remaining("before"), ["0/2", "1/2", "2/2 | 1"]);
    }

    #[test]
    fn reset_names_the_time_that_the_script_says() {
        // Of 4 requests, the first half a second before the others.
        let reset = |options: &str| {
            let mut bucket = Played::of(&format!(
                r#"{{"rate":5,"per":5000,"headers":"x-ratelimit","resetAs":"delta-ms","limit":"absent",{options}}}"#
            ));
            [0, 500, 500, 500].map(|ms| bucket.values(ms))[3].clone()
        };
        for (of, expected) in [("full", 3500), ("next", 500), ("end", 3500), ("window", 5000)] {
            assert_eq!(reset(&format!(r#""reset":"{of}""#)), format!("1 | {expected}"), "token {of}");
        }
        for (of, expected) in [("full", 5000), ("next", 4500), ("end", 4500), ("window", 5000)] {
            assert_eq!(reset(&format!(r#""kind":"log","reset":"{of}""#)), format!("1 | {expected}"), "log {of}");
        }
        for (of, expected) in [("full", 4500), ("next", 4500), ("end", 4500), ("window", 5000)] {
            assert_eq!(reset(&format!(r#""kind":"window","reset":"{of}""#)), format!("1 | {expected}"), "window {of}");
        }
        assert_eq!(reset(r#""reset":"absent""#), "1");
    }

    #[test]
    fn another_quota_is_told_instead_of_the_one_that_binds() {
        let mut bucket =
            Played::of(r#"{"rate":1,"headers":"x-ratelimit","quota":"other","resetAs":"epoch","retryAfter":false}"#);
        assert_eq!(bucket.draw(1), (None, "100000 | 89999 | 1767229200".into()));
        assert_eq!(bucket.draw(2), (Some(429), "100000 | 89999 | 1767229200".into()));
    }

    #[test]
    fn headers_may_stand_on_errors_only() {
        let mut bucket = Played::of(r#"{"rate":1,"headers":"x-ratelimit","shown":"errors"}"#);
        assert_eq!(bucket.draw(0), (None, String::new()));
        assert_eq!(bucket.draw(0), (Some(429), "1 | 0 | 1 | 1".into()));
    }

    #[test]
    fn a_clock_that_is_wrong_shifts_dates_and_epochs() {
        let script = |more: &str| {
            let text = format!(r#"{{"rate":1,"headers":"github","retryAfter":"date","clock":-40000{more}}}"#);
            let mut bucket = Played::of(&text);
            let _ = bucket.draw(0);
            bucket.draw(0)
        };
        let (epoch, retry) = (WALL - 39, "Wed, 31 Dec 2025 23:59:21 GMT");
        let date = "Wed, 31 Dec 2025 23:59:20 GMT";
        assert_eq!(script(""), (Some(429), format!("1 | 0 | {epoch} | core | {retry} | {date}")));
        assert_eq!(script(r#","date":false"#), (Some(429), format!("1 | 0 | {epoch} | core | {retry}")));
    }

    #[test]
    fn a_costly_request_takes_its_cost() {
        let mut bucket = Played::of(r#"{"rate":10,"cost":4,"headers":"shopify","limit":"window"}"#);
        assert_eq!([0; 3].map(|ms| bucket.draw(ms).0), [None, None, Some(429)]);
        assert_eq!(bucket.values(0), "8/10 | 1");
        assert_eq!([199, 200].map(|ms| bucket.draw(ms).0), [Some(429), None]);
    }

    #[test]
    fn a_leaky_bucket_delays_and_a_cap_frees_places() {
        let mut leaky = Played::of(r#"{"rate":50,"burst":3,"kind":"leaky"}"#);
        let waits = [0; 3].map(|_| leaky.0.draw(leaky.1).wait.as_millis());
        assert_eq!(waits, [0, 20, 40]);
        let mut cap = Played::of(r#"{"rate":1,"kind":"concurrency","headers":"x-ratelimit"}"#);
        assert_eq!(cap.draw(0).0, None);
        cap.0.works_until(cap.1 + Duration::from_millis(100));
        assert_eq!(cap.draw(99), (Some(429), "1 | 0 | 1 | 1".into()));
        assert_eq!(cap.draw(100).0, None);
    }
}
