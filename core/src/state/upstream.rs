//! What the calls to one origin share: retry budget, breakers with their retry queues, rate-limit buckets, the cap on
//! attempts in flight.

use crate::config::{BreakerScope, Config, Limit};
use crate::defaults::{LATENCY_WEIGHT, MAX_BREAKERS, MAX_SEEDED, SHARED_WITHIN, SUCCESS_PERIOD};
use crate::policy::breaker::{Breaker, Guards, Phase};
use crate::policy::budget::{Asking, Budget};
use crate::policy::limiter::Bucket;
use crate::state::call::{API, NO_BREAKER};
use crate::state::slab::Queue;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// Whose bucket it is.
#[derive(Debug, Clone, Copy)]
pub enum BucketOf {
    /// A limit of the policy.
    Limit(u8),
    Endpoint {
        route: u16,
        endpoint: u16,
    },
    Api,
}

/// A breaker, or none, and the calls that wait before it.
#[derive(Debug)]
pub struct BreakerQueue {
    pub breaker: Option<Breaker>,
    pub queue: Queue,
    /// The retries of this queue that go although there is no token.
    pub asking: Asking,
    /// Number of the route that it belongs to, or of the endpoint; both 0 = the API, or all that is not reported apart.
    pub route: u16,
    pub endpoint: u16,
    /// What the last event said.
    pub reported: Phase,
    /// Live calls that go through it.
    pub calls: u32,
    /// When a call last began here, in the order of beginning.
    used: u64,
    /// EWMA of the latency of successes, in 1/1024 ms; 0 = none yet.
    latency: u64,
    /// How long the latest attempt took that counted as a failure, in milliseconds.
    pub failing: u64,
    /// When an attempt last succeeded.
    pub well_at: u64,
    /// Successes since `counted_from`: what its bucket queue is to know of the time before it was made.
    successes: u32,
    counted_from: u64,
    /// Until when a 429 of it makes that of another endpoint one of the API; 0 = there was none.
    refused_until: u64,
    /// Holds back the calls of this endpoint alone. Made at its first 429.
    pub bucket_queue: Option<Box<BucketQueue>>,
}

impl BreakerQueue {
    const fn new(breaker: Option<Breaker>, route: u16, endpoint: u16) -> Self {
        let (queue, asking, reported) = (Queue::new(), Asking::new(), Phase::Closed);
        Self {
            breaker,
            queue,
            asking,
            route,
            endpoint,
            reported,
            calls: 0,
            used: 0,
            latency: 0,
            failing: 0,
            well_at: 0,
            successes: 0,
            counted_from: 0,
            refused_until: 0,
            bucket_queue: None,
        }
    }

    /// Tells whether it is one endpoint's: of a route of the policy, or of a method and path.
    const fn is_distinct(&self) -> bool {
        self.route > 0 || self.endpoint > 0
    }

    /// Counts a success of the last five to ten seconds. Comes before `well_at` is set.
    fn count_success(&mut self, now: u64) {
        if self.successes == 0 || now.saturating_sub(self.counted_from) >= SUCCESS_PERIOD {
            self.begin_count(now);
        }
        self.successes = self.successes.saturating_add(1);
    }

    /// Halves the count of the period that ended, or begins anew when the latest success is old.
    #[cold]
    fn begin_count(&mut self, now: u64) {
        let half = SUCCESS_PERIOD / 2;
        let goes_on = now.saturating_sub(self.well_at) < half;
        self.successes = if goes_on { self.successes / 2 } else { 0 };
        self.counted_from = if self.successes > 0 { now.saturating_sub(half) } else { now };
    }

    /// An attempt succeeded now, after so long.
    pub fn succeeded(&mut self, now: u64, elapsed: u64) {
        self.count_success(now);
        self.well_at = now;
        let sample = elapsed.min(1 << 32).wrapping_mul(1_024).max(1);
        self.latency = if self.latency == 0 {
            sample
        } else {
            let kept = self.latency.saturating_sub(self.latency / LATENCY_WEIGHT);
            kept.saturating_add(sample / LATENCY_WEIGHT)
        };
    }

    /// How long a retry waits in the queue when the policy writes nothing: max(5 s, 10 mean latencies).
    #[must_use]
    pub fn patience(&self) -> u64 {
        tuned!(PATIENCE).max(self.latency.saturating_mul(tuned!(PATIENCE_LATENCIES)) / 1_024)
    }

    /// Tells whether an attempt succeeded here.
    #[must_use]
    pub const fn ever_succeeded(&self) -> bool {
        self.latency > 0
    }

    /// The mean latency of successes in milliseconds; 0 = none yet.
    #[must_use]
    pub fn mean_latency(&self) -> u64 {
        self.latency / 1_024
    }
}

/// A bucket and those who wait for it.
#[derive(Debug)]
pub struct BucketQueue {
    pub bucket: Bucket,
    pub queue: Queue,
}

impl BucketQueue {
    fn new(limit: Option<&Limit>) -> Self {
        Self { bucket: Bucket::new(limit), queue: Queue::new() }
    }

    /// Makes the bucket queue of an endpoint that was refused. Its bucket knows the successes so far, from which it learns a rate, and
    /// `sequence`, the last attempt sent: the success of an earlier one ends no pause.
    #[cold]
    fn of(breaker_queue: &BreakerQueue, now: u64, sequence: u64) -> Box<Self> {
        let mut bucket_queue = Self::new(None);
        let successes = u64::from(breaker_queue.successes.min(MAX_SEEDED));
        let span = now.saturating_sub(breaker_queue.counted_from);
        for i in 0..successes {
            let at = span.saturating_mul(i).checked_div(successes).unwrap_or(0);
            bucket_queue.bucket.succeeded(breaker_queue.counted_from.saturating_add(at), 0);
        }
        bucket_queue.bucket.take(now, 1, sequence);
        bucket_queue.bucket.attempt_ended();
        Box::new(bucket_queue)
    }
}

/// Stands among a call's costs for the bucket queue of its own endpoint.
pub const OWN: u8 = u8::MAX;

/// Returns the place of the bucket queue that a cost of a call of this endpoint is drawn from.
#[must_use]
pub fn place_for(bucket: u8, breaker_queue: u16) -> u16 {
    if bucket == OWN { breaker_queue } else { u16::from(bucket) }
}

/// One origin.
#[derive(Debug)]
pub struct Upstream {
    pub origin: String,
    /// Whether the policy's routes and limits bind it.
    pub own: bool,
    pub budget: Budget,
    pub breaker_queues: Vec<BreakerQueue>,
    /// Gate of each route, by number, where a route has its own; 0 = not made yet.
    breaker_queue_of: Vec<u16>,
    /// Endpoints and their breakers; an endpoint usually stands at its number modulo the most of them.
    endpoints: Vec<(u16, u16)>,
    /// One for each limit of the policy; without limits one for the API.
    pub bucket_queues: Vec<BucketQueue>,
    /// Whether an endpoint has a bucket queue of its own.
    pub breakers_have_bucket_queues: bool,
    pub in_flight: u32,
    pub cap_queue: Queue,
    /// Calls in all retry queues.
    pub queued: u32,
    /// When a call last began here, in the order of beginning.
    pub used: u64,
    /// Whether it gave an answer that is no success.
    pub was_answered: bool,
}

impl Upstream {
    /// Makes one that the policy's routes and limits bind.
    #[must_use]
    pub fn own(config: &Config, origin: String) -> Self {
        let mut upstream = Self::other(config, origin);
        upstream.own = true;
        if !config.limits.is_empty() {
            upstream.bucket_queues = config.limits.iter().map(|limit| BucketQueue::new(Some(limit))).collect();
        }
        upstream
    }

    /// Makes one that the policy's routes and limits do not bind. It has one implicit bucket.
    #[must_use]
    pub fn other(config: &Config, origin: String) -> Self {
        let guards = if config.breaker_scope == BreakerScope::Both { Guards::All } else { Guards::One };
        let api = config.settings.breaker.map(|settings| Breaker::new(settings, guards));
        Self {
            origin,
            own: false,
            budget: Budget::new(config.budget),
            breaker_queues: alloc::vec![BreakerQueue::new(None, 0, 0), BreakerQueue::new(api, 0, 0)],
            breaker_queue_of: Vec::new(),
            endpoints: Vec::new(),
            bucket_queues: alloc::vec![BucketQueue::new(None)],
            breakers_have_bucket_queues: false,
            in_flight: 0,
            cap_queue: Queue::new(),
            queued: 0,
            used: 0,
            was_answered: false,
        }
    }

    /// Tells whether the policy writes limits for it.
    #[must_use]
    pub fn is_limited_by(&self, config: &Config) -> bool {
        self.own && !config.limits.is_empty()
    }

    /// Returns the bucket queue at a place: first those of `bucket_queues`, then that of the endpoint with this number. The places do not meet: an
    /// endpoint has one only where `bucket_queues` has one, and the first two places have none.
    #[must_use]
    pub fn bucket_queue(&self, place: u16) -> Option<&BucketQueue> {
        let place = usize::from(place);
        self.bucket_queues.get(place).or_else(|| self.breaker_queues.get(place)?.bucket_queue.as_deref())
    }

    /// Returns the same for changes.
    pub fn bucket_queue_mut(&mut self, place: u16) -> Option<&mut BucketQueue> {
        let place = usize::from(place);
        match self.bucket_queues.get_mut(place) {
            Some(bucket_queue) => Some(bucket_queue),
            None => self.breaker_queues.get_mut(place)?.bucket_queue.as_deref_mut(),
        }
    }

    /// Tells whose bucket is at a place.
    #[must_use]
    pub fn bucket_of(&self, config: &Config, place: u16) -> BucketOf {
        if self.is_limited_by(config) {
            return BucketOf::Limit(place as u8);
        }
        let breaker_queue = if place == 0 { None } else { self.breaker_queues.get(usize::from(place)) };
        breaker_queue.map_or(BucketOf::Api, |breaker_queue| BucketOf::Endpoint {
            route: breaker_queue.route,
            endpoint: breaker_queue.endpoint,
        })
    }

    /// Returns the place after the last bucket queue.
    #[must_use]
    pub fn bucket_queue_places(&self) -> u16 {
        (if self.breakers_have_bucket_queues { self.breaker_queues.len() } else { self.bucket_queues.len() }) as u16
    }

    /// Decides whom a 429 is about where no limit is written and no gauge showed 0: the endpoint that was refused, or the API
    /// (0) when another endpoint was refused in the last [`SHARED_WITHIN`], or when endpoints are not distinguished here. Returns
    /// the place of the bucket queue. `sequence`: the last attempt sent.
    #[cold]
    pub fn refused(&mut self, breaker_queue: u16, now: u64, sequence: u64) -> u16 {
        let mut others =
            self.breaker_queues.iter().enumerate().filter(|(place, _)| *place != usize::from(breaker_queue));
        let shared = others.any(|(_, other)| other.refused_until > now);
        let Some(own) = self.breaker_queues.get_mut(usize::from(breaker_queue)).filter(|own| own.is_distinct()) else {
            return 0;
        };
        own.refused_until = now.saturating_add(SHARED_WITHIN);
        if shared {
            return 0;
        }
        if own.bucket_queue.is_none() {
            own.bucket_queue = Some(BucketQueue::of(own, now, sequence));
            self.breakers_have_bucket_queues = true;
        }
        breaker_queue
    }

    /// The breaker queue of a route or else of an endpoint for a call that begins, made when it is first asked for, and whether the
    /// API's breaker counts beside it.
    pub fn breaker_queue_for(&mut self, config: &Config, route: u16, endpoint: u16, ordinal: u64) -> (u16, bool) {
        let Some(settings) = config.route(route).breaker else { return (NO_BREAKER, false) };
        if config.breaker_scope == BreakerScope::Api {
            return (API, false);
        }
        let breaker_queue = match (route, endpoint) {
            (0, 1..) => self.breaker_queue_of_endpoint(settings, endpoint),
            _ => self.breaker_queue_of_route(settings, route),
        };
        if let Some(breaker_queue) = self.breaker_queues.get_mut(usize::from(breaker_queue)) {
            breaker_queue.used = ordinal;
            breaker_queue.calls = breaker_queue.calls.saturating_add(1);
        }
        (breaker_queue, config.breaker_scope == BreakerScope::Both)
    }

    /// Counts the end of a call that began at a breaker queue.
    pub fn leave(&mut self, breaker_queue: u16) {
        if let Some(breaker_queue) = self.breaker_queues.get_mut(usize::from(breaker_queue)) {
            breaker_queue.calls = breaker_queue.calls.saturating_sub(1);
        }
    }

    /// Route 0 stands for all that is not distinguished.
    fn breaker_queue_of_route(&mut self, settings: crate::config::Breaker, route: u16) -> u16 {
        let place = usize::from(route);
        if self.breaker_queue_of.len() <= place {
            self.breaker_queue_of.resize(place.saturating_add(1), 0);
        }
        let made = self.breaker_queues.len() as u16;
        match self.breaker_queue_of.get_mut(place) {
            Some(breaker_queue) if *breaker_queue != 0 => *breaker_queue,
            Some(breaker_queue) => {
                *breaker_queue = made;
                self.breaker_queues.push(BreakerQueue::new(Some(Breaker::new(settings, Guards::One)), route, 0));
                made
            }
            None => API,
        }
    }

    fn breaker_queue_of_endpoint(&mut self, settings: crate::config::Breaker, endpoint: u16) -> u16 {
        if let Some((known, breaker_queue)) = self.endpoints.get(usize::from(endpoint) % MAX_BREAKERS)
            && *known == endpoint
        {
            return *breaker_queue;
        }
        match self.endpoints.iter().find(|(known, _)| *known == endpoint) {
            Some((_, breaker_queue)) => *breaker_queue,
            None => self.new_breaker_queue(settings, endpoint),
        }
    }

    /// Makes a breaker queue for a new endpoint. When all are taken, the one that was not used for longest goes, unless calls use it.
    #[cold]
    fn new_breaker_queue(&mut self, settings: crate::config::Breaker, endpoint: u16) -> u16 {
        let breaker_queue = BreakerQueue::new(Some(Breaker::new(settings, Guards::One)), 0, endpoint);
        let wanted = usize::from(endpoint) % MAX_BREAKERS;
        if self.endpoints.len() < MAX_BREAKERS {
            let made = self.breaker_queues.len() as u16;
            self.breaker_queues.push(breaker_queue);
            self.endpoints.push((endpoint, made));
            let last = self.endpoints.len().saturating_sub(1);
            if wanted < last {
                self.endpoints.swap(wanted, last);
            }
            return made;
        }
        let idle = |place: u16| {
            self.breaker_queues
                .get(usize::from(place))
                .filter(|breaker_queue| breaker_queue.calls == 0)
                .map(|breaker_queue| breaker_queue.used)
        };
        let oldest = self
            .endpoints
            .iter()
            .enumerate()
            .filter_map(|(i, (_, breaker_queue))| Some((idle(*breaker_queue)?, i, *breaker_queue)))
            .min();
        let Some((_, at, place)) = oldest else { return self.breaker_queue_of_route(settings, 0) };
        if let (Some(entry), Some(old)) = (self.endpoints.get_mut(at), self.breaker_queues.get_mut(usize::from(place)))
        {
            *entry = (endpoint, place);
            *old = breaker_queue;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::limiter::{Change, Refused};
    use alloc::collections::BTreeSet;

    fn fresh() -> (Config, Upstream) {
        let config = Config::default();
        let upstream = Upstream::own(&config, String::new());
        (config, upstream)
    }

    #[test]
    fn each_endpoint_has_a_breaker_and_the_others_share_one() {
        let (config, mut upstream) = fresh();
        let breaker_queues: BTreeSet<u16> =
            (0..=64).map(|endpoint| upstream.breaker_queue_for(&config, 0, endpoint, 1).0).collect();
        assert_eq!(breaker_queues.len(), 65);
        assert!(!breaker_queues.contains(&API) && !breaker_queues.contains(&NO_BREAKER));
        for endpoint in 0..=64 {
            let (breaker_queue, both) = upstream.breaker_queue_for(&config, 0, endpoint, 2);
            assert!(both && breaker_queues.contains(&breaker_queue));
            assert_eq!(upstream.breaker_queues[usize::from(breaker_queue)].endpoint, endpoint);
        }
    }

    #[test]
    fn the_endpoint_not_used_for_longest_goes_unless_calls_go_through_it() {
        let (config, mut upstream) = fresh();
        for endpoint in 1..=64 {
            let (breaker_queue, _) = upstream.breaker_queue_for(&config, 0, endpoint, u64::from(endpoint));
            upstream.breaker_queues[usize::from(breaker_queue)].calls = u32::from(endpoint == 1);
        }
        let second = upstream.breaker_queue_for(&config, 0, 2, 2).0;
        upstream.leave(second);
        assert_eq!(upstream.breaker_queue_for(&config, 0, 65, 65).0, second, "endpoint 2 was idle for longest");
        for breaker_queue in &mut upstream.breaker_queues {
            breaker_queue.calls = 1;
        }
        let rest = upstream.breaker_queue_for(&config, 0, 0, 66).0;
        assert_eq!(upstream.breaker_queue_for(&config, 0, 66, 67).0, rest);
    }

    /// An endpoint's breaker queue.
    fn breaker_queue(upstream: &mut Upstream, config: &Config, endpoint: u16) -> u16 {
        upstream.breaker_queue_for(config, 0, endpoint, 1).0
    }

    const fn unnamed(seq: u64) -> Refused {
        Refused { seq, until: 0, named: false }
    }

    #[test]
    fn a_429_is_about_its_endpoint_until_a_second_one_is_refused_shortly_after() {
        let (config, mut upstream) = fresh();
        let [search, orders, rest] = [1, 2, 0].map(|endpoint| breaker_queue(&mut upstream, &config, endpoint));
        assert_eq!(upstream.refused(search, 1_000, 1), search);
        assert_eq!(upstream.refused(search, 1_100, 1), search, "one endpoint says nothing of the others");
        assert_eq!(upstream.refused(orders, 1_100 + SHARED_WITHIN - 1, 2), 0);
        assert_eq!(upstream.refused(search, 3_200, 2), 0, "the API's while both are refused");
        assert_eq!(upstream.refused(search, 3_099 + SHARED_WITHIN, 2), search);
        for other in [rest, API, NO_BREAKER] {
            assert_eq!(upstream.refused(other, 100_000, 2), 0, "not distinguished");
        }
        assert_eq!(upstream.refused(orders, 100_000, 2), orders, "what is not distinguished is no second endpoint");
    }

    #[test]
    fn an_endpoint_that_is_forgotten_takes_its_queue_along() {
        let (config, mut upstream) = fresh();
        let first = breaker_queue(&mut upstream, &config, 1);
        assert_eq!(upstream.refused(first, 1_000, 1), first);
        assert!(upstream.bucket_queue(first).is_some());
        upstream.leave(first);
        for endpoint in 2..=65 {
            breaker_queue(&mut upstream, &config, endpoint);
        }
        assert_eq!(upstream.breaker_queues[usize::from(first)].endpoint, 65);
        assert!(
            upstream.bucket_queue(first).is_none() && upstream.breaker_queues[usize::from(first)].refused_until == 0
        );
    }

    #[test]
    fn the_rate_of_an_endpoint_is_learned_from_its_own_successes() {
        for (every, least, most) in [(50_u64, 18, 22), (1_000, 1, 1), (5, 180, 220)] {
            let (config, mut upstream) = fresh();
            let search = breaker_queue(&mut upstream, &config, 1);
            for i in 0..20_000 / every {
                upstream.breaker_queues[usize::from(search)].succeeded(i * every, 10);
                // Other endpoints succeed ten times as often.
                (0..10).for_each(|seq| _ = upstream.bucket_queues[0].bucket.succeeded(i * every, seq));
            }
            let place = upstream.refused(search, 20_000, 400);
            let bucket = &mut upstream.bucket_queue_mut(place).unwrap().bucket;
            assert_eq!(bucket.limited(20_000, unnamed(400)), Change::None, "one 429 is that call's affair");
            bucket.take(20_010, 1, 401);
            assert_eq!(bucket.limited(20_020, unnamed(401)), Change::Learned);
            let rate = bucket.rate(20_020).unwrap() / 1_000_000;
            assert!((least..=most).contains(&rate), "{rate}/s at one every {every} ms");
        }
    }

    #[test]
    fn successes_of_long_ago_are_no_history() {
        let mut breaker_queue = BreakerQueue::new(None, 0, 1);
        (0..100).for_each(|i| breaker_queue.succeeded(i * 10, 10));
        breaker_queue.succeeded(60_000, 10);
        assert_eq!((breaker_queue.successes, breaker_queue.counted_from), (1, 60_000));
        (1..=11).for_each(|i| breaker_queue.succeeded(60_000 + i * 1_000, 10));
        assert_eq!((breaker_queue.successes, breaker_queue.counted_from), (7, 65_000), "half of ten and two more");
    }

    #[test]
    fn a_success_of_an_attempt_sent_before_the_429_ends_no_pause() {
        let (config, mut upstream) = fresh();
        let search = breaker_queue(&mut upstream, &config, 1);
        let nth = |n: u64| n << 10 | 1;
        let place = upstream.refused(search, 1_000, nth(7));
        let bucket = &mut upstream.bucket_queue_mut(place).unwrap().bucket;
        bucket.limited(1_000, Refused { seq: nth(5), until: 31_000, named: true });
        assert!(!bucket.succeeded(1_010, nth(7)).ends_pause && bucket.succeeded(1_020, nth(8)).ends_pause);
    }

    #[test]
    fn patience_follows_the_mean_latency_of_successes() {
        let mut breaker_queue = BreakerQueue::new(None, 0, 0);
        assert_eq!(breaker_queue.patience(), 5_000);
        breaker_queue.succeeded(1, 400);
        assert_eq!(breaker_queue.patience(), 5_000);
        breaker_queue.succeeded(2, 4_400);
        assert_eq!(breaker_queue.patience(), 9_000, "400 + (4400 - 400) / 8 = 900");
    }
}
