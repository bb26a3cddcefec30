//! Decides whether a call may send now. Six checks, made from the top at begin and at each resume, and one commit at the end that
//! takes every permit. A call that may not send is in exactly one queue.

use crate::engine::Engine;
use crate::engine::breakers::BreakerAdmission;
use crate::failure::Reason;
use crate::policy::backoff;
use crate::policy::breaker::Permit;
use crate::policy::budget::TokenKind;
use crate::policy::deadline;
use crate::policy::limiter::numbered;
use crate::state::call::{Call, CallFlags, CallIndex, CallState, QueueId, RetryToken};
use crate::state::slab::Ahead;
use crate::state::timeline::{EntryKind, WaitReason};
use crate::state::upstream::place_for;
use crate::step::{Answer, Flags, Step};

/// Whether a call joins a queue now or is in it already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueuePlace {
    Joining,
    Queued,
}

impl Engine {
    /// The call's next step.
    pub(crate) fn admit(&mut self, slot: CallIndex) -> Answer {
        match self.admitted(slot) {
            Ok(()) => self.send(slot),
            Err(answer) => answer,
        }
    }

    fn admitted(&mut self, slot: CallIndex) -> Result<(), Answer> {
        self.before_deadline(slot)?;
        let left = self.may_wait(slot);
        self.past_breaker(slot, left)?;
        self.under_cap(slot, left)?;
        self.past_limiter(slot, left)?;
        self.with_credential(slot, left)
    }

    /// Milliseconds that a wait may last: to the last moment at which an attempt may begin, or to the end of its rest.
    pub(crate) fn may_wait(&self, slot: CallIndex) -> u64 {
        self.calls.at(slot).limits.left(self.now).unwrap_or(0).min(self.rest(slot))
    }

    /// What is left of the time that a call may wait before its next attempt, whatever it waits for: without end, unless the
    /// wait holds a slot of its host. It never forbids to send: who is woken late still goes.
    pub(crate) fn rest(&self, slot: CallIndex) -> u64 {
        let call = self.calls.at(slot);
        if !call.call_flags.has(CallFlags::SLOT) {
            return u64::MAX;
        }
        let since = call.begun.saturating_add(call.rests_from.into());
        deadline::rest(since, self.config.route(call.route).timeouts.wait, self.now)
    }

    fn before_deadline(&mut self, slot: CallIndex) -> Result<(), Answer> {
        if self.closed {
            return Err(self.fail(slot, Reason::Closed, None));
        }
        if let CallState::Queued(QueueId::Credential(place)) = self.calls.at(slot).state {
            self.after_fetch(slot, place)?;
        }
        let call = self.calls.at(slot);
        let offline = call.state == CallState::Queued(QueueId::Offline);
        let may_send = call.limits.left(self.now).is_some();
        if may_send && (!offline || self.may_wait(slot) > 0) {
            return Ok(());
        }
        Err(self.fail(slot, if offline { Reason::Offline } else { Reason::Deadline }, None))
    }

    fn past_breaker(&mut self, slot: CallIndex, left: u64) -> Result<(), Answer> {
        let admission = self.breaker_admission(slot);
        let Call { upstream, breaker_queue, retry_token, state, .. } = *self.calls.at(slot);
        let queue = QueueId::Retry(upstream, breaker_queue);
        match (retry_token, admission) {
            (RetryToken::Held | RetryToken::Asks, BreakerAdmission::Open | BreakerAdmission::Probe) => Ok(()),
            (RetryToken::NotNeeded, BreakerAdmission::Open) if state != CallState::Queued(queue) => Ok(()),
            (_, BreakerAdmission::Open | BreakerAdmission::Probe) if !self.needs_token(slot, admission) => Ok(()),
            (_, BreakerAdmission::Open | BreakerAdmission::Probe) => {
                if self.behind_others(slot, queue) || !self.may_leave(slot) {
                    return Err(self.enqueue(slot, queue, admission, left));
                }
                Ok(())
            }
            (RetryToken::NotNeeded, BreakerAdmission::Refused(rest)) if self.breaker_wait(slot) == 0 => {
                self.count_refusal(slot);
                Err(self.fail(slot, Reason::CircuitOpen, Some(rest)))
            }
            (
                RetryToken::NotNeeded | RetryToken::Free | RetryToken::Needed | RetryToken::Held | RetryToken::Asks,
                BreakerAdmission::Refused(_),
            ) => {
                self.give_token_back(slot);
                Err(self.enqueue(slot, queue, admission, left))
            }
        }
    }

    /// Takes a token for the head of the retry queue, or goes without one when it may ask.
    fn may_leave(&mut self, slot: CallIndex) -> bool {
        let now = self.now;
        let Call { upstream, breaker_queue, attempts, .. } = *self.calls.at(slot);
        let token_kind = TokenKind::after(attempts);
        let retry_token = if self.upstream(upstream).budget.affords(now, token_kind) {
            self.upstream(upstream).budget.withdraw(token_kind);
            RetryToken::Held
        } else if self.may_ask(upstream, breaker_queue) {
            RetryToken::Asks
        } else {
            return false;
        };
        if let Some(breaker_queue) = self.breaker_queue(upstream, breaker_queue) {
            breaker_queue.asking.began();
        }
        self.calls.at_mut(slot).retry_token = retry_token;
        true
    }

    pub(crate) fn may_ask(&mut self, upstream: u32, breaker_queue: u16) -> bool {
        let now = self.now;
        self.breaker_queue(upstream, breaker_queue).is_some_and(|breaker_queue| breaker_queue.asking.check(now).is_ok())
    }

    /// Whether a call in the retry queue needs a token. First attempts that wait for the breaker do: all at
    /// once, when it closes, would open it again. Its probe does not.
    pub(crate) fn needs_token(&mut self, slot: CallIndex, admission: BreakerAdmission) -> bool {
        let Call { upstream, retry_token, .. } = *self.calls.at(slot);
        match (retry_token, admission) {
            (RetryToken::Free, _) | (_, BreakerAdmission::Probe) => false,
            (RetryToken::NotNeeded, _) => !self.upstream(upstream).budget.is_free(TokenKind::Waited),
            (RetryToken::Needed | RetryToken::Held | RetryToken::Asks, _) => true,
        }
    }

    /// How long a first attempt waits while its breaker is open: as written, else as long as its own retries would go on.
    fn breaker_wait(&mut self, slot: CallIndex) -> u64 {
        let Call { upstream, breaker_queue, call_flags, .. } = *self.calls.at(slot);
        let written = self
            .breaker_queue(upstream, breaker_queue)
            .and_then(|breaker_queue| breaker_queue.breaker.as_ref()?.wait());
        match written {
            Some(written) => written,
            None if call_flags.has(CallFlags::STACKED) => 0,
            None => self.would_go_on(slot),
        }
    }

    /// How long a call would go on at most without breaker and budget: its backoffs, and between them attempts that take as
    /// long as the latest that failed.
    fn would_go_on(&mut self, slot: CallIndex) -> u64 {
        let Call { upstream, breaker_queue, route, .. } = *self.calls.at(slot);
        let retry = self.config.route(route).retry;
        let failing = self
            .breaker_queue(upstream, breaker_queue)
            .map_or(0, |breaker_queue| breaker_queue.failing.min(tuned!(LEASE)));
        backoff::longest(&retry).saturating_add(failing.saturating_mul(u64::from(retry.attempts).saturating_sub(1)))
    }

    /// Counts a call that was refused or queued; it may make the probe due.
    fn count_refusal(&mut self, slot: CallIndex) {
        let call = self.calls.at(slot);
        let (upstream, places) = (call.upstream, call.breaker_queues());
        for place in places {
            let Some(breaker_queue) = self.breaker_queue(upstream, place) else { continue };
            let Some(breaker) = breaker_queue.breaker.as_mut() else { continue };
            breaker.count_refusal();
            // Enough for a probe: the head waits for a later time than the cool-down's end.
            if breaker.refused() == tuned!(PROBE_EVERY) {
                self.retime(upstream, place);
            }
        }
    }

    /// Whether the queue has calls and this one is not its head.
    fn behind_others(&mut self, slot: CallIndex, queue: QueueId) -> bool {
        self.queue_mut(queue).is_some_and(|queue| queue.len > 0 && queue.head != slot)
    }

    /// Waits in the retry queue, as long as patience (or `breaker.wait`, before the first attempt) lasts.
    fn enqueue(&mut self, slot: CallIndex, queue: QueueId, admission: BreakerAdmission, left: u64) -> Answer {
        let now = self.now;
        let Call { upstream, breaker_queue, attempts, state, .. } = *self.calls.at(slot);
        let queue_place = if state == CallState::Queued(queue) { QueuePlace::Queued } else { QueuePlace::Joining };
        // A slot of the host makes for less patience, and ends it with the same words.
        let rest = self.patience_left(slot, queue_place).min(self.rest(slot));
        if queue_place == QueuePlace::Joining
            && let BreakerAdmission::Refused(_) = admission
        {
            self.count_refusal(slot);
        }
        if rest == 0 {
            return match admission {
                BreakerAdmission::Refused(rest) => self.fail(slot, Reason::CircuitOpen, Some(rest)),
                // The breaker held it back, and too many others beside it.
                BreakerAdmission::Open | BreakerAdmission::Probe if attempts == 0 => {
                    self.fail(slot, Reason::CircuitOpen, Some(1))
                }
                BreakerAdmission::Open | BreakerAdmission::Probe => self.fail(slot, Reason::BudgetExhausted, None),
            };
        }
        if left == 0 {
            return self.fail(slot, Reason::Deadline, None);
        }
        if let Some(full) = self.enter(slot, queue, queue_place) {
            return full;
        }
        let bound = rest.min(left);
        // This refusal may make the probe due earlier.
        let at = match self.breaker_admission(slot) {
            BreakerAdmission::Refused(rest) => Some(now.saturating_add(rest)),
            BreakerAdmission::Open | BreakerAdmission::Probe => {
                let token = self.upstream(upstream).budget.next_at(TokenKind::after(attempts));
                let asks = self
                    .breaker_queue(upstream, breaker_queue)
                    .and_then(|breaker_queue| breaker_queue.asking.check(now).err().flatten());
                token.into_iter().chain(asks).min()
            }
        };
        let delay = at.map(|at| at.saturating_sub(now).max(1)).filter(|delay| *delay < bound);
        let step = match delay {
            Some(delay) if !self.behind_others(slot, queue) => Step::Wait { delay },
            _ => Step::Park { at_most: bound },
        };
        self.record_wait(slot, EntryKind::Queue, WaitReason::RetryQueue, bound, queue_place);
        if queue_place == QueuePlace::Joining {
            self.wake_ready(upstream);
        } else if !matches!(admission, BreakerAdmission::Refused(_)) && !self.behind_others(slot, queue) {
            // The head lacks a token; those who need none do not wait for it.
            self.wake_tokenless(slot, admission);
        }
        step.into()
    }

    /// What is left of the time that a call waits in the retry queue. It begins anew with each success of its endpoint.
    fn patience_left(&mut self, slot: CallIndex, queue_place: QueuePlace) -> u64 {
        let now = self.now;
        let Call { upstream, breaker_queue, attempts, patience_used, queued_at, .. } = *self.calls.at(slot);
        let patience = if attempts == 0 { self.breaker_wait(slot) } else { self.patience(slot) };
        let well_at = self.breaker_queue(upstream, breaker_queue).map_or(0, |breaker_queue| breaker_queue.well_at);
        // `queued_at` is when it joined, or when it last left.
        let waited = match (well_at >= queued_at, queue_place) {
            (true, QueuePlace::Queued) => now.saturating_sub(well_at),
            (true, QueuePlace::Joining) => 0,
            (false, QueuePlace::Queued) => now.saturating_sub(queued_at).saturating_add(patience_used.into()),
            (false, QueuePlace::Joining) => patience_used.into(),
        };
        patience.saturating_sub(waited)
    }

    /// How long a retry waits in the retry queue: as written, else the longest of 5 s, ten mean latencies, and the time that
    /// it would go on.
    fn patience(&mut self, slot: CallIndex) -> u64 {
        let Call { upstream, breaker_queue, route, .. } = *self.calls.at(slot);
        let written = self.config.route(route).retry.patience;
        let least = self.breaker_queue(upstream, breaker_queue).map_or(0, |breaker_queue| breaker_queue.patience());
        written.unwrap_or_else(|| self.would_go_on(slot).max(least))
    }

    /// Joins the queue unless the call is in it; refuses when too many wait.
    pub(crate) fn enter(&mut self, slot: CallIndex, queue: QueueId, queue_place: QueuePlace) -> Option<Answer> {
        if queue_place == QueuePlace::Queued {
            return None;
        }
        let moves = matches!(self.calls.at(slot).state, CallState::Queued(_));
        if !moves && self.waiting >= self.config.max_waiting {
            return Some(self.fail(slot, Reason::Overloaded, None));
        }
        self.join(slot, queue);
        None
    }

    fn under_cap(&mut self, slot: CallIndex, left: u64) -> Result<(), Answer> {
        let Call { upstream, state, .. } = *self.calls.at(slot);
        let queue = QueueId::Cap(upstream);
        let full = self.upstream(upstream).in_flight >= self.config.concurrency;
        // Only newcomers join a queue that is not needed any more: a call from a later check's queue has waited in
        // this one, and two queues that send each other's heads back would never end.
        let turn = matches!(state, CallState::Queued(QueueId::Bucket(..)));
        let later = turn || matches!(state, CallState::Queued(QueueId::Credential(_)));
        if !full && (later || !self.behind_others(slot, queue)) {
            return Ok(());
        }
        if turn && left > 0 {
            // It keeps its place at the bucket and is woken when a place under the cap is free: the whole queue would
            // else move here and back with every send.
            if let CallState::Queued(bucket) = state
                && let Some(queue) = self.queue_mut(bucket).filter(|queue| queue.head == slot)
            {
                queue.due_at = 0;
            }
            self.record_wait(slot, EntryKind::Queue, WaitReason::Concurrency, left, QueuePlace::Queued);
            return Err(Step::Park { at_most: left }.into());
        }
        let queue_place = if state == CallState::Queued(queue) { QueuePlace::Queued } else { QueuePlace::Joining };
        if left == 0 {
            return Err(self.fail(slot, Reason::Deadline, None));
        }
        if let Some(refused) = self.enter(slot, queue, queue_place) {
            return Err(refused);
        }
        self.record_wait(slot, EntryKind::Queue, WaitReason::Concurrency, left, queue_place);
        if !full {
            // The newest call took the head's place while that one was being woken for a free place under the cap.
            let head = self.upstream(upstream).cap_queue.head;
            self.wake_one(head);
        }
        Err(Step::Park { at_most: left }.into())
    }

    fn past_limiter(&mut self, slot: CallIndex, left: u64) -> Result<(), Answer> {
        let now = self.now;
        let Call { upstream, breaker_queue, state, .. } = *self.calls.at(slot);
        // The head of one bucket's queue looks at the other buckets, not at their queues: see `under_cap`.
        let standing = matches!(state, CallState::Queued(QueueId::Bucket(..)));
        let mut latest: Option<(u64, u16)> = None;
        let (mut surely, mut paused) = (now, 0);
        let mut behind = false;
        let (costs, from) = self.drawn(slot);
        for (bucket, cost) in costs {
            let place = place_for(*bucket, breaker_queue);
            let Some(bucket_queue) = from.bucket_queue(place) else { continue };
            if bucket_queue.queue.head != slot && state == CallState::Queued(QueueId::Bucket(upstream, place)) {
                behind = true;
                break;
            }
            let ahead = if standing || bucket_queue.queue.len == 0 {
                0
            } else {
                match bucket_queue.queue.ahead(now) {
                    Ahead::None => 0,
                    // The head alone: as much as the calls of the queue draw on average.
                    Ahead::Head => {
                        let mean = bucket_queue.queue.cost.div_ceil(u64::from(bucket_queue.queue.len).max(1));
                        mean.min(bucket_queue.bucket.largest_cost())
                    }
                    Ahead::All => bucket_queue
                        .queue
                        .cost
                        .min(u64::from(bucket_queue.queue.len).saturating_mul(bucket_queue.bucket.largest_cost())),
                }
            };
            let turn = bucket_queue.bucket.ready_at(now, u64::from(*cost), ahead);
            // Behind others even a bucket without a rate is short.
            let turn = if !standing && bucket_queue.queue.len > 0 { turn.max(now.saturating_add(1)) } else { turn };
            if turn > now && latest.is_none_or(|(at, _)| turn > at) {
                latest = Some((turn, place));
            }
            if turn > now {
                surely = surely.max(bucket_queue.bucket.surely_after(now, u64::from(*cost), ahead));
                paused = paused.max(bucket_queue.bucket.paused(now));
            }
        }
        if behind {
            // Its turn comes when it is the head, whatever else is short.
            if left == 0 {
                return Err(self.fail(slot, Reason::Deadline, None));
            }
            self.record_wait(slot, EntryKind::Queue, WaitReason::Limiter, left, QueuePlace::Queued);
            return Err(Step::Park { at_most: left }.into());
        }
        let Some((turn, place)) = latest else { return Ok(()) };
        let surely = surely.saturating_sub(now);
        if surely > left {
            // When it makes sense again: one call may try before a pause ends, the others may not.
            return Err(self.fail(slot, Reason::RateLimited, Some(surely.max(paused))));
        }
        Err(self.wait_for_bucket(slot, QueueId::Bucket(upstream, place), turn, left))
    }

    /// Waits in a bucket's queue until `turn`.
    fn wait_for_bucket(&mut self, slot: CallIndex, queue: QueueId, turn: u64, left: u64) -> Answer {
        if left == 0 {
            return self.fail(slot, Reason::Deadline, None);
        }
        let delay = turn.saturating_sub(self.now);
        let queue_place = if self.calls.at(slot).state == CallState::Queued(queue) {
            QueuePlace::Queued
        } else {
            QueuePlace::Joining
        };
        if let Some(refused) = self.enter(slot, queue, queue_place) {
            return refused;
        }
        self.record_wait(slot, EntryKind::Queue, WaitReason::Limiter, delay, queue_place);
        match self.queue_mut(queue) {
            Some(queue) if queue.head == slot => {
                queue.due_at = turn;
                if delay <= left { Step::Wait { delay }.into() } else { Step::Park { at_most: left }.into() }
            }
            _ => Step::Park { at_most: left }.into(),
        }
    }

    /// The one commit: every permit is taken here.
    fn send(&mut self, slot: CallIndex) -> Answer {
        let now = self.now;
        self.leave(slot);
        let Call { upstream: place, breaker_queue, call_flags, .. } = *self.calls.at(slot);
        self.sequence = self.sequence.saturating_add(1);
        let count = self.sequence;
        let first = numbered(count, 0);
        let mut in_flight = 0;
        let (costs, upstream) = self.drawn(slot);
        for (bucket, cost) in costs {
            if let Some(bucket_queue) = upstream.bucket_queue_mut(place_for(*bucket, breaker_queue)) {
                bucket_queue.bucket.take(now, u64::from(*cost), first);
                in_flight = bucket_queue.bucket.in_flight();
            }
        }
        let sequence = numbered(count, in_flight);
        upstream.in_flight = upstream.in_flight.saturating_add(1);
        let permit = self.permit(place, breaker_queue);
        let api_permit = if call_flags.has(CallFlags::BOTH_BREAKERS) {
            self.api_permit(place, breaker_queue)
        } else {
            Permit::default()
        };
        self.move_to(slot, CallState::Flight);
        let call = self.calls.at_mut(slot);
        if !permit.same_generation_as(call.permit) {
            call.call_flags.set(CallFlags::STANDS, false);
        }
        call.permit = permit;
        call.api_permit = api_permit;
        call.sent_at = now;
        call.sequence = sequence;
        let counted = call.retry_token != RetryToken::Free;
        call.call_flags.set(CallFlags::COUNTED, counted);
        call.call_flags.set(CallFlags::QUEUED, matches!(call.retry_token, RetryToken::Held | RetryToken::Asks));
        if counted {
            // A free replay of a paid retry is still that retry.
            call.call_flags.set(CallFlags::PAID, call.retry_token == RetryToken::Held);
            call.call_flags.set(CallFlags::ASKED, call.retry_token == RetryToken::Asks);
            if call.attempts == 0 {
                // What it waited for the breaker is not the patience of its retries.
                call.patience_used = 0;
            }
            call.attempts = call.attempts.saturating_add(1);
        }
        call.retry_token = RetryToken::Free;
        let timeout = call.limits.timeout(now);
        call.record(now, EntryKind::Send, WaitReason::None, u16::from(call.attempts), timeout);
        let mut flags = Flags::NONE;
        for (bit, flag) in
            [(CallFlags::KEYED, Flags::KEY), (CallFlags::FRESH, Flags::FRESH), (CallFlags::CREDENTIALS, Flags::TOKEN)]
        {
            if call.call_flags.has(bit) {
                flags = flags.with(flag);
            }
        }
        if flags.has(Flags::TOKEN) && call.call_flags.has(CallFlags::RENEW) {
            flags = flags.with(Flags::RENEW);
        }
        call.call_flags.set(CallFlags::FRESH | CallFlags::RENEW, false);
        Answer::new(Step::Send { timeout }, flags)
    }
}
