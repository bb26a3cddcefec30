//! The retry budget in exact billionths of a token, and a list of all begins instead of a ring.

use crate::world::rules::Rules;
use std::collections::VecDeque;

const TOKEN: u64 = 1_000_000_000;
const SLICE: u64 = 3_000;

#[derive(Debug, Clone)]
pub struct Budget {
    capacity: u64,
    per_call: u64,
    per_second: u64,
    tokens: u64,
    at: u64,
    begins: VecDeque<u64>,
    begun: u64,
    /// What came back for those who asked without a token.
    granted: u64,
    spent: u64,
    given_back: u64,
}

impl Budget {
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        Self {
            capacity: rules.capacity * 1_000,
            per_call: rules.per_call * 1_000,
            per_second: rules.per_second,
            tokens: rules.capacity * 1_000,
            at: 0,
            begins: VecDeque::new(),
            begun: 0,
            granted: 0,
            spent: 0,
            given_back: 0,
        }
    }

    /// The policy's, and 2 % of the calls begun in the last 30 s.
    fn full(&self) -> u64 {
        self.capacity + self.begins.len() as u64 * TOKEN / 50
    }

    fn advance(&mut self, now: u64) {
        while self.begins.front().is_some_and(|at| at / SLICE + 10 <= now / SLICE) {
            self.begins.pop_front();
        }
        self.tokens = (self.tokens + (now - self.at) * self.per_second).min(self.full());
        self.at = now;
    }

    /// A call begins.
    pub fn begin(&mut self, now: u64) {
        self.advance(now);
        self.begins.push_back(now);
        self.begun += 1;
        self.tokens = (self.tokens + self.per_call).min(self.full());
    }

    /// What a call that was counted so often pays for its next attempt: a retry one token; a first attempt that waited
    /// for the breaker two, or what a smaller budget holds.
    #[must_use]
    pub fn price(&self, attempts: u64) -> u64 {
        if attempts == 0 { (2 * TOKEN).min(self.capacity) } else { TOKEN }
    }

    /// Whether there is so much.
    pub fn affords(&mut self, now: u64, price: u64) -> bool {
        self.advance(now);
        self.tokens >= price
    }

    /// It pays.
    ///
    /// # Errors
    /// There is not so much, or more was spent than was ever there.
    pub fn take(&mut self, now: u64, price: u64) -> Result<(), String> {
        self.advance(now);
        self.spent += price;
        let had = self.capacity + self.begun * self.per_call + now * self.per_second + self.granted;
        let spent = self.spent.saturating_sub(self.given_back);
        if spent > had {
            return Err(format!("{spent} billionths of retry tokens are spent, {had} were deposited"));
        }
        self.tokens = self.tokens.checked_sub(price).ok_or("a retry without a token")?;
        Ok(())
    }

    /// It succeeded, or was not sent.
    pub fn give_back(&mut self, price: u64) {
        self.given_back += price;
        self.tokens = (self.tokens + price).min(self.full());
    }

    /// One that went without a token succeeded: ten come back, at most the capacity.
    pub fn grant(&mut self) {
        let before = self.tokens;
        self.tokens = (self.tokens + 10 * TOKEN).min(self.full());
        self.granted += self.tokens - before;
    }

    /// Whether there is so much and time alone did not make it so.
    #[must_use]
    pub fn had(&self, now: u64, price: u64) -> bool {
        let full =
            self.capacity + self.begins.iter().filter(|at| *at / SLICE + 10 > now / SLICE).count() as u64 * TOKEN / 50;
        self.per_second == 0 && self.tokens.min(full) >= price
    }

    /// Millionths, as of the last call that began.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens / 1_000
    }
}
