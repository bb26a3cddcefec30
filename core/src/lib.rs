//! Decides retries, backoff, breaker state, rate limits and deadlines for HTTP calls; performs no I/O.
#![no_std]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod admit;
mod call;
pub mod config;
pub mod defaults;
mod engine;
mod failure;
pub mod headers;
mod observe;
mod policy;
mod rng;
mod settle;
mod slab;
mod step;
mod upstream;

pub use call::{EDGES, Node};
pub use engine::Engine;
pub use failure::{Fault, Misuse, Outcome, Reason};
pub use observe::event::Kind;
pub use observe::explain::brief;
pub use step::{Answer, Flags, MAX_ARG, NO_TIME, Step};
