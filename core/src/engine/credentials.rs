//! Credentials: a call that needs one has it, waits for it or leads its refresh.

use crate::config::Jitter;
use crate::engine::admit::QueuePlace;
use crate::engine::scopes::Scope;
use crate::engine::{Engine, checked};
use crate::failure::{Fault, Misuse, Reason};
use crate::observe::event::{Event, RefreshChange};
use crate::policy::auth::{Admission, Credential, Demand, Draws, Need, Refusal, Sent};
use crate::policy::classify::Class;
use crate::state::call::{Call, CallFlags, CallIndex, CallState, LastResult, QueueId};
use crate::state::timeline::{EntryKind, WaitReason};
use crate::step::{Answer, Flags, Step};

impl Engine {
    /// Checks that a call which needs the credential has it.
    pub(crate) fn with_credential(&mut self, slot: CallIndex, left: u64) -> Result<(), Answer> {
        let now = self.now;
        let Call { call_flags, credential, generation, state, units, .. } = *self.calls.at(slot);
        let place = u32::from(credential);
        if !call_flags.has(CallFlags::CREDENTIALS) {
            return Ok(());
        }
        let demand = Demand { once: !call_flags.has(CallFlags::REPEATABLE), units: units.into() };
        let Some(credential_state) = self.credentials.get_mut(place as usize) else { return Ok(()) };
        let credential = &credential_state.credential;
        let waited = state == CallState::Queued(QueueId::Credential(place)) && credential.failed(generation).is_some();
        let admission = match credential.held(now).filter(|_| waited) {
            // The fetch that it waited for failed: it goes on with what there is.
            Some(generation) => Admission::Pass(generation),
            None => credential.check(now, demand),
        };
        let lease = match admission {
            Admission::Pass(generation) => {
                self.calls.at_mut(slot).generation = generation;
                return Ok(());
            }
            Admission::Renew(generation) => {
                let call = self.calls.at_mut(slot);
                call.generation = generation;
                call.call_flags.set(CallFlags::RENEW, true);
                return Ok(());
            }
            Admission::Rest(rest) => return Err(self.fail(slot, Reason::Auth, Some(rest))),
            Admission::Wait(_) if left == 0 => return Err(self.fail(slot, Reason::Deadline, None)),
            Admission::Wait(lease) => Some(lease),
            Admission::Lead => None,
        };
        let queue = QueueId::Credential(place);
        let queue_place = if state == CallState::Queued(queue) { QueuePlace::Queued } else { QueuePlace::Joining };
        if let Some(refused) = self.enter(slot, queue, queue_place) {
            return Err(refused);
        }
        let answer = match lease {
            None => self.lead(slot, place),
            // A leader that is lost is replaced by the first who asks when its lease is over.
            Some(lease) => {
                self.record_wait(slot, EntryKind::Queue, WaitReason::Credential, left, queue_place);
                Step::Park { at_most: left.min(lease) }.into()
            }
        };
        let generation =
            self.credentials.get(place as usize).map_or(0, |credential_state| credential_state.credential.generation());
        self.calls.at_mut(slot).generation = generation;
        Err(answer)
    }

    /// Ends a call that waited for a fetch which failed, if there is no token to go on with.
    #[inline(never)]
    pub(crate) fn after_fetch(&mut self, slot: CallIndex, place: u32) -> Result<(), Answer> {
        let now = self.now;
        let Call { call_flags, generation, last, .. } = *self.calls.at(slot);
        let Some(credential_state) = self.credentials.get(place as usize) else { return Ok(()) };
        let credential = &credential_state.credential;
        let Some(fault) = credential.failed(generation) else { return Ok(()) };
        let (rest, holds) = (credential.rest(now), credential.held(now).is_some());
        if call_flags.has(CallFlags::REPLAYED) && last == LastResult::Status(401) {
            let reason = if fault == Fault::Unchanged { Reason::Status } else { Reason::Auth };
            return Err(self.fail(slot, reason, rest));
        }
        if holds {
            return Ok(());
        }
        if fault == Fault::Offline {
            self.give_token_back(slot);
            return Err(self.wait_until_online(slot));
        }
        Err(self.fail(slot, Reason::Auth, rest))
    }

    fn lead(&mut self, slot: CallIndex, place: u32) -> Answer {
        let now = self.now;
        let call = self.calls.at_mut(slot);
        call.call_flags.set(CallFlags::EVENTFUL, true);
        call.record(now, EntryKind::Refresh, WaitReason::Credential, 0, 0);
        self.fetch(place)
    }

    /// Begins a fetch of the credential at this place.
    fn fetch(&mut self, place: u32) -> Answer {
        let now = self.now;
        let (generation, need) = match self.credentials.get_mut(place as usize) {
            Some(credential_state) => credential_state.credential.lead(now),
            None => (0, Need::First),
        };
        self.report_credential(place, generation, RefreshChange::Asked);
        let why = match need {
            Need::First => Flags::NONE,
            Need::Expired => Flags::EXPIRED,
            Need::Refused => Flags::REFUSED,
        };
        Answer::new(Step::Refresh { generation }, why)
    }

    /// Begins a fetch beside the calls of a scope, after a Send with [`Flags::RENEW`]: [`Step::Refresh`], or `Done` if the
    /// token needs none or another call has begun one.
    pub fn renew(&mut self, now: u64, scope: u32) -> Answer {
        let credential = match self.credential_of(now, scope) {
            Ok(place) => place,
            Err(answer) => return answer,
        };
        let now = self.now;
        let admission = self
            .credentials
            .get(credential as usize)
            .map(|credential_state| credential_state.credential.check(now, Demand::default()));
        match admission {
            Some(Admission::Renew(_) | Admission::Lead) if !self.closed => {
                let answer = self.fetch(credential);
                self.answer(answer)
            }
            _ => self.done(),
        }
    }

    /// Forgets the token of a scope's credential: at a log-in or a log-out. A fetch under way is not awaited any more, and
    /// each waiting call asks again.
    pub fn reset(&mut self, now: u64, scope: u32) -> Answer {
        let credential = match self.credential_of(now, scope) {
            Ok(place) => place,
            Err(answer) => return answer,
        };
        if let Some(credential_state) = self.credentials.get_mut(credential as usize) {
            credential_state.credential.reset();
            let queue = credential_state.queue;
            self.wake_all(queue);
        }
        self.done()
    }

    fn credential_of(&mut self, now: u64, scope: u32) -> Result<u32, Answer> {
        checked(now)?;
        let Some(Scope { credential, .. }) = self.scope_at(scope) else {
            return Err(Misuse::Unknown.into());
        };
        self.pass(now);
        Ok(credential)
    }

    /// A token of this generation has come. `expires_in` in milliseconds; 0 = a plain string that the host asks for at
    /// every send; 2⁴⁰ − 1 or more = it does not expire.
    pub fn token(&mut self, now: u64, generation: u64, expires_in: u64) -> Answer {
        let draws = self.draws();
        self.refreshed(now, generation, RefreshChange::Came, &mut |credential, now| {
            credential.token(now, generation, expires_in, draws)
        })
    }

    /// No token came. `cancelled` makes the next call lead; any other fault ends the calls that wait and have no token. A
    /// fetch that failed rests for a while, at least `retry_after` milliseconds (0 = the token endpoint named no time).
    pub fn token_failed(&mut self, now: u64, generation: u64, fault: u32, retry_after: u64) -> Answer {
        let Some(fault) = Fault::from_code(u64::from(fault)) else { return Misuse::Range.into() };
        let change = match fault {
            Fault::Rejected => RefreshChange::Rejected,
            Fault::Unchanged => RefreshChange::Unchanged,
            _ => RefreshChange::Failed,
        };
        let draws = self.draws();
        self.refreshed(now, generation, change, &mut |credential, now| {
            credential.token_failed(now, generation, fault, retry_after, draws)
        })
    }

    fn draws(&self) -> Draws {
        Draws { seed: self.seed, jitter: self.config.route(0).retry.jitter != Jitter::None }
    }

    #[inline(never)]
    fn refreshed(
        &mut self,
        now: u64,
        generation: u64,
        change: RefreshChange,
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
        self.report_credential(Credential::place_of(generation) as u32, generation, change);
        self.wake_all(queue);
        self.done()
    }

    fn report_credential(&mut self, credential: u32, generation: u64, change: RefreshChange) {
        let generation = (generation & 0xf_ffff) as u32;
        self.ring.push(self.now, Event::Refresh { credential, generation, change });
    }

    /// A 401 came back: the call is sent again with another token, or the answer is delivered.
    pub(crate) fn unauthorized(&mut self, slot: CallIndex, elapsed: u64) -> Answer {
        let now = self.now;
        let Call { call_flags, credential, generation, .. } = *self.calls.at(slot);
        let place = u32::from(credential);
        let asks = call_flags.has(CallFlags::CREDENTIALS) && !call_flags.has(CallFlags::STACKED) && !self.closed;
        let credential_state = self.credentials.get_mut(place as usize).filter(|_| asks);
        let sent = if call_flags.has(CallFlags::REPLAYED) { Sent::Replay } else { Sent::First };
        let refusal = credential_state
            .map_or(Refusal::Delivered, |credential_state| credential_state.credential.refused(now, generation, sent));
        match refusal {
            Refusal::GivenUp => self.report_credential(place, generation.into(), RefreshChange::Refused),
            Refusal::Useless => self.report_credential(place, generation.into(), RefreshChange::Useless),
            Refusal::Delivered | Refusal::Replay => {}
        }
        let replays = matches!(refusal, Refusal::GivenUp | Refusal::Replay) && call_flags.has(CallFlags::REPEATABLE);
        if !replays {
            return self.deliver(slot, 401, elapsed);
        }
        let call = self.calls.at_mut(slot);
        call.call_flags.set(CallFlags::REPLAYED | CallFlags::EVENTFUL, true);
        // What a paid retry paid for goes on: its replay is the same retry.
        self.admit(slot)
    }

    /// Takes in an answer to a call that was sent again after a 401: anything but another 401 shows that the refresh helped.
    #[cold]
    pub(crate) fn replay_answered(&mut self, slot: CallIndex, class: Class) {
        let credential = usize::from(self.calls.at(slot).credential);
        if class != Class::Unauthorized
            && let Some(credential_state) = self.credentials.get_mut(credential)
        {
            credential_state.credential.replay_helped();
        }
    }
}
