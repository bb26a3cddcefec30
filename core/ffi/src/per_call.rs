//! The C ABI for everything that runs per call: integers in, one word out. Reached by `ctypes.PyDLL` and by JNA direct
//! mapping. Any integer is legal input; a bad one yields a `Misuse` word.
// The exported names are the interface.
#![allow(missing_docs)]

use crate::handles::{self, word};
use std::slice;

/// # Safety
/// `bytes` points to `len` readable bytes, or is null.
unsafe fn view<'a>(bytes: *const u8, len: u32) -> &'a [u8] {
    if bytes.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: as this function asks.
    unsafe { slice::from_raw_parts(bytes, len as usize) }
}

#[unsafe(no_mangle)]
pub extern "C" fn unruffled_begin(
    engine: u64,
    call: u32,
    now: u64,
    route: u32,
    scope: u32,
    what: u32,
    deadline: u64,
) -> u64 {
    word(engine, |engine| engine.begin(call, now, route, scope, what, deadline))
}

/// What `unruffled_begin` takes as `route` for `METHOD /template` or `METHOD https://…` in UTF-8; 0 for what is neither.
/// Once for each text, but a drop-in's URLs may all be new.
///
/// # Safety
/// `target` points to as many readable bytes as its length says, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unruffled_route(engine: u64, target: *const u8, target_len: u32) -> u32 {
    // SAFETY: as this function asks.
    let target = unsafe { view(target, target_len) };
    let Ok(target) = core::str::from_utf8(target) else { return 0 };
    handles::with(engine, |engine| engine.route(target)).unwrap_or(0)
}

#[unsafe(no_mangle)]
pub extern "C" fn unruffled_respond(engine: u64, call: u32, now: u64, status: u32) -> u64 {
    word(engine, |engine| engine.respond(call, now, status))
}

/// # Safety
/// `hints` and `body` point to as many readable bytes as their lengths say, or are null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unruffled_respond_with(
    engine: u64,
    call: u32,
    now: u64,
    wall: u64,
    status: u32,
    hints: *const u8,
    hints_len: u32,
    body: *const u8,
    body_len: u32,
) -> u64 {
    // SAFETY: as this function asks.
    let (hints, body) = unsafe { (view(hints, hints_len), view(body, body_len)) };
    word(engine, |engine| engine.respond_with(call, now, wall, status, hints, body))
}

#[unsafe(no_mangle)]
pub extern "C" fn unruffled_fault(engine: u64, call: u32, now: u64, fault: u32) -> u64 {
    word(engine, |engine| engine.fault(call, now, fault))
}

#[unsafe(no_mangle)]
pub extern "C" fn unruffled_resume(engine: u64, call: u32, now: u64) -> u64 {
    word(engine, |engine| engine.resume(call, now))
}

#[unsafe(no_mangle)]
pub extern "C" fn unruffled_abandon(engine: u64, call: u32, now: u64) -> u64 {
    word(engine, |engine| engine.abandon(call, now))
}

#[unsafe(no_mangle)]
pub extern "C" fn unruffled_token(engine: u64, now: u64, generation: u64, expires_in: u64) -> u64 {
    word(engine, |engine| engine.token(now, generation, expires_in))
}

#[unsafe(no_mangle)]
pub extern "C" fn unruffled_token_failed(engine: u64, now: u64, generation: u64, fault: u32, retry_after: u64) -> u64 {
    word(engine, |engine| engine.token_failed(now, generation, fault, retry_after))
}

#[unsafe(no_mangle)]
pub extern "C" fn unruffled_renew(engine: u64, now: u64, scope: u32) -> u64 {
    word(engine, |engine| engine.renew(now, scope))
}

#[unsafe(no_mangle)]
pub extern "C" fn unruffled_reset(engine: u64, now: u64, scope: u32) -> u64 {
    word(engine, |engine| engine.reset(now, scope))
}

#[unsafe(no_mangle)]
pub extern "C" fn unruffled_online(engine: u64, now: u64) -> u64 {
    word(engine, |engine| engine.online(now))
}

#[unsafe(no_mangle)]
pub extern "C" fn unruffled_free(engine: u64, now: u64, scope: u32) -> u64 {
    word(engine, |engine| engine.free(now, scope))
}

#[unsafe(no_mangle)]
pub extern "C" fn unruffled_wake(engine: u64) -> u64 {
    word(engine, unruffled_core::Engine::wake)
}

#[unsafe(no_mangle)]
pub extern "C" fn unruffled_close(engine: u64, now: u64) -> u64 {
    word(engine, |engine| engine.close(now))
}

#[unsafe(no_mangle)]
pub extern "C" fn unruffled_release(engine: u64) -> u32 {
    u32::from(handles::release(engine))
}

/// A forked child calls this before anything else: the parent's handles become unknown to it.
#[unsafe(no_mangle)]
pub extern "C" fn unruffled_forked() {
    handles::forked();
}
