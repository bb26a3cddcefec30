//! Every public input. Owns the calls, the routes and what the calls to one origin share. Each input lets time pass,
//! finds its call, and hands over to `admit` (may it send?) or `settle` (an attempt ended).

mod admit;
mod breakers;
mod credentials;
mod finish;
mod hints;
#[cfg(feature = "coverage")]
pub(crate) mod inspect;
mod queues;
mod redirect;
mod reports;
mod retry;
mod scopes;
mod settle;

use crate::config::{self, Base, Config, Issue, Reading};
use crate::defaults::{MAX_CALLS, MAX_NOW};
use crate::engine::admit::QueuePlace;
use crate::engine::scopes::{CredentialState, Scope, Scopes};
use crate::failure::{Cause, Fault, Misuse, Outcome, Reason};
use crate::headers::Hints;
use crate::observe::event::{About, Event, Kind, Ring};
use crate::policy::classify::{IDEMPOTENT, SAFE};
use crate::policy::deadline::{self, Client};
#[cfg(feature = "coverage")]
use crate::state::call::Node;
use crate::state::call::{Call, CallFlags, CallIndex, CallState, NOWHERE, QueueId};
use crate::state::endpoint::Endpoints;
use crate::state::slab::{Queue, Slab};
use crate::state::timeline::{EntryKind, WaitReason, Whose};
use crate::state::upstream::BucketOf;
use crate::state::upstream::{BreakerQueue, OWN, Upstream, place_for};
use crate::step::{Answer, Flags, NO_TIME, Step};
use alloc::string::String;
use alloc::vec::Vec;

/// All state of one client. Every method that takes `now` takes milliseconds of one monotonic clock, from 0 at `open`;
/// a step back is taken as no step.
#[derive(Debug)]
pub struct Engine {
    pub(crate) config: Config,
    routes: config::route::Routes,
    pub(crate) endpoints: Endpoints,
    pub(crate) seed: u64,
    pub(crate) now: u64,
    pub(crate) closed: bool,
    /// Calls begun: the next call's ordinal.
    pub(crate) begun: u64,
    /// Attempts sent: their order.
    pub(crate) sequence: u64,
    pub(crate) calls: Slab,
    pub(crate) home: Upstream,
    pub(crate) others: Vec<Upstream>,
    pub(crate) scopes: Scopes,
    pub(crate) credentials: Vec<CredentialState>,
    pub(crate) offline: Queue,
    /// Calls in all queues.
    pub(crate) waiting: u32,
    /// Ids of calls to wake, and how many of them were pulled already.
    pub(crate) wakes: Vec<u32>,
    woken: usize,
    /// An upstream whose places under the cap changed hands in this input.
    pub(crate) cap_moved: Option<u32>,
    pub(crate) kept: Queue,
    pub(crate) ring: Ring,
    #[cfg(feature = "coverage")]
    edges: u128,
}

/// Stands beside a status that came by a redirect which the platform followed.
pub const REDIRECTED: u32 = 1 << 15;

/// Where no limits are written, each call draws 1 from the API's bucket, and 1 from its endpoint's if there is one.
const IMPLICIT: &[(u8, u32)] = &[(0, 1)];
/// See [`IMPLICIT`].
const IMPLICIT_AND_OWN: &[(u8, u32)] = &[(0, 1), (OWN, 1)];

/// Refuses a time that cannot be.
pub(crate) fn checked(now: u64) -> Result<(), Answer> {
    if now > MAX_NOW { Err(Misuse::Range.into()) } else { Ok(()) }
}

/// Whether a call in this state stays until it is resumed.
fn waits(state: CallState) -> bool {
    matches!(state, CallState::Backoff { .. } | CallState::Queued(_))
}

/// The answer of an input that may end early.
fn unwrap_answer(answer: Result<Answer, Answer>) -> Answer {
    match answer {
        Ok(answer) | Err(answer) => answer,
    }
}

impl Engine {
    /// Checks a policy and opens an engine for it. No clock, no randomness is needed for that.
    ///
    /// # Errors
    /// What is wrong with the policy: at most 20 issues, in file order.
    pub fn open(policy: &str, reading: Reading) -> Result<Self, Vec<Issue>> {
        Ok(Self::with(config::read(policy, reading)?))
    }

    /// An engine for a checked policy.
    #[must_use]
    pub fn with(config: Config) -> Self {
        let origin = match &config.base {
            Base::Url { origin, .. } => origin.clone(),
            Base::None | Base::Env(_) => String::new(),
        };
        Self {
            routes: config::route::Routes::build(&config.routes),
            endpoints: Endpoints::default(),
            home: Upstream::own(&config, origin),
            config,
            seed: 0,
            now: 0,
            closed: false,
            begun: 0,
            sequence: 0,
            calls: Slab::new(),
            others: Vec::new(),
            scopes: Scopes::new(),
            credentials: alloc::vec![CredentialState::new(String::new(), 0)],
            offline: Queue::new(),
            waiting: 0,
            wakes: Vec::new(),
            woken: 0,
            cap_moved: None,
            kept: Queue::new(),
            ring: Ring::default(),
            #[cfg(feature = "coverage")]
            edges: 0,
        }
    }

    /// Sets the base URL that the policy leaves to the host. Before the first `begin`.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn base(&mut self, url: &str) -> Result<(), Issue> {
        self.config.base = config::url::base(url)?;
        if let Base::Url { origin, .. } = &self.config.base {
            self.home.origin = origin.clone();
        }
        Ok(())
    }

    /// Seeds the draws. Before the first `begin`; the same seed and inputs give the same steps on every platform.
    pub fn seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// What `begin` takes as `route` for `METHOD /template/{id}` (as the caller wrote it, relative to the base URL) or
    /// `METHOD https://origin/path`: the policy's route in the low 16 bits (0 = none), and where there is none the endpoint
    /// in the upper 16. Hosts ask once for each text and keep the number.
    pub fn route(&mut self, target: &str) -> u32 {
        let Some((method, place)) = target.split_once(' ') else { return 0 };
        let route = self.route_of(method, place);
        if route > 0 {
            return route;
        }
        let place = place.split(['?', '#']).next().unwrap_or_default();
        u32::from(self.endpoints.number(method, place)) << 16
    }

    fn route_of(&self, method: &str, place: &str) -> u32 {
        if place.starts_with('/') {
            return self.routes.resolve(method, place) as u32;
        }
        let relative = match self.config.base {
            Base::Url { .. } => config::url::below(&self.config.base, place),
            Base::None | Base::Env(_) => config::url::origin_and_path(place).map(|(_, path)| path),
        };
        relative.map_or(0, |path| self.routes.resolve(method, path) as u32)
    }

    /// A call begins.
    ///
    /// * `call`: the host's number for it, not in use.
    /// * `route`, `scope`: from [`Engine::route`] and [`Engine::scope`]; 0 = the API's own, and no endpoint.
    /// * `what`: method code | flags · 16 | body size in 64 KiB · 65,536 (`core/manual/boundary.md`).
    /// * `deadline`: absolute, on the clock of `now`; 0 = the policy's total.
    pub fn begin(&mut self, call: u32, now: u64, route: u32, scope: u32, what: u32, deadline: u64) -> Answer {
        unwrap_answer(self.try_begin(call, now, route, scope, what, deadline))
    }

    fn try_begin(
        &mut self,
        id: u32,
        now: u64,
        route: u32,
        scope: u32,
        what: u32,
        deadline: u64,
    ) -> Result<Answer, Answer> {
        checked(now)?;
        let method = (what & 15) as u8;
        if method > 8 && method != 15 {
            return Err(Misuse::Range.into());
        }
        let Some(Scope { upstream, credential }) = self.scope_at(scope) else {
            return Err(Misuse::Unknown.into());
        };
        let (route, endpoint) = (route as u16, (route >> 16) as u16);
        if usize::from(route) > self.config.routes.len() {
            return Err(Misuse::Unknown.into());
        }
        if self.calls.find(id).is_some() {
            return Err(Misuse::Live.into());
        }
        self.pass(now);
        let now = self.now;
        let route = if self.upstream(upstream).own { route } else { 0 };
        let ordinal = self.begun;
        self.begun = ordinal.saturating_add(1);
        let settings = self.config.route(route);
        let mut call_flags = CallFlags((what >> 4) & CallFlags::HOST);
        let bit = 1_u16 << method;
        let keyed = settings.idempotency.as_ref().is_some_and(|keys| keys.methods & bit != 0);
        call_flags.set(CallFlags::KEYED, keyed || call_flags.has(CallFlags::KEYED));
        call_flags.set(CallFlags::SAFE, SAFE & bit != 0);
        call_flags.set(CallFlags::IDEMPOTENT, settings.repeatable.unwrap_or(IDEMPOTENT & bit != 0));
        let client = if call_flags.has(CallFlags::DROPIN) { Client::DropIn } else { Client::Own };
        let limits = deadline::limits(&settings.timeouts, now, deadline, what >> 16, client);
        let (breaker_queue, both) = {
            let (config, upstream) = self.config_and_upstream(upstream);
            upstream.budget.call_begun(now);
            upstream.used = ordinal;
            upstream.breaker_queue_for(config, route, endpoint, ordinal)
        };
        call_flags.set(CallFlags::BOTH_BREAKERS, both);
        if self.calls.len() >= MAX_CALLS {
            self.upstream(upstream).leave(breaker_queue);
            let fail = Step::Fail { retry_after: NO_TIME, outcome: Outcome::NotSent, reason: Reason::Overloaded };
            return Err(fail.into());
        }
        let slot = self.calls.insert(id);
        let call = self.calls.at_mut(slot);
        call.renew();
        call.method = method;
        call.call_flags = call_flags;
        (call.route, call.breaker_queue) = (route, breaker_queue);
        call.scope = scope;
        call.upstream = upstream;
        call.credential = credential as u16;
        call.units = (what >> 16) as u16;
        call.begun = now;
        call.ordinal = ordinal;
        call.limits = limits;
        if call_flags.has(CallFlags::STACKED) && self.ring.wants(Kind::Stacked) {
            let about = self.about(slot);
            self.ring.push(now, Event::Stacked { about });
        }
        self.wake_ready(upstream);
        Ok(self.admit_and_answer(slot))
    }

    /// An attempt was answered. At headers when the status is an error or the body is streamed, else when the buffered
    /// body has arrived whole.
    pub fn respond(&mut self, call: u32, now: u64, status: u32) -> Answer {
        self.respond_with(call, now, 0, status, &[], &[])
    }

    /// The same with the watched headers that are present (lines `name: value\n`, at most 8 KiB) and, for statuses that
    /// a rule with a pointer names, the first bytes of the body (at most 4 KiB). `wall`: Unix milliseconds. After a redirect
    /// that the platform followed by itself, `status` has [`REDIRECTED`] and in its upper 16 bits the scope of the origin that
    /// answered.
    pub fn respond_with(&mut self, call: u32, now: u64, wall: u64, status: u32, hints: &[u8], body: &[u8]) -> Answer {
        let (code, rest) = ((status & 1_023) as u16, status >> 10);
        let by = if rest == 0 {
            None
        } else {
            match self.answering(status) {
                Some(upstream) => Some(upstream),
                None => return Misuse::Range.into(),
            }
        };
        if code >= 1_000 {
            return Misuse::Range.into();
        }
        match self.found(call, now, |state| state == CallState::Flight) {
            Ok(slot) => {
                let hints = Hints::new(hints);
                let answer = match by {
                    None => self.answered(slot, code, &hints, body, wall),
                    Some(by) => self.answered_after_redirect(slot, code, by, &hints, body, wall),
                };
                self.answer(answer)
            }
            Err(answer) => answer,
        }
    }

    /// Returns the upstream that a status with [`REDIRECTED`] names; `None` = the number makes no sense.
    #[cold]
    fn answering(&mut self, status: u32) -> Option<u32> {
        let own = status >> 10 & 63 == REDIRECTED >> 10;
        if own { self.scope_at(status >> 16).map(|scope| scope.upstream) } else { None }
    }

    /// An attempt broke; `fault` is a code of [`Fault`], with that of a [`Cause`] in bits 8–15.
    pub fn fault(&mut self, call: u32, now: u64, fault: u32) -> Answer {
        let (fault, cause) = match (Fault::from_code(u64::from(fault & 255)), Cause::from_code(u64::from(fault >> 8))) {
            (None | Some(Fault::Cancelled | Fault::Rejected | Fault::Unchanged), _) | (_, None) => {
                return Misuse::Range.into();
            }
            (Some(fault), Some(cause)) => (fault, cause),
        };
        match self.found(call, now, |state| state == CallState::Flight) {
            Ok(slot) => {
                let answer = self.broken(slot, fault, cause);
                self.answer(answer)
            }
            Err(answer) => answer,
        }
    }

    /// The place of a call in a state that the input fits; time passes then.
    #[inline(never)]
    fn found(&mut self, call: u32, now: u64, fits: fn(CallState) -> bool) -> Result<CallIndex, Answer> {
        checked(now)?;
        let slot = self.calls.find(call).ok_or(Misuse::Unknown)?;
        if !fits(self.calls.at(slot).state) {
            return Err(Misuse::State.into());
        }
        self.pass(now);
        Ok(slot)
    }

    /// A wait is over, a wake named the call, or the host merely asks again.
    pub fn resume(&mut self, call: u32, now: u64) -> Answer {
        unwrap_answer(self.try_resume(call, now))
    }

    fn try_resume(&mut self, call: u32, now: u64) -> Result<Answer, Answer> {
        let slot = self.found(call, now, waits)?;
        let call = self.calls.at_mut(slot);
        call.call_flags.set(CallFlags::WOKEN, false);
        Ok(match call.state {
            CallState::Backoff { until } if until > self.now && !self.closed => {
                let delay = until.saturating_sub(self.now);
                self.answer(Step::Wait { delay }.into())
            }
            _ => self.admit_and_answer(slot),
        })
    }

    /// The input was taken.
    pub(crate) fn done(&mut self) -> Answer {
        self.answer(Step::Done { arg: 0 }.into())
    }

    fn admit_and_answer(&mut self, slot: CallIndex) -> Answer {
        let answer = self.admit(slot);
        self.answer(answer)
    }

    /// The host gives a call up, wherever it is: the caller cancelled, or does not want the record. Every permit and
    /// place goes back.
    pub fn abandon(&mut self, call: u32, now: u64) -> Answer {
        unwrap_answer(self.try_abandon(call, now))
    }

    fn try_abandon(&mut self, call: u32, now: u64) -> Result<Answer, Answer> {
        let slot = self.found(call, now, |_| true)?;
        match self.calls.at(slot).state {
            CallState::Retained => self.forget_record(slot),
            CallState::Flight => self.cancelled(slot),
            CallState::New | CallState::Backoff { .. } | CallState::Queued(_) | CallState::Gone => {
                self.leave(slot);
                self.give_token_back(slot);
            }
        }
        let Call { upstream, breaker_queue, state, .. } = *self.calls.at(slot);
        if state != CallState::Retained {
            self.upstream(upstream).leave(breaker_queue);
        }
        self.move_to(slot, CallState::Gone);
        self.calls.remove(slot);
        self.wake_ready(upstream);
        Ok(self.done())
    }

    /// The platform is online again.
    pub fn online(&mut self, now: u64) -> Answer {
        if let Err(answer) = checked(now) {
            return answer;
        }
        self.pass(now);
        self.wake_all(self.offline);
        self.done()
    }

    /// The next call to resume: `Done { call + 1 }`, `Done { 0 }` when there is none.
    pub fn wake(&mut self) -> Answer {
        while let Some(&id) = self.wakes.get(self.woken) {
            self.woken = self.woken.saturating_add(1);
            if self.woken >= self.wakes.len() / 2 {
                self.wakes.drain(..self.woken);
                self.woken = 0;
            }
            let woken = self.calls.find(id).is_some_and(|slot| self.calls.at(slot).call_flags.has(CallFlags::WOKEN));
            if woken {
                return self.answer(Step::Done { arg: u64::from(id).saturating_add(1) }.into());
            }
        }
        self.done()
    }

    /// The client is closed: waiting calls wake to `closed`, those in flight may deliver, never retry.
    pub fn close(&mut self, now: u64) -> Answer {
        if let Err(answer) = checked(now) {
            return answer;
        }
        self.pass(now);
        self.closed = true;
        for slot in 0..self.calls.places() {
            if waits(self.calls.at(slot).state) {
                self.wake_one(slot);
            }
        }
        self.done()
    }

    // What admit and settle share.

    pub(crate) fn pass(&mut self, now: u64) {
        self.now = self.now.max(now);
    }

    pub(crate) fn upstream(&mut self, place: u32) -> &mut Upstream {
        self.config_and_upstream(place).1
    }

    pub(crate) fn config_and_upstream(&mut self, place: u32) -> (&Config, &mut Upstream) {
        let other = (place as usize).checked_sub(1).and_then(|place| self.others.get_mut(place));
        (&self.config, other.unwrap_or(&mut self.home))
    }

    pub(crate) fn breaker_queue(&mut self, upstream: u32, breaker_queue: u16) -> Option<&mut BreakerQueue> {
        self.upstream(upstream).breaker_queues.get_mut(usize::from(breaker_queue))
    }

    /// What a call draws (places of buckets, see [`place_for`], and tokens), and where from.
    pub(crate) fn drawn(&mut self, slot: CallIndex) -> (&[(u8, u32)], &mut Upstream) {
        let Call { upstream, route, breaker_queue, .. } = *self.calls.at(slot);
        let (config, upstream) = self.config_and_upstream(upstream);
        if upstream.is_limited_by(config) {
            return (&config.route(route).costs, upstream);
        }
        let has_bucket_queue = upstream
            .breaker_queues
            .get(usize::from(breaker_queue))
            .is_some_and(|breaker_queue| breaker_queue.bucket_queue.is_some());
        (if has_bucket_queue { IMPLICIT_AND_OWN } else { IMPLICIT }, upstream)
    }

    /// The `i`-th bucket that a call draws from, and what.
    pub(crate) fn cost(&mut self, slot: CallIndex, i: usize) -> Option<(u16, u64)> {
        let breaker_queue = self.calls.at(slot).breaker_queue;
        self.drawn(slot).0.get(i).map(|(bucket, cost)| (place_for(*bucket, breaker_queue), u64::from(*cost)))
    }

    /// What it draws from one bucket.
    pub(crate) fn cost_of(&mut self, slot: CallIndex, bucket: u16) -> u64 {
        let breaker_queue = self.calls.at(slot).breaker_queue;
        let costs = self.drawn(slot).0;
        costs
            .iter()
            .find(|(place, _)| place_for(*place, breaker_queue) == bucket)
            .map_or(0, |(_, cost)| u64::from(*cost))
    }

    /// Changes a call's state; the only place that does.
    pub(crate) fn move_to(&mut self, slot: CallIndex, state: CallState) {
        let call = self.calls.at_mut(slot);
        #[cfg(feature = "coverage")]
        {
            let bit = (call.state.node() as u32).saturating_mul(10).saturating_add(state.node() as u32);
            self.edges |= 1 << bit;
        }
        call.state = state;
    }

    /// The transitions taken so far, as pairs of nodes.
    #[cfg(feature = "coverage")]
    pub fn edges(&self) -> impl Iterator<Item = (Node, Node)> + '_ {
        let pairs = Node::ALL.iter().flat_map(|from| Node::ALL.iter().map(move |to| (*from, *to)));
        pairs.filter(|(from, to)| self.edges >> (*from as u32).saturating_mul(10).saturating_add(*to as u32) & 1 == 1)
    }

    pub(crate) fn about(&self, slot: CallIndex) -> About {
        let call = self.calls.at(slot);
        About { call: call.id, route: call.route, scope: call.scope }
    }

    /// Tells whose bucket a call in this state waits for, as the code of a [`Whose`].
    fn whose(&mut self, state: CallState) -> u16 {
        let CallState::Queued(QueueId::Bucket(upstream, place)) = state else { return 0 };
        let (config, upstream) = self.config_and_upstream(upstream);
        let whose = match upstream.bucket_of(config, place) {
            BucketOf::Limit(_) => Whose::Limit,
            BucketOf::Endpoint { .. } => Whose::Endpoint,
            BucketOf::Api => Whose::Api,
        };
        whose as u16
    }

    /// Notes a wait in the timeline and as an event; `queue_place` says whether it is new.
    pub(crate) fn record_wait(
        &mut self,
        slot: CallIndex,
        what: EntryKind,
        wait_reason: WaitReason,
        delay: u64,
        queue_place: QueuePlace,
    ) {
        let now = self.now;
        let call = self.calls.at_mut(slot);
        call.call_flags.set(CallFlags::EVENTFUL, true);
        if queue_place == QueuePlace::Queued {
            return;
        }
        let state = call.state;
        let code = if wait_reason == WaitReason::Limiter { self.whose(state) } else { 0 };
        self.calls.at_mut(slot).record(now, what, wait_reason, code, delay);
        if self.ring.wants(Kind::Wait) {
            let about = self.about(slot);
            self.ring.push(now, Event::Wait { about, wait_reason, delay });
        }
    }

    /// Adds what is due on every answer.
    fn answer(&mut self, mut answer: Answer) -> Answer {
        if let Some(place) = self.cap_moved.take()
            && self.waiting > 0
        {
            let cap = self.config.concurrency;
            let upstream = self.upstream(place);
            if upstream.in_flight < cap {
                let head = upstream.cap_queue.head;
                self.wake_one(head);
                // When that queue is empty, the place is for a head that has its turn at a bucket.
                let bucket_queues = if head == NOWHERE { self.upstream(place).bucket_queue_places() } else { 0 };
                for bucket_queue in 0..bucket_queues {
                    let ready = self
                        .upstream(place)
                        .bucket_queue(bucket_queue)
                        .map_or(NOWHERE, |bucket_queue| bucket_queue.queue.ready());
                    self.wake_one(ready);
                }
            }
        }
        if !self.wakes.is_empty() {
            answer = answer.with(Flags::WAKES);
        }
        if self.ring.due {
            answer = answer.with(Flags::EVENTS);
        }
        answer
    }
}
