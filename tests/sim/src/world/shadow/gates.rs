//! Which gates a call goes through, what they say together, and what an outcome does to them.

use super::breaker::{Breaker, Count, Guards, Moved, Says};
use super::call::{self, Call};
use super::lane::Lane;
use super::{Core, Shadow, Upstream};
use crate::world::marks::Mark;
use crate::world::rules::{BreakerScope, Jitter, Route, Rules};
use unruffled_core::{Node, Standing};

/// Place of the API's gate; 0 = no breaker.
const API: u16 = 1;
/// Endpoints of one upstream with a gate of their own.
const MOST_ENDPOINTS: usize = 64;
/// Failures take so long at most when a call's own retries are foreseen.
const LONGEST_FAILURE: u64 = 2_500;
/// The longest time between two retries without a token.
const LATEST_ASK: u64 = 1_000;

/// Two endpoints refused within less than this are refused by a limit of the API.
const SAME_LIMIT: u64 = 2_000;

/// Whose a gate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Routes without a breaker.
    Nobody,
    Api,
    /// Route 0 stands for all that is not told apart.
    Route(usize),
    Endpoint(u16),
}

/// A breaker, or none, and what is known of the calls that go through it.
#[derive(Debug)]
pub struct Gate {
    pub whose: Whose,
    pub breaker: Option<Breaker>,
    /// EWMA of the latency of successes in 1/1024 ms; 0 = none yet.
    latency: u64,
    /// How long the latest failure took.
    failing: u64,
    /// A call failed here, and none succeeded since while the breaker was closed.
    pub ill: bool,
    /// The latest success.
    well_at: Option<u64>,
    /// When the head may go without a token, and how many that did failed in a row.
    pub asks_at: u64,
    asks_failed: u32,
    /// The latest call that began here, in the order of beginning.
    used: u64,
}

/// What the gates of a call say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Open,
    /// It may go, as the probe.
    Probe,
    /// Not before then, by time alone.
    Shut(u64),
}

impl Gate {
    pub(super) fn new(whose: Whose, breaker: Option<Breaker>) -> Self {
        let (latency, failing, ill, well_at, asks_at, asks_failed, used) = (0, 0, false, None, 0, 0, 0);
        Self { whose, breaker, latency, failing, ill, well_at, asks_at, asks_failed, used }
    }

    /// A success was delivered; `by_right`: of a call that its queue let go.
    pub(super) fn succeeded(&mut self, now: u64, elapsed: u64, by_right: bool) {
        let sample = (elapsed * 1_024).max(1);
        self.latency = if self.latency == 0 { sample } else { self.latency - self.latency / 8 + sample / 8 };
        self.well_at = Some(now);
        if by_right {
            (self.asks_at, self.asks_failed) = (0, 0);
        }
    }

    /// A retry that went without a token failed.
    pub(super) fn asked_in_vain(&mut self, now: u64, base: u64) {
        self.asks_at = now + (base << self.asks_failed.min(20)).min(LATEST_ASK);
        self.asks_failed += 1;
    }

    /// Milliseconds; 0 = not known.
    pub(super) fn mean_latency(&self) -> u64 {
        self.latency / 1_024
    }

    /// How long a call of this route would go on at most by itself: its longest backoffs, and between them attempts that
    /// take as long as the latest failure.
    fn would_go_on(&self, route: &Route) -> u64 {
        let backoffs: u64 = (1..route.attempts).map(|k| longest_backoff(route, k)).sum();
        backoffs + (route.attempts - 1) * self.failing.min(LONGEST_FAILURE)
    }

    /// How long a retry of this route waits for a token or the breaker.
    fn patience(&self, route: &Route) -> u64 {
        route.patience.unwrap_or_else(|| self.would_go_on(route).max(self.latency * 10 / 1_024).max(5_000))
    }

    /// How long a new call waits while the breaker is open.
    fn wait(&self, call: &Call, route: &Route) -> u64 {
        match self.breaker.as_ref().and_then(Breaker::wait) {
            Some(written) => written,
            None if call.has(call::STACKED) => 0,
            None => self.would_go_on(route),
        }
    }
}

fn longest_backoff(route: &Route, k: u64) -> u64 {
    let doubled = if k > 40 { u64::MAX } else { route.base.saturating_mul(1 << (k - 1)) };
    let d = doubled.min(route.cap / 2);
    if route.jitter == Jitter::None { d } else { 2 * d }
}

impl Upstream {
    /// The gate whose queue a call that begins will stand in, and the API's beside it where both count.
    pub(super) fn gates_for(
        &mut self,
        rules: &Rules,
        route: usize,
        endpoint: u16,
        live: &dyn Fn(u16) -> bool,
        marks: &mut dyn FnMut(Mark),
    ) -> [Option<u16>; 2] {
        let Some(breaker) = rules.routes[route].breaker else { return [Some(0), None] };
        if rules.scope == BreakerScope::Api {
            return [Some(API), None];
        }
        let whose = if route == 0 && endpoint > 0 { Whose::Endpoint(endpoint) } else { Whose::Route(route) };
        let fresh = |whose| Gate::new(whose, Some(Breaker::new(breaker, Guards::One)));
        let place = match self.place_of(whose) {
            Some(place) => place,
            None if matches!(whose, Whose::Endpoint(_)) && self.endpoints() >= MOST_ENDPOINTS => {
                match self.oldest_idle(live) {
                    Some(place) => {
                        marks(Mark::GateReplaced);
                        self.gates[place] = fresh(whose);
                        self.endpoint_lanes.remove(&(place as u16));
                        self.refusals.retain(|(gate, _)| usize::from(*gate) != place);
                        place
                    }
                    None => {
                        marks(Mark::EndpointShares);
                        self.place_of(Whose::Route(0)).unwrap_or_else(|| self.add(fresh(Whose::Route(0))))
                    }
                }
            }
            None => self.add(fresh(whose)),
        };
        self.begun += 1;
        self.gates[place].used = self.begun;
        [Some(place as u16), (rules.scope == BreakerScope::Both).then_some(API)]
    }

    fn add(&mut self, gate: Gate) -> usize {
        self.gates.push(gate);
        self.gates.len() - 1
    }

    fn place_of(&self, whose: Whose) -> Option<usize> {
        self.gates.iter().position(|gate| gate.whose == whose)
    }

    fn endpoints(&self) -> usize {
        self.gates.iter().filter(|gate| matches!(gate.whose, Whose::Endpoint(_))).count()
    }

    /// The endpoint that was not used for longest, of those through which no calls go.
    fn oldest_idle(&self, live: &dyn Fn(u16) -> bool) -> Option<usize> {
        let gates = self.gates.iter().enumerate();
        let idle = gates.filter(|(place, gate)| matches!(gate.whose, Whose::Endpoint(_)) && !live(*place as u16));
        idle.min_by_key(|(_, gate)| gate.used).map(|(place, _)| place)
    }

    /// The gate in whose queue a call stands.
    pub(super) fn own_gate(&mut self, call: &Call) -> &mut Gate {
        &mut self.gates[usize::from(call.gate())]
    }

    /// The breakers that may hold a call back: that of its endpoint, and the API's while the endpoint's own leaves it to it.
    pub(super) fn breakers<'a>(&'a self, call: &'a Call, now: u64) -> impl Iterator<Item = &'a Breaker> {
        let places = if self.asks_api(call, now) { 2 } else { 1 };
        let permits = call.permits.iter().take(places).flatten();
        permits.filter_map(|(place, _)| self.gates[usize::from(*place)].breaker.as_ref())
    }

    /// Whether the API's breaker may hold it back.
    fn asks_api(&self, call: &Call, now: u64) -> bool {
        self.gates[usize::from(call.gate())].breaker.as_ref().is_none_or(|own| own.asks_api(now))
    }

    /// Whether it may go: all its breakers let it pass.
    pub(super) fn verdict(&self, call: &Call, now: u64) -> Verdict {
        let mut verdict = Verdict::Open;
        for breaker in self.breakers(call, now) {
            verdict = match (verdict, breaker.says(now)) {
                (Verdict::Shut(at), Says::Refuse(until)) => Verdict::Shut(at.max(until)),
                (_, Says::Refuse(until)) => Verdict::Shut(until),
                (Verdict::Open, Says::Probe) => Verdict::Probe,
                (verdict, _) => verdict,
            };
        }
        verdict
    }

    /// Whether a breaker that is open holds it back, or makes a probe of it.
    pub(super) fn blocks(&self, call: &Call, now: u64) -> bool {
        self.breakers(call, now).any(Breaker::is_open)
    }

    /// Whether the breaker of its endpoint is open.
    pub(super) fn blocked_by_own(&self, call: &Call) -> bool {
        self.gates[usize::from(call.gate())].breaker.as_ref().is_some_and(Breaker::is_open)
    }

    /// The lane that a 429 is about where no limits are written and no gauge shows 0: that of its endpoint, or the API's (0) when
    /// another endpoint was refused less than 2 s ago.
    pub(super) fn refused(&mut self, call: &Call, now: u64, sent: u64, marks: &mut dyn FnMut(Mark)) -> u16 {
        let gate = call.gate();
        let told_apart = match self.gates[usize::from(gate)].whose {
            Whose::Endpoint(_) | Whose::Route(1..) => true,
            Whose::Nobody | Whose::Api | Whose::Route(_) => false,
        };
        if !told_apart {
            return 0;
        }
        self.refusals.retain(|(_, at)| now - at < SAME_LIMIT);
        let others = self.refusals.iter().any(|(other, _)| *other != gate);
        self.refusals.push((gate, now));
        if others {
            marks(Mark::LimitOfApi);
            return 0;
        }
        marks(Mark::LimitOfEndpoint);
        self.endpoint_lanes.entry(gate).or_insert_with(|| Lane::of_endpoint(sent));
        gate
    }

    /// How long it waits in the retry queue at most.
    pub(super) fn patience(&self, call: &Call, route: &Route) -> u64 {
        let gate = &self.gates[usize::from(call.gate())];
        if call.attempts == 0 { gate.wait(call, route) } else { gate.patience(route) }
    }

    /// How much of that is used: what it waited since it joined, and in the queue before; both begin anew with a success.
    /// `standing`: it is in the queue.
    pub(super) fn waited(&self, call: &Call, now: u64, standing: bool) -> (u64, bool) {
        match self.gates[usize::from(call.gate())].well_at {
            Some(well_at) if well_at >= call.lined_up => (if standing { now - well_at } else { 0 }, true),
            _ if standing => (now - call.lined_up + call.patience_used, false),
            _ => (call.patience_used, false),
        }
    }

    pub(super) fn turn_away(&mut self, call: &Call) {
        for (place, _) in call.permits.into_iter().flatten() {
            if let Some(breaker) = &mut self.gates[usize::from(place)].breaker {
                breaker.turn_away();
            }
        }
    }

    pub(super) fn commit(&mut self, call: &mut Call, now: u64, marks: &mut dyn FnMut(Mark)) {
        let alone = !self.asks_api(call, now);
        for (i, (place, permit)) in call.permits.iter_mut().flatten().enumerate() {
            let Some(breaker) = &mut self.gates[usize::from(*place)].breaker else { continue };
            let aside = i == 1 && alone;
            if aside && breaker.is_open() {
                marks(Mark::ApiOpenEndpointPasses);
            }
            let closed;
            (*permit, closed) = breaker.commit(now, aside);
            if closed {
                marks(Mark::ClosedBySilence);
            }
        }
    }
}

impl Shadow {
    /// Calls that the queue of a gate let go, and that are not sent yet or in flight.
    pub(super) fn under_way(&self, upstream: usize, gate: u16) -> bool {
        self.calls.values().any(|call| call.right && call.upstream == upstream && call.gate() == gate)
    }

    /// The breakers of a call hear of its attempt's end.
    pub(super) fn count(&mut self, id: u32, count: Count, core: Core<'_>) -> Result<(), String> {
        let now = self.now;
        let call = self.known(id).clone();
        if count == Count::Failure {
            let gate = self.upstreams[call.upstream].own_gate(&call);
            gate.failing = now - call.sent_at;
            gate.ill = true;
        }
        let again = call.failed && count == Count::Failure;
        match count {
            Count::Failure => self.known(id).failed = true,
            Count::Success => self.known(id).failed = false,
            Count::Recovery | Count::Again | Count::Nothing => {}
        }
        let mut opened = false;
        for (i, (place, permit)) in call.permits.into_iter().flatten().enumerate() {
            let lines = &self.lines;
            let line = Standing { node: Node::Retry, upstream: call.upstream as u32, place };
            let waiting = || if i == 1 { lines.all_retries(line.upstream) } else { lines.of(line).count() as u64 };
            let Some(breaker) = &mut self.upstreams[call.upstream].gates[usize::from(place)].breaker else { continue };
            let count = match count {
                Count::Failure if again => Count::Again,
                Count::Success if i == 0 && call.failed_in == Some(breaker.generation()) => Count::Recovery,
                other => other,
            };
            let failed_in = (count == Count::Failure && breaker.counts(permit)).then(|| breaker.generation());
            if opened && !breaker.is_open() {
                breaker.begin_run_anew();
                self.marks.hit(Mark::RunBegunAnew);
                continue;
            }
            let moved = breaker.settle(permit, count, call.gate(), &waiting, now);
            if matches!(moved, Moved::Opened { .. } | Moved::Reopened { .. }) {
                breaker.cools_until(core.cool_until(call.upstream as u32, place))?;
            }
            if i == 0 && matches!(count, Count::Success | Count::Recovery) {
                let closed = !breaker.is_open();
                self.upstreams[call.upstream].own_gate(&call).ill &= !closed;
                self.known(id).failed_in = None;
            }
            if i == 0 && count == Count::Failure {
                self.known(id).failed_in = failed_in;
            }
            opened |= matches!(moved, Moved::Opened { .. });
            if again && matches!(moved, Moved::Reopened { .. }) {
                self.marks.hit(Mark::AgainReopens);
            }
            if matches!(moved, Moved::Reopened { counted: 20.. }) {
                self.marks.hit(Mark::ReopenedWithEnough);
            }
            let by = if i == 1 { Mark::OpenedByEndpoints } else { Mark::OpenedByRun };
            if let Some(mark) = mark_of(moved, count, permit.probe > 0, by) {
                self.marks.hit(mark);
            }
        }
        Ok(())
    }
}

/// Names what a breaker did with an outcome; `by_run` where a run alone opened it.
fn mark_of(moved: Moved, count: Count, is_probe: bool, by_run: Mark) -> Option<Mark> {
    Some(match moved {
        Moved::No if is_probe && count == Count::Nothing => Mark::ProbeNothing,
        Moved::Opened { on_trial: true, .. } => Mark::OpenedOnTrial,
        Moved::Opened { by_run_alone: true, .. } => by_run,
        Moved::No | Moved::Opened { .. } => return None,
        Moved::TookBack => Mark::FailureTakenBack,
        Moved::Reopened { .. } => Mark::Reopened,
        Moved::Closed { aside: true, .. } => Mark::ClosedAside,
        Moved::Closed { late: true, .. } => Mark::ProbeLate,
        Moved::Closed { .. } => return None,
        Moved::NextDue => Mark::ProbeShort,
        Moved::Old { open: true } if count == Count::Success => Mark::OldSuccessWhileOpen,
        Moved::Old { .. } => Mark::OldGeneration,
        Moved::LateFailure => Mark::ProbeLateFailure,
    })
}
