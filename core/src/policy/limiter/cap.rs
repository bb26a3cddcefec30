//! A cap on requests in flight, where a server refuses by their number and not by their rate.
//!
//! It shows itself when attempts are refused only with more in flight than any that succeeded.

use crate::defaults::{CAP_BAN, CAP_REFUSALS, CAP_TRIAL};

/// A cap learned from refusals.
#[derive(Debug, Clone, Copy)]
pub struct Cap {
    /// The most that may be in flight; 0 = no cap is known.
    limit: u32,
    /// The most in flight with a success and the fewest with a refusal, since the count began.
    passed: u32,
    refused: u32,
    refusals: u8,
    /// Attempts with a lower number were sent before the cap was known.
    since: u64,
    /// When one more is tried, and how long after the trial before it.
    trial_at: u64,
    pause: u64,
    /// A cap that was none is not believed again until then.
    banned_until: u64,
}

impl Cap {
    /// No cap.
    pub const NONE: Self = Self {
        limit: 0,
        passed: 0,
        refused: u32::MAX,
        refusals: 0,
        since: 0,
        trial_at: 0,
        pause: CAP_TRIAL.0,
        banned_until: 0,
    };

    /// Returns whether another attempt may go beside so many in flight.
    #[must_use]
    pub const fn admits(&self, now: u64, in_flight: u32) -> bool {
        self.limit == 0 || in_flight < self.limit || (in_flight == self.limit && now >= self.trial_at)
    }

    /// Returns the fewest in flight with a refusal; the most there is where none is counted.
    #[must_use]
    pub fn least_refused(&self) -> u64 {
        if self.refused == u32::MAX { u64::MAX } else { self.refused.into() }
    }

    /// Tells whether a cap is known.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.limit > 0
    }

    /// An attempt is sent as the `n`-th in flight. Above the limit it is a trial, and the only one for a while.
    pub const fn sent(&mut self, now: u64, n: u32) {
        if self.limit > 0 && n > self.limit {
            self.trial_at = now.saturating_add(self.pause);
        }
    }

    /// Counts a success of attempt `seq` that was sent as the `n`-th in flight. `next`: the number of the attempt sent next.
    /// Returns whether it shows a cap.
    pub fn succeeded(&mut self, now: u64, seq: u64, n: u32, next: u64) -> bool {
        self.passed = self.passed.max(n);
        if self.limit == 0 {
            return self.refusals >= CAP_REFUSALS && self.begin(now, next);
        }
        if n > self.limit && seq >= self.since {
            // The cap is higher, or there is none: the next trial comes soon.
            self.limit = n;
            self.refused = self.refused.max(n.saturating_add(1));
            self.pause = CAP_TRIAL.0;
            self.trial_at = now.saturating_add(self.pause);
        }
        false
    }

    /// Begins a cap where all refusals had more in flight than any success.
    fn begin(&mut self, now: u64, next: u64) -> bool {
        if self.passed >= self.refused {
            *self = Self { banned_until: self.banned_until, ..Self::NONE };
            return false;
        }
        let begins = self.refusals >= CAP_REFUSALS && self.passed > 0 && now >= self.banned_until;
        if begins {
            self.limit = self.refused.saturating_sub(1);
            self.since = next;
            self.trial_at = now.saturating_add(self.pause);
        }
        begins
    }

    /// Counts a refusal of attempt `seq` that was sent as the `n`-th in flight. Returns whether a cap explains it.
    pub fn refused(&mut self, now: u64, seq: u64, n: u32, next: u64) -> bool {
        if self.limit > 0 {
            if seq < self.since && n > self.passed {
                self.limit = self.limit.min(n.saturating_sub(1));
                return true;
            }
            if n > self.limit {
                self.pause = self.pause.saturating_mul(2).clamp(CAP_TRIAL.1, CAP_TRIAL.2);
                self.trial_at = now.saturating_add(self.pause);
                self.limit = self.limit.min(n.saturating_sub(1)).max(1);
                return true;
            }
            *self = Self { banned_until: now.saturating_add(CAP_BAN), ..Self::NONE };
            return false;
        }
        self.refusals = self.refusals.saturating_add(1);
        self.refused = self.refused.min(n);
        self.begin(now, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a cap of 4 that came of three refusals with 5 in flight, at a time.
    fn of_four(now: u64) -> Cap {
        let mut cap = Cap::NONE;
        cap.succeeded(now, 1, 4, 9);
        assert!(!cap.refused(now, 2, 5, 9) && !cap.refused(now, 3, 7, 9));
        assert!(cap.refused(now, 4, 6, 9) && cap.is_on());
        cap
    }

    #[test]
    fn three_refusals_with_more_in_flight_than_any_success_show_a_cap() {
        let cap = of_four(0);
        assert!(cap.admits(0, 3) && !cap.admits(0, 4));
    }

    #[test]
    fn a_success_beside_as_many_as_a_refusal_shows_that_there_is_none() {
        let mut cap = Cap::NONE;
        cap.succeeded(0, 1, 5, 9);
        assert!((0..10).all(|seq| !cap.refused(0, seq, 5, 9)));
        assert!(!cap.is_on() && cap.admits(0, 1_000));
    }

    #[test]
    fn refusals_alone_show_no_cap() {
        let mut cap = Cap::NONE;
        assert!((0..10).all(|seq| !cap.refused(0, seq, 5, 9)));
        assert!(cap.succeeded(0, 10, 4, 11), "the first success beside fewer does");
    }

    #[test]
    fn one_more_is_tried_soon_and_later_and_later_when_it_is_refused() {
        let mut cap = of_four(0);
        let (first, second, most) = CAP_TRIAL;
        assert!(!cap.admits(first - 1, 4) && cap.admits(first, 4) && !cap.admits(first, 5));
        cap.sent(first, 5);
        assert!(!cap.admits(first, 4), "one at a time");
        assert!(cap.refused(first, 10, 5, 11));
        assert!(!cap.admits(first + second - 1, 4) && cap.admits(first + second, 4));
        (0..10).for_each(|_| _ = cap.refused(first, 12, 5, 13));
        assert!(cap.admits(first + most, 4), "never later than that");
    }

    #[test]
    fn a_success_above_the_cap_raises_it() {
        let mut cap = of_four(0);
        cap.succeeded(CAP_TRIAL.0, 10, 5, 11);
        assert!(cap.admits(CAP_TRIAL.0, 4) && !cap.admits(CAP_TRIAL.0, 5));
        assert!(cap.admits(2 * CAP_TRIAL.0, 5), "the next trial comes soon");
        cap.succeeded(CAP_TRIAL.0, 8, 7, 11);
        assert!(!cap.admits(CAP_TRIAL.0, 5), "an attempt of before the cap says nothing");
    }

    #[test]
    fn a_refusal_below_the_cap_ends_it_and_none_is_believed_for_a_while() {
        let mut cap = of_four(0);
        assert!(!cap.refused(1_000, 10, 4, 11) && !cap.is_on());
        let again = |cap: &mut Cap, now| {
            cap.succeeded(now, 20, 4, 30);
            (0..3).fold(false, |_, _| cap.refused(now, 21, 5, 30))
        };
        assert!(!again(&mut cap, 1_000 + CAP_BAN - 1));
        assert!(again(&mut cap, 1_000 + CAP_BAN));
    }
}
