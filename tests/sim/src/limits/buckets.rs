//! Algorithms that refill with time: token bucket, GCRA, leaky bucket with a queue. And the cap on requests at work.
//! A token is `window` units, so that a millisecond refills `limit` of them: all numbers are whole.

use super::meter::Rule;
use crate::fates::meter::AtWork;

/// Tokens that refill evenly.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Tokens that a window refills.
    pub limit: u64,
    pub window: u64,
    pub burst: u64,
    /// Units at hand at that time.
    units: u64,
    at: u64,
}

impl Bucket {
    /// Makes a full one.
    #[must_use]
    pub fn new(limit: u64, window: u64, burst: u64) -> Self {
        Self { limit, window, burst, units: burst * window, at: 0 }
    }

    fn pass(&mut self, now: u64) {
        self.units = (self.units + (now - self.at) * self.limit).min(self.burst * self.window);
        self.at = now;
    }

    /// Returns when there are so many units.
    fn filled_at(&self, units: u64) -> u64 {
        self.at + units.saturating_sub(self.units).div_ceil(self.limit)
    }
}

impl Rule for Bucket {
    fn take(&mut self, now: u64, cost: u64) -> Option<u64> {
        self.pass(now);
        self.units = self.units.checked_sub(cost * self.window)?;
        Some(0)
    }

    fn ready_at(&mut self, now: u64, cost: u64) -> u64 {
        self.pass(now);
        self.filled_at(cost * self.window)
    }

    fn room(&mut self, now: u64) -> u64 {
        self.pass(now);
        self.units / self.window
    }

    fn full_at(&mut self, now: u64) -> u64 {
        self.pass(now);
        self.filled_at(self.burst * self.window)
    }

    fn end_at(&mut self, now: u64) -> u64 {
        self.full_at(now)
    }
}

/// What becomes of a request that is early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Early {
    /// It passes as long as there is burst.
    Passes,
    /// It waits for its turn in the server's queue.
    Queues,
}

/// The generic cell rate algorithm: it keeps the time at which the next request would be in time.
#[derive(Debug, Clone)]
pub struct Gcra {
    pub limit: u64,
    pub window: u64,
    pub burst: u64,
    pub early: Early,
    /// The theoretical arrival time, in milliseconds times `limit`.
    tat: u64,
}

impl Gcra {
    /// Makes an unused one.
    #[must_use]
    pub fn new(limit: u64, window: u64, burst: u64, early: Early) -> Self {
        Self { limit, window, burst, early, tat: 0 }
    }

    /// How far it is ahead of time, in units.
    fn ahead(&self, now: u64) -> u64 {
        self.tat.saturating_sub(now * self.limit)
    }

    /// Returns when it is at most so far ahead.
    fn behind_at(&self, now: u64, ahead: u64) -> u64 {
        now.max(self.tat.saturating_sub(ahead).div_ceil(self.limit))
    }
}

impl Rule for Gcra {
    fn take(&mut self, now: u64, cost: u64) -> Option<u64> {
        let ahead = self.ahead(now);
        if ahead + cost * self.window > self.burst * self.window {
            return None;
        }
        self.tat = self.tat.max(now * self.limit) + cost * self.window;
        Some(if self.early == Early::Queues { ahead.div_ceil(self.limit) } else { 0 })
    }

    fn ready_at(&mut self, now: u64, cost: u64) -> u64 {
        self.behind_at(now, (self.burst * self.window).saturating_sub(cost * self.window))
    }

    fn room(&mut self, now: u64) -> u64 {
        (self.burst * self.window).saturating_sub(self.ahead(now)) / self.window
    }

    fn full_at(&mut self, now: u64) -> u64 {
        self.behind_at(now, 0)
    }

    fn end_at(&mut self, now: u64) -> u64 {
        self.full_at(now)
    }
}

/// So many requests at work at a time.
#[derive(Debug, Clone)]
pub struct Cap {
    pub limit: u64,
    work: AtWork,
}

impl Cap {
    /// Makes an idle one.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self { limit, work: AtWork::default() }
    }
}

impl Rule for Cap {
    fn take(&mut self, now: u64, _cost: u64) -> Option<u64> {
        (self.room(now) > 0).then_some(0)
    }

    fn ready_at(&mut self, now: u64, cost: u64) -> u64 {
        if self.room(now) >= cost { now } else { self.work.first_end() }
    }

    fn room(&mut self, now: u64) -> u64 {
        self.limit.saturating_sub(self.work.count(now) as u64)
    }

    fn full_at(&mut self, now: u64) -> u64 {
        self.work.count(now);
        self.work.last_end().max(now)
    }

    fn end_at(&mut self, now: u64) -> u64 {
        self.full_at(now)
    }

    fn works_until(&mut self, end: u64) {
        self.work.add(end);
    }
}
