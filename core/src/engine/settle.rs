//! Handles the end of an attempt: counts it, then delivers, waits, queues or fails.

use crate::engine::Engine;
use crate::engine::hints::{AnswerKind, ServerHints};
use crate::engine::retry::Retry;
use crate::failure::{Cause, Fault, Outcome, Reason};
use crate::headers::{self, Hints};
use crate::observe::event::{Event, Kind};
use crate::policy::breaker::Count;
use crate::policy::budget::TokenKind;
use crate::policy::classify::{self, Class};
use crate::policy::limiter::{Change, Success};
use crate::state::call::{Call, CallFlags, CallIndex, LastResult, QueueId, RetryToken};
use crate::state::timeline::{EntryKind, WaitReason};
use crate::state::upstream::{BreakerQueue, place_for};
use crate::step::{Answer, Flags, NO_TIME, Step};

use crate::engine::admit::QueuePlace;

/// What a delivered answer counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    Success,
    Failure,
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
        if self.calls.at(slot).call_flags.has(CallFlags::REPLAYED) {
            self.replay_answered(slot, verdict.class);
        }
        let kind = AnswerKind::of(status, verdict.class);
        let (refused, limited) = (kind != AnswerKind::Success, kind == AnswerKind::RateLimited);
        let server = self.server_hints(slot, hints, wall, kind);
        let slow = self.slow(slot, elapsed);
        let count = if verdict.count == Count::Success && slow { Count::Failure } else { verdict.count };
        self.count(slot, count);
        if refused {
            let unknown = status >= 500 && !matches!(status, 501 | 505) && !limited;
            self.raise_outcome(slot, if unknown { Outcome::Unknown } else { Outcome::Rejected });
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
            Fault::Permanent if cause.is_unsent() => self.unsent_for_good(slot),
            Fault::Permanent => self.broken_for_good(slot),
            Fault::Unsent if cause == Cause::NoSuchName && !self.ever_answered(slot) => self.unsent_for_good(slot),
            Fault::Lost | Fault::Timeout | Fault::Truncated => {
                let own = fault == Fault::Timeout && self.cut_short(slot, elapsed);
                self.count(slot, if own { Count::Nothing } else { Count::Failure });
                self.raise_outcome(slot, Outcome::Unknown);
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
                self.raise_outcome(slot, Outcome::Unknown);
                self.was_answered(slot);
                self.fail(slot, Reason::Misuse, None)
            }
            // `fault` refuses these codes.
            Fault::Cancelled | Fault::Rejected | Fault::Unchanged => self.fail(slot, Reason::Misuse, None),
        }
    }

    /// Ends a call that would fail in the same way each time. It says nothing about how the server fares.
    #[cold]
    fn broken_for_good(&mut self, slot: CallIndex) -> Answer {
        self.count(slot, Count::Nothing);
        self.raise_outcome(slot, Outcome::Unknown);
        self.fail(slot, Reason::Network, None)
    }

    /// Ends a call whose requests would not leave in any attempt, and gives back what this one took.
    #[cold]
    fn unsent_for_good(&mut self, slot: CallIndex) -> Answer {
        self.count(slot, Count::Nothing);
        self.give_permits_back(slot);
        self.give_payment_back(slot);
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

    /// Takes an attempt's outcome into that of the call. A safe method has done nothing that matters.
    pub(crate) fn raise_outcome(&mut self, slot: CallIndex, outcome: Outcome) {
        let call = self.calls.at_mut(slot);
        let own = if call.call_flags.has(CallFlags::SAFE) { Outcome::Rejected } else { outcome };
        call.outcome = call.outcome.max(own);
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
    pub(crate) fn wake_if_due(&mut self, upstream: u32, bucket: u16) {
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

    pub(crate) fn deliver(&mut self, slot: CallIndex, status: u16, elapsed: u64) -> Answer {
        // What the table counts as no failure.
        let counted = if status < 500 && status != 408 { Delivered::Success } else { Delivered::Failure };
        self.deliver_counted(slot, status, elapsed, counted)
    }

    /// Delivers an answer, and counts it for the budget, the buckets and the latency.
    #[inline]
    pub(crate) fn deliver_counted(&mut self, slot: CallIndex, status: u16, elapsed: u64, counted: Delivered) -> Answer {
        let now = self.now;
        let call = self.calls.at(slot);
        let (paid, token_kind) =
            (call.call_flags.has(CallFlags::PAID) || call.call_flags.has(CallFlags::ASKED), paid_by(call));
        let (breaker_queue, sequence) = (call.breaker_queue, call.sequence);
        let echo =
            matches!((call.method, status), (5, 404 | 410) | (4, 412)) && call.call_flags.has(CallFlags::DOUBTFUL);
        let outcome = if status >= 400 { call.outcome } else { Outcome::NotSent };
        if counted == Delivered::Success {
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
        self.raise_outcome(slot, Outcome::Unknown);
        self.give_payment_back(slot);
        let call = self.calls.at_mut(slot);
        call.call_flags.set(CallFlags::DOUBTFUL, call.outcome == Outcome::Unknown);
        // It costs no attempt and no budget.
        if call.call_flags.has(CallFlags::COUNTED) {
            call.attempts = call.attempts.saturating_sub(1);
            call.retry_token = if call.attempts > 0 { RetryToken::Needed } else { RetryToken::NotNeeded };
        }
        self.wait_until_online(slot)
    }

    /// Parks a call until the host is online, if it may wait and may be sent again; else ends it.
    pub(crate) fn wait_until_online(&mut self, slot: CallIndex) -> Answer {
        let call = self.calls.at(slot);
        let upstream = call.upstream;
        let parks =
            call.call_flags.has(CallFlags::REPEATABLE) && replayable(call) && !call.call_flags.has(CallFlags::DROPIN);
        let left = self.may_wait(slot);
        if !parks || self.closed || left == 0 {
            return self.fail(slot, Reason::Offline, None);
        }
        if let Some(full) = self.enter(slot, QueueId::Offline, QueuePlace::Joining) {
            return full;
        }
        self.wake_ready(upstream);
        self.record_wait(slot, EntryKind::Queue, WaitReason::Offline, left, QueuePlace::Joining);
        Step::Park { at_most: left }.into()
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
