//! What a server counts: requests of a rate limit, and requests at work.

use super::effect::{Limit, LimitKind};

/// The state of one rate limit.
#[derive(Debug, Clone)]
pub struct Meter {
    window: u64,
    taken: u64,
    tokens: f64,
    at: u64,
    /// It allows nothing more until then.
    pub full_until: u64,
}

/// What became of one request at a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub allowed: bool,
    /// Requests that it still allows.
    pub left: u64,
    /// Milliseconds until it allows more.
    pub wait: u64,
}

impl Meter {
    /// Makes a meter that has seen nothing.
    #[must_use]
    pub fn new(limit: &Limit) -> Self {
        Self { window: u64::MAX, taken: 0, tokens: limit.allows as f64, at: 0, full_until: 0 }
    }

    /// Counts a request.
    pub fn take(&mut self, limit: &Limit, now: u64) -> Taken {
        match limit.kind {
            LimitKind::Window => self.take_of_window(limit, now),
            LimitKind::Bucket => self.take_of_bucket(limit, now),
        }
    }

    fn take_of_window(&mut self, limit: &Limit, now: u64) -> Taken {
        let window = now / limit.per;
        if window != self.window {
            (self.window, self.taken) = (window, 0);
        }
        let allowed = self.taken < limit.allows;
        self.taken += u64::from(allowed);
        let (left, end) = (limit.allows - self.taken, (window + 1) * limit.per);
        if left == 0 {
            self.full_until = end;
        }
        Taken { allowed, left, wait: end - now }
    }

    fn take_of_bucket(&mut self, limit: &Limit, now: u64) -> Taken {
        let rate = limit.allows as f64 / limit.per as f64;
        self.tokens = (self.tokens + (now - self.at) as f64 * rate).min(limit.burst as f64);
        self.at = now;
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        let left = self.tokens as u64;
        let wait = (((1.0 - self.tokens) / rate) as i64 + 1).max(1) as u64;
        if left == 0 {
            self.full_until = now + wait;
        }
        Taken { allowed, left, wait }
    }
}

/// Requests at work, by the times at which they end.
#[derive(Debug, Clone, Default)]
pub struct AtWork {
    /// In order.
    ends: Vec<u64>,
    /// The server refuses or delays requests until then.
    pub full_until: u64,
}

impl AtWork {
    /// Forgets those that have ended and counts the others.
    pub fn count(&mut self, now: u64) -> usize {
        let ended = self.ends.partition_point(|end| *end <= now);
        self.ends.drain(..ended);
        self.ends.len()
    }

    /// Adds a request that ends then.
    pub fn add(&mut self, end: u64) {
        let place = self.ends.partition_point(|other| *other <= end);
        self.ends.insert(place, end);
    }

    /// Returns when the first request ends.
    #[must_use]
    pub fn first_end(&self) -> u64 {
        self.ends.first().copied().unwrap_or(0)
    }

    /// Returns when the last request ends.
    #[must_use]
    pub fn last_end(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Returns when one of so many workers is free for a new request.
    #[must_use]
    pub fn free_at(&self, workers: usize, now: u64) -> u64 {
        self.ends.len().checked_sub(workers).and_then(|place| self.ends.get(place)).map_or(now, |end| now.max(*end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fates::how::How;

    fn limit(kind: LimitKind, allows: u64, burst: u64) -> Limit {
        Limit {
            kind,
            allows,
            per: 1_000,
            burst,
            how: How::Status(429),
            retry_after: None,
            gauge: None,
            each: false,
            date: false,
        }
    }

    #[test]
    fn a_window_allows_so_many_and_starts_anew() {
        let limit = limit(LimitKind::Window, 2, 1);
        let mut meter = Meter::new(&limit);
        let mut take = |now| meter.take(&limit, now);
        assert_eq!(take(100), Taken { allowed: true, left: 1, wait: 900 });
        assert_eq!(take(200), Taken { allowed: true, left: 0, wait: 800 });
        assert_eq!(take(999), Taken { allowed: false, left: 0, wait: 1 });
        assert_eq!(take(1_000), Taken { allowed: true, left: 1, wait: 1_000 });
    }

    #[test]
    fn a_bucket_allows_its_burst_and_then_its_rate() {
        let limit = limit(LimitKind::Bucket, 10, 2);
        let mut meter = Meter::new(&limit);
        let allowed = |meter: &mut Meter, now| meter.take(&limit, now).allowed;
        assert!(allowed(&mut meter, 0) && allowed(&mut meter, 0) && !allowed(&mut meter, 0));
        assert_eq!(meter.full_until, 101);
        assert!(!allowed(&mut meter, 99) && allowed(&mut meter, 101));
    }

    #[test]
    fn work_is_counted_until_it_ends() {
        let mut work = AtWork::default();
        for end in [30, 10, 20] {
            work.add(end);
        }
        assert_eq!((work.first_end(), work.free_at(2, 5), work.free_at(4, 5)), (10, 20, 5));
        assert_eq!(work.count(10), 2);
    }
}
