//! The end of a call: its permits go back, its slot is freed or its record retained.

use crate::defaults::MAX_REPORTS;
use crate::engine::Engine;
use crate::failure::Reason;
use crate::observe::event::{Event, Kind};
use crate::policy::budget::TokenKind;
use crate::state::call::{Call, CallFlags, CallIndex, CallState, LastResult, RetryToken};
use crate::step::{Answer, Flags, NO_TIME, Step};

impl Engine {
    /// An unused retry token, or the right to ask without one, goes back.
    pub(crate) fn give_token_back(&mut self, slot: CallIndex) {
        let call = self.calls.at_mut(slot);
        if !matches!(call.retry_token, RetryToken::Held | RetryToken::Asks) {
            return;
        }
        let (upstream, token_kind, held) =
            (call.upstream, TokenKind::after(call.attempts), call.retry_token == RetryToken::Held);
        call.retry_token = if token_kind == TokenKind::Waited { RetryToken::NotNeeded } else { RetryToken::Needed };
        if held {
            self.upstream(upstream).budget.give_back(token_kind);
        }
        self.right_ended(slot);
    }

    /// Takes back the right of a call of the retry queue. When it was the only one, the head may need a time.
    pub(crate) fn right_ended(&mut self, slot: CallIndex) {
        let Call { upstream, breaker_queue, .. } = *self.calls.at(slot);
        let Some(breaker_queue) = self.breaker_queue(upstream, breaker_queue) else { return };
        let head = breaker_queue.queue.head;
        if breaker_queue.asking.ended() {
            self.wake_one(head);
        }
    }

    /// Ends the call: its slot is freed, or retained for a report when it had any step but Send and Deliver.
    pub(crate) fn end(&mut self, slot: CallIndex, reason: Option<Reason>, retry_after: u32) -> Flags {
        self.leave(slot);
        self.give_token_back(slot);
        let now = self.now;
        let call = self.calls.at_mut(slot);
        let elapsed = now.saturating_sub(call.begun);
        let Call { attempts, last, outcome, upstream, breaker_queue, .. } = *call;
        let eventful = reason.is_some() || call.call_flags.has(CallFlags::EVENTFUL);
        if self.ring.wants(Kind::Call) {
            let about = self.about(slot);
            self.ring.push(now, Event::Call { about, attempts, last, reason, outcome, elapsed });
        }
        if eventful {
            let call = self.calls.at_mut(slot);
            call.sent_at = elapsed;
            call.generation = reason.map_or(u32::MAX, |reason| reason as u32);
            call.sequence = u64::from(retry_after);
            self.keep(slot);
        } else {
            self.move_to(slot, CallState::Gone);
            self.calls.remove(slot);
        }
        let shared = self.upstream(upstream);
        shared.leave(breaker_queue);
        if shared.queued > 0 {
            self.wake_ready(upstream);
        }
        if eventful { Flags::REPORT } else { Flags::NONE }
    }

    fn keep(&mut self, slot: CallIndex) {
        self.move_to(slot, CallState::Retained);
        self.kept.push(&mut self.calls, slot, 0);
        if self.kept.len as usize > MAX_REPORTS {
            let oldest = self.kept.head;
            self.forget_record(oldest);
            self.move_to(oldest, CallState::Gone);
            self.calls.remove(oldest);
        }
    }

    pub(crate) fn forget_record(&mut self, slot: CallIndex) {
        self.kept.remove(&mut self.calls, slot, 0);
    }

    /// Ends the call with a failure.
    pub(crate) fn fail(&mut self, slot: CallIndex, reason: Reason, retry_after: Option<u64>) -> Answer {
        let retry_after = retry_after.map_or(NO_TIME, |ms| ms.min(u64::from(NO_TIME).saturating_sub(1)) as u32);
        let call = self.calls.at(slot);
        let outcome = call.outcome;
        let response = if matches!(call.last, LastResult::Status(_)) { Flags::RESPONSE } else { Flags::NONE };
        let flags = self.end(slot, Some(reason), retry_after);
        Answer::new(Step::Fail { retry_after, outcome, reason }, flags.with(response))
    }
}
