//! One run: the clients of a world against its server, on a virtual clock of whole milliseconds.

use super::answer::Answer;
use super::arrivals::Arrivals;
use super::call::{Call, calls};
use super::client::{Client, Next};
use super::server::Server;
use super::world::{Disturbance, World};
use crate::queue::Queue;
use crate::world::input::WALL;
use unruffled_core::{Fault, Reason};

/// Steps of a call beyond which a run is endless.
const MOST_STEPS: u64 = 4_000;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It has not ended.
    Open,
    Delivered,
    Failed(Reason),
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    pub begun: u64,
    pub ended: u64,
    pub end: End,
    /// The caller has a good answer.
    pub ok: bool,
    pub attempts: u32,
    /// The longest time that the call waited, or failed unsent, while the server would have answered it.
    pub idle: u64,
}

/// What became of all calls.
#[derive(Debug, Clone, Default)]
pub struct Played {
    pub fates: Vec<Fate>,
    pub requests: u64,
}

impl Fate {
    /// Returns how long it took.
    #[must_use]
    pub fn took(&self) -> u64 {
        self.ended - self.begun
    }
}

impl End {
    /// Names it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Delivered => "delivered",
            Self::Failed(reason) => reason.text(),
        }
    }
}

enum Event {
    Begin(u32),
    Ended(u32, Answer),
    /// A wait ends; the time names the wait.
    Due(u32, u64),
    Wake(u32),
    Online,
}

/// A call under way.
#[derive(Debug, Clone, Copy)]
struct Live {
    /// When its wait ends, and when it began.
    waits: Option<(u64, u64)>,
    /// Its latest answer was a good one.
    good: bool,
}

struct Play<'w, 'c, C, S> {
    world: &'w World,
    clients: &'c mut [C],
    server: Server<'w>,
    calls: Vec<Call>,
    live: Vec<Live>,
    queue: Queue<Event>,
    /// The next call that a worker begins.
    next: u32,
    played: Played,
    seen: S,
}

/// Plays a world with these clients; `seen` receives every step of every call.
///
/// # Errors
/// A run without end, or a call that never ends.
pub fn play<C: Client, S: FnMut(u64, &Call, Next)>(
    world: &World,
    clients: &mut [C],
    seen: S,
) -> Result<Played, String> {
    let calls = calls(world);
    let open = Fate { begun: 0, ended: 0, end: End::Open, ok: false, attempts: 0, idle: 0 };
    let played = Played { fates: vec![open; calls.len()], requests: 0 };
    let live = vec![Live { waits: None, good: false }; calls.len()];
    let server = Server::new(world);
    let mut play = Play { world, clients, server, calls, live, queue: Queue::default(), next: 0, played, seen };
    play.plan_all();
    let mut steps = 0;
    while let Some((now, event)) = play.queue.pop() {
        steps += 1;
        if steps > MOST_STEPS * (u64::from(world.calls) + 100) {
            return Err("a run without end".to_string());
        }
        play.take(now, event);
    }
    match play.played.fates.iter().position(|fate| fate.end == End::Open) {
        Some(call) => Err(format!("call {call} never ended")),
        None => Ok(play.played),
    }
}

impl<C: Client, S: FnMut(u64, &Call, Next)> Play<'_, '_, C, S> {
    /// Plans what the world alone decides.
    fn plan_all(&mut self) {
        match (Arrivals::times(self.world), &self.world.arrivals) {
            (Some(times), _) => {
                for (call, at) in (0..).zip(times) {
                    self.plan(at, Event::Begin(call));
                }
                self.next = self.world.calls;
            }
            (None, Arrivals::Closed { workers, .. }) => (0..*workers).for_each(|_| self.begin_next(0)),
            (None, _) => {}
        }
        for disturbance in &self.world.network {
            if let Disturbance::Offline { until, .. } = disturbance {
                self.plan(*until, Event::Online);
            }
        }
    }

    /// Plans an event; a host that stalls or sleeps takes it up at the end of that.
    fn plan(&mut self, at: u64, event: Event) {
        let stalled = |at, disturbance: &Disturbance| match *disturbance {
            Disturbance::Stall { from, until } | Disturbance::Sleep { from, until } if (from..until).contains(&at) => {
                until
            }
            _ => at,
        };
        self.queue.plan(self.world.network.iter().fold(at, stalled), event);
    }

    /// Has a worker begin the next call.
    fn begin_next(&mut self, now: u64) {
        if self.next < self.world.calls {
            self.plan(now, Event::Begin(self.next));
            self.next += 1;
        }
    }

    fn take(&mut self, now: u64, event: Event) {
        match event {
            Event::Begin(call) => {
                self.played.fates[call as usize].begun = now;
                self.step(now, call, |client, call| client.begin(call, now));
            }
            Event::Ended(call, answer) => {
                self.live[call as usize].good = answer.is_good();
                let wall = (WALL + now).saturating_add_signed(self.world.wall_offset(now));
                self.step(now, call, |client, call| client.ended(call, now, wall, &answer));
            }
            Event::Due(call, at) => {
                if self.live[call as usize].waits.is_some_and(|(due, _)| due == at) {
                    self.resume(now, call);
                }
            }
            Event::Wake(call) => self.resume(now, call),
            Event::Online => {
                for client in 0..self.clients.len() {
                    self.clients[client].online(now);
                    self.plan_wakes(now, client);
                }
            }
        }
    }

    fn resume(&mut self, now: u64, call: u32) {
        let Some((_, since)) = self.live[call as usize].waits.take() else { return };
        let well_since = since.max(self.server.ailing_until(now, &self.calls[call as usize]));
        let fate = &mut self.played.fates[call as usize];
        fate.idle = fate.idle.max(now.saturating_sub(well_since));
        self.step(now, call, |client, call| client.resume(call, now));
    }

    fn plan_wakes(&mut self, now: u64, client: usize) {
        while let Some(woken) = self.clients[client].wake() {
            self.plan(now, Event::Wake(woken));
        }
    }

    /// Gives a call's client an input and does what it answers.
    fn step(&mut self, now: u64, id: u32, input: impl FnOnce(&mut C, &Call) -> Next) {
        let call = &self.calls[id as usize];
        let client = call.client;
        let next = input(&mut self.clients[client], call);
        (self.seen)(now, call, next);
        self.plan_wakes(now, client);
        match next {
            Next::Send { timeout } => self.send(now, id, timeout),
            Next::Wait { delay } => {
                let due = now + delay;
                self.live[id as usize].waits = Some((due, now));
                self.plan(due, Event::Due(id, due));
            }
            Next::Deliver => self.end(now, id, End::Delivered),
            Next::Fail { reason } => self.end(now, id, End::Failed(reason)),
        }
    }

    fn send(&mut self, now: u64, id: u32, timeout: u64) {
        let call = &self.calls[id as usize];
        self.played.requests += 1;
        let fate = &mut self.played.fates[id as usize];
        fate.attempts += 1;
        let mut answer = self.server.answer(now, call, fate.attempts);
        if call.streamed {
            answer = answer.streamed();
        }
        for disturbance in &self.world.network {
            if matches!(disturbance, Disturbance::Offline { from, until } if (*from..*until).contains(&now)) {
                answer = answer.broken(Fault::Offline, 1);
            }
        }
        if answer.after > timeout {
            answer = answer.broken(Fault::Timeout, timeout);
        }
        for disturbance in &self.world.network {
            if let Disturbance::Sleep { from, until } = *disturbance
                && (now + 1..now + answer.after).contains(&from)
            {
                answer = answer.broken(Fault::Lost, until - now);
            }
        }
        self.plan(now + answer.after, Event::Ended(id, answer));
    }

    fn end(&mut self, now: u64, id: u32, end: End) {
        let fate = &mut self.played.fates[id as usize];
        (fate.ended, fate.end) = (now, end);
        fate.ok = end == End::Delivered && self.live[id as usize].good;
        if !fate.ok && fate.attempts == 0 && end == End::Failed(Reason::CircuitOpen) {
            let ailing = self.server.ailing_until(now, &self.calls[id as usize]);
            fate.idle = fate.idle.max(now.saturating_sub(ailing));
        }
        if let Arrivals::Closed { think, .. } = self.world.arrivals {
            self.begin_next(now + think);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fates::effect::{Does, Effect, Limit, LimitKind};
    use crate::fates::how::How;
    use crate::fates::judge::both;
    use crate::fates::world::Kind;

    fn good(played: &Played) -> usize {
        played.fates.iter().filter(|fate| fate.ok).count()
    }

    #[test]
    fn on_a_healthy_server_both_clients_have_every_call_with_one_request() {
        for world in [
            World::default(),
            World { clients: 3, endpoints: 30, drop_in: true, ..World::default() },
            World { arrivals: Arrivals::Closed { workers: 7, think: 10 }, ..World::default() },
            World { mix: vec![Kind { streamed: true, ..Kind::default() }], ..World::default() },
        ] {
            let pair = both(&world).expect("a run with an end");
            for played in [&pair.ours, &pair.plain] {
                assert_eq!((good(played), played.requests), (100, 100), "{world:?}");
            }
        }
    }

    #[test]
    fn a_stall_delays_and_a_sleep_loses_what_is_in_flight() {
        let world = |network| World { network: vec![network], ..World::default() };
        let stall = both(&world(Disturbance::Stall { from: 1_010, until: 3_000 })).expect("a run with an end");
        assert_eq!((good(&stall.plain), stall.plain.requests), (100, 100));
        assert_eq!(stall.plain.fates[20].ended, 3_000);
        let sleep = both(&world(Disturbance::Sleep { from: 1_010, until: 3_000 })).expect("a run with an end");
        assert_eq!((good(&sleep.plain), sleep.plain.requests), (100, 101));
    }

    #[test]
    fn a_client_that_is_offline_sends_nothing() {
        let network = vec![Disturbance::Offline { from: 0, until: 10_000 }];
        let pair = both(&World { calls: 10, network, ..World::default() }).expect("a run with an end");
        assert_eq!(good(&pair.plain), 0);
        assert!(pair.ours.fates.iter().all(|fate| fate.ok && fate.ended >= 10_000));
    }

    #[test]
    fn clients_share_the_server_and_nothing_else() {
        let limit = Limit {
            kind: LimitKind::Window,
            allows: 10,
            per: 1_000_000,
            burst: 1,
            how: How::Status(429),
            retry_after: None,
            gauge: None,
            each: false,
            date: false,
        };
        let world = World { clients: 2, server: vec![Effect::from(Does::Limit(limit))], ..World::default() };
        assert_eq!(good(&both(&world).expect("a run with an end").plain), 10);
    }
}
