//! The retry budget in exact billionths of a token, and a list of all begins instead of a ring.

use crate::world::rules::Rules;
use std::collections::VecDeque;

const TOKEN: u64 = 1_000_000_000;
const SLICE: u64 = 3_000;

#[derive(Debug)]
pub struct Budget {
    capacity: u64,
    per_call: u64,
    per_second: u64,
    tokens: u64,
    at: u64,
    begins: VecDeque<u64>,
    begun: u64,
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

    /// A retry takes its token.
    ///
    /// # Errors
    /// There is none, or more were spent than were ever there.
    pub fn take(&mut self, now: u64) -> Result<(), String> {
        self.advance(now);
        self.spent += 1;
        let had = self.capacity + self.begun * self.per_call + now * self.per_second;
        let spent = (self.spent - self.given_back) * TOKEN;
        if spent > had {
            return Err(format!("{spent} billionths of retry tokens are spent, {had} were deposited"));
        }
        self.tokens = self.tokens.checked_sub(TOKEN).ok_or("a retry without a token")?;
        Ok(())
    }

    /// A retry succeeded, or gave its token back.
    pub fn give_back(&mut self) {
        self.given_back += 1;
        self.tokens = (self.tokens + TOKEN).min(self.full());
    }

    /// Millionths, as of the last call that began.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens / 1_000
    }
}
