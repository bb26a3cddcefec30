//! What a 429 does to a bucket.

use super::cap::Cap;
use super::gauge::Gauge;
use super::learned::{Learned, Lesson};
use super::meter::ratio;
use super::{Bucket, Change, Refusals, Refused, in_flight_of};
use crate::defaults::{CAUGHT, LEARN_FLOOR, ONE, PEEK, REFUSED, REFUSED_FIRST};
use alloc::boxed::Box;

impl Bucket {
    /// Takes in a 429.
    pub fn limited(&mut self, now: u64, refused: Refused) -> Change {
        let Refused { seq, until, named } = refused;
        let next = self.sent_seq.saturating_add(1);
        let counts_work = self.gauge_cap().is_some();
        let fresh = || Box::new(Refusals { learned: Learned::NOTHING, cap: Cap::NONE });
        let refusals = self.refusals.get_or_insert_with(fresh);
        if refusals.cap.refused(now, seq, in_flight_of(seq), next) || counts_work {
            refusals.learned = Learned::NOTHING;
            return Change::Paused;
        }
        let achieved = self.successes.rate(now);
        self.refused_at = Some(now);
        let paused = self.pause.until > now;
        let is_news = seq >= self.news_from;
        let mut refills = 0;
        let mut by_gauge = false;
        if let Some(gauge) = &mut self.gauge {
            by_gauge = gauge.remaining < ONE;
            let tried = paused && seq > self.pause.seq;
            if tried && by_gauge {
                gauge.refilled(-1);
            }
            refills = gauge.refills;
            if gauge.speaks() && gauge.seq == seq && by_gauge {
                // The gauge is about this limit.
                gauge.refused(now);
                if is_news && !tried {
                    let again = self.caught_at.is_some_and(|at| now.saturating_sub(at) < CAUGHT);
                    self.caught_at = Some(now);
                    let shared_pace = again.then(|| ratio(achieved, REFUSED_FIRST, ONE));
                    refused_by_gauge(gauge, now, self.drawn, shared_pace);
                    self.news_from = next;
                }
                // Whole seconds say little of a short window.
                let longer = !gauge.is_short() || !paused;
                if named && refills <= 0 && longer {
                    let peek = if gauge.may_try() { now.saturating_add(PEEK) } else { u64::MAX };
                    self.pause(now, until, peek);
                    self.pause.by_gauge = false;
                }
                return Change::Paused;
            }
        }
        let change = if !is_news || self.full > 0 {
            // What the policy documents is not unlearned: the server's time is waited for, and that is all.
            Change::None
        } else if refusals.learned.meter.is_on() {
            self.news_from = next;
            match refusals.learned.refused(now) {
                Lesson::Unexplained => Change::None,
                Lesson::Lowered => Change::Lowered,
                Lesson::Closed(wait) => {
                    self.pause(now, now.saturating_add(wait), u64::MAX);
                    Change::Paused
                }
            }
        } else if refusals.learned.suspects(now) {
            self.news_from = next;
            refusals.learned.begin(now, achieved);
            refusals.learned.by_gauge = by_gauge;
            Change::Learned
        } else {
            Change::None
        };
        if named && refills <= 0 {
            self.pause(now, until, now.saturating_add(PEEK));
        }
        change
    }
}

/// Lowers the pace where the key is shared. Else it is shared from now on, at `shared_pace`, if that is there.
fn refused_by_gauge(gauge: &mut Gauge, now: u64, drawn: u64, shared_pace: Option<u64>) {
    if gauge.shared {
        gauge.pace = ratio(gauge.pace, REFUSED, ONE).max(LEARN_FLOOR);
    } else if let Some(pace) = shared_pace {
        gauge.share(pace);
    }
    gauge.measure_from(now, drawn);
}
