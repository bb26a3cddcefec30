//! May a call send now? Six gates, checked from the top at begin and at each resume, and one commit at the end that
//! takes every permit. A call that may not stands in exactly one line.

use crate::call::{Call, CallState, LineId, NOWHERE, Paying, Rule, Slot, Traits, What};
use crate::config::BreakerScope;
use crate::engine::Engine;
use crate::failure::Reason;
use crate::observe::event::{Event, Kind};
use crate::policy::auth;
use crate::policy::backoff;
use crate::policy::breaker::{self, Permit};
use crate::policy::budget::Payer;
use crate::policy::deadline;
use crate::policy::limiter::numbered;
use crate::slab::Ahead;
use crate::step::{Answer, Flags, Step};
use crate::upstream::{API, place_for};

/// Whether a call comes to a line now, or stands there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    New,
    Old,
}

/// What the two breakers of a call say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gates {
    Open,
    /// One call may go, as the probe.
    Probe,
    /// Milliseconds after which asking again makes sense.
    Shut(u64),
}

impl Engine {
    /// The call's next step.
    pub(crate) fn admit(&mut self, slot: Slot) -> Answer {
        match self.gated(slot) {
            Ok(()) => self.send(slot),
            Err(answer) => answer,
        }
    }

    fn gated(&mut self, slot: Slot) -> Result<(), Answer> {
        self.before_deadline(slot)?;
        let left = self.may_wait(slot);
        self.past_breaker(slot, left)?;
        self.under_cap(slot, left)?;
        self.past_limiter(slot, left)?;
        self.with_credential(slot, left)
    }

    /// Milliseconds that a wait may last: to the last moment at which an attempt may begin, or to the end of its rest.
    pub(crate) fn may_wait(&self, slot: Slot) -> u64 {
        self.calls.at(slot).limits.left(self.now).unwrap_or(0).min(self.rest(slot))
    }

    /// What is left of the time that a call may wait before its next attempt, whatever it waits for: without end, unless the
    /// wait holds a slot of its host. It never forbids to send: who is woken late still goes.
    pub(crate) fn rest(&self, slot: Slot) -> u64 {
        let call = self.calls.at(slot);
        if !call.traits.has(Traits::SLOT) {
            return u64::MAX;
        }
        let since = call.begun.saturating_add(call.rests_from.into());
        deadline::rest(since, self.config.route(call.route).timeouts.wait, self.now)
    }

    fn before_deadline(&mut self, slot: Slot) -> Result<(), Answer> {
        if self.closed {
            return Err(self.fail(slot, Reason::Closed, None));
        }
        let call = self.calls.at(slot);
        if let CallState::Line(LineId::Credential(place)) = call.state
            && self.holders.get(place as usize).is_some_and(|holder| holder.credential.failed(call.generation))
        {
            return Err(self.fail(slot, Reason::Auth, None));
        }
        let offline = call.state == CallState::Line(LineId::Offline);
        let may_send = call.limits.left(self.now).is_some();
        if may_send && (!offline || self.may_wait(slot) > 0) {
            return Ok(());
        }
        Err(self.fail(slot, if offline { Reason::Offline } else { Reason::Deadline }, None))
    }

    fn gates(&mut self, slot: Slot) -> Gates {
        let now = self.now;
        let Call { upstream, gate, traits, .. } = *self.calls.at(slot);
        let gates = &self.upstream(upstream).gates;
        let own = gates.get(usize::from(gate)).and_then(|gate| gate.breaker.as_ref());
        let api = if traits.has(Traits::BOTH_GATES) { gates.get(usize::from(API)) } else { None };
        let api = api.and_then(|gate| gate.breaker.as_ref()).filter(|api| !api.is_closed());
        let api = api.filter(|_| own.is_none_or(|own| own.asks_api(now)));
        let says =
            |breaker: Option<&breaker::Breaker>| breaker.map_or(breaker::Gate::Pass, |breaker| breaker.check(now));
        match (says(own), says(api)) {
            (breaker::Gate::Refuse(rest), _) | (_, breaker::Gate::Refuse(rest)) => Gates::Shut(rest),
            (breaker::Gate::Pass, breaker::Gate::Pass) => Gates::Open,
            (breaker::Gate::Probe, _) | (_, breaker::Gate::Probe) => Gates::Probe,
        }
    }

    fn past_breaker(&mut self, slot: Slot, left: u64) -> Result<(), Answer> {
        let gates = self.gates(slot);
        let Call { upstream, gate, paying, state, .. } = *self.calls.at(slot);
        let line = LineId::Retry(upstream, gate);
        match (paying, gates) {
            (Paying::Holds | Paying::Asks, Gates::Open | Gates::Probe) => Ok(()),
            (Paying::First, Gates::Open) if state != CallState::Line(line) => Ok(()),
            (_, Gates::Open | Gates::Probe) if !self.needs_token(slot, gates) => Ok(()),
            (_, Gates::Open | Gates::Probe) => {
                if self.behind_others(slot, line) || !self.may_leave(slot) {
                    return Err(self.line_up(slot, line, gates, left));
                }
                Ok(())
            }
            (Paying::First, Gates::Shut(rest)) if self.breaker_wait(slot) == 0 => {
                self.turn_away(slot);
                Err(self.fail(slot, Reason::CircuitOpen, Some(rest)))
            }
            (Paying::First | Paying::Free | Paying::Owes | Paying::Holds | Paying::Asks, Gates::Shut(_)) => {
                self.give_token_back(slot);
                Err(self.line_up(slot, line, gates, left))
            }
        }
    }

    /// The head of the retry line takes its token, or goes without one when it may ask.
    fn may_leave(&mut self, slot: Slot) -> bool {
        let now = self.now;
        let Call { upstream, gate, attempts, .. } = *self.calls.at(slot);
        let payer = Payer::after(attempts);
        let paying = if self.upstream(upstream).budget.affords(now, payer) {
            self.upstream(upstream).budget.withdraw(payer);
            Paying::Holds
        } else if self.may_ask(upstream, gate) {
            Paying::Asks
        } else {
            return false;
        };
        if let Some(gate) = self.gate(upstream, gate) {
            gate.asking.began();
        }
        self.calls.at_mut(slot).paying = paying;
        true
    }

    fn may_ask(&mut self, upstream: u32, gate: u16) -> bool {
        let now = self.now;
        self.gate(upstream, gate).is_some_and(|gate| gate.asking.check(now).is_ok())
    }

    /// Whether a call in the retry line pays before it goes. First attempts that lined up for the breaker do: all at
    /// once, when it closes, would open it again. Its probe does not.
    fn needs_token(&mut self, slot: Slot, gates: Gates) -> bool {
        let Call { upstream, paying, .. } = *self.calls.at(slot);
        match (paying, gates) {
            (Paying::Free, _) | (_, Gates::Probe) => false,
            (Paying::First, _) => !self.upstream(upstream).budget.is_free(Payer::Waited),
            (Paying::Owes | Paying::Holds | Paying::Asks, _) => true,
        }
    }

    /// How long a first attempt waits while its breaker is open: as written, else as long as its own retries would go on.
    fn breaker_wait(&mut self, slot: Slot) -> u64 {
        let Call { upstream, gate, traits, .. } = *self.calls.at(slot);
        let written = self.gate(upstream, gate).and_then(|gate| gate.breaker.as_ref()?.wait());
        match written {
            Some(written) => written,
            None if traits.has(Traits::STACKED) => 0,
            None => self.would_go_on(slot),
        }
    }

    /// How long a call would go on at most without breaker and budget: its backoffs, and between them attempts that take as
    /// long as the latest that failed.
    fn would_go_on(&mut self, slot: Slot) -> u64 {
        let Call { upstream, gate, route, .. } = *self.calls.at(slot);
        let retry = self.config.route(route).retry;
        let failing = self.gate(upstream, gate).map_or(0, |gate| gate.failing.min(tuned!(LEASE)));
        backoff::longest(&retry).saturating_add(failing.saturating_mul(u64::from(retry.attempts).saturating_sub(1)))
    }

    /// Counts a call that was refused or lined up; the probe may be due by that.
    fn turn_away(&mut self, slot: Slot) {
        let call = self.calls.at(slot);
        let (upstream, places) = (call.upstream, call.gates());
        for place in places {
            let Some(gate) = self.gate(upstream, place) else { continue };
            let Some(breaker) = gate.breaker.as_mut() else { continue };
            breaker.turn_away();
            // Enough for a probe: the head was told a later time than the cool-down's end.
            if breaker.turned_away() == tuned!(PROBE_EVERY) {
                self.retime(upstream, place);
            }
        }
    }

    /// Whether the line has calls and this one is not their head.
    fn behind_others(&mut self, slot: Slot, line: LineId) -> bool {
        self.line_mut(line).is_some_and(|line| line.len > 0 && line.head != slot)
    }

    /// Waits in the retry line, as long as patience (or `breaker.wait`, before the first attempt) lasts.
    fn line_up(&mut self, slot: Slot, line: LineId, gates: Gates, left: u64) -> Answer {
        let now = self.now;
        let Call { upstream, gate, attempts, state, .. } = *self.calls.at(slot);
        let spot = if state == CallState::Line(line) { Spot::Old } else { Spot::New };
        // A slot of the host makes for less patience, and ends it with the same words.
        let rest = self.patience_left(slot, spot).min(self.rest(slot));
        if spot == Spot::New
            && let Gates::Shut(_) = gates
        {
            self.turn_away(slot);
        }
        if rest == 0 {
            return match gates {
                Gates::Shut(rest) => self.fail(slot, Reason::CircuitOpen, Some(rest)),
                // The breaker held it back, and too many others beside it.
                Gates::Open | Gates::Probe if attempts == 0 => self.fail(slot, Reason::CircuitOpen, Some(1)),
                Gates::Open | Gates::Probe => self.fail(slot, Reason::BudgetExhausted, None),
            };
        }
        if left == 0 {
            return self.fail(slot, Reason::Deadline, None);
        }
        if let Some(full) = self.enter(slot, line, spot) {
            return full;
        }
        let bound = rest.min(left);
        // Now that it was turned away the probe may be due earlier.
        let at = match self.gates(slot) {
            Gates::Shut(rest) => Some(now.saturating_add(rest)),
            Gates::Open | Gates::Probe => {
                let token = self.upstream(upstream).budget.next_at(Payer::after(attempts));
                let asks = self.gate(upstream, gate).and_then(|gate| gate.asking.check(now).err().flatten());
                token.into_iter().chain(asks).min()
            }
        };
        let delay = at.map(|at| at.saturating_sub(now).max(1)).filter(|delay| *delay < bound);
        let step = match delay {
            Some(delay) if !self.behind_others(slot, line) => Step::Wait { delay },
            _ => Step::Park { at_most: bound },
        };
        self.note_wait(slot, What::Line, Rule::RetryLine, bound, spot);
        if spot == Spot::New {
            self.stir(upstream);
        } else if !matches!(gates, Gates::Shut(_)) && !self.behind_others(slot, line) {
            // The head lacks a token; those who need none do not wait for it.
            self.wake_tokenless(slot, gates);
        }
        step.into()
    }

    /// What is left of the time that a call waits in the retry line. It begins anew with each success of its endpoint.
    fn patience_left(&mut self, slot: Slot, spot: Spot) -> u64 {
        let now = self.now;
        let Call { upstream, gate, attempts, patience_used, lined_up, .. } = *self.calls.at(slot);
        let patience = if attempts == 0 { self.breaker_wait(slot) } else { self.patience(slot) };
        let well_at = self.gate(upstream, gate).map_or(0, |gate| gate.well_at);
        // `lined_up` is when it joined, or when it last left.
        let waited = match (well_at >= lined_up, spot) {
            (true, Spot::Old) => now.saturating_sub(well_at),
            (true, Spot::New) => 0,
            (false, Spot::Old) => now.saturating_sub(lined_up).saturating_add(patience_used.into()),
            (false, Spot::New) => patience_used.into(),
        };
        patience.saturating_sub(waited)
    }

    /// How long a retry waits in the retry line: as written, else the longest of 5 s, ten mean latencies, and the time that
    /// it would go on.
    fn patience(&mut self, slot: Slot) -> u64 {
        let Call { upstream, gate, route, .. } = *self.calls.at(slot);
        let written = self.config.route(route).retry.patience;
        let least = self.gate(upstream, gate).map_or(0, |gate| gate.patience());
        written.unwrap_or_else(|| self.would_go_on(slot).max(least))
    }

    /// Joins the line unless it stands there already; refuses when too many wait.
    fn enter(&mut self, slot: Slot, line: LineId, spot: Spot) -> Option<Answer> {
        if spot == Spot::Old {
            return None;
        }
        let moves = matches!(self.calls.at(slot).state, CallState::Line(_));
        if !moves && self.waiting >= self.config.max_waiting {
            return Some(self.fail(slot, Reason::Overloaded, None));
        }
        self.join(slot, line);
        None
    }

    fn under_cap(&mut self, slot: Slot, left: u64) -> Result<(), Answer> {
        let Call { upstream, state, .. } = *self.calls.at(slot);
        let line = LineId::Cap(upstream);
        let full = self.upstream(upstream).in_flight >= self.config.concurrency;
        // Only newcomers join a line that is not needed any more: whoever comes from a later gate's line has stood in
        // this one, and two lines that send each other's heads back would turn for ever.
        let turn = matches!(state, CallState::Line(LineId::Bucket(..)));
        let later = turn || matches!(state, CallState::Line(LineId::Credential(_)));
        if !full && (later || !self.behind_others(slot, line)) {
            return Ok(());
        }
        if turn && left > 0 {
            // It keeps its place at the bucket and is woken when a place under the cap is free: the whole line would
            // else move here and back with every send.
            if let CallState::Line(bucket) = state
                && let Some(line) = self.line_mut(bucket).filter(|line| line.head == slot)
            {
                line.told = 0;
            }
            self.note_wait(slot, What::Line, Rule::Concurrency, left, Spot::Old);
            return Err(Step::Park { at_most: left }.into());
        }
        let spot = if state == CallState::Line(line) { Spot::Old } else { Spot::New };
        if left == 0 {
            return Err(self.fail(slot, Reason::Deadline, None));
        }
        if let Some(refused) = self.enter(slot, line, spot) {
            return Err(refused);
        }
        self.note_wait(slot, What::Line, Rule::Concurrency, left, spot);
        if !full {
            // The newest call took the head's place while that one was being woken for a free place under the cap.
            let head = self.upstream(upstream).cap_line.head;
            self.wake_one(head);
        }
        Err(Step::Park { at_most: left }.into())
    }

    fn past_limiter(&mut self, slot: Slot, left: u64) -> Result<(), Answer> {
        let now = self.now;
        let Call { upstream, gate, state, .. } = *self.calls.at(slot);
        // A head of one bucket's line looks at the other buckets, not at their lines: see `under_cap`.
        let standing = matches!(state, CallState::Line(LineId::Bucket(..)));
        let mut latest: Option<(u64, u16)> = None;
        let (mut surely, mut paused) = (now, 0);
        let mut behind = false;
        let (costs, from) = self.drawn(slot);
        for (bucket, cost) in costs {
            let place = place_for(*bucket, gate);
            let Some(lane) = from.lane(place) else { continue };
            if lane.line.head != slot && state == CallState::Line(LineId::Bucket(upstream, place)) {
                behind = true;
                break;
            }
            let ahead = if standing || lane.line.len == 0 {
                0
            } else {
                match lane.line.ahead(now) {
                    Ahead::None => 0,
                    // The head alone: as much as the calls of the line draw on average.
                    Ahead::Head => {
                        let mean = lane.line.cost.div_ceil(u64::from(lane.line.len).max(1));
                        mean.min(lane.bucket.largest_cost())
                    }
                    Ahead::All => {
                        lane.line.cost.min(u64::from(lane.line.len).saturating_mul(lane.bucket.largest_cost()))
                    }
                }
            };
            let turn = lane.bucket.ready_at(now, u64::from(*cost), ahead);
            // Behind others even a bucket without a rate is short.
            let turn = if !standing && lane.line.len > 0 { turn.max(now.saturating_add(1)) } else { turn };
            if turn > now && latest.is_none_or(|(at, _)| turn > at) {
                latest = Some((turn, place));
            }
            if turn > now {
                surely = surely.max(lane.bucket.surely_after(now, u64::from(*cost), ahead));
                paused = paused.max(lane.bucket.paused(now));
            }
        }
        if behind {
            // Its turn comes when it is the head, whatever else is short.
            if left == 0 {
                return Err(self.fail(slot, Reason::Deadline, None));
            }
            self.note_wait(slot, What::Line, Rule::Limiter, left, Spot::Old);
            return Err(Step::Park { at_most: left }.into());
        }
        let Some((turn, place)) = latest else { return Ok(()) };
        let surely = surely.saturating_sub(now);
        if surely > left {
            // When it makes sense again: one call may try before a pause ends, the others may not.
            return Err(self.fail(slot, Reason::RateLimited, Some(surely.max(paused))));
        }
        Err(self.wait_for_bucket(slot, LineId::Bucket(upstream, place), turn, left))
    }

    /// Waits in a bucket's line until `turn`.
    fn wait_for_bucket(&mut self, slot: Slot, line: LineId, turn: u64, left: u64) -> Answer {
        if left == 0 {
            return self.fail(slot, Reason::Deadline, None);
        }
        let delay = turn.saturating_sub(self.now);
        let spot = if self.calls.at(slot).state == CallState::Line(line) { Spot::Old } else { Spot::New };
        if let Some(refused) = self.enter(slot, line, spot) {
            return refused;
        }
        self.note_wait(slot, What::Line, Rule::Limiter, delay, spot);
        match self.line_mut(line) {
            Some(line) if line.head == slot => {
                line.told = turn;
                if delay <= left { Step::Wait { delay }.into() } else { Step::Park { at_most: left }.into() }
            }
            _ => Step::Park { at_most: left }.into(),
        }
    }

    /// A call that needs the credential has it.
    fn with_credential(&mut self, slot: Slot, left: u64) -> Result<(), Answer> {
        let now = self.now;
        let Call { traits, credential: place, state, .. } = *self.calls.at(slot);
        if !traits.has(Traits::CREDENTIALS) {
            return Ok(());
        }
        let line = LineId::Credential(place);
        let spot = if state == CallState::Line(line) { Spot::Old } else { Spot::New };
        let Some(holder) = self.holders.get_mut(place as usize) else { return Ok(()) };
        let step = match holder.credential.check(now) {
            auth::Gate::Pass(generation) => {
                self.calls.at_mut(slot).generation = generation;
                return Ok(());
            }
            auth::Gate::Wait(_) if left == 0 => return Err(self.fail(slot, Reason::Deadline, None)),
            // A leader that is lost is replaced by the first who asks when its lease is over.
            auth::Gate::Wait(lease) => Step::Park { at_most: left.min(lease) },
            auth::Gate::Lead => Step::Refresh { generation: 0 },
        };
        if let Some(refused) = self.enter(slot, line, spot) {
            return Err(refused);
        }
        let answer = match step {
            Step::Refresh { .. } => self.lead(slot, place),
            other => {
                self.note_wait(slot, What::Line, Rule::Credential, left, spot);
                other.into()
            }
        };
        let generation = self.holders.get(place as usize).map_or(0, |holder| holder.credential.generation());
        self.calls.at_mut(slot).generation = generation;
        Err(answer)
    }

    fn lead(&mut self, slot: Slot, place: u32) -> Answer {
        let now = self.now;
        let (generation, need) = match self.holders.get_mut(place as usize) {
            Some(holder) => (holder.credential.lead(now), holder.credential.need()),
            None => (0, auth::Need::First),
        };
        let call = self.calls.at_mut(slot);
        call.traits.set(Traits::EVENTFUL, true);
        call.note(now, What::Refresh, Rule::Credential, 0, 0);
        let short = (generation & 0xf_ffff) as u32;
        self.ring.push(now, Event::Refresh { credential: place, generation: short });
        let why = match need {
            auth::Need::First => Flags::NONE,
            auth::Need::Expired => Flags::EXPIRED,
            auth::Need::Refused => Flags::REFUSED,
        };
        Answer::new(Step::Refresh { generation }, why)
    }

    /// The one commit: every permit is taken here.
    fn send(&mut self, slot: Slot) -> Answer {
        let now = self.now;
        self.leave(slot);
        let Call { upstream: place, gate, traits, .. } = *self.calls.at(slot);
        self.sequence = self.sequence.saturating_add(1);
        let count = self.sequence;
        let first = numbered(count, 0);
        let mut in_flight = 0;
        let (costs, upstream) = self.drawn(slot);
        for (bucket, cost) in costs {
            if let Some(lane) = upstream.lane_mut(place_for(*bucket, gate)) {
                lane.bucket.take(now, u64::from(*cost), first);
                in_flight = lane.bucket.in_flight();
            }
        }
        let sequence = numbered(count, in_flight);
        upstream.in_flight = upstream.in_flight.saturating_add(1);
        let permit = self.permit(place, gate, false);
        let api_permit = if traits.has(Traits::BOTH_GATES) { self.api_permit(place, gate) } else { Permit::default() };
        self.move_to(slot, CallState::Flight);
        let call = self.calls.at_mut(slot);
        if !permit.same_generation_as(call.permit) {
            call.traits.set(Traits::STANDS, false);
        }
        call.permit = permit;
        call.api_permit = api_permit;
        call.sent_at = now;
        call.sequence = sequence;
        let counted = call.paying != Paying::Free;
        call.traits.set(Traits::COUNTED, counted);
        call.traits.set(Traits::QUEUED, matches!(call.paying, Paying::Holds | Paying::Asks));
        if counted {
            // A free replay of a paid retry is still that retry.
            call.traits.set(Traits::PAID, call.paying == Paying::Holds);
            call.traits.set(Traits::ASKED, call.paying == Paying::Asks);
            if call.attempts == 0 {
                // What it waited for the breaker is not the patience of its retries.
                call.patience_used = 0;
            }
            call.attempts = call.attempts.saturating_add(1);
        }
        call.paying = Paying::Free;
        let timeout = call.limits.timeout(now);
        call.note(now, What::Send, Rule::None, u16::from(call.attempts), timeout);
        let mut flags = Flags::NONE;
        for (bit, flag) in
            [(Traits::KEYED, Flags::KEY), (Traits::FRESH, Flags::FRESH), (Traits::CREDENTIALS, Flags::TOKEN)]
        {
            if call.traits.has(bit) {
                flags = flags.with(flag);
            }
        }
        call.traits.set(Traits::FRESH, false);
        Answer::new(Step::Send { timeout }, flags)
    }

    fn permit(&mut self, upstream: u32, gate: u16, aside: bool) -> Permit {
        let now = self.now;
        let Some(place) = self.gate(upstream, gate) else { return Permit::default() };
        let Some(breaker) = place.breaker.as_mut() else { return Permit::default() };
        let permit = if aside { breaker.commit_aside(now) } else { breaker.commit(now) };
        if !(breaker.is_closed() && place.told == breaker::Phase::Closed) && breaker.phase() != place.told {
            self.tell_phase(upstream, gate);
        }
        permit
    }

    /// The API's permit. It is no probe for an endpoint that the API's breaker does not hold back.
    fn api_permit(&mut self, upstream: u32, gate: u16) -> Permit {
        let now = self.now;
        match self.gate(upstream, API).and_then(|gate| gate.breaker.as_mut()) {
            None => Permit::default(),
            Some(api) if api.is_closed() => api.commit(now),
            Some(_) => {
                let own = self.gate(upstream, gate).and_then(|gate| gate.breaker.as_ref());
                let aside = own.is_some_and(|own| !own.asks_api(now));
                self.permit(upstream, API, aside)
            }
        }
    }

    /// An event when a breaker moved since the last one.
    pub(crate) fn tell_phase(&mut self, upstream: u32, place: u16) {
        let now = self.now;
        let Some(gate) = self.gate(upstream, place) else { return };
        let Some(to) = gate.breaker.as_ref().map(breaker::Breaker::phase) else { return };
        let (from, route, endpoint) = (gate.told, gate.route, gate.endpoint);
        gate.told = to;
        if from != to && self.ring.wants(Kind::Breaker) {
            self.ring.push(now, Event::Breaker { upstream, route, endpoint, from, to });
        }
    }

    /// The head of a gate's line asks again: its breaker closed, or the next probe is due earlier than it was told.
    pub(crate) fn retime(&mut self, upstream: u32, gate: u16) {
        // With a breaker for each route beside it, nobody stands in the API's own line.
        let all = gate == API && self.config.breaker_scope == BreakerScope::Both;
        for place in 0..self.upstream(upstream).gates.len() as u16 {
            if (all || place == gate)
                && let Some(head) = self.gate(upstream, place).map(|gate| gate.line.head)
            {
                self.wake_one(head);
            }
        }
    }

    /// Wakes the first behind this call that needs no token.
    fn wake_tokenless(&mut self, slot: Slot, gates: Gates) {
        let mut next = self.calls.at(slot).next;
        while next != NOWHERE && self.needs_token(next, gates) {
            next = self.calls.at(next).next;
        }
        self.wake_one(next);
    }

    /// One that needed no token went past those who lack it; so may the next like it.
    pub(crate) fn wake_next_tokenless(&mut self, before: Slot) {
        let gates = self.gates(before);
        if !matches!(gates, Gates::Shut(_)) {
            self.wake_tokenless(before, gates);
        }
    }

    /// Wakes the heads of the retry lines that could go now: a token came back, a breaker closed, a probe is due.
    pub(crate) fn stir(&mut self, upstream: u32) {
        if self.upstream(upstream).lined_up == 0 {
            return;
        }
        let now = self.now;
        for place in 0..self.upstream(upstream).gates.len() as u16 {
            let Some(gate) = self.gate(upstream, place) else { continue };
            let head = gate.line.head;
            if gate.line.len == 0 {
                continue;
            }
            let goes = match self.gates(head) {
                Gates::Shut(_) => false,
                gates => {
                    let payer = Payer::after(self.calls.at(head).attempts);
                    !self.needs_token(head, gates)
                        || self.upstream(upstream).budget.affords(now, payer)
                        || self.may_ask(upstream, place)
                }
            };
            if goes {
                self.wake_one(head);
            }
        }
    }
}
