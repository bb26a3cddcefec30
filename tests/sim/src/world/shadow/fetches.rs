//! What calls and hosts see of a credential: each step is held against [`Holder`], the manual's section 11.

use super::holder::{After401, Asks, Changes, Says};
use super::{Core, Shadow, Upstream, call, ensure};
use crate::world::marks::Mark;
use unruffled_core::{Answer, Fault, Flags, NO_TIME, Node, Reason, Step};

impl Shadow {
    /// A call asked for its credential, behind all other checks.
    pub(super) fn asks(&mut self, id: u32, says: Says) -> Result<(), String> {
        let now = self.now;
        let call = self.known(id);
        let asks = Asks { once: !call.has(call::REPEATABLE), units: call.units };
        let place = call.holder;
        self.holders[place].asked(now, asks, says, &mut self.marks)
    }

    /// A call that needs a credential is sent; the generation of its token.
    pub(super) fn sends_token(&mut self, id: u32, answer: Answer, went_on: bool) -> Result<u64, String> {
        let now = self.now;
        let (place, renew) = (self.known(id).holder, answer.flags().has(Flags::RENEW));
        if went_on {
            self.holders[place].went_on(now, &mut self.marks)?;
            ensure!(!renew, "RENEW on a call that waited for a fetch which failed");
        } else {
            self.asks(id, Says::Send { renew })?;
        }
        Ok(self.holders[place].sent_generation())
    }

    /// The end of a call whose fetch failed, if it has no token to go on with.
    pub(super) fn after_fetch(
        &mut self,
        id: u32,
        fault: Fault,
        core: Core<'_>,
        answer: Answer,
    ) -> Result<Option<()>, String> {
        let now = self.now;
        let call = self.known(id).clone();
        let said = said(answer);
        if call.replayed && call.last == call::Last::Status(401) {
            self.holders[call.holder].says_rest(now, said)?;
            self.marks.hit(if fault == Fault::Unchanged { Mark::UnchangedEnds } else { Mark::EndsWith401 });
            let reason = if fault == Fault::Unchanged { Reason::Status } else { Reason::Auth };
            return self.must_fail(id, answer, reason).map(Some);
        }
        if self.holders[call.holder].valid(now) {
            return Ok(None);
        }
        if fault == Fault::Offline {
            // Its retry token goes back: it asks again when the host is online.
            let call = self.known(id);
            let (holds, upstream) = (std::mem::take(&mut call.holds), call.upstream);
            call.right = false;
            self.upstreams[upstream].budget.give_back(holds);
            self.marks.hit(Mark::OfflineFetch);
            return self.until_online(id, core, answer).map(Some);
        }
        self.holders[call.holder].says_rest(now, said)?;
        self.marks.hit(Mark::TokenFailedForAll);
        self.must_fail(id, answer, Reason::Auth).map(Some)
    }

    pub(super) fn token(&mut self, generation: u64, expires_in: u64, answer: Answer) -> Result<(), String> {
        if self.upstreams.iter().any(Upstream::open) {
            self.marks.hit(Mark::TokenWhileOpen);
        }
        let place = (generation >> 20) as usize;
        self.holders[place].came(self.now, expires_in, &mut self.marks);
        self.mark_waiting(place, None);
        self.wakes_all(place, answer)
    }

    pub(super) fn token_failed(
        &mut self,
        generation: u64,
        fault: u32,
        retry_after: u64,
        answer: Answer,
    ) -> Result<(), String> {
        let fault = Fault::from_code(fault.into()).ok_or("no such fault")?;
        let place = (generation >> 20) as usize;
        self.holders[place].failed(self.now, fault, retry_after, &mut self.marks);
        if fault != Fault::Cancelled {
            self.mark_waiting(place, Some(fault));
        }
        self.wakes_all(place, answer)
    }

    pub(super) fn renewed(&mut self, scope: u32, answer: Answer) -> Result<(), String> {
        let (_, place) = self.scopes[scope as usize];
        let holder = &mut self.holders[place];
        let leads = match answer.step() {
            Step::Done { arg: 0 } => false,
            Step::Refresh { .. } => true,
            other => return Err(format!("renew answers {other:?}")),
        };
        holder.renewed(self.now, self.closed, answer, leads, &mut self.marks)?;
        if let Step::Refresh { generation } = answer.step() {
            let expected = (place as u64) << 20 | holder.generation;
            ensure!(generation == expected, "generation {generation}, expected {expected}");
        }
        Ok(())
    }

    pub(super) fn reset(&mut self, scope: u32, answer: Answer) -> Result<(), String> {
        let (_, place) = self.scopes[scope as usize];
        self.holders[place].reset(self.now, &mut self.marks);
        self.mark_waiting(place, None);
        self.wakes_all(place, answer)
    }

    /// What became of the fetch that calls wait for.
    fn mark_waiting(&mut self, place: usize, fault: Option<Fault>) {
        for call in self.calls.values_mut() {
            if call.holder == place && call.standing.node == Node::Credential {
                call.fetch_failed = fault;
            }
        }
    }

    fn wakes_all(&mut self, place: usize, answer: Answer) -> Result<(), String> {
        ensure!(answer.step() == Step::Done { arg: 0 }, "it answers Done");
        let mut waiting = self
            .calls
            .values()
            .filter(|call| call.holder == place && call.standing.node == Node::Credential && !call.woken);
        ensure!(waiting.next().is_none() || answer.flags().has(Flags::WAKES), "wakes those who wait for a credential");
        Ok(())
    }

    pub(super) fn unauthorized(&mut self, id: u32, elapsed: u64, core: Core<'_>, answer: Answer) -> Result<(), String> {
        let call = self.known(id).clone();
        if call.replayed {
            self.marks.hit(Mark::SecondRefusal);
        }
        if !call.has(call::CREDENTIALS) || call.has(call::STACKED) || self.closed {
            return self.delivered(id, 401, elapsed, answer);
        }
        let delivered = matches!(answer.step(), Step::Deliver { .. });
        let which = (call.generation, call.replayed, call.has(call::REPEATABLE));
        match self.holders[call.holder].refused(self.now, which, delivered, &mut self.marks)? {
            After401::Delivered => self.delivered(id, 401, elapsed, answer),
            After401::Replayed => {
                let call = self.known(id);
                call.replayed = true;
                call.eventful = true;
                self.admitted(id, core, answer)
            }
        }
    }

    /// Holds the events of the kind `refresh` against what changed.
    pub(super) fn changes(&mut self, text: &str, dropped: bool) -> Result<(), String> {
        let all: Vec<&str> = text.split('{').filter(|event| event.contains("\"kind\":\"refresh\"")).collect();
        for (place, holder) in self.holders.iter_mut().enumerate() {
            let Changes { asked, came, failed, rejected, unchanged, refused, useless } =
                std::mem::take(&mut holder.changes);
            let mine = format!("\"credential\":{place},");
            for (word, (least, most)) in [
                ("asked", (asked, asked)),
                ("came", (came, came)),
                ("failed", (failed, failed)),
                ("rejected", (rejected, rejected)),
                ("unchanged", (unchanged, unchanged)),
                ("refused", refused),
                ("useless", (useless, useless)),
            ] {
                let word = format!("\"change\":\"{word}\"");
                let seen = all.iter().filter(|event| event.contains(&mine) && event.contains(&word)).count() as u64;
                let least = if dropped { 0 } else { least };
                ensure!(least <= seen && seen <= most, "{seen} events {word} of credential {place}: {least} to {most}");
            }
        }
        Ok(())
    }
}

/// The time that a failure names.
pub(super) fn said(answer: Answer) -> Option<u64> {
    match answer.step() {
        Step::Fail { retry_after, .. } if retry_after != NO_TIME => Some(retry_after.into()),
        _ => None,
    }
}
