//! What the core reports: events as they happen, the explanation of one call, a snapshot of the whole.

pub mod event;
pub mod explain;
pub mod message;
pub mod stats;
