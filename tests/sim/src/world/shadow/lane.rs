//! A rate-limit bucket seen from outside: what was taken when, and the earliest end of a pause.

use crate::world::rules::Limit;
use std::collections::VecDeque;

const ONE: u64 = 1_000_000;

#[derive(Debug)]
pub struct Lane {
    /// Most millionths of a token in any window, and its length; `None` = not documented by the policy.
    most: Option<(u64, u64)>,
    burst: u64,
    taken: VecDeque<(u64, u64, u64)>,
    sum: u64,
    pub gauge: bool,
    /// Nobody starts before.
    pub paused_until: u64,
    pub read_sequence: u64,
}

impl Lane {
    #[must_use]
    pub fn new(limit: Option<&Limit>) -> Self {
        let mut lane = Self {
            most: None,
            burst: u64::MAX,
            taken: VecDeque::new(),
            sum: 0,
            gauge: limit.is_none_or(|limit| limit.gauge),
            paused_until: 0,
            read_sequence: 0,
        };
        if let Some(limit) = limit
            && let Some((count, per)) = limit.rate
        {
            let spare = (count * (ONE - limit.headroom)).max(ONE);
            lane.burst = limit.burst.map_or(spare, |burst| burst * ONE);
            // A gauge may lift the rate up to the documented one.
            let rate = if limit.gauge { count * ONE } else { count * limit.headroom };
            lane.most = Some((lane.burst + rate, per));
        }
        lane
    }

    /// A Send draws `cost` tokens.
    ///
    /// # Errors
    /// Too early after a pause, or more than the limit in one window.
    pub fn take(&mut self, now: u64, cost: u64, sequence: u64) -> Result<(), String> {
        if now < self.paused_until {
            return Err(format!("sent at {now}, but the bucket is paused until {}", self.paused_until));
        }
        let Some((most, per)) = self.most else { return Ok(()) };
        while self.taken.front().is_some_and(|(at, ..)| at + per <= now) {
            self.sum -= self.taken.pop_front().map_or(0, |(_, cost, _)| cost);
        }
        let cost = (cost * ONE).min(self.burst);
        self.taken.push_back((now, cost, sequence));
        self.sum += cost;
        // A window that is shut on both sides holds one interval more than it is long.
        if self.sum > most + ONE.max(cost) {
            return Err(format!("{} millionths in {per} ms up to {now}, more than {most}", self.sum));
        }
        Ok(())
    }

    /// The attempt was never sent.
    pub fn give_back(&mut self, sequence: u64) {
        if let Some(at) = self.taken.iter().position(|(.., taken)| *taken == sequence) {
            self.sum -= self.taken.remove(at).map_or(0, |(_, cost, _)| cost);
        }
    }

    /// Whether its rate may change by time alone: the policy documents none.
    #[must_use]
    pub fn learns(&self) -> bool {
        self.most.is_none()
    }

    pub fn pause(&mut self, until: u64) {
        self.paused_until = self.paused_until.max(until);
    }
}
