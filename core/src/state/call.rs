//! One logical call: its state, what it holds, and its inline timeline. Knows nothing of the policies.

use crate::failure::{Fault, Outcome, codes};
use crate::policy::breaker::Permit;
use crate::policy::deadline::Limits;
use crate::state::timeline::{Entry, EntryKind, Timeline, WaitReason};

/// Place of a call in the engine's slab.
pub type CallIndex = u32;

/// Place of the queue of routes without a breaker.
pub const NO_BREAKER: u16 = 0;
/// Place of the API's breaker.
pub const API: u16 = 1;

/// No place.
pub const NOWHERE: CallIndex = u32::MAX;

/// The queue that a waiting call is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueId {
    /// Attempts in flight, of an upstream.
    Cap(u32),
    /// A rate-limit bucket: upstream and place of its queue.
    Bucket(u32, u16),
    /// The retry queue of a breaker: upstream and place.
    Retry(u32, u16),
    /// Those who wait for a refresh.
    Credential(u32),
    Offline,
}

/// Where a call is. Every edge between two of these is taken by a vector (see [`Edge`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallState {
    /// Begun, nothing decided yet; never seen between two inputs.
    New,
    /// An attempt is under way.
    Flight,
    /// Between two attempts, in no queue, until then.
    Backoff { until: u64 },
    /// In exactly one queue.
    Queued(QueueId),
    /// Ended; its record waits for `report`.
    Retained,
    /// The slot is free.
    Gone,
}

codes! {
    /// A state without its data: the nodes of the transition graph.
    Node {
        New = 0 "new",
        Flight = 1 "flight",
        Backoff = 2 "backoff",
        Cap = 3 "cap",
        Bucket = 4 "bucket",
        Retry = 5 "retry",
        Credential = 6 "credential",
        Offline = 7 "offline",
        Retained = 8 "kept",
        Gone = 9 "gone",
    }
}

impl CallState {
    /// The node of this state.
    #[cfg(feature = "coverage")]
    #[must_use]
    pub const fn node(self) -> Node {
        match self {
            Self::New => Node::New,
            Self::Flight => Node::Flight,
            Self::Backoff { .. } => Node::Backoff,
            Self::Queued(QueueId::Cap(_)) => Node::Cap,
            Self::Queued(QueueId::Bucket(..)) => Node::Bucket,
            Self::Queued(QueueId::Retry(..)) => Node::Retry,
            Self::Queued(QueueId::Credential(_)) => Node::Credential,
            Self::Queued(QueueId::Offline) => Node::Offline,
            Self::Retained => Node::Retained,
            Self::Gone => Node::Gone,
        }
    }
}

/// A transition, and the set of all that a call can take. The set is the specification that the vectors are held
/// against: an edge outside it is a bug, an edge that no vector takes is a hole.
pub type Edge = (Node, Node);

/// Every legal transition.
pub const EDGES: &[Edge] = {
    use Node::{Backoff, Bucket, Cap, Credential, Flight, Gone, New, Offline, Retained, Retry};
    &[
        (New, Flight),
        (New, Cap),
        (New, Bucket),
        (New, Retry),
        (New, Credential),
        (New, Retained),
        (Flight, Flight),
        (Flight, Backoff),
        (Flight, Cap),
        (Flight, Bucket),
        (Flight, Retry),
        (Flight, Credential),
        (Flight, Offline),
        (Flight, Retained),
        (Flight, Gone),
        (Backoff, Flight),
        (Backoff, Cap),
        (Backoff, Bucket),
        (Backoff, Retry),
        (Backoff, Credential),
        (Backoff, Retained),
        (Backoff, Gone),
        (Cap, Flight),
        (Cap, Bucket),
        (Cap, Retry),
        (Cap, Credential),
        (Cap, Retained),
        (Cap, Gone),
        (Bucket, Flight),
        (Bucket, Bucket),
        (Bucket, Retry),
        (Bucket, Credential),
        (Bucket, Retained),
        (Bucket, Gone),
        (Retry, Flight),
        (Retry, Cap),
        (Retry, Bucket),
        (Retry, Credential),
        (Retry, Retained),
        (Retry, Gone),
        (Credential, Flight),
        (Credential, Cap),
        (Credential, Bucket),
        (Credential, Retry),
        (Credential, Offline),
        (Credential, Retained),
        (Credential, Gone),
        (Offline, Flight),
        (Offline, Cap),
        (Offline, Bucket),
        (Offline, Retry),
        (Offline, Credential),
        (Offline, Retained),
        (Offline, Gone),
        (Retained, Gone),
    ]
};

/// The retry token of a call's next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryToken {
    /// The first attempt: nothing.
    NotNeeded,
    /// A free one: after a 429 that named a time, an auth replay, being offline.
    Free,
    /// A retry that has no token yet.
    Needed,
    /// A retry with its token: its only reservation.
    Held,
    /// The head of a queue without tokens, which may go all the same.
    Asks,
}

/// How the latest attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastResult {
    None,
    Status(u16),
    Fault(Fault),
}

/// Bits that a host gives at `begin`, and those the core adds. One word keeps a call small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallFlags(pub u32);

impl CallFlags {
    pub const REPEATABLE: u32 = 1;
    pub const KEYED: u32 = 1 << 1;
    // 1 << 2, STREAMED, tells hosts' own code where a body ends; the core decides nothing by it.
    pub const STACKED: u32 = 1 << 3;
    pub const DROPIN: u32 = 1 << 4;
    pub const CREDENTIALS: u32 = 1 << 5;
    /// A wait of this call holds a slot of its host, so it is bounded by `timeouts.wait`.
    pub const SLOT: u32 = 1 << 6;
    /// What a host may set.
    pub const HOST: u32 = (1 << 7) - 1;
    /// Safe method: never leaves an unknown outcome.
    pub const SAFE: u32 = 1 << 7;
    /// The method, or the route, allows sending again.
    pub const IDEMPOTENT: u32 = 1 << 8;
    /// Also draws from the API's breaker beside its route's.
    pub const BOTH_BREAKERS: u32 = 1 << 9;
    /// The next Send asks for a new connection.
    pub const FRESH: u32 = 1 << 10;
    /// A 401 was replayed already.
    pub const REPLAYED: u32 = 1 << 12;
    /// The attempt under way was paid for.
    pub const PAID: u32 = 1 << 13;
    /// Had a step that was neither Send nor Deliver.
    pub const EVENTFUL: u32 = 1 << 14;
    /// A wake for it is under way.
    pub const WOKEN: u32 = 1 << 15;
    /// An earlier attempt's outcome is unknown.
    pub const DOUBTFUL: u32 = 1 << 16;
    /// The attempt under way counts as one: it is the first, or paid for.
    pub const COUNTED: u32 = 1 << 17;
    /// The attempt under way went without a token, from the head of its queue.
    pub const ASKED: u32 = 1 << 18;
    /// The attempt under way came with a right of its queue, paid or not.
    pub const QUEUED: u32 = 1 << 19;
    /// An attempt of this call failed, and none succeeded since.
    pub const FAILED: u32 = 1 << 20;
    /// The token of the next Send ends soon.
    pub const RENEW: u32 = 1 << 22;
    /// That failure stands in the window of its endpoint's breaker: a success takes it back.
    pub const STANDS: u32 = 1 << 21;

    /// Refusals (429) in a row, up to 31.
    #[must_use]
    pub const fn refusals(self) -> u32 {
        self.0 >> 24 & 31
    }

    /// Counts a refusal.
    pub const fn count_refusal(&mut self) {
        let count = if self.refusals() < 31 { self.refusals().wrapping_add(1) } else { 31 };
        self.0 = self.0 & !(31 << 24) | count << 24;
    }

    /// Begins to count refusals anew.
    pub const fn clear_refusals(&mut self) {
        self.0 &= !(31 << 24);
    }

    /// Whether all of these are set.
    #[must_use]
    pub const fn has(self, bits: u32) -> bool {
        self.0 & bits == bits
    }

    /// Sets or clears.
    pub const fn set(&mut self, bits: u32, on: bool) {
        self.0 = if on { self.0 | bits } else { self.0 & !bits };
    }
}

/// One logical call. At most 240 bytes. What an answer looks at stands together at the front, up to the first entries of
/// the timeline: with many calls in flight each line of the cache that it touches is a miss.
#[derive(Debug, Clone)]
#[repr(C)]
pub struct Call {
    pub id: u32,
    pub call_flags: CallFlags,
    pub state: CallState,
    pub begun: u64,
    /// When its latest attempt was sent; while the call is in a queue other than the retry queue, when it joined that.
    pub sent_at: u64,
    pub permit: Permit,
    pub upstream: u32,
    pub route: u16,
    /// Place of its breaker and retry queue in its upstream.
    pub breaker_queue: u16,
    pub last: LastResult,
    pub retry_token: RetryToken,
    pub outcome: Outcome,
    /// Code of the method.
    pub method: u8,
    /// First and paid retries.
    pub attempts: u8,
    /// Neighbours in its queue (in the list of retained records, among the free slots).
    pub next: CallIndex,
    pub previous: CallIndex,
    pub timeline: Timeline,
    pub scope: u32,
    pub sequence: u64,
    pub credential: u16,
    /// Size of its body in units of 64 KiB.
    pub units: u16,
    /// Generation of the credential that was sent, or is awaited.
    pub generation: u32,
    pub limits: Limits,
    pub ordinal: u64,
    pub api_permit: Permit,
    /// When it joined the retry queue, or last left it, and the time that it spent there before.
    pub queued_at: u64,
    pub patience_used: u32,
    /// When its present rest began, in milliseconds since `begun`: then, or when its last attempt ended.
    pub rests_from: u32,
}

const _: () = assert!(size_of::<Call>() <= 240);

impl Call {
    /// A free slot.
    #[must_use]
    pub fn vacant() -> Self {
        Self {
            id: 0,
            state: CallState::Gone,
            retry_token: RetryToken::NotNeeded,
            last: LastResult::None,
            outcome: Outcome::NotSent,
            method: 0,
            call_flags: CallFlags(0),
            route: 0,
            breaker_queue: 0,
            scope: 0,
            upstream: 0,
            credential: 0,
            begun: 0,
            ordinal: 0,
            limits: Limits::default(),
            attempts: 0,
            permit: Permit::default(),
            api_permit: Permit::default(),
            generation: 0,
            sent_at: 0,
            sequence: 0,
            queued_at: 0,
            patience_used: 0,
            units: 0,
            rests_from: 0,
            previous: NOWHERE,
            next: NOWHERE,
            timeline: Timeline::new(),
        }
    }

    /// The breakers that the call goes through: its own, then the API's where both count.
    pub fn breaker_queues(&self) -> impl Iterator<Item = u16> + use<> {
        [self.breaker_queue, API].into_iter().take(if self.call_flags.has(CallFlags::BOTH_BREAKERS) { 2 } else { 1 })
    }

    /// All but the number is as in a vacant slot; entries that the timeline does not count may stay.
    pub fn renew(&mut self) {
        // Named one by one: a value of the whole would be made elsewhere and copied here, timeline and all.
        self.call_flags = CallFlags(0);
        self.state = CallState::New;
        self.begun = 0;
        self.sent_at = 0;
        self.permit = Permit::default();
        self.upstream = 0;
        self.route = 0;
        self.breaker_queue = 0;
        self.last = LastResult::None;
        self.retry_token = RetryToken::NotNeeded;
        self.outcome = Outcome::NotSent;
        self.method = 0;
        self.attempts = 0;
        self.sequence = 0;
        self.timeline.clear();
        self.previous = NOWHERE;
        self.next = NOWHERE;
        self.scope = 0;
        self.credential = 0;
        self.generation = 0;
        self.limits = Limits::default();
        self.ordinal = 0;
        self.api_permit = Permit::default();
        self.queued_at = 0;
        self.patience_used = 0;
        self.units = 0;
        self.rests_from = 0;
    }

    /// Adds to the timeline.
    pub fn record(&mut self, now: u64, what: EntryKind, wait_reason: WaitReason, code: u16, value: u64) {
        let at = self.age(now);
        self.timeline.push(Entry { at, what, wait_reason, code, value: u32::try_from(value).unwrap_or(u32::MAX) });
    }

    /// Milliseconds since it began; after 49 days no more.
    #[must_use]
    pub fn age(&self, now: u64) -> u32 {
        u32::try_from(now.saturating_sub(self.begun)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edge_is_listed_once() {
        for (i, edge) in EDGES.iter().enumerate() {
            assert!(!EDGES[..i].contains(edge), "{edge:?}");
        }
    }
}
