//! One small pure struct a policy: `(now, input) → decision`. They never call each other; `admit` and `settle` do.

pub mod auth;
pub mod backoff;
pub mod breaker;
pub mod budget;
pub mod classify;
pub mod deadline;
pub mod limiter;
pub mod window;

#[cfg(test)]
mod models;
