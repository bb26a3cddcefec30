//! The state of one credential: which generation is valid until when, and who is fetching the next one. The token
//! itself never comes here.

/// A refresh that is not answered within this is taken as lost; the next call leads another.
const REFRESH_LEASE: u64 = 60_000;

/// An `expires_in` from here on means "never".
const NEVER: u64 = (1 << 40) - 1;

/// Bits of a generation that count; the rest names the credential.
const BITS: u32 = 20;

/// Why a token is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// There was none before.
    First,
    /// The one before has expired.
    Expired,
    /// A 401 refused the one before.
    Refused,
}

/// Who fails when a token did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFailure {
    /// The call that asked for it; the next one leads.
    ForLeader,
    /// All calls that wait for it.
    ForAll,
}

/// What a call that needs this credential does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Send with the credential of this generation.
    Pass(u32),
    /// Become the leader.
    Lead,
    /// Wait for the one who leads; milliseconds until its lease is over.
    Wait(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Empty,
    /// Somebody fetches the next generation since this time.
    Leading(u64),
    /// Valid until this time.
    Valid(u64),
    /// The host asks for a plain string at every send; nothing is retained and nothing can be refreshed.
    Plain,
}

/// One credential.
#[derive(Debug, Clone)]
pub struct Credential {
    state: State,
    generation: u32,
    /// Why the next token will be asked for.
    need: Need,
    /// The latest generation that could not be had.
    failed: u32,
    place: u32,
}

impl Credential {
    /// The credential at this place of the engine's list.
    #[must_use]
    pub fn new(place: u32) -> Self {
        Self { state: State::Empty, generation: 0, need: Need::First, failed: 0, place }
    }

    /// Makes it another one, of which nothing is known. Generations go on, so that a late token of the old one is refused.
    pub fn begin_anew(&mut self) {
        (self.state, self.need, self.failed) = (State::Empty, Need::First, 0);
    }

    /// Pure: what a call does now.
    #[must_use]
    pub fn check(&self, now: u64) -> Admission {
        match self.state {
            State::Plain => Admission::Pass(self.generation),
            State::Valid(until) if until > now => Admission::Pass(self.generation),
            State::Leading(since) => match since.saturating_add(REFRESH_LEASE).saturating_sub(now) {
                0 => Admission::Lead,
                rest => Admission::Wait(rest),
            },
            State::Valid(_) | State::Empty => Admission::Lead,
        }
    }

    /// The caller leads. Returns the generation that crosses the boundary.
    pub fn lead(&mut self, now: u64) -> u64 {
        self.generation = (self.generation.wrapping_add(1) & ((1 << BITS) - 1)).max(1);
        self.state = State::Leading(now);
        u64::from(self.place) << BITS | u64::from(self.generation)
    }

    /// The place in the engine's list that a generation names.
    #[must_use]
    pub fn place_of(generation: u64) -> usize {
        usize::try_from(generation >> BITS).unwrap_or(usize::MAX)
    }

    fn asked_for(&self, generation: u64) -> bool {
        let own = u64::from(self.place) << BITS | u64::from(self.generation);
        matches!(self.state, State::Leading(_)) && generation == own
    }

    /// Accepts a token; `false` = this generation is not awaited any more. `expires_in` 0 = plain.
    pub fn token(&mut self, now: u64, generation: u64, expires_in: u64) -> bool {
        let asked = self.asked_for(generation);
        if asked {
            self.need = Need::Expired;
            self.state = match expires_in {
                0 => State::Plain,
                NEVER.. => State::Valid(u64::MAX),
                _ => State::Valid(now.saturating_add(expires_in)),
            };
        }
        asked
    }

    /// Takes in that the token did not come; returns whether it was asked for.
    pub fn token_failed(&mut self, generation: u64, failure: TokenFailure) -> bool {
        let asked = self.asked_for(generation);
        if asked {
            self.state = State::Empty;
            if failure == TokenFailure::ForAll {
                self.failed = self.generation;
            }
        }
        asked
    }

    /// Whether a call that waits for `generation` waits in vain.
    #[must_use]
    pub fn failed(&self, generation: u32) -> bool {
        generation != 0 && self.failed == generation
    }

    /// The generation being fetched or held.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Why the next token is asked for, or the one that is being fetched.
    #[must_use]
    pub fn need(&self) -> Need {
        self.need
    }

    /// A 401 came back for an attempt sent with `generation`: whether a replay makes sense. The held one is given up
    /// if it is the one that was refused.
    pub fn refused(&mut self, generation: u32) -> bool {
        match self.state {
            State::Plain => false,
            State::Valid(_) if generation == self.generation => {
                (self.state, self.need) = (State::Empty, Need::Refused);
                true
            }
            State::Empty | State::Leading(_) | State::Valid(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_leads_the_others_wait_and_a_token_serves_until_it_expires() {
        let mut c = Credential::new(3);
        assert_eq!(c.check(0), Admission::Lead);
        let generation = c.lead(0);
        assert_eq!((generation, Credential::place_of(generation)), (3 << 20 | 1, 3));
        assert_eq!(c.check(1), Admission::Wait(59_999));
        assert!(!c.token(5, generation + 1, 1_000));
        assert!(c.token(5, generation, 1_000));
        assert!(!c.token(5, generation, 1_000));
        assert_eq!((c.check(1_004), c.check(1_005)), (Admission::Pass(1), Admission::Lead));
    }

    #[test]
    fn a_refused_generation_is_given_up_once() {
        let mut c = Credential::new(0);
        let generation = c.lead(0);
        c.token(0, generation, NEVER);
        assert!(c.refused(1));
        assert_eq!(c.check(0), Admission::Lead);
        let generation = c.lead(0);
        c.token(0, generation, NEVER);
        assert!(c.refused(1), "an older generation replays");
        assert_eq!(c.check(0), Admission::Pass(2), "and keeps the newer one");
    }

    #[test]
    fn a_plain_string_is_never_refreshed() {
        let mut c = Credential::new(0);
        let generation = c.lead(0);
        c.token(0, generation, 0);
        assert_eq!(c.check(1 << 40), Admission::Pass(1));
        assert!(!c.refused(1));
    }

    #[test]
    fn a_leader_that_never_answers_is_replaced() {
        let mut c = Credential::new(0);
        c.lead(0);
        assert_eq!((c.check(59_999), c.check(60_000)), (Admission::Wait(1), Admission::Lead));
    }

    #[test]
    fn a_failure_is_for_those_who_waited_a_cancellation_for_nobody() {
        let mut c = Credential::new(0);
        let generation = c.lead(0);
        assert!(c.token_failed(generation, TokenFailure::ForLeader));
        assert!(!c.failed(1));
        let generation = c.lead(0);
        assert!(c.token_failed(generation, TokenFailure::ForAll));
        assert!(c.failed(2) && !c.failed(1) && !c.failed(0));
    }
}
