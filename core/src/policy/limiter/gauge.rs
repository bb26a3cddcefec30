//! What a server's gauge has shown, and the pace that follows from it.
//!
//! No header is taken at its word. `remaining` is compared with the largest of late and not with `limit`. Over at least half a
//! second it is measured how much was used here and how much `remaining` fell: the difference came back. The pace is what comes
//! back, and what is left spread over the time that is left. Where others use the key, [`Gauge::share_out`] sets it.
//! `core/manual/rate-limits.md` has the rules and the reason for each number.

use super::meter::{per, ratio};
use super::{Came, in_flight_of};
use crate::defaults::{
    CALM, CAP_READINGS, EVENED, GAUGE_LEAST, GAUGE_REFILLS, GAUGE_UNREAD, GLANCE, HIGH_PERIOD, LEARN_FLOOR, LONG, MADE,
    MEASURE, ONE, OTHERS, REFILLS, RESERVE_LEAST, RESET_UNKNOWN, SHORT_WINDOW, SPREAD,
};
use crate::headers::rate_limit::Reading;

/// A window for a server that names none: the least of these that holds the largest reset seen, which may be rounded up by a
/// second.
const WINDOWS: [u64; 7] = [1_000, 10_000, 60_000, 300_000, 900_000, 3_600_000, 86_400_000];

/// What the gauge has shown.
#[derive(Debug, Clone, Copy)]
pub struct Gauge {
    /// The number of the attempt that brought the latest reading, and when it came.
    pub seq: u64,
    at: u64,
    pub remaining: u64,
    /// The largest `remaining` of this period and of the one before, and when this one began.
    high: [u64; 2],
    high_at: u64,
    /// Where the present measure began: when, `remaining`, drawn here.
    from: (u64, u64, u64),
    largest_reset: u64,
    /// What the server's limit and window make a second; 0 = not known.
    pub average: u64,
    window: u64,
    /// The window that two jumps in a row showed.
    seen: Option<u64>,
    /// Millionths a second of those who share a key; 0 = not measured yet.
    pub pace: u64,
    /// What comes back, less what others take: millionths a second.
    made: Option<u64>,
    /// When the present count began: the latest jump, or the first reading.
    origin: u64,
    /// When what is left last jumped to its full, as a new window makes it.
    began: Option<u64>,
    /// When it last rose to its full.
    full_at: Option<u64>,
    /// When nothing was left first since something was.
    emptied_at: Option<u64>,
    /// The reset that the latest reading with less than half told, as a time.
    reset_at: Option<u64>,
    /// Nothing was left at the reading of this attempt; 0 = not since the last success after it.
    empty_seq: u64,
    /// Where nothing is left: above 0 the next token comes soon, below 0 it comes at the reset.
    pub refills: i8,
    /// Successes since the latest one that brought a reading.
    unread: u8,
    /// It has had a say since the last event about that.
    has_spoken: bool,
    /// It gives tokens back without a window's end.
    is_bucket: bool,
    work: Work,
    /// Others use the key, or a refusal came although something was left for the call.
    pub shared: bool,
    /// The latest measure showed that others use the key.
    others: bool,
}

/// What is left and what is in flight, together: a gauge that counts what is at work shows the same sum however both move.
#[derive(Debug, Clone, Copy)]
struct Work {
    sum: u64,
    /// Readings in a row with that sum, and the range of what they showed left.
    same: u8,
    range: (u64, u64),
}

impl Work {
    /// Takes in a reading on the answer to the `n`-th in flight.
    fn receive(&mut self, n: u32, remaining: u64) {
        let left = remaining / ONE;
        let sum = left.saturating_add(n.into());
        if sum != self.sum {
            *self = Self { sum, same: 0, range: (left, left) };
            return;
        }
        self.same = self.same.saturating_add(1);
        self.range = (self.range.0.min(left), self.range.1.max(left));
    }

    const fn is_steady(&self) -> bool {
        self.same >= CAP_READINGS && self.range.0 < self.range.1
    }
}

/// What happened to a bucket of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lately {
    /// No refusal, and nothing at 0.
    Calm,
    Refused,
}

/// Which reading of a gauge it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadingOrder {
    First,
    Later,
}

/// What a measure of at least half a second showed, in millionths a second.
#[derive(Debug, Clone, Copy)]
struct Measure {
    used: u64,
    /// How much `remaining` fell.
    fall: i64,
    /// Its length in milliseconds, a second at most.
    time: u64,
}

impl Gauge {
    /// Begins with the first reading. One that only a refusal brought has no say before a success brings another.
    #[must_use]
    pub const fn new(now: u64, seq: u64, remaining: u64, drawn: u64, came: Came) -> Self {
        let Came { success, sent_at, .. } = came;
        Self {
            seq,
            at: sent_at,
            remaining,
            high: [remaining, 0],
            high_at: now,
            from: (sent_at, remaining, drawn),
            largest_reset: 0,
            average: 0,
            window: 0,
            seen: None,
            pace: 0,
            made: None,
            origin: now,
            began: None,
            full_at: None,
            reset_at: None,
            emptied_at: None,
            empty_seq: 0,
            refills: 0,
            unread: if success { 0 } else { GAUGE_UNREAD },
            has_spoken: false,
            is_bucket: false,
            work: Work { sum: 0, same: 0, range: (0, 0) },
            shared: false,
            others: false,
        }
    }

    /// Takes a reading in. `drawn`: what was drawn here so far.
    pub fn receive(&mut self, now: u64, seq: u64, reading: &Reading, drawn: u64, came: Came) {
        let Came { success, sent_at, .. } = came;
        if success {
            self.work.receive(in_flight_of(seq), reading.remaining);
        }
        let remaining = reading.remaining;
        let (before, since) = (self.remaining, sent_at.saturating_sub(self.at));
        if self.empty_seq != 0 && seq > self.empty_seq && success && remaining < REFILLS {
            self.refilled(1);
        }
        (self.seq, self.at, self.remaining) = (seq, sent_at, remaining);
        if success {
            self.unread = 0;
            self.has_spoken |= self.speaks();
        }
        self.largest_reset = self.largest_reset.max(reading.reset.unwrap_or(0));
        let guessed = WINDOWS.iter().copied().find(|window| window.saturating_add(1_000) >= self.largest_reset);
        if let Some(window) = reading.window.or(guessed.filter(|_| self.largest_reset > 0)) {
            self.window = self.seen.map_or(window, |seen| seen.min(window));
        }
        // A guessed window makes an average only where a reset was about as long.
        let whole = self.window.saturating_sub(self.window / 16).saturating_sub(1_000);
        if let Some(limit) = reading.limit.filter(|_| reading.window.is_some() || self.largest_reset > whole) {
            self.average = ratio(limit, 1_000, reading.window.unwrap_or(self.window));
        }
        // While others keep it low its height says nothing.
        if !self.shared && now.saturating_sub(self.high_at) >= self.window.clamp(HIGH_PERIOD.0, HIGH_PERIOD.1) {
            self.high = [remaining, self.high[0]];
            self.high_at = now;
        }
        self.high[0] = self.high[0].max(remaining);
        let refill = ratio(self.average.max(self.made.unwrap_or(0)), since, 1_000);
        let noise = if self.began.is_some() { GAUGE_LEAST } else { (self.high() / 8).max(GAUGE_LEAST) };
        let is_full = remaining >= self.high().saturating_sub(self.high() / 8);
        if remaining >= ONE {
            self.emptied_at = None;
        } else {
            self.emptied_at.get_or_insert(sent_at);
        }
        if is_full && remaining > before {
            self.full_at = Some(now);
        }
        let is_due = self.reset_at.is_some_and(|at| now.saturating_add(1_100) >= at);
        let sees = self.average > 0 || (is_full && (since < GLANCE || is_due));
        if sees && remaining > before.saturating_add(refill).saturating_add(noise) {
            self.origin = now;
            if is_full {
                // Windows that follow each other show how long they are, whatever unit the limit is told in.
                let gap = self.began.map_or(u64::MAX, |at| now.saturating_sub(at));
                self.seen = WINDOWS
                    .iter()
                    .copied()
                    .find(|window| *window >= gap.saturating_sub(gap / 8))
                    .filter(|_| gap < u64::MAX);
                self.began = Some(now);
                self.made = Some(0);
            }
            self.measure_from(sent_at, drawn);
        }
        if !self.is_plenty() {
            self.reset_at = reading.reset.filter(|reset| *reset >= SHORT_WINDOW).map(|reset| now.saturating_add(reset));
        }
        if self.began.is_some_and(|at| now.saturating_sub(at) > self.window.saturating_mul(5) / 2) {
            self.began = None;
        }
    }

    /// Takes in a reading that came after a later one: it says how much there was.
    pub fn receive_late(&mut self, remaining: u64, came: Came) {
        if came.success {
            self.unread = 0;
        }
        if self.high[0] < remaining && !self.shared {
            self.high[0] = remaining;
        }
    }

    /// Begins a measure.
    pub const fn measure_from(&mut self, now: u64, drawn: u64) {
        self.from = (now, self.remaining, drawn);
    }

    /// An attempt was refused at nothing left. Where tokens should have come back since then they come at a window's end.
    pub fn refused(&mut self, now: u64) {
        let due = ratio(self.made.unwrap_or(0), now.saturating_sub(self.emptied_at.unwrap_or(now)), 1_000);
        if due >= ONE.saturating_mul(3) / 2
            && let Some(at) = self.full_at
        {
            (self.made, self.began, self.origin) = (Some(0), Some(at), at);
        }
    }

    /// Counts a success. Returns whether the gauge loses its say by it: it has not been heard of for long, or it shows nothing
    /// left beside successes.
    pub fn succeeded(&mut self) -> bool {
        self.unread = self.unread.saturating_add(1).min(GAUGE_UNREAD);
        let loses = self.has_spoken && !self.speaks();
        self.has_spoken &= !loses;
        loses
    }

    /// Moves what is known of how tokens come back where nothing is left.
    pub fn refilled(&mut self, by: i8) {
        self.refills = self.refills.saturating_add(by).clamp(-GAUGE_REFILLS, GAUGE_REFILLS);
    }

    /// Returns how many may be in flight, where the gauge counts what is at work and no rate.
    #[must_use]
    pub const fn cap(&self) -> Option<u64> {
        if self.work.is_steady() { Some(self.work.sum) } else { None }
    }

    /// Tells whether it has a say: it comes with successes, and shows more than nothing at times.
    #[must_use]
    pub fn speaks(&self) -> bool {
        self.unread < GAUGE_UNREAD && self.high() >= GAUGE_LEAST
    }

    /// Returns the largest `remaining` of late.
    #[must_use]
    pub fn high(&self) -> u64 {
        self.high[0].max(self.high[1])
    }

    /// Tells whether at least half of the most of late is left.
    #[must_use]
    pub fn is_plenty(&self) -> bool {
        self.remaining.saturating_mul(2) >= self.high() && self.high() >= GAUGE_LEAST
    }

    /// Tells whether the server's window is known to be short: a token bucket, as far as resets go.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        self.window > 0 && self.window < SHORT_WINDOW
    }

    /// Returns how long a refusal is remembered.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.window.saturating_mul(2).clamp(CALM.0, CALM.1)
    }

    /// Returns the time that is left: to a short window's end where that is known, which resets in whole seconds are too coarse
    /// for; else what the server tells, unless it tells the whole window for ever. Never longer than five minutes: nobody waits
    /// for what comes later.
    fn left(&self, now: u64, reset: Option<u64>, lately: Lately) -> u64 {
        let passed = now.saturating_sub(self.origin);
        if self.is_short() && (self.began.is_some() || passed < self.window) {
            return self.window.saturating_sub(passed.checked_rem(self.window).unwrap_or(0)).max(50);
        }
        let named =
            reset.filter(|reset| *reset > 0).unwrap_or(if self.window > 0 { self.window } else { RESET_UNKNOWN });
        let end = if passed < self.window { self.window.saturating_sub(passed) } else { named };
        // Seconds are rounded up; where a window's beginning was seen its end is known better.
        let late = if self.began.is_some() { 0 } else { 1_000 };
        let named = match (self.is_short(), lately) {
            (true, _) => named.max(self.window),
            (false, Lately::Calm) => named.min(end.saturating_add(late)),
            // After a refusal a reset is believed that names the end of the window, and not one that names the next token.
            (false, Lately::Refused) => end.max(named.min(end.saturating_add(late))),
        };
        named.min(SPREAD)
    }

    /// Returns until when nothing is left, if the server's word for it is to be waited for.
    #[must_use]
    pub fn empty_until(&mut self, now: u64, named: Option<u64>, reading: ReadingOrder) -> Option<u64> {
        self.empty_seq = self.seq;
        let named = named.filter(|reset| *reset > 0)?;
        let waits = self.refills <= 0 && (self.window >= SHORT_WINDOW || !self.shared);
        if !(self.speaks() || reading == ReadingOrder::First) || !(waits || self.began.is_some()) {
            return None;
        }
        Some(now.saturating_add(self.left(now, Some(named), Lately::Calm).min(named)))
    }

    /// Tells whether one call may try whether the next token came before its time.
    #[must_use]
    pub const fn may_try(&self) -> bool {
        self.refills > -2 && self.began.is_none()
    }

    /// Returns the least pace while nobody was refused of late: what limit and window make. In a long window a quarter more, as
    /// it is not used all the time.
    fn floor(&self) -> u64 {
        if self.is_short() { self.average } else { self.average.saturating_add(self.average / 4) }
    }

    /// Returns the pace; 0 = as fast as what is left allows.
    #[must_use]
    pub fn pace(&self, now: u64, reset: Option<u64>, lately: Lately) -> u64 {
        if self.shared {
            return self.pace;
        }
        let left = self.left(now, reset, lately);
        if self.remaining < ONE && self.began.is_some() {
            // The next window allows as much as this one.
            return self.average.max(per(self.high(), 2));
        }
        let Some(made) = self.made else {
            return if self.average > 0 {
                self.floor().max(self.sustained(left))
            } else if self.window > 0 {
                self.sustained(left)
            } else {
                0
            };
        };
        let reserve = if self.began.is_some() { 0 } else { ONE };
        let above = ratio(self.remaining.saturating_sub(reserve), 1_000, left);
        let pace = self.evened(made).saturating_add(above).max(ONE);
        if lately == Lately::Calm { pace.max(self.floor()) } else { pace }
    }

    /// Returns what comes back, with a share of it given up for the same share of the limit, by how full the bucket is. It
    /// makes the paces of all who use the key alike, and changes nothing for who has it alone.
    fn evened(&self, made: u64) -> u64 {
        if self.began.is_some() || self.average == 0 {
            return made;
        }
        // At twice the reserve one alone gets back all that it gives up.
        let reserve = per(self.average, tuned!(RESERVE)).min(self.high() / 4).max(ONE);
        let full = self.remaining.min(reserve.saturating_mul(4));
        let given = ratio(ratio(self.average, EVENED, ONE), full, reserve.saturating_mul(2));
        ratio(made, ONE - EVENED, ONE).saturating_add(given)
    }

    /// Returns the rate that spends what is left in the time that is left; in a long time at least one a second.
    fn sustained(&self, left: u64) -> u64 {
        ratio(self.remaining, 1_000, left).max(self.least(left))
    }

    const fn least(&self, left: u64) -> u64 {
        if self.remaining >= ONE && left > LONG { ONE } else { 0 }
    }

    /// Moves the pace, when a measure is long enough.
    pub fn steer(&mut self, now: u64, sent_at: u64, reset: Option<u64>, drawn: u64, lately: Lately) {
        let (at, remaining, drawn_before) = self.from;
        let time = sent_at.saturating_sub(at);
        if time < MEASURE {
            return;
        }
        let fallen = remaining.cast_signed().saturating_sub(self.remaining.cast_signed()).saturating_mul(1_000);
        let measure = Measure {
            used: ratio(drawn.saturating_sub(drawn_before), 1_000, time),
            fall: fallen.checked_div(time.cast_signed()).unwrap_or(0),
            time: time.min(1_000),
        };
        let left = self.left(now, reset, lately);
        if self.shared && self.average == 0 && lately == Lately::Calm {
            self.shared = false;
        }
        self.refill(measure);
        if self.shared {
            self.share_out(measure, left);
        } else {
            self.look_for_others(measure);
        }
        self.pace = self.pace.max(self.least(left));
        self.measure_from(sent_at, drawn);
    }

    /// Sets the pace of each who shares a key. What is above the reserve may fall to it in the time that is left. What lacks is to
    /// be there in a second. All see alike by which share they are too fast together, and each lowers its pace by that share. Each
    /// adds the same constant, which makes their paces alike. The constant shrinks with the reserve: so it balances for any number
    /// of them before nothing is left.
    fn share_out(&mut self, Measure { used, fall, time }: Measure, left: u64) {
        let reference = if self.average > 0 { self.average } else { self.high() / 4 };
        let reserve = if self.began.is_some() { ONE } else { per(reference, tuned!(RESERVE)).max(RESERVE_LEAST) };
        let reserve = if self.high() >= reserve { reserve } else { self.high() / 2 };
        // A window is spread from its beginning on.
        let plenty = self.is_plenty()
            && self.remaining >= reserve.saturating_mul(2)
            && (self.window < SHORT_WINDOW || !self.shared);
        let spread = if self.began.is_some() || self.window >= SHORT_WINDOW { left } else { left.max(RESET_UNKNOWN) };
        let surplus = ratio(self.remaining.saturating_sub(reserve), 1_000, spread).cast_signed();
        let lack = reserve.saturating_sub(self.remaining).cast_signed();
        let excess = fall.saturating_sub(surplus).saturating_add(lack);
        let total = used.max(reference).max(fall.max(0).cast_unsigned());
        // What moves in the time of the measure, in thousandths of a share.
        let moved = |most: u64| ratio(excess.unsigned_abs(), time, total).min(most);
        let pace = self.pace;
        let added = ratio(share(reference, tuned!(PACE_GROWTH), time), self.remaining.min(reserve), reserve);
        self.pace = if plenty {
            pace.saturating_add(share(pace, tuned!(PACE_PLENTY), time)).saturating_add(added)
        } else if excess > 0 {
            pace.saturating_add(added).saturating_sub(ratio(pace, moved(tuned!(PACE_CUT_MOST)), 1_000))
        } else {
            pace.saturating_add(added).saturating_add(ratio(pace, moved(tuned!(PACE_REGAIN)), 1_000))
        };
        self.pace = self.pace.max(per(reference, tuned!(PACE_FLOOR)));
        if self.average > 0 && self.pace >= self.average {
            // All of the limit: nobody else uses it.
            (self.shared, self.pace) = (false, self.average);
        }
    }

    /// Looks for others on the key: what is left falls by more than is used here, or stays low though less than the limit is used
    /// here. Two measures must agree.
    fn look_for_others(&mut self, Measure { used, fall, time }: Measure) {
        if self.average == 0 {
            return;
        }
        // Two whole tokens more than were used here: less is rounding.
        let more = ratio(fall.max(0).cast_unsigned().saturating_sub(used), time, 1_000);
        let falls = fall > 0 && ratio(used, OTHERS, ONE) < fall.cast_unsigned() && more >= ONE.saturating_mul(2);
        let made = used.cast_signed().saturating_sub(fall).max(0).cast_unsigned();
        if self.began.is_none() && made > ratio(self.average, 700_000, ONE) {
            self.is_bucket = true;
        }
        let lacks = self.is_short()
            && self.is_bucket
            && self.began.is_none()
            && self.remaining.max(self.from.1) < self.high() / 4
            && ratio(made, OTHERS, ONE) < self.average;
        let others = falls || lacks;
        if others && self.others {
            self.share(used);
        }
        self.others = others;
    }

    /// Begins to share the key with others, at a pace.
    pub fn share(&mut self, pace: u64) {
        self.shared = true;
        self.pace = pace.max(LEARN_FLOOR);
    }

    /// Takes in what came back in a measure. A full bucket hides what would have come back.
    fn refill(&mut self, Measure { used, fall, time }: Measure) {
        let made = used.cast_signed().saturating_sub(fall).max(0).cast_unsigned();
        let full = self.high().saturating_sub(ONE.max(self.high() / 10));
        let is_full = self.remaining.max(self.from.1) >= full;
        self.made = Some(match self.made {
            None => made,
            Some(known) if is_full => known.max(made),
            Some(known) => {
                let over = if made > known { MADE.0 } else { MADE.1 };
                known.saturating_add(ratio(made, time, over)).saturating_sub(ratio(known, time, over))
            }
        });
    }
}

/// Returns what a share a second comes to in some milliseconds.
fn share(of: u64, a_second: u64, time: u64) -> u64 {
    ratio(of, a_second.saturating_mul(time) / 1_000, ONE)
}

#[cfg(test)]
mod tests;
