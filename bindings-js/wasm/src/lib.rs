//! The core for JavaScript: functions that take numbers and return words as numbers (exact below 2^52). Texts go in
//! through one buffer and come out through another: the script asks where with `input` and `output`. A trap (a panic
//! in the core) is caught by the one file of the package that calls this, and only that file calls: an engine is the
//! address that `open` gave, live until `release` and never used after a trap. Without the standard library, whose panic messages nobody could
//! read here.
#![cfg_attr(target_arch = "wasm32", no_std)]
extern crate alloc;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use unruffled_core::config::{Reading, issues_json};
use unruffled_core::{Answer, Engine, Misuse};

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static HEAP: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());

#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

struct Texts {
    input: Vec<u8>,
    output: String,
}

struct Only(UnsafeCell<Texts>);

// SAFETY: the module is built without threads.
unsafe impl Sync for Only {}

static TEXTS: Only = Only(UnsafeCell::new(Texts { input: Vec::new(), output: String::new() }));

fn texts() -> &'static mut Texts {
    // SAFETY: one thread; each function below asks once and is done with it when it returns.
    unsafe { &mut *TEXTS.0.get() }
}

/// Keeps a text for the script.
fn tell(text: String) {
    texts().output = text;
}

/// The text that the script wrote.
fn read(bytes: &[u8]) -> &str {
    // SAFETY: the script writes what TextEncoder made of a string.
    unsafe { str::from_utf8_unchecked(bytes) }
}

/// Whether it is a whole number from 0 to 2^53: NaN, negatives, fractions and infinities are a host's mistake.
#[inline(never)]
fn whole(number: f64) -> bool {
    let cut = number as u64;
    cut as f64 == number && cut <= 1 << 53
}

fn word(valid: bool, input: impl FnOnce() -> Answer) -> f64 {
    let answer = if valid { input() } else { Misuse::Range.into() };
    answer.word() as f64
}

/// Where a text of so many bytes goes.
#[unsafe(no_mangle)]
extern "C" fn input(length: usize) -> *mut u8 {
    let texts = texts();
    texts.input.resize(length, 0);
    texts.input.as_mut_ptr()
}

/// Where the last text is.
#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    texts().output.as_ptr()
}

/// The length of the last text.
#[unsafe(no_mangle)]
extern "C" fn length() -> usize {
    texts().output.len()
}

/// Opens an engine with the policy that was put in; null when it is rejected, the last text is then the issues as JSON.
#[unsafe(no_mangle)]
extern "C" fn open(lenient: bool) -> Option<Box<Engine>> {
    let reading = if lenient { Reading::Lenient } else { Reading::Strict };
    let opened = Engine::open(read(&texts().input), reading);
    opened.map(Box::new).map_err(|issues| tell(issues_json(&issues))).ok()
}

#[unsafe(no_mangle)]
extern "C" fn release(_: Box<Engine>) {}

/// The report of a call that was answered at once, as JSON.
#[unsafe(no_mangle)]
extern "C" fn brief(status: u32, elapsed: f64) {
    tell(unruffled_core::brief(status, elapsed as u64));
}

/// The header's text for the idempotency key that was put in; empty = it fits no header.
#[unsafe(no_mangle)]
extern "C" fn header_key(quoted: bool) {
    tell(unruffled_core::header_key(read(&texts().input), quoted).unwrap_or_default());
}

/// Puts in the base URL; the issues as JSON, or an empty text.
#[unsafe(no_mangle)]
extern "C" fn base(engine: &mut Engine) {
    tell(engine.base(read(&texts().input)).err().map_or_else(String::new, |issue| issues_json(&[issue])));
}

#[unsafe(no_mangle)]
extern "C" fn seed(engine: &mut Engine, seed: f64) {
    engine.seed(seed as u64);
}

#[unsafe(no_mangle)]
extern "C" fn route(engine: &mut Engine) -> u32 {
    engine.route(read(&texts().input))
}

/// The text is the origin, so many bytes, and then the credential.
#[unsafe(no_mangle)]
extern "C" fn scope(engine: &mut Engine, origin: usize) -> u32 {
    let (origin, credential) = texts().input.split_at(origin);
    engine.scope(read(origin), read(credential))
}

#[unsafe(no_mangle)]
extern "C" fn begin(engine: &mut Engine, call: u32, now: f64, route: u32, scope: u32, what: u32, deadline: f64) -> f64 {
    let valid = whole(now) && whole(deadline);
    word(valid, || engine.begin(call, now as u64, route, scope, what, deadline as u64))
}

#[unsafe(no_mangle)]
extern "C" fn respond(engine: &mut Engine, call: u32, now: f64, status: u32) -> f64 {
    word(whole(now), || engine.respond(call, now as u64, status))
}

/// The text is the hints, so many bytes, and then the body.
#[unsafe(no_mangle)]
extern "C" fn respond_with(engine: &mut Engine, call: u32, now: f64, wall: f64, status: u32, hints: usize) -> f64 {
    let (hints, body) = texts().input.split_at(hints);
    let valid = whole(now) && whole(wall);
    word(valid, || engine.respond_with(call, now as u64, wall as u64, status, hints, body))
}

#[unsafe(no_mangle)]
extern "C" fn fault(engine: &mut Engine, call: u32, now: f64, fault: u32) -> f64 {
    word(whole(now), || engine.fault(call, now as u64, fault))
}

#[unsafe(no_mangle)]
extern "C" fn resume(engine: &mut Engine, call: u32, now: f64) -> f64 {
    word(whole(now), || engine.resume(call, now as u64))
}

#[unsafe(no_mangle)]
extern "C" fn abandon(engine: &mut Engine, call: u32, now: f64) -> f64 {
    word(whole(now), || engine.abandon(call, now as u64))
}

#[unsafe(no_mangle)]
extern "C" fn token(engine: &mut Engine, now: f64, generation: f64, expires_in: f64) -> f64 {
    let valid = whole(now) && whole(generation) && whole(expires_in);
    word(valid, || engine.token(now as u64, generation as u64, expires_in as u64))
}

#[unsafe(no_mangle)]
extern "C" fn token_failed(engine: &mut Engine, now: f64, generation: f64, fault: u32) -> f64 {
    let valid = whole(now) && whole(generation);
    word(valid, || engine.token_failed(now as u64, generation as u64, fault))
}

#[unsafe(no_mangle)]
extern "C" fn online(engine: &mut Engine, now: f64) -> f64 {
    word(whole(now), || engine.online(now as u64))
}

#[unsafe(no_mangle)]
extern "C" fn free(engine: &mut Engine, now: f64, scope: u32) -> f64 {
    word(whole(now), || engine.free(now as u64, scope))
}

#[unsafe(no_mangle)]
extern "C" fn wake(engine: &mut Engine) -> f64 {
    engine.wake().word() as f64
}

#[unsafe(no_mangle)]
extern "C" fn close(engine: &mut Engine, now: f64) -> f64 {
    word(whole(now), || engine.close(now as u64))
}

#[unsafe(no_mangle)]
extern "C" fn settings(engine: &mut Engine) {
    tell(engine.settings());
}

#[unsafe(no_mangle)]
extern "C" fn subscribe(engine: &mut Engine, kinds: u32) {
    engine.subscribe(kinds);
}

#[unsafe(no_mangle)]
extern "C" fn events(engine: &mut Engine) {
    tell(engine.events());
}

#[unsafe(no_mangle)]
extern "C" fn report(engine: &mut Engine, call: u32) {
    tell(engine.report(call));
}

#[unsafe(no_mangle)]
extern "C" fn snapshot(engine: &mut Engine, now: f64) {
    tell(engine.snapshot(now as u64));
}
