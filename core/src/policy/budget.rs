//! The retry budget: a bucket of tokens that retries pay with.
//!
//! Capacity `10 + 2 %` of the calls begun in the last 30 s, starts full; each call begun deposits 0.1, each second 0.02;
//! a retry withdraws 1 and gets it back when it succeeds. So retries that help pay for themselves, and a hard outage
//! costs in the long run at most `1 + 0.1 + 0.02/λ` requests per call (λ calls a second).

use crate::config;
use crate::defaults::BUDGET_SLICE;
use crate::policy::window::Window;

/// One token in billionths: a millisecond at `perSecond` millionths is a whole number of them.
const TOKEN: u64 = 1_000_000_000;

/// The bucket of one upstream.
#[derive(Debug, Clone)]
pub struct Budget {
    settings: config::Budget,
    tokens: u64,
    at: u64,
    begun: Window,
}

impl Budget {
    /// Full.
    #[must_use]
    pub fn new(settings: config::Budget) -> Self {
        let tokens = settings.capacity.saturating_mul(1_000);
        Self { settings, tokens, at: 0, begun: Window::new(BUDGET_SLICE) }
    }

    fn capacity(&self) -> u64 {
        let share = self.begun.sum().saturating_mul(tuned!(BUDGET_SHARE));
        self.settings.capacity.saturating_add(share).saturating_mul(1_000)
    }

    /// Lets time pass: what the seconds deposit, and calls that are older than 30 s no longer count.
    fn advance(&mut self, now: u64) {
        let passed = now.saturating_sub(self.at);
        if passed == 0 {
            return;
        }
        self.at = now;
        self.begun.advance(now);
        let deposit = passed.saturating_mul(self.settings.per_second);
        self.tokens = self.tokens.saturating_add(deposit).min(self.capacity());
    }

    /// A call was begun (a refused one too).
    pub fn call_begun(&mut self, now: u64) {
        self.advance(now);
        self.begun.count(now);
        let deposit = self.settings.per_call.saturating_mul(1_000);
        self.tokens = self.tokens.saturating_add(deposit).min(self.capacity());
    }

    /// Whether a retry could pay.
    pub fn affords(&mut self, now: u64) -> bool {
        self.advance(now);
        self.tokens >= TOKEN
    }

    /// A retry pays.
    pub fn withdraw(&mut self) {
        self.tokens = self.tokens.saturating_sub(TOKEN);
    }

    /// A retry gave its token back unused.
    pub fn give_back(&mut self) {
        self.add(TOKEN);
    }

    /// A retry succeeded.
    pub fn refund(&mut self) {
        let refund: u64 = tuned!(BUDGET_REFUND);
        self.add(refund.saturating_mul(1_000));
    }

    fn add(&mut self, tokens: u64) {
        self.tokens = self.tokens.saturating_add(tokens).min(self.capacity());
    }

    /// When time alone will have filled one token; `None` = never.
    #[must_use]
    pub fn next_at(&self) -> Option<u64> {
        let missing = TOKEN.saturating_sub(self.tokens);
        if self.settings.per_second == 0 || self.capacity() < TOKEN {
            return None;
        }
        Some(self.at.saturating_add(missing.div_ceil(self.settings.per_second.max(1))))
    }

    /// Millionths of a token.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> Budget {
        Budget::new(config::Budget::default())
    }

    #[test]
    fn starts_full_and_empties_one_token_a_retry() {
        let mut b = budget();
        for _ in 0..10 {
            assert!(b.affords(0));
            b.withdraw();
        }
        assert!(!b.affords(0));
    }

    #[test]
    fn ten_calls_or_fifty_seconds_make_a_token() {
        let mut b = budget();
        (0..10).for_each(|_| b.withdraw());
        (0..9).for_each(|_| b.call_begun(0));
        assert!(!b.affords(0));
        b.call_begun(0);
        assert!(b.affords(0));
        b.withdraw();
        assert_eq!(b.next_at(), Some(50_000));
        assert!(!b.affords(49_999));
        assert!(b.affords(50_000));
    }

    #[test]
    fn capacity_follows_the_calls_of_the_last_thirty_seconds() {
        let mut b = budget();
        (0..1_000).for_each(|_| b.call_begun(100));
        assert_eq!(b.tokens(), 30_000_000);
        assert!(b.affords(29_999));
        assert_eq!(b.tokens(), 30_000_000);
        assert!(b.affords(30_000));
        assert_eq!(b.tokens(), 10_000_000);
    }

    #[test]
    fn a_refund_never_lifts_it_above_capacity() {
        let mut b = budget();
        b.give_back();
        assert_eq!(b.tokens(), 10_000_000);
    }
}
