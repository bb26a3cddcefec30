//! The core for JavaScript, by `wasm-bindgen`: one class whose methods take numbers and return step words as numbers,
//! which are exact below 2^52. Times are whole milliseconds, 0 to 2^53.
//!
//! It is built without the standard library: that brings panic messages, which a script cannot read. A panic in the core
//! is a trap. The package marks an engine that trapped as dead and does not call it again.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![forbid(unsafe_code)]
extern crate alloc;

use alloc::string::String;
use unruffled_core::config::{Reading, issues_json};
use unruffled_core::{Answer, Misuse};
use wasm_bindgen::prelude::wasm_bindgen;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static HEAP: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());

#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Returns whether it is a whole number from 0 to 2^53. NaN, negatives, fractions and infinities are a host's mistake.
#[inline(never)]
fn whole(number: f64) -> bool {
    let cut = number as u64;
    cut as f64 == number && cut <= 1 << 53
}

fn word(valid: bool, input: impl FnOnce() -> Answer) -> f64 {
    let answer = if valid { input() } else { Misuse::Range.into() };
    answer.word() as f64
}

fn reading(lenient: bool) -> Reading {
    if lenient { Reading::Lenient } else { Reading::Strict }
}

/// Returns the issues of a policy that [`Engine::open`] rejected, as JSON.
#[wasm_bindgen]
pub fn issues(policy: &str, lenient: bool) -> String {
    unruffled_core::Engine::open(policy, reading(lenient)).err().map_or_else(String::new, |issues| issues_json(&issues))
}

/// Returns the report of a call that was answered at once, as JSON.
#[wasm_bindgen]
pub fn brief(status: u32, elapsed: f64) -> String {
    unruffled_core::brief(status, elapsed as u64)
}

/// Returns the header's text for an idempotency key of the caller; empty if it fits no header.
#[wasm_bindgen]
pub fn header_key(key: &str, quoted: bool) -> String {
    unruffled_core::header_key(key, quoted).unwrap_or_default()
}

/// The state of one client.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Engine(unruffled_core::Engine);

#[wasm_bindgen]
impl Engine {
    /// Opens an engine; `undefined` if the policy is rejected.
    pub fn open(policy: &str, lenient: bool) -> Option<Engine> {
        unruffled_core::Engine::open(policy, reading(lenient)).ok().map(Self)
    }

    /// Sets the base URL. Returns the issues as JSON, or an empty text.
    pub fn base(&mut self, url: &str) -> String {
        self.0.base(url).err().map_or_else(String::new, |issue| issues_json(&[issue]))
    }

    pub fn seed(&mut self, seed: f64) {
        self.0.seed(seed as u64);
    }

    pub fn route(&mut self, target: &str) -> u32 {
        self.0.route(target)
    }

    pub fn scope(&mut self, origin: &str, credential: &str) -> u32 {
        self.0.scope(origin, credential)
    }

    pub fn begin(&mut self, call: u32, now: f64, route: u32, scope: u32, what: u32, deadline: f64) -> f64 {
        let valid = whole(now) && whole(deadline);
        word(valid, || self.0.begin(call, now as u64, route, scope, what, deadline as u64))
    }

    pub fn respond(&mut self, call: u32, now: f64, status: u32) -> f64 {
        word(whole(now), || self.0.respond(call, now as u64, status))
    }

    pub fn respond_with(&mut self, call: u32, now: f64, wall: f64, status: u32, hints: &[u8], body: &[u8]) -> f64 {
        let valid = whole(now) && whole(wall);
        word(valid, || self.0.respond_with(call, now as u64, wall as u64, status, hints, body))
    }

    pub fn fault(&mut self, call: u32, now: f64, fault: u32) -> f64 {
        word(whole(now), || self.0.fault(call, now as u64, fault))
    }

    pub fn resume(&mut self, call: u32, now: f64) -> f64 {
        word(whole(now), || self.0.resume(call, now as u64))
    }

    pub fn abandon(&mut self, call: u32, now: f64) -> f64 {
        word(whole(now), || self.0.abandon(call, now as u64))
    }

    pub fn token(&mut self, now: f64, generation: f64, expires_in: f64) -> f64 {
        let valid = whole(now) && whole(generation) && whole(expires_in);
        word(valid, || self.0.token(now as u64, generation as u64, expires_in as u64))
    }

    pub fn token_failed(&mut self, now: f64, generation: f64, fault: u32, retry_after: f64) -> f64 {
        let valid = whole(now) && whole(generation) && whole(retry_after);
        word(valid, || self.0.token_failed(now as u64, generation as u64, fault, retry_after as u64))
    }

    pub fn renew(&mut self, now: f64, scope: u32) -> f64 {
        word(whole(now), || self.0.renew(now as u64, scope))
    }

    pub fn reset(&mut self, now: f64, scope: u32) -> f64 {
        word(whole(now), || self.0.reset(now as u64, scope))
    }

    pub fn online(&mut self, now: f64) -> f64 {
        word(whole(now), || self.0.online(now as u64))
    }

    pub fn free_scope(&mut self, now: f64, scope: u32) -> f64 {
        word(whole(now), || self.0.free(now as u64, scope))
    }

    pub fn wake(&mut self) -> f64 {
        self.0.wake().word() as f64
    }

    pub fn close(&mut self, now: f64) -> f64 {
        word(whole(now), || self.0.close(now as u64))
    }

    pub fn settings(&mut self) -> String {
        self.0.settings()
    }

    pub fn subscribe(&mut self, kinds: u32) {
        self.0.subscribe(kinds);
    }

    pub fn events(&mut self) -> String {
        self.0.events()
    }

    pub fn report(&mut self, call: u32) -> String {
        self.0.report(call)
    }

    pub fn snapshot(&mut self, now: f64) -> String {
        self.0.snapshot(now as u64)
    }
}
