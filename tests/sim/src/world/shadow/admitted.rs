//! May it send? Every answer of begin, resume and of an attempt that goes on at once is held against the six gates:
//! deadline, breaker, cap, limiter, auth, send.

use super::call::{self, Call, Last, Paying};
use super::fetches::said;
use super::gates::Verdict;
use super::holder::Says;
use super::lane::Took;
use super::{Core, Shadow, Upstream, ensure};
use crate::world::marks::Mark;
use crate::world::rules::Rules;
use std::rc::Rc;
use unruffled_core::{Answer, Flags, NO_TIME, Node, Reason, Standing, Step};

/// What the queue of its gate takes of a call that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Nothing: it has its right, or needs none.
    Free,
    /// So many billionths of a token.
    Pays(u64),
    /// It goes without a token.
    Asks,
}

/// What the breaker and the queue say to a call.
#[derive(Debug, Clone, Copy)]
struct Gated {
    shut: bool,
    /// `None` = it waits in its queue.
    way: Option<Way>,
    /// What is left of its patience there, and of the time that its host lends a slot.
    rest: u64,
}

impl Shadow {
    /// Whether a call needs a right of its queue to go: a retry does, and a first attempt that stands there. The breaker's
    /// probe does not.
    pub(super) fn needs_right(&self, call: &Call, verdict: Verdict) -> bool {
        if call.right || verdict == Verdict::Probe {
            return false;
        }
        match call.paying {
            Paying::Owes => true,
            Paying::Free => false,
            Paying::First => call.standing == call.queue() && self.upstreams[call.upstream].budget.price(0) > 0,
        }
    }

    /// How the queue lets it go, if it does: the head, with tokens, or without when none of those that left is under way.
    fn way(&mut self, id: u32, call: &Call, verdict: Verdict) -> Option<Way> {
        if let Verdict::Shut(_) = verdict {
            return None;
        }
        if !self.needs_right(call, verdict) {
            return Some(Way::Free);
        }
        if self.lines.head(call.queue()).is_some_and(|head| head != id) {
            return None;
        }
        let now = self.now;
        let budget = &mut self.upstreams[call.upstream].budget;
        let price = budget.price(call.attempts);
        if budget.affords(now, price) {
            return Some(Way::Pays(price));
        }
        let asks_at = self.upstreams[call.upstream].own_gate(call).asks_at;
        (now >= asks_at && !self.under_way(call.upstream, call.gate())).then_some(Way::Asks)
    }

    /// A 429 costs nothing where its bucket knows a cap, which nothing shows but what follows: whether the next attempt is counted
    /// when it is sent, and whether a token is gone when it only passed its queue.
    pub(super) fn find_out_who_pays(&mut self, id: u32, core: Core<'_>, answer: Answer) {
        let call = self.known(id).clone();
        let verdict = self.upstreams[call.upstream].verdict(&call, self.now);
        let node = core.standing(id).map(|standing| standing.node);
        if matches!(verdict, Verdict::Shut(_)) || node.is_none_or(|node| node == Node::Retained) {
            return;
        }
        let before = self.upstreams[call.upstream].budget.clone();
        let way = self.way(id, &call, verdict);
        let mut budget = std::mem::replace(&mut self.upstreams[call.upstream].budget, before);
        let free = match (self.recorded.take(), way) {
            (Some(attempts), _) if matches!(answer.step(), Step::Send { .. }) => attempts == call.attempts,
            _ if node == Some(Node::Retry) => false,
            (_, None) => true,
            (_, Some(Way::Pays(price))) => {
                let paid =
                    budget.take(self.now, price).is_ok() && budget.tokens() == core.retry_tokens(call.upstream as u32);
                !paid
            }
            (_, Some(Way::Free | Way::Asks)) => return,
        };
        if free {
            self.marks.hit(Mark::CapKnown);
        }
        let call = self.known(id);
        if free && call.holds == 0 {
            // That it had gone without a token was a guess of the oracle.
            call.right = false;
        }
        call.paying = if free { Paying::Free } else { Paying::Owes };
        call.unsure = false;
    }

    /// Takes back the rights that were foreseen for calls of the same queue of which it is not known whether they cost a token: the
    /// core let another one pass, so they went for nothing. Returns whether there were any.
    fn had_no_right(&mut self, call: &Call) -> bool {
        let (upstream, gate) = (call.upstream, call.gate());
        let mut any = false;
        for other in self.calls.values_mut() {
            if other.right && other.unsure && other.upstream == upstream && other.gate() == gate {
                (other.right, other.unsure, other.paying) = (false, false, Paying::Free);
                any = true;
            }
        }
        any
    }

    /// It goes, at least past its queue.
    fn goes(&mut self, id: u32, way: Way) -> Result<(), String> {
        let now = self.now;
        match way {
            Way::Free => return Ok(()),
            Way::Pays(price) => {
                let call = self.known(id);
                call.holds = price;
                let upstream = call.upstream;
                self.upstreams[upstream].budget.take(now, price)?;
            }
            Way::Asks => {
                let first = self.known(id).attempts == 0;
                self.marks.hit(if first { Mark::AskedFirst } else { Mark::Asked });
            }
        }
        self.known(id).right = true;
        Ok(())
    }

    /// The answer to a call that asked to be let in.
    pub(super) fn admitted(&mut self, id: u32, core: Core<'_>, answer: Answer) -> Result<(), String> {
        let now = self.now;
        let call = self.known(id).clone();
        let from = call.standing;
        let own_line = call.queue();
        let failed = self.known(id).fetch_failed.take().filter(|_| from.node == Node::Credential);
        if let Some(fault) = failed.filter(|_| !self.closed)
            && let Some(ended) = self.after_fetch(id, fault, core, answer)?
        {
            return Ok(ended);
        }
        let went_on = failed.is_some();
        if let Some(reason) = self.ends_first(&call) {
            return self.must_fail(id, answer, reason);
        }
        let left = call.left(now);
        let slot_over = left != Some(0) && call.rest(now) == 0;
        let left = call.may_wait(now);
        let in_own_line = from == own_line;
        let verdict = self.upstreams[call.upstream].verdict(&call, now);
        let shut = matches!(verdict, Verdict::Shut(_));
        if shut {
            self.held_back(id, in_own_line)?;
        }
        let call = self.known(id).clone();
        let mut way = self.way(id, &call, verdict);
        if way.is_none() && !shut && passed_its_queue(core, id) && self.had_no_right(&call) {
            way = self.way(id, &call, verdict);
        }
        let upstream = &self.upstreams[call.upstream];
        let (waited, anew) = upstream.waited(&call, now, in_own_line);
        let patience = upstream.patience(&call, &self.rules.routes[call.route]).saturating_sub(waited);
        let rest = patience.min(call.rest(now));
        if anew && in_own_line && now - call.lined_up > waited {
            self.marks.hit(Mark::PatienceAnew);
        }
        let slot_first = slot_over && patience > 0;
        if shut && rest == 0 {
            return self.must_be_refused(id, answer, verdict, slot_first && in_own_line);
        }
        let gated = Gated { shut, way, rest };
        match answer.step() {
            Step::Send { timeout } => {
                ensure!(!shut, "sent while a breaker is open, and no probe is due");
                if slot_over {
                    self.marks.hit(Mark::SlotLate);
                }
                let way = way.ok_or_else(|| format!("sent, and others wait or there is no token: {gated:?}"))?;
                self.sent(id, core, answer, (timeout, went_on), way)
            }
            Step::Wait { delay } => {
                ensure!(delay > 0 && delay <= left, "waits {delay} ms, {left} ms are left");
                let to = self.waits(id, core, gated, delay)?;
                let heads = matches!(to.node, Node::Bucket | Node::Retry) && self.lines.head(to) == Some(id);
                ensure!(heads, "told to wait in {to:?} without being its head");
                Ok(())
            }
            Step::Park { at_most } => {
                ensure!(at_most > 0 && at_most <= left, "parks {at_most} ms, {left} ms are left");
                self.waits(id, core, gated, at_most).map(|_| ())
            }
            Step::Refresh { generation } => {
                ensure!(!shut, "refreshes while a breaker is open");
                let way = way.ok_or_else(|| format!("refreshes, and others wait or there is no token: {gated:?}"))?;
                self.leads(id, core, answer, generation, way)
            }
            Step::Fail { .. } => self.may_fail(id, answer, gated, (left, slot_over)),
            other => Err(format!("{other:?} is no answer to who asks to be let in")),
        }
    }

    /// Returns why a call ends before a breaker or a queue is asked.
    fn ends_first(&mut self, call: &Call) -> Option<Reason> {
        let from = call.standing;
        let is_offline = from.node == Node::Offline;
        if self.closed {
            return Some(Reason::Closed);
        }
        if call.left(self.now).is_none_or(|_| is_offline && call.may_wait(self.now) == 0) {
            self.mark_deadline(from);
            return Some(if is_offline { Reason::Offline } else { Reason::Deadline });
        }
        None
    }

    /// Checks that a call which asked to be let in may fail so. `left`: what its deadline leaves to wait.
    fn may_fail(
        &mut self,
        id: u32,
        answer: Answer,
        gated: Gated,
        (left, slot_over): (u64, bool),
    ) -> Result<(), String> {
        let Step::Fail { reason, retry_after, .. } = answer.step() else { return Err("it did not fail".into()) };
        let Gated { shut, way, rest } = gated;
        let call = self.known(id).clone();
        let (from, waiting) = (call.standing, self.lines.waiting());
        let has_waited = !shut && way.is_none() && rest == 0;
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
                has_waited && call.attempts > 0
            }
            Reason::CircuitOpen => {
                self.marks.hit(Mark::WaitEnds);
                has_waited && call.attempts == 0
            }
            Reason::Overloaded => {
                self.marks.hit(Mark::OverloadedFull);
                !super::lines::in_line(from) && waiting >= self.rules.max_waiting
            }
            Reason::RateLimited => {
                let slot = call.left(self.now).is_some_and(|left| u64::from(retry_after) <= left);
                self.marks.hit(if slot { Mark::SlotTooLong } else { Mark::RateLimitedAtOnce });
                self.may_refuse(&call, u64::from(retry_after))?;
                !shut && retry_after != NO_TIME && u64::from(retry_after) > left
            }
            Reason::Auth => {
                let way = way.ok_or_else(|| format!("asks for its credential, and is held: {gated:?}"))?;
                self.goes(id, way)?;
                let left = said(answer).ok_or("fails with `auth` without a time")?;
                self.asks(id, Says::Rest { left })?;
                !shut && self.upstreams[call.upstream].in_flight < self.rules.concurrency
            }
            _ => false,
        };
        ensure!(right, "fails with {reason:?}: {left} ms left, {rest} ms of patience, shut {shut}, {waiting} wait");
        self.must_fail(id, answer, reason)
    }

    /// Checks that a call which a breaker holds back fails, and says when to come back.
    fn must_be_refused(&mut self, id: u32, answer: Answer, verdict: Verdict, slot_first: bool) -> Result<(), String> {
        if slot_first {
            self.marks.hit(Mark::SlotEndsPatience);
        } else if self.known(id).attempts > 0 {
            self.marks.hit(Mark::PatienceEndsOpen);
        }
        let Verdict::Shut(at) = verdict else { return Err("no verdict".into()) };
        let left = at - self.now;
        ensure!(
            matches!(answer.step(), Step::Fail { retry_after, .. } if (1..=left).contains(&u64::from(retry_after))),
            "circuit-open says when to come back, in {left} ms at most"
        );
        self.must_fail(id, answer, Reason::CircuitOpen)
    }

    /// An open breaker: what it held goes back, and it counts for the next probe when it did not wait already.
    fn held_back(&mut self, id: u32, in_own_line: bool) -> Result<(), String> {
        let call = self.known(id);
        let (holds, right) = (std::mem::take(&mut call.holds), std::mem::take(&mut call.right));
        let call = call.clone();
        self.may_be_held(&call)?;
        let upstream = &mut self.upstreams[call.upstream];
        if holds > 0 {
            upstream.budget.give_back(holds);
        }
        if !in_own_line {
            upstream.turn_away(&call);
        }
        let alone = call.permits[1].is_some() && !upstream.blocked_by_own(&call);
        if right {
            self.marks.hit(Mark::TokenGivenBack);
        }
        if alone {
            self.marks.hit(Mark::HeldByApi);
        }
        if call.replayed && call.paying == Paying::Free && call.standing.node == Node::Flight {
            self.marks.hit(Mark::ReplayIntoOpen);
        }
        Ok(())
    }

    /// A call is refused at once only for what the policy documents and for a pause; the rest may change until its deadline.
    fn may_refuse(&self, call: &Call, retry_after: u64) -> Result<(), String> {
        let upstream = &self.upstreams[call.upstream];
        let costs = upstream.costs(&self.rules, call);
        let mut lanes = costs.iter().map(|(place, _)| upstream.lane(*place));
        let known = lanes.any(|lane| lane.is_documented() || lane.paused_until() >= self.now + retry_after);
        ensure!(known, "refused at once for {retry_after} ms, which neither the policy nor a pause says");
        Ok(())
    }

    fn mark_deadline(&mut self, from: Standing) {
        let mark = match from.node {
            Node::Cap => Mark::DeadlineInCap,
            Node::Bucket => Mark::DeadlineInBucket,
            Node::Retry => Mark::DeadlineInRetry,
            Node::Credential => Mark::DeadlineInCredential,
            Node::Offline => Mark::DeadlineOffline,
            Node::New | Node::Flight | Node::Backoff | Node::Retained | Node::Gone => return,
        };
        self.marks.hit(mark);
    }

    /// It waits in a line.
    fn waits(&mut self, id: u32, core: Core<'_>, gated: Gated, bound: u64) -> Result<Standing, String> {
        let from = self.moved(id, core)?;
        let call = self.known(id);
        call.eventful = true;
        let to = call.standing;
        if to.node != Node::Retry {
            let why = if gated.shut { "a breaker is open" } else { "others wait or there is no token" };
            let way = gated.way.ok_or_else(|| format!("{why}, and it stands in {to:?}"))?;
            self.goes(id, way)?;
        }
        let call = self.known(id).clone();
        let upstream = &self.upstreams[call.upstream];
        let probing = upstream.blocks(&call, self.now);
        match to.node {
            Node::Retry => {
                ensure!(to == call.queue(), "waits in the queue of another gate: {to:?}");
                ensure!(bound <= gated.rest, "waits {bound} ms with {} ms of patience left", gated.rest);
                ensure!(gated.way.is_none(), "waits in the retry queue without need: {gated:?}");
                if call.attempts == 0 && from != to {
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
                let draws = upstream.costs(&self.rules, &call).iter().any(|(bucket, _)| *bucket == to.place);
                ensure!(draws, "waits for a bucket that it does not draw from: {to:?}");
                let lane = upstream.lane(to.place);
                let behind = self.lines.has_others(to, id);
                // Whoever has its turn keeps its place while too many are in flight.
                let behind = behind || from == to && upstream.in_flight >= self.rules.concurrency;
                ensure!(behind || lane.may_hold_back(self.now), "waits for a bucket that nothing limits: {to:?}");
                let cost = upstream
                    .costs(&self.rules, &call)
                    .iter()
                    .find(|(bucket, _)| *bucket == to.place)
                    .map_or(0, |it| it.1);
                let plenty =
                    !lane.is_documented() && lane.paused_until() <= self.now && lane.heard.has_plenty(self.now, cost);
                ensure!(behind || !plenty, "waits for a gauge that shows plenty: {to:?}");
                if lane.paused_until() <= self.now && self.now + bound == call.deadline - 50 && !behind {
                    self.marks.hit(Mark::WaitsForPace);
                }
                if probing {
                    self.marks.hit(Mark::ProbeWaitsForToken);
                }
                if call.replayed && from.node == Node::Flight {
                    self.marks.hit(Mark::ReplayWhilePaused);
                }
            }
            Node::Credential => {
                self.asks(id, Says::Park { at_most: bound })?;
                let generation = self.holders[call.holder].generation;
                let call = self.known(id);
                (call.generation, call.leads) = (generation, false);
                if probing {
                    self.marks.hit(Mark::ProbeWaitsForCredential);
                }
            }
            other => return Err(format!("waits as {other:?}")),
        }
        Ok(to)
    }

    /// It fetches the credential for all.
    fn leads(&mut self, id: u32, core: Core<'_>, answer: Answer, generation: u64, way: Way) -> Result<(), String> {
        let now = self.now;
        self.moved(id, core)?;
        self.goes(id, way)?;
        let call = self.known(id);
        call.eventful = true;
        let (place, standing) = (call.holder, call.standing);
        let open = self.upstreams[self.calls[&id].upstream].blocks(&self.calls[&id], now);
        ensure!(standing.node == Node::Credential, "leads, and stands in {standing:?}");
        self.asks(id, Says::Lead(answer))?;
        if open {
            self.marks.hit(Mark::RefreshWhileOpen);
        }
        let expected = (place as u64) << 20 | self.holders[place].generation;
        ensure!(generation == expected, "generation {generation}, expected {expected}");
        let call = self.known(id);
        (call.generation, call.leads) = (generation & 0xf_ffff, true);
        Ok(())
    }

    /// An attempt is sent: all gates, and what each gives.
    fn sent(
        &mut self,
        id: u32,
        core: Core<'_>,
        answer: Answer,
        (timeout, went_on): (u64, bool),
        way: Way,
    ) -> Result<(), String> {
        let now = self.now;
        self.goes(id, way)?;
        let call = self.known(id).clone();
        self.in_turn(id, &call, way)?;
        ensure!(call.deadline >= now + 50, "an attempt starts {} ms before the deadline", call.deadline - now);
        ensure!(timeout == call.timeout(now), "timeout {timeout}, expected {}", call.timeout(now));
        ensure!(now >= call.not_before, "sent at {now}, not before {} was asked for", call.not_before);
        ensure!(!call.sealed, "sent again what may have been done already");
        if timeout == 0 {
            self.marks.hit(Mark::NoTimeLimit);
        }
        let has_token = call.has(call::CREDENTIALS);
        let generation = if has_token { self.sends_token(id, answer, went_on)? } else { call.generation };
        self.sequence += 1;
        let sequence = self.sequence;
        let rules = Rc::clone(&self.rules);
        let upstream = &mut self.upstreams[call.upstream];
        for (bucket, cost) in upstream.costs(&rules, &call) {
            if upstream.lane_mut(bucket).take(now, cost, sequence)? == Took::Try {
                self.marks.hit(Mark::Tries);
            }
        }
        upstream.in_flight += 1;
        let in_flight = upstream.in_flight;
        upstream.moved = now;
        let mut next = call.clone();
        let was_open = upstream.blocks(&call, self.now);
        let marks = &mut self.marks;
        upstream.commit(&mut next, now, &mut |mark| marks.hit(mark));
        self.mark_sent(&call, was_open);
        next.holds = 0;
        next.counted = call.paying != Paying::Free;
        if next.counted {
            next.paid = call.holds;
            next.asked = call.right && call.holds == 0;
            next.attempts += 1;
        }
        next.paying = Paying::Free;
        next.sends += 1;
        next.sent_at = now;
        (next.sequence, next.in_flight) = (sequence, in_flight);
        next.generation = generation;
        let most = rules.routes[call.route].attempts;
        ensure!(next.attempts <= most, "attempt {} of {most}", next.attempts);
        if next.sends > 1 && !call.safe() && !call.replayable() {
            self.marks.hit(Mark::ResentUnsafe);
        }
        let flags = answer.flags();
        ensure!(flags.has(Flags::KEY) == call.keyed, "a key on the wrong call");
        ensure!(flags.has(Flags::TOKEN) == call.has(call::CREDENTIALS), "a credential on the wrong call");
        ensure!(!flags.has(Flags::RENEW) || call.has(call::CREDENTIALS), "RENEW on a call without a credential");
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

    /// Marks by which right a call was sent.
    fn mark_sent(&mut self, call: &Call, was_open: bool) {
        if call.holds > 0 {
            self.marks.hit(Mark::RetryPaid);
            if call.standing.node == Node::Retry {
                self.marks.hit(Mark::RetryFromLine);
            }
        }
        if was_open && call.standing.node == Node::Retry {
            self.marks.hit(Mark::ProbeFromLine);
        }
        if call.paying == Paying::Owes && !call.right {
            self.marks.hit(Mark::ProbeUnpaid);
        }
    }

    /// First come, first served: nobody of the lines that this call must pass came earlier.
    fn in_turn(&mut self, id: u32, call: &Call, way: Way) -> Result<(), String> {
        let upstream = call.upstream as u32;
        let from = call.standing;
        if from == call.queue() && way == Way::Free && self.lines.head(from) != Some(id) {
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
        for (bucket, _) in self.upstreams[call.upstream].costs(&self.rules, call) {
            let line = Standing { node: Node::Bucket, upstream, place: bucket };
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

impl Upstream {
    /// What a call draws: place of the lane and tokens.
    pub(super) fn costs(&self, rules: &Rules, call: &Call) -> Vec<(u16, u64)> {
        if self.own && !rules.limits.is_empty() {
            return rules.routes[call.route].costs.iter().map(|(limit, cost)| (u16::from(*limit), *cost)).collect();
        }
        let endpoint = self.endpoint_lanes.contains_key(&call.gate()).then_some((call.gate(), 1));
        [(0, 1)].into_iter().chain(endpoint).collect()
    }
}

/// Whether the core let a call past its retry queue.
fn passed_its_queue(core: Core<'_>, id: u32) -> bool {
    core.standing(id)
        .is_some_and(|standing| matches!(standing.node, Node::Bucket | Node::Flight | Node::Cap | Node::Credential))
}
