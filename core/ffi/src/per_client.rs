//! What is asked once per client or after a failure, as synchronous UniFFI functions over the same handles. Text that
//! comes back is JSON written by the core. An unknown or dead engine gives `{"misuse":"unknown"}` (or `"dead"`).

use crate::handles::{self, with};
use unruffled_core::config::Reading;
use unruffled_core::{Engine, Misuse};

/// A policy that the core rejects.
#[derive(Debug, uniffi::Error)]
pub enum PolicyError {
    /// `issues`: `[{"path":…,"text":…,"line":…,"column":…}]`
    Invalid { issues: String },
}

impl std::fmt::Display for PolicyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Invalid { issues } = self;
        f.write_str(issues)
    }
}

impl std::error::Error for PolicyError {}

fn refused(misuse: Misuse) -> String {
    format!("{{\"misuse\":\"{}\"}}", misuse.text())
}

/// Checks a policy and opens an engine for it; `lenient`: unknown keys become warnings.
#[uniffi::export]
pub fn open(policy: &str, lenient: bool) -> Result<u64, PolicyError> {
    let reading = if lenient { Reading::Lenient } else { Reading::Strict };
    let opened = std::panic::catch_unwind(|| Engine::open(policy, reading));
    match opened {
        Ok(Ok(engine)) => Ok(handles::insert(engine)),
        Ok(Err(issues)) => Err(PolicyError::Invalid { issues: unruffled_core::config::issues_json(&issues) }),
        Err(_) => Err(PolicyError::Invalid { issues: "[]".into() }),
    }
}

/// Sets the base URL that the policy leaves to the host. Empty = taken, else the issue as JSON.
#[uniffi::export]
pub fn base(engine: u64, url: &str) -> String {
    match with(engine, |engine| engine.base(url)) {
        Ok(Ok(())) => String::new(),
        Ok(Err(issue)) => unruffled_core::config::issues_json(&[issue]),
        Err(misuse) => refused(misuse),
    }
}

/// Seeds the engine's random draws; before the first begin.
#[uniffi::export]
pub fn seed(engine: u64, value: u64) {
    let _ = with(engine, |engine| engine.seed(value));
}

/// What `unruffled_begin` takes as `route` for `METHOD /template/{id}` or `METHOD https://…`: the route's number in the low 16
/// bits, and where there is none the endpoint's in the 16 above them.
#[uniffi::export]
pub fn route(engine: u64, target: &str) -> u32 {
    with(engine, |engine| engine.route(target)).unwrap_or(0)
}

/// The number of the scope for an origin and a credential's name; empty = the policy's own.
#[uniffi::export]
pub fn scope(engine: u64, origin: &str, credential: &str) -> u32 {
    with(engine, |engine| engine.scope(origin, credential)).unwrap_or(0)
}

/// What the host needs of the policy, as JSON.
#[uniffi::export]
pub fn settings(engine: u64) -> String {
    with(engine, |engine| engine.settings()).unwrap_or_else(refused)
}

/// Which kinds of events are recorded: a bit set.
#[uniffi::export]
pub fn subscribe(engine: u64, kinds: u32) {
    let _ = with(engine, |engine| engine.subscribe(kinds));
}

/// The recorded events, oldest first, and how many were dropped since the last time, as JSON.
#[uniffi::export]
pub fn events(engine: u64) -> String {
    with(engine, Engine::events).unwrap_or_else(refused)
}

/// The record of an ended call, as JSON; frees it.
#[uniffi::export]
pub fn report(engine: u64, call: u32) -> String {
    with(engine, |engine| engine.report(call)).unwrap_or_else(refused)
}

/// The same for a call that was answered at once and kept no record.
#[uniffi::export]
pub fn brief(status: u32, elapsed: u64) -> String {
    unruffled_core::brief(status, elapsed)
}

/// The header's text for an idempotency key that a caller gave, `quoted` as the policy's format says; empty = it fits no header.
#[uniffi::export]
pub fn header_key(text: &str, quoted: bool) -> String {
    unruffled_core::header_key(text, quoted).unwrap_or_default()
}

/// Breaker, budget, limiter and lines at this moment, as JSON.
#[uniffi::export]
pub fn snapshot(engine: u64, now: u64) -> String {
    with(engine, |engine| engine.snapshot(now)).unwrap_or_else(refused)
}
