//! Placeholder engine: the real one follows in the next commits.
use crate::config::{Config, Issue, Reading, read};
use crate::failure::{Misuse, Outcome, Reason};
use crate::step::{Answer, Flags, NO_TIME, Step};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// All state of one client.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    calls: BTreeMap<u32, u32>,
    closed: bool,
}

impl Engine {
    /// Checks the policy.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(policy: &str, reading: Reading) -> Result<Self, Vec<Issue>> {
        Ok(Self { config: read(policy, reading)?, calls: BTreeMap::new(), closed: false })
    }
    pub fn base(&mut self, _url: &str) -> Result<(), Issue> { Ok(()) }
    pub fn seed(&mut self, _seed: u64) {}
    pub fn route(&mut self, _target: &str) -> u32 { 0 }
    pub fn scope(&mut self, _origin: &str, _credential: &str) -> u32 { 0 }
    pub fn begin(&mut self, call: u32, _now: u64, _route: u32, _scope: u32, _what: u32, _deadline: u64) -> Answer {
        if self.calls.contains_key(&call) { return Misuse::Live.into(); }
        self.calls.insert(call, 1);
        Step::Send { timeout: self.config.settings.timeouts.attempt }.into()
    }
    pub fn respond(&mut self, call: u32, _now: u64, status: u32) -> Answer {
        let Some(n) = self.calls.get_mut(&call) else { return Misuse::Unknown.into() };
        if status < 500 { self.calls.remove(&call); return Step::Deliver { outcome: Outcome::NotSent }.into(); }
        *n = n.saturating_add(1);
        if *n > 4 {
            return Answer::new(Step::Fail { retry_after: NO_TIME, outcome: Outcome::Rejected, reason: Reason::RetriesExhausted }, Flags::RESPONSE.with(Flags::REPORT));
        }
        Step::Wait { delay: 200 }.into()
    }
    pub fn respond_with(&mut self, call: u32, now: u64, _wall: u64, status: u32, _hints: &[u8], _body: &[u8]) -> Answer {
        self.respond(call, now, status)
    }
    pub fn fault(&mut self, call: u32, now: u64, _fault: u32) -> Answer {
        let mut answer = self.respond(call, now, 503);
        if let Step::Fail { .. } = answer.step { answer.flags = Flags::REPORT; }
        answer
    }
    pub fn resume(&mut self, call: u32, _now: u64) -> Answer {
        if !self.calls.contains_key(&call) { return Misuse::Unknown.into(); }
        Step::Send { timeout: self.config.settings.timeouts.attempt }.into()
    }
    pub fn abandon(&mut self, call: u32, _now: u64) -> Answer {
        if self.calls.remove(&call).is_none() { return Misuse::Unknown.into(); }
        Step::Done { arg: 0 }.into()
    }
    pub fn token(&mut self, _now: u64, _generation: u64, _expires_in: u64) -> Answer { Misuse::Generation.into() }
    pub fn token_failed(&mut self, _now: u64, _generation: u64, _fault: u32) -> Answer { Misuse::Generation.into() }
    pub fn online(&mut self, _now: u64) -> Answer { Step::Done { arg: 0 }.into() }
    pub fn wake(&mut self) -> Answer { Step::Done { arg: 0 }.into() }
    pub fn close(&mut self, _now: u64) -> Answer { self.closed = true; Step::Done { arg: 0 }.into() }
    pub fn settings(&self) -> String { SETTINGS.to_string() }
    pub fn subscribe(&mut self, _kinds: u32) {}
    pub fn events(&mut self) -> String { "{\"dropped\":0,\"events\":[]}".to_string() }
    pub fn report(&mut self, call: u32) -> String {
        self.calls.remove(&call);
        brief(503, 7)
    }
    pub fn snapshot(&mut self, _now: u64) -> String { "{}".to_string() }
}

/// The report of a call that was answered at once.
#[must_use]
pub fn brief(status: u32, elapsed: u64) -> String {
    format!("{{\"attempts\":1,\"elapsed\":{elapsed},\"outcome\":\"rejected\",\"reason\":null,\"status\":{status},\"fault\":null,\"retryAfterMs\":null,\"advice\":\"\",\"entries\":[],\"dropped\":0,\"text\":\"1 attempt\"}}")
}

const SETTINGS: &str = r#"{"name":"","baseUrl":null,"concurrency":100,"routes":[{"connect":3000,"idle":10000,"maxBody":8388608,"bufferUpTo":262144,"headers":{},"query":{},"userAgent":null,"requestId":null,"correlationId":null,"version":null,"idempotency":null,"bodyStatuses":[]}],"watchSuccess":["ratelimit","x-ratelimit-remaining"],"watchError":["retry-after-ms","retry-after","date","x-should-retry","stripe-should-retry","ratelimit","ratelimit-policy","x-ratelimit-limit","x-ratelimit-remaining","x-ratelimit-reset"],"warnings":[]}"#;
