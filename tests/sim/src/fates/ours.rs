//! The real core as a client: the order of inputs of the drivers.

use super::answer::{Answer, Came};
use super::call::Call;
use super::client::{Client, Next};
use super::world::{Method, World};
use std::fmt::Write;
use unruffled_core::config::Config;
use unruffled_core::{Answer as Word, Engine, Flags, Step};

/// Traits of a call, as `tests/codes.json` numbers them.
const REPEATABLE: u32 = 1;
const KEYED: u32 = 1 << 1;
const STREAMED: u32 = 1 << 2;
const DROP_IN: u32 = 1 << 4;

/// Origin of the API, where the calls come from somebody else's client.
const ORIGIN: &str = "https://api.example";

/// One engine and its host.
#[derive(Debug)]
pub struct Ours {
    engine: Engine,
    drop_in: bool,
    scope: u32,
    /// Milliseconds that the host itself gives an attempt, where the engine sets no limit.
    own_limit: u64,
    has_wakes: bool,
    /// The target of a call, then the header lines of an answer.
    text: String,
}

/// Returns the seed of a world's client.
#[must_use]
pub fn seed_of(world: &World, place: u64) -> u64 {
    world.seed + 1 + place * 1_000_003
}

impl Ours {
    /// Makes the clients of a world.
    #[must_use]
    pub fn all(world: &World, config: &Config) -> Vec<Self> {
        (0..u64::from(world.clients)).map(|place| Self::new(world, config, place)).collect()
    }

    fn new(world: &World, config: &Config, place: u64) -> Self {
        let mut engine = Engine::with(config.clone());
        engine.seed(seed_of(world, place));
        let scope = if world.drop_in { engine.scope(ORIGIN, "") } else { 0 };
        let own_limit = config.settings.timeouts.attempt;
        Self { engine, drop_in: world.drop_in, scope, own_limit, has_wakes: false, text: String::new() }
    }

    /// Returns the record of a call as JSON.
    pub fn report(&mut self, call: u32) -> String {
        self.engine.report(call)
    }

    fn next(&mut self, call: &Call, now: u64, word: Word) -> Next {
        self.has_wakes |= word.flags().has(Flags::WAKES);
        match word.step() {
            Step::Send { timeout: 0 } => Next::Send { timeout: self.own_limit },
            Step::Send { timeout } => Next::Send { timeout },
            Step::Wait { delay } | Step::Park { at_most: delay } => Next::Wait { delay },
            Step::Deliver { .. } => Next::Deliver,
            Step::Fail { reason, .. } => Next::Fail { reason },
            other @ (Step::Refresh { .. } | Step::Misuse(_) | Step::Done { .. }) => {
                panic!("call {} at {now}: {other:?}", call.id)
            }
        }
    }

    /// Asks for the route of a call, as verbs and drop-ins do.
    fn route(&mut self, call: &Call) -> u32 {
        let (method, endpoint) = (call.method.name(), call.endpoint);
        self.text.clear();
        let _ = if self.drop_in {
            write!(self.text, "{method} {ORIGIN}/e{endpoint}/{}", call.id)
        } else {
            write!(self.text, "{method} /e{endpoint}/{{id}}")
        };
        self.engine.route(&self.text)
    }
}

/// Returns what `begin` needs to know of a call.
fn what(call: &Call, drop_in: bool) -> u32 {
    let method = match call.method {
        Method::Get => 0,
        Method::Put => 4,
        Method::Post | Method::KeyedPost => 7,
    };
    let mut traits = REPEATABLE;
    for (bit, set) in [(KEYED, call.method == Method::KeyedPost), (STREAMED, call.streamed), (DROP_IN, drop_in)] {
        traits |= if set { bit } else { 0 };
    }
    method | traits << 4 | call.upload << 16
}

impl Client for Ours {
    fn begin(&mut self, call: &Call, now: u64) -> Next {
        let route = self.route(call);
        let deadline = if call.deadline == 0 { 0 } else { now + call.deadline };
        let word = self.engine.begin(call.id, now, route, self.scope, what(call, self.drop_in), deadline);
        self.next(call, now, word)
    }

    fn ended(&mut self, call: &Call, now: u64, wall: u64, answer: &Answer) -> Next {
        let word = match answer.came {
            Came::Fault(fault) => self.engine.fault(call.id, now, fault as u32),
            Came::Status(status) if answer.headers.is_empty() => self.engine.respond(call.id, now, status.into()),
            Came::Status(status) => {
                answer.headers.write(&mut self.text);
                self.engine.respond_with(call.id, now, wall, status.into(), self.text.as_bytes(), b"")
            }
        };
        self.next(call, now, word)
    }

    fn resume(&mut self, call: &Call, now: u64) -> Next {
        let word = self.engine.resume(call.id, now);
        self.next(call, now, word)
    }

    fn online(&mut self, now: u64) {
        self.has_wakes |= self.engine.online(now).flags().has(Flags::WAKES);
    }

    fn wake(&mut self) -> Option<u32> {
        if !self.has_wakes {
            return None;
        }
        let Step::Done { arg } = self.engine.wake().step() else { return None };
        self.has_wakes = arg != 0;
        u32::try_from(arg.checked_sub(1)?).ok()
    }
}
