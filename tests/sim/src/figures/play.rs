//! One run: clients, each with a policy of its own, against one server, on a virtual clock of whole milliseconds.

use super::chance::Chance;
use super::policy::{Came, Next, Policy};
use super::server::{Reply, Server, What};
use crate::queue::Queue;

/// How calls arrive, over all clients together; calls go to the clients in turn.
#[derive(Debug, Clone, Copy)]
pub enum Load {
    /// One every so many milliseconds, evenly.
    Every(u64),
    /// Poisson, so many a second.
    Random(f64),
    /// So many, evenly over the first milliseconds after a start.
    Burst { calls: u64, at: u64, over: u64 },
    /// Each client has so many workers that begin a call when their last one ended.
    Workers(u64),
}

/// A call as its caller saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    pub client: usize,
    pub begun: u64,
    /// `u64::MAX` = never.
    pub ended: u64,
    pub ok: bool,
    pub sends: u32,
}

/// A request as it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    pub at: u64,
    pub client: usize,
    pub retry: bool,
    /// Its answer's status as the server gave it; 0 = none.
    pub status: u16,
}

/// All that happened.
#[derive(Debug, Clone, Default)]
pub struct Log {
    pub calls: Vec<Record>,
    pub requests: Vec<Request>,
}

/// What a run needs.
pub struct Setup {
    pub seed: u64,
    pub load: Load,
    /// No call begins from then on.
    pub until: u64,
    pub clients: Vec<Box<dyn Policy>>,
    pub server: Box<dyn Server>,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Setup of {} clients", self.clients.len())
    }
}

enum Event {
    Begin(usize),
    Lands { call: u32, attempt: u32, request: usize },
    Comes { call: u32, attempt: u32, came: Came },
    Resume { call: u32, turn: u32 },
}

#[derive(Clone, Copy, Default)]
struct Live {
    /// Of the attempt under way; its answer and its timeout name it.
    attempt: u32,
    /// Of the wait under way.
    turn: u32,
}

/// Milliseconds on the network, each way.
const WAY: (u64, u64) = (5, 15);
/// A worker whose call failed takes a breath.
const BREATH: u64 = 100;

struct Play {
    clients: Vec<Box<dyn Policy>>,
    server: Box<dyn Server>,
    load: Load,
    until: u64,
    chance: Chance,
    queue: Queue<Event>,
    live: Vec<Live>,
    log: Log,
}

/// Plays it to its end.
#[must_use]
pub fn play(setup: Setup) -> Log {
    let Setup { seed, load, until, clients, server } = setup;
    let mut play = Play {
        clients,
        server,
        load,
        until,
        chance: Chance::new(seed),
        queue: Queue::default(),
        live: Vec::new(),
        log: Log::default(),
    };
    play.plan_arrivals();
    while let Some((now, event)) = play.queue.pop() {
        play.take(now, event);
    }
    play.log
}

impl Play {
    fn plan_arrivals(&mut self) {
        let clients = self.clients.len();
        match self.load {
            Load::Every(gap) => {
                for (i, at) in (0..self.until).step_by(gap as usize).enumerate() {
                    self.queue.plan(at, Event::Begin(i % clients));
                }
            }
            Load::Random(per_second) => {
                let mut at = 0.0;
                for i in 0.. {
                    at += self.chance.gap(per_second);
                    if at >= self.until as f64 {
                        break;
                    }
                    self.queue.plan(at as u64, Event::Begin(i % clients));
                }
            }
            Load::Burst { calls, at, over } => {
                for i in 0..calls {
                    self.queue.plan(at + i * over / calls, Event::Begin(i as usize % clients));
                }
            }
            Load::Workers(workers) => {
                for i in 0..workers * clients as u64 {
                    self.queue.plan(i % 100, Event::Begin(i as usize % clients));
                }
            }
        }
    }

    fn take(&mut self, now: u64, event: Event) {
        match event {
            Event::Begin(client) => {
                let call = self.live.len() as u32;
                self.live.push(Live::default());
                self.log.calls.push(Record { client, begun: now, ended: u64::MAX, ok: false, sends: 0 });
                let next = self.clients[client].begin(call, now);
                self.follow(now, call, next);
            }
            Event::Lands { call, attempt, request } => {
                let client = self.log.calls[call as usize].client;
                let Reply { after, what, gauge, retry_after, skew } = self.server.arrive(now, client, &mut self.chance);
                if let What::Status(status) = what {
                    self.log.requests[request].status = status;
                }
                if what != What::Silent {
                    let retry_after = retry_after.map(|seconds| (seconds, skew));
                    let back = now + after + self.chance.between(WAY.0, WAY.1);
                    self.queue.plan(back, Event::Comes { call, attempt, came: Came { what, gauge, retry_after } });
                }
            }
            Event::Comes { call, attempt, came } => {
                if self.live[call as usize].attempt != attempt {
                    return;
                }
                self.live[call as usize].attempt += 1;
                let client = self.log.calls[call as usize].client;
                let next = self.clients[client].came(call, now, &came);
                self.follow(now, call, next);
            }
            Event::Resume { call, turn } => {
                if self.live[call as usize].turn != turn {
                    return;
                }
                self.resume(now, call);
            }
        }
    }

    fn resume(&mut self, now: u64, call: u32) {
        self.live[call as usize].turn += 1;
        let client = self.log.calls[call as usize].client;
        let next = self.clients[client].resume(call, now);
        self.follow(now, call, next);
    }

    /// Does what the policy says for a call, then wakes whom it names.
    fn follow(&mut self, now: u64, call: u32, next: Next) {
        let place = call as usize;
        let client = self.log.calls[place].client;
        match next {
            Next::Send { timeout } => {
                let record = &mut self.log.calls[place];
                let retry = record.sends > 0;
                record.sends += 1;
                let request = self.log.requests.len();
                self.log.requests.push(Request { at: now, client, retry, status: 0 });
                let attempt = self.live[place].attempt;
                let there = now + self.chance.between(WAY.0, WAY.1);
                self.queue.plan(there, Event::Lands { call, attempt, request });
                if timeout > 0 {
                    let came = Came { what: What::Silent, gauge: None, retry_after: None };
                    self.queue.plan(now + timeout, Event::Comes { call, attempt, came });
                }
            }
            Next::Wait(delay) => {
                self.live[place].turn += 1;
                let turn = self.live[place].turn;
                self.queue.plan(now + delay, Event::Resume { call, turn });
            }
            Next::End { ok } => {
                let record = &mut self.log.calls[place];
                (record.ended, record.ok) = (now, ok);
                self.live[place].turn += 1;
                if let Load::Workers(_) = self.load {
                    let at = now + if ok { 1 } else { BREATH };
                    if at < self.until {
                        self.queue.plan(at, Event::Begin(client));
                    }
                }
            }
        }
        while let Some(woken) = self.clients[client].wake() {
            self.resume(now, woken);
        }
    }
}
