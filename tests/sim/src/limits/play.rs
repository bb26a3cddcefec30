//! One run: the clients of a case, or an oracle that knows when its server has room, on a virtual clock.

use super::case::Case;
use super::convention::*;
use super::floor::{Broken, Floor};
use super::ours::{Next, Ours};
use super::server::{Answer, Server};
use super::voice::asked;
use crate::fates::luck::luck;
use crate::queue::Queue;
use std::collections::VecDeque;
use unruffled_core::Reason;

/// Steps of a call beyond which a run is endless.
const MOST_STEPS: u64 = 4_000;
/// A caller whose call failed takes a breath.
const BREATH: u64 = 100;

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    pub client: usize,
    pub begun: u64,
    pub ended: u64,
    pub ok: bool,
    pub failed: Option<Reason>,
    /// Milliseconds that it waited before its attempts.
    pub waited: u64,
    pub attempts: u32,
}

/// What became of all calls.
#[derive(Debug, Clone, Default)]
pub struct Played {
    pub fates: Vec<Fate>,
    pub requests: u64,
    pub refused: u64,
    /// Refused requests that left before their client had any answer.
    pub blind: u64,
    pub broken: Vec<(u64, Broken)>,
}

/// How far a run goes.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    pub calls: u64,
    /// Nothing happens from then on.
    pub until: u64,
}

/// A step of a run, for a log.
#[derive(Debug)]
pub enum Seen<'a> {
    Begun,
    Told(Next),
    Came(Option<&'a Answer>),
}

enum Event {
    Begin {
        client: usize,
    },
    Ended {
        call: u32,
        order: u64,
        answer: Option<Answer>,
    },
    /// A wait ends; the time names the wait.
    Due {
        call: u32,
        at: u64,
    },
    Wake {
        call: u32,
    },
    /// The server has room for the oracle's next request.
    Turn,
}

/// Who decides.
enum Brain {
    Engines(Vec<(Ours, Floor)>),
    Oracle(VecDeque<u32>),
}

#[derive(Debug, Clone, Copy, Default)]
struct Live {
    /// When its wait ends, and when it began.
    waits: Option<(u64, u64)>,
    /// Its latest answer was a refusal.
    refused: bool,
    sent_at: u64,
}

struct Play<'c, S> {
    case: &'c Case,
    bound: Bound,
    server: Server,
    brain: Brain,
    queue: Queue<Event>,
    live: Vec<Live>,
    /// When the oracle looks again.
    turn_at: u64,
    /// When each client had its first answer.
    first_answers: Vec<Option<u64>>,
    played: Played,
    seen: S,
}

/// Plays a case with the real core; `seen` receives every step.
///
/// # Errors
/// A wrong policy, or a run without end.
pub fn play<S: FnMut(u64, u32, &Seen<'_>, &Ours)>(case: &Case, bound: Bound, seen: S) -> Result<Played, String> {
    let client = |place| {
        Ok::<_, String>((
            Ours::new(case, place)?,
            Floor::new(case.window, case.convention.policy == Policy::Documented),
        ))
    };
    run(case, bound, Brain::Engines((0..case.clients).map(client).collect::<Result<_, _>>()?), seen)
}

/// Plays it with a client that sends exactly when the server has room.
///
/// # Errors
/// A run without end.
pub fn oracle(case: &Case, bound: Bound) -> Result<Played, String> {
    run(case, bound, Brain::Oracle(VecDeque::new()), |_, _, _, _| {})
}

fn run<S: FnMut(u64, u32, &Seen<'_>, &Ours)>(
    case: &Case,
    bound: Bound,
    brain: Brain,
    seen: S,
) -> Result<Played, String> {
    let (server, played) = (Server::new(case), Played::default());
    let mut play = Play {
        case,
        bound,
        server,
        brain,
        queue: Queue::default(),
        live: Vec::new(),
        turn_at: 0,
        first_answers: vec![None; case.clients as usize],
        played,
        seen,
    };
    play.plan_arrivals();
    let mut steps = 0;
    while let Some((now, event)) = play.queue.pop() {
        steps += 1;
        if now >= bound.until {
            break;
        }
        if steps > MOST_STEPS * (bound.calls + 100) {
            return Err("a run without end".to_string());
        }
        play.take(now, event);
    }
    if let Brain::Engines(clients) = play.brain {
        play.played.broken = clients.into_iter().flat_map(|(_, floor)| floor.broken).collect();
    }
    Ok(play.played)
}

/// Returns the times at which the calls of an open loop begin.
pub fn arrivals(case: &Case, calls: u64) -> impl Iterator<Item = u64> {
    let gap = 1_000.0 / (case.rate() * 0.6);
    // Of a cap, requests at work must not meet.
    let gap = if case.convention.algorithm == Algorithm::Concurrency { 2.0 * gap } else { gap };
    let seed = case.seed;
    (0..calls).map(move |i| ((i as f64 + 0.3 * luck([seed, i, 9])) * gap) as u64)
}

impl<S: FnMut(u64, u32, &Seen<'_>, &Ours)> Play<'_, S> {
    fn plan_arrivals(&mut self) {
        let clients = self.case.clients as usize;
        if let Some(callers) = self.case.callers() {
            for caller in 0..(callers as usize * clients) {
                self.queue.plan(0, Event::Begin { client: caller % clients });
            }
            return;
        }
        for (i, at) in arrivals(self.case, self.bound.calls).enumerate() {
            self.queue.plan(at, Event::Begin { client: i % clients });
        }
    }

    fn take(&mut self, now: u64, event: Event) {
        match event {
            Event::Begin { client } => self.begin(now, client),
            Event::Ended { call, order, answer } => self.ended(now, call, order, answer),
            Event::Due { call, at } => {
                if self.live[call as usize].waits.is_some_and(|(due, _)| due == at) {
                    self.resume(now, call);
                }
            }
            Event::Wake { call } => self.resume(now, call),
            Event::Turn => self.turn(now),
        }
    }

    fn begin(&mut self, now: u64, client: usize) {
        let call = self.live.len() as u32;
        if u64::from(call) >= self.bound.calls {
            return;
        }
        self.live.push(Live::default());
        let fate = Fate { client, begun: now, ended: 0, ok: false, failed: None, waited: 0, attempts: 0 };
        self.played.fates.push(fate);
        if let Brain::Oracle(queue) = &mut self.brain {
            queue.push_back(call);
            self.turn(now);
            return;
        }
        self.step(now, call, &Seen::Begun, |ours| ours.begin(call, now));
    }

    /// Sends the oracle's calls for which there is room.
    fn turn(&mut self, now: u64) {
        while let Brain::Oracle(queue) = &mut self.brain
            && let Some(&call) = queue.front()
        {
            let ready = self.server.ready_at(now, call);
            if ready > now {
                if self.turn_at <= now || ready < self.turn_at {
                    self.turn_at = ready;
                    self.queue.plan(ready, Event::Turn);
                }
                return;
            }
            queue.pop_front();
            let fate = &mut self.played.fates[call as usize];
            fate.waited = now - fate.begun;
            self.send(now, call, 0);
        }
    }

    fn ended(&mut self, now: u64, call: u32, order: u64, answer: Option<Answer>) {
        let passed = answer.is_some_and(|answer| answer.passed);
        let first = *self.first_answers[self.played.fates[call as usize].client].get_or_insert(now);
        let refused = answer.is_some_and(|answer| !answer.passed);
        self.played.refused += u64::from(refused);
        let live = &mut self.live[call as usize];
        self.played.blind += u64::from(refused && live.sent_at < first);
        live.refused = !passed;
        let case = self.case;
        match &mut self.brain {
            Brain::Oracle(_) => {
                self.end(now, call, passed, None);
                // A cap has room when an answer leaves.
                self.turn(now);
            }
            Brain::Engines(clients) => {
                let floor = &mut clients[self.played.fates[call as usize].client].1;
                floor.look(now);
                let left = answer.and_then(|answer| answer.told).map(|told| told.left(case));
                let asked = answer.and_then(|answer| asked(case, &answer));
                floor.ended(now, order, answer.as_ref(), left, asked);
                self.step(now, call, &Seen::Came(answer.as_ref()), |ours| ours.ended(call, now, case, answer.as_ref()));
            }
        }
    }

    fn resume(&mut self, now: u64, call: u32) {
        let live = &mut self.live[call as usize];
        let Some((_, since)) = live.waits.take() else { return };
        let fate = &mut self.played.fates[call as usize];
        fate.waited += now - since;
        if let Brain::Engines(clients) = &mut self.brain {
            let floor = &mut clients[fate.client].1;
            floor.look(now);
            if !live.refused {
                floor.goes_on();
            }
        }
        self.step(now, call, &Seen::Begun, |ours| ours.resume(call, now));
    }

    /// Gives a call's client an input and does what it answers.
    fn step(&mut self, now: u64, call: u32, why: &Seen<'_>, input: impl FnOnce(&mut Ours) -> Next) {
        let Brain::Engines(clients) = &mut self.brain else { return };
        let (ours, floor) = &mut clients[self.played.fates[call as usize].client];
        let next = input(ours);
        if let Seen::Came(_) = why {
            (self.seen)(now, call, why, ours);
        }
        (self.seen)(now, call, &Seen::Told(next), ours);
        while let Some(woken) = ours.wake() {
            self.queue.plan(now, Event::Wake { call: woken });
        }
        let live = &mut self.live[call as usize];
        match next {
            Next::Send { timeout } => {
                floor.sent(now);
                self.send(now, call, timeout);
            }
            Next::Wait { delay } | Next::Park { at_most: delay } => {
                if !live.refused {
                    floor.waits(now);
                }
                if let Next::Wait { .. } = next {
                    floor.told(now, delay);
                }
                live.waits = Some((now + delay, now));
                self.queue.plan(now + delay, Event::Due { call, at: now + delay });
            }
            Next::Deliver => {
                let ok = !live.refused;
                self.end(now, call, ok, None);
            }
            Next::Fail { reason } => {
                floor.failed(now, reason);
                self.end(now, call, false, Some(reason));
            }
        }
    }

    fn send(&mut self, now: u64, call: u32, timeout: u64) {
        self.played.requests += 1;
        self.live[call as usize].sent_at = now;
        let fate = &mut self.played.fates[call as usize];
        fate.attempts += 1;
        let answer = self.server.answer(now, call, fate.attempts);
        let order = self.played.requests;
        if timeout > 0 && answer.after > timeout {
            self.queue.plan(now + timeout, Event::Ended { call, order, answer: None });
        } else {
            self.queue.plan(now + answer.after, Event::Ended { call, order, answer: Some(answer) });
        }
    }

    fn end(&mut self, now: u64, call: u32, ok: bool, failed: Option<Reason>) {
        let fate = &mut self.played.fates[call as usize];
        (fate.ended, fate.ok, fate.failed) = (now, ok, failed);
        let client = fate.client;
        if self.case.callers().is_some() {
            self.queue.plan(if ok { now } else { now + BREATH }, Event::Begin { client });
        }
    }
}
