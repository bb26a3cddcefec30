//! An answer that came by a redirect which the platform followed by itself. What was answered is another request than the
//! one that would be sent again, so that a call is sent again only if its first request is safe. The answer counts for the
//! origin that gave it.

use crate::defaults::PEEK;
use crate::engine::Engine;
use crate::engine::hints::{AnswerKind, ServerHints};
use crate::engine::retry::Retry;
use crate::engine::settle::Delivered;
use crate::failure::{Outcome, Reason};
use crate::headers::{self, Hints};
use crate::observe::event::{Event, Kind};
use crate::policy::breaker::{Count, From};
use crate::policy::classify::{self, Class};
use crate::policy::limiter::Change;
use crate::rng::{self, Purpose};
use crate::state::call::API;
use crate::state::call::{Call, CallFlags, CallIndex, LastResult};
use crate::state::timeline::EntryKind;
use crate::step::Answer;

impl Engine {
    /// An attempt was answered by this upstream, after a redirect.
    #[cold]
    pub(crate) fn answered_after_redirect(
        &mut self,
        slot: CallIndex,
        status: u16,
        by: u32,
        hints: &Hints<'_>,
        body: &[u8],
        wall: u64,
    ) -> Answer {
        let Call { route, upstream, call_flags, .. } = *self.calls.at(slot);
        let should = if status >= 400 { headers::should_retry(hints) } else { None };
        let verdict = classify::classify(status, &self.config.route(route).classify, hints, body, should);
        let elapsed = self.attempt_ended(slot, LastResult::Status(status), EntryKind::Status, status);
        let kind = AnswerKind::of(status, verdict.class);
        let (refused, limited) = (kind != AnswerKind::Success, kind == AnswerKind::RateLimited);
        let server = if by == upstream {
            self.count(slot, verdict.count);
            self.server_hints(slot, hints, wall, kind)
        } else {
            // A redirect is an answer like any other.
            self.count(slot, Count::Success);
            let wait = if refused { headers::server_time(hints, wall) } else { None };
            self.count_elsewhere(by, verdict.count, wait.filter(|_| limited));
            ServerHints { wait, binds: wait.is_some(), empty: None, pauses: false }
        };
        if refused {
            // The first request may have done its work before it was answered by a redirect.
            self.raise_outcome(slot, Outcome::Unknown);
            self.was_answered(slot);
        }
        let safe = call_flags.has(CallFlags::SAFE);
        let again = match verdict.class {
            Class::Final => return self.fail(slot, Reason::Status, server.wait),
            Class::Unauthorized if safe && by == upstream => return self.unauthorized(slot, elapsed),
            Class::Deliver | Class::Unauthorized => false,
            Class::Retry | Class::Afresh | Class::RateLimited => true,
        };
        let retry = Retry { server: server.wait, limited, allowed: call_flags.has(CallFlags::REPEATABLE) };
        if again && safe {
            return self.retry(slot, retry, server);
        }
        if again && let Some(wait) = server.wait {
            self.pause(slot, retry, server, wait);
        }
        let is_success = by != upstream || (!again && status < 500);
        let counted = if is_success { Delivered::Success } else { Delivered::Failure };
        self.deliver_counted(slot, status, elapsed, counted)
    }

    /// Counts an outcome for an origin that the call was not begun at. `pause`: it was a 429 that asks for so many
    /// milliseconds.
    fn count_elsewhere(&mut self, by: u32, count: Count, pause: Option<u64>) {
        let (now, seed, begun) = (self.now, self.seed, self.begun);
        let (config, upstream) = self.config_and_upstream(by);
        let bucket = upstream.bucket_of(config, 0);
        let (breaker_queue, both) = upstream.breaker_queue_for(config, 0, 0, begun);
        upstream.leave(breaker_queue);
        if let Some(wait) = pause
            && let Some(bucket_queue) = upstream.bucket_queues.first_mut()
        {
            bucket_queue.bucket.pause(now, now.saturating_add(wait), now.saturating_add(PEEK));
            let paused = bucket_queue.bucket.paused(now);
            if bucket_queue.bucket.reports_pause(now) && self.ring.wants(Kind::Limiter) {
                self.ring.push(now, Event::Limiter { upstream: by, bucket, change: Change::Paused, paused });
            }
        }
        let draw = |opening, most| rng::draw(seed, opening, u32::from(breaker_queue), Purpose::CoolDown, most);
        for place in core::iter::once(breaker_queue).chain(both.then_some(API)) {
            let Some(counted) = self.breaker_queue(by, place) else { continue };
            // An open breaker counts the attempts that it let through; this one did not ask it.
            let Some(breaker) = counted.breaker.as_mut().filter(|breaker| breaker.is_closed()) else { continue };
            breaker.settle(breaker.permit(), count, From { endpoint: breaker_queue, waiting: 0 }, now, &draw);
            if breaker.phase() != counted.reported {
                self.report_phase(by, place);
                self.retime(by, place);
            }
        }
    }
}
