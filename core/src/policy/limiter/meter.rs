//! A rate and a burst, kept as GCRA: with `n` tokens drawn and `i` nanoseconds a token, a call of cost `c` may start when
//! `tat − (burst − c) · i ≤ now`.

use crate::defaults::ONE;

const NANOS: u64 = 1_000_000;

/// Nanoseconds a token at one millionth of a token a second.
const MICRO_RATE: u64 = 1_000_000_000_000_000;

/// Holds calls back to a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meter {
    /// Nanoseconds a token; 0 = off.
    interval: u64,
    /// Millionths of a token.
    burst: u64,
    tat: u64,
}

impl Meter {
    /// Holds nothing back.
    pub const OFF: Self = Self { interval: 0, burst: ONE, tat: 0 };

    /// Tells whether it has a rate.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.interval != 0
    }

    /// Returns the burst in millionths of a token.
    #[must_use]
    pub const fn burst(&self) -> u64 {
        self.burst
    }

    /// Changes rate (millionths a second) and burst. What is at hand stays, as far as the burst holds it; a meter that was off
    /// is full.
    pub fn set(&mut self, now: u64, rate: u64, burst: u64) {
        let (interval, burst) = (per(MICRO_RATE, rate).max(1), burst.max(ONE));
        if (interval, burst) == (self.interval, self.burst) {
            return;
        }
        let missing = if self.is_on() { burst.saturating_add(self.spent(now)).saturating_sub(self.burst) } else { 0 };
        (self.interval, self.burst) = (interval, burst);
        self.tat = nanos(now).saturating_add(self.nanos_of(missing));
    }

    /// Sets the millionths at hand.
    pub fn hold(&mut self, now: u64, tokens: u64) {
        self.tat = nanos(now).saturating_add(self.nanos_of(self.burst.saturating_sub(tokens)));
    }

    /// Lowers the millionths at hand to at most so many.
    pub fn hold_at_most(&mut self, now: u64, tokens: u64) {
        self.tat = self.tat.max(nanos(now).saturating_add(self.nanos_of(self.burst.saturating_sub(tokens))));
    }

    /// Returns itself as it is when it is empty at a time, or emptier.
    #[must_use]
    pub fn emptied_at(mut self, at: u64) -> Self {
        self.hold_at_most(at, 0);
        self
    }

    /// Returns the earliest millisecond at which `cost` tokens can be drawn after `ahead` of others; `now` = at once.
    #[must_use]
    pub fn ready_at(&self, now: u64, cost: u64, ahead: u64) -> u64 {
        if !self.is_on() {
            return now;
        }
        let start = if ahead == 0 { self.tat } else { self.tat.max(nanos(now)) };
        let need = self.price(cost).saturating_add(ahead.saturating_mul(self.interval));
        now.max(start.saturating_add(need).saturating_sub(self.nanos_of(self.burst)).div_ceil(NANOS))
    }

    /// Draws `cost` tokens. Returns the nanoseconds drawn.
    pub fn take(&mut self, now: u64, cost: u64) -> u64 {
        let price = self.price(cost);
        self.tat = self.tat.max(nanos(now)).saturating_add(price);
        price
    }

    /// Puts `cost` tokens back.
    pub fn give_back(&mut self, cost: u64) {
        self.tat = self.tat.saturating_sub(self.price(cost));
    }

    /// Tells whether draws that came to so many nanoseconds are partly made good by time.
    #[must_use]
    pub fn made_good(&self, now: u64, drawn: u64) -> bool {
        self.tat < nanos(now).saturating_add(drawn)
    }

    /// Returns millionths a second; the most there is where it is off.
    #[must_use]
    pub fn rate(&self) -> u64 {
        if self.is_on() { per(MICRO_RATE, self.interval) } else { u64::MAX }
    }

    /// Returns the millionths at hand.
    #[must_use]
    pub fn tokens(&self, now: u64) -> u64 {
        self.burst.saturating_sub(self.spent(now))
    }

    fn spent(&self, now: u64) -> u64 {
        ratio(self.tat.saturating_sub(nanos(now)), ONE, self.interval)
    }

    fn nanos_of(&self, tokens: u64) -> u64 {
        ratio(tokens, self.interval, ONE)
    }

    /// Returns the nanoseconds of whole tokens. A cost above the burst is the burst, else such a call could never start.
    fn price(&self, cost: u64) -> u64 {
        // Costs have 32 bits.
        if cost.wrapping_mul(ONE) <= self.burst {
            return cost.saturating_mul(self.interval);
        }
        self.nanos_of(self.burst)
    }
}

/// Returns milliseconds as nanoseconds; times end at 2^41 and waits as well, so that no sum of two comes near the edge.
const fn nanos(milliseconds: u64) -> u64 {
    milliseconds.wrapping_mul(NANOS)
}

/// Returns `a / b`, rounded down; b = 0 counts as 1.
#[must_use]
pub fn per(a: u64, b: u64) -> u64 {
    a.checked_div(b.max(1)).unwrap_or(a)
}

/// Returns `a · b / c`, rounded up, saturating; c = 0 counts as 1.
#[inline(never)]
#[must_use]
pub fn ratio(a: u64, b: u64, c: u64) -> u64 {
    let c = c.max(1);
    if let Some(product) = a.checked_mul(b) {
        return product.div_ceil(c);
    }
    // Long division of the 128 bits by hand: the compiler's own is ten times the code of this one.
    let product = u128::from(a).wrapping_mul(u128::from(b));
    let (mut rest, mut low) = ((product >> 64) as u64, product as u64);
    if rest >= c {
        return u64::MAX;
    }
    for _ in 0..64 {
        let over = rest >> 63 == 1;
        rest = rest << 1 | low >> 63;
        low <<= 1;
        if over || rest >= c {
            rest = rest.wrapping_sub(c);
            low |= 1;
        }
    }
    low.saturating_add(u64::from(rest > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, draw};

    #[test]
    fn it_equals_a_plain_token_bucket() {
        for (rate, per, burst) in [(10_u64, 1_000_u64, 1_u64), (7, 1_000, 3), (1_000, 1_000, 50), (1, 5_000, 2)] {
            let mut meter = Meter::OFF;
            meter.set(0, ratio(rate * ONE, 1_000, per), burst * ONE);
            // Tokens in units of 1 / per, so that a millisecond fills `rate` of them.
            let (mut tokens, mut at) = (burst * per, 0_u64);
            for i in 0..5_000 {
                let now = at + draw(9, i, 1, Purpose::Backoff, per / rate + 1);
                tokens = (tokens + (now - at) * rate).min(burst * per);
                at = now;
                let ready = meter.ready_at(now, 1, 0);
                assert!(ready > now || tokens + rate >= per, "early at {now}: {tokens}");
                assert!(ready <= now + 1 || tokens < per, "late at {now}: {ready}");
                if ready <= now {
                    meter.take(now, 1);
                    tokens = tokens.saturating_sub(per);
                }
            }
        }
    }

    #[test]
    fn a_change_keeps_what_is_at_hand() {
        let mut meter = Meter::OFF;
        meter.set(0, 10 * ONE, 5 * ONE);
        assert_eq!(meter.tokens(0), 5 * ONE);
        meter.take(0, 3);
        meter.set(0, 2 * ONE, 10 * ONE);
        assert_eq!(meter.tokens(0), 2 * ONE);
        meter.set(0, 2 * ONE, ONE);
        assert_eq!(meter.tokens(0), ONE);
        meter.hold(0, 0);
        assert_eq!(meter.ready_at(0, 1, 0), 500);
    }

    #[test]
    fn a_ratio_equals_that_of_wider_numbers() {
        for i in 0..20_000 {
            let any = |k| draw(5, i, k, Purpose::Backoff, u64::MAX) >> (draw(6, i, k, Purpose::Backoff, 63));
            let (a, b, c) = (any(1), any(2), any(3).max(1));
            let exact = (u128::from(a) * u128::from(b)).div_ceil(u128::from(c));
            assert_eq!(ratio(a, b, c), u64::try_from(exact).unwrap_or(u64::MAX), "{a} {b} {c}");
        }
        assert_eq!(ratio(u64::MAX, u64::MAX, u64::MAX), u64::MAX);
    }
}
