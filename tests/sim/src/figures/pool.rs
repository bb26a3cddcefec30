//! A server that overloads: a pool of workers behind a queue, whose rejections cost work too, and a stall that fills
//! the queue. Without retries the backlog drains in seconds; retries that multiply the load keep the workers busy with
//! rejecting, so that the overload outlives its cause (metastable, Bronson et al., HotOS 2021).

use super::chance::Chance;
use super::server::{Reply, Server, What};

/// A pool.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Milliseconds of work for an answer.
    pub service: u64,
    /// Milliseconds of work for a rejection.
    pub reject: u64,
    /// Requests that may wait.
    pub queue: usize,
    /// Nobody works from then until then.
    pub stall: (u64, u64),
    /// When each worker is free.
    free: Vec<u64>,
    /// When each waiting request gets its worker.
    starts: Vec<u64>,
}

impl Pool {
    /// Idle.
    #[must_use]
    pub fn new(workers: usize, service: u64, reject: u64, queue: usize, stall: (u64, u64)) -> Self {
        Self { service, reject, queue, stall, free: vec![0; workers], starts: Vec::new() }
    }

    /// When work of so many milliseconds that begins at `start` is done: nothing moves during the stall.
    fn done(&self, start: u64, work: u64) -> u64 {
        let (from, until) = self.stall;
        let start = if (from..until).contains(&start) { until } else { start };
        if start < from && start + work > from { start + work + until - from } else { start + work }
    }
}

impl Server for Pool {
    fn arrive(&mut self, now: u64, _client: usize, _chance: &mut Chance) -> Reply {
        self.starts.retain(|start| *start > now);
        let Some((worker, free)) = self.free.iter().copied().enumerate().min_by_key(|(_, free)| *free) else {
            return Reply::new(0, What::Silent);
        };
        let start = free.max(now);
        if self.starts.len() >= self.queue {
            // The rejection is written at once, but its work delays everybody behind it.
            self.free[worker] = self.done(start, self.reject);
            return Reply::new(1, What::Status(503));
        }
        let done = self.done(start, self.service);
        self.free[worker] = done;
        if done - self.service > now {
            self.starts.push(done - self.service);
        }
        Reply::new(done - now, What::Status(200))
    }
}
