//! What a bucket has heard of its limit: refusals, successes and readings as lists, and what they may have taught at most.

use crate::world::input::Gauge;
use std::collections::VecDeque;

/// A refusal begins a learned rate when fewer successes came since the one before it …
const SUCCESSES: u64 = 20;
/// … or less time passed.
const SHORTLY: u64 = 1_000;
/// A refusal with fewer successes since the one before it may show a closed window.
pub const HARDLY: u64 = 5;
/// So many refusals beside other attempts in flight show a cap on these.
const REFUSALS: u64 = 3;
/// In so many readings a gauge shows that it counts what is in flight.
const READINGS: usize = 17;
/// The least rate for a key that others use as well lets one call go in this time.
const SHARED: u64 = 10_000;
/// Two measures of a gauge show whether others use the key.
const MEASURES: u64 = 1_000;

/// What it did to a bucket without a gauge that an attempt of it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lesson {
    /// Nothing: it was the first for long.
    Nothing,
    /// It has a learned rate now.
    Learns,
    /// It may have one.
    Unknown,
}

/// A reading that came.
#[derive(Debug, Clone, Copy)]
struct Read {
    at: u64,
    gauge: Gauge,
    success: bool,
    in_flight: u64,
}

#[derive(Debug, Default)]
pub struct Heard {
    /// When the last attempt was refused, and successes since then.
    refused_at: Option<u64>,
    successes: u64,
    /// Refusals of attempts that were not alone in flight.
    beside: u64,
    learns: bool,
    /// It may have known a cap once, which forgets what was learned.
    was_capped: bool,
    /// The latest readings, and the number of the attempt that brought the last.
    readings: VecDeque<Read>,
    first_read_at: Option<u64>,
    pub read_sequence: u64,
    /// The most that was ever left.
    high: u64,
    /// Something was left at a success after a reading without; a window's length may be too short for resets in seconds.
    refills: bool,
    emptied: bool,
    short: bool,
    /// Readings named more than one limit or window.
    changes: bool,
    /// Drawn since the last reading.
    drawn: u64,
}

impl Heard {
    pub fn succeeded(&mut self) {
        self.successes += 1;
    }

    /// `cost` tokens were drawn.
    pub fn took(&mut self, cost: u64) {
        self.drawn += cost;
    }

    /// An attempt was refused; `in_flight` were in flight when it was sent, itself counted.
    pub fn refused(&mut self, now: u64, in_flight: u64) -> Lesson {
        self.beside = if in_flight > 1 { self.beside + 1 } else { 0 };
        let shortly = self.refused_at.is_some_and(|at| now - at < SHORTLY || self.successes < SUCCESSES);
        (self.refused_at, self.successes) = (Some(now), 0);
        self.learns |= shortly;
        self.was_capped |= self.may_be_capped();
        match self.learns {
            false => Lesson::Nothing,
            true if self.is_gauged() || self.was_capped => Lesson::Unknown,
            true => Lesson::Learns,
        }
    }

    /// Successes since the last refusal.
    #[must_use]
    pub fn successes(&self) -> u64 {
        self.successes
    }

    pub fn reads(&mut self, now: u64, gauge: Gauge, success: bool, in_flight: u64) {
        self.first_read_at.get_or_insert(now);
        self.refills |= self.emptied && success && gauge.remaining < 3;
        self.emptied |= gauge.remaining == 0;
        self.short |= gauge.window.map_or(gauge.reset <= 2, |window| window < 5);
        self.high = self.high.max(gauge.remaining);
        // Without a named window the longest time to a reset names one; a reset that comes earlier than was said, with
        // less left, is of another.
        let ends = |at: u64, gauge: &Gauge| at + gauge.reset * 1_000 + 1_000;
        let earlier = |read: &Read| {
            gauge.window.is_none()
                && gauge.remaining < read.gauge.remaining
                && ends(now, &gauge) < ends(read.at, &read.gauge) - 1_000
        };
        let same = |read: &Read| (read.gauge.limit, read.gauge.window) == (gauge.limit, gauge.window) && !earlier(read);
        self.changes |= !self.readings.back().is_none_or(same);
        self.readings.push_back(Read { at: now, gauge, success, in_flight });
        if self.readings.len() > READINGS {
            self.readings.pop_front();
        }
        self.drawn = 0;
    }

    /// An answer told its gauge that was sent before one that is known.
    pub fn reads_late(&mut self, gauge: Gauge) {
        self.high = self.high.max(gauge.remaining);
    }

    /// Tells whether a gauge ever spoke to it.
    #[must_use]
    pub fn is_gauged(&self) -> bool {
        self.first_read_at.is_some()
    }

    /// Tells whether it may have learned a rate from refusals.
    #[must_use]
    pub fn may_learn(&self) -> bool {
        self.learns
    }

    /// Tells whether it may have learned a cap on what is in flight.
    #[must_use]
    pub fn may_be_capped(&self) -> bool {
        let left = || self.readings.iter().filter(|read| read.success).map(|read| read.gauge.remaining);
        let span = left().max().unwrap_or(0) - left().min().unwrap_or(0);
        let most = self.readings.iter().map(|read| read.in_flight).max().unwrap_or(0);
        let counts_work = self.readings.len() == READINGS && span > 0 && span <= most;
        self.beside >= REFUSALS || counts_work
    }

    /// Tells whether a rate that it learned from a gauge or from refusals, or a cap, may hold calls back.
    #[must_use]
    pub fn may_pace(&self) -> bool {
        self.is_gauged() || self.learns || self.may_be_capped()
    }

    /// Tells whether nothing it knows speaks against a time that the server names with a refusal: tokens came before their time,
    /// resets are coarse, or a cap explains it.
    #[must_use]
    pub fn believes(&self) -> bool {
        !self.refills && !self.short && !self.may_be_capped()
    }

    /// Tells whether a gauge with plenty left is all that could hold back a call of this cost: there is half of the most that was
    /// ever left, enough for all in flight, no refusal, and no time yet to see others.
    #[must_use]
    pub fn has_plenty(&self, now: u64, cost: u64) -> bool {
        let Some(Read { gauge, in_flight, .. }) = self.readings.back() else { return false };
        let young = self.first_read_at.is_some_and(|at| now < at + MEASURES);
        let calm = self.refused_at.is_none() && !self.emptied && self.readings.iter().all(|read| read.success);
        young && calm && gauge.remaining * 2 >= self.high && gauge.remaining >= in_flight + self.drawn + cost
    }

    /// Returns until when a gauge may hold all calls back: something is left again when its reset is over. `None`: there is no
    /// saying, as it names another limit each time. A key that is shared is used at a tenth of a token a second at least.
    #[must_use]
    pub fn used_up_until(&self, now: u64) -> Option<u64> {
        let Some(Read { at, gauge, .. }) = self.readings.back() else { return Some(now) };
        match gauge.remaining {
            2.. => Some(now),
            _ if self.changes => None,
            _ => Some(now.max(at + (gauge.reset * 1_000).min(300_000)) + SHARED),
        }
    }
}
