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

    /// Returns until when, at most `now`, this call would have failed or waited long. 0 = never so far.
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

/// Returns until when, at most `now`, an effect without state was felt.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fates::call::calls;
    use unruffled_core::Fault;

    const DOWN: How = How::Status(503);

    fn world(effects: Vec<Effect>) -> World {
        World { calls: 1_000, share: 0.5, server: effects, ..World::default() }
    }

    /// Counts the requests that are answered well; each call sends one at a time.
    fn good(world: &World, attempt: u32, at: impl Fn(&Call) -> u64) -> usize {
        let mut server = Server::new(world);
        calls(world).iter().filter(|call| server.answer(at(call), call, attempt).is_good()).count()
    }

    #[test]
    fn a_healthy_server_answers_in_its_latency() {
        let world = world(Vec::new());
        let mut server = Server::new(&world);
        let all: Vec<u64> = calls(&world).iter().map(|call| server.answer(0, call, 1).after).collect();
        assert!(all.iter().all(|after| (15..=27).contains(after)));
        assert_eq!(good(&world, 1, |_| 0), 1_000);
    }

    #[test]
    fn an_outage_begins_and_ends() {
        let world = world(vec![Effect::from(Fail::all(DOWN)).during(100, 200)]);
        assert_eq!(good(&world, 1, |call| u64::from(call.id)), 900);
        let call = &calls(&world)[0];
        let server = Server::new(&world);
        assert_eq!([50, 150, 500].map(|now| server.ailing_until(now, call)), [0, 150, 200]);
    }

    #[test]
    fn an_effect_touches_its_part_its_ids_and_its_attempts() {
        let of_part = world(vec![Effect::from(Fail::all(DOWN)).of_part(1)]);
        assert!((450..550).contains(&good(&of_part, 1, |_| 0)));
        let ids = world(vec![Effect { ids: Some(4), ..Effect::from(Fail::all(DOWN)) }]);
        assert_eq!(good(&ids, 1, |_| 0), 750);
        let first = world(vec![Effect::from(Fail { first: Some(2), ..Fail::all(DOWN) })]);
        assert_eq!([1, 2, 3].map(|attempt| good(&first, attempt, |_| 0)), [0, 0, 1_000]);
    }

    #[test]
    fn a_share_fails_and_a_server_that_warms_up_fails_less_and_less() {
        let share = world(vec![Effect::from(Fail { share: 0.3, ..Fail::all(DOWN) })]);
        assert!((660..740).contains(&good(&share, 1, |_| 0)));
        let warm = world(vec![Effect::from(Does::WarmUp { how: DOWN }).during(0, 1_000)]);
        let quarters = [0, 250, 500, 999].map(|now| good(&warm, 1, |_| now));
        assert!(quarters[0] == 0 && quarters[3] > 980 && quarters.is_sorted(), "{quarters:?}");
    }

    #[test]
    fn a_slow_server_answers_later_and_a_drifting_one_later_and_later() {
        let slow =
            |drift| world(vec![Effect::from(Does::Slow(Slow { by: 4_000, share: 1.0, drift })).during(0, 1_000)]);
        let after = |world: &World, now| Server::new(world).answer(now, &calls(world)[0], 1).after;
        assert!((4_015..=4_027).contains(&after(&slow(false), 0)));
        assert!((15..=27).contains(&after(&slow(true), 0)));
        assert!((2_015..=2_027).contains(&after(&slow(true), 500)));
    }

    #[test]
    fn a_limit_refuses_and_says_when() {
        let limit = |each| Limit {
            kind: crate::fates::effect::LimitKind::Window,
            allows: 100,
            per: 10_000,
            burst: 1,
            how: How::Status(429),
            retry_after: Some(RetryAfter::Left),
            gauge: None,
            each,
            date: false,
        };
        let one = world(vec![Does::Limit(limit(false)).into()]);
        assert_eq!(good(&one, 1, |_| 0), 100);
        assert_eq!(good(&world(vec![Does::Limit(limit(true)).into()]), 1, |_| 0), 200);
        let (mut server, calls) = (Server::new(&one), calls(&one));
        let refused = calls[..=100].iter().map(|call| server.answer(4_500, call, 1)).collect::<Vec<_>>().pop();
        assert_eq!(refused.map(|answer| (answer.came, answer.headers.retry_after)), {
            Some((Came::Status(429), Some(RetryAfter::Seconds(6))))
        });
        assert_eq!(server.ailing_until(9_000, &calls[0]), 9_000);
    }

    #[test]
    fn requests_beyond_those_at_work_are_refused_and_beyond_the_queue_too() {
        let at_once = world(vec![Does::InFlight(InFlight { most: 20, how: DOWN, retry_after: None }).into()]);
        assert_eq!(good(&at_once, 1, |_| 0), 20);
        let queue = Queue { workers: 4, places: 50, how: DOWN, retry_after: None };
        let queue = world(vec![Does::Queue(queue).into()]);
        assert_eq!(good(&queue, 1, |_| 0), 55);
        let mut server = Server::new(&queue);
        let waits: Vec<u64> = calls(&queue).iter().take(9).map(|call| server.answer(0, call, 1).after).collect();
        assert!(waits[3] <= 27 && waits[4] > 27 && waits[8] > 42, "{waits:?}");
    }

    #[test]
    fn each_way_to_fail_has_its_fault_and_its_time() {
        let came = |how| {
            let world = world(vec![Effect::from(Fail::all(how))]);
            let answer = Server::new(&world).answer(0, &calls(&world)[0], 1);
            (answer.came, answer.after)
        };
        assert_eq!(came(How::Refused), (Came::Fault(Fault::Unsent), 1));
        assert_eq!(came(How::Connect), (Came::Fault(Fault::ConnectTimeout), 3_000));
        assert_eq!(came(How::Timeout), (Came::Fault(Fault::Timeout), crate::fates::world::NEVER));
        assert_eq!(came(How::Reset).0, Came::Fault(Fault::Lost));
        assert_eq!(came(How::Cut).0, Came::Fault(Fault::Truncated));
    }
}
