//! Handles the end of an attempt: counts it, then delivers, waits, queues or fails.

use crate::engine::Engine;
use crate::failure::{Cause, Fault, Outcome, Reason};
use crate::headers::{self, Hints};
use crate::observe::event::{Event, Kind};
use crate::policy::backoff;
use crate::policy::breaker::{Count, From};
use crate::policy::budget::TokenKind;
use crate::policy::classify::{self, Class};
use crate::policy::limiter::{Came, Change, Refused, Success, numbered};
use crate::rng::{self, Purpose};
use crate::state::call::API;
use crate::state::call::{Call, CallFlags, CallIndex, CallState, LastResult, QueueId, RetryToken};
use crate::state::timeline::{EntryKind, WaitReason};
use crate::state::upstream::{BreakerQueue, place_for};
use crate::step::{Answer, Flags, NO_TIME, Step};

use crate::defaults::ONE;
use crate::engine::admit::QueuePlace;

/// What the watched headers of an answer say to one call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ServerHints {
    /// Milliseconds that the server asks for.
    pub wait: Option<u64>,
    /// They bind this call. The reset of a gauge does not: the next token may come before it.
    pub binds: bool,
    /// The bucket whose gauge shows nothing left.
    pub empty: Option<u16>,
    /// Whether a 429 pauses (Stripe: only if its reason ends in `-rate`).
    pub pauses: bool,
}

/// What may be retried, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retry {
    /// Milliseconds that the server asks for.
    pub server: Option<u64>,
    pub limited: bool,
    /// The body can be sent again and doing so is allowed.
    pub allowed: bool,
}

impl Engine {
    /// An attempt was answered.
    pub(crate) fn answered(
        &mut self,
        slot: CallIndex,
        status: u16,
        hints: &Hints<'_>,
        body: &[u8],
        wall: u64,
    ) -> Answer {
        let verdict = {
            let Call { route, .. } = *self.calls.at(slot);
            let should = if status >= 400 { headers::should_retry(hints) } else { None };
            classify::classify(status, &self.config.route(route).classify, hints, body, should)
        };
        let elapsed = self.attempt_ended(slot, LastResult::Status(status), EntryKind::Status, status);
        let refused = status >= 400 || verdict.class != Class::Deliver;
        let limited = verdict.class == Class::RateLimited;
        let server = self.server_hints(slot, hints, wall, refused, limited);
        let slow = self.slow(slot, elapsed);
        let count = if verdict.count == Count::Success && slow { Count::Failure } else { verdict.count };
        self.count(slot, count);
        if refused {
            let unknown = status >= 500 && !matches!(status, 501 | 505) && !limited;
            self.raise_outcome(slot, unknown);
            self.was_answered(slot);
        }
        match verdict.class {
            Class::Deliver => self.deliver(slot, status, elapsed),
            Class::Final => {
                if count == Count::Failure {
                    self.asked_in_vain(slot);
                }
                self.fail(slot, Reason::Status, server.wait)
            }
            Class::Unauthorized => self.unauthorized(slot, elapsed),
            Class::Retry | Class::Afresh | Class::RateLimited => {
                let afresh = verdict.class == Class::Afresh;
                self.calls.at_mut(slot).call_flags.set(CallFlags::FRESH, afresh);
                let call = self.calls.at(slot);
                let allowed = call.call_flags.has(CallFlags::REPEATABLE) && (limited || replayable(call));
                self.retry(slot, Retry { server: server.wait, limited, allowed }, server)
            }
        }
    }

    /// An attempt broke.
    pub(crate) fn broken(&mut self, slot: CallIndex, fault: Fault, cause: Cause) -> Answer {
        let elapsed =
            self.attempt_ended(slot, LastResult::Fault(fault), EntryKind::Fault, fault as u16 | (cause as u16) << 8);
        match fault {
            Fault::Permanent => self.broken_for_good(slot, cause.is_unsent()),
            Fault::Unsent if cause == Cause::NoSuchName && !self.ever_answered(slot) => {
                self.broken_for_good(slot, true)
            }
            Fault::Lost | Fault::Timeout | Fault::Truncated => {
                let own = fault == Fault::Timeout && self.cut_short(slot, elapsed);
                self.count(slot, if own { Count::Nothing } else { Count::Failure });
                self.raise_outcome(slot, true);
                if fault == Fault::Truncated {
                    self.was_answered(slot);
                }
                let call = self.calls.at(slot);
                let allowed = call.call_flags.has(CallFlags::REPEATABLE) && replayable(call);
                self.retry(slot, Retry { server: None, limited: false, allowed }, ServerHints::default())
            }
            Fault::Unsent | Fault::ConnectTimeout => {
                self.count(slot, Count::Failure);
                self.give_permits_back(slot);
                let allowed = self.calls.at(slot).call_flags.has(CallFlags::REPEATABLE);
                self.retry(slot, Retry { server: None, limited: false, allowed }, ServerHints::default())
            }
            Fault::Offline => self.went_offline(slot),
            Fault::Refused => {
                self.count(slot, Count::Nothing);
                self.give_permits_back(slot);
                self.give_payment_back(slot);
                let reason = if cause == Cause::Credential { Reason::Auth } else { Reason::Misuse };
                self.fail(slot, reason, None)
            }
            Fault::TooLarge => {
                self.count(slot, Count::Success);
                self.raise_outcome(slot, true);
                self.was_answered(slot);
                self.fail(slot, Reason::Misuse, None)
            }
            // `fault` refuses this code.
            Fault::Cancelled => self.fail(slot, Reason::Misuse, None),
        }
    }

    /// Ends a call that would fail in the same way each time. It says nothing about how the server fares.
    #[cold]
    fn broken_for_good(&mut self, slot: CallIndex, unsent: bool) -> Answer {
        self.count(slot, Count::Nothing);
        if unsent {
            self.give_permits_back(slot);
            self.give_payment_back(slot);
        } else {
            self.raise_outcome(slot, true);
        }
        self.fail(slot, Reason::Network, None)
    }

    /// Remembers that this origin answered, though with no success.
    #[cold]
    pub(crate) fn was_answered(&mut self, slot: CallIndex) {
        let upstream = self.calls.at(slot).upstream;
        self.upstream(upstream).was_answered = true;
    }

    /// Tells whether this origin ever answered. Where it did not, a name that does not exist is the caller's mistake.
    fn ever_answered(&mut self, slot: CallIndex) -> bool {
        let upstream = self.calls.at(slot).upstream;
        let upstream = self.upstream(upstream);
        upstream.was_answered || upstream.breaker_queues.iter().any(BreakerQueue::ever_succeeded)
    }

    /// Whether the call's deadline left an attempt less time than the policy gives it, and less than the server usually
    /// needs: a time-out then says nothing about the server.
    fn cut_short(&mut self, slot: CallIndex, elapsed: u64) -> bool {
        let Call { upstream, breaker_queue, limits, sent_at, .. } = *self.calls.at(slot);
        let (whole, given) = (u64::from(limits.attempt), limits.timeout(sent_at));
        let usual = self.breaker_queue(upstream, breaker_queue).map_or(0, |breaker_queue| breaker_queue.mean_latency());
        given > 0 && (whole == 0 || given < whole) && elapsed < usual.saturating_mul(tuned!(CUT_LATENCIES))
    }

    /// The caller cancelled an attempt under way: its place is free again, its limiter token is spent.
    pub(crate) fn cancelled(&mut self, slot: CallIndex) {
        self.count(slot, Count::Nothing);
        self.leave_flight(slot);
    }

    /// The attempt no longer counts as in flight. Returns how long it took.
    pub(crate) fn attempt_ended(&mut self, slot: CallIndex, last: LastResult, what: EntryKind, code: u16) -> u64 {
        let now = self.now;
        self.leave_flight(slot);
        let call = self.calls.at_mut(slot);
        let elapsed = now.saturating_sub(call.sent_at);
        call.last = last;
        call.rests_from = call.age(now);
        call.record(now, what, WaitReason::None, code, elapsed);
        if self.ring.wants(Kind::Attempt) {
            let about = self.about(slot);
            let attempt = self.calls.at(slot).attempts;
            self.ring.push(now, Event::Attempt { about, attempt, last, elapsed });
        }
        elapsed
    }

    fn leave_flight(&mut self, slot: CallIndex) {
        if self.calls.at(slot).call_flags.has(CallFlags::QUEUED) {
            self.calls.at_mut(slot).call_flags.set(CallFlags::QUEUED, false);
            self.right_ended(slot);
        }
        let place = self.calls.at(slot).upstream;
        let breaker_queue = self.calls.at(slot).breaker_queue;
        let (costs, upstream) = self.drawn(slot);
        upstream.in_flight = upstream.in_flight.saturating_sub(1);
        let mut freed = 0_u32;
        for (i, (bucket, _)) in costs.iter().enumerate() {
            if let Some(bucket_queue) = upstream.bucket_queue_mut(place_for(*bucket, breaker_queue)) {
                bucket_queue.bucket.attempt_ended();
                if bucket_queue.queue.len > 0 && bucket_queue.bucket.has_cap() {
                    freed |= 1 << i;
                }
            }
        }
        self.cap_moved = Some(place);
        if freed != 0 {
            self.wake_drawn_if_due(slot, freed);
        }
    }

    fn slow(&mut self, slot: CallIndex, elapsed: u64) -> bool {
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
    fn count_success(&mut self, slot: CallIndex) -> bool {
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

    /// The outcome outcome of all attempts so far.
    pub(crate) fn raise_outcome(&mut self, slot: CallIndex, unknown: bool) {
        let call = self.calls.at_mut(slot);
        let unknown = unknown && !call.call_flags.has(CallFlags::SAFE);
        call.outcome = call.outcome.max(if unknown { Outcome::Unknown } else { Outcome::Rejected });
    }

    fn give_permits_back(&mut self, slot: CallIndex) {
        let Call { upstream, sent_at, .. } = *self.calls.at(slot);
        let mut i = 0;
        while let Some((bucket, cost)) = self.cost(slot, i) {
            i = i.saturating_add(1);
            if let Some(bucket_queue) = self.upstream(upstream).bucket_queue_mut(bucket) {
                bucket_queue.bucket.give_back(cost, sent_at);
            }
            self.wake_if_due(upstream, bucket);
        }
    }

    /// Wakes the head of a bucket's queue when its turn is earlier than the time it waits for.
    fn wake_if_due(&mut self, upstream: u32, bucket: u16) {
        let now = self.now;
        let queue = QueueId::Bucket(upstream, bucket);
        let Some((head, due_at)) =
            self.queue_mut(queue).filter(|queue| queue.len > 0).map(|queue| (queue.head, queue.due_at))
        else {
            return;
        };
        let cost = self.cost_of(head, bucket);
        let bucket_queue = self.upstream(upstream).bucket_queue(bucket);
        if bucket_queue.is_some_and(|bucket_queue| bucket_queue.bucket.ready_at(now, cost, 0) < due_at) {
            self.wake_one(head);
        }
    }

    /// Does the same for the buckets that a call drew from: bit `i` is the `i`-th of them.
    #[cold]
    fn wake_drawn_if_due(&mut self, slot: CallIndex, drawn: u32) {
        let upstream = self.calls.at(slot).upstream;
        for i in (0..32).filter(|i| drawn >> i & 1 == 1) {
            if let Some((bucket, _)) = self.cost(slot, i) {
                self.wake_if_due(upstream, bucket);
            }
        }
    }

    /// Reads what an answer says: of a 429 also when it names its time by a reset alone.
    #[inline]
    pub(crate) fn server_hints(
        &mut self,
        slot: CallIndex,
        hints: &Hints<'_>,
        wall: u64,
        refused: bool,
        limited: bool,
    ) -> ServerHints {
        let mut server = self.read_gauges(slot, hints, wall, refused);
        if limited && server.wait.is_none() {
            let (config, upstream) = self.config_and_upstream(self.calls.at(slot).upstream);
            let limits = if upstream.own { config.limits.as_slice() } else { &[] };
            server.wait = headers::reset_alone(limits, hints, wall);
            server.binds = server.wait.is_some();
        }
        server
    }

    /// Tells the buckets what their gauges say.
    fn read_gauges(&mut self, slot: CallIndex, hints: &Hints<'_>, wall: u64, times: bool) -> ServerHints {
        let mut server = ServerHints { pauses: true, ..ServerHints::default() };
        if hints.is_empty() {
            return server;
        }
        let now = self.now;
        let Call { upstream: place, sequence, sent_at, .. } = *self.calls.at(slot);
        let (config, upstream) = self.config_and_upstream(place);
        let bound = upstream.is_limited_by(config);
        let alone = upstream.bucket_queues.len() == 1;
        let came =
            Came { success: !times, sent_at, wait: if times { headers::server_time(hints, wall) } else { None } };
        let mut reset = None;
        let mut hurried = 0_u32;
        for (i, bucket_queue) in upstream.bucket_queues.iter_mut().enumerate() {
            let limit = config.limits.get(i).filter(|_| bound);
            let (gauge, name) =
                limit.map_or((&crate::config::Gauge::Auto, ""), |limit| (&limit.gauge, limit.name.as_str()));
            server.pauses &= headers::pauses(gauge, hints);
            let window = limit.and_then(|limit| limit.rate).map(|(_, window)| window);
            let Some(reading) = headers::read(gauge, name, window, alone, hints, wall) else { continue };
            bucket_queue.bucket.read(now, sequence, &reading, came);
            hurried |= 1 << i;
            if reading.remaining < ONE && server.empty.is_none() {
                server.empty = Some(i as u16);
                reset = reading.reset.filter(|reset| *reset > 0);
            }
        }
        for bucket in 0..16 {
            if hurried >> bucket & 1 == 1 {
                self.wake_if_due(place, bucket);
            }
        }
        if times {
            server.wait = came.wait.or(reset);
            server.binds = came.wait.is_some();
        }
        server
    }

    pub(crate) fn deliver(&mut self, slot: CallIndex, status: u16, elapsed: u64) -> Answer {
        // What the table counts as no failure.
        self.deliver_counted(slot, status, elapsed, status < 500 && status != 408)
    }

    /// Delivers an answer; `success` = it counts as one for the budget, the buckets and the latency.
    #[inline]
    pub(crate) fn deliver_counted(&mut self, slot: CallIndex, status: u16, elapsed: u64, success: bool) -> Answer {
        let now = self.now;
        let call = self.calls.at(slot);
        let (paid, token_kind) =
            (call.call_flags.has(CallFlags::PAID) || call.call_flags.has(CallFlags::ASKED), paid_by(call));
        let (breaker_queue, sequence) = (call.breaker_queue, call.sequence);
        let echo =
            matches!((call.method, status), (5, 404 | 410) | (4, 412)) && call.call_flags.has(CallFlags::DOUBTFUL);
        let outcome = if status >= 400 { call.outcome } else { Outcome::NotSent };
        if success {
            let (costs, upstream) = self.drawn(slot);
            if paid {
                upstream.budget.refund(token_kind);
            }
            let (mut ended, mut ignored) = (0_u32, 0_u32);
            for (i, (bucket, _)) in costs.iter().enumerate() {
                let Some(bucket_queue) = upstream.bucket_queue_mut(place_for(*bucket, breaker_queue)) else { continue };
                let Success { ends_pause, ignores_gauge } = bucket_queue.bucket.succeeded(now, sequence);
                ended |= u32::from(ends_pause) << i;
                ignored |= u32::from(ignores_gauge) << i;
            }
            if let Some(breaker_queue) = upstream.breaker_queues.get_mut(usize::from(breaker_queue)) {
                breaker_queue.succeeded(now, elapsed);
                if paid {
                    breaker_queue.asking.succeeded();
                }
            }
            if (ended | ignored) != 0 {
                self.wake_drawn_if_due(slot, ended | ignored);
                self.report_ignored(slot, ignored);
            }
        }
        let flags = self.end(slot, None, NO_TIME);
        Answer::new(Step::Deliver { outcome }, if echo { flags.with(Flags::APPLIED) } else { flags })
    }

    /// Tells that the gauges of these buckets have no say any more: bit `i` is the `i`-th that the call drew from.
    #[cold]
    fn report_ignored(&mut self, slot: CallIndex, drawn: u32) {
        let (now, upstream) = (self.now, self.calls.at(slot).upstream);
        for i in (0..32).filter(|i| drawn >> i & 1 == 1) {
            if let Some((bucket, _)) = self.cost(slot, i)
                && self.ring.wants(Kind::Limiter)
            {
                let (config, shared) = self.config_and_upstream(upstream);
                let bucket = shared.bucket_of(config, bucket);
                self.ring.push(now, Event::Limiter { upstream, bucket, change: Change::Ignored, paused: 0 });
            }
        }
    }

    pub(crate) fn unauthorized(&mut self, slot: CallIndex, elapsed: u64) -> Answer {
        let Call { call_flags, credential, generation, .. } = *self.calls.at(slot);
        let may = call_flags.has(CallFlags::CREDENTIALS | CallFlags::REPEATABLE)
            && !call_flags.has(CallFlags::REPLAYED)
            && !call_flags.has(CallFlags::STACKED)
            && !self.closed;
        let credential_state = self.credentials.get_mut(credential as usize).filter(|_| may);
        if !credential_state.is_some_and(|credential_state| credential_state.credential.refused(generation)) {
            return self.deliver(slot, 401, elapsed);
        }
        let call = self.calls.at_mut(slot);
        call.call_flags.set(CallFlags::REPLAYED | CallFlags::EVENTFUL, true);
        // What a paid retry paid for goes on: its replay is the same retry.
        self.admit(slot)
    }

    /// The token of a paid retry that was never sent goes back. Returns whether there was one.
    fn give_payment_back(&mut self, slot: CallIndex) -> bool {
        let call = self.calls.at(slot);
        let (token_kind, upstream) = (paid_by(call), call.upstream);
        let paid = call.call_flags.has(CallFlags::COUNTED | CallFlags::PAID);
        if paid {
            self.upstream(upstream).budget.give_back(token_kind);
        }
        paid
    }

    fn went_offline(&mut self, slot: CallIndex) -> Answer {
        self.count(slot, Count::Nothing);
        self.give_permits_back(slot);
        // The platform is asked after a network error, which may come when the request has left.
        self.raise_outcome(slot, true);
        self.give_payment_back(slot);
        let call = self.calls.at_mut(slot);
        call.call_flags.set(CallFlags::DOUBTFUL, call.outcome == Outcome::Unknown);
        // It costs no attempt and no budget.
        if call.call_flags.has(CallFlags::COUNTED) {
            call.attempts = call.attempts.saturating_sub(1);
            call.retry_token = if call.attempts > 0 { RetryToken::Needed } else { RetryToken::NotNeeded };
        }
        let upstream = call.upstream;
        let parks =
            call.call_flags.has(CallFlags::REPEATABLE) && replayable(call) && !call.call_flags.has(CallFlags::DROPIN);
        let left = self.may_wait(slot);
        if !parks || self.closed || left == 0 {
            return self.fail(slot, Reason::Offline, None);
        }
        if self.waiting >= self.config.max_waiting {
            return self.fail(slot, Reason::Overloaded, None);
        }
        self.join(slot, QueueId::Offline);
        self.wake_ready(upstream);
        self.record_wait(slot, EntryKind::Queue, WaitReason::Offline, left, QueuePlace::Joining);
        Step::Park { at_most: left }.into()
    }

    /// A retry that went without a token failed: the next head waits before it asks.
    fn asked_in_vain(&mut self, slot: CallIndex) {
        let now = self.now;
        let Call { route, call_flags, upstream, breaker_queue, .. } = *self.calls.at(slot);
        let base = self.config.route(route).retry.base;
        if call_flags.has(CallFlags::ASKED)
            && let Some(breaker_queue) = self.breaker_queue(upstream, breaker_queue)
        {
            breaker_queue.asking.failed(now, base);
        }
    }

    /// Another attempt, if the rules allow: attempts, deadline, replay; patience comes when the wait is over.
    pub(crate) fn retry(&mut self, slot: CallIndex, retry: Retry, server: ServerHints) -> Answer {
        let now = self.now;
        let Call { route, call_flags, attempts, limits, last, ordinal, .. } = *self.calls.at(slot);
        let rules = self.config.route(route).retry;
        self.asked_in_vain(slot);
        let doubtful = self.calls.at(slot).outcome == Outcome::Unknown;
        self.calls.at_mut(slot).call_flags.set(CallFlags::DOUBTFUL, doubtful);
        let k = u32::from(attempts.max(1));
        let range = backoff::range(&rules, k, retry.server, retry.limited && retry.server.is_none());
        let wait = range.least.saturating_add(rng::draw(self.seed, ordinal, k, Purpose::Backoff, range.spread)).max(1);
        let call = self.calls.at_mut(slot);
        call.call_flags.refused(retry.limited);
        let least = if retry.limited {
            backoff::interval(rules.base, rules.cap.saturating_mul(2), call.call_flags.refusals())
        } else {
            0
        };
        let wait = wait.max(least);
        let (paused, rated) = self.pause(slot, retry, server, wait);
        if self.closed {
            return self.fail(slot, Reason::Closed, retry.server);
        }
        if call_flags.has(CallFlags::STACKED) || rules.attempts <= 1 {
            let reason = match last {
                LastResult::Fault(Fault::Timeout | Fault::ConnectTimeout) => Reason::Timeout,
                LastResult::Fault(_) => Reason::Network,
                LastResult::Status(_) | LastResult::None => Reason::Status,
            };
            return self.fail(slot, reason, retry.server);
        }
        // A rate limit that names its time costs neither budget nor an attempt.
        let free = retry.limited && (retry.server.is_some() || rated);
        if !free && attempts >= rules.attempts {
            return self.fail(slot, Reason::RetriesExhausted, retry.server);
        }
        let holds_too_long = wait > self.rest(slot);
        if let Some(server) = retry.server
            && (holds_too_long || rules.max_retry_after.is_some_and(|most| server > most))
        {
            return self.fail(slot, Reason::RateLimited, Some(server));
        }
        if limits.left(now).is_none_or(|left| wait > left) {
            return self.fail(slot, Reason::Deadline, retry.server);
        }
        if holds_too_long {
            return self.fail(slot, Reason::Deadline, Some(wait));
        }
        if !retry.allowed {
            return self.fail(slot, Reason::NotReplayable, retry.server);
        }
        let call = self.calls.at_mut(slot);
        call.call_flags.set(CallFlags::EVENTFUL, true);
        call.retry_token = if free { RetryToken::Free } else { RetryToken::Needed };
        if free && paused {
            return self.admit(slot);
        }
        self.move_to(slot, CallState::Backoff { until: now.saturating_add(wait) });
        let wait_reason = if retry.server.is_some() { WaitReason::RetryAfter } else { WaitReason::Backoff };
        self.record_wait(slot, EntryKind::Wait, wait_reason, wait, QueuePlace::Joining);
        Step::Wait { delay: wait }.into()
    }

    /// A rate limit pauses the bucket that its gauge shows at 0, else the first that the call drew from. Where no limits are
    /// written that is the endpoint's or the API's. Returns whether the call will wait in a paused bucket's queue, and whether
    /// that bucket has a rate.
    pub(crate) fn pause(&mut self, slot: CallIndex, retry: Retry, server: ServerHints, wait: u64) -> (bool, bool) {
        if !retry.limited || !server.pauses {
            return (false, false);
        }
        let now = self.now;
        let Call { upstream, sequence, .. } = *self.calls.at(slot);
        let Some(bucket) = server.empty.or_else(|| self.refused_by(slot)) else { return (false, false) };
        let draws = self.cost_of(slot, bucket) > 0;
        let Some(bucket_queue) = self.upstream(upstream).bucket_queue_mut(bucket) else { return (false, false) };
        let refused = Refused { seq: sequence, until: now.saturating_add(wait), named: retry.server.is_some() };
        let change = bucket_queue.bucket.limited(now, refused);
        let paused = bucket_queue.bucket.paused(now);
        let is_news = bucket_queue.bucket.reports_pause(now);
        let change = if change == Change::None && is_news { Change::Paused } else { change };
        let rated = bucket_queue.bucket.is_rated(now);
        // The bucket may let one call try before the pause ends: another one than this, unless a gauge's reset held it back.
        let tries = (server.binds || retry.server.is_none())
            && bucket_queue.bucket.ready_at(now, 1, 0) < now.saturating_add(wait);
        if change != Change::None && self.ring.wants(Kind::Limiter) {
            let (config, shared) = self.config_and_upstream(upstream);
            let bucket = shared.bucket_of(config, bucket);
            self.ring.push(now, Event::Limiter { upstream, bucket, change, paused });
        }
        (draws && paused >= wait && !tries, rated)
    }

    /// The bucket that a 429 without a gauge at 0 is about.
    fn refused_by(&mut self, slot: CallIndex) -> Option<u16> {
        let (now, sent) = (self.now, numbered(self.sequence, 0));
        let Call { upstream: place, breaker_queue, .. } = *self.calls.at(slot);
        let (config, upstream) = self.config_and_upstream(place);
        if upstream.is_limited_by(config) {
            return self.cost(slot, 0).map(|(bucket, _)| bucket);
        }
        let was_there = upstream.bucket_queue(breaker_queue).is_some();
        let bucket = upstream.refused(breaker_queue, now, sent);
        if bucket == breaker_queue && !was_there {
            // Who is in flight lands here as well; this one has landed already.
            let all = (0..self.calls.places()).filter(|other| *other != slot).map(|other| self.calls.at(other));
            let here = |call: &&Call| {
                call.state == CallState::Flight && call.upstream == place && call.breaker_queue == breaker_queue
            };
            let in_flight = u32::try_from(all.filter(here).count()).unwrap_or(u32::MAX);
            if let Some(bucket_queue) = self.upstream(place).bucket_queue_mut(breaker_queue) {
                bucket_queue.bucket.joined(in_flight);
            }
        }
        Some(bucket)
    }
}

/// Who paid for the attempt under way.
fn paid_by(call: &Call) -> TokenKind {
    if call.call_flags.has(CallFlags::ASKED) {
        TokenKind::Asked
    } else {
        TokenKind::after(call.attempts.saturating_sub(1))
    }
}

/// Whether doing it twice does no harm: by method or route, or by its key.
fn replayable(call: &Call) -> bool {
    call.call_flags.has(CallFlags::IDEMPOTENT) || call.call_flags.has(CallFlags::KEYED)
}
