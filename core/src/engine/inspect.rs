//! What a test may ask beside the public answers: where a call stands and what an engine holds. Feature `coverage` only;
//! nothing here changes anything.

use crate::engine::Engine;
use crate::rng::{self, Purpose};
use crate::state::call::{CallState, Node, QueueId};
use crate::state::upstream::Upstream;

/// Where a call is, and in which queue: an upstream's or credential's place, and a bucket's or breaker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing {
    pub node: Node,
    pub upstream: u32,
    pub place: u16,
}

/// What an engine draws for the backoff before retry `k` of its call number `ordinal` (0 = the first that began), from
/// `[0, most]`: with it a plain retry loop can wait exactly as long.
#[must_use]
pub fn drawn_backoff(seed: u64, ordinal: u64, k: u32, most: u64) -> u64 {
    rng::draw(seed, ordinal, k, Purpose::Backoff, most)
}

impl Engine {
    /// Where a live or retained call is.
    #[must_use]
    pub fn standing(&self, call: u32) -> Option<Standing> {
        let state = self.calls.at(self.calls.find(call)?).state;
        let (upstream, place) = match state {
            CallState::Queued(QueueId::Cap(upstream)) => (upstream, 0),
            CallState::Queued(QueueId::Bucket(upstream, bucket)) => (upstream, bucket),
            CallState::Queued(QueueId::Retry(upstream, breaker_queue)) => (upstream, breaker_queue),
            CallState::Queued(QueueId::Credential(credential_state)) => (credential_state, 0),
            _ => (0, 0),
        };
        Some(Standing { node: state.node(), upstream, place })
    }

    /// Tokens of an upstream's retry budget, in millionths, as of the last input.
    #[must_use]
    pub fn retry_tokens(&self, upstream: u32) -> u64 {
        self.seen(upstream).budget.tokens()
    }

    /// Slots of calls, free ones included: what the engine's memory grows with.
    #[must_use]
    pub fn places(&self) -> usize {
        self.calls.places() as usize
    }

    /// Calls that have a slot: live, or ended with a record that nobody pulled yet.
    #[must_use]
    pub fn held(&self) -> usize {
        self.calls.len()
    }

    /// When the cool-down of an open breaker ends: the one number of a breaker that is drawn.
    #[must_use]
    pub fn cool_until(&self, upstream: u32, breaker_queue: u16) -> Option<u64> {
        self.seen(upstream)
            .breaker_queues
            .get(usize::from(breaker_queue))
            .and_then(|breaker_queue| breaker_queue.breaker.as_ref()?.cool_until())
    }

    fn seen(&self, place: u32) -> &Upstream {
        let other = (place as usize).checked_sub(1).and_then(|place| self.others.get(place));
        other.unwrap_or(&self.home)
    }
}
