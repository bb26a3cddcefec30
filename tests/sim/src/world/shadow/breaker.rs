//! A breaker told from the sentences of `core/manual/waits-and-refusals.md` alone: a list of all outcomes, counted anew for
//! each.
//!
//! The draw of the cool-down is the core's own: it is asked for and held against its range.

use crate::world::rules::BreakerRules;
use std::collections::VecDeque;

const LEASE: u64 = 2_500;
const SPAN: u64 = 1_000;
const EVERY: u64 = 20;
const SLICES: u64 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    Success,
    /// A success of a call whose failure stands in the window: it is taken back.
    Recovery,
    /// The first of its call.
    Failure,
    /// A further one of its call.
    Again,
    Nothing,
}

/// What a breaker guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guards {
    /// One endpoint, or an API that is not told apart.
    One,
    /// All endpoints, beside a breaker for each.
    All,
}

/// What a Send took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permit {
    generation: u64,
    /// 0 = no probe.
    pub probe: u64,
}

/// What it says to who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    Pass,
    /// Go, as the probe.
    Probe,
    /// Not before then, by time alone.
    Refuse(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Later,
    AtOnce,
    Leased(u64),
}

#[derive(Debug, Clone, Copy)]
struct Open {
    /// The latest opening or failed probe.
    since: u64,
    cool_until: u64,
    turned_away: u64,
    wins: u64,
    /// Probes that failed since it opened.
    lost: u32,
    next: Next,
    /// The latest opening, Send or end.
    moved: u64,
}

/// A call as the window has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Good,
    Bad,
    /// A failure that was taken back: it happened, and counts no more.
    Void,
}

/// What an outcome did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    No,
    TookBack,
    Opened {
        by_run_alone: bool,
        on_trial: bool,
    },
    /// A probe failed, and so many calls count already for the next one.
    Reopened {
        counted: u64,
    },
    Closed {
        late: bool,
        /// By a call that was no probe.
        aside: bool,
    },
    NextDue,
    Old {
        open: bool,
    },
    LateFailure,
}

/// One breaker.
#[derive(Debug, Clone)]
pub struct Breaker {
    rules: BreakerRules,
    guards: Guards,
    outcomes: VecDeque<(u64, Outcome)>,
    /// The failures since the latest success: when, and at whose gate.
    run: Vec<(u64, u16)>,
    /// It closed after a silence, and nothing was counted since: the first failure opens it.
    trial: bool,
    generation: u64,
    probes: u64,
    open: Option<Open>,
}

impl Breaker {
    #[must_use]
    pub fn new(rules: BreakerRules, guards: Guards) -> Self {
        let (outcomes, run) = (VecDeque::new(), Vec::new());
        Self { rules, guards, outcomes, run, trial: false, generation: 0, probes: 0, open: None }
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether the API's breaker may hold its endpoint back: closed, also by silence, and the latest outcome was a failure.
    #[must_use]
    pub fn asks_api(&self, now: u64) -> bool {
        match &self.open {
            None => !self.run.is_empty() || self.trial,
            Some(open) => now >= open.moved + self.rules.window,
        }
    }

    /// Takes the failures so far out of the run.
    pub fn begin_run_anew(&mut self) {
        self.run.clear();
    }

    /// `breaker.wait`, if it is written.
    #[must_use]
    pub fn wait(&self) -> Option<u64> {
        self.rules.wait
    }

    #[must_use]
    pub fn slow_after(&self) -> Option<u64> {
        self.rules.slow_after
    }

    #[must_use]
    pub fn window(&self) -> u64 {
        self.rules.window
    }

    /// Whether an outcome that comes with this permit would be counted in the window.
    #[must_use]
    pub fn counts(&self, permit: Permit) -> bool {
        self.open.is_none() && permit.generation == self.generation
    }

    /// The generation of what it counts.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What it says now.
    #[must_use]
    pub fn says(&self, now: u64) -> Says {
        let Some(open) = self.open else { return Says::Pass };
        let silent_at = open.moved + self.rules.window;
        if now >= silent_at {
            return Says::Pass;
        }
        // 1 s after the opening, twice as long after each probe that failed, up to the latest probe.
        let latest = open.since + ((self.rules.cool_down * 2) << open.lost.min(20)).min(self.rules.latest_probe);
        let due = match open.next {
            Next::AtOnce => 0,
            Next::Leased(until) => until,
            Next::Later if open.turned_away >= EVERY => latest.min(open.cool_until),
            Next::Later => latest,
        };
        if now >= due { Says::Probe } else { Says::Refuse(due.min(silent_at)) }
    }

    /// It opened or re-opened just now; this is when the core says that the cool-down ends.
    ///
    /// # Errors
    /// A cool-down outside its range.
    pub fn cools_until(&mut self, at: Option<u64>) -> Result<(), String> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let least = open.since + self.rules.cool_down;
        match at {
            Some(at) if at >= least && at <= least + self.rules.cool_down / 10 => open.cool_until = at,
            other => return Err(format!("opened at {}, but cools until {other:?}", open.since)),
        }
        Ok(())
    }

    pub fn turn_away(&mut self) {
        if let Some(open) = &mut self.open {
            open.turned_away += 1;
        }
    }

    /// A Send; `aside`: this breaker does not hold back the call's endpoint. Also whether a silence closed it.
    pub fn commit(&mut self, now: u64, aside: bool) -> (Permit, bool) {
        let silent = self.says(now) == Says::Pass;
        let mut probe = 0;
        let mut closed = false;
        match &mut self.open {
            None => {}
            Some(_) if silent => {
                self.close();
                self.trial = true;
                closed = true;
            }
            Some(open) if aside => open.moved = now,
            Some(open) => {
                self.probes += 1;
                probe = self.probes;
                open.next = Next::Leased(now + LEASE);
                open.turned_away = 0;
                open.moved = now;
            }
        }
        (Permit { generation: self.generation, probe }, closed)
    }

    /// An attempt's outcome. `from`: the gate of its endpoint; `waiting`: calls that wait for this breaker.
    pub fn settle(&mut self, permit: Permit, count: Count, from: u16, waiting: &dyn Fn() -> u64, now: u64) -> Moved {
        if let Some(open) = &mut self.open {
            open.moved = now;
        }
        if permit.generation != self.generation {
            return Moved::Old { open: self.open.is_some() };
        }
        let latest = permit.probe > 0 && permit.probe == self.probes;
        let Some(open) = &mut self.open else { return self.count(count, from, now) };
        let lapsed = !latest || !matches!(open.next, Next::Leased(until) if now < until);
        match count {
            Count::Success | Count::Recovery => {
                open.wins += 1;
                if open.wins >= self.rules.probes {
                    self.close();
                    return Moved::Closed { late: lapsed, aside: permit.probe == 0 };
                }
                if latest {
                    open.next = Next::AtOnce;
                    return Moved::NextDue;
                }
                Moved::No
            }
            Count::Failure | Count::Again if lapsed => Moved::LateFailure,
            Count::Failure | Count::Again => {
                let (lost, turned_away) = (open.lost + 1, open.turned_away.max(waiting()));
                *open = Open { since: now, cool_until: 0, turned_away, wins: 0, lost, next: Next::Later, moved: now };
                Moved::Reopened { counted: turned_away }
            }
            Count::Nothing => {
                if latest {
                    open.next = Next::AtOnce;
                }
                Moved::No
            }
        }
    }

    fn close(&mut self) {
        self.generation += 1;
        self.open = None;
        self.outcomes.clear();
        self.run.clear();
    }

    fn count(&mut self, count: Count, from: u16, now: u64) -> Moved {
        self.forget(now);
        match count {
            Count::Nothing | Count::Again => return Moved::No,
            Count::Success | Count::Recovery => {
                self.run.clear();
                self.trial = false;
                let mut moved = Moved::No;
                if count == Count::Recovery
                    && let Some((_, last)) = self.outcomes.iter_mut().rev().find(|(_, it)| *it == Outcome::Bad)
                {
                    *last = Outcome::Void;
                    moved = Moved::TookBack;
                }
                self.outcomes.push_back((now, Outcome::Good));
                return moved;
            }
            Count::Failure => {
                self.run.push((now, from));
                self.outcomes.push_back((now, Outcome::Bad));
            }
        }
        let by_run = self.by_run(now);
        let by_rate = self.guards == Guards::One && self.by_rate(now);
        let on_trial = std::mem::take(&mut self.trial);
        if !by_rate && !by_run && !on_trial {
            return Moved::No;
        }
        self.generation += 1;
        let (cool_until, turned_away, wins, lost, next) = (0, 0, 0, 0, Next::Later);
        self.open = Some(Open { since: now, cool_until, turned_away, wins, lost, next, moved: now });
        Moved::Opened { by_run_alone: !by_rate && !on_trial, on_trial }
    }

    /// So many in the window, and such a share failed.
    fn by_rate(&self, now: u64) -> bool {
        let bad = self.outcomes.iter().filter(|(_, it)| *it == Outcome::Bad).count() as u64;
        let total = self.outcomes.iter().filter(|(_, it)| *it != Outcome::Void).count() as u64;
        total >= self.rules.minimum_calls
            && bad * 1_000_000 >= total * self.rules.failure_rate
            && self.outcomes.front().is_some_and(|(at, _)| now - at >= SPAN)
    }

    /// The last so many all failed, and the first of them is in the window. Beside its endpoints an API's breaker asks that
    /// more than one of them failed.
    fn by_run(&self, now: u64) -> bool {
        let Some(first) = self.run.len().checked_sub(self.rules.run as usize) else { return false };
        let (begun, whose) = self.run[0];
        now - begun >= SPAN
            && self.in_window(self.run[first].0, now)
            && (self.guards == Guards::One || self.run.iter().any(|(_, other)| *other != whose))
    }

    /// The window is the slice of `now` and nine before it, aligned to 0.
    fn in_window(&self, at: u64, now: u64) -> bool {
        let slice = (self.rules.window / SLICES).max(1);
        at / slice + SLICES > now / slice
    }

    fn forget(&mut self, now: u64) {
        while self.outcomes.front().is_some_and(|(at, _)| !self.in_window(*at, now)) {
            self.outcomes.pop_front();
        }
    }
}
