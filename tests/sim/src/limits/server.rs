//! A limited server: what it counts, and the numbers that it could tell.

use super::buckets::{Bucket, Cap, Early, Gcra};
use super::case::Case;
use super::convention::*;
use super::meter::Meter;
use super::windows::{Counter, Fixed, Log};
use crate::fates::luck::luck;

/// A server and what it counted so far.
#[derive(Debug, Clone)]
pub struct Server {
    case: Case,
    nodes: Vec<Meter>,
    /// Requests that came: they go to the nodes in turn.
    came: u64,
    /// Requests that passed.
    passed: u64,
    /// The clock's window that `remaining` may be of, and what passed in it.
    clock: (u64, u64),
    cached: Option<Told>,
}

/// The numbers of a gauge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// When they were true.
    pub at: u64,
    pub limit: u64,
    /// Milliseconds that the limit is for.
    pub window: u64,
    pub remaining: u64,
    pub reset_at: u64,
    /// Requests that passed until then.
    pub passed: u64,
}

/// What comes back for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// When the server wrote it.
    pub at: u64,
    /// Milliseconds after the request.
    pub after: u64,
    pub passed: bool,
    pub told: Option<Told>,
    /// Of a refused request: milliseconds until it would pass.
    pub wait: u64,
}

impl Told {
    /// Returns what is left of a roomy quota beside: 100,000 an hour, a tenth used before.
    #[must_use]
    pub fn roomy(&self) -> u64 {
        90_000_u64.saturating_sub(self.passed)
    }

    /// Returns what a client reads as left: of several quotas the least.
    #[must_use]
    pub fn left(&self, case: &Case) -> u64 {
        match case.convention.quota {
            Quota::Exhausted => 0,
            Quota::Several => self.remaining.min(self.roomy()),
            _ if case.convention.family == Family::Shopify => self.limit.min(self.remaining),
            _ => self.remaining,
        }
    }
}

impl Answer {
    /// Returns its status.
    #[must_use]
    pub fn status(&self) -> u16 {
        if self.passed { 200 } else { 429 }
    }
}

impl Server {
    /// Makes an unused server.
    #[must_use]
    pub fn new(case: &Case) -> Self {
        let nodes = case.convention.nodes.count();
        let node = || {
            let (limit, window, burst) = ((case.limit / nodes).max(1), case.window, (case.burst / nodes).max(1));
            let ahead = case.server_phase();
            match case.convention.algorithm {
                Algorithm::FixedWindow => {
                    let aligned = (case.convention.alignment == Alignment::Aligned).then_some(ahead);
                    Meter::Fixed(Fixed::new(limit, window, aligned))
                }
                Algorithm::SlidingLog => Meter::Log(Log::new(limit, window)),
                Algorithm::SlidingCounter => Meter::Counter(Counter::new(limit, window, ahead)),
                // A node's share of a slow rate may be no whole number.
                Algorithm::TokenBucket => Meter::Bucket(Bucket::new(case.limit, window * nodes, burst)),
                Algorithm::LeakyQueue => Meter::Gcra(Gcra::new(case.limit, window * nodes, burst + 1, Early::Queues)),
                Algorithm::Gcra => Meter::Gcra(Gcra::new(case.limit, window * nodes, burst, Early::Passes)),
                Algorithm::Concurrency => Meter::Cap(Cap::new(limit)),
            }
        };
        let nodes = (0..nodes).map(|_| node()).collect();
        Self { case: *case, nodes, came: 0, passed: 0, clock: (0, 0), cached: None }
    }

    fn node(&mut self) -> &mut Meter {
        let place = self.came as usize % self.nodes.len();
        &mut self.nodes[place]
    }

    /// Returns the earliest time at which the next request would pass, if no other one came.
    pub fn ready_at(&mut self, now: u64, call: u32) -> u64 {
        let cost = self.case.cost_of(call);
        self.node().rule().ready_at(now, cost)
    }

    /// Answers a request.
    pub fn answer(&mut self, now: u64, call: u32, attempt: u32) -> Answer {
        let case = self.case;
        let cost = case.cost_of(call);
        let luck = luck([case.seed, call.into(), attempt.into(), 1]);
        let work = (case.latency() as f64 * (0.7 + 0.6 * luck)) as u64 + 1;
        let before = self.tell(now, None);
        let delay = self.node().rule().take(now, cost);
        let wait = if delay.is_none() { self.ready_at(now, call) - now } else { 0 };
        let after = work + delay.unwrap_or(0);
        if delay.is_some() {
            self.node().rule().works_until(now + after);
            self.passed += 1;
            self.clock.1 += cost;
        }
        let mut told = self.tell(now, delay.is_none().then_some(now + wait));
        if case.convention.moment == Moment::Before {
            told.remaining = before.remaining;
        }
        self.came += 1;
        Answer { at: now, after, passed: delay.is_some(), told: self.shown(now, call, delay.is_some(), told), wait }
    }

    /// Picks what stands on an answer, as old as the cache makes it.
    fn shown(&mut self, now: u64, call: u32, passed: bool, told: Told) -> Option<Told> {
        let convention = &self.case.convention;
        let shown = match convention.shown {
            Shown::None => false,
            Shown::Always => true,
            Shown::OnErrors => !passed,
            Shown::OnSome => luck([self.case.seed, call.into(), 2]) < 0.5,
        };
        let most = match convention.cache {
            Cache::Fresh | Cache::None => return shown.then_some(told),
            Cache::Two => 2_000,
            Cache::Five => 5_000,
        };
        let kept = self.cached.filter(|cached| now - cached.at < most).unwrap_or(told);
        self.cached = Some(kept);
        shown.then_some(kept)
    }

    /// Returns the numbers of the gauge at present; `refused_until` is when a request would pass that did not.
    fn tell(&mut self, now: u64, refused_until: Option<u64>) -> Told {
        let convention = self.case.convention;
        if convention.quota == Quota::Other {
            return self.tell_other(now);
        }
        let (limit, window) = self.limit_told();
        let clock = convention.of == Of::Clock;
        let ahead = self.case.server_phase();
        let number = (now + ahead) / window;
        if self.clock.0 != number {
            self.clock = (number, 0);
        }
        let used = self.clock.1;
        let nodes = if convention.nodes == Nodes::Whole { Nodes::Whole.count() } else { 1 };
        let meter = self.node();
        let own = meter.rule().room(now) * nodes;
        let end = if clock { (number + 1) * window - ahead } else { meter.rule().end_at(now) };
        let reset_at = match convention.reset {
            ResetOf::Full => meter.rule().full_at(now),
            ResetOf::Next => refused_until.unwrap_or_else(|| meter.next_at(now)),
            ResetOf::End => end,
            ResetOf::Always => now + window,
            ResetOf::Absent | ResetOf::None => now,
        };
        let remaining = if clock { limit.saturating_sub(used) } else { own };
        Told { at: now, limit, window, remaining, reset_at, passed: self.passed }
    }

    /// Returns the roomy quota instead.
    fn tell_other(&self, now: u64) -> Told {
        let hour = Window::Hour.ms();
        let reset_at = (now / hour + 1) * hour;
        let told = Told { at: now, limit: 100_000, window: hour, remaining: 0, reset_at, passed: self.passed };
        Told { remaining: told.roomy(), ..told }
    }

    /// Returns limit and window as the gauge tells them.
    fn limit_told(&self) -> (u64, u64) {
        let Case { limit, window, burst, convention, .. } = &self.case;
        let nodes = if convention.nodes == Nodes::Shares { Nodes::Shares.count() } else { 1 };
        match convention.limit {
            LimitSays::Burst => (burst / nodes, (burst * window / limit).div_ceil(1_000).max(1) * 1_000),
            LimitSays::OtherUnit => {
                let other = if *window < 60_000 { 60_000 } else { 3_600_000 };
                ((limit * other / window / nodes).max(1), other)
            }
            LimitSays::Window | LimitSays::Absent | LimitSays::None => ((limit / nodes).max(1), *window),
        }
    }
}
