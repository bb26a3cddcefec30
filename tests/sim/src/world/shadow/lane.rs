//! A rate-limit bucket seen from outside: what was taken when, what the server asked for, and for what reasons the bucket may
//! hold a call back. It knows no rate but the documented one.

use super::heard::{HARDLY, Heard, Lesson};
use crate::world::input::Gauge;
use crate::world::marks::Mark;
use crate::world::rules::Limit;
use std::collections::VecDeque;
use unruffled_core::Engine;

const ONE: u64 = 1_000_000;

/// In a pause one call tries after the first of these times, the next after the second, and so on.
const TRIES: [u64; 5] = [FIRST_TRY, 10_000, 20_000, 40_000, 60_000];
pub const FIRST_TRY: u64 = 5_000;
/// How long a closed window is left alone at least and at most.
const CLOSED: (u64, u64) = (250, 30_000);
/// Nobody waits longer than this for a window's end that a gauge tells.
const LONGEST_RESET: u64 = 300_000;
/// A single call waits at most so long for a learned rate, which is never below 0.1 a second.
const LEARNED: u64 = 10_000;
/// While something is left one call a second goes; a place in flight is looked for every second.
const SECOND: u64 = 1_000;

/// A pause that the server asked for, from which the bucket can not depart but for one call now and then.
#[derive(Debug, Default)]
struct Asked {
    until: u64,
    /// When the next one may try, and when it does at the latest.
    next: u64,
    latest: u64,
    /// No pause was on when it began.
    fresh: bool,
    tried: usize,
}

/// A pause that may be: the latest time at which it ends.
#[derive(Debug, Default)]
struct Possible {
    until: u64,
    /// The same for one that the server asked for.
    asked: u64,
    /// The last attempt sent before it began at the earliest, and at the latest.
    seq: u64,
    latest_seq: u64,
}

#[derive(Debug)]
pub struct Lane {
    /// Most millionths of a token in any window, and its length; `None` = not documented by the policy.
    most: Option<(u64, u64)>,
    burst: u64,
    /// The time in which the documented rate fills the burst.
    fills_in: u64,
    taken: VecDeque<(u64, u64, u64)>,
    sum: u64,
    pub gauge: bool,
    /// The number of the latest attempt sent.
    sent: u64,
    asked: Asked,
    possible: Possible,
    /// When a window may have been found closed while no pause was on.
    closed_at: Option<u64>,
    pub heard: Heard,
}

/// What a snapshot of the core says of a bucket.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub has_rate: bool,
    pub paused: u64,
}

impl Seen {
    /// # Errors
    /// The snapshot does not know the bucket.
    pub fn of(core: &Engine, upstream: usize, place: usize) -> Result<Self, String> {
        let text = core.snapshot(0);
        let limits = text.split("\"limits\":[").nth(upstream + 1).and_then(|rest| rest.split(']').next());
        let bucket = limits.and_then(|limits| limits.split("\"tokens\":").nth(place + 1));
        let bucket = bucket.ok_or(format!("no bucket {place} of upstream {upstream} in {text}"))?;
        let after = |key: &str| bucket.split(key).nth(1).unwrap_or_default();
        let digits = after("\"pausedMs\":").split(|it: char| !it.is_ascii_digit()).next().unwrap_or_default();
        let paused = digits.parse().map_err(|_| format!("no pause in {bucket}"))?;
        Ok(Self { has_rate: !after("\"rate\":").starts_with("null"), paused })
    }
}

/// What a Send was in a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Took {
    Turn,
    /// The one call that tries.
    Try,
}

impl Lane {
    #[must_use]
    pub fn new(limit: Option<&Limit>) -> Self {
        let mut lane = Self {
            most: None,
            burst: u64::MAX,
            fills_in: 0,
            taken: VecDeque::new(),
            sum: 0,
            gauge: limit.is_none_or(|limit| limit.gauge),
            sent: 0,
            asked: Asked::default(),
            possible: Possible::default(),
            closed_at: None,
            heard: Heard::default(),
        };
        if let Some(limit) = limit
            && let Some((count, per)) = limit.rate
        {
            let spare = (count * (ONE - limit.headroom)).max(ONE);
            lane.burst = limit.burst.map_or(spare, |burst| burst * ONE);
            lane.fills_in = (lane.burst * per).div_ceil(count * limit.headroom) + 2;
            // A gauge may lift the rate up to the documented one.
            let rate = if limit.gauge { count * ONE } else { count * limit.headroom };
            lane.most = Some((lane.burst + rate, per));
        }
        lane
    }

    /// An endpoint's, made when an attempt of it was refused.
    #[must_use]
    pub fn of_endpoint(sent: u64) -> Self {
        Self { sent, ..Self::new(None) }
    }

    /// A Send draws `cost` tokens.
    ///
    /// # Errors
    /// Too early in a pause that the server asked for, or more than the limit in one window.
    pub fn take(&mut self, now: u64, cost: u64, sequence: u64) -> Result<Took, String> {
        self.sent = sequence;
        self.heard.took(cost);
        let mut took = Took::Turn;
        let Asked { until, next, latest, fresh, tried } = &mut self.asked;
        if now < *until {
            if now < *next {
                return Err(format!(
                    "sent at {now}, but the bucket is paused until {until}, and tried again at {next}"
                ));
            }
            *next = now + TRIES[(*tried).min(TRIES.len() - 1)];
            // How many tried before is known where it began with the server's word.
            *latest = if *fresh { *next } else { now + TRIES[TRIES.len() - 1] };
            *tried += 1;
            took = Took::Try;
        }
        self.draw(now, cost, sequence)?;
        Ok(took)
    }

    fn draw(&mut self, now: u64, cost: u64, sequence: u64) -> Result<(), String> {
        let Some((most, per)) = self.most else { return Ok(()) };
        while self.taken.front().is_some_and(|(at, ..)| at + per <= now) {
            self.sum -= self.taken.pop_front().map_or(0, |(_, cost, _)| cost);
        }
        let cost = (cost * ONE).min(self.burst);
        self.taken.push_back((now, cost, sequence));
        self.sum += cost;
        // A window that is shut on both sides holds one interval more than it is long.
        if self.sum > most + ONE.max(cost) {
            return Err(format!("{} millionths in {per} ms up to {now}, more than {most}", self.sum));
        }
        Ok(())
    }

    /// The attempt was never sent.
    pub fn give_back(&mut self, sequence: u64) {
        if let Some(at) = self.taken.iter().position(|(.., taken)| *taken == sequence) {
            self.sum -= self.taken.remove(at).map_or(0, |(_, cost, _)| cost);
        }
    }

    /// Tells whether the policy documents its rate.
    #[must_use]
    pub fn is_documented(&self) -> bool {
        self.most.is_some()
    }

    /// Tells whether its rate may change by time alone, or by what others do.
    #[must_use]
    pub fn moves(&self) -> bool {
        self.most.is_none() || self.heard.may_pace()
    }

    /// Tells whether it may make a call wait that finds nobody in line: for what the policy documents, for a pause, or for a rate
    /// that a gauge or refusals taught.
    #[must_use]
    pub fn may_hold_back(&self, now: u64) -> bool {
        self.most.is_some() || now < self.possible.until || self.heard.may_pace()
    }

    /// Returns the latest time at which its pause ends.
    #[must_use]
    pub fn paused_until(&self) -> u64 {
        self.possible.until
    }

    /// The bucket says how long its pause is.
    ///
    /// # Errors
    /// That is shorter than the server asked for, or longer than anything explains.
    pub fn says_paused(&mut self, now: u64, left: u64) -> Result<(), String> {
        let (least, most) = (self.asked.until.saturating_sub(now), self.possible.until.saturating_sub(now));
        if !(least..=most).contains(&left) {
            return Err(format!("the bucket is paused for {left} ms, expected {least} to {most}"));
        }
        self.possible.until = now + left;
        self.possible.asked = self.possible.asked.min(now + left);
        Ok(())
    }

    /// The server asked to wait: at least until `least`, at most until `most`. `surely`: nothing that the bucket knows speaks
    /// against it. `first_try`: when one call tries, if no pause came before.
    pub fn asks(&mut self, now: u64, (least, most): (u64, u64), surely: bool, first_try: u64) {
        let fresh = self.closed_at == Some(now) || self.possible.until <= now;
        self.may_pause(now, most);
        self.possible.asked = self.possible.asked.max(most);
        if !surely {
            return;
        }
        if self.asked.until <= now {
            // In a pause that may have begun before it is not known who tried.
            let (next, latest) = if fresh { (first_try, now + FIRST_TRY) } else { (now, now + TRIES[TRIES.len() - 1]) };
            self.asked = Asked { until: 0, next, latest, fresh, tried: 0 };
        }
        self.asked.until = self.asked.until.max(least);
    }

    /// A pause may have begun, or gone on, until then at the latest.
    pub fn may_pause(&mut self, now: u64, until: u64) {
        if self.possible.until <= now {
            self.possible.seq = self.sent;
        }
        self.possible.latest_seq = self.sent;
        self.possible.until = self.possible.until.max(until);
    }

    /// An attempt succeeded. Returns whether that ended a pause, if there was one.
    pub fn succeeded(&mut self, now: u64, sequence: u64) -> bool {
        self.heard.succeeded();
        if sequence <= self.possible.seq {
            return false;
        }
        self.asked.until = 0;
        let ends = now < self.possible.until && sequence > self.possible.latest_seq;
        if ends {
            (self.possible.until, self.possible.asked) = (0, 0);
        }
        ends
    }

    /// An attempt of it was refused.
    ///
    /// # Errors
    /// It learned from a first refusal, or did not from a second; or it is paused, and no closed window explains that.
    pub fn refused(
        &mut self,
        now: u64,
        in_flight: u64,
        seen: Seen,
        named: bool,
        hit: &mut dyn FnMut(Mark),
    ) -> Result<(), String> {
        let (learned, successes) = (self.heard.may_learn(), self.heard.successes());
        let fresh = self.possible.until <= now;
        let lesson = self.heard.refused(now, in_flight);
        if learned {
            self.may_pause(now, now + CLOSED.1);
            self.closed_at = fresh.then_some(now);
        }
        if self.is_documented() || self.heard.is_gauged() {
            return Ok(());
        }
        match lesson {
            Lesson::Nothing if seen.has_rate => return Err("one 429 alone taught a rate".to_owned()),
            Lesson::Learns if !seen.has_rate => return Err("a second 429 taught no rate".to_owned()),
            Lesson::Nothing => hit(Mark::FirstTeachesNothing),
            Lesson::Learns if !learned => hit(Mark::SecondTeaches),
            Lesson::Learns | Lesson::Unknown => {}
        }
        if learned && !named && fresh && seen.paused > 0 {
            hit(Mark::WindowClosed);
            if successes >= HARDLY {
                return Err(format!("{successes} successes since the last refusal, and its window is called closed"));
            }
        }
        Ok(())
    }

    /// An answer told its gauge.
    ///
    /// `wait`: what it asks to wait beside the gauge.
    pub fn reads(&mut self, now: u64, gauge: Gauge, wait: Option<u64>, success: bool, in_flight: u64) {
        let first = !self.heard.is_gauged();
        self.heard.reads(now, gauge, success, in_flight);
        let told = wait.unwrap_or(gauge.reset * 1_000).min(LONGEST_RESET);
        if gauge.remaining == 0 && told > 0 {
            // A reset may be rounded up by a second.
            let window =
                gauge.window.map_or((gauge.reset * 1_000).saturating_sub(1_000).max(1_000), |window| window * 1_000);
            // What came before the first reading may be known to be a cap.
            let surely = first && !self.heard.may_be_capped();
            self.asks(now, (now + told.min(window), now + told), surely, now + 1);
        }
        if gauge.remaining > 0 {
            // Something is left again: a pause that nothing left began is over, and which one that was is not known here.
            self.asked.until = 0;
        }
    }

    /// Returns the latest time at which the head of its line has its turn, by all that may hold it back.
    #[must_use]
    pub fn latest_turn(&self, now: u64) -> u64 {
        let mut at = now + SECOND;
        if now < self.possible.until {
            // Without a gauge one call tries now and then, whatever the server asked for.
            let tries = if self.heard.is_gauged() || self.asked.until <= now { u64::MAX } else { self.asked.latest };
            at = at.max(self.possible.until.min(tries));
        }
        if self.heard.may_learn() {
            at = at.max(now + LEARNED);
        }
        self.heard.used_up_until(now).map_or(u64::MAX, |until| at.max(until).saturating_add(self.fills_in))
    }
}
