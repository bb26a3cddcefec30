//! A credential as the manual's section 11 tells it: the token, its times, the fetch and what rests after it. What the core draws
//! is held between bounds, which each answer makes narrower.

use super::between::{Between, Sure};
use super::ensure;
use crate::world::marks::{Mark, Marks};
use crate::world::rules::Jitter;
use unruffled_core::{Answer, Fault, Flags};

/// An `expires_in` from which on a token does not expire.
const ENDLESS: u64 = (1 << 40) - 1;
const LEASE: u64 = 60_000;

/// Whether a 401 gave the held token up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GivenUp {
    No,
    /// A 401 came at this time to a call that cannot be sent again, while the fetch may have rested.
    Perhaps(u64),
    Yes,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    generation: u64,
    life: u64,
    early: Between,
    end: u64,
    given_up: GivenUp,
    /// Its fetch began because of a 401, and no second 401 was counted since.
    after_401: bool,
}

#[derive(Debug, Clone, Copy)]
enum Token {
    None,
    Plain,
    Held(Held),
}

#[derive(Debug, Clone, Copy)]
enum Fetch {
    Idle,
    Running { since: u64, for_401: bool },
    Resting { until: Between },
}

/// What a call asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asks {
    /// Its body cannot be repeated.
    pub once: bool,
    /// Units of 64 KiB that it uploads.
    pub units: u64,
}

/// What the core answered to a call that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    Send { renew: bool },
    Lead(Answer),
    Park { at_most: u64 },
    Rest { left: u64 },
}

/// What a 401 does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After401 {
    Delivered,
    Replayed,
}

/// Events of a credential since the last pull: the least and the most.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes {
    pub asked: u64,
    pub came: u64,
    pub failed: u64,
    pub rejected: u64,
    pub unchanged: u64,
    pub refused: (u64, u64),
    pub useless: u64,
}

#[derive(Debug)]
pub struct Holder {
    pub name: u8,
    /// Of the latest fetch.
    pub generation: u64,
    token: Token,
    fetch: Fetch,
    failures: u64,
    useless: u64,
    useless_until: u64,
    jitter: bool,
    /// The latest fetch was cancelled, and none began since.
    cancelled: bool,
    renewing: bool,
    pub changes: Changes,
}

impl Holder {
    #[must_use]
    pub fn named(name: u8, jitter: Jitter) -> Self {
        Self {
            name,
            generation: 0,
            token: Token::None,
            fetch: Fetch::Idle,
            failures: 0,
            useless: 0,
            useless_until: 0,
            jitter: jitter != Jitter::None,
            cancelled: false,
            renewing: false,
            changes: Changes::default(),
        }
    }

    /// Whether the answer to this fetch is awaited.
    #[must_use]
    pub fn awaits(&self, generation: u64) -> bool {
        matches!(self.fetch, Fetch::Running { .. }) && self.generation == generation
    }

    /// When a fetch that is under way counts as lost.
    fn lease(&self, now: u64) -> Option<u64> {
        match self.fetch {
            Fetch::Running { since, .. } if now < since + LEASE => Some(since + LEASE),
            _ => None,
        }
    }

    fn rests(&self, now: u64) -> Sure {
        match self.fetch {
            Fetch::Resting { until } => match until.came(now) {
                Sure::No => Sure::Yes,
                Sure::Maybe => Sure::Maybe,
                Sure::Yes => Sure::No,
            },
            Fetch::Idle | Fetch::Running { .. } => Sure::No,
        }
    }

    fn rest_shown(&mut self, now: u64, over: bool) {
        if let Fetch::Resting { until } = &mut self.fetch {
            until.shown(now, over);
        }
    }

    fn due_shown(&mut self, now: u64, due: bool) {
        if let Token::Held(held) = &mut self.token {
            held.early.shown(now, due);
        }
    }

    /// The token that is sent: it has not ended, and no 401 gave it up.
    #[must_use]
    pub fn valid(&self, now: u64) -> bool {
        match self.token {
            Token::None => false,
            Token::Plain => true,
            Token::Held(held) => now < held.end && held.given_up != GivenUp::Yes,
        }
    }

    /// The generation that a Send carries.
    #[must_use]
    pub fn sent_generation(&self) -> u64 {
        match self.token {
            Token::None | Token::Plain => 0,
            Token::Held(held) => held.generation,
        }
    }

    /// What is still unknown of a 401 while the fetch may have rested: a fetch that rested kept the token.
    fn settle(&mut self, given_up: bool) {
        if let Token::Held(held) = &mut self.token
            && let GivenUp::Perhaps(at) = held.given_up
        {
            held.given_up = if given_up { GivenUp::Yes } else { GivenUp::No };
            self.rest_shown(at, given_up);
        }
    }

    /// A call asked, behind all other checks.
    ///
    /// # Errors
    /// The manual's table says otherwise.
    pub fn asked(&mut self, now: u64, asks: Asks, says: Says, marks: &mut Marks) -> Result<(), String> {
        self.settle(matches!(says, Says::Lead(answer) if answer.flags().has(Flags::REFUSED)));
        if let Token::Plain = self.token {
            ensure!(says == Says::Send { renew: false }, "a plain text is sent as it is, not {says:?}");
            return Ok(());
        }
        let (due, last) = self.parts(now, asks, marks);
        match says {
            Says::Send { renew } => self.sent(now, (due, last), asks, renew, marks),
            Says::Lead(answer) => {
                ensure!(self.lease(now).is_none(), "two refreshes of one credential");
                ensure!(self.rests(now) != Sure::Yes, "refreshes while a fetch rests: {:?}", self.fetch);
                ensure!(!self.valid(now) || last != Sure::No, "refreshes a token that serves: {:?}", self.token);
                if self.valid(now) {
                    marks.hit(Mark::LeadsNearEnd);
                }
                if self.valid(now) && last == Sure::Maybe {
                    self.due_shown(now, true);
                }
                self.begins(now, answer, marks)
            }
            Says::Park { at_most } => {
                let Some(lease) = self.lease(now) else {
                    return Err(format!("waits for a credential, and no fetch is under way: {:?}", self.fetch));
                };
                ensure!(at_most <= lease - now, "waits {at_most} ms for a fetch that counts as lost before");
                ensure!(!self.valid(now) || last != Sure::No, "waits although its token serves: {:?}", self.token);
                if self.valid(now) {
                    marks.hit(if asks.once { Mark::OnceWaits } else { Mark::WaitsNearEnd });
                }
                if self.valid(now) && last == Sure::Maybe {
                    self.due_shown(now, true);
                }
                Ok(())
            }
            Says::Rest { left } => {
                ensure!(!self.valid(now), "fails with `auth`, and holds a token: {:?}", self.token);
                let Fetch::Resting { until } = &mut self.fetch else {
                    return Err(format!("fails with `auth`, and no fetch rests: {:?}", self.fetch));
                };
                let at = now + left;
                ensure!(left > 0 && until.0 <= at && at <= until.1, "says that {left} ms are left, until {until:?}");
                *until = Between(at, at);
                marks.hit(Mark::RestFails);
                Ok(())
            }
        }
    }

    /// Whether a renewal is due, and whether the call waits for one.
    fn parts(&self, now: u64, asks: Asks, marks: &mut Marks) -> (Sure, Sure) {
        let Token::Held(held) = self.token else { return (Sure::No, Sure::No) };
        if held.end == u64::MAX {
            return (Sure::No, Sure::No);
        }
        let usual = (held.life / 10).min(10_000);
        let last_part = usual.max(asks.units * 1_000).min(held.life / 2);
        let due = held.early.came(now);
        if now >= held.end - last_part {
            if now < held.end - usual {
                marks.hit(Mark::UploadNeedsMore);
            }
            return (due, Sure::Yes);
        }
        (due, if asks.once { due } else { Sure::No })
    }

    fn sent(
        &mut self,
        now: u64,
        (due, last): (Sure, Sure),
        asks: Asks,
        renew: bool,
        marks: &mut Marks,
    ) -> Result<(), String> {
        ensure!(self.valid(now), "sent without a valid credential: {:?}", self.token);
        if self.lease(now).is_some() {
            ensure!(!renew, "RENEW while a fetch is under way");
            ensure!(last != Sure::Yes, "sent, and should wait for the fetch under way: {:?}", self.token);
            if last == Sure::Maybe {
                self.due_shown(now, false);
            }
            if self.renewing && due == Sure::Yes {
                marks.hit(Mark::SentBesideRenewal);
            }
            return Ok(());
        }
        let rests = self.rests(now);
        if renew {
            let may = due != Sure::No && rests != Sure::Yes && last != Sure::Yes && !asks.once;
            ensure!(may, "RENEW, and due is {due:?}, last part {last:?}, rests {rests:?}");
            if let Fetch::Resting { .. } = self.fetch {
                marks.hit(Mark::RenewAfterRest);
            }
            self.due_shown(now, true);
            self.rest_shown(now, true);
            marks.hit(Mark::Renew);
            return Ok(());
        }
        ensure!(due != Sure::Yes || rests != Sure::No, "no RENEW, and a renewal is due: {:?}", self.token);
        ensure!(last != Sure::Yes || rests != Sure::No, "sent, and should lead: {:?}", self.token);
        if due == Sure::Yes || last == Sure::Yes {
            self.rest_shown(now, false);
            marks.hit(if last == Sure::Yes { Mark::RestSendsNearEnd } else { Mark::RestSends });
        } else if rests == Sure::No {
            self.due_shown(now, false);
        }
        Ok(())
    }

    /// A call that waited for a fetch which failed goes on.
    ///
    /// # Errors
    /// There is no token.
    pub fn went_on(&mut self, now: u64, marks: &mut Marks) -> Result<(), String> {
        self.settle(false);
        ensure!(self.valid(now), "goes on without a token: {:?}", self.token);
        marks.hit(Mark::WentOn);
        Ok(())
    }

    /// The time that a failure may name: until the rest is over.
    ///
    /// # Errors
    /// It is another one.
    pub fn says_rest(&mut self, now: u64, said: Option<u64>) -> Result<(), String> {
        let rests = self.rests(now);
        let Fetch::Resting { until } = &mut self.fetch else {
            ensure!(said.is_none(), "names {said:?} ms, and no fetch rests");
            return Ok(());
        };
        let Some(left) = said else {
            ensure!(rests != Sure::Yes, "does not say that a fetch rests until {until:?}");
            until.shown(now, true);
            return Ok(());
        };
        let at = now + left;
        ensure!(left > 0 && until.0 <= at && at <= until.1, "says that {left} ms are left, until {until:?}");
        *until = Between(at, at);
        Ok(())
    }

    /// A fetch begins with this answer.
    fn begins(&mut self, now: u64, answer: Answer, marks: &mut Marks) -> Result<(), String> {
        self.rest_shown(now, true);
        let (expired, refused) = match self.token {
            Token::None | Token::Plain => (false, false),
            Token::Held(held) => (held.given_up != GivenUp::Yes, held.given_up == GivenUp::Yes),
        };
        ensure!(answer.flags().has(Flags::EXPIRED) == expired, "refreshes, and EXPIRED should be {expired}");
        ensure!(answer.flags().has(Flags::REFUSED) == refused, "refreshes, and REFUSED should be {refused}");
        if refused {
            marks.hit(Mark::RefreshRefused);
        } else if expired {
            marks.hit(Mark::RefreshExpired);
        }
        match self.fetch {
            Fetch::Running { .. } => marks.hit(Mark::LeaseOfLeader),
            Fetch::Resting { .. } => marks.hit(Mark::LeadsAfterRest),
            Fetch::Idle => {}
        }
        if std::mem::take(&mut self.cancelled) {
            marks.hit(Mark::LeaderReplaced);
        }
        self.generation = (self.generation + 1) & 0xf_ffff;
        self.fetch = Fetch::Running { since: now, for_401: refused };
        self.renewing = false;
        self.changes.asked += 1;
        Ok(())
    }

    /// `renew` answered; `leads` = with `Refresh`.
    ///
    /// # Errors
    /// A renewal was due, or was not.
    pub fn renewed(
        &mut self,
        now: u64,
        closed: bool,
        answer: Answer,
        leads: bool,
        marks: &mut Marks,
    ) -> Result<(), String> {
        let plain = matches!(self.token, Token::Plain);
        let running = self.lease(now).is_some();
        if closed || running || plain {
            ensure!(!leads, "renews, and closed is {closed}, under way {running}, plain {plain}");
            if running {
                marks.hit(Mark::RenewUnderWay);
            }
            return Ok(());
        }
        self.settle(leads && answer.flags().has(Flags::REFUSED));
        let due = if self.valid(now) { self.parts(now, Asks::default(), marks) } else { (Sure::Yes, Sure::Yes) };
        let due = if due.1 == Sure::Yes { Sure::Yes } else { due.0 };
        let rests = self.rests(now);
        if leads {
            ensure!(due != Sure::No && rests != Sure::Yes, "renews, and due is {due:?}, rests {rests:?}");
            if due == Sure::Maybe {
                self.due_shown(now, true);
            }
            let valid = self.valid(now);
            self.begins(now, answer, marks)?;
            self.renewing = valid;
            marks.hit(if valid { Mark::Renews } else { Mark::RenewsLate });
            return Ok(());
        }
        ensure!(due != Sure::Yes || rests != Sure::No, "does not renew, and a renewal is due: {:?}", self.token);
        if due == Sure::Yes {
            self.rest_shown(now, false);
            marks.hit(Mark::RenewRests);
        } else if rests == Sure::No {
            self.due_shown(now, false);
            marks.hit(Mark::RenewNotDue);
        }
        Ok(())
    }

    /// A token came.
    pub fn came(&mut self, now: u64, life: u64, marks: &mut Marks) {
        let after_401 = matches!(self.fetch, Fetch::Running { for_401: true, .. });
        self.changes.came += 1;
        self.fetch = Fetch::Idle;
        self.failures = 0;
        if std::mem::take(&mut self.renewing) {
            marks.hit(Mark::RenewalCame);
        }
        let held = Held {
            generation: self.generation,
            life,
            early: Between(u64::MAX, u64::MAX),
            end: u64::MAX,
            given_up: GivenUp::No,
            after_401,
        };
        self.token = match life {
            0 => Token::Plain,
            ENDLESS.. => Token::Held(held),
            _ => {
                let end = now + life;
                let late = end - (life / 10).min(10_000);
                let spread = (life / 4).min(60_000);
                let drawn = if self.jitter { spread } else { 0 };
                let early = |drawn| late.min(end - spread - drawn);
                if self.jitter && life >= 240_000 {
                    marks.hit(Mark::LongLife);
                }
                Token::Held(Held { end, early: Between(early(drawn), early(0)), ..held })
            }
        };
    }

    /// A fetch failed.
    pub fn failed(&mut self, now: u64, fault: Fault, retry_after: u64, marks: &mut Marks) {
        self.fetch = Fetch::Idle;
        let renewing = std::mem::take(&mut self.renewing);
        match fault {
            Fault::Rejected => self.changes.rejected += 1,
            Fault::Unchanged => self.changes.unchanged += 1,
            _ => self.changes.failed += 1,
        }
        if fault == Fault::Cancelled {
            self.cancelled = true;
            return;
        }
        if let Token::Held(held) = &mut self.token {
            if held.given_up == GivenUp::Yes {
                marks.hit(Mark::FailedAfter401);
            }
            held.given_up = GivenUp::No;
        }
        if renewing && self.valid(now) {
            marks.hit(Mark::RenewalFailed);
        }
        match fault {
            Fault::Offline => return,
            Fault::Unchanged => return self.was_useless(now, marks),
            _ => self.failures += 1,
        }
        let counted = if self.valid(now) { self.failures } else { self.failures - 1 };
        let rest = match (fault, counted) {
            (Fault::Rejected, _) => {
                marks.hit(Mark::Rejected);
                Between(60_000, 60_000)
            }
            (_, 0) => {
                marks.hit(Mark::FirstFailure);
                Between(0, 0)
            }
            (_, n) => {
                let least = (1_000 << (n - 1).min(10)).min(5_000);
                if least == 5_000 {
                    marks.hit(Mark::LongestRest);
                }
                Between(least, if self.jitter { 2 * least } else { least })
            }
        };
        if retry_after > rest.1 {
            marks.hit(Mark::RetryAfterOutlasts);
        }
        let (least, most) = (rest.0.max(retry_after), rest.1.max(retry_after));
        if most > 0 {
            self.fetch = Fetch::Resting { until: Between(now + least, now + most) };
        }
    }

    fn was_useless(&mut self, now: u64, marks: &mut Marks) {
        self.useless += 1;
        let rest = (1_000 << (self.useless - 1).min(10)).min(10_000);
        if rest == 10_000 {
            marks.hit(Mark::LongestUseless);
        }
        self.useless_until = now + rest;
    }

    /// A 401 came to a call that needs the credential; `replays` = the core sends it again at once.
    ///
    /// # Errors
    /// It must be delivered, or sent again.
    pub fn refused(
        &mut self,
        now: u64,
        (generation, second, repeatable): (u64, bool, bool),
        delivered: bool,
        marks: &mut Marks,
    ) -> Result<After401, String> {
        let says = if delivered { After401::Delivered } else { After401::Replayed };
        let useless = now < self.useless_until;
        let rests = self.rests(now);
        let expected = match &mut self.token {
            Token::Plain => After401::Delivered,
            Token::Held(held) if second => {
                if held.generation == generation && std::mem::take(&mut held.after_401) {
                    self.changes.useless += 1;
                    marks.hit(Mark::Useless);
                    self.was_useless(now, marks);
                }
                After401::Delivered
            }
            Token::None if second => After401::Delivered,
            Token::Held(held) if held.generation == generation => {
                if useless {
                    marks.hit(Mark::DeliveredUseless);
                    After401::Delivered
                } else if rests == Sure::Yes || rests == Sure::Maybe && repeatable && delivered {
                    marks.hit(Mark::DeliveredResting);
                    self.rest_shown(now, false);
                    self.settle(false);
                    After401::Delivered
                } else if rests == Sure::Maybe && !repeatable {
                    if held.given_up != GivenUp::Yes {
                        held.given_up = GivenUp::Perhaps(now);
                        self.changes.refused.1 += 1;
                    }
                    After401::Delivered
                } else {
                    self.changes.refused.0 += u64::from(held.given_up == GivenUp::No);
                    self.changes.refused.1 += u64::from(held.given_up != GivenUp::Yes);
                    held.given_up = GivenUp::Yes;
                    self.rest_shown(now, true);
                    if !repeatable {
                        marks.hit(Mark::OnceGivesUp);
                    }
                    if repeatable { After401::Replayed } else { After401::Delivered }
                }
            }
            Token::None | Token::Held(_) => {
                marks.hit(Mark::OlderToken);
                if repeatable { After401::Replayed } else { After401::Delivered }
            }
        };
        ensure!(says == expected, "a 401 is {says:?}, expected {expected:?}: {self:?}");
        Ok(says)
    }

    /// An answer other than 401 came to a replay.
    pub fn helped(&mut self, now: u64, marks: &mut Marks) {
        if now < self.useless_until {
            marks.hit(Mark::ReplayHelps);
        }
        (self.useless, self.useless_until) = (0, 0);
    }

    /// The token is forgotten.
    pub fn reset(&mut self, now: u64, marks: &mut Marks) {
        marks.hit(match (self.fetch, self.token) {
            (Fetch::Running { .. }, _) => Mark::ResetRunning,
            (Fetch::Resting { .. }, _) => Mark::ResetResting,
            (Fetch::Idle, Token::None) => Mark::ResetNothing,
            (Fetch::Idle, _) if now < self.useless_until => Mark::ResetUseless,
            (Fetch::Idle, _) => Mark::ResetHeld,
        });
        let jitter = if self.jitter { Jitter::Added } else { Jitter::None };
        let (generation, changes) = (self.generation, self.changes);
        *self = Self { generation, changes, ..Self::named(self.name, jitter) };
    }
}
