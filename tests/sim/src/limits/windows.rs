//! Algorithms that count requests in a window: fixed window, sliding log, sliding counter.

use super::meter::Rule;
use std::collections::VecDeque;

/// So many in each window; nothing is carried over.
#[derive(Debug, Clone)]
pub struct Fixed {
    pub limit: u64,
    pub window: u64,
    /// Windows begin at multiples of their length on a clock that is so far ahead; `None` = with the first request.
    pub aligned: Option<u64>,
    start: Option<u64>,
    used: u64,
}

impl Fixed {
    /// Makes an unused one.
    #[must_use]
    pub fn new(limit: u64, window: u64, aligned: Option<u64>) -> Self {
        Self { limit, window, aligned, start: None, used: 0 }
    }

    /// Forgets a window that is over.
    fn pass(&mut self, now: u64) {
        let start = match (self.aligned, self.start) {
            (Some(ahead), _) => Some(aligned_start(now, ahead, self.window)),
            (None, Some(start)) if now < start + self.window => Some(start),
            (None, _) => None,
        };
        if start != self.start {
            self.used = 0;
        }
        self.start = start;
    }
}

/// Returns when the window began in which `now` is; 0 where that was before time began.
fn aligned_start(now: u64, ahead: u64, window: u64) -> u64 {
    now.saturating_sub((now + ahead) % window)
}

impl Rule for Fixed {
    fn take(&mut self, now: u64, cost: u64) -> Option<u64> {
        self.pass(now);
        let fits = self.used + cost <= self.limit;
        if fits {
            self.start = self.start.or(Some(now));
            self.used += cost;
        }
        fits.then_some(0)
    }

    fn ready_at(&mut self, now: u64, cost: u64) -> u64 {
        self.pass(now);
        if self.used + cost <= self.limit { now } else { self.end_at(now) }
    }

    fn room(&mut self, now: u64) -> u64 {
        self.pass(now);
        self.limit - self.used
    }

    fn full_at(&mut self, now: u64) -> u64 {
        if self.room(now) == self.limit { now } else { self.end_at(now) }
    }

    fn end_at(&mut self, now: u64) -> u64 {
        self.pass(now);
        match self.aligned {
            Some(ahead) => now + self.window - (now + ahead) % self.window,
            None => self.start.unwrap_or(now) + self.window,
        }
    }
}

/// So many in any window: each request is remembered until it is too old.
#[derive(Debug, Clone)]
pub struct Log {
    pub limit: u64,
    pub window: u64,
    taken: VecDeque<(u64, u64)>,
    used: u64,
}

impl Log {
    /// Makes an unused one.
    #[must_use]
    pub fn new(limit: u64, window: u64) -> Self {
        Self { limit, window, taken: VecDeque::new(), used: 0 }
    }

    fn pass(&mut self, now: u64) {
        while let Some(&(at, cost)) = self.taken.front()
            && at + self.window <= now
        {
            self.used -= cost;
            self.taken.pop_front();
        }
    }
}

impl Rule for Log {
    fn take(&mut self, now: u64, cost: u64) -> Option<u64> {
        self.pass(now);
        let fits = self.used + cost <= self.limit;
        if fits {
            self.used += cost;
            self.taken.push_back((now, cost));
        }
        fits.then_some(0)
    }

    fn ready_at(&mut self, now: u64, cost: u64) -> u64 {
        self.pass(now);
        let mut excess = (self.used + cost).saturating_sub(self.limit);
        for (at, old) in &self.taken {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(*old);
            if excess == 0 {
                return at + self.window;
            }
        }
        now
    }

    fn room(&mut self, now: u64) -> u64 {
        self.pass(now);
        self.limit - self.used
    }

    fn full_at(&mut self, now: u64) -> u64 {
        self.pass(now);
        self.taken.back().map_or(now, |(at, _)| at + self.window)
    }

    fn end_at(&mut self, now: u64) -> u64 {
        self.pass(now);
        self.taken.front().map_or(now, |(at, _)| at + self.window)
    }
}

/// The count of this window and of the part of the one before that a sliding window would still hold.
#[derive(Debug, Clone)]
pub struct Counter {
    pub limit: u64,
    pub window: u64,
    pub ahead: u64,
    /// Number of the present window.
    number: u64,
    before: u64,
    used: u64,
}

impl Counter {
    /// Makes an unused one on a clock that is so far ahead.
    #[must_use]
    pub fn new(limit: u64, window: u64, ahead: u64) -> Self {
        Self { limit, window, ahead, number: ahead / window, before: 0, used: 0 }
    }

    fn pass(&mut self, now: u64) {
        let number = (now + self.ahead) / self.window;
        if number != self.number {
            self.before = if number == self.number + 1 { self.used } else { 0 };
            (self.number, self.used) = (number, 0);
        }
    }

    /// What counts at present, in requests times the window's milliseconds.
    fn counted(&self, now: u64) -> u64 {
        let passed = (now + self.ahead) % self.window;
        self.before * (self.window - passed) + self.used * self.window
    }
}

/// Returns when `before` requests of the window before have faded to `left`: milliseconds from the start of the window.
fn faded(before: u64, left: u64, window: u64) -> u64 {
    if before <= left { 0 } else { window - left * window / before }
}

impl Rule for Counter {
    fn take(&mut self, now: u64, cost: u64) -> Option<u64> {
        self.pass(now);
        let fits = self.counted(now) + cost * self.window <= self.limit * self.window;
        if fits {
            self.used += cost;
        }
        fits.then_some(0)
    }

    fn ready_at(&mut self, now: u64, cost: u64) -> u64 {
        self.pass(now);
        if let Some(left) = self.limit.checked_sub(self.used + cost) {
            let at = faded(self.before, left, self.window);
            if at < self.window {
                return now.max((self.number * self.window + at).saturating_sub(self.ahead));
            }
        }
        let at = faded(self.used, self.limit.saturating_sub(cost), self.window);
        (self.number + 1) * self.window + at - self.ahead
    }

    fn room(&mut self, now: u64) -> u64 {
        self.pass(now);
        (self.limit * self.window).saturating_sub(self.counted(now)) / self.window
    }

    fn full_at(&mut self, now: u64) -> u64 {
        self.pass(now);
        let windows = if self.used > 0 { 2 } else { u64::from(self.before > 0) };
        if windows == 0 { now } else { (self.number + windows) * self.window - self.ahead }
    }

    fn end_at(&mut self, now: u64) -> u64 {
        self.pass(now);
        (self.number + 1) * self.window - self.ahead
    }
}
