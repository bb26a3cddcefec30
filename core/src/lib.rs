//! Decides retries, backoff, breaker state, rate limits, deadlines and token refreshes for HTTP calls to other people's
//! web APIs; performs no I/O, keeps no clock and takes no lock. The host does, the core decides.
//!
//! # The run loop
//!
//! 1. Open an [`Engine`] for a policy, [`Engine::seed`] it once from a good source of randomness.
//! 2. Choose a number for the call and [`Engine::begin`] it. The answer is a [`Step`] with [`Flags`].
//! 3. [`Step::Send`]: make the request, within `timeout` milliseconds. Then tell what came of it:
//!    [`Engine::respond`] with the status ([`Engine::respond_with`] when a watched header is present),
//!    or [`Engine::fault`] when there was no answer. The answer is the next step.
//! 4. [`Step::Wait`]: close the response, do nothing for so long, then [`Engine::resume`].
//! 5. [`Step::Park`]: do the same, but wake as soon as a later answer with [`Flags::WAKES`] names the call: on that flag
//!    pull [`Engine::wake`] until it says 0.
//! 6. [`Step::Refresh`]: fetch a credential, tell it with [`Engine::token`] or [`Engine::token_failed`], then resume.
//! 7. [`Step::Deliver`]: hand the answer over. [`Step::Fail`]: raise, with [`Engine::report`] for the details.
//! 8. A caller that cancels, wherever the call is: [`Engine::abandon`]. Every begun call ends in exactly one of
//!    `Deliver`, `Fail` or `abandon`.
//!
//! Times are milliseconds on one monotonic clock that the host reads and gives with every input; a call that succeeds
//! at once costs two inputs and no allocation.
//!
//! ```
//! use unruffled_core::{config::Reading, Engine, Step};
//!
//! let mut engine = Engine::open(r#"{"retry": {"jitter": "none"}}"#, Reading::Strict).expect("a valid policy");
//! engine.seed(1);
//! let get = 0 | 1 << 4; // method GET, a body (none) that can be sent again
//! assert_eq!(engine.begin(7, 0, 0, 0, get, 0).step(), Step::Send { timeout: 10_000 });
//! // 35 ms later the server answers 503: the call waits 200 ms and sends again.
//! assert_eq!(engine.respond(7, 35, 503).step(), Step::Wait { delay: 200 });
//! assert_eq!(engine.resume(7, 235).step(), Step::Send { timeout: 10_000 });
//! assert!(matches!(engine.respond(7, 260, 200).step(), Step::Deliver { .. }));
//! assert!(engine.report(7).contains("2 attempts, 260 ms, last 200: delivered"));
//! ```
//!
//! # Where things are
//!
//! `engine` takes the inputs: `admit` decides whether a call may send now, `settle` what follows when an attempt ended,
//! `queues` and `finish` move calls, `reports` answers questions. `state` holds calls and what calls to one origin share.
//! `policy` has one small pure struct a policy, `headers` one standard a file, `config` the policy file, `observe` the
//! forms of events, records and snapshots. Every number is in [`defaults`].
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[macro_use]
#[cfg(not(feature = "sweep"))]
mod tuning;
#[macro_use]
#[cfg(feature = "sweep")]
pub mod tuning;

pub mod config;
pub mod defaults;
mod engine;
mod failure;
pub mod headers;
mod observe;
mod policy;
mod rng;
mod state;
mod step;

#[cfg(feature = "coverage")]
pub use engine::inspect::{Standing, drawn_backoff};
pub use engine::{Engine, REDIRECTED};
pub use failure::{Cause, Fault, Misuse, Outcome, Reason};
pub use headers::header_key;
pub use observe::event::Kind;
pub use observe::explain::brief;
pub use state::call::{EDGES, Node};
pub use step::{Answer, Flags, MAX_ARG, NO_TIME, Step};
