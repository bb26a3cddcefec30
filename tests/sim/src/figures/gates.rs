//! Others' ways to hold attempts back: a breaker with a fixed cool-down around retries, and a limiter in the client.

use super::chance::Chance;
use super::others::{Exponential, Leave, Rules};
use super::policy::Came;
use std::collections::VecDeque;

/// A breaker as most libraries have it: opens at 50 % failures of at least 20 in 30 s, stays open for a fixed 10 s, then
/// lets one probe through; retries with full jitter around it, each of them asking the breaker.
#[derive(Debug, Default)]
pub struct Fused {
    outcomes: VecDeque<(u64, bool)>,
    failures: usize,
    open_until: Option<u64>,
    probing: bool,
}

impl Rules for Fused {
    fn leave(&mut self, now: u64, _: u32) -> Leave {
        match self.open_until {
            None => Leave::Go,
            Some(until) if now >= until && !self.probing => {
                self.probing = true;
                Leave::Go
            }
            Some(_) => Leave::No,
        }
    }

    fn ended(&mut self, now: u64, _: u32, _: u32, came: &Came) {
        let ok = came.ok();
        if self.open_until.is_some() {
            if self.probing {
                self.probing = false;
                self.open_until = (!ok).then_some(now + 10_000);
            }
            return;
        }
        while self.outcomes.front().is_some_and(|(at, _)| at + 30_000 <= now) {
            let bad = self.outcomes.pop_front().is_some_and(|(_, ok)| !ok);
            self.failures -= usize::from(bad);
        }
        self.outcomes.push_back((now, ok));
        self.failures += usize::from(!ok);
        if !ok && self.outcomes.len() >= 20 && self.failures * 2 >= self.outcomes.len() {
            self.open_until = Some(now + 10_000);
            self.outcomes.clear();
            self.failures = 0;
        }
    }

    fn again(&mut self, now: u64, retry: u32, came: &Came, chance: &mut Chance) -> Option<(u64, u32)> {
        Exponential.again(now, retry, came, chance)
    }
}

/// A limiter in the client at 80 % of the documented limit, evenly paced, and plain retries.
#[derive(Debug)]
pub struct Paced {
    per_second: f64,
    next: f64,
    /// Attempts that have their turn already.
    turns: VecDeque<u64>,
}

impl Paced {
    /// For a limit of so many a second.
    #[must_use]
    pub fn new(limit: f64) -> Self {
        Self { per_second: limit * 0.8, next: 0.0, turns: VecDeque::new() }
    }
}

impl Rules for Paced {
    fn leave(&mut self, now: u64, _: u32) -> Leave {
        if self.turns.front() == Some(&now) {
            self.turns.pop_front();
            return Leave::Go;
        }
        let turn = self.next.max(now as f64);
        self.next = turn + 1_000.0 / self.per_second;
        let at = turn.ceil() as u64;
        if at <= now {
            return Leave::Go;
        }
        self.turns.push_back(at);
        Leave::Later(at - now)
    }

    fn again(&mut self, now: u64, retry: u32, came: &Came, chance: &mut Chance) -> Option<(u64, u32)> {
        Exponential.again(now, retry, came, chance)
    }
}
