//! A run: one client's script at work, and everything that the server saw of that client.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use crate::connection::Connection;
use crate::node::{Asked, Choice, Node};
use crate::script::{Fault, Script};

/// Requests kept in a log; later ones are only counted.
const KEPT: usize = 20_000;

#[derive(Debug)]
pub struct Run {
    state: Mutex<State>,
    /// Ends the run's own port.
    pub port: Mutex<Option<tokio::task::AbortHandle>>,
}

#[derive(Debug)]
struct State {
    root: Node,
    keep: bool,
    started: Option<Instant>,
    log: Vec<Entry>,
    totals: Totals,
    now_in_flight: u64,
    /// How often each operation was committed or replayed.
    operations: HashMap<String, u64>,
    /// The run's number of each connection, by the server's.
    connections: HashMap<u64, (u32, Weak<Connection>)>,
}

/// One request as the server saw it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Entry {
    pub n: usize,
    /// Ms since the run's first request.
    pub at: f64,
    pub connection: u32,
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: BTreeMap<String, String>,
    /// The first KiB.
    pub body: String,
    /// Length of the whole body as far as it was read.
    pub bytes: u64,
    pub answer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<usize>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub op: String,
    /// The client left before the answer was whole.
    pub gone: bool,
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    pub requests: u64,
    pub connections: u64,
    /// The most requests at one time.
    pub in_flight: u64,
    /// Requests that are being answered now.
    pub open: u64,
    pub statuses: BTreeMap<u16, u64>,
    pub faults: BTreeMap<String, u64>,
    pub commits: u64,
    pub duplicates: u64,
    pub replays: u64,
    pub operations: u64,
    pub gone: u64,
    pub phases: Vec<u64>,
    /// Requests that are not in the log.
    pub dropped: u64,
}

/// The log as it is handed out.
#[derive(Clone, Debug, Serialize)]
pub struct Log {
    pub requests: Vec<Entry>,
    pub totals: Totals,
}

impl Run {
    pub fn new(script: Script) -> Run {
        let state = State {
            root: Node::new(script.root, Instant::now()),
            keep: script.log.unwrap_or(true),
            started: None,
            log: Vec::new(),
            totals: Totals::default(),
            now_in_flight: 0,
            operations: HashMap::new(),
            connections: HashMap::new(),
        };
        Run { state: Mutex::new(state), port: Mutex::new(None) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request's head arrived.
    pub fn arrived(self: &Arc<Self>, connection: &Arc<Connection>, mut entry: Entry) -> Arrival {
        let now = Instant::now();
        let mut guard = self.state();
        let state = &mut *guard;
        let started = *state.started.get_or_insert(now);
        entry.at = (now - started).as_micros() as f64 / 1000.0;
        entry.n = state.totals.requests as usize;
        let next = state.connections.len() as u32 + 1;
        entry.connection =
            state.connections.entry(connection.id).or_insert_with(|| (next, Arc::downgrade(connection))).0;
        state.totals.connections = state.connections.len() as u64;
        state.totals.requests += 1;
        state.now_in_flight += 1;
        state.totals.in_flight = state.totals.in_flight.max(state.now_in_flight);
        let slot = (state.keep && state.log.len() < KEPT).then_some(state.log.len());
        match slot {
            Some(_) => state.log.push(entry),
            None => state.totals.dropped += 1,
        }
        drop(guard);
        Arrival { run: self.clone(), slot, whole: false }
    }

    /// Log from entry `from` on.
    pub fn log(&self, from: usize) -> Log {
        let state = self.state();
        let mut totals = state.totals.clone();
        totals.operations = state.operations.len() as u64;
        totals.open = state.now_in_flight;
        Log { requests: state.log.get(from..).unwrap_or_default().to_vec(), totals }
    }

    /// Closes the connections that the run used, as soon as they are idle.
    pub fn close(&self) {
        for (_, connection) in self.state().connections.values() {
            if let Some(connection) = connection.upgrade() {
                connection.close.notify_one();
            }
        }
        if let Some(port) = self.port.lock().unwrap_or_else(PoisonError::into_inner).take() {
            port.abort();
        }
    }
}

/// A request between its head and the end of its answer; dropped early, the client has left.
#[derive(Debug)]
pub struct Arrival {
    run: Arc<Run>,
    slot: Option<usize>,
    whole: bool,
}

impl Arrival {
    /// The body, or as much of it as is wanted.
    pub fn body(&self, body: &[u8], bytes: u64) {
        let mut state = self.run.state();
        if let Some(entry) = self.slot.and_then(|slot| state.log.get_mut(slot)) {
            entry.body = String::from_utf8_lossy(&body[..body.len().min(1024)]).into_owned();
            entry.bytes = bytes;
        }
    }

    /// Chooses the answer and counts what it means for a write. `keyed`: the operation came as a key, so that repeating
    /// it is a replay.
    pub fn choose(&self, asked: &Asked<'_>, keyed: bool) -> Choice {
        let mut guard = self.run.state();
        let state = &mut *guard;
        let choice = state.root.choose(asked, Instant::now());
        if let Some(phase) = choice.phase {
            let phases = &mut state.totals.phases;
            phases.resize(phases.len().max(phase + 1), 0);
            phases[phase] += 1;
        }
        if is_write(asked.method) && choice.gate.is_none() && choice.answer.commits() {
            let times = state.operations.entry(asked.operation.to_owned()).or_insert(0);
            *times += 1;
            match (asked.operation.is_empty(), keyed, *times) {
                (true, ..) | (.., 1) => state.totals.commits += 1,
                (false, true, _) => state.totals.replays += 1,
                (false, false, _) => {
                    state.totals.commits += 1;
                    state.totals.duplicates += 1;
                }
            }
        }
        *state.totals.statuses.entry(choice.answer.status).or_insert(0) += 1;
        if let Some(fault) = choice.answer.fault {
            *state.totals.faults.entry(fault.name().to_owned()).or_insert(0) += 1;
        }
        if let Some(entry) = self.slot.and_then(|slot| state.log.get_mut(slot)) {
            entry.phase = choice.phase;
            entry.op = asked.operation.to_owned();
            entry.answer = label(choice.answer.status, choice.answer.fault, choice.gate);
        }
        choice
    }

    /// The answer went out as the script wanted it.
    pub fn whole(mut self) {
        self.whole = true;
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut state = self.run.state();
        state.now_in_flight = state.now_in_flight.saturating_sub(1);
        if !self.whole {
            state.totals.gone += 1;
            if let Some(entry) = self.slot.and_then(|slot| state.log.get_mut(slot)) {
                entry.gone = true;
            }
        }
    }
}

fn label(status: u16, fault: Option<Fault>, gate: Option<&str>) -> String {
    let extra = fault.map(Fault::name).or(gate);
    extra.map_or_else(|| status.to_string(), |extra| format!("{status} {extra}"))
}

pub fn is_write(method: &str) -> bool {
    matches!(method, "POST" | "PUT" | "PATCH" | "DELETE")
}

/// The `op` of a JSON body, or "".
pub fn operation_of(body: &[u8]) -> String {
    match serde_json::from_slice::<Value>(body).ok().and_then(|value| value.get("op").cloned()) {
        Some(Value::String(text)) => text,
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}
