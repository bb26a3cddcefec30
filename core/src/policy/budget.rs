//! The retry budget: a bucket of tokens that retries take.
//!
//! Capacity `10 + 2 %` of the calls begun in the last 30 s, starts full; each call begun deposits 0.1, each second 0.02;
//! a retry withdraws 1 and gets it back when it succeeds. So retries that help pay for themselves, and a hard outage
//! costs in the long run at most `1 + 0.1 + 0.02/λ` requests per call (λ calls a second).

use crate::config;
use crate::defaults::BUDGET_SLICE;
use crate::policy::window::Window;

/// One token in billionths: a millisecond at `perSecond` millionths is a whole number of them.
const TOKEN: u64 = 1_000_000_000;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A retry: one token.
    Retry,
    /// A first attempt that waited for the breaker.
    Waited,
    /// A retry at the head of a queue without tokens: nothing, and more comes back.
    Asked,
}

impl TokenKind {
    /// Of a call that was sent so often.
    #[must_use]
    pub const fn after(attempts: u8) -> Self {
        if attempts == 0 { Self::Waited } else { Self::Retry }
    }
}

/// The retries of one queue that go without a token, one at a time: the head asks whether the server is back. Else a queue
/// that has no token would wait for calls to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// Retries of this queue that have the right to go or are in flight.
    under_way: u32,
    /// When the next one may go without a token.
    at: u64,
    /// How many of them failed in a row.
    failed: u32,
}

impl Asking {
    /// None asked yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { under_way: 0, at: 0, failed: 0 }
    }

    /// Whether the head may go now without a token; `Err`: when it may, `None` = when those under way have ended.
    ///
    /// # Errors
    /// It may not yet.
    pub fn check(&self, now: u64) -> Result<(), Option<u64>> {
        match (self.under_way, now >= self.at) {
            (0, true) => Ok(()),
            (0, false) => Err(Some(self.at)),
            _ => Err(None),
        }
    }

    /// A retry of the queue may go, with or without a token.
    pub fn began(&mut self) {
        self.under_way = self.under_way.saturating_add(1);
    }

    /// It ended, or gave up its right. Returns whether none is under way any more.
    pub fn ended(&mut self) -> bool {
        self.under_way = self.under_way.saturating_sub(1);
        self.under_way == 0
    }

    /// A retry succeeded: the next head may ask at once.
    pub fn succeeded(&mut self) {
        (self.at, self.failed) = (0, 0);
    }

    /// One that went without a token did not succeed: the next waits `base`, then twice as long each time, up to a second.
    pub fn failed(&mut self, now: u64, base: u64) {
        let wait = base.saturating_mul(1 << self.failed.min(20)).min(tuned!(ASKED_MOST));
        self.at = now.saturating_add(wait);
        self.failed = self.failed.saturating_add(1);
    }
}

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
        let tokens = billionths(settings.capacity);
        Self { settings, tokens, at: 0, begun: Window::new(BUDGET_SLICE) }
    }

    fn capacity(&self) -> u64 {
        let share = self.begun.sum().wrapping_mul(tuned!(BUDGET_SHARE));
        billionths(self.settings.capacity.wrapping_add(share))
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
        let deposit = billionths(self.settings.per_call);
        self.tokens = self.tokens.saturating_add(deposit).min(self.capacity());
    }

    /// Billionths of a token.
    fn price(&self, token_kind: TokenKind) -> u64 {
        match token_kind {
            TokenKind::Retry => TOKEN,
            TokenKind::Asked => 0,
            TokenKind::Waited => {
                let price: u64 = tuned!(WAITED_PRICE);
                // A small budget lets one go at a time, none at all holds nobody up. What is paid and what comes back
                // is the same, however the calls of the last 30 s change in between.
                billionths(price.min(self.settings.capacity))
            }
        }
    }

    /// Whether it goes for nothing: there is no budget at all.
    #[must_use]
    pub fn is_free(&self, token_kind: TokenKind) -> bool {
        self.price(token_kind) == 0
    }

    /// Whether there are enough tokens.
    pub fn affords(&mut self, now: u64, token_kind: TokenKind) -> bool {
        self.advance(now);
        self.tokens >= self.price(token_kind)
    }

    /// Takes a token.
    pub fn withdraw(&mut self, token_kind: TokenKind) {
        self.tokens = self.tokens.saturating_sub(self.price(token_kind));
    }

    /// It gave its tokens back unused.
    pub fn give_back(&mut self, token_kind: TokenKind) {
        self.add(self.price(token_kind));
    }

    /// It succeeded.
    pub fn refund(&mut self, token_kind: TokenKind) {
        match token_kind {
            TokenKind::Retry => {
                let refund: u64 = tuned!(BUDGET_REFUND);
                self.add(billionths(refund));
            }
            TokenKind::Waited => self.add(self.price(token_kind)),
            TokenKind::Asked => {
                let refund: u64 = tuned!(ASKED_REFUND);
                self.add(billionths(refund));
            }
        }
    }

    fn add(&mut self, tokens: u64) {
        self.tokens = self.tokens.saturating_add(tokens).min(self.capacity());
    }

    /// When time alone will have filled its price; `None` = never.
    #[must_use]
    pub fn next_at(&self, token_kind: TokenKind) -> Option<u64> {
        let price = self.price(token_kind);
        let missing = price.saturating_sub(self.tokens);
        if self.settings.per_second == 0 || self.capacity() < price {
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

/// Of millionths. At most 10,000 tokens of the policy and a share of 2^32 calls: far from the edge of 64 bits, and a
/// multiplication that looks for it costs WebAssembly a call of its own.
const fn billionths(millionths: u64) -> u64 {
    millionths.wrapping_mul(1_000)
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
            assert!(b.affords(0, TokenKind::Retry));
            b.withdraw(TokenKind::Retry);
        }
        assert!(!b.affords(0, TokenKind::Retry));
    }

    #[test]
    fn ten_calls_or_fifty_seconds_make_a_token() {
        let mut b = budget();
        (0..10).for_each(|_| b.withdraw(TokenKind::Retry));
        (0..9).for_each(|_| b.call_begun(0));
        assert!(!b.affords(0, TokenKind::Retry));
        b.call_begun(0);
        assert!(b.affords(0, TokenKind::Retry));
        b.withdraw(TokenKind::Retry);
        assert_eq!(b.next_at(TokenKind::Retry), Some(50_000));
        assert!(!b.affords(49_999, TokenKind::Retry));
        assert!(b.affords(50_000, TokenKind::Retry));
    }

    #[test]
    fn capacity_follows_the_calls_of_the_last_thirty_seconds() {
        let mut b = budget();
        (0..1_000).for_each(|_| b.call_begun(100));
        assert_eq!(b.tokens(), 30_000_000);
        assert!(b.affords(29_999, TokenKind::Retry));
        assert_eq!(b.tokens(), 30_000_000);
        assert!(b.affords(30_000, TokenKind::Retry));
        assert_eq!(b.tokens(), 10_000_000);
    }

    #[test]
    fn a_queue_asks_once_at_a_time_and_later_after_each_failure() {
        let mut asking = Asking::new();
        assert_eq!(asking.check(0), Ok(()));
        asking.began();
        assert_eq!(asking.check(0), Err(None));
        assert!(asking.ended());
        for (k, wait) in [200, 400, 800, 1_000, 1_000].into_iter().enumerate() {
            let now = 10_000 * k as u64;
            asking.failed(now, 200);
            assert_eq!((asking.check(now + wait - 1), asking.check(now + wait)), (Err(Some(now + wait)), Ok(())));
        }
        asking.succeeded();
        asking.failed(90_000, 200);
        assert_eq!(asking.check(90_000), Err(Some(90_200)));
    }

    #[test]
    fn a_retry_that_asked_brings_ten_tokens_back() {
        let mut b = budget();
        (0..10).for_each(|_| b.withdraw(TokenKind::Retry));
        assert!(b.affords(0, TokenKind::Asked));
        b.withdraw(TokenKind::Asked);
        b.refund(TokenKind::Asked);
        assert_eq!(b.tokens(), 10_000_000);
    }

    #[test]
    fn a_refund_never_lifts_it_above_capacity() {
        let mut b = budget();
        b.give_back(TokenKind::Retry);
        assert_eq!(b.tokens(), 10_000_000);
    }
}
