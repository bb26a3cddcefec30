//! What a reading of the server's gauge does to a bucket.

use super::gauge::{Gauge, Lately, ReadingOrder};
use super::learned;
use super::meter::{Meter, ratio};
use super::{Bucket, Came, Refusals};
use crate::defaults::{ONE, TRY_LATEST, TRY_RATE};
use crate::headers::rate_limit::Reading;
use alloc::boxed::Box;

impl Bucket {
    /// Takes a reading in. `seq`: its attempt's number; one older than what is known is ignored.
    pub fn read(&mut self, now: u64, seq: u64, reading: &Reading, came: Came) {
        let first = self.gauge.is_none();
        if let Some(gauge) = &mut self.gauge
            && seq < gauge.seq
        {
            return gauge.receive_late(reading.remaining, came);
        }
        let mut gauge =
            self.gauge.take().unwrap_or_else(|| Box::new(Gauge::new(now, seq, reading.remaining, self.drawn, came)));
        if first {
            // Whoever was sent before it could not know.
            self.news_from = self.news_from.max(self.sent_seq.saturating_add(1));
        }
        // The server's count does not hold what is still in flight, or not all of it.
        let in_flight = u64::from(self.in_flight).saturating_mul(ONE);
        let drawn = self.drawn.saturating_sub(in_flight);
        gauge.receive(now, seq, reading, drawn, came);
        if let Some(Refusals { learned, .. }) = self.refusals.as_deref_mut()
            && learned.by_gauge
            && learned.meter.is_on()
            && gauge.speaks()
        {
            // The gauge knows the limit that was learned.
            gauge.share(learned.at(now).rate());
            learned.meter = Meter::OFF;
        }
        let is_calm = self.refused_at.is_none_or(|at| now.saturating_sub(at) > gauge.memory());
        let lately = if is_calm { Lately::Calm } else { Lately::Refused };
        gauge.steer(now, came.sent_at, reading.reset, drawn, lately);
        let pace = gauge.pace(now, reading.reset, lately);
        self.keep_pace(now, &gauge, pace, lately, in_flight);
        if self.pause.by_gauge && reading.remaining >= ONE {
            self.pause.until = 0;
        }
        if gauge.cap().is_some() {
            self.paced = Meter::OFF;
        } else if reading.remaining < ONE {
            let order = if first { ReadingOrder::First } else { ReadingOrder::Later };
            let until = gauge.empty_until(now, came.wait.or(reading.reset), order);
            if let Some(until) = until {
                let next_token = ratio(1_000, ONE, if pace > 0 { pace } else { TRY_RATE }).min(TRY_LATEST);
                let peek = if gauge.may_try() { now.saturating_add(next_token) } else { u64::MAX };
                let is_new = self.pause.until <= now;
                self.pause(now, until, peek);
                self.pause.by_gauge |= is_new;
            }
            if !first && gauge.refills <= 0 {
                self.refused_at = Some(now);
            }
        }
        if self.full > 0 {
            self.end_pause(now);
            self.documented.set(now, self.full, self.documented.burst());
        }
        self.gauge = Some(gauge);
    }

    /// Sets the meter that follows the gauge. While there is plenty, and no attempt was refused, all that is left may go at once.
    fn keep_pace(&mut self, now: u64, gauge: &Gauge, pace: u64, lately: Lately, in_flight: u64) {
        if !gauge.speaks() {
            self.paced = Meter::OFF;
            return;
        }
        let credit = gauge.remaining.saturating_sub(in_flight);
        if !gauge.shared && (gauge.is_plenty() || pace == 0) {
            self.paced.set(now, pace.max(ONE), gauge.high());
            self.paced.hold(now, credit);
            return;
        }
        self.paced.set(
            now,
            pace,
            if lately == Lately::Calm { learned::burst(pace).max(ONE.saturating_mul(4)) } else { learned::burst(pace) },
        );
        if !gauge.shared {
            self.paced.hold_at_most(now, credit);
        }
    }
}
