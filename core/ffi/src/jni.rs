//! The integer functions of [`per_call`](crate::per_call) under the names by which a JVM finds the native methods of
//! `dev.unruffled.core.Crossings` by itself: such a crossing costs some 20 ns where one through JNA costs 110 to 160. Nothing of
//! the JVM is needed but its calling convention.
// The exported names are the interface.
#![allow(missing_docs, non_snake_case)]

use crate::per_call as abi;
use std::ffi::c_void;

/// The environment and the class that a JVM hands to every native method: never looked at.
type Unused = *const c_void;

#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_unruffled_core_Crossings_unruffled_1begin(
    _: Unused,
    _: Unused,
    engine: u64,
    call: u32,
    now: u64,
    route: u32,
    scope: u32,
    what: u32,
    deadline: u64,
) -> u64 {
    abi::unruffled_begin(engine, call, now, route, scope, what, deadline)
}

#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_unruffled_core_Crossings_unruffled_1respond(
    _: Unused,
    _: Unused,
    engine: u64,
    call: u32,
    now: u64,
    status: u32,
) -> u64 {
    abi::unruffled_respond(engine, call, now, status)
}

#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_unruffled_core_Crossings_unruffled_1fault(
    _: Unused,
    _: Unused,
    engine: u64,
    call: u32,
    now: u64,
    fault: u32,
) -> u64 {
    abi::unruffled_fault(engine, call, now, fault)
}

#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_unruffled_core_Crossings_unruffled_1resume(
    _: Unused,
    _: Unused,
    engine: u64,
    call: u32,
    now: u64,
) -> u64 {
    abi::unruffled_resume(engine, call, now)
}

#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_unruffled_core_Crossings_unruffled_1abandon(
    _: Unused,
    _: Unused,
    engine: u64,
    call: u32,
    now: u64,
) -> u64 {
    abi::unruffled_abandon(engine, call, now)
}

#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_unruffled_core_Crossings_unruffled_1token(
    _: Unused,
    _: Unused,
    engine: u64,
    now: u64,
    generation: u64,
    expires_in: u64,
) -> u64 {
    abi::unruffled_token(engine, now, generation, expires_in)
}

#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_unruffled_core_Crossings_unruffled_1token_1failed(
    _: Unused,
    _: Unused,
    engine: u64,
    now: u64,
    generation: u64,
    fault: u32,
    retry_after: u64,
) -> u64 {
    abi::unruffled_token_failed(engine, now, generation, fault, retry_after)
}

#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_unruffled_core_Crossings_unruffled_1renew(
    _: Unused,
    _: Unused,
    engine: u64,
    now: u64,
    scope: u32,
) -> u64 {
    abi::unruffled_renew(engine, now, scope)
}

#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_unruffled_core_Crossings_unruffled_1reset(
    _: Unused,
    _: Unused,
    engine: u64,
    now: u64,
    scope: u32,
) -> u64 {
    abi::unruffled_reset(engine, now, scope)
}

#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_unruffled_core_Crossings_unruffled_1online(
    _: Unused,
    _: Unused,
    engine: u64,
    now: u64,
) -> u64 {
    abi::unruffled_online(engine, now)
}

#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_unruffled_core_Crossings_unruffled_1free(
    _: Unused,
    _: Unused,
    engine: u64,
    now: u64,
    scope: u32,
) -> u64 {
    abi::unruffled_free(engine, now, scope)
}

#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_unruffled_core_Crossings_unruffled_1wake(_: Unused, _: Unused, engine: u64) -> u64 {
    abi::unruffled_wake(engine)
}

#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_unruffled_core_Crossings_unruffled_1close(
    _: Unused,
    _: Unused,
    engine: u64,
    now: u64,
) -> u64 {
    abi::unruffled_close(engine, now)
}

#[unsafe(no_mangle)]
pub extern "system" fn Java_dev_unruffled_core_Crossings_unruffled_1release(_: Unused, _: Unused, engine: u64) -> u32 {
    abi::unruffled_release(engine)
}
