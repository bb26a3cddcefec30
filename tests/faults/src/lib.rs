//! The loopback fault server of the tests and the demo.
//!
//! A run is one client under one script: the script says what each request gets (`script`, `node`, `bucket`, `pool`), the
//! server does it to the client (`play`, `answer`, `body`, `connection`) and keeps what it saw (`run`). Scenarios are
//! read by `scenario` and `library`, and judged by `judge`. It knows nothing of clients: tests/README.md is all they share.

mod answer;
mod body;
mod bucket;
mod connection;
mod control;
mod dates;
mod gauge;
pub mod judge;
pub mod library;
mod meter;
mod node;
mod play;
mod pool;
mod run;
pub mod scenario;
pub mod script;
mod sdk;
mod server;
mod statics;

pub use run::{Entry, Log, Totals};
pub use server::{Options, Server, start};
