//! One server and its load, in numbers.

use super::convention::*;
use crate::figures::chance::Chance;

/// One run before it is played. Times are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    pub seed: u64,
    pub convention: Convention,
    /// Points that a window allows; of a cap, requests at work.
    pub limit: u64,
    pub window: u64,
    /// Points of a bucket.
    pub burst: u64,
    /// How far the day is at the start, by the client's clock.
    pub phase: u64,
    /// Of 1,000 points of a long window's quota that the calls need.
    pub need: u64,
    /// Clients that share the limit, each with all callers.
    pub clients: u64,
}

impl Window {
    /// Returns its milliseconds.
    #[must_use]
    pub const fn ms(self) -> u64 {
        match self {
            Self::Second | Self::None => 1_000,
            Self::Seconds10 => 10_000,
            Self::Minute => 60_000,
            Self::Minutes5 => 300_000,
            Self::Minutes15 => 900_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }
}

/// The most points that a call costs.
const COSTLIEST: u64 = 5;

/// Draws the case of a seed.
#[must_use]
pub fn draw(seed: u64) -> Case {
    let mut chance = Chance::new(seed);
    let convention = Convention::draw(&mut chance).fitted();
    let window = convention.window.ms();
    let mut magnitude = |least: f64, most: f64| least * (most / least).powf(chance.share());
    let per_second = match (convention.window, convention.is_bucket()) {
        (Window::Second, _) => magnitude(2.0, 200.0),
        (Window::Seconds10, _) => magnitude(2.0, 60.0),
        (Window::Minute, _) => magnitude(2.0, 16.0),
        (_, true) => magnitude(1.0, 20.0),
        (_, false) => 0.0,
    };
    let limit = match convention.algorithm {
        Algorithm::Concurrency => magnitude(2.0, 17.0) as u64,
        _ if convention.demand == Demand::More => magnitude(300.0, 2_000.0) as u64,
        _ if convention.is_long_quota() => magnitude(300.0, 20_000.0) as u64,
        _ => (per_second * window as f64 / 1_000.0 * convention.cost.mean()) as u64,
    };
    let need = match convention.demand {
        Demand::More => 1_500,
        Demand::Fits | Demand::None => 300 + (600.0 * chance.share()) as u64,
    };
    Case { seed, convention, limit, window, burst: 0, phase: chance.between(0, 86_399_999), need, clients: 1 }.sized()
}

impl Case {
    /// Sets what follows from the limit.
    #[must_use]
    pub fn sized(mut self) -> Self {
        let convention = &self.convention;
        let nodes = convention.nodes.count();
        let least = if convention.cost == Cost::One { 1 } else { 2 * COSTLIEST };
        if !convention.is_bucket() {
            // A sliding counter loses one of its limit to the fading window.
            let least = if convention.algorithm == Algorithm::SlidingCounter { least.max(5) } else { least };
            self.limit = self.limit.div_ceil(nodes).max(least) * nodes;
        }
        let ms = match convention.burst {
            Burst::Fifth => 200,
            Burst::One | Burst::None => 1_000,
            Burst::Two => 2_000,
            Burst::Five => 5_000,
            Burst::Ten => 10_000,
        };
        self.burst = (self.limit * ms / self.window).max(least * nodes);
        self
    }

    /// Returns what a call costs.
    #[must_use]
    pub fn cost_of(&self, call: u32) -> u64 {
        match self.convention.cost {
            Cost::One => 1,
            Cost::Three => 3,
            // Five and the numbers of nodes have no common factor: each node has its share of costly calls.
            Cost::Mixed if call % 5 == 4 => COSTLIEST,
            Cost::Mixed => 1,
        }
    }

    /// Returns the calls a second that the limit allows on average.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let limit = self.limit as f64;
        match self.convention.algorithm {
            Algorithm::Concurrency => limit * 1_000.0 / self.latency() as f64,
            _ => limit * 1_000.0 / self.window as f64 / self.convention.cost.mean(),
        }
    }

    /// Returns how long an answer takes on average.
    #[must_use]
    pub fn latency(&self) -> u64 {
        match self.convention.latency {
            Latency::Short => 5,
            Latency::Usual => 20,
            Latency::Long => 80,
            Latency::Longest => 300,
        }
    }

    /// Returns how many callers a client has that begin a call when their last one ended; `None` = open loop.
    #[must_use]
    pub fn callers(&self) -> Option<u64> {
        let seconds = |seconds: f64| ((self.rate() * seconds) as u64).max(4);
        Some(match self.convention.load {
            Load::Callers4 => 4,
            // Nobody waits longer than a call may take.
            Load::Callers16 => 16.min(seconds(12.0)),
            Load::Callers64 => 64.min(seconds(12.0)),
            Load::AtOnce => seconds(20.0).min(300),
            Load::Open => return None,
        })
    }

    /// Returns how far the server's clock is ahead of the client's.
    #[must_use]
    pub fn skew(&self) -> i64 {
        match self.convention.clock {
            Clock::Dated | Clock::Undated => 0,
            Clock::AheadDated => 40_000,
            Clock::Ahead => 3_000,
            Clock::Behind => -3_000,
        }
    }

    /// Returns how far the server's day is at the start.
    #[must_use]
    pub fn server_phase(&self) -> u64 {
        (self.phase + 86_400_000).saturating_add_signed(self.skew())
    }
}

impl Cost {
    /// Returns the mean.
    #[must_use]
    pub fn mean(self) -> f64 {
        match self {
            Self::One => 1.0,
            Self::Three => 3.0,
            Self::Mixed => 1.8,
        }
    }
}

impl Nodes {
    /// Counts them.
    #[must_use]
    pub const fn count(self) -> u64 {
        match self {
            Self::One => 1,
            Self::Shares => 3,
            Self::Whole => 2,
        }
    }
}
