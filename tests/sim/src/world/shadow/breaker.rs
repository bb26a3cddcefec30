//! A breaker told from the sentences of semantics.md alone: a list of all outcomes, counted anew for each.
//!
//! The draw of the cool-down is the core's own: it is asked for and held against its range.

use crate::world::rules::BreakerRules;
use std::collections::VecDeque;

const LEASE: u64 = 2_500;
const SPAN: u64 = 1_000;
const EVERY: u64 = 20;
const SLICES: u64 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    Success,
    Failure,
    Nothing,
}

/// What a Send took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permit {
    generation: u64,
    /// 0 = no probe.
    pub probe: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Later,
    AtOnce,
    Leased(u64),
}

#[derive(Debug, Clone, Copy)]
struct Open {
    since: u64,
    cool_until: u64,
    turned_away: u64,
    wins: u64,
    next: Next,
}

/// What an outcome did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    No,
    Opened { by_run_alone: bool },
    Reopened,
    Closed { late: bool },
    NextDue,
    Old { open: bool },
    LateFailure,
}

/// One breaker.
#[derive(Debug, Clone)]
pub struct Breaker {
    rules: BreakerRules,
    outcomes: VecDeque<(u64, bool)>,
    run: u64,
    run_since: u64,
    generation: u64,
    probes: u64,
    open: Option<Open>,
}

impl Breaker {
    #[must_use]
    pub fn new(rules: BreakerRules) -> Self {
        Self { rules, outcomes: VecDeque::new(), run: 0, run_since: 0, generation: 0, probes: 0, open: None }
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    #[must_use]
    pub fn wait(&self) -> u64 {
        self.rules.wait
    }

    #[must_use]
    pub fn slow_after(&self) -> Option<u64> {
        self.rules.slow_after
    }

    /// A call may pass: as the probe, or because the breaker is closed.
    #[must_use]
    pub fn passes(&self, now: u64) -> bool {
        self.open.is_none_or(|open| match open.next {
            Next::AtOnce => true,
            Next::Leased(until) => now >= until,
            Next::Later => {
                now >= open.since + self.rules.latest_probe || now >= open.cool_until && open.turned_away >= EVERY
            }
        })
    }

    /// It opened or re-opened just now; this is when the core says that the cool-down ends.
    ///
    /// # Errors
    /// A cool-down outside its range.
    pub fn cools_until(&mut self, at: Option<u64>) -> Result<(), String> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let least = open.since + self.rules.cool_down;
        match at {
            Some(at) if at >= least && at <= least + self.rules.cool_down / 10 => open.cool_until = at,
            other => return Err(format!("opened at {}, but cools until {other:?}", open.since)),
        }
        Ok(())
    }

    pub fn turn_away(&mut self) {
        if let Some(open) = &mut self.open {
            open.turned_away += 1;
        }
    }

    /// A Send.
    pub fn commit(&mut self, now: u64) -> Permit {
        let Some(open) = &mut self.open else { return Permit { generation: self.generation, probe: 0 } };
        self.probes += 1;
        open.next = Next::Leased(now + LEASE);
        open.turned_away = 0;
        Permit { generation: self.generation, probe: self.probes }
    }

    /// An attempt's outcome.
    pub fn settle(&mut self, permit: Permit, count: Count, now: u64) -> Moved {
        if permit.generation != self.generation {
            return Moved::Old { open: self.open.is_some() };
        }
        let latest = permit.probe == self.probes;
        let Some(open) = &mut self.open else { return self.count(count, now) };
        let lapsed = !latest || !matches!(open.next, Next::Leased(until) if now < until);
        match count {
            Count::Success => {
                open.wins += 1;
                if open.wins >= self.rules.probes {
                    self.generation += 1;
                    self.open = None;
                    self.outcomes.clear();
                    self.run = 0;
                    return Moved::Closed { late: lapsed };
                }
                if latest {
                    open.next = Next::AtOnce;
                    return Moved::NextDue;
                }
                Moved::No
            }
            Count::Failure if lapsed => Moved::LateFailure,
            Count::Failure => {
                *open = Open { since: now, cool_until: 0, turned_away: open.turned_away, wins: 0, next: Next::Later };
                Moved::Reopened
            }
            Count::Nothing => {
                if latest {
                    open.next = Next::AtOnce;
                }
                Moved::No
            }
        }
    }

    fn count(&mut self, count: Count, now: u64) -> Moved {
        match count {
            Count::Nothing => return Moved::No,
            Count::Success => {
                self.run = 0;
                self.outcomes.push_back((now, true));
                self.forget(now);
                return Moved::No;
            }
            Count::Failure => {
                if self.run == 0 {
                    self.run_since = now;
                }
                self.run += 1;
                self.outcomes.push_back((now, false));
                self.forget(now);
            }
        }
        let total = self.outcomes.len() as u64;
        let bad = self.outcomes.iter().filter(|(_, good)| !good).count() as u64;
        let oldest = self.outcomes.front().map_or(now, |(at, _)| *at);
        let by_rate = total >= self.rules.minimum_calls
            && bad * 1_000_000 >= total * self.rules.failure_rate
            && now - oldest >= SPAN;
        let by_run = self.run >= self.rules.run && now - self.run_since >= SPAN && self.in_window(self.run_since, now);
        if !by_rate && !by_run {
            return Moved::No;
        }
        self.generation += 1;
        self.open = Some(Open { since: now, cool_until: 0, turned_away: 0, wins: 0, next: Next::Later });
        Moved::Opened { by_run_alone: !by_rate }
    }

    /// The window is the slice of `now` and nine before it, aligned to 0.
    fn in_window(&self, at: u64, now: u64) -> bool {
        let slice = (self.rules.window / SLICES).max(1);
        at / slice + SLICES > now / slice
    }

    fn forget(&mut self, now: u64) {
        while self.outcomes.front().is_some_and(|(at, _)| !self.in_window(*at, now)) {
            self.outcomes.pop_front();
        }
    }
}
