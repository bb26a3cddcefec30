//! Each policy beside a model of it that is too plain to be wrong: lists of everything that happened, recounted at every
//! question, exact fractions, one step a millisecond. Random settings and inputs from fixed seeds.

mod auth;
mod backoff;
mod breaker;
mod budget;
mod limiter;

use crate::rng::{Purpose, draw};

/// Rolls of a seed, one after the other.
struct Dice {
    seed: u64,
    rolled: u64,
}

impl Dice {
    fn new(seed: u64) -> Self {
        Self { seed, rolled: 0 }
    }

    /// 0 to `most`, both included.
    fn upto(&mut self, most: u64) -> u64 {
        self.rolled += 1;
        draw(self.seed, self.rolled, 0, Purpose::Backoff, most)
    }

    fn within(&mut self, least: u64, most: u64) -> u64 {
        least + self.upto(most - least)
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.upto(sides - 1) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.upto(all.len() as u64 - 1) as usize]
    }
}
