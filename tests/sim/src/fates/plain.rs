//! A plain retry loop, as many programs have it: attempts, doubling waits with jitter, `Retry-After`, and nothing that one
//! call learns from another. It obeys what the policy says of attempts, time, concurrency and documented limits.

use super::answer::{Answer, Came};
use super::call::Call;
use super::client::{Client, Next};
use super::ours::seed_of;
use super::world::{Method, NEVER, World};
use std::collections::VecDeque;
use unruffled_core::config::route::Routes;
use unruffled_core::config::{Config, Settings};
use unruffled_core::{Fault, Reason, drawn_backoff};

/// No attempt begins with less than this left to the deadline.
const LAST_START: u64 = 50;
/// The longest wait before its jitter.
const CAP: u64 = 15_000;
/// Share of a documented rate that it uses.
const HEADROOM: f64 = 0.8;

/// One client.
#[derive(Debug)]
pub struct Plain<'w> {
    config: &'w Config,
    routes: Routes,
    /// The seed of the core's client: both draw the same backoffs.
    seed: u64,
    begun: u64,
    /// Attempts in flight that the policy allows; no policy, no bound.
    most_in_flight: u32,
    in_flight: u32,
    /// Calls that wait for one of the attempts in flight to end.
    queue: VecDeque<u32>,
    paces: Vec<Option<Pace>>,
    calls: Vec<Loop>,
    woken: VecDeque<u32>,
}

/// The loop of one call.
#[derive(Debug, Clone, Copy)]
struct Loop {
    deadline: u64,
    attempts: u32,
    state: State,
    route: u16,
    /// Which call of its client it is, in the order of beginning.
    ordinal: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    /// In the queue.
    Queued,
    /// Its turn at the documented limits is fixed.
    Paced,
}

/// The pace of one documented limit.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Milliseconds from one request to the next.
    interval: f64,
    burst: f64,
    /// When the next request would come in even pace.
    next: f64,
}

impl<'w> Plain<'w> {
    /// Makes the clients of a world.
    #[must_use]
    pub fn all(world: &World, config: &'w Config) -> Vec<Self> {
        (0..u64::from(world.clients)).map(|place| Self::new(world, config, place)).collect()
    }

    fn new(world: &World, config: &'w Config, place: u64) -> Self {
        let pace = |(rate, per): (u32, u64)| Pace {
            interval: per as f64 / f64::from(rate) / HEADROOM,
            burst: (f64::from(rate) * (1.0 - HEADROOM)).max(1.0),
            next: f64::NEG_INFINITY,
        };
        let never_begun = Loop { deadline: 0, attempts: 0, state: State::Free, route: 0, ordinal: 0 };
        Self {
            config,
            routes: Routes::build(&config.routes),
            seed: seed_of(world, place),
            begun: 0,
            most_in_flight: if world.policy.get("concurrency").is_some() { config.concurrency } else { u32::MAX },
            in_flight: 0,
            queue: VecDeque::new(),
            paces: config.limits.iter().map(|limit| limit.rate.map(pace)).collect(),
            calls: vec![never_begun; world.calls as usize],
            woken: VecDeque::new(),
        }
    }

    fn settings(&self, call: &Call) -> &'w Settings {
        self.config.route(self.calls[call.id as usize].route)
    }

    /// Sends, or says why not yet.
    fn go(&mut self, call: &Call, now: u64) -> Next {
        let Loop { deadline, state, .. } = self.calls[call.id as usize];
        let latest = deadline.saturating_sub(LAST_START);
        if now > latest {
            return Next::Fail { reason: Reason::Deadline };
        }
        if self.in_flight >= self.most_in_flight {
            self.queue.push_back(call.id);
            self.calls[call.id as usize].state = State::Queued;
            return Next::Wait { delay: latest - now + 1 };
        }
        if state != State::Paced {
            let turn = self.turn(call, now);
            if turn > latest as f64 {
                return Next::Fail { reason: Reason::Deadline };
            }
            self.take_turn(call, now);
            if turn > now as f64 {
                self.calls[call.id as usize].state = State::Paced;
                return Next::Wait { delay: (turn - now as f64) as u64 + 1 };
            }
        }
        self.in_flight += 1;
        let live = &mut self.calls[call.id as usize];
        live.attempts += 1;
        live.state = State::Free;
        let most = self.settings(call).timeouts.attempt + u64::from(call.upload) * 1_000;
        Next::Send { timeout: most.min(deadline - now) }
    }

    /// Returns when the documented limits allow the next request; not after `now` means at once.
    fn turn(&self, call: &Call, now: u64) -> f64 {
        let paces = self.settings(call).costs.iter().filter_map(|(limit, _)| self.paces[usize::from(*limit)]);
        paces.map(|pace| pace.turn(now)).fold(f64::NEG_INFINITY, f64::max)
    }

    fn take_turn(&mut self, call: &Call, now: u64) {
        for (limit, cost) in &self.settings(call).costs {
            if let Some(pace) = &mut self.paces[usize::from(*limit)] {
                pace.next = pace.turn(now) + f64::from(*cost) * pace.interval;
            }
        }
    }

    /// Draws the wait before the next attempt.
    fn backoff(&self, call: &Call, now: u64, answer: &Answer) -> u64 {
        let Loop { attempts, ordinal, .. } = self.calls[call.id as usize];
        let after = answer.headers.retry_after_ms(now).and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms > 0);
        let base: u64 = if answer.came == Came::Status(429) && after.is_none() { 1_000 } else { 200 };
        let interval = base.checked_shl(attempts - 1).unwrap_or(CAP).min(CAP);
        let drawn = drawn_backoff(self.seed, ordinal, attempts, interval);
        (after.unwrap_or(interval) + drawn).max(1)
    }
}

impl Pace {
    fn turn(&self, now: u64) -> f64 {
        self.next.max(now as f64 - (self.burst - 1.0) * self.interval)
    }
}

/// Returns whether a status may become another one by repeating the request.
fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 421 | 425 | 429) || status >= 500 && !matches!(status, 501 | 505 | 511)
}

/// Returns whether a call may be sent again after an attempt that ended so.
fn may_repeat(call: &Call, came: Came) -> bool {
    call.method != Method::Post
        || matches!(came, Came::Status(429) | Came::Fault(Fault::Unsent | Fault::ConnectTimeout))
}

impl Client for Plain<'_> {
    fn begin(&mut self, call: &Call, now: u64) -> Next {
        let path = format!("/e{}/{}", call.endpoint, call.id);
        let route = if self.config.routes.is_empty() { 0 } else { self.routes.resolve(call.method.name(), &path) };
        let total = self.config.route(route as u16).timeouts.total;
        let deadline = now + if call.deadline == 0 { total } else { call.deadline };
        let ordinal = self.begun;
        self.begun += 1;
        self.calls[call.id as usize] = Loop { deadline, attempts: 0, state: State::Free, route: route as u16, ordinal };
        self.go(call, now)
    }

    fn ended(&mut self, call: &Call, now: u64, _: u64, answer: &Answer) -> Next {
        self.in_flight -= 1;
        self.woken.extend(self.queue.pop_front());
        if matches!(answer.came, Came::Status(status) if !is_transient(status)) {
            return Next::Deliver;
        }
        let Loop { attempts, deadline, .. } = self.calls[call.id as usize];
        if attempts >= self.settings(call).retry.attempts.into() {
            return Next::Fail { reason: Reason::RetriesExhausted };
        }
        if !may_repeat(call, answer.came) {
            return Next::Fail { reason: Reason::NotReplayable };
        }
        let delay = self.backoff(call, now, answer);
        if now + delay > deadline.saturating_sub(LAST_START) || delay > NEVER {
            return Next::Fail { reason: Reason::Deadline };
        }
        Next::Wait { delay }
    }

    fn resume(&mut self, call: &Call, now: u64) -> Next {
        if self.calls[call.id as usize].state == State::Queued {
            self.queue.retain(|other| *other != call.id);
        }
        self.go(call, now)
    }

    fn online(&mut self, _: u64) {}

    fn wake(&mut self) -> Option<u32> {
        self.woken.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fates::arrivals::Arrivals;
    use crate::fates::effect::{Effect, Fail};
    use crate::fates::how::{How, RetryAfter};
    use crate::fates::judge::config;
    use crate::fates::play::{End, Fate, Played, play};
    use crate::fates::world::Kind;
    use serde_json::json;

    fn run(world: &World) -> Played {
        let config = config(world).expect("a valid policy");
        play(world, &mut Plain::all(world, &config), |_, _, _| {}).expect("a run with an end")
    }

    fn one(policy: serde_json::Value, kind: Kind, fail: Fail) -> Fate {
        let server = vec![Effect::from(fail)];
        run(&World { calls: 1, policy, mix: vec![kind], server, ..World::default() }).fates[0]
    }

    #[test]
    fn waits_double_and_the_attempts_are_those_of_the_policy() {
        let fate = one(json!({}), Kind::default(), Fail::all(How::Status(503)));
        assert_eq!((fate.attempts, fate.end), (4, End::Failed(Reason::RetriesExhausted)));
        // 200, 400 and 800 ms and as much again by chance, and four answers.
        assert!((1_400..2_920).contains(&fate.took()), "{}", fate.took());
        let batch = one(json!({"preset": "batch"}), Kind::default(), Fail::all(How::Status(503)));
        assert_eq!(batch.attempts, 8);
        let good = one(json!({}), Kind::default(), Fail { first: Some(3), ..Fail::all(How::Reset) });
        assert!(good.ok && good.attempts == 4);
    }

    #[test]
    fn retry_after_is_obeyed_and_the_deadline_kept() {
        let after = |seconds| Fail {
            first: Some(1),
            retry_after: Some(RetryAfter::Seconds(seconds)),
            ..Fail::all(How::Status(503))
        };
        let fate = one(json!({}), Kind::default(), after(5));
        assert!(fate.ok && (5_000..5_300).contains(&fate.took()), "{}", fate.took());
        let late = one(json!({}), Kind { deadline: 3_000, ..Kind::default() }, after(5));
        assert_eq!((late.attempts, late.end), (1, End::Failed(Reason::Deadline)));
    }

    #[test]
    fn a_post_is_repeated_only_where_it_was_not_done() {
        let post = Kind { method: Method::Post, ..Kind::default() };
        let attempts = |how| one(json!({}), post.clone(), Fail::all(how)).attempts;
        assert_eq!([How::Status(503), How::Timeout, How::Refused, How::Status(429)].map(attempts), [1, 1, 4, 4]);
        let keyed = Kind { method: Method::KeyedPost, ..Kind::default() };
        assert_eq!(one(json!({}), keyed, Fail::all(How::Status(503))).attempts, 4);
    }

    #[test]
    fn concurrency_and_the_documented_pace_are_kept() {
        let burst =
            |policy| World { calls: 40, policy, arrivals: Arrivals::Bursts { size: 40, gap: 1 }, ..World::default() };
        let end = |world: &World| run(world).fates.iter().map(|fate| fate.ended).max().unwrap_or(0);
        assert!(end(&burst(json!({}))) <= 27);
        assert!((400..540).contains(&end(&burst(json!({"concurrency": 2})))));
        // 8 a second of 10, the first two at once.
        let paced = end(&burst(json!({"limits": [{"name": "a", "rate": 10, "per": 1_000}]})));
        assert!((4_700..4_800).contains(&paced), "{paced}");
    }

    #[test]
    fn a_route_of_the_policy_has_its_own_attempts() {
        let policy = json!({"routes": {"/e1/*": {"retry": {"attempts": 2}}}});
        let server = vec![Effect::from(Fail::all(How::Status(503)))];
        let world = World { calls: 20, endpoints: 2, policy, server, ..World::default() };
        let calls = crate::fates::call::calls(&world);
        let played = run(&world);
        assert!(played.fates.iter().zip(calls).all(|(fate, call)| fate.attempts == [4, 2][call.endpoint as usize]));
    }
}
