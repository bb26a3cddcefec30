//! The life of one credential: which token is held until when, who fetches the next one, and when a fetch that failed may
//! be tried again. The token itself never comes here.

use crate::failure::Fault;
use crate::rng::{self, Purpose};

/// A fetch that is not answered within this counts as lost; the next call leads another.
const LEASE: u64 = 60_000;
/// A renewal begins this long before the end of a token, and at most a quarter of its life before.
const REFRESH_BEFORE: u64 = 60_000;
/// Calls wait for a new token in the last so many milliseconds of the old one, and at most in a tenth of its life.
const LATE: u64 = 10_000;
/// The rest of a fetch that the token endpoint rejected.
const REJECTED: u64 = 60_000;
/// The rest after the first failure that counts; it doubles up to [`MOST_REST`].
const REST: u64 = 1_000;
/// See [`REST`].
const MOST_REST: u64 = 5_000;
/// The longest time in which useless refreshes rest.
const MOST_USELESS: u64 = 10_000;
/// An upload needs a token that lives this much longer for each unit of its body.
const UPLOAD_UNIT: u64 = 1_000;

/// An `expires_in` from here on means "never".
const NEVER: u64 = (1 << 40) - 1;

/// Bits of a generation that count; the rest names the credential.
const BITS: u32 = 20;
const MASK: u32 = (1 << BITS) - 1;

/// Why a token is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// There was none before.
    First,
    /// The one before has expired, or will soon.
    Expired,
    /// A 401 refused the one before.
    Refused,
}

/// What a call that needs this credential does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Send with the token of this generation.
    Pass(u32),
    /// The same; the host may fetch the next token beside the call.
    Renew(u32),
    /// Lead a fetch.
    Lead,
    /// Wait for the one who leads; milliseconds until its lease is over.
    Wait(u64),
    /// Fail: there is no token, and the fetch rests for so many milliseconds.
    Rest(u64),
}

/// What a request needs of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demand {
    /// Its body cannot be sent twice, so that a 401 would end it.
    pub once: bool,
    /// Size of the body in units of 64 KiB.
    pub units: u64,
}

/// Whether an attempt was the first with a token, or was sent again after a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    First,
    Replay,
}

/// What a 401 does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The answer goes to the caller.
    Delivered,
    /// The answer goes to the caller, and the refresh before it was useless.
    Useless,
    /// The request is sent again if it may.
    Replay,
    /// The same, and the held token is given up.
    GivenUp,
}

/// A token that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    generation: u32,
    /// A 401 refused it.
    refused: bool,
    /// It was fetched because a 401 refused the one before.
    after_refusal: bool,
    /// From then on it is renewed beside the calls, …
    early: u64,
    /// … calls wait for the next one, …
    late: u64,
    /// … and it is not sent any more.
    end: u64,
    /// Half of its life.
    half: u64,
}

impl Held {
    /// The time from which a request waits for the next token.
    fn late_for(&self, demand: Demand) -> u64 {
        let before = self.end.saturating_sub(self.late).max(demand.units.saturating_mul(UPLOAD_UNIT)).min(self.half);
        let late = if demand.units == 0 { self.late } else { self.end.saturating_sub(before) };
        if demand.once { late.min(self.early) } else { late }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    None,
    /// The host asks for a plain string at every send; nothing is retained and nothing can be refreshed.
    Plain(u32),
    Held(Held),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fetch {
    Idle,
    Running {
        since: u64,
        why: Need,
    },
    /// It failed, and is not tried again before this time.
    Resting {
        until: u64,
    },
}

/// The latest fetch that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failure {
    generation: u32,
    fault: Fault,
}

/// Draws the random parts of margins and rests.
#[derive(Debug, Clone, Copy)]
pub struct Draws {
    pub seed: u64,
    /// Without jitter each draw is the least.
    pub jitter: bool,
}

impl Draws {
    fn draw(self, ordinal: u64, attempt: u32, purpose: Purpose, most: u64) -> u64 {
        if self.jitter { rng::draw(self.seed, ordinal, attempt, purpose, most) } else { 0 }
    }
}

/// One credential.
#[derive(Debug, Clone)]
pub struct Credential {
    token: Token,
    fetch: Fetch,
    /// The latest generation that was asked for.
    generation: u32,
    place: u32,
    /// Fetches that failed in a row.
    failures: u32,
    /// Refreshes in a row after which the API refused the new token too.
    useless: u32,
    /// Until then a 401 is delivered.
    useless_until: u64,
    failure: Option<Failure>,
}

const _: () = assert!(size_of::<Credential>() <= 128);

impl Credential {
    /// The credential at this place of the engine's list.
    #[must_use]
    pub fn new(place: u32) -> Self {
        Self {
            token: Token::None,
            fetch: Fetch::Idle,
            generation: 0,
            place,
            failures: 0,
            useless: 0,
            useless_until: 0,
            failure: None,
        }
    }

    /// Forgets everything. Generations go on, so that a late token of before is refused.
    pub fn reset(&mut self) {
        *self = Self { generation: self.generation, ..Self::new(self.place) };
    }

    /// Pure: what a call does now.
    #[must_use]
    pub fn check(&self, now: u64, demand: Demand) -> Admission {
        let fetch = self.fetch_at(now);
        let held = match self.token {
            Token::Plain(generation) => return Admission::Pass(generation),
            Token::Held(held) if !held.refused && now < held.end => Some(held),
            Token::Held(_) | Token::None => None,
        };
        if let Some(held) = held {
            let late = held.late_for(demand);
            if now < held.early.min(late) || (now < late && fetch != Fetch::Idle) {
                return Admission::Pass(held.generation);
            }
            if now < late {
                return Admission::Renew(held.generation);
            }
        }
        match (fetch, held) {
            (Fetch::Idle, _) => Admission::Lead,
            (Fetch::Running { since, .. }, _) => Admission::Wait(since.saturating_add(LEASE).saturating_sub(now)),
            (Fetch::Resting { .. }, Some(held)) => Admission::Pass(held.generation),
            (Fetch::Resting { until }, None) => Admission::Rest(until.saturating_sub(now)),
        }
    }

    /// The fetch, idle again where a lease or a rest is over.
    fn fetch_at(&self, now: u64) -> Fetch {
        match self.fetch {
            Fetch::Running { since, .. } if now >= since.saturating_add(LEASE) => Fetch::Idle,
            Fetch::Resting { until } if now >= until => Fetch::Idle,
            fetch => fetch,
        }
    }

    /// Begins a fetch. Returns the generation that crosses the boundary, and why it is asked for.
    pub fn lead(&mut self, now: u64) -> (u64, Need) {
        let why = match self.token {
            Token::Held(Held { refused: true, .. }) => Need::Refused,
            Token::Held(_) | Token::Plain(_) => Need::Expired,
            Token::None => Need::First,
        };
        self.generation = (self.generation.wrapping_add(1) & MASK).max(1);
        self.fetch = Fetch::Running { since: now, why };
        (self.crossing(), why)
    }

    fn crossing(&self) -> u64 {
        u64::from(self.place) << BITS | u64::from(self.generation)
    }

    /// The place in the engine's list that a generation names.
    #[must_use]
    pub fn place_of(generation: u64) -> usize {
        usize::try_from(generation >> BITS).unwrap_or(usize::MAX)
    }

    /// Why this generation was asked for, if it still is.
    fn asked_for(&self, generation: u64) -> Option<Need> {
        match self.fetch {
            Fetch::Running { why, .. } if generation == self.crossing() => Some(why),
            Fetch::Running { .. } | Fetch::Idle | Fetch::Resting { .. } => None,
        }
    }

    /// Accepts a token; `false` = this generation is not awaited any more. `expires_in` 0 = plain.
    pub fn token(&mut self, now: u64, generation: u64, expires_in: u64, draws: Draws) -> bool {
        let Some(why) = self.asked_for(generation) else { return false };
        let mut held = Held {
            generation: self.generation,
            refused: false,
            after_refusal: why == Need::Refused,
            early: u64::MAX,
            late: u64::MAX,
            end: u64::MAX,
            half: u64::MAX / 2,
        };
        if expires_in < NEVER {
            held.end = now.saturating_add(expires_in);
            held.late = held.end.saturating_sub(LATE.min(expires_in / 10));
            held.half = expires_in / 2;
            let window = REFRESH_BEFORE.min(expires_in / 4);
            let drawn = draws.draw(generation, self.failures, Purpose::Early, window);
            held.early = held.late.min(held.end.saturating_sub(window).saturating_sub(drawn));
        }
        self.token = if expires_in == 0 { Token::Plain(self.generation) } else { Token::Held(held) };
        self.fetch = Fetch::Idle;
        self.failures = 0;
        self.failure = None;
        true
    }

    /// The token did not come. `retry_after`: the token endpoint's own, in milliseconds; 0 = none.
    /// [`Fault::Cancelled`] lets the next call lead, any other fault ends those that wait and have no token.
    pub fn token_failed(&mut self, now: u64, generation: u64, fault: Fault, retry_after: u64, draws: Draws) -> bool {
        if self.asked_for(generation).is_none() {
            return false;
        }
        self.fetch = Fetch::Idle;
        if fault == Fault::Cancelled {
            return true;
        }
        self.failure = Some(Failure { generation: self.generation, fault });
        if let Token::Held(held) = &mut self.token {
            held.refused = false;
        }
        match fault {
            Fault::Offline => {}
            Fault::Unchanged => self.was_useless(now),
            _ => {
                self.failures = self.failures.saturating_add(1);
                let drawn = |most| draws.draw(generation, self.failures, Purpose::Rest, most);
                let counted = if self.held(now).is_some() { self.failures } else { self.failures.saturating_sub(1) };
                let rest = match (fault, counted) {
                    (Fault::Rejected, _) => REJECTED,
                    (_, 0) => 0,
                    (_, n) => {
                        let least = REST.saturating_mul(1 << n.saturating_sub(1).min(10)).min(MOST_REST);
                        least.saturating_add(drawn(least))
                    }
                };
                let rest = rest.max(retry_after);
                if rest > 0 {
                    self.fetch = Fetch::Resting { until: now.saturating_add(rest) };
                }
            }
        }
        true
    }

    /// The generation of a token before its end that no 401 refused.
    #[must_use]
    pub fn held(&self, now: u64) -> Option<u32> {
        match self.token {
            Token::Plain(generation) => Some(generation),
            Token::Held(held) if !held.refused && now < held.end => Some(held.generation),
            Token::Held(_) | Token::None => None,
        }
    }

    /// How a fetch failed that a call waited for: this generation, or a later one, with no token since.
    #[must_use]
    pub fn failed(&self, generation: u32) -> Option<Fault> {
        let failure = self.failure.filter(|_| generation != 0)?;
        let later = failure.generation.wrapping_sub(generation) & MASK;
        if later <= MASK / 2 { Some(failure.fault) } else { None }
    }

    /// Milliseconds for which the fetch still rests.
    #[must_use]
    pub fn rest(&self, now: u64) -> Option<u64> {
        match self.fetch_at(now) {
            Fetch::Resting { until } => Some(until.saturating_sub(now)),
            Fetch::Idle | Fetch::Running { .. } => None,
        }
    }

    /// The latest generation that was asked for.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Takes in a 401 to an attempt with the token of this generation.
    pub fn refused(&mut self, now: u64, generation: u32, sent: Sent) -> Refusal {
        let rests = self.rest(now).is_some() || now < self.useless_until;
        match &mut self.token {
            Token::Plain(_) => Refusal::Delivered,
            Token::Held(held) if held.generation == generation && sent == Sent::Replay => {
                if !core::mem::take(&mut held.after_refusal) {
                    return Refusal::Delivered;
                }
                self.was_useless(now);
                Refusal::Useless
            }
            Token::Held(held) if held.generation == generation => {
                if rests {
                    return Refusal::Delivered;
                }
                if core::mem::replace(&mut held.refused, true) { Refusal::Replay } else { Refusal::GivenUp }
            }
            Token::None | Token::Held(_) if sent == Sent::Replay => Refusal::Delivered,
            Token::None | Token::Held(_) => Refusal::Replay,
        }
    }

    /// Counts a refresh that did not help. For a while no 401 causes another.
    fn was_useless(&mut self, now: u64) {
        let rest = REST.saturating_mul(1 << self.useless.min(10)).min(MOST_USELESS);
        self.useless = self.useless.saturating_add(1);
        self.useless_until = now.saturating_add(rest);
    }

    /// A replay after a 401 was answered by something else.
    pub fn replay_helped(&mut self) {
        (self.useless, self.useless_until) = (0, 0);
    }
}

#[cfg(test)]
#[path = "auth/tests.rs"]
mod tests;
