//! What a client's policy is to the simulation: it is told what happened and says what to do next.

use super::server::{Gauge, What};

/// What the host does next for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Send {
        /// 0 = for ever.
        timeout: u64,
    },
    /// Do nothing so long, then ask again; a wake may come earlier.
    Wait(u64),
    /// The call is over.
    End { ok: bool },
}

/// What became of an attempt, as the client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Came {
    /// `What::Silent` = the attempt's time is up.
    pub what: What,
    pub gauge: Option<Gauge>,
    /// Seconds, and how far the server's clock is ahead if it is written as a date.
    pub retry_after: Option<(u64, Option<i64>)>,
}

impl Came {
    /// Whether a caller is content with it.
    #[must_use]
    pub fn ok(&self) -> bool {
        matches!(self.what, What::Status(status) if status < 400)
    }
}

/// A client.
pub trait Policy {
    /// A call begins.
    fn begin(&mut self, call: u32, now: u64) -> Next;
    /// An attempt ended.
    fn came(&mut self, call: u32, now: u64, came: &Came) -> Next;
    /// A wait is over, or a wake named the call.
    fn resume(&mut self, call: u32, now: u64) -> Next;
    /// The next call that may go earlier than it was told.
    fn wake(&mut self) -> Option<u32> {
        None
    }
    /// What went on inside, for a reader of a single run.
    fn state(&mut self, _now: u64) -> String {
        String::new()
    }
}
