//! Credentials: a call that needs one has it, waits for it or leads its refresh.

use crate::engine::admit::QueuePlace;
use crate::engine::{Engine, checked};
use crate::failure::{Fault, Misuse, Reason};
use crate::observe::event::Event;
use crate::policy::auth;
use crate::policy::auth::{Credential, TokenFailure};
use crate::state::call::{Call, CallFlags, CallIndex, CallState, QueueId};
use crate::state::timeline::{EntryKind, WaitReason};
use crate::step::{Answer, Flags, Step};

impl Engine {
    /// A call that needs the credential has it.
    pub(crate) fn with_credential(&mut self, slot: CallIndex, left: u64) -> Result<(), Answer> {
        let now = self.now;
        let Call { call_flags, credential: place, state, .. } = *self.calls.at(slot);
        if !call_flags.has(CallFlags::CREDENTIALS) {
            return Ok(());
        }
        let queue = QueueId::Credential(place);
        let queue_place = if state == CallState::Queued(queue) { QueuePlace::Queued } else { QueuePlace::Joining };
        let Some(credential_state) = self.credentials.get_mut(place as usize) else { return Ok(()) };
        let step = match credential_state.credential.check(now) {
            auth::Admission::Pass(generation) => {
                self.calls.at_mut(slot).generation = generation;
                return Ok(());
            }
            auth::Admission::Wait(_) if left == 0 => return Err(self.fail(slot, Reason::Deadline, None)),
            // A leader that is lost is replaced by the first who asks when its lease is over.
            auth::Admission::Wait(lease) => Step::Park { at_most: left.min(lease) },
            auth::Admission::Lead => Step::Refresh { generation: 0 },
        };
        if let Some(refused) = self.enter(slot, queue, queue_place) {
            return Err(refused);
        }
        let answer = match step {
            Step::Refresh { .. } => self.lead(slot, place),
            other => {
                self.record_wait(slot, EntryKind::Queue, WaitReason::Credential, left, queue_place);
                other.into()
            }
        };
        let generation =
            self.credentials.get(place as usize).map_or(0, |credential_state| credential_state.credential.generation());
        self.calls.at_mut(slot).generation = generation;
        Err(answer)
    }

    pub(crate) fn lead(&mut self, slot: CallIndex, place: u32) -> Answer {
        let now = self.now;
        let (generation, need) = match self.credentials.get_mut(place as usize) {
            Some(credential_state) => (credential_state.credential.lead(now), credential_state.credential.need()),
            None => (0, auth::Need::First),
        };
        let call = self.calls.at_mut(slot);
        call.call_flags.set(CallFlags::EVENTFUL, true);
        call.record(now, EntryKind::Refresh, WaitReason::Credential, 0, 0);
        let short = (generation & 0xf_ffff) as u32;
        self.ring.push(now, Event::Refresh { credential: place, generation: short });
        let why = match need {
            auth::Need::First => Flags::NONE,
            auth::Need::Expired => Flags::EXPIRED,
            auth::Need::Refused => Flags::REFUSED,
        };
        Answer::new(Step::Refresh { generation }, why)
    }

    /// A refreshed credential is at hand. `expires_in` in milliseconds; 0 = a plain string that the host asks for at
    /// every send; 2⁴⁰ − 1 or more = it does not expire.
    pub fn token(&mut self, now: u64, generation: u64, expires_in: u64) -> Answer {
        self.refreshed(now, generation, &mut |credential, now| credential.token(now, generation, expires_in))
    }

    /// The credential could not be had: `cancelled` makes the next call lead, any other fault ends all who wait.
    pub fn token_failed(&mut self, now: u64, generation: u64, fault: u32) -> Answer {
        let Some(fault) = Fault::from_code(u64::from(fault)) else { return Misuse::Range.into() };
        let failure = if fault == Fault::Cancelled { TokenFailure::ForLeader } else { TokenFailure::ForAll };
        self.refreshed(now, generation, &mut |credential, _| credential.token_failed(generation, failure))
    }

    #[inline(never)]
    pub(crate) fn refreshed(
        &mut self,
        now: u64,
        generation: u64,
        input: &mut dyn FnMut(&mut Credential, u64) -> bool,
    ) -> Answer {
        if let Err(answer) = checked(now) {
            return answer;
        }
        let now = now.max(self.now);
        let Some(credential_state) = self.credentials.get_mut(Credential::place_of(generation)) else {
            return Misuse::Generation.into();
        };
        if !input(&mut credential_state.credential, now) {
            return Misuse::Generation.into();
        }
        let queue = credential_state.queue;
        self.pass(now);
        self.wake_all(queue);
        self.done()
    }
}
