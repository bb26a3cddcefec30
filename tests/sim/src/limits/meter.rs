//! What a server counts with: every algorithm behind one enum. Times are whole milliseconds, costs whole points.

use super::buckets::{Bucket, Cap, Gcra};
use super::windows::{Counter, Fixed, Log};

/// What every algorithm answers. Time never steps back.
pub trait Rule {
    /// Counts a request, or refuses it (`None`). Returns the milliseconds that it waits at the server.
    fn take(&mut self, now: u64, cost: u64) -> Option<u64>;
    /// Returns the earliest time at which a request of this cost would pass, if no other one came.
    fn ready_at(&mut self, now: u64, cost: u64) -> u64;
    /// Returns how many points would pass at once.
    fn room(&mut self, now: u64) -> u64;
    /// Returns when it is as if unused.
    fn full_at(&mut self, now: u64) -> u64;
    /// Returns when its window ends; of a sliding log when its oldest entry does, of a bucket when it is full.
    fn end_at(&mut self, now: u64) -> u64;
    /// Learns until when a request that passed is at work.
    fn works_until(&mut self, _end: u64) {}
}

/// One count of a server.
#[derive(Debug, Clone)]
pub enum Meter {
    Fixed(Fixed),
    Log(Log),
    Counter(Counter),
    Bucket(Bucket),
    Gcra(Gcra),
    Cap(Cap),
}

impl Meter {
    /// Returns its algorithm.
    pub fn rule(&mut self) -> &mut dyn Rule {
        match self {
            Self::Fixed(fixed) => fixed,
            Self::Log(log) => log,
            Self::Counter(counter) => counter,
            Self::Bucket(bucket) => bucket,
            Self::Gcra(gcra) => gcra,
            Self::Cap(cap) => cap,
        }
    }

    /// Returns when one more point would pass than at present.
    pub fn next_at(&mut self, now: u64) -> u64 {
        let rule = self.rule();
        if rule.full_at(now) == now {
            return now;
        }
        let more = rule.room(now) + 1;
        rule.ready_at(now, more)
    }
}
