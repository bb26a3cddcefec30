//! Reports outcomes to breakers, takes their permits, and wakes the calls that they hold back.

use crate::config::BreakerScope;
use crate::engine::Engine;
use crate::observe::event::{Event, Kind};
use crate::policy::breaker::{self, Breaker, Count, From, Permit};
use crate::policy::budget::TokenKind;
use crate::rng::{self, Purpose};
use crate::state::call::{API, Call, CallFlags, CallIndex, NOWHERE};

/// What the two breakers of a call say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BreakerAdmission {
    Open,
    /// One call may go, as the probe.
    Probe,
    /// Milliseconds after which asking again makes sense.
    Refused(u64),
}

impl Engine {
    pub(crate) fn slow(&mut self, slot: CallIndex, elapsed: u64) -> bool {
        let Call { upstream, breaker_queue, .. } = *self.calls.at(slot);
        let limit = self
            .breaker_queue(upstream, breaker_queue)
            .and_then(|breaker_queue| breaker_queue.breaker.as_ref()?.slow_after());
        limit.is_some_and(|limit| elapsed > limit)
    }

    /// Reports the outcome to the call's breakers.
    pub(crate) fn count(&mut self, slot: CallIndex, count: Count) {
        if count == Count::Failure {
            let Call { upstream, breaker_queue, sent_at, .. } = *self.calls.at(slot);
            let elapsed = self.now.saturating_sub(sent_at);
            if let Some(breaker_queue) = self.breaker_queue(upstream, breaker_queue) {
                breaker_queue.failing = elapsed;
            }
        }
        if count == Count::Success && self.count_success(slot) {
            return;
        }
        let (now, seed) = (self.now, self.seed);
        let Call { upstream, breaker_queue, permit, .. } = *self.calls.at(slot);
        let counts = self
            .breaker_queue(upstream, breaker_queue)
            .is_some_and(|breaker_queue| breaker_queue.breaker.as_ref().is_some_and(|own| own.counts(permit)));
        let call = self.calls.at_mut(slot);
        let count = match count {
            Count::Success if call.call_flags.has(CallFlags::STANDS) => Count::Recovery,
            Count::Failure if call.call_flags.has(CallFlags::FAILED) => Count::Again,
            other => other,
        };
        match count {
            Count::Failure => {
                call.call_flags.set(CallFlags::FAILED, true);
                call.call_flags.set(CallFlags::STANDS, counts);
            }
            Count::Success | Count::Recovery => call.call_flags.set(CallFlags::FAILED | CallFlags::STANDS, false),
            Count::Again | Count::Nothing => {}
        }
        let Call { upstream, breaker_queue, permit, api_permit, .. } = *call;
        let from = breaker_queue;
        let draw = |opening, most| rng::draw(seed, opening, u32::from(from), Purpose::CoolDown, most);
        let mut opened = false;
        for (place, permit) in call.breaker_queues().zip([permit, api_permit]) {
            let all = self.upstream(upstream).queued;
            let Some(breaker_queue) = self.breaker_queue(upstream, place) else { continue };
            let waiting = if place == API && from != API { all } else { breaker_queue.queue.len };
            let Some(breaker) = breaker_queue.breaker.as_mut() else { continue };
            let (due_before, asked) = (breaker.due_at(), breaker.asks_api(now));
            if opened && breaker.is_closed() {
                // This failure opened the endpoint's own breaker: its failures leave the API's run.
                breaker.begin_run_anew();
                continue;
            }
            breaker.settle(permit, count, From { endpoint: from, waiting }, now, &draw);
            opened = due_before.is_none() && !breaker.is_closed();
            // Opened or closed, or a probe is due now or earlier: a waiting call has another time, or none.
            let anew = match (due_before, breaker.due_at()) {
                (Some(before), Some(due)) => due < before || due <= now || before <= now,
                // The API's breaker holds back an endpoint by its latest outcome.
                (None, None) => place != API && breaker.asks_api(now) != asked,
                (Some(_), None) | (None, Some(_)) => true,
            };
            if breaker.phase() != breaker_queue.reported {
                self.report_phase(upstream, place);
            }
            if anew {
                self.retime(upstream, place);
            }
        }
    }

    /// Counts a success at breakers that are closed; `false`: there is more to it.
    pub(crate) fn count_success(&mut self, slot: CallIndex) -> bool {
        let now = self.now;
        let Call { upstream, breaker_queue, call_flags, permit, api_permit, .. } = *self.calls.at(slot);
        let shared = self.upstream(upstream);
        if call_flags.has(CallFlags::FAILED) {
            return false;
        }
        if call_flags.has(CallFlags::BOTH_BREAKERS)
            && let Some(api) =
                shared.breaker_queues.get_mut(usize::from(API)).and_then(|breaker_queue| breaker_queue.breaker.as_mut())
        {
            if !api.is_closed() {
                return false;
            }
            api.settle_success(api_permit, now);
        }
        match shared
            .breaker_queues
            .get_mut(usize::from(breaker_queue))
            .and_then(|breaker_queue| breaker_queue.breaker.as_mut())
        {
            Some(own) if !own.is_closed() => false,
            Some(own) => {
                own.settle_success(permit, now);
                true
            }
            None => true,
        }
    }

    /// Takes the permit of a breaker for an attempt.
    pub(crate) fn permit(&mut self, upstream: u32, breaker_queue: u16) -> Permit {
        self.committed(upstream, breaker_queue, Breaker::commit)
    }

    /// Takes a permit as `commit` gives it, and reports where the breaker moved.
    #[inline]
    fn committed(
        &mut self,
        upstream: u32,
        breaker_queue: u16,
        commit: impl FnOnce(&mut Breaker, u64) -> Permit,
    ) -> Permit {
        let now = self.now;
        let Some(place) = self.breaker_queue(upstream, breaker_queue) else { return Permit::default() };
        let Some(breaker) = place.breaker.as_mut() else { return Permit::default() };
        let permit = commit(breaker, now);
        if !(breaker.is_closed() && place.reported == breaker::Phase::Closed) && breaker.phase() != place.reported {
            self.report_phase(upstream, breaker_queue);
        }
        permit
    }

    /// The API's permit. It is no probe for an endpoint that the API's breaker does not hold back.
    pub(crate) fn api_permit(&mut self, upstream: u32, breaker_queue: u16) -> Permit {
        let now = self.now;
        match self.breaker_queue(upstream, API).and_then(|breaker_queue| breaker_queue.breaker.as_mut()) {
            None => Permit::default(),
            Some(api) if api.is_closed() => api.commit(now),
            Some(_) => {
                let own = self
                    .breaker_queue(upstream, breaker_queue)
                    .and_then(|breaker_queue| breaker_queue.breaker.as_ref());
                if own.is_some_and(|own| !own.asks_api(now)) {
                    self.committed(upstream, API, Breaker::commit_aside)
                } else {
                    self.permit(upstream, API)
                }
            }
        }
    }

    /// An event when a breaker moved since the last one.
    pub(crate) fn report_phase(&mut self, upstream: u32, place: u16) {
        let now = self.now;
        let Some(breaker_queue) = self.breaker_queue(upstream, place) else { return };
        let Some(to) = breaker_queue.breaker.as_ref().map(breaker::Breaker::phase) else { return };
        let (from, route, endpoint) = (breaker_queue.reported, breaker_queue.route, breaker_queue.endpoint);
        breaker_queue.reported = to;
        if from != to && self.ring.wants(Kind::Breaker) {
            self.ring.push(now, Event::Breaker { upstream, route, endpoint, from, to });
        }
    }

    /// Wakes the head of a breaker's queue: the breaker closed, or the next probe is due earlier than the head waits for.
    pub(crate) fn retime(&mut self, upstream: u32, breaker_queue: u16) {
        // With a breaker for each route beside it, the API's own queue stays empty.
        let all = breaker_queue == API && self.config.breaker_scope == BreakerScope::Both;
        for place in 0..self.upstream(upstream).breaker_queues.len() as u16 {
            if (all || place == breaker_queue)
                && let Some(head) = self.breaker_queue(upstream, place).map(|breaker_queue| breaker_queue.queue.head)
            {
                self.wake_one(head);
            }
        }
    }

    /// Wakes the first behind this call that needs no token.
    pub(crate) fn wake_tokenless(&mut self, slot: CallIndex, admission: BreakerAdmission) {
        let mut next = self.calls.at(slot).next;
        while next != NOWHERE && self.needs_token(next, admission) {
            next = self.calls.at(next).next;
        }
        self.wake_one(next);
    }

    /// One that needed no token went past those who lack it; so may the next like it.
    pub(crate) fn wake_next_tokenless(&mut self, before: CallIndex) {
        let admission = self.breaker_admission(before);
        if !matches!(admission, BreakerAdmission::Refused(_)) {
            self.wake_tokenless(before, admission);
        }
    }

    /// Wakes the heads of the retry queues that could go now: a token came back, a breaker closed, a probe is due.
    pub(crate) fn wake_ready(&mut self, upstream: u32) {
        if self.upstream(upstream).queued == 0 {
            return;
        }
        let now = self.now;
        for place in 0..self.upstream(upstream).breaker_queues.len() as u16 {
            let Some(breaker_queue) = self.breaker_queue(upstream, place) else { continue };
            let head = breaker_queue.queue.head;
            if breaker_queue.queue.len == 0 {
                continue;
            }
            let goes = match self.breaker_admission(head) {
                BreakerAdmission::Refused(_) => false,
                admission => {
                    let token_kind = TokenKind::after(self.calls.at(head).attempts);
                    !self.needs_token(head, admission)
                        || self.upstream(upstream).budget.affords(now, token_kind)
                        || self.may_ask(upstream, place)
                }
            };
            if goes {
                self.wake_one(head);
            }
        }
    }

    pub(crate) fn breaker_admission(&mut self, slot: CallIndex) -> BreakerAdmission {
        let now = self.now;
        let Call { upstream, breaker_queue, call_flags, .. } = *self.calls.at(slot);
        let breaker_queues = &self.upstream(upstream).breaker_queues;
        let own =
            breaker_queues.get(usize::from(breaker_queue)).and_then(|breaker_queue| breaker_queue.breaker.as_ref());
        let api = if call_flags.has(CallFlags::BOTH_BREAKERS) { breaker_queues.get(usize::from(API)) } else { None };
        let api = api.and_then(|breaker_queue| breaker_queue.breaker.as_ref()).filter(|api| !api.is_closed());
        let api = api.filter(|_| own.is_none_or(|own| own.asks_api(now)));
        let says =
            |breaker: Option<&breaker::Breaker>| breaker.map_or(breaker::Admission::Pass, |breaker| breaker.check(now));
        match (says(own), says(api)) {
            (breaker::Admission::Refuse(rest), _) | (_, breaker::Admission::Refuse(rest)) => {
                BreakerAdmission::Refused(rest)
            }
            (breaker::Admission::Pass, breaker::Admission::Pass) => BreakerAdmission::Open,
            (breaker::Admission::Probe, _) | (_, breaker::Admission::Probe) => BreakerAdmission::Probe,
        }
    }
}
