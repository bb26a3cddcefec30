//! What refusals without a gauge teach: a rate that succeeded, lowered at each refusal, and growing until the next.
//!
//! A refusal says that the server's tokens are used up. What succeeded between two of them came back in that time. A refusal
//! soon after another, with hardly a success between them, says nothing of the rate: a window is closed, and is tried now and
//! then.

use super::meter::{Meter, ratio};
use crate::defaults::{
    LEARN_CLOSE, LEARN_CLOSED, LEARN_CUT, LEARN_FAR, LEARN_FLOOR, LEARN_LEAST, LEARN_NEAR, LEARN_NEARLY, LEARN_PAST,
    LEARN_SLOW, LEARN_SLOW_TOKENS, LEARN_STEADY, LEARN_STEP, LEARN_SUCCESSES, LEARN_UNEXPLAINED, ONE, PACE_BURST,
    SUSPECT, SUSPECT_ANSWERS,
};

/// The rate at the last refusal where none was refused yet, in rates.
const UNKNOWN: u64 = 100;

/// What a refusal did to a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lesson {
    /// The rate was not what was refused.
    Unexplained,
    /// The rate was lowered.
    Lowered,
    /// The window is closed: no call is to go for so many milliseconds.
    Closed(u64),
}

/// A rate learned from refusals.
#[derive(Debug, Clone, Copy)]
pub struct Learned {
    pub meter: Meter,
    /// The rate at the last refusal, millionths a second.
    ceiling: u64,
    grown_at: u64,
    /// When the tokens were used up, and when calls went again after that.
    used_up_at: u64,
    opened_at: u64,
    /// When a first refusal came that taught nothing.
    suspect: Option<u64>,
    /// Successes since the tokens were used up, or since that first refusal.
    successes: u32,
    /// How often the window was found closed in a row.
    closed: u8,
    /// The gauge showed nothing left when the rate was learned: it knows this limit.
    pub by_gauge: bool,
}

impl Learned {
    /// Nothing.
    pub const NOTHING: Self = Self {
        meter: Meter::OFF,
        ceiling: 0,
        grown_at: 0,
        used_up_at: 0,
        opened_at: 0,
        suspect: None,
        successes: 0,
        closed: 0,
        by_gauge: false,
    };

    /// Counts a success.
    pub fn succeeded(&mut self) {
        self.successes = self.successes.saturating_add(1);
        self.closed = 0;
    }

    /// Tells whether a refusal begins the learning: the second one within 20 successes or a second does, the first is that
    /// call's affair.
    pub fn suspects(&mut self, now: u64) -> bool {
        let again = self.suspect.is_some_and(|at| self.successes < SUSPECT_ANSWERS || now.saturating_sub(at) < SUSPECT);
        (self.suspect, self.successes) = (Some(now), 0);
        again
    }

    /// Begins with the rate that succeeds at present.
    pub fn begin(&mut self, now: u64, achieved: u64) {
        let rate = achieved.max(LEARN_LEAST);
        *self = Self {
            ceiling: rate.saturating_mul(UNKNOWN),
            grown_at: now,
            used_up_at: now,
            opened_at: now,
            ..Self::NOTHING
        };
        self.meter.set(now, rate, burst(rate));
        self.meter.hold(now, ONE);
    }

    /// Lets no rate grow until then, because no call goes.
    pub fn pause(&mut self, until: u64) {
        self.grown_at = self.grown_at.max(until);
        self.opened_at = self.opened_at.max(until);
    }

    /// Takes in the refusal of an attempt that was sent at the present rate.
    pub fn refused(&mut self, now: u64) -> Lesson {
        self.grow(now);
        if self.successes < LEARN_SUCCESSES {
            self.closed = self.closed.saturating_add(1).min(16);
            let mut wait = LEARN_CLOSED.0;
            for _ in 1..self.closed {
                wait = wait.saturating_mul(8) / 5;
            }
            let wait = wait.min(LEARN_CLOSED.1);
            return Lesson::Closed(wait);
        }
        let waited = self.opened_at.saturating_sub(self.used_up_at) >= LEARN_CLOSED.0;
        if self.successes >= LEARN_UNEXPLAINED && !waited && self.meter.rate() < ratio(self.ceiling, LEARN_NEARLY, ONE)
        {
            // Below the rate that was refused before, and many succeeded since: some answers are 429 whatever the rate is.
            self.ceiling = self.ceiling.saturating_mul(2);
            // The next one soon after it is a lesson, and shows no closed window.
            (self.used_up_at, self.opened_at, self.successes) = (now, now, LEARN_SUCCESSES);
            return Lesson::Unexplained;
        }
        let good = u64::from(self.successes).saturating_mul(ONE);
        let open = now.saturating_sub(self.opened_at);
        // A rate that grew fast is far above the limit, which is no more than what succeeded since the pause.
        let rate = self.meter.rate();
        let most = ratio(good, 1_000, open.max(1));
        let rate =
            if rate > most.saturating_add(most / 4) { rate.saturating_add(most.saturating_mul(2)) / 3 } else { rate };
        let made = ratio(good, 1_000, now.saturating_sub(self.used_up_at).max(1));
        let cut = ratio(rate, LEARN_CUT, ONE);
        let lowered = if open >= LEARN_STEADY { cut } else { made.max(rate / 2).min(cut) }.max(LEARN_FLOOR);
        self.meter.set(now, lowered, burst(lowered));
        self.ceiling = rate;
        (self.grown_at, self.used_up_at, self.opened_at, self.successes) = (now, now, now, 0);
        Lesson::Lowered
    }

    /// Returns the meter with the rate it has grown to by now.
    #[must_use]
    pub fn at(&self, now: u64) -> Meter {
        let mut meter = self.meter;
        let steps = self.steps(now);
        if meter.is_on() && steps > 0 {
            let mut rate = meter.rate();
            for _ in 0..steps.min(240) {
                let share = self.growth(rate).saturating_mul(LEARN_STEP) / 1_000;
                rate = rate.saturating_add(ratio(rate, share, ONE).max(1));
            }
            meter.set(now, rate, meter.burst());
        }
        meter
    }

    /// Takes the growth so far into the state.
    pub fn grow(&mut self, now: u64) {
        let steps = self.steps(now);
        if self.meter.is_on() && steps > 0 {
            self.meter = self.at(now);
            let rate = self.meter.rate();
            self.meter.set(now, rate, burst(rate));
            self.grown_at = self.grown_at.saturating_add(steps.saturating_mul(LEARN_STEP));
        }
    }

    fn steps(&self, now: u64) -> u64 {
        now.saturating_sub(self.grown_at) / LEARN_STEP
    }

    /// Returns the share that the rate grows by a second: little near the rate that was refused.
    fn growth(&self, rate: u64) -> u64 {
        let of_ceiling = ratio(rate, ONE, self.ceiling);
        if !(ONE / 2..=ONE.saturating_mul(2)).contains(&of_ceiling) {
            return LEARN_FAR;
        }
        if !(LEARN_CLOSE..=LEARN_PAST).contains(&of_ceiling) {
            return LEARN_NEAR;
        }
        // From the cut back to the ceiling in that time, or in so many tokens.
        let slow = LEARN_SLOW.max(ratio(LEARN_SLOW_TOKENS, 1_000, self.ceiling));
        ratio(ONE.saturating_sub(LEARN_CUT), 1_000, slow)
    }
}

/// Returns the burst of a paced rate.
#[must_use]
pub fn burst(rate: u64) -> u64 {
    ONE.max(rate / PACE_BURST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what is learned at a time from 20 successes a second.
    fn of_twenty(now: u64) -> Learned {
        let mut learned = Learned::NOTHING;
        learned.begin(now, 20 * ONE);
        learned
    }

    fn succeed(learned: &mut Learned, times: u32) {
        (0..times).for_each(|_| learned.succeeded());
    }

    #[test]
    fn one_refusal_alone_teaches_nothing_and_a_second_soon_after_does() {
        for (successes, later, again) in [
            (SUSPECT_ANSWERS, SUSPECT, false),
            (SUSPECT_ANSWERS - 1, 1_000_000, true),
            (SUSPECT_ANSWERS, SUSPECT - 1, true),
        ] {
            let mut learned = Learned::NOTHING;
            assert!(!learned.suspects(5));
            succeed(&mut learned, successes);
            assert_eq!(learned.suspects(5 + later), again, "{successes} successes and {later} ms later");
        }
    }

    #[test]
    fn it_begins_with_what_succeeds_and_with_one_a_second_at_least() {
        assert_eq!(of_twenty(0).meter.rate(), 20 * ONE);
        let mut learned = Learned::NOTHING;
        learned.begin(0, 0);
        assert_eq!(learned.meter.rate(), LEARN_LEAST);
        assert_eq!(learned.meter.tokens(0), ONE, "one may go at once");
    }

    #[test]
    fn a_refusal_after_calm_lowers_the_rate_a_little() {
        let mut learned = of_twenty(0);
        succeed(&mut learned, 20 * LEARN_STEADY as u32 / 1_000);
        learned.grown_at = LEARN_STEADY;
        assert_eq!(learned.refused(LEARN_STEADY), Lesson::Lowered);
        assert!(learned.meter.rate().abs_diff(ratio(20 * ONE, LEARN_CUT, ONE)) < 10);
    }

    #[test]
    fn a_refusal_soon_after_lowers_it_to_what_came_back() {
        let mut learned = of_twenty(0);
        learned.grown_at = 1_000;
        succeed(&mut learned, 17);
        assert_eq!(learned.refused(1_000), Lesson::Lowered);
        assert_eq!(learned.meter.rate(), 17 * ONE);
    }

    #[test]
    fn a_rate_far_above_what_succeeded_counts_as_a_third_of_itself_and_two_of_that() {
        let mut learned = of_twenty(0);
        learned.grown_at = 1_000;
        succeed(&mut learned, 5);
        assert_eq!(learned.refused(1_000), Lesson::Lowered);
        assert_eq!((learned.ceiling, learned.meter.rate()), (10 * ONE, 5 * ONE), "(20 + 2 · 5) / 3, and half of it");
    }

    #[test]
    fn refusals_with_hardly_a_success_between_show_a_closed_window_that_is_tried_less_and_less() {
        let mut learned = of_twenty(0);
        let mut waits = std::vec::Vec::new();
        for _ in 0..16 {
            match learned.refused(1) {
                Lesson::Closed(wait) => waits.push(wait),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(waits[..4], [250, 400, 640, 1_024]);
        assert_eq!(waits[15], LEARN_CLOSED.1);
        assert_eq!(learned.meter.rate(), 20 * ONE, "its rate stays");
        learned.succeeded();
        assert_eq!(learned.refused(1), Lesson::Closed(LEARN_CLOSED.0), "a success ends the row");
    }

    #[test]
    fn a_refusal_soon_after_an_unexplained_one_lowers_the_rate_a_little() {
        let mut learned = of_twenty(0);
        learned.ceiling = 40 * ONE;
        succeed(&mut learned, LEARN_UNEXPLAINED);
        learned.grown_at = 15_000;
        assert_eq!(learned.refused(15_000), Lesson::Unexplained);
        succeed(&mut learned, 1);
        assert_eq!(learned.refused(15_100), Lesson::Lowered);
        assert_eq!(learned.meter.rate(), ratio(20 * ONE, LEARN_CUT, ONE));
    }

    #[test]
    fn a_rate_never_falls_below_a_tenth_a_second() {
        let mut learned = Learned::NOTHING;
        learned.begin(0, 0);
        for seq in 0..100 {
            succeed(&mut learned, LEARN_SUCCESSES);
            let after = seq * 10_000;
            learned.grown_at = after;
            learned.refused(after);
        }
        assert_eq!(learned.meter.rate(), LEARN_FLOOR);
    }

    #[test]
    fn it_grows_slowly_near_the_refused_rate_and_fast_far_from_it() {
        let grown = |share: u64| {
            let mut learned = of_twenty(0);
            learned.ceiling = 20 * ONE;
            learned.meter.set(0, ratio(20 * ONE, share, 100), ONE);
            let before = learned.meter.rate();
            learned.grow(1_000);
            assert_eq!(learned.steps(1_000), 0, "the growth is in the state");
            (learned.meter.rate() - before) * 1_000 / before
        };
        let (far, near, close) = (grown(40), grown(70), grown(95));
        assert!(far > near && near > close, "{far} {near} {close}");
        assert!((9..=11).contains(&close), "back at the ceiling in 12 s: {close} thousandths a second");
        assert!(grown(110) > close, "beyond it the limit is another one by now");
    }

    #[test]
    fn no_rate_grows_in_a_pause() {
        let mut learned = of_twenty(0);
        learned.pause(5_000);
        assert_eq!(learned.at(5_000).rate(), 20 * ONE);
        assert!(learned.at(6_000).rate() > 20 * ONE);
    }
}
