//! Joining, leaving and waking: the mechanics of the lines that waiting calls stand in. Who joins which, and what a
//! head may do, is decided in `admit`.

use crate::engine::Engine;
use crate::state::call::{CallState, LineId, NOWHERE, Paying, Slot, Traits};
use crate::state::slab::Line;

impl Engine {
    pub(crate) fn line_mut(&mut self, line: LineId) -> Option<&mut Line> {
        match line {
            LineId::Cap(upstream) => Some(&mut self.upstream(upstream).cap_line),
            LineId::Bucket(upstream, place) => self.upstream(upstream).lane_mut(place).map(|lane| &mut lane.line),
            LineId::Retry(upstream, gate) => self.gate(upstream, gate).map(|gate| &mut gate.line),
            LineId::Credential(place) => self.holders.get_mut(place as usize).map(|holder| &mut holder.line),
            LineId::Offline => Some(&mut self.offline),
        }
    }

    fn line_cost(&mut self, slot: Slot, line: LineId) -> u64 {
        match line {
            LineId::Bucket(_, bucket) => self.cost_of(slot, bucket),
            LineId::Cap(_) | LineId::Retry(..) | LineId::Credential(_) | LineId::Offline => 0,
        }
    }

    /// Joins a line, leaving the one it stood in. In the retry line first attempts stand before the retries, the newest
    /// first; elsewhere a line that stands takes the newest call before the others at every second turn.
    pub(crate) fn join(&mut self, slot: Slot, line: LineId) {
        self.leave(slot);
        let cost = self.line_cost(slot, line);
        let Some(mut moved) = self.line_mut(line).copied() else { return };
        let call = self.calls.at_mut(slot);
        if let LineId::Retry(..) = line {
            call.lined_up = self.now;
        } else {
            call.sent_at = self.now;
        }
        match line {
            LineId::Retry(..) if self.calls.at(slot).attempts == 0 => moved.push_front(&mut self.calls, slot, cost),
            LineId::Bucket(..) | LineId::Cap(_) if moved.stands(self.now) => {
                let newest = moved.newest();
                let cost_of_newest = if newest == NOWHERE { 0 } else { self.line_cost(newest, line) };
                moved.push_newest(&mut self.calls, slot, cost, cost_of_newest);
            }
            _ => moved.push(&mut self.calls, slot, cost),
        }
        if let Some(place) = self.line_mut(line) {
            *place = moved;
        }
        self.waiting = self.waiting.saturating_add(1);
        if let LineId::Retry(upstream, _) = line {
            let upstream = self.upstream(upstream);
            upstream.lined_up = upstream.lined_up.saturating_add(1);
        }
        self.move_to(slot, CallState::Line(line));
    }

    /// Leaves the line it stands in, if any; a new head is woken. The state is the caller's to change.
    pub(crate) fn leave(&mut self, slot: Slot) {
        let CallState::Line(line) = self.calls.at(slot).state else { return };
        let cost = self.line_cost(slot, line);
        let Some(mut left) = self.line_mut(line).copied() else { return };
        let was_head = left.head == slot;
        let before = self.calls.at(slot).previous;
        left.remove(&mut self.calls, slot, cost);
        if let Some(place) = self.line_mut(line) {
            *place = left;
        }
        self.waiting = self.waiting.saturating_sub(1);
        if let LineId::Retry(upstream, gate) = line {
            let upstream = self.upstream(upstream);
            upstream.lined_up = upstream.lined_up.saturating_sub(1);
            let well_at = upstream.gates.get(usize::from(gate)).map_or(0, |gate| gate.well_at);
            let now = self.now;
            let call = self.calls.at_mut(slot);
            // Patience that began anew does not grow old again in another stay.
            let used = if well_at >= call.lined_up {
                now.saturating_sub(well_at)
            } else {
                u64::from(call.patience_used).saturating_add(now.saturating_sub(call.lined_up))
            };
            call.patience_used = u32::try_from(used).unwrap_or(u32::MAX);
            call.lined_up = now;
        }
        if let LineId::Retry(..) = line
            && !was_head
            && matches!(self.calls.at(slot).paying, Paying::First | Paying::Free)
        {
            self.wake_next_tokenless(before);
        }
        match line {
            LineId::Cap(upstream) => self.cap_moved = Some(upstream),
            // A new head must be told its time.
            LineId::Bucket(..) | LineId::Retry(..) if was_head => self.wake_one(left.head),
            LineId::Bucket(..) | LineId::Retry(..) | LineId::Credential(_) | LineId::Offline => {}
        }
    }

    /// A wake for this call, unless one is under way.
    pub(crate) fn wake_one(&mut self, slot: Slot) {
        if slot == NOWHERE {
            return;
        }
        let call = self.calls.at_mut(slot);
        if !call.traits.has(Traits::WOKEN) {
            call.traits.set(Traits::WOKEN, true);
            self.wakes.push(call.id);
        }
    }

    pub(crate) fn wake_all(&mut self, line: Line) {
        let mut slot = line.head;
        while slot != NOWHERE {
            self.wake_one(slot);
            slot = self.calls.at(slot).next;
        }
    }
}
