//! The end of a call: what it still holds goes back, its slot is freed or its record kept.

use crate::defaults::MAX_REPORTS;
use crate::engine::Engine;
use crate::failure::Reason;
use crate::observe::event::{Event, Kind};
use crate::policy::budget::Payer;
use crate::state::call::{Call, CallState, Last, Paying, Slot, Traits};
use crate::step::{Answer, Flags, NO_TIME, Step};

impl Engine {
    /// An unused retry token, or the right to ask without one, goes back.
    pub(crate) fn give_token_back(&mut self, slot: Slot) {
        let call = self.calls.at_mut(slot);
        if !matches!(call.paying, Paying::Holds | Paying::Asks) {
            return;
        }
        let (upstream, payer, held) = (call.upstream, Payer::after(call.attempts), call.paying == Paying::Holds);
        call.paying = if payer == Payer::Waited { Paying::First } else { Paying::Owes };
        if held {
            self.upstream(upstream).budget.give_back(payer);
        }
        self.right_ended(slot);
    }

    /// A call of the retry line has no right to go any more. When it was the only one, the head may have to be told a time.
    pub(crate) fn right_ended(&mut self, slot: Slot) {
        let Call { upstream, gate, .. } = *self.calls.at(slot);
        let Some(gate) = self.gate(upstream, gate) else { return };
        let head = gate.line.head;
        if gate.asking.ended() {
            self.wake_one(head);
        }
    }

    /// The call is over: its slot is freed, or kept for a report when it had any step but Send and Deliver.
    pub(crate) fn end(&mut self, slot: Slot, reason: Option<Reason>, retry_after: u32) -> Flags {
        self.leave(slot);
        self.give_token_back(slot);
        let now = self.now;
        let call = self.calls.at_mut(slot);
        let elapsed = now.saturating_sub(call.begun);
        let Call { attempts, last, worst: outcome, upstream, gate, .. } = *call;
        let eventful = reason.is_some() || call.traits.has(Traits::EVENTFUL);
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
        shared.leave(gate);
        if shared.lined_up > 0 {
            self.stir(upstream);
        }
        if eventful { Flags::REPORT } else { Flags::NONE }
    }

    fn keep(&mut self, slot: Slot) {
        self.move_to(slot, CallState::Kept);
        self.kept.push(&mut self.calls, slot, 0);
        if self.kept.len as usize > MAX_REPORTS {
            let oldest = self.kept.head;
            self.unkeep(oldest);
            self.move_to(oldest, CallState::Gone);
            self.calls.remove(oldest);
        }
    }

    pub(crate) fn unkeep(&mut self, slot: Slot) {
        self.kept.remove(&mut self.calls, slot, 0);
    }

    /// Ends the call with a failure.
    pub(crate) fn fail(&mut self, slot: Slot, reason: Reason, retry_after: Option<u64>) -> Answer {
        let retry_after = retry_after.map_or(NO_TIME, |ms| ms.min(u64::from(NO_TIME).saturating_sub(1)) as u32);
        let call = self.calls.at(slot);
        let outcome = call.worst;
        let response = if matches!(call.last, Last::Status(_)) { Flags::RESPONSE } else { Flags::NONE };
        let flags = self.end(slot, Some(reason), retry_after);
        Answer::new(Step::Fail { retry_after, outcome, reason }, flags.with(response))
    }
}
