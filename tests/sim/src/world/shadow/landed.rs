//! An attempt ended: what `core/manual/semantics.md` says must follow.

use super::breaker::{Breaker, Count};
use super::call::{self, Call, Last, Paying};
use super::lane::{FIRST_TRY, Seen};
use super::{Core, Shadow, ensure};
use crate::world::input::Headers;
use crate::world::marks::Mark;
use crate::world::rules::{Jitter, Meaning, Route};
use unruffled_core::{Answer, Cause, Fault, Flags, Node, Outcome, Reason, Standing, Step};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Deliver,
    Final,
    Retry,
    RateLimited,
    Unauthorized,
}

/// What a 429 did to the bucket that it is about.
#[derive(Debug, Clone, Copy, Default)]
struct Pauses {
    /// The call draws from it, and it may be paused until the call may go again.
    joins: bool,
    /// It is surely paused so long, and nobody tries before.
    surely_joins: bool,
    /// It has a rate or a cap, so that the call finds its turn there; `None` = a cap may be known.
    rated: Option<bool>,
}

/// Returns why a call ends that may not be sent again.
const fn reason_of(last: Last) -> Reason {
    match last {
        Last::Fault(Fault::Timeout | Fault::ConnectTimeout) => Reason::Timeout,
        Last::Fault(_) => Reason::Network,
        Last::Status(_) | Last::None => Reason::Status,
    }
}

/// What a retry stands on.
#[derive(Debug, Clone, Copy, Default)]
struct Again {
    server: Option<u64>,
    /// It binds the call: it is no gauge's reset.
    binds: bool,
    limited: bool,
    allowed: bool,
    /// The bucket whose gauge shows nothing left.
    empty: Option<u8>,
}

impl Shadow {
    pub(super) fn answered(
        &mut self,
        id: u32,
        status: u16,
        headers: Headers,
        core: Core<'_>,
        answer: Answer,
    ) -> Result<(), String> {
        let (class, mut count) = self.classify(status, headers.should_retry);
        let elapsed = self.landed(id, Last::Status(status));
        let upstream = self.known(id).upstream;
        self.upstreams[upstream].answered = true;
        let refused = status >= 400 || class != Class::Deliver;
        let (empty, gauge_reset) = self.read(id, headers, !refused);
        let retry_after = headers.retry_after.filter(|ms| *ms > 0);
        // A gauge at 0 that the policy does not read names its reset all the same.
        let unread =
            headers.gauge.filter(|gauge| gauge.window.is_none() && gauge.remaining == 0).map(|gauge| gauge.reset);
        let reset_alone = headers.reset.filter(|_| headers.gauge.is_none()).or(unread);
        let reset_alone = reset_alone.filter(|_| class == Class::RateLimited && gauge_reset.is_none());
        let reset_alone = reset_alone.map(|seconds| seconds * 1_000).filter(|ms| *ms > 0);
        if retry_after.is_none() && reset_alone.is_some() {
            self.marks.hit(Mark::ResetAlone);
        }
        let server = if refused { retry_after.or(gauge_reset).or(reset_alone) } else { None };
        if empty.is_some() && !refused {
            self.marks.hit(Mark::GaugeEmpty);
        }
        let call = self.known(id).clone();
        let slow = self.upstreams[call.upstream].own_gate(&call).breaker.as_ref().and_then(Breaker::slow_after);
        if count == Count::Success && slow.is_some_and(|slow| elapsed > slow) {
            self.marks.hit(Mark::SlowSuccess);
            count = Count::Failure;
        }
        self.count(id, count, core)?;
        let replay = self.known(id);
        if replay.replayed && status != 401 {
            let place = replay.holder;
            self.holders[place].helped(self.now, &mut self.marks);
        }
        let limited = class == Class::RateLimited;
        let call = self.known(id);
        if refused {
            call.blame(status >= 500 && !matches!(status, 501 | 505) && !limited);
        }
        call.sealed = !(call.replayable() || limited || class == Class::Unauthorized);
        let repeatable = call.has(call::REPEATABLE);
        let allowed = repeatable && (limited || call.replayable());
        let again = Again { server, binds: refused && retry_after.or(reset_alone).is_some(), limited, allowed, empty };
        match class {
            Class::Deliver => self.delivered(id, status, elapsed, answer),
            Class::Final => {
                if count == Count::Failure {
                    self.asked_in_vain(id);
                }
                self.must_fail(id, answer, Reason::Status)
            }
            Class::Retry | Class::RateLimited => self.again(id, again, core, answer),
            Class::Unauthorized => self.unauthorized(id, elapsed, core, answer),
        }
    }

    pub(super) fn broken(&mut self, id: u32, fault: u32, core: Core<'_>, answer: Answer) -> Result<(), String> {
        let cause = Cause::from_code(u64::from(fault >> 8)).ok_or("no such cause")?;
        let fault = Fault::from_code(u64::from(fault & 255)).ok_or("no such fault")?;
        let elapsed = self.landed(id, Last::Fault(fault));
        let call = self.known(id).clone();
        let upstream = &mut self.upstreams[call.upstream];
        // A name that does not exist is a mistake in the URL, as long as nothing ever came from there.
        let never = fault == Fault::Unsent && cause == Cause::NoSuchName && !upstream.answered;
        upstream.answered |= matches!(fault, Fault::Truncated | Fault::TooLarge);
        let fault = if never { Fault::Permanent } else { fault };
        let cut_short = fault == Fault::Timeout && self.cut_short(&call, elapsed);
        let count = if cut_short { Count::Nothing } else { counted(fault) };
        if fault == Fault::Offline && call.permits.iter().flatten().any(|(_, permit)| permit.probe > 0) {
            self.marks.hit(Mark::ProbeOffline);
        }
        self.count(id, count, core)?;
        let unsent = fault == Fault::Permanent && is_unsent(cause);
        if unsent || matches!(fault, Fault::Unsent | Fault::ConnectTimeout | Fault::Offline | Fault::Refused) {
            self.marks.hit(Mark::UnsentGivesBack);
            for lane in &mut self.upstreams[call.upstream].lanes {
                lane.give_back(call.sequence);
            }
        }
        let goes_again = matches!(fault, Fault::Unsent | Fault::ConnectTimeout);
        self.known(id).sealed = !(call.replayable() || goes_again);
        let repeatable = call.has(call::REPEATABLE);
        match fault {
            Fault::Lost | Fault::Timeout | Fault::Truncated => {
                self.known(id).blame(true);
                let allowed = repeatable && call.replayable();
                self.again(id, Again { allowed, ..Again::default() }, core, answer)
            }
            Fault::Unsent | Fault::ConnectTimeout => {
                self.again(id, Again { allowed: repeatable, ..Again::default() }, core, answer)
            }
            Fault::Offline => self.offline(id, core, answer),
            Fault::Refused => {
                if call.counted {
                    self.upstreams[call.upstream].budget.give_back(call.paid);
                }
                let credential = cause == Cause::Credential;
                if credential {
                    self.marks.hit(Mark::NoCredential);
                }
                self.must_fail(id, answer, if credential { Reason::Auth } else { Reason::Misuse })
            }
            Fault::TooLarge => {
                self.known(id).blame(true);
                self.must_fail(id, answer, Reason::Misuse)
            }
            Fault::Permanent => {
                self.marks.hit(match (never, unsent) {
                    (true, _) => Mark::NameNeverKnown,
                    (_, true) => Mark::PermanentUnsent,
                    (_, false) => Mark::PermanentSent,
                });
                if !unsent {
                    self.known(id).blame(true);
                } else if call.counted {
                    self.upstreams[call.upstream].budget.give_back(call.paid);
                }
                self.must_fail(id, answer, Reason::Network)
            }
            Fault::Cancelled | Fault::Rejected | Fault::Unchanged => Err("a misuse that was not foreseen".into()),
        }
    }

    /// The table, the should-retry header above it, the policy's rules above both.
    fn classify(&self, status: u16, should_retry: Option<bool>) -> (Class, Count) {
        let table = match status {
            401 => (Class::Unauthorized, Count::Success),
            408 => (Class::Retry, Count::Failure),
            421 | 425 => (Class::Retry, Count::Nothing),
            429 => (Class::RateLimited, Count::Nothing),
            501 | 505 | 511 => (Class::Deliver, Count::Nothing),
            500.. => (Class::Retry, Count::Failure),
            _ => (Class::Deliver, Count::Success),
        };
        let milder = if status < 500 { Count::Nothing } else { table.1 };
        match self.rules.classify.iter().find(|(known, _)| *known == status) {
            Some((_, Meaning::Fail)) => return (Class::Final, milder),
            Some((_, Meaning::Retry)) => return (Class::Retry, milder),
            Some((_, Meaning::RateLimited)) => return (Class::RateLimited, Count::Nothing),
            None => {}
        }
        match (status >= 400, should_retry, table.0) {
            (true, Some(true), Class::Deliver | Class::Unauthorized) => (Class::Retry, milder),
            (true, Some(false), _) => (Class::Deliver, table.1),
            _ => table,
        }
    }

    /// No longer in flight. Returns how long it took.
    fn landed(&mut self, id: u32, last: Last) -> u64 {
        let now = self.now;
        self.attempts_ended += 1;
        let call = self.known(id);
        call.last = last;
        call.rests_from = now;
        call.right = false;
        let (upstream, elapsed) = (call.upstream, now - call.sent_at);
        self.upstreams[upstream].in_flight -= 1;
        self.upstreams[upstream].moved = now;
        elapsed
    }

    /// A retry that went without a token failed: the next one waits.
    fn asked_in_vain(&mut self, id: u32) {
        let (now, call) = (self.now, self.known(id).clone());
        if call.asked {
            let base = self.rules.routes[call.route].base;
            self.upstreams[call.upstream].own_gate(&call).asked_in_vain(now, base);
            self.marks.hit(Mark::AskedInVain);
        }
    }

    /// A time-out that says nothing about the server: the deadline left less than the policy gives an attempt, and the server
    /// usually needs a fourth of what it took, or more.
    fn cut_short(&mut self, call: &Call, elapsed: u64) -> bool {
        let given = call.timeout(call.sent_at);
        let cut = given > 0 && (call.attempt == 0 || given < call.attempt);
        if !cut {
            return false;
        }
        let short = elapsed < 4 * self.upstreams[call.upstream].own_gate(call).mean_latency();
        self.marks.hit(if short { Mark::CutShort } else { Mark::CutLate });
        short
    }

    /// What the gauge tells: the empty bucket, and the time to its reset.
    fn read(&mut self, id: u32, headers: Headers, success: bool) -> (Option<u8>, Option<u64>) {
        let Some(gauge) = headers.gauge else { return (None, None) };
        let now = self.now;
        let call = self.known(id);
        let (upstream, sequence) = (call.upstream, call.sequence);
        let mut empty = None;
        // Among several buckets a `RateLimit` item is for the one that it names; ours names none.
        if gauge.window.is_some() && self.upstreams[upstream].lanes.len() > 1 {
            return (None, None);
        }
        let in_flight = self.upstreams[upstream].in_flight;
        let wait = headers.retry_after.filter(|ms| *ms > 0 && !success);
        for (i, lane) in self.upstreams[upstream].lanes.iter_mut().enumerate().filter(|(_, lane)| lane.gauge) {
            if gauge.remaining == 0 && empty.is_none() {
                empty = Some(i as u8);
            }
            if sequence < lane.heard.read_sequence {
                self.marks.hit(Mark::GaugeStale);
                lane.heard.reads_late(gauge);
                continue;
            }
            lane.heard.read_sequence = sequence;
            lane.reads(now, gauge, wait, success, in_flight);
        }
        (empty, empty.map(|_| gauge.reset * 1_000).filter(|reset| *reset > 0))
    }

    pub(super) fn delivered(&mut self, id: u32, status: u16, elapsed: u64, answer: Answer) -> Result<(), String> {
        let now = self.now;
        let call = self.known(id).clone();
        let outcome = if status >= 400 { call.worst } else { Outcome::NotSent };
        ensure!(answer.step() == Step::Deliver { outcome }, "expected to deliver {status} with {outcome:?}");
        let echo = matches!((call.method, status), (5, 404 | 410) | (4, 412)) && call.doubtful;
        if echo {
            self.marks.hit(Mark::MaybeApplied);
        }
        ensure!(answer.flags().has(Flags::APPLIED) == echo, "APPLIED on the wrong answer");
        ensure!(answer.flags().has(Flags::REPORT) == call.eventful, "REPORT on the wrong answer");
        if status < 500 && status != 408 {
            let upstream = &mut self.upstreams[call.upstream];
            upstream.own_gate(&call).succeeded(now, elapsed, call.asked || call.paid > 0);
            if call.paid > 0 {
                upstream.budget.give_back(call.paid);
                self.marks.hit(Mark::RetryRefunded);
            }
            if call.asked {
                upstream.budget.grant();
                self.marks.hit(Mark::AskedRefunds);
            }
            for (bucket, _) in upstream.costs(&self.rules, &call) {
                if upstream.lane_mut(bucket).succeeded(now, call.sequence) {
                    self.marks.hit(Mark::TryEndsPause);
                    // Whoever was refused without a time goes when its bucket's pause is over.
                    let line = Standing { node: Node::Bucket, upstream: call.upstream as u32, place: bucket };
                    for other in self.lines.of(line) {
                        if let Some(other) = self.calls.get_mut(&other).filter(|other| !other.named) {
                            other.not_before = now;
                        }
                    }
                }
            }
        }
        self.ended(id, None);
        Ok(())
    }

    fn offline(&mut self, id: u32, core: Core<'_>, answer: Answer) -> Result<(), String> {
        let call = self.known(id);
        call.blame(true);
        call.doubtful = call.worst == Outcome::Unknown;
        if call.counted {
            call.attempts -= 1;
            call.paying = if call.attempts > 0 { Paying::Owes } else { Paying::First };
        }
        let call = call.clone();
        if call.counted && call.paid > 0 {
            self.upstreams[call.upstream].budget.give_back(call.paid);
            self.marks.hit(Mark::OfflinePaid);
        }
        self.until_online(id, core, answer)
    }

    /// It waits until the host is online, if it may.
    pub(super) fn until_online(&mut self, id: u32, core: Core<'_>, answer: Answer) -> Result<(), String> {
        let call = self.known(id).clone();
        let left = call.may_wait(self.now);
        let parks = call.has(call::REPEATABLE) && call.replayable() && !call.has(call::DROPIN);
        if !parks || self.closed || left == 0 {
            return self.must_fail(id, answer, Reason::Offline);
        }
        // Who waits already keeps its place.
        let lined_up = super::lines::in_line(call.standing);
        if !lined_up && self.lines.waiting() >= self.rules.max_waiting {
            self.marks.hit(Mark::OverloadedOffline);
            return self.must_fail(id, answer, Reason::Overloaded);
        }
        ensure!(answer.step() == Step::Park { at_most: left }, "expected to park {left} ms offline");
        self.marks.hit(Mark::OfflineParks);
        self.known(id).eventful = true;
        self.moved(id, core)?;
        let standing = self.known(id).standing;
        ensure!(
            standing == Standing { node: Node::Offline, upstream: 0, place: 0 },
            "offline, and stands in {standing:?}"
        );
        Ok(())
    }

    /// Another attempt if the rules allow, in the order attempts, server's time, deadline, replay.
    fn again(&mut self, id: u32, again: Again, core: Core<'_>, answer: Answer) -> Result<(), String> {
        let now = self.now;
        let call = self.known(id);
        call.doubtful = call.worst == Outcome::Unknown;
        let call = call.clone();
        let rules = std::rc::Rc::clone(&self.rules);
        let route = &rules.routes[call.route];
        self.asked_in_vain(id);
        let in_a_row = if again.limited { call.refused + 1 } else { 0 };
        self.known(id).refused = in_a_row;
        let (least, most) = backoff(route.base, route.cap, route.jitter, call.attempts.max(1), again);
        // Each refusal in a row makes the next wait at least twice as long, whatever the server says.
        let longer = if in_a_row > 0 { (route.base << (in_a_row - 1).min(40)).min(route.cap) } else { 0 };
        if longer > most {
            self.marks.hit(Mark::RefusedAgain);
        }
        let (least, most) = (least.max(longer), most.max(longer));
        let pauses = self.pauses(id, again, (least, most), core)?;
        let paused = pauses.joins;
        if self.closed {
            self.marks.hit(Mark::RetryAfterClose);
            return self.must_fail(id, answer, Reason::Closed);
        }
        if call.has(call::STACKED) || route.attempts <= 1 {
            return self.must_fail(id, answer, reason_of(call.last));
        }
        let named = again.limited && again.server.is_some();
        let mut free = if named { Some(true) } else { pauses.rated };
        if call.attempts >= route.attempts && free != Some(true) {
            let ends = matches!(answer.step(), Step::Fail { reason: Reason::RetriesExhausted, .. });
            if ends || free == Some(false) {
                return self.must_fail(id, answer, Reason::RetriesExhausted);
            }
            self.marks.hit(Mark::CapKnown);
            free = Some(true);
        }
        if let Some(reason) = self.out_of_time(&call, route, again, (least, most), answer)? {
            return self.must_fail(id, answer, reason);
        }
        if !again.allowed {
            return self.must_fail(id, answer, Reason::NotReplayable);
        }
        let call = self.known(id);
        call.eventful = true;
        call.paying = if free == Some(true) { Paying::Free } else { Paying::Owes };
        call.unsure = free.is_none();
        (call.not_before, call.named) = (now + least, again.server.is_some());
        // The bucket may let one call try before the pause ends; not the one that the server gave a time.
        let stands = core.standing(id).is_some_and(|standing| standing.node == Node::Backoff);
        if free != Some(false) && paused && !stands {
            self.marks.hit(Mark::FreeRejoin);
            let call = self.known(id);
            (call.paying, call.unsure) = (Paying::Free, false);
            if !again.binds && again.server.is_some() {
                call.not_before = now;
            }
            return self.admitted(id, core, answer);
        }
        ensure!(
            !(free == Some(true) && pauses.surely_joins),
            "does not rejoin the line of its bucket, which is paused"
        );
        if again.limited {
            self.mark_limited(free, again.server, paused);
        }
        self.backs_off(id, core, answer, (least, most))
    }

    /// Returns why a retry that may not wait so long ends its call.
    fn out_of_time(
        &mut self,
        call: &Call,
        route: &Route,
        again: Again,
        (least, most): (u64, u64),
        answer: Answer,
    ) -> Result<Option<Reason>, String> {
        let rest = call.rest(self.now);
        if let Some(server) = again.server {
            let asked = matches!(answer.step(), Step::Fail { reason: Reason::RateLimited, retry_after, .. }
                if u64::from(retry_after) == server);
            let held = least > rest || asked && most > rest;
            if held || route.max_retry_after.is_some_and(|longest| server > longest) {
                if held {
                    self.marks.hit(Mark::SlotTooLong);
                }
                ensure!(asked, "does not say that the server asks for {server} ms");
                return Ok(Some(Reason::RateLimited));
            }
        }
        let left = call.left(self.now);
        let never = left.is_none_or(|left| least > left);
        let fails = matches!(answer.step(), Step::Fail { reason: Reason::Deadline, .. });
        if never || fails && left.is_some_and(|left| most > left) {
            return Ok(Some(Reason::Deadline));
        }
        if least > rest || fails && most > rest {
            let drawn = matches!(answer.step(), Step::Fail { retry_after, .. }
                if (least..=most).contains(&u64::from(retry_after)) && u64::from(retry_after) > rest);
            ensure!(drawn, "does not say that it would wait more than {rest} ms, {least} to {most}");
            self.marks.hit(Mark::SlotTooLong);
            return Ok(Some(Reason::Deadline));
        }
        Ok(None)
    }

    /// Marks what a 429 costs its call.
    fn mark_limited(&mut self, free: Option<bool>, server: Option<u64>, paused: bool) {
        self.marks.hit(match (free, server) {
            (Some(true), Some(_)) if paused => Mark::FreeOfItself,
            (Some(true), Some(_)) => Mark::FreeWithoutBucket,
            (Some(true), None) => Mark::FreeByRate,
            (Some(false) | None, _) => Mark::NamelessLimit,
        });
    }

    /// Checks a backoff of `least` to `most` ms.
    fn backs_off(&mut self, id: u32, core: Core<'_>, answer: Answer, (least, most): (u64, u64)) -> Result<(), String> {
        let Step::Wait { delay } = answer.step() else {
            return Err(format!("expected a backoff of {least} to {most} ms"));
        };
        ensure!(delay >= least && delay <= most, "a backoff of {delay} ms, expected {least} to {most}");
        self.known(id).until = self.now + delay;
        self.moved(id, core)?;
        let standing = self.known(id).standing;
        ensure!(standing.node == Node::Backoff, "waits, and stands in {standing:?}");
        Ok(())
    }

    /// A rate limit is about the bucket that its gauge shows empty, else the first the call drew from; without limits its
    /// endpoint's or the API's. `waits`: how long the call waits at least and at most.
    fn pauses(&mut self, id: u32, again: Again, waits: (u64, u64), core: Core<'_>) -> Result<Pauses, String> {
        let nothing = Pauses { rated: Some(false), ..Pauses::default() };
        if !again.limited {
            return Ok(nothing);
        }
        let call = self.known(id).clone();
        let (now, sent, rules) = (self.now, self.sequence, std::rc::Rc::clone(&self.rules));
        let (marks, upstream) = (&mut self.marks, &mut self.upstreams[call.upstream]);
        let written = upstream.own && !rules.limits.is_empty();
        let first = upstream.costs(&rules, &call).first().map(|(bucket, _)| *bucket);
        let bucket = match again.empty {
            Some(empty) => Some(u16::from(empty)),
            None if written => first,
            None => Some(upstream.refused(&call, now, sent, &mut |mark| marks.hit(mark))),
        };
        let Some(bucket) = bucket else { return Ok(nothing) };
        if written && first.is_some_and(|first| first != bucket) {
            marks.hit(Mark::SecondBucket);
        }
        let seen = Seen::of(core, call.upstream, upstream.place_in_snapshot(bucket))?;
        let draws = upstream.costs(&rules, &call).iter().any(|(drawn, _)| *drawn == bucket);
        let lane = upstream.lane_mut(bucket);
        if now < lane.paused_until() {
            marks.hit(Mark::LimitedWhilePaused);
        }
        let fresh = lane.paused_until() <= now;
        lane.refused(now, call.in_flight, seen, again.server.is_some(), &mut |mark| marks.hit(mark))?;
        let surely = lane.heard.believes();
        if again.server.is_some() {
            lane.asks(now, (now + waits.0, now + waits.1), surely, now + FIRST_TRY);
        }
        lane.says_paused(now, seen.paused)?;
        let rated = lane.is_documented() || seen.has_rate;
        Ok(Pauses {
            joins: draws && seen.paused >= waits.0,
            surely_joins: draws && fresh && surely && again.server.is_some() && waits.1 < FIRST_TRY,
            rated: if !rated && lane.heard.may_be_capped() { None } else { Some(rated) },
        })
    }
}

/// Whether a cause proves that no request left.
fn is_unsent(cause: Cause) -> bool {
    matches!(cause as u8, 1..=4 | 6 | 8)
}

/// The least and the longest wait before retry `k`.
fn backoff(base: u64, cap: u64, jitter: Jitter, k: u64, again: Again) -> (u64, u64) {
    let base = if again.limited && again.server.is_none() { base.max(1_000) } else { base };
    let doubled = if k > 40 { u64::MAX } else { base.saturating_mul(1 << (k - 1)) };
    let d = doubled.min(cap / 2);
    let (least, most) = match (again.server, jitter) {
        (Some(server), Jitter::Added | Jitter::Full) => (server, server + d),
        (Some(server), Jitter::None) => (server, server),
        (None, Jitter::Added) => (d, 2 * d),
        (None, Jitter::Full) => (0, 2 * d),
        (None, Jitter::None) => (d, d),
    };
    (least.max(1), most.max(1))
}

/// What a fault counts as for a breaker.
fn counted(fault: Fault) -> Count {
    match fault {
        Fault::Lost | Fault::Timeout | Fault::Truncated | Fault::Unsent | Fault::ConnectTimeout => Count::Failure,
        Fault::TooLarge => Count::Success,
        Fault::Offline | Fault::Refused | Fault::Permanent | Fault::Cancelled | Fault::Rejected | Fault::Unchanged => {
            Count::Nothing
        }
    }
}
