//! The circuit breaker: closed, open, and half-open with leased probes whose rate follows the traffic.
//!
//! It counts calls, not attempts: the first failure of a call counts, and a success of that call takes it back.
//!
//! It opens by a failure only, when at least half of at least 20 outcomes of the last 30 s failed, or after an unbroken
//! run of 20 failures, either spanning at least 1 s. A probe is due once the cool-down has passed and 20 calls were
//! refused or queued. Without so much traffic it is due after two cool-downs, and later with each probe that fails, up
//! to 5 s. So at most 5 % of the traffic above 4 calls/s probes.
//!
//! The breaker of a whole API stands beside those of its endpoints. It opens only by a run, and only when more than one
//! endpoint failed in it. While it is open, an endpoint whose latest outcome was no failure still passes.

use crate::config;
use crate::defaults::{ONE, SLICES};
use crate::failure::codes;
use crate::policy::window::{place_of, slice_at};

/// What a call may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    Pass,
    /// The next probe is due, and this call may be it.
    Probe,
    /// Not now; milliseconds until the next probe is due by time alone, at least 1.
    Refuse(u64),
}

/// How an attempt counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    Success,
    /// A success of a call whose failure was counted: that failure is taken back.
    Recovery,
    Failure,
    /// A further failure of a call whose failure was counted: only a probe's counts.
    Again,
    Nothing,
}

/// Where an outcome comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct From {
    /// Place of its endpoint's breaker.
    pub endpoint: u16,
    /// Calls that wait for this breaker.
    pub waiting: u32,
}

/// What a breaker guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guards {
    /// One endpoint, or a whole API that is not distinguished: opens by rate or run.
    One,
    /// All endpoints, beside a breaker for each: opens by a run in which more than one of them failed.
    All,
}

/// The right to send, as this breaker gave it. Outcomes of an older generation change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permit {
    generation: u32,
    /// 0 = no probe.
    probe: u32,
}

impl Permit {
    /// Whether the breaker neither opened nor closed between the two.
    #[must_use]
    pub const fn same_generation_as(self, other: Self) -> bool {
        self.generation == other.generation
    }
}

codes! {
    /// What a breaker is in, for events and snapshots.
    Phase {
        Closed = 0 "closed",
        Open = 1 "open",
        HalfOpen = 2 "half-open",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open(Opening),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Opening {
    /// The last opening or re-opening.
    since: u64,
    cool_until: u64,
    /// Calls refused since the opening or the last probe's Send.
    refused: u32,
    /// Successful probes in a row.
    wins: u32,
    /// Probes that failed since it opened.
    lost: u32,
    next: Next,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// After the cool-down and enough calls, or at the latest probe.
    Later,
    AtOnce,
    /// A probe is under way until then.
    Leased(u64),
}

#[derive(Debug, Clone, Copy, Default)]
struct Slice {
    /// Its number + 1; 0 = never used.
    stamp: u64,
    first: u64,
    good: u32,
    bad: u32,
}

/// One breaker.
#[derive(Debug, Clone)]
pub struct Breaker {
    settings: config::Breaker,
    guards: Guards,
    slices: [Slice; SLICES],
    run: u32,
    run_since: u64,
    /// The endpoint that the run began with, and whether another one failed in it.
    run_from: u16,
    run_mixed: bool,
    /// It closed after a silence, and nothing was counted since: the first failure opens it.
    trial: bool,
    /// When an attempt was last sent or ended.
    moved: u64,
    generation: u32,
    /// The latest probe's number.
    probe: u32,
    openings: u64,
    state: State,
}

impl Breaker {
    /// Closed, with an empty window.
    #[must_use]
    pub fn new(settings: config::Breaker, guards: Guards) -> Self {
        Self {
            settings,
            guards,
            slices: [Slice::default(); SLICES],
            run: 0,
            run_since: 0,
            run_from: 0,
            run_mixed: false,
            trial: false,
            moved: 0,
            generation: 0,
            probe: 0,
            openings: 0,
            state: State::Closed,
        }
    }

    /// Pure: what a call may do now.
    #[must_use]
    pub fn check(&self, now: u64) -> Admission {
        let State::Open(opening) = &self.state else { return Admission::Pass };
        if self.silent(now) {
            return Admission::Pass;
        }
        if self.due(opening, now) {
            return Admission::Probe;
        }
        let until = self.due_at().unwrap_or(now);
        Admission::Refuse(until.saturating_sub(now).max(1))
    }

    /// Whether nothing was sent and nothing ended for one window: what was known of the server is out of date.
    fn silent(&self, now: u64) -> bool {
        now.saturating_sub(self.moved) >= self.settings.window
    }

    fn due(&self, opening: &Opening, now: u64) -> bool {
        match opening.next {
            Next::AtOnce => true,
            Next::Leased(until) => now >= until,
            Next::Later => {
                now >= self.latest(opening) || (now >= opening.cool_until && opening.refused >= tuned!(PROBE_EVERY))
            }
        }
    }

    /// When the next probe is due however few calls ask: after 2 cool-downs, and twice as long for each that failed.
    fn latest(&self, opening: &Opening) -> u64 {
        let grown = self.settings.cool_down.saturating_mul(2 << opening.lost.min(31));
        opening.since.saturating_add(grown.min(self.settings.latest_probe))
    }

    /// When a call may pass by time alone, as the probe or after a silence; `None` = closed.
    #[must_use]
    pub fn due_at(&self) -> Option<u64> {
        let State::Open(opening) = &self.state else { return None };
        let due = match opening.next {
            Next::AtOnce => 0,
            Next::Leased(until) => until,
            Next::Later if opening.refused >= tuned!(PROBE_EVERY) => opening.cool_until.min(self.latest(opening)),
            Next::Later => self.latest(opening),
        };
        Some(due.min(self.moved.saturating_add(self.settings.window)))
    }

    /// Counts a call that was refused, or queued because this breaker is open.
    pub fn count_refusal(&mut self) {
        if let State::Open(opening) = &mut self.state {
            opening.refused = opening.refused.saturating_add(1);
        }
    }

    /// An attempt is sent after `check` let it pass; takes the lease if it is a probe.
    pub fn commit(&mut self, now: u64) -> Permit {
        if self.is_closed() {
            return self.permit();
        }
        if self.silent(now) {
            self.forget();
            return self.permit();
        }
        self.moved = now;
        Permit { generation: self.generation, probe: self.lease(now) }
    }

    /// Returns the permit of an attempt that is no probe.
    #[must_use]
    pub const fn permit(&self) -> Permit {
        Permit { generation: self.generation, probe: 0 }
    }

    /// Whether an outcome with this permit is counted in the window.
    #[must_use]
    pub const fn counts(&self, permit: Permit) -> bool {
        self.is_closed() && permit.generation == self.generation
    }

    /// An attempt is sent that this open breaker does not hold back: its endpoint did not fail.
    pub fn commit_aside(&mut self, now: u64) -> Permit {
        if self.silent(now) {
            self.forget();
        }
        self.moved = now;
        self.permit()
    }

    fn lease(&mut self, now: u64) -> u32 {
        self.probe = self.probe.wrapping_add(1).max(1);
        if let State::Open(opening) = &mut self.state {
            opening.next = Next::Leased(now.saturating_add(tuned!(LEASE)));
            opening.refused = 0;
        }
        self.probe
    }

    /// Closes after a silence; the next failure opens it.
    fn forget(&mut self) {
        self.close();
        self.trial = true;
    }

    /// Takes the failures so far out of the run.
    pub const fn begin_run_anew(&mut self) {
        self.run = 0;
    }

    /// Whether it lets all calls pass.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// A success that has no failure to take back, while it is closed: what `settle` does then.
    pub fn settle_success(&mut self, permit: Permit, now: u64) {
        if permit.generation == self.generation {
            self.succeeded(Count::Success, now);
        }
    }

    /// An attempt of the endpoint `from` ended. `draw(openings, most)` draws the cool-down's jitter from `[0, most]`.
    pub fn settle(&mut self, permit: Permit, count: Count, from: From, now: u64, draw: &dyn Fn(u64, u64) -> u64) {
        // Of use while it is open, and set when it opens.
        self.moved = now;
        if permit.generation != self.generation {
            return;
        }
        let leased = permit.probe != 0 && permit.probe == self.probe;
        match (&mut self.state, count) {
            (State::Closed, Count::Success | Count::Recovery) => self.succeeded(count, now),
            (State::Closed, Count::Failure) => {
                self.failed(from.endpoint, now);
                if core::mem::take(&mut self.trial) || self.trips(now) {
                    self.generation = self.generation.wrapping_add(1);
                    self.open(now, 0, 0, draw);
                }
            }
            (State::Closed, Count::Again | Count::Nothing) => {}
            (State::Open(opening), Count::Success | Count::Recovery) => {
                opening.wins = opening.wins.saturating_add(1);
                if opening.wins >= self.settings.probes {
                    self.close();
                } else if leased {
                    opening.next = Next::AtOnce;
                }
            }
            (State::Open(opening), Count::Failure | Count::Again) => {
                if leased && matches!(opening.next, Next::Leased(until) if now < until) {
                    let refused = opening.refused.max(from.waiting);
                    let lost = opening.lost.saturating_add(1);
                    self.open(now, refused, lost, draw);
                }
            }
            (State::Open(opening), Count::Nothing) => {
                if leased {
                    opening.next = Next::AtOnce;
                }
            }
        }
    }

    fn succeeded(&mut self, count: Count, now: u64) {
        self.run = 0;
        self.trial = false;
        if self.guards == Guards::All {
            return;
        }
        if count == Count::Recovery
            && let Some(slice) = self.slices.iter_mut().filter(|slice| slice.bad > 0).max_by_key(|slice| slice.stamp)
        {
            slice.bad = slice.bad.saturating_sub(1);
        }
        self.count(now, 1, 0);
    }

    fn failed(&mut self, from: u16, now: u64) {
        if self.run == 0 {
            self.run_since = now;
            self.run_from = from;
            self.run_mixed = false;
        }
        self.run = self.run.saturating_add(1);
        self.run_mixed |= self.run_from != from;
        self.count(now, 0, 1);
    }

    fn open(&mut self, now: u64, refused: u32, lost: u32, draw: &dyn Fn(u64, u64) -> u64) {
        self.openings = self.openings.saturating_add(1);
        let jitter = draw(self.openings, self.settings.cool_down / tuned!(COOL_DOWN_JITTER));
        let cool_until = now.saturating_add(self.settings.cool_down).saturating_add(jitter);
        self.state = State::Open(Opening { since: now, cool_until, refused, wins: 0, lost, next: Next::Later });
    }

    fn close(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        self.slices = [Slice::default(); SLICES];
        self.run = 0;
        self.state = State::Closed;
    }

    fn slice_length(&self) -> u64 {
        const RING: u64 = SLICES as u64;
        (self.settings.window / RING).max(1)
    }

    fn count(&mut self, now: u64, good: u32, bad: u32) {
        let stamp = slice_at(now, self.slice_length()).saturating_add(1);
        if let Some(slice) = self.slices.get_mut(place_of(stamp)) {
            if slice.stamp != stamp {
                *slice = Slice { stamp, first: now, good: 0, bad: 0 };
            }
            slice.good = slice.good.saturating_add(good);
            slice.bad = slice.bad.saturating_add(bad);
        }
    }

    /// Whether the failure just counted opens the breaker.
    fn trips(&self, now: u64) -> bool {
        let stamp = slice_at(now, self.slice_length()).saturating_add(1);
        let oldest_stamp = stamp.saturating_add(1).saturating_sub(SLICES as u64);
        let (mut good, mut bad, mut oldest) = (0_u64, 0_u64, now);
        for slice in self.slices.iter().filter(|slice| slice.stamp != 0 && slice.stamp >= oldest_stamp) {
            good = good.saturating_add(u64::from(slice.good));
            bad = bad.saturating_add(u64::from(slice.bad));
            oldest = oldest.min(slice.first);
        }
        let total = good.saturating_add(bad);
        let by_rate = total >= u64::from(self.settings.minimum_calls)
            && bad.saturating_mul(ONE) >= total.saturating_mul(u64::from(self.settings.failure_rate))
            && now.saturating_sub(oldest) >= tuned!(SPAN);
        let run_stamp = slice_at(self.run_since, self.slice_length()).saturating_add(1);
        // When the run is older than the window, all failures in the window are its.
        let by_run = self.run >= self.settings.run
            && now.saturating_sub(self.run_since) >= tuned!(SPAN)
            && (run_stamp >= oldest_stamp || bad >= u64::from(self.settings.run));
        match self.guards {
            Guards::One => by_rate || by_run,
            Guards::All => by_run && self.run_mixed,
        }
    }

    /// The phase at this moment: half-open while a probe holds its lease.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Closed => Phase::Closed,
            State::Open(Opening { next: Next::Leased(_), .. }) => Phase::HalfOpen,
            State::Open(_) => Phase::Open,
        }
    }

    /// Calls refused since the opening or the last probe.
    #[must_use]
    pub fn refused(&self) -> u32 {
        match &self.state {
            State::Closed => 0,
            State::Open(opening) => opening.refused,
        }
    }

    /// How long a new call waits while it is open (`breaker.wait`); `None` = not written.
    #[must_use]
    pub fn wait(&self) -> Option<u64> {
        self.settings.wait
    }

    /// Whether the API's breaker may hold its endpoint back: it is closed, and its latest outcome was a failure, or it
    /// closes by silence now. An open one has probes of its own, which must not take the API's.
    #[must_use]
    pub fn asks_api(&self, now: u64) -> bool {
        match self.state {
            State::Closed => self.run > 0 || self.trial,
            State::Open(_) => self.silent(now),
        }
    }

    /// When the cool-down ends; `None` = closed.
    #[cfg(feature = "coverage")]
    #[must_use]
    pub fn cool_until(&self) -> Option<u64> {
        let State::Open(opening) = &self.state else { return None };
        Some(opening.cool_until)
    }

    /// A success slower than this is a failure.
    #[must_use]
    pub fn slow_after(&self) -> Option<u64> {
        self.settings.slow_after
    }
}

#[cfg(test)]
mod tests;
