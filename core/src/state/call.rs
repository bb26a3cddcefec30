//! One logical call: its state, what it holds, and its inline timeline. Knows nothing of the policies.

use crate::failure::{Fault, Outcome, codes};
use crate::policy::breaker::Permit;
use crate::policy::deadline::Limits;
use crate::state::upstream::API;

/// Place of a call in the engine's slab.
pub type Slot = u32;

/// No place.
pub const NOWHERE: Slot = u32::MAX;

/// The one line that a waiting call stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineId {
    /// Attempts in flight, of an upstream.
    Cap(u32),
    /// A rate-limit bucket: upstream and place of its lane.
    Bucket(u32, u16),
    /// The retry line of a gate (breaker): upstream and place.
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
    /// Between two attempts, in no line, until then.
    Backoff { until: u64 },
    /// In exactly one line.
    Line(LineId),
    /// Ended; its record waits for `report`.
    Kept,
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
        Kept = 8 "kept",
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
            Self::Line(LineId::Cap(_)) => Node::Cap,
            Self::Line(LineId::Bucket(..)) => Node::Bucket,
            Self::Line(LineId::Retry(..)) => Node::Retry,
            Self::Line(LineId::Credential(_)) => Node::Credential,
            Self::Line(LineId::Offline) => Node::Offline,
            Self::Kept => Node::Kept,
            Self::Gone => Node::Gone,
        }
    }
}

/// A transition, and the set of all that a call can take. The set is the specification that the vectors are held
/// against: an edge outside it is a bug, an edge that no vector takes is a hole.
pub type Edge = (Node, Node);

/// Every legal transition.
pub const EDGES: &[Edge] = {
    use Node::{Backoff, Bucket, Cap, Credential, Flight, Gone, Kept, New, Offline, Retry};
    &[
        (New, Flight),
        (New, Cap),
        (New, Bucket),
        (New, Retry),
        (New, Credential),
        (New, Kept),
        (Flight, Flight),
        (Flight, Backoff),
        (Flight, Cap),
        (Flight, Bucket),
        (Flight, Retry),
        (Flight, Credential),
        (Flight, Offline),
        (Flight, Kept),
        (Flight, Gone),
        (Backoff, Flight),
        (Backoff, Cap),
        (Backoff, Bucket),
        (Backoff, Retry),
        (Backoff, Credential),
        (Backoff, Kept),
        (Backoff, Gone),
        (Cap, Flight),
        (Cap, Bucket),
        (Cap, Retry),
        (Cap, Credential),
        (Cap, Kept),
        (Cap, Gone),
        (Bucket, Flight),
        (Bucket, Bucket),
        (Bucket, Retry),
        (Bucket, Credential),
        (Bucket, Kept),
        (Bucket, Gone),
        (Retry, Flight),
        (Retry, Cap),
        (Retry, Bucket),
        (Retry, Credential),
        (Retry, Kept),
        (Retry, Gone),
        (Credential, Flight),
        (Credential, Cap),
        (Credential, Bucket),
        (Credential, Retry),
        (Credential, Kept),
        (Credential, Gone),
        (Offline, Flight),
        (Offline, Cap),
        (Offline, Bucket),
        (Offline, Retry),
        (Offline, Credential),
        (Offline, Kept),
        (Offline, Gone),
        (Kept, Gone),
    ]
};

/// What a call pays for its next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paying {
    /// The first attempt: nothing.
    First,
    /// A free one: after a 429 that named a time, an auth replay, being offline.
    Free,
    /// A retry that has no token yet.
    Owes,
    /// A retry with its token: its only reservation.
    Holds,
    /// The head of a queue without tokens, which may go all the same.
    Asks,
}

/// How the latest attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    None,
    Status(u16),
    Fault(Fault),
}

/// Bits that a host gives at `begin`, and those the core adds. One word keeps a call small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits(pub u32);

impl Traits {
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
    pub const BOTH_GATES: u32 = 1 << 9;
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
    /// That failure stands in the window of its endpoint's breaker: a success takes it back.
    pub const STANDS: u32 = 1 << 21;

    /// Refusals (429) in a row, up to 31.
    #[must_use]
    pub const fn refusals(self) -> u32 {
        self.0 >> 24 & 31
    }

    /// Counts a refusal, or begins anew.
    pub const fn refused(&mut self, again: bool) {
        let count = if !again {
            0
        } else if self.refusals() < 31 {
            self.refusals().wrapping_add(1)
        } else {
            31
        };
        self.0 = self.0 & !(31 << 24) | count << 24;
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
    pub traits: Traits,
    pub state: CallState,
    pub begun: u64,
    /// When its latest attempt was sent; while it stands in a line other than the retry line, when it joined that.
    pub sent_at: u64,
    pub permit: Permit,
    pub upstream: u32,
    pub route: u16,
    /// Place of its gate (breaker and retry line) in its upstream.
    pub gate: u16,
    pub last: Last,
    pub paying: Paying,
    pub worst: Outcome,
    /// Code of the method.
    pub method: u8,
    /// First and paid retries.
    pub attempts: u8,
    /// Neighbours in its line (in the list of the kept, among the free slots).
    pub next: Slot,
    pub previous: Slot,
    pub timeline: Timeline,
    pub scope: u32,
    pub sequence: u64,
    pub credential: u32,
    /// Generation of the credential that was sent, or is awaited.
    pub generation: u32,
    pub limits: Limits,
    pub ordinal: u64,
    pub api_permit: Permit,
    /// When it joined the retry line, or last left it, and the time that it spent there before.
    pub lined_up: u64,
    pub patience_used: u32,
    /// When its present rest began, in milliseconds since `begun`: then, or when its last attempt ended.
    pub rests_from: u32,
}

const _: () = assert!(size_of::<Call>() <= 240);

/// What happened, in at most 8 entries: the first four and the last four; those between are counted.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Timeline {
    count: u16,
    entries: [Entry; 8],
}

/// One thing that happened.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Milliseconds since the call began.
    pub at: u32,
    pub what: What,
    pub rule: Rule,
    /// A status, a fault's code or a reason's code; of a wait for a bucket a code of [`Whose`].
    pub code: u16,
    /// Milliseconds: a timeout, a wait, an attempt's time.
    pub value: u32,
}

codes! {
    /// What an entry of the timeline tells.
    What {
        Send = 0 "send",
        Status = 1 "status",
        Fault = 2 "fault",
        Wait = 3 "wait",
        Line = 4 "line",
        Refresh = 5 "refresh",
    }
}

codes! {
    /// The rule that asked for a wait.
    Rule {
        None = 0 "none",
        Backoff = 1 "backoff",
        RetryAfter = 2 "retry-after",
        Limiter = 3 "limiter",
        Concurrency = 4 "concurrency",
        RetryLine = 5 "retry-line",
        Credential = 6 "credential",
        Offline = 7 "offline",
    }
}

codes! {
    /// Whose bucket a call waits for.
    Whose {
        /// That of a limit of the policy.
        Limit = 0 "limit",
        Endpoint = 1 "endpoint",
        Api = 2 "api",
    }
}

const _: () = assert!(size_of::<Entry>() == 12);

impl Timeline {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        let nothing = Entry { at: 0, what: What::Send, rule: Rule::None, code: 0, value: 0 };
        Self { entries: [nothing; 8], count: 0 }
    }

    /// Adds an entry; the fifth last is forgotten when there are more than eight.
    pub fn push(&mut self, entry: Entry) {
        let place = if self.count < 4 { self.count } else { 4 | self.count & 3 };
        if let Some(free) = self.entries.get_mut(usize::from(place)) {
            *free = entry;
        }
        self.count = self.count.saturating_add(1);
    }

    /// How many entries were forgotten.
    #[must_use]
    pub fn dropped(&self) -> u16 {
        self.count.saturating_sub(8)
    }

    /// The kept entries, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        let first = self.count.min(4);
        let rest = self.dropped().saturating_add(4).max(4)..self.count.max(4);
        (0..first).chain(rest.map(|i| 4 | i & 3)).filter_map(|place| self.entries.get(usize::from(place)))
    }
}

impl Call {
    /// A slot that nobody uses.
    #[must_use]
    pub fn vacant() -> Self {
        Self {
            id: 0,
            state: CallState::Gone,
            paying: Paying::First,
            last: Last::None,
            worst: Outcome::NotSent,
            method: 0,
            traits: Traits(0),
            route: 0,
            gate: 0,
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
            lined_up: 0,
            patience_used: 0,
            rests_from: 0,
            previous: NOWHERE,
            next: NOWHERE,
            timeline: Timeline::new(),
        }
    }

    /// The gates that it goes through: its own, then the API's where both count.
    pub fn gates(&self) -> impl Iterator<Item = u16> + use<> {
        [self.gate, API].into_iter().take(if self.traits.has(Traits::BOTH_GATES) { 2 } else { 1 })
    }

    /// All but the number is as in a vacant slot; entries that the timeline does not count may stay.
    pub fn renew(&mut self) {
        // Named one by one: a value of the whole would be made elsewhere and copied here, timeline and all.
        self.traits = Traits(0);
        self.state = CallState::New;
        self.begun = 0;
        self.sent_at = 0;
        self.permit = Permit::default();
        self.upstream = 0;
        self.route = 0;
        self.gate = 0;
        self.last = Last::None;
        self.paying = Paying::First;
        self.worst = Outcome::NotSent;
        self.method = 0;
        self.attempts = 0;
        self.sequence = 0;
        self.timeline.count = 0;
        self.previous = NOWHERE;
        self.next = NOWHERE;
        self.scope = 0;
        self.credential = 0;
        self.generation = 0;
        self.limits = Limits::default();
        self.ordinal = 0;
        self.api_permit = Permit::default();
        self.lined_up = 0;
        self.patience_used = 0;
        self.rests_from = 0;
    }

    /// Adds to the timeline.
    pub fn note(&mut self, now: u64, what: What, rule: Rule, code: u16, value: u64) {
        let at = self.age(now);
        self.timeline.push(Entry { at, what, rule, code, value: u32::try_from(value).unwrap_or(u32::MAX) });
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
    use std::vec::Vec;

    fn stamps(count: u32) -> Vec<u32> {
        let mut timeline = Timeline::new();
        for at in 0..count {
            timeline.push(Entry { at, what: What::Wait, rule: Rule::Backoff, code: 0, value: 0 });
        }
        timeline.iter().map(|entry| entry.at).collect()
    }

    #[test]
    fn a_timeline_keeps_the_first_four_and_the_last_four() {
        assert_eq!(stamps(0), [0_u32; 0]);
        assert_eq!(stamps(3), [0, 1, 2]);
        assert_eq!(stamps(8), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(stamps(9), [0, 1, 2, 3, 5, 6, 7, 8]);
        assert_eq!(stamps(11), [0, 1, 2, 3, 7, 8, 9, 10]);
        assert_eq!(stamps(1_000), [0, 1, 2, 3, 996, 997, 998, 999]);
    }

    #[test]
    fn every_edge_is_listed_once() {
        for (i, edge) in EDGES.iter().enumerate() {
            assert!(!EDGES[..i].contains(edge), "{edge:?}");
        }
    }
}
