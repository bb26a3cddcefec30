//! The server of a world: each effect in turn, until one answers.

use super::answer::{Answer, Came, Gauge, Headers};
use super::call::Call;
use super::effect::{Does, Effect, Fail, Flap, InFlight, Limit, Queue, Slow};
use super::how::{How, RetryAfter};
use super::luck::luck;
use super::meter::{AtWork, Meter};
use super::world::World;

/// A server that refuses does so after 5 ms.
const REFUSAL: u64 = 5;
/// A server whose answers take longer than that counts as ailing.
const AILING: u64 = 2_500;
/// A server that fails a smaller share counts as well.
const WELL_SHARE: f64 = 0.05;

/// A server and what it counted so far.
#[derive(Debug)]
pub struct Server<'w> {
    world: &'w World,
    /// One for each effect.
    states: Vec<State>,
}

#[derive(Debug)]
enum State {
    None,
    /// One for each part where they have limits of their own.
    Meters(Vec<Meter>),
    AtWork(AtWork),
}

/// A request that a server does not handle.
struct Refusal {
    how: How,
    after: u64,
    retry_after: Option<RetryAfter>,
}

/// A request on its way through the effects.
struct Request<'a> {
    call: &'a Call,
    attempt: u32,
    now: u64,
    latency: u64,
    headers: Headers,
}

impl<'w> Server<'w> {
    /// Makes the server of a world.
    #[must_use]
    pub fn new(world: &'w World) -> Self {
        let state = |effect: &Effect| match &effect.does {
            Does::Limit(limit) => State::Meters(vec![Meter::new(limit); if limit.each { 2 } else { 1 }]),
            Does::InFlight(_) | Does::Queue(_) => State::AtWork(AtWork::default()),
            Does::Fail(_) | Does::WarmUp { .. } | Does::Slow(_) => State::None,
        };
        Self { world, states: world.server.iter().map(state).collect() }
    }

    /// Answers a request. Its luck depends on the call and the attempt alone.
    pub fn answer(&mut self, now: u64, call: &Call, attempt: u32) -> Answer {
        let world = self.world;
        let luck = luck([world.seed, call.id.into(), attempt.into(), 1]);
        let latency = (world.latency as f64 * (0.7 + 0.6 * luck)) as u64 + 1;
        let mut request = Request { call, attempt, now, latency, headers: Headers::at(now) };
        for (place, (effect, state)) in world.server.iter().zip(&mut self.states).enumerate() {
            if !effect.touches(call) || !effect.acts(now) {
                continue;
            }
            if let Some(Refusal { how, after, retry_after }) = request.pass(world.seed, place, effect, state) {
                request.headers.retry_after = retry_after;
                return Answer::failed(how, after, request.headers);
            }
        }
        Answer { after: request.latency, came: Came::Status(200), body_breaks: false, headers: request.headers }
    }

    /// Tells until when, at most `now`, this call would have failed or waited long. 0 = never so far.
    #[must_use]
    pub fn ailing_until(&self, now: u64, call: &Call) -> u64 {
        let effects = self.world.server.iter().zip(&self.states);
        let server = effects.filter(|(effect, _)| effect.touches(call)).map(|(effect, state)| match state {
            State::Meters(meters) => meters.get(meter_of(call, meters)).map_or(0, |meter| meter.full_until),
            State::AtWork(work) => work.full_until,
            State::None => ailing(effect, now),
        });
        let network = self.world.network.iter().filter_map(|disturbance| disturbance.until());
        let network = network.map(|(from, until)| if from <= now { until } else { 0 });
        server.chain(network).map(|until| until.min(now)).max().unwrap_or(0)
    }
}

fn meter_of(call: &Call, meters: &[Meter]) -> usize {
    (call.part as usize).min(meters.len() - 1)
}

/// Tells until when, at most `now`, an effect without state was felt.
fn ailing(effect: &Effect, now: u64) -> u64 {
    if effect.from > now {
        return 0;
    }
    let until = now.min(effect.until);
    match &effect.does {
        Does::Slow(slow) if slow.by > AILING => until,
        Does::WarmUp { .. } => until,
        Does::Fail(fail) if fail.share > WELL_SHARE => match fail.flap {
            Some(Flap { on, off }) => {
                let phase = (until - effect.from) % (on + off);
                if phase < on { until } else { until - (phase - on) }
            }
            None => until,
        },
        _ => 0,
    }
}

impl Request<'_> {
    /// Takes the request through one effect.
    fn pass(&mut self, seed: u64, place: usize, effect: &Effect, state: &mut State) -> Option<Refusal> {
        let chance = |what| luck([seed, self.call.id.into(), self.attempt.into(), place as u64, what]);
        let fails = |how: How, after: u64, retry_after| Some(Refusal { how, after, retry_after });
        match (&effect.does, state) {
            (Does::Fail(Fail { how, share, first, retry_after, .. }), _) => {
                let spared = first.is_some_and(|first| self.attempt > first) || *share < 1.0 && chance(3) >= *share;
                if spared { None } else { fails(*how, self.latency, *retry_after) }
            }
            (Does::WarmUp { how }, _) => {
                let share = 1.0 - (self.now - effect.from) as f64 / (effect.until - effect.from) as f64;
                if share < 1.0 && chance(3) >= share { None } else { fails(*how, self.latency, None) }
            }
            (Does::Slow(Slow { by, share, drift }), _) => {
                if chance(2) < *share {
                    let (passed, span) = (self.now - effect.from, effect.until - effect.from);
                    let grown = if *drift { passed as f64 / span as f64 } else { 1.0 };
                    self.latency += (*by as f64 * grown) as u64;
                }
                None
            }
            (Does::Limit(limit), State::Meters(meters)) => {
                let place = meter_of(self.call, meters);
                meters.get_mut(place).and_then(|meter| self.meter(limit, meter))
            }
            (Does::InFlight(limit), State::AtWork(work)) => self.begin_work(limit, work),
            (Does::Queue(queue), State::AtWork(work)) => self.wait_for_work(queue, work),
            (Does::Limit(_) | Does::InFlight(_) | Does::Queue(_), _) => None,
        }
    }

    fn meter(&mut self, limit: &Limit, meter: &mut Meter) -> Option<Refusal> {
        let taken = meter.take(limit, self.now);
        if let Some(form) = limit.gauge {
            let gauge = Gauge { form, allows: limit.allows, left: taken.left, per: limit.per, wait: taken.wait };
            self.headers.gauges.push(gauge);
        }
        self.headers.date |= limit.date;
        let retry_after = match limit.retry_after {
            Some(RetryAfter::Left) => Some(RetryAfter::Seconds(taken.wait.div_ceil(1_000))),
            other => other,
        };
        (!taken.allowed).then_some(Refusal { how: limit.how, after: self.latency, retry_after })
    }

    fn begin_work(&mut self, limit: &InFlight, work: &mut AtWork) -> Option<Refusal> {
        if work.count(self.now) >= limit.most {
            work.full_until = work.first_end();
            return Some(Refusal { how: limit.how, after: REFUSAL, retry_after: limit.retry_after });
        }
        work.add(self.now + self.latency);
        None
    }

    fn wait_for_work(&mut self, queue: &Queue, work: &mut AtWork) -> Option<Refusal> {
        if work.count(self.now) > queue.workers + queue.places {
            work.full_until = self.now + 1;
            return Some(Refusal { how: queue.how, after: REFUSAL, retry_after: queue.retry_after });
        }
        self.latency += work.free_at(queue.workers, self.now) - self.now;
        work.add(self.now + self.latency);
        if self.latency > AILING {
            work.full_until = self.now + self.latency;
        }
        None
    }
}
