//! Others' ways to stop retries that do not help: AWS's retry quota, gRPC's throttling, tower's budget.

use super::chance::Chance;
use super::others::{Rules, full_jitter};
use super::policy::Came;
use super::server::What;
use std::collections::VecDeque;

/// AWS SDKs' standard mode: three attempts, U(0, 1) · min(b · 2^i, 20 s), a quota of 500 per client; a retry costs 5
/// (after a timeout 10), what it paid comes back when it succeeds, a first attempt that succeeds adds 1
/// (AWS SDKs and Tools Reference Guide, "Retry behavior"; Smithy reference, client guidance on retries). Since November
/// 2026: base 50 ms (1 s when throttled), cost 14 (5 when throttled).
#[derive(Debug)]
pub struct Aws {
    quota: u32,
    new: bool,
}

impl Aws {
    const FULL: u32 = 500;

    /// As documented up to 2026.
    #[must_use]
    pub fn standard() -> Self {
        Self { quota: Self::FULL, new: false }
    }

    /// As documented since November 2026.
    #[must_use]
    pub fn standard_2026() -> Self {
        Self { quota: Self::FULL, new: true }
    }
}

impl Rules for Aws {
    fn ended(&mut self, _: u64, attempt: u32, paid: u32, came: &Came) {
        if came.ok() {
            let back = if attempt == 0 { 1 } else { paid };
            self.quota = (self.quota + back).min(Self::FULL);
        }
    }

    fn again(&mut self, _: u64, retry: u32, came: &Came, chance: &mut Chance) -> Option<(u64, u32)> {
        let throttled = came.what == What::Status(429);
        let (base, cost) = match (self.new, throttled, came.what) {
            (true, true, _) => (1_000, 5),
            (true, false, _) => (50, 14),
            (false, _, What::Silent) => (1_000, 10),
            (false, _, _) => (1_000, 5),
        };
        if retry >= 3 || self.quota < cost {
            return None;
        }
        self.quota -= cost;
        Some((chance.between(0, (base << (retry - 1)).min(20_000)), cost))
    }
}

/// gRPC's retries and their throttling (proposal A6): four attempts, U(0, min(100 ms · 2^(n−1), 1 s)); a failure takes
/// one token, a success adds 0.1, retries go while more than half of the tokens are there.
#[derive(Debug)]
pub struct Grpc {
    full: f64,
    tokens: f64,
}

impl Grpc {
    /// With so many tokens.
    #[must_use]
    pub fn new(tokens: f64) -> Self {
        Self { full: tokens, tokens }
    }
}

impl Rules for Grpc {
    fn ended(&mut self, _: u64, _: u32, _: u32, came: &Came) {
        let change = if came.ok() { 0.1 } else { -1.0 };
        self.tokens = (self.tokens + change).clamp(0.0, self.full);
    }

    fn again(&mut self, _: u64, retry: u32, _: &Came, chance: &mut Chance) -> Option<(u64, u32)> {
        let wait = chance.between(0, (100_u64 << (retry - 1)).min(1_000));
        (retry < 4 && self.tokens > self.full / 2.0).then_some((wait, 0))
    }
}

/// tower's `TpsBudget` with its defaults (tower 0.5 docs): what the last 10 s deposited, 20 % of the requests, pays for
/// retries, and 10 a second are free. The waits are those of plain full jitter, four attempts.
#[derive(Debug, Default)]
pub struct Tower {
    /// Requests and retries of the last 10 s.
    moves: VecDeque<(u64, f64)>,
    sum: f64,
}

impl Tower {
    fn book(&mut self, now: u64, amount: f64) {
        while self.moves.front().is_some_and(|(at, _)| at + 10_000 <= now) {
            self.sum -= self.moves.pop_front().map_or(0.0, |(_, amount)| amount);
        }
        self.moves.push_back((now, amount));
        self.sum += amount;
    }
}

impl Rules for Tower {
    fn ended(&mut self, now: u64, attempt: u32, _: u32, _: &Came) {
        if attempt == 0 {
            self.book(now, 0.2);
        }
    }

    fn again(&mut self, now: u64, retry: u32, came: &Came, chance: &mut Chance) -> Option<(u64, u32)> {
        self.book(now, 0.0);
        if retry >= 4 || self.sum + 100.0 < 1.0 {
            return None;
        }
        self.book(now, -1.0);
        Some((full_jitter(retry, came, chance), 0))
    }
}
