//! Algorithms that count requests in a window: fixed window, sliding log, sliding counter.

use std::collections::VecDeque;

use super::Meter;

/// So many points in each window; nothing is carried over.
#[derive(Debug)]
pub struct Fixed {
    limit: u64,
    per: u64,
    /// Windows begin at multiples of their length; else with the first request after the last one.
    aligned: bool,
    start: Option<u64>,
    used: u64,
}

impl Fixed {
    /// Makes an unused one.
    pub fn new(limit: u64, per: u64, aligned: bool) -> Fixed {
        Fixed { limit, per, aligned, start: None, used: 0 }
    }

    /// Forgets a window that is over.
    fn pass(&mut self, now: u64) {
        let start = match self.start {
            _ if self.aligned => Some(now - now % self.per),
            start => start.filter(|start| now < start + self.per),
        };
        if start != self.start {
            (self.start, self.used) = (start, 0);
        }
    }
}

impl Meter for Fixed {
    fn room(&mut self, now: u64) -> u64 {
        self.pass(now);
        self.limit - self.used
    }

    fn add(&mut self, now: u64, cost: u64) -> u64 {
        self.start = self.start.or(Some(now));
        self.used += cost;
        0
    }

    fn ready_at(&mut self, now: u64, cost: u64) -> u64 {
        if self.room(now) >= cost { now } else { self.end_at(now) }
    }

    fn full_at(&mut self, now: u64) -> u64 {
        if self.room(now) == self.limit { now } else { self.end_at(now) }
    }

    fn end_at(&mut self, now: u64) -> u64 {
        self.pass(now);
        self.start.unwrap_or(now) + self.per
    }
}

/// So many points in any window: each request is remembered until it is too old.
#[derive(Debug)]
pub struct Log {
    limit: u64,
    per: u64,
    /// When each passed, and its cost.
    taken: VecDeque<(u64, u64)>,
}

impl Log {
    /// Makes an unused one.
    pub fn new(limit: u64, per: u64) -> Log {
        Log { limit, per, taken: VecDeque::new() }
    }
}

impl Meter for Log {
    fn room(&mut self, now: u64) -> u64 {
        while self.taken.front().is_some_and(|(at, _)| at + self.per <= now) {
            self.taken.pop_front();
        }
        self.limit - self.taken.iter().map(|(_, cost)| cost).sum::<u64>()
    }

    fn add(&mut self, now: u64, cost: u64) -> u64 {
        self.taken.push_back((now, cost));
        0
    }

    fn ready_at(&mut self, now: u64, cost: u64) -> u64 {
        let mut room = self.room(now);
        let mut ready = now;
        for (at, old) in &self.taken {
            if room >= cost {
                break;
            }
            room += old;
            ready = at + self.per;
        }
        ready
    }

    fn full_at(&mut self, now: u64) -> u64 {
        self.room(now);
        self.taken.back().map_or(now, |(at, _)| at + self.per)
    }

    fn end_at(&mut self, now: u64) -> u64 {
        self.room(now);
        self.taken.front().map_or(now, |(at, _)| at + self.per)
    }
}

/// The count of this window, and the part of the one before that a sliding window would still hold.
#[derive(Debug)]
pub struct Counter {
    limit: u64,
    per: u64,
    /// The present window's number since 1970.
    number: u64,
    before: u64,
    used: u64,
}

impl Counter {
    /// Makes an unused one.
    pub fn new(limit: u64, per: u64) -> Counter {
        Counter { limit, per, number: 0, before: 0, used: 0 }
    }

    /// Moves on to the window in which `now` is.
    fn pass(&mut self, now: u64) {
        let number = now / self.per;
        if number != self.number {
            self.before = if number == self.number + 1 { self.used } else { 0 };
            (self.number, self.used) = (number, 0);
        }
    }
}

/// Returns how far in a window `before` requests of the last one have faded to `left`.
fn faded(before: u64, left: u64, per: u64) -> u64 {
    if before <= left { 0 } else { per - left * per / before }
}

impl Meter for Counter {
    fn room(&mut self, now: u64) -> u64 {
        self.pass(now);
        // Points times the window's length, so that all numbers are whole.
        let counted = self.before * (self.per - now % self.per) + self.used * self.per;
        (self.limit * self.per).saturating_sub(counted) / self.per
    }

    fn add(&mut self, _now: u64, cost: u64) -> u64 {
        self.used += cost;
        0
    }

    fn ready_at(&mut self, now: u64, cost: u64) -> u64 {
        self.pass(now);
        if let Some(left) = self.limit.checked_sub(self.used + cost) {
            let at = faded(self.before, left, self.per);
            if at < self.per {
                return now.max(self.number * self.per + at);
            }
        }
        (self.number + 1) * self.per + faded(self.used, self.limit.saturating_sub(cost), self.per)
    }

    fn full_at(&mut self, now: u64) -> u64 {
        self.pass(now);
        match (self.used, self.before) {
            (0, 0) => now,
            (0, _) => (self.number + 1) * self.per,
            _ => (self.number + 2) * self.per,
        }
    }

    fn end_at(&mut self, now: u64) -> u64 {
        self.pass(now);
        (self.number + 1) * self.per
    }
}
