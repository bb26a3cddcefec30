//! What a client is to the simulation: it receives what happened and says what to do next.

use super::answer::Answer;
use super::call::Call;
use unruffled_core::Reason;

/// What the host does next for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Send {
        /// Milliseconds that the attempt may take.
        timeout: u64,
    },
    /// Do nothing for so many milliseconds, then resume; a wake may come earlier.
    Wait { delay: u64 },
    /// Hand the latest answer to the caller.
    Deliver,
    /// End the call with a failure.
    Fail { reason: Reason },
}

/// A client.
pub trait Client {
    /// Begins a call.
    fn begin(&mut self, call: &Call, now: u64) -> Next;
    /// Receives how an attempt ended. `wall`: Unix milliseconds on the host's clock.
    fn ended(&mut self, call: &Call, now: u64, wall: u64, answer: &Answer) -> Next;
    /// Continues after a wait or a wake.
    fn resume(&mut self, call: &Call, now: u64) -> Next;
    /// Receives that the platform is online again.
    fn online(&mut self, now: u64);
    /// Names the next call that may go earlier than planned.
    fn wake(&mut self) -> Option<u32>;
}
