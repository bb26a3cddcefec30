//! May it send? Every answer of begin, resume and of an attempt that goes on at once is held against the six gates:
//! deadline, breaker, cap, limiter, auth, send.

use super::call::{self, Call, Last, Paying};
use super::{Core, Shadow, Token, ensure};
use crate::world::marks::Mark;
use std::rc::Rc;
use unruffled_core::{Answer, Flags, NO_TIME, Node, Reason, Standing, Step};

impl Shadow {
    /// The answer to a call that asked to be let in.
    pub(super) fn admitted(&mut self, id: u32, core: Core<'_>, answer: Answer) -> Result<(), String> {
        let now = self.now;
        let call = self.known(id).clone();
        let from = call.standing;
        let own_line = Standing {
            node: Node::Retry,
            upstream: call.upstream as u32,
            place: call.permits[0].map_or(0, |(gate, _)| gate),
        };
        let offline = from.node == Node::Offline;
        let left = call.left(now);
        let late = left.is_none_or(|_| offline && call.may_wait(now) == 0);
        let failed = from.node == Node::Credential
            && call.generation != 0
            && self.holders[call.holder].failed == call.generation;
        if self.closed {
            return self.must_fail(id, answer, Reason::Closed);
        }
        if failed {
            return self.must_fail(id, answer, Reason::Auth);
        }
        if late {
            self.mark_deadline(from);
            return self.must_fail(id, answer, if offline { Reason::Offline } else { Reason::Deadline });
        }
        let slot_over = left != Some(0) && call.rest(now) == 0;
        let left = call.may_wait(now);
        let upstream = &mut self.upstreams[call.upstream];
        let shut = !upstream.passes(&call, now);
        let in_own_line = from == own_line;
        if shut {
            if call.holds > 0 {
                upstream.budget.give_back(call.holds);
                self.marks.hit(Mark::TokenGivenBack);
            }
            if !in_own_line {
                upstream.turn_away(&call);
            }
            if call.replayed && call.paying == Paying::Free && from.node == Node::Flight {
                self.marks.hit(Mark::ReplayIntoOpen);
            }
        }
        if shut {
            self.known(id).holds = 0;
        }
        let upstream = &self.upstreams[call.upstream];
        let here = if in_own_line { now - call.lined_up } else { 0 };
        let patience = match (call.attempts, self.rules.routes[call.route].patience) {
            (0, _) => upstream.wait(&call),
            (_, Some(written)) => written,
            (_, None) => upstream.patience(),
        };
        let patience = patience.saturating_sub(call.patience_used).saturating_sub(here);
        let rest = patience.min(call.rest(now));
        let slot_first = slot_over && patience > 0;
        if shut && call.paying == Paying::First && upstream.wait(&call) == 0 || shut && rest == 0 {
            if slot_first && in_own_line {
                self.marks.hit(Mark::SlotEndsPatience);
            } else if call.paying != Paying::First {
                self.marks.hit(Mark::PatienceEndsOpen);
            }
            ensure!(
                matches!(answer.step(), Step::Fail { retry_after: 1.., .. }),
                "circuit-open says when to come back"
            );
            return self.must_fail(id, answer, Reason::CircuitOpen);
        }
        // The probe pays nothing unless it is a retry.
        let probing = upstream.blocks(&call);
        let due = match call.paying {
            Paying::Owes if call.holds == 0 => upstream.budget.price(call.attempts),
            Paying::First if call.holds == 0 && in_own_line && !probing => upstream.budget.price(0),
            Paying::First | Paying::Owes | Paying::Free => 0,
        };
        match answer.step() {
            Step::Send { timeout } => {
                ensure!(!shut, "sent while a breaker is open, and no probe is due");
                if slot_over {
                    self.marks.hit(Mark::SlotLate);
                }
                self.sent(id, core, answer, timeout, due)
            }
            Step::Wait { delay } => {
                ensure!(delay > 0 && delay <= left, "waits {delay} ms, {left} ms are left");
                let to = self.waits(id, core, shut, rest, delay, due)?;
                let heads = matches!(to.node, Node::Bucket | Node::Retry) && self.lines.head(to) == Some(id);
                ensure!(heads, "told to wait in {to:?} without being its head");
                Ok(())
            }
            Step::Park { at_most } => {
                ensure!(at_most > 0 && at_most <= left, "parks {at_most} ms, {left} ms are left");
                self.waits(id, core, shut, rest, at_most, due).map(|_| ())
            }
            Step::Refresh { generation } => {
                ensure!(!shut, "refreshes while a breaker is open");
                self.leads(id, core, generation, due)
            }
            Step::Fail { reason, retry_after, .. } => {
                let waiting = self.lines.waiting();
                let right = match reason {
                    Reason::Deadline => {
                        if slot_over {
                            self.marks.hit(Mark::SlotEnds);
                        } else {
                            self.mark_deadline(from);
                        }
                        left == 0
                    }
                    Reason::BudgetExhausted => {
                        self.marks.hit(Mark::PatienceEnds);
                        !shut && due > 0 && call.attempts > 0 && rest == 0
                    }
                    Reason::CircuitOpen => {
                        self.marks.hit(Mark::WaitEnds);
                        !shut && due > 0 && call.attempts == 0 && rest == 0
                    }
                    Reason::Overloaded => {
                        self.marks.hit(Mark::OverloadedFull);
                        !super::lines::in_line(from) && waiting >= self.rules.max_waiting
                    }
                    Reason::RateLimited => {
                        let slot = call.left(now).is_some_and(|left| u64::from(retry_after) <= left);
                        self.marks.hit(if slot { Mark::SlotTooLong } else { Mark::RateLimitedAtOnce });
                        !shut && retry_after != NO_TIME && u64::from(retry_after) > left
                    }
                    _ => false,
                };
                ensure!(
                    right,
                    "fails with {reason:?}: {left} ms left, {rest} ms of patience, shut {shut}, {waiting} wait"
                );
                self.must_fail(id, answer, reason)
            }
            other => Err(format!("{other:?} is no answer to who asks to be let in")),
        }
    }

    fn mark_deadline(&mut self, from: Standing) {
        let mark = match from.node {
            Node::Cap => Mark::DeadlineInCap,
            Node::Bucket => Mark::DeadlineInBucket,
            Node::Retry => Mark::DeadlineInRetry,
            Node::Credential => Mark::DeadlineInCredential,
            Node::Offline => Mark::DeadlineOffline,
            Node::New | Node::Flight | Node::Backoff | Node::Kept | Node::Gone => return,
        };
        self.marks.hit(mark);
    }

    /// It waits in a line.
    fn waits(
        &mut self,
        id: u32,
        core: Core<'_>,
        shut: bool,
        rest: u64,
        bound: u64,
        due: u64,
    ) -> Result<Standing, String> {
        let from = self.moved(id, core)?;
        let call = self.known(id);
        call.eventful = true;
        let call = call.clone();
        let to = call.standing;
        self.holds(id, to, due)?;
        ensure!(!shut || to.node == Node::Retry, "a breaker is open, and it stands in {to:?}");
        let upstream = &self.upstreams[call.upstream];
        let probing = upstream.blocks(&call);
        match to.node {
            Node::Retry => {
                ensure!(bound <= rest, "waits {bound} ms with {rest} ms of patience left");
                ensure!(shut || due > 0, "waits in the retry line without need");
                if !shut && self.lines.head(to) == Some(id) {
                    let affords = self.upstreams[call.upstream].budget.affords(self.now, due);
                    ensure!(!affords, "waits at the head of the retry line, and there are tokens");
                }
                if call.paying == Paying::First && from != to {
                    self.marks.hit(Mark::FirstLinesUp);
                }
            }
            Node::Cap => {
                let full = upstream.in_flight >= self.rules.concurrency;
                ensure!(full || self.lines.has_others(to, id), "waits under a cap that has room");
                if probing {
                    self.marks.hit(Mark::ProbeWaitsForCap);
                }
            }
            Node::Bucket => {
                if probing {
                    self.marks.hit(Mark::ProbeWaitsForToken);
                }
                if call.replayed && from.node == Node::Flight {
                    self.marks.hit(Mark::ReplayWhilePaused);
                }
            }
            Node::Credential => {
                let holder = &self.holders[call.holder];
                let waits = matches!(holder.token, Token::Leading(since) if self.now < since + 60_000);
                ensure!(waits, "waits for a credential that nobody fetches: {:?}", holder.token);
                let generation = holder.generation;
                self.known(id).generation = generation;
                if probing {
                    self.marks.hit(Mark::ProbeWaitsForCredential);
                }
            }
            other => return Err(format!("waits as {other:?}")),
        }
        Ok(to)
    }

    /// Beyond the retry line a call carries what it paid, wherever it waits.
    fn holds(&mut self, id: u32, to: Standing, due: u64) -> Result<(), String> {
        let now = self.now;
        let call = self.known(id);
        if to.node != Node::Retry && due > 0 {
            call.holds = due;
            let upstream = call.upstream;
            self.upstreams[upstream].budget.take(now, due)?;
        }
        Ok(())
    }

    /// It fetches the credential for all.
    fn leads(&mut self, id: u32, core: Core<'_>, generation: u64, due: u64) -> Result<(), String> {
        let now = self.now;
        self.moved(id, core)?;
        let call = self.known(id);
        call.eventful = true;
        let (place, standing) = (call.holder, call.standing);
        self.holds(id, standing, due)?;
        let open = self.upstreams[self.calls[&id].upstream].blocks(&self.calls[&id]);
        ensure!(standing.node == Node::Credential, "leads, and stands in {standing:?}");
        let holder = &mut self.holders[place];
        match holder.token {
            Token::Empty => {
                if holder.generation > 0 && holder.failed != holder.generation {
                    self.marks.hit(Mark::LeaderReplaced);
                }
            }
            Token::Valid(until) => ensure!(until <= now, "refreshes a token that is valid until {until}"),
            Token::Leading(since) => {
                ensure!(now >= since + 60_000, "two refreshes of one credential");
                self.marks.hit(Mark::LeaseOfLeader);
            }
            Token::Plain => return Err("refreshes a plain string".into()),
        }
        if open {
            self.marks.hit(Mark::RefreshWhileOpen);
        }
        holder.generation = (holder.generation + 1) & 0xf_ffff;
        holder.token = Token::Leading(now);
        let expected = (place as u64) << 20 | holder.generation;
        ensure!(generation == expected, "generation {generation}, expected {expected}");
        let generation = holder.generation;
        self.known(id).generation = generation;
        Ok(())
    }

    /// An attempt is sent: all gates, and what each gives.
    fn sent(&mut self, id: u32, core: Core<'_>, answer: Answer, timeout: u64, due: u64) -> Result<(), String> {
        let now = self.now;
        let call = self.known(id).clone();
        self.in_turn(id, &call, due)?;
        ensure!(call.deadline >= now + 50, "an attempt starts {} ms before the deadline", call.deadline - now);
        ensure!(timeout == call.timeout(now), "timeout {timeout}, expected {}", call.timeout(now));
        ensure!(now >= call.not_before, "sent at {now}, not before {} was asked for", call.not_before);
        ensure!(!call.sealed, "sent again what may have been done already");
        if timeout == 0 {
            self.marks.hit(Mark::NoTimeLimit);
        }
        let mut generation = call.generation;
        if call.has(call::CREDENTIALS) {
            let holder = &self.holders[call.holder];
            let valid = holder.token == Token::Plain || matches!(holder.token, Token::Valid(until) if until > now);
            ensure!(valid, "sent without a valid credential: {:?}", holder.token);
            generation = holder.generation;
        }
        self.sequence += 1;
        let sequence = self.sequence;
        let rules = Rc::clone(&self.rules);
        let upstream = &mut self.upstreams[call.upstream];
        for (bucket, cost) in costs(&rules, upstream.own, call.route) {
            upstream.lanes[usize::from(bucket)].take(now, cost, sequence)?;
        }
        upstream.in_flight += 1;
        let mut next = call.clone();
        let was_open = upstream.blocks(&call);
        upstream.commit(&mut next, now);
        if due > 0 {
            upstream.budget.take(now, due)?;
        }
        if call.holds + due > 0 {
            self.marks.hit(Mark::RetryPaid);
            if call.standing.node == Node::Retry {
                self.marks.hit(Mark::RetryFromLine);
            }
        }
        if was_open && call.standing.node == Node::Retry {
            self.marks.hit(Mark::ProbeFromLine);
        }
        next.holds = 0;
        next.counted = call.paying != Paying::Free;
        if next.counted {
            next.paid = call.holds + due;
            next.attempts += 1;
        }
        next.paying = Paying::Free;
        next.sends += 1;
        next.sent_at = now;
        next.sequence = sequence;
        next.generation = generation;
        let most = rules.routes[call.route].attempts;
        ensure!(next.attempts <= most, "attempt {} of {most}", next.attempts);
        if next.sends > 1 && !call.safe() && !call.replayable() {
            self.marks.hit(Mark::ResentUnsafe);
        }
        let flags = answer.flags();
        ensure!(flags.has(Flags::KEY) == call.keyed, "a key on the wrong call");
        ensure!(flags.has(Flags::TOKEN) == call.has(call::CREDENTIALS), "a credential on the wrong call");
        *self.known(id) = next;
        self.moved(id, core)?;
        if call.attempts == 0 {
            // What it waited for the breaker is not the patience of its retries.
            self.known(id).patience_used = 0;
        }
        let standing = self.known(id).standing;
        ensure!(standing.node == Node::Flight, "sent, and stands in {standing:?}");
        Ok(())
    }

    /// First come, first served: nobody of the lines that this call must pass came earlier.
    fn in_turn(&mut self, id: u32, call: &Call, due: u64) -> Result<(), String> {
        let upstream = call.upstream as u32;
        let retry = Standing { node: Node::Retry, upstream, place: call.permits[0].map_or(0, |(gate, _)| gate) };
        let from = call.standing;
        if due > 0 {
            ensure!(
                !self.lines.has_others(retry, id) || self.lines.head(retry) == Some(id),
                "a retry goes past others in its line"
            );
        }
        if from == retry && due == 0 && self.lines.head(retry) != Some(id) {
            self.marks.hit(Mark::FirstGoesPast);
        }
        let cap = Standing { node: Node::Cap, upstream, place: 0 };
        let in_flight = self.upstreams[call.upstream].in_flight;
        ensure!(in_flight < self.rules.concurrency, "{in_flight} attempts in flight already");
        if !matches!(from.node, Node::Bucket | Node::Credential) {
            ensure!(
                !self.lines.has_others(cap, id) || self.lines.head(cap) == Some(id),
                "goes past others under the cap"
            );
        }
        let own = self.upstreams[call.upstream].own;
        for (bucket, _) in costs(&self.rules, own, call.route) {
            let line = Standing { node: Node::Bucket, upstream, place: u16::from(bucket) };
            let first = if from.node == Node::Bucket {
                from != line || self.lines.head(line) == Some(id)
            } else {
                !self.lines.has_others(line, id)
            };
            ensure!(first, "goes past others at bucket {bucket}");
        }
        Ok(())
    }

    /// The call ends with this failure: its outcome, its flags.
    pub(super) fn must_fail(&mut self, id: u32, answer: Answer, expected: Reason) -> Result<(), String> {
        let Step::Fail { outcome, reason, .. } = answer.step() else {
            return Err(format!("expected a failure with {expected:?}"));
        };
        let call = &self.calls[&id];
        ensure!(reason == expected, "failed with {reason:?}, expected {expected:?}");
        ensure!(outcome == call.worst, "outcome {outcome:?}, expected {:?}", call.worst);
        let status = matches!(call.last, Last::Status(_));
        ensure!(answer.flags().has(Flags::RESPONSE) == status, "RESPONSE tells of a last response");
        ensure!(answer.flags().has(Flags::REPORT), "a failure keeps its record");
        self.ended(id, Some(reason));
        Ok(())
    }
}

/// What a call draws: bucket and tokens.
pub(super) fn costs(rules: &crate::world::rules::Rules, own: bool, route: usize) -> Vec<(u8, u64)> {
    if own && !rules.limits.is_empty() { rules.routes[route].costs.clone() } else { vec![(0, 1)] }
}
