//! One call as the oracle knows it: what the host said of it, what happened to it.

use super::breaker::Permit;
use unruffled_core::{Fault, Node, Outcome, Standing};

/// GET HEAD OPTIONS TRACE QUERY, by code.
const SAFE: u16 = 0b100_1111;
/// … PUT DELETE.
const IDEMPOTENT: u16 = 0b111_1111;

/// Bits of `what >> 4`.
pub const REPEATABLE: u32 = 1;
pub const KEYED: u32 = 1 << 1;
pub const STACKED: u32 = 1 << 3;
pub const DROPIN: u32 = 1 << 4;
pub const CREDENTIALS: u32 = 1 << 5;
pub const SLOT: u32 = 1 << 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paying {
    First,
    Free,
    Owes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    None,
    Status(u16),
    Fault(Fault),
}

#[derive(Debug, Clone)]
pub struct Call {
    pub route: usize,
    pub upstream: usize,
    pub holder: usize,
    pub method: u32,
    pub flags: u32,
    pub keyed: bool,
    pub idempotent: bool,
    pub deadline: u64,
    /// Its waits from one attempt to the next, if they hold a slot of the host.
    pub longest_wait: u64,
    /// It began, or its last attempt ended.
    pub rests_from: u64,
    /// Milliseconds of an attempt; 0 = no limit.
    pub attempt: u64,
    /// The deadline cuts the running attempt too.
    pub cuts: bool,
    pub standing: Standing,
    /// End of a backoff.
    pub until: u64,
    pub paying: Paying,
    pub attempts: u64,
    /// What was paid for the attempt under way, in billionths of a token.
    pub paid: u64,
    /// That attempt went without a token, from the head of its queue.
    pub asked: bool,
    /// Its queue let it go, paid or not, and that attempt did not end yet.
    pub right: bool,
    pub counted: bool,
    pub worst: Outcome,
    pub last: Last,
    pub replayed: bool,
    pub doubtful: bool,
    pub eventful: bool,
    pub sends: u64,
    /// What came of the last attempt forbids sending the call again.
    pub sealed: bool,
    pub not_before: u64,
    /// The server named that time.
    pub named: bool,
    pub sent_at: u64,
    pub sequence: u64,
    /// Attempts in flight to its upstream when the last one was sent, that one counted.
    pub in_flight: u64,
    /// How often it was refused with a rate limit in a row.
    pub refused: u32,
    /// Whether its next attempt costs a token is not known: its bucket may have a cap.
    pub unsure: bool,
    /// It was told to wait because too many were in flight.
    pub capped: bool,
    /// Gates and what each gave.
    pub permits: [Option<(u16, Permit)>; 2],
    /// It failed, and did not succeed since.
    pub failed: bool,
    /// What its gate's breaker counted that failure in.
    pub failed_in: Option<u64>,
    /// Units of 64 KiB that it uploads.
    pub units: u64,
    pub generation: u64,
    /// It leads the fetch of that generation.
    pub leads: bool,
    /// The fetch that it waited for failed, and it was not resumed since.
    pub fetch_failed: Option<Fault>,
    pub patience_used: u64,
    pub lined_up: u64,
    /// A wake named it and it was not resumed since.
    pub woken: bool,
    /// When it was told to ask again, and whether a wake may come before.
    pub told: u64,
    pub parked: bool,
    /// Billionths of a token that its queue let it go with; it was not sent yet.
    pub holds: u64,
}

impl Call {
    /// A call that has just begun, with nothing of its own.
    pub const NEW: Self = Self {
        route: 0,
        upstream: 0,
        holder: 0,
        method: 0,
        flags: 0,
        keyed: false,
        idempotent: false,
        deadline: 0,
        longest_wait: 0,
        rests_from: 0,
        attempt: 0,
        cuts: false,
        permits: [None, None],
        standing: Standing { node: Node::New, upstream: 0, place: 0 },
        until: 0,
        paying: Paying::First,
        attempts: 0,
        paid: 0,
        asked: false,
        right: false,
        counted: false,
        worst: Outcome::NotSent,
        last: Last::None,
        replayed: false,
        doubtful: false,
        eventful: false,
        sends: 0,
        sealed: false,
        not_before: 0,
        named: false,
        sent_at: 0,
        sequence: 0,
        in_flight: 0,
        refused: 0,
        unsure: false,
        capped: false,
        failed: false,
        failed_in: None,
        units: 0,
        generation: 0,
        leads: false,
        fetch_failed: None,
        patience_used: 0,
        lined_up: 0,
        woken: false,
        told: 0,
        parked: false,
        holds: 0,
    };

    #[must_use]
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// The place of the gate in whose queue it stands.
    #[must_use]
    pub fn gate(&self) -> u16 {
        self.permits[0].map_or(0, |(gate, _)| gate)
    }

    /// That queue.
    #[must_use]
    pub fn queue(&self) -> Standing {
        Standing { node: Node::Retry, upstream: self.upstream as u32, place: self.gate() }
    }

    #[must_use]
    pub fn safe(&self) -> bool {
        SAFE >> self.method & 1 == 1
    }

    /// By method or route, or by its key.
    #[must_use]
    pub fn replayable(&self) -> bool {
        self.idempotent || self.keyed
    }

    #[must_use]
    pub fn in_flight(&self) -> bool {
        self.standing.node == Node::Flight
    }

    #[must_use]
    pub fn waits(&self) -> bool {
        !matches!(self.standing.node, Node::New | Node::Flight | Node::Retained | Node::Gone)
    }

    /// Milliseconds in which an attempt may begin.
    #[must_use]
    pub fn left(&self, now: u64) -> Option<u64> {
        self.deadline.checked_sub(now)?.checked_sub(50)
    }

    /// What is left until the slot of the host must be free.
    #[must_use]
    pub fn rest(&self, now: u64) -> u64 {
        if self.has(SLOT) { (self.rests_from + self.longest_wait).saturating_sub(now) } else { u64::MAX }
    }

    /// Milliseconds that a wait may last.
    #[must_use]
    pub fn may_wait(&self, now: u64) -> u64 {
        self.left(now).unwrap_or(0).min(self.rest(now))
    }

    /// The timeout of an attempt that begins now.
    #[must_use]
    pub fn timeout(&self, now: u64) -> u64 {
        let left = if self.cuts { self.deadline - now } else { u64::MAX };
        match (self.attempt, left) {
            (0, u64::MAX) => 0,
            (0, left) => left,
            (attempt, left) => attempt.min(left),
        }
    }

    /// The worst of all attempts so far.
    pub fn blame(&mut self, unknown: bool) {
        let now = if unknown && !self.safe() { Outcome::Unknown } else { Outcome::Rejected };
        self.worst = self.worst.max(now);
    }
}

/// Whether the method allows sending again.
#[must_use]
pub fn idempotent(method: u32) -> bool {
    IDEMPOTENT >> method & 1 == 1
}
