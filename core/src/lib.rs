//! Decides retries, backoff, breaker state, rate limits and deadlines for HTTP calls; performs no I/O.
#![no_std]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod config;
pub mod defaults;
pub mod engine;
pub mod failure;
pub mod headers;
pub mod step;

pub use engine::{Engine, brief};
pub use failure::{Fault, Misuse, Outcome, Reason};
pub use step::{Answer, Flags, Step};
