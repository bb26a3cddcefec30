//! Joins, leaves and wakes: the mechanics of the queues of waiting calls. Which call joins which queue, and what a
//! head may do, is decided in `admit`.

use crate::engine::Engine;
use crate::state::call::{CallFlags, CallIndex, CallState, NOWHERE, QueueId, RetryToken};
use crate::state::slab::Queue;

impl Engine {
    pub(crate) fn queue_mut(&mut self, queue: QueueId) -> Option<&mut Queue> {
        match queue {
            QueueId::Cap(upstream) => Some(&mut self.upstream(upstream).cap_queue),
            QueueId::Bucket(upstream, place) => {
                self.upstream(upstream).bucket_queue_mut(place).map(|bucket_queue| &mut bucket_queue.queue)
            }
            QueueId::Retry(upstream, breaker_queue) => {
                self.breaker_queue(upstream, breaker_queue).map(|breaker_queue| &mut breaker_queue.queue)
            }
            QueueId::Credential(place) => {
                self.credentials.get_mut(place as usize).map(|credential_state| &mut credential_state.queue)
            }
            QueueId::Offline => Some(&mut self.offline),
        }
    }

    fn queue_cost(&mut self, slot: CallIndex, queue: QueueId) -> u64 {
        match queue {
            QueueId::Bucket(_, bucket) => self.cost_of(slot, bucket),
            QueueId::Cap(_) | QueueId::Retry(..) | QueueId::Credential(_) | QueueId::Offline => 0,
        }
    }

    /// Joins a queue and leaves the one before. In the retry queue first attempts come before the retries, the newest
    /// first; elsewhere a queue that stands lets the newest call go at every second turn.
    pub(crate) fn join(&mut self, slot: CallIndex, queue: QueueId) {
        self.leave(slot);
        let cost = self.queue_cost(slot, queue);
        let Some(mut moved) = self.queue_mut(queue).copied() else { return };
        let call = self.calls.at_mut(slot);
        if let QueueId::Retry(..) = queue {
            call.queued_at = self.now;
        } else {
            call.sent_at = self.now;
        }
        match queue {
            QueueId::Retry(..) if self.calls.at(slot).attempts == 0 => moved.push_front(&mut self.calls, slot, cost),
            QueueId::Bucket(..) | QueueId::Cap(_) if moved.stands(self.now) => {
                let newest = moved.newest();
                let cost_of_newest = if newest == NOWHERE { 0 } else { self.queue_cost(newest, queue) };
                moved.push_newest(&mut self.calls, slot, cost, cost_of_newest);
            }
            _ => moved.push(&mut self.calls, slot, cost),
        }
        if let Some(place) = self.queue_mut(queue) {
            *place = moved;
        }
        self.waiting = self.waiting.saturating_add(1);
        if let QueueId::Retry(upstream, _) = queue {
            let upstream = self.upstream(upstream);
            upstream.queued = upstream.queued.saturating_add(1);
        }
        self.move_to(slot, CallState::Queued(queue));
    }

    /// Leaves the call's queue, if any; a new head is woken. The caller changes the state.
    pub(crate) fn leave(&mut self, slot: CallIndex) {
        let CallState::Queued(queue) = self.calls.at(slot).state else { return };
        let cost = self.queue_cost(slot, queue);
        let Some(mut left) = self.queue_mut(queue).copied() else { return };
        let was_head = left.head == slot;
        let before = self.calls.at(slot).previous;
        left.remove(&mut self.calls, slot, cost);
        if let Some(place) = self.queue_mut(queue) {
            *place = left;
        }
        self.waiting = self.waiting.saturating_sub(1);
        if let QueueId::Retry(upstream, breaker_queue) = queue {
            let upstream = self.upstream(upstream);
            upstream.queued = upstream.queued.saturating_sub(1);
            let well_at = upstream
                .breaker_queues
                .get(usize::from(breaker_queue))
                .map_or(0, |breaker_queue| breaker_queue.well_at);
            let now = self.now;
            let call = self.calls.at_mut(slot);
            // Patience that began anew does not grow old again in another stay.
            let used = if well_at >= call.queued_at {
                now.saturating_sub(well_at)
            } else {
                u64::from(call.patience_used).saturating_add(now.saturating_sub(call.queued_at))
            };
            call.patience_used = u32::try_from(used).unwrap_or(u32::MAX);
            call.queued_at = now;
        }
        if let QueueId::Retry(..) = queue
            && !was_head
            && matches!(self.calls.at(slot).retry_token, RetryToken::NotNeeded | RetryToken::Free)
        {
            self.wake_next_tokenless(before);
        }
        match queue {
            QueueId::Cap(upstream) => self.cap_moved = Some(upstream),
            // A new head needs its time.
            QueueId::Bucket(..) | QueueId::Retry(..) if was_head => self.wake_one(left.head),
            QueueId::Bucket(..) | QueueId::Retry(..) | QueueId::Credential(_) | QueueId::Offline => {}
        }
    }

    /// A wake for this call, unless one is under way.
    pub(crate) fn wake_one(&mut self, slot: CallIndex) {
        if slot == NOWHERE {
            return;
        }
        let call = self.calls.at_mut(slot);
        if !call.call_flags.has(CallFlags::WOKEN) {
            call.call_flags.set(CallFlags::WOKEN, true);
            self.wakes.push(call.id);
        }
    }

    pub(crate) fn wake_all(&mut self, queue: Queue) {
        let mut slot = queue.head;
        while slot != NOWHERE {
            self.wake_one(slot);
            slot = self.calls.at(slot).next;
        }
    }
}
