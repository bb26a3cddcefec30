//! A pool of workers that overloads: a queue in virtual time, whose rejections cost work too.

use std::time::{Duration, Instant};

use crate::script::PoolScript;

#[derive(Debug)]
pub struct Pool {
    script: PoolScript,
    /// When each worker is free.
    free: Vec<Instant>,
    /// When each waiting request gets its worker, ascending.
    starts: Vec<Instant>,
}

/// How long the request takes, and whether it is served or rejected after that.
#[derive(Debug, PartialEq)]
pub enum Entered {
    Served(Duration),
    Rejected(Duration),
}

impl Pool {
    pub fn new(script: PoolScript, now: Instant) -> Pool {
        Pool { free: vec![now; script.workers.max(1)], starts: Vec::new(), script }
    }

    /// A request arrives at `now`. The work is done whether or not its client stays.
    pub fn enter(&mut self, now: Instant) -> Entered {
        self.starts.retain(|start| *start > now);
        let full = self.starts.len() >= self.script.queue;
        let Some(worker) = self.free.iter_mut().min() else { return Entered::Served(Duration::ZERO) };
        let start = (*worker).max(now);
        if full && start > now {
            // The rejection is written at once, but its work delays everybody behind it.
            let cost = Duration::from_millis(self.script.reject);
            *worker = start + cost;
            return Entered::Rejected(cost);
        }
        let end = start + Duration::from_millis(self.script.service);
        *worker = end;
        if start > now {
            self.starts.push(start);
        }
        Entered::Served(end - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_queue_behind_workers_and_overflow() {
        let start = Instant::now();
        let script = PoolScript { workers: 1, service: 20, queue: 1, reject: 5 };
        let mut pool = Pool::new(script, start);
        assert_eq!(pool.enter(start), Entered::Served(Duration::from_millis(20)));
        assert_eq!(pool.enter(start), Entered::Served(Duration::from_millis(40)));
        assert_eq!(pool.enter(start), Entered::Rejected(Duration::from_millis(5)));
        let later = start + Duration::from_millis(21);
        // The worker is busy until 40, and the rejection cost it 5 more.
        assert_eq!(pool.enter(later), Entered::Served(Duration::from_millis(44)));
    }
}
