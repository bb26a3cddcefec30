//! What no client may do, whatever a server says: checked after every step of a run.

use super::convention::Window;
use super::server::Answer;
use unruffled_core::Reason;

/// Something that a client must not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    /// A call fails as rate-limited although the latest reading shows something left.
    FailedWithSomethingLeft,
    /// A call is told to wait for longer than two windows although nothing was refused in that time.
    ToldToWaitLong,
    /// Nothing is sent for longer than two windows while calls wait, although nothing was refused in that time.
    SilentLong,
    /// Less than one request a second goes while calls wait, although the latest reading shows something left.
    SilentWithSomethingLeft,
}

impl Broken {
    pub const ALL: [Self; 4] =
        [Self::FailedWithSomethingLeft, Self::ToldToWaitLong, Self::SilentLong, Self::SilentWithSomethingLeft];

    /// Names its sentence.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::FailedWithSomethingLeft => 'a',
            Self::ToldToWaitLong | Self::SilentLong => 'b',
            Self::SilentWithSomethingLeft => 'c',
        }
    }

    /// Says what is broken.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::FailedWithSomethingLeft => "(a) a call fails as rate-limited while a reading shows something left",
            Self::ToldToWaitLong => "(b) a call is told to wait longer than two windows without a refusal",
            Self::SilentLong => "(b) nothing goes for longer than two windows without a refusal",
            Self::SilentWithSomethingLeft => {
                "(c) less than a request a second goes while a reading shows something left"
            }
        }
    }
}

/// A request a second, and room for the rounding of times.
const SECOND: u64 = 1_050;
/// A 429 without a time speaks for so long.
const UNTIMED: u64 = 2_000;
/// With so many requests on their way the client's own cap holds calls back.
const CAP: u64 = 100;

/// What one client has seen and done.
#[derive(Debug, Clone)]
pub struct Floor {
    /// The longest wait without a refusal.
    longest: u64,
    /// The policy documents a limit, which is the cap whatever a reading shows.
    is_capped: bool,
    /// The order of sending of the latest reading, and whether it showed something left.
    reading: Option<(u64, bool)>,
    /// When the latest 429, or the latest reading that showed nothing left, came.
    refused_at: Option<u64>,
    /// Until when a 429 asked to wait.
    refused_until: u64,
    /// Since when nothing was sent while calls wait.
    silent_since: u64,
    waiting: u64,
    in_flight: u64,
    pub broken: Vec<(u64, Broken)>,
}

impl Floor {
    /// Makes one for a server with this window, for a client whose policy documents its limit or does not.
    #[must_use]
    pub fn new(window: u64, is_capped: bool) -> Self {
        Self {
            is_capped,
            longest: (2 * window).max(10_000).min(2 * Window::Minutes5.ms()),
            reading: None,
            refused_at: None,
            refused_until: 0,
            silent_since: 0,
            waiting: 0,
            in_flight: 0,
            broken: Vec::new(),
        }
    }

    fn something_left(&self) -> bool {
        !self.is_capped && self.reading.is_some_and(|(_, left)| left)
    }

    fn unrefused(&self, now: u64) -> bool {
        self.refused_at.is_none_or(|at| at + self.longest < now) && self.refused_until <= now
    }

    fn found(&mut self, now: u64, broken: Broken) {
        if self.broken.iter().all(|(_, other)| *other != broken) {
            self.broken.push((now, broken));
        }
    }

    /// Looks at the silence until now, before anything happens.
    pub fn look(&mut self, now: u64) {
        if self.waiting == 0 || self.in_flight >= CAP {
            self.silent_since = now;
            return;
        }
        let silent = now.saturating_sub(self.silent_since.max(self.refused_until));
        if silent > SECOND && self.something_left() {
            self.found(now, Broken::SilentWithSomethingLeft);
        }
        if now.saturating_sub(self.silent_since) > self.longest && self.unrefused(now) {
            self.found(now, Broken::SilentLong);
        }
    }

    /// A request leaves.
    pub fn sent(&mut self, now: u64) {
        self.in_flight += 1;
        self.silent_since = now;
    }

    /// An answer comes, of the request sent as number `order`; `left` is what its gauge shows.
    pub fn ended(&mut self, now: u64, order: u64, answer: Option<&Answer>, left: Option<u64>, asked: Option<u64>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(left) = left
            && self.reading.is_none_or(|(latest, _)| latest <= order)
        {
            if left > 0 && !self.something_left() {
                // The second begins with what it can be known from.
                self.silent_since = now;
            }
            self.reading = Some((order, left > 0));
        }
        let refused = answer.is_some_and(|answer| !answer.passed);
        if refused || left == Some(0) {
            self.refused_at = Some(now);
        }
        if refused {
            // The client draws up to a fifth on top.
            self.refused_until = self.refused_until.max(now + (asked.unwrap_or(0) * 6 / 5).max(UNTIMED));
        }
    }

    /// A call that was not refused itself begins to wait.
    pub fn waits(&mut self, now: u64) {
        if self.waiting == 0 {
            self.silent_since = now;
        }
        self.waiting += 1;
    }

    /// Such a call waits no more.
    pub fn goes_on(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// A call is told to wait so long.
    pub fn told(&mut self, now: u64, delay: u64) {
        if delay > self.longest && self.unrefused(now) {
            self.found(now, Broken::ToldToWaitLong);
        }
    }

    /// A call fails.
    pub fn failed(&mut self, now: u64, reason: Reason) {
        if reason == Reason::RateLimited && self.something_left() && self.refused_until <= now {
            self.found(now, Broken::FailedWithSomethingLeft);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(passed: bool) -> Answer {
        Answer { at: 0, after: 20, passed, told: None, wait: 0 }
    }

    fn kinds(floor: &Floor) -> Vec<Broken> {
        floor.broken.iter().map(|(_, broken)| *broken).collect()
    }

    /// A client with a call that waits from 100 ms on, and this reading.
    fn waiting(left: u64) -> Floor {
        let mut floor = Floor::new(1_000, false);
        floor.sent(0);
        floor.ended(20, 1, Some(&answer(true)), Some(left), None);
        floor.waits(100);
        floor
    }

    #[test]
    fn silence_with_something_left_is_noticed_after_a_second() {
        let mut floor = waiting(3);
        floor.look(1_100);
        assert!(floor.broken.is_empty());
        floor.look(1_200);
        assert_eq!(kinds(&floor), [Broken::SilentWithSomethingLeft]);
        let mut empty = waiting(0);
        empty.look(9_000);
        assert!(empty.broken.is_empty());
    }

    #[test]
    fn a_refusal_excuses_silence_for_the_time_that_it_asks_for() {
        let mut floor = waiting(3);
        floor.ended(200, 2, Some(&answer(false)), Some(3), Some(5_000));
        floor.look(7_200);
        assert!(floor.broken.is_empty());
        floor.look(7_300);
        assert_eq!(kinds(&floor), [Broken::SilentWithSomethingLeft]);
    }

    #[test]
    fn long_waits_without_a_refusal_are_noticed() {
        let mut floor = Floor::new(1_000, false);
        floor.told(0, 10_000);
        assert!(floor.broken.is_empty());
        floor.told(0, 10_001);
        assert_eq!(kinds(&floor), [Broken::ToldToWaitLong]);
        let mut silent = Floor::new(1_000, false);
        silent.waits(0);
        silent.look(10_000);
        assert!(silent.broken.is_empty());
        silent.look(10_001);
        assert_eq!(kinds(&silent), [Broken::SilentLong]);
        let mut day = Floor::new(Window::Day.ms(), false);
        day.told(0, 600_001);
        assert_eq!(kinds(&day), [Broken::ToldToWaitLong]);
    }

    #[test]
    fn a_call_fails_as_limited_only_with_nothing_left() {
        for (left, expected) in [(1, vec![Broken::FailedWithSomethingLeft]), (0, Vec::new())] {
            let mut floor = waiting(left);
            floor.failed(500, Reason::RateLimited);
            assert_eq!(kinds(&floor), expected);
        }
        // An older request's reading counts less.
        let mut floor = waiting(0);
        floor.ended(40, 0, Some(&answer(true)), Some(5), None);
        floor.failed(500, Reason::RateLimited);
        assert!(floor.broken.is_empty());
    }
}
