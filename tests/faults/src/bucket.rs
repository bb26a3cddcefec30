//! A rate limit as a server keeps it: a token bucket or fixed windows, told in the headers of a family.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::script::{BucketKind, BucketScript, Family, Millis, RetryAfter};

#[derive(Debug)]
pub struct Bucket {
    script: BucketScript,
    /// Requests left; fractions are tokens still growing.
    left: f64,
    /// When `left` was true (token), or when the window began.
    since: Option<Instant>,
}

/// May the request pass, and what the bucket says of itself either way.
#[derive(Debug)]
pub struct Drawn {
    /// The status of the refusal; none: it may pass.
    pub refused: Option<u16>,
    pub headers: Vec<(String, String)>,
}

impl Bucket {
    pub fn new(script: BucketScript) -> Bucket {
        Bucket { left: f64::from(script.burst.unwrap_or(script.rate)), script, since: None }
    }

    fn capacity(&self) -> f64 {
        f64::from(self.script.burst.unwrap_or(self.script.rate))
    }

    /// Milliseconds that one token takes to grow.
    fn interval(&self) -> f64 {
        self.script.per as f64 / f64::from(self.script.rate)
    }

    /// Draws one request at `now`.
    pub fn draw(&mut self, now: Instant) -> Drawn {
        self.refill(now);
        let passes = self.left >= 1.0;
        if passes {
            self.left -= 1.0;
        }
        let mut headers = self.gauge(now);
        if !passes {
            let wait = self.next(now);
            match self.script.retry_after {
                RetryAfter::Seconds(false) => {}
                RetryAfter::Seconds(true) => headers.push(("Retry-After".into(), seconds(wait).to_string())),
                RetryAfter::Millis(Millis::Ms) => {
                    headers.push(("Retry-After".into(), seconds(wait).to_string()));
                    headers.push(("Retry-After-Ms".into(), (wait.ceil() as u64).max(1).to_string()));
                }
            }
        }
        Drawn { refused: (!passes).then_some(self.script.status), headers }
    }

    fn refill(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let passed = now.saturating_duration_since(since);
        match self.script.kind {
            BucketKind::Token => {
                self.left = (self.left + passed.as_secs_f64() * 1000.0 / self.interval()).min(self.capacity());
                self.since = Some(now);
            }
            BucketKind::Window => {
                let windows = passed.as_millis() as u64 / self.script.per;
                if windows > 0 {
                    self.left = self.capacity();
                    self.since = Some(since + Duration::from_millis(windows * self.script.per));
                }
            }
        }
    }

    /// Milliseconds until one more request may pass.
    fn next(&self, now: Instant) -> f64 {
        match self.script.kind {
            BucketKind::Token => (1.0 - self.left) * self.interval(),
            BucketKind::Window => self.window_left(now),
        }
    }

    fn window_left(&self, now: Instant) -> f64 {
        let begun = self.since.unwrap_or(now);
        self.script.per as f64 - now.saturating_duration_since(begun).as_secs_f64() * 1000.0
    }

    /// Milliseconds until all requests are there again.
    fn full(&self, now: Instant) -> f64 {
        match self.script.kind {
            BucketKind::Token => (self.capacity() - self.left) * self.interval(),
            BucketKind::Window => self.window_left(now),
        }
    }

    fn gauge(&self, now: Instant) -> Vec<(String, String)> {
        let limit = self.capacity() as u64;
        let left = self.left as u64;
        let reset = seconds(self.full(now));
        let window = match self.script.kind {
            BucketKind::Token => seconds(self.capacity() * self.interval()),
            BucketKind::Window => seconds(self.script.per as f64),
        };
        let plain = |prefix: &str, reset: u64| {
            vec![
                (format!("{prefix}-Limit"), limit.to_string()),
                (format!("{prefix}-Remaining"), left.to_string()),
                (format!("{prefix}-Reset"), reset.to_string()),
            ]
        };
        match self.script.headers {
            Family::None => Vec::new(),
            Family::Ratelimit => vec![
                ("RateLimit-Policy".into(), format!("\"default\";q={limit};w={window}")),
                ("RateLimit".into(), format!("\"default\";r={left};t={reset}")),
            ],
            Family::RatelimitFields => plain("RateLimit", reset),
            Family::XRatelimit => plain("X-RateLimit", reset),
            Family::Github => {
                let epoch = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
                let mut headers = plain("X-RateLimit", epoch + reset);
                headers.push(("X-RateLimit-Resource".into(), "core".into()));
                headers
            }
        }
    }
}

/// Whole seconds, rounded up, at least 1: what a server says.
fn seconds(millis: f64) -> u64 {
    ((millis / 1000.0).ceil() as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(text: &str) -> Bucket {
        Bucket::new(serde_json::from_str(text).unwrap())
    }

    fn header<'a>(drawn: &'a Drawn, name: &str) -> &'a str {
        drawn.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    #[test]
    fn a_token_bucket_refuses_when_empty_and_grows_back() {
        let mut bucket = bucket(r#"{"rate":2,"burst":2,"headers":"ratelimit"}"#);
        let start = Instant::now();
        let first = bucket.draw(start);
        assert_eq!(first.refused, None);
        assert_eq!(header(&first, "RateLimit"), "\"default\";r=1;t=1");
        assert_eq!(header(&first, "RateLimit-Policy"), "\"default\";q=2;w=1");
        assert_eq!(bucket.draw(start).refused, None);
        let third = bucket.draw(start);
        assert_eq!(third.refused, Some(429));
        assert_eq!(header(&third, "Retry-After"), "1");
        assert_eq!(bucket.draw(start + Duration::from_millis(499)).refused, Some(429));
        assert_eq!(bucket.draw(start + Duration::from_millis(501)).refused, None);
    }

    #[test]
    fn a_window_starts_full_and_starts_again() {
        let mut bucket = bucket(r#"{"rate":1,"per":2000,"kind":"window","headers":"x-ratelimit","retryAfter":"ms"}"#);
        let start = Instant::now();
        assert_eq!(bucket.draw(start).refused, None);
        let second = bucket.draw(start + Duration::from_millis(500));
        assert_eq!(second.refused, Some(429));
        assert_eq!(header(&second, "Retry-After-Ms"), "1500");
        assert_eq!(header(&second, "Retry-After"), "2");
        assert_eq!(header(&second, "X-RateLimit-Remaining"), "0");
        assert_eq!(bucket.draw(start + Duration::from_millis(2000)).refused, None);
    }
}
