//! Servers that count: fixed windows or a token bucket, one count for all clients or one for each, a limit that may
//! change, RateLimit headers on every answer and 429 with Retry-After beyond it.

use super::chance::Chance;
use super::server::{Gauge, Reply, Server, WORK, What};

/// How it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// So many in each window, windows aligned to 0.
    Window,
    /// A bucket of that size which refills over the window.
    Bucket,
}

/// A server that counts.
#[derive(Debug, Clone)]
pub struct Quota {
    pub kind: Kind,
    /// From when on which limit holds, ascending.
    pub limits: Vec<(u64, u64)>,
    /// Milliseconds.
    pub window: u64,
    /// One count for each client.
    pub keyed: bool,
    pub headers: bool,
    counts: Vec<Count>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    /// Used in the window, or tokens in the bucket.
    amount: f64,
    at: u64,
}

impl Quota {
    /// A fresh one.
    #[must_use]
    pub fn new(kind: Kind, limits: &[(u64, u64)], window: u64) -> Self {
        Self { kind, limits: limits.to_vec(), window, keyed: false, headers: true, counts: Vec::new() }
    }

    /// The same with a count for each client.
    #[must_use]
    pub fn keyed(mut self) -> Self {
        self.keyed = true;
        self
    }

    fn limit(&self, now: u64) -> u64 {
        self.limits.iter().rev().find(|(from, _)| *from <= now).map_or(1, |(_, limit)| *limit)
    }

    /// Whether it lets the request in, what is left, and milliseconds until more is.
    fn draw(&mut self, now: u64, place: usize) -> (bool, u64, u64) {
        let (limit, window) = (self.limit(now), self.window);
        let kind = self.kind;
        let full = if kind == Kind::Bucket { limit as f64 } else { 0.0 };
        self.counts.resize(self.counts.len().max(place + 1), Count { amount: full, at: now });
        let count = &mut self.counts[place];
        match kind {
            Kind::Window => {
                if count.at / window != now / window {
                    count.amount = 0.0;
                }
                count.at = now;
                let in_time = count.amount < limit as f64;
                if in_time {
                    count.amount += 1.0;
                }
                (in_time, limit.saturating_sub(count.amount as u64), window - now % window)
            }
            Kind::Bucket => {
                let refill = (now - count.at) as f64 * limit as f64 / window as f64;
                count.amount = (count.amount + refill).min(limit as f64);
                count.at = now;
                let in_time = count.amount >= 1.0;
                if in_time {
                    count.amount -= 1.0;
                }
                let missing = if in_time { limit as f64 - count.amount } else { 1.0 - count.amount };
                (in_time, count.amount as u64, (missing * window as f64 / limit as f64).ceil() as u64)
            }
        }
    }
}

impl Server for Quota {
    fn arrive(&mut self, now: u64, client: usize, chance: &mut Chance) -> Reply {
        let (in_time, remaining, more) = self.draw(now, if self.keyed { client } else { 0 });
        let reset = more.div_ceil(1_000);
        let gauge = Gauge { limit: self.limit(now), window: self.window.div_ceil(1_000), remaining, reset };
        let gauge = self.headers.then_some(gauge);
        if in_time {
            return Reply { gauge, ..Reply::new(chance.between(WORK.0, WORK.1), What::Status(200)) };
        }
        Reply { gauge, retry_after: Some(reset.max(1)), ..Reply::new(2, What::Status(429)) }
    }
}
