//! What is fuzzed: one module a target, each with `target(data)`, which panics when the core does, or when it differs from
//! an independent reader (`httpdate`, `sfv`, `serde_json`, `http`) or from a model that is too plain to be wrong.
//!
//! `cargo xtask fuzz` builds a libFuzzer program of each, replays `corpus/TARGET/` and goes on from there.

pub mod abi;
pub mod amount;
pub mod calendar;
pub mod date;
pub mod engine;
pub mod feed;
pub mod hints;
pub mod json;
pub mod oracle;
pub mod pointer;
pub mod policy;
pub mod route;
pub mod structured;
pub mod url;
pub mod word;

// The C ABI is compiled in from its own source, because the crate that it belongs to brings all of UniFFI.
#[path = "../../ffi/src/handles.rs"]
pub mod handles;
#[path = "../../ffi/src/per_call.rs"]
pub mod per_call;
