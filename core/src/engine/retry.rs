//! Decides whether another attempt follows, and how long the call waits before it.

use crate::engine::Engine;
use crate::engine::admit::QueuePlace;
use crate::engine::hints::ServerHints;
use crate::failure::{Fault, Outcome, Reason};
use crate::observe::event::{Event, Kind};
use crate::policy::backoff::{self, Asked};
use crate::policy::limiter::{Change, Refused, numbered};
use crate::rng::{self, Purpose};
use crate::state::call::{Call, CallFlags, CallIndex, CallState, LastResult, RetryToken};
use crate::state::timeline::{EntryKind, WaitReason};
use crate::step::{Answer, Step};

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
    /// Another attempt, if the rules allow: attempts, deadline, replay; patience comes when the wait is over.
    pub(crate) fn retry(&mut self, slot: CallIndex, retry: Retry, server: ServerHints) -> Answer {
        let now = self.now;
        let Call { route, call_flags, attempts, limits, last, ordinal, .. } = *self.calls.at(slot);
        let rules = self.config.route(route).retry;
        self.asked_in_vain(slot);
        let doubtful = self.calls.at(slot).outcome == Outcome::Unknown;
        self.calls.at_mut(slot).call_flags.set(CallFlags::DOUBTFUL, doubtful);
        let k = u32::from(attempts.max(1));
        let asked = match retry.server {
            Some(wait) => Asked::Time(wait),
            None if retry.limited => Asked::Slower,
            None => Asked::Nothing,
        };
        let range = backoff::range(&rules, k, asked);
        let wait = range.least.saturating_add(rng::draw(self.seed, ordinal, k, Purpose::Backoff, range.spread)).max(1);
        let call = self.calls.at_mut(slot);
        let least = if retry.limited {
            call.call_flags.count_refusal();
            backoff::interval(rules.base, rules.cap.saturating_mul(2), call.call_flags.refusals())
        } else {
            call.call_flags.clear_refusals();
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
        // A pause that a reading may end does not keep the time that the server named to this call.
        let holds = !(server.binds && bucket_queue.bucket.may_end_by_reading());
        // The bucket may let one call try before the pause ends: another one than this, unless a gauge's reset held it back.
        let tries = (server.binds || retry.server.is_none())
            && bucket_queue.bucket.ready_at(now, 1, 0) < now.saturating_add(wait);
        if change != Change::None && self.ring.wants(Kind::Limiter) {
            let (config, shared) = self.config_and_upstream(upstream);
            let bucket = shared.bucket_of(config, bucket);
            self.ring.push(now, Event::Limiter { upstream, bucket, change, paused });
        }
        (draws && paused >= wait && !tries && holds, rated)
    }

    /// The bucket that a 429 without a gauge at 0 is about.
    pub(crate) fn refused_by(&mut self, slot: CallIndex) -> Option<u16> {
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

    /// A retry that went without a token failed: the next head waits before it asks.
    pub(crate) fn asked_in_vain(&mut self, slot: CallIndex) {
        let now = self.now;
        let Call { route, call_flags, upstream, breaker_queue, .. } = *self.calls.at(slot);
        let base = self.config.route(route).retry.base;
        if call_flags.has(CallFlags::ASKED)
            && let Some(breaker_queue) = self.breaker_queue(upstream, breaker_queue)
        {
            breaker_queue.asking.failed(now, base);
        }
    }
}
