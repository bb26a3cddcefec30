//! Other people's policies, written from their public documentation; each is a set of rules around one plain loop.
//! All give an attempt 10 s and a call 60 s, as ours do, so that only the rules differ.

use super::chance::Chance;
use super::policy::{Came, Next, Policy};
use super::server::What;
use std::collections::BTreeMap;

const ATTEMPT: u64 = 10_000;
const TOTAL: u64 = 60_000;

/// Whether a first or later attempt may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    Go,
    Later(u64),
    No,
}

/// What distinguishes one policy from another.
pub trait Rules {
    /// May this attempt (0 = the first) be sent?
    fn leave(&mut self, _now: u64, _attempt: u32) -> Leave {
        Leave::Go
    }
    /// An attempt ended (before `again` is asked).
    fn ended(&mut self, _now: u64, _attempt: u32, _paid: u32, _came: &Came) {}
    /// The wait before retry number `retry` (1 = the first) and what it paid, `None` = no more.
    fn again(&mut self, now: u64, retry: u32, came: &Came, chance: &mut Chance) -> Option<(u64, u32)>;
}

#[derive(Debug, Clone, Copy)]
struct Call {
    begun: u64,
    attempt: u32,
    paid: u32,
}

/// The plain loop.
pub struct Loop {
    rules: Box<dyn Rules>,
    chance: Chance,
    calls: BTreeMap<u32, Call>,
}

impl std::fmt::Debug for Loop {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Loop, {} calls", self.calls.len())
    }
}

impl Loop {
    /// A client with these rules.
    #[must_use]
    pub fn new(rules: Box<dyn Rules>, seed: u64) -> Self {
        Self { rules, chance: Chance::new(seed ^ 0x6f74_6865_7273), calls: BTreeMap::new() }
    }

    fn end(&mut self, call: u32, ok: bool) -> Next {
        self.calls.remove(&call);
        Next::End { ok }
    }

    fn leave(&mut self, call: u32, now: u64) -> Next {
        let Some(&Call { begun, attempt, .. }) = self.calls.get(&call) else { return Next::End { ok: false } };
        match self.rules.leave(now, attempt) {
            Leave::Go => Next::Send { timeout: ATTEMPT.min(begun + TOTAL - now) },
            Leave::Later(delay) if now + delay < begun + TOTAL => Next::Wait(delay.max(1)),
            Leave::Later(_) | Leave::No => self.end(call, false),
        }
    }
}

impl Policy for Loop {
    fn begin(&mut self, call: u32, now: u64) -> Next {
        self.calls.insert(call, Call { begun: now, attempt: 0, paid: 0 });
        self.leave(call, now)
    }

    fn came(&mut self, call: u32, now: u64, came: &Came) -> Next {
        let Some(&known) = self.calls.get(&call) else { return Next::End { ok: false } };
        self.rules.ended(now, known.attempt, known.paid, came);
        if came.ok() || !retryable(came.what) {
            return self.end(call, came.ok());
        }
        let again = self.rules.again(now, known.attempt + 1, came, &mut self.chance);
        match again.filter(|(wait, _)| now + wait < known.begun + TOTAL) {
            Some((wait, paid)) => {
                self.calls.insert(call, Call { attempt: known.attempt + 1, paid, ..known });
                Next::Wait(wait.max(1))
            }
            None => self.end(call, false),
        }
    }

    fn resume(&mut self, call: u32, now: u64) -> Next {
        self.leave(call, now)
    }
}

fn retryable(what: What) -> bool {
    match what {
        What::Status(status) => status >= 500 || status == 429 || status == 408,
        What::Lost | What::Unsent | What::Silent => true,
    }
}

/// No retries.
#[derive(Debug)]
pub struct Never;

impl Rules for Never {
    fn again(&mut self, _: u64, _: u32, _: &Came, _: &mut Chance) -> Option<(u64, u32)> {
        None
    }
}

/// Four attempts, a fixed second between them, no jitter.
#[derive(Debug)]
pub struct Fixed;

impl Rules for Fixed {
    fn again(&mut self, _: u64, retry: u32, _: &Came, _: &mut Chance) -> Option<(u64, u32)> {
        (retry < 4).then_some((1_000, 0))
    }
}

/// Four attempts, U(0, min(30 s, 400 ms · 2^(n−1))): "full jitter" (AWS Architecture Blog, "Exponential Backoff And
/// Jitter", 2015), with the mean wait of ours. Waits at least as long as Retry-After in seconds asks.
#[derive(Debug)]
pub struct Exponential;

/// The wait of [`Exponential`], which other rules share.
pub fn full_jitter(retry: u32, came: &Came, chance: &mut Chance) -> u64 {
    let wait = chance.between(0, (400_u64 << (retry - 1).min(16)).min(30_000));
    let asked = came.retry_after.filter(|(_, skew)| skew.is_none()).map_or(0, |(seconds, _)| seconds * 1_000);
    wait.max(asked)
}

impl Rules for Exponential {
    fn again(&mut self, _: u64, retry: u32, came: &Came, chance: &mut Chance) -> Option<(u64, u32)> {
        (retry < 4).then(|| (full_jitter(retry, came, chance), 0))
    }
}
